"""The entry point for WSGI servers: `gunicorn wsgi:app`."""

from remas import create_app

app = create_app()

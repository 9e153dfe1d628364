"""The entry point for WSGI servers: `gunicorn wsgi:app`."""

from remas import create_app
from remas.jobs import embedded

app = create_app()
embedded.start(app, app.config["REMAS"])

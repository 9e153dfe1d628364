"""The application, for the length of one command."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from remas import create_app
from remas.config import Settings
from remas.extensions import db


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Flask]:
    """The application with its context; its connections are closed at the end."""
    app = create_app(settings)
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()

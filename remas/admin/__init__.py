"""The administration pages."""

from flask import Flask

from remas.admin import home, resources
from remas.admin.blueprint import bp

PARTS = (home, resources)
"""The modules that put their pages on the blueprint."""


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)

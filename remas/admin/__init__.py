"""The administration pages."""

from flask import Flask

from remas.admin import (
    audit,
    everybodys,
    groups,
    home,
    limits,
    maintenance,
    nodes,
    notifications,
    outbox,
    resources,
    user_tabs,
    users,
)
from remas.admin.blueprint import bp

PARTS = (
    home,
    resources,
    everybodys,
    limits,
    maintenance,
    nodes,
    users,
    user_tabs,
    groups,
    audit,
    notifications,
    outbox,
)
"""The modules that put their pages on the blueprint."""


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)

"""The pages."""

from flask import Flask

from remas.assets import asset_url
from remas.services.sessions import WEB_LIFETIME
from remas.web import (
    agenda,
    asking,
    auth,
    calendar,
    current,
    errors,
    guard,
    headers,
    moving,
    profile,
    reservations,
    service,
    timeline,
)
from remas.web import format as formats


def init_app(app: Flask) -> None:
    """Register the blueprints with pages, and what all answers have in common."""
    # The cookie lives as long as the session it names, and is not sent again with every picture.
    app.config["PERMANENT_SESSION_LIFETIME"] = WEB_LIFETIME
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    headers.init_app(app)
    service.init_app(app)
    guard.init_app(app)
    errors.init_app(app)
    formats.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(current.template_values)
    app.jinja_env.globals.update(asset_url=asset_url, zone_text=formats.zone_text)
    for module in (auth, timeline, calendar, agenda, asking, reservations, moving, profile):
        app.register_blueprint(module.blueprint)

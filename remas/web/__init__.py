"""The pages."""

from flask import Flask

from remas.assets import asset_url
from remas.web import (
    agenda,
    asking,
    auth,
    calendar,
    current,
    errors,
    feeds,
    grafana_sign_in,
    guard,
    headers,
    moving,
    notifications,
    paging,
    passwords,
    profile,
    profile_feeds,
    profile_grafana,
    profile_sessions,
    profile_tokens,
    reports,
    reservations,
    reserved,
    service,
    single_sign_on,
    status,
    timeline,
    use,
)
from remas.web import format as formats


def init_app(app: Flask) -> None:
    """Register the blueprints with pages, and what all answers have in common."""
    # The cookie lives as long as the session it names, and is not sent again with every picture.
    app.config["PERMANENT_SESSION_LIFETIME"] = app.config["REMAS"].sessions.lifetime
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    headers.init_app(app)
    service.init_app(app)
    guard.init_app(app)
    errors.init_app(app)
    formats.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(current.template_values)
    app.jinja_env.globals.update(
        asset_url=asset_url,
        zone_text=formats.zone_text,
        kept_args=paging.kept_args,
        unseen_letters=notifications.unseen_letters,
    )
    for module in (
        auth,
        single_sign_on,
        grafana_sign_in,
        timeline,
        calendar,
        agenda,
        asking,
        reservations,
        reserved,
        moving,
        profile,
        profile_sessions,
        profile_tokens,
        profile_feeds,
        profile_grafana,
        feeds,
        notifications,
        passwords,
        reports,
        status,
        use,
    ):
        app.register_blueprint(module.blueprint)

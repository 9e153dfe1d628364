"""REMAS: reserve the resources of a compute cluster in a calendar that answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from remas.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The application, bound to its settings (default: read from the environment).

    Raises `remas.environment.SettingError` when a setting cannot be used.
    """
    # Here, and nowhere else, inside a function: commands that only ask a server (`remas list`)
    # import this package as well, and are not to wait for all of the application.
    from werkzeug.middleware.proxy_fix import ProxyFix

    from remas import assets, compression, paths, rehearsal
    from remas.application import Application
    from remas.config import Settings
    from remas.extensions import bootstrap, csrf, db, limiter, login, mail, migrate
    from remas.services import transaction

    settings = settings or Settings.load(os.environ)
    rehearsal.prepare(settings.rehearsal)
    app = Application(
        "remas",
        template_folder=str(paths.TEMPLATES),
        static_folder=str(paths.STATIC),
        instance_path=str(settings.instance),
    )
    app.config.from_mapping(settings.flask_config())
    # One TLS proxy stands in front in production; its word on address and scheme counts.
    if settings.production:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    compression.init_app(app)
    assets.init_app(app)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(paths.MIGRATIONS), render_as_batch=True)
    for extension in (login, csrf, mail, limiter, bootstrap):
        extension.init_app(app)
    with app.app_context():
        transaction.prepare(db.engine)
    # The blueprints need the extensions above.
    from remas import admin, api, compat, web

    web.init_app(app)
    admin.init_app(app)
    compat.init_app(app)  # before the API, which answers for what is left of /api
    api.init_app(app)
    return app

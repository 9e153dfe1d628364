"""/api/v1: JSON. Each view reads, calls one service, and shows."""

from flask import Flask, Response, request

from remas.api import (
    aliases,
    audit,
    auth,
    cors,
    grafana,
    groups,
    limits,
    looking_after,
    maintenance,
    me,
    my_feeds,
    my_letters,
    my_tokens,
    nodes,
    notifications,
    outbox,
    problems,
    reports,
    reservations,
    resources,
    sessions,
    standing,
    status,
    tags,
    usage,
    users,
)
from remas.api.blueprint import bp
from remas.api.docs import docs
from remas.extensions import csrf

ROOT = "/api"

# Importing them has registered their views.
VIEWS = (
    aliases,
    audit,
    auth,
    grafana,
    groups,
    limits,
    looking_after,
    maintenance,
    me,
    my_feeds,
    my_letters,
    my_tokens,
    nodes,
    notifications,
    outbox,
    reports,
    reservations,
    resources,
    sessions,
    standing,
    status,
    tags,
    usage,
    users,
)


def init_app(app: Flask) -> None:
    """Register the blueprints of the API and of its documents."""
    csrf.exempt(bp)  # nobody is known by a cookie here, so nobody's can be abused
    app.register_blueprint(bp)
    app.register_blueprint(docs)
    app.before_request(_answer_unknown_paths)
    app.after_request(_allow_other_origins)


def _answer_unknown_paths() -> Response | None:
    """No blueprint is asked about addresses that nobody has, or not for this method."""
    if request.routing_exception is None or not _is_ours():
        return None
    return problems.of_http(request.routing_exception)


def _allow_other_origins(response: Response) -> Response:
    return cors.allow(response) if _is_ours() else response


def _is_ours() -> bool:
    return request.path == ROOT or request.path.startswith(f"{ROOT}/")

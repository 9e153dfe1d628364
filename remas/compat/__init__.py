"""/api: the wire API of the earlier REMAS, for front ends and programs written for it.

A translation: ids to names, local times to moments, its words to ours. What is asked is decided by
the services, as for the pages and for /api/v1.
"""

from flask import Flask, Response, request

from remas.compat import (
    aliases,
    authentication,
    errors,
    groups,
    limits,
    nodes,
    notifications,
    resources,
    root,
    scheduling,
    tags,
    tasks,
    users,
)
from remas.compat.blueprint import bp, is_ours
from remas.extensions import csrf

# Importing them has registered their views.
VIEWS = (
    *(aliases, authentication, groups, limits, nodes, notifications),
    *(resources, root, scheduling, tags, tasks, users),
)


def init_app(app: Flask) -> None:
    """Register the blueprint. To be called before the one of /api/v1, which answers the rest."""
    csrf.exempt(bp)  # nobody is known by a cookie here, so nobody's can be abused
    app.register_blueprint(bp)
    app.before_request(_answer_unknown_paths)


def _answer_unknown_paths() -> Response | None:
    """No blueprint is asked about addresses that nobody has, or not for this method."""
    if request.routing_exception is None or not is_ours(request.path):
        return None
    return errors.of_routing(request.routing_exception)

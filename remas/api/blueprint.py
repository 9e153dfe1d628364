"""The blueprint of /api/v1: bearer tokens in, nobody known by a cookie, every error a problem."""

from flask import Blueprint, g, request

from remas.api import bodies, problems
from remas.errors import NotSignedIn, PasswordChangeRequired
from remas.extensions import db
from remas.services import sessions
from remas.services.actor import Actor
from remas.services.context import settings

PREFIX = "/api/v1"
OPEN = frozenset({"api.sign_in", "api.refresh", "api.revoke", "api.openapi"})
"""The endpoints for which nobody needs to be signed in."""
CHANGING_IT = "api.put_my_password"
"""The one endpoint that takes somebody who still has a one-time password."""

bp = Blueprint("api", __name__, url_prefix=PREFIX)
problems.init_app(bp)


def actor() -> Actor:
    """Who asks: set for every endpoint that is not open."""
    known: Actor = g.actor
    return known


@bp.before_request
def identify() -> None:
    """Find out who asks. Raises `NotSignedIn`, `PasswordChangeRequired`, `NotFound`."""
    if request.method == "OPTIONS":
        return
    if request.endpoint not in OPEN:
        token = _bearer_token()
        g.actor = sessions.actor_of_token(db.session(), settings(), token, request.remote_addr)
        if g.actor.must_change_password and request.endpoint != CHANGING_IT:
            raise PasswordChangeRequired(
                "This password is for one sign-in only. Set your own: PUT /me/password."
            )
    bodies.check_path()


def _bearer_token() -> str:
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise NotSignedIn("Send your access token: Authorization: Bearer …")
    return given.token

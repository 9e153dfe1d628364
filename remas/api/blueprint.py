"""The blueprint of /api/v1: bearer tokens in, nobody known by a cookie, every error a problem."""

from flask import Blueprint, g, request

from remas.api import bodies, problems
from remas.errors import NotSignedIn, PasswordChangeRequired, ReadOnlyToken
from remas.extensions import db
from remas.incoming import bearer_token
from remas.services import access_tokens, sessions
from remas.services.actor import Actor
from remas.services.context import settings

PREFIX = "/api/v1"
OPEN = frozenset({"api.sign_in", "api.refresh", "api.revoke", "api.openapi"})
"""The endpoints for which nobody needs to be signed in."""
CHANGING_IT = "api.put_my_password"
"""The one endpoint that takes somebody who still has a one-time password."""
LOOKING = frozenset({"api.search_offers", "api.delete_my_token"})
"""What a token that may only read may send: a search changes nothing; it may also end itself."""

bp = Blueprint("api", __name__, url_prefix=PREFIX)
problems.init_app(bp)


def actor() -> Actor:
    """Who asks: set for every endpoint that is not open."""
    known: Actor = g.actor
    return known


@bp.before_request
def identify() -> None:
    """Find out who asks.

    Raises `NotSignedIn`, `PasswordChangeRequired`, `ReadOnlyToken`, `NotFound`.
    """
    if request.method == "OPTIONS":
        return
    if request.endpoint not in OPEN:
        g.actor = _holder(_bearer_token())
        if g.actor.read_only and not _only_looks():
            raise ReadOnlyToken("This access token may only read. Make one that may write.")
        if g.actor.must_change_password and request.endpoint != CHANGING_IT:
            raise PasswordChangeRequired(
                "This password is for one sign-in only. Set your own: PUT /me/password."
            )
    bodies.check_path()


def _holder(token: str) -> Actor:
    """Whom a token stands for, of a sign-in or of the person's own making."""
    door = access_tokens.actor_of if access_tokens.is_token(token) else sessions.actor_of_token
    return door(db.session(), settings(), token, request.remote_addr)


def _only_looks() -> bool:
    return request.method in ("GET", "HEAD") or request.endpoint in LOOKING


def _bearer_token() -> str:
    token = bearer_token()
    if token is None:
        raise NotSignedIn("Send your access token: Authorization: Bearer …")
    return token

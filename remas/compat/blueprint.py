"""The blueprint of /api: who asks, and whom each operation is for."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Blueprint, Response, g, request

from remas.compat import errors
from remas.compat.errors import Refused
from remas.errors import NotFound, NotSignedIn, PasswordChangeRequired, ReadOnlyToken, WrongToken
from remas.extensions import db
from remas.incoming import bearer_token
from remas.services import access_tokens, sessions
from remas.services.actor import Actor
from remas.services.by_id import LARGEST
from remas.services.context import settings

PREFIX = "/api"
ANOTHER = "/api/v1"  # has a blueprint of its own
OPEN = frozenset({"compat.hello", "compat.grafana_link", "compat.sign_in", "compat.refresh"})
"""The endpoints for which nobody needs to be signed in."""
CHANGING_IT = "compat.change_password"
"""The one endpoint that takes somebody who still has a one-time password."""
LOOKING = frozenset(
    {
        *("compat.get_scheduling", "compat.list_active", "compat.list_finished"),
        *("compat.list_active_of_user", "compat.list_finished_of_user"),
    }
)
"""What is sent with POST and changes nothing: a token that may only read may send it."""

NOT_SIGNED_IN = "Not authenticated"
NOT_VALID = "Could not validate credentials!"
NOT_ALLOWED = "Insufficient permissions!"
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,100}", re.ASCII)

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

bp = Blueprint("compat", __name__, url_prefix=PREFIX)
errors.init_app(bp)


def actor() -> Actor:
    """Who asks: set for every endpoint that is not open."""
    known: Actor = g.actor
    return known


def for_administrators(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Turn others away before anything of the request is looked at."""

    @wraps(view)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        if not actor().is_admin:
            raise Refused(403, NOT_ALLOWED)
        return view(*args, **kwargs)

    return guarded


def require_self(user_id: int) -> None:
    """Raises `Refused` unless this is the person, or an administrator."""
    if not actor().may_act_for(user_id):
        raise Refused(403, NOT_ALLOWED)


def is_ours(path: str) -> bool:
    """Whether an address is below /api, and not below /api/v1."""
    below = path == PREFIX or path.startswith(f"{PREFIX}/")
    return below and path != ANOTHER and not path.startswith(f"{ANOTHER}/")


@bp.before_request
def identify() -> None:
    """Find out who asks and which ids are meant.

    Raises `Refused`, `PasswordChangeRequired`, `ReadOnlyToken`, `NotFound`.
    """
    if request.method == "OPTIONS":
        return
    if request.endpoint not in OPEN:
        g.actor = _holder()
        if g.actor.read_only and not _only_looks():
            raise ReadOnlyToken("This access token may only read. Make one that may write.")
        if g.actor.must_change_password and request.endpoint != CHANGING_IT:
            raise PasswordChangeRequired(
                "This password is for one sign-in only. Set your own at "
                f"{settings().public_url}/login, then sign in here."
            )
    _read_ids()


def token_or_refuse() -> str:
    """The bearer token. Raises `Refused`."""
    token = bearer_token()
    if token is None:
        raise Refused(401, NOT_SIGNED_IN)
    return token


@bp.after_request
def _keep_private(response: Response) -> Response:
    """What may be seen differs from person to person; nobody in between may keep it."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _holder() -> Actor:
    token = token_or_refuse()
    door = access_tokens.actor_of if access_tokens.is_token(token) else sessions.actor_of_token
    try:
        return door(db.session(), settings(), token, request.remote_addr)
    except WrongToken:
        raise Refused(401, "Refresh token was used instead of access token!") from None
    except NotSignedIn:
        raise Refused(401, NOT_VALID) from None


def _only_looks() -> bool:
    return request.method in ("GET", "HEAD") or request.endpoint in LOOKING


def _read_ids() -> None:
    """All that stands in an address is a whole number. Raises `Refused`, `NotFound`."""
    for name, text in (request.view_args or {}).items():
        if not _WHOLE_NUMBER.fullmatch(text):
            raise Refused(422, f"{name}: This has to be a whole number.")
        number = int(text)
        if not 0 < number <= LARGEST:
            raise NotFound(f"There is nothing with the id {number}.")
        request.view_args[name] = number  # type: ignore[index]

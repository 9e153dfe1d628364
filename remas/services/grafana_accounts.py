"""Who somebody is in Grafana: told to the proxy in front of it; else a password for it."""

import logging
from enum import Enum
from http import HTTPStatus

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import aliased

from remas import clock
from remas.clients.grafana import Grafana, GrafanaError
from remas.errors import Conflict, DomainError, Forbidden, GrafanaAway, Invalid, NotFound
from remas.extensions import db
from remas.models import AuthSession, User, folded
from remas.services import audit, marks, passwords, users
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.groups import is_administrative
from remas.services.sessions import still_open
from remas.services.transaction import let_go, writing

log = logging.getLogger(__name__)

WITHIN = 5.0  # seconds for all that is asked: somebody waits before the page
TWINS = (
    "Somebody else's username differs from yours only in capital letters, and Grafana would take "
    "you for one another. Ask an administrator."
)
MIXED = (
    "Your username is somebody else's e-mail address, and Grafana would take you for one another. "
    "Ask an administrator."
)
ODD = (
    "Your username is an e-mail address with more than that in it, and Grafana would take you for "
    "whoever has the address. Ask an administrator."
)
NOT_YET = (
    "Grafana does not know you yet. Your account there is being made; try again in a minute or two."
)
OURS = (
    "Your username is the one with which REMAS itself signs in to Grafana. "
    "Administrators can give REMAS an account of its own there."
)
FIRST_ADDRESS = "admin@localhost"  # which Grafana gives the first account it makes
BEYOND_ADDRESSES = frozenset('<>()[]:;,"\\')
"""With these in it a text is not the address itself, but may hold one: `<x@y>`, `x@y (z)`."""


class Entrance(Enum):
    """How people come into Grafana."""

    NONE = "there is no Grafana"
    PROXY = "with their session here"
    FORM = "with a password, on its own page"


def entrance() -> Entrance:
    """How people come into Grafana here."""
    known = settings()
    if not known.grafana_url:
        return Entrance.NONE
    return Entrance.PROXY if known.monitoring.grafana_proxy else Entrance.FORM


def login_of_session(session_id: str) -> str | None:
    """As whom a browser's session may come into Grafana at this moment; None: as nobody.

    One query, and no use of the session is noted: what asks is a page that reads measurements by
    itself, every few seconds, whether or not anybody sits before it.
    """
    session = db.session()
    found = session.execute(
        select(User.username, User.group_id, or_(_is_twin(), _is_mixed()).label("is_taken"))
        .join(AuthSession, AuthSession.user_id == User.id)
        .where(
            AuthSession.id == session_id,
            AuthSession.kind == "web",
            *still_open(settings(), clock.now()),
            User.active,
            User.password_change_required.is_(False),
        )
    ).one_or_none()
    if found is None or found.is_taken or _is_odd(found.username):
        return None
    # Whoever has this name has all rights in Grafana, whatever REMAS wants for them.
    if _is_ours(found.username) and not is_administrative(session, found.group_id):
        return None
    username: str = found.username
    return username


def why_not(actor: Actor) -> str | None:
    """Why somebody who is signed in here cannot be let into Grafana; None: they can."""
    if _is_ours(actor.username) and not actor.is_admin:
        return OURS
    return ODD if _is_odd(actor.username) else _taken_for(actor)


def set_password(actor: Actor, current: str, new: str) -> None:
    """Give one's own account in Grafana this password, at once; it is kept nowhere here.

    `current` is the password here, where there is one. Raises `NotFound` without Grafana;
    `Forbidden` for access tokens and for the account of REMAS itself; `Invalid`; `Conflict` where
    no password is wanted or taken there; `GrafanaAway`.
    """
    actor.refuse_token()
    _refuse_where_none_is_wanted(actor)
    user = users.get(actor, actor.username).user
    if passwords.is_usable(user.password_hash) and not passwords.matches(
        user.password_hash, current
    ):
        raise Invalid.field("current_password", "This is not your current password.")
    about = user.username, user.name, user.surname, user.email
    passwords.check_rules(new, "new_password", about)
    subject = user.id, user.username
    let_go()
    if not _set_there(actor.username, new):
        with writing() as session:
            marks.mark(session, user.id)
        raise GrafanaAway(NOT_YET)
    with writing() as session:
        audit.record(session, actor, "set Grafana password", "user", subject)


def _refuse_where_none_is_wanted(actor: Actor) -> None:
    way = entrance()
    if way is Entrance.NONE:
        raise NotFound("There is no Grafana here.")
    if way is Entrance.PROXY:
        raise Conflict("Grafana knows you by your sign-in here: no password is needed there.")
    if _is_ours(actor.username):
        raise Forbidden(OURS)
    if told := _taken_for(actor):
        raise Conflict(told)


def _set_there(username: str, new: str) -> bool:
    """Whether there is such an account."""
    with Grafana.of(settings(), within=WITHIN) as grafana:
        try:
            account = grafana.find_user(username)
        except GrafanaError as error:
            raise _no_answer(error) from error
        if account is None:
            return False
        try:
            grafana.set_password(account.id, new)
        except GrafanaError as error:
            raise _refusal(error) from error
    return True


def _refusal(error: GrafanaError) -> DomainError:
    """What Grafana says of the password or the account, so that people know what to do."""
    if error.status == HTTPStatus.BAD_REQUEST:
        return Invalid.field(
            "new_password",
            "Grafana does not take this password. It may want small and capital letters, "
            "a digit and a sign in it.",
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return Conflict(
            "Grafana keeps no passwords for such accounts: people sign in there in another way."
        )
    return _no_answer(error)


def _no_answer(error: GrafanaError) -> GrafanaAway:
    log.warning("no password was set in Grafana: %s", error)
    return GrafanaAway(
        "Grafana does not answer as it should. If you can still sign in there, your password is "
        "the old one; try again in a few minutes."
    )


def _is_ours(username: str) -> bool:
    return folded(username) in (folded(settings().grafana_username), FIRST_ADDRESS)


def _is_odd(username: str) -> bool:
    """Whether Grafana could read it as an address that is written in another way.

    It reads the name that the proxy gives as in the header of a letter (RFC 5322).
    """
    signs = set(username)
    return "@" in signs and (bool(signs & BEYOND_ADDRESSES) or any(map(str.isspace, signs)))


def _taken_for(actor: Actor) -> str | None:
    """Why Grafana would take somebody for another; None: it would not."""
    query = select(_is_twin().label("twin"), _is_mixed().label("mixed"))
    found = db.session().execute(query.where(User.id == actor.id)).one_or_none()
    if found is None:
        return None
    return TWINS if found.twin else MIXED if found.mixed else None


def _is_twin() -> ColumnElement[bool]:
    """Whether Grafana, which compares logins without regard to case, takes two for one."""
    other = aliased(User)
    same = other.username_folded == User.username_folded
    return exists().where(same, other.id != User.id).correlate(User)


def _is_mixed() -> ColumnElement[bool]:
    """Whether the username is somebody else's address, for which Grafana looks first."""
    other = aliased(User)
    same = other.email_folded == User.username_folded
    return exists().where(same, other.id != User.id).correlate(User)

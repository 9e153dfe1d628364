"""Who looks at the page: read from the database once a request; the cookie names the session."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import request, session
from flask_login import UserMixin, current_user, login_user, logout_user

from remas.errors import NotSignedIn
from remas.extensions import db, login
from remas.services import sessions
from remas.services.actor import Actor
from remas.services.context import settings


class SessionUser(UserMixin):
    """Flask-Login's view of an actor."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def get_id(self) -> str:
        """The id of the session's row."""
        return self.actor.session_id or ""


@login.user_loader
def load(session_id: str) -> SessionUser | None:
    """Whom the session stands for today; None when it has ended."""
    found = sessions.actor_of_session(db.session(), settings(), session_id, request.remote_addr)
    return SessionUser(found) if found else None


def signed_in() -> bool:
    """Whether somebody is signed in."""
    return bool(current_user.is_authenticated)


def actor() -> Actor:
    """The signed-in person. Raises `NotSignedIn`."""
    if not signed_in():
        raise NotSignedIn("Sign in first.")
    found: Actor = current_user.actor
    return found


def zone() -> ZoneInfo:
    """The zone in which this person reads and writes times."""
    return ZoneInfo(actor().time_zone) if signed_in() else settings().timezone


def session_id() -> str:
    """The id of the session that the cookie names, whether or not it counts; "": it names none.

    Asks no database, and is no use of the session.
    """
    return str(session.get("_user_id") or "")


def begin(session_id: str) -> None:
    """From now on this browser is the session's. Nothing of an earlier visitor is kept."""
    user = load(session_id)
    session.clear()
    session.permanent = True
    login_user(user)


def end() -> None:
    """Forget who it was."""
    logout_user()
    session.clear()


def template_values() -> dict[str, Any]:
    """For all templates; lazily, so that a page without person asks no database."""
    return {"signed_in": signed_in, "actor": actor, "zone": zone}

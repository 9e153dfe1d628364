"""Which sign-ins still count, to be looked at and ended: one's own; administrators: anybody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from remas import clock
from remas.errors import NotFound
from remas.extensions import db
from remas.models import AuthSession, User
from remas.services import audit
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.sessions import still_open
from remas.services.transaction import DbSession, writing


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A sign-in that still counts; `current`: the one in which this is asked."""

    id: str
    kind: str  # web or token
    agent: str | None
    address: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


_TOLD = ("id", "kind", "agent", "address", "created_at", "last_used_at", "expires_at")


def own(actor: Actor) -> list[OpenSession]:
    """One's own, of browsers and programs, the last used first."""
    return of(actor, actor.username)


def of(actor: Actor, username: str) -> list[OpenSession]:
    """Somebody's, the last used first. Raises `NotFound`, `Forbidden` for those of others."""
    user_id = _user_id(db.session(), actor, username)
    rows = _open_rows(db.session(), AuthSession.user_id == user_id)
    return [
        OpenSession(
            **{name: getattr(row, name) for name in _TOLD}, current=row.id == actor.session_id
        )
        for row in rows
    ]


def end(actor: Actor, session_id: str, username: str | None = None) -> None:
    """End one: one's own, or anybody's as an administrator. Raises `NotFound`.

    With `username` it has to be that person's. Raises `Forbidden` where an access token asks.
    """
    actor.refuse_token()
    with writing() as session:
        rows = _open_rows(session, AuthSession.id == session_id)
        owner = session.get_one(User, rows[0].user_id) if rows else None
        known = owner is not None and username in (None, owner.username)
        if owner is None or not known or not actor.may_act_for(owner.id):
            raise NotFound("There is no such session, or it has ended.")
        _end(session, actor, owner, rows)


def end_others(actor: Actor) -> int:
    """End all of one's own but the one in which this is asked; how many there were."""
    actor.refuse_token()
    with writing() as session:
        return _end_of(session, actor, actor.username, AuthSession.id != actor.session_id)


def end_of(actor: Actor, username: str) -> int:
    """End all of somebody; how many there were. Raises `NotFound`, `Forbidden`."""
    actor.refuse_token()
    with writing() as session:
        return _end_of(session, actor, username)


def _user_id(session: DbSession, actor: Actor, username: str) -> int:
    if username != actor.username:
        actor.require_admin()
    user_id = session.scalar(select(User.id).where(User.username == username))
    if user_id is None:
        raise NotFound(f"There is no user {username}.")
    return user_id


def _open_rows(session: DbSession, *conditions: ColumnElement[bool]) -> Sequence[AuthSession]:
    wanted = (*conditions, *still_open(settings(), clock.now()))
    order = AuthSession.last_used_at.desc(), AuthSession.id
    return session.scalars(select(AuthSession).where(*wanted).order_by(*order)).all()


def _end_of(
    session: DbSession, actor: Actor, username: str, *conditions: ColumnElement[bool]
) -> int:
    user = session.get_one(User, _user_id(session, actor, username))
    rows = _open_rows(session, AuthSession.user_id == user.id, *conditions)
    if rows:
        _end(session, actor, user, rows)
    return len(rows)


def _end(session: DbSession, actor: Actor, user: User, rows: Sequence[AuthSession]) -> None:
    """The record tells them as people know them: their ids are what cookies hold."""
    ids = [row.id for row in rows]
    ended = AuthSession.id.in_(ids), AuthSession.revoked_at.is_(None)
    session.execute(update(AuthSession).where(*ended).values(revoked_at=clock.now()))
    known = [{"kind": row.kind, "agent": row.agent, "address": row.address} for row in rows]
    subject = user.id, user.username
    audit.record(session, actor, "end sessions", "user", subject, {"sessions": known})

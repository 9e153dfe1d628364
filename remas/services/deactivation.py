"""What is still to come of somebody whose account is closed, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from remas import clock
from remas.extensions import db
from remas.models import Reservation, Status, User
from remas.services import booking, sessions
from remas.services.actor import Actor
from remas.services.reservations import in_status
from remas.services.transaction import DbSession

TOLD = 20
"""So many reservations are told one by one; of the rest, only how many they are."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """`coming`: the first of the scheduled ones, by start; `scheduled`, `running`: how many."""

    coming: Sequence[Reservation]
    scheduled: int
    running: int

    @property
    def untold(self) -> int:
        """How many are scheduled beyond those in `coming`."""
        return self.scheduled - len(self.coming)


@dataclass(frozen=True, slots=True)
class Closed:
    """How many reservations were cancelled with an account, stay scheduled, and go on running."""

    cancelled: int
    scheduled: int
    running: int


def ahead(actor: Actor, user: User) -> Ahead:
    """What the user holds from now on. For administrators. Three queries."""
    actor.require_admin()
    session = db.session()
    scheduled = _of(user.id, Status.SCHEDULED)
    rows = session.scalars(
        select(Reservation)
        .where(*scheduled)
        .order_by(Reservation.starts_at, Reservation.id)
        .limit(TOLD)
    )
    return Ahead(
        rows.all(), _number(session, scheduled), _number(session, _of(user.id, Status.RUNNING))
    )


def close(session: DbSession, actor: Actor, user: User, *, cancel: bool) -> Closed:
    """End the sessions and tokens of a user, whom the caller holds; cancel what is scheduled.

    Without `cancel` it stays, and what runs goes on either way: nothing is freed unasked. Each
    cancelled reservation has its own line in the audit.
    """
    sessions.end_all(session, user.id)
    scheduled = _of(user.id, Status.SCHEDULED)
    running = _number(session, _of(user.id, Status.RUNNING))
    if not cancel:
        return Closed(0, _number(session, scheduled), running)
    rows = session.scalars(select(Reservation).where(*scheduled).order_by(Reservation.id)).all()
    for reservation in rows:
        booking.cancel_held(session, actor, reservation)
    return Closed(len(rows), 0, running)


def _of(user_id: int, status: Status) -> tuple[ColumnElement[bool], ...]:
    return Reservation.owner_id == user_id, in_status(status, clock.now())


def _number(session: DbSession, conditions: tuple[ColumnElement[bool], ...]) -> int:
    query = select(func.count()).select_from(Reservation).where(*conditions)
    return session.scalar(query) or 0

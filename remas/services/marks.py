"""Marks for Grafana: for whom something may be different there now.

A change leaves its marks in its own transaction, and only inserts them: nothing waits, nothing
collides, and a change that is rolled back leaves none. Nobody has to think of it, as
`audit.record`, through which every change goes, calls `changed`. services/monitoring.py makes good
what is marked. Where no Grafana is set up, nothing is marked.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import CompoundSelect, select, union

from remas import clock
from remas.extensions import db
from remas.models import GrafanaMark, GrafanaState, Notification, Reservation
from remas.services import grafana_state
from remas.services.context import settings
from remas.services.transaction import DbSession, writing

EVERYBODY = None  # as `GrafanaMark.user_id` says it
SKEW = timedelta(minutes=1)  # by which the clocks of two machines may differ


def _the_person(_session: DbSession, action: str, user_id: int) -> int | None:
    # What is left of somebody who is gone is only found by looking at everybody.
    return EVERYBODY if action == "delete" else user_id


def _its_owner(session: DbSession, _action: str, reservation_id: int) -> int | None:
    reservation = session.get(Reservation, reservation_id)
    return reservation.owner_id if reservation else EVERYBODY


def _whom_it_tells(session: DbSession, _action: str, notification_id: int) -> int | None:
    """A person's own concerns that person; an administrator's may reach anybody."""
    notification = session.get(Notification, notification_id)
    return notification.owner_id if notification else EVERYBODY


def _everybody(_session: DbSession, _action: str, _subject_id: int) -> int | None:
    return EVERYBODY


WHOM: Mapping[str, Callable[[DbSession, str, int], int | None] | None] = {
    "user": _the_person,
    "reservation": _its_owner,
    "notification": _whom_it_tells,
    **dict.fromkeys(("group", "node", "resource"), _everybody),
    **dict.fromkeys(("demo", "trace", "grafana"), _everybody),
    **dict.fromkeys(("limit", "maintenance", "tag", "alias")),
    **dict.fromkeys(("access_token", "feed", "outbox")),
}
"""Whom a change of a kind of the audit concerns; None: nobody, as Grafana knows nothing of it.

Capacities are changes of their node, assignments of their notification. A test holds that every
kind stands here.
"""


def changed(session: DbSession, action: str, kind: str, subject_id: int) -> None:
    """Mark whom this change concerns; in the transaction of the change."""
    if not settings().grafana_url:
        return
    whom = WHOM.get(kind, _everybody)  # of a kind that is not known: rather once too often
    if whom is not None:
        mark(session, whom(session, action, subject_id))


def mark(session: DbSession, user_id: int | None) -> None:
    """Have Grafana made good for a person, or for everybody."""
    now = clock.now()
    session.add(GrafanaMark(user_id=user_id, created_at=now, next_attempt_at=now))


def mark_starts_and_ends() -> None:
    """Mark the owners of what has started or ended since this was last called.

    To be called often: it looks once a minute, as reservations begin and end with whole minutes.
    Nothing is planned ahead, so nothing is to be planned afresh when a reservation changes. What
    was before the first call is left to the pass over everybody. Only the ticker calls this.
    """
    now = clock.now()
    until = db.session().scalar(select(GrafanaState.edges_until))
    db.session().rollback()
    if until is not None and _minute(until) == _minute(now):
        return
    with writing() as session:
        state = grafana_state.held(session)
        for user_id in _concerned(session, state.edges_until or now, now):
            mark(session, user_id)
        if state.edges_until is None or not now < state.edges_until <= now + SKEW:
            state.edges_until = now


def moment_of(state: GrafanaState | None, now: datetime) -> datetime:
    """The moment at which what is held is to be looked at: never before what is marked already.

    Else a machine whose clock is a little late would find a reservation that has just been marked
    as started not started yet, and count it as made good.
    """
    until = state.edges_until if state else None
    return until if until is not None and now < until <= now + SKEW else now


def edges(since: datetime, now: datetime) -> CompoundSelect[tuple[int]]:
    """Who owns what starts or ends in `(since, now]`; each half of the query has its index."""
    stands = select(Reservation.owner_id).where(Reservation.cancelled_at.is_(None))
    return union(
        stands.where(Reservation.starts_at > since, Reservation.starts_at <= now),
        stands.where(Reservation.ends_at > since, Reservation.ends_at <= now),
    )


def _concerned(session: DbSession, since: datetime, now: datetime) -> Iterable[int | None]:
    """Whom to mark for the time from `since` until `now`."""
    if since <= now:
        return list(session.scalars(edges(since, now)))
    return [] if since <= now + SKEW else [EVERYBODY]  # the clock was put back


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)

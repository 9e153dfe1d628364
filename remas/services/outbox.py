"""The outbox: what is to be told to people stands there until it is told.

`put` belongs into the transaction of the change that causes a letter. The others carry letters
(see services/delivery.py and remas/jobs): each is one short transaction, and none is open while a
letter is under way.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload, selectinload

from remas import clock
from remas.errors import Conflict, NotFound
from remas.extensions import db
from remas.letters.letter import Letter
from remas.models import Outbox, OutboxKind, OutboxState, User
from remas.models.outbox import OPEN
from remas.services import audit
from remas.services.actor import Actor
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.transaction import DbSession, writing

ENQUEUED = timedelta(seconds=30)  # then the ticker asks the queue whether it still has it
CARRIED = timedelta(minutes=3)  # longer than any letter takes; then whoever had it is gone
SKEW = timedelta(seconds=10)  # by which the clocks of two machines may differ
FIRST_WAIT = timedelta(seconds=10)  # doubled with each failure
GIVE_UP = timedelta(hours=24)
MAIL_IS_OFF = "mail is off"
BY_HAND = "An administrator took it out."
LONGEST_ERROR = 500
PRUNED_AT_ONCE = 1000


IN_STATE: Mapping[OutboxState, Sequence[ColumnElement[bool]]] = {
    OutboxState.WAITING: (*OPEN, Outbox.last_error.is_(None)),
    OutboxState.RETRYING: (*OPEN, Outbox.last_error.is_not(None)),
    OutboxState.SENT: (Outbox.done_at.is_not(None), Outbox.reason.is_(None)),
    OutboxState.NOT_SENT: (Outbox.done_at.is_not(None), Outbox.reason.is_not(None)),
    OutboxState.DEAD: (Outbox.dead_at.is_not(None),),
    OutboxState.DROPPED: (Outbox.dropped_at.is_not(None),),
}
"""The rows of a state; the same as `Outbox.state` says of one."""

WORDS: Mapping[OutboxState, str] = {state: state.value.replace("_", " ") for state in OutboxState}
RETRIABLE = (OutboxState.DEAD, OutboxState.RETRYING, OutboxState.NOT_SENT)


@dataclass(frozen=True, slots=True)
class OutboxFilter:
    """All that is given must hold; `recipient` is a username."""

    state: OutboxState | None = None
    kind: OutboxKind | None = None
    recipient: str | None = None
    reservation_id: int | None = None
    due_before: datetime | None = None


def put(
    session: DbSession,
    kind: OutboxKind,
    *,
    key: str,
    recipient_id: int,
    reservation_id: int | None = None,
    notification_id: int | None = None,
    payload: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> None:
    """Have a letter sent, at `due_at` or at once; in the caller's transaction.

    `key` (at most 200 characters) names what the letter is about: with a key that there is
    already, nothing happens. `payload` is plain JSON, never a secret.
    """
    session.flush()  # what the row refers to
    now = clock.now()
    row = {
        "key": key,
        "kind": kind,
        "recipient_id": recipient_id,
        "reservation_id": reservation_id,
        "notification_id": notification_id,
        "payload": None if payload is None else dict(payload),
        "created_at": now,
        "due_at": due_at or now,
        "next_attempt_at": due_at or now,
    }
    insert_new(session, [row])


def insert_new(session: DbSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (column to value, all with the same columns), but those whose key there is."""
    if not rows:
        return
    is_postgresql = session.connection().dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    session.execute(insert(Outbox).on_conflict_do_nothing(index_elements=[Outbox.key]), rows)


def next_due() -> datetime | None:
    """When the next row is to be carried, which may be in the past; None: nothing is planned."""
    return db.session().scalar(
        select(Outbox.next_attempt_at)
        .where(*OPEN, _not_enqueued(clock.now()))
        .order_by(Outbox.next_attempt_at)
        .limit(1)
    )


def take(most: int) -> list[int]:
    """Ids of rows that are due, for a queue or for oneself: those tried least often first.

    They are not given again for ENQUEUED. That somebody has them is not said by this, but by
    `claim`.
    """
    now = clock.now()
    with writing() as session:
        due = (
            select(Outbox.id)
            .where(*OPEN, Outbox.next_attempt_at <= now, _not_enqueued(now))
            .order_by(Outbox.attempts, Outbox.next_attempt_at, Outbox.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        ids = list(session.scalars(due))
        taken = update(Outbox).where(Outbox.id.in_(ids)).values(enqueued_until=now + ENQUEUED)
        session.execute(taken.execution_options(synchronize_session=False))
    return ids


def claim(outbox_id: int) -> bool:
    """Make a due row one's own for CARRIED: nobody else gets it. False: there is nothing to do."""
    now = clock.now()
    with writing() as session:
        claimed = session.execute(
            update(Outbox)
            .where(Outbox.id == outbox_id, *OPEN, Outbox.next_attempt_at <= now + SKEW)
            .values(
                next_attempt_at=now + CARRIED,
                enqueued_until=now + CARRIED,
                attempts=Outbox.attempts + 1,
            )
            .returning(Outbox.id)
            .execution_options(synchronize_session=False)
        )
        return claimed.scalar() is not None


def mark_done(outbox_id: int, letter: Letter, address: str, reason: str | None = None) -> None:
    """The letter is out, or would be but for `reason`. That it is out, counts over all else."""
    facts = {"recipient_address": address, "subject": letter.subject, "text": letter.readable}
    with writing() as session:
        row = session.get(Outbox, outbox_id)
        if row is not None:
            row.done_at, row.reason = clock.now(), reason
            row.dead_at = row.dropped_at = row.last_error = None
            for name, value in facts.items():
                setattr(row, name, value)


def mark_failed(outbox_id: int, error: str, longest_wait: timedelta, permanent: bool) -> None:
    """The letter is not out: it waits for the next try, or is dead."""
    now = clock.now()
    with writing() as session:
        row = session.scalar(select(Outbox).where(Outbox.id == outbox_id, *OPEN))
        if row is None:
            return
        row.last_error, row.enqueued_until = error[:LONGEST_ERROR], None
        if permanent or now - (row.retried_at or row.due_at) >= GIVE_UP:
            row.dead_at = now
        else:
            row.next_attempt_at = now + wait_after(row.attempts, longest_wait)


def mark_dropped(outbox_id: int, reason: str) -> None:
    """The letter has become pointless."""
    with writing() as session:
        dropped = update(Outbox).where(Outbox.id == outbox_id, *OPEN)
        session.execute(dropped.values(dropped_at=clock.now(), reason=reason))


def wait_after(attempts: int, longest: timedelta) -> timedelta:
    """How long to wait after so many failures in a row: doubled each time, with jitter."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 20)
    return min(doubled, longest) * random.uniform(0.5, 1)  # noqa: S311 spread, not a secret


def prune(kept: timedelta) -> int:
    """Forget what was finished longer ago than `kept`; how many rows."""
    before = clock.now() - kept
    finished = or_(Outbox.done_at < before, Outbox.dead_at < before, Outbox.dropped_at < before)
    forgotten = 0
    while True:
        with writing() as session:
            ids = list(session.scalars(select(Outbox.id).where(finished).limit(PRUNED_AT_ONCE)))
            gone = delete(Outbox).where(Outbox.id.in_(ids))
            session.execute(gone.execution_options(synchronize_session=False))
        forgotten += len(ids)
        if len(ids) < PRUNED_AT_ONCE:
            return forgotten


def get(actor: Actor, outbox_id: int) -> Outbox:
    """One letter, with its recipient. For administrators. Raises `NotFound`."""
    actor.require_admin()
    return _found(db.session(), outbox_id)


def search(
    actor: Actor, wanted: OutboxFilter, page: int = 1, per_page: int = PER_PAGE
) -> Page[Outbox]:
    """Letters, the latest due first, each with its recipient. For administrators."""
    actor.require_admin()
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.extend(IN_STATE[wanted.state])
    if wanted.kind is not None:
        conditions.append(Outbox.kind == wanted.kind)
    if wanted.reservation_id is not None:
        conditions.append(Outbox.reservation_id == wanted.reservation_id)
    if wanted.due_before is not None:
        conditions.append(Outbox.due_at < wanted.due_before)
    if wanted.recipient is not None:
        person = select(User.id).where(User.username == wanted.recipient).scalar_subquery()
        conditions.append(Outbox.recipient_id == person)
    query = select(Outbox).where(*conditions).options(joinedload(Outbox.recipient))
    latest = query.order_by(Outbox.due_at.desc(), Outbox.id.desc())
    return page_of(db.session(), latest, page, per_page)


def retry(actor: Actor, outbox_id: int) -> Outbox:
    """Have a letter tried again now, with a whole day of time.

    One that is dead, waits for its next try, or was not sent because mail was off. For
    administrators. Raises `NotFound`, `Conflict` for all others.
    """
    actor.require_admin()
    now = clock.now()
    with writing() as session:
        row = _found(session, outbox_id, lock=True)
        if row.state not in RETRIABLE:
            raise Conflict(f"The letter is {WORDS[row.state]}: it cannot be tried again.")
        is_open = row.done_at is None and row.dead_at is None
        if is_open and row.enqueued_until is not None and row.enqueued_until > now:
            raise Conflict("The letter is under way right now. Look again in a few minutes.")
        before = {"state": row.state.value, "last_error": row.last_error}
        row.done_at = row.dead_at = row.enqueued_until = row.reason = None
        row.attempts, row.retried_at, row.next_attempt_at = 0, now, now
        audit.record(session, actor, "retry", "outbox", _subject(row), before)
        return row


def drop(actor: Actor, outbox_id: int) -> Outbox:
    """Take a letter out that is not sent, for good; again: nothing changes.

    For administrators. Raises `NotFound`, `Conflict` for one that was sent.
    """
    actor.require_admin()
    with writing() as session:
        row = _found(session, outbox_id, lock=True)
        if row.state is OutboxState.DROPPED:
            return row
        if row.done_at is not None:
            raise Conflict(f"The letter is {WORDS[row.state]}: it cannot be taken out.")
        before = {"state": row.state.value, "last_error": row.last_error}
        row.dead_at, row.dropped_at, row.reason = None, clock.now(), BY_HAND
        audit.record(session, actor, "drop", "outbox", _subject(row), before)
        return row


def counts() -> dict[OutboxState, int]:
    """How many letters there are in each state. Each is counted by an index."""
    session = db.session()
    return {
        state: session.scalar(select(func.count()).select_from(Outbox).where(*conditions)) or 0
        for state, conditions in IN_STATE.items()
    }


def oldest_due() -> datetime | None:
    """Since when the oldest letter that is not out yet has been due; None: all are out."""
    oldest = select(func.min(Outbox.due_at)).where(*OPEN, Outbox.due_at <= clock.now())
    return db.session().scalar(oldest)


def _found(session: DbSession, outbox_id: int, *, lock: bool = False) -> Outbox:
    query = select(Outbox).where(Outbox.id == outbox_id).options(selectinload(Outbox.recipient))
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(f"There is no letter {outbox_id}.")
    return row


def _subject(row: Outbox) -> tuple[int, str]:
    person = row.recipient.username if row.recipient else "nobody"
    return row.id, f"{row.kind} to {person}"


def _not_enqueued(now: datetime) -> Any:
    return or_(Outbox.enqueued_until.is_(None), Outbox.enqueued_until <= now)

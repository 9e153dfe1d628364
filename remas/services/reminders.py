"""Reminders are planned rows of the outbox: who changes what they depend on plans them anew.

`replan` compares what should be reminded of with what is planned, for all that these people have
coming, and makes good the difference. What was sent is never touched, and never sent again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, String, and_, bindparam, cast, or_, select, update

from remas import clock
from remas.models import Notification, NotificationType, Outbox, OutboxKind, Reservation, User
from remas.models.outbox import OPEN
from remas.services import notified, outbox
from remas.services.transaction import DbSession

PEOPLE_AT_ONCE = 500
TIMED = (NotificationType.TASK_START, NotificationType.TASK_END)

CANCELLED = "The reservation was cancelled."
MOVED = "The reservation has another time now."
OVER = "The reservation is over."
CLOSED = "The account is closed."
DELETED = "The notification was deleted."
UNASSIGNED = "The notification is no longer assigned."
CHANGED = "The notification was changed."
DUE_ALREADY = "After a change it would have been due already."


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a notification speaks: so long before `type`, or after it where this is negative."""

    type: NotificationType
    offset: timedelta


@dataclass(frozen=True, slots=True)
class _Reminder:
    """One that should be: about `moment`, the start or the end of a reservation."""

    recipient_id: int
    reservation_id: int
    notification_id: int
    type: NotificationType
    moment: datetime
    due_at: datetime

    @property
    def key(self) -> str:
        """The same for the same moment, however often it is moved away and back."""
        about = f"{self.reservation_id}:{int(self.moment.timestamp()) // 60}"
        return f"reminder:{self.notification_id}:{self.type}:{about}"


def replan(session: DbSession, user_ids: Iterable[int]) -> None:
    """Plan the reminders of these people anew, in the caller's transaction.

    The caller holds them (locks.lock), so that nobody books for them meanwhile. What is due
    already is not planned. A constant number of queries for every 500 people.
    """
    session.flush()
    ids = sorted(set(user_ids))
    for start in range(0, len(ids), PEOPLE_AT_ONCE):
        _replan(session, ids[start : start + PEOPLE_AT_ONCE])


def _replan(session: DbSession, user_ids: Collection[int]) -> None:
    effective = notified.effective(session, user_ids)
    rules = _rules(session, set().union(*effective.values()))
    now = clock.now()
    # Whatever is open is at most so late, and speaks of an end at most so long ago.
    longest_after = max((-rule.offset for rule in rules.values()), default=timedelta())
    since = now - max(longest_after, timedelta()) - outbox.GIVE_UP
    wanted = _wanted(session, user_ids, effective, rules, since) if rules else {}
    stored = {row.key: row for row in _stored(session, user_ids, since)}
    _plan(session, [wanted[key] for key in wanted if key not in stored], now)
    moved, dropped = [], []
    for key, row in stored.items():
        reminder = wanted.get(key)
        if reminder is None:
            if row.open:
                dropped.append((row, _why(row, effective, rules)))
        elif _differs(row, reminder):
            if reminder.due_at > now:
                moved.append((row, reminder.due_at))
            elif row.open:
                dropped.append((row, DUE_ALREADY))
    _move(session, moved)
    _drop(session, dropped, now)


def _rules(session: DbSession, notification_ids: Collection[int]) -> dict[int, _Rule]:
    """Those of these notifications that speak at a time."""
    if not notification_ids:
        return {}
    rows = session.execute(
        select(Notification.id, Notification.type, Notification.time_offset).where(
            Notification.id.in_(notification_ids),
            Notification.type.in_(TIMED),
            Notification.time_offset.is_not(None),
        )
    )
    return {row.id: _Rule(row.type, timedelta(seconds=row.time_offset or 0)) for row in rows}


def _wanted(
    session: DbSession,
    user_ids: Collection[int],
    effective: Mapping[int, Collection[int]],
    rules: Mapping[int, _Rule],
    since: datetime,
) -> dict[str, _Reminder]:
    """What these people should be reminded of, by key: also of what was due already."""
    rows = session.execute(
        select(
            Reservation.id, Reservation.owner_id, Reservation.starts_at, Reservation.ends_at
        ).where(
            Reservation.owner_id.in_(user_ids),
            Reservation.owner_id.in_(select(User.id).where(User.active)),
            Reservation.cancelled_at.is_(None),
            Reservation.ends_at > since,
        )
    )
    reminders = (
        reminder
        for row in rows
        for notification_id in effective.get(row.owner_id, ())
        if notification_id in rules
        if (reminder := _reminder(row, notification_id, rules[notification_id]))
    )
    return {reminder.key: reminder for reminder in reminders}


def _reminder(row: Row[*tuple[Any, ...]], notification_id: int, rule: _Rule) -> _Reminder | None:
    """What the rule says about a reservation; None: when it speaks of the start it is over."""
    moment = moment_of(rule.type, row.starts_at, row.ends_at)
    due_at = moment - rule.offset
    if rule.type is NotificationType.TASK_START and due_at >= row.ends_at:
        return None
    return _Reminder(row.owner_id, row.id, notification_id, rule.type, moment, due_at)


def moment_of(about: NotificationType, starts_at: datetime, ends_at: datetime) -> datetime:
    """What a notification of this type is about."""
    return starts_at if about is NotificationType.TASK_START else ends_at


def _stored(
    session: DbSession, user_ids: Collection[int], since: datetime
) -> list[Row[*tuple[Any, ...]]]:
    """What is planned for them, and what was said about reservations that still matter."""
    is_open = and_(*OPEN)
    rows = session.execute(
        select(
            Outbox.id,
            Outbox.key,
            Outbox.recipient_id,
            Outbox.notification_id,
            Outbox.due_at,
            is_open.label("open"),
            Outbox.dropped_at,
            Outbox.reason,
            Outbox.payload,
            Reservation.starts_at,
            Reservation.ends_at,
            Reservation.cancelled_at,
            User.active,
        )
        .join(Reservation, Reservation.id == Outbox.reservation_id)
        .join(User, User.id == Outbox.recipient_id)
        .where(
            Outbox.kind == OutboxKind.REMINDER,
            Outbox.recipient_id.in_(user_ids),
            or_(is_open, Reservation.ends_at > since),
        )
        .order_by(Outbox.id)
    )
    return list(rows)


def _differs(row: Row[*tuple[Any, ...]], reminder: _Reminder) -> bool:
    """Whether a planned one has another time, or was dropped and should be after all.

    What an administrator took out stays out.
    """
    if row.open:
        return bool(row.due_at != reminder.due_at)
    return row.dropped_at is not None and row.reason != outbox.BY_HAND


def _why(
    row: Row[*tuple[Any, ...]], effective: Mapping[int, Collection[int]], rules: Mapping[int, _Rule]
) -> str:
    """Why a planned reminder is pointless."""
    if row.cancelled_at is not None:
        return CANCELLED
    if not row.active:
        return CLOSED
    if row.notification_id is None:
        return DELETED
    if row.notification_id not in effective.get(row.recipient_id, ()):
        return UNASSIGNED
    rule = rules.get(row.notification_id)
    if rule is None or rule.type != row.payload["about"]:
        return CHANGED
    moment = clock.written(moment_of(rule.type, row.starts_at, row.ends_at))
    return OVER if row.payload["moment"] == moment else MOVED


def _plan(session: DbSession, reminders: Iterable[_Reminder], now: datetime) -> None:
    outbox.insert_new(
        session,
        [
            {
                "key": reminder.key,
                "kind": OutboxKind.REMINDER,
                "recipient_id": reminder.recipient_id,
                "reservation_id": reminder.reservation_id,
                "notification_id": reminder.notification_id,
                "payload": {
                    "about": reminder.type.value,
                    "moment": clock.written(reminder.moment),
                },
                "created_at": now,
                "due_at": reminder.due_at,
                "next_attempt_at": reminder.due_at,
            }
            for reminder in reminders
            if reminder.due_at > now
        ],
    )


def _move(session: DbSession, rows: Iterable[tuple[Row[*tuple[Any, ...]], datetime]]) -> None:
    """Give planned rows another time, and those that were dropped another chance.

    What was sent in the meantime stays as it is.
    """
    fresh = {
        "attempts": 0,
        "enqueued_until": None,
        "last_error": None,
        "dropped_at": None,
        "reason": None,
    }
    due: dict[str, Any] = {"due_at": bindparam("due"), "next_attempt_at": bindparam("due")}
    moved = update(Outbox).where(Outbox.id == bindparam("row"), Outbox.done_at.is_(None))
    moved = moved.values(**due, **fresh)
    if changes := [{"row": row.id, "due": due_at} for row, due_at in rows]:
        session.connection().execute(moved, changes)


def _drop(
    session: DbSession, rows: Iterable[tuple[Row[*tuple[Any, ...]], str]], now: datetime
) -> None:
    """Take out what is still open."""
    dropped = update(Outbox).where(Outbox.id == bindparam("row"), *OPEN)
    dropped = dropped.values(dropped_at=now, reason=bindparam("why"))
    if changes := [{"row": row.id, "why": reason} for row, reason in rows]:
        session.connection().execute(dropped, changes)


def detach(session: DbSession, notification_id: int) -> None:
    """Call before a notification is deleted, in the same transaction; `replan` afterwards.

    A database may give its number to another one, which must not be taken for this one.
    """
    session.execute(
        update(Outbox)
        .where(Outbox.notification_id == notification_id)
        .values(key=Outbox.key + ":" + cast(Outbox.id, String))
        .execution_options(synchronize_session=False)
    )

"""Letters that REMAS writes by itself: put into the outbox by the change that causes them.

What people do to their own is theirs to know: they get a letter of it only where they have asked
for calendar files. What others do to it, they are always told.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from remas import clock
from remas.models import Node, OutboxKind, Reservation, Resource, Status, User
from remas.services import outbox, resets
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.fields import Check
from remas.services.transaction import DbSession

LONGEST_REASON = 1000  # characters

SHOWN_IN_CALENDARS = (
    *("name", "description", "starts_at", "ends_at", "cancelled_at"),
    *("released_at", "allocations"),
)

Facts = Mapping[str, Any]


def reservation_made(session: DbSession, actor: Actor, reservation: Reservation) -> None:
    """For the owner's calendar, where that is wanted."""
    if _wanted(session, actor, reservation):
        _put(session, OutboxKind.RESERVATION_MADE, reservation)


def reservation_changed(
    session: DbSession, actor: Actor, reservation: Reservation, before: Facts, after: Facts
) -> None:
    """Tell the owner what is different, or that there is nothing left.

    `before` and `after` as the audit keeps them. Of own changes, those that calendars show.
    """
    if not _wanted(session, actor, reservation):
        return
    own = actor.id == reservation.owner_id
    if own and all(before[name] == after[name] for name in SHOWN_IN_CALENDARS):
        return
    gone = reservation.cancelled_at is not None
    kind = OutboxKind.RESERVATION_CANCELLED if gone else OutboxKind.RESERVATION_CHANGED
    old, new = _with_names(session, before, after)
    payload = {"by": _name(actor), "own": own, "before": old, "after": new}
    _put(session, kind, reservation, payload)


def account_made(session: DbSession, person: User) -> None:
    """Welcome a new person, with leave to set a password, also where there is none yet."""
    if OutboxKind.ACCOUNT_MADE in settings().letters.off or not person.active:
        return
    row = resets.issue(session, person.id, resets.FOR_NEW_ACCOUNTS)
    outbox.put(
        session,
        OutboxKind.ACCOUNT_MADE,
        key=f"{OutboxKind.ACCOUNT_MADE}:{person.id}",
        recipient_id=person.id,
        payload={"reset": row.id},
    )


def contradicted(
    session: DbSession, actor: Actor, reservation_ids: Collection[int], why: str
) -> int:
    """Tell the owners that these no longer fit, in the caller's transaction; how many are told.

    `why` is a sentence, such as "n1 is closed for maintenance from … to …". The same is told only
    once. What is over or cancelled is left out. Raises `Invalid` for `why`.
    """
    check = Check()
    why = check.line("why", why, LONGEST_REASON)
    check.done()
    if not reservation_ids:
        return 0
    reason = sha256(why.encode()).hexdigest()[:16]
    now = clock.now()
    listed = select(Reservation).where(Reservation.id.in_(reservation_ids))
    told = 0
    for reservation in session.scalars(listed.order_by(Reservation.id)).all():
        if reservation.status(now) not in (Status.SCHEDULED, Status.RUNNING):
            continue
        kind = OutboxKind.CONTRADICTED
        outbox.put(
            session,
            kind,
            key=f"{kind}:{reservation.id}:{reservation.version}:{reason}",
            recipient_id=reservation.owner_id,
            reservation_id=reservation.id,
            payload={"why": why, "by": _name(actor)},
        )
        told += 1
    return told


def _wanted(session: DbSession, actor: Actor, reservation: Reservation) -> bool:
    """Whether somebody else did it, or the owner wants calendar files."""
    if actor.id != reservation.owner_id:
        return True
    wants = select(User.calendar_letters).where(User.id == reservation.owner_id)
    return bool(session.scalar(wants))


def _with_names(session: DbSession, *all_facts: Facts) -> list[dict[str, Any]]:
    """The facts with names in place of ids, as letters take them (letters/reservation.py)."""
    held = [one for facts in all_facts for one in facts["allocations"]]
    nodes = select(Node.id, Node.name).where(Node.id.in_({one["node_id"] for one in held}))
    wanted = Resource.id.in_({one["resource_id"] for one in held})
    named = dict(session.execute(nodes).all())
    kinds = {
        resource.id: (resource.name, resource.unit.value)
        for resource in session.scalars(select(Resource).where(wanted))
    }

    def line(one: Facts) -> list[Any]:
        name, unit = kinds[one["resource_id"]]
        return [named[one["node_id"]], name, one["amount"], unit]

    return [
        {**facts, "allocations": sorted(line(one) for one in facts["allocations"])}
        for facts in all_facts
    ]


def _put(
    session: DbSession, kind: OutboxKind, reservation: Reservation, payload: Facts | None = None
) -> None:
    if kind in settings().letters.off:
        return
    outbox.put(
        session,
        kind,
        key=f"{kind}:{reservation.id}:{reservation.version}",
        recipient_id=reservation.owner_id,
        reservation_id=reservation.id,
        payload=payload,
    )


def _name(actor: Actor) -> str:
    if actor.id is None:
        return "An administrator"  # on the command line
    return actor.full_name or actor.username

"""Booking: create, change, cancel, release. Each is one transaction under the locks.

Locks are taken in one order, the owner, then the nodes by id (see locks.py); everything that
decides is read after them.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from remas import clock, metrics
from remas.errors import (
    DomainError,
    Forbidden,
    NoRoom,
    NotChangeable,
    NotFound,
    Stale,
)
from remas.models import Allocation, Reservation, Status, User
from remas.services import (
    audit,
    idempotency,
    locks,
    placement,
    reminders,
    system_letters,
    tagging,
)
from remas.services.actor import Actor
from remas.services.answers import SearchAnswer
from remas.services.availability import Placed, alternatives, search, shortages
from remas.services.fields import Check
from remas.services.placement import Held
from remas.services.requests import BookingRequest, ChangeRequest, Idempotency, OfferRequest
from remas.services.transaction import DbSession, writing

TRIES = 3
"""How often the core is asked again when its proposal was taken before it could be booked."""


def ignore(_answer: SearchAnswer) -> None:
    """For those who only want the result."""


@dataclass(frozen=True, slots=True)
class Booked:
    """`reservation` None: the key was used before, and `body` is the answer given then."""

    reservation: Reservation | None
    body: dict[str, Any] | None = None


def create(actor: Actor, wish: BookingRequest, key: Idempotency | None = None) -> Booked:
    """Book a placement for the actor. With a key, the same request books once.

    Raises `Invalid`, `NoRoom` with fresh offers, `IdempotencyMismatch`, `Busy`.
    """
    owner_id = _person(actor)
    with _counted("create"), _offering(), writing() as session:
        _lock_owner(session, owner_id)
        if key and (body := idempotency.recall(session, owner_id, key)) is not None:
            return Booked(None, body)
        name, description = _texts(wish.name, wish.description)
        placement.check_times(wish.starts_at, wish.ends_at, new_start=True)
        amounts = placement.resolve(session, wish.allocations)
        locks.lock(session, nodes={node for node, _ in amounts})
        specs = placement.named(session, amounts)
        _require_room(session, owner_id, Placed(wish.starts_at, wish.ends_at, specs))
        now = clock.now()
        reservation = Reservation(
            name=name,
            description=description,
            owner_id=owner_id,
            starts_at=wish.starts_at,
            ends_at=wish.ends_at,
            created_at=now,
            updated_at=now,
        )
        session.add(reservation)
        _allocate(reservation, amounts)
        reservation.tags = tagging.own_tags(session, owner_id, wish.tags)
        session.flush()
        _record(session, actor, "create", reservation, None)
        reminders.replan(session, [owner_id])
        system_letters.reservation_made(session, actor, reservation)
        body = idempotency.remember(session, owner_id, key, reservation) if key else None
        return Booked(reservation, body)


def book_earliest(
    actor: Actor, wish: OfferRequest, name: str, told: Callable[[SearchAnswer], None] = ignore
) -> Reservation:
    """Search and book the first offer; searched again when it was taken meanwhile.

    For callers that leave the choice to the core; `told` hears every answer. Raises `NoRoom`
    when nothing fits or when the offers were gone three times, `NoAnswerInTime`, `Invalid`.
    """
    for tries_left in reversed(range(TRIES)):
        answer = search(actor, wish)
        told(answer)
        if not answer.offers:
            raise NoRoom(answer.shortages)
        offer = answer.offers[0]
        booking = BookingRequest(name, offer.starts_at, offer.ends_at, offer.allocations)
        try:
            booked = create(actor, booking)
        except NoRoom:
            if not tries_left:
                raise
            continue
        if booked.reservation is not None:
            return booked.reservation
    raise AssertionError("a booking without a key is never a remembered one")


def change(actor: Actor, reservation_id: int, wish: ChangeRequest) -> Reservation:
    """Change what may be changed; all of it or nothing.

    *scheduled*: everything; *running*: name, description, tags, end, amounts on its nodes;
    otherwise name, description and tags. What nowhere asks for more is always allowed, whatever
    limits, capacities or maintenance say by now. Raises `NotFound`, `Forbidden`, `Invalid`,
    `NotChangeable`, `NoRoom`, `Stale`, `Busy`.
    """
    with _counted("change"), _offering(), writing() as session:
        reservation = _load(session, actor, reservation_id, wish.version)
        before = _facts(reservation)
        if wish.moves:
            _move(session, reservation, wish)
        reservation.name, reservation.description = _texts(
            reservation.name if wish.name is None else wish.name,
            reservation.description if wish.description is None else wish.description,
        )
        if wish.tags is not None:
            reservation.tags = tagging.own_tags(session, reservation.owner_id, wish.tags)
        _finish(session, actor, "change", reservation, before)
        return reservation


def cancel(actor: Actor, reservation_id: int, version: int | None = None) -> Reservation:
    """Give up a reservation that has not started; again: nothing changes.

    `version`: what the person saw. Raises `NotFound`, `Forbidden`, `NotChangeable`, `Stale`.
    """
    with _counted("cancel"), writing() as session:
        reservation = _load(session, actor, reservation_id, version)
        status = reservation.status(clock.now())
        if status is Status.CANCELLED:
            return reservation
        if status is not Status.SCHEDULED:
            hint = " Release it instead." if status is Status.RUNNING else ""
            raise NotChangeable(
                f"The reservation is {status}: only a scheduled one can be cancelled.{hint}"
            )
        cancel_held(session, actor, reservation)
        return reservation


def cancel_held(session: DbSession, actor: Actor, reservation: Reservation) -> None:
    """Cancel what is scheduled. The caller holds its owner, and has seen to who may do it."""
    before = _facts(reservation)
    reservation.cancelled_at = clock.now()
    _finish(session, actor, "cancel", reservation, before)


def release(actor: Actor, reservation_id: int, version: int | None = None) -> Reservation:
    """End a running reservation now, rounded up to the minute; again: nothing changes.

    `version`: what the person saw. Raises `NotFound`, `Forbidden`, `NotChangeable`, `Stale`.
    """
    with _counted("release"), writing() as session:
        reservation = _load(session, actor, reservation_id, version)
        if reservation.released_at is not None and reservation.cancelled_at is None:
            return reservation
        now = clock.now()
        status = reservation.status(now)
        if status is not Status.RUNNING:
            hint = " Cancel it instead." if status is Status.SCHEDULED else ""
            raise NotChangeable(
                f"The reservation is {status}: only a running one can be released.{hint}"
            )
        before = _facts(reservation)
        soonest = max(clock.ceil_minute(now), reservation.starts_at + clock.MINUTE)
        reservation.ends_at = min(reservation.ends_at, soonest)
        reservation.released_at = now
        _finish(session, actor, "release", reservation, before)
        return reservation


def set_tag(
    actor: Actor, reservation_id: int, name: str, version: int | None = None
) -> Reservation:
    """Put one of the owner's tags on a reservation, making it if need be; again: no change."""
    return _change_tags(actor, reservation_id, version, more={name})


def unset_tag(
    actor: Actor, reservation_id: int, name: str, version: int | None = None
) -> Reservation:
    """Take a tag off a reservation; one that is not there: no change."""
    return _change_tags(actor, reservation_id, version, less={name})


def _change_tags(
    actor: Actor,
    reservation_id: int,
    version: int | None,
    more: Collection[str] = (),
    less: Collection[str] = (),
) -> Reservation:
    with writing() as session:
        reservation = _load(session, actor, reservation_id, version)
        names = [tag.name for tag in reservation.tags]
        wanted = [name for name in dict.fromkeys([*names, *more]) if name not in less]
        if wanted != names:
            before = _facts(reservation)
            reservation.tags = tagging.own_tags(session, reservation.owner_id, wanted)
            _finish(session, actor, "change", reservation, before)
        return reservation


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person can hold a reservation.")
    return actor.id


def _lock_owner(session: DbSession, owner_id: int) -> None:
    """Lock the owner, who must still be active."""
    locks.lock(session, users=[owner_id])
    if not session.scalar(select(User.active).where(User.id == owner_id)):
        raise Forbidden("This account is not active.")


def _load(
    session: DbSession, actor: Actor, reservation_id: int, version: int | None
) -> Reservation:
    """The reservation under its owner's lock, if the actor may change it, as he saw it."""
    owner_id = session.scalar(select(Reservation.owner_id).where(Reservation.id == reservation_id))
    if owner_id is None:
        raise NotFound(f"There is no reservation {reservation_id}.")
    if not actor.may_act_for(owner_id):
        raise Forbidden("Only its owner or an administrator may change a reservation.")
    locks.lock(session, users=[owner_id])
    reservation = session.scalars(select(Reservation).where(Reservation.id == reservation_id)).one()
    if version is not None and version != reservation.version:
        raise Stale("The reservation was changed meanwhile. Look at it again and repeat.")
    return reservation


def _move(session: DbSession, reservation: Reservation, wish: ChangeRequest) -> None:
    """New time or amounts, where the status allows them and they fit."""
    now = clock.now()
    status = reservation.status(now)
    old = Held(reservation.starts_at, reservation.ends_at, placement.amounts_of(reservation))
    starts_at, ends_at = wish.starts_at or old.starts_at, wish.ends_at or old.ends_at
    amounts = old.amounts
    if wish.allocations is not None:
        amounts = placement.resolve(session, wish.allocations, held=old.amounts)
    new = Held(starts_at, ends_at, amounts)
    if new == old:
        return
    if status not in (Status.SCHEDULED, Status.RUNNING):
        raise NotChangeable(
            f"The reservation is {status}: only its name, description and tags can be changed."
        )
    if status is Status.RUNNING:
        _require_running_change(old, new)
    placement.check_times(starts_at, ends_at, new_start=starts_at != old.starts_at)
    locks.lock(session, nodes={node for node, _ in (*old.amounts, *amounts)})
    if status is Status.RUNNING:
        # What was used until now is history: only what is to come is checked.
        old = Held(_this_minute(now), old.ends_at, old.amounts)
        new = Held(_this_minute(now), new.ends_at, new.amounts)
    if new.asks_more_than(old):
        wanted = Placed(new.starts_at, new.ends_at, placement.named(session, amounts))
        _require_room(session, reservation.owner_id, wanted, reservation.id, status)
    reservation.starts_at, reservation.ends_at = starts_at, ends_at
    _allocate(reservation, amounts)


def _this_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _require_running_change(old: Held, new: Held) -> None:
    if new.starts_at != old.starts_at:
        raise NotChangeable("The reservation is running: its start cannot be changed.")
    if {node for node, _ in new.amounts} != {node for node, _ in old.amounts}:
        raise NotChangeable("The reservation is running: it stays on the nodes it has.")


def _require_room(
    session: DbSession,
    owner_id: int,
    wanted: Placed,
    exclude: int | None = None,
    status: Status = Status.SCHEDULED,
) -> None:
    """Raises `NoRoom`; what already runs cannot be offered another place."""
    missing = shortages(session, owner_id, wanted, exclude)
    if missing:
        movable = status is Status.SCHEDULED
        raise NoRoom(missing, asked=(owner_id, wanted, exclude) if movable else None)


def _allocate(reservation: Reservation, amounts: placement.Amounts) -> None:
    """Make the rows say `amounts`, touching only those that differ."""
    kept = []
    for row in reservation.allocations:
        if (row.node_id, row.resource_id) in amounts:
            row.amount = amounts[row.node_id, row.resource_id]
            kept.append(row)
    known = {(row.node_id, row.resource_id) for row in kept}
    new = [
        Allocation(node_id=node, resource_id=resource, amount=amount)
        for (node, resource), amount in amounts.items()
        if (node, resource) not in known
    ]
    reservation.allocations = [*kept, *new]


def _texts(name: str, description: str | None) -> tuple[str, str | None]:
    """Name and description as they are stored. Raises `Invalid`."""
    check = Check()
    texts = check.line("name", name), check.text("description", description)
    check.done()
    return texts


def _finish(
    session: DbSession,
    actor: Actor,
    action: str,
    reservation: Reservation,
    before: dict[str, Any],
) -> None:
    """Write down the change, if it is one."""
    session.flush()
    session.refresh(reservation, ["allocations", "tags"])
    if _facts(reservation) == before:
        return
    reservation.updated_at = clock.now()
    reservation.version += 1
    _record(session, actor, action, reservation, before)
    reminders.replan(session, [reservation.owner_id])
    system_letters.reservation_changed(session, actor, reservation, before, _facts(reservation))


def _record(
    session: DbSession,
    actor: Actor,
    action: str,
    reservation: Reservation,
    before: dict[str, Any] | None,
) -> None:
    subject = reservation.id, reservation.name
    audit.record(session, actor, action, "reservation", subject, before, _facts(reservation))


def _facts(reservation: Reservation) -> dict[str, Any]:
    """What the audit keeps of a reservation."""
    moments = ("starts_at", "ends_at", "cancelled_at", "released_at")
    return {
        "name": reservation.name,
        "description": reservation.description,
        "owner_id": reservation.owner_id,
        **{name: clock.written(getattr(reservation, name)) for name in moments},
        "allocations": [
            {"node_id": node, "resource_id": resource, "amount": amount}
            for (node, resource), amount in sorted(placement.amounts_of(reservation).items())
        ],
        "tags": [tag.name for tag in reservation.tags],
    }


@contextmanager
def _offering() -> Iterator[None]:
    """Outside the transaction, a refusal gets fresh offers."""
    try:
        yield
    except NoRoom as refused:
        if refused.asked is None:
            raise
        raise NoRoom(refused.shortages, alternatives(*refused.asked)) from None


@contextmanager
def _counted(action: str) -> Iterator[None]:
    """Count how bookings end."""
    try:
        yield
    except (DomainError, NoRoom) as refused:
        metrics.BOOKINGS.labels(action, refused.slug).inc()
        raise
    metrics.BOOKINGS.labels(action, "done").inc()

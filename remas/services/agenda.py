"""The reservations of a calendar: one's own, one's group's, or those on one node."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, select

from remas import clock
from remas.errors import Invalid
from remas.extensions import db
from remas.models import (
    Allocation,
    Group,
    Node,
    Reservation,
    Resource,
    Status,
    Unit,
    User,
    overlaps,
)
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.requests import AllocationSpec

LONGEST = timedelta(days=400)


class Whose(StrEnum):
    """Whose reservations are looked at."""

    MINE = "mine"
    GROUP = "group"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Entry:
    """A reservation of `[starts_at, ends_at)`; `name` None where the viewer may not know it.

    `starts_movable`, `ends_movable`: whether the viewer may move these ends now.
    """

    id: int
    name: str | None
    owner: str
    email: str
    mine: bool
    starts_at: datetime
    ends_at: datetime
    status: Status
    starts_movable: bool
    ends_movable: bool
    allocations: tuple[AllocationSpec, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """Entries by start, and how amounts of each resource are written."""

    entries: tuple[Entry, ...]
    units: dict[str, Unit]


def read(
    actor: Actor, start: datetime, end: datetime, whose: Whose, node: str | None = None
) -> Agenda:
    """What overlaps `[start, end)` and is not cancelled. Three queries, whatever the size.

    Raises `Invalid` for a range that is empty or longer than 400 days.
    """
    if not timedelta(0) < end - start <= LONGEST:
        raise Invalid.field("end", f"The range is at most {LONGEST.days} days, and not empty.")
    session = db.session()
    conditions = _conditions(actor, start, end, whose, node)
    now = clock.now()
    held = holdings(conditions)
    rows = session.execute(
        select(Reservation, User, Group.users_share_statistics)
        .join(Reservation.owner)
        .join(User.group)
        .where(*conditions)
        .order_by(Reservation.starts_at, Reservation.id)
    )
    entries = tuple(
        _entry(actor, reservation, owner, now, shares, tuple(held.get(reservation.id, ())))
        for reservation, owner, shares in rows
    )
    units: dict[str, Unit] = dict(session.execute(select(Resource.name, Resource.unit)).all())
    return Agenda(entries, units)


def _entry(
    actor: Actor,
    reservation: Reservation,
    owner: User,
    now: datetime,
    shares: bool,
    allocations: tuple[AllocationSpec, ...],
) -> Entry:
    status = reservation.status(now)
    may = actor.may_act_for(owner.id)
    return Entry(
        id=reservation.id,
        name=reservation.name if shares or may else None,
        owner=owner.full_name,
        email=owner.email,
        mine=owner.id == actor.id,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
        status=status,
        starts_movable=may and status is Status.SCHEDULED,
        ends_movable=may and status in (Status.SCHEDULED, Status.RUNNING),
        allocations=allocations,
    )


def _conditions(
    actor: Actor, start: datetime, end: datetime, whose: Whose, node: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        overlaps(start, end),
        Reservation.cancelled_at.is_(None),
    ]
    if whose is Whose.MINE:
        conditions.append(Reservation.owner_id == actor.id)
    elif whose is Whose.GROUP:
        group = select(User.group_id).where(User.id == actor.id).scalar_subquery()
        members = select(User.id).where(User.group_id == group)
        conditions.append(Reservation.owner_id.in_(members))
    else:
        on_node = (
            select(Allocation.reservation_id)
            .join(Node, Node.id == Allocation.node_id)
            .where(Node.name == node)
        )
        conditions.append(Reservation.id.in_(on_node))
    return conditions


def holdings(conditions: list[ColumnElement[bool]]) -> dict[int, list[AllocationSpec]]:
    """Reservation to what it holds, in the order in which people read names."""
    rows = db.session().execute(
        select(Allocation.reservation_id, Node.name, Resource.name, Allocation.amount)
        .join(Node, Node.id == Allocation.node_id)
        .join(Resource, Resource.id == Allocation.resource_id)
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(*conditions)
    )
    held: dict[int, list[AllocationSpec]] = defaultdict(list)
    for reservation, node, resource, amount in rows:
        held[reservation].append(AllocationSpec(node, resource, amount))
    for specs in held.values():
        specs.sort(key=lambda spec: (natural_key(spec.node), spec.resource))
    return held

"""What a calendar shows: who holds what when, what is closed, what is left."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from remas import clock
from remas.errors import Invalid
from remas.extensions import db
from remas.models import (
    Allocation,
    Group,
    Maintenance,
    NodeState,
    Reservation,
    Status,
    Unit,
    User,
    overlaps,
)
from remas.services.actor import Actor
from remas.services.answers import Holder
from remas.services.availability import (
    Cluster,
    Row,
    free_steps,
    natural_key,
    overlapping,
    read_cluster,
)
from remas.services.requests import AllocationSpec

LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node with its capacity per resource, by name."""

    id: int
    name: str
    state: NodeState
    capacities: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A reservation as a calendar draws it; `name` None where the viewer may not know it."""

    id: int
    name: str | None
    owner_id: int
    group_id: int
    owner: Holder
    starts_at: datetime
    ends_at: datetime
    status: Status
    version: int
    allocations: tuple[AllocationSpec, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """Maintenance of a node for `[starts_at, ends_at)`."""

    id: int
    node: str
    starts_at: datetime
    ends_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Timetable:
    """Everything in `[start, end)`.

    `free`: for each (node, resource) the moments at which the free amount changes, the first at
    `start`; free is capacity less what is reserved, at least 0.
    """

    start: datetime
    end: datetime
    nodes: tuple[NodeRow, ...]
    reservations: tuple[Bar, ...]
    maintenance: tuple[Closed, ...]
    free: dict[tuple[str, str], list[tuple[datetime, int]]]
    units: dict[str, Unit]


def timetable(
    actor: Actor, start: datetime, end: datetime, nodes: Collection[str] = (), *, free: bool = True
) -> Timetable:
    """Nodes (all that are not retired, or those named) and what happens on them.

    `free` false leaves out what is free: that is for those who draw the load themselves.
    Six queries, whatever the size. Raises `Invalid` for unknown nodes and for a range that is
    empty or longer than 400 days.
    """
    session = db.session()
    if not timedelta(0) < end - start <= LONGEST:
        raise Invalid.field("to", f"The range is at most {LONGEST.days} days, and not empty.")
    cluster = read_cluster(session)
    if unknown := [name for name in nodes if name not in cluster.node_ids]:
        raise Invalid.field("node", f"There is no node {unknown[0]}.")
    in_house = (n for n, state in cluster.states.items() if state is not NodeState.RETIRED)
    names = sorted(set(nodes or in_house), key=natural_key)
    rows = overlapping(session, cluster, names, (start, end))
    return Timetable(
        start,
        end,
        tuple(
            NodeRow(
                cluster.node_ids[name],
                name,
                cluster.states[name],
                tuple(sorted(cluster.capacity[name].items())),
            )
            for name in names
        ),
        _bars(actor, start, end, _specs(cluster, rows), [cluster.node_ids[name] for name in nodes]),
        _closed(cluster, names, start, end),
        free_steps(cluster, rows, names, (start, end)) if free else {},
        dict(cluster.units),
    )


def _closed(
    cluster: Cluster, names: Collection[str], start: datetime, end: datetime
) -> tuple[Closed, ...]:
    """Maintenance on the nodes in the range; one query."""
    ids = [cluster.node_ids[name] for name in names]
    rows = db.session().execute(
        select(
            Maintenance.id,
            Maintenance.node_id,
            Maintenance.starts_at,
            Maintenance.ends_at,
            Maintenance.reason,
        )
        .where(Maintenance.ends_at > start, Maintenance.starts_at < end)
        .where(Maintenance.node_id.in_(ids))
        .order_by(Maintenance.starts_at, Maintenance.id)
    )
    return tuple(
        Closed(row_id, cluster.node_names[node], begins, ends, reason)
        for row_id, node, begins, ends, reason in rows
    )


def _specs(cluster: Cluster, rows: Iterable[Row]) -> dict[int, list[AllocationSpec]]:
    """Reservation to what it holds, in the order of names."""
    specs: dict[int, list[AllocationSpec]] = defaultdict(list)
    for node, resource, amount, _, _, reservation, _ in rows:
        spec = AllocationSpec(cluster.node_names[node], cluster.resource_names[resource], amount)
        specs[reservation].append(spec)
    for held in specs.values():
        held.sort(key=lambda spec: (natural_key(spec.node), spec.resource))
    return specs


def _bars(
    actor: Actor,
    start: datetime,
    end: datetime,
    specs: dict[int, list[AllocationSpec]],
    nodes: Collection[int],
) -> tuple[Bar, ...]:
    """The reservations of the range that have allocations among `specs`; one query.

    `nodes`: ids of those that all of them are on, if that is known; no others are read then.
    """
    now = clock.now()
    # Columns instead of reservations: making thousands of objects would cost more than the query.
    query = (
        select(
            Reservation.id,
            Reservation.name,
            Reservation.starts_at,
            Reservation.ends_at,
            Reservation.released_at,
            Reservation.version,
            User,
            Group.users_share_statistics,
        )
        .join(Reservation.owner)
        .join(User.group)
        .where(overlaps(start, end), Reservation.cancelled_at.is_(None))
        .order_by(Reservation.starts_at, Reservation.id)
    )
    if nodes:
        here = (Allocation.reservation_id == Reservation.id) & Allocation.node_id.in_(nodes)
        query = query.where(select(Allocation.node_id).where(here).exists())
    found = db.session().execute(query)
    return tuple(
        Bar(
            id=number,
            name=name if shares or actor.may_act_for(owner.id) else None,
            owner_id=owner.id,
            group_id=owner.group_id,
            owner=Holder(number, owner.username, owner.full_name, owner.email),
            starts_at=starts_at,
            ends_at=ends_at,
            status=_status(starts_at, ends_at, released_at, now),
            version=version,
            allocations=tuple(specs[number]),
        )
        for number, name, starts_at, ends_at, released_at, version, owner, shares in found
        if number in specs
    )


def _status(
    starts_at: datetime, ends_at: datetime, released_at: datetime | None, now: datetime
) -> Status:
    """The same rule as `Reservation.status`, for what is not cancelled."""
    if released_at is not None or ends_at <= now:
        return Status.FINISHED
    return Status.RUNNING if starts_at <= now else Status.SCHEDULED

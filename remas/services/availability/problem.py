"""Rows become a `solver.Problem`: only what can matter in a window is read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import ColumnElement, Select, or_, select

from remas.models import Allocation, Maintenance, NodeState, Reservation, overlaps
from remas.services.availability.cluster import Cluster
from remas.services.limits import InForce, in_force
from remas.services.transaction import DbSession
from solver import grid
from solver.problem import Commitments, Limit, Node, Problem, Scope
from solver.problem import Maintenance as Closed


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose limits count, and which of his reservations is being moved (its use is left out)."""

    user_id: int
    exclude: int | None = None


def read_problem(
    session: DbSession,
    cluster: Cluster,
    asker: Asker,
    nodes: Collection[str],
    window: tuple[datetime, datetime],
) -> Problem:
    """What stands on `nodes` in `[start, end)`, and all of the asker's own in that time."""
    limits = in_force(session, asker.user_id)
    rows = overlapping(session, cluster, nodes, window, asker)
    start, end = window
    closed = session.execute(
        select(Maintenance.node_id, Maintenance.starts_at, Maintenance.ends_at).where(
            Maintenance.starts_at < end,
            Maintenance.ends_at > start,
            *_on(Maintenance.node_id, cluster, nodes),
        )
    )
    return Problem(
        nodes=tuple(
            Node(name, cluster.capacity[name], cluster.states[name] is not NodeState.AVAILABLE)
            for name in cluster.node_ids
        ),
        commitments=commitments(cluster, rows),
        maintenance=tuple(
            Closed(cluster.node_names[node], grid.floor_minute(begin), grid.ceil_minute(finish))
            for node, begin, finish in closed
            if node in cluster.node_names
        ),
        limits=tuple(_limit(cluster, limit) for limit in limits),
        asker=asker.user_id,
    )


Row = tuple[int, int, int, datetime, datetime, int, int]
"""node, resource, amount, start, end, reservation, owner; ids."""


def overlapping(
    session: DbSession,
    cluster: Cluster,
    nodes: Collection[str],
    window: tuple[datetime, datetime],
    asker: Asker | None = None,
) -> list[Row]:
    """What holds units in the window: on `nodes`, and all of the asker's own. One query.

    What came to the cluster since it was read is left for the next reading.
    """
    known = cluster.node_names, cluster.resource_names
    rows = session.execute(overlap_query(cluster, nodes, window, asker))
    return [row for row in rows if row[0] in known[0] and row[1] in known[1]]


def overlap_query(
    cluster: Cluster,
    nodes: Collection[str],
    window: tuple[datetime, datetime],
    asker: Asker | None = None,
) -> Select[int, int, int, datetime, datetime, int, int]:
    """The query of `overlapping`. An index carries it: its cost follows the window, whatever the
    history."""
    query = (
        select(
            Allocation.node_id,
            Allocation.resource_id,
            Allocation.amount,
            Reservation.starts_at,
            Reservation.ends_at,
            Reservation.id,
            Reservation.owner_id,
        )
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(overlaps(*window), Reservation.cancelled_at.is_(None))
    )
    on_nodes = _on(Allocation.node_id, cluster, nodes)
    if on_nodes and asker is not None:
        query = query.where(or_(*on_nodes, Reservation.owner_id == asker.user_id))
    else:
        query = query.where(*on_nodes)
    if asker is not None and asker.exclude is not None:
        query = query.where(Reservation.id != asker.exclude)
    return query


def _on(
    column: object, cluster: Cluster, nodes: Collection[str]
) -> tuple[ColumnElement[bool], ...]:
    """The condition that a row is on one of `nodes`; none when that is every node."""
    if len(nodes) == len(cluster.node_ids):
        return ()
    return (column.in_([cluster.node_ids[name] for name in nodes]),)  # type: ignore[attr-defined]


def commitments(cluster: Cluster, rows: Sequence[Row]) -> Commitments:
    """Columns from rows; times to whole minutes, rounded outwards."""
    node_index = {node_id: i for i, node_id in enumerate(cluster.node_names)}
    kind_index = {resource_id: i for i, resource_id in enumerate(cluster.resource_names)}
    table = [
        (
            node_index[node],
            kind_index[resource],
            amount,
            grid.floor_minute(start),
            grid.ceil_minute(end),
            reservation,
            owner,
        )
        for node, resource, amount, start, end, reservation, owner in rows
    ]
    columns = np.array(table, dtype=np.int64).reshape(len(table), 7).T
    names = tuple(cluster.node_names.values()), tuple(cluster.resource_names.values())
    return Commitments(*names, [np.ascontiguousarray(column) for column in columns])


def _limit(cluster: Cluster, limit: InForce) -> Limit:
    nodes = frozenset(cluster.node_names[n] for n in limit.nodes if n in cluster.node_names)
    return Limit(limit.name, limit.resource, nodes, limit.amount, Scope(limit.scope.value))

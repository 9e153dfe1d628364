"""Rows become a `solver.Problem`: only what can matter in a window is read."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import cast

import numpy as np
from sqlalchemy import ColumnElement, Select, or_, select

from remas.models import Allocation, Maintenance, NodeState, Reservation, epoch, overlaps
from remas.services.availability.cluster import Cluster
from remas.services.limits import InForce, in_force
from remas.services.transaction import DbSession
from solver import grid
from solver.problem import Commitments, Limit, Node, Problem, Scope
from solver.problem import Maintenance as Closed

Row = tuple[int, int, int, int, int, int, int]
"""node, resource, amount, start, end, reservation, owner: ids, and seconds since 1970."""

_allocation, _reservation = Allocation.__table__.c, Reservation.__table__.c
_maintenance = Maintenance.__table__.c


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose limits count, and which of his reservations is being moved (its use is left out)."""

    user_id: int
    exclude: int | None = None


class Standing:
    """What stands on `nodes` from `start` on, and all of the asker's own: read as far as needed.

    Limits and maintenance are read at once, up to `deadline`; commitments by `until`.
    """

    def __init__(
        self,
        session: DbSession,
        cluster: Cluster,
        asker: Asker,
        nodes: Collection[str],
        window: tuple[datetime, datetime],
    ) -> None:
        self.session, self.cluster, self.asker, self.nodes = session, cluster, asker, nodes
        self.start = self.seen = window[0]
        self.rows: list[Row] = []
        self.limits = tuple(_limit(cluster, found) for found in in_force(session, asker.user_id))
        self.maintenance = self._maintenance(window)

    def until(self, end: datetime) -> Problem:
        """The problem in `[start, end)`; reads what was not seen before. `end` never falls."""
        cluster = self.cluster
        if end > self.seen:
            window = self.seen, end
            self.rows += overlapping(
                self.session,
                cluster,
                self.nodes,
                window,
                self.asker,
                started_before=self.seen == self.start,
            )
            self.seen = end
        return Problem(
            nodes=tuple(
                Node(name, cluster.capacity[name], state is not NodeState.AVAILABLE)
                for name, state in cluster.states.items()
            ),
            commitments=commitments(cluster, self.rows),
            maintenance=self.maintenance,
            limits=self.limits,
            asker=self.asker.user_id,
        )

    def _maintenance(self, window: tuple[datetime, datetime]) -> tuple[Closed, ...]:
        names = self.cluster.node_names
        rows = self.session.execute(
            select(Maintenance.node_id, Maintenance.starts_at, Maintenance.ends_at).where(
                Maintenance.starts_at < window[1],
                Maintenance.ends_at > window[0],
                *_on(_maintenance.node_id, self.cluster, self.nodes),
            )
        )
        return tuple(
            Closed(names[node], grid.floor_minute(begin), grid.ceil_minute(end))
            for node, begin, end in rows
            if node in names
        )


def overlapping(
    session: DbSession,
    cluster: Cluster,
    nodes: Collection[str],
    window: tuple[datetime, datetime],
    asker: Asker | None = None,
    *,
    started_before: bool = True,
) -> list[Row]:
    """What holds units in the window: on `nodes`, and all of the asker's own. One query.

    `started_before` false leaves out what began before the window. What came to the cluster
    since it was read is left for the next reading.
    """
    query = overlap_query(cluster, nodes, window, asker)
    if not started_before:
        query = query.where(_reservation.starts_at >= window[0])
    known = cluster.node_names, cluster.resource_names
    rows = cast("Iterable[Row]", session.execute(query))
    return [row for row in rows if row[0] in known[0] and row[1] in known[1]]


def overlap_query(
    cluster: Cluster,
    nodes: Collection[str],
    window: tuple[datetime, datetime],
    asker: Asker | None = None,
) -> Select[int, int, int, int, int, int, int]:
    """The query of `overlapping`: integers only, for there may be many.

    An index carries it, so its cost follows the window and not the history.
    """
    query = (
        select(
            _allocation.node_id,
            _allocation.resource_id,
            _allocation.amount,
            epoch(_reservation.starts_at),
            epoch(_reservation.ends_at),
            _reservation.id,
            _reservation.owner_id,
        )
        .join_from(
            Allocation.__table__,
            Reservation.__table__,
            _reservation.id == _allocation.reservation_id,
        )
        .where(overlaps(*window), _reservation.cancelled_at.is_(None))
    )
    on_nodes = _on(_allocation.node_id, cluster, nodes)
    if on_nodes and asker is not None:
        query = query.where(or_(*on_nodes, _reservation.owner_id == asker.user_id))
    else:
        query = query.where(*on_nodes)
    if asker is not None and asker.exclude is not None:
        query = query.where(_reservation.id != asker.exclude)
    return query


def _on(
    column: ColumnElement[int], cluster: Cluster, nodes: Collection[str]
) -> tuple[ColumnElement[bool], ...]:
    """The condition that a row is on one of `nodes`; none when that is every node."""
    if len(nodes) == len(cluster.node_ids):
        return ()
    return (column.in_([cluster.node_ids[name] for name in nodes]),)


def commitments(cluster: Cluster, rows: list[Row]) -> Commitments:
    """Columns from rows; times to whole minutes, rounded outwards."""
    # Rows of the database look like much more than tuples, so numpy is not shown them whole.
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=7 * len(rows))
    table = flat.reshape(len(rows), 7)
    node, resource, amount, start, end, reservation, owner = np.ascontiguousarray(table.T)
    return Commitments(
        tuple(cluster.node_names.values()),
        tuple(cluster.resource_names.values()),
        [
            _positions(list(cluster.node_names), node),
            _positions(list(cluster.resource_names), resource),
            amount,
            grid.floor_minutes(start),
            grid.ceil_minutes(end),
            reservation,
            owner,
        ],
    )


def _positions(ids: list[int], column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> grid.Ints:
    """Where each value of the column stands in `ids`."""
    order = np.argsort(np.array(ids, dtype=np.int64))
    found = np.searchsorted(np.array(ids, dtype=np.int64)[order], column)
    positions: grid.Ints = order[found] if len(column) else column
    return positions


def _limit(cluster: Cluster, limit: InForce) -> Limit:
    nodes = frozenset(cluster.node_names[n] for n in limit.nodes if n in cluster.node_names)
    return Limit(limit.name, limit.resource, nodes, limit.amount, Scope(limit.scope.value))

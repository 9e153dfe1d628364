"""Who holds what when, as spans in which nothing changes: for calendars that draw the load."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import select

from remas.errors import Invalid
from remas.extensions import db
from remas.models import Maintenance, NodeState
from remas.services.actor import Actor
from remas.services.availability import Cluster, Row, free_steps, overlapping, read_cluster
from remas.services.timetable import LONGEST

Pair = tuple[int, int]  # ids of node and resource
Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """`amount` units of a resource are free on a node; the users hold the rest. Ids."""

    node: int
    resource: int
    amount: int
    users: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """`[starts_at, ends_at)`: what is left wherever something is held or closed."""

    starts_at: datetime
    ends_at: datetime
    left: tuple[Left, ...]


def spans(
    actor: Actor, start: datetime, end: datetime, exclude: int | None = None
) -> tuple[Span, ...]:
    """The spans of `[start, end)` in which anything is held or closed, clipped to it, by start.

    Neighbours differ; where nothing is held there is no span. Of a node in maintenance nothing
    is left. `exclude`: a reservation of the actor's (any, for administrators) that does not
    count, because it is to be moved. Retired nodes are left out. Five queries. Raises `Invalid`
    for a range that is empty or longer than 400 days.
    """
    if not timedelta(0) < end - start <= LONGEST:
        raise Invalid.field("end", f"The range is at most {LONGEST.days} days, and not empty.")
    session = db.session()
    cluster = read_cluster(session)
    names = [n for n, state in cluster.states.items() if state is not NodeState.RETIRED]
    window = start, end
    rows = [
        row
        for row in overlapping(session, cluster, names, window)
        if row[5] != exclude or not actor.may_act_for(row[6])
    ]
    load = _Load(cluster, rows, names, window)
    return tuple(_merged(load.spans()))


class _Load:
    """What happens in the window: who comes and goes, what is closed, what is free."""

    def __init__(
        self, cluster: Cluster, rows: Sequence[Row], names: Sequence[str], window: Window
    ) -> None:
        self.window = window
        self.changes: dict[datetime, list[tuple[Pair, int, int]]] = defaultdict(list)
        for node, resource, _, starts_at, ends_at, _, owner in rows:
            self._note((node, resource), owner, _moment(starts_at), _moment(ends_at))
        ids = {cluster.node_ids[name] for name in names}
        self.closed = _closed(cluster, ids, window)
        for pair, begin, finish in self.closed:
            self._note(pair, 0, begin, finish)
        self.free = {
            (cluster.node_ids[node], cluster.resource_ids[resource]): steps
            for (node, resource), steps in free_steps(cluster, list(rows), names, window).items()
        }

    def spans(self) -> Iterator[Span]:
        """One for each stretch between two changes in which anything is held or closed."""
        holders: dict[Pair, Counter[int]] = {}
        moments = sorted(self.changes)
        for begin, finish in pairwise(moments):
            for pair, owner, step in self.changes[begin]:
                here = holders.setdefault(pair, Counter())
                here[owner] += step
                if not +here:
                    del holders[pair]
            if holders:
                yield Span(begin, finish, tuple(sorted(self._left(begin, holders))))

    def _note(self, pair: Pair, owner: int, begin: datetime, finish: datetime) -> None:
        """Owner 0 is nobody: the node is closed."""
        start, end = self.window
        self.changes[max(begin, start)].append((pair, owner, 1))
        self.changes[min(finish, end)].append((pair, owner, -1))

    def _left(self, at: datetime, holders: Mapping[Pair, Counter[int]]) -> Iterator[Left]:
        for pair, here in holders.items():
            present = {owner for owner, times in here.items() if times > 0}
            amount = 0 if 0 in present else _at(self.free.get(pair, ()), at)
            yield Left(*pair, amount, tuple(sorted(present - {0})))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _closed(
    cluster: Cluster, nodes: Iterable[int], window: Window
) -> list[tuple[Pair, datetime, datetime]]:
    """Maintenance in the window, for each resource of the node. One query."""
    start, end = window
    rows = db.session().execute(
        select(Maintenance.node_id, Maintenance.starts_at, Maintenance.ends_at).where(
            Maintenance.ends_at > start,
            Maintenance.starts_at < end,
            Maintenance.node_id.in_(list(nodes)),
        )
    )
    return [
        ((node, cluster.resource_ids[resource]), begin, finish)
        for node, begin, finish in rows
        for resource in cluster.capacity[cluster.node_names[node]]
    ]


def _at(steps: Sequence[tuple[datetime, int]], moment: datetime) -> int:
    """The value of a step function; 0 where the node does not have the resource any more."""
    position = bisect_right(steps, moment, key=lambda step: step[0])
    return steps[position - 1][1] if position else 0


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Neighbours with the same content become one."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and last.ends_at == span.starts_at and last.left == span.left:
            merged[-1] = Span(last.starts_at, span.ends_at, span.left)
        else:
            merged.append(span)
    return merged

"""The sweep: starts, in order, at which a relaxation of the request fits.

The relaxation looks at each node by itself, counts the nodes that are free, and knows for each
total limit by itself how many of its nodes may be chosen. What it excludes is excluded for good;
what it lets through, CP-SAT decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from solver.grid import exact_column
from solver.problem import Ints, Limit, Problem, Request, Scope
from solver.profile import Spans, Steps, count, load, union, value_at


@dataclass(frozen=True, slots=True)
class _Bar:
    """A total limit in the sweep: its candidate rows, and at which starts which level is shut.

    Level `j` (row `j - 1` of `shut`) is open when `j` more nodes of the limit may be chosen.
    """

    rows: frozenset[int]
    levels: int
    shut: Spans


class Sweep:
    """All starts of one request against one problem.

    `nodes` are the candidates that could serve at all, in the order of `problem.nodes`; rows
    index them. `shut` holds, per row, the maximal intervals of starts at which the node is not
    free for the whole duration.
    """

    def __init__(self, problem: Problem, request: Request) -> None:
        self.problem, self.request = problem, request
        self.each_node = problem.limits_of(Scope.EACH_NODE)
        self.total = problem.limits_of(Scope.TOTAL)
        self.nodes = [node.name for node in problem.nodes if self._able(node.name)]
        self.row_of = {name: row for row, name in enumerate(self.nodes)}

    def _able(self, name: str) -> bool:
        """Whether the node could serve if nothing were held."""
        bundle = self.request.bundles.get(name)
        node = self.problem.by_name[name]
        if bundle is None or node.drained:
            return False
        if any(node.capacity.get(resource, 0) < asked for resource, asked in bundle.items()):
            return False
        return all(
            limit.amount >= bundle.get(limit.resource, 0)
            for limit in self.each_node
            if name in limit.nodes
        )

    @property
    def uses_all(self) -> bool:
        """Whether every candidate is used: then total limits bind a known sum."""
        return self.request.count == len(self.request.bundles)

    @cached_property
    def shut(self) -> Spans:
        parts = [self._by_capacity(), self._by_maintenance()]
        parts += [self._by_limit(limit) for limit in self.each_node]
        if self.uses_all:
            parts += [self._by_sum(limit) for limit in self.total]
        return union(self._starts(Spans.join(parts)))

    @cached_property
    def bars(self) -> list[_Bar]:
        return [] if self.uses_all else [bar for limit in self.total if (bar := self._bar(limit))]

    def starts(self) -> Iterator[int]:
        """The candidate starts in ascending order: release, or an end of what shuts a node."""
        low, high = self.request.release, self.request.latest_start
        if high < low or len(self.nodes) < self.request.count:
            return
        ends = np.concatenate([self.shut.end, *(bar.shut.end for bar in self.bars)])
        ends = np.unique(ends[(ends > low) & (ends <= high)])
        points = np.concatenate((np.array([low], dtype=np.int64), ends))
        yield from points[self._fits(points)].tolist()

    def free_at(self, start: int) -> list[str]:
        """The nodes that are free for the whole duration from `start` on."""
        shut = self.shut
        closed = set(shut.row[(shut.start <= start) & (start < shut.end)].tolist())
        return [name for row, name in enumerate(self.nodes) if row not in closed]

    def opens_at(self, node: str, start: int) -> int:
        """The first start from `start` on at which the node by itself is free."""
        row, shut = self.row_of[node], self.shut
        covers = (shut.row == row) & (shut.start <= start) & (start < shut.end)
        return int(shut.end[covers][0]) if covers.any() else start

    def _fits(self, points: Ints) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        needed = self.request.count
        everything = np.arange(len(self.nodes))
        fits = self._free(everything, points) >= needed
        for bar in self.bars:
            inside = np.isin(everything, list(bar.rows))
            open_levels = bar.levels - value_at(_total(bar.shut), points)
            chosen_inside = np.minimum(self._free(everything[inside], points), open_levels)
            fits &= self._free(everything[~inside], points) + chosen_inside >= needed
        return fits

    def _free(self, rows: Ints, points: Ints) -> Ints:
        shut = self.shut
        if len(rows) < len(self.nodes):
            keep = np.isin(shut.row, rows)
            shut = Spans(shut.row[keep], shut.start[keep], shut.end[keep])
        return len(rows) - value_at(_total(shut), points)

    def _starts(self, closed: Spans) -> Spans:
        """Starts whose run of `duration` would touch the closed times."""
        request = self.request
        reach = Spans(closed.row, closed.start - request.duration + 1, closed.end)
        return reach.clipped(request.release, request.latest_start + 1)

    def _by_capacity(self) -> Spans:
        """Times at which a node has too little left of something asked of it."""
        table, request = self.problem.commitments, self.request
        resources = sorted({r for name in self.nodes for r in request.bundles[name]})
        if not len(table) or not resources:
            return Spans.none()
        pairs = [(name, r) for name in self.nodes for r in resources]
        rooms = exact_column(
            self.problem.by_name[name].capacity.get(r, 0) - request.bundles[name].get(r, 0)
            for name, r in pairs
        )
        asked = np.array([r in request.bundles[name] for name, r in pairs], dtype=bool)
        width = len(resources)
        rows = np.array([self.row_of.get(n, -1) for n in table.node_names], dtype=np.int64)
        kinds = {r: i for i, r in enumerate(resources)}
        kind = np.array([kinds.get(r, -1) for r in table.resource_names], dtype=np.int64)
        pair = rows[table.node] * width + kind[table.resource]
        keep = (rows[table.node] >= 0) & (kind[table.resource] >= 0)
        keep &= (table.start < request.deadline) & (table.end > request.release)
        # What is held of a resource that is not asked of its node shuts nothing.
        keep[keep] = asked[pair[keep]]
        spans = Spans(
            pair[keep],
            np.maximum(table.start[keep], request.release),
            np.minimum(table.end[keep], request.deadline),
        )
        over = load(spans, table.amount[keep]).above(rooms)
        return Spans(over.row // width, over.start, over.end)

    def _by_maintenance(self) -> Spans:
        closed = [m for m in self.problem.maintenance if m.node in self.row_of]
        columns = [(self.row_of[m.node], m.start, m.end) for m in closed]
        return Spans(*np.array(columns, dtype=np.int64).reshape(len(columns), 3).T)

    def _own(self, limit: Limit, rows: dict[str, int]) -> Steps:
        """What the asker holds under the limit; `rows` maps its nodes to rows."""
        table, request = self.problem.commitments, self.request
        node = np.array([rows.get(n, -1) for n in table.node_names], dtype=np.int64)[table.node]
        named = np.array([r == limit.resource for r in table.resource_names], dtype=bool)
        keep = (table.owner == self.problem.asker) & (node >= 0) & named[table.resource]
        keep &= (table.start < request.deadline) & (table.end > request.release)
        spans = Spans(node[keep], table.start[keep], table.end[keep])
        return load(spans, table.amount[keep])

    def _by_limit(self, limit: Limit) -> Spans:
        """A limit on each node: times at which its asker holds too much there already."""
        asked = {
            name: bundle[limit.resource]
            for name in self.nodes
            if name in limit.nodes and limit.resource in (bundle := self.request.bundles[name])
        }
        if not asked or not len(self.problem.commitments):
            return Spans.none()
        rooms = exact_column(limit.amount - asked.get(name, 0) for name in self.nodes)
        return self._own(limit, {name: self.row_of[name] for name in asked}).above(rooms)

    def _asking(self, limit: Limit) -> dict[str, int]:
        """What each candidate would add under the limit; nodes that add nothing are left out."""
        return {
            name: self.request.bundles[name][limit.resource]
            for name in self.nodes
            if name in limit.nodes and limit.resource in self.request.bundles[name]
        }

    def _held_in_all(self, limit: Limit, room: int) -> Spans:
        """Times at which the asker holds more than `room` in total under the limit, as row 0."""
        if room < 0:
            bounds = [np.array([t]) for t in (0, self.request.release, self.request.deadline)]
            return Spans(*bounds)
        if not len(self.problem.commitments):
            return Spans.none()
        own = self._own(limit, dict.fromkeys(limit.nodes, 0))
        return own.above(exact_column([room]))

    def _by_sum(self, limit: Limit) -> Spans:
        """A total limit when all candidates are used: shuts one of them, and so the request."""
        asked = self._asking(limit)
        if not asked:
            return Spans.none()
        over = self._held_in_all(limit, limit.amount - sum(asked.values()))
        return Spans(over.row + self.row_of[next(iter(asked))], over.start, over.end)

    def _bar(self, limit: Limit) -> _Bar | None:
        """A total limit when nodes are chosen: for `j` nodes, when is there room for `j`."""
        asked = self._asking(limit)
        if not asked:
            return None
        demand = next(iter(asked.values()))
        levels = min(self.request.count, len(asked))
        shut = []
        for level in range(1, levels + 1):
            over = self._held_in_all(limit, limit.amount - level * demand)
            shut.append(Spans(over.row + (level - 1), over.start, over.end))
        rows = frozenset(self.row_of[name] for name in asked)
        return _Bar(rows, levels, union(self._starts(Spans.join(shut))))


def _total(spans: Spans) -> Steps:
    """How many intervals cover each moment, whatever their row."""
    return count(Spans(np.zeros_like(spans.row), spans.start, spans.end))

"""The semantics once more, by brute force: every minute, every set of nodes.

It shares nothing with the core but the data types. Slow on purpose: each question is answered by
looking at single minutes, in plain Python integers.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from solver.problem import Bundle, Commitment, Limit, Problem, Request, Scope
from solver.result import Placement, Reason, Shortage

Bundles = Mapping[str, Bundle]
Missing = tuple[int, tuple[int, ...]]
"""How many units are short at one minute, and the reservations that hold them."""


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorts n2 before n10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdigit() else part for part in parts], name


@dataclass(frozen=True)
class Key:
    """What can be short: a resource of a node, or a limit (by its position in the problem)."""

    node: str | None
    resource: str
    reason: Reason
    limit: int | None = None


@dataclass(frozen=True)
class Best:
    """The least start, and the nodes that fit best at it."""

    start: int
    nodes: frozenset[str]


class Oracle:
    """Answers about one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def rows(self) -> list[Commitment]:
        table = self.problem.commitments
        return list(table.rows(np.ones(len(table), dtype=np.bool_)))

    @cached_property
    def _standing(self) -> dict[tuple[str, str, int], list[Commitment]]:
        """The commitments that stand on a node and resource at a minute."""
        found: dict[tuple[str, str, int], list[Commitment]] = {}
        for row in self.rows:
            for minute in range(row.start, row.end):
                found.setdefault((row.node, row.resource, minute), []).append(row)
        return found

    def standing(self, node: str, resource: str, minute: int) -> list[Commitment]:
        return self._standing.get((node, resource, minute), [])

    def own(self, nodes: frozenset[str], resource: str, minute: int) -> list[Commitment]:
        """What the asker holds of a resource on some nodes at a minute."""
        rows = [row for node in sorted(nodes) for row in self.standing(node, resource, minute)]
        return [row for row in rows if row.owner == self.problem.asker]

    def capacity(self, node: str, resource: str) -> int:
        return self.problem.by_name[node].capacity.get(resource, 0)

    def closed(self, node: str, minute: int) -> bool:
        spans = [(m.start, m.end) for m in self.problem.maintenance if m.node == node]
        return any(start <= minute < end for start, end in spans)

    # Feasible: the definition, word for word.

    def fits(self, start: int, end: int, bundles: Bundles) -> bool:
        """Whether these bundles can be had at every instant of `[start, end)`."""
        if any(self.problem.by_name[node].drained for node in bundles):
            return False
        return all(self._allowed(minute, bundles) for minute in range(start, end))

    def _allowed(self, minute: int, bundles: Bundles) -> bool:
        for node, bundle in bundles.items():
            if self.closed(node, minute):
                return False
            for resource, demand in bundle.items():
                committed = sum(row.amount for row in self.standing(node, resource, minute))
                if committed + demand > self.capacity(node, resource):
                    return False
        return all(self._within(limit, minute, bundles) for limit in self.problem.limits)

    def _within(self, limit: Limit, minute: int, bundles: Bundles) -> bool:
        """Whether a limit allows it. A limit of which nothing is asked does not bind."""
        for nodes in _parts(limit):
            asked = _asked(limit, nodes, bundles)
            holds = sum(row.amount for row in self.own(nodes, limit.resource, minute))
            if asked > 0 and holds + asked > limit.amount:
                return False
        return True

    # Earliest: all starts, all sets of nodes.

    def choices(self, request: Request, start: int) -> list[frozenset[str]]:
        """All node sets on which the request fits at a start."""
        sets = itertools.combinations(sorted(request.bundles), request.count)
        end = start + request.duration
        return [
            frozenset(nodes)
            for nodes in sets
            if self.fits(start, end, {node: request.bundles[node] for node in nodes})
        ]

    def earliest(self, request: Request) -> Best | None:
        """The least start with the best-fitting nodes, or None where nothing fits."""
        for start in range(request.release, request.deadline - request.duration + 1):
            found = self.choices(request, start)
            if found:
                return Best(start, min(found, key=lambda nodes: self._rank(request, start, nodes)))
        return None

    def _rank(
        self, request: Request, start: int, nodes: frozenset[str]
    ) -> tuple[int, list[tuple[list[str | int], str]]]:
        total = sum(self.score(node, request, start) for node in nodes)
        return total, sorted(natural(node) for node in nodes)

    def score(self, node: str, request: Request, start: int) -> int:
        """How much of a node would stay free: less is a better fit."""
        total = 0
        for resource, capacity in self.problem.by_name[node].capacity.items():
            if capacity > 0:
                left = self._least_free(node, resource, start, start + request.duration)
                left -= request.bundles[node].get(resource, 0)
                total += 10**6 * left // capacity
        return total

    def _least_free(self, node: str, resource: str, start: int, end: int) -> int:
        loads = [
            sum(row.amount for row in self.standing(node, resource, minute))
            for minute in range(start, end)
        ]
        return max(0, self.capacity(node, resource) - max(loads))

    # Fewer units: all scalings.

    def fewer(self, request: Request) -> dict[str, dict[str, int]] | None:
        """The largest scaled bundles (node to amounts) that fit at the release, or None.

        Of ⌊λ·a⌋ something changes only where λ = j / a: every such λ below 1 is tried, the
        largest first.
        """
        for factor in _factors(request):
            bundles = scaled(request, factor)
            if self.choices(replace(request, bundles=bundles), request.release):
                return bundles
        return None

    # Shortages: minute by minute, then joined.

    def shortages(self, placement: Placement) -> list[Shortage]:
        """Every maximal span in which the same is short by as much with the same holders."""
        short: dict[Key, dict[int, Missing]] = {}
        for minute in range(placement.start, placement.end):
            for key, missing in self._missing(minute, placement.bundles):
                short.setdefault(key, {})[minute] = missing
        return [
            self._shortage(key, span, missing)
            for key, minutes in short.items()
            for span, missing in _spans(minutes)
        ]

    def _shortage(self, key: Key, span: tuple[int, int], missing: Missing) -> Shortage:
        name = None if key.limit is None else self.problem.limits[key.limit].name
        short_by, holders = missing
        return Shortage(
            key.node, key.resource, span[0], span[1], short_by, key.reason, name, holders
        )

    def _missing(self, minute: int, bundles: Bundles) -> Iterator[tuple[Key, Missing]]:
        for node, bundle in bundles.items():
            for resource, demand in bundle.items():
                if self.problem.by_name[node].drained:
                    yield Key(node, resource, Reason.DRAINED), (demand, ())
                    continue
                if self.closed(node, minute):
                    yield Key(node, resource, Reason.MAINTENANCE), (demand, ())
                rows = self.standing(node, resource, minute)
                missing = _short(demand, self.capacity(node, resource), rows)
                if missing:
                    yield Key(node, resource, Reason.CAPACITY), missing
        for i, limit in enumerate(self.problem.limits):
            for nodes in _parts(limit):
                rows = self.own(nodes, limit.resource, minute)
                missing = _short(_asked(limit, nodes, bundles), limit.amount, rows)
                if missing:
                    node = None if limit.scope is Scope.TOTAL else min(nodes)
                    yield Key(node, limit.resource, Reason.LIMIT, i), missing


def _parts(limit: Limit) -> list[frozenset[str]]:
    """The sets of nodes over which a limit counts: all together, or each by itself."""
    if limit.scope is Scope.TOTAL:
        return [limit.nodes]
    return [frozenset({node}) for node in sorted(limit.nodes)]


def _asked(limit: Limit, nodes: frozenset[str], bundles: Bundles) -> int:
    return sum(bundles[node].get(limit.resource, 0) for node in nodes & bundles.keys())


def _short(asked: int, amount: int, rows: Sequence[Commitment]) -> Missing | None:
    """By how much `asked` exceeds what the rows leave of `amount`, which is never below zero."""
    free = max(0, amount - sum(row.amount for row in rows))
    if asked <= free:
        return None
    return asked - free, tuple(sorted({row.reservation for row in rows}))


def _spans(minutes: Mapping[int, Missing]) -> Iterator[tuple[tuple[int, int], Missing]]:
    """Neighbouring minutes with the same content, joined."""
    start: int | None = None
    for minute in sorted(minutes):
        if start is None or minutes.get(minute - 1) != minutes[minute]:
            start = minute
        if minutes.get(minute + 1) != minutes[minute]:
            yield (start, minute + 1), minutes[minute]


def _factors(request: Request) -> list[Fraction]:
    amounts = {amount for bundle in request.bundles.values() for amount in bundle.values()}
    factors = {Fraction(j, amount) for amount in amounts for j in range(1, amount)}
    return sorted((f for f in factors if all(f * a >= 1 for a in amounts)), reverse=True)


def scaled(request: Request, factor: Fraction) -> dict[str, dict[str, int]]:
    """Each amount a of each bundle as ⌊factor · a⌋."""
    return {
        node: {resource: int(factor * amount) for resource, amount in bundle.items()}
        for node, bundle in request.bundles.items()
    }

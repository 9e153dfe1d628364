"""From exact arithmetic to small integers: what CP-SAT is asked at one start.

Amounts never reach the model. It sees scores of nodes and, for each total limit, how many of its
nodes may be chosen.
"""

import numpy as np

from solver.problem import Limit, Problem, Request, Scope, natural_key
from solver.profile import Spans, load
from solver.variables import Cap, Choice

SCORE_UNIT = 10**6
"""A wholly free resource scores this much."""


def choice_at(problem: Problem, request: Request, start: int, free: list[str]) -> Choice:
    """The choice among the nodes that are `free` for `[start, start + duration)`."""
    names = tuple(sorted(free, key=natural_key))
    around = problem.within(start, start + request.duration)
    caps = (_cap(around, request, limit, names) for limit in problem.limits_of(Scope.TOTAL))
    return Choice(
        names,
        scores(around, request, names),
        request.count,
        tuple(cap for cap in caps if cap is not None),
    )


def scores(around: Problem, request: Request, names: tuple[str, ...]) -> dict[str, int]:
    """How much stays free on each node: Σ ⌊10⁶ · (least free − demand) / capacity⌋.

    Over all its resources with capacity, asked or not. `around` holds the commitments of the
    span only.
    """
    peaks = _peaks(around, names)
    result = {}
    for name in names:
        total = 0
        for resource, capacity in around.by_name[name].capacity.items():
            if capacity == 0:
                continue
            left = max(capacity - peaks.get((name, resource), 0), 0)
            asked = request.bundles[name].get(resource, 0)
            total += SCORE_UNIT * (left - asked) // capacity
        result[name] = total
    return result


def _peaks(around: Problem, names: tuple[str, ...]) -> dict[tuple[str, str], int]:
    """The most that is held at once, for each node and resource that is held at all."""
    table = around.commitments
    wanted = np.array([name in set(names) for name in table.node_names], dtype=bool)
    if not len(table):
        return {}
    keep = wanted[table.node]
    width = len(table.resource_names)
    row = table.node[keep] * width + table.resource[keep]
    held = load(Spans(row, table.start[keep], table.end[keep]), table.amount[keep])
    peaks = held.peaks(len(table.node_names) * width)
    rows = np.unique(held.row).tolist()
    return {
        (table.node_names[row // width], table.resource_names[row % width]): int(peaks[row])
        for row in rows
    }


def _cap(around: Problem, request: Request, limit: Limit, names: tuple[str, ...]) -> Cap | None:
    """How many of the nodes under a total limit what is left of it serves."""
    asked = {
        name: request.bundles[name][limit.resource]
        for name in names
        if name in limit.nodes and limit.resource in request.bundles[name]
    }
    if not asked:
        return None
    left = limit.amount - _held(around, limit)
    if request.count == len(request.bundles):
        most = len(asked) if sum(asked.values()) <= left else 0
    else:
        most = max(left // next(iter(asked.values())), 0)
    return Cap(frozenset(asked), min(most, len(asked)))


def _held(around: Problem, limit: Limit) -> int:
    """The most the asker holds at once under a total limit."""
    table = around.commitments
    if not len(table):
        return 0
    inside = np.array([name in limit.nodes for name in table.node_names], dtype=bool)
    named = np.array([name == limit.resource for name in table.resource_names], dtype=bool)
    keep = (table.owner == around.asker) & inside[table.node] & named[table.resource]
    row = np.zeros(int(keep.sum()), dtype=np.int64)
    held = load(Spans(row, table.start[keep], table.end[keep]), table.amount[keep])
    return int(held.peaks(1)[0])

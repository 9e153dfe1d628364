"""Is this placement right? Every rule stated once more, without the model and its profiles.

Plain Python over single commitments, slow and simple on purpose: it is the oracle of the tests,
the last gate before a booking is written, and what explains a refusal to people.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from solver.problem import Commitment, Limit, Node, Problem, Request, Scope
from solver.result import Placement, Reason, Shortage

Span = tuple[int, int, int, tuple[int, ...]]
"""start, end, how many units short, the reservations that hold them."""


def verify(problem: Problem, request: Request, placement: Placement) -> tuple[Shortage | str, ...]:
    """All that is wrong with `placement` as an answer to `request`; empty when it is right."""
    return (*mismatches(request, placement), *shortages(problem, placement))


def mismatches(request: Request, placement: Placement) -> tuple[str, ...]:
    """In what `placement` is not what `request` asked for."""
    wrong = []
    if len(placement.bundles) != request.count:
        wrong.append(f"{len(placement.bundles)} nodes instead of {request.count}")
    for node, bundle in placement.bundles.items():
        if dict(bundle) != dict(request.bundles.get(node, {})):
            wrong.append(f"{node} gives {dict(bundle)}")
    if placement.end - placement.start != request.duration:
        wrong.append(f"lasts {placement.end - placement.start} instead of {request.duration}")
    if placement.start < request.release:
        wrong.append("starts before the release")
    if placement.end > request.deadline:
        wrong.append("ends after the deadline")
    return tuple(wrong)


def shortages(problem: Problem, placement: Placement) -> tuple[Shortage, ...]:
    """What is missing for `placement`; empty when it fits. By node, resource and time.

    A limit binds only where something of its resource is asked.
    """
    rows = list(_overlapping(problem, placement))
    found: list[Shortage] = []
    for name, bundle in placement.bundles.items():
        node = problem.by_name.get(name) or Node(name, {})  # an unknown one has nothing
        here = [row for row in rows if row.node == name]
        for resource, asked in bundle.items():
            if node.drained:
                whole = (placement.start, placement.end, asked, ())
                found.append(_told(name, resource, whole, Reason.DRAINED))
                continue
            for closed in _closed(problem, name, placement):
                found.append(_told(name, resource, (*closed, asked, ()), Reason.MAINTENANCE))
            held = [row for row in here if row.resource == resource]
            capacity = node.capacity.get(resource, 0)
            for span in _short(held, capacity, asked, placement):
                found.append(_told(name, resource, span, Reason.CAPACITY))
    own = [row for row in rows if row.owner == problem.asker]
    for limit in problem.limits:
        found.extend(_beyond(limit, own, placement))
    return tuple(sorted(found, key=_order))


def _order(shortage: Shortage) -> tuple[str, str, int, str, str]:
    return (
        shortage.node or "",
        shortage.resource,
        shortage.start,
        shortage.reason,
        shortage.limit or "",
    )


def _told(
    node: str | None, resource: str, span: Span, reason: Reason, limit: str | None = None
) -> Shortage:
    start, end, short_by, held_by = span
    return Shortage(node, resource, start, end, short_by, reason, limit, held_by)


def _overlapping(problem: Problem, placement: Placement) -> Iterator[Commitment]:
    """Commitments during the placement: on its nodes, or the asker's own anywhere."""
    table = problem.commitments
    used = np.array([name in placement.bundles for name in table.node_names], dtype=bool)
    during = (table.start < placement.end) & (table.end > placement.start)
    if len(table):
        during &= used[table.node] | (table.owner == problem.asker)
    return table.rows(during)


def _closed(problem: Problem, node: str, placement: Placement) -> list[tuple[int, int]]:
    """Maximal times within the placement at which the node is under maintenance."""
    merged: list[tuple[int, int]] = []
    for closed in sorted((m.start, m.end) for m in problem.maintenance if m.node == node):
        start, end = max(closed[0], placement.start), min(closed[1], placement.end)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _short(
    held: Iterable[Commitment], provided: int, asked: int, placement: Placement
) -> Iterator[Span]:
    """Maximal spans at which `asked` is more than what `held` leaves of `provided`."""
    held = list(held)
    times = {placement.start, placement.end}
    times |= {t for row in held for t in (row.start, row.end)}
    moments = sorted(t for t in times if placement.start <= t <= placement.end)
    current: Span | None = None
    for start, end in itertools.pairwise(moments):
        holders = [row for row in held if row.start <= start < row.end]
        free = max(provided - sum(row.amount for row in holders), 0)
        if asked <= free:
            continue
        who = tuple(sorted({row.reservation for row in holders}))
        if current and current[1:] == (start, asked - free, who):
            current = (current[0], end, asked - free, who)
            continue
        if current:
            yield current
        current = (start, end, asked - free, who)
    if current:
        yield current


def _beyond(limit: Limit, own: list[Commitment], placement: Placement) -> Iterator[Shortage]:
    """Where the asker would hold more than the limit."""
    held = [row for row in own if row.node in limit.nodes and row.resource == limit.resource]
    asked = {
        node: bundle[limit.resource]
        for node, bundle in placement.bundles.items()
        if node in limit.nodes and limit.resource in bundle
    }
    if limit.scope is Scope.TOTAL:
        if asked:
            for span in _short(held, limit.amount, sum(asked.values()), placement):
                yield _told(None, limit.resource, span, Reason.LIMIT, limit.name)
        return
    for node, amount in asked.items():
        there = [row for row in held if row.node == node]
        for span in _short(there, limit.amount, amount, placement):
            yield _told(node, limit.resource, span, Reason.LIMIT, limit.name)

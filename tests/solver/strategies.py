"""Random small instances: what a brute force can answer, and everything that is awkward.

Nodes that sort differently by nature and by letter, bytes near 2^63 beside single GPUs, capacities
of zero, commitments beyond capacity, windows too short, nested and touching spans.
"""

import os
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from solver.problem import (
    MAX_AMOUNT,
    Commitment,
    Commitments,
    Limit,
    Maintenance,
    Node,
    Problem,
    Request,
    Scope,
)
from solver.result import Placement

NAMES = ("n1", "n2", "n10", "a3", "n9")
RESOURCES = ("cpu", "gpu", "mem")
ASKER = 1
HORIZON = 40
MANY = 2**60
"""One unit of `mem` in these instances; eight of them are more than 64 bits with a sign hold."""

_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "solver-local",
    max_examples=300,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=_SUPPRESSED,
)
settings.register_profile(
    "solver-ci",
    settings.get_profile("solver-local"),
    max_examples=2000,
    derandomize=True,
)
THOROUGH = settings.get_profile("solver-ci" if os.environ.get("CI") else "solver-local")
"""For the agreement on status and start."""
BRIEF = settings(THOROUGH, max_examples=THOROUGH.max_examples // 5)
"""For everything else."""

minutes = st.one_of(
    st.integers(0, HORIZON), st.integers(0, HORIZON // 5).map(lambda fifth: 5 * fifth)
)
"""Many multiples of five, so that intervals often touch."""
lengths = st.one_of(st.integers(1, 12), st.sampled_from((5, 10, 15)))


def amounts(
    resource: str, least: int, most: int, often: tuple[int, ...] = ()
) -> st.SearchStrategy[int]:
    """Units of a resource: small numbers, or for `mem` bytes of the same proportions."""
    small = st.sampled_from((*range(least, most + 1), *often * 2))
    if resource != "mem":
        return small
    return st.builds(
        lambda units, more: min(max(units * MANY + more, least), MAX_AMOUNT),
        small,
        st.sampled_from((0, 0, -1, 1)),
    )


@st.composite
def bundles(draw: st.DrawFn, resources: tuple[str, ...]) -> dict[str, int]:
    """A demand of at least one resource; small, or large enough to be scaled down."""
    kinds = draw(st.lists(st.sampled_from(resources), min_size=1, unique=True))
    least = draw(st.sampled_from((1, 1, 2, 3)))
    return {kind: draw(amounts(kind, least, least + 3, (least,))) for kind in kinds}


def rarely(times: int) -> st.SearchStrategy[bool]:
    """True once in so many times."""
    return st.sampled_from((False,) * (times - 1) + (True,))


@st.composite
def nodes(draw: st.DrawFn, resources: tuple[str, ...]) -> tuple[Node, ...]:
    """One to five nodes of one to three kinds, so that some are equal."""
    kinds = []
    for _ in range(draw(st.integers(1, 3))):
        kind = {}
        for resource in resources:
            if not draw(rarely(12)):
                kind[resource] = draw(amounts(resource, 0, 7, (4, 5, 6, 7)))
        kinds.append(kind)
    names = draw(st.permutations(NAMES))[: draw(st.sampled_from((5, 4, 3, 2, 1)))]
    return tuple(
        Node(name, draw(st.sampled_from(kinds)), drained=draw(rarely(12))) for name in names
    )


@st.composite
def commitments(draw: st.DrawFn, names: list[str], resources: tuple[str, ...]) -> Commitments:
    """Up to ten, half of them the asker's own; sometimes more than a node holds."""
    rows = []
    for _ in range(draw(st.sampled_from((10, 10, 9, 8, 7, 6, 4, 2, 0)))):
        kind = draw(st.sampled_from(resources))
        start = draw(minutes) // 2 - 3
        reservation = draw(st.integers(1, 8))
        row = Commitment(
            node=draw(st.sampled_from(names)),
            resource=kind,
            amount=draw(amounts(kind, 1, 5)),
            start=start,
            end=start + draw(lengths) + draw(lengths),
            reservation=reservation,
            owner=reservation % 2,
        )
        rows.append(row)
    return Commitments.of(rows)


@st.composite
def maintenances(draw: st.DrawFn, names: list[str]) -> tuple[Maintenance, ...]:
    """Up to three, often touching or overlapping one another."""
    found: list[Maintenance] = []
    for _ in range(draw(st.sampled_from((0, 0, 1, 3)))):
        start, node = draw(minutes), draw(st.sampled_from(names))
        if found and draw(st.booleans()):
            start, node = found[-1].end - draw(st.integers(0, 3)), found[-1].node
        found.append(Maintenance(node, start, start + draw(lengths)))
    return tuple(found)


@st.composite
def limits(draw: st.DrawFn, names: list[str], resources: tuple[str, ...]) -> tuple[Limit, ...]:
    found = []
    for i in range(draw(st.sampled_from((2, 1, 3, 0)))):
        kind = draw(st.sampled_from(resources))
        covered = draw(st.one_of(st.just(names), st.sets(st.sampled_from(names))))
        amount = draw(amounts(kind, 0, 9, (2, 3, 4, 5, 6)))
        scope = draw(st.sampled_from(Scope))
        found.append(Limit(f"limit {i}", kind, frozenset(covered), amount, scope))
    return tuple(found)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    resources = draw(st.sampled_from((RESOURCES, RESOURCES[:2], RESOURCES[1:], RESOURCES[:1])))
    machines = draw(nodes(resources))
    names = [node.name for node in machines]
    return Problem(
        machines,
        draw(commitments(names, resources)),
        draw(maintenances(names)),
        draw(limits(names, resources)),
        ASKER,
    )


def known_resources(problem: Problem) -> tuple[str, ...]:
    """The resources that anything in the problem names, and one that no node may have."""
    named = {kind for node in problem.nodes for kind in node.capacity}
    named |= set(problem.commitments.resource_names)
    return tuple(kind for kind in RESOURCES if kind in named) or RESOURCES[:1]


@st.composite
def requests(draw: st.DrawFn, problem: Problem) -> Request:
    """A bundle on some of the nodes, or bundles that differ on all of some nodes."""
    names = [node.name for node in problem.nodes]
    candidates = draw(st.sampled_from((names, names, names[:3], names[1:] or names, names[:1])))
    duration = draw(lengths)
    release = draw(minutes) // 3
    deadline = HORIZON + 20
    if draw(rarely(3)):
        deadline = release + duration + draw(st.integers(0, 9))
    elif draw(rarely(12)):
        deadline = release + draw(st.sampled_from((0, 1, duration - 1)))
    resources = known_resources(problem)
    if draw(rarely(4)):
        fixed = {node: draw(bundles(resources)) for node in candidates[:3]}
        return Request.fixed(fixed, duration=duration, release=release, deadline=deadline)
    count = min(draw(st.sampled_from((1, 1, 2, 2, 3, 4))), len(candidates))
    if draw(rarely(12)):
        count = len(candidates) + 1
    preferred = draw(st.lists(st.sampled_from(names), unique=True))
    return Request.uniform(
        draw(bundles(resources)),
        candidates,
        count=count,
        duration=duration,
        release=release,
        deadline=deadline,
        preferred=preferred,
    )


@st.composite
def instances(draw: st.DrawFn) -> tuple[Problem, Request]:
    problem = draw(problems())
    return problem, draw(requests(problem))


@st.composite
def placed(draw: st.DrawFn) -> tuple[Problem, Placement]:
    """A problem and any placement on it, right or wrong."""
    problem = draw(problems())
    names = [node.name for node in problem.nodes]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    resources = known_resources(problem)
    start = draw(minutes)
    given = {node: draw(bundles(resources)) for node in chosen}
    return problem, Placement(start, start + draw(lengths), given)


@st.composite
def shuffled(draw: st.DrawFn, problem: Problem, request: Request) -> tuple[Problem, Request]:
    """The same problem and request, told in another order."""
    order = draw(st.permutations(range(len(problem.commitments))))
    table = problem.commitments
    mixed = Commitments(
        table.node_names,
        table.resource_names,
        [
            column[list(order)]
            for column in (
                table.node,
                table.resource,
                table.amount,
                table.start,
                table.end,
                table.reservation,
                table.owner,
            )
        ],
    )
    told = Problem(
        tuple(draw(st.permutations(problem.nodes))),
        mixed,
        tuple(draw(st.permutations(problem.maintenance))),
        tuple(draw(st.permutations(problem.limits))),
        problem.asker,
    )
    asked = {node: request.bundles[node] for node in draw(st.permutations([*request.bundles]))}
    return told, replace(request, bundles=asked)


def told(problem: Problem, what: Request | Placement) -> str:
    """An instance as readable lines, for the report of a failing example."""
    every = np.ones(len(problem.commitments), dtype=np.bool_)
    lines = [f"{node.name}: {dict(node.capacity)} drained={node.drained}" for node in problem.nodes]
    lines += [str(row) for row in problem.commitments.rows(every)]
    lines += [str(closed) for closed in problem.maintenance]
    lines += [str(limit) for limit in problem.limits]
    given = {node: dict(bundle) for node, bundle in what.bundles.items()}
    return "\n".join([*lines, f"asker {problem.asker}; {what}", f"bundles {given}"])

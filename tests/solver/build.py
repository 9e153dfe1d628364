"""Short ways to say a small problem."""

from collections.abc import Iterable, Mapping

from solver.problem import (
    Commitment,
    Commitments,
    Limit,
    Maintenance,
    Node,
    Problem,
    Request,
    Scope,
)
from solver.result import Answer, Placement

ASKER, OTHER = 1, 2


def held(
    node: str,
    amount: int,
    start: int,
    end: int,
    *,
    resource: str = "gpu",
    owner: int = OTHER,
    reservation: int = 1,
) -> Commitment:
    """Units held for `[start, end)`, by default GPUs of somebody else."""
    return Commitment(node, resource, amount, start, end, reservation, owner)


def own(node: str, amount: int, start: int, end: int, *, reservation: int = 9) -> Commitment:
    """GPUs that the asker holds for `[start, end)`."""
    return held(node, amount, start, end, owner=ASKER, reservation=reservation)


def cluster(
    capacity: Mapping[str, int] | Mapping[str, Mapping[str, int]],
    rows: Iterable[Commitment] = (),
    *,
    maintenance: Iterable[Maintenance] = (),
    limits: Iterable[Limit] = (),
    drained: Iterable[str] = (),
) -> Problem:
    """Nodes given by name with their GPUs, or with their capacity of every resource."""
    full = {
        name: {"gpu": given} if isinstance(given, int) else given
        for name, given in capacity.items()
    }
    nodes = tuple(Node(name, given, name in set(drained)) for name, given in full.items())
    return Problem(nodes, Commitments.of(rows), tuple(maintenance), tuple(limits), ASKER)


def each(amount: int, *nodes: str, resource: str = "gpu", name: str = "each") -> Limit:
    """So much on each of the nodes."""
    return Limit(name, resource, frozenset(nodes), amount, Scope.EACH_NODE)


def total(amount: int, *nodes: str, resource: str = "gpu", name: str = "total") -> Limit:
    """So much over all of the nodes."""
    return Limit(name, resource, frozenset(nodes), amount, Scope.TOTAL)


def ask(
    gpus: int,
    nodes: str,
    *,
    count: int = 1,
    duration: int = 10,
    release: int = 0,
    deadline: int = 1000,
    preferred: str = "",
) -> Request:
    """GPUs on any `count` of the nodes, whose names are parted by blanks."""
    return Request.uniform(
        {"gpu": gpus},
        nodes.split(),
        count=count,
        duration=duration,
        release=release,
        deadline=deadline,
        preferred=preferred.split(),
    )


def place(start: int, end: int, **gpus: int) -> Placement:
    """So many GPUs on these nodes for `[start, end)`."""
    return Placement(start, end, {node: {"gpu": amount} for node, amount in gpus.items()})


def found(answer: Answer) -> tuple[int, list[str]] | None:
    """Start and nodes of the first offer; None where there is none."""
    if not answer.offers:
        return None
    placement = answer.offers[0].placement
    return placement.start, sorted(placement.bundles)

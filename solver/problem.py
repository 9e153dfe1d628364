"""Problem data: frozen, validated when built, so that a wrong problem cannot exist.

Times are whole minutes (see `grid`), intervals half-open `[start, end)`, amounts integers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

MAX_AMOUNT = 2**63 - 1
Ints = NDArray[np.int64]
Bundle = Mapping[str, int]
"""Resource name to amount ≥ 1: what is asked of one node."""


_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts names as people do: n2 before n10. Equal numbers fall back to the text itself."""
    parts = _DIGITS.split(name)
    key = tuple((int(part), "") if i % 2 else (-1, part) for i, part in enumerate(parts))
    return (*key, (-1, name))


class ProblemError(ValueError):
    """The data contradict themselves; the message says where."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ProblemError(message)


@dataclass(frozen=True, slots=True)
class Node:
    """A machine with its capacity per resource (units ≥ 0); `drained`: takes nothing new."""

    name: str
    capacity: Mapping[str, int]
    drained: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "capacity", MappingProxyType(dict(self.capacity)))
        for resource, amount in self.capacity.items():
            _require(0 <= amount <= MAX_AMOUNT, f"capacity {resource} of {self.name}: {amount}")


@dataclass(frozen=True, slots=True)
class Commitment:
    """An allocation already granted: `amount` units for `[start, end)` by `reservation`."""

    node: str
    resource: str
    amount: int
    start: int
    end: int
    reservation: int
    owner: int


class Commitments:
    """All commitments as columns of equal length, in no particular order.

    `node` and `resource` index `node_names` and `resource_names`; the rest are the fields of
    `Commitment`. Made from rows by `of`; raises `ProblemError` for an amount below 1 or an end
    not after the start.
    """

    __slots__ = (
        "amount",
        "end",
        "node",
        "node_names",
        "owner",
        "reservation",
        "resource",
        "resource_names",
        "start",
    )

    def __init__(
        self,
        node_names: Sequence[str],
        resource_names: Sequence[str],
        columns: Sequence[Ints],
    ) -> None:
        """`columns`: node, resource, amount, start, end, reservation, owner; int64."""
        self.node_names = tuple(node_names)
        self.resource_names = tuple(resource_names)
        self.node, self.resource, self.amount, self.start, self.end = columns[:5]
        self.reservation, self.owner = columns[5:]
        _require(len({len(column) for column in columns}) == 1, "columns differ in length")
        if len(self) == 0:
            return
        _require(bool((self.amount >= 1).all()), "a commitment holds at least one unit")
        _require(bool((self.end > self.start).all()), "a commitment ends after its start")
        _require(self.node.min() >= 0 and self.node.max() < len(node_names), "node out of range")
        _require(
            self.resource.min() >= 0 and self.resource.max() < len(resource_names),
            "resource out of range",
        )

    @classmethod
    def of(cls, rows: Iterable[Commitment]) -> "Commitments":
        """Columns from single commitments."""
        rows = list(rows)
        nodes = {name: i for i, name in enumerate(dict.fromkeys(row.node for row in rows))}
        kinds = {name: i for i, name in enumerate(dict.fromkeys(row.resource for row in rows))}
        table = [
            (nodes[r.node], kinds[r.resource], r.amount, r.start, r.end, r.reservation, r.owner)
            for r in rows
        ]
        columns = np.array(table, dtype=np.int64).reshape(len(rows), 7).T
        return cls(tuple(nodes), tuple(kinds), list(columns))

    def __len__(self) -> int:
        return len(self.node)

    def within(self, start: int, end: int) -> "Commitments":
        """Those that overlap `[start, end)`, cut to it."""
        keep = (self.start < end) & (self.end > start)
        starts, ends = np.maximum(self.start[keep], start), np.minimum(self.end[keep], end)
        columns = [self.node[keep], self.resource[keep], self.amount[keep], starts, ends]
        columns += [self.reservation[keep], self.owner[keep]]
        return Commitments(self.node_names, self.resource_names, columns)

    def rows(self, mask: NDArray[np.bool_]) -> Iterator[Commitment]:
        """The commitments selected by a boolean mask over the columns, in column order."""
        for i in np.flatnonzero(mask).tolist():
            yield Commitment(
                self.node_names[self.node[i]],
                self.resource_names[self.resource[i]],
                int(self.amount[i]),
                int(self.start[i]),
                int(self.end[i]),
                int(self.reservation[i]),
                int(self.owner[i]),
            )


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A node closed for `[start, end)`."""

    node: str
    start: int
    end: int

    def __post_init__(self) -> None:
        _require(self.end > self.start, f"maintenance of {self.node} ends before it starts")


class Scope(StrEnum):
    EACH_NODE = "each_node"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Limit:
    """The most units of `resource` the asker may hold at any instant on `nodes`.

    Already resolved: `nodes` are exactly those on which it is in force. Each node by itself, or
    the sum over them, by `scope`.
    """

    name: str
    resource: str
    nodes: frozenset[str]
    amount: int
    scope: Scope

    def __post_init__(self) -> None:
        _require(0 <= self.amount <= MAX_AMOUNT, f"limit {self.name}: {self.amount}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a bundle on each of `count` different nodes for `duration` minutes.

    `bundles` maps each candidate node to what it would give. Either all bundles are equal, or
    all candidates are used (`count == len(bundles)`). It runs without a break in
    `[release, deadline)`. `preferred` names nodes, first choice first, for one kind of offer.
    """

    bundles: Mapping[str, Bundle]
    count: int
    duration: int
    release: int
    deadline: int
    preferred: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frozen = {node: MappingProxyType(dict(b)) for node, b in self.bundles.items()}
        object.__setattr__(self, "bundles", MappingProxyType(frozen))
        _require(self.count >= 1, "at least one node is asked")
        _require(self.duration >= 1, "a duration is at least one minute")
        for node, bundle in self.bundles.items():
            _require(bool(bundle), f"nothing is asked of {node}")
            for resource, amount in bundle.items():
                _require(1 <= amount <= MAX_AMOUNT, f"demand {resource} on {node}: {amount}")
        bundles = list(self.bundles.values())
        equal = all(bundle == bundles[0] for bundle in bundles)
        _require(equal or self.count == len(bundles), "bundles differ, yet not all nodes are used")

    @classmethod
    def uniform(
        cls,
        demands: Bundle,
        nodes: Iterable[str],
        *,
        count: int = 1,
        duration: int,
        release: int,
        deadline: int,
        preferred: Sequence[str] = (),
    ) -> "Request":
        """The same `demands` on any `count` of `nodes`."""
        bundles = {node: dict(demands) for node in nodes}
        return cls(bundles, count, duration, release, deadline, tuple(preferred))

    @classmethod
    def fixed(
        cls, bundles: Mapping[str, Bundle], *, duration: int, release: int, deadline: int
    ) -> "Request":
        """Exactly these bundles on exactly these nodes; only the time is open."""
        return cls(bundles, max(len(bundles), 1), duration, release, deadline)

    @property
    def latest_start(self) -> int:
        """The last start that meets the deadline; below `release` when the window is too short."""
        return self.deadline - self.duration


@dataclass(frozen=True)
class Problem:
    """What stands already, as seen by one asker.

    `commitments` holds everything on the candidate nodes in the window looked at, and the
    asker's own on every node that a limit covers. `limits` are those in force for the asker.
    Raises `ProblemError` when a commitment, maintenance or limit names an unknown node.
    """

    nodes: tuple[Node, ...]
    commitments: Commitments = field(default_factory=lambda: Commitments.of(()))
    maintenance: tuple[Maintenance, ...] = ()
    limits: tuple[Limit, ...] = ()
    asker: int = 0
    by_name: Mapping[str, Node] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {node.name: node for node in self.nodes}
        _require(len(by_name) == len(self.nodes), "two nodes share a name")
        object.__setattr__(self, "by_name", MappingProxyType(by_name))
        table = self.commitments
        used = np.flatnonzero(np.bincount(table.node, minlength=1)).tolist()
        named = {table.node_names[i] for i in used}
        named |= {closed.node for closed in self.maintenance}
        named |= {node for limit in self.limits for node in limit.nodes}
        _require(named <= by_name.keys(), f"unknown nodes: {sorted(named - by_name.keys())}")

    def within(self, start: int, end: int) -> "Problem":
        """The same problem with only the commitments that overlap `[start, end)`, cut to it."""
        return replace(self, commitments=self.commitments.within(start, end))

    def limits_of(self, scope: Scope) -> tuple[Limit, ...]:
        """The limits in force with this scope."""
        return tuple(limit for limit in self.limits if limit.scope is scope)

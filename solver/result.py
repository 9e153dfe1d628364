"""Answers: statuses with one meaning each, placements, shortages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from solver.problem import Bundle


class Status(StrEnum):
    OPTIMAL = "optimal"
    """The offer starts as early as possible, and its nodes are the best fit: proven."""
    FEASIBLE = "feasible"
    """The offer is right; that none is better was not proven in time."""
    INFEASIBLE = "infeasible"
    """Nothing fits in the window: proven."""
    UNKNOWN = "unknown"
    """No answer in time. Never to be told as "no room"."""
    INVALID = "invalid"
    """The core contradicted itself: a bug."""


class Reason(StrEnum):
    CAPACITY = "capacity"
    LIMIT = "limit"
    MAINTENANCE = "maintenance"
    DRAINED = "drained"


class Kind(StrEnum):
    """In what an offer differs from the others."""

    EARLIEST = "earliest"
    ELSEWHERE = "elsewhere"
    PREFERRED = "preferred"
    FEWER = "fewer"


@dataclass(frozen=True, slots=True)
class Placement:
    """`bundles` (node to what it gives) for `[start, end)`."""

    start: int
    end: int
    bundles: Mapping[str, Bundle]

    def __post_init__(self) -> None:
        frozen = {node: MappingProxyType(dict(b)) for node, b in self.bundles.items()}
        object.__setattr__(self, "bundles", MappingProxyType(frozen))


@dataclass(frozen=True, slots=True)
class Offer:
    """A placement that can be booked as it stands.

    `proven_earliest`: no earlier start exists for exactly these amounts and this choice of
    nodes.
    """

    placement: Placement
    kind: Kind
    proven_earliest: bool


@dataclass(frozen=True, slots=True)
class Shortage:
    """`short_by` units of `resource` are missing on `node` during all of `[start, end)`.

    A maximal span of equal `short_by` and holders. `node` is None for a total limit; `limit`
    names the limit. `held_by`: ids of the reservations that hold the units, ascending.
    """

    node: str | None
    resource: str
    start: int
    end: int
    short_by: int
    reason: Reason
    limit: str | None = None
    held_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Why no start can ever fit. `resource` is asked `asked` times, `most` could be given.

    `count` nodes are asked, of which `able` have that much (for the cause `capacity`).

    `cause`: `window` (shorter than the duration), `nodes` (fewer candidates than asked),
    `capacity` (too few nodes have that much at all) or `limit` (forbids it even to one who holds
    nothing; `limit` names it).
    """

    cause: str
    resource: str | None = None
    asked: int = 0
    most: int = 0
    limit: str | None = None
    count: int = 0
    able: int = 0


@dataclass(slots=True)
class Effort:
    """Where the time of an answer went, in seconds of the caller's clock, and how many models."""

    sweep: float = 0.0
    model: float = 0.0
    solve: float = 0.0
    models: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """`offers` is empty unless the status is optimal or feasible."""

    status: Status
    offers: tuple[Offer, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    hopeless: Hopeless | None = None
    effort: Effort = field(default_factory=Effort, compare=False)

"""What people are told: offers, shortages, answers. Names and aware times, no rows."""

from dataclasses import dataclass
from datetime import datetime

from remas.services.requests import AllocationSpec


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds units that are short, and how to reach them."""

    reservation: int
    username: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class ShortageFound:
    """`short_by` units missing for `[starts_at, ends_at)`; `node` None for a total limit."""

    node: str | None
    resource: str
    starts_at: datetime
    ends_at: datetime
    short_by: int
    reason: str
    limit: str | None
    held_by: tuple[Holder, ...]


@dataclass(frozen=True, slots=True)
class OfferFound:
    """A placement `[starts_at, ends_at)` that can be booked as it stands.

    `kind` is one of solver.result.Kind; `note` says in a sentence what differs, None for the
    earliest.
    """

    starts_at: datetime
    ends_at: datetime
    allocations: tuple[AllocationSpec, ...]
    kind: str
    proven_earliest: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Effort:
    """Where the time of an answer went, in seconds."""

    reading: float = 0.0
    sweep: float = 0.0
    model: float = 0.0
    solve: float = 0.0


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """`status`: optimal, feasible or infeasible. `detail` tells in words what is to be told."""

    status: str
    offers: tuple[OfferFound, ...]
    shortages: tuple[ShortageFound, ...]
    detail: str | None
    hopeless: bool = False  # it would not fit an empty cluster either
    effort: Effort = Effort()

"""What people ask, frozen: forms and JSON both end in these. Names, aware times, whole amounts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from remas.models import Reservation


@dataclass(frozen=True, slots=True)
class AllocationSpec:
    """`amount` units (base unit) of a resource on a node, both by name."""

    node: str
    resource: str
    amount: int


@dataclass(frozen=True, slots=True)
class OfferRequest:
    """A search. `demands` (resource to amount) is what each of `node_count` nodes gives.

    `bundles` instead (node to demands) asks exactly these nodes for exactly that: only the time
    is open. `earliest` None: now; `latest_end` None: the horizon; `nodes` empty: any.
    """

    duration: timedelta
    demands: Mapping[str, int] = field(default_factory=dict)
    bundles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    node_count: int = 1
    nodes: tuple[str, ...] = ()
    earliest: datetime | None = None
    latest_end: datetime | None = None
    max_offers: int = 1
    exclude_reservation: int | None = None


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A placement given in full, to be booked for the one who asks."""

    name: str
    starts_at: datetime
    ends_at: datetime
    allocations: tuple[AllocationSpec, ...]
    description: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """New values for some fields of a reservation; None leaves the field alone.

    `description` "" takes it away. `version`: what the person saw, if it is to be compared.
    """

    name: str | None = None
    description: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    allocations: tuple[AllocationSpec, ...] | None = None
    tags: tuple[str, ...] | None = None
    version: int | None = None

    @property
    def moves(self) -> bool:
        """Whether time or amounts are to change."""
        return any(v is not None for v in (self.starts_at, self.ends_at, self.allocations))


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A key of the caller's, the request's fingerprint, and how its answer is written down."""

    key: str
    fingerprint: str
    render: Callable[[Reservation], dict[str, Any]]

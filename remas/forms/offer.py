"""An offer on its way through a page: written into its button, read back when it is pressed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remas.services.requests import AllocationSpec

BROKEN = "This offer cannot be read. Search again."


@dataclass(frozen=True, slots=True)
class Placed:
    """A placement in full: allocations for `[starts_at, ends_at)`."""

    starts_at: datetime
    ends_at: datetime
    allocations: tuple[AllocationSpec, ...]


def write_offer(offer: Any) -> str:
    """Whatever has `starts_at`, `ends_at` and `allocations`, as compact JSON."""
    bundles: dict[str, dict[str, int]] = {}
    for spec in offer.allocations:
        bundles.setdefault(spec.node, {})[spec.resource] = spec.amount
    span = [offer.starts_at.isoformat(), offer.ends_at.isoformat()]
    return json.dumps([*span, bundles], separators=(",", ":"))


def read_offer(text: str) -> Placed:
    """What was written. Raises `ValueError` for anything else."""
    try:
        starts_at, ends_at, bundles = json.loads(text)
        placed = Placed(
            datetime.fromisoformat(starts_at),
            datetime.fromisoformat(ends_at),
            tuple(_read_bundles(bundles)),
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError(BROKEN) from None
    if placed.starts_at.tzinfo is None or placed.ends_at.tzinfo is None:
        raise ValueError(BROKEN)
    return placed


def _read_bundles(bundles: Mapping[str, Mapping[str, int]]) -> Iterable[AllocationSpec]:
    for node, bundle in bundles.items():
        for resource, amount in bundle.items():
            if type(amount) is not int:
                raise ValueError(BROKEN)
            yield AllocationSpec(node, resource, amount)

"""What a person asked for last, to ask for it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Forbidden
from remas.extensions import db
from remas.models import Allocation, Reservation
from remas.services.actor import Actor

LOOKED_AT = 20
"""How many of the last reservations are read to find ones that differ."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A question asked before: `demands` of each of `node_count` nodes for `duration`."""

    name: str
    duration: timedelta
    node_count: int
    demands: Mapping[str, int]


def last(actor: Actor, most: int = 4) -> tuple[Preset, ...]:
    """The latest ones first, none twice; those that take another amount on each node are left out.

    Three queries. Raises `Forbidden` for the system.
    """
    if actor.id is None:
        raise Forbidden("Only a person has reservations.")
    rows = db.session().scalars(
        select(Reservation)
        .where(Reservation.owner_id == actor.id, Reservation.cancelled_at.is_(None))
        .order_by(Reservation.created_at.desc(), Reservation.id.desc())
        .limit(LOOKED_AT)
        .options(
            selectinload(Reservation.allocations).joinedload(Allocation.resource),
            selectinload(Reservation.allocations).joinedload(Allocation.node),
            joinedload(Reservation.owner),
        )
    )
    found: dict[tuple[object, ...], Preset] = {}
    for reservation in rows:
        preset = _preset(reservation)
        if preset is not None:
            key = (preset.duration, preset.node_count, *sorted(preset.demands.items()))
            found.setdefault(key, preset)
    return tuple(found.values())[:most]


def _preset(reservation: Reservation) -> Preset | None:
    bundles: dict[int, dict[str, int]] = {}
    for held in reservation.allocations:
        bundles.setdefault(held.node_id, {})[held.resource.name] = held.amount
    demands = next(iter(bundles.values()), None)
    if not demands or any(bundle != demands for bundle in bundles.values()):
        return None
    if reservation.released_at is not None:
        return None  # what was asked for is no longer known
    duration = reservation.ends_at - reservation.starts_at
    return Preset(reservation.name, duration, len(bundles), demands)

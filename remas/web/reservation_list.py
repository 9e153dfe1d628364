"""One's own reservations to take along: a line for each allocation, as the API's CSV has them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import Response

from remas import clock
from remas.models import Reservation
from remas.services import reservations
from remas.services.actor import Actor
from remas.services.reservations import ReservationFilter
from remas.web import export
from remas.web.export import Format

COLUMNS = (
    "id",
    "name",
    "description",
    "owner",
    "starts_at",
    "ends_at",
    "status",
    "tags",
    "created_at",
    "updated_at",
    "node",
    "resource",
    "amount",
)
MOST = 20_000
"""So many are taken along, the latest ones: beyond it the API has pages."""


def own(actor: Actor, form: Format) -> Response:
    """All reservations of the actor, latest first, whatever became of them."""
    wanted = ReservationFilter(owner=actor.username, latest_first=True)
    found = reservations.search(actor, wanted, 1, MOST)
    now = clock.now()
    rows = (line for reservation in found.items for line in _lines(reservation, now))
    return export.answer(form, "reservations", COLUMNS, rows)


def _lines(row: Reservation, now: datetime) -> Iterator[list[Any]]:
    facts = [
        row.id,
        row.name,
        row.description,
        row.owner.username,
        row.starts_at,
        row.ends_at,
        row.status(now),
        [tag.name for tag in row.tags],
        row.created_at,
        row.updated_at,
    ]
    held = [[a.node.name, a.resource.name, a.amount] for a in row.allocations]
    nothing: list[list[Any]] = [[None, None, None]]
    for allocation in sorted(held) or nothing:
        yield [*facts, *allocation]

"""What is around an offer: how much stays free on its nodes before, during and after."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from remas import clock
from remas.extensions import db
from remas.models import Maintenance, Unit
from remas.services.answers import OfferFound
from remas.services.availability import Cluster, free_steps, overlapping, read_cluster

LEAST = timedelta(hours=2)
"""At least so much is shown before and after an offer."""


@dataclass(frozen=True, slots=True)
class Line:
    """One resource on the node of the offer that has least of it free, from moment to moment.

    `steps`: (moment, free units), the first at the start of the strip. `asked` is what the offer
    takes of it on one node; `capacity` the most that one of the nodes has.
    """

    resource: str
    unit: Unit
    capacity: int
    asked: int
    steps: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`[start, end)` with the offer inside; `closed`: maintenance on one of the nodes, clipped."""

    start: datetime
    end: datetime
    nodes: tuple[str, ...]
    lines: tuple[Line, ...]
    closed: tuple[tuple[datetime, datetime], ...]


def around(offers: Sequence[OfferFound]) -> tuple[Surroundings, ...]:
    """One for each offer. Three queries, and two for each offer."""
    if not offers:
        return ()
    cluster = read_cluster(db.session())
    return tuple(_around(cluster, offer) for offer in offers)


def _around(cluster: Cluster, offer: OfferFound) -> Surroundings:
    margin = max((offer.ends_at - offer.starts_at) / 2, LEAST)
    # What is over is of no interest, but a little ground before the offer lets it be seen.
    earliest = clock.now().replace(second=0, microsecond=0) - margin / 8
    window = max(offer.starts_at - margin, earliest), offer.ends_at + margin
    nodes = tuple(dict.fromkeys(spec.node for spec in offer.allocations))
    known = [name for name in nodes if name in cluster.node_ids]
    rows = overlapping(db.session(), cluster, known, window)
    free = free_steps(cluster, rows, known, window)
    resources = dict.fromkeys(spec.resource for spec in offer.allocations)
    lines = tuple(_line(cluster, offer, resource, free) for resource in resources)
    return Surroundings(*window, nodes, lines, _closed(cluster, known, window))


def _line(
    cluster: Cluster,
    offer: OfferFound,
    resource: str,
    free: Mapping[tuple[str, str], Sequence[tuple[datetime, int]]],
) -> Line:
    asked = {spec.node: spec.amount for spec in offer.allocations if spec.resource == resource}
    series = [free[node, resource] for node in asked if (node, resource) in free]
    capacities = [
        cluster.capacity[node].get(resource, 0) for node in asked if node in cluster.capacity
    ]
    return Line(
        resource=resource,
        unit=cluster.units.get(resource, Unit.NONE),
        capacity=max(capacities, default=0),
        asked=max(asked.values()),
        steps=_least(series),
    )


def _least(series: Iterable[Sequence[tuple[datetime, int]]]) -> tuple[tuple[datetime, int], ...]:
    """The smallest of several step functions that begin at one moment."""
    series = [list(steps) for steps in series]
    moments = sorted({moment for steps in series for moment, _ in steps})
    times = [[moment for moment, _ in steps] for steps in series]
    result: list[tuple[datetime, int]] = []
    for moment in moments:
        at = (
            steps[bisect_right(known, moment) - 1][1]
            for steps, known in zip(series, times, strict=True)
        )
        least = min(at)
        if not result or result[-1][1] != least:
            result.append((moment, least))
    return tuple(result)


def _closed(
    cluster: Cluster, nodes: Iterable[str], window: tuple[datetime, datetime]
) -> tuple[tuple[datetime, datetime], ...]:
    start, end = window
    rows = db.session().execute(
        select(Maintenance.starts_at, Maintenance.ends_at)
        .where(Maintenance.ends_at > start, Maintenance.starts_at < end)
        .where(Maintenance.node_id.in_([cluster.node_ids[name] for name in nodes]))
        .order_by(Maintenance.starts_at)
    )
    return tuple((max(begins, start), min(ends, end)) for begins, ends in rows)

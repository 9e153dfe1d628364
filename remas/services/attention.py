"""What needs a look by an administrator: only what is there, and how much of it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from sqlalchemy import ColumnElement, func, select

from remas import clock
from remas.extensions import db
from remas.models import (
    Allocation,
    Base,
    Capacity,
    Maintenance,
    Node,
    NodeState,
    Notification,
    NotificationType,
    Outbox,
    Reservation,
    Status,
    User,
)
from remas.services import monitoring_standing
from remas.services.actor import Actor
from remas.services.reservations import in_status


class Matter(StrEnum):
    """A kind of thing to look at."""

    OVER_COMMITTED = "over-committed"  # nodes of which more is reserved than they have
    DEAD_LETTERS = "dead letters"
    GRAFANA_BEHIND = "grafana behind"  # people who have been waiting for long
    GRAFANA_REFUSES = "grafana refuses"  # people for whom Grafana does not take it
    WAITING_ALERTS = "waiting alerts"  # people's own, which an administrator has to approve
    ORPHANED = "orphaned"  # scheduled reservations of deactivated people
    ONE_TIME = "one-time"  # accounts whose password was never changed
    DRAINED = "drained"  # nodes
    MAINTENANCE = "maintenance"  # to come, or going on


@dataclass(frozen=True, slots=True)
class Look:
    """So many of this matter; never 0."""

    matter: Matter
    number: int


def look(actor: Actor) -> list[Look]:
    """What there is, the most pressing first. For administrators."""
    actor.require_admin()
    return [Look(matter, number) for matter, number in _counts() if number]


def _counts() -> Iterator[tuple[Matter, int]]:
    now = clock.now()
    alerts = [kind for kind in NotificationType if kind.is_alert]
    yield Matter.OVER_COMMITTED, _over_committed(now)
    yield Matter.DEAD_LETTERS, _number(Outbox, Outbox.dead_at.is_not(None))
    if grafana := monitoring_standing.numbers():
        yield Matter.GRAFANA_BEHIND, grafana.people if grafana.is_late else 0
        yield Matter.GRAFANA_REFUSES, grafana.refused
    yield (
        Matter.WAITING_ALERTS,
        _number(
            Notification,
            Notification.owner_id.is_not(None),
            Notification.type.in_(alerts),
            Notification.approved_at.is_(None),
        ),
    )
    closed = select(User.id).where(~User.active)
    left = Reservation.owner_id.in_(closed), in_status(Status.SCHEDULED, now)
    yield Matter.ORPHANED, _number(Reservation, *left)
    yield (
        Matter.ONE_TIME,
        _number(User, User.active.is_(True), User.password_change_required.is_(True)),
    )
    yield Matter.DRAINED, _number(Node, Node.state == NodeState.DRAINED)
    yield Matter.MAINTENANCE, _number(Maintenance, Maintenance.ends_at > now)


def _over_committed(now: datetime) -> int:
    """On how many nodes more is held at some moment from now on than there is. Two queries."""
    session = db.session()
    stored = select(Capacity.node_id, Capacity.resource_id, Capacity.amount)
    capacity = {(node, resource): amount for node, resource, amount in session.execute(stored)}
    alive = Reservation.cancelled_at.is_(None), Reservation.ends_at > now
    rows = session.execute(
        select(
            *(Allocation.node_id, Allocation.resource_id, Allocation.amount),
            *(Reservation.starts_at, Reservation.ends_at),
        )
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(*alive)
    )
    changes: dict[tuple[int, int], dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for node, resource, amount, starts_at, ends_at in rows:
        changes[node, resource][max(starts_at, now)] += amount
        changes[node, resource][ends_at] -= amount
    over = {
        node
        for (node, resource), steps in changes.items()
        if max(accumulate(steps[at] for at in sorted(steps))) > capacity.get((node, resource), 0)
    }
    return len(over)


def _number(table: type[Base], *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(*conditions)
    return db.session().scalar(query) or 0

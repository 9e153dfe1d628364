"""What should be watched in Grafana, for whom: read from what is reserved and assigned now."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.grafana.wish import Alert, Person, Wish
from remas.letters import alert as templates
from remas.models import (
    ADMINISTRATORS,
    Allocation,
    Capacity,
    Node,
    NodeState,
    Notification,
    NotificationType,
    Reservation,
    User,
)
from remas.services import notified
from remas.services.groups import descendants
from remas.services.reservations import held_at
from remas.services.transaction import DbSession

log = logging.getLogger(__name__)

PEOPLE_AT_ONCE = 500
ALERTS = (NotificationType.EXCEEDANCE_TASK, NotificationType.EXCEEDANCE_GENERAL)
ADMIN = "admin"  # the author of what an administrator made, as the labels of rules say it

Held = Mapping[tuple[int, int, int], int]
"""(user, node, resource) ids to the units held at one moment."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """A notification with its template parsed, and the nodes that offer what it watches."""

    notification: Notification
    rule: Mapping[str, object]
    offered: Sequence[Capacity]


def wishes(
    session: DbSession, user_ids: Collection[int], moment: datetime | None = None
) -> Iterator[Wish]:
    """What each of these users should have in Grafana; unknown ids are left out.

    What is held counts as of `moment`; None: now. A constant number of queries for every 500
    users.
    """
    ids = sorted(user_ids)
    for start in range(0, len(ids), PEOPLE_AT_ONCE):
        some = ids[start : start + PEOPLE_AT_ONCE]
        yield from _wishes(session, some, moment or clock.now())


def _wishes(session: DbSession, user_ids: Sequence[int], now: datetime) -> Iterator[Wish]:
    people = session.scalars(select(User).where(User.id.in_(user_ids)).order_by(User.id)).all()
    administrative = descendants(session, ADMINISTRATORS)
    effective = notified.effective(session, user_ids)
    watches = _watches(session, set().union(*effective.values()))
    held = _held_at(session, user_ids, now)
    for user in people:
        person = Person(
            user.id,
            user.username,
            user.full_name,
            user.email,
            is_admin=user.group_id in administrative,
            closed=not user.active,
        )
        mine = [watches[n] for n in sorted(effective.get(user.id, ())) if n in watches]
        alerts = () if person.closed else _alerts(user, mine, held)
        yield Wish(person, tuple(alerts))


def _watches(session: DbSession, notification_ids: Collection[int]) -> dict[int, _Watch]:
    """Those of these notifications that are alerts in force."""
    if not notification_ids:
        return {}
    approved = or_(Notification.owner_id.is_(None), Notification.approved_at.is_not(None))
    found = session.scalars(
        select(Notification)
        .where(Notification.id.in_(notification_ids), Notification.type.in_(ALERTS), approved)
        .options(joinedload(Notification.resource), joinedload(Notification.owner))
    ).all()
    offered = _offered(session, {notification.resource_id for notification in found})
    return {
        notification.id: _Watch(notification, rule, offered.get(notification.resource_id, ()))
        for notification in found
        if (rule := _parsed(notification)) is not None
    }


def _parsed(notification: Notification) -> dict[str, object] | None:
    """The template; None: nobody could read it, which is to stop no other notification."""
    try:
        return templates.parse(notification.template or "{}")
    except ValueError as error:
        log.error("The alert %s watches nothing: %s", notification.name, error)
        return None


def _offered(
    session: DbSession, resource_ids: Collection[int | None]
) -> dict[int | None, list[Capacity]]:
    """Where each of these resources is offered, by node."""
    rows = session.scalars(
        select(Capacity)
        .join(Capacity.node)
        .where(
            Capacity.resource_id.in_(resource_ids),
            Capacity.amount > 0,
            Node.state != NodeState.RETIRED,
        )
        .options(joinedload(Capacity.node))
        .order_by(Capacity.node_id)
    )
    found: dict[int | None, list[Capacity]] = defaultdict(list)
    for capacity in rows:
        found[capacity.resource_id].append(capacity)
    return found


def _held_at(session: DbSession, user_ids: Collection[int], moment: datetime) -> Held:
    rows = session.execute(
        select(
            Reservation.owner_id,
            Allocation.node_id,
            Allocation.resource_id,
            func.sum(Allocation.amount),
        )
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(Reservation.owner_id.in_(user_ids), held_at(moment))
        .group_by(Reservation.owner_id, Allocation.node_id, Allocation.resource_id)
    )
    return {(owner, node, resource): int(amount) for owner, node, resource, amount in rows}


def _alerts(user: User, watches: Sequence[_Watch], held: Held) -> Iterator[Alert]:
    """One for each notification and node that offers what it watches."""
    about_user = templates.values_of_user(user)
    for watch in watches:
        notification, resource = watch.notification, watch.notification.resource
        if resource is None:
            continue
        about_resource = templates.values_of_resource(resource)
        for capacity in watch.offered:
            reserved = held.get((user.id, capacity.node_id, resource.id), 0)
            amount = _threshold(notification, reserved)
            yield Alert(
                notification_id=notification.id,
                node_id=capacity.node_id,
                node=capacity.node.name,
                resource_id=resource.id,
                rule=watch.rule,
                values={
                    **about_user,
                    **about_resource,
                    **templates.values_of_capacity(capacity),
                    "allocation_amount": amount,
                },
                amount=amount,
                reserved=amount != (notification.default_amount or 0),
                author=notification.owner.username if notification.owner else ADMIN,
            )


def _threshold(notification: Notification, reserved: int) -> int:
    """From how much on it alerts: what is reserved, never below what may be used anyway."""
    default = notification.default_amount or 0
    if notification.type is NotificationType.EXCEEDANCE_GENERAL:
        return default
    return max(default, reserved)

"""What hangs directly on users, groups and tags: each in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import joinedload

from remas import clock
from remas.errors import Forbidden
from remas.extensions import db
from remas.models import Group, Limit, Notification, Reservation, Status, Tag, User
from remas.models.notification import notification_group, notification_user
from remas.models.reservation import reservation_tag
from remas.services import groups
from remas.services.actor import Actor
from remas.services.reservations import in_status

KEPT = (Status.SCHEDULED, Status.RUNNING, Status.FINISHED)
"""All that was not cancelled."""

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class OfUser:
    """`created`: notifications of the user's own; `notifications`: those assigned directly."""

    limits: tuple[Limit, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    tags: tuple[Tag, ...] = ()
    created: tuple[Notification, ...] = ()
    notifications: tuple[Notification, ...] = ()


@dataclass(frozen=True, slots=True)
class OfGroup:
    """Groups right below it, its own limits, notifications assigned to it."""

    children: tuple[Group, ...] = ()
    limits: tuple[Limit, ...] = ()
    notifications: tuple[Notification, ...] = ()


def of_users(
    actor: Actor, users: Collection[int] | None = None, statuses: Collection[Status] = KEPT
) -> dict[int, OfUser]:
    """By user id; None: of everybody. Reservations of `statuses` by start. Five queries.

    Raises `Forbidden` unless they are the actor alone, or the actor is an administrator.
    """
    if not actor.is_admin and (users is None or any(user != actor.id for user in users)):
        raise Forbidden("Only administrators see what belongs to others.")
    now = clock.now()
    wanted = or_(*(in_status(status, now) for status in statuses))
    limits = _by(Limit.user_id, users, select(Limit).order_by(Limit.name, Limit.id))
    held = select(Reservation).where(wanted).order_by(Reservation.starts_at, Reservation.id)
    reservations = _by(Reservation.owner_id, users, held)
    tags = _by(Tag.user_id, users, select(Tag).order_by(Tag.name, Tag.id))
    by_name = select(Notification).order_by(Notification.name, Notification.id)
    created = _by(Notification.owner_id, users, by_name)
    assigned = _assigned(notification_user.c.user_id, notification_user, users)
    known = {*limits, *reservations, *tags, *created, *assigned, *(users or ())}
    return {
        user: OfUser(
            tuple(limits.get(user, ())),
            tuple(reservations.get(user, ())),
            tuple(tags.get(user, ())),
            tuple(created.get(user, ())),
            tuple(assigned.get(user, ())),
        )
        for user in known
    }


def of_groups(actor: Actor, group_ids: Collection[int] | None = None) -> dict[int, OfGroup]:
    """By group id; None: of all. Three queries.

    Raises `Forbidden` unless they are the actor's own group alone, or the actor is an
    administrator.
    """
    if not actor.is_admin:
        own = db.session().scalar(select(User.group_id).where(User.id == actor.id))
        if group_ids is None or any(group != own for group in group_ids):
            raise Forbidden("Only administrators and its members see a group.")
    children = _by(Group.parent_id, group_ids, select(Group).order_by(Group.name, Group.id))
    limits = _by(Limit.group_id, group_ids, select(Limit).order_by(Limit.name, Limit.id))
    assigned = _assigned(notification_group.c.group_id, notification_group, group_ids)
    known = {*children, *limits, *assigned, *(group_ids or ())}
    return {
        group: OfGroup(
            tuple(children.get(group, ())),
            tuple(limits.get(group, ())),
            tuple(assigned.get(group, ())),
        )
        for group in known
    }


def chain(actor: Actor, group_id: int) -> list[Group]:
    """A group and those above it, nearest first. For administrators and who is in or below it.

    Raises `Forbidden`.
    """
    session = db.session()
    above = groups.lineage(session, group_id)
    if not actor.is_admin:
        own = session.scalar(select(User.group_id).where(User.id == actor.id))
        if own is None or group_id not in groups.lineage(session, own):
            raise Forbidden("Only administrators and its members see a group.")
    rows = {row.id: row for row in session.scalars(select(Group).where(Group.id.in_(above)))}
    return [rows[number] for number in above if number in rows]


def of_tags(tags: Collection[int]) -> dict[int, tuple[Reservation, ...]]:
    """The reservations, cancelled ones left out, that carry the tags; with their owners."""
    column = reservation_tag.c.tag_id
    rows = db.session().execute(
        select(column, Reservation)
        .join(Reservation, Reservation.id == reservation_tag.c.reservation_id)
        .options(joinedload(Reservation.owner))
        .where(column.in_(tags), Reservation.cancelled_at.is_(None))
        .order_by(Reservation.starts_at, Reservation.id)
    )
    found = _grouped((tag, reservation) for tag, reservation in rows)
    return {tag: tuple(found.get(tag, ())) for tag in tags}


def _by(column: Any, ids: Collection[int] | None, query: Select[Any]) -> dict[int, list[Any]]:
    """What `query` selects, by the value of `column`, which is one of `ids`."""
    rows = db.session().scalars(query.where(_among(column, ids)))
    return _grouped((getattr(row, column.key), row) for row in rows)


def _assigned(column: Any, table: Any, ids: Collection[int] | None) -> dict[int, list[Any]]:
    """Notifications by whom they are assigned to."""
    rows = db.session().execute(
        select(column, Notification)
        .join(table, table.c.notification_id == Notification.id)
        .where(_among(column, ids))
        .order_by(Notification.name, Notification.id)
    )
    return _grouped((subject, notification) for subject, notification in rows)


def _among(column: Any, ids: Collection[int] | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column.is_not(None) if ids is None else column.in_(ids)
    return condition


def _grouped(pairs: Iterable[tuple[int, Thing]]) -> dict[int, list[Thing]]:
    found: dict[int, list[Thing]] = defaultdict(list)
    for key, thing in pairs:
        found[key].append(thing)
    return found

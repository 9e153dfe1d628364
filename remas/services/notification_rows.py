"""Rows of notifications: whom they reach, who may see and change them, how they are held."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Forbidden, NotFound
from remas.models import Notification, User
from remas.services import audit, groups, locks
from remas.services.actor import Actor
from remas.services.transaction import DbSession


@dataclass(frozen=True, slots=True)
class Known:
    """A notification as somebody may see it: to whom it is assigned, by name, in order.

    Others than administrators see of `users` and `groups` only by which it reaches them.
    `unchecked`: it was saved just now without looking whether its data sources are in Grafana,
    which did not answer.
    """

    notification: Notification
    users: tuple[str, ...]
    groups: tuple[str, ...]
    unchecked: bool = False


def hold(
    session: DbSession, actor: Actor, notification_id: int, more: Collection[int] = ()
) -> tuple[Notification, set[int]]:
    """A notification that the actor may change; the tree, and whom it reaches, are locked.

    With the ids of those whom it reaches and of `more`, who are locked as well. Raises
    `NotFound`, `Forbidden`.
    """
    locks.lock_tree(session)
    notification = load(session, notification_id)
    require_owner(session, actor, notification)
    people = reach(session, notification) | set(more)
    locks.lock(session, users=people)
    return notification, people


def reach(session: DbSession, notification: Notification) -> set[int]:
    """The ids of the users to whom it is assigned, directly or by a group above them."""
    people = {user.id for user in notification.users}
    for group in notification.groups:
        people |= groups.members_below(session, group.id)
    return people


def facts(notification: Notification) -> dict[str, Any]:
    """What the audit keeps of a notification."""
    columns = ("name", "description", "time_offset", "subject", "template", "default_amount")
    return {
        **{name: getattr(notification, name) for name in columns},
        "type": notification.type.value,
        "resource": notification.resource.name if notification.resource else None,
        "owner": notification.owner.username if notification.owner else None,
        "approved_by": notification.approved_by,
        "users": sorted(user.username for user in notification.users),
        "groups": sorted(group.name for group in notification.groups),
    }


def record_change(
    session: DbSession, actor: Actor, notification: Notification, before: dict[str, Any]
) -> None:
    """Write down what became different."""
    session.flush()
    subject = notification.id, notification.name
    audit.record_change(session, actor, "notification", subject, before, facts(notification))


def missing(notification_id: int) -> NotFound:
    """What to raise."""
    return NotFound(f"There is no notification {notification_id}.")


def whole() -> Sequence[Any]:
    """All that hangs on a notification, read with it."""
    return (
        joinedload(Notification.resource),
        joinedload(Notification.owner),
        selectinload(Notification.users),
        selectinload(Notification.groups),
    )


def load(session: DbSession, notification_id: int) -> Notification:
    """The notification as it is stored now. Raises `NotFound`."""
    query = select(Notification).where(Notification.id == notification_id).options(*whole())
    notification = session.scalar(query.execution_options(populate_existing=True))
    if notification is None:
        raise missing(notification_id)
    return notification


def require_owner(session: DbSession, actor: Actor, notification: Notification) -> None:
    """Raises `NotFound` for what the actor may not even see, `Forbidden` for what he may not do."""
    if actor.is_admin or (actor.id is not None and notification.owner_id == actor.id):
        return
    if not may_see(session, actor, notification):
        raise missing(notification.id)
    raise Forbidden("Only its owner or an administrator may change a notification.")


def may_see(session: DbSession, actor: Actor, notification: Notification) -> bool:
    """Whether it is the actor's own, or an administrator's that reaches the actor."""
    if actor.is_admin or notification.owner_id == actor.id:
        return True
    return notification.owner_id is None and actor.id in reach(session, notification)


def seen_by(
    session: DbSession,
    actor: Actor,
    notification: Notification,
    above: Collection[int] | None = None,
) -> Known:
    """The notification as the actor may see it; `above` is `groups_above`, where it is known."""
    users = sorted(user.username for user in notification.users)
    listed = sorted(notification.groups, key=lambda group: group.name)
    if not actor.is_admin:
        users = [username for username in users if username == actor.username]
        above = groups_above(session, actor) if above is None else above
        listed = [group for group in listed if group.id in above]
    return Known(notification, tuple(users), tuple(group.name for group in listed))


def groups_above(session: DbSession, actor: Actor) -> list[int]:
    """The ids of the actor's group and of all above it."""
    group_id = session.scalar(select(User.group_id).where(User.id == actor.id))
    return [] if group_id is None else groups.lineage(session, group_id)

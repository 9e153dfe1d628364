"""Whom notifications are for: one's own for oneself, administrators' for anybody."""

from typing import Any

from sqlalchemy import select

from remas.errors import Invalid
from remas.models import Group, Notification, User
from remas.services import groups, locks, notification_rows, reminders
from remas.services.actor import Actor
from remas.services.notification_rows import Known
from remas.services.precondition import Seen, anything
from remas.services.transaction import DbSession, writing

ONE_SUBJECT = "A notification is assigned to one user or to one group."


def assign(
    actor: Actor,
    notification_id: int,
    *,
    user: str | None = None,
    group: str | None = None,
    seen: Seen = anything,
) -> Known:
    """Have a notification reach a user, or all members of a group and of those below it.

    Exactly one of the two, by name; again: nothing changes. It counts for all coming
    reservations; what is due already is not sent. Raises `NotFound`, `Forbidden`, `Invalid`
    (also for a person's own and somebody else), `Stale`.
    """
    return _set(actor, notification_id, user, group, seen, wanted=True)


def unassign(
    actor: Actor,
    notification_id: int,
    *,
    user: str | None = None,
    group: str | None = None,
    seen: Seen = anything,
) -> Known:
    """Take an assignment away; one that is not there: nothing changes.

    Whom the notification still reaches by another way keeps it. Raises as `assign`.
    """
    return _set(actor, notification_id, user, group, seen, wanted=False)


def _set(
    actor: Actor,
    notification_id: int,
    username: str | None,
    group_name: str | None,
    seen: Seen,
    *,
    wanted: bool,
) -> Known:
    if bool(username) == bool(group_name):
        raise Invalid.field("user", ONE_SUBJECT)
    with writing() as session:
        locks.lock_tree(session)  # so that who is below the group stays as it is
        notification = notification_rows.load(session, notification_id)
        notification_rows.require_owner(session, actor, notification)
        _require_own(notification, username)
        subject = _subject(session, username, group_name)
        people = _people(session, subject)
        notification, _ = notification_rows.hold(session, actor, notification_id, people)
        seen(notification_rows.seen_by(session, actor, notification))
        before = notification_rows.facts(notification)
        listed: list[Any] = notification.users if isinstance(subject, User) else notification.groups
        if wanted and subject not in listed:
            listed.append(subject)
        elif not wanted and subject in listed:
            listed.remove(subject)
        notification_rows.record_change(session, actor, notification, before)
        reminders.replan(session, people)
        return notification_rows.seen_by(session, actor, notification)


def _subject(session: DbSession, username: str | None, group_name: str | None) -> User | Group:
    """The user or group of this name. Raises `Invalid`."""
    if group_name:
        return groups.by_name(session, group_name, "group")
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise Invalid.field("user", f"There is no user {username}.")
    return user


def _people(session: DbSession, subject: User | Group) -> set[int]:
    if isinstance(subject, User):
        return {subject.id}
    return groups.members_below(session, subject.id)


def _require_own(notification: Notification, username: str | None) -> None:
    """Raises `Invalid` where a person's own is to be for somebody else."""
    owner = notification.owner
    if owner is not None and owner.username != username:
        path = "group" if username is None else "user"
        raise Invalid.field(path, "A person's own notification is for that person alone.")

"""Notifications: what is told when reservations start or end, or when more is used than reserved.

An administrator's (owner none) is for everybody it is assigned to; a person's own for that person
alone. Every change of them holds the tree of groups and then the people whom they reach, by id, so
that nobody books, joins or leaves meanwhile; the reminders of those people are planned afresh in
the same transaction.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from remas import clock
from remas.errors import Conflict, Forbidden, Invalid
from remas.extensions import db
from remas.models import Group, Notification, NotificationType, Outbox, Resource, User
from remas.models.outbox import OPEN
from remas.services import (
    alert_sources,
    audit,
    groups,
    locks,
    notification_rows,
    notification_rules,
    reminders,
)
from remas.services.actor import Actor
from remas.services.alert_sources import Looked
from remas.services.notification_rows import Known
from remas.services.notification_rules import Draft
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique

SORTABLE = {
    "name": Notification.name,
    "type": Notification.type,
    "time_offset": Notification.time_offset,
}
"""By what a list can be sorted."""
MOST_TOLD = 1000
"""So many notifications of one person are listed at once."""
MOST_OWN = 50
"""So many notifications of their own people may have: each is a letter for each reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationChange:
    """None leaves a field alone; "" takes a text away. See `Draft`.

    What the notification had and its new type has not, goes.
    """

    name: str | None = None
    type: NotificationType | None = None
    description: str | None = None
    time_offset: int | None = None
    subject: str | None = None
    template: str | None = None
    resource: str | None = None
    default_amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFilter:
    """All that is given must hold. Names.

    `user`: whom it reaches, directly or by a group. `owner` "": administrators' alone.
    """

    text: str | None = None
    type: NotificationType | None = None
    owner: str | None = None
    user: str | None = None
    group: str | None = None
    waiting: bool | None = None  # for an administrator's approval


@dataclass(frozen=True, slots=True)
class Hanging:
    """What goes with a notification: how many people it reaches, and letters not yet sent."""

    people: int
    letters: int


def get(actor: Actor, notification_id: int) -> Known:
    """One notification: anybody's for administrators, else one's own or one that reaches one.

    Raises `NotFound`, also for what others may not see.
    """
    session = db.session()
    notification = notification_rows.load(session, notification_id)
    if not notification_rows.may_see(session, actor, notification):
        raise notification_rows.missing(notification_id)
    return notification_rows.seen_by(session, actor, notification)


def search(
    actor: Actor,
    wanted: NotificationFilter,
    page: int = 1,
    per_page: int = PER_PAGE,
    sort: str = "name",
) -> Page[Known]:
    """Notifications in order: all for administrators, else those that one may see.

    `sort` is a name of `SORTABLE`, with "-" before it downwards; else raises `Invalid`.
    """
    session = db.session()
    conditions = _conditions(session, wanted)
    if not actor.is_admin:
        conditions.append(_visible(session, _person(actor)))
    query = select(Notification).where(*conditions).options(*notification_rows.whole())
    query = ordered(query, SORTABLE, sort, Notification.id)
    found = page_of(session, query, page, per_page)
    above = notification_rows.groups_above(session, actor)
    known = [notification_rows.seen_by(session, actor, row, above) for row in found.items]
    return Page(known, found.page, found.per_page, found.total)


def reaching(actor: Actor, username: str) -> list[Known]:
    """What reaches a person, directly or by a group, by name. For the person, and administrators.

    Raises `Forbidden`.
    """
    if username != actor.username:
        actor.require_admin()
    wanted = NotificationFilter(user=username)
    return list(search(actor, wanted, per_page=MOST_TOLD).items)


def visible(actor: Actor) -> list[Known]:
    """The actor's own and what reaches the actor, by name; for administrators nothing more."""
    session = db.session()
    query = select(Notification).where(_visible(session, _person(actor)))
    query = query.options(*notification_rows.whole())
    order = query.order_by(Notification.name, Notification.id)
    above = notification_rows.groups_above(session, actor)
    person = replace(actor, is_admin=False)
    return [notification_rows.seen_by(session, person, n, above) for n in session.scalars(order)]


def hanging(actor: Actor, notification_id: int) -> Hanging:
    """What goes when it is deleted. Raises `NotFound`, `Forbidden`."""
    session = db.session()
    notification = notification_rows.load(session, notification_id)
    notification_rows.require_owner(session, actor, notification)
    letters = select(func.count()).select_from(Outbox)
    waiting = letters.where(Outbox.notification_id == notification_id, *OPEN)
    return Hanging(
        len(notification_rows.reach(session, notification)), session.scalar(waiting) or 0
    )


def create(actor: Actor, draft: Draft, *, own: bool = False) -> Known:
    """Make a notification: for administrators to assign, or with `own` for the actor alone.

    One's own is assigned to oneself at once. One's own about alerts waits for an administrator's
    approval, unless one is an administrator. Raises `Forbidden`, `Invalid`, `NameTaken`,
    `Conflict` for too many of one's own.
    """
    owner_id = _person(actor) if own else None
    if not own:
        actor.require_admin()
    checked = notification_rules.check(draft)
    looked = alert_sources.look(checked.template if checked.type.is_alert else None)
    looked.require(actor)
    with writing() as session:
        locks.lock_tree(session)
        notification = Notification(**_values(session, checked), owner_id=owner_id)
        if owner_id is not None:
            locks.lock(session, users=[owner_id])
            _require_fewer(session, owner_id)
            notification.users = [session.get_one(User, owner_id)]
        if actor.is_admin:
            _note_approval(actor, notification)
        session.add(notification)
        save_unique(session, "name")
        notification = notification_rows.load(session, notification.id)
        subject = notification.id, notification.name
        audit.record(
            session,
            actor,
            "create",
            "notification",
            subject,
            None,
            notification_rows.facts(notification),
        )
        if owner_id is not None:
            reminders.replan(session, [owner_id])
        known = notification_rows.seen_by(session, actor, notification)
        return replace(known, unchecked=looked.unanswered)


def change(
    actor: Actor, notification_id: int, wish: NotificationChange, seen: Seen = anything
) -> Known:
    """Change a notification; for its owner and administrators.

    What was sent stays; what is to come is planned afresh. A change of what an alert says or
    watches needs a new approval, unless an administrator makes it. Raises `NotFound`,
    `Forbidden`, `Invalid`, `NameTaken`, `Stale`.
    """
    looked = _looked(actor, notification_id, wish)
    with writing() as session:
        notification, people = notification_rows.hold(session, actor, notification_id)
        seen(notification_rows.seen_by(session, actor, notification))
        before = notification_rows.facts(notification)
        checked = notification_rules.check(_changed(notification, wish))
        if checked.type.is_alert:
            looked.require(actor)
        for column, value in _values(session, checked).items():
            setattr(notification, column, value)
        if _alert(notification_rows.facts(notification)) != _alert(before):
            notification.approved_at = notification.approved_by = None
            if actor.is_admin:
                _note_approval(actor, notification)
        save_unique(session, "name")
        notification_rows.record_change(session, actor, notification, before)
        reminders.replan(session, people)
        known = notification_rows.seen_by(session, actor, notification)
        return replace(known, unchecked=looked.unanswered and checked.type.is_alert)


def approve(actor: Actor, notification_id: int, seen: Seen = anything) -> Known:
    """Let a person's own alert take effect, as it stands; again: nothing changes.

    Raises `NotFound`, `Conflict` for what needs no approval, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        notification, _ = notification_rows.hold(session, actor, notification_id)
        seen(notification_rows.seen_by(session, actor, notification))
        if notification.owner_id is None or not notification.type.is_alert:
            raise Conflict("Only alerts that people make for themselves need an approval.")
        if notification.approved_at is None:
            before = notification_rows.facts(notification)
            _note_approval(actor, notification)
            session.flush()
            subject = notification.id, notification.name
            after = notification_rows.facts(notification)
            audit.record(session, actor, "approve", "notification", subject, before, after)
        return notification_rows.seen_by(session, actor, notification)


def delete(actor: Actor, notification_id: int, seen: Seen = anything) -> None:
    """Delete a notification with its assignments; what waits to be sent is not sent.

    For its owner and administrators. Raises `NotFound`, `Forbidden`, `Stale`.
    """
    with writing() as session:
        notification, people = notification_rows.hold(session, actor, notification_id)
        seen(notification_rows.seen_by(session, actor, notification))
        subject = notification.id, notification.name
        audit.record(
            session, actor, "delete", "notification", subject, notification_rows.facts(notification)
        )
        reminders.detach(session, notification.id)
        session.delete(notification)
        session.flush()
        reminders.replan(session, people)


def _person(actor: Actor) -> int:
    if actor.id is None:
        raise Forbidden("Only a person has notifications.")
    return actor.id


def _visible(session: DbSession, user_id: int) -> ColumnElement[bool]:
    """One's own, and administrators' that reach one."""
    reaching_one = Notification.owner_id.is_(None) & _reaches(session, user_id)
    return or_(Notification.owner_id == user_id, reaching_one)


def _reaches(session: DbSession, user_id: int) -> ColumnElement[bool]:
    group_id = session.scalar(select(User.group_id).where(User.id == user_id)) or 0
    above = groups.lineage(session, group_id)
    by_group = Notification.groups.any(Group.id.in_(above))
    return or_(Notification.users.any(User.id == user_id), by_group)


def _conditions(session: DbSession, wanted: NotificationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        fields = Notification.name, Notification.description, Notification.template
        conditions.append(or_(*(f.icontains(wanted.text, autoescape=True) for f in fields)))
    if wanted.type is not None:
        conditions.append(Notification.type == wanted.type)
    if wanted.owner == "":
        conditions.append(Notification.owner_id.is_(None))
    elif wanted.owner is not None:
        conditions.append(Notification.owner.has(User.username == wanted.owner))
    if wanted.group is not None:
        conditions.append(Notification.groups.any(Group.name == wanted.group))
    if wanted.user is not None:
        user_id = session.scalar(select(User.id).where(User.username == wanted.user))
        conditions.append(_reaches(session, user_id or 0))
    if wanted.waiting is not None:
        alerts = [kind for kind in NotificationType if kind.is_alert]
        open_ones = Notification.type.in_(alerts) & Notification.owner_id.is_not(None)
        waiting = open_ones & Notification.approved_at.is_(None)
        conditions.append(waiting if wanted.waiting else ~waiting)
    return conditions


def _values(session: DbSession, draft: Draft) -> dict[str, Any]:
    """The columns of a checked draft. Raises `Invalid` for a resource that is not there."""
    resource = None
    if draft.resource is not None:
        resource = session.scalar(select(Resource).where(Resource.name == draft.resource))
        if resource is None:
            raise Invalid.field("resource", f"There is no resource {draft.resource}.")
    columns = (
        *("name", "type", "description", "time_offset"),
        *("subject", "template", "default_amount"),
    )
    return {**{name: getattr(draft, name) for name in columns}, "resource": resource}


def _changed(notification: Notification, wish: NotificationChange) -> Draft:
    """The notification as it is wished; fields that a new type has not are left out."""
    kind = wish.type or notification.type
    gone = ("resource", "default_amount") if kind.is_time_based else ("time_offset", "subject")
    stored = notification_rows.facts(notification)

    def value(name: str) -> Any:
        given = getattr(wish, name)
        return given if given is not None else None if name in gone else stored[name]

    names = ("name", "description", "time_offset", "subject", "template", "resource")
    values = {name: value(name) for name in (*names, "default_amount")}
    return Draft(type=kind, **values)


def _looked(actor: Actor, notification_id: int, wish: NotificationChange) -> Looked:
    """What came of looking for the data sources of a template that is to be another one.

    Nobody has Grafana asked about what they may not change. Raises `NotFound`, `Forbidden`.
    """
    session = db.session()
    notification = notification_rows.load(session, notification_id)
    notification_rows.require_owner(session, actor, notification)
    if wish.template is None or wish.template == notification.template:
        return alert_sources.NOTHING
    return alert_sources.look(wish.template)


def _alert(known: dict[str, Any]) -> tuple[Any, ...]:
    """What an approval is about."""
    return tuple(known[name] for name in ("type", "template", "resource", "default_amount"))


def _note_approval(actor: Actor, notification: Notification) -> None:
    """An administrator wrote or read it; only people's own alerts have an approval."""
    if notification.owner_id is not None and notification.type.is_alert:
        notification.approved_at, notification.approved_by = clock.now(), actor.username


def _require_fewer(session: DbSession, owner_id: int) -> None:
    own = select(func.count()).select_from(Notification).where(Notification.owner_id == owner_id)
    if (session.scalar(own) or 0) >= MOST_OWN:
        raise Conflict(f"You have {MOST_OWN} notifications of your own: more are not taken.")

"""The tree of groups: everybody belongs to one, and has the limits of all groups above it."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Conflict, Invalid, LastAdministrator, NotFound
from remas.extensions import db
from remas.models import (
    ADMINISTRATORS,
    EVERYONE,
    USERS,
    Group,
    Limit,
    User,
)
from remas.models.notification import notification_group
from remas.services import audit, limit_rows, locks, reminders
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique

KEPT = (EVERYONE, ADMINISTRATORS, USERS)
RESERVED_NAME = "user"  # effective limits say `user` where others name their group
SORTS = {"name": Group.name, "shares": Group.users_share_statistics}


@dataclass(frozen=True, slots=True)
class GroupNew:
    """`parent` by name, None: without one. `members` (usernames) move here from where they are."""

    name: str
    description: str | None = None
    parent: str | None = None
    users_share_statistics: bool = True
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupChange:
    """None leaves a field alone; "" takes the description or the parent away.

    `members` names all who are to be in it: the others move to its parent.
    """

    name: str | None = None
    description: str | None = None
    parent: str | None = None
    users_share_statistics: bool | None = None
    members: tuple[str, ...] | None = None


def lineage(session: DbSession, group_id: int) -> list[int]:
    """The group and its ancestors, nearest first. One query, whatever the depth."""
    parents = dict(session.execute(select(Group.id, Group.parent_id)).all())
    chain: list[int] = []
    current: int | None = group_id
    while current is not None and current not in chain:
        chain.append(current)
        current = parents.get(current)
    return chain


def descendants(session: DbSession, group_id: int) -> set[int]:
    """The group and everything below it."""
    parents = dict(session.execute(select(Group.id, Group.parent_id)).all())
    found = {group_id}
    while more := {g for g, parent in parents.items() if parent in found and g not in found}:
        found |= more
    return found


def is_administrative(session: DbSession, group_id: int) -> bool:
    """Whether members of the group are administrators: it is Administrators or below it."""
    return ADMINISTRATORS in lineage(session, group_id)


def members_below(session: DbSession, group_id: int) -> set[int]:
    """The users of the group and of all groups below it."""
    groups = descendants(session, group_id)
    return set(session.scalars(select(User.id).where(User.group_id.in_(groups))))


@contextmanager
def keeping_an_administrator(session: DbSession) -> Iterator[None]:
    """Around a change of who is where. The caller holds the tree.

    Raises `LastAdministrator` when there was an active administrator, and none is left.
    """
    before = _active_administrators(session)
    yield
    session.flush()
    if before and not _active_administrators(session):
        raise LastAdministrator(
            "This would take the last active administrator away. Make somebody else one first."
        )


def by_name(session: DbSession, name: str, field: str) -> Group:
    """The group that a field of a request names. Raises `Invalid`."""
    group = session.scalar(select(Group).where(Group.name == name))
    if group is None:
        raise Invalid.field(field, f"There is no group {name}.")
    return group


def get(actor: Actor, name: str) -> Group:
    """One group with parent and members. For administrators. Raises `NotFound`."""
    actor.require_admin()
    session = db.session()
    return _load(session, _id_of(session, name))


def search(
    actor: Actor,
    parent: str | None = None,
    page: int = 1,
    per_page: int = PER_PAGE,
    text: str | None = None,
    sort: str = "name",
) -> Page[Group]:
    """Groups in the order `sort` (see `SORTS`); with `parent`, only those right below it.

    `text` is looked for in names and descriptions. For administrators. Raises `Invalid` for an
    unknown order.
    """
    actor.require_admin()
    query = select(Group).options(selectinload(Group.members), joinedload(Group.parent))
    if parent is not None:
        above = select(Group.id).where(Group.name == parent).scalar_subquery()
        query = query.where(Group.parent_id == above)
    if text:
        shown = Group.name, Group.description
        query = query.where(or_(*(c.icontains(text, autoescape=True) for c in shown)))
    return page_of(db.session(), ordered(query, SORTS, sort, Group.id), page, per_page)


def unshared() -> list[str]:
    """The names of groups that keep to themselves what their members use; one query."""
    hidden = Group.users_share_statistics.is_(False)
    return list(db.session.scalars(select(Group.name).where(hidden).order_by(Group.name)))


def create(actor: Actor, wish: GroupNew) -> Group:
    """Make a group. Raises `Invalid`, `NameTaken`, `LastAdministrator`."""
    actor.require_admin()
    check = Check()
    name, description = _name(check, wish.name), check.text("description", wish.description)
    check.done()
    with writing() as session:
        locks.lock_tree(session)
        users = _users(session, wish.members)
        group = Group(
            name=name,
            description=description,
            users_share_statistics=wish.users_share_statistics,
            parent=by_name(session, wish.parent, "parent") if wish.parent else None,
        )
        session.add(group)
        save_unique(session, "name")
        with keeping_an_administrator(session):
            _move(session, actor, users, group)
        session.refresh(group, ["members"])
        audit.record(session, actor, "create", "group", (group.id, group.name), None, facts(group))
        reminders.replan(session, [user.id for user in users])
        return group


def change(actor: Actor, name: str, wish: GroupChange, seen: Seen = anything) -> Group:
    """Change a group. The users who are, or come, in it or below it are locked.

    Raises `NotFound`, `Invalid` (a parent that is below the group, too), `NameTaken`,
    `Conflict`, `LastAdministrator`, `Stale`.
    """
    actor.require_admin()
    values = _checked(wish)
    with writing() as session:
        locks.lock_tree(session)
        group_id = _id_of(session, name)
        people = _lock_people(session, group_id, wish.members or ())
        group = _load(session, group_id)
        seen(group)
        before = facts(group)
        with keeping_an_administrator(session):
            for column, value in values.items():
                setattr(group, column, value)
            save_unique(session, "name")
            if wish.parent is not None:
                _change_parent(session, group, wish.parent)
            if wish.members is not None:
                _set_members(session, actor, group, wish.members)
        session.refresh(group, ["members", "parent"])
        audit.record_change(session, actor, "group", (group.id, group.name), before, facts(group))
        reminders.replan(session, people)
        return group


def join(actor: Actor, name: str, usernames: Collection[str], seen: Seen = anything) -> Group:
    """Move these users into the group from wherever they are; the others stay.

    Raises `NotFound`, `Invalid`, `LastAdministrator`, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        locks.lock_tree(session)
        group = _load(session, _id_of(session, name))
        users = _users(session, usernames)
        seen(group)
        joined = [user.username for user in users if user.group_id != group.id]
        with keeping_an_administrator(session):
            _move(session, actor, users, group)
        session.refresh(group, ["members"])
        if joined:
            subject = group.id, group.name
            audit.record(session, actor, "change", "group", subject, None, {"joined": joined})
        reminders.replan(session, [user.id for user in users])
        return group


def delete(actor: Actor, name: str, seen: Seen = anything) -> None:
    """Delete a group: its limits go, members and groups below it move to its parent.

    Members of a group without parent move to Everyone. Raises `NotFound`, `Conflict` for the
    groups that always exist, `LastAdministrator`, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        locks.lock_tree(session)
        group_id = _id_of(session, name)
        if group_id in KEPT:
            raise Conflict(f"The group {name} always exists. It can be renamed, not deleted.")
        people = _lock_people(session, group_id, ())
        group = _load(session, group_id)
        seen(group)
        before = {**facts(group), "children": [child.name for child in group.children]}
        with keeping_an_administrator(session):
            refuge = group.parent or session.get_one(Group, EVERYONE)
            _move(session, actor, list(group.members), refuge)
            for child in list(group.children):
                child.parent = group.parent
            session.flush()
            limit_rows.delete_limits(session, actor, Limit.group_id == group.id)
            session.execute(
                notification_group.delete().where(notification_group.c.group_id == group.id)
            )
            session.refresh(group, ["members", "children"])
            session.delete(group)
        audit.record(session, actor, "delete", "group", (group_id, name), before)
        reminders.replan(session, people)


def facts(group: Group) -> dict[str, Any]:
    """What the audit keeps of a group."""
    return {
        "name": group.name,
        "description": group.description,
        "parent": group.parent.name if group.parent else None,
        "users_share_statistics": group.users_share_statistics,
        "members": [user.username for user in group.members],
    }


def _active_administrators(session: DbSession) -> int:
    groups = descendants(session, ADMINISTRATORS)
    active = select(func.count()).select_from(User).where(User.group_id.in_(groups), User.active)
    return session.scalar(active) or 0


def _id_of(session: DbSession, name: str) -> int:
    group_id = session.scalar(select(Group.id).where(Group.name == name))
    if group_id is None:
        raise NotFound(f"There is no group {name}.")
    return group_id


def _load(session: DbSession, group_id: int) -> Group:
    whole = selectinload(Group.members), joinedload(Group.parent)
    group = session.scalar(select(Group).where(Group.id == group_id).options(*whole))
    if group is None:
        raise NotFound("There is no such group any more.")
    return group


def _name(check: Check, name: str) -> str:
    name = check.name("name", name)
    if name == RESERVED_NAME:
        check.refuse("name", f"“{name}” has another meaning where limits are told.")
    return name


def _checked(wish: GroupChange) -> dict[str, Any]:
    """The plain columns that are to change."""
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = _name(check, wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    if wish.users_share_statistics is not None:
        values["users_share_statistics"] = wish.users_share_statistics
    check.done()
    return values


def _lock_people(session: DbSession, group_id: int, joining: Collection[str]) -> set[int]:
    """Lock all users whose limits and reminders the change may touch; their ids."""
    coming = session.scalars(select(User.id).where(User.username.in_(joining)))
    people = members_below(session, group_id).union(coming)
    locks.lock(session, users=people)
    return people


def _users(session: DbSession, usernames: Collection[str]) -> list[User]:
    """The users of these names, locked. Raises `Invalid`."""
    named = User.username.in_(usernames)
    locks.lock(session, users=session.scalars(select(User.id).where(named)))
    users = {user.username: user for user in session.scalars(select(User).where(named))}
    check = Check()
    for i, username in enumerate(usernames):
        if username not in users:
            check.refuse(f"members.{i}", f"There is no user {username}.")
    check.done()
    return list(users.values())


def _set_members(
    session: DbSession, actor: Actor, group: Group, usernames: Collection[str]
) -> None:
    leaving = [user for user in group.members if user.username not in usernames]
    if leaving and group.parent is None:
        raise Invalid.field(
            "members",
            f"The group has no parent to which {leaving[0].username} could move. Put whom you "
            "leave out into another group first.",
        )
    _move(session, actor, _users(session, usernames), group)
    if group.parent is not None:
        _move(session, actor, leaving, group.parent)


def _move(session: DbSession, actor: Actor, users: Iterable[User], group: Group) -> None:
    """Put the users, who are locked, into the group."""
    for user in users:
        if user.group_id == group.id:
            continue
        old = {"group": session.scalar(select(Group.name).where(Group.id == user.group_id))}
        user.group = group
        audit.record_change(
            session, actor, "user", (user.id, user.username), old, {"group": group.name}
        )
    session.flush()


def _change_parent(session: DbSession, group: Group, name: str) -> None:
    parent = by_name(session, name, "parent") if name else None
    if parent is group.parent:
        return
    if group.id in KEPT:
        raise Conflict(f"The group {group.name} stays where it is in the tree.")
    if parent is not None and parent.id in descendants(session, group.id):
        raise Invalid.field("parent", f"{parent.name} is this group itself or below it.")
    group.parent = parent

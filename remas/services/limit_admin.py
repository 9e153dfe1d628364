"""Limits, as administrators write them; limits.py says which are in force for whom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Busy, Forbidden, NotFound
from remas.extensions import db
from remas.models import Group, Limit, Node, Resource, User
from remas.services import audit, groups, limit_wishes, limits, locks
from remas.services.actor import Actor
from remas.services.limit_rows import facts
from remas.services.limit_wishes import LimitChange, LimitNew
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing

__all__ = [
    "SORTS",
    "EffectiveLimit",
    "LimitChange",
    "LimitFilter",
    "LimitNew",
    "change",
    "create",
    "delete",
    "effective",
    "effective_in_group",
    "facts",
    "get",
    "search",
]

SORTS = {
    "name": Limit.name,
    "resource": select(Resource.name).where(Resource.id == Limit.resource_id).scalar_subquery(),
    "amount": Limit.amount,
    "scope": Limit.scope,
    "user": select(User.username).where(User.id == Limit.user_id).scalar_subquery(),
    "group": select(Group.name).where(Group.id == Limit.group_id).scalar_subquery(),
}


@dataclass(frozen=True, slots=True)
class LimitFilter:
    """All that is given must hold. Names; `node`: limits that list it, or all nodes.

    `text` is looked for in names and descriptions.
    """

    user: str | None = None
    group: str | None = None
    resource: str | None = None
    node: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class EffectiveLimit:
    """A limit in force for a user, with the names of the nodes on which it is."""

    limit: limits.InForce
    user: str | None  # where it is the user's own
    group: str | None  # where it comes from a group
    nodes: tuple[str, ...]


def get(actor: Actor, limit_id: int) -> Limit:
    """One limit. For administrators. Raises `NotFound`."""
    actor.require_admin()
    return _load(db.session(), limit_id)


def search(
    actor: Actor,
    wanted: LimitFilter,
    page: int = 1,
    per_page: int = PER_PAGE,
    sort: str = "name",
) -> Page[Limit]:
    """Limits in the order `sort` (see `SORTS`), then by id. For administrators.

    Raises `Invalid` for an unknown order.
    """
    actor.require_admin()
    query = select(Limit).where(*_conditions(wanted)).options(*_whole())
    return page_of(db.session(), ordered(query, SORTS, sort, Limit.id), page, per_page)


def effective(actor: Actor, username: str) -> tuple[EffectiveLimit, ...]:
    """What binds a user, nearest level first. For administrators and the user.

    Raises `NotFound`, `Forbidden`.
    """
    session = db.session()
    user_id = session.scalar(select(User.id).where(User.username == username))
    if not actor.is_admin and user_id != actor.id:
        raise Forbidden("Only administrators see the limits of others.")
    if user_id is None:
        raise NotFound(f"There is no user {username}.")
    return _effective(session, limits.in_force(session, user_id), username)


def effective_in_group(actor: Actor, group_id: int) -> tuple[EffectiveLimit, ...]:
    """What binds each member of a group who has no limit of his own, nearest level first.

    For administrators and members of just this group. Raises `NotFound`, `Forbidden`.
    """
    session = db.session()
    own = session.scalar(select(User.group_id).where(User.id == actor.id))
    if not actor.is_admin and own != group_id:
        raise Forbidden("Only administrators and its members see the limits of a group.")
    if session.get(Group, group_id) is None:
        raise NotFound(f"There is no group {group_id}.")
    return _effective(session, limits.in_force_in_group(session, group_id), None)


def create(actor: Actor, wish: LimitNew) -> Limit:
    """Make a limit. Whom it binds, and where, is locked. Raises `Invalid`."""
    actor.require_admin()
    values = limit_wishes.checked_new(wish)
    with writing() as session:
        resource = limit_wishes.resource_of(session, wish.resource)
        user, group = limit_wishes.subject(session, wish.user, wish.group)
        nodes = limit_wishes.nodes_of(session, wish.nodes)
        _lock_touched(session, [_Reach.of(user, group, nodes)])
        limit = Limit(**values, resource=resource, user=user, group=group, nodes=nodes)
        session.add(limit)
        session.flush()
        subject = limit.id, limit.name
        audit.record(session, actor, "create", "limit", subject, None, facts(limit))
        return limit


def change(actor: Actor, limit_id: int, wish: LimitChange, seen: Seen = anything) -> Limit:
    """Change a limit. Whom it binds before or after, and where, is locked.

    What is reserved stays; the next change that asks for more is bound. Raises `NotFound`,
    `Invalid`, `Stale`.
    """
    actor.require_admin()
    values = limit_wishes.checked_change(wish)
    with writing() as session:
        limit = _load(session, limit_id)
        user, group = limit_wishes.changed_subject(session, limit, wish)
        nodes = list(limit.nodes)
        if wish.nodes is not None:
            nodes = limit_wishes.nodes_of(session, wish.nodes)
        limit = _hold(session, limit, _Reach.of(user, group, nodes))
        seen(limit)
        before = facts(limit)
        for column, value in values.items():
            setattr(limit, column, value)
        if wish.resource is not None:
            limit.resource = limit_wishes.resource_of(session, wish.resource)
        limit.user, limit.group, limit.nodes = user, group, nodes
        session.flush()
        audit.record_change(session, actor, "limit", (limit.id, limit.name), before, facts(limit))
        return limit


def delete(actor: Actor, limit_id: int, seen: Seen = anything) -> None:
    """Delete a limit. Whom it binds, and where, is locked. Raises `NotFound`, `Stale`."""
    actor.require_admin()
    with writing() as session:
        limit = _hold(session, _load(session, limit_id))
        seen(limit)
        audit.record(session, actor, "delete", "limit", (limit.id, limit.name), facts(limit))
        session.delete(limit)


def _effective(
    session: DbSession, found: Iterable[limits.InForce], username: str | None
) -> tuple[EffectiveLimit, ...]:
    names = dict(session.execute(select(Node.id, Node.name)).all())
    return tuple(
        EffectiveLimit(
            limit,
            user=username if limit.level == limits.USER_LEVEL else None,
            group=None if limit.level == limits.USER_LEVEL else limit.level,
            nodes=tuple(sorted(names[node] for node in limit.nodes if node in names)),
        )
        for limit in found
    )


def _whole() -> Sequence[Any]:
    return (
        joinedload(Limit.resource),
        joinedload(Limit.user),
        joinedload(Limit.group),
        selectinload(Limit.nodes),
    )


def _load(session: DbSession, limit_id: int, *, lock: bool = False) -> Limit:
    """The limit as it is stored now; with `lock` its row is held. Raises `NotFound`."""
    query = select(Limit).where(Limit.id == limit_id).options(*_whole())
    if lock:
        query = query.with_for_update(key_share=True, of=Limit)
    limit = session.scalar(query.execution_options(populate_existing=True))
    if limit is None:
        raise NotFound(f"There is no limit {limit_id}.")
    return limit


def _conditions(wanted: LimitFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user is not None:
        conditions.append(Limit.user.has(User.username == wanted.user))
    if wanted.group is not None:
        conditions.append(Limit.group.has(Group.name == wanted.group))
    if wanted.resource is not None:
        conditions.append(Limit.resource.has(Resource.name == wanted.resource))
    if wanted.node is not None:
        conditions.append(Limit.nodes.any(Node.name == wanted.node) | ~Limit.nodes.any())
    if wanted.text:
        columns = Limit.name, Limit.description
        conditions.append(or_(*(c.icontains(wanted.text, autoescape=True) for c in columns)))
    return conditions


@dataclass(frozen=True, slots=True)
class _Reach:
    """Whom a limit binds, and where; no nodes: everywhere."""

    user: int | None
    group: int | None
    nodes: frozenset[int]

    @classmethod
    def of(cls, user: User | None, group: Group | None, nodes: Iterable[Node]) -> "_Reach":
        listed = frozenset(node.id for node in nodes)
        return cls(user.id if user else None, group.id if group else None, listed)


def _hold(session: DbSession, limit: Limit, *after: _Reach) -> Limit:
    """The limit, locked with all it reaches now and after the change.

    Raises `NotFound` and `Busy` when somebody changed or deleted it at the same moment.
    """
    before = _Reach.of(limit.user, limit.group, limit.nodes)
    _lock_touched(session, [before, *after])
    limit = _load(session, limit.id, lock=True)
    if _Reach.of(limit.user, limit.group, limit.nodes) != before:
        raise Busy("Somebody changed this limit at the same moment. Look at it again and repeat.")
    return limit


def _lock_touched(session: DbSession, reaches: Sequence[_Reach]) -> None:
    """Lock the users whom the limits bind, then the nodes where they do, each by id."""
    users = {reach.user for reach in reaches if reach.user is not None}
    for reach in reaches:
        if reach.group is not None:
            users |= groups.members_below(session, reach.group)
    if all(reach.nodes for reach in reaches):
        locks.lock(session, users, frozenset().union(*(reach.nodes for reach in reaches)))
    else:
        locks.lock_all_nodes(session, users)

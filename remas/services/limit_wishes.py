"""What administrators may ask of a limit, checked, and names held to rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Invalid, NotFound
from remas.models import Group, Limit, Node, Resource, Scope, User
from remas.services import groups
from remas.services.fields import Check
from remas.services.limit_book import UNSTORED, Entry
from remas.services.transaction import DbSession

ONE_SUBJECT = "A limit is for exactly one of user and group."


@dataclass(frozen=True, slots=True)
class LimitNew:
    """Names throughout. Exactly one of `user` and `group`; `nodes` empty: all nodes."""

    name: str
    resource: str
    amount: int
    user: str | None = None
    group: str | None = None
    nodes: tuple[str, ...] = ()
    scope: Scope = Scope.EACH_NODE
    description: str | None = None


@dataclass(frozen=True, slots=True)
class LimitChange:
    """None leaves a field alone; "" takes description, user or group away.

    Naming a user alone takes the limit from its group, and the other way round.
    """

    name: str | None = None
    resource: str | None = None
    amount: int | None = None
    user: str | None = None
    group: str | None = None
    nodes: tuple[str, ...] | None = None
    scope: Scope | None = None
    description: str | None = None


def checked_new(wish: LimitNew) -> dict[str, Any]:
    """The plain columns of a new limit. Raises `Invalid`."""
    check = Check()
    values = {
        "name": check.line("name", wish.name),
        "description": check.text("description", wish.description),
        "amount": check.amount("amount", wish.amount),
        "scope": wish.scope,
    }
    if bool(wish.user) == bool(wish.group):
        check.refuse("user", ONE_SUBJECT)
    check.done()
    return values


def checked_change(wish: LimitChange) -> dict[str, Any]:
    """The plain columns that are to change. Raises `Invalid`."""
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.line("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    if wish.amount is not None:
        values["amount"] = check.amount("amount", wish.amount)
    if wish.scope is not None:
        values["scope"] = wish.scope
    if wish.user and wish.group:
        check.refuse("user", ONE_SUBJECT)
    check.done()
    return values


def changed_subject(
    session: DbSession, limit: Limit, wish: LimitChange
) -> tuple[User | None, Group | None]:
    """Whom the limit is for after the change. Raises `Invalid`."""
    if wish.user or wish.group:
        return subject(session, wish.user, wish.group)
    user = limit.user if wish.user is None else None
    group = limit.group if wish.group is None else None
    if user is None and group is None:
        raise Invalid.field("user", ONE_SUBJECT)
    return user, group


def subject(
    session: DbSession, username: str | None, group: str | None
) -> tuple[User | None, Group | None]:
    """One of the two, by name. Raises `Invalid`."""
    if group:
        return None, groups.by_name(session, group, "group")
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise Invalid.field("user", f"There is no user {username}.")
    return user, None


def resource_of(session: DbSession, name: str) -> Resource:
    """The resource of this name. Raises `Invalid`."""
    resource = session.scalar(select(Resource).where(Resource.name == name))
    if resource is None:
        raise Invalid.field("resource", f"There is no resource {name}.")
    return resource


def nodes_of(session: DbSession, names: Sequence[str]) -> list[Node]:
    """The nodes of these names, by name. Raises `Invalid`."""
    found = session.scalars(select(Node).where(Node.name.in_(names)).order_by(Node.name)).all()
    known = {node.name for node in found}
    check = Check()
    for i, name in enumerate(names):
        if name not in known:
            check.refuse(f"nodes.{i}", f"There is no node {name}.")
    check.done()
    return list(found)


def stored(session: DbSession, limit_id: int) -> Limit:
    """The limit as it is stored. Raises `NotFound`."""
    whole = joinedload(Limit.resource), selectinload(Limit.nodes)
    limit = session.scalar(select(Limit).where(Limit.id == limit_id).options(*whole))
    if limit is None:
        raise NotFound(f"There is no limit {limit_id}.")
    return limit


def entries(
    session: DbSession, wish: LimitNew | LimitChange, limit_id: int | None
) -> tuple[Entry | None, Entry]:
    """The limit as it is stored, if it is, and as it would be. Raises `NotFound`, `Invalid`."""
    if isinstance(wish, LimitNew):
        return None, _wished_new(session, wish)
    limit = stored(session, limit_id or UNSTORED)
    return entry_of(limit), _wished_change(session, limit, wish)


def entry_of(limit: Limit) -> Entry:
    """The limit by ids."""
    return Entry(
        limit.id,
        limit.name,
        limit.description,
        limit.resource_id,
        limit.resource.name,
        limit.amount,
        limit.scope,
        limit.user_id,
        limit.group_id,
        frozenset(node.id for node in limit.nodes),
    )


def _wished_new(session: DbSession, wish: LimitNew) -> Entry:
    values = checked_new(wish)
    resource = resource_of(session, wish.resource)
    user, group = subject(session, wish.user, wish.group)
    listed = nodes_of(session, wish.nodes)
    return Entry(
        id=UNSTORED,
        **values,
        resource_id=resource.id,
        resource=resource.name,
        user_id=user.id if user else None,
        group_id=group.id if group else None,
        nodes=frozenset(node.id for node in listed),
    )


def _wished_change(session: DbSession, limit: Limit, wish: LimitChange) -> Entry:
    values = checked_change(wish)
    user, group = changed_subject(session, limit, wish)
    resource = limit.resource
    if wish.resource is not None:
        resource = resource_of(session, wish.resource)
    listed = limit.nodes if wish.nodes is None else nodes_of(session, wish.nodes)
    return Entry(
        id=limit.id,
        name=values.get("name", limit.name),
        description=values.get("description", limit.description),
        resource_id=resource.id,
        resource=resource.name,
        amount=values.get("amount", limit.amount),
        scope=values.get("scope", limit.scope),
        user_id=user.id if user else None,
        group_id=group.id if group else None,
        nodes=frozenset(node.id for node in listed),
    )

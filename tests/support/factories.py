"""Make rows: a test names only what matters to it, the rest is plausible and does not clash.

Call them inside an app context; each commits and gives the row, which stays readable afterwards.
Rows may be handed from one context to another: only their ids are used.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from argon2 import PasswordHasher
from sqlalchemy import select, text

from remas import clock
from remas.extensions import db
from remas.models import (
    ADMINISTRATORS,
    EVERYONE,
    USERS,
    Allocation,
    Base,
    Capacity,
    Group,
    Limit,
    Maintenance,
    Node,
    NodeState,
    Notification,
    NotificationType,
    Reservation,
    Resource,
    Scope,
    Tag,
    Unit,
    User,
)
from remas.services.actor import Actor

PASSWORD = "a password for tests"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_hash_of_password = CHEAP.hash(PASSWORD)
_numbers = count(1)

Row = TypeVar("Row", bound=Base)


def soon(hours: float = 24) -> datetime:
    """A whole minute so many hours from now."""
    return clock.ceil_minute(clock.now() + timedelta(hours=hours))


def make_default_groups() -> None:
    """The three groups that always exist; made once."""
    if db.session.get(Group, EVERYONE):
        return
    for number, name, parent in (
        (EVERYONE, "Everyone", None),
        (ADMINISTRATORS, "Administrators", EVERYONE),
        (USERS, "Users", EVERYONE),
    ):
        db.session.add(Group(id=number, name=name, parent_id=parent))
        db.session.flush()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SELECT setval('group_id_seq', (SELECT max(id) FROM \"group\"))"))
    db.session.commit()


def make_group(
    name: str | None = None, parent: Group | int | None = EVERYONE, **fields: Any
) -> Group:
    """A group below Everyone, or below `parent`; None: without parent."""
    make_default_groups()
    return _saved(Group(name=name or f"group {next(_numbers)}", parent_id=_id(parent), **fields))


def make_user(
    username: str | None = None,
    password: str = PASSWORD,
    admin: bool = False,
    group: Group | int | None = None,
    **fields: Any,
) -> User:
    """An active user in the group Users, or in `group`, or in Administrators."""
    make_default_groups()
    number = next(_numbers)
    username = username or f"user{number}"
    values = {
        "name": username.capitalize(),
        "surname": "Tester",
        "email": f"{username}@example.org",
        "uid": 10_000_000 + number,  # far from those that tests give
        "created_at": clock.now(),
        "password_hash": _hash_of_password if password == PASSWORD else CHEAP.hash(password),
        "group_id": _id(group) or (ADMINISTRATORS if admin else USERS),
    }
    return _saved(User(username=username, **{**values, **fields}))


def make_resource(name: str = "cpu", unit: Unit = Unit.NONE, **fields: Any) -> Resource:
    """The resource of this name; made where it is missing."""
    found = db.session.scalar(select(Resource).where(Resource.name == name))
    return found or _saved(Resource(name=name, unit=unit, **fields))


def make_node(
    name: str | None = None,
    capacities: Mapping[str, int] | None = None,
    state: NodeState = NodeState.AVAILABLE,
    **fields: Any,
) -> Node:
    """A node with 8 cpu, or with `capacities`; resources are made where they are missing."""
    amounts = {"cpu": 8} if capacities is None else capacities
    node = Node(name=name or f"n{next(_numbers)}", state=state, **fields)
    node.capacities = [
        Capacity(resource=make_resource(resource), amount=amount)
        for resource, amount in amounts.items()
    ]
    return _saved(node)


def make_limit(
    amount: int,
    resource: str = "cpu",
    user: User | int | None = None,
    group: Group | int | None = None,
    nodes: Iterable[Node] = (),
    scope: Scope = Scope.EACH_NODE,
    name: str | None = None,
) -> Limit:
    """A limit of a user or of a group; without `nodes` on all nodes."""
    limit = Limit(
        name=name or f"limit {next(_numbers)}",
        resource_id=make_resource(resource).id,
        amount=amount,
        user_id=_id(user),
        group_id=_id(group),
        scope=scope,
    )
    limit.nodes = _here(Node, nodes)
    return _saved(limit)


def make_maintenance(
    node: Node | int,
    start: datetime | None = None,
    hours: float = 2,
    ends: datetime | None = None,
    reason: str | None = "planned work",
) -> Maintenance:
    """A node closed from `start` (default: tomorrow) for some hours, or until `ends`."""
    start = start or soon()
    ends = ends or start + timedelta(hours=hours)
    return _saved(Maintenance(node_id=_id(node), starts_at=start, ends_at=ends, reason=reason))


def make_reservation(
    owner: User | int,
    start: datetime | None = None,
    hours: float = 2,
    ends: datetime | None = None,
    allocations: Mapping[Node, Mapping[str, int]] | None = None,
    tags: Iterable[Tag] = (),
    **fields: Any,
) -> Reservation:
    """A reservation from `start` (default: tomorrow), as it stands: nothing is checked.

    `allocations`: node to resource to amount, such as `{node: {"cpu": 2}}`.
    """
    start, now = start or soon(), clock.now()
    values = {"name": f"reservation {next(_numbers)}", "created_at": now, "updated_at": now}
    reservation = Reservation(
        owner_id=_id(owner),
        starts_at=start,
        ends_at=ends or start + timedelta(hours=hours),
        **{**values, **fields},
    )
    reservation.allocations = [
        Allocation(node_id=node.id, resource_id=make_resource(resource).id, amount=amount)
        for node, bundle in (allocations or {}).items()
        for resource, amount in bundle.items()
    ]
    reservation.tags = _here(Tag, tags)
    return _saved(reservation)


def make_tag(user: User | int, name: str | None = None, **fields: Any) -> Tag:
    """A label of the user's."""
    return _saved(Tag(user_id=_id(user), name=name or f"tag {next(_numbers)}", **fields))


def make_notification(
    name: str | None = None,
    type: NotificationType = NotificationType.TASK_START,
    users: Iterable[User] = (),
    groups: Iterable[Group] = (),
    owner: User | int | None = None,
    **fields: Any,
) -> Notification:
    """An administrator's, or the owner's; by default ten minutes before a start."""
    number = next(_numbers)
    values: dict[str, Any] = {"name": name or f"notification {number}", "template": "${task_name}"}
    if type.is_time_based:
        values["time_offset"] = 600
    notification = Notification(type=type, owner_id=_id(owner), **{**values, **fields})
    notification.users, notification.groups = _here(User, users), _here(Group, groups)
    return _saved(notification)


def _saved(row: Row) -> Row:
    db.session.add(row)
    db.session.commit()
    return row


def _here(kind: type[Row], rows: Iterable[Any]) -> list[Row]:
    """The rows in this context's session, wherever they were read."""
    return [db.session.get_one(kind, row.id) for row in rows]


def _id(row: Any) -> Any:
    return getattr(row, "id", row)


def actor_of(user: User, admin: bool = False) -> Actor:
    """The user as one who acts; rights are as said, not as in the tree of groups."""
    return Actor(id=user.id, username=user.username, is_admin=admin, full_name=user.full_name)

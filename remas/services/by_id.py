"""Things by their ids, for an edge at which they go by ids: everywhere else they go by name.

Names may pass from one row to another; `still` lets a change that is asked by name find out.
"""

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from remas.errors import Forbidden, NotFound, Stale
from remas.extensions import db
from remas.models import Alias, Base, Capacity, Group, Node, Resource, User
from remas.services import groups
from remas.services.actor import Actor
from remas.services.precondition import Seen
from remas.services.users import Account

STALE = "Somebody changed it in the meantime. Look at it again and repeat."
LARGEST = 2**31 - 1  # what a column of ids holds: beyond it nothing can be found

Row = TypeVar("Row", bound=Base)


def node(node_id: int) -> Node:
    """One node with its capacities. Raises `NotFound`."""
    whole = selectinload(Node.capacities).joinedload(Capacity.resource)
    return _one(select(Node).options(whole), Node, node_id)


def resource(resource_id: int) -> Resource:
    """One resource with its aliases. Raises `NotFound`."""
    whole = selectinload(Resource.aliases)
    return _one(select(Resource).options(whole), Resource, resource_id)


def alias(alias_id: int) -> Alias:
    """One alias with the resources that have it. Raises `NotFound`."""
    return _one(select(Alias).options(selectinload(Alias.resources)), Alias, alias_id)


def account(user_id: int) -> Account:
    """One account. What a viewer may see of it, is decided where it is shown. Raises `NotFound`."""
    user = _one(select(User).options(joinedload(User.group)), User, user_id)
    return Account(user, groups.is_administrative(db.session(), user.group_id))


def group(actor: Actor, group_id: int) -> Group:
    """One group with parent and members: for administrators and its members.

    Raises `NotFound`; `Forbidden` for others, also where there is no such group.
    """
    if not may_see_group(actor, group_id):
        raise Forbidden("Only administrators and its members see a group.")
    return any_group(group_id)


def may_see_group(actor: Actor, group_id: int) -> bool:
    """Whether the actor is an administrator or a member of just this group."""
    own = select(User.group_id).where(User.id == actor.id)
    return actor.is_admin or db.session().scalar(own) == group_id


def any_group(group_id: int) -> Group:
    """One group with parent and members, whoever asks. Raises `NotFound`."""
    whole = selectinload(Group.members), joinedload(Group.parent)
    return _one(select(Group).options(*whole), Group, group_id)


def all_nodes() -> list[int]:
    """The ids of all nodes, ascending."""
    return list(db.session().scalars(select(Node.id).order_by(Node.id)))


def node_names(ids: Collection[int]) -> dict[int, str]:
    """Id to name, in the order of `ids`. Raises `NotFound` for the first that is not there."""
    return _names(Node, ids)


def resource_names(ids: Collection[int]) -> dict[int, str]:
    """Id to name, in the order of `ids`. Raises `NotFound` for the first that is not there."""
    return _names(Resource, ids)


def storable(row_id: int, kind: str) -> int:
    """The id, if a row may have it; `kind` is for the message. Raises `NotFound`."""
    if not 0 < row_id <= LARGEST:
        raise NotFound(f"{kind} with id {row_id} not found!")
    return row_id


def still(row_id: int) -> Seen:
    """Raises `Stale` when the name that was asked for belongs to another row by now."""

    def seen(row: Any) -> None:
        found = row.user if isinstance(row, Account) else row
        if found.id != row_id:
            raise Stale(STALE)

    return seen


def still_on(node_id: int, resource_id: int) -> Seen:
    """As `still`, for what a node provides of a resource, if it does yet."""

    def seen(row: Capacity | None) -> None:
        if row is not None and (row.node_id, row.resource_id) != (node_id, resource_id):
            raise Stale(STALE)

    return seen


def _one(query: Select[Row], kind: type[Row], row_id: int) -> Row:
    storable(row_id, kind.__name__)
    found = db.session().scalar(query.where(_id(kind) == row_id))
    if found is None:
        raise NotFound(f"{kind.__name__} with id {row_id} not found!")
    return found


def _names(kind: type[Node] | type[Resource], ids: Iterable[int]) -> dict[int, str]:
    asked = list(dict.fromkeys(ids))
    storable = [row_id for row_id in asked if 0 < row_id <= LARGEST]
    rows = db.session().execute(select(kind.id, kind.name).where(kind.id.in_(storable)))
    known: dict[int, str] = dict(rows.all())
    if missing := [row_id for row_id in asked if row_id not in known]:
        raise NotFound(f"{kind.__name__} with id {missing[0]} not found!")
    return {row_id: known[row_id] for row_id in asked}


def _id(kind: type[Base]) -> Any:
    return kind.__table__.c.id

"""Nodes and what they provide."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_, select
from sqlalchemy.orm import selectinload

from remas.errors import Invalid, NotFound
from remas.extensions import db
from remas.models import (
    Allocation,
    Capacity,
    Limit,
    Maintenance,
    Node,
    NodeState,
    Resource,
    limit_node,
)
from remas.monitoring_settings import Exporter
from remas.services import audit, exporters, history, limit_rows, locks
from remas.services.actor import Actor
from remas.services.fields import Check
from remas.services.paging import PER_PAGE, Page, page_of
from remas.services.precondition import Seen, anything
from remas.services.sorting import ordered
from remas.services.transaction import DbSession, writing
from remas.services.unique import save_unique

SORTS = {
    "name": Node.name,
    "state": Node.state,
    "resources": select(func.count())
    .where(Capacity.node_id == Node.id, Capacity.amount > 0)
    .scalar_subquery(),
}
KEEP_HISTORY = "Set the amount to 0 instead: the history stays."
Exporters = tuple[Exporter, ...]


@dataclass(frozen=True, slots=True)
class NodeNew:
    """`capacities`: resource to amount in its base unit.

    `address`: where its exporters answer; None: under its name. `exporters` None: those that are
    set for all nodes.
    """

    name: str
    description: str | None = None
    state: NodeState = NodeState.AVAILABLE
    capacities: Mapping[str, int] = field(default_factory=dict)
    address: str | None = None
    exporters: Exporters | None = None


@dataclass(frozen=True, slots=True)
class NodeChange:
    """None leaves a field alone; "" takes description, address and own exporters away.

    `capacities` and `exporters` replace all. Without exporters of its own a node has those that
    are set for all nodes; with `()` it has none.
    """

    name: str | None = None
    description: str | None = None
    state: NodeState | None = None
    capacities: Mapping[str, int] | None = None
    address: str | None = None
    exporters: Exporters | Literal[""] | None = None


@dataclass(frozen=True, slots=True)
class Wished:
    """A node as it is, with the state and the capacities (resource id to amount) it would have."""

    node: Node
    state: NodeState
    capacities: Mapping[int, int]


def get(name: str) -> Node:
    """One node with its capacities. Raises `NotFound`."""
    return _load(db.session(), Node.name == name)


def search(
    state: NodeState | None = None,
    resource: str | None = None,
    page: int = 1,
    per_page: int = PER_PAGE,
    text: str | None = None,
    sort: str = "name",
) -> Page[Node]:
    """Nodes in the order `sort` (see `SORTS`): of a state, with some capacity of a resource.

    `text` is looked for in names and descriptions. Raises `Invalid` for an unknown order.
    """
    whole = selectinload(Node.capacities).joinedload(Capacity.resource)
    query = select(Node).options(whole)
    if text:
        columns = Node.name, Node.description
        query = query.where(or_(*(c.icontains(text, autoescape=True) for c in columns)))
    if state is not None:
        query = query.where(Node.state == state)
    if resource is not None:
        provided = (
            select(Capacity.node_id)
            .join(Resource, Resource.id == Capacity.resource_id)
            .where(Resource.name == resource, Capacity.amount > 0)
        )
        query = query.where(Node.id.in_(provided))
    return page_of(db.session(), ordered(query, SORTS, sort, Node.id), page, per_page)


def wished(session: DbSession, name: str, wish: NodeChange) -> Wished:
    """What the node would be after the change. Raises `NotFound`, `Invalid`."""
    values = _checked(wish)
    node = _load(session, Node.name == name)
    if wish.capacities is None:
        capacities = {held.resource_id: held.amount for held in node.capacities}
    else:
        resources = _resources(session, wish.capacities)
        capacities = {resources[name].id: amount for name, amount in wish.capacities.items()}
    return Wished(node, values.get("state", node.state), capacities)


def create(actor: Actor, wish: NodeNew) -> Node:
    """Make a node. Raises `Invalid`, `NameTaken`."""
    actor.require_admin()
    first = NodeChange(
        wish.name, wish.description or "", wish.state, wish.capacities, wish.address, wish.exporters
    )
    values = _checked(first)
    with writing() as session:
        node = Node(**values)
        session.add(node)
        save_unique(session, "name")
        _set_capacities(session, node, wish.capacities)
        audit.record(session, actor, "create", "node", (node.id, node.name), None, facts(node))
        return node


def change(actor: Actor, name: str, wish: NodeChange, seen: Seen = anything) -> Node:
    """Change a node, which is locked: whoever books on it comes before or after.

    What is reserved stays, even above a lower capacity or on a drained node. Raises `NotFound`,
    `Invalid`, `NameTaken`, `InUse` for a capacity with history that is left out, `Stale`.
    """
    actor.require_admin()
    values = _checked(wish)
    with writing() as session:
        node = _held(session, name)
        seen(node)
        before = facts(node)
        for column, value in values.items():
            setattr(node, column, value)
        save_unique(session, "name")
        if wish.capacities is not None:
            _set_capacities(session, node, wish.capacities)
        audit.record_change(session, actor, "node", (node.id, node.name), before, facts(node))
        return node


def set_capacity(
    actor: Actor, name: str, resource: str, amount: int, seen: Seen = anything
) -> Capacity:
    """Set what a node provides of a resource. Raises `NotFound`, `Invalid`, `Stale`."""
    actor.require_admin()
    check = Check()
    check.amount("amount", amount)
    check.done()
    with writing() as session:
        node = _held(session, name)
        seen(next((c for c in node.capacities if c.resource.name == resource), None))
        before = facts(node)
        if resource not in _amounts(node):
            _add(session, node, _resource(session, resource), amount)
        for capacity in node.capacities:
            if capacity.resource.name == resource:
                capacity.amount = amount
        session.flush()
        audit.record_change(session, actor, "node", (node.id, node.name), before, facts(node))
        return next(c for c in node.capacities if c.resource.name == resource)


def remove_capacity(actor: Actor, name: str, resource: str, seen: Seen = anything) -> None:
    """A node no longer has a resource. Raises `NotFound`, `Stale`, `InUse` when it was reserved."""
    actor.require_admin()
    with writing() as session:
        node = _held(session, name)
        before = facts(node)
        capacity = next((c for c in node.capacities if c.resource.name == resource), None)
        if capacity is None:
            raise NotFound(f"{name} has no {resource}.")
        seen(capacity)
        _remove(session, node, [capacity])
        audit.record_change(session, actor, "node", (node.id, node.name), before, facts(node))


def delete(actor: Actor, name: str, seen: Seen = anything) -> None:
    """Delete a node with its capacities and maintenance.

    Limits forget the node; those that were about it alone go. Raises `NotFound`, `InUse` when
    anything was ever reserved on it, `Stale`.
    """
    actor.require_admin()
    with writing() as session:
        node = _held(session, name)
        node_id = node.id
        seen(node)
        hint = "Retire the node instead: its history stays."
        history.refuse_reserved(session, f"The node {name}", hint, Allocation.node_id == node_id)
        before = facts(node)
        _forget_in_limits(session, actor, node)
        session.execute(sql_delete(Maintenance).where(Maintenance.node_id == node_id))
        session.delete(node)
        audit.record(session, actor, "delete", "node", (node_id, name), before)


def facts(node: Node) -> dict[str, Any]:
    """What the audit keeps of a node."""
    own = exporters.own_of(node)
    return {
        "name": node.name,
        "description": node.description,
        "state": node.state.value,
        "capacities": _amounts(node),
        "address": node.address,
        "exporters": None if own is None else [str(exporter) for exporter in own],
    }


def _amounts(node: Node) -> dict[str, int]:
    return {capacity.resource.name: capacity.amount for capacity in node.capacities}


def _id_of(session: DbSession, name: str) -> int:
    node_id = session.scalar(select(Node.id).where(Node.name == name))
    if node_id is None:
        raise NotFound(f"There is no node {name}.")
    return node_id


def _load(session: DbSession, condition: Any) -> Node:
    whole = selectinload(Node.capacities).joinedload(Capacity.resource)
    node = session.scalar(select(Node).where(condition).options(whole))
    if node is None:
        raise NotFound("There is no such node.")
    return node


def _held(session: DbSession, name: str) -> Node:
    """The node, locked. Raises `NotFound`."""
    node_id = _id_of(session, name)
    locks.lock(session, nodes=[node_id])
    return _load(session, Node.id == node_id)


def _checked(wish: NodeChange) -> dict[str, Any]:
    """The plain columns that are to change."""
    check, values = Check(), dict[str, Any]()
    if wish.name is not None:
        values["name"] = check.name("name", wish.name)
    if wish.description is not None:
        values["description"] = check.text("description", wish.description)
    if wish.state is not None:
        values["state"] = wish.state
    if wish.address is not None:
        values["address"] = exporters.check_address(check, "address", wish.address)
    if wish.exporters is not None:
        exporters.check_exporters(check, "exporters", wish.exporters or ())
        own = None if wish.exporters == "" else [one.as_json() for one in wish.exporters]
        values["exporters"] = own
    _check_amounts(check, wish.capacities or {})
    check.done()
    return values


def _check_amounts(check: Check, amounts: Mapping[str, int]) -> None:
    for i, amount in enumerate(amounts.values()):
        check.amount(f"capacities.{i}.amount", amount)


def _resource(session: DbSession, name: str) -> Resource:
    resource = session.scalar(select(Resource).where(Resource.name == name))
    if resource is None:
        raise NotFound(f"There is no resource {name}.")
    return resource


def _resources(session: DbSession, amounts: Mapping[str, int]) -> dict[str, Resource]:
    """The resources by name. Raises `Invalid` for those that do not exist."""
    named = select(Resource).where(Resource.name.in_(amounts))
    resources = {resource.name: resource for resource in session.scalars(named)}
    if unknown := [(i, name) for i, name in enumerate(amounts) if name not in resources]:
        raise Invalid(
            {f"capacities.{i}.resource": [f"There is no resource {name}."] for i, name in unknown}
        )
    return resources


def _set_capacities(session: DbSession, node: Node, amounts: Mapping[str, int]) -> None:
    """Make the node provide exactly `amounts`."""
    resources = _resources(session, amounts)
    _remove(session, node, [c for c in node.capacities if c.resource.name not in amounts])
    for capacity in node.capacities:
        capacity.amount = amounts[capacity.resource.name]
    known = _amounts(node)
    for name, amount in amounts.items():
        if name not in known:
            _add(session, node, resources[name], amount)
    session.flush()


def _add(session: DbSession, node: Node, resource: Resource, amount: int) -> None:
    node.capacities.append(Capacity(resource=resource, amount=amount))
    session.flush()


def _remove(session: DbSession, node: Node, gone: Iterable[Capacity]) -> None:
    for capacity in gone:
        here = Allocation.node_id == node.id, Allocation.resource_id == capacity.resource_id
        what = f"{capacity.resource.name} of the node {node.name}"
        history.refuse_reserved(session, what, KEEP_HISTORY, *here)
        node.capacities.remove(capacity)
    session.flush()


def _forget_in_limits(session: DbSession, actor: Actor, node: Node) -> None:
    """Take the node off the limits; none listed would mean all nodes, so those go as a whole."""
    table = limit_node
    only_here = (
        select(table.c.limit_id)
        .group_by(table.c.limit_id)
        .having(func.count() == 1, func.max(table.c.node_id) == node.id)
    )
    limit_rows.delete_limits(session, actor, Limit.id.in_(only_here))
    listed = Limit.nodes.any(Node.id == node.id)
    for limit in session.scalars(select(Limit).where(listed).order_by(Limit.id)).all():
        before = limit_rows.facts(limit)
        limit.nodes.remove(node)
        session.flush()
        audit.record_change(
            session, actor, "limit", (limit.id, limit.name), before, limit_rows.facts(limit)
        )

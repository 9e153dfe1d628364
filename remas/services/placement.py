"""Placements between names and rows: what is asked, what is held, and which of them is more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select

from remas import clock
from remas.errors import Busy, Invalid
from remas.models import MAX_AMOUNT, Capacity, Node, NodeState, Reservation, Resource
from remas.services.context import settings
from remas.services.requests import AllocationSpec
from remas.services.transaction import DbSession

Amounts = Mapping[tuple[int, int], int]
"""(node id, resource id) to amount."""


def amounts_of(reservation: Reservation) -> dict[tuple[int, int], int]:
    """What a reservation holds."""
    return {(a.node_id, a.resource_id): a.amount for a in reservation.allocations}


def named(session: DbSession, amounts: Amounts) -> tuple[AllocationSpec, ...]:
    """Ids to names as they are now. The caller holds the locks of the nodes.

    Raises `Busy` when a node or resource went away before they were taken.
    """
    node_ids = {node for node, _ in amounts}
    resource_ids = {resource for _, resource in amounts}
    nodes: dict[int, str] = dict(
        session.execute(select(Node.id, Node.name).where(Node.id.in_(node_ids))).all()
    )
    resources: dict[int, str] = dict(
        session.execute(
            select(Resource.id, Resource.name).where(Resource.id.in_(resource_ids))
        ).all()
    )
    if nodes.keys() != node_ids or resources.keys() != resource_ids:
        raise Busy("The cluster was changed at this moment. Look at it again and repeat.")
    return tuple(
        AllocationSpec(nodes[node], resources[resource], amount)
        for (node, resource), amount in amounts.items()
    )


def resolve(
    session: DbSession, specs: Iterable[AllocationSpec], held: Amounts = MappingProxyType({})
) -> dict[tuple[int, int], int]:
    """Names to ids. Raises `Invalid`, one entry a field, for what cannot be an allocation:

    an unknown or retired node, an unknown resource, one that the node lacks, an amount out of
    bounds, the same node and resource twice, nothing at all. What is `held` already may be on a
    retired node.
    """
    specs = tuple(specs)
    nodes = {
        name: (node_id, state)
        for node_id, name, state in session.execute(
            select(Node.id, Node.name, Node.state).where(Node.name.in_({s.node for s in specs}))
        )
    }
    resources: dict[str, int] = {
        name: resource_id
        for resource_id, name in session.execute(
            select(Resource.id, Resource.name).where(Resource.name.in_({s.resource for s in specs}))
        )
    }
    provided = {
        (node_id, resource_id)
        for node_id, resource_id in session.execute(
            select(Capacity.node_id, Capacity.resource_id).where(
                Capacity.node_id.in_([node_id for node_id, _ in nodes.values()])
            )
        )
    }
    errors: dict[str, list[str]] = {}
    amounts: dict[tuple[int, int], int] = {}
    for i, spec in enumerate(specs):
        path = f"allocations.{i}"
        node_id, state = nodes.get(spec.node, (None, None))
        resource_id = resources.get(spec.resource)
        if node_id is None:
            errors[f"{path}.node"] = [f"There is no node {spec.node}."]
        elif state is NodeState.RETIRED and (node_id, resource_id) not in held:
            errors[f"{path}.node"] = [f"{spec.node} is retired."]
        if resource_id is None:
            errors[f"{path}.resource"] = [f"There is no resource {spec.resource}."]
        if not 1 <= spec.amount <= MAX_AMOUNT:
            errors[f"{path}.amount"] = ["An amount is at least 1 and at most 2^63 - 1."]
        if node_id is None or resource_id is None:
            continue
        if (node_id, resource_id) not in provided:
            errors[f"{path}.resource"] = [f"{spec.node} has no {spec.resource}."]
        if (node_id, resource_id) in amounts:
            errors[path] = [f"{spec.resource} on {spec.node} is named twice."]
        amounts[node_id, resource_id] = spec.amount
    if not specs:
        errors["allocations"] = ["Ask for at least one resource on one node."]
    if errors:
        raise Invalid(errors)
    return amounts


def check_times(starts_at: datetime, ends_at: datetime, *, new_start: bool) -> None:
    """Raises `Invalid` unless whole minutes, end after start, and not in the past.

    A start may lie `REMAS_START_GRACE` back, so that an offer can be taken a moment later;
    `new_start` false leaves a start alone that is not being changed.
    """
    errors: dict[str, list[str]] = {}
    now = clock.now()
    for field, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if clock.ceil_minute(moment) != moment:
            errors[field] = ["Reservations begin and end at whole minutes."]
    # In whole minutes, as starts are: five minutes ago is fine all through this minute.
    this_minute = now.replace(second=0, microsecond=0)
    if new_start and starts_at < this_minute - settings().start_grace:
        errors["starts_at"] = ["The start lies in the past."]
    if ends_at <= starts_at:
        errors["ends_at"] = ["The end is not after the start."]
    elif ends_at <= now:
        errors["ends_at"] = ["The end lies in the past."]
    if errors:
        raise Invalid(errors)


@dataclass(frozen=True, slots=True)
class Held:
    """What is held for `[starts_at, ends_at)`."""

    starts_at: datetime
    ends_at: datetime
    amounts: Amounts

    def asks_more_than(self, other: "Held") -> bool:
        """Whether anywhere and at any time this holds more than `other` does."""
        longer = self.starts_at < other.starts_at or self.ends_at > other.ends_at
        return longer or any(
            amount > other.amounts.get(where, 0) for where, amount in self.amounts.items()
        )

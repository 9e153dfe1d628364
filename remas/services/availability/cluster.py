"""Nodes, resources and capacities as plain values, read afresh."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from remas.models import Capacity, Node, NodeState, Resource, Unit
from remas.services.transaction import DbSession


@dataclass(frozen=True, slots=True)
class Cluster:
    """Names and ids both ways, states, and capacity per node and resource (by name)."""

    node_ids: Mapping[str, int]
    node_names: Mapping[int, str]
    states: Mapping[str, NodeState]
    resource_ids: Mapping[str, int]
    resource_names: Mapping[int, str]
    units: Mapping[str, Unit]
    capacity: Mapping[str, Mapping[str, int]]


def read_cluster(session: DbSession) -> Cluster:
    """Three queries, no ORM objects: what is read is as of now, whatever the session holds."""
    node, resource, provided = (t.__table__.c for t in (Node, Resource, Capacity))
    nodes = session.execute(select(node.id, node.name, node.state)).all()
    resources = session.execute(select(resource.id, resource.name, resource.unit)).all()
    node_names = {node_id: name for node_id, name, _ in nodes}
    resource_names = {resource_id: name for resource_id, name, _ in resources}
    capacity: dict[str, dict[str, int]] = {name: {} for name in node_names.values()}
    rows = session.execute(select(provided.node_id, provided.resource_id, provided.amount))
    for node_id, resource_id, amount in rows:
        # A node or resource made since the queries above is not part of this picture.
        if node_id in node_names and resource_id in resource_names:
            capacity[node_names[node_id]][resource_names[resource_id]] = amount
    return Cluster(
        node_ids={name: node_id for node_id, name, _ in nodes},
        node_names=node_names,
        states={name: state for _, name, state in nodes},
        resource_ids={name: resource_id for resource_id, name, _ in resources},
        resource_names=resource_names,
        units={name: unit for _, name, unit in resources},
        capacity=capacity,
    )

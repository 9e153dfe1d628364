"""What people choose from when they ask: resources with other names, nodes with capacities."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from remas.extensions import db
from remas.models import NodeState, Resource, Unit
from remas.services.availability import natural_key, read_cluster


@dataclass(frozen=True, slots=True)
class ResourceChoice:
    """`least` and `most`: the smallest and the largest capacity of a node that has it."""

    id: int
    name: str
    description: str | None
    unit: Unit
    aliases: tuple[str, ...]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """A node that is not retired, with its capacity per resource."""

    id: int
    name: str
    state: NodeState
    capacities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """In the order in which people read names: n2 before n10."""

    nodes: tuple[NodeChoice, ...]
    resources: tuple[ResourceChoice, ...]

    @property
    def units(self) -> dict[str, Unit]:
        """How amounts of each resource are written."""
        return {resource.name: resource.unit for resource in self.resources}

    def called(self, text: str) -> str | None:
        """The name of the resource meant by `text`: its name, or an alias that is its alone."""
        if text in self.units:
            return text
        found = [resource.name for resource in self.resources if text in resource.aliases]
        return found[0] if len(found) == 1 else None

    def node(self, name: str) -> NodeChoice | None:
        """The node of this name, if there is one to choose."""
        return next((node for node in self.nodes if node.name == name), None)


def read() -> Catalogue:
    """All nodes that are not retired and all resources that one of them has. Five queries."""
    session = db.session()
    cluster = read_cluster(session)
    in_house = [name for name, state in cluster.states.items() if state is not NodeState.RETIRED]
    nodes = tuple(
        NodeChoice(cluster.node_ids[name], name, cluster.states[name], cluster.capacity[name])
        for name in sorted(in_house, key=natural_key)
    )
    amounts: dict[str, list[int]] = {}
    for node in nodes:
        for resource, amount in node.capacities.items():
            amounts.setdefault(resource, []).append(amount)
    rows = session.scalars(select(Resource).options(selectinload(Resource.aliases)))
    resources = tuple(
        ResourceChoice(
            id=row.id,
            name=row.name,
            description=row.description,
            unit=row.unit,
            aliases=tuple(alias.name for alias in row.aliases),
            least=min(amounts[row.name]),
            most=max(amounts[row.name]),
        )
        for row in sorted(rows, key=lambda row: natural_key(row.name))
        if any(amounts.get(row.name, ()))
    )
    return Catalogue(nodes, resources)

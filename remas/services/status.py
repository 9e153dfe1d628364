"""How things stand at this moment: the nodes, for everyone; REMAS itself, for administrators."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from remas import clock
from remas.extensions import db
from remas.models import Allocation, Capacity, Maintenance, Node, NodeState, Reservation, Resource
from remas.models.outbox import OutboxState
from remas.services import heartbeats, outbox
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.reservations import held_at
from remas.services.transaction import DbSession
from remas.units import Unit


@dataclass(frozen=True, slots=True)
class Use:
    """What a node has of a resource, and how much of it is reserved, in its base unit."""

    resource: str
    unit: Unit
    capacity: int
    held: int

    @property
    def free(self) -> int:
        """What nobody holds; 0 where more is held than there is."""
        return max(self.capacity - self.held, 0)

    @property
    def share(self) -> int:
        """How much of it is held, in whole percent; more than 100 where it is over-committed."""
        return 100 * self.held // self.capacity if self.capacity else 100 if self.held else 0


@dataclass(frozen=True, slots=True)
class NodeNow:
    """`closed_until`: the end of the maintenance that is going on. `holders`: how many
    reservations run here."""

    name: str
    state: NodeState
    closed_until: datetime | None
    uses: tuple[Use, ...]
    holders: int


@dataclass(frozen=True, slots=True)
class Service:
    """`letters` by state. `oldest_due`: since when the oldest letter is late; None: none is.
    `ticker_seen`: when it was last at work; None: never."""

    letters: Mapping[OutboxState, int]
    oldest_due: datetime | None
    ticker_seen: datetime | None


def nodes_now() -> tuple[NodeNow, ...]:
    """All nodes that are not retired, by name. Four queries."""
    session, now = db.session(), clock.now()
    held, holders = _held(session, now)
    closed: dict[int, datetime] = dict(
        session.execute(
            select(Maintenance.node_id, func.max(Maintenance.ends_at))
            .where(Maintenance.starts_at <= now, Maintenance.ends_at > now)
            .group_by(Maintenance.node_id)
        ).all()
    )
    provided: dict[int, list[Use]] = defaultdict(list)
    rows = session.execute(
        select(Capacity.node_id, Resource.id, Resource.name, Resource.unit, Capacity.amount).join(
            Resource, Resource.id == Capacity.resource_id
        )
    )
    for node_id, resource_id, name, unit, amount in rows:
        provided[node_id].append(Use(name, unit, amount, held.get((node_id, resource_id), 0)))
    nodes = session.execute(
        select(Node.id, Node.name, Node.state).where(Node.state != NodeState.RETIRED)
    )
    found = [
        NodeNow(
            node.name,
            node.state,
            closed.get(node.id),
            tuple(sorted(provided[node.id], key=lambda use: natural_key(use.resource))),
            holders.get(node.id, 0),
        )
        for node in nodes
    ]
    return tuple(sorted(found, key=lambda node: natural_key(node.name)))


def service(actor: Actor) -> Service:
    """How REMAS itself is doing. For administrators."""
    actor.require_admin()
    return Service(outbox.counts(), outbox.oldest_due(), heartbeats.last(heartbeats.TICKER))


def _held(session: DbSession, now: datetime) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
    """What is held of each (node, resource), and how many reservations run on each node."""
    rows = session.execute(
        select(
            Allocation.node_id, Allocation.resource_id, Allocation.amount, Allocation.reservation_id
        )
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(held_at(now))
    )
    amounts: dict[tuple[int, int], int] = defaultdict(int)
    running: dict[int, set[int]] = defaultdict(set)
    for node_id, resource_id, amount, reservation_id in rows:
        amounts[node_id, resource_id] += amount
        running[node_id].add(reservation_id)
    return amounts, {node_id: len(ids) for node_id, ids in running.items()}

"""Who holds what at this moment, what there is, and who is who: for Prometheus."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from remas import clock
from remas.extensions import db
from remas.models import (
    Allocation,
    Capacity,
    Measure,
    Node,
    NodeState,
    Reservation,
    Resource,
    User,
)
from remas.services.reservations import held_at
from remas.services.transaction import DbSession

RUNS = Node.state != NodeState.RETIRED


@dataclass(frozen=True, slots=True)
class Held:
    """`amount`: what all running reservations of the user hold there together, in base units."""

    username: str
    node: str
    resource: str
    measure: Measure | None
    amount: int


@dataclass(frozen=True, slots=True)
class Provided:
    """`amount`: what the node provides, in base units."""

    node: str
    resource: str
    measure: Measure | None
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """By node, resource and user, on all nodes that are not retired; `people`: username and uid."""

    held: Sequence[Held]
    provided: Sequence[Provided]
    people: Sequence[tuple[str, int]]


def now() -> Standing:
    """As of now; a reservation counts in `[starts_at, ends_at)`, a cancelled one never.

    Everybody is among the people, also who holds nothing and who is deactivated: processes outlive
    accounts. Three queries.
    """
    session = db.session()
    people = session.execute(select(User.username, User.uid).order_by(User.username))
    return Standing(_held(session), _provided(session), [(name, uid) for name, uid in people])


def _held(session: DbSession) -> list[Held]:
    rows = session.execute(
        select(
            User.username,
            Node.name,
            Resource.name,
            Resource.measure,
            func.sum(Allocation.amount),
        )
        .select_from(Reservation)
        .join(Allocation, Allocation.reservation_id == Reservation.id)
        .join(User, User.id == Reservation.owner_id)
        .join(Node, Node.id == Allocation.node_id)
        .join(Resource, Resource.id == Allocation.resource_id)
        .where(held_at(clock.now()), RUNS)
        .group_by(User.username, Node.name, Resource.name, Resource.measure)
        .order_by(Node.name, Resource.name, User.username)
    )
    return [
        Held(username, node, resource, measure, int(amount))
        for username, node, resource, measure, amount in rows
    ]


def _provided(session: DbSession) -> list[Provided]:
    rows = session.execute(
        select(Node.name, Resource.name, Resource.measure, Capacity.amount)
        .select_from(Capacity)
        .join(Node, Node.id == Capacity.node_id)
        .join(Resource, Resource.id == Capacity.resource_id)
        .where(RUNS)
        .order_by(Node.name, Resource.name)
    )
    return [Provided(node, resource, measure, amount) for node, resource, measure, amount in rows]

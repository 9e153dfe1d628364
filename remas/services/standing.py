"""How a person stands towards the limits that bind them: what is allowed, what is held now."""

from dataclasses import dataclass

from sqlalchemy import func, select

from remas import clock
from remas.errors import Forbidden
from remas.extensions import db
from remas.models import Allocation, Node, NodeState, Reservation, Resource, Scope, Unit
from remas.services import limits
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.transaction import DbSession


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit in force. `nodes` empty: on all nodes that are not retired.

    `level`: `user`, or the name of the group it comes from. `held`: what the person holds at this
    moment, summed over the nodes (scope total), or on the node where it is most (each node).
    """

    name: str
    description: str | None
    resource: str
    unit: Unit
    amount: int
    scope: Scope
    level: str
    nodes: tuple[str, ...]
    held: int

    @property
    def personal(self) -> bool:
        """Whether it binds just this person."""
        return self.level == limits.USER_LEVEL


def of(actor: Actor) -> tuple[Standing, ...]:
    """The actor's limits by resource, nearest level first. Seven queries."""
    if actor.id is None:
        raise Forbidden("Only a person has limits.")
    session = db.session()
    in_force = limits.in_force(session, actor.id)
    if not in_force:
        return ()
    in_house = select(Node.id, Node.name).where(Node.state != NodeState.RETIRED)
    names: dict[int, str] = dict(session.execute(in_house).all())
    units: dict[int, Unit] = dict(session.execute(select(Resource.id, Resource.unit)).all())
    held = _held_now(session, actor.id)
    found = [
        Standing(
            name=limit.name,
            description=limit.description,
            resource=limit.resource,
            unit=units[limit.resource_id],
            amount=limit.amount,
            scope=limit.scope,
            level=limit.level,
            nodes=()
            if limit.nodes >= names.keys()
            else tuple(sorted((names[n] for n in limit.nodes if n in names), key=natural_key)),
            held=_held_of(held, limit),
        )
        for limit in in_force
        if limit.nodes & names.keys()
    ]
    return tuple(sorted(found, key=lambda standing: natural_key(standing.resource)))


def _held_now(session: DbSession, user_id: int) -> dict[tuple[int, int], int]:
    """(node id, resource id) to units that the user's reservations hold at this moment."""
    now = clock.now()
    rows = session.execute(
        select(Allocation.node_id, Allocation.resource_id, func.sum(Allocation.amount))
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(
            Reservation.owner_id == user_id,
            Reservation.cancelled_at.is_(None),
            Reservation.starts_at <= now,
            Reservation.ends_at > now,
        )
        .group_by(Allocation.node_id, Allocation.resource_id)
    )
    return {(node, resource): int(amount) for node, resource, amount in rows}


def _held_of(held: dict[tuple[int, int], int], limit: limits.InForce) -> int:
    here = [
        amount
        for (node, resource), amount in held.items()
        if resource == limit.resource_id and node in limit.nodes
    ]
    return sum(here) if limit.scope is Scope.TOTAL else max(here, default=0)

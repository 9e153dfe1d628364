"""How a person stands towards the limits that bind them: what is allowed, what is held.

Held now, and at the peak: the most that is held at one moment from now on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from remas import clock
from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import (
    Allocation,
    Group,
    Node,
    NodeState,
    Reservation,
    Resource,
    Scope,
    Unit,
    User,
)
from remas.services import limits
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.transaction import DbSession


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit in force. `nodes` empty: on all nodes that are not retired.

    `level`: `user`, or the name of the group it comes from. `held`: what the person holds at this
    moment, summed over the nodes (scope total), or on the node where it is most (each node);
    `peak`: the most of that from now on, first reached at `peak_at` (None: nothing is held).
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
    peak: int
    peak_at: datetime | None

    @property
    def left(self) -> int:
        """What fits beside the peak: so much may be held more at whatever time."""
        return max(self.amount - self.peak, 0)

    @property
    def left_now(self) -> int:
        """What fits beside what is held at this moment."""
        return max(self.amount - self.held, 0)

    @property
    def personal(self) -> bool:
        """Whether it binds just this person."""
        return self.level == limits.USER_LEVEL


def of(actor: Actor) -> tuple[Standing, ...]:
    """The actor's limits by resource, nearest level first. Seven queries."""
    if actor.id is None:
        raise Forbidden("Only a person has limits.")
    session = db.session()
    return _standing(session, limits.in_force(session, actor.id), actor.id)


def of_user(actor: Actor, username: str) -> tuple[Standing, ...]:
    """A user's limits, as `of`. For administrators and the user. Raises `Forbidden`, `NotFound`."""
    session = db.session()
    user_id = session.scalar(select(User.id).where(User.username == username))
    if not actor.is_admin and (user_id is None or user_id != actor.id):
        raise Forbidden("Only administrators see the limits of others.")
    if user_id is None:
        raise NotFound(f"There is no user {username}.")
    return _standing(session, limits.in_force(session, user_id), user_id)


def of_group(actor: Actor, name: str) -> tuple[Standing, ...]:
    """What binds each member of a group who has no limits of his own; nothing is held.

    For administrators. Raises `NotFound`.
    """
    actor.require_admin()
    session = db.session()
    group_id = session.scalar(select(Group.id).where(Group.name == name))
    if group_id is None:
        raise NotFound(f"There is no group {name}.")
    return _standing(session, limits.in_force_in_group(session, group_id), None)


def _standing(
    session: DbSession, in_force: Sequence[limits.InForce], user_id: int | None
) -> tuple[Standing, ...]:
    """The limits with what the user holds under them; None: with nothing held."""
    if not in_force:
        return ()
    in_house = select(Node.id, Node.name).where(Node.state != NodeState.RETIRED)
    names: dict[int, str] = dict(session.execute(in_house).all())
    units: dict[int, Unit] = dict(session.execute(select(Resource.id, Resource.unit)).all())
    now = clock.now()
    held = [] if user_id is None else _held_from(session, user_id, now)
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
            held=_held_at(held, limit, now),
            peak=peak,
            peak_at=peak_at,
        )
        for limit in in_force
        if limit.nodes & names.keys()
        for peak, peak_at in [_peak_of(held, limit, now)]
    ]
    return tuple(sorted(found, key=lambda standing: natural_key(standing.resource)))


@dataclass(frozen=True, slots=True)
class _Held:
    """Units of a resource on a node, `[starts_at, ends_at)`; ids."""

    node: int
    resource: int
    amount: int
    starts_at: datetime
    ends_at: datetime


def _held_from(session: DbSession, user_id: int, now: datetime) -> list[_Held]:
    """What the user's reservations hold from this moment on. One query."""
    rows = session.execute(
        select(
            Allocation.node_id,
            Allocation.resource_id,
            Allocation.amount,
            Reservation.starts_at,
            Reservation.ends_at,
        )
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .where(
            Reservation.owner_id == user_id,
            Reservation.cancelled_at.is_(None),
            Reservation.ends_at > now,
        )
    )
    return [_Held(*row) for row in rows]


def _held_at(held: Iterable[_Held], limit: limits.InForce, moment: datetime) -> int:
    here = [part for part in _under(held, limit) if part.starts_at <= moment < part.ends_at]
    return sum(part.amount for part in here) if limit.scope is Scope.TOTAL else _most(here)


def _most(held: Iterable[_Held]) -> int:
    """On the node where it is most."""
    nodes: dict[int, int] = defaultdict(int)
    for part in held:
        nodes[part.node] += part.amount
    return max(nodes.values(), default=0)


def _peak_of(
    held: Iterable[_Held], limit: limits.InForce, now: datetime
) -> tuple[int, datetime | None]:
    """The most that is held at one moment from `now` on, and the first such moment."""
    parts = _under(held, limit)
    if limit.scope is Scope.TOTAL:
        return _highest(parts, now)
    nodes: dict[int, list[_Held]] = defaultdict(list)
    for part in parts:
        nodes[part.node].append(part)
    peaks = [_highest(here, now) for here in nodes.values()]
    return max(peaks, key=lambda peak: peak[0], default=(0, None))


def _highest(held: Sequence[_Held], now: datetime) -> tuple[int, datetime | None]:
    changes: dict[datetime, int] = defaultdict(int)
    for part in held:
        changes[max(part.starts_at, now)] += part.amount
        changes[part.ends_at] -= part.amount
    amount, highest, at = 0, 0, None
    for moment in sorted(changes):
        amount += changes[moment]
        if amount > highest:
            highest, at = amount, moment
    return highest, at


def _under(held: Iterable[_Held], limit: limits.InForce) -> list[_Held]:
    """What counts towards a limit."""
    return [
        part for part in held if part.resource == limit.resource_id and part.node in limit.nodes
    ]

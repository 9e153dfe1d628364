"""Who uses more at this moment than they hold, where that is measured.

Above is who used, on average over five minutes, more than is held by over a hundredth of what the
node has: a shell that is open does not make anybody conspicuous.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, or_, select

from remas import clock
from remas.clients.prometheus import PrometheusError
from remas.extensions import db
from remas.grafana import usage
from remas.models import Allocation, Capacity, Measure, Node, NodeState, Reservation, Resource, User
from remas.services import measuring
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.fields import LARGEST_UID
from remas.services.measuring import Asking
from remas.services.reservations import held_at
from remas.services.transaction import DbSession
from remas.units import Unit

TOLERANCE = 0.01  # of what the node has
NAMES_AT_ONCE = 500
PLACES_AT_ONCE = 50  # holders in one question with a query of the resource's own
MOST_PLACES = 500  # and in all, of each such resource

Item = TypeVar("Item")
Held = Mapping[tuple[str, int, str], int]
"""Node, id of the resource and username to what is held."""


@dataclass(frozen=True, slots=True)
class Above:
    """Somebody uses more of a resource on a node than `held`; both in its base unit."""

    username: str
    full_name: str
    node: str
    resource: str
    unit: Unit
    held: int
    used: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """With the resource's own query only the first `asked` of its `holders` were asked for.

    Who holds some on several nodes counts once for each of them."""

    resource: str
    asked: int
    holders: int


@dataclass(frozen=True, slots=True)
class Exceeding:
    """`at`: as of when. `rows`: the farthest above first. `troubles`: resources whose own query
    Prometheus does not take, and why; told to administrators. `is_whole`: whether everybody whom
    the viewer may see was asked for, with every measured resource."""

    at: datetime
    rows: tuple[Above, ...]
    troubles: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class _Offer:
    """A measured resource and how much of it each node has."""

    id: int
    name: str
    unit: Unit
    measure: Measure
    query: str | None
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """`who`: a username, or a uid in digits."""

    offer: _Offer
    node: str
    who: str
    used: float

    @property
    def most(self) -> float:
        """What may be held at least for this not to be above."""
        return self.used - TOLERANCE * self.offer.amounts[self.node]


def is_shown() -> bool:
    """Whether anything is measured."""
    return measuring.is_on() and bool(
        db.session.scalar(select(Resource.id).where(Resource.measure.is_not(None)).limit(1))
    )


def now(actor: Actor) -> Exceeding:
    """Who is above what they hold: everybody for administrators, else the actor.

    One question for each measure that a resource has, within a second in all; what is measured by
    a query of its own is asked for those of them who hold some of it (the first 500). Raises
    `NotFound` without Prometheus, `MeasurementsAway`.
    """
    measuring.require_on()
    session = db.session()
    offers, (held, uids) = _offers(session), _held(session, clock.now())
    seen: list[_Seen] = []
    troubles: list[str] = []
    left_out: list[LeftOut] = []
    with measuring.asking() as asking:
        for offer in offers:
            holders = _holders(offer, held, uids, actor)
            if len(holders) > MOST_PLACES:
                left_out.append(LeftOut(offer.name, MOST_PLACES, len(holders)))
            try:
                seen += _seen(asking, offer, holders[:MOST_PLACES])
            except PrometheusError as error:
                troubles.append(f"{offer.name}: {error}")
    rows = _above(db.session(), seen, held)
    is_whole = not troubles and not left_out
    if not actor.is_admin:
        rows, troubles = tuple(row for row in rows if row.username == actor.username), []
    return Exceeding(asking.as_of, rows, tuple(troubles), tuple(left_out), is_whole)


def _offers(session: DbSession) -> list[_Offer]:
    """Measured resources, by name, with the nodes that have some and are not retired."""
    rows = session.execute(
        select(Resource, Node.name, Capacity.amount)
        .join(Capacity, Capacity.resource_id == Resource.id)
        .join(Node, Node.id == Capacity.node_id)
        .where(Resource.measure.is_not(None), Capacity.amount > 0, Node.state != NodeState.RETIRED)
    )
    kinds: dict[str, Resource] = {}
    amounts: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, node, amount in rows:
        kinds[kind.name] = kind
        amounts[kind.name][node] = amount
    return [
        _Offer(kind.id, name, kind.unit, kind.measure, kind.usage_query, amounts[name])
        for name, kind in sorted(kinds.items())
        if kind.measure is not None
    ]


def _held(session: DbSession, at: datetime) -> tuple[Held, Mapping[str, int]]:
    """What is held, and the uid of each username in it: of one query, as names may change."""
    place = Node.name, Allocation.resource_id, User.username, User.uid
    rows = session.execute(
        select(*place, func.sum(Allocation.amount))
        .join(Reservation, Reservation.id == Allocation.reservation_id)
        .join(Node, Node.id == Allocation.node_id)
        .join(User, User.id == Reservation.owner_id)
        .where(held_at(at))
        .group_by(*place)
    )
    held: dict[tuple[str, int, str], int] = {}
    uids: dict[str, int] = {}
    for node, resource, who, uid, amount in rows:
        held[node, resource, who] = int(amount)
        uids[who] = uid
    return held, uids


def _holders(
    offer: _Offer, held: Held, uids: Mapping[str, int], actor: Actor
) -> list[tuple[str, str, int]]:
    """Node, username and uid of those who hold some of it where it is offered, and whom the actor
    may see; empty where it is not asked for people one by one."""
    return sorted(
        (node, who, uids[who])
        for node, resource, who in held
        if offer.query
        and resource == offer.id
        and node in offer.amounts
        and (actor.is_admin or who == actor.username)
    )


def _seen(
    asking: Asking, offer: _Offer, holders: Sequence[tuple[str, str, int]]
) -> Iterator[_Seen]:
    """What anybody uses of it, where that is more than the tolerance."""
    for node, who, used in _used(asking, offer, holders):
        if node in offer.amounts:
            seen = _Seen(offer, node, who, used)
            if seen.most > 0:
                yield seen


def _used(
    asking: Asking, offer: _Offer, holders: Sequence[tuple[str, str, int]]
) -> Iterator[tuple[str, str, float]]:
    if offer.query is None:
        label = usage.person_label(offer.measure)
        for series in asking.now(usage.of_everybody(offer.measure)):
            for _, used in series.values:
                yield series.labels.get(usage.NODE, ""), series.labels.get(label, ""), used
        return
    for part in _parts(holders, PLACES_AT_ONCE):
        asked = usage.recent(usage.of_places(offer.query, part))
        for series in asking.now(asked):
            node, who, _ = measuring.place_of(series, part)
            for _, used in series.values:
                yield node, who, used


def _above(session: DbSession, seen: Sequence[_Seen], held: Held) -> tuple[Above, ...]:
    people = _people(session, {one.who for one in seen})
    used: dict[tuple[str, str, str], float] = defaultdict(float)
    offers = {one.offer.name: one.offer for one in seen}
    for one in seen:  # some exporters may know the name and others only the uid
        if person := people.get(one.who):
            used[one.node, one.offer.name, person[0]] += one.used
    names = dict(people.values())
    rows = []
    for (node, resource, who), amount in used.items():
        offer = offers[resource]
        holds = held.get((node, offer.id, who), 0)
        if amount > holds + TOLERANCE * offer.amounts[node]:
            rows.append(Above(who, names[who], node, resource, offer.unit, holds, amount))

    rows.sort(key=lambda row: (natural_key(row.node), row.username, row.resource))
    rows.sort(key=lambda row: (row.held - row.used) / offers[row.resource].amounts[row.node])
    return tuple(rows)


def _people(session: DbSession, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Username and full name of those whom an exporter calls by username or uid; others are none
    of ours. A username goes before a uid that reads the same."""
    found: dict[str, tuple[str, str]] = {}
    for part in _parts(sorted(set(names)), NAMES_AT_ONCE):
        numbers = [int(name) for name in part if name.isdecimal() and name.isascii()]
        uids = [number for number in numbers if number <= LARGEST_UID]
        rows = session.scalars(
            select(User).where(or_(User.username.in_(part), User.uid.in_(uids)))
        ).all()
        found |= {str(user.uid): (user.username, user.full_name) for user in rows} | found
        found |= {user.username: (user.username, user.full_name) for user in rows}
    return found


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]

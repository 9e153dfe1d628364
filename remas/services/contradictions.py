"""Which existing reservations a wished change contradicts, read before it is made.

A warning and nothing more: nothing is locked, reservations stay, and the change goes its usual way
afterwards. A reservation that runs or is to come contradicts what is wished exactly when it could
not be booked again as it stands. What stands against it in the same way already is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select

from remas import clock
from remas.extensions import db
from remas.models import (
    Allocation,
    Capacity,
    Maintenance,
    Node,
    NodeState,
    Reservation,
    Resource,
    Scope,
    Unit,
    User,
)
from remas.services import contradiction_sums as sums
from remas.services import groups, limit_wishes, maintenance, nodes
from remas.services.actor import Actor
from remas.services.contradiction_sums import Held
from remas.services.limit_book import Book, Entry, read_book
from remas.services.limit_wishes import LimitChange, LimitNew
from remas.services.limits import InForce
from remas.services.maintenance import MaintenanceNew
from remas.services.nodes import NodeChange
from remas.services.transaction import DbSession


class Cause(StrEnum):
    """What a reservation stands against."""

    LIMIT = "limit"
    CAPACITY = "capacity"
    MAINTENANCE = "maintenance"
    DRAINED = "drained"
    RETIRED = "retired"


OVERCOMMITTED = (Cause.LIMIT, Cause.CAPACITY, Cause.MAINTENANCE)
"""What has to be put right; a drained node runs empty by itself."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One reservation, `[starts_at, ends_at)`, and one thing it stands against.

    `since`: the first moment, not before now, at which it does; `short_by`: the most units that
    are too many while it holds its own (None: maintenance or a state, which leave none). `node` is
    None for a limit over several nodes together, `resource` for what concerns the whole node;
    `name` to `email` tell who owns it and how to reach them.
    """

    reservation: int
    name: str
    username: str
    owner: str
    email: str
    starts_at: datetime
    ends_at: datetime
    cause: Cause
    node: str | None
    resource: str | None
    unit: Unit
    short_by: int | None
    limit: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do. `binds`: how many active people a limit would be in force for."""

    found: tuple[Contradiction, ...]
    binds: int | None = None

    @property
    def reservations(self) -> int:
        """How many reservations are concerned."""
        return len({one.reservation for one in self.found})

    @property
    def owners(self) -> int:
        """How many people own them."""
        return len({one.username for one in self.found})


@dataclass(frozen=True, slots=True)
class _Key:
    """What stands against what, by ids; equal keys before and after a change can be compared."""

    reservation: int
    cause: Cause
    node: int | None = None
    resource: int | None = None
    rule: int | None = None  # the limit, or the maintenance


@dataclass(frozen=True, slots=True)
class _Fact:
    since: datetime
    short_by: int | None = None


_Facts = dict[_Key, _Fact]


@dataclass(frozen=True, slots=True)
class _Owned:
    """What is told of a reservation."""

    name: str
    owner: User
    starts_at: datetime
    ends_at: datetime
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is held from this minute on, by whom, and how things are called."""

    now: datetime
    held: tuple[Held, ...]
    owned: Mapping[int, _Owned]

    def on(self, node: int) -> list[Held]:
        return [part for part in self.held if part.node == node]


def of_limit(actor: Actor, wish: LimitNew | LimitChange, limit_id: int | None = None) -> Effect:
    """A limit made, or changed into this. Changing one may let another come into force.

    A constant number of queries. For administrators. Raises `NotFound`, `Invalid`.
    """
    actor.require_admin()
    session = db.session()
    stored, entry = limit_wishes.entries(session, wish, limit_id)
    known = [one for one in (stored, entry) if one is not None]
    resources = {one.resource_id for one in known}
    book = read_book(session, resources)
    picture = _picture(session, Allocation.resource_id.in_(resources), _owned_by(session, known))
    changed = book.with_entry(entry)
    before, after = (_beyond_limits(picture, b) for b in (book, changed))
    names = {limit.id: limit.name for limit in changed.entries}
    return Effect(
        _told(session, picture, _new(before, after), names),
        binds=len(changed.bound_by(entry.id)),
    )


def bound_people(actor: Actor, limit_id: int) -> int:
    """For how many active people a limit is in force on some node. For administrators."""
    actor.require_admin()
    session = db.session()
    stored = limit_wishes.stored(session, limit_id)
    return len(read_book(session, {stored.resource_id}).bound_by(limit_id))


def of_limit_gone(actor: Actor, limit_id: int) -> Effect:
    """A limit deleted: one of a farther level may come into force. Raises `NotFound`."""
    actor.require_admin()
    session = db.session()
    stored = limit_wishes.entry_of(limit_wishes.stored(session, limit_id))
    book = read_book(session, {stored.resource_id})
    mine = Allocation.resource_id == stored.resource_id
    picture = _picture(session, mine, _owned_by(session, [stored]))
    rest = book.without(limit_id)
    before, after = (_beyond_limits(picture, b) for b in (book, rest))
    names = {limit.id: limit.name for limit in rest.entries}
    return Effect(_told(session, picture, _new(before, after), names))


def of_node(actor: Actor, name: str, wish: NodeChange) -> Effect:
    """A node with other capacities, or in another state. Raises `NotFound`, `Invalid`."""
    actor.require_admin()
    session = db.session()
    wished = nodes.wished(session, name, wish)
    node = wished.node
    picture = _picture(session, Allocation.node_id == node.id)
    stored = {capacity.resource_id: capacity.amount for capacity in node.capacities}
    before = _beyond_capacity(picture, node.id, stored) | _closed(picture, node.id, node.state)
    after = _beyond_capacity(picture, node.id, wished.capacities)
    after |= _closed(picture, node.id, wished.state)
    return Effect(_told(session, picture, _new(before, after), {}))


def of_maintenance(
    actor: Actor, wishes: Sequence[MaintenanceNew], replacing: int | None = None
) -> Effect:
    """Nodes closed for a time; `replacing`: the maintenance of which the first is the change.

    Raises `NotFound`, `Invalid`.
    """
    actor.require_admin()
    session = db.session()
    rows = maintenance.checked(session, wishes)
    ids = {node.name: node.id for node in rows}
    picture = _picture(session, Allocation.node_id.in_(ids.values()))
    stored = maintenance.get(replacing) if replacing is not None else None
    before: _Facts = {}
    if stored is not None:
        before = _during(picture, 0, stored.node_id, (stored.starts_at, stored.ends_at))
    after: _Facts = {}
    for i, wish in enumerate(wishes):
        after |= _during(picture, i, ids[wish.node], (wish.starts_at, wish.ends_at))
    return Effect(_told(session, picture, _new(before, after), {}))


def at_present(actor: Actor) -> Effect:
    """Everything that stands against capacities, limits or maintenance as they are stored."""
    actor.require_admin()
    session = db.session()
    picture = _picture(session)
    book = read_book(session)
    found = _beyond_limits(picture, book)
    amounts: dict[int, dict[int, int]] = {}
    rows = session.execute(select(Capacity.node_id, Capacity.resource_id, Capacity.amount))
    for node, resource, amount in rows:
        amounts.setdefault(node, {})[resource] = amount
    by_node = sums.by_node(picture.held)
    for node, held in by_node.items():
        part = _Picture(picture.now, tuple(held), picture.owned)
        found |= _beyond_capacity(part, node, amounts.get(node, {}))
    closed = select(
        Maintenance.id, Maintenance.node_id, Maintenance.starts_at, Maintenance.ends_at
    ).where(Maintenance.ends_at > picture.now)
    for number, node, starts_at, ends_at in session.execute(closed):
        part = _Picture(picture.now, tuple(by_node.get(node, ())), picture.owned)
        found |= _during(part, number, node, (starts_at, ends_at))
    names = {limit.id: limit.name for limit in book.entries}
    return Effect(_told(session, picture, found, names))


def _new(before: _Facts, after: _Facts) -> _Facts:
    return {key: fact for key, fact in after.items() if before.get(key) != fact}


def _picture(session: DbSession, *conditions: ColumnElement[bool]) -> _Picture:
    """What is held from this minute on, of what meets the conditions. Two queries, no objects."""
    now = clock.now().replace(second=0, microsecond=0)  # bookings are in whole minutes
    a, r = Allocation, Reservation
    rows = session.execute(
        select(a.node_id, a.resource_id, a.amount, r.id, r.owner_id, r.starts_at, r.ends_at)
        .add_columns(r.name, r.released_at)
        .join(r, r.id == a.reservation_id)
        .join(User, User.id == r.owner_id)
        .where(r.cancelled_at.is_(None), r.ends_at > now, *conditions)
        .order_by(r.id)
    ).all()
    alive = select(r.owner_id).where(r.cancelled_at.is_(None), r.ends_at > now)
    owners = {user.id: user for user in session.scalars(select(User).where(User.id.in_(alive)))}
    owned = {
        row.id: _Owned(row.name, owners[row.owner_id], row.starts_at, row.ends_at, row.released_at)
        for row in rows
        if row.owner_id in owners
    }
    held = tuple(Held(*row[:7]) for row in rows if row.id in owned)
    return _Picture(now, held, owned)


def _beyond_limits(picture: _Picture, book: Book) -> _Facts:
    owners: dict[int, dict[int, dict[int, list[Held]]]] = {}  # to resource to node
    for part in picture.held:
        kinds = owners.setdefault(part.owner, {})
        kinds.setdefault(part.resource, {}).setdefault(part.node, []).append(part)
    found: _Facts = {}
    for owner, limits in book.of_each(owners).items():
        mine = owners[owner]
        most = {
            kind: sum(part.amount for on in mine[kind].values() for part in on) for kind in mine
        }
        for limit in limits:
            # Most people never hold so much, even at different times together.
            if most.get(limit.resource_id, 0) > limit.amount:
                found |= _beyond_limit(mine[limit.resource_id], limit, picture.now)
    return found


def _beyond_limit(held: Mapping[int, list[Held]], limit: InForce, now: datetime) -> _Facts:
    """`held`: by node, of the limit's resource."""
    sets: dict[int | None, list[Held]] = {node: held[node] for node in limit.nodes & held.keys()}
    if limit.scope is Scope.TOTAL:
        sets = {None: [part for parts in sets.values() for part in parts]}
    return {
        _Key(number, Cause.LIMIT, node, limit.resource_id, limit.id): _Fact(
            excess.since, excess.short_by
        )
        for node, parts in sets.items()
        for number, excess in sums.beyond(parts, limit.amount, now).items()
    }


def _beyond_capacity(picture: _Picture, node: int, amounts: Mapping[int, int]) -> _Facts:
    """Of a resource that the node has no more, nothing fits."""
    here = picture.on(node)
    return {
        _Key(number, Cause.CAPACITY, node, resource): _Fact(excess.since, excess.short_by)
        for resource in {part.resource for part in here}
        for number, excess in sums.beyond(
            [part for part in here if part.resource == resource],
            amounts.get(resource, 0),
            picture.now,
        ).items()
    }


def _closed(picture: _Picture, node: int, state: NodeState) -> _Facts:
    """All that is on a node which is not available."""
    if state is NodeState.AVAILABLE:
        return {}
    return {
        _Key(part.reservation, Cause(state.value), node): _Fact(max(part.starts_at, picture.now))
        for part in picture.on(node)
    }


def _during(picture: _Picture, number: int, node: int, span: tuple[datetime, datetime]) -> _Facts:
    start, end = span
    return {
        _Key(part.reservation, Cause.MAINTENANCE, node, rule=number): _Fact(
            max(part.starts_at, start, picture.now)
        )
        for part in picture.on(node)
        if part.starts_at < end and part.ends_at > start and end > picture.now
    }


def _told(
    session: DbSession, picture: _Picture, found: _Facts, limits: Mapping[int, str]
) -> tuple[Contradiction, ...]:
    """In words, by the first moment. What is released already is over in a minute. Two queries."""
    if not found:
        return ()
    names: dict[int, str] = dict(session.execute(select(Node.id, Node.name)).all())
    resources = {
        number: (name, unit)
        for number, name, unit in session.execute(select(Resource.id, Resource.name, Resource.unit))
    }
    told = [
        _one(picture.owned[key.reservation], key, fact, names, resources, limits)
        for key, fact in found.items()
        if picture.owned[key.reservation].released_at is None
    ]
    return tuple(sorted(told, key=_order))


def _one(
    owned: _Owned,
    key: _Key,
    fact: _Fact,
    names: Mapping[int, str],
    resources: Mapping[int, tuple[str, Unit]],
    limits: Mapping[int, str],
) -> Contradiction:
    resource, unit = resources[key.resource] if key.resource else (None, Unit.NONE)
    return Contradiction(
        reservation=key.reservation,
        name=owned.name,
        username=owned.owner.username,
        owner=owned.owner.full_name,
        email=owned.owner.email,
        starts_at=owned.starts_at,
        ends_at=owned.ends_at,
        cause=key.cause,
        node=names.get(key.node) if key.node is not None else None,
        resource=resource,
        unit=unit,
        short_by=fact.short_by,
        limit=limits.get(key.rule) if key.cause is Cause.LIMIT and key.rule is not None else None,
        since=fact.since,
    )


def _order(one: Contradiction) -> tuple[datetime, int, str, str, str]:
    return one.since, one.reservation, one.cause, one.node or "", one.resource or ""


def _owned_by(session: DbSession, entries: Iterable[Entry]) -> ColumnElement[bool]:
    """Reservations of those whom one of these limits may bind."""
    users = {entry.user_id for entry in entries if entry.user_id is not None}
    above = {entry.group_id for entry in entries if entry.group_id is not None}
    below: set[int] = set().union(*(groups.descendants(session, group) for group in above))
    return or_(Reservation.owner_id.in_(users), User.group_id.in_(below))

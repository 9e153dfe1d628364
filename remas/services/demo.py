"""The demo cluster: what a small institute's calendar looks like on a Tuesday.

Everything is drawn from a fixed seed around the present day, and only what fits is booked.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from remas import clock
from remas.extensions import db
from remas.models import (
    EVERYONE,
    USERS,
    Alias,
    Allocation,
    Capacity,
    Group,
    Limit,
    Maintenance,
    Measure,
    Node,
    Notification,
    NotificationType,
    Reservation,
    Resource,
    Scope,
    Tag,
    Unit,
    User,
)
from remas.services import audit, passwords, reminders
from remas.services.actor import SYSTEM
from remas.services.availability import Placed, shortages
from remas.services.context import settings
from remas.services.demo_cast import GROUPS, KINDS, LIMITS, NODES, PEOPLE, RESOURCES, Kind
from remas.services.requests import AllocationSpec
from remas.services.transaction import DbSession, writing

SEED = 12
DAYS_BACK, DAYS_AHEAD = 7, 14
PER_DAY = 16  # attempts; about two thirds find room
# Further attempts on the GPU nodes around now (family, attempts, hours ahead), so that a search
# has something to say.
RUSH = (("h", 60, 72), ("g", 60, 30))


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What was made; `password` is that of all `usernames`, and nowhere kept in clear."""

    password: str
    usernames: tuple[str, ...]
    reservations: int


def is_empty() -> bool:
    """Whether nobody has put a node into this instance yet."""
    return not db.session.scalar(select(func.count()).select_from(Node))


def load() -> DemoSummary:
    """Make nodes, people, limits, maintenance and three weeks of reservations; one commit."""
    password = passwords.one_time_password()
    draw = random.Random(SEED)  # noqa: S311 plausible, not secret
    today = _today()
    with writing() as session:
        people = _people(session, passwords.hash_password(password))
        _cluster(session)
        _limits(session)
        _maintenance(session, today)
        session.flush()
        count = _hold(session, draw, people)
        for start, kind in _wishes(draw, today):
            count += _book(session, draw, draw.choice(people), kind, start)
        _notifications(session, people)
        audit.record(session, SYSTEM, "load", "demo", (0, "demo cluster"))
    return DemoSummary(password, tuple(person.username for person in people), count)


def _hold(session: DbSession, draw: random.Random, people: list[User]) -> int:
    """More than half of every GPU node is held for the next hours, whenever the demo is made."""
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    nodes = [(name, capacities["gpu"]) for name, _, capacities in NODES if "gpu" in capacities]
    for number, (name, gpus) in enumerate(nodes):
        kind = next(kind for kind in KINDS if kind.family == name[0])
        span = now - timedelta(hours=2), now + timedelta(hours=4 + number)
        held = AllocationSpec(name, "gpu", gpus // 2 + 1), AllocationSpec(name, "cpu", 16)
        _insert(session, draw, people[number], kind, span, held)
    return len(nodes)


def _today() -> datetime:
    """Midnight in the cluster's zone."""
    local = clock.now().astimezone(settings().timezone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _people(session: DbSession, password_hash: str) -> list[User]:
    groups = {}
    for name, description, shares in GROUPS:
        groups[name] = Group(
            name=name, description=description, users_share_statistics=shares, parent_id=USERS
        )
    session.add_all(groups.values())
    people = [
        User(
            username=username,
            name=name,
            surname=surname,
            email=f"{username}@example.org",
            uid=2001 + number,
            password_hash=password_hash,
            group=groups[group],
            created_at=clock.now(),
        )
        for number, (username, name, surname, group) in enumerate(PEOPLE)
    ]
    session.add_all(people)
    return people


def _cluster(session: DbSession) -> None:
    resources = {}
    for name, unit, description, aliases, measure in RESOURCES:
        resources[name] = Resource(
            name=name,
            unit=Unit(unit),
            description=description,
            aliases=[Alias(name=alias) for alias in aliases],
            measure=Measure(measure),
        )
    session.add_all(resources.values())
    for name, description, capacities in NODES:
        node = Node(name=name, description=description)
        node.capacities = [
            Capacity(resource=resources[resource], amount=amount)
            for resource, amount in capacities.items()
        ]
        session.add(node)


def _limits(session: DbSession) -> None:
    session.flush()
    for name, resource, amount, scope, group, username in LIMITS:
        session.add(
            Limit(
                name=name,
                resource=session.scalars(select(Resource).filter_by(name=resource)).one(),
                amount=amount,
                scope=Scope(scope),
                group=session.scalar(select(Group).filter_by(name=group)) if group else None,
                user=session.scalar(select(User).filter_by(username=username)),
            )
        )


def _maintenance(session: DbSession, today: datetime) -> None:
    for name, day, hour, hours, reason in (
        ("m2", 2, 8, 8, "Memory modules are exchanged"),
        ("h3", 5, 6, 30, "New GPU driver"),
        ("c1", -3, 9, 5, "Disk replaced"),
    ):
        node = session.scalars(select(Node).filter_by(name=name)).one()
        start = today + timedelta(days=day, hours=hour)
        end = start + timedelta(hours=hours)
        session.add(Maintenance(node=node, starts_at=start, ends_at=end, reason=reason))


def _wishes(draw: random.Random, today: datetime) -> Iterator[tuple[datetime, Kind]]:
    """When somebody wants what: working days are busier, and most begin by day."""
    for day in range(-DAYS_BACK, DAYS_AHEAD):
        date = today + timedelta(days=day)
        weekend = date.weekday() >= 5
        for _ in range(PER_DAY // 3 if weekend else PER_DAY):
            hour = min(max(round(draw.gauss(13, 4)), 0), 23)
            yield (
                date + timedelta(hours=hour, minutes=draw.choice((0, 0, 15, 30))),
                draw.choice(KINDS),
            )
    now = clock.now().astimezone(today.tzinfo).replace(minute=0, second=0, microsecond=0)
    for family, attempts, hours in RUSH:
        kinds = [kind for kind in KINDS if kind.family == family]
        for _ in range(attempts):
            yield now + timedelta(hours=draw.randint(-12, hours)), draw.choice(kinds)


def _book(
    session: DbSession, draw: random.Random, person: User, kind: Kind, start: datetime
) -> bool:
    """Book it on the first nodes of its family, in a drawn order, on which it fits."""
    names = [name for name, _, _ in NODES if name.startswith(kind.family)]
    draw.shuffle(names)
    end = start + timedelta(hours=draw.choice(kind.hours))
    count = draw.choice(kind.nodes)
    share = draw.choice(kind.shares)
    capacity = {name: capacities for name, _, capacities in NODES}
    for first in range(len(names) - count + 1):
        chosen = names[first : first + count]
        specs = tuple(
            AllocationSpec(node, resource, max(1, int(capacity[node][resource] * share)))
            for node in chosen
            for resource in kind.resources
        )
        if not shortages(session, person.id, Placed(start, end, specs)):
            _insert(session, draw, person, kind, (start, end), specs)
            return True
    return False


def _insert(
    session: DbSession,
    draw: random.Random,
    person: User,
    kind: Kind,
    span: tuple[datetime, datetime],
    specs: tuple[AllocationSpec, ...],
) -> None:
    start, end = span
    made = min(clock.now(), start) - timedelta(hours=draw.randint(2, 60))
    tag = session.scalar(select(Tag).filter_by(user_id=person.id, name=kind.tag))
    reservation = Reservation(
        name=draw.choice(kind.titles),
        description=kind.description,
        owner=person,
        starts_at=start,
        ends_at=end,
        created_at=made,
        updated_at=made,
        tags=[tag or Tag(name=kind.tag, user=person)],
    )
    nodes: dict[str, int] = dict(session.execute(select(Node.name, Node.id)).all())
    resources: dict[str, int] = dict(session.execute(select(Resource.name, Resource.id)).all())
    reservation.allocations = [
        Allocation(
            node_id=nodes[spec.node], resource_id=resources[spec.resource], amount=spec.amount
        )
        for spec in specs
    ]
    if end > clock.now() and start > clock.now() and draw.random() < 0.05:
        reservation.cancelled_at = clock.now()
    session.add(reservation)
    session.flush()


def _notifications(session: DbSession, people: list[User]) -> None:
    """What everybody is told: before a start, and before an end."""
    everyone = session.get_one(Group, EVERYONE)
    kinds = (
        (NotificationType.TASK_START, "Ten minutes before a start", 600, "starts", "${task_start}"),
        (NotificationType.TASK_END, "One hour before an end", 3600, "ends", "${task_end}"),
    )
    for kind, name, seconds, verb, moment in kinds:
        row = Notification(
            name=name,
            type=kind,
            time_offset=seconds,
            subject=f"${{task_name}} {verb} soon",
            template=f"Hello ${{user_name}},\n\n${{task_name}} {verb} at {moment}.",
        )
        row.groups = [everyone]
        session.add(row)
    reminders.replan(session, [person.id for person in people])

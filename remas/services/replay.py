"""Play a trace through the services that people use, and through the way they do it by hand."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from remas import clock
from remas.errors import Conflict, DomainError, NoRoom
from remas.extensions import db
from remas.models import USERS, Capacity, Node, Reservation, Resource, Unit, User
from remas.services import audit, booking, passwords
from remas.services.actor import SYSTEM, Actor
from remas.services.answers import Effort, SearchAnswer
from remas.services.byhand import ByHand
from remas.services.context import settings
from remas.services.requests import OfferRequest
from remas.services.trace import TraceNode, TraceRequest
from remas.services.transaction import writing

PARTS = ("reading", "sweep", "model", "solve", "booking")


@dataclass(slots=True)
class Outcome:
    """How it went. Waits in minutes; `seconds`: part of an answer to its times."""

    requests: int = 0
    booked: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    used: Counter[str] = field(default_factory=Counter)  # resource to unit-minutes

    def took(self, start: int, end: int, wait: int, demands: Mapping[str, int], last: int) -> None:
        """Count a booking; use is counted until `last`, when the requests end."""
        self.booked += 1
        self.waits.append(wait)
        minutes = max(min(end, last) - start, 0)
        for resource, amount in demands.items():
            self.used[resource] += amount * minutes


@dataclass(frozen=True, slots=True)
class Plan:
    """A trace laid into the calendar: second 0 is the next midnight of the cluster's zone."""

    origin: datetime
    nodes: tuple[TraceNode, ...]
    requests: tuple[TraceRequest, ...]

    @property
    def span(self) -> tuple[int, int]:
        """First and last minute at which something is asked, from the origin."""
        return self.requests[0].at // 60, self.requests[-1].at // 60 + 1

    def utilisation(self, outcome: Outcome) -> dict[str, float]:
        """The share of each resource that was reserved while requests came."""
        first, last = self.span
        total: Counter[str] = Counter()
        for node in self.nodes:
            total.update(node.capacity)
        return {
            resource: outcome.used[resource] / (amount * (last - first))
            for resource, amount in total.items()
            if amount
        }


def plan(nodes: Iterable[TraceNode], requests: Iterable[TraceRequest]) -> Plan:
    """Lay a trace into the calendar."""
    local = clock.now().astimezone(settings().timezone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    origin = midnight + timedelta(days=1)
    return Plan(origin.astimezone(clock.now().tzinfo), tuple(nodes), tuple(requests))


def load_nodes(nodes: Iterable[TraceNode]) -> Actor:
    """Put the nodes into an empty instance; the one who will ask. Raises `Conflict`."""
    with writing() as session:
        if session.scalar(select(func.count()).select_from(Node)):
            raise Conflict(
                "This instance has nodes already. Play a trace in one of its own: set "
                "REMAS_INSTANCE to an empty folder, or DATABASE_URL to an empty database."
            )
        units = {"cpu": Unit.NONE, "memory": Unit.BYTES_IEC, "gpu": Unit.NONE}
        resources = {name: Resource(name=name, unit=unit) for name, unit in units.items()}
        session.add_all(resources.values())
        for node in nodes:
            capacities = [
                Capacity(resource=resources[resource], amount=amount)
                for resource, amount in node.capacity.items()
                if amount
            ]
            session.add(Node(name=node.name, capacities=capacities))
        user = User(
            username="trace",
            name="Trace",
            email="trace@example.org",
            uid=2**31 - 1,
            password_hash=passwords.hash_password(passwords.one_time_password()),
            password_change_required=True,
            group_id=USERS,
            created_at=clock.now(),
        )
        session.add(user)
        session.flush()
        audit.record(session, SYSTEM, "load", "trace", (user.id, user.username))
        return Actor(user.id, user.username, is_admin=False)


def by_core(plan: Plan, asker: Actor, outcome: Outcome) -> Iterator[TraceRequest]:
    """Ask and book request by request; yields each when it is done, `outcome` growing."""
    _, last = plan.span
    for request in plan.requests:
        asked = clock.ceil_minute(plan.origin + timedelta(seconds=request.at))
        outcome.requests += 1
        try:
            reservation = _ask_and_book(asker, request, asked, outcome)
        except NoRoom as refused:
            outcome.refused[_why(refused)] += 1
        except DomainError as refused:
            outcome.refused[refused.slug] += 1
        else:
            start = (reservation.starts_at - plan.origin) // clock.MINUTE
            wait = (reservation.starts_at - asked) // clock.MINUTE
            outcome.took(start, start + request.minutes, wait, request.demands, last)
        db.session.remove()  # as after each request of a person
        yield request


def _ask_and_book(
    asker: Actor, request: TraceRequest, asked: datetime, outcome: Outcome
) -> Reservation:
    wish = OfferRequest(timedelta(minutes=request.minutes), demands=request.demands, earliest=asked)
    answered: list[float] = []

    def told(answer: SearchAnswer) -> None:
        _note(outcome, answer.effort)
        answered.append(time.perf_counter())

    booked = booking.book_earliest(asker, wish, request.name, told)
    outcome.seconds["booking"].append(time.perf_counter() - answered[-1])
    return booked


def _note(outcome: Outcome, effort: Effort) -> None:
    for part in PARTS[:-1]:
        outcome.seconds[part].append(getattr(effort, part))
    outcome.seconds["answer"].append(sum(getattr(effort, part) for part in PARTS[:-1]))


def _why(refused: NoRoom) -> str:
    reasons = sorted({shortage.reason for shortage in refused.shortages})
    return "short of " + ", ".join(reasons) if reasons else "never fits: too large or too long"


def by_hand(plan: Plan, outcome: Outcome) -> Iterator[TraceRequest]:
    """The same requests, first fit at whole hours; nothing is written."""
    hand = ByHand({node.name: node.capacity for node in plan.nodes})
    horizon = settings().horizon // clock.MINUTE
    _, last = plan.span
    for request in plan.requests:
        at = -(-request.at // 60)
        outcome.requests += 1
        begun = time.perf_counter()
        start = hand.book(at, request.minutes, request.demands, horizon)
        outcome.seconds["answer"].append(time.perf_counter() - begun)
        if start is None:
            outcome.refused["never fits: too large or too long"] += 1
        else:
            outcome.took(start, start + request.minutes, start - at, request.demands, last)
        yield request

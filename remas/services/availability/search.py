"""The search for slots, and the check of a placement."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from sqlalchemy import select

from remas import clock, metrics
from remas.errors import Busy, Forbidden, Invalid, NoAnswerInTime, NotFound
from remas.extensions import db
from remas.models import Allocation, Node, NodeState, Reservation
from remas.models import Status as ReservationStatus
from remas.services.actor import Actor
from remas.services.answers import Effort, OfferFound, SearchAnswer, ShortageFound
from remas.services.availability import words
from remas.services.availability.cluster import Cluster, read_cluster
from remas.services.availability.problem import Asker, Standing
from remas.services.context import settings
from remas.services.requests import AllocationSpec, OfferRequest
from remas.services.transaction import DbSession
from solver import grid
from solver import search as core
from solver.problem import Request
from solver.result import Answer, Placement, Status

FIRST_WINDOW = timedelta(days=2)
"""How far a search looks at first; it doubles until the answer is proven."""
SEATS = 2
"""Searches at a time in one process: they share one interpreter, and many at once would only
make all of them late."""
PATIENCE, SHORT_PATIENCE = timedelta(seconds=10), timedelta(seconds=1)
_seats = BoundedSemaphore(SEATS)


@dataclass(frozen=True, slots=True)
class Placed:
    """Allocations for `[starts_at, ends_at)`."""

    starts_at: datetime
    ends_at: datetime
    allocations: tuple[AllocationSpec, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """A search with everything resolved.

    `named`: the person named nodes, best first; `now`: it begins at this moment.
    """

    cluster: Cluster
    asker: Asker
    request: Request
    most: int
    named: bool
    now: bool = True


def search(actor: Actor, wish: OfferRequest) -> SearchAnswer:
    """The earliest slot with proof, and alternatives. Holds no lock.

    Every offer could be booked as it stands when it was found. Raises `Invalid`, `NotFound`,
    `Forbidden`, and `NoAnswerInTime` when nothing was proven within the time limit.
    """
    session = db.session()
    cluster = read_cluster(session)
    asker = _asker(session, actor, wish.exclude_reservation)
    _check(cluster, wish)
    now = clock.now()
    horizon = now + settings().horizon
    release = max(wish.earliest or now, now)
    deadline = min(wish.latest_end or horizon, horizon)
    request = _request(cluster, wish, release, deadline)
    if wish.max_offers > 1:
        preferred = wish.nodes or _used_last(session, asker.user_id)
        request = replace(request, preferred=tuple(dict.fromkeys(preferred)))
    question = _Question(
        cluster, asker, request, wish.max_offers, named=bool(wish.nodes), now=release == now
    )
    remarks = []
    if wish.earliest is not None and wish.earliest < now:
        remarks.append("The earliest start lies in the past: the search begins now.")
    if release >= horizon or (wish.latest_end is not None and wish.latest_end > horizon):
        days = settings().horizon.days
        remarks.append(f"The search ends at the horizon, {days} days from now.")
    return _told(session, question, remarks)


def alternatives(
    user_id: int, wanted: Placed, exclude: int | None = None
) -> tuple[OfferFound, ...]:
    """Where a refused placement would fit, from its start on and as long.

    First the earliest on the same nodes, then, where every node gives the same, on others.
    """
    session = db.session()
    cluster = read_cluster(session)
    asker = Asker(user_id, exclude)
    bundles = bundles_of(wanted.allocations)
    if not set(bundles) <= set(cluster.node_ids):
        return ()  # a node was taken away in the meantime
    release = max(wanted.starts_at, clock.now())
    # A booking may lie beyond the horizon; then the search goes as far beyond its start.
    deadline = max(clock.now(), release) + settings().horizon
    duration = wanted.ends_at - wanted.starts_at
    same = OfferRequest(duration, bundles=bundles)
    wishes = [same]
    demands = next(iter(bundles.values()))
    if all(bundle == demands for bundle in bundles.values()):
        wishes.append(OfferRequest(duration, demands=demands, node_count=len(bundles)))
    found: list[OfferFound] = []
    for wish in wishes:
        request = _request(cluster, wish, release, deadline)
        question = _Question(cluster, asker, request, 1, named=False)
        try:
            answer = _told(session, question, [], patience=SHORT_PATIENCE)
        except (Busy, NoAnswerInTime):
            continue  # advice is welcome, but what was asked about stands without it
        for offer in answer.offers:
            note = "The same nodes." if wish is same else "Other nodes."
            if all(offer.allocations != known.allocations for known in found):
                found.append(replace(offer, note=note))
    return tuple(found)


def shortages(
    session: DbSession, user_id: int, wanted: Placed, exclude: int | None = None
) -> tuple[ShortageFound, ...]:
    """What is missing for a placement of this user's; empty when it fits.

    The caller holds the locks of the user and of all nodes named, so that the answer stays true
    until its transaction ends. Reads afresh. All nodes and resources must exist.
    """
    cluster = read_cluster(session)
    bundles = bundles_of(wanted.allocations)
    window = wanted.starts_at, wanted.ends_at
    standing = Standing(session, cluster, Asker(user_id, exclude), list(bundles), window)
    problem = standing.until(wanted.ends_at)
    placement = Placement(
        grid.floor_minute(wanted.starts_at), grid.ceil_minute(wanted.ends_at), bundles
    )
    return words.shortages_in_words(session, core.check(problem, placement).shortages)


def bundles_of(allocations: Collection[AllocationSpec]) -> dict[str, dict[str, int]]:
    """Node to resource to amount."""
    bundles: dict[str, dict[str, int]] = {}
    for allocation in allocations:
        bundles.setdefault(allocation.node, {})[allocation.resource] = allocation.amount
    return bundles


def _asker(session: DbSession, actor: Actor, exclude: int | None) -> Asker:
    """The one whose limits count: the owner of what is moved, else the one who asks."""
    if exclude is None:
        if actor.id is None:
            raise Forbidden("Only a person can search for a slot.")
        return Asker(actor.id)
    reservation = session.get(Reservation, exclude)
    if reservation is None:
        raise NotFound(f"There is no reservation {exclude}.")
    if not actor.may_act_for(reservation.owner_id):
        raise Forbidden("Only its owner or an administrator may move a reservation.")
    if reservation.status(clock.now()) is not ReservationStatus.SCHEDULED:
        raise Invalid.field(
            "exclude_reservation", "Only a reservation that has not started can be moved."
        )
    return Asker(reservation.owner_id, exclude)


def _check(cluster: Cluster, wish: OfferRequest) -> None:
    """Raises `Invalid` for names that do not exist."""
    errors: dict[str, list[str]] = {}
    for i, name in enumerate(wish.nodes):
        if name not in cluster.node_ids:
            errors[f"nodes.{i}"] = [f"There is no node {name}."]
    for resource in wish.demands:
        if resource not in cluster.resource_ids:
            errors[f"demands.{resource}"] = [f"There is no resource {resource}."]
    if not wish.demands and not wish.bundles:
        errors["demands"] = ["Ask for at least one resource."]
    if errors:
        raise Invalid(errors)


def _request(
    cluster: Cluster, wish: OfferRequest, release: datetime, deadline: datetime
) -> Request:
    duration, begin = grid.whole_minutes(wish.duration), grid.ceil_minute(release)
    end = grid.floor_minute(deadline)
    if wish.bundles:
        return Request.fixed(wish.bundles, duration=duration, release=begin, deadline=end)
    # Retired nodes are no choice unless named; drained ones are, to be told of.
    in_house = (n for n, state in cluster.states.items() if state is not NodeState.RETIRED)
    nodes = dict.fromkeys(wish.nodes or in_house)
    return Request.uniform(
        wish.demands,
        nodes,
        count=wish.node_count,
        duration=duration,
        release=begin,
        deadline=end,
    )


def _used_last(session: DbSession, user_id: int) -> tuple[str, ...]:
    """The nodes of the reservation this person made last. One query."""
    latest = (
        select(Reservation.id)
        .where(Reservation.owner_id == user_id)
        .order_by(Reservation.created_at.desc(), Reservation.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    nodes = session.scalars(
        select(Node.name)
        .join(Allocation, Allocation.node_id == Node.id)
        .where(Allocation.reservation_id == latest)
        .order_by(Node.id)
    )
    return tuple(dict.fromkeys(nodes))


@contextmanager
def _seat(patience: timedelta) -> Iterator[None]:
    """One of the few searches that run at a time. Raises `Busy` when none comes free."""
    if not _seats.acquire(timeout=patience.total_seconds()):
        raise Busy("Many people are searching right now. Try again in a moment.")
    try:
        yield
    finally:
        _seats.release()


def _answer(session: DbSession, question: _Question, patience: timedelta) -> tuple[Answer, Effort]:
    """Look ever farther, doubling, until the answer is proven or the deadline is reached."""
    with _seat(patience):
        return _within_budget(session, question)


def _within_budget(session: DbSession, question: _Question) -> tuple[Answer, Effort]:
    begun = time.perf_counter()
    budget = core.Budget(settings().solver_seconds, time.perf_counter)
    search_for = _Growing(session, question, budget)
    first = search_for.earliest(question.request)
    answer = first
    if first.offers and question.most > 1:
        favourite = _on_preferred(question.request)
        if favourite is not None:
            search_for.earliest(favourite)  # only to look as far as these nodes need
        complete = core.offers(search_for.problem, search_for.cut(), question.most, budget)
        # Out of time on the extras, the first answer still stands.
        answer = complete if complete.status is first.status else first
    return answer, _counted(answer, budget, time.perf_counter() - begun)


def _counted(answer: Answer, budget: core.Budget, seconds: float) -> Effort:
    spent = budget.effort
    reading = seconds - spent.sweep - spent.model - spent.solve
    effort = Effort(reading, spent.sweep, spent.model, spent.solve)
    metrics.ANSWERS.labels(answer.status.value).inc()
    for part in ("reading", "sweep", "model", "solve"):
        metrics.ANSWER_SECONDS.labels(part).observe(getattr(effort, part))
    return effort


def _on_preferred(request: Request) -> Request | None:
    nodes = [name for name in request.preferred if name in request.bundles][: request.count]
    if len(nodes) < request.count or len(request.bundles) == request.count:
        return None
    return replace(request, bundles={name: request.bundles[name] for name in nodes})


class _Growing:
    """Searches in a window that begins at the release and doubles; `problem` is what it read."""

    def __init__(self, session: DbSession, question: _Question, budget: core.Budget) -> None:
        request = question.request
        self.budget, self.request = budget, request
        span = grid.to_datetime(request.release), grid.to_datetime(request.deadline)
        self.standing = Standing(
            session, question.cluster, question.asker, list(request.bundles), span
        )
        first = max(2 * request.duration, grid.whole_minutes(FIRST_WINDOW))
        self._look_until(request.release + first)

    def _look_until(self, end: int) -> None:
        self.end = min(end, self.request.deadline)
        self.problem = self.standing.until(grid.to_datetime(self.end))

    def cut(self) -> Request:
        """The request, as far as the window goes."""
        return replace(self.request, deadline=self.end)

    def earliest(self, request: Request) -> Answer:
        """The earliest slot of `request`; grows until it is found or certainly not there."""
        while True:
            final = self.end >= request.deadline
            cut = replace(request, deadline=self.end)
            answer = core.earliest(self.problem, cut, self.budget, explain=final)
            if final or answer.hopeless or answer.status is not Status.INFEASIBLE:
                return answer
            if self.budget.left() <= 0:
                return Answer(Status.UNKNOWN, effort=self.budget.effort)
            self._look_until(request.release + 2 * (self.end - request.release))


def _told(
    session: DbSession,
    question: _Question,
    remarks: list[str],
    patience: timedelta = PATIENCE,
) -> SearchAnswer:
    """The answer in words. Raises `NoAnswerInTime`, `Busy`."""
    answer, effort = _answer(session, question, patience)
    if answer.status is Status.UNKNOWN:
        raise NoAnswerInTime(
            "The search was not finished in time, so nothing is proven. Try again, or narrow the "
            "window or the nodes."
        )
    if answer.hopeless is not None:
        remarks = [words.hopeless_in_words(question.cluster, answer.hopeless), *remarks]
    return SearchAnswer(
        status=answer.status.value,
        offers=words.offers_in_words(
            question.cluster,
            question.request,
            answer.offers,
            named=question.named,
            now=question.now,
        ),
        shortages=words.shortages_in_words(session, answer.shortages),
        detail=" ".join(remarks) or None,
        hopeless=answer.hopeless is not None,
        effort=effort,
    )

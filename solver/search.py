"""The answers: check, earliest, offers.

The sweep proposes starts in order, CP-SAT decides each, `verify` confirms what is offered.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from solver.candidates import Sweep
from solver.choice import choice_at
from solver.engine import Budget, InvalidAnswer, decide
from solver.hopeless import closest, hopeless
from solver.problem import Bundle, Problem, Request
from solver.result import Answer, Hopeless, Kind, Offer, Placement, Shortage, Status
from solver.verify import shortages, verify

FIRST_WINDOW = 24 * 60
"""Minutes of starts that are swept at first."""

__all__ = ["Budget", "InvalidAnswer", "check", "earliest", "offers"]


def check(problem: Problem, placement: Placement) -> Answer:
    """Whether `placement` fits as it stands: *optimal* with it, or *infeasible* with shortages."""
    missing = shortages(problem, placement)
    if missing:
        return Answer(Status.INFEASIBLE, shortages=missing)
    return Answer(Status.OPTIMAL, (Offer(placement, Kind.EARLIEST, proven_earliest=False),))


def earliest(
    problem: Problem, request: Request, budget: Budget | None = None, *, explain: bool = True
) -> Answer:
    """The least feasible start and its best-fitting nodes, with proof.

    *optimal* only when every earlier candidate is excluded by the sweep or by CP-SAT. An
    infeasible request has no offers: it says what is short, or why it is hopeless; `explain`
    false spares the former, for callers that go on to look farther. Raises `InvalidAnswer` when
    the core contradicts itself.
    """
    budget = budget or Budget()
    reason = hopeless(problem, request)
    if reason is None:
        status, first = _first(problem, request, Kind.EARLIEST, budget)
    else:
        status, first = Status.INFEASIBLE, None
    if first is not None:
        return Answer(status, (first,), effort=budget.effort)
    told = status is Status.INFEASIBLE and (explain or reason is not None)
    missing = _why_not(problem, request, reason) if told else ()
    return Answer(status, (), missing, reason, budget.effort)


def offers(problem: Problem, request: Request, most: int, budget: Budget | None = None) -> Answer:
    """Up to `most` different offers, the first the earliest, the others by start.

    An infeasible request has no offers, of less neither. Raises `InvalidAnswer`.
    """
    budget = budget or Budget()
    answer = earliest(problem, request, budget)
    if not answer.offers or most <= 1:
        return answer
    (first,) = answer.offers
    return replace(answer, offers=(first, *_others(problem, request, first, most - 1, budget)))


def _first(
    problem: Problem, request: Request, kind: Kind, budget: Budget
) -> tuple[Status, Offer | None]:
    """The first start that CP-SAT confirms, in the order of the sweep."""
    proven = True
    for part, cut in _windows(problem, request, budget):
        begun = budget.clock()
        sweep = Sweep(part, cut)
        starts = list(sweep.starts())
        budget.effort.sweep += budget.clock() - begun
        for start in starts:
            verdict, nodes = _at(part, cut, sweep, start, budget)
            if nodes:
                offer = _offer(problem, request, kind, (start, nodes), proven)
                optimal = proven and verdict is Status.OPTIMAL
                return (Status.OPTIMAL if optimal else Status.FEASIBLE), offer
            if verdict is Status.UNKNOWN:
                proven = False
                if budget.left() <= 0:
                    return Status.UNKNOWN, None
    return (Status.INFEASIBLE if proven else Status.UNKNOWN), None


def _windows(
    problem: Problem, request: Request, budget: Budget
) -> Iterator[tuple[Problem, Request]]:
    """All starts in order, parted into windows each twice as wide as the one before.

    So an early answer costs little, whatever stands in the weeks behind it.
    """
    start, width = request.release, max(FIRST_WINDOW, request.duration)
    while start <= request.latest_start:
        begun = budget.clock()
        last = min(start + width - 1, request.latest_start)
        end = last + request.duration
        part, cut = problem.within(start, end), replace(request, release=start, deadline=end)
        budget.effort.sweep += budget.clock() - begun
        yield part, cut
        start, width = last + 1, 2 * width


def _offer(
    problem: Problem,
    request: Request,
    kind: Kind,
    found: tuple[int, tuple[str, ...]],
    proven: bool,
) -> Offer:
    """The placement as an offer, confirmed by `verify`. Raises `InvalidAnswer`."""
    start, nodes = found
    bundles = {node: request.bundles[node] for node in nodes}
    placement = Placement(start, start + request.duration, bundles)
    if wrong := verify(problem, request, placement):
        raise InvalidAnswer(f"{placement} is wrong: {wrong}")
    return Offer(placement, kind, proven_earliest=proven)


def _at(
    problem: Problem, request: Request, sweep: Sweep, start: int, budget: Budget
) -> tuple[Status, tuple[str, ...]]:
    """What CP-SAT says of one start."""
    if budget.left() <= 0:
        return Status.UNKNOWN, ()
    begun = budget.clock()
    choice = choice_at(problem, request, start, sweep.free_at(start))
    budget.effort.sweep += budget.clock() - begun
    return decide(choice, budget)


def _others(
    problem: Problem, request: Request, first: Offer, most: int, budget: Budget
) -> list[Offer]:
    """Up to `most` offers that differ from the first in something a person cares about."""
    elsewhere = _elsewhere(problem, request, first, most, budget)
    by_kind = [elsewhere[:1], _preferred(problem, request, budget)]
    by_kind += [_fewer(problem, request, first, budget), elsewhere[1:]]
    found: list[Offer] = []
    for offer in (offer for part in by_kind for offer in part):
        if all(offer.placement != known.placement for known in (first, *found)):
            found.append(offer)
    return sorted(found[:most], key=lambda offer: offer.placement.start)


def _elsewhere(
    problem: Problem, request: Request, first: Offer, most: int, budget: Budget
) -> list[Offer]:
    """The same start on other nodes: wholly other ones, else at least one other."""
    span = first.placement
    around = problem.within(span.start, span.end)
    used: set[str] = set()
    found: list[Offer] = []
    latest = span
    while len(found) < most:
        used |= latest.bundles.keys()
        offer = _without(around, request, span, used, budget)
        if offer is None:
            break
        found.append(replace(offer, proven_earliest=first.proven_earliest))
        latest = offer.placement
    if not found and request.count > 1:
        partly = [_without(around, request, span, {name}, budget) for name in span.bundles]
        found = [replace(offer, proven_earliest=first.proven_earliest) for offer in partly if offer]
    return found[:most]


def _without(
    around: Problem, request: Request, span: Placement, used: set[str], budget: Budget
) -> Offer | None:
    """The best offer at exactly this span that uses none of the nodes `used`."""
    left = {node: bundle for node, bundle in request.bundles.items() if node not in used}
    if len(left) < request.count:
        return None
    narrowed = replace(request, bundles=left, release=span.start, deadline=span.end)
    return _first(around, narrowed, Kind.ELSEWHERE, budget)[1]


def _preferred(problem: Problem, request: Request, budget: Budget) -> list[Offer]:
    """The earliest on the first nodes of those named."""
    named = [name for name in request.preferred if name in request.bundles][: request.count]
    if len(named) < request.count or len(request.bundles) == request.count:
        return []
    narrowed = replace(request, bundles={name: request.bundles[name] for name in named})
    offer = _first(problem, narrowed, Kind.PREFERRED, budget)[1]
    return [offer] if offer else []


def _fewer(problem: Problem, request: Request, first: Offer, budget: Budget) -> list[Offer]:
    """The whole bundle scaled down as little as possible, at the release."""
    if first.placement.start == request.release:
        return []
    end = request.release + request.duration
    around = problem.within(request.release, end)
    best: tuple[Fraction, Offer] | None = None
    amounts = sorted({a for bundle in request.bundles.values() for a in bundle.values()})
    for amount in amounts:
        # Less is never harder, so the largest j of the shares j/amount is found by halving;
        # at shares below 1/least something would be asked not at all.
        low, high = -(-amount // amounts[0]) - 1, amount - 1
        while low < high:
            middle = (low + high + 1) // 2
            share = Fraction(middle, amount)
            offer = _scaled(around, replace(request, deadline=end), share, budget)
            if offer is None:
                high = middle - 1
                continue
            low = middle
            if best is None or share > best[0]:
                best = (share, offer)
    # Out of time, the halving may have stopped short of the largest share.
    return [best[1]] if best and budget.left() > 0 else []


def _scaled(around: Problem, request: Request, share: Fraction, budget: Budget) -> Offer | None:
    """The best offer of ⌊share · amount⌋ of everything; None when that is nothing of something."""
    bundles = {node: _share_of(bundle, share) for node, bundle in request.bundles.items()}
    if any(amount < 1 for bundle in bundles.values() for amount in bundle.values()):
        return None
    return _first(around, replace(request, bundles=bundles), Kind.FEWER, budget)[1]


def _share_of(bundle: Bundle, share: Fraction) -> dict[str, int]:
    return {resource: int(share * amount) for resource, amount in bundle.items()}


def _why_not(problem: Problem, request: Request, reason: Hopeless | None) -> tuple[Shortage, ...]:
    """What is short at the release; of a hopeless request only what makes it so."""
    placement = closest(problem, request)
    missing = shortages(problem, placement) if placement else ()
    if reason is None:
        return missing
    return tuple(m for m in missing if (m.resource, m.limit) == (reason.resource, reason.limit))

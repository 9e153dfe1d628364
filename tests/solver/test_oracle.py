"""The core against the brute force, on thousands of random instances."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, note
from hypothesis import strategies as st

from solver.problem import Bundle, Problem, Request
from solver.result import Answer, Kind, Offer, Placement, Status
from solver.search import Budget, check, earliest, offers
from solver.verify import mismatches, shortages, verify
from tests.solver.oracle import Best, Oracle
from tests.solver.strategies import BRIEF, THOROUGH, instances, placed, shuffled, told

Plain = tuple[int, int, dict[str, dict[str, int]]]


def plain(placement: Placement) -> Plain:
    """A placement in types that print and compare well."""
    given = {node: dict(bundle) for node, bundle in placement.bundles.items()}
    return placement.start, placement.end, given


def placement_of(request: Request, best: Best) -> Placement:
    given = {node: request.bundles[node] for node in best.nodes}
    return Placement(best.start, best.start + request.duration, given)


def is_uniform(request: Request) -> bool:
    return len({tuple(sorted(bundle.items())) for bundle in request.bundles.values()}) <= 1


def claims_hold(problem: Problem, request: Request, answer: Answer) -> bool:
    """An infeasible answer gives a reason, and a hopeless one is hopeless on an empty cluster."""
    if answer.hopeless is None:
        return bool(answer.shortages)
    empty = Oracle(replace_standing(problem))
    return empty.earliest(request) is None


def replace_standing(problem: Problem) -> Problem:
    """The same nodes and limits with nothing standing."""
    return Problem(problem.nodes, limits=problem.limits, asker=problem.asker)


@THOROUGH
@given(instances())
def test_earliest_agrees_on_status_start_and_nodes(instance: tuple[Problem, Request]) -> None:
    problem, request = instance
    note(told(problem, request))
    best = Oracle(problem).earliest(request)
    answer = earliest(problem, request)
    if best is None:
        assert answer.status is Status.INFEASIBLE
        assert answer.offers == ()
        assert claims_hold(problem, request, answer)
        return
    assert answer.status is Status.OPTIMAL
    (offer,) = answer.offers
    assert plain(offer.placement) == plain(placement_of(request, best))
    assert offer.kind is Kind.EARLIEST
    assert offer.proven_earliest
    assert verify(problem, request, offer.placement) == ()


@THOROUGH
@given(placed())
def test_shortages_agree(instance: tuple[Problem, Placement]) -> None:
    problem, placement = instance
    note(told(problem, placement))
    oracle = Oracle(problem)
    expected = oracle.shortages(placement)
    assert Counter(shortages(problem, placement)) == Counter(expected)
    fits = oracle.fits(placement.start, placement.end, placement.bundles)
    assert fits == (not expected)


@BRIEF
@given(placed())
def test_check_agrees(instance: tuple[Problem, Placement]) -> None:
    problem, placement = instance
    note(told(problem, placement))
    expected = Oracle(problem).shortages(placement)
    answer = check(problem, placement)
    assert Counter(answer.shortages) == Counter(expected)
    if expected:
        assert answer.status is Status.INFEASIBLE
        assert answer.offers == ()
    else:
        assert answer.status is Status.OPTIMAL
        assert [plain(offer.placement) for offer in answer.offers] in ([], [plain(placement)])


@BRIEF
@given(instances(), st.data())
def test_verify_names_what_differs_from_the_request(
    instance: tuple[Problem, Request], data: st.DataObject
) -> None:
    problem, request = instance
    note(told(problem, request))
    best = Oracle(problem).earliest(request)
    if best is None:
        return
    right = placement_of(request, best)
    assert mismatches(request, right) == ()
    wrong = data.draw(st.sampled_from(spoiled(request, right)))
    assert mismatches(request, wrong) != ()
    assert verify(problem, request, wrong) != ()


def spoiled(request: Request, right: Placement) -> list[Placement]:
    """Placements that differ from a right one in a single thing."""
    start, end, given = plain(right)
    node = next(iter(given))
    resource, amount = next(iter(given[node].items()))
    return [
        replace(right, end=end + 1),
        replace(right, end=end - 1),
        replace(right, start=request.release - 1, end=request.release - 1 + request.duration),
        replace(right, start=request.deadline - request.duration + 1, end=request.deadline + 1),
        replace(right, start=start + 1),
        replace(right, bundles={n: b for n, b in given.items() if n != node}),
        replace(right, bundles=given | {"elsewhere": given[node]}),
        replace(right, bundles=given | {node: given[node] | {resource: amount + 1}}),
        replace(right, bundles=given | {node: given[node] | {"another": 1}}),
    ]


@BRIEF
@given(instances())
def test_offers_keep_the_rules(instance: tuple[Problem, Request]) -> None:
    problem, request = instance
    note(told(problem, request))
    oracle = Oracle(problem)
    best = oracle.earliest(request)
    answer = offers(problem, request, most=10)
    if best is None:
        assert answer.status is Status.INFEASIBLE
        assert answer.offers == ()
        assert claims_hold(problem, request, answer)
        return
    assert answer.status is Status.OPTIMAL
    first, *others = answer.offers
    assert (first.kind, first.proven_earliest) == (Kind.EARLIEST, True)
    assert plain(first.placement) == plain(placement_of(request, best))
    starts = [offer.placement.start for offer in others]
    assert starts == sorted(starts)
    once = [offer.kind for offer in answer.offers if offer.kind is not Kind.ELSEWHERE]
    assert len(set(once)) == len(once)
    seen = [plain(offer.placement) for offer in answer.offers]
    assert all(seen.count(one) == 1 for one in seen)
    for offer in answer.offers:
        offer_is_right(oracle, request, offer)
    assert [offer.kind for offer in offers(problem, request, most=1).offers] == [Kind.EARLIEST]


def offer_is_right(oracle: Oracle, request: Request, offer: Offer) -> None:
    """It is what was asked, save the amounts of fewer units; it fits; its claim holds."""
    start, end, given = plain(offer.placement)
    assert oracle.fits(start, end, given)
    asked = request
    if offer.kind is Kind.FEWER:
        asked = with_amounts_of(request, given)
    assert verify(oracle.problem, asked, offer.placement) == ()
    assert end - start == request.duration
    assert given.keys() <= request.bundles.keys()
    assert len(given) == request.count
    assert offer.proven_earliest
    there = Request.fixed(
        given, duration=request.duration, release=request.release, deadline=request.deadline
    )
    if offer.kind is not Kind.ELSEWHERE:
        least = oracle.earliest(there)
        assert least is not None
        assert least.start == start


def with_amounts_of(request: Request, given: Mapping[str, Bundle]) -> Request:
    """The request with all candidates asked for as little as these nodes."""
    if is_uniform(request):
        bundle = next(iter(given.values()))
        return replace(request, bundles=dict.fromkeys(request.bundles, bundle))
    return replace(request, bundles=given)


@THOROUGH
@given(instances())
def test_offers_leave_nothing_out(instance: tuple[Problem, Request]) -> None:
    problem, request = instance
    note(told(problem, request))
    oracle = Oracle(problem)
    best = oracle.earliest(request)
    if best is None:
        return
    answer = offers(problem, request, most=10)
    shown: dict[Kind, list[Plain]] = {kind: [] for kind in Kind}
    for offer in answer.offers:
        shown[offer.kind].append(plain(offer.placement))
    elsewhere_is_right(oracle, request, best, shown[Kind.ELSEWHERE])
    preferred_is_right(oracle, request, shown[Kind.PREFERRED], [*itertools.chain(*shown.values())])
    fewer_is_right(oracle, request, best, shown[Kind.FEWER])


def elsewhere_is_right(oracle: Oracle, request: Request, best: Best, shown: list[Plain]) -> None:
    """At the same start on other nodes, and at least one where others than the first's do."""
    choices = oracle.choices(request, best.start)
    assert all(one[0] == best.start for one in shown)
    assert {frozenset(one[2]) for one in shown} <= {*choices} - {best.nodes}
    if not shown:
        assert all(nodes & best.nodes for nodes in choices)


def preferred_is_right(
    oracle: Oracle, request: Request, shown: list[Plain], all_shown: list[Plain]
) -> None:
    """The earliest on the first nodes named, unless it is shown already."""
    nodes = request.preferred[: request.count]
    if len(nodes) < request.count or not set(nodes) <= request.bundles.keys():
        return
    there = replace(request, bundles={node: request.bundles[node] for node in nodes})
    least = oracle.earliest(there)
    if least is None:
        assert shown == []
        return
    expected = plain(placement_of(there, least))
    assert expected in all_shown
    assert shown in ([], [expected])


def fewer_is_right(oracle: Oracle, request: Request, best: Best, shown: list[Plain]) -> None:
    """The largest scaling that fits at the release, when the whole does not."""
    if best.start == request.release:
        assert shown == []
        return
    if big(request):
        return
    expected = oracle.fewer(request)
    if not shown:
        assert expected is None or not is_uniform(request)
        return
    assert expected is not None
    ((start, _, given),) = shown
    assert start == request.release
    assert given == {node: expected[node] for node in given}


def big(request: Request) -> bool:
    """Whether its amounts are too many to try every scaling."""
    return any(a > 1000 for bundle in request.bundles.values() for a in bundle.values())


@BRIEF
@given(instances(), st.data())
def test_the_order_in_which_things_are_told_does_not_matter(
    instance: tuple[Problem, Request], data: st.DataObject
) -> None:
    problem, request = instance
    note(told(problem, request))
    once = offers(problem, request, most=10)
    assert offers(problem, request, most=10) == once
    again = offers(*data.draw(shuffled(problem, request)), most=10)
    assert again.status is once.status
    assert [(o.kind, plain(o.placement), o.proven_earliest) for o in again.offers] == [
        (o.kind, plain(o.placement), o.proven_earliest) for o in once.offers
    ]
    assert Counter(again.shortages) == Counter(once.shortages)


@BRIEF
@given(instances())
def test_without_time_nothing_is_claimed(instance: tuple[Problem, Request]) -> None:
    problem, request = instance
    note(told(problem, request))
    best = Oracle(problem).earliest(request)
    for answer in (
        earliest(problem, request, Budget(seconds=0)),
        offers(problem, request, 10, Budget(seconds=0)),
    ):
        assert answer.status in (Status.UNKNOWN, Status.INFEASIBLE)
        assert answer.offers == ()
        if best is not None:
            assert answer.status is Status.UNKNOWN


@BRIEF
@given(instances(), st.integers(1, 12))
def test_with_little_time_no_claim_is_wrong(instance: tuple[Problem, Request], ticks: int) -> None:
    problem, request = instance
    note(told(problem, request))
    oracle = Oracle(problem)
    best = oracle.earliest(request)
    clock = itertools.count()
    answer = offers(problem, request, 10, Budget(seconds=ticks, clock=lambda: float(next(clock))))
    assert answer.status is not Status.INVALID
    assert bool(answer.offers) == (answer.status in (Status.OPTIMAL, Status.FEASIBLE))
    if answer.status is Status.INFEASIBLE:
        assert best is None
    if answer.status is Status.OPTIMAL:
        assert best is not None
        assert plain(answer.offers[0].placement) == plain(placement_of(request, best))
    for offer in answer.offers:
        start, end, given = plain(offer.placement)
        assert oracle.fits(start, end, given)
        assert (
            not offer.proven_earliest
            or offer.kind is not Kind.EARLIEST
            or (best is not None and start == best.start)
        )

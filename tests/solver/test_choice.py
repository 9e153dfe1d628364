"""Which nodes, which offers, and how sure: on the smallest instances."""

import itertools

import pytest

from solver.problem import Request
from solver.result import Answer, Kind, Status
from solver.search import Budget, earliest, offers
from tests.solver.build import ask, cluster, found, held, own, total

# Best fit


def test_best_fit_keeps_large_free_blocks_whole() -> None:
    # Left after 2: of a 8 − 2 = 6 (750,000 of a million), of b 2 − 2 = 0 (0).
    problem = cluster({"a": 8, "b": 8}, [held("b", 6, 0, 100)])
    assert found(earliest(problem, ask(2, "a b"))) == (0, ["b"])


def test_best_fit_looks_at_shares_and_not_at_units() -> None:
    # Left after 1: of a 3/4 (750,000), of b 9/10 (900,000).
    assert found(earliest(cluster({"b": 10, "a": 4}), ask(1, "a b"))) == (0, ["a"])
    # Left after 1: of a 1/2 (500,000), of b nothing.
    assert found(earliest(cluster({"a": 2, "b": 1}), ask(1, "a b"))) == (0, ["b"])


def test_best_fit_counts_resources_that_are_not_asked() -> None:
    # GPUs are equal; of b's cores 8/8 are left, of a's 2/8: a is used up further already.
    capacity = {"gpu": 4, "cpu": 8}
    problem = cluster({"a": capacity, "b": capacity}, [held("a", 6, 0, 50, resource="cpu")])
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["a"])


def test_best_fit_does_not_count_what_a_node_has_none_of() -> None:
    # The missing cores of a count as nothing: 1/2 is left of a, 1/2 + 1 of b.
    problem = cluster({"b": {"gpu": 2, "cpu": 8}, "a": {"gpu": 2, "cpu": 0}})
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["a"])


def test_best_fit_looks_at_the_least_free_during_the_span() -> None:
    # b is held for one minute in the middle: its least free is 4 − 1 = 3.
    problem = cluster({"a": 4, "b": 4}, [held("b", 1, 5, 6)])
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["b"])
    assert found(earliest(problem, ask(1, "a b", duration=5))) == (0, ["a"])


def test_best_fit_clips_an_overcommitted_resource_at_zero() -> None:
    # Cores: a has 0 − 0 of 8 left (16 are held), b 1 of 8. GPUs are equal. 0 < 125,000.
    capacity = {"gpu": 4, "cpu": 8}
    rows = [held("a", 16, 0, 99, resource="cpu"), held("b", 7, 0, 99, resource="cpu")]
    problem = cluster({"a": capacity, "b": capacity}, rows)
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["a"])
    # Were the −8 of a counted (−1,000,000), a's fuller GPUs would not matter: they do.
    rows.append(held("b", 1, 0, 99))
    # a: 3/4 = 750,000; b: 2/4 + 1/8 = 625,000.
    assert found(earliest(cluster({"a": capacity, "b": capacity}, rows), ask(1, "a b"))) == (
        0,
        ["b"],
    )


def test_shares_are_rounded_down_to_millionths() -> None:
    # 10^7 − 1 are asked. Left of x: 1 of 10^7, ⌊10^6 · 1 / 10^7⌋ = 0; of w: 0. Equal, so w.
    near = cluster({"w": 10**7 - 1, "x": 10**7})
    assert found(earliest(near, ask(10**7 - 1, "x w"))) == (0, ["w"])
    turned = cluster({"w": 10**7, "x": 10**7 - 1})
    assert found(earliest(turned, ask(10**7 - 1, "x w"))) == (0, ["w"])


def test_ties_go_to_the_naturally_first_names() -> None:
    problem = cluster({"n10": 1, "n9": 1, "n2": 1})
    assert found(earliest(problem, ask(1, "n10 n2 n9"))) == (0, ["n2"])
    answer = earliest(problem, ask(1, "n10 n2 n9", count=2))
    assert set(answer.offers[0].placement.bundles) == {"n2", "n9"}


@pytest.mark.parametrize(
    ("limited", "expected"),
    [
        ("n1 n3 n5", {"n1", "n2", "n4"}),
        ("n2 n3", {"n1", "n2", "n4"}),
        ("n1 n2 n10", {"n1", "n3", "n4"}),
        ("n2 n3 n4 n5", {"n1", "n2", "n10"}),
    ],
)
def test_ties_under_a_total_limit(limited: str, expected: set[str]) -> None:
    # All are equal and the limit lets one of its nodes be chosen: the first, if it comes early.
    names = ("n10", "n5", "n4", "n3", "n2", "n1")
    problem = cluster(dict.fromkeys(names, 1), limits=[total(1, *limited.split())])
    answer = earliest(problem, ask(1, " ".join(names), count=3))
    assert set(answer.offers[0].placement.bundles) == expected


def test_ties_compare_whole_lists() -> None:
    # Left after 1: of a1 and a4 nothing, of a2 and a3 half. The least sum goes first.
    problem = cluster({"a1": 1, "a2": 2, "a3": 2, "a4": 1})
    answer = earliest(problem, ask(1, "a1 a2 a3 a4", count=2))
    assert set(answer.offers[0].placement.bundles) == {"a1", "a4"}
    answer = earliest(problem, ask(1, "a4 a3 a2 a1", count=3))
    assert set(answer.offers[0].placement.bundles) == {"a1", "a2", "a4"}


def test_an_earlier_start_goes_before_a_better_fit() -> None:
    problem = cluster({"a": 8, "b": 1}, [held("b", 1, 0, 1)])
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["a"])


# Offers


def kinds(answer: Answer) -> list[tuple[Kind, int, list[str]]]:
    return [
        (offer.kind, offer.placement.start, sorted(offer.placement.bundles))
        for offer in answer.offers
    ]


def test_the_same_start_elsewhere() -> None:
    problem = cluster({"a": 1, "b": 2})
    assert kinds(offers(problem, ask(1, "a b"), 3)) == [
        (Kind.EARLIEST, 0, ["a"]),
        (Kind.ELSEWHERE, 0, ["b"]),
    ]


def test_nowhere_else_is_no_offer() -> None:
    problem = cluster({"a": 1, "b": 2}, [held("b", 2, 0, 1)])
    assert kinds(offers(problem, ask(1, "a b"), 3)) == [(Kind.EARLIEST, 0, ["a"])]


def test_the_earliest_on_the_nodes_named_first() -> None:
    problem = cluster({"a": 1, "b": 1, "c": 1}, [held("b", 1, 0, 30), held("c", 1, 0, 40)])
    assert kinds(offers(problem, ask(1, "a b c", preferred="b c"), 5)) == [
        (Kind.EARLIEST, 0, ["a"]),
        (Kind.PREFERRED, 30, ["b"]),
    ]


def test_preferred_nodes_that_are_the_earliest_are_shown_once() -> None:
    problem = cluster({"a": 1})
    assert kinds(offers(problem, ask(1, "a", preferred="a"), 5)) == [(Kind.EARLIEST, 0, ["a"])]


def test_fewer_units_now_is_the_largest_that_fits() -> None:
    # 3 of 4 GPUs and 10 of 16 cores are free until 50. λ ≤ 3/4 for the GPUs; for the cores
    # ⌊λ·16⌋ ≤ 10, so λ < 11/16. Below it, ⌊λ·4⌋ = 2 (λ ≥ 1/2) and ⌊λ·16⌋ = 10 (λ ≥ 10/16).
    rows = [held("a", 1, 0, 50), held("a", 6, 0, 50, resource="cpu")]
    problem = cluster({"a": {"gpu": 4, "cpu": 16}}, rows)
    request = Request.uniform({"gpu": 4, "cpu": 16}, ["a"], duration=5, release=0, deadline=99)
    fewer, whole = sorted(offers(problem, request, 5).offers, key=lambda o: o.placement.start)
    assert dict(fewer.placement.bundles["a"]) == {"gpu": 2, "cpu": 10}
    assert (fewer.kind, fewer.placement.start, fewer.proven_earliest) == (Kind.FEWER, 0, True)
    assert (whole.kind, whole.placement.start) == (Kind.EARLIEST, 50)


def test_fewer_units_may_leave_only_the_largest_shares() -> None:
    # 2 of 3 GPUs are free, so λ < 1; the 2 cores become 1 from λ ≥ 1/2 on. λ = 2/3 gives 2 and 1;
    # λ = 1/3 would leave no core, which says nothing about the larger.
    problem = cluster({"a": {"gpu": 3, "cpu": 2}}, [held("a", 1, 0, 50)])
    request = Request.uniform({"gpu": 3, "cpu": 2}, ["a"], duration=5, release=0, deadline=99)
    given = {o.kind: dict(o.placement.bundles["a"]) for o in offers(problem, request, 5).offers}
    assert given[Kind.FEWER] == {"gpu": 2, "cpu": 1}


def test_fewer_units_keep_one_of_each() -> None:
    # The GPU cannot become fewer than 1, so λ < 1 leaves none of it: nothing to offer.
    problem = cluster({"a": {"gpu": 4, "cpu": 16}}, [held("a", 6, 0, 50, resource="cpu")])
    request = Request.uniform({"gpu": 1, "cpu": 16}, ["a"], duration=5, release=0, deadline=99)
    assert kinds(offers(problem, request, 5)) == [(Kind.EARLIEST, 50, ["a"])]


def test_fewer_bytes_are_found_among_very_many() -> None:
    # 2^62 of 2^63 − 1 are held: 2^62 − 1 are left, one byte less than asked and one λ below 1.
    problem = cluster({"a": {"mem": 2**63 - 1}}, [held("a", 2**62, 0, 50, resource="mem")])
    request = Request.uniform({"mem": 2**62}, ["a"], duration=5, release=0, deadline=99)
    answer = offers(problem, request, 5)
    fewer = next(offer for offer in answer.offers if offer.kind is Kind.FEWER)
    assert dict(fewer.placement.bundles["a"]) == {"mem": 2**62 - 1}


def test_fewer_units_respect_a_total_limit() -> None:
    # 2 of 6 are held until 50: 4 are left for two nodes, 2 each, where 3 each are asked.
    problem = cluster(
        {"a": 8, "b": 8, "c": 8}, [own("c", 2, 0, 50)], limits=[total(6, "a", "b", "c")]
    )
    answer = offers(problem, ask(3, "a b", count=2), 5)
    given = {offer.kind: offer.placement for offer in answer.offers}
    assert given[Kind.EARLIEST].start == 50
    assert [dict(bundle) for bundle in given[Kind.FEWER].bundles.values()] == [{"gpu": 2}] * 2


def test_an_infeasible_request_has_no_offers_of_less_either() -> None:
    problem = cluster({"a": 4}, [held("a", 1, 0, 50)])
    answer = offers(problem, ask(4, "a", deadline=40), 5)
    assert (answer.status, answer.offers) == (Status.INFEASIBLE, ())
    assert answer.shortages


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_offers_than_wanted(most: int) -> None:
    problem = cluster({"a": 4, "b": 4, "c": 4}, [held("a", 1, 0, 50)])
    answer = offers(problem, ask(2, "a b c", preferred="c"), most)
    assert len(answer.offers) == most
    assert answer.offers[0].kind is Kind.EARLIEST


# Time and proof


def test_without_time_a_start_that_might_fit_is_unknown() -> None:
    problem = cluster({"a": 1, "b": 1})
    answer = earliest(problem, ask(1, "a b"), Budget(seconds=0))
    assert (answer.status, answer.offers, answer.shortages) == (Status.UNKNOWN, (), ())


def test_without_time_what_the_sweep_excludes_is_still_infeasible() -> None:
    problem = cluster({"a": 1}, [held("a", 1, 0, 9999)])
    assert earliest(problem, ask(1, "a"), Budget(seconds=0)).status is Status.INFEASIBLE


def test_a_clock_that_stands_still_never_runs_out() -> None:
    problem = cluster({"a": 1, "b": 1})
    answer = earliest(problem, ask(1, "a b"), Budget(seconds=1, clock=lambda: 5.0))
    assert answer.status is Status.OPTIMAL


def test_effort_is_told_in_the_callers_clock() -> None:
    ticks = itertools.count()
    answer = earliest(
        cluster({"a": 1, "b": 1}), ask(1, "a b"), Budget(clock=lambda: float(next(ticks)))
    )
    assert answer.effort.models == 1
    assert answer.effort.sweep >= 1
    assert answer.effort.solve >= 1


def test_weeks_blocked_by_ones_own_total_limit_cost_no_model() -> None:
    # a frees something every 10 minutes, but the limit is used up on z until 5000.
    rows = [held("a", 1, 10 * i, 10 * i + 10, reservation=i) for i in range(1, 600)]
    rows.append(own("z", 4, 0, 5000))
    problem = cluster({"a": 4, "b": 4, "z": 4}, rows, limits=[total(4, "a", "b", "z")])
    answer = earliest(problem, ask(1, "a b", deadline=9999))
    assert found(answer) == (5000, ["a"])
    assert answer.effort.models == 1

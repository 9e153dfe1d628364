"""Each rule on the smallest instance: what just fits, and beside it one more, which does not."""

import pytest

from solver.problem import Maintenance, Request
from solver.result import Reason, Shortage, Status
from solver.search import earliest
from solver.verify import shortages
from tests.solver.build import ask, cluster, each, found, held, own, place, total

# Capacity


def test_all_of_a_free_node_fits() -> None:
    assert found(earliest(cluster({"a": 4}), ask(4, "a"))) == (0, ["a"])


def test_one_more_than_a_node_has_never_fits() -> None:
    answer = earliest(cluster({"a": 4}), ask(5, "a"))
    assert (answer.status, answer.offers) == (Status.INFEASIBLE, ())
    assert answer.hopeless is not None
    assert (answer.hopeless.cause, answer.hopeless.resource) == ("capacity", "gpu")
    assert (answer.hopeless.asked, answer.hopeless.most) == (5, 4)


def test_what_is_left_beside_others_fits() -> None:
    # 4 − 3 = 1 is free during [0, 20).
    problem = cluster({"a": 4}, [held("a", 3, 0, 20)])
    assert found(earliest(problem, ask(1, "a"))) == (0, ["a"])
    assert found(earliest(problem, ask(2, "a"))) == (20, ["a"])


def test_commitments_that_overlap_add_up() -> None:
    # Nested: 1 + 2 = 3 of 4 are held during [5, 8) alone; 2 are asked for 5 minutes.
    rows = [held("a", 1, 0, 20), held("a", 2, 5, 8)]
    problem = cluster({"a": 4}, rows)
    assert found(earliest(problem, ask(2, "a", duration=5))) == (0, ["a"])
    assert found(earliest(problem, ask(2, "a", duration=6))) == (8, ["a"])


def test_a_commitment_reaches_to_its_end_and_no_further() -> None:
    problem = cluster({"a": 1}, [held("a", 1, 10, 20)])
    assert shortages(problem, place(0, 10, a=1)) == ()
    assert shortages(problem, place(20, 30, a=1)) == ()
    assert [(s.start, s.end) for s in shortages(problem, place(0, 11, a=1))] == [(10, 11)]
    assert [(s.start, s.end) for s in shortages(problem, place(19, 30, a=1))] == [(19, 20)]


def test_back_to_back_commitments_leave_no_gap() -> None:
    rows = [held("a", 1, 0, 10), held("a", 1, 10, 20)]
    assert found(earliest(cluster({"a": 1}, rows), ask(1, "a", duration=1))) == (20, ["a"])


def test_a_gap_is_used_when_it_is_as_long_as_the_duration() -> None:
    rows = [held("a", 1, 0, 10), held("a", 1, 20, 30)]
    problem = cluster({"a": 1}, rows)
    assert found(earliest(problem, ask(1, "a", duration=10))) == (10, ["a"])
    assert found(earliest(problem, ask(1, "a", duration=11))) == (30, ["a"])


def test_the_whole_bundle_must_fit_at_once() -> None:
    # GPUs are free from 10, cores until 15 and from 30: 10 minutes of both from 30 only.
    rows = [held("a", 1, 0, 10), held("a", 8, 15, 30, resource="cpu")]
    problem = cluster({"a": {"gpu": 1, "cpu": 8}}, rows)
    request = Request.uniform({"gpu": 1, "cpu": 1}, ["a"], duration=10, release=0, deadline=99)
    assert found(earliest(problem, request)) == (30, ["a"])


def test_a_resource_that_a_node_lacks_is_never_there() -> None:
    answer = earliest(cluster({"a": {"cpu": 8}}), ask(1, "a"))
    assert answer.status is Status.INFEASIBLE
    assert answer.hopeless is not None
    assert answer.hopeless.cause == "capacity"


# Over-committed


def test_an_overcommitted_node_has_nothing_free() -> None:
    # 2 of 1 are held: free is 0, not −1, so one GPU is short by one.
    problem = cluster({"a": 1}, [held("a", 2, 0, 10)])
    (shortage,) = shortages(problem, place(0, 5, a=1))
    assert shortage == Shortage("a", "gpu", 0, 5, 1, Reason.CAPACITY, None, (1,))
    assert found(earliest(problem, ask(1, "a"))) == (10, ["a"])


def test_an_overcommitted_resource_blocks_no_other() -> None:
    problem = cluster({"a": {"gpu": 1, "cpu": 8}}, [held("a", 2, 0, 100)])
    request = Request.uniform({"cpu": 8}, ["a"], duration=10, release=0, deadline=100)
    assert found(earliest(problem, request)) == (0, ["a"])


def test_an_overcommitted_resource_asked_only_elsewhere_blocks_nothing() -> None:
    # GPUs of a are over-committed, but a is asked for cores; the GPU is asked of b.
    capacity = {"gpu": 1, "cpu": 8}
    problem = cluster({"a": capacity, "b": capacity}, [held("a", 2, 0, 100)])
    request = Request.fixed(
        {"a": {"cpu": 1}, "b": {"gpu": 1}}, duration=10, release=0, deadline=100
    )
    assert found(earliest(problem, request)) == (0, ["a", "b"])


def test_an_overcommitted_past_blocks_no_later_time() -> None:
    problem = cluster({"a": 1}, [held("a", 2, -50, 0)])
    assert found(earliest(problem, ask(1, "a"))) == (0, ["a"])


# Maintenance and drained nodes


def test_maintenance_may_be_touched_but_not_entered() -> None:
    problem = cluster({"a": 1}, maintenance=[Maintenance("a", 10, 20)])
    assert shortages(problem, place(0, 10, a=1)) == ()
    assert shortages(problem, place(20, 30, a=1)) == ()
    assert shortages(problem, place(1, 11, a=1)) == (
        Shortage("a", "gpu", 10, 11, 1, Reason.MAINTENANCE),
    )
    assert found(earliest(problem, ask(1, "a", duration=10))) == (0, ["a"])
    assert found(earliest(problem, ask(1, "a", duration=11))) == (20, ["a"])


def test_maintenance_that_touches_or_overlaps_is_told_as_one() -> None:
    closed = [Maintenance("a", 8, 12), Maintenance("a", 0, 5), Maintenance("a", 5, 9)]
    (shortage,) = shortages(cluster({"a": 2}, maintenance=closed), place(3, 20, a=2))
    assert shortage == Shortage("a", "gpu", 3, 12, 2, Reason.MAINTENANCE)


def test_maintenance_of_another_node_does_not_matter() -> None:
    problem = cluster({"a": 1, "b": 1}, maintenance=[Maintenance("a", 0, 50)])
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["b"])


def test_a_drained_node_takes_nothing() -> None:
    problem = cluster({"a": 1, "b": 1}, drained=["a"])
    assert found(earliest(problem, ask(1, "a b"))) == (0, ["b"])
    assert found(earliest(problem, ask(1, "a"))) is None
    assert shortages(problem, place(3, 5, a=1)) == (Shortage("a", "gpu", 3, 5, 1, Reason.DRAINED),)


# Limits


def test_a_limit_on_each_node_bounds_every_node_by_itself() -> None:
    limits = [each(2, "a", "b")]
    problem = cluster({"a": 8, "b": 8}, limits=limits)
    assert found(earliest(problem, ask(2, "a b", count=2))) == (0, ["a", "b"])
    answer = earliest(problem, ask(3, "a b"))
    assert answer.status is Status.INFEASIBLE
    assert answer.hopeless is not None
    assert (answer.hopeless.cause, answer.hopeless.limit) == ("limit", "each")


def test_a_total_limit_sums_over_its_nodes() -> None:
    # 2 nodes · 2 GPUs = 4 is the limit; 2 · 3 = 6 is more.
    problem = cluster({"a": 8, "b": 8}, limits=[total(4, "a", "b")])
    assert found(earliest(problem, ask(2, "a b", count=2))) == (0, ["a", "b"])
    assert found(earliest(problem, ask(3, "a b", count=1))) == (0, ["a"])
    assert earliest(problem, ask(3, "a b", count=2)).status is Status.INFEASIBLE


def test_limits_count_ones_own_and_not_what_others_hold() -> None:
    limits = [each(2, "a")]
    others = cluster({"a": 8}, [held("a", 2, 0, 50)], limits=limits)
    assert found(earliest(others, ask(2, "a"))) == (0, ["a"])
    mine = cluster({"a": 8}, [own("a", 1, 0, 50)], limits=limits)
    assert found(earliest(mine, ask(1, "a"))) == (0, ["a"])
    assert found(earliest(mine, ask(2, "a"))) == (50, ["a"])


def test_a_total_limit_counts_what_is_held_on_nodes_that_are_no_candidates() -> None:
    # 3 of 4 are held on b until 50, so a may give 1 before it and 4 from then on.
    problem = cluster({"a": 8, "b": 8}, [own("b", 3, 0, 50)], limits=[total(4, "a", "b")])
    assert found(earliest(problem, ask(1, "a"))) == (0, ["a"])
    assert found(earliest(problem, ask(2, "a"))) == (50, ["a"])


def test_a_limit_on_each_node_does_not_count_other_nodes() -> None:
    problem = cluster({"a": 8, "b": 8}, [own("b", 2, 0, 50)], limits=[each(2, "a", "b")])
    assert found(earliest(problem, ask(2, "a"))) == (0, ["a"])
    assert found(earliest(problem, ask(1, "b"))) == (50, ["b"])


def test_a_limit_holds_on_its_own_nodes_only() -> None:
    problem = cluster({"a": 8, "b": 8}, limits=[total(0, "a")])
    assert found(earliest(problem, ask(8, "a b"))) == (0, ["b"])
    assert earliest(problem, ask(1, "a b", count=2)).status is Status.INFEASIBLE


def test_a_limit_of_one_resource_leaves_the_others_alone() -> None:
    problem = cluster({"a": {"gpu": 8, "cpu": 8}}, limits=[each(0, "a", resource="cpu")])
    assert found(earliest(problem, ask(8, "a"))) == (0, ["a"])


def test_a_limit_exceeded_already_binds_only_where_more_is_asked() -> None:
    # 6 are held on a, 4 are allowed on a and b together. More on b: not before 50. On c: at once.
    rows = [own("a", 6, 0, 50)]
    problem = cluster({"a": 8, "b": 8, "c": 8}, rows, limits=[total(4, "a", "b")])
    assert found(earliest(problem, ask(1, "b"))) == (50, ["b"])
    assert found(earliest(problem, ask(1, "b c"))) == (0, ["c"])
    # One of them may not be chosen, so two need the third to be free of the limit.
    assert found(earliest(problem, ask(1, "b c", count=2))) == (50, ["b", "c"])


def test_every_limit_in_force_must_hold() -> None:
    limits = [each(3, "a", "b", name="wide"), each(1, "a", name="narrow"), total(3, "a", "b")]
    problem = cluster({"a": 8, "b": 8}, limits=limits)
    assert found(earliest(problem, ask(1, "a b", count=2))) == (0, ["a", "b"])
    assert found(earliest(problem, ask(2, "a b"))) == (0, ["b"])
    assert earliest(problem, ask(4, "a b")).status is Status.INFEASIBLE


def test_limits_hold_at_every_instant_and_not_over_the_span() -> None:
    # At no instant are more than 1 + 1 held, though three reservations overlap the span.
    rows = [own("b", 1, 0, 3), own("b", 1, 3, 6), own("b", 1, 6, 9)]
    problem = cluster({"a": 8, "b": 8}, rows, limits=[total(2, "a", "b")])
    assert found(earliest(problem, ask(1, "a", duration=9))) == (0, ["a"])
    assert found(earliest(problem, ask(2, "a", duration=9))) == (9, ["a"])


def test_two_total_limits_over_crossing_nodes_choose_the_nodes_together() -> None:
    # One of {a, b}, one of {b, c}: two nodes can only be a and c.
    limits = [total(1, "a", "b", name="left"), total(1, "b", "c", name="right")]
    problem = cluster({"a": 1, "b": 1, "c": 1}, limits=limits)
    assert found(earliest(problem, ask(1, "a b c", count=2))) == (0, ["a", "c"])
    assert earliest(problem, ask(1, "a b c", count=3)).status is Status.INFEASIBLE


# Nodes: how many, and which


def test_exactly_as_many_nodes_as_asked_at_the_same_time() -> None:
    # a and b together are free from 20, c never.
    rows = [held("a", 1, 0, 20), held("b", 1, 5, 9), held("c", 1, 0, 9999)]
    problem = cluster({"a": 1, "b": 1, "c": 1}, rows)
    assert found(earliest(problem, ask(1, "a b c", count=2, duration=5))) == (20, ["a", "b"])
    assert found(earliest(problem, ask(1, "a b c", count=3))) is None


def test_more_nodes_than_candidates_is_hopeless() -> None:
    answer = earliest(cluster({"a": 1, "b": 1}), ask(1, "a b", count=3))
    assert answer.status is Status.INFEASIBLE
    assert answer.hopeless is not None
    assert (answer.hopeless.cause, answer.hopeless.asked, answer.hopeless.most) == ("nodes", 3, 2)


def test_only_candidates_are_used() -> None:
    problem = cluster({"a": 1, "b": 1}, [held("a", 1, 0, 50)])
    assert found(earliest(problem, ask(1, "a"))) == (50, ["a"])


def test_a_node_stays_for_the_whole_duration() -> None:
    # a is free in [0, 10), b in [10, 20): no one node for 11 minutes before 30.
    rows = [held("a", 1, 10, 30), held("b", 1, 0, 10), held("b", 1, 20, 40)]
    problem = cluster({"a": 1, "b": 1}, rows)
    assert found(earliest(problem, ask(1, "a b", duration=11))) == (30, ["a"])


def test_fixed_bundles_are_all_used_and_only_the_time_is_open() -> None:
    rows = [held("a", 1, 0, 20), held("b", 3, 15, 40)]
    problem = cluster({"a": 1, "b": 4}, rows)
    bundles = {"a": {"gpu": 1}, "b": {"gpu": 2}}
    # a from 20; b has only 1 left until 40.
    request = Request.fixed(bundles, duration=5, release=0, deadline=100)
    answer = earliest(problem, request)
    assert found(answer) == (40, ["a", "b"])
    given = answer.offers[0].placement.bundles
    assert {node: dict(bundle) for node, bundle in given.items()} == bundles


def test_fixed_bundles_sum_under_a_total_limit() -> None:
    bundles = {"a": {"gpu": 1}, "b": {"gpu": 2}}
    request = Request.fixed(bundles, duration=5, release=0, deadline=100)
    fits = cluster({"a": 4, "b": 4}, limits=[total(3, "a", "b")])
    assert found(earliest(fits, request)) == (0, ["a", "b"])
    short = cluster({"a": 4, "b": 4}, limits=[total(2, "a", "b")])
    assert earliest(short, request).status is Status.INFEASIBLE


# Time


@pytest.mark.parametrize(("deadline", "expected"), [(30, (20, ["a"])), (29, None)])
def test_the_deadline_may_be_touched(deadline: int, expected: object) -> None:
    problem = cluster({"a": 1}, [held("a", 1, 0, 20)])
    assert found(earliest(problem, ask(1, "a", duration=10, deadline=deadline))) == expected


@pytest.mark.parametrize(("deadline", "expected"), [(17, (7, ["a"])), (16, None)])
def test_a_window_as_long_as_the_duration(deadline: int, expected: object) -> None:
    request = ask(1, "a", duration=10, release=7, deadline=deadline)
    assert found(earliest(cluster({"a": 1}), request)) == expected


def test_a_window_of_no_length_is_hopeless() -> None:
    answer = earliest(cluster({"a": 1}), ask(1, "a", duration=1, release=7, deadline=7))
    assert answer.status is Status.INFEASIBLE
    assert answer.hopeless is not None
    assert answer.hopeless.cause == "window"


def test_the_release_is_the_first_start_though_it_was_free_before() -> None:
    assert found(earliest(cluster({"a": 1}), ask(1, "a", release=33))) == (33, ["a"])


def test_a_start_before_1970() -> None:
    problem = cluster({"a": 1}, [held("a", 1, -1000, -500)])
    assert found(earliest(problem, ask(1, "a", release=-900))) == (-500, ["a"])


def test_the_earliest_can_be_the_end_of_ones_own_on_a_node_that_is_no_candidate() -> None:
    # Nothing on a ever ends: only the limit, freed at 17 on b, lets it start.
    problem = cluster({"a": 8, "b": 8}, [own("b", 4, 0, 17)], limits=[total(4, "a", "b")])
    assert found(earliest(problem, ask(1, "a"))) == (17, ["a"])


def test_the_earliest_can_be_the_end_of_maintenance() -> None:
    problem = cluster({"a": 1}, maintenance=[Maintenance("a", 0, 13), Maintenance("a", 13, 29)])
    assert found(earliest(problem, ask(1, "a"))) == (29, ["a"])

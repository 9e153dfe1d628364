"""Check, verify, and numbers that 64 bits do not hold: on the smallest instances."""

from solver.problem import MAX_AMOUNT, Request
from solver.result import Placement, Reason, Shortage, Status
from solver.search import check, earliest
from solver.verify import shortages, verify
from tests.solver.build import ask, cluster, found, held, own, place, total

# Check and verify


def test_check_says_yes_with_the_placement() -> None:
    answer = check(cluster({"a": 4}), place(0, 10, a=4))
    assert (answer.status, answer.shortages) == (Status.OPTIMAL, ())


def test_check_names_spans_amounts_and_holders() -> None:
    # Free: 4 − 3 = 1 in [0, 5), 4 − 3 − 1 = 0 in [5, 8), 3 in [8, 10); asked 2.
    rows = [held("a", 3, 0, 8, reservation=7), held("a", 1, 5, 10, reservation=3)]
    answer = check(cluster({"a": 4}, rows), place(0, 10, a=2))
    assert answer.status is Status.INFEASIBLE
    assert answer.shortages == (
        Shortage("a", "gpu", 0, 5, 1, Reason.CAPACITY, None, (7,)),
        Shortage("a", "gpu", 5, 8, 2, Reason.CAPACITY, None, (3, 7)),
    )


def test_equal_shortages_with_other_holders_are_told_apart() -> None:
    rows = [held("a", 1, 0, 5, reservation=1), held("a", 1, 5, 10, reservation=2)]
    told = shortages(cluster({"a": 1}, rows), place(0, 10, a=1))
    assert [(s.start, s.end, s.held_by) for s in told] == [(0, 5, (1,)), (5, 10, (2,))]


def test_one_holder_with_two_touching_commitments_is_one_span() -> None:
    rows = [held("a", 1, 0, 5), held("a", 1, 5, 10)]
    told = shortages(cluster({"a": 1}, rows), place(2, 9, a=1))
    assert [(s.start, s.end, s.held_by) for s in told] == [(2, 9, (1,))]


def test_a_total_limit_is_short_without_a_node() -> None:
    # 3 held + 2 · 1 asked = 5 of 4: free 1, short by 1 until 6.
    rows = [own("c", 3, 0, 6, reservation=5), held("c", 1, 0, 99)]
    problem = cluster({"a": 8, "b": 8, "c": 8}, rows, limits=[total(4, "a", "b", "c")])
    assert shortages(problem, place(0, 10, a=1, b=1)) == (
        Shortage(None, "gpu", 0, 6, 1, Reason.LIMIT, "total", (5,)),
    )


def test_verify_lists_what_is_short_and_what_differs() -> None:
    problem = cluster({"a": 1}, [held("a", 1, 0, 5)])
    request = ask(1, "a", duration=10)
    assert verify(problem, request, place(5, 15, a=1)) == ()
    assert len(verify(problem, request, place(4, 14, a=1))) == 1
    assert len(verify(problem, request, place(4, 13, a=1))) == 2


def test_verify_names_a_node_that_does_not_exist() -> None:
    assert verify(cluster({"a": 1}), ask(1, "a"), place(0, 10, zz=1)) != ()


# Numbers


def test_the_largest_amount_fits_and_one_byte_held_does_not() -> None:
    capacity = {"a": {"mem": MAX_AMOUNT, "gpu": 1}}
    request = Request.uniform(
        {"mem": MAX_AMOUNT, "gpu": 1}, ["a"], duration=10, release=0, deadline=100
    )
    assert found(earliest(cluster(capacity), request)) == (0, ["a"])
    problem = cluster(capacity, [held("a", 1, 0, 5, resource="mem")])
    assert found(earliest(problem, request)) == (5, ["a"])
    (shortage,) = shortages(problem, Placement(0, 10, request.bundles))
    assert (shortage.short_by, shortage.start, shortage.end) == (1, 0, 5)


def test_sums_over_nodes_go_beyond_64_bits() -> None:
    # The asker holds (2^63 − 1) · 2 on b and c and asks as much of a: 3 · (2^63 − 1) in all.
    names = ["a", "b", "c"]
    rows = [
        held(n, MAX_AMOUNT, 0, 20, resource="mem", owner=1, reservation=i)
        for i, n in enumerate(names[1:])
    ]
    limit = total(MAX_AMOUNT, *names, resource="mem")
    problem = cluster({n: {"mem": MAX_AMOUNT} for n in names}, rows, limits=[limit])
    request = Request.uniform({"mem": MAX_AMOUNT}, names, duration=10, release=0, deadline=100)
    assert found(earliest(problem, request)) == (20, ["a"])
    (shortage,) = shortages(problem, Placement(0, 10, {"a": request.bundles["a"]}))
    assert (shortage.short_by, shortage.held_by) == (MAX_AMOUNT, (0, 1))


def test_three_nodes_of_2_to_the_62_under_a_total_limit() -> None:
    # 3 · 2^62 > 2^63 − 1: three nodes are too many, two (2^63) as well, one is allowed.
    names = ["a", "b", "c"]
    problem = cluster(
        {n: {"mem": 2**62} for n in names}, limits=[total(MAX_AMOUNT, *names, resource="mem")]
    )
    for count, expected in ((1, (0, ["a"])), (2, None), (3, None)):
        request = Request.uniform(
            {"mem": 2**62}, names, count=count, duration=10, release=0, deadline=100
        )
        assert found(earliest(problem, request)) == expected


def test_an_overcommitment_beyond_64_bits_is_clipped_at_zero() -> None:
    rows = [held("a", MAX_AMOUNT, 0, 9, resource="mem", reservation=i) for i in (1, 2, 3)]
    problem = cluster({"a": {"mem": 1}}, rows)
    request = Request.uniform({"mem": 1}, ["a"], duration=2, release=0, deadline=100)
    assert found(earliest(problem, request)) == (9, ["a"])
    (shortage,) = shortages(problem, Placement(0, 2, request.bundles))
    assert (shortage.short_by, shortage.held_by) == (1, (1, 2, 3))

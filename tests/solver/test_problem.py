"""A wrong problem cannot be built; moments become minutes to the safe side."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver import grid
from solver.problem import (
    MAX_AMOUNT,
    Commitment,
    Commitments,
    Limit,
    Maintenance,
    Node,
    Problem,
    ProblemError,
    Request,
    Scope,
)

A = Node("a", {"gpu": 1})


@pytest.mark.parametrize("amount", [0, MAX_AMOUNT])
def test_a_capacity_may_be_anything_that_64_bits_hold(amount: int) -> None:
    assert Node("a", {"gpu": amount}).capacity["gpu"] == amount


@pytest.mark.parametrize("amount", [-1, MAX_AMOUNT + 1])
def test_other_capacities_are_refused(amount: int) -> None:
    with pytest.raises(ProblemError, match="gpu of a"):
        Node("a", {"gpu": amount})


def test_a_node_does_not_change() -> None:
    given_capacity = {"gpu": 1}
    node = Node("a", given_capacity)
    given_capacity["gpu"] = 5
    assert node.capacity == {"gpu": 1}
    with pytest.raises(TypeError):
        node.capacity["gpu"] = 2  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        node.drained = True  # type: ignore[misc]


def test_a_commitment_holds_at_least_one_unit_for_at_least_a_minute() -> None:
    assert len(Commitments.of([Commitment("a", "gpu", 1, 0, 1, 1, 1)])) == 1
    with pytest.raises(ProblemError, match="at least one unit"):
        Commitments.of([Commitment("a", "gpu", 0, 0, 1, 1, 1)])
    with pytest.raises(ProblemError, match="ends after"):
        Commitments.of([Commitment("a", "gpu", 1, 1, 1, 1, 1)])


def test_columns_must_agree() -> None:
    one, two = np.ones(1, dtype=np.int64), np.ones(2, dtype=np.int64)
    zero = np.zeros(1, dtype=np.int64)
    with pytest.raises(ProblemError, match="length"):
        Commitments(["a"], ["gpu"], [zero, zero, one, zero, two, one, one])
    with pytest.raises(ProblemError, match="node"):
        Commitments(["a"], ["gpu"], [one, zero, one, zero, one, one, one])
    with pytest.raises(ProblemError, match="resource"):
        Commitments(["a"], ["gpu"], [zero, one, one, zero, one, one, one])


def test_rows_come_back_as_they_went_in() -> None:
    rows = [
        Commitment("a", "gpu", 1, 0, 5, 7, 3),
        Commitment("b", "mem", MAX_AMOUNT, -5, 1, 8, 4),
    ]
    table = Commitments.of(rows)
    assert list(table.rows(np.array([True, True]))) == rows
    assert list(table.rows(np.array([False, True]))) == rows[1:]


def test_maintenance_has_a_length() -> None:
    Maintenance("a", 0, 1)
    with pytest.raises(ProblemError, match="of a"):
        Maintenance("a", 1, 1)


@pytest.mark.parametrize("amount", [-1, MAX_AMOUNT + 1])
def test_a_limit_is_an_amount(amount: int) -> None:
    Limit("l", "gpu", frozenset("a"), 0, Scope.TOTAL)
    with pytest.raises(ProblemError, match="limit l"):
        Limit("l", "gpu", frozenset("a"), amount, Scope.TOTAL)


def test_a_problem_knows_all_its_nodes_by_one_name_each() -> None:
    with pytest.raises(ProblemError, match="share a name"):
        Problem((A, A))
    strangers = [
        {"commitments": Commitments.of([Commitment("z", "gpu", 1, 0, 1, 1, 1)])},
        {"maintenance": (Maintenance("z", 0, 1),)},
        {"limits": (Limit("l", "gpu", frozenset("z"), 1, Scope.TOTAL),)},
    ]
    for stranger in strangers:
        with pytest.raises(ProblemError, match=r"unknown nodes: .*z"):
            Problem((A,), **stranger)  # type: ignore[arg-type]


def test_a_request_asks_for_something_somewhere_for_some_time() -> None:
    fits = {"count": 1, "duration": 1, "release": 0, "deadline": 1}
    Request.uniform({"gpu": 1}, ["a"], **fits)  # type: ignore[arg-type]
    for wrong in ({"count": 0}, {"duration": 0}):
        with pytest.raises(ProblemError):
            Request.uniform({"gpu": 1}, ["a"], **(fits | wrong))  # type: ignore[arg-type]
    for demands in ({}, {"gpu": 0}, {"gpu": MAX_AMOUNT + 1}):
        with pytest.raises(ProblemError, match="a"):
            Request.uniform(demands, ["a"], **fits)  # type: ignore[arg-type]


def test_bundles_that_differ_are_all_used() -> None:
    differing = {"a": {"gpu": 1}, "b": {"gpu": 2}}
    assert Request.fixed(differing, duration=1, release=0, deadline=1).count == 2
    with pytest.raises(ProblemError, match="differ"):
        Request(differing, 1, 1, 0, 1)
    assert Request({"a": {"gpu": 1}, "b": {"gpu": 1}}, 1, 1, 0, 1).count == 1


def test_the_latest_start_meets_the_deadline() -> None:
    request = Request.uniform({"gpu": 1}, ["a"], duration=7, release=0, deadline=10)
    assert request.latest_start == 3


# Moments and minutes

moments = st.datetimes(datetime(1890, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_minutes_are_counted_from_1970_to_the_safe_side() -> None:
    whole = datetime(1970, 1, 1, 1, 0, tzinfo=UTC)
    later = whole + timedelta(microseconds=1)
    assert (grid.floor_minute(whole), grid.ceil_minute(whole)) == (60, 60)
    assert (grid.floor_minute(later), grid.ceil_minute(later)) == (60, 61)
    assert grid.to_datetime(60) == whole


def test_before_the_epoch_down_is_still_earlier() -> None:
    moment = datetime(1969, 12, 31, 23, 58, 30, tzinfo=UTC)
    assert (grid.floor_minute(moment), grid.ceil_minute(moment)) == (-2, -1)


@given(moments)
def test_a_moment_lies_between_its_minutes(moment: datetime) -> None:
    low, high = grid.floor_minute(moment), grid.ceil_minute(moment)
    assert grid.to_datetime(low) <= moment <= grid.to_datetime(high)
    assert high - low == (1 if moment.second or moment.microsecond else 0)


def test_clocks_set_forward_or_back_do_not_matter() -> None:
    prague = ZoneInfo("Europe/Prague")
    # 02:30 comes twice on 2026-10-25: one hour apart.
    first = datetime(2026, 10, 25, 2, 30, tzinfo=prague)
    second = first.replace(fold=1)
    assert grid.floor_minute(second) - grid.floor_minute(first) == 60
    # From 01:30 to 03:30 on 2026-03-29 only one hour passes.
    before, after = (datetime(2026, 3, 29, hour, 30, tzinfo=prague) for hour in (1, 3))
    assert grid.ceil_minute(after) - grid.ceil_minute(before) == 60


@pytest.mark.parametrize(
    ("span", "minutes"),
    [
        (timedelta(minutes=1), 1),
        (timedelta(seconds=61), 2),
        (timedelta(microseconds=1), 1),
        (timedelta(hours=4), 240),
        (timedelta(0), 0),
    ],
)
def test_durations_round_up(span: timedelta, minutes: int) -> None:
    assert grid.whole_minutes(span) == minutes

"""Step functions against sums over single minutes."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from solver.problem import MAX_AMOUNT
from solver.profile import Spans, Steps, count, load, union, value_at
from tests.solver.strategies import BRIEF

ROWS = 3
HORIZON = 25
Interval = tuple[int, int, int, int]
"""Row, start, end, amount."""

amounts = st.one_of(
    st.integers(1, 5), st.sampled_from((2**62, MAX_AMOUNT - 1, MAX_AMOUNT, 2**62 - 1))
)
tables = st.lists(
    st.tuples(st.integers(0, ROWS - 1), st.integers(-5, HORIZON), st.integers(1, 10), amounts).map(
        lambda one: (one[0], one[1], one[1] + one[2], one[3])
    ),
    max_size=12,
)


def columns(table: list[Interval]) -> tuple[Spans, np.ndarray]:
    array = np.array(table, dtype=np.int64).reshape(len(table), 4)
    return Spans(array[:, 0], array[:, 1], array[:, 2]), array[:, 3]


def level(table: list[Interval], row: int, minute: int) -> int:
    """What is held on a row at a minute."""
    return sum(a for r, start, end, a in table if r == row and start <= minute < end)


def minute_set(spans: Spans, row: int) -> set[int]:
    """The minutes that the intervals of a row cover."""
    table = zip(spans.row.tolist(), spans.start.tolist(), spans.end.tolist(), strict=True)
    return {minute for r, start, end in table if r == row for minute in range(start, end)}


def one_row(steps: Steps, row: int) -> Steps:
    mine = steps.row == row
    return Steps(steps.row[mine], steps.time[mine], steps.value[mine])


def every_minute() -> range:
    return range(-8, HORIZON + 13)


@BRIEF
@given(tables)
def test_load_is_the_sum_at_every_minute(table: list[Interval]) -> None:
    steps = load(*columns(table))
    for row in range(ROWS):
        asked = np.array(every_minute(), dtype=np.int64)
        told = value_at(one_row(steps, row), asked).tolist()
        assert told == [level(table, row, minute) for minute in every_minute()]


@BRIEF
@given(tables)
def test_steps_are_sorted_and_each_time_stands_once(table: list[Interval]) -> None:
    steps = load(*columns(table))
    keys = list(zip(steps.row.tolist(), steps.time.tolist(), strict=True))
    assert keys == sorted(set(keys))


@BRIEF
@given(tables, st.lists(st.one_of(st.integers(0, 6), amounts), min_size=ROWS, max_size=ROWS))
def test_above_finds_the_maximal_intervals(table: list[Interval], bounds: list[int]) -> None:
    above = load(*columns(table)).above(np.array(bounds, dtype=np.int64))
    for row, bound in enumerate(bounds):
        expected = {m for m in every_minute() if level(table, row, m) > bound}
        assert minute_set(above, row) == expected
    assert_maximal(above)


def assert_maximal(spans: Spans) -> None:
    """By row and start; no two of a row touch; none is empty."""
    told = list(zip(spans.row.tolist(), spans.start.tolist(), spans.end.tolist(), strict=True))
    assert told == sorted(told)
    assert all(start < end for _, start, end in told)
    for (row, _, end), (next_row, start, _) in itertools.pairwise(told):
        assert row != next_row or end < start


@BRIEF
@given(tables)
def test_peaks_are_the_largest_levels(table: list[Interval]) -> None:
    told = load(*columns(table)).peaks(ROWS).tolist()
    assert told == [max(level(table, row, m) for m in every_minute()) for row in range(ROWS)]


@BRIEF
@given(tables)
def test_union_covers_the_same_minutes_once(table: list[Interval]) -> None:
    spans, _ = columns(table)
    joined = union(spans)
    for row in range(ROWS):
        assert minute_set(joined, row) == minute_set(spans, row)
    assert_maximal(joined)


@BRIEF
@given(tables)
def test_count_counts_intervals(table: list[Interval]) -> None:
    spans, _ = columns(table)
    single = [(row, start, end, 1) for row, start, end, _ in table]
    told = count(spans).peaks(ROWS).tolist()
    assert told == [max(level(single, row, m) for m in every_minute()) for row in range(ROWS)]


@BRIEF
@given(tables, st.integers(-5, HORIZON), st.integers(0, 12))
def test_clipped_keeps_what_lies_within(table: list[Interval], start: int, length: int) -> None:
    spans, _ = columns(table)
    clipped = spans.clipped(start, start + length)
    for row in range(ROWS):
        within = minute_set(spans, row) & set(range(start, start + length))
        assert minute_set(clipped, row) == within
    assert bool((clipped.start < clipped.end).all())


@BRIEF
@given(tables, tables)
def test_join_keeps_every_interval(one: list[Interval], other: list[Interval]) -> None:
    joined = Spans.join([columns(one)[0], columns(other)[0]])
    told = zip(joined.row.tolist(), joined.start.tolist(), joined.end.tolist(), strict=True)
    assert list(told) == [interval[:3] for interval in [*one, *other]]


def test_nothing_is_no_step() -> None:
    steps = load(*columns([]))
    assert len(steps.row) == 0
    assert steps.peaks(2).tolist() == [0, 0]
    assert len(Spans.join([]).row) == len(union(Spans.none()).row) == 0

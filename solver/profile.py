"""Step functions of time, many at once, in numpy.

Two operations carry everything: `load` adds intervals up to step functions, `above` finds where
they exceed a bound. Rows keep many functions apart: row `r` has its own function, and all of
them are built by one sort.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.grid import INT64_MAX, Amounts, exact
from solver.problem import Ints


@dataclass(frozen=True, slots=True)
class Spans:
    """Intervals `[start, end)`, each belonging to a row; columns of equal length."""

    row: Ints
    start: Ints
    end: Ints

    @classmethod
    def none(cls) -> "Spans":
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty)

    @classmethod
    def join(cls, parts: "list[Spans]") -> "Spans":
        """All intervals of the parts, one after another."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
        )

    def clipped(self, start: int, end: int) -> "Spans":
        """What of them lies within `[start, end)`; empty ones are dropped."""
        lows, highs = np.maximum(self.start, start), np.minimum(self.end, end)
        keep = lows < highs
        return Spans(self.row[keep], lows[keep], highs[keep])


@dataclass(frozen=True, slots=True)
class Steps:
    """Step functions: row `row[i]` has `value[i]` from `time[i]` to its next time.

    Sorted by row, then time, each time once. Zero before a row's first time and from its last
    time on.
    """

    row: Ints
    time: Ints
    value: Amounts

    def above(self, bound: Amounts) -> Spans:
        """The maximal intervals where row `r` exceeds `bound[r]` (≥ 0), by row and start."""
        on = (self.value > bound[self.row]).astype(bool)
        before = np.zeros_like(on)
        before[1:] = on[:-1]  # a row ends at zero, so nothing reaches over into the next
        begins, ends = on & ~before, ~on & before
        return Spans(self.row[begins], self.time[begins], self.time[ends])

    def peaks(self, rows: int) -> Amounts:
        """The largest value of each of the rows `0 … rows-1`, at least 0."""
        result = np.zeros(rows, dtype=self.value.dtype)
        if len(self.row):
            firsts = np.flatnonzero(np.diff(self.row, prepend=-1))
            highest = np.maximum.reduceat(self.value, firsts)
            result[self.row[firsts]] = np.maximum(highest, 0)
        return result


def load(spans: Spans, amount: NDArray[np.int64]) -> Steps:
    """The sum of `amount` over the intervals, per row. One sort, exact beyond 64 bits."""
    amounts = exact(amount)
    row = np.concatenate((spans.row, spans.row))
    time = np.concatenate((spans.start, spans.end))
    order = _by_row_and_time(row, time)
    row, time = row[order], time[order]
    # Each row's changes add up to zero, so one running sum serves all rows.
    level = np.cumsum(np.concatenate((amounts, -amounts))[order])
    last = np.ones(len(row), dtype=bool)
    last[:-1] = (row[1:] != row[:-1]) | (time[1:] != time[:-1])
    return Steps(row[last], time[last], level[last])


def _by_row_and_time(row: Ints, time: Ints) -> Ints:
    """The order of these pairs; one sort of one number each, many times faster than of two."""
    if not len(row):
        return row
    low = int(time.min())
    width = int(time.max()) - low + 1
    if (int(row.max()) + 1) * width <= INT64_MAX:
        return np.argsort(row * width + (time - low))
    return np.lexsort((time, row))


def count(spans: Spans) -> Steps:
    """How many of the intervals cover each moment, per row."""
    return load(spans, np.ones(len(spans.row), dtype=np.int64))


def union(spans: Spans) -> Spans:
    """The same moments per row as maximal disjoint intervals, by row and start."""
    if not len(spans.row):
        return spans
    return count(spans).above(np.zeros(int(spans.row.max()) + 1, dtype=np.int64))


def value_at(steps: Steps, moments: Ints) -> Ints:
    """The values of a single step function (all of `steps` is one row) at these moments."""
    index = np.searchsorted(steps.time, moments, side="right") - 1
    values = np.concatenate((np.zeros(1, dtype=steps.value.dtype), steps.value))
    return values[index + 1]

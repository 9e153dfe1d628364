"""The one place where moments become whole minutes and back, and amounts become arrays.

Minutes are counted from 1970-01-01 00:00 UTC. Rounding is to the safe side: what is held grows,
what is offered shrinks.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECONDS = 60
INT64_MAX = 2**63 - 1

Ints = NDArray[np.int64]

Amounts = NDArray[Any]
"""int64, or Python integers (dtype object) where int64 could overflow."""


def floor_minute(moment: datetime) -> int:
    """The whole minute at or before an aware moment: starts of what is held, deadlines."""
    return (moment - EPOCH) // MINUTE


def ceil_minute(moment: datetime) -> int:
    """The whole minute at or after an aware moment: ends of what is held, releases."""
    return -((EPOCH - moment) // MINUTE)


def floor_minutes(seconds: Ints) -> Ints:
    """Seconds since the epoch to the whole minutes at or before them, for whole columns."""
    return seconds // SECONDS


def ceil_minutes(seconds: Ints) -> Ints:
    """Seconds since the epoch to the whole minutes at or after them, for whole columns."""
    return -(-seconds // SECONDS)


def to_datetime(minute: int) -> datetime:
    """The aware moment of a whole minute."""
    return EPOCH + minute * MINUTE


def whole_minutes(span: timedelta) -> int:
    """A duration in minutes, rounded up."""
    return -(-span // MINUTE)


def exact(amounts: NDArray[np.int64]) -> Amounts:
    """Amounts in a type in which every sum of them is exact.

    int64 where even the sum of all fits, else Python integers, slower and without bounds.
    """
    if len(amounts) == 0 or int(amounts.max()) * len(amounts) <= INT64_MAX:
        return amounts
    if sum(amounts.tolist()) <= INT64_MAX:
        return amounts
    return amounts.astype(object)


def exact_column(amounts: Iterable[int]) -> Amounts:
    """A column of integers of any size: int64 where all fit, else Python integers."""
    values = list(amounts)
    fits = all(-INT64_MAX <= value <= INT64_MAX for value in values)
    return np.array(values, dtype=np.int64 if fits else object)

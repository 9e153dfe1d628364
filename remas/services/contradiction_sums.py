"""Who holds too much, and from when: plain sums over time, no database."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Held:
    """Units of a resource on a node (ids), held by a reservation for `[starts_at, ends_at)`."""

    node: int
    resource: int
    amount: int
    reservation: int
    owner: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Excess:
    """`since`: the first moment at which it is too much; `short_by`: the most by which it is."""

    since: datetime
    short_by: int


def beyond(held: Sequence[Held], amount: int, now: datetime) -> dict[int, Excess]:
    """The reservations that take part in holding more than `amount` together, from `now` on.

    All of `held` counts towards the one sum. A reservation takes part while it holds something:
    exactly those could not be booked again as they stand.
    """
    changes: dict[datetime, int] = defaultdict(int)
    for part in held:
        if part.ends_at > now:
            changes[max(part.starts_at, now)] += part.amount
            changes[part.ends_at] -= part.amount
    moments = sorted(changes)
    too_much = [max(sum_ - amount, 0) for sum_ in accumulate(changes[at] for at in moments)]
    following = _next_positive(too_much)
    found: dict[int, Excess] = {}
    for part in held:
        if part.ends_at <= now:
            continue
        begin = bisect_left(moments, max(part.starts_at, now))
        end = bisect_left(moments, part.ends_at)
        if following[begin] < end:
            excess = Excess(moments[following[begin]], max(too_much[begin:end]))
            known = found.get(part.reservation)
            found[part.reservation] = _worse(known, excess) if known else excess
    return found


def _next_positive(values: Sequence[int]) -> list[int]:
    """For each place, the first from there on at which the value is above 0; else the length."""
    following = [len(values)] * (len(values) + 1)
    for i in range(len(values) - 1, -1, -1):
        following[i] = i if values[i] > 0 else following[i + 1]
    return following


def _worse(one: Excess, other: Excess) -> Excess:
    return Excess(min(one.since, other.since), max(one.short_by, other.short_by))


def by_node(held: Iterable[Held]) -> dict[int, list[Held]]:
    """The same, sorted out by node."""
    nodes: dict[int, list[Held]] = defaultdict(list)
    for part in held:
        nodes[part.node].append(part)
    return nodes

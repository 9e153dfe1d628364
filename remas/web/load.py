"""A timetable cut into days: what each node carries on each day, and the paths that draw it.

Paths count minutes from the start of the day to the right and from the top of a strip downwards;
a day is as long as it is (23 or 25 hours when clocks change).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from remas.models import Unit
from remas.services.timetable import Bar, Closed, NodeRow, Timetable

MINUTE = timedelta(minutes=1)
STRIP = 12  # height of a full strip, in the units of the drawing
GAP = 4  # between strips

Steps = list[tuple[datetime, int]]


@dataclass(frozen=True, slots=True)
class Day:
    """`[start, end)` is one calendar day of the viewer's zone."""

    date: date
    start: datetime
    end: datetime
    is_today: bool
    is_past: bool
    now: int | None  # minutes since its start, today

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.end - self.start) // MINUTE

    @property
    def is_weekend(self) -> bool:
        """Whether few people work."""
        return self.date.weekday() >= 5


@dataclass(frozen=True, slots=True)
class Strip:
    """One resource of a node on a day. `peak` may be more than `capacity`: over-committed."""

    resource: str
    unit: Unit
    hue: int
    capacity: int
    peak: int
    path: str
    over: tuple[tuple[int, int], ...]  # minutes from, minutes long

    @property
    def is_over(self) -> bool:
        """Whether more is reserved than there is."""
        return self.peak > self.capacity


@dataclass(frozen=True, slots=True)
class Cell:
    """A node on a day."""

    day: Day
    strips: tuple[Strip, ...]
    bars: tuple[Bar, ...]
    closed: tuple[Closed, ...]
    hatched: tuple[tuple[int, int], ...]  # minutes from, minutes long

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.bars and not self.closed

    @property
    def is_over(self) -> bool:
        """Whether more is reserved than there is, of anything."""
        return any(strip.is_over for strip in self.strips)

    @property
    def is_full(self) -> bool:
        """Whether something is used up at some time of the day."""
        return any(strip.capacity and strip.peak >= strip.capacity for strip in self.strips)


@dataclass(frozen=True, slots=True)
class Row:
    """A node with its days. `reservations`: how many touch it in all."""

    node: NodeRow
    cells: tuple[Cell, ...]
    reservations: int


def days_from(first: date, count: int, zone: ZoneInfo, now: datetime) -> tuple[Day, ...]:
    """`count` days in `zone`, midnight to midnight."""
    dates = [first + timedelta(days=i) for i in range(count + 1)]
    starts = [datetime.combine(d, time(), zone).astimezone(UTC) for d in dates]
    return tuple(
        Day(
            date=day,
            start=start,
            end=end,
            is_today=start <= now < end,
            is_past=end <= now,
            now=(now - start) // MINUTE if start <= now < end else None,
        )
        for day, (start, end) in zip(dates, pairwise(starts), strict=False)
    )


def hues(resources: Iterable[str]) -> dict[str, int]:
    """A colour for each resource, by its place in the list."""
    return {name: i % 6 for i, name in enumerate(resources)}


def rows(table: Timetable, days: Sequence[Day], colours: dict[str, int]) -> tuple[Row, ...]:
    """The timetable, a row a node and a cell a day."""
    bars: dict[str, list[Bar]] = defaultdict(list)
    for bar in table.reservations:
        for node in dict.fromkeys(spec.node for spec in bar.allocations):
            bars[node].append(bar)
    closed: dict[str, list[Closed]] = defaultdict(list)
    for maintenance in table.maintenance:
        closed[maintenance.node].append(maintenance)
    return tuple(
        Row(
            node,
            _cells(node, days, bars[node.name], closed[node.name], table.units, colours),
            len(bars[node.name]),
        )
        for node in table.nodes
    )


def _cells(
    node: NodeRow,
    days: Sequence[Day],
    bars: Sequence[Bar],
    closed: Sequence[Closed],
    units: dict[str, Unit],
    colours: dict[str, int],
) -> tuple[Cell, ...]:
    loads = {resource: load_steps(node.name, resource, bars) for resource, _ in node.capacities}
    cells = []
    for day in days:
        strips = tuple(
            _strip(day, loads[resource], resource, capacity, units[resource], colours[resource], i)
            for i, (resource, capacity) in enumerate(ordered(node, colours))
        )
        off = tuple(c for c in closed if c.starts_at < day.end and c.ends_at > day.start)
        hatched = tuple(_minutes(day, c.starts_at, c.ends_at) for c in off)
        here = tuple(b for b in bars if b.starts_at < day.end and b.ends_at > day.start)
        cells.append(Cell(day, strips, here, off, hatched))
    return tuple(cells)


def ordered(node: NodeRow, colours: dict[str, int]) -> list[tuple[str, int]]:
    """A node's capacities in the order of the legend."""
    places = {name: i for i, name in enumerate(colours)}
    return sorted(node.capacities, key=lambda capacity: places[capacity[0]])


def load_steps(node: str, resource: str, bars: Iterable[Bar]) -> Steps:
    """When the units held of a resource change, and to what; before the first step it is 0."""
    changes: dict[datetime, int] = defaultdict(int)
    for bar in bars:
        for spec in bar.allocations:
            if spec.node == node and spec.resource == resource:
                changes[bar.starts_at] += spec.amount
                changes[bar.ends_at] -= spec.amount
    steps, held = [], 0
    for moment in sorted(changes):
        held += changes[moment]
        steps.append((moment, held))
    return steps


def _strip(
    day: Day, steps: Steps, resource: str, capacity: int, unit: Unit, hue: int, place: int
) -> Strip:
    pieces = _pieces(day, steps)
    peak = max((held for _, _, held in pieces), default=0)
    top = place * (STRIP + GAP)
    path = "".join(
        f"M{begin} {top + STRIP}V{top + STRIP - _height(held, capacity)}h{length}V{top + STRIP}z"
        for begin, length, held in pieces
    )
    over = tuple((begin, length) for begin, length, held in pieces if held > capacity)
    return Strip(resource, unit, hue, capacity, peak, path, over)


def _pieces(day: Day, steps: Steps) -> list[tuple[int, int, int]]:
    """Minutes from, minutes long, units held; only where something is held."""
    pieces = []
    for i, (moment, held) in enumerate(steps):
        until = steps[i + 1][0] if i + 1 < len(steps) else moment
        if held > 0 and moment < day.end and until > day.start:
            pieces.append((*_minutes(day, moment, until), held))
    return pieces


def _minutes(day: Day, starts_at: datetime, ends_at: datetime) -> tuple[int, int]:
    begin = max(starts_at, day.start)
    return (begin - day.start) // MINUTE, (min(ends_at, day.end) - begin) // MINUTE


def _height(held: int, capacity: int) -> float:
    """A little is still seen; more than there is, is full."""
    if held >= capacity:
        return STRIP
    return max(round(STRIP * held / capacity, 1), 1)

"""What is free in the next days, drawn with letters: one line for each node and resource."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

BLOCKS = " ▁▂▃▄▅▆▇█"  # nothing free … all free
LETTERS = " .:-=+*%#"
CLOSED, CLOSED_LETTER = "╳", "x"
HOUR = timedelta(hours=1)
# Widths of a column that people can read a clock from.
STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880)
)
LONGEST_STEP = timedelta(days=7)

Steps = Sequence[tuple[datetime, int]]
"""Moments at which the free amount changes, and what it is from then on."""
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Axis:
    """Columns of `step` each, from `start` on."""

    start: datetime
    step: timedelta
    columns: int
    zone: ZoneInfo

    @property
    def end(self) -> datetime:
        return self.start + self.step * self.columns

    def column(self, index: int) -> Span:
        """The half-open time of a column."""
        return self.start + self.step * index, self.start + self.step * (index + 1)


def axis(start: datetime, end: datetime, room: int, zone: ZoneInfo) -> Axis:
    """As many columns as fit into `room`, each a step that a clock shows."""
    length = end - start
    step = next((step for step in STEPS if -(-length // step) <= room), LONGEST_STEP)
    return Axis(start, step, -(-length // step), zone)


def least(steps: Steps, span: Span) -> int:
    """The least that is free at any moment of the span; `steps` begin at or before it."""
    first = max(bisect_right(steps, span[0], key=_moment) - 1, 0)
    beyond = max(bisect_left(steps, span[1], key=_moment), first + 1)
    return min(amount for _, amount in steps[first:beyond])


def _moment(step: tuple[datetime, int]) -> datetime:
    return step[0]


def strip(
    where: Axis, steps: Steps, capacity: int, closed: Sequence[Span], ascii_only: bool
) -> str:
    """One line: how much of the capacity is free at least in each column."""
    signs = LETTERS if ascii_only else BLOCKS
    cells: list[str] = []
    for index in range(where.columns):
        span = where.column(index)
        if any(begins < span[1] and ends > span[0] for begins, ends in closed):
            cells.append(CLOSED_LETTER if ascii_only else CLOSED)
            continue
        free = min(least(steps, span), capacity)
        # Anything free shows at least a little, and only all of it shows full.
        level = free * (len(signs) - 1) // capacity if capacity else 0
        cells.append(signs[max(level, 1) if free else 0])
    return "".join(cells)


def coloured(line: str) -> str:
    """Green where much is free, yellow where some is, red where a node is closed."""
    return "".join(click.style(sign, fg=_colour(sign)) for sign in line)


def _colour(sign: str) -> str | None:
    if sign in CLOSED + CLOSED_LETTER:
        return "red"
    level = max(BLOCKS.find(sign), LETTERS.find(sign))
    return None if level <= 0 else "yellow" if level < 5 else "green"


def days(where: Axis) -> str:
    """The names of the days, each above the column in which it begins."""
    text = ""
    last = None
    for index in range(where.columns):
        here = where.column(index)[0].astimezone(where.zone)
        if here.date() != last and len(text) <= index:
            label = f"{here:%a} {here.day} {here:%b}"
            begins = last is None or here.date() != last
            last = here.date()
            if begins and index + len(label) <= where.columns:
                text = text.ljust(index) + label + " "
    return text.rstrip()


def hours(where: Axis) -> str:
    """A mark at each midnight and noon, where the columns are that fine."""
    if where.step > 6 * HOUR:
        return ""
    marks: list[str] = []
    for index in range(where.columns):
        begins, ends = (moment.astimezone(where.zone) for moment in where.column(index))
        inside = begins.hour * 60 + begins.minute, (ends - begins) // timedelta(minutes=1)
        sign = " "
        for minute, mark in ((0, "|"), (720, "'")):
            if (minute - inside[0]) % 1440 < inside[1]:
                sign = mark if sign == " " or mark == "|" else sign
        marks.append(sign)
    return "".join(marks)

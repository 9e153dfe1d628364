"""A report as a page shows it: one measure in front, its numbers in one unit, and what is drawn."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from remas import clock
from remas.models import Unit
from remas.services.reports import By, Held, Key, Report, ReportRow, month_label
from remas.units import scale

NODES = ""  # the measure that is about no resource
MOST_BARS = 40
MOST_SERIES = 6  # as many as there are colours
REST = "the rest"
HOURS = "h"
MINUTES_AN_HOUR = 60
NARROW_SPACE = "\u202f"
NO_BREAK = "\u00a0"
TITLES = {
    By.PERSON: "Person",
    By.GROUP: "Group",
    By.NODE: "Node",
    By.RESOURCE: "Resource",
    By.MONTH: "Month",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted: hours of nodes, or of a resource in `size` units called `suffix`."""

    name: str
    title: str
    suffix: str
    size: int

    @property
    def unit(self) -> str:
        """What has to be said besides the title."""
        return "" if self.suffix == HOURS else self.suffix

    def minutes(self, row: ReportRow) -> int | None:
        """What the row has of it; None: nothing of the kind."""
        if self.name == NODES:
            return row.node_minutes
        held = row.of(self.name)
        return held.minutes if held else None

    def hours(self, minutes: int) -> float:
        """In units of `size`."""
        return minutes / (MINUTES_AN_HOUR * self.size)

    def text(self, row: ReportRow) -> str:
        """Such as "1 234.5"; empty where there is nothing of the kind."""
        minutes = self.minutes(row)
        return "" if minutes is None else number(self.hours(minutes))

    def share(self, row: ReportRow) -> float:
        """Of all there was, 0 to 1."""
        held = row.of(self.name)
        return row.node_share if self.name == NODES else held.share if held else 0.0

    def utilisation(self, row: ReportRow) -> str:
        """Of all there is; empty where nobody can say."""
        held = row.of(self.name)
        if self.name == NODES or held is None or held.utilisation is None:
            return ""
        return percent(held.utilisation)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table. `width`: its share, in hundredths of a bar."""

    keys: tuple[Key, ...]
    value: str
    share: str
    width: float
    utilisation: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The table, and `plot` for the script that draws it."""

    titles: tuple[str, ...]
    measures: tuple[Measure, ...]
    chosen: Measure
    others: tuple[Measure, ...]
    lines: tuple[Line, ...]
    total: Line
    plot: dict[str, Any]


def of(report: Report, asked: str) -> View:
    """The report with the measure that was asked for in front; else node hours."""
    measures = _measures(report)
    chosen = next((one for one in measures if one.name == asked), measures[0])
    others = tuple(one for one in measures if one is not chosen)
    if By.RESOURCE in report.by:
        others = ()  # each row is about one resource: other columns would be empty
    return View(
        titles=tuple(TITLES[by] for by in report.by),
        measures=measures,
        chosen=chosen,
        others=others,
        lines=tuple(_line(row, chosen, others) for row in _ordered(report, chosen)),
        total=_line(report.total, chosen, others),
        plot=_plot(report, chosen),
    )


def _ordered(report: Report, chosen: Measure) -> list[ReportRow]:
    """People and groups with most of what is shown first; the order of all else stays."""
    if report.by[0] not in (By.PERSON, By.GROUP):
        return list(report.rows)
    most: dict[Key, int] = defaultdict(int)
    for row in report.rows:
        most[row.keys[0]] += chosen.minutes(row) or 0
    first = {key: place for place, key in enumerate(most)}  # rows of one stay together

    def place(row: ReportRow) -> tuple[bool, int, int]:
        key = row.keys[0]
        return key.name is None, -most[key], first[key]

    return sorted(report.rows, key=place)


def number(value: float) -> str:
    """With one decimal, thousands apart; what is more than nothing never reads as nothing."""
    if 0 < value < 0.05:
        return f"<{NARROW_SPACE}0.1"
    return f"{value:,.1f}".replace(",", NARROW_SPACE) if value else "0"


def percent(ratio: float) -> str:
    """Such as "12.5 %"."""
    if 0 < ratio < 0.0005:
        return f"<{NARROW_SPACE}0.1{NO_BREAK}%"
    return f"{100 * ratio:.1f}{NO_BREAK}%"


def _measures(report: Report) -> tuple[Measure, ...]:
    """Node hours first, then each resource in the unit that suits its largest row."""
    largest: dict[str, int] = {}
    for row in report.rows:
        for held in row.held:
            largest[held.resource] = max(largest.get(held.resource, 0), held.minutes)
    return (
        Measure(NODES, "Node hours", HOURS, 1),
        *(_measure(held, largest.get(held.resource, 0)) for held in report.total.held),
    )


def _measure(held: Held, largest: int) -> Measure:
    suffix, size = scale(largest / MINUTES_AN_HOUR, held.unit)
    unit = HOURS if held.unit is Unit.NONE else f"{suffix}·h"
    return Measure(held.resource, f"{held.resource} hours", unit, size)


def _line(row: ReportRow, chosen: Measure, others: Sequence[Measure]) -> Line:
    share = chosen.share(row)
    there = chosen.minutes(row) is not None
    return Line(
        keys=row.keys,
        value=chosen.text(row),
        share=percent(share) if there else "",
        width=round(100 * share, 1),
        utilisation=chosen.utilisation(row),
        others=tuple(one.text(row) for one in others),
    )


def _plot(report: Report, chosen: Measure) -> dict[str, Any]:
    """Bars along the months, or along the first grouping; stacked by the second, if there is one.

    Only the largest are drawn, and named ones before the rest of them together.
    """
    along = report.by.index(By.MONTH) if By.MONTH in report.by else 0
    stacked = 1 - along if len(report.by) > 1 else None
    sums: dict[tuple[str, str], int] = {}
    rows = _ordered(report, chosen)
    for row in rows:
        other = row.keys[stacked].label if stacked is not None else chosen.title
        place = row.keys[along].label, other
        sums[place] = sums.get(place, 0) + (chosen.minutes(row) or 0)
    bars = list(dict.fromkeys(row.keys[along].label for row in rows))
    by_month = report.by[along] is By.MONTH
    bars = _months(report) if by_month else _largest(bars, sums, 0, MOST_BARS)
    names = _largest(list(dict.fromkeys(other for _, other in sums)), sums, 1, MOST_SERIES)
    series = {name: [sums.get((bar, name), 0) for bar in bars] for name in names}
    rest = [
        sum(n for (at, name), n in sums.items() if at == bar and name not in series) for bar in bars
    ]
    if any(rest):
        series[REST] = rest
    return {
        "title": f"{chosen.title} by {TITLES[report.by[along]].lower()}",
        "suffix": chosen.suffix,
        "bars": bars,
        "series": [
            {"name": name, "hours": [round(chosen.hours(n), 3) for n in minutes]}
            for name, minutes in series.items()
        ],
        "left_out": not by_month and len(bars) == MOST_BARS,
    }


def _months(report: Report) -> list[str]:
    """The labels of all months of the range, also of those in which nothing is reserved."""
    zone = ZoneInfo(report.zone)
    day, last = (moment.astimezone(zone) for moment in (report.start, report.end - clock.MINUTE))
    months = day.year * 12 + day.month - 1, last.year * 12 + last.month
    return [month_label(date(n // 12, n % 12 + 1, 1)) for n in range(*months)]


def _largest(
    names: Sequence[str], sums: Mapping[tuple[str, str], int], place: int, most: int
) -> list[str]:
    """At most so many of the names, those with the largest sums, in their order."""
    weights: dict[str, int] = defaultdict(int)
    for pair, minutes in sums.items():
        weights[pair[place]] += minutes
    kept = set(sorted(names, key=lambda name: -weights[name])[:most])
    return [name for name in names if name in kept]

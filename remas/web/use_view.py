"""What was used, as pages show it: numbers in readable units, and what is drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from remas import clock
from remas.models import Measure, Unit
from remas.services.exceeding import Above
from remas.services.use import NodeUse, ResourceUse, Used
from remas.units import format_amount, scale
from remas.web.report_view import percent

MOST_LINES = 6  # as many as there are colours
NO_BREAK = "\u00a0"
NOTHING = "–"
SMALLEST = 0.005  # of a unit: what is less reads as 0
WHOLE = 100  # from here on decimals say nothing


@dataclass(frozen=True, slots=True)
class Row:
    """A node in the table. `width`: the mean as hundredths of what is reserved, at most 100.
    `is_above`: at some time; `is_over`: on average."""

    node: str
    reserved: str
    mean: str
    peak: str
    share: str
    width: float
    is_above: bool
    is_over: bool
    is_measured: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A resource. `plot`: for the script that draws it; None where there is nothing to draw.
    `words`: the same in a sentence. `left_out`: nodes that are only in the table."""

    resource: str
    trouble: str | None
    rows: tuple[Row, ...]
    plot: dict[str, Any] | None
    words: str
    left_out: int


@dataclass(frozen=True, slots=True)
class AboveRow:
    """Somebody who is above. `width`: what is held as hundredths of what is used."""

    above: Above
    used: str
    held: str
    over: str
    width: float


def charts(used: Used, zone: ZoneInfo) -> tuple[Chart, ...]:
    """One for each measured resource."""
    return tuple(_chart(used, one, zone) for one in used.resources)


def above(row: Above) -> AboveRow:
    """A row of the list of those who are above what they hold."""
    return AboveRow(
        row,
        measured(row.used, row.unit),
        format_amount(row.held, row.unit).replace(" ", NO_BREAK) if row.held else "nothing",
        measured(row.used - row.held, row.unit),
        round(100 * row.held / row.used, 1),
    )


def measured(value: float, unit: Unit) -> str:
    """Such as "3.42" or "12.6 GiB": three digits say enough."""
    suffix, size = scale(value, unit)
    return f"{_number(value / size)}{NO_BREAK}{suffix}" if suffix else _number(value)


def _number(value: float) -> str:
    if value < SMALLEST:
        return "0"
    if value >= WHOLE:
        return f"{value:,.0f}".replace(",", NO_BREAK)
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _chart(used: Used, one: ResourceUse, zone: ZoneInfo) -> Chart:
    drawn = _drawn(one.nodes)
    return Chart(
        one.resource,
        one.trouble,
        tuple(_row(node, one.unit) for node in one.nodes),
        None if one.is_empty else _plot(used, one, drawn, zone),
        f"{one.resource}: {'; '.join(_sentence(node, one.unit) for node in one.nodes)}.",
        len(one.nodes) - len(drawn),
    )


def _row(node: NodeUse, unit: Unit) -> Row:
    known = node.mean is not None and node.peak is not None and node.share is not None
    return Row(
        node.node,
        format_amount(node.reserved, unit).replace(" ", NO_BREAK),
        measured(node.mean or 0, unit) if known else NOTHING,
        measured(node.peak or 0, unit) if known else NOTHING,
        percent(node.share or 0) if known else NOTHING,
        round(min(100 * (node.share or 0), 100), 1),
        node.is_above,
        (node.share or 0) > 1,
        known,
    )


def _sentence(node: NodeUse, unit: Unit) -> str:
    row = _row(node, unit)
    if not row.is_measured:
        return f"nothing was measured on {row.node}"
    return (
        f"on {row.node} {row.mean} of {row.reserved} on average ({row.share}), at most {row.peak}"
    )


def _drawn(nodes: Iterable[NodeUse]) -> list[NodeUse]:
    """Those that used the largest part of what is reserved, in their order."""
    every = list(nodes)
    most = sorted(every, key=lambda node: -(node.share or 0))[:MOST_LINES]
    return [node for node in every if node in most]


def _plot(used: Used, one: ResourceUse, drawn: list[NodeUse], zone: ZoneInfo) -> dict[str, Any]:
    largest = max(max(node.reserved, node.peak or 0) for node in drawn)
    suffix, size = scale(largest, one.unit)
    return {
        "from": used.start.timestamp(),
        "to": max(used.end, used.start + clock.MINUTE).timestamp(),
        "times": [at.timestamp() for at in used.times],
        "zone": zone.key,
        "stepped": one.measure is Measure.GPU,
        "suffix": suffix,
        "lines": [
            {
                "node": node.node,
                "reserved": node.reserved / size,
                "used": [None if v is None else round(v / size, 4) for v in node.used],
            }
            for node in drawn
        ],
    }

"""A timetable as rows to draw: strips of load, and bars packed into lanes.

Sideways everything counts minutes since the start of the range, as they pass: a day on which
clocks change is 23 or 25 hours wide. Downwards it counts pixels.
"""

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup, escape

from remas.models import Status, Unit
from remas.services.actor import Actor
from remas.services.timetable import Bar, NodeRow, Timetable
from remas.units import format_amount
from remas.web import load
from remas.web.load import MINUTE, Steps

STRIP, GAP = 12, 4  # of a strip of load
EDGE = 7  # above the first strip and below the last lane
BAR, LANE = 20, 23  # of a bar, and from one lane to the next
COLOURS = 12  # of people

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scale:
    """The range `[start, end)`, `minutes` long."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> int:
        return (self.end - self.start) // MINUTE

    def at(self, moment: datetime) -> int:
        """Minutes since the start; negative before it."""
        return (moment - self.start) // MINUTE

    def within(self, begin: int, end: int) -> Span:
        """The part of `[begin, end)` that is inside."""
        return max(begin, 0), min(end, self.minutes)

    def percent(self, minutes: int) -> str:
        """A length as a share of the range."""
        return f"{100 * minutes / self.minutes:.3f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True, slots=True)
class Strip:
    """One resource of a node. `over`: where more is held than there is."""

    resource: str
    unit: Unit
    hue: int
    capacity: int
    top: int
    path: str
    over: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A reservation on a node; `[begin, end)` may reach beyond the range.

    `handles`: `both` ends can be moved, the `end`, or none (empty).
    """

    id: int
    text: str
    classes: str
    begin: int
    end: int
    top: int
    handles: str
    version: int


@dataclass(frozen=True, slots=True)
class Closing:
    """Maintenance, cut to the range."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A node with what is drawn beside it, `height` pixels high."""

    node: NodeRow
    strips: tuple[Strip, ...]
    blocks: tuple[Block, ...]
    bars: Markup
    closed: tuple[Closing, ...]
    strips_height: int
    height: int

    @property
    def is_over(self) -> bool:
        """Whether more is reserved than there is, of anything."""
        return any(strip.over for strip in self.strips)


@dataclass(frozen=True, slots=True)
class Shown:
    """Which bars are drawn: of these owners (None: all), with this resource ("": any).

    `link`: what comes before the id in the address of a reservation.
    """

    actor: Actor
    link: str
    owners: Collection[int] | None = None
    resource: str = ""


def rows(table: Timetable, colours: dict[str, int], shown: Shown) -> tuple[TimelineRow, ...]:
    """The timetable, a row a node."""
    scale = Scale(table.start, table.end)
    bars: dict[str, list[Bar]] = {node.name: [] for node in table.nodes}
    for bar in table.reservations:
        for node in dict.fromkeys(spec.node for spec in bar.allocations):
            bars[node].append(bar)
    closed: dict[str, list[Closing]] = {node.name: [] for node in table.nodes}
    for off in table.maintenance:
        span = scale.within(scale.at(off.starts_at), scale.at(off.ends_at))
        closed[off.node].append(Closing(*span, off.reason or ""))
    return tuple(
        _row(node, bars[node.name], tuple(closed[node.name]), table.units, scale, colours, shown)
        for node in table.nodes
    )


def _row(
    node: NodeRow,
    bars: Sequence[Bar],
    closed: tuple[Closing, ...],
    units: dict[str, Unit],
    scale: Scale,
    colours: dict[str, int],
    shown: Shown,
) -> TimelineRow:
    strips = _strips(node, bars, units, scale, colours, shown.resource)
    strips_height = len(strips) * (STRIP + GAP)
    blocks, lanes = _blocks(node.name, bars, units, scale, shown, EDGE + strips_height + 2)
    height = EDGE + strips_height + 2 + max(lanes, 1) * LANE + EDGE
    drawn = Markup("").join(_drawn(block, scale, shown.link) for block in blocks)
    return TimelineRow(node, strips, blocks, drawn, closed, strips_height, height)


def _drawn(block: Block, scale: Scale, link: str) -> Markup:
    """A bar as SVG. Not in the template: of these there are thousands, and it takes a tenth."""
    begin, end = scale.within(block.begin, block.end)
    handles = f' data-h="{block.handles}" data-v="{block.version}"' if block.handles else ""
    text = escape(block.text)
    # Numbers and words of ours; the text is escaped.
    return Markup(  # noqa: S704
        f'<a class="{block.classes}" href="{link}{block.id}" aria-label="{text}"'
        f' data-s="{block.begin}"'
        f' data-e="{block.end}"{handles}><svg x="{scale.percent(begin)}" y="{block.top}"'
        f' width="{scale.percent(end - begin)}" height="{BAR}">'
        f'<rect width="100%" height="{BAR}" rx="4"/><path d="M2 3v14"/>'
        f'<text x="8" y="14">{text}</text></svg></a>'
    )


def _strips(
    node: NodeRow,
    bars: Sequence[Bar],
    units: dict[str, Unit],
    scale: Scale,
    colours: dict[str, int],
    only: str,
) -> tuple[Strip, ...]:
    found: list[Strip] = []
    for resource, capacity in load.ordered(node, colours):
        if only in ("", resource):
            pieces = _pieces(load.load_steps(node.name, resource, bars), scale)
            top = len(found) * (STRIP + GAP)
            over = _joined((begin, end) for begin, end, held in pieces if held > capacity)
            path = _path(pieces, capacity, top)
            unit, hue = units[resource], colours[resource]
            found.append(Strip(resource, unit, hue, capacity, top, path, over))
    return tuple(found)


def _pieces(steps: Steps, scale: Scale) -> list[tuple[int, int, int]]:
    """Begin, end, units held; only where something is held."""
    pieces = []
    for i, (moment, held) in enumerate(steps[:-1]):
        begin, end = scale.within(scale.at(moment), scale.at(steps[i + 1][0]))
        if held > 0 and begin < end:
            pieces.append((begin, end, held))
    return pieces


def _path(pieces: Iterable[tuple[int, int, int]], capacity: int, top: int) -> str:
    """The outline of the load; neighbours of the same height are one step."""
    parts: list[str] = []
    at = level = -1
    for begin, end, held in pieces:
        height = STRIP if held >= capacity else max(STRIP * held // capacity, 1)
        if begin != at:
            parts.append(f"V{top + STRIP}z" if parts else "")
            parts.append(f"M{begin} {top + STRIP}")
            level = -1
        elif height == level:
            parts.pop()
        if height != level:
            parts.append(f"V{top + STRIP - height}")
        parts.append(f"H{end}")
        at, level = end, height
    return "".join(parts) + (f"V{top + STRIP}z" if parts else "")


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order; those that touch made one."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and joined[-1][1] == begin:
            begin, _ = joined.pop()
        joined.append((begin, end))
    return tuple(joined)


def _blocks(
    node: str,
    bars: Sequence[Bar],
    units: dict[str, Unit],
    scale: Scale,
    shown: Shown,
    top: int,
) -> tuple[tuple[Block, ...], int]:
    """The bars that are shown, each in the first free lane, and how many lanes there are."""
    free: list[int] = []  # lanes below `lanes` that are free at the present bar's start
    ends: list[tuple[datetime, int]] = []  # when a lane in use becomes free
    lanes, blocks = 0, []
    for bar in bars:
        held = [spec for spec in bar.allocations if spec.node == node]
        if shown.owners is not None and bar.owner_id not in shown.owners:
            continue
        if shown.resource and all(spec.resource != shown.resource for spec in held):
            continue
        while ends and ends[0][0] <= bar.starts_at:
            heapq.heappush(free, heapq.heappop(ends)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, lanes = lanes, lanes + 1
        heapq.heappush(ends, (bar.ends_at, lane))
        amounts = " · ".join(_amount(s.resource, s.amount, units[s.resource]) for s in held)
        blocks.append(
            Block(
                id=bar.id,
                text=f"{_who(bar, shown.actor)} · {amounts}",
                classes=_classes(bar, shown.actor),
                begin=scale.at(bar.starts_at),
                end=scale.at(bar.ends_at),
                top=top + lane * LANE,
                handles=_handles(bar, shown.actor),
                version=bar.version,
            )
        )
    return tuple(blocks), lanes


@lru_cache(maxsize=4096)
def _amount(resource: str, amount: int, unit: Unit) -> str:
    written = format_amount(amount, unit)
    return f"{written} {resource}" if unit is Unit.NONE else written


def _who(bar: Bar, actor: Actor) -> str:
    """Others by their names; one's own by what they are for."""
    return bar.name or bar.owner.name if bar.owner_id == actor.id else bar.owner.name


def _classes(bar: Bar, actor: Actor) -> str:
    own = " o" if bar.owner_id == actor.id else ""
    past = " f" if bar.status is Status.FINISHED else ""
    return f"b p{bar.owner_id % COLOURS}{own}{past}"


def _handles(bar: Bar, actor: Actor) -> str:
    """What may be moved, as `services.booking.change` has it."""
    if not actor.may_act_for(bar.owner_id):
        return ""
    return {Status.SCHEDULED: "both", Status.RUNNING: "end"}.get(bar.status, "")

"""An offer in its surroundings as small drawings: minutes to the right, free units upwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remas.services.answers import OfferFound
from remas.services.surroundings import Line, Surroundings, around
from remas.web.format import amount, moment_text

MINUTE = timedelta(minutes=1)
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Drawing:
    """One resource. `path`: what is free; `asked_y`: the top of what the offer takes of it."""

    resource: str
    path: str
    asked_y: int
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The drawings of one offer: `width` minutes, the offer from `left` to `left + span`."""

    start: datetime
    end: datetime
    width: int
    left: int
    span: int
    closed: tuple[tuple[int, int], ...]
    drawings: tuple[Drawing, ...]


def strips(offers: Sequence[OfferFound]) -> tuple[Strip, ...]:
    """One for each offer, in order."""
    pairs = zip(offers, around(offers), strict=True)
    return tuple(_strip(offer, surroundings) for offer, surroundings in pairs)


def _strip(offer: OfferFound, here: Surroundings) -> Strip:
    def minutes(moment: datetime) -> int:
        return (moment - here.start) // MINUTE

    width = minutes(here.end)
    return Strip(
        start=here.start,
        end=here.end,
        width=width,
        left=minutes(offer.starts_at),
        span=minutes(offer.ends_at) - minutes(offer.starts_at),
        closed=tuple((minutes(a), minutes(b) - minutes(a)) for a, b in here.closed),
        drawings=tuple(
            Drawing(
                resource=line.resource,
                path=_path([(minutes(m), free) for m, free in line.steps], line.capacity, width),
                asked_y=_height(line.asked, line.capacity),
                text=_words(line, offer, len(here.nodes)),
            )
            for line in here.lines
        ),
    )


def _height(units: int, capacity: int) -> int:
    """Where so many units end, counted from the top of a drawing."""
    return HEIGHT - round(HEIGHT * min(units, capacity) / capacity) if capacity else HEIGHT


def _path(steps: Iterable[tuple[int, int]], capacity: int, width: int) -> str:
    """The area under the free amount."""
    parts = [f"M0 {HEIGHT}"]
    for minute, free in steps:
        parts += [f"H{max(minute, 0)}", f"V{_height(free, capacity)}"]
    return "".join([*parts, f"H{width}V{HEIGHT}Z"])


def _words(line: Line, offer: OfferFound, nodes: int) -> str:
    """The drawing in a sentence."""
    before = [free for moment, free in line.steps if moment <= offer.starts_at]
    during = [free for m, free in line.steps if offer.starts_at < m < offer.ends_at]
    least = min([*before[-1:], *during], default=0)
    where = "on the node with least free" if nodes > 1 else "on the node"
    left = max(least - line.asked, 0)
    return (
        f"{line.resource}: this takes {amount(line.asked, line.unit)} of "
        f"{amount(least, line.unit)} free {where} from {moment_text(offer.starts_at)}; "
        f"{amount(left, line.unit)} stay free."
    )

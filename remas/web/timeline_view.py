"""What the address of a timeline asks for: which days, which nodes, whose reservations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from remas.services.catalogue import Catalogue, NodeChoice
from remas.web import load
from remas.web.load import MINUTE, Day
from remas.web.paging import FARTHEST_PAGE

SPANS = {"day": 1, "week": 7, "weeks": 14, "month": 31}
NAMES = {"day": "Day", "week": "Week", "weeks": "2 weeks", "month": "Month"}
LARGE = 40  # so many nodes begin with a week instead of two
NODES_A_PAGE = 30
FARTHEST = timedelta(days=3650)  # to either side; beyond is no calendar


@dataclass(frozen=True, slots=True)
class View:
    """`first` None: today. `group` 0 and empty texts: all."""

    span: str
    first: date | None
    today: date
    zone: ZoneInfo
    node: str = ""
    resource: str = ""
    group: int = 0
    mine: bool = False
    page: int = 1

    @property
    def day(self) -> date:
        """The first day that is shown."""
        return self.first or self.today

    def days(self, now: datetime) -> tuple[Day, ...]:
        """The days that are shown."""
        return load.days_from(self.day, SPANS[self.span], self.zone, now)

    def shifted(self, spans: int) -> "View":
        """The view so many screens later, on its first nodes."""
        first = self.day + timedelta(days=spans * SPANS[self.span])
        within = abs(first - self.today) <= FARTHEST
        return replace(self, first=first if within else self.first, page=1)

    def but(self, **changes: Any) -> "View":
        """The view with something else."""
        return replace(self, **{"page": 1, **changes})

    @property
    def arguments(self) -> dict[str, str | int]:
        """The view as arguments of an address; reading them gives the same."""
        given: dict[str, str | int] = {"view": self.span}
        if self.first and self.first != self.today:
            given["from"] = self.first.isoformat()
        given |= {name: value for name, value in self.filters.items() if value}
        return given | ({"page": self.page} if self.page > 1 else {})

    @property
    def filters(self) -> dict[str, str | int]:
        """What narrows the view."""
        return {
            "node": self.node,
            "resource": self.resource,
            "group": self.group,
            "mine": int(self.mine),
        }

    @property
    def is_narrowed(self) -> bool:
        """Whether something is left out."""
        return any(self.filters.values())

    def nodes(self, choices: Catalogue) -> Sequence[NodeChoice]:
        """The nodes whose rows are shown, whoever holds something on them."""
        return [
            node
            for node in choices.nodes
            if self.node in ("", node.name)
            and (not self.resource or node.capacities.get(self.resource))
        ]


def read(given: Mapping[str, str], today: date, zone: ZoneInfo, choices: Catalogue) -> View:
    """What is asked; what cannot be understood is as if it were not there."""
    usual = "week" if len(choices.nodes) > LARGE else "weeks"
    resource = given.get("resource", "")
    span = given.get("view", usual)
    return View(
        span=span if span in SPANS else usual,
        first=_day(given.get("from", ""), today),
        today=today,
        zone=zone,
        node=given.get("node", ""),
        resource=choices.called(resource) or resource,
        group=_number(given.get("group", ""), 0, 2**31 - 1),
        mine=given.get("mine", "") == "1",
        page=_number(given.get("page", ""), 1, FARTHEST_PAGE),
    )


def _day(written: str, today: date) -> date | None:
    try:
        asked = datetime.strptime(written, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        return None
    return asked if abs(asked - today) <= FARTHEST else None


def _number(written: str, least: int, most: int) -> int:
    known = written.isascii() and written.isdecimal() and len(written) < 12
    return min(max(int(written), least), most) if known else least


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the time axis: minutes since its start, and the hour there on the clock.

    `every`: the coarsest grid of hours (12, 6, 3 or 1) that this mark belongs to.
    """

    at: int
    text: str
    every: int


def ticks(days: Sequence[Day], zone: ZoneInfo, span: str) -> list[Tick]:
    """The full hours between midnights; on a day of 25 hours one of them comes twice."""
    finest = {"day": 1, "week": 1, "weeks": 3, "month": 6}[span]
    found = []
    for day in days:
        begin = (day.start - days[0].start) // MINUTE
        for minute in range(0, day.minutes):
            # Zones off the full hour still begin their days at midnight; changes of clocks are
            # what moves full hours, so every minute that shows :00 is looked at.
            if minute == 0 or minute % 30:
                continue
            here = (day.start + minute * MINUTE).astimezone(zone)
            if here.minute == 0 and here.hour % finest == 0:
                every = next(n for n in (12, 6, 3, 1) if here.hour % n == 0)
                found.append(Tick(begin + minute, f"{here.hour:02}", every))
    return found

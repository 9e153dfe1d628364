"""How much was reserved: by person, group, node, resource and month, of what there is.

Hours are counted as they stand in the calendar, also those to come: cancelled reservations do not
count, released ones until their end. A reader is told about people as far as their groups share
their statistics; all others are one row together.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import select

from remas import clock
from remas.errors import Invalid
from remas.extensions import db
from remas.models import Group, NodeState, Unit, User
from remas.services import report_sums
from remas.services.actor import Actor
from remas.services.availability import Cluster, natural_key, read_cluster
from remas.services.report_sums import HIDDEN, By, Ids, Question
from remas.services.transaction import DbSession

LONGEST = timedelta(days=3660)
YEARS = range(1970, 2200)  # of days beyond them no calendar is sure
MOST_BY = 2
MOST_CELLS = 20_000
"""So many sums are told at once: more, nobody reads and no browser draws."""
NOT_SHARED = "others who do not share"

__all__ = [
    "LONGEST",
    "MOST_BY",
    "NOT_SHARED",
    "YEARS",
    "By",
    "Held",
    "Key",
    "Report",
    "ReportRow",
    "ReportWish",
    "month_label",
    "read",
]


@dataclass(frozen=True, slots=True)
class ReportWish:
    """`[start, end)` in whole minutes, told apart by one or two things."""

    start: datetime
    end: datetime
    by: tuple[By, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """Whose or what a row is about: `name` as programs take it, `label` for people.

    `name` None: all who do not share their statistics with this reader. A month is "2026-11".
    """

    by: By
    name: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Held:
    """Units of a resource times the minutes for which they were reserved.

    `capacity_minutes`: the same of all that there is, as the nodes stand today; 0: there is none.
    """

    resource: str
    unit: Unit
    minutes: int
    total_minutes: int
    capacity_minutes: int

    @property
    def share(self) -> float:
        """Of all that was reserved of it, 0 to 1."""
        return _ratio(self.minutes, self.total_minutes)

    @property
    def utilisation(self) -> float | None:
        """Of all that there is; more than 1 where capacity was more than it is today."""
        return self.minutes / self.capacity_minutes if self.capacity_minutes else None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """`node_minutes`: for each reservation its minutes on each of its nodes, added up.

    Two reservations on one node at once count twice, so there is no share of a capacity.
    """

    keys: tuple[Key, ...]
    node_minutes: int
    total_node_minutes: int
    held: tuple[Held, ...]

    @property
    def node_share(self) -> float:
        """Of all node hours, 0 to 1."""
        return _ratio(self.node_minutes, self.total_node_minutes)

    def of(self, resource: str) -> Held | None:
        """What is held of a resource, if anything is or could be."""
        return next((held for held in self.held if held.resource == resource), None)


@dataclass(frozen=True, slots=True)
class Report:
    """`rows` in the order in which people look for them; `total` is all of them together."""

    start: datetime
    end: datetime
    zone: str
    by: tuple[By, ...]
    rows: tuple[ReportRow, ...]
    total: ReportRow


def read(actor: Actor, wish: ReportWish) -> Report:
    """The report. Months begin and end in the actor's zone. At most nine queries.

    Raises `Invalid` for a range that is empty, too long or not in whole minutes, for no or too many
    groupings, and for more sums than are told at once.
    """
    _check(wish)
    zone = ZoneInfo(actor.time_zone)
    edges = _edges(wish.start, wish.end, zone) if By.MONTH in wish.by else (wish.start, wish.end)
    asked = Question(actor, edges, wish.by)
    session = db.session()
    units = report_sums.units(session, asked, MOST_CELLS + 1)
    nodes = report_sums.nodes(session, asked, MOST_CELLS + 1)
    if max(len(units), len(nodes)) > MOST_CELLS:
        text = f"This gives more than {MOST_CELLS} sums. Take a shorter time, or fewer groupings."
        raise Invalid.field("by", text)
    gone = report_sums.retired_nodes(session, asked)
    total = sum(minutes for _, minutes in nodes)
    if By.RESOURCE in wish.by:  # who holds two of them on a node is there once, and told twice
        total = sum(minutes for _, minutes in report_sums.nodes(session, replace(asked, by=()), 1))
    # Last, so that whatever the sums are about is in there.
    cluster = read_cluster(session)
    sums = _Sums(dict(nodes), _by_ids(units), total)
    tables = _Tables(asked, cluster, _counted(cluster, gone), sums)
    labels = _Labels(session, asked, zone, cluster, tables.keys())
    rows = tuple(
        tables.row(ids, labels.of(ids)) for ids in labels.sorted(tables.keys(), sums.nodes)
    )
    return Report(wish.start, wish.end, zone.key, wish.by, rows, tables.total())


def month_label(day: date) -> str:
    """How people read a month: "Nov 2026"."""
    return f"{day:%b %Y}"


def _check(wish: ReportWish) -> None:
    if not timedelta(0) < wish.end - wish.start <= LONGEST:
        text = f"The range is at most {LONGEST.days} days, and not empty."
        raise Invalid.field("to", text)
    for path, moment in (("from", wish.start), ("to", wish.end)):
        if clock.ceil_minute(moment) != moment:
            raise Invalid.field(path, "Give a whole minute.")
        if moment.year not in YEARS:
            raise Invalid.field(path, f"Give a year from {YEARS[0]} to {YEARS[-1]}.")
    if not 1 <= len(wish.by) <= MOST_BY or len(set(wish.by)) < len(wish.by):
        raise Invalid.field("by", "Choose one or two different groupings.")


def _edges(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Where months begin inside `[start, end)`, with the range's own ends around them."""
    edges = [start]
    day = start.astimezone(zone).date().replace(day=1)
    while True:
        day = (day + timedelta(days=31)).replace(day=1)
        begins = _midnight(day, zone)
        if begins >= end:
            return (*edges, end)
        if begins > start:
            edges.append(begins)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Its first moment, as a whole minute: a few zones of old were off by seconds."""
    moment = datetime.combine(day, time(), zone).astimezone(UTC)
    return moment.replace(second=0, microsecond=0)


def _counted(cluster: Cluster, gone: Collection[int]) -> tuple[str, ...]:
    """The nodes whose capacity counts: those in house, and those that were reserved then."""
    return tuple(
        name
        for name, state in cluster.states.items()
        if state is not NodeState.RETIRED or cluster.node_ids[name] in gone
    )


def _by_ids(units: Sequence[tuple[Ids, int, int]]) -> dict[Ids, dict[int, int]]:
    found: dict[Ids, dict[int, int]] = defaultdict(dict)
    for ids, resource, minutes in units:
        found[ids][resource] = minutes
    return found


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class _Sums:
    """Node·minutes and, by resource, unit·minutes, by what they are told apart by."""

    nodes: Mapping[Ids, int]
    units: Mapping[Ids, Mapping[int, int]]
    total_nodes: int


class _Tables:
    """The sums beside what there is: rows by their ids."""

    def __init__(
        self, asked: Question, cluster: Cluster, counted: Sequence[str], sums: _Sums
    ) -> None:
        self._by, self._cluster, self._sums = asked.by, cluster, sums
        self._spans = [(end - start) // clock.MINUTE for start, end in pairwise(asked.edges)]
        self._total: dict[int, int] = defaultdict(int)
        for held in sums.units.values():
            for resource, minutes in held.items():
                self._total[resource] += minutes
        self._of_node = {cluster.node_ids[name]: dict(cluster.capacity[name]) for name in counted}
        self._of_all: dict[str, int] = defaultdict(int)
        for capacity in self._of_node.values():
            for resource_name, amount in capacity.items():
                self._of_all[resource_name] += amount

    def keys(self) -> set[Ids]:
        """What there are rows for: where something is reserved, and what idles."""
        found = set(self._sums.units)
        if len(self._by) == 1:
            found |= {(number,) for number in self._idle(self._by[0])}
        return found

    def _idle(self, by: By) -> Collection[int]:
        """All that there could be a row for, where that is the same for every reader."""
        if by is By.MONTH:
            return range(len(self._spans))
        if by is By.NODE:
            return self._of_node
        if by is By.RESOURCE:
            return [self._cluster.resource_ids[n] for n, amount in self._of_all.items() if amount]
        return ()

    def row(self, ids: Ids, keys: tuple[Key, ...]) -> ReportRow:
        """The row of these ids."""
        at = dict(zip(self._by, ids, strict=True))
        minutes = self._spans[at[By.MONTH]] if By.MONTH in at else sum(self._spans)
        there = self._of_node.get(at[By.NODE], {}) if By.NODE in at else self._of_all
        held = self._sums.units.get(ids, {})
        wanted = held.keys() | ({at[By.RESOURCE]} if By.RESOURCE in at else set())
        if self._has_capacity() and By.RESOURCE not in at:
            wanted |= {self._cluster.resource_ids[name] for name, n in there.items() if n}
        return ReportRow(
            keys,
            self._sums.nodes.get(ids, 0),
            self._sums.total_nodes,
            self._held(held, wanted, there, minutes),
        )

    def total(self) -> ReportRow:
        """All rows together."""
        every = self._total.keys() | {
            self._cluster.resource_ids[name] for name, amount in self._of_all.items() if amount
        }
        held = self._held(self._total, every, self._of_all, sum(self._spans))
        return ReportRow((), self._sums.total_nodes, self._sums.total_nodes, held)

    def _has_capacity(self) -> bool:
        """Whether rows are about parts of the cluster, not of its people."""
        return By.PERSON not in self._by and By.GROUP not in self._by

    def _held(
        self,
        held: Mapping[int, int],
        wanted: Collection[int],
        there: Mapping[str, int],
        minutes: int,
    ) -> tuple[Held, ...]:
        names = {self._cluster.resource_names[number]: number for number in wanted}
        return tuple(
            Held(
                resource=name,
                unit=self._cluster.units[name],
                minutes=held.get(names[name], 0),
                total_minutes=self._total.get(names[name], 0),
                capacity_minutes=there.get(name, 0) * minutes,
            )
            for name in sorted(names, key=natural_key)
        )


class _Labels:
    """Names for ids, and the order of rows."""

    def __init__(
        self,
        session: DbSession,
        asked: Question,
        zone: ZoneInfo,
        cluster: Cluster,
        rows: Collection[Ids],
    ) -> None:
        self._by = asked.by
        self._known: list[dict[int, Key]] = []
        for place, by in enumerate(asked.by):
            numbers = {ids[place] for ids in rows}
            names = _names(session, asked, by, zone, cluster, numbers - {HIDDEN})
            keys = {number: Key(by, *pair) for number, pair in names.items()}
            if by in (By.PERSON, By.GROUP):
                keys[HIDDEN] = Key(by, None, NOT_SHARED)
            self._known.append(keys)

    def of(self, ids: Ids) -> tuple[Key, ...]:
        """The keys of a row."""
        return tuple(known[number] for known, number in zip(self._known, ids, strict=True))

    def sorted(self, rows: Collection[Ids], nodes: Mapping[Ids, int]) -> list[Ids]:
        """Months as they come, nodes and resources by name, people by how much they hold."""
        weights: list[dict[int, int]] = [defaultdict(int) for _ in self._by]
        for ids, minutes in nodes.items():
            for weight, number in zip(weights, ids, strict=True):
                weight[number] += minutes

        def place(ids: Ids) -> list[tuple[bool, int, object]]:
            return [
                self._place(by, known[number], number, weight[number])
                for by, known, number, weight in zip(
                    self._by, self._known, ids, weights, strict=True
                )
            ]

        return sorted(rows, key=place)

    def _place(self, by: By, key: Key, number: int, weight: int) -> tuple[bool, int, object]:
        if by is By.MONTH:
            return False, number, ()
        if by in (By.NODE, By.RESOURCE):
            return False, 0, natural_key(key.label)
        return key.name is None, -weight, (natural_key(key.label), number)


def _names(
    session: DbSession,
    asked: Question,
    by: By,
    zone: ZoneInfo,
    cluster: Cluster,
    numbers: Collection[int],
) -> dict[int, tuple[str, str]]:
    """Id to name and label; at most one query."""
    if by is By.PERSON:
        people = session.scalars(select(User).where(User.id.in_(numbers)))
        return {user.id: (user.username, user.full_name) for user in people}
    if by is By.GROUP:
        groups = session.execute(select(Group.id, Group.name).where(Group.id.in_(numbers)))
        return {number: (name, name) for number, name in groups}
    if by is By.MONTH:
        begins = [edge.astimezone(zone) for edge in asked.edges[:-1]]
        return {i: (f"{at:%Y-%m}", month_label(at)) for i, at in enumerate(begins)}
    known = cluster.node_names if by is By.NODE else cluster.resource_names
    return {number: (known[number], known[number]) for number in numbers}

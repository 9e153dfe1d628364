"""What the owner of a reservation used while it ran, against what is reserved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remas import clock
from remas.clients.prometheus import PrometheusError, Series
from remas.errors import Forbidden
from remas.grafana import usage
from remas.models import Measure, Reservation, Status, Unit
from remas.services import measuring, reservations
from remas.services.actor import Actor
from remas.services.availability import natural_key
from remas.services.measuring import Asking

MOST_POINTS = 300
MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
DAY = timedelta(days=1)
PLACES_AT_ONCE = 50  # nodes in one question with a query of the resource's own

Points = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class NodeUse:
    """`used` has a value for each of the `times` of its `Used`; None where nothing was measured."""

    node: str
    reserved: int
    used: tuple[float | None, ...]

    @property
    def peak(self) -> float | None:
        """The highest value; None without any."""
        return max(self._known, default=None)

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without any."""
        return sum(self._known) / len(self._known) if self._known else None

    @property
    def share(self) -> float | None:
        """The mean as a part of what is reserved: 1 is all of it."""
        return None if self.mean is None else self.mean / self.reserved

    @property
    def is_above(self) -> bool:
        """Whether more than reserved was used at some time."""
        return self.peak is not None and self.peak > self.reserved

    @property
    def _known(self) -> list[float]:
        return [value for value in self.used if value is not None]


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """By node, in the order in which people read names. `trouble`: why it cannot be measured."""

    resource: str
    unit: Unit
    measure: Measure
    nodes: tuple[NodeUse, ...]
    trouble: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return all(node.peak is None for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Used:
    """`[start, end)`; of what still runs, up to the last step.

    `times`: every `step` from `start` on, each after the step that it tells of; none before a first
    step is over. Resources that nothing measures are left out.
    """

    start: datetime
    end: datetime
    step: timedelta
    times: tuple[datetime, ...]
    resources: tuple[ResourceUse, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured, though it could have been."""
        return all(one.is_empty and not one.trouble for one in self.resources)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A resource to be measured: what is reserved of it on each node."""

    resource: str
    unit: Unit
    measure: Measure
    query: str | None
    reserved: Mapping[str, int]


def is_shown(actor: Actor, reservation: Reservation) -> bool:
    """Whether there is anything to tell this viewer about its use."""
    begun = reservation.status(clock.now()) in (Status.RUNNING, Status.FINISHED)
    if not begun or not measuring.is_on() or reservations.hides_details(actor, reservation):
        return False
    return any(held.resource.measure for held in reservation.allocations)


def of_reservation(actor: Actor, reservation_id: int) -> Used:
    """What was used so far. Without resources where it has not begun, or was cancelled.

    For those who see what it is for. One question for each measure, within a second in all.
    Raises `NotFound`, also without Prometheus, `Forbidden`, `MeasurementsAway`.
    """
    measuring.require_on()
    reservation = reservations.get(actor, reservation_id)
    if reservations.hides_details(actor, reservation):
        raise Forbidden("The holder's group does not share what its members use.")
    start, end = reservation.starts_at, min(reservation.ends_at, clock.now())
    if reservation.cancelled_at is not None or end <= start:
        return Used(start, start, clock.MINUTE, (), ())
    who = reservation.owner.username, reservation.owner.uid
    wishes = _wishes(reservation)
    step = step_of(end - start)
    times = tuple(_times(start, end, step))
    if end < reservation.ends_at:
        end = times[-1] if times else start
    found = [_Question(wish, who, times, step) for wish in wishes]
    if not times or not wishes:
        return Used(start, end, step, times, tuple(one.without() for one in found))
    with measuring.asking() as asking:
        return Used(start, end, step, times, tuple(one.asked(asking) for one in found))


def step_of(length: timedelta) -> timedelta:
    """The shortest step that makes at most `MOST_POINTS` of a time."""
    for minutes in MINUTES:
        step = timedelta(minutes=minutes)
        if length <= MOST_POINTS * step:
            return step
    return DAY * -(-length // (MOST_POINTS * DAY))


def _times(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    for number in range(1, (end - start) // step + 1):
        yield start + number * step


def _wishes(reservation: Reservation) -> list[_Wish]:
    reserved: dict[str, dict[str, int]] = {}
    kinds: dict[str, tuple[Unit, Measure, str | None]] = {}
    for held in reservation.allocations:
        kind = held.resource
        if kind.measure is not None:
            reserved.setdefault(kind.name, {})[held.node.name] = held.amount
            kinds[kind.name] = kind.unit, kind.measure, kind.usage_query
    return [
        _Wish(
            name,
            *kinds[name],
            {node: reserved[name][node] for node in sorted(reserved[name], key=natural_key)},
        )
        for name in sorted(kinds, key=natural_key)
    ]


@dataclass(frozen=True, slots=True)
class _Question:
    """How much of one resource a person (username and uid) used at each of the times."""

    wish: _Wish
    who: tuple[str, int]
    times: Sequence[datetime]
    step: timedelta

    def asked(self, asking: Asking) -> ResourceUse:
        """Raises `MeasurementsAway`."""
        try:
            used = dict(self._of_query(asking) if self.wish.query else self._of_measure(asking))
        except PrometheusError as error:
            return self.without(str(error))
        return self._answer(used)

    def without(self, trouble: str | None = None) -> ResourceUse:
        """Nothing was measured."""
        return self._answer({}, trouble)

    def _answer(self, used: Mapping[str, Points], trouble: str | None = None) -> ResourceUse:
        wish = self.wish
        nodes = (
            NodeUse(node, reserved, tuple(used.get(node, {}).get(at) for at in self.times))
            for node, reserved in wish.reserved.items()
        )
        return ResourceUse(wish.resource, wish.unit, wish.measure, tuple(nodes), trouble)

    def _of_measure(self, asking: Asking) -> Iterator[tuple[str, Points]]:
        asked = usage.of_person(self.wish.measure, list(self.wish.reserved), *self.who)
        for series in self._over(asking, asked):
            yield series.labels.get(usage.NODE, ""), dict(series.values)

    def _of_query(self, asking: Asking) -> Iterator[tuple[str, Points]]:
        nodes = list(self.wish.reserved)
        for first in range(0, len(nodes), PLACES_AT_ONCE):
            part = nodes[first : first + PLACES_AT_ONCE]
            asked = usage.of_places(self.wish.query or "", [(node, *self.who) for node in part])
            for series in self._over(asking, asked):
                yield measuring.place_of(series, part), dict(series.values)

    def _over(self, asking: Asking, asked: str) -> tuple[Series, ...]:
        expression = usage.averaged(asked, self.step)
        return asking.over(expression, self.times[0], self.times[-1], self.step)

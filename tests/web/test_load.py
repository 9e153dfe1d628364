"""Steps and paths of the calendar, on smallest instances."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from remas.models import NodeState, Status, Unit
from remas.services.answers import Holder
from remas.services.requests import AllocationSpec
from remas.services.timetable import Bar, NodeRow, Timetable
from remas.web import load

MIDNIGHT = datetime(2027, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bar(begin: float, end: float, amount: int) -> Bar:
    """`amount` cpu on n from one hour of the day to another."""
    return Bar(
        id=1,
        name="a",
        owner_id=1,
        owner=Holder(1, "a", "A", "a@example.org"),
        group_id=1,
        version=1,
        starts_at=MIDNIGHT + begin * HOUR,
        ends_at=MIDNIGHT + end * HOUR,
        status=Status.SCHEDULED,
        allocations=(AllocationSpec("n", "cpu", amount),),
    )


def cell(*bars: Bar, capacity: int = 8) -> load.Cell:
    """The one cell of a node with some cpu on that day."""
    days = load.days_from(MIDNIGHT.date(), 1, ZoneInfo("UTC"), MIDNIGHT + 6 * HOUR)
    table = Timetable(
        start=days[0].start,
        end=days[0].end,
        nodes=(NodeRow(1, "n", NodeState.AVAILABLE, (("cpu", capacity),)),),
        reservations=bars,
        maintenance=(),
        free={},
        units={"cpu": Unit.NONE},
    )
    (row,) = load.rows(table, days, load.hues(["cpu"]))
    return row.cells[0]


def test_nothing_held_draws_nothing() -> None:
    assert cell().strips[0].path == ""
    assert cell().is_empty


def test_half_of_the_capacity_fills_half_of_the_strip() -> None:
    # 4 of 8 from minute 60 for 120 minutes: from the bottom (12) up to 6.
    assert cell(bar(1, 3, 4)).strips[0].path == "M60 12V6.0h120V12z"


def test_overlaps_add_up_and_touching_ones_do_not() -> None:
    assert cell(bar(1, 3, 4), bar(2, 4, 4)).strips[0].peak == 8
    assert cell(bar(1, 3, 4), bar(3, 4, 4)).strips[0].peak == 4


def test_just_full_is_not_over_and_one_more_is() -> None:
    full, over = cell(bar(1, 3, 8)), cell(bar(1, 3, 9))
    assert (full.is_full, full.is_over) == (True, False)
    assert (over.is_full, over.is_over) == (True, True)
    assert over.strips[0].over == ((60, 120),)


def test_capacity_zero_with_something_held_is_over() -> None:
    assert cell(bar(1, 3, 1), capacity=0).is_over


def test_what_reaches_over_midnight_is_cut() -> None:
    assert cell(bar(-5, 30, 8)).strips[0].path == "M0 12V0h1440V12z"


def test_what_ends_at_midnight_is_not_of_this_day() -> None:
    assert cell(bar(-5, 0, 8)).is_empty
    assert cell(bar(24, 25, 8)).is_empty


def test_days_are_as_long_as_they_are() -> None:
    zone = ZoneInfo("Europe/Prague")
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)
    assert load.days_from(spring, 1, zone, MIDNIGHT)[0].minutes == 23 * 60
    assert load.days_from(autumn, 1, zone, MIDNIGHT)[0].minutes == 25 * 60


def test_now_lies_in_today_alone() -> None:
    days = load.days_from(MIDNIGHT.date(), 2, ZoneInfo("UTC"), MIDNIGHT + 6 * HOUR)
    assert [day.now for day in days] == [360, None]
    assert [day.is_today for day in days] == [True, False]

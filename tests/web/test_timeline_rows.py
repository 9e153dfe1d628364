"""The geometry of the timeline: days as long as they are, lanes, strips."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from remas.models import NodeState, Status, Unit
from remas.services.actor import Actor
from remas.services.answers import Holder
from remas.services.catalogue import Catalogue
from remas.services.requests import AllocationSpec
from remas.services.timetable import Bar, NodeRow, Timetable
from remas.web import timeline_rows, timeline_view
from remas.web.timeline_rows import Scale, Shown, TimelineRow

START = datetime(2027, 3, 1, tzinfo=UTC)
ADA = Actor(id=1, username="ada", is_admin=False)
NOTHING = Catalogue((), ())


def bar(number: int, begin: float, end: float, cpu: int = 4, owner: int = 1) -> Bar:
    """Hours since the start."""
    return Bar(
        id=number,
        name=f"run {number}",
        owner_id=owner,
        group_id=3,
        owner=Holder(number, f"u{owner}", f"User {owner}", f"u{owner}@example.org"),
        starts_at=START + timedelta(hours=begin),
        ends_at=START + timedelta(hours=end),
        status=Status.SCHEDULED,
        version=1,
        allocations=(AllocationSpec("n1", "cpu", cpu),),
    )


def drawn(*bars: Bar, shown: Shown | None = None) -> TimelineRow:
    node = NodeRow(1, "n1", NodeState.AVAILABLE, (("cpu", 8),))
    end = START + timedelta(hours=24)
    table = Timetable(START, end, (node,), bars, (), {}, {"cpu": Unit.NONE})
    (row,) = timeline_rows.rows(table, {"cpu": 0}, shown or Shown(ADA, "/r/"))
    return row


def test_bars_that_overlap_get_lanes_and_the_first_free_lane_is_used_again() -> None:
    row = drawn(bar(1, 0, 4), bar(2, 1, 9), bar(3, 4, 6), bar(4, 5, 7))
    tops = [block.top for block in row.blocks]
    first = tops[0]
    assert tops == [first, first + 23, first, first + 46]
    assert row.height > drawn(bar(1, 0, 4)).height


def test_a_strip_is_one_outline_of_whole_numbers() -> None:
    (strip,) = drawn(bar(1, 0, 2, cpu=4), bar(2, 2, 3, cpu=4), bar(3, 5, 6, cpu=8)).strips
    assert strip.path == "M0 12V6H180V12zM300 12V0H360V12z"
    assert strip.over == ()


def test_more_than_there_is_is_full_and_told_as_one_span() -> None:
    (strip,) = drawn(bar(1, 0, 4, cpu=6), bar(2, 1, 3, cpu=6), bar(3, 2, 3, cpu=6)).strips
    assert strip.over == ((60, 180),)
    assert "V0H180" in strip.path


def test_bars_reach_beyond_the_range_and_strips_do_not() -> None:
    row = drawn(bar(1, -3, 30))
    assert (row.blocks[0].begin, row.blocks[0].end) == (-180, 1800)
    assert row.strips[0].path == "M0 12V6H1440V12z"


def test_only_the_owners_and_the_resource_asked_for_are_bars_but_all_is_load() -> None:
    both = (bar(1, 0, 2), bar(2, 3, 4, owner=2))
    assert [b.id for b in drawn(*both, shown=Shown(ADA, "/r/", {2})).blocks] == [2]
    assert drawn(*both, shown=Shown(ADA, "/r/", {2})).strips == drawn(*both).strips
    other = drawn(*both, shown=Shown(ADA, "/r/", None, "gpu"))
    assert (other.blocks, other.strips) == ((), ())


def test_who_may_move_what() -> None:
    own, others = drawn(bar(1, 0, 2), bar(2, 3, 4, owner=2)).blocks
    assert (own.handles, others.handles) == ("both", "")
    assert own.classes == "b p1 o"
    assert own.text == "run 1 · 4 cpu"
    assert others.text == "User 2 · 4 cpu"
    admin = Actor(id=9, username="root", is_admin=True)
    assert [b.handles for b in drawn(bar(1, 0, 2), shown=Shown(admin, "/r/")).blocks] == ["both"]


@pytest.mark.parametrize(
    ("zone", "first", "minutes", "long_day"),
    [
        ("Europe/Prague", date(2027, 3, 22), 7 * 1440 - 60, 1380),
        ("Europe/Prague", date(2026, 10, 19), 7 * 1440 + 60, 1500),
        ("Asia/Kathmandu", date(2027, 3, 22), 7 * 1440, 1440),
        ("Asia/Kathmandu", date(2026, 10, 19), 7 * 1440, 1440),
    ],
)
def test_weeks_are_as_long_as_they_are(zone: str, first: date, minutes: int, long_day: int) -> None:
    here = ZoneInfo(zone)
    given = {"view": "week", "from": first.isoformat()}
    view = timeline_view.read(given, first, here, NOTHING)
    days = view.days(START)
    scale = Scale(days[0].start, days[-1].end)
    assert scale.minutes == minutes
    assert days[6].minutes == long_day
    ticks = timeline_view.ticks(days, here, "week")
    for tick in ticks:
        shown = (days[0].start + timedelta(minutes=tick.at)).astimezone(here)
        assert (shown.minute, f"{shown.hour:02}") == (0, tick.text)
    # The hours of the last day, one left out or one twice.
    begin = scale.at(days[6].start)
    last = [tick.text for tick in ticks if tick.at > begin]
    assert len(last) == long_day // 60 - 1
    assert last.count("02") == {1380: 0, 1440: 1, 1500: 2}[long_day]


def test_the_address_is_read_back_as_it_was_written() -> None:
    today, zone = date(2027, 3, 1), ZoneInfo("UTC")
    given = {"view": "month", "from": "2027-02-03", "node": "n1", "group": "3", "mine": "1"}
    view = timeline_view.read(given, today, zone, NOTHING)
    assert {name: str(value) for name, value in view.arguments.items()} == given
    assert view.shifted(-1).arguments["from"] == "2027-01-03"
    assert view.but(mine=False, page=1).mine is False


@pytest.mark.parametrize(
    "given",
    [{"view": "year"}, {"from": "soon"}, {"from": "9999-12-31"}, {"group": "x"}, {"page": "-1"}],
)
def test_what_cannot_be_understood_is_left_out(given: dict[str, str]) -> None:
    today, zone = date(2027, 3, 1), ZoneInfo("UTC")
    view = timeline_view.read(given, today, zone, NOTHING)
    assert view == timeline_view.read({}, today, zone, NOTHING)


def test_names_cannot_become_markup() -> None:
    row = drawn(replace(bar(1, 0, 2), name="<script>&"))
    assert "&lt;script&gt;&amp; · 4 cpu</text>" in row.bars
    assert "<script" not in row.bars


def test_percent_is_short_and_exact_enough() -> None:
    scale = Scale(START, START + timedelta(days=14))
    assert scale.percent(1440) == "7.143%"
    assert re.fullmatch(r"0\.\d+%", scale.percent(1))
    assert scale.percent(20160) == "100%"

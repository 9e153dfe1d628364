"""Moments as people write them, in their own zone, over both changes of the clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remas.moments import parse_moment, written_moment

PRAGUE = ZoneInfo("Europe/Prague")
# A Tuesday; in Prague it is 15:20:30.
NOW = datetime(2026, 11, 24, 14, 20, 30, tzinfo=UTC)


def local(text: str, zone: ZoneInfo = PRAGUE, now: datetime = NOW, late: bool = False) -> str:
    return f"{parse_moment(text, now, zone, late=late).astimezone(zone):%Y-%m-%d %H:%M%z}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-24 15:21"),
        ("+2h", "2026-11-24 17:21"),
        ("+ 90 min", "2026-11-24 16:51"),
        ("in 1d 2h", "2026-11-25 17:21"),
        ("today 18:00", "2026-11-24 18:00"),
        ("today 9:00", "2026-11-24 09:00"),  # over, and still what is written
        ("today", "2026-11-24 00:00"),
        ("tomorrow", "2026-11-25 00:00"),
        ("Tomorrow  9:00", "2026-11-25 09:00"),
        ("tomorrow at 9:00", "2026-11-25 09:00"),
        ("tomorrow 9am", "2026-11-25 09:00"),
        ("tomorrow 12 am", "2026-11-25 00:00"),
        ("tomorrow 12:30pm", "2026-11-25 12:30"),
        ("tomorrow noon", "2026-11-25 12:00"),
        ("midnight", "2026-11-25 00:00"),
        ("17:30", "2026-11-24 17:30"),
        ("at 17.30", "2026-11-24 17:30"),
        ("15:20", "2026-11-24 15:20"),  # this very minute
        ("15:19", "2026-11-25 15:19"),
        ("9:00", "2026-11-25 09:00"),
        ("fri 14:00", "2026-11-27 14:00"),
        ("friday", "2026-11-27 00:00"),
        ("Mon 8:00", "2026-11-30 08:00"),
        ("tue 16:00", "2026-11-24 16:00"),  # today, and still ahead
        ("tue 15:00", "2026-12-01 15:00"),  # today's is over
        ("tuesday", "2026-12-01 00:00"),
        ("2026-12-01", "2026-12-01 00:00"),
        ("2026-12-01 08:05", "2026-12-01 08:05"),
        ("2026-12-01T08:05", "2026-12-01 08:05"),
        ("2026-12-01T08:05Z", "2026-12-01 09:05"),
        ("2026-12-01 08:05:00+03:00", "2026-12-01 06:05"),
        ("Tue 1 Dec, 14:00", "2026-12-01 14:00"),
        ("24 nov 16:00", "2026-11-24 16:00"),
        ("3. january 16:00", "2027-01-03 16:00"),
        ("3 feb 2028", "2028-02-03 00:00"),
    ],
)
def test_what_people_write(text: str, meant: str) -> None:
    assert local(text) == f"{meant}+0100"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "9",
        "24:00",
        "9:60",
        "13pm",
        "0am",
        "tomorrow tomorrow",
        "mo 9:00",
        "fri sat",
        "+soon",
        "+0h",
        "-2h",
        "2026-02-29",
        "2026-13-01 09:00",
        "2026-12-01T08:05:30",
        "2026-12-01T08:05:30Z",
        "2026-12-01T25:00",
        "31 nov",
        "fri 24 nov",  # it is a Tuesday
        "x 24 nov",
        "24 smarch",
        "9999-12-31T23:59-10:00",
        "0001-01-01 00:00",
        "+9999999h",
        "١٢:٠٠",
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z0-9].*\.$"):
        parse_moment(text, NOW, PRAGUE)


# Prague: clocks go from 02:00 to 03:00 on 28 March 2027, from 03:00 back to 02:00 on 31 October.


def test_a_time_that_clocks_leave_out() -> None:
    with pytest.raises(ValueError, match="Write 03:30 instead"):
        local("2027-03-28 02:30")
    assert local("2027-03-28 03:00") == "2027-03-28 03:00+0200"


def test_a_time_that_clocks_show_twice() -> None:
    assert local("2027-10-31 02:30") == "2027-10-31 02:30+0200"
    assert local("2027-10-31 02:30", late=True) == "2027-10-31 02:30+0100"
    assert local("2027-10-31T02:30+01:00") == "2027-10-31 02:30+0100"


def test_hours_from_now_are_hours_that_pass() -> None:
    before = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)  # 01:30 in Prague
    assert local("+1h", now=before) == "2027-03-28 03:30+0200"
    assert local("+24h", now=before) == "2027-03-29 02:30+0200"
    assert local("tomorrow 1:30", now=before) == "2027-03-29 01:30+0200"


def test_a_day_begins_though_midnight_is_left_out() -> None:
    # Cairo: on 24 April 2026 clocks went from 00:00 to 01:00.
    cairo = ZoneInfo("Africa/Cairo")
    assert local("2026-04-24", cairo) == "2026-04-24 01:00+0300"


def test_today_is_the_persons_day() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert local("today 12:00", ZoneInfo("UTC"), late).startswith("2026-11-24")
    assert local("today 12:00", ZoneInfo("Asia/Tokyo"), late).startswith("2026-11-25")


@given(
    st.datetimes(NOW.replace(tzinfo=None), NOW.replace(year=2040, tzinfo=None)),
    st.sampled_from(["UTC", "Europe/Prague", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_what_is_written_is_read_as_the_same(naive: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    moment = naive.replace(second=0, microsecond=0, tzinfo=UTC)
    text = written_moment(moment, NOW, zone)
    if text.count(":") == 1 and text[-1].isdigit():  # without the zone: a time that is there once
        year = "" if str(moment.astimezone(zone).year) in text else " 2026"
        day, _, at = text.rpartition(" ")
        assert parse_moment(f"{day}{year} {at}", NOW, zone) == moment


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 14, 0, tzinfo=UTC), "Tue 24 Nov 15:00"),
        (datetime(2027, 1, 3, 7, 5, tzinfo=UTC), "Sun 3 Jan 2027 08:05"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "Sun 31 Oct 2027 02:30 CEST"),
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "Sun 31 Oct 2027 02:30 CET"),
    ],
)
def test_how_moments_are_written(moment: datetime, text: str) -> None:
    assert written_moment(moment, NOW, PRAGUE) == text

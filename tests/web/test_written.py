"""What people write and read: durations, local times, offers, spans."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from remas.durations import format_duration, parse_duration
from remas.forms.fields import parse_local
from remas.forms.offer import Placed, read_offer, write_offer
from remas.models import Unit
from remas.services.requests import AllocationSpec
from remas.web import format as formats
from remas.web.paging import Pages

PRAGUE = ZoneInfo("Europe/Prague")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("4h30m", 270),
        ("4 h 30 min", 270),
        ("2d", 2880),
        ("90 min", 90),
        ("1.5h", 90),
        ("1,5 hours", 90),
        ("1 day, 2 hours", 1560),
        ("1w", 10080),
        ("4:30", 270),
        ("PT4H", 240),
        ("pt4h30m", 270),
        ("P1DT12H", 2160),
        ("P2W", 20160),
        (" 1 MINUTE ", 1),
    ],
)
def test_durations_as_people_write_them(text: str, minutes: int) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Write a duration"),
        ("4", "Write a duration"),
        ("soon", "Write a duration"),
        ("P", "Write a duration"),
        ("PT", "Write a duration"),
        ("-4h", "Write a duration"),
        ("4 fortnights", "Write a duration"),
        ("0h", "at least one minute"),
        ("0.3 min", "whole minutes"),
        ("401d", "at most 400 days"),
        ("9" * 500 + "h", "at most 400 days"),
        ("1h " * 20_000, "at most 400 days"),
    ],
)
def test_what_is_no_duration_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_duration(text)


@given(st.integers(1, 400 * 24 * 60))
def test_a_duration_read_again_is_the_same(minutes: int) -> None:
    duration = timedelta(minutes=minutes)
    assert parse_duration(format_duration(duration)) == duration


def test_local_times_are_of_the_persons_zone() -> None:
    assert parse_local("2027-01-05T09:00", PRAGUE) == datetime(2027, 1, 5, 8, tzinfo=UTC)
    assert parse_local("2027-07-05T09:00", PRAGUE) == datetime(2027, 7, 5, 7, tzinfo=UTC)


def test_a_time_that_clocks_leave_out_is_refused_with_the_next_that_exists() -> None:
    with pytest.raises(ValueError, match=r"Write 03:30 instead\."):
        parse_local("2027-03-28T02:30", PRAGUE)
    assert parse_local("2027-03-28T03:00", PRAGUE) == datetime(2027, 3, 28, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_starts_with_the_first_and_ends_with_the_second() -> None:
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert parse_local("2027-10-31T02:30", PRAGUE) == first
    assert parse_local("2027-10-31T02:30", PRAGUE, late=True) == first + timedelta(hours=1)


@pytest.mark.parametrize(
    "text", ["", "x", "2027-13-01T00:00", "2027-01-05T09:00Z", "2027-01-05T09:00:30", "0001-01-01"]
)
def test_what_is_no_local_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write|whole minutes|outside"):
        parse_local(text, PRAGUE)


def test_an_offer_read_again_is_the_same() -> None:
    specs = (AllocationSpec("n1", "cpu", 8), AllocationSpec("n1", "memory", 2**63 - 1))
    offer = Placed(datetime(2027, 1, 5, tzinfo=UTC), datetime(2027, 1, 6, tzinfo=UTC), specs)
    assert read_offer(write_offer(offer)) == offer


@pytest.fixture
def in_prague(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody in Prague looks at a page, on the last Monday of November 2026."""
    monkeypatch.setattr("remas.web.current.zone", lambda: PRAGUE)
    with (
        app.test_request_context("/"),
        time_machine.travel(datetime(2026, 11, 30, 12, tzinfo=UTC), tick=False),
    ):
        yield


@pytest.mark.usefixtures("in_prague")
def test_moments_name_the_day_and_the_year_only_where_it_is_another() -> None:
    assert formats.moment_text(datetime(2026, 12, 3, 13, tzinfo=UTC)) == "Thu 3 Dec, 14:00"
    assert formats.moment_text(datetime(2027, 1, 5, 8, tzinfo=UTC)) == "Tue 5 Jan 2027, 09:00"


@pytest.mark.usefixtures("in_prague")
def test_spans_name_the_day_once_where_it_is_the_same() -> None:
    begin = datetime(2026, 12, 3, 13, tzinfo=UTC)
    assert formats.span_text(begin, begin + timedelta(hours=4)) == "Thu 3 Dec, 14:00 – 18:00"
    over_night = formats.span_text(begin, begin + timedelta(hours=12))
    assert over_night == "Thu 3 Dec, 14:00 – Fri 4 Dec, 02:00"


@pytest.mark.usefixtures("in_prague")
def test_times_that_come_twice_say_which() -> None:
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert formats.time_text(first) == "02:30 CEST"
    assert formats.time_text(first + timedelta(hours=1)) == "02:30 CET"
    assert formats.time_text(first + timedelta(hours=2)) == "03:30"


@pytest.mark.usefixtures("in_prague")
def test_relative_times_carry_the_absolute_one() -> None:
    said = formats.ago(datetime(2026, 11, 30, 15, tzinfo=UTC))
    assert said == (
        '<time datetime="2026-11-30T15:00Z" title="Mon 30 Nov, 16:00">in 3 hours</time>'
    )
    assert ">now</time>" in formats.ago(datetime(2026, 11, 30, 12, 1, tzinfo=UTC))
    assert "2 days ago" in formats.ago(datetime(2026, 11, 28, 12, tzinfo=UTC))


def test_amounts_do_not_break_between_number_and_unit() -> None:
    assert formats.amount(64 * 2**30, Unit.BYTES_IEC) == "64\u00a0GiB"
    assert formats.amount(8) == "8"


@time_machine.travel(datetime(2026, 11, 30, 12, tzinfo=UTC), tick=False)
def test_zones_are_named_with_what_they_are_now() -> None:
    assert formats.zone_text(PRAGUE) == "Europe/Prague (CET, UTC+01:00)"
    assert formats.zone_text(ZoneInfo("Asia/Kathmandu")) == "Asia/Kathmandu (UTC+05:45)"
    assert formats.zone_text(ZoneInfo("UTC")) == "UTC"


def test_page_numbers_leave_out_what_is_far() -> None:
    assert list(Pages(1, 10, 30).iter_pages()) == [1, 2, 3]
    assert list(Pages(10, 10, 200).iter_pages()) == [1, None, 8, 9, 10, 11, 12, None, 20]
    assert Pages(1, 10, 0).pages == 1

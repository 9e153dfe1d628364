"""Moments as people write them: "tomorrow 9:00", "fri 14:00", "+2h", "2026-12-01 08:00", ISO 8601.

Local times are those of the zone that is handed in. A local time that occurs twice (clocks go back)
means its first occurrence, or its second with `late=True`; one that is left out (clocks go forward)
is an error.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from remas.clock import ceil_minute
from remas.durations import parse_duration

EXAMPLES = '"tomorrow 9:00", "fri 14:00", "17:30", "+2h" or "2026-12-01 08:00"'
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
SHORTEST = 3  # letters of a weekday or a month

_CLOCK = re.compile(r"(\d{1,2})(?:[:.]([0-5]\d))?\s*(am|pm)?")
_TIME_LAST = re.compile(
    r"(?:(?P<day>.*\S)\s+)?(?P<time>\d{1,2}[:.]\d\d(?:\s*[ap]m)?|\d{1,2}\s*[ap]m)"
)
_DAY_AND_MONTH = re.compile(r"(?:(\w+)\s+)?(\d{1,2})\.?\s+([a-z]+)(?:\s+(\d{4}))?")
_NOON = {"noon": "12:00", "midnight": "00:00"}
_ODD = "Write a time such as {}."


def parse_moment(text: str, now: datetime, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """A whole minute as aware UTC. Raises `ValueError` with a sentence that says what to write.

    A time alone, and a weekday with a time, mean the next such moment that is not over; a day alone
    means its beginning, a weekday alone the next such day after today. `+2h` is two hours from now,
    rounded up to the minute.
    """
    words = re.sub(r"[\s,]+", " ", text.strip().lower())
    try:
        found = _relative(words, now) or _iso(words) or _local(words, now, zone, late)
    except OverflowError:
        raise ValueError("This is outside all calendars.") from None
    if found is None:
        raise ValueError(_ODD.format(EXAMPLES))
    return found


def at_local(naive: datetime, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """Local time as UTC. Raises `ValueError` with a sentence where clocks leave it out.

    Raises `OverflowError` outside all calendars.
    """
    moment = naive.replace(tzinfo=zone, fold=int(late)).astimezone(UTC)
    back = moment.astimezone(zone).replace(tzinfo=None)
    if back != naive:
        raise ValueError(
            f"Clocks in {zone.key} go forward over this time, so it does not exist that day. "
            f"Write {back.strftime('%H:%M')} instead."
        )
    return moment


def written_moment(value: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Such as "Tue 24 Nov 14:00": with the year where it is another one than now, and with the
    offset where clocks show the time twice that day."""
    here = value.astimezone(zone)
    year = "" if here.year == now.astimezone(zone).year else f" {here.year}"
    return f"{here:%a} {here.day} {here:%b}{year} {written_time(value, zone)}"


def written_time(value: datetime, zone: ZoneInfo) -> str:
    """Such as "14:00"; with the zone's abbreviation where clocks show it twice that day."""
    here = value.astimezone(zone)
    twice = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
    return f"{here:%H:%M} {here:%Z}" if twice else f"{here:%H:%M}"


def _relative(text: str, now: datetime) -> datetime | None:
    if text == "now":
        return ceil_minute(now.astimezone(UTC))
    for sign in ("+", "in "):
        if text.startswith(sign):
            return ceil_minute(now.astimezone(UTC) + parse_duration(text.removeprefix(sign)))
    return None


def _iso(text: str) -> datetime | None:
    """With an offset; without one it is local."""
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    return _whole(found.astimezone(UTC))


def _whole(found: datetime) -> datetime:
    if found.second or found.microsecond:
        raise ValueError("Times are in whole minutes.")
    return found


def _local(text: str, now: datetime, zone: ZoneInfo, late: bool) -> datetime | None:
    day_text, at = _split(text)
    here = now.astimezone(zone)
    if at is None and re.fullmatch(r"\d{4}-\d\d-\d\dt.+", text):
        return at_local(_naive_iso(text), zone, late=late)
    if day_text is None:
        days = [here.date(), here.date() + timedelta(days=1)]
    else:
        days = _days(day_text, here.date())
    if not days:
        return None
    if at is None:
        return _beginning(days[-1], zone)
    floor = now.astimezone(UTC).replace(second=0, microsecond=0)
    moments = (at_local(datetime.combine(day, at), zone, late=late) for day in days)
    return next((moment for moment in moments if moment >= floor or len(days) == 1), None)


def _split(text: str) -> tuple[str | None, time | None]:
    """The day, as written, and the time; None for what is not there."""
    for word, clock in _NOON.items():
        text = re.sub(rf"\b{word}$", clock, text)
    found = _TIME_LAST.fullmatch(text.replace(" at ", " ").removeprefix("at "))
    if found is None:
        return text, None
    return found["day"], _clock(found["time"])


def _clock(text: str) -> time:
    parts = _CLOCK.fullmatch(text)
    hour, minute = (int(parts[1]), int(parts[2] or 0)) if parts else (99, 0)
    if parts and parts[3] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if parts[3] == "pm" else 0)
    elif parts and parts[3]:
        hour = 99
    if hour > 23 or minute > 59:
        raise ValueError(f"There is no such time of day: {text}.")
    return time(hour, minute)


def _naive_iso(text: str) -> datetime:
    try:
        return _whole(datetime.fromisoformat(text.upper()))
    except ValueError as error:
        if "whole" in str(error):
            raise
        raise ValueError(_ODD.format(EXAMPLES)) from None


def _days(text: str, today: date) -> list[date]:
    """The days that are meant, in order; several where the time decides. None: no day at all."""
    if text in ("today", "tomorrow"):
        return [today + timedelta(days=text == "tomorrow")]
    weekday = _index(text, WEEKDAYS)
    if weekday is not None:
        ahead = timedelta(days=(weekday - today.weekday()) % 7)
        week = timedelta(days=7)
        return [today, today + week] if not ahead else [today + ahead]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return [_date(*map(int, text.split("-")))]
    found = _DAY_AND_MONTH.fullmatch(text)
    return _named_day(found, today) if found else []


def _named_day(found: re.Match[str], today: date) -> list[date]:
    month = _index(found[3], MONTHS)
    if month is None:
        return []
    year = int(found[4]) if found[4] else today.year
    day = _date(year, month + 1, int(found[2]))
    if not found[4] and day < today:
        day = _date(year + 1, month + 1, int(found[2]))
    if found[1] is None:
        return [day]
    weekday = _index(found[1], WEEKDAYS)
    if weekday is None:
        return []
    if weekday != day.weekday():
        raise ValueError(f"{day:%d %B %Y} is a {WEEKDAYS[day.weekday()].capitalize()}.")
    return [day]


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("There is no such day.") from None


def _index(word: str, names: tuple[str, ...]) -> int | None:
    """Which of the names begins like this."""
    if len(word) < SHORTEST:
        return None
    return next((i for i, name in enumerate(names) if name.startswith(word)), None)


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day; where clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)

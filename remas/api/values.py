"""Kinds of values in requests: moments, durations, amounts; each refuses what it cannot mean."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from remas.models import MAX_AMOUNT

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
EARLIEST_YEAR, LATEST_YEAR = 1970, 2200  # beyond them nobody means it, and sums overflow
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(days=3660)  # ten years, the farthest horizon that can be set


def moment(value: Any) -> datetime:
    """An RFC 3339 time with an offset, as aware UTC. Raises `ValueError`."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("Give a time with its offset, such as 2026-12-01T08:00:00Z.")
    try:
        # Python takes at most microseconds.
        text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
        parsed = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such day or time.") from None
    if not EARLIEST_YEAR <= parsed.year < LATEST_YEAR:
        raise ValueError(f"Give a year from {EARLIEST_YEAR} to {LATEST_YEAR - 1}.")
    return parsed


def whole_minute(value: Any) -> datetime:
    """As `moment`, in whole minutes. Raises `ValueError`."""
    parsed = moment(value)
    if parsed.second or parsed.microsecond:
        raise ValueError("Give a whole minute: no seconds.")
    return parsed


def duration(value: Any) -> timedelta:
    """An ISO 8601 duration of whole minutes, at least one. Raises `ValueError`."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    parts = {name: int(part) for name, part in found.groupdict().items() if part} if found else {}
    if not parts:
        raise ValueError("Give an ISO 8601 duration, such as PT4H or P1DT12H.")
    length = timedelta(**parts)
    if length < MINUTE or length % MINUTE:
        raise ValueError("A duration is a whole number of minutes, at least one.")
    if length > LONGEST:
        raise ValueError(f"A duration is at most {LONGEST.days} days.")
    return length


Moment = Annotated[datetime, BeforeValidator(moment)]
WholeMinute = Annotated[
    datetime, BeforeValidator(whole_minute), Field(examples=["2026-12-01T08:00:00Z"])
]
Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["PT4H", "P1DT12H"]}),
]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT, strict=True)]
PositiveAmount = Annotated[int, Field(ge=1, le=MAX_AMOUNT, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
"""Trimmed, and checked further, by the services."""

"""Durations as people write them: "4h30m", "2 days", "90 min", ISO 8601 "PT4H"."""

import re
from datetime import timedelta
from fractions import Fraction

LONGEST = timedelta(days=400)
EXAMPLES = '"4h", "90 min", "2d 12h" or "PT4H"'

_UNITS = {
    name: minutes
    for minutes, names in (
        (1, ("m", "min", "mins", "minute", "minutes")),
        (60, ("h", "hr", "hrs", "hour", "hours")),
        (60 * 24, ("d", "day", "days")),
        (60 * 24 * 7, ("w", "week", "weeks")),
    )
    for name in names
}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)")
_WRITTEN = re.compile(rf"(?:{_PART.pattern}[\s,]*)+")
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?)?", re.IGNORECASE)


def parse_duration(text: str) -> timedelta:
    """Whole minutes, at least one. Raises `ValueError` with a sentence that says what to write."""
    text = text.strip().lower()
    minutes = _minutes(text)
    if minutes is None:
        raise ValueError(f"Write a duration such as {EXAMPLES}.")
    if minutes.denominator != 1:
        raise ValueError("Durations are in whole minutes.")
    if minutes < 1:
        raise ValueError("A duration is at least one minute.")
    if minutes > LONGEST // timedelta(minutes=1):
        raise ValueError(f"A duration is at most {LONGEST.days} days.")
    return timedelta(minutes=int(minutes))


def _minutes(text: str) -> Fraction | None:
    if iso := _ISO.fullmatch(text):
        counts = [int(count or 0) for count in iso.groups()]
        steps = (60 * 24 * 7, 60 * 24, 60, 1)
        found = any(iso.groups())
        return Fraction(sum(c * s for c, s in zip(counts, steps, strict=True))) if found else None
    if hours := _CLOCK.fullmatch(text):
        return Fraction(int(hours[1]) * 60 + int(hours[2]))
    if not _WRITTEN.fullmatch(text):
        return None
    parts = _PART.findall(text)
    if any(unit not in _UNITS for _, unit in parts):
        return None
    return sum((Fraction(n.replace(",", ".")) * _UNITS[unit] for n, unit in parts), Fraction(0))


def format_duration(duration: timedelta) -> str:
    """Such as "2 d 4 h" or "1 h 30 min"; parsing it gives the same whole minutes again."""
    minutes = duration // timedelta(minutes=1)
    days, hours, rest = minutes // (24 * 60), minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n]
    return " ".join(parts) or "0 min"

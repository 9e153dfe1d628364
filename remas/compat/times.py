"""Local times without a zone, as the wire has them, in REMAS_TIMEZONE; moments everywhere else.

Around changes of the clocks, always in the same way: of a time that occurs twice a start means the
first and an end the second; a time that is left out means as much later as the clocks go forward.
A time that comes back as it was shown means the moment it was shown for. Seconds are taken, and
rounded outwards to the minute: never less is held than was asked.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

from remas import clock
from remas.services.context import settings

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200  # beyond them nobody means it, and sums overflow


def start_of(given: datetime, known: datetime | None = None) -> datetime:
    """The moment, a whole minute, that a start means; `known`: what was shown before."""
    moment = _moment(given, known, second=False)
    return moment.replace(second=0, microsecond=0)


def end_of(given: datetime, known: datetime | None = None) -> datetime:
    """The moment, a whole minute, that an end means; `known`: what was shown before."""
    return clock.ceil_minute(_moment(given, known, second=True))


def local(moment: datetime) -> datetime:
    """As clocks show it in REMAS_TIMEZONE, without a zone."""
    return moment.astimezone(settings().timezone).replace(tzinfo=None)


def _moment(given: datetime, known: datetime | None, *, second: bool) -> datetime:
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    if known is not None and local(known) == given:
        return known
    first, last = (
        given.replace(tzinfo=settings().timezone, fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    # Of a time that is left out the later reading comes first: it counts from before the change.
    return last if second and last > first else first


def _in_calendar(value: datetime) -> datetime:
    if not EARLIEST_YEAR <= value.year < LATEST_YEAR:
        raise ValueError(f"Give a year from {EARLIEST_YEAR} to {LATEST_YEAR - 1}.")
    return value


def _text(moment: datetime) -> str:
    return local(moment).isoformat()


Given = Annotated[datetime, AfterValidator(_in_calendar)]
"""A time as it was sent: with an offset, or naive and then local."""
Told = Annotated[datetime, PlainSerializer(_text, return_type=str)]
"""A moment, told as a local time."""

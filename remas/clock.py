"""The one place where the time of day is read; tests move it."""

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)


def now() -> datetime:
    """The present moment, aware UTC."""
    return datetime.now(UTC)


def ceil_minute(moment: datetime) -> datetime:
    """The first whole minute that is not before `moment`."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + MINUTE

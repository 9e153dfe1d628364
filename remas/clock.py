"""The one place where the time of day is read; tests move it."""

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)


def now() -> datetime:
    """The present moment, aware UTC."""
    return datetime.now(UTC)


def written(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ceil_minute(moment: datetime) -> datetime:
    """The first whole minute that is not before `moment`."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + MINUTE

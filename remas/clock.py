"""The one place where the time of day is read; tests move it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

MINUTE = timedelta(minutes=1)


class _Moved:
    """The file whose seconds are added, where tests move the clock of real processes."""

    by: Path | None = None


def follow(file: Path | None) -> None:
    """From now on add the seconds that stand in this file; None: go right.

    Only remas/rehearsal.py calls this, which sees to it that nobody else can.
    """
    _Moved.by = file


def now() -> datetime:
    """The present moment, aware UTC."""
    if _Moved.by is None:
        return datetime.now(UTC)
    return datetime.now(UTC) + timedelta(seconds=float(_Moved.by.read_text() or 0))


def written(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ceil_minute(moment: datetime) -> datetime:
    """The first whole minute that is not before `moment`."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + MINUTE

"""A fixed noon, for tests in which it matters what time it is."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def hours(number: float) -> datetime:
    """So many hours after noon."""
    return NOW + timedelta(hours=number)

"""How long a page waits for an answer that is asked for while somebody types."""

from remas.services.context import settings

PATIENCE = 10.0  # seconds that an answer may take beside the search, before the page gives up


def answer_within() -> int:
    """In milliseconds."""
    return round(1000 * (settings().solver_seconds + PATIENCE))

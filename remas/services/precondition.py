"""What somebody saw before asking for a change, compared under the lock of the change."""

from collections.abc import Callable
from typing import Any

Seen = Callable[[Any], None]
"""Gets what is about to be changed; raises `Stale` when this is not what the person saw."""


def anything(row: Any) -> None:
    """For callers that did not say what they saw: whatever is there may be overwritten."""

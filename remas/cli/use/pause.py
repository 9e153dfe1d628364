"""The one place where commands for people sleep; tests replace it."""

import time


def seconds(length: float) -> None:
    """Do nothing for so long; signals end it by their exceptions."""
    time.sleep(length)

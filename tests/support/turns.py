"""Whose turn it is: tests that look at the time run alone, also where tests run side by side."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_VARIABLE = "REMAS_TEST_TURNS"  # the folder of the locks; processes of one run inherit it


def prepare(config: pytest.Config) -> None:
    """Make the folder, in the process that starts the others."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="remas-test-")
        config.add_cleanup(folder.cleanup)
        os.environ[_VARIABLE] = folder.name


@contextmanager
def turn(alone: bool) -> Iterator[None]:
    """Wait until a test may run, and keep the others to that: `alone` beside none."""
    folder = Path(os.environ[_VARIABLE])
    with (folder / "gate").open("wb") as gate, (folder / "room").open("wb") as room:
        # Whoever waits to be alone stands in the gate, so that it gets empty inside.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)  # not by closing: a child may have it open, too

"""What only tests may set: another time of day, and a process that stops at a step to be killed.

Read from variables that count only together with REMAS_TESTING=1: without it they stop the start.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from remas import clock
from remas.environment import Reader, SettingError

_STEP_SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class RehearsalSettings:
    """`clock`: a file with the seconds to add to the time of day. `pause`: see `reached`."""

    clock: Path | None = None
    pause: str = ""

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Read the variables. Raises SettingError where they are set without REMAS_TESTING."""
        testing = read.flag("REMAS_TESTING", False)
        values = {name: read.text(name) for name in ("REMAS_TEST_CLOCK", "REMAS_TEST_PAUSE")}
        for name, value in values.items():
            if value and not testing:
                raise SettingError(f"{name} is for tests alone: unset it, or set REMAS_TESTING.")
        moved, pause = values["REMAS_TEST_CLOCK"], values["REMAS_TEST_PAUSE"]
        if pause and _STEP_SEPARATOR not in pause:
            raise SettingError("REMAS_TEST_PAUSE must name a step and a file: STEP:FILE.")
        return cls(Path(moved) if moved else None, pause)


class _Stage:
    """At which step this process is to stop, if at any."""

    step: str = ""
    file: Path | None = None


def prepare(settings: RehearsalSettings) -> None:
    """Move this process's clock and note where it is to stop, as the settings say."""
    clock.follow(settings.clock)
    step, _, file = settings.pause.partition(_STEP_SEPARATOR)
    _Stage.step, _Stage.file = step, Path(file) if file else None


def reached(step: str) -> None:
    """Say that a step is reached. The first process that is to stop here stops, until it is killed.

    Its number then stands in the file of the setting; where the file is there already, nobody
    stops.
    """
    if _Stage.file is None or step != _Stage.step:
        return
    try:
        with _Stage.file.open("x") as note:
            note.write(str(os.getpid()))
    except FileExistsError:
        return
    while True:
        time.sleep(1)

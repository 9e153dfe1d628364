"""Real tickers, workers, Redis and mail server on a clock that can be moved, and their killers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from flask import Flask
from sqlalchemy import func, insert, select

from remas import clock
from remas.extensions import db
from remas.models import NotificationType, Outbox, Reservation
from remas.models.outbox import OPEN
from remas.services import locks, outbox, reminders
from remas.services.transaction import writing
from tests.support.factories import make_notification, make_user
from tests.support.mail_server import MailServer
from tests.support.processes import running

REMAS = str(Path(sys.executable).with_name("remas"))
PEOPLE = 20
MINUTES = 10  # over which the reminders fall due
BEFORE = timedelta(minutes=10)
LEASE = outbox.CARRIED + timedelta(seconds=20)
QUIET = (
    4  # seconds in which nothing happens, before the clock is moved on; a slow machine needs them
)
PATIENCE = 270  # seconds without anything happening, for a machine that is busy with other things


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `doubled` counts messages beyond the first of each letter."""

    reminders: int
    kills: int
    sent: int
    lost: int
    doubled: int


@dataclass
class Process:
    """A ticker or a worker."""

    popen: subprocess.Popen[bytes]
    log: Path


@dataclass
class World:
    """`app` is on the database of the processes, and on their clock; its context is pushed."""

    app: Flask
    environ: Mapping[str, str]
    folder: Path
    mail: MailServer
    redis_url: str
    kills: int = 0
    planned: int = 0
    processes: list[Process] = field(default_factory=list)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def clock_file(self) -> Path:
        """Where the processes read how far the clock is moved."""
        return Path(self.environ["REMAS_TEST_CLOCK"])

    def advance(self, by: timedelta) -> None:
        """Move the clock, for everybody at once."""
        moved = float(self.clock_file.read_text()) + by.total_seconds()
        draft = self.clock_file.with_suffix(".new")
        draft.write_text(str(moved))
        draft.replace(self.clock_file)

    def plan(self, number: int) -> None:
        """So many reservations, each with a reminder, due within MINUTES from BEFORE on."""
        people = [make_user() for _ in range(PEOPLE)]
        make_notification(
            type=NotificationType.TASK_START, users=people, time_offset=int(BEFORE.total_seconds())
        )
        start = clock.ceil_minute(clock.now() + 2 * BEFORE)
        with writing() as session:
            locks.lock(session, users=[person.id for person in people])
            rows = [
                {
                    "name": f"job {i}",
                    "owner_id": people[i % PEOPLE].id,
                    "starts_at": start + timedelta(minutes=i % MINUTES),
                    "ends_at": start + timedelta(days=2),
                    "created_at": start,
                    "updated_at": start,
                }
                for i in range(number)
            ]
            session.execute(insert(Reservation), rows)
            reminders.replan(session, [person.id for person in people])
        self.planned = number

    def start(self, command: str, pause: str = "", nth: int = 1) -> Process:
        """Start `remas ticker` or `remas worker`.

        Of those with the same `pause` and `nth`, the first that comes to this step stops there,
        and `kill_who_paused` kills it.
        """
        log = self.folder / f"{command}-{len(self.processes)}.log"
        environ = {"PATH": os.environ["PATH"], **self.environ}
        if pause:
            environ["REMAS_TEST_PAUSE"] = f"{pause}:{self.folder / f'paused-{pause}-{nth}'}"
        popen = self._stack.enter_context(
            running([REMAS, command], log, stop=signal.SIGKILL, env=environ)
        )
        process = Process(popen, log)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """At once, whatever it does."""
        process.popen.kill()
        process.popen.wait()
        self.kills += 1

    def kill_who_paused(self) -> bool:
        """Kill those that have stopped at their step; whether there were any."""
        numbers = {note.read_text() for note in self.folder.glob("paused-*")}
        paused = [
            process
            for process in self.processes
            if str(process.popen.pid) in numbers and process.popen.poll() is None
        ]
        for process in paused:
            self.kill(process)
        return bool(paused)

    def watch(self, seconds: float) -> None:
        """Let the processes work for so long, and kill those that stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.kill_who_paused()
            time.sleep(0.05)

    def flush_redis(self) -> None:
        """All that Redis knows is gone."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushdb()

    def left(self) -> int:
        """How many letters are still to be carried."""
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(Outbox).where(*OPEN)) or 0

    def finish(self, meanwhile: Callable[[], object] = lambda: None) -> Outcome:
        """Let time pass until nothing is left; leases and waits run out whenever it is quiet."""
        deadline = time.monotonic() + PATIENCE
        changed, before = time.monotonic(), (-1, -1)
        while left := self.left():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} letters are still to be carried:\n{self.logs()}")
            meanwhile()
            killed = self.kill_who_paused()
            now = left, len(self.mail.received)
            if killed or now != before:
                changed, before = time.monotonic(), now
                deadline = changed + PATIENCE
            elif time.monotonic() - changed > QUIET:
                self.advance(LEASE)
                changed = time.monotonic()
            time.sleep(0.1)
        return self.outcome()

    def outcome(self) -> Outcome:
        """Who got what: by the messages that the mail server has taken."""
        came = self.mail.ids()
        doubled = sum(came.values()) - len(came)
        return Outcome(self.planned, self.kills, len(came), self.planned - len(came), doubled)

    def logs(self) -> str:
        """What the processes said, for a test that fails."""
        return "\n".join(
            f"--- {process.log.name}\n{process.log.read_text()[-2000:]}"
            for process in self.processes
        )


def environ_of(
    environ: Mapping[str, str], folder: Path, mail: MailServer, redis_url: str
) -> dict[str, str]:
    """The settings of the processes: as `environ`, on a clock that can be moved."""
    clock_file = folder / "clock"
    clock_file.write_text("0")
    return {
        **environ,
        **mail.environ,
        "REDIS_URL": redis_url,
        "REMAS_TESTING": "1",
        "REMAS_TEST_CLOCK": str(clock_file),
        "REMAS_REMINDER_CUTOFF_MINUTES": "600",
        "TASK_SCHEDULER_PRECISION_SECONDS": "5",
    }


@contextlib.contextmanager
def moved_clock() -> Iterator[None]:
    """Put the clock of this process right again afterwards."""
    try:
        yield
    finally:
        clock.follow(None)

"""Many clients at once, each with a connection of its own; run as a program of its own.

Reads one JSON object from standard input: `environ`, `jobs` (what each client does), `how`
(`threads` or `processes`), `locked` (false: the negative control) and `pause` (seconds between a
decision and its writing, so that a race would show). A job may begin `after` seconds later. Prints
how each job ended, as JSON.
"""

import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import event

from remas import create_app
from remas.config import Settings
from remas.errors import DomainError, NoRoom
from remas.extensions import db
from remas.services import booking, locks, maintenance, nodes, transaction
from remas.services.actor import SYSTEM, Actor
from remas.services.requests import AllocationSpec, BookingRequest

Job = dict[str, Any]


def book(job: Job) -> None:
    specs = tuple(AllocationSpec(*spec) for spec in job["specs"])
    start, end = (datetime.fromisoformat(job[name]) for name in ("start", "end"))
    actor = Actor(id=job["user"], username="racer", is_admin=False)
    booking.create(actor, BookingRequest("race", start, end, specs))


def lower(job: Job) -> None:
    nodes.set_capacity(SYSTEM, job["node"], job["resource"], job["amount"])


def close(job: Job) -> None:
    start, end = (datetime.fromisoformat(job[name]) for name in ("start", "end"))
    maintenance.create(SYSTEM, maintenance.MaintenanceNew(job["node"], start, end, "race"))


ACTIONS: dict[str, Callable[[Job], None]] = {"book": book, "lower": lower, "close": close}


def outcome(app: Flask, job: Job) -> str:
    """How one client's job ended: done, the slug of what was refused, or the bug."""
    try:
        with app.app_context():
            time.sleep(job.get("after", 0))
            ACTIONS[job["do"]](job)
    except (DomainError, NoRoom) as refused:
        return refused.slug
    except Exception as bug:
        return f"BUG {type(bug).__name__}: {bug}"
    return "done"


def prepare(app: Flask, *, locked: bool, pause: float) -> None:
    """Wait before writing; without locks, take none and let each statement stand alone."""
    allocate = booking._allocate

    def slowly(*args: Any) -> None:
        time.sleep(pause)
        allocate(*args)

    booking._allocate = slowly
    if locked:
        return
    locks.lock = lambda *args, **more: None
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.remove(db.engine, "begin", transaction.begin_sqlite)


def by_threads(app: Flask, jobs: list[Job]) -> list[str]:
    barrier = threading.Barrier(len(jobs))
    results = [""] * len(jobs)

    def client(number: int) -> None:
        barrier.wait()
        results[number] = outcome(app, jobs[number])

    threads = [threading.Thread(target=client, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def by_processes(app: Flask, jobs: list[Job]) -> list[str]:
    fork = multiprocessing.get_context("fork")
    barrier, queue = fork.Barrier(len(jobs)), fork.Queue()

    def client(number: int) -> None:
        barrier.wait()
        queue.put((number, outcome(app, jobs[number])))

    processes = [fork.Process(target=client, args=(i,)) for i in range(len(jobs))]
    for process in processes:
        process.start()
    results = dict(queue.get(timeout=60) for _ in jobs)
    for process in processes:
        process.join()
    return [results[i] for i in range(len(jobs))]


def main() -> None:
    wanted = json.load(sys.stdin)
    app = create_app(Settings.load({**os.environ, **wanted["environ"]}))
    prepare(app, locked=wanted["locked"], pause=wanted["pause"])
    run = by_threads if wanted["how"] == "threads" else by_processes
    with app.app_context():
        db.engine.dispose()
    json.dump(run(app, wanted["jobs"]), sys.stdout)


if __name__ == "__main__":
    main()

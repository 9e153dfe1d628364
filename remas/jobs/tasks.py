"""What a worker does with a job from the queue."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from flask import current_app

from remas.config import Settings
from remas.extensions import db
from remas.jobs.election import GRAFANA, election_for
from remas.services import delivery, monitoring

LONGEST_RUN = timedelta(hours=1)  # at Grafana; what is left over is for the next run

_ending = threading.Event()


def end_early() -> None:
    """This process is to end: what takes long is left to another one."""
    _ending.set()


def _goes_on() -> bool:
    return not _ending.is_set()


def deliver(outbox_id: int) -> None:
    """Carry a letter, with a database session of its own."""
    with current_app.app_context():
        delivery.carry(outbox_id)


def follow_grafana(goes_on: Callable[[], bool] = _goes_on) -> None:
    """Make good what is due in Grafana, with a database session of one's own.

    Where somebody else is at it, nothing happens; where the election is lost, or after
    LONGEST_RUN, it ends early.
    """
    until = time.monotonic() + LONGEST_RUN.total_seconds()

    def still() -> bool:
        return time.monotonic() < until and goes_on()

    with current_app.app_context():
        settings: Settings = current_app.config["REMAS"]
        election = election_for(settings, db.engine, GRAFANA)
        try:
            if election.holds():
                monitoring.catch_up(settings, lambda: still() and election.holds())
        finally:
            election.resign()

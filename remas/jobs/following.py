"""Who makes Grafana good: a worker, through RQ; or a thread beside the ticker.

Either way the ticker only starts it: letters never wait for Grafana.
"""

import math
import threading
import time
from datetime import timedelta
from typing import Protocol

import redis
from flask import Flask, current_app

from remas.config import Settings
from remas.extensions import db
from remas.jobs import tasks
from remas.jobs.carriers import FAILED_KEPT, GRAFANA_QUEUE, PATIENCE, queue_of
from remas.jobs.election import GRAFANA, is_held

JOB = "grafana"  # the id of the one job
JOB_TIME = tasks.LONGEST_RUN + timedelta(minutes=5)  # it ends by itself before RQ ends it
GRACE_SECONDS = 5  # for the person being looked at
WITHOUT_REDIS = 60  # seconds for which Redis is not asked again once it did not answer


class Follower(Protocol):
    def start(self) -> None:
        """Have made good what is due, unless somebody is at it already. Does not wait for it."""

    def stop(self) -> None:
        """End after the person who is being looked at."""


class ByThread:
    """A thread of this process, for as long as there is something to do; never two."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Let the thread begin, unless it is at work."""
        if self._stopped.is_set() or (self._thread and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name=JOB, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait for it for GRACE_SECONDS; then it ends with the process, whatever it does."""
        self._stopped.set()
        if self._thread:
            self._thread.join(GRACE_SECONDS)

    def _run(self) -> None:
        with self._app.app_context():
            try:
                tasks.follow_grafana(lambda: not self._stopped.is_set())
            except Exception:
                current_app.logger.exception("Grafana could not be made good")


class ByWorker:
    """Through RQ, in a queue of its own. Where Redis does not answer, by a thread.

    One that answers nothing at all takes its time for that, while the ticker has letters to carry:
    so it is not asked again at once.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._settings = settings
        self._queue = queue_of(settings.redis_url, PATIENCE, GRAFANA_QUEUE)
        self._instead = ByThread(app)
        self._silent_until = -math.inf  # of time.monotonic()

    def start(self) -> None:
        """Enqueue the job, unless it is in the queue, or somebody is at it.

        Of that the database tells, not Redis: whoever is at it holds the election, and no longer
        than the process lives.
        """
        if time.monotonic() < self._silent_until:
            self._instead.start()
            return
        try:
            if JOB not in self._queue.get_job_ids() and not self._is_at_work():
                self._enqueue()
        except redis.RedisError as error:
            current_app.logger.warning("Redis does not answer (%s): no workers", error)
            self._silent_until = time.monotonic() + WITHOUT_REDIS
            self._instead.start()

    def stop(self) -> None:
        """End what stands in for the workers."""
        self._instead.stop()

    def _is_at_work(self) -> bool:
        return is_held(self._settings, db.engine, GRAFANA)

    def _enqueue(self) -> None:
        self._queue.enqueue(
            tasks.follow_grafana,
            job_id=JOB,
            job_timeout=int(JOB_TIME.total_seconds()),
            result_ttl=0,
            failure_ttl=int(FAILED_KEPT.total_seconds()),
        )


def follower_for(app: Flask, settings: Settings) -> Follower | None:
    """By a worker where there is a Redis; None: there is no Grafana."""
    if not settings.grafana_url:
        return None
    return ByWorker(app, settings) if settings.redis_url else ByThread(app)

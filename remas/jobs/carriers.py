"""Who carries what is due: workers, through RQ; or the ticker itself, one after the other."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import redis
from flask import current_app
from rq import Queue

from remas.config import Settings
from remas.jobs import tasks

LETTERS_QUEUE, GRAFANA_QUEUE = "remas", "remas-grafana"
JOB_SECONDS = 150  # less than a row is claimed for (services/outbox.py)
FAILED_KEPT = timedelta(days=1)
PATIENCE = 5  # seconds for Redis to answer

Wanted = Callable[[], bool]


class Carrier(Protocol):
    def carry(self, ids: Sequence[int], goes_on: Wanted) -> None:
        """See to it that these rows are carried. May stop between two when `goes_on` says no."""


class ByOneself:
    """In this process. A row that fails in an unforeseen way keeps no other."""

    def carry(self, ids: Sequence[int], goes_on: Wanted) -> None:
        """Carry them now."""
        for outbox_id in ids:
            if not goes_on():
                return
            try:
                tasks.deliver(outbox_id)
            except Exception:
                current_app.logger.exception("letter %s was not carried", outbox_id)


class ByWorkers:
    """Through RQ. Where Redis does not answer, by oneself: letters do not wait for it."""

    def __init__(self, url: str) -> None:
        self._queue = queue_of(url, PATIENCE)
        self._instead = ByOneself()

    def carry(self, ids: Sequence[int], goes_on: Wanted) -> None:
        """Enqueue those that the queue does not have."""
        try:
            waiting = set(self._queue.get_job_ids())
            for outbox_id in ids:
                if (job_id := f"outbox-{outbox_id}") not in waiting:
                    self._enqueue(outbox_id, job_id)
        except redis.RedisError as error:
            current_app.logger.warning("Redis does not answer (%s): no workers", error)
            self._instead.carry(ids, goes_on)

    def _enqueue(self, outbox_id: int, job_id: str) -> None:
        self._queue.enqueue(
            tasks.deliver,
            outbox_id,
            job_id=job_id,
            job_timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=int(FAILED_KEPT.total_seconds()),
        )


def queue_of(url: str, patience: float | None = None, name: str = LETTERS_QUEUE) -> Queue:
    """A queue in this Redis; `patience` in seconds, None where RQ waits for jobs itself."""
    connection = redis.Redis.from_url(url, socket_timeout=patience, socket_connect_timeout=PATIENCE)
    return Queue(name, connection=connection)


def carrier_for(settings: Settings) -> Carrier:
    """By workers where there is a Redis."""
    return ByWorkers(settings.redis_url) if settings.redis_url else ByOneself()

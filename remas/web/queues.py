"""How long the queues are, of letters and of jobs, read when Prometheus asks."""

from collections.abc import Iterator

import redis
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from sqlalchemy.exc import SQLAlchemyError

from remas import clock
from remas.extensions import db
from remas.services import heartbeats, outbox

PATIENCE = 1  # seconds; a scrape has to end in time


class OutboxCollector(Collector):
    """Letters by state, how late they are, and the ticker's last sign of life.

    Nothing where the database does not answer: /readyz tells that.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as of now."""
        try:
            counts, oldest = outbox.counts(), outbox.oldest_due()
            seen = heartbeats.last(heartbeats.TICKER)
        except SQLAlchemyError:
            db.session.remove()
            return
        letters = GaugeMetricFamily("remas_outbox_letters", "Letters, by state.", labels=["state"])
        for state, count in counts.items():
            letters.add_metric([state], count)
        yield letters
        late = (clock.now() - oldest).total_seconds() if oldest else 0
        yield GaugeMetricFamily(
            "remas_outbox_oldest_due_seconds",
            "How late the oldest letter is that is not out.",
            late,
        )
        if seen:
            yield GaugeMetricFamily(
                "remas_ticker_last_seen_timestamp_seconds",
                "When the ticker was last at work.",
                seen.timestamp(),
            )


class QueueCollector(Collector):
    """Depths of all RQ queues; where Redis does not answer only that is told."""

    def __init__(self, url: str) -> None:
        self._url = url

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as of now."""
        answers = GaugeMetricFamily("remas_redis_up", "Whether Redis answers.")
        depth = GaugeMetricFamily(
            "remas_queue_jobs", "Jobs of a queue, by where they stand.", labels=["queue", "state"]
        )
        client = redis.Redis.from_url(
            self._url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        try:
            for queue in Queue.all(connection=client):
                started = StartedJobRegistry(queue=queue).get_job_count(cleanup=False)
                failed = FailedJobRegistry(queue=queue).get_job_count(cleanup=False)
                for state, count in (
                    ("queued", queue.count),
                    ("started", started),
                    ("failed", failed),
                ):
                    depth.add_metric([queue.name, state], count)
            answers.add_metric([], int(bool(client.ping())))
        except redis.RedisError:
            answers.add_metric([], 0)
        finally:
            client.close()
        yield answers
        yield depth

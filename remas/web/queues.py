"""How long the queues are, of letters, of jobs and for Grafana, read when Prometheus asks."""

from collections.abc import Iterator

import redis
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from sqlalchemy.exc import SQLAlchemyError

from remas import clock
from remas.extensions import db
from remas.services import heartbeats, monitoring_standing, outbox

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


class GrafanaCollector(Collector):
    """How far Grafana is behind; nothing where it is not used, or the database does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as of now."""
        try:
            found = monitoring_standing.numbers()
        except SQLAlchemyError:
            db.session.remove()
            return
        if found is None:
            return
        behind = (clock.now() - found.since).total_seconds() if found.since else 0
        for name, text, value in (
            ("waiting_people", "For how many people something may be different.", found.people),
            ("behind_seconds", "How long the first of them has been waiting.", behind),
            ("failures", "How often in a row Grafana as a whole failed.", found.failures),
            ("refused_people", "For how many people Grafana does not take it.", found.refused),
        ):
            yield GaugeMetricFamily(f"remas_grafana_{name}", text, value)
        if found.passed_at:
            yield GaugeMetricFamily(
                "remas_grafana_last_pass_timestamp_seconds",
                "When everybody was last looked at.",
                found.passed_at.timestamp(),
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

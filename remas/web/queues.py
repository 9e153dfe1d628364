"""How long the queues of jobs are, read from Redis when Prometheus asks."""

from collections.abc import Iterator

import redis
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry

PATIENCE = 1  # seconds; a scrape has to end in time


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

"""A worker: carries what the queues give it. Any number of them, on any machine."""

from collections.abc import Mapping

from flask import Flask
from rq import Queue, SimpleWorker

from remas.config import Settings
from remas.jobs import tasks
from remas.jobs.carriers import GRAFANA_QUEUE, LETTERS_QUEUE, queue_of

QUEUES: Mapping[str, str] = {"letters": LETTERS_QUEUE, "grafana": GRAFANA_QUEUE}
"""What a worker may be kept to, in the order in which it is carried."""


class _Worker(SimpleWorker):
    """Works in this process, without a fork for each job: a job keeps nothing, and a connection
    to the database can stay."""

    def handle_warm_shutdown_request(self) -> None:
        """Told to end: no job takes long from now on."""
        tasks.end_early()
        super().handle_warm_shutdown_request()


def work(app: Flask, settings: Settings, only: str | None = None) -> None:
    """Carry what comes until the process is told to end; then after the letter, or the person in
    Grafana, that is under way.

    `only`: one of `QUEUES`; None: all, letters first.
    """
    connection = queue_of(settings.redis_url).connection
    names = [QUEUES[only]] if only else QUEUES.values()
    queues = [Queue(name, connection=connection) for name in names]
    with app.app_context():
        _Worker(queues, connection=connection).work(logging_level="WARNING")

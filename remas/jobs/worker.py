"""A worker: carries what the queue gives it. Any number of them, on any machine."""

from flask import Flask
from rq import SimpleWorker

from remas.config import Settings
from remas.jobs.carriers import queue_of


def work(app: Flask, settings: Settings) -> None:
    """Carry letters until the process is told to end; then after the one under way.

    In this process, without a fork for each: a job keeps nothing, and a connection to the database
    can stay.
    """
    queue = queue_of(settings.redis_url)
    with app.app_context():
        SimpleWorker([queue], connection=queue.connection).work(logging_level="WARNING")

"""Commands that do what runs by itself: ticker, worker."""

import os
import signal
from types import FrameType

import click

from remas import create_app
from remas.config import Settings
from remas.environment import SettingError
from remas.jobs import worker
from remas.jobs.ticker import Ticker


@click.command("ticker")
def ticker_command() -> None:
    """Find letters that are due and have them carried, until it is stopped.

    Start as many as you like: one works, the others wait to take its place. Without REDIS_URL it
    carries the letters itself; then the server does so as well, and this is not needed.
    """
    settings = Settings.load(os.environ)
    ticker = Ticker(create_app(settings), settings)

    def end(_number: int, _frame: FrameType | None) -> None:
        ticker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    click.echo("The ticker runs (Ctrl-C stops it).")
    ticker.run()


@click.command("worker")
def worker_command() -> None:
    """Carry letters that the ticker has put into the queue, until it is stopped."""
    settings = Settings.load(os.environ)
    if not settings.redis_url:
        raise SettingError("REDIS_URL is required: without it the server carries letters itself.")
    app = create_app(settings)
    click.echo("The worker runs (Ctrl-C stops it).")
    worker.work(app, settings)


COMMANDS = (ticker_command, worker_command)

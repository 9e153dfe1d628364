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

    Grafana, where there is one, it has made good the same way. Start as many as you like: one
    works, the others wait to take its place. Without REDIS_URL it carries the letters itself; then
    the server does so as well, and this is not needed.
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
@click.option("--only", type=click.Choice(list(worker.QUEUES)), help="Do this and nothing else.")
def worker_command(only: str | None) -> None:
    """Do what the ticker has put into the queues, until it is stopped: letters, then Grafana.

    While it is at Grafana, it carries no letters. Where that may take long, start some with
    `--only letters` and one with `--only grafana`.
    """
    settings = Settings.load(os.environ)
    if not settings.redis_url:
        raise SettingError("REDIS_URL is required: without it the server does the work itself.")
    app = create_app(settings)
    click.echo("The worker runs (Ctrl-C stops it).")
    worker.work(app, settings, only)


COMMANDS = (ticker_command, worker_command)

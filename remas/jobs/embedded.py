"""The ticker in the server's own process: the embedded default, where there is no Redis."""

import atexit
import threading

from flask import Flask

from remas.config import Settings
from remas.jobs.ticker import Ticker

GRACE_SECONDS = 10  # for the letter under way; cut short it would perhaps be sent again


def start(app: Flask, settings: Settings) -> Ticker | None:
    """Let a ticker work in a thread of its own for as long as the process lives.

    None where there is a Redis: then tickers and workers are processes. Of several processes that
    call this, one is elected.
    """
    if settings.redis_url:
        return None
    ticker = Ticker(app, settings)
    thread = threading.Thread(target=ticker.run, name="ticker", daemon=True)
    thread.start()

    @atexit.register
    def end() -> None:
        ticker.stop()
        thread.join(GRACE_SECONDS)

    return ticker

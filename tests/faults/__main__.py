"""The fault run: `script/faults [NUMBER]`, by default 2,000 reminders a scenario. Prints a table.

On PostgreSQL where there is one, else on SQLite.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

import click
from flask_migrate import upgrade

from remas import create_app, paths
from remas.config import Settings
from remas.extensions import db
from tests.faults.scenarios import SCENARIOS
from tests.faults.world import Outcome, World, environ_of
from tests.support.mail_server import MailServer
from tests.support.postgres import postgres
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

HEAD = "| what befalls them | reminders | kills | sent | lost | doubled | seconds |"
RULE = "|---|--:|--:|--:|--:|--:|--:|"


def main() -> int:
    """Run them all; the number of scenarios that lost, or doubled more than was killed."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    wrong = 0
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres())
        redis_url = stack.enter_context(redis_server())
        if redis_url is None:
            sys.exit("A Redis is needed: install redis-server or set REMAS_TEST_REDIS_URL.")
        click.echo(f"On {'PostgreSQL' if server else 'SQLite'}:\n\n{HEAD}\n{RULE}")
        for scenario in SCENARIOS:
            began = time.monotonic()
            with contextlib.ExitStack() as own:
                folder = Path(
                    own.enter_context(tempfile.TemporaryDirectory(prefix="remas-faults-"))
                )
                url = own.enter_context(server.new_database()) if server else ""
                outcome = _run(scenario, number, folder, url, redis_url)
            took = time.monotonic() - began
            click.echo(_line(str(scenario.__doc__), outcome, took))
            wrong += outcome.lost > 0 or outcome.doubled > outcome.kills
    return wrong


def _run(scenario, number: int, folder: Path, url: str, redis_url: str) -> Outcome:  # type: ignore[no-untyped-def]
    mail = MailServer(free_port())
    given = {
        "DATABASE_URL": url,
        "REMAS_INSTANCE": str(folder),
        "SECRET_KEY": "only for the fault run, and no secret at all: 0123456789",
    }
    settings = environ_of(given, folder, mail, redis_url)
    app = create_app(Settings.load({**settings, "REDIS_URL": ""}))
    with app.app_context():
        upgrade(directory=str(paths.MIGRATIONS))
        try:
            with World(app, settings, folder, mail, redis_url) as world:
                world.flush_redis()
                world.plan(number)
                return scenario(world)
        finally:
            db.session.remove()
            db.engine.dispose()


def _line(name: str, outcome: Outcome, took: float) -> str:
    numbers = (outcome.reminders, outcome.kills, outcome.sent, outcome.lost, outcome.doubled)
    return f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} | {took:.0f} |"


if __name__ == "__main__":
    sys.exit(main())

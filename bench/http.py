"""Searching, booking and the timetable over HTTP, among many stored reservations.

`python -m bench.http [--quick]`: a server of its own on loopback, one client for the times and
eight for the throughput; bounded in count. PostgreSQL is started as for the tests.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import requests
from flask_migrate import upgrade

from bench.fill import AHEAD, NODES, fill
from remas import clock, create_app
from remas.config import Settings
from remas.extensions import db
from remas.models import User
from remas.services import passwords
from tests.support.postgres import postgres
from tests.support.processes import free_port

CLIENTS = 8
PASSWORD = "only for this measurement"


@dataclass(frozen=True)
class Figures:
    """Times of single answers in seconds, answers a second by all clients, bytes of one."""

    times: list[float]
    per_second: float
    size: int

    def row(self) -> list[str]:
        ordered = sorted(self.times)
        p95 = ordered[int(0.95 * (len(ordered) - 1))]
        return [
            f"{1000 * median(ordered):.1f}",
            f"{1000 * p95:.1f}",
            f"{self.per_second:.0f}",
            f"{self.size:,}",
        ]


class Client:
    """One person's program: a session with a token."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v1"
        answer = requests.post(
            f"{self.url}/auth/token",
            json={"username": "person1001", "password": PASSWORD},
            timeout=30,
        )
        answer.raise_for_status()
        self.token = answer.json()["access_token"]
        self.numbers = count()

    def session(self) -> requests.Session:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token}"
        return session

    def call(self, session: requests.Session, method: str, path: str, **more: Any) -> int:
        """Bytes of the answer; anything but success ends the measurement."""
        answer = session.request(method, f"{self.url}{path}", timeout=60, **more)
        answer.raise_for_status()
        return len(answer.content)

    def search_now(self, session: requests.Session) -> int:
        """One GPU: free at once."""
        wish = {"duration": "PT4H", "demands": {"gpu": 1, "cpu": 8}, "max_offers": 3}
        return self.call(session, "POST", "/offers", json=wish)

    def search_late(self, session: requests.Session) -> int:
        """Four GPUs on two nodes: only when the two weeks are over."""
        wish = {"duration": "PT4H", "demands": {"gpu": 4, "cpu": 8}, "node_count": 2}
        return self.call(session, "POST", "/offers", json=wish)

    def book(self, session: requests.Session) -> int:
        """A free hour after the two weeks, another one each time."""
        number = next(self.numbers)
        start = whole_hour() + AHEAD + timedelta(days=3, hours=number // NODES)
        wish = {
            "name": "measured",
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(hours=1)).isoformat(),
            "allocations": [
                {"node": f"n{number % NODES + 1:03}", "resource": "gpu", "amount": 1},
                {"node": f"n{number % NODES + 1:03}", "resource": "cpu", "amount": 4},
            ],
        }
        return self.call(session, "POST", "/reservations", json=wish)

    def timetable(self, session: requests.Session) -> int:
        """All nodes, two weeks."""
        start = whole_hour()
        span = {"from": start.isoformat(), "to": (start + AHEAD).isoformat()}
        return self.call(session, "GET", "/timetable", params=span)


def whole_hour() -> datetime:
    return clock.now().replace(minute=0, second=0, microsecond=0)


def measure(client: Client, action: Callable[[requests.Session], int], calls: int) -> Figures:
    """`calls` one after another, then as many by all clients together."""
    times = []
    with client.session() as session:
        size = action(session)
        for _ in range(calls):
            begun = time.perf_counter()
            action(session)
            times.append(time.perf_counter() - begun)

    def share() -> None:
        with client.session() as session:
            for _ in range(max(calls // CLIENTS, 1)):
                action(session)

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(share) for _ in range(CLIENTS)]:
            done.result()
    together = max(calls // CLIENTS, 1) * CLIENTS
    return Figures(times, together / (time.perf_counter() - begun), size)


@contextmanager
def serving(environ: dict[str, str], stored: int) -> Iterator[str]:
    """A server on a database with so many stored reservations; its URL."""
    port = free_port()
    environ = {**environ, "HOST": "127.0.0.1", "PORT": str(port)}
    app = create_app(Settings.load(environ))
    with app.app_context():
        upgrade()
        fill(stored)
        person = db.session.get_one(User, 1001)
        person.password_hash = passwords.hash_password(PASSWORD)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    command = [sys.executable, "-c", "from remas.cli import main; main()", "serve"]
    everything = {**os.environ, **environ}
    with subprocess.Popen(command, env=everything, stdout=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/healthz", server)
            yield url
        finally:
            server.send_signal(signal.SIGTERM)


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("The server ended by itself.")
        try:
            requests.get(url, timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server does not answer.")


def one_case(label: str, environ: dict[str, str], stored: int, calls: int) -> Iterator[list[str]]:
    with serving(environ, stored) as url:
        client = Client(url)
        for name, action, share in (
            ("search, free now", client.search_now, 1),
            ("search, 2 nodes in 2 weeks", client.search_late, 1),
            ("booking", client.book, 1),
            ("timetable, 2 weeks", client.timetable, 10),
        ):
            figures = measure(client, action, max(calls // share, 5))
            yield [f"{label}, {stored:,}", name, *figures.row()]


def cases(quick: bool) -> Iterator[list[str]]:
    calls = 20 if quick else 200
    secret = {"SECRET_KEY": "only for measurements, and therefore no secret: 0123456789"}
    with tempfile.TemporaryDirectory() as folder:
        environ = {**secret, "REMAS_INSTANCE": str(Path(folder))}
        yield from one_case("SQLite", environ, 10_000, calls)
        with postgres() as server:
            if server is None:
                print("PostgreSQL is left out: there is no server to be had.")
                return
            for stored in (10_000,) if quick else (10_000, 1_000_000):
                with server.new_database() as url:
                    yield from one_case(
                        "PostgreSQL", {**environ, "DATABASE_URL": url}, stored, calls
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, nothing large")
    head = ["stored", "what", "p50 ms", "p95 ms", "per second", "bytes"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in cases(parser.parse_args().quick):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

"""The ticker and its carriers: who is elected, what goes into the queue, and without a queue."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import redis
import time_machine
from rq import Worker
from rq.worker import WorkerStatus
from sqlalchemy import select

from remas import clock
from remas.extensions import db
from remas.jobs import embedded
from remas.jobs.carriers import ByWorkers, queue_of
from remas.jobs.election import election_for
from remas.jobs.ticker import Ticker
from remas.models import Outbox, OutboxKind, OutboxState, User
from remas.services import heartbeats, outbox
from remas.services.transaction import writing
from tests.support.factories import make_user
from tests.support.mail_server import mail_server
from tests.support.noon import NOW
from tests.support.processes import free_port, running, wait_until

TOP = Path(__file__).parents[2]
GONE = "redis://127.0.0.1:1/0"  # nobody listens there


def put(number=1, due_at=None):
    """So many letters about an account; their ids."""
    person = db.session.scalars(select(User)).first() or make_user()
    with writing() as session:
        for i in range(number):
            wish = {"key": f"letter {i}", "recipient_id": person.id, "due_at": due_at}
            outbox.put(session, OutboxKind.ACCOUNT_MADE, **wish)
    return list(db.session.scalars(select(Outbox.id).order_by(Outbox.id)))


def states():
    db.session.rollback()
    return [row.state for row in db.session.scalars(select(Outbox).order_by(Outbox.id))]


def within(seconds, happened):
    """Whether it happens in this time."""
    until = time.monotonic() + seconds
    while not (done := happened()) and time.monotonic() < until:
        time.sleep(0.02)
    return done


class TestElection:
    @pytest.fixture
    def candidates(self, app, app_context):
        made = [election_for(app.config["REMAS"], db.engine) for _ in range(3)]
        yield made
        for one in made:
            one.resign()

    def test_one_is_elected_and_stays(self, candidates):
        first, second, third = candidates
        for _ in range(2):
            assert [one.holds() for one in candidates] == [True, False, False]
        first.resign()
        assert [one.holds() for one in (second, third, first)] == [True, False, False]

    @pytest.mark.postgresql
    def test_with_its_connection_the_office_is_lost(self, candidates):
        first, second, _ = candidates
        assert first.holds()
        first._connection.connection.driver_connection.close()
        with pytest.raises(Exception, match="closed"):
            first.holds()
        assert second.holds()
        assert not first.holds()

    def test_two_tickers_and_one_of_them_works(self, app, app_context):
        carried = []

        class Note:
            def carry(self, ids, _goes_on):
                carried.extend(ids)

        put()
        tickers = [Ticker(app, app.config["REMAS"], Note()) for _ in range(2)]
        waits = [ticker.turn() for ticker in tickers]
        assert len(carried) == 1
        assert waits == [timedelta(), timedelta(seconds=5)]
        for ticker in tickers:
            ticker._election.resign()


class TestTheQueue:
    @pytest.fixture
    def queue(self, redis_url, app_context):
        queue = queue_of(redis_url)
        queue.connection.flushall()
        yield queue
        queue.connection.close()

    def carry(self, redis_url, ids):
        ByWorkers(redis_url).carry(ids, lambda: True)

    def test_ids_go_in_once(self, redis_url, queue):
        ids = put(3)
        for _ in range(3):
            self.carry(redis_url, ids)
        assert queue.get_job_ids() == [f"outbox-{number}" for number in ids]
        assert [queue.fetch_job(f"outbox-{number}").args for number in ids] == [
            (number,) for number in ids
        ]

    def test_flushed_they_go_in_again(self, redis_url, queue):
        ids = put(2)
        self.carry(redis_url, ids)
        queue.connection.flushall()
        self.carry(redis_url, ids)
        assert len(queue.get_job_ids()) == 2

    def test_without_redis_the_letters_go_all_the_same(self, app_context):
        self.carry(GONE, put(2))
        assert states() == [OutboxState.NOT_SENT] * 2

    def test_told_to_stop_it_stops_between_two(self, app_context):
        ByWorkers(GONE).carry(put(3), iter([True, False]).__next__)
        assert states() == [OutboxState.NOT_SENT, OutboxState.WAITING, OutboxState.WAITING]


class TestTurns:
    @time_machine.travel(NOW, tick=False)
    def test_it_wakes_when_the_next_one_is_due(self, app, app_context):
        put(due_at=clock.now() + timedelta(seconds=0.7))
        ticker = Ticker(app, app.config["REMAS"])
        try:
            assert ticker.turn() == timedelta(seconds=0.7)
        finally:
            ticker._election.resign()

    def test_with_nothing_due_it_looks_again_soon(self, app, app_context):
        put(due_at=clock.now() + timedelta(hours=1))
        ticker = Ticker(app, app.config["REMAS"])
        try:
            assert ticker.turn() == timedelta(seconds=2)
        finally:
            ticker._election.resign()

    def test_the_period_bounds_it(self, make_app, app_context):
        app = make_app(TASK_SCHEDULER_PRECISION_SECONDS="1")
        ticker = Ticker(app, app.config["REMAS"])
        try:
            assert ticker.turn() == timedelta(seconds=1)
        finally:
            ticker._election.resign()


class TestInTheServer:
    def test_a_thread_carries_what_is_put_and_ends_with_the_process(self, app, app_context):
        put()
        ticker = embedded.start(app, app.config["REMAS"])
        try:
            assert within(10, lambda: states() == [OutboxState.NOT_SENT])
        finally:
            ticker.stop()
            assert within(10, lambda: "ticker" not in {t.name for t in threading.enumerate()})

    def test_with_a_redis_there_is_none(self, app, settings):
        assert embedded.start(app, replace(settings, redis_url=GONE)) is None


@pytest.mark.slow
class TestProcesses:
    def environ(self, environ, **changes):
        return {"PATH": os.environ["PATH"], **environ, **changes}

    def test_several_workers_of_a_server_have_one_ticker_and_send_each_letter_once(
        self, environ, app_context, tmp_path
    ):
        log = tmp_path / "log"
        options = ["--workers", "3", "--bind", f"127.0.0.1:{free_port()}", "--no-control-socket"]
        with mail_server() as mail:
            given = self.environ(environ, **mail.environ)
            command = [sys.executable, "-m", "gunicorn", "wsgi:app", *options]
            with running(command, log, env=given, cwd=TOP) as server:
                put(20)
                wait_until(lambda: set(states()) == {OutboxState.SENT}, server, log)
            assert server.returncode == 0
        assert len(mail.received) == len(mail.ids()) == 20

    @pytest.mark.parametrize("command", ["ticker", "worker"])
    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
    def test_told_to_end_it_ends_well(
        self, environ, app_context, redis_url, tmp_path, command, stop
    ):
        log = tmp_path / "log"
        remas = str(Path(sys.executable).with_name("remas"))
        given = self.environ(environ, REDIS_URL=redis_url)
        with running([remas, command], log, stop=stop, env=given) as process:
            wait_until(lambda: "runs (Ctrl-C stops it)" in log.read_text(), process, log)
            if command == "ticker":
                wait_until(lambda: bool(seen()), process, log)
            else:
                wait_until(lambda: is_waiting(redis_url), process, log)
        assert process.returncode == 0, log.read_text()

    def test_a_worker_without_a_queue_says_what_it_needs(self, environ, database_url):
        remas = str(Path(sys.executable).with_name("remas"))
        done = subprocess.run(
            [remas, "worker"],
            env=self.environ(environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "REDIS_URL is required" in done.stderr


def seen():
    db.session.rollback()
    return heartbeats.last(heartbeats.TICKER)


def is_waiting(url):
    """Whether a worker waits for jobs: it listens to signals only a moment after it is known."""
    with redis.Redis.from_url(url) as client:
        return any(worker.get_state() == WorkerStatus.IDLE for worker in Worker.all(client))

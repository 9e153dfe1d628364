"""Who makes Grafana good: a thread beside the ticker, or workers; letters never wait for it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from rq import SimpleWorker
from sqlalchemy import select

from remas.extensions import db
from remas.jobs import embedded, following, tasks, worker
from remas.jobs.carriers import GRAFANA_QUEUE, LETTERS_QUEUE, queue_of
from remas.jobs.election import GRAFANA, election_for, is_held
from remas.jobs.following import ByThread, ByWorker, follower_for
from remas.jobs.ticker import Ticker
from remas.models import GrafanaMark, Outbox, OutboxKind, User
from remas.services import marks, monitoring, outbox, watching
from remas.services.transaction import writing
from tests.support.factories import make_user
from tests.support.followed import settings_of
from tests.support.grafana import Double, grafana_double
from tests.support.grafana_wishes import amiss
from tests.support.processes import running, wait_until

GONE = "redis://127.0.0.1:1/0"  # nobody listens there
REMAS = str(Path(sys.executable).with_name("remas"))


@pytest.fixture
def double() -> Iterator[Double]:
    with grafana_double() as double:
        yield double


@pytest.fixture
def site(make_app: Callable[..., Flask], double: Double) -> Iterator[Flask]:
    """An application with Grafana, in which nobody was looked at yet; its context is pushed."""
    app = make_app(**settings_of(double))
    with app.app_context():
        make_user("ann")
        make_user("bob")
        yield app


@pytest.fixture
def with_redis(make_app: Callable[..., Flask], double: Double, redis_url: str) -> Iterator[Flask]:
    """The same with Redis, whose queues are empty."""
    app = make_app(**settings_of(double), REDIS_URL=redis_url)
    queue_of(redis_url).connection.flushall()
    with app.app_context():
        make_user("ann")
        make_user("bob")
        yield app


@dataclass(frozen=True, slots=True)
class Clock:
    """In the place of the module `time`."""

    now: float

    def monotonic(self) -> float:
        return self.now


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not (done := happened()) and time.monotonic() < until:
        time.sleep(0.02)
    return done


def is_good(double: Double) -> bool:
    db.session.rollback()
    people = db.session.scalars(select(User.id)).all()
    return amiss(double.state, list(watching.wishes(db.session(), people))) == []


def grafana_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == following.JOB]


def put_letter() -> None:
    person = db.session.scalars(select(User.id)).first()
    assert person
    with writing() as session:
        outbox.put(session, OutboxKind.ACCOUNT_MADE, key="letter", recipient_id=person)


def letters_out() -> bool:
    db.session.rollback()
    return all(row.done_at for row in db.session.scalars(select(Outbox)))


class TestByThread:
    @pytest.fixture
    def follower(self, site: Flask) -> Iterator[ByThread]:
        follower = ByThread(site)
        yield follower
        follower.stop()

    def test_it_makes_good_and_ends(self, follower: ByThread, double: Double) -> None:
        follower.start()
        assert within(10, lambda: not grafana_threads())
        assert is_good(double)

    def test_there_are_never_two(self, follower: ByThread, monkeypatch: pytest.MonkeyPatch) -> None:
        began, go = list[int](), threading.Event()

        def follow(_goes_on: Callable[[], bool]) -> None:
            began.append(1)
            go.wait(10)

        monkeypatch.setattr(tasks, "follow_grafana", follow)
        for _ in range(3):
            follower.start()
        assert len(grafana_threads()) == 1
        go.set()
        assert within(10, lambda: not grafana_threads())
        assert began == [1]

    def test_told_to_stop_it_ends_soon_and_does_not_begin_again(
        self, follower: ByThread, double: Double
    ) -> None:
        double.faults.seconds = 0.05
        follower.start()
        assert within(5, lambda: bool(double.log))
        follower.stop()
        assert grafana_threads() == []
        assert not is_good(double)
        follower.start()
        assert grafana_threads() == []
        double.forget()
        tasks.follow_grafana()
        assert is_good(double)

    def test_whatever_goes_wrong_ends_in_the_log(
        self, follower: ByThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise KeyError("x")

        monkeypatch.setattr(tasks, "follow_grafana", fail)
        follower.start()
        assert within(10, lambda: not grafana_threads())
        assert "Grafana could not be made good" in caplog.text


class TestTheTicker:
    @pytest.fixture
    def ticker(self, site: Flask) -> Iterator[Ticker]:
        ticker = Ticker(site, site.config["REMAS"])
        yield ticker
        ticker._election.resign()
        assert ticker._follower
        ticker._follower.stop()

    def test_letters_do_not_wait_for_grafana(self, ticker: Ticker, double: Double) -> None:
        put_letter()
        double.faults.seconds = 1
        ticker.turn()
        assert letters_out()
        assert len(grafana_threads()) == 1
        assert not is_good(double)
        double.forget()

    def test_between_two_letters_it_sees_to_grafana(
        self, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[int] = []
        monkeypatch.setattr(monitoring, "is_due", lambda: seen.append(1))
        monkeypatch.setattr(ticker._glances, "is_due", lambda: True)
        put_letter()
        ticker.turn()
        assert len(seen) == 2

    def test_what_goes_wrong_with_grafana_keeps_no_letter(
        self, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise KeyError("x")

        monkeypatch.setattr(marks, "mark_starts_and_ends", fail)
        put_letter()
        ticker.turn()
        assert letters_out()

    def test_one_that_is_not_elected_leaves_grafana_alone(
        self, ticker: Ticker, site: Flask, double: Double
    ) -> None:
        ticker.turn()
        standby = Ticker(site, site.config["REMAS"])
        standby.turn()
        assert within(10, lambda: not grafana_threads())
        with writing() as session:
            marks.mark(session, None)
        double.forget()
        standby.turn()
        assert grafana_threads() == []
        assert double.log == []

    def test_without_grafana_there_is_nobody(self, app: Flask, app_context: None) -> None:
        assert follower_for(app, app.config["REMAS"]) is None

    def test_in_the_server_it_follows_and_ends(self, site: Flask, double: Double) -> None:
        ticker = embedded.start(site, site.config["REMAS"])
        assert ticker
        try:
            assert within(20, lambda: is_good(double))
        finally:
            ticker.stop()
            names = {"ticker", following.JOB}
            assert within(10, lambda: names.isdisjoint(t.name for t in threading.enumerate()))


class TestByWorker:
    @pytest.fixture
    def follower(self, with_redis: Flask) -> ByWorker:
        found = follower_for(with_redis, with_redis.config["REMAS"])
        assert isinstance(found, ByWorker)
        return found

    def queued(self, redis_url: str) -> list[str]:
        return queue_of(redis_url, name=GRAFANA_QUEUE).get_job_ids()

    def work(self, redis_url: str, *names: str) -> None:
        """Do what is in these queues, as a worker does."""
        queues = [queue_of(redis_url, name=name) for name in names]
        SimpleWorker(queues, connection=queues[0].connection).work(
            burst=True, logging_level="WARNING"
        )

    def test_the_job_is_in_its_queue_once(self, follower: ByWorker, redis_url: str) -> None:
        for _ in range(3):
            follower.start()
        assert self.queued(redis_url) == ["grafana"]
        assert queue_of(redis_url).get_job_ids() == []  # not among letters

    def test_a_worker_makes_good(self, follower: ByWorker, redis_url: str, double: Double) -> None:
        follower.start()
        self.work(redis_url, LETTERS_QUEUE, GRAFANA_QUEUE)
        assert is_good(double)
        assert not monitoring.is_due()

    def test_while_somebody_is_at_it_nothing_goes_in(
        self, follower: ByWorker, with_redis: Flask, redis_url: str
    ) -> None:
        settings = with_redis.config["REMAS"]
        other = election_for(settings, db.engine, GRAFANA)
        assert other.holds()
        try:
            assert is_held(settings, db.engine, GRAFANA)
            follower.start()
            assert self.queued(redis_url) == []
        finally:
            other.resign()
        assert not is_held(settings, db.engine, GRAFANA)
        follower.start()
        assert self.queued(redis_url) == ["grafana"]

    def test_flushed_it_goes_in_again(self, follower: ByWorker, redis_url: str) -> None:
        follower.start()
        queue_of(redis_url).connection.flushall()
        follower.start()
        assert self.queued(redis_url) == ["grafana"]

    def test_without_redis_a_thread_does_it(
        self, make_app: Callable[..., Flask], double: Double
    ) -> None:
        app = make_app(**settings_of(double), REDIS_URL=GONE)
        with app.app_context():
            make_user("ann")
            follower = ByWorker(app, app.config["REMAS"])
            follower.start()
            assert within(10, lambda: not grafana_threads())
            assert is_good(double)
            follower.stop()

    def test_a_redis_that_is_silent_is_asked_once_a_minute(
        self,
        make_app: Callable[..., Flask],
        double: Double,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        app = make_app(**settings_of(double), REDIS_URL=GONE)
        now = time.monotonic()
        with app.app_context():
            follower = ByWorker(app, app.config["REMAS"])
            for passed, asked in ((0, 1), (59, 1), (61, 2)):
                monkeypatch.setattr(following, "time", Clock(now + passed))
                follower.start()
                assert caplog.text.count("Redis does not answer") == asked
            follower.stop()

    def test_letters_come_first_and_workers_can_be_kept_to_one(
        self, with_redis: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listened: list[list[str]] = []

        class Note(worker._Worker):
            def work(self, **_: object) -> bool:  # type: ignore[override]
                listened.append([queue.name for queue in self.queues])
                return True

        monkeypatch.setattr(worker, "_Worker", Note)
        for only in (None, "letters", "grafana"):
            worker.work(with_redis, with_redis.config["REMAS"], only)
        assert listened == [["remas", "remas-grafana"], ["remas"], ["remas-grafana"]]


@pytest.mark.slow
class TestProcesses:
    def environ(self, environ: dict[str, str], **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **environ, **more}

    def test_a_ticker_killed_in_the_middle_leaves_nothing_undone(
        self, environ: dict[str, str], site: Flask, double: Double, tmp_path: Path
    ) -> None:
        """Its lock goes with it: the next one takes over, and completes what was begun."""
        given = self.environ(environ, **settings_of(double))
        with writing() as session:
            marks.mark(session, None)
        double.faults.seconds = 0.1
        log = tmp_path / "first"
        with running([REMAS, "ticker"], log, stop=signal.SIGKILL, env=given) as first:
            wait_until(lambda: len(double.writes()) > 2, first, log)
        assert not is_good(double)
        assert db.session.scalars(select(GrafanaMark)).all()
        double.forget()
        log = tmp_path / "second"
        with running([REMAS, "ticker"], log, env=given) as second:
            wait_until(lambda: is_good(double) and not left(), second, log)
        assert second.returncode == 0, log.read_text()

    def test_killed_between_grafana_and_the_marks(
        self, environ: dict[str, str], site: Flask, double: Double, tmp_path: Path
    ) -> None:
        note, log = tmp_path / "paused", tmp_path / "log"
        given = self.environ(
            environ,
            **settings_of(double),
            REMAS_TESTING="1",
            REMAS_TEST_PAUSE=f"reconciled:{note}",
        )
        with writing() as session:
            marks.mark(session, None)
        with running([REMAS, "ticker"], log, stop=signal.SIGKILL, env=given) as process:
            wait_until(note.exists, process, log)
        assert is_good(double)
        assert left()
        assert within(10, lambda: not is_held(site.config["REMAS"], db.engine, GRAFANA))
        double.forget()
        tasks.follow_grafana()
        assert double.writes() == []
        assert not left()

    def test_a_worker_told_to_end_leaves_the_rest_to_another(
        self,
        environ: dict[str, str],
        with_redis: Flask,
        double: Double,
        redis_url: str,
        tmp_path: Path,
    ) -> None:
        for _ in range(30):
            make_user()
        given = self.environ(environ, **settings_of(double), REDIS_URL=redis_url)
        follower = follower_for(with_redis, with_redis.config["REMAS"])
        assert follower
        follower.start()
        double.faults.seconds = 0.1
        log = tmp_path / "worker"
        with running([REMAS, "worker", "--only", "grafana"], log, env=given) as process:
            wait_until(lambda: len(double.writes()) > 2, process, log)
        assert process.returncode == 0, log.read_text()
        assert not is_good(double)
        assert monitoring.is_due()
        double.forget()
        tasks.follow_grafana()
        assert is_good(double)

    def test_a_worker_for_letters_alone_is_not_held_up(
        self,
        environ: dict[str, str],
        with_redis: Flask,
        double: Double,
        redis_url: str,
        tmp_path: Path,
    ) -> None:
        given = self.environ(environ, **settings_of(double), REDIS_URL=redis_url)
        double.faults.seconds = 3
        logs = [tmp_path / name for name in ("ticker", "letters", "grafana")]
        commands = (["ticker"], ["worker", "--only", "letters"], ["worker", "--only", "grafana"])
        ticker, letters, grafana = (
            running([REMAS, *command], log, stop=signal.SIGKILL, env=given)
            for command, log in zip(commands, logs, strict=True)
        )
        with ticker as first, letters, grafana:
            wait_until(lambda: bool(double.log), first, logs[0])
            put_letter()
            wait_until(letters_out, first, logs[0])
            assert not is_good(double)
            double.forget()
            wait_until(lambda: is_good(double), first, logs[0])


def left() -> bool:
    db.session.rollback()
    return bool(db.session.scalars(select(GrafanaMark)).all())


def test_a_run_that_takes_too_long_leaves_the_rest_to_the_next(
    site: Flask, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    monkeypatch.setattr(tasks, "time", Clock(began))

    def too_late() -> bool:
        monkeypatch.setattr(tasks, "time", Clock(began + tasks.LONGEST_RUN.total_seconds()))
        return True

    tasks.follow_grafana(too_late)
    assert not is_good(double)
    monkeypatch.undo()
    tasks.follow_grafana()
    assert is_good(double)

"""Letters survive what befalls the processes that carry them: the small form of `script/faults`."""

import os
import signal
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from remas import paths
from remas.extensions import db
from remas.models import Outbox, Reservation
from tests.faults.world import BEFORE, MINUTES, World, environ_of, moved_clock
from tests.support.factories import make_node, make_notification, make_user
from tests.support.mail_server import MailServer
from tests.support.processes import free_port, running, wait_until

pytestmark = pytest.mark.slow

REMINDERS = 150
ALL_DUE = 2 * BEFORE + timedelta(minutes=MINUTES)


@pytest.fixture
def world(environ, make_app, redis_url, tmp_path):
    """Nobody works yet; the mail server does not listen."""
    mail = MailServer(free_port())
    settings = environ_of(environ, tmp_path, mail, redis_url)
    with moved_clock():
        app = make_app(**{**settings, "REDIS_URL": ""})
        with app.app_context(), World(app, settings, tmp_path, mail, redis_url) as world:
            world.flush_redis()
            yield world


def test_killed_at_every_step_flushed_and_without_mail_for_an_hour(world):
    """Nothing is lost; doubled is at most what was sent and not marked when it was killed."""
    world.plan(REMINDERS)
    for command, pause in (("ticker", "taken"), ("worker", "claimed"), ("worker", "sent")):
        for _ in range(2):
            world.start(command, pause)
    faults = iter([world.flush_redis])

    def flush_once():
        if len(world.mail.received) > REMINDERS // 3:
            for fault in faults:
                fault()

    world.advance(ALL_DUE)
    for _ in range(6):  # the mail server is down
        world.advance(timedelta(minutes=10))
        world.watch(1)
    with world.mail.listening():
        outcome = world.finish(flush_once)
    assert outcome.lost == 0, world.logs()
    assert outcome.doubled <= 1, world.logs()
    assert outcome.kills == 3, world.logs()


class TestKilledAtTheCommit:
    """A process books and is killed the moment that a commit is through."""

    def without_reminder(self, environ, folder, how):
        """How many reservations were booked that nobody is reminded of."""
        ann, node = make_user("ann"), make_node("n1")
        make_notification(users=[ann])
        note, log = folder / "paused", folder / "log"
        command = [sys.executable, "-m", "tests.faults.booker", "ann", node.name, "3", how]
        given = {
            "PATH": os.environ["PATH"],
            **environ,
            "REMAS_TESTING": "1",
            "REMAS_TEST_PAUSE": f"committed:{note}",
        }
        arguments = {"env": given, "cwd": paths.TEMPLATES.parent}
        with running(command, log, stop=signal.SIGKILL, **arguments) as booker:
            wait_until(lambda: note.exists() and bool(note.read_text()), booker, log)
        db.session.rollback()
        booked = db.session.scalar(select(func.count()).select_from(Reservation))
        assert booked
        return booked - db.session.scalar(select(func.count()).select_from(Outbox))

    def test_what_is_booked_has_its_reminder(self, environ, app_context, tmp_path):
        assert self.without_reminder(environ, tmp_path, "inside") == 0

    def test_planned_after_the_commit_it_would_have_none(self, environ, app_context, tmp_path):
        assert self.without_reminder(environ, tmp_path, "after") == 1

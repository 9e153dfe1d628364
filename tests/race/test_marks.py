"""Changes and whoever makes Grafana good, all at once: nothing that is marked is lost.

The negative control, which needs a change at one very moment, is in
tests/grafana/test_meanwhile.py.
"""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from remas.errors import Busy
from remas.extensions import db
from remas.jobs import tasks
from remas.models import GrafanaMark, User
from remas.services import users, watching
from remas.services.actor import SYSTEM
from remas.services.users import UserChange
from tests.support.factories import make_user
from tests.support.followed import settings_of
from tests.support.grafana import Double, grafana_double
from tests.support.grafana_wishes import amiss

WRITERS, CHANGES = 4, 12


@pytest.fixture
def double() -> Iterator[Double]:
    with grafana_double() as double:
        yield double


@pytest.fixture
def app(make_app: Callable[..., Flask], double: Double) -> Flask:
    return make_app(**settings_of(double))


def changing(app: Flask, name: str, wrong: list[Exception]) -> None:
    """Give somebody one new surname after the other."""
    with app.app_context():
        for number in range(CHANGES):
            try:
                users.change(SYSTEM, name, UserChange(surname=f"Number {number}"))
            except Busy:
                continue
            except Exception as error:
                wrong.append(error)


def following(app: Flask, done: threading.Event, runs: list[int]) -> None:
    """Make Grafana good, over and over."""
    with app.app_context():
        while not done.is_set():
            tasks.follow_grafana()
            runs.append(1)


def race(app: Flask, double: Double) -> list[str]:
    """What is amiss when all have come to rest."""
    with app.app_context():
        make_user("root", admin=True, email="boss@example.org")
        names = [make_user().username for _ in range(WRITERS)]
        tasks.follow_grafana()
    done, runs, wrong = threading.Event(), list[int](), list[Exception]()
    double.faults.seconds = 0.002  # so that much happens meanwhile
    writers = [threading.Thread(target=changing, args=(app, name, wrong)) for name in names]
    runners = [threading.Thread(target=following, args=(app, done, runs)) for _ in range(2)]
    for thread in (*writers, *runners):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in runners:
        thread.join()
    assert wrong == []
    assert runs
    with app.app_context():
        tasks.follow_grafana()
        assert db.session.scalars(select(GrafanaMark)).all() == []
        wishes = list(watching.wishes(db.session(), db.session.scalars(select(User.id)).all()))
        return amiss(double.state, wishes)


def test_what_is_marked_while_others_make_good_survives(app: Flask, double: Double) -> None:
    assert race(app, double) == []

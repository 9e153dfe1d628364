"""How far Grafana is behind: what is marked, what is refused, what nobody has marked yet."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask

from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import Audit, GrafanaMark, GrafanaState, User
from remas.services import marks, monitoring, monitoring_standing
from remas.services.actor import SYSTEM
from remas.services.monitoring_standing import MOST_TOLD, Numbers
from tests.support import factories
from tests.support.factories import actor_of
from tests.support.noon import NOW
from tests.support.queries import counted

MINUTE = timedelta(minutes=1)


@pytest.fixture
def watched(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """The app with a Grafana, which nobody asks here; it is noon."""
    app = make_app(GRAFANA_URL="http://127.0.0.1:1", GRAFANA_PASSWORD="secret")
    with time_machine.travel(NOW, tick=False), app.app_context():
        yield app


def mark(
    user: User | int | None, age: timedelta = MINUTE, attempts: int = 0, error: str | None = None
) -> None:
    """Something may be different in Grafana for this person, since `age` ago; None: for all."""
    row = GrafanaMark(
        user_id=getattr(user, "id", user),
        created_at=NOW - age,
        next_attempt_at=NOW + (5 * MINUTE if attempts else -age),
        attempts=attempts,
        last_error=error,
    )
    db.session.add(row)
    db.session.commit()


def passed(**fields: object) -> None:
    """Everybody was looked at an hour ago, and starts and ends are marked up to now."""
    values = {"passed_at": NOW - timedelta(hours=1), "edges_until": NOW, "failures": 0, **fields}
    db.session.add(GrafanaState(id=1, **values))
    db.session.commit()


def found() -> Numbers:
    """The numbers, which are there."""
    numbers = monitoring_standing.numbers()
    assert numbers
    return numbers


def people_since() -> tuple[int, bool, datetime | None, int]:
    """For how many people it waits, whether for all, since when, and how many are refused."""
    numbers = found()
    return numbers.people, numbers.everybody, numbers.since, numbers.refused


def test_nothing_is_told_where_there_is_no_grafana(app_context: None) -> None:
    assert monitoring_standing.numbers() is None
    for ask in (monitoring_standing.standing, monitoring_standing.sync_now):
        with pytest.raises(NotFound, match="GRAFANA_URL"):
            ask(SYSTEM)
    assert db.session.query(GrafanaMark).count() == 0


def test_it_is_for_administrators(watched: Flask) -> None:
    eve = actor_of(factories.make_user("eve"))
    for ask in (monitoring_standing.standing, monitoring_standing.sync_now):
        with pytest.raises(Forbidden):
            ask(eve)


def test_up_to_date(watched: Flask) -> None:
    factories.make_user()
    passed()
    assert people_since() == (0, False, None, 0)
    assert not found().is_late


def test_everybody_waits_until_the_first_pass(watched: Flask) -> None:
    factories.make_user()
    factories.make_user()
    assert people_since() == (2, True, None, 0)
    assert found().is_late
    assert found().passed_at is None


def test_people_wait_since_their_oldest_mark(watched: Flask) -> None:
    ada, eve = factories.make_user("ada"), factories.make_user("eve")
    factories.make_user("bob")
    passed()
    mark(ada, 3 * MINUTE)
    mark(ada, 9 * MINUTE)
    mark(eve, MINUTE)
    assert people_since() == (2, False, NOW - 9 * MINUTE, 0)


@pytest.mark.parametrize(("minutes", "late"), [(10, False), (11, True)])
def test_more_than_ten_minutes_are_late(watched: Flask, minutes: int, late: bool) -> None:
    passed()
    mark(factories.make_user(), minutes * MINUTE)
    assert found().is_late is late


def test_a_mark_for_everybody_is_for_everybody(watched: Flask) -> None:
    for _ in range(3):
        factories.make_user()
    passed()
    mark(None, 2 * MINUTE)
    assert people_since() == (3, True, NOW - 2 * MINUTE, 0)


def test_who_is_refused_does_not_wait(watched: Flask) -> None:
    ada, eve = factories.make_user("ada"), factories.make_user("eve")
    passed()
    mark(ada, 30 * MINUTE, 2, "ada's address belongs to another account.")
    mark(ada, MINUTE)  # a change after the refusal
    mark(eve, 2 * MINUTE)
    assert people_since() == (1, False, NOW - 2 * MINUTE, 1)
    mark(None, MINUTE)
    assert people_since() == (1, True, NOW - 2 * MINUTE, 1)
    (one,) = monitoring_standing.standing(SYSTEM).refused
    assert (one.username, one.attempts, one.since) == ("ada", 2, NOW - 30 * MINUTE)
    assert one.text == "ada's address belongs to another account."
    assert one.next_attempt_at == NOW + 5 * MINUTE


def test_the_refused_that_are_told_are_bounded_and_may_be_gone(watched: Flask) -> None:
    passed()
    mark(999_999, 60 * MINUTE, 1, "Still there.")
    for _ in range(MOST_TOLD):
        mark(factories.make_user(), 5 * MINUTE, 1, "No.")
    standing = monitoring_standing.standing(SYSTEM)
    assert standing.numbers.refused == MOST_TOLD + 1
    assert len(standing.refused) == MOST_TOLD
    assert standing.refused[0].username is None  # the longest first


def test_starts_and_ends_that_no_ticker_has_marked_are_seen(watched: Flask) -> None:
    ada, eve, bob = (factories.make_user(name) for name in ("ada", "eve", "bob"))
    passed(edges_until=NOW - 20 * MINUTE)

    def reserve(owner: User, start: int, end: int, **fields: object) -> None:
        starts_at, ends_at = NOW + start * MINUTE, NOW + end * MINUTE
        factories.make_reservation(owner, starts_at, ends=ends_at, **fields)

    reserve(ada, -15, 60)  # started
    reserve(eve, -60, 0)  # ends this very moment
    reserve(bob, -60, -20)  # its end is marked already
    reserve(bob, -20, 60)  # and so is its start
    reserve(bob, 1, 60)
    reserve(bob, -10, 60, cancelled_at=NOW - 11 * MINUTE)
    assert people_since() == (2, False, NOW - 15 * MINUTE, 0)
    marks.mark_starts_and_ends()
    assert people_since() == (2, False, NOW, 0)  # from now on there are marks for them


def test_trouble_with_grafana_as_a_whole_is_told(watched: Flask) -> None:
    passed(failures=3, last_error="Grafana does not answer.", next_attempt_at=NOW + MINUTE)
    standing = monitoring_standing.standing(SYSTEM)
    assert standing.numbers.failures == 3
    assert standing.last_error == "Grafana does not answer."
    assert standing.next_attempt_at == NOW + MINUTE


def test_bringing_it_up_to_date_now(watched: Flask) -> None:
    root = factories.make_user("root", admin=True)
    passed(failures=3, last_error="Grafana does not answer.", next_attempt_at=NOW + MINUTE)
    mark(root, 30 * MINUTE, 2, "No.")
    assert not monitoring.is_due()
    monitoring_standing.sync_now(actor_of(root, admin=True))
    assert monitoring.is_due()
    numbers = found()
    assert (numbers.everybody, numbers.since) == (True, NOW)
    standing = monitoring_standing.standing(SYSTEM)
    assert (standing.next_attempt_at, standing.last_error) == (None, "Grafana does not answer.")
    assert [one.next_attempt_at for one in standing.refused] == [NOW]
    (row,) = db.session.query(Audit)
    assert (row.actor, row.action, row.kind) == ("root", "bring up to date", "grafana")
    assert db.session.query(GrafanaMark).filter_by(user_id=None).count() == 1


def test_it_can_be_asked_for_before_anything_has_happened(watched: Flask) -> None:
    monitoring_standing.sync_now(SYSTEM)
    assert monitoring.is_due()


def test_it_takes_as_many_queries_for_many_people(watched: Flask) -> None:
    passed()
    for _ in range(2):
        mark(factories.make_user(), attempts=1, error="No.")
    with counted(watched) as few:
        monitoring_standing.standing(SYSTEM)
    for _ in range(30):
        mark(factories.make_user())
        mark(factories.make_user(), attempts=1, error="No.")
    with counted(watched) as many:
        monitoring_standing.standing(SYSTEM)
    assert len(many) == len(few)

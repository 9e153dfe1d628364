"""Grafana is away, refuses, or is cut off: nothing waits for it, and nothing is lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from remas import clock
from remas.errors import NameTaken
from remas.extensions import db
from remas.grafana import reconcile
from remas.models import Outbox
from remas.services import (
    made_good,
    monitoring,
    nodes,
    users,
)
from remas.services.actor import SYSTEM
from remas.services.nodes import NodeChange
from remas.services.users import ProfileChange, UserNew
from tests.support.factories import make_user
from tests.support.followed import (
    PEOPLE,
    Followed,
    acting,
    book,
    person,
    taken_address,
)
from tests.support.noon import hours

# Grafana is away, or refuses


def fail_now(site: Followed) -> None:
    """Grafana answers nothing."""
    site.double.faults.calls_left = 0


def test_away_for_a_day_nothing_waits_and_nothing_is_lost(site: Followed) -> None:
    fail_now(site)
    book(cpu=2, start=1, end=40)
    for hour in range(24):
        site.clock.move_to(hours(hour))
        name = PEOPLE[hour % len(PEOPLE)]
        users.update_me(acting(name), ProfileChange(surname=f"Day {hour}"))
        if hour % 6 == 0:
            book(cpu=1, start=hour, end=hour + 3, name=name)
        site.tick()
        with pytest.raises(NameTaken):  # a refusal is the same as ever
            users.update_me(acting("ann"), ProfileChange(email="bob@example.org"))
    nodes.change(SYSTEM, "n2", NodeChange(name="m2"))
    users.create(SYSTEM, UserNew("zoe", "zoe@example.org", 4711))
    users.delete(SYSTEM, make_user("late").username)
    assert db.session.scalars(select(Outbox)).first()  # letters go their own way
    assert site.state().failures > 10
    assert site.state().last_error
    assert len(site.marks()) >= 24
    site.double.forget()  # it is back
    site.later(minutes=3)
    assert site.tick()
    assert site.amiss() == []
    assert site.marks() == []
    state = site.state()
    assert (state.failures, state.last_error, state.next_attempt_at) == (0, None, None)
    assert state.passed_at


@pytest.mark.parametrize("status", [502, 503, 429])
def test_it_is_left_alone_longer_and_longer(site: Followed, status: int) -> None:
    users.update_me(acting(), ProfileChange(name="Anna"))
    waits = []
    for _ in range(8):
        site.double.faults.broken = [status]
        assert site.tick()
        assert not site.tick()  # not before the wait is over
        next_at = site.state().next_attempt_at
        assert next_at
        waits.append((next_at - clock.now()).total_seconds())
        site.clock.move_to(next_at)
    for number, most in enumerate((10, 20, 40, 80)):
        assert most / 2 <= waits[number] <= most
    assert all(60 <= wait <= 120 for wait in waits[5:])  # the longest is a setting
    site.double.forget()
    assert site.tick()
    assert site.amiss() == []


def test_a_password_that_is_refused_is_not_tried_again_soon(site: Followed) -> None:
    users.update_me(acting(), ProfileChange(name="Anna"))
    site.double.faults.broken = [401]
    site.tick()
    assert len(site.double.log) == 1
    site.later(minutes=4, seconds=59)
    assert not site.tick()
    site.later(seconds=1)
    assert site.tick()
    assert site.amiss() == []


def test_whom_grafana_refuses_keeps_no_other(site: Followed) -> None:
    taken_address(site)
    users.update_me(acting("bob"), ProfileChange(name="Robert"))
    site.tick()
    assert {what.partition(":")[0] for what in site.amiss()} == {"ann"}
    (mark,) = site.marks()
    assert (mark.user_id, mark.attempts) == (person().id, 1)
    assert mark.last_error
    assert clock.now() < mark.next_attempt_at <= clock.now() + timedelta(seconds=10)
    assert site.state().failures == 0
    assert not site.tick()


def test_whom_grafana_refuses_is_tried_again_ever_more_rarely(site: Followed) -> None:
    taken_address(site)
    made_at = site.marks()[0].created_at
    waits = []
    for _ in range(12):
        assert site.tick()
        (mark,) = site.marks()
        assert mark.created_at == made_at  # since then it is not as it should be
        waits.append(mark.next_attempt_at - clock.now())
        site.clock.move_to(mark.next_attempt_at)
    assert timedelta(minutes=25) <= waits[-1] <= timedelta(hours=1)
    # Whatever was in the way is gone, and the person changes something: at once, not in an hour.
    users.update_me(acting(), ProfileChange(email="free@example.org"))
    assert site.tick()
    assert (site.marks(), site.amiss()) == ([], [])


def test_a_pass_over_everybody_notes_whom_grafana_refuses(site: Followed) -> None:
    taken_address(site)
    nodes.change(SYSTEM, "n1", NodeChange(name="m1"))
    site.tick()
    assert {what.partition(":")[0] for what in site.amiss()} == {"ann"}
    (mark,) = site.marks()
    assert (mark.user_id, mark.attempts) == (person().id, 1)
    assert site.state().passed_at == clock.now()


def test_an_answer_that_nobody_foresaw_is_waited_out(
    site: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("uid")

    users.update_me(acting(), ProfileChange(name="Anna"))
    with monkeypatch.context() as broken:
        broken.setattr(reconcile, "person", fail)
        with pytest.raises(KeyError):
            site.tick()
        assert site.state().last_error == "Unforeseen, the log has more: KeyError."
        assert not site.tick()
    site.later(seconds=10)
    assert site.tick()
    assert site.amiss() == []


# Cut off


def test_cut_off_at_any_call_the_next_run_completes_it(site: Followed) -> None:
    users.create(SYSTEM, UserNew("zoe", "zoe@example.org", 4711))
    users.update_me(acting(), ProfileChange(email="a@b.org"))
    calls = 0
    while site.marks():
        site.double.forget()
        site.double.faults.calls_left = calls
        site.tick()
        site.later(minutes=3)
        calls += 1
    assert calls > 10
    assert site.amiss() == []


@pytest.mark.parametrize("whole", [False, True])
def test_killed_between_grafana_and_the_marks_they_stay(
    site: Followed, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    class Killed(BaseException):
        """Nobody catches this."""

    def killed(*_: object, **_more: object) -> None:
        raise Killed

    users.update_me(acting(), ProfileChange(name="Anna"))
    if whole:
        nodes.change(SYSTEM, "n1", NodeChange(name="m1"))
    before = len(site.marks())
    with monkeypatch.context() as broken:
        broken.setattr(made_good, "ended" if whole else "settle", killed)
        with pytest.raises(Killed):
            site.tick()
    assert len(site.marks()) == before
    site.double.forget()
    assert site.tick()
    assert site.double.writes() == []  # all was done
    assert (site.marks(), site.amiss()) == ([], [])


@pytest.mark.parametrize("whole", [False, True])
def test_told_to_stop_it_stops_between_two_people(site: Followed, whole: bool) -> None:
    for name in ("ann", "bob"):
        users.update_me(acting(name), ProfileChange(name="New"))
    if whole:
        nodes.change(SYSTEM, "n1", NodeChange(name="m1"))
    goes_on = iter([True, False])
    marked = len(site.marks())
    monitoring.catch_up(site.app.config["REMAS"], lambda: next(goes_on))
    lookups = [call for call in site.double.reads() if "users/lookup" in call]
    assert len(lookups) == 1
    assert len(site.marks()) == (marked if whole else marked - 1)
    assert site.state().failures == 0
    assert site.tick()
    assert (site.marks(), site.amiss()) == ([], [])


def test_a_clock_that_was_put_back_leaves_grafana_alone_no_longer(site: Followed) -> None:
    site.later(days=365)
    users.update_me(acting(), ProfileChange(name="Anna"))
    fail_now(site)
    assert site.tick()
    site.double.forget()
    site.clock.move_to(clock.now() - timedelta(days=365))
    assert site.tick()
    assert site.amiss() == []

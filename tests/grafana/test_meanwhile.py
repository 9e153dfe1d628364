"""While Grafana is made good: what is marked meanwhile, another runner, a clock that is late."""

from collections.abc import Callable

import pytest

from remas.clients.grafana import GrafanaError
from remas.extensions import db
from remas.grafana import reconcile
from remas.jobs import tasks
from remas.jobs.election import GRAFANA, election_for
from remas.services import (
    made_good,
    marks,
    monitoring,
    nodes,
    users,
)
from remas.services.actor import SYSTEM
from remas.services.nodes import NodeChange
from remas.services.transaction import writing
from remas.services.users import ProfileChange
from tests.support.followed import (
    PEOPLE,
    Followed,
    acting,
    amount,
    book,
    person,
    taken_address,
)
from tests.support.noon import hours

# Marked while a run is on


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let this happen once, while Grafana is asked about somebody."""
    asked, left = reconcile._person, [happens]

    def interrupted(*arguments: object) -> None:
        asked(*arguments)  # type: ignore[arg-type]
        while left:
            left.pop()()

    monkeypatch.setattr(reconcile, "_person", interrupted)


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_marked_while_a_run_is_on_is_made_good_by_the_next(
    site: Followed, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    users.update_me(acting(), ProfileChange(name="First"))
    if whole:
        nodes.change(SYSTEM, "n1", NodeChange(name="m1"))
    meanwhile(monkeypatch, lambda: users.update_me(acting("ann"), ProfileChange(name="Second")))
    assert site.tick()
    assert len(site.marks()) == 1
    assert site.amiss() != []
    assert site.tick()
    assert (site.marks(), site.amiss()) == ([], [])


def test_deleted_by_person_instead_of_by_number_a_change_would_be_lost(
    site: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    def by_person(marked: made_good.Marked, *_: object, **_more: object) -> None:
        with writing() as session:
            query = session.query(made_good.GrafanaMark)
            query.filter(made_good.GrafanaMark.user_id.in_(list(marked))).delete()

    users.update_me(acting(), ProfileChange(name="First"))
    monkeypatch.setattr(made_good, "settle", by_person)
    meanwhile(monkeypatch, lambda: users.update_me(acting("ann"), ProfileChange(name="Second")))
    site.tick()
    assert not site.tick()
    assert site.amiss() != []


@pytest.mark.postgresql
def test_a_mark_with_a_lower_number_that_is_committed_later_stays(site: Followed) -> None:
    """Numbers are given before the commit: "all up to this number" would lose one."""
    with db.engine.connect() as slow:
        insert = "INSERT INTO grafana_mark (user_id, created_at, next_attempt_at) VALUES "
        slow.exec_driver_sql(f"{insert} ({person('bob').id}, now(), '2030-01-01')")
        users.update_me(acting(), ProfileChange(name="Anna"))
        assert len(site.marks()) == 1
        site.tick()
        slow.commit()
    assert [mark.user_id for mark in site.marks()] == [person("bob").id]


# One at a time


def test_while_somebody_is_at_it_nobody_else_is(site: Followed) -> None:
    other = election_for(site.app.config["REMAS"], db.engine, GRAFANA)
    users.update_me(acting(), ProfileChange(name="Anna"))
    assert other.holds()
    try:
        tasks.follow_grafana()
        assert site.double.log == []
    finally:
        other.resign()
    tasks.follow_grafana()
    assert site.amiss() == []


def test_whoever_loses_the_election_ends_early(
    site: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost:
        answers = iter([True, True, False])

        def holds(self) -> bool:
            return next(self.answers)

        def resign(self) -> None:
            return None

    for name in ("ann", "bob"):
        users.update_me(acting(name), ProfileChange(name="New"))
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "election_for", lambda *_: Lost())
        tasks.follow_grafana()
    assert len(site.marks()) == 1


# The pass that people ask for


def test_the_command_takes_the_marks_and_waits_for_nothing(site: Followed) -> None:
    users.update_me(acting(), ProfileChange(name="Anna"))
    site.double.faults.broken = [503]
    site.tick()
    site.double.forget()
    assert monitoring.sync(site.app.config["REMAS"]) == len(PEOPLE) + 1
    assert (site.marks(), site.amiss()) == ([], [])
    assert not site.tick()


def test_the_command_tells_what_grafana_refuses(site: Followed) -> None:
    taken_address(site)
    with pytest.raises(GrafanaError):
        monitoring.sync(site.app.config["REMAS"])
    assert [mark.attempts for mark in site.marks()] == [1]


def test_a_late_clock_does_not_undo_a_start(site: Followed) -> None:
    """Whoever carries it may be on a machine whose clock is behind the ticker's."""
    book(start=1, end=2)
    site.tick()
    site.clock.move_to(hours(1))
    marks.mark_starts_and_ends()
    site.later(seconds=-5)
    users.update_me(acting(), ProfileChange(name="Anna"))
    tasks.follow_grafana()
    assert amount(site) == 4

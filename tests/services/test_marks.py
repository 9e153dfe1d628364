"""Whom a change concerns in Grafana, and that starts and ends are found."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from remas.errors import NameTaken
from remas.extensions import db
from remas.models import GrafanaMark, GrafanaState, NotificationType
from remas.services import audit, audit_words, chores, grafana_state, marks, users
from remas.services.actor import SYSTEM
from remas.services.transaction import writing
from remas.services.users import ProfileChange, UserChange
from tests.support.factories import (
    actor_of,
    make_notification,
    make_reservation,
    make_resource,
    make_user,
)
from tests.support.noon import NOW, hours
from tests.support.queries import counted

ALL = {"group", "node", "resource", "demo", "trace", "grafana"}
"""Kinds of changes that concern everybody; all others that are not somebody's concern nobody."""


@pytest.fixture
def with_grafana(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(GRAFANA_URL="http://127.0.0.1:1", GRAFANA_PASSWORD="secret")
    with app.app_context():
        yield app


def marked() -> list[int | None]:
    """Whom the marks are about."""
    db.session.rollback()
    return list(db.session.scalars(select(GrafanaMark.user_id).order_by(GrafanaMark.id)))


def test_of_every_kind_of_change_it_is_said_whom_it_concerns() -> None:
    """A test of the audit holds that these kinds are all that there are."""
    assert set(marks.WHOM) == set(audit_words.KINDS)


@pytest.mark.parametrize("kind", sorted(audit_words.KINDS))
def test_whom_a_change_concerns(with_grafana: Flask, kind: str) -> None:
    ann = make_user("ann")
    resource = make_resource()
    own = make_notification(
        type=NotificationType.EXCEEDANCE_TASK, owner=ann, resource_id=resource.id
    )
    subjects = {
        "user": ann.id,
        "reservation": make_reservation(ann).id,
        "notification": own.id,
    }
    with writing() as session:
        audit.record(session, SYSTEM, "change", kind, (subjects.get(kind, 1), "x"))
    if kind in subjects:
        assert marked() == [ann.id]
    else:
        assert marked() == [None] * (kind in ALL)


def test_an_administrators_notification_may_reach_anybody(with_grafana: Flask) -> None:
    number = make_notification().id
    with writing() as session:
        audit.record(session, SYSTEM, "delete", "notification", (number, "x"))
    assert marked() == [None]


def test_who_is_deleted_is_found_by_looking_at_everybody(with_grafana: Flask) -> None:
    make_user("root", admin=True)
    users.delete(SYSTEM, make_user("ann").username)
    assert marked() == [None]


def test_a_kind_that_is_not_known_concerns_everybody(with_grafana: Flask) -> None:
    with writing() as session:
        audit.record(session, SYSTEM, "create", "news", (1, "x"))
    assert marked() == [None]


def test_a_change_that_is_refused_leaves_no_mark(with_grafana: Flask) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    with pytest.raises(NameTaken):
        users.update_me(actor_of(ann), ProfileChange(email=bob.email))
    assert marked() == []


def test_a_change_of_nothing_leaves_no_mark(with_grafana: Flask) -> None:
    ann = make_user("ann")
    users.change(SYSTEM, "ann", UserChange(email=ann.email))
    assert marked() == []


@pytest.mark.usefixtures("app_context")
def test_without_grafana_nothing_is_marked() -> None:
    users.change(SYSTEM, make_user("ann").username, UserChange(email="new@example.org"))
    assert marked() == []


def test_marks_for_a_grafana_that_is_used_no_more_are_forgotten(
    with_grafana: Flask, make_app: Callable[..., Flask]
) -> None:
    with writing() as session:
        marks.mark(session, None)
    chores.forget_marks(with_grafana.config["REMAS"])
    assert len(marked()) == 1
    chores.forget_marks(make_app().config["REMAS"])
    assert marked() == []
    assert chores.forget_marks in chores.DAILY


class TestStartsAndEnds:
    @pytest.fixture(autouse=True)
    def _known(self, with_grafana: Flask, noon: time_machine.Traveller) -> None:
        marks.mark_starts_and_ends()

    def found(self, noon: time_machine.Traveller, at: float) -> list[int | None]:
        """Whom the ticker marks at this hour after noon."""
        with writing() as session:
            session.execute(GrafanaMark.__table__.delete())  # type: ignore[attr-defined]
        noon.move_to(hours(at))
        marks.mark_starts_and_ends()
        return marked()

    def test_what_starts_and_what_ends(self, noon: time_machine.Traveller) -> None:
        ann = make_user("ann")
        make_reservation(ann, hours(1), ends=hours(3))
        found = [self.found(noon, at) for at in (0.5, 1, 2, 3, 4)]
        assert found == [[], [ann.id], [], [ann.id], []]

    def test_an_owner_is_marked_once_whatever_happens_at_once(
        self, noon: time_machine.Traveller
    ) -> None:
        ann, bob = make_user("ann"), make_user("bob")
        for person in (ann, ann, bob):
            make_reservation(person, hours(1), ends=hours(2))
        make_reservation(ann, hours(-1), ends=hours(1))
        assert sorted(self.found(noon, 1), key=str) == [ann.id, bob.id]

    def test_what_is_cancelled_neither_starts_nor_ends(self, noon: time_machine.Traveller) -> None:
        make_reservation(make_user("ann"), hours(1), cancelled_at=NOW)
        assert self.found(noon, 1) == []

    def test_what_happened_while_the_ticker_was_away(self, noon: time_machine.Traveller) -> None:
        ann = make_user("ann")
        make_reservation(ann, hours(1), ends=hours(2))
        assert self.found(noon, 50) == [ann.id]

    def test_what_was_before_the_first_look_is_left_to_the_pass_over_everybody(
        self, noon: time_machine.Traveller
    ) -> None:
        with writing() as session:
            session.execute(GrafanaState.__table__.delete())  # type: ignore[attr-defined]
        make_reservation(make_user("ann"), hours(-1), ends=hours(1))
        assert self.found(noon, 0.5) == []

    def test_it_looks_once_a_minute(
        self, with_grafana: Flask, noon: time_machine.Traveller
    ) -> None:
        noon.shift(timedelta(seconds=59))
        with counted(with_grafana) as statements:
            marks.mark_starts_and_ends()
        assert not [one for one in statements if "reservation" in one or "INSERT" in one]
        noon.shift(timedelta(seconds=1))
        with counted(with_grafana) as statements:
            marks.mark_starts_and_ends()
        assert [one for one in statements if "reservation" in one]

    @pytest.mark.parametrize(("seconds", "expected"), [(-30, []), (-3600, [None])])
    def test_a_clock_that_is_put_back(
        self, noon: time_machine.Traveller, seconds: int, expected: list[int | None]
    ) -> None:
        """A little is another machine's clock; much is a mistake that somebody made good."""
        ann = make_user("ann")
        make_reservation(ann, hours(-0.5), ends=hours(5))
        ann_id = ann.id
        noon.shift(timedelta(seconds=seconds))
        marks.mark_starts_and_ends()
        assert marked() == expected
        assert self.found(noon, 0.25) == ([] if seconds == -30 else [ann_id])

    def test_a_clock_that_is_late_does_not_undo_what_is_marked(
        self, noon: time_machine.Traveller
    ) -> None:
        state = grafana_state.known(db.session())
        assert state
        for late, expected in ((10, NOW), (-10, NOW + timedelta(seconds=10)), (3600, None)):
            now = NOW - timedelta(seconds=late)
            assert marks.moment_of(state, now) == (expected or now)
        assert marks.moment_of(None, NOW) == NOW


@pytest.mark.usefixtures("app_context")
def test_starts_and_ends_are_found_by_their_indexes() -> None:
    explain = "EXPLAIN QUERY PLAN"
    if db.engine.dialect.name == "postgresql":
        explain = "EXPLAIN"
        db.session.execute(text("SET LOCAL enable_seqscan = off"))  # the table is empty
    query = marks.edges(hours(0), hours(1))
    literal = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = " ".join(map(str, db.session.execute(text(f"{explain} {literal}".replace(":", r"\:")))))
    for index in ("ix_reservation_starts_at_id", "ix_reservation_ends_at_starts_at"):
        assert index in plan, plan

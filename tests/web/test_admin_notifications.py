"""The administrators' pages of notifications and of the outbox."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.extensions import db
from remas.models import Notification, NotificationType, Outbox, OutboxKind, OutboxState, User
from remas.services import notifications
from remas.services.notification_rules import Draft
from tests.support import factories
from tests.support.alerts import an_alert_template
from tests.support.factories import actor_of
from tests.support.grafana_app import add_sources, with_grafana
from tests.web.conftest import Visitor
from tests.web.test_notifications import ALERT, SOON, mark_in

PAGE, OUTBOX = "/admin/notifications", "/admin/outbox"


@pytest.fixture
def root(app: Flask) -> User:
    with app.app_context():
        return factories.make_user("root", admin=True)


@pytest.fixture
def as_root(sign_in: Callable[[User], Visitor], root: User) -> Visitor:
    return sign_in(root)


def make_row(app: Flask, to: User, **fields: object) -> int:
    with app.app_context():
        now = clock.now()
        moments = dict.fromkeys(("created_at", "due_at", "next_attempt_at"), now)
        values = {"key": f"key {now} {fields}", "kind": OutboxKind.CONTRADICTED, **moments}
        row = Outbox(recipient_id=to.id, **{**values, **fields})
        db.session.add(row)
        db.session.commit()
        return row.id


def state_of(app: Flask, number: int) -> OutboxState:
    with app.app_context():
        return db.session.get_one(Outbox, number).state


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/new", f"{PAGE}/1", OUTBOX, f"{OUTBOX}/1"])
def test_they_are_for_administrators(as_ada: Visitor, path: str) -> None:
    assert as_ada.get(path).status_code == 403


def test_one_is_made_assigned_and_taken_away(as_root: Visitor, ada: User, app: Flask) -> None:
    with app.app_context():
        factories.make_reservation(ada)
    answer = as_root.post(f"{PAGE}/new", SOON)
    with app.app_context():
        number = db.session.scalars(select(Notification.id)).one()
    people = f"{PAGE}/{number}/people"
    assert answer.location == people
    assert "It reaches 0 people" in as_root.get(people).text
    for subject in ({"group": "Everyone"}, {"user": "ada"}):
        assert as_root.post(people, subject).location == people
    page = as_root.get(people).text
    assert "It reaches 2 people; 1 letter waits in the outbox" in page
    assert "10 min before the start" in as_root.get(PAGE).text
    assert "reaches" not in as_root.post(people, {"remove": "user:ada"}).text
    assert "It reaches 2 people" in as_root.get(people).text
    asked = as_root.get(f"{PAGE}/{number}/delete").text
    assert "It reaches 2 people: 10 min before the start." in asked
    assert "1 letter of it that wait" in asked
    assert "assigned to Everyone" in asked
    assert as_root.post(f"{PAGE}/{number}/delete", {"seen": mark_in(asked)}).location == PAGE
    assert "No notification yet." in as_root.get(PAGE).text


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({}, "one user or to one group"),
        ({"user": "ada", "group": "Users"}, "one user or to one group"),
        ({"user": "nobody"}, "There is no user nobody."),
        ({"group": "nowhere"}, "There is no group nowhere."),
        ({"remove": "x"}, "one user or to one group"),
    ],
)
def test_what_cannot_be_assigned_is_told(
    as_root: Visitor, ada: User, app: Flask, sent: dict[str, str], text: str
) -> None:
    with app.app_context():
        number = factories.make_notification().id
    assert text in as_root.post(f"{PAGE}/{number}/people", sent).text


def test_a_persons_alert_is_read_and_approved_as_it_was_read(
    as_root: Visitor, ada: User, app: Flask
) -> None:
    with app.app_context():
        factories.make_resource("cpu")
        draft = Draft(
            **{**ALERT, "type": NotificationType.EXCEEDANCE_TASK, "default_amount": 0},
        )
        number = notifications.create(actor_of(ada), draft, own=True).notification.id
    assert "waits for approval" in as_root.get(f"{PAGE}?waiting=y").text
    page = as_root.get(f"{PAGE}/{number}").text
    with app.app_context():
        change = notifications.NotificationChange(template=an_alert_template('"other": 1'))
        notifications.change(actor_of(ada), number, change)
    approve = f"{PAGE}/{number}/approve"
    answer = as_root.post(approve, {"seen": mark_in(page)}, follow_redirects=True)
    assert "Somebody changed it since you opened this page" in answer.text
    assert "It waits for approval." in answer.text
    answer = as_root.post(approve, {"seen": mark_in(answer.text)}, follow_redirects=True)
    assert "It is approved and counts from now on." in answer.text
    assert "approved by root" in answer.text
    assert "approve" in as_root.get(f"{PAGE}/{number}/history").text
    assert "Nothing is found like this." in as_root.get(f"{PAGE}?waiting=y").text


def test_a_change_is_made_on_what_was_seen(as_root: Visitor, root: User, app: Flask) -> None:
    with app.app_context():
        number = factories.make_notification("Mine").id
    seen = mark_in(as_root.get(f"{PAGE}/{number}").text)
    with app.app_context():
        change = notifications.NotificationChange(description="meanwhile")
        notifications.change(actor_of(root, admin=True), number, change)
    page = as_root.post(f"{PAGE}/{number}", {**SOON, "seen": seen}).text
    assert "Last changed by root" in page
    again = {**SOON, "seen": mark_in(page), "template": "${nope}"}
    assert "${nope} is no variable" in as_root.post(f"{PAGE}/{number}", again).text
    again["template"] = "fine"
    assert as_root.post(f"{PAGE}/{number}", again).location == f"{PAGE}/{number}"
    preview = {**SOON, "preview": "1", "seen": ""}
    assert "Sample reservation" in as_root.post(f"{PAGE}/{number}", preview).text
    preview = {**ALERT, "preview": "1", "resource": "nothing"}
    assert "How it reads" in as_root.post(f"{PAGE}/new?kind=alert", preview).text


def test_the_list_is_filtered_and_taken_along(as_root: Visitor, ada: User, app: Flask) -> None:
    with app.app_context():
        factories.make_notification("Of the end", NotificationType.TASK_END)
        factories.make_notification("For Ada", users=[ada])
        factories.make_notification("Ada's", owner=ada, users=[ada])

    def found(query: str) -> list[bool]:
        page = as_root.get(f"{PAGE}?{query}").text
        return [f">{name}</a>" in page for name in ("Of the end", "For Ada", "Ada&#39;s")]

    assert found("") == [True, True, True]
    assert found("kind=task_end") == [True, False, False]
    assert found("user=ada") == [False, True, True]
    assert found("q=of+the") == [True, False, False]
    assert found("waiting=y") == [False, False, False]
    assert found("kind=nonsense&sort=nonsense") == [True, True, True]
    lines = as_root.get(f"{PAGE}?format=csv").text.splitlines()
    assert len(lines) == 4
    assert lines[0].lstrip("\ufeff").startswith("name,type,time_offset")


def test_the_outbox_tells_what_keeps_a_letter(as_root: Visitor, ada: User, app: Flask) -> None:
    now = clock.now()
    make_row(app, ada)
    retrying = make_row(app, ada, last_error="The <server> is away", attempts=3)
    dead = make_row(app, ada, last_error="No such user here", dead_at=now)
    sent = make_row(app, ada, done_at=now, subject="Hello", text="<i>Text</i>")
    make_row(app, ada, done_at=now, reason="mail is off", subject="Hello")
    make_row(app, ada, dropped_at=now, reason="The reservation was cancelled.")
    page = as_root.get(OUTBOX).text
    assert "Mail is off." in page
    assert "The &lt;server&gt; is away" in page
    assert "The reservation was cancelled." in page
    assert page.count("<strong>1</strong>") == 6
    page = as_root.get(f"{OUTBOX}?state=dead").text
    assert "No such user here" in page
    assert "is away" not in page
    assert "Nothing is found" in as_root.get(f"{OUTBOX}?recipient=root&kind=reminder").text
    assert "Contradicted" not in as_root.get(f"{OUTBOX}?kind=reminder").text
    assert "&lt;i&gt;Text&lt;/i&gt;" in as_root.get(f"{OUTBOX}/{sent}").text
    back = {"back": "/admin/outbox?state=dead"}
    assert as_root.post(f"{OUTBOX}/{dead}/retry", back).location == back["back"]
    assert state_of(app, dead) is OutboxState.RETRYING
    answer = as_root.post(f"{OUTBOX}/{retrying}/drop", {"back": "https://elsewhere.example"})
    assert answer.location == "/"
    assert state_of(app, retrying) is OutboxState.DROPPED
    answer = as_root.post(f"{OUTBOX}/{sent}/drop", follow_redirects=True)
    assert "it cannot be taken out" in answer.text
    assert as_root.post(f"{OUTBOX}/{sent}/nonsense").status_code == 404
    assert as_root.get(f"{OUTBOX}/999999").status_code == 404
    assert len(as_root.get(f"{OUTBOX}?format=csv").text.splitlines()) == 7


def test_the_oldest_due_letter_is_told(as_root: Visitor, ada: User, app: Flask) -> None:
    assert "The oldest that is due" not in as_root.get(OUTBOX).text
    make_row(app, ada, due_at=clock.now() - timedelta(hours=3))
    assert "3 hours ago" in as_root.get(OUTBOX).text


def test_administrators_are_told_of_data_sources_alike(as_root: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("cpu")
    with with_grafana(app) as double:
        add_sources(double, "loki")
        page = as_root.post(f"{PAGE}/new?kind=alert", ALERT).text
        assert "Grafana has no data source with the uid prometheus. It has loki." in page
        double.faults.calls_left = 0
        answer = as_root.post(f"{PAGE}/new?kind=alert", ALERT, follow_redirects=True)
        assert "Grafana did not answer: whether the data sources" in answer.text
        with app.app_context():
            (row,) = db.session.scalars(select(Notification))
        other = {**ALERT, "template": an_alert_template('"title": "Other"')}
        other["seen"] = as_root.seen(f"{PAGE}/{row.id}")
        answer = as_root.post(f"{PAGE}/{row.id}", other, follow_redirects=True)
        assert "Grafana did not answer: whether the data sources" in answer.text

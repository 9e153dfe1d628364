"""One's own notifications, the letters that came, and the bell."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.extensions import db
from remas.models import EVERYONE, Group, Notification, NotificationType, Outbox, OutboxKind, User
from remas.services import notifications
from tests.support import factories
from tests.support.alerts import an_alert_template
from tests.support.factories import actor_of
from tests.support.grafana_app import add_sources, with_grafana
from tests.web.conftest import Visitor

PAGE = "/profile/notifications"
SOON = {
    "name": "Soon",
    "offset": "10 min",
    "side": "before-start",
    "subject": "${task_name}",
    "template": "Starts at ${task_start}.",
}
ALERT = {
    "name": "Too much",
    "type": "grafana_resource_exceedance_task",
    "resource": "cpu",
    "default_amount": "0",
    "template": an_alert_template('"title": "${user_username}", "params": [${allocation_amount}]'),
}


def stored(app: Flask) -> list[Notification]:
    with app.app_context():
        return list(db.session.scalars(select(Notification).order_by(Notification.id)))


def make_letter(app: Flask, to: User, subject: str = "Subject", minutes_ago: int = 5) -> None:
    """A letter that was told while mail is off."""
    with app.app_context():
        at = clock.now() - timedelta(minutes=minutes_ago)
        key = f"{subject} {at}"
        moments = {"created_at": at, "due_at": at, "next_attempt_at": at, "done_at": at}
        row = Outbox(key=key, kind=OutboxKind.CONTRADICTED, recipient_id=to.id, **moments)
        row.subject, row.text, row.reason = subject, "<b>The text</b>\n& more", "mail is off"
        db.session.add(row)
        db.session.commit()


def test_ones_own_is_made_changed_and_deleted(as_ada: Visitor, app: Flask) -> None:
    page = as_ada.get(PAGE).text
    assert "You have none of your own" in page
    answer = as_ada.post(f"{PAGE}/new", SOON)
    assert answer.location == PAGE
    (row,) = stored(app)
    assert (row.time_offset, row.type) == (600, NotificationType.TASK_START)
    page = as_ada.get(PAGE).text
    assert "Soon is made, and yours." in page
    assert "10 min before the start" in page

    one = f"{PAGE}/{row.id}"
    seen = mark_in(as_ada.get(one).text)
    changed = {**SOON, "offset": "90 s", "side": "after-end", "seen": seen}
    assert as_ada.post(one, changed).status_code == 302
    (row,) = stored(app)
    assert (row.time_offset, row.type) == (-90, NotificationType.TASK_END)
    assert 'value="90 s"' in as_ada.get(one).text

    asked = as_ada.get(f"{one}/delete").text
    assert "Delete this notification?" in asked
    assert as_ada.post(f"{one}/delete", {"seen": mark_in(asked)}).status_code == 302
    assert stored(app) == []


def mark_in(page: str) -> str:
    """What the form says it is about."""
    _, _, rest = page.partition('name="seen" type="hidden" value="')
    return rest.partition('"')[0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("90s", 90), ("2h", 7200), ("1 d", 86400), ("PT10M", 600)],
)
def test_spans_are_written_as_people_do(
    as_ada: Visitor, app: Flask, text: str, seconds: int
) -> None:
    assert as_ada.post(f"{PAGE}/new", {**SOON, "offset": text}).status_code == 302
    assert stored(app)[0].time_offset == seconds


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "Write a name."),
        ("offset", "", "Write how long"),
        ("offset", "soon", "Write a duration"),
        ("offset", "31 d", "at most 30 days"),
        ("offset", "9" * 5000 + "s", "at most 30 days"),
        ("template", "", "Write what it is to say."),
        ("template", "${tsk_name}", "${tsk_name} is no variable. Known are ${user_id}"),
        ("subject", "${tsk_name}", "${tsk_name} is no variable"),
        ("side", "during", "Not a valid choice"),
    ],
)
def test_what_cannot_be_taken_is_told_at_the_field(
    as_ada: Visitor, app: Flask, field: str, value: str, text: str
) -> None:
    page = as_ada.post(f"{PAGE}/new", {**SOON, field: value}).text
    start = page.index(f'<span id="{field}-note">')
    assert text in page[start : start + 300]
    assert stored(app) == []


def test_the_same_name_twice_is_told_at_the_name(as_ada: Visitor, app: Flask) -> None:
    as_ada.post(f"{PAGE}/new", SOON)
    page = as_ada.post(f"{PAGE}/new", SOON).text
    assert "already has this name" in page[page.index('<span id="name-note">') :][:200]
    assert len(stored(app)) == 1


def test_a_preview_saves_and_sends_nothing(as_ada: Visitor, ada: User, app: Flask) -> None:
    draft = {**SOON, "template": "<i>${task_name}</i> $$ {{7*7}} ${task_start}", "preview": "1"}
    page = as_ada.post(f"{PAGE}/new", draft).text
    assert "&lt;i&gt;Sample reservation&lt;/i&gt; $ {{7*7}}" in page
    with app.app_context():
        coming = factories.make_reservation(ada, name="Train a model")
        past = factories.make_reservation(ada, factories.soon(-99), name="Long ago")
    page = as_ada.post(f"{PAGE}/new", draft).text
    assert "&lt;i&gt;Train a model&lt;/i&gt;" in page
    assert f"/reservations/{coming.id}" in page
    page = as_ada.post(f"{PAGE}/new", {**draft, "shown_with": str(past.id)}).text
    assert "&lt;i&gt;Long ago&lt;/i&gt;" in page
    page = as_ada.post(f"{PAGE}/new", {**draft, "shown_with": "sample"}).text
    assert "Sample reservation" in page
    assert stored(app) == []
    with app.app_context():
        assert db.session.scalar(select(Outbox)) is None


def test_a_preview_with_what_is_not_ones_own_is_refused(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        other = factories.make_reservation(factories.make_user(), name="Secret")
    draft = {**SOON, "preview": "1", "shown_with": str(other.id)}
    answer = as_ada.post(f"{PAGE}/new", draft)
    assert answer.status_code == 403
    assert "Secret" not in answer.text


def test_an_alert_of_ones_own_waits_for_an_administrator(
    as_ada: Visitor, ada: User, app: Flask
) -> None:
    with app.app_context():
        factories.make_node("n1", {"cpu": 32})
        root = factories.make_user("root", admin=True)
    page = as_ada.post(f"{PAGE}/new?kind=alert", {**ALERT, "preview": "1"}).text
    assert "&#34;title&#34;: &#34;ada&#34;" in page
    assert as_ada.post(f"{PAGE}/new?kind=alert", ALERT).status_code == 302
    assert "waits for an administrator" in as_ada.get(PAGE).text
    (row,) = stored(app)
    assert row.default_amount == 0
    with app.app_context():
        notifications.approve(actor_of(root, admin=True), row.id)
    assert "waits for an administrator" not in as_ada.get(PAGE).text
    assert "More used than reserved: cpu, 0" in as_ada.get(PAGE).text


def test_amounts_of_alerts_are_in_the_unit_of_the_resource(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("memory", factories.Unit.BYTES_IEC)
        factories.make_node("n1", {"cpu": 8, "memory": 2**38})
    for amount, resource, text in (("5", "memory", "Say of what"), ("5 GiB", "cpu", "a number")):
        draft = {**ALERT, "resource": resource, "default_amount": amount}
        page = as_ada.post(f"{PAGE}/new?kind=alert", draft).text
        assert text in page[page.index('<span id="default_amount-note">') :][:300]
    good = {**ALERT, "resource": "memory", "default_amount": "5 GiB"}
    assert as_ada.post(f"{PAGE}/new?kind=alert", good).status_code == 302
    assert stored(app)[0].default_amount == 5 * 2**30


def test_what_reaches_one_says_from_where_and_cannot_be_changed(
    as_ada: Visitor, ada: User, app: Flask
) -> None:
    with app.app_context():
        everyone = db.session.get(Group, EVERYONE)
        factories.make_notification("From above", groups=[everyone])
        direct = factories.make_notification("For Ada", users=[ada])
        factories.make_notification("Not for Ada")
        foreign = factories.make_notification("Another's", owner=factories.make_user())
    page = as_ada.get(PAGE).text
    assert "From administrators" in page
    assert "From above" in page
    assert ">Everyone<" in page
    assert ">for you<" in page
    assert "Not for Ada" not in page
    for number in (direct.id, foreign.id, 2**31 - 1):
        assert as_ada.get(f"{PAGE}/{number}").status_code == 404
        assert as_ada.post(f"{PAGE}/{number}/delete").status_code == 404


def test_a_form_that_is_stale_overwrites_nothing_unseen(
    as_ada: Visitor, ada: User, app: Flask
) -> None:
    as_ada.post(f"{PAGE}/new", SOON)
    (row,) = stored(app)
    seen = mark_in(as_ada.get(f"{PAGE}/{row.id}").text)
    with app.app_context():
        change = notifications.NotificationChange(description="meanwhile")
        notifications.change(actor_of(ada), row.id, change)
    page = as_ada.post(f"{PAGE}/{row.id}", {**SOON, "name": "Mine", "seen": seen}).text
    assert "Somebody changed it since you opened this page" in page
    assert 'value="Mine"' in page
    again = as_ada.post(f"{PAGE}/{row.id}", {**SOON, "name": "Mine", "seen": mark_in(page)})
    assert again.status_code == 302
    stale = as_ada.post(f"{PAGE}/{row.id}/delete", {"seen": seen})
    assert "It was not deleted" in stale.text
    assert stored(app)[0].name == "Mine"


def test_the_bell_counts_until_one_looks(as_ada: Visitor, ada: User, app: Flask) -> None:
    with app.app_context():
        db.session.get_one(User, ada.id).created_at = clock.now() - timedelta(days=2)
        db.session.commit()
        other = factories.make_user()
    assert "new</span>" not in as_ada.get("/reservations").text
    for subject in ("First", "Second"):
        make_letter(app, ada, subject)
    make_letter(app, other, "Other's")
    assert "Letters to you, 2 new" in as_ada.get("/reservations").text
    page = as_ada.get("/profile/letters").text
    assert page.count("is-new") == 2
    assert "&lt;b&gt;The text&lt;/b&gt;" in page
    assert "only told here" in page
    assert "Other" not in page
    assert "Letters to you</span>" in as_ada.get("/reservations").text
    assert "is-new" not in as_ada.get("/profile/letters").text
    make_letter(app, ada, "Third", minutes_ago=-1)
    assert "Letters to you, 1 new" in as_ada.get("/reservations").text


def test_no_letters_yet_and_strange_pages(as_ada: Visitor) -> None:
    for query in ("", "?page=7", "?page=x", "?page=-1"):
        assert "Nothing was sent to you yet." in as_ada.get(f"/profile/letters{query}").text


def test_calendar_files_are_asked_for(as_ada: Visitor, ada: User, app: Flask) -> None:
    for wanted in ("yes", "no"):
        assert as_ada.post(f"{PAGE}/calendar", {"wanted": wanted}).location == PAGE
        with app.app_context():
            assert db.session.get_one(User, ada.id).calendar_letters is (wanted == "yes")
    as_ada.post(f"{PAGE}/calendar", {"wanted": "perhaps"})
    assert "Send me calendar files" in as_ada.get(PAGE).text


def test_an_alert_names_data_sources_that_grafana_has(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        factories.make_resource("cpu")
    with with_grafana(app) as double:
        add_sources(double, "loki")
        page = as_ada.post(f"{PAGE}/new?kind=alert", ALERT).text
        told = "Grafana has no data source with the uid prometheus. Administrators know which"
        assert told in page[page.index('id="template"') - 400 :]
        assert stored(app) == []
        add_sources(double, "prometheus")
        answer = as_ada.post(f"{PAGE}/new?kind=alert", ALERT, follow_redirects=True)
    assert "is made, and yours" in answer.text
    assert "is not checked" not in answer.text


def test_an_alert_is_saved_while_grafana_is_away_and_the_page_says_so(
    as_ada: Visitor, app: Flask
) -> None:
    with app.app_context():
        factories.make_resource("cpu")
    with with_grafana(app) as double:
        double.faults.calls_left = 0
        answer = as_ada.post(f"{PAGE}/new?kind=alert", ALERT, follow_redirects=True)
        assert "Grafana did not answer: whether the data sources" in answer.text
        (row,) = stored(app)
        other = {**ALERT, "template": an_alert_template('"title": "Other"')}
        other["seen"] = as_ada.seen(f"{PAGE}/{row.id}")
        answer = as_ada.post(f"{PAGE}/{row.id}", other, follow_redirects=True)
        assert "is saved" in answer.text
        assert "Grafana did not answer: whether the data sources" in answer.text
    assert "is not checked" not in as_ada.get(PAGE).text

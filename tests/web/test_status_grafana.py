"""How far Grafana is behind, as administrators see it on their pages, and as Prometheus does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import Audit, GrafanaMark, GrafanaState
from tests.support import factories
from tests.web.conftest import Visitor


@pytest.fixture
def watched(make_app: Callable[..., Flask]) -> Flask:
    """The app with a Grafana, which nobody asks here."""
    return make_app(GRAFANA_URL="http://127.0.0.1:1", GRAFANA_PASSWORD="secret")


@pytest.fixture
def root(watched: Flask) -> Visitor:
    """An administrator, signed in; everybody was looked at an hour ago."""
    with watched.app_context():
        factories.make_user("root", admin=True)
        state(passed_at=clock.now() - timedelta(hours=1), edges_until=clock.now(), failures=0)
    visitor = Visitor(watched.test_client())
    assert visitor.sign_in("root").status_code == 302
    with watched.app_context():
        db.session.query(GrafanaMark).delete()  # signing in may have left one
        db.session.commit()
    return visitor


def state(**fields: object) -> None:
    """The state of Grafana as a whole, with these fields changed."""
    db.session.merge(GrafanaState(id=1, **fields))
    db.session.commit()


def mark(username: str, minutes: float, error: str | None = None) -> None:
    """Somebody new, for whom something may be different since so many minutes."""
    user, now = factories.make_user(username), clock.now()
    row = GrafanaMark(
        user_id=user.id,
        created_at=now - timedelta(minutes=minutes),
        next_attempt_at=now + timedelta(minutes=20) if error else now,
        attempts=1 if error else 0,
        last_error=error,
    )
    db.session.add(row)
    db.session.commit()


def card(page: str) -> str:
    """The part of the status page that is about Grafana."""
    return page.partition('id="grafana"')[2].partition("</section>")[0]


def metric(visitor: Visitor, name: str) -> float | None:
    """The value of a gauge about Grafana; None: there is none."""
    lines = visitor.get("/metrics").text.splitlines()
    values = [line.split()[1] for line in lines if line.startswith(f"remas_grafana_{name} ")]
    return float(values[0]) if values else None


@pytest.mark.parametrize("routing", ["direct", "policies"])
def test_pages_say_whether_policies_see_the_alerts(
    watched: Flask, root: Visitor, routing: str
) -> None:
    is_direct = routing == "direct"
    watched.config["REMAS"] = replace(watched.config["REMAS"], grafana_direct=is_direct)
    assert ("see no alert of REMAS" in card(root.get("/status").text)) is is_direct
    for path in ("", "/new?kind=alert"):
        page = root.get(f"/admin/notifications{path}").text
        assert ("policies that administrators add in Grafana do not see" in page) is is_direct
    assert "do not see these" not in root.get("/admin/notifications/new").text


def test_up_to_date(root: Visitor) -> None:
    shown = card(root.get("/status").text)
    assert "up to date" in shown
    assert "Everybody was last looked at" in shown
    for words in ("behind", "Refused", "Last try"):
        assert words not in shown
    assert "Grafana" not in root.get("/admin").text.partition("The parts")[0]
    assert metric(root, "waiting_people") == 0
    assert metric(root, "behind_seconds") == 0
    assert metric(root, "failures") == 0
    assert metric(root, "refused_people") == 0
    passed_at = metric(root, "last_pass_timestamp_seconds")
    assert passed_at
    assert 3600 <= clock.now().timestamp() - passed_at < 3900


def test_behind_for_a_moment_is_nothing_to_look_at(root: Visitor, watched: Flask) -> None:
    with watched.app_context():
        mark("ada", 3)
        mark("eve", 1)
    shown = card(root.get("/status").text)
    assert "behind: 2 people since" in shown
    assert "over-text" not in shown
    assert "some time" not in root.get("/admin").text
    assert metric(root, "waiting_people") == 2
    behind = metric(root, "behind_seconds")
    assert behind
    assert 180 <= behind < 480


def test_behind_for_long_needs_a_look(root: Visitor, watched: Flask) -> None:
    with watched.app_context():
        mark("ada", 11)
    assert '<strong class="over-text">behind</strong>: 1 person since' in root.get("/status").text
    home = root.get("/admin").text
    assert "Grafana has been behind for 1 person for some time" in home
    assert 'href="/status#grafana"' in home


def test_who_is_refused_and_why(root: Visitor, watched: Flask) -> None:
    with watched.app_context():
        mark("ada", 90, "Another account has <ada@example.org>.")
    shown = card(root.get("/status").text)
    assert "up to date but for those below" in shown
    assert 'href="/admin/users/ada">ada</a>: Another account has &lt;ada@example.org&gt;.' in shown
    assert "tried once" in shown
    assert "Grafana refuses something for 1 person" in root.get("/admin").text
    assert metric(root, "refused_people") == 1
    assert metric(root, "waiting_people") == 0


def test_a_grafana_that_fails_says_how_and_when_it_is_tried_next(
    root: Visitor, watched: Flask
) -> None:
    with watched.app_context():
        later = clock.now() + timedelta(minutes=5)
        state(failures=4, last_error="Grafana does not answer.", next_attempt_at=later)
    shown = card(root.get("/status").text)
    assert "failed, the last 4 in a row:</strong> Grafana does not answer." in shown
    assert "Next try" in shown
    assert metric(root, "failures") == 4


def test_the_button_has_everybody_looked_at(root: Visitor, watched: Flask) -> None:
    with watched.app_context():
        state(failures=4, next_attempt_at=clock.now() + timedelta(minutes=5))
    done = root.post("/status/grafana", follow_redirects=True)
    assert done.status_code == 200
    assert "Everybody is being looked at in Grafana" in done.text
    assert "behind: everybody since" in card(done.text)
    with watched.app_context():
        kept = db.session.get_one(GrafanaState, 1)
        assert kept.next_attempt_at is None
        assert db.session.query(GrafanaMark).one().user_id is None
        assert db.session.query(Audit).filter_by(kind="grafana").one().actor == "root"
    assert "bring up to date" in root.get("/admin/audit?kind=grafana").text


def test_the_button_is_for_administrators_and_for_forms_of_ours(
    root: Visitor, watched: Flask
) -> None:
    with watched.app_context():
        factories.make_user("ada")
        before = db.session.query(GrafanaMark).count()
    ada = Visitor(watched.test_client())
    ada.sign_in("ada")
    page = ada.get("/status")
    assert page.status_code == 200
    assert 'id="grafana"' not in page.text
    assert ada.post("/status/grafana").status_code == 403
    forged = root.client.post("/status/grafana", data={"csrf_token": "x"})
    assert forged.status_code in (400, 403)
    nobody = Visitor(watched.test_client())
    assert nobody.client.post("/status/grafana").status_code in (302, 400)
    with watched.app_context():
        assert db.session.query(GrafanaMark).count() == before


def test_without_grafana_there_is_nothing_of_it(app: Flask) -> None:
    with app.app_context():
        factories.make_user("root", admin=True)
    root = Visitor(app.test_client())
    root.sign_in("root")
    assert 'id="grafana"' not in root.get("/status").text
    assert root.post("/status/grafana").status_code == 404
    assert "remas_grafana" not in root.get("/metrics").text
    assert "Grafana" not in root.get("/admin").text.partition("The parts")[0]

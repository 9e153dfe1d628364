"""How far Grafana is behind, on the wire."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import GrafanaMark, GrafanaState
from tests.api.conftest import API, PROBLEM, Caller, Made
from tests.support import factories


@pytest.fixture
def watched(make_app: Callable[..., Flask]) -> Flask:
    """The app with a Grafana, which nobody asks here."""
    return make_app(GRAFANA_URL="http://127.0.0.1:1", GRAFANA_PASSWORD="secret")


def caller(app: Flask, username: str, **fields: bool) -> Caller:
    """Somebody new, signed in."""
    Made(app).user(username, **fields)
    sign_in = {"username": username, "password": factories.PASSWORD}
    return Caller(app, Caller(app).post("/auth/token", sign_in).json["access_token"])


def test_what_is_told(watched: Flask) -> None:
    root, moment = caller(watched, "root", admin=True), clock.now().replace(microsecond=0)
    later = moment + timedelta(minutes=5)
    with watched.app_context():
        ada = factories.make_user("ada")
        db.session.query(GrafanaMark).delete()
        error = "Grafana does not answer."
        passed = {"passed_at": moment, "edges_until": moment}
        db.session.add(
            GrafanaState(id=1, failures=2, last_error=error, next_attempt_at=later, **passed)
        )
        again = {"next_attempt_at": later, "attempts": 3, "last_error": "No."}
        db.session.add(GrafanaMark(user_id=ada.id, created_at=moment, **again))
        db.session.commit()
    answer = root.get("/grafana")
    assert answer.json == {
        "waiting_people": 0,
        "everybody": False,
        "waiting_since": None,
        "refused_people": 1,
        "refused": [
            {
                "username": "ada",
                "since": clock.written(moment),
                "attempts": 3,
                "error": "No.",
                "next_attempt_at": clock.written(later),
            }
        ],
        "failures": 2,
        "last_error": "Grafana does not answer.",
        "next_attempt_at": clock.written(later),
        "passed_at": clock.written(moment),
    }
    seen = {"If-None-Match": answer.headers["ETag"]}
    assert root.get("/grafana", headers=seen).status_code == 304

    asked = root.post("/grafana/sync")
    assert asked.status_code == 200
    assert (asked.json["everybody"], asked.json["waiting_people"]) == (True, 1)
    assert asked.json["next_attempt_at"] is None
    assert asked.json["failures"] == 2
    (row,) = root.get("/audit?kind=grafana").json["items"]
    assert (row["action"], row["actor"]) == ("bring up to date", "root")


def test_what_needs_a_look(watched: Flask) -> None:
    root, now = caller(watched, "root", admin=True), clock.now()
    with watched.app_context():
        ada, eve = factories.make_user("ada"), factories.make_user("eve")
        db.session.query(GrafanaMark).delete()
        db.session.add(GrafanaState(id=1, passed_at=now, edges_until=now, failures=0))
        for user, attempts in ((ada, 0), (eve, 1)):
            since = now - timedelta(minutes=11)
            row = {"created_at": since, "next_attempt_at": now, "attempts": attempts}
            db.session.add(GrafanaMark(user_id=user.id, **row))
        db.session.commit()
    assert root.get("/attention").json["items"] == [
        {"matter": "grafana behind", "number": 1},
        {"matter": "grafana refuses", "number": 1},
    ]


def test_it_is_for_administrators(watched: Flask) -> None:
    eve, nobody = caller(watched, "eve"), Caller(watched)
    for method, path in (("GET", "/grafana"), ("POST", "/grafana/sync")):
        assert eve(method, path).status_code == 403
        assert nobody(method, path).status_code == 401


def test_without_grafana_it_is_not_found(admin: Caller) -> None:
    for method, path in (("GET", "/grafana"), ("POST", "/grafana/sync")):
        answer = admin(method, path)
        assert (answer.status_code, answer.mimetype) == (404, PROBLEM)
        assert "GRAFANA_URL" in answer.json["detail"]
    described = admin.get("/openapi.json").json["paths"][f"{API}/grafana"]["get"]["responses"]
    assert {"200", "304", "401", "403", "404"} <= described.keys()

"""Notifications, letters and the outbox over the wire."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.extensions import db
from remas.models import NotificationType, Outbox, OutboxKind, User
from tests.api.conftest import Caller, Made
from tests.support import factories
from tests.support.alerts import an_alert_template
from tests.support.grafana_app import add_sources, with_grafana

SOON = {
    "name": "Soon",
    "type": "task_start",
    "time_offset": 600,
    "template": "${task_name} at ${task_start}",
}
ALERT = {
    "name": "Too much",
    "type": "grafana_resource_exceedance_task",
    "resource": "cpu",
    "default_amount": 0,
    "template": an_alert_template('"title": "${user_username}", "params": [${allocation_amount}]'),
}


def make_row(app: Flask, username: str, **fields: Any) -> int:
    with app.app_context():
        now = clock.now()
        to = db.session.scalars(select(User).where(User.username == username)).one()
        moments = dict.fromkeys(("created_at", "due_at", "next_attempt_at"), now)
        values = {"key": f"{now} {fields}", "kind": OutboxKind.CONTRADICTED, **moments, **fields}
        row = Outbox(recipient_id=to.id, **values)
        db.session.add(row)
        db.session.commit()
        return row.id


def test_an_administrators_is_everybodys_to_whom_it_is_assigned(admin: Caller, eve: Caller) -> None:
    made = admin.post("/notifications", SOON)
    assert made.status_code == 201
    assert made.json == {
        **SOON,
        "id": made.json["id"],
        "description": None,
        "subject": None,
        "resource": None,
        "default_amount": None,
        "owner": None,
        "approved": True,
        "users": [],
        "groups": [],
    }
    path = made.headers["Location"].removeprefix("/api/v1")
    assert admin.get(path).json == made.json
    assert eve.get(path).status_code == 404
    assert eve.get("/notifications").json["items"] == []
    for subject in ({"group": "Everyone"}, {"user": "eve"}):
        assigned = admin.post(f"{path}/assign", subject)
        assert assigned.status_code == 200
    assert (assigned.json["users"], assigned.json["groups"]) == (["eve"], ["Everyone"])
    assert eve.get(path).json["users"] == ["eve"]
    assert eve.patch(path, {"name": "Mine"}).status_code == 403
    assert eve.delete(path).status_code == 403
    assert eve.post(f"{path}/unassign", {"user": "eve"}).status_code == 403
    assert eve.post(f"{path}/preview", {}).json["text"].startswith("Sample reservation at ")
    admin.post(f"{path}/unassign", {"group": "Everyone"})
    gone = admin.post(f"{path}/unassign", {"user": "eve"})
    assert (gone.json["users"], gone.json["groups"]) == ([], [])
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_ones_own_is_ones_own(admin: Caller, eve: Caller, make: Made) -> None:
    made = eve.post("/notifications", SOON)
    assert made.status_code == 201
    assert (made.json["owner"], made.json["users"]) == ("eve", ["eve"])
    path = f"/notifications/{made.json['id']}"
    make.user("mallory")
    for subject in ({"user": "mallory"}, {"group": "Users"}):
        for caller in (eve, admin):
            refused = caller.post(f"{path}/assign", subject)
            assert refused.status_code == 422
            assert list(refused.json["errors"]) == list(subject)
    assert eve.post("/notifications", SOON).json["type"] == "/problems/name-taken"
    assert admin.post("/notifications", {**SOON, "owner": "root"}).json["owner"] == "root"
    assert admin.post("/notifications", {**SOON, "owner": "eve"}).status_code == 422
    assert eve.post("/notifications", {**SOON, "owner": "root"}).status_code == 422
    found = admin.get("/notifications?owner=eve").json
    assert [item["name"] for item in found["items"]] == ["Soon"]
    assert eve.get("/notifications?user=mallory").status_code == 403
    assert eve.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"template": "${tsk_name}"}, "template"),
        ({"template": None}, "template"),
        ({"template": ""}, "template"),
        ({"template": " "}, "template"),
        ({"type": "other"}, "type"),
        ({"type": "task_stop"}, "type"),
        ({"time_offset": None}, "time_offset"),
        ({"time_offset": 30 * 86400 + 1}, "time_offset"),
        ({"time_offset": 1.5}, "time_offset"),
        ({"time_offset": True}, "time_offset"),
        ({"default_amount": 0}, "default_amount"),
        ({"resource": "cpu"}, "resource"),
        ({"subject": "${nope}"}, "subject"),
        ({"approved": True}, "approved"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_is_refused_when_it_is_made(
    admin: Caller, make: Made, change: dict[str, Any], field: str
) -> None:
    make.resource("cpu")
    answer = admin.post("/notifications", {**SOON, **change})
    assert answer.status_code == 422, answer.text
    assert list(answer.json["errors"]) == [field]
    assert admin.get("/notifications").json["total"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"default_amount": -1}, "default_amount"),
        ({"default_amount": 2**63}, "default_amount"),
        ({"default_amount": None}, "default_amount"),
        ({"resource": "nothing"}, "resource"),
        ({"resource": None}, "resource"),
        ({"template": "no JSON"}, "template"),
        ({"template": '{"a": ${task_name}}'}, "template"),
    ],
)
def test_what_is_refused_of_alerts(
    admin: Caller, make: Made, change: dict[str, Any], field: str
) -> None:
    make.resource("cpu")
    answer = admin.post("/notifications", {**ALERT, **change})
    assert answer.status_code == 422, answer.text
    assert list(answer.json["errors"]) == [field]


def test_an_alert_of_ones_own_waits_for_approval(admin: Caller, eve: Caller, make: Made) -> None:
    make.node("n1", {"cpu": 8})
    made = eve.post("/notifications", ALERT)
    assert (made.json["approved"], made.json["default_amount"]) == (False, 0)
    path = f"/notifications/{made.json['id']}"
    assert eve.post(f"{path}/approve").status_code == 403
    assert [n["id"] for n in admin.get("/notifications?waiting=true").json["items"]] == [
        made.json["id"]
    ]
    seen = {"If-Match": admin.get(path).headers["ETag"]}
    eve.patch(path, {"default_amount": 5})
    assert admin.post(f"{path}/approve", headers=seen).status_code == 412
    assert admin.post(f"{path}/approve").json["approved"] is True
    assert admin.post(f"{path}/approve").status_code == 200
    assert eve.patch(path, {"description": "same"}).json["approved"] is True
    assert eve.patch(path, {"default_amount": 6}).json["approved"] is False
    text = eve.post(f"{path}/preview", {}).json["text"]
    assert '"params": [\n    6\n  ]' in text
    letter = eve.post("/notifications", SOON).json["id"]
    assert admin.post(f"/notifications/{letter}/approve").status_code == 409


def test_changes_keep_what_is_not_named_and_mind_what_was_seen(admin: Caller) -> None:
    made = admin.post("/notifications", {**SOON, "description": "x", "subject": "y"})
    path, seen = f"/notifications/{made.json['id']}", {"If-Match": made.headers["ETag"]}
    changed = admin.patch(path, {"time_offset": -60, "description": None}, headers=seen)
    assert changed.json == {**made.json, "time_offset": -60, "description": None}
    for stale in (
        admin.patch(path, {"name": "z"}, headers=seen),
        admin.post(f"{path}/assign", {"group": "Users"}, headers=seen),
        admin.post(f"{path}/unassign", {"group": "Users"}, headers=seen),
        admin.delete(path, headers=seen),
    ):
        assert stale.status_code == 412
    whole = {k: v for k, v in changed.json.items() if k not in UNSENT}
    assert admin.patch(path, whole).json == changed.json
    assert admin.patch(path, {}).json == changed.json
    assert list(admin.patch(path, {"type": ALERT["type"]}).json["errors"]) != []


UNSENT = ("id", "owner", "approved", "users", "groups")


@pytest.mark.parametrize("body", [{}, {"user": "eve", "group": "Users"}, {"user": None}])
def test_assignments_name_one_subject(admin: Caller, eve: Caller, body: dict[str, Any]) -> None:
    made = admin.post("/notifications", SOON).json["id"]
    for verb in ("assign", "unassign"):
        answer = admin.post(f"/notifications/{made}/{verb}", body)
        assert list(answer.json["errors"]) == ["user"]


def test_lists_are_filtered_and_sorted(admin: Caller, make: Made) -> None:
    make.notification("B", time_offset=60)
    make.notification("A", NotificationType.TASK_END)
    make.notification("C", time_offset=5)

    def names(query: str) -> list[str]:
        return [item["name"] for item in admin.get(f"/notifications?{query}").json["items"]]

    assert names("") == ["A", "B", "C"]
    assert names("sort=-name") == ["C", "B", "A"]
    assert names("sort=time_offset") == ["C", "B", "A"]
    assert names("type=task_end") == ["A"]
    assert names("q=b") == ["B"]
    assert names("per_page=1&page=2") == ["B"]
    assert list(admin.get("/notifications?sort=template").json["errors"]) == ["sort"]


def test_what_was_sent_to_oneself(app: Flask, admin: Caller, eve: Caller) -> None:
    now = clock.now()
    make_row(app, "eve")
    make_row(app, "eve", done_at=now, reason="mail is off", subject="Hello", text="Text")
    make_row(app, "root", done_at=now, subject="Other")
    (letter,) = eve.get("/me/letters").json["items"]
    assert (letter["kind"], letter["subject"], letter["text"]) == ("contradicted", "Hello", "Text")
    assert letter["sent"] is False
    assert admin.get("/me/letters").json["items"][0]["sent"] is True


def test_the_outbox_is_seen_and_steered(app: Flask, admin: Caller, eve: Caller) -> None:
    now = clock.now()
    dead = make_row(app, "eve", dead_at=now, last_error="No such user", attempts=1)
    sent = make_row(app, "eve", done_at=now, subject="Hello", text="Text")
    waiting = make_row(app, "root")
    counts = admin.get("/outbox/counts").json
    assert (counts["dead"], counts["sent"], counts["waiting"], counts["retrying"]) == (1, 1, 1, 0)
    assert counts["oldest_due"] is not None
    (row,) = admin.get("/outbox?state=dead").json["items"]
    assert (row["id"], row["recipient"], row["last_error"]) == (dead, "eve", "No such user")
    assert row["next_attempt_at"] is None
    assert admin.get(f"/outbox/{dead}").json == row
    assert admin.get("/outbox?recipient=root").json["total"] == 1
    assert admin.get("/outbox?kind=reminder").json["total"] == 0
    assert admin.post(f"/outbox/{dead}/retry").json["state"] == "retrying"
    assert admin.post(f"/outbox/{waiting}/drop").json["state"] == "dropped"
    assert admin.post(f"/outbox/{waiting}/drop").status_code == 200
    for verb in ("retry", "drop"):
        refused = admin.post(f"/outbox/{sent}/{verb}")
        assert (refused.status_code, refused.json["type"]) == (409, "/problems/conflict")
    assert admin.get("/outbox/999999").status_code == 404
    for path in ("/outbox", "/outbox/counts", f"/outbox/{dead}"):
        assert eve.get(path).status_code == 403
    actions = [entry["action"] for entry in admin.get("/audit?kind=outbox").json["items"]]
    assert sorted(actions) == ["drop", "retry"]


def test_a_preview_is_of_ones_own_reservations(
    app: Flask, admin: Caller, eve: Caller, make: Made
) -> None:
    with app.app_context():
        mine = db.session.scalars(select(User).where(User.username == "eve")).one()
        own = factories.make_reservation(mine, name="Mine")
        other = factories.make_reservation(factories.make_user(), name="Secret")
    number = eve.post("/notifications", SOON).json["id"]
    path = f"/notifications/{number}/preview"
    assert eve.post(path, {}).json["reservation"] == own.id
    assert eve.post(path, {"reservation": other.id}).status_code == 403
    assert eve.post(path, {"reservation": 999999}).status_code == 404
    assert admin.post(path, {"reservation": other.id}).json["text"].startswith("Secret at ")
    assert eve.get("/me/letters").json["total"] == 0


def test_data_sources_of_alerts_are_in_grafana(admin: Caller, make: Made, app: Flask) -> None:
    make.resource("cpu")
    with with_grafana(app) as double:
        add_sources(double, "loki")
        refused = admin.post("/notifications", ALERT)
        text = "Grafana has no data source with the uid prometheus. It has loki."
        assert (refused.status_code, refused.json["errors"]) == (422, {"template": [text]})
        add_sources(double, "prometheus")
        made = admin.post("/notifications", ALERT)
        assert (made.status_code, "Remas-Unchecked" in made.headers) == (201, False)
        path = f"/notifications/{made.json['id']}"
        other = {"template": an_alert_template('"title": "Other"')}
        double.faults.calls_left = 0
        changed = admin.patch(path, other)
    assert changed.status_code == 200
    assert "Grafana did not answer" in changed.headers["Remas-Unchecked"]
    again = admin.get(path)
    assert "Remas-Unchecked" not in again.headers
    assert (again.headers["ETag"], again.json) == (changed.headers["ETag"], changed.json)

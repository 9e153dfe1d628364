"""Operations beside the contract's table: standing, history, letters, joining, lists as CSV."""

import csv
import io
from collections.abc import Callable

import pytest
import time_machine

from remas.models import Scope
from tests.api.conftest import Caller, Made
from tests.support.factories import soon

NOON = "2030-05-01T12:00:00Z"


def test_a_maintenance_is_ended(make: Made, sign_in: Callable[..., Caller]) -> None:
    make.user("root", admin=True)
    body = {"node": "n1", "starts_at": NOON, "ends_at": "2030-05-01T18:00:00Z"}
    make.node("n1")
    with time_machine.travel("2030-05-01T12:00:30Z", tick=False) as clock:
        admin = sign_in("root")
        made = admin.post("/maintenance", body)
        path = f"/maintenance/{made.json['id']}"
        assert admin.post(f"{path}/end", headers={"If-Match": '"other"'}).status_code == 412
        ended = admin.post(f"{path}/end", headers={"If-Match": made.headers["ETag"]})
        assert ended.json == {**made.json, "ends_at": "2030-05-01T12:01:00Z"}
        clock.shift(30)
        again = admin.post(f"{path}/end")
        assert (again.status_code, again.json["type"]) == (409, "/problems/conflict")


def test_joining_a_group(admin: Caller, make: Made) -> None:
    make.user("ann")
    make.user("bob")
    seen = admin.post("/groups", {"name": "Lab", "parent": "Users", "members": ["bob"]})
    stale = admin.post("/groups/Lab/join", {"members": ["ann"]}, headers={"If-Match": '"other"'})
    assert stale.status_code == 412
    joined = admin.post(
        "/groups/Lab/join",
        {"members": ["ann", "ann"]},
        headers={"If-Match": seen.headers["ETag"]},
    )
    assert joined.json["members"] == ["ann", "bob"]
    assert joined.headers["ETag"] == admin.get("/groups/Lab").headers["ETag"]
    again = admin.post("/groups/Lab/join", {"members": ["ann"]})
    assert again.json == joined.json
    unknown = admin.post("/groups/Lab/join", {"members": ["bob", "nobody"]})
    assert list(unknown.json["errors"]) == ["members.1"]
    assert admin.post("/groups/None/join", {"members": ["ann"]}).status_code == 404
    assert admin.post("/groups/Lab/join", {"members": []}).status_code == 422


def test_how_one_stands(admin: Caller, eve: Caller, make: Made) -> None:
    node = make.node("n1", {"gpu": 8})
    make.limit(4, "gpu", user=admin.get("/users/eve").json["id"], name="few", scope=Scope.TOTAL)
    start = soon()
    make.reservation(admin.get("/users/eve").json["id"], start, 2, allocations={node: {"gpu": 3}})
    (found,) = eve.get("/users/eve/standing").json["items"]
    assert found == {
        "name": "few",
        "description": None,
        "resource": "gpu",
        "unit": "",
        "amount": 4,
        "scope": "total",
        "level": "user",
        "nodes": [],
        "held": 0,
        "peak": 3,
        "peak_at": f"{start:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert admin.get("/users/eve/standing").json["total"] == 1
    assert eve.get("/users/root/standing").status_code == 403
    assert eve.get("/users/nobody/standing").status_code == 403
    assert admin.get("/users/nobody/standing").status_code == 404


def test_what_binds_a_group(admin: Caller, make: Made) -> None:
    make.node("n1", {"gpu": 8})
    admin.post("/limits", {"name": "few", "resource": "gpu", "amount": 4, "group": "Everyone"})
    (found,) = admin.get("/groups/Users/limits").json["items"]
    assert (found["name"], found["level"], "held" in found) == ("few", "Everyone", False)
    assert admin.get("/groups/None/limits").status_code == 404


def test_what_deleting_a_limit_contradicts(admin: Caller, make: Made) -> None:
    node, ann = make.node("n1", {"gpu": 8}), make.user("ann")
    group = {"name": "few", "resource": "gpu", "amount": 1, "group": "Users"}
    admin.post("/limits", group)
    own = admin.post("/limits", {"name": "more", "resource": "gpu", "amount": 4, "user": "ann"})
    held = make.reservation(ann, soon(), 2, allocations={node: {"gpu": 3}})
    path = f"/limits/{own.json['id']}"
    (found,) = admin.get(f"{path}/deletion").json["items"]
    assert (found["reservation"], found["limit"], found["short_by"]) == (held.id, "few", 2)
    assert admin.get(path).status_code == 200  # it is still there
    assert admin.get("/limits/99/deletion").status_code == 404


def test_the_history_of_a_reservation(admin: Caller, eve: Caller, make: Made) -> None:
    make.node("n1", {"cpu": 8})
    found = eve.post("/offers", {"duration": "PT1H", "demands": {"cpu": 1}}).json["offers"][0]
    booked = eve.post("/reservations", {**found, "name": "Train"})
    path = f"/reservations/{booked.json['id']}/history"
    (told,) = eve.get(path).json["items"]
    assert (told["actor"], told["action"], told["address"]) == ("eve", "create", None)
    assert admin.get(path).json["items"][0]["address"] == "127.0.0.1"
    assert admin.get("/reservations/99/history").status_code == 404


def test_the_history_is_for_its_owner(eve: Caller, make: Made) -> None:
    other = make.reservation(make.user("ann"), allocations={make.node("n1"): {"cpu": 1}})
    assert eve.get(f"/reservations/{other.id}/history").status_code == 403


def test_letters_to_oneself(eve: Caller) -> None:
    assert eve.get("/me/letters/unseen").json == {"unseen": 0}
    assert eve.post("/me/letters/seen").status_code == 204
    before = eve.get("/me/letters/calendar").json["wanted"]
    changed = eve.put("/me/letters/calendar", {"wanted": not before})
    assert changed.json == eve.get("/me/letters/calendar").json == {"wanted": not before}
    assert eve.put("/me/letters/calendar", {"wanted": "yes"}).status_code == 422


def test_other_sessions_end(eve: Caller, sign_in: Callable[..., Caller]) -> None:
    other = sign_in("eve")
    assert eve.delete("/me/sessions").status_code == 204
    assert other.get("/me").status_code == 401
    assert eve.get("/me/sessions").json["total"] == 1


def test_a_draft_is_previewed(eve: Caller) -> None:
    draft = {
        "name": "Soon",
        "type": "task_start",
        "time_offset": 600,
        "template": "${task_name}!",
        "made_up": True,
    }
    found = eve.post("/notifications/preview", draft).json
    assert found["reservation"] is None
    assert found["text"].endswith("!")
    assert eve.get("/notifications").json["total"] == 0
    wrong = {**draft, "template": "${nonsense}"}
    assert list(eve.post("/notifications/preview", wrong).json["errors"]) == ["template"]


def test_reservations_are_found_and_sorted(admin: Caller, eve: Caller, make: Made) -> None:
    node, ann = make.node("n1", {"cpu": 8}), make.user("ann")
    for name in ("Train", "Bake", "Train more"):
        make.reservation(ann, name=name, allocations={node: {"cpu": 1}})

    def names(caller: Caller, **query: str) -> list[str]:
        listed = caller.get("/reservations", query_string=query).json
        return [item["name"] for item in listed["items"]]

    assert names(admin, sort="-name") == ["Train more", "Train", "Bake"]
    assert names(admin, q="train", sort="name") == ["Train", "Train more"]
    assert names(eve, sort="-starts") == names(eve)[::-1]
    assert eve.get("/reservations", query_string={"q": "train"}).status_code == 403
    assert eve.get("/reservations", query_string={"sort": "name"}).status_code == 403
    assert admin.get("/reservations", query_string={"sort": "id"}).status_code == 422


def test_everybodys_tags(admin: Caller, eve: Caller, make: Made) -> None:
    ann = make.user("ann")
    tag = make.tag(ann, "thesis")
    make.reservation(ann, allocations={make.node("n1"): {"cpu": 1}}, tags=[tag])
    eve.post("/tags", {"name": "course"})
    listed = admin.get("/everybodys-tags", query_string={"sort": "-owner"}).json["items"]
    assert [(one["owner"], one["name"], one["reservations"]) for one in listed] == [
        ("eve", "course", 0),
        ("ann", "thesis", 1),
    ]
    assert admin.get("/everybodys-tags", query_string={"owner": "ann"}).json["total"] == 1


def test_people_outside_and_with_one_time_passwords(admin: Caller, make: Made) -> None:
    body = {"username": "new", "email": "new@example.org", "uid": 3000}
    assert "initial_password" in admin.post("/users", body).json
    listed = admin.get("/users", query_string={"one_time_password": True}).json["items"]
    assert [user["username"] for user in listed] == ["new"]
    listed = admin.get("/users", query_string={"outside": "Users"}).json["items"]
    assert [user["username"] for user in listed] == ["root"]


@pytest.mark.parametrize("asked", ["accept", "format"])
def test_any_list_is_a_sheet_as_well(admin: Caller, make: Made, asked: str) -> None:
    exporters = [{"job": "node_exporter", "port": 9100, "path": "/metrics"}]
    make.node(
        "n1", {"cpu": 8, "gpu": 2}, description="a, b", address="10.0.0.1", exporters=exporters
    )
    if asked == "accept":
        answer = admin.get("/nodes", headers={"Accept": "text/csv"})
    else:
        answer = admin.get("/nodes", query_string={"format": "csv"})
    assert answer.mimetype == "text/csv"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row == {
        "id": str(admin.get("/nodes/n1").json["id"]),
        "name": "n1",
        "description": "a, b",
        "state": "available",
        "capacities": '{"resource": "cpu", "amount": 8}; {"resource": "gpu", "amount": 2}',
        "address": "10.0.0.1",
        "exporters": '{"job": "node_exporter", "port": 9100, "path": "/metrics"}',
    }
    again = admin.get(
        "/nodes",
        query_string={"format": "csv"},
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert again.status_code == 304


def test_a_sheet_tells_none_from_what_is_not_said(admin: Caller, make: Made) -> None:
    make.node("n1", {"cpu": 8})
    make.node("n2", {}, exporters=[])
    answer = admin.get("/nodes", query_string={"format": "csv"})
    rows = [
        (row["capacities"], row["exporters"]) for row in csv.DictReader(io.StringIO(answer.text))
    ]
    assert rows == [('{"resource": "cpu", "amount": 8}', ""), ("", "[]")]


def test_sheets_of_what_is_nested_hidden_and_empty(admin: Caller, eve: Caller, make: Made) -> None:
    held = make.reservation(
        make.user("ann"), soon(), allocations={make.node("n1", {"cpu": 1}): {"cpu": 3}}
    )
    query = {"format": "csv"}
    (row,) = csv.DictReader(io.StringIO(admin.get("/contradictions", query_string=query).text))
    assert (row["reservation"], row["owner.username"]) == (str(held.id), "ann")
    users = list(csv.DictReader(io.StringIO(eve.get("/users", query_string=query).text)))
    hidden = next(user for user in users if user["username"] == "ann")
    assert (hidden["email"], hidden["uid"]) == ("ann@example.org", "")
    empty = eve.get("/aliases", query_string=query)
    assert empty.text == "id,name,description,resources\r\n"

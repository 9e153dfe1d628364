"""What the earlier front end sends on each of its pages, call by call, and what it reads of it."""

from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
import time_machine
from flask import Flask

from tests.api.conftest import Made
from tests.compat import world
from tests.compat.conftest import Caller, signed_in
from tests.support.alerts import an_alert_template
from tests.support.factories import PASSWORD

Ids = Mapping[str, int]
TEMPLATE = an_alert_template('"title": "${user_username} on ${node_name}"')


@pytest.fixture
def ids(app: Flask, make: Made) -> Ids:
    return world.build(app, make)


@pytest.fixture
def eve(app: Flask, ids: Ids) -> Caller:
    return signed_in(app, "eve")


@pytest.fixture
def root(app: Flask, ids: Ids) -> Caller:
    return signed_in(app, "root")


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def read(thing: Mapping[str, Any], *paths: str) -> None:
    """The front end reads these fields, such as `group.id` or `tags[].name`."""
    for path in paths:
        first, _, rest = path.partition(".")
        name = first.removesuffix("[]")
        assert name in thing, path
        if rest:
            for part in thing[name] if first.endswith("[]") else [thing[name]]:
                read(part, rest)


@pytest.mark.parametrize("username", ["eve", "root"])
def test_login(app: Flask, ids: Ids, anybody: Caller, username: str) -> None:
    form = {"username": username, "password": PASSWORD}
    pair = ok(anybody.post("/authentication/token", data=form, content_type="multipart/form-data"))
    claims = {name: jwt.decode(pair[name], options={"verify_signature": False}) for name in pair}
    for name, is_refresh in (("access_token", False), ("refresh_token", True)):
        assert claims[name]["is_refresh_token"] is is_refresh
        assert claims[name]["is_admin"] is (username == "root")
        assert claims[name]["sub"] == username
        assert isinstance(claims[name]["exp"], int)
    caller = Caller(app, pair["access_token"])
    user = ok(caller.get(f"/user/{claims['refresh_token']['user_id']}"))
    read(user, "id", "name", "surname", "username", "email", "uid", "group.id", "group.name")
    assert user["username"] == username


def test_any_request_after_the_access_token_has_expired(app: Flask, ids: Ids) -> None:
    with time_machine.travel(world.START, tick=False) as clock:
        eve = signed_in(app, "eve")
        clock.shift(31 * 60)
        assert eve.get("/node").status_code == 401
        refreshing = Caller(app, eve.refresh_token)
        # Several requests at once: each refreshes first, with the same token.
        pairs = [ok(refreshing.post("/authentication/refresh")) for _ in range(3)]
        for pair in pairs:
            assert Caller(app, pair["access_token"]).get("/node").status_code == 200
        clock.shift(31 * 60)
        again = Caller(app, pairs[0]["refresh_token"])
        ok(again("POST", "/authentication/refresh", data="null", content_type="application/json"))


def test_tasks(eve: Caller, ids: Ids) -> None:
    me = ids["user_id"]
    page = {"page_number": 0, "page_size": 10}
    fields = ("id", "name", "description", "start_time", "end_time", "status", "tags[].id")
    active = ok(eve.post(f"/task/user/{me}/active", page))
    assert [(task["name"], task["status"]) for task in active] == [("train", "scheduled")]
    finished = ok(eve.post(f"/task/user/{me}/finished", page))
    assert [task["status"] for task in finished] == ["finished"]
    for task in (*active, *finished):
        read(task, *fields, "tags[].name", "resources")
    assert ok(eve.post(f"/task/user/{me}/active", {**page, "page_number": 1})) == []


def test_a_new_task(eve: Caller, ids: Ids) -> None:
    limits = ok(eve.get(f"/limit/user_all/{ids['user_id']}"))
    assert [(limit["amount"], limit["node_ids"]) for limit in limits] == [
        (8, [ids["node_id"]]),
        (6, [ids["idle_node_id"]]),  # the group's, where the own one does not hold
    ]
    assert {limit["resource_id"] for limit in limits} == {ids["resource_id"]}
    for user in ok(eve.get("/user")):
        read(user, "id", "name", "surname", "username", "email")
    for resource in ok(eve.get("/resource")):
        read(resource, "id", "name", "description", "unit", "aliases[].id", "aliases[].name")
    for node in ok(eve.get("/node")):
        read(node, "id", "name", "description", "resources[].id", "resources[].amount")
        read(node, "resources[].name", "resources[].unit")
    week = {"start_time": "2029-12-31 00:00", "end_time": "2030-01-06 23:59"}
    periods = ok(eve.post("/task/get_scheduling", {**week, "exclude_task_id": 0}))
    assert periods == [
        {
            "start_time": "2030-01-02T10:00:00",
            "end_time": "2030-01-02T12:00:00",
            "available_resources": [
                {
                    "node_id": ids["node_id"],
                    "resource_id": ids["resource_id"],
                    "amount": 7,
                    "user_ids": [ids["user_id"]],
                }
            ],
        }
    ]
    asked = {
        "id": None,
        "name": "Task name",
        "description": "",
        "start_time": "2030-01-03 04:04",
        "end_time": "2030-01-03 05:04",
        "resource_allocations": [
            {"node_id": ids["node_id"], "resource_id": ids["resource_id"], "amount": 8}
        ],
        "tag_ids": [],
    }
    task = ok(eve.post("/task", asked))
    assert (task["name"], task["description"], task["status"]) == ("Task name", None, "scheduled")
    assert (task["start_time"], task["end_time"]) == ("2030-01-03T04:04:00", "2030-01-03T05:04:00")


def test_rescheduling_a_task(eve: Caller, ids: Ids) -> None:
    task = ok(eve.get(f"/task/{ids['task_id']}"))
    read(task, "resources[].node.id", "resources[].resource.id", "resources[].amount")
    week = {"start_time": "2029-12-31 00:00", "end_time": "2030-01-06 23:59"}
    assert ok(eve.post("/task/get_scheduling", {**week, "exclude_task_id": task["id"]})) == []
    moved = {
        "id": task["id"],
        "name": task["name"],
        "description": task["description"],
        "start_time": "2030-01-02 11:00",
        "end_time": "2030-01-02 13:00",
        "resource_allocations": [
            {"node_id": one["node"]["id"], "resource_id": one["resource"]["id"], "amount": 2}
            for one in task["resources"]
        ],
        "tag_ids": [],
    }
    changed = ok(eve.post("/task", moved))
    assert (changed["start_time"], changed["end_time"]) == (
        "2030-01-02T11:00:00",
        "2030-01-02T13:00:00",
    )
    assert [one["amount"] for one in changed["resources"]] == [2]
    assert [tag["name"] for tag in changed["tags"]] == ["thesis"]


def test_cancelling_a_task(eve: Caller, root: Caller, ids: Ids) -> None:
    number, page = ids["task_id"], {"page_number": 0, "page_size": 10}
    assert ok(eve.delete(f"/task/{number}")) == {"detail": "Task deleted"}
    assert eve.get(f"/task/{number}").status_code == 404
    assert eve.delete(f"/task/{number}").status_code == 404
    assert ok(eve.post(f"/task/user/{ids['user_id']}/active", page)) == []
    lists = (
        *ok(root.get("/task")),
        *ok(root.get(f"/task/user/{ids['user_id']}")),
        *ok(eve.post("/task/active", page)),
        *ok(eve.post("/task/finished", page)),
        *ok(root.get(f"/user/{ids['user_id']}"))["tasks"],
        *ok(eve.get(f"/task_tag/{ids['tag_id']}"))["tasks"],
    )
    assert number not in [task["id"] for task in lists]


def test_all_tasks(eve: Caller, root: Caller) -> None:
    page = {"page_number": 0, "page_size": 10}
    for caller in (eve, root):
        for kind in ("active", "finished"):
            for task in ok(caller.post(f"/task/{kind}", page)):
                read(task, "owner.name", "owner.surname", "owner.username", "resources[].node.id")


def test_the_pages_of_users(root: Caller, app: Flask, ids: Ids) -> None:
    me = ids["user_id"]
    for user in ok(root.get("/user")):
        read(user, "id", "name", "surname", "username", "email", "uid", "group.id", "group.name")
    assert "Users" in [group["name"] for group in ok(root.get("/group"))]
    first, *chain = ok(root.get(f"/notification/user/{me}"))
    assert (first["group_id"], first["group_name"]) == (None, None)
    assert [one["name"] for one in first["notifications"]] == ["soon"]
    assert [(one["group_name"], len(one["notifications"])) for one in chain] == [
        ("Team", 1),
        ("Everyone", 0),
    ]
    ok(root.get(f"/limit/user_all/{me}"))
    ok(root.get("/notification"))
    # Both are sent at once.
    saved = {"id": me, "name": "E", "surname": "V", "username": "eve", "email": "e@example.org"}
    ok(root.post("/group/add_user", {"user_id": me, "group_id": 3}))
    user = ok(root.put("/user", {**saved, "uid": 5001, "group_id": 3}))
    assert (user["name"], user["uid"], user["group_id"]) == ("E", 5001, 3)
    ok(
        root.post(
            "/authentication/set_password",
            {"user_id": me, "new_password": "four quiet words apart"},
        )
    )
    signed_in(app, "eve", "four quiet words apart")


def test_a_new_user(root: Caller, app: Flask) -> None:
    made = {
        "name": "Ada",
        "surname": "King",
        "username": "ada",
        "uid": 4711,
        "email": "ada@example.org",
        "password": "four quiet words apart",
        "group_id": 3,
    }
    user = ok(root.post("/user", made), 201)
    assert (user["group"]["name"], user["uid"]) == ("Users", 4711)
    ada = signed_in(app, "ada", "four quiet words apart")
    ok(ada.get(f"/user/{user['id']}"))
    assert ok(root.delete(f"/user/{user['id']}")) == {"detail": "User deleted"}
    assert ada.get("/node").status_code == 401


def test_the_pages_of_groups(root: Caller, ids: Ids) -> None:
    for group in ok(root.get("/group")):
        read(group, "id", "name", "description", "users_share_statistics", "parent")
    ok(root.get(f"/notification/group/{ids['group_id']}"))
    ok(root.get(f"/limit/group_all/{ids['group_id']}"))
    sub = {"name": "Sub", "description": "", "users_share_statistics": False, "parent_id": 1}
    made = ok(root.post("/group", sub), 201)
    assert (made["parent"]["name"], made["users_share_statistics"]) == ("Everyone", False)
    moved = {"group_id": made["id"], "parent_id": ids["group_id"]}
    assert ok(root.post("/group/change_parent", moved))["parent"]["name"] == "Team"
    saved = {**sub, "id": made["id"], "name": "Below", "users_share_statistics": True}
    changed = ok(root.put("/group", saved))
    assert (changed["name"], changed["parent"]["name"]) == ("Below", "Team")
    assert changed["users_share_statistics"] is True
    assert ok(root.delete(f"/group/{made['id']}")) == {"detail": "Group deleted"}


def test_the_pages_of_nodes(root: Caller, ids: Ids) -> None:
    node = ok(root.post("/node", {"name": "n3", "description": ""}))
    assert node["resources"] == []
    put = {"node_id": node["id"], "resource_id": ids["resource_id"], "amount": 2**40}
    assert ok(root.post("/node/add_resource", put))["resources"][0]["amount"] == 2**40
    node = ok(root.post("/node/add_resource", {**put, "amount": 16}))
    assert [(one["name"], one["amount"]) for one in node["resources"]] == [("cpu", 16)]
    node = ok(root.put("/node", {**node, "name": "n4", "description": "new"}))
    assert (node["name"], node["description"]) == ("n4", "new")
    assert ok(root.post("/node/remove_resource", {**put, "amount": 0}))["resources"] == []
    assert ok(root.delete(f"/node/{node['id']}")) == {"detail": "Node deleted"}


def test_the_pages_of_resources(root: Caller) -> None:
    made = ok(root.post("/resource", {"name": "ram", "description": "", "unit": "Bytes (IEC)"}))
    assert (made["unit"], made["description"]) == ("Bytes (IEC)", None)
    changed = ok(root.put("/resource", {**made, "unit": "Bytes (SI)", "description": "memory"}))
    assert (changed["unit"], changed["description"]) == ("Bytes (SI)", "memory")
    assert ok(root.delete(f"/resource/{made['id']}")) == {"detail": "Resource deleted"}


def test_the_pages_of_limits(root: Caller, ids: Ids) -> None:
    for limit in ok(root.get("/limit")):
        read(limit, "id", "name", "amount", "user_id", "group_id", "resource_id", "node_ids")
    asked = {
        "name": "few",
        "description": "",
        "amount": 2,
        "user_id": None,
        "group_id": ids["group_id"],
        "resource_id": ids["resource_id"],
        "node_ids": [ids["node_id"], ids["idle_node_id"]],
    }
    made = ok(root.post("/limit", asked))
    assert made == {**asked, "id": made["id"], "description": None}
    changed = ok(root.put("/limit", {**made, "amount": 3, "node_ids": [ids["node_id"]]}))
    assert (changed["amount"], changed["node_ids"]) == (3, [ids["node_id"]])
    mine = {**changed, "user_id": ids["user_id"], "group_id": None}
    assert ok(root.put("/limit", mine))["user_id"] == ids["user_id"]
    assert ok(root.delete(f"/limit/{made['id']}")) == {"detail": "Limit deleted"}


def timed(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "type": "task_end",
        "time_offset": "600",
        "notification_template": "${task_name} ends",
        "default_amount": 0,
        "resource_id": None,
    }


def alert(name: str, ids: Ids) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "type": "grafana_resource_exceedance_task",
        "time_offset": 0,
        "notification_template": TEMPLATE,
        "default_amount": 0,
        "resource_id": ids["resource_id"],
    }


def test_the_pages_of_notifications_for_administrators(root: Caller, ids: Ids) -> None:
    ok(root.get("/notification"))
    ok(root.get("/resource"))
    made = ok(root.post("/notification", timed("end")))
    assert (made["time_offset"], made["owner_id"], made["default_amount"]) == (600, None, None)
    watched = ok(root.post("/notification", alert("too much", ids)))
    assert (watched["resource_id"], watched["default_amount"]) == (ids["resource_id"], 0)
    changed = ok(root.put("/notification", {**made, "time_offset": "-60"}))
    assert changed["time_offset"] == -60
    whom = {"notification_id": made["id"], "user_id": ids["user_id"], "group_id": None}
    for _ in range(2):
        ok(root.post("/notification/assign", whom))
        names = ok(root.get(f"/notification/user/{ids['user_id']}"))[0]["notifications"]
        assert [one["name"] for one in names] == ["end", "soon"]
    for _ in range(2):
        ok(root.post("/notification/unassign", whom))
    both = {"notification_id": made["id"], "user_id": ids["user_id"], "group_id": 1}
    ok(root.post("/notification/assign", both))
    found = ok(root.get(f"/notification/user/{ids['user_id']}"))
    assert [[one["name"] for one in part["notifications"]] for part in found] == [
        ["end", "soon"],
        ["team"],
        ["end"],
    ]
    gone = ok(root.delete(f"/notification/{made['id']}"))
    assert gone == {"detail": "Notification deleted"}


def test_the_pages_of_notifications_for_users(eve: Caller, ids: Ids) -> None:
    me = ids["user_id"]
    made = ok(eve.post("/notification", timed("mine")))
    assert made["owner_id"] == me
    listed = ok(eve.get(f"/notification/owner/{me}"))
    assert [one["name"] for one in listed] == ["mine", "soon"]
    whom = {"notification_id": made["id"], "user_id": me}
    ok(eve.post("/notification/assign", whom))
    ok(eve.post("/notification/unassign", whom))
    mine = ok(eve.get(f"/notification/user/{me}"))[0]["notifications"]
    assert [one["name"] for one in mine] == ["soon"]
    ok(eve.put("/notification", {**made, "name": "yours"}))
    ok(eve.delete(f"/notification/{made['id']}"))


def test_the_profile(eve: Caller, app: Flask, ids: Ids) -> None:
    me = ids["user_id"]
    ok(eve.get(f"/notification/user/{me}"))
    ok(eve.get(f"/limit/user_all/{me}"))
    ok(eve.get(f"/notification/owner/{me}"))
    words = {"old_password": PASSWORD, "new_password": "four quiet words apart"}
    answer = ok(eve.post("/authentication/change_password", words))
    assert answer == {"detail": "Password changed successfully!"}
    ok(eve.get("/node"))  # this session goes on
    signed_in(app, "eve", "four quiet words apart")


def test_cluster_status(anybody: Caller, make_app: Callable[..., Flask], settings: Any) -> None:
    assert ok(anybody.get("/grafana-link")) == {"detail": settings.public_url}
    app = make_app(
        GRAFANA_URL="http://grafana:3000",
        GRAFANA_REDIRECT_URL="https://grafana.example.org",
        GRAFANA_PASSWORD="x",
    )
    assert ok(Caller(app).get("/grafana-link")) == {"detail": "https://grafana.example.org"}

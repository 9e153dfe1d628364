"""Users and groups over the earlier wire: who sees and changes what, and what stays as it is."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import User
from tests.api.conftest import Made
from tests.compat.conftest import Caller, signed_in


def put(user: Any, **changes: Any) -> dict[str, Any]:
    """What the front end sends to change a user."""
    keys = ("id", "name", "surname", "username", "email", "uid")
    return {**{key: getattr(user, key) for key in keys}, **changes}


def test_others_see_how_to_reach_people_and_nothing_else(
    app: Flask, make: Made, eve: Caller
) -> None:
    team = make.group("Secret team")
    ada = make.user("ada", group=team)
    make.limit(3, user=ada)
    make.tag(ada)
    make.notification(users=[ada])
    node = make.node()
    make.reservation(ada, allocations={node: {"cpu": 1}})
    found = {user["username"]: user for user in eve.get("/user").json}
    assert found["ada"] == {
        "id": ada.id,
        "name": "Ada",
        "surname": "Tester",
        "username": "ada",
        "email": "ada@example.org",
        "uid": -1,
        "group_id": 1,
        "group": {
            "id": 1,
            "name": "Everyone",
            "description": None,
            "users_share_statistics": True,
            "parent_id": None,
        },
        "limits": [],
        "tasks": [],
        "tags": [],
        "created_notifications": [],
        "notifications": [],
    }
    assert found["eve"]["uid"] > 0
    assert found["eve"]["group"]["name"] == "Users"
    answer = eve.get(f"/user/{ada.id}")
    assert (answer.status_code, answer.json["detail"]) == (403, "Insufficient permissions!")


def test_the_list_tells_of_tasks_that_are_not_over_and_a_user_of_all(
    make: Made, admin: Caller
) -> None:
    ada, node = make.user("ada"), make.node()
    held = {node: {"cpu": 1}}
    from_now = make.reservation(ada, allocations=held, name="coming")
    past = from_now.starts_at.replace(year=2020)
    make.reservation(ada, past, allocations=held, name="over")
    make.reservation(ada, allocations=held, name="cancelled", cancelled_at=past)
    listed = {user["username"]: user for user in admin.get("/user").json}
    assert [task["name"] for task in listed["ada"]["tasks"]] == ["coming"]
    tasks = admin.get(f"/user/{ada.id}").json["tasks"]
    assert [(task["name"], task["status"]) for task in tasks] == [
        ("over", "finished"),
        ("coming", "scheduled"),
    ]


def test_people_change_their_names_and_address_but_not_their_uid(
    app: Flask, make: Made, sign_in: Callable[..., Caller]
) -> None:
    row = make.user("ada")
    ada = sign_in("ada")
    answer = ada.put("/user", put(row, name=None, surname="King", email="king@example.org"))
    assert (answer.status_code, answer.json["surname"]) == (200, "King")
    assert answer.json["name"] is None
    refused = ada.put("/user", put(row, uid=0))
    assert (refused.status_code, refused.json["detail"]) == (
        403,
        "Only administrators can change uid!",
    )
    other = make.user("other")
    assert ada.put("/user", put(other)).status_code == 403
    assert ada.put("/user", put(row, id=999)).status_code == 403
    with app.app_context():
        assert db.session.get_one(User, row.id).uid == row.uid


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"email": "eve@example.org"}, 409, "Failed to create user in database due to conflict:\n"),
        ({"email": "nonsense"}, 422, "email: "),
        ({"uid": -1}, 422, "uid: "),
        ({"name": "x" * 201}, 422, "name: "),
    ],
)
def test_what_a_user_cannot_be(
    make: Made, admin: Caller, eve: Caller, changes: dict[str, Any], status: int, text: str
) -> None:
    row = make.user("ada")
    answer = admin.put("/user", put(row, **changes))
    assert answer.status_code == status
    assert answer.json["detail"].startswith(text)
    assert "UNIQUE" not in answer.json["detail"]


def test_all_keys_of_a_changed_user_have_to_be_there(make: Made, admin: Caller) -> None:
    body = put(make.user("ada"))
    del body["surname"]
    answer = admin.put("/user", body)
    assert (answer.status_code, answer.json["detail"]) == (422, "surname: This is required.")


def test_who_has_reserved_is_not_deleted(make: Made, admin: Caller) -> None:
    ada, node = make.user("ada"), make.node()
    make.reservation(ada, allocations={node: {"cpu": 1}}, name="train")
    answer = admin.delete(f"/user/{ada.id}")
    assert answer.status_code == 409
    assert "train" in answer.json["detail"]


def test_the_last_administrator_stays(admin: Caller) -> None:
    (root,) = admin.get("/user").json
    assert admin.delete(f"/user/{root['id']}").status_code == 409
    answer = admin.post("/group/add_user", {"user_id": root["id"], "group_id": 3})
    assert answer.status_code == 409
    assert admin.get(f"/user/{root['id']}").json["group_id"] == 2


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_groups_that_always_exist(admin: Caller, make: Made, number: int) -> None:
    team = make.group("Team", parent=None)
    answer = admin.delete(f"/group/{number}")
    assert (answer.status_code, answer.json["detail"]) == (403, "Cannot delete default groups!")
    moved = {"group_id": number, "parent_id": team.id}
    answer = admin.post("/group/change_parent", moved)
    assert (answer.status_code, answer.json["detail"]) == (403, "Cannot change default groups!")


def test_a_group_is_not_below_itself(admin: Caller, make: Made) -> None:
    team = make.group("Team")
    below = make.group("Below", parent=team)
    for parent in (team, below):
        moved = {"group_id": team.id, "parent_id": parent.id}
        assert admin.post("/group/change_parent", moved).status_code == 400
    top = admin.post("/group/change_parent", {"group_id": below.id, "parent_id": None})
    assert (top.status_code, top.json["parent"]) == (200, None)


def test_names_of_groups(admin: Caller, make: Made) -> None:
    team = make.group("Team")
    assert admin.post("/group", {"name": "None"}).status_code == 400
    assert admin.put("/group", {"id": team.id, "name": "None"}).status_code == 400
    taken = admin.post("/group", {"name": "Team"})
    assert (taken.status_code, taken.json["detail"][:22]) == (409, "Failed to create group")
    changed = admin.put("/group", {"id": team.id, "name": "Crew", "parent_id": 3})
    assert changed.json["parent"]["id"] == 1


def test_members_see_their_own_group(app: Flask, make: Made) -> None:
    team = make.group("Team")
    make.user("ada", group=team)
    bob = make.user("bob", group=team)
    make.limit(3, group=team)
    ada = signed_in(app, "ada")
    group = ada.get(f"/group/{team.id}").json
    assert [user["username"] for user in group["members"]] == ["ada", "bob"]
    assert [user["uid"] == -1 for user in group["members"]] == [False, True]
    assert len(group["limits"]) == 1
    assert ada.get(f"/limit/group_all/{team.id}").status_code == 200
    for path in ("/group/1", "/limit/group_all/1", "/task_tag/group/1", "/notification/group/1"):
        answer = ada.get(path)
        assert (answer.status_code, answer.json["detail"]) == (403, "Insufficient permissions!")
        assert ada.get(path.replace("1", "99")).status_code == 403
    make.tag(bob, "bob's")
    (tag,) = ada.get(f"/task_tag/group/{team.id}").json
    assert (tag["name"], tag["user"]["uid"]) == ("bob's", -1)


def test_tags_of_a_group_that_does_not_share(app: Flask, make: Made, admin: Caller) -> None:
    quiet = make.group("Quiet", users_share_statistics=False)
    make.tag(make.user("ada", group=quiet), "private")
    ada = signed_in(app, "ada")
    assert ada.get(f"/task_tag/group/{quiet.id}").status_code == 403
    assert len(admin.get(f"/task_tag/group/{quiet.id}").json) == 1


def test_a_tag_is_its_owners_whatever_the_body_says(
    app: Flask, make: Made, eve: Caller, admin: Caller
) -> None:
    ada = make.user("ada")
    tag = make.tag(ada, "thesis")
    mine = {"id": tag.id, "name": "mine now", "description": None, "user_id": 1}
    answer = eve.put("/task_tag", mine)
    assert answer.status_code == 403
    assert eve.delete(f"/task_tag/{tag.id}").status_code == 403
    assert eve.get(f"/task_tag/user/{ada.id}").status_code == 403
    owner = signed_in(app, "ada")
    assert owner.put("/task_tag", {"id": tag.id, "name": "paper"}).json["name"] == "paper"
    assert admin.put("/task_tag", {"id": tag.id, "name": "book"}).json["user"]["id"] == ada.id
    taken = owner.post("/task_tag", {"name": "book"})
    assert taken.status_code == 409
    assert admin.delete(f"/task_tag/{tag.id}").json == {"detail": "Task tag deleted"}

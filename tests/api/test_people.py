"""Users and groups on the wire: who sees what, and that what was changed is what is shown."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.conftest import API, Caller, Made
from tests.support.factories import PASSWORD
from tests.support.queries import counted

USER = {"id", "username", "name", "surname", "email", "uid", "group", "time_zone", "active"} | {
    "is_admin"
}
CONTACT = {"username", "name", "surname", "email"}


def test_a_user_from_birth_to_death(
    admin: Caller, anybody: Caller, sign_in: Callable[..., Caller]
) -> None:
    body = {"username": "ada", "email": "ada@example.org", "uid": 1815, "password": PASSWORD}
    made = admin.post("/users", body)
    assert made.status_code == 201
    assert made.headers["Location"] == f"{API}/users/ada"
    assert made.json.keys() == USER
    assert made.json["group"] == "Users"
    ada = sign_in("ada")
    assert ada.get("/me").json == made.json
    changes = {"surname": "Lovelace", "group": "Administrators", "time_zone": "Europe/London"}
    changed = admin.patch("/users/ada", changes)
    assert changed.json == {**made.json, **changes, "is_admin": True}
    assert admin.get("/users/ada").json == changed.json
    assert admin.patch("/users/ada", {"surname": None}).json["surname"] is None
    assert admin.patch("/users/ada", {"active": False}).json["active"] is False
    assert ada.get("/me").status_code == 401
    assert admin.delete("/users/ada").status_code == 204
    assert admin.get("/users/ada").status_code == 404
    assert admin.delete("/users/ada").status_code == 404
    actions = [row["action"] for row in admin.get("/audit?kind=user&subject=ada").json["items"]]
    assert actions == ["delete", "change", "change", "change", "create"]


def test_others_see_only_how_to_reach_somebody(admin: Caller, eve: Caller) -> None:
    assert eve.get("/users/root").json.keys() == CONTACT
    assert eve.get("/users/eve").json.keys() == USER
    assert admin.get("/users/eve").json.keys() == USER
    seen = {user["username"]: user.keys() for user in eve.get("/users").json["items"]}
    assert seen == {"root": CONTACT, "eve": USER}
    assert eve.get("/users?group=Users").status_code == 403
    assert eve.get("/users?active=true").status_code == 403
    assert [user["username"] for user in eve.get("/users?q=ROOT").json["items"]] == ["root"]
    assert admin.get("/users?group=Users&active=true").json["total"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "root"}, "username"),
        ({"email": "root@example.org"}, "email"),
        ({"uid": 77}, "uid"),
    ],
)
def test_what_is_taken_is_told(
    make: Made, sign_in: Callable[..., Caller], body: dict[str, object], field: str
) -> None:
    make.user("root", admin=True, uid=77)
    admin = sign_in("root")
    new = {"username": "ada", "email": "ada@example.org", "uid": 1815}
    answer = admin.post("/users", {**new, **body})
    assert answer.status_code == 409
    assert (answer.json["type"], answer.json["field"]) == ("/problems/name-taken", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "other"}, "username"),
        ({"is_admin": True}, "is_admin"),
        ({"id": 7}, "id"),
        ({"password": PASSWORD}, "password"),
        ({"email": None}, "email"),
        ({"email": "nonsense"}, "email"),
        ({"uid": True}, "uid"),
        ({"uid": 2**31}, "uid"),
        ({"uid": None}, "uid"),
        ({"active": "yes"}, "active"),
        ({"active": None}, "active"),
        ({"group": "nowhere"}, "group"),
        ({"group": None}, "group"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_cannot_be_changed_like_this(
    admin: Caller, eve: Caller, body: dict[str, object], field: str
) -> None:
    before = admin.get("/users/eve").json
    answer = admin.patch("/users/eve", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert admin.get("/users/eve").json == before


def test_people_change_their_own(eve: Caller) -> None:
    changed = eve.patch("/me", {"name": "Eva", "time_zone": "Europe/Prague"})
    assert (changed.json["name"], changed.json["time_zone"]) == ("Eva", "Europe/Prague")
    assert eve.get("/me").json == changed.json
    for field in ("uid", "group", "active", "is_admin", "username"):
        assert list(eve.patch("/me", {field: 1}).json["errors"]) == [field]


def test_the_last_administrator_stays(admin: Caller) -> None:
    for answer in (
        admin.patch("/users/root", {"active": False}),
        admin.patch("/users/root", {"group": "Users"}),
        admin.delete("/users/root"),
    ):
        assert answer.status_code == 409
        assert answer.json["type"] == "/problems/last-administrator"


def test_who_has_reserved_is_not_deleted(admin: Caller, make: Made) -> None:
    make.reservation(make.user("ada"), name="train")
    answer = admin.delete("/users/ada")
    assert answer.status_code == 409
    assert answer.json["type"] == "/problems/in-use"
    assert "train" in answer.json["things"][0]


def test_an_administrator_sets_passwords(
    admin: Caller, eve: Caller, sign_in: Callable[..., Caller]
) -> None:
    made = admin.put("/users/eve/password", {})
    assert made.json.keys() == USER | {"initial_password"}
    assert made.headers["Cache-Control"] == "no-store"
    assert eve.get("/me").status_code == 401
    once = sign_in("eve", made.json["initial_password"])
    assert once.get("/me").json["type"] == "/problems/password-change-required"
    for field in ("new_password", "password"):  # the second as in POST /users
        assert admin.put("/users/eve/password", {field: f"{PASSWORD} {field}"}).json.keys() == USER
        assert sign_in("eve", f"{PASSWORD} {field}").get("/me").status_code == 200
    assert admin.put("/users/eve/password", {"new_password": "short"}).status_code == 422
    assert admin.put("/users/nobody/password", {}).status_code == 404


def test_a_group_from_birth_to_death(admin: Caller, eve: Caller) -> None:
    made = admin.post("/groups", {"name": "Physics", "parent": "Users", "members": ["eve"]})
    assert made.status_code == 201
    assert made.headers["Location"] == f"{API}/groups/Physics"
    assert made.json == {
        "id": made.json["id"],
        "name": "Physics",
        "description": None,
        "parent": "Users",
        "users_share_statistics": True,
        "members": ["eve"],
    }
    changed = admin.patch(
        "/groups/Physics",
        {"name": "Chemistry", "users_share_statistics": False, "parent": None, "description": "x"},
    )
    assert changed.json["parent"] is None
    assert admin.get("/groups/Chemistry").json == changed.json
    assert admin.get("/groups/Physics").status_code == 404
    assert (
        admin.patch("/groups/Chemistry", {"parent": "Users", "members": []}).json["members"] == []
    )
    assert eve.get("/me").json["group"] == "Users"
    assert admin.delete("/groups/Chemistry").status_code == 204
    assert [group["name"] for group in admin.get("/groups").json["items"]] == [
        "Administrators",
        "Everyone",
        "Users",
    ]


def test_circles_and_unknown_names_are_invalid(admin: Caller, make: Made) -> None:
    make.group("Below", parent=make.group("Top"))
    for body, field in (
        ({"parent": "Below"}, "parent"),
        ({"parent": "Top"}, "parent"),
        ({"parent": "nowhere"}, "parent"),
        ({"members": ["nobody"]}, "members.0"),
        ({"members": "eve"}, "members"),
        ({"users_share_statistics": None}, "users_share_statistics"),
    ):
        answer = admin.patch("/groups/Top", body)
        assert answer.status_code == 422
        assert list(answer.json["errors"]) == [field]
    assert admin.patch("/groups/Top", {"name": "Below"}).json["field"] == "name"
    assert admin.delete("/groups/Everyone").json["type"] == "/problems/conflict"


def test_effective_limits_are_for_the_person_and_administrators(
    admin: Caller, eve: Caller, make: Made
) -> None:
    eve_id = eve.get("/me").json["id"]
    one, _two = make.node("n1"), make.node("n2")
    own = make.limit(2, user=eve_id, nodes=[one], name="own")
    make.limit(4, group=3, name="all")
    answer = eve.get("/users/eve/limits").json
    assert answer["items"][0] == {
        "id": own.id,
        "name": "own",
        "description": None,
        "resource": "cpu",
        "amount": 2,
        "user": "eve",
        "group": None,
        "nodes": ["n1"],
        "scope": "each_node",
        "level": "user",
    }
    second = answer["items"][1]
    assert (second["level"], second["group"], second["nodes"]) == ("Users", "Users", ["n2"])
    assert (answer["page"], answer["total"]) == (1, 2)
    assert admin.get("/users/eve/limits?per_page=1&page=2").json["items"] == [second]
    assert eve.get("/users/root/limits").status_code == 403
    assert admin.get("/users/nobody/limits").status_code == 404


def test_lists_of_people_cost_the_same_whatever_their_length(
    app: Flask, admin: Caller, make: Made
) -> None:
    def cost(path: str) -> int:
        with counted(app) as statements:
            assert admin.get(path).status_code == 200
        return len(statements)

    for i in range(2):
        make.user(group=make.group(f"g{i}"))
    few = [cost("/users"), cost("/groups")]
    for i in range(10):
        make.user(group=make.group(f"h{i}", parent=make.group(f"p{i}")))
    assert [cost("/users"), cost("/groups")] == few

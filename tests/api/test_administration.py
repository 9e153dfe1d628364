"""What administrators do to people and groups by JSON, and what others never see of them."""

from collections.abc import Callable

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import Reservation
from tests.api.conftest import Caller, Made
from tests.support import factories

CONTACT = {"username", "name", "surname", "email"}
DATABASE_WORDS = ("sqlite", "psycopg", "constraint", "IntegrityError", "INSERT", "UNIQUE", "23505")


def test_deactivating_cancels_what_is_to_come_only_where_asked(
    app: Flask, admin: Caller, make: Made
) -> None:
    ada, node = make.user("ada"), make.node("n1", {"cpu": 8})
    make.reservation(ada, factories.soon(-1), 4, name="running", allocations={node: {"cpu": 1}})
    make.reservation(ada, factories.soon(24), name="coming", allocations={node: {"cpu": 1}})

    def cancelled() -> set[str]:
        with app.app_context():
            return {row.name for row in db.session.query(Reservation) if row.cancelled_at}

    for wrong in (
        {"cancel_coming_reservations": True},
        {"active": True, "cancel_coming_reservations": True},
    ):
        answer = admin.patch("/users/ada", wrong)
        assert list(answer.json["errors"]) == ["cancel_coming_reservations"]
    answer = admin.patch("/users/ada", {"active": False, "cancel_coming_reservations": "yes"})
    assert answer.status_code == 422
    assert admin.patch("/users/ada", {"active": False}).json["active"] is False
    assert cancelled() == set()
    admin.patch("/users/ada", {"active": True})
    done = admin.patch("/users/ada", {"active": False, "cancel_coming_reservations": True})
    assert done.json["active"] is False
    assert cancelled() == {"coming"}


def test_lists_of_people_sort_and_filter(admin: Caller, eve: Caller, make: Made) -> None:
    science = make.group("Science")
    make.user("adam", surname="Zorn", group=make.group("Physics", parent=science))

    def names(caller: Caller, query: str) -> list[str]:
        return [user["username"] for user in caller.get(f"/users?{query}").json["items"]]

    assert names(admin, "sort=-username") == ["root", "eve", "adam"]
    assert names(admin, "sort=-surname") == ["adam", "root", "eve"]
    assert names(admin, "group=Science") == []
    assert names(admin, "group=Science&subgroups=true") == ["adam"]
    assert names(admin, "administrators=true") == ["root"]
    assert names(eve, "sort=surname")[-1] == "adam"
    for query in ("sort=uid", "sort=-uid", "sort=group", "administrators=true", "group=Science"):
        assert eve.get(f"/users?{query}").status_code == 403
    assert list(admin.get("/users?sort=password_hash").json["errors"]) == ["sort"]
    groups = [group["name"] for group in admin.get("/groups?sort=-name&q=i").json["items"]]
    assert groups == ["Science", "Physics", "Administrators"]
    assert list(admin.get("/groups?sort=members").json["errors"]) == ["sort"]


def test_of_other_people_only_how_to_reach_them_is_told(eve: Caller, make: Made) -> None:
    make.user("ada", uid=4711, group=make.group("Secretive group"), time_zone="Asia/Tokyo")
    for path in ("/users/ada", "/users", "/users?q=ada"):
        answer = eve.get(path)
        shapes = answer.json.get("items", [answer.json])
        (ada,) = [shape for shape in shapes if shape["username"] == "ada"]
        assert ada.keys() == CONTACT
        for private in ("4711", "Secretive group", "Asia/Tokyo"):
            assert private not in answer.text
    assert eve.get("/users?q=4711").json["total"] == 0  # nor are they found by it
    assert eve.get("/users/ada/limits").status_code == 403
    for path in ("/groups", "/groups/Users", "/audit"):
        assert eve.get(path).status_code == 403


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_group_is_refused_to_others_and_unknown_to_none_with_an_error(
    eve: Caller, admin: Caller, method: str
) -> None:
    body = {"description": "x"} if method == "PATCH" else None
    assert eve(method, "/groups/Users", body).status_code == 403
    assert eve(method, "/groups/nothing", body).status_code == 403
    assert admin(method, "/groups/nothing", body).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/users/nobody/password", {}, 404),
        ("GET", "/nodes/nothing", None, 404),
        ("GET", "/users/nobody", None, 404),
        ("PATCH", "/users/nobody", {"name": "x"}, 404),
        ("POST", "/auth/refresh", {"refresh_token": "nonsense"}, 401),
        ("GET", "/reservations?page=-1", None, 422),
        ("GET", "/users?page=-1", None, 422),
        ("POST", "/resources", {"name": "gpu", "aliases": ["a", "a"]}, 201),
        ("POST", "/users", {"username": "x", "email": "x@x", "uid": 1}, 201),
        ("POST", "/users", {"username": "", "email": "x@x", "uid": 1}, 422),
        ("PATCH", "/groups/Users", {"parent": "nothing"}, 422),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_told_and_breaks_nothing(
    admin: Caller, method: str, path: str, body: object, status: int
) -> None:
    assert admin(method, path, body).status_code == status


def test_somebody_deleted_reads_nothing_more_and_gets_no_new_token(
    admin: Caller, make: Made, anybody: Caller
) -> None:
    make.user("ada")
    secret = {"username": "ada", "password": factories.PASSWORD}
    tokens = anybody.post("/auth/token", secret).json
    ada = Caller(anybody.client.application, tokens["access_token"])
    assert ada.get("/me").status_code == 200
    assert admin.delete("/users/ada").status_code == 204
    assert ada.get("/me").status_code == 401
    again = anybody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 401


def test_who_is_no_administrator_any_more_is_none_at_the_next_request(
    admin: Caller, make: Made, sign_in: Callable[..., Caller]
) -> None:
    make.user("second", admin=True)
    second = sign_in("second")
    assert second.get("/audit").status_code == 200
    admin.patch("/users/second", {"group": "Users"})
    assert second.get("/audit").status_code == 403
    assert second.get("/me").json["is_admin"] is False


def test_no_answer_speaks_of_the_database(admin: Caller, make: Made) -> None:
    make.user("ada", uid=4711)
    make.group("Physics")
    make.node("n1")
    make.resource("gpu")
    for path, body in (
        ("/users", {"username": "ada", "email": "b@example.org", "uid": 1}),
        ("/users", {"username": "bob", "email": "ada@example.org", "uid": 2}),
        ("/users", {"username": "bob", "email": "b@example.org", "uid": 4711}),
        ("/groups", {"name": "Physics"}),
        ("/nodes", {"name": "n1"}),
        ("/resources", {"name": "gpu"}),
    ):
        answer = admin.post(path, body)
        assert answer.status_code == 409
        assert not [word for word in DATABASE_WORDS if word.lower() in answer.text.lower()]


def test_a_deleted_group_leaves_nobody_and_no_limit_without_a_place(
    admin: Caller, eve: Caller, make: Made
) -> None:
    staff = make.group("Staff", parent=make.group("Science"))
    make.group("Night shift", parent=staff)
    make.limit(3, group=staff, name="small")
    admin.patch("/users/eve", {"group": "Staff"})
    assert admin.delete("/groups/Staff").status_code == 204
    assert admin.get("/groups/Night shift").json["parent"] == "Science"
    assert eve.get("/me").json["group"] == "Science"
    assert admin.get("/limits").json["total"] == 0
    assert eve.get("/users/eve/limits").json["total"] == 0


def test_an_alias_stays_when_its_last_resource_goes(admin: Caller) -> None:
    admin.post("/resources", {"name": "gpu", "aliases": ["card"]})
    assert admin.delete("/resources/gpu").status_code == 204
    again = admin.post("/resources", {"name": "accelerator", "aliases": ["card"]})
    assert again.json["aliases"] == ["card"]

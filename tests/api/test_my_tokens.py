"""Access tokens at the API: asked for, used as bearer tokens, bounded by their scope."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from remas import clock
from tests.api.conftest import Caller, Made
from tests.support.factories import PASSWORD

READ_ONLY = "/problems/read-only-token"
Make = Callable[..., Caller]


def body(scope: str = "write", days: float = 30, **fields: Any) -> dict[str, Any]:
    expires_at = clock.written(clock.now() + timedelta(days=days))
    return {"name": "backup script", "scope": scope, "expires_at": expires_at, **fields}


@pytest.fixture
def with_token(app: Flask) -> Callable[[Caller, str], Caller]:
    """A program with a new token of somebody's."""

    def make(person: Caller, scope: str = "write") -> Caller:
        answer = person.post("/me/tokens", body(scope))
        assert answer.status_code == 201, answer.text
        return Caller(app, answer.json["token"])

    return make


def test_it_is_told_once(eve: Caller) -> None:
    made = eve.post("/me/tokens", body("read"))
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    secret = made.json["token"]
    assert secret.startswith("remas_")
    location = made.headers["Location"].removeprefix("/api/v1")
    shown = eve.get(location)
    expected = {key: value for key, value in made.json.items() if key != "token"}
    assert shown.json == expected
    assert expected["last_used_at"] is None
    listed = eve.get("/me/tokens")
    assert listed.json["items"] == [expected]
    assert secret not in listed.text + shown.text


def test_it_is_a_bearer_token(eve: Caller, with_token: Make) -> None:
    program = with_token(eve)
    assert program.get("/me").json["username"] == "eve"
    (row,) = program.get("/me/tokens").json["items"]
    assert row["current"]
    assert row["last_address"] == "127.0.0.1"
    assert row["last_used_at"]
    (seen,) = eve.get("/me/tokens").json["items"]
    assert not seen["current"]


def test_one_that_may_write_does_what_its_person_may(
    eve: Caller, make: Made, with_token: Make
) -> None:
    make.node("n1", {"cpu": 8})
    program = with_token(eve)
    (offer,) = program.post("/offers", {"duration": "PT1H", "demands": {"cpu": 2}}).json["offers"]
    booked = program.post("/reservations", {"name": "by a script", **offer})
    assert booked.status_code == 201, booked.text
    assert booked.json["owner"]["username"] == "eve"
    assert program.get("/limits").json["type"] == "/problems/forbidden"


def test_one_that_may_read_reads_and_searches(eve: Caller, make: Made, with_token: Make) -> None:
    make.node("n1", {"cpu": 8})
    program = with_token(eve, "read")
    for path in ("/me", "/nodes", "/reservations", "/me/tokens"):
        assert program.get(path).status_code == 200
    assert program("HEAD", "/nodes").status_code == 200
    found = program.post("/offers", {"duration": "PT1H", "demands": {"cpu": 2}})
    assert found.json["status"] == "optimal"
    offer = found.json["offers"][0]
    refused = program.post("/reservations", {"name": "x", **offer})
    assert (refused.status_code, refused.json["type"]) == (403, READ_ONLY)


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/reservations", {}),
        ("PATCH", "/me", {"name": "Other"}),
        ("PUT", "/me/password", {}),
        ("POST", "/me/tokens", {}),
        ("POST", "/tags", {"name": "x"}),
        ("PUT", "/reservations/1/tags/x", None),
        ("DELETE", "/tags/x", None),
        ("POST", "/reservations/1/cancel", None),
    ],
)
def test_one_that_may_read_changes_nothing(
    eve: Caller, with_token: Make, method: str, path: str, sent: Any
) -> None:
    refused = with_token(eve, "read")(method, path, sent)
    assert (refused.status_code, refused.json["type"]) == (403, READ_ONLY)


def test_every_change_is_closed_to_one_that_may_read(
    app: Flask, eve: Caller, with_token: Make
) -> None:
    """Endpoints made later as well."""
    open_to_all = {"api.sign_in", "api.refresh", "api.revoke"}
    allowed = {"api.search_offers", "api.delete_my_token"}
    program = with_token(eve, "read")
    tried = 0
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api.") or rule.endpoint in open_to_all | allowed:
            continue
        path = str(rule.rule).removeprefix("/api/v1")
        for name in rule.arguments:
            path = path.replace(f"<int:{name}>", "1").replace(f"<{name}>", "x")
        for method in rule.methods - {"GET", "HEAD", "OPTIONS"}:
            refused = program(method, path, {})
            assert (refused.status_code, refused.json["type"]) == (403, READ_ONLY), (method, path)
            tried += 1
    assert tried > 20


def test_a_token_makes_no_other_and_sets_no_password(
    admin: Caller, make: Made, with_token: Make
) -> None:
    program = with_token(admin)
    new = "four unrelated words, indeed"
    for answer in (
        program.post("/me/tokens", body()),
        program.put("/me/password", {"current_password": PASSWORD, "new_password": new}),
        program.put("/users/root/password", {"new_password": new}),
        program.delete("/me/sessions/x"),
    ):
        assert (answer.status_code, answer.json["type"]) == (403, "/problems/forbidden")


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_token_ends_itself_and_no_other(eve: Caller, with_token: Make, scope: str) -> None:
    program, other = with_token(eve, scope), with_token(eve, scope)
    ids = {row["current"]: row["id"] for row in program.get("/me/tokens").json["items"]}
    assert program.delete(f"/me/tokens/{ids[False]}").status_code == 403
    assert program.delete(f"/me/tokens/{ids[True]}").status_code == 204
    assert program.get("/me").status_code == 401
    assert other.get("/me").status_code == 200
    assert eve.delete(f"/me/tokens/{ids[True]}").status_code == 404
    assert eve.delete(f"/me/tokens/{ids[False]}").status_code == 204
    assert other.get("/me").status_code == 401


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (body(scope="admin"), "scope"),
        (body(days=367), "expires_at"),
        (body(days=-1), "expires_at"),
        (body(name=" "), "name"),
        (body(name=""), "name"),
        ({"name": "x", "scope": "read"}, "expires_at"),
        (body(expires_at="2030-01-01T00:00:00"), "expires_at"),
    ],
)
def test_what_cannot_be_taken_is_told(eve: Caller, sent: dict[str, Any], field: str) -> None:
    refused = eve.post("/me/tokens", sent)
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {field}
    assert eve.get("/me/tokens").json["total"] == 0


def test_a_new_password_ends_them(eve: Caller, with_token: Make) -> None:
    program = with_token(eve)
    new = {"current_password": PASSWORD, "new_password": "four unrelated words, indeed"}
    assert eve.put("/me/password", new).status_code == 200
    assert program.get("/me").status_code == 401
    assert eve.get("/me").status_code == 200


def test_a_token_from_nowhere_is_refused(app: Flask) -> None:
    assert Caller(app, "remas_" + "x" * 43).get("/me").status_code == 401

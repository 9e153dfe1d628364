"""Tokens: what they are good for, how long, and what ends them."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import jwt
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.config import Settings
from remas.extensions import db, limiter
from remas.models import ADMINISTRATORS, USERS, AuthSession, User
from tests.api.conftest import Caller, Made
from tests.support.factories import PASSWORD

NEW = "another good password"


def tokens_of(anybody: Caller, username: str = "eve") -> dict[str, str]:
    answer = anybody.post("/auth/token", {"username": username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.get_json()
    return pair


def test_a_pair_of_tokens(anybody: Caller, make: Made) -> None:
    make.user("eve")
    answer = anybody.post("/auth/token", {"username": "eve", "password": PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 30 * 60)
    assert (
        Caller(anybody.client.application, answer.json["access_token"]).get("/me").json["username"]
        == "eve"
    )


@pytest.mark.parametrize(
    ("username", "password"), [("eve", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)]
)
def test_wrong_ones_are_told_the_same(
    anybody: Caller, make: Made, username: str, password: str
) -> None:
    make.user("eve")
    make.user("gone", active=False)
    answer = anybody.post("/auth/token", {"username": username, "password": password})
    assert answer.status_code == 401
    assert answer.json["type"] == "/problems/not-signed-in"
    assert answer.json["detail"] == "Wrong username or password."


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer x.y.z",
        "Bearer \xff",
        "Basic cm9vdDpyb290",
        "Token x",
    ],
)
def test_what_is_no_token(anybody: Caller, make: Made, authorization: str) -> None:
    make.default_groups()
    assert anybody.get("/me", headers={"Authorization": authorization}).status_code == 401


def test_a_cookie_is_nobody(anybody: Caller, make: Made) -> None:
    make.user("eve")
    anybody.client.set_cookie("remas_session", "whatever")
    assert anybody.get("/me").status_code == 401


def test_a_refresh_token_is_no_access_token(app: Flask, anybody: Caller, make: Made) -> None:
    make.user("eve")
    pair = tokens_of(anybody)
    assert Caller(app, pair["refresh_token"]).get("/me").status_code == 401
    swapped = {"refresh_token": pair["access_token"]}
    assert anybody.post("/auth/refresh", swapped).status_code == 401


def test_a_refresh_token_is_good_once_and_using_it_again_ends_the_session(
    app: Flask, anybody: Caller, make: Made
) -> None:
    make.user("eve")
    first = tokens_of(anybody)
    again = anybody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert again.status_code == 200
    assert again.headers["Cache-Control"] == "no-store"
    second = again.get_json()
    assert second.keys() == first.keys()
    assert Caller(app, second["access_token"]).get("/me").status_code == 200
    # Somebody has a copy of the first refresh token: from now on nobody gets in.
    stolen = anybody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert stolen.status_code == 401
    assert Caller(app, second["access_token"]).get("/me").status_code == 401
    last = anybody.post("/auth/refresh", {"refresh_token": second["refresh_token"]})
    assert last.status_code == 401


def test_revoking_ends_all_tokens_of_the_session(app: Flask, anybody: Caller, make: Made) -> None:
    make.user("eve")
    pair, other = tokens_of(anybody), tokens_of(anybody)
    for _ in range(2):  # again: no error
        revoked = anybody.post("/auth/revoke", {"refresh_token": pair["refresh_token"]})
        assert (revoked.status_code, revoked.data) == (204, b"")
    assert Caller(app, pair["access_token"]).get("/me").status_code == 401
    assert Caller(app, other["access_token"]).get("/me").status_code == 200
    assert anybody.post("/auth/revoke", {"refresh_token": "no token"}).status_code == 204


def test_tokens_expire(app: Flask, anybody: Caller, make: Made) -> None:
    make.user("eve")
    pair = tokens_of(anybody)
    now = clock.now()
    with time_machine.travel(now + timedelta(minutes=29), tick=False):
        assert Caller(app, pair["access_token"]).get("/me").status_code == 200
    with time_machine.travel(now + timedelta(minutes=31), tick=False):
        assert Caller(app, pair["access_token"]).get("/me").status_code == 401
        fresh = anybody.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).get_json()
        assert Caller(app, fresh["access_token"]).get("/me").status_code == 200
    with time_machine.travel(now + timedelta(minutes=31 + 121), tick=False):
        late = anybody.post("/auth/refresh", {"refresh_token": fresh["refresh_token"]})
        assert late.status_code == 401


def test_a_token_signed_by_somebody_else(
    app: Flask, anybody: Caller, make: Made, settings: Settings
) -> None:
    make.user("eve")
    claims = jwt.decode(tokens_of(anybody)["access_token"], options={"verify_signature": False})
    for forged in (
        jwt.encode(claims, "x" * 64, "HS256"),
        jwt.encode(claims, None, "none"),
        jwt.encode(claims, settings.secret_key, "HS512"),
    ):
        assert Caller(app, forged).get("/me").status_code == 401


def test_rights_are_read_from_the_database_at_each_request(
    app: Flask, admin: Caller, eve: Caller
) -> None:
    def put_eve(**fields: object) -> None:
        with app.app_context():
            user = db.session.scalars(select(User).where(User.username == "eve")).one()
            for name, value in fields.items():
                setattr(user, name, value)
            db.session.commit()

    assert eve.get("/groups").status_code == 403
    put_eve(group_id=ADMINISTRATORS)
    assert eve.get("/groups").status_code == 200
    put_eve(group_id=USERS)
    assert eve.get("/groups").status_code == 403
    put_eve(active=False)
    assert eve.get("/me").status_code == 401


def test_a_deleted_user_is_nobody(admin: Caller, eve: Caller) -> None:
    assert admin.delete("/users/eve").status_code == 204
    assert eve.get("/me").status_code == 401


def test_changing_the_password_ends_all_other_tokens(
    anybody: Caller, eve: Caller, sign_in: Callable[..., Caller]
) -> None:
    other = sign_in("eve")
    change = {"current_password": PASSWORD, "new_password": NEW}
    answer = eve.put("/me/password", change)
    assert (answer.status_code, answer.json["username"]) == (200, "eve")
    assert eve.get("/me").status_code == 200
    assert other.get("/me").status_code == 401
    old = {"username": "eve", "password": PASSWORD}
    assert anybody.post("/auth/token", old).status_code == 401
    sign_in("eve", NEW)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", NEW, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "x" * 1001, "new_password"),
    ],
)
def test_passwords_that_are_not_taken(eve: Caller, current: str, new: str, field: str) -> None:
    answer = eve.put("/me/password", {"current_password": current, "new_password": new})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]


def test_a_one_time_password_is_to_be_changed_first(
    admin: Caller, sign_in: Callable[..., Caller]
) -> None:
    made = admin.post("/users", {"username": "new", "email": "new@example.org", "uid": 9})
    assert made.headers["Cache-Control"] == "no-store"
    new = sign_in("new", made.json["initial_password"])
    for method, path in (("GET", "/me"), ("PATCH", "/me"), ("GET", "/nodes"), ("POST", "/offers")):
        answer = new(method, path, json={} if method != "GET" else None)
        assert answer.status_code == 403
        assert answer.json["type"] == "/problems/password-change-required"
    change = {"current_password": made.json["initial_password"], "new_password": NEW}
    assert new.put("/me/password", change).status_code == 200
    assert new.get("/me").status_code == 200


def test_last_use_and_address_are_noted(app: Flask, eve: Caller) -> None:
    with time_machine.travel(clock.now() + timedelta(minutes=6), tick=False):
        assert eve.get("/me").status_code == 200
        with app.app_context():
            row = db.session.scalars(select(AuthSession)).one()
            assert (row.last_used_at, row.address) == (clock.now(), "127.0.0.1")


# Throttling


@pytest.fixture
def _still(app: Flask) -> Iterator[None]:
    """A clock that stands, so that no window passes in between."""
    with time_machine.travel(clock.now(), tick=False):
        limiter.reset()
        yield


@pytest.mark.usefixtures("_still")
def test_a_username_is_tried_ten_times_a_minute(anybody: Caller, make: Made) -> None:
    make.user("eve")
    make.user("adam")
    wrong = {"username": "eve", "password": "wrong"}
    assert [anybody.post("/auth/token", wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    right = {"username": "eve", "password": PASSWORD}
    refused = anybody.post("/auth/token", right)
    assert refused.json["type"] == "/problems/throttled"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert tokens_of(anybody, "adam")  # others are not kept out by it


@pytest.mark.usefixtures("_still")
def test_an_address_tries_thirty_times_a_minute(anybody: Caller, make: Made) -> None:
    make.user("eve")
    for i in range(30):
        guess = {"username": f"user{i}", "password": "wrong"}
        assert anybody.post("/auth/token", guess).status_code == 401
    assert anybody.post("/auth/token", guess).status_code == 429
    assert anybody.post("/auth/refresh", {"refresh_token": "x"}).status_code == 429


@pytest.mark.usefixtures("_still")
def test_signing_in_rightly_is_never_too_often(anybody: Caller, make: Made) -> None:
    make.user("eve")
    for _ in range(35):
        tokens_of(anybody)


@pytest.mark.usefixtures("_still")
def test_a_stolen_token_does_not_find_out_the_password(eve: Caller) -> None:
    guess = {"current_password": "wrong", "new_password": NEW}
    codes = [eve.put("/me/password", guess).status_code for _ in range(11)]
    assert codes == [422] * 10 + [429]


@pytest.mark.usefixtures("_still")
def test_throttling_takes_any_body(anybody: Caller, make: Made) -> None:
    make.default_groups()
    for data in (b"", b"[" * 100_000, b'{"username": 8}', b'{"username": "\\ud800"}', b"\xff"):
        answer = anybody.post("/auth/token", data=data, content_type="application/json")
        assert answer.status_code in (400, 422)

"""Signing in, tokens, passwords: what is taken, and in which words it is refused."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import AuthSession, TokenScope, User
from remas.services import access_tokens, sessions
from remas.services.access_tokens import TokenNew
from tests.api.conftest import Made
from tests.compat import world
from tests.compat.conftest import Caller, signed_in
from tests.support import factories
from tests.support.factories import PASSWORD

FORM = {"username": "eve", "password": PASSWORD}


def test_the_form_may_be_urlencoded_or_multipart(anybody: Caller, eve: Caller) -> None:
    more = {"grant_type": "password", "scope": "", "client_id": "x", "client_secret": "y"}
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        answer = anybody.post("/authentication/token", data=FORM | more, content_type=kind)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "kwargs",
    [
        {"json": FORM},
        {"data": {"username": "eve"}},
        {"data": FORM | {"grant_type": "implicit"}},
        {"data": FORM | {"username": "e\0ve"}},
        {"data": b"username=%ed%a0%80&password=x", "content_type": "multipart/form-data"},
        {},
    ],
)
def test_other_bodies_are_refused(anybody: Caller, eve: Caller, kwargs: dict[str, object]) -> None:
    assert anybody.post("/authentication/token", **kwargs).status_code == 422


def test_a_wrong_password_and_an_unknown_name(anybody: Caller, eve: Caller) -> None:
    for form in (FORM | {"password": "not it"}, FORM | {"username": "nobody"}):
        answer = anybody.post("/authentication/token", data=form)
        assert (answer.status_code, answer.json) == (
            401,
            {"detail": "Wrong username or password!"},
        )


def test_tries_count_together_with_the_other_doors(app: Flask, eve: Caller) -> None:
    client = app.test_client()
    wrong = FORM | {"password": "not it"}
    for _ in range(4):
        assert client.post("/api/authentication/token", data=wrong).status_code == 401
        assert client.post("/api/v1/auth/token", json=wrong).status_code == 401
    shouted = wrong | {"username": FORM["username"].upper()}
    answers = [
        Caller(app).post("/authentication/token", data=form) for form in (wrong, shouted) * 2
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    shouted = FORM | {"username": FORM["username"].upper()}
    assert client.post("/api/v1/auth/token", json=shouted).status_code == 429
    assert client.post("/api/v1/auth/token", json=FORM).status_code == 429


def test_own_passwords_cannot_be_tried_for_long(eve: Caller) -> None:
    words = {"old_password": "not it", "new_password": "four quiet words apart"}
    answers = [eve.post("/authentication/change_password", words) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Not authenticated"),
        ("Basic ZXZlOng=", "Not authenticated"),
        ("Bearer", "Not authenticated"),
        ("Bearer nonsense", "Could not validate credentials!"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/node"), ("POST", "/authentication/refresh")]
)
def test_without_a_good_token(
    anybody: Caller, method: str, path: str, header: str | None, detail: str
) -> None:
    headers = {"Authorization": header} if header else {}
    answer = anybody(method, path, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (401, detail)


def test_each_token_for_its_own_purpose(app: Flask, eve: Caller) -> None:
    answer = Caller(app, eve.refresh_token).get("/node")
    assert (answer.status_code, answer.json["detail"]) == (
        401,
        "Refresh token was used instead of access token!",
    )
    answer = eve.post("/authentication/refresh")
    assert (answer.status_code, answer.json["detail"]) == (
        401,
        "Access token was used instead of refresh token!",
    )


def test_rights_are_as_of_now_and_not_as_in_the_token(
    app: Flask, make: Made, admin: Caller, sign_in: Callable[..., Caller]
) -> None:
    made = make.user("second", admin=True)
    second = sign_in("second")
    assert second.get("/task").status_code == 200
    admin.post("/group/add_user", {"user_id": made.id, "group_id": 3})
    answer = second.get("/task")
    assert (answer.status_code, answer.json["detail"]) == (403, "Insufficient permissions!")


def test_a_deactivated_person_is_out(app: Flask, eve: Caller) -> None:
    with app.app_context():
        db.session.scalars(db.select(User)).one().active = False
        db.session.commit()
    assert eve.get("/node").status_code == 401
    assert Caller(app, eve.refresh_token).post("/authentication/refresh").status_code == 401


def test_a_spent_refresh_token_ends_the_session_after_a_while(app: Flask, make: Made) -> None:
    make.user("eve")
    with time_machine.travel(world.START, tick=False) as clock:
        eve = signed_in(app, "eve")
        stale = Caller(app, eve.refresh_token)
        fresh = stale.post("/authentication/refresh").json
        clock.shift(29)
        assert stale.post("/authentication/refresh").status_code == 200
        clock.shift(2)
        assert stale.post("/authentication/refresh").status_code == 401
        assert Caller(app, fresh["access_token"]).get("/node").status_code == 401
        assert (
            Caller(app, fresh["refresh_token"]).post("/authentication/refresh").status_code == 401
        )


def test_a_token_spent_twice_over_ends_the_session_at_once(app: Flask, eve: Caller) -> None:
    first = Caller(app, eve.refresh_token)
    second = Caller(app, first.post("/authentication/refresh").json["refresh_token"])
    second.post("/authentication/refresh")
    assert first.post("/authentication/refresh").status_code == 401
    assert eve.get("/node").status_code == 401


def test_changing_ones_password(app: Flask, eve: Caller, sign_in: Callable[..., Caller]) -> None:
    other = sign_in("eve")
    path = "/authentication/change_password"
    wrong = eve.post(path, {"old_password": "not it", "new_password": "four quiet words apart"})
    assert (wrong.status_code, wrong.json["detail"]) == (401, "Wrong password!")
    short = eve.post(path, {"old_password": PASSWORD, "new_password": "short"})
    assert short.status_code == 400
    assert "12" in short.json["detail"]
    assert other.get("/node").status_code == 200
    done = eve.post(path, {"old_password": PASSWORD, "new_password": "four quiet words apart"})
    assert done.status_code == 200
    assert other.get("/node").status_code == 401


def test_setting_somebodys_password(admin: Caller, make: Made) -> None:
    eve = make.user("eve")
    path = "/authentication/set_password"
    assert admin.post(path, {"user_id": eve.id, "new_password": "x"}).status_code == 400
    unknown = admin.post(path, {"user_id": 99, "new_password": "four quiet words apart"})
    assert unknown.status_code == 404


def test_who_has_a_one_time_password_is_told_where_to_change_it(
    app: Flask, make: Made, settings: object
) -> None:
    make.user("new", password_change_required=True)
    new = signed_in(app, "new")
    answer = new.get("/node")
    assert answer.status_code == 403
    assert f"{settings.public_url}/login" in answer.json["detail"]  # type: ignore[attr-defined]
    words = {"old_password": PASSWORD, "new_password": "four quiet words apart"}
    assert new.post("/authentication/change_password", words).status_code == 200
    assert new.get("/node").status_code == 200


def test_the_sessions_address_is_kept(app: Flask, eve: Caller) -> None:
    with app.app_context():
        row = db.session.scalars(db.select(AuthSession)).one()
    assert (row.kind, row.address) == ("token", "127.0.0.1")


def test_signing_out_elsewhere_ends_it_here(app: Flask, eve: Caller) -> None:
    with app.app_context():
        sessions.sign_out(db.session.scalars(db.select(AuthSession.id)).one())
    assert eve.get("/node").status_code == 401


def test_a_personal_access_token_does_what_it_may(app: Flask, eve: Caller) -> None:
    made = {}
    with app.app_context():
        user = db.session.scalars(db.select(User)).one()
        expires_at = clock.now() + timedelta(days=1)
        for scope in TokenScope:
            wish = TokenNew(scope.value, scope, expires_at)
            made[scope] = access_tokens.create(factories.actor_of(user), wish).secret
    page = {"page_number": 0, "page_size": 10}
    for secret in made.values():
        caller = Caller(app, secret)
        assert caller.get("/node").status_code == 200
        assert caller.post("/task/active", page).status_code == 200
    refused = Caller(app, made[TokenScope.READ]).post("/task_tag", {"name": "thesis"})
    assert (refused.status_code, refused.json["detail"]) == (
        403,
        "This access token may only read. Make one that may write.",
    )
    written = Caller(app, made[TokenScope.WRITE]).post("/task_tag", {"name": "thesis"})
    assert written.status_code == 200
    assert Caller(app, "remas_nonsense").get("/node").status_code == 401

"""The password for Grafana over the API, as on the profile page."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from tests.api.conftest import Caller
from tests.support.factories import PASSWORD
from tests.support.grafana import Double, grafana_double

PATH = "/me/grafana-password"
NEW = "four unrelated words"
BODY = {"current_password": PASSWORD, "new_password": NEW}


@pytest.fixture
def double() -> Iterator[Double]:
    with grafana_double() as double:
        with double.client() as client:
            client.create_user("eve", "eve@example.org", "Eve")
        yield double


@pytest.fixture
def eve_at(make_app: Callable[..., Flask], double: Double, eve: Caller) -> Callable[..., Caller]:
    """eve, signed in where these settings hold."""

    def at(**changes: str) -> Caller:
        app = make_app(**{**double.settings(), **changes})
        pair = Caller(app).post("/auth/token", {"username": "eve", "password": PASSWORD})
        return Caller(app, pair.json["access_token"])

    return at


def password_of(double: Double) -> str:
    user = double.state.user_of("eve")
    assert user
    return str(user["password"])


def test_it_counts_at_once(eve_at: Callable[..., Caller], double: Double) -> None:
    answer = eve_at().put(PATH, BODY)
    assert (answer.status_code, answer.data) == (204, b"")
    assert password_of(double) == NEW


def test_fields_are_checked(eve_at: Callable[..., Caller], double: Double) -> None:
    eve = eve_at()
    for field, body in (
        ("current_password", {**BODY, "current_password": "wrong"}),
        ("current_password", {"new_password": NEW}),
        ("new_password", {**BODY, "new_password": "password1234"}),
        ("new_password", {**BODY, "new_password": "short"}),
        ("more", {**BODY, "more": 1}),
    ):
        answer = eve.put(PATH, body)
        assert answer.status_code == 422
        assert list(answer.json["errors"]) == [field]
    assert password_of(double) != NEW


def test_while_grafana_is_away(eve_at: Callable[..., Caller]) -> None:
    answer = eve_at(GRAFANA_URL="http://127.0.0.1:1").put(PATH, BODY)
    assert answer.status_code == 503
    assert answer.json["type"] == "/problems/grafana-away"


def test_where_none_is_wanted(eve_at: Callable[..., Caller], eve: Caller) -> None:
    assert eve_at(GRAFANA_SIGN_IN="proxy").put(PATH, BODY).status_code == 409
    assert eve.put(PATH, BODY).status_code == 404


def test_a_token_of_ones_own_sets_none(eve_at: Callable[..., Caller], double: Double) -> None:
    eve = eve_at()
    expires_at = clock.written(clock.now() + timedelta(days=1))
    token = {"name": "program", "scope": "write", "expires_at": expires_at}
    made = eve.post("/me/tokens", token).json["token"]
    eve.token = made
    assert eve.put(PATH, BODY).status_code == 403
    assert password_of(double) != NEW

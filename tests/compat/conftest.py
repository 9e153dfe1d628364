"""For tests of the earlier wire API: people who ask, and an eye on every answer."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from remas.services import passwords
from tests.api.conftest import Caller as ApiCaller
from tests.api.conftest import Made
from tests.support.factories import CHEAP, PASSWORD

API = "/api"


class Caller(ApiCaller):
    """Somebody who calls: paths are below /api, every refusal has to be a `detail` of text."""

    base = API

    def __init__(self, app: Flask, token: str | None = None, refresh: str | None = None) -> None:
        super().__init__(app, token)
        self.refresh_token = refresh

    def check(self, answer: TestResponse) -> None:
        """As the earlier system answers, not with problems."""
        check(answer)


def check(answer: TestResponse) -> None:
    """What holds for every answer."""
    assert answer.status_code != 500, answer.text
    assert "Set-Cookie" not in answer.headers
    if 300 <= answer.status_code < 400:
        return
    assert answer.mimetype == "application/json", answer.text
    if answer.status_code < 400:
        return
    assert list(answer.json) == ["detail"]
    assert isinstance(answer.json["detail"], str)
    assert answer.json["detail"]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if answer.status_code in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1


def signed_in(app: Flask, username: str, password: str = PASSWORD) -> Caller:
    """Sign in as the front end does: a multipart form."""
    form = {"username": username, "password": password}
    answer = Caller(app).post(
        "/authentication/token", data=form, content_type="multipart/form-data"
    )
    assert answer.status_code == 200, answer.text
    return Caller(app, answer.json["access_token"], answer.json["refresh_token"])


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def make(app: Flask) -> Made:
    """Make rows."""
    return Made(app)


@pytest.fixture
def anybody(app: Flask) -> Caller:
    """Somebody who has not signed in."""
    return Caller(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., Caller]:
    """Sign a user in: `sign_in("eve")`."""
    return lambda username, password=PASSWORD: signed_in(app, username, password)


@pytest.fixture
def admin(make: Made, sign_in: Callable[..., Caller]) -> Caller:
    """root, an administrator."""
    make.user("root", admin=True)
    return sign_in("root")


@pytest.fixture
def eve(make: Made, sign_in: Callable[..., Caller]) -> Caller:
    """eve, a user."""
    make.user("eve")
    return sign_in("eve")

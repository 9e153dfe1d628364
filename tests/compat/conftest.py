"""For tests of the earlier wire API: people who ask, and an eye on every answer."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from remas.services import passwords
from tests.api.conftest import Made
from tests.support.factories import CHEAP, PASSWORD

API = "/api"


class Caller:
    """Somebody who calls: paths are below /api, every refusal has to be a `detail` of text."""

    def __init__(self, app: Flask, token: str | None = None, refresh: str | None = None) -> None:
        self.client = app.test_client()
        self.token, self.refresh_token = token, refresh

    def __call__(self, method: str, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        headers = dict(kwargs.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            kwargs["json"] = json
        answer = self.client.open(API + path, method=method, headers=headers, **kwargs)
        check(answer)
        return answer

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self("POST", path, json, **kwargs)

    def put(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self("PUT", path, json, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self("DELETE", path, **kwargs)


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

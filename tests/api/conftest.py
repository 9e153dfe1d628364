"""For tests of the API: people who ask, and an eye on every answer."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from remas.services import passwords
from tests.support import factories
from tests.support.factories import CHEAP, PASSWORD

API = "/api/v1"
PROBLEM = "application/problem+json"


class Caller:
    """Somebody who calls the API: paths are below /api/v1, every refusal has to be a problem."""

    base = API

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.client = app.test_client()
        self.token = token

    def __call__(self, method: str, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        headers = dict(kwargs.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            kwargs["json"] = json
        answer = self.client.open(self.base + path, method=method, headers=headers, **kwargs)
        self.check(answer)
        return answer

    def check(self, answer: TestResponse) -> None:
        """Hold every answer against what holds for all of them."""
        check(answer)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self("POST", path, json, **kwargs)

    def put(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self("PUT", path, json, **kwargs)

    def patch(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self("PATCH", path, json, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self("DELETE", path, **kwargs)


def check(answer: TestResponse) -> None:
    """What holds for every answer."""
    assert answer.status_code != 500, answer.text
    assert "Set-Cookie" not in answer.headers
    if answer.status_code < 400:
        return
    assert answer.mimetype == PROBLEM, answer.text
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["detail"]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if answer.status_code == 422:
        assert problem["errors"], problem
        assert all(isinstance(text, str) for texts in problem["errors"].values() for text in texts)
    if answer.status_code in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1


class Made:
    """The factories, each call in an app context of its own: `make.node("n1")`."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Callable[..., Any]:
        factory = getattr(factories, f"make_{name}")

        def make(*args: Any, **kwargs: Any) -> Any:
            with self._app.app_context():
                return factory(*args, **kwargs)

        return make


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

    def sign_in(username: str, password: str = PASSWORD) -> Caller:
        answer = Caller(app).post("/auth/token", {"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return Caller(app, answer.json["access_token"])

    return sign_in


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

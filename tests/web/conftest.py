"""A visitor of the pages: keeps the cookie, sends the token of the form that was looked at."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from remas.models import User
from tests.support import factories

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')

SEEN = re.compile(r'name="seen"[^>]*value="([^"]*)"')


@dataclass
class Visitor:
    """Somebody with a browser that knows no script."""

    client: FlaskClient

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **kwargs)

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """Send a form, with a token that this visitor was given."""
        return self.client.post(path, data={"csrf_token": self.token(), **(data or {})}, **kwargs)

    def token(self) -> str:
        """The token of some form that is there for everybody."""
        page = self.client.get("/login", follow_redirects=True)
        found = TOKEN.search(page.text)
        assert found
        return unescape(found[1])

    def seen(self, path: str) -> str:
        """What the form on this page remembers of what it was opened on."""
        return self.seen_in(self.get(path).text)

    @staticmethod
    def seen_in(page: str) -> str:
        """The same, of a page that is there already."""
        found = SEEN.search(page)
        assert found
        return unescape(found[1])

    def sign_in(self, username: str, password: str = factories.PASSWORD) -> TestResponse:
        return self.post("/login", {"username": username, "password": password})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Nobody yet."""
    return Visitor(app.test_client())


@pytest.fixture
def sign_in(app: Flask) -> Callable[[User], Visitor]:
    """Sign somebody in: `sign_in(user).get("/")`."""

    def begin(user: User) -> Visitor:
        visitor = Visitor(app.test_client())
        assert visitor.sign_in(user.username).status_code == 302
        return visitor

    return begin


@pytest.fixture
def ada(app: Flask) -> User:
    """A user of the cluster."""
    with app.app_context():
        return factories.make_user("ada", surname="Byron", time_zone="Europe/Prague")


@pytest.fixture
def as_ada(sign_in: Callable[[User], Visitor], ada: User) -> Visitor:
    """Ada, signed in."""
    return sign_in(ada)

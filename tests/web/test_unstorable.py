"""Texts that no database keeps: refused at the door, in addresses and forms alike."""

from collections.abc import Callable

import pytest
from flask import Flask

from remas.models import User
from tests.support import factories
from tests.web.conftest import Visitor


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True))


@pytest.mark.parametrize(
    "path", ["/admin/users/%00", "/admin/nodes/n%001", "/admin/resources/%00/history"]
)
def test_nothing_is_called_so(admin: Visitor, path: str) -> None:
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/admin/users?q=%00", "/admin/audit?q=a&q=%00", "/reports?from=%00"]
)
def test_in_a_query(admin: Visitor, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 400
    assert "This request cannot be read</h1>" in answer.text


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/admin/users/root/sessions/end", {"session": "\x00"}),
        ("/admin/limits/new", {"name": "x", "user": "\x00", "resource": "cpu", "amount": "1"}),
    ],
)
def test_in_a_form(admin: Visitor, path: str, data: dict[str, str]) -> None:
    assert admin.post(path, data).status_code == 400


def test_also_of_strangers(visitor: Visitor) -> None:
    answer = visitor.post("/login", {"username": "a\x00", "password": "b"})
    assert answer.status_code == 400


def test_other_signs_are_taken(admin: Visitor) -> None:
    assert admin.get("/admin/users?q=%F0%9F%90%88%0A").status_code == 200

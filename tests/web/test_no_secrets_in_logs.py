"""What people type to prove who they are, and what they get for it, is in no log."""

import logging
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from remas.extensions import db
from remas.models import User
from tests.support import factories
from tests.web.conftest import Visitor

NEW = "four unrelated words"
API = "/api/v1"


class Kept(logging.Handler):
    """Every record of every logger, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.args} {record.exc_text}")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """All logging at its loudest, but for the database's, which shows what it is given."""
    handler, root = Kept(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, handler])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    for name in ("werkzeug", "flask", "remas", "urllib3", "authlib", "flask-limiter"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    return handler


def test_no_password_and_no_token(
    app: Flask, ada: User, kept: Kept, make_app: Callable[..., Flask]
) -> None:
    loud = make_app()
    loud.logger.setLevel(logging.DEBUG)
    visitor = Visitor(loud.test_client())
    visitor.sign_in("ada", "a wrong password: Zx81")
    visitor.sign_in("ada")
    change = {"current_password": factories.PASSWORD, "new_password": NEW, "repeated": NEW}
    assert visitor.post("/profile/password", {**change, "current_password": "Zx82"}).status_code
    assert visitor.post("/profile/password", change).status_code == 302
    with visitor.client.session_transaction() as cookie:
        session_id = cookie["_user_id"]

    program = loud.test_client()
    sign_in = {"username": "ada", "password": NEW}
    pair = program.post(f"{API}/auth/token", json=sign_in).get_json()
    held = {"Authorization": f"Bearer {pair['access_token']}"}
    program.get(f"{API}/me", headers=held)
    program.put(f"{API}/me/password", headers=held, json={**change, "more": 1})
    again = program.post(f"{API}/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    spent = program.post(f"{API}/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert (again.status_code, spent.status_code) == (200, 401)
    program.post(f"{API}/auth/token", data='{"username": "ada", "password": "Zx83', headers=held)

    loud.logger.debug("the handler hears")
    assert "the handler hears" in "".join(kept.texts)
    secrets = (
        *(factories.PASSWORD, NEW, "Zx81", "Zx82", "Zx83", session_id),
        *(pair["access_token"], pair["refresh_token"], again.get_json()["access_token"]),
        *(again.get_json()["refresh_token"], loud.secret_key),
    )
    for secret in secrets:
        assert not [text for text in kept.texts if str(secret) in text]


def test_an_error_of_the_database_tells_no_values(app: Flask, ada: User) -> None:
    """It would else write hashes and ids of sessions into the log."""
    with app.app_context():
        again = User(username="ada", email="a@b", uid=1, password_hash="hash: Zx84", group_id=3)
        again.created_at = ada.created_at
        db.session.add(again)
        with pytest.raises(IntegrityError) as refused:
            db.session.flush()
        db.session.rollback()
    assert "Zx84" not in str(refused.value)

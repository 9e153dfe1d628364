"""A forgotten password: the pages, which say the same to everybody."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from remas.extensions import db, limiter
from remas.models import Outbox, User
from remas.services import passwords, resets
from tests.support import factories
from tests.support.factories import CHEAP
from tests.web.conftest import Visitor

NEW = "four quite unrelated words"
MAIL = {
    "SMTP_ENABLED": "true",
    "SMTP_HOST": "127.0.0.1",
    "SMTP_FROM_ADDRESS": "remas@example.org",
}


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def mailing(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(**MAIL)
    yield app
    with app.app_context():
        limiter.reset()


@pytest.fixture
def nobody(mailing: Flask) -> Visitor:
    """Somebody who has forgotten a password."""
    return Visitor(mailing.test_client())


def token_of(app: Flask, ada: User) -> str:
    with app.app_context():
        row = resets.issue(db.session(), ada.id, resets.FOR_NEW_ACCOUNTS)
        db.session.commit()
        return resets.token_of(row.id)


def letters(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Outbox.id)).all())


def test_without_mail_an_administrator_is_to_be_asked(visitor: Visitor, ada: User) -> None:
    assert "Forgotten password?" not in visitor.get("/login").text
    page = visitor.get("/password/forgotten").text
    assert "This installation sends no mail" in page
    assert "<form" not in page
    assert "sends no mail" in visitor.post("/password/forgotten", {"name": "ada"}).text


def test_everybody_gets_the_same_answer(nobody: Visitor, mailing: Flask, ada: User) -> None:
    assert "Forgotten password?" in nobody.get("/login").text
    answers = [nobody.post("/password/forgotten", {"name": name}) for name in ("ada", "nobody")]
    assert [answer.location for answer in answers] == ["/password/forgotten/asked"] * 2
    names = [[name for name, _ in answer.headers] for answer in answers]
    assert names[0] == names[1]
    assert "within 1 h" in nobody.get("/password/forgotten/asked").text
    assert letters(mailing) == 1
    empty = nobody.post("/password/forgotten", {"name": "  "}).text
    assert "Write your username or your e-mail address." in empty


def test_a_link_sets_a_new_password_once(nobody: Visitor, mailing: Flask, ada: User) -> None:
    path = f"/password/reset/{token_of(mailing, ada)}"
    page = nobody.get(path)
    assert "For ada." in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"
    for sent, text in (
        ({"new_password": NEW, "repeated": "other"}, "This differs"),
        ({"new_password": "short", "repeated": "short"}, "at least 12 characters"),
        ({"new_password": "password1234", "repeated": "password1234"}, "new_password-note"),
    ):
        assert text in nobody.post(path, sent).text
    done = nobody.post(path, {"new_password": NEW, "repeated": NEW})
    assert done.location == "/login"
    for again in (nobody.get(path), nobody.post(path, {"new_password": NEW, "repeated": NEW})):
        assert again.status_code == 404
        assert "This link is over" in again.text
    assert nobody.sign_in("ada", factories.PASSWORD).status_code == 200
    assert nobody.sign_in("ada", NEW).status_code == 302


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "%ff", "x" * 3000])
def test_nonsense_is_no_link(nobody: Visitor, token: str) -> None:
    answer = nobody.get(f"/password/reset/{token}")
    assert answer.status_code == 404


def test_whoever_is_signed_in_is_signed_out(mailing: Flask, ada: User) -> None:
    person = Visitor(mailing.test_client())
    person.sign_in("ada")
    path = f"/password/reset/{token_of(mailing, ada)}"
    assert person.post(path, {"new_password": NEW, "repeated": NEW}).status_code == 302
    assert person.get("/profile").location.startswith("/login")


def test_a_mistake_of_ours_does_not_write_the_link_into_the_log(
    nobody: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_token: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setitem(nobody.client.application.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(resets, "person_of", fail)
    with caplog.at_level("DEBUG"):
        assert nobody.get("/password/reset/the-secret-of-the-letter").status_code == 500
    assert "a bug" in caplog.text
    assert "the-secret-of-the-letter" not in caplog.text


def test_asking_is_throttled(nobody: Visitor, ada: User) -> None:
    codes = [nobody.post("/password/forgotten", {"name": "ADA "}).status_code for _ in range(6)]
    assert codes == [302] * 5 + [429]
    others = [nobody.post("/password/forgotten", {"name": f"{i}"}).status_code for i in range(6)]
    assert others[-1] == 429

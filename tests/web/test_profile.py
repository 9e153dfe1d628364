"""One's own account."""

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import AuthSession, Scope, User
from tests.support import factories
from tests.web.conftest import Visitor

NEW = "four unrelated words"


def passwords(current: str = factories.PASSWORD, new: str = NEW, repeated: str | None = None):  # type: ignore[no-untyped-def]
    return {
        "current_password": current,
        "new_password": new,
        "repeated": new if repeated is None else repeated,
    }


def test_it_says_who_one_is_and_which_limits_bind(as_ada: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_node("n2", {"cpu": 8})
        factories.make_limit(6, user=ada, nodes=[node], name="On one node")
        factories.make_limit(4, group=1, scope=Scope.TOTAL, name="For all")
        begin = factories.soon(-1)
        factories.make_reservation(ada, begin, hours=5, allocations={node: {"cpu": 3}})
    page = as_ada.get("/profile").text
    for text in (
        "On one node, for you alone, on n1",
        "For all, from Everyone",
        "on each node",
        "in all",
        "3 held now",
        "ada@example.org",
        "Europe/Prague (",
        ">Users<",
    ):
        assert text in page


def test_name_and_zone_can_be_changed(as_ada: Visitor) -> None:
    wanted = {
        "name": "Augusta",
        "surname": "King",
        "email": "a@example.org",
        "time_zone": "Asia/Tokyo",
    }
    answer = as_ada.post("/profile", wanted, follow_redirects=True)
    assert "Your profile is saved." in answer.text
    assert "Augusta King" in answer.text
    assert "Times are in Asia/Tokyo (JST, UTC+09:00)" in answer.text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("email", "nobody", "An email address must have an @-sign"),
        ("email", "", "Write your e-mail address."),
        ("time_zone", "Mars/Olympus", "This is no IANA time zone"),
        ("email", "taken@example.org", "taken"),
    ],
)
def test_what_cannot_be_taken_is_told_at_the_field(
    as_ada: Visitor, app: Flask, field: str, value: str, text: str
) -> None:
    with app.app_context():
        factories.make_user("grace", email="taken@example.org")
    data = {"name": "Ada", "surname": "B", "email": "ada@example.org", "time_zone": ""}
    page = as_ada.post("/profile", {**data, field: value}).text
    assert f'<span id="{field}-note">' in page
    assert text in page


def test_a_new_password_counts_at_once_and_ends_other_sessions(
    as_ada: Visitor, app: Flask, visitor: Visitor
) -> None:
    visitor.sign_in("ada")
    answer = as_ada.post("/profile/password", passwords())
    assert answer.location == "/profile"
    assert as_ada.get("/profile").status_code == 200
    assert visitor.get("/").location == "/login"
    assert visitor.sign_in("ada", NEW).status_code == 302
    with app.app_context():
        assert db.session.query(AuthSession).filter(AuthSession.revoked_at.isnot(None)).count() == 1


@pytest.mark.parametrize(
    ("sent", "field", "text"),
    [
        (passwords(current="wrong"), "current_password", "This is not your current password."),
        (passwords(new="short"), "new_password", "at least 12 characters"),
        (passwords(repeated="another"), "repeated", "This differs from the new password."),
        (passwords(new=factories.PASSWORD), "new_password", "that you have already"),
    ],
)
def test_a_password_that_cannot_be_taken_is_told_at_the_field(
    as_ada: Visitor, sent: dict[str, str], field: str, text: str
) -> None:
    page = as_ada.post("/profile/password", sent).text
    start = page.index(f'<span id="{field}-note">')
    assert text in page[start : start + 200]
    for secret in sent.values():
        assert f'value="{secret}"' not in page


def test_trying_out_the_current_password_is_throttled(as_ada: Visitor) -> None:
    answers = [as_ada.post("/profile/password", passwords(current="x")) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]

"""Access tokens on the profile page."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import AccessToken, TokenScope, User
from remas.services import access_tokens
from tests.support import factories
from tests.web.conftest import Visitor

SECRET = re.compile(r"remas_[\w-]{43}")
WANTED = {"name": "backup script", "scope": "write", "days": "30"}


def make_token(app: Flask, user: User, days: float = 30) -> access_tokens.TokenMade:
    with app.app_context():
        wish = access_tokens.TokenNew("laptop", TokenScope.READ, clock.now() + timedelta(days=days))
        return access_tokens.create(factories.actor_of(user), wish)


def test_it_is_made_and_shown_once(as_ada: Visitor, app: Flask) -> None:
    assert "You have none." in as_ada.get("/profile").text
    made = as_ada.post("/profile/tokens/new", WANTED)
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    (secret,) = set(SECRET.findall(made.text))
    assert (
        app.test_client()
        .get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        .json["username"]
        == "ada"
    )
    page = as_ada.get("/profile").text
    assert "backup script" in page
    assert "last used now from 127.0.0.1" in re.sub(r"<[^>]+>", "", page)
    assert not SECRET.search(page)


def test_the_list_says_which_have_expired(as_ada: Visitor, app: Flask, ada: User) -> None:
    made = make_token(app, ada)
    with app.app_context():
        row = db.session.get_one(AccessToken, made.row.id)
        row.created_at = clock.now() - timedelta(days=2)
        row.expires_at = clock.now() - timedelta(days=1)
        db.session.commit()
    page = as_ada.get("/profile").text
    assert "Expired" in page
    assert "never used" in page


def test_revoking_ends_it(as_ada: Visitor, app: Flask, ada: User) -> None:
    made = make_token(app, ada)
    answer = as_ada.post(f"/profile/tokens/{made.row.id}/revoke", follow_redirects=True)
    assert "The token is revoked" in answer.text
    assert "laptop" not in answer.text
    headers = {"Authorization": f"Bearer {made.secret}"}
    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 401


def test_another_ones_cannot_be_revoked(
    sign_in: Callable[[User], Visitor], app: Flask, ada: User
) -> None:
    made = make_token(app, ada)
    with app.app_context():
        mallory = factories.make_user("mallory")
    assert sign_in(mallory).post(f"/profile/tokens/{made.row.id}/revoke").status_code == 404
    headers = {"Authorization": f"Bearer {made.secret}"}
    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 200


def test_a_number_that_no_token_can_have_is_not_found(as_ada: Visitor) -> None:
    assert as_ada.post(f"/profile/tokens/{10**30}/revoke").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "", "Write what the token is for."),
        ("name", "x" * 201, "Field cannot be longer than 200 characters."),
        ("scope", "admin", "Not a valid choice."),
        ("days", "400", "Not a valid choice."),
        ("days", "many", "Invalid Choice: could not coerce."),
    ],
)
def test_what_cannot_be_taken_is_told_at_the_field(
    as_ada: Visitor, app: Flask, field: str, value: str, text: str
) -> None:
    page = as_ada.post("/profile/tokens/new", {**WANTED, field: value}).text
    assert f'<span id="{field}-note">' in page
    assert text in page
    with app.app_context():
        assert db.session.query(AccessToken).count() == 0

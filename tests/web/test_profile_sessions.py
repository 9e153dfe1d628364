"""Where one is signed in, on the profile page."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from playwright.sync_api import Page, expect

from remas import clock
from remas.extensions import db
from remas.models import AuthSession, User
from tests.support import factories
from tests.web.conftest import Visitor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def ids(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(db.select(AuthSession.id).order_by(AuthSession.created_at)))


def elsewhere(app: Flask) -> Visitor:
    """Ada at another browser."""
    visitor = Visitor(app.test_client())
    visitor.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    visitor.sign_in("ada")
    return visitor


def test_one_sees_where_and_with_what(as_ada: Visitor, app: Flask) -> None:
    elsewhere(app)
    page = as_ada.get("/profile").text
    assert "Where you are signed in" in page
    assert "Firefox on Linux" in page
    assert "from 127.0.0.1" in page
    assert page.count("this one") == 1
    assert 'aria-label="Sign out Firefox on Linux, 127.0.0.1"' in page


def test_alone_there_is_nothing_to_end(as_ada: Visitor) -> None:
    page = as_ada.get("/profile").text
    assert "Sign out everywhere else" not in page
    assert "/profile/sessions/" not in page


def test_of_many_the_last_used_are_listed(as_ada: Visitor, app: Flask, ada: User) -> None:
    now = clock.now()
    with app.app_context():
        for number in range(22):
            used = now - timedelta(minutes=number + 1)
            values = {"created_at": used, "last_used_at": used, "agent": f"program/{number}."}
            db.session.add(
                AuthSession(
                    id=f"s{number}",
                    user_id=ada.id,
                    kind="token",
                    expires_at=now + timedelta(hours=1),
                    **values,
                )
            )
        db.session.commit()
    page = as_ada.get("/profile").text
    assert "program/18." in page
    assert "program/19." not in page
    assert "And 3 more, used longer ago." in page
    as_ada.post("/profile/sessions/end-others")
    assert "22 others are signed out." in as_ada.get("/profile").text


def test_signing_out_there(as_ada: Visitor, app: Flask) -> None:
    other = elsewhere(app)
    there = ids(app)[1]
    answer = as_ada.post(f"/profile/sessions/{there}/end")
    assert answer.location == "/profile#sessions"
    assert "That session is signed out." in as_ada.get("/profile").text
    assert other.get("/profile").location.startswith("/login")
    as_ada.post(f"/profile/sessions/{there}/end")
    assert "There is no such session, or it has ended." in as_ada.get("/profile").text


def test_signing_out_everywhere_else(as_ada: Visitor, app: Flask) -> None:
    others = [elsewhere(app) for _ in range(2)]
    as_ada.post("/profile/sessions/end-others")
    assert "2 others are signed out." in as_ada.get("/profile").text
    assert all(other.get("/profile").status_code == 302 for other in others)
    assert as_ada.get("/profile").status_code == 200


def test_those_of_others_cannot_be_ended(
    as_ada: Visitor, app: Flask, sign_in: Callable[[User], Visitor]
) -> None:
    with app.app_context():
        grace = factories.make_user("grace")
    theirs = sign_in(grace)
    as_ada.post(f"/profile/sessions/{ids(app)[1]}/end")
    assert theirs.get("/profile").status_code == 200


def test_a_form_without_its_token_ends_nothing(as_ada: Visitor, app: Flask) -> None:
    other = elsewhere(app)
    for path in (f"/profile/sessions/{ids(app)[1]}/end", "/profile/sessions/end-others"):
        assert as_ada.client.post(path).status_code == 400
    assert other.get("/profile").status_code == 200


def test_by_keyboard(page: Page, app: Flask, ada: User) -> None:
    other = elsewhere(app)
    page.goto("/login")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.goto("/profile")
    button = page.get_by_role("button", name="Sign out Firefox on Linux")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("That session is signed out.")).to_be_visible()
    assert other.get("/profile").status_code == 302

"""Accounts, from the administration's pages."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from remas.extensions import db
from remas.models import AuthSession, Reservation, Scope, User
from remas.services import access_tokens, passwords, user_search, users
from remas.services.access_tokens import TokenNew
from remas.services.actor import SYSTEM
from remas.services.user_search import UserFilter
from tests.support import factories
from tests.support.factories import CHEAP
from tests.web.conftest import Visitor

EVE = {
    "username": "eve",
    "name": "Eve",
    "surname": "Moneypenny",
    "email": "eve@example.org",
    "uid": "2000",
    "group": "Users",
    "time_zone": "",
}
TOLD = re.compile(r'<code class="told-once">([^<]+)</code>')


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


@pytest.fixture
def admin(app: Flask, sign_in: Callable[[User], Visitor]) -> Visitor:
    with app.app_context():
        return sign_in(factories.make_user("root", admin=True, uid=4321))


def test_one_is_made_and_signs_in_with_the_password_told_once(
    admin: Visitor, visitor: Visitor, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        next_uid = users.get(SYSTEM, "root").user.uid + 1
    page = admin.get("/admin/new/user").text
    assert re.search(rf'name="uid"[^>]*value="{next_uid}"', page)
    made = admin.post("/admin/new/user", EVE)
    assert made.headers["Cache-Control"] == "no-store"
    assert "It has to be changed at the first sign-in" in made.text
    (password,) = TOLD.findall(made.text)
    assert password not in caplog.text
    assert password not in admin.get("/admin/users/eve").text
    assert visitor.sign_in("eve", password).status_code == 302
    assert visitor.get("/").location.startswith("/profile/password")


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("username", "", "Write a username."),
        ("username", "a/b", "no slashes"),
        ("username", "root", "Another one already has this username"),
        ("email", "nobody", "must have an @-sign"),
        ("email", "root@example.org", "Another one already has this email"),
        ("uid", "", "Write the user id"),
        ("uid", "many", "Not a valid integer"),
        ("uid", "-1", "A uid is a whole number"),
        ("uid", "99999999999999999999", "A uid is a whole number"),
        ("group", "nowhere", "Not a valid choice"),
        ("time_zone", "Mars/Olympus", "no IANA time zone"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    admin: Visitor, app: Flask, field: str, value: str, text: str
) -> None:
    page = admin.post("/admin/new/user", {**EVE, field: value}).text
    at = page.index(f'<span id="{field}-note">')
    assert text in page[at : at + 300]
    assert "Moneypenny" in page
    with app.app_context():
        assert user_search.search(SYSTEM, UserFilter(text="Moneypenny")).total == 0


def test_it_is_changed_and_what_somebody_else_changed_meanwhile_is_seen_first(
    admin: Visitor, app: Flask
) -> None:
    with app.app_context():
        factories.make_group("Vision")
        factories.make_user("eve", name="Eve", uid=2000)
    seen = admin.seen("/admin/users/eve")
    wanted = {**EVE, "group": "Vision", "time_zone": "Europe/Prague"}
    saved = admin.post("/admin/users/eve", {**wanted, "seen": seen}, follow_redirects=True)
    assert "The account eve is saved." in saved.text
    with app.app_context():
        user = users.get(SYSTEM, "eve").user
        assert (user.surname, user.group.name) == ("Moneypenny", "Vision")
        users.change(SYSTEM, "eve", users.UserChange(name="Eva"))
    refused = admin.post("/admin/users/eve", {**wanted, "seen": seen})
    assert "Somebody changed it since you opened this page" in refused.text
    assert "Eva" in refused.text
    again = {**wanted, "seen": admin.seen_in(refused.text)}
    assert admin.post("/admin/users/eve", again).status_code == 302


def test_a_new_one_time_password_ends_sessions_and_is_told_once(
    admin: Visitor, as_ada: Visitor, visitor: Visitor
) -> None:
    asked = admin.get("/admin/users/ada/password").text
    assert "stops working" in asked
    told = admin.post("/admin/users/ada/password")
    assert told.headers["Cache-Control"] == "no-store"
    (password,) = TOLD.findall(told.text)
    assert as_ada.get("/").location.startswith("/login")
    assert visitor.sign_in("ada").status_code == 200
    assert visitor.sign_in("ada", password).status_code == 302


@pytest.fixture
def held(app: Flask, ada: User) -> None:
    """Ada holds something running and two things to come."""
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8})
        for start, name in ((-1, "now"), (24, "tomorrow"), (48, "later")):
            factories.make_reservation(
                ada, factories.soon(start), 4, name=name, allocations={node: {"cpu": 1}}
            )


def statuses(app: Flask) -> dict[str, bool]:
    with app.app_context():
        rows = db.session.query(Reservation)
        return {row.name: row.cancelled_at is not None for row in rows}


def deactivate(admin: Visitor, **data: str) -> str:
    page = "/admin/users/ada/active"
    sent = {"seen": admin.seen(page), **data}
    return admin.post(page, sent, follow_redirects=True).text


@pytest.mark.usefixtures("held")
def test_deactivating_ends_sessions_and_keeps_what_is_reserved_unless_asked(
    admin: Visitor, as_ada: Visitor, app: Flask
) -> None:
    asked = admin.get("/admin/users/ada/active").text
    for text in ("1 reservation is running", "Cancel 2 reservations", "tomorrow", "later"):
        assert text in asked
    told = deactivate(admin, coming="keep")
    assert "2 reservations are still to come." in told
    assert "1 reservation is still running" in told
    assert statuses(app) == {"now": False, "tomorrow": False, "later": False}
    assert as_ada.get("/").location.startswith("/login")
    assert "is active again" in deactivate(admin)
    assert as_ada.get("/").status_code == 302  # an ended session stays ended


@pytest.mark.usefixtures("held")
def test_deactivating_cancels_what_is_to_come_where_asked(
    admin: Visitor, as_ada: Visitor, app: Flask
) -> None:
    told = deactivate(admin, coming="cancel")
    assert "2 reservations are cancelled." in told
    assert statuses(app) == {"now": False, "tomorrow": True, "later": True}
    history = admin.get("/admin/audit?kind=reservation&action=cancel").text
    assert history.count("<strong>cancel</strong>") == 2


def test_the_last_active_administrator_remains(admin: Visitor, app: Flask) -> None:
    page = "/admin/users/root/active"
    refused = admin.post(page, {"seen": admin.seen(page)})
    assert "last active administrator" in refused.text
    edited = {**EVE, "email": "root@example.org", "uid": "5", "group": "Users"}
    refused = admin.post("/admin/users/root", {**edited, "seen": admin.seen("/admin/users/root")})
    assert "last active administrator" in refused.text
    page = "/admin/users/root/delete"
    assert admin.post(page, {"seen": admin.seen(page)}).status_code == 409
    with app.app_context():
        assert users.get(SYSTEM, "root").is_admin


def test_deleting_says_what_goes_along_and_refuses_what_has_history(
    admin: Visitor, app: Flask, ada: User
) -> None:
    with app.app_context():
        grace = factories.make_user("grace")
        factories.make_limit(3, user=grace, name="small")
        factories.make_tag(grace, "paper")
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_reservation(ada, allocations={node: {"cpu": 1}})
    asked = admin.get("/admin/users/grace/delete").text
    assert "limit “small”" in asked
    assert "tag “paper”" in asked
    for name, status in (("grace", 302), ("ada", 409)):
        page = f"/admin/users/{name}/delete"
        answer = admin.post(page, {"seen": admin.seen(page)})
        assert answer.status_code == status
    assert "Deactivate the account instead" in answer.text
    assert admin.get("/admin/users/grace").status_code == 404


def test_the_list_is_searched_filtered_and_sorted(admin: Visitor, app: Flask) -> None:
    with app.app_context():
        science = factories.make_group("Science")
        physics = factories.make_group("Physics", parent=science)
        factories.make_user("eve", surname="Zorn", uid=4711, group=physics)
        factories.make_user("mallory", surname="Abel", active=False, password_change_required=True)

    def found(query: str) -> list[str]:
        page = admin.get(f"/admin/users?{query}").text
        return re.findall(r'<th scope="row"><a href="/admin/users/(\w+)">', page)

    assert found("") == ["eve", "mallory", "root"]
    assert found("sort=surname") == ["mallory", "root", "eve"]
    assert found("sort=-username") == ["root", "mallory", "eve"]
    assert found("q=4711") == found("q=ZORN") == found("q=eve@") == ["eve"]
    assert found("group=Science") == ["eve"]  # in a group below it
    assert found("state=inactive") == found("state=one-time") == ["mallory"]
    assert found("state=administrators") == ["root"]
    assert found("state=nonsense&group=nowhere&sort=x&page=0&_scheme=x&endpoint=y") == found("")
    assert found("page=99") == []


def test_the_list_is_taken_along(admin: Visitor) -> None:
    taken = admin.get("/admin/users?format=csv")
    assert taken.mimetype == "text/csv"
    head, line = taken.text.lstrip("\ufeff").splitlines()
    assert head.startswith("username,name,surname,email,uid,group")
    assert line.startswith("root,Root,Tester,root@example.org")
    (row,) = admin.get("/admin/users?format=json").json
    assert (row["username"], row["is_admin"]) == ("root", True)


def test_the_limits_tab_tells_levels_and_the_peak(admin: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        node = factories.make_node("n1", {"cpu": 8})
        factories.make_limit(6, user=ada, nodes=[node], name="On one node")
        factories.make_limit(4, group=3, scope=Scope.TOTAL, name="For all")
        for start in (-1, 30):
            factories.make_reservation(
                ada, factories.soon(start), 5, allocations={node: {"cpu": 3 if start < 0 else 4}}
            )
    page = admin.get("/admin/users/ada/limits").text
    for text in ("On one node", "this person", "For all", "Users", "on each node", "in all"):
        assert text in page
    rows = {row["name"]: row for row in admin.get("/admin/users/ada/limits?format=json").json}
    assert (rows["For all"]["held_now"], rows["For all"]["peak"]) == (3, 4)
    assert rows["For all"]["peak_at"].endswith("Z")


@pytest.mark.usefixtures("held")
def test_the_reservations_tab_lists_theirs(admin: Visitor) -> None:
    page = admin.get("/admin/users/ada/reservations").text
    assert page.index(">later<") < page.index(">tomorrow<") < page.index(">now<")
    assert "n1: 1 cpu" in page
    running = admin.get("/admin/users/ada/reservations?status=running").text
    assert ">now<" in running
    assert ">later<" not in running
    assert len(admin.get("/admin/users/ada/reservations?format=json").json) == 3


def test_sessions_and_tokens_of_others_can_be_ended(
    admin: Visitor, as_ada: Visitor, app: Flask, ada: User
) -> None:
    with app.app_context():
        actor = factories.actor_of(ada)
        wish = TokenNew("nightly", access_tokens.TokenScope.READ, factories.soon(24))
        token = access_tokens.create(actor, wish).row.id
        session_id = db.session.query(AuthSession.id).filter_by(user_id=ada.id).scalar()
    page = admin.get("/admin/users/ada/sessions").text
    assert "nightly" in page
    assert admin.post(f"/admin/users/root/tokens/{token}/revoke").status_code == 302
    assert "nightly" in admin.get("/admin/users/ada/sessions").text  # it was not root's
    admin.post(f"/admin/users/ada/tokens/{token}/revoke")
    assert "nightly" not in admin.get("/admin/users/ada/sessions").text
    admin.post("/admin/users/ada/sessions/end", {"session": session_id})
    assert as_ada.get("/").location.startswith("/login")
    assert "Nowhere at the moment" in admin.get("/admin/users/ada/sessions").text
    told = admin.post("/admin/users/ada/sessions/end", {"session": "x"}, follow_redirects=True)
    assert "There is no such session" in told.text
    assert admin.post("/admin/users/ada/sessions/end").status_code == 302
    history = admin.get("/admin/users/ada/history").text
    assert "<strong>end sessions</strong> by root" in history


@pytest.mark.parametrize(
    "page", ["", "/limits", "/reservations", "/sessions", "/history", "/active", "/password"]
)
def test_nobody_of_that_name_is_not_found(admin: Visitor, page: str) -> None:
    assert admin.get(f"/admin/users/nobody{page}").status_code == 404

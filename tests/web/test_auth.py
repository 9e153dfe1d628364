"""Signing in and out, and what happens to those who have not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from remas import clock
from remas.extensions import db
from remas.models import USERS, AuthSession, User
from remas.services import sessions
from remas.web import guard
from tests.support import factories
from tests.web.conftest import TOKEN, Visitor

OPEN = {"/login", "/healthz", "/readyz", "/metrics", "/prometheus/targets"}
OWN_DOORS = ("/api/", "/docs", "/static/", "/bootstrap/static/", "/login/sso", "/password/")


def test_the_right_password_leads_to_the_timeline(visitor: Visitor, ada: User) -> None:
    answer = visitor.sign_in("ada")
    assert (answer.status_code, answer.location) == (302, "/")
    assert "Timeline</h1>" in visitor.get("/").text


def test_a_wrong_password_says_so_at_the_field_and_keeps_the_name(
    visitor: Visitor, ada: User
) -> None:
    page = visitor.sign_in("ada", "not it").text
    assert "Wrong username or password." in page
    assert 'value="ada"' in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="password-note"' in page
    assert "not it" not in page


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_unknown_and_known_names_get_the_same_words(
    visitor: Visitor, ada: User, username: str
) -> None:
    assert "Wrong username or password." in visitor.sign_in(username, "not it").text


def test_while_the_directory_is_down_the_page_says_who_can_sign_in(
    make_app: Callable[..., Flask], ada: User
) -> None:
    down = {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE": "dc=x", "LDAP_NAME": "The institute"}
    visitor = Visitor(make_app(**down).test_client())
    page = visitor.sign_in("grace", "her password there").text
    assert "The institute, which does not answer right now" in page
    assert "Accounts with a password of their own can still sign in." in page
    assert visitor.sign_in("ada").location == "/"


def test_an_inactive_person_cannot_sign_in(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        factories.make_user("gone", active=False)
    assert "Wrong username or password." in visitor.sign_in("gone").text


def test_the_cookie_holds_the_id_of_the_session_and_nothing_about_the_person(
    as_ada: Visitor, app: Flask
) -> None:
    with as_ada.client.session_transaction() as cookie:
        kept = dict(cookie)
    with app.app_context():
        row = db.session.scalars(db.select(AuthSession)).one()
    assert kept["_user_id"] == row.id
    assert "ada" not in str(kept)


def cookie_of(answer: TestResponse) -> str:
    return next(one for one in answer.headers.getlist("Set-Cookie") if "remas_session" in one)


def test_scripts_and_other_sites_do_not_get_the_cookie(visitor: Visitor, ada: User) -> None:
    cookie = cookie_of(visitor.sign_in("ada"))
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert "; Secure" not in cookie  # there is no TLS at this address


def test_where_there_is_tls_the_cookie_travels_by_nothing_else(
    make_app: Callable[..., Flask], ada: User
) -> None:
    secure = make_app(REMAS_PUBLIC_URL="https://remas.example.org")
    visitor = Visitor(secure.test_client())
    token = visitor.client.get("/login", base_url="https://remas.example.org").text
    found = TOKEN.search(token)
    assert found
    form = {"username": "ada", "password": factories.PASSWORD, "csrf_token": found[1]}
    headers = {"Referer": "https://remas.example.org/login"}
    answer = visitor.client.post(
        "/login", data=form, headers=headers, base_url="https://remas.example.org"
    )
    assert answer.status_code == 302
    assert "; Secure" in cookie_of(answer)


def test_the_cookie_is_given_for_as_long_as_the_session_lasts(
    make_app: Callable[..., Flask], ada: User
) -> None:
    visitor = Visitor(make_app(REMAS_SESSION_DAYS="3").test_client())
    now = clock.now()
    with time_machine.travel(now, tick=False):
        cookie = cookie_of(visitor.sign_in("ada"))
    expires = (now + timedelta(days=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert f"; Expires={expires}" in cookie


def test_each_sign_in_has_a_session_that_nobody_knew_before(
    visitor: Visitor, app: Flask, ada: User
) -> None:
    visitor.sign_in("ada")
    with visitor.client.session_transaction() as cookie:
        first = cookie["_user_id"]
    visitor.post("/logout")
    with visitor.client.session_transaction() as cookie:
        cookie["_user_id"] = first  # as whoever saw the old one might plant it
    visitor.sign_in("ada")
    with visitor.client.session_transaction() as cookie:
        assert cookie["_user_id"] != first


def test_a_session_that_is_not_used_leads_to_the_sign_in_page(
    make_app: Callable[..., Flask], ada: User
) -> None:
    visitor = Visitor(make_app(REMAS_SESSION_IDLE_MINUTES="30").test_client())
    visitor.sign_in("ada")
    now = clock.now()
    for minutes in (20, 40, 60):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            assert visitor.get("/profile").status_code == 200
    with time_machine.travel(now + timedelta(minutes=91), tick=False):
        assert visitor.get("/profile").location == "/login?next=/profile"


def test_whoever_is_no_longer_administrator_loses_the_right_at_once(
    app: Flask, sign_in: Callable[[User], Visitor]
) -> None:
    with app.app_context():
        eve = factories.make_user("eve", admin=True)
        factories.make_user("root", admin=True)
    visitor = sign_in(eve)
    assert "(administrator)" in visitor.get("/profile").text
    with app.app_context():
        db.session.get_one(User, eve.id).group_id = USERS
        db.session.commit()
    assert "(administrator)" not in visitor.get("/profile").text


def test_changing_the_password_ends_every_other_session(
    app: Flask, sign_in: Callable[[User], Visitor], ada: User
) -> None:
    here, there = sign_in(ada), sign_in(ada)
    new = "four unrelated words"
    form = {"current_password": factories.PASSWORD, "new_password": new, "repeated": new}
    assert here.post("/profile/password", form).status_code == 302
    assert here.get("/profile").status_code == 200
    assert there.get("/profile").status_code == 302


def test_signing_in_begins_a_new_cookie(visitor: Visitor, ada: User) -> None:
    visitor.get("/login")
    with visitor.client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
    visitor.sign_in("ada")
    with visitor.client.session_transaction() as cookie:
        assert "planted" not in cookie


def test_a_session_ended_elsewhere_leads_to_the_sign_in_page(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        sessions.sign_out(db.session.scalars(db.select(AuthSession.id)).one())
    assert as_ada.get("/").location == "/login"


def test_an_expired_session_leads_to_the_sign_in_page(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        row = db.session.scalars(db.select(AuthSession)).one()
        row.expires_at = row.created_at - timedelta(seconds=1)
        db.session.commit()
    assert as_ada.get("/reservations").location == "/login?next=/reservations"


def test_whoever_is_deactivated_is_out_at_once(as_ada: Visitor, app: Flask, ada: User) -> None:
    with app.app_context():
        db.session.get_one(User, ada.id).active = False
        db.session.commit()
    assert as_ada.get("/").location == "/login"


def test_signing_out_ends_the_session_in_the_database(as_ada: Visitor, app: Flask) -> None:
    answer = as_ada.post("/logout")
    assert answer.location == "/login"
    with app.app_context():
        assert db.session.scalars(db.select(AuthSession.revoked_at)).one() is not None
    assert as_ada.get("/").location == "/login"


def test_signing_out_is_no_link(as_ada: Visitor) -> None:
    asked = as_ada.get("/logout")
    assert "Sign out?" in asked.text
    assert 'action="/logout"' in asked.text
    assert as_ada.get("/profile").status_code == 200  # still here


def test_who_is_not_signed_in_is_not_asked_whether_to_sign_out(visitor: Visitor) -> None:
    assert visitor.get("/logout").location == "/login"


def test_after_signing_in_one_is_where_one_wanted_to_go(visitor: Visitor, ada: User) -> None:
    sent = visitor.get("/reservations?show=past")
    assert sent.location == "/login?next=/reservations?show%3Dpast"
    form = visitor.get(sent.location).text
    assert 'value="/reservations?show=past"' in form
    answer = visitor.post(
        "/login",
        {"username": "ada", "password": factories.PASSWORD, "next": "/reservations?show=past"},
    )
    assert answer.location == "/reservations?show=past"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n//evil.example",
        "javascript:alert(1)",
        "evil.example",
        "///evil.example",
    ],
)
def test_nobody_is_sent_to_other_sites(visitor: Visitor, ada: User, target: str) -> None:
    answer = visitor.post(
        "/login", {"username": "ada", "password": factories.PASSWORD, "next": target}
    )
    assert (answer.status_code, answer.location) == (302, "/")
    again = visitor.get("/login", query_string={"next": target})
    assert (again.status_code, again.location) == (302, "/")


def test_a_form_without_its_token_is_refused_with_a_page(visitor: Visitor, ada: User) -> None:
    answer = visitor.client.post("/login", data={"username": "ada", "password": factories.PASSWORD})
    assert answer.status_code == 400
    assert "This form is too old</h1>" in answer.text


def test_too_many_tries_at_one_name_are_throttled_with_a_page(visitor: Visitor, ada: User) -> None:
    token = visitor.token()
    attempt = {"username": "ada", "password": "not it", "csrf_token": token}
    answers = [visitor.client.post("/login", data=attempt) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    last = answers[-1]
    assert "Too many attempts</h1>" in last.text
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert visitor.get("/login").status_code == 200


def test_a_name_in_other_letters_is_the_same_name(visitor: Visitor, ada: User) -> None:
    """A directory may take it for the same: each way to write it is no new set of tries."""
    token = visitor.token()
    names = ["ada", "Ada", "aDa", "adA", "ADa", "AdA", "aDA", "ADA", " ada", "ada ", " Ada "]
    answers = [
        visitor.client.post(
            "/login", data={"username": name, "password": "not it", "csrf_token": token}
        )
        for name in names
    ]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


def test_too_many_tries_from_one_address_are_throttled(visitor: Visitor, app: Flask) -> None:
    token = visitor.token()
    statuses = [
        visitor.client.post(
            "/login", data={"username": f"n{i}", "password": "x", "csrf_token": token}
        ).status_code
        for i in range(31)
    ]
    assert statuses == [200] * 30 + [429]


def test_every_route_wants_somebody_signed_in(app: Flask, visitor: Visitor) -> None:
    """Whatever is added later is closed, until somebody opens it here and in guard.py."""
    client = visitor.client
    for rule in app.url_map.iter_rules():
        by_secret = rule.endpoint in ("feeds.show", "reserved.show")
        by_secret |= rule.endpoint.startswith("grafana_sign_in.")  # known by the session, each time
        if rule.rule in OPEN or rule.rule.startswith(OWN_DOORS) or by_secret:
            continue
        values = {
            name: next(iter(getattr(rule._converters[name], "items", [1])))  # a choice, or any id
            for name in rule.arguments
        }
        path = rule.build(values, append_unknown=False)
        assert path
        answer = client.open(path[1], method="GET")
        assert answer.status_code in (302, 405), rule.rule
        if answer.status_code == 302:
            assert answer.location.startswith("/login"), rule.rule


def test_the_open_doors_are_open(visitor: Visitor, app: Flask) -> None:
    assert {visitor.get(path).status_code for path in OPEN} == {200}
    assert "auth.login" in guard.OPEN_ENDPOINTS


def test_with_a_one_time_password_every_page_leads_to_changing_it(
    app: Flask, sign_in: Callable[[User], Visitor]
) -> None:
    with app.app_context():
        user = factories.make_user("new", password_change_required=True)
    visitor = sign_in(user)
    assert visitor.get("/").location == "/profile/password"
    assert visitor.get("/reservations").location == "/profile/password?next=/reservations"
    assert visitor.post("/reservations/new").location == "/profile/password"
    page = visitor.get("/profile/password?next=/reservations")
    assert "Your password was for one sign-in." in page.text
    answer = visitor.post(
        "/profile/password?next=/reservations",
        {
            "current_password": factories.PASSWORD,
            "new_password": "four unrelated words",
            "repeated": "four unrelated words",
        },
    )
    assert answer.location == "/reservations"
    assert visitor.get("/reservations").status_code == 200

"""Signing in at an OpenID Connect provider: there, back, and what is not believed."""

import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from flask import Flask
from joserfc.jwk import RSAKey
from playwright.sync_api import Page, expect
from sqlalchemy import select
from werkzeug.test import TestResponse

from remas import clock
from remas.extensions import db, limiter
from remas.models import ADMINISTRATORS, USERS, Audit, AuthSession, User
from remas.services import passwords
from remas.services.single_sign_on import CALLBACK
from tests.support import factories
from tests.support.live import serving
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, oidc_provider
from tests.web.conftest import Visitor

HERE = "http://remas.example"
ADA = {
    "sub": "248289761001",
    "preferred_username": "ada",
    "given_name": "Ada",
    "family_name": "Byron",
    "email": "ada@example.org",
    "email_verified": True,
    "uid_number": 4711,
    "groups": ["staff", "everybody"],
}


@pytest.fixture(scope="module")
def running_provider() -> Iterator[Provider]:
    with oidc_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The provider, with Ada at its keyboard."""
    running_provider.reset()
    running_provider.person = dict(ADA)
    running_provider.client.redirect_uris.add(HERE + CALLBACK)
    return running_provider


Made = Callable[..., "Traveller"]


class Traveller(Visitor):
    """Somebody whose browser goes to the provider and comes back."""

    def leave(self, path: str = "/login/sso") -> str:
        """The provider's address."""
        answer = self.get(path)
        assert answer.status_code == 302, answer.text
        return str(answer.location)

    def come_back(self, to: str, allow: str = "yes", **changes: str) -> TestResponse:
        """Allowed at the provider, or not; `changes` to what the browser brings."""
        seen = requests.post(to, data={"allow": allow}, allow_redirects=False, timeout=10)
        assert seen.status_code == 302, seen.text
        back = urlsplit(seen.headers["Location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == HERE + CALLBACK
        brought = {name: values[0] for name, values in parse_qs(back.query).items()}
        brought = {name: value for name, value in {**brought, **changes}.items() if value}
        return self.get(CALLBACK, query_string=brought)

    def sign_on(self, path: str = "/login/sso") -> TestResponse:
        return self.come_back(self.leave(path))

    def told(self, answer: TestResponse) -> str:
        """What the sign-in page says after a failure."""
        assert (answer.status_code, answer.location) == (302, "/login")
        page = self.get("/login").text
        found = re.search(r'alert-danger.*?notice-title">(.*?)</strong>', page, re.DOTALL)
        assert found, page
        assert self.get("/profile").status_code == 302  # and nobody is signed in
        return found[1]


@pytest.fixture
def sso(make_app: Callable[..., Flask], provider: Provider) -> Made:
    """An app that trusts the provider: `sso(OIDC_CREATE_USERS="true")`; a traveller to it."""

    def make(**changes: str) -> Traveller:
        environ = {
            "REMAS_PUBLIC_URL": HERE,
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_NAME": "The university",
        }
        app = make_app(**{**environ, **changes})
        with app.app_context():
            factories.make_default_groups()
            limiter.reset()
        return Traveller(app.test_client())

    return make


def person(app: Flask, username: str = "ada") -> User:
    with app.app_context():
        return db.session.scalars(select(User).where(User.username == username)).one()


def test_whom_the_provider_knows_is_signed_in_where_they_wanted_to_go(
    sso: Made, app: Flask, ada: User, provider: Provider
) -> None:
    visitor = sso()
    page = visitor.get("/login?next=/reservations").text
    assert "Sign in with The university" in page
    answer = visitor.sign_on("/login/sso?next=/reservations")
    assert (answer.status_code, answer.location) == (302, "/reservations")
    assert "Ada Byron" in visitor.get("/profile").text
    with app.app_context():
        row = db.session.scalars(select(AuthSession)).one()
        assert (row.kind, row.user_id, row.address) == ("web", ada.id, "127.0.0.1")


def test_what_is_asked_is_bound_to_this_browser(sso: Made, provider: Provider) -> None:
    asked = parse_qs(urlsplit(sso().leave()).query)
    assert asked["response_type"] == ["code"]
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["redirect_uri"] == [HERE + CALLBACK]
    assert asked["scope"] == ["openid profile email"]
    assert asked["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43
    other = parse_qs(urlsplit(sso().leave()).query)
    assert all(asked[name] != other[name] for name in ("state", "nonce", "code_challenge"))


def test_signing_on_begins_a_new_cookie(sso: Made, ada: User) -> None:
    visitor = sso()
    there = visitor.leave()
    with visitor.client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
    assert visitor.come_back(there).location == "/"
    with visitor.client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "single_sign_on" not in cookie


def test_without_a_provider_there_is_no_button_and_no_door(visitor: Visitor) -> None:
    assert "Sign in with" not in visitor.get("/login").text
    assert visitor.get("/login/sso").status_code == 404
    assert visitor.get(CALLBACK).status_code == 404


def test_nobody_is_sent_to_other_sites_afterwards(sso: Made, ada: User) -> None:
    assert sso().sign_on("/login/sso?next=//evil.example").location == "/"


# What is not believed


@pytest.mark.parametrize("state", ["", "another", "é"])
def test_another_state(sso: Made, ada: User, state: str) -> None:
    visitor = sso()
    answer = visitor.come_back(visitor.leave(), state=state)
    assert "was not begun here" in visitor.told(answer)


def test_what_somebody_else_began(sso: Made, ada: User) -> None:
    mine, theirs = sso(), sso()
    mine.leave()
    assert "was not begun here" in mine.told(mine.come_back(theirs.leave()))


def test_what_was_begun_too_long_ago(sso: Made, ada: User) -> None:
    visitor = sso()
    there = visitor.leave()
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        assert "was not begun here" in visitor.told(visitor.come_back(there))


def test_coming_back_twice(sso: Made, ada: User) -> None:
    visitor = sso()
    there = visitor.leave()
    assert visitor.come_back(there).location == "/"
    visitor.post("/logout")
    assert "was not begun here" in visitor.told(visitor.come_back(there))


def test_a_second_answer_to_one_question(sso: Made, ada: User) -> None:
    visitor = sso()
    there = visitor.leave()
    assert "cannot be taken" in visitor.told(visitor.come_back(there, code="guessed"))
    again = {"state": parse_qs(urlsplit(there).query)["state"][0], "code": "guessed again"}
    assert "was not begun here" in visitor.told(visitor.get(CALLBACK, query_string=again))


def test_a_code_that_is_not_the_providers(sso: Made, ada: User) -> None:
    visitor = sso()
    assert "cannot be taken" in visitor.told(visitor.come_back(visitor.leave(), code="guessed"))


def test_an_answer_of_another_provider(sso: Made, ada: User) -> None:
    visitor = sso()
    answer = visitor.come_back(visitor.leave(), iss="https://evil.example")
    assert "cannot be taken" in visitor.told(answer)


def set_claim(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda claims: claims.__setitem__(name, value)


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(set_claim("nonce", "of another sign-in"), id="nonce"),
        pytest.param(lambda claims: claims.pop("nonce"), id="no nonce"),
        pytest.param(set_claim("aud", ["another client"]), id="audience"),
        pytest.param(
            lambda claims: claims.update(aud=["another client"], azp=CLIENT_ID),
            id="by us, not for us",
        ),
        pytest.param(lambda claims: claims.pop("aud"), id="no audience"),
        pytest.param(set_claim("iss", "https://evil.example"), id="issuer"),
        pytest.param(set_claim("azp", "another client"), id="authorized party"),
        pytest.param(set_claim("exp", 1_700_000_000), id="expired"),
        pytest.param(lambda claims: claims.pop("exp"), id="no end"),
        pytest.param(set_claim("sub", "somebody else"), id="subject"),
        pytest.param(lambda claims: claims.pop("sub"), id="no subject"),
    ],
)
def test_a_token_that_is_not_about_this_sign_in(
    sso: Made, ada: User, provider: Provider, tamper: Callable[[dict[str, Any]], Any]
) -> None:
    provider.tamper = tamper
    visitor = sso()
    assert "cannot be taken" in visitor.told(visitor.sign_on())


def test_a_token_signed_with_another_key(sso: Made, ada: User, provider: Provider) -> None:
    provider.published = RSAKey.generate_key(2048, {"kid": provider.key.kid})
    visitor = sso()
    assert "cannot be taken" in visitor.told(visitor.sign_on())


def test_a_token_signed_with_what_clients_know(sso: Made, ada: User, provider: Provider) -> None:
    provider.algorithm = "HS256"
    visitor = sso()
    assert "cannot be taken" in visitor.told(visitor.sign_on())


def test_the_key_may_change_from_one_sign_in_to_the_next(
    sso: Made, ada: User, provider: Provider
) -> None:
    first, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "second"})
    assert sso().sign_on().location == "/"
    provider.key = first


@pytest.mark.parametrize(
    "description", [{"issuer": "https://evil.example"}, {"token_endpoint": None}]
)
def test_a_provider_that_calls_itself_otherwise(
    sso: Made, provider: Provider, description: dict[str, Any]
) -> None:
    provider.description = description
    visitor = sso()
    assert "does not answer right now" in visitor.told(visitor.get("/login/sso"))


def test_a_provider_that_is_down(sso: Made, ada: User) -> None:
    visitor = sso(OIDC_ISSUER="http://127.0.0.1:9")
    told = visitor.told(visitor.get("/login/sso"))
    assert told == (
        "The university does not answer right now. Try again in a while, or sign in with a "
        "password."
    )
    assert visitor.sign_in("ada").location == "/"


def test_whoever_says_no_there_is_told_so(sso: Made, ada: User) -> None:
    visitor = sso()
    answer = visitor.come_back(visitor.leave(), allow="no")
    assert "The university did not let you in" in visitor.told(answer)


def test_the_provider_is_not_asked_without_end(sso: Made, provider: Provider) -> None:
    visitor = sso()
    statuses = [visitor.get("/login/sso").status_code for _ in range(61)]
    assert statuses == [302] * 60 + [429]


def test_failures_from_one_address_are_throttled(sso: Made, app: Flask) -> None:
    visitor = sso()
    statuses = [visitor.get(CALLBACK).status_code for _ in range(31)]
    assert statuses == [302] * 30 + [429]


# Whose account it is


def test_an_account_that_is_not_active_stays_closed(sso: Made, app: Flask) -> None:
    visitor = sso()
    with app.app_context():
        factories.make_user("ada", active=False)
    assert "not active" in visitor.told(visitor.sign_on())


def test_who_has_no_account_is_told_whom_to_ask(sso: Made) -> None:
    visitor = sso()
    assert visitor.told(visitor.sign_on()) == (
        "The university knows you as ada, but there is no such account here. "
        "Ask an administrator to make one."
    )


def test_the_first_sign_in_makes_an_account_where_that_is_allowed(sso: Made, app: Flask) -> None:
    visitor = sso(OIDC_CREATE_USERS="true")
    assert visitor.sign_on().location == "/"
    made = person(app)
    assert (made.name, made.surname, made.email) == ("Ada", "Byron", "ada@example.org")
    assert (made.uid, made.group_id, made.password_hash) == (4711, USERS, passwords.UNUSABLE)
    with app.app_context():
        entry = db.session.scalars(select(Audit).where(Audit.action == "create")).one()
        assert (entry.subject, entry.address) == ("ada", "127.0.0.1")
    visitor.post("/logout")
    assert visitor.sign_on().location == "/"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"uid_number": None}, "does not tell your user id"),
        ({"uid_number": "many"}, "does not tell your user id"),
        ({"uid_number": -5}, "cannot be an account here"),
        ({"email": None}, "cannot be an account here"),
        ({"preferred_username": None}, "does not tell your username"),
        ({"preferred_username": "../ada"}, "cannot be an account here"),
        ({"preferred_username": ["ada"]}, "does not tell your username"),
        ({"email": "grace@example.org"}, "Another account here has your email"),
        ({"email": "Eve@x.org"}, "Another account here has your email"),
        ({"preferred_username": "Grace@example.org"}, "Another account here has your username"),
    ],
)
def test_an_account_is_not_made_of_half_a_person(
    sso: Made, app: Flask, provider: Provider, change: dict[str, Any], text: str
) -> None:
    visitor = sso(OIDC_CREATE_USERS="true")
    with app.app_context():
        factories.make_user("grace")
        factories.make_user("eve@x.org", email="eve@example.org")
    provider.person |= change
    assert text in visitor.told(visitor.sign_on())
    with app.app_context():
        assert set(db.session.scalars(select(User.username))) == {"grace", "eve@x.org"}


def test_accounts_may_be_found_by_their_verified_address(
    sso: Made, app: Flask, provider: Provider
) -> None:
    with app.app_context():
        factories.make_user("byron", email="ada@example.org")
    assert sso(OIDC_MATCH="email").sign_on().location == "/"
    for unsure in (False, None, "yes"):
        provider.person["email_verified"] = unsure
        visitor = sso(OIDC_MATCH="email")
        assert "is not confirmed" in visitor.told(visitor.sign_on())


def test_claims_may_come_from_userinfo(sso: Made, app: Flask, provider: Provider) -> None:
    provider.only_userinfo = ("preferred_username", "email", "email_verified", "groups")
    with app.app_context():
        factories.make_user("ada")
    assert sso().sign_on().location == "/"


# Groups


def test_the_first_group_that_matches_counts_at_each_sign_in(
    sso: Made, app: Flask, provider: Provider
) -> None:
    mapped = "professors=Administrators, STAFF=Scientists, everybody=Users"
    visitor = sso(OIDC_GROUPS=mapped)
    with app.app_context():
        scientists = factories.make_group("Scientists").id
        factories.make_user("root", admin=True)
        factories.make_user("ada")
    for groups, expected in (
        (["staff", "everybody"], scientists),
        (["/professors", "staff"], ADMINISTRATORS),
        ("everybody", USERS),
        (["strangers"], USERS),
        (None, USERS),
    ):
        provider.person["groups"] = groups
        assert Traveller(visitor.client.application.test_client()).sign_on().location == "/"
        assert person(app).group_id == expected
    with app.app_context():
        changes = db.session.scalars(select(Audit.after).where(Audit.action == "change")).all()
    assert changes == [{"group": "Scientists"}, {"group": "Administrators"}, {"group": "Users"}]


def test_groups_may_lie_within_a_claim(sso: Made, app: Flask, provider: Provider) -> None:
    provider.person["realm_access"] = {"roles": ["admin"]}
    visitor = sso(OIDC_GROUPS_CLAIM="realm_access.roles", OIDC_GROUPS="admin=Administrators")
    with app.app_context():
        factories.make_user("ada")
    assert visitor.sign_on().location == "/"
    assert person(app).group_id == ADMINISTRATORS


def test_the_last_administrator_stays_one(sso: Made, app: Flask) -> None:
    visitor = sso(OIDC_GROUPS="staff=Users")
    with app.app_context():
        factories.make_user("ada", admin=True)
    assert visitor.sign_on().location == "/"
    assert person(app).group_id == ADMINISTRATORS
    with app.app_context():
        kept = db.session.scalars(select(Audit)).one()
        assert (kept.action, kept.after) == (
            "keep last administrator",
            {"group": "Administrators", "refused": "Users"},
        )


def test_a_group_that_is_not_there_is_passed_over(
    sso: Made, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = sso(OIDC_GROUPS="staff=Nobody")
    with app.app_context():
        factories.make_user("ada")
    with caplog.at_level(logging.WARNING):
        assert visitor.sign_on().location == "/"
    assert "'Nobody', which does not exist" in caplog.text


# The password


def test_whoever_signs_in_from_elsewhere_needs_no_one_time_password(sso: Made, app: Flask) -> None:
    visitor = sso()
    with app.app_context():
        factories.make_user("ada", password_change_required=True)
    assert visitor.sign_on().location == "/"
    assert visitor.get("/profile").status_code == 200
    assert person(app).password_hash == passwords.UNUSABLE


def test_the_page_for_passwords_says_where_the_password_is(sso: Made, app: Flask) -> None:
    visitor = sso(OIDC_CREATE_USERS="true")
    visitor.sign_on()
    page = visitor.get("/profile/password").text
    assert "Your password is not kept here." in page
    assert 'name="new_password"' not in page
    wanted = {"current_password": "!", "new_password": "four unrelated words"}
    answer = visitor.post("/profile/password", {**wanted, "repeated": "four unrelated words"})
    assert answer.status_code == 200
    assert person(app).password_hash == passwords.UNUSABLE


def test_in_a_browser(sso: Made, app: Flask, ada: User, provider: Provider, page: Page) -> None:
    traveller = sso()
    target = traveller.client.application
    with serving(target) as url:
        settings = target.config["REMAS"]
        object.__setattr__(settings, "public_url", url)  # known only now
        provider.client.redirect_uris.add(url + CALLBACK)
        page.goto(f"{url}/login?next=/reservations")
        page.get_by_role("link", name="Sign in with The university").click()
        expect(page.get_by_role("heading", name="The university")).to_be_visible()
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{url}/reservations")
        page.goto(f"{url}/profile")
        sessions = page.get_by_role("region", name="Where you are signed in")
        expect(sessions).to_contain_text("this one")

"""Ways into an account: what closes them, and what nobody gets by a lesser one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from remas import clock
from remas.errors import Forbidden, NotFound
from remas.extensions import db
from remas.models import TokenScope, User
from remas.services import (
    access_tokens,
    admission,
    directory,
    passwords,
    resets,
    sessions,
    single_sign_on,
    users,
)
from remas.services.access_tokens import TokenNew
from remas.services.actor import SYSTEM, Actor
from remas.services.admission import Terms, Vouched
from remas.services.context import settings
from remas.services.transaction import writing
from remas.services.users import ProfileChange, UserChange
from remas.signon_settings import LdapSettings, OidcSettings
from tests.support.factories import CHEAP, PASSWORD, actor_of, make_user

pytestmark = pytest.mark.usefixtures("app_context")
NEW = "four quite unrelated words"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


def link_of(person: User, lasts: timedelta = resets.FOR_NEW_ACCOUNTS) -> str:
    with writing() as session:
        return resets.token_of(resets.issue(session, person.id, lasts).id)


def own_change(person: User) -> None:
    users.change_password(actor_of(person), PASSWORD, NEW)


def given_by_an_administrator(person: User) -> None:
    users.set_password(SYSTEM, person.username)


def closed_and_opened_again(person: User) -> None:
    for active in (False, True):
        users.change(SYSTEM, person.username, UserChange(active=active))


def signed_in_from_elsewhere(person: User) -> None:
    with writing() as session:
        session.get_one(User, person.id).password_change_required = True
    with writing() as session:
        admission.admit(session, Vouched("the provider", person.username), Terms(), None)


@pytest.mark.parametrize(
    "happens",
    [own_change, given_by_an_administrator, closed_and_opened_again, signed_in_from_elsewhere],
)
def test_a_link_in_a_letter_is_worth_nothing_after_a_new_password(
    happens: Callable[[User], None],
) -> None:
    make_user("root")
    eve = make_user("eve")
    token = link_of(eve)
    assert resets.person_of(token).username == "eve"
    happens(eve)
    with pytest.raises(NotFound):
        resets.use(token, "another four good words", None)


def by_token(person: User) -> Actor:
    """The person's program, with an access token that may write."""
    wish = TokenNew("script", TokenScope.WRITE, clock.now() + timedelta(days=1))
    made = access_tokens.create(actor_of(person), wish)
    return access_tokens.actor_of(db.session(), settings(), made.secret, None)


def test_an_access_token_does_not_send_the_letters_elsewhere() -> None:
    """Whoever found it would have a new password sent there."""
    program = by_token(make_user("eve"))
    with pytest.raises(Forbidden):
        users.update_me(program, ProfileChange(email="mallory@example.org"))
    same = ProfileChange(name="Eva", email="eve@example.org")
    assert users.update_me(program, same).user.name == "Eva"


def test_no_transaction_is_open_while_the_directory_is_asked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("eve")
    open_then: list[bool] = []

    def find(_settings: LdapSettings, username: str, _password: str) -> Vouched:
        open_then.append(db.session().in_transaction())
        return Vouched("the directory", username)

    known = settings()
    asking = replace(known, ldap=replace(known.ldap, url="ldap://127.0.0.1:9", base="dc=x"))
    monkeypatch.setitem(app.config, "REMAS", asking)
    monkeypatch.setattr(directory, "find", find)
    assert sessions.sign_in("eve", "her password there", None)
    assert open_then == [False]


def test_no_transaction_is_open_while_the_provider_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_user("eve")
    open_then: list[bool] = []

    def begin(_settings: OidcSettings, _uri: str) -> single_sign_on.client.Challenge:
        open_then.append(db.session().in_transaction())
        return single_sign_on.client.Challenge("https://provider.example", "s", "n", "v")

    monkeypatch.setattr(single_sign_on.client, "begin", begin)
    db.session.scalar(db.select(User))  # as whoever looks who is signed in
    single_sign_on.begin(settings(), "/")
    assert open_then == [False]

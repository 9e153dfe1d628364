"""Sessions: how long they last, what is known of them, who ends them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from remas import clock
from remas.errors import Forbidden, NotFound, NotSignedIn
from remas.extensions import db
from remas.models import ADMINISTRATORS, USERS, Audit, AuthSession, User
from remas.services import agents, open_sessions, passwords, sessions
from remas.services.actor import Actor
from remas.services.context import settings
from remas.services.transaction import writing
from tests.support.factories import CHEAP, PASSWORD, actor_of, make_user

pytestmark = pytest.mark.usefixtures("app_context")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", CHEAP)


def actor_in(session_id: str) -> Actor | None:
    return sessions.actor_of_session(db.session(), settings(), session_id, "192.0.2.1")


def later(**by: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**by), tick=False)


# How long


def test_a_session_that_is_used_lasts_until_its_absolute_end() -> None:
    make_user("eve")
    began = clock.now()
    begun = sessions.sign_in("eve", PASSWORD, None)
    for day in range(1, 14):
        with time_machine.travel(began + timedelta(days=day), tick=False):
            assert actor_in(begun), day
    with time_machine.travel(began + timedelta(days=14, minutes=1), tick=False):
        assert actor_in(begun) is None


def test_a_session_that_is_not_used_ends_before() -> None:
    make_user("eve")
    begun = sessions.sign_in("eve", PASSWORD, None)
    with later(days=7, minutes=1):
        assert actor_in(begun) is None
    with later(days=6, hours=23):
        assert actor_in(begun)


def test_a_programs_session_is_idle_as_long_as_its_refresh_token_lasts(
    make_app: Callable[..., Flask],
) -> None:
    make_user("eve")
    app = make_app(REMAS_SESSION_IDLE_MINUTES="10", TOKEN_ACCESS_EXPIRE_MINUTES="60")
    with app.app_context():
        pair = sessions.issue_tokens(settings(), "eve", PASSWORD, None)
        with later(minutes=30):
            known = sessions.actor_of_token(db.session(), settings(), pair.access_token, None)
            assert known.username == "eve"


def test_however_often_refreshed_it_ends_one_day(make_app: Callable[..., Flask]) -> None:
    make_user("eve")
    app = make_app(REMAS_SESSION_DAYS="1", TOKEN_REFRESH_EXPIRE_MINUTES="600")
    with app.app_context():
        token = sessions.issue_tokens(settings(), "eve", PASSWORD, None).refresh_token
        began = clock.now()
        for hours in (8, 16, 23):
            with time_machine.travel(began + timedelta(hours=hours), tick=False):
                token = sessions.refresh_tokens(settings(), token).refresh_token
        with (
            time_machine.travel(began + timedelta(hours=25), tick=False),
            pytest.raises(NotSignedIn),
        ):
            sessions.refresh_tokens(settings(), token)


def test_each_sign_in_is_a_session_of_its_own() -> None:
    make_user("eve")
    assert len({sessions.sign_in("eve", PASSWORD, None) for _ in range(3)}) == 3


def test_rights_are_those_of_this_moment() -> None:
    eve = make_user("eve", admin=True)
    make_user("root", admin=True)
    begun = sessions.sign_in("eve", PASSWORD, None)
    for group, admin in ((ADMINISTRATORS, True), (USERS, False)):
        db.session.get_one(User, eve.id).group_id = group
        db.session.commit()
        actor = actor_in(begun)
        assert actor is not None
        assert actor.is_admin is admin
    db.session.get_one(User, eve.id).active = False
    db.session.commit()
    assert actor_in(begun) is None


# As long for all


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("eve", "wrong"),
        ("eve", PASSWORD),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("gone", "wrong"),
        ("elsewhere", PASSWORD),
        ("elsewhere", "!"),
    ],
)
def test_every_attempt_verifies_exactly_one_hash(
    username: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is not there, not active, or has their password elsewhere, is told by no clock."""
    make_user("eve")
    make_user("gone", active=False)
    make_user("elsewhere", password_hash=passwords.UNUSABLE)
    sessions._decoy()  # made once a process
    verified: list[str] = []

    class Counting:
        def verify(self, password_hash: str, given: str) -> bool:
            verified.append(password_hash)
            return CHEAP.verify(password_hash, given)

    monkeypatch.setattr(passwords, "hasher", Counting())
    with suppress(NotSignedIn):
        sessions.authenticate(username, password)
    assert len(verified) == 1
    assert verified[0].startswith("$argon2id$")


# What is known of them


@pytest.mark.parametrize(
    ("told", "readable"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "HeadlessChrome/142.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("remas/0.2 (command line)", "remas/0.2"),
        ("python-requests/2.33", "python-requests/2.33"),
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("x" * 5000, "x" * 100),
        ("\x00\r\n ", None),
        ("", None),
        (None, None),
    ],
)
def test_programs_are_told_in_words(told: str | None, readable: str | None) -> None:
    assert agents.readable(told) == readable


def test_ones_own_are_listed_the_last_used_first() -> None:
    eve, other = make_user("eve"), make_user("other")
    first = sessions.sign_in("eve", PASSWORD, "192.0.2.1", FIREFOX)
    sessions.sign_in("other", PASSWORD, None)
    ended = sessions.sign_in("eve", PASSWORD, None)
    sessions.sign_out(ended)
    with later(hours=1):
        second = sessions.sign_in("eve", PASSWORD, "192.0.2.2", "curl/8.5.0")
    with later(hours=2):
        here = actor_in(first)
        assert here is not None
        found = open_sessions.own(here)
    assert [one.id for one in found] == [first, second]  # the first was used just now
    assert [one.current for one in found] == [True, False]
    assert [one.agent for one in found] == ["Firefox on Linux", "curl/8.5.0"]
    assert [one.address for one in found] == ["192.0.2.1", "192.0.2.2"]
    with pytest.raises(Forbidden):
        open_sessions.of(actor_of(other), "eve")
    root = actor_of(make_user("root", admin=True), admin=True)
    assert len(open_sessions.of(root, "eve")) == 2
    with pytest.raises(NotFound):
        open_sessions.of(root, "nobody")
    assert open_sessions.own(actor_of(eve))


# Who ends them


def test_people_end_their_own() -> None:
    make_user("eve")
    here, there = (sessions.sign_in("eve", PASSWORD, None, FIREFOX) for _ in range(2))
    eve = actor_in(here)
    assert eve is not None
    open_sessions.end(eve, there)
    assert actor_in(there) is None
    assert actor_in(here) is not None
    with pytest.raises(NotFound):
        open_sessions.end(eve, there)  # it has ended already
    entry = db.session.scalars(select(Audit)).one()
    assert (entry.action, entry.actor, entry.subject) == ("end sessions", "eve", "eve")
    told = {"kind": "web", "agent": "Firefox on Linux", "address": None}
    assert entry.before == {"sessions": [told]}


def test_all_but_this_one() -> None:
    make_user("eve")
    make_user("other")
    here, *there = (sessions.sign_in("eve", PASSWORD, None) for _ in range(4))
    others = sessions.sign_in("other", PASSWORD, None)
    eve = actor_in(here)
    assert eve is not None
    assert open_sessions.end_others(eve) == 3
    assert open_sessions.end_others(eve) == 0
    assert all(actor_in(one) is None for one in there)
    assert actor_in(here) is not None
    assert actor_in(others) is not None
    assert len(db.session.scalars(select(Audit)).all()) == 1


def test_those_of_others_are_not_there_but_for_administrators() -> None:
    make_user("eve")
    mallory = actor_of(make_user("mallory"))
    root = actor_of(make_user("root", admin=True), admin=True)
    begun = sessions.sign_in("eve", PASSWORD, None)
    with pytest.raises(NotFound):
        open_sessions.end(mallory, begun)
    with pytest.raises(Forbidden):
        open_sessions.end_of(mallory, "eve")
    with pytest.raises(NotFound):
        open_sessions.end(root, begun, "mallory")  # it is not mallory's
    open_sessions.end(root, begun)
    assert actor_in(begun) is None
    again = sessions.sign_in("eve", PASSWORD, None)
    assert open_sessions.end_of(root, "eve") == 1
    assert actor_in(again) is None
    assert {entry.actor for entry in db.session.scalars(select(Audit))} == {"root"}


# Forgetting them


def test_what_has_ended_is_forgotten() -> None:
    eve = make_user("eve")
    now = clock.now()

    def row(name: str, kind: str = "web", **days: float) -> None:
        moments = {key: now - timedelta(days=value) for key, value in days.items()}
        values: dict[str, Any] = {
            "created_at": now - timedelta(days=100),
            "last_used_at": now,
            "expires_at": now + timedelta(days=1),
            **moments,
        }
        db.session.add(AuthSession(id=name, user_id=eve.id, kind=kind, **values))

    row("open")
    row("seldom used", last_used_at=6.9)
    row("a program's", "token", last_used_at=60)
    row("ended", revoked_at=0.1)
    row("expired", expires_at=0.1)
    row("left idle", last_used_at=7.1)
    db.session.commit()
    with writing() as session:
        assert sessions.prune(session) == 3
    left = set(db.session.scalars(select(AuthSession.id)))
    assert left == {"open", "seldom used", "a program's"}

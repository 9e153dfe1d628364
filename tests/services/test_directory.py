"""People of a directory: who they are, which account is theirs, and what is never a password."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from remas.clients import directory as client
from remas.config import Settings
from remas.environment import SettingError
from remas.errors import NotSignedIn
from remas.extensions import db
from remas.models import ADMINISTRATORS, USERS, Audit, AuthSession, User
from remas.services import passwords, sessions
from tests.support import factories
from tests.support.ldap_server import (
    GROUPS,
    PASSWORD,
    PEOPLE,
    READER,
    READER_PASSWORD,
    Directory,
    ldap_server,
)
from tests.support.missing import leave_out

Made = Callable[..., Flask]


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory]:
    with ldap_server() as server:
        if server is None:
            leave_out("LDAP server", "install slapd")
        yield server


@pytest.fixture
def by_template(directory: Directory) -> dict[str, str]:
    """Settings: the name says which entry it is."""
    return {"LDAP_URL": directory.url, "LDAP_USER_DN": f"uid={{username}},{PEOPLE}"}


@pytest.fixture
def by_search(directory: Directory) -> dict[str, str]:
    """Settings: an account of our own looks for the entry."""
    return {
        "LDAP_URL": directory.url,
        "LDAP_BASE": PEOPLE,
        "LDAP_BIND_DN": READER,
        "LDAP_BIND_PASSWORD": READER_PASSWORD,
    }


@pytest.fixture(params=["by_template", "by_search"])
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    """Both ways to find the entry."""
    settings: dict[str, str] = request.getfixturevalue(request.param)
    return settings


@pytest.fixture
def inside(make_app: Made) -> Iterator[Callable[..., Settings]]:
    """Be inside an app with these settings until the test ends."""
    contexts = []

    def enter(environ: dict[str, str], **more: str) -> Settings:
        app = make_app(**{**environ, **more})
        contexts.append(app.app_context())
        contexts[-1].push()
        factories.make_default_groups()
        settings: Settings = app.config["REMAS"]
        return settings

    yield enter
    for context in reversed(contexts):
        context.pop()


Inside = Callable[..., Settings]


def owner(session_id: str) -> User:
    return db.session.get_one(AuthSession, session_id).user


def test_the_password_of_the_directory_signs_in(inside: Inside, way: dict[str, str]) -> None:
    inside(way)
    ada = factories.make_user("ada", password_hash=passwords.UNUSABLE)
    assert owner(sessions.sign_in("ada", PASSWORD, "127.0.0.1")).id == ada.id


def test_programs_get_their_tokens_with_it(inside: Inside, way: dict[str, str]) -> None:
    settings = inside(way)
    factories.make_user("ada", password_hash=passwords.UNUSABLE)
    pair = sessions.issue_tokens(settings, "ada", PASSWORD, None)
    actor = sessions.actor_of_token(db.session(), settings, pair.access_token, None)
    assert actor.username == "ada"


@pytest.mark.parametrize(
    "password", ["", " ", "wrong", PASSWORD.upper(), "\x00", "\xad", "é" * 2000]
)
def test_nothing_else_does(inside: Inside, way: dict[str, str], password: str) -> None:
    """An empty password least of all: this directory would answer it with success."""
    inside(way, LDAP_CREATE_USERS="true")
    factories.make_user("ada", password_hash=passwords.UNUSABLE)
    with pytest.raises(NotSignedIn, match=r"^Wrong username or password\.$"):
        sessions.sign_in("ada", password, None)
    assert db.session.scalars(select(AuthSession)).all() == []


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_who_is_not_there_is_tried_as_often_as_who_is(
    inside: Inside, way: dict[str, str], username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = inside(way)
    tried: list[str] = []
    binds = client._binds

    def counting(connection: Any, starttls: bool) -> bool:
        tried.append(connection.user)
        return binds(connection, starttls)

    monkeypatch.setattr(client, "_binds", counting)
    assert client.authenticate(settings.ldap, username, "wrong") is None
    assert len(tried) == (1 if settings.ldap.user_dn else 2)


@pytest.mark.parametrize(
    "username",
    [
        "nobody",
        "",
        "*",
        "a*",
        "ad?",
        "ada)(uid=*",
        "*)(objectClass=*",
        "ada,ou=people",
        "ada+cn=Ada Byron",
        "\\61da",
        "ada\x00",
        "#ada",
        'ada"',
        "\udcff",
        "x" * 300,
    ],
)
def test_a_name_is_only_ever_a_name(inside: Inside, way: dict[str, str], username: str) -> None:
    settings = inside(way, LDAP_CREATE_USERS="true")
    assert client.authenticate(settings.ldap, username, PASSWORD) is None


def test_signs_of_the_filter_language_may_be_in_a_name(inside: Inside, way: dict[str, str]) -> None:
    settings = inside(way)
    found = client.authenticate(settings.ldap, "a*b(c)", PASSWORD)
    assert found is not None
    assert found.values["username"] == "a*b(c)"


def test_the_directory_says_how_the_name_is_written(inside: Inside, way: dict[str, str]) -> None:
    inside(way, LDAP_CREATE_USERS="true")
    for written in ("ADA", "ada", "Ada"):
        assert owner(sessions.sign_in(written, PASSWORD, None)).username == "ada"
    assert len(db.session.scalars(select(User)).all()) == 1


# Accounts


def test_the_first_sign_in_makes_an_account_where_that_is_allowed(
    inside: Inside, way: dict[str, str]
) -> None:
    inside(way, LDAP_CREATE_USERS="true")
    made = owner(sessions.sign_in("grace", PASSWORD, "192.0.2.1"))
    assert (made.username, made.name, made.surname) == ("grace", "Grace", "Hopper")
    assert (made.email, made.uid, made.group_id) == ("grace@example.org", 5001, USERS)
    assert made.password_hash == passwords.UNUSABLE
    entry = db.session.scalars(select(Audit)).one()
    assert (entry.action, entry.actor, entry.address) == ("create", "grace", "192.0.2.1")


def test_else_an_administrator_is_to_be_asked(inside: Inside, way: dict[str, str]) -> None:
    inside(way, LDAP_NAME="The institute")
    with pytest.raises(NotSignedIn, match="The institute knows you as grace, but there is no such"):
        sessions.sign_in("grace", PASSWORD, None)


def test_attributes_are_taken_as_they_are_mapped(inside: Inside, way: dict[str, str]) -> None:
    settings = inside(way, LDAP_ATTRIBUTES="username=mail, name=cn, uid=gidNumber")
    found = client.authenticate(settings.ldap, "ada", PASSWORD)
    assert found is not None
    assert found.values == {"username": "ada@example.org", "name": "Ada Byron", "uid": "5000"}


def test_an_account_that_is_not_active_stays_closed(inside: Inside, way: dict[str, str]) -> None:
    inside(way)
    factories.make_user("ada", active=False, password_hash=passwords.UNUSABLE)
    with pytest.raises(NotSignedIn, match="not active"):
        sessions.sign_in("ada", PASSWORD, None)


@pytest.mark.parametrize("mapped", [f"cn=staff,{GROUPS}=Administrators", "STAFF=Administrators"])
def test_groups_are_those_that_the_entry_names(
    inside: Inside, way: dict[str, str], mapped: str
) -> None:
    inside(way, LDAP_GROUPS=f"strangers=Everyone; {mapped}")
    factories.make_user("ada", password_hash=passwords.UNUSABLE)
    assert owner(sessions.sign_in("ada", PASSWORD, None)).group_id == ADMINISTRATORS


def test_or_those_that_name_the_person(inside: Inside, way: dict[str, str]) -> None:
    inside(way, LDAP_GROUP_BASE=GROUPS, LDAP_GROUPS="guests=Guests; staff=Administrators")
    guests = factories.make_group("Guests").id
    for username, group in (("grace", guests), ("ada", ADMINISTRATORS)):
        factories.make_user(username, password_hash=passwords.UNUSABLE)
        assert owner(sessions.sign_in(username, PASSWORD, None)).group_id == group


# Local passwords


def test_a_password_of_ones_own_is_tried_first(
    inside: Inside, way: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside(way)
    factories.make_user("ada")
    monkeypatch.setattr(client, "authenticate", None)  # asking the directory would fail
    assert owner(sessions.sign_in("ada", factories.PASSWORD, None)).username == "ada"


def test_while_the_directory_is_down_local_passwords_go_on(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    down = {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE": PEOPLE, "LDAP_NAME": "The institute"}
    inside(down)
    factories.make_user("root")
    factories.make_user("ada", password_hash=passwords.UNUSABLE)
    assert owner(sessions.sign_in("root", factories.PASSWORD, None)).username == "root"
    with caplog.at_level(logging.ERROR):
        for username in ("ada", "root", "nobody"):
            with pytest.raises(NotSignedIn, match="The institute, which does not answer right now"):
                sessions.sign_in(username, PASSWORD, None)
    assert "the directory does not answer" in caplog.text
    assert PASSWORD not in caplog.text


# TLS


@pytest.mark.parametrize("starttls", [False, True])
def test_by_tls(inside: Inside, way: dict[str, str], directory: Directory, starttls: bool) -> None:
    tls = {"LDAP_CA_FILE": str(directory.ca_file), "LDAP_STARTTLS": str(starttls)}
    url = directory.url if starttls else directory.tls_url
    settings = inside(way, **tls, LDAP_URL=url)
    assert client.authenticate(settings.ldap, "ada", PASSWORD) is not None
    client.check(settings.ldap)


@pytest.mark.parametrize("starttls", [False, True])
def test_a_certificate_of_somebody_else_is_not_spoken_to(
    inside: Inside, way: dict[str, str], directory: Directory, starttls: bool
) -> None:
    url = directory.url if starttls else directory.tls_url
    settings = inside(way, LDAP_STARTTLS=str(starttls), LDAP_URL=url)
    with pytest.raises(client.DirectoryError):
        client.authenticate(settings.ldap, "ada", PASSWORD)


@pytest.mark.parametrize("starttls", [False, True])
def test_nor_one_for_another_name(
    inside: Inside, way: dict[str, str], directory: Directory, starttls: bool
) -> None:
    url = (directory.url if starttls else directory.tls_url).replace("127.0.0.1", "localhost")
    tls = {"LDAP_CA_FILE": str(directory.ca_file), "LDAP_STARTTLS": str(starttls)}
    settings = inside(way, **tls, LDAP_URL=url)
    with pytest.raises(client.DirectoryError):
        client.authenticate(settings.ldap, "ada", PASSWORD)


def test_what_is_wrong_is_told(inside: Inside, by_search: dict[str, str]) -> None:
    settings = inside(by_search, LDAP_BIND_PASSWORD="wrong")
    with pytest.raises(client.DirectoryError, match="refuses LDAP_BIND_DN"):
        client.check(settings.ldap)
    with pytest.raises(NotSignedIn, match="does not answer right now"):
        sessions.sign_in("ada", PASSWORD, None)


PRODUCTION = {"DATABASE_URL": "postgresql://u:p@db/remas", "SECRET_KEY": "k" * 32}


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"LDAP_URL": "http://x"}, "LDAP_URL"),
        ({"LDAP_URL": "ldap://x"}, "LDAP_BASE"),
        ({"LDAP_URL": "ldap://x", "LDAP_USER_DN": "uid=x"}, "LDAP_USER_DN"),
        ({"LDAP_URL": "ldap://x", "LDAP_BASE": "x", "LDAP_FILTER": "(uid=x)"}, "LDAP_FILTER"),
        ({"LDAP_URL": "ldap://x", "LDAP_BASE": "x", "LDAP_BIND_DN": "y"}, "LDAP_BIND_PASSWORD"),
        ({"LDAP_URL": "ldap://x", "LDAP_BASE": "x", "LDAP_CA_FILE": "/nowhere"}, "LDAP_CA_FILE"),
        ({"LDAP_URL": "ldaps://x", "LDAP_BASE": "x", "LDAP_STARTTLS": "1"}, "LDAP_STARTTLS"),
        ({"LDAP_URL": "ldap://x", "LDAP_BASE": "x", "LDAP_ATTRIBUTES": "shoe=5"}, "LDAP_ATTR"),
        ({"LDAP_ATTRIBUTES": "name=cn"}, "LDAP_ATTRIBUTES"),
        ({"LDAP_GROUPS": "staff"}, "LDAP_GROUPS"),
        ({**PRODUCTION, "LDAP_URL": "ldap://x", "LDAP_BASE": "x"}, "LDAP_URL"),
        ({"OIDC_ISSUER": "https://x"}, "OIDC_CLIENT_ID"),
        ({"OIDC_ISSUER": "https://x", "OIDC_CLIENT_ID": "y", "OIDC_SCOPES": "z"}, "OIDC_SCOPES"),
        ({"OIDC_MATCH": "name"}, "OIDC_MATCH"),
        ({"OIDC_GROUPS": "=x"}, "OIDC_GROUPS"),
        ({**PRODUCTION, "OIDC_ISSUER": "http://x", "OIDC_CLIENT_ID": "y"}, "OIDC_ISSUER"),
        ({"REMAS_SESSION_DAYS": "0"}, "REMAS_SESSION_DAYS"),
        ({"REMAS_SESSION_IDLE_MINUTES": "1"}, "REMAS_SESSION_IDLE_MINUTES"),
    ],
)
def test_settings_that_are_not_whole(environ: dict[str, Any], name: str, tmp_path: Any) -> None:
    with pytest.raises(SettingError, match=rf"^{name}"):
        Settings.load(environ, tmp_path)


def test_a_part_that_is_not_installed_is_named(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remas.signon_settings.find_spec", lambda name: None)
    for environ, extra in (
        ({"LDAP_URL": "ldap://x", "LDAP_BASE": "x"}, "ldap"),
        ({"OIDC_ISSUER": "https://x", "OIDC_CLIENT_ID": "y"}, "oidc"),
    ):
        with pytest.raises(SettingError, match=rf"pip install 'remas\[{extra}\]'"):
            Settings.load(environ, tmp_path)

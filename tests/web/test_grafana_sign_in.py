"""What the proxy in front of Grafana asks REMAS, and where it sends those whom it stops."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import AuthSession, User
from remas.services import sessions
from remas.services.context import settings
from remas.services.transaction import writing
from remas.web.grafana_sign_in import ASKED_FOR, LOGIN_HEADER, encoded
from tests.support import factories
from tests.support.queries import counted
from tests.web.conftest import Visitor

DOCS = Path(__file__).parents[2] / "docs"
CHECK, STOPPED = "/login/grafana/check", "/login/grafana"
PAGE = "/grafana/d/remas-node/one?orgId=1&var-node=n1"
GRAFANA = {
    "GRAFANA_URL": "http://127.0.0.1:1/grafana",
    "GRAFANA_REDIRECT_URL": "https://remas.example.org/grafana",
    "GRAFANA_USERNAME": "remas",
    "GRAFANA_PASSWORD": "not used here",
}


@pytest.fixture
def site(make_app: Callable[..., Flask]) -> Flask:
    """REMAS with a proxy in front of Grafana."""
    return make_app(**GRAFANA, GRAFANA_SIGN_IN="proxy")


@pytest.fixture
def browser_of(site: Flask) -> Callable[[str], Visitor]:
    """A browser in which this person has signed in."""

    def begin(username: str) -> Visitor:
        visitor = Visitor(site.test_client())
        assert visitor.sign_in(username).status_code == 302
        return visitor

    return begin


@pytest.fixture
def ada_there(browser_of: Callable[[str], Visitor], ada: User) -> Visitor:
    return browser_of("ada")


def known_as(visitor: Visitor) -> str | None:
    """The login that the proxy is told; None: that this is nobody."""
    answer = visitor.get(CHECK)
    assert answer.status_code in (200, 401)
    assert answer.data == b""
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers
    assert (answer.status_code == 200) == ("X-WEBAUTH-USER" in answer.headers)
    login: str | None = answer.headers.get("X-WEBAUTH-USER")
    return login


def test_it_says_who_is_signed_in(ada_there: Visitor, site: Flask) -> None:
    assert known_as(ada_there) == "ada"
    assert known_as(Visitor(site.test_client())) is None
    assert ada_there.client.head(CHECK).headers["X-WEBAUTH-USER"] == "ada"


def test_it_takes_one_query_and_writes_nothing(ada_there: Visitor, site: Flask) -> None:
    with (
        time_machine.travel(clock.now() + timedelta(hours=1), tick=False),
        counted(site) as statements,
    ):
        assert known_as(ada_there) == "ada"
    assert len([one for one in statements if not one.startswith("BEGIN")]) == 1
    with counted(site) as statements:
        assert known_as(Visitor(site.test_client())) is None
    assert statements == []


def test_looking_at_grafana_keeps_no_session_awake(ada_there: Visitor, site: Flask) -> None:
    began = clock.now()
    for days in range(1, 7):
        with time_machine.travel(began + timedelta(days=days), tick=False):
            assert known_as(ada_there) == "ada"
    with time_machine.travel(began + timedelta(days=7, minutes=1), tick=False):
        assert known_as(ada_there) is None
    with site.app_context():
        used_at = db.session.scalar(db.select(AuthSession.last_used_at))
        assert used_at is not None
        assert used_at - began < timedelta(minutes=1)


def test_a_session_that_has_ended_is_nobodys(ada_there: Visitor, site: Flask) -> None:
    with ada_there.client.session_transaction() as cookie:
        session_id = cookie["_user_id"]
    assert ada_there.post("/logout").status_code == 302
    assert known_as(ada_there) is None
    with ada_there.client.session_transaction() as cookie:  # somebody kept a copy
        cookie["_user_id"] = session_id
    assert known_as(ada_there) is None


@pytest.mark.parametrize("change", [{"active": False}, {"password_change_required": True}])
def test_what_changes_in_the_account_counts_at_once(
    ada_there: Visitor, site: Flask, ada: User, change: dict[str, bool]
) -> None:
    with site.app_context(), writing() as session:
        for name, value in change.items():
            setattr(session.get_one(User, ada.id), name, value)
    assert known_as(ada_there) is None


def test_tokens_count_for_nothing(ada_there: Visitor, site: Flask, ada: User) -> None:
    with site.app_context():
        pair = sessions.issue_tokens(settings(), "ada", factories.PASSWORD, None)
        token_session = db.session.scalar(
            db.select(AuthSession.id).where(AuthSession.kind == "token")
        )
    program = Visitor(site.test_client())
    bearer = {"Authorization": f"Bearer {pair.access_token}"}
    assert program.get(CHECK, headers=bearer).status_code == 401
    with ada_there.client.session_transaction() as cookie:
        cookie["_user_id"] = token_session
    assert known_as(ada_there) is None


@pytest.mark.parametrize("changes", [{}, {"GRAFANA_SIGN_IN": "password"}, None])
def test_without_such_a_proxy_there_is_nothing(
    make_app: Callable[..., Flask], ada: User, changes: dict[str, str] | None
) -> None:
    without_grafana = {"GRAFANA_SIGN_IN": "proxy"}
    app = make_app(**without_grafana if changes is None else {**GRAFANA, **changes})
    visitor = Visitor(app.test_client())
    visitor.sign_in("ada")
    assert visitor.get(CHECK).status_code == 404
    assert visitor.get(STOPPED).status_code == 404


def test_other_sites_may_not_ask(ada_there: Visitor) -> None:
    answer = ada_there.get(CHECK, headers={"Origin": "https://elsewhere.example.org"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert ada_there.client.post(CHECK).status_code in (400, 405)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ada", "ada"),
        ("ada.b-c_d@x", "ada.b-c_d@x"),
        ("žofie", "=C5=BEofie"),
        ("a = b", "a=20=3D=20b"),
        ("=C5=BE", "=3DC5=3DBE"),
        ("x" * 200, "x" * 200),  # in one line
    ],
)
def test_any_name_can_stand_in_a_header(name: str, written: str) -> None:
    assert encoded(name) == written


def test_nobody_becomes_remas_itself(
    site: Flask, ada: User, browser_of: Callable[[str], Visitor]
) -> None:
    with site.app_context():
        factories.make_user("Remas")
    visitor = browser_of("Remas")
    assert known_as(visitor) is None
    assert "Your username is the one with which REMAS itself" in visitor.get(STOPPED).text


def test_an_administrator_may(
    make_app: Callable[..., Flask], browser_of: Callable[[str], Visitor], site: Flask, ada: User
) -> None:
    with site.app_context():
        factories.make_user("remas", admin=True)
    assert known_as(browser_of("remas")) == "remas"


def test_two_whom_grafana_takes_for_one_do_not_get_in(
    site: Flask, browser_of: Callable[[str], Visitor], ada_there: Visitor
) -> None:
    assert known_as(ada_there) == "ada"
    with site.app_context():
        factories.make_user("ADA", email="other@example.org")
    assert known_as(browser_of("ADA")) is None
    assert known_as(ada_there) is None
    assert "differs from yours only in capital letters" in ada_there.get(STOPPED).text


@pytest.mark.parametrize(
    ("one", "other"), [("Émile", "émile"), ("İda", "ida"), ("ΣΑΣ", "σας"), ("straße", "STRASSE")]
)
def test_capital_letters_are_those_of_any_script(
    site: Flask, browser_of: Callable[[str], Visitor], one: str, other: str
) -> None:
    with site.app_context():
        factories.make_user(one, email="one@example.org")
    visitor = browser_of(one)
    assert known_as(visitor) == encoded(one)
    with site.app_context():
        factories.make_user(other, email="other@example.org")
    assert known_as(visitor) is None
    assert "only in capital letters" in visitor.get(STOPPED).text


@pytest.mark.parametrize("address", ["eve@x.org", "Eve@X.ORG"])
def test_the_name_that_is_anothers_address_does_not_get_in(
    site: Flask, browser_of: Callable[[str], Visitor], address: str
) -> None:
    with site.app_context():
        factories.make_user("eve@x.org", email="eve@x.org")
    eve = browser_of("eve@x.org")
    assert known_as(eve) == "eve@x.org"  # her own
    with site.app_context(), writing() as session:
        session.scalars(db.select(User)).one().email = "eve@example.org"
    with site.app_context():
        factories.make_user("root", admin=True, email=address)
    assert known_as(eve) is None
    assert "is somebody else&#39;s e-mail address" in eve.get(STOPPED).text
    assert known_as(browser_of("root")) == "root"


@pytest.mark.parametrize(
    "name",
    [
        *("<eve@x.org>", "Eve <eve@x.org>", "eve@x.org (Eve)", '"eve"@x.org', "eve @x.org"),
        *("eve@x.org, a@x.org", "g:eve@x.org;", "eve@[127.0.0.1]"),
    ],
)
def test_an_address_in_another_spelling_does_not_get_in(
    site: Flask, browser_of: Callable[[str], Visitor], name: str
) -> None:
    with site.app_context():
        factories.make_user(name, email="other@example.org")
    visitor = browser_of(name)
    assert known_as(visitor) is None
    assert "an e-mail address with more than that in it" in visitor.get(STOPPED).text


@pytest.mark.parametrize("name", ["Admin@localhost", "REMAS"])
def test_nobody_becomes_the_first_account_of_grafana(
    site: Flask, browser_of: Callable[[str], Visitor], name: str
) -> None:
    with site.app_context():
        factories.make_user(name, email="other@example.org")
    assert known_as(browser_of(name)) is None


def test_it_does_not_read_all_people(ada_there: Visitor, site: Flask) -> None:
    with counted(site) as statements:
        assert known_as(ada_there) == "ada"
    (asked,) = (one for one in statements if "EXISTS" in one)
    for column in ("username_folded", "email_folded"):
        assert f"{column} = " in asked
    assert "lower(" not in asked
    indexed = {tuple(index.columns.keys()) for index in User.__table__.indexes}  # type: ignore[attr-defined]
    assert {("username_folded",), ("email_folded",)} <= indexed


def test_who_is_stopped_signs_in_and_comes_back(site: Flask, ada: User) -> None:
    visitor = Visitor(site.test_client())
    sent = visitor.get(STOPPED, headers={"X-Original-URI": PAGE})
    form = visitor.get(sent.location).text
    assert f'value="{PAGE.replace("&", "&amp;")}"' in form
    data = {"username": "ada", "password": factories.PASSWORD, "next": PAGE}
    assert visitor.post("/login", data).location == PAGE


@pytest.mark.parametrize(
    "forged", ["https://evil.org/grafana/", "//evil.org/", "/\\evil.org", "javascript:x", ""]
)
def test_one_comes_back_to_this_site_alone(site: Flask, forged: str) -> None:
    visitor = Visitor(site.test_client())
    sent = visitor.get(STOPPED, headers={"X-Original-URI": forged})
    assert sent.location == f"/login?next=/{'' if forged else 'grafana/'}"


def test_who_has_a_one_time_password_changes_it_first(
    site: Flask, browser_of: Callable[[str], Visitor], ada: User
) -> None:
    with site.app_context():
        factories.make_user("new", password_change_required=True)
    visitor = browser_of("new")
    sent = visitor.get(STOPPED, headers={"X-Original-URI": "/grafana/d/x"})
    assert sent.location == "/profile/password?next=/grafana/d/x"


def test_what_is_to_be_copied_names_what_is_sent() -> None:
    told = (DOCS / "grafana-sign-in.md").read_text()
    assert f"GF_AUTH_PROXY_HEADER_NAME={LOGIN_HEADER}\n" in told
    for header, path in ((LOGIN_HEADER, CHECK), (ASKED_FOR, STOPPED)):
        assert header in told
        assert f"GET {path}`" in told
        for name in ("nginx.conf", "Caddyfile"):
            shipped = (DOCS / "proxy" / name).read_text()
            assert path in shipped
            assert header.casefold() in shipped.casefold()


def test_whom_grafana_does_not_know_is_told_so(ada_there: Visitor) -> None:
    page = ada_there.get(STOPPED).text
    assert "Grafana does not know you yet" in page
    assert 'href="/grafana/"' in page

"""Signing in to Grafana through nginx and Caddy as they are shipped, with a real REMAS behind."""

import base64
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, expect
from werkzeug.middleware.proxy_fix import ProxyFix

from remas.models import User
from remas.services import users
from remas.services.users import UserChange
from tests.support import factories
from tests.support.grafana_proxy import Arrived, Proxied, grafana_behind_proxy
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD, State
from tests.support.live import serving
from tests.support.missing import leave_out
from tests.support.processes import free_port
from tests.support.proxies import PROXIES, Ports, Site
from tests.web.conftest import TOKEN

SIGN_IN_PAGE = "<h1>Sign in</h1>"
METRICS_TOKEN = "a token for tests alone"
PAGE = "/grafana/d/remas-node/one?orgId=1&var-node=n1"


class Person(requests.Session):
    """A browser without scripts, on the site."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = str(site.authority)
        self.site = site

    def at(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        """Ask for a path, and follow nothing."""
        more.setdefault("allow_redirects", False)
        return self.request(method, self.site.url + path, timeout=10, **more)

    def post(self, path: str, page: str, **data: str) -> requests.Response:  # type: ignore[override]
        """Send the form on a page."""
        found = TOKEN.search(page)
        assert found
        fields = {"csrf_token": unescape(found[1]), **data}
        referer = {"Referer": self.site.url + path}
        return self.at(path, "POST", data=fields, headers=referer)

    def sign_in(self, username: str = "ada", at: str = "/login") -> requests.Response:
        page = self.at(at).text
        target = re.search(r'name="next"[^>]*value="([^"]*)"', page)
        known = {"username": username, "password": factories.PASSWORD}
        return self.post("/login", page, **known, next=unescape(target[1]) if target else "")

    def sign_out(self) -> requests.Response:
        return self.post("/logout", self.at("/logout").text)

    def whoami(self, **more: Any) -> str:
        """The login by which Grafana knows this browser; the status where by none."""
        answer = self.at("/grafana/api/user", **more)
        return str(answer.json()["login"] if answer.ok else answer.status_code)


@dataclass
class Cluster:
    """All parts at work."""

    app: Flask
    site: Site
    ports: Ports
    proxied: Proxied

    def person(self) -> Person:
        return Person(self.site)

    def last(self) -> Arrived:
        return self.proxied.arrived[-1]


@pytest.fixture
def state() -> State:
    """Grafana with ada's account, and with REMAS's own."""
    state = State()
    for number, login in enumerate(("ada", "grace", "žofie = ß"), 2):
        facts = {"email": f"{number}@example.org", "name": login, "password": "unknown"}
        flags = {"isGrafanaAdmin": False, "isDisabled": False, "isExternal": False}
        state.users[number] = {"id": number, "login": login, **facts, **flags}
    return state


@contextmanager
def serving_at(app: Flask) -> Iterator[int]:
    with serving(app) as url:
        yield urlsplit(url).port or 0


@pytest.fixture(params=PROXIES)
def cluster(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask], state: State, ada: User
) -> Iterator[Cluster]:
    """REMAS, Grafana, and one of the proxies in front of both."""
    site, plain = free_port(), free_port()
    url = f"https://localhost:{site}"
    with grafana_behind_proxy(state) as proxied:
        app = make_app(
            GRAFANA_URL=f"http://127.0.0.1:{proxied.port}/grafana",
            GRAFANA_REDIRECT_URL=f"{url}/grafana",
            GRAFANA_USERNAME=OWN_LOGIN,
            GRAFANA_PASSWORD=OWN_PASSWORD,
            GRAFANA_SIGN_IN="proxy",
            REMAS_PUBLIC_URL=url,
            REMAS_METRICS_TOKEN=METRICS_TOKEN,
        )
        # As in production: what the proxy says of address and scheme counts.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
        with serving_at(app) as remas:
            ports = Ports(site, plain, remas, proxied.port)
            with PROXIES[request.param](ports) as running:
                if running is None:
                    leave_out(request.param, f"apt-get install {request.param}")
                yield Cluster(app, running, ports, proxied)


def test_whoever_is_signed_in_is_known_in_grafana(cluster: Cluster) -> None:
    ada = cluster.person()
    assert ada.sign_in().status_code == 302
    assert ada.whoami() == "ada"
    assert ada.at(PAGE).text.endswith("<h1>Grafana of ada</h1>")
    assert cluster.last().path == PAGE
    assert cluster.last().claims == {"x-webauth-user": ["ada"]}
    assert ada.at("/profile").ok
    assert "Grafana" not in ada.cookies.get_dict()  # nor any cookie of it
    assert set(ada.cookies.get_dict()) == {"remas_session"}


def test_whoever_is_not_signs_in_at_remas_and_comes_back(cluster: Cluster) -> None:
    ada = cluster.person()
    sent = ada.at(PAGE)
    assert sent.status_code == 302
    there = ada.at(sent.headers["Location"])
    assert SIGN_IN_PAGE in there.text
    back = ada.sign_in(at=sent.headers["Location"])
    assert (back.status_code, back.headers["Location"]) == (302, PAGE)
    assert "Grafana of ada" in ada.at(back.headers["Location"]).text
    assert [arrived.path for arrived in cluster.proxied.arrived] == [PAGE]


def test_scripts_of_a_page_get_401_instead_of_a_sign_in_page(cluster: Cluster) -> None:
    for method in ("GET", "POST"):
        answer = cluster.person().at("/grafana/api/ds/query", method)
        assert answer.status_code == 401
        assert "Location" not in answer.headers
    assert cluster.proxied.arrived == []


FORGED = (
    *("X-WEBAUTH-USER", "x-webauth-user", "X_WEBAUTH_USER", "X-Webauth_User", "x_webauth-user"),
    *("X-WEBAUTH-EMAIL", "X-WEBAUTH-NAME", "X-WEBAUTH-ROLE", "X-WEBAUTH-GROUPS"),
    *("X-WEBAUTH-LOGIN", "x-webauth-login"),
)


def test_what_a_browser_says_of_itself_is_not_believed(cluster: Cluster) -> None:
    stranger, ada = cluster.person(), cluster.person()
    for name in FORGED:
        assert stranger.whoami(headers={name: OWN_LOGIN}) == "401", name
        answer = stranger.at(PAGE, headers={name: OWN_LOGIN})
        assert answer.headers["Location"].startswith("/login"), name
    assert cluster.proxied.arrived == []
    ada.sign_in()
    for name in FORGED:
        assert ada.whoami(headers={name: OWN_LOGIN}) == "ada", name
        assert cluster.last().claims == {"x-webauth-user": ["ada"]}, name


def test_twice_the_header_is_not_believed_either(cluster: Cluster) -> None:
    ada = cluster.person()
    ada.sign_in()
    cookie = f"remas_session={ada.cookies['remas_session']}"
    forged = "".join(f"{name}: {OWN_LOGIN}\r\n" for name in ("X-WEBAUTH-USER", "x-Webauth-User"))
    answer = raw(cluster, f"GET /grafana/api/user HTTP/1.1\r\nCookie: {cookie}\r\n{forged}")
    assert b'"login": "ada"' in answer
    assert cluster.last().claims == {"x-webauth-user": ["ada"]}


def test_a_password_of_grafana_opens_nothing_through_the_proxy(cluster: Cluster) -> None:
    own = (OWN_LOGIN, OWN_PASSWORD)
    assert cluster.person().whoami(auth=own) == "401"
    ada = cluster.person()
    ada.sign_in()
    assert ada.whoami(auth=own) == "ada"


def test_a_token_of_remas_opens_nothing(cluster: Cluster, ada: User) -> None:
    with cluster.app.test_client() as program:
        known = {"username": "ada", "password": factories.PASSWORD}
        pair = program.post("/api/v1/auth/token", json=known).get_json()
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    assert cluster.person().whoami(headers=bearer) == "401"


def test_signing_out_counts_with_the_next_request(cluster: Cluster) -> None:
    ada = cluster.person()
    ada.sign_in()
    assert ada.whoami() == "ada"
    kept = dict(ada.cookies)
    leaving = ada.at("/grafana/logout")
    assert (leaving.status_code, leaving.headers["Location"]) == (302, "/logout")
    assert ada.sign_out().status_code == 302
    thief = cluster.person()
    thief.cookies.update(kept)
    assert thief.whoami() == ada.whoami() == "401"
    assert ada.at(PAGE).headers["Location"].startswith("/login?next=/grafana/")


def test_being_deactivated_counts_with_the_next_request(cluster: Cluster) -> None:
    ada = cluster.person()
    ada.sign_in()
    assert ada.whoami() == "ada"
    with cluster.app.app_context():
        root = factories.actor_of(factories.make_user("root", admin=True), admin=True)
        users.change(root, "ada", UserChange(active=False))
    assert ada.whoami() == "401"


def test_a_one_time_password_has_to_be_changed_first(cluster: Cluster) -> None:
    with cluster.app.app_context():
        factories.make_user("grace", password_change_required=True)
    grace = cluster.person()
    assert grace.sign_in("grace").status_code == 302
    assert grace.whoami() == "401"
    assert grace.at(PAGE).headers["Location"].startswith("/profile/password?next=/grafana/d/")
    assert cluster.proxied.arrived == []


def test_whom_grafana_does_not_know_is_told_so(cluster: Cluster) -> None:
    with cluster.app.app_context():
        factories.make_user("new")
    new = cluster.person()
    new.sign_in("new")
    assert new.whoami() == "401"
    answer = new.at("/grafana/", allow_redirects=True)
    assert "Grafana does not know you yet" in answer.text
    assert 'href="/grafana/"' in answer.text
    assert "new" not in {user["login"] for user in cluster.proxied.state.users.values()}


def test_a_name_of_any_letters_arrives(cluster: Cluster) -> None:
    with cluster.app.app_context():
        factories.make_user("žofie = ß", email="zofie@example.org")
    zofie = cluster.person()
    zofie.sign_in("žofie = ß")
    assert zofie.whoami() == "žofie = ß"


def an_account(state: State, number: int, login: str, email: str, admin: bool = False) -> Any:
    """One more account of Grafana."""
    facts = {"login": login, "email": email, "name": login, "password": "unknown"}
    flags = {"isGrafanaAdmin": admin, "isDisabled": False, "isExternal": False}
    state.users[number] = {"id": number, **facts, **flags}
    return state.users[number]


def stopped(cluster: Cluster, username: str) -> str:
    """What somebody is told whom Grafana never hears of."""
    person = cluster.person()
    person.sign_in(username)
    before = len(cluster.proxied.arrived)
    assert person.whoami() == "401"
    assert len(cluster.proxied.arrived) == before
    text = person.at("/grafana/login").text
    assert "Grafana does not let you in" in text
    return unescape(text)


@pytest.mark.parametrize("name", ["ops@x.org", "Ops@X.org", "x <ops@x.org>", "g:ops@x.org;"])
def test_the_name_that_is_somebodys_address_opens_nobodys_account(
    cluster: Cluster, state: State, name: str
) -> None:
    with cluster.app.app_context():
        factories.make_user("root", admin=True, email="ops@x.org")
        factories.make_user(name, email="mallory@example.org")
    root = dict(an_account(state, 8, "root", "ops@x.org", admin=True))
    an_account(state, 9, name, "mallory@example.org")
    plain = name.endswith("org")
    told = stopped(cluster, name)
    assert ("is somebody else's e-mail address" if plain else "an e-mail address with more") in told
    assert state.users[8] == root
    administrator = cluster.person()
    administrator.sign_in("root")
    assert administrator.whoami() == "root"


def test_an_address_that_is_an_administrators_name_gets_nobody_in_there(
    cluster: Cluster, state: State
) -> None:
    with cluster.app.app_context():
        factories.make_user("bob@x.org", admin=True, email="bob@example.org")
        factories.make_user("mallory", email="Bob@x.org")
    before = dict(an_account(state, 9, "mallory", "bob@x.org"))
    an_account(state, 8, "bob@x.org", "bob@example.org", admin=True)
    assert "is somebody else's e-mail address" in stopped(cluster, "bob@x.org")
    mallory = cluster.person()
    mallory.sign_in("mallory")
    assert mallory.whoami() == "mallory"
    assert state.users[9] == before


def test_ones_own_address_may_be_ones_name(cluster: Cluster, state: State) -> None:
    with cluster.app.app_context():
        factories.make_user("eve@x.org", email="eve@x.org")
    an_account(state, 9, "eve@x.org", "eve@x.org")
    eve = cluster.person()
    eve.sign_in("eve@x.org")
    assert eve.whoami() == "eve@x.org"


def test_nobody_else_may_ask_who_it_is(cluster: Cluster) -> None:
    ada = cluster.person()
    ada.sign_in()
    answer = ada.at("/login/grafana/check")
    assert answer.status_code == 404
    assert "X-WEBAUTH-USER" not in answer.headers


INSIDE = ("/metrics", "/prometheus/targets", "/prometheus/reserved")


@pytest.mark.parametrize("path", INSIDE)
def test_what_is_for_prometheus_is_not_for_the_world(cluster: Cluster, path: str) -> None:
    bearer = f"Authorization: Bearer {METRICS_TOKEN}\r\n"
    direct = requests.get(
        f"http://127.0.0.1:{cluster.ports.remas}{path}",
        headers={"Authorization": f"Bearer {METRICS_TOKEN}"},
        timeout=10,
    )
    assert direct.status_code == 200
    ways = (path, f"/{path}", f"/%{ord(path[1]):X}{path[2:]}", f"/x/..{path}", f"/grafana/..{path}")
    for way in (*ways, f"{path}?x=1", f"/.{path}"):
        answer = raw(cluster, f"GET {way} HTTP/1.1\r\n{bearer}")
        assert re.match(rb"HTTP/1.1 (400|404) ", answer), way
        assert b"remas_" not in answer
        assert b"targets" not in answer


def test_a_header_of_the_browser_does_not_choose_where_one_comes_back_to(cluster: Cluster) -> None:
    ada = cluster.person()
    sent = ada.at(PAGE, headers={"X-Original-URI": "/reports", "X-Forwarded-Host": "evil.org"})
    assert sent.headers["Location"].startswith("/login?next=/grafana/d/")
    back = ada.sign_in(at="/login?next=https://evil.org/grafana/")
    assert back.headers["Location"] == "/"


def test_a_web_socket_opens_for_whoever_is_signed_in_alone(cluster: Cluster) -> None:
    ada = cluster.person()
    ada.sign_in()
    key = base64.b64encode(os.urandom(16)).decode()
    asked = (
        "GET /grafana/api/live/ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    )
    hello = bytes([0x81, 0x85]) + bytes(4) + b"hello"  # masked with zeros
    cookie = f"Cookie: remas_session={ada.cookies['remas_session']}\r\n"
    opened = raw(cluster, asked + cookie, hello)
    assert opened.startswith(b"HTTP/1.1 101")
    assert opened.endswith(b"\x81\x05hello")
    assert raw(cluster, asked).startswith(b"HTTP/1.1 401")


def raw(cluster: Cluster, head: str, then: bytes = b"") -> bytes:
    """What is answered to these bytes: head and body; after a 101, what comes for `then`."""
    context = ssl.create_default_context(cafile=str(cluster.site.authority))
    with (
        socket.create_connection(("127.0.0.1", cluster.ports.site), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
        sock.makefile("rb") as answers,
    ):
        host = f"Host: localhost:{cluster.ports.site}\r\n"
        sock.sendall(f"{head}{host}\r\n".encode())
        answer = b"".join(iter(answers.readline, b"\r\n"))
        if answer.startswith(b"HTTP/1.1 101"):
            sock.sendall(then)
            return answer + answers.read(len(then) - 4)  # without the mask
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        return answer + (answers.read(int(length[1])) if length else b"")


# Caddy does so by itself, on port 80, which a test cannot have.
@pytest.mark.parametrize("cluster", ["nginx"], indirect=True)
def test_plain_http_leads_to_tls(cluster: Cluster) -> None:
    with requests.Session() as session:
        session.trust_env = False
        sent = session.get(
            f"http://127.0.0.1:{cluster.ports.plain}/profile",
            headers={"Host": "localhost"},
            allow_redirects=False,
            timeout=10,
        )
    assert (sent.status_code, sent.headers["Location"]) == (301, "https://localhost/profile")


def test_with_a_browser_one_click_leads_there(cluster: Cluster, browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    try:
        page = context.new_page()
        page.goto(f"{cluster.site.url}/")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1, name="Timeline")).to_be_visible()
        page.get_by_role("navigation", name="Pages", exact=True).get_by_role(
            "link", name="Cluster status"
        ).click()
        expect(page.get_by_role("heading", level=1, name="Grafana of ada")).to_be_visible()
        page.goto(f"{cluster.site.url}/grafana/logout")
        page.get_by_role("main").get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.goto(f"{cluster.site.url}{PAGE}")
        expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    finally:
        context.close()

"""For tests of what REMAS does in Grafana."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from flask import Flask

from remas.clients.grafana import Grafana
from remas.grafana import reconcile
from tests.support.followed import Followed, followed
from tests.support.grafana import OLD, Double, grafana_double
from tests.support.grafana_changes import USUAL
from tests.support.grafana_state import OWN_LOGIN, OWN_PASSWORD
from tests.support.grafana_wishes import POLICIES


@pytest.fixture
def double(request: pytest.FixtureRequest) -> Iterator[Double]:
    """A double of Grafana, of the version that the test is parametrised with, or of 11."""
    with grafana_double(getattr(request, "param", OLD)) as double:
        yield double


@pytest.fixture
def client(double: Double) -> Iterator[Grafana]:
    """The client with REMAS's own account."""
    with double.client() as client:
        yield client


@pytest.fixture
def usual(double: Double, client: Grafana) -> Double:
    """Two people, watched on two nodes each; nothing is logged yet."""
    reconcile.everybody(client, USUAL, POLICIES)
    double.forget()
    return double


@pytest.fixture
def site(make_app: Callable[..., Flask], double: Double) -> Iterator[Followed]:
    """A site whose Grafana is up to date; nothing is logged yet."""
    with followed(make_app, double) as site:
        yield site


@pytest.fixture
def told(app: Flask, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process find the test's database and the double."""
    settings = app.config["REMAS"]
    ours = {
        "REMAS_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
    }
    for name, value in {**ours, **double.settings()}.items():
        monkeypatch.setenv(name, value)


class Http:
    """Plain calls: `http("GET", "/health")` gives status and body."""

    def __init__(self, double: Double, session: requests.Session) -> None:
        self.double, self.session = double, session

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        auth: Any = (OWN_LOGIN, OWN_PASSWORD),
        **headers: str,
    ) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.request(
            method, f"{self.double.url}/api{path}", json=body, auth=auth, headers=sent, timeout=5
        )
        return answer.status_code, answer.json() if answer.content else None

    def status(self, method: str, path: str, body: Any = None, **more: Any) -> int:
        return self(method, path, body, **more)[0]


@pytest.fixture
def http(double: Double) -> Iterator[Http]:
    with requests.Session() as session:
        session.trust_env = False
        yield Http(double, session)


@pytest.fixture
def folder(http: Http) -> Http:
    """With a folder `f`."""
    assert http.status("POST", "/folders", {"uid": "f", "title": "F"}) == 200
    return http

"""Every answer, of whatever kind, tells the browser to load nothing from elsewhere."""

import pytest
from flask import Flask

from remas.web import headers
from tests.web.conftest import Visitor

PAGES = (
    "/",
    "/login",
    "/reservations",
    "/reservations/new",
    "/profile",
    "/profile/password",
    "/nowhere",
    "/reservations/1",
    "/healthz",
    "/readyz",
    "/metrics",
    "/prometheus/targets",
    "/prometheus/reserved",
    "/static/icon.svg",
    "/api/v1/nodes",
    "/api/nowhere",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_headers(as_ada: Visitor, path: str) -> None:
    answer = as_ada.get(path)
    for name, value in headers.HEADERS.items():
        assert answer.headers[name] == value, name


def test_refusals_carry_them_too(visitor: Visitor) -> None:
    answer = visitor.client.post("/login")
    assert answer.status_code == 400
    assert answer.headers["Content-Security-Policy"] == headers.CONTENT_SECURITY_POLICY


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = headers.CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy
    assert "http" not in policy
    for part in (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ):
        assert part in policy.split("; ")


def test_under_https_browsers_are_told_to_stay_there(visitor: Visitor, app: Flask) -> None:
    secure = visitor.get("/login", base_url="https://remas.example.org")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in visitor.get("/login").headers


def test_pages_about_people_are_not_kept(as_ada: Visitor) -> None:
    assert as_ada.get("/").headers["Cache-Control"] == "no-cache, private"


def test_assets_may_be_kept(visitor: Visitor) -> None:
    assert "max-age" in visitor.get("/static/icon.svg").headers["Cache-Control"]


def test_the_cookie_is_set_when_signing_in_and_not_with_every_answer(as_ada: Visitor) -> None:
    for path in ("/static/icon.svg", "/healthz"):
        assert "Set-Cookie" not in as_ada.get(path).headers

"""Error pages: what happened, and what to do now."""

from collections.abc import Callable

import pytest
from flask import Flask, abort
from sqlalchemy.exc import OperationalError

from remas.errors import Busy, Conflict
from tests.web.conftest import Visitor


def failing(kind: str) -> str:
    """A view that fails as told."""
    if kind == "busy":
        raise Busy("Many people are booking.")
    if kind == "conflict":
        raise Conflict("Somebody was first.")
    if kind == "database":
        raise OperationalError("SELECT secret", {}, Exception("password=hunter2"))
    if kind == "bug":
        raise ZeroDivisionError("secret detail")
    abort(int(kind))


@pytest.fixture
def broken(make_app: Callable[..., Flask]) -> Visitor:
    """Nobody, at an app that fails on demand and shows what strangers would see."""
    app = make_app()
    app.testing = False
    app.add_url_rule("/healthz/<kind>", "service.failing", failing)
    return Visitor(app.test_client())


@pytest.mark.parametrize(
    ("kind", "status", "title"),
    [
        ("400", 400, "This request cannot be read"),
        ("403", 403, "You may not do this"),
        ("404", 404, "There is nothing here"),
        ("405", 405, "Not like this"),
        ("413", 413, "This is too much at once"),
        ("418", 418, "I'm a teapot"),
        ("500", 500, "Something went wrong here"),
        ("503", 503, "Just a moment"),
        ("bug", 500, "Something went wrong here"),
        ("database", 503, "Just a moment"),
        ("busy", 503, "Too much is going on right now"),
        ("conflict", 409, "This contradicts what is stored"),
    ],
)
def test_every_error_is_a_page_that_tells_no_secrets(
    broken: Visitor, kind: str, status: int, title: str
) -> None:
    answer = broken.get(f"/healthz/{kind}")
    assert answer.status_code == status
    assert f"<h1>{title.replace(chr(39), '&#39;')}</h1>" in answer.text
    assert answer.text.count("<h1") == 1
    for secret in ("secret", "hunter2", "Traceback", "sqlalchemy"):
        assert secret not in answer.text
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0


def test_a_page_that_is_not_there(visitor: Visitor) -> None:
    answer = visitor.get("/nowhere")
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


def test_a_way_that_is_not_allowed_names_those_that_are(as_ada: Visitor) -> None:
    answer = as_ada.get("/profile/sessions/end-others")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_too_much_at_once(as_ada: Visitor) -> None:
    answer = as_ada.post("/reservations/new", {"description": "x" * 5_000_000})
    assert answer.status_code == 413
    assert "This is too much at once" in answer.text


def test_addresses_of_the_api_get_no_pages(visitor: Visitor) -> None:
    assert "<html" not in visitor.get("/api/nowhere").text


@pytest.mark.parametrize(
    ("status", "again"), [(403, False), (404, False), (409, False), (429, True), (503, True)]
)
def test_every_error_leads_on(broken: Visitor, status: int, again: bool) -> None:
    page = broken.get(f"/healthz/{status}?x=1").text
    assert "To the timeline" in page
    assert (f'href="/healthz/{status}?x=1"' in page) == again


def test_a_mistake_of_ours_says_when_it_happened(broken: Visitor) -> None:
    assert "It happened on" in broken.get("/healthz/500").text


def test_who_is_signed_in_is_led_to_own_reservations(as_ada: Visitor) -> None:
    assert 'href="/reservations"' in as_ada.get("/nowhere").text

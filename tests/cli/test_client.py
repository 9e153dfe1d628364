"""The client of /api/v1: what it makes of answers that are none."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from flask import Flask, Response, redirect, request

from remas.clients import api as module
from remas.clients.api import Api, ApiError
from tests.support.live import serving

ROOT = "/api/v1"


@pytest.fixture
def stranger() -> Iterator[tuple[Flask, str]]:
    """A server that is not REMAS."""
    app = Flask("stranger")
    with serving(app) as url:
        yield app, url


def answering(app: Flask, answer: Callable[[], Any]) -> None:
    app.add_url_rule(f"{ROOT}/thing", view_func=answer, methods=["GET", "POST"], endpoint="thing")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda: "<h1>Welcome</h1>", "is not REMAS"),
        (lambda: "[1]", "is not REMAS"),
        (lambda: ("<h1>Bad gateway</h1>", 502), "is not REMAS (status 502)"),
        (lambda: ('{"error": "x"}', 404), "is not REMAS (status 404)"),
        (lambda: redirect("https://x.example.org/api/v1/thing"), "https://x.example.org"),
    ],
)
def test_something_else_answers(
    stranger: tuple[Flask, str], answer: Callable[[], Any], text: str
) -> None:
    app, url = stranger
    answering(app, answer)
    with pytest.raises(ApiError) as caught:
        Api(url, "a token").get("/thing")
    assert caught.value.status == 0
    assert text in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_problems_are_kept_whole(stranger: tuple[Flask, str], status: int) -> None:
    app, url = stranger
    problem = {"type": "/problems/some-thing", "title": "T", "detail": "D.", "status": status}
    answering(app, lambda: Response(json.dumps(problem), status, mimetype="application/json"))
    with pytest.raises(ApiError) as caught:
        Api(url, "a token").get("/thing")
    assert (caught.value.status, caught.value.problem) == (status, problem)
    assert (caught.value.slug, str(caught.value)) == ("some-thing", "D.")


def test_no_netrc_replaces_the_token(
    stranger: tuple[Flask, str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = stranger
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    answering(app, lambda: {"sent": request.headers.get("Authorization")})
    assert Api(url, "a token").get("/thing") == {"sent": "Bearer a token"}
    assert Api(url).get("/thing") == {"sent": None}


def test_pages_are_read_to_the_end(stranger: tuple[Flask, str]) -> None:
    app, url = stranger

    def page() -> Any:
        number = int(request.args["page"])
        items = [{"id": number}] if number <= 3 else []
        return {"items": items, "page": number, "per_page": 1, "total": 3}

    answering(app, page)
    assert [row["id"] for row in Api(url, "x").every("/thing")] == [1, 2, 3]


def test_a_booking_whose_answer_is_lost_is_sent_again_with_its_key(
    stranger: tuple[Flask, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = stranger
    keys: list[str | None] = []

    def book() -> Any:
        keys.append(request.headers.get("Idempotency-Key"))
        return {"id": 1}

    answering(app, book)
    really = requests.Session.request
    monkeypatch.setattr(module, "AGAIN_SECONDS", (0, 0))

    def losing(self: requests.Session, *args: Any, **kwargs: Any) -> Any:
        answer = really(self, *args, **kwargs)
        if len(keys) < 3:
            raise requests.ConnectionError("the line broke")
        return answer

    monkeypatch.setattr(requests.Session, "request", losing)
    assert Api(url, "x").post_once("/thing", {}, "a key") == {"id": 1}
    assert keys == ["a key"] * 3
    keys.clear()
    monkeypatch.setattr(module, "AGAIN_SECONDS", ())
    with pytest.raises(ApiError) as caught:
        Api(url, "x").post_once("/thing", {}, "a key")
    assert caught.value.status == 0


def test_a_refusal_is_not_sent_again(stranger: tuple[Flask, str]) -> None:
    app, url = stranger
    calls: list[int] = []

    def refuse() -> Any:
        calls.append(1)
        return Response('{"type": "/problems/no-capacity"}', 409, mimetype="application/json")

    answering(app, refuse)
    with pytest.raises(ApiError):
        Api(url, "x").post_once("/thing", {}, "a key")
    assert calls == [1]

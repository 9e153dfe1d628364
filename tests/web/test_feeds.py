"""Calendar feeds on the profile page; their addresses, which are open and stand in no log."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from remas.extensions import db
from remas.models import Node, Reservation, User
from remas.services import feed_reading
from tests.support.factories import make_node, make_reservation, make_user
from tests.web.conftest import Visitor

ADDRESS = re.compile(r'value="http://[^/"]+(/feeds/[\w-]{43}\.ics)"')


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1")


def made(visitor: Visitor, what: str = "own") -> str:
    """The path of a new feed."""
    page = visitor.post("/profile/feeds/new", {"what": what})
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    (path,) = ADDRESS.findall(page.text)
    return str(path)


def test_a_feed_is_made_shown_once_and_read_without_signing_in(
    as_ada: Visitor, client: FlaskClient, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        make_reservation(ada, name="Mine", allocations={node: {"cpu": 1}})
    assert "You have none." in as_ada.get("/profile").text
    path = made(as_ada)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert "SUMMARY:Mine" in answer.text
    assert "Set-Cookie" not in answer.headers
    profile = as_ada.get("/profile").text
    assert "My reservations" in profile
    assert "last looked at" in profile
    assert not ADDRESS.search(profile)
    assert client.head(path).status_code == 200


def test_every_choice_of_the_form_is_a_feed(
    as_ada: Visitor, client: FlaskClient, app: Flask, node: Node
) -> None:
    page = as_ada.get("/profile/feeds/new").text
    choices = re.findall(r'<option[^>]*value="([^"]+)"', page)
    assert choices == ["own", "group", "node:n1"]
    for what in choices:
        assert client.get(made(as_ada, what)).status_code == 200
    for what in ("node:n2", "", "everything"):
        refused = as_ada.post("/profile/feeds/new", {"what": what})
        assert refused.status_code == 200
        assert not ADDRESS.search(refused.text)
        assert "Not a valid choice" in refused.text


def test_what_is_known_is_not_sent_again(
    as_ada: Visitor, client: FlaskClient, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        number = make_reservation(ada, allocations={node: {"cpu": 1}}).id
    path = made(as_ada)
    first = client.get(path)
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get(path, headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.last_modified
    # Given up: no moment of change that is left in the calendar tells so.
    with app.app_context():
        row = db.session.get_one(Reservation, number)
        row.cancelled_at = row.updated_at - timedelta(minutes=1)
        db.session.commit()
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.get(path, headers=since).status_code == 200
    gone = client.get(path, headers=known)
    assert gone.status_code == 200
    assert "VEVENT" not in gone.text


def test_replacing_and_revoking(as_ada: Visitor, client: FlaskClient) -> None:
    old = made(as_ada)
    (number,) = set(re.findall(r"/profile/feeds/(\d+)/replace", as_ada.get("/profile").text))
    page = as_ada.post(f"/profile/feeds/{number}/replace")
    (new,) = ADDRESS.findall(page.text)
    assert (client.get(old).status_code, client.get(new).status_code) == (404, 200)
    done = as_ada.post(f"/profile/feeds/{number}/revoke", follow_redirects=True)
    assert "The feed is revoked" in done.text
    assert client.get(new).status_code == 404


def test_another_ones_feed_is_not_there(
    as_ada: Visitor, sign_in: Callable[[User], Visitor], app: Flask, client: FlaskClient
) -> None:
    path = made(as_ada)
    (number,) = set(re.findall(r"/profile/feeds/(\d+)/revoke", as_ada.get("/profile").text))
    with app.app_context():
        mallory = sign_in(make_user("mallory"))
    for act in ("replace", "revoke"):
        assert mallory.post(f"/profile/feeds/{number}/{act}").status_code == 404
        assert mallory.post(f"/profile/feeds/{2**40}/{act}").status_code == 404
        assert as_ada.client.post(f"/profile/feeds/{number}/{act}").status_code == 400  # no token
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [f"/feeds/{'x' * 43}.ics", "/feeds/x.ics", "/feeds/", "/feeds"])
def test_an_address_of_nothing_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("a bug"), 500), (OperationalError("SELECT", {}, Exception("gone")), 503)],
)
def test_no_log_tells_the_address(
    as_ada: Visitor,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
) -> None:
    path = made(as_ada)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setitem(client.application.config, "PROPAGATE_EXCEPTIONS", False)
    with caplog.at_level(logging.DEBUG):
        assert client.get(path).status_code == 200
        monkeypatch.setattr(feed_reading, "read", fail)
        assert client.get(path).status_code == status
    assert caplog.records
    secret = path.removeprefix("/feeds/").removesuffix(".ics")
    assert secret not in caplog.text
    if status == 500:
        assert "a bug" in caplog.text


def test_looking_all_the_time_is_slowed_down(client: FlaskClient) -> None:
    path = f"/feeds/{'x' * 43}.ics"
    assert {client.get(path).status_code for _ in range(300)} == {404}
    assert client.get(path).status_code == 429

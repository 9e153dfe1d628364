"""What holds for all endpoints: who gets in, how errors look, what is refused."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy.exc import OperationalError

from remas.api.blueprint import OPEN
from remas.services import nodes
from tests.api.conftest import API, PROBLEM, Caller, Made

# The contract's table, in one place: what is not for administrators alone.
FOR_ALL = {
    *("POST /auth/token", "POST /auth/refresh", "POST /auth/revoke", "GET /openapi.json"),
    *("GET /me", "PATCH /me", "PUT /me/password", "PUT /me/grafana-password"),
    *("GET /me/sessions", "DELETE /me/sessions/{}"),
    *("GET /users", "GET /users/{}", "GET /users/{}/limits"),
    *("GET /nodes", "GET /nodes/{}", "GET /resources", "GET /resources/{}"),
    *("GET /maintenance", "GET /maintenance/{}"),
    *("POST /offers", "GET /reservations", "POST /reservations", "GET /timetable"),
    *("GET /reservations/{}", "PATCH /reservations/{}"),
    *("POST /reservations/{}/cancel", "POST /reservations/{}/release"),
    *("PUT /reservations/{}/tags/{}", "DELETE /reservations/{}/tags/{}"),
    *("GET /tags", "POST /tags", "GET /tags/{}", "PATCH /tags/{}", "DELETE /tags/{}"),
    *("GET /notifications", "POST /notifications", "GET /notifications/{}"),
    *("PATCH /notifications/{}", "DELETE /notifications/{}", "POST /notifications/{}/preview"),
    *("POST /notifications/{}/assign", "POST /notifications/{}/unassign"),
    *("POST /notifications/preview", "GET /me/letters", "GET /me/letters/unseen"),
    *("POST /me/letters/seen", "GET /me/letters/calendar", "PUT /me/letters/calendar"),
    *("GET /me/tokens", "POST /me/tokens", "GET /me/tokens/{}", "DELETE /me/tokens/{}"),
    *("GET /me/feeds", "POST /me/feeds", "GET /me/feeds/{}", "DELETE /me/feeds/{}"),
    *("POST /me/feeds/{}/replace", "GET /me/time-zone", "DELETE /me/sessions"),
    *("GET /aliases", "GET /aliases/{}", "GET /reports", "GET /status/nodes"),
    *("GET /reservations/{}/history", "GET /users/{}/standing"),
    *("GET /reservations/{}/usage", "GET /status/usage"),
}
# Of others they are for administrators; the tests ask for those of nobody's user 1.
OF_OTHERS = {"GET /users/{}/limits", "GET /users/{}/standing"}
WITHOUT_SIGNING_IN = {
    *("POST /auth/token", "POST /auth/refresh", "POST /auth/revoke", "GET /openapi.json"),
}


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every endpoint, with `{}` for what varies."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = re.sub(r"<[^>]+>", "{}", rule.rule.removeprefix(API))
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, path


def test_every_endpoint_needs_a_token_save_a_named_few(app: Flask, anybody: Caller) -> None:
    let_in = set()
    for method, path in routes(app):
        if anybody(method, path.replace("{}", "1")).status_code != 401:
            let_in.add(f"{method} {path}")
    assert let_in == WITHOUT_SIGNING_IN
    assert len(OPEN) == len(WITHOUT_SIGNING_IN)


def test_what_is_for_administrators_turns_others_away_whatever_they_send(
    app: Flask, eve: Caller
) -> None:
    turned_away = set()
    for method, path in routes(app):
        answer = eve(method, path.replace("{}", "1"), json={"nonsense": 1})
        if answer.status_code == 403:
            assert answer.json["type"] == "/problems/forbidden"
            turned_away.add(f"{method} {path}")
    everything = {f"{method} {path}" for method, path in routes(app)}
    assert turned_away == everything - FOR_ALL | OF_OTHERS


def test_administrators_are_turned_away_nowhere(app: Flask, admin: Caller) -> None:
    for method, path in routes(app):
        answer = admin(method, path.replace("{}", "1"), json={"nonsense": 1})
        assert answer.status_code != 403, (method, path)


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api/v1/nope"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_addresses(app: Flask, method: str, path: str) -> None:
    answer = app.test_client().open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (404, PROBLEM)
    assert answer.json["type"] == "/problems/not-found"


def test_unknown_methods(anybody: Caller) -> None:
    answer = anybody.put("/nodes")
    assert answer.status_code == 405
    assert answer.json["type"] == "/problems/method-not-allowed"
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/limits/99",
        f"/limits/{2**31}",
        f"/limits/{2**63}",
        f"/limits/{10**30}",
        f"/reservations/{2**31}",
        f"/maintenance/{10**400}",
        "/limits/abc",
        "/limits/-1",
        "/limits/1.0",
        "/nodes/nowhere",
        "/nodes/%00",
        "/nodes/a%00b",
        "/nodes/%ff",
        "/nodes/%ed%a0%80",
        "/users/" + "x" * 5000,
        "/groups/%F0%9F%A6%86",
        "/nodes/x/capacities/y",
    ],
)
def test_what_nothing_can_be_called(admin: Caller, path: str) -> None:
    answer = admin.delete(path) if "capacities" in path else admin.get(path)
    assert answer.status_code == 404
    assert answer.json["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"not json", 400),
        (b'{"name": "n1",}', 400),
        (b"{'name': 'n1'}", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": Infinity}', 400),
        (b'{"name": "n1", "name": "n2"}', 400),
        (b'{"name": "\xff"}', 400),
        (b'\xef\xbb\xbf{"name": "n1"}', 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 50_000, 400),
        (b"1" * 5000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b"0", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"name": "\\u0000"}', 422),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": null}', 422),
        (b'{"name": 8}', 422),
        (b'{"name": ["n1"]}', 422),
        (b'{"name": ""}', 422),
        (b'{"name": "   "}', 422),
        (b'{"name": "a\\nb"}', 422),
        (b'{"name": "n1", "nmae": 1}', 422),
        (b'{"name": "n1", "capacities": [{"resource": "c\\u0000", "amount": 1}]}', 422),
        (b'{"name": "n1", "\\u0000": 1}', 422),
    ],
)
def test_bodies_that_are_no_node(admin: Caller, data: bytes, status: int) -> None:
    answer = admin.post("/nodes", data=data, content_type="application/json")
    assert answer.status_code == status, answer.text
    assert admin.get("/nodes").json["total"] == 0


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800"])
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/auth/token", {"username": "?", "password": "x"}, "username"),
        ("PATCH", "/me", {"time_zone": "?"}, "time_zone"),
        ("PATCH", "/groups/Users", {"parent": "?"}, "parent"),
        ("PATCH", "/groups/Users", {"members": ["?"]}, "members.0"),
        ("POST", "/offers", {"duration": "PT1H", "demands": {"cpu": 1}, "nodes": ["?"]}, "nodes.0"),
        ("POST", "/offers", {"duration": "PT1H", "demands": {"?": 1}}, "demands"),
        ("POST", "/limits", {"name": "x", "resource": "?", "amount": 1, "user": "a"}, "resource"),
    ],
)
def test_texts_that_no_database_keeps(
    admin: Caller, method: str, path: str, body: Any, field: str, text: str
) -> None:
    sent = json.dumps(body).replace("?", json.dumps(text)[1:-1])
    answer = admin(method, path, data=sent, content_type="application/json")
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-8", 201),
    ],
)
def test_only_json_is_taken(admin: Caller, content_type: str | None, status: int) -> None:
    answer = admin.post("/nodes", data=b'{"name": "n1"}', content_type=content_type)
    assert answer.status_code == status


def test_large_bodies_are_refused(admin: Caller) -> None:
    data = json.dumps({"name": "n1", "description": "x" * 5_000_000})
    answer = admin.post("/nodes", data=data, content_type="application/json")
    assert answer.status_code == 413
    assert answer.json["type"] == "/problems/too-large"


def test_errors_name_their_field_and_repeat_nothing(admin: Caller, make: Made) -> None:
    make.resource("cpu")
    capacities = [{"resource": "cpu", "amount": 1}, {"resource": "gpu", "amount": "secret"}]
    answer = admin.post("/nodes", {"nmae": "secret", "capacities": capacities})
    assert answer.json["errors"] == {
        "name": ["This is required."],
        "capacities.1.amount": ["Input should be a valid integer"],
        "nmae": ["There is no such field."],
    }
    assert "secret" not in answer.text


@pytest.mark.parametrize("amount", [True, False, 1.0, 1.5, "1", None, -1, 2**63, 1e3, [1], {}])
def test_amounts_are_whole_numbers_in_bounds(admin: Caller, make: Made, amount: object) -> None:
    make.node("n1", {"cpu": 8})
    answer = admin.put("/nodes/n1/capacities/cpu", {"amount": amount})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["amount"]
    assert admin.get("/nodes/n1").json["capacities"] == [{"resource": "cpu", "amount": 8}]


@pytest.mark.parametrize("amount", [0, 1, 2**53 + 1, 2**63 - 1])
def test_amounts_of_64_bits_are_kept_exactly(admin: Caller, make: Made, amount: int) -> None:
    make.node("n1", {"cpu": 8})
    assert admin.put("/nodes/n1/capacities/cpu", {"amount": amount}).json["amount"] == amount
    assert admin.get("/nodes/n1").json["capacities"][0]["amount"] == amount


@pytest.mark.parametrize(
    "moment",
    [
        0,
        1_900_000_000,
        1.5,
        True,
        None,
        "",
        "2030-05-01",
        "2030-05-01T08:00",
        "2030-05-01T08:00:00",
        "2030-05-01 08:00:00Z",
        "2030-05-01T08:00Z",
        "2030-05-01T08:00:00 Z",
        "2030-05-01T08:00:01Z",
        "2030-05-01T08:00:00.5Z",
        "2030-05-01T08:00:60Z",
        "2030-05-01T24:00:00Z",
        "2030-02-30T08:00:00Z",
        "2030-05-01T08:00:00+0200",
        "2030-05-01T08:00:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:00-14:00",
        "1899-05-01T08:00:00Z",
        "20300501T080000Z",
        "1746086400",
        "now",
        "２030-05-01T08:00:00Z",
    ],
)
def test_moments_that_are_refused(admin: Caller, make: Made, moment: object) -> None:
    make.node("n1")
    body = {"node": "n1", "starts_at": moment, "ends_at": "2040-01-01T00:00:00Z"}
    answer = admin.post("/maintenance", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["starts_at"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2030-05-01T08:00:00Z", "2030-05-01T08:00:00Z"),
        ("2030-05-01T10:00:00+02:00", "2030-05-01T08:00:00Z"),
        ("2030-05-01t08:00:00z", "2030-05-01T08:00:00Z"),
        ("2030-05-01T08:00:00.000Z", "2030-05-01T08:00:00Z"),
        ("2030-05-01T03:30:00.000000000-04:30", "2030-05-01T08:00:00Z"),
    ],
)
def test_moments_with_any_offset_are_told_in_utc(
    admin: Caller, make: Made, given: str, told: str
) -> None:
    make.node("n1")
    body = {"node": "n1", "starts_at": given, "ends_at": "2030-05-02T00:00:00Z"}
    assert admin.post("/maintenance", body).json["starts_at"] == told


@pytest.mark.parametrize(
    "duration",
    [
        *("", "P", "PT", "4h", "pt4h", "PT4H ", "P1D12H", "PT\u0664H", 240, None),
        *("PT0M", "P0D", "PT30S", "PT1M30S", "-PT1H", "PT1.5H", "P1Y", "P1M", "P4000D", "P99999D"),
    ],
)
def test_durations_that_are_refused(eve: Caller, make: Made, duration: object) -> None:
    make.node("n1")
    answer = eve.post("/offers", {"duration": duration, "demands": {"cpu": 1}})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["duration"]


@pytest.mark.parametrize(
    ("duration", "ends_at"),
    [
        ("PT4H", "2030-05-01T04:00:00Z"),
        ("P1DT12H", "2030-05-02T12:00:00Z"),
        ("PT90M", "2030-05-01T01:30:00Z"),
        ("P1W", "2030-05-08T00:00:00Z"),
        ("PT7200S", "2030-05-01T02:00:00Z"),
    ],
)
def test_durations_that_are_taken(
    make: Made, sign_in: Callable[..., Caller], duration: str, ends_at: str
) -> None:
    make.user("eve")
    make.node("n1")
    body = {
        "duration": duration,
        "demands": {"cpu": 1},
        "earliest": "2030-05-01T00:00:00Z",
        "latest_end": "2030-05-30T00:00:00Z",
    }
    with time_machine.travel("2030-04-30T00:00:00Z", tick=False):
        assert sign_in("eve").post("/offers", body).json["offers"][0]["ends_at"] == ends_at


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "page=99999999999999999999",
        "per_page=0",
        "per_page=201",
        "page=1&page=2",
        "unknown=1",
        "state=broken",
        "resource=a%00b",
    ],
)
def test_queries_that_are_refused(eve: Caller, query: str) -> None:
    assert eve.get(f"/nodes?{query}").status_code == 422


def test_lists_come_in_pages(eve: Caller, make: Made) -> None:
    for i in range(5):
        make.node(f"n{i}")
    pages = [eve.get(f"/nodes?page={page}&per_page=2").json for page in (1, 2, 3, 4)]
    assert [[node["name"] for node in page["items"]] for page in pages] == [
        ["n0", "n1"],
        ["n2", "n3"],
        ["n4"],
        [],
    ]
    assert {(page["per_page"], page["total"]) for page in pages} == {(2, 5)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert eve.get("/nodes").json["per_page"] == 50
    assert eve.get("/nodes?page=1000000&per_page=200").json["items"] == []


# ETags


def test_what_is_known_already_is_not_sent_again(eve: Caller, make: Made) -> None:
    make.node("n1")
    first = eve.get("/nodes/n1")
    again = eve.get("/nodes/n1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]


def test_stale_changes_are_refused(admin: Caller, make: Made) -> None:
    make.node("n1")
    seen = admin.get("/nodes/n1").headers["ETag"]
    if_match = {"If-Match": seen}
    changed = admin.patch("/nodes/n1", {"description": "new"}, headers=if_match)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == admin.get("/nodes/n1").headers["ETag"] != seen
    for stale in (
        admin.patch("/nodes/n1", {"description": "other"}, headers=if_match),
        admin.delete("/nodes/n1", headers=if_match),
        admin.delete("/nodes/n1", headers={"If-Match": f"W/{changed.headers['ETag']}"}),
        admin.delete("/nodes/n1", headers={"If-Match": '"nonsense"'}),
    ):
        assert stale.status_code == 412
        assert stale.json["type"] == "/problems/stale"
    assert admin.get("/nodes/n1").json["description"] == "new"
    several = {"If-Match": f'"x", {changed.headers["ETag"]}'}
    assert admin.patch("/nodes/n1", {}, headers=several).status_code == 200
    assert admin.delete("/nodes/n1", headers={"If-Match": "*"}).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        *("/me", "/users/eve", "/groups/Users", "/nodes/n1", "/resources/cpu", "/tags/mine"),
        *("/limits/{limit}", "/maintenance/{maintenance}", "/reservations/{reservation}"),
        *("/aliases/graphics", "/notifications/{notification}"),
    ],
)
def test_everything_that_people_edit_has_an_etag(admin: Caller, make: Made, path: str) -> None:
    user, node = make.user("eve"), make.node("n1")
    root = admin.get("/me").json["id"]
    make.tag(root, "mine")
    admin.post("/aliases", {"name": "graphics"})
    ids = {
        "notification": make.notification(owner=root).id,
        "limit": make.limit(1, user=user).id,
        "maintenance": make.maintenance(node).id,
        "reservation": make.reservation(user, allocations={node: {"cpu": 1}}).id,
    }
    path = path.format(**ids)
    seen = admin.get(path).headers["ETag"]
    assert admin.patch(path, {}, headers={"If-Match": '"other"'}).status_code == 412
    unchanged = admin.patch(path, {}, headers={"If-Match": seen})
    assert unchanged.status_code == 200
    assert unchanged.headers["ETag"] == seen


# When the service itself fails


def test_a_mistake_is_told_without_a_trace(
    app: Flask, eve: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(nodes, "search", fail)
    headers = {"Authorization": f"Bearer {eve.token}"}
    answer = app.test_client().get(f"{API}/nodes", headers=headers)
    assert (answer.status_code, answer.mimetype) == (500, PROBLEM)
    assert "secret" not in answer.text


def test_a_database_that_is_away_is_worth_another_try(
    eve: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("SELECT secret", {}, Exception("secret"))

    monkeypatch.setattr(nodes, "search", fail)
    answer = eve.get("/nodes")
    assert answer.status_code == 503
    assert "secret" not in answer.text


# Other origins


def test_no_origin_is_allowed_unless_it_is_named(app: Flask, anybody: Caller) -> None:
    answer = anybody.get("/me", headers={"Origin": "https://other.example.org"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_named_origins_may_read_and_never_with_cookies(make_app: object) -> None:
    app = make_app(CORS_ORIGINS="https://a.example.org,https://b.example.org")  # type: ignore[operator]
    anybody = Caller(app)
    asked = {
        "Origin": "https://b.example.org",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = anybody("OPTIONS", "/me", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://b.example.org"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    answer = anybody.get("/nope", headers={"Origin": "https://a.example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert "Origin" in answer.vary
    for given in (preflight, answer):
        assert "Access-Control-Allow-Credentials" not in given.headers
    stranger = anybody.get("/nope", headers={"Origin": "https://a.example.org.evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


@pytest.mark.sqlite  # with PostgreSQL the setting is refused
def test_where_all_origins_may_read_no_cookie_is_let_through(make_app: object) -> None:
    anybody = Caller(make_app(CORS_ORIGINS="*"))  # type: ignore[operator]
    answer = anybody.get("/nope", headers={"Origin": "https://any.example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_if_match_counts_on_everything_that_is_edited(admin: Caller, make: Made) -> None:
    node = make.node("n1", {"cpu": 8})
    stale = {"If-Match": '"not what it is"'}
    capacity = "/nodes/n1/capacities/cpu"
    assert admin.put(capacity, {"amount": 4}, headers=stale).status_code == 412
    assert admin.delete(capacity, headers=stale).status_code == 412
    seen = {"If-Match": admin.put(capacity, {"amount": 6}).headers["ETag"]}
    assert admin.put(capacity, {"amount": 4}, headers=seen).status_code == 200
    reservation = make.reservation(make.user(), allocations={node: {"cpu": 1}})
    path = f"/reservations/{reservation.id}"
    assert admin.put(f"{path}/tags/x", headers=stale).status_code == 412
    assert admin.delete(f"{path}/tags/x", headers=stale).status_code == 412
    assert admin.post(f"{path}/cancel", headers=stale).status_code == 412
    assert admin.get(path).json["status"] == "scheduled"
    seen = {"If-Match": admin.get(path).headers["ETag"]}
    assert admin.post(f"{path}/cancel", headers=seen).status_code == 200


def test_the_timetable_is_asked_for_in_whole_minutes(admin: Caller) -> None:
    span = {"from": "2030-01-01T00:00:30Z", "to": "2030-01-02T00:00:00Z"}
    answer = admin.get("/timetable", query_string=span)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["from"]

"""Whatever is sent: an answer in JSON, `detail` a text, and never a server error."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from remas.compat import nodes
from remas.extensions import limiter
from tests.api.conftest import Made
from tests.compat import world
from tests.compat.conftest import API, Caller, signed_in
from tests.compat.facts import OPERATIONS, Operation

WITH_BODY = [operation for operation in OPERATIONS if operation.body]
WITH_ID = [operation for operation in OPERATIONS if "{" in operation.path]
UNKNOWN_IS_EMPTY = {"GET /limit/user/{user_id}", "GET /limit/group/{group_id}"}
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["5", "1.5", "2026-03-29 02:30", "\0", "x" * 300, "é" * 201, "None", "/"]),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.fixture
def ids(app: Flask, make: Made) -> Mapping[str, int]:
    return world.build(app, make)


@pytest.fixture
def root(app: Flask, ids: Mapping[str, int]) -> Caller:
    return signed_in(app, "root")


@pytest.fixture
def unthrottled() -> Iterator[None]:
    limiter.enabled = False
    yield
    limiter.enabled = True


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
@pytest.mark.usefixtures("unthrottled")
def test_any_body(app: Flask, ids: Mapping[str, int], root: Caller, operation: Operation) -> None:
    eve = signed_in(app, "eve")
    path = operation.path.format(**ids)
    assert operation.body
    good = operation.body(ids)
    names = sorted(good)

    @BOUNDED
    @given(
        st.dictionaries(st.sampled_from(names), VALUES, min_size=1), st.sets(st.sampled_from(names))
    )
    def attempt(changed: dict[str, Any], left_out: set[str]) -> None:
        body = {key: value for key, value in good.items() if key not in left_out} | changed
        for caller in (eve, root):
            caller(operation.method, path, body)  # which checks the answer

    attempt()


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
@pytest.mark.usefixtures("unthrottled")
def test_bodies_that_are_none(root: Caller, ids: Mapping[str, int], operation: Operation) -> None:
    path = operation.path.format(**ids)
    for kwargs in (
        {},
        {"data": "{"},
        {"data": "[]", "content_type": "application/json"},
        {"data": "nonsense", "content_type": "application/json"},
        {"data": b"\xff", "content_type": "application/json"},
        {"data": "[" * 100_000, "content_type": "application/json"},
        {"data": '{"id": NaN}', "content_type": "application/json"},
        {"data": f'{{"id": {"9" * 5000}}}', "content_type": "application/json"},
        {"json": {}},
        {"json": {"name": "\0"}},
        {"json": {"id": [], "name": {}, "user_id": "x", "task_id": 1.5, "notification_id": "?"}},
    ):
        answer = root(operation.method, path, **kwargs)
        assert answer.status_code == 422, (kwargs, answer.text)


@pytest.mark.parametrize("number", ["99", "0", "-1", str(2**31), str(2**63), "9" * 90])
@pytest.mark.parametrize("operation", WITH_ID, ids=lambda operation: operation.name)
def test_unknown_ids(
    root: Caller, ids: Mapping[str, int], operation: Operation, number: str
) -> None:
    path = operation.path.format(**dict.fromkeys(ids, number))
    answer = root(operation.method, path, operation.body(ids) if operation.body else None)
    if operation.name in UNKNOWN_IS_EMPTY and number == "99":
        assert (answer.status_code, answer.json) == (200, [])
    else:
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("text", ["abc", "1.0", "%20", "1e3", "%00", "٣"])
@pytest.mark.parametrize("operation", WITH_ID, ids=lambda operation: operation.name)
def test_ids_that_are_none(
    root: Caller, ids: Mapping[str, int], operation: Operation, text: str
) -> None:
    answer = root(operation.method, operation.path.format(**dict.fromkeys(ids, text)))
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [
        ("POST", "/authentication/set_password", {"user_id": 99}),
        ("POST", "/user", {"group_id": 99}),
        ("PUT", "/user", {"id": 99}),
        ("POST", "/group", {"name": "x", "parent_id": 99}),
        ("PUT", "/group", {"id": 99}),
        ("POST", "/group/add_user", {"user_id": 99}),
        ("POST", "/group/add_user", {"group_id": 99}),
        ("POST", "/group/change_parent", {"group_id": 99}),
        ("POST", "/group/change_parent", {"parent_id": 99}),
        ("PUT", "/node", {"id": 99}),
        ("POST", "/node/add_resource", {"node_id": 99}),
        ("POST", "/node/add_resource", {"resource_id": 99}),
        ("POST", "/node/remove_resource", {"node_id": 99}),
        ("POST", "/node/remove_resource", {"resource_id": 99}),
        ("POST", "/node/remove_resource", {"node_id": 2, "resource_id": 2}),
        ("PUT", "/resource", {"id": 99}),
        ("POST", "/resource/add_alias", {"resource_id": 99}),
        ("POST", "/resource/add_alias", {"alias_id": 99}),
        ("POST", "/resource/remove_alias", {"alias_id": 99}),
        ("POST", "/resource/remove_alias", {"resource_id": 2}),
        ("PUT", "/resource_alias", {"id": 99}),
        ("POST", "/limit", {"resource_id": 99}),
        ("POST", "/limit", {"user_id": 99}),
        ("POST", "/limit", {"user_id": None, "group_id": 99}),
        ("POST", "/limit", {"node_ids": [1, 99]}),
        ("PUT", "/limit", {"id": 99}),
        ("POST", "/task", {"id": 99}),
        ("POST", "/task", {"id": 0}),
        ("POST", "/task", {"tag_ids": [99]}),
        ("POST", "/task/add_tag", {"task_id": 99}),
        ("POST", "/task/add_tag", {"tag_id": 99}),
        ("PUT", "/task_tag", {"id": 99}),
        ("PUT", "/notification", {"id": 99}),
        ("POST", "/notification/assign", {"notification_id": 99}),
        ("POST", "/notification/assign", {"user_id": 99}),
        ("POST", "/notification/unassign", {"group_id": 99}),
    ],
)
def test_unknown_ids_in_bodies(
    app: Flask, ids: Mapping[str, int], method: str, path: str, changes: dict[str, Any]
) -> None:
    operation = next(one for one in OPERATIONS if one.name == f"{method} {path}")
    assert operation.body
    caller = signed_in(app, "eve" if path.startswith("/task/") else "root")
    for larger in (0, 2**31, 2**70):
        body = operation.body(ids) | {
            key: value + larger if value == 99 else value for key, value in changes.items()
        }
        answer = caller(method, path, body)
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", ["/nope", "/v2", "/task/1/2", "/v10/nodes", "/%00", "/user/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_unknown_addresses(anybody: Caller, method: str, path: str) -> None:
    answer = anybody(method, path)
    if path == "/user/":  # which is known without its slash
        expected = {"GET": 307, "POST": 307}.get(method, 404)
        assert answer.status_code == expected
        return
    assert (answer.status_code, answer.json) == (404, {"detail": "Not Found"})


def test_a_slash_too_many(app: Flask, eve: Caller) -> None:
    answer = eve.get("/node/?x=1")
    assert (answer.status_code, answer.location) == (307, "/api/node?x=1")
    assert eve.get("/node").status_code == 200
    root = app.test_client().get("/api")
    assert root.status_code == 307
    assert root.location.endswith("/api/")
    assert app.test_client().get("/api/").json == {"detail": "Hello World"}


def test_a_slash_too_many_after_anything(anybody: Caller) -> None:
    answer = anybody.get("/node/1%0d%0aSet-Cookie:%20a=b%C3%A9/")
    assert answer.status_code == 307
    assert answer.location == "/api/node/1%0D%0ASet-Cookie%3A%20a%3Db%C3%A9"


def test_unknown_methods(anybody: Caller) -> None:
    answer = anybody("PATCH", "/node")
    assert (answer.status_code, answer.json) == (405, {"detail": "Method Not Allowed"})
    assert {"GET", "POST", "PUT"} <= set(answer.headers["Allow"].split(", "))


def test_too_large_a_body(eve: Caller) -> None:
    answer = eve.post("/task", {"name": "x" * 5_000_000})
    assert answer.status_code == 413


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return fail


def test_a_bug_is_told_in_the_log_alone(
    app: Flask, eve: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(nodes.nodes, "search", failing(RuntimeError("secret")))
    headers = {"Authorization": f"Bearer {eve.token}", "Origin": "https://ui.example.org"}
    answer = app.test_client().get(f"{API}/node", headers=headers)
    assert answer.status_code == 500
    assert isinstance(answer.json["detail"], str)
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_a_database_that_is_gone(eve: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = OperationalError("SELECT", {}, Exception("gone"))
    monkeypatch.setattr(nodes.nodes, "search", failing(gone))
    answer = eve.get("/node")
    assert answer.status_code == 503
    assert "gone" not in answer.json["detail"]


def test_other_origins(make_app: Callable[..., Flask], make: Made) -> None:
    make.user("eve")
    app = make_app(CORS_ORIGINS="https://ui.example.org")
    client = app.test_client()
    headers = {"Origin": "https://ui.example.org"}
    for answer in (
        client.get("/api/node", headers=headers),
        client.get("/api/no", headers=headers),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ui.example.org"
    asked = {**headers, "Access-Control-Request-Method": "PUT"}
    answer = client.options("/api/user", headers=asked)
    assert answer.status_code == 200
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    other = client.get("/api/node", headers={"Origin": "https://elsewhere.example.org"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_requests_are_counted(app: Flask, eve: Caller) -> None:
    eve.get("/node")
    page = app.test_client().get("/metrics").text
    assert 'endpoint="compat.list_nodes"' in page

"""Every operation of the wire: that it is there, for whom, with which status and which keys."""

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import Made
from tests.compat import facts, world
from tests.compat.conftest import Caller, signed_in
from tests.compat.facts import OPERATIONS, Operation, Who
from tests.support.factories import PASSWORD

BESIDE = Path(__file__).parents[3] / "shared/spec/remas-openapi.json"
DOCUMENT = Path(os.environ.get("REMAS_TEST_WIRE_OPENAPI") or BESIDE)
"""The OpenAPI description that the earlier system gave of itself; the facts are enough without."""
SOURCES = ("facts", "document") if DOCUMENT.is_file() else ("facts",)


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return found


def names(source: str) -> set[str]:
    """Method and path of all operations, ids left blank."""
    if source == "facts":
        return {_blank(operation.name) for operation in OPERATIONS}
    paths = document()["paths"]
    return {_blank(f"{method.upper()} {path}") for path in paths for method in paths[path]}


def _blank(name: str) -> str:
    return re.sub(r"\{\w+\}", "{}", name)


@pytest.mark.parametrize("source", SOURCES)
def test_there_are_these_operations_and_no_others(app: Flask, source: str) -> None:
    served = {
        re.sub(r"<\w+>", "{}", f"{method} {rule.rule.removeprefix('/api')}")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("compat.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert len(served) == 75
    assert served == names(source)


def test_nothing_of_the_other_api_is_shadowed(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert not (rule.rule.startswith("/api/v1") and rule.endpoint.startswith("compat."))
    adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
    assert adapter.match("/api/v1/nodes", "GET")[0].startswith("api.")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation(app: Flask, make: Made, operation: Operation, source: str) -> None:
    ids = world.build(app, make)
    callers = {name: signed_in(app, name) for name in ("adam", "eve", "root")}
    for caller, expected in refusals(operation, Caller(app), callers):
        answer = ask(caller, operation, ids)
        assert answer.status_code in expected, (answer.status_code, answer.text)
    for caller in welcome(operation, Caller(app), callers):
        answer = ask(caller, operation, ids)
        assert answer.status_code == operation.status, answer.text
        check_shape(operation, answer.json, source)


def refusals(
    operation: Operation, nobody: Caller, callers: Mapping[str, Caller]
) -> list[tuple[Caller, set[int]]]:
    """Who is turned away, and how."""
    if operation.who is Who.ANYBODY:
        return []
    adam, eve, root = callers.values()
    invisible = {403, 404} if "/notification" in operation.path else {403}
    turned_away = {
        Who.USERS: [],
        Who.ADMINISTRATORS: [(adam, {403}), (eve, {403})],
        Who.SELF: [(adam, invisible)],
        Who.OWNER: [(adam, {403}), (root, {403})],
    }
    return [(nobody, {401}), *turned_away[operation.who]]


def welcome(operation: Operation, nobody: Caller, callers: Mapping[str, Caller]) -> list[Caller]:
    """Who is served, in this order; only the first where it works but once."""
    adam, eve, root = callers.values()
    served = {
        Who.ANYBODY: [nobody],
        Who.USERS: [eve, adam, root],
        Who.ADMINISTRATORS: [root],
        Who.SELF: [eve, root],
        Who.OWNER: [eve],
    }[operation.who]
    if operation.path == "/authentication/refresh":
        served = [Caller(nobody.client.application, eve.refresh_token)]
    return served[:1] if operation.once else served


def ask(caller: Caller, operation: Operation, ids: Mapping[str, int]) -> Any:
    path = operation.path.format(**ids)
    if path == "/authentication/token":
        return caller.post(path, data={"username": "eve", "password": PASSWORD})
    return caller(operation.method, path, operation.body(ids) if operation.body else None)


def check_shape(operation: Operation, answer: Any, source: str) -> None:
    things = answer if operation.many else [answer]
    assert isinstance(things, list)
    assert things
    for thing in things:
        assert thing.keys() == operation.keys
    if source == "document":
        check_described(operation, answer)


def check_described(operation: Operation, answer: Any) -> None:
    """Hold the answer against the document."""
    paths = {_blank(path): methods for path, methods in document()["paths"].items()}
    described = paths[_blank(operation.path)][operation.method.lower()]
    content = described["responses"][str(operation.status)]["content"]
    check_value(content["application/json"].get("schema", {}), answer, operation.name)


def check_value(schema: dict[str, Any], value: Any, where: str) -> None:
    """The few words of JSON Schema that the document uses."""
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        schema = document()["components"]["schemas"][named]
    if "anyOf" in schema:
        kinds = {kind.get("type", "object"): kind for kind in schema["anyOf"]}
        kind = "null" if value is None else next(name for name in kinds if name != "null")
        check_value(kinds[kind], value, where)
        return
    if "type" not in schema:
        return
    kinds = {
        "integer": int,
        "string": str,
        "boolean": bool,
        "array": list,
        "object": dict,
        "null": type(None),
    }
    assert isinstance(value, kinds[schema["type"]]), f"{where} is {value!r}"
    assert value in schema.get("enum", [value]), f"{where} is {value!r}"
    if schema["type"] == "array":
        for item in value:
            check_value(schema["items"], item, f"{where}[]")
    if schema["type"] == "object":
        assert set(schema.get("required", ())) <= value.keys(), where
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                check_value(inner, value[name], f"{where}.{name}")


def test_the_parts_of_answers(app: Flask, make: Made) -> None:
    ids = world.build(app, make)
    root, eve = signed_in(app, "root"), signed_in(app, "eve")
    user = root.get(f"/user/{ids['user_id']}").json
    assert user["group"].keys() == facts.GROUP_RAW
    for part, known in (
        ("limits", facts.LIMIT_RAW),
        ("tasks", facts.TASK_RAW),
        ("tags", facts.TAG_RAW),
        ("created_notifications", facts.NOTIFICATION),
        ("notifications", facts.NOTIFICATION),
    ):
        assert user[part], part
        assert all(one.keys() == known for one in user[part])
    group = root.get(f"/group/{ids['group_id']}").json
    assert group["parent"].keys() == facts.GROUP_RAW
    assert [one["username"] for one in group["members"]] == ["eve"]
    assert group["members"][0].keys() == facts.USER_SIMPLE
    assert [one.keys() for one in group["limits"]] == [facts.LIMIT_RAW]
    assert [one["name"] for one in group["notifications"]] == ["team"]
    task = eve.get(f"/task/{ids['task_id']}").json
    assert [one.keys() for one in task["resources"]] == [facts.ALLOCATION]
    assert task["resources"][0]["node"].keys() == facts.NODE_RAW
    assert task["resources"][0]["resource"].keys() == facts.RESOURCE_RAW
    assert [one.keys() for one in task["tags"]] == [facts.TAG_RAW]
    node = eve.get(f"/node/{ids['node_id']}").json
    assert [one.keys() for one in node["resources"]] == [facts.NODE_RESOURCE]
    resource = eve.get(f"/resource/{ids['resource_id']}").json
    assert [one.keys() for one in resource["aliases"]] == [facts.NODE_RAW]
    assert resource["providing_nodes"] == []
    alias = eve.get(f"/resource_alias/{ids['alias_id']}").json
    assert [one.keys() for one in alias["resources"]] == [facts.RESOURCE_RAW]
    tag = eve.get(f"/task_tag/{ids['tag_id']}").json
    assert tag["user"].keys() == facts.USER_SIMPLE
    assert [one.keys() for one in tag["tasks"]] == [facts.TASK_SIMPLE]

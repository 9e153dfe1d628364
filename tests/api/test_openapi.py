"""The description of the service is valid, complete, and can be read without a network."""

import re
from collections import Counter
from collections.abc import Iterator
from inspect import unwrap
from typing import Any, get_type_hints

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from playwright.sync_api import Page, expect
from pydantic import BaseModel

from remas.api import answers
from remas.api.examples import BODIES
from tests.api.conftest import API, PROBLEM, Caller, Made
from tests.support.browser import PageWatch
from tests.support.factories import soon


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    answer = client.get(f"{API}/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.get_json()
    return document


def test_the_description_is_valid(described: dict[str, Any]) -> None:
    validate(described)
    assert described["openapi"].startswith("3.1")
    schemes = described["components"]["securitySchemes"]
    assert {scheme["scheme"] for scheme in schemes.values()} == {"bearer"}
    assert schemes["bearer"]["bearerFormat"] == "JWT"
    assert "/me/tokens" in schemes["accessToken"]["description"]
    assert described["security"] == [{"bearer": []}]


def test_every_endpoint_is_described(app: Flask, described: dict[str, Any]) -> None:
    wanted = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith("api.") and rule.endpoint != "api.openapi"
    }
    found = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert found == wanted


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_answer_is_described(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        answers = operation["responses"]
        codes = set(answers)
        assert {"500", "503"} < codes, name
        open_to_all = operation.get("security") == []
        assert open_to_all or {"401", "403"} < codes, name
        assert ("requestBody" in operation) <= ({"400", "413", "415", "422"} < codes), name
        assert ("{" in name) <= ("404" in codes), name
        for code, answer in answers.items():
            types = set(answer.get("content", {}))
            if code >= "400":
                assert types == {PROBLEM}, (name, code)
            else:
                wanted = set() if code in ("204", "304") else {"application/json"}
                assert types - {"text/csv"} == wanted, name
        assert operation["summary"], name
        assert "<" not in operation["summary"], name


def test_every_body_has_an_example_that_it_takes(
    app: Flask, described: dict[str, Any], admin: Caller
) -> None:
    taking = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]
        for _, operation in operations(described)
        if "requestBody" in operation
    }
    assert taking.keys() == BODIES.keys()
    for name, content in taking.items():
        view = app.view_functions[f"api.{name}"]
        model = get_type_hints(unwrap(view))["json"]
        assert content["schema"]["$ref"].endswith(f"/{model.__name__}")
        model.model_validate(content["example"])


def test_every_problem_has_examples_of_its_shape(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        for code, answer in operation["responses"].items():
            if code < "400":
                continue
            content = answer["content"][PROBLEM]
            shape = getattr(answers, content["schema"]["$ref"].rpartition("/")[2])
            assert content["examples"], (name, code)
            for slug, example in content["examples"].items():
                told = shape.model_validate(example["value"])
                assert (told.type, str(told.status)) == (f"/problems/{slug}", code)


def test_it_says_which_token_suffices(app: Flask, described: dict[str, Any], admin: Caller) -> None:
    """A token is turned away exactly where the description says so."""
    tokens = {}
    for scope in ("read", "write"):
        body = {"name": scope, "scope": scope, "expires_at": f"{soon():%Y-%m-%dT%H:%M:%SZ}"}
        tokens[scope] = Caller(app, admin.post("/me/tokens", body).json["token"])
    for name, operation in operations(described):
        if operation.get("security") == []:
            continue
        method, path = name.split(" ")
        path = re.sub(r"{\w+}", "1", path.removeprefix(API))
        example = BODIES.get(operation["operationId"])
        own = [known["accessToken"] for known in operation["security"] if "accessToken" in known]
        for scope, caller in tokens.items():
            if path == "/me/tokens/1":
                continue  # a token may end itself, and no other
            answer = caller(method.upper(), path, json=example)
            if own and scope in (own[0][0], "write"):
                assert answer.status_code != 403, (name, scope, answer.text)
            elif method != "get":
                assert answer.status_code == 403, (name, scope, answer.text)
                if scope == "read":
                    assert answer.json["type"] == "/problems/read-only-token"


def test_no_inner_name_is_told(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z]+", name)
        assert "remas" not in str(schema)


def test_no_two_models_share_a_name(described: dict[str, Any]) -> None:
    """In the description only one of them would be there."""

    def below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
        for kind in model.__subclasses__():
            yield kind
            yield from below(kind)

    ours = {kind for kind in below(BaseModel) if kind.__module__.startswith("remas.api")}
    names = Counter(kind.__name__ for kind in ours)
    assert [name for name, number in names.items() if number > 1] == []


def test_parameters_cannot_be_null(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        for parameter in operation["parameters"]:
            assert "null" not in str(parameter["schema"]), name


def test_the_page_can_be_read_offline(
    page: Page, page_watch: PageWatch, live_server: str, make: Made
) -> None:
    make.user("root", admin=True)
    foreign: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((live_server, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    page.goto("/docs")
    expect(page.locator(".info .title")).to_contain_text("REMAS")
    page.locator("#operations-Reservations-search_offers .opblock-summary-control").click()
    expect(page.get_by_text("Search for a slot: the earliest first")).to_have_count(1)
    expect(page.locator("#operations-Reservations-search_offers .responses-table")).to_be_visible()
    page.get_by_role("button", name="Authorize").first.click()
    signed_in = page.locator(".modal-ux form").filter(has_text="bearer (http")
    signed_in.locator("input").fill("a token")
    signed_in.locator(".modal-btn.authorize").click()
    expect(signed_in.locator(".modal-btn", has_text="Logout")).to_be_visible()
    assert foreign == []


def test_only_the_files_of_the_page_are_served(client: FlaskClient, anybody: Caller) -> None:
    for name in ("swagger_bundle.js", "swagger_style.css", "start.js"):
        assert client.get(f"/docs/{name}").status_code == 200
    for name in ("redoc.js", "__init__.py", "..%2fsetup.cfg"):
        assert client.get(f"/docs/{name}").status_code == 404

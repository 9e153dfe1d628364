"""The description of the service is valid, complete, and can be read without a network."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from playwright.sync_api import Page, expect

from tests.api.conftest import API, PROBLEM, Caller, Made
from tests.support.browser import PageWatch


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    answer = client.get(f"{API}/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.get_json()
    return document


def test_the_description_is_valid(described: dict[str, Any]) -> None:
    validate(described)
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
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
                assert types == (set() if code in ("204", "304") else {"application/json"}), name
        assert operation["summary"], name
        assert "<" not in operation["summary"], name


def test_no_inner_name_is_told(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z]+", name)
        assert "remas" not in str(schema)


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
    page.locator("#auth-bearer-value").fill("a token")
    page.locator(".modal-btn.auth.authorize").click()
    expect(page.locator(".modal-btn.auth", has_text="Logout")).to_be_visible()
    assert foreign == []


def test_only_the_files_of_the_page_are_served(client: FlaskClient, anybody: Caller) -> None:
    for name in ("swagger_bundle.js", "swagger_style.css", "start.js"):
        assert client.get(f"/docs/{name}").status_code == 200
    for name in ("redoc.js", "__init__.py", "..%2fsetup.cfg"):
        assert client.get(f"/docs/{name}").status_code == 404

"""Lists to take along: one's own reservations, and what every such file has in common."""

import csv
import io

import pytest
from flask import Flask

from remas import clock
from remas.models import Node, User
from remas.web import export
from remas.web.export import Format
from remas.web.reservation_list import COLUMNS
from tests.support.factories import PASSWORD, make_node, make_reservation, make_tag, make_user, soon
from tests.support.queries import counted
from tests.web.conftest import Visitor


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1", {"cpu": 8, "gpu": 2})


def lines(visitor: Visitor) -> list[dict[str, str]]:
    answer = visitor.get("/reservations?format=csv")
    assert answer.content_type.startswith("text/csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")  # for spreadsheets
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_ones_own_reservations_are_taken_along(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        held = {node: {"gpu": 1, "cpu": 2}}
        tags = [make_tag(ada, "paper"), make_tag(ada, "b")]
        make_reservation(ada, soon(5), name="=1+1", allocations=held, tags=tags)
        make_reservation(ada, soon(2), allocations=held, cancelled_at=clock.now())
        make_reservation(make_user("grace"), soon(2), name="Hers", allocations=held)
    found = lines(as_ada)
    assert [(line["status"], line["resource"], line["amount"]) for line in found] == [
        ("scheduled", "cpu", "2"),
        ("scheduled", "gpu", "1"),
        ("cancelled", "cpu", "2"),
        ("cancelled", "gpu", "1"),
    ]
    assert found[0]["name"] == "'=1+1"
    assert found[0]["tags"] == "b; paper"
    assert {line["owner"] for line in found} == {"ada"}
    rows = as_ada.get("/reservations?format=json").json
    assert rows[0]["name"] == "=1+1"
    assert rows[0]["tags"] == ["b", "paper"]
    assert rows[0]["amount"] == 2


def test_the_page_and_the_api_have_the_same_columns(as_ada: Visitor, app: Flask) -> None:
    sign_in = {"username": "ada", "password": PASSWORD}
    token = app.test_client().post("/api/v1/auth/token", json=sign_in).json["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/csv"}
    answer = app.test_client().get("/api/v1/reservations", headers=headers)
    assert answer.text.strip().split(",") == list(COLUMNS)
    assert lines(as_ada) == []


def test_it_costs_the_same_however_many_there_are(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    def cost() -> int:
        with counted(app) as statements:
            lines(as_ada)
        return len(statements)

    def book(number: int) -> None:
        with app.app_context():
            for i in range(number):
                make_reservation(ada, soon(i), allocations={node: {"cpu": 1}}, tags=[make_tag(ada)])

    book(1)
    before = cost()
    book(6)
    assert cost() == before


def test_the_page_itself_is_asked_without_a_format(as_ada: Visitor) -> None:
    for query in ("", "?format=", "?format=xml"):
        assert as_ada.get(f"/reservations{query}").mimetype == "text/html"


@pytest.mark.parametrize(
    ("name", "file"),
    [("users", "users"), ("Limits of Ž/\r\nx", "limits-of-x"), ("…", "list")],
)
def test_a_file_has_a_plain_name(app: Flask, name: str, file: str) -> None:
    with app.test_request_context():
        answer = export.answer(Format.JSON, name, ("a",), [("b",)])
    day = f"{clock.now():%Y-%m-%d}"
    wanted = f'attachment; filename="remas-{file}-{day}.json"'
    assert answer.headers["Content-Disposition"] == wanted
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.json == [{"a": "b"}]

"""The form that answers while one types, as the server sees it."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask

from remas.errors import NoAnswerInTime
from remas.models import Scope, Unit, User
from remas.services import presets, standing, surroundings
from remas.services.answers import OfferFound
from remas.services.requests import AllocationSpec
from remas.web import asking
from tests.support import factories
from tests.support.factories import actor_of, make_node, make_reservation, make_resource, soon
from tests.support.queries import counted
from tests.web.conftest import Visitor

GIB = 2**30
ERRORS = re.compile(r'data-errors="([^"]*)"')


@pytest.fixture
def demand(app: Flask) -> dict[str, str]:
    """Resource to the name of its field, on n1 and n2 with 8 cpu and 64 GiB each."""
    with app.app_context():
        make_resource("memory", Unit.BYTES_IEC)
        for name in ("n1", "n2"):
            make_node(name, {"cpu": 8, "memory": 64 * GIB})
        return {name: f"demand_{make_resource(name).id}" for name in ("cpu", "memory")}


def ask(visitor: Visitor, **fields: Any) -> str:
    answer = visitor.post("/reservations/new/suggestions", fields)
    assert answer.status_code == 200
    return answer.text


def errors(page: str) -> dict[str, str]:
    found = ERRORS.search(page)
    assert found
    read: dict[str, str] = json.loads(unescape(found[1]))
    return read


def test_the_answer_comes_alone_with_offers_that_book_and_their_surroundings(
    as_ada: Visitor, demand: dict[str, str]
) -> None:
    page = ask(as_ada, duration="4h", node_count="1", **{demand["cpu"]: "8"})
    assert "<html" not in page
    assert "proven earliest" in page
    assert 'form="ask" name="take"' in page
    assert "cpu: this takes 8 of 8 free on the node" in page
    assert errors(page) == {}


def test_what_is_missing_is_no_error(as_ada: Visitor, demand: dict[str, str]) -> None:
    empty = dict.fromkeys(demand.values(), "")
    page = ask(as_ada, duration="", node_count="1", name="", **empty)
    assert "Say what each node gives and how long, and the earliest slot" in page
    assert errors(page) == {}
    page = ask(as_ada, duration="4h", node_count="", **{demand["cpu"]: "2"})
    assert "Say how many nodes, and" in page


def test_what_cannot_be_read_is_told_at_its_field(as_ada: Visitor, demand: dict[str, str]) -> None:
    page = ask(as_ada, duration="soon", node_count="0", **{demand["memory"]: "<b>many"})
    assert set(errors(page)) == {"duration", "node_count", demand["memory"]}
    assert "<b>many" not in page


def test_no_answer_in_time_is_said(
    as_ada: Visitor, demand: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any) -> None:
        raise NoAnswerInTime("The search was not finished in time.")

    monkeypatch.setattr(asking, "search", late)
    page = ask(as_ada, duration="4h", node_count="1", **{demand["cpu"]: "8"})
    assert "The search was not finished in time." in page
    assert "does not fit" not in page


def test_suggestions_book_nothing(as_ada: Visitor, demand: dict[str, str], app: Flask) -> None:
    page = ask(as_ada, duration="4h", node_count="1", **{demand["cpu"]: "8"})
    offer = unescape(re.findall(r'name="take" value="([^"]+)"', page)[0])
    ask(as_ada, duration="4h", node_count="1", take=offer, name="A", **{demand["cpu"]: "8"})
    assert "Nothing is running" in as_ada.get("/reservations").text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("cpu=4", 'value="4"'),
        ("memory=16 GiB", 'value="16 GiB"'),
        ("duration=90 min", 'value="90 min"'),
        ("node_count=2", 'value="2"'),
        ("earliest=2030-07-01T08:00%2B00:00", 'value="2030-07-01T10:00"'),
        ("latest_end=2030-07-01T08:00", 'value="2030-07-01T08:00"'),
        ("nodes=n2", "(n2)"),
        ("nodes=n1,n2,n9", "(n1, n2)"),
    ],
)
def test_an_address_fills_the_form_in(
    as_ada: Visitor, demand: dict[str, str], query: str, shown: str
) -> None:
    page = as_ada.get(f"/reservations/new?{query}").text
    assert shown in page
    assert 'hx-trigger="load, input from:#wish' in page


def test_an_address_with_nonsense_gives_the_form(as_ada: Visitor, demand: dict[str, str]) -> None:
    page = as_ada.get("/reservations/new?nodes=zz&earliest=soon&csrf_token=x&node_count=x&take=1")
    assert page.status_code == 200


def test_an_empty_form_asks_nothing_by_itself(as_ada: Visitor, demand: dict[str, str]) -> None:
    assert 'hx-trigger="input from:#wish' in as_ada.get("/reservations/new").text


def test_what_was_asked_last_is_offered_again(
    as_ada: Visitor, app: Flask, ada: User, demand: dict[str, str]
) -> None:
    with app.app_context():
        first, second = make_node("n3"), make_node("n4")
        both = {first: {"cpu": 4}, second: {"cpu": 4}}
        make_reservation(ada, name="Twice", hours=6, allocations=both)
        make_reservation(ada, soon(72), name="Twice again", hours=6, allocations=both)
        make_reservation(ada, name="Uneven", allocations={first: {"cpu": 4}, second: {"cpu": 2}})
        make_reservation(ada, name="Given up", hours=3, cancelled_at=soon(), allocations=both)
        found = presets.last(actor_of(ada))
    assert [(p.name, p.node_count, dict(p.demands)) for p in found] == [
        ("Twice again", 2, {"cpu": 4})
    ]
    page = as_ada.get("/reservations/new").text
    address = unescape(re.findall(r'class="preset" href="([^"]+)"', page)[0])
    filled = as_ada.get(address).text
    assert 'value="Twice again"' in filled
    assert 'value="6 h"' in filled


def test_a_limit_is_told_beside_its_field_with_what_is_held_now_and_at_the_peak(
    as_ada: Visitor, app: Flask, ada: User, demand: dict[str, str]
) -> None:
    with app.app_context():
        node, other = make_node("n3"), make_node("n4")
        factories.make_limit(10, user=ada, scope=Scope.TOTAL, name="Cores")
        factories.make_limit(9, user=ada, scope=Scope.EACH_NODE, name="Cores a node")
        make_reservation(ada, soon(-1), 3, allocations={node: {"cpu": 3}})
        make_reservation(ada, soon(24), 4, allocations={node: {"cpu": 5}})
        make_reservation(ada, soon(26), 4, allocations={other: {"cpu": 4}})
        total, each = sorted(standing.of(actor_of(ada)), key=lambda one: one.name)
        assert (total.held, total.peak, total.left, total.left_now) == (3, 9, 1, 7)
        assert (each.held, each.peak, each.left) == (3, 5, 4)
        assert total.peak_at is not None
        assert abs(total.peak_at - soon(26)) <= timedelta(minutes=1)
    page = as_ada.get("/reservations/new").text
    assert "Left now: <strong>7</strong> of 10 in all; 1 when you hold most" in page
    assert "3 held now, at most 9 (" in as_ada.get("/profile").text


def test_limits_cost_the_same_queries_whatever_is_held(
    app: Flask, ada: User, demand: dict[str, str]
) -> None:
    counts = []
    for number in (1, 9):
        with app.app_context():
            node = make_node()
            factories.make_limit(100, user=ada)
            for _ in range(number):
                make_reservation(ada, allocations={node: {"cpu": 1}})
            with counted(app) as statements:
                standing.of(actor_of(ada))
                presets.last(actor_of(ada))
            counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("app_context")
def test_the_surroundings_show_the_node_with_least_free() -> None:
    ada = factories.make_user("ada")
    first, second = make_node("n1"), make_node("n2")
    start = soon(48)
    make_reservation(ada, start - timedelta(hours=2), 1, allocations={first: {"cpu": 6}})
    make_reservation(ada, start, 20, allocations={second: {"cpu": 3}})
    factories.make_maintenance(first, start + timedelta(hours=5), 1)
    held = tuple(AllocationSpec(name, "cpu", 2) for name in ("n1", "n2"))
    offer = OfferFound(start, start + timedelta(hours=4), held, "earliest", True, None)
    (around,) = surroundings.around([offer])
    (line,) = around.lines
    assert around.start == start - timedelta(hours=2)
    assert [free for _, free in line.steps] == [2, 8, 5]
    assert (line.capacity, line.asked) == (8, 2)
    assert around.closed == ((start + timedelta(hours=5), start + timedelta(hours=6)),)
    assert surroundings.around([]) == ()


def check(visitor: Visitor, number: int, **fields: str) -> str:
    answer = visitor.post(f"/reservations/{number}/check", fields)
    assert answer.status_code == 200
    return answer.text


def test_a_change_is_tried_while_it_is_written(
    as_ada: Visitor, app: Flask, ada: User, demand: dict[str, str]
) -> None:
    with app.app_context():
        node = make_node("n3")
        grace = factories.make_user("grace", surname="Hopper")
        start = soon(48)
        mine = make_reservation(ada, start, 2, allocations={node: {"cpu": 4}})
        make_reservation(grace, start + timedelta(hours=2), 2, allocations={node: {"cpu": 6}})
        number, field = mine.id, f"amount_{node.id}_{make_resource('cpu').id}"
    page = unescape(as_ada.get(f"/reservations/{number}").text)
    shown = dict(re.findall(r'name="(starts_at|ends_at)"[^>]*value="([^"]+)"', page))
    assert "It fits like this." in check(as_ada, number, **shown, **{field: "8"})
    longer = {"ends_at": shown["ends_at"][:11] + "23:59"}
    refused = check(as_ada, number, **{**shown, **longer, field: "8"})
    assert "It does not fit like this" in refused
    assert "Grace Hopper" in refused
    assert "Take this" in refused
    wrong = check(as_ada, number, **{**shown, "ends_at": shown["starts_at"], field: "8"})
    assert "ends_at" in errors(wrong)
    assert set(errors(check(as_ada, number, **shown, **{field: "x"}))) == {field}


def test_somebody_elses_change_is_not_tried(
    as_ada: Visitor, app: Flask, demand: dict[str, str]
) -> None:
    with app.app_context():
        number = make_reservation(factories.make_user("grace")).id
    assert as_ada.post(f"/reservations/{number}/check").status_code == 403

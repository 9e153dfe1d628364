"""The calendar's events and the move of a reservation, as JSON."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import Node, Reservation, User
from tests.support import factories
from tests.support.factories import make_node, make_reservation, soon
from tests.support.queries import counted
from tests.web.conftest import Visitor


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1", {"cpu": 8})


@pytest.fixture
def grace(app: Flask) -> User:
    with app.app_context():
        return factories.make_user("grace", surname="Hopper")


def events(visitor: Visitor, **query: str) -> list[dict[str, Any]]:
    span = {"start": soon(-24).isoformat(), "end": soon(96).isoformat()}
    answer = visitor.get("/calendar/events", query_string={**span, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json
    return found


def titles(visitor: Visitor, **query: str) -> list[str]:
    return [event["title"] for event in events(visitor, **query)]


def booked(app: Flask, owner: User, node: Node, **fields: Any) -> int:
    with app.app_context():
        return make_reservation(owner, allocations={node: {"cpu": 4}}, **fields).id


def move(visitor: Visitor, number: int, **body: Any) -> Any:
    headers = {"X-CSRFToken": visitor.token()}
    return visitor.client.post(f"/reservations/{number}/move", json=body, headers=headers)


def test_events_are_mine_my_groups_or_a_nodes(
    as_ada: Visitor, app: Flask, ada: User, grace: User, node: Node
) -> None:
    with app.app_context():
        stranger = factories.make_user("stranger", group=factories.make_group("Others"))
    booked(app, ada, node, name="Mine")
    booked(app, grace, node, name="Hers")
    booked(app, stranger, node, name="Theirs")
    booked(app, ada, node, name="Given up", cancelled_at=clock.now())
    assert titles(as_ada) == ["Mine"]
    assert titles(as_ada, whose="group") == ["Mine", "Hers"]
    assert titles(as_ada, whose="node", node="n1") == ["Mine", "Hers", "Theirs"]
    assert titles(as_ada, whose="node", node="n2") == []


def test_an_event_tells_what_it_holds_and_what_may_be_moved(
    as_ada: Visitor, app: Flask, ada: User, grace: User, node: Node
) -> None:
    mine, hers = booked(app, ada, node, name="A"), booked(app, grace, node, name="B")
    running = booked(app, ada, node, name="C", start=soon(-1), hours=5)
    found = {event["id"]: event for event in events(as_ada, whose="group")}
    assert found[str(mine)]["what"] == "n1: 4 cpu"
    assert found[str(mine)]["startEditable"]
    assert found[str(mine)]["durationEditable"]
    assert not found[str(hers)]["durationEditable"]
    assert found[str(hers)]["move"] is None
    assert found[str(running)]["durationEditable"]
    assert not found[str(running)]["startEditable"]
    assert found[str(running)]["status"] == "running"


def test_names_stay_hidden_where_a_group_does_not_share(
    as_ada: Visitor, app: Flask, node: Node
) -> None:
    with app.app_context():
        group = factories.make_group("Silent", users_share_statistics=False)
        silent = factories.make_user("silent", group=group)
    number = booked(app, silent, node, name="Secret plan")
    assert titles(as_ada, whose="node", node="n1") == [f"Reservation {number}"]


def test_more_events_cost_no_more_queries(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    counts = []
    for number in (1, 12):
        for _ in range(number):
            booked(app, ada, node)
        with counted(app) as statements:
            events(as_ada)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_what_is_known_is_not_sent_again(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    booked(app, ada, node)
    query = {"start": soon(0).isoformat(), "end": soon(96).isoformat()}
    first = as_ada.get("/calendar/events", query_string=query)
    headers = {"If-None-Match": first.headers["ETag"]}
    assert as_ada.get("/calendar/events", query_string=query, headers=headers).status_code == 304
    booked(app, ada, node)
    assert as_ada.get("/calendar/events", query_string=query, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": "soon", "end": "later"},
        {"start": "2026-11-23T00:00", "end": "2026-11-30T00:00"},
        {"start": "2026-11-30T00:00+00:00", "end": "2026-11-23T00:00+00:00"},
        {"start": "2020-11-30T00:00+00:00", "end": "2026-11-23T00:00+00:00"},
        {"start": "2026-11-23T00:00Z", "end": "2026-11-30T00:00Z", "whose": "nobodys"},
    ],
)
def test_a_range_that_is_none_is_refused(as_ada: Visitor, query: dict[str, str]) -> None:
    answer = as_ada.get("/calendar/events", query_string=query)
    assert answer.status_code == 422
    assert answer.json["errors"]


def test_the_page_leads_on_without_script_and_keeps_nonsense_out(
    as_ada: Visitor, node: Node
) -> None:
    page = as_ada.get("/calendar?whose=node&node=%22x&view=%3Cb&on=yesterday").text
    assert 'href="/reservations"' in page
    assert 'data-nodes="n1"' in page
    assert 'data-on=""' in page
    assert 'data-zone="Europe/Prague"' in page


def test_the_page_of_an_empty_cluster(as_ada: Visitor) -> None:
    page = as_ada.get("/calendar?whose=node")
    assert page.status_code == 200
    assert "Your reservations" in page.text


def test_a_reservation_moves(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    number = booked(app, ada, node)
    starts_at, ends_at = soon(30), soon(33)
    answer = move(as_ada, number, starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    assert answer.json["ok"]
    assert answer.json["text"].startswith("Now ")
    with app.app_context():
        moved = db.session.get_one(Reservation, number)
        assert (moved.starts_at, moved.ends_at) == (starts_at, ends_at)
        assert moved.version == 2


def test_a_refused_move_says_who_is_in_the_way_and_where_it_fits(
    as_ada: Visitor, app: Flask, ada: User, grace: User, node: Node
) -> None:
    number = booked(app, ada, node)
    start = soon(48)
    with app.app_context():
        make_reservation(grace, start, 4, allocations={node: {"cpu": 8}})
    ends = (start + timedelta(hours=2)).isoformat()
    refused = move(as_ada, number, starts_at=start.isoformat(), ends_at=ends)
    assert refused.status_code == 200
    assert not refused.json["ok"]
    assert "Grace Hopper (grace@example.org)" in refused.json["reasons"][0]
    assert "4 cpu too few" in refused.json["reasons"][0].replace("\u00a0", " ")
    taken = move(as_ada, number, take=refused.json["offers"][0]["take"])
    assert taken.json["ok"]
    assert taken.json["starts_at"] == (start + timedelta(hours=4)).isoformat()


def test_what_cannot_be_moved_is_said(
    as_ada: Visitor, app: Flask, ada: User, grace: User, node: Node
) -> None:
    begin, end = soon(30).isoformat(), soon(33).isoformat()
    running = booked(app, ada, node, start=soon(-1), hours=5)
    answer = move(as_ada, running, starts_at=begin, ends_at=end)
    assert "its start cannot be changed" in answer.json["refusal"]
    assert not move(as_ada, running, starts_at=end, ends_at=begin).json["ok"]
    hers = booked(app, grace, node)
    assert move(as_ada, hers, starts_at=begin, ends_at=end).status_code == 403
    assert move(as_ada, 987654, starts_at=begin, ends_at=end).status_code == 404
    mine = booked(app, ada, node)
    stale = move(as_ada, mine, starts_at=begin, ends_at=end, version=7)
    assert "changed meanwhile" in stale.json["refusal"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"starts_at": 5},
        {"starts_at": "2026-11-23T09:00"},
        {"starts_at": "soon"},
        {"take": "[]"},
        {"starts_at": "2026-11-23T09:00Z", "version": "1"},
    ],
)
def test_what_cannot_be_read_moves_nothing(
    as_ada: Visitor, app: Flask, ada: User, node: Node, body: dict[str, Any]
) -> None:
    number = booked(app, ada, node)
    assert move(as_ada, number, **body).status_code == 422


def test_a_move_needs_the_token_and_a_person(
    as_ada: Visitor, visitor: Visitor, app: Flask, ada: User, node: Node
) -> None:
    number = booked(app, ada, node)
    body = {"starts_at": soon(30).isoformat(), "ends_at": soon(33).isoformat()}
    assert as_ada.client.post(f"/reservations/{number}/move", json=body).status_code == 400
    assert move(visitor, number, **body).status_code == 302

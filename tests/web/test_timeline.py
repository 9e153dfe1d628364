"""The start page: what it shows, to whom, and what its small endpoints answer."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from remas import clock
from remas.extensions import db
from remas.models import Node, Reservation, User
from remas.services import booking
from remas.services.requests import ChangeRequest
from tests.support.factories import (
    actor_of,
    make_group,
    make_maintenance,
    make_node,
    make_reservation,
    make_user,
    soon,
)
from tests.support.queries import counted
from tests.web.conftest import Visitor

EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
SignIn = Callable[[User], Visitor]


def minutes(moment: datetime) -> int:
    return int((moment - EPOCH) / timedelta(minutes=1))


def move(visitor: Visitor, reservation: Reservation, **changes: Any) -> TestResponse:
    """Ask for the reservation's own times with some changes."""
    body = {"begin": minutes(reservation.starts_at), "end": minutes(reservation.ends_at)}
    headers = {"X-CSRFToken": visitor.token()}
    path = f"/timeline/reservations/{reservation.id}"
    return visitor.client.post(path, json={**body, **changes}, headers=headers)


def bars(page: TestResponse) -> list[int]:
    """Ids of the reservations that are drawn, in order."""
    return [int(n) for n in re.findall(r'<a class="b [^"]*" href="/reservations/(\d+)"', page.text)]


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        return make_node("n1", {"cpu": 8, "gpu": 2})


@pytest.fixture
def grace(app: Flask) -> User:
    with app.app_context():
        return make_user("grace", surname="Hopper")


def test_bars_are_links_with_who_and_how_much(
    as_ada: Visitor, app: Flask, node: Node, grace: User
) -> None:
    with app.app_context():
        made = make_reservation(grace, allocations={node: {"cpu": 6, "gpu": 1}})
    page = as_ada.get("/")
    assert bars(page) == [made.id]
    assert "Grace Hopper · 6 cpu · 1 gpu</text>" in page.text
    assert "data-h=" not in page.text
    assert "style=" not in page.text


def test_over_capacity_and_maintenance_are_told_in_words(
    as_ada: Visitor, app: Flask, node: Node, grace: User
) -> None:
    with app.app_context():
        make_reservation(grace, allocations={node: {"gpu": 3}})
        make_maintenance(node, soon(40), reason="New fan")
    page = as_ada.get("/").text
    assert "over capacity</span>" in page
    assert "<title>gpu: over capacity</title>" in page
    assert "<title>Maintenance: New fan</title>" in page


def test_filters(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    with app.app_context():
        group = make_group("Theory", users_share_statistics=True)
        noether = make_user("emmy", group=make_group("Algebra", parent=group))
        plain = make_node("n2", {"cpu": 8})
        mine = make_reservation(ada, allocations={node: {"cpu": 1}})
        hers = make_reservation(noether, soon(30), allocations={plain: {"cpu": 1}})
    assert bars(as_ada.get("/")) == [mine.id, hers.id]
    assert bars(as_ada.get("/?node=n2")) == [hers.id]
    assert bars(as_ada.get("/?mine=1")) == [mine.id]
    assert bars(as_ada.get(f"/?group={group.id}")) == [hers.id]
    assert bars(as_ada.get("/?resource=gpu")) == []
    assert 'data-node="n2"' not in as_ada.get("/?resource=gpu").text
    nothing = as_ada.get(f"/?group={group.id}&mine=1").text
    assert "You hold nothing in this time." in nothing


def test_views_and_the_ways_between_them(as_ada: Visitor, node: Node) -> None:
    page = as_ada.get("/?view=week&from=2027-03-22&node=n1").text
    assert 'data-minutes="10020"' in page  # clocks go forward in Prague
    assert 'href="/?view=week&amp;from=2027-03-15&amp;node=n1"' in page
    assert 'href="/?view=week&amp;from=2027-03-29&amp;node=n1"' in page
    assert 'href="/?view=month&amp;from=2027-03-22&amp;node=n1"' in page
    assert "Europe/Prague" in page


@pytest.mark.parametrize(
    "query", ["from=soon", "from=9999-12-31", "view=x", "page=7", "node=none", "group=99", "mine=2"]
)
def test_odd_addresses_still_show_a_page(as_ada: Visitor, node: Node, query: str) -> None:
    assert as_ada.get(f"/?{query}").status_code == 200
    assert as_ada.get(f"/timeline/rows?{query}").status_code == 200


def test_a_cluster_without_nodes_says_what_to_do(as_ada: Visitor) -> None:
    assert "There are no nodes yet." in as_ada.get("/").text


def test_nothing_reserved_is_told(as_ada: Visitor, node: Node) -> None:
    assert "Nothing is reserved here in this time." in as_ada.get("/").text


def test_many_nodes_come_in_parts(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        db.session.add_all(Node(name=f"n{i}") for i in range(41))
        db.session.commit()
    first = as_ada.get("/").text
    assert first.count('class="tl-row"') == 30
    assert 'href="/?view=week&amp;page=2" data-rows="/timeline/rows?view=week&amp;page=2"' in first
    rest = as_ada.get("/timeline/rows?view=week&page=2").text
    assert re.findall(r'data-node="(\w+)"', rest) == [f"n{i}" for i in range(30, 41)]


def test_the_page_costs_the_same_number_of_queries_however_full(
    as_ada: Visitor, app: Flask, ada: User
) -> None:
    counts = []
    for more in (1, 12):
        with app.app_context():
            for i in range(more):
                make_reservation(ada, soon(24 + i), allocations={make_node(): {"cpu": 1}})
        with counted(app) as statements:
            assert as_ada.get("/").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


# What an open page asks again


def test_rows_are_sent_again_only_after_a_change(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        made = make_reservation(ada, allocations={node: {"cpu": 1}})
    tag = as_ada.get("/timeline/rows").headers["ETag"]
    assert f'data-tag="{tag[3:-1]}"' in as_ada.get("/").text
    with counted(app) as statements:
        same = as_ada.get("/timeline/rows", headers={"If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    assert len(statements) <= 4  # BEGIN, who it is (two), and the last change
    with app.app_context():
        booking.change(actor_of(ada), made.id, ChangeRequest(name="Renamed"))
    other = as_ada.get("/timeline/rows", headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert "Renamed" in other.text


def test_the_tag_is_ones_own(as_ada: Visitor, sign_in: SignIn, grace: User, node: Node) -> None:
    tags = {v.get("/timeline/rows").headers["ETag"] for v in (as_ada, sign_in(grace))}
    assert len(tags) == 2


def test_a_card_says_who_and_how_to_reach_them(
    as_ada: Visitor, app: Flask, node: Node, grace: User
) -> None:
    with app.app_context():
        made = make_reservation(grace, allocations={node: {"cpu": 6}}, name="Compile")
    card = as_ada.get(f"/timeline/reservations/{made.id}").text
    for text in ("Compile", "Grace Hopper", "mailto:grace@example.org", "6 cpu"):
        assert text in card


def test_groups_that_do_not_share_hide_what_it_is_for(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        quiet = make_user("quiet", group=make_group(users_share_statistics=False))
        held = {make_node("n1"): {"cpu": 6}}
        made = make_reservation(quiet, allocations=held, name="Secret plan")
    assert "Secret plan" not in as_ada.get("/").text
    card = as_ada.get(f"/timeline/reservations/{made.id}").text
    assert "Secret plan" not in card
    assert "quiet@example.org" in card


# Moving


def test_a_bar_moves_where_it_fits(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    with app.app_context():
        made = make_reservation(ada, allocations={node: {"cpu": 6}})
    later = minutes(made.starts_at) + 60
    answer = move(as_ada, made, begin=later, end=later + 240, version=1)
    assert answer.status_code == 200
    assert answer.json["done"] is True
    with app.app_context():
        now = db.session.get_one(Reservation, made.id)
        assert (minutes(now.starts_at), minutes(now.ends_at)) == (later, later + 240)
    assert move(as_ada, made, version=1).json["done"] is False  # changed since it was seen


def test_a_bar_moves_to_another_node(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    with app.app_context():
        made = make_reservation(ada, allocations={node: {"cpu": 6}})
        make_node("n2", {"cpu": 8})
        make_node("n3", {"gpu": 8})
    assert move(as_ada, made, **{"from": "n1", "to": "n2"}).json["done"] is True
    with app.app_context():
        held = db.session.get_one(Reservation, made.id).allocations
        assert [a.node.name for a in held] == ["n2"]
    refused = move(as_ada, made, **{"from": "n2", "to": "n3"}).json
    assert refused == {"done": False, "text": "n3 has no cpu."}


def test_a_refusal_says_why_and_its_offer_can_be_taken(
    as_ada: Visitor, app: Flask, ada: User, node: Node, grace: User
) -> None:
    with app.app_context():
        mine = make_reservation(ada, soon(24), 2, allocations={node: {"cpu": 6}})
        make_reservation(grace, soon(26), 2, allocations={node: {"cpu": 6}})
    begin = minutes(mine.starts_at) + 120
    refused = move(as_ada, mine, begin=begin, end=begin + 120).json
    assert refused["done"] is False
    assert "grace@example.org" in refused["panel"]
    offers = re.findall(r"data-take=\"([^\"]+)\"", refused["panel"].replace("&#34;", "'"))
    assert offers
    taken = move(as_ada, mine, take=offers[0].replace("'", '"'))
    assert taken.json["done"] is True


def test_what_runs_keeps_its_start(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    start = clock.ceil_minute(clock.now()) - timedelta(hours=1)
    with app.app_context():
        made = make_reservation(ada, start, 3, allocations={node: {"cpu": 6}})
    assert move(as_ada, made, end=minutes(made.ends_at) + 30).json["done"] is True
    refused = move(as_ada, made, begin=minutes(made.starts_at) + 30).json
    assert "start cannot be changed" in refused["text"]


def test_nobody_moves_what_is_not_theirs(
    as_ada: Visitor, app: Flask, sign_in: SignIn, node: Node, grace: User
) -> None:
    with app.app_context():
        made = make_reservation(grace, allocations={node: {"cpu": 6}})
        root = make_user("root", admin=True)
    assert move(as_ada, made, end=minutes(made.ends_at) + 30).status_code == 403
    made.id += 1
    assert move(as_ada, made).status_code == 404
    made.id -= 1
    assert move(sign_in(root), made, end=minutes(made.ends_at) + 30).json["done"] is True


def test_a_move_needs_the_token(as_ada: Visitor, app: Flask, ada: User, node: Node) -> None:
    with app.app_context():
        made = make_reservation(ada, allocations={node: {"cpu": 6}})
    answer = as_ada.client.post(f"/timeline/reservations/{made.id}", json={"begin": 0, "end": 9})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [[], "x", {"begin": "now", "end": 5}, {"begin": 10**12, "end": 5}, {"take": 7}, {"begin": 5}],
)
def test_a_move_that_cannot_be_read_is_refused_in_words(
    as_ada: Visitor, app: Flask, ada: User, node: Node, body: Any
) -> None:
    with app.app_context():
        made = make_reservation(ada, allocations={node: {"cpu": 6}})
    headers = {"X-CSRFToken": as_ada.token()}
    path = f"/timeline/reservations/{made.id}"
    answer = as_ada.client.post(path, json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json["done"] is False
    assert answer.json["text"]

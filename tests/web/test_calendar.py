"""The table of two weeks."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from remas import clock
from remas.extensions import db
from remas.models import Node, NodeState, Unit, User
from tests.support.factories import (
    make_maintenance,
    make_node,
    make_reservation,
    make_resource,
    make_user,
    soon,
)
from tests.support.queries import counted
from tests.web.conftest import Visitor

PRAGUE = ZoneInfo("Europe/Prague")


def tomorrow(hour: int) -> datetime:
    """That hour of tomorrow in Prague, in UTC."""
    day = clock.now().astimezone(PRAGUE).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, hour, tzinfo=PRAGUE).astimezone(ZoneInfo("UTC"))


@pytest.fixture
def node(app: Flask) -> Node:
    with app.app_context():
        make_resource("memory", Unit.BYTES_IEC)
        return make_node("gpu1", {"cpu": 8, "memory": 64 * 2**30})


def test_a_reservation_is_a_link_on_its_day_with_peak_and_owner(
    as_ada: Visitor, app: Flask, node: Node
) -> None:
    with app.app_context():
        grace = make_user("grace", surname="Hopper")
        made = make_reservation(grace, tomorrow(10), allocations={node: {"cpu": 6}}, name="Run")
        make_reservation(grace, tomorrow(11), hours=3, allocations={node: {"cpu": 1}})
    page = as_ada.get("/table").text
    assert f'<a href="/reservations/{made.id}">Run</a> <span class="day-owner">Grace Hopper' in page
    assert "cpu up to 7 of 8; 2 reservations</span>" in page
    assert "7 of 8</span>" in page


def test_days_begin_at_midnight_of_the_viewers_zone(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        make_reservation(ada, tomorrow(0), hours=24, allocations={node: {"cpu": 8}})
    page = as_ada.get("/table").text
    # From the left edge of its cell to the right one, and in no other.
    assert page.count('d="M0 12V0h1440V12z"') == 1
    assert page.count('class="fill-0"') == 1


def test_over_capacity_is_marked_by_sign_and_word(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    with app.app_context():
        make_reservation(ada, tomorrow(10), allocations={node: {"cpu": 12}})
    page = as_ada.get("/table").text
    assert '<span class="cell-mark cell-over">!</span>' in page
    assert "cpu up to 12 of 8 (over capacity)" in page
    assert 'fill="url(#over)"' in page


def test_maintenance_is_hatched_and_told(as_ada: Visitor, app: Flask, node: Node) -> None:
    with app.app_context():
        make_maintenance(node, tomorrow(6), reason="New fan")
    page = as_ada.get("/table").text
    assert '<rect x="360" y="0" width="120"' in page
    assert "New fan" in page
    assert "maintenance; 0 reservations" in page


def test_now_is_marked_once_a_node_and_today_in_the_head(as_ada: Visitor, node: Node) -> None:
    page = as_ada.get("/table").text
    assert page.count('<svg class="now"') == 1
    assert page.count('aria-current="date"') == 1


def test_there_are_two_weeks_and_ways_to_the_ones_before_and_after(
    as_ada: Visitor, node: Node
) -> None:
    page = as_ada.get("/table?from=2027-03-20").text
    assert page.count('<th scope="col"') == 1 + 14
    assert 'href="/table?from=2027-03-06"' in page
    assert 'href="/table?from=2027-04-03"' in page
    # 28 March has 23 hours.
    assert page.count('viewBox="0 0 1380 ') == 1
    assert page.count('viewBox="0 0 1440 ') == 13


def test_the_table_can_be_of_one_node(as_ada: Visitor, app: Flask, node: Node) -> None:
    with app.app_context():
        make_node("gpu2")
        make_node("gone", state=NodeState.RETIRED)
    everything, one = as_ada.get("/table").text, as_ada.get("/table?node=gpu2").text
    assert re.findall(r'<a href="/table\?node=(\w+)', everything) == ["gpu1", "gpu2"]
    assert re.findall(r'<a href="/table\?node=(\w+)', one) == ["gpu2"]
    assert "<option selected>gpu2</option>" in one


@pytest.mark.parametrize(
    "query", ["from=soon", "from=9999-12-31", "from=0001-01-01", "from=", "page=7", "node=none"]
)
def test_odd_addresses_still_show_a_page(as_ada: Visitor, node: Node, query: str) -> None:
    assert as_ada.get(f"/table?{query}").status_code == 200


def test_a_cluster_without_nodes_says_what_to_do(as_ada: Visitor) -> None:
    assert "There are no nodes yet." in as_ada.get("/table").text


def test_many_nodes_come_in_pages(as_ada: Visitor, app: Flask) -> None:
    with app.app_context():
        db.session.add_all(Node(name=f"n{i}") for i in range(31))
        db.session.commit()
    first = as_ada.get("/table").text
    assert ">n29</a>" in first
    assert ">n30</a>" not in first
    assert ">n30</a>" in as_ada.get("/table?page=2").text


def test_the_calendar_costs_the_same_number_of_queries_however_full(
    as_ada: Visitor, app: Flask, ada: User, node: Node
) -> None:
    counts = []
    for more in (1, 12):
        with app.app_context():
            for i in range(more):
                another = make_node()
                make_reservation(ada, soon(24 + i), allocations={another: {"cpu": 1}})
        with counted(app) as statements:
            assert as_ada.get("/table").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_free_days_lead_to_the_form_filled_in(as_ada: Visitor, node: Node) -> None:
    page = as_ada.get("/table").text
    day: date = clock.now().astimezone(PRAGUE).date() + timedelta(days=3)
    address = f"/reservations/new?nodes=gpu1&amp;earliest={day.isoformat()}T00:00"
    assert f'href="{address}"' in page
    form = as_ada.get(address.replace("&amp;", "&")).text
    assert f'value="{day.isoformat()}T00:00"' in form

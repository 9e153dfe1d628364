"""Reserved against used on the pages: absent, waiting, told, away; and nobody waits for it."""

import json
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask

from remas import clock
from remas.models import Measure, Node, Unit, User
from remas.services import exceeding, measuring
from tests.support import factories
from tests.support.prometheus_double import Mood, PrometheusDouble
from tests.web.conftest import Visitor

HX = {"HX-Request": "true"}
ASKING = "Asking Prometheus"


@pytest.fixture
def person(measured_app: Flask) -> Callable[[User], Visitor]:
    """Sign somebody in where there is a Prometheus."""

    def begin(user: User) -> Visitor:
        visitor = Visitor(measured_app.test_client())
        assert visitor.sign_in(user.username).status_code == 302
        return visitor

    return begin


@pytest.fixture
def n1(app: Flask) -> Node:
    with app.app_context():
        factories.make_resource("cpu", measure=Measure.CPU)
        factories.make_resource("memory", Unit.BYTES_IEC, measure=Measure.MEMORY)
        return factories.make_node("n1", {"cpu": 8, "memory": 2**36, "licence": 2})


def running(app: Flask, user: User, node: Node, **fields: Any) -> int:
    with app.app_context():
        start = clock.ceil_minute(clock.now()) - timedelta(hours=2)
        held = {node: {"cpu": 4, "memory": 2**34}}
        values = {"hours": 4, "allocations": held, "name": "Training", **fields}
        return factories.make_reservation(user, start, **values).id


def test_a_running_reservation_has_a_part_that_comes_later(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    number = running(app, ada, n1)
    page = person(ada).get(f"/reservations/{number}").text
    assert ASKING in page
    assert f'hx-get="/reservations/{number}/use"' in page
    assert f'<a href="/reservations/{number}/use">Show what was used</a>' in page
    assert not meter.asked  # the page itself waits for nobody


def test_the_part_tells_in_numbers_and_words_and_what_to_draw(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 5.25)
    meter.uses(Measure.MEMORY, "n1", "ada", 2**33)
    number = running(app, ada, n1)
    part = unescape(person(ada).get(f"/reservations/{number}/use", headers=HX).text)
    assert "<html" not in part
    assert "cpu: on n1 5.25 of 4 on average (131.2\xa0%), at most 5.25." in part
    assert 'class="over-text">above' in part
    assert "memory: on n1 8\xa0GiB of 16\xa0GiB on average (50.0\xa0%)" in part
    assert "in steps of 1 min" in part
    cpu, memory = (json.loads(text.split('"></div>')[0]) for text in part.split('data-plot="')[1:])
    assert (cpu["suffix"], cpu["zone"]) == ("", "Europe/Prague")
    assert cpu["lines"][0]["reserved"] == 4
    assert set(cpu["lines"][0]["used"]) == {5.25}
    assert len(cpu["lines"][0]["used"]) == len(cpu["times"])
    assert (memory["suffix"], memory["lines"][0]["reserved"]) == ("GiB", 16)
    assert len(meter.asked) == 2


def test_without_script_it_is_a_page(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    number = running(app, ada, n1)
    page = person(ada).get(f"/reservations/{number}/use").text
    assert "<html" in page
    assert f'<a href="/reservations/{number}">Training</a>' in page
    assert "Prometheus measured nothing in this time." in page


@pytest.mark.parametrize(
    "mood", [Mood.HANGS, Mood.STARTING, Mood.CUT_OFF, Mood.HUGE, Mood.LOCKED, Mood.STRANGER]
)
def test_where_prometheus_is_away_the_pages_are_whole(
    app: Flask,
    ada: User,
    n1: Node,
    person: Callable[[User], Visitor],
    meter: PrometheusDouble,
    mood: Mood,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("remas.services.measuring.PATIENCE", 0.3)
    meter.mood = mood
    number = running(app, ada, n1)
    visitor = person(ada)
    for path in (f"/reservations/{number}", "/status"):
        assert "</html>" in visitor.get(path).text
    assert not meter.asked
    part = visitor.get(f"/reservations/{number}/use", headers=HX)
    assert part.status_code == 200
    assert "Prometheus does not answer: " in part.text
    assert "Try again" in part.text
    assert "Prometheus does not answer: " in visitor.get("/status/use", headers=HX).text
    # Another question comes after something cheap; what does not answer that is left alone.
    assert [query == measuring.CHEAP for query in meter.queries] == [False, True]
    assert "Prometheus does not answer: " in visitor.get("/status/use", headers=HX).text
    assert len(meter.asked) == 2


def test_it_is_absent_where_there_is_nothing_to_tell(
    app: Flask,
    ada: User,
    n1: Node,
    as_ada: Visitor,
    person: Callable[[User], Visitor],
    meter: PrometheusDouble,
) -> None:
    number = running(app, ada, n1)
    for path in (f"/reservations/{number}", "/status"):  # without PROMETHEUS_URL
        assert "Prometheus" not in as_ada.get(path).text
    for path in (f"/reservations/{number}/use", "/status/use"):
        assert as_ada.get(path).status_code == 404
    visitor = person(ada)
    with app.app_context():
        coming = factories.make_reservation(ada, allocations={n1: {"cpu": 1}}).id
    bare = running(app, ada, n1, allocations={n1: {"licence": 1}})
    for other in (coming, bare):
        assert ASKING not in visitor.get(f"/reservations/{other}").text
        assert "There is nothing to measure" in visitor.get(f"/reservations/{other}/use").text


def test_it_is_hidden_from_others_where_a_group_does_not_share(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    with app.app_context():
        closed = factories.make_group("Closed", users_share_statistics=False)
        eve = factories.make_user("eve", group=closed)
    number = running(app, eve, n1)
    visitor = person(ada)
    assert ASKING not in visitor.get(f"/reservations/{number}").text
    assert visitor.get(f"/reservations/{number}/use").status_code == 403
    assert ASKING in person(eve).get(f"/reservations/{number}").text


def test_a_query_that_is_not_taken_is_told_with_the_way_to_it(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    query = 'many_to_many{node="${node_name}",user="${user_username}"}'
    with app.app_context():
        factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=query)
        root = factories.make_user("root", admin=True)
    number = running(app, ada, n1, allocations={n1: {"seat": 1}})
    path = f"/reservations/{number}/use"
    assert "does not take the query of this resource" in person(ada).get(path).text
    assert "/admin/resources/seat" not in person(ada).get(path).text
    assert "/admin/resources/seat" in person(root).get(path).text


def test_status_tells_administrators_of_everybody_and_others_of_themselves(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    with app.app_context():
        root = factories.make_user("root", admin=True)
        factories.make_user("eve", surname="Moss")
    running(app, ada, n1)
    meter.uses(Measure.CPU, "n1", "eve", 2.5)
    meter.uses(Measure.CPU, "n1", "ada", 3.5)
    admin, visitor = person(root), person(ada)
    assert "Asking Prometheus who uses more than they hold" in admin.get("/status").text
    assert "Asking Prometheus what you use" in visitor.get("/status").text
    told = admin.get("/status/use", headers=HX).text
    assert "Eve Moss" in told
    assert "<strong>2.5</strong> used, nothing held" in told
    assert "Byron" not in told
    assert "You use no more than you hold." in visitor.get("/status/use").text


def test_status_says_so_where_not_all_was_asked(
    app: Flask,
    ada: User,
    n1: Node,
    person: Callable[[User], Visitor],
    meter: PrometheusDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    query = 'seats{node="${node_name}",user="${user_username}"}'
    with app.app_context():
        factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=query)
        root, eve = factories.make_user("root", admin=True), factories.make_user("eve")
        n2 = factories.make_node("n2", {"seat": 4})
    for user in (ada, eve):
        running(app, user, n2, allocations={n2: {"seat": 1}})
    admin, visitor = person(root), person(ada)
    assert "Nobody uses more than they hold." in admin.get("/status/use").text
    monkeypatch.setattr(exceeding, "MOST_PLACES", 1)
    told = admin.get("/status/use").text
    assert "As far as could be asked, nobody uses more than they hold." in told
    assert "seat: asked for the first 1 of 2 holders." in told
    assert "You use no more than you hold." in visitor.get("/status/use").text
    running(app, ada, n1, allocations={n1: {"licence": 1}})
    with app.app_context():
        more = factories.make_node("n3", {"seat": 4})
    running(app, ada, more, allocations={more: {"seat": 1}})
    own = visitor.get("/status/use").text
    assert "As far as could be asked, you use no more than you hold." in own
    assert "seat: asked for the first 1 of 2 nodes on which you hold some." in own


def test_who_is_above_sees_it(
    app: Flask, ada: User, n1: Node, person: Callable[[User], Visitor], meter: PrometheusDouble
) -> None:
    running(app, ada, n1)
    meter.uses(Measure.CPU, "n1", "ada", 6)
    part = person(ada).get("/status/use").text
    assert "<strong>6</strong> used, 4 held" in part
    assert "2 more" in part

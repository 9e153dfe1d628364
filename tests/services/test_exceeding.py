"""Who uses more at this moment than they hold."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from remas.errors import MeasurementsAway, NotFound
from remas.models import Measure, Node, NodeState, User
from remas.services import exceeding, measuring, resources
from remas.services.actor import SYSTEM
from remas.services.transaction import DbSession, writing
from tests.support import factories
from tests.support.factories import actor_of
from tests.support.prometheus_double import Mood, PrometheusDouble
from tests.support.queries import counted

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEATS = 'sum(seats{node="${node_name}",user="${user_username}"})'


@pytest.fixture(autouse=True)
def _noon(measured_app: Flask) -> Iterator[None]:
    with measured_app.app_context(), time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada", uid=1007)


@pytest.fixture
def n1() -> Node:
    """100 cores, so that one of them is what does not count."""
    factories.make_resource("cpu", measure=Measure.CPU)
    return factories.make_node("n1", {"cpu": 100})


def hold(user: User, node: Node, amount: int, resource: str = "cpu", **fields: datetime) -> None:
    start = fields.pop("start", NOON - HOUR)
    factories.make_reservation(user, start, 4, allocations={node: {resource: amount}}, **fields)


def above() -> list[tuple[str, str, str, int, float]]:
    return [
        (row.username, row.node, row.resource, row.held, row.used)
        for row in exceeding.now(SYSTEM).rows
    ]


@pytest.mark.parametrize(("used", "count"), [(9.0, 0), (9.01, 1)])
def test_a_hundredth_of_the_node_more_than_held_is_above(
    ada: User, n1: Node, meter: PrometheusDouble, used: float, count: int
) -> None:
    hold(ada, n1, 5)
    hold(ada, n1, 3)  # all that runs counts together
    meter.uses(Measure.CPU, "n1", "ada", used)
    assert above() == [("ada", "n1", "cpu", 8, used)] * count


def test_who_holds_nothing_is_above_with_anything(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    hold(ada, n1, 50, start=NOON + HOUR)
    hold(ada, n1, 50, cancelled_at=NOON - HOUR)
    meter.uses(Measure.CPU, "n1", "ada", 1.5)
    assert above() == [("ada", "n1", "cpu", 0, 1.5)]


def test_people_are_known_by_name_or_uid_and_others_are_none_of_ours(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    factories.make_user("1007", uid=1)  # a name goes before a uid that reads the same
    factories.make_user("eve", uid=1008)
    meter.uses(Measure.CPU, "n1", "root", 90)
    meter.uses(Measure.CPU, "n1", "1007", 3)
    meter.uses(Measure.CPU, "n1", "1008", 2)
    meter.uses(Measure.CPU, "n1", "99999999999", 2)
    meter.uses(Measure.CPU, "n1", "eve", 2)
    assert above() == [("eve", "n1", "cpu", 0, 4), ("1007", "n1", "cpu", 0, 3)]


def test_the_farthest_above_comes_first_by_what_the_node_has(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    factories.make_node("small", {"cpu": 4})
    meter.uses(Measure.CPU, "n1", "ada", 20)  # a fifth
    meter.uses(Measure.CPU, "small", "ada", 2)  # a half
    assert [row[1] for row in above()] == ["small", "n1"]


def test_nodes_that_are_gone_or_unknown_do_not_count(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    factories.make_node("gone", {"cpu": 4}, state=NodeState.RETIRED)
    factories.make_node("bare", {"gpu": 4})
    for name in ("gone", "bare", "stranger"):
        meter.uses(Measure.CPU, name, "ada", 4)
    assert above() == []


def test_others_see_only_themselves(ada: User, n1: Node, meter: PrometheusDouble) -> None:
    factories.make_user("eve")
    for name in ("ada", "eve"):
        meter.uses(Measure.CPU, "n1", name, 4)
    assert [row.username for row in exceeding.now(actor_of(ada)).rows] == ["ada"]
    everybody = exceeding.now(actor_of(ada, admin=True)).rows
    assert [row.username for row in everybody] == ["ada", "eve"]
    assert len(meter.asked) == 1  # the same question, whoever asks


def test_a_query_of_its_own_is_asked_for_those_who_hold_some(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=SEATS)
    node = factories.make_node("n2", {"seat": 10})
    eve = factories.make_user("eve")
    hold(ada, node, 2, "seat")
    hold(eve, node, 2, "seat")
    meter.uses(Measure.CUSTOM, "n2", "ada", 4)
    meter.uses(Measure.CUSTOM, "n2", "eve", 2)
    assert above() == [("ada", "n2", "seat", 2, 4)]
    assert len(meter.asked) == 2


@pytest.fixture
def seats(ada: User, n1: Node, monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """Three nodes with seats, of which ada holds one each and eve all on the last two; and no more
    than three holders are asked for."""
    monkeypatch.setattr(exceeding, "MOST_PLACES", 3)
    factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=SEATS)
    nodes = [factories.make_node(f"s{number}", {"seat": 10}) for number in range(3)]
    eve = factories.make_user("eve", uid=1008)
    for node in nodes:
        hold(ada, node, 1, "seat")
    for node in nodes[1:]:
        hold(eve, node, 9, "seat")
    return nodes


def test_what_is_not_asked_for_is_told(seats: list[Node], meter: PrometheusDouble) -> None:
    found = exceeding.now(SYSTEM)
    assert found.left_out == (exceeding.LeftOut("seat", 3, 5),)
    assert not found.is_whole
    assert "s2" not in meter.queries[-1]


def test_others_are_asked_for_alone(ada: User, seats: list[Node], meter: PrometheusDouble) -> None:
    meter.uses(Measure.CUSTOM, "s2", "ada", 4)
    found = exceeding.now(actor_of(ada))
    assert [(row.node, row.held, row.used) for row in found.rows] == [("s2", 1, 4)]
    assert (found.is_whole, found.left_out) == (True, ())
    assert "eve" not in meter.queries[-1]


def test_a_name_that_changes_meanwhile(
    ada: User, seats: list[Node], meter: PrometheusDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = exceeding._held

    def rename(session: DbSession, at: datetime) -> object:
        found = read(session, at)
        with writing() as other:
            other.execute(update(User).where(User.username == "ada").values(username="countess"))
        return found

    monkeypatch.setattr(exceeding, "_held", rename)
    meter.uses(Measure.CUSTOM, "s0", "ada", 4)
    assert exceeding.now(SYSTEM).rows == ()


def test_a_query_that_is_not_taken_is_told_to_administrators(
    ada: User, n1: Node, meter: PrometheusDouble
) -> None:
    factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=SEATS + "*many_to_many")
    hold(ada, factories.make_node("n2", {"seat": 10}), 2, "seat")
    meter.uses(Measure.CPU, "n1", "ada", 4)
    found = exceeding.now(actor_of(ada, admin=True))
    assert len(found.rows) == 1
    assert "seat: found duplicate series" in found.troubles[0]
    assert not found.is_whole
    own = exceeding.now(actor_of(ada))
    assert (own.troubles, own.is_whole) == ((), False)


def test_as_many_questions_for_many_people_and_nodes(
    measured_app: Flask, n1: Node, meter: PrometheusDouble
) -> None:
    def more(numbers: range) -> None:
        for number in numbers:
            node = factories.make_node(f"m{number}", {"cpu": 8})
            person = factories.make_user(f"person{number}")
            hold(person, node, 1)
            meter.uses(Measure.CPU, node.name, person.username, 4)

    more(range(1))
    with counted(measured_app) as few:
        assert len(exceeding.now(SYSTEM).rows) == 1
    more(range(1, 30))
    measuring.memory.forget_all()
    with counted(measured_app) as many:
        assert len(exceeding.now(SYSTEM).rows) == 30
    assert len(meter.asked) == 2
    assert len(many) == len(few)


def test_prometheus_away(n1: Node, meter: PrometheusDouble) -> None:
    meter.mood = Mood.STARTING
    with pytest.raises(MeasurementsAway):
        exceeding.now(SYSTEM)


def test_it_is_shown_where_anything_is_measured(
    app: Flask, n1: Node, meter: PrometheusDouble
) -> None:
    assert exceeding.is_shown()
    resources.change(SYSTEM, "cpu", resources.ResourceChange(measure=""))
    assert not exceeding.is_shown()
    assert above() == []
    assert not meter.asked
    with app.app_context(), pytest.raises(NotFound):
        exceeding.now(SYSTEM)

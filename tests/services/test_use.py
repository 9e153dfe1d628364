"""What the owner of a reservation used, against what is reserved."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from remas.errors import Forbidden, MeasurementsAway, NotFound
from remas.models import Measure, Node, Unit, User
from remas.services import use
from tests.support import factories
from tests.support.factories import actor_of
from tests.support.prometheus_double import Mood, PrometheusDouble
from tests.support.queries import counted

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LICENCES = 'sum(licences{node="${node_name}",user="${user_username}"})'


@pytest.fixture
def now(measured_app: Flask) -> Iterator[time_machine.Traveller]:
    """Noon, in the app's context; the clock stands."""
    with measured_app.app_context(), time_machine.travel(NOON, tick=False) as time:
        yield time


@pytest.fixture
def ada(now: None) -> User:
    return factories.make_user("ada", uid=1007)


@pytest.fixture
def nodes(now: None) -> list[Node]:
    factories.make_resource("cpu", measure=Measure.CPU)
    factories.make_resource("memory", Unit.BYTES_IEC, measure=Measure.MEMORY)
    factories.make_resource("licence")
    amounts = {"cpu": 8, "memory": 2**36, "licence": 4}
    return [factories.make_node(name, amounts) for name in ("n10", "n2")]


def held(ada: User, nodes: list[Node], hours: float = 4, ago: float = 1, **amounts: int) -> int:
    bundle = amounts or {"cpu": 4, "memory": 2**34, "licence": 1}
    start = NOON - ago * HOUR
    return factories.make_reservation(
        ada, start, hours, allocations=dict.fromkeys(nodes, bundle)
    ).id


def test_it_is_told_by_node_for_each_measured_resource(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    meter.uses(Measure.CPU, "n2", "ada", lambda at: 2 if at < NOON.timestamp() else 6)
    meter.uses(Measure.CPU, "n10", "1007", 1)  # where the exporter cannot resolve the name
    meter.uses(Measure.CPU, "n2", "eve", 100)
    meter.uses(Measure.MEMORY, "n2", "ada", 2**33)
    found = use.of_reservation(actor_of(ada), held(ada, nodes))
    assert (found.start, found.end, found.step) == (NOON - HOUR, NOON, MINUTE)
    assert found.times[0] == NOON - HOUR + MINUTE  # the first minute is over then
    assert (found.times[-1], len(found.times)) == (NOON, 60)
    cpu, memory = found.resources  # nothing measures licences
    assert [node.node for node in cpu.nodes] == ["n2", "n10"]
    on_n2, on_n10 = cpu.nodes
    assert (on_n2.reserved, on_n2.peak) == (4, 6)
    assert on_n2.mean == pytest.approx((59 * 2 + 6) / 60)
    assert on_n2.share == pytest.approx((59 * 2 + 6) / 60 / 4)
    assert on_n2.is_above
    assert (on_n10.mean, on_n10.is_above) == (1, False)
    assert (memory.unit, memory.nodes[0].share) == (Unit.BYTES_IEC, 0.5)
    assert memory.nodes[1].mean == 0  # the exporter is up, and nothing runs


def test_one_question_for_each_measure_however_many_nodes(
    ada: User, now: None, measured_app: Flask, meter: PrometheusDouble
) -> None:
    factories.make_resource("cpu", measure=Measure.CPU)
    few = held(ada, [factories.make_node()], cpu=1)
    many = held(ada, [factories.make_node() for _ in range(30)], cpu=1)
    with counted(measured_app) as for_few:
        use.of_reservation(actor_of(ada), few)
    with counted(measured_app) as for_many:
        assert len(use.of_reservation(actor_of(ada), many).resources[0].nodes) == 30
    assert len(meter.asked) == 2
    assert len(for_many) == len(for_few)


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(0), MINUTE),
        (300 * MINUTE, MINUTE),
        (301 * MINUTE, 2 * MINUTE),
        (24 * HOUR, 5 * MINUTE),
        (14 * 24 * HOUR, 2 * HOUR),
        (300 * 24 * HOUR, 24 * HOUR),
        (301 * 24 * HOUR, 48 * HOUR),
    ],
)
def test_there_are_at_most_three_hundred_points(length: timedelta, step: timedelta) -> None:
    assert use.step_of(length) == step
    assert length / step <= use.MOST_POINTS


def test_long_steps_are_averages(ada: User, nodes: list[Node], meter: PrometheusDouble) -> None:
    use.of_reservation(actor_of(ada), held(ada, nodes[:1], hours=900, ago=300, cpu=1))
    (query,) = meter.queries
    assert query.startswith("avg_over_time((")
    assert query.endswith("[3600s:300s])")


def test_after_its_end_it_goes_to_the_end(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    found = use.of_reservation(actor_of(ada), held(ada, nodes[:1], hours=2, ago=50, cpu=1))
    assert found.end == NOON - 48 * HOUR
    assert found.times[-1] == found.end


def test_a_query_of_its_own_is_asked_for_all_nodes_at_once(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=LICENCES)
    meter.uses(Measure.CUSTOM, "n2", "ada", 3)
    (seats,) = use.of_reservation(actor_of(ada), held(ada, nodes, seat=2)).resources
    assert len(meter.asked) == 1
    assert [(node.node, node.mean) for node in seats.nodes] == [("n2", 3), ("n10", None)]


def test_a_query_that_is_not_taken_spoils_nothing_else(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    broken = LICENCES + " * many_to_many"
    factories.make_resource("seat", measure=Measure.CUSTOM, usage_query=broken)
    meter.uses(Measure.CPU, "n2", "ada", 3)
    cpu, seats = use.of_reservation(actor_of(ada), held(ada, nodes, seat=2, cpu=2)).resources
    assert "duplicate series" in (seats.trouble or "")
    assert cpu.nodes[0].mean == 3


def test_nothing_is_asked_before_it_begins_or_where_it_was_cancelled(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    coming = held(ada, nodes, ago=-1)
    cancelled = factories.make_reservation(
        ada, NOON - HOUR, 3, allocations={nodes[0]: {"cpu": 1}}, cancelled_at=NOON - 2 * HOUR
    ).id
    for number in (coming, cancelled):
        found = use.of_reservation(actor_of(ada), number)
        assert (found.resources, found.times) == ((), ())
    assert not meter.asked


def test_in_its_first_minute_there_is_nothing_to_ask(
    ada: User, nodes: list[Node], meter: PrometheusDouble, now: time_machine.Traveller
) -> None:
    number = held(ada, nodes, ago=0)
    now.shift(timedelta(seconds=50))
    found = use.of_reservation(actor_of(ada), number)
    assert not found.times
    assert found.end == found.start
    assert found.is_empty
    assert not meter.asked


def test_what_nobody_measured_is_empty(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    found = use.of_reservation(actor_of(ada), held(ada, nodes))
    assert found.is_empty
    assert found.resources[0].nodes[0].share is None


def test_who_may_not_know_what_it_is_for_does_not_see_what_is_used(
    ada: User, nodes: list[Node], meter: PrometheusDouble
) -> None:
    closed = factories.make_group("Closed", users_share_statistics=False)
    eve = factories.make_user("eve", group=closed)
    number = held(eve, nodes)
    with pytest.raises(Forbidden, match="does not share"):
        use.of_reservation(actor_of(ada), number)
    assert not meter.asked
    assert use.of_reservation(actor_of(eve), number).resources
    assert use.of_reservation(actor_of(ada, admin=True), number).resources


def test_prometheus_away(ada: User, nodes: list[Node], meter: PrometheusDouble) -> None:
    meter.mood = Mood.STARTING
    with pytest.raises(MeasurementsAway, match="503"):
        use.of_reservation(actor_of(ada), held(ada, nodes))
    assert len(meter.asked) == 1  # the second measure is not asked for


def test_many_who_look_ask_once(
    ada: User, nodes: list[Node], meter: PrometheusDouble, now: time_machine.Traveller
) -> None:
    number = held(ada, nodes, cpu=1)
    for _ in range(5):
        use.of_reservation(actor_of(ada), number)
        now.shift(timedelta(seconds=2))
    assert len(meter.asked) == 1


def test_without_prometheus_there_is_nothing(app: Flask) -> None:
    with app.app_context():
        ada = factories.make_user("ada")
        with pytest.raises(NotFound, match="PROMETHEUS_URL"):
            use.of_reservation(actor_of(ada), 1)


def test_it_is_shown_where_there_is_something_to_tell(ada: User, nodes: list[Node]) -> None:
    actor, cpu = actor_of(ada), {nodes[0]: {"cpu": 1}}
    running = factories.make_reservation(ada, NOON - HOUR, allocations=cpu)
    coming = factories.make_reservation(ada, NOON + HOUR, allocations=cpu)
    bare = factories.make_reservation(ada, NOON - HOUR, allocations={nodes[0]: {"licence": 1}})
    assert use.is_shown(actor, running)
    assert not use.is_shown(actor, coming)
    assert not use.is_shown(actor, bare)

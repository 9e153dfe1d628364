"""Reserved against used, asked of a real Prometheus that holds the measurements of three hours."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask

from remas import clock
from remas.clients.prometheus import Prometheus, PrometheusError
from remas.errors import Invalid
from remas.grafana import promql, usage
from remas.models import Measure, User
from remas.services import exceeding, measuring, resources, use
from remas.services.actor import SYSTEM
from remas.services.resources import ResourceNew
from tests.support import factories
from tests.support.factories import actor_of
from tests.support.prometheus_server import program, prometheus

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
GIB = 2**30
SCRAPE = timedelta(seconds=30)
KINDS = (Measure.CPU, Measure.MEMORY, Measure.GPU, Measure.GPU_MEMORY)
# On n1: 3 cores, 6 GiB and two GPUs, for the last hour; on n2 by uid: 1.5 cores. On n3 nobody runs
# anything, and n4's exporters are down.
CORES = {("n1", "ada"): 3.0, ("n2", "1007"): 1.5, ("n1", "adam"): 8.0, ("n4", "ada"): 2.0}


@pytest.fixture(scope="module")
def end() -> datetime:
    """The last measurement, in this minute."""
    return clock.now().replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, end: datetime) -> Iterator[str]:
    """A Prometheus that scrapes nothing and has the measurements."""
    folder = tmp_path_factory.mktemp("prometheus")
    text, data = folder / "measured.txt", folder / "data"
    text.write_text("\n".join(_openmetrics(end)) + "\n# EOF\n")
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, data]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    configuration = folder / "prometheus.yml"
    configuration.write_text("global:\n  scrape_interval: 30s\n")
    with prometheus(configuration, data) as server:
        yield server.url


def _openmetrics(end: datetime) -> Iterator[str]:
    times = [end - number * SCRAPE for number in range(360, -1, -1)]
    series: dict[str, dict[str, Callable[[datetime], float]]] = {}

    def add(metric: str, labels: str, value: Callable[[datetime], float]) -> None:
        series.setdefault(metric, {})[labels] = value

    busy = end - HOUR
    for node in ("n1", "n2", "n3", "n4"):
        up = 0.0 if node == "n4" else 1.0
        add("up", f'node="{node}",job="process_exporter"', lambda _at, up=up: up)
        read = f'node="{node}",job="node_exporter"'
        add("remas_gpu_read_timestamp_seconds", read, lambda at: at.timestamp() - 20)
    for (node, who), cores in CORES.items():
        used = f'node="{node}",job="process_exporter",groupname="{who}"'
        seconds = lambda at, cores=cores: max(0.0, (at - busy).total_seconds()) * cores  # noqa: E731
        for mode, part in (("user", 0.75), ("system", 0.25)):
            counter = lambda at, seconds=seconds, part=part: seconds(at) * part  # noqa: E731
            add("namedprocess_namegroup_cpu_seconds_total", f'{used},mode="{mode}"', counter)
    for kind, gib in (("proportionalResident", 5), ("proportionalSwapped", 1), ("resident", 90)):
        labels = f'node="n1",job="process_exporter",groupname="ada",memtype="{kind}"'
        held = lambda at, gib=gib: gib * GIB if at >= busy else 0.0  # noqa: E731
        add("namedprocess_namegroup_memory_bytes", labels, held)
    for gpu in ("0", "1"):
        labels = f'node="n1",job="node_exporter",username="ada",gpu="{gpu}"'
        add("remas_gpu_processes", labels, lambda at: 2.0 if at >= busy else 0.0)
        add("remas_gpu_memory_bytes", labels, lambda _at: float(GIB))
    for metric, rows in series.items():
        counts = metric.endswith("_total")
        yield f"# TYPE {metric.removesuffix('_total')} {'counter' if counts else 'gauge'}"
        for labels, value in rows.items():
            for at in times:
                yield f"{metric}{{{labels}}} {value(at)} {at.timestamp():.3f}"


@pytest.fixture
def measured(
    make_app: Callable[..., Flask], url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    """Ada, and a cluster with a resource of each measure; the app's context is pushed."""
    monkeypatch.setattr(measuring, "PATIENCE", 20)  # the machine may be busy with other tests
    measuring.memory.forget_all()
    with make_app(PROMETHEUS_URL=url).app_context():
        for kind in KINDS:
            factories.make_resource(kind.value, measure=kind)
        yield factories.make_user("ada", uid=1007)
    measuring.memory.forget_all()


def test_what_the_owner_used(measured: User, end: datetime) -> None:
    amounts = {"cpu": 4, "memory": 8 * GIB, "gpu": 2, "gpu_memory": 4 * GIB}
    nodes = [factories.make_node(name, amounts) for name in ("n1", "n2", "n3", "n4")]
    held = {node: dict(amounts) for node in nodes}
    start = end - 2 * HOUR
    number = factories.make_reservation(measured, start, 8, allocations=held).id
    found = use.of_reservation(actor_of(measured), number)
    told = {
        (one.resource, node.node): (node.peak, node.mean)
        for one in found.resources
        for node in one.nodes
    }
    assert not any(one.trouble for one in found.resources)
    peak, mean = told["cpu", "n1"]
    assert peak == pytest.approx(3, rel=0.01)
    assert mean == pytest.approx(1.5, rel=0.05)  # idle for half of the time
    assert told["cpu", "n2"][0] == pytest.approx(1.5, rel=0.01)
    assert told["cpu", "n3"] == (0, 0)
    assert told["cpu", "n4"] == (None, None)
    assert told["memory", "n1"][0] == 6 * GIB
    assert told["memory", "n2"] == (0, 0)
    assert told["gpu", "n1"][0] == 2
    assert told["gpu", "n3"] == (0, 0)
    assert told["gpu_memory", "n1"] == (2 * GIB, 2 * GIB)


def test_who_is_above(measured: User, end: datetime) -> None:
    n1 = factories.make_node("n1", {"cpu": 100, "memory": 64 * GIB, "gpu": 4, "gpu_memory": 2**40})
    factories.make_node("n2", {"cpu": 100})
    factories.make_node("n4", {"cpu": 100})
    held = {n1: {"cpu": 2, "memory": 2 * GIB, "gpu": 2}}
    factories.make_reservation(measured, end - HOUR, 8, allocations=held)
    with time_machine.travel(end, tick=False):  # later in the minute the rate would be lower
        found = exceeding.now(SYSTEM).rows
    rows = {(row.node, row.resource): row for row in found}
    assert rows.keys() == {("n1", "memory"), ("n2", "cpu")}  # adam is none of ours
    assert rows["n1", "memory"].used == pytest.approx(6 * GIB)
    assert rows["n2", "cpu"].used == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize("measure", KINDS)
def test_pages_and_alerts_see_the_same(url: str, end: datetime, measure: Measure) -> None:
    values = {"node_name": "n1", "user_username": "ada", "user_uid": "1007"}
    with Prometheus(url, 20) as asked:
        (alone,) = asked.query(promql.fill(usage.alone(measure), dict(values)), end)
        of_person = asked.query(usage.of_person(measure, ["n1", "n9"], "ada", 1007), end)
        everybody = asked.query(usage.of_everybody(measure), end)
    assert [series.labels for series in of_person] == [{"node": "n1"}]
    assert of_person[0].values == alone.values
    who = {"node": "n1", usage.person_label(measure): "ada"}
    (ours,) = (series for series in everybody if series.labels == who)
    assert ours.values[0][1] == pytest.approx(alone.values[0][1])


def test_long_steps_are_averages(url: str, end: datetime) -> None:
    asked = usage.averaged(usage.of_person(Measure.CPU, ["n1"], "ada", 1007), 30 * MINUTE)
    with Prometheus(url, 20) as server:
        (series,) = server.query_range(asked, end - 90 * MINUTE, end, 30 * MINUTE)
    values = [value for _, value in series.values]
    assert values[:2] == [0, 0]
    assert values[-1] == pytest.approx(3, rel=0.01)


def test_a_query_of_its_own(measured: User, end: datetime) -> None:
    query = 'remas_gpu_processes{node="${node_name}",username=~"${user_username}"}  # of any GPU'
    wish = ResourceNew("slot", measure=Measure.CUSTOM, usage_query=query)
    resources.create(SYSTEM, wish)
    nodes = [factories.make_node(name, {"slot": 8}) for name in ("n1", "n2")]
    held = {node: {"slot": 1} for node in nodes}
    number = factories.make_reservation(measured, end - HOUR / 2, 8, allocations=held).id
    (slots,) = use.of_reservation(actor_of(measured), number).resources
    assert [(node.node, node.mean) for node in slots.nodes] == [("n1", 4), ("n2", None)]
    (row,) = exceeding.now(SYSTEM).rows
    assert (row.node, row.held, row.used) == ("n1", 1, 4)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ('sum(x{node="${node_name}",user="${user_uid}"}', "parse error"),
        ('x{node="${node_name}",user="${user_uid}"} y', "parse error"),
        ('scalar(x{node="${node_name}",user="${user_uid}"})', "expected type instant vector"),
    ],
)
def test_what_prometheus_does_not_take_is_told(measured: User, query: str, text: str) -> None:
    wish = ResourceNew("slot", measure=Measure.CUSTOM, usage_query=query)
    with pytest.raises(Invalid, match=text) as refused:
        resources.create(SYSTEM, wish)
    assert refused.value.errors.keys() == {"usage_query"}


def test_errors_of_a_real_one(url: str, end: datetime) -> None:
    with Prometheus(url, 20) as server:
        with pytest.raises(PrometheusError, match="exceeded maximum resolution") as refused:
            server.query_range("up", end - 24 * HOUR, end, timedelta(seconds=1))
        assert refused.value.is_refusal
        with pytest.raises(PrometheusError, match="gives a scalar"):
            server.query("1", end)

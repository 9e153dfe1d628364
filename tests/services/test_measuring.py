"""Asking Prometheus: what it says, what it cannot, and that nobody waits for it."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask

from remas import clock
from remas.clients import prometheus as client
from remas.clients.prometheus import Prometheus, PrometheusError, Trouble
from remas.errors import MeasurementsAway, NotFound
from remas.models import Measure
from remas.services import measuring
from tests.support.prometheus_double import Mood, PrometheusDouble

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CPU = (
    'sum by (node) (rate(namedprocess_namegroup_cpu_seconds_total{node="n1",groupname="ada"}[5m]))'
)


def at(meter: PrometheusDouble, query: str = CPU, within: float = 5) -> float:
    """What the client says of a query at noon."""
    with Prometheus(meter.url, within) as prometheus:
        (series,) = prometheus.query(query, NOON)
        ((moment, value),) = series.values
    assert moment == NOON
    return value


def failure(meter: PrometheusDouble, within: float = 5) -> PrometheusError:
    with pytest.raises(PrometheusError) as caught:
        at(meter, within=within)
    assert meter.url.rpartition(":")[2] not in str(caught.value)  # nobody is told the address
    return caught.value


def test_it_asks_at_a_moment_and_over_a_time(meter: PrometheusDouble) -> None:
    meter.uses(Measure.CPU, "n1", "ada", lambda seconds: seconds - NOON.timestamp())
    assert at(meter) == 0
    with Prometheus(meter.url, 5) as prometheus:
        (series,) = prometheus.query_range(CPU, NOON, NOON + HOUR, 30 * MINUTE)
    half = NOON + 30 * MINUTE
    assert series.values == ((NOON, 0), (half, 1800), (NOON + HOUR, 3600))  # the end is included
    assert series.labels == {"node": "n1"}


def test_what_is_no_number_is_left_out(meter: PrometheusDouble) -> None:
    odd = {0: float("nan"), 60: float("inf"), 120: 3.0}
    meter.uses(Measure.CPU, "n1", "ada", lambda seconds: odd[int(seconds - NOON.timestamp())])
    with Prometheus(meter.url, 5) as prometheus:
        (series,) = prometheus.query_range(CPU, NOON, NOON + 2 * MINUTE, MINUTE)
    assert [value for _, value in series.values] == [3.0]


def test_a_query_longer_than_an_address_may_be_is_a_form(meter: PrometheusDouble) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    assert at(meter, f"{CPU} or {CPU.replace('ada', 'x' * 100_000)}") == 2
    ((path, form, _),) = meter.asked
    assert path == "/api/v1/query"  # nothing of it in the address
    assert form["timeout"].endswith("ms")  # so that it need not go on for nobody


def test_name_and_password_are_sent_and_not_told(meter: PrometheusDouble) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    url = meter.url.replace("//", "//remas:s%40crets@")
    with Prometheus(url, 5) as prometheus:
        prometheus.query(CPU, NOON)
        assert meter.asked[0][2] == "Basic cmVtYXM6c0BjcmV0cw=="
        meter.mood = Mood.LOCKED
        with pytest.raises(PrometheusError, match="another name or password") as caught:
            prometheus.query(CPU, NOON)
    assert "crets" not in repr(caught.value)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("sum(", "unclosed left parenthesis"),  # 400
        ("a * many_to_many", "found duplicate series"),  # 422
        ("1", "gives a scalar"),
    ],
)
def test_what_is_wrong_with_a_query_is_told(meter: PrometheusDouble, query: str, text: str) -> None:
    with pytest.raises(PrometheusError, match=text) as caught:
        at(meter, query)
    assert caught.value.is_refusal


@pytest.mark.parametrize(
    ("mood", "text"),
    [
        (Mood.STARTING, "It says only 503."),
        (Mood.TIMES_OUT, "It says only 503: query timed out"),
        (Mood.CUT_OFF, "cut off"),
        (Mood.HUGE, "too large"),
        (Mood.MOVED, "It says only 302."),
        (Mood.STRANGER, "is this Prometheus's address?"),
    ],
)
def test_what_is_wrong_with_prometheus_is_told(
    meter: PrometheusDouble, mood: Mood, text: str
) -> None:
    meter.mood = mood
    error = failure(meter)
    assert text in str(error)
    assert not error.is_refusal


@pytest.mark.parametrize("mood", [Mood.HANGS, Mood.DRIPS])
def test_nobody_waits_for_an_answer_that_does_not_come(meter: PrometheusDouble, mood: Mood) -> None:
    meter.mood = mood
    assert str(failure(meter, within=0.2)) == "No answer within 0.2 seconds."


def test_nobody_there() -> None:
    unreached = pytest.raises(PrometheusError, match="cannot be reached")
    with Prometheus("http://127.0.0.1:1", 5) as prometheus, unreached:
        prometheus.query(CPU, NOON)


def test_questions_of_a_page_share_their_time(
    meter: PrometheusDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("remas.clients.prometheus.time", clock)
    waits: list[tuple[float, float]] = []
    with Prometheus(meter.url, 0.9) as prometheus:
        send = prometheus._session.request

        def note(*args: object, **kwargs: object) -> object:
            waits.append(kwargs["timeout"])  # type: ignore[arg-type]
            return send(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(prometheus._session, "request", note)
        now[0] = 100.2
        prometheus.query(CPU, NOON)
        now[0] = 101
        with pytest.raises(PrometheusError, match="No answer within"):
            prometheus.query(CPU, NOON)
    ((connect, read),) = waits  # the second was not even begun
    assert (connect, round(read, 3)) == (0.25, 0.7)


class Ticks:
    """The clock that nobody sets back, stopped: it is moved with `later`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    ticks = Ticks()
    monkeypatch.setattr(measuring, "time", ticks)
    return ticks


@pytest.fixture
def measured(measured_app: Flask) -> Iterator[None]:
    with measured_app.app_context():
        yield


def ask(*queries: str) -> None:
    with measuring.asking() as asking:
        for query in queries:
            asking.now(query)


def away(*queries: str, match: str = "No answer") -> None:
    with pytest.raises(MeasurementsAway, match=match):
        ask(*queries)


@pytest.mark.usefixtures("measured")
def test_the_same_is_not_asked_twice(meter: PrometheusDouble, ticks: Ticks) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    for _ in range(3):
        ask(CPU)
    assert len(meter.asked) == 1
    ticks.later(measuring.KEPT)
    ask(CPU)
    assert len(meter.asked) == 2


@pytest.mark.usefixtures("measured")
def test_it_is_told_of_when_an_answer_is(meter: PrometheusDouble, ticks: Ticks) -> None:
    with measuring.asking() as first:
        first.now(CPU)
    with measuring.asking() as second:
        second.now(CPU + " * 2")
        assert second.as_of > first.as_of
        second.now(CPU)
        assert second.as_of == first.as_of <= clock.now()


@pytest.mark.usefixtures("measured")
def test_who_does_not_answer_is_left_alone_for_a_moment(
    meter: PrometheusDouble, ticks: Ticks
) -> None:
    meter.mood = Mood.STARTING
    for _ in range(3):
        away(CPU, match="503")
    assert len(meter.asked) == 1
    for number in range(3):  # before another question something cheap, which fails as well
        away(f"{CPU} * {number}", match="503")
    assert meter.queries == [CPU, measuring.CHEAP]
    meter.mood = Mood.WELL
    ticks.later(measuring.SILENT)
    ask(CPU, f"{CPU} * 2")
    assert meter.queries == [CPU, measuring.CHEAP, measuring.CHEAP, CPU, f"{CPU} * 2"]


@pytest.mark.usefixtures("measured")
def test_one_slow_question_keeps_nobody_elses_answer_away(
    meter: PrometheusDouble, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "PATIENCE", 0.3)
    meter.mood = Mood.HANGS
    away("huge")
    monkeypatch.setattr(measuring, "PATIENCE", 5)
    meter.mood = Mood.WELL
    ask(CPU)
    away("huge")  # left alone for a moment, but it alone
    assert meter.queries == ["huge", measuring.CHEAP, CPU]
    ticks.later(measuring.SILENT)
    ask("huge")


@pytest.mark.usefixtures("measured")
def test_what_was_not_sent_is_not_held_against_anybody(
    meter: PrometheusDouble, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six questions of 0.2 seconds each: four now, the rest at the next try."""
    clock_of_client = Ticks()
    monkeypatch.setattr(client, "time", clock_of_client)
    answered = Prometheus._answer

    def slow(self: Prometheus, *args: object) -> object:
        answer = answered(self, *args)  # type: ignore[arg-type]
        clock_of_client.later(0.24)
        return answer

    monkeypatch.setattr(Prometheus, "_answer", slow)
    queries = [f"{CPU} * {number}" for number in range(6)]
    away(*queries)
    assert meter.queries == queries[:4]
    ticks.later(measuring.KEPT - 1)  # however long somebody thought about it
    ask(*queries)
    assert meter.queries == queries


@pytest.mark.usefixtures("measured")
def test_who_is_not_reached_is_left_alone_whatever_the_question(
    monkeypatch: pytest.MonkeyPatch, ticks: Ticks
) -> None:
    tried: list[object] = []

    def refuse(*args: object, **_options: object) -> None:
        tried.append(args)
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    away(CPU, match="cannot be reached")
    away(CPU + " * 2", match="cannot be reached")
    assert len(tried) == 1


class Resolver:
    """Looks up no name, until it is let go."""

    def __init__(self) -> None:
        self.released, self.asked = threading.Event(), threading.Semaphore(0)

    def __call__(self, *_args: object, **_options: object) -> None:
        self.asked.release()
        self.released.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    before = threading.active_count()
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.released.set()
    for thread in threading.enumerate():
        if thread.name == "prometheus":
            thread.join(10)
    assert threading.active_count() <= before


def hung(within: float) -> PrometheusError:
    with Prometheus("http://prometheus.example.org", within) as prometheus:
        with pytest.raises(PrometheusError, match="No answer within") as caught:
            prometheus.query(CPU, NOON)
        return caught.value


def test_nobody_waits_for_a_name_that_is_not_found(resolver: Resolver) -> None:
    assert hung(0.2).trouble is Trouble.UNANSWERED
    assert resolver.asked.acquire(timeout=5)
    assert not resolver.released.is_set()
    assert all(one.daemon for one in threading.enumerate() if one.name == "prometheus")


def test_what_hangs_is_bounded(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_places", threading.BoundedSemaphore(2))
    troubles = [hung(0.1).trouble for _ in range(4)]
    assert troubles == [Trouble.UNANSWERED] * 2 + [Trouble.UNSENT] * 2
    assert sum(one.name == "prometheus" for one in threading.enumerate()) == 2


@pytest.mark.usefixtures("measured")
def test_a_name_that_is_not_found_is_not_looked_up_for_everybody(
    resolver: Resolver, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "PATIENCE", 0.1)
    for number in range(4):
        away(f"{CPU} * {number}")
    assert sum(one.name == "prometheus" for one in threading.enumerate()) == 2


ODD = [
    None,
    [],
    "text",
    {},
    {"resultType": "vector"},
    {"resultType": "vector", "result": None},
    {"resultType": "vector", "result": [None]},
    {"resultType": "vector", "result": [{"value": [1, "1"]}]},
    {"resultType": "vector", "result": [{"metric": None, "value": [1, "1"]}]},
    {"resultType": "vector", "result": [{"metric": {"node": 1}, "value": [1, "1"]}]},
    {"resultType": "vector", "result": [{"metric": {}}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": 1}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": [1]}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": [1, "one"]}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": [1e300, "1"]}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": ["1", "1"]}]},
    {"resultType": "vector", "result": [{"metric": {}, "value": [1, 10**400]}]},
    {"resultType": "matrix", "result": []},
]


@pytest.mark.parametrize("data", ODD)
def test_an_answer_of_another_shape_cannot_be_read(
    meter: PrometheusDouble, monkeypatch: pytest.MonkeyPatch, data: object
) -> None:
    monkeypatch.setattr("tests.support.prometheus_double._Handler._data", lambda *_: data)
    text = "gives a matrix" if data == ODD[-1] else "Its answer cannot be read."
    assert text in str(failure(meter))


def test_an_answer_that_tells_of_no_place_cannot_be_read() -> None:
    for labels in ({}, {"place": "one"}, {"place": "2"}):
        with pytest.raises(PrometheusError, match=r"Its answer cannot be read\."):
            measuring.place_of(client.Series(labels, ()), ["n1", "n2"])


def test_what_is_remembered_is_bounded(
    measured_app: Flask, meter: PrometheusDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "MOST_KEPT", 20)
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    with measured_app.app_context(), measuring.asking() as asking:
        for number in range(10):
            asking.now(f"{CPU} * {number}")
        assert len(measuring.memory.answers) == 3  # of six values and fields each
        assert measuring.memory.size == 18
        asking.now(f"{CPU} * 9")
    assert len(meter.asked) == 10  # the latest are still known
    monkeypatch.setattr(measuring, "MOST_UNANSWERED", 3)
    for number in range(5):
        measuring.memory.blame((meter.url, str(number)), "It was late.")
    assert [key[1] for key in measuring.memory.unanswered] == ["2", "3", "4"]


def test_without_an_address_nothing_is_measured(app: Flask) -> None:
    with app.app_context(), pytest.raises(NotFound, match="PROMETHEUS_URL"):
        measuring.require_on()

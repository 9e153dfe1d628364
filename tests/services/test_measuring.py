"""Asking Prometheus: what it says, what it cannot, and that nobody waits for it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from flask import Flask

from remas.clients.prometheus import Prometheus, PrometheusError
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


def test_the_same_is_not_asked_twice(measured_app: Flask, meter: PrometheusDouble) -> None:
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    with measured_app.app_context(), time_machine.travel(NOON, tick=False) as time:
        for _ in range(3):
            with measuring.asking() as asking:
                asking.at(CPU, NOON)
        assert len(meter.asked) == 1
        time.shift(measuring.KEPT)
        with measuring.asking() as asking:
            asking.at(CPU, NOON)
        assert len(meter.asked) == 2


def test_who_does_not_answer_is_left_alone_for_a_moment(
    measured_app: Flask, meter: PrometheusDouble
) -> None:
    meter.mood = Mood.STARTING
    with measured_app.app_context(), time_machine.travel(NOON, tick=False) as time:
        for _ in range(3):
            with measuring.asking() as asking, pytest.raises(MeasurementsAway, match="503"):
                asking.at(CPU, NOON)
        assert len(meter.asked) == 1
        meter.mood = Mood.WELL
        time.shift(measuring.SILENT)
        with measuring.asking() as asking:
            assert asking.at(CPU, NOON) == ()
        assert len(meter.asked) == 2


def test_what_is_remembered_is_bounded(
    measured_app: Flask, meter: PrometheusDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "MOST_KEPT", 20)
    meter.uses(Measure.CPU, "n1", "ada", 2.0)
    with measured_app.app_context(), measuring.asking() as asking:
        for number in range(10):
            asking.at(CPU, NOON + number * MINUTE)
        assert len(measuring.memory.answers) == 3  # of six values and fields each
        assert measuring.memory.size == 18
        asking.at(CPU, NOON + 9 * MINUTE)
    assert len(meter.asked) == 10  # the latest are still known


def test_without_an_address_nothing_is_measured(app: Flask) -> None:
    with app.app_context(), pytest.raises(NotFound, match="PROMETHEUS_URL"):
        measuring.require_on()

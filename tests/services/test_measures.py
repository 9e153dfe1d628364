"""What measures a resource."""

from collections.abc import Iterator

import pytest
from flask import Flask

from remas.errors import Invalid
from remas.models import Measure
from remas.services import measures, resources
from remas.services.actor import SYSTEM
from remas.services.resources import ResourceChange, ResourceNew
from tests.support.prometheus_double import Mood, PrometheusDouble

QUERY = 'sum(seats{node="${node_name}",user="${user_username}"})'


@pytest.fixture(autouse=True)
def _context(measured_app: Flask) -> Iterator[None]:
    with measured_app.app_context():
        yield


def refusal(query: str | None, measure: Measure | None = Measure.CUSTOM) -> str:
    with pytest.raises(Invalid) as caught:
        resources.create(SYSTEM, ResourceNew("seat", measure=measure, usage_query=query))
    ((path, (text,)),) = caught.value.errors.items()
    assert path == "usage_query"
    return text


def test_one_of_the_known_measures_needs_nothing_more(meter: PrometheusDouble) -> None:
    made = resources.create(SYSTEM, ResourceNew("cpu", measure=Measure.CPU))
    assert resources.facts(made)["measure"] == "cpu"
    assert not meter.asked


def test_a_query_of_its_own_is_tried(meter: PrometheusDouble) -> None:
    made = resources.create(
        SYSTEM, ResourceNew("seat", measure=Measure.CUSTOM, usage_query=f" {QUERY}\n")
    )
    assert made.usage_query == QUERY
    (asked,) = meter.queries
    assert 'seats{node="n3",user="ada"}' in asked


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (None, "Write the query"),
        (" ", "Write the query"),
        ('x{node="${node_name', "has no }"),
        ('x{node="${node}",user="${user_username}"}', "${node} stands for nothing"),
        ('x{user="${user_username}"}', "${node_name} is missing"),
        ('x{node="${node_name}"}', "Say of whom: ${user_username} or ${user_uid}"),
        ('x{node="${node_name}"} > ${user_uid}', "within quotes"),
        (QUERY + "#" * 20_000, "at most 20000"),
        (QUERY + ")", "Prometheus does not take it:"),
    ],
)
def test_what_cannot_be_meant_is_refused(query: str | None, text: str) -> None:
    assert text in refusal(query)


@pytest.mark.parametrize("measure", [None, Measure.GPU])
def test_only_a_measure_of_ones_own_has_a_query(measure: Measure | None) -> None:
    assert "Only what is measured by a query of its own" in refusal(QUERY, measure)


@pytest.mark.parametrize("mood", [Mood.STARTING, Mood.HANGS])
def test_it_is_stored_where_prometheus_does_not_answer(
    meter: PrometheusDouble, mood: Mood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remas.services.measuring.PATIENCE", 0.1)
    meter.mood = mood
    wish = ResourceNew("seat", measure=Measure.CUSTOM, usage_query=QUERY)
    assert resources.create(SYSTEM, wish).usage_query == QUERY
    assert (measures.trouble(QUERY) or "").startswith("Prometheus does not answer: ")
    assert len(meter.asked) == 1


def test_without_prometheus_it_is_stored_untried(app: Flask) -> None:
    with app.app_context():
        wish = ResourceNew("seat", measure=Measure.CUSTOM, usage_query=QUERY)
        assert resources.create(SYSTEM, wish).usage_query == QUERY
        assert "PROMETHEUS_URL" in (measures.trouble(QUERY) or "")


def test_it_is_changed_part_by_part() -> None:
    def changed(**wish: object) -> tuple[object, object]:
        row = resources.change(SYSTEM, "seat", ResourceChange(**wish))  # type: ignore[arg-type]
        return row.measure, row.usage_query

    resources.create(SYSTEM, ResourceNew("seat"))
    with pytest.raises(Invalid, match="Write the query"):
        changed(measure=Measure.CUSTOM)
    with pytest.raises(Invalid, match="Only what is measured"):
        changed(usage_query=QUERY)
    assert changed(measure=Measure.CUSTOM, usage_query=QUERY) == (Measure.CUSTOM, QUERY)
    other = QUERY.replace("seats", "chairs")
    assert changed(usage_query=other) == (Measure.CUSTOM, other)
    with pytest.raises(Invalid, match="Write the query"):
        changed(usage_query="")
    with pytest.raises(Invalid, match="does not take it"):
        changed(usage_query=QUERY + ")")
    assert changed(description="Chairs") == (Measure.CUSTOM, other)
    assert changed(measure=Measure.GPU) == (Measure.GPU, None)
    assert changed(measure="") == (None, None)

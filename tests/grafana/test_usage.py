"""What is asked of Prometheus to know what somebody uses."""

import json
from datetime import timedelta

import pytest

from remas import paths
from remas.grafana import usage
from remas.letters import alert
from remas.models import Measure

TEMPLATES = {
    Measure.CPU: "cpu",
    Measure.MEMORY: "memory",
    Measure.GPU: "gpu",
    Measure.GPU_MEMORY: "gpu-memory",
}


@pytest.mark.parametrize("measure", TEMPLATES)
def test_alerts_ask_the_same(measure: Measure) -> None:
    rule = alert.parse((paths.GRAFANA_TEMPLATES / f"{TEMPLATES[measure]}.json").read_text())
    assert rule["data"][0]["model"]["expr"] == usage.alone(measure)


def test_every_measure_is_asked_for_somehow() -> None:
    assert TEMPLATES.keys() | {Measure.CUSTOM} == set(Measure)


@pytest.mark.parametrize("measure", TEMPLATES)
def test_signs_in_names_stay_signs(measure: Measure) -> None:
    asked = usage.of_person(measure, ["n.1", 'n"2'], "a|b", 7)
    assert 'node=~"n\\\\.1|n\\"2"' in asked
    assert '=~"a\\\\|b|7"' in asked
    assert "${" not in asked


def test_places_of_a_query_of_its_own_are_numbered() -> None:
    query = 'x{node="${node_name}",user="${user_username}",uid="${user_uid}"} # seats'
    asked = usage.of_places(query, [("n1", 'a"da', 7), ("n$1", "eve", 8)])
    first, second = asked.split(" or ")
    assert 'x{node="n1",user="a\\"da",uid="7"} # seats\n)' in first
    assert first.endswith('"place", "0", "", "")')
    assert 'x{node="n$1",user="eve",uid="8"}' in second


def test_averages_are_made_where_steps_are_longer_than_rates() -> None:
    assert usage.averaged("x", timedelta(minutes=5)) == "x"
    assert usage.averaged("x", timedelta(minutes=10)) == "avg_over_time((x)[600s:300s])"
    assert usage.averaged("x", timedelta(days=1)) == "avg_over_time((x)[86400s:3600s])"


def test_nobody_names_an_exporter_that_alerts_do_not_name() -> None:
    text = json.dumps([usage.of_everybody(measure) for measure in TEMPLATES])
    for measure in TEMPLATES:
        assert usage.person_label(measure) in text

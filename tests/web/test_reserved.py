"""What Prometheus is told about reservations, and who is told."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from remas.models import Measure, NodeState
from tests.support import factories
from tests.support.noon import NOW
from tests.support.queries import counted

TOKEN = "a token for tests, long enough"
MEBIBYTE = 2**20
ORDER = ("username", "uid", "node", "resource", "measure")
Series = dict[str, dict[tuple[str, ...], float]]

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def with_token(make_app: Callable[..., Flask]) -> Flask:
    """REMAS with the setting."""
    return make_app(REMAS_METRICS_TOKEN=TOKEN)


def series(app: Flask) -> Series:
    """What is told, by metric and by the values of the labels, in the order of `ORDER`."""
    answer = app.test_client().get(
        "/prometheus/reserved", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"
    return {
        family.name: {
            tuple(one.labels[name] for name in ORDER if name in one.labels): one.value
            for one in family.samples
        }
        for family in text_string_to_metric_families(answer.text)
    }


def test_what_is_held_now_is_told_in_base_units(with_token: Flask) -> None:
    with with_token.app_context():
        ada = factories.make_user("ada", uid=1007)
        factories.make_resource("memory", measure=Measure.MEMORY)
        node = factories.make_node("n1", {"cpu": 8, "memory": 64 * MEBIBYTE})
        amounts = {node: {"cpu": 2, "memory": 5 * MEBIBYTE}}
        factories.make_reservation(ada, NOW, allocations=amounts)
        factories.make_reservation(
            ada, NOW - timedelta(hours=1), allocations={node: {"cpu": 1}}, ends=NOW + timedelta(1)
        )
    told = series(with_token)
    assert told["remas_reserved"] == {
        ("ada", "n1", "cpu", ""): 3,
        ("ada", "n1", "memory", "memory"): 5 * MEBIBYTE,
    }
    assert told["remas_capacity"] == {
        ("n1", "cpu", ""): 8,
        ("n1", "memory", "memory"): 64 * MEBIBYTE,
    }
    assert told["remas_user_info"] == {("ada", "1007"): 1}


def test_only_what_runs_at_this_moment_counts(with_token: Flask) -> None:
    with with_token.app_context():
        ada, node = factories.make_user("ada"), factories.make_node("n1", {"cpu": 8})
        about = {"allocations": {node: {"cpu": 1}}}
        factories.make_reservation(ada, NOW - timedelta(hours=2), ends=NOW, **about)  # just over
        factories.make_reservation(ada, NOW + timedelta(minutes=1), **about)
        factories.make_reservation(ada, NOW, cancelled_at=NOW, **about)
    told = series(with_token)
    assert told["remas_reserved"] == {}
    assert ("n1", "cpu", "") in told["remas_capacity"]


def test_retired_nodes_are_left_out_and_drained_ones_are_not(with_token: Flask) -> None:
    with with_token.app_context():
        ada = factories.make_user("ada")
        for name, state in (("old", NodeState.RETIRED), ("n2", NodeState.DRAINED)):
            node = factories.make_node(name, {"cpu": 8}, state=state)
            factories.make_reservation(ada, NOW, allocations={node: {"cpu": 4}})
    told = series(with_token)
    assert told["remas_reserved"] == {("ada", "n2", "cpu", ""): 4}
    assert told["remas_capacity"] == {("n2", "cpu", ""): 8}


def test_who_left_is_still_known_by_the_uid(with_token: Flask) -> None:
    with with_token.app_context():
        factories.make_user("gone", uid=1009, active=False)
    assert series(with_token)["remas_user_info"] == {("gone", "1009"): 1}


def test_names_with_any_sign_stay_one_label(with_token: Flask) -> None:
    name = 'a"b\\c{d}é'
    with with_token.app_context():
        ada, node = factories.make_user(name, email="a@example.org"), factories.make_node(name)
        factories.make_reservation(ada, NOW, allocations={node: {"cpu": 1}})
    assert series(with_token)["remas_reserved"] == {(name, name, "cpu", ""): 1}


def test_the_number_of_queries_does_not_grow(with_token: Flask) -> None:
    def fill(first: int, last: int) -> None:
        with with_token.app_context():
            for number in range(first, last):
                person = factories.make_user(f"user{number}")
                node = factories.make_node(f"n{number}", {"cpu": 8, "gpu": 2})
                factories.make_reservation(person, NOW, allocations={node: {"cpu": 1, "gpu": 1}})

    fill(0, 1)
    with counted(with_token) as few:
        series(with_token)
    fill(1, 8)
    with counted(with_token) as many:
        assert len(series(with_token)["remas_reserved"]) == 16
    for statements in (few, many):
        assert len([one for one in statements if one.startswith("SELECT")]) == 3


def test_without_the_setting_there_is_nothing(app: Flask) -> None:
    sent = {"Authorization": f"Bearer {TOKEN}"}
    answer = app.test_client().get("/prometheus/reserved", headers=sent)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json is not None
    assert answer.json["status"] == 404
    assert "REMAS_METRICS_TOKEN" in answer.json["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer éé"},
    ],
)
def test_without_the_token_nothing_is_told(with_token: Flask, sent: dict[str, str]) -> None:
    with with_token.app_context():
        factories.make_node("n1")
    answer = with_token.test_client().get("/prometheus/reserved", headers=sent)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json == {
        "type": "/problems/not-signed-in",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Send the value of REMAS_METRICS_TOKEN as a bearer token.",
    }
    assert "n1" not in answer.text

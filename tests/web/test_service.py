"""What monitoring asks."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
import time_machine
from flask import Flask
from rq import Queue
from sqlalchemy.exc import OperationalError

from remas.extensions import db
from remas.models import NodeState, OutboxKind
from remas.monitoring_settings import Exporter
from remas.services import heartbeats, nodes, outbox
from remas.services.actor import SYSTEM
from remas.services.nodes import NodeChange
from remas.services.transaction import writing
from tests.support.factories import make_node, make_user
from tests.support.noon import NOW
from tests.web.conftest import Visitor

NOWHERE = "redis://127.0.0.1:1/0"
UseRedis = Callable[[str], None]


@pytest.fixture
def use_redis(app: Flask, monkeypatch: pytest.MonkeyPatch) -> UseRedis:
    """Let the app believe that this is its Redis."""

    def use(url: str) -> None:
        monkeypatch.setitem(app.config, "REMAS", replace(app.config["REMAS"], redis_url=url))

    return use


def test_alive(visitor: Visitor) -> None:
    assert visitor.get("/healthz").json == {"status": "ok"}


def test_ready(visitor: Visitor) -> None:
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "database": "ok"})


def test_not_ready_without_the_database(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(db.session, "execute", gone)
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "not ready", "database": "no answer"},
    )


def test_not_ready_without_redis_where_it_is_used(visitor: Visitor, use_redis: UseRedis) -> None:
    use_redis(NOWHERE)
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "not ready", "database": "ok", "redis": "no answer"},
    )


def test_ready_with_redis(visitor: Visitor, use_redis: UseRedis, redis_url: str) -> None:
    use_redis(redis_url)
    assert visitor.get("/readyz").json == {"status": "ok", "database": "ok", "redis": "ok"}


def test_metrics_count_requests_by_endpoint_and_not_by_address(visitor: Visitor) -> None:
    visitor.get("/nowhere/at/all")
    visitor.client.open("/healthz", method="BREW")
    text = visitor.get("/metrics").text
    assert 'endpoint="none",method="GET",status="404"' in text
    assert "nowhere" not in text
    assert "BREW" not in text
    for name in ("remas_bookings", "remas_solver_answers", "remas_solver_answer_seconds"):
        assert name in text
    assert "remas_queue_jobs" not in text


@time_machine.travel(NOW, tick=False)
def test_metrics_tell_of_letters_and_of_the_ticker(visitor: Visitor, app: Flask) -> None:
    with app.app_context():
        person, late = make_user(), NOW - timedelta(minutes=5)
        with writing() as session:
            wish = {"key": "x", "recipient_id": person.id, "due_at": late}
            outbox.put(session, OutboxKind.ACCOUNT_MADE, **wish)
        heartbeats.beat(heartbeats.TICKER)
    text = visitor.get("/metrics").text
    assert 'remas_outbox_letters{state="waiting"} 1.0' in text
    assert 'remas_outbox_letters{state="dead"} 0.0' in text
    assert "remas_outbox_oldest_due_seconds 300.0" in text
    seen = re.search(r"^remas_ticker_last_seen_timestamp_seconds (\S+)$", text, re.MULTILINE)
    assert seen
    assert float(seen[1]) == NOW.timestamp()


def test_metrics_show_how_long_the_queues_are(
    visitor: Visitor, use_redis: UseRedis, redis_url: str
) -> None:
    use_redis(redis_url)
    connection = redis.Redis.from_url(redis_url)
    queue = Queue("metrics-test", connection=connection)
    queue.enqueue("builtins.len", [])
    text = visitor.get("/metrics").text
    queue.delete(delete_jobs=True)
    connection.close()
    assert 'remas_queue_jobs{queue="metrics-test",state="queued"} 1.0' in text
    assert "remas_redis_up 1.0" in text


def test_a_scrape_never_fails_for_want_of_redis(visitor: Visitor, use_redis: UseRedis) -> None:
    use_redis(NOWHERE)
    answer = visitor.get("/metrics")
    assert answer.status_code == 200
    assert "remas_redis_up 0.0" in answer.text


def test_targets_are_the_exporters_of_all_nodes_that_run(visitor: Visitor, app: Flask) -> None:
    with app.app_context():
        make_node("n1")
        make_node("n2", state=NodeState.DRAINED)
        make_node("n3", state=NodeState.RETIRED)
    assert visitor.get("/prometheus/targets").json == [
        {"targets": [f"{node}:{port}"], "labels": {"node": node, "job": job}}
        for node in ("n1", "n2")
        for job, port in (("node_exporter", 9100), ("process_exporter", 9256))
    ]


def targets(visitor: Visitor) -> list[tuple[str, dict[str, str]]]:
    """(address, labels) of all of them."""
    entries = visitor.get("/prometheus/targets").json or []
    assert all(len(entry["targets"]) == 1 for entry in entries)
    return [(entry["targets"][0], entry["labels"]) for entry in entries]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (None, "n1"),
        ("10.0.0.7", "10.0.0.7"),
        ("n1.example.org", "n1.example.org"),
        ("fd00::1", "[fd00::1]"),
    ],
)
def test_a_node_is_asked_at_its_address(
    visitor: Visitor, app: Flask, address: str | None, host: str
) -> None:
    with app.app_context():
        make_node("n1", address=address, exporters=[Exporter("up", 9100).as_json()])
    assert targets(visitor) == [(f"{host}:9100", {"node": "n1", "job": "up"})]


def test_a_name_that_is_an_address_is_written_as_one(visitor: Visitor, app: Flask) -> None:
    with app.app_context():
        make_node("fd00::1", exporters=[Exporter("up", 9100).as_json()])
    assert targets(visitor) == [("[fd00::1]:9100", {"node": "fd00::1", "job": "up"})]


def test_a_node_may_have_exporters_of_its_own_or_none(visitor: Visitor, app: Flask) -> None:
    own = [Exporter("dcgm", 9400, "/gpu").as_json(), Exporter("dcgm", 9401).as_json()]
    with app.app_context():
        make_node("n2", exporters=own)
        make_node("n3", exporters=[])
        make_node("n10")
    assert targets(visitor) == [
        ("n2:9400", {"node": "n2", "job": "dcgm", "__metrics_path__": "/gpu"}),
        ("n2:9401", {"node": "n2", "job": "dcgm"}),
        ("n10:9100", {"node": "n10", "job": "node_exporter"}),
        ("n10:9256", {"node": "n10", "job": "process_exporter"}),
    ]


def test_the_exporters_of_all_nodes_are_a_setting(make_app: Callable[..., Flask]) -> None:
    app = make_app(REMAS_EXPORTERS="node:9101/a process:9102")
    with app.app_context():
        make_node("n1")
    assert targets(Visitor(app.test_client())) == [
        ("n1:9101", {"node": "n1", "job": "node", "__metrics_path__": "/a"}),
        ("n1:9102", {"node": "n1", "job": "process"}),
    ]


def test_a_change_of_a_node_is_seen_at_once(visitor: Visitor, app: Flask) -> None:
    with app.app_context():
        make_node("n1", exporters=[Exporter("up", 1).as_json()])
    assert targets(visitor) == [("n1:1", {"node": "n1", "job": "up"})]
    with app.app_context():
        nodes.change(SYSTEM, "n1", NodeChange(name="n9"))
    assert targets(visitor) == [("n9:1", {"node": "n9", "job": "up"})]
    with app.app_context():
        nodes.change(SYSTEM, "n9", NodeChange(address="10.0.0.9", exporters=""))
    assert [address for address, _ in targets(visitor)] == ["10.0.0.9:9100", "10.0.0.9:9256"]
    with app.app_context():
        nodes.change(SYSTEM, "n9", NodeChange(state=NodeState.RETIRED))
    assert targets(visitor) == []

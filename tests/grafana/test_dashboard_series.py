"""The series that the dashboards name are those that the real exporters and REMAS tell."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import requests
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.grafana.test_dashboards import METRICS
from tests.support.factories import make_node, make_reservation, make_user, soon
from tests.support.processes import free_port, running, wait_until
from tests.support.prometheus_server import answers, process_exporter, program

SCRAPED = {"node", "job", "instance"}  # labels that Prometheus adds
MAY_BE_MISSING = ("node_disk_", "node_network_", "node_filesystem_")
"""A container has no disks, perhaps no network, and only file systems that are not shown."""


def told(text: str) -> dict[str, set[str]]:
    """The labels of each series of a page of metrics."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def named(*beginnings: str) -> Iterable[tuple[str, set[str]]]:
    """The series of the dashboards whose names begin so, with their own labels."""
    for name, labels in METRICS.items():
        if name.startswith(beginnings):
            yield name, labels - SCRAPED


def page(port: int) -> dict[str, set[str]]:
    return told(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)


def test_the_node_exporter_tells_them(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"]
    with running(command, log) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/"), process, log)
        found = page(port)
    for name, labels in named("node_"):
        if name in found or not name.startswith(MAY_BE_MISSING):
            assert labels <= found[name], name


def test_the_process_exporter_tells_them(tmp_path: Path) -> None:
    with process_exporter(tmp_path / "log") as port:
        found = page(port)
    for name, labels in named("namedprocess_"):
        assert labels <= found[name], name


@pytest.mark.usefixtures("database_url")
def test_remas_tells_them(make_app: Callable[..., Flask]) -> None:
    token = "a token of Prometheus"
    app = make_app(REMAS_METRICS_TOKEN=token)
    with app.app_context():
        node, person = make_node("n1"), make_user()
        make_reservation(person, soon(-1), allocations={node: {"cpu": 2}})
    header = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/prometheus/reserved", headers=header)
    assert answer.status_code == 200
    found = told(answer.text)
    for name in ("remas_reserved", "remas_capacity", "remas_user_info"):
        assert found[name] == METRICS[name]

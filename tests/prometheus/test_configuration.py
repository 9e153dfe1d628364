"""Prometheus' configuration and its rules, as promtool sees them."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from remas import clock, paths
from remas.models import GrafanaState
from remas.services import heartbeats
from remas.services.transaction import writing
from tests.support.prometheus_server import program

TESTS = Path(__file__).with_name("rules.test.yml")
DOCUMENT = Path(__file__).parents[2] / "docs" / "monitoring.md"
RULES = paths.PROMETHEUS / "rules" / "remas.yml"
OF_THE_GPU_SCRIPT = ("remas_gpu_up", "remas_gpu_read_timestamp_seconds")


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What it says about the files."""
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder as it lies in /etc/prometheus, with its token."""
    folder = tmp_path / "prometheus"
    shutil.copytree(paths.PROMETHEUS, folder)
    (folder / "metrics_token").write_text("t" * 16)
    return folder


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load(RULES.read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_the_configuration_is_right_wherever_the_folder_lies(installed: Path) -> None:
    done = promtool("check", "config", installed / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


def test_the_rules_are_right() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_just_above_their_bounds_and_not_below() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_oldest_due_seconds) > 900", "_oldest_due_seconds) > 899"),
        ("_last_seen_timestamp_seconds) > 600", "_last_seen_timestamp_seconds) > 599"),
        ("_grafana_failures) >= 3", "_grafana_failures) >= 2"),
        ("_behind_seconds) > 1800", "_behind_seconds) >= 1800"),
        ("for: 10m", "for: 11m"),
        ('(up{job="remas"}) == 0 or absent(up{job="remas"})', '(up{job="remas"}) == 0'),
        ("1 - max by (node, job)", "1 - min by (node, job)"),
    ],
)
def test_another_bound_would_be_noticed(tmp_path: Path, old: str, new: str) -> None:
    text = RULES.read_text()
    assert old in text
    (tmp_path / "remas.yml").write_text(text.replace(old, new))
    tests = TESTS.read_text().replace("../../prometheus/rules/", "")
    (tmp_path / "rules.test.yml").write_text(tests)
    assert promtool("test", "rules", tmp_path / "rules.test.yml").returncode != 0


def test_every_alert_is_tested_and_says_what_to_do(rules: list[dict[str, Any]]) -> None:
    tested = TESTS.read_text()
    for rule in rules:
        assert f"alertname: {rule['alert']}\n" in tested or f'"{rule["alert"]}"' in tested
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_document_names_every_alert_and_every_series(
    rules: list[dict[str, Any]],
) -> None:
    told = DOCUMENT.read_text()
    named = re.findall(r"^\| `([A-Z]\w+)` \|", told, re.MULTILINE)
    assert named == [rule["alert"] for rule in rules]
    for series in ("remas_reserved", "remas_capacity", "remas_user_info"):
        assert f"| `{series}` |" in told


def test_the_alerts_ask_for_series_that_there_are(
    rules: list[dict[str, Any]], make_app: Callable[..., Flask], redis_url: str
) -> None:
    grafana = {"GRAFANA_URL": "http://127.0.0.1:9", "GRAFANA_PASSWORD": "x"}
    app = make_app(REDIS_URL=redis_url, **grafana)
    with app.app_context():
        heartbeats.beat(heartbeats.TICKER)
        with writing() as session:
            session.add(GrafanaState(id=1, failures=0, passed_at=clock.now()))
    told = app.test_client().get("/metrics").text
    asked = {name for rule in rules for name in re.findall(r"\bremas_\w+", rule["expr"])}
    asked -= {"remas_reserved"}  # the name of a job
    known = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    assert asked - known == set(OF_THE_GPU_SCRIPT)


def test_what_the_configuration_asks_of_remas_is_there(app: Flask) -> None:
    loaded = yaml.safe_load((paths.PROMETHEUS / "prometheus.yml").read_text())
    served = {rule.rule for rule in app.url_map.iter_rules()}
    asked, hosts = set(), set()
    for job in loaded["scrape_configs"]:
        for group in job.get("static_configs", []):
            asked.add(job.get("metrics_path", "/metrics"))
            hosts.update(group["targets"])
        for discovery in job.get("http_sd_configs", []):
            host, _, path = discovery["url"].removeprefix("http://").partition("/")
            asked.add(f"/{path}")
            hosts.add(host)
    assert asked == {"/metrics", "/prometheus/reserved", "/prometheus/targets"}
    assert asked <= served
    assert hosts == {"remas:8000"}


def test_what_its_head_says_to_change_is_all_that_has_to_be(installed: Path) -> None:
    """The two lines marked "here" and nothing else name REMAS's address."""
    lines = (installed / "prometheus.yml").read_text().splitlines()
    body = [line for line in lines if not line.lstrip().startswith("#")]
    named = [line for line in body if "remas:8000" in line]
    assert len(named) == 2
    assert all(line.endswith("# here") for line in named)

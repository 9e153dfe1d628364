"""The shipped alert templates: what promtool answers to each for given series."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remas import paths
from remas.grafana import names, promql, rules, usage
from remas.letters import alert as templates
from remas.models import Measure
from tests.support.grafana_wishes import a_person, an_alert
from tests.support.prometheus_server import program

TEMPLATES = ("cpu", "memory", "gpu", "gpu-memory")
MINUTES = 20
UP = 'up{job="process_exporter",node="n1"}'
CPU = "namedprocess_namegroup_cpu_seconds_total"
MEMORY = "namedprocess_namegroup_memory_bytes"
READ = 'remas_gpu_read_timestamp_seconds{node="n1"}'
ALWAYS, NEVER, NOW = f"1x{MINUTES}", f"0x{MINUTES}", f"0+60x{MINUTES}"


def rule(template: str, username: str = "ada", uid: int = 1007, node: str = "n1") -> dict[str, Any]:
    """The rule as Grafana would get it."""
    text = (paths.GRAFANA_TEMPLATES / f"{template}.json").read_text()
    values = {"user_username": username, "user_uid": uid}
    alert = an_alert(a_person(7, username), node=(2, node), template=text, **values)
    return rules.of(alert, a_person(7, username), None)


def value(
    folder: Path, expression: str, series: dict[str, str], expected: float | None
) -> subprocess.CompletedProcess[str]:
    """promtool's opinion whether that is the value after 20 minutes; None: no series at all."""
    samples = [] if expected is None else [{"labels": "{}", "value": expected}]
    asked = {"expr": expression, "eval_time": f"{MINUTES}m", "exp_samples": samples}
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [asked],
    }
    file = folder / "asked.yml"
    file.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))  # YAML as well
    command = [program("promtool"), "test", "rules", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def expression(template: str, **about: Any) -> str:
    (query, _) = rule(template, **about)["data"]
    return str(query["model"]["expr"])


def cpu(group: str, cores: float, node: str = "n1") -> dict[str, str]:
    """Series of a group that uses so many cores, three quarters of it for itself."""
    return {
        f'{CPU}{{groupname="{group}",mode="{mode}",node="{node}"}}': f"0+{60 * share}x{MINUTES}"
        for mode, share in (("user", cores * 0.75), ("system", cores * 0.25))
    }


def memory(group: str, resident: int, swapped: int = 0) -> dict[str, str]:
    kinds = {
        "proportionalResident": resident,
        "proportionalSwapped": swapped,
        "resident": 10**15,  # counts what is shared for each process
        "virtual": 10**15,
    }
    return {
        f'{MEMORY}{{groupname="{group}",memtype="{kind}",node="n1"}}': f"{amount}x{MINUTES}"
        for kind, amount in kinds.items()
    }


def gpus(username: str, *used: tuple[str, int, int]) -> dict[str, str]:
    """Series of the script: GPU, processes, bytes."""
    found = {}
    for gpu, processes, held in used:
        labels = f'{{username="{username}",gpu="{gpu}",node="n1"}}'
        found[f"remas_gpu_processes{labels}"] = f"{processes}x{MINUTES}"
        found[f"remas_gpu_memory_bytes{labels}"] = f"{held}x{MINUTES}"
    return found


FRESH = {READ: NOW, 'up{job="node_exporter",node="n1"}': ALWAYS}
OTHERS = {
    **cpu("adam", 5), **cpu("mada", 5), **cpu("10071", 5), **cpu("ada", 9, node="n2"),
    **cpu("root", 30),
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "series", "expected"),
    [
        ("cpu", {UP: ALWAYS, **OTHERS, **cpu("ada", 2)}, 2),
        ("cpu", {UP: ALWAYS, **OTHERS, **cpu("1007", 2)}, 2),  # the name cannot be looked up
        ("cpu", {UP: ALWAYS, **cpu("ada", 2), **cpu("1007", 0.5)}, 2.5),
        ("cpu", {UP: ALWAYS, **OTHERS}, 0),  # runs nothing, and never has
        ("cpu", {UP: ALWAYS}, 0),
        ("cpu", {UP: NEVER, **cpu("ada", 2)}, None),  # nothing but what was known before
        ("cpu", {UP: "1x15 stale", **cpu("ada", 2)}, None),
        ("cpu", cpu("ada", 2), None),
        ("cpu", {UP.replace("n1", "n2"): ALWAYS, **cpu("ada", 2)}, None),
        ("cpu", {UP.replace("process_exporter", "process_exporter_new"): ALWAYS}, 0),
        ("cpu", {UP.replace("process_exporter", "node_exporter"): ALWAYS}, None),
        ("memory", {UP: ALWAYS, **memory("ada", 700, 50), **memory("adam", 9)}, 750),
        ("memory", {UP: ALWAYS, **memory("1007", 700)}, 700),
        ("memory", {UP: ALWAYS, **memory("adam", 9)}, 0),
        ("memory", {UP: NEVER, **memory("ada", 9)}, None),
        ("gpu", {**FRESH, **gpus("ada", ("a", 2, 5), ("b", 1, 6)), **gpus("bo", ("c", 1, 1))}, 2),
        ("gpu", {**FRESH, **gpus("ada", ("a", 2, 5)), **gpus("1007", ("a", 1, 6))}, 1),
        ("gpu", {**FRESH, **gpus("bo", ("c", 1, 1))}, 0),
        ("gpu", {**gpus("ada", ("a", 1, 1)), **FRESH, READ: NEVER}, None),  # the timer has stopped
        ("gpu", {'up{job="node_exporter",node="n1"}': ALWAYS}, None),  # there is no script
        ("gpu-memory", {**FRESH, **gpus("ada", ("a", 2, 5), ("b", 1, 6))}, 11),
        ("gpu-memory", {**FRESH, **gpus("1007", ("a", 2, 5))}, 5),
        ("gpu-memory", FRESH, 0),
        ("gpu-memory", {'up{job="node_exporter",node="n1"}': ALWAYS}, None),
    ],
)
def test_the_value_is_what_the_person_uses(
    tmp_path: Path, template: str, series: dict[str, str], expected: float | None
) -> None:
    done = value(tmp_path, expression(template), series, expected)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = value(tmp_path, expression(template), series, 77)
    assert wrong.returncode != 0


@pytest.mark.parametrize("username", ["a.a", ".*", "a|root", "a[d]a", 'a"a', "a\\a", "(ada"])
def test_signs_in_a_username_are_only_signs(tmp_path: Path, username: str) -> None:
    series = {UP: ALWAYS, **OTHERS, **cpu("ada", 3), **cpu("a", 4)}
    asked = expression("cpu", username=username)
    done = value(tmp_path, asked, series, 0)
    assert done.returncode == 0, done.stdout + done.stderr
    own = cpu(username.replace("\\", "\\\\").replace('"', '\\"'), 2)
    done = value(tmp_path, asked, {**series, **own}, 2)
    assert done.returncode == 0, done.stdout + done.stderr


def test_root_is_root_alone(tmp_path: Path) -> None:
    series = {UP: ALWAYS, **cpu("0", 1), **cpu("10", 5), **cpu("100", 5)}
    done = value(tmp_path, expression("cpu", username="admin", uid=0), series, 1)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("template", TEMPLATES)
def test_pages_ask_the_same(template: str) -> None:
    asked = usage.alone(Measure(template.replace("-", "_")))
    values = {"user_username": "ada", "user_uid": 1007, "node_name": "n1"}
    assert promql.fill(asked, values) == expression(template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_whole_rule(template: str) -> None:
    made = rule(template)
    used, threshold = made["data"]
    assert made["condition"] == threshold["refId"] == "B"
    assert made["noDataState"] == "OK"
    assert made["execErrState"] == "KeepLast"
    assert used["datasourceUid"] == names.DATA_SOURCE
    assert threshold["model"]["expression"] == used["refId"]
    evaluator = threshold["model"]["conditions"][0]["evaluator"]
    assert evaluator == {"type": "gt", "params": [4]}  # more than what may be used, not as much
    assert "${" not in json.dumps(made)
    assert "ada" in made["annotations"]["summary"]


def test_every_template_is_tested_and_explained() -> None:
    shipped = {file.stem for file in paths.GRAFANA_TEMPLATES.glob("*.json")}
    explained = (paths.GRAFANA_TEMPLATES / "README.md").read_text()
    assert shipped == set(TEMPLATES)
    assert all(f"`{name}.json`" in explained for name in shipped)
    assert all(f"`{name}`" in explained for name in templates.VARIABLES)

"""The dashboards: what Grafana asks of such files, and what their queries answer."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from remas import paths
from remas.cli import doctor_monitoring
from remas.grafana import names
from tests.support.missing import leave_out

TOP = Path(__file__).parents[2]
FILES = sorted((TOP / "grafana_templates/dashboards").glob("*.json"))
PROVISIONING = TOP / "grafana_templates/provisioning"
SOURCE = {"type": "prometheus", "uid": names.DATA_SOURCE}
COLUMNS = 24
UNITS = {"none", "bytes", "percentunit", "Bps", "s"}

METRICS = {
    # REMAS
    "remas_reserved": {"username", "node", "resource", "measure"},
    "remas_capacity": {"node", "resource", "measure"},
    "remas_user_info": {"username", "uid"},
    # prometheus/remas-gpu-textfile, through node_exporter
    "remas_gpu_processes": {"username", "gpu", "node"},
    "remas_gpu_memory_bytes": {"username", "gpu", "node"},
    "remas_gpu_read_timestamp_seconds": {"node"},
    # Prometheus
    "up": {"node", "job", "instance"},
    # node_exporter
    "node_cpu_seconds_total": {"node", "mode", "cpu"},
    "node_memory_MemTotal_bytes": {"node"},
    "node_memory_MemAvailable_bytes": {"node"},
    "node_boot_time_seconds": {"node"},
    "node_filesystem_avail_bytes": {"node", "fstype", "mountpoint"},
    "node_filesystem_size_bytes": {"node", "fstype", "mountpoint"},
    "node_disk_read_bytes_total": {"node", "device"},
    "node_disk_written_bytes_total": {"node", "device"},
    "node_network_receive_bytes_total": {"node", "device"},
    "node_network_transmit_bytes_total": {"node", "device"},
    # process-exporter
    "namedprocess_namegroup_cpu_seconds_total": {"node", "groupname", "mode"},
    "namedprocess_namegroup_memory_bytes": {"node", "groupname", "memtype"},
}
_METRIC = re.compile(r"\b(?:up|(?:remas|node|namedprocess)_\w+)\b(?!\s*=)")
_SELECTED = re.compile(r"\b(\w+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)(?:=~|!~|!=|=)"')
_VARIABLE = re.compile(r"\$\{?(\w+)")


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


DASHBOARDS = [pytest.param(loaded(path), id=path.stem) for path in FILES]
each = pytest.mark.parametrize("dashboard", DASHBOARDS)


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each panel with each of its queries."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel, target


def filled(expression: str, **variables: str) -> str:
    """The query as Grafana sends it, its variables filled in."""
    values = {"__rate_interval": "2m", "node": "n1", "user": "alice", "uid": "1001", **variables}
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), expression)


def expression(name: str, title: str, legend: str = "") -> str:
    """One query of the file `name`: that of the panel, by the end of its legend."""
    for panel, target in queries(loaded(TOP / f"grafana_templates/dashboards/{name}.json")):
        if panel["title"] == title and target["legendFormat"].endswith(legend):
            return filled(target["expr"])
    raise LookupError(f"{name}: {title} {legend}")


def test_their_uids_are_those_that_are_linked_to() -> None:
    found = [loaded(path)["uid"] for path in FILES]
    assert found == ["remas-cluster", "remas-node", "remas-person"]
    assert sorted(doctor_monitoring.DASHBOARDS) == found
    assert len({loaded(path)["title"] for path in FILES}) == len(FILES)


@each
def test_it_is_a_dashboard_as_files_have_to_be(dashboard: dict[str, Any]) -> None:
    assert dashboard["id"] is None
    assert dashboard["timezone"] == "browser"
    assert dashboard["tags"] == ["remas"]
    assert dashboard["title"]
    assert dashboard["description"]
    assert 36 <= dashboard["schemaVersion"] <= 40  # that of 11.5; later ones bring it up themselves
    (link,) = dashboard["links"]
    assert (link["type"], link["tags"], link["keepTime"]) == ("dashboards", ["remas"], True)


@each
def test_each_panel_is_complete(dashboard: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    titles = [(panel["type"], panel["title"]) for panel in dashboard["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in dashboard["panels"]:
        assert panel["datasource"] == SOURCE
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(set(letters)) == len(letters)
        assert all(target["datasource"] == SOURCE for target in panel["targets"])


@each
def test_panels_fit_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in taken:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS
        assert place["w"] > 0
        assert place["h"] > 0
        assert place["y"] >= 0
    for one, other in combinations(taken, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@each
def test_it_asks_for_nothing_unknown(dashboard: dict[str, Any]) -> None:
    asked = [target["expr"] for _panel, target in queries(dashboard)]
    asked += [variable["query"] for variable in dashboard["templating"]["list"]]
    for query in asked:
        bare = re.sub(r'"[^"]*"', '""', query)
        assert set(_METRIC.findall(bare)) <= set(METRICS), query
        for metric, selector in _SELECTED.findall(query):
            assert set(_LABEL.findall(selector)) <= METRICS[metric], query


@each
def test_its_variables_are_there_and_used(dashboard: dict[str, Any]) -> None:
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    used: set[str] = set()
    for _panel, target in queries(dashboard):
        used |= set(_VARIABLE.findall(target["expr"]))
    assert used - {"__rate_interval", "1"} == set(variables)
    for variable in dashboard["templating"]["list"]:
        assert variable["datasource"] == SOURCE
        before = set(variables[: variables.index(variable["name"])])
        assert set(_VARIABLE.findall(variable["query"])) <= before


@each
def test_links_lead_to_dashboards_of_ours_and_their_variables(dashboard: dict[str, Any]) -> None:
    known = {
        one["uid"]: {variable["name"] for variable in one["templating"]["list"]}
        for one in map(loaded, FILES)
    }
    for url in re.findall(r'"url": "(/[^"]*)"', json.dumps(dashboard)):
        found = re.fullmatch(r"/d/([\w-]+)\?var-(\w+)=\$\{[\w.]+:percentencode\}.*", url)
        assert found is not None, url
        assert found[2] in known[found[1]]


def test_where_grafana_finds_them_and_prometheus() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/remas.yaml").read_text())["providers"]
    assert (provider["folder"], provider["folderUid"]) == ("REMAS", "remas-dashboards")
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    sources = yaml.safe_load((PROVISIONING / "datasources/remas.yaml").read_text())
    (source,) = sources["datasources"]
    assert {key: source[key] for key in SOURCE} == SOURCE
    assert (sources["prune"], source["editable"], source["access"]) == (True, False, "proxy")
    scraped = yaml.safe_load((paths.PROMETHEUS / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]


# What follows asks promtool: it reads the queries as Prometheus does, and answers them.


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        leave_out("promtool", "apt-get install prometheus")
    return found


def test_prometheus_understands_every_query(promtool: str, tmp_path: Path) -> None:
    asked = [filled(target["expr"]) for path in FILES for _, target in queries(loaded(path))]
    rules = [{"record": f"query_{number}", "expr": one} for number, one in enumerate(asked)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


PROCESSES = "namedprocess_namegroup_cpu_seconds_total"
BYTES = "namedprocess_namegroup_memory_bytes"
SERIES = {
    # alice by name on n1, by uid on n2; bob, a user that nobody knows, and one whose name is like
    # hers for whoever takes the dot of a regular expression for a letter.
    f'{PROCESSES}{{node="n1",groupname="alice",mode="user"}}': "0+120x10",  # each minute: 2 cores
    f'{PROCESSES}{{node="n1",groupname="alice",mode="system"}}': "0+60x10",
    f'{PROCESSES}{{node="n2",groupname="1001",mode="user"}}': "0+60x10",
    f'{PROCESSES}{{node="n1",groupname="bob",mode="user"}}': "0+60x10",
    f'{PROCESSES}{{node="n2",groupname="4711",mode="user"}}': "0+60x10",
    f'{PROCESSES}{{node="n3",groupname="alice",mode="user"}}': "700x10",  # she was there once
    f'{BYTES}{{node="n1",groupname="alice",memtype="proportionalResident"}}': "300x10",
    f'{BYTES}{{node="n1",groupname="alice",memtype="proportionalSwapped"}}': "20x10",
    f'{BYTES}{{node="n1",groupname="alice",memtype="virtual"}}': "9000x10",
    'remas_user_info{username="alice",uid="1001"}': "1x10",
    'remas_user_info{username="bob",uid="1002"}': "1x10",
    'remas_reserved{username="alice",node="n1",resource="CPU",measure="cpu"}': "4x10",
    'remas_reserved{username="alice",node="n4",resource="CPU",measure="cpu"}': "8x10",
    'remas_reserved{username="bob",node="n1",resource="CPU",measure="cpu"}': "2x10",
    'remas_reserved{username="alice",node="n1",resource="RAM",measure="memory"}': "512x10",
    'remas_capacity{node="n1",resource="CPU",measure="cpu"}': "16x10",
    'remas_capacity{node="n4",resource="CPU",measure="cpu"}': "12x10",
    'remas_gpu_processes{node="n1",username="alice",gpu="a"}': "2x10",
    'remas_gpu_processes{node="n1",username="alice",gpu="b"}': "1x10",
    'remas_gpu_processes{node="n1",username="bob",gpu="b"}': "1x10",
    'remas_gpu_processes{node="n2",username="1001",gpu="c"}': "1x10",
    'remas_gpu_processes{node="n3",username="alice",gpu="d"}': "1x10",  # its timer has stopped
    'remas_gpu_memory_bytes{node="n1",username="alice",gpu="a"}': "50x10",
    'remas_gpu_memory_bytes{node="n1",username="bob",gpu="b"}': "7x10",
    'remas_gpu_memory_bytes{node="n3",username="alice",gpu="d"}': "9x10",
    'remas_gpu_read_timestamp_seconds{node="n1"}': "0+60x10",
    'remas_gpu_read_timestamp_seconds{node="n2"}': "0+60x10",
    'remas_gpu_read_timestamp_seconds{node="n3"}': "0x10",
    'up{node="n1",job="node_exporter",instance="n1:9100"}': "1x10",
    'up{node="n2",job="node_exporter",instance="n2:9100"}': "0x10",
    'up{node="n2",job="process_exporter",instance="n2:9256"}': "1x10",
}
ANSWERS = {
    ("cluster", "Nodes that answer", ""): {"{}": 1},
    ("cluster", "Exporters that do not answer", ""): {"{}": 1},
    ("cluster", "CPU reserved", ""): {"{}": (4 + 8 + 2) / (16 + 12)},
    ("cluster", "GPUs", "used"): {"{}": 3},
    ("cluster", "GPU memory", "used"): {"{}": 57},
    ("cluster", "Who uses most CPU cores", ""): {
        '{username="alice"}': 4,
        '{username="bob"}': 1,
    },
    ("node", "CPU cores by person", ""): {'{username="alice"}': 3, '{username="bob"}': 1},
    ("node", "Memory by person", ""): {'{username="alice"}': 320},
    ("node", "CPU reserved", ""): {"{}": (4 + 2) / 16},
    ("node", "GPUs by person", ""): {'{username="alice"}': 2, '{username="bob"}': 1},
    # Both lines wherever she uses or holds something, at 0 where it is only the other.
    ("person", "CPU cores", "used"): {'{node="n1"}': 3, '{node="n2"}': 1, '{node="n4"}': 0},
    ("person", "CPU cores", "reserved"): {'{node="n1"}': 4, '{node="n2"}': 0, '{node="n4"}': 8},
    ("person", "Memory", "used"): {'{node="n1"}': 320},
    ("person", "Memory", "reserved"): {'{node="n1"}': 512},
    ("person", "GPUs", "used"): {'{node="n1"}': 2, '{node="n2"}': 1},
    ("person", "GPU memory", "used"): {'{node="n1"}': 50},
    ("person", "CPU cores used", ""): {"{}": 4},
    ("person", "GPUs reserved", ""): {"{}": 0},
}


@pytest.mark.parametrize("asked", list(ANSWERS), ids=" ".join)
def test_what_they_answer(promtool: str, tmp_path: Path, asked: tuple[str, str, str]) -> None:
    answer = [{"labels": labels, "value": value} for labels, value in ANSWERS[asked].items()]
    expected = {"expr": expression(*asked), "eval_time": "10m", "exp_samples": answer}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in SERIES.items()],
        "promql_expr_test": [expected],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr

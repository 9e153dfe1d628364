"""The whole way with the real programs: REMAS, Prometheus, a node exporter and a process exporter.

Those who run nothing have names and uids that look like those of the people at work.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from remas import paths
from remas.extensions import db
from remas.grafana import usage
from remas.models import Measure, NodeState
from remas.monitoring_settings import Exporter
from remas.services import nodes, reserved
from remas.services.actor import SYSTEM
from remas.services.demo_cast import NODES
from remas.services.nodes import NodeChange, NodeNew
from tests.support.missing import leave_out
from tests.support.prometheus_server import Labels, process_exporter
from tests.support.watched_cluster import (
    HELD,
    HERE,
    LEAVING,
    SILENT,
    STRANGER,
    WATCHED,
    Cluster,
    Somebody,
    known,
    like,
)

MEBIBYTE = 2**20
GPU = "GPU-5f2b1c7e-83a4-9d10-6e6f-0c1d4a1b7a01"
LIKE_THE_STRANGER = (Somebody("alias", 154_321), Somebody("other", 11_543_210))


@pytest.fixture
def everybody(cluster: Cluster) -> list[Somebody]:
    """Who has a process."""
    if STRANGER not in cluster.pids:
        leave_out("other users", "run the tests as root")
    return list(cluster.pids)


def test_the_nodes_are_found_and_told_apart(cluster: Cluster) -> None:
    exporters = {(name, "node_exporter"): "up" for name, *_ in NODES}
    wanted = {
        **exporters,
        (WATCHED, "process_exporter"): "up",
        (SILENT, "process_exporter"): "down",
    }
    cluster.server.eventually(lambda: wanted.items() <= cluster.health().items())
    assert len(NODES) == 12


def test_remas_itself_is_scraped(cluster: Cluster) -> None:
    server = cluster.server
    server.eventually(lambda: len(server.query('up{job=~"remas.*"} == 1')) == 2)
    handled = 'sum(remas_http_request_seconds_count{job="remas",endpoint="service.targets"})'
    assert server.eventually(lambda: server.value(handled))


def test_who_holds_what_arrives_as_it_is(cluster: Cluster) -> None:
    def the_same() -> bool:
        with cluster.app.app_context():
            standing = reserved.now()
            db.session.remove()
        held = {(one.username, one.node, one.resource): one.amount for one in standing.held}
        told = told_by("username", "node", "resource", metric="remas_reserved")
        return bool(held) and told == held

    def told_by(*labels: str, metric: str) -> dict[tuple[str, ...], float]:
        found = cluster.server.query(metric)
        return {tuple(dict(one)[name] for name in labels): value for one, value in found.items()}

    cluster.server.eventually(the_same)
    capacity = told_by("node", "resource", "measure", metric="remas_capacity")
    assert capacity["h1", "gpu", "gpu"] == 8
    assert len(told_by("username", "uid", metric="remas_user_info")) == 16


def test_whoever_computes_is_seen_and_whoever_does_not_uses_nothing(
    cluster: Cluster, everybody: list[Somebody]
) -> None:
    for person in everybody:
        cores = cluster.server.eventually(lambda: cluster.used("cpu", person))  # noqa: B023
        assert 0 < cores < (os.cpu_count() or 1) + 1
        held = cluster.server.eventually(lambda: cluster.used("memory", person))  # noqa: B023
        assert held > HELD
    for idle in (*like(known()), *LIKE_THE_STRANGER):
        assert cluster.used("cpu", idle) == 0, idle
        assert cluster.used("memory", idle) == 0, idle


def test_the_exporter_knows_one_by_name_and_the_other_by_uid(
    cluster: Cluster, everybody: list[Somebody]
) -> None:
    """Else the test above would say less than it seems to."""
    for group in (known().username, str(STRANGER.uid)):
        asked = f'namedprocess_namegroup_num_procs{{node="{WATCHED}",groupname="{group}"}}'
        assert cluster.server.eventually(lambda: cluster.server.value(asked))  # noqa: B023


def test_without_an_exporter_there_is_no_value(cluster: Cluster) -> None:
    """Neither where it never was, nor where it was a moment ago, nor on a node that is unknown."""
    person = known()
    for template in ("cpu", "memory"):
        assert cluster.used(template, person, SILENT) is None
        assert cluster.used(template, person, "nowhere") is None
    with process_exporter(cluster.textfiles.parent / "silent.log", cluster.silent_port):
        for template in ("cpu", "memory"):
            cluster.server.eventually(lambda: cluster.used(template, person, SILENT))  # noqa: B023
    cluster.server.eventually(
        lambda: (
            cluster.health()[SILENT, "process_exporter"] == "down"
            and cluster.used("memory", person, SILENT) is None
        )
    )
    assert cluster.used("cpu", person, SILENT) is None
    assert cluster.server.query(
        f'rate(namedprocess_namegroup_cpu_seconds_total{{node="{SILENT}"}}[5m])'
    )


def test_gpus_are_attributed_by_the_script(cluster: Cluster, tmp_path: Path) -> None:
    person = known()
    for template in ("gpu", "gpu-memory"):  # off by default: nobody can tell
        assert cluster.used(template, person) is None
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{cluster.pids[person]}, {GPU}, 300'\n")
    program.chmod(0o755)
    script = [sys.executable, str(paths.PROMETHEUS / "remas-gpu-textfile")]
    target = str(cluster.textfiles / "gpu.prom")
    subprocess.run([*script, target], env={"PATH": str(tmp_path)}, check=True, timeout=60)
    cluster.server.eventually(lambda: cluster.used("gpu", person) == 1)
    cluster.server.eventually(lambda: cluster.used("gpu-memory", person) == 300 * MEBIBYTE)
    for idle in like(person):
        assert cluster.used("gpu", idle) == cluster.used("gpu-memory", idle) == 0
    program.unlink()  # the driver is gone
    done = subprocess.run([*script, target], env={"PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == 1
    cluster.server.eventually(lambda: cluster.used("gpu", person) is None)


def test_nodes_come_and_go_without_touching_prometheus(cluster: Cluster) -> None:
    cluster.server.eventually(lambda: cluster.jobs(LEAVING) == {"node_exporter": "up"})
    port = exporter_port(cluster)
    own = (Exporter("node_exporter", port), Exporter("process_exporter_new", port))
    with cluster.app.app_context():
        nodes.create(SYSTEM, NodeNew("fresh", address=HERE, exporters=own))
        nodes.change(SYSTEM, LEAVING, NodeChange(state=NodeState.RETIRED))
        db.session.remove()
    up = {"node_exporter": "up", "process_exporter_new": "up"}
    cluster.server.eventually(lambda: cluster.jobs("fresh") == up)
    cluster.server.eventually(lambda: not cluster.jobs(LEAVING))


def exporter_port(cluster: Cluster) -> int:
    """The node exporter's."""
    with cluster.app.app_context():
        own = nodes.get(WATCHED).exporters or []
        db.session.remove()
    return int(own[0]["port"])


def test_the_shipped_rules_are_evaluated(cluster: Cluster) -> None:
    def states() -> dict[str, str]:
        groups = cluster.server.get("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    cluster.server.eventually(lambda: states() and set(states().values()) == {"ok"})
    down = f'ALERTS{{alertname="ExporterDown",node="{SILENT}",job="process_exporter"}}'
    assert cluster.server.eventually(lambda: cluster.server.value(down))
    for quiet in ("RemasUnreachable", "RemasDatabaseSilent", "RemasReservedUnread"):
        assert cluster.server.value(f'ALERTS{{alertname="{quiet}",alertstate="firing"}}') is None


# What pages ask, of many nodes or people at once


def test_pages_get_the_same_of_one_person_on_many_nodes(
    cluster: Cluster, everybody: list[Somebody]
) -> None:
    names = [name for name, *_ in NODES]
    for measure, least in ((Measure.CPU, 0), (Measure.MEMORY, HELD)):
        for person in everybody:
            asked = usage.of_person(measure, names, person.username, person.uid)
            found = cluster.server.eventually(lambda: by_node(cluster, asked))  # noqa: B023
            assert set(found) == {WATCHED}  # elsewhere no process exporter answers
            assert found[WATCHED] > least
        for idle in like(known()):
            asked = usage.of_person(measure, names, idle.username, idle.uid)
            assert by_node(cluster, asked) == {WATCHED: 0}


def test_pages_get_everybody_who_uses_anything(cluster: Cluster, everybody: list[Somebody]) -> None:
    wanted = {(WATCHED, known().username), (WATCHED, str(STRANGER.uid))}

    def found(measure: Measure) -> set[tuple[str, str]]:
        # An average over minutes would take minutes to be there.
        asked = re.sub(r"\[\w+:\w+\]", "[4s500ms:1s]", usage.of_everybody(measure))
        labels = map(dict, cluster.server.query(asked))
        return {(one[usage.NODE], one[usage.person_label(measure)]) for one in labels}

    for measure in (Measure.CPU, Measure.MEMORY):
        cluster.server.eventually(lambda: wanted <= found(measure))  # noqa: B023
    assert {node for node, _ in found(Measure.CPU)} == {WATCHED}


def test_a_resource_with_a_query_of_its_own_is_told_by_place(cluster: Cluster) -> None:
    query = (
        'namedprocess_namegroup_num_procs{node="${node_name}",groupname=~"${user_username}"} # n'
    )
    person = known()
    places = [(WATCHED, person.username, person.uid), (SILENT, person.username, person.uid)]
    asked = usage.of_places(query, places)

    def found() -> dict[Labels, float]:
        return cluster.server.query(asked)

    values = cluster.server.eventually(found)
    assert set(values) == {((usage.PLACE, "0"),)}
    assert all(value >= 1 for value in values.values())


def by_node(cluster: Cluster, asked: str) -> dict[str, float]:
    """The values of a query that tells them apart by node alone."""
    found = cluster.server.query(asked)
    assert all(set(dict(labels)) == {usage.NODE} for labels in found)
    return {dict(labels)[usage.NODE]: value for labels, value in found.items()}

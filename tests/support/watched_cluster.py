"""The demo cluster, watched by the real programs: REMAS, Prometheus, exporters, people at work.

All nodes are this machine. REMAS is served; Prometheus has the shipped configuration, in which only
the address of REMAS and the intervals are others. One person is known to the exporter by name, one
by the uid alone; both have a process that computes a little and holds some memory.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade

from remas import create_app, paths
from remas.config import Settings
from remas.extensions import db
from remas.monitoring_settings import Exporter
from remas.services import demo, nodes, passwords, setup
from remas.services.actor import SYSTEM
from remas.services.demo_cast import NODES
from remas.services.nodes import NodeChange, NodeNew
from tests.support.factories import CHEAP
from tests.support.live import serving
from tests.support.processes import free_port, private_folder, running
from tests.support.prometheus_server import (
    Prometheus,
    configured,
    expression_of,
    node_exporter,
    process_exporter,
    prometheus,
)

TOKEN = "a token for tests, long enough"
HERE = "127.0.0.1"
WATCHED, SILENT, LEAVING = "c1", "c2", "leaving"
HELD = 24 * 2**20
# Holds HELD bytes, then computes for some hundredths of a second in each fifth.
AT_WORK = f"""
held=$(head -c {HELD} /dev/zero | tr '\\0' a)
while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.15; done
"""


@dataclass(frozen=True)
class Somebody:
    username: str
    uid: int


STRANGER = Somebody("stranger", 1_543_210)  # no account of this machine has the uid


def known() -> Somebody:
    """An account of this machine as which we may start processes."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return Somebody(account.pw_name, account.pw_uid)


def like(person: Somebody) -> list[Somebody]:
    """Names that a careless query would take for this one, with uids of nobody."""
    name = person.username
    names = (name[:-1], f"{name}x", f".{name[1:]}", f"{name[0]}.*", f"x|{name}x")
    return [Somebody(other, 1_600_000 + number) for number, other in enumerate(names)]


@dataclass(frozen=True)
class Cluster:
    """All that runs. `silent_port`: where SILENT would have its process exporter."""

    app: Flask
    server: Prometheus
    silent_port: int
    textfiles: Path
    pids: dict[Somebody, int]

    def used(self, template: str, person: Somebody, node: str = WATCHED) -> float | None:
        """The value of the template's query, None where there is none."""
        asked = expression_of(template, person.username, person.uid, node)
        return self.server.value(asked)

    def health(self) -> dict[tuple[str, str], str]:
        """Of the nodes' exporters, by node and job: up, down or unknown."""
        return {
            (one["labels"]["node"], one["labels"]["job"]): one["health"]
            for one in self.server.targets()
            if "node" in one["labels"]
        }

    def jobs(self, node: str) -> dict[str, str]:
        """The same of one node, by job."""
        return {job: state for (name, job), state in self.health().items() if name == node}


@contextmanager
def watched_cluster(folder: Path) -> Iterator[Cluster]:
    """All of it, running; keeps its files in `folder`."""
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    people = [known(), STRANGER] if os.geteuid() == 0 else [known()]
    with ExitStack() as stack:
        enter = stack.enter_context
        pids = {person: enter(at_work(person)) for person in people}
        node_port = enter(node_exporter(textfiles))
        process_port = enter(process_exporter(folder / "process.log"))
        app, silent_port = enter(remas(folder)), free_port()
        with app.app_context():
            spread(node_port, {WATCHED: process_port, SILENT: silent_port})
        url = enter(serving(app))
        server = enter(prometheus(configured(folder / "etc", url, TOKEN), folder / "data"))
        yield Cluster(app, server, silent_port, textfiles, pids)


@contextmanager
def remas(folder: Path) -> Iterator[Flask]:
    """REMAS with the demo cluster on SQLite."""
    environ = {
        "DATABASE_URL": f"sqlite:///{folder / 'remas.db'}",
        "REMAS_INSTANCE": str(folder),
        "SECRET_KEY": "s" * 40,
        "REMAS_METRICS_TOKEN": TOKEN,
    }
    app = create_app(Settings.load(environ))
    with app.app_context(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "hasher", CHEAP)
        patched.setattr(demo, "PER_DAY", 2)  # its nodes matter, and what is held right now
        upgrade(directory=str(paths.MIGRATIONS))
        setup.initialise(app.config["REMAS"])
        demo.load()
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()


def spread(node_port: int, process_ports: dict[str, int]) -> None:
    """Each node of the demo has the node exporter, some a process exporter; LEAVING is one more."""
    for name, *_ in NODES:
        own = [Exporter("node_exporter", node_port)]
        if name in process_ports:
            own.append(Exporter("process_exporter", process_ports[name]))
        nodes.change(SYSTEM, name, NodeChange(address=HERE, exporters=tuple(own)))
    alone = (Exporter("node_exporter", node_port),)
    nodes.create(SYSTEM, NodeNew(LEAVING, address=HERE, exporters=alone))
    db.session.remove()


@contextmanager
def at_work(person: Somebody) -> Iterator[int]:
    """A process of this person's; gives its pid."""
    arguments: dict[str, Any] = {}
    if os.geteuid() == 0:
        arguments = {"user": person.uid, "group": person.uid, "extra_groups": []}
    with (
        private_folder() as folder,
        running(["/bin/sh", "-c", AT_WORK], folder / "log", cwd="/", **arguments) as process,
    ):
        yield process.pid

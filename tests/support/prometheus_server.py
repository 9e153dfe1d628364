"""Prometheus and its exporters, as Debian packages them, on free ports of 127.0.0.1."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from remas import paths
from remas.grafana import promql
from remas.letters import alert as templates
from tests.support.missing import leave_out
from tests.support.processes import free_port, running, wait_until

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-process-exporter": "prometheus-process-exporter",
}
PATIENCE = 60  # seconds, for what takes one or two, where many work on the machine
Labels = tuple[tuple[str, str], ...]


def program(name: str) -> str:
    """Its path; the test is left out where it is missing."""
    found = shutil.which(name)
    if found is None:
        leave_out(name, f"install the package {PACKAGES.get(name, name)}")
    return found


@dataclass(frozen=True)
class Prometheus:
    """A running server; `url` is without end slash."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """What /api/v1 says under `data`; a query that it refuses fails the test."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=5).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> dict[Labels, float]:
        """The values of an instant query, by their labels in order."""
        found = self.get("query", query=expression)["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in found}

    def value(self, expression: str) -> float | None:
        """The only value of a query; None: it has none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return next(iter(found.values()), None)

    def targets(self) -> list[dict[str, Any]]:
        """The targets that it scrapes."""
        targets: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return targets

    def eventually(self, good: Callable[[], Any]) -> Any:
        """What `good` gives once it gives something; fails the test if that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not (found := good()):
            if time.monotonic() > deadline:
                told = [(one["scrapeUrl"], one["lastError"]) for one in self.targets()]
                raise AssertionError(f"still {found!r}; {told}")
            time.sleep(0.1)
        return found


def configured(folder: Path, remas: str, token: str = "") -> Path:
    """The shipped configuration in `folder`: only REMAS's address and the intervals are others."""
    shutil.copytree(paths.PROMETHEUS, folder, dirs_exist_ok=True)
    (folder / "metrics_token").write_text(token)
    file = folder / "prometheus.yml"
    text = file.read_text()
    host = remas.removeprefix("http://")
    for old, new in (("remas:8000", host), (": 30s", ": 1s"), (": 1m", ": 1s")):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


@contextmanager
def prometheus(configuration: Path, folder: Path) -> Iterator[Prometheus]:
    """A server with this configuration that keeps its data in `folder`."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--log.level=warn",
    ]
    log = folder.with_suffix(".log")
    with running(command, log) as server:
        wait_until(lambda: answers(f"{url}/-/ready"), server, log)
        yield Prometheus(url)


COLLECTORS = ("cpu", "filesystem", "loadavg", "meminfo", "textfile", "uname")


@contextmanager
def node_exporter(textfiles: Path) -> Iterator[int]:
    """A node exporter that reads *.prom in `textfiles`; gives its port.

    It collects only `COLLECTORS`: all nodes of a test are this one machine, scraped each second.
    """
    port = free_port()
    command = [
        program("prometheus-node-exporter"),
        f"--web.listen-address=127.0.0.1:{port}",
        f"--collector.textfile.directory={textfiles}",
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in COLLECTORS),
    ]
    with _exporter(command, port, textfiles.with_suffix(".log")):
        yield port


@contextmanager
def process_exporter(
    log: Path, port: int | None = None, prefix: Sequence[str] = ()
) -> Iterator[int]:
    """A process exporter as its unit starts it, perhaps through another program; gives its port."""
    port = port or free_port()
    command = [
        *prefix,
        program("prometheus-process-exporter"),
        f"-web.listen-address=127.0.0.1:{port}",
        f"-config.path={paths.PROMETHEUS / 'process-exporter.yml'}",
        "-threads=false",
    ]
    with _exporter(command, port, log):
        yield port


def expression_of(template: str, username: str, uid: int, node: str) -> str:
    """What a shipped alert template asks about a person on a node."""
    rule = templates.parse((paths.GRAFANA_TEMPLATES / f"{template}.json").read_text())
    asked: str = rule["data"][0]["model"]["expr"]
    values = {"user_username": username, "user_uid": uid, "node_name": node}
    return promql.fill(asked, values)


@contextmanager
def _exporter(command: list[str], port: int, log: Path) -> Iterator[None]:
    with running(command, log) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/"), process, log)
        yield


def answers(url: str) -> bool:
    """Whether something is there and says that it is well."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False

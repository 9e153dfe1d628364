"""Settings of what is watched: where exporters answer, what Prometheus may read, who signs in."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from remas.environment import Reader, SettingError

SIGN_IN = ("password", "proxy")
USUAL_EXPORTERS = "node_exporter:9100 process_exporter:9256"
SHORTEST_TOKEN = 16  # characters
METRICS_PATH = "/metrics"
_EXPORTER = re.compile(r"(?P<job>[A-Za-z_]\w*):(?P<port>\d{1,5})(?P<path>/[^\s#?]*)?", re.ASCII)
LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Exporter:
    """What answers Prometheus on a node; `job` becomes a label."""

    job: str
    port: int
    path: str = METRICS_PATH

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `job:port` or `job:port/path`. Raises ValueError with one sentence."""
        found = _EXPORTER.fullmatch(text)
        if not found or not 1 <= int(found["port"]) <= LARGEST_PORT:
            raise ValueError(f"{text!r} is not like node_exporter:9100 or my_exporter:9400/path.")
        return cls(found["job"], int(found["port"]), found["path"] or METRICS_PATH)

    def __str__(self) -> str:
        return f"{self.job}:{self.port}{'' if self.path == METRICS_PATH else self.path}"

    def as_json(self) -> dict[str, Any]:
        """As the column `Node.exporters` keeps it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """`exporters`: those of each node that has none of its own. `metrics_token`: with it Prometheus
    reads who has reserved what; empty: nobody does. `grafana_proxy`: a proxy signs people in to
    Grafana; else they have passwords there."""

    exporters: tuple[Exporter, ...]
    metrics_token: str = field(repr=False)
    grafana_proxy: bool

    @classmethod
    def load(cls, read: Reader) -> Self:
        """Raises SettingError."""
        return cls(
            exporters=_exporters(read),
            metrics_token=_token(read),
            grafana_proxy=read.choice("GRAFANA_SIGN_IN", "password", SIGN_IN) == "proxy",
        )


def _exporters(read: Reader) -> tuple[Exporter, ...]:
    given = read.text("REMAS_EXPORTERS", USUAL_EXPORTERS).replace(",", " ").split()
    try:
        found = tuple(map(Exporter.parse, given)) if given != ["none"] else ()
    except ValueError as error:
        raise SettingError(f"REMAS_EXPORTERS: {error}") from None
    if len({(exporter.job, exporter.port) for exporter in found}) < len(found):
        raise SettingError("REMAS_EXPORTERS names an exporter twice.")
    return found


def _token(read: Reader) -> str:
    token = read.text("REMAS_METRICS_TOKEN")
    if token and len(token) < SHORTEST_TOKEN:
        raise SettingError(f"REMAS_METRICS_TOKEN must have at least {SHORTEST_TOKEN} characters.")
    return token

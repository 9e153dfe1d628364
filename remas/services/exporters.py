"""Where Prometheus finds what runs on the nodes: addresses, and the exporters that answer there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from sqlalchemy import select

from remas.extensions import db
from remas.models import Node, NodeState
from remas.monitoring_settings import LARGEST_PORT, Exporter
from remas.services.availability import natural_key
from remas.services.context import settings
from remas.services.fields import LONGEST_NAME, Check

MOST = 50  # of one node
LONGEST_PATH = 200  # characters
LONGEST_HOST = 253  # characters, of a whole name; a part of it has at most 63
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_PART}\.)*(?!\d+\Z){_PART}", re.ASCII)  # 10.0.7 is no name
_JOB = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PATH = re.compile(r"/[!-\"$->@-~]*")  # what can be seen of ASCII, but neither # nor ?


@dataclass(frozen=True, slots=True)
class Target:
    """One exporter of one node; `address` is host and port."""

    node: str
    address: str
    exporter: Exporter


def targets() -> list[Target]:
    """All exporters of the nodes that are not retired, by the names of the nodes. One query."""
    rows = db.session.execute(
        select(Node.name, Node.address, Node.exporters).where(Node.state != NodeState.RETIRED)
    )
    usual = settings().monitoring.exporters
    return [
        Target(name, f"{_host(address or name)}:{exporter.port}", exporter)
        for name, address, own in sorted(rows, key=lambda row: natural_key(row.name))
        for exporter in (usual if own is None else map(_of_json, own))
    ]


def own_of(node: Node) -> tuple[Exporter, ...] | None:
    """The exporters that are set for this node alone; None: those that are set for all."""
    return None if node.exporters is None else tuple(map(_of_json, node.exporters))


def check_address(check: Check, path: str, value: str | None) -> str | None:
    """A host name or an IP address as it is stored, or None where there is nothing in it."""
    text = (value or "").strip()
    if not text:
        return None
    try:
        return str(ip_address(_unbracketed(text)))
    except ValueError:
        if len(text) > LONGEST_HOST or not _HOST.fullmatch(text):
            check.refuse(
                path,
                "This is a host name or an IP address, such as n1.example.org or 10.0.0.7, "
                "without a port.",
            )
        return text


def check_exporters(check: Check, path: str, wanted: Sequence[Exporter]) -> None:
    """Refuse what Prometheus could not use, at `path.0.job` and the like."""
    if len(wanted) > MOST:
        check.refuse(path, f"A node has at most {MOST} exporters.")
    known: set[tuple[str, int]] = set()
    for i, exporter in enumerate(wanted[:MOST]):
        for name, text in _troubles(exporter):
            check.refuse(f"{path}.{i}.{name}", text)
        key = exporter.job, exporter.port
        if key in known:
            check.refuse(f"{path}.{i}", f"{exporter.job}:{exporter.port} is named twice.")
        known.add(key)


def _troubles(exporter: Exporter) -> Iterator[tuple[str, str]]:
    if len(exporter.job) > LONGEST_NAME or not _JOB.fullmatch(exporter.job):
        yield (
            "job",
            "A job has letters, digits and _, does not begin with a digit, and has at most "
            f"{LONGEST_NAME} characters.",
        )
    if not 1 <= exporter.port <= LARGEST_PORT:
        yield "port", f"A port is a whole number from 1 to {LARGEST_PORT}."
    if len(exporter.path) > LONGEST_PATH or not _PATH.fullmatch(exporter.path):
        yield (
            "path",
            f"A path begins with /, is plain ASCII without spaces, ? and #, and has at most "
            f"{LONGEST_PATH} characters.",
        )


def _of_json(value: dict[str, object]) -> Exporter:
    return Exporter(str(value["job"]), int(str(value["port"])), str(value["path"]))


def _host(name: str) -> str:
    """As it stands before a port: IPv6 in brackets."""
    try:
        return f"[{name}]" if isinstance(ip_address(name), IPv6Address) else name
    except ValueError:
        return name


def _unbracketed(text: str) -> str:
    """The address in `[::1]`; one with a zone belongs to one machine alone, and is no address."""
    if "%" in text:
        raise ValueError(text)
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text

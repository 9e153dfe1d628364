"""A cluster's trace as files: nodes with capacities, requests in order of creation."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from remas.errors import Invalid

MIB = 2**20
MILLI = 1000  # cpu_milli: thousandths of a core


@dataclass(frozen=True, slots=True)
class TraceNode:
    """A node with its capacity per resource, in base units."""

    name: str
    capacity: dict[str, int]


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What was asked `at` a second of the trace, for `minutes` (whole, at least 1)."""

    name: str
    at: int
    minutes: int
    demands: dict[str, int]


def read_nodes(path: Path, sample: int | None = None) -> list[TraceNode]:
    """All nodes, or `sample` of them at equal distances, so that every model keeps its share."""
    nodes = [
        TraceNode(
            row["sn"],
            {
                "cpu": int(row["cpu_milli"]) // MILLI,
                "memory": int(row["memory_mib"]) * MIB,
                "gpu": int(row["gpu"]),
            },
        )
        for row in _rows(path, ("sn", "cpu_milli", "memory_mib", "gpu"))
    ]
    if sample is None or sample >= len(nodes):
        return nodes
    return [nodes[i * len(nodes) // sample] for i in range(sample)]


def read_requests(path: Path, stretch: float = 1.0) -> list[TraceRequest]:
    """In order of creation. A fraction of a core or of a GPU counts as one.

    It lasts from when it was scheduled (else created) to its deletion, times `stretch`, in whole
    minutes, rounded up.
    """
    columns = ("name", "cpu_milli", "memory_mib", "num_gpu", "creation_time", "deletion_time")
    found = []
    for row in _rows(path, (*columns, "scheduled_time")):
        created = int(float(row["creation_time"]))
        begun = float(row["scheduled_time"] or created)
        seconds = (float(row["deletion_time"]) - begun) * stretch
        demands = {
            "cpu": -(-int(row["cpu_milli"]) // MILLI),
            "memory": int(row["memory_mib"]) * MIB,
            "gpu": int(row["num_gpu"]),
        }
        wanted = {resource: amount for resource, amount in demands.items() if amount > 0}
        minutes = max(1, int(-(-seconds // 60)))
        found.append(TraceRequest(row["name"], created, minutes, wanted))
    return sorted(found, key=lambda request: request.at)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            raise Invalid.field(path.name, f"The columns {', '.join(sorted(missing))} are missing.")
        try:
            yield from reader
        except csv.Error as error:
            raise Invalid.field(f"{path.name} line {reader.line_num}", str(error)) from error

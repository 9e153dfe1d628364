"""What is left over time, for drawing."""

from collections.abc import Collection
from datetime import datetime

import numpy as np

from remas.services.availability.cluster import Cluster
from remas.services.availability.problem import Row, commitments
from solver import grid
from solver.profile import Spans, Steps, load

Series = list[tuple[datetime, int]]


def free_steps(
    cluster: Cluster,
    rows: list[Row],
    nodes: Collection[str],
    window: tuple[datetime, datetime],
) -> dict[tuple[str, str], Series]:
    """For each node and resource it has: when the free amount changes, and to what.

    The first step is at the start of the window, the rest lie within it. Free is capacity less
    what is reserved, at least 0; maintenance is not taken off.
    """
    start, end = (grid.floor_minute(moment) for moment in window)
    held = commitments(cluster, rows).within(start, end)
    width = len(cluster.resource_names)
    spans = Spans(held.node * width + held.resource, held.start, held.end)
    steps = load(spans, held.amount)
    bounds = _bounds(steps, len(cluster.node_names) * width)
    kinds = {name: i for i, name in enumerate(cluster.resource_names.values())}
    result: dict[tuple[str, str], Series] = {}
    for index, node in enumerate(cluster.node_names.values()):
        if node not in nodes:
            continue
        for resource, capacity in cluster.capacity[node].items():
            row = index * width + kinds[resource]
            part = slice(bounds[row], bounds[row + 1])
            pairs = zip(steps.time[part].tolist(), steps.value[part].tolist(), strict=True)
            result[node, resource] = _series(list(pairs), capacity, start, end)
    return result


def _bounds(steps: Steps, rows: int) -> list[int]:
    """Where each row begins in the flat columns; one more than there are rows."""
    bounds: list[int] = np.searchsorted(steps.row, np.arange(rows + 1)).tolist()
    return bounds


def _series(pairs: list[tuple[int, int]], capacity: int, start: int, end: int) -> Series:
    series: Series = []
    for minute, held in [(start, 0), *pairs]:
        if minute >= end:
            break
        free = max(capacity - held, 0)
        moment = grid.to_datetime(minute)
        if series and series[-1][0] == moment:
            series.pop()  # something is held from the very start
        if not series or series[-1][1] != free:
            series.append((moment, free))
    return series

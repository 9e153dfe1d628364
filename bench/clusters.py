"""Synthetic clusters: numpy straight into columns, capacity respected by construction.

Each node is parted into lanes of equal shares; on a lane one reservation follows the other with
gaps between. So no instant holds more than a node has, at any density.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.problem import Commitments, Limit, Node, Problem, Request, Scope

HOUR = 60
DAY = 24 * HOUR
NODES = 200
CAPACITY = {"cpu": 64, "gpu": 8, "mem": 512}
"""Of every node; memory in GiB, so that the textbook model can bear the sums."""
ASKER = 1
PEOPLE = 60
SPAN = 14 * DAY
"""How long the reservations of a scene reach; requests may end three days later."""
EXTRA = 3 * DAY
ELSEWHERE = "login1"
"""A node that is never a candidate."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """One benchmark case. `periods`: how many times over the same density is stored."""

    rows: int
    tight: bool
    late: bool
    count: int
    periods: int = 1
    seed: int = 7

    @property
    def lanes(self) -> int:
        """Lanes of one node: fewer on small scenes, so that every lane is used."""
        return 1 if self.rows <= 1_000 else 4 if self.rows <= 10_000 else 8

    def name(self) -> str:
        return f"{'tight' if self.tight else 'loose'} {'late' if self.late else 'early'}"


def node_names() -> list[str]:
    return [f"n{i + 1}" for i in range(NODES)]


def spans(scene: Scene, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Lane, start and end of every reservation; on a lane none overlaps another."""
    lanes = NODES * scene.lanes
    each = max(1, round(scene.rows / len(CAPACITY) / lanes)) * scene.periods
    fill = 0.95 if scene.tight else 0.5
    pieces = rng.gamma(2.0, size=(lanes, each, 2)) * [1 - fill, fill]
    reach = SPAN * scene.periods
    pieces *= (reach / pieces.sum(axis=(1, 2)))[:, None, None]
    edges = np.cumsum(pieces.reshape(lanes, 2 * each), axis=1).astype(np.int64) // 5 * 5
    lane = np.repeat(np.arange(lanes), each)
    start, end = edges[:, 0::2].ravel(), edges[:, 1::2].ravel()
    real = start < end
    return lane[real], start[real], end[real]


def commitments(scene: Scene) -> Commitments:
    """About `rows · periods` commitments: every reservation holds some of each resource."""
    rng = np.random.default_rng(scene.seed)
    lane, start, end = spans(scene, rng)
    number = len(lane)
    owner = rng.integers(ASKER + 1, ASKER + PEOPLE, size=number)
    mine = rng.choice(number, size=min(60 * scene.periods, number // 20), replace=False)
    owner[mine] = ASKER
    shares = rng.choice([0.5, 1.0] if scene.tight else [0.25, 0.5], size=(len(CAPACITY), number))
    amounts = [
        np.maximum(1, capacity / scene.lanes * share).astype(np.int64)
        for capacity, share in zip(CAPACITY.values(), shares, strict=True)
    ]
    kinds = len(CAPACITY)
    columns = [
        np.tile(lane // scene.lanes, kinds),
        np.repeat(np.arange(kinds), number),
        np.concatenate(amounts),
        np.tile(start, kinds),
        np.tile(end, kinds),
        np.tile(np.arange(number), kinds),
        np.tile(owner, kinds),
    ]
    return Commitments([*node_names(), ELSEWHERE], list(CAPACITY), columns)


def columns_of(table: Commitments) -> list[Ints]:
    return [
        table.node,
        table.resource,
        table.amount,
        table.start,
        table.end,
        table.reservation,
        table.owner,
    ]


def cut(table: Commitments, start: int, end: int) -> Commitments:
    """What overlaps `[start, end)`, as the availability service reads it by an index."""
    keep = (table.start < end) & (table.end > start)
    return Commitments(
        table.node_names, table.resource_names, [column[keep] for column in columns_of(table)]
    )


def _everywhere(table: Commitments, amount: int) -> Problem:
    """The cluster with one total limit on GPUs over all nodes."""
    nodes = tuple(Node(name, CAPACITY) for name in table.node_names)
    names = frozenset(table.node_names)
    limit = Limit("GPUs of one person", "gpu", names, amount, Scope.TOTAL)
    return Problem(nodes, table, (), (limit,), ASKER)


def problem(scene: Scene, table: Commitments) -> Problem:
    """The cluster with a limit that leaves little more than what is asked.

    Never below what the asker holds already: the textbook model cannot bear that.
    """
    asked = scene.count * (CAPACITY["gpu"] if scene.late else 2)
    return _everywhere(table, max(asked + 4, _most_held(table)))


def _most_held(table: Commitments) -> int:
    """The most GPUs that the asker holds at once."""
    mine = (table.owner == ASKER) & (table.resource == list(CAPACITY).index("gpu"))
    moments = np.concatenate((table.start[mine], table.end[mine]))
    changes = np.concatenate((table.amount[mine], -table.amount[mine]))
    order = np.lexsort((changes, moments))
    return int(np.cumsum(changes[order]).max(initial=0))


def blocked(scene: Scene, table: Commitments) -> Problem:
    """The same, but for twelve days the asker's own limit is used up on a node apart."""
    gpus = CAPACITY["gpu"]
    mine = [NODES, list(CAPACITY).index("gpu"), gpus, 0, 12 * DAY, 10**9, ASKER]
    columns = [
        np.append(column, value) for column, value in zip(columns_of(table), mine, strict=True)
    ]
    owner = columns[-1]
    owner[:-1][owner[:-1] == ASKER] += 1
    return _everywhere(Commitments(table.node_names, table.resource_names, columns), gpus)


def requests(scene: Scene, number: int) -> list[Request]:
    """Early answers: a few units for an hour or two. Late ones: whole nodes for half a day."""
    rng = np.random.default_rng(scene.seed + 1)
    base = SPAN * (scene.periods - 1)
    return [_request(scene, rng, base) for _ in range(number)]


def _request(scene: Scene, rng: np.random.Generator, base: int) -> Request:
    demands = {
        "cpu": int(rng.integers(2, 9)),
        "gpu": 1,
        "mem": int(rng.integers(4, 33)),
    }
    duration = int(rng.integers(2, 5)) * HOUR // 2
    if scene.late:
        demands = {**demands, "cpu": int(rng.integers(32, 65)), "gpu": CAPACITY["gpu"]}
        duration = int(rng.integers(6, 13)) * HOUR
    return Request.uniform(
        demands,
        node_names(),
        count=scene.count,
        duration=duration,
        release=base + int(rng.integers(0, 8)) * 6 * HOUR,
        deadline=base + SPAN + EXTRA,
    )

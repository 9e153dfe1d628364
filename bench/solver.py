"""The core beside the textbook model: equal answers, time, memory. `python -m bench.solver`.

Prints tables in Markdown. Where the textbook model is not done in time, it is told whether the
core's answer lies between its bound and its best ("can be"). Exits with 1 when an answer differs
from the textbook's, or when a search that is blocked by one's own limit needed more than one
model.
"""

import argparse
import itertools
import sys
import time
from dataclasses import dataclass
from statistics import median

from bench import clusters
from bench.clusters import Scene
from bench.measure import MIB, Build, CoreRun, TextbookRun, alone, run_core, run_stored
from bench.measure import run_textbook as run_book

SIZES = (1_000, 10_000, 100_000)
COUNTS = (1, 3, 8)
GOAL_RATIO = 100
"""At 100,000 commitments, and for solving (without building) on 200 nodes: 5 ms."""
GOAL_SOLVE = 0.005


@dataclass(frozen=True)
class Plan:
    """What is run: how many requests each, of the core and of the textbook model by size."""

    scenes: list[Scene]
    requests: int
    books: dict[int, int]
    book_seconds: float
    periods: tuple[int, ...]


FULL = Plan(
    [
        Scene(size, tight, late, count)
        for size in SIZES
        for tight, late, count in itertools.product((False, True), (False, True), COUNTS)
    ],
    requests=40,
    books={1_000: 4, 10_000: 2, 100_000: 1},
    book_seconds=15,
    periods=(1, 10, 100),
)
QUICK = Plan(
    [
        Scene(1_000, False, False, 1),
        Scene(1_000, True, True, 3),
        Scene(10_000, True, False, 8),
        Scene(10_000, True, True, 1),
        Scene(100_000, True, True, 3),
    ],
    requests=20,
    books={1_000: 2, 10_000: 1, 100_000: 1},
    book_seconds=5,
    periods=(1, 10),
)


@dataclass(frozen=True)
class Pair:
    """Both on the same scene."""

    scene: Scene
    core: CoreRun
    book: TextbookRun

    @property
    def equal(self) -> bool:
        told = zip(self.core.timings, self.book.answers, strict=False)
        return all(
            mine.status in ("optimal", "infeasible") and theirs.agrees(mine.start)
            for mine, theirs in told
        )

    @property
    def proven(self) -> bool:
        """Whether the textbook model came to its end on all its requests."""
        return all(answer.proven for answer in self.book.answers)

    def verdict(self) -> str:
        if not self.equal:
            return "NO"
        return "yes" if self.proven else "can be"

    @property
    def book_seconds(self) -> float:
        return median(answer.build + answer.solve for answer in self.book.answers)

    @property
    def ratio(self) -> float:
        return self.book_seconds / self.core.percentile("whole", 50)

    def first_day(self) -> str:
        starts = [one.start for one in self.core.timings if one.start is not None]
        return f"{median(starts) / clusters.DAY:.1f}" if starts else "none"


def compare(build: Build, scene: Scene, plan: Plan) -> Pair:
    core = alone(run_core, build, scene, plan.requests)
    return Pair(
        scene, core, alone(run_book, build, scene, plan.books[scene.rows], plan.book_seconds)
    )


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def table(title: str, head: list[str]) -> None:
    print(f"\n## {title}\n")
    row(head)
    row(["---"] * len(head))


def row(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


HEAD = [
    *("commitments", "case", "k", "start (day)", "equal"),
    *("textbook build ms", "solve ms", "core p50 ms", "p95 ms", "ratio"),
    *("sweep p50", "model p50", "solve p50", "solve p95", "models (most)"),
    *("MiB textbook", "core"),
]


def pair_row(pair: Pair, name: str) -> None:
    core, answers = pair.core, pair.book.answers
    row(
        [
            f"{core.rows:,}",
            name,
            str(pair.scene.count),
            pair.first_day(),
            pair.verdict(),
            ms(median(answer.build for answer in answers)),
            ms(median(answer.solve for answer in answers)),
            ms(core.percentile("whole", 50)),
            ms(core.percentile("whole", 95)),
            f"{'' if pair.proven else '> '}{pair.ratio:.0f}",
            *(ms(core.percentile(part, 50)) for part in ("sweep", "model", "solve")),
            ms(core.percentile("solve", 95)),
            f"{core.percentile('models', 50):.0f} ({core.percentile('models', 100):.0f})",
            f"{pair.book.memory / MIB:.0f}",
            f"{core.memory / MIB:.0f}",
        ]
    )


def compare_all(plan: Plan) -> list[Pair]:
    table("The core and the textbook model, 200 nodes, one worker each", HEAD)
    pairs = []
    for scene in plan.scenes:
        pairs.append(compare(clusters.problem, scene, plan))
        pair_row(pairs[-1], scene.name())
    return pairs


def compare_blocked(plan: Plan) -> list[Pair]:
    table("Twelve days blocked by the asker's own total limit", HEAD)
    pairs = []
    for size in (10_000, 100_000):
        pairs.append(compare(clusters.blocked, Scene(size, False, False, 1), plan))
        pair_row(pairs[-1], "blocked")
    return pairs


def compare_stored(plan: Plan) -> None:
    table(
        "Growth with what is stored, at equal density: tight, late, k of 3",
        ["stored", "in the window", "core p50 ms", "p95 ms", "solve p50", "MiB core"],
    )
    for periods in plan.periods:
        scene = Scene(10_000, True, True, 3, periods=periods)
        run = alone(run_stored, scene, plan.requests)
        row(
            [
                f"{run.stored:,}",
                f"{run.core.rows:,}",
                ms(run.core.percentile("whole", 50)),
                ms(run.core.percentile("whole", 95)),
                ms(run.core.percentile("solve", 50)),
                f"{run.core.memory / MIB:.0f}",
            ]
        )


def goals(pairs: list[Pair], blocked: list[Pair]) -> bool:
    """Prints what was aimed at and what was reached; whether the answers are right."""
    largest = [pair.ratio for pair in pairs if pair.scene.rows == max(SIZES)]
    solving = median(one.solve for pair in pairs for one in pair.core.timings)
    equal = all(pair.equal for pair in pairs + blocked)
    models = max(one.models for pair in blocked for one in pair.core.timings)
    print("\n## Goals\n")
    print(f"- Equal answers: {'yes' if equal else 'NO'}.")
    print(
        f"- At {max(SIZES):,} commitments at least {GOAL_RATIO} times as fast:"
        f" {min(largest):.0f} to {max(largest):.0f} times, median {median(largest):.0f}."
    )
    print(f"- Solving at most {ms(GOAL_SOLVE)} ms in the median: {ms(solving)} ms.")
    print(f"- Blocked by one's own limit, one model: {models}.")
    return equal and models == 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.solver", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cases, under a minute")
    plan = QUICK if parser.parse_args().quick else FULL
    began = time.perf_counter()
    pairs = compare_all(plan)
    blocked = compare_blocked(plan)
    compare_stored(plan)
    right = goals(pairs, blocked)
    print(f"\nTook {time.perf_counter() - began:.0f} s.")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

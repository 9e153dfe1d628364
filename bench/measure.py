"""Runs one piece of work in a process of its own, so that its peak memory is its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench import clusters
from bench.textbook import TextbookAnswer, textbook
from solver.problem import Commitments, Problem, Request
from solver.result import Answer, Status
from solver.search import Budget, earliest

Result = TypeVar("Result")
MIB = 2**20


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """The result of `work(*arguments)`, done in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def peak_memory() -> int:
    """The most bytes that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(frozen=True)
class Timing:
    """One answer of the core, in seconds."""

    start: int | None
    status: str
    whole: float
    sweep: float
    model: float
    solve: float
    models: int


@dataclass(frozen=True)
class CoreRun:
    """The answers to several requests; `memory` is what the first one took at its peak."""

    rows: int
    memory: int
    timings: list[Timing] = field(default_factory=list)

    def percentile(self, what: str, percent: float) -> float:
        return float(np.percentile([getattr(one, what) for one in self.timings], percent))


@dataclass(frozen=True)
class TextbookRun:
    memory: int
    answers: list[TextbookAnswer]


Build = Callable[[clusters.Scene, Commitments], Problem]


def core_once(problem: Problem, request: Request) -> Timing:
    began = time.perf_counter()
    answer = earliest(problem, request, Budget(clock=time.perf_counter))
    return _timing(answer, time.perf_counter() - began)


def _timing(answer: Answer, whole: float) -> Timing:
    effort = answer.effort
    start = answer.offers[0].placement.start if answer.status is Status.OPTIMAL else None
    return Timing(
        start, answer.status, whole, effort.sweep, effort.model, effort.solve, effort.models
    )


def run_core(build: Build, scene: clusters.Scene, number: int) -> CoreRun:
    """The core on `number` requests, after one to warm up (which also gives the memory)."""
    problem = build(scene, clusters.commitments(scene))
    asked = clusters.requests(scene, number)
    before = peak_memory()
    core_once(problem, asked[0])
    memory = peak_memory() - before
    return CoreRun(
        len(problem.commitments), memory, [core_once(problem, request) for request in asked]
    )


def run_textbook(build: Build, scene: clusters.Scene, number: int, seconds: float) -> TextbookRun:
    """The textbook model on the first `number` of the same requests, each so long at most."""
    problem = build(scene, clusters.commitments(scene))
    asked = clusters.requests(scene, number)
    before = peak_memory()
    answers = [textbook(problem, request, time.perf_counter, seconds) for request in asked]
    return TextbookRun(peak_memory() - before, answers)


@dataclass(frozen=True)
class StoredRun:
    """The core on a window cut from a long history."""

    stored: int
    core: CoreRun


def run_stored(scene: clusters.Scene, number: int) -> StoredRun:
    """The core on the last period of a history of several, cut as the service would."""
    table = clusters.commitments(scene)
    asked = clusters.requests(scene, number)
    release = min(request.release for request in asked)
    window = clusters.cut(table, release, asked[0].deadline)
    problem = clusters.problem(scene, window)
    before = peak_memory()
    core_once(problem, asked[0])
    memory = peak_memory() - before
    timings = [core_once(problem, request) for request in asked]
    return StoredRun(len(table), CoreRun(len(window), memory, timings))

"""The yardstick: the scheduling model of the textbooks, with nothing clever in it.

One fixed interval per commitment, one cumulative per node and resource, an optional interval per
candidate node that shares one start variable, one more cumulative per limit; the start is
minimised. Its size grows with everything that is reserved.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from solver.problem import Commitment, Limit, Problem, Request, Scope

Clock = Callable[[], float]


@dataclass(frozen=True)
class TextbookAnswer:
    """The least start (None: there is none), and the seconds spent building and solving.

    Not `proven` within its time: it lies between `bound` and `start`, where one was found.
    """

    start: int | None
    bound: int
    proven: bool
    build: float
    solve: float

    def agrees(self, start: int | None) -> bool:
        """Whether another's answer is the same, or, unproven, can be the same."""
        if self.proven:
            return start == self.start
        if start is None:
            return self.start is None
        return self.bound <= start and (self.start is None or start <= self.start)


class TextbookModel:
    """Built for one request; amounts must be small enough for the engine's cumulatives."""

    def __init__(self, problem: Problem, request: Request) -> None:
        self.problem, self.request = problem, request
        self.model = cp_model.CpModel()
        self.start = self.model.new_int_var(request.release, request.latest_start, "start")
        self.chosen = {node: self.model.new_bool_var(node) for node in request.bundles}
        self.asked = {node: self._optional(node) for node in request.bundles}
        self.fixed: dict[tuple[str, str], list[tuple[cp_model.IntervalVar, Commitment]]] = {}
        self._fix_commitments()
        self.model.add(sum(self.chosen.values()) == request.count)
        self._bound_nodes()
        for limit in problem.limits:
            self._bound_limit(limit)
        self.model.minimize(self.start)

    def _optional(self, node: str) -> cp_model.IntervalVar:
        return self.model.new_optional_fixed_size_interval_var(
            self.start, self.request.duration, self.chosen[node], f"on {node}"
        )

    def _fix_commitments(self) -> None:
        every = np.ones(len(self.problem.commitments), dtype=np.bool_)
        for row in self.problem.commitments.rows(every):
            interval = self.model.new_fixed_size_interval_var(row.start, row.end - row.start, "")
            self.fixed.setdefault((row.node, row.resource), []).append((interval, row))

    def _bound_nodes(self) -> None:
        """On each node, all of a resource that is in use at once is at most its capacity."""
        for node, bundle in self.request.bundles.items():
            for resource, demand in bundle.items():
                standing = self.fixed.get((node, resource), [])
                capacity = self.problem.by_name[node].capacity.get(resource, 0)
                self.model.add_cumulative(
                    [*(interval for interval, _ in standing), self.asked[node]],
                    [*(row.amount for _, row in standing), demand],
                    capacity,
                )

    def _bound_limit(self, limit: Limit) -> None:
        """What the asker holds at once, on each node or in all, is at most the limit."""
        parts = [limit.nodes]
        if limit.scope is Scope.EACH_NODE:
            parts = [frozenset({node}) for node in limit.nodes]
        for nodes in parts:
            own = [
                (interval, row.amount)
                for node in nodes
                for interval, row in self.fixed.get((node, limit.resource), [])
                if row.owner == self.problem.asker
            ]
            own += [
                (self.asked[node], self.request.bundles[node].get(limit.resource, 0))
                for node in nodes & self.asked.keys()
            ]
            self.model.add_cumulative([one for one, _ in own], [a for _, a in own], limit.amount)


def textbook(problem: Problem, request: Request, clock: Clock, seconds: float) -> TextbookAnswer:
    """Solve with one worker, as the core does, for at most so many seconds."""
    began = clock()
    built = TextbookModel(problem, request)
    ready = clock()
    engine = cp_model.CpSolver()
    engine.parameters.num_workers = 1
    engine.parameters.max_time_in_seconds = seconds
    status = engine.solve(built.model)
    solved = clock()
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return TextbookAnswer(
        start=int(engine.value(built.start)) if found else None,
        bound=math.ceil(engine.best_objective_bound - 1e-6),
        proven=status in (cp_model.OPTIMAL, cp_model.INFEASIBLE),
        build=ready - began,
        solve=solved - ready,
    )

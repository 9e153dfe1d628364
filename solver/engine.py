"""The one door to CP-SAT: a choice goes in, a named status and the chosen nodes come out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from solver.constraints import build
from solver.result import Effort, Status
from solver.variables import Choice

DETERMINISTIC_LIMIT = 10.0
"""CP-SAT's own measure of work; a choice takes about 1/1000 of it. Same on every machine."""
SEED = 20


class InvalidAnswer(RuntimeError):
    """The core contradicted itself (status *invalid*): a bug, never to be shown as an answer."""


def _stopped() -> float:
    return 0.0


@dataclass
class Budget:
    """How long an answer may take, in seconds of the caller's `clock`; the core reads none.

    Zero seconds means: answer what the sweep alone can prove.
    """

    seconds: float = math.inf
    clock: Callable[[], float] = _stopped
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def left(self) -> float:
        """Seconds left, at least 0."""
        return max(self.seconds - (self.clock() - self._started), 0.0)


_STATUSES = {
    cp_model.OPTIMAL: Status.OPTIMAL,
    cp_model.FEASIBLE: Status.FEASIBLE,
    cp_model.INFEASIBLE: Status.INFEASIBLE,
    cp_model.UNKNOWN: Status.UNKNOWN,
}


def status_of(code: object) -> Status:
    """CP-SAT's status by name; raises `InvalidAnswer` for MODEL_INVALID and whatever is new."""
    for known, status in _STATUSES.items():
        if code == known:
            return status
    raise InvalidAnswer(f"CP-SAT says {code!r}")


def decide(choice: Choice, budget: Budget) -> tuple[Status, tuple[str, ...]]:
    """The best nodes: *optimal* with them, *feasible* with some, *infeasible*, or *unknown*."""
    if budget.left() <= 0:
        return Status.UNKNOWN, ()
    begun = budget.clock()
    model, variables, objectives = build(choice)
    budget.effort.model += budget.clock() - begun
    budget.effort.models += 1
    nodes: tuple[str, ...] = ()
    steps: list[cp_model.LinearExprT | None] = [*objectives]
    for objective in steps or [None]:
        if objective is not None:
            model.minimize(objective)
        status, solver = _solve(model, budget)
        if status not in (Status.OPTIMAL, Status.FEASIBLE):
            # What an earlier objective found still stands, unproven.
            return (Status.FEASIBLE, nodes) if nodes else (status, ())
        nodes = tuple(name for name, x in variables.items() if solver.boolean_value(x))
        if status is Status.FEASIBLE:
            return status, nodes
        if objective is not None:
            model.add(objective == round(solver.objective_value))
    return Status.OPTIMAL, nodes


def _solve(model: cp_model.CpModel, budget: Budget) -> tuple[Status, cp_model.CpSolver]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_deterministic_time = DETERMINISTIC_LIMIT
    if math.isfinite(left := budget.left()):
        solver.parameters.max_time_in_seconds = left
    begun = budget.clock()
    status = status_of(solver.solve(model))
    budget.effort.solve += budget.clock() - begun
    return status, solver

"""What CP-SAT decides at one start: which of the free nodes are used."""

from collections.abc import Mapping
from dataclasses import dataclass

from ortools.sat.python import cp_model


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` of `nodes` may be chosen: a total limit, turned into a count."""

    nodes: frozenset[str]
    most: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Choose `count` of `nodes` (naturally sorted, best tie first) with the least total score."""

    nodes: tuple[str, ...]
    scores: Mapping[str, int]
    count: int
    caps: tuple[Cap, ...]

    def worth_choosing(self) -> tuple[str, ...]:
        """The nodes that can stand in a best answer, in order.

        Nodes under the same caps can replace one another, so of each such class only the `count`
        with the least score (ties: the first by name) can.
        """
        classes: dict[tuple[bool, ...], list[str]] = {}
        for name in sorted(self.nodes, key=self.scores.__getitem__):  # stable: ties keep order
            classes.setdefault(tuple(name in cap.nodes for cap in self.caps), []).append(name)
        kept = {name for names in classes.values() for name in names[: self.count]}
        return tuple(name for name in self.nodes if name in kept)


Chosen = Mapping[str, cp_model.IntVar]
"""One Boolean a node: is it used?"""


def chosen_variables(model: cp_model.CpModel, nodes: tuple[str, ...]) -> Chosen:
    """The variables of the model, one a node."""
    return {name: model.new_bool_var(name) for name in nodes}

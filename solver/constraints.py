"""The CP-SAT model at one start: one function a rule."""

from collections.abc import Iterator

from ortools.sat.python import cp_model

from solver.variables import Cap, Choice, Chosen, chosen_variables

TIE_BITS = 50
"""Nodes told apart in one tie-breaking objective: powers of two that stay well inside 64 bits."""


def exactly(model: cp_model.CpModel, chosen: Chosen, count: int) -> None:
    """Exactly `count` different nodes are used."""
    model.add(sum(chosen.values()) == count)


def total_limit(model: cp_model.CpModel, chosen: Chosen, cap: Cap) -> None:
    """Of the nodes under a total limit no more are used than what is left of it serves."""
    inside = [variable for name, variable in chosen.items() if name in cap.nodes]
    model.add(sum(inside) <= cap.most)


def best_fit(chosen: Chosen, choice: Choice) -> cp_model.LinearExprT:
    """What is left free on the used nodes, as shares of their capacities, is least."""
    return sum(choice.scores[name] * variable for name, variable in chosen.items())


def first_names(chosen: Chosen) -> Iterator[cp_model.LinearExprT]:
    """Ties go to the lexicographically least list of names.

    Of two sets of equal size the one that has the first name in which they differ is less, so
    names count as the digits of a binary number, in pieces, the first most significant.
    """
    variables = list(chosen.values())
    for first in range(0, len(variables), TIE_BITS):
        piece = variables[first : first + TIE_BITS]
        yield -sum((1 << (len(piece) - 1 - i)) * variable for i, variable in enumerate(piece))


def build(choice: Choice) -> tuple[cp_model.CpModel, Chosen, list[cp_model.LinearExprT]]:
    """The model, its variables, and what to minimise, in order of weight.

    Where all nodes worth choosing are used there is nothing to minimise.
    """
    model = cp_model.CpModel()
    names = choice.worth_choosing()
    variables = chosen_variables(model, names)
    exactly(model, variables, choice.count)
    for cap in choice.caps:
        total_limit(model, variables, cap)
    if len(names) <= choice.count:
        return model, variables, []
    return model, variables, [best_fit(variables, choice), *first_names(variables)]

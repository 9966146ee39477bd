"""The formula of a local derivative, from the table.

A row of the table says what a partial derivative is over any number system. Over `Value`s the result is a
recorded graph, and such a graph has a formula. This module knows no operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isclose, isnan

from engine import functions
from engine.expression import ExpressionError, parse
from engine.graph import topological
from engine.ops import OPS
from engine.recording import recorder, taking_limits
from engine.show.notation import ATOM, LATEX, TEXT, Names, has_a_sign
from engine.show.selection import select
from engine.value import CONSTANT, Value, is_factor_one

_LONGEST = 40  # characters of a formula
_MOST_NODES = 30  # of its graph
_MOST_OPERANDS = 4


@dataclass(frozen=True)
class Formula:
    """The formula of a derivative, in letters.

    Args:
        text: as text.
        latex: as LaTeX.
        number: its number at the operands, if they are known.
    """

    text: str
    latex: str
    number: float | None = None


def partial_formula(name: str, at: Sequence[float], place: int) -> Formula | None:
    """The formula of the derivative of an operation by one of its operands.

    Args:
        name: the operation, a row of the table.
        at: numbers for its operands. Of a derivative with several branches, the one taken there is meant.
        place: which operand, from 0.

    Returns:
        The formula; None where the derivative is a plain number, or has no short formula.

    Example:
        >>> print(partial_formula("tanh", [0.5], 0).text)
        ∂tanh(x)/∂x = sech²(x) = 1 − tanh(x)²
        >>> print(partial_formula("div", [1.0, 2.0], 1).text)
        ∂(x/y)/∂y = (−x/y)/y
    """
    op = OPS[name]
    if len(at) > _MOST_OPERANDS:
        return None
    letters = [Value(x, letter) for x, letter in zip(at, op.letters(len(at)), strict=True)]
    with taking_limits():
        out = recorder(op)(*letters)
        derivative = op.partials(functions, out, *letters)[place]
        if not isinstance(derivative, Value):
            return None
        derivative = _on_its_branch(derivative)
    order = topological([derivative, out])
    if derivative.kind == CONSTANT or isnan(derivative.data) or len(order) > _MOST_NODES:
        return None
    if not all(has_a_sign(OPS[value.op]) for value in order if value.op):
        return None
    sides = [derivative, *_written_out(derivative)]
    selection = select([out, *sides], depth=None, max_nodes=2 * _MOST_NODES, whole="a formula", ways_out="")
    names = Names(selection, _LONGEST)
    if any(names.text[side][0].startswith("#") for side in (out, *sides)):
        return None
    x = letters[place]
    text = TEXT.derivative(names.atom(out), names.text[x][0])
    latex = LATEX.derivative(LATEX.inside(names.latex[out], ATOM), names.latex[x][0])
    return Formula(
        " = ".join([text, *(names.text[side][0] for side in sides)]),
        " = ".join([latex, *(names.latex[side][0] for side in sides)]),
        derivative.data,
    )


def _on_its_branch(derivative: Value) -> Value:
    """A derivative with each choice replaced by what is chosen, and without factors of 1."""
    chosen: dict[Value, Value] = {}
    for value in topological([derivative]):
        if not value.parents:
            chosen[value] = value
            continue
        op, operands = OPS[value.op], [chosen[parent] for parent in value.parents]
        if op.chooses:
            chosen[value] = operands[1 if operands[0].data else 2]
        elif op.form == "product" and any(is_factor_one(operand) for operand in operands):
            chosen[value] = operands[1 if is_factor_one(operands[0]) else 0]
        else:
            chosen[value] = recorder(op)(*operands)
    return chosen[derivative]


def _written_out(derivative: Value) -> list[Value]:
    """The formula in the text of the table, if the derivative is one function of its letter."""
    if len(derivative.parents) != 1 or derivative.parents[0].parents:
        return []
    op = OPS[derivative.op]
    formula, _, _ = op.text.partition(", ")
    with suppress(ExpressionError, ValueError, ArithmeticError):
        found = parse(formula)(**{op.operands[0]: derivative.parents[0]})
        if isinstance(found, Value) and found.op != op.name and isclose(found.data, derivative.data):
            return [found]
    return []

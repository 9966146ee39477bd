"""The rule behind a local derivative, as a formula that is read off the table.

A row of the table says what a partial derivative is over any number system. Over `Value`s that is a recorded
graph, and such a graph has a formula: no operation is known here.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from engine import functions
from engine.expression import ExpressionError, parse
from engine.graph import topological
from engine.ops import OPS, Op
from engine.recording import recorder, taking_limits
from engine.show.notation import ATOM, LATEX, TEXT, Names, has_a_name
from engine.show.selection import shown_of
from engine.value import CONSTANT, Value, is_factor_one

_LONGEST = 40  # characters of a rule
_MOST_NODES = 30  # of its graph
_MOST_OPERANDS = 4


@dataclass(frozen=True)
class Rule:
    """A derivative in general, of an operation on letters.

    Args:
        text: as text.
        latex: as LaTeX.
        number: what it comes to at the operands, if they are known.
    """

    text: str
    latex: str
    number: float | None = None


def local_rule(name: str, at: Sequence[float], place: int) -> Rule | None:
    """The derivative of an operation by one of its operands.

    Args:
        name: the operation, a row of the table.
        at: numbers for its operands: of a rule that has several branches, the one taken there is meant.
        place: which operand, from 0.

    Returns:
        The rule; None where it is a plain number, or no short formula.

    Example:
        >>> print(local_rule("tanh", [0.5], 0).text)
        ∂tanh(x)/∂x = sech²(x) = 1 − tanh(x)²
        >>> print(local_rule("div", [1.0, 2.0], 1).text)
        ∂(x/y)/∂y = (−x/y)/y
    """
    op = OPS[name]
    if len(at) > _MOST_OPERANDS:
        return None
    letters = [Value(x, letter) for x, letter in zip(at, _letters(op, len(at)), strict=True)]
    with taking_limits():
        out = recorder(op)(*letters)
        derivative = op.partials(functions, out, *letters)[place]
        if not isinstance(derivative, Value):
            return None
        derivative = _on_its_branch(derivative)
    order = topological([derivative, out])
    if derivative.kind == CONSTANT or len(order) > _MOST_NODES or not all(has_a_name(v.op) for v in order):
        return None
    sides = [derivative, *_written_out(derivative)]
    names = Names(
        shown_of([out, *sides], depth=None, max_nodes=2 * _MOST_NODES, whole="a rule", ways_out=""), _LONGEST
    )
    if any(names.text[side][0].startswith("#") for side in (out, *sides)):
        return None
    x = letters[place]
    text = TEXT.derivative(names.atom(out), names.text[x][0])
    latex = LATEX.derivative(LATEX.inside(names.latex[out], ATOM), names.latex[x][0])
    return Rule(
        " = ".join([text, *(names.text[side][0] for side in sides)]),
        " = ".join([latex, *(names.latex[side][0] for side in sides)]),
        derivative.data,
    )


def _letters(op: Op, count: int) -> list[str]:
    """What the table calls the operands."""
    _, *parameters = inspect.signature(op.forward).parameters.values()
    if parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return [f"{parameters[0].name}_{i}" for i in range(1, count + 1)]
    return [parameter.name for parameter in parameters]


def _on_its_branch(derivative: Value) -> Value:
    """A derivative with each choice replaced by what is chosen, and without factors of 1."""
    chosen: dict[Value, Value] = {}
    for value in topological([derivative]):
        operands = [chosen[parent] for parent in value.parents]
        if value.op == "where":
            chosen[value] = operands[1 if operands[0].data else 2]
        elif value.op == "mul" and any(is_factor_one(operand) for operand in operands):
            chosen[value] = operands[1 if is_factor_one(operands[0]) else 0]
        else:
            chosen[value] = recorder(OPS[value.op])(*operands) if operands else value
    return chosen[derivative]


def _written_out(derivative: Value) -> list[Value]:
    """A derivative that is one function of its letter, by the function's formula, if the table has one."""
    if len(derivative.parents) != 1 or derivative.parents[0].parents:
        return []
    formula, _, _ = OPS[derivative.op].text.partition(", ")
    x = derivative.parents[0]
    with suppress(ExpressionError, ValueError, ArithmeticError):
        found = parse(formula)(**{x.label: x})
        if isinstance(found, Value) and found.op != derivative.op:
            return [found]
    return []

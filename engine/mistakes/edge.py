"""One step of the chain rule, as a mistake sees it: a value, one of its operands, the numbers on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from engine.mistakes.computation import Change, Computation
from engine.mistakes.mistake import Case
from engine.numbers import floats
from engine.ops import OPS, Op
from engine.value import CONSTANT, Value


class Wrong(NamedTuple):
    """A number that somebody may take for a local derivative.

    Args:
        number: the number.
        text: the mistake in words, with names.
        everywhere: what is said if it is made at every such step; may be empty.
    """

    number: float
    text: str
    everywhere: str = ""


@dataclass(frozen=True)
class Edge:
    """The derivative of a value by one of its operands.

    Args:
        own: the computation.
        value: the value that is differentiated.
        k: the place of the operand.
        partial: the right derivative.
    """

    own: Computation
    value: Value
    k: int
    partial: float

    @property
    def parent(self) -> Value:
        """The operand."""
        return self.value.parents[self.k]

    @property
    def row(self) -> Op:
        """The operation."""
        return OPS[self.value.op]

    @cached_property
    def x(self) -> float:
        """The number of the operand."""
        return self.own.number(self.parent)

    @cached_property
    def out(self) -> float:
        """The number of the value."""
        return self.own.number(self.value)

    @property
    def partner(self) -> Value | None:
        """The other factor of a product; None of anything else."""
        return partner_of(self.value, self.k)

    @property
    def is_function(self) -> bool:
        """Whether the value is a function of one number, or a power with a constant exponent."""
        return is_function(self.value) and self.k == 0

    def slope(self, op: str, out: float | None, x: float) -> float:
        """The derivative of a function of one number, by its rule; NaN outside its domain."""
        others = [self.own.number(p) for p in self.value.parents[1:]] if op == self.value.op else []
        row = OPS[op]
        try:
            forward = row.forward(floats, x, *others) if out is None else out
            return float(row.partials(floats, forward, x, *others)[0])
        except (ValueError, ArithmeticError):
            return float("nan")


def edges(own: Computation) -> Iterator[Edge]:
    """Every step of the chain rule through which something flows, from the output on."""
    for value in reversed(own.problem.order):
        if own.adjoint(value) != 0.0:
            for k, partial in enumerate(own.partials.get(value, ())):
                yield Edge(own, value, k, partial.number)


def at_each_edge(wrong: Callable[[Edge], Iterable[Wrong]]) -> Callable[[Computation], Iterator[Case]]:
    """The cases of a mistake in a local derivative.

    Args:
        wrong: the numbers that somebody may take for the derivative of a step.

    Returns:
        A function of a computation that yields the cases.
    """

    def cases(own: Computation) -> Iterator[Case]:
        for edge in edges(own):
            for number, text, everywhere in wrong(edge):
                if number != edge.partial and number - number == 0.0:
                    change = Change(partials={(edge.value, edge.k): number})
                    yield Case(text, change, everywhere, own.problem.depth[edge.value])

    return cases


# --- What the values of a graph are to a reader.


def is_function(value: Value) -> bool:
    """Whether a value is a function of one number; leaving out a minus is a mistake of the sign."""
    count = len(value.parents)
    if count == 2 and OPS[value.op].form == "power":
        return value.parents[1].kind == CONSTANT
    return count == 1 and OPS[value.op].form != "negation"


def is_sum(value: Value) -> bool:
    """Whether a value is the sum of its operands."""
    row = OPS.get(value.op)
    return row is not None and row.form == "sum" and not row.paired


def partner_of(value: Value, k: int) -> Value | None:
    """The number that the operand at a place is multiplied by; None if the value is no product."""
    place = partner_place(value, k)
    return None if place is None else value.parents[place]


def partner_place(value: Value, k: int) -> int | None:
    """The place of the factor that goes with the one at a place; None if the value is no product."""
    row, count = OPS[value.op], len(value.parents)
    if row.paired:
        return (k + count // 2) % count
    return 1 - k if row.form == "product" and count == 2 else None


def terms_of(value: Value) -> list[tuple[Value, Value]]:
    """The products that a value adds up, as pairs of factors; none of anything else."""
    if not (value.op and OPS[value.op].paired):
        return []
    half = len(value.parents) // 2
    return list(zip(value.parents[:half], value.parents[half:], strict=True))


def name_of(value: Value) -> str:
    """The label of a value, or its number if it has no label."""
    return value.label or f"{value.data:.6g}"


def describe(value: Value) -> str:
    """An operation with the names of its operands: `a_5 = sigmoid(z_5)`."""
    operands = ", ".join(name_of(p) for p in value.parents[:3]) + (", ..." if len(value.parents) > 3 else "")
    return f"{value.label + ' = ' if value.label else ''}{value.op}({operands})"

"""A correct engine with functional gradients: `grad(y, [a, b])` returns a list, and numbers are in `x`."""

from __future__ import annotations

import math
from collections.abc import Sequence


class Var:
    def __init__(self, x: float, back: Sequence[tuple[Var, float]] = ()) -> None:
        self._x = float(x)
        self._back = back

    def item(self) -> float:
        return self._x

    def __add__(self, other: Var | float) -> Var:
        other = other if isinstance(other, Var) else Var(other)
        return Var(self._x + other._x, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other: Var | float) -> Var:
        other = other if isinstance(other, Var) else Var(other)
        return Var(self._x * other._x, [(self, other._x), (other, self._x)])

    def square(self) -> Var:
        return self * self


def exp(x: Var) -> Var:
    return Var(math.exp(x._x), [(x, math.exp(x._x))])


def grad(y: Var, by: Sequence[Var]) -> list[float]:
    order: list[Var] = []
    seen = set()
    stack = [(y, False)]
    while stack:
        value, ready = stack.pop()
        if ready:
            order.append(value)
        elif value not in seen:
            seen.add(value)
            stack.append((value, True))
            stack.extend((operand, False) for operand, _ in value._back)
    found = {y: 1.0}
    for value in reversed(order):
        for operand, partial in value._back:
            found[operand] = found.get(operand, 0.0) + partial * found[value]
    return [found.get(x, 0.0) for x in by]

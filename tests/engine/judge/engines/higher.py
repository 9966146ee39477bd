"""A correct engine whose gradients are values themselves, to be differentiated again."""

from __future__ import annotations

import math
from collections.abc import Callable


class Value:
    def __init__(
        self,
        data: float,
        operands: tuple[Value, ...] = (),
        pull: Callable[[Value], tuple[Value, ...]] = lambda g: (),
    ) -> None:
        self.data = data
        self.operands = operands
        self.pull = pull
        self.grad: Value | None = None

    def __add__(self, other: Value | float) -> Value:
        other = lift(other)
        return Value(self.data + other.data, (self, other), lambda g: (g, g))

    def __mul__(self, other: Value | float) -> Value:
        other = lift(other)
        return Value(self.data * other.data, (self, other), lambda g: (g * other, g * self))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | float) -> Value:
        return self + -lift(other)

    def __rsub__(self, other: Value | float) -> Value:
        return lift(other) - self

    def sin(self) -> Value:
        return Value(math.sin(self.data), (self,), lambda g: (g * self.cos(),))

    def cos(self) -> Value:
        return Value(math.cos(self.data), (self,), lambda g: (-(g * self.sin()),))

    def backward(self) -> None:
        order: list[Value] = []
        seen: set[Value] = set()
        waiting = [(self, False)]
        while waiting:
            value, complete = waiting.pop()
            if complete:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                waiting += [(value, True), *((operand, False) for operand in value.operands)]
        found = {self: Value(1.0)}
        for value in reversed(order):
            gradient = found[value]
            kept = None if value.operands else value.grad
            value.grad = gradient if kept is None else kept + gradient
            for operand, part in zip(value.operands, value.pull(gradient), strict=False):
                found[operand] = found[operand] + part if operand in found else part


def lift(x: Value | float) -> Value:
    return x if isinstance(x, Value) else Value(x)

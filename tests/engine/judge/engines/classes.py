"""A correct engine with a class for each operation, and a tape that every value writes itself on."""

from __future__ import annotations

import math


class Operation:
    def __init__(self, *operands: Scalar) -> None:
        self.operands = operands

    def forward(self) -> float:
        raise NotImplementedError

    def partials(self) -> tuple[float, ...]:
        raise NotImplementedError

    @classmethod
    def apply(cls, *operands: Scalar) -> Scalar:
        operation = cls(*operands)
        return Scalar(operation.forward(), operation)


class Scalar:
    def __init__(self, val: float, made_by: Operation | None = None) -> None:
        self.val = val
        self.derivative = 0.0
        self.made_by = made_by

    def __add__(self, other: Scalar) -> Scalar:
        return Add.apply(self, other)

    def __mul__(self, other: Scalar) -> Scalar:
        return Mul.apply(self, other)

    def backprop(self) -> None:
        uses: dict[Scalar, int] = {}
        waiting = [self]
        while waiting:
            made_by = waiting.pop().made_by
            for operand in made_by.operands if made_by else ():
                if operand not in uses:
                    uses[operand] = 0
                    waiting.append(operand)
                    operand.derivative = 0.0
                uses[operand] += 1
        self.derivative = 1.0
        waiting = [self]
        while waiting:
            value = waiting.pop()
            if value.made_by is None:
                continue
            pairs = zip(value.made_by.operands, value.made_by.partials(), strict=True)
            for operand, partial in pairs:
                operand.derivative += partial * value.derivative
                uses[operand] -= 1
                if not uses[operand]:
                    waiting.append(operand)


class Add(Operation):
    def forward(self) -> float:
        return self.operands[0].val + self.operands[1].val

    def partials(self) -> tuple[float, ...]:
        return 1.0, 1.0


class Mul(Operation):
    def forward(self) -> float:
        return self.operands[0].val * self.operands[1].val

    def partials(self) -> tuple[float, ...]:
        return self.operands[1].val, self.operands[0].val


class Exp(Operation):
    def forward(self) -> float:
        return math.exp(self.operands[0].val)

    def partials(self) -> tuple[float, ...]:
        return (math.exp(self.operands[0].val),)


class LeakyReLU(Operation):
    def forward(self) -> float:
        x = self.operands[0].val
        return x if x > 0 else 0.1 * x

    def partials(self) -> tuple[float, ...]:
        return (1.0 if self.operands[0].val > 0 else 0.1,)

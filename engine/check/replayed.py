"""A user's function on other numbers: the same Python code, run over another number system.

A `Replayed` is a `Value` that records nothing. It holds a number of a number system, and each operator,
method and function of the engine applied to it computes the row's `forward` over that system. Whatever a
function does with `Value`s, branches included, it does with these: with balls for the truth, or with another
framework's numbers, to compare its gradient.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from engine.numbers.balls import Balls
from engine.ops import Op
from engine.recording import equip
from engine.value import Number, Value, as_float


class NotReplayableError(TypeError):
    """A function took the float out of a Value, so that it cannot run on other numbers."""


class DifferentiatesItselfError(TypeError):
    """A function takes derivatives inside, which needs a recorded graph."""


class Replayed(Value):
    """A number of a number system, in the place of a Value.

    Args:
        number: the number.
        m: its number system, with a method `number` that turns a float into one.
        label: its name, as a function may read it.

    Example:
        >>> from engine import exp
        >>> from engine.numbers.balls import Balls
        >>> m = Balls(100)
        >>> with m.at_work():
        ...     (exp(Replayed(m.number(1.0), m)) / 2).number
        [1.3591409142295226176801437357 +/- 2.60e-29]
    """

    __slots__ = ("m", "number")

    def __init__(self, number: Any, m: Any, label: str = "") -> None:
        self.number = number
        self.m = m
        self.label = label
        self.op = ""
        self.serial = 0

    @classmethod
    def apply(cls, op: Op, operands: Sequence[Value | Number]) -> Value:
        """Apply an operation to operands, at least one of them a Replayed, over its number system."""
        m = next(x.m for x in operands if isinstance(x, Replayed))
        return cls(op.forward(m, *[_number_of(x, m) for x in operands]), m)

    def __getattr__(self, name: str) -> Any:
        """The attributes that recording would have set.

        `data` is the number itself, so that code that compares or multiplies `x.data` goes on with numbers
        of the other system. Nothing is recorded, so there are no operands.
        """
        if name == "data":
            return _Data(self.number, self.m)
        if name in ("_x", "_y", "_grad"):
            raise DifferentiatesItselfError("the function takes derivatives inside")
        raise AttributeError(f"a Value has no attribute {name!r}")

    def backward(self) -> NoReturn:
        """Refuse: nothing was recorded."""
        raise DifferentiatesItselfError("the function takes derivatives inside")

    def __float__(self) -> float:
        if isinstance(self.m, Balls):
            return self.m.take_float(self.number)
        raise NotReplayableError("the function takes the float out of a Value")

    def __int__(self) -> int:
        return int(self.number) if isinstance(self.m, Balls) else int(float(self))

    def __round__(self, digits: int | None = None) -> float:
        return round(float(self), digits)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(self.number != 0)

    def __floor__(self) -> int:
        whole: int = math.floor(self.number)
        return whole

    def __lt__(self, other: Value | Number) -> bool:
        return bool(self.number < _number_of(other, self.m))

    def __le__(self, other: Value | Number) -> bool:
        return bool(self.number <= _number_of(other, self.m))

    def __gt__(self, other: Value | Number) -> bool:
        return bool(self.number > _number_of(other, self.m))

    def __ge__(self, other: Value | Number) -> bool:
        return bool(self.number >= _number_of(other, self.m))

    def __repr__(self) -> str:
        return f"Value({self.number})"


class _Data(Replayed):
    """The number in `x.data`: equal to other numbers by its value, as a float is."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return bool(self.number == _number_of(other, self.m))  # type: ignore[arg-type]  # a number, or refused

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(float(self))


# Python's messages about it then speak of a Value, as the function does.
Replayed.__name__ = Replayed.__qualname__ = Value.__name__


def _number_of(x: Value | Number, m: Any) -> Any:
    if isinstance(x, Replayed):
        return x.number
    return m.number(x.data if isinstance(x, Value) else as_float(x))


def _method(op: Op) -> Callable[..., Any]:
    def method(*operands: Value | Number) -> Value:
        return Replayed.apply(op, operands)

    return method


equip(Replayed, _method)  # the operators; the methods that Value got from the table call `apply`

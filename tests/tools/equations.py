"""Printed equations, evaluated: are all sides of `a = b = c` the same number?

Each side is parsed and evaluated with intervals: a printed number stands for every number that is printed so
(four significant digits), a name for its own number.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from engine.numbers import floats
from engine.ops import OPS, Op
from engine.show.notation import TEXT

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e−?\d+)?")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_GOES_ON = "₀₁₂₃₄₅₆₇₈₉[(′"
_ROUNDING = 1e-12  # relative, of an operation in floats
_TURNS = {"gelu": [-0.7517915246935645], "silu": [-1.2784645427610738]}  # where they are neither up nor down
_PERIODIC = ("sin", "cos", "tan")
_MOST_CORNERS = 5_000


class UnreadableError(Exception):
    """A side without a number: something is left out of it, or it is infinite."""


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    @property
    def middle(self) -> float:
        return self.low + (self.high - self.low) / 2

    def widened(self, by: float) -> Interval:
        return Interval(self.low - by, self.high + by)

    def meets(self, other: Interval) -> bool:
        slack = 1e-9 * max(abs(self.low), abs(self.high), abs(other.low), abs(other.high)) + 1e-300
        return self.low <= other.high + slack and other.low <= self.high + slack


Function = Callable[[Sequence[Interval]], Interval]
Names = Mapping[str, float]


def printed(text: str) -> Interval:
    """The numbers that are printed like this."""
    x = float(text.replace("−", "-"))
    if x == 0.0:
        return Interval(0.0, 0.0)
    unit = 10.0 ** (math.floor(math.log10(abs(x))) - 3) if abs(x) > 1e-300 else abs(x) * 1e-3
    return Interval(x - 0.5001 * unit, x + 0.5001 * unit)


def corners(operands: Sequence[Interval], turns: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """The points at which a function that is monotone between turns is largest and smallest."""
    choices = [
        sorted({x.low, x.high, *(t for t in (x.middle, round(x.middle), *turns) if x.low < t < x.high)})
        for x in operands
    ]
    if math.prod(map(len, choices)) > _MOST_CORNERS:
        raise UnreadableError("too many operands")
    return itertools.product(*choices)


def range_of(f: Callable[..., float], operands: Sequence[Interval], turns: Sequence[float] = ()) -> Interval:
    """The values of a function on a box."""
    values = []
    for x in corners(operands, [0.0, *turns]):
        try:
            values.append(f(*x))
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
    if not values or not all(map(math.isfinite, values)):
        raise UnreadableError("not finite")
    low, high = min(values), max(values)
    size = max(map(abs, values), default=0.0)
    return Interval(low, high).widened(_ROUNDING * size)


def applied(op: Op, operands: Sequence[Interval]) -> Interval:
    """The values of an operation of the table."""
    turns = [*op.kinks, *_TURNS.get(op.name, ())]
    if op.name in _PERIODIC:
        (x,) = operands
        if x.high - x.low > 1.0:
            raise UnreadableError("more than can be followed")
        first = math.floor(x.low / (math.pi / 2))
        turns += [k * math.pi / 2 for k in range(first, first + 4)]
        if op.name == "tan" and any(x.low < t < x.high for t in turns[-4:]):
            raise UnreadableError("a pole")
    if op.name == "equal" and operands[0].meets(operands[1]):
        return Interval(0.0, 1.0)
    return range_of(lambda *x: float(op.forward(floats, *x)), operands, turns)


FUNCTIONS: dict[str, Function] = {
    (op.symbol if op.form == "root" else TEXT.function(op)): partial(applied, op)
    for op in OPS.values()
    if op.form in ("call", "root")
}


class Side:
    """One side of an equation, being read."""

    def __init__(self, text: str, names: Names, functions: Mapping[str, Function]) -> None:
        self.text, self.at = text, 0
        self.names = sorted(names.items(), key=lambda pair: -len(pair[0]))
        self.functions = sorted({**FUNCTIONS, **functions}.items(), key=lambda pair: -len(pair[0]))

    def value(self) -> Interval:
        if "…" in self.text:
            raise UnreadableError("something is left out")
        found = self.sum()
        assert self.at == len(self.text), f"cannot read {self.text[self.at :]!r} in {self.text!r}"
        return found

    def take(self, *signs: str) -> str:
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return sign
        return ""

    def take_name(self, name: str) -> bool:
        """Take a name, if it does not go on."""
        end = self.at + len(name)
        goes_on = end < len(self.text) and (self.text[end].isalpha() or self.text[end] in _GOES_ON)
        return not goes_on and bool(self.take(name))

    def need(self, sign: str) -> None:
        assert self.take(sign), f"expected {sign!r} at {self.text[self.at :]!r} in {self.text!r}"

    def sum(self) -> Interval:
        total = self.product()
        while sign := self.take(" + ", " − "):
            term = self.product()
            factor = 1.0 if sign == " + " else -1.0
            total = range_of(lambda x, y, factor=factor: x + factor * y, [total, term])
        return total

    def product(self) -> Interval:
        total = self.factor()
        while sign := self.take(" × ", " · ", "·", "/"):
            other = self.factor()
            if sign == "/":
                if other.low <= 0.0 <= other.high:
                    raise UnreadableError("a divisor of 0")
                total = range_of(lambda x, y: x / y, [total, other])
            else:
                total = range_of(lambda x, y: x * y, [total, other])
        return total

    def factor(self) -> Interval:
        if self.take("−"):
            x = self.factor()
            return Interval(-x.high, -x.low)
        base = self.atom()
        if self.take("^"):
            return applied(OPS["pow"], [base, self.factor()])
        if self.at < len(self.text) and self.text[self.at] in _SUPERSCRIPTS:
            power = float(_SUPERSCRIPTS.index(self.text[self.at]))
            self.at += 1
            return applied(OPS["pow"], [base, Interval(power, power).widened(5e-4 * power)])
        return base

    def atom(self) -> Interval:
        for name, x in self.names:
            if self.take_name(name):
                if not math.isfinite(x):
                    raise UnreadableError("not finite")
                return Interval(x, x)
        for symbol, function in self.functions:
            if self.take(f"{symbol}("):
                operands = [self.sum()]
                while self.take(", "):
                    operands.append(self.sum())
                self.need(")")
                return function(operands)
        if self.take("("):
            inside = self.sum()
            self.need(")")
            return inside
        if self.take("|"):
            inside = self.sum()
            self.need("|")
            return applied(OPS["abs"], [inside])
        if self.take("∞", "NaN"):
            raise UnreadableError("not finite")
        match = _NUMBER.match(self.text, self.at)
        assert match, f"expected a name or a number at {self.text[self.at :]!r} in {self.text!r}"
        self.at = match.end()
        return printed(match[0])


_CHANGE = re.compile(r" \((\S+) → (\S+)\)$")
_REMARK = re.compile(r", (?:which|with) [a-z ]+")


def check(line: str, names: Names, functions: Mapping[str, Function] | None = None) -> int:
    """Check that no equation in a line is false.

    Args:
        line: a line, such as "∂c/∂a += ∂c/∂b · ∂₁b/∂a = 2 × 3 = 6 (1 → 7)".
        names: the numbers of names and of derivatives.
        functions: functions besides those of the table.

    Returns:
        How many sides were compared.
    """
    change = _CHANGE.search(line)
    text = _REMARK.sub("", line[: change.start()] if change else line)
    _, plus, rest = text.partition(" += ")
    sides = (rest if plus else text).split(" = ")
    values = []
    for side in sides:
        try:
            values.append((side, Side(side, names, functions or {}).value()))
        except UnreadableError:
            continue
    for (side, x), (other, y) in itertools.combinations(values, 2):
        assert x.meets(y), f"{line}: {side} is {x}, {other} is {y}"
    if change and values and not any("∞" in c or "NaN" in c for c in change.groups()):
        before, after = (Side(c, {}, {}).value() for c in change.groups())
        added = values[-1][1]
        total = range_of(lambda x, y: x + y, [before, added]) if plus else added
        assert total.meets(after), f"{line}: {before} and {added} make {total}, not {after}"
    return len(values)

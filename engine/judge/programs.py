"""The programs that an engine is put through: a table, one row each.

A source is Python text with neutral names: a, b and c are values, y is the result, `tanh` is a row of the
table of operations, `backward(y)` is the backward pass. It is written in the dialect of the engine, and run
as it is on our own for the truth.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache

from engine.judge.graphs import DIAMONDS, LIMITS, NETWORKS, PASSES
from engine.judge.model import right
from engine.judge.trial import Trial
from engine.ops import OPS, Op

POINTS = {
    "values": (15, "the value of each operation"),
    "derivatives": (25, "the derivative of each operation"),
    "numbers": (10, "a number on either side of an operator"),
    "reuse": (20, "values that are used more than once"),
    "passes": (5, "several backward passes"),
    "awkward": (10, "awkward points: zeros, kinks, ties, tails"),
    "limits": (5, "long chains, deep graphs, memory, the same result each time"),
    "network": (10, "a small network: its gradient and its training"),
}
"""How many points each group of programs is worth, and what it is."""


_UNARY = (0.7, -1.3, 2.2, -0.4, 1.6, 0.3)
_BINARY = ((1.7, 0.6), (0.8, 2.3), (-1.4, 1.9))
_AWKWARD = (0.0, 20.0, -20.0, 800.0, -800.0)
_SKIPPED = ("shares", "chooses", "paired")
_INFIX = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "pow": "{0} ** {1}",
    "neg": "-{0}",
}


@cache
def programs() -> tuple[Trial, ...]:
    """Every program, the simplest first."""
    return (*_operations(), *_numbers(), *_reuse(), *PASSES, *_awkward(), *LIMITS, *NETWORKS)


def judged_operations() -> Iterator[tuple[Op, Sequence[float]]]:
    """The rows of the table that an engine of scalars may have, each with an ordinary point."""
    for row in OPS.values():
        points = _points(row)
        if points:
            yield row, points[0]


def _points(row: Op) -> list[tuple[float, ...]]:
    if any(getattr(row, fact) for fact in _SKIPPED) or row.name in ("fsum", "logsumexp", "equal"):
        return []
    if row.arity is None or row.arity - len(row.defaults) == 2:
        candidates: list[tuple[float, ...]] = list(_BINARY)
    else:
        candidates = [(x,) for x in _UNARY]
    return [point for point in candidates if _defined(row.name, *point)][:4]


def _defined(op: str, *xs: float) -> bool:
    try:
        out, partials = right(op, *xs)
    except (ValueError, ArithmeticError):
        return False
    return all(map(math.isfinite, (out, *partials)))


def _formula(row: Op, *operands: str) -> str:
    pattern = _INFIX.get(row.name)
    return pattern.format(*operands) if pattern else f"{row.name}({', '.join(operands)})"


def _operations() -> Iterator[Trial]:
    """Each operation alone; before a product, so that the gradient that arrives is not 1; and after a sum."""
    for row, point in judged_operations():
        names = "ab"[: len(point)]
        text = _formula(row, *names)
        for i, x in enumerate(_points(row)):
            at = dict(zip(names, x, strict=True))
            yield Trial(f"{row.name}-{i + 1}", "derivatives", f"y = {text}", at, text, row.name)
        factor = f"({text})" if row.form in ("sum", "difference") else text
        at = {**dict(zip(names, point, strict=True)), "c": -1.5}
        yield Trial(f"{row.name}-chain", "derivatives", f"y = {factor} * c", at, text, row.name)
        if len(point) == 2:
            same = _formula(row, "d", "d")
            if row.name not in ("max", "min", "pow"):
                yield Trial(
                    f"{row.name}-same-inner", "reuse", f"d = a + a\ny = {same}", {"a": 0.8}, text, row.name
                )
        source = f"d = a + c\ny = {_formula(row, *('db'[: len(point)]))}"
        twice = {**dict(zip(names, point, strict=True)), "a": point[0] / 2}
        yield Trial(f"{row.name}-doubled", "derivatives", source.replace("c", "a", 1), twice, text, row.name)
        at = {**dict(zip(names, point, strict=True)), "a": point[0] - 0.25, "c": 0.25}
        yield Trial(f"{row.name}-inner", "derivatives", source, at, text, row.name)


def _numbers() -> Iterator[Trial]:
    for sign, op in (("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "div"), ("**", "pow")):
        for text in (f"a {sign} 2", f"2 {sign} a"):
            if text == "a ** 2":
                continue
            for i, x in enumerate((1.7, -0.8, 0.6)):
                yield Trial(
                    f"{op}-{'left' if text[0] == '2' else 'right'}-{i + 1}",
                    "numbers",
                    f"y = {text}",
                    {"a": x},
                    text,
                    op,
                )
    for i, power in enumerate((3, 2, -1, 0.5, -2, 1.5)):
        for x in (1.7, -1.3):
            if x > 0 or isinstance(power, int):
                yield Trial(
                    f"power-{i + 1}{'-negative' if x < 0 else ''}",
                    "derivatives",
                    f"y = a ** {power}",
                    {"a": x},
                    "a ** n",
                    "pow",
                )
    at = {"a": 1.45, "c": 0.25}
    yield Trial("power-doubled", "derivatives", "d = a + a\ny = d ** 3", {"a": 0.85}, "a ** n", "pow")
    yield Trial("power-inner", "derivatives", "d = a + c\ny = d ** 3", at, "a ** n", "pow")
    yield Trial("power-chain", "derivatives", "y = a ** 3 * c", {"a": 1.7, "c": -1.5}, "a ** n", "pow")


def _reuse() -> Iterator[Trial]:
    """Each operation on values that are used again, then graphs of sums and products."""
    for row, point in judged_operations():
        if len(point) == 2:
            alone, then = _formula(row, "a", "a"), _formula(row, "a", "b")
            if row.name not in ("max", "min") and (row.name != "pow"):
                yield Trial(f"{row.name}-same", "reuse", f"y = {alone}", {"a": 1.3}, then, row.name)
            at = dict(zip("ab", point, strict=True))
        else:
            then, at = _formula(row, "a"), {"a": point[0]}
        yield Trial(f"{row.name}-again", "reuse", f"y = {then} + a", at, then, row.name)
        if len(point) == 2:
            yield Trial(f"{row.name}-again-2", "reuse", f"y = {then} + b", at, then, row.name)
        else:
            yield Trial(f"{row.name}-twice", "reuse", f"y = {then} + {then} * a", at, then, row.name)
    yield Trial("power-again", "reuse", "y = a ** 3 + a", {"a": 1.3}, "a ** n", "pow")
    yield Trial("power-twice", "reuse", "y = a ** 3 + a ** 2", {"a": 1.3}, "a ** n", "pow")
    for i, source in enumerate(DIAMONDS):
        at = {"a": 1.3, "b": -0.7, **({"c": 2.1} if " c" in source else {})}
        yield Trial(f"diamond-{i + 1}", "reuse", source, at, "a value that is used twice")
    for i, sign in enumerate("+-*/"):
        op = ("add", "sub", "mul", "div")[i]
        source = f"d = a\nd {sign}= b\ny = d * a"
        yield Trial(f"in-place-{op}", "reuse", source, {"a": 1.3, "b": -0.7}, f"d {sign}= b", op)


def _awkward() -> Iterator[Trial]:
    for row, point in judged_operations():
        if len(point) == 1:
            for x in _AWKWARD:
                if _defined(row.name, x) and row.name != "neg":
                    text = _formula(row, "a")
                    yield Trial(f"{row.name}-at-{x:g}", "awkward", f"y = {text}", {"a": x}, text, row.name)
    for op in ("max", "min"):
        yield Trial(f"{op}-tie", "awkward", f"y = {op}(a, b)", {"a": 1.5, "b": 1.5}, f"{op}(a, b)", op)
    for power in (0, 1, 2, 3):
        yield Trial(
            f"power-{power}-at-0", "awkward", f"y = a ** {power}", {"a": 0.0}, "a ** n at a = 0", "pow"
        )
    for text, op in (("a * b", "mul"), ("a / b", "div"), ("a - b", "sub")):
        at = {"a": 0.0, "b": 0.0 if op != "div" else -2.0}
        yield Trial(f"{op}-at-0", "awkward", f"y = {text}", at, text, op)

"""Mistakes as predictions: how each would show in the numbers of every program."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import engine.numbers.floats as floats
from engine.judge.model import EARLY, Mistakes, Rule, right
from engine.ops import OPS

Partials = Callable[[str, float, Sequence[float], Sequence[float]], Sequence[float] | None]


def rules(form: str) -> Iterator[tuple[str, Rule]]:
    """Wrong versions of an operation, with the mistake that each of them is, the most special first.

    Args:
        form: the operation with the kinds of its operands, such as "sub:nv".
    """
    op, kinds = form.split(":")
    for mistake, partials in (*_OF.get(op, ()), *(_BINARY if kinds == "vv" else ()), *_ANY):
        yield mistake, _rule(partials)
    if len(kinds) == 2 and not OPS[op].symmetric:
        yield "operands-reversed", _reversed


def everywhere(base: Mistakes, forms: frozenset[str]) -> Iterator[tuple[str, Mistakes]]:
    """Mistakes of a whole engine, added to those that are known."""
    yield "sets-in-place-of-adding", replace(base, sets=forms)
    yield "arriving-gradient-left-out", replace(base, deaf=forms)
    yield "operands-not-found", replace(base, cut=forms)
    for keyed in ("once", "twice"):
        yield "partials-kept-by-operand", replace(base, keyed=keyed)
    yield from backward_orders(base)


def backward_orders(base: Mistakes) -> Iterator[tuple[str, Mistakes]]:
    """Wrong ways of the backward pass through a graph."""
    for order, mistake in _ORDER_MISTAKES.items():
        yield mistake, replace(base, order=order)


def of_one(base: Mistakes, form: str) -> Iterator[tuple[tuple[str, ...], Mistakes]]:
    """Mistakes in how one operation passes its gradient on."""
    one = frozenset({form})
    yield ("sets-in-place-of-adding",), replace(base, sets=base.sets | one)
    for i in (0, 1) if form.endswith("vv") else ():
        yield ("sets-in-place-of-adding",), replace(base, sets=base.sets | {f"{form}/{i}"})
    yield ("arriving-gradient-left-out",), replace(base, deaf=base.deaf | one)
    yield ("operands-not-found",), replace(base, cut=base.cut | one)
    both = replace(base, sets=base.sets | one, deaf=base.deaf | one)
    yield ("sets-in-place-of-adding", "arriving-gradient-left-out"), both


def _rule(partials: Partials) -> Rule:
    def rule(op: str, *xs: float) -> tuple[float, Sequence[float]]:
        out, true = right(op, *xs)
        wrong = partials(op, out, xs, true)
        return out, [math.nan] * len(xs) if wrong is None else wrong

    return rule


def _reversed(op: str, *xs: float) -> tuple[float, Sequence[float]]:
    out, partials = right(op, *xs[::-1])
    return out, partials[::-1]


def _with(op: str, out: float, x: float) -> Sequence[float] | None:
    try:
        return OPS[op].partials(floats, out, x)[:1]
    except (ValueError, ArithmeticError, TypeError):
        return None


def _times(factor: float) -> Partials:
    return lambda op, out, xs, ps: [factor * p for p in ps]


_ANY: tuple[tuple[str, Partials], ...] = (
    ("result-not-connected", lambda op, out, xs, ps: [0.0] * len(ps)),
    ("sign", lambda op, out, xs, ps: [-p for p in ps]),
    ("derivative-left-out", lambda op, out, xs, ps: [1.0] * len(ps)),
    ("function-for-derivative", lambda op, out, xs, ps: [out] * len(ps)),
    ("net-input-for-output", lambda op, out, xs, ps: _with(op, xs[0], xs[0]) if len(xs) == 1 else None),
    (
        "wrong-point",
        lambda op, out, xs, ps: _with(op, right(op, out)[0], out) if len(xs) == 1 and _at(op, out) else None,
    ),
    ("derivative-inverted", lambda op, out, xs, ps: [1.0 / p if p else math.nan for p in ps]),
    *(("constant-factor", _times(k)) for k in (2.0, 0.5, 3.0, 1.0 / 3.0, -2.0, -0.5)),
)
_BINARY: tuple[tuple[str, Partials], ...] = (
    ("operand-forgotten", lambda op, out, xs, ps: [ps[0], 0.0]),
    ("operand-forgotten", lambda op, out, xs, ps: [0.0, ps[1]]),
    ("own-factor", lambda op, out, xs, ps: ps[::-1]),
    ("sign-of-second-operand-flipped", lambda op, out, xs, ps: [ps[0], -ps[1]]),
)
_OF: dict[str, tuple[tuple[str, Partials], ...]] = {
    "pow": (
        ("exponent-left-out", lambda op, out, xs, ps: [_power(xs[0], xs[1] - 1.0), ps[1]]),
        ("exponent-not-lowered", lambda op, out, xs, ps: [xs[1] * out, ps[1]]),
        ("logarithm-left-out", lambda op, out, xs, ps: [ps[0], out]),
    ),
    "div": (
        ("numerator-left-out", lambda op, out, xs, ps: [ps[0], -1.0 / (xs[1] * xs[1])]),
        ("denominator-not-squared", lambda op, out, xs, ps: [ps[0], -out]),
    ),
    "tanh": (
        ("square-left-out", lambda op, out, xs, ps: [1.0 - out]),
        ("net-input-for-output", lambda op, out, xs, ps: [1.0 - xs[0] ** 2]),
    ),
    "sigmoid": (
        ("part-of-derivative", lambda op, out, xs, ps: [1.0 - out]),
        ("part-of-derivative", lambda op, out, xs, ps: [out]),
        ("part-of-derivative", lambda op, out, xs, ps: [out * (1.0 + out)]),
        ("net-input-for-output", lambda op, out, xs, ps: [xs[0] * (1.0 - xs[0])]),
    ),
    "mul": (
        ("own-factor", lambda op, out, xs, ps: [ps[0], ps[0]]),
        ("own-factor", lambda op, out, xs, ps: [ps[1], ps[1]]),
    ),
    "log": (("other-derivative", lambda op, out, xs, ps: [ps[0] / math.log(10.0)]),),
    "relu": (("gate-always-open", lambda op, out, xs, ps: [1.0]),),
    "log2": (("constant-factor", lambda op, out, xs, ps: [1.0 / xs[0]]),),
    "log10": (("constant-factor", lambda op, out, xs, ps: [1.0 / xs[0]]),),
}

_ORDER_MISTAKES = {
    **{order: "visited-again" if order.startswith("early 1") else "visited-too-early" for order in EARLY},
    "early depth first": "visited-too-early",
    "early depth first, last operand first": "visited-too-early",
    "again": "visited-again",
    "again, stacked": "visited-again",
    "leaves first": "leaves-first",
}
"""The mistake that each wrong order of the backward pass is."""


def _power(x: float, p: float) -> float:
    try:
        return math.pow(x, p)
    except (ValueError, OverflowError):
        return math.nan


def _at(op: str, x: float) -> bool:
    try:
        right(op, x)
    except (ValueError, ArithmeticError):
        return False
    return True

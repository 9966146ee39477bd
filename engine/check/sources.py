"""Where the truth of a function of arrays comes from: the function on `Value`s, or differences in doubles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

import numpy as np

from engine import functions
from engine.check.binding import bind
from engine.check.differences import Array, Column, column, eps_inside
from engine.check.raised import RAISED, said, shown
from engine.check.rules import FRAMEWORK_RULES, framework_leaf
from engine.check.subject import FunctionSubject, NotJudgedError
from engine.check.trees import (
    filled,
    leaves_of,
    library_of,
    like,
    like_objects,
    names_in,
    numbers_in,
    values_in,
)
from engine.check.truth import Truth
from engine.value import Value

_NARROW_EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
EPS = 2.0**-52
_NO_BOUND = "doubles do not tell: f has no values on both sides of the point, or changes too fast there"
_FINE = 2e-3  # steps much shorter than the usual ones
_ENOUGH = 1e-6  # relative: a bound that needs no shorter steps


# --- The function.


class ArrayFunction:
    """A function of trees, as a function of one flat list of numbers."""

    def __init__(self, f: Callable[..., Any], at: Any, framework: str) -> None:
        self.f: Callable[..., Any] = f
        args = list(at) if isinstance(at, (list, tuple)) else [at]
        self.args = [_of_framework(x, framework) for x in args]
        names = bind(f, self.args, {}).names
        leaves = [pair for name, x in zip(names, self.args, strict=True) for pair in leaves_of(x, name)]
        self.arg_names = list(names)
        self.names = [n for name, leaf in leaves for n in names_in(name, leaf)]
        self.leaf_sizes = [len(numbers_in(leaf)) for _, leaf in leaves]
        self.libraries = {library_of(leaf) for _, leaf in leaves}
        if not self.names:
            what = "its arrays are empty" if leaves else "write 2.0, not 2"
            raise TypeError(f"the point has no floats to differentiate by: {what}")
        self.point: Array = np.concatenate([numbers_in(leaf) for _, leaf in leaves])
        for name, x in zip(self.names, self.point, strict=True):
            if not isfinite(x):
                raise ValueError(f"{name} = {x}: a derivative is taken at finite numbers")
        self.on_values = False
        self.output = self._first_output()
        outputs = leaves_of(self.output, "output", whole=True)
        self.output_names = [n for name, leaf in outputs for n in names_in(name, leaf)]
        if not self.output_names:
            raise NotJudgedError(f"f returns {shown(self.output)}, which holds no float")
        self.eps = eps_of(self.output)
        y = self.numbers(self.output)
        if not np.isfinite(y).all():
            worst = self.output_names[int(np.argmin(np.isfinite(y)))]
            raise NotJudgedError(f"f is not finite at the point, in {worst}, and has no derivative there")
        if (self(self.point) != y).any():
            raise NotJudgedError(
                "f is not deterministic: two runs at the same point gave different numbers. Draw its random "
                "numbers outside, or seed them inside."
            )

    def _first_output(self) -> Any:
        try:
            return self.f(*self.arguments(self.point))
        except NotJudgedError:
            raise
        except RAISED as error:  # it may take Values alone
            self.on_values = True
            try:
                return self.f(*self.arguments(self.point))
            except RAISED:
                raised = f"f raises {type(error).__name__} at the point{said(error).rstrip('.')}"
                raise NotJudgedError(raised + self._advice()) from error

    def _advice(self) -> str:
        """What to do about an f that raises in doubles alone."""
        try:
            self.f(*self.args)
        except RAISED:
            return ""
        return (
            ". It does not in the precision of the point, but the check is in doubles: convert what f holds"
        )

    def arguments(self, numbers: Array) -> list[Any]:
        """The arguments with other numbers, in their own library."""
        if self.on_values:
            return self.values([Value(float(x)) for x in numbers])
        return list(filled(self.args, numbers, like))

    def values(self, values: Sequence[Any]) -> list[Any]:
        """The arguments with Values in the place of numbers."""
        return list(filled(self.args, values, like_objects))

    def numbers(self, output: Any) -> Array:
        """The numbers of an output, flat."""
        leaves = leaves_of(output, "output", whole=True)
        return np.concatenate([numbers_in(leaf) for _, leaf in leaves]) if leaves else np.zeros(0)

    def __call__(self, numbers: Array) -> Array:
        """The outputs at other numbers, flat."""
        y = self.numbers(self.f(*self.arguments(numbers)))
        if len(y) != len(self.output_names):
            raise NotJudgedError("f returns more or fewer numbers near the point than at it")
        return y

    def outputs(self, values: Sequence[Any]) -> list[Any]:
        """The outputs of the function on Values, one by one."""
        leaves = leaves_of(self.f(*self.values(values)), "output", whole=True)
        return [y for _, leaf in leaves for y in values_in(leaf)]


def _of_framework(x: Any, framework: str) -> Any:
    return framework_leaf(x, framework) if framework in FRAMEWORK_RULES else x


def eps_of(x: Any) -> float:
    """The spacing of the coarsest numbers of a tree, beside 1."""
    return max((_NARROW_EPS.get(_type_name(leaf), EPS) for _, leaf in leaves_of(x)), default=EPS)


def _type_name(leaf: Any) -> str:
    return str(getattr(leaf, "dtype", "")).rpartition(".")[2]


# --- The truth.


@dataclass(frozen=True)
class Measured:
    """What is known of a derivative of u·f along v: the number, or the slopes on the two sides."""

    value: float | None
    left: float | None = None
    right: float | None = None
    error: float = 0.0
    reason: str = ""

    def fits(self, claim: float, slack: float) -> bool:
        """Whether a number is the derivative, or between the slopes on the two sides."""
        if not isfinite(claim):
            return False
        if self.value is not None:
            return abs(claim - self.value) <= self.error + slack
        if self.left is None or self.right is None:
            return False
        low, high = sorted((self.left, self.right))
        return low - self.error - slack <= claim <= high + self.error + slack

    @property
    def two_sided(self) -> bool:
        """Whether there are two slopes."""
        return self.value is None and self.left is not None and self.right is not None


class Source(Protocol):
    """Where the truth comes from."""

    text: str

    def along(self, v: Array, u: Array) -> Measured:
        """The derivative of u·f along v."""


class Exact:
    """The function on `Value`s of high precision."""

    text = "the function itself, in high precision"

    def __init__(self, f: ArrayFunction) -> None:
        self._f = f
        self._are_values = True

    def along(self, v: Array, u: Array) -> Measured:
        """The derivative of u·f along v."""

        def moved(t: Any) -> Any:
            values = [t * float(d) + float(x) for x, d in zip(self._f.point, v, strict=True)]
            outputs = self._f.outputs(values)
            self._are_values = self._are_values and all(isinstance(y, Value) for y in outputs)
            return functions.sumprod(list(map(float, u)), outputs)

        return self._slope(moved)

    def of_rule(self, rule: Callable[[Sequence[Any]], Sequence[Any]], weights: Array) -> float | None:
        """A weighted sum of what a rule returns, in high precision; None if it does not run on Values."""

        def scaled(t: Any) -> Any:
            values = [t * 0.0 + float(x) for x in self._f.point]
            return t * functions.sumprod(list(map(float, weights)), rule(values))

        try:
            return self._slope(scaled).value
        except RAISED:  # whatever foreign code does on numbers that it was not written for
            return None

    def _slope(self, function: Callable[[Any], Any]) -> Measured:
        truth = Truth(FunctionSubject(function, [0.0], {}))
        slope = truth.slope(0)
        if truth.floats_matter or (truth.floats_taken and not self._are_values):
            raise NotJudgedError("the function computes with floats that it takes out of Values")
        if slope.kind == "smooth":
            return Measured(float(slope.value), error=float(slope.error))
        if slope.kind == "kink":
            return Measured(None, float(slope.left), float(slope.right))
        return Measured(None, reason=slope.reason)


class Doubles:
    """Differences of the function in double precision."""

    def __init__(self, f: ArrayFunction) -> None:
        self._f = f
        self.sizes = np.where(f.point != 0.0, np.abs(f.point), 1.0)
        self._last: tuple[bytes, Column] | None = None

    text = "differences in double precision, extrapolated to a step of 0"

    def along(self, v: Array, u: Array, fine: bool = False) -> Measured:
        """The derivative of u·f along v; if fine, by much shorter steps alone."""
        found = self._column(v, _FINE) if fine else self._best(v)
        used = u != 0.0
        if not np.isfinite(found.error[used]).all():
            return Measured(None, reason=_NO_BOUND)
        kinked = found.kinked & used
        error = float(np.abs(u[used]) @ found.error[used]) + 1e-15 * float(np.abs(u) @ np.abs(found.value))
        if not kinked.any():
            return Measured(float(u[used] @ found.value[used]), error=error)
        sides = np.where(kinked, found.left, found.value) * u, np.where(kinked, found.right, found.value) * u
        low, high = np.minimum(*sides)[used].sum(), np.maximum(*sides)[used].sum()
        return Measured(None, float(low), float(high), error)

    def hidden_rounding(self, v: Array, u: Array) -> float:
        """What rounding to float32 may hide of a derivative, where the outputs may be so rounded."""
        y = self._f.numbers(self._f.output)
        narrow = np.where(y == y.astype(np.float32), np.abs(u * y), 0.0)
        return 10.0 * _NARROW_EPS["float32"] * float(narrow.sum() * np.max(np.abs(v) / self.sizes))

    def eps_inside(self, rng: np.random.Generator) -> float:
        """The rounding error of the coarsest numbers that f works with, looked for leaf by leaf."""
        coarsest, start = EPS, 0
        for n in self._f.leaf_sizes:
            step = np.zeros(len(self._f.point))
            step[start : start + n] = rng.uniform(0.5, 1.0, n) * self.sizes[start : start + n]
            coarsest = max(coarsest, eps_inside(self._moved(step)))
            start += n
        return coarsest

    def _moved(self, step: Array) -> Callable[[float], Array]:
        """The function at so many steps from the point."""
        return lambda t: self._f(self._f.point + t * step)

    def _best(self, v: Array) -> Column:
        key = v.tobytes()
        if self._last is None or self._last[0] != key:
            found = self._column(v, 1.0)
            if (found.error > _ENOUGH * np.abs(found.value)).any():
                found = found.better(self._column(v, _FINE))
            self._last = key, found
        return self._last[1]

    def _column(self, v: Array, first: float) -> Column:
        scale = float(np.max(np.abs(v) / self.sizes)) or 1.0
        step = v / scale
        return column(self._moved(step), self._f.eps, first).scaled(scale)


def source_of(f: ArrayFunction, doubles: Doubles, rng: np.random.Generator) -> tuple[Source, str]:
    """The best source that the function allows, and why it is not the exact one."""
    if f.libraries - {"", "numpy"}:
        library = next(iter(f.libraries - {"", "numpy"}))
        return doubles, f"f works on numbers of {library}"
    exact = Exact(f)
    v = rng.uniform(0.5, 1.5, len(f.names)) * np.where(f.point != 0.0, np.abs(f.point), 1.0)
    u = rng.uniform(0.5, 1.5, len(f.output_names))
    try:
        found = exact.along(v, u)
    except RAISED as error:  # whatever f does on numbers that it was not written for
        return doubles, f"f does not run on Values: {type(error).__name__}{said(error)[:100]}"
    near = doubles.along(v, u)
    if found.value is not None and near.value is not None:
        size = max(abs(found.value), abs(near.value))
        if abs(found.value - near.value) > near.error + 1e-9 * size:
            return doubles, "f gives other numbers on Values: it takes floats out of them"
    return exact, ""

"""Differences of functions of numbers or arrays, in double precision, with an honest bound of their error.

For functions that run on nothing but floats. Along a direction two unrelated ladders of steps are
extrapolated to a step of 0 (Ridders 1982), centrally and on each side, for all outputs at once. The bound is
ten times the sum of three errors: the difference between the ladders, the estimate of each, and rounding,
whose size is measured (Moré and Wild 2011).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

from engine.check.raised import RAISED
from engine.check.truth import Slope, edge

Array = np.ndarray[Any, Any]

_LADDERS = ((0.1, 2.0), (0.037, 1.6))  # the first step, and the ratio of the steps
_STEPS = 14
_CAUTION = 10.0
_EPS = 2.0**-52
_NEAR = 2.0**-27  # the distance of near points, for doubles
# Where numbers of this eps move again, and how many must have stood still: others may be near a kink.
_INSIDE = ((2.0**-16, 2.0**-23, 0.0), (2.0**-6, 2.0**-7, 0.3))
_NEARER = (2.0**-40, 2.0**-46)  # doubles move so near, and no narrower number does
_SHORTEST = 1e-300  # moves that are shorter have no reciprocal
_WEAKEST = 1e-5  # relative: a bound that is larger proves nothing of a function of one float
_MOST_NOISE = 1e-5  # relative: what is larger is not rounding, but a function that changes too fast


@dataclass(frozen=True)
class Column:
    """The derivatives of all outputs along one direction.

    Args:
        value: the derivatives where the two sides agree.
        error: a bound of their errors; infinite where there is none.
        left: the derivatives on the left.
        right: the derivatives on the right.
        kinked: where the two sides differ.
    """

    value: Array
    error: Array
    left: Array
    right: Array
    kinked: Array

    def scaled(self, scale: float) -> "Column":
        """The derivatives along a direction that is longer."""
        with np.errstate(all="ignore"):
            numbers = (scale * x for x in (self.value, self.error, self.left, self.right))
            value, error, left, right = numbers
        return Column(value, error, left, right, self.kinked)

    def better(self, other: "Column") -> "Column":
        """For each output the derivative with the smaller bound."""
        mine = self.error <= other.error
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Column(*(np.where(mine, a, b) for a, b in pairs))


def column(f: Callable[[float], Array], eps: float = _EPS, first: float = 1.0) -> Column:
    """The derivatives of a function of one float at 0.

    Args:
        f: the function; a move of 1 is as large as the point. It may raise, and then shorter steps are tried.
        eps: the rounding error of its outputs, relative.
        first: how long the first steps are, beside the usual ones.

    Returns:
        The derivatives of all outputs.

    Example:
        >>> found = column(lambda t: np.array([np.sin(t), abs(t)]))
        >>> bool(abs(found.value[0] - 1.0) <= found.error[0] < 1e-9), found.kinked.tolist()
        (True, [False, True])
    """
    with np.errstate(all="ignore"):
        middle, apart = f(0.0), max(_NEAR, 8.0 * eps)
        near = _near(f, middle, apart)
        measured, size = _noise(near), np.abs(middle)
        noise = np.maximum(measured, eps * np.where(_is_flat(near), np.maximum(size, 1.0), size))
        ladders = [_Ladder(f, middle, noise, first * step, ratio) for step, ratio in _LADDERS]
        (value, error), (left, left_error), (right, right_error) = (
            _joined([ladder.estimate(side) for ladder in ladders]) for side in (0, -1, 1)
        )
        values = [y for ladder in ladders for _, *sides in ladder.rungs for y in sides if y is not None]
        size = np.max(np.abs([middle, *values]), axis=0)
        # The shortest difference of all is rough, but a function that oscillates does not take it in.
        rough = (near[-1] - near[0]) / ((len(near) - 1) * apart)
        radius = max(
            (h for ladder in ladders for h, *sides in ladder.rungs if all(y is not None for y in sides)),
            default=np.inf,
        )
        curved = np.max(np.abs(values - middle), axis=0, initial=0.0) * (3.0 * apart / radius) ** 2 / radius
        slack = 10.0 * noise / apart + 0.01 * np.abs(rough) + curved + error
        low, high = np.minimum(np.minimum(left, right), value), np.maximum(np.maximum(left, right), value)
        too_fast = (rough < low - slack) | (rough > high + slack) | (measured > _MOST_NOISE * size)
        too_fast |= near[len(near) // 2] != middle  # it is random
        too_fast |= (eps <= _EPS) & _is_staircase(f, middle, left, right)
        error = np.where(too_fast, np.inf, error)
        unmoved = np.array([y == middle for y in values]).all(axis=0) & np.isfinite(error)
        error = np.where(unmoved, eps * np.maximum(np.abs(middle), 1.0) / radius, error)
    kinked = np.abs(left - right) > left_error + right_error
    return Column(value, error, left, right, kinked)


def extrapolate(f: Callable[[float], float], x: float) -> Slope:
    """The derivative of a function of one float, by differences.

    Args:
        f: the function; it may raise, and then shorter steps are tried.
        x: the float to differentiate at.

    Returns:
        The slope with a bound of its error; "edge" if f raises at every step to a side; "unresolved" if the
        bound is too weak to prove anything.

    Example:
        >>> slope = extrapolate(lambda x: x * x, 3.0)
        >>> abs(slope.value - 6.0) <= slope.error < 1e-6
        True
    """
    scale = max(abs(x), _SHORTEST) if x else 1.0
    raised: list[BaseException] = []
    sides: set[bool] = set()
    largest = 0.0

    def moved(t: float) -> Array:
        nonlocal largest
        try:
            y = f(x + t * scale)
        except RAISED as error:
            raised.append(error)
            raise
        largest = max(largest, abs(y))
        if t:
            sides.add(t > 0.0)
        return np.array([y])

    found = column(moved).scaled(1.0 / scale)
    value, error, left, right = (float(a[0]) for a in (found.value, found.error, found.left, found.right))
    if raised and len(sides) < 2:
        return edge(left if False in sides else None, right if True in sides else None, 53, raised[0])
    if found.kinked[0]:
        reason = "the slopes on the two sides differ, in double precision"
        return Slope("kink", left, right, None, 53, reason)
    # A slope of 0 has no size of its own: the bound is relative to that of f nearby.
    if not error <= _WEAKEST * (abs(value) if abs(value) > error else largest / scale):
        reason = (
            "differences in doubles are too rough to tell: near the point f jumps, changes too fast, or is "
            "too large beside its slope"
        )
        return Slope("unresolved", None, None, None, 53, reason)
    return Slope("smooth", value, value, value, 53, error=error)


def _is_staircase(f: Callable[[float], Array], middle: Array, left: Array, right: Array) -> Array:
    """Where f stands still on a side, so near that doubles would move by the slope, unless f has steps."""
    found = np.zeros(middle.shape, dtype=bool)
    for near in _NEARER:
        for slope, side in ((left, -near), (right, near)):
            stands = np.abs(slope) * near > 16.0 * _EPS * np.abs(middle)
            for k in (1.0, 2.0, 3.0):
                if stands.any():
                    y = _tried(f, k * side)
                    stands &= False if y is None else y == middle
            found |= stands
    return found


def _near(f: Callable[[float], Array], middle: Array, apart: float) -> Array:
    """The function at seven near points; at one of them where it raises."""
    try:
        return np.array([f(k * apart) for k in range(-3, 4)])
    except RAISED:  # f may have any error of its own outside its domain
        return np.array([middle] * 7)


def eps_inside(f: Callable[[float], Array]) -> float:
    """The rounding error of the coarsest numbers that a function of one float works with inside, relative.

    It shows where the function stands still at near points, though it moves from farther ones on.

    Args:
        f: as for `column`.

    Returns:
        That of doubles, of float32, or of numbers of 8 bits.

    Example:
        >>> eps_inside(lambda t: np.array([np.sin(t)])) == 2.0**-52
        True
        >>> eps_inside(lambda t: np.array([float(np.float32(1.0 + t)) ** 2])) == 2.0**-23
        True
    """
    with np.errstate(all="ignore"):
        middle = f(0.0)
        equal = np.diff(_near(f, middle, _NEAR), axis=0) == 0.0
        still = equal.sum(axis=0) > 3  # at a kink three of the six are equal
        coarsest = _EPS
        for distance, eps, share in _INSIDE:
            for y in (_tried(f, distance), _tried(f, -distance)):
                if y is None:
                    continue
                expected = np.abs(y - middle) * 3.0 * _NEAR / distance
                moves = expected > 20.0 * _EPS * np.maximum(np.abs(middle), 1e-3)
                if (still & moves).sum() > share * moves.sum():
                    coarsest = eps
            still &= _tried(f, distance) == middle
    return coarsest


def _noise(near: Array) -> Array:
    """The rounding error of each output, from the differences of high order between near points."""
    sizes = []
    unit = np.max(np.abs(near), axis=0) + np.finfo(float).tiny  # the squares of huge numbers are too large
    near = near / unit
    for order in range(1, 7):
        near = np.diff(near, axis=0)
        if order >= 4:
            factor = factorial(order) ** 2 / factorial(2 * order)
            sizes.append(np.sqrt(factor * np.mean(near**2, axis=0)))
    found: Array = np.nan_to_num(2.0 * np.max(sizes, axis=0) * unit)
    return found


def _is_flat(near: Array) -> Array:
    """Where near points have equal values: their rounding does not show; it may be that of numbers near 1."""
    flat: Array = (np.diff(near, axis=0) == 0.0).sum(axis=0) >= 3
    return flat


class _Ladder:
    """Values of the function at ever shorter steps."""

    def __init__(
        self, f: Callable[[float], Array], middle: Array, noise: Array, first: float, ratio: float
    ) -> None:
        self.middle, self.noise, self.ratio = middle, noise, ratio
        self.rungs = [(h, _tried(f, h), _tried(f, -h)) for h in (first / ratio**k for k in range(_STEPS))]

    def estimate(self, side: int) -> tuple[Array, Array]:
        """Neville's table: the best entry for each output, and the error of that entry."""
        best, error = np.zeros_like(self.middle), np.full_like(self.middle, np.inf)
        row: list[Array] = []
        for h, above, below in self.rungs:
            up, down = (above if side >= 0 else self.middle), (below if side <= 0 else self.middle)
            if up is None or down is None:
                row = []
                continue
            step = 2.0 * h if side == 0 else h
            new = [(up - down) / step]
            factor = 1.0
            for k, older in enumerate(row):
                factor *= self.ratio if side else self.ratio**2
                new.append((new[k] * factor - older) / (factor - 1.0))
                change = np.maximum(np.abs(new[k + 1] - new[k]), np.abs(new[k + 1] - older))
                change = np.where(np.isfinite(change), change, np.inf) + 2.0 * self.noise / step
                better = change < error
                best, error = np.where(better, new[k + 1], best), np.where(better, change, error)
            row = new
        return best, error


def _tried(f: Callable[[float], Array], h: float) -> Array | None:
    try:
        y = f(h)
    except RAISED:  # as above
        return None
    return y if np.isfinite(y).all() else None


def _joined(estimates: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    (a, error_a), (b, error_b) = estimates
    best = np.where(error_a <= error_b, a, b)
    both = np.isfinite(error_a) & np.isfinite(error_b)
    apart = np.where(both, np.abs(a - b), 0.0)
    return best, _CAUTION * (np.minimum(error_a, error_b) + apart)

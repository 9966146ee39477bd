"""Differences in double precision, for functions that run on floats alone, with a bound of the error.

Two unrelated ladders of steps are extrapolated to a step of 0 (Ridders 1982). The bound is a multiple of the
sum of three errors: the difference between the two, the estimate of each, and rounding.
"""

from collections.abc import Callable
from math import inf, isfinite, nan

from engine.check.raised import RAISED
from engine.check.truth import Slope, edge

_LADDERS = ((0.1, 2.0), (0.037, 1.6))  # the first step, relative to the point; and the ratio of the steps
_STEPS = 14
_CAUTION = 10.0
_WEAKEST = 1e-5  # relative: a bound that is larger proves nothing
_EPS = 2.0**-52


def extrapolate(f: Callable[[float], float], x: float) -> Slope:
    """The derivative of a function of one float.

    Args:
        f: the function; it may raise, and then shorter steps are tried.
        x: the float to differentiate at.

    Returns:
        The slope with a bound of its error; "edge" if f raises at every step; "unresolved" if the bound is
        too weak to prove anything.

    Example:
        >>> slope = extrapolate(lambda x: x * x, 3.0)
        >>> abs(slope.value - 6.0) <= slope.error < 1e-6
        True
    """
    raised: list[BaseException] = []

    def tried(x: float) -> float:
        try:
            return f(x)
        except RAISED as error:
            raised.append(error)
            return nan

    central, left, right = (_estimate(tried, x, side) for side in (0, -1, 1))
    if not isfinite(central[1]) and raised:
        ends = [slope if isfinite(error) else None for slope, error in (left, right)]
        return edge(ends[0], ends[1], 53, raised[0])
    if abs(left[0] - right[0]) > left[1] + right[1]:
        reason = "the slopes on the two sides differ, in double precision"
        return Slope("kink", left[0], right[0], None, 53, reason)
    size = abs(central[0])
    if size <= central[1]:  # a slope of 0 has no size of its own: the bound is relative to that of f nearby
        scale = abs(x) or 1.0
        size = max(abs(tried(x + k * scale)) for k in (0.0, 0.1, -0.1)) / scale
    if not central[1] <= _WEAKEST * size:
        reason = (
            "differences in doubles are too rough to tell: near the point f jumps, changes too fast, or is "
            "too large beside its slope"
        )
        return Slope("unresolved", None, None, None, 53, reason)
    return Slope("smooth", central[0], central[0], central[0], 53, error=central[1])


def _estimate(f: Callable[[float], float], x: float, side: int) -> tuple[float, float]:
    """The slope on one side, or with side 0 the central one, and a bound of its error."""
    scale = abs(x) if x else 1.0
    estimates = [_ladder(f, x, first * scale, ratio, side) for first, ratio in _LADDERS]
    best, error = min(estimates, key=lambda estimate: estimate[1])
    bound = _CAUTION * (
        error + max(abs(value - best) for value, _ in estimates if isfinite(value))
        if isfinite(error)
        else inf
    )
    return best, bound


def _ladder(f: Callable[[float], float], x: float, h: float, ratio: float, side: int) -> tuple[float, float]:
    """Neville's table of differences: its best entry, and the error of that entry."""
    best, error = 0.0, inf
    row: list[float] = []
    for _ in range(_STEPS):
        h /= ratio
        up, down = (x + h if side >= 0 else x), (x - h if side <= 0 else x)
        y_up, y_down = f(up), f(down)
        if not isfinite(y_up - y_down):
            row = []
            continue
        noise = _EPS * (abs(y_up) + abs(y_down)) / (up - down)
        new = [(y_up - y_down) / (up - down)]
        factor = 1.0
        for k, older in enumerate(row):
            factor *= ratio if side else ratio * ratio
            new.append((new[k] * factor - older) / (factor - 1.0))
            change = max(abs(new[k + 1] - new[k]), abs(new[k + 1] - older)) + 2.0 * noise
            if change < error:
                best, error = new[k + 1], change
        row = new
    return best, error

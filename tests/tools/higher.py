"""Second and third derivatives of every operation: where to try them, and the truth by differences."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product
from typing import Any

from tests.tools.truth import TRUTH, Point, mp

_NUMBERS = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e-9, 1e-18, -1e-18, 1e-200, 30.0, -30.0, 700.0, 1e8, 1e150)
_TWO = (0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-18, 1e8)
_MANY = (0.0, 1.0, -2.0, 0.5, 30.0)
_KINK_AT_0 = {"abs", "sign", "step", "relu", "leaky_relu", "elu", "cbrt"}
_HUGE_ANGLES = {"sin", "cos", "tan"}  # a difference beside 1e150 radians would need as many digits again


def smooth_points(name: str, arity: int | None) -> Iterator[Point]:
    """Points at which an operation is smooth, some of them outside its domain."""
    if arity == 1:
        numbers: Iterator[Point] = product(_NUMBERS)
    elif arity == 2:
        numbers = product(_TWO, repeat=2)
    elif name == "sumprod":
        numbers = product((0.0, 1.0, -2.0), repeat=4)
    else:
        numbers = product(_MANY, repeat=3)
    return (x for x in numbers if not _at_a_kink(name, x) and not _ties(name, x))


def _at_a_kink(name: str, x: Point) -> bool:
    if name == "hypot":
        return not any(x)
    if name == "atan2":  # the angle jumps beside negative x
        return x[0] == 0.0 and x[1] <= 0.0
    if name in _HUGE_ANGLES:
        return x[0] == 1e150
    if name == "pow":  # a negative base is defined at integer exponents only
        return x[0] <= 0.0
    return name in (*_KINK_AT_0, "where") and x[0] == 0.0


def _ties(name: str, x: Point) -> bool:
    return name in ("max", "min", "equal") and len(set(x)) < len(x)


def orders(arity: int) -> list[tuple[int, ...]]:
    """By which operands to differentiate, one after the other: twice and three times."""
    return [by for total in (2, 3) for by in combinations_with_replacement(range(arity), total)]


def derivative(name: str, x: Sequence[float], by: Sequence[int]) -> Any:
    """The derivative of an operation by some of its operands, one after the other.

    Args:
        name: the operation.
        x: where.
        by: the places of the operands to differentiate by.

    Returns:
        The number, by central differences of the truth; None at the end of the domain.
    """
    smallest = min((abs(x_i) for x_i in x if x_i), default=1.0)
    with mp.workdps(160 + max(0, -4 * int(math.log10(smallest)))):
        counts = [by.count(i) for i in range(len(x))]
        steps = [min(abs(mp.mpf(x_i)) or 1, 1) * mp.mpf(10) ** -25 for x_i in x]
        total = mp.mpf(0)
        for shifts in product(*(range(count + 1) for count in counts)):
            weight = math.prod(
                (-1) ** k * math.comb(count, k) for count, k in zip(counts, shifts, strict=True)
            )
            moved = zip(x, steps, counts, shifts, strict=True)
            total += weight * TRUTH[name].value(*[x_i + h * (mp.mpf(n) / 2 - k) for x_i, h, n, k in moved])
        slope = total / mp.fprod(h**count for h, count in zip(steps, counts, strict=True))
    return slope if isinstance(slope, mp.mpf) and mp.isfinite(slope) else None


def size_of_terms(name: str, x: Point, lower: Sequence[float]) -> float:
    """What the derivative is judged against, besides its own size, where terms of it cancel.

    Args:
        name: the operation.
        x: where.
        lower: the derivatives of lower orders, from the first.

    Returns:
        The size of the terms; 0 for an operation whose derivatives keep their digits everywhere.
    """
    if name in ("hypot", "atan2"):  # homogeneous in the distance
        return math.hypot(*x) ** ((name == "hypot") - len(lower) - 1)
    return max(map(abs, lower)) if name in _CANCELLING else 0.0


_CANCELLING = {
    *("sigmoid", "log_sigmoid", "softplus", "gelu", "silu"),  # at the zero of the derivative
    *("logsumexp", "softmax", "log_softmax"),  # where two shares are nearly alike
}

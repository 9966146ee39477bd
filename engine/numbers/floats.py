"""Python floats: the number system that records.

Most names are Python's own `math`. The others stand here because the obvious formula loses digits: every
value is within 2 units in the last place (ULP) of the truth over the whole domain of the function, as
`tests/engine/test_operations.py` shows. What lies outside a domain raises as in `math`: ValueError,
OverflowError or ZeroDivisionError.
"""

import builtins
import math
import sys
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, reduce
from math import (
    acos,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    copysign,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    log10,
    pi,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
)
from operator import mul
from typing import NoReturn, TypeAlias

from engine.numbers import products
from engine.numbers.protocol import refuse_unknown

abs = builtins.abs

# --- Sums.


def fsum(xs: Sequence[float]) -> float:
    """The sum, rounded once; it overflows only where the result does."""
    try:
        return math.fsum(xs)
    except OverflowError:
        return float(builtins.sum(map(Fraction, xs)))


_exact_sumprod = getattr(math, "sumprod", None)  # from Python 3.12 on; before, each product is rounded once


def sumprod(p: Sequence[float], q: Sequence[float]) -> float:
    """The sum of products, each of which must be a float."""
    try:
        total: float = _exact_sumprod(p, q) if _exact_sumprod else math.fsum(map(mul, p, q))
    except (OverflowError, ValueError):
        return _unusual_sumprod(p, q)
    return total if total - total == 0.0 else _unusual_sumprod(p, q)


def _unusual_sumprod(p: Sequence[float], q: Sequence[float]) -> float:
    """The sum of products where one of them, or a part of the sum, overflows or is infinite or NaN."""
    terms = [a * b for a, b in zip(p, q, strict=True)]
    for a, b, term in zip(p, q, terms, strict=True):
        if math.isinf(term) and math.isfinite(a) and math.isfinite(b):
            raise OverflowError(f"{a} * {b}")
    return fsum(terms)


# --- Choices. A condition is a number: it holds where it is not zero. What is chosen from may be NaN, and
# then so is the result.


def where(condition: float, a: float, b: float) -> float:
    """`a` where the condition holds, else `b`."""
    return a if condition else b


def step(x: float) -> float:
    """1 for positive x, else 0."""
    return 1.0 if x > 0.0 else (0.0 if x <= 0.0 else x)


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x + 0.0)


def equal(x: float, y: float) -> float:
    """1 where both are the same number, else 0."""
    return 1.0 if x == y else 0.0


def max(xs: Sequence[float]) -> float:
    """The largest; NaN if any is NaN."""
    return builtins.max(xs) if all(x == x for x in xs) else math.nan


def min(xs: Sequence[float]) -> float:
    """The smallest; NaN if any is NaN."""
    return builtins.min(xs) if all(x == x for x in xs) else math.nan


# --- Exact sums and products: the rounded result and its rounding error, both floats.


def _two_sum(a: float, b: float) -> tuple[float, float]:
    """Knuth, The Art of Computer Programming, vol. 2, section 4.2.2, theorem B."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: float, b: float) -> tuple[float, float]:
    """Dekker, A floating-point technique for extending the available precision (1971), section 5."""
    p = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a: float) -> tuple[float, float]:
    """The upper and the lower 26 bits of a number; exact below 1e300."""
    t = 134217729.0 * a  # 2**27 + 1
    high = t - (t - a)
    return high, a - high


def _quotient(a: float, b: float, error: float) -> float:
    """A number over a sum, b + error, that was rounded."""
    q = a / b
    return q - q * (error / b)


def _quotient_of_pairs(a: float, a_error: float, b: float, b_error: float) -> float:
    """(a + a_error) / (b + b_error), rounded once or nearly so."""
    q = a / b
    product, product_error = _two_product(q, b)
    return q + ((a - product) - product_error + a_error - q * b_error) / b


# --- Functions of one number.


def cbrt(x: float) -> float:
    """The cube root: the library's, corrected by one Newton step with an exact residual."""
    y = math.cbrt(x)
    if y == 0.0 or not math.isfinite(y):
        return y
    if not 1e-250 < abs(x) < 1e250:  # keep the exact products below within range
        shift = 70 if abs(x) < 1.0 else -70
        return math.ldexp(cbrt(math.ldexp(x, 3 * shift)), -shift)
    square, square_error = _two_product(y, y)
    cube, cube_error = _two_product(square, y)
    return y + ((x - cube) - cube_error - square_error * y) / (3.0 * square)


def tanh(x: float) -> float:
    """By expm1, which is more exact than the library's own tanh."""
    if abs(x) > 22.0:
        return copysign(1.0, x)
    t = expm1(2.0 * abs(x))
    return copysign(_quotient(t, *_two_sum(t, 2.0)), x)


def acosh(x: float) -> float:
    """The inverse hyperbolic cosine; near 1 more exact than the library's."""
    if not 1.0 <= x < 2.0:
        return math.acosh(x)
    t = x - 1.0
    total, total_error = _two_sum(t, 2.0)
    square, error = _two_product(t, total)
    if square == 0.0:
        return 0.0
    root = sqrt(square)  # of x**2 - 1
    root_square, root_error = _two_product(root, root)
    root_rest = ((square - root_square) - root_error + error + t * total_error) / (2.0 * root)
    argument, rest = _two_sum(root, t)
    return log1p(argument) + (rest + root_rest) / (1.0 + argument)


def sech2(x: float) -> float:
    """1 - tanh(x)**2 without the subtraction, which has no digits left past 19."""
    t = exp(-2.0 * abs(x))
    total = 1.0 + t
    error = t - (total - 1.0)  # exact, as t <= 1
    square, square_error = _two_product(total, total)
    return _quotient(4.0 * t, square, square_error + 2.0 * total * error)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), with the exponential of a negative number on both sides."""
    t = exp(-abs(x))
    total = 1.0 + t
    error = t - (total - 1.0)  # exact, as t <= 1
    return _quotient(1.0 if x >= 0.0 else t, total, error)


# exp(-512) in two floats. What would underflow on the way is computed times exp(512).
_DOWN, _DOWN_ERROR = 4.377491037053051e-223, 2.706079830228623e-239


def _scaled_down(a: float, error: float) -> float:
    """(a + error) * exp(-512), rounded once or nearly so."""
    return a * _DOWN + (a * _DOWN_ERROR + error * _DOWN)


def silu(x: float) -> float:
    """The product x * sigmoid(x), in one quotient."""
    if x < -700.0:
        return _scaled_down(*_two_product(x, exp(x + 512.0))) if x > -760.0 else -0.0
    if x > 40.0:
        return x
    t = exp(-abs(x))
    total = 1.0 + t
    error = t - (total - 1.0)  # exact, as t <= 1
    if x >= 0.0:
        return _quotient(x, total, error)
    return _quotient_of_pairs(*_two_product(x, t), total, error)


def softplus(x: float) -> float:
    """log(1 + exp(x)), without its overflow and without its cancellation."""
    return log1p(exp(-abs(x))) + (x if x > 0.0 else 0.0)


def gaussian(x: float) -> float:
    """exp(-x**2 / 2), from the exact square."""
    if abs(x) > 40.0:
        return 0.0
    square, error = _two_product(x, x)
    value = exp(-0.5 * square)
    return value - value * (0.5 * error)


def erfc(x: float) -> float:
    """The complementary error function."""
    return sum(_erfc(x, 0.0))


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2."""
    if abs(x) > 40.0:
        return 0.0 if x < 0.0 else 1.0
    return 0.5 * sum(_erfc_of_normal(x))


def gelu(x: float) -> float:
    """The product x * normal_cdf(x), rounded once or nearly so."""
    if abs(x) > 40.0:
        return -0.0 if x < 0.0 else x
    lift = 512.0 if x < -36.0 else 0.0
    value, error = _erfc_of_normal(x, lift)
    product, product_error = _two_product(0.5 * x, value)
    product_error += 0.5 * x * error
    return _scaled_down(product, product_error) if lift else product + product_error


def _erfc_of_normal(x: float, lift: float = 0.0) -> tuple[float, float]:
    """Erfc(-x / sqrt(2)), twice the normal distribution function, and its rounding error."""
    high, error = _two_product(-x, 0.7071067811865476)
    return _erfc(high, error + x * 4.833646656726457e-17, lift)  # sqrt(1/2) in two floats


def _erfc(x: float, error: float, lift: float = 0.0) -> tuple[float, float]:
    """Erfc(x + error) and its rounding error: in the tail exp(-x**2) times a Taylor polynomial.

    In the tail it may be asked for times exp(lift), where lift - x**2 has no rounding error.
    """
    if x < 0.5 or x != x:
        return 1.0 - erf(x), 0.0
    if x > 29.0:
        return 0.0, 0.0
    nearest = round(8.0 * x)
    constant, constant_error, coefficients = _erfcx_near(nearest)
    h = (x - 0.125 * nearest) + error
    tail = 0.0
    for coefficient in coefficients:
        tail = (tail + coefficient) * h
    square, square_error = _two_product(x, x)
    square_error += 2.0 * x * error
    scale = exp(lift - square)
    rest = (tail + constant_error) - square_error * (constant + tail)
    value, value_error = _two_product(scale, constant)
    return value, value_error + scale * rest


@cache
def _erfcx_near(eighths: int) -> tuple[float, float, tuple[float, ...]]:
    """Taylor coefficients of erfcx(x) = exp(x**2) erfc(x) at a multiple of 1/8, highest first.

    By its differential equation, erfcx' = 2 x erfcx - 2 / sqrt(pi) (DLMF, section 7.10).
    """
    import mpmath

    with mpmath.workdps(50):
        c = mpmath.mpf(eighths) / 8
        a = [mpmath.exp(c * c) * mpmath.erfc(c)]
        a.append(2 * c * a[0] - 2 / mpmath.sqrt(mpmath.pi))
        for n in range(1, 12):
            a.append((2 * c * a[n] + 2 * a[n - 1]) / (n + 1))
        constant = float(a[0])
        return constant, float(a[0] - constant), tuple(float(x) for x in reversed(a[1:]))


# --- Functions of many numbers.


# A product on the way: its mantissa, the rounding error of that, and its exponent. Exponents are added up
# apart, so that only a result overflows or underflows (Ogita, Rump and Oishi 2005, section 5).
_Product: TypeAlias = tuple[float, float, int]
_ONE: _Product = (1.0, 0.0, 0)


def _factor(x: float) -> _Product:
    mantissa, exponent = math.frexp(x)
    return mantissa, 0.0, exponent


def _times(a: _Product, b: _Product) -> _Product:
    (x, x_error, x_exponent), (y, y_error, y_exponent) = a, b
    product, rounding = _two_product(x, y)
    error = x * y_error + x_error * y + rounding
    product, lift = math.frexp(product)
    return product, math.ldexp(error, -lift), x_exponent + y_exponent + lift


def _rounded(a: _Product) -> float:
    product, error, exponent = a
    if not math.isfinite(product):
        return product
    try:
        return math.ldexp(product + error, exponent)
    except OverflowError:
        return copysign(math.inf, product)


def prod(xs: Sequence[float]) -> float:
    """The product."""
    return _rounded(reduce(_times, map(_factor, xs), _ONE))


def products_of_others(xs: Sequence[float]) -> list[float]:
    """For each number the product of the others."""
    return [_rounded(a) for a in products.products_of_others([_factor(x) for x in xs], _times, _ONE)]


# --- Functions of many exponentials, from exact differences to the largest.


def _exp_differences(xs: Sequence[float], y: float) -> tuple[list[float], list[float]]:
    """exp(x - y) of every number, and what the rounding of the differences took from it."""
    differences = [_two_sum(x, -y) for x in xs]
    values = [exp(difference) for difference, _ in differences]
    return values, [v * error if v else 0.0 for v, (_, error) in zip(values, differences, strict=True)]


def _sum_of(values: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """The sum of all, and the rounding error of it."""
    total = fsum([*values, *errors])
    return total, fsum([*values, *errors, -total])


def _log1p_rest(xs: Sequence[float], largest: float) -> tuple[float, float]:
    """log(sum(exp(x - largest))), where the largest itself contributes the 1 of log1p; and its error."""
    rest = list(xs)
    rest.remove(largest)
    total, error = _sum_of(*_exp_differences(rest, largest))
    return log1p(total), error / (1.0 + total)


def logsumexp(xs: Sequence[float]) -> float:
    """The logarithm of the sum of exponentials."""
    largest = max(xs)
    if not math.isfinite(largest):
        return largest
    return fsum([largest, *_log1p_rest(xs, largest)])


def log_softmax(xs: Sequence[float]) -> list[float]:
    """The logarithm of every number's share, x[i] - logsumexp(x)."""
    largest = max(xs)
    if not math.isfinite(largest):
        return [x - largest for x in xs]
    total, error = _log1p_rest(xs, largest)
    return [fsum([x, -largest, -total, -error]) if math.isfinite(x - largest) else -math.inf for x in xs]


def softmax(xs: Sequence[float]) -> list[float]:
    """Every number's share: exp(x[i]) / sum(exp(x))."""
    values, errors = _exp_differences(xs, max(xs))
    total = _sum_of(values, errors)
    return [_quotient_of_pairs(*share, *total) for share in zip(values, errors, strict=True)]


def __getattr__(name: str) -> NoReturn:
    """Refuse a function that number systems do not have."""
    refuse_unknown("floats", name)

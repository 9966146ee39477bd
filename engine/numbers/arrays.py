"""NumPy numbers: IEEE 754, elementwise, never an exception.

They supply what floats cannot: the limit where a float operation raises (`1 / 0` is infinite), and many
examples at once, one along each element of an array.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce, wraps
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy import (
    absolute,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    cos,
    cosh,
    exp,
    expm1,
    log,
    log1p,
    log2,
    log10,
    pi,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    where,
)
from numpy import power as pow

from engine.numbers import products
from engine.numbers.protocol import refuse_unknown

Array: TypeAlias = Any  # an array, or a NumPy scalar, of floats

abs = absolute
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh


def step(x: Array) -> Array:
    """1 for positive x, else 0; NaN stays NaN."""
    positive = np.greater(x, 0.0).astype(x.dtype)
    return np.where(np.isnan(x), x, positive) if np.isnan(np.min(x, initial=0.0)) else positive


def equal(x: Array, y: Array) -> Array:
    """1 where both are the same number, else 0."""
    return np.where(x == y, 1.0, 0.0)


def sech2(x: Array) -> Array:
    """1 - tanh(x)**2 without the subtraction."""
    t = exp(-2.0 * abs(x))
    return 4.0 * t / ((1.0 + t) * (1.0 + t))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with the exponential of a negative number on both sides."""
    t = exp(-abs(x))
    return where(x >= 0.0, 1.0, t) / (1.0 + t)


def silu(x: Array) -> Array:
    """The product x * sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without its overflow and without its cancellation."""
    return log1p(exp(-abs(x))) + np.maximum(x, 0.0)


# --- The normal distribution, from a table of its tail.


_AT_ONCE = 1 << 13  # numbers: what is computed of them on the way stays in the cache


def _in_double(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function of not too many numbers in float64, for any number of them and for float32 as well."""

    @wraps(function)
    def rounded(x: Array) -> Array:
        x = np.asarray(x)
        out = np.empty(x.shape, np.result_type(x, np.float32))
        _fill((out,), lambda part: (function(part),), x)
        return out[()]

    return rounded


def _fill(outs: Sequence[Array], function: Callable[[Array], Sequence[Array]], x: Array) -> None:
    """Let arrays be the results of a function of x, computed part by part in float64."""
    x, outs = x.reshape(-1), [out.reshape(-1) for out in outs]
    for start in range(0, x.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for out, result in zip(outs, function(x[part].astype(np.float64, copy=False)), strict=True):
            out[part] = result


@_in_double
def normal_cdf(x: Array) -> Array:
    """The standard normal distribution function."""
    return _normal(x)[1]


@_in_double
def gelu(x: Array) -> Array:
    """The product x * normal_cdf(x)."""
    return _normal(x)[0]


@_in_double
def erfc(x: Array) -> Array:
    """The complementary error function."""
    tail = _LIFT_BACK * _lifted_tail(x, 2)
    return where(x < 0.0, 2.0 - tail, tail)


@_in_double
def erf(x: Array) -> Array:
    """The error function: near 0, where 1 - erfc(x) would cancel, its Taylor series (DLMF, 7.6.1)."""
    size = np.minimum(abs(x), _BEYOND[2])
    series = reduce(lambda total, a: total * (size * size) + a, _ERF_SERIES)
    return np.copysign(where(size < 0.5, size * series, 1.0 - _LIFT_BACK * _lifted_tail(x, 2)), x)


@_in_double
def gaussian(x: Array) -> Array:
    """exp(-x**2 / 2), from the exact square: its upper half of the digits has one."""
    x = np.minimum(abs(x), _BEYOND[1])
    upper = np.rint(2.0**20 * x) / 2.0**20
    square = x * x
    error = (upper * upper - square) + (x - upper) * (x + upper)
    value = exp(-0.5 * square)
    return value - value * (0.5 * error)


def _normal(x: Array) -> tuple[Array, Array]:
    """Both x * normal_cdf(x), multiplied before the tail underflows, and normal_cdf(x)."""
    x = np.maximum(x, -_BEYOND[1])  # at minus infinity the product is -0.0
    tail = _lifted_tail(x, 1)
    share = where(x < 0.0, _LIFT_BACK * tail, 1.0 - _LIFT_BACK * tail)
    return where(x < 0.0, _LIFT_BACK * (x * tail), x * share), share


_BEYOND = {1: 40.0, 2: 28.0}
"""For each scale the multiple of 1/8 beyond which the tail is less than the smallest float."""
_LIFT_BACK = 2.0**-200
_DEGREE = 11
_ERF_SERIES = [
    2.0 / math.sqrt(math.pi) * (-1.0) ** n / (math.factorial(n) * (2 * n + 1)) for n in reversed(range(13))
]


def _lifted_tail(x: Array, scale: int) -> Array:
    """2**200 times the tail beyond abs(x): of the normal distribution, or with scale 2 erfc.

    With c the multiple of 1/8 next to abs(x) and h the rest, c * h has no rounding error. What remains of
    the tail without its factor exp(-scale * c * h) changes slowly: a polynomial of h, for each c.
    """
    table = _tail_table(scale)
    x = np.minimum(abs(x), _BEYOND[scale])
    eighths = np.rint(8.0 * x)
    column = np.fmin(eighths, 8.0 * _BEYOND[scale]).astype(np.intp)  # a NaN has one too; it stays in h
    c = 0.125 * eighths
    h = x - c
    polynomial = table[0].take(column, mode="clip")
    for row in table[1:]:
        polynomial *= h
        polynomial += row.take(column, mode="clip")
    return polynomial * exp(-scale * c * h)


@cache
def _tail_table(scale: int) -> Array:
    """Coefficients of g(h) = 2**200 f(c + h) exp(s c h), highest first; a column for each eighth c.

    f(x) is s times the tail of the normal distribution beyond sqrt(s) x: with s = 2 erfc(x). By its
    derivative, -K exp(-s x**2 / 2), there is g' = s c g - K exp(-s c**2 / 2) exp(-s h**2 / 2).
    """
    import mpmath

    with mpmath.workdps(50):
        s = mpmath.mpf(scale)
        columns = []
        for eighth in range(int(8 * _BEYOND[scale]) + 1):
            c = mpmath.mpf(eighth) / 8
            g = [s * mpmath.ncdf(-mpmath.sqrt(s) * c)]
            density = [s * mpmath.sqrt(s) * mpmath.npdf(mpmath.sqrt(s) * c), mpmath.mpf(0)]
            for n in range(_DEGREE):
                g.append((s * c * g[n] - density[n]) / (n + 1))
                density.append(-s * density[n] / (n + 2))
            columns.append([float(mpmath.ldexp(a, 200)) for a in reversed(g)])
    return np.array(columns).T.copy()


# --- Functions of many numbers.


def hypot(*xs: Array) -> Array:
    """The root of the sum of squares; `numpy.hypot` takes two numbers and would write over a third."""
    return reduce(np.hypot, xs, 0.0)


def max(xs: Sequence[Array]) -> Array:
    """The largest; NaN if any is NaN."""
    return reduce(np.maximum, xs)


def min(xs: Sequence[Array]) -> Array:
    """The smallest; NaN if any is NaN."""
    return reduce(np.minimum, xs)


def fsum(xs: Sequence[Array]) -> Array:
    """The sum."""
    return reduce(np.add, xs, 0.0)


# A product on the way: its mantissa and its exponent, so that only a result overflows or underflows.
_Product: TypeAlias = tuple[Array, Array]
_ONE: _Product = (1.0, 0)


def _times(a: _Product, b: _Product) -> _Product:
    product, lift = np.frexp(a[0] * b[0])
    return product, a[1] + b[1] + lift


def prod(xs: Sequence[Array]) -> Array:
    """The product."""
    return np.ldexp(*reduce(_times, map(np.frexp, xs), _ONE))


def products_of_others(xs: Sequence[Array]) -> list[Array]:
    """For each number the product of the others."""
    return [np.ldexp(*a) for a in products.products_of_others([np.frexp(x) for x in xs], _times, _ONE)]


def sumprod(p: Sequence[Array], q: Sequence[Array]) -> Array:
    """The sum of products."""
    return fsum([a * b for a, b in zip(p, q, strict=True)])


def logsumexp(xs: Sequence[Array]) -> Array:
    """The logarithm of the sum of exponentials."""
    largest, _, rest = _exponentials(xs)
    return where(largest == np.inf, largest, largest + log1p(rest))


def log_softmax(xs: Sequence[Array]) -> Array:
    """The logarithm of every number's share."""
    largest, _, rest = _exponentials(xs)
    return _stacked(xs) - largest - log1p(rest)


def softmax(xs: Sequence[Array]) -> Array:
    """Every number's share."""
    _, exps, rest = _exponentials(xs)
    return exps / (1.0 + rest)


def _exponentials(xs: Sequence[Array]) -> tuple[Array, Array, Array]:
    """The largest number, exp(x - largest) for every x, and their sum without the 1 of the largest.

    Where all are minus infinity, the smallest float stands for the largest number.
    """
    x = _stacked(xs)
    largest = np.maximum(np.maximum.reduce(x, axis=0), _LOWEST[x.dtype.char])
    exps = exp(x - largest)
    rest = np.add.reduce(exps, axis=0) - 1.0
    if np.minimum.reduce(rest, axis=None) < 1.0 / 256.0:  # more than 8 bits are lost somewhere
        is_largest = x == largest
        rest = np.add.reduce(exps - is_largest, axis=0) + (np.add.reduce(is_largest, axis=0) - 1.0)
    return largest, exps, rest


_LOWEST = {kind: np.finfo(kind).min for kind in "fd"}


def _stacked(xs: Sequence[Array]) -> Array:
    return xs if isinstance(xs, np.ndarray) else np.stack(np.broadcast_arrays(*xs))


# --- Kernels: they write results where the caller wants them.


def _tanh_and_sech2(x: Array, t: Array, slope: Array) -> None:
    """From t = tanh(x), 1 - t**2; where that has lost more than 8 bits, from the exponential."""
    tanh(x, out=t)
    np.multiply(t, t, out=slope)
    np.subtract(1.0, slope, out=slope)
    if not slope.item(slope.argmin()) >= 1.0 / 256.0:  # argmin finds a NaN first
        lost = (slope.ravel() < 1.0 / 256.0).nonzero()[0]
        slope.ravel()[lost] = sech2(x.ravel()[lost])


def _relu_and_step(x: Array, positive_part: Array, positive: Array) -> None:
    positive_part.fill(0.0)
    np.maximum(
        x, positive_part, out=positive_part
    )  # with a number instead of an array it takes thrice as long
    np.greater(x, 0.0, out=positive, casting="unsafe")
    if np.isnan(x.item(x.argmin())):  # argmin finds a NaN first
        positive[np.isnan(x)] = np.nan


def _gelu_and_normal_cdf(x: Array, product: Array, share: Array) -> None:
    _fill((product, share), _normal, x)


def _softmax_and_log_softmax(x: Array, shares: Array, logarithms: Array) -> None:
    largest, exps, rest = _exponentials(x)
    np.divide(exps, 1.0 + rest, out=shares)
    np.subtract(x, largest, out=logarithms)
    np.subtract(logarithms, log1p(rest), out=logarithms)


# fmt: off
KERNELS: Mapping[tuple[str, ...], Callable[..., object]] = {
    # Operations that are one function of NumPy
    ("add",): np.add, ("sub",): np.subtract, ("mul",): np.multiply, ("div",): np.divide,
    ("neg",): np.negative, ("pow",): pow, ("sqrt",): sqrt, ("cbrt",): cbrt, ("abs",): abs, ("sign",): sign,
    ("exp",): exp, ("expm1",): expm1, ("log",): log, ("log1p",): log1p, ("log2",): log2, ("log10",): log10,
    ("sin",): sin, ("cos",): cos, ("tan",): tan,
    ("asin",): asin, ("acos",): acos, ("atan",): atan, ("atan2",): atan2,
    ("sinh",): sinh, ("cosh",): cosh, ("tanh",): tanh,
    ("asinh",): asinh, ("acosh",): acosh, ("atanh",): atanh,
    # Operations that programs often need of the same operands, and that share work
    ("tanh", "sech2"): _tanh_and_sech2,
    ("relu", "step"): _relu_and_step,
    ("gelu", "normal_cdf"): _gelu_and_normal_cdf,
    ("softmax", "log_softmax"): _softmax_and_log_softmax,
}
"""The kernel of an operation, or of several: `kernel(*operands, *results)` writes into the results.

It gives the same numbers as the rows of these operations. An operation does not need a kernel: its row can be
evaluated and the result copied. A joint kernel of operations with `shares` takes all operands as one array,
and writes all shares.
"""
# fmt: on

ALL_SHARES: Mapping[str, Callable[[Array], Array]] = {"softmax": softmax, "log_softmax": log_softmax}
"""For operations with `shares`, a function from all operands, as one array, to every operand's share."""


def __getattr__(name: str) -> NoReturn:
    """Refuse a function that number systems do not have."""
    refuse_unknown("arrays of NumPy", name)

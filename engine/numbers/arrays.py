"""NumPy numbers: IEEE 754, elementwise, never an exception.

They supply what floats cannot: the limit where a float operation raises (`1 / 0` is infinite), and many
examples at once, one along each element of an array.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

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

from engine.numbers import floats

Array: TypeAlias = Any  # an array, or a NumPy scalar, of floats

abs = absolute
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh


def _elementwise(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A float function that NumPy lacks, applied to each element."""
    return np.vectorize(function, otypes=[float])


erf = _elementwise(math.erf)
erfc = _elementwise(floats.erfc)
gaussian = _elementwise(floats.gaussian)
normal_cdf = _elementwise(floats.normal_cdf)


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


def gelu(x: Array) -> Array:
    """The product x * normal_cdf(x)."""
    return x * normal_cdf(x)


def silu(x: Array) -> Array:
    """The product x * sigmoid(x)."""
    return x * sigmoid(x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without its overflow and without its cancellation."""
    return log1p(exp(-abs(x))) + np.maximum(x, 0.0)


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


def prod(xs: Sequence[Array]) -> Array:
    """The product."""
    return reduce(np.multiply, xs, 1.0)


def sumprod(p: Sequence[Array], q: Sequence[Array]) -> Array:
    """The sum of products."""
    return fsum([a * b for a, b in zip(p, q, strict=True)])


def logsumexp(xs: Sequence[Array]) -> Array:
    """The logarithm of the sum of exponentials."""
    largest, _, rest = _exponentials(xs)
    return largest + log1p(rest)


def log_softmax(xs: Sequence[Array]) -> Array:
    """The logarithm of every number's share."""
    largest, _, rest = _exponentials(xs)
    return _stacked(xs) - largest - log1p(rest)


def softmax(xs: Sequence[Array]) -> Array:
    """Every number's share."""
    _, exps, rest = _exponentials(xs)
    return exps / (1.0 + rest)


def _exponentials(xs: Sequence[Array]) -> tuple[Array, Array, Array]:
    """The largest number, exp(x - largest) for every x, and their sum without the 1 of the largest."""
    x = _stacked(xs)
    largest = np.maximum.reduce(x, axis=0)
    exps = exp(x - largest)
    rest = np.add.reduce(exps, axis=0) - 1.0
    if np.minimum.reduce(rest, axis=None) < 1.0 / 256.0:  # more than 8 bits are lost somewhere
        is_largest = x == largest
        rest = np.add.reduce(exps - is_largest, axis=0) + (np.add.reduce(is_largest, axis=0) - 1.0)
    return largest, exps, rest


def _stacked(xs: Sequence[Array]) -> Array:
    return xs if isinstance(xs, np.ndarray) else np.stack(np.broadcast_arrays(*xs))


# --- Joint operations, cheaper than one after the other; their results are those of the single ones.


def _tanh_and_sech2(x: Array, out: tuple[Array, Array]) -> None:
    """From t = tanh(x), 1 - t**2; where that has lost more than 8 bits, from the exponential."""
    t, slope = out
    tanh(x, out=t)
    np.multiply(t, t, out=slope)
    np.subtract(1.0, slope, out=slope)
    if not slope.item(slope.argmin()) >= 1.0 / 256.0:  # argmin finds a NaN first
        lost = (slope.ravel() < 1.0 / 256.0).nonzero()[0]
        slope.ravel()[lost] = sech2(x.ravel()[lost])


def _relu_and_step(x: Array, out: tuple[Array, Array]) -> None:
    positive_part, positive = out
    positive_part.fill(0.0)
    np.maximum(x, positive_part, out=positive_part)  # of two arrays: with a number it takes thrice the time
    np.greater(x, 0.0, out=positive, casting="unsafe")
    if np.isnan(x.item(x.argmin())):  # argmin finds a NaN first
        positive[np.isnan(x)] = np.nan


def _softmax_and_log_softmax(x: Array, out: tuple[Array, Array]) -> None:
    shares, logarithms = out
    largest, exps, rest = _exponentials(x)
    np.divide(exps, 1.0 + rest, out=shares)
    np.subtract(x, largest, out=logarithms)
    np.subtract(logarithms, log1p(rest), out=logarithms)


TOGETHER: Mapping[str, Callable[..., None]] = {
    "tanh and sech2": _tanh_and_sech2,
    "relu and step": _relu_and_step,
    "softmax and log_softmax": _softmax_and_log_softmax,
}
"""Rows of the table that programs often need of the same operands, by their names: they fill `out`."""

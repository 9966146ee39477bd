"""Numbers of as many digits as you ask for, by `mpmath`: the ground truth.

Every function here is its textbook definition; where the floats need a detour to keep their digits, more
digits do instead.
"""

from collections.abc import Callable, Sequence
from operator import mul
from typing import Any, TypeAlias

import mpmath

from engine.numbers.products import products_of_others
from engine.numbers.protocol import refuse_unknown

Number: TypeAlias = Any  # an mpmath number of this context, or anything it takes as one


class Multiprecision:
    """A number system with a precision of its own, independent of `mpmath.mp`.

    Args:
        digits: decimal digits that every operation is rounded to.

    Example:
        >>> m = Multiprecision(30)
        >>> print(m.exp(m.number(0.5)))
        1.64872127070012814684865078781
    """

    def __init__(self, digits: int) -> None:
        self.context: Any = mpmath.MPContext()
        self.context.dps = digits
        for name in _LIBRARY:
            setattr(self, name, _real(name, getattr(self.context, name)))
        self.abs = self.context.fabs
        self.pi = self.context.pi
        self.fsum = self.context.fsum
        self.prod = self.context.fprod

    def __getattr__(self, name: str) -> Any:
        refuse_unknown("numbers of mpmath", name)

    def number(self, x: float) -> Number:
        """The float itself, exactly, as a number of this system."""
        return self.context.mpf(x)

    def where(self, condition: Number, a: Number, b: Number) -> Number:
        """`a` where the condition is not zero, else `b`."""
        return a if condition else b

    def step(self, x: Number) -> Number:
        """1 for positive x, else 0."""
        return self.number(1 if x > 0 else 0)

    def sign(self, x: Number) -> Number:
        """-1, 0 or 1."""
        return self.context.sign(x)

    def equal(self, x: Number, y: Number) -> Number:
        """1 where both are the same number, else 0."""
        return self.number(1 if x == y else 0)

    def max(self, xs: Sequence[Number]) -> Number:
        """The largest."""
        return max(xs)

    def min(self, xs: Sequence[Number]) -> Number:
        """The smallest."""
        return min(xs)

    def pow(self, x: Number, y: Number) -> Number:
        """X to the power y."""
        if x == 0 and y < 0:
            raise ZeroDivisionError("0 to a negative power")
        return _real("pow", self.context.power)(x, y)

    def cbrt(self, x: Number) -> Number:
        """The real cube root, of negative numbers too."""
        return self.context.sign(x) * self.context.cbrt(abs(x))

    def log2(self, x: Number) -> Number:
        """The logarithm to base 2."""
        return self.log(x) / self.log(self.number(2))

    def hypot(self, *xs: Number) -> Number:
        """The root of the sum of squares."""
        return self.context.sqrt(self.context.fsum(xs, squared=True))

    def products_of_others(self, xs: Sequence[Number]) -> list[Number]:
        """For each number the product of the others."""
        return products_of_others(xs, mul, self.number(1))

    def sumprod(self, p: Sequence[Number], q: Sequence[Number]) -> Number:
        """The sum of products."""
        return self.context.fdot(p, q)

    def sech2(self, x: Number) -> Number:
        """The square of the hyperbolic secant."""
        return self.context.sech(x) ** 2

    def sigmoid(self, x: Number) -> Number:
        """1 / (1 + exp(-x))."""
        return 1 / (1 + self.context.exp(-x))

    def gelu(self, x: Number) -> Number:
        """The product x * normal_cdf(x)."""
        return x * self.normal_cdf(x)

    def silu(self, x: Number) -> Number:
        """The product x * sigmoid(x)."""
        return x / (1 + self.context.exp(-x))

    def softplus(self, x: Number) -> Number:
        """log(1 + exp(x))."""
        return self.context.log1p(self.context.exp(x))

    def gaussian(self, x: Number) -> Number:
        """exp(-x**2 / 2)."""
        return self.context.exp(-x * x / 2)

    def normal_cdf(self, x: Number) -> Number:
        """The standard normal distribution function."""
        return self.context.erfc(-x / self.context.sqrt(2)) / 2

    def logsumexp(self, xs: Sequence[Number]) -> Number:
        """The logarithm of the sum of exponentials."""
        largest = max(xs)
        return largest + self.context.log(self._total(xs, largest)) if self._finite(largest) else largest

    def log_softmax(self, xs: Sequence[Number]) -> list[Number]:
        """The logarithm of every number's share."""
        return [-self.context.log(self._total(xs, x)) for x in xs]

    def softmax(self, xs: Sequence[Number]) -> list[Number]:
        """Every number's share."""
        return [1 / self._total(xs, x) for x in xs]

    def _total(self, xs: Sequence[Number], shift: Number) -> Number:
        """The sum of exp(x - shift), where minus infinity has no part beside another number."""
        if not self._finite(shift):
            return -shift if shift < 0 and max(xs) > shift else self.context.nan
        return self.context.fsum(self.context.exp(x - shift) for x in xs)

    def _finite(self, x: Number) -> bool:
        return bool(self.context.isfinite(x))


_LIBRARY = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log10",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]


def _real(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of mpmath, which answers a real number outside its domain with a complex one."""

    def real(*x: Number) -> Number:
        y = function(*x)
        if y.imag:
            raise ValueError(f"{name} of {', '.join(map(str, x))} is not a real number")
        return y.real

    return real

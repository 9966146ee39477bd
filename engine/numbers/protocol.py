"""The contract of a number system: the functions that the rules of `engine.ops` may use.

A rule is written once, as `forward(m, *x)` and `partials(m, out, *x)`, and runs over every `m` that keeps
this contract. Numbers of a system also add, subtract, multiply, divide and negate with Python's operators,
and mix with plain floats.
"""

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

Number: TypeAlias = Any  # whatever the system computes with: a float, an array, a Value, ...


class NumberSystem(Protocol):
    """What every number system offers.

    A condition is a number: it holds where it is not zero. Functions of many numbers take a sequence.
    """

    @property
    def pi(self) -> Number:
        """The ratio of a circle's circumference to its diameter."""

    # Powers and logarithms
    def pow(self, x: Number, p: Number, /) -> Number:
        """X to the power p."""

    def exp(self, x: Number, /) -> Number:
        """E to the power x."""

    def expm1(self, x: Number, /) -> Number:
        """exp(x) - 1, exact near 0."""

    def log(self, x: Number, /) -> Number:
        """The natural logarithm."""

    def log1p(self, x: Number, /) -> Number:
        """log(1 + x), exact near 0."""

    def log2(self, x: Number, /) -> Number:
        """The logarithm to base 2."""

    def log10(self, x: Number, /) -> Number:
        """The logarithm to base 10."""

    def sqrt(self, x: Number, /) -> Number:
        """The square root."""

    def cbrt(self, x: Number, /) -> Number:
        """The real cube root."""

    # Trigonometry and hyperbolic functions
    def sin(self, x: Number, /) -> Number:
        """The sine."""

    def cos(self, x: Number, /) -> Number:
        """The cosine."""

    def tan(self, x: Number, /) -> Number:
        """The tangent."""

    def asin(self, x: Number, /) -> Number:
        """The inverse sine."""

    def acos(self, x: Number, /) -> Number:
        """The inverse cosine."""

    def atan(self, x: Number, /) -> Number:
        """The inverse tangent."""

    def atan2(self, y: Number, x: Number, /) -> Number:
        """The angle of the point (x, y)."""

    def sinh(self, x: Number, /) -> Number:
        """The hyperbolic sine."""

    def cosh(self, x: Number, /) -> Number:
        """The hyperbolic cosine."""

    def tanh(self, x: Number, /) -> Number:
        """The hyperbolic tangent."""

    def sech2(self, x: Number, /) -> Number:
        """1 - tanh(x)**2, exact in the tails."""

    def asinh(self, x: Number, /) -> Number:
        """The inverse hyperbolic sine."""

    def acosh(self, x: Number, /) -> Number:
        """The inverse hyperbolic cosine."""

    def atanh(self, x: Number, /) -> Number:
        """The inverse hyperbolic tangent."""

    # The normal distribution
    def erf(self, x: Number, /) -> Number:
        """The error function."""

    def erfc(self, x: Number, /) -> Number:
        """1 - erf(x), exact in the tail."""

    def gaussian(self, x: Number, /) -> Number:
        """exp(-x**2 / 2)."""

    def normal_cdf(self, x: Number, /) -> Number:
        """The standard normal distribution function."""

    # Choices
    def abs(self, x: Number, /) -> Number:
        """The absolute value."""

    def sign(self, x: Number, /) -> Number:
        """-1, 0 or 1."""

    def step(self, x: Number, /) -> Number:
        """1 for positive x, else 0."""

    def equal(self, x: Number, y: Number, /) -> Number:
        """1 where both are the same number, else 0."""

    def where(self, condition: Number, a: Number, b: Number, /) -> Number:
        """`a` where the condition is not zero, else `b`."""

    def max(self, x: Sequence[Number], /) -> Number:
        """The largest."""

    def min(self, x: Sequence[Number], /) -> Number:
        """The smallest."""

    # Sums and products of many
    def fsum(self, x: Sequence[Number], /) -> Number:
        """The sum."""

    def sumprod(self, p: Sequence[Number], q: Sequence[Number], /) -> Number:
        """The sum of the products p[i] * q[i]."""

    def prod(self, x: Sequence[Number], /) -> Number:
        """The product."""

    def products_of_others(self, x: Sequence[Number], /) -> Sequence[Number]:
        """For each number the product of all the others."""

    def hypot(self, *x: Number) -> Number:
        """The root of the sum of squares."""

    # Activations and shares
    def sigmoid(self, x: Number, /) -> Number:
        """1 / (1 + exp(-x))."""

    def softplus(self, x: Number, /) -> Number:
        """log(1 + exp(x))."""

    def gelu(self, x: Number, /) -> Number:
        """X * normal_cdf(x)."""

    def silu(self, x: Number, /) -> Number:
        """X * sigmoid(x)."""

    def logsumexp(self, x: Sequence[Number], /) -> Number:
        """The logarithm of the sum of exponentials."""

    def softmax(self, x: Sequence[Number], /) -> Sequence[Number]:
        """The share exp(x[i]) / sum(exp(x)) of each number."""

    def log_softmax(self, x: Sequence[Number], /) -> Sequence[Number]:
        """The logarithm of each number's share."""


NAMES = tuple(sorted(name for name in vars(NumberSystem) if not name.startswith("_")))
"""The names of the contract."""


def refuse_unknown(system: str, name: str) -> NoReturn:
    """Say that a number system lacks a function that a rule asks for.

    Args:
        system: the name of the system, for the message.
        name: the function.

    Raises:
        AttributeError: always; the message lists the functions of the contract.
    """
    raise AttributeError(
        f"{system} have no function {name!r}: a rule may use {', '.join(NAMES)}, and Python's + - * /"
    )

"""Number systems made of other frameworks: the names that the rules use, found in a framework's modules."""

from collections.abc import Callable, Sequence
from functools import reduce
from math import pi
from typing import Any


class Framework:
    """The names that the rules use, from modules that have NumPy's or PyTorch's names.

    Args:
        library: the module with the elementary functions.
        special: modules with the functions that it lacks.
        number: turns a float into a number of the framework.
    """

    pi = pi

    def __init__(self, library: Any, special: Sequence[Any], number: Callable[[float], Any]) -> None:
        self._modules = [library, *special]
        self._library = library
        self.number = number

    def __getattr__(self, name: str) -> Any:
        """The framework's own function; `acos` may be `arccos` there, and `sigmoid` `expit`."""
        for other in (name, name.replace("a", "arc", 1), _NAMES.get(name, name)):
            for module in self._modules:
                if hasattr(module, other):
                    return getattr(module, other)
        raise AttributeError(f"{self._library.__name__} has no function {name!r}")

    def pow(self, x: Any, p: Any) -> Any:
        """`x` to the power `p`."""
        return x**p

    def cbrt(self, x: Any) -> Any:
        """The real cube root."""
        return self.sign(x) * self.abs(x) ** (1.0 / 3.0)

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """`a` where the condition is not zero, else `b`."""
        return self._library.where(condition != 0, a, b)

    def step(self, x: Any) -> Any:
        """1 for positive x, else 0."""
        return self.where(x > 0, self.number(1.0), self.number(0.0))

    def equal(self, x: Any, y: Any) -> Any:
        """1 where both are the same number, else 0."""
        return self.where(x == y, self.number(1.0), self.number(0.0))

    def hypot(self, *x: Any) -> Any:
        """The root of the sum of squares."""
        return self.sqrt(self.fsum([x_i * x_i for x_i in x]))

    def fsum(self, x: Sequence[Any]) -> Any:
        """The sum."""
        return reduce(lambda a, b: a + b, x)

    def prod(self, x: Sequence[Any]) -> Any:
        """The product."""
        return reduce(lambda a, b: a * b, x)

    def sumprod(self, p: Sequence[Any], q: Sequence[Any]) -> Any:
        """The sum of products."""
        return self.fsum([a * b for a, b in zip(p, q, strict=True)])

    def max(self, x: Sequence[Any]) -> Any:
        """The largest."""
        return reduce(self._library.maximum, x)

    def min(self, x: Sequence[Any]) -> Any:
        """The smallest."""
        return reduce(self._library.minimum, x)

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x))."""
        return self.logaddexp(x, self.number(0.0))

    def sech2(self, x: Any) -> Any:
        """1 - tanh(x)**2."""
        return 1.0 - self.tanh(x) ** 2

    def gaussian(self, x: Any) -> Any:
        """exp(-x**2 / 2)."""
        return self.exp(-x * x / 2.0)

    def normal_cdf(self, x: Any) -> Any:
        """The standard normal distribution function."""
        return self.erfc(-x / 2.0**0.5) / 2.0

    def gelu(self, x: Any) -> Any:
        """`x * normal_cdf(x)`."""
        return x * self.normal_cdf(x)

    def silu(self, x: Any) -> Any:
        """`x * sigmoid(x)`."""
        return x * self.sigmoid(x)

    def logsumexp(self, x: Sequence[Any]) -> Any:
        """The logarithm of the sum of exponentials."""
        return reduce(self.logaddexp, x)

    def log_softmax(self, x: Sequence[Any]) -> list[Any]:
        """The logarithm of every number's share."""
        total = self.logsumexp(x)
        return [x_i - total for x_i in x]

    def softmax(self, x: Sequence[Any]) -> list[Any]:
        """Every number's share."""
        return [self.exp(y) for y in self.log_softmax(x)]


_NAMES = {"sigmoid": "expit", "atan2": "arctan2"}

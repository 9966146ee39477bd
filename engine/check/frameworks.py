"""The same function in other frameworks: each is one more number system for `Replayed`."""

import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from math import pi
from typing import Any

from engine.check.subject import Subject


class Framework:
    """The names that the rules use, from a module that has NumPy's or PyTorch's.

    Args:
        library: the module with the elementary functions.
        special: the modules to look for what it lacks.
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
        """X to the power p."""
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
        """X * normal_cdf(x)."""
        return x * self.normal_cdf(x)

    def silu(self, x: Any) -> Any:
        """X * sigmoid(x)."""
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


def _torch(subject: Subject) -> list[float]:
    torch = import_module("torch")
    m = Framework(torch, [torch.special], lambda x: torch.tensor(x, dtype=torch.float64))
    numbers = [m.number(x).requires_grad_() for x in subject.point]
    output = subject.over(m, numbers)
    if not output.requires_grad:  # it came from numbers that nothing moves
        return [0.0] * len(numbers)
    found = torch.autograd.grad(output, numbers, allow_unused=True)
    return [0.0 if g is None else float(g) for g in found]


def _jax(subject: Subject) -> list[float]:
    jax, numpy, special = (import_module(name) for name in ("jax", "jax.numpy", "jax.scipy.special"))
    in_double = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with in_double(True):
        m = Framework(numpy, [special, jax.nn], lambda x: numpy.asarray(x, dtype="float64"))
        found = jax.grad(lambda numbers: subject.over(m, numbers))([m.number(x) for x in subject.point])
        return [float(g) for g in found]


def _autograd(subject: Subject) -> list[float]:
    autograd, numpy = import_module("autograd"), import_module("autograd.numpy")
    special = [import_module("autograd.scipy.special")] if find_spec("scipy") else []
    m = Framework(numpy, special, float)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent")  # it says so, and answers 0
        found = autograd.grad(lambda numbers: subject.over(m, numbers))(list(subject.point))
    return [float(g) for g in found]


FRAMEWORKS: dict[str, Callable[[Subject], list[float]]] = {
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
}
"""Other frameworks by name: the derivatives of a subject by its inputs, in double precision."""

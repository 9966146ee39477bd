"""The same function differentiated by other frameworks, in double precision."""

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from engine.check.subject import Subject
from engine.numbers.frameworks import Framework


def gradient_by(name: str, subject: Subject) -> list[float]:
    """The gradient of a subject by another framework.

    Args:
        name: of the framework, one of `FRAMEWORKS`.
        subject: what to differentiate.

    Returns:
        One derivative for each input, in order.

    Raises:
        ImportError: if the framework is not installed.
    """
    with warnings.catch_warnings():  # a framework's warning is not a verdict about a gradient
        warnings.simplefilter("ignore")
        return FRAMEWORKS[name](subject)


def _torch(subject: Subject) -> list[float]:
    torch = import_module("torch")
    m = Framework(torch, [torch.special], lambda x: torch.tensor(x, dtype=torch.float64))
    numbers = [m.number(x).requires_grad_() for x in subject.point]
    output = subject.over(m, numbers)
    if not output.requires_grad:  # it does not depend on the inputs
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
    found = autograd.grad(lambda numbers: subject.over(m, numbers))(list(subject.point))
    return [float(g) for g in found]


FRAMEWORKS: dict[str, Callable[[Subject], list[float]]] = {
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
}
"""The frameworks by name: each function returns the derivatives of a subject by its inputs."""

"""Every activation once more, written with mpmath: the truth that networks and the delta rule are held to."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import mpmath

Number: TypeAlias = Any  # of mpmath, or anything that it takes as one
Activations: TypeAlias = Callable[[Any, Sequence[Number]], list[Number]]


def elementwise(f: Callable[[Any, Number], Number]) -> Activations:
    """The activations of a layer of which each depends on its own net input alone."""
    return lambda mp, z: [f(mp, z_i) for z_i in z]


def softmax(mp: Any, z: Sequence[Number]) -> list[Number]:
    return [1 / mp.fsum(mp.exp(z_k - z_i) for z_k in z) for z_i in z]


TRUE_ACTIVATIONS: dict[str, Activations] = {
    "identity": elementwise(lambda mp, z: z),
    "sigmoid": elementwise(lambda mp, z: 1 / (1 + mp.exp(-z))),
    "tanh": elementwise(lambda mp, z: mp.tanh(z)),
    "relu": elementwise(lambda mp, z: z if z > 0 else mp.mpf(0)),
    "leaky_relu": elementwise(lambda mp, z: z if z > 0 else z * mp.mpf(0.01)),
    "elu": elementwise(lambda mp, z: z if z > 0 else mp.expm1(z)),
    "softplus": elementwise(lambda mp, z: mp.log1p(mp.exp(z))),
    "gelu": elementwise(lambda mp, z: z * mp.erfc(-z / mp.sqrt(2)) / 2),
    "silu": elementwise(lambda mp, z: z / (1 + mp.exp(-z))),
    "softmax": softmax,
}


def true_activations(name: str, z: Sequence[Number], mp: Any = mpmath.mp) -> list[Number]:
    """The activations of a layer's net inputs, in the digits of an mpmath context.

    Args:
        name: a name in `nn.ACTIVATIONS` or in the table of the delta rule.
        z: the net inputs.
        mp: the context.
    """
    assert name in TRUE_ACTIVATIONS, (
        f"no truth for {name!r}: write it with mpmath in TRUE_ACTIVATIONS in tests/nn/truth.py"
    )
    return TRUE_ACTIVATIONS[name](mp, z)

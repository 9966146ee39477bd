"""Every activation and loss once more, written with mpmath: the truth for networks and for the delta rule."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import mpmath

from nn.losses import find_loss

Number: TypeAlias = Any  # of mpmath, or anything that it takes as one
Activations: TypeAlias = Callable[[Any, Sequence[Number]], list[Number]]
Loss: TypeAlias = Callable[[Any, Sequence[Number], Sequence[Number]], Number]


# --- Activations.


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
        f"{name} has no independent truth. Write its definition with mpmath as a row of TRUE_ACTIVATIONS in "
        f'tests/nn/truth.py: "{name}": elementwise(lambda mp, z: ...),'
    )
    return TRUE_ACTIVATIONS[name](mp, z)


# --- Losses.


def termwise(f: Callable[[Any, Number, Number], Number]) -> Loss:
    """The loss that adds up a term for each output and its target."""
    return lambda mp, o, y: mp.fsum(f(mp, o_i, y_i) for o_i, y_i in zip(o, y, strict=True))


def minus_log(mp: Any, weight: Number, p: Number) -> Number:
    """-weight log p; 0 if the weight is 0, even where the logarithm is infinite."""
    return -weight * mp.log(p) if weight else mp.mpf(0)


log_loss = termwise(lambda mp, o, y: minus_log(mp, y, o) + minus_log(mp, 1 - y, 1 - o))
cross_entropy = termwise(lambda mp, o, y: minus_log(mp, y, o))

TRUE_LOSSES: dict[str, Loss] = {
    "squared_error": termwise(lambda mp, o, y: (o - y) ** 2),
    "log_loss": log_loss,
    "log_loss_from_logits": lambda mp, z, y: log_loss(mp, true_activations("sigmoid", z, mp), y),
    "cross_entropy": cross_entropy,
    "cross_entropy_from_logits": lambda mp, z, y: cross_entropy(mp, softmax(mp, z), y),
}
"""The textbook's definitions. The loss of net inputs is that of their probabilities."""


def needed_output(name: str) -> str:
    """The activation that has to come before a loss; "" if any may."""
    row = find_loss(name)
    return "" if row.logits else row.output


def true_loss(name: str, o: Sequence[Number], y: Sequence[Number], mp: Any = mpmath.mp) -> Number:
    """The loss of outputs and targets, in the digits of an mpmath context.

    Args:
        name: a name in `nn.LOSSES` or in the table of the delta rule.
        o: the outputs.
        y: the targets.
        mp: the context.
    """
    assert name in TRUE_LOSSES, (
        f"{name} has no independent truth. Write its definition with mpmath as a row of TRUE_LOSSES in "
        f'tests/nn/truth.py: "{name}": termwise(lambda mp, o, y: ...),'
    )
    return TRUE_LOSSES[name](mp, o, y)

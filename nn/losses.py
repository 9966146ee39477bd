"""Losses of one example: what an output costs, given the target.

Each takes the outputs of a network and as many targets, or one output and one number. A target is a number,
or a Value if it is to be recorded too. The losses of probabilities also exist as losses of net inputs
("logits"), which keep every digit where the probability rounds to 0 or 1: train with those.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from engine import Value, fsum, log, log1p, log_softmax, softplus
from nn.modules import look_up

Output: TypeAlias = Value | Sequence[Value]
Target: TypeAlias = Value | float | Sequence[Value | float]
Loss: TypeAlias = Callable[[Output, Target], Value]

_SHARES_ROUND_BY = 1e-5  # targets that add up to 1 in single precision are welcome


def squared_error(output: Output, target: Target) -> Value:
    """The sum of (o_i - y_i)**2, for regression.

    Args:
        output: the outputs o.
        target: as many numbers y.

    Returns:
        The loss.

    Raises:
        ValueError: if outputs and targets are not equally many.

    Example:
        >>> squared_error([Value(1.0), Value(2.0)], [1.0, 4.0]).data
        4.0
    """
    return _sum([(o - y) ** 2 for o, y in _pairs(output, target)])


def log_loss(output: Output, target: Target) -> Value:
    """The sum of -y_i log o_i - (1 - y_i) log(1 - o_i), for probabilities of two classes.

    Args:
        output: probabilities o, each the output of a sigmoid.
        target: as many numbers y from 0 to 1.

    Returns:
        The loss.

    Raises:
        ValueError: if outputs and targets are not equally many, a target is not from 0 to 1, or the loss is
            infinite.

    Example:
        >>> round(log_loss(Value(0.8), 1.0).data, 6)
        0.223144
    """
    terms = []
    for i, (o, y) in enumerate(_probable_pairs("log_loss", output, target), start=1):
        _refuse_infinite("log_loss", i, o, y, impossible=o.data <= 0.0 and _differs(y, 0.0))
        _refuse_infinite("log_loss", i, o, y, impossible=o.data >= 1.0 and _differs(y, 1.0))
        if _differs(y, 0.0):
            terms.append(-y * log(o))
        if _differs(y, 1.0):
            terms.append((y - 1.0) * log1p(-o))
    return _sum(terms)


def log_loss_from_logits(output: Output, target: Target) -> Value:
    """The log loss of the sigmoid of net inputs, exact in the tails.

    Args:
        output: net inputs z.
        target: as many numbers y from 0 to 1.

    Returns:
        The sum of y_i softplus(-z_i) + (1 - y_i) softplus(z_i).

    Raises:
        ValueError: if outputs and targets are not equally many, or a target is not from 0 to 1.

    Example:
        >>> log_loss_from_logits(Value(50.0), 1.0).data
        1.9287498479639178e-22
    """
    terms = []
    for z, y in _probable_pairs("log_loss_from_logits", output, target):
        if _differs(y, 0.0):
            terms.append(y * softplus(-z))
        if _differs(y, 1.0):
            terms.append((1.0 - y) * softplus(z))
    return _sum(terms)


def cross_entropy(output: Output, target: Target) -> Value:
    """The sum of -y_i log o_i, for probabilities of several classes.

    Args:
        output: probabilities o, the outputs of a softmax.
        target: as many numbers y that add up to 1; for a known class 1 there and 0 elsewhere.

    Returns:
        The loss.

    Raises:
        ValueError: if outputs and targets are not equally many, the targets are no probabilities that add up
            to 1, or the loss is infinite.

    Example:
        >>> round(cross_entropy([Value(0.2), Value(0.8)], [0.0, 1.0]).data, 6)
        0.223144
    """
    terms = []
    for i, (o, y) in enumerate(_shared_pairs("cross_entropy", output, target), start=1):
        if _differs(y, 0.0):
            _refuse_infinite("cross_entropy", i, o, y, impossible=o.data <= 0.0)
            terms.append(-y * log(o))
    return _sum(terms)


def cross_entropy_from_logits(output: Output, target: Target) -> Value:
    """The cross-entropy of the softmax of net inputs, exact in the tails.

    Args:
        output: net inputs z.
        target: as many numbers y that add up to 1.

    Returns:
        The sum of -y_i log_softmax(z)_i.

    Raises:
        ValueError: if outputs and targets are not equally many, or the targets are no probabilities that add
            up to 1.

    Example:
        >>> cross_entropy_from_logits([Value(0.0), Value(50.0)], [0.0, 1.0]).data
        1.9287498479639178e-22
    """
    pairs = _shared_pairs("cross_entropy_from_logits", output, target)
    logs = log_softmax([z for z, _ in pairs])
    return _sum([-y * log_i for (_, y), log_i in zip(pairs, logs, strict=True) if _differs(y, 0.0)])


LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (
        squared_error,
        log_loss,
        log_loss_from_logits,
        cross_entropy,
        cross_entropy_from_logits,
    )
}
"""Every loss by its name."""


def named(loss: Loss | str) -> Loss:
    """A loss by itself or by its name.

    Raises:
        ValueError: if there is no loss of that name; the message lists those there are.
    """
    return look_up(LOSSES, "loss", loss) if isinstance(loss, str) else loss


def _pairs(output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    outputs = [output] if isinstance(output, Value) else list(output)
    targets = list(target) if isinstance(target, Iterable) else [target]
    if len(outputs) != len(targets):
        raise ValueError(f"the loss got {len(outputs)} outputs and {len(targets)} targets")
    return list(zip(outputs, targets, strict=True))


def _probable_pairs(loss: str, output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    pairs = _pairs(output, target)
    for i, (_, y) in enumerate(pairs, start=1):
        if not 0.0 <= float(y) <= 1.0:
            raise ValueError(f"{loss} takes targets from 0 to 1; target {i} is {float(y)}")
    return pairs


def _shared_pairs(loss: str, output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    pairs = _probable_pairs(loss, output, target)
    total = math.fsum(float(y) for _, y in pairs)
    if abs(total - 1.0) > _SHARES_ROUND_BY:
        raise ValueError(f"{loss} takes targets that add up to 1; these add up to {total}")
    return pairs


def _sum(terms: list[Value]) -> Value:
    total: Value = terms[0] if len(terms) == 1 else fsum(terms)
    return total


def _differs(y: Value | float, number: float) -> bool:
    """Whether a term counts: the weight of it is recorded, or is not 0."""
    return isinstance(y, Value) or y != number


def _refuse_infinite(loss: str, i: int, o: Value, y: Value | float, *, impossible: bool) -> None:
    if impossible:
        raise ValueError(
            f"{loss} is infinite: output {i} is {o.data} where the target is {float(y)}; "
            f"use {loss}_from_logits on the net inputs"
        )

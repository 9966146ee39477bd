"""Losses of one example: one table, with a row for each, and a decorator that adds your own.

A loss takes the outputs of a network and as many targets, or one output and one target. A target is a number,
or a Value if it is to be recorded too. The losses of probabilities also exist as losses of net inputs
("logits"). Those keep every digit where a probability rounds to 0 or 1: use them for training.

Example:
    >>> import nn
    >>> @nn.loss
    ... def quartic_error(output, target):
    ...     '''(o - y)**4.'''
    ...     return (output - target[0]) ** 4
    >>> model = nn.MLP.from_weights([[[0.5]]], [[0.0]], ["identity"])
    >>> nn.fit(model, [[2.0]], [3.0], loss="quartic_error", epochs=1, progress=False).loss
    [16.0]
    >>> del nn.LOSSES["quartic_error"]

The delta rule shares no code with the losses that it checks: `check_network` needs a row for the new loss in
`nn.proof.delta_rule.LOSSES` too.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, overload

from engine import Value, fsum, log, log1p, log_softmax, softplus
from nn.tables import facts_of, look_up, refuse_taken

__all__ = [
    "LOSSES",
    "Loss",
    "cross_entropy",
    "cross_entropy_from_logits",
    "log_loss",
    "log_loss_from_logits",
    "loss",
    "squared_error",
]

Output: TypeAlias = Value | Sequence[Value]
Target: TypeAlias = Value | float | Sequence[Value | float]
LossFunction: TypeAlias = Callable[[Output, Target], Value]
Function = TypeVar("Function", bound=Callable[..., Any])

_SHARES_ROUND_BY = 1e-5  # targets may add up to 1 in single precision only


@dataclass(frozen=True)
class Loss:
    """A row of `LOSSES`.

    Args:
        name: its name.
        function: the loss of the outputs and the targets of one example.
        text: the mathematics, as a formula or in words.
        output: the activation of the output layer that it goes with; "" for any.
        logits: whether it applies that activation itself, and so takes net inputs.
        predicts: "number", "two classes" or "classes" if the command line chooses this loss for such a
            target; "" if it does not.
        branch_free: whether no `if` of it depends on the data of an output, so that the recording of one
            example is right for all.

    Example:
        >>> LOSSES["squared_error"](Value(1.5), 1.0).data
        0.25
    """

    name: str
    function: Callable[..., Any]
    text: str = ""
    output: str = ""
    logits: bool = False
    predicts: str = ""
    branch_free: bool = False

    def __call__(self, output: Output, target: Target) -> Any:
        """The function, applied."""
        return self.function(output, target)

    @property
    def __name__(self) -> str:
        """The name; a function has it too."""
        return self.name


def squared_error(output: Output, target: Target) -> Value:
    """The sum of (o_i - y_i)**2, for regression.

    Args:
        output: the outputs o.
        target: as many numbers y.

    Returns:
        The loss.

    Raises:
        ValueError: if the numbers of outputs and targets differ.

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
        ValueError: if the numbers of outputs and targets differ, a target is not from 0 to 1, or the loss is
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
        ValueError: if the numbers of outputs and targets differ, or a target is not from 0 to 1.

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
        ValueError: if the numbers of outputs and targets differ, the targets are not probabilities that add
            up to 1, or the loss is infinite.

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
        ValueError: if the numbers of outputs and targets differ, or the targets are not probabilities that
            add up to 1.

    Example:
        >>> cross_entropy_from_logits([Value(0.0), Value(50.0)], [0.0, 1.0]).data
        1.9287498479639178e-22
    """
    pairs = _shared_pairs("cross_entropy_from_logits", output, target)
    logs = log_softmax([z for z, _ in pairs])
    return _sum([-y * log_i for (_, y), log_i in zip(pairs, logs, strict=True) if _differs(y, 0.0)])


LOSSES: dict[str, LossFunction] = {
    row.name: row
    for row in (
        Loss(
            "squared_error",
            squared_error,
            "the sum of (o_i - y_i)**2",
            predicts="number",
            branch_free=True,
        ),
        Loss(
            "log_loss",
            log_loss,
            "the sum of -y_i log o_i - (1 - y_i) log(1 - o_i)",
            output="sigmoid",
            branch_free=True,
        ),
        Loss(
            "log_loss_from_logits",
            log_loss_from_logits,
            "the log loss of the sigmoid of net inputs",
            output="sigmoid",
            logits=True,
            predicts="two classes",
            branch_free=True,
        ),
        Loss(
            "cross_entropy",
            cross_entropy,
            "the sum of -y_i log o_i",
            output="softmax",
            branch_free=True,
        ),
        Loss(
            "cross_entropy_from_logits",
            cross_entropy_from_logits,
            "the cross-entropy of the softmax of net inputs",
            output="softmax",
            logits=True,
            predicts="classes",
            branch_free=True,
        ),
    )
}
"""Every loss by its name. A plain function of outputs and targets may be assigned too."""


def find_loss(loss: LossFunction | str) -> Loss:
    """The row of a loss.

    Args:
        loss: a name in `LOSSES`, a row, or a function of outputs and targets.

    Returns:
        The row; for a function without a row, a row with that function alone.

    Raises:
        ValueError: if there is no such name; the message lists the known names.

    Example:
        >>> find_loss("log_loss").function is log_loss, find_loss(log_loss).output
        (True, 'sigmoid')
    """
    if isinstance(loss, str):
        row = look_up(LOSSES, "loss", loss)
        return row if isinstance(row, Loss) else Loss(loss, row)
    if isinstance(loss, Loss):
        return loss
    rows = (row for row in LOSSES.values() if isinstance(row, Loss) and row.function is loss)
    return next(rows, Loss(getattr(loss, "__name__", str(loss)), loss))


@overload
def loss(function: Function, /) -> Function: ...
@overload
def loss(**facts: Any) -> Callable[[Function], Function]: ...
def loss(function: Any = None, /, **facts: Any) -> Any:
    """A decorator that adds a loss of your own to the table.

    Args:
        function: the loss of the outputs and the targets of one example, written with functions of
            `engine`.
        **facts: facts of its row, as `Loss` lists them. The name is that of the function and the text its
            docstring, if they are left out.

    Returns:
        The function itself; without a function, a decorator that returns it.

    Raises:
        ValueError: if there is already a loss of this name.

    Example:
        >>> @loss(output="sigmoid", text="the probability of an error")
        ... def error_rate(output, target):
        ...     return abs(output - target[0])
        >>> find_loss("error_rate").output
        'sigmoid'
        >>> del LOSSES["error_rate"]
        >>> loss(log_loss)
        Traceback (most recent call last):
        ...
        ValueError: there is a loss 'log_loss' already: give yours another name, or first `del ...
    """
    if function is None:
        return lambda own: _added(own, facts)
    return _added(function, facts)


def _added(function: Function, facts: dict[str, Any]) -> Function:
    row = Loss(function=function, **facts_of(function, facts))
    refuse_taken(LOSSES, "a loss", "nn.LOSSES", row.name)
    LOSSES[row.name] = row
    return function


def _pairs(output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    outputs = [output] if isinstance(output, Value) else list(output)
    targets = list(target) if isinstance(target, Iterable) else [target]
    if len(outputs) != len(targets):
        raise ValueError(f"the loss got {len(outputs)} outputs and {len(targets)} targets")
    return list(zip(outputs, targets, strict=True))


def _probable_pairs(name: str, output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    pairs = _pairs(output, target)
    for i, (_, y) in enumerate(pairs, start=1):
        if not 0.0 <= float(y) <= 1.0:
            raise ValueError(f"{name} takes targets from 0 to 1; target {i} is {float(y)}")
    return pairs


def _shared_pairs(name: str, output: Output, target: Target) -> list[tuple[Value, Value | float]]:
    pairs = _probable_pairs(name, output, target)
    total = math.fsum(float(y) for _, y in pairs)
    if abs(total - 1.0) > _SHARES_ROUND_BY:
        raise ValueError(f"{name} takes targets that add up to 1; these add up to {total}")
    return pairs


def _sum(terms: list[Value]) -> Value:
    total: Value = terms[0] if len(terms) == 1 else fsum(terms)
    return total


def _differs(y: Value | float, number: float) -> bool:
    """Whether a target is recorded or is not this number, so that its term counts."""
    return isinstance(y, Value) or y != number


def _refuse_infinite(name: str, i: int, o: Value, y: Value | float, *, impossible: bool) -> None:
    if impossible:
        raise ValueError(
            f"{name} is infinite: output {i} is {o.data} where the target is {float(y)}; "
            f"use {name}_from_logits on the net inputs"
        )

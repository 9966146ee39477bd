"""Training: gradient descent over a data set, whole, in small batches or one example at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from tqdm import tqdm

from engine.value import as_float
from nn.losses import LossFunction, find_loss
from nn.modules import MLP
from nn.optim import SGD, Optimizer

if TYPE_CHECKING:
    from nn.steps import Example

__all__ = ["History", "fit"]

Rows: TypeAlias = Sequence[Sequence[float]]
Targets: TypeAlias = Sequence[float] | Sequence[Sequence[float]]
Callback: TypeAlias = Callable[[int, "History"], object]


@dataclass
class History:
    """The losses of training, epoch by epoch. A notebook shows them as a plot if matplotlib is installed.

    Attributes:
        loss: the mean loss over the examples of each epoch, each measured just before its step.
        validation: the mean loss over the validation set after each epoch; empty without one.
    """

    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    def plot(self, path: str | None = None) -> Any:
        """Draw the loss over the epochs, with matplotlib.

        Args:
            path: a file for the picture; its ending chooses the format.

        Returns:
            The matplotlib figure.

        Raises:
            ImportError: if matplotlib is not installed; the message says how to install it.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise ImportError("plotting needs matplotlib: pip install 'deltagrad[plot]'") from None
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        epochs = range(1, len(self.loss) + 1)
        axes.plot(epochs, self.loss, color="#0072B2", label="training")
        if self.validation:
            axes.plot(epochs, self.validation, color="#8F5600", linestyle="--", label="validation")
            axes.legend()
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean loss")
        if min(self.loss + self.validation, default=0.0) > 0.0:
            axes.set_yscale("log")
        if path is not None:
            figure.savefig(path)
        return figure

    def _repr_png_(self) -> bytes | None:
        """The plot as a notebook shows it; None without matplotlib."""
        picture = BytesIO()
        try:
            self.plot().savefig(picture, format="png", dpi=150)
        except ImportError:
            return None
        return picture.getvalue()


def fit(
    model: MLP,
    X: Rows,
    y: Targets,
    *,
    loss: LossFunction | str,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    rng: random.Random | None = None,
    progress: bool = True,
    validation: tuple[Rows, Targets] | None = None,
    callback: Callback | None = None,
    compiled: bool = True,
) -> History:
    """Train a network by gradient descent on the mean loss.

    The network and the loss are recorded for one example and compiled; the program then runs on whole
    batches. A branch in Python in a loss of your own, such as `if output.data > 1`, is not recorded: write it
    with `engine.where`, `max` or `relu`, or train with `compiled=False`.

    Args:
        model: the network. Training changes its parameters.
        X: the inputs, one row for each example.
        y: the targets, a number or a row for each example.
        loss: a function of outputs and targets, or its name in `nn.LOSSES`.
        optimizer: moves the parameters; `SGD(model.parameters())` if None.
        epochs: the number of passes over all examples.
        batch_size: the number of examples in each step: None for all of them (batch gradient descent), 1
            (stochastic), or a number between (mini-batch; the last batch may be smaller).
        rng: the generator that shuffles the examples before each epoch; None keeps their order.
        progress: whether to show a progress bar with the loss.
        validation: inputs and targets on which to measure the loss after each epoch.
        callback: called after each epoch with its number, from 1, and the history so far; training stops
            if it returns True.
        compiled: whether to run the compiled program. False records every example anew and gives the same
            parameters to within rounding.

    Returns:
        The losses of each epoch.

    Raises:
        ValueError: if the data is empty, does not fit or is not finite, if the optimizer belongs to another
            model, if a parameter is not finite, or as soon as the loss or a gradient is not: the message
            names the operation or number that it comes from.
        TypeError: if the data contains anything but numbers, the optimizer is not an `Optimizer`, or the loss
            does not return a Value.

    Example:
        >>> from nn import MLP, SGD, fit, xor
        >>> data = xor()
        >>> model = MLP(2, [4, 1], activation="tanh", rng=random.Random(1))
        >>> history = fit(model, data.X, data.targets(), loss="log_loss_from_logits", epochs=200,
        ...               optimizer=SGD(model.parameters(), 0.5), batch_size=1, progress=False)
        >>> [round(model(x).data > 0) for x in data.X]
        [0, 1, 1, 0]
    """
    from nn.steps import (
        CompiledSteps,
        EagerSteps,
        refuse_parameters,
    )  # late: NumPy takes longer to import than all of nn

    J = find_loss(loss)
    examples = as_examples(X, y, "training")
    checks = as_examples(*validation, "validation") if validation else []
    size = len(examples) if batch_size is None else batch_size
    if size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1, or None for all examples")
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}; it must be at least 0")
    if optimizer is None:
        optimizer = SGD(model.parameters())
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}; give one of nn.optim: SGD(model.parameters())")
    if set(optimizer.parameters).isdisjoint(model.parameters()):
        raise ValueError(
            "the optimizer moves no parameter of this model; make one for it: SGD(model.parameters())"
        )
    refuse_parameters(model)
    steps = CompiledSteps if compiled else EagerSteps
    training = steps(model, J, optimizer, examples, checks)
    order = list(range(len(examples)))
    history = History()
    with tqdm(range(1, epochs + 1), unit="epoch", disable=not progress) as bar:
        for epoch in bar:
            if rng is not None:
                rng.shuffle(order)
            batches = [order[start : start + size] for start in range(0, len(order), size)]
            training.begin()
            try:
                totals = [training.step(batch, epoch) * len(batch) for batch in batches]
            finally:
                training.end()  # an interrupted epoch keeps the steps it took
            history.loss.append(math.fsum(totals) / len(examples))
            if checks:
                history.validation.append(training.validation(epoch))
            bar.set_postfix(loss=f"{history.loss[-1]:.4g}")
            if callback is not None and callback(epoch, history) is True:
                break
    return history


def as_examples(X: Rows, y: Targets, what: str) -> list[Example]:
    """Inputs and targets side by side, each as a list of floats.

    Args:
        X: the inputs, one row for each example.
        y: the targets, a number or a row for each example.
        what: the name of the data, for messages.

    Returns:
        A pair for each example.

    Raises:
        ValueError: if there are no examples, the numbers of inputs and targets differ, or a number is not
            finite.
        TypeError: if an entry is not a number.
        OverflowError: if an entry is beyond the largest float.
    """
    if len(X) != len(y):
        raise ValueError(f"the {what} data has {len(X)} rows of inputs and {len(y)} targets")
    if len(X) == 0:
        raise ValueError(f"the {what} data is empty")
    examples = []
    for i, row in enumerate(zip(X, y, strict=True)):
        try:
            x_i, y_i = map(_floats, row)
        except (TypeError, OverflowError) as error:
            raise type(error)(f"row {i} of the {what} data: {error}") from None
        examples.append((x_i, y_i))
        if not all(map(math.isfinite, [*x_i, *y_i])):
            raise ValueError(
                f"row {i} of the {what} data contains a number that is not finite: {x_i}, {y_i}. Leave the "
                "row out, or fill in the number"
            )
    return examples


def _floats(row: Any) -> list[float]:
    return [as_float(number) for number in (row if isinstance(row, Iterable) else [row])]

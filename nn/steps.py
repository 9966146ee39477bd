"""A step of training: the mean loss over a batch, its gradient, and the move it makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from engine import Value
from nn.losses import LossFunction
from nn.modules import MLP
from nn.optim import Optimizer

Example: TypeAlias = tuple[list[float], list[float]]


class Recorded:
    """Steps that record every example anew.

    Args:
        model: the network.
        loss: a function of outputs and targets.
        optimizer: what moves the parameters.
        examples: the training set.
        checks: the validation set; may be empty.
    """

    def __init__(
        self,
        model: MLP,
        loss: LossFunction,
        optimizer: Optimizer,
        examples: Sequence[Example],
        checks: Sequence[Example],
    ) -> None:
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._examples = examples
        self._checks = checks

    def begin(self) -> None:
        """Begin an epoch."""

    def end(self) -> None:
        """End an epoch: the parameters have their numbers."""

    def validation(self) -> float:
        """The mean loss over the validation set."""
        return math.fsum(self._cost(*example).data for example in self._checks) / len(self._checks)

    def step(self, batch: Sequence[int], epoch: int) -> float:
        """Move the parameters once; the mean loss over the batch, as it was before.

        Example by example, so that the graph of one is all that is held in memory.

        Raises:
            ValueError: if the loss or a gradient is not finite.
            TypeError: if the loss is no Value.
        """
        self._model.zero_grad()
        costs = []
        try:
            for i in batch:
                cost = self._cost(*self._examples[i])
                (cost * (1.0 / len(batch))).backward()
                costs.append(cost.data)
            mean = math.fsum(costs) * (1.0 / len(batch))
        except OverflowError:
            mean = math.inf
        refuse_divergence(self._model, mean, epoch)
        self._optimizer.step()
        return mean

    def _cost(self, x: Sequence[Value | float], y: Sequence[Value | float]) -> Value:
        """The recorded loss of one example."""
        cost: object = self._loss(self._model(x), y)
        if not isinstance(cost, Value):
            raise TypeError(
                f"the loss must return a Value, but returned {type(cost).__name__} {cost!r}: compute it from "
                "the outputs with functions of engine, without .data, float(...) or math"
            )
        return cost


def refuse_divergence(model: MLP, cost: float, epoch: int) -> None:
    """Raise ValueError if the loss, or the gradient of a parameter, is not finite."""
    parameters = model.parameters()
    numbers = [cost, *[p.grad for p in parameters]]
    for i, number in enumerate(numbers):
        if not math.isfinite(number):
            name = f"gradient of {parameters[i - 1].label}" if i else "loss"
            raise ValueError(
                f"the {name} became {number} in epoch {epoch}; the parameters are as they were before that "
                "step: train with a smaller learning rate"
            )

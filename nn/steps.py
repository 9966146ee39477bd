"""A step of training: the mean loss over a batch, its gradient, and the update of the parameters.

`EagerSteps` record every example; `CompiledSteps` run a program on whole batches, compiled from one example.
Both have the same four methods: `begin` and `end` an epoch, take a `step`, and measure the `validation` loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

import engine
from engine import Value
from engine.anomalies import reason
from engine.graph import topological
from nn.losses import Loss
from nn.modules import MLP
from nn.optim import Optimizer

Example: TypeAlias = tuple[list[float], list[float]]

_EXAMPLES_COMPARED = 32


class EagerSteps:
    """Steps that record every example anew.

    Args:
        model: the network.
        loss: the loss of one example.
        optimizer: moves the parameters.
        examples: the training set.
        checks: the validation set; may be empty.
    """

    def __init__(
        self,
        model: MLP,
        loss: Loss,
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
        """End an epoch."""

    def step(self, batch: Sequence[int], epoch: int) -> float:
        """Move the parameters once.

        The examples are recorded one by one, so that only the graph of one is in memory.

        Args:
            batch: the indices of the examples.
            epoch: the number of the epoch, for messages.

        Returns:
            The mean loss over the batch before the step.

        Raises:
            ValueError: if the loss or a gradient is not finite.
            TypeError: if the loss is not a Value.
        """
        self._model.zero_grad()
        costs = []
        try:
            for i in batch:
                cost = self.cost(*self._examples[i])
                (cost * (1.0 / len(batch))).backward()
                costs.append(cost.data)
            mean = math.fsum(costs) * (1.0 / len(batch))
        except OverflowError:
            mean = math.inf
        self.refuse_nonfinite(mean, batch, epoch)
        self._optimizer.step()
        return mean

    def validation(self, epoch: int) -> float:
        """The mean loss over the validation set.

        Args:
            epoch: the number of the epoch, for messages.

        Raises:
            ValueError: if it is not finite.
        """
        try:
            mean = math.fsum(self.cost(*example).data for example in self._checks) / len(self._checks)
        except OverflowError:
            mean = math.inf
        if not math.isfinite(mean):
            smaller = "scale the data, or train with a smaller learning rate"
            cause, advice = self._cause(enumerate(self._checks), smaller)
            raise ValueError(f"the validation loss became {mean} after epoch {epoch}: {cause}: {advice}")
        return mean

    def cost(self, x: Sequence[Value | float], y: Sequence[Value | float]) -> Value:
        """The recorded loss of one example.

        Args:
            x: the inputs.
            y: the targets.

        Raises:
            TypeError: if the loss is not a Value.
        """
        cost: object = self._loss(self._model(x), y)
        if not isinstance(cost, Value):
            raise TypeError(
                f"the loss must return a Value, but returned {type(cost).__name__} {cost!r}: compute it from "
                "the outputs with functions of engine, without .data, float(...) or math"
            )
        return cost

    def refuse_nonfinite(self, mean: float, batch: Sequence[int], epoch: int) -> None:
        """Refuse to take a step by a loss or a gradient that is not finite.

        Args:
            mean: the mean loss.
            batch: the indices of the examples.
            epoch: the number of the epoch, for the message.

        Raises:
            ValueError: with what is not finite, where that comes from, and what to do.
        """
        gradients = [(f"gradient of {p.label}", p.grad) for p in self._model.parameters()]
        for name, number in [("loss", mean), *gradients]:
            if not math.isfinite(number):
                smaller = (
                    "train with a smaller learning rate"
                    if self._optimizer.steps
                    else "no step was taken yet, so scale the data, or start from smaller weights"
                )
                cause, advice = self._cause(((i, self._examples[i]) for i in batch), smaller)
                raise ValueError(
                    f"the {name} became {number} in epoch {epoch}: {cause}; the parameters are as they were "
                    f"before that step: {advice}"
                )

    def _cause(self, examples: Iterable[tuple[int, Example]], smaller: str) -> tuple[str, str]:
        """Where a number that is not finite comes from, and what to do: `smaller` if it overflows."""
        for p in self._model.parameters():
            if not math.isfinite(p.data):
                return f"the step before made the parameter {p.label} {p.data}", smaller
        for i, example in examples:
            try:
                cost = self.cost(*example)
            except OverflowError as error:
                return f"{error}, in example {i}", smaller
            found = reason(cost)
            if found is not None:
                return f"{found}, in example {i}", _ADVICE.get(found.part, smaller)
        return "the sum over the examples overflows", smaller


_ADVICE = {
    "leaf": "the loss itself uses a number that is not finite",
    "partial": "keep its operand away from there, as with sqrt(x + 1e-12)",
}


def refuse_parameters(model: MLP) -> None:
    """Refuse a network that cannot be trained, because a parameter is not finite.

    Args:
        model: the network.

    Raises:
        ValueError: with the first such parameter.
    """
    wrong = [p for p in model.parameters() if not math.isfinite(p.data)]
    if wrong:
        more = f", and {len(wrong) - 1} more are not finite" if len(wrong) > 1 else ""
        raise ValueError(
            f"the parameter {wrong[0].label} is {wrong[0].data} before training{more}: give it a finite "
            "number, or make a new model"
        )


class CompiledSteps:
    """Steps that run a program on whole batches, compiled from the first example.

    If the program returns inf or NaN, the step is taken again by recording. Its error names the cause; and a
    recorded loss may be finite where the program multiplies 0 by infinity.

    Args:
        model: the network.
        loss: the loss of one example.
        optimizer: moves the parameters.
        examples: the training set.
        checks: the validation set; may be empty.

    Raises:
        ValueError: if an example does not fit, or the loss takes a branch in Python.
    """

    def __init__(
        self,
        model: MLP,
        loss: Loss,
        optimizer: Optimizer,
        examples: Sequence[Example],
        checks: Sequence[Example],
    ) -> None:
        self._eager = EagerSteps(model, loss, optimizer, examples, checks)
        self._optimizer = optimizer
        self._parameters = model.parameters()
        x, y = ([Value(number) for number in part] for part in examples[0])
        try:
            cost = self._eager.cost(x, y)
        except OverflowError:
            self._eager.refuse_nonfinite(math.inf, [0], 1)
            raise
        for example in (*examples, *checks):
            if [len(part) for part in example] != [len(x), len(y)]:
                self._eager.cost(*example)  # raises an error that says what does not fit
        used = set(topological([cost]))
        columns = [i for i, leaf in enumerate([*x, *y]) if leaf in used]
        self._program = engine.compile(cost, [[*x, *y][i] for i in columns], self._parameters)
        self._X, self._X_validation = (_rows(part, columns) for part in (examples, checks))
        self._moves_all = optimizer.parameters == self._parameters
        if not loss.branch_free:
            self._refuse_branches(examples[:_EXAMPLES_COMPARED])

    def _refuse_branches(self, examples: Sequence[Example]) -> None:
        """Raise ValueError if the program and a recording differ: the loss took a branch in Python."""
        costs = self._program(self._X[: len(examples)]).tolist()
        for example, compiled in zip(examples, costs, strict=True):
            if not math.isfinite(compiled):
                continue
            by_recording = self._eager.cost(*example).data
            if not math.isclose(compiled, by_recording, rel_tol=1e-6, abs_tol=1e-9):
                raise ValueError(
                    f"compiled from one example, the loss of {example} is {compiled}, but recorded it is "
                    f"{by_recording}: a branch that Python takes is not recorded, and neither is what math "
                    "computes. Write the loss with engine.where, max, relu and other functions of engine, "
                    "or fit with compiled=False to keep the branch."
                )

    def begin(self) -> None:
        """Begin an epoch: take the parameters from their Values."""
        self._numbers = np.array([p.data for p in self._parameters])
        self._gradient = np.zeros(len(self._numbers))

    def end(self) -> None:
        """End an epoch: give the parameters and their gradients to the Values."""
        rows = zip(self._parameters, self._numbers.tolist(), self._gradient.tolist(), strict=True)
        for p, number, gradient in rows:
            p.data = number
            p.grad = gradient

    def step(self, batch: Sequence[int], epoch: int) -> float:
        """Move the parameters once.

        Args:
            batch: the indices of the examples.
            epoch: the number of the epoch, for messages.

        Returns:
            The mean loss over the batch before the step.

        Raises:
            ValueError: if the loss or a gradient is not finite.
        """
        cost, gradient = self._program.value_and_grad(self._X[batch], self._numbers)
        if not (math.isfinite(cost) and np.isfinite(gradient).all()):
            self.end()
            cost = self._eager.step(batch, epoch)
            self.begin()
        elif self._moves_all:
            self._numbers, self._gradient = self._optimizer.advance(self._numbers, gradient), gradient
        else:  # the optimizer moves other Values too, or only some of the parameters
            self._gradient = gradient
            self.end()
            self._optimizer.step()
            self.begin()
        return float(cost)

    def validation(self, epoch: int) -> float:
        """The mean loss over the validation set; see `EagerSteps.validation`."""
        mean = float(self._program(self._X_validation).mean())
        return mean if math.isfinite(mean) else self._eager.validation(epoch)


def _rows(examples: Sequence[Example], columns: Sequence[int]) -> Any:
    """The data of the program: of each example the inputs and targets that it reads."""
    return np.array([[[*x, *y][i] for i in columns] for x, y in examples])

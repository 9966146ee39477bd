"""Steps of training by a program on whole batches, compiled from one example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import engine
from engine import Value
from engine.graph import topological
from nn import losses
from nn.losses import LossFunction
from nn.modules import MLP
from nn.optim import Optimizer
from nn.steps import Example, Recorded

_EXAMPLES_COMPARED = 32


class Compiled(Recorded):
    """Steps of a program that was compiled from the first example.

    Where the program has no finite answer the engine has the word: it knows what overflowed, and that a
    loss may be finite where a program multiplies 0 by infinity.
    """

    def __init__(
        self,
        model: MLP,
        loss: LossFunction,
        optimizer: Optimizer,
        examples: Sequence[Example],
        checks: Sequence[Example],
    ) -> None:
        super().__init__(model, loss, optimizer, examples, checks)
        x, y = ([Value(number) for number in part] for part in examples[0])
        cost = self._cost(x, y)
        for example in (*examples, *checks):
            if [len(part) for part in example] != [len(x), len(y)]:
                self._cost(*example)  # says what does not fit
        used = set(topological([cost]))
        columns = [i for i, leaf in enumerate([*x, *y]) if leaf in used]
        self._parameters = model.parameters()
        self._program = engine.compile(cost, [[*x, *y][i] for i in columns], self._parameters)
        self._X, self._X_validation = (_rows(part, columns) for part in (examples, checks))
        self._on_arrays = _moves_arrays(optimizer) and optimizer.parameters == self._parameters
        self._refuse_branches()

    def _refuse_branches(self) -> None:
        """A loss of the user's own may take branches in Python: compare it with what was compiled."""
        if losses.find_loss(self._loss).branch_free:
            return
        some = self._examples[:_EXAMPLES_COMPARED]
        for example, compiled in zip(some, self._program(self._X[: len(some)]).tolist(), strict=True):
            if not math.isfinite(compiled):
                continue
            by_recording = self._cost(*example).data
            if not math.isclose(compiled, by_recording, rel_tol=1e-6, abs_tol=1e-9):
                raise ValueError(
                    f"compiled from one example, the loss of {example} is {compiled}, but recorded it is "
                    f"{by_recording}: a branch that Python takes is not recorded. Write the loss with "
                    "engine.where, max or relu, or fit with compiled=False."
                )

    def begin(self) -> None:
        """Take the parameters from their Values."""
        self._numbers = np.array([p.data for p in self._parameters])
        self._gradient = np.zeros(len(self._numbers))

    def end(self) -> None:
        """Give the parameters and their gradients to the Values."""
        rows = zip(self._parameters, self._numbers.tolist(), self._gradient.tolist(), strict=True)
        for p, number, gradient in rows:
            p.data = number
            p.grad = gradient

    def validation(self) -> float:
        """The mean loss over the validation set."""
        mean = float(self._program(self._X_validation).mean())
        return mean if math.isfinite(mean) else super().validation()

    def step(self, batch: Sequence[int], epoch: int) -> float:
        """Move the parameters once; the mean loss over the batch, as it was before."""
        cost, gradient = self._program.value_and_grad(self._X[batch], self._numbers)
        if not (math.isfinite(cost) and np.isfinite(gradient).all()):
            self.end()
            cost = super().step(batch, epoch)
            self.begin()
        elif self._on_arrays:
            self._numbers, self._gradient = self._optimizer.advance(self._numbers, gradient), gradient
        else:
            self._gradient = gradient
            self.end()
            self._optimizer.step()
            self.begin()
        return float(cost)


def _moves_arrays(optimizer: Optimizer) -> bool:
    """Whether it moves by `advance` alone: one of the user's own may do anything to the Values."""
    kind = type(optimizer)
    return kind.step is Optimizer.step and kind._move is Optimizer._move


def _rows(examples: Sequence[Example], columns: Sequence[int]) -> Any:
    """The data of the program: of each example the inputs and targets that it reads."""
    return np.array([[[*x, *y][i] for i in columns] for x, y in examples])

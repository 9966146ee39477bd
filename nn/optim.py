"""Optimizers: how a gradient moves the parameters. And learning-rate schedules, which are plain functions."""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from engine import Value

__all__ = ["SGD", "Adam", "cosine_decay", "exponential_decay"]

Schedule: TypeAlias = Callable[[int], float]
"""The learning rate at a step; steps count from 0."""


class Optimizer:
    """What every optimizer has: parameters, a learning rate, a count of steps.

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.

    Raises:
        ValueError: if there are no parameters, or the learning rate is not a positive number.
    """

    def __init__(self, parameters: Iterable[Value], learning_rate: float | Schedule) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("the optimizer got no parameters")
        if not callable(learning_rate) and not 0.0 < learning_rate < math.inf:
            raise ValueError(
                f"the learning rate is {learning_rate}; it must be a positive number or a schedule"
            )
        self.learning_rate = learning_rate
        self.steps = 0

    def step(self) -> None:
        """Move every parameter once, by its `grad`.

        Raises:
            ValueError: if a schedule gives no number from 0 up.
        """
        self._move(self._next_rate())

    def advance(self, numbers: Any, gradient: Any) -> Any:
        """The same step on arrays: what the parameters become, without touching their Values.

        Args:
            numbers: what the parameters are, (parameters,).
            gradient: the derivative by each, (parameters,).

        Returns:
            (parameters,).

        Raises:
            ValueError: if a schedule gives no number from 0 up.
        """
        return self._moved(numbers, gradient, self._next_rate())

    def _next_rate(self) -> float:
        rate = self.learning_rate(self.steps) if callable(self.learning_rate) else self.learning_rate
        if not 0.0 <= rate < math.inf:
            raise ValueError(f"the learning rate at step {self.steps} is {rate}; it must be at least 0")
        self.steps += 1
        return rate

    def _move(self, rate: float) -> None:
        import numpy as np

        numbers, gradient = (
            np.array([getattr(p, name) for p in self.parameters]) for name in ("data", "grad")
        )
        for p, number in zip(self.parameters, self._moved(numbers, gradient, rate).tolist(), strict=True):
            p.data = number

    def _moved(self, numbers: Any, gradient: Any, rate: float) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say how it moves the parameters")


class SGD(Optimizer):
    """Gradient descent: w <- w - learning_rate * dE/dw, perhaps with momentum.

    With momentum a velocity v <- momentum * v + dE/dw takes the place of the gradient (Polyak 1964), and
    with nesterov the gradient plus momentum * v (Sutskever, Martens, Dahl and Hinton 2013, section 2).

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.
        momentum: how much of the velocity stays, from 0 to below 1.
        nesterov: whether to look ahead along the velocity.

    Example:
        >>> w = Value(1.0)
        >>> w.grad = 0.5
        >>> SGD([w], learning_rate=0.1).step()
        >>> w.data
        0.95
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float | Schedule = 0.1,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum is {momentum}; it must be at least 0 and below 1")
        if nesterov and momentum == 0.0:
            raise ValueError("nesterov needs momentum: there is no velocity to look ahead along")
        self.momentum = momentum
        self.nesterov = nesterov
        self._velocity: Any = 0.0

    def _moved(self, numbers: Any, gradient: Any, rate: float) -> Any:
        self._velocity = velocity = self.momentum * self._velocity + gradient
        return numbers - rate * (gradient + self.momentum * velocity if self.nesterov else velocity)


class Adam(Optimizer):
    """Gradient descent scaled by running means of gradient and square (Kingma and Ba 2015, algorithm 1).

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.
        betas: how much of the two running means stays at each step.
        epsilon: what keeps the division finite, a positive number.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float | Schedule = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, learning_rate)
        if not all(0.0 <= beta < 1.0 for beta in betas):
            raise ValueError(f"betas are {betas}; each must be at least 0 and below 1")
        if not epsilon > 0.0:
            raise ValueError(f"epsilon is {epsilon}; it must be positive")
        self.betas = betas
        self.epsilon = epsilon
        self._mean: Any = 0.0
        self._square: Any = 0.0

    def _moved(self, numbers: Any, gradient: Any, rate: float) -> Any:
        beta_1, beta_2 = self.betas
        mean_weight = 1.0 - beta_1**self.steps
        square_weight = 1.0 - beta_2**self.steps
        self._mean = mean = beta_1 * self._mean + (1.0 - beta_1) * gradient
        self._square = square = beta_2 * self._square + (1.0 - beta_2) * gradient * gradient
        return numbers - rate * (mean / mean_weight) / ((square / square_weight) ** 0.5 + self.epsilon)


def exponential_decay(rate: float, factor: float) -> Schedule:
    """The schedule rate * factor**step.

    Args:
        rate: the learning rate at step 0.
        factor: what each step multiplies it by.

    Returns:
        The schedule.

    Example:
        >>> exponential_decay(0.8, 0.5)(3)
        0.1
    """
    return lambda step: rate * factor**step


def cosine_decay(rate: float, steps: int, final: float = 0.0) -> Schedule:
    """A schedule from one rate down to another along half a cosine (Loshchilov and Hutter 2017, equation 5).

    Args:
        rate: the learning rate at step 0.
        steps: after how many steps it reaches the final rate, where it stays.
        final: the learning rate there.

    Returns:
        The schedule.

    Raises:
        ValueError: if there is no step to take.

    Example:
        >>> round(cosine_decay(1.0, 100)(50), 6)
        0.5
    """
    if steps < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps}")
    return lambda step: final + (rate - final) * (1.0 + math.cos(math.pi * min(step / steps, 1.0))) / 2.0

"""Optimizers, which move parameters by their gradient, and learning-rate schedules, which are functions."""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, final

from engine import Value

__all__ = ["SGD", "Adam", "cosine_decay", "exponential_decay"]

Schedule: TypeAlias = Callable[[int], float]
"""The learning rate at a step; steps count from 0."""


class Optimizer:
    """Parameters, a learning rate, and a count of steps. A subclass implements `update`.

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.

    Attributes:
        steps: how many steps were taken, the one under way included.

    Raises:
        ValueError: if there are no parameters, or the learning rate is not a positive number.
        TypeError: if a subclass overrides `step`.

    Example:
        >>> import numpy as np
        >>> class SignDescent(Optimizer):
        ...     def update(self, numbers, gradient, rate):
        ...         return numbers - rate * np.sign(gradient)
        >>> w = Value(1.0)
        >>> w.grad = -8.0
        >>> SignDescent([w], learning_rate=0.25).step()
        >>> w.data
        1.25
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

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.step is not Optimizer.step:  # compiled training calls `update` alone, on arrays
            raise TypeError(
                f"{cls.__name__} overrides step(): implement update(numbers, gradient, rate) instead; "
                "training calls it, compiled or not"
            )

    def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
        """The parameters after one step. This is the one method that a subclass implements.

        Args:
            numbers: the parameters in their order, an array (parameters,).
            gradient: the derivative by each, an array (parameters,).
            rate: the learning rate of this step.

        Returns:
            The new parameters, an array or a list of as many numbers.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement update(numbers, gradient, rate), which returns the new "
            "numbers"
        )

    @final
    def step(self) -> None:
        """Move every parameter once, by its `grad`.

        Raises:
            ValueError: if the schedule gives a rate that is negative or not finite.
        """
        moved = self.advance([p.data for p in self.parameters], [p.grad for p in self.parameters])
        for p, number in zip(self.parameters, moved.tolist(), strict=True):
            p.data = number

    @final
    def advance(self, numbers: Any, gradient: Any) -> Any:
        """Count a step and take it on plain numbers, without touching the Values.

        Args:
            numbers: the parameters in their order, a list or an array.
            gradient: the derivative by each.

        Returns:
            The new parameters, an array (parameters,).

        Raises:
            ValueError: if the schedule gives a rate that is negative or not finite; or if `update`
                does not return as many numbers.
        """
        rate = self.learning_rate(self.steps) if callable(self.learning_rate) else self.learning_rate
        if not 0.0 <= rate < math.inf:
            raise ValueError(f"the learning rate at step {self.steps} is {rate}; it must be at least 0")
        self.steps += 1
        moved = _array(self.update(_array(numbers), _array(gradient), rate))
        if moved.shape != (len(numbers),):
            raise ValueError(
                f"{type(self).__name__}.update returned {moved!r}; "
                f"it must return the {len(numbers)} new numbers"
            )
        return moved


def _array(numbers: Any) -> Any:
    import numpy as np  # late: it takes longer to import than all of nn

    return np.asarray(numbers)


class SGD(Optimizer):
    """Gradient descent: w <- w - learning_rate * dE/dw, with momentum if you like.

    With momentum, a velocity v <- momentum * v + dE/dw replaces the gradient (Polyak 1964). With nesterov, it
    is replaced by dE/dw + momentum * v (Sutskever, Martens, Dahl and Hinton 2013, section 2).

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.
        momentum: the part of the velocity to keep, at least 0 and below 1.
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
            raise ValueError(
                "nesterov needs momentum above 0: without it there is no velocity to look ahead along"
            )
        self.momentum = momentum
        self.nesterov = nesterov
        self._velocity: Any = 0.0

    def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
        """The parameters after one step; see `Optimizer.update`."""
        self._velocity = velocity = self.momentum * self._velocity + gradient
        return numbers - rate * (gradient + self.momentum * velocity if self.nesterov else velocity)


class Adam(Optimizer):
    """Gradient descent scaled by running means of the gradient and of its square.

    This is algorithm 1 of Kingma and Ba (2015).

    Args:
        parameters: the leaves to move.
        learning_rate: a positive number, or a schedule.
        betas: the parts of the two running means to keep at each step, at least 0 and below 1.
        epsilon: a positive number that keeps the division finite.
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

    def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
        """The parameters after one step; see `Optimizer.update`."""
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
        factor: the ratio of one step's rate to the rate before it.

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
        steps: the number of steps after which it reaches the final rate and stays there.
        final: the final learning rate.

    Returns:
        The schedule.

    Raises:
        ValueError: if `steps` is less than 1.

    Example:
        >>> round(cosine_decay(1.0, 100)(50), 6)
        0.5
    """
    if steps < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps}")
    return lambda step: final + (rate - final) * (1.0 + math.cos(math.pi * min(step / steps, 1.0))) / 2.0

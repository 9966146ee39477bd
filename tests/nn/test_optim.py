"""Optimizers against trajectories that are written out: in fractions where the rule is rational."""

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from nn import SGD, Adam, cosine_decay, exponential_decay
from nn.optim import Optimizer, Schedule

mp: Any = mpmath.mp.clone()
mp.dps = 50


def trajectory(make: Callable[[list[Value]], Optimizer], start: float, steps: int) -> list[float]:
    """The places of gradient descent on (w - 3)**2, whose gradient is 2 (w - 3)."""
    w = Value(start)
    optimizer = make([w])
    places = []
    for _ in range(steps):
        w.grad = 2.0 * (w.data - 3.0)
        optimizer.step()
        places.append(w.data)
    return places


def test_plain_descent_goes_its_learning_rate_down_the_gradient() -> None:
    # w - 3 shrinks by 1 - 2 * 1/4 = 1/2 each step; every number is exact in binary
    assert trajectory(lambda p: SGD(p, 0.25), 1.0, 4) == [2.0, 2.5, 2.75, 2.875]


def test_momentum_keeps_a_part_of_the_velocity() -> None:
    w, v, places = Fraction(1), Fraction(0), []
    for _ in range(6):
        v = Fraction(1, 2) * v + 2 * (w - 3)
        w = w - Fraction(1, 8) * v
        places.append(w)
    assert places[:3] == [Fraction(3, 2), Fraction(17, 8), Fraction(21, 8) + Fraction(1, 32)]
    assert trajectory(lambda p: SGD(p, 0.125, momentum=0.5), 1.0, 6) == [float(w) for w in places]


def test_nesterov_looks_ahead_along_the_velocity() -> None:
    w, v, places = Fraction(1), Fraction(0), []
    for _ in range(6):
        gradient = 2 * (w - 3)
        v = Fraction(1, 2) * v + gradient
        w = w - Fraction(1, 8) * (gradient + Fraction(1, 2) * v)
        places.append(w)
    # step 1: v = -4, so w = 1 + (4 + 2)/8; step 2: gradient -5/2, v = -9/2, so w = 7/4 + (5/2 + 9/4)/8
    assert places[:2] == [Fraction(7, 4), Fraction(7, 4) + Fraction(19, 32)]
    assert trajectory(lambda p: SGD(p, 0.125, momentum=0.5, nesterov=True), 1.0, 6) == list(
        map(float, places)
    )


def test_nesterov_is_the_gradient_at_the_place_looked_ahead_to() -> None:
    """Sutskever and others 2013, equations 3 and 4, in the variable they evaluate at: w + mu v."""
    w, v, rate, mu = Fraction(1), Fraction(0), Fraction(1, 8), Fraction(1, 2)
    seen = []
    for _ in range(5):
        v = mu * v - rate * 2 * (w + mu * v - 3)
        w = w + v
        seen.append(w + mu * v)
    assert trajectory(lambda p: SGD(p, 0.125, momentum=0.5, nesterov=True), 1.0, 5) == list(map(float, seen))


@pytest.mark.parametrize(
    ("betas", "epsilon"), [((0.9, 0.999), 1e-8), ((0.5, 0.75), 0.125), ((0.0, 0.0), 1e-8)]
)
def test_adam_follows_algorithm_1(betas: tuple[float, float], epsilon: float) -> None:
    beta_1, beta_2, alpha = mp.mpf(betas[0]), mp.mpf(betas[1]), mp.mpf(0.1)
    theta, m, v, places = mp.mpf(1), mp.mpf(0), mp.mpf(0), []
    for t in range(1, 8):
        g = 2 * (theta - 3)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        theta -= alpha * m_hat / (mp.sqrt(v_hat) + mp.mpf(epsilon))
        places.append(theta)
    found = trajectory(lambda p: Adam(p, 0.1, betas=betas, epsilon=epsilon), 1.0, 7)
    for place, truth in zip(found, places, strict=True):
        assert float(abs(place - truth)) <= 1e-14 * float(truth)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient() -> None:
    for gradient in (1e-3, -1e6):
        w = Value(0.0)
        w.grad = gradient
        Adam([w], 0.01).step()
        assert w.data == pytest.approx(-math.copysign(0.01, gradient), rel=2e-5)


def test_parameters_move_each_by_its_own_gradient() -> None:
    w = [Value(1.0), Value(1.0), Value(1.0)]
    for p, gradient in zip(w, (1.0, 0.0, -2.0), strict=True):
        p.grad = gradient
    SGD(w, 0.5, momentum=0.5).step()
    assert [p.data for p in w] == [0.5, 1.0, 2.0]
    assert [p.grad for p in w] == [1.0, 0.0, -2.0]


def test_parameters_may_be_any_iterable() -> None:
    w = Value(1.0)
    w.grad = 1.0
    SGD((p for p in [w]), 0.5).step()
    assert w.data == 0.5


# --- Schedules.


def test_a_schedule_gives_the_rate_of_each_step_from_0() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 2.0**-step

    w = Value(0.0)
    optimizer = SGD([w], schedule)
    places = []
    for _ in range(3):
        w.grad = 1.0
        optimizer.step()
        places.append(w.data)
    assert asked == [0, 1, 2]
    assert places == [-1.0, -1.5, -1.75]
    assert optimizer.steps == 3


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [
        (exponential_decay(0.8, 0.5), 0, 0.8),
        (exponential_decay(0.8, 0.5), 4, 0.05),
        (cosine_decay(1.0, 100), 0, 1.0),
        (cosine_decay(1.0, 60), 20, 0.75),
        (cosine_decay(1.0, 60), 40, 0.25),
        (cosine_decay(1.0, 100, final=0.2), 50, 0.6),
        (cosine_decay(1.0, 100, final=0.2), 100, 0.2),
        (cosine_decay(1.0, 100, final=0.2), 1000, 0.2),
    ],
)
def test_schedules_take_the_values_of_their_formula(schedule: Schedule, step: int, rate: float) -> None:
    assert schedule(step) == pytest.approx(rate, rel=1e-15)


def test_a_schedule_may_end_at_0_and_stay_there() -> None:
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], cosine_decay(0.5, 2))
    for _ in range(2):
        optimizer.step()
    there = w.data
    for _ in range(3):
        optimizer.step()
    assert w.data == there == 0.25


# --- What is refused.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD([]), "the optimizer got no parameters"),
        (lambda: Adam([]), "the optimizer got no parameters"),
        (
            lambda: SGD([Value(0.0)], 0.0),
            "the learning rate is 0.0; it must be a positive number or a schedule",
        ),
        (lambda: SGD([Value(0.0)], -0.1), "the learning rate is -0.1; it must be a positive number"),
        (lambda: SGD([Value(0.0)], math.nan), "the learning rate is nan"),
        (lambda: Adam([Value(0.0)], math.inf), "the learning rate is inf"),
        (lambda: SGD([Value(0.0)], momentum=1.0), "momentum is 1.0; it must be at least 0 and below 1"),
        (lambda: SGD([Value(0.0)], momentum=-0.5), "momentum is -0.5"),
        (lambda: SGD([Value(0.0)], momentum=math.nan), "momentum is nan"),
        (lambda: SGD([Value(0.0)], nesterov=True), "nesterov needs momentum"),
        (
            lambda: Adam([Value(0.0)], betas=(0.9, 1.0)),
            r"betas are \(0.9, 1.0\); each must be at least 0 and",
        ),
        (lambda: Adam([Value(0.0)], betas=(-0.1, 0.9)), "betas are"),
        (lambda: Adam([Value(0.0)], epsilon=0.0), "epsilon is 0.0; it must be positive"),
        (lambda: cosine_decay(0.1, 0), "a schedule needs at least 1 step, got 0"),
    ],
)
def test_what_no_optimizer_can_do_is_refused_at_once(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("rate", [-0.25, math.nan, math.inf])
def test_a_schedule_that_leaves_the_numbers_is_stopped_at_its_step(rate: float) -> None:
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], lambda step: [0.5, rate][step])
    optimizer.step()
    with pytest.raises(ValueError, match=f"the learning rate at step 1 is {rate}; it must be at least 0"):
        optimizer.step()
    assert w.data == 0.5


def test_an_optimizer_of_ones_own_says_how_it_moves() -> None:
    with pytest.raises(
        NotImplementedError, match=r"Optimizer must implement update\(numbers, gradient, rate\)"
    ):
        Optimizer([Value(0.0)], 0.1).step()


@pytest.mark.parametrize("moved", [None, 1.0, [1.0], [[1.0, 2.0]]])
def test_an_update_returns_a_number_for_each_parameter(moved: Any) -> None:
    class Odd(Optimizer):
        def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
            return moved

    w = [Value(1.0), Value(2.0)]
    with pytest.raises(
        ValueError, match=r"^Odd\.update returned array\(.*\); it must return the 2 new numbers$"
    ):
        Odd(w, 0.1).step()
    assert [p.data for p in w] == [1.0, 2.0]


def test_an_optimizer_that_overrides_step_is_told_what_to_implement() -> None:
    message = (
        r"^Own overrides step\(\): implement update\(numbers, gradient, rate\) instead; training calls it"
    )
    with pytest.raises(TypeError, match=message):

        class Own(SGD):
            def step(self) -> None:  # type: ignore[misc]  # the mistake that is told
                pass


# --- One method moves lists and arrays, Values or not.


@pytest.mark.parametrize(
    "make", [SGD, lambda p: SGD(p, momentum=0.5, nesterov=True), Adam], ids=["SGD", "Nesterov", "Adam"]
)
@given(
    start=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_lists_arrays_and_values_move_alike(make: Any, start: list[float], seed: int) -> None:
    rng = random.Random(seed)
    w = [Value(x) for x in start]
    by_values, by_lists, by_arrays = make(w), make(w), make(w)
    numbers, array = start, np.array(start)
    for _ in range(3):
        gradient = [rng.gauss(0.0, 1.0) for _ in w]
        for p, slope in zip(w, gradient, strict=True):
            p.grad = slope
        by_values.step()
        numbers = by_lists.advance(numbers, gradient).tolist()
        array = by_arrays.advance(array, np.array(gradient))
        assert [p.data for p in w] == numbers == array.tolist()

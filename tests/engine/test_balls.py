"""Balls: every operation encloses the truth, still and along a direction, at one side and at the other."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from flint import arb

from engine.numbers.balls import Ball, Balls, InfiniteSlopeError, UndecidedError
from engine.numbers.protocol import NAMES, NumberSystem
from engine.ops import OPS
from tests.tools.truth import TRUTH, Point, exact, mp, points

EVERY_OPERATION = pytest.mark.parametrize("name", TRUTH)


def encloses(ball: arb, true: Any) -> bool:
    """Whether a ball contains a number of mpmath, given to 60 digits."""
    middle, radius, _ = ball.mid_rad_10exp(50)
    _, _, exponent = ball.mid_rad_10exp(50)
    gap = abs(mp.mpf(int(middle)) * mp.mpf(10) ** int(exponent) - true)
    return bool(gap <= (int(radius) + 2) * mp.mpf(10) ** int(exponent) + abs(true) * mp.mpf(10) ** -40)


def along(name: str, x: Point, place: int, bits: int) -> Ball:
    """An operation, moving along one operand."""
    m = Balls(bits, 1)
    with m.at_work():
        numbers = [m.moving(x_i, 1) if i == place else m.number(x_i) for i, x_i in enumerate(x)]
        result: Ball = OPS[name].forward(m, *numbers)
        return result


@EVERY_OPERATION
def test_value_and_slope_enclose_the_truth(name: str) -> None:
    truth, compared = TRUTH[name], 0
    for x in points(name, 25, seed=11):
        if max(map(abs, x)) > 1e30:  # mpmath has no digits of the exponentials of such numbers
            continue
        for place, true in enumerate(truth.partials(*exact(x))):
            if true is None or (not truth.smooth and (len(set(x)) < len(x) or x[place] == 0.0)):
                continue
            for bits in (200, 800, 3200):
                try:
                    ball = along(name, x, place, bits)
                except UndecidedError:
                    continue
                if ball.still.is_finite() and ball.coefficient(1).rel_accuracy_bits() > 100:
                    break
            assert encloses(ball.still, truth.value(*exact(x))), (name, x)
            assert encloses(ball.coefficient(1), true), (name, x, place)
            compared += 1
    assert compared >= 5


def test_balls_keep_the_contract_of_number_systems() -> None:
    m: NumberSystem = Balls(100)
    assert [name for name in NAMES if not hasattr(m, name)] == []
    with pytest.raises(AttributeError, match="balls have no function 'sinc'"):
        m.sinc  # type: ignore[attr-defined]  # noqa: B018  # what a rule may ask for


SIDES: list[tuple[str, Callable[[Any, Any], Any], float, tuple[float, float]]] = [
    ("abs", lambda m, x: m.abs(x), 0.0, (-1.0, 1.0)),
    ("relu", lambda m, x: m.where(m.step(x), x, 0.0), 0.0, (0.0, 1.0)),
    ("x |x|", lambda m, x: x * m.abs(x), 0.0, (0.0, 0.0)),
    ("max", lambda m, x: m.max([x, m.number(1.0)]), 1.0, (0.0, 1.0)),
    ("max with itself", lambda m, x: m.max([x, x]), 1.0, (1.0, 1.0)),
    ("root of a square", lambda m, x: m.sqrt(x * x), 0.0, (-1.0, 1.0)),
    ("cube root of a cube", lambda m, x: m.cbrt(x * x * x), 0.0, (1.0, 1.0)),
    ("hypot", lambda m, x: m.hypot(x, 2.0 * x), 0.0, (-math.sqrt(5.0), math.sqrt(5.0))),
    ("power 2.5 of |x|", lambda m, x: m.pow(m.abs(x), m.number(2.5)), 0.0, (0.0, 0.0)),
    ("x over x", lambda m, x: (x * x) / x, 0.0, (1.0, 1.0)),
]


@pytest.mark.parametrize(("f", "x", "slopes"), [row[1:] for row in SIDES], ids=[row[0] for row in SIDES])
def test_the_slopes_on_the_two_sides(
    f: Callable[[Any, Any], Any], x: float, slopes: tuple[float, float]
) -> None:
    m = Balls(200, 4)
    with m.at_work():
        left = -float(f(m, m.moving(x, -1)).coefficient(1).mid())
        right = float(f(m, m.moving(x, 1)).coefficient(1).mid())
    assert (left, right) == pytest.approx(slopes, rel=1e-15)


@pytest.mark.parametrize(
    "f", [lambda m, x: m.sqrt(x), lambda m, x: m.cbrt(x), lambda m, x: m.pow(x, m.number(0.3))]
)
def test_an_infinite_slope_is_said(f: Callable[[Any, Any], Any]) -> None:
    m = Balls(200, 1)
    with m.at_work():
        result = f(m, m.moving(0.0, 1))
        assert float(result) == 0.0
        with pytest.raises(InfiniteSlopeError):
            result.coefficient(1)


def test_a_comparison_of_balls_that_overlap_is_undecided() -> None:
    m = Balls(100)
    with m.at_work():
        zero = m.sin(m.number(1.0)) ** 2 + m.cos(m.number(1.0)) ** 2 - 1.0
        with pytest.raises(UndecidedError):
            zero > 0.0  # noqa: B015  # the comparison is what is tested
        assert zero < 1e-20
        x = m.exp(m.number(1.0))
        assert x - x == 0.0  # the very same number


def test_the_bound_of_a_sum_that_cancels_is_rigorous() -> None:
    m = Balls(60)
    with m.at_work():
        rest = (m.number(1e16) + 0.1) - 1e16
        assert not rest.still.is_exact()
        assert abs(float(rest) - 0.1) <= float(rest.still.rad()) + 1e-16


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("order", [0, 2])
@pytest.mark.parametrize("low", [-1.0, -0.25, 0.0])
def test_a_power_of_a_ball_around_zero_holds_the_powers_of_its_numbers(
    n: int, order: int, low: float
) -> None:
    m = Balls(100, order)
    with m.at_work():
        ball = arb(low).union(arb(1.0))
        for x in (Ball(ball, m), m.moving(ball, 0.0)):
            power = m.pow(x, n).still
            assert power.is_finite()
            assert all(power.contains(arb(y) ** n) for y in (low, 0.0, 0.5, 1.0))
            assert abs(power).upper() < 2.0

"""What `compile` promises of the numbers of a program: each operation against the truth."""

import math
from typing import Any

import numpy as np
import pytest

import engine
from engine import Value
from engine.ops import OPS
from engine.recording import recorder
from tests.tools.truth import TRUTH, Point, exact, mp, points

RANGE = {np.float64: (1e-290, 1e290), np.float32: (1e-30, 1e30)}  # operands and results


def allowed(name: str, x: Point) -> float:
    """How many units in the last place the docstring of `compile` allows."""
    if name in ("tanh", "sech2"):
        return 256.0
    if name in ("softmax", "log_softmax", "logsumexp"):
        return (4.0 if name == "softmax" else 256.0) + min(max(x) - min(x), 800.0)
    return 4.0 + (len(x) if name in ("fsum", "sumprod") else 0)


def within(found: float, true: Any, term: Any, ulps: float, dtype: Any) -> bool:
    small, large = RANGE[dtype]
    size = max(abs(true), abs(term or 0))
    if not small < size < large:
        return True
    return bool(abs(mp.mpf(float(found)) - true) <= ulps * float(np.finfo(dtype).eps) * size)


def check(name: str, dtype: Any, count: int) -> None:
    truth, (small, large) = TRUTH[name], RANGE[dtype]
    programs: dict[int, engine.compiler.Program] = {}
    compared = 0
    for point in points(name, count, seed=11):
        with np.errstate(over="ignore"):
            x = tuple(float(dtype(x_i)) for x_i in point)
        if not all(x_i == 0.0 or small < abs(x_i) < large for x_i in x) or (name == "atan2" and not all(x)):
            continue
        if len(x) not in programs:
            p = [Value(1.5 if name == "acosh" else 0.5) for _ in x]
            programs[len(x)] = engine.compile(recorder(OPS[name])(*p), [], p, dtype=dtype)
        try:
            true, partials = truth.value(*exact(x)), truth.partials(*exact(x))
        except ZeroDivisionError:  # rounded to float32 it has left the domain
            continue
        if not isinstance(true, mp.mpf) or abs(true) > large:
            continue
        value, gradient = programs[len(x)].value_and_grad(np.zeros((1, 0)), np.array(x))
        term = math.fsum(map(abs, x)) if name == "fsum" else truth.term and truth.term(*exact(x))
        assert within(value, true, term, allowed(name, x), dtype), (name, x, value, true)
        terms = truth.terms(*exact(x)) if truth.terms else [None] * len(x)
        for found, partial, size in zip(gradient, partials, terms, strict=True):
            if partial is not None:
                assert within(found, partial, size, allowed(name, x), dtype), (name, x, found, partial)
        compared += 1
    assert compared > count / 10


@pytest.mark.parametrize("name", TRUTH)
def test_a_program_keeps_the_digits_that_it_promises(name: str) -> None:
    check(name, np.float64, 30)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", RANGE)
@pytest.mark.parametrize("name", TRUTH)
def test_a_program_keeps_the_digits_that_it_promises_at_many_points(name: str, dtype: Any) -> None:
    check(name, dtype, 400)


def test_what_a_program_does_not_keep() -> None:
    """Each is in the docstring of `compile`."""
    x = [Value(x_i) for x_i in (1e16, 1.0, -1e16)]
    assert engine.fsum(x).data == 1.0  # rounded once
    assert engine.compile(engine.fsum(x), x)([[1e16, 1.0, -1e16]])[0] != 1.0
    a = Value(0.3)
    assert ((a + 1e16) - 1e16).data == 0.0
    assert engine.compile((a + 1e16) - 1e16, [a])([[0.3]])[0] == 0.3  # added up in another order
    angle = engine.compile(engine.atan2(a + 0.0, -1.0), [a])
    assert engine.atan2(Value(-0.0) + 0.0, -1.0).data == math.pi
    assert abs(angle([[-0.0]])[0]) == math.pi  # of either sign
    assert engine.compile(a.log() * 0.0, [a])([[-1.0]])[0] == 0.0  # a product with the plain number 0


def test_constant_factors_are_not_added_up_to_infinity() -> None:
    a = Value(0.5)
    y = 1e308 * a - (-1e308 * a)
    assert y.data == 1e308
    assert engine.compile(y, [a])([[0.5], [0.0]]).tolist() == [1e308, 0.0]

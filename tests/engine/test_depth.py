"""Depth and width: nothing in the engine recurses, nothing is quadratic."""

import copy
import pickle
import sys

import pytest

from engine import Value, fsum, grad, jvp, sumprod

pytestmark = pytest.mark.slow

DEEP, LONG = 1_000_000, 100_000


def _chain(x: Value, length: int) -> Value:
    y = x
    for _ in range(length):
        y = -y
    return y


def test_a_chain_of_a_million() -> None:
    x = Value(1.0)
    y = _chain(x, DEEP)
    y.backward()
    assert (y.data, x.grad) == (1.0, 1.0)
    del y  # which frees them one after the other, without recursion
    assert sys.getrefcount(x) == 2


def test_a_sum_of_a_million_in_one_node() -> None:
    x = [Value(0.1)] * DEEP
    y = fsum(x)
    y.backward()
    assert (y.data, x[0].grad) == (100000.0, 1e6)


def test_a_sum_of_a_million_one_by_one() -> None:
    x = Value(1.0)
    y = x
    for _ in range(DEEP - 1):
        y = y + x
    y.backward()
    assert (y.data, x.grad) == (1e6, 1e6)


def test_a_diamond_of_sixty_levels() -> None:
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert (y.data, x.grad, grad(y, [x])[0].data) == (2.0**60, 2.0**60, 2.0**60)


def test_copies_of_a_long_chain() -> None:
    x = Value(2.0)
    y = _chain(x, LONG)
    assert repr(y) == "Value(data=2.0, grad=0.0)"
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301  # our own
        twin.backward()
        assert (twin.data, x.grad) == (2.0, 0.0)
        *_, leaf = _leaves(twin)
        assert leaf.grad == 1.0


def _leaves(y: Value) -> list[Value]:
    leaf = y
    while leaf.parents:
        (leaf,) = leaf.parents
    return [leaf]


def test_derivatives_of_a_long_chain() -> None:
    x = Value(1.0)
    y = x
    for _ in range(LONG // 2):
        y = y * 1.0 + x
    (dy,) = grad(y, [x])
    (moved,) = jvp([y], [x], [1.0])
    assert dy.data == moved.data == LONG // 2 + 1
    assert grad(dy, [x])[0].data == 0.0


def test_a_wide_sum_of_products_twice() -> None:
    w = [Value(0.5) for _ in range(2000)]
    (dy,) = grad(sumprod(w, w), [w[7]])
    assert dy.data == 1.0
    assert grad(dy, w)[7].data == pytest.approx(2.0, rel=1e-15)

"""Every way to a derivative gives the same number: `backward`, `grad`, `jvp`, any order of both, programs.

The graphs are random ones of the whole table, at points with zeros, ones and ties, where a partial is often
0, infinite or both on one path.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import (
    Value,
    asin,
    atan2,
    cbrt,
    exp,
    grad,
    hypot,
    jvp,
    log,
    log_softmax,
    logsumexp,
    prod,
    sinh,
    softmax,
    sqrt,
    step,
    tanh,
    where,
)
from engine.backprop import adjoints
from engine.graph import topological
from engine.numbers.multiprecision import Multiprecision
from engine.ops import OPS
from engine.recording import REFUSED, recorder
from tests.tools.truth import LARGEST, TRUTH, mp

inf, nan = math.inf, math.nan
Numbers: TypeAlias = list[float]
Matrix: TypeAlias = list[list[float]]

# --- Random graphs over the whole table.

ROUND = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, 0.25]
Steps: TypeAlias = list[tuple[str, list[int | float]]]  # operations on earlier numbers, or on plain ones


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Steps, Numbers]:
    plain = st.floats(-3.0, 3.0).filter(lambda x: x == 0.0 or abs(x) > 1e-30)  # what overflows may differ
    number = st.one_of(st.sampled_from(ROUND), st.sampled_from(ROUND), plain)
    point = draw(st.lists(number, min_size=1, max_size=3))
    steps: Steps = []
    for i in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(list(OPS)))
        arity = OPS[name].arity or draw(st.sampled_from([2, 4]))
        places = st.integers(0, len(point) + i - 1)
        operands = st.one_of(places, places, places, st.sampled_from(ROUND))
        steps.append((name, [draw(operands) for _ in range(arity)]))
    return steps, point


def record(steps: Steps, x: Sequence[Value]) -> Value:
    values = list(x)
    for name, operands in steps:
        chosen = [values[a] if isinstance(a, int) else engine.value.constant(a) for a in operands]
        values.append(recorder(OPS[name])(*chosen))
    return values[-1]


# --- All derivatives of an output.


def unit(n: int, k: int) -> Numbers:
    return [float(i == k) for i in range(n)]


def first_derivatives(y: Value, x: Sequence[Value]) -> dict[str, Numbers]:
    for leaf in x:
        leaf.grad = 0.0
    y.backward()
    n = len(x)
    return {
        "backward": [leaf.grad for leaf in x],
        "grad": [d.data for d in grad(y, x)],
        "jvp": [jvp([y], x, unit(n, k))[0].data for k in range(n)],
    }


def second_derivatives(y: Value, x: Sequence[Value]) -> dict[str, Matrix]:
    n = len(x)
    reverse, forward = grad(y, x), [jvp([y], x, unit(n, k))[0] for k in range(n)]
    return {
        "reverse over reverse": [[d.data for d in grad(g, x)] for g in reverse],
        "forward over reverse": [[jvp([g], x, unit(n, k))[0].data for k in range(n)] for g in reverse],
        "reverse over forward": [[d.data for d in grad(t, x)] for t in forward],
        "forward over forward": [[jvp([t], x, unit(n, k))[0].data for k in range(n)] for t in forward],
    }


def compiled_derivatives(y: Value, x: Sequence[Value]) -> tuple[float, Numbers, Matrix]:
    program, row = engine.compile(y, [], x), np.zeros((1, 0))
    value, gradient = program.value_and_grad(row)
    assert program.per_sample_grad(row)[0] == pytest.approx(gradient, rel=1e-12, abs=1e-12, nan_ok=True)
    return value, gradient.tolist(), [program.hvp(row, unit(len(x), k)).tolist() for k in range(len(x))]


def sizes(y: Value, x: Sequence[Value]) -> Numbers:
    """The chain rule without signs: what rounding is relative to."""
    found = adjoints(topological([y]), y, lambda value: map(abs, value.partials), 1.0)
    return [found.get(leaf, 0.0) for leaf in x]


def flat(rows: Matrix) -> Numbers:
    return [x for row in rows for x in row]


def agree(a: Sequence[float], b: Sequence[float], size: float) -> bool:
    size = 1.0 + size if size < 1e300 else 1.0
    return b == pytest.approx(a, rel=1e-11, abs=1e-11 * size, nan_ok=True)


def check(y: Value, x: Sequence[Value]) -> None:
    size = max(sizes(y, x))
    gradients = first_derivatives(y, x)
    for mode, gradient in gradients.items():
        assert agree(gradients["backward"], gradient, size), (mode, gradients)
    hessians = second_derivatives(y, x)
    size_2 = max(s for g in grad(y, x) for s in sizes(g, x))
    hessian = flat(hessians["reverse over reverse"])
    for mode, rows in hessians.items():
        assert agree(hessian, flat(rows), size_2), (mode, hessians)
    if any(v.op == "atan2" and v.parents[0].data == 0.0 for v in topological([y])):
        return  # programs do not keep the sign of 0
    value, gradient, products = compiled_derivatives(y, x)
    assert agree([y.data], [value], abs(y.data))
    assert agree(gradients["grad"], gradient, size), (gradients, gradient)
    assert agree(hessian, flat(products), size_2), (hessians, products)


def check_graph(case: tuple[Steps, Numbers]) -> None:
    steps, point = case
    x = [Value(x_i) for x_i in point]
    try:
        y = record(steps, x)
    except REFUSED:
        return
    order = topological([y])
    if used := [leaf for leaf in x if leaf in order]:
        check(y, used)


@given(graphs())
def test_all_modes_agree(case: tuple[Steps, Numbers]) -> None:
    check_graph(case)


@pytest.mark.slow
@settings(max_examples=3000)
@given(graphs())
def test_all_modes_agree_on_many_graphs(case: tuple[Steps, Numbers]) -> None:
    check_graph(case)


# --- Where a factor 0 meets one that is not finite.


def deviation(x: Value, y: Value) -> Value:
    mean = (x + y) / 2.0
    return (((x - mean) ** 2 + (y - mean) ** 2) / 2.0).sqrt()


MEETINGS: dict[str, tuple[Callable[..., Any], Numbers, Numbers, Matrix]] = {
    "0 before a root": (lambda w: (sqrt((0.0 * w) ** 2) - 1.0) ** 2, [1.0], [0.0], [[0.0]]),
    "a root of a square": (lambda x: sqrt((x - x) ** 2), [1.0], [0.0], [[0.0]]),
    "a branch not taken": (lambda x: where(step(x), sqrt(x), 0.0), [0.0], [0.0], [[0.0]]),
    "the deviation of equal numbers": (deviation, [1.0, 1.0], [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
    "a vertical tangent": (asin, [1.0], [inf], [[inf]]),
    "a product with a root": (lambda x: x * sqrt(x), [0.0], [0.0], [[inf]]),
    "the cube of a root": (lambda x: cbrt(x) ** 3, [0.0], [0.0], [[0.0]]),
    "the root of a magnitude": (lambda x: sqrt(abs(x)), [0.0], [0.0], [[0.0]]),
    "roots that cancel": (lambda x: sqrt(x) - sqrt(x), [0.0], [nan], [[nan]]),
    "the angle of the origin": (atan2, [0.0, 0.0], [nan, nan], [[nan, nan], [nan, nan]]),
    "a negative base": (lambda x, p: x**p, [-2.0, -3.0], [-0.1875, nan], [[-0.375, nan], [nan, nan]]),
    "a negative base whose power underflows": (lambda x: x**x, [-700.0], [nan], [[nan]]),
    "a difference of infinities": (
        lambda x, y: x * (y - inf) - y * (x - inf),
        [1.0, 2.0],
        [nan, nan],
        [[nan] * 2] * 2,
    ),
    "an exponent of 0": (
        lambda x, p: x**p,
        [2.0, 0.0],
        [0.0, math.log(2.0)],
        [[0.0, 0.5], [0.5, math.log(2.0) ** 2]],
    ),
    "a small distance": (
        hypot,
        [1e-200, 1e-200],
        [math.sqrt(0.5)] * 2,
        [
            [math.sqrt(0.125) * 1e200, -math.sqrt(0.125) * 1e200],
            [-math.sqrt(0.125) * 1e200, math.sqrt(0.125) * 1e200],
        ],
    ),
    "a large distance": (
        hypot,
        [1e200, 1e200],
        [math.sqrt(0.5)] * 2,
        [
            [math.sqrt(0.125) * 1e-200, -math.sqrt(0.125) * 1e-200],
            [-math.sqrt(0.125) * 1e-200, math.sqrt(0.125) * 1e-200],
        ],
    ),
    "the angle of a small point": (
        atan2,
        [1e-150, 2e-150],
        [4e149, -2e149],
        [[-1.6e299, -1.2e299], [-1.2e299, 1.6e299]],
    ),
    "a mask": (lambda x, y: logsumexp([x, -inf, y]), [1.0, 1.0], [0.5, 0.5], [[0.25, -0.25], [-0.25, 0.25]]),
    "a share beside a mask": (
        lambda x, y: softmax([x, -inf, y])[0],
        [1.0, 1.0],
        [0.25, -0.25],
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    "a masked share": (lambda x: softmax([x, -inf])[1], [1.0], [0.0], [[0.0]]),
    "a logarithm beside a mask": (
        lambda x, y: log_softmax([x, -inf, y])[0],
        [1.0, 1.0],
        [0.5, -0.5],
        [[-0.25, 0.25], [0.25, -0.25]],
    ),
    "a masked operand": (
        lambda x, y: logsumexp([-inf + x, y]),
        [1.0, 2.0],
        [0.0, 1.0],
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    "a product whose parts overflow": (
        lambda x, y: prod([x, 1e200, 1e200, 1e-300, y]),
        [2.0, 3.0],
        [3e100, 2e100],
        [[0.0, 1e100], [1e100, 0.0]],
    ),
    "a product that is 0 beside parts that overflow": (
        lambda x: prod([x, 0.5, 1e200, 1e200]) * 0.0 + x,
        [0.0],
        [1.0],
        [[0.0]],
    ),
    "the root of a constant 0": (lambda x: sqrt(x - x), [1.0], [nan], [[nan]]),
    "nothing but masks": (lambda x: logsumexp([-inf, -inf + x]), [1.0], [nan], [[nan]]),
}


@pytest.mark.parametrize("name", MEETINGS)
def test_where_a_factor_0_meets_one_that_is_not_finite(name: str) -> None:
    f, point, gradient, hessian = MEETINGS[name]
    x = [Value(x_i) for x_i in point]
    y = f(*x)
    _, compiled, products = compiled_derivatives(y, x)
    for found in (*first_derivatives(y, x).values(), compiled):
        assert found == pytest.approx(gradient, rel=1e-13, abs=0.0, nan_ok=True)
    for rows in (*second_derivatives(y, x).values(), products):
        assert len(rows) == len(hessian)
        for row, expected in zip(rows, hessian, strict=True):
            assert row == pytest.approx(expected, rel=1e-13, abs=1e-15 * abs(expected[0]), nan_ok=True)


BRANCHES: dict[str, tuple[Callable[[Any], Any], list[tuple[float, float, float]]]] = {
    # the function, and numbers with its value and its derivative there
    "exp": (lambda x: where(step(x - 2.0), x, exp(x)), [(1000.0, 1000.0, 1.0), (0.0, 1.0, 1.0)]),
    "softplus": (lambda x: where(step(x - 30.0), x, log(exp(x) + 1.0)), [(1000.0, 1000.0, 1.0)]),
    "exp below": (lambda x: where(step(5.0 - x), exp(x), 2.0 * x), [(1000.0, 2000.0, 2.0), (0.0, 1.0, 1.0)]),
    "x log x": (
        lambda x: where(step(x), x * log(x), 0.0),
        [(0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (1.0, 0.0, 1.0)],
    ),
    "a quotient": (lambda x: where(step(x), 3.0 * x * (1.0 / x), x), [(0.0, 0.0, 1.0)]),
    "a sigmoid by hand": (lambda x: 1.0 / (1.0 + exp(-x)), [(-1000.0, 0.0, 0.0), (0.0, 0.5, 0.25)]),
    "a tangent by hand": (lambda x: tanh(sinh(x)), [(1000.0, 1.0, 0.0), (0.0, 0.0, 1.0)]),
    "a root": (
        lambda x: where(step(x), sqrt(x), -x),
        [(0.0, 0.0, -1.0), (-4.0, 4.0, -1.0), (4.0, 2.0, 0.25)],
    ),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_program_takes_nothing_from_what_overflows_elsewhere(name: str) -> None:
    f, samples = BRANCHES[name]
    x, p = Value(1.0), Value(0.0)
    program = engine.compile(f(x + p), [x], [p])
    X = [[at] for at, _, _ in samples]
    assert program(X) == pytest.approx([value for _, value, _ in samples], rel=1e-14, abs=0.0)
    slopes = [slope for _, _, slope in samples]
    assert program.per_sample_grad(X)[:, 0] == pytest.approx(slopes, rel=1e-14, abs=0.0)
    assert program.value_and_grad(X)[1] == pytest.approx([math.fsum(slopes) / len(slopes)], rel=1e-14)
    assert np.isfinite(program.hvp(X, [1.0])).all()


# --- Masks: the definitions in high precision, and what is undefined.


@pytest.mark.parametrize("x", [[-inf, 0.5], [1.0, -inf, 2.0, -inf], [-inf, -3.0], [-inf, 700.0, -700.0]])
def test_masks_count_for_nothing(x: Numbers) -> None:
    kept = [x_i for x_i in x if x_i > -inf]
    m = Multiprecision(30)
    precise = [m.number(x_i) for x_i in x]
    for name in ("softmax", "log_softmax"):
        masked = 0.0 if name == "softmax" else -inf
        shares = iter(getattr(engine, name)(kept))
        expected = [next(shares) if x_i > -inf else masked for x_i in x]
        assert getattr(engine, name)(x) == expected
        assert [float(s) for s in getattr(m, name)(precise)] == pytest.approx(expected, rel=1e-15, abs=0.0)
        v = [Value(x_i) for x_i in kept]
        operands = iter(v)
        outputs = getattr(engine, name)([next(operands) if x_i > -inf else x_i for x_i in x])
        found = engine.compile(outputs, v)([kept])[0]
        assert found.tolist() == pytest.approx(expected, rel=1e-14, abs=0.0)
    assert engine.logsumexp(x) == engine.logsumexp(kept)
    assert float(m.logsumexp(precise)) == pytest.approx(engine.logsumexp(kept), rel=1e-15)


def test_of_masks_alone_the_sum_is_0_and_the_shares_are_undefined() -> None:
    m = Multiprecision(30)
    masks = [m.number(-inf)] * 2
    assert engine.logsumexp([-inf, -inf]) == float(m.logsumexp(masks)) == -inf
    for name in ("softmax", "log_softmax"):
        assert np.isnan(getattr(engine, name)([-inf, -inf])).all()
        assert np.isnan([float(s) for s in getattr(m, name)(masks)]).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_gradients_beside_a_mask_are_proved(name: str) -> None:
    def f(a: Any, b: Any) -> Any:
        out = getattr(engine, name)([a, -inf, b])
        return out[0] if isinstance(out, list) else out

    assert engine.check_gradients(f, a=0.5, b=-1.5).ok


# --- Overflow: one rule for every operation.

OVERFLOWS: dict[str, Numbers] = {
    "add": [1e308, 1e308],
    "sub": [1e308, -1e308],
    "mul": [1e308, 10.0],
    "div": [1e308, 0.1],
    "pow": [10.0, 400.0],
    "exp": [710.0],
    "expm1": [710.0],
    "sinh": [711.0],
    "cosh": [-711.0],
    "fsum": [1e308, 1e308, 1.0],
    "sumprod": [1e200, 1.0, 1e200, 1.0],
    "prod": [1e200, 1e200],
    "hypot": [1.7e308, 1.7e308],
    "leaky_relu": [-1e308, 100.0],
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_result_beyond_the_largest_float_is_an_error_in_every_operation(name: str) -> None:
    x = [Value(x_i, f"x{i}") for i, x_i in enumerate(OVERFLOWS[name])]
    with pytest.raises(
        OverflowError, match=rf"^{name}\(.*\) overflows at .*\(x0\).*beyond the largest float"
    ):
        recorder(OPS[name])(*x)


@pytest.mark.slow
def test_no_operation_makes_an_infinity_of_finite_numbers_unnoticed() -> None:
    large = [0.5, -0.5, 1.0, -1.0, 800.0, -800.0, 1e200, -1e200, LARGEST, -LARGEST, 5e-324, 1e-200]
    rng, raised = np.random.default_rng(0), set()
    for name, op in OPS.items():
        for _ in range(300):
            x = rng.choice(large, op.arity or 4).tolist()
            try:
                out = recorder(op)(*map(Value, x))
            except OverflowError:
                raised.add(name)
                if name != "sumprod":  # one product that overflows is enough there
                    assert abs(TRUTH[name].value(*map(mp.mpf, x))) > LARGEST, (name, x)
                continue
            except (ValueError, ZeroDivisionError):
                continue
            assert math.isfinite(out.data), (name, x)
    assert raised >= OVERFLOWS.keys()


def test_an_infinite_operand_is_no_overflow() -> None:
    assert (Value(inf) * 2.0).data == inf
    assert exp(Value(inf)).data == inf
    assert engine.fsum([inf, 1.0]) == inf
    assert engine.prod([inf, 2.0]) == inf


def test_sums_overflow_only_where_they_must() -> None:
    assert engine.fsum([1e308, 1e308, -1e308]) == 1e308
    assert engine.sumprod([1e154, 1e154, 1e154], [1e154, 1e154, -1e154]) == pytest.approx(1e308)
    for p, q in [([1e200, -1e200], [1e200, 1e200]), ([1e200], [1e200]), ([1e200, 1.0], [-1e200, inf])]:
        with pytest.raises(OverflowError, match="sumprod"):
            engine.sumprod([Value(a) for a in p], q)
    with pytest.raises(ValueError, match=r"fsum.* is undefined at x_1 = inf, x_2 = -inf"):
        engine.fsum([inf, -inf])
    with pytest.raises(ValueError, match=r"sumprod.* is undefined"):
        engine.sumprod([inf, -inf], [1.0, 1.0])


def test_a_program_goes_on_with_infinity_where_recording_raises() -> None:
    for name, numbers in OVERFLOWS.items():
        x = [Value(0.5) for _ in numbers]
        with np.errstate(all="ignore"):
            assert abs(engine.compile(recorder(OPS[name])(*x), x)([numbers])[0]) == inf

"""`grad`, `jvp`, `jacobian`, `hessian`: pure, right, of any order, and small."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import (
    Value,
    atan2,
    cos,
    exp,
    fsum,
    grad,
    hessian,
    hypot,
    jacobian,
    jvp,
    log,
    logsumexp,
    max,
    pow,
    prod,
    sin,
    sqrt,
    sumprod,
    tanh,
)
from engine.graph import topological
from engine.ops import OPS
from engine.recording import recorder
from tests.tools.truth import TRUTH, mp

Program: TypeAlias = list[tuple[str, list[int]]]  # operations, each on earlier numbers by their index


# --- Random programs over the table, run over Values or over the truth.

WITHIN = [
    "add",
    "sub",
    "mul",
    "neg",
    "sin",
    "cos",
    "tanh",
    "sech2",
    "sigmoid",
    "log_sigmoid",
    "softplus",
    "atan",
]
WITHIN += [
    "asinh",
    "erf",
    "gaussian",
    "normal_cdf",
    "gelu",
    "silu",
    "fsum",
    "sumprod",
    "prod",
    "softmax",
    "logsumexp",
]
INPUTS = 3


@st.composite
def programs(draw: st.DrawFn) -> tuple[Program, list[float]]:
    program: Program = []
    for i in range(draw(st.integers(1, 8))):
        name = draw(st.sampled_from(WITHIN))
        arity = OPS[name].arity or draw(st.sampled_from([2, 4]))
        program.append((name, [draw(st.integers(0, INPUTS + i - 1)) for _ in range(arity)]))
    return program, draw(st.lists(st.floats(-2, 2), min_size=INPUTS, max_size=INPUTS))


def run(program: Program, x: Sequence[Any], apply: Callable[..., Any]) -> list[Any]:
    numbers = list(x)
    for name, operands in program:
        numbers.append(apply(name, *[numbers[i] for i in operands]))
    return numbers


def recorded_run(program: Program, x: Sequence[Value]) -> list[Value]:
    return run(program, x, lambda name, *operands: recorder(OPS[name])(*operands))


def test_no_property_depends_on_how_fast_the_machine_is() -> None:
    assert settings().deadline is None


@given(programs())
def test_gradients_of_random_programs(case: tuple[Program, list[float]]) -> None:
    program, point = case
    x = [Value(x_i) for x_i in point]
    output = recorded_run(program, x)[-1]
    gradient = [d.data for d in grad(output, x)]
    output.backward()
    for i, got in enumerate(gradient):
        order = tuple(int(i == j) for j in range(INPUTS))
        true = mp.diff(
            lambda *y: run(program, y, lambda name, *z: TRUTH[name].value(*z))[-1],
            tuple(map(mp.mpf, point)),
            order,
            h=mp.mpf(10) ** -25,
        )
        size = 1.0 + float(abs(true))
        assert abs(got - true) <= 1e-12 * size
        assert abs(x[i].grad - true) <= 1e-12 * size


@given(programs(), st.randoms(use_true_random=False))
def test_forward_and_reverse_are_transposes(case: tuple[Program, list[float]], rng: random.Random) -> None:
    program, point = case
    x = [Value(x_i) for x_i in point]
    outputs = recorded_run(program, x)[INPUTS:]
    v = [rng.uniform(-1, 1) for _ in x]
    u = [rng.uniform(-1, 1) for _ in outputs]
    along = [d.data for d in jvp(outputs, x, v)]
    matrix = [[d.data for d in row] for row in jacobian(outputs, x)]
    for row, moved in zip(matrix, along, strict=True):
        terms = [d * v_i for d, v_i in zip(row, v, strict=True)]
        assert abs(math.fsum(terms) - moved) <= 1e-12 * (1.0 + math.fsum(map(abs, terms)))
    back = [d.data for d in grad(sumprod(u, outputs), x)]
    left, right = (
        math.fsum(a * b for a, b in zip(along, u, strict=True)),
        math.fsum(a * b for a, b in zip(back, v, strict=True)),
    )
    assert abs(left - right) <= 1e-11 * (1.0 + math.fsum(abs(d) for row in matrix for d in row))


@given(programs())
def test_hessians_are_symmetric(case: tuple[Program, list[float]]) -> None:
    program, point = case
    x = [Value(x_i) for x_i in point]
    h = [[d.data for d in row] for row in hessian(recorded_run(program, x)[-1], x)]
    size = 1.0 + math.fsum(abs(d) for row in h for d in row)
    assert all(abs(h[i][j] - h[j][i]) <= 1e-12 * size for i in range(INPUTS) for j in range(i))


@given(programs())
def test_grad_changes_nobodys_grad(case: tuple[Program, list[float]]) -> None:
    program, point = case
    x = [Value(x_i) for x_i in point]
    output = recorded_run(program, x)[-1]
    output.backward()
    before = [(v, v.grad.hex(), v.data.hex()) for v in topological([output])]
    grad(output, x)
    hessian(output, x[:1])
    jvp([output], x, [1.0, 2.0, 3.0])
    assert [(v, v.grad.hex(), v.data.hex()) for v in topological([output])] == before


# --- Closed forms.


def _numbers(rows: Sequence[Sequence[Value]]) -> list[list[float]]:
    return [[d.data for d in row] for row in rows]


JACOBIANS: list[tuple[Callable[..., list[Value]], list[float], list[list[float]]]] = [
    (lambda r, t: [r * cos(t), r * sin(t)], [2.0, 0.0], [[1.0, 0.0], [0.0, 2.0]]),
    (lambda x, y: [hypot(x, y), atan2(y, x)], [3.0, 4.0], [[0.6, 0.8], [-0.16, 0.12]]),
    (lambda x, y: [x * y, x / y, x - y], [2.0, 5.0], [[5.0, 2.0], [0.2, -0.08], [1.0, -1.0]]),
    (lambda x, y: [x, x, y], [7.0, 8.0], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    (lambda x, y: [logsumexp([x, y])], [1.0, 1.0], [[0.5, 0.5]]),
    (lambda x, y: [prod([x, y, x])], [3.0, 2.0], [[12.0, 9.0]]),
    (lambda x, y: [pow(x, y)], [2.0, 3.0], [[12.0, 8.0 * math.log(2.0)]]),
    (lambda x, y: [max(x, y), y * 0.0 + 1.0], [2.0, 3.0], [[0.0, 1.0], [0.0, 0.0]]),
]


@pytest.mark.parametrize(("f", "x", "expected"), JACOBIANS)
def test_jacobians_in_closed_form(
    f: Callable[..., list[Value]], x: list[float], expected: list[list[float]]
) -> None:
    inputs = [Value(x_i) for x_i in x]
    outputs = f(*inputs)
    got = _numbers(jacobian(outputs, inputs))
    columns = [
        [d.data for d in jvp(outputs, inputs, [float(i == j) for j in range(len(x))])] for i in range(len(x))
    ]
    for row, true in zip(got, expected, strict=True):
        assert row == pytest.approx(true, rel=1e-15, abs=0.0)
    for column, true in zip(columns, map(list, zip(*expected, strict=True)), strict=True):
        assert column == pytest.approx(true, rel=1e-15, abs=0.0)


def _rosenbrock(x: Value, y: Value) -> Value:
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2


HESSIANS: list[tuple[Callable[..., Value], list[float], list[list[float]]]] = [
    (_rosenbrock, [1.0, 1.0], [[802.0, -400.0], [-400.0, 200.0]]),
    (_rosenbrock, [-1.0, 2.0], [[402.0, 400.0], [400.0, 200.0]]),
    (lambda x, y: x * x * y, [2.0, 5.0], [[10.0, 4.0], [4.0, 0.0]]),
    (lambda x, y: exp(x * y), [0.0, 3.0], [[9.0, 1.0], [1.0, 0.0]]),
    (lambda x, y: x / y, [1.0, 2.0], [[0.0, -0.25], [-0.25, 0.25]]),
    (lambda x, y: log(x) + sqrt(y), [2.0, 4.0], [[-0.25, 0.0], [0.0, -1 / 32]]),
    (lambda x, y: logsumexp([x, y]), [1.0, 1.0], [[0.25, -0.25], [-0.25, 0.25]]),
    (lambda x, y: hypot(x, y), [3.0, 4.0], [[16 / 125, -12 / 125], [-12 / 125, 9 / 125]]),
    (lambda x, y: pow(x, y), [1.0, 3.0], [[6.0, 1.0], [1.0, 0.0]]),
    (lambda x, y: x + y, [1.0, 3.0], [[0.0, 0.0], [0.0, 0.0]]),
]


@pytest.mark.parametrize(("f", "x", "expected"), HESSIANS)
def test_hessians_in_closed_form(
    f: Callable[..., Value], x: list[float], expected: list[list[float]]
) -> None:
    inputs = [Value(x_i) for x_i in x]
    for row, true in zip(_numbers(hessian(f(*inputs), inputs)), expected, strict=True):
        assert row == pytest.approx(true, rel=1e-14, abs=0.0)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: x**5, 2.0, [80.0, 160.0, 240.0, 240.0, 120.0, 0.0]),
        (lambda x: exp(2.0 * x), 0.0, [2.0, 4.0, 8.0, 16.0, 32.0]),
        (sin, 0.0, [1.0, 0.0, -1.0, 0.0, 1.0, 0.0]),
        (lambda x: 1 / x, 2.0, [-0.25, 0.25, -0.375, 0.75]),
        (tanh, 0.0, [1.0, 0.0, -2.0, 0.0, 16.0]),
    ],
)
def test_derivatives_of_higher_orders(f: Callable[[Value], Value], x: float, expected: list[float]) -> None:
    v = Value(x)
    y = f(v)
    for true in expected:
        (y,) = grad(y, [v])
        assert y.data == pytest.approx(true, rel=1e-13, abs=0.0)


# --- What one may differentiate by, and what comes back.


def test_derivatives_by_inner_values_and_by_constants() -> None:
    x = Value(2.0)
    inner = x * 3.0
    y = inner * inner
    assert [d.data for d in grad(y, [inner, x, y])] == [12.0, 36.0, 1.0]
    factor = inner.parents[1]
    assert factor.kind == "constant"
    assert [d.data for d in grad(y, [factor])] == [24.0]
    assert [d.data for d in jvp([y], [inner], [1.0])] == [12.0]


def test_an_input_that_does_not_matter_has_derivative_zero() -> None:
    x, y = Value(2.0), Value(3.0)
    assert [d.data for d in grad(x * x, [y, x])] == [0.0, 4.0]
    assert [d.data for d in jvp([x * x], [y], [1.0])] == [0.0]


def test_the_same_input_twice_gets_the_same_derivative_twice() -> None:
    x = Value(2.0)
    assert [d.data for d in grad(x * x, [x, x])] == [4.0, 4.0]


def test_a_derivative_is_never_a_leaf_of_the_user() -> None:
    x, y = Value(2.0), Value(5.0)
    (dx,) = grad(x * y, [x])
    (moved,) = jvp([x * 1.0], [x], [y])
    assert dx is not y
    assert moved is not y
    y.data = 100.0
    assert (dx.data, moved.data) == (5.0, 5.0)


def test_a_derivative_takes_part_in_a_program_like_any_value() -> None:
    """The gradient of a gradient's norm, as gradient penalties have it."""
    x, y = Value(2.0), Value(3.0)
    dx, dy = grad(x * x * y, [x, y])  # 2xy, x^2
    penalty = dx * dx + dy * dy
    penalty.backward()
    assert (penalty.data, x.grad, y.grad) == (160.0, 8 * 2 * 9.0 + 4 * 8.0, 8 * 4 * 3.0)


@pytest.mark.parametrize(
    "f",
    [lambda a: max(a, 1.0), lambda a: hypot(a, 1.0), lambda a: prod([a, 2.0]), lambda a: logsumexp([a, 0.0])],
)
def test_an_unchanged_leaf_of_an_operation_on_many_is_not_taken_for_changed(
    f: Callable[[Value], Value],
) -> None:
    a = Value(2.0)
    assert grad(f(a), [a])[0].data == f(a).partials[0]


def test_a_distance_of_one_coordinate_has_the_derivatives_of_abs() -> None:
    x = Value(0.0)
    assert hessian(hypot(x), [x])[0][0].data == hessian(abs(x), [x])[0][0].data == 0.0
    assert [[d.data for d in row] for row in hessian(hypot(x, x * 2), [x])] == [[0.0]]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda e, x: e.grad(x * x, x), r"inputs are a list of Values, not one Value: write \[x\]"),
        (lambda e, x: e.hessian(x * x, x), r"inputs are a list of Values"),
        (lambda e, x: e.jacobian(x * x, [x]), r"outputs are a list of Values"),
        (lambda e, x: e.grad(x * x, [x, 3.0]), r"inputs: float 3.0 is not a Value"),
        (lambda e, x: e.grad(3.0, [x]), r"the output: float 3.0 is not a Value"),
        (lambda e, x: e.grad([x * x], [x]), r"the output: list \[.*\] is not a Value"),
        (lambda e, x: e.jvp([None], [x], [1.0]), r"outputs: NoneType None is not a Value"),
    ],
)
def test_what_is_no_value_is_not_differentiated(ask: Callable[[Any, Any], Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        ask(engine, Value(2.0, "x"))


def test_tangents_have_to_be_as_many_as_inputs() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match="one tangent for each input, got 2 for 1"):
        jvp([x], [x], [1.0, 2.0])


# --- The delta rule, as a node.


def _layer(x: Sequence[Value], size: int) -> tuple[list[list[Value]], list[Value]]:
    w = [[Value(0.1 * (i + 2 * j + 1)) for i in range(len(x))] for j in range(size)]
    return w, [sumprod(w_j, x) + Value(0.1) for w_j in w]


def test_the_adjoint_of_an_activation_is_one_sum_of_products_of_weights_and_deltas() -> None:
    x = [Value(0.3), Value(-0.6)]
    _, hidden = _layer(x, 3)
    a = [tanh(z) for z in hidden]
    w, outputs = _layer(a, 2)
    y = [tanh(z) for z in outputs]
    loss = fsum([(y_k - 0.5) ** 2 for y_k in y])
    adjoints, deltas = grad(loss, a), grad(loss, [z.parents[0] for z in outputs])
    for i, adjoint in enumerate(adjoints):
        assert adjoint.op == "sumprod"
        assert list(adjoint.parents[:2]) == [w[1][i], w[0][i]]
        assert [p.data for p in adjoint.parents[2:]] == [deltas[1].data, deltas[0].data]


def test_derivative_graphs_stay_small() -> None:
    x = [Value(0.1 * i) for i in range(8)]
    w, z = _layer(x, 16)
    _, outputs = _layer([tanh(z_j) for z_j in z], 4)
    loss = fsum([out * out for out in outputs])
    gradient = grad(loss, [w_ji for row in w for w_ji in row])
    assert len(topological(gradient)) <= 2.5 * len(topological([loss]))
    v = Value(3.0)
    assert len(topological(grad(v**2, [v]))) <= 6

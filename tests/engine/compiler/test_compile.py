"""Compiled programs against the eager engine and the closed-form delta rule."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import engine
from engine import Value, operation
from engine.compiler import Program
from engine.compiler.instructions import Dot, MatrixProduct, OuterProduct, Shares
from engine.extend import withdraw
from nn import ACTIVATIONS, LOSSES, MLP, DeltaRule, delta_rule
from nn.losses import find_loss
from tests.nn.truth import needed_output
from tests.tools.examples import examples

ROUNDING = 1e-12  # relative to the largest number of a gradient


def leaves(n: int, rng: random.Random) -> list[Value]:
    return [Value(rng.uniform(-1.0, 1.0)) for _ in range(n)]


def eager(record: Callable[[Sequence[Value]], Any], parameters: Sequence[Value], X: Any) -> tuple[Any, Any]:
    """The mean value and gradient over samples that are recorded one by one."""
    values, gradients = [], []
    for row in np.asarray(X):
        for p in parameters:
            p.grad = 0.0
        y = record([Value(float(x)) for x in row])
        y.backward()
        values.append(y.data)
        gradients.append([p.grad for p in parameters])
    return math.fsum(values) / len(values), np.mean(gradients, axis=0)


def assert_agrees(
    record: Callable[[Sequence[Value]], Any],
    parameters: Sequence[Value],
    X: Any,
    rounding: float = ROUNDING,
) -> Program:
    """Check the program of one recorded sample against the eager value and gradient of every sample."""
    x = [Value(0.5) for _ in range(np.shape(X)[1])]
    program = engine.compile(record(x), inputs=x, parameters=parameters)
    value, gradient = program.value_and_grad(X)
    expected, expected_gradient = eager(record, parameters, X)
    assert value == pytest.approx(expected, rel=rounding, abs=rounding * max(1.0, abs(expected)))
    scale = max(np.abs(expected_gradient).max(initial=0.0), 1e-300)
    assert np.abs(gradient - expected_gradient).max(initial=0.0) <= rounding * scale
    return program


def count(program: Program, kind: type) -> int:
    code = program._gradients
    return sum(isinstance(i, kind) for i in (*code.body, *code.sums))


# --- Networks.

NETWORKS = [
    (loss, output)
    for loss in LOSSES
    for output in ACTIVATIONS
    if output == ("identity" if find_loss(loss).logits else needed_output(loss) or output)
]


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "output"), NETWORKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=2)
@given(seed=st.integers(0, 2**32 - 1))
def test_networks_agree_with_the_engine_and_the_delta_rule(
    activation: str, loss: str, output: str, seed: int
) -> None:
    rng = random.Random(seed)
    n_in = rng.randint(1, 4)
    shared = "softmax" in (output, find_loss(loss).output)
    n_out = 2 if shared else rng.randint(1, 4)
    sizes = [n_in, *[rng.randint(1, 4) for _ in range(rng.randint(0, 2))], n_out]
    connections = [
        [range(a), *[sorted(rng.sample(range(a), rng.randint(1, a))) for _ in range(b - 1)]]
        if rng.random() < 0.3
        else None
        for a, b in pairwise(sizes)
    ]
    model = MLP(
        n_in,
        sizes[1:],
        activation=activation,
        output=output,
        init="he_normal",
        rng=rng,
        connections=connections,
    )
    for p in model.parameters():
        p.data += rng.gauss(0.0, 0.1)
    inputs = [[rng.gauss(0.0, 2.0) for _ in range(n_in)] for _ in range(3)]
    shares = [rng.random() for _ in range(3)]
    targets = [[t, 1.0 - t] if shared else [t] * n_out for t in shares]

    def record(row: Sequence[Value]) -> Value:
        return LOSSES[loss](model(row[:n_in]), list(row[n_in:]))

    if needed_output(loss) == "sigmoid":  # where o is close to 1, 1 - o has few digits in any program
        outputs = [o for x in inputs for o in as_list(model(x))]
        assume(all(0.01 < o.data < 0.99 for o in outputs))
    X = np.hstack([inputs, targets])
    program = assert_agrees(record, model.parameters(), X)
    expected = np.mean(
        [in_order(delta_rule(model, x, t, loss)) for x, t in zip(inputs, targets, strict=True)], axis=0
    )
    error = np.abs(program.value_and_grad(X)[1] - expected)
    assert error.max() <= ROUNDING * max(np.abs(expected).max(), 1e-300)


def as_list(output: Value | list[Value]) -> list[Value]:
    return [output] if isinstance(output, Value) else output


def in_order(rule: DeltaRule) -> list[float]:
    """The gradients of the delta rule in the order of `parameters()`."""
    rows = [
        (*row, b)
        for W, biases in zip(rule.dW, rule.db, strict=True)
        for row, b in zip(W, biases, strict=True)
    ]
    return [g for row in rows for g in row if g is not None]


# --- The structure is found in any order of scalar operations.


def loops(sizes: Sequence[int], seed: int, order: str) -> tuple[Callable[..., Value], list[Value]]:
    """A tanh network of plain loops, its sums added up in some order."""
    rng = random.Random(seed)
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers.append([(leaves(n_in, rng), Value(rng.uniform(-1.0, 1.0))) for _ in range(n_out)])

    def net_input(w: list[Value], b: Value, a: list[Value]) -> Value:
        if order == "one sum of products":
            total: Value = engine.sumprod([*w, b], [*a, 1.0])
            return total
        terms = list(zip(w, a, strict=True))
        if order == "shuffled":
            random.Random(len(a)).shuffle(terms)
        products = [w_j * a_j if order != "swapped" else a_j * w_j for w_j, a_j in terms]
        if order == "bias first":
            return sum(products, b)
        if order == "tree":
            return tree(products) + b
        return sum(products[1:], products[0]) + b

    def record(row: Sequence[Value]) -> Value:
        a = list(row[: sizes[0]])
        for number, layer in enumerate(layers, start=1):
            neurons = list(enumerate(layer))
            if order == "shuffled":
                random.Random(number).shuffle(neurons)
            z = {i: net_input(w, b, a) for i, (w, b) in neurons}
            a = [z[i].tanh() if number < len(layers) else z[i] for i in range(len(layer))]
        total: Value = sum(
            ((o - y) ** 2 for o, y in zip(a[1:], row[sizes[0] + 1 :], strict=True)),
            (a[0] - row[sizes[0]]) ** 2,
        )
        return total

    return record, [p for layer in layers for w, b in layer for p in (*w, b)]


def tree(terms: list[Value]) -> Value:
    if len(terms) == 1:
        return terms[0]
    return tree(terms[: len(terms) // 2]) + tree(terms[len(terms) // 2 :])


@pytest.mark.parametrize(
    "order", ["plain", "swapped", "bias first", "tree", "shuffled", "one sum of products"]
)
def test_plain_loops_compile_to_the_same_matrix_products_as_a_network(order: str) -> None:
    record, parameters = loops([3, 5, 4, 2], 7, order)
    X = np.random.default_rng(1).normal(size=(6, 5))
    program = assert_agrees(record, parameters, X)
    assert count(program, MatrixProduct) == 3 + 2  # W a in three layers, W^T delta in two
    assert count(program, OuterProduct) == 3
    assert count(program, Dot) == 0
    model = MLP(3, [5, 4, 2], activation="tanh")
    x = [Value(0.5) for _ in range(5)]
    network = engine.compile(LOSSES["squared_error"](model(x[:3]), x[3:]), x, model.parameters())
    assert str(program) == str(network)


def test_a_program_lists_the_equations_of_the_delta_rule() -> None:
    record, parameters = loops([2, 3, 1], 1, "plain")
    x = leaves(3, random.Random(0))
    text = str(engine.compile(record(x), x, parameters))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "z^1 = W^1 [x; 1] (3, 3) @ (3, B)",
        "z^2 = W^2 [a^1; 1] (1, 4) @ (4, B)",
        "t2 = (W^2)^T delta^2 (3, 1) @ (1, B)",
        "delta^1 = t2 * sech2(z^1) (3, B)",
        "dE/dW^1 = delta^1 [x; 1]^T (3, B) @ (B, 3)",
        "dE/dW^2 = delta^2 [a^1; 1]^T (1, B) @ (B, 4)",
    ):
        assert line in lines
    diagram = engine.compile(record(x), x, parameters).draw(theme="dark")
    assert "t2 = (W²)ᵀ δ²" in diagram.svg
    assert "dE/dW¹ is δ¹ [x; 1]ᵀ, (3, B) @ (B, 3)." in diagram.description


# --- Graphs of other shapes, each recorded from (x, p).

ODD = {
    "tied weights": lambda x, p: ((p[0] * x[0] + p[0] * x[1]).tanh() * p[0] - x[2]) ** 2,
    "tied matrix": lambda x, p: sum(
        ((p[0] * h + p[1] * k).tanh() * p[0] for h, k in [(x[0], x[1]), (x[1], x[2]), (x[2], x[0])]),
        p[2] * p[2],
    ),
    "skip connection": lambda x, p: (x[0] + p[0] * (p[1] * x[0] + p[2] * x[1]).tanh() + p[3] * x[2]) ** 2,
    "shared neuron": lambda x, p: (h := (p[0] * x[0] + p[1]).tanh()) * p[2] + h * p[3] + h * h * x[1] + x[2],
    "only parameters": lambda x, p: x[0] * 0.0 + x[1] * 0.0 + 0 * x[2] + p[0] * p[1] + p[2] ** 3,
    "weight decay": lambda x, p: (p[0] * x[0] - x[1]) ** 2 + 0.1 * engine.fsum(w * w for w in p) + 0.0 * x[2],
    "constants": lambda x, p: 3 * (2.5 * p[0] * x[0] - 4) * 0.5 + (1 - x[1]) / 7 + x[2] - 2 ** p[1],
    "products of parameters": lambda x, p: engine.sumprod([p[0], p[1], x[0]], [p[1], x[1], x[2]]) * p[2],
    "same gradient": lambda x, p: (p[0] + p[1]) * x[0] * x[1] * x[2],
    "gradient is an input": lambda x, p: p[0] * x[0] + p[1] * x[1] + p[2] * x[2] + p[3],
    "two thousand terms": lambda x, p: sum(((k % 7 - 3) * x[k % 3] * p[k % 4] for k in range(2000)), x[0]),
    "differences in differences": lambda x, p: x[0] - (p[0] - (x[1] - (p[1] * x[2] - (p[2] - x[0] * p[3])))),
    "choices": lambda x, p: engine.max(x[0] * p[0], x[1], p[1]) + engine.min(p[2], x[2]) * abs(x[0] - p[3]),
    "many": lambda x, p: engine.hypot(x[0], x[1], p[0]) * engine.prod([x[2], p[1], p[2] + x[0], 2.0]),
    "softmax with a static operand": lambda x, p: engine.fsum(
        a * b
        for a, b in zip(
            engine.softmax([x[0], p[0], x[1]]), engine.log_softmax([x[2], p[1], 1.0]), strict=True
        )
    ),
    "softmax of the same operands, not as often": lambda x, p: engine.sumprod(
        [engine.softmax([x[0], x[0], x[1]])[0], engine.softmax([x[0], x[1], x[1]])[0]], [p[0], x[2] * p[1]]
    ),
    "softmax of parameters": lambda x, p: engine.sumprod(engine.softmax(p[:3]), x),
    "logsumexp": lambda x, p: engine.logsumexp([x[0] * p[0], x[1] * p[1], x[2] * p[2]]) - x[0],
    "normal distribution": lambda x, p: (x[0] * p[0]).erf() + (x[1] * p[1]).gelu() + engine.erfc(x[2] * p[2]),
}


@pytest.mark.parametrize("name", ODD)
def test_graphs_of_other_shapes(name: str) -> None:
    rng = random.Random(3)
    parameters = leaves(4, rng)
    unused = Value(1.0)
    X = np.random.default_rng(2).uniform(0.2, 2.0, size=(5, 3))
    program = assert_agrees(lambda x: ODD[name](x, parameters), [*parameters, unused], X)
    assert program.value_and_grad(X)[1][-1] == 0.0
    assert program.value_and_grad(X[:1])[1].shape == (5,)


@pytest.mark.slow
def test_a_recurrence_and_ten_thousand_different_expressions() -> None:
    rng = random.Random(4)
    (a, b), X = leaves(2, rng), np.random.default_rng(5).normal(size=(4, 2))

    def recurrence(x: Sequence[Value]) -> Value:
        h = x[0]
        for _ in range(500):
            h = (a * h + b * x[1]).tanh()
        return h

    program = assert_agrees(recurrence, [a, b], X)
    assert count(program, OuterProduct) == 1  # one for the first step; the 499 for a alone are one sum

    expressions: list[Callable[[Value, Value], Value]] = [
        lambda u, v: (u * v).sin(),
        lambda u, v: (u - v).tanh(),
        lambda u, v: 0.5 * u.cos() + 0.25 * v,
    ]

    def irregular(x: Sequence[Value]) -> Any:
        choice, values = random.Random(6), [*x, a, b]
        for _ in range(10_000):
            u, v = choice.sample(values, 2)
            values.append(choice.choice(expressions)(u, v))
        return engine.fsum(values[-20:])

    assert_agrees(irregular, [a, b], X)


@pytest.mark.slow
def test_a_deep_graph_compiles_in_little_memory() -> None:
    """It took 2,600 bytes a node when later passes kept the graph, and each row had an array."""
    x, a, b = Value(1.0), Value(0.5), Value(0.1)
    h = x
    for _ in range(2000):
        h = (a * h + b).tanh()
    engine.compile(x * a, [x], [a])  # the imports of the first call do not count
    tracemalloc.start()
    engine.compile(h, [x], [a, b])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / 6000 < 1500


def test_samples_recorded_in_one_graph_are_constants() -> None:
    model = MLP(2, [3, 1], activation="tanh", rng=random.Random(1))
    data = [[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0]]
    shift = Value(0.1, "shift")
    total = engine.fsum((model(row) - shift) ** 2 for row in data)
    program = engine.compile(total, inputs=[shift], parameters=model.parameters())
    value, gradient = program.value_and_grad([[0.1]])
    total.backward()
    assert value == pytest.approx(total.data, rel=1e-14)
    assert gradient == pytest.approx(np.array([p.grad for p in model.parameters()]), rel=1e-12)


BINARY = {
    "+": lambda u, v: u + v,
    "-": lambda u, v: u - v,
    "*": lambda u, v: u * v,
    "/": lambda u, v: u / (v * v + 0.5),
    "max": lambda u, v: engine.max(u, v),
    "where": lambda u, v: engine.where(engine.step(u - v), u * 2.0, v.tanh()),
    "sumprod": lambda u, v: engine.sumprod([u, v, 0.5], [v, v, u]),
    "softmax": lambda u, v: engine.softmax([u, v, 0.5])[1],
    "hypot": lambda u, v: engine.hypot(u, v, 1.0),
    "power": lambda u, v: (u * u + 0.1) ** (v.tanh()),
}
UNARY = {
    "tanh": lambda u: u.tanh(),
    "sigmoid": lambda u: u.sigmoid(),
    "relu": lambda u: u.relu(),
    "abs": lambda u: abs(u),
    "neg": lambda u: -u,
    "sin": lambda u: u.sin(),
    "square": lambda u: u**2,
    "log1p": lambda u: (u * u).log1p(),
    "sqrt": lambda u: (u * u + 1.0).sqrt(),
    "scaled": lambda u: 0.5 * u - 1.0,
}


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([*BINARY, *UNARY]), st.integers(0, 40), st.integers(0, 40)),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 1000),
)
def test_irregular_graphs_agree_with_the_engine(steps: list[tuple[str, int, int]], seed: int) -> None:
    rng = random.Random(seed)
    parameters = leaves(3, rng)

    def record(x: Sequence[Value]) -> Any:
        values = [*x, *parameters]
        for name, i, j in steps:
            u, v = values[i % len(values)], values[j % len(values)]
            u = BINARY[name](u, v) if name in BINARY else UNARY[name](u)
            values.append(u)
        return engine.fsum([*values[-3:], x[0] * 0.5, x[1] * 0.25])

    X = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(3, 2))
    try:
        expected = eager(record, parameters, X)
    except (OverflowError, ValueError):
        return
    if not (abs(expected[0]) < 1e6 and np.abs(expected[1]).max() < 1e6):
        return  # squares of squares: rounding errors are too large to compare
    assert_agrees(record, parameters, X, rounding=1e-11)


# --- Other programs.


@pytest.fixture
def network() -> tuple[MLP, list[Value], Value]:
    model = MLP(2, [4, 3], activation="tanh", init="he_normal", rng=random.Random(1))
    x = leaves(5, random.Random(2))
    return model, x, LOSSES["squared_error"](model(x[:2]), x[2:])


DATA = np.random.default_rng(3).normal(size=(7, 5))


def test_outputs_and_gradients_sample_by_sample(network: Any) -> None:
    model, x, loss = network
    parameters = model.parameters()
    program = engine.compile(loss, x, parameters)
    gradients = program.per_sample_grad(DATA)
    for row, value, gradient in zip(DATA, program(DATA), gradients, strict=True):
        expected, expected_gradient = eager(
            lambda x: LOSSES["squared_error"](model(x[:2]), x[2:]), parameters, [row]
        )
        assert value == pytest.approx(expected, rel=1e-13)
        assert gradient == pytest.approx(expected_gradient, rel=1e-12, abs=1e-13)
    value, gradient = program.value_and_grad(DATA)
    assert gradients.mean(axis=0) == pytest.approx(gradient, rel=1e-12, abs=1e-14)
    assert program(DATA).mean() == pytest.approx(value, rel=1e-14)


def test_several_outputs_have_a_jacobian(network: Any) -> None:
    model, x, loss = network
    outputs = [*model(x[:2]), loss]
    parameters = model.parameters()
    program = engine.compile(outputs, x, parameters)
    values, jacobian = program.value_and_grad(DATA)
    assert program(DATA).mean(axis=0) == pytest.approx(values, rel=1e-13)
    for k in range(4):
        single = engine.compile(outputs[k], x if k == 3 else x[:2], parameters)
        value, gradient = single.value_and_grad(DATA if k == 3 else DATA[:, :2])
        assert values[k] == pytest.approx(value, rel=1e-13)
        assert jacobian[k] == pytest.approx(gradient, rel=1e-12, abs=1e-14)
    assert program.per_sample_grad(DATA).mean(axis=0) == pytest.approx(jacobian, rel=1e-12, abs=1e-14)


def test_hessian_vector_products(network: Any) -> None:
    model, x, loss = network
    parameters = model.parameters()
    vector = np.random.default_rng(4).normal(size=len(parameters))
    product = engine.compile(loss, x, parameters).hvp(DATA, vector)
    program = engine.compile(engine.grad(loss, parameters), x, parameters)  # a program of derivatives
    _, hessian = program.value_and_grad(DATA)
    assert hessian == pytest.approx(hessian.T, rel=1e-10, abs=1e-12)
    assert product == pytest.approx(hessian @ vector, rel=1e-11, abs=1e-12)
    rows = [[h.data for h in row] for row in engine.hessian(loss, parameters)]
    at_sample = engine.compile(loss, x, parameters).hvp([[v.data for v in x]], vector)
    assert at_sample == pytest.approx(np.array(rows) @ vector, rel=1e-11, abs=1e-12)


def test_derivatives_by_inputs_compile(network: Any) -> None:
    _, x, loss = network
    slopes = engine.compile(engine.grad(loss, x[:2]), x)([[v.data for v in x]])
    loss.backward()
    assert slopes[0] == pytest.approx([x[0].grad, x[1].grad], rel=1e-13)


def test_float32(network: Any) -> None:
    model, x, loss = network
    exact = engine.compile(loss, x, model.parameters()).value_and_grad(DATA)
    value, gradient = engine.compile(loss, x, model.parameters(), dtype=np.float32).value_and_grad(DATA)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(exact[0], rel=1e-6)
    assert gradient == pytest.approx(exact[1], rel=1e-4, abs=1e-6)
    assert not np.array_equal(gradient, exact[1])


def test_given_parameters_take_the_place_of_those_of_the_values(network: Any) -> None:
    model, x, loss = network
    program = engine.compile(loss, x, model.parameters())
    at = np.array([p.data for p in model.parameters()])
    before = program.value_and_grad(DATA)
    moved = program.value_and_grad(DATA, at + 0.1)
    assert program.value_and_grad(DATA, at)[0] == before[0]
    assert moved[0] != before[0]
    for p in model.parameters():
        p.data += 0.1
    assert program.value_and_grad(DATA)[0] == moved[0]
    assert (program.value_and_grad(DATA)[1] == moved[1]).all()
    assert before[1] is not program.value_and_grad(DATA, at)[1]  # the next result does not overwrite this one


def test_batch_sizes_may_change(network: Any) -> None:
    model, x, loss = network
    program = engine.compile(loss, x, model.parameters())
    total = sum(program.value_and_grad(DATA[a:b])[0] * (b - a) for a, b in [(0, 1), (1, 3), (3, 4), (4, 7)])
    assert total / 7 == pytest.approx(program.value_and_grad(DATA)[0], rel=1e-14)


# --- Each sample has its own choices, except those that Python made while recording.

CHOICES: dict[str, tuple[Any, Any, Any]] = {
    "relu": (lambda x: x.relu(), lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "max": (lambda x: engine.max(x, 0.5), lambda x: max(x, 0.5), lambda x: float(x > 0.5)),
    "min": (lambda x: engine.min(x, 0.5), lambda x: min(x, 0.5), lambda x: float(x < 0.5)),
    "abs": (lambda x: abs(x), abs, lambda x: math.copysign(1.0, x)),
    "sign": (lambda x: engine.sign(x) * x, abs, lambda x: math.copysign(1.0, x)),
    "step": (lambda x: engine.step(x) * x, lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "equal": (lambda x: engine.equal(x, 2.0) * x, lambda x: x * (x == 2), lambda x: float(x == 2)),
    "where": (
        lambda x: engine.where(engine.step(x - 1), x * x, -x),
        lambda x: x * x if x > 1 else -x,
        lambda x: 2 * x if x > 1 else -1.0,
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_made_for_each_sample(name: str) -> None:
    record, value, slope = CHOICES[name]
    x, p = Value(3.0), Value(0.0)
    program = engine.compile(record(x + p), [x], [p])
    X = np.array([[-2.0], [-0.25], [0.25], [0.75], [2.0], [3.0]])
    assert program(X).tolist() == [value(x) for x in X[:, 0]]
    assert program.per_sample_grad(X)[:, 0].tolist() == [slope(x) for x in X[:, 0]]


def test_a_branch_of_python_is_frozen() -> None:
    x = Value(3.0)
    y = x * x if x.data > 1 else -x
    assert engine.compile(y, [x])([[3.0], [-2.0]]).tolist() == [9.0, 4.0]


@pytest.mark.parametrize(
    ("record", "slope"),
    [
        (lambda x: engine.where(engine.step(x), x.sqrt(), x * 2.0), [2.0, 0.25]),
        (lambda x: engine.where(engine.step(x), x**0.5, 0.0), [0.0, 0.25]),
        (lambda x: engine.where(engine.step(x), (1.0 / x), x), [1.0, -1 / 16]),
        (lambda x: engine.where(engine.step(x), x.log(), 3.0 * x), [3.0, 0.25]),
        (lambda x: (x.sqrt() * 0.0 + x).relu(), [0.0, 1.0]),
    ],
)
def test_an_adjoint_of_zero_passes_nothing_to_an_infinite_partial(record: Any, slope: list[float]) -> None:
    x, p = Value(4.0), Value(0.0)
    program = engine.compile(record(x + p), [x], [p])
    assert program.per_sample_grad([[0.0], [4.0]])[:, 0] == pytest.approx(slope, rel=1e-15)


def test_an_adjoint_of_zero_passes_nothing_to_an_overflow() -> None:
    x, p = Value(1.0), Value(0.0)
    y = engine.where(engine.step(x + p - 2.0), x + p, engine.sinh(x + p))
    program = engine.compile(y, [x], [p])
    assert program.per_sample_grad([[0.0], [1000.0]])[:, 0].tolist() == [1.0, 1.0]


def test_the_recorded_sample_leaves_no_trace() -> None:
    p = Value(0.0)
    for at in (0.0, 4.0):  # at 0 a derivative has 0 times infinity, which grad leaves out
        x = Value(at)
        program = engine.compile(engine.where(engine.step(x + p), (x + p).sqrt(), 0.0), [x], [p])
        assert program.value_and_grad([[4.0]])[1].tolist() == [0.25]
    x, w = Value(1.0), Value(2.0)
    y = w * x
    w.data = 3.0  # assigned after recording, as training does
    assert engine.compile(y, [x], [w]).value_and_grad([[5.0]])[0] == 15.0


def test_outside_a_domain_a_program_follows_ieee_754() -> None:
    x = Value(1.0)
    assert np.isnan(engine.compile(x.log(), [x])([[-1.0]])[0])
    assert engine.compile(x.exp(), [x])([[1000.0]])[0] == math.inf
    w = Value(0.0)
    assert np.isnan(engine.compile(w * x.exp(), [x], [w])([[1000.0]])[0])  # 0 * inf


# --- Operations of a user, added at run time.


@pytest.fixture
def own_operations() -> Iterator[None]:
    """Operations without a kernel: of one operand, of several, and with `shares`."""
    operation(lambda m, x: x / (1.0 + m.abs(x)), name="softsign", partials=_softsign_partials)
    operation(lambda m, x: 3.0 * x, name="constant", partials=lambda m, out, x: (3.0,))
    operation(
        _ranked, name="ranked", partials=lambda m, out, *x: tuple(1.0 / k for k in range(1, len(x) + 1))
    )
    operation(_power_share, name="power_share", partials=_power_share_partials, shares=True)
    yield
    for name in ("softsign", "constant", "ranked", "power_share"):
        withdraw(name)


def _softsign_partials(m: Any, out: Any, x: Any) -> tuple[Any, ...]:
    return (1.0 / (1.0 + m.abs(x)) ** 2.0,)


def _ranked(m: Any, *x: Any) -> Any:
    """The sum of x_k / k: the order of the operands matters."""
    return m.sumprod(x, [1.0 / k for k in range(1, len(x) + 1)])


def _power_share(m: Any, *x: Any) -> Any:
    """The share of the first operand's square."""
    return x[0] * x[0] / m.fsum([x_i * x_i for x_i in x])


def _power_share_partials(m: Any, out: Any, *x: Any) -> tuple[Any, ...]:
    total = m.fsum([x_i * x_i for x_i in x])
    return (2.0 * x[0] * (1.0 - out) / total, *[-2.0 * x_i * out / total for x_i in x[1:]])


@pytest.mark.usefixtures("own_operations")
def test_operations_of_a_user_compile_like_ours() -> None:
    functions: Any = engine
    X, parameters = np.random.default_rng(7).uniform(0.2, 2.0, size=(5, 3)), leaves(3, random.Random(8))

    def softsign(x: Sequence[Value]) -> Any:
        a, b, c = (functions.softsign(w * x_i) for w, x_i in zip(parameters, x, strict=True))
        return functions.constant(a) * b + c

    def ranked(x: Sequence[Value]) -> Any:
        a, b, c = (w * x_i for w, x_i in zip(parameters, x, strict=True))
        return functions.ranked(a, b, c) * functions.ranked(c, a, b)

    def power_share(x: Sequence[Value]) -> Any:
        scaled = [w * x_i for w, x_i in zip(parameters, x, strict=True)]
        return engine.sumprod(functions.power_share(scaled), [1.0, -2.0, 0.5])

    for record in (softsign, ranked, power_share):
        program = assert_agrees(record, parameters, X)
        assert any(record.__name__ in op for op in str(program).split())
        assert count(program, Shares) == (record is power_share)


# --- What data may be.

SOME = np.array([[1.0, 2.0], [3.0, 4.5], [0.25, -1.0]])
FORMS: dict[str, Any] = {
    "lists": SOME.tolist(),
    "tuples": tuple(map(tuple, SOME)),
    "rows": list(SOME),
    "every other column": np.repeat(SOME, 2, axis=1)[:, ::2],
    "columns together": np.asfortranarray(SOME),
    "backwards": SOME[::-1, ::-1].copy()[::-1, ::-1],
    "read only": np.broadcast_to(SOME, SOME.shape),
    "float32": SOME.astype(np.float32),
    "another byte order": SOME.astype(">f8"),
    "fractions": [[Fraction(v) for v in row] for row in SOME],
    "decimals and integers": [[1, Decimal(2)], [3, Decimal("4.5")], [Decimal("0.25"), -1]],
    "Values": [[Value(v) for v in row] for row in SOME.tolist()],
}


@pytest.mark.parametrize("form", FORMS)
def test_data_may_have_any_form(form: str) -> None:
    x, w = leaves(2, random.Random(1)), leaves(3, random.Random(2))
    program = engine.compile(((w[0] * x[0] + w[1] * x[1]).tanh() - w[2]) ** 2, x, w)
    value, gradient = program.value_and_grad(SOME)
    found, found_gradient = program.value_and_grad(FORMS[form])
    assert (found, found_gradient.tolist()) == (value, gradient.tolist())
    assert program(FORMS[form]).tolist() == program(SOME).tolist()


def test_integers_are_numbers() -> None:
    x, w = Value(1.0), Value(2.0)
    program = engine.compile(w * x, [x], [w])
    assert program(np.array([[200], [100]], np.uint8)).tolist() == [400.0, 200.0]


def test_outputs_may_be_leaves_constants_and_the_same_value() -> None:
    x, w = Value(1.0), Value(2.0)
    y = w * x
    program = engine.compile([y, y, x, w, w * w, (x * 0.0 + 3.0)], [x], [w])
    values, jacobian = program.value_and_grad([[3.0], [5.0]])
    assert values.tolist() == [8.0, 8.0, 4.0, 2.0, 4.0, 3.0]
    assert jacobian[:, 0].tolist() == [4.0, 4.0, 0.0, 1.0, 4.0, 0.0]
    assert program([[3.0], [5.0]])[1].tolist() == [10.0, 10.0, 5.0, 2.0, 4.0, 3.0]


def test_a_program_may_have_no_inputs_and_no_parameters() -> None:
    x, w = Value(1.0), Value(2.0)
    value, gradient = engine.compile(w * w, [], [w]).value_and_grad(np.zeros((3, 0)))
    assert (value, gradient.tolist()) == (4.0, [4.0])
    value, gradient = engine.compile(x * x, [x]).value_and_grad([[3.0]])
    assert (value, gradient.shape) == (9.0, (0,))


# --- Errors.


def test_errors_of_compiling() -> None:
    w, x, other = Value(2.0, "w"), Value(3.0, "x"), Value(4.0, "other")
    y = w * x
    for message, error, arguments in [
        ("w = 2.0 is listed 2 times: list it once", ValueError, (y, [x], [w, w])),
        ("w = 2.0 is listed 2 times as an input and as a parameter", ValueError, (y, [x, w], [w])),
        ("do not depend on the input other = 4.0", ValueError, (y, [x, other], [w])),
        (
            "w = 2.0 is neither an input nor a parameter: list it, or record the plain number 2.0",
            ValueError,
            (y, [x], []),
        ),
        ("is the result of mul and cannot be an input", ValueError, (y + 1, [y], [w])),
        ("is a constant and cannot be a parameter", ValueError, (y, [x], [(x * 2).parents[1]])),
        ("an input is a float, not a Value: 3.0", TypeError, (y, [3.0], [w])),
        ("an output is a str", TypeError, (["y"], [x], [w])),
        ("compile needs at least one output", ValueError, ([], [x], [w])),
        ("outputs is a float, not several Values", TypeError, (3.0, [x], [w])),
        ("inputs is a Value, not several Values: give a list", TypeError, (y, x, [w])),
        ("parameters is a MLP, .* such as model.parameters", TypeError, (y, [x], MLP(1, [1]))),
    ]:
        with pytest.raises(error, match=message):
            engine.compile(*arguments)  # type: ignore[arg-type]  # wrong on purpose
    for dtype in (int, np.float16, complex):
        with pytest.raises(TypeError, match="float64 or float32, not"):
            engine.compile(y, [x], [w], dtype=dtype)


def test_errors_of_running() -> None:
    w, x, y = Value(2.0, "w"), Value(3.0, "x"), Value(1.0)
    program = engine.compile(w * x + y, [x, y], [w])
    cases: list[tuple[str, type[Exception], Any, Any]] = [
        (r"X has the shape \(1, 3\), expected \(batch, 2\)", ValueError, [[1.0, 2.0, 3.0]], None),
        (r"X has the shape \(2,\), expected \(batch, 2\)", ValueError, [1.0, 2.0], None),
        (r"X has the shape \(0, 2\), expected", ValueError, np.zeros((0, 2)), None),
        ("X is not finite: x is nan in row 1", ValueError, [[1.0, 2.0], [math.nan, 1.0]], None),
        ("X is not finite: input 1 is -inf in row 0", ValueError, [[1.0, -math.inf]], None),
        ("X holds complex128, not real numbers", TypeError, [[1j, 1.0]], None),
        ("X holds <U1, not real numbers", TypeError, [["a", "b"]], None),
        ("X holds list, not real numbers", TypeError, np.array([[x, [1]]], dtype=object), None),
        ("X holds NoneType, not real numbers: None", TypeError, [[1.0, None]], None),
        ("X holds dict, not real numbers", TypeError, {"x": 1.0}, None),
        ("the rows of X differ in length", ValueError, [[1.0, 2.0], [3.0]], None),
        (r"parameters has the shape \(2,\), expected \(1,\)", ValueError, [[1.0, 2.0]], [1.0, 2.0]),
    ]
    for message, error, X, parameters in cases:
        with pytest.raises(error, match=message):
            program.value_and_grad(X, parameters)
    with pytest.raises(ValueError, match=r"vector has the shape \(3,\), expected \(1,\)"):
        program.hvp([[1.0, 2.0]], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="hvp needs a single output, but this program has 2"):
        engine.compile([w * x, x], [x], [w]).hvp([[1.0]], [1.0])
    assert program.value_and_grad([[1, 2]])[0] == 4.0
    single = engine.compile(w * x + y, [x, y], [w], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # there must be an error and no warning
        with pytest.raises(ValueError, match="x is inf in row 0, as float32"):
            single([[1e39, 1.0]])


def test_importing_the_engine_does_not_import_numpy() -> None:
    code = (
        "import sys, engine; assert 'numpy' not in sys.modules; engine.compile; assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # our own program
    with pytest.raises(AttributeError, match="no attribute 'compiler_of'"):
        _ = engine.compiler_of

"""Each pass of the compiler alone: its result, and that it does not change the outputs."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value
from engine.compiler.flatten import SUMS, flatten
from engine.compiler.generate import matrix_product, strided_view
from engine.compiler.nodes import Graph, capture, evaluate, prune
from engine.compiler.schedule import levels, schedule
from engine.compiler.simplify import simplify
from engine.compiler.zero_adjoints import stop_zero_adjoints
from engine.numbers import arrays
from engine.numbers.multiprecision import Multiprecision
from engine.ops import OPS
from tests.tools.examples import examples

EXACT = Multiprecision(50)

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "zero_adjoints": stop_zero_adjoints,
    "simplify": simplify,
    "flatten": flatten,
    "prune": prune,
}


def random_graph(seed: int) -> Graph:
    """A captured graph of sums, products and functions, with its derivative."""
    rng = random.Random(seed)
    x, p = [Value(rng.uniform(0.5, 2.0)) for _ in range(3)], [Value(rng.uniform(0.5, 2.0)) for _ in range(3)]
    values: list[Any] = [*x, *p]
    for _ in range(rng.randint(1, 25)):
        u, v = rng.choice(values), rng.choice(values)
        operations: list[Callable[[Any, Any], Any]] = [
            lambda u, v: u + v,
            lambda u, v: u - v,
            lambda u, v: -u,
            lambda u, v: (u * v).tanh(),
            lambda u, v: u * rng.choice([0.0, 1.0, -1.0, 0.5]),
            lambda u, v: (u * u + 1.0).log() / 2.0,
            lambda u, v: u ** rng.choice([1.0, 2.0]) * 0.1,
            lambda u, v: engine.fsum([u, v, 0.0, u]),
            lambda u, v: engine.sumprod([u, v, 1.0], [v, 0.5, u]).sin(),
        ]
        values.append(rng.choice(operations)(u, v))
    y = engine.fsum(values[-3:])
    derived_from = Value(0.0).serial
    return capture([y, *engine.grad(y, p)], x, p, derived_from)


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=examples(60))
@given(seed=st.integers(0, 10**6))
def test_a_pass_does_not_change_the_outputs(name: str, seed: int) -> None:
    graph = random_graph(seed)
    before = simplify(graph) if name == "flatten" else graph
    after = PASSES[name](before)
    for sample in np.random.default_rng(seed).uniform(0.5, 2.0, size=(4, graph.n_leaves)).tolist():
        # in 50 digits, because a pass may move the rounding of terms that cancel
        leaves = [EXACT.number(x) for x in sample]
        expected, found = evaluate(before, leaves, EXACT), evaluate(after, leaves, EXACT)
        for a, b in zip(expected, found, strict=True):
            assert float(b) == pytest.approx(float(a), rel=1e-12, abs=1e-13)


def test_a_sum_without_terms_is_the_number_0() -> None:
    x, w = Value(2.0), Value(3.0)
    graph = simplify(capture([x + engine.sumprod([x * 0.0, 0.0], [w, w * x])], [x], [w]))
    assert graph.ops == ["input", "parameter"]
    assert [float(y) for y in evaluate(graph, [5.0, 7.0])] == [5.0]


@pytest.mark.parametrize(
    ("record", "nodes"),
    [
        (lambda x, w: x + 0.0, []),
        (lambda x, w: x * 1.0 - 0.0, []),
        (lambda x, w: x / 1.0, []),
        (lambda x, w: -(x * -1.0), []),
        (lambda x, w: x**1, []),
        (lambda x, w: x**2, ["mul"]),
        (lambda x, w: x * 0.0 + w, []),
        (lambda x, w: x * -1.0, ["neg"]),
        (lambda x, w: 0.0 - x, ["neg"]),
        (lambda x, w: x * w + w * x, ["mul", "add"]),
        (lambda x, w: engine.max(x, w) * engine.max(w, x), ["max", "mul"]),
        (lambda x, w: engine.where(1.0, x, w), []),
        (lambda x, w: engine.fsum([x, 0.0]), []),
        (lambda x, w: engine.sumprod([x, 0.0], [w, x]), ["mul"]),
        (lambda x, w: x + Value(0.0).cos().log(), []),
    ],
)
def test_simplification(record: Any, nodes: list[str]) -> None:
    x, w = Value(3.0), Value(2.0)
    graph = capture([record(x, w)], [x], [w])
    assert [op for op in simplify(graph).ops if op in OPS] == nodes


def test_flattening_leaves_sums_of_products_alone() -> None:
    flat = flatten(simplify(random_graph(3)))
    assert not {*flat.ops} & (SUMS - {"sumprod"})
    w, x = [Value(1.0) for _ in range(3)], [Value(2.0) for _ in range(3)]
    z = w[0] * x[0] + (w[1] * x[1] - (x[2] - w[2])) + x[2] * 3.0
    flat = flatten(simplify(capture([z], x, w)))
    sizes = [len(args) // 2 for args in flat.args if args]
    assert sizes == [1, 4]  # -w, the same for all samples; then one sum, its terms in x[2] added up


def test_levels_count_the_longest_path() -> None:
    x = Value(1.0)
    graph = capture([x.tanh().sin() + x], [x], [])
    assert levels(graph) == [0, 1, 2, 3]


def test_neurons_of_a_layer_are_one_group() -> None:
    w, x = [[Value(1.0) for _ in range(3)] for _ in range(4)], [Value(2.0) for _ in range(3)]
    a = [engine.sumprod(row, x).tanh() for row in w]
    groups = schedule(flatten(simplify(capture(a, x, [v for row in w for v in row]))), False).groups
    assert [(g.op, len(g.nodes), len(g.vector)) for g in groups] == [("sumprod", 4, 3), ("tanh", 4, 0)]


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_an_evenly_spaced_index_is_a_view(start: int, n: int, k: int, gap: int, transposed: bool) -> None:
    numbers = np.arange(100.0)
    index = start + np.arange(n)[:, None] * (k + gap) + np.arange(k)
    index = index.T if transposed else index
    view = strided_view(numbers, index)
    assert view is not None
    assert np.shares_memory(view, numbers)
    assert (view == numbers[index]).all()


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 1, 4), (3, 1, 1), (1, 5, 1), (3, 1, 4), (3, 5, 4)])
@pytest.mark.parametrize("layout", ["packed", "transposed", "with gaps"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_matrix_product_hides_no_nan(size: tuple[int, int, int], layout: str, odd: float) -> None:
    n, k, m = size
    a, b, out = np.zeros((n, k)), np.full((k, m), 2.0), np.full((n, m), 7.0)
    if layout == "transposed":
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    elif layout == "with gaps":
        a, b, out = np.pad(a, 1)[1:-1, 1:-1], np.pad(b, 1)[1:-1, 1:-1], np.pad(out, 1)[1:-1, 1:-1]
    b[0, 0] = odd
    with np.errstate(invalid="ignore"):
        matrix_product(a, b, out)(a, b, out)
    assert np.isnan(out[:, 0]).all()
    assert (out[:, 1:] == 0.0).all()


ELEMENTWISE = [ops for ops in arrays.KERNELS if len(ops) > 1 and OPS[ops[0]].arity is not None]


@pytest.mark.parametrize("ops", ELEMENTWISE)
@pytest.mark.parametrize(("dtype", "rounding"), [(np.float64, 1e-13), (np.float32, 4e-5)])
def test_joint_kernels_give_what_the_rows_of_the_table_give(
    ops: tuple[str, ...], dtype: Any, rounding: float
) -> None:
    x = np.concatenate([np.linspace(-40.0, 40.0, 2001), [0.0, 1e-8, -1e-8, 5.0, -19.5]]).astype(dtype)
    out = np.empty_like(x), np.empty_like(x)
    arrays.KERNELS[ops](x, *out)
    for name, found in zip(ops, out, strict=True):
        single = OPS[name].forward(arrays, x.astype(np.float64)).astype(dtype)
        assert found == pytest.approx(single, rel=rounding, abs=1e-300)
    bad = np.array([np.nan, 1.0], dtype)
    out = np.empty_like(bad), np.empty_like(bad)
    arrays.KERNELS[ops](bad, *out)
    assert np.isnan([found[0] for found in out]).all()


@pytest.mark.parametrize("ops", [ops for ops in arrays.KERNELS if len(ops) == 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_kernel_of_a_row_gives_what_the_row_gives_to_the_bit(ops: tuple[str, ...], dtype: Any) -> None:
    row = OPS[ops[0]]
    assert row.arity is not None
    numbers = np.concatenate(
        [np.linspace(-3.0, 3.0, 601), [0.0, -0.0, 1e-300, 800.0, np.inf, -np.inf, np.nan]]
    )
    operands = [np.roll(numbers, 5 * k).astype(dtype) for k in range(row.arity)]
    out = np.full_like(operands[0], 7.0)
    with np.errstate(all="ignore"):
        arrays.KERNELS[ops](*operands, out)
        assert np.array_equal(out, row.forward(arrays, *operands), equal_nan=True)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_joint_shares_keep_their_digits_in_the_tails(dtype: Any, rounding: float) -> None:
    x = np.array(
        [[0.0, 40.0, 0.5, -3.0, 30.0], [1.0, 0.0, 0.5, -3.0, 20.0], [2.0, 3.0, 0.5, 2.5, -40.0]], dtype
    )
    softmax, log_softmax = np.empty_like(x), np.empty_like(x)
    arrays.KERNELS["softmax", "log_softmax"](x, softmax, log_softmax)
    with mpmath.workdps(50):
        exps = [[mpmath.exp(mpmath.mpf(float(v))) for v in row] for row in x]
        totals = [mpmath.fsum(column) for column in zip(*exps, strict=True)]
        shares = [[e / total for e, total in zip(row, totals, strict=True)] for row in exps]
        logarithms = [[float(mpmath.log(share)) for share in row] for row in shares]
    assert softmax == pytest.approx(np.array(shares, float), rel=rounding, abs=0.0)
    assert log_softmax == pytest.approx(np.array(logarithms), rel=rounding, abs=0.0)
    x[1, 2] = np.nan
    arrays.KERNELS["softmax", "log_softmax"](x, softmax, log_softmax)
    assert np.isnan([softmax[:, 2], log_softmax[:, 2]]).all()
    assert np.isfinite([softmax[:, 3], log_softmax[:, 3]]).all()


SHARES: dict[str, tuple[Callable[[list[Value]], list[Value]], bool]] = {
    "all of both": (lambda x: [*engine.softmax(x), *engine.log_softmax(x)], True),
    "the logarithms first": (lambda x: [*engine.log_softmax(x), *engine.softmax(x)], True),
    "in another order": (lambda x: [*engine.softmax(x), *engine.log_softmax(x[::-1])], True),
    "some of one": (lambda x: [*engine.softmax(x), *engine.log_softmax(x)[:2]], False),
    "of other operands": (lambda x: [*engine.softmax(x), *engine.log_softmax([*x[:2], x[2] * 2.0])], False),
    "one share": (lambda x: [engine.softmax(x)[0], engine.log_softmax(x)[0]], False),
}


@pytest.mark.parametrize("name", SHARES)
def test_all_shares_and_their_logarithms_are_computed_together(name: str) -> None:
    formula, joined = SHARES[name]
    x = [Value(v) for v in (0.3, -1.2, 2.5)]
    outputs = formula(x)
    program = engine.compile(outputs, x)
    assert ("softmax and log_softmax" in str(program)) == joined
    assert program([[v.data for v in x]])[0] == pytest.approx([y.data for y in outputs], rel=1e-14, abs=0.0)

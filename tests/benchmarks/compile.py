"""Compiled programs beside hand-written NumPy, PyTorch, JAX and micrograd: one step, value and gradient.

    python tests/benchmarks/compile.py            every case
    python tests/benchmarks/compile.py --profile  where the time of our step goes
    python tests/benchmarks/compile.py --scaling  time and memory of compiling, by the size of the graph

All contenders take turns in every round, on one thread each. It prints each median time, and the median
over the rounds of our time over theirs. It names a contender that is not installed, and leaves it out.
"""

# ruff: noqa: E402  # the number of threads is set before NumPy is imported

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is imported
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

import numpy as np

import engine
from engine import Value
from engine.compiler import Program
from nn import LOSSES, MLP

Step = Callable[[], tuple[float, Any]]


@dataclass(frozen=True)
class Case:
    """A network, a batch, and for each contender the largest ratio of our time to its time."""

    sizes: tuple[int, ...]
    activation: str
    loss: str
    batch: int
    dtype: str
    limits: dict[str, float]

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return f"{sizes} {self.activation}, {self.loss}, batch {self.batch}, {self.dtype}"


SOFTMAX = "cross_entropy_from_logits"
CASES = [
    Case(
        (2, 16, 16, 1), "tanh", "squared_error", 100, "float64",
        {"NumPy": 1.3, "PyTorch": 1 / 3, "JAX": 1.0, "micrograd": 1 / 3000},
    ),
    Case(
        (64, 128, 64, 10), "tanh", "squared_error", 256, "float32",
        {"NumPy": 1.2, "PyTorch": 1 / 1.3, "JAX": 1.1},
    ),
    Case((784, 100, 10), "relu", SOFTMAX, 128, "float32", {"NumPy": 1.2, "PyTorch": 1.0, "JAX": 1.3}),
]  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """The numbers of a case: layers (W, b), inputs, targets."""

    case: Case
    model: MLP
    layers: list[tuple[Any, Any]]
    X: Any
    Y: Any

    @classmethod
    def of(cls, case: Case) -> Problem:
        model = MLP(
            case.sizes[0],
            case.sizes[1:],
            activation=case.activation,
            init="xavier_normal",
            rng=random.Random(0),
        )
        layers = [
            (
                np.array([[w.data for w in neuron.w] for neuron in layer.neurons], case.dtype),
                np.array([neuron.b.data for neuron in layer.neurons if neuron.b is not None], case.dtype),
            )
            for layer in model.layers
        ]
        rng = np.random.default_rng(0)
        X = rng.normal(size=(case.batch, case.sizes[0])).astype(case.dtype)
        if case.loss == SOFTMAX:
            Y = np.eye(case.sizes[-1], dtype=case.dtype)[rng.integers(0, case.sizes[-1], case.batch)]
        else:
            Y = rng.normal(size=(case.batch, case.sizes[-1])).astype(case.dtype)
        return cls(case, model, layers, X, Y)


# --- The contenders: each makes a step from a problem.


def compiled(problem: Problem) -> tuple[Program, Step]:
    """Ours: the program of one recorded sample."""
    n_in, n_out = problem.case.sizes[0], problem.case.sizes[-1]
    x, y = [Value(0.0) for _ in range(n_in)], [Value(float(k == 0)) for k in range(n_out)]
    output = problem.model(x)
    loss = LOSSES[problem.case.loss](output, y)
    program = engine.compile(loss, [*x, *y], problem.model.parameters(), dtype=problem.case.dtype)
    data = np.hstack([problem.X, problem.Y])
    parameters = flat(problem.layers)
    return program, lambda: program.value_and_grad(data, parameters)


def numpy_step(problem: Problem) -> Step:
    """The same mathematics written by hand: one matrix product for each one in the article."""
    X, Y, layers, batch = problem.X, problem.Y, problem.layers, problem.case.batch
    tanh, softmax = problem.case.activation == "tanh", problem.case.loss == SOFTMAX

    def step() -> tuple[float, Any]:
        a = [X]
        for k, (W, b) in enumerate(layers):
            z = a[-1] @ W.T + b
            a.append(z if k == len(layers) - 1 else np.tanh(z) if tanh else np.maximum(z, 0.0))
        if softmax:
            shifted = a[-1] - a[-1].max(axis=1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            loss = -(Y * log_p).sum(axis=1).mean()
            delta = (np.exp(log_p) - Y) / batch
        else:
            error = a[-1] - Y
            loss = (error * error).sum(axis=1).mean()
            delta = 2.0 * error / batch
        gradients = []
        for k in range(len(layers) - 1, -1, -1):
            gradients.append((delta.T @ a[k], delta.sum(axis=0)))
            if k:
                delta = (delta @ layers[k][0]) * (1.0 - a[k] ** 2 if tanh else a[k] > 0.0)
        return float(loss), gradients[::-1]

    return step


def torch_step(problem: Problem) -> Step:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    layers = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in problem.layers]
    X, Y = torch.tensor(problem.X), torch.tensor(problem.Y)
    labels = Y.argmax(1)
    activation = torch.tanh if problem.case.activation == "tanh" else torch.relu

    def step() -> tuple[float, Any]:
        for layer in layers:
            for p in layer:
                p.grad = None
        a = X
        for k, (W, b) in enumerate(layers):
            a = torch.nn.functional.linear(a, W, b)
            if k < len(layers) - 1:
                a = activation(a)
        if problem.case.loss == SOFTMAX:
            loss = torch.nn.functional.cross_entropy(a, labels)
        else:
            loss = ((a - Y) ** 2).sum(1).mean()
        cast(Any, loss).backward()  # PyTorch leaves it untyped
        return loss.item(), [[p.grad for p in layer] for layer in layers]

    return step


def jax_step(problem: Problem) -> Step:
    """JAX, compiled by XLA."""
    import jax
    import jax.numpy as jnp

    cast(Any, jax.config).update("jax_enable_x64", problem.case.dtype == "float64")
    X, Y = jnp.array(problem.X), jnp.array(problem.Y)
    layers = [(jnp.array(W), jnp.array(b)) for W, b in problem.layers]
    activation = jnp.tanh if problem.case.activation == "tanh" else jax.nn.relu

    def mean_loss(layers: Any, X: Any, Y: Any) -> Any:
        a = X
        for k, (W, b) in enumerate(layers):
            a = a @ W.T + b
            if k < len(layers) - 1:
                a = activation(a)
        if problem.case.loss == SOFTMAX:
            return -(Y * jax.nn.log_softmax(a)).sum(1).mean()
        return ((a - Y) ** 2).sum(1).mean()

    value_and_grad = jax.jit(jax.value_and_grad(mean_loss))

    def step() -> tuple[float, Any]:
        value, gradients = cast(Any, jax).block_until_ready(value_and_grad(layers, X, Y))
        return float(value), gradients

    return step


def micrograd_step(problem: Problem) -> Step:
    """The micrograd engine, scalar by scalar; it has only relu, which is faster than tanh."""
    import micrograd.nn
    from micrograd.engine import Value as Scalar

    network = micrograd.nn.MLP(problem.case.sizes[0], list(problem.case.sizes[1:]))
    rows = [
        ([Scalar(v) for v in x], y[0]) for x, y in zip(problem.X.tolist(), problem.Y.tolist(), strict=True)
    ]

    def step() -> tuple[float, Any]:
        network.zero_grad()
        loss = sum((network(x) - y) ** 2 for x, y in rows) * (1.0 / len(rows))
        loss.backward()
        return loss.data, None

    return step


CONTENDERS: dict[str, tuple[str, Callable[[Problem], Step]]] = {
    "NumPy": ("numpy", numpy_step),
    "PyTorch": ("torch", torch_step),
    "JAX": ("jax", jax_step),
    "micrograd": ("micrograd", micrograd_step),
}


# --- Measuring.


def flat(layers: Any) -> Any:
    """Weights and biases neuron by neuron, the order of `parameters()`."""
    return np.concatenate([np.hstack([np.asarray(W), np.asarray(b)[:, None]]).ravel() for W, b in layers])


def race(problem: Problem, rounds: int) -> None:
    """Print the times of all contenders, and the ratios of ours to theirs."""
    start = time.perf_counter()
    _, ours = compiled(problem)
    print(f"\n{problem.case}: compiled in {time.perf_counter() - start:.2f} s, recording included")
    steps = {"ours": ours}
    for name in problem.case.limits:
        package, contender = CONTENDERS[name]
        if find_spec(package) is None:
            print(f"  {name} is not installed and was left out")
            continue
        steps[name] = contender(problem)
        value, gradients = steps[name]()
        if gradients is not None:
            compare(ours(), (value, flat(gradients)), 1e-12 if problem.case.dtype == "float64" else 2e-5)
    times = {name: [] for name in steps}  # type: dict[str, list[float]]
    for _ in range(rounds):
        for name, step in steps.items():
            n = 1 if name == "micrograd" else 5
            if name != "micrograd" or len(times[name]) < 3:
                step()
                start = time.perf_counter()
                for _ in range(n):
                    step()
                times[name].append((time.perf_counter() - start) / n)
    print(f"  {'ours':<10} {statistics.median(times['ours']) * 1e6:10.0f} us")
    for name, limit in problem.case.limits.items():
        if name in times:
            ratio = statistics.median(a / b for a, b in zip(times["ours"], times[name], strict=False))
            verdict = "reached" if ratio <= limit else "MISSED"
            shown = (
                f"ours takes {ratio:.3f} of its time"
                if ratio > 0.01
                else f"ours is {1 / ratio:.0f} times as fast"
            )
            goal = f"{limit:.3f}" if limit > 0.01 else f"{1 / limit:.0f} times"
            print(
                f"  {name:<10} {statistics.median(times[name]) * 1e6:10.0f} us   "
                f"{shown} (goal {goal}: {verdict})"
            )


def compare(ours: tuple[float, Any], theirs: tuple[float, Any], rounding: float) -> None:
    """Check that both programs compute the same."""
    assert abs(ours[0] - theirs[0]) <= rounding * abs(theirs[0]), (ours[0], theirs[0])
    assert np.abs(ours[1] - theirs[1]).max() <= rounding * np.abs(theirs[1]).max()


def profile(problem: Problem) -> None:
    """Print the time of each call in a step of ours, and of the rest of the step."""
    program, ours = compiled(problem)
    ours()
    (machine,) = program._machines.values()
    print(f"\n{problem.case}\n{program}")
    parts = [(_seconds(call), cast(partial[object], call)) for call in machine._calls]
    total = _seconds(ours)
    for seconds, call in parts:
        shapes = [getattr(a, "shape", "") for a in call.args]
        name = call.func.__name__ + " " + " ".join(str(s) for s in shapes if s)
        print(f"  {seconds * 1e6:8.1f} us {100 * seconds / total:5.1f} %  {name}")
    around = total - sum(seconds for seconds, _ in parts)
    print(
        f"  {around * 1e6:8.1f} us {100 * around / total:5.1f} %  checks, copies in and out, the loop itself"
    )


def _seconds(step: Callable[[], object], n: int = 50) -> float:
    rounds = []
    for _ in range(9):
        start = time.perf_counter()
        for _ in range(n):
            step()
        rounds.append((time.perf_counter() - start) / n)
    return statistics.median(rounds)


# --- Compiling itself, by the size of the graph.

SIZES = (1_000, 10_000, 100_000, 1_000_000)
Leaves = list[Value]


def wide(n: int) -> tuple[Value, Leaves, Leaves]:
    """A layer of a network, in plain loops."""
    k, rng = int((n / 3) ** 0.5), random.Random(0)
    x = [Value(rng.gauss(0.0, 1.0)) for _ in range(k)]
    W = [[Value(rng.gauss(0.0, 0.1)) for _ in range(k)] for _ in range(k)]
    a = [sum((w * v for w, v in zip(row[1:], x[1:], strict=True)), row[0] * x[0]).tanh() for row in W]
    return engine.fsum(v * v for v in a), x, [w for row in W for w in row]


def one_sum(n: int) -> tuple[Value, Leaves, Leaves]:
    """One sum of products, added up term by term."""
    x, parameters = Value(1.0), [Value(0.1) for _ in range(n // 3)]
    return sum((p * x for p in parameters), x), [x], parameters


def deep(n: int) -> tuple[Value, Leaves, Leaves]:
    """A recurrence: each value is computed from the one before."""
    h = x = Value(1.0)
    a, b = Value(0.5), Value(0.1)
    for _ in range(n // 3):
        h = (a * h + b).tanh()
    return h, [x], [a, b]


def irregular(n: int) -> tuple[Value, Leaves, Leaves]:
    """Formulas of ten operations, 10,000 of them different, then the same of another input."""
    steps: list[Callable[[Value, Value], Value]] = [
        lambda u, v: (u * v).sin(),
        lambda u, v: u - 0.5 * v,
        lambda u, v: (u + v).tanh(),
        lambda u, v: u * v.cos(),
    ]
    inputs, parameters, results = [], [Value(0.5), Value(0.1)], []
    for number in range(n // 16):
        rng = random.Random(number % 10_000)
        if number % 10_000 == 0:
            inputs.append(Value(1.0 + number))
        values = [*parameters, inputs[-1]]
        for _ in range(7):
            values.append(rng.choice(steps)(values[-1], rng.choice(values)))
        results.append(values[-1])
    return engine.fsum(results), inputs, parameters


GRAPHS = {graph.__name__: graph for graph in (wide, one_sum, irregular, deep)}


def scaling() -> None:
    """Print the processor time of compiling and the memory by the size of the graph, in new processes."""
    print("graph          nodes  compiling    a node   memory, of it for recording")
    for name in GRAPHS:
        for n in SIZES:
            subprocess.run([sys.executable, __file__, "--graph", name, str(n)], check=True)  # noqa: S603  this file


def measure(name: str, n: int) -> None:
    """Print a line of the table."""
    x = Value(1.0)
    engine.compile(x, [x])  # the imports of the first call do not count
    output, inputs, parameters = GRAPHS[name](n)
    nodes, recorded = len(engine.graph.topological([output])), _gigabytes()
    start = time.process_time()
    engine.compile(output, inputs, parameters)
    seconds = time.process_time() - start
    print(
        f"{name:<9} {nodes:10} {seconds:8.2f} s {seconds / nodes * 1e6:6.1f} us {_gigabytes():6.2f} GB"
        f" {recorded:6.2f} GB"
    )


def _gigabytes() -> float:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--graph", nargs=2, metavar=("NAME", "NODES"), help="one line of --scaling")
    arguments = parser.parse_args()
    if arguments.scaling:
        scaling()
    elif arguments.graph:
        measure(arguments.graph[0], int(arguments.graph[1]))
    else:
        for case in CASES:
            problem = Problem.of(case)
            if arguments.profile:
                profile(problem)
            else:
                race(problem, arguments.rounds)
        print(f"\nat most {_gigabytes():.2f} GB of memory")


if __name__ == "__main__":
    main()

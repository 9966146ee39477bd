"""Recording and backward against micrograd, in one process: `python -m tests.benchmarks.eager`.

It needs micrograd: pip install micrograd. The targets: a network at least 20 times as fast, a plain loop
at least 4 times.
"""

from __future__ import annotations

import random
import sys
import threading
from functools import partial
from typing import Any

import micrograd.engine
import micrograd.nn

import engine
import nn
from tests.benchmarks.timing import ratio


def loop(value: Any, steps: int, times: int) -> None:
    """A plain loop of scalar arithmetic, forward and backward."""
    for _ in range(times):
        a, b, s = value(0.5), value(-0.3), value(0.0)
        for _ in range(steps):
            s = s + (a * b + a) * b - a
        s.backward()


def network(library: Any, value: Any) -> Any:
    """One forward and one backward pass of a 2-16-16-1 network over 100 examples."""
    random.seed(1)
    model = library.MLP(2, [16, 16, 1])
    rng = random.Random(2)
    rows = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(100)]

    def run() -> None:
        model.zero_grad()
        total = sum((model([value(x) for x in row]) - 1.0) ** 2 for row in rows)
        (total * 0.01).backward()

    return run


def main() -> None:
    """Print one line for each comparison."""
    print(f"Python {sys.version.split()[0]}; median of 7 rounds, milliseconds, garbage collector on")
    row(
        "MLP(2, [16, 16, 1]), 100 examples",
        network(nn, engine.Value),
        network(micrograd.nn, micrograd.engine.Value),
    )
    for steps, times in ((200, 50), (5_000, 1), (20_000, 1)):
        row(
            f"loop of {steps:,} steps, {times} times",
            partial(loop, engine.Value, steps, times),
            partial(loop, micrograd.engine.Value, steps, times),
        )


def row(name: str, ours: Any, theirs: Any) -> None:
    """Time one pair and print it."""
    a, b, times = ratio(ours, theirs)
    print(f"{name:36} deltagrad {a * 1e3:9.2f}   micrograd {b * 1e3:9.2f}   {times:6.1f} times as fast")


if __name__ == "__main__":
    # micrograd's backward recurses once for each node of a chain
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(1024 * 1024 * 1024 - 4096)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()

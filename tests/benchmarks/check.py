"""How long a proof takes, and what 600 random programs come to: python -m tests.benchmarks.check."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine import check_gradients, exp, sin, sumprod, tanh
from engine.check.subject import FunctionSubject
from nn import log_loss
from nn.article import worked_example
from tests.engine.check.test_check import random_program


def thirty_operations(x: Any, y: Any, z: Any) -> Any:
    """About 30 operations, 8 of them transcendental."""
    s = x
    for _ in range(2):
        s = tanh(s * y + z) * exp(-x) + sin(y) - z * s / (1 + y * y)
    return s


def network(w: Any, b: Any) -> Any:
    """A 2-2-2-1 network with log loss, of 15 parameters."""
    a: list[Any] = [1.0, 0.5]
    for layer in range(3):
        a = [(sumprod(w_i, a) + b_i).sigmoid() for w_i, b_i in zip(w[layer], b[layer], strict=True)]
    return log_loss(a[0], 1.0)


WEIGHTS = [[[0.5, -0.2], [0.3, 0.7]], [[-0.5, 0.4], [0.3, 0.6]], [[0.5, 0.7]]]
BIASES = [[0.3, -0.1], [0.2, 0.4], [-0.6]]


def milliseconds(f: Callable[[], object], rounds: int = 15) -> float:
    """The median processor time of a call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        f()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


def plugin_milliseconds() -> float:
    """What the plugin adds to the start of pytest: its import after that of pytest, compiled already."""
    code = (
        "import pytest, time; start = time.process_time(); import deltagrad_pytest; "
        "print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", code]
    runs = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(9)]  # noqa: S603  ours
    return 1e3 * statistics.median(runs[1:])


def main() -> None:
    """Print the figures."""
    point = {"x": 0.3, "y": 0.4, "z": 0.5}
    nodes = len(FunctionSubject(thirty_operations, (), point).record().order)
    report = check_gradients(thirty_operations, point)
    taken = milliseconds(lambda: check_gradients(thirty_operations, point))
    print(f"3 inputs, {nodes} nodes: {taken:.2f} ms")
    print(f"    {report.headline}")
    at = {"w": WEIGHTS, "b": BIASES}
    report = check_gradients(network, at)
    print(f"2-2-2-1 network with loss: {milliseconds(lambda: check_gradients(network, at)):.1f} ms")
    print(f"    {report.headline}")
    worked = log_loss(worked_example.network()(worked_example.INPUTS), worked_example.TARGET)
    print(f"the worked example, recorded: {milliseconds(lambda: check_gradients(worked)):.1f} ms")
    verdicts: Counter[str] = Counter()
    times, digits = [], []
    for seed in range(600):
        f, numbers = random_program(random.Random(seed))
        start = time.process_time()
        report = check_gradients(f, numbers)
        times.append(1e3 * (time.process_time() - start))
        verdicts.update(c.finding.verdict for c in report.comparisons)
        digits += [c.finding.digits for c in report.comparisons if c.finding.verdict == "right"]
    print(f"600 random programs: {statistics.median(times):.2f} ms median, {max(times):.0f} ms at most")
    print(f"    verdicts: {dict(verdicts)}; right ones to {min(digits):.1f} digits or more")
    print(f"import of the pytest plugin: {plugin_milliseconds():.1f} ms")


if __name__ == "__main__":
    main()

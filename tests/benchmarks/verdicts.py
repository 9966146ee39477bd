"""How often verdicts are wrong, over random expressions: `python -m tests.benchmarks.verdicts`.

Each expression is checked at a random point. An engine that is right must be called right; numbers that are
wrong by a planted error must be called wrong. What is right is decided by mpmath, with the derivative of the
expression by its definition.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine import Value, check_gradients
from engine.backprop import adjoints
from engine.check.report import GradientComparison
from engine.graph import topological
from engine.numbers.multiprecision import Multiprecision
from engine.ops import OPS
from tests.tools.flat import flat

AWKWARD = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    1e-300,
    5e-324,
    -5e-324,
    1e-20,
    1e-8,
    700.0,
    -700.0,
    37.0,
    1e8,
    -1e8,
    1e16,
]
PLANTED: dict[str, Callable[[float], float]] = {
    "1e-9": lambda x: x * (1.0 + 1e-9) if x else 1e-9,
    "sign": lambda x: -x if x else 1.0,
    "twice": lambda x: 2.0 * x if x else 2.0,
    "zero": lambda x: 0.0 if x else 1e-3,
}


@dataclass(frozen=True)
class Expression:
    """A random program: operations of the table on earlier results."""

    steps: list[tuple[str, list[int]]]
    point: list[float]

    def __call__(self, *x: Any) -> Any:
        values = list(x)
        for name, operands in self.steps:
            values.append(flat(name)(*[values[i] for i in operands]))
        return values[-1]


def expressions(count: int, awkward: bool, seed: int) -> Iterator[Expression]:
    """Random expressions that are finite at their point and depend on an input."""
    rng = random.Random(seed)
    found = 0
    while found < count:
        point = [
            rng.choice(AWKWARD) if awkward else rng.choice((-1.0, 1.0)) * 10.0 ** rng.uniform(-1.5, 1.0)
            for _ in range(rng.randint(1, 3))
        ]
        expression = _grown(rng, point)
        if expression is not None:
            found += 1
            yield expression


def _grown(rng: random.Random, point: list[float]) -> Expression | None:
    values = [Value(x) for x in point]
    steps: list[tuple[str, list[int]]] = []
    for _ in range(rng.randint(1, 6)):
        name = rng.choice(list(OPS))
        arity = OPS[name].arity or rng.choice((2, 4))
        operands = [rng.choice((len(values) - 1, rng.randrange(len(values)))) for _ in range(arity)]
        try:
            value = flat(name)(*[values[i] for i in operands])
        except (ValueError, ArithmeticError):
            continue
        if not math.isfinite(value.data):
            continue
        values.append(value)
        steps.append((name, operands))
    return Expression(steps, point) if steps else None


def gradients(expression: Expression) -> list[float]:
    """The engine's gradient."""
    leaves = [Value(x) for x in expression.point]
    expression(*leaves).backward()
    return [leaf.grad for leaf in leaves]


def is_right(expression: Expression, place: int, gradient: float) -> bool:
    """Whether a derivative is right, by a difference of the same operations in 1,000 digits of mpmath.

    Right is relative to the truth, or where terms cancel to the sizes of the terms.
    """
    m = Multiprecision(1000)
    x = [m.number(x_i) for x_i in expression.point]
    h = m.number(2) ** -1100 * (abs(x[place]) or 1)
    up, down = (_over(expression, m, [*x[:place], x[place] + step, *x[place + 1 :]]) for step in (h, -h))
    true = (up - down) / (2 * h)
    leaves = [Value(x_i) for x_i in expression.point]
    output = expression(*leaves)
    sizes = adjoints(topological([output]), output, lambda v: map(abs, v.partials), 1.0)
    terms = sizes.get(leaves[place], 0.0)
    allowed = 1e-12 * max(abs(true), terms if math.isfinite(terms) else 0) + 1.5e-323
    if math.isinf(gradient):
        return bool(true * math.copysign(1.0, gradient) > sys.float_info.max)
    return bool(abs(gradient - true) <= allowed)


def _over(expression: Expression, m: Any, x: list[Any]) -> Any:
    values = list(x)
    for name, operands in expression.steps:
        values.append(OPS[name].forward(m, *[values[i] for i in operands]))
    return values[-1]


def is_wrong(expression: Expression, place: int, c: GradientComparison) -> bool:
    """Whether a verdict accuses a right number or proves a wrong one."""
    if c.verdict not in ("right", "wrong rule", "detached", "rounding"):
        return False
    try:
        right = is_right(expression, place, c.engine)
    except (ValueError, ArithmeticError):
        return False  # undefined beside the point
    return right and not c.ok if c.verdict == "rounding" else right != c.ok


def campaign(count: int, awkward: bool, seed: int = 0) -> None:
    """Print the counts of one kind of points."""
    verdicts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    false: Counter[str] = Counter()
    seconds = []
    suspects = []
    for expression in expressions(count, awkward, seed):
        start = time.perf_counter()
        report = check_gradients(expression, expression.point)
        seconds.append(time.perf_counter() - start)
        if report.fault:
            verdicts["fault: " + report.fault[:60]] += 1
            continue
        for i, c in enumerate(report.comparisons):
            verdicts[f"{c.verdict}{'' if c.ok else ' (not ok)'}"] += 1
            if is_wrong(expression, i, c):
                false["accusation" if not c.ok else "proof"] += 1
                suspects.append((expression, report))
        if not report.ok:
            continue
        right = gradients(expression)
        kind, error = list(PLANTED.items())[len(seconds) % len(PLANTED)]
        i = len(seconds) % len(right)
        finding = report.comparisons[i].finding
        if finding.verdict != "right" or finding.why or not 1e-300 < abs(right[i]) < 1e300:
            continue  # where the terms cancel, or nearly underflow, the error is no error
        claims = list(right)
        claims[i] = error(right[i])
        planted[kind] += 1
        judged = check_gradients(expression, expression.point, claimed=claims)
        if judged.comparisons[i].opinions["claimed"].ok:
            missed[kind] += 1
            suspects.append((expression, judged))
    seconds.sort()
    print(f"--- {'awkward' if awkward else 'ordinary'} points, {count} expressions")
    print(f"verdicts: {dict(verdicts)}")
    print(f"false verdicts: {dict(false) or 0}")
    print(f"planted errors: {dict(planted)}; missed: {dict(missed) or 0}")
    print(f"median {1e3 * seconds[len(seconds) // 2]:.2f} ms, worst {1e3 * seconds[-1]:.0f} ms")
    for expression, report in suspects[:40]:
        print(expression.steps, expression.point)
        print("   ", report.headline)


def main() -> None:
    """Print the counts at ordinary and at awkward points."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    for awkward in (False, True):
        campaign(count, awkward)


if __name__ == "__main__":
    main()

"""Second derivatives, proved by three numbers: the engine's, the rules' over balls, the truth."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations_with_replacement
from math import frexp, fsum, isfinite
from typing import Any

from flint import arb

from engine.backprop import adjoints
from engine.check.high_precision import agrees, local_slopes, widened
from engine.check.raised import said
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.report import GradientComparison, GradientReport
from engine.check.subject import GraphSubject, NotJudgedError, Run, Subject
from engine.check.truth import BITS, UNDEFINED, Slope, Truth, number_of
from engine.check.verdict import (
    FULL_DIGITS,
    INCONCLUSIVE,
    KINK,
    RIGHT,
    ROUNDING,
    WRONG_RULE,
    Finding,
    not_recorded,
    right_digits,
)
from engine.derivatives import hessian
from engine.graph import topological
from engine.numbers.balls import Balls, UndecidedError
from engine.replay import replay
from engine.value import Value

_CONSTANT = 4.0 * 2.0**-53  # relative: what a constant that a rule computes in floats may be off


def check_hessian(subject: Subject, least_digits: float) -> GradientReport:
    """Prove every second derivative of a subject.

    Args:
        subject: what to differentiate twice.
        least_digits: how many right decimal digits are enough where rounding costs some.

    Returns:
        The report; a second derivative is named by both inputs, as in "x, y".
    """
    try:
        run = subject.record()
    except NotJudgedError as fault:
        return GradientReport(fault=str(fault), error=fault.__cause__)
    second = hessian(run.output, run.inputs)
    truth, graph = Truth(subject), Truth(GraphSubject(run.output, run.inputs))
    comparisons = []
    for i, j in combinations_with_replacement(range(len(subject.names)), 2):
        slope = _second(truth, i, j)
        finding = _judge(second[i][j], slope, run, partial(_second, graph, i, j), least_digits)
        comparisons.append(
            GradientComparison(
                f"{subject.names[i]}, {subject.names[j]}",
                subject.point[i],
                truth=None if slope.value is None or finding.verdict == KINK else float(slope.value),
                left=None if slope.left is None else float(slope.left),
                right=None if slope.right is None else float(slope.right),
                engine=second[i][j].data,
                finding=finding,
            )
        )
    point = dict(zip(subject.names, subject.point, strict=True))
    return GradientReport(comparisons, f"second derivatives of {subject.text} over balls", point=point)


def _second(truth: Truth, i: int, j: int) -> Slope:
    try:
        slope = truth.second(i, j)
    except (NotReplayableError, DifferentiatesItselfError, TypeError, AttributeError) as error:
        return Slope("unresolved", None, None, None, BITS[0], f"f cannot run on balls{said(error)}")
    return slope


def _judge(
    second: Value, slope: Slope, run: Run, of_graph: Callable[[], Slope], least_digits: float
) -> Finding:
    if slope.kind == "kink":
        sides = "" if slope.left is None else f": {float(slope.left):.6g} and {float(slope.right):.6g}"
        return Finding(KINK, ok=False, why=f"{slope.reason}{sides}")
    if slope.value is None:
        return Finding(INCONCLUSIVE, ok=False, why=slope.reason)
    order = topological([second])
    by_rules = _by_rules(order, second, set(run.order), slope.bits)
    if by_rules is None or not agrees(number_of(by_rules), widened(slope, by_rules)):
        return _not_the_slope(second, slope, run, by_rules, of_graph)
    digits = right_digits(second.data, slope.value)
    gap = abs(slope.value - second.data)
    if digits >= FULL_DIGITS or gap <= slope.error or gap <= _rounding(order, second):
        return Finding(RIGHT, ok=True, digits=max(digits, FULL_DIGITS))
    return Finding(ROUNDING, digits >= least_digits, digits, f"{digits:.0f} digits left")


def _not_the_slope(
    second: Value, slope: Slope, run: Run, by_rules: arb | None, of_graph: Callable[[], Slope]
) -> Finding:
    found = local_slopes([*run.order, *topological([second])])
    wrong = [value.op for value, _, _, local in found if local.kind == "smooth"]
    if wrong:
        why = f"the rules give another second derivative: {wrong[0]} is at fault"
        return Finding(WRONG_RULE, ok=False, why=why)
    if found:
        digits = right_digits(second.data, slope.value)
        why = f"{found[0][0].op} is at a kink, with the engine's convention there"
        return Finding(KINK, digits >= FULL_DIGITS, digits, why)
    graph = of_graph()
    if (
        by_rules is not None
        and graph.value is not None
        and agrees(number_of(by_rules), widened(graph, by_rules))
    ):
        return not_recorded(run, slope, graph)
    why = "the rules give another second derivative, though each operation's first derivative is right"
    return Finding(WRONG_RULE, ok=False, why=why)


def _rounding(order: Sequence[Value], second: Value) -> float:
    """What rounding at every operation on the way may do to a result: each error, times the chain rule."""
    sizes = adjoints(order, second, lambda value: map(abs, value.partials), 1.0)
    total = fsum(size * abs(value.data) for value, size in sizes.items())
    return 4.0 * 2.0**-53 * total if isfinite(total) else 0.0


def _by_rules(order: Sequence[Value], second: Value, recorded: set[Value], least_bits: int) -> Any:
    """The second derivative by the rules over balls; None outside their domain.

    A rule may compute a constant, as 1 / 3 or the root of pi. It is recorded as a float, and so it is a ball
    that is as wide as its rounding.
    """
    constants = [v for v in order if not v.parents and v not in recorded and not _has_few_bits(v.data)]
    for bits in (b for b in BITS if b >= least_bits):
        m = Balls(bits)
        m.ties_within_radius = True
        with m.at_work():
            numbers = {v: m.number(arb(v.data, _CONSTANT * abs(v.data))) for v in constants}
            try:
                return replay(order, m, numbers)[second].still
            except UndecidedError:
                continue
            except UNDEFINED:
                return None
    return None


def _has_few_bits(x: float) -> bool:
    """Whether a float is exact for sure: a rounded one has all bits."""
    return not isfinite(x) or frexp(x)[0] * 2**26 % 1.0 == 0.0

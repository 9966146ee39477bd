"""Second derivatives, proved by three numbers: the engine's, the rules' in high precision, the truth."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

from engine.check.high_precision import agrees, local_slopes, settle
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.report import GradientComparison, GradientReport
from engine.check.subject import NotJudgedError, Run, Subject
from engine.check.truth import DIGITS, UNDEFINED, Slope, Truth, precision
from engine.check.verdict import (
    FULL_DIGITS,
    INCONCLUSIVE,
    KINK,
    RIGHT,
    ROUNDING,
    WRONG_RULE,
    Finding,
    right_digits,
)
from engine.derivatives import hessian
from engine.graph import topological
from engine.replay import replay
from engine.value import Value


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
    truth = Truth(subject)
    comparisons = []
    for i, j in combinations_with_replacement(range(len(subject.names)), 2):
        slope = _second(truth, i, j)
        finding = _judge(second[i][j], slope, run, least_digits)
        comparisons.append(
            GradientComparison(
                f"{subject.names[i]}, {subject.names[j]}",
                subject.point[i],
                truth=None if slope.value is None or finding.verdict == KINK else float(slope.value),
                left=None,
                right=None,
                engine=second[i][j].data,
                finding=finding,
            )
        )
    point = dict(zip(subject.names, subject.point, strict=True))
    return GradientReport(comparisons, f"second differences of {subject.text}", point=point)


def _second(truth: Truth, i: int, j: int) -> Slope:
    try:
        return truth.second(i, j)
    except (NotReplayableError, DifferentiatesItselfError) as error:
        reason = f"f cannot run in high precision: {error}"
        return Slope("unresolved", None, None, None, DIGITS[0], reason)


def _judge(second: Value, slope: Slope, run: Run, least_digits: float) -> Finding:
    truth = slope.value
    if truth is None:
        return Finding(INCONCLUSIVE, ok=False, why=slope.reason)
    order = topological([second])
    by_rules = _by_rules(order, second, truth)
    if by_rules is None or not agrees(by_rules, truth):
        found = local_slopes([*run.order, *order])
        wrong = [value.op for value, _, _, local in found if local.kind == "smooth"]
        if found and not wrong:
            return Finding(
                KINK, ok=False, why=f"{found[0][0].op} is at a kink, with the engine's convention there"
            )
        blame = (
            f": {wrong[0]} is at fault" if wrong else ", though each operation's first derivative is right"
        )
        return Finding(WRONG_RULE, ok=False, why=f"the rules give another second derivative{blame}")
    digits = right_digits(second.data, by_rules)
    if digits >= FULL_DIGITS:
        return Finding(RIGHT, ok=True, digits=digits)
    return Finding(ROUNDING, digits >= least_digits, digits, f"{digits:.0f} digits left")


def _by_rules(order: Sequence[Value], second: Value, truth: Any) -> Any:
    """The second derivative by the rules in high precision; None outside their domain."""
    try:
        return settle(lambda digits: replay(order, precision(digits), {})[second], truth)
    except UNDEFINED:
        return None

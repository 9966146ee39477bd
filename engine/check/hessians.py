"""Second derivatives, proved by the same three numbers: engine, rules in high precision, differences."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

from engine.check.high_precision import agrees, local_slopes
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.report import GradientComparison, GradientReport
from engine.check.subject import NotJudgedError, Run, Subject
from engine.check.truth import AGREEMENT, DIGITS, precision
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

_UNDEFINED = (ValueError, ArithmeticError, NotReplayableError, DifferentiatesItselfError)


def check_hessian(subject: Subject, least_digits: float) -> GradientReport:
    """Prove every second derivative of a subject.

    Args:
        subject: what to differentiate twice.
        least_digits: how many right decimal digits will do where rounding costs some.

    Returns:
        The report; a second derivative is named by both inputs, as in "x, y".
    """
    try:
        run = subject.record()
    except NotJudgedError as fault:
        return GradientReport(fault=str(fault), error=fault.__cause__)
    second = hessian(run.output, run.inputs)
    comparisons = []
    for i, j in combinations_with_replacement(range(len(subject.names)), 2):
        truth, reason = _second_difference(subject, i, j)
        finding = _judged(second[i][j], truth, reason, run, least_digits)
        comparisons.append(
            GradientComparison(
                f"{subject.names[i]}, {subject.names[j]}",
                subject.point[i],
                truth=None if truth is None or finding.verdict == KINK else float(truth),
                left=None,
                right=None,
                engine=second[i][j].data,
                finding=finding,
            )
        )
    point = dict(zip(subject.names, subject.point, strict=True))
    return GradientReport(comparisons, f"second differences of {subject.text}", point=point)


def _second_difference(subject: Subject, i: int, j: int) -> tuple[Any, str]:
    """The second derivative on which two precisions agree; or None and the reason."""
    before: list[Any] = []
    try:
        for digits in DIGITS:
            before.append(_difference(subject, i, j, digits))
            if len(before) > 1 and abs(before[-1] - before[-2]) <= AGREEMENT * abs(before[-1]):
                return before[-1], ""
            if len(before) > 2 and abs(before[-1]) < 1e-4 * abs(before[-2]) < 1e-8 * abs(before[-3]):
                return before[-1] * 0, ""
    except _UNDEFINED as error:
        return None, f"f raises near the point: {error}"
    return None, f"no two runs agreed, up to {DIGITS[-1]} digits: there may be a kink here"


def _difference(subject: Subject, i: int, j: int, digits: int) -> Any:
    """The central difference; its error is of the order of h**2, that of rounding of 1/h**2."""
    m = precision(digits)
    point = [m.number(x) for x in subject.point]
    h = [m.number(10) ** (-(digits // 4)) * (abs(x) if x else 1) for x in point]

    def at(up_i: int, up_j: int) -> Any:
        moved = list(point)
        moved[i] += up_i * h[i]
        moved[j] += up_j * h[j]
        return subject.over(m, moved)

    if i == j:
        return (at(1, 0) - 2 * at(0, 0) + at(-1, 0)) / h[i] ** 2
    return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h[i] * h[j])


def _judged(second: Value, truth: Any, reason: str, run: Run, least_digits: float) -> Finding:
    if truth is None:
        return Finding(INCONCLUSIVE, ok=False, why=reason)
    order = topological([second])
    by_rules = _by_rules(order, second, truth)
    if by_rules is None or not agrees(by_rules, truth):
        found = local_slopes([*run.order, *order])
        wrong = [value.op for value, _, _, slope in found if slope.kind == "smooth"]
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
    """What the rules give, with the digits at which they agree with the truth, or else with themselves."""
    before = None
    try:
        for digits in DIGITS:
            now = replay(order, precision(digits), {})[second]
            if agrees(now, truth) or (before is not None and agrees(now, before)):
                return now
            before = now
    except (ValueError, ArithmeticError):
        return None
    return before

"""Three numbers for one derivative, and what they mean.

- a: the engine's, in double precision;
- b: the engine's rules, over balls;
- c: the truth, from the function alone, over balls.

Where b differs from c, a rule is wrong; each operation is then checked on its own, to name the rule. Where b
equals c and a differs from b, the rules are right and rounding cost digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isinf, isnan, log10, ulp
from typing import Any

from engine.check.high_precision import Rules, agrees, widened
from engine.check.subject import GraphSubject, Run
from engine.check.truth import TOO_CLOSE, Slope, Truth, number_of
from engine.value import Value

RIGHT = "right"
WRONG_RULE = "wrong rule"
ROUNDING = "rounding"
KINK = "kink"
EDGE = "edge"
INCONCLUSIVE = "inconclusive"
IGNORED = "ignored"
DETACHED = "detached"
WRONG = "wrong"

_BITS_OF_DOUBLES = 53
_SAME = 1e-12  # relative: the floats that f took out of Values are rounded
_ANOTHER_BRANCH = "another branch may be taken by the exact numbers, or beside the point, than by the floats"
FULL_DIGITS = 12.7  # 2e-13 relative: a few hundred roundings in a row leave so many


@dataclass(frozen=True)
class Finding:
    """The verdict on one derivative of the engine.

    Args:
        verdict: one of the words above.
        ok: whether the engine's number may be used.
        digits: how many decimal digits of it are right; 0.0 if that is unknown.
        why: the reason, in words; may be empty.
    """

    verdict: str
    ok: bool
    digits: float = 0.0
    why: str = ""


def judge(run: Run, rules: Rules, value: Value, slope: Slope, least_digits: float) -> Finding:
    """The verdict on the engine's derivative by one input.

    Args:
        run: the graph, after `backward`.
        rules: its rules over balls.
        value: the input.
        slope: the truth.
        least_digits: how many right digits are enough.

    Returns:
        The finding.
    """
    a = value.grad
    if slope.kind in ("kink", "jump", "vertical"):
        return _at_a_kink(rules, a, slope)
    if value not in rules.values:
        return _not_recorded(run, rules, slope)
    if slope.value is None:
        return _without_slope(slope)
    if not rules.is_settled(value):
        return Finding(INCONCLUSIVE, ok=False, why=TOO_CLOSE)
    b = rules.derivative(value)
    if not b.is_finite() or not agrees(number_of(b), widened(slope, b)):
        return _not_the_slope(run, rules, value, slope)
    return _digits_of(run, rules, value, slope, least_digits)


def _digits_of(run: Run, rules: Rules, value: Value, slope: Slope, least_digits: float) -> Finding:
    """The rules are right: how many digits of the engine's number are?"""
    a, truth = value.grad, slope.value
    digits = right_digits(a, truth)
    if digits >= FULL_DIGITS or abs(truth - a) <= slope.error:
        known = known_digits(slope)
        if known < least_digits:
            return Finding(
                INCONCLUSIVE, ok=False, digits=known, why=f"the truth is known to {known:.0f} digits alone"
            )
        return Finding(RIGHT, ok=True, digits=min(max(digits, FULL_DIGITS), known))
    terms = number_of(rules.terms[value])
    of_terms = -log10(float(abs(truth - a) / terms)) if 0 < terms < inf and isfinite(a) else 0.0
    where = _where_digits_went(run, rules, digits)
    if of_terms >= FULL_DIGITS:
        why = (
            f"terms cancel to {_short(truth)}: right to {of_terms:.0f} digits of the largest, {_short(terms)}"
        )
        return Finding(RIGHT, ok=True, digits=of_terms, why=why)
    why = f"{max(digits, 0.0):.0f} digits left; the others were lost {where}"
    return Finding(ROUNDING, digits >= least_digits, digits, why)


def known_digits(slope: Slope) -> float:
    """How many digits of a slope its bound leaves; of differences in doubles they may be few.

    Args:
        slope: the truth.

    Returns:
        The digits; of a slope that may be 0, none in doubles, and all over balls, which settled it.
    """
    size = float(abs(slope.value))
    if slope.error == 0.0 or (size <= slope.error and slope.bits > _BITS_OF_DOUBLES):
        return inf
    return max(0.0, log10(size) - log10(slope.error)) if size > slope.error else 0.0


def right_digits(a: float, truth: Any) -> float:
    """How many decimal digits of a float are right: at most 17; 0.0 where it is NaN."""
    if isnan(a):
        return 0.0
    nearest = float(truth)
    if isinf(a) or isinf(nearest):  # beyond the largest float infinity is right, of the right sign
        return 17.0 if a == nearest else 0.0
    gap = abs(truth - a)
    if gap == 0:
        return 17.0
    digits = -log10(float(gap / abs(truth))) if truth else 0.0
    least = FULL_DIGITS if gap <= 4.0 * ulp(nearest) else 0.0  # as near as a rule, of the smallest floats
    return min(17.0, max(least, digits))


def _without_slope(slope: Slope) -> Finding:
    return Finding(EDGE if slope.kind == "edge" else INCONCLUSIVE, ok=False, why=slope.reason)


def _not_recorded(run: Run, rules: Rules, slope: Slope) -> Finding:
    if slope.value is not None and abs(slope.value) <= slope.error:
        if slope.bits > _BITS_OF_DOUBLES:  # 0 is right, as for an operand that max did not choose
            return Finding(IGNORED, ok=True, digits=17.0)
        why = "doubles show no influence, but they cannot prove it: compare Values, not float(...)"
        return Finding(IGNORED, ok=False, why=why)
    if slope.value is None and slope.kind in ("edge", "unresolved"):
        return _without_slope(slope)
    if not _is_recorded_branch(run, number_of(rules.values[run.output].still), slope):
        return Finding(INCONCLUSIVE, ok=False, why=_ANOTHER_BRANCH)
    return Finding(DETACHED, ok=False, why="f uses it without recording it, as .data or float(...)")


def _at_a_kink(rules: Rules, a: float, slope: Slope) -> Finding:
    low, high = sorted((float(slope.left), float(slope.right)))
    where = _names([value for value, _, _, local in rules.local_slopes if local.kind != "smooth"])
    sides = f"{slope.reason}: {_short(slope.left)} on the left, {_short(slope.right)} on the right"
    finding = f"{sides}; the engine gives {_short(a)}{', by the convention of ' + where if where else ''}"
    between = low <= a <= high and (slope.kind == "kink" or (slope.kind == "vertical" and isinf(a)))
    return Finding(KINK, between, why=finding)


def _not_the_slope(run: Run, rules: Rules, x: Value, slope: Slope) -> Finding:
    """The rules differ from the truth: a rule is wrong, a convention was used, or a part was not recorded."""
    a, b = x.grad, rules.derivative(x)
    found = rules.local_slopes
    wrong = [entry for entry in found if entry[3].kind == "smooth"]
    if wrong:
        others = [value for value, _, _, _ in wrong if value.op != wrong[0][0].op]
        more = f"; also that of {_names(others)}" if others else ""
        return Finding(WRONG_RULE, ok=False, why=_wrong_rule(*wrong[0]) + more)
    without_slope = [value for value, _, _, local in found if local.kind != "smooth"]
    if without_slope:
        near = right_digits(a, slope.value) >= FULL_DIGITS
        return Finding(
            KINK,
            ok=near,
            why=f"f is smooth here, with slope {_short(slope.value)}, but some of its operations are not: "
            f"the conventions of {_names(without_slope)} add up to {_short(a)}",
        )
    graph = Truth(GraphSubject(run.output, [x])).slope(0)
    if graph.value is None or not b.is_finite() or not agrees(number_of(b), widened(graph, b)):
        return Finding(INCONCLUSIVE, ok=False, why="the recorded graph has another slope than its rules")
    return not_recorded(run, slope, graph)


def not_recorded(run: Run, slope: Slope, graph: Slope) -> Finding:
    """What it means that the recorded graph, whose rules are right, has another slope than the function.

    Args:
        run: the graph.
        slope: the slope of the function.
        graph: that of the graph.

    Returns:
        The finding: a part was not recorded, or the exact numbers may take another branch.
    """
    of_graph = _short(graph.value)
    if not _is_recorded_branch(run, graph.at, slope):
        slopes = f"f has the slope {_short(slope.value)}, the recorded graph {of_graph}"
        return Finding(INCONCLUSIVE, ok=False, why=f"{_ANOTHER_BRANCH}: {slopes}")
    return Finding(
        DETACHED,
        ok=False,
        why=f"every rule is right, but the recorded graph gives {of_graph}: f also uses it without "
        "recording it, as .data or float(...)",
    )


def _is_recorded_branch(run: Run, recorded: Any, slope: Slope) -> bool:
    """Whether the exact numbers surely take the branches that the floats took: f is then what is recorded."""
    if slope.beside or slope.at is None or recorded is None:
        return False
    size = max(abs(v.data) for v in (run.output, *run.output.parents))
    return bool(abs(slope.at - recorded) <= _SAME * size)


def _wrong_rule(value: Value, k: int, partial: Any, slope: Slope) -> str:
    operands = ", ".join(f"{p.label} = {p.data:.6g}" if p.label else f"{p.data:.6g}" for p in value.parents)
    by = "" if len(value.parents) == 1 else f" by operand {k + 1}"
    given, truth = _told_apart(partial, slope.value)
    return f"the rule of {value.op} gives {given}{by} at ({operands}), where the slope is {truth}"


def _told_apart(a: Any, b: Any) -> tuple[str, str]:
    """Two numbers, with enough digits to show that they differ."""
    for digits in range(6, 18):
        shown = f"{float(a):.{digits}g}", f"{float(b):.{digits}g}"
        if shown[0] != shown[1]:
            break
    return shown


def _where_digits_went(run: Run, exact: Rules, digits: float) -> str:
    """The first place, in the forward or then the backward pass, with about the error of the result."""
    for value in run.order:
        if _lost(value.data, exact.values[value].still, digits):
            return f"in the forward pass, at {_expression(value)}"
    for value in run.order:
        if any(_lost(p, q.still, digits) for p, q in zip(value.partials, exact.partials(value), strict=True)):
            return f"in the derivative of {_expression(value)}"
    for value in reversed(run.order):
        if _lost(value.grad, exact.derivative(value), digits):
            return f"in the backward pass, in the sum of the terms of {value.label or _expression(value)}"
    return "gradually"


def _lost(a: float, exact: Any, digits: float) -> bool:
    return right_digits(a, number_of(exact)) <= digits + 1.0


def _expression(value: Value) -> str:
    operands = ", ".join(p.label or f"{p.data:.6g}" for p in value.parents[:4])
    return f"{value.op}({operands}{', ...' if len(value.parents) > 4 else ''})"


def _names(values: Sequence[Value]) -> str:
    return " and ".join(dict.fromkeys(value.op for value in values))


def _short(x: Any) -> str:
    y = float(x)
    return f"{y:+.0f}" if abs(y) == inf else f"{y:.6g}"

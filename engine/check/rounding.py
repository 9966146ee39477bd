"""What rounding explains: a number that was truncated, rounded too early, or computed with few digits."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor, isfinite, log10

from engine.backprop import adjoints
from engine.check.claims import Claim, told_from
from engine.check.subject import Run
from engine.numbers import floats
from engine.ops import OPS
from engine.value import Value

_LEAST_DIGITS = 4.0  # right digits of a number that was meant to be right


def explain(
    claim: Claim, truth: float, mistakes: Sequence[str], run: Run | None, x: Value | None
) -> Sequence[str]:
    """Why a claim is wrong, in words.

    Args:
        claim: a claim that does not fit.
        truth: the derivative.
        mistakes: the mistakes of the backward pass that give the claimed number.
        run: the graph, after `backward`; None where there is none.
        x: the input of the derivative.

    Returns:
        What rounding explains, if it does, before and in place of the mistakes; it needs no other reason.

    Example:
        >>> explain(Claim.of("0.76"), 0.7672, [], None, None)
        ['truncated, not rounded: it rounds to 0.77']
    """
    if not (isfinite(claim.value) and isfinite(truth)):
        return mistakes
    early = _rounded_early(claim, truth, run, x)
    if truncated := _truncated(claim, truth):
        return truncated + early
    return mistakes or early or _few_digits(claim, truth)


def sizes_of_terms(run: Run) -> dict[Value, float]:
    """For each value the sum of the sizes of the terms that make its derivative.

    Args:
        run: the graph.

    Returns:
        The derivative with every partial replaced by its size: what its rounding errors are relative to.

    Example:
        >>> from engine import Value, exp
        >>> from engine.graph import topological
        >>> x = Value(1.0)
        >>> y = exp(x) - 2.0 * exp(x)
        >>> sizes_of_terms(Run(y, [x], topological([y])))[x]  # e + 2 e
        8.154845485377136
    """
    sizes = adjoints(run.order, run.output, lambda v: [abs(p) for p in v.partials], 1.0)
    return {value: size for value, size in sizes.items() if isfinite(size)}


def _truncated(claim: Claim, truth: float) -> list[str]:
    if claim.decimals is None:
        return []
    unit = Fraction(10) ** claim.decimals
    claimed, exact = round(Fraction(claim.value) * unit), Fraction(truth) * unit
    if abs(claimed) < 10 or claimed != int(exact) or claimed == round(exact):
        return []  # one digit alone is too often near
    return [f"truncated, not rounded: it rounds to {_printed(truth, claim)}"]


def _printed(x: float, claim: Claim) -> str:
    """A number with as many decimals as a claim has."""
    decimals = claim.decimals or 0
    if decimals >= 0 and "e" not in claim.text.lower() and len(claim.text) < 25:
        return f"{x:.{decimals}f}"
    return f"{x:.{max(_significant(claim) - 1, 0)}e}"


def _significant(claim: Claim) -> int:
    """How many significant digits are printed."""
    if claim.decimals is None or claim.value == 0.0:
        return 0
    return max(claim.decimals + floor(log10(abs(claim.value))) + 1, 0)


def _rounded_early(claim: Claim, truth: float, run: Run | None, x: Value | None) -> list[str]:
    """Whether the number comes out with every step rounded to its decimals."""
    d = claim.decimals
    if d is None or run is None or x is None or not 1 <= d <= 12 or _significant(claim) < 2:
        return []
    if abs(claim.value - truth) > 0.2 * abs(truth):
        return []
    try:
        fits = any(
            claim.fits(_with_decimals(run, d, derivatives).get(x, 0.0)) for derivatives in (True, False)
        )
    except (ValueError, ArithmeticError):
        return []
    return [f"rounded too early: with {d} decimals at every step it is {claim.text}"] if fits else []


def _with_decimals(run: Run, decimals: int, derivatives: bool) -> dict[Value, float]:
    """The gradient where every value, and perhaps every partial, is rounded."""
    values: dict[Value, float] = {}
    for v in run.order:
        operands = [values[p] for p in v.parents]
        values[v] = round(OPS[v.op].forward(floats, *operands), decimals) if operands else v.data

    def partials(v: Value) -> Sequence[float]:
        operands = [values[p] for p in v.parents]
        found = OPS[v.op].partials(floats, values[v], *operands) if operands else ()
        return [round(p, decimals) for p in found] if derivatives else found

    return adjoints(run.order, run.output, partials, 1.0)


def _few_digits(claim: Claim, truth: float) -> list[str]:
    """What a number is that is right, but not to the digits that it claims."""
    gap = abs(claim.value - truth)
    if claim.exact and gap < 0.5 and claim.value == round(truth) != 0:
        return [
            f"{claim.text} claims exactly that number: give the decimals, {told_from(truth, claim.value)}"
        ]
    if not truth or not gap or (right := floor(-log10(gap / abs(truth)))) < _LEAST_DIGITS:
        return []
    said = f"right to {right} digits"
    if claim.narrow:
        return [f"{said}, fewer than {claim.narrow} has: compute it in float64"]
    if claim.decimals is None:
        return [f"{said}: it looks like a finite difference; give it as text to claim only its decimals"]
    if _significant(claim) > right:
        return [f"{said} of the {_significant(claim)} that it claims: leave out the others"]
    return [f"its last decimal is off: it rounds to {_printed(truth, claim)}"]

"""What rounding may leave of a derivative, and numbers that are right to few digits."""

from math import floor, isfinite, log10

from engine.backprop import adjoints
from engine.check.subject import Run
from engine.claims import Claim, told_from
from engine.value import Value

_LEAST_DIGITS = 4.0  # right digits of a number that was meant to be right


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


def few_digits(claim: Claim, truth: float) -> list[str]:
    """What a number is that is right, but not to the digits that it claims.

    Args:
        claim: a claim that does not fit.
        truth: the derivative.

    Returns:
        A hint in words; an empty list where there is none.

    Example:
        >>> few_digits(Claim.of(12.0000006), 12.0)[0][:17]
        'right to 7 digits'
    """
    if not (isfinite(claim.value) and isfinite(truth)):
        return []
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

"""Mistakes of rounding: digits cut off, or rounded at every step."""

from collections.abc import Iterator
from fractions import Fraction
from math import floor, isfinite, log10, nan

from engine.mistakes.computation import Change, Computation, Known, Quantity, rounded
from engine.mistakes.mistake import Case, Mistake

_NEAR = 0.2  # relative: what rounding may change by


def _truncated(own: Computation) -> Iterator[Case]:
    for q, claim in own.claimed.items():
        follows = own.follows[q].number if q in own.follows else nan
        if claim.error and isfinite(follows):
            decimals = _decimals(claim)
            unit = Fraction(10) ** decimals
            cut = float(int(Fraction(follows) * unit) / unit)
            if _is_claimed(own, q, cut) and abs(cut * unit) >= 10:  # one digit alone is too often near
                text = f"truncated, not rounded: it rounds to {follows:.{max(decimals, 0)}f}"
                yield Case(text, Change(results={q: cut}), "truncated, not rounded")


def _early(own: Computation) -> Iterator[Case]:
    """Every step rounded to the decimals of the claim."""
    for decimals in {_decimals(claim) for claim in own.claimed.values() if claim.error}:
        if not 1 <= decimals <= 12:
            continue
        for partials_too in (True, False):
            found = rounded(own, decimals, partials_too)
            for q, claim in own.claimed.items():
                if q in found and q in own.follows and claim.error and _decimals(claim) == decimals:
                    number, right = round(found[q], decimals), own.follows[q].number
                    if _is_claimed(own, q, number) and abs(number - right) <= _NEAR * abs(right):
                        said = f"rounded too early: with {decimals} decimals at every step it is"
                        change = Change(results={q: number})
                        yield Case(f"{said} {number:.{decimals}f}", change, "rounded too early")


def _is_claimed(own: Computation, q: Quantity, number: float) -> bool:
    """Whether the claim is that very number, without room for the rounding of what came before; or right."""
    claim = own.claimed[q]
    return abs(claim.number - number) < claim.error or claim.number == own.follows[q].number


def _decimals(claim: Known) -> int:
    return -floor(log10(2.0 * claim.error) + 0.5)


ROWS = (
    Mistake(
        "truncated",
        "digits are cut off in place of rounded",
        "0.76 for 0.7672",
        "A number is rounded to the nearest decimal.",
        "Look at the first digit that is left out: from 5 on round up.",
        "",
        _truncated,
    ),
    Mistake(
        "rounded-too-early",
        "rounded too early",
        "the last printed decimals are off",
        "Errors of rounding are carried on, and grow.",
        "Keep two more digits than you print until the end.",
        "",
        _early,
    ),
)

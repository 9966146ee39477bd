"""Mistakes made on purpose: the numbers of somebody who makes one and goes on with what came out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.mistakes.computation import Known, Problem, Quantity, compute
from engine.mistakes.diagnosis import together
from engine.mistakes.mistake import Mistake


@dataclass(frozen=True)
class Planted:
    """A computation with a mistake in it.

    Args:
        mistake: the row of the catalogue.
        text: the mistake in words, with the names of the numbers.
        numbers: what was asked for, as it comes out.
    """

    mistake: Mistake
    text: str
    numbers: Mapping[Quantity, float]


def plant(
    problem: Problem, asked: Sequence[Quantity], mistake: Mistake, rng: random.Random, decimals: int = 4
) -> Planted | None:
    """Make a mistake in a computation, at a place chosen by chance or wherever it can be made.

    Args:
        problem: the computation.
        asked: the quantities that are asked for.
        mistake: a row of the catalogue.
        rng: what chooses.
        decimals: how many decimals are printed; some mistakes are mistakes of rounding.

    Returns:
        The computation with the mistake; None if it cannot be made here, or makes no printed difference.
    """
    if mistake.cases is None:
        return None
    right = compute(problem, {}).follows
    half_unit = 0.5 * 10.0**-decimals
    own = compute(problem, {q: Known(right[q].number, half_unit, frozenset([q])) for q in asked})
    cases = list(mistake.cases(own))
    cases += together(cases)
    rng.shuffle(cases)
    for case in cases:
        given = {q: Known(x) for q, x in case.change.results.items()}
        result = compute(problem, given, case.change)
        numbers = {q: result.known(q).number for q in asked}
        if _differ(numbers.values(), [right[q].number for q in asked], half_unit):
            return Planted(mistake, case.text, numbers)
    return None


def _differ(a: Iterable[float], b: Iterable[float], half_unit: float) -> bool:
    """Whether some numbers are printed otherwise, and all are finite."""
    pairs = list(zip(a, b, strict=True))
    return all(x - x == 0.0 for x, _ in pairs) and any(abs(x - y) > 2.0 * half_unit for x, y in pairs)

"""Papers with planted mistakes: for practice in finding them, and to try the marks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nn.exercises.exercise import Exercise, answers

_DECIMALS = 4


@dataclass(frozen=True)
class PlantedPaper:
    """A paper, and what is wrong in it.

    Args:
        claims: the numbers as printed, by name.
        mistakes: the mistakes that were planted.
    """

    claims: Mapping[str, str]
    mistakes: Sequence[str] = ()


def planted(exercise: Exercise, rng: random.Random) -> PlantedPaper:
    """A paper as somebody may hand it in.

    Args:
        exercise: the exercise that it answers.
        rng: what chooses the mistakes.

    Returns:
        The paper. As long as no mistake can be planted it is right, to four decimals.
    """
    return PlantedPaper({name: f"{x:.{_DECIMALS}f}" for name, x in answers(exercise).items()})

"""Papers with planted mistakes: for practice in finding them, and to try the marks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from engine.grading.names import Vocabulary
from engine.mistakes import CATALOGUE, Mistake
from engine.mistakes.computation import Problem
from engine.mistakes.planting import plant
from nn.exercises.exercise import Exercise, answers, find_exercise
from nn.exercises.papers import PaperError, mark_entries
from nn.exercises.papers import mark as mark_paper

_DECIMALS = 4


@dataclass(frozen=True)
class PlantedPaper:
    """A paper, and what is wrong in it.

    Args:
        claims: the numbers as printed, by name.
        mistakes: the ids of the mistakes that were planted.
        words: the mistakes in words, with the names of the numbers.
    """

    claims: Mapping[str, str]
    mistakes: Sequence[str] = ()
    words: Sequence[str] = ()


def planted(exercise: Exercise, rng: random.Random, mistake: str = "") -> PlantedPaper:
    """A paper as somebody hands it in who makes one mistake and goes on with what came out.

    Args:
        exercise: the exercise that it answers.
        rng: what chooses the mistake and its place.
        mistake: the id of a mistake in the catalogue; empty for any.

    Returns:
        The paper; a right one if no mistake can be made.

    Raises:
        ValueError: if there is no such mistake.

    Example:
        >>> from nn.exercises.exercise import article
        >>> planted(article(), random.Random(0), "weight-for-rate").words[0]
        'the gradient is multiplied by the weight itself in place of the learning rate'
    """
    rows = [find_mistake(mistake)] if mistake else rng.sample(list(CATALOGUE.values()), len(CATALOGUE))
    words = Vocabulary(exercise.order, exercise.output)
    asked = [words.find(name) for name in exercise.asked]
    names = dict(zip(asked, exercise.asked, strict=True))
    problem = Problem(exercise.order, exercise.output, exercise.moved, exercise.learning_rate, names)
    for row in rows:
        made = plant(problem, asked, row, rng, _DECIMALS)
        if made is not None:
            numbers = _printed(dict(zip(exercise.asked, (made.numbers[q] for q in asked), strict=True)))
            if not mark_entries(numbers.items(), exercise).ok:  # digits may be off by no more than rounding
                return PlantedPaper(numbers, [row.id], [made.text])
    return PlantedPaper(_printed(answers(exercise)))


def has_room_for(mistake: str) -> Callable[[Exercise], bool]:
    """Whether a mistake can be made in an exercise, as a condition for `generate`.

    Args:
        mistake: the id of the mistake; empty for an exercise without a condition.

    Returns:
        A function of an exercise.

    Raises:
        ValueError: if there is no such mistake.
    """
    if not mistake:
        return lambda exercise: True
    find_mistake(mistake)
    return lambda exercise: bool(planted(exercise, random.Random(0), mistake).mistakes)


def last_mistake(paper: Path, exercise: str) -> str:
    """The id of the last mistake that is found in a paper.

    Args:
        paper: the file of the paper.
        exercise: the exercise that it answers, a file or "article".

    Returns:
        The id.

    Raises:
        ValueError: if no mistake is found.
    """
    try:
        marks = mark_paper(paper, find_exercise(exercise)).marks
    except PaperError as error:
        raise ValueError(f"{paper}: {error}") from None
    found = [mark.ids[0] for mark in marks if mark.ids]
    if not found:
        raise ValueError(f"{paper}: no mistake is known in it that could be practised")
    return found[-1]


def find_mistake(name: str) -> Mistake:
    """A row of the catalogue that can be planted.

    Args:
        name: its id.

    Returns:
        The row.

    Raises:
        ValueError: if there is none, with the nearest ids.
    """
    ids = [row.id for row in CATALOGUE.values() if row.cases is not None]
    if name in CATALOGUE and name not in ids:
        raise ValueError(f"{name} is a mistake in engines: no numbers of an exercise show it")
    if name not in ids:
        close = get_close_matches(name, ids, 3) or ids
        raise ValueError(f"there is no mistake {name!r} to plant; give one of {', '.join(close)}")
    return CATALOGUE[name]


def _printed(numbers: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{x:.{_DECIMALS}f}" for name, x in numbers.items()}

"""A mistake: what every row of the catalogue says of it, and how it is made in a computation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.mistakes.computation import Change, Computation


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make.

    Args:
        id: its name in data and on the command line, such as "derivative-left-out".
        name: the mistake in a few words, such as "the derivative of a function is left out".
        looks_like: how it shows in the numbers, or in a program.
        why: why it is wrong, in sentences.
        remedy: what to do instead, in sentences.
        equation: the right equation and the wrong one, in LaTeX; may be empty.
        cases: every way to make it in a computation; None for a mistake that shows in programs only.
    """

    id: str
    name: str
    looks_like: str
    why: str
    remedy: str
    equation: str = ""
    cases: Callable[[Computation], Iterator[Case]] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Case:
    """One way to make a mistake in a computation.

    Args:
        text: the mistake in words, with the names of the numbers.
        change: what it changes.
        everywhere: in words, what is said if it is made wherever it can be; cases with the same words belong
            together. Empty if it is not a habit.
        layer: which of these cases lie side by side in a network.
    """

    text: str
    change: Change
    everywhere: str = ""
    layer: int = 0

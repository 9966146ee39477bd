"""A mistake: what every row of the catalogue says of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, in words.

    Args:
        id: its name in data and on the command line, such as "derivative-left-out".
        name: the mistake in a few words, "the derivative of the activation is left out".
        looks_like: how it shows in the numbers, or in a program.
        why: why it is wrong.
        remedy: what to do instead.
        equation: the right equation and the wrong one, in LaTeX; may be empty.
    """

    id: str
    name: str
    looks_like: str
    why: str
    remedy: str
    equation: str = ""

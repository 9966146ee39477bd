"""The catalogue as a page of Markdown, and each mistake as a card."""

from engine.mistakes.catalogue import CATALOGUE
from engine.mistakes.mistake import Mistake

_TITLE = """# Mistakes

What people do wrong in derivatives, in networks, in hand computations and in engines of their own. The
checker, the grader and the judge name them by these ids, and give a reason only if it predicts every number
that it affects.
"""


def card(mistake: Mistake) -> str:
    r"""A mistake in Markdown.

    Args:
        mistake: a row of the catalogue.

    Returns:
        Its name, how it looks, why it is wrong and what to do.

    Example:
        >>> print(card(CATALOGUE["sign"]))
        ### The sign is flipped
        <BLANKLINE>
        `sign`
        <BLANKLINE>
        - It looks like this: the number with the other sign.
        - Why it is wrong: The sign of a derivative says which way the output moves.
        - What to do: Check every minus: of a difference, such as o - y, or of a derivative: cos' = -sin.
        <BLANKLINE>
        $\frac{\partial}{\partial o} (o - y)^2 = 2 (o - y)$
    """
    equation = f"\n\n${mistake.equation}$" if mistake.equation else ""
    return (
        f"### {mistake.name[0].upper()}{mistake.name[1:]}\n\n`{mistake.id}`\n\n"
        f"- It looks like this: {mistake.looks_like}.\n"
        f"- Why it is wrong: {mistake.why}\n"
        f"- What to do: {mistake.remedy}{equation}"
    )


def page() -> str:
    """The whole catalogue in Markdown."""
    return "\n\n".join([_TITLE.rstrip(), *map(card, CATALOGUE.values())]) + "\n"

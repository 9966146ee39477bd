"""A paper, marked as it was handed in: what cannot be read is a mark of its own, and the rest is marked."""

import re
from collections.abc import Sequence
from math import nan
from typing import Any

from engine.claims import Claim
from engine.grading.grading import grade, moved_leaves
from engine.grading.marks import Mark
from engine.grading.names import UnknownNameError, Vocabulary
from engine.grading.report import UNREADABLE, GradeReport
from engine.graph import topological
from engine.report import visible
from engine.value import Value, shortened

# --- Numbers, as people write them.

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_UNIT = re.compile(rf"({_NUMBER}) +[a-zA-ZµΩ°][a-zA-Z²³·/]{{0,3}}")
_MULTIPLES = re.compile(
    r".* (?:k|mio|mrd|tsd|mill|bn|dex)", re.IGNORECASE
)  # not a unit: they change the number
_COMMA = re.compile(r"([+-]?(?:0|[0-9]+(?=,(?![0-9]{3}(?![0-9])))|(?=,))),([0-9]+(?:[eE][+-]?[0-9]+)?)")
_SIGNS = str.maketrans({"−": "-", "–": "-", "⁄": "/", "∕": "/", "'": "", "\u00a0": " ", "\u202f": " "})
_LONGEST = 400  # characters; more than any number of double precision needs


def printed_number(text: str) -> str:
    """A number as `grade` takes it, from the way that it was written on a paper.

    A typographic minus, a decimal comma, a unit and an equals sign are understood. A comma before three
    digits is not: 1,234 may be either number.

    Args:
        text: what was written.

    Returns:
        The number with a decimal point, and with the same decimals; anything else as it was.

    Example:
        >>> [printed_number(text) for text in ("−0,0497", "= 0.5 V", "1,234", "1/3", "about 3")]
        ['-0.0497', '0.5', '1,234', '1/3', 'about 3']
    """
    if len(text) > _LONGEST:
        return text
    number = re.sub(r"^([+-])\s+", r"\1", text.translate(_SIGNS).strip().lstrip("=≈").strip())
    if (measured := _UNIT.fullmatch(number.replace(",", "."))) and not _MULTIPLES.fullmatch(number):
        number = number[: len(measured[1])]
    if with_comma := _COMMA.fullmatch(number):
        return f"{with_comma[1]}.{with_comma[2]}"
    return number


# --- A paper.


def grade_paper(
    output: Value,
    entries: Sequence[tuple[str, Any]],
    *,
    learning_rate: float | None = None,
    parameters: Sequence[Value] | None = None,
    asked: Sequence[str] | None = None,
) -> GradeReport:
    """Mark what somebody handed in, whatever it is.

    Args:
        output: the recorded output, as for `grade`.
        entries: names and what was written for each, in order. Names and numbers are understood as people
            write them.
        learning_rate: the learning rate of the step.
        parameters: the leaves that the step moves, as for `grade`.
        asked: the quantities that were asked for; None for all that have a name.

    Returns:
        The report under the standard names. An entry that cannot be read is "unreadable", with what to write.
        What was asked for and is not among the entries is missing.

    Raises:
        LookupError: if a name in `asked` is not that of a quantity.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> z = w * x
        >>> z.label = "z"
        >>> report = grade_paper(z * z, [("z", "1,5"), ("∂E/∂w", "9 or so"), ("v", "1")])
        >>> report.verdicts
        {'z': 'right', 'dE/dw': 'unreadable', 'v': 'unreadable'}
        >>> report.missing
        ['delta', 'dE/dx']
    """
    order = topological([output])
    words = Vocabulary(order, output)
    asked = (
        words.all(learning_rate, moved_leaves(order, parameters))
        if asked is None
        else [words.standard(words.find(name)) for name in asked]
    )
    claims: dict[str, str] = {}
    unreadable: list[Mark] = []
    for name, written in entries:
        label = _shown(name)
        try:
            label = words.standard(words.find(name))
            _refuse_twice(label, claims)
            claims[label] = _number(written)
        except UnknownNameError as error:
            near = f"; the nearest is {error.nearest}" if error.nearest else ""
            unreadable.append(_unreadable(label, written, f"the exercise has no quantity of this name{near}"))
        except (LookupError, ValueError, TypeError) as error:
            unreadable.append(_unreadable(label, written, str(error)))
    marks = grade(output, claims, learning_rate=learning_rate, parameters=parameters).marks if claims else []
    return GradeReport([*marks, *unreadable], asked)


def _refuse_twice(name: str, claims: dict[str, str]) -> None:
    if name in claims:
        raise ValueError(f"a second number for this quantity: the first, {claims[name]}, is marked")


def _number(written: Any) -> str:
    if not isinstance(written, str):
        raise TypeError("this is not a number; write it as 0.0497, 4.97e-2 or 1/3")
    number = printed_number(written)
    if not number:
        raise ValueError("nothing is written here; write a number, such as 0.0497")
    Claim.of(number)
    return number


def _unreadable(name: str, written: Any, why: str) -> Mark:
    return Mark(
        name, _shown(written if isinstance(written, str) else repr(written)), nan, nan, UNREADABLE, [why]
    )


def _shown(text: str) -> str:
    """A stranger's text, short and visible."""
    return visible(shortened(text[:1000]))

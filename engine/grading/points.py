"""Points for a marked computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any

from engine.report import Block, Report, Table

if TYPE_CHECKING:
    from engine.grading.marks import Mark

MISSING = "missing"


@dataclass(frozen=True)
class QuantityPoints:
    """The points for one quantity.

    Args:
        name: of the quantity.
        verdict: on it, or "missing".
        points: those that were given.
        maximum: those that it is worth.
        why: what the mark says.
    """

    name: str
    verdict: str
    points: float
    maximum: float
    why: str = ""


@dataclass(frozen=True)
class Score(Report):
    """The points for a paper. `GradeReport.score` gives them.

    Args:
        quantities: the points for each quantity.
    """

    quantities: Sequence[QuantityPoints]

    @property
    def total(self) -> float:
        """The points that were given."""
        return round(fsum(q.points for q in self.quantities), 9)

    @property
    def maximum(self) -> float:
        """The points that the paper is worth."""
        return round(fsum(q.maximum for q in self.quantities), 9)

    @property
    def ok(self) -> bool:
        """Whether every point was given."""
        return all(q.points == q.maximum for q in self.quantities)

    @property
    def headline(self) -> str:
        """The result in one line."""
        return f"{written(self.total)} of {written(self.maximum)} points"

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each quantity."""
        rows = [
            Block([(q.name, written(q.points), written(q.maximum), q.verdict)], [q.points == q.maximum])
            for q in self.quantities
        ]
        return [Table(("quantity", "points", "of", "mark"), rows, align="lrrl")]

    def data(self) -> dict[str, Any]:
        """The points as data."""
        return {
            "total": self.total,
            "maximum": self.maximum,
            "quantities": [asdict(q) for q in self.quantities],
        }


def written(points: float) -> str:
    """Points as they are printed.

    Example:
        >>> written(7.5), written(10.0), written(10 / 3)
        ('7.5', '10', '3.33')
    """
    return f"{points:.2f}".rstrip("0").rstrip(".")


def score(
    marks: Sequence[Mark],
    asked: Sequence[str],
    parts: Mapping[str, float],
    points: float | Mapping[str, float],
) -> Score:
    """The points for marks.

    Args:
        marks: the marks.
        asked: the names of the quantities that count.
        parts: the part of its points that a quantity gets, by verdict; none for another verdict.
        points: those of the whole paper, shared equally; or those of each quantity, by patterns of names.

    Raises:
        ValueError: if points are not numbers that may be given, or a pattern fits no quantity.
    """
    by_name: dict[str, Mark] = {}
    for mark in marks:
        if mark.name not in by_name or by_name[mark.name].verdict not in parts:
            by_name[mark.name] = mark  # of several, the one that could be read
    found = []
    for name, maximum in _worth(asked, points).items():
        mark_or_none = by_name.get(name)
        verdict = mark_or_none.verdict if mark_or_none else MISSING
        why = "; or ".join(mark_or_none.why) if mark_or_none else "not handed in"
        found.append(QuantityPoints(name, verdict, maximum * parts.get(verdict, 0.0), maximum, why))
    return Score(found)


def _worth(asked: Sequence[str], points: float | Mapping[str, float]) -> dict[str, float]:
    """The points of each quantity that has some."""
    if not isinstance(points, Mapping):
        refuse_points(points)
        return dict.fromkeys(asked, points / len(asked)) if asked else {}
    worth: dict[str, float] = {}
    for pattern, each in points.items():
        refuse_points(each, pattern)
        fitting = [name for name in asked if fnmatchcase(name, pattern)]
        if not fitting:
            raise ValueError(
                f"points for {pattern!r}: no quantity fits; they are {', '.join(asked) or 'none'}"
            )
        worth = {**dict.fromkeys(fitting, each), **worth}  # the first pattern that fits counts
    return {name: worth[name] for name in asked if name in worth}


def refuse_points(points: float, what: str = "") -> None:
    """Raise ValueError if points are negative or not finite."""
    if not (isfinite(points) and points >= 0.0):
        about = f" for {what!r}" if what else ""
        raise ValueError(f"{points:g} points{about}: give a number that is not negative, such as 10")

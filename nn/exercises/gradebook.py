"""The marks of a class for other programs: a gradebook in CSV, and results for Gradescope."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from engine.grading import GradeReport, PapersReport, Score
from engine.grading.marks import CARRIED_FORWARD, RIGHT, WRONG_HERE
from engine.grading.points import written
from engine.grading.report import UNREADABLE
from engine.report import visible

_HEADER = (
    *("paper", "points", "of", "right", "wrong", "carried", "unreadable", "missing"),
    *("first wrong", "mistakes", "cannot be read"),
)
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute


def points_of(texts: Sequence[str]) -> float | dict[str, float]:
    """Points as they are typed.

    Args:
        texts: one number for the whole paper, "10"; or points for each quantity of a pattern, "delta_*=2".

    Returns:
        The points, as `GradeReport.score` takes them.

    Raises:
        ValueError: if they are neither.

    Example:
        >>> points_of(["10"]), points_of(["delta_*=2", "*=0.5"])
        (10.0, {'delta_*': 2.0, '*': 0.5})
    """
    by_pattern = [text.rpartition("=") for text in texts]
    try:
        if len(texts) == 1 and not by_pattern[0][1]:
            return float(texts[0])
        if not all(pattern and number for pattern, _, number in by_pattern):
            raise ValueError  # told below
        return {pattern.strip(): float(number) for pattern, _, number in by_pattern}
    except ValueError:
        raise ValueError(
            f"--points {' '.join(texts)}: give the points of a paper, such as 10, or those of each quantity, "
            "such as 'delta_*=2' and '*=1'"
        ) from None


def gradebook(report: PapersReport) -> str:
    """The marks of a class as a table.

    Args:
        report: the marks, with points (`PapersReport.scored`) or without.

    Returns:
        CSV: a row for each paper. No cell is a formula to a spreadsheet, and none moves a terminal's cursor.
    """
    rows = [_HEADER, *(_row(paper, graded, report) for paper, graded in report.reports.items())]
    rows += [(paper, *[""] * (len(_HEADER) - 2), why) for paper, why in report.unread.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(map(_cell, row)) for row in rows])
    return text.getvalue()


def _row(paper: str, graded: GradeReport, report: PapersReport) -> tuple[str, ...]:
    score, first = report.scores.get(paper), graded.first_wrong
    counts = [graded.counts[verdict] for verdict in (RIGHT, WRONG_HERE, CARRIED_FORWARD, UNREADABLE)]
    return (
        paper,
        *((written(score.total), written(score.maximum)) if score else ("", "")),
        *map(str, [*counts, len(graded.missing)]),
        first.name if first else "",
        "; ".join(graded.mistakes),
        "",
    )


def _cell(text: str) -> str:
    text = visible(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def gradescope(result: Score | str, visibility: str = "visible") -> dict[str, Any]:
    """The result of one paper in the format of Gradescope's `results.json`.

    Args:
        result: the points for the paper; or why it could not be read, which gives none.
        visibility: of the points to the student: visible, hidden, after_due_date or after_published.

    Returns:
        The results: a test for each quantity.
    """
    if isinstance(result, str):
        return {"score": 0.0, "output": visible(result), "visibility": visibility, "tests": []}
    tests = [
        {
            "name": q.name,
            "score": round(q.points, 9),
            "max_score": round(q.maximum, 9),
            "status": "passed" if q.points == q.maximum else "failed",
            "output": f"{q.verdict}: {q.why}" if q.why else q.verdict,
            "visibility": visibility,
        }
        for q in result.quantities
    ]
    return {"score": result.total, "output": result.headline, "visibility": visibility, "tests": tests}

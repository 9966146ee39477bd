"""Marking at a desk: one exercise, a heap of papers, and everything that is made of their marks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.grading import PapersReport
from nn.exercises import gradebook as books
from nn.exercises.exercise import find_exercise
from nn.exercises.papers import mark_all, template

_MANY = 20  # papers that take long enough for a bar


class Desk:
    """Where the papers of one exercise are marked.

    Args:
        exercise: its file, or `article`.
        points: for a paper or for its quantities, as they are typed; None for no points.
        carried_forward: the part of its points that a number gets that is carried forward.
    """

    def __init__(
        self, exercise: str, points: Sequence[str] | None = None, carried_forward: float = 1.0
    ) -> None:
        self.exercise = find_exercise(exercise)
        self.points = books.points_of(points) if points else None
        self.carried_forward = carried_forward

    def template(self, path: Path | None) -> str:
        """An empty paper: written to a file, or as text.

        Args:
            path: the file; None for the text in CSV.

        Returns:
            What to print.
        """
        if path is None:
            return template(self.exercise)
        _write(path, template(self.exercise, path.suffix))
        return f"empty paper written to {path}\n"

    def mark(self, papers: Sequence[Path], *, progress: bool = False) -> PapersReport:
        """The marks of all papers, with points if there are any."""
        from tqdm import tqdm

        bar = tqdm(papers, "marking", leave=False, disable=not progress or len(papers) < _MANY)
        report = mark_all(bar, self.exercise)
        if self.points is None:
            return report
        return report.scored(self.points, carried_forward=self.carried_forward)

    def write(
        self,
        report: PapersReport,
        *,
        gradebook: Path | None = None,
        gradescope: Path | None = None,
        feedback: Path | None = None,
    ) -> Iterator[Path]:
        """Write what was asked for.

        Args:
            report: the marks.
            gradebook: the file of the table of marks.
            gradescope: the file of the results of the only paper.
            feedback: the folder of the reports on each paper.

        Yields:
            What was written.
        """
        if gradebook is not None:
            _write(gradebook, books.gradebook(report))
            yield gradebook
        if gradescope is not None:
            _write(gradescope, _json(self._results(report)))
            yield gradescope
        if feedback is not None:
            feedback.mkdir(parents=True, exist_ok=True)
            for paper in (*report.reports, *report.unread):
                _write(feedback / _file_name(paper), self._feedback(report, paper))
            yield feedback

    def _results(self, report: PapersReport) -> dict[str, Any]:
        papers = [*report.reports, *report.unread]
        if len(papers) != 1:
            raise ValueError(f"Gradescope marks one paper at a time; got {len(papers)}")
        if report.unread:
            return books.gradescope(report.unread[papers[0]])
        scored = report if report.scores else report.scored(carried_forward=self.carried_forward)
        return books.gradescope(scored.scores[papers[0]])

    def _feedback(self, report: PapersReport, paper: str) -> str:
        if paper in report.unread:
            return f"This paper cannot be read: {report.unread[paper]}\n"
        points = [report.scores[paper].headline, ""] if report.scores else []
        return "\n".join([*points, str(report.reports[paper])]) + "\n"

    def shown(self, report: PapersReport) -> Any:
        """What the terminal shows: the report on one paper, or on the class."""
        if len(report.reports) + len(report.unread) > 1:
            return report
        from rich.console import Group

        (paper,) = report.reports
        points = [report.scores[paper].headline] if report.scores else []
        return Group(*points, report.reports[paper])

    def data(self, report: PapersReport) -> dict[str, Any]:
        """The marks by paper, as data."""
        return {
            **{paper: self._paper_data(report, paper) for paper in report.reports},
            **{
                paper: {"ok": False, "headline": f"cannot be read: {why}"}
                for paper, why in report.unread.items()
            },
        }

    def _paper_data(self, report: PapersReport, paper: str) -> dict[str, Any]:
        score = {"score": report.scores[paper].to_dict()} if report.scores else {}
        return {**report.reports[paper].to_dict(), **score}


def _file_name(paper: str) -> str:
    """A name in one folder for a paper from any."""
    parts = [part for part in Path(paper).parts if part not in (os.sep, os.curdir, os.pardir)]
    return "_".join(parts) + ".txt"


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")

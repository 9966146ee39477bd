"""The report on one hand computation, and that on many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.grading.marks import CARRIED_FORWARD, RIGHT, WRONG_HERE, Mark
from engine.report import Block, Report, Table

_VERDICTS = (RIGHT, WRONG_HERE, CARRIED_FORWARD)


@dataclass(frozen=True)
class GradeReport(Report):
    """The result of `grade`.

    Args:
        marks: one for each claim, in the order of the computation.
    """

    marks: Sequence[Mark]

    @property
    def ok(self) -> bool:
        """Whether every claim is right."""
        return all(mark.verdict == RIGHT for mark in self.marks)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each claim, by its name."""
        return {mark.name: mark.verdict for mark in self.marks}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many claims got each verdict."""
        return Counter(mark.verdict for mark in self.marks)

    @property
    def first_wrong(self) -> Mark | None:
        """The first claim that is wrong in itself."""
        return next((mark for mark in self.marks if mark.verdict == WRONG_HERE), None)

    @property
    def mistakes(self) -> list[str]:
        """The mistakes that were found, each once."""
        wrong = [mark for mark in self.marks if mark.verdict == WRONG_HERE]
        return list(dict.fromkeys(why for mark in wrong for why in mark.why))

    @property
    def headline(self) -> str:
        """The result in one line."""
        found = ", ".join(f"{self.counts[v]} {v}" for v in _VERDICTS if self.counts[v])
        first = self.first_wrong
        return found + (f"; first wrong: {first.name} = {first.claimed}" if first else "")

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each claim, and the reasons for its mark."""
        header = ("quantity", "claimed", "exact", "from your numbers", "mark")
        return [Table(header, [_block(mark) for mark in self.marks])]

    def data(self) -> dict[str, Any]:
        """The marks and the mistakes as data."""
        return {"mistakes": self.mistakes, "marks": [asdict(mark) for mark in self.marks]}


def _block(mark: Mark) -> Block:
    right = mark.verdict == RIGHT
    follows = "" if right else f"{mark.follows:.6g}"
    row = (mark.name, mark.claimed, f"{mark.exact:.12g}", follows, mark.verdict)
    remarks = [(mark.name, words) for words in ("; or ".join(mark.why), mark.remark) if words]
    return Block([row], [right], remarks)


@dataclass(frozen=True)
class PapersReport(Report):
    """Many hand computations, one line each.

    Args:
        reports: by the name of the paper.
    """

    reports: Mapping[str, GradeReport]

    @property
    def ok(self) -> bool:
        """Whether every number of every paper is right."""
        return all(report.ok for report in self.reports.values())

    @property
    def headline(self) -> str:
        """The result in one line."""
        right = sum(report.ok for report in self.reports.values())
        return f"{len(self.reports)} papers, {right} right throughout"

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each paper, and the mistakes in it."""
        header = ("paper", *_VERDICTS, "first wrong")
        return [Table(header, [_line(*item) for item in self.reports.items()], align="lrrrl")]

    def data(self) -> dict[str, Any]:
        """The report on each paper."""
        return {"papers": {paper: report.to_dict() for paper, report in self.reports.items()}}


def _line(paper: str, report: GradeReport) -> Block:
    first = report.first_wrong
    row = (paper, *[str(report.counts[v]) for v in _VERDICTS], first.name if first else "")
    return Block([row], [report.ok], [(paper, mistake) for mistake in report.mistakes])

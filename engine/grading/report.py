"""The report on one hand computation, and that on a whole class."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isnan
from typing import Any

from engine.grading.marks import CARRIED_FORWARD, RIGHT, WRONG_HERE, Mark
from engine.grading.points import MISSING, Score, score, written
from engine.mistakes import CATALOGUE
from engine.report import Block, Report, Table, without_folder

UNREADABLE = "unreadable"

_VERDICTS = (RIGHT, WRONG_HERE, CARRIED_FORWARD, UNREADABLE)
_UNEXPLAINED = "a number that no single common mistake gives"
_MOST_NAMED = 3  # papers, as examples of a mistake


@dataclass(frozen=True)
class GradeReport(Report):
    """The result of `grade`.

    Args:
        marks: one for each claim, in the order of the computation, then those that cannot be read.
        asked: the quantities that were asked for; empty if it was for those that were claimed.
    """

    marks: Sequence[Mark]
    asked: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether every claim is right, and none is missing."""
        return all(mark.verdict == RIGHT for mark in self.marks) and not self.missing

    @property
    def missing(self) -> list[str]:
        """The quantities that were asked for and are not there."""
        there = {mark.name for mark in self.marks}
        return [name for name in self.asked if name not in there]

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
    def ids(self) -> list[str]:
        """The mistakes that were found by their rows in the catalogue, the likeliest of each number."""
        return list(dict.fromkeys(mark.ids[0] for mark in self.marks if mark.ids))

    def score(self, points: float | Mapping[str, float] = 10.0, *, carried_forward: float = 1.0) -> Score:
        """Points for the paper.

        Args:
            points: those of the whole paper, which the quantities that were asked for share equally; or the
                points of each quantity by patterns of names, `{"delta_*": 2, "new *": 1, "*": 0.5}`, of which
                the first that fits counts.
            carried_forward: the part of its points that a number gets that follows from a wrong one.

        Returns:
            The points. Wrong, unreadable and missing numbers have none.

        Raises:
            ValueError: if points are negative or not finite, a pattern fits no quantity, or the part is not
                from 0 to 1.

        Example:
            >>> from engine import Value, grade
            >>> w, x = Value(0.5, "w"), Value(3.0, "x")
            >>> z = w * x
            >>> z.label = "z"
            >>> report = grade(z * z, {"z": "1.50", "dE/dz": "1.50", "dE/dw": "4.50"})
            >>> print(report.score(points=6, carried_forward=0.5))
            3 of 6 points
            <BLANKLINE>
            quantity  points  of  mark
            z              2   2  right
            dE/dz          0   2  wrong here
            dE/dw          1   2  carried forward
            >>> report.score({"z": 1, "d*": 4}).total
            5.0
        """
        if not 0.0 <= carried_forward <= 1.0:
            raise ValueError(f"carried_forward is {carried_forward:g}; give a part from 0 to 1, such as 0.5")
        names = self.asked or [mark.name for mark in self.marks]
        return score(self.marks, names, {RIGHT: 1.0, CARRIED_FORWARD: carried_forward}, points)

    @property
    def headline(self) -> str:
        """The result in one line."""
        counts = [(self.counts[verdict], verdict) for verdict in _VERDICTS] + [(len(self.missing), MISSING)]
        found = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
        first = self.first_wrong
        return found + (f"; first wrong: {first.name} = {first.claimed}" if first else "")

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each claim, and the reasons for its mark."""
        header = ("quantity", "claimed", "exact", "from your numbers", "mark")
        notes = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        notes += [f"{name}: {CATALOGUE[name].remedy}" for name in self.ids]
        return [Table(header, [_block(mark) for mark in self.marks], notes)]

    def data(self) -> dict[str, Any]:
        """The marks, the mistakes and what is missing as data."""
        marks = [asdict(mark) for mark in self.marks]
        return {"mistakes": self.mistakes, "missing": self.missing, "marks": marks}


def _block(mark: Mark) -> Block:
    right = mark.verdict == RIGHT
    follows = "" if right or isnan(mark.follows) else f"{mark.follows:.6g}"
    exact = "" if isnan(mark.exact) else f"{mark.exact:.12g}"
    row = (mark.name, mark.claimed, exact, follows, mark.verdict)
    remarks = [(mark.name, words) for words in ("; or ".join(mark.why), mark.remark) if words]
    return Block([row], [right], remarks)


# --- A class.


@dataclass(frozen=True)
class PapersReport(Report):
    """The papers of a class, one line each, and what went wrong how often.

    Args:
        reports: by the name of the paper.
        unread: why a paper could not be read at all, by its name.
        scores: the points for a paper by its name, if points are given.
    """

    reports: Mapping[str, GradeReport]
    unread: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every number of every paper is right."""
        return all(report.ok for report in self.reports.values()) and not self.unread

    @property
    def headline(self) -> str:
        """The result in one line."""
        right = sum(report.ok for report in self.reports.values())
        unread = f", {len(self.unread)} cannot be read" if self.unread else ""
        return f"{len(self.reports) + len(self.unread)} papers, {right} right throughout{unread}"

    def scored(
        self, points: float | Mapping[str, float] = 10.0, *, carried_forward: float = 1.0
    ) -> "PapersReport":
        """The same report with points, as `GradeReport.score` gives them."""
        scores = {
            paper: report.score(points, carried_forward=carried_forward)
            for paper, report in self.reports.items()
        }
        return replace(self, scores=scores)

    @property
    def mistakes(self) -> dict[str, list[str]]:
        """The papers with each mistake, the most frequent first."""
        found: dict[str, list[str]] = {}
        for paper, report in self.reports.items():
            for mistake in _mistakes_in(report):
                found.setdefault(mistake, []).append(paper)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    @property
    def tables(self) -> list[Table]:
        """A row for each paper; then one for each mistake."""
        points = ("points",) if self.scores else ()
        header = ("paper", *points, "right", "wrong", "carried", "no mark", "first wrong")
        papers = Table(header, list(self._lines()), align="l" + "r" * (len(header) - 2) + "l")
        names = without_folder([*self.reports, *self.unread])
        mistakes = [
            Block([(f"{len(made)} of {len(self.reports)}", mistake, _few([names[p] for p in made]))], [True])
            for mistake, made in self.mistakes.items()
        ]
        return (
            [papers, Table(("papers", "mistake", "made in"), mistakes, align="rll")] if mistakes else [papers]
        )

    def _lines(self) -> Iterator[Block]:
        names = without_folder([*self.reports, *self.unread])
        for paper, report in self.reports.items():
            points = [written(self.scores[paper].total)] if self.scores else []
            marked = [report.counts[verdict] for verdict in (RIGHT, WRONG_HERE, CARRIED_FORWARD)]
            counts = [*marked, report.counts[UNREADABLE] + len(report.missing)]
            first = report.first_wrong
            row = (names[paper], *points, *map(str, counts), first.name if first else "")
            yield Block([row], [report.ok])
        columns = 5 + bool(self.scores)
        for paper, why in self.unread.items():
            yield Block([(names[paper], *[""] * columns)], [False], [(names[paper], why)])

    def data(self) -> dict[str, Any]:
        """The report on each paper, why others could not be read, and the mistakes."""
        return {
            "papers": {paper: report.to_dict() for paper, report in self.reports.items()},
            "unread": dict(self.unread),
            "mistakes": self.mistakes,
        }


def _mistakes_in(report: GradeReport) -> list[str]:
    """The mistakes in a paper, as a class is told of them: each once, by its name in the catalogue."""
    wrong = [mark for mark in report.marks if mark.verdict == WRONG_HERE]
    return list(dict.fromkeys(CATALOGUE[m.ids[0]].name if m.ids else _UNEXPLAINED for m in wrong))


def _few(papers: Sequence[str]) -> str:
    more = len(papers) - _MOST_NAMED
    return ", ".join(papers[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")

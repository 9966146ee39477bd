"""The report on an engine, and that on many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.judge.diagnoses import Diagnosis
from engine.judge.dialect import Dialect
from engine.judge.programs import POINTS
from engine.judge.results import NOT_THERE, RIGHT, Result
from engine.report import Block, Report, Table, without_folder


@dataclass(frozen=True)
class JudgeReport(Report):
    """The result of `judge`.

    Args:
        name: of the file or the class.
        results: one for each program.
        diagnoses: the mistakes and the limits, most important first.
        conventions: what is a choice, and how the engine chooses.
        dialect: what the engine calls things; None if it could not be judged.
        fault: why it could not be judged; empty if it was.
        remark: what is said about the file, such as that it stops while it is loaded.
    """

    name: str
    results: Sequence[Result] = ()
    diagnoses: Sequence[Diagnosis] = ()
    conventions: Sequence[str] = ()
    dialect: Dialect | None = None
    fault: str = ""
    remark: str = ""

    @property
    def ok(self) -> bool:
        """Whether the engine has all points."""
        return self.points == 100

    @property
    def groups(self) -> dict[str, tuple[float, int]]:
        """The points of each group, and how many there are; groups with nothing to judge are left out."""
        found = {group: _share(self.results, group) for group in POINTS}
        return {
            group: (POINTS[group][0] * share, POINTS[group][0])
            for group, share in found.items()
            if share is not None
        }

    @property
    def points(self) -> int:
        """Out of 100: all of them only if nothing is wrong."""
        got, most = (
            (sum(column) for column in zip(*self.groups.values(), strict=True)) if self.groups else (0.0, 1.0)
        )
        return math.floor(100.0 * got / most + 1e-9)

    @property
    def mistakes(self) -> list[Diagnosis]:
        """The diagnoses that are no limits."""
        return [diagnosis for diagnosis in self.diagnoses if not diagnosis.limit]

    @property
    def headline(self) -> str:
        """The result in one line."""
        if self.fault:
            return f"{self.name}: not judged: {self.fault}"
        limits = len(self.diagnoses) - len(self.mistakes)
        found = [_count(len(self.mistakes), "mistake")] if self.mistakes else []
        found += [_count(limits, "limit")] if limits else []
        return f"{self.name}: {self.points} of 100 points; {' and '.join(found) or 'no mistakes'}"

    @property
    def tables(self) -> list[Table]:
        """The mistakes, one after the other; then the points and the conventions."""
        if self.fault:
            return []
        return [*(_table(i, diagnosis) for i, diagnosis in enumerate(self.diagnoses, 1)), self._points()]

    def _points(self) -> Table:
        rows = []
        for group, (got, most) in self.groups.items():
            judged = [r for r in self.results if _counts(r, group)]
            right = sum(_right(r, group) for r in judged)
            rows.append(
                Block(
                    [(POINTS[group][1], f"{right} of {len(judged)}", f"{got:.1f} of {most}")],
                    [right == len(judged)],
                )
            )
        return Table(("programs", "right", "points"), rows, [*self._notes()], "Points", align="lrr")

    def _notes(self) -> list[str]:
        assert self.dialect is not None
        ordinary = [r for r in self.results if r.program.group in ("derivatives", "numbers")]
        there = {r.program.about for r in ordinary if r.state != NOT_THERE}
        missing = dict.fromkeys(r.program.about for r in ordinary if r.program.about not in there)
        refused = {
            r.program.about: r.outcome.message or r.outcome.error
            for r in self.results
            if r.outcome.refused and r.program.about not in missing and r.state == NOT_THERE
        }
        lines = [f"Judged: {self.dialect}."]
        lines += [f"Not there, and not marked: {', '.join(missing)}."] if missing else []
        lines += [f"Refused, and not marked: {about} ({words})." for about, words in refused.items()]
        lines += [f"Convention: {words}." for words in self.conventions]
        return lines + ([f"Remark: {self.remark}."] if self.remark else [])

    def data(self) -> dict[str, Any]:
        """Points, mistakes and every program as data."""
        return {
            "file": self.name,
            "points": self.points,
            "fault": self.fault,
            "remark": self.remark,
            "groups": {group: {"points": got, "of": most} for group, (got, most) in self.groups.items()},
            "mistakes": [_data(diagnosis) for diagnosis in self.diagnoses],
            "conventions": list(self.conventions),
            "dialect": asdict(self.dialect) if self.dialect else None,
            "programs": [_program(result) for result in self.results],
        }


@dataclass(frozen=True)
class EnginesReport(Report):
    """Many engines, one line each.

    Args:
        reports: by the file, as it was given.
    """

    reports: Mapping[str, JudgeReport]

    @property
    def ok(self) -> bool:
        """Whether every engine has all points."""
        return all(report.ok for report in self.reports.values())

    @property
    def headline(self) -> str:
        """The result in one line."""
        right = sum(report.ok for report in self.reports.values())
        return f"{_count(len(self.reports), 'engine')}, {right} with all points"

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each engine."""
        blocks = []
        names = without_folder(list(self.reports))
        for name, report in self.reports.items():
            lost = [group for group, (got, most) in report.groups.items() if got < most]
            first = report.fault or (report.diagnoses[0].title if report.diagnoses else "")
            points = "" if report.fault else str(report.points)
            blocks.append(Block([(names[name], points, ", ".join(lost), first)], [report.ok]))
        return [Table(("engine", "points", "points lost in", "first mistake"), blocks, align="lrll")]

    def data(self) -> dict[str, Any]:
        """The report on each engine."""
        return {"engines": {name: report.to_dict() for name, report in self.reports.items()}}


def _table(i: int, diagnosis: Diagnosis) -> Table:
    program = "\n".join(f"    {line}" for line in diagnosis.program.splitlines())
    title = f"{i}. {diagnosis.title}"
    notes = []
    for row in diagnosis.mistakes:
        notes += [f"Why: {row.why}"] if row.why else []
        notes.append(f"Remedy: {row.remedy}")
    shown = f" ({_count(diagnosis.shown, 'program')})" if diagnosis.shown > 1 else ""
    return Table((), [], notes, title, f"{program}\n{diagnosis.says}{shown}")


def _data(diagnosis: Diagnosis) -> dict[str, Any]:
    data = asdict(diagnosis)
    for mistake in data["mistakes"]:
        del mistake["cases"]  # code, not data
    return data


def _share(results: Sequence[Result], group: str) -> float | None:
    """The part of a group that is right: the mean over what its programs are about."""
    subjects: dict[str, list[bool]] = {}
    for result in results:
        if _counts(result, group):
            subjects.setdefault(result.program.about, []).append(_right(result, group))
    if not subjects:
        return None
    return sum(sum(marks) / len(marks) for marks in subjects.values()) / len(subjects)


def _counts(result: Result, group: str) -> bool:
    if result.state == NOT_THERE or result.program.remark:
        return False
    return result.program.group == ("derivatives" if group == "values" else group)


def _right(result: Result, group: str) -> bool:
    return result.state == RIGHT or (
        group == "values" and "y" in result.outcome.values and "y" not in result.wrong
    )


def _program(result: Result) -> Mapping[str, Any]:
    return {
        "id": result.program.id,
        "group": result.program.group,
        "about": result.program.about,
        "text": result.text,
        "state": result.state,
        "results": dict(result.outcome.values),
        "truth": dict(result.truth.numbers),
        "error": result.outcome.error,
        "message": result.outcome.message,
    }


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'' if n == 1 else 's'}"

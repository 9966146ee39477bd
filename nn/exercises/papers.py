"""Papers: what people hand in, read as it comes, and marked.

Anybody may have written a paper, with anything. A line that cannot be read is one mark of the report. A file
that is no paper is one `PaperError`, which says why.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from engine.grading import GradeReport, PapersReport, grade_paper
from engine.grading.report import UNREADABLE
from nn.exercises.exercise import Exercise

Entry: TypeAlias = tuple[str, Any]

_LARGEST = 1_000_000  # bytes; a paper is a page of numbers
_MOST_ENTRIES = 1000
_COLUMNS = ("quantity", "claimed")
SHEET_COLUMNS = ("in the paper", "your number")
_HOW = 'write lines such as "delta_5,-0.0497" below the line "quantity,claimed"'
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class PaperError(ValueError):
    """A file is not a paper; the message says why, without the name of the file."""


# --- Reading.


def read_paper(path: str | os.PathLike[str]) -> list[Entry]:
    """The entries of a paper.

    Args:
        path: a JSON file, `{"delta_5": "-0.0497", ...}`, or a CSV file with the columns `quantity` and
            `claimed`. Numbers count as printed: 0.0497 claims its four decimals. A CSV file may be that of a
            spreadsheet: separated by semicolons, with decimal commas, in UTF-16, with more columns. Lines
            such as `delta_5 = -0.0497` and the table of the exercise's own sheet are read as well.

    Returns:
        The names and what was written for each, in order.

    Raises:
        PaperError: if it is neither.
        OSError: if it cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > _LARGEST:
        raise PaperError(f"it is larger than {_LARGEST // 1_000_000} MB; a paper is a page of numbers")
    text = _decoded(path.read_bytes())
    entries = _entries_in_json(text) if path.suffix.lower() == ".json" else _entries_in_csv(text)
    if len(entries) > _MOST_ENTRIES:
        raise PaperError(f"it has {len(entries):,} lines; a paper has at most {_MOST_ENTRIES:,}")
    if not entries:
        raise PaperError(f"it is empty; {_HOW}")
    return entries


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "")
    if not encoding and (b"\0" in content or content.startswith((b"PK", b"%PDF"))):
        raise PaperError("it is not a text file; save it as CSV")
    try:
        return content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return content.decode(
            "cp1252", errors="replace"
        )  # that of a spreadsheet; names of quantities are ASCII


def _entries_in_json(text: str) -> list[Entry]:
    try:
        content = json.loads(
            text, object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=str
        )
    except json.JSONDecodeError as error:
        raise PaperError(f"not JSON: {error}") from None
    except RecursionError:
        raise PaperError("not a paper: its brackets are nested too deeply") from None
    if not isinstance(content, _Pairs):
        raise PaperError('a paper must be an object with names, such as {"delta_5": "-0.0497"}')
    return [(name, "" if written is None else written) for name, written in content]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, in which a name may come twice."""


def _entries_in_csv(text: str) -> list[Entry]:
    rows = _rows(text)
    for i, row in enumerate(rows):
        header = [cell.casefold() for cell in row]
        for columns in (_COLUMNS, SHEET_COLUMNS):
            if all(column in header for column in columns):
                places = [header.index(column) for column in columns]
                return [_entry(row, places, len(header)) for row in rows[i + 1 :]]
    # The names of the columns were left out, or are others.
    return [_entry(row, [0, 1], 2) for row in rows[1 if rows and _is_header(rows[0]) else 0 :]]


def _is_header(row: Sequence[str]) -> bool:
    """Whether words stand where a name and a number are expected: Größe;Wert."""
    return len(row) > 1 and all(re.fullmatch(r"[^\W\d_]{4,}", cell) for cell in row[:2])


def _rows(text: str) -> list[list[str]]:
    """The rows that are not blank."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if told := re.fullmatch(r"\s*sep=(.)\s*", first):  # a spreadsheet's own first line
        text, delimiter = text.partition("\n")[2], told[1]
    elif in_bars := [row[1] for line in lines if (row := re.fullmatch(r"\s*\|(.*)\|\s*", line))]:
        text, delimiter = "\n".join(row for row in in_bars if row.strip("|-: ")), "|"  # Markdown
    else:
        delimiter = next(
            (sign for sign in "\t;" if sign in first), "," if "," in first.split("=")[0] else "="
        )
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    try:
        rows = [[cell.strip().strip("`") for cell in row] for row in reader]
    except csv.Error as error:
        raise PaperError(f"line {reader.line_num} cannot be read ({error})") from None
    return [row for row in rows if any(row)]


def _entry(row: Sequence[str], places: Sequence[int], columns: int) -> Entry:
    name, written = (row[place] if place < len(row) else "" for place in places)
    decimals = row[columns] if len(row) == columns + 1 and places[1] == columns - 1 else ""
    if re.fullmatch(r"[0-9]+(?:[eE][+-]?[0-9]+)?", decimals) and re.fullmatch(r"[+−-]?[0-9]*", written):
        written = f"{written},{decimals}"  # a decimal comma between cells that commas separate
    return name, written


# --- Marking.


def mark(path: str | os.PathLike[str], exercise: Exercise) -> GradeReport:
    """The marks of a paper.

    Args:
        path: the paper, as `read_paper` reads it.
        exercise: the exercise that the paper answers.

    Returns:
        The report.

    Raises:
        PaperError: if it is no paper, or no line of it is about this exercise.
        OSError: if the file cannot be read.
    """
    entries = read_paper(path)
    report = mark_entries(entries, exercise)
    if all(mark.verdict == UNREADABLE and mark.name not in exercise.asked for mark in report.marks):
        raise PaperError(f"no line names a quantity of the exercise, such as {exercise.asked[0]}; {_HOW}")
    return report


def mark_entries(entries: Iterable[Entry], exercise: Exercise) -> GradeReport:
    """The marks of what somebody claims.

    Args:
        entries: names and what was written for each, such as the items of a dictionary of answers.
        exercise: the exercise.

    Returns:
        The report.
    """
    return grade_paper(
        exercise.output, list(entries), learning_rate=exercise.learning_rate, asked=exercise.asked
    )


def mark_all(papers: Iterable[str | os.PathLike[str]], exercise: Exercise) -> PapersReport:
    """The marks of a class. A paper that cannot be read stops no other.

    Args:
        papers: the files.
        exercise: the exercise that they answer.

    Returns:
        The reports, and why other papers could not be read.
    """
    reports: dict[str, GradeReport] = {}
    unread: dict[str, str] = {}
    for paper in papers:
        try:
            reports[os.fspath(paper)] = mark(paper, exercise)
        except OSError as error:
            unread[os.fspath(paper)] = error.strerror or str(error)
        except ValueError as error:
            unread[os.fspath(paper)] = str(error)
    return PapersReport(reports, unread)


# --- An empty paper.


def template(exercise: Exercise, ending: str = ".csv") -> str:
    """An empty paper, to be filled in.

    Args:
        exercise: the exercise.
        ending: of its file: .csv or .json.

    Returns:
        The text, with a line for each quantity that is asked for.

    Raises:
        ValueError: for another ending.

    Example:
        >>> from nn.exercises.exercise import article
        >>> print("".join(template(article()).splitlines(keepends=True)[:3]), end="")
        quantity,claimed
        a_1,
        a_2,
    """
    return paper_text(dict.fromkeys(exercise.asked, ""), ending)


def paper_text(claims: Any, ending: str = ".csv") -> str:
    """A paper with these numbers, by name."""
    writers: dict[str, Callable[[dict[str, str]], str]] = {
        ".csv": _as_csv,
        ".json": lambda claims: json.dumps(claims, indent=2, ensure_ascii=False) + "\n",
    }
    if ending.lower() not in writers:
        raise ValueError(f"a paper is a .csv or a .json file, not {ending or 'one without an ending'}")
    return writers[ending.lower()](dict(claims))


def _as_csv(claims: dict[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *claims.items()])
    return text.getvalue()

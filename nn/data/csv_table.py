"""Tables in CSV, read into data sets."""

import csv
import difflib
import io
import math
import os
import re
import reprlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nn.data.dataset import DataError, Dataset

__all__ = ["load_csv"]


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        line: the number of its first line, from 1.
        cells: the text of its cells, without spaces around it.
    """

    line: int
    cells: list[str]


def load_csv(
    path: str | os.PathLike[str],
    target: str,
    *,
    classification: bool = False,
    classes: Sequence[str] = (),
) -> Dataset:
    """Read a data set from a CSV file.

    The file is UTF-8 text. Its first row names the columns. The cells are separated by commas, semicolons or
    tabs, whichever is the most frequent in the first row. Spaces around a cell and blank rows at the end are
    ignored. All columns but the target are features, and hold numbers: ASCII digits with a decimal point,
    such as `-1.5` or `2e-3`.

    Args:
        path: the file.
        target: the name of the column to predict. If it holds numbers, the task is regression; if it holds
            text, classification, with the classes in alphabetical order.
        classification: whether the target holds class names even if they are numbers. They are then in the
            order of their numbers and keep the names as written.
        classes: all class names in order, such as those that a trained network knows; the file may hold only
            some. If left out, the classes are those in the file.

    Returns:
        The data set, with the path as its `source`.

    Raises:
        DataError: if the file cannot be read as such a table. The message gives the line (as an editor
            counts), the column, the text found there and what to do.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "fruit.csv"
        >>> _ = path.write_text("weight,fruit" + chr(10) + "150,apple" + chr(10) + "5,cherry")
        >>> data = load_csv(path, target="fruit")
        >>> data.X, data.y, data.classes
        ([[150.0], [5.0]], [0, 1], ('apple', 'cherry'))
    """
    try:
        rows = read_rows(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a directory; name a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_table(rows, str(path), target, classification, source=str(path), known=classes)


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a CSV file of any shape, at least one.

    Args:
        path: the file.

    Raises:
        DataError: if the file is not CSV in UTF-8, or is empty.
        OSError: if it cannot be read.
    """
    raw = Path(path).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n?|\n", raw[: error.start])) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8 text; "
            "save the file as CSV in the encoding UTF-8"
        ) from None
    return parse_rows(text, str(path))


class _Cell(NamedTuple):
    """The text of one cell, never empty, and its place in the file."""

    text: str
    file: str
    line: int
    column: str

    def error(self, fault: str) -> DataError:
        return DataError(f"{self.file}, line {self.line}, column {self.column!r}: {fault}")

    def __str__(self) -> str:
        return reprlib.repr(self.text)  # shortened, so that a message stays one clear line


def parse_table(
    rows: Sequence[Row],
    file: str,
    target: str,
    classification: bool,
    source: str,
    known: Sequence[str] = (),
) -> Dataset:
    """The data set of a table.

    Args:
        rows: its rows, the names of the columns first.
        file: the name of its file, for messages.
        target: the name of the column to predict.
        classification: whether the target holds class names even if they are numbers.
        source: the source of the data.
        known: all class names in order; those in the table if left out.

    Raises:
        DataError: if it is not such a table.
    """
    header, *examples = rows
    columns = _columns(header.cells, file, target)
    if not examples:
        raise DataError(f"{file}: there is a header row but no data; add a row for each example")
    table = [_cells(row, columns, file) for row in examples]
    at = columns.index(target)
    labels = [cells.pop(at) for cells in table]
    y, classes = _target(labels, classification, known)
    return Dataset(
        X=[[_number(cell) for cell in cells] for cells in table],
        y=y,
        features=(*columns[:at], *columns[at + 1 :]),
        target=target,
        classes=classes,
        source=source,
    )


def parse_rows(text: str, file: str) -> list[Row]:
    """The rows of a text in CSV, at least one.

    Args:
        text: the content of a file.
        file: its name, for messages.

    Raises:
        DataError: if the text is not CSV, or is empty.
    """
    # strict: a quote that is never closed is an error, not a cell that holds all the rest
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter(text), strict=True, skipinitialspace=True)
    rows = []
    first = 1
    try:
        for cells in reader:
            rows.append(Row(first, [cell.strip() for cell in cells]))
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file}, line {first}: the row that starts here cannot be read ({error}); "
            'a cell that starts with " must end with ", and a " inside it is written ""'
        ) from None
    while rows and not any(rows[-1].cells):
        rows.pop()
    if not rows:
        raise DataError(f"{file}: the file is empty; give a header row and a row per example")
    return rows


def delimiter(text: str) -> str:
    """The separator of a CSV file's cells: the most frequent one in the header row, outside quotes.

    Args:
        text: the content of the file.

    Returns:
        A comma, a semicolon or a tab; the comma if in doubt.

    Example:
        >>> delimiter('"a,b";c')
        ';'
    """
    header = re.match(r'(?:"[^"]*"|[^"\r\n])*', text)
    unquoted = re.sub(r'"[^"]*"', "", header[0] if header else "")
    return max(",;\t", key=unquoted.count)


def _columns(columns: list[str], file: str, target: str) -> list[str]:
    """The names of the columns, checked: unique, none missing, and the target among them."""
    if "" in columns or not columns:
        raise DataError(
            f"{file}, line 1: column {columns.index('') + 1 if columns else 1} has no name; "
            "the first row must name every column"
        )
    for i, column in enumerate(columns):
        if column in columns[:i]:
            raise DataError(
                f"{file}, line 1: two columns are named {column!r} (columns "
                f"{columns.index(column) + 1} and {i + 1}); rename one"
            )
    if target not in columns:
        folded = {column.casefold(): column for column in columns}
        near = difflib.get_close_matches(target.casefold(), folded, n=1)
        hint = f"did you mean {folded[near[0]]!r}? " if near else ""
        raise DataError(
            f"{file}, line 1: there is no column {target!r}; {hint}"
            f"the columns are {', '.join(map(reprlib.repr, columns))}"
            + ("; cells are separated by commas, semicolons or tabs" if len(columns) == 1 else "")
        )
    if len(columns) == 1:
        raise DataError(f"{file}, line 1: {target!r} is the only column; add columns to predict it from")
    return columns


def _cells(row: Row, columns: list[str], file: str) -> list[_Cell]:
    if len(row.cells) != len(columns):
        raise DataError(
            f"{file}, line {row.line}: expected {len(columns)} cells, got {len(row.cells)}; "
            "give one cell for each column of the header row"
        )
    pairs = zip(row.cells, columns, strict=True)
    cells = [_Cell(text, file, row.line, column) for text, column in pairs]
    for cell in cells:
        if not cell.text:
            raise cell.error("missing value; fill it in or delete the row")
    return cells


# narrower than float(), which also takes nan, 1_000 and the digits of other scripts, and narrower than
# Decimal, which fails on exponents of 19 digits
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


def _number(cell: _Cell) -> float:
    value = float(cell.text) if _NUMBER.fullmatch(cell.text) else math.nan
    if not math.isfinite(value):
        raise cell.error(
            f"{cell} is not a finite number; write one like -1.5 or 2e-3 "
            "(digits 0-9, decimal point), or remove the row or the column"
        )
    return value


def _like_a_number(cell: _Cell) -> bool:
    """Whether a cell is meant as a number, though perhaps not written as one: `1,5`, `nan`."""
    try:
        float(re.sub(r"[,_'\s]", "", cell.text))
    except ValueError:
        return False
    return True


def _target(
    labels: list[_Cell], classification: bool, known: Sequence[str]
) -> tuple[list[float], tuple[str, ...]]:
    """The target values and the class names; no names if the labels are numbers."""
    if not classification and not known:
        numeric = [_like_a_number(label) for label in labels]
        if all(numeric):
            return [_number(label) for label in labels], ()
        if any(numeric):
            odd = numeric.index(not numeric[0])
            kinds = ("looks like a number", "is text")
            raise labels[odd].error(
                f"{labels[odd]} {kinds[numeric[0]]}, "
                f"but {labels[0]} in line {labels[0].line} {kinds[not numeric[0]]}; "
                "give only numbers (regression) or only text (classes), or ask for classification"
            )
    classes = tuple(known) or _classes(labels)
    index = {name: k for k, name in enumerate(classes)}
    for label in labels:
        if label.text not in index:
            raise label.error(f"there is no class {label}; the classes are {', '.join(classes)}")
    return [index[label.text] for label in labels], classes


def _classes(labels: list[_Cell]) -> tuple[str, ...]:
    """The class names, ordered as numbers if all are numbers, else as text."""
    names = sorted({label.text for label in labels})
    column = f"{labels[0].file}, column {labels[0].column!r}"
    if len(names) == 1:
        raise DataError(
            f"{column}: every row has the class {labels[0]}; "
            "there is nothing to tell apart, so add rows of another class"
        )
    if all(map(_NUMBER.fullmatch, names)):
        names.sort(key=Decimal)  # exact, so that long numbers stay apart
        for a, b in pairwise(names):
            if Decimal(a) == Decimal(b):
                raise DataError(
                    f"{column}: the classes {a!r} and {b!r} are one number written in two ways; "
                    "write it in one way"
                )
    return tuple(names)

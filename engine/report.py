"""Reports: one base for everything that judges numbers and prints what it found.

A report has a headline, tables, and data. From these follow plain text, `rich` in a terminal, HTML in a
notebook, valid JSON, and an error whose message is the report.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from math import isfinite
from os.path import commonpath, dirname, sep
from typing import Any, ClassVar


def visible(text: str) -> str:
    r"""Text from a stranger, safe to print: control characters are shown and do nothing.

    Args:
        text: any text.

    Returns:
        The text, with the escape of each character that is not to be seen: those that move the cursor, colour
        a terminal, turn the direction of writing or cannot be encoded. Line breaks stay.

    Example:
        >>> print(visible("anna\x1b[31m.csv"))
        anna\x1b[31m.csv
    """
    if text.isascii() and text.isprintable():  # nearly always
        return text
    return "".join(c if c == "\n" or not _is_hidden(c) else c.encode("unicode_escape").decode() for c in text)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


class ReportError(AssertionError):
    """A report found something wrong; the message is the whole report.

    Args:
        report: the report, for `error.report`.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Block:
    """Rows of a table that belong together.

    Args:
        rows: the cells.
        right: for each row, whether it is right; the others are red.
        remarks: lines below the table: the subject, and what is said about it.
    """

    rows: Sequence[Sequence[str]]
    right: Sequence[bool]
    remarks: Sequence[tuple[str, str]] = ()

    @property
    def ok(self) -> bool:
        """Whether every row is right."""
        return all(self.right)


@dataclass(frozen=True)
class Table:
    """Rows under a header.

    Args:
        header: the titles of the columns.
        blocks: the rows.
        notes: lines below the table.
        title: a heading above it; may be empty.
        text: an introduction under the heading; may be empty.
        align: "l" or "r" for each column; empty for all on the left.
        most_right: how many blocks that are right to show in plain text; None for all.
    """

    header: Sequence[str]
    blocks: Sequence[Block]
    notes: Sequence[str] = ()
    title: str = ""
    text: str = ""
    align: str = ""
    most_right: int | None = None

    @property
    def remarks(self) -> list[str]:
        """The remarks, each once, after all subjects that it is about."""
        subjects: dict[str, list[str]] = {}
        for block in self.blocks:
            for subject, words in block.remarks:
                subjects.setdefault(words, []).append(subject)
        return [f"{', '.join(_cells(about))}: {words}" for words, about in subjects.items()]

    @property
    def rows(self) -> Iterator[tuple[Sequence[str], bool]]:
        """Each row, and whether it is right."""
        for block in self.blocks:
            yield from zip(block.rows, block.right, strict=True)


class Report(ABC):
    """What was judged, and how it came out.

    Example:
        >>> from engine import check_gradients
        >>> report = check_gradients(lambda x: x * x, x=3.0)
        >>> report.ok, report.headline
        (True, '1 gradient proved, to 17.0 digits')
        >>> report.raise_if_wrong()
    """

    error_type: ClassVar[type[ReportError]] = ReportError
    """What `raise_if_wrong` raises."""

    @property
    @abstractmethod
    def ok(self) -> bool:
        """Whether everything is right."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """The result in one line."""

    @property
    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """The result in detail."""

    @abstractmethod
    def data(self) -> Mapping[str, Any]:
        """What `to_dict` has besides `ok` and `headline`."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON: numbers that are not finite are text, such as "nan"."""
        return {"ok": self.ok, "headline": self.headline, **{k: _plain(x) for k, x in self.data().items()}}

    def raise_if_wrong(self) -> None:
        """Raise an AssertionError with the whole report as its message, unless everything is right.

        Raises:
            ReportError: if `ok` is False; of a gradient report a GradientError.
        """
        __tracebackhide__ = True
        if not self.ok:
            raise self.error_type(self) from self.error

    @property
    def error(self) -> BaseException | None:
        """The exception behind the result, if there was one."""
        return None

    def __str__(self) -> str:
        parts = [part for table in self.tables for part in _text(table)]
        return "\n\n".join("\n".join(map(visible, part)) for part in [[self.headline], *parts] if part)

    def __rich__(self) -> Any:
        """What `rich` prints."""
        from rich.console import Group
        from rich.text import Text

        headline = Text(visible(self.headline), style="bold green" if self.ok else "bold red")
        return Group(headline, *[part for table in self.tables for part in _rich(table)])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        tables = "".join(map(_html, self.tables))
        return f"<div><b>{escape(self.headline)}</b>{tables}</div>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def _plain(x: Any) -> Any:
    """JSON has no NaN and no infinity: they become text."""
    if isinstance(x, Mapping):
        return {key: _plain(y) for key, y in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(y) for y in x]
    return str(x) if isinstance(x, float) and not isfinite(x) else x


# --- Plain text.


def _text(table: Table) -> Iterator[Sequence[str]]:
    blocks, left_out = _select(table)
    rows = [row for block in blocks for row in block.rows]
    yield [line for line in (table.title, table.text) if line]
    yield [*_padded(table, rows), *([f"... and {left_out} more that are right"] if left_out else [])]
    yield replace(table, blocks=blocks).remarks
    yield table.notes


def _select(table: Table) -> tuple[list[Block], int]:
    """Every block that is wrong, the first of those that are right, and how many are left out."""
    if table.most_right is None:
        return list(table.blocks), 0
    room = max(table.most_right - sum(not block.ok for block in table.blocks), 0)
    shown: list[Block] = []
    for block in table.blocks:
        if not block.ok or room > 0:
            shown.append(block)
            room -= block.ok
    return shown, len(table.blocks) - len(shown)


def _padded(table: Table, rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [table.header, *[_cells(row) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    pads = [str.rjust if side == "r" else str.ljust for side in _align(table)]
    return [
        "  ".join(pad(cell, width) for pad, cell, width in zip(pads, line, widths, strict=True)).rstrip()
        for line in lines
    ]


def without_folder(names: Sequence[str]) -> dict[str, str]:
    """Names of files without the folder that all of them are in.

    Args:
        names: the names, with their folders.

    Returns:
        What to show for each.

    Example:
        >>> without_folder(["class/a/anna.csv", "class/b/ben.csv"])
        {'class/a/anna.csv': 'a/anna.csv', 'class/b/ben.csv': 'b/ben.csv'}
    """
    try:
        folder = commonpath([dirname(name) for name in names]) if len(names) > 1 else ""
    except ValueError:  # there is none
        folder = ""
    inside = bool(folder) and all(name.startswith(folder + sep) for name in names)
    return {name: name[len(folder) + 1 :] if inside else name for name in names}


def _cells(row: Sequence[str]) -> list[str]:
    """The cells of a row, one line each."""
    return [visible(cell).replace("\n", r"\n") for cell in row]


def _align(table: Table) -> str:
    return table.align or "l" * len(table.header)


# --- A terminal.


def _rich(table: Table) -> Iterator[Any]:
    from rich.text import Text

    if table.title:
        yield Text()
        yield _Title(visible(table.title))
    if table.text:
        yield Text(f"{visible(table.text)}\n")
    if table.blocks:
        yield _Rows(table)
    yield from map(Text, map(visible, table.remarks))
    for line in map(visible, table.notes):
        yield Text(line, style="dim")


@dataclass(frozen=True)
class _Title:
    """A heading with a line to the edge; without it where it would be cut off."""

    title: str

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.rule import Rule
        from rich.text import Text

        fits = len(self.title) + 2 < options.max_width
        yield Rule(self.title, align="left", style="dim") if fits else Text(self.title)


@dataclass(frozen=True)
class _Rows:
    """The rows of a table. Nothing is cut off, and words are broken only where there is no other way."""

    table: Table

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich import table as rich_table
        from rich.text import Text

        shown = rich_table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        widths = self._widths(options.max_width)
        for title, side, width in zip(self.table.header, _align(self.table), widths, strict=True):
            # Folded, so that no digit and no exponent is cut off.
            justify: Any = "right" if side == "r" else "left"
            shown.add_column(title, overflow="fold", justify=justify, width=width)
        for row, right in self.table.rows:
            shown.add_row(*map(Text, _cells(row)), style="" if right else "red")
        yield shown

    def _widths(self, room: int) -> list[int | None]:
        """The widths of the columns: first their longest words, then what is left, shared."""
        from rich.cells import cell_len

        lines = [self.table.header, *(_cells(row) for row, _ in self.table.rows)]
        columns = list(zip(*lines, strict=True))
        whole = [max(map(cell_len, column)) for column in columns]
        widths = [
            max(cell_len(word) for cell in column for word in [*cell.split(), ""]) for column in columns
        ]
        left = room - 2 * len(columns) - sum(widths)
        if left < 0:
            return [None] * len(columns)
        narrow_first = sorted(range(len(columns)), key=lambda i: whole[i] - widths[i])
        for done, i in enumerate(narrow_first):
            more = min(whole[i] - widths[i], left // (len(columns) - done))
            widths[i] += more
            left -= more
        return [*widths]


# --- A notebook.


def _html(table: Table) -> str:
    title = f"<h4>{escape(table.title)}</h4>" if table.title else ""
    text = f"<p>{escape(table.text)}</p>" if table.text else ""
    head = _tags("th", table.header)
    body = "".join(
        f"<tr{'' if right else ' style=color:#e0364c'}>{_tags('td', row)}</tr>" for row, right in table.rows
    )
    rows = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    below = "".join(f"<div>{escape(visible(line))}</div>" for line in [*table.remarks, *table.notes])
    return title + text + rows + below


def _tags(tag: str, row: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in _cells(row))

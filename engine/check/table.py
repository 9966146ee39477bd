"""Tables for reading: plain text, `rich` in a terminal, HTML in a notebook, all from the same cells."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar


@dataclass(frozen=True)
class Block:
    """Rows that belong together.

    Args:
        rows: the cells.
        remarks: what to say below the table: about what, and the words.
        well: for each row whether all is well with it.
    """

    rows: Sequence[Sequence[str]]
    remarks: Sequence[tuple[str, str]]
    well: Sequence[bool]

    @property
    def ok(self) -> bool:
        """Whether all is well with them."""
        return all(self.well)


class Table(ABC):
    """Something that prints as one line, a table, and remarks."""

    header: ClassVar[Sequence[str]]
    most_right: ClassVar[int] = 12  # blocks to show in plain text where all is well; others are all shown

    @property
    @abstractmethod
    def ok(self) -> bool:
        """Whether all is well."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """The first line, which stands alone."""

    @property
    @abstractmethod
    def blocks(self) -> Sequence[Block]:
        """The rows."""

    @property
    @abstractmethod
    def footer(self) -> Sequence[str]:
        """The last lines."""

    def __str__(self) -> str:
        blocks, left_out = self._selected()
        rows = [row for block in blocks for row in block.rows]
        parts = [
            [self.headline],
            [*_padded(self.header, rows), *([f"... and {left_out} more that are right"] * bool(left_out))],
            _grouped(blocks),
            self.footer,
        ]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def __rich__(self) -> Any:
        """What `rich` prints."""
        from rich import table, text
        from rich.console import Group

        shown = table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for title in self.header:
            shown.add_column(title, overflow="fold")  # no digit and no exponent is ever cut off
        for block in self.blocks:
            for row, well in zip(block.rows, block.well, strict=True):
                shown.add_row(*map(text.Text, row), style="" if well else "red")
        return Group(
            text.Text(self.headline, style="bold green" if self.ok else "bold red"),
            *([shown] if self.blocks else []),
            *map(text.Text, _grouped(self.blocks)),
            *[text.Text(line, style="dim") for line in self.footer],
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        head = _cells("th", self.header)
        body = "".join(
            f"<tr{'' if well else ' style=color:#b00020'}>{_cells('td', row)}</tr>"
            for block in self.blocks
            for row, well in zip(block.rows, block.well, strict=True)
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
        below = "".join(f"<div>{escape(line)}</div>" for line in [*_grouped(self.blocks), *self.footer])
        return f"<div><b>{escape(self.headline)}</b>{table}{below}</div>"

    def _selected(self) -> tuple[list[Block], int]:
        """All blocks that are not well, and as many others as there is room for."""
        room = max(self.most_right - sum(not block.ok for block in self.blocks), 0)
        shown, left_out = [], 0
        for block in self.blocks:
            if block.ok and room == 0:
                left_out += 1
                continue
            room -= block.ok
            shown.append(block)
        return shown, left_out


def _grouped(blocks: Sequence[Block]) -> list[str]:
    """The remarks, each once, after all that it is about."""
    subjects: dict[str, list[str]] = {}
    for block in blocks:
        for subject, words in block.remarks:
            subjects.setdefault(words, []).append(subject)
    return [f"{', '.join(about)}: {words}" for words, about in subjects.items()]


def _cells(tag: str, row: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)


def _padded(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in [header, *rows]]

"""Tables of names: a row is found by its name, and a new row has a name of its own."""

from collections.abc import Mapping
from typing import TypeVar

Row = TypeVar("Row")


def look_up(table: Mapping[str, Row], kind: str, name: str) -> Row:
    """The row of a name.

    Args:
        table: the rows by name.
        kind: what the rows are, for the message.
        name: the name.

    Returns:
        The row.

    Raises:
        ValueError: if there is no such name; the message lists the known names.
    """
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(table)}")
    return table[name]


def refuse_taken(table: Mapping[str, object], kind: str, name: str) -> None:
    """Raise ValueError if a name is taken.

    Args:
        table: the rows by name.
        kind: what the rows are, with an article, for the message.
        name: the name.

    Raises:
        ValueError: if there is already a row of this name.
    """
    if name in table:
        raise ValueError(f"there is already {kind} {name!r}: choose another name, or assign to the table")

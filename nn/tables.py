"""Tables of names: a row is found by its name, and a new row has a name of its own."""

from collections.abc import Callable, Mapping
from inspect import getdoc
from typing import Any, TypeVar

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


def refuse_taken(table: Mapping[str, object], kind: str, title: str, name: str) -> None:
    """Raise ValueError if a name is taken.

    Args:
        table: the rows by name.
        kind: what the rows are, with an article, for the message.
        title: the table as users write it, for the message.
        name: the name.

    Raises:
        ValueError: if there is already a row of this name.
    """
    if name in table:
        raise ValueError(
            f"there is {kind} {name!r} already: give yours another name, or first `del {title}[{name!r}]` to "
            "define it anew"
        )


def facts_of(function: Callable[..., Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The given facts of a row, with the name and the docstring of its function where they are left out."""
    text = " ".join((getdoc(function) or "").split()).rstrip(".")
    return {"name": function.__name__, "text": text, **facts}

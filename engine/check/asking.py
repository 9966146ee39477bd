"""Questions in text, as a command line has them: which function, which claims."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any

from engine.expression import parse


def function_of(text: str, names: Collection[str] | None = None) -> Callable[..., Any]:
    """The function that a text names.

    Args:
        text: an expression, "tanh(w*x + b)", which is parsed and never evaluated as code; or
            "package.module:function", which is imported, from the current directory too.
        names: what it will be given numbers for, which an expression must have names for; None if unknown.

    Returns:
        The function.

    Raises:
        ValueError: if the expression is none, pointing at the place, or has other names, or there is no
            such function.

    Example:
        >>> function_of("x**2 + y")(x=3.0, y=1.0)
        10.0
    """
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text):
        expression = parse(text)
        if names is not None:
            expression.refuse_other_names(names)
        return expression
    module, _, name = text.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{text}: {error}") from None
    if not callable(found):
        raise ValueError(f"{text} is {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return function


def texts_of(assignments: Iterable[str]) -> dict[str, str]:
    """Texts by name, from "name=text".

    Args:
        assignments: the texts.

    Returns:
        What stands behind each name, as it was written: printed numbers claim their decimals.

    Raises:
        ValueError: if one has no name or no =, or a name is given twice.

    Example:
        >>> texts_of(["w=0.0497", "b = -1"])
        {'w': '0.0497', 'b': '-1'}
    """
    found: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not (equals and name):
            raise ValueError(f"{assignment!r} is no assignment; write name=number, as in x=0.5")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = text.strip()
    return found

"""JSON files read strictly: UTF-8 text, no key twice, and entries of the right kind.

The errors do not name the file; the caller adds its path.
"""

import json
from collections.abc import Collection
from math import isfinite
from pathlib import Path
from reprlib import repr as shortened
from typing import Any


def read(path: Path, **options: Any) -> Any:
    """The content of a file.

    Args:
        path: the file.
        **options: of `json.loads`.

    Raises:
        ValueError: if it is not UTF-8 text, not JSON, or an object in it has a key twice.
        OSError: if it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text: {error}") from None
    try:
        return json.loads(text, object_pairs_hook=_unique, **options)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, content in pairs:
        if key in found:
            raise ValueError(f"duplicate key {key!r}")
        found[key] = content
    return found


def entries(what: str, content: Any, exactly: Collection[str] | None = None) -> dict[str, Any]:
    """An object; if keys are given, with exactly these."""
    if exactly is not None and (not isinstance(content, dict) or content.keys() != set(exactly)):
        raise ValueError(f"{what} must have exactly the entries {', '.join(sorted(exactly))}")
    if not isinstance(content, dict):
        raise ValueError(f'{what} must be an object with names, such as {{"w": 0.5}}')
    return content


def text(what: str, content: Any) -> str:
    """A text."""
    if not isinstance(content, str):
        raise ValueError(f'{what} is {shortened(content)}; write a text, such as "w"')
    return content


def number(what: str, content: Any) -> float:
    """A finite number."""
    if isinstance(content, bool) or not isinstance(content, (int, float)) or not isfinite(content):
        raise ValueError(f"{what} is {shortened(content)}; write a finite number, such as 0.5")
    return float(content)


def texts(what: str, content: Any) -> list[str]:
    """A list of texts."""
    return [text(f"{what}[{i}]", x) for i, x in enumerate(_list(what, content, 'texts, such as ["w"]'))]


def numbers(what: str, content: Any) -> list[float]:
    """A list of finite numbers."""
    return [number(f"{what}[{i}]", x) for i, x in enumerate(_list(what, content, "numbers, such as [1, 0]"))]


def _list(what: str, content: Any, example: str) -> list[Any]:
    if not isinstance(content, list):
        raise ValueError(f"{what} is {shortened(content)}; write a list of {example}")
    return content

"""JSON files: what is read, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nn import _json


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1, "b": {"c": 2, "c": 2}}', "^duplicate key 'c'$"),
        (b'{"d\xe9lta": 1}', "^not UTF-8 text: "),
        (b"{", "^not JSON: Expecting property name"),
        (b"", "^not JSON: Expecting value"),
    ],
)
def test_a_file_is_read_strictly(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        _json.read(path)


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 0.10}', encoding="utf-8-sig")
    assert _json.read(path) == {"a": 0.1}
    assert _json.read(path, parse_float=str) == {"a": "0.10"}


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (_json.text, "w"),
        (_json.number, 0.5),
        (_json.number, -3),
        (_json.texts, ["w", ""]),
        (_json.texts, []),
        (_json.numbers, [1, 0.5]),
        (_json.entries, {"w": 1}),
    ],
)
def test_an_entry_of_the_right_kind_is_given_back(read: Callable[..., Any], content: Any) -> None:
    assert read("it", content) == content


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (_json.text, 1, "^it is 1; write a text, such as "),
        (_json.text, None, "^it is None; write a text"),
        (_json.number, "1", "^it is '1'; write a finite number, such as 0.5$"),
        (_json.number, True, "^it is True; write a finite"),
        (_json.number, float("inf"), "^it is inf; write a finite"),
        (_json.number, float("nan"), "^it is nan; write a finite"),
        (_json.texts, "w", "^it is 'w'; write a list of texts"),
        (_json.texts, ["w", 1], r"^it\[1\] is 1; write a text"),
        (_json.numbers, 1, "^it is 1; write a list of numbers"),
        (_json.numbers, [1, None], r"^it\[1\] is None; write a finite"),
        (_json.numbers, ["x" * 1000], r"^it\[0\] is 'x{1,20}\.\.\.x{1,20}'; write"),
        (_json.entries, [1], "^it must be an object with names, such as "),
    ],
)
def test_an_entry_of_another_kind_is_refused(read: Callable[..., Any], content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read("it", content)


@pytest.mark.parametrize("content", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, ["a", "b"]])
def test_an_object_has_exactly_its_entries(content: Any) -> None:
    with pytest.raises(ValueError, match=r"^it must have exactly the entries a, b$"):
        _json.entries("it", content, ("b", "a"))
    assert _json.entries("it", {"b": 2, "a": 1}, ("a", "b")) == {"a": 1, "b": 2}

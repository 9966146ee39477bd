"""Exercises and papers: what was to be computed, and what somebody handed in."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from engine import Value
from engine.expression import parse
from engine.grading.grading import GradeReport, grade
from nn import losses, storage
from nn.article import worked_example
from nn.data.csv_table import delimiter


@dataclass(frozen=True)
class Exercise:
    """A recorded computation, and the step that follows it.

    Args:
        output: the value that is differentiated, with labels on what can be claimed.
        learning_rate: of the step of gradient descent; None if there is no step.
    """

    output: Value
    learning_rate: float | None = None


def article() -> Exercise:
    """The worked example of the article: one step of a network of six neurons.

    Example:
        >>> round(article().output.data, 6)
        0.397726
    """
    output = losses.log_loss(worked_example.network()(worked_example.INPUTS), worked_example.TARGET)
    return Exercise(output, worked_example.LEARNING_RATE)


def load_exercise(path: str | os.PathLike[str]) -> Exercise:
    """An exercise from a JSON file.

    Args:
        path: the file. It holds either named steps, each an expression of earlier names, the last of them
            what is differentiated: `{"at": {"w": 0.5, "x": 2}, "steps": {"z": "w*x", "E": "(z - 1)**2"}}`;
            or a network, as `storage.save` writes it, with one example:
            `{"model": "model.json", "x": [1, 0], "y": [1], "loss": "log_loss"}`. Both may have a
            `"learning_rate"`.

    Returns:
        The exercise.

    Raises:
        ValueError: if the file is neither, saying what is missing.
        OSError: if it cannot be read.
    """
    path = Path(path)
    content = _object(path, "the exercise", _json(path))
    rate = content.get("learning_rate")
    if rate is not None:
        rate = _number(path, "learning_rate", rate)
    if "steps" in content:
        return Exercise(_steps(path, content), rate)
    missing = [key for key in ("model", "x", "y", "loss") if key not in content]
    if missing:
        raise ValueError(
            f"{path}: an exercise has steps, or a model, x, y and loss; missing: {', '.join(missing)}"
        )
    model = storage.load(path.parent / str(content["model"]))
    loss = losses.find_loss(str(content["loss"]))
    x, y = _numbers(path, "x", content["x"]), _numbers(path, "y", content["y"])
    return Exercise(loss(model(x), y), rate)


def _steps(path: Path, content: Mapping[str, Any]) -> Value:
    if not content["steps"]:
        raise ValueError(f"{path}: the exercise has no steps")
    at = _object(path, "at", content.get("at"))
    known: dict[str, Any] = {name: Value(_number(path, name, x), name) for name, x in at.items()}
    for name, text in _object(path, "steps", content["steps"]).items():
        if not isinstance(text, str):
            raise ValueError(f'{path}: step {name} is {text!r}; write an expression, such as "w*x"')
        if name in known:
            raise ValueError(f"{path}: step {name} has a name that is given already")
        expression = parse(text)
        unknown = [other for other in expression.names if other not in known]
        if unknown:
            raise ValueError(f"{path}: step {name} uses {unknown[0]}, which is not known by then")
        result = expression(**{other: known[other] for other in expression.names})
        if not isinstance(result, Value):
            raise ValueError(f"{path}: step {name} = {text} depends on nothing that is given")
        if result in known.values():
            raise ValueError(f"{path}: step {name} only renames {text}")
        result.label = name
        known[name] = result
    output: Value = result
    return output


def load_claims(path: str | os.PathLike[str]) -> dict[str, str]:
    """A paper: the numbers that somebody claims, as they were written.

    Args:
        path: a JSON file, `{"delta_5": "-0.0497", ...}`, or a CSV file whose header is `quantity,claimed`.
            Numbers count as printed: 0.0497 claims its four decimals.

    Returns:
        The claims by name.

    Raises:
        ValueError: if the file is neither, naming the row; or if a name comes twice.
        OSError: if it cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        pairs = _object(path, "a paper", _json(path, parse_float=str, parse_int=str))
        for name, claim in pairs.items():
            if not isinstance(claim, str):
                raise ValueError(f"{path}: {name} is {claim!r}; write a number")
        return dict(pairs)
    text = _text(path)
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter(text)))
    if not rows or [cell.strip().lower() for cell in rows[0]] != ["quantity", "claimed"]:
        raise ValueError(f"{path}: the first line must be quantity,claimed")
    claims: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != 2:
            raise ValueError(f"{path}, line {number}: {len(row)} cells; write quantity,claimed")
        name, claim = (cell.strip() for cell in row)
        if name in claims:
            raise ValueError(f"{path}, line {number}: {name} is claimed twice")
        claims[name] = claim
    return claims


def marked(path: str | os.PathLike[str], exercise: Exercise) -> GradeReport:
    """A paper, marked.

    Args:
        path: the paper, as `load_claims` reads it.
        exercise: what was to be computed.

    Returns:
        The report.

    Raises:
        ValueError: if the paper cannot be read as claims about this exercise, naming the file.
        OSError: if it cannot be read at all.
    """
    claims = load_claims(path)
    try:
        return grade(exercise.output, claims, learning_rate=exercise.learning_rate)
    except (ValueError, LookupError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from None


def _json(path: Path, **options: Any) -> Any:
    text = _text(path)
    try:
        return json.loads(text, object_pairs_hook=_once, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _object(path: Path, what: str, content: Any) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f'{path}: {what} must be an object with names, as in {{"w": 0.5}}')
    return content


def _numbers(path: Path, name: str, content: Any) -> list[float]:
    if not isinstance(content, list):
        raise ValueError(f"{path}: {name} is {content!r}; write a list of numbers, such as [1, 0]")
    return [_number(path, f"{name}[{i}]", x) for i, x in enumerate(content)]


def _number(path: Path, name: str, x: Any) -> float:
    if isinstance(x, bool) or not isinstance(x, (int, float)) or not isfinite(x):
        raise ValueError(f"{path}: {name} is {x!r}; write a finite number, such as 0.5")
    return float(x)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, x in pairs:
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = x
    return found

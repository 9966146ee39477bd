"""Exercises and papers: the computations that were asked for, and the numbers that were handed in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Value
from engine.expression import parse
from engine.grading import GradeReport, grade
from nn import _json, storage
from nn.article import worked_example
from nn.data.csv_table import read_rows
from nn.losses import find_loss, log_loss


@dataclass(frozen=True)
class Exercise:
    """A recorded computation, and the step of gradient descent that follows it.

    Args:
        output: the value that is differentiated, with labels on everything that can be claimed.
        learning_rate: the learning rate of the step; None if there is no step.
    """

    output: Value
    learning_rate: float | None = None


def article() -> Exercise:
    """The worked example of the article: one step of a network of six neurons.

    Example:
        >>> round(article().output.data, 6)
        0.397726
    """
    output = log_loss(worked_example.network()(worked_example.INPUTS), worked_example.TARGET)
    return Exercise(output, worked_example.LEARNING_RATE)


def load_exercise(path: str | os.PathLike[str]) -> Exercise:
    """An exercise from a JSON file.

    Args:
        path: the file. It holds named steps, each an expression of earlier names; the last step is
            differentiated: `{"at": {"w": 0.5, "x": 2}, "steps": {"z": "w*x", "E": "(z - 1)**2"}}`. Or it
            holds a network, as `storage.save` writes it, and one example:
            `{"model": "model.json", "x": [1, 0], "y": [1], "loss": "log_loss"}`. Both may have a
            `"learning_rate"`.

    Returns:
        The exercise.

    Raises:
        ValueError: if the file holds neither; the message says what is missing.
        OSError: if it cannot be read.
    """
    path = Path(path)
    try:
        content = _json.entries("the exercise", _json.read(path))
        rate = content.get("learning_rate")
        if rate is not None:
            rate = _json.number("learning_rate", rate)
        output = _output_of_steps(content) if "steps" in content else _output_of_network(path.parent, content)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from None
    return Exercise(output, rate)


def _output_of_network(folder: Path, content: dict[str, Any]) -> Value:
    missing = [key for key in ("model", "x", "y", "loss") if key not in content]
    if missing:
        raise ValueError(f"an exercise has steps, or a model, x, y and loss; missing: {', '.join(missing)}")
    model = storage.load(folder / _json.text("model", content["model"]))
    loss = find_loss(_json.text("loss", content["loss"]))
    x, y = (_json.numbers(name, content[name]) for name in ("x", "y"))
    output: Value = loss(model(x), y)
    return output


def _output_of_steps(content: dict[str, Any]) -> Value:
    if not content["steps"]:
        raise ValueError("the exercise has no steps")
    at = _json.entries("at", content.get("at"))
    known: dict[str, Any] = {name: Value(_json.number(name, x), name) for name, x in at.items()}
    for name, text in _json.entries("steps", content["steps"]).items():
        known[name] = output = _output_of_step(name, text, known)
    return output


def _output_of_step(name: str, text: Any, known: dict[str, Any]) -> Value:
    """One step of an exercise, recorded from the values known by then."""
    if not isinstance(text, str):
        raise ValueError(f'step {name} is {text!r}; write an expression, such as "w*x"')
    if name in known:
        raise ValueError(f"the name of step {name} is taken")
    expression = parse(text)
    unknown = [other for other in expression.names if other not in known]
    if unknown:
        raise ValueError(f"step {name} uses {unknown[0]}, which is not known by then")
    output = expression(**{other: known[other] for other in expression.names})
    if not isinstance(output, Value):
        raise ValueError(f"step {name} = {text} depends on no given value")
    if output in known.values():
        raise ValueError(f"step {name} only renames {text}")
    output.label = name
    return output


def load_claims(path: str | os.PathLike[str]) -> dict[str, str]:
    """A paper: the claimed numbers, as they were written.

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
    return _claims_in_json(path) if path.suffix.lower() == ".json" else _claims_in_csv(path)


def _claims_in_json(path: Path) -> dict[str, str]:
    try:
        claims = _json.entries("a paper", _json.read(path, parse_float=str, parse_int=str))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for name, claim in claims.items():
        if not isinstance(claim, str):
            raise ValueError(f"{path}: {name} is {claim!r}; write a number")
    return claims


def _claims_in_csv(path: Path) -> dict[str, str]:
    header, *rows = read_rows(path)
    if [cell.lower() for cell in header.cells] != ["quantity", "claimed"]:
        raise ValueError(f"{path}: the first line must be quantity,claimed")
    claims: dict[str, str] = {}
    for line, cells in rows:
        if not cells:
            continue
        if len(cells) != 2:
            raise ValueError(f"{path}, line {line}: {len(cells)} cells; write quantity,claimed")
        name, claim = cells
        if name in claims:
            raise ValueError(f"{path}, line {line}: {name} is claimed twice")
        claims[name] = claim
    return claims


def mark(path: str | os.PathLike[str], exercise: Exercise) -> GradeReport:
    """The marks of a paper.

    Args:
        path: the paper, as `load_claims` reads it.
        exercise: the exercise that the paper answers.

    Returns:
        The report.

    Raises:
        ValueError: if the paper cannot be read as claims about this exercise; the message names the file.
        OSError: if the file cannot be read.
    """
    claims = load_claims(path)
    try:
        return grade(exercise.output, claims, learning_rate=exercise.learning_rate)
    except (ValueError, LookupError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None

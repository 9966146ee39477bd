"""Exercises: the computations that are asked for, as data and as recorded graphs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import Value
from engine.derivatives import grad
from engine.expression import parse
from engine.grading.grading import moved_leaves
from engine.grading.names import Vocabulary
from engine.graph import topological
from engine.mistakes.computation import ADJOINT, UPDATED, VALUE
from engine.numbers import floats
from engine.replay import replay
from engine.value import parameter
from nn import _json, storage
from nn.article import worked_example
from nn.losses import find_loss
from nn.modules import MLP

ARTICLE = "article"  # the name of the exercise that needs no file

_ASKED_IN_THE_ARTICLE = (
    *(f"a_{i}" for i in range(1, 7)),
    *(f"delta_{i}" for i in (6, 4, 5, 1, 2, 3)),
    *(f"new {p.label}" for p in worked_example.network().parameters()),
    "new a_6",
)


@dataclass(frozen=True)
class Network:
    """The network of an exercise, and its one example.

    Args:
        model: the network.
        x: the inputs.
        y: the targets.
        loss: the name of the loss.
    """

    model: MLP
    x: Sequence[float]
    y: Sequence[float]
    loss: str

    def cost(self, output: Any = None, target: Any = None) -> Value:
        """The recorded loss of the example, named E, as the papers name it; or that of another output."""
        result: Value = find_loss(self.loss)(
            self.model(self.x) if output is None else output, self.y if target is None else target
        )
        if not result.label:
            result.label = "E"
        return result


@dataclass(frozen=True)
class Exercise:
    """A recorded computation, and the step of gradient descent that follows it.

    Args:
        output: the value that is differentiated, with labels on everything that can be claimed.
        learning_rate: the learning rate of the step; None if there is no step.
        asked: the names of the quantities that are asked for.
        content: the exercise as data, which `from_content` reads.
        network: the network, if the exercise is about one.
    """

    output: Value
    learning_rate: float | None = None
    asked: Sequence[str] = ()
    content: Mapping[str, Any] = field(default_factory=dict)
    network: Network | None = None

    @property
    def order(self) -> list[Value]:
        """The recorded values, parents first."""
        return topological([self.output])

    @property
    def moved(self) -> list[Value]:
        """The leaves that the step moves, none if there is no step."""
        return [] if self.learning_rate is None else moved_leaves(self.order)


def article() -> Exercise:
    """The worked example of the article: one step of a network of six neurons.

    Example:
        >>> round(article().output.data, 6)
        0.397726
    """
    network = Network(worked_example.network(), worked_example.INPUTS, [worked_example.TARGET], "log_loss")
    return Exercise(network.cost(), worked_example.LEARNING_RATE, _ASKED_IN_THE_ARTICLE, network=network)


# --- The right numbers.


def answers(exercise: Exercise) -> dict[str, float]:
    """The right number of every quantity that is asked for, by its standard name.

    Args:
        exercise: the exercise.

    Returns:
        The numbers: those recorded, their derivatives, and those after the step.

    Example:
        >>> round(answers(article())["new a_6"], 4)
        0.6981
    """
    order = exercise.order
    words = Vocabulary(order, exercise.output)
    asked = [words.find(name) for name in exercise.asked]
    values = [v for v in order if v.label]
    adjoints = dict(zip(values, (d.data for d in grad(exercise.output, values)), strict=True))
    rate = exercise.learning_rate or 0.0
    leaves = {v: v.data for v in order if not v.parents}
    updated = replay(order, floats, leaves | {v: v.data - rate * adjoints[v] for v in exercise.moved})
    numbers = {
        VALUE: {v: v.data for v in values},
        ADJOINT: adjoints,
        UPDATED: updated,
    }
    return {words.standard(q): numbers[q.kind][q.value] for q in asked}


# --- Exercises as data.


def find_exercise(name: str | os.PathLike[str]) -> Exercise:
    """The exercise of a file, or the article's example by the name `article`."""
    return article() if os.fspath(name) == ARTICLE else load_exercise(name)


def load_exercise(path: str | os.PathLike[str]) -> Exercise:
    """An exercise from a JSON file.

    Args:
        path: the file. It holds what `from_content` reads.

    Returns:
        The exercise.

    Raises:
        ValueError: if the file holds none; the message says what is missing.
        OSError: if it cannot be read.
    """
    path = Path(path)
    try:
        return from_content(_json.entries("the exercise", _json.read(path)), path.parent)
    except (ValueError, OverflowError, LookupError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


def from_content(content: Mapping[str, Any], folder: Path | None = None) -> Exercise:
    """An exercise from its data.

    Args:
        content: named steps, each an expression of earlier names, of which the last is differentiated:
            `{"at": {"w": 0.5, "x": 2}, "steps": {"z": "w*x", "E": "(z - 1)**2"}}`. Or a network and one
            example: `{"model": "model.json", "x": [1, 0], "y": [1], "loss": "log_loss"}`, with a file that
            `storage.save` wrote, or with `"layers"` in place of it. Both may have a `"learning_rate"` and
            `"asked"`, the names of the quantities that are asked for; steps also `"parameters"`, the names
            that the step of gradient descent moves.
        folder: where the file of the model is.

    Returns:
        The exercise.

    Raises:
        ValueError: if something is missing or wrong.
        LookupError: if a name that is asked for is not that of a quantity.
    """
    rate = content.get("learning_rate")
    if rate is not None:
        rate = _json.number("learning_rate", rate)
    network = None if "steps" in content else _network(content, folder or Path())
    output = network.cost() if network else _output_of_steps(content)
    exercise = Exercise(output, rate, (), content, network)
    words = Vocabulary(exercise.order, output)
    if "asked" in content:
        asked = [words.standard(words.find(name)) for name in _json.texts("asked", content["asked"])]
        if not asked:
            raise ValueError('nothing is asked for; leave "asked" out to ask for everything')
        _refuse_steps_without_rate(asked, rate)
    else:
        asked = words.all(rate, exercise.moved)
    return Exercise(output, rate, tuple(dict.fromkeys(asked)), content, network)


def _refuse_steps_without_rate(asked: Sequence[str], rate: float | None) -> None:
    after = [name for name in asked if name.startswith("new ")]
    if after and rate is None:
        raise ValueError(f"{after[0]} is a number after a step; give a learning_rate")


def _network(content: Mapping[str, Any], folder: Path) -> Network:
    missing = [key for key in ("model", "x", "y", "loss") if key not in content]
    if "layers" in content:
        missing = [key for key in missing if key != "model"]
    if missing:
        raise ValueError(f"an exercise has steps, or a model, x, y and loss; missing: {', '.join(missing)}")
    loss = _json.text("loss", content["loss"])
    find_loss(loss)  # an unknown name is refused here
    x, y = (_json.numbers(name, content[name]) for name in ("x", "y"))
    if "layers" in content:
        model = storage.model_of(content["layers"])
    else:
        model = storage.load(folder / _json.text("model", content["model"]))
    return Network(model, x, y, loss)


def _output_of_steps(content: Mapping[str, Any]) -> Value:
    if not content["steps"]:
        raise ValueError("the exercise has no steps")
    at = _json.entries("at", content.get("at"))
    moved = _json.texts("parameters", content.get("parameters", []))
    if unknown := [name for name in moved if name not in at]:
        raise ValueError(f"the parameter {unknown[0]} has no number in at")
    known: dict[str, Any] = {
        name: (parameter if name in moved else Value)(_json.number(name, x), name) for name, x in at.items()
    }
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

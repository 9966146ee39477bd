"""From a table to a network and its metrics: the steps of `deltagrad train` and `verify`.

If the target is a number, the network has an identity output and the squared error. For two classes it has
one logit and the log loss, for more classes a logit each and the cross-entropy.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from nn.activations import find_activation
from nn.data import DATASETS, DataError, Dataset, Standardization, load_csv
from nn.losses import LOSSES, find_loss
from nn.modules import MLP
from nn.storage import Preparation

_MOST_PARAMETERS = 10_000_000  # more would fill the memory of most machines


def load_data(
    source: str,
    target: str | None,
    *,
    classification: bool = False,
    classes: Sequence[str] = (),
    rng: random.Random,
) -> Dataset:
    """The data of a built-in set or of a CSV file.

    Args:
        source: a name in `nn.DATASETS`, or the path of a CSV file.
        target: the column to predict, for a CSV file only.
        classification: whether numbers in that column name classes.
        classes: the names of all classes; those in the column if left out.
        rng: the generator that a generated set draws from.

    Returns:
        The data.

    Raises:
        DataError: if the file is not a table of numbers, or no target is named for it.
    """
    if source in DATASETS:
        if target is not None:
            raise DataError(f"the built-in set {source} has its own target; leave out --target")
        return DATASETS[source](rng)
    if target is None:
        raise DataError(
            f"{source} is not a built-in set ({', '.join(DATASETS)}); if it is a CSV file, "
            "name the column to predict with --target"
        )
    return load_csv(source, target, classification=classification, classes=classes)


def prepare(data: Dataset) -> Preparation:
    """How the columns of a training set become inputs and targets.

    Args:
        data: the training set.

    Returns:
        The preparation, which applies to any other data with these columns.

    Raises:
        DataError: if the target is the same number in every example.
    """
    if not data.classes and min(data.y) == max(data.y):
        raise DataError(f"every example has {data.target} = {data.y[0]:g}: there is nothing to learn")
    numeric = not data.classes
    return Preparation(
        features=data.features,
        inputs=Standardization.of(data.X, data.features),
        target=data.target,
        outputs=Standardization.of(data.targets(), [data.target]) if numeric else None,
        classes=data.classes,
        loss=_loss_for(data),
    )


def _loss_for(data: Dataset) -> str:
    predicts = {0: "number", 2: "two classes"}.get(len(data.classes), "classes")
    return next(name for name in LOSSES if find_loss(name).predicts == predicts)


def may_be_classes(data: Dataset) -> bool:
    """Whether the numbers to predict look like names of classes: few, and all whole.

    Args:
        data: the examples.

    Returns:
        Whether they do; False if the target has classes already.

    Example:
        >>> may_be_classes(Dataset([[0.5]] * 6, [0, 1, 1, 0, 1, 0], ("x",), "y"))
        True
    """
    different = set(data.y)
    return (
        not data.classes
        and all(float(y).is_integer() for y in different)
        and len(different) <= min(10, len(data) // 3)
    )


def inputs_and_targets(data: Dataset, by: Preparation) -> tuple[list[list[float]], list[list[float]]]:
    """The inputs and targets of a network.

    Args:
        data: a table with the columns and classes of the preparation; the columns in any order.
        by: the preparation.

    Returns:
        Inputs and targets, a row of each for each example.

    Raises:
        DataError: if a column is missing, a class is unknown, or only one of the two has classes.
    """
    if bool(data.classes) != bool(by.classes):
        kinds = ("classes", "numbers") if by.classes else ("numbers", "classes")
        raise DataError(f"the model predicts {kinds[0]}, but {data.target} holds {kinds[1]}")
    missing = [name for name in by.features if name not in data.features]
    if missing:
        raise DataError(f"the data lacks the columns {', '.join(missing)}, which the model needs")
    columns = [data.features.index(name) for name in by.features]
    inputs = by.inputs.apply([[row[j] for j in columns] for row in data.X])
    if by.outputs is not None:
        return inputs, by.outputs.apply(data.targets())
    unknown = sorted(set(data.classes) - set(by.classes))
    if unknown:
        raise DataError(f"the model has no class {', '.join(unknown)}; it has {', '.join(by.classes)}")
    index = [by.classes.index(name) for name in data.classes]
    relabelled = replace(data, y=[index[int(y)] for y in data.y], classes=tuple(by.classes))
    return inputs, relabelled.targets()


def data_for(
    preparation: Preparation | None, source: str, target: str | None, rng: random.Random
) -> tuple[list[list[float]], list[list[float]], str]:
    """The inputs and targets of a saved model, and its loss.

    Args:
        preparation: the one that was saved with the model, or None.
        source: a name in `nn.DATASETS`, or the path of a CSV file.
        target: the column to predict; None for the one the model was trained with.
        rng: the generator that a generated set draws from.

    Returns:
        Inputs, targets, and the name of the loss.

    Raises:
        DataError: if the data does not fit the model.
    """
    if preparation is None:
        data = load_data(source, target, rng=rng)
        return data.X, data.targets(), _loss_for(data)
    column = None if source in DATASETS else target or preparation.target
    data = load_data(source, column, classes=preparation.classes, rng=rng)
    return *inputs_and_targets(data, preparation), preparation.loss


@dataclass(frozen=True)
class Metrics:
    """How good predictions are.

    Attributes:
        name: "accuracy", the part of the predicted classes that are right, or "R²", the part of the variance
            that is explained.
        value: the accuracy or R².
        error: the root of the mean squared error in the target's unit; None for classes.
        examples: the number of examples.
    """

    name: str
    value: float
    error: float | None
    examples: int

    def __str__(self) -> str:
        error = "" if self.error is None else f", root mean squared error {self.error:.4g}"
        value = f"{self.value:.2%}" if self.name == "accuracy" else f"{self.value:.3f}"
        plural = "" if self.examples == 1 else "s"
        return f"{self.name} {value} on {self.examples} example{plural}{error}"


def evaluate(model: MLP, data: Dataset, by: Preparation) -> Metrics:
    """The metrics of a network on data.

    Args:
        model: the network.
        data: the examples.
        by: the preparation the network was trained with.

    Returns:
        Accuracy for classes, R² and the root mean squared error for a number.
    """
    inputs, targets = inputs_and_targets(data, by)
    outputs = [_numbers(model(x)) for x in inputs]
    if by.outputs is None:
        hits = sum(_choice(o) == _choice(y) for o, y in zip(outputs, targets, strict=True))
        return Metrics("accuracy", hits / len(data), None, len(data))
    squares = math.fsum((o[0] - y[0]) ** 2 for o, y in zip(outputs, targets, strict=True))
    mean = math.fsum(y[0] for y in targets) / len(targets)
    spread = math.fsum((y[0] - mean) ** 2 for y in targets)
    explained = 1.0 - squares / spread if spread else math.nan
    return Metrics("R²", explained, math.sqrt(squares / len(data)) * by.outputs.scale[0], len(data))


def _numbers(output: Any) -> list[float]:
    return [float(value) for value in (output if isinstance(output, list) else [output])]


def _choice(scores: Sequence[float]) -> int:
    """The predicted class: whether the score is positive if there is one, else the index of the largest."""
    if len(scores) == 1:
        return int(scores[0] > 0.0)
    return max(range(len(scores)), key=scores.__getitem__)


def network_for(by: Preparation, hidden: Sequence[int], activation: str, rng: random.Random) -> MLP:
    """A network with the inputs and outputs that a table needs.

    Args:
        by: the preparation.
        hidden: the sizes of the hidden layers.
        activation: the activation of the hidden layers.
        rng: the generator that draws the weights.

    Returns:
        The network, with linear outputs.

    Raises:
        ValueError: if it would have more than ten million parameters, each of which is a `Value`.
    """
    outputs = len(by.classes) if len(by.classes) > 2 else 1
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise([len(by.features), *hidden, outputs]))
    if count > _MOST_PARAMETERS:
        raise ValueError(
            f"the network would have {count:,} parameters, which are as many Values; give smaller hidden "
            f"layers, for at most {_MOST_PARAMETERS:,}"
        )
    init = find_activation(activation).init
    return MLP(len(by.features), [*hidden, outputs], activation=activation, init=init, rng=rng)

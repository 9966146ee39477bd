"""Models as files: plain JSON that keeps every bit of every parameter and holds nothing that could run.

repr(float) round-trips, so that the same bits are read back.
"""

import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nn import _json
from nn.data import Standardization
from nn.losses import find_loss
from nn.modules import MLP

__all__ = ["ModelFileError", "load", "save"]

_FORMAT = "deltagrad model 1"
_LARGEST = 200_000_000  # bytes; a model of scalars is smaller


class ModelFileError(ValueError):
    """The file is not a model; the message says where and why."""


@dataclass(frozen=True)
class Preparation:
    """How the columns of a table became the inputs and targets of a model.

    Args:
        features: the columns that are inputs, in order.
        inputs: the standardization of the inputs.
        target: the column that is predicted.
        outputs: the standardization of a target that is a number; None for classes.
        classes: the names of the classes; empty if the target is a number.
        loss: the name of the loss that the model was trained with.
    """

    features: Sequence[str]
    inputs: Standardization
    target: str
    outputs: Standardization | None
    classes: Sequence[str]
    loss: str


def save(model: MLP, path: str | os.PathLike[str], preparation: Preparation | None = None) -> None:
    """Write a model to a file. An existing file is replaced only once the new one is complete.

    Args:
        model: the network.
        path: the file, by convention ending in .json.
        preparation: how the columns of a table became its inputs and targets.

    Raises:
        ValueError: if a parameter is not finite; the message names it.
        OSError: if the file cannot be written.
    """
    for p in model.parameters():
        if not math.isfinite(p.data):
            raise ValueError(f"not saved: {p.label} is {p.data}; a model file holds finite numbers")
    content = {
        "format": _FORMAT,
        "layers": layers_of(model),
        "preparation": None if preparation is None else asdict(preparation),
    }
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:  # the error names the draft, which the user does not know
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):  # if it could not be written, it does not exist
            draft.unlink()


def layers_of(model: MLP) -> list[dict[str, Any]]:
    """The layers of a model as plain data, from which `model_of` makes it again.

    Args:
        model: the network.

    Returns:
        For each layer its activation, a row of weights for each neuron, and the biases; None for what is
        absent.
    """
    return [
        {
            "activation": layer.activation,
            "weights": [
                _with_gaps(layer.n_in, neuron.sources, [w.data for w in neuron.w]) for neuron in layer.neurons
            ],
            "biases": [None if neuron.b is None else neuron.b.data for neuron in layer.neurons],
        }
        for layer in model.layers
    ]


def _with_gaps(n_in: int, sources: Sequence[int], numbers: Sequence[float]) -> list[float | None]:
    by_source = dict(zip(sources, numbers, strict=True))
    return [by_source.get(j) for j in range(n_in)]


def load(path: str | os.PathLike[str]) -> MLP:
    """Read a model from a file.

    Args:
        path: a file that `save` wrote.

    Returns:
        The network, with the same parameters, bit by bit.

    Raises:
        ModelFileError: if the file is not a model; the message says why.
        OSError: if the file cannot be read.
    """
    return load_prepared(path)[0]


def load_prepared(path: str | os.PathLike[str]) -> tuple[MLP, Preparation | None]:
    """Read a model and how its data was prepared.

    Args:
        path: a file that `save` wrote.

    Returns:
        The network, and the preparation if one was saved.

    Raises:
        ModelFileError: if the file is not a model; the message says why.
        OSError: if the file cannot be read.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 1_000_000} MB")
        content = _json.read(path)
        _json.entries("the file", content, ("format", "layers", "preparation"))
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
        model = model_of(content["layers"])
        return model, _read_preparation(content["preparation"], model.layers[0].n_in)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a model file: {error}") from None


def model_of(layers: Any) -> MLP:
    """A model from its layers as plain data.

    Args:
        layers: as `layers_of` writes them.

    Raises:
        ValueError: if they are not the layers of a network; the message says why.
    """
    if not isinstance(layers, list) or not layers:
        raise ValueError("it has no layers")
    for number, layer in enumerate(layers, start=1):
        _json.entries(f"layer {number}", layer, ("activation", "weights", "biases"))
        rows = layer["weights"]
        if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows) or not rows:
            raise ValueError(f"the weights of layer {number} are not a matrix")
        if not isinstance(layer["biases"], list) or not isinstance(layer["activation"], str):
            raise ValueError(f"layer {number} has no list of biases or no name of an activation")
    return MLP.from_weights(
        [layer["weights"] for layer in layers],
        [layer["biases"] for layer in layers],
        [layer["activation"] for layer in layers],
    )


def _read_preparation(content: Any, n_in: int) -> Preparation | None:
    if content is None:
        return None
    _json.entries("the preparation", content, Preparation.__dataclass_fields__)
    features = _json.texts("features", content["features"])
    inputs = _read_standardization("inputs", content["inputs"])
    if not len(features) == len(inputs.mean) == n_in:
        raise ValueError(f"it has {len(features)} features and {len(inputs.mean)} means for {n_in} inputs")
    outputs, loss = content["outputs"], _json.text("loss", content["loss"])
    find_loss(loss)  # an unknown name is refused here
    return Preparation(
        features=tuple(features),
        inputs=inputs,
        target=_json.text("target", content["target"]),
        outputs=None if outputs is None else _read_standardization("outputs", outputs),
        classes=tuple(_json.texts("classes", content["classes"])),
        loss=loss,
    )


def _read_standardization(what: str, content: Any) -> Standardization:
    _json.entries(what, content, ("mean", "scale"))
    mean, scale = (_json.numbers(f"{name} of the {what}", content[name]) for name in ("mean", "scale"))
    return Standardization(mean, scale)

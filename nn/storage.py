"""Models as files: plain JSON that keeps every bit of every parameter, and nothing that could run.

Python writes a float with as many digits as name it alone, and reads the same bits back.
"""

import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.value import as_float
from nn.data import Standardization
from nn.losses import find_loss
from nn.modules import MLP

__all__ = ["ModelFileError", "load", "save"]

_FORMAT = "deltagrad model 1"
_LARGEST = 200_000_000  # bytes; more is no model of scalars


class ModelFileError(ValueError):
    """A file that is not a model; the message says where and why."""


@dataclass(frozen=True)
class Preparation:
    """How the columns of a table became the inputs and targets of a model.

    Args:
        features: the columns that are inputs, in order.
        inputs: what brought them to mean 0 and standard deviation 1.
        target: the column that is predicted.
        outputs: what did so with the target, if it is a number.
        classes: the names of the classes, if it is not.
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
        preparation: how the data of a table became its inputs.

    Raises:
        ValueError: if a parameter is not finite, naming it: such a model cannot be used again.
        OSError: if the file cannot be written.
    """
    for p in model.parameters():
        if not math.isfinite(p.data):
            raise ValueError(f"{p.label} is {p.data}: a model with it is of no use, and was not saved")
    content = {
        "format": _FORMAT,
        "layers": [
            {
                "activation": layer.activation,
                "weights": [
                    _with_gaps(layer.n_in, neuron.sources, [w.data for w in neuron.w])
                    for neuron in layer.neurons
                ],
                "biases": [None if neuron.b is None else neuron.b.data for neuron in layer.neurons],
            }
            for layer in model.layers
        ],
        "preparation": None if preparation is None else asdict(preparation),
    }
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:  # it names the draft, of which the user knows nothing
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):  # there is none where it could not be written
            draft.unlink()


def _with_gaps(n_in: int, sources: Sequence[int], numbers: Sequence[float]) -> list[float | None]:
    by_source = dict(zip(sources, numbers, strict=True))
    return [by_source.get(j) for j in range(n_in)]


def load(path: str | os.PathLike[str]) -> MLP:
    """Read a model from a file.

    Args:
        path: a file that `save` wrote.

    Returns:
        The network, with the very same parameters.

    Raises:
        ModelFileError: if the file is not a model, saying why.
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
        ModelFileError: if the file is not a model, saying why.
        OSError: if the file cannot be read.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 1_000_000} MB")
        content = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
        )
        _refuse_other_keys("the file", content, {"format", "layers", "preparation"})
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
        model = _read_model(content["layers"])
        return model, _read_preparation(content["preparation"], model.layers[0].n_in)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a model file: {error}") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"a name stands twice among {', '.join(name for name, _ in pairs)}")
    return content


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds the number {name}")


def _refuse_other_keys(what: str, content: Any, keys: set[str]) -> None:
    if not isinstance(content, dict) or set(content) != keys:
        raise ValueError(f"{what} must have exactly the entries {', '.join(sorted(keys))}")


def _read_model(layers: Any) -> MLP:
    if not isinstance(layers, list) or not layers:
        raise ValueError("it has no layers")
    for number, layer in enumerate(layers, start=1):
        _refuse_other_keys(f"layer {number}", layer, {"activation", "weights", "biases"})
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
    _refuse_other_keys("the preparation", content, set(Preparation.__dataclass_fields__))
    features = _read_names("features", content["features"])
    inputs = _read_standardization("inputs", content["inputs"])
    if not len(features) == len(inputs.mean) == n_in:
        raise ValueError(
            f"{len(features)} features are prepared by {len(inputs.mean)} means for {n_in} inputs"
        )
    outputs = content["outputs"]
    (target,) = _read_names("target", [content["target"]])
    (loss,) = _read_names("loss", [content["loss"]])
    find_loss(loss)  # an unknown name is refused
    return Preparation(
        features=features,
        inputs=inputs,
        target=target,
        outputs=None if outputs is None else _read_standardization("outputs", outputs),
        classes=_read_names("classes", content["classes"]),
        loss=loss,
    )


def _read_names(what: str, content: Any) -> tuple[str, ...]:
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise ValueError(f"the {what} of the preparation are not text")
    return tuple(content)


def _read_standardization(what: str, content: Any) -> Standardization:
    _refuse_other_keys(f"the {what} of the preparation", content, {"mean", "scale"})
    for numbers in content.values():
        if not isinstance(numbers, list):
            raise ValueError(f"the {what} of the preparation have no lists of numbers")
    return Standardization(*([as_float(x) for x in content[name]] for name in ("mean", "scale")))

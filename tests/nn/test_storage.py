"""Models as files: every bit comes back, and a doctored file is refused in one line."""

import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import MLP, ModelFileError, load, save
from nn.data import Standardization
from nn.storage import Preparation, load_prepared

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PREPARATION = Preparation(
    features=("height", "weight µ"),
    inputs=Standardization([0.1, -2.5e-300], [1 / 3, 5e-324]),
    target="species",
    outputs=None,
    classes=("a", "b"),
    loss="log_loss_from_logits",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


def bits(model: MLP) -> list[str]:
    return [p.data.hex() for p in model.parameters()]


# --- The round trip.


@given(st.lists(FLOATS, min_size=9, max_size=9))
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    model = MLP(2, [2, 1], rng=random.Random(0))
    for p, x in zip(model.parameters(), numbers, strict=True):
        p.data = x
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    save(model, path)
    assert bits(load(path)) == bits(model)


def test_the_hardest_floats_come_back(path: Path) -> None:
    numbers = [
        -0.0,
        5e-324,
        -2.2250738585072014e-308,
        1.7976931348623157e308,
        0.1,
        1 / 3,
        1e23,
        9007199254740993.0,
    ]
    save(MLP.from_weights([[[*numbers]]], [[0.0]], ["identity"]), path)
    assert bits(load(path))[:-1] == [x.hex() for x in numbers]


def test_a_sparse_network_comes_back_as_sparse(path: Path) -> None:
    weights: list[list[list[float | None]]] = [[[0.5, None, -1.0], [None, None, None]], [[None, 2.0]]]
    biases: list[list[float | None]] = [[None, 0.25], [None]]
    model = MLP.from_weights(weights, biases, ["gelu", "softmax"])
    save(model, path)
    again = load(path)
    assert [p.label for p in again.parameters()] == [p.label for p in model.parameters()]
    assert [n.sources for layer in again.layers for n in layer.neurons] == [(0, 2), (), (1,)]
    assert [layer.activation for layer in again.layers] == ["gelu", "softmax"]
    assert bits(again) == bits(model)


def test_the_file_is_plain_json(path: Path) -> None:
    save(MLP.from_weights([[[0.5, None]]], [[-0.25]], ["tanh"]), path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "format": "deltagrad model 1",
        "layers": [{"activation": "tanh", "weights": [[0.5, None]], "biases": [-0.25]}],
        "preparation": None,
    }


@pytest.mark.parametrize("outputs", [None, Standardization([3.5], [0.25])])
def test_the_preparation_comes_back(path: Path, outputs: Standardization | None) -> None:
    preparation = Preparation(
        PREPARATION.features, PREPARATION.inputs, "species", outputs, PREPARATION.classes, "squared_error"
    )
    save(MLP(2, [1], rng=random.Random(0)), path, preparation)
    assert load_prepared(path)[1] == preparation


def test_no_preparation_comes_back_as_none(path: Path) -> None:
    save(MLP(2, [1], rng=random.Random(0)), path)
    assert load_prepared(path)[1] is None


# --- Writing.


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_parameter_that_is_not_finite_is_not_saved(path: Path, number: float) -> None:
    model = MLP(2, [2, 1], rng=random.Random(0))
    save(model, path)
    before = path.read_bytes()
    model.layers[0].neurons[1].w[0].data = number
    with pytest.raises(ValueError, match=rf"^not saved: w_21\^1 is {number}; a model file holds"):
        save(model, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.json"]


def test_a_failed_writing_leaves_the_old_file_and_no_draft(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MLP(2, [1], rng=random.Random(0))
    save(model, path)
    before = path.read_bytes()

    def full(self: Path, text: str, **options: Any) -> int:
        with self.open("w", encoding="utf-8") as file:
            file.write(text[:20])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device"):
        save(model, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.json"]


def test_a_directory_is_not_written_over_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(OSError, match="models"):
        save(MLP(2, [1], rng=random.Random(0)), tmp_path / "models")
    assert os.listdir(tmp_path) == ["models"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "model.json"
    with pytest.raises(FileNotFoundError) as caught:
        save(MLP(2, [1], rng=random.Random(0)), missing)
    assert str(caught.value) == f"[Errno 2] No such file or directory: {str(missing)!r}"


def test_a_file_in_the_place_of_a_folder_is_named(path: Path) -> None:
    path.write_text("")
    with pytest.raises(NotADirectoryError) as caught:
        save(MLP(2, [1], rng=random.Random(0)), path / "model.json")
    assert caught.value.filename == str(path / "model.json")


def test_a_file_may_be_saved_over(path: Path) -> None:
    save(MLP(2, [1], rng=random.Random(0)), path)
    newer = MLP(3, [1], rng=random.Random(1))
    save(newer, str(path))
    assert bits(load(str(path))) == bits(newer)


# --- Reading what is not a model.

LAYER = '{"activation": "relu", "weights": [[0.5]], "biases": [0.5]}'


def model_text(
    layers: str = f"[{LAYER}]", preparation: str = "null", form: str = '"deltagrad model 1"'
) -> str:
    return f'{{"format": {form}, "layers": {layers}, "preparation": {preparation}}}'


def one_layer(weights: str = "[[0.5]]", biases: str = "[0.5]", activation: str = '"relu"') -> str:
    return model_text(f'[{{"activation": {activation}, "weights": {weights}, "biases": {biases}}}]')


def prepared(**entries: Any) -> str:
    content: dict[str, Any] = {
        "features": ["x"],
        "inputs": {"mean": [0.0], "scale": [1.0]},
        "target": "y",
        "outputs": None,
        "classes": [],
        "loss": "squared_error",
    }
    return model_text(preparation=json.dumps(content | entries))


def test_the_texts_below_are_refused_for_one_change_each(path: Path) -> None:
    for text in (model_text(), one_layer(), prepared()):
        path.write_text(text, encoding="utf-8")
        assert repr(load(path)) == "MLP 1-1 (relu), 2 parameters"


DOCTORED = {
    "empty": ("", "not JSON: Expecting value"),
    "not JSON": ("w = 0.5", "Expecting value"),
    "cut off": (model_text()[:-5], "Expecting|delimiter|Unterminated"),
    "NaN": (one_layer("[[NaN]]"), "layer 1, neuron 1 has the weight or bias nan"),
    "Infinity": (one_layer("[[0.5]]", "[Infinity]"), "layer 1, neuron 1 has the weight or bias inf"),
    "-Infinity": (one_layer("[[-Infinity]]"), "layer 1, neuron 1 has the weight or bias -inf"),
    "1e999": (one_layer("[[1e999]]"), "layer 1, neuron 1 has the weight or bias inf"),
    "a huge integer": (one_layer(f"[[1{'0' * 400}]]"), "beyond the largest float"),
    "an absurd integer": (one_layer(f"[[1{'0' * 5000}]]"), "digit"),
    "a name twice": (model_text()[:-1] + ', "format": 1}', "duplicate key 'format'"),
    "a name twice in a layer": (
        model_text(f'[{LAYER[:-1]}, "biases": [0.5]}}]'),
        "duplicate key 'biases'",
    ),
    "a list": ("[]", "the file must have exactly the entries format, layers, preparation"),
    "a missing entry": ('{"format": "deltagrad model 1", "layers": []}', "must have exactly the entries"),
    "one entry more": (model_text()[:-1] + ', "optimizer": 1}', "must have exactly the entries"),
    "another format": (
        model_text(form='"deltagrad model 2"'),
        "its format is 'deltagrad model 2', not 'deltag",
    ),
    "a number as format": (model_text(form="1"), "its format is 1"),
    "no layers": (model_text("[]"), "it has no layers"),
    "layers of another kind": (model_text("{}"), "it has no layers"),
    "a layer of another kind": (
        model_text("[[]]"),
        "layer 1 must have exactly the entries activation, biases",
    ),
    "a layer with one entry more": (model_text(f'[{LAYER[:-1]}, "x": 1}}]'), "layer 1 must have exactly"),
    "a layer with one entry less": (
        model_text('[{"weights": [[1.0]], "biases": [0.0]}]'),
        "layer 1 must have",
    ),
    "weights that are no matrix": (one_layer("0.5"), "the weights of layer 1 are not a matrix"),
    "weights that are a vector": (one_layer("[0.5]"), "the weights of layer 1 are not a matrix"),
    "no weights": (one_layer("[]", "[]"), "the weights of layer 1 are not a matrix"),
    "no inputs": (one_layer("[[]]"), "the weights of layer 1 are not a matrix"),
    "ragged weights": (
        one_layer("[[0.5], [0.5, 1.0]]", "[0.5, 0.5]"),
        "layer 1, neuron 2 has 2 weights for 1",
    ),
    "too many biases": (one_layer("[[0.5]]", "[0.5, 0.5]"), "layer 1 has 1 rows of weights and 2 biases"),
    "biases that are no list": (one_layer("[[0.5]]", "0.5"), "layer 1 has no list of biases"),
    "text as a weight": (one_layer('[["0.5"]]'), "one real number, not str '0.5'"),
    "a bool as a weight": (one_layer("[[true]]"), "one real number, not bool True"),
    "a bool as a bias": (one_layer("[[0.5]]", "[false]"), "one real number, not bool False"),
    "a list as a weight": (one_layer("[[[0.5]]]"), "one real number, not list"),
    "an unknown activation": (one_layer(activation='"sine"'), "unknown activation 'sine'; known: identity"),
    "an activation of another kind": (
        one_layer(activation="1"),
        "layer 1 has no list of biases or no name of an",
    ),
    "layers that do not fit": (
        model_text(f'[{LAYER}, {{"activation": "relu", "weights": [[1.0, 2.0]], "biases": [0.0]}}]'),
        "layer 2, neuron 1 has 2 weights for 1 inputs",
    ),
    "a neuron of nothing": (one_layer("[[null]]", "[null]"), "neither a connection nor a bias"),
    "deep nesting": ("[" * 100_000, "recursion|nest"),
    "deep nesting of weights": (one_layer("[" * 100_000), "recursion|nest"),
    "a preparation of another kind": (
        model_text(preparation="[]"),
        "the preparation must have exactly the entr",
    ),
    "features of another kind": (prepared(features="x"), "features is 'x'; write a list of texts"),
    "a number as a feature": (prepared(features=[1]), r"features\[0\] is 1; write a text"),
    "more features than inputs": (
        prepared(features=["x", "y"]),
        "it has 2 features and 1 means for 1 inputs",
    ),
    "a number as target": (prepared(target=1), "target is 1; write a text"),
    "a number as a class": (prepared(classes=[1, 2]), r"classes\[0\] is 1; write a text"),
    "a number as loss": (prepared(loss=1), "loss is 1; write a text"),
    "an unknown loss": (prepared(loss="hinge"), "unknown loss 'hinge'"),
    "inputs of another kind": (
        prepared(inputs=[[0.0], [1.0]]),
        "inputs must have exactly the entries mean, scale",
    ),
    "inputs that are no lists": (
        prepared(inputs={"mean": "0", "scale": "1"}),
        "mean of the inputs is '0'; write a list of numbers",
    ),
    "text as a mean": (
        prepared(inputs={"mean": ["0"], "scale": [1.0]}),
        r"mean of the inputs\[0\] is '0'; write a finite",
    ),
    "a bool as a scale": (
        prepared(inputs={"mean": [0.0], "scale": [True]}),
        r"scale of the inputs\[0\] is True; write a finite number",
    ),
    "a scale of 0": (
        prepared(inputs={"mean": [0.0], "scale": [0.0]}),
        "give a finite mean and a positive scale",
    ),
    "more means than scales": (prepared(inputs={"mean": [0.0, 1.0], "scale": [1.0]}), "2 means but 1 scales"),
    "outputs with an entry more": (
        prepared(outputs={"mean": [0.0], "scale": [1.0], "x": 1}),
        "outputs must have exactly the entries mean, scale",
    ),
}


@pytest.mark.parametrize(("text", "message"), DOCTORED.values(), ids=DOCTORED)
def test_a_doctored_file_is_refused_in_one_line(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    said = str(caught.value)
    assert said.startswith(f"{path} is not a model file: ")
    assert "\n" not in said
    assert len(said) < len(str(path)) + 400


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        ModelFileError, match="is not a model file: not UTF-8 text: 'utf-8' codec can't decode"
    ):
        load(path)


def test_a_file_beyond_all_measure_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(ModelFileError, match="it is larger than 200 MB"):
        load(path)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        load(tmp_path / "nothing.json")
    if sys.platform != "win32":  # which says PermissionError
        with pytest.raises(IsADirectoryError, match="Is a directory"):
            load(tmp_path)

"""Activations: one row each, and the door by which a user's own enter."""

import random
from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine import Value
from nn import ACTIVATIONS, INITIALIZATIONS, LOSSES, MLP, Activation, check_network, fit, xor
from nn.activations import find_activation
from nn.proof import delta_rule
from tests.nn.truth import TRUE_ACTIVATIONS


def test_every_row_says_what_it_is() -> None:
    for name in ACTIVATIONS:
        row = find_activation(name)
        assert row.name == name
        assert row.text
        assert row.init in INITIALIZATIONS


def test_every_activation_has_an_independent_truth_and_a_closed_form() -> None:
    missing = ACTIVATIONS.keys() - TRUE_ACTIVATIONS.keys()
    assert not missing, f"write {missing} with mpmath in TRUE_ACTIVATIONS in tests/nn/truth.py"
    missing = ACTIVATIONS.keys() - delta_rule.ACTIVATIONS.keys()
    assert not missing, f"write {missing} in decimals in ACTIVATIONS in nn/proof/delta_rule.py"


def test_a_row_is_applied_like_its_function() -> None:
    z = [Value(0.5), Value(-1.0)]
    assert ACTIVATIONS["tanh"](z[0]).data == engine.tanh(z[0]).data
    assert [a.data for a in ACTIVATIONS["softmax"](z)] == [a.data for a in engine.softmax(z)]


# --- Activations of the user's own.


def test_a_plain_function_is_an_activation_of_one_net_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "double", lambda z: 2.0 * z)
    output = MLP.from_weights([[[0.5]]], [[0.25]], ["double"])([1.0])
    assert (output.data, output.label) == (1.5, "a_1^1")
    row = find_activation("double")
    assert (row.name, row.whole_layer) == ("double", False)


def test_a_function_that_returns_its_net_input_leaves_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "same", lambda z: z)
    assert MLP(1, [1], output="same")([1.0]).label == MLP(1, [1])([1.0]).label == "z_1^1"


def test_a_row_may_be_of_the_whole_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def centred(z: list[Value]) -> list[Value]:
        mean = engine.fsum(z) / len(z)
        return [z_i - mean for z_i in z]

    monkeypatch.setitem(ACTIVATIONS, "centred", Activation("centred", centred, whole_layer=True))
    model = MLP.from_weights([[[1.0], [2.0], [6.0]]], [[0.0] * 3], ["centred"])
    assert [a.data for a in model([1.0])] == [-2.0, -1.0, 3.0]


def test_the_decorator_adds_a_row_and_refuses_a_taken_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.activations, "ACTIVATIONS", dict(ACTIVATIONS))

    @nn.activation
    def cube(z: Any) -> Any:
        """The third power."""
        return z**3

    assert nn.activations.ACTIVATIONS["cube"] == Activation("cube", cube, "The third power")
    assert repr(MLP(1, [1], output="cube", rng=random.Random(0))) == "MLP 1-1 (cube), 2 parameters"
    with pytest.raises(
        ValueError, match=r"^there is an activation 'cube' already: give yours another name, or first `del nn"
    ):
        nn.activation(cube)


def test_an_activation_of_ones_own_trains_and_is_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ACTIVATIONS, "double", lambda z: 2.0 * z)
    data, trained = xor(), []
    for compiled in (True, False):
        model = MLP(2, [3, 1], activation="double", rng=random.Random(0))
        fit(model, data.X, data.y, loss="squared_error", epochs=2, progress=False, compiled=compiled)
        trained.append([p.data for p in model.parameters()])
    assert trained[0] == pytest.approx(trained[1], rel=1e-12)
    nn.save(model, tmp_path / "model.json")
    assert nn.load(tmp_path / "model.json")([1.0, 2.0]).data == model([1.0, 2.0]).data
    monkeypatch.undo()
    with pytest.raises(nn.ModelFileError, match="unknown activation 'double'; known: identity"):
        nn.load(tmp_path / "model.json")


def test_names_of_ones_own_are_checked_once_the_delta_rule_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "square", lambda z: z * z)
    monkeypatch.setitem(LOSSES, "cubic", lambda output, target: (output - target[0]) ** 3)
    model = MLP.from_weights([[[0.5, -1.0]]], [[0.25]], ["square"])
    example = [[1.0, 2.0]], [0.5], "cubic"
    for title, name, row in (
        ("ACTIVATIONS", "square", delta_rule.elementwise(lambda z: z * z, lambda z, a: 2 * z)),
        ("LOSSES", "cubic", delta_rule.termwise(lambda o, y: (o - y) ** 3, lambda o, y: 3 * (o - y) ** 2)),
    ):
        message = f"needs its own closed form of '{name}': add a row to nn.proof.delta_rule.{title}"
        with pytest.raises(ValueError, match=message):
            check_network(model, *example)
        monkeypatch.setitem(getattr(delta_rule, title), name, row)
    assert check_network(model, *example).ok

"""Activations: one row each, and the door by which a user's own enter."""

import random
from typing import Any

import pytest

import engine
import nn
from engine import Value
from nn import ACTIVATIONS, INITIALIZATIONS, MLP, Activation
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

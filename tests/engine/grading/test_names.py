"""Names of quantities, in all the ways that people write them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from engine.grading.names import UnknownNameError, Vocabulary
from engine.graph import topological
from nn import MLP, log_loss
from nn.article.worked_example import INPUTS, TARGET, network


def article() -> Vocabulary:
    output = log_loss(network()(INPUTS), TARGET)
    return Vocabulary(topological([output]), output)


def layered() -> Vocabulary:
    output = log_loss(MLP(2, [2, 1], output="sigmoid", rng=random.Random(0))([1.0, 0.5]), 1.0)
    return Vocabulary(topological([output]), output)


def read(words: Vocabulary, name: str) -> str:
    return words.standard(words.find(name))


@pytest.mark.parametrize(
    ("standard", "written"),
    [
        ("dE/dw_64", "dE/dw_64|∂E/∂w_64|dE_dw_64|dJ/dw64|dL/dw_64|dLoss/dw_64|d E / d w_64|w_64.grad|dw_64"),
        ("dE/dw_64", "grad w_64|grad(w_64)|gradient of w_64|w_64_grad|∇w_64|Grad W_64|dE/dw_6,4|∂L/∂w₆₄"),
        ("dE/dw_64", r"\frac{\partial E}{\partial w_{64}}|$\dfrac{dE}{dw_{64}}$"),
        ("delta_5", r"delta_5|δ5|delta5|δ_5|δ₅|Delta_5|\delta_5|$\delta_{5}$|dE/dz_5|dz5|∂E/∂z₅|z_5.grad"),
        ("new w_64", "new w_64|w_64_new|w_new_64|w_64'|w'_64|w′_64|w_64 new|new(w_64)|w_{64}^{new}|New w_64"),
        ("new a_6", "new a_6|a6'|a_6_new|new  a6"),
        ("z_5", "z5|z_5|Z_5|z₅| z_5 =|z_{5}:"),
    ],
)  # fmt: skip
def test_a_quantity_has_many_names(standard: str, written: str) -> None:
    words = article()
    assert {name: read(words, name) for name in written.split("|")} == dict.fromkeys(
        written.split("|"), standard
    )


@pytest.mark.parametrize(
    ("standard", "written"),
    [
        ("a_1^1", "a_1^1|a1^1|a₁¹|a¹₁|a^1_1|a_{1}^{(1)}|a_1^[1]"),
        ("delta_1^2", "delta_1^2|δ₁²|δ1^2|dE/dz_1^2"),
        ("dE/dw_12^1", "∂E/∂w₁₂¹|w_{1,2}^1.grad|dw12^1"),
        ("new w_12^1", "new w_12^1|w_12^1_new|w_12^1'|w'_12^1"),
    ],
)
def test_a_quantity_of_a_layer_has_many_names(standard: str, written: str) -> None:
    words = layered()
    assert {read(words, name) for name in written.split("|")} == {standard}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("delta_9", "delta_6"), ("new w_99", "new w_11"), ("w_neu", ""), ("", ""), ("'", "")],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as told:
        article().find(name)
    assert told.value.nearest[:5] == nearest[:5]


def test_the_derivative_of_another_value_is_not_that_of_the_output() -> None:
    with pytest.raises(
        LookupError, match="a derivative of a_5; claim derivatives of the output, written dE/d"
    ):
        article().find("da_5/dz_5")


def labelled(*labels: str) -> Vocabulary:
    values = [Value(1.0, label) for label in labels]
    output = values[0] * values[1]
    return Vocabulary([*values, output], output)


def test_case_counts_where_it_tells_two_values_apart() -> None:
    words = labelled("w", "W")
    assert [words.find(name).value.label for name in ("w", "W", "dE/dw", "dE/dW")] == ["w", "W", "w", "W"]


def test_what_may_be_two_values_is_neither() -> None:
    with pytest.raises(LookupError, match="'W1' may be w_1 or w1; write one of them"):
        labelled("w_1", "w1").find("W1")


def test_a_label_is_itself_whatever_else_it_may_mean() -> None:
    words = labelled("new w", "dE/dw")
    assert [words.find(name).kind for name in ("new w", "dE/dw")] == ["value", "value"]
    assert words.find("new dE/dw").kind == "updated"


@pytest.mark.parametrize("words", [article(), layered()])
def test_every_standard_name_means_its_own_quantity(words: Vocabulary) -> None:
    names = words.all(0.5, [value for value in words._labelled if value.kind == "parameter"])
    assert len(set(names)) == len(names) > 25
    assert [read(words, name) for name in names] == names


@given(st.text(max_size=120))
def test_any_text_is_a_quantity_or_is_not(name: str) -> None:
    words = article()
    try:
        standard = read(words, name)
    except LookupError:
        return
    assert read(words, standard) == standard


def test_a_long_chain_without_labels_is_walked_once() -> None:
    w = Value(0.5, "w")
    y = w * w
    y.label = "y"
    out = y
    for _ in range(60):  # each value is used twice: 2**60 paths
        out = out + out
    words = Vocabulary(topological([out]), out)
    assert words.all(0.1, [w]) == ["y", "dE/dy", "dE/dw", "new w", "new y"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("z_1", "z_1^2"), ("z1_1", "z_1^1"), ("a_2**1", "a_2^1"), ("dE/dw_21**1", "dE/dw_21^1")],
)
def test_the_nearest_name_has_the_same_digits(name: str, nearest: str) -> None:
    words = labelled("z_2^1", "z_1^1", "z_1^2", "a_1^1", "a_2^1", "w_12^1", "w_21^1")
    with pytest.raises(UnknownNameError) as told:
        words.find(name)
    assert told.value.nearest == nearest

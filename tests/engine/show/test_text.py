"""Text: numbers, and names that are parsed once and written in both notations."""

import pytest

from engine import Value, tanh
from engine.show.explain import explain
from engine.show.notation import LATEX, TEXT
from engine.show.text import Name, number, parse_name, shortened


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-0.287883, "−0.2879"),
        (123456.0, "1.235e5"),
        (1.5e-7, "1.5e−7"),
        (-2e300, "−2e300"),
        (5e-324, "4.941e−324"),
        (9999.6, "1e4"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_have_four_significant_digits_and_a_true_minus(x: float, text: str) -> None:
    assert number(x) == text


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("w_12^1", "w₁₂¹"),
        ("w_1,12^1", "w₁‚₁₂¹"),
        ("delta_1^2", "δ₁²"),
        ("z_i^l", "zᵢˡ"),
        ("x", "x"),
        ("x1", "x1"),
        ("w_", "w_"),
        ("learning_rate", "learning_rate"),
        ("a^b", "a^b"),
        ("x_١", "x_١"),
    ],
)
def test_labels_in_the_notation_of_the_delta_rule_are_typeset(label: str, text: str) -> None:
    assert parse_name(label).text == text


@pytest.mark.parametrize(
    ("label", "name", "latex"),
    [
        ("w_12^1", Name("w", "12", "1"), "w_{12}^{1}"),
        ("w₁₂¹", Name("w", "12", "1"), "w_{12}^{1}"),
        ("delta_i^L", Name("δ", "i", "L"), "δ_{i}^{L}"),
        ("loss", Name("loss"), r"\mathrm{loss}"),
        ("x1", Name("x1"), r"\mathrm{x1}"),
        ("log₂", Name("log", "2"), r"\mathrm{log}_{2}"),
        ("50 % of\nit", Name("50 % of it"), r"\text{50 }\%\text{ of it}"),
    ],
)
def test_a_label_is_parsed_once_and_written_in_both_notations(label: str, name: Name, latex: str) -> None:
    assert parse_name(label) == name
    assert name.latex == latex
    assert parse_name(name.text) == name


def test_a_long_name_is_cut_and_is_then_words() -> None:
    assert parse_name("x" * 50) == Name("x" * 39 + "…")
    assert parse_name("abc_1", longest=3).text == shortened("abc₁", 3) == "ab…"


def test_values_of_the_same_name_are_told_apart_in_equations() -> None:
    first, second = Value(1.0, "x_1"), Value(2.0, "x_1")
    y = tanh(first) * 2.0 + tanh(first) * second
    explanation = explain(y)
    texts = [text for text, _ in explanation.names.text.values()]
    latex = [text for text, _ in explanation.names.latex.values()]
    assert texts == ["x₁", "x₁[2]", "tanh(x₁)", "2", "tanh(x₁)·2", "#1", "#1·x₁[2]", "y"]
    assert latex[1] == r"x_{1}\lbrack 2\rbrack "


def test_a_label_with_an_operator_is_in_parentheses_inside_a_formula() -> None:
    y = Value(2.0, "a+b") * Value(3.0, "learning rate")
    assert explain(y).steps[0].text == "y = (a+b)·learning rate = 2 × 3 = 6"
    assert explain(y).steps[-1].text == "∂y/∂learning rate = ∂y/∂y · ∂₂y/∂learning rate = 1 × 2 = 2"


def test_a_number_with_an_exponent_is_a_product_in_latex() -> None:
    assert TEXT.inside(TEXT.number(1.5e-7), 6) == "1.5e−7"
    assert LATEX.inside(LATEX.number(1.5e-7), 6) == r"\left(1.5 \cdot 10^{-7}\right)"
    assert LATEX.number(-1.5e-7)[0] == r"{-1.5 \cdot 10^{-7}}"

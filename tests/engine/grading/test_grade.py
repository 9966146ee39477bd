"""The examiner, on the article's own numbers and on papers made up to be wrong in one place."""

import json
import math
from typing import Any

import pytest

from engine import Value, grade, sigmoid, sumprod, tanh
from nn import MLP, log_loss
from nn.article.worked_example import INPUTS, LEARNING_RATE, PUBLISHED, TARGET, network

WRONG_NEURON = "the derivative of the wrong neuron: a_5 (1 - a_4) in place of a_5 (1 - a_5)"
WEIGHT_FOR_RATE = "the gradient is multiplied by the weight itself in place of the learning rate"

APRIL_2023 = {
    "a_1": "0.6900",
    "a_2": "0.6225",
    "a_3": "0.4750",
    "a_4": "0.4760",
    "a_5": "0.6836",
    "a_6": "0.6718",
    "delta_6": "-0.3282",
    "delta_4": "-0.0409",
    "delta_5": "-0.0823",
    "delta_1": "-0.0009",
    "delta_2": "-0.0155",
    "delta_3": "-0.0082",
    "new w_11": "0.5004",
    "new b_1": "0.3003",
    "new w_21": "-0.2031",
    "new b_2": "0.7108",
    "new b_3": "-0.1008",
    "new w_41": "-0.5141",
    "new w_42": "0.4101",
    "new w_51": "0.3170",
    "new w_52": "0.6307",
    "new w_53": "0.4156",
    "new w_64": "0.5781",
    "new w_65": "0.8569",
    "new a_6": "0.7043",
}


def worked_example() -> Value:
    output: Value = log_loss(network()(INPUTS), TARGET)
    return output


def graded(claims: dict[str, Any]) -> Any:
    return grade(worked_example(), claims, learning_rate=LEARNING_RATE)


def test_the_article_as_first_published() -> None:
    report = graded(APRIL_2023)
    verdicts = report.verdicts
    right = {n for n, v in verdicts.items() if v == "right"}
    carried = {n for n, v in verdicts.items() if v == "carried forward"}
    assert right == {*["a_1", "a_2", "a_3", "a_4", "a_5", "a_6", "delta_6", "delta_4"], "new w_64"}
    assert carried == {"delta_1", "delta_2", "delta_3", "new w_11", "new a_6"}
    assert verdicts["delta_5"] == "wrong here"
    assert report.mistakes == [WRONG_NEURON, WEIGHT_FOR_RATE]
    for mark in report.marks:
        if mark.verdict == "wrong here":
            assert list(mark.why) == [WRONG_NEURON if mark.name == "delta_5" else WEIGHT_FOR_RATE]
    assert report.headline == "9 right, 11 wrong here, 5 carried forward; first wrong: delta_5 = -0.0823"


@pytest.mark.parametrize("edition", [0, 1, 2])
def test_every_edition_as_the_example_prints_it(edition: int) -> None:
    claims = {name.replace("output after the step", "new a_6"): p[edition] for name, p in PUBLISHED.items()}
    report = graded(claims)
    mistakes: list[list[str]] = [[WRONG_NEURON, WEIGHT_FOR_RATE], [WEIGHT_FOR_RATE], []]
    assert report.mistakes == mistakes[edition]
    assert (report.verdicts["delta_5"] == "wrong here") == (edition == 0)
    assert (report.verdicts["delta_1"] == "carried forward") == (edition == 0)


def test_a_last_decimal_that_is_off_on_top_of_a_mistake_is_told() -> None:
    by_name = {mark.name: mark for mark in graded(APRIL_2023).marks}
    assert by_name["new w_65"].remark == "with that mistake it is 0.85705: the last decimal is off too"
    assert by_name["new w_41"].remark == ""


def exact() -> dict[str, float]:
    """The right answers, from the graph itself."""
    names = [*APRIL_2023, "z_4", "dE/dw_51", "dE/dw_53", "dE/db_2"]
    return {mark.name: mark.exact for mark in graded(dict.fromkeys(names, "0")).marks}


EXACT = {
    "delta_5": -0.049681742967923215,
    "delta_1": 0.0011888941851271701,
    "delta_3": -0.004955774532488699,
    "new w_65": 0.8121670078913074,
    "new w_41": -0.48588143269848316,
    "new a_6": 0.6980763065856341,
    "dE/dw_53": -0.049681742967923215 * 0.47502081252106,
    "dE/db_2": -0.010852237506373893,
}


def test_the_right_answers_are_known_to_15_digits() -> None:
    found = exact()
    for name, number in EXACT.items():
        assert found[name] == pytest.approx(number, rel=1e-13)


def test_a_right_paper_is_right_however_it_is_rounded() -> None:
    answers = exact()
    assert graded(answers).ok
    for decimals in (2, 3, 4, 6):
        report = graded({name: f"{x:.{decimals}f}" for name, x in answers.items()})
        assert set(report.verdicts.values()) == {"right"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claims", "wrong", "why"),
    [
        ({"delta_5": "0.0497"}, "delta_5", "the sign is flipped"),
        ({"delta_5": "-0.0994"}, "delta_5", "twice what follows: a factor 2 too many"),
        ({"delta_5": "-0.0248"}, "delta_5", "half what follows: a factor 2 is missing"),
        ({"delta_5": "-0.2297"}, "delta_5", "the derivative of a_5 = sigmoid(z_5) is left out"),
        (
            {"delta_1": "0.0043742"},
            "delta_1",
            "a term is missing: a_1 is also used in z_5 = sumprod(w_51, w_52, w_53, ...)",
        ),
        ({"z_4": "-0.3450"}, "z_4", "the term w_42 a_2 is left out"),
        ({"a_4": "-0.0960"}, "a_4", "a_4 = sigmoid(z_4) is left out"),
        ({"a_4": "-0.0957"}, "a_4", "tanh in place of sigmoid"),
        ({"dE/dw_51": "-0.0309"}, "dE/dw_51", "a_2 in place of a_1"),
        (
            {"new w_65": "0.9243"},
            "new w_65",
            "the learning rate is left out: the gradient is multiplied by 1",
        ),
        ({"new w_65": "0.5878"}, "new w_65", "the gradient is added in place of subtracted"),
        ({"new w_65": "0.7561"}, "new w_65", "the gradient is multiplied by half the learning rate"),
        ({"new w_65": "0.7000"}, "new w_65", "the step is not taken: this is the number before it"),
        ({"new w_65": "0.8570"}, "new w_65", WEIGHT_FOR_RATE),
    ],
)
def test_one_wrong_number_on_a_right_paper(claims: dict[str, str], wrong: str, why: str) -> None:
    answers = {name: f"{x:.4f}" for name, x in exact().items()}
    report = graded({**answers, **claims})
    mark = next(mark for mark in report.marks if mark.name == wrong)
    assert mark.verdict == "wrong here"
    assert why in mark.why, (mark.why, mark.follows)
    assert {m.verdict for m in report.marks if m.name != wrong} <= {"right"}


def test_a_wrong_activation_is_carried_through_everything_after_it() -> None:
    z = {"z_4": "-0.0960", "a_4": "0.5240"}  # the sign of z_4 was lost inside the sigmoid
    o = 1.0 / (1.0 + 2.718281828459045 ** -(0.5 * 0.5240 + 0.7 * 0.683635))
    claims = {**z, "a_6": f"{o:.4f}", "delta_6": f"{o - 1.0:.4f}"}
    claims["delta_4"] = f"{(o - 1.0) * 0.5 * 0.5240 * (1.0 - 0.5240):.4f}"
    report = graded(claims)
    assert report.verdicts["a_4"] == "wrong here"
    assert {report.verdicts[name] for name in ("a_6", "delta_6", "delta_4")} == {"carried forward"}
    by_name = {mark.name: mark for mark in report.marks}
    assert list(by_name["a_6"].why) == ["follows correctly from a_4"]


def test_two_digits_are_too_few_for_a_reason() -> None:
    answers = {name: f"{x:.4f}" for name, x in exact().items()}
    mark = next(m for m in graded({**answers, "delta_1": "0.0044"}).marks if m.name == "delta_1")
    assert (mark.verdict, list(mark.why)) == ("wrong here", [])


def test_unexplained_is_said() -> None:
    mark = graded({"delta_5": "0.1234"}).marks[0]
    assert (mark.verdict, list(mark.why)) == ("wrong here", [])
    assert mark.remark == "no single common mistake gives this number"


def test_nan_is_never_right_and_never_carried() -> None:
    assert graded({"a_5": "nan", "a_6": "nan"}).verdicts == {"a_5": "wrong here", "a_6": "wrong here"}


def test_a_network_with_layers_in_the_labels() -> None:
    model = MLP.from_weights([[[0.5, -1.0]], [[2.0]]], [[0.25], [None]], ["tanh", "sigmoid"])
    output = log_loss(model([1.0, 2.0]), 1.0)
    a = -0.8482836399575129  # tanh(0.5 - 2 + 0.25)
    o = 1.0 / (1.0 + 2.718281828459045 ** (-2.0 * a))
    claims = {"z_1^1": "-1.25", "delta_1^2": o - 1.0, "delta_1^1": 2.0 * (o - 1.0) * (1.0 - a * a)}
    report = grade(
        output, {**claims, "new w_12^1": -1.0 - 0.1 * claims["delta_1^1"] * 2.0}, learning_rate=0.1
    )
    assert report.ok, str(report)


def test_an_expression_with_labels() -> None:
    w, x = Value(0.5, "w"), Value(3.0, "x")
    z = sumprod([w], [x])
    z.label = "z_1"
    y = tanh(z) * sigmoid(z)
    report = grade(y, {"z_1": "1.5", "dy/dx": "0"})
    assert report.verdicts == {"z_1": "right", "dy/dx": "wrong here"}


def test_the_report_prints_as_text_as_html_and_as_data() -> None:
    report = graded(APRIL_2023)
    text = str(report)
    assert text.splitlines()[0] == report.headline
    assert "delta_3, delta_2, delta_1: follows correctly from delta_5" in text
    assert "delta_5   -0.0823  -0.0496817429679   -0.0496907         wrong here" in text
    assert "<td>delta_5</td><td>-0.0823</td>" in report._repr_html_()
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["mistakes"] == [WRONG_NEURON, WEIGHT_FOR_RATE]


@pytest.mark.parametrize(
    ("claims", "error", "words"),
    [
        ({}, ValueError, "no number is claimed"),
        ({"delta_9": "1"}, LookupError, "delta_9: no value is labelled 'z_9'; the labels are w_11"),
        ({"a_5": "0,68"}, ValueError, "the claim for a_5: '0,68' is not a number"),
        ({"a_5": None}, ValueError, "the claim for a_5: a Value holds one real number, not NoneType"),
    ],
)
def test_what_cannot_be_graded_raises(claims: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        graded(claims)


def test_numbers_after_the_step_need_a_learning_rate() -> None:
    with pytest.raises(ValueError, match="need a learning_rate"):
        grade(worked_example(), {"new w_65": "0.8121"})


def test_two_values_of_one_label_are_refused() -> None:
    a, b = Value(1.0, "a"), Value(2.0, "a")
    with pytest.raises(LookupError, match="2 values are labelled 'a'"):
        grade(a * b, {"a": "1"})


def test_a_leaf_that_was_assigned_after_recording_is_refused() -> None:
    """What the claims are held to would be another computation than the one that was recorded."""
    w = Value(0.5, "w")
    z = w * 3.0
    z.label = "z"
    E = z * z
    assert grade(E, {"z": "1.5"}).ok
    w.data = 100.0
    with pytest.raises(ValueError, match=r"mul was recorded as 1\.5.* Record again to grade"):
        grade(E, {"z": "1.5"})


FORMULAS: dict[str, Any] = {"sigmoid": (sigmoid, lambda a: a * (1 - a)), "tanh": (tanh, lambda a: 1 - a * a)}


@pytest.mark.parametrize("a", [-0.7, 0.45, 1.3, 2.0])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_in_a_wrong_result_is_carried_forward_whatever_the_result(name: str, a: float) -> None:
    """A student who wrote a = 1.3 for a sigmoid goes on with a (1 - a), though no sigmoid is 1.3."""
    function, formula = FORMULAS[name]
    z = Value(0.3, "z")
    output = function(z)
    output.label = "a"
    report = grade(output * 2.0, {"a": f"{a}000", "dE/dz": f"{2 * formula(a):.4f}"})
    assert report.verdicts == {"a": "wrong here", "dE/dz": "carried forward"}


@pytest.mark.parametrize("a", [0.8, 1.3])
def test_what_mixes_a_wrong_result_with_the_right_operand_is_not_carried_forward(a: float) -> None:
    z = Value(0.3, "z")
    output = sigmoid(z)
    output.label = "a"
    mixed = 2 * a * (1 - output.data)  # neither a (1 - a) nor the derivative at z
    report = grade(output * 2.0, {"a": f"{a}000", "dE/dz": f"{mixed:.4f}"})
    assert report.verdicts == {"a": "wrong here", "dE/dz": "wrong here"}
    right = grade(output * 2.0, {"a": f"{a}000", "dE/dz": f"{2 * output.data * (1 - output.data):.4f}"})
    assert right.verdicts["dE/dz"] == "right"


def test_a_flipped_sign_is_told_in_plain_words_where_a_number_is_subtracted() -> None:
    model = MLP.from_weights([[[1.2, 0.9]]], [[0.6]], ["sigmoid"])
    o = 1 / (1 + 2.718281828459045 ** -(1.2 * -0.0798 + 0.9 * 0.4542 + 0.6))
    report = grade(log_loss(model([-0.0798, 0.4542]), 0.0), {"delta_1^1": f"{-o:.4f}"})
    assert report.mistakes == ["the sign is flipped"]


def test_the_other_key_of_the_calculator_is_named_in_a_loss() -> None:
    for target, loss in ((0.0, -math.log10(1 - 0.7136)), (1.0, -math.log10(0.7136))):
        output = log_loss([Value(0.7136, "a")], target)
        output.label = "E"
        assert grade(output, {"E": f"{loss:.5f}"}).mistakes == ["log10 in place of log"]


def test_another_learning_rate_is_named_where_it_gives_all_numbers_of_the_step() -> None:
    w, b = Value(0.5, "w"), Value(0.25, "b")
    z = w * 3.0 + b
    claims = {"dE/dw": "10.5000", "dE/db": "3.5000", "new w": "-0.5500", "new b": "-0.1000"}
    report = grade(z * z, claims, learning_rate=0.4)
    assert report.mistakes == ["the learning rate 0.1 in place of 0.4"]
    assert not grade(z * z, claims | {"new b": "0.2000"}, learning_rate=0.4).mistakes


def test_a_function_that_is_left_out_is_named_although_its_derivative_is_right() -> None:
    model = MLP.from_weights([[[1.2, 0.9]]], [[0.6]], ["sigmoid"])
    output = log_loss(model([-0.0798, 0.4542]), 0.0)
    output.label = "E"
    report = grade(output, {"a_1^1": "0.7136", "E": "0.7136", "delta_1^1": "0.7136"})
    assert report.verdicts == {"a_1^1": "right", "E": "wrong here", "delta_1^1": "right"}
    assert report.ids == ["function-left-out"]

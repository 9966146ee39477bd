"""From a table to a network and its metrics."""

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nn import MLP, DataError, Dataset, circles, diabetes, iris, load_csv, moons, xor
from nn.experiment import Metrics, data_for, evaluate, inputs_and_targets, load_data, network_for, prepare

NUMBERS = Dataset(
    X=[[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]], y=[0.0, 3.0, 6.0], features=("a", "b"), target="t"
)


def rng() -> random.Random:
    return random.Random(0)


# --- Data by name or file.


def test_built_in_sets_come_by_name() -> None:
    assert load_data("iris", None, rng=rng()) == iris()
    assert load_data("circles", None, rng=rng()) == circles(200, rng())


def test_a_file_comes_by_path_and_target(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,t\n1,0\n2,1\n", encoding="utf-8")
    assert load_data(str(path), "t", rng=rng()) == load_csv(path, "t")
    assert load_data(str(path), "t", classification=True, rng=rng()).classes == ("0", "1")


def test_a_target_is_named_for_a_file_and_for_nothing_else() -> None:
    with pytest.raises(DataError, match="the built-in set iris has its own target; leave out --target"):
        load_data("iris", "species", rng=rng())
    with pytest.raises(DataError, match=r"mine\.csv is not a built-in set \(xor, moons, .*name the column"):
        load_data("mine.csv", None, rng=rng())


# --- Preparation.


@pytest.mark.parametrize(
    ("data", "loss", "outputs"),
    [
        (diabetes(), "squared_error", 1),
        (xor(), "log_loss_from_logits", 1),
        (iris(), "cross_entropy_from_logits", 3),
    ],
    ids=["a number", "two classes", "three classes"],
)
def test_the_target_decides_loss_and_outputs(data: Dataset, loss: str, outputs: int) -> None:
    by = prepare(data)
    assert (by.loss, by.features, by.target, by.classes) == (loss, data.features, data.target, data.classes)
    assert (by.outputs is None) is bool(data.classes)
    model = network_for(by, [5], "tanh", rng())
    assert [len(layer.neurons) for layer in model.layers] == [5, outputs]
    assert model.layers[0].n_in == len(data.features)
    assert model.layers[-1].activation == "identity"


@pytest.mark.parametrize(("activation", "variance"), [("relu", 2 / 50), ("tanh", 2 / 250)])
def test_first_weights_suit_the_activation(activation: str, variance: float) -> None:
    features = tuple(f"x{j}" for j in range(50))
    by = prepare(Dataset([[0.0] * 50, [1.0] * 50], [0.0, 1.0], features, "t"))
    neurons = network_for(by, [200], activation, rng()).layers[0].neurons
    squares = [w.data**2 for neuron in neurons for w in neuron.w]
    assert math.fsum(squares) / len(squares) == pytest.approx(
        variance, rel=0.06
    )  # 4 standard errors of 10,000


def test_inputs_and_a_number_to_predict_are_standardized() -> None:
    inputs, targets = inputs_and_targets(NUMBERS, prepare(NUMBERS))
    one = math.sqrt(3 / 2)
    assert inputs == [pytest.approx([-one, -one]), [0.0, 0.0], pytest.approx([one, one])]
    assert [y for (y,) in targets] == pytest.approx([-one, 0.0, one])


def test_columns_may_stand_in_any_order_and_more_may_be_there() -> None:
    other = replace(NUMBERS, X=[[b, 7.0, a] for a, b in NUMBERS.X], features=("b", "c", "a"))
    by = prepare(NUMBERS)
    assert inputs_and_targets(other, by) == inputs_and_targets(NUMBERS, by)


def test_classes_may_stand_in_any_order() -> None:
    data = Dataset([[0.0], [1.0], [2.0]], [0, 1, 2], ("a",), "t", classes=("x", "y", "z"))
    other = Dataset([[0.0], [2.0]], [1, 0], ("a",), "t", classes=("z", "x"))
    assert inputs_and_targets(other, prepare(data))[1] == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_what_does_not_fit_the_preparation_is_refused() -> None:
    with pytest.raises(DataError, match="the data lacks the columns b, which the model needs"):
        inputs_and_targets(replace(NUMBERS, X=[[1.0]] * 3, features=("a",)), prepare(NUMBERS))
    with pytest.raises(DataError, match="the model has no class lower, upper; it has outer, inner"):
        inputs_and_targets(moons(4, rng()), prepare(circles(4, rng())))


def test_classes_are_not_taken_for_numbers_nor_numbers_for_classes() -> None:
    classes = replace(NUMBERS, y=[0, 1, 1], classes=("no", "yes"))
    with pytest.raises(DataError, match="the model predicts numbers, but t holds classes"):
        inputs_and_targets(classes, prepare(NUMBERS))
    with pytest.raises(DataError, match="the model predicts classes, but t holds numbers"):
        inputs_and_targets(NUMBERS, prepare(classes))


def test_a_model_without_preparation_takes_the_data_as_it_is() -> None:
    inputs, targets, loss = data_for(None, "xor", None, rng())
    assert (inputs, targets, loss) == (xor().X, xor().targets(), "log_loss_from_logits")


def test_a_saved_preparation_knows_its_target(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("b,t,a\n10,0,1\n30,3,3\n50,6,5\n", encoding="utf-8")
    by = prepare(NUMBERS)
    assert data_for(by, str(path), None, rng()) == (*inputs_and_targets(NUMBERS, by), "squared_error")


# --- Metrics.


def linear(*weights: float, bias: float = 0.0) -> MLP:
    return MLP.from_weights([[list(weights)]], [[bias]], ["identity"])


def test_a_number_is_measured_by_the_variance_explained_and_the_error_in_its_unit() -> None:
    by = prepare(NUMBERS)
    perfect = evaluate(linear(1.0, 0.0), NUMBERS, by)
    assert (perfect.name, perfect.examples) == ("R²", 3)
    assert perfect.value == pytest.approx(1.0)
    assert perfect.error == pytest.approx(0.0, abs=1e-12)
    mean = evaluate(linear(0.0, 0.0), NUMBERS, by)
    assert mean.value == pytest.approx(0.0)
    assert mean.error == pytest.approx(math.sqrt(6.0))  # errors 3, 0, -3
    assert str(mean) == "R² 0.000 on 3 examples, root mean squared error 2.449"


def test_two_classes_are_measured_by_the_side_of_the_logit() -> None:
    data = Dataset([[-1.0], [1.0], [3.0], [5.0]], [0, 1, 1, 0], ("a",), "t", classes=("no", "yes"))
    found = evaluate(linear(1.0, bias=0.7), data, prepare(data))  # standardized: -1.34, -0.45, 0.45, 1.34
    assert found == Metrics("accuracy", 0.75, None, 4)
    assert str(found) == "accuracy 75.00% on 4 examples"


def test_many_classes_are_measured_by_the_largest_logit() -> None:
    data = Dataset([[-1.0], [0.0], [1.0]], [0, 1, 0], ("a",), "t", classes=("x", "y", "z"))
    model = MLP.from_weights([[[-1.0], [0.0], [1.0]]], [[0.0, 0.5, 0.0]], ["identity"])
    assert evaluate(model, data, prepare(data)).value == pytest.approx(2 / 3)


def test_one_example_is_not_examples() -> None:
    assert str(Metrics("accuracy", 1.0, None, 1)) == "accuracy 100.00% on 1 example"
    assert str(Metrics("accuracy", 0.5, None, 2)) == "accuracy 50.00% on 2 examples"

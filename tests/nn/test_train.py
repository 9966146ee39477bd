"""Training: which examples make a step, what a step does, and that networks learn."""

import math
import random
import re
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Value, exp, fsum, sqrt
from nn import MLP, SGD, Adam, History, circles, fit, iris, moons, squared_error, xor
from nn.optim import Optimizer

ROWS = [[float(i), -float(i)] for i in range(7)]
TARGETS = [10.0 * i for i in range(7)]


def network(seed: int = 0) -> MLP:
    return MLP(2, [3, 1], activation="tanh", init="xavier_normal", rng=random.Random(seed))


def weights(model: MLP) -> list[float]:
    return [p.data for p in model.parameters()]


class Still(Optimizer):
    """It moves nothing, and remembers the gradient of each step."""

    def __init__(self, parameters: Sequence[Value]) -> None:
        super().__init__(parameters, 1.0)
        self.gradients: list[list[float]] = []

    def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
        self.gradients.append(gradient.tolist())
        return numbers


# --- Steps.


def steps_taken(batch_size: int | None, **options: Any) -> list[list[tuple[float, float]]]:
    """For each step the input and target of the examples that made it."""
    seen: list[tuple[float, float]] = []
    steps: list[list[tuple[float, float]]] = []

    class Recording(Optimizer):
        def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
            steps.append(seen[:])
            seen.clear()
            return numbers

    def loss(output: Any, target: Any) -> Value:
        _, _, x_1, _ = output.parents  # z = sumprod((w_11, b_1), (x_1, 1))
        seen.append((x_1.data, target[0]))
        return squared_error(output, target)

    model = MLP(1, [1], rng=random.Random(0))
    rows = [[float(i)] for i in range(7)]
    optimizer = Recording(model.parameters(), 1.0)
    fit(
        model, rows, TARGETS, loss=loss, optimizer=optimizer, batch_size=batch_size, progress=False,
        compiled=False, **options
    )  # fmt: skip
    return steps


PAIRS = [(float(i), 10.0 * i) for i in range(7)]


@pytest.mark.parametrize(
    ("batch_size", "steps"),
    [
        (None, [PAIRS]),
        (7, [PAIRS]),
        (100, [PAIRS]),
        (1, [[pair] for pair in PAIRS]),
        (3, [PAIRS[:3], PAIRS[3:6], PAIRS[6:]]),
    ],
    ids=["batch", "as large as the data", "larger", "stochastic", "mini-batch"],
)
def test_the_examples_of_each_step(batch_size: int | None, steps: list[list[tuple[float, float]]]) -> None:
    assert steps_taken(batch_size, epochs=2) == steps * 2


def test_shuffling_keeps_rows_and_targets_together_and_uses_each_once_an_epoch() -> None:
    steps = steps_taken(3, epochs=4, rng=random.Random(0))
    assert [len(step) for step in steps] == [3, 3, 1] * 4
    epochs = [[*chain(*steps[k : k + 3])] for k in range(0, 12, 3)]
    assert all(sorted(epoch) == PAIRS for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_shuffling_is_reproducible() -> None:
    assert steps_taken(2, epochs=3, rng=random.Random(5)) == steps_taken(2, epochs=3, rng=random.Random(5))
    assert steps_taken(2, epochs=3, rng=random.Random(5)) != steps_taken(2, epochs=3, rng=random.Random(6))


def test_the_users_lists_stay_in_order() -> None:
    X, y = [row[:] for row in ROWS], TARGETS[:]
    model = network()
    fit(
        model,
        X,
        y,
        loss="squared_error",
        optimizer=Still(model.parameters()),
        epochs=2,
        rng=random.Random(0),
        progress=False,
    )
    assert (X, y) == (ROWS, TARGETS)


def test_a_step_follows_the_gradient_of_the_mean_loss() -> None:
    model, again = network(), network()
    optimizer = Still(model.parameters())
    history = fit(model, ROWS, TARGETS, loss="squared_error", optimizer=optimizer, epochs=1, progress=False)
    mean = fsum([squared_error(again(x), y) for x, y in zip(ROWS, TARGETS, strict=True)]) / len(ROWS)
    mean.backward()
    assert history.loss == [pytest.approx(mean.data, rel=1e-15)]
    for found, p in zip(optimizer.gradients[0], again.parameters(), strict=True):
        assert found == pytest.approx(p.grad, rel=1e-13)
        assert p.grad != 0.0


def test_a_smaller_last_batch_counts_its_own_mean() -> None:
    model = MLP.from_weights([[[0.0]]], [[0.0]], ["identity"])
    optimizer = Still(model.parameters())
    history = fit(
        model,
        [[1.0]] * 3,
        [1.0, 3.0, 5.0],
        loss="squared_error",
        optimizer=optimizer,
        batch_size=2,
        epochs=1,
        progress=False,
    )
    assert [g[0] for g in optimizer.gradients] == [-4.0, -10.0]  # -2 times the mean target
    assert history.loss == [pytest.approx((1 + 9 + 25) / 3, rel=1e-15)]


def test_the_same_seeds_give_the_same_bits() -> None:
    def trained() -> tuple[list[float], list[float]]:
        model = network()
        history = fit(
            model,
            ROWS,
            TARGETS,
            loss="squared_error",
            optimizer=Adam(model.parameters()),
            batch_size=2,
            epochs=5,
            rng=random.Random(3),
            progress=False,
        )
        return weights(model), history.loss

    assert trained() == trained()


def test_the_optimizer_is_plain_descent_if_none_is_given() -> None:
    a, b = network(), network()
    data = xor()
    fit(a, data.X, data.y, loss="squared_error", epochs=3, progress=False)
    fit(b, data.X, data.y, loss="squared_error", epochs=3, progress=False, optimizer=SGD(b.parameters(), 0.1))
    assert weights(a) == weights(b) != weights(network())


# --- History, validation, callback, bar.


def test_history_is_the_mean_loss_of_each_epoch_as_used() -> None:
    model = MLP.from_weights([[[0.0]]], [[None]], ["identity"])
    # w = 0 costs 4; then w = 0 + 1/4 * 4 = 1 costs 1 on the second example: mean 5/2
    history = fit(
        model,
        [[1.0], [1.0]],
        [2.0, 2.0],
        loss="squared_error",
        batch_size=1,
        epochs=1,
        optimizer=SGD(model.parameters(), 0.25),
        progress=False,
    )
    assert history == History(loss=[2.5], validation=[])
    assert weights(model) == [1.5]


def test_validation_is_measured_after_each_epoch_and_trains_nothing() -> None:
    def model() -> MLP:
        return MLP.from_weights([[[0.0]]], [[None]], ["identity"])

    with_it, without = model(), model()
    X, y = [[1.0]], [2.0]
    history = fit(
        with_it,
        X,
        y,
        loss="squared_error",
        epochs=2,
        optimizer=SGD(with_it.parameters(), 0.25),
        validation=([[1.0], [3.0]], [1.0, 2.0]),
        progress=False,
    )
    fit(
        without,
        X,
        y,
        loss="squared_error",
        epochs=2,
        optimizer=SGD(without.parameters(), 0.25),
        progress=False,
    )
    # w is 1, then 3/2: ((w - 1)^2 + (3w - 2)^2) / 2
    assert history.validation == [0.5, (0.25 + 6.25) / 2]
    assert weights(with_it) == weights(without) == [1.5]


def test_a_callback_sees_each_epoch_and_stops_on_true() -> None:
    seen: list[tuple[int, int]] = []

    def stop_at_3(epoch: int, history: History) -> bool:
        seen.append((epoch, len(history.loss)))
        return epoch == 3

    model = network()
    history = fit(
        model,
        ROWS,
        TARGETS,
        loss="squared_error",
        epochs=50,
        callback=stop_at_3,
        optimizer=Still(model.parameters()),
        progress=False,
    )
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert len(history.loss) == 3


def test_a_callback_that_returns_nothing_stops_nothing() -> None:
    losses: list[float] = []
    model = network()
    history = fit(
        model,
        ROWS,
        TARGETS,
        loss="squared_error",
        epochs=4,
        progress=False,
        optimizer=Still(model.parameters()),
        callback=lambda epoch, history: losses.append(history.loss[-1]),
    )
    assert losses == history.loss
    assert len(losses) == 4


def test_the_bar_shows_epochs_and_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    history = fit(model, ROWS, TARGETS, loss="squared_error", epochs=3, optimizer=Still(model.parameters()))
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert f"loss={history.loss[-1]:.4g}" in shown


def test_without_progress_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    fit(
        model,
        ROWS,
        TARGETS,
        loss="squared_error",
        epochs=3,
        progress=False,
        optimizer=Still(model.parameters()),
    )
    assert capsys.readouterr() == ("", "")


# --- What is refused.


@pytest.mark.parametrize("batch_size", [None, 1])
def test_a_loss_that_overflows_stops_training_before_the_step(batch_size: int | None) -> None:
    model = MLP(1, [1], rng=random.Random(1))
    before: list[list[float]] = []

    class Watched(SGD):
        def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
            moved = super().update(numbers, gradient, rate)
            before.append(moved.tolist())
            return moved

    with pytest.raises(
        ValueError,
        match=r"^the loss became inf in epoch \d+: pow\(x, p\) overflows at .*, p = 2.0: .*, in example "
        r"[01]; the parameters are as they were before that step: train with a smaller learning rate$",
    ):
        fit(
            model,
            [[10.0], [20.0]],
            [1.0, 5.0],
            loss="squared_error",
            batch_size=batch_size,
            epochs=1000,
            optimizer=Watched(model.parameters(), 10.0),
            progress=False,
        )
    assert weights(model) == before[-1]
    assert all(map(math.isfinite, weights(model)))


@pytest.mark.parametrize("number", [math.inf, math.nan])
def test_a_loss_that_is_no_number_stops_training_before_the_step(number: float) -> None:
    model = network()
    with pytest.raises(ValueError, match=f"the loss became {number} in epoch 1"):
        fit(model, ROWS, TARGETS, loss=lambda o, y: squared_error(o, y) + number, progress=False)
    assert weights(model) == weights(network())


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("number", [math.inf, math.nan])
def test_a_parameter_that_is_not_finite_is_named_before_training(compiled: bool, number: float) -> None:
    model = network()
    model.parameters()[1].data = model.parameters()[2].data = number
    label = model.parameters()[1].label
    with pytest.raises(
        ValueError, match=rf"^the parameter {re.escape(label)} is {number} before training, and 1 more"
    ):
        fit(model, ROWS, TARGETS, loss="squared_error", progress=False, compiled=compiled)


def _exploding(output: Any, target: Any) -> Any:
    return exp(output * 1000.0)


def _far_back(output: Any, target: Any) -> Any:
    return output * 1e200 * 1e200


ORIGINS: list[tuple[Any, list[list[float]], float, str]] = [
    (
        _exploding,
        [[1.0]],
        0.1,
        r"^the loss became inf in epoch 1: exp\(x\) overflows at x = 1000.0: the result is beyond the "
        r"largest float, 1.8e308, in example 0; the parameters are as they were before that step: no step",
    ),
    (
        _far_back,
        [[1e-200]],
        0.1,
        r"^the gradient of w_11\^1 became inf in epoch 1: the gradient overflows on its way back through "
        r"mul\(x, y\) to x, at x = 1e-200 \(z_1\^1\), y = 1e\+200, in example 0; .*: no step was taken yet",
    ),
    (
        lambda output, target: output * 1.0 + math.inf,
        [[1.0]],
        0.1,
        r"^the loss became inf in epoch 1: the constant is inf, in example 0; .*: the loss itself uses",
    ),
    (
        lambda output, target: sqrt(output - 1.0),
        [[1.0]],
        0.1,
        r"^the gradient of w_11\^1 became inf in epoch 1: sqrt\(x\) has the derivative inf by x, at x = 0.0, "
        r"in example 0; .*: keep its operand away from there, as with sqrt\(x \+ 1e-12\)$",
    ),
    (
        "squared_error",
        [[10.0]],
        10.0,
        r"^the loss became inf in epoch \d+: pow\(x, p\) overflows at .*: train with a smaller learning",
    ),
]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("loss", "X", "rate", "message"), ORIGINS)
def test_training_that_stops_says_where_that_comes_from(
    compiled: bool, loss: Any, X: list[list[float]], rate: float, message: str
) -> None:
    model = MLP.from_weights([[[1.0]]], [[None]], ["identity"])
    optimizer = SGD(model.parameters(), rate)
    with pytest.raises(ValueError, match=message) as raised:
        fit(model, X, [0.5], loss=loss, optimizer=optimizer, epochs=1000, progress=False, compiled=compiled)
    assert "\n" not in str(raised.value)


def test_a_step_that_makes_a_parameter_infinite_is_told() -> None:
    model = MLP.from_weights([[[1.0]]], [[None]], ["identity"])

    class Leap(SGD):
        def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
            return numbers * math.inf

    with pytest.raises(
        ValueError, match=r"in epoch 2: the step before made the parameter w_11\^1 inf; .*smaller"
    ):
        fit(model, [[1.0]], [0.5], loss="squared_error", optimizer=Leap(model.parameters()), progress=False)


def test_data_that_are_not_finite_are_named_by_their_row() -> None:
    with pytest.raises(
        ValueError, match=r"^row 1 of the training data .*: \[nan\], \[1.0\]\. Leave the row out"
    ):
        fit(MLP(1, [1]), [[1.0], [math.nan]], [1.0, 1.0], loss="squared_error", progress=False)


def test_a_gradient_that_is_not_finite_stops_training_before_the_step() -> None:
    model = MLP.from_weights([[[0.0]]], [[None]], ["identity"])

    def root(output: Any, target: Any) -> Value:
        cost: Value = sqrt(output)
        return cost

    with pytest.raises(ValueError, match=r"the gradient of w_11\^1 became inf in epoch 1"):
        fit(model, [[1.0]], [1.0], loss=root, progress=False)
    assert weights(model) == [0.0]


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        ([], [], {}, "the training data is empty"),
        (ROWS, TARGETS[:6], {}, "the training data has 7 rows of inputs and 6 targets"),
        (ROWS, TARGETS, {"validation": ([], [])}, "the validation data is empty"),
        (
            ROWS,
            TARGETS,
            {"validation": (ROWS, [1.0])},
            "the validation data has 7 rows of inputs and 1 targets",
        ),
        (
            ROWS,
            TARGETS,
            {"batch_size": 0},
            "batch_size is 0; it must be at least 1, or None for all examples",
        ),
        (ROWS, TARGETS, {"batch_size": -3}, "batch_size is -3"),
        (ROWS, TARGETS, {"loss": "hinge"}, "unknown loss 'hinge'"),
        ([[1.0]], [1.0], {}, "layer 1 expects 2 inputs, got 1"),
        ([[1.0, 2.0], [1.0]], [1.0, 2.0], {}, "layer 1 expects 2 inputs, got 1"),
        ([[1.0, 2.0]], [[1.0, 2.0]], {}, "the loss got 1 outputs and 2 targets"),
        (
            [[1.0, 2.0], [1.0, math.nan]],
            [1.0, 1.0],
            {},
            "row 1 of the training data contains a number that is not",
        ),
        ([[1.0, 2.0]], [math.inf], {}, "row 0 of the training data contains a number that is not finite"),
    ],
)
def test_data_that_does_not_fit_is_refused(X: Any, y: Any, options: dict[str, Any], message: str) -> None:
    model = network()
    settings: dict[str, Any] = {"loss": "squared_error", "progress": False} | options
    with pytest.raises(ValueError, match=message):
        fit(model, X, y, **settings)
    assert weights(model) == weights(network())


@pytest.mark.parametrize(
    ("X", "y"), [(["12"], [1.0]), ([["1", "2"]], [1.0]), ([[1.0, 2.0]], ["1"]), ([[None, 1.0]], [1.0])]
)
def test_text_is_no_data(X: Any, y: Any) -> None:
    with pytest.raises(TypeError, match=r"^row 0 of the training data: a Value holds one real number, not"):
        fit(network(), X, y, loss="squared_error", progress=False)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_validation_loss_that_overflows_is_told(compiled: bool) -> None:
    message = (
        r"^the validation loss became inf after epoch 1: pow\(x, p\) overflows at .*, in example 1: scale "
        r"the data, or train with a smaller learning rate$"
    )
    with pytest.raises(ValueError, match=message):
        fit(
            MLP(1, [1], rng=random.Random(1)),
            [[1.0]],
            [1.0],
            loss="squared_error",
            validation=([[1.0], [1e200]], [1.0, 0.0]),
            progress=False,
            compiled=compiled,
        )


@pytest.mark.parametrize("compiled", [True, False])
def test_the_optimizer_of_another_model_is_refused(compiled: bool) -> None:
    model, before = network(), network()
    optimizer = SGD(before.parameters())
    with pytest.raises(ValueError, match="the optimizer moves no parameter of this model; make one for it"):
        fit(
            model, ROWS, TARGETS, loss="squared_error", optimizer=optimizer, progress=False, compiled=compiled
        )
    with pytest.raises(TypeError, match=r"optimizer is 'adam'; give one of nn\.optim"):
        fit(model, ROWS, TARGETS, loss="squared_error", optimizer="adam", progress=False)  # type: ignore[arg-type]  # a mistake


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "returned"),
    [(lambda output, y: output.data - y[0], "float "), (lambda output, y: None, "NoneType None")],
)
def test_a_loss_that_returns_no_value_is_told_what_it_returned(
    compiled: bool, loss: Any, returned: str
) -> None:
    model = MLP(2, [1], rng=random.Random(0))
    with pytest.raises(TypeError, match=f"^the loss must return a Value, but returned {returned}"):
        fit(model, [[0.0, 1.0]], [1.0], loss=loss, progress=False, compiled=compiled)


def test_epochs_are_not_negative() -> None:
    with pytest.raises(ValueError, match="epochs is -1; it must be at least 0"):
        fit(network(), ROWS, TARGETS, loss="squared_error", epochs=-1, progress=False)
    assert fit(network(), ROWS, TARGETS, loss="squared_error", epochs=0, progress=False).loss == []


# --- Learning.


def accuracy(model: MLP, X: Sequence[Sequence[float]], y: Sequence[float]) -> float:
    def choice(output: Any) -> int:
        if isinstance(output, list):
            return max(range(len(output)), key=lambda k: float(output[k].data))
        return int(output.data > 0.0)

    return sum(choice(model(x)) == y_i for x, y_i in zip(X, y, strict=True)) / len(X)


def test_it_learns_exclusive_or() -> None:
    data = xor()
    model = MLP(2, [4, 1], activation="tanh", rng=random.Random(1))
    history = fit(
        model,
        data.X,
        data.y,
        loss="log_loss_from_logits",
        epochs=200,
        optimizer=SGD(model.parameters(), 0.5),
        batch_size=1,
        progress=False,
    )
    assert accuracy(model, data.X, data.y) == 1.0
    assert history.loss[-1] < 0.05 < 0.5 < history.loss[0]


@pytest.mark.parametrize("make", [moons, circles])
def test_it_learns_two_classes_in_the_plane(make: Callable[..., Any]) -> None:
    train, test = make(150, random.Random(1)).split(2 / 3, random.Random(2))
    model = MLP(2, [8, 1], activation="tanh", init="xavier_normal", rng=random.Random(3))
    fit(
        model,
        train.X,
        train.y,
        loss="log_loss_from_logits",
        epochs=40,
        optimizer=Adam(model.parameters(), 0.05),
        batch_size=10,
        rng=random.Random(4),
        progress=False,
    )
    assert accuracy(model, train.X, train.y) >= 0.98
    assert accuracy(model, test.X, test.y) >= 0.96


def test_it_learns_the_irises() -> None:
    train, test = iris().split(0.8, random.Random(1))
    train, standardization = train.standardized()
    model = MLP(4, [6, 3], activation="tanh", init="xavier_normal", rng=random.Random(3))
    fit(
        model,
        train.X,
        train.targets(),
        loss="cross_entropy_from_logits",
        epochs=15,
        batch_size=8,
        optimizer=SGD(model.parameters(), 0.2, momentum=0.5),
        rng=random.Random(4),
        progress=False,
    )
    assert accuracy(model, train.X, train.y) >= 0.97
    assert accuracy(model, standardization.apply(test.X), test.y) >= 0.93


def test_arrays_of_numpy_train_to_the_same_bits() -> None:
    data = xor()
    from_lists, from_arrays, from_columns = network(), network(), network()
    X: Any = np.array(data.X)
    y: Any = np.array(data.y)
    column: Any = y.reshape(4, 1).astype(np.float32)
    for model, inputs, targets in (
        (from_lists, data.X, data.y),
        (from_arrays, X, y),
        (from_columns, X, column),
    ):
        fit(model, inputs, targets, loss="log_loss_from_logits", epochs=3, progress=False)
    assert weights(from_lists) == weights(from_arrays) == weights(from_columns) != weights(network())


# --- The plot.


def test_a_notebook_shows_a_history() -> None:
    pytest.importorskip("matplotlib")
    picture = History([3.0, 1.0], [4.0, 2.0])._repr_png_()
    assert picture is not None
    assert picture.startswith(b"\x89PNG\r\n")


def test_a_history_draws_its_labelled_lines_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "loss.png"
    figure = History(loss=[3.0, 2.0, 1.0], validation=[4.0, 3.0, 2.5]).plot(str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
    assert lines == {
        "training": ([1, 2, 3], [3.0, 2.0, 1.0]),
        "validation": ([1, 2, 3], [4.0, 3.0, 2.5]),
    }
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "mean loss", "log")


def test_a_loss_of_0_is_drawn_on_a_linear_scale() -> None:
    (axes,) = History(loss=[1.0, 0.0]).plot().axes
    assert len(axes.lines) == 1
    assert (axes.get_yscale(), axes.get_legend()) == ("linear", None)


def test_without_matplotlib_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"plotting needs matplotlib: pip install 'deltagrad\[plot\]'"):
        History(loss=[1.0]).plot()


# --- Compiled and recorded training are the same training.


def test_an_optimizer_of_ones_own_implements_update_alone() -> None:
    class SignDescent(Optimizer):
        def update(self, numbers: Any, gradient: Any, rate: float) -> Any:
            return [x - rate * math.copysign(1.0, g) for x, g in zip(numbers, gradient, strict=True)]

    trained = []
    for compiled in (True, False):
        model = network()
        optimizer = SignDescent(model.parameters(), lambda step: 0.5**step)
        fit(model, ROWS, TARGETS, loss="squared_error", optimizer=optimizer, epochs=3, batch_size=3,
            progress=False, compiled=compiled)  # fmt: skip
        assert optimizer.steps == 9
        trained.append(weights(model))
    assert trained[0] == trained[1] != weights(network())


@pytest.mark.parametrize("compiled", [True, False])
def test_an_optimizer_of_some_parameters_leaves_the_others(compiled: bool) -> None:
    model, before = network(), weights(network())
    optimizer = Adam(model.layers[1].parameters())
    fit(model, ROWS, TARGETS, loss="squared_error", optimizer=optimizer, epochs=2, progress=False,
        compiled=compiled)  # fmt: skip
    first = len(model.layers[0].parameters())
    assert weights(model)[:first] == before[:first]
    assert all(a != b for a, b in zip(weights(model)[first:], before[first:], strict=True))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "log_loss_from_logits"])
@pytest.mark.parametrize(
    "make", [lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True), lambda p: Adam(p, 0.05)]
)
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_compiled_training_gives_the_same_parameters_epoch_by_epoch(
    loss: str, make: Any, activation: str
) -> None:
    data = moons(30, random.Random(1))
    paths = []
    for compiled in (True, False):
        output = "sigmoid" if loss == "log_loss" else "identity"
        model = MLP(2, [5, 1], activation=activation, output=output, rng=random.Random(2))
        path: list[list[float]] = []

        def remember(epoch: int, history: History, model: MLP = model, path: Any = path) -> None:
            path.append(weights(model))

        history = fit(model, data.X, data.targets(), loss=loss, optimizer=make(model.parameters()),
                      epochs=6, batch_size=7, rng=random.Random(3), progress=False, compiled=compiled,
                      validation=(data.X, data.targets()), callback=remember)  # fmt: skip
        paths.append((path, history.loss, history.validation))
    for found, expected in zip(*paths, strict=True):
        assert np.array(found) == pytest.approx(np.array(expected), rel=1e-11, abs=1e-12)


def test_compiled_training_leaves_unconnected_inputs_alone() -> None:
    trained = []
    for compiled in (True, False):
        model = MLP(3, [2, 1], connections=[[[0], [2]], None], rng=random.Random(1))
        fit(model, [[1.0, 2.0, 3.0], [0.5, 9.0, -1.0]], [1.0, 2.0], loss="squared_error", epochs=3,
            progress=False, compiled=compiled)  # fmt: skip
        trained.append(weights(model))
    assert trained[0] == pytest.approx(trained[1], rel=1e-13)


def test_a_loss_that_branches_in_python_is_refused_or_recorded() -> None:
    def hinge(output: Any, target: Any) -> Any:
        margin = 1.0 - target[0] * output
        return margin if margin.data > 0.0 else margin * 0.0

    model = network()
    X, y = [[1.0, 2.0], [-3.0, 0.5]], [1.0, -30.0 if model([-3.0, 0.5]).data < 0 else 30.0]
    with pytest.raises(ValueError, match=r"a branch that Python takes is not recorded.*compiled=False"):
        fit(model, X, y, loss=hinge, epochs=1, progress=False)
    fit(model, X, y, loss=hinge, epochs=1, progress=False, compiled=False)


def test_a_certain_and_right_probability_trains_compiled_too() -> None:
    model = MLP.from_weights([[[40.0]]], [[0.0]], ["sigmoid"])  # sigmoid(40) is 1.0 in floats
    history = fit(model, [[0.1], [1.0]], [0.0, 1.0], loss="log_loss", epochs=1, progress=False)
    assert math.isfinite(history.loss[0])

"""Every loss, value and gradient, against mpmath, from the middle to the far tails."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

import nn
from engine import Value, sigmoid, softmax
from nn import (
    ACTIVATIONS,
    LOSSES,
    cross_entropy,
    cross_entropy_from_logits,
    log_loss,
    log_loss_from_logits,
    squared_error,
)
from nn.losses import Loss, find_loss
from nn.proof import delta_rule
from tests.nn.truth import TRUE_LOSSES, Number, true_activations, true_loss

mp: Any = mpmath.mp.clone()
mp.dps = 800  # 1 - sigmoid(700) needs 304 digits to be seen at all


def slope(f: Callable[[list[Number]], Number], x: Sequence[float], i: int) -> Number:
    """The derivative by x[i]: a central difference in 800 digits, right to more than 100."""
    h = mp.mpf(10) ** -250 * (abs(mp.mpf(x[i])) or 1)
    up, down = ([mp.mpf(v) + (s * h if j == i else 0) for j, v in enumerate(x)] for s in (1, -1))
    return (f(up) - f(down)) / (2 * h)


def true_sigmoid(z: float) -> Number:
    (o,) = true_activations("sigmoid", [mp.mpf(z)], mp)
    return o


def close(x: float, truth: Number, ulps: float) -> bool:
    return math.isfinite(x) and bool(abs(mp.mpf(x) - truth) <= ulps * math.ulp(float(truth)))


POINTS: dict[tuple[str, bool], list[tuple[list[float], list[float]]]] = {
    ("", False): [([1.5], [-0.25]), ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1])],
    ("sigmoid", False): [
        ([0.8], [1.0]),
        ([0.8], [0.0]),
        ([0.3], [0.25]),
        ([0.3, 0.9], [0.25, 1.0]),
        ([1e-300], [1.0]),
        ([1e-300], [0.0]),
        ([1e-300], [0.5]),
        ([1.0 - 2.0**-53], [1.0]),
        ([1.0 - 2.0**-53], [0.0]),
        ([1.0 - 2.0**-53], [0.125]),
        ([1e-308], [1.0]),
    ],
    ("softmax", False): [
        ([0.2, 0.8], [0.0, 1.0]),
        ([0.2, 0.3, 0.5], [0.25, 0.25, 0.5]),
        ([1e-300, 1.0], [1.0, 0.0]),
        ([1.0 - 2.0**-53, 1e-16], [0.5, 0.5]),
        ([0.0, 1.0 - 2.0**-53], [0.0, 1.0]),
    ],
    ("sigmoid", True): [
        *[
            ([z], [y])
            for z, y in product((0.0, 1e-9, 0.3, -2.0, 50.0, -50.0, 700.0, -700.0), (0.0, 0.25, 1.0))
        ],
        ([3.0, -40.0], [0.0, 0.75]),
    ],
    ("softmax", True): [
        *[
            ([z, 0.0], y)
            for z, y in product(
                (0.0, 0.3, 50.0, -50.0, 700.0, -700.0), ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75])
            )
        ],
        ([1000.0, 999.0, -1000.0], [0.0, 1.0, 0.0]),
        ([1e8, 1e8 + 1.0, 1e8 - 1.0], [0.125, 0.375, 0.5]),
    ],
}
"""Outputs and targets, by the activation that a loss goes with and whether it applies that itself."""

EXTREMES: list[tuple[str, list[float], list[float]]] = [("squared_error", [1e150, -3.0], [0.0, 1e-300])]


def points_of(row: Loss) -> Iterator[tuple[list[float], list[float]]]:
    """Outputs and targets to try a loss at, from the facts of its row."""
    if (row.output, row.logits) in POINTS:
        yield from POINTS[row.output, row.logits]
        return
    for z in ([0.3], [-2.0, 0.7]):  # the targets are outputs too, of other net inputs
        a, y = (
            [float(a) for a in true_activations(row.output, x, mp)] for x in (z, [0.5 - z_i for z_i in z])
        )
        yield z if row.logits else a, y


CASES = [(name, o, y) for name in LOSSES for o, y in points_of(find_loss(name))] + EXTREMES


@pytest.mark.parametrize(("name", "output", "target"), CASES)
def test_a_loss_and_its_gradient_are_those_of_its_definition(
    name: str, output: list[float], target: list[float]
) -> None:
    outputs = [Value(o) for o in output]
    loss = LOSSES[name](outputs, target)
    y = [mp.mpf(t) for t in target]
    value = true_loss(name, [mp.mpf(o) for o in output], y, mp)
    assert close(loss.data, value, 4)
    loss.backward()
    for i, o in enumerate(outputs):
        # The terms of o - y may cancel: 4 ULP of the greater of the two.
        exact = slope(lambda x: true_loss(name, x, y, mp), output, i)
        room = 4 * max(math.ulp(float(exact)), math.ulp(target[i]) if find_loss(name).logits else 0.0)
        assert math.isfinite(o.grad)
        assert abs(mp.mpf(o.grad) - exact) <= room


@pytest.mark.parametrize("z", [0.0, 0.5, -0.5, 5.0, -5.0, 36.0, 37.0, 50.0, -50.0, 700.0, -700.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_the_output_delta_of_the_log_loss_is_o_minus_y_to_a_few_ulp(z: float, y: float) -> None:
    logit = Value(z)
    log_loss_from_logits(logit, y).backward()
    assert close(logit.grad, true_sigmoid(z) - y, 2)


@pytest.mark.parametrize("z", [0.5, 5.0, 36.0, 37.0, 50.0, 700.0])
def test_a_sure_and_right_probability_has_that_delta_too(z: float) -> None:
    """sigmoid(50) rounds to 1, but its slope does not round to 0."""
    right, mirrored = Value(z), Value(-z)
    log_loss(sigmoid(right), 1.0).backward()
    log_loss(sigmoid(mirrored), 0.0).backward()
    truth = true_sigmoid(z) - 1
    assert close(right.grad, truth, 4)
    assert close(mirrored.grad, -truth, 4)


@pytest.mark.parametrize("z", [0.0, 5.0, -5.0, 37.0, 50.0, -50.0, 700.0, -700.0])
@pytest.mark.parametrize("y", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
def test_the_output_delta_of_the_cross_entropy_is_o_minus_y_to_a_few_ulp(z: float, y: list[float]) -> None:
    logits = [Value(z), Value(0.5), Value(-0.25)]
    cross_entropy_from_logits(logits, y).backward()
    probabilities = true_activations("softmax", [mp.mpf(v.data) for v in logits], mp)
    for logit, o, y_i in zip(logits, probabilities, y, strict=True):
        assert close(logit.grad, o - y_i, 4)


@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
def test_the_two_log_losses_agree(y: float) -> None:
    z = [Value(1.25), Value(1.25)]
    losses = [log_loss(sigmoid(z[0]), y), log_loss_from_logits(z[1], y)]
    for loss in losses:
        loss.backward()
    assert losses[0].data == pytest.approx(losses[1].data, rel=1e-15)
    assert z[0].grad == pytest.approx(z[1].grad, rel=1e-15)


@pytest.mark.parametrize("y", [[0.0, 1.0], [0.25, 0.75]])
def test_the_two_cross_entropies_agree(y: list[float]) -> None:
    z = [[Value(0.7), Value(-1.1)] for _ in range(2)]
    losses = [cross_entropy(softmax(z[0]), y), cross_entropy_from_logits(z[1], y)]
    for loss in losses:
        loss.backward()
    assert losses[0].data == pytest.approx(losses[1].data, rel=1e-15)
    for a, b in zip(*z, strict=True):
        assert a.grad == pytest.approx(b.grad, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "slope_by_target"),
    [
        ("squared_error", -2.0 * (0.25 - 0.75)),
        ("log_loss", math.log(0.75) - math.log(0.25)),
        ("log_loss_from_logits", -0.25),
    ],
)
def test_a_value_as_target_is_recorded(name: str, slope_by_target: float) -> None:
    target = Value(0.75)
    LOSSES[name](Value(0.25), target).backward()
    assert target.grad == pytest.approx(slope_by_target, rel=1e-14)


def test_a_value_as_target_is_recorded_even_where_it_is_0_or_1() -> None:
    targets = [Value(0.0), Value(1.0)]
    cross_entropy([Value(0.25), Value(0.75)], targets).backward()
    assert [t.grad for t in targets] == [-math.log(0.25), -math.log(0.75)]
    zero = Value(0.0)
    log_loss(Value(0.75), zero).backward()
    assert zero.grad == pytest.approx(math.log(0.25) - math.log(0.75), rel=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_numpy_rows_are_targets(name: str) -> None:
    outputs = [Value(0.2), Value(0.8)]
    row: Any = np.array([0.25, 0.75])
    of_list = LOSSES[name](outputs, [0.25, 0.75]).data
    assert LOSSES[name](outputs, row).data == of_list
    assert LOSSES[name](outputs, (0.25, 0.75)).data == of_list


# --- What is refused.


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_and_targets_are_equally_many(name: str) -> None:
    with pytest.raises(ValueError, match="the loss got 2 outputs and 1 targets"):
        LOSSES[name]([Value(0.5), Value(0.5)], 1.0)
    with pytest.raises(ValueError, match="the loss got 1 outputs and 2 targets"):
        LOSSES[name](Value(0.5), [0.0, 1.0])


@pytest.mark.parametrize(
    ("loss", "output", "target", "message"),
    [
        (
            log_loss,
            [1.0],
            [0.0],
            "log_loss is infinite: output 1 is 1.0 where the target is 0.0; use log_loss_f",
        ),
        (log_loss, [0.5, 0.0], [1.0, 1.0], "log_loss is infinite: output 2 is 0.0 where the target is 1.0"),
        (log_loss, [0.0], [0.5], "log_loss is infinite: output 1 is 0.0 where the target is 0.5"),
        (
            cross_entropy,
            [1.0, 0.0],
            [0.0, 1.0],
            "cross_entropy is infinite: output 2 is 0.0 where the target",
        ),
        (log_loss, [0.5], [-1.0], "log_loss takes targets from 0 to 1; target 1 is -1.0"),
        (log_loss, [0.5, 0.5], [1.0, 2.0], "log_loss takes targets from 0 to 1; target 2 is 2.0"),
        (log_loss, [0.5], [math.nan], "log_loss takes targets from 0 to 1; target 1 is nan"),
        (
            log_loss_from_logits,
            [0.5],
            [-1.0],
            "log_loss_from_logits takes targets from 0 to 1; target 1 is -1.0",
        ),
        (cross_entropy, [0.5, 0.5], [2.0, -1.0], "cross_entropy takes targets from 0 to 1; target 1 is 2.0"),
        (
            cross_entropy,
            [0.5, 0.5],
            [0.0, 0.0],
            "cross_entropy takes targets that add up to 1; these add up to 0",
        ),
        (
            cross_entropy_from_logits,
            [0.5, 0.5],
            [1.0, 1.0],
            "cross_entropy_from_logits takes .* add up to 2.0",
        ),
    ],
)
def test_an_infinite_or_meaningless_loss_is_refused(
    loss: Any, output: list[float], target: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loss([Value(o) for o in output], target)


def test_an_output_that_costs_nothing_is_allowed_to_be_0_or_1() -> None:
    assert log_loss([Value(1.0), Value(0.0)], [1.0, 0.0]).data == 0.0
    assert cross_entropy([Value(0.0), Value(1.0)], [0.0, 1.0]).data == 0.0


def test_a_loss_is_found_by_its_name() -> None:
    assert find_loss("squared_error").function is squared_error
    assert find_loss(squared_error) is find_loss("squared_error") is LOSSES["squared_error"]
    with pytest.raises(
        ValueError, match=r"unknown loss 'hinge'; known: squared_error, log_loss, log_loss_from"
    ):
        find_loss("hinge")


# --- Losses of the user's own.


def test_a_plain_function_is_a_loss_of_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def absolute(output: Any, target: Any) -> Any:
        return abs(output - target)

    assert find_loss(absolute) == Loss("absolute", absolute)
    monkeypatch.setitem(LOSSES, "distance", absolute)
    row = find_loss("distance")
    assert (row.name, row.__name__, row.function, row.branch_free) == (*["distance"] * 2, absolute, False)
    assert row(Value(1.0), 3.0).data == 2.0


def test_the_decorator_adds_a_row_and_refuses_a_taken_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.losses, "LOSSES", dict(LOSSES))

    @nn.loss
    def halved_error(output: Any, target: Any) -> Any:
        """Half the squared error."""
        return (output - target) ** 2 / 2

    assert nn.losses.LOSSES["halved_error"] == Loss("halved_error", halved_error, "Half the squared error")
    with pytest.raises(
        ValueError,
        match=r"^there is a loss 'halved_error' already: give yours another name, or first `del nn",
    ):
        nn.loss(halved_error)


def test_every_row_says_what_it_is() -> None:
    for name in LOSSES:
        row = find_loss(name)
        assert row.name == name
        assert row.text
        assert row.output in {"", *ACTIVATIONS}
    assert all(getattr(nn, row.name) is row.function for row in map(find_loss, LOSSES.keys() & vars(nn)))
    chosen = [find_loss(name).predicts for name in LOSSES]
    assert sorted(filter(None, chosen)) == ["classes", "number", "two classes"]


def test_every_loss_has_an_independent_truth_and_a_closed_form() -> None:
    missing = set(LOSSES) - set(TRUE_LOSSES)
    assert not missing, f"write {missing} with mpmath in TRUE_LOSSES in tests/nn/truth.py"
    missing = set(LOSSES) - set(delta_rule.LOSSES)
    assert not missing, f"write {missing} in decimals in LOSSES in nn/proof/delta_rule.py"

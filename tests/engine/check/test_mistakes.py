"""Each mistake, planted in the gradients of a real network, is named; and only where it was planted."""

import random
from collections.abc import Callable
from math import exp, fsum
from typing import Any

import pytest

from engine import GradientReport, Value, check_gradients, log, sigmoid
from engine import fsum as recorded_sum
from nn import MLP

SIZES = (2, 3, 3, 2)
INPUTS = ((1.0, -0.5), (0.3, 0.8), (-0.7, 0.4))
TARGETS = ((1.0, 0.0), (0.0, 0.0), (1.0, 1.0))

Gradient = dict[str, float]
Planted = Callable[[str, float, dict[str, float]], float]
"""What somebody makes of one factor of a delta: from its name, its number, and the forward pass."""


def network() -> MLP:
    return MLP(2, SIZES[1:], activation="sigmoid", output="sigmoid", rng=random.Random(3))


def cost(model: MLP) -> Value:
    """The mean over three examples of the sum of squared errors."""
    errors = [
        recorded_sum([(o - y) ** 2 for o, y in zip(model(x), target, strict=True)])
        for x, target in zip(INPUTS, TARGETS, strict=True)
    ]
    total: Value = recorded_sum(errors) / 3.0
    return total


def right_factor(name: str, factor: float, a: dict[str, float]) -> float:
    return factor


def by_hand(model: MLP, planted: Planted = right_factor, only: int | None = None) -> Gradient:
    """The gradient by the delta rule, written out, with a mistake in the examples or in one of them."""
    gradient = {p.label: 0.0 for p in model.parameters()}
    for n, (x, target) in enumerate(zip(INPUTS, TARGETS, strict=True)):
        for name, g in one_example(model, x, target, planted if only in (None, n) else right_factor).items():
            gradient[name] += g / 3.0
    return gradient


def one_example(model: MLP, x: tuple[float, ...], target: tuple[float, ...], planted: Planted) -> Gradient:
    w = {p.label: p.data for p in model.parameters()}
    a = {f"a_{j}^0": x_j for j, x_j in enumerate(x, start=1)}
    depth = len(SIZES) - 1
    for layer in range(1, depth + 1):
        for i in range(1, SIZES[layer] + 1):
            z = w[f"b_{i}^{layer}"] + fsum(
                w[f"w_{i}{j}^{layer}"] * a[f"a_{j}^{layer - 1}"] for j in range(1, SIZES[layer - 1] + 1)
            )
            a[f"z_{i}^{layer}"], a[f"a_{i}^{layer}"] = z, 1.0 / (1.0 + exp(-z))
    delta: dict[tuple[int, int], float] = {}
    for layer in range(depth, 0, -1):
        for i in range(1, SIZES[layer] + 1):
            own = a[f"a_{i}^{layer}"]
            if layer == depth:
                upstream = 2.0 * (own - target[i - 1])
            else:
                upstream = fsum(
                    planted(f"path {k} to {i}, {layer}", delta[layer + 1, k] * w[f"w_{k}{i}^{layer + 1}"], a)
                    for k in range(1, SIZES[layer + 1] + 1)
                )
            delta[layer, i] = upstream * planted(f"derivative {i}, {layer}", own * (1.0 - own), a)
    gradient = {}
    for (layer, i), d in delta.items():
        gradient[f"b_{i}^{layer}"] = d
        for j in range(1, SIZES[layer - 1] + 1):
            gradient[f"w_{i}{j}^{layer}"] = d * planted(
                f"input {j} of {i}, {layer}", a[f"a_{j}^{layer - 1}"], a
            )
    return gradient


def replaced(place: str, number: Callable[[dict[str, float]], float]) -> Planted:
    return lambda name, factor, a: number(a) if name == place else factor


def sigmoid_prime(z: float) -> float:
    return exp(-z) / (1.0 + exp(-z)) ** 2


def checked(claimed: Gradient) -> GradientReport:
    model = network()
    return check_gradients(cost(model), model.parameters(), claimed=claimed)


def mistakes(report: GradientReport) -> list[str]:
    """Those that are named for every wrong number."""
    named = [set(c.opinions["claimed"].mistakes) for c in report.comparisons if not c.ok]
    return sorted(set.intersection(*named)) if named else []


def swapped(g: Gradient) -> Gradient:
    return {**g, "w_12^1": g["w_31^1"], "w_31^1": g["w_12^1"]}


def transposed(g: Gradient) -> Gradient:
    return {k: g[f"w_{k[3]}{k[2]}^2"] if k.startswith("w") and k.endswith("^2") else v for k, v in g.items()}


GRADIENT = by_hand(network())

# One example at a time: the labels of a network name a neuron, not the example it is computed for.
PLANTED: dict[str, tuple[Gradient, str]] = {
    "sign": ({k: -g for k, g in GRADIENT.items()}, "the sign is flipped"),
    "sign of one": ({**GRADIENT, "b_2^2": -GRADIENT["b_2^2"]}, "the sign is flipped"),
    "factor 2": ({**GRADIENT, "b_2^2": 2.0 * GRADIENT["b_2^2"]}, "twice the truth: a factor 2 too many"),
    "half": ({k: 0.5 * g for k, g in GRADIENT.items()}, "half the truth: a factor 2 is missing"),
    "sum for mean": (
        {k: 3.0 * g for k, g in GRADIENT.items()},
        "3 times the truth: a sum in place of the mean over 3",
    ),
    "mean for sum": (
        {k: g / 3.0 for k, g in GRADIENT.items()},
        "1/3 of the truth: a mean over 3 in place of the sum",
    ),
    "not zeroed": (
        {k: 2.0 * g for k, g in GRADIENT.items()},
        "not zeroed before a second backward pass: every derivative is doubled",
    ),
    "swapped": (swapped(GRADIENT), "w_12^1 and w_31^1 are swapped"),
    "transposed": (transposed(GRADIENT), "the matrix w^2 is transposed"),
    "missing term": (
        by_hand(network(), replaced("path 2 to 1, 2", lambda a: 0.0), only=0),
        "a term is missing: a_1^2 is also used in z_2^3 = sumprod(w_21^3, w_22^3, w_23^3, ...)",
    ),
    "left out": (
        by_hand(network(), replaced("derivative 2, 2", lambda a: 1.0), only=1),
        "the derivative of a_2^2 = sigmoid(z_2^2) is left out",
    ),
    "neighbour": (
        by_hand(network(), replaced("derivative 2, 2", lambda a: a["a_1^2"] * (1.0 - a["a_1^2"])), only=1),
        "the derivative of the wrong neuron: a_1^2 (1 - a_1^2) in place of a_2^2 (1 - a_2^2)",
    ),
    "mixed with a neighbour": (
        by_hand(network(), replaced("derivative 2, 2", lambda a: a["a_2^2"] * (1.0 - a["a_1^2"])), only=1),
        "the derivative of the wrong neuron: a_2^2 (1 - a_1^2) in place of a_2^2 (1 - a_2^2)",
    ),
    "wrong point": (
        by_hand(network(), replaced("derivative 2, 2", lambda a: sigmoid_prime(a["a_2^2"])), only=2),
        "the derivative of a_2^2 = sigmoid(z_2^2) is taken at its own output in place of z_2^2",
    ),
    "wrong input": (
        by_hand(network(), replaced("input 1 of 3, 2", lambda a: a["a_2^1"]), only=0),
        "a_2^1 in place of a_1^1",
    ),
    "left out everywhere": (
        by_hand(network(), lambda name, factor, a: 1.0 if name.startswith("derivative") else factor),
        "the derivative of sigmoid is left out everywhere",
    ),
    "wrong point everywhere": (
        by_hand(
            network(),
            lambda name, factor, a: (
                sigmoid_prime(a["a_" + name.removeprefix("derivative ").replace(", ", "^")])
                if name.startswith("derivative")
                else factor
            ),
        ),
        "every derivative of sigmoid is taken at its own output",
    ),
}

BOTH = {  # these are the same numbers: where one is planted, the other is shown beside it
    ("not zeroed", "factor 2"),
}


def test_the_gradient_by_hand_is_right() -> None:
    assert checked(GRADIENT).ok


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_mistake_is_named_and_no_other(planted: str) -> None:
    claimed, text = PLANTED[planted]
    report = checked(claimed)
    found = mistakes(report)
    assert text in found, str(report)
    for other, (_, other_text) in PLANTED.items():
        if other_text != text and (planted, other) not in BOTH:
            assert other_text not in found
    for c in report.comparisons:  # what is right is not explained
        opinion = c.opinions["claimed"]
        assert opinion.ok == (abs(claimed[c.name] - GRADIENT[c.name]) <= 1e-10 * abs(GRADIENT[c.name]))
        assert not (opinion.ok and opinion.mistakes)


def test_printed_with_six_digits_a_mistake_is_still_named() -> None:
    claimed, text = PLANTED["neighbour"]
    model = network()
    printed = {name: f"{g:.6e}" for name, g in claimed.items()}
    assert text in mistakes(check_gradients(cost(model), model.parameters(), claimed=printed))


def test_what_no_mistake_explains_is_said_to_be_unexplained() -> None:
    report = checked({**GRADIENT, "w_12^2": 1.2345 * GRADIENT["w_12^2"]})
    assert mistakes(report) == []
    assert "w_12^2: claimed: no single common mistake gives this number" in str(report)


def test_two_mistakes_at_once_are_each_named() -> None:
    g = {**GRADIENT, "b_1^3": -GRADIENT["b_1^3"], "b_2^3": 2.0 * GRADIENT["b_2^3"]}
    by_name = {c.name: list(c.opinions["claimed"].mistakes) for c in checked(g).comparisons if not c.ok}
    assert by_name["b_1^3"] == ["the sign is flipped"]
    assert by_name["b_2^3"] == ["twice the truth: a factor 2 too many"]


def test_where_two_explanations_fit_both_are_shown() -> None:
    report = check_gradients(lambda x: x * x, x=3.0, claimed=[3.0])
    assert list(report.comparisons[0].opinions["claimed"].mistakes) == [
        "half the truth: a factor 2 is missing",
        "a term is missing: x is also used in mul(x, x)",
    ]


def test_the_outer_derivative_at_the_inner_variable() -> None:
    def f(x: Value) -> Any:
        return log(sigmoid(x * x) + 1.0)

    x = 0.8
    s, t = 1.0 / (1.0 + exp(-x * x)), 1.0 / (1.0 + exp(-x))
    claimed = 1.0 / (1.0 + s) * t * (1.0 - t) * 2.0 * x
    found = check_gradients(f, x=x, claimed=[claimed]).comparisons[0].opinions["claimed"].mistakes
    assert "the derivative of sigmoid(0.64) is taken at x in place of 0.64" in found

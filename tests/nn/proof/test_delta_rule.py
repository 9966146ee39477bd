"""The delta rule against high-precision differences of a forward pass of its own."""

import ast
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf, isfinite, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any, SupportsFloat

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ops import OPS
from nn.proof.delta_rule import ACTIVATIONS, LOSSES, DeltaRule, delta_rule
from tests.nn.truth import TRUE_ACTIVATIONS, TRUE_LOSSES, Number, needed_output, true_activations, true_loss

mp: Any = mpmath.mp

GAP = 2.0**-52
"""The largest relative gap to the truth that is accepted: at most two roundings to a float."""


# --- The truth: a forward pass in mpmath, and central differences of it.


@dataclass(frozen=True)
class DenseLayer:
    """A layer of matrices, read as the delta rule reads a network. None is absent, which is not 0."""

    W: Sequence[Sequence[float | None]]
    b: Sequence[float | None]
    activation: str

    @property
    def n_in(self) -> int:
        return len(self.W[0]) if self.W else 0

    @property
    def neurons(self) -> list[SimpleNamespace]:
        return [
            neuron([w for w in row if w is not None], [j for j, w in enumerate(row) if w is not None], b)
            for row, b in zip(self.W, self.b, strict=True)
        ]


def backpropagate(layers: Sequence[DenseLayer], x: Any, y: Any, loss: Any) -> DeltaRule:
    return delta_rule(network(*layers), x, y, loss)


def neuron(
    w: Sequence[SupportsFloat], sources: Sequence[int], b: SupportsFloat | None = None
) -> SimpleNamespace:
    return SimpleNamespace(w=w, sources=sources, b=b)


def layer(n_in: int, *neurons: SimpleNamespace, activation: str = "sigmoid") -> SimpleNamespace:
    return SimpleNamespace(n_in=n_in, activation=activation, neurons=neurons)


def network(*layers: Any) -> SimpleNamespace:
    return SimpleNamespace(layers=layers)


@dataclass(frozen=True)
class Place:
    """Where a derivative is taken: a neuron's weight of input j, or its net input if j is None."""

    layer: int
    neuron: int
    j: int | None = None


@dataclass(frozen=True)
class Example:
    """A network and one example, and the digits it takes to differentiate it."""

    layers: list[DenseLayer]
    x: list[float]
    y: list[float]
    loss: str
    digits: int = 120

    def backpropagate(self) -> DeltaRule:
        return backpropagate(self.layers, self.x, self.y, self.loss)

    def places(self) -> Iterator[Place]:
        for n, layer in enumerate(self.layers):
            for i, row in enumerate(layer.W):
                yield Place(n, i)
                yield from (Place(n, i, j) for j, w in enumerate(row) if w is not None)

    def true_outputs(self, place: Place | None = None, step: Number = 0.0) -> list[Number]:
        """The outputs after a step of the number at a place."""
        a = [mp.mpf(x_j) for x_j in self.x]
        for n, layer in enumerate(self.layers):
            z = []
            for i, (row, b) in enumerate(zip(layer.W, layer.b, strict=True)):
                terms = [w * a_j for w, a_j in zip(row, a, strict=True) if w is not None]
                if place is not None and (place.layer, place.neuron) == (n, i):
                    terms.append(step if place.j is None else step * a[place.j])
                z.append(mp.fsum([*terms, 0 if b is None else b]))
            a = true_activations(layer.activation, z)
        return a

    def true_loss(self, place: Place | None = None, step: Number = 0.0) -> Number:
        y = [mp.mpf(y_i) for y_i in self.y]
        return true_loss(self.loss, self.true_outputs(place, step), y)

    def true_derivative(self, place: Place) -> Number:
        """The central difference; 0 where it is too small to tell from its own error."""
        step = mp.mpf(10) ** (-3 * self.digits // 10)
        slope = (self.true_loss(place, step) - self.true_loss(place, -step)) / (2 * step)
        return slope if abs(slope) > mp.mpf(10) ** (-self.digits // 2) else mp.mpf(0)


def relative_gap(found: float | None, truth: Number) -> float:
    assert found is not None
    assert isfinite(found)
    assert mp.isfinite(truth)
    if found == float(truth):
        return 0.0
    return float(abs((found - truth) / truth)) if truth else inf


def largest_gap(example: Example, places: list[Place] | None = None) -> float:
    """The largest relative gap to the truth of the loss and of the deltas and gradients at places.

    The default is every place there is.
    """
    found = example.backpropagate()
    with mp.workdps(example.digits):
        gaps = [relative_gap(found.loss, example.true_loss())]
        for place in list(example.places()) if places is None else places:
            n, i, j = place.layer, place.neuron, place.j
            value = found.delta[n][i] if j is None else found.dW[n][i][j]
            gaps.append(relative_gap(value, example.true_derivative(place)))
    return max(gaps)


# --- Random networks.

GIVE_PROBABILITIES = {"sigmoid", "softmax"}
KINKED = {name for name in ACTIVATIONS if name in OPS and OPS[name].kinks}


def random_layer(rng: random.Random, n_in: int, n_out: int, name: str, density: float) -> DenseLayer:
    weights = [
        [rng.gauss(0, 1.5) / n_in**0.5 if rng.random() < density else None for _ in range(n_in)]
        for _ in range(n_out)
    ]
    # without a bias a neuron whose inputs are all 0 would sit on the kink
    b = [rng.gauss(0, 1) if name in KINKED or rng.random() < density else None for _ in weights]
    return DenseLayer(weights, b, name)


def random_example(
    rng: random.Random, widths: list[int], activations: list[str], loss: str, density: float
) -> Example:
    layers = [
        random_layer(rng, n_in, n_out, name, density)
        for n_in, n_out, name in zip(widths, widths[1:], activations, strict=False)
    ]
    x = [rng.gauss(0, 1) for _ in range(widths[0])]
    y = [rng.choice([0.0, 1.0, rng.random()]) for _ in layers[-1].W]
    output_activation = layers[-1].activation
    if len(y) == 1 and output_activation == "softmax":
        y = [1.0]  # as the only output, always
    example = Example(layers, x, y, loss)
    if needed_output(loss) in GIVE_PROBABILITIES and output_activation not in GIVE_PROBABILITIES:
        return with_outputs_between_0_and_1(example, rng)
    return example


def with_outputs_between_0_and_1(example: Example, rng: random.Random) -> Example:
    """The example with output biases that put every output net input between 0.05 and 0.5."""
    *hidden, last = example.layers
    linear = DenseLayer(last.W, [None] * len(last.W), "identity")
    z = replace(example, layers=[*hidden, linear]).true_outputs()
    placed = replace(last, b=[rng.uniform(0.05, 0.5) - float(z_i) for z_i in z])
    return replace(example, layers=[*hidden, placed])


def small_example(activation: str, loss: str) -> Example:
    rng = random.Random(f"{activation} {loss}")
    return random_example(rng, [3, 3, 2, 2], [activation] * 3, loss, density=0.8)


def test_every_row_has_a_truth() -> None:
    missing = ACTIVATIONS.keys() - TRUE_ACTIVATIONS.keys()
    assert not missing, f"write {missing} with mpmath in TRUE_ACTIVATIONS in tests/nn/truth.py"
    missing = LOSSES.keys() - TRUE_LOSSES.keys()
    assert not missing, f"write {missing} with mpmath in TRUE_LOSSES in tests/nn/truth.py"


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_gradient_is_the_difference_of_the_loss(activation: str, loss: str) -> None:
    assert largest_gap(small_example(activation, loss)) <= GAP


@pytest.mark.slow
@settings(max_examples=25)
@given(
    widths=st.lists(st.integers(1, 16), min_size=2, max_size=7),
    activations=st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=6, max_size=6),
    loss=st.sampled_from(sorted(LOSSES)),
    density=st.sampled_from([0.3, 0.7, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_depth_and_width(
    widths: list[int], activations: list[str], loss: str, density: float, seed: int
) -> None:
    rng = random.Random(seed)
    example = random_example(rng, widths, activations, loss, density)
    places = list(example.places())
    assert largest_gap(example, rng.sample(places, min(len(places), 6))) <= GAP


# --- The comparison can fail.


@pytest.mark.parametrize("part", ["value", "delta"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_wrong_by_1e_9_is_found(name: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = getattr(ACTIVATIONS[name], part)

    def wrong(*vectors: list[Decimal]) -> list[Decimal]:
        return [value * (1 + Decimal("1e-9")) for value in right(*vectors)]

    monkeypatch.setitem(ACTIVATIONS, name, replace(ACTIVATIONS[name], **{part: wrong}))
    assert largest_gap(small_example(name, "squared_error")) > 1e-10


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_wrong_by_1e_9_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = LOSSES[name]
    factor = 1 + Decimal("1e-9")
    for wrong in (
        replace(right, value=lambda o, y: right.value(o, y) * factor),
        replace(right, derivative=lambda o, y: [g * factor for g in right.derivative(o, y)]),
    ):
        monkeypatch.setitem(LOSSES, name, wrong)
        assert largest_gap(small_example("sigmoid", name)) > 1e-10


# --- Where floats lose their digits.


def one_neuron(activation: str, z: float, y: float, loss: str) -> Example:
    """A neuron of net input z; its digits are enough for a derivative as small as 1e-320."""
    return Example([DenseLayer([[1.0]], [None], activation)], [z], [y], loss, digits=720)


@pytest.mark.parametrize("z", [-700.0, -38.0, -20.0, -1e-150, 1e-150, 20.0, 38.0, 300.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_in_their_tails(activation: str, z: float) -> None:
    assert largest_gap(one_neuron(activation, z, 1.0, "squared_error")) <= GAP


@pytest.mark.parametrize(("activation", "z"), [("gelu", -0.7517915246935645), ("silu", -1.2784645427610738)])
def test_derivatives_beside_their_zero(activation: str, z: float) -> None:
    example = one_neuron(activation, z, 1.0, "squared_error")
    assert abs(example.backpropagate().delta[0][0]) < 1e-15
    assert largest_gap(example) <= GAP


@pytest.mark.parametrize(
    ("z", "y"),
    [
        (-700.0, 0.0),
        (-36.0, 1.0),
        (-36.0, 0.25),
        (1e-9, 0.5),
        (36.0, 0.0),
        (38.0, 1.0),
        (700.0, 1.0),
    ],
)
def test_sigmoid_with_log_loss_is_output_minus_target(z: float, y: float) -> None:
    example = one_neuron("sigmoid", z, y, "log_loss")
    logits = one_neuron("identity", z, y, "log_loss_from_logits")
    assert largest_gap(example) <= GAP
    assert example.backpropagate().delta == logits.backpropagate().delta
    assert example.backpropagate().loss == logits.backpropagate().loss
    with mp.workdps(400):
        truth = true_activations("sigmoid", [mp.mpf(z)])[0] - y
    assert relative_gap(logits.backpropagate().delta[0][0], truth) <= GAP


@pytest.mark.parametrize("y", [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25]])
@pytest.mark.parametrize("z", [[0.1, -0.2, 0.3], [40.0, 0.0, -1.0], [0.0, -700.0, 0.5]])
def test_softmax_with_cross_entropy_is_output_minus_target(z: list[float], y: list[float]) -> None:
    one = [[1.0, None, None], [None, 1.0, None], [None, None, 1.0]]
    example = Example([DenseLayer(one, [None] * 3, "softmax")], z, y, "cross_entropy", digits=720)
    logits = replace(
        example,
        layers=[DenseLayer(one, [None] * 3, "identity")],
        loss="cross_entropy_from_logits",
    )
    assert largest_gap(example) <= GAP
    assert example.backpropagate().delta == logits.backpropagate().delta
    assert example.backpropagate().loss == logits.backpropagate().loss
    with mp.workdps(400):
        o = true_activations("softmax", [mp.mpf(z_i) for z_i in z])
    for delta_i, o_i, y_i in zip(logits.backpropagate().delta[0], o, y, strict=True):
        with mp.workdps(400):
            assert relative_gap(delta_i, o_i - y_i) <= GAP


@pytest.mark.parametrize("z", [-1e6, -800.0, 800.0, 1e6])
def test_logits_have_no_limit(z: float) -> None:
    for y in (0.0, 1.0):
        found = one_neuron("identity", z, y, "log_loss_from_logits").backpropagate()
        assert found.delta == [[(z > 0) - y]]
        assert found.loss == (abs(z) if y != (z > 0) else 0.0)


@pytest.mark.parametrize("x", [40.0, 300.0])
def test_sums_that_cancel_keep_their_digits(x: float) -> None:
    # the second net input is 1 - sigmoid(x); the first layer's delta is a difference of two
    hidden = DenseLayer([[1.0]], [None], "sigmoid")
    sums = DenseLayer([[-1.0], [1.0]], [1.0, -1.0], "tanh")
    output = DenseLayer([[1.0, 1.0 - 2.0**-53]], [None], "identity")
    example = Example([hidden, sums, output], [x], [1.0], "squared_error", digits=720)
    assert largest_gap(example) <= GAP


# --- Special points.


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [0.1, 0.1, -0.2]])
@pytest.mark.parametrize(
    ("activation", "slope"),
    [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0), ("gelu", 0.5), ("silu", 0.5)],
)
def test_the_slope_at_zero(activation: str, slope: float, weights: list[float]) -> None:
    layer = DenseLayer([weights], [None], activation)
    found = backpropagate([layer], [1.0, 1.0, 1.0], -0.5, "squared_error")
    assert found.z == [[0.0]]
    assert found.delta == [[slope]]


def test_the_slope_of_leaky_relu_is_the_float_that_networks_have() -> None:
    """One hundredth itself lies 2e-19 beside it: a whole gradient, where terms cancel."""
    layer = DenseLayer([[1.0]], [None], "leaky_relu")
    assert backpropagate([layer], [-1.0], -0.01, "squared_error").delta == [[0.0]]


@pytest.mark.parametrize(
    ("loss", "o", "y", "slope"),
    [("log_loss", 0.0, 0.0, 1.0), ("log_loss", 1.0, 1.0, -1.0), ("cross_entropy", 0.0, 0.0, 0.0)],
)
def test_a_term_of_weight_0_is_0_even_if_its_log_is_infinite(
    loss: str, o: float, y: float, slope: float
) -> None:
    found = one_neuron("identity", o, y, loss).backpropagate()
    assert (found.loss, found.delta) == (0.0, [[slope]])


# --- The worked example.


def worked_example() -> SimpleNamespace:
    """Neurons 1, 2, 3, then 4, 5, then 6. The unit x_0 is the bias."""
    return network(
        layer(2, neuron([0.5], (0,), 0.3), neuron([-0.2], (0,), 0.7), neuron([], (), -0.1)),
        layer(3, neuron([-0.5, 0.4], (0, 1)), neuron([0.3, 0.6, 0.4], (0, 1, 2))),
        layer(2, neuron([0.5, 0.7], (0, 1))),
    )


def gradient_step(model: SimpleNamespace, found: DeltaRule, alpha: float) -> None:
    for n, layer_ in enumerate(model.layers):
        for i, neuron_ in enumerate(layer_.neurons):
            row, slope = found.dW[n][i], found.db[n][i]
            for k, j in enumerate(neuron_.sources):
                neuron_.w[k] -= alpha * (row[j] or nan)
            if neuron_.b is not None:
                neuron_.b -= alpha * (slope or nan)


def test_the_worked_example() -> None:
    model = worked_example()
    found = delta_rule(model, [1, 0], 1, "log_loss")
    assert found.a[2] == pytest.approx([0.6718458612293685], rel=1e-12)
    assert [delta for layer_ in found.delta for delta in layer_] == pytest.approx(
        [
            *(0.0011888941851271701, -0.010852237506373893, -0.004955774532488699),
            *(-0.0409248970438534, -0.049681742967923215),
            -0.3281541387706315,
        ],
        rel=1e-12,
    )
    gradient_step(model, found, alpha=0.5)
    neurons = [neuron_ for layer_ in model.layers for neuron_ in layer_.neurons]
    assert [w for neuron_ in neurons for w in neuron_.w] == pytest.approx(
        [
            *(0.49940555290743643, -0.19457388124681307),
            *(-0.48588143269848316, 0.4127370420217109),
            *(0.3171395674129041, 0.6154624322503779, 0.41179993095604267),
            *(0.5781035629434338, 0.8121670078913074),
        ],
        rel=1e-12,
    )
    assert [neuron_.b for neuron_ in neurons[:3]] == pytest.approx(
        [0.2994055529074364, 0.705426118753187, -0.09752211273375566], rel=1e-12
    )
    after = delta_rule(model, [1, 0], 1, "log_loss")
    assert after.a[2] == pytest.approx([0.6980763065856341], rel=1e-12)


# --- Reading a model.


def test_what_is_absent_has_no_gradient() -> None:
    found = delta_rule(worked_example(), [1, 0], 1, "log_loss")
    absent = [[[value is None for value in row] for row in rows] for rows in found.dW]
    assert absent == [
        [[False, True], [False, True], [True, True]],
        [[False, False, True], [False, False, False]],
        [[False, False]],
    ]
    assert [[value is None for value in row] for row in found.db] == [
        [False, False, False],
        [True, True],
        [True],
    ]


def test_what_is_zero_has_a_gradient() -> None:
    found = backpropagate([DenseLayer([[0.0, None]], [0.0], "sigmoid")], [2, 3], 1, "log_loss")
    assert (found.dW, found.db) == ([[[-1.0, None]]], [[-0.5]])


def test_weights_are_read_by_their_sources() -> None:
    model = network(layer(3, neuron([0.5, 2], (2, 0), Decimal("0.25")), activation="identity"))
    assert delta_rule(model, (3, 5, 7), (10,), "squared_error") == DeltaRule(
        x=[3.0, 5.0, 7.0],
        z=[[9.75]],
        a=[[9.75]],
        delta=[[-0.5]],
        dW=[[[-1.5, None, -3.5]]],
        db=[[-0.5]],
        loss=0.0625,
    )


def test_a_loss_may_be_a_function_of_its_name() -> None:
    def squared_error() -> None:
        raise AssertionError("the oracle has its own")

    layers = [DenseLayer([[2.0]], [None], "identity")]
    assert backpropagate(layers, [1], [1], squared_error).loss == 1.0


# --- Errors.

TWO = {"layers": [DenseLayer([[1.0, None], [None, 1.0]], [None, None], "identity")]}
SIGMOID = {"layers": [DenseLayer([[1.0, 1.0]], [None], "sigmoid")]}


SINGLE = DenseLayer([[1.0, 2.0]], [0.0], "tanh")


def single(**changes: Any) -> dict[str, Any]:
    return {"layers": [replace(SINGLE, **changes)]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            single(activation="swish"),
            "the delta rule needs its own closed form of 'swish': add a row to "
            f"nn.proof.delta_rule.ACTIVATIONS; it has {', '.join(ACTIVATIONS)}",
        ),
        (
            {"loss": "hinge"},
            "the delta rule needs its own closed form of 'hinge': add a row to "
            f"nn.proof.delta_rule.LOSSES; it has {', '.join(LOSSES)}",
        ),
        ({"loss": max}, "the delta rule needs its own closed form of 'max': "),
        ({"layers": []}, "the network has no layers; "),
        ({"x": [1.0, 2.0, 3.0]}, "layer 1 expects 2 inputs, got 3"),
        (
            {"layers": [*TWO["layers"], DenseLayer([[1.0] * 3], [0.0], "tanh")]},
            "layer 2 expects 3 inputs, got 2",
        ),
        ({"y": [0.0, 1.0]}, "the network has 1 outputs, got 2 targets"),
        (single(W=[], b=[]), "layer 1 has no neurons"),
        ({"x": [1.0, nan]}, "input 2 is nan; the delta rule needs finite numbers"),
        ({"y": inf}, "target 1 is inf; "),
        (single(W=[[1.0, -inf]]), "layer 1, neuron 1: weight 2 is -inf; "),
        (single(b=[nan]), "layer 1: bias 1 is nan; "),
        (
            TWO | {"x": [0.5, 0.0], "y": [1.0, 1.0], "loss": "log_loss"},
            "log_loss is infinite: output 2 is 0.0 where the target is 1.0; "
            "use log_loss_from_logits on the net inputs",
        ),
        (
            SIGMOID | {"x": [20.0, 20.0], "loss": "log_loss"},
            "log_loss is infinite: output 1 is 1.0 where the target is 0.0; ",
        ),
        (
            SIGMOID | {"x": [-500.0, -500.0], "y": 0.5, "loss": "log_loss"},
            "log_loss is infinite: output 1 is 0.0 where the target is 0.5; ",
        ),
        (
            TWO | {"x": [0.5, 1.5], "y": [0.5, 0.5], "loss": "log_loss"},
            "log_loss is undefined: output 2 is 1.5 where the target is 0.5; ",
        ),
        (
            TWO | {"x": [0.0, 0.5], "y": [0.1, 0.9], "loss": "cross_entropy"},
            "cross_entropy is infinite: output 1 is 0.0 where the target is 0.1; "
            "use cross_entropy_from_logits on the net inputs",
        ),
        (
            TWO | {"x": [-0.5, 0.5], "y": [1.0, 0.0], "loss": "cross_entropy"},
            "cross_entropy is undefined: output 1 is -0.5 where the target is 1.0; ",
        ),
    ],
)
def test_errors_say_what_happened(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"x": [1.0, 1.0], "y": 0.0, "loss": "squared_error"}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        backpropagate(**single() | arguments | changes)


def test_a_result_beyond_the_floats_is_refused() -> None:
    layers = [DenseLayer([[1e200]], [None], "identity")]
    with pytest.raises(OverflowError, match=r"^1\.000e\+400 is beyond the range of a float; "):
        backpropagate(layers, [1e200], 0, "squared_error")


@pytest.mark.parametrize(
    ("w", "sources", "message"),
    [
        ([1.0], (0, 1), "layer 1, neuron 1 has 1 weights and 2 sources"),
        ([1.0, 2.0], (1, 1), "layer 1, neuron 1 has the sources (1, 1); they must be different "),
        ([1.0], (2,), "layer 1, neuron 1 has the sources (2,); they must be different inputs "),
        ([1.0], (-1,), "layer 1, neuron 1 has the sources (-1,); they must be different inputs "),
    ],
)
def test_sources_that_do_not_fit_are_named(w: list[float], sources: tuple[int, ...], message: str) -> None:
    model = network(layer(2, neuron(w, sources)))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        delta_rule(model, [1, 2], 0, "squared_error")


# --- Independence.


def test_the_oracle_imports_the_standard_library_alone() -> None:
    tree = ast.parse(Path(delta_rule.__code__.co_filename).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import is one of the project's own"
            imported.add(str(node.module))
    assert "decimal" in imported
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names

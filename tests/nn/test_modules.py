"""Networks: their sizes, labels and first weights, and their forward pass against mpmath."""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from engine import Value
from engine.value import is_factor_one
from nn import ACTIVATIONS, INITIALIZATIONS, MLP, Layer, Module, Neuron
from tests.nn.truth import true_activations

mp: Any = mpmath.mp.clone()
mp.dps = 60


# --- As in micrograd.


def test_the_default_network_is_that_of_micrograd() -> None:
    model = MLP(2, [16, 16, 1])
    assert [layer.activation for layer in model.layers] == ["relu", "relu", "identity"]
    assert len(model.parameters()) == 337 == 3 * 16 + 17 * 16 + 17
    weights = [w.data for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    biases = [neuron.b for layer in model.layers for neuron in layer.neurons]
    assert all(-1.0 <= w <= 1.0 for w in weights)
    assert len(set(weights)) == len(weights) == 304
    assert [b is not None and b.data == 0.0 for b in biases] == [True] * 33


def test_the_seed_of_python_gives_the_weights_in_order() -> None:
    random.seed(1337)
    model = MLP(3, [4, 2])
    random.seed(1337)
    drawn = [random.uniform(-1, 1) for _ in range(3 * 4 + 4 * 2)]
    assert [w.data for layer in model.layers for neuron in layer.neurons for w in neuron.w] == drawn


def test_one_output_comes_back_alone_and_several_as_a_list() -> None:
    assert isinstance(MLP(2, [3, 1])([1.0, 2.0]), Value)
    several = MLP(2, [3, 2])([1.0, 2.0])
    assert [type(o) for o in several] == [Value, Value]


def test_a_hidden_layer_of_one_neuron_works() -> None:
    model = MLP.from_weights([[[2.0]], [[3.0], [-1.0]]], [[1.0], [0.0, 0.5]], ["identity", "identity"])
    assert [o.data for o in model([5.0])] == [33.0, -10.5]


def test_zero_grad_sets_every_gradient_to_zero() -> None:
    model = MLP(2, [3, 1], rng=random.Random(0))
    (model([1.0, 2.0]) ** 2).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * len(model.parameters())


def test_parameters_are_the_weights_then_the_bias_of_each_neuron_in_turn() -> None:
    model = MLP(2, [2, 1])
    labels = ["w_11^1", "w_12^1", "b_1^1", "w_21^1", "w_22^1", "b_2^1", "w_11^2", "w_12^2", "b_1^2"]
    assert [p.label for p in model.parameters()] == labels
    assert [p.label for layer in model.layers for n in layer.neurons for p in n.parameters()] == labels


def test_a_module_of_ones_own_says_what_its_parameters_are() -> None:
    class Nothing(Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must implement parameters\(\)"):
        Nothing().zero_grad()


# --- First weights.


@pytest.mark.parametrize("init", INITIALIZATIONS)
def test_the_same_seed_gives_the_same_bits(init: str) -> None:
    def weights(seed: int) -> list[float]:
        return [p.data for p in MLP(3, [5, 2], init=init, rng=random.Random(seed)).parameters()]

    assert weights(7) == weights(7)
    assert weights(7) != weights(8)


def test_an_explicit_generator_leaves_the_shared_one_alone() -> None:
    state = random.getstate()
    MLP(3, [4, 1], rng=random.Random(0))
    assert random.getstate() == state


def test_given_weights_draw_nothing_from_the_shared_generator() -> None:
    state = random.getstate()
    MLP.from_weights([[[0.5, None]]], [[0.25]], ["identity"])
    assert random.getstate() == state


VARIANCES: dict[str, Callable[[int, int], float]] = {
    "uniform": lambda n_in, n_out: 1 / 3,
    "xavier_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "xavier_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_uniform": lambda n_in, n_out: 2 / n_in,
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "lecun_uniform": lambda n_in, n_out: 1 / n_in,
    "lecun_normal": lambda n_in, n_out: 1 / n_in,
}


@pytest.mark.parametrize("init", INITIALIZATIONS)
def test_first_weights_have_the_mean_and_the_variance_of_their_formula(init: str) -> None:
    n_in, n_out = 50, 200
    variance = VARIANCES[init](n_in, n_out)
    layer = Layer(n_in, n_out, init=init, rng=random.Random(3))
    weights = [w.data for neuron in layer.neurons for w in neuron.w]
    count = len(weights)
    # Four standard errors: of a mean, and of a variance, where m is the fourth moment over the square.
    m = 3.0 if init.endswith("normal") else 9 / 5
    assert abs(statistics.fmean(weights)) < 4 * math.sqrt(variance / count)
    spread = statistics.fmean(w * w for w in weights)
    assert abs(spread / variance - 1) < 4 * math.sqrt((m - 1) / count)
    if not init.endswith("normal"):
        limit = math.sqrt(3 * variance)
        assert 0.999 * limit < max(map(abs, weights)) <= limit


# --- Labels.


def test_labels_are_those_of_the_article() -> None:
    model = MLP(2, [2, 1], activation="tanh", output="sigmoid", rng=random.Random(0))
    output = model([0.5, -1.0])
    (weighted,) = {z for z in output.parents if z.label}
    assert (output.label, weighted.label) == ("a_1^2", "z_1^2")
    *hidden, one = weighted.parents[3:]
    assert [p.label for p in weighted.parents[:3]] == ["w_11^2", "w_12^2", "b_1^2"]
    assert [a.label for a in hidden] == ["a_1^1", "a_2^1"]
    assert is_factor_one(one)
    *inputs, one = hidden[0].parents[0].parents[3:]
    assert [(x.label, x.data) for x in inputs] == [("x_1", 0.5), ("x_2", -1.0)]


def test_sizes_that_are_no_list_are_refused() -> None:
    with pytest.raises(TypeError, match=r"n_outs is the number of neurons of each layer, such as .*; got 3"):
        MLP(2, 3)  # type: ignore[arg-type]  # what is refused


def test_indices_of_two_digits_are_parted_by_a_comma() -> None:
    labels = {p.label for p in MLP(11, [12, 1]).parameters()}
    assert {"w_99^1", "w_1,10^1", "w_12,11^1", "w_10,1^1", "b_12^1", "w_1,12^2", "b_1^2"} <= labels
    assert len(labels) == 12 * 12 + 13


def test_a_label_of_the_users_stays() -> None:
    x = [Value(1.0, "height"), Value(2.0)]
    MLP(2, [1])(x)
    assert [v.label for v in x] == ["height", "x_2"]


# --- Sparse networks.


def test_what_is_absent_has_no_parameter_and_no_gradient() -> None:
    model = MLP(3, [2, 1], connections=[[[0, 2], []], [[1]]], biases=[[False, True], [False]])
    assert [p.label for p in model.parameters()] == ["w_11^1", "w_13^1", "b_2^1", "w_12^2"]
    assert [neuron.b is None for layer in model.layers for neuron in layer.neurons] == [True, False, True]
    x = [Value(1.0), Value(2.0), Value(3.0)]
    output = model(x)
    output.backward()
    assert x[1].grad == 0.0


def test_absent_connections_do_not_take_part() -> None:
    model = MLP.from_weights(
        [[[2.0, None, 3.0], [None, None, None]], [[None, 5.0]]], [[None, 7.0], [11.0]], ["identity"] * 2
    )
    assert model([1.0, math.inf, 1.0]).data == 46.0
    assert [n.sources for layer in model.layers for n in layer.neurons] == [(0, 2), (), (1,)]


def test_sources_in_any_order_meet_their_own_weights() -> None:
    draws = iter([10.0, 20.0])
    neuron = Neuron(2, sources=[1, 0], draw=lambda: next(draws))
    assert [(w.label, w.data) for w in neuron.w] == [("w_11^1", 10.0), ("w_12^1", 20.0)]
    assert neuron.sources == (0, 1)
    assert neuron([1.0, 0.0]).data == 10.0


# --- The forward pass against mpmath, written out once more.


def true_forward(model: MLP, x: Sequence[float]) -> list[Any]:
    a = [mp.mpf(x_j) for x_j in x]
    for layer in model.layers:
        z = [
            mp.fsum(mp.mpf(w.data) * a[j] for w, j in zip(n.w, n.sources, strict=True))
            + (0 if n.b is None else mp.mpf(n.b.data))
            for n in layer.neurons
        ]
        a = true_activations(layer.activation, z, mp)
    return a


def ulps(x: float, truth: Any) -> float:
    assert math.isfinite(x)
    return float(abs(mp.mpf(x) - truth)) / math.ulp(float(truth))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("z", [-30.0, -1.5, -0.125, 0.0, 1e-9, 0.7, 2.0, 40.0])
def test_an_activation_is_right_to_a_few_ulp(activation: str, z: float) -> None:
    model = MLP.from_weights([[[0.75, 1.0], [0.5, -0.5]]], [[0.0, 0.25]], [activation])
    x = [0.0, z]  # the net inputs, z and 1/4 - z/2, are exact but for the sum with 1e-9
    for o, truth in zip(model(x), true_forward(model, x), strict=True):
        assert ulps(o.data, truth) <= (4 if z == 1e-9 else 3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_deep_network_is_right_to_the_rounding_of_its_layers(activation: str) -> None:
    rng = random.Random(5)
    model = MLP(4, [6, 5, 3], activation=activation, output=activation, init="xavier_normal", rng=rng)
    x = [0.3, -1.2, 0.8, 2.5]
    truth = true_forward(model, x)
    scale = float(max(map(abs, truth)))  # a sum that cancels is right to the last place of its terms
    for o, t in zip(model(x), truth, strict=True):
        assert float(abs(mp.mpf(o.data) - t)) <= 8 * math.ulp(scale)


def test_a_softmax_output_adds_up_to_one() -> None:
    model = MLP(2, [3, 4], output="softmax", rng=random.Random(2))
    probabilities = [o.data for o in model([1.0, -3.0])]
    assert all(0.0 < p < 1.0 for p in probabilities)
    assert abs(math.fsum(probabilities) - 1.0) <= 4e-16
    assert [o.label for o in model([1.0, -3.0])] == ["a_1^2", "a_2^2", "a_3^2", "a_4^2"]


def test_rows_of_numpy_are_inputs() -> None:
    model = MLP(3, [2], rng=random.Random(0))
    table = np.array([[1.0, 2.0, 3.0]])
    from_lists = [o.data for o in model([1.0, 2.0, 3.0])]
    assert [o.data for o in model(table[0])] == from_lists
    assert [o.data for o in model(table[0].astype(np.float32))] == from_lists
    assert [o.data for o in model(table[0].astype(np.int64))] == from_lists


# --- What is refused.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP(3, [4, 1])([1.0, 2.0]), r"^layer 1 expects 3 inputs, got 2$"),
        (lambda: MLP(3, [4, 1])([1.0] * 4), r"^layer 1 expects 3 inputs, got 4$"),
        (lambda: Layer(3, 2, number=5)([1.0]), r"^layer 5 expects 3 inputs, got 1$"),
        (lambda: MLP(2, []), "needs at least one layer: n_outs is empty"),
        (lambda: MLP(0, [1]), "layer 1 has 0 inputs and 1 neurons; it needs at least one of each"),
        (lambda: MLP(2, [3, 0]), "layer 2 has 3 inputs and 0 neurons; it needs at least one of each"),
        (
            lambda: MLP(2, [1, 1], activation="sine"),
            r"unknown activation 'sine'; known: identity, .*, softmax",
        ),
        (lambda: MLP(2, [1], output="sine"), "unknown activation 'sine'"),
        (lambda: MLP(2, [1], init="zeros"), "unknown initialization 'zeros'; known: uniform, xavier_uniform"),
        (lambda: MLP(2, [1], connections=[]), "the network has 1 layers, got connections for 0"),
        (lambda: MLP(2, [1, 1], biases=[[True]]), "the network has 2 layers, got biases for 1"),
        (lambda: MLP(2, [2], connections=[[[0]]]), "layer 1 has 2 neurons, got connections for 1"),
        (lambda: MLP(2, [1], biases=[[True, False]]), "layer 1 has 1 neurons, got biases for 2"),
        (lambda: MLP(2, [1], connections=[[[2]]]), r"neuron 1 of layer 1 has the sources \[2\]; .* 0 to 1"),
        (lambda: MLP(2, [1], connections=[[[-1]]]), r"neuron 1 of layer 1 has the sources \[-1\]"),
        (lambda: MLP(2, [1], connections=[[[1, 1]]]), r"sources \[1, 1\]; they must be different"),
        (
            lambda: MLP(2, [1, 1], connections=[None, [[]]], biases=[None, [False]]),
            "neuron 1 of layer 2 has neither a connection nor a bias",
        ),
    ],
)
def test_a_network_that_does_not_fit_is_refused_by_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("weights", "biases", "activations", "message"),
    [
        ([], [], [], "got weights for 0 layers, biases for 0 and 0 activations"),
        ([[[1.0]]], [[0.0]], [], "got weights for 1 layers, biases for 1 and 0 activations"),
        ([[]], [[]], ["identity"], "layer 1 has no neurons"),
        ([[[1.0]], []], [[0.0], []], ["identity"] * 2, "layer 2 has 1 inputs and 0 neurons"),
        ([[[]]], [[0.5]], ["identity"], "layer 1 has 0 inputs and 1 neurons"),
        ([[[1.0], [2.0]]], [[0.0]], ["identity"], "layer 1 has 2 rows of weights and 1 biases"),
        ([[[1.0], [2.0, 3.0]]], [[0.0, 0.0]], ["identity"], "layer 1, neuron 2 has 2 weights for 1 inputs"),
        ([[[1.0]], [[1.0, 2.0]]], [[0.0], [0.0]], ["identity"] * 2, "layer 2, neuron 1 has 2 weights for 1"),
        ([[[math.nan]]], [[0.0]], ["identity"], "layer 1, neuron 1 has the weight or bias nan"),
        ([[[1.0]]], [[math.inf]], ["identity"], "layer 1, neuron 1 has the weight or bias inf"),
        ([[[1.0]]], [[0.0]], ["sine"], "unknown activation 'sine'"),
        ([[[None]]], [[None]], ["identity"], "neuron 1 of layer 1 has neither a connection nor a bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    weights: Any, biases: Any, activations: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MLP.from_weights(weights, biases, activations)


@pytest.mark.parametrize("x", [["1", "2"], [True, False], [None, 1.0], [1j, 0.0]])
def test_inputs_that_are_no_real_numbers_are_refused(x: Any) -> None:
    with pytest.raises(TypeError, match="a Value holds one real number, not"):
        MLP(2, [1])(x)


def test_a_network_says_what_it_is() -> None:
    assert repr(MLP(2, [16, 1])) == "MLP 2-16-1 (relu, identity), 65 parameters"
    assert repr(Layer(2, 3)) == "Layer(2, 3, activation='relu')"

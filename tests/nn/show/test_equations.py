"""No equation that is printed of a network is false, whatever its activations and its loss."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, fsum, grad, leaky_relu, sin, softplus, tanh
from engine.ops import OPS
from engine.show.notation import TEXT
from engine.show.palette import PALETTES
from engine.show.text import number, parse_name
from nn.activations import ACTIVATIONS, Activation
from nn.losses import LOSSES, squared_error
from nn.modules import MLP
from nn.show.draw import delta_name
from nn.show.network import describe
from tests.nn.truth import needed_output
from tests.tools.equations import Function, check, range_of
from tests.tools.examples import examples

pytestmark = pytest.mark.slow


class Shared:
    """The same Value for all neurons of a pass: what the first of them makes of its net input."""

    def __init__(self) -> None:
        self.last: Value | None = None
        self.serial = -1

    def __call__(self, z: Value) -> Value:
        if self.last is None or z.serial != self.serial + 1:
            self.last = tanh(z)
        self.serial = z.serial
        return self.last


COMPOSED: dict[str, Callable[[Value], Any]] = {
    "scaled": lambda z: 2.0 * z,
    "mish": lambda z: z * tanh(softplus(z)),
    "wavy": lambda z: z + sin(z),
    "twice": lambda z: z * z,
    "itself": lambda z: z,
    "half": lambda z: z if z.data > 0.0 else 0.5 * z,
    "constant": lambda z: Value(0.25),
    "number": lambda z: 0.25,
    "ignoring": lambda z: 0.0 * z + 0.5,
    "negative": lambda z: -z,
    "magnitude": abs,
    "leaky_2": lambda z: leaky_relu(z, 0.2),
    "my tanh": tanh,
    "root_of_square": lambda z: (z * z + 1.0) ** 0.5,
    "centred": Activation("centred", lambda z: [z_i - fsum(z) / len(z) for z_i in z], whole_layer=True),
}
ALL = [*ACTIVATIONS, *COMPOSED]


@contextmanager
def known(activations: dict[str, Callable[[Value], Any]]) -> Iterator[None]:
    before = dict(ACTIVATIONS)
    ACTIVATIONS.update(activations)
    try:
        yield
    finally:
        ACTIVATIONS.clear()
        ACTIVATIONS.update(before)


def decayed(model: MLP) -> Callable[[Any, Any], Value]:
    """A loss that depends on the weights in another way too."""
    return lambda output, target: squared_error(output, target) + 0.1 * sum(p * p for p in model.parameters())


def numbers_of(model: MLP, x: Sequence[float], y: Any, loss: Any) -> dict[str, float]:
    """The numbers of all names and derivatives, found by `backward` and, for slopes, by `grad`."""
    view = describe(model, x, y, loss)
    inputs = a = [Value(x_j, f"x_{j}") for j, x_j in enumerate(x, start=1)]
    rows = []
    for layer in model.layers:
        z = layer.net_inputs(a)
        rows.append((layer, z, a := layer.activate(z)))
    cost = (LOSSES[loss] if isinstance(loss, str) else loss)(a[0] if len(a) == 1 else a, y)
    for p in model.parameters():
        p.grad = 0.0
    cost.backward()
    numbers = {"loss": cost.data}
    for value in (*inputs, *model.parameters()):
        name = parse_name(value.label).text
        numbers[name] = value.data
        numbers[TEXT.derivative("loss", name)] = value.grad
    numbers |= {parse_name(name).text: y_i for name, y_i in view.targets}
    for (layer, z, a), layer_view in zip(rows, view.layers, strict=True):
        for neuron, z_i, a_i, neuron_view in zip(layer.neurons, z, a, layer_view.neurons, strict=True):
            z_name, a_name = (parse_name(label).text for label in neuron.labels)
            numbers |= {z_name: z_i.data, a_name: a_i.data, delta_name(neuron_view).text: z_i.grad}
            for name, value in ((z_name, z_i), (a_name, a_i)):
                numbers[TEXT.derivative("loss", name)] = value.grad
            function = layer_view.activation
            called = TEXT.function(OPS[function]) if function in OPS else TEXT.function_called(function)
            numbers[TEXT.call(called, [z_name], prime=True)] = grad(a_i, [z_i])[0].data
    outputs = [parse_name(neuron.labels[1]).text for neuron in model.layers[-1].neurons]
    targets = [parse_name(name).text for name, _ in view.targets]
    numbers[TEXT.call("loss", [*TEXT.few(outputs), *TEXT.few(targets)])] = cost.data
    return numbers


def on_intervals(activation: Callable[[Any], Any]) -> Function:
    """An activation on printed net inputs, its own first."""

    def first(*z: float) -> float:
        if isinstance(activation, Activation):
            return float(activation.of_layer([Value(z_i) for z_i in z])[0])
        (own,) = z
        return float(activation(Value(own)))

    return lambda x: range_of(first, x).widened(1e-9)


FUNCTIONS = {
    TEXT.function_called(name): on_intervals(f)
    for name, f in {**ACTIVATIONS, **COMPOSED}.items()
    if name not in OPS
}


def check_all(model: MLP, x: Sequence[float], y: Any, loss: Any) -> int:
    numbers = numbers_of(model, x, y, loss)
    walk = model.explain(x, y, loss)
    lines = [text for text, _ in (*walk.given, *walk.gradient)] + [step.text for step in walk.steps]
    return sum(check(line, numbers, FUNCTIONS) for line in lines)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.sampled_from(ALL),
    st.sampled_from(ALL),
    st.sampled_from(list(LOSSES)),
    st.integers(0, 10**6),
)
def test_no_equation_of_a_network_is_false(
    sizes: list[int], hidden: str, output: str, loss: str, seed: int
) -> None:
    rng = random.Random(seed)
    y = [0.0] * sizes[-1]
    y[rng.randrange(sizes[-1])] = 1.0
    connections = [
        [sorted(rng.sample(range(n), rng.randint(1, n))) for _ in range(m)]
        for n, m in zip([2, *sizes], sizes, strict=False)
    ]
    with known(COMPOSED):
        model = MLP(
            2,
            sizes,
            activation=hidden,
            output=needed_output(loss) or output,
            rng=rng,
            connections=connections,
        )
        x = [rng.choice([0.0, rng.uniform(-2.0, 2.0)]) for _ in range(2)]
        assert check_all(model, x, y, loss) > 0


@pytest.mark.parametrize("name", ALL)
def test_every_activation_is_explained_drawn_and_played(name: str) -> None:
    with known(COMPOSED):
        model = MLP(2, [3, 2], activation=name, output=name, rng=random.Random(7))
        assert check_all(model, [0.5, -1.0], [1.0, 0.0], "squared_error") > 60
        assert check_all(model, [0.5, -1.0], [1.0, 0.0], decayed(model)) > 50
        outputs = model([0.5, -1.0])
        for theme in PALETTES:
            picture = model.draw([0.5, -1.0], [1.0, 0.0], "squared_error", theme=theme).svg
            assert all(number(o.data) in picture for o in outputs)
        player = model.play([0.5, -1.0], [1.0, 0.0], "squared_error")
        assert [s.text for s in player.scenes[1:]] == [
            s.text for s in model.explain([0.5, -1.0], [1.0, 0.0], "squared_error").steps
        ]


def explained(activation: Callable[[Value], Any], name: str = "own") -> list[str]:
    with known({name: activation}):
        model = MLP.from_weights([[[0.5]]], [[0.25]], [name])
        return [step.text for step in model.explain([1.0], 1.0, "squared_error").steps]


def test_a_composed_activation_is_a_function_of_its_net_input() -> None:
    assert explained(lambda z: 2.0 * z) == [
        "z₁¹ = w₁₁¹·x₁ + b₁¹ = 0.5 × 1 + 0.25 = 0.75",
        "a₁¹ = own(z₁¹) = own(0.75) = 1.5",
        "loss(a₁¹, y₁) = 0.25",
        "δ₁¹ = own′(z₁¹) · ∂loss/∂a₁¹ = 2 × 1 = 2",
        "∂loss/∂w₁₁¹ = δ₁¹·x₁ = 2 × 1 = 2",
        "∂loss/∂b₁¹ = δ₁¹ = 2",
    ]


@pytest.mark.parametrize(
    ("activation", "name", "text"),
    [
        (tanh, "own", "a₁¹ = tanh(z₁¹) = tanh(0.75) = 0.6351"),
        (lambda z: 2.0 * tanh(z), "tanh", "a₁¹ = f(z₁¹) = f(0.75) = 1.27"),
        (lambda z: z, "own", "a₁¹ = z₁¹ = 0.75"),
        (lambda z: z * z, "own", "a₁¹ = own(z₁¹) = own(0.75) = 0.5625"),
        (lambda z: Value(0.5), "own", "a₁¹ = own(z₁¹) = own(0.75) = 0.5"),
        (lambda z: 0.5, "own", "a₁¹ = own(z₁¹) = own(0.75) = 0.5"),
    ],
)
def test_an_activation_is_called_what_it_is(activation: Callable[[Value], Any], name: str, text: str) -> None:
    assert explained(activation, name)[1] == text


def test_one_value_for_all_neurons_has_no_delta_rule() -> None:
    with known({"shared": Shared()}):
        model = MLP(2, [3, 1], activation="shared", rng=random.Random(1))
        texts = [step.text for step in model.explain([0.5, -1.0], 1.0, "squared_error").steps]
    first, second, third = (next(t for t in texts if t.startswith(f"δ{i}¹")) for i in "₁₂₃")
    assert first.startswith("δ₁¹ = ∂loss/∂z₁¹ = ")
    assert (second, third) == ("δ₂¹ = ∂loss/∂z₂¹ = 0", "δ₃¹ = ∂loss/∂z₃¹ = 0")


def test_weight_decay_is_no_delta_times_activation() -> None:
    model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
    steps = model.explain([1.0], 1.0, decayed(model)).steps
    assert [step.text for step in steps[-2:]] == ["∂loss/∂w₁₁¹ = −0.4", "∂loss/∂b₁¹ = −0.45"]
    assert [step.rule for step in steps[-2:]] == [None, None]
    assert "δ at the head" not in model.draw([1.0], 1.0, decayed(model)).svg
    assert "δ at the head" in model.draw([1.0], 1.0, squared_error).svg


def test_an_activation_that_is_the_net_input_keeps_its_name() -> None:
    with known({"itself": lambda z: z}):
        layer = MLP(1, [1], output="itself").layers[0]
        (z,) = layer.net_inputs([1.0])
        assert layer.activate([z]) == [z]
        assert z.label == "z_1^1"

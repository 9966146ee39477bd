"""The forward and the backward pass of a network, told at the level of neurons: the delta rule in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.ops import OPS
from engine.show.diagram import name_of
from engine.show.formulas import Rule, local_rule
from engine.show.notation import LATEX, SHARES, TEXT, Text
from engine.show.steps import Step, Walkthrough
from nn.show.draw import Layer, Network, Neuron, Weight, delta_name

MOST_WEIGHTS = 300

DELTA_RULE = Rule(
    "δᵢ = f′(zᵢ) · Σⱼ δⱼ·wⱼᵢ",
    r"\delta_{i} = f'\left(z_{i}\right) \cdot \sum_{j} \delta_{j} \cdot w_{ji}",
)
OUTPUT_RULE = Rule(
    "δᵢ = f′(zᵢ) · ∂J/∂aᵢ",
    r"\delta_{i} = f'\left(z_{i}\right) \cdot \dfrac{\partial J}{\partial a_{i}}",
)
GRADIENT_RULE = Rule("∂J/∂wᵢⱼ = δᵢ·aⱼ", r"\dfrac{\partial J}{\partial w_{ij}} = \delta_{i} \cdot a_{j}")


@dataclass(frozen=True, kw_only=True)
class NeuronStep(Step):
    """A step that is about a neuron.

    Args:
        layer: the number of its layer, from 1.
        neuron: its place in that, from 0.
    """

    layer: int
    neuron: int


@dataclass(frozen=True, kw_only=True)
class NetInput(NeuronStep):
    """The net input of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class Activation(NeuronStep):
    """The activation of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class Loss(Step):
    """The loss is computed, which the deltas are derivatives of."""


@dataclass(frozen=True, kw_only=True)
class Delta(NeuronStep):
    """The delta of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class Gradient(NeuronStep):
    """The derivative by a weight of a neuron, or by its bias, is computed.

    Args:
        weight: the weight or the bias.
        is_bias: which of the two.
    """

    weight: Weight
    is_bias: bool


def explain_network(network: Network, *, max_weights: int = MOST_WEIGHTS) -> Walkthrough:
    """The forward and the backward pass of a network, neuron by neuron.

    Args:
        network: its numbers and names after both passes.
        max_weights: the most weights and biases to show.

    Returns:
        The steps: net inputs and activations, the loss, deltas and gradients.

    Raises:
        ValueError: if there are more weights and biases, with their number and what to do.

    Example:
        >>> w = Weight("w_11^1", 0.5, 0.1)
        >>> neuron = Neuron(("z_1^1", "a_1^1"), 0.25, 0.25, 0.2, [w], slope=1.0, upstream=0.2)
        >>> print(explain_network(Network([("x_1", 0.5)], [Layer("identity", [neuron])])))
        Given: x₁ = 0.5
        <BLANKLINE>
        Forward
        1. z₁¹ = w₁₁¹·x₁ = 0.5 × 0.5 = 0.25
        2. a₁¹ = z₁¹ = 0.25
        <BLANKLINE>
        Backward
        3. δ₁¹ = ∂loss/∂a₁¹ = 0.2
           by the rule δᵢ = f′(zᵢ) · ∂J/∂aᵢ
        4. ∂loss/∂w₁₁¹ = δ₁¹·x₁ = 0.2 × 0.5 = 0.1
           by the rule ∂J/∂wᵢⱼ = δᵢ·aⱼ
        <BLANKLINE>
        Gradient: ∂loss/∂w₁₁¹ = 0.1
    """
    weights = [w for layer in network.layers for neuron in layer.neurons for w in all_weights(neuron)]
    if len(weights) > max_weights:
        raise ValueError(
            f"the network has {len(weights):,} weights and biases, an explanation shows at most "
            f"{max_weights:,}: explain a smaller network, draw it with model.draw(x, y, loss), or raise "
            "max_weights"
        )
    text, latex = _Writing(network, TEXT), _Writing(network, LATEX)
    sizes = "-".join(str(len(row)) for row in [network.inputs, *(layer.neurons for layer in network.layers)])
    return Walkthrough(
        name=f"network {sizes}",
        given=[(text.given(*x), latex.given(*x)) for x in (*network.inputs, *network.targets)],
        steps=[*_forward(network, text, latex), *_backward(network, text, latex)],
        gradient=[(text.result(w), latex.result(w)) for w in weights],
    )


def all_weights(neuron: Neuron) -> list[Weight]:
    """The weights of a neuron, and its bias if it has one."""
    return [*neuron.weights, *([neuron.bias] if neuron.bias else [])]


def _forward(network: Network, *writings: _Writing) -> Iterator[Step]:
    for k, layer in enumerate(network.layers, start=1):
        for i in range(len(layer.neurons)):
            text, latex = (writing.net_input(k, i) for writing in writings)
            yield NetInput(layer=k, neuron=i, text=text, latex=latex, phase="forward")
        for i in range(len(layer.neurons)):
            text, latex = (writing.activation(k, i) for writing in writings)
            yield Activation(layer=k, neuron=i, text=text, latex=latex, phase="forward")
    if network.loss is not None:
        text, latex = (writing.loss() for writing in writings)
        yield Loss(text=text, latex=latex, phase="forward")


def _backward(network: Network, *writings: _Writing) -> Iterator[Step]:
    """From the last layer: the delta of each neuron, then the derivatives by its weights."""
    for k in range(len(network.layers), 0, -1):
        layer = network.layers[k - 1]
        for i, neuron in enumerate(layer.neurons):
            text, latex = (writing.delta(k, i) for writing in writings)
            rule = None if neuron.slope is None else _delta_rule(layer, neuron, k == len(network.layers))
            yield Delta(layer=k, neuron=i, text=text, latex=latex, rule=rule)
            for w in all_weights(neuron):
                text, latex = (writing.gradient(k, i, w) for writing in writings)
                is_bias = w is neuron.bias
                rule = None if is_bias else GRADIENT_RULE
                yield Gradient(
                    layer=k, neuron=i, weight=w, is_bias=is_bias, text=text, latex=latex, rule=rule
                )


def _delta_rule(layer: Layer, neuron: Neuron, is_last: bool) -> Rule:
    """The delta rule, with the derivative of the activation if that is a function of one number."""
    rule = OUTPUT_RULE if is_last else DELTA_RULE
    op = OPS.get(layer.activation)
    slope = local_rule(op.name, [neuron.z], 0) if op is not None and op.arity == 1 else None
    if slope is None:
        return rule
    return Rule(f"{rule.text} and {slope.text}", rf"{rule.latex} \text{{ and }} {slope.latex}")


@dataclass(frozen=True)
class _Writing:
    """How a network is written in one notation."""

    network: Network
    notation: Text

    def name(self, label: str) -> str:
        return self.notation.name(name_of(label))

    def number(self, x: float) -> str:
        return self.notation.number(x)[0]

    def equated(self, *sides: str) -> str:
        return " = ".join(dict.fromkeys(sides))

    def given(self, label: str, x: float) -> str:
        return f"{self.name(label)} = {self.number(x)}"

    # What things are called.

    def neuron(self, k: int, i: int) -> Neuron:
        return self.network.layers[k - 1].neurons[i]

    def z(self, k: int, i: int) -> str:
        return self.name(self.neuron(k, i).labels[0])

    def a(self, k: int, i: int) -> str:
        """The activation of a neuron; of layer 0 an input."""
        return self.name(self.network.inputs[i][0] if k == 0 else self.neuron(k, i).labels[1])

    def a_number(self, k: int, i: int) -> str:
        return self.number(self.network.inputs[i][1] if k == 0 else self.neuron(k, i).a)

    def delta_name(self, k: int, i: int) -> str:
        return self.notation.name(delta_name(self.neuron(k, i)))

    def by(self, name: str) -> str:
        """The derivative of the loss."""
        loss = self.network.loss[0] if self.network.loss else "loss"
        return self.notation.derivative(self.name(loss), name)

    def function(self, k: int, operands: Sequence[str], *, prime: bool = False) -> str:
        activation = self.network.layers[k - 1].activation
        symbol = OPS[activation].symbol if activation in OPS else activation
        return self.notation.call(activation, symbol, self.notation.few(operands), prime=prime)

    def sum_of(self, terms: Sequence[str]) -> str:
        return " + ".join(self.notation.few(terms)) or "0"

    # The forward pass.

    def net_input(self, k: int, i: int) -> str:
        neuron = self.neuron(k, i)
        terms = [f"{self.name(w.name)}{self.notation.dot}{self.a(k - 1, w.source)}" for w in neuron.weights]
        numbers = [
            f"{self.number(w.value)}{self.notation.times}{self.a_number(k - 1, w.source)}"
            for w in neuron.weights
        ]
        if neuron.bias is not None:
            terms.append(self.name(neuron.bias.name))
            numbers.append(self.number(neuron.bias.value))
        return self.equated(self.z(k, i), self.sum_of(terms), self.sum_of(numbers), self.number(neuron.z))

    def activation(self, k: int, i: int) -> str:
        layer, neuron = self.network.layers[k - 1], self.neuron(k, i)
        if layer.activation == "identity":
            return self.equated(self.a(k, i), self.z(k, i), self.number(neuron.a))
        # Of softmax every net input of the layer takes part, its own first.
        others = [j for j in range(len(layer.neurons)) if j != i] if layer.activation in SHARES else []
        of = [self.z(k, j) for j in (i, *others)]
        numbers = [self.number(self.neuron(k, j).z) for j in (i, *others)]
        return self.equated(
            self.a(k, i), self.function(k, of), self.function(k, numbers), self.number(neuron.a)
        )

    def loss(self) -> str:
        assert self.network.loss is not None
        label, x = self.network.loss
        last = len(self.network.layers)
        outputs = [self.a(last, i) for i in range(len(self.network.layers[-1].neurons))]
        targets = [self.name(target) for target, _ in self.network.targets]
        of = ", ".join([*self.notation.few(outputs), *self.notation.few(targets)])
        return f"{self.name(label)}{self.notation.fenced(of)} = {self.number(x)}"

    # The backward pass.

    def delta(self, k: int, i: int) -> str:
        neuron, layers = self.neuron(k, i), self.network.layers
        if neuron.slope is None:
            return self.equated(self.delta_name(k, i), self.by(self.z(k, i)), self.number(neuron.delta))
        if k == len(layers):
            terms, numbers = [self.by(self.a(k, i))], [self.number(neuron.upstream)]
        else:
            uses = [(j, w) for j, head in enumerate(layers[k].neurons) for w in head.weights if w.source == i]
            terms = [f"{self.delta_name(k + 1, j)}{self.notation.dot}{self.name(w.name)}" for j, w in uses]
            numbers = [
                f"{self.number(self.neuron(k + 1, j).delta)}{self.notation.times}{self.number(w.value)}"
                for j, w in uses
            ]
        formula, value = self.sum_of(terms), self.sum_of(numbers)
        if layers[k - 1].activation != "identity":
            fence = self.notation.fenced if len(terms) > 1 else str
            slope = self.function(k, [self.z(k, i)], prime=True)
            formula = f"{slope}{self.notation.between}{fence(formula)}"
            value = f"{self.number(neuron.slope)}{self.notation.times}{fence(value)}"
        return self.equated(self.delta_name(k, i), formula, value, self.number(neuron.delta))

    def gradient(self, k: int, i: int, w: Weight) -> str:
        neuron = self.neuron(k, i)
        formula, numbers = self.delta_name(k, i), self.number(neuron.delta)
        if w is not neuron.bias:
            formula += f"{self.notation.dot}{self.a(k - 1, w.source)}"
            numbers += f"{self.notation.times}{self.a_number(k - 1, w.source)}"
        return self.equated(self.by(self.name(w.name)), formula, numbers, self.number(w.grad))

    def result(self, w: Weight) -> str:
        return f"{self.by(self.name(w.name))} = {self.number(w.grad)}"

"""The forward and the backward pass of a network, neuron by neuron: the delta rule in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.ops import OPS
from engine.show.formulas import Formula, partial_formula
from engine.show.notation import LATEX, TEXT, Writing
from engine.show.steps import Step, Walkthrough
from engine.show.text import parse_name
from nn.show.draw import delta_name
from nn.show.network import IDENTITY, LayerView, NetworkView, NeuronView, WeightView

MOST_WEIGHTS = 300

DELTA_RULE = Formula(
    "δᵢ = f′(zᵢ) · Σⱼ δⱼ·wⱼᵢ",
    r"\delta_{i} = f'\left(z_{i}\right) \cdot \sum_{j} \delta_{j} \cdot w_{ji}",
)
OUTPUT_RULE = Formula(
    "δᵢ = f′(zᵢ) · ∂E/∂aᵢ",
    r"\delta_{i} = f'\left(z_{i}\right) \cdot \dfrac{\partial E}{\partial a_{i}}",
)
GRADIENT_RULE = Formula("∂E/∂wᵢⱼ = δᵢ·aⱼ", r"\dfrac{\partial E}{\partial w_{ij}} = \delta_{i} \cdot a_{j}")


@dataclass(frozen=True, kw_only=True)
class NeuronStep(Step):
    """A step that is about a neuron.

    Args:
        layer: the number of its layer, from 1.
        neuron: its place in the layer, from 0.
    """

    layer: int
    neuron: int


@dataclass(frozen=True, kw_only=True)
class NetInputStep(NeuronStep):
    """The net input of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class ActivationStep(NeuronStep):
    """The activation of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class LossStep(Step):
    """The loss is computed."""


@dataclass(frozen=True, kw_only=True)
class DeltaStep(NeuronStep):
    """The delta of a neuron is computed."""


@dataclass(frozen=True, kw_only=True)
class GradientStep(NeuronStep):
    """The derivative by a weight of a neuron, or by its bias, is computed.

    Args:
        weight: the weight or the bias.
        is_bias: which of the two.
    """

    weight: WeightView
    is_bias: bool


def explain_network(network: NetworkView, *, max_weights: int = MOST_WEIGHTS) -> Walkthrough:
    """The forward and the backward pass of a network, neuron by neuron.

    Args:
        network: its numbers and names after both passes.
        max_weights: the most weights and biases to show.

    Returns:
        The steps: net inputs and activations, the loss, deltas and gradients.

    Raises:
        ValueError: if there are more weights and biases; the message says how many, and what to do.

    Example:
        >>> w = WeightView("w_11^1", 0.5, 0.1)
        >>> neuron = NeuronView(("z_1^1", "a_1^1"), 0.25, 0.25, 0.2, [w], slope=1.0, upstream=0.2)
        >>> print(explain_network(NetworkView([("x_1", 0.5)], [LayerView("identity", [neuron])])))
        Given: x₁ = 0.5
        <BLANKLINE>
        Forward
        1. z₁¹ = w₁₁¹·x₁ = 0.5 × 0.5 = 0.25
        2. a₁¹ = z₁¹ = 0.25
        <BLANKLINE>
        Backward
        3. δ₁¹ = ∂loss/∂a₁¹ = 0.2
           by the rule δᵢ = f′(zᵢ) · ∂E/∂aᵢ
        4. ∂loss/∂w₁₁¹ = δ₁¹·x₁ = 0.2 × 0.5 = 0.1
           by the rule ∂E/∂wᵢⱼ = δᵢ·aⱼ
        <BLANKLINE>
        Gradient: ∂loss/∂w₁₁¹ = 0.1
    """
    weights = network.weights
    if len(weights) > max_weights:
        raise ValueError(
            f"the network has {len(weights):,} weights and biases; an explanation shows at most "
            f"{max_weights:,}: explain a smaller network, draw it with model.draw(x, y, loss), or raise "
            "max_weights"
        )
    text, latex = NetworkWriting(TEXT, network), NetworkWriting(LATEX, network)
    return Walkthrough(
        name=f"network {'-'.join(map(str, network.sizes))}",
        given=[(text.given(*x), latex.given(*x)) for x in (*network.inputs, *network.targets)],
        steps=[*_forward(network, text, latex), *_backward(network, text, latex)],
        gradient=[(text.result(w), latex.result(w)) for w in weights],
    )


def _forward(network: NetworkView, *writings: NetworkWriting) -> Iterator[Step]:
    for k, layer in enumerate(network.layers, start=1):
        for i in range(len(layer.neurons)):
            text, latex = (writing.net_input(k, i) for writing in writings)
            yield NetInputStep(layer=k, neuron=i, text=text, latex=latex, phase="forward")
        for i in range(len(layer.neurons)):
            text, latex = (writing.activation(k, i) for writing in writings)
            yield ActivationStep(layer=k, neuron=i, text=text, latex=latex, phase="forward")
    if network.loss is not None:
        label, x = network.loss
        text, latex = (writing.loss(label, x) for writing in writings)
        yield LossStep(text=text, latex=latex, phase="forward")


def _backward(network: NetworkView, *writings: NetworkWriting) -> Iterator[Step]:
    """From the last layer to the first: the delta of each neuron, then the derivatives by its weights."""
    for k in range(len(network.layers), 0, -1):
        for i, neuron in enumerate(network.layers[k - 1].neurons):
            text, latex = (writing.delta(k, i) for writing in writings)
            yield DeltaStep(layer=k, neuron=i, text=text, latex=latex, rule=_delta_rule(network, k, i))
            for w in neuron.all_weights:
                text, latex = (writing.gradient(k, i, w) for writing in writings)
                is_bias = w is neuron.bias
                rule = None if is_bias or not network.follows_gradient_rule(k, i, w) else GRADIENT_RULE
                yield GradientStep(
                    layer=k, neuron=i, weight=w, is_bias=is_bias, text=text, latex=latex, rule=rule
                )


def _delta_rule(network: NetworkView, k: int, i: int) -> Formula | None:
    """The delta rule, with the derivative of the activation if it is an operation on one number."""
    if not network.follows_delta_rule(k, i):
        return None
    rule = OUTPUT_RULE if k == len(network.layers) else DELTA_RULE
    layer = network.layers[k - 1]
    op = OPS.get(layer.activation)
    slope = partial_formula(op.name, [layer.neurons[i].z], 0) if op is not None and op.arity == 1 else None
    if slope is None:
        return rule
    return Formula(f"{rule.text} and {slope.text}", rf"{rule.latex} \text{{ and }} {slope.latex}")


@dataclass(frozen=True)
class NetworkWriting(Writing):
    """The equations of a network in one notation.

    Args:
        notation: the notation.
        network: the network.
    """

    network: NetworkView

    def name(self, label: str) -> str:
        """A name."""
        return self.notation.name(parse_name(label))[0]

    def given(self, label: str, x: float) -> str:
        """A name and its number."""
        return self.equation(self.name(label), self.number(x))

    # Names.

    def layer(self, k: int) -> LayerView:
        """Layer k, from 1."""
        return self.network.layers[k - 1]

    def neuron(self, k: int, i: int) -> NeuronView:
        """Neuron i, from 0, of layer k."""
        return self.layer(k).neurons[i]

    def z(self, k: int, i: int) -> str:
        """The name of a net input."""
        return self.name(self.neuron(k, i).labels[0])

    def a(self, k: int, i: int) -> str:
        """The name of an activation; of layer 0 an input."""
        return self.name(self.network.inputs[i][0] if k == 0 else self.neuron(k, i).labels[1])

    def delta_name(self, k: int, i: int) -> str:
        """The name of a delta."""
        return self.notation.name(delta_name(self.neuron(k, i)))[0]

    def by(self, name: str) -> str:
        """The derivative of the loss by something."""
        loss = self.network.loss[0] if self.network.loss else "loss"
        return self.notation.derivative(self.name(loss), name)

    def function(self, k: int, operands: Sequence[str], *, prime: bool = False) -> str:
        """The activation of a layer, applied to operands."""
        name = self.layer(k).activation
        notation = self.notation
        function = notation.function(OPS[name]) if name in OPS else notation.function_called(name)
        return notation.call(function, notation.few(operands), prime=prime)

    def sum_of(self, terms: Sequence[str]) -> str:
        """A sum."""
        return " + ".join(self.notation.few(terms)) or "0"

    def product(self, *factors: float) -> str:
        """A product of numbers."""
        return self.notation.times.join(map(self.number, factors))

    # The forward pass.

    def net_input(self, k: int, i: int) -> str:
        """A net input as the sum of its terms."""
        neuron = self.neuron(k, i)
        terms = [f"{self.name(w.name)}{self.notation.dot}{self.a(k - 1, w.source)}" for w in neuron.weights]
        numbers = [self.product(w.value, self.network.activation(k - 1, w.source)) for w in neuron.weights]
        if neuron.bias is not None:
            terms.append(self.name(neuron.bias.name))
            numbers.append(self.number(neuron.bias.value))
        return self.equation(self.z(k, i), self.sum_of(terms), self.sum_of(numbers), self.number(neuron.z))

    def activation(self, k: int, i: int) -> str:
        """An activation as a function of net inputs, its own first."""
        neuron, a = self.neuron(k, i), self.number(self.neuron(k, i).a)
        if self.layer(k).activation == IDENTITY:
            return self.equation(self.a(k, i), self.z(k, i), a)
        places = [i, *neuron.others]
        names = [self.z(k, j) for j in places]
        numbers = [self.number(self.neuron(k, j).z) for j in places]
        return self.equation(self.a(k, i), self.function(k, names), self.function(k, numbers), a)

    def loss(self, label: str, x: float) -> str:
        """The loss as a function of outputs and targets."""
        last = len(self.network.layers)
        outputs = [self.a(last, i) for i in range(len(self.layer(last).neurons))]
        targets = [self.name(target) for target, _ in self.network.targets]
        of = [*self.notation.few(outputs), *self.notation.few(targets)]
        return self.equation(self.notation.call(self.name(label), of), self.number(x))

    # The backward pass.

    def delta(self, k: int, i: int) -> str:
        """A delta by the delta rule; where that does not hold, as the derivative of the loss."""
        neuron, last = self.neuron(k, i), len(self.network.layers)
        name, delta = self.delta_name(k, i), self.number(neuron.delta)
        if neuron.slope is None or not self.network.follows_delta_rule(k, i):
            return self.equation(name, self.by(self.z(k, i)), delta)
        if k == last:
            terms, numbers = [self.by(self.a(k, i))], [self.number(neuron.upstream)]
        else:
            uses = self.network.uses(k, i)
            terms = [f"{self.delta_name(k + 1, j)}{self.notation.dot}{self.name(w.name)}" for j, w in uses]
            numbers = [self.product(self.neuron(k + 1, j).delta, w.value) for j, w in uses]
        formula, value = self.sum_of(terms), self.sum_of(numbers)
        if self.layer(k).activation != IDENTITY:
            fence = self.notation.fenced if len(terms) > 1 else str
            slope = self.function(k, [self.z(k, i)], prime=True)
            formula = f"{slope}{self.notation.between}{fence(formula)}"
            value = f"{self.number(neuron.slope)}{self.notation.times}{fence(value)}"
        return self.equation(name, formula, value, delta)

    def gradient(self, k: int, i: int, w: WeightView) -> str:
        """The derivative by a weight: delta times activation, if nothing else depends on the weight."""
        neuron = self.neuron(k, i)
        by, result = self.by(self.name(w.name)), self.number(w.grad)
        if not self.network.follows_gradient_rule(k, i, w):
            return self.equation(by, result)
        formula, numbers = self.delta_name(k, i), self.number(neuron.delta)
        if w is not neuron.bias:
            formula += f"{self.notation.dot}{self.a(k - 1, w.source)}"
            numbers = self.product(neuron.delta, self.network.activation(k - 1, w.source))
        return self.equation(by, formula, numbers, result)

    def result(self, w: WeightView) -> str:
        """The derivative by a weight, and its number."""
        return self.equation(self.by(self.name(w.name)), self.number(w.grad))

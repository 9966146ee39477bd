"""A network after both passes over one example: the numbers and names to draw, explain and play.

Facts about an activation are read from the recorded graph, not from its name: the net inputs that it depends
on, and whether it is one operation of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isclose
from typing import Any

from engine import Value, grad
from engine.graph import dependents, topological
from engine.ops import OPS, Op
from engine.value import CONSTANT, operand
from nn.losses import LossFunction, find_loss
from nn.modules import MLP, Layer

IDENTITY = "identity"
_UNKNOWN = "f"  # an activation whose name means another function
_ROUNDING = 1e-9  # relative, of a product that is computed in two ways


@dataclass(frozen=True)
class WeightView:
    """A weight or a bias with its gradient.

    Args:
        name: its name in the notation of the delta rule, as `w_12^1`.
        value: the number.
        grad: the derivative of the loss by it.
        source: the index of the input it multiplies, from 0; unused for a bias.
    """

    name: str
    value: float
    grad: float
    source: int = 0


@dataclass(frozen=True)
class NeuronView:
    """A neuron after both passes.

    Args:
        labels: the names of its net input and its activation, as `z_1^2` and `a_1^2`.
        z: the net input.
        a: the activation.
        delta: the derivative of the loss by the net input.
        weights: the weights of the inputs it is connected to.
        bias: its bias, if it has one.
        slope: the derivative of the activation by the net input; None if the activation also depends on
            other net inputs, as in softmax.
        upstream: for an output, the derivative of the loss by the activation.
        others: the other neurons of the layer, from 0, whose net inputs take part in the activation.
    """

    labels: tuple[str, str]
    z: float
    a: float
    delta: float
    weights: Sequence[WeightView]
    bias: WeightView | None = None
    slope: float | None = None
    upstream: float = 0.0
    others: Sequence[int] = ()

    @property
    def all_weights(self) -> list[WeightView]:
        """The weights, then the bias."""
        return [*self.weights, *([self.bias] if self.bias else [])]


@dataclass(frozen=True)
class LayerView:
    """Neurons side by side.

    Args:
        activation: the name of their activation: a row of `engine.ops.OPS` if it is that operation,
            "identity" if the activations are the net inputs, any other name otherwise.
        neurons: the neurons, from the first.
    """

    activation: str
    neurons: Sequence[NeuronView]


@dataclass(frozen=True)
class NetworkView:
    """A network after a forward and a backward pass: its numbers and names.

    Args:
        inputs: name and value of each input.
        layers: the layers, the output layer last.
        targets: name and value of each target.
        loss: name and value of the loss.
    """

    inputs: Sequence[tuple[str, float]]
    layers: Sequence[LayerView]
    targets: Sequence[tuple[str, float]] = ()
    loss: tuple[str, float] | None = None

    @property
    def sizes(self) -> list[int]:
        """The number of inputs, then of neurons of each layer."""
        return [len(self.inputs), *(len(layer.neurons) for layer in self.layers)]

    @property
    def weights(self) -> list[WeightView]:
        """All weights and biases, neuron by neuron."""
        return [w for layer in self.layers for neuron in layer.neurons for w in neuron.all_weights]

    def uses(self, k: int, i: int) -> list[tuple[int, WeightView]]:
        """Where the activation of neuron i of layer k goes: the neurons of the next layer, and their weights.

        Layers count from 1, neurons from 0.
        """
        return [
            (j, w) for j, head in enumerate(self.layers[k].neurons) for w in head.weights if w.source == i
        ]

    def follows_delta_rule(self, k: int, i: int) -> bool:
        """Whether delta is the slope times the derivative of the loss by the activation.

        It is not if the loss depends on the neuron in another way too.
        """
        neuron = self.layers[k - 1].neurons[i]
        if neuron.slope is None:
            return False
        if k == len(self.layers):
            upstream = neuron.upstream
        else:
            upstream = fsum(self.layers[k].neurons[j].delta * w.value for j, w in self.uses(k, i))
        return _same(neuron.slope * upstream, neuron.delta)

    def follows_gradient_rule(self, k: int, i: int, w: WeightView) -> bool:
        """Whether the gradient of a weight is delta times the activation it multiplies, of a bias delta.

        It is not if the loss depends on the weight in another way too, as with weight decay.
        """
        neuron = self.layers[k - 1].neurons[i]
        if w is neuron.bias:
            return _same(neuron.delta, w.grad)
        return _same(neuron.delta * self.activation(k - 1, w.source), w.grad)

    def activation(self, k: int, i: int) -> float:
        """The activation of neuron i of layer k; of layer 0 an input."""
        return self.inputs[i][1] if k == 0 else self.layers[k - 1].neurons[i].a


def _same(x: float, y: float) -> bool:
    return isclose(x, y, rel_tol=_ROUNDING) or (x != x and y != y)


def describe(model: MLP, x: Sequence[Value | float], y: Any, loss: LossFunction | str) -> NetworkView:
    """A network after both passes over one example. No `grad` is modified.

    Args:
        model: the network.
        x: the inputs.
        y: the target, or one for each output.
        loss: a function of the outputs and the target, or its name in `nn.LOSSES`.

    Returns:
        Its numbers and names.

    Raises:
        ValueError: if x has the wrong length, or there is no loss of that name.

    Example:
        >>> model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
        >>> describe(model, [3.0], 1.0, "squared_error").layers[0].neurons[0].delta
        1.5
    """
    inputs = a = [operand(x_j) for x_j in x]
    net_inputs, activations = [], []
    for layer in model.layers:
        net_inputs.append(z := layer.net_inputs(a))
        activations.append(a := layer.activate(z))
    cost = operand(find_loss(loss)(a[0] if len(a) == 1 else a, y))
    by = [*model.parameters(), *(z_i for z in net_inputs for z_i in z), *a]
    grads = dict(zip(by, (d.data for d in grad(cost, by)), strict=True))
    targets = y if isinstance(y, Iterable) else [y]
    return NetworkView(
        inputs=[(x_j.label or f"x_{j}", x_j.data) for j, x_j in enumerate(inputs, start=1)],
        layers=[_layer_view(*row, grads) for row in zip(model.layers, net_inputs, activations, strict=True)],
        targets=[(f"y_{i}", float(y_i)) for i, y_i in enumerate(targets, start=1)],
        loss=(cost.label or "loss", cost.data),
    )


def _layer_view(layer: Layer, z: Sequence[Value], a: Sequence[Value], grads: dict[Value, float]) -> LayerView:
    within = [value for value in topological(a) if value.serial > z[-1].serial]
    reached = [dependents(within, [z_j]) for z_j in z]

    def weight(w: Value, source: int = 0) -> WeightView:
        return WeightView(w.label, w.data, grads[w], source)

    def neuron_view(i: int) -> NeuronView:
        neuron, z_i, a_i = layer.neurons[i], z[i], a[i]
        others = [j for j in range(len(z)) if j != i and a_i in reached[j]]
        return NeuronView(
            labels=neuron.labels,
            z=z_i.data,
            a=a_i.data,
            delta=grads[z_i],
            weights=[weight(w, j) for w, j in zip(neuron.w, neuron.sources, strict=True)],
            bias=None if neuron.b is None else weight(neuron.b),
            slope=None if others else grad(a_i, [z_i])[0].data,
            upstream=grads.get(a_i, 0.0),
            others=others,
        )

    return LayerView(_activation_name(layer.activation, z, a), [neuron_view(i) for i in range(len(z))])


def _activation_name(name: str, z: Sequence[Value], a: Sequence[Value]) -> str:
    """The name of an activation: that of the operation that was recorded, otherwise its own."""
    pairs = list(zip(z, a, strict=True))
    if all(a_i is z_i for z_i, a_i in pairs):
        return IDENTITY
    op = OPS.get(a[0].op)
    if op is not None and all(_is_applied(op, z_i, a_i, z) for z_i, a_i in pairs):
        return op.name
    return _UNKNOWN if name in OPS or name == IDENTITY else name


def _is_applied(op: Op, z: Value, a: Value, layer: Sequence[Value]) -> bool:
    """Whether an activation is an operation on its net input, with its other operands at their defaults."""
    if a.op != op.name or op.form != "call" or a.parents[0] is not z:
        return False
    if op.shares:
        return Counter(a.parents) == Counter(layer)
    rest = [value.data if value.kind == CONSTANT else None for value in a.parents[1:]]
    return rest == [op.defaults.get(name) for name in op.operands[1:]] and None not in rest

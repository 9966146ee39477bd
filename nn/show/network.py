"""Both passes of a network over one example, in numbers and names: what is drawn, explained and played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import Value, grad
from engine.show.notation import SHARES
from engine.value import operand
from nn.losses import LossFunction, find_loss
from nn.modules import MLP
from nn.show.draw import Layer, Network, Neuron, Weight


def described(model: MLP, x: Sequence[Value | float], y: Any, loss: LossFunction | str) -> Network:
    """A network after both passes of one example; nobody's `grad` changes.

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
        >>> described(model, [3.0], 1.0, "squared_error").layers[0].neurons[0].delta
        1.5
    """
    inputs = a = [operand(x_j) for x_j in x]
    activations = [a := layer(a) for layer in model.layers]
    # Identity passes its net input on; of any other activation the net input is the first operand.
    net_inputs = [
        [a_i if layer.activation == "identity" else a_i.parents[0] for a_i in row]
        for layer, row in zip(model.layers, activations, strict=True)
    ]
    cost = find_loss(loss)(a[0] if len(a) == 1 else a, y)
    by = [*model.parameters(), *(z for row in net_inputs for z in row), *a]
    slope = dict(zip(by, (d.data for d in grad(cost, by)), strict=True))

    def weight(w: Value, source: int = 0) -> Weight:
        return Weight(w.label, w.data, slope[w], source)

    layers = [
        Layer(
            layer.activation,
            [
                Neuron(
                    labels=neuron.labels,
                    z=z.data,
                    a=a_i.data,
                    delta=slope[z],
                    weights=[weight(w, j) for w, j in zip(neuron.w, neuron.sources, strict=True)],
                    bias=None if neuron.b is None else weight(neuron.b),
                    slope=_slope(layer.activation, a_i),
                    upstream=slope.get(a_i, 0.0),
                )
                for neuron, z, a_i in zip(layer.neurons, z_row, a_row, strict=True)
            ],
        )
        for layer, z_row, a_row in zip(model.layers, net_inputs, activations, strict=True)
    ]
    targets = y if isinstance(y, Sequence) else [y]
    return Network(
        inputs=[(x_j.label or f"x_{j}", x_j.data) for j, x_j in enumerate(inputs, start=1)],
        layers=layers,
        targets=[(f"y_{i}", float(y_i)) for i, y_i in enumerate(targets, start=1)],
        loss=(cost.label or "loss", cost.data),
    )


def _slope(activation: str, a: Value) -> float | None:
    """The derivative of an activation by its net input; None if that is not the only one it depends on."""
    if activation == "identity":
        return 1.0
    return None if activation in SHARES else a.partials[0]

"""A network, played: its explanation, shown on the diagram of its neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.show.diagram import Diagram
from engine.show.palette import Theme
from engine.show.player.page import Player
from engine.show.player.stage import Stage
from engine.show.render import TIMEOUT
from engine.show.steps import Step
from engine.show.text import number
from nn.show.draw import MOST_FULL_CARDS, draw_network, neuron_id, neuron_lines, weight_id, weight_lines
from nn.show.explain import (
    MOST_WEIGHTS,
    ActivationStep,
    DeltaStep,
    GradientStep,
    LossStep,
    NetInputStep,
    explain_network,
)
from nn.show.network import NetworkView

_NET_INPUT, _ACTIVATION, _DELTA, _BIAS = 1, 2, 3, 4  # lines of a card


def play_network(
    network: NetworkView,
    *,
    theme: Theme | None = None,
    max_weights: int = MOST_WEIGHTS,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Player:
    """A player of the forward and the backward pass of a network, neuron by neuron.

    Args:
        network: its numbers and names after both passes.
        theme: "light" or "dark" to begin with; None to follow the reader's system.
        max_weights: the most weights and biases to show.
        title: what is played, for the title of the page.
        timeout: seconds that the layout of the diagram may take.

    Returns:
        The player.

    Raises:
        ValueError: if a layer has too many neurons for their numbers, or the network has more weights than
            `max_weights`; if the theme is unknown.

    Example:
        >>> from nn.show.network import LayerView, NeuronView, WeightView
        >>> w = WeightView("w_11", 0.5, 0.1)
        >>> neuron = NeuronView(("z_1", "a_1"), 0.25, 0.25, 0.2, [w], slope=1.0, upstream=0.2)
        >>> play_network(NetworkView([("x_1", 0.5)], [LayerView("identity", [neuron])]))
        <Player of 4 steps: Network 1-1, forward and backward>
    """
    widest = max(network.sizes)
    if widest > MOST_FULL_CARDS:
        raise ValueError(
            f"the network has {widest:,} neurons side by side; a player shows at most {MOST_FULL_CARDS}: "
            "play a part of its graph of scalars, as in loss(model(x), y).play(depth=3), or draw it with "
            "model.draw(x, y, loss)"
        )
    return NetworkStage(network, max_weights).player(theme, title, timeout)


class NetworkStage(Stage):
    """A network as the stage of its explanation.

    Args:
        network: its numbers and names after both passes.
        max_weights: the most weights and biases to show.
    """

    def __init__(self, network: NetworkView, max_weights: int) -> None:
        super().__init__(explain_network(network, max_weights=max_weights))
        self.network = network

    def diagram(self, title: str, timeout: float) -> Diagram:
        """The diagram of the neurons."""
        return draw_network(self.network, title=title, timeout=timeout)

    def blank(self) -> Mapping[str, str]:
        """The lines of net inputs, activations, deltas, gradients and the loss before they are known."""
        return dict(self._blank_lines())

    def _blank_lines(self) -> Iterator[tuple[str, str]]:
        for k, layer in enumerate(self.network.layers, start=1):
            for i, neuron in enumerate(layer.neurons):
                for place, unknown in ((_NET_INPUT, "?"), (_ACTIVATION, "?"), (_DELTA, "–")):
                    ((line, text),) = self._line(k, i, place).items()
                    yield line, f"{text.rpartition(' ')[0]} {unknown}"
                if neuron.bias is not None:
                    yield f"{neuron_id(k, i)}/{_BIAS}", "∂ –"
                for w in neuron.weights:
                    yield f"{weight_id(k, i, w.source)}_label/1", "∂ –"
        if self.network.loss is not None:
            yield "loss/1", "?"

    def place(self, step: Step) -> dict[str, Any]:
        """The cards and edges of a step."""
        match step:
            case NetInputStep(layer=k, neuron=i):
                weights = self.network.layers[k - 1].neurons[i].weights
                return self._written(k, i, _NET_INPUT) | {
                    "read": [neuron_id(k - 1, w.source) for w in weights],
                    "flow": [part for w in weights for part in self._edge(k, i, w.source)],
                }
            case ActivationStep(layer=k, neuron=i):
                others = self.network.layers[k - 1].neurons[i].others
                return self._written(k, i, _ACTIVATION) | {"read": [neuron_id(k, j) for j in others]}
            case LossStep():
                return self._loss()
            case DeltaStep(layer=k, neuron=i):
                read, flow = self._behind(k, i)
                return self._written(k, i, _DELTA) | {"read": read, "flow": flow}
            case GradientStep(layer=k, neuron=i, is_bias=True):
                card = neuron_id(k, i)
                return {"write": [card], "lines": {f"{card}/{_BIAS}": weight_lines(step.weight)[1]}}
            case GradientStep(layer=k, neuron=i, weight=w):
                label = f"{weight_id(k, i, w.source)}_label"
                return {
                    "read": [neuron_id(k, i), neuron_id(k - 1, w.source)],
                    "write": [label],
                    "flow": self._edge(k, i, w.source),
                    "lines": {f"{label}/1": weight_lines(w)[1]},
                }
            case _:
                return {}

    def _written(self, k: int, i: int, place: int) -> dict[str, Any]:
        return {"write": [neuron_id(k, i)], "lines": self._line(k, i, place)}

    def _line(self, k: int, i: int, place: int) -> dict[str, str]:
        """A line of a card with its number."""
        layer = self.network.layers[k - 1]
        return {f"{neuron_id(k, i)}/{place}": neuron_lines(layer, layer.neurons[i])[place]}

    def _edge(self, k: int, i: int, source: int) -> list[str]:
        """The edge of a weight, before and behind its label. Without a label there is only the first part."""
        edge = weight_id(k, i, source)
        return [edge, f"{edge}_head"]

    def _loss(self) -> dict[str, Any]:
        network = self.network
        assert network.loss is not None
        outputs = range(len(network.layers[-1].neurons))
        return {
            "read": [
                *(neuron_id(len(network.layers), i) for i in outputs),
                *["targets"] * bool(network.targets),
            ],
            "flow": [*(f"l{i + 1}" for i in outputs), *["l0"] * bool(network.targets)],
            "write": ["loss"],
            "lines": {"loss/1": number(network.loss[1])},
        }

    def _behind(self, k: int, i: int) -> tuple[list[str], list[str]]:
        """The cards from which a delta is computed, and the edges to them."""
        if k == len(self.network.layers):
            return (["loss"], [f"l{i + 1}"]) if self.network.loss is not None else ([], [])
        heads = [j for j, _ in self.network.uses(k, i)]
        flow = [part for j in heads for part in self._edge(k + 1, j, i)]
        return [neuron_id(k + 1, j) for j in heads], flow

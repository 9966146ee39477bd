"""A network, played: its explanation, shown on the diagram of its neurons."""

from __future__ import annotations

from collections.abc import Iterable

from engine.show.diagram import Theme, number
from engine.show.player.page import Player, Scene
from engine.show.render import TIMEOUT
from engine.show.steps import Step
from nn.show.draw import (
    MOST_FULL_CARDS,
    Network,
    draw_network,
    neuron_id,
    neuron_lines,
    weight_id,
    weight_lines,
)
from nn.show.explain import (
    MOST_WEIGHTS,
    Activation,
    Delta,
    Gradient,
    Loss,
    NetInput,
    explain_network,
)


def play_network(
    network: Network,
    *,
    theme: Theme | None = None,
    max_weights: int = MOST_WEIGHTS,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Player:
    """A player of the forward and the backward pass of a network, neuron by neuron.

    Args:
        network: its numbers and names after both passes.
        theme: "light" or "dark" to begin with; None for what the reader's system prefers.
        max_weights: the most weights and biases to show.
        title: what is played, for the title of the page.
        timeout: seconds that the layout of the diagram may take.

    Returns:
        The player.

    Raises:
        ValueError: if a layer has more neurons than have room for their numbers, or the network more weights
            than `max_weights`; if there is no such theme.

    Example:
        >>> from nn.show.draw import Layer, Neuron, Weight
        >>> neuron = Neuron(("z_1", "a_1"), 0.25, 0.25, 0.2, [Weight("w_11", 0.5, 0.1)], slope=1.0)
        >>> play_network(Network([("x_1", 0.5)], [Layer("identity", [neuron])]))
        <Player of 4 steps: Network 1-1, forward and backward>
    """
    widest = max(len(row) for row in [network.inputs, *(layer.neurons for layer in network.layers)])
    if widest > MOST_FULL_CARDS:
        raise ValueError(
            f"the network has {widest:,} neurons side by side, a player shows at most {MOST_FULL_CARDS}: "
            "play a part of its graph of scalars, as in loss(model(x), y).play(depth=3), or draw it with "
            "model.draw(x, y, loss)"
        )
    walk = explain_network(network, max_weights=max_weights)
    stage = _Stage(network)
    start = Scene(phase="start", text=f"Given: {walk.given_line}")
    diagram = draw_network(network, title=title, timeout=timeout)
    return Player(diagram, [start, *map(stage.scene, walk.steps)], dict(stage.blank()), theme)


class _Stage:
    """Where on the diagram of a network each step takes place."""

    def __init__(self, network: Network) -> None:
        self.network = network

    # Lines of a card: function, net input, activation, delta, bias.

    def _flow(self, k: int, i: int, source: int) -> list[str]:
        """An edge on both sides of its label; without a label, there is no other side."""
        edge = weight_id(k, i, source)
        return [edge, f"{edge}_head"]

    def _said(self, k: int, i: int, place: int) -> dict[str, str]:
        """A line of a card as it is at last."""
        layer = self.network.layers[k - 1]
        return {f"{neuron_id(k, i)}/{place}": neuron_lines(layer, layer.neurons[i])[place]}

    def blank(self) -> Iterable[tuple[str, str]]:
        """What each line says before it is known."""
        for k, layer in enumerate(self.network.layers, start=1):
            for i, neuron in enumerate(layer.neurons):
                for place, unknown in ((1, "?"), (2, "?"), (3, "–")):
                    ((line, text),) = self._said(k, i, place).items()
                    yield line, f"{text.rpartition(' ')[0]} {unknown}"
                if neuron.bias is not None:
                    yield f"{neuron_id(k, i)}/4", "∂ –"
                for w in neuron.weights:
                    yield f"{weight_id(k, i, w.source)}_label/1", "∂ –"
        if self.network.loss is not None:
            yield "loss/1", "?"

    def scene(self, step: Step) -> Scene:
        """What the page shows at a step."""
        note = f"by the rule {step.rule.text}" if step.rule else ""
        read: list[str] = []
        write: list[str] = []
        flow: list[str] = []
        lines: dict[str, str] = {}
        match step:
            case NetInput(layer=k, neuron=i):
                weights = self.network.layers[k - 1].neurons[i].weights
                read = [neuron_id(k - 1, w.source) for w in weights]
                write, lines = [neuron_id(k, i)], self._said(k, i, 1)
                flow = [part for w in weights for part in self._flow(k, i, w.source)]
            case Activation(layer=k, neuron=i):
                write, lines = [neuron_id(k, i)], self._said(k, i, 2)
            case Loss() if self.network.loss is not None:
                outputs = range(len(self.network.layers[-1].neurons))
                read = [neuron_id(len(self.network.layers), i) for i in outputs]
                flow = [f"l{i + 1}" for i in outputs]
                if self.network.targets:
                    read.append("targets")
                    flow.append("l0")
                write, lines = ["loss"], {"loss/1": number(self.network.loss[1])}
            case Delta(layer=k, neuron=i):
                read, flow = self._behind(k, i)
                write, lines = [neuron_id(k, i)], self._said(k, i, 3)
            case Gradient(layer=k, neuron=i, weight=w, is_bias=is_bias):
                gradient = weight_lines(w)[1]
                if is_bias:
                    write, lines = [neuron_id(k, i)], {f"{neuron_id(k, i)}/4": gradient}
                else:
                    edge = weight_id(k, i, w.source)
                    read = [neuron_id(k, i), neuron_id(k - 1, w.source)]
                    flow = self._flow(k, i, w.source)
                    write, lines = [f"{edge}_label"], {f"{edge}_label/1": gradient}
        return Scene(
            phase=step.phase, text=step.text, note=note, read=read, write=write, flow=flow, lines=lines
        )

    def _behind(self, k: int, i: int) -> tuple[list[str], list[str]]:
        """The cards that a delta is computed from, and the edges to them."""
        if k == len(self.network.layers):
            return (["loss"], [f"l{i + 1}"]) if self.network.loss is not None else ([], [])
        heads = self.network.layers[k].neurons
        uses = [j for j, head in enumerate(heads) if any(w.source == i for w in head.weights)]
        flow = [part for j in uses for part in self._flow(k + 1, j, i)]
        return [neuron_id(k + 1, j) for j in uses], flow

"""Diagrams of networks: neurons with their numbers, and the delta rule to be read off.

Cards and labels are put on a grid: layers are columns, and between two layers the labels of the weights are a
column of their own. Every edge goes through its label: edges fan out from a neuron to their labels in order,
and cross only behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.ops import OPS
from engine.show.diagram import Canvas, Diagram, Field, Heat, widths
from engine.show.palette import Theme
from engine.show.render import TIMEOUT
from engine.show.text import Name, number, parse_name
from nn.show.network import LayerView, NetworkView, NeuronView, WeightView

_LINE = 1.75  # the height of a line of a card, in font sizes
_CARD_FONT = 12.0  # points, as all that follow
_LABEL_FONT = 10.5
_LABEL_HEIGHT = 29.0  # of two lines, and a little air
_BETWEEN = 26.0  # cards of a column
MOST_FULL_CARDS = 8  # in a column; beyond, a card has one line
_MOST_IN_A_COLUMN = 20
_PLAIN_GAP = 140.0  # between columns whose weights have no labels
_LEAST_FAN, _MOST_FAN = 30.0, 90.0  # between a column of labels and the cards on its sides
_STEEPEST = 2.5  # the slope of the steepest edge, unless the fan is as wide as it may be
_LONGEST = 14  # characters of a name


def draw_network(
    network: NetworkView,
    *,
    theme: Theme = "light",
    heat: Heat | None = None,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Diagram:
    """A diagram of a network as neurons: the delta rule, to be read off.

    Each neuron shows its net input, its activation, its delta and its bias; each edge shows the weight and
    its gradient: the delta at its head times the activation at its tail. Blue solid edges are positive,
    orange dashed ones negative; width shows magnitude. If a layer has too many weights for numbers, its
    edges have none, and the diagram says so.

    Args:
        network: the numbers and names.
        theme: "light" or "dark".
        heat: "grad" gives edges the sign and width of the gradients instead of the weights. Widths compare
            gradients over the whole network, so that vanishing gradients become visible.
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.

    Raises:
        ValueError: if there is no layer, or the theme or heat is unknown.

    Example:
        >>> w, b = WeightView("w_11^1", 0.5, -0.2), WeightView("b_1^1", 0.1, -0.2)
        >>> neuron = NeuronView(("z_1^1", "a_1^1"), z=0.6, a=0.6, delta=-0.2, weights=[w], bias=b)
        >>> layer = LayerView("identity", [neuron])
        >>> network = NetworkView([("x_1", 1.0)], [layer], [("y_1", 0.7)], ("loss", 0.01))
        >>> "δ₁¹ −0.2" in draw_network(network).svg
        True
    """
    if not network.layers:
        raise ValueError("there is no layer to draw")
    if heat not in (None, "grad"):
        raise ValueError(f"heat is 'grad' or None, not {heat!r}")
    return _Grid(network, theme, heat).diagram(title, timeout)


class _Column:
    """Cards one below the other: the shown ones, and their heights."""

    def __init__(self, size: int, spacing: float) -> None:
        half = _MOST_IN_A_COLUMN // 2
        self.size, self.spacing, self.x, self.width = size, spacing, 0.0, 0.0
        self.left_out = max(0, size - 2 * half)
        self.shown = [i for i in range(size) if not self.left_out or i < half or i >= size - half]

    def y(self, place: int) -> float:
        """The height of a place; the one after the upper half of the cards stands for the cards left out."""
        last = len(self.shown) - 1 + bool(self.left_out)
        return (last / 2 - place) * self.spacing

    def heights(self) -> dict[int, float]:
        """The height of each card that is shown."""
        half = len(self.shown) // 2
        return {
            i: self.y(place + (1 if self.left_out and place >= half else 0))
            for place, i in enumerate(self.shown)
        }


class _Grid:
    """A network being drawn: neurons `n2_1` (of layer 0: inputs), weights `w2_1_3`."""

    def __init__(self, network: NetworkView, theme: Theme, heat: Heat | None) -> None:
        self.network, self.heat = network, heat
        self.canvas = Canvas(theme, layout="neato", inputscale="72", splines="line")
        sizes = network.sizes
        self.full = max(sizes) <= MOST_FULL_CARDS
        self.cards = [[self._input_lines(*x) for x in network.inputs]] + [
            [self._neuron_lines(layer, neuron) for neuron in layer.neurons] for layer in network.layers
        ]
        line = _LINE * _CARD_FONT
        height = max(map(len, self.cards[-1])) * line if self.full else line
        for stretch in (1.0, 1.3, 1.6) if self.full else (1.0,):  # labels may need more room than cards
            spacing = stretch * (height + (_BETWEEN if self.full else line / 2))
            self.columns = [_Column(size, spacing) for size in sizes]
            for column, cards in zip(self.columns, self.cards, strict=True):
                column.width = max(self._width(lines) for lines in cards)
            self.labels = [self._set_apart(k) for k in range(1, len(sizes))]
            if None not in self.labels:
                break

    def _set_apart(self, k: int) -> list[float] | None:
        """Place column k beside the labels of its weights; the heights of the labels, or None if too many."""
        tail, head = self.columns[k - 1], self.columns[k]
        weights = self._shown_weights(k)
        room = max(column.size * column.spacing for column in (tail, head))
        labels, gap = None, _PLAIN_GAP
        if self.full and len(weights) * _LABEL_HEIGHT <= room:
            start, end = tail.heights(), head.heights()
            edges = [(start[w.source], end[i]) for i, w in weights]
            labels = _apart([(y0 + y1) / 2 for y0, y1 in edges], _LABEL_HEIGHT)
            rises = (abs(y - y1) for y, edge in zip(labels, edges, strict=True) for y1 in edge)
            rise = max(rises, default=0.0)  # a layer may have biases alone
            gap = self._label_width(k) + 2 * min(max(_LEAST_FAN, rise / _STEEPEST), _MOST_FAN)
        head.x = tail.x + (tail.width + head.width) / 2 + gap
        return labels

    def diagram(self, title: str, timeout: float) -> Diagram:
        kinds = ["input", *["intermediate"] * (len(self.columns) - 2), "output"]
        for k, (column, kind) in enumerate(zip(self.columns, kinds, strict=True)):
            for i, y in column.heights().items():
                self._card(neuron_id(k, i), self.cards[k][i], kind, column, y)
            if column.left_out:
                place = f"{column.x:g},{column.y(len(column.shown) // 2):g}!"
                self.canvas.text(f"m{k}", [f"⋮ {column.left_out:,} more"], "omission", pos=place)
        for k, labels in enumerate(self.labels, start=1):
            self._weights(k, labels)
        if self.network.loss is not None:
            self._loss(*self.network.loss)
        notes = [self._legend(), *self._omissions()]
        self.canvas.caption(notes)
        sizes = "-".join(str(column.size) for column in self.columns)
        sentences = (f"{text}." for text in [*notes, *filter(None, self.canvas.titles.values())])
        return self.canvas.diagram(title or f"Network {sizes}, forward and backward", sentences, timeout)

    def _width(self, lines: Sequence[str]) -> float:
        """The width of a card: lines one below the other, or side by side."""
        return _card_width(lines) if self.full else sum(_card_width([line]) for line in lines)

    # What is written.

    def _input_lines(self, name: str, value: float) -> list[str]:
        return [_name(name), number(value)]

    def _neuron_lines(self, layer: LayerView, neuron: NeuronView) -> list[str]:
        lines = neuron_lines(layer, neuron)
        return lines if self.full else lines[2:4]

    def _legend(self) -> str:
        what = "|∂|" if self.heat else "|w|"
        rule = "∂ = δ at the head × a at the tail. " if self._follows_gradient_rule() else ""
        return f"{rule}Edges: width {what}, + blue, − orange and dashed"

    def _follows_gradient_rule(self) -> bool:
        return all(
            self.network.follows_gradient_rule(k, i, w)
            for k, layer in enumerate(self.network.layers, start=1)
            for i, neuron in enumerate(layer.neurons)
            for w in neuron.weights
        )

    def _omissions(self) -> list[str]:
        counts = [
            f"{sum(len(neuron.weights) for neuron in layer.neurons):,} weights of layer {k}"
            for k, (layer, labels) in enumerate(zip(self.network.layers, self.labels, strict=True), start=1)
            if labels is None
        ]
        return [f"Without numbers, which would not fit: {', '.join(counts)}"] if counts else []

    # Where it is drawn.

    def _card(self, ident: str, lines: Sequence[str], kind: str, column: _Column, y: float) -> None:
        below = self.full or column.x > self.columns[-1].x  # loss and targets, right of the outputs
        fields: list[Field] = [*lines] if below else [[*lines]]
        self.canvas.card(
            ident,
            fields,
            kind,
            "neuron",
            ", ".join(lines),
            pos=f"{column.x:g},{y:g}!",
            width=f"{column.width / 72:.3f}",
            height=f"{(len(lines) if below else 1) * _LINE * _CARD_FONT / 72:.3f}",
            fixedsize="true",  # Graphviz's own sizes differ between installations
            fontsize=f"{_CARD_FONT:g}",
        )

    def _shown_weights(self, k: int) -> list[tuple[int, WeightView]]:
        """The weights of layer k with both ends shown, with their neurons, in the order of the inputs."""
        tail, neurons = set(self.columns[k - 1].shown), self.network.layers[k - 1].neurons
        shown = [(i, w) for i in self.columns[k].shown for w in neurons[i].weights if w.source in tail]
        return sorted(shown, key=lambda place: place[1].source)

    def _weights(self, k: int, labels: Sequence[float] | None) -> None:
        wide = self._widths(k, 2.2 if labels is None else 3.6)
        for place, (i, w) in enumerate(self._shown_weights(k)):
            negative = self._size(w) < 0.0
            tail, head = f"{neuron_id(k - 1, w.source)}:e", f"{neuron_id(k, i)}:w"
            ident, title = weight_id(k, i, w.source), ", ".join(weight_lines(w))
            line = {
                "color": self._colour(negative),
                "penwidth": f"{wide[place]:.3g}",
                "style": "dashed" if negative else "solid",
            }
            kind = _weight_class(negative)
            if labels is None:
                self.canvas.edge(tail, head, ident, kind, title, arrowhead="none", **line)
                continue
            label = f"{ident}_label"
            self._weight_label(k, label, w, negative, labels[place])
            self.canvas.edge(tail, f"{label}:w", ident, kind, title, arrowhead="none", **line)
            self.canvas.edge(f"{label}:e", head, f"{ident}_head", kind, title, **line)

    def _size(self, w: WeightView) -> float:
        return w.grad if self.heat else w.value

    def _widths(self, k: int, widest: float) -> list[float]:
        """The widths of the edges of layer k: weights compared in their layer, gradients in the network."""
        layers = range(1, len(self.columns)) if self.heat else [k]
        sizes = {
            (layer, place): abs(self._size(w))
            for layer in layers
            for place, (_, w) in enumerate(self._shown_weights(layer))
        }
        return [width for (layer, _), width in widths(sizes, widest).items() if layer == k]

    def _colour(self, negative: bool) -> str:
        return self.canvas.palette.negative if negative else self.canvas.palette.positive

    def _weight_label(self, k: int, ident: str, w: WeightView, negative: bool, y: float) -> None:
        """A label in the middle of its edge: a node of its own, because Graphviz puts labels beside edges."""
        tail, head = self.columns[k - 1], self.columns[k]
        x = (tail.x + tail.width / 2 + head.x - head.width / 2) / 2
        self.canvas.text(
            ident,
            weight_lines(w),
            _weight_class(negative),
            fontcolor=self._colour(negative),
            fontsize=f"{_LABEL_FONT}",
            width=f"{self._label_width(k) / 72:.3f}",
            height=f"{_LABEL_HEIGHT / 72:.3f}",
            fixedsize="true",
            pos=f"{x:g},{y:g}!",
        )

    def _label_width(self, k: int) -> float:
        lines = (line for _, w in self._shown_weights(k) for line in weight_lines(w))
        return _text_width(lines, _LABEL_FONT)

    def _loss(self, name: str, value: float) -> None:
        outputs, targets = self.columns[-1], self.network.targets
        shown = targets if len(targets) <= MOST_FULL_CARDS else targets[: MOST_FULL_CARDS - 1]
        target_lines = [f"{_name(label)} {number(y)}" for label, y in shown]
        if len(targets) > len(shown):
            target_lines.append(f"⋮ {len(targets) - len(shown):,} more")
        lines = [_name(name), number(value)]
        column = _Column(1, 0.0)
        column.width = _card_width([*lines, *target_lines])
        column.x = outputs.x + (outputs.width + column.width) / 2 + 50.0
        self._card("loss", lines, "output", column, 0.0)
        for i in outputs.shown:
            self.canvas.edge(f"{neuron_id(len(self.columns) - 1, i)}:e", "loss:w", f"l{i + 1}", "result")
        if targets:
            y = (len(target_lines) / 2 + 1) * _LINE * _CARD_FONT + _BETWEEN
            self._card("targets", target_lines, "constant", column, y)
            self.canvas.edge("targets:s", "loss:n", "l0", "result")


def _weight_class(negative: bool) -> str:
    return f"weight {'negative' if negative else 'positive'}"


def neuron_id(k: int, i: int) -> str:
    """The id of the card of neuron i of layer k, or of input i for layer 0. Neurons count from 0."""
    return f"n{k}_{i + 1}"


def weight_id(k: int, i: int, source: int) -> str:
    """The id of the edge of a weight of neuron i of layer k; with `_head`, of its part behind the label."""
    return f"w{k}_{i + 1}_{source + 1}"


def weight_lines(w: WeightView) -> list[str]:
    """A weight or a bias, and its gradient."""
    return [f"{_name(w.name)} {number(w.value)}", f"∂ {number(w.grad)}"]


def _card_width(lines: Iterable[str]) -> float:
    return _text_width(lines, _CARD_FONT) + 16.0


_NARROW = set(" .,:‚|ijl⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")
_WIDE = set("−=+<>wmMW@%…⋮")


def _text_width(lines: Iterable[str], font: float) -> float:
    """The width of the longest line, estimated generously from the widths of its characters."""
    widths_of = (
        [0.41 if c in _NARROW else 0.84 if c in _WIDE or c > "⺀" else 0.65 for c in x] for x in lines
    )
    return max(map(sum, widths_of), default=0.0) * font


def neuron_lines(layer: LayerView, neuron: NeuronView) -> list[str]:
    """The lines of a full card: function, net input, activation, delta and bias.

    Example:
        >>> neuron_lines(LayerView("tanh", []), NeuronView(("z_1", "a_1"), 0.5, 0.46, -0.2, []))
        ['tanh', 'z₁ 0.5', 'a₁ 0.46', 'δ₁ −0.2', 'no bias']
    """
    z, a = (
        f"{_name(label)} {number(x)}" for label, x in zip(neuron.labels, (neuron.z, neuron.a), strict=True)
    )
    activation = OPS[layer.activation].symbol if layer.activation in OPS else _name(layer.activation)
    bias = " ".join(weight_lines(neuron.bias)) if neuron.bias else "no bias"
    return [activation, z, a, f"{delta_name(neuron).text} {number(neuron.delta)}", bias]


def delta_name(neuron: NeuronView) -> Name:
    """The name of the delta, made from that of the net input: `delta_1^2` beside `z_1^2`."""
    z = parse_name(neuron.labels[0])
    return replace(z, symbol="δ") if z.symbol == "z" else parse_name(f"δ {neuron.labels[0]}", _LONGEST)


def _name(label: str) -> str:
    return parse_name(label, _LONGEST).text


def _apart(wanted: Sequence[float], least: float) -> list[float]:
    """Heights in this order, downwards, at least a distance apart and as close as possible to those wanted.

    Those that would be too near to each other are spread around their mean: pool adjacent violators (Barlow,
    Bartholomew, Bremner and Brunk 1972, section 1.2).
    """
    pools: list[tuple[float, int]] = []  # the mean of some, and how many they are
    for place, height in enumerate(wanted):
        mean, count = height + place * least, 1  # after this shift only the order must be kept
        while pools and pools[-1][0] < mean:
            above, others = pools.pop()
            mean = (mean * count + above * others) / (count + others)
            count += others
        pools.append((mean, count))
    means = [mean for mean, count in pools for _ in range(count)]
    return [mean - place * least for place, mean in enumerate(means)]

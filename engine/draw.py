"""Diagrams: a recorded graph, or a network of neurons, as a picture that can be read.

    graph -> what is shown (cards and steps) -> DOT -> picture

`draw` shows any recorded graph: a card for every value, a dark shape for every operation, the local
derivative on every edge. `draw_network` shows a network as its neurons, with the delta rule on it. Both
return a `Diagram`, which makes its pictures when asked. Drawing never computes a gradient: a card says
"grad –" until `backward` has run.

Text that comes from users is put only into labels and titles, and escaped there.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import isfinite, isinf, isnan
from pathlib import Path
from re import fullmatch
from typing import Any, Literal, TypeAlias, TypeVar
from xml.etree import ElementTree

import graphviz

from engine.graph import recorded
from engine.ops import OPS
from engine.render import TIMEOUT, RenderError, render
from engine.value import CONSTANT, LEAF, PARAMETER, Value

Theme: TypeAlias = Literal["light", "dark"]
View: TypeAlias = Literal["scalar", "compact"]

MAX_NODES = 1000
_COMPACT_ABOVE = 60  # values: the default view of a larger graph is compact
_FAST_LAYOUT_ABOVE = 400  # values
_LONGEST_NAME = 40  # characters of a label on a card
_LONGEST_EXPRESSION = 16
_FONT = "DejaVu Sans"  # Graphviz knows its widths everywhere, installed or not

# --- The visual language. Kinds differ by colour and by a second cue: border width, dashes, position.


@dataclass(frozen=True)
class _Ink:
    fill: str
    stroke: str
    width: float = 1.3
    style: str = "filled"


@dataclass(frozen=True)
class _Palette:
    background: str
    text: str
    derivative: str
    edge: str
    operation: _Ink
    positive: str
    negative: str
    kinds: dict[str, _Ink]


_PALETTES = {
    "light": _Palette(
        background="#FFFFFF",
        text="#1B1B1B",
        derivative="#8A3B8F",
        edge="#6A6A6A",
        operation=_Ink("#444444", "#FFFFFF"),  # stroke: its text
        positive="#0072B2",
        negative="#C65200",
        kinds={
            "input": _Ink("#DCEBF7", "#0072B2"),
            "parameter": _Ink("#FDEBC8", "#8F5600", width=2.2),
            "constant": _Ink("#ECECEC", "#6E6E6E", style="filled,dashed"),
            "intermediate": _Ink("#FFFFFF", "#4A4A4A"),
            "output": _Ink("#DDF2E6", "#00795A", width=1.8),
        },
    ),
    "dark": _Palette(
        background="#161616",
        text="#F2F2F2",
        derivative="#E3A5E8",
        edge="#A0A0A0",
        operation=_Ink("#D0D0D0", "#111111"),
        positive="#56B4E9",
        negative="#FF9B4A",
        kinds={
            "input": _Ink("#123B57", "#56B4E9"),
            "parameter": _Ink("#4D3305", "#E69F00", width=2.2),
            "constant": _Ink("#3A3A3A", "#A8A8A8", style="filled,dashed"),
            "intermediate": _Ink("#262626", "#F2F2F2"),
            "output": _Ink("#0B4231", "#3FC79A", width=1.8),
        },
    ),
}


def _palette(theme: str) -> _Palette:
    if theme not in _PALETTES:
        raise ValueError(f"a theme is {' or '.join(_PALETTES)}, not {theme!r}")
    return _PALETTES[theme]


# --- Numbers and names as text.


def number(x: float) -> str:
    """A number as diagrams show it: four significant digits and a true minus.

    Example:
        >>> number(-0.28788), number(1.5e-7), number(2.0)
        ('−0.2879', '1.5e−7', '2')
    """
    if isnan(x):
        return "NaN"
    if isinf(x):
        return "∞" if x > 0 else "−∞"
    mantissa, _, exponent = f"{x + 0.0:.4g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")


_SUBSCRIPTS = str.maketrans("0123456789,ijklmn", "₀₁₂₃₄₅₆₇₈₉‚ᵢⱼₖₗₘₙ")
_SUPERSCRIPTS = str.maketrans("0123456789lL", "⁰¹²³⁴⁵⁶⁷⁸⁹ˡᴸ")
_GREEK = {"alpha": "α", "beta": "β", "delta": "δ", "epsilon": "ε", "lambda": "λ", "mu": "μ", "sigma": "σ"}
_NOTATION = r"([A-Za-z]+)(?:_(\d+(?:,\d+)*|[ijklmn]{1,2}))?(?:\^(\d+|[lL]))?"


def typeset(label: str) -> str:
    """A label in the notation of the delta rule with its indices low and high; any other as it is.

    Example:
        >>> typeset("w_12^1"), typeset("delta_1^2"), typeset("learning rate")
        ('w₁₂¹', 'δ₁²', 'learning rate')
    """
    match = fullmatch(_NOTATION, label)
    if not match:
        return label
    symbol, low, high = match.groups(default="")
    return _GREEK.get(symbol, symbol) + low.translate(_SUBSCRIPTS) + high.translate(_SUPERSCRIPTS)


def _plain(text: str) -> str:
    """Any text on one line, in which nothing is invisible."""
    text = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in text)


def _shortened(text: str, longest: int = _LONGEST_NAME) -> str:
    text = _plain(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(text: str) -> str:
    """Text as Graphviz shows it unchanged: in a label, and in a field of a record."""
    text = _escaped_outside_record(text)
    for c in "{}|<>":
        text = text.replace(c, "\\" + c)
    return text


def _escaped_outside_record(text: str) -> str:
    return text.replace("\\", "\\\\").replace("&", "&amp;")


# --- The diagram.


@dataclass(frozen=True)
class Diagram:
    """A diagram, which shows itself in a notebook.

    Args:
        dot: the graph in the DOT language.
        title: what it shows, in a few words.
        description: what it shows, for those who cannot see it.
        titles: for the id of an element the text that a browser shows over it.
        theme: "light" or "dark".
        timeout: seconds that its layout may take.

    Example:
        >>> a = Value(3.0, "a")
        >>> diagram = draw(a * a)
        >>> diagram.svg.count('class="edge operand"')
        2
    """

    dot: str
    title: str
    description: str
    titles: dict[str, str] = field(default_factory=dict, repr=False)
    theme: Theme = "light"
    timeout: float = TIMEOUT

    @cached_property
    def svg(self) -> str:
        """The picture as SVG.

        Raises:
            RenderError: if its layout takes too long, or nothing is installed that makes one.
        """
        return render(self.dot, "svg", finish=self._finish, timeout=self.timeout).decode()

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG.

        Raises:
            RenderError: as `svg`, and if the extra `draw` is not installed.
        """
        return render(self.dot, "png", finish=self._finish, timeout=self.timeout)

    @cached_property
    def pdf(self) -> bytes:
        """The picture as PDF, on one page of its size.

        Raises:
            RenderError: as `svg`, and if the extra `draw` is not installed.
        """
        return render(self.dot, "pdf", finish=self._finish, timeout=self.timeout)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Args:
            path: where to; its ending says what: .svg, .png, .pdf, or .dot for the graph itself.

        Returns:
            The path.

        Raises:
            ValueError: if the ending is none of these.
            RenderError: if the picture cannot be made.
        """
        path = Path(path)
        ending = path.suffix.lower().removeprefix(".")
        if ending not in _ENDINGS:
            raise ValueError(f"a diagram is saved as .{', .'.join(_ENDINGS)}, not as {path.name!r}")
        content = _ENDINGS[ending](self)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str | bytes]:
        """What a notebook shows: the picture; where there is none, the graph as text and the reason."""
        try:
            bundle: dict[str, str | bytes] = {
                "text/plain": self.title,
                "image/svg+xml": self.svg,
                "text/html": self._repr_html_(),
            }
        except RenderError as error:
            return {"text/plain": f"{self.dot}\n{error}"}
        try:
            bundle["image/png"] = self.png
        except RenderError:
            pass  # the PNG is for readers of saved notebooks that show no SVG
        return bundle

    def _repr_html_(self) -> str:
        """The SVG inline, its ids its own on a page with other diagrams."""
        prefix = f"d{sum(ord(c) * i for i, c in enumerate(self.dot, 1)) % 0xFFFFFF:06x}-"
        return _prefixed(self.svg, prefix)

    def _finish(self, svg: str) -> str:
        return _finished(svg, self)


_ENDINGS: dict[str, Callable[[Diagram], str | bytes]] = {
    "svg": lambda diagram: diagram.svg,
    "png": lambda diagram: diagram.png,
    "pdf": lambda diagram: diagram.pdf,
    "dot": lambda diagram: diagram.dot,
}

_SVG = "http://www.w3.org/2000/svg"
_NUMBER_LINES = ("grad ", "∂ ", "δ")


def _finished(svg: str, diagram: Diagram) -> str:
    """Graphviz's SVG with what Graphviz cannot say: size, titles, colours of single lines."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg)  # noqa: S314  Graphviz wrote it, on this machine
    palette = _palette(diagram.theme)
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib.update(
        width=width,
        height=height,
        role="img",
        style="max-width:100%;height:auto",
    )
    root.set("class", f"deltagrad {diagram.theme}")
    root.set("aria-labelledby", "title description")
    for tag, text in (("desc", diagram.description), ("title", diagram.title)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", id="description" if tag == "desc" else tag)
        element.text = _plain(text)
        root.insert(0, element)
    for shape in root.iter():
        if shape.get("stroke") == "transparent":  # which is no colour in SVG
            shape.set("stroke", "none")
    for group in root.iter(f"{{{_SVG}}}g"):
        _finish_group(group, diagram, palette)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _finish_group(group: ElementTree.Element, diagram: Diagram, palette: _Palette) -> None:
    kinds = group.get("class", "").split()
    title = group.find(f"{{{_SVG}}}title")
    if title is not None:
        text = diagram.titles.get(group.get("id", ""))
        if text is None:
            group.remove(title)
        else:
            title.text = _plain(text)
    for place, text in enumerate(group.findall(f"{{{_SVG}}}text")):
        text.set("font-family", f"{_FONT}, Verdana, Arial, sans-serif")
        text.set("class", "name" if place == 0 else "number")
        if place > 0 and "node" in kinds and (text.text or "").startswith(_NUMBER_LINES):
            text.set("fill", palette.derivative)
            text.set("class", "gradient")
        elif " ∂ " in (text.text or "") and "neuron" in kinds:
            value, _, gradient = (text.text or "").partition(" ∂ ")
            text.text = f"{value} "
            part = ElementTree.SubElement(text, f"{{{_SVG}}}tspan", {"class": "gradient"})
            part.set("fill", palette.derivative)
            part.text = f"∂ {gradient}"
        elif "edge" in kinds:
            text.set("class", "derivative")
            text.attrib.update({"stroke": palette.background, "stroke-width": "3", "paint-order": "stroke"})


def _prefixed(svg: str, prefix: str) -> str:
    """Every id, and every reference to one, with a prefix."""
    root = ElementTree.fromstring(svg)  # noqa: S314  made here
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    root.set("aria-labelledby", f"{prefix}title {prefix}description")
    return ElementTree.tostring(root, encoding="unicode")


def _canvas(palette: _Palette, **attributes: str) -> graphviz.Digraph:
    """An empty graph with the fonts and colours of a theme."""
    canvas = graphviz.Digraph(
        graph_attr={"bgcolor": palette.background, "pad": "0.12", "outputorder": "edgesfirst", **attributes},
        node_attr={
            "fontname": _FONT,
            "fontsize": "13",
            "fontcolor": palette.text,
            "shape": "Mrecord",
            "height": "0.2",
            "margin": "0.09,0.04",
        },
        edge_attr={
            "fontname": _FONT,
            "fontsize": "10.5",
            "fontcolor": palette.derivative,
            "color": palette.edge,
            "arrowsize": "0.65",
        },
    )
    return canvas


def _card(canvas: graphviz.Digraph, ident: str, label: str, kind: str, ink: _Ink, **attributes: str) -> None:
    canvas.node(
        ident,
        label,
        {"id": ident, "class": kind},
        fillcolor=ink.fill,
        color=ink.stroke,
        penwidth=f"{ink.width:g}",
        style=f"rounded,{ink.style}" if attributes.get("shape") == "box" else ink.style,
        **attributes,
    )


# --- A recorded graph: what is shown of it.


@dataclass(frozen=True)
class _Step:
    """How a value that is shown was computed: an operation, its operands and the derivatives by them."""

    op: str
    symbol: str
    operands: list[tuple[Value, float]]


_SUMS = ("add", "fsum")


def _absorbed(order: Sequence[Value], roots: Sequence[Value]) -> set[Value]:
    """The unnamed partial sums that are used once, by a sum: they are drawn as a part of it."""
    uses = Counter(parent for value in order for parent in value.parents)
    kept = set(roots)
    return {
        parent
        for value in order
        if value.op == "add"
        for parent in value.parents
        if parent.op in ("add", "sumprod") and uses[parent] == 1 and not parent.label and parent not in kept
    }


def _step(value: Value, absorbed: set[Value]) -> _Step:
    """The operation of a value; a chain of binary additions is one sum."""
    operands: list[tuple[Value, float]] = []
    products = value.op == "sumprod"
    stack = _operands(value)[::-1]
    while stack:
        operand, partial = stack.pop()
        if operand in absorbed:
            products = products or operand.op == "sumprod"
            stack.extend((p, partial * d) for p, d in _operands(operand)[::-1])
        else:
            operands.append((operand, partial))
    if value.op == "add" and len(operands) > 2:  # the 0 that `sum` starts from adds nothing
        operands = [(v, d) for v, d in operands if not (v.op == CONSTANT and v.data == 0.0)] or operands
    symbol = "Σ×" if products else "Σ" if value.op == "add" and len(operands) > 2 else OPS[value.op].symbol
    return _Step(value.op, symbol, operands)


def _operands(value: Value) -> list[tuple[Value, float]]:
    """The operands and the partials; those of a sum of products pair by pair."""
    pairs = list(zip(value.parents, value.partials, strict=True))
    if value.op == "sumprod":
        half = len(pairs) // 2
        return [pair for both in zip(pairs[:half], pairs[half:], strict=True) for pair in both]
    return pairs


def _within(
    roots: Sequence[Value], steps: Callable[[Value], _Step | None], depth: int | None
) -> tuple[dict[Value, _Step], list[Value]]:
    """The steps at most `depth` away from the roots, and every value they show, in order of recording."""
    shown: dict[Value, _Step] = {}
    level = list(dict.fromkeys(roots))
    values = set(level)
    while level and (depth is None or depth > 0):
        depth = None if depth is None else depth - 1
        following: list[Value] = []
        for value in level:
            step = steps(value)
            if step is not None:
                shown[value] = step
                following.extend(v for v, _ in step.operands)
        level = [v for v in dict.fromkeys(following) if v not in values]
        values.update(level)
    in_order = sorted(values, key=lambda value: value.serial)
    return {value: shown[value] for value in in_order if value in shown}, in_order


# --- Names of values: the label, the expression where it is short, else a number.

_PRECEDENCE = {"add": 1, "fsum": 1, "sub": 1, "neg": 2, "mul": 3, "div": 3, "pow": 5}
_ATOM = 6


def _names(
    values: Sequence[Value], steps: dict[Value, _Step]
) -> tuple[dict[Value, str], dict[Value, int]]:
    names: dict[Value, str] = {}
    binding: dict[Value, int] = {}
    unnamed = 0
    for value in values:
        step = steps.get(value)
        text, how = _shortened(typeset(value.label)), _ATOM
        if not text and value.op == CONSTANT:
            text, how = number(value.data), _ATOM if value.data >= 0.0 else 2
        elif not text and step is not None:
            text, how = _expression(step, [(names[v], binding[v]) for v, _ in step.operands])
        if not text or len(text) > (_LONGEST_NAME if value.label else _LONGEST_EXPRESSION):
            unnamed += 1
            text, how = f"#{unnamed}", _ATOM
        names[value], binding[value] = text, how
    return names, binding


def _expression(step: _Step, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The formula of a step, and how strongly it binds; empty where it is sure to be long."""
    if step.op in ("softmax", "log_softmax"):  # the share of its first operand
        return f"{step.symbol}({operands[0][0]}, …)", _ATOM
    if len(operands) > 4 or step.symbol == "Σ×":
        return "", _ATOM
    own = _PRECEDENCE.get(step.op, _ATOM)

    def inside(place: int, least: int) -> str:
        text, binds = operands[place]
        return text if binds >= least else f"({text})"

    match step.op:
        case "add" | "fsum":
            text = " + ".join(inside(i, 1) for i in range(len(operands)))
        case "sub":
            text = f"{inside(0, 1)} − {inside(1, 2)}"
        case "neg":
            text = f"−{inside(0, 3)}"
        case "mul":
            text = f"{inside(0, 3)}·{inside(1, 4)}"
        case "div":
            text = f"{inside(0, 3)}/{inside(1, 4)}"
        case "pow":
            exponent = operands[1][0].translate(_SUPERSCRIPTS)
            raised = exponent if exponent.isdigit() and len(exponent) == 1 else f"^{inside(1, _ATOM)}"
            text = inside(0, _ATOM) + raised
        case "abs":
            text = f"|{operands[0][0]}|"
        case _:
            text = f"{step.symbol}({', '.join(name for name, _ in operands)})"
    return text, own


# --- A recorded graph as DOT.


def draw(
    output: Value | Iterable[Value],
    *,
    view: View | None = None,
    theme: Theme = "light",
    heat: Literal["grad"] | None = None,
    parameters: Iterable[Value] = (),
    local: bool = True,
    depth: int | None = None,
    max_nodes: int = MAX_NODES,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Diagram:
    """A diagram of the computation graph of a value.

    Args:
        output: the value whose graph is drawn, or several.
        view: "scalar", with operations as shapes of their own, or "compact", with the operation on the
            card of its result; None for scalar where the graph is small.
        theme: "light" or "dark".
        heat: "grad" draws the edges the wider, the more gradient flows back through them.
        parameters: leaves to be shown as parameters besides those of a network.
        local: whether edges carry the local derivative.
        depth: how many operations to go back from the output; None for all.
        max_nodes: the most values to show.
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do.

    Example:
        >>> a, b = Value(0.5, "a"), Value(-1.5, "b")
        >>> print(draw(a * b).dot.count("->"))
        3
    """
    roots = [output] if isinstance(output, Value) else list(output)
    if not roots:
        raise ValueError("there is no value to draw")
    palette = _palette(theme)
    order = recorded(roots)
    absorbed = _absorbed(order, roots)
    steps, values = _within(roots, lambda v: _step(v, absorbed) if v.parents else None, depth)
    if len(values) > max_nodes:
        raise ValueError(
            f"the graph has {len(values):,} values and a diagram shows at most {max_nodes:,}: draw a part of "
            "it with depth=3 or from an inner value, a network as its neurons with model.draw(x, y, loss), or "
            "raise max_nodes"
        )
    if view not in (None, "scalar", "compact"):
        raise ValueError(f"a view of a graph is scalar or compact, not {view!r}; model.draw shows neurons")
    view = view or ("compact" if len(values) > _COMPACT_ABOVE else "scalar")
    if heat not in (None, "grad"):
        raise ValueError(f"heat is 'grad' or None, not {heat!r}")
    kinds = {value: _kind(value, roots, parameters) for value in values}
    picture = _Graph(palette, values, steps, kinds, _heat(steps) if heat else {}, local=local)
    if depth is not None and len(order) > len(values):
        picture.note(f"⋯ stands for what is not drawn: {len(order) - len(values):,} values")
    picture.cards(merged=view == "compact")
    picture.edges(merged=view == "compact")
    named = ", ".join(picture.names[root] for root in roots[:4]) + (", …" if len(roots) > 4 else "")
    return Diagram(
        picture.canvas.source,
        title or f"Computation graph of {named}",
        picture.description(),
        picture.titles,
        theme,
        timeout,
    )


def _kind(value: Value, roots: Iterable[Value], parameters: Iterable[Value]) -> str:
    if value in roots:
        return "output"
    if value.op == PARAMETER or value in parameters:
        return "parameter"
    if value.op == CONSTANT and not value.label:
        return "constant"
    return "input" if value.op in (LEAF, CONSTANT) else "intermediate"


def _heat(steps: dict[Value, _Step]) -> dict[tuple[Value, int], float]:
    """For each edge, given by its step and place, how wide it is: linear in the gradient through it."""
    if any(not hasattr(value, "_grad") for value in steps):
        raise ValueError("heat='grad' shows gradients, and there are none yet: call backward() first")
    through = {
        (value, place): abs(partial * value.grad)
        for value, step in steps.items()
        for place, (_, partial) in enumerate(step.operands)
    }
    return _widths(through)


_Key = TypeVar("_Key")


def _widths(sizes: dict[_Key, float], widest: float = 5.0) -> dict[_Key, float]:
    """Line widths in proportion to sizes; what is infinite or NaN is the widest."""
    largest = max((size for size in sizes.values() if isfinite(size)), default=0.0)
    return {
        key: 0.4 + (widest - 0.4) * (size / largest if isfinite(size) and largest else float(not isfinite(size)))
        for key, size in sizes.items()
    }


class _Graph:
    """A recorded graph becoming DOT: cards `v3`, operations `o3`, their edges `e3_0` and `r3`."""

    def __init__(
        self,
        palette: _Palette,
        values: Sequence[Value],
        steps: dict[Value, _Step],
        kinds: dict[Value, str],
        widths: dict[tuple[Value, int], float],
        *,
        local: bool,
    ) -> None:
        self.palette, self.values, self.steps, self.kinds = palette, values, steps, kinds
        self.widths, self.local = widths, local
        self.names, self.binding = _names(values, steps)
        self.index = {value: i for i, value in enumerate(values)}
        self.uses = Counter(v for step in steps.values() for v, _ in step.operands)
        self.titles: dict[str, str] = {}
        fast = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1", "splines": "line"}
        self.canvas = _canvas(
            palette,
            rankdir="LR",
            nodesep="0.14",
            ranksep="0.32",
            **(fast if len(values) > _FAST_LAYOUT_ABOVE else {}),
        )

    def note(self, text: str) -> None:
        self.canvas.attr(label=_escaped(text), fontname=_FONT, fontsize="11", fontcolor=self.palette.text)

    def cards(self, *, merged: bool) -> None:
        for value, i in self.index.items():
            step, kind, name = self.steps.get(value), self.kinds[value], self.names[value]
            gradient = number(value.grad) if hasattr(value, "_grad") else "–"
            self.titles[f"v{i}"] = f"{name} = {number(value.data)}, grad {gradient}, {kind}"
            if merged and step is not None and (value.label or name.startswith("#")):
                name = f"{name} = {self.formula(step) or step.symbol}"
            label = f"{{{_escaped(name)}|{{data {number(value.data)}|grad {gradient}}}}}"
            if kind == "constant":
                label = _escaped(name)
            elif step is None and value.parents:
                label = f"{{⋯|{label[1:]}"
            _card(self.canvas, f"v{i}", label, f"value {kind}", self.palette.kinds[kind])
            if step is not None and not merged:
                self._operation(f"o{i}", step, name)

    def _operation(self, ident: str, step: _Step, name: str) -> None:
        ink = self.palette.operation
        short = len(step.symbol) == 1
        self.titles[ident] = f"{OPS[step.op].text}: {name}"
        self.canvas.node(
            ident,
            _escaped_outside_record(step.symbol),
            {"id": ident, "class": f"operation {step.op}"},
            shape="circle" if short else "box",
            style="filled" if short else "filled,rounded",
            fixedsize="true" if short else "false",
            width="0.3",
            height="0.3",
            margin="0.09,0.03",
            fontsize="15" if short else "13",
            fillcolor=ink.fill,
            color=ink.fill,
            fontcolor=ink.stroke,
            # Operands in order, from the top; where one is shared that would bend its edges.
            ordering="in" if all(self.uses[v] == 1 for v, _ in step.operands) else "",
        )

    def edges(self, *, merged: bool) -> None:
        for value, step in self.steps.items():
            i = self.index[value]
            target = f"v{i}" if merged else f"o{i}"
            for place, (operand, partial) in enumerate(step.operands):
                ident = f"e{i}_{place}"
                self.titles[ident] = f"∂{self.atom(value)}/∂{self.atom(operand)} = {number(partial)}"
                self.canvas.edge(
                    f"v{self.index[operand]}",
                    target,
                    f"×{number(partial)}" if self.local else "",
                    {"id": ident, "class": "operand"},
                    penwidth=f"{self.widths.get((value, place), 1.2):.3g}",
                )
            if not merged:
                self.canvas.edge(
                    target,
                    f"v{i}",
                    "",
                    {"id": f"r{i}", "class": "result"},
                    arrowhead="none",
                    penwidth="2.6",
                    weight="8",
                )

    def atom(self, value: Value) -> str:
        name = self.names[value]
        return name if self.binding[value] == _ATOM else f"({name})"

    def formula(self, step: _Step) -> str:
        """The step as an expression, empty if that is long."""
        text, _ = _expression(step, [(self.names[v], self.binding[v]) for v, _ in step.operands])
        return text if len(text) <= _LONGEST_EXPRESSION else ""

    def description(self) -> str:
        """The diagram in words: what each value is computed from."""
        lines = [f"{len(self.values)} values, {len(self.steps)} operations."]
        for value, step in list(self.steps.items())[:100]:
            of = ", ".join(self.names[v] for v, _ in step.operands)
            lines.append(f"{self.names[value]} is {step.symbol} of {of}: {number(value.data)}.")
        return " ".join(lines)


# --- A network as neurons.


@dataclass(frozen=True)
class Weight:
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
class Neuron:
    """What the delta rule says of a neuron.

    Args:
        z: the net input.
        a: the activation.
        delta: the derivative of the loss by the net input.
        weights: those of the inputs it is connected to.
        bias: its bias, if it has one.
        name: what it is called; empty for its place in the layer.
    """

    z: float
    a: float
    delta: float
    weights: Sequence[Weight]
    bias: Weight | None = None
    name: str = ""


@dataclass(frozen=True)
class Layer:
    """Neurons side by side.

    Args:
        activation: the name of their activation.
        neurons: the neurons, from the first.
    """

    activation: str
    neurons: Sequence[Neuron]


@dataclass(frozen=True)
class Network:
    """A network after a forward and a backward pass, as numbers and names.

    Args:
        inputs: name and value of each input.
        layers: the layers, the output layer last.
        targets: name and value of each target.
        loss: name and value of the loss.
    """

    inputs: Sequence[tuple[str, float]]
    layers: Sequence[Layer]
    targets: Sequence[tuple[str, float]] = ()
    loss: tuple[str, float] | None = None


_LINE = 1.75  # the height of a line of a card, in font sizes
_CARD_FONT = 12.0  # points, as all that follow
_LABEL_FONT = 10.5
_LABEL_HEIGHT = 31.0  # of two lines, and a little air
_BETWEEN = 26.0  # cards of a column
_MOST_FULL_CARDS = 8  # in a column; beyond, a card has one line
_MOST_IN_A_COLUMN = 20


def draw_network(
    network: Network,
    *,
    theme: Theme = "light",
    heat: Literal["grad"] | None = None,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Diagram:
    """A diagram of a network as neurons: the delta rule, to be read off.

    Each neuron shows its net input, its activation, its delta and its bias; each edge the weight and its
    gradient, which is the delta at its head times the activation at its tail. Blue solid edges are
    positive, orange dashed ones negative, and width shows magnitude. Where a layer has too many weights
    for numbers, edges go without, and the diagram says so.

    Args:
        network: the numbers and names.
        theme: "light" or "dark".
        heat: "grad" gives edges the sign and width of the gradients in place of the weights.
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.

    Example:
        >>> w, b = Weight("w_11^1", 0.5, -0.2), Weight("b_1^1", 0.1, -0.2)
        >>> neuron = Neuron(z=0.6, a=0.6, delta=-0.2, weights=[w], bias=b)
        >>> network = Network([("x_1", 1.0)], [Layer("identity", [neuron])], [("y_1", 0.7)], ("loss", 0.01))
        >>> "δ₁¹ −0.2" in draw_network(network).svg
        True
    """
    if heat not in (None, "grad"):
        raise ValueError(f"heat is 'grad' or None, not {heat!r}")
    return _NetworkGraph(network, _palette(theme), heat).diagram(title, theme, timeout)


class _Column:
    """Cards one below the other: which are shown, and how high they lie."""

    def __init__(self, size: int, spacing: float) -> None:
        half = _MOST_IN_A_COLUMN // 2
        self.size, self.spacing, self.x, self.width = size, spacing, 0.0, 0.0
        self.left_out = max(0, size - 2 * half)
        self.shown = [i for i in range(size) if not self.left_out or i < half or i >= size - half]

    def y(self, place: int) -> float:
        """The height of a place; after the upper half of the cards one place is for those left out."""
        last = len(self.shown) - 1 + bool(self.left_out)
        return (last / 2 - place) * self.spacing

    def heights(self) -> dict[int, float]:
        """The height of each card that is shown."""
        half = len(self.shown) // 2
        return {
            i: self.y(place + (1 if self.left_out and place >= half else 0))
            for place, i in enumerate(self.shown)
        }


class _NetworkGraph:
    """A network becoming DOT, every card and label at a place of its own: the layout is a grid."""

    def __init__(self, network: Network, palette: _Palette, heat: str | None) -> None:
        self.network, self.palette, self.heat = network, palette, heat
        self.titles: dict[str, str] = {}
        self.canvas = _canvas(palette, layout="neato", inputscale="72", splines="line")
        sizes = [len(network.inputs), *(len(layer.neurons) for layer in network.layers)]
        self.full = max(sizes) <= _MOST_FULL_CARDS
        self.cards = [[self._input_lines(*x) for x in network.inputs]] + [
            [self._neuron_lines(layer, neuron, k, i) for i, neuron in enumerate(layer.neurons)]
            for k, layer in enumerate(network.layers, start=1)
        ]
        card = _LINE * _CARD_FONT
        spacing = max(len(lines) for column in self.cards for lines in column) * card
        self.columns = [_Column(size, spacing + (_BETWEEN if self.full else card / 2)) for size in sizes]
        for column, cards in zip(self.columns, self.cards, strict=True):
            column.width = _card_width(line for lines in cards for line in lines)
        self.along = [self._set_apart(k) for k in range(1, len(sizes))]

    def _set_apart(self, k: int) -> float | None:
        """Put column k where the labels of its weights fit, and say where on the edges they do."""
        tail, head = self.columns[k - 1], self.columns[k]
        start, end = tail.heights(), head.heights()
        edges = [(start[w.source], end[i]) for i, w in self._shown_weights(k)]
        along = _where_labels_fit(edges) if self.full else None
        labels = [line for _, w in self._shown_weights(k) for line in self._weight_lines(w)]
        gap = 140.0 if along is None else (_text_width(labels, _LABEL_FONT) / 2 + 6.0) / along
        head.x = tail.x + (tail.width + head.width) / 2 + gap
        return along

    def diagram(self, title: str, theme: Theme, timeout: float) -> Diagram:
        kinds = ["input", *["intermediate"] * (len(self.columns) - 2), "output"]
        for k, (column, kind) in enumerate(zip(self.columns, kinds, strict=True)):
            for i, y in column.heights().items():
                self._card(self._ident(k, i), self.cards[k][i], kind, column.x, y, column.width)
            if column.left_out:
                self._left_out(k, column)
        for k, along in enumerate(self.along, start=1):
            self._weights(k, along)
        if self.network.loss is not None:
            self._loss(*self.network.loss)
        notes = [self._legend(), *self._omissions()]
        lines = "\\n".join(_escaped_outside_record(note) for note in notes)
        self.canvas.attr(label=lines, fontname=_FONT, fontsize=f"{_LABEL_FONT}", fontcolor=self.palette.text)
        sizes = "-".join(str(column.size) for column in self.columns)
        return Diagram(
            self.canvas.source,
            title or f"Network {sizes}, forward and backward",
            " ".join(f"{text}." for text in [*notes, *list(self.titles.values())[:200]]),
            self.titles,
            theme,
            timeout,
        )

    # What is written.

    def _input_lines(self, name: str, value: float) -> list[str]:
        lines = [_shortened(typeset(name), 14), number(value)]
        return lines if self.full else [" ".join(lines)]

    def _neuron_lines(self, layer: Layer, neuron: Neuron, k: int, i: int) -> list[str]:
        z, a, delta = (
            f"{_symbol(symbol, neuron, k, i)} {number(x)}"
            for symbol, x in (("z", neuron.z), ("a", neuron.a), ("delta", neuron.delta))
        )
        if not self.full:
            return [f"{a}  {delta}"]
        activation = OPS[layer.activation].symbol if layer.activation in OPS else layer.activation
        name = f"{_shortened(neuron.name, 14)}: {activation}" if neuron.name else activation
        bias = " ∂ ".join(self._weight_lines(neuron.bias)).replace("∂ ∂", "∂") if neuron.bias else "no bias"
        return [name, z, a, delta, bias]

    def _weight_lines(self, w: Weight) -> list[str]:
        return [f"{_shortened(typeset(w.name), 14)} {number(w.value)}", f"∂ {number(w.grad)}"]

    def _legend(self) -> str:
        what = "|∂|" if self.heat else "|w|"
        return f"∂ = δ at the head × a at the tail. Edges: width {what}, + blue, − orange and dashed."

    def _omissions(self) -> list[str]:
        counts = [
            f"{sum(len(neuron.weights) for neuron in layer.neurons):,} weights of layer {k}"
            for k, (layer, along) in enumerate(zip(self.network.layers, self.along, strict=True), start=1)
            if along is None
        ]
        return [f"Without numbers, which would not fit: {', '.join(counts)}."] if counts else []

    # Where it is drawn.

    def _ident(self, k: int, i: int) -> str:
        return f"n{k}_{i + 1}"

    def _card(
        self, ident: str, lines: Sequence[str], kind: str, x: float, y: float, width: float
    ) -> None:
        self.titles[ident] = ", ".join(lines)
        _card(
            self.canvas,
            ident,
            f"{{{'|'.join(_escaped(line) for line in lines)}}}",
            f"neuron {kind}",
            self.palette.kinds[kind],
            pos=f"{x:g},{y:g}!",
            width=f"{width / 72:.3f}",
            fontsize=f"{_CARD_FONT:g}",
        )

    def _left_out(self, k: int, column: _Column) -> None:
        text = f"⋮ {column.left_out:,} more"
        y = column.y(len(column.shown) // 2)
        self.canvas.node(f"m{k}", text, {"id": f"m{k}"}, shape="plaintext", pos=f"{column.x:g},{y:g}!")

    def _shown_weights(self, k: int) -> list[tuple[int, Weight]]:
        """The weights of layer k whose both ends are shown, with the index of the neuron at the head."""
        tail, neurons = set(self.columns[k - 1].shown), self.network.layers[k - 1].neurons
        return [(i, w) for i in self.columns[k].shown for w in neurons[i].weights if w.source in tail]

    def _weights(self, k: int, along: float | None) -> None:
        shown = self._shown_weights(k)
        sizes = {(i, w.source): w.grad if self.heat else w.value for i, w in shown}
        widths = _widths({key: abs(size) for key, size in sizes.items()}, 2.2 if along is None else 3.6)
        for i, w in shown:
            positive = not sizes[i, w.source] < 0.0
            colour = self.palette.positive if positive else self.palette.negative
            ident = f"w{k}_{i + 1}_{w.source + 1}"
            self.titles[ident] = ", ".join(self._weight_lines(w))
            self.canvas.edge(
                f"{self._ident(k - 1, w.source)}:e",
                f"{self._ident(k, i)}:w",
                "",
                {"id": ident, "class": "weight"},
                color=colour,
                penwidth=f"{widths[i, w.source]:.3g}",
                style="solid" if positive else "dashed",
                arrowhead="none" if along is None else "normal",
            )
            if along is not None:
                self._weight_label(k, i, w, ident, colour, along)

    def _weight_label(self, k: int, i: int, w: Weight, ident: str, colour: str, along: float) -> None:
        """A label is a node of its own, on its edge: Graphviz would put it beside."""
        tail, head = self.columns[k - 1], self.columns[k]
        x0, x1 = tail.x + tail.width / 2, head.x - head.width / 2
        y0, y1 = tail.heights()[w.source], head.heights()[i]
        self.canvas.node(
            f"{ident}_label",
            "\\n".join(_escaped_outside_record(line) for line in self._weight_lines(w)),
            {"id": f"{ident}_label", "class": "weight"},
            shape="box",
            style="filled",
            color=self.palette.background,
            fillcolor=self.palette.background,
            fontcolor=colour,
            fontsize=f"{_LABEL_FONT}",
            margin="0.02,0.0",
            pos=f"{x0 + along * (x1 - x0):g},{y0 + along * (y1 - y0):g}!",
        )

    def _loss(self, name: str, value: float) -> None:
        outputs, targets = self.columns[-1], self.network.targets
        shown = targets if len(targets) <= _MOST_FULL_CARDS else targets[: _MOST_FULL_CARDS - 1]
        target_lines = [f"{_shortened(typeset(label), 14)} {number(y)}" for label, y in shown]
        if len(targets) > len(shown):
            target_lines.append(f"⋮ {len(targets) - len(shown):,} more")
        lines = [_shortened(typeset(name), 14), number(value)]
        width = _card_width([*lines, *target_lines])
        x = outputs.x + (outputs.width + width) / 2 + 50.0
        self._card("loss", lines, "output", x, 0.0, width)
        for i in outputs.shown:
            tail = f"{self._ident(len(self.columns) - 1, i)}:e"
            self.canvas.edge(tail, "loss:w", "", {"id": f"l{i + 1}", "class": "result"})
        if targets:
            y = (len(target_lines) / 2 + 1) * _LINE * _CARD_FONT + _BETWEEN
            self._card("targets", target_lines, "constant", x, y, width)
            self.canvas.edge("targets:s", "loss:n", "", {"id": "l0", "class": "result"})


def _card_width(lines: Iterable[str]) -> float:
    return _text_width(lines, _CARD_FONT) + 16.0


_NARROW = set(" .,:‚⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")


def _text_width(lines: Iterable[str], font: float) -> float:
    """The width of the longest line, about: characters are 0.64 of the font size, indices 0.4."""
    return max((sum(0.4 if c in _NARROW else 0.64 for c in line) for line in lines), default=0.0) * font


def _symbol(symbol: str, neuron: Neuron, k: int, i: int) -> str:
    """The name of a number of a neuron: by its own name if that is a number, else by its place."""
    return typeset(f"{symbol}_{neuron.name}" if neuron.name.isdigit() else f"{symbol}_{i + 1}^{k}")


def _where_labels_fit(edges: Sequence[tuple[float, float]]) -> float | None:
    """How far along the edges between two columns their labels lie apart; None if nowhere.

    Half way the columns may be close, but labels of edges that cross meet; nearer to the tail they fan out.
    """
    for percent in range(50, 15, -1):
        along = percent / 100
        heights = sorted(y0 + along * (y1 - y0) for y0, y1 in edges)
        if all(above - below >= _LABEL_HEIGHT for below, above in pairwise(heights)):
            return along
    return None

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
    return shown, sorted(values, key=lambda value: value.serial)


# --- Names of values: the label, the expression where it is short, else a number.

_PRECEDENCE = {"add": 1, "fsum": 1, "sub": 1, "neg": 2, "mul": 3, "div": 3, "pow": 5}
_ATOM = 6


def _names(values: Sequence[Value], steps: dict[Value, _Step]) -> dict[Value, str]:
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
            text, how = typeset(f"v_{unnamed}"), _ATOM
        names[value], binding[value] = text, how
    return names


def _expression(step: _Step, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The formula of a step, and how strongly it binds; empty where it is sure to be long."""
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
        self.names = _names(values, steps)
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
            shown = _escaped(name)
            if merged and step is not None:
                named = bool(value.label) or len(name) < len(step.symbol) + 3
                shown = f"{shown} = {_escaped(step.symbol)}" if value.label else shown if named else shown
            label = f"{{{shown}|{{data {number(value.data)}|grad {gradient}}}}}"
            if kind == "constant":
                label = shown
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
                self.titles[ident] = (
                    f"∂({self.names[value]})/∂({self.names[operand]}) = {number(partial)}"
                )
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

    def description(self) -> str:
        """The diagram in words: what each value is computed from."""
        lines = [f"{len(self.values)} values, {len(self.steps)} operations."]
        for value, step in list(self.steps.items())[:100]:
            of = ", ".join(self.names[v] for v, _ in step.operands)
            lines.append(f"{self.names[value]} is {step.symbol} of {of}: {number(value.data)}.")
        return " ".join(lines)

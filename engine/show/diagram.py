"""A diagram: the canvas it is drawn on, and the pictures made of it.

Everything in this project is drawn on the same canvas, in the same visual language. Text that comes from
users is put only into labels and titles, and escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar
from xml.etree import ElementTree

import graphviz

from engine.show.palette import PALETTES, Palette, Theme, listed_themes
from engine.show.render import TIMEOUT, RenderError, render
from engine.show.text import plain

Heat: TypeAlias = Literal["grad"]

_MOST_SENTENCES = 200  # of a description
_FONT = "DejaVu Sans"  # Graphviz knows its widths everywhere, installed or not

# --- The diagram.


@dataclass(frozen=True)
class Diagram:
    """A diagram, which shows itself in a notebook.

    Args:
        dot: the graph in the DOT language.
        title: what it shows, in a few words.
        description: what it shows, for those who cannot see it.
        titles: the text that a browser shows when an element is pointed at, by its id.
        theme: "light" or "dark".
        timeout: seconds that its layout may take.

    Example:
        >>> canvas = Canvas("light")
        >>> canvas.operation("o1", "×", "mul", title="x * y")
        >>> "x * y" in canvas.diagram("A product", ["One operation."], timeout=10.0).svg
        True
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
        return _finished(render(self.dot, timeout=self.timeout).decode(), self)

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG.

        Raises:
            RenderError: as `svg`, and if neither the extra `png` nor `dot` is installed.
        """
        return render(self.dot, "png", svg=lambda: self.svg, timeout=self.timeout)

    @cached_property
    def pdf(self) -> bytes:
        """The picture as PDF, on one page of its size.

        Raises:
            RenderError: as `svg`, and if neither the extra `pdf` nor `dot` is installed.
        """
        return render(self.dot, "pdf", svg=lambda: self.svg, timeout=self.timeout)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Args:
            path: where to write. The ending decides the format: .svg, .png, .pdf, or .dot for the DOT text.

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
        """What a notebook shows: the picture, or the graph as text and why there is no picture."""
        try:
            bundle: dict[str, str | bytes] = {
                "text/plain": self.title,
                "image/svg+xml": self.svg,
                "text/html": self._repr_html_(),
            }
        except RenderError as error:
            return {"text/plain": f"{self.dot}\n{error}"}
        with suppress(RenderError):  # for readers of saved notebooks that show no SVG
            bundle["image/png"] = self.png
        return bundle

    def _repr_html_(self) -> str:
        """The SVG inline, with ids that differ from those of other diagrams on the page."""
        prefix = f"d{sum(ord(c) * i for i, c in enumerate(self.dot, 1)) % 0xFFFFFF:06x}-"
        return _prefixed(self.svg, prefix)


_ENDINGS: dict[str, Callable[[Diagram], str | bytes]] = {
    "svg": lambda diagram: diagram.svg,
    "png": lambda diagram: diagram.png,
    "pdf": lambda diagram: diagram.pdf,
    "dot": lambda diagram: diagram.dot,
}

_SVG = "http://www.w3.org/2000/svg"
_GRADIENTS = ("grad ", "∂ ", "δ")  # how lines with a gradient begin


def _finished(svg: str, diagram: Diagram) -> str:
    """Graphviz's SVG, completed with size, titles and colours of single lines."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg)  # noqa: S314  Graphviz wrote it, on this machine
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib.update(
        {
            "class": f"deltagrad {diagram.theme}",
            "width": width,  # in pixels; where there is less room the viewBox is scaled down
            "height": height,
            "style": "max-width:100%;height:auto",
            "role": "img",
            "aria-labelledby": "title description",
        }
    )
    for place, (tag, ident, text) in enumerate(
        [("title", "title", diagram.title), ("desc", "description", diagram.description)]
    ):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", id=ident)
        element.text = plain(text)
        root.insert(place, element)
    for element in root.iter():
        if element.get("stroke") == "transparent":  # written by Graphviz 2; SVG has no such colour
            element.set("stroke", "none")
    for group in root.iter(f"{{{_SVG}}}g"):
        _name_group(group, diagram.titles.get(group.get("id", "")))
        for place, line in enumerate(group.iterfind(f"{{{_SVG}}}text")):
            line.set("font-family", f"{_FONT}, Verdana, Arial, sans-serif")
            _colour_line(line, place, group.get("class", "").split(), PALETTES[diagram.theme])
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _name_group(group: ElementTree.Element, title: str | None) -> None:
    """Replace Graphviz's internal name, which browsers would show when the group is pointed at."""
    element = group.find(f"{{{_SVG}}}title")
    if element is not None:
        group.remove(element)
    if title:
        element = ElementTree.Element(f"{{{_SVG}}}title")
        element.text = plain(title)
        group.insert(0, element)


def _colour_line(line: ElementTree.Element, place: int, kinds: Sequence[str], palette: Palette) -> None:
    """Gradients in their colour, and a background under the derivatives on edges."""
    text = line.text or ""
    value, separator, gradient = text.partition(" ∂ ")
    if "edge" in kinds:
        halo = {"stroke": palette.background, "stroke-width": "3", "paint-order": "stroke"}
        line.attrib.update({"class": "derivative", **halo})
    elif place == 0:
        line.set("class", "name")
    elif text.startswith(_GRADIENTS):
        line.attrib.update({"class": "gradient", "fill": palette.derivative})
    elif separator:
        line.text = f"{value} "
        part = {"class": "gradient", "fill": palette.derivative}
        ElementTree.SubElement(line, f"{{{_SVG}}}tspan", part).text = f"∂ {gradient}"
    else:
        line.set("class", "number")


def _prefixed(svg: str, prefix: str) -> str:
    """Every id, and every reference to one, with a prefix."""
    root = ElementTree.fromstring(svg)  # noqa: S314  made here
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    root.set("aria-labelledby", f"{prefix}title {prefix}description")
    return ElementTree.tostring(root, encoding="unicode")


# --- A canvas: DOT being written, where every text is escaped.

Field: TypeAlias = "str | list[Field]"  # of a card: a text, or fields in the other direction


class Canvas:
    """A graph becoming a diagram.

    Args:
        theme: "light" or "dark".
        **attributes: of the graph, in the DOT language.

    Attributes:
        palette: the colours of the theme.
        titles: the text shown when an element is pointed at, by its id.
    """

    def __init__(self, theme: Theme, **attributes: str) -> None:
        if theme not in PALETTES:
            raise ValueError(f"a theme is {listed_themes()}, not {theme!r}")
        self.theme: Theme = theme
        self.palette = PALETTES[theme]
        self.titles: dict[str, str] = {}
        background = {"bgcolor": self.palette.background, "pad": "0.12", "outputorder": "edgesfirst"}
        self._graph = graphviz.Digraph(
            graph_attr={**background, **attributes},
            node_attr={"fontname": _FONT, "fontsize": "13", "fontcolor": self.palette.text},
            edge_attr={
                "fontname": _FONT,
                "fontsize": "10.5",
                "fontcolor": self.palette.derivative,
                "color": self.palette.edge,
                "arrowsize": "0.65",
            },
        )

    def card(
        self, ident: str, fields: Sequence[Field], kind: str, of: str, title: str, **attributes: str
    ) -> None:
        """A card of text in fields, in the colours of its kind."""
        ink = self.palette.kinds[kind]
        self.titles[ident] = title
        self._graph.node(
            ident,
            label=_record(list(fields)),
            _attributes={
                "id": ident,
                "class": f"{of} {kind}",
                "shape": "Mrecord",
                "height": "0.2",
                "margin": "0.07,0.04",
                **attributes,
            },
            fillcolor=ink.fill,
            color=ink.stroke,
            penwidth=f"{ink.width:g}",
            style=ink.style,
        )

    def operation(self, ident: str, symbol: str, kind: str, title: str, **attributes: str) -> None:
        """An operation: a dark circle for a sign, a tag for a word."""
        sign = len(symbol) == 1
        self.titles[ident] = title
        self._graph.node(
            ident,
            label=_lines(symbol),
            _attributes={
                "id": ident,
                "class": f"operation {kind}",
                "height": "0.3",
                "width": "0.3",
                "margin": "0.07,0.03",
            },
            shape="circle" if sign else "box",
            style="filled" if sign else "filled,rounded",
            fixedsize="true" if sign else "false",
            fontsize="15" if sign else "13",
            fillcolor=self.palette.operation.fill,
            color=self.palette.operation.fill,
            fontcolor=self.palette.operation.stroke,
            **attributes,
        )

    def text(self, ident: str, lines: Sequence[str], kind: str, **attributes: str) -> None:
        """Text on the background; it covers the edges behind it."""
        self._graph.node(
            ident,
            label=_lines(*lines),
            _attributes={
                "id": ident,
                "class": f"text {kind}",
                "shape": "box",
                "style": "filled",
                "margin": "0.03,0.025",
                "width": "0",
                "height": "0",
                **attributes,
            },
            color=self.palette.background,
            fillcolor=self.palette.background,
        )

    def edge(
        self, tail: str, head: str, ident: str, kind: str, title: str = "", text: str = "", **attributes: str
    ) -> None:
        """An edge, with a derivative on it."""
        self.titles[ident] = title
        self._graph.edge(
            tail, head, label=_lines(text), _attributes={"id": ident, "class": kind}, **attributes
        )

    def caption(self, lines: Sequence[str]) -> None:
        """Lines of text below the graph."""
        self._graph.attr(label=_lines(*lines), fontname=_FONT, fontsize="10.5", fontcolor=self.palette.text)

    def diagram(self, title: str, sentences: Iterable[str], timeout: float) -> Diagram:
        """The finished diagram, described by sentences."""
        description = " ".join(islice(sentences, _MOST_SENTENCES))
        return Diagram(self._graph.source, title, description, self.titles, self.theme, timeout)


def _record(fields: Sequence[Field]) -> str:
    """Fields as the label of a record; a list inside a list turns the direction."""
    inside = "|".join(
        _record(part) if isinstance(part, list) else _escaped(part, also="{}|<>") for part in fields
    )
    return f"{{{inside}}}"


def _escaped(text: str, also: str = "") -> str:
    """Text on one line, escaped so that Graphviz shows it unchanged."""
    text = plain(text).replace("\\", "\\\\").replace("&", "&amp;")
    for c in also:
        text = text.replace(c, f"\\{c}")
    return text


def _lines(*lines: str) -> str:
    """Lines as the label of anything but a record; without `nohtml`, `<b>` would be read as markup."""
    label: str = graphviz.nohtml("\\n".join(map(_escaped, lines)))
    return label


_Key = TypeVar("_Key")


def widths(sizes: dict[_Key, float], widest: float) -> dict[_Key, float]:
    """Line widths in proportion to sizes; one that is infinite or NaN is the widest."""
    largest = max((size for size in sizes.values() if isfinite(size)), default=0.0) or 1.0
    shares = {key: size / largest if isfinite(size) else 1.0 for key, size in sizes.items()}
    return {key: 0.4 + (widest - 0.4) * share for key, share in shares.items()}

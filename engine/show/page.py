"""A page of its own: a diagram, a script and data, which needs nothing but itself.

The page may run one script and use one style, known by their hashes, and may load nothing. Names given by
users stay text: they are escaped in the markup and data for the script, which never makes markup of them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, ClassVar
from xml.etree import ElementTree

from engine.show.diagram import Diagram
from engine.show.palette import PALETTES, Theme, css, listed_themes
from engine.show.render import RenderError
from engine.show.text import plain

_SVG = "{http://www.w3.org/2000/svg}"
_HIGHEST_FRAME = 900


class Page(ABC):
    """A page that shows a diagram. It shows itself in a notebook.

    Attributes:
        diagram: the diagram.
        theme: "light" or "dark" to begin with; None to follow the reader's system.
        noun: what it is, for messages.
        room: the package whose page.html, page.css and scripts make the page.
        scripts: the names of these scripts, in order.
        below_the_picture: pixels that the rest of the page takes in the frame of a notebook.
    """

    diagram: Diagram
    theme: Theme | None
    noun: ClassVar[str]
    room: ClassVar[str]
    scripts: ClassVar[tuple[str, ...]] = ("page.js",)
    below_the_picture: ClassVar[int]

    @abstractmethod
    def _data(self) -> Mapping[str, Any]:
        """What the script reads, besides the themes."""

    @abstractmethod
    def _texts(self) -> Mapping[str, str]:
        """The text of each line that the script changes, as it is without a script.

        A line is the id of its element and its place in it, from 0: "v3/1".
        """

    @abstractmethod
    def _markup(self) -> Mapping[str, Any]:
        """What stands in page.html besides the picture."""

    def _refuse_theme(self) -> None:
        if self.theme not in (None, *PALETTES):
            raise ValueError(
                f"a theme is {listed_themes()}, or None for the reader's own, not {self.theme!r}"
            )

    @cached_property
    def html(self) -> str:
        """The page.

        Raises:
            RenderError: if the diagram cannot be laid out.
        """
        picture, width, _ = self._picture
        shared, own = _file("engine.show", "page.css"), _file(self.room, "page.css")
        style = "\n".join([_themes(), _kinds(), f":root {{ --natural: {width}px; }}", shared, own])
        script = "".join(_file(self.room, name) for name in self.scripts)
        schemes = {theme: palette.scheme for theme, palette in PALETTES.items()}
        data = json.dumps({**self._data(), "schemes": schemes}, allow_nan=False)
        return Template(_file("engine.show", "page.html")).substitute(
            theme=f' data-theme="{self.theme}"' if self.theme else "",
            policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "base-uri 'none'; form-action 'none'",
            title=escape(plain(self.diagram.title)),
            style=style,
            body=Template(_file(self.room, "page.html")).substitute(picture=picture, **self._markup()),
            data=data.replace("<", "\\u003c"),  # otherwise a label could end the element
            script=script,
        )

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Args:
            path: where to write; it ends in .html.

        Returns:
            The path.

        Raises:
            ValueError: if it ends in anything else.
            RenderError: if the diagram cannot be laid out.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a {self.noun} is saved as .html, not as {path.name!r}")
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the page in a frame, or why there is none."""
        try:
            return {"text/html": self._repr_html_(), "text/plain": repr(self)}
        except RenderError as error:
            return {"text/plain": f"{self!r}\n{error}"}

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which may run its script and nothing else."""
        _, _, height = self._picture
        height = min(height * 5 // 4 + self.below_the_picture, _HIGHEST_FRAME)
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html)}" '
            f'title="{escape(plain(self.diagram.title))}" width="100%" '
            f'height="{height}" style="border: 0"></iframe>'
        )

    @cached_property
    def _picture(self) -> tuple[str, int, int]:
        """The diagram with the lines that the script changes, for it to find; and its size."""
        root = ElementTree.fromstring(self.diagram.svg)  # noqa: S314  made here
        width, height = (round(float(root.attrib.pop(side))) for side in ("width", "height"))
        del root.attrib["style"]  # the policy forbids it, and the page has a style of its own
        texts = self._texts()
        graph = root.find(f"{_SVG}g")
        for group in list(root.iter(f"{_SVG}g")):
            for place, line in enumerate(group.findall(f"{_SVG}text")):
                key = f"{group.get('id')}/{place}"
                if key in texts:
                    part = line.find(f"{_SVG}tspan")  # a line of two parts changes in its second
                    target = line if part is None else part
                    target.set("data-line", key)
                    target.text = texts[key]
            if graph is not None and "edge" in group.get("class", "").split():
                _raise_label(group, graph)
        return ElementTree.tostring(root, encoding="unicode"), width, height


def _raise_label(edge: ElementTree.Element, graph: ElementTree.Element) -> None:
    """Draw the label of an edge after all edges: an edge with a flow is wide and would cover it."""
    for text in edge.findall(f"{_SVG}text"):
        edge.remove(text)
        ElementTree.SubElement(graph, f"{_SVG}g", {"id": f"{edge.get('id')}-label"}).append(text)


def _themes() -> str:
    """The colours of all themes: of the chosen one, otherwise of the first that fits the reader's system."""
    preferred = {palette.scheme: theme for theme, palette in reversed(PALETTES.items())}
    rules = [
        f":root {{ {css(preferred['light'])} }}",
        f"@media (prefers-color-scheme: dark) {{ :root {{ {css(preferred['dark'])} }} }}",
        *(f':root[data-theme="{theme}"] {{ {css(theme)} }}' for theme in PALETTES),
    ]
    return "\n".join(rules)


def _kinds() -> str:
    """The colours of each kind of card, from those of the theme."""
    return "\n".join(
        f".{kind} {{ --fill: var(--{kind}-fill); --stroke: var(--{kind}-stroke); }}"
        for kind in PALETTES["light"].kinds
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _file(room: str, name: str) -> str:
    return (files(room) / name).read_text(encoding="utf-8")

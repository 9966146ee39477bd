"""A player: a diagram and steps, as a page that needs nothing but itself.

The page may run one script and use one style, known by their hashes, and may load nothing. Names given by
users stay text: they are escaped in the markup and data for the script, which never makes markup of them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any
from xml.etree import ElementTree

from engine.show.diagram import Diagram
from engine.show.palette import PALETTES, Theme, css, listed_themes
from engine.show.render import RenderError
from engine.show.text import plain

_SVG = "{http://www.w3.org/2000/svg}"
_BELOW_THE_PICTURE = 330  # pixels, in the frame of a notebook
_HIGHEST_FRAME = 900


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the page shows at a step.

    Args:
        phase: "start", "forward" or "backward".
        text: what happens.
        note: more about it, in a smaller line.
        read: the ids of the cards that are used.
        write: the ids of the cards that change.
        run: the ids of the operations that take place.
        flow: the ids of the edges along which something flows; their labels are found by these ids too.
        lines: the new texts of lines of the diagram. A line is the id of its element and its place in it,
            from 0: "v3/1".
    """

    phase: str
    text: str
    note: str = ""
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    run: Sequence[str] = ()
    flow: Sequence[str] = ()
    lines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Player:
    """A diagram that is played step by step. It shows itself in a notebook.

    Args:
        diagram: the diagram.
        scenes: what is shown at each step; the first is before all steps.
        blank: the text of each line that a step changes, before it is known.
        theme: "light" or "dark" to begin with; None to follow the reader's system.

    Raises:
        ValueError: if the theme is unknown.

    Example:
        >>> from engine import Value, play
        >>> x = Value(3.0, "x")
        >>> play(x * x)
        <Player of 4 steps: Forward and backward pass of y>
    """

    diagram: Diagram
    scenes: Sequence[Scene]
    blank: Mapping[str, str]
    theme: Theme | None = None

    def __post_init__(self) -> None:
        if self.theme not in (None, *PALETTES):
            raise ValueError(
                f"a theme is {listed_themes()}, or None for the reader's own, not {self.theme!r}"
            )

    def __repr__(self) -> str:
        return f"<Player of {len(self.scenes) - 1} steps: {self.diagram.title}>"

    @cached_property
    def html(self) -> str:
        """The page.

        Raises:
            RenderError: if the diagram cannot be laid out.
        """
        picture, width, _ = self._picture
        style = "\n".join([_themes(), _kinds(), f":root {{ --natural: {width}px; }}", _file("page.css")])
        script = _file("page.js")
        data = json.dumps(
            {
                "steps": [asdict(scene) for scene in self.scenes],
                "blank": dict(self.blank),
                "schemes": {theme: palette.scheme for theme, palette in PALETTES.items()},
            }
        )
        return Template(_file("page.html")).substitute(
            theme=f' data-theme="{self.theme}"' if self.theme else "",
            policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "base-uri 'none'; form-action 'none'",
            title=escape(plain(self.diagram.title)),
            style=style,
            picture=picture,
            longest_text=escape(max((scene.text for scene in self.scenes), key=len)),
            longest_note=escape(max((scene.note for scene in self.scenes), key=len)),
            last=len(self.scenes) - 1,
            steps=_listed(self.scenes),
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
            raise ValueError(f"a player is saved as .html, not as {path.name!r}")
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
        height = min(height * 5 // 4 + _BELOW_THE_PICTURE, _HIGHEST_FRAME)
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html)}" '
            f'title="{escape(plain(self.diagram.title))}" width="100%" '
            f'height="{height}" style="border: 0"></iframe>'
        )

    @cached_property
    def _picture(self) -> tuple[str, int, int]:
        """The diagram as it is after the last step, its lines to be found by the script; and its size."""
        root = ElementTree.fromstring(self.diagram.svg)  # noqa: S314  made here
        width, height = (round(float(root.attrib.pop(side))) for side in ("width", "height"))
        del root.attrib["style"]  # the policy forbids it, and the page has a style of its own
        ends = dict(self.blank)
        for scene in self.scenes:
            ends.update(scene.lines)
        graph = root.find(f"{_SVG}g")
        for group in list(root.iter(f"{_SVG}g")):
            if graph is not None and "edge" in group.get("class", "").split():
                _raise_label(group, graph)
            for place, line in enumerate(group.findall(f"{_SVG}text")):
                key = f"{group.get('id')}/{place}"
                if key in ends:
                    part = line.find(f"{_SVG}tspan")  # a line of two parts changes in its second
                    target = line if part is None else part
                    target.set("data-line", key)
                    target.text = ends[key]
        return ElementTree.tostring(root, encoding="unicode"), width, height


def _raise_label(edge: ElementTree.Element, graph: ElementTree.Element) -> None:
    """Draw the label of an edge after all edges: an edge with a flow is wide and would cover it."""
    for text in edge.findall(f"{_SVG}text"):
        edge.remove(text)
        ElementTree.SubElement(graph, f"{_SVG}g", {"id": f"{edge.get('id')}-label"}).append(text)


def _listed(scenes: Sequence[Scene]) -> str:
    """The steps as a list for each phase, numbered through."""
    lines = []
    numbered: Iterable[tuple[int, Scene]] = enumerate(scenes)
    for phase, group in groupby(numbered, key=lambda pair: pair[1].phase):
        steps = list(group)
        start = steps[0][0]
        if start == 0:
            lines.append(f"<p>{escape(steps[0][1].text)}</p>")
            continue
        lines += [f"<h2>{escape(phase.capitalize())}</h2>", f'<ol start="{start}">']
        for number, scene in steps:
            note = f"<small>{escape(scene.note)}</small>" if scene.note else ""
            lines.append(
                f'<li data-step="{number}"><a href="#step={number}">{escape(scene.text)}{note}</a></li>'
            )
        lines.append("</ol>")
    return "\n".join(lines)


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


def _file(name: str) -> str:
    return (files("engine.show.player") / name).read_text(encoding="utf-8")

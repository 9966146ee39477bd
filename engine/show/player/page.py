"""A player: a diagram and steps, as a page that needs nothing but itself.

The page may run one script and use one style, known by their hashes, and may load nothing. What was named by
others is text in it everywhere: escaped in the markup, data for the script, and never markup that the script
makes.
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
from typing import Any, get_args
from xml.etree import ElementTree

from engine.show.diagram import Diagram, Theme, colours, plain
from engine.show.render import RenderError

_ACTIVE = {  # what a step is about; of the operator's text on it, the last
    "light": {"forward": "#0072B2", "backward": "#B0178F", "on-active": "#FFFFFF"},
    "dark": {"forward": "#56B4E9", "backward": "#FF8FE0", "on-active": "#111111"},
}
_SVG = "{http://www.w3.org/2000/svg}"
_BELOW_THE_PICTURE = 330  # pixels, in the frame of a notebook
_HIGHEST_FRAME = 900


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the page shows at a step.

    Args:
        phase: the word for it: "start", "forward" or "backward".
        text: what happens.
        note: more about it, in a smaller line.
        read: the ids of the cards that are used.
        write: the ids of the cards that change.
        run: the ids of the operations that take place.
        flow: the ids of the edges along which something flows; what they say is found by this id too.
        lines: what lines of the diagram say from now on. A line is the id of its element and its place in
            that, from 0: "v3/1".
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
        blank: what each line that a step changes says before.
        theme: "light" or "dark" to begin with; None for what the reader's system prefers.

    Raises:
        ValueError: if there is no such theme.

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
        if self.theme not in (None, *get_args(Theme)):
            raise ValueError(f"a theme is light or dark, or None for the reader's own, not {self.theme!r}")

    def __repr__(self) -> str:
        return f"<Player of {len(self.scenes) - 1} steps: {self.diagram.title}>"

    @cached_property
    def html(self) -> str:
        """The page.

        Raises:
            RenderError: if the diagram cannot be laid out.
        """
        picture, width, _ = self._picture
        style = "\n".join([_palettes(), f":root {{ --natural: {width}px; }}", _file("page.css")])
        script = _file("page.js")
        data = json.dumps({"steps": [asdict(scene) for scene in self.scenes], "blank": dict(self.blank)})
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
            data=data.replace("<", "\\u003c"),  # else a label could end the element
            script=script,
        )

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Args:
            path: where to; it ends in .html.

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
        """What a notebook shows: the page in a frame; where it cannot be made, the reason."""
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
        del root.attrib["style"]  # the policy forbids it, and the page's style says it all
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
    """Draw what an edge says after all edges: one in which something flows is wide."""
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


def _palettes() -> str:
    """The colours of both themes: the one that is chosen, else the one the reader's system prefers."""

    def rules(theme: Theme) -> str:
        variables = "".join(f" --{name}: {c};" for name, c in {**colours(theme), **_ACTIVE[theme]}.items())
        return f"{{ color-scheme: {theme};{variables} }}"

    return (
        f":root {rules('light')}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {rules('dark')} }}\n"
        f':root[data-theme="light"] {rules("light")}\n'
        f':root[data-theme="dark"] {rules("dark")}'
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return (files("engine.show.player") / name).read_text(encoding="utf-8")

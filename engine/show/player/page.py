"""A player: a diagram and steps, as a page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from itertools import groupby
from typing import Any, ClassVar

from engine.show.diagram import Diagram
from engine.show.page import Page
from engine.show.palette import Theme


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
class Player(Page):
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
    noun: ClassVar[str] = "player"
    room: ClassVar[str] = "engine.show.player"
    below_the_picture: ClassVar[int] = 330

    def __post_init__(self) -> None:
        self._refuse_theme()

    def __repr__(self) -> str:
        return f"<Player of {len(self.scenes) - 1} steps: {self.diagram.title}>"

    def _data(self) -> Mapping[str, Any]:
        return {"steps": [asdict(scene) for scene in self.scenes], "blank": dict(self.blank)}

    def _texts(self) -> Mapping[str, str]:
        """The diagram as it is after the last step."""
        ends = dict(self.blank)
        for scene in self.scenes:
            ends.update(scene.lines)
        return ends

    def _markup(self) -> Mapping[str, Any]:
        return {
            "longest_text": escape(max((scene.text for scene in self.scenes), key=len)),
            "longest_note": escape(max((scene.note for scene in self.scenes), key=len)),
            "last": len(self.scenes) - 1,
            "steps": _listed(self.scenes),
        }


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

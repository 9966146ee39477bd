"""What all players do: each step of an explanation becomes a scene on one diagram."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from engine.show.diagram import Diagram
from engine.show.palette import Theme
from engine.show.player.page import Player, Scene
from engine.show.steps import Step, Walkthrough


class Stage(ABC):
    """The diagram of what is explained, and where on it each step takes place.

    Args:
        walk: the explanation.
    """

    def __init__(self, walk: Walkthrough) -> None:
        self.walk = walk

    def player(self, theme: Theme | None, title: str, timeout: float) -> Player:
        """The player of all steps.

        Args:
            theme: the name of a theme to begin with; None to follow the reader's system.
            title: what is played; "" for a title made from the explanation.
            timeout: seconds that the layout of the diagram may take.

        Returns:
            The player.
        """
        given = self.walk.given_line
        start = Scene(phase="start", text=f"Given: {given}" if given else "Before the forward pass")
        scenes = [start, *map(self._scene, self.walk.steps)]
        return Player(self.diagram(title, timeout), scenes, self.blank(), theme)

    def _scene(self, step: Step) -> Scene:
        return Scene(phase=step.phase, text=step.text, note=step.note, **self.place(step))

    @abstractmethod
    def diagram(self, title: str, timeout: float) -> Diagram:
        """The diagram, laid out for the longest texts."""

    @abstractmethod
    def blank(self) -> Mapping[str, str]:
        """The text of each line that a step changes, before it is known."""

    @abstractmethod
    def place(self, step: Step) -> dict[str, Any]:
        """Where a step takes place: the fields `read`, `write`, `run`, `flow` and `lines` of its scene."""

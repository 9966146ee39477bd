"""A recorded graph, played: its explanation, shown on its diagram."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from engine.show.diagram import Theme, number
from engine.show.draw import Picture
from engine.show.explain import (
    MOST_VALUES,
    Backward,
    Elsewhere,
    Explanation,
    Forward,
    Nothing,
    ValueStep,
    explain,
)
from engine.show.player.page import Player, Scene
from engine.show.render import TIMEOUT
from engine.value import Value


def play(
    output: Value,
    *,
    theme: Theme | None = None,
    parameters: Iterable[Value] = (),
    depth: int | None = None,
    max_nodes: int = MOST_VALUES,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Player:
    """A player of the forward and the backward pass of a value; nobody's `grad` changes.

    Args:
        output: the value.
        theme: "light" or "dark" to begin with; None for what the reader's system prefers.
        parameters: leaves to be shown as parameters besides those of a network.
        depth: how many operations to go back from the output; None for all.
        max_nodes: the most values to show, with five times as many edges.
        title: what is played, for the title of the page.
        timeout: seconds that the layout of the diagram may take.

    Returns:
        The player, whose `save` writes the page and which shows itself in a notebook.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do; if a leaf
            was assigned a new number after the output was recorded; if there is no such theme.

    Example:
        >>> a, b = Value(0.5, "a"), Value(-1.5, "b")
        >>> player = play(a * b, theme="dark")
        >>> [scene.phase for scene in player.scenes]
        ['start', 'forward', 'backward', 'backward', 'backward']
    """
    explanation = explain(output, depth=depth, max_nodes=max_nodes)
    return _Stage(explanation, list(parameters)).player(theme, title, timeout)


class _Stage:
    """The diagram of what is explained, and where on it each step takes place."""

    def __init__(self, explanation: Explanation, parameters: list[Value]) -> None:
        self.explanation, self.parameters = explanation, parameters
        self.shown = explanation.shown
        self.index = {value: i for i, value in enumerate(self.shown.values)}

    def player(self, theme: Theme | None, title: str, timeout: float) -> Player:
        given = self.explanation.given_line
        start = Scene(phase="start", text=f"Given: {given}" if given else "Before the forward pass")
        scenes = [start, *map(self._scene, self.explanation.steps)]
        picture = Picture(
            self.shown, "light", self.parameters, names=self.explanation.names, gradients=self._widest()
        )
        picture.draw(widths={}, local=True)
        diagram = picture.diagram(title or f"Forward and backward pass of {self.explanation.name}", timeout)
        # Cards say what they are when pointed at; their numbers come and go.
        titles = {
            self._card(v): f"{self.explanation.names.text[v][0]}, {picture.kinds[v]}" for v in self.index
        }
        return Player(replace(diagram, titles={**diagram.titles, **titles}), scenes, self._blank(), theme)

    # Ids are those of the diagram.

    def _card(self, value: Value) -> str:
        return f"v{self.index[value]}"

    def _line(self, value: Value, place: int) -> str:
        """A line of a card, after the name, and after the sign that the graph goes on there."""
        cut = bool(value.parents) and value not in self.shown.operations
        return f"{self._card(value)}/{place + cut}"

    def _data(self, value: Value) -> str:
        return self._line(value, 1)

    def _grad(self, value: Value) -> str:
        return self._line(value, 2)

    def _scene(self, step: ValueStep) -> Scene:
        i, card = self.index[step.value], self._card(step.value)
        note = f"by the rule {step.rule.text}" if step.rule else ""
        match step:
            case Forward():
                operands = step.operation.operands
                return Scene(
                    phase=step.phase,
                    text=step.text,
                    read=list(dict.fromkeys(self._card(operand.value) for operand in operands)),
                    write=[card],
                    run=[f"o{i}"],
                    flow=[*(f"e{i}_{place}" for place in range(len(operands))), f"r{i}"],
                    lines={self._data(step.value): f"data {number(step.value.data)}"},
                )
            case Backward():
                by = self.index[step.by]
                return Scene(
                    phase=step.phase,
                    text=step.text,
                    note=note,
                    read=[f"v{by}"],
                    write=[card],
                    run=[f"o{by}"],
                    flow=[f"e{by}_{step.place}", f"r{by}"],
                    lines={self._grad(step.value): f"grad {number(step.after)}"},
                )
            case Nothing():
                return Scene(phase=step.phase, text=step.text, read=[card], run=[f"o{i}"])
            case Elsewhere():
                gradient = step.after
            case _:
                gradient = 1.0
        return Scene(
            phase=step.phase,
            text=step.text,
            write=[card],
            lines={self._grad(step.value): f"grad {number(gradient)}"},
        )

    def _blank(self) -> dict[str, str]:
        data = {self._data(value): "data ?" for value in self.shown.operations}
        grad = {self._grad(v): "grad –" for v in self.index if self.shown.kind(v) != "constant"}
        return {**data, **grad}

    def _widest(self) -> dict[Value, str]:
        """For each card the longest gradient it ever says: the diagram is laid out for that."""
        texts: dict[Value, list[str]] = defaultdict(lambda: ["–"])
        for step in self.explanation.steps:
            if isinstance(step, (Backward, Elsewhere)):
                texts[step.value].append(number(step.after))
        return {value: max(texts[value], key=len) for value in self.index}

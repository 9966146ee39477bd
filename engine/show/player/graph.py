"""A recorded graph, played: its explanation, shown on its diagram."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.show.diagram import Diagram
from engine.show.draw import Picture
from engine.show.explain import (
    MOST_VALUES,
    BackwardStep,
    Explanation,
    ForwardStep,
    HiddenPathsStep,
    SeedStep,
    ZeroStep,
    explain,
)
from engine.show.palette import Theme
from engine.show.player.page import Player
from engine.show.player.stage import Stage
from engine.show.render import TIMEOUT
from engine.show.steps import Step
from engine.show.text import number
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
    """A player of the forward and the backward pass of a value. No `grad` is modified.

    Args:
        output: the value.
        theme: "light" or "dark" to begin with; None to follow the reader's system.
        parameters: leaves to show as parameters, besides those recorded as such.
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
    return GraphStage(explanation, list(parameters)).player(theme, title, timeout)


class GraphStage(Stage):
    """A recorded graph as the stage of its explanation.

    Args:
        explanation: the explanation.
        parameters: leaves to show as parameters, besides those recorded as such.
    """

    def __init__(self, explanation: Explanation, parameters: list[Value]) -> None:
        super().__init__(explanation)
        self.explanation, self.parameters = explanation, parameters
        self.selection = explanation.selection
        self.index = {value: i for i, value in enumerate(self.selection.values)}

    def diagram(self, title: str, timeout: float) -> Diagram:
        """The diagram of the graph."""
        names = self.explanation.names
        picture = Picture(
            self.selection, "light", self.parameters, names=names, gradients=self._longest_gradients()
        )
        picture.draw(widths={}, local=True)
        diagram = picture.diagram(title or f"Forward and backward pass of {self.explanation.name}", timeout)
        # The titles of cards leave out their numbers, which change from step to step.
        titles = {self._card(v): f"{names.text[v][0]}, {picture.kinds[v]}" for v in self.index}
        return replace(diagram, titles={**diagram.titles, **titles})

    def blank(self) -> Mapping[str, str]:
        """The lines of data and gradients before they are known."""
        data = {self._data(value): "data ?" for value in self.selection.operations}
        grad = {self._grad(v): "grad –" for v in self.index if self.selection.kind(v) != "constant"}
        return {**data, **grad}

    def place(self, step: Step) -> dict[str, Any]:
        """The cards, operations and edges of a step."""
        match step:
            case ForwardStep():
                i, operands = self.index[step.value], step.operation.operands
                return {
                    "read": list(dict.fromkeys(self._card(operand.value) for operand in operands)),
                    "write": [self._card(step.value)],
                    "run": [f"o{i}"],
                    "flow": [*(f"e{i}_{place}" for place in range(len(operands))), f"r{i}"],
                    "lines": {self._data(step.value): f"data {number(step.value.data)}"},
                }
            case SeedStep():
                return self._written(step.value, 1.0)
            case BackwardStep():
                by = self.index[step.by]
                return self._written(step.value, step.after) | {
                    "read": [f"v{by}"],
                    "run": [f"o{by}"],
                    "flow": [f"e{by}_{step.place}", f"r{by}"],
                }
            case HiddenPathsStep():
                return self._written(step.value, step.after)
            case ZeroStep():
                return {"read": [self._card(step.value)], "run": [f"o{self.index[step.value]}"]}
            case _:
                return {}

    def _written(self, value: Value, gradient: float) -> dict[str, Any]:
        return {"write": [self._card(value)], "lines": {self._grad(value): f"grad {number(gradient)}"}}

    # Ids are those of the diagram.

    def _card(self, value: Value) -> str:
        return f"v{self.index[value]}"

    def _line(self, value: Value, place: int) -> str:
        """A line of a card, counted from its name, which may follow a line with dots."""
        return f"{self._card(value)}/{place + self.selection.is_cut(value)}"

    def _data(self, value: Value) -> str:
        return self._line(value, 1)

    def _grad(self, value: Value) -> str:
        return self._line(value, 2)

    def _longest_gradients(self) -> dict[Value, str]:
        """The longest gradient that each card ever shows: the diagram is laid out for it."""
        texts: dict[Value, list[str]] = defaultdict(lambda: ["–"])
        for step in self.explanation.steps:
            if isinstance(step, (BackwardStep, HiddenPathsStep)):
                texts[step.value].append(number(step.after))
        return {value: max(texts[value], key=len) for value in self.index}

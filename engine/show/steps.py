"""Numbered steps of a forward and a backward pass, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, TypeAlias

from engine.show.formulas import Formula

Phase: TypeAlias = Literal["forward", "backward"]
Line: TypeAlias = tuple[str, str]  # as text and as LaTeX

_MOST_GIVEN = 24  # numbers in a line


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a pass.

    Args:
        text: what happens, as a line of text.
        latex: the same as LaTeX.
        rule: the formula of the derivative, if it is more than a number.
        phase: "forward" or "backward".
    """

    text: str = field(repr=False)
    latex: str = field(repr=False)
    rule: Formula | None = field(default=None, repr=False)
    phase: Phase = "backward"

    @property
    def note(self) -> str:
        """The rule as a line of text; empty if there is none."""
        return f"by the rule {self.rule.text}" if self.rule else ""


@dataclass(frozen=True, repr=False)
class Walkthrough:
    r"""A forward and a backward pass in steps, which prints as text and shows itself in a notebook.

    Args:
        name: the name of what is explained.
        given: the numbers that the forward pass starts from.
        steps: the steps; they are numbered from 1.
        gradient: the derivatives that the backward pass ends with.

    Example:
        >>> forward = Step(text="y = x·x = 9", latex=r"y = x \cdot x = 9", phase="forward")
        >>> walk = Walkthrough("y", [("x = 3", "x = 3")], [forward], [])
        >>> walk
        <Walkthrough of y: 1 step forward, 0 backward>
        >>> print(walk)
        Given: x = 3
        <BLANKLINE>
        Forward
        1. y = x·x = 9
    """

    name: str
    given: Sequence[Line]
    steps: Sequence[Step]
    gradient: Sequence[Line]

    def __repr__(self) -> str:
        forward = sum(step.phase == "forward" for step in self.steps)
        steps = "1 step" if forward == 1 else f"{forward} steps"
        kind = type(self).__name__
        return f"<{kind} of {self.name}: {steps} forward, {len(self.steps) - forward} backward>"

    def __str__(self) -> str:
        indent = len(str(len(self.steps))) + 2
        blocks = [[f"Given: {self.given_line}"]] if self.given else []
        for phase, steps in self._by_phase():
            lines = [phase.capitalize()]
            for n, step, rule in steps:
                lines.append(f"{f'{n}.':<{indent}}{step.text}")
                if rule is not None:
                    lines.append(f"{'':{indent}}{step.note}")
            blocks.append(lines)
        if self.gradient:
            blocks.append([f"Gradient: {_listed([text for text, _ in self.gradient])}"])
        return "\n\n".join("\n".join(lines) for lines in blocks)

    @property
    def given_line(self) -> str:
        """The numbers that the forward pass starts from, in a line."""
        return _listed([text for text, _ in self.given])

    @property
    def markdown(self) -> str:
        r"""The steps as Markdown with LaTeX, for a notebook or for lecture notes.

        Example:
            >>> from engine import Value
            >>> x = Value(3.0, "x_1")
            >>> print((x * x).explain().markdown.splitlines()[4])
            1. $y = x_{1} \cdot x_{1} = 3 \times 3 = 9$
        """
        lines = [f"**Given** {_formulas(self.given)}", ""] if self.given else []
        for phase, steps in self._by_phase():
            lines += [f"**{phase.capitalize()}**", ""]
            for n, step, rule in steps:
                lines.append(f"{n}. ${step.latex}$" + (f"<br>by the rule ${rule.latex}$" if rule else ""))
            lines.append("")
        if self.gradient:
            lines += [f"**Gradient** {_formulas(self.gradient)}", ""]
        return "\n".join(lines)

    def _by_phase(self) -> Iterator[tuple[Phase, list[tuple[int, Step, Formula | None]]]]:
        """The numbered steps of each phase, each rule only where it first applies."""
        told: set[str] = set()
        for phase, numbered in groupby(enumerate(self.steps, start=1), key=lambda pair: pair[1].phase):
            steps = []
            for n, step in numbered:
                rule = step.rule if step.rule and step.rule.text not in told else None
                told |= {rule.text} if rule else set()
                steps.append((n, step, rule))
            yield phase, steps

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the steps with LaTeX; elsewhere as text."""
        return {"text/markdown": self.markdown, "text/plain": str(self)}


def _formulas(lines: Sequence[Line]) -> str:
    return _listed([f"${latex}$" for _, latex in lines])


def _listed(texts: list[str]) -> str:
    if len(texts) <= _MOST_GIVEN:
        return ", ".join(texts)
    return f"{', '.join(texts[:_MOST_GIVEN])} and {len(texts) - _MOST_GIVEN} more"

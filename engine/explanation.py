"""The forward and the backward pass of a recorded graph, told in numbered steps.

    graph -> what is shown -> steps (numbers, and how they are written) -> text or Markdown

Explaining changes nobody's `grad`. The adjoints are added up here in the order in which `backward` would, so
that they are the same to the last bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import isnan
from typing import Any, Literal, TypeAlias

from engine.derivatives import refuse_if_changed
from engine.diagram import number
from engine.local_rules import Rule, local_rule
from engine.notation import ATOM, LATEX, TEXT, Names, Text, Written
from engine.shown import Operand, Operation, Shown, shown_of
from engine.value import Value, taking_limits

Phase: TypeAlias = Literal["forward", "backward"]

MOST_VALUES = 300
_MOST_GIVEN = 24  # numbers in a line

# --- The steps as data.


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a pass.

    Args:
        value: what it is about.
        text: what happens, as a line of text.
        latex: the same as LaTeX.
        rule: the rule behind it, where that is more than a number.
        phase: "forward" or "backward".
    """

    value: Value
    text: str = field(repr=False)
    latex: str = field(repr=False)
    rule: Rule | None = field(default=None, repr=False)
    phase: Phase = "backward"


@dataclass(frozen=True, kw_only=True)
class Forward(Step):
    """A value is computed.

    Args:
        operation: from what, and how.
    """

    operation: Operation = field(repr=False)
    phase: Phase = "forward"


@dataclass(frozen=True, kw_only=True)
class Seed(Step):
    """The backward pass starts: the derivative of the output by itself is 1."""


@dataclass(frozen=True, kw_only=True)
class Backward(Step):
    """The adjoint of a value gets the contribution of one edge.

    Args:
        by: the value at whose operation the edge ends.
        place: which of the operands of that the value is, from 0.
        upstream: the adjoint of `by`.
        partial: the local derivative, of `by` by the value.
        before: the adjoint of the value before this step.
        after: the adjoint of the value after it.
    """

    by: Value
    place: int
    upstream: float
    partial: float
    before: float
    after: float

    @property
    def contribution(self) -> float:
        """What is added."""
        return self.partial * self.upstream


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Step):
    """The adjoint of a value is completed by what flows through values that are not shown.

    Args:
        before: the adjoint before this step.
        after: the adjoint after it.
    """

    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Nothing(Step):
    """An adjoint of 0 passes nothing on to the operands."""


# --- Explaining.


def explain(output: Value, *, depth: int | None = None, max_nodes: int = MOST_VALUES) -> Explanation:
    """The forward and the backward pass of a value, step by step; nobody's `grad` changes.

    Args:
        output: the value to explain.
        depth: how many operations to go back from it; None for all.
        max_nodes: the most values to show, with five times as many edges.

    Returns:
        The explanation, which prints as text and shows itself in a notebook.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do; if a leaf
            was assigned a new number after the output was recorded.

    Example:
        >>> a, b = Value(0.5, "a"), Value(-1.5, "b")
        >>> c = a * b + a.tanh()
        >>> c.label = "c"
        >>> print(explain(c))
        Given: a = 0.5, b = −1.5
        <BLANKLINE>
        Forward
        1. a·b = 0.5 × −1.5 = −0.75
        2. tanh(a) = tanh(0.5) = 0.4621
        3. c = a·b + tanh(a) = −0.75 + 0.4621 = −0.2879
        <BLANKLINE>
        Backward
        4. ∂c/∂c = 1
        5. ∂c/∂(a·b) = ∂c/∂c · ∂c/∂(a·b) = 1 × 1 = 1
        6. ∂c/∂tanh(a) = ∂c/∂c · ∂c/∂tanh(a) = 1 × 1 = 1
        7. ∂c/∂a += ∂c/∂tanh(a) · ∂tanh(a)/∂a = 1 × 0.7864 = 0.7864 (0 → 0.7864)
           by the rule ∂tanh(x)/∂x = sech²(x) = 1 − tanh(x)²
        8. ∂c/∂a += ∂c/∂(a·b) · ∂(a·b)/∂a = 1 × −1.5 = −1.5 (0.7864 → −0.7136)
           by the rule ∂(x·y)/∂x = y
        9. ∂c/∂b = ∂c/∂(a·b) · ∂(a·b)/∂b = 1 × 0.5 = 0.5
           by the rule ∂(x·y)/∂y = x
        <BLANKLINE>
        Gradient: ∂c/∂a = −0.7136, ∂c/∂b = 0.5
    """
    shown = shown_of(
        [output],
        depth=depth,
        max_nodes=max_nodes,
        whole="an explanation",
        ways_out="explain a part, with depth=3 or from an inner value; show a network as neurons, with "
        "model.draw(x, y, loss); or raise max_nodes",
    )
    with taking_limits():  # as derivatives are recorded, which can be explained too
        for value in shown.operations:
            refuse_if_changed(value, "explain it")
    names = Names(shown, output=_name_for_output(shown))
    return Explanation(shown, names, _Passes(shown, names).steps())


def _name_for_output(shown: Shown) -> str:
    """A letter for an output without a label: its formula would stand in every line of the backward pass."""
    taken = {value.label for value in shown.values}
    return next((letter for letter in ("y", "f", "output") if letter not in taken), "")


@dataclass(frozen=True, repr=False)
class Explanation:
    """The forward and the backward pass of a value in steps.

    Args:
        shown: what is explained of the graph.
        names: what the values are called.
        steps: the steps; `print` numbers them from 1.

    Example:
        >>> x = Value(3.0, "x")
        >>> explanation = explain(x * x)
        >>> explanation
        <Explanation of y: 1 step forward, 3 backward>
        >>> last = explanation.steps[-1]
        >>> last.by.data, last.upstream, last.partial, last.before, last.after
        (9.0, 1.0, 3.0, 3.0, 6.0)
        >>> explanation.adjoints[x], x.grad
        (6.0, 0.0)
    """

    shown: Shown
    names: Names
    steps: Sequence[Step]

    @property
    def output(self) -> Value:
        """The value that is explained."""
        return self.shown.roots[0]

    @property
    def adjoints(self) -> dict[Value, float]:
        """The derivative of the output by each value that is shown, but for plain numbers."""
        found = {value: 0.0 for value in self.shown.values if self.shown.kind(value) != "constant"}
        for step in self.steps:
            match step:
                case Seed():
                    found[step.value] = 1.0
                case Backward() | Elsewhere():
                    found[step.value] = step.after
        return found

    @property
    def given(self) -> list[Value]:
        """The values that the forward pass starts from, but for plain numbers."""
        known = (value for value in self.shown.values if value not in self.shown.operations)
        return [value for value in known if self.shown.kind(value) != "constant"]

    def __repr__(self) -> str:
        forward = sum(step.phase == "forward" for step in self.steps)
        steps = "1 step" if forward == 1 else f"{forward} steps"
        name, _ = self.names.text[self.output]
        return f"<Explanation of {name}: {steps} forward, {len(self.steps) - forward} backward>"

    def __str__(self) -> str:
        indent = len(str(len(self.steps))) + 2
        blocks = [[f"Given: {self.given_line}"]] if self.given else []
        for phase, steps in self._by_phase():
            lines = [phase.capitalize()]
            for n, step, rule in steps:
                lines.append(f"{f'{n}.':<{indent}}{step.text}")
                if rule is not None:
                    lines.append(f"{'':{indent}}by the rule {rule.text}")
            blocks.append(lines)
        if self.given:
            blocks.append([f"Gradient: {self.gradient_line}"])
        return "\n\n".join("\n".join(lines) for lines in blocks)

    def _by_phase(self) -> Iterator[tuple[Phase, list[tuple[int, Step, Rule | None]]]]:
        """The numbered steps of each phase, each rule where it first applies: once is enough to read."""
        told: set[str] = set()
        for phase, numbered in groupby(enumerate(self.steps, start=1), key=lambda pair: pair[1].phase):
            steps = []
            for n, step in numbered:
                rule = step.rule if step.rule and step.rule.text not in told else None
                told |= {rule.text} if rule else set()
                steps.append((n, step, rule))
            yield phase, steps

    @property
    def given_line(self) -> str:
        """The numbers that the forward pass starts from."""
        return _listed([f"{self.names.text[v][0]} = {number(v.data)}" for v in self.given])

    @property
    def gradient_line(self) -> str:
        """What the backward pass ends with."""
        return _listed([_result(TEXT, self.names.text, self.output, v, x) for v, x in self._gradient])

    @property
    def _gradient(self) -> list[tuple[Value, float]]:
        adjoints = self.adjoints
        return [(value, adjoints[value]) for value in self.given]

    @property
    def markdown(self) -> str:
        r"""The steps as Markdown with LaTeX, for a notebook or for lecture notes.

        Example:
            >>> x = Value(3.0, "x_1")
            >>> print(explain(x * x).markdown.splitlines()[4])
            1. $y = x_{1} \cdot x_{1} = 3 \times 3 = 9$
        """
        names = self.names.latex
        given = [f"${names[v][0]} = {LATEX.number(v.data)[0]}$" for v in self.given]
        lines = [f"**Given** {_listed(given)}", ""] if given else []
        for phase, steps in self._by_phase():
            lines += [f"**{phase.capitalize()}**", ""]
            for n, step, rule in steps:
                lines.append(f"{n}. ${step.latex}$" + (f"<br>by the rule ${rule.latex}$" if rule else ""))
            lines.append("")
        if given:
            ends = [f"${_result(LATEX, names, self.output, v, x)}$" for v, x in self._gradient]
            lines += [f"**Gradient** {_listed(ends)}", ""]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the steps with LaTeX; elsewhere as text."""
        return {"text/markdown": self.markdown, "text/plain": str(self)}


def _listed(texts: list[str]) -> str:
    if len(texts) <= _MOST_GIVEN:
        return ", ".join(texts)
    return f"{', '.join(texts[:_MOST_GIVEN])} and {len(texts) - _MOST_GIVEN} more"


# --- How a step is written, in either notation.


def _derivative(notation: Text, names: dict[Value, Written], of: Value, by: Value) -> str:
    return notation.derivative(*(notation.inside(names[value], ATOM) for value in (of, by)))


def _result(notation: Text, names: dict[Value, Written], of: Value, by: Value, x: float) -> str:
    return f"{_derivative(notation, names, of, by)} = {notation.number(x)[0]}"


class _Passes:
    """Both passes over what is shown of a graph."""

    def __init__(self, shown: Shown, names: Names) -> None:
        self.shown = shown
        self.output = shown.roots[0]
        self.notations = ((TEXT, names.text), (LATEX, names.latex))
        self.adjoint = _adjoints(shown)

    def steps(self) -> list[Step]:
        """All steps, in order."""
        return [*self._forward(), *self._backward()]

    def _forward(self) -> Iterator[Step]:
        for value, operation in self.shown.operations.items():
            text, latex = (self._computed(n, names, value, operation) for n, names in self.notations)
            yield Forward(value=value, operation=operation, text=text, latex=latex)

    def _computed(
        self, notation: Text, names: dict[Value, Written], value: Value, operation: Operation
    ) -> str:
        """A value as the formula of its operands, with their numbers, and what that comes to."""
        operands = [operand.value for operand in operation.operands]
        formula, _ = notation.formula(operation, [names[v] for v in operands])
        numbers, _ = notation.formula(operation, [notation.number(v.data) for v in operands], of_numbers=True)
        result, _ = notation.number(value.data)
        return " = ".join(dict.fromkeys([names[value][0], formula, numbers, result]))

    def _backward(self) -> list[Step]:
        """The steps of the backward pass, operation by operation.

        Where `backward` goes through the partial sums of one sum at different times, and that changes a last
        bit, the steps are edge by edge in its order.
        """
        by_operation, as_recorded = defaultdict(list), defaultdict(list)
        for value, operation in self.shown.operations.items():
            for place, operand in enumerate(operation.operands):
                by_operation[value].append((value, place, operand))
                as_recorded[operand.edge[0]].append((value, place, operand))
        for edges in as_recorded.values():
            edges.sort(key=lambda edge: edge[2].edge[1])
        for order in (by_operation, as_recorded):
            steps, exact = self._walk(order)
            if exact:
                break
        return steps

    def _walk(self, edges: dict[Value, list[tuple[Value, int, Operand]]]) -> tuple[list[Step], bool]:
        """The steps, the edges of each recorded value in turn; and whether they add up as in `backward`."""
        text, latex = (_result(n, names, self.output, self.output, 1.0) for n, names in self.notations)
        steps: list[Step] = [Seed(value=self.output, text=text, latex=latex)]
        sums = dict.fromkeys(self.shown.values, 0.0)
        sums[self.output] = 1.0
        uses: dict[Value, int] = defaultdict(int)
        for by, _, operand in (edge for some in edges.values() for edge in some):
            uses[operand.value] += self.adjoint[by] != 0.0
        hidden = self._hidden()
        exact = True
        for node in reversed(self.shown.order):
            if node in sums and not _same(sums[node], self.adjoint[node]):
                if node in hidden:
                    steps.append(self._elsewhere(node, sums[node]))
                elif not self._is_constant(node):
                    exact = False
            for by, place, operand in edges.get(node, ()):
                upstream, x = self.adjoint[by], operand.value
                if upstream == 0.0:
                    if place == 0:
                        steps.append(self._nothing(by))
                elif not self._is_constant(x):
                    before = sums[x]
                    sums[x] += operand.partial * upstream
                    several = uses[x] + (x in hidden) > 1
                    steps.append(self._contribution(by, place, operand, before, sums[x], several=several))
        return steps, exact

    def _hidden(self) -> set[Value]:
        """The values that are used by a value that is not shown, or is cut off from its operands."""
        shown = {
            operand.edge for operation in self.shown.operations.values() for operand in operation.operands
        }
        if all(not value.parents or value in self.shown.operations for value in self.shown.values):
            return set()
        return {
            parent
            for node in self.shown.order
            if self.adjoint[node] != 0.0
            for place, parent in enumerate(node.parents)
            if (node, place) not in shown
        }

    def _is_constant(self, value: Value) -> bool:
        return self.shown.kind(value) == "constant"

    def _contribution(
        self, by: Value, place: int, operand: Operand, before: float, after: float, *, several: bool
    ) -> Step:
        upstream, x = self.adjoint[by], operand.value
        written = []
        for notation, names in self.notations:
            factors = notation.between.join(
                (_derivative(notation, names, self.output, by), _derivative(notation, names, by, x))
            )
            numbers = notation.times.join(notation.number(f)[0] for f in (upstream, operand.partial))
            line = (
                f"{_derivative(notation, names, self.output, x)} {notation.plus_equals if several else '='} "
                f"{factors} = {numbers} = {notation.number(upstream * operand.partial)[0]}"
            )
            written.append(line + (notation.change(before, after) if several else ""))
        return Backward(
            value=x,
            by=by,
            place=place,
            upstream=upstream,
            partial=operand.partial,
            before=before,
            after=after,
            text=written[0],
            latex=written[1],
            rule=self._rule(self.shown.operations[by], place),
        )

    def _rule(self, operation: Operation, place: int) -> Rule | None:
        at = [operand.value.data for operand in operation.operands]
        if not operation.terms:
            return local_rule(operation.op, at, place)
        end = 0
        for size in operation.terms:  # of a sum: a term that is a product
            start, end = end, end + size
            if start <= place < end and size == 2:
                return local_rule("mul", at[start:end], place - start)
        return None

    def _elsewhere(self, value: Value, before: float) -> Step:
        after = self.adjoint[value]
        words = "with what flows through values that are not shown"
        text, latex = (
            _result(n, names, self.output, value, after) + n.remark(words) + n.change(before, after)
            for n, names in self.notations
        )
        return Elsewhere(value=value, before=before, after=after, text=text, latex=latex)

    def _nothing(self, value: Value) -> Step:
        text, latex = (
            _result(n, names, self.output, value, 0.0) + n.remark("which passes nothing on")
            for n, names in self.notations
        )
        return Nothing(value=value, text=text, latex=latex)


def _adjoints(shown: Shown) -> dict[Value, float]:
    """What `backward` would put into `grad`, of every value of the graph: the same sums in the same order."""
    found = dict.fromkeys(shown.order, 0.0)
    found[shown.roots[0]] = 1.0
    for value in reversed(shown.order):
        upstream = found[value]
        if upstream != 0.0:
            for parent, partial in zip(value.parents, value.partials, strict=True):
                found[parent] += partial * upstream
    return found


def _same(x: float, y: float) -> bool:
    return x == y or (isnan(x) and isnan(y))

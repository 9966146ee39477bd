"""The forward and the backward pass of a recorded graph, told in numbered steps.

    graph -> what is shown -> steps (numbers, and how they are written) -> text or Markdown

Explaining changes nobody's `grad`. The adjoints are added up here in the order in which `backward` would, so
that they are the same to the last bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan

from engine.backprop import adjoints
from engine.derivatives import refuse_if_changed
from engine.recording import taking_limits
from engine.show.formulas import Rule, local_rule
from engine.show.notation import ATOM, LATEX, TEXT, Names, Text, Written
from engine.show.selection import Operand, Operation, Shown, shown_of
from engine.show.steps import Line, Phase, Step, Walkthrough
from engine.value import Value

MOST_VALUES = 300

# --- The steps as data.


@dataclass(frozen=True, kw_only=True)
class ValueStep(Step):
    """A step that is about a value.

    Args:
        value: the value.
    """

    value: Value


@dataclass(frozen=True, kw_only=True)
class Forward(ValueStep):
    """A value is computed.

    Args:
        operation: from what, and how.
    """

    operation: Operation = field(repr=False)
    phase: Phase = "forward"


@dataclass(frozen=True, kw_only=True)
class Seed(ValueStep):
    """The backward pass starts: the derivative of the output by itself is 1."""


@dataclass(frozen=True, kw_only=True)
class Backward(ValueStep):
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
class Elsewhere(ValueStep):
    """The adjoint of a value is completed by what flows through values that are not shown.

    Args:
        before: the adjoint before this step.
        after: the adjoint after it.
    """

    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Nothing(ValueStep):
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
        ways_out="explain a part, with depth=3 or from an inner value; a network as neurons, with "
        "model.explain(x, y, loss) or model.draw(x, y, loss); or raise max_nodes",
    )
    with taking_limits():  # as derivatives are recorded, which can be explained too
        for value in shown.operations:
            refuse_if_changed(value, "explain it")
    return _Passes(shown, Names(shown, output=_name_for_output(shown))).explanation()


def _name_for_output(shown: Shown) -> str:
    """A letter for an output without a label: its formula would stand in every line of the backward pass."""
    taken = {value.label for value in shown.values}
    return next((letter for letter in ("y", "f", "output") if letter not in taken), "")


@dataclass(frozen=True, repr=False)
class Explanation(Walkthrough):
    """The forward and the backward pass of a value in steps.

    Args:
        name: the name of the value.
        given: the numbers that the forward pass starts from.
        steps: the steps; they are numbered from 1.
        gradient: what the backward pass ends with.
        shown: what is explained of the graph.
        names: what its values are called.

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

    steps: Sequence[ValueStep]
    shown: Shown
    names: Names

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


# --- How a step is written, in one notation.


@dataclass(frozen=True)
class _Writing:
    notation: Text
    names: dict[Value, Written]
    output: Value

    def number(self, x: float) -> str:
        return self.notation.number(x)[0]

    def given(self, value: Value) -> str:
        return f"{self.names[value][0]} = {self.number(value.data)}"

    def computed(self, value: Value, operation: Operation) -> str:
        """A value as the formula of its operands, with their numbers, and what that comes to."""
        operands = [operand.value for operand in operation.operands]
        formula = self.notation.formula(operation, [self.names[v] for v in operands])
        numbers = self.notation.formula(
            operation, [self.notation.number(v.data) for v in operands], of_numbers=True
        )
        texts = [self.names[value][0], formula[0], numbers[0], self.number(value.data)]
        return " = ".join(dict.fromkeys(texts))  # a name may be the formula already

    def derivative(self, of: Value, by: Value) -> str:
        return self.notation.derivative(*(self.notation.inside(self.names[v], ATOM) for v in (of, by)))

    def adjoint(self, value: Value, x: float) -> str:
        return f"{self.derivative(self.output, value)} = {self.number(x)}"

    def contribution(self, by: Value, upstream: float, operand: Operand) -> str:
        """The chain rule along one edge: the adjoint of the result times the local derivative."""
        factors = self.derivative(self.output, by), self.derivative(by, operand.value)
        numbers = self.number(upstream), self.number(operand.partial)
        return (
            f"{self.notation.between.join(factors)} = {self.notation.times.join(numbers)}"
            f" = {self.number(operand.partial * upstream)}"
        )

    def assigned(self, value: Value, contribution: str) -> str:
        return f"{self.derivative(self.output, value)} = {contribution}"

    def added(self, value: Value, contribution: str, before: float, after: float) -> str:
        return (
            f"{self.derivative(self.output, value)} {self.notation.plus_equals} {contribution}"
            f"{self.notation.change(before, after)}"
        )

    def remark(self, words: str) -> str:
        return self.notation.remark(words)

    def change(self, before: float, after: float) -> str:
        return self.notation.change(before, after)


class _Passes:
    """Both passes over what is shown of a graph."""

    def __init__(self, shown: Shown, names: Names) -> None:
        self.shown, self.names = shown, names
        self.output = shown.roots[0]
        self.in_text = _Writing(TEXT, names.text, self.output)
        self.in_latex = _Writing(LATEX, names.latex, self.output)
        found = adjoints(shown.order, self.output, lambda value: value.partials, 1.0)
        self.adjoint = {**dict.fromkeys(shown.order, 0.0), **found}

    def explanation(self) -> Explanation:
        """All steps in order, with what they start from and end with."""
        known = [v for v in self.shown.values if v not in self.shown.operations and not self._is_constant(v)]
        text, latex = self.in_text, self.in_latex
        return Explanation(
            name=self.names.text[self.output][0],
            given=[(text.given(v), latex.given(v)) for v in known],
            steps=[*self._forward(), *self._backward()],
            gradient=[(text.adjoint(v, self.adjoint[v]), latex.adjoint(v, self.adjoint[v])) for v in known],
            shown=self.shown,
            names=self.names,
        )

    def _both(self, write: Callable[[_Writing], str]) -> Line:
        return write(self.in_text), write(self.in_latex)

    def _forward(self) -> Iterator[ValueStep]:
        for value, operation in self.shown.operations.items():
            text, latex = (writing.computed(value, operation) for writing in (self.in_text, self.in_latex))
            yield Forward(value=value, operation=operation, text=text, latex=latex)

    def _backward(self) -> list[ValueStep]:
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

    def _walk(self, edges: dict[Value, list[tuple[Value, int, Operand]]]) -> tuple[list[ValueStep], bool]:
        """The steps, the edges of each recorded value in turn; and whether they add up as in `backward`."""
        text, latex = self._both(lambda writing: writing.adjoint(self.output, 1.0))
        steps: list[ValueStep] = [Seed(value=self.output, text=text, latex=latex)]
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
    ) -> ValueStep:
        upstream, x = self.adjoint[by], operand.value

        def write(writing: _Writing) -> str:
            contribution = writing.contribution(by, upstream, operand)
            if several:
                return writing.added(x, contribution, before, after)
            return writing.assigned(x, contribution)

        text, latex = self._both(write)
        return Backward(
            value=x,
            by=by,
            place=place,
            upstream=upstream,
            partial=operand.partial,
            before=before,
            after=after,
            text=text,
            latex=latex,
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

    def _elsewhere(self, value: Value, before: float) -> ValueStep:
        after = self.adjoint[value]
        words = "with what flows through values that are not shown"
        text, latex = self._both(
            lambda writing: (
                writing.adjoint(value, after) + writing.remark(words) + writing.change(before, after)
            )
        )
        return Elsewhere(value=value, before=before, after=after, text=text, latex=latex)

    def _nothing(self, value: Value) -> ValueStep:
        words = "which passes nothing on"
        text, latex = self._both(lambda writing: writing.adjoint(value, 0.0) + writing.remark(words))
        return Nothing(value=value, text=text, latex=latex)


def _same(x: float, y: float) -> bool:
    return x == y or (isnan(x) and isnan(y))

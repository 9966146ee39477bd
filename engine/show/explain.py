"""The forward and the backward pass of a recorded graph, in numbered steps.

    graph -> selection -> steps (numbers, and how they are written) -> text or Markdown

No `grad` is modified. The adjoints are summed in the same order as in `backward`, so that they are the same
to the last bit. The derivative along all paths is written ∂y/∂x; the local derivative of an operation by its
first operand, along that edge alone, ∂₁y/∂x.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

from engine.backprop import adjoints
from engine.derivatives import refuse_if_changed
from engine.recording import taking_limits
from engine.show.formulas import Formula, partial_formula
from engine.show.notation import ATOM, LATEX, TEXT, Names, Piece, Writing, distinct_names
from engine.show.selection import Selection, ShownOperand, ShownOperation, select
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
class ForwardStep(ValueStep):
    """A value is computed.

    Args:
        operation: the operation that computes it.
    """

    operation: ShownOperation = field(repr=False)
    phase: Phase = "forward"


@dataclass(frozen=True, kw_only=True)
class SeedStep(ValueStep):
    """The backward pass starts: the derivative of the output by itself is 1."""


@dataclass(frozen=True, kw_only=True)
class BackwardStep(ValueStep):
    """The adjoint of a value gets the contribution of one edge.

    Args:
        by: the value that uses it: the edge ends at its operation.
        place: which operand of that operation the value is, from 0.
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
        """The number that is added."""
        return self.partial * self.upstream


@dataclass(frozen=True, kw_only=True)
class HiddenPathsStep(ValueStep):
    """The adjoint of a value gets all contributions along paths that are not shown.

    Args:
        before: the adjoint before this step.
        after: the adjoint after it.
    """

    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class ZeroStep(ValueStep):
    """An adjoint of 0 passes nothing on to the operands."""


# --- Explaining.


def explain(output: Value, *, depth: int | None = None, max_nodes: int = MOST_VALUES) -> Explanation:
    """The forward and the backward pass of a value, step by step. No `grad` is modified.

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
        5. ∂c/∂(a·b) = ∂c/∂c · ∂₁c/∂(a·b) = 1 × 1 = 1
        6. ∂c/∂tanh(a) = ∂c/∂c · ∂₂c/∂tanh(a) = 1 × 1 = 1
        7. ∂c/∂a += ∂c/∂tanh(a) · ∂₁tanh(a)/∂a = 1 × 0.7864 = 0.7864 (0 → 0.7864)
           by the rule ∂tanh(x)/∂x = sech²(x) = 1 − tanh(x)²
        8. ∂c/∂a += ∂c/∂(a·b) · ∂₁(a·b)/∂a = 1 × −1.5 = −1.5 (0.7864 → −0.7136)
           by the rule ∂(x·y)/∂x = y
        9. ∂c/∂b = ∂c/∂(a·b) · ∂₂(a·b)/∂b = 1 × 0.5 = 0.5
           by the rule ∂(x·y)/∂y = x
        <BLANKLINE>
        Gradient: ∂c/∂a = −0.7136, ∂c/∂b = 0.5
    """
    selection = select(
        [output],
        depth=depth,
        max_nodes=max_nodes,
        whole="an explanation",
        ways_out="explain a part, with depth=3 or from an inner value; a network as neurons, with "
        "model.explain(x, y, loss) or model.draw(x, y, loss); or raise max_nodes",
    )
    with taking_limits():  # derivatives are recorded in this mode, and can be explained too
        for value in selection.operations:
            refuse_if_changed(value, "explain it")
    return _Passes(selection, distinct_names(selection)).explanation()


@dataclass(frozen=True, repr=False)
class Explanation(Walkthrough):
    """The forward and the backward pass of a value in steps.

    Args:
        name: the name of the value.
        given: the numbers that the forward pass starts from.
        steps: the steps; they are numbered from 1.
        gradient: the derivatives that the backward pass ends with.
        selection: the part of the graph that is explained.
        names: the names of its values.

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
    selection: Selection
    names: Names

    @property
    def adjoints(self) -> dict[Value, float]:
        """The derivative of the output by each value that is shown, except plain numbers."""
        found = {v: 0.0 for v in self.selection.values if self.selection.kind(v) != "constant"}
        for step in self.steps:
            match step:
                case SeedStep():
                    found[step.value] = 1.0
                case BackwardStep() | HiddenPathsStep():
                    found[step.value] = step.after
        return found


# --- How a step is written, in one notation.


@dataclass(frozen=True)
class GraphWriting(Writing):
    """The equations of a graph in one notation.

    Args:
        notation: the notation.
        names: the names of its values in that notation.
        output: the value that is differentiated.
    """

    names: dict[Value, Piece]
    output: Value

    def given(self, value: Value) -> str:
        """A leaf and its number."""
        return self.equation(self.names[value][0], self.number(value.data))

    def computed(self, value: Value, operation: ShownOperation) -> str:
        """A value as the formula of its operands, that formula with their numbers, and its number."""
        operands = [operand.value for operand in operation.operands]
        formula = self.notation.formula(operation, [self.names[v] for v in operands])
        write = self.notation.operand if operation.op.form == "call" else self.notation.number
        numbers = self.notation.formula(operation, [write(v.data) for v in operands], of_numbers=True)
        return self.equation(self.names[value][0], formula[0], numbers[0], self.number(value.data))

    def derivative(self, value: Value) -> str:
        """The derivative of the output by a value."""
        return self.notation.derivative(self._atom(self.output), self._atom(value))

    def adjoint(self, value: Value, x: float) -> str:
        """The derivative of the output by a value, and its number."""
        return self.equation(self.derivative(value), self.number(x))

    def contribution(self, by: Value, place: int, upstream: float, operand: ShownOperand) -> str:
        """The chain rule along one edge: the adjoint of the result times the local derivative."""
        partial = self.notation.partial(self._atom(by), self._atom(operand.value), place)
        numbers = self.number(upstream), self.number(operand.partial)
        return self.equation(
            self.notation.between.join((self.derivative(by), partial)),
            self.notation.times.join(numbers),
            self.number(operand.partial * upstream),
        )

    def assigned(self, value: Value, contribution: str) -> str:
        """The adjoint of a value from its only contribution."""
        return f"{self.derivative(value)} = {contribution}"

    def added(self, value: Value, contribution: str, before: float, after: float) -> str:
        """One of several contributions to the adjoint of a value."""
        sides = f"{self.derivative(value)} {self.notation.plus_equals} {contribution}"
        return sides + self.notation.change(before, after)

    def _atom(self, value: Value) -> str:
        return self.notation.inside(self.names[value], ATOM)


class _Passes:
    """Both passes over the selected part of a graph."""

    def __init__(self, selection: Selection, names: Names) -> None:
        self.selection, self.names = selection, names
        self.output = selection.roots[0]
        self.writings = (
            GraphWriting(TEXT, names.text, self.output),
            GraphWriting(LATEX, names.latex, self.output),
        )
        found = adjoints(selection.order, self.output, lambda value: value.partials, 1.0)
        self.adjoint = {**dict.fromkeys(selection.order, 0.0), **found}

    def explanation(self) -> Explanation:
        """All steps in order, with the numbers they start from and end with."""
        shown, (text, latex) = self.selection, self.writings
        known = [v for v in shown.values if v not in shown.operations and not self._is_constant(v)]
        return Explanation(
            name=self.names.text[self.output][0],
            given=[(text.given(v), latex.given(v)) for v in known],
            steps=[*self._forward(), *self._backward()],
            gradient=[(text.adjoint(v, self.adjoint[v]), latex.adjoint(v, self.adjoint[v])) for v in known],
            selection=shown,
            names=self.names,
        )

    def _both(self, write: Callable[[GraphWriting], str]) -> Line:
        text, latex = map(write, self.writings)
        return text, latex

    def _forward(self) -> Iterator[ValueStep]:
        for value, operation in self.selection.operations.items():
            text, latex = (writing.computed(value, operation) for writing in self.writings)
            yield ForwardStep(value=value, operation=operation, text=text, latex=latex)

    def _backward(self) -> list[ValueStep]:
        """The steps of the backward pass, operation by operation.

        `backward` may reach the partial sums inside one sum at different times. Where that changes the last
        bit, the steps are edge by edge in its order.
        """
        by_operation, as_recorded = defaultdict(list), defaultdict(list)
        for value, operation in self.selection.operations.items():
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

    # The adjoints are those of `engine.backprop.adjoints`. This walk adds the same contributions once more,
    # because each step tells the sum before and after its own, which that function does not keep.

    def _walk(
        self, edges: Mapping[Value, Sequence[tuple[Value, int, ShownOperand]]]
    ) -> tuple[list[ValueStep], bool]:
        """The steps, given the edges of each recorded value in turn; whether the sums are the adjoints."""
        text, latex = self._both(lambda writing: writing.adjoint(self.output, 1.0))
        steps: list[ValueStep] = [SeedStep(value=self.output, text=text, latex=latex)]
        sums = dict.fromkeys(self.selection.values, 0.0)
        sums[self.output] = 1.0
        uses: dict[Value, int] = defaultdict(int)
        for by, _, operand in (edge for some in edges.values() for edge in some):
            uses[operand.value] += self.adjoint[by] != 0.0
        hidden = self._hidden()
        exact = True
        for node in reversed(self.selection.order):
            if node in sums and not self._is_constant(node) and not _same(sums[node], self.adjoint[node]):
                if node in hidden:
                    steps.append(self._hidden_paths(node, sums[node]))
                else:
                    exact = False
            for by, place, operand in edges.get(node, ()):
                upstream, x = self.adjoint[by], operand.value
                if upstream == 0.0:
                    if place == 0:
                        steps.append(self._zero(by))
                elif not self._is_constant(x):
                    before = sums[x]
                    sums[x] += operand.partial * upstream
                    several = uses[x] + (x in hidden) > 1
                    steps.append(self._contribution(by, place, operand, before, sums[x], several=several))
        return steps, exact

    def _hidden(self) -> set[Value]:
        """The values used by a value that is not shown, or whose operands are not."""
        shown = self.selection
        edges = {operand.edge for operation in shown.operations.values() for operand in operation.operands}
        if all(not value.parents or value in shown.operations for value in shown.values):
            return set()
        return {
            parent
            for node in shown.order
            if self.adjoint[node] != 0.0
            for place, parent in enumerate(node.parents)
            if (node, place) not in edges
        }

    def _is_constant(self, value: Value) -> bool:
        return self.selection.kind(value) == "constant"

    def _contribution(
        self, by: Value, place: int, operand: ShownOperand, before: float, after: float, *, several: bool
    ) -> ValueStep:
        upstream, x = self.adjoint[by], operand.value

        def write(writing: GraphWriting) -> str:
            contribution = writing.contribution(by, place, upstream, operand)
            if several:
                return writing.added(x, contribution, before, after)
            return writing.assigned(x, contribution)

        text, latex = self._both(write)
        return BackwardStep(
            value=x,
            by=by,
            place=place,
            upstream=upstream,
            partial=operand.partial,
            before=before,
            after=after,
            text=text,
            latex=latex,
            rule=self._rule(self.selection.operations[by], place),
        )

    def _rule(self, operation: ShownOperation, place: int) -> Formula | None:
        at = [operand.value.data for operand in operation.operands]
        if not operation.terms:
            return partial_formula(operation.op.name, at, place)
        end = 0
        for size in operation.terms:
            start, end = end, end + size
            if start <= place < end and size == 2:
                return partial_formula("mul", at[start:end], place - start)
        return None

    def _hidden_paths(self, value: Value, before: float) -> ValueStep:
        after = self.adjoint[value]

        def write(writing: GraphWriting) -> str:
            remark = writing.notation.remark("with the paths through values that are not shown")
            return writing.adjoint(value, after) + remark + writing.notation.change(before, after)

        text, latex = self._both(write)
        return HiddenPathsStep(value=value, before=before, after=after, text=text, latex=latex)

    def _zero(self, value: Value) -> ValueStep:
        def write(writing: GraphWriting) -> str:
            return writing.adjoint(value, 0.0) + writing.notation.remark("which passes nothing on")

        text, latex = self._both(write)
        return ZeroStep(value=value, text=text, latex=latex)


def _same(x: float, y: float) -> bool:
    return x == y or (isnan(x) and isnan(y))

"""Diagrams of recorded graphs: a card for every value, the local derivative on every edge.

    graph -> selection (values and operations) -> names -> DOT

Drawing never computes a gradient: a card says "grad –" until `backward` has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

from engine.derivatives import change_since_recording
from engine.show.diagram import Canvas, Diagram, Field, Heat, widths
from engine.show.notation import TEXT, Names
from engine.show.palette import Theme
from engine.show.render import TIMEOUT
from engine.show.selection import Selection, ShownOperand, ShownOperation, select
from engine.show.text import number
from engine.value import Value

View: TypeAlias = Literal["scalar", "compact"]

MAX_NODES = 1000
_COMPACT_ABOVE = 60  # values: the default view of a larger graph is compact
_FAST_LAYOUT_ABOVE = 1000  # ranks crossed, added up over all edges

# --- A recorded graph as DOT.


def draw(
    output: Value | Iterable[Value],
    *,
    view: View | None = None,
    theme: Theme = "light",
    heat: Heat | None = None,
    parameters: Iterable[Value] = (),
    local: bool = True,
    depth: int | None = None,
    max_nodes: int = MAX_NODES,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Diagram:
    """A diagram of the computation graph of a value.

    Args:
        output: the value whose graph is drawn, or several values.
        view: "scalar", with operations as shapes of their own, or "compact", with the operation on the
            card of its result; None for scalar where the graph is small.
        theme: "light" or "dark".
        heat: "grad" makes the width of an edge proportional to the gradient that flows back through it.
        parameters: leaves to show as parameters, besides those recorded as such.
        local: whether edges carry the local derivative.
        depth: how many operations to go back from the output; None for all.
        max_nodes: the most values to show, with five times as many edges.
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do; if a
            view, theme or heat is unknown, or heat is asked for before there is a gradient.

    Example:
        >>> a, b = Value(0.5, "a"), Value(-1.5, "b")
        >>> print(draw(a * b).dot.count("->"))
        3
    """
    roots = [output] if isinstance(output, Value) else list(output)
    if not roots:
        raise ValueError("there is no value to draw")
    selection = select(
        roots,
        depth=depth,
        max_nodes=max_nodes,
        whole="a diagram",
        ways_out="draw a part, with depth=3 or from an inner value; a network as neurons, with "
        "model.draw(x, y, loss); or raise max_nodes",
    )
    if view not in (None, "scalar", "compact"):
        raise ValueError(f"a view of a graph is scalar or compact, not {view!r}; model.draw shows neurons")
    if heat not in (None, "grad"):
        raise ValueError(f"heat is 'grad' or None, not {heat!r}")
    view = view or ("compact" if len(selection.values) > _COMPACT_ABOVE else "scalar")
    graph = Picture(selection, theme, parameters, merged=view == "compact")
    graph.draw(widths=_heat(selection.operations) if heat else {}, local=local)
    return graph.diagram(title, timeout)


def _heat(operations: dict[Value, ShownOperation]) -> dict[tuple[Value, int], float]:
    """The width of each edge, by result and place: linear in the gradient through it."""
    if any(not hasattr(value, "_grad") for value in operations):
        raise ValueError("heat='grad' shows gradients, and there are none yet: call backward() first")
    through = {
        (value, place): abs(operand.partial * value.grad)
        for value, operation in operations.items()
        for place, operand in enumerate(operation.operands)
    }
    return widths(through, 5.0)


class Picture:
    """A recorded graph being drawn: cards `v3`, operations `o3`, their edges `e3_0` and `r3`.

    Args:
        selection: the part of the graph to draw.
        theme: "light" or "dark".
        parameters: leaves to show as parameters, besides those recorded as such.
        merged: whether an operation is on the card of its result.
        names: the names of the values; by default the usual ones.
        gradients: the text after "grad" on each card; by default the value's `grad`, once it has one.

    Attributes:
        index: the number of each value, by which its card, operation and edges are identified.
    """

    def __init__(
        self,
        selection: Selection,
        theme: Theme,
        parameters: Iterable[Value] = (),
        *,
        merged: bool = False,
        names: Names | None = None,
        gradients: Mapping[Value, str] | None = None,
    ) -> None:
        self.selection, self.merged, self.gradients = selection, merged, gradients
        self.names = names or Names(selection)
        self.index = {value: i for i, value in enumerate(selection.values)}
        self.kinds = {value: selection.kind(value, parameters) for value in selection.values}
        operations = selection.operations.values()
        self.uses = Counter(operand.value for operation in operations for operand in operation.operands)
        fast = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1", "splines": "line"}
        layout = fast if self._crossings() > _FAST_LAYOUT_ABOVE else {}
        self.canvas = Canvas(theme, rankdir="LR", nodesep="0.14", ranksep="0.24", **layout)

    def _crossings(self) -> int:
        """How many ranks all edges cross together. The time of a layout grows with it."""
        step = 1 if self.merged else 2  # an operation lies between two values
        rank: dict[Value, int] = {}
        for value in self.selection.values:
            operation = self.selection.operations.get(value)
            below = (rank[operand.value] for operand in operation.operands) if operation else ()
            rank[value] = max((r + step for r in below), default=0)
        return sum(
            rank[value] - rank[operand.value]
            for value, operation in self.selection.operations.items()
            for operand in operation.operands
        )

    def draw(self, *, widths: Mapping[tuple[Value, int], float], local: bool) -> None:
        """Put everything on the canvas.

        Args:
            widths: of edges, by result and place.
            local: whether edges carry the local derivative.
        """
        self._cards()
        self._edges(widths, local=local)
        selection = self.selection
        cut = any(map(selection.is_cut, selection.values))
        left_out = len(selection.order) - len(selection.values)
        lines = [f"⋯ stands for what is not drawn, {left_out:,} values"] if cut else []
        lines += [f"Out of date: {line}" for line in self._changes()]
        if lines:
            self.canvas.caption(lines)

    def _changes(self) -> list[str]:
        """What was assigned after recording, in one line: the numbers of the picture do not go together."""
        edges = [x.edge[0] for operation in self.selection.operations.values() for x in operation.operands]
        changes = list(filter(None, map(change_since_recording, dict.fromkeys(edges))))
        return [f"{changes[0]}. Record again to draw the new numbers."] if changes else []

    def diagram(self, title: str, timeout: float) -> Diagram:
        """The finished diagram."""
        roots = self.selection.roots
        named = ", ".join(self.names.text[root][0] for root in roots[:4]) + (", …" if len(roots) > 4 else "")
        return self.canvas.diagram(title or f"Computation graph of {named}", self._sentences(), timeout)

    def _cards(self) -> None:
        for value, i in self.index.items():
            operation, kind = self.selection.operations.get(value), self.kinds[value]
            name = self.names.text[value][0]
            data, gradient = self._number(value), self._gradient(value)
            title = f"{name}, constant" if kind == "constant" else f"{name} = {data}, grad {gradient}, {kind}"
            if self.merged and operation is not None and name != (formula := self.names.formula(operation)):
                name = f"{name} = {formula or operation.symbol}"
            cut = ["⋯"] if self.selection.is_cut(value) else []
            fields: list[Field] = [*cut, name, [f"data {data}", f"grad {gradient}"]]
            self.canvas.card(f"v{i}", [name] if kind == "constant" else fields, kind, "value", title)
            if operation is not None and not self.merged:
                # Operands in order, from the top, unless that would bend the edges of a shared one.
                in_order = operation.op.shares or all(self.uses[x.value] == 1 for x in operation.operands)
                ordering = {"ordering": "in"} if in_order else {}
                title = f"{operation.op.text}: {name}"
                self.canvas.operation(f"o{i}", operation.symbol, operation.op.name, title, **ordering)

    def _number(self, value: Value) -> str:
        return number(value.data)

    def _partial(self, operand: ShownOperand) -> str:
        return number(operand.partial)

    def _gradient(self, value: Value) -> str:
        if self.gradients is not None:
            return self.gradients[value]
        return number(value.grad) if hasattr(value, "_grad") else "–"

    def _edges(self, widths: Mapping[tuple[Value, int], float], *, local: bool) -> None:
        for value, operation in self.selection.operations.items():
            i = self.index[value]
            target = f"v{i}" if self.merged else f"o{i}"
            places = list(enumerate(operation.operands))
            if operation.op.shares:  # the same order at each share of one softmax
                places.sort(key=lambda place: place[1].value.serial)
            for place, operand in places:
                fixed = self.kinds[operand.value] == "constant"  # the derivative by it is of no interest
                partial = TEXT.partial(self.names.atom(value), self.names.atom(operand.value), place)
                self.canvas.edge(
                    f"v{self.index[operand.value]}",
                    target,
                    f"e{i}_{place}",
                    "operand",
                    "" if fixed else f"{partial} = {self._partial(operand)}",
                    f"×{self._partial(operand)}" if local and not fixed else "",
                    penwidth=f"{widths.get((value, place), 1.2):.3g}",
                )
            if not self.merged:
                self.canvas.edge(
                    target, f"v{i}", f"r{i}", "result", arrowhead="none", penwidth="2.6", weight="8"
                )

    def _sentences(self) -> Iterator[str]:
        """The diagram in words: what each value is computed from."""
        yield f"{len(self.selection.values)} values, {len(self.selection.operations)} operations."
        yield from self._changes()
        names = self.names.text
        for value, operation in self.selection.operations.items():
            of = ", ".join(names[operand.value][0] for operand in operation.operands)
            yield f"{names[value][0]} is {operation.symbol} of {of}: {self._number(value)}."

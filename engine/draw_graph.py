"""Diagrams of recorded graphs: a card for every value, the local derivative on every edge.

    graph -> what is shown (values and steps) -> names -> DOT

Drawing never computes a gradient: a card says "grad –" until `backward` has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.diagram import (
    LONGEST_NAME,
    SUPERSCRIPTS,
    Canvas,
    Diagram,
    Field,
    Heat,
    Theme,
    name_of,
    number,
    widths,
)
from engine.graph import recorded
from engine.ops import OPS
from engine.render import TIMEOUT
from engine.value import CONSTANT, LEAF, PARAMETER, Value, is_factor_one

View: TypeAlias = Literal["scalar", "compact"]

MAX_NODES = 1000
_MOST_EDGES = 5  # for each value that may be shown
_COMPACT_ABOVE = 60  # values: the default view of a larger graph is compact
_FAST_LAYOUT_ABOVE = 400  # values
_LONGEST_EXPRESSION = 16  # characters of a formula on a card

# --- A recorded graph: what is shown of it.


@dataclass(frozen=True)
class _Step:
    """How a value that is shown was computed: an operation, its operands and the derivatives by them."""

    op: str
    symbol: str
    operands: list[tuple[Value, float]]


_SHARES = ("softmax", "log_softmax")


def _absorbed(order: Sequence[Value], roots: Sequence[Value]) -> set[Value]:
    """The unnamed partial sums that are used once, by a sum: they are drawn as a part of it."""
    uses = Counter(parent for value in order for parent in value.parents)
    kept = set(roots)
    return {
        parent
        for value in order
        if value.op == "add"
        for parent in value.parents
        if parent.op in ("add", "sumprod") and uses[parent] == 1 and not parent.label and parent not in kept
    }


def _step(value: Value, absorbed: set[Value]) -> _Step:
    """The operation of a value; a chain of binary additions is one sum."""
    operands: list[tuple[Value, float]] = []
    products = value.op == "sumprod"
    stack = _operands(value)[::-1]
    while stack:
        operand, partial = stack.pop()
        if operand in absorbed:  # into an addition, by whose partial of 1 nothing changes
            products = products or operand.op == "sumprod"
            stack.extend(_operands(operand)[::-1])
        else:
            operands.append((operand, partial))
    if value.op == "add" and len(operands) > 2:  # the 0 that `sum` starts from adds nothing
        operands = [(v, d) for v, d in operands if not (v.op == CONSTANT and v.data == 0.0)] or operands
    symbol = "Σ×" if products else "Σ" if value.op == "add" and len(operands) > 2 else OPS[value.op].symbol
    return _Step(value.op, symbol, operands)


def _operands(value: Value) -> list[tuple[Value, float]]:
    """The operands and the partials; those of a sum of products pair by pair, without factors of 1."""
    edges = list(zip(value.parents, value.partials, strict=True))
    if value.op == "sumprod":
        half = len(edges) // 2
        products = zip(edges[:half], edges[half:], strict=True)
        return [edge for product in products for edge in _factors(product)]
    return edges


def _factors(product: Iterable[tuple[Value, float]]) -> list[tuple[Value, float]]:
    both = list(product)
    return [edge for edge in both if not is_factor_one(edge[0])] or both


def _within(
    roots: Sequence[Value], steps: Callable[[Value], _Step | None], depth: int | None
) -> tuple[dict[Value, _Step], list[Value]]:
    """The steps at most `depth` away from the roots, and every value they show, in order of recording."""
    shown: dict[Value, _Step] = {}
    level = list(dict.fromkeys(roots))
    values = set(level)
    while level and (depth is None or depth > 0):
        depth = None if depth is None else depth - 1
        following: list[Value] = []
        for value in level:
            step = steps(value)
            if step is not None:
                shown[value] = step
                following.extend(v for v, _ in step.operands)
        level = [v for v in dict.fromkeys(following) if v not in values]
        values.update(level)
    in_order = sorted(values, key=lambda value: value.serial)
    return {value: shown[value] for value in in_order if value in shown}, in_order


# --- Names of values: the label, the expression where it is short, else a number.

_PRECEDENCE = {"add": 1, "fsum": 1, "sub": 1, "neg": 2, "mul": 3, "div": 3, "pow": 5}
_ATOM = 6


def _names(values: Sequence[Value], steps: dict[Value, _Step]) -> tuple[dict[Value, str], dict[Value, int]]:
    names: dict[Value, str] = {}
    binding: dict[Value, int] = {}
    unnamed = 0
    for value in values:
        step = steps.get(value)
        text, how = name_of(value.label), _ATOM
        if not text and value.op == CONSTANT:
            text, how = number(value.data), _ATOM if value.data >= 0.0 else 2
        elif not text and step is not None:
            text, how = _expression(step, [(names[v], binding[v]) for v, _ in step.operands])
        if not text or len(text) > (LONGEST_NAME if value.label else _LONGEST_EXPRESSION):
            unnamed += 1
            text, how = f"#{unnamed}", _ATOM
        names[value], binding[value] = text, how
    return names, binding


def _expression(step: _Step, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The formula of a step, and how strongly it binds; empty where it is sure to be long."""
    if step.op in _SHARES:  # the share of its first operand
        return f"{step.symbol}({operands[0][0]}, …)", _ATOM
    if len(operands) > 4 or step.symbol == "Σ×":
        return "", _ATOM
    own = _PRECEDENCE.get(step.op, _ATOM)

    def inside(place: int, least: int) -> str:
        text, binds = operands[place]
        return text if binds >= least else f"({text})"

    match step.op:
        case "add" | "fsum":
            text = " + ".join(inside(i, 1) for i in range(len(operands)))
        case "sub":
            text = f"{inside(0, 1)} − {inside(1, 2)}"
        case "neg":
            text = f"−{inside(0, 3)}"
        case "mul":
            text = f"{inside(0, 3)}·{inside(1, 4)}"
        case "div":
            text = f"{inside(0, 3)}/{inside(1, 4)}"
        case "pow":
            exponent = operands[1][0].translate(SUPERSCRIPTS)
            raised = exponent if exponent.isdigit() and len(exponent) == 1 else f"^{inside(1, _ATOM)}"
            text = inside(0, _ATOM) + raised
        case "abs":
            text = f"|{operands[0][0]}|"
        case _:
            text = f"{step.symbol}({', '.join(name for name, _ in operands)})"
    return text, own


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
        output: the value whose graph is drawn, or several.
        view: "scalar", with operations as shapes of their own, or "compact", with the operation on the
            card of its result; None for scalar where the graph is small.
        theme: "light" or "dark".
        heat: "grad" draws the edges the wider, the more gradient flows back through them.
        parameters: leaves to be shown as parameters besides those of a network.
        local: whether edges carry the local derivative.
        depth: how many operations to go back from the output; None for all.
        max_nodes: the most values to show, with five times as many edges.
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do; if a
            view, theme or heat is none of these, or heat is asked for before any gradient is there.

    Example:
        >>> a, b = Value(0.5, "a"), Value(-1.5, "b")
        >>> print(draw(a * b).dot.count("->"))
        3
    """
    roots = [output] if isinstance(output, Value) else list(output)
    if not roots:
        raise ValueError("there is no value to draw")
    order = recorded(roots)
    absorbed = _absorbed(order, roots)
    if depth is None:  # refuse before anything is done with so many
        _refuse_large(
            len(order) - len(absorbed), sum(len(v.parents) for v in order) - len(absorbed), max_nodes
        )
    steps, values = _within(roots, lambda v: _step(v, absorbed) if v.parents else None, depth)
    _refuse_large(len(values), sum(len(step.operands) for step in steps.values()), max_nodes)
    if view not in (None, "scalar", "compact"):
        raise ValueError(f"a view of a graph is scalar or compact, not {view!r}; model.draw shows neurons")
    view = view or ("compact" if len(values) > _COMPACT_ABOVE else "scalar")
    if heat not in (None, "grad"):
        raise ValueError(f"heat is 'grad' or None, not {heat!r}")
    kinds = {value: _kind(value, roots, parameters) for value in values}
    graph = _Graph(theme, values, steps, kinds)
    graph.draw_cards(merged=view == "compact")
    graph.draw_edges(_heat(steps) if heat else {}, merged=view == "compact", local=local)
    if depth is not None and len(order) > len(values):
        graph.canvas.caption([f"⋯ stands for what is not drawn, {len(order) - len(values):,} values"])
    named = ", ".join(graph.names[root] for root in roots[:4]) + (", …" if len(roots) > 4 else "")
    return graph.canvas.diagram(title or f"Computation graph of {named}", graph.sentences(), timeout)


def _refuse_large(values: int, edges: int, max_nodes: int) -> None:
    if values > max_nodes or edges > _MOST_EDGES * max_nodes:
        raise ValueError(
            f"the graph has {values:,} values and {edges:,} edges, a diagram shows at most {max_nodes:,} and "
            f"{_MOST_EDGES * max_nodes:,}: draw a part, with depth=3 or from an inner value; a network as "
            "neurons, with model.draw(x, y, loss); or raise max_nodes"
        )


def _kind(value: Value, roots: Iterable[Value], parameters: Iterable[Value]) -> str:
    if value in roots:
        return "output"
    if value.op == PARAMETER or value in parameters:
        return "parameter"
    if value.op == CONSTANT and not value.label:
        return "constant"
    return "input" if value.op in (LEAF, CONSTANT) else "intermediate"


def _heat(steps: dict[Value, _Step]) -> dict[tuple[Value, int], float]:
    """For each edge, given by its step and place, how wide it is: linear in the gradient through it."""
    if any(not hasattr(value, "_grad") for value in steps):
        raise ValueError("heat='grad' shows gradients, and there are none yet: call backward() first")
    through = {
        (value, place): abs(partial * value.grad)
        for value, step in steps.items()
        for place, (_, partial) in enumerate(step.operands)
    }
    return widths(through, 5.0)


class _Graph:
    """A recorded graph being drawn: cards `v3`, operations `o3`, their edges `e3_0` and `r3`."""

    def __init__(
        self, theme: Theme, values: Sequence[Value], steps: dict[Value, _Step], kinds: dict[Value, str]
    ) -> None:
        self.values, self.steps, self.kinds = values, steps, kinds
        self.names, self.binding = _names(values, steps)
        self.index = {value: i for i, value in enumerate(values)}
        self.uses = Counter(v for step in steps.values() for v, _ in step.operands)
        fast = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1", "splines": "line"}
        layout = fast if len(values) > _FAST_LAYOUT_ABOVE else {}
        self.canvas = Canvas(theme, rankdir="LR", nodesep="0.14", ranksep="0.32", **layout)

    def draw_cards(self, *, merged: bool) -> None:
        for value, i in self.index.items():
            step, kind, name = self.steps.get(value), self.kinds[value], self.names[value]
            gradient = number(value.grad) if hasattr(value, "_grad") else "–"
            title = f"{name} = {number(value.data)}, grad {gradient}, {kind}"
            if merged and step is not None and name != (formula := self.formula(step)):
                name = f"{name} = {formula or step.symbol}"
            cut = ["⋯"] if step is None and value.parents else []
            fields: list[Field] = [*cut, name, [f"data {number(value.data)}", f"grad {gradient}"]]
            self.canvas.card(f"v{i}", [name] if kind == "constant" else fields, kind, "value", title)
            if step is not None and not merged:
                # Operands in order, from the top; where one is shared that would bend its edges.
                in_order = step.op in _SHARES or all(self.uses[v] == 1 for v, _ in step.operands)
                ordering = {"ordering": "in"} if in_order else {}
                title = f"{OPS[step.op].text}: {name}"
                self.canvas.operation(f"o{i}", step.symbol, step.op, title, **ordering)

    def draw_edges(self, widths: dict[tuple[Value, int], float], *, merged: bool, local: bool) -> None:
        for value, step in self.steps.items():
            i = self.index[value]
            target = f"v{i}" if merged else f"o{i}"
            places = list(enumerate(step.operands))
            if step.op in _SHARES:  # all shares of one softmax in one order
                places.sort(key=lambda place: place[1][0].serial)
            for place, (operand, partial) in places:
                self.canvas.edge(
                    f"v{self.index[operand]}",
                    target,
                    f"e{i}_{place}",
                    "operand",
                    f"∂{self.atom(value)}/∂{self.atom(operand)} = {number(partial)}",
                    f"×{number(partial)}" if local else "",
                    penwidth=f"{widths.get((value, place), 1.2):.3g}",
                )
            if not merged:
                self.canvas.edge(
                    target, f"v{i}", f"r{i}", "result", arrowhead="none", penwidth="2.6", weight="8"
                )

    def atom(self, value: Value) -> str:
        """A name, in parentheses if it is a formula."""
        name = self.names[value]
        return name if self.binding[value] == _ATOM else f"({name})"

    def formula(self, step: _Step) -> str:
        """A step as an expression, empty if that is long."""
        text, _ = _expression(step, [(self.names[v], self.binding[v]) for v, _ in step.operands])
        return text if len(text) <= _LONGEST_EXPRESSION else ""

    def sentences(self) -> Iterator[str]:
        """The diagram in words: what each value is computed from."""
        yield f"{len(self.values)} values, {len(self.steps)} operations."
        for value, step in self.steps.items():
            of = ", ".join(self.names[v] for v, _ in step.operands)
            yield f"{self.names[value]} is {step.symbol} of {of}: {number(value.data)}."

"""A small engine that can be given mistakes, to predict what an engine with the same mistakes computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.ops import OPS
from engine.recording import evaluate
from engine.value import Value

Rule: TypeAlias = Callable[..., tuple[float, Sequence[float]]]
"""A wrong operation: its value and its partials, from its name and its operands."""


@dataclass(frozen=True)
class Faults:
    """What is wrong with a model; nothing by default.

    Args:
        rules: wrong operations, by the form that they are used in: "sub:nv" is a number minus a value.
        deaf: forms that do not multiply by the gradient that arrives.
        sets: forms that set the gradient of an operand, in place of adding to it.
        mirrored: whether the second operand of an operation gets its gradient first.
        order: how the backward pass goes through the graph.
        keyed: "twice" or "once" if partials are kept by operand: an operand that is used twice in an
            operation has one partial, the last, which counts for each use or for one.
        keeps: whether the gradients of computed values stay for the next pass.
        adds_up: whether those of leaves do.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    deaf: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    mirrored: bool = False
    order: str = "topological"
    keyed: str = ""
    keeps: bool = False
    adds_up: bool = True


class Model:
    """The engine: its values and functions are in `names`.

    Args:
        faults: what is wrong with it.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.used: set[str] = set()

    @property
    def names(self) -> dict[str, Any]:
        """What a program may call."""
        made = {op: self._function(op) for op in OPS}
        return {
            **made,
            "leaf": self.leaf,
            "number": _number,
            "gradient": _gradient,
            "gradients": _gradients,
            "backward": self.backward,
            "plain": _same,
            "assign": _assign,
        }

    def leaf(self, x: float) -> Node:
        """A value made of a number."""
        return Node(self, float(x))

    def _function(self, op: str) -> Callable[..., Node]:
        return lambda *operands: self.apply(op, *operands)

    def apply(self, op: str, *operands: Node | float) -> Node:
        """An operation, recorded."""
        form = f"{op}:{''.join('v' if isinstance(o, Node) else 'n' for o in operands)}"
        self.used.add(form)
        xs = [o.data if isinstance(o, Node) else float(o) for o in operands]
        out, partials = self.faults.rules.get(form, right)(op, *xs)
        pairs = [(o, p) for o, p in zip(operands, partials, strict=True) if isinstance(o, Node)]
        if self.faults.keyed:
            last = dict(pairs)
            pairs = list(last.items()) if self.faults.keyed == "once" else [(o, last[o]) for o, _ in pairs]
        return Node(self, out, pairs, form)

    def backward(self, y: Node) -> None:
        """A pass of gradients."""
        order = ORDERS[self.faults.order](y)
        if not self.faults.keeps:
            for node in _topological(y):
                if node.pairs or not self.faults.adds_up:
                    node.grad = 0.0
        y.grad = 1.0 if y.pairs else y.grad + 1.0
        for node in order:
            self._push(node)

    def _push(self, node: Node) -> None:
        arrived = 1.0 if node.form in self.faults.deaf else node.grad
        for operand, partial in node.pairs[:: -1 if self.faults.mirrored else 1]:
            kept = 0.0 if node.form in self.faults.sets else operand.grad
            operand.grad = kept + partial * arrived


class Node:
    """A value of the model."""

    def __init__(
        self, model: Model, data: float, pairs: Sequence[tuple[Node, float]] = (), form: str = ""
    ) -> None:
        self.model, self.data, self.pairs, self.form, self.grad = model, data, pairs, form, 0.0

    def __add__(self, other: Any) -> Node:
        return self.model.apply("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return self.model.apply("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return self.model.apply("sub", self, other)

    def __rsub__(self, other: Any) -> Node:
        return self.model.apply("sub", other, self)

    def __mul__(self, other: Any) -> Node:
        return self.model.apply("mul", self, other)

    def __rmul__(self, other: Any) -> Node:
        return self.model.apply("mul", other, self)

    def __truediv__(self, other: Any) -> Node:
        return self.model.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return self.model.apply("div", other, self)

    def __pow__(self, other: Any) -> Node:
        return self.model.apply("pow", self, other)

    def __rpow__(self, other: Any) -> Node:
        return self.model.apply("pow", other, self)

    def __neg__(self) -> Node:
        return self.model.apply("neg", self)


def right(op: str, *xs: float) -> tuple[float, Sequence[float]]:
    """The value and the partials of an operation, as the table has them."""
    row = OPS[op]
    operands = [*xs, *[row.defaults[name] for name in row.operands[len(xs) :] if name in row.defaults]]
    out, partials = evaluate(row, [Value(x) for x in operands])
    return out, partials[: len(xs)]


def _topological(y: Node, forward: bool = True) -> list[Node]:
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(y, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((operand, False) for operand, _ in node.pairs[:: 1 if forward else -1])
    return order[::-1]


def _queue(again: bool, last: bool, forward: bool) -> Callable[[Node], list[Node]]:
    """Orders that take a value as soon as they meet it, before all its uses are complete."""

    def order(y: Node) -> list[Node]:
        waiting, seen = [y], {y}
        taken: list[Node] = []
        while waiting and len(taken) < _MOST:
            node = waiting.pop(-1 if last else 0)
            taken.append(node)
            for operand in dict.fromkeys(o for o, _ in node.pairs[:: 1 if forward else -1]):
                if again or operand not in seen:
                    seen.add(operand)
                    waiting.append(operand)
        return taken

    return order


def _depth_first(forward: bool) -> Callable[[Node], list[Node]]:
    def order(y: Node) -> list[Node]:
        taken: list[Node] = []

        def visit(node: Node) -> None:
            if node not in taken:
                taken.append(node)
                for operand, _ in node.pairs[:: 1 if forward else -1]:
                    visit(operand)

        visit(y)
        return taken

    return order


def _repeating(y: Node) -> list[Node]:
    """A value is listed again each time it is met."""
    listed: list[Node] = []
    seen: set[Node] = set()

    def visit(node: Node) -> None:
        if node not in seen:
            seen.add(node)
            for operand in dict.fromkeys(o for o, _ in node.pairs):
                visit(operand)
        listed.append(node)

    visit(y)
    return listed[::-1]


def _leaves_first(y: Node) -> list[Node]:
    return _topological(y)[::-1]


_MOST = 5000
EARLY = {
    f"early {again}{last}{forward}": _queue(again, last, forward)
    for again in (False, True)
    for last in (False, True)
    for forward in (False, True)
}
ORDERS: dict[str, Callable[[Node], list[Node]]] = {
    "topological": _topological,
    "topological, last operand first": lambda y: _topological(y, False),
    **EARLY,
    "early depth first": _depth_first(True),
    "early depth first, last operand first": _depth_first(False),
    "again": _repeating,
    "leaves first": _leaves_first,
}
"""How the backward pass may go through a graph, by name."""


def _number(x: Node) -> float:
    return x.data


def _gradient(x: Node) -> float:
    return x.grad


def _gradients(many: Sequence[Node]) -> list[float]:
    return [x.grad for x in many]


def _same(x: Any) -> Any:
    return x


def _assign(x: Node, number: float) -> None:
    x.data = number

"""A small engine that can be given mistakes, to predict what an engine with the same mistakes computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

from engine.ops import OPS
from engine.recording import evaluate
from engine.value import Value

Rule: TypeAlias = Callable[..., tuple[float, Sequence[float]]]
"""A wrong operation: its value and its partials, from its name and its operands."""


@dataclass(frozen=True)
class Mistakes:
    """What is wrong with a model; nothing by default.

    Args:
        rules: wrong operations, by the form that they are used in: "sub:nv" is a number minus a value.
        deaf: forms that do not multiply by the gradient that arrives.
        sets: forms that set the gradients of their operands, in place of adding to them; "add:vv/0" does so
            for its first operand only.
        mirrored: whether the second operand of an operation gets its gradient first.
        order: how the backward pass goes through the graph.
        keyed: "twice" or "once" if partials are kept by operand: an operand that is used twice in an
            operation has one partial, the last, which counts for each use or for one.
        confused: forms of products that multiply by the gradient of the other operand, not by its number.
        cut: forms whose results are not known to have operands, when the backward pass looks for them.
        keeps: whether the gradients of computed values stay for the next pass.
        adds_up: whether those of leaves do.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    deaf: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    mirrored: bool = False
    order: str = "topological"
    keyed: str = ""
    cut: frozenset[str] = frozenset()
    confused: frozenset[str] = frozenset()
    keeps: bool = False
    adds_up: bool = True


class Model:
    """The engine: its values and functions are in `names`.

    Args:
        mistakes: what is wrong with it.
    """

    def __init__(self, mistakes: Mistakes | None = None) -> None:
        self.mistakes = mistakes or Mistakes()
        self.used: list[str] = []

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

    def leaf(self, x: float) -> ModelValue:
        """A value made of a number."""
        return ModelValue(self, float(x))

    def _function(self, op: str) -> Callable[..., ModelValue]:
        return lambda *operands: self.apply(op, *operands)

    def apply(self, op: str, *operands: ModelValue | float) -> ModelValue:
        """An operation, recorded."""
        form = f"{op}:{''.join('v' if isinstance(o, ModelValue) else 'n' for o in operands)}"
        self.used.append(form)
        xs = [o.data if isinstance(o, ModelValue) else float(o) for o in operands]
        out, partials = self.mistakes.rules.get(form, right)(op, *xs)
        pairs = [(o, p) for o, p in zip(operands, partials, strict=True) if isinstance(o, ModelValue)]
        if self.mistakes.keyed:
            last = dict(pairs)
            pairs = list(last.items()) if self.mistakes.keyed == "once" else [(o, last[o]) for o, _ in pairs]
        return ModelValue(self, out, pairs, form)

    def backward(self, y: ModelValue) -> None:
        """A pass of gradients."""
        order = ORDERS[self.mistakes.order](y)
        if not self.mistakes.keeps:
            for node in _topological(y):
                if node.pairs or not self.mistakes.adds_up:
                    node.grad = 0.0
        y.grad = 1.0 if y.pairs else y.grad + 1.0
        for node in order:
            self._push(node)

    def _push(self, node: ModelValue) -> None:
        arrived = 1.0 if node.form in self.mistakes.deaf else node.grad
        sets, confused = self.mistakes.sets, node.form in self.mistakes.confused
        for i in range(len(node.pairs))[:: -1 if self.mistakes.mirrored else 1]:
            operand, partial = node.pairs[i]
            if confused:
                partial = node.pairs[1 - i][0].grad if len(node.pairs) == 2 else 0.0
            kept = 0.0 if node.form in sets or f"{node.form}/{i}" in sets else operand.grad
            operand.grad = kept + partial * arrived


class ModelValue:
    """A value of the model."""

    def __init__(
        self, model: Model, data: float, pairs: Sequence[tuple[ModelValue, float]] = (), form: str = ""
    ) -> None:
        self.model, self.data, self.pairs, self.form, self.grad = model, data, pairs, form, 0.0

    @property
    def operands(self) -> list[ModelValue]:
        """What the backward pass finds through this value."""
        return [] if self.form in self.model.mistakes.cut else [operand for operand, _ in self.pairs]

    def __add__(self, other: Any) -> ModelValue:
        return self.model.apply("add", self, other)

    def __radd__(self, other: Any) -> ModelValue:
        return self.model.apply("add", other, self)

    def __sub__(self, other: Any) -> ModelValue:
        return self.model.apply("sub", self, other)

    def __rsub__(self, other: Any) -> ModelValue:
        return self.model.apply("sub", other, self)

    def __mul__(self, other: Any) -> ModelValue:
        return self.model.apply("mul", self, other)

    def __rmul__(self, other: Any) -> ModelValue:
        return self.model.apply("mul", other, self)

    def __truediv__(self, other: Any) -> ModelValue:
        return self.model.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> ModelValue:
        return self.model.apply("div", other, self)

    def __pow__(self, other: Any) -> ModelValue:
        return self.model.apply("pow", self, other)

    def __rpow__(self, other: Any) -> ModelValue:
        return self.model.apply("pow", other, self)

    def __neg__(self) -> ModelValue:
        return self.model.apply("neg", self)


def right(op: str, *xs: float) -> tuple[float, Sequence[float]]:
    """The value and the partials of an operation, as the table has them."""
    row = OPS[op]
    operands = [*xs, *[row.defaults[name] for name in row.operands[len(xs) :] if name in row.defaults]]
    out, partials = evaluate(row, [Value(x) for x in operands])
    return out, partials[: len(xs)]


def _topological(y: ModelValue, forward: bool = True) -> list[ModelValue]:
    order: list[ModelValue] = []
    seen: set[ModelValue] = set()
    stack = [(y, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((operand, False) for operand in node.operands[:: 1 if forward else -1])
    return order[::-1]


def _queue(again: bool, last: bool, forward: bool, once: bool) -> Callable[[ModelValue], list[ModelValue]]:
    """Orders that take a value as soon as they meet it, before all its uses are complete."""

    def order(y: ModelValue) -> list[ModelValue]:
        waiting, seen = [y], {y}
        taken: list[ModelValue] = []
        while waiting and len(taken) < _MOST:
            node = waiting.pop(-1 if last else 0)
            taken.append(node)
            found = node.operands[:: 1 if forward else -1]
            for operand in dict.fromkeys(found) if once else found:
                if again or operand not in seen:
                    seen.add(operand)
                    waiting.append(operand)
        return taken

    return order


def _depth_first(forward: bool) -> Callable[[ModelValue], list[ModelValue]]:
    def order(y: ModelValue) -> list[ModelValue]:
        taken: list[ModelValue] = []

        def visit(node: ModelValue) -> None:
            if node not in taken:
                taken.append(node)
                for operand in node.operands[:: 1 if forward else -1]:
                    visit(operand)

        visit(y)
        return taken

    return order


def _repeating(y: ModelValue) -> list[ModelValue]:
    """A value is listed again each time it is met."""
    listed: list[ModelValue] = []
    seen: set[ModelValue] = set()

    def visit(node: ModelValue) -> None:
        if node not in seen:
            seen.add(node)
            for operand in dict.fromkeys(node.operands):
                visit(operand)
        listed.append(node)

    visit(y)
    return listed[::-1]


def _stacked(y: ModelValue) -> list[ModelValue]:
    """A value is put on a stack by each use that is met before it is visited, and listed as often."""
    stack, seen = [y], {y}
    listed: list[ModelValue] = []
    while stack and len(listed) < _MOST:
        node = stack[-1]
        seen.add(node)
        waiting = [operand for operand in node.operands if operand not in seen]
        stack += waiting
        if not waiting:
            listed.append(stack.pop())
    return listed[::-1]


def _leaves_first(y: ModelValue) -> list[ModelValue]:
    return _topological(y)[::-1]


_MOST = 5000
EARLY = {
    f"early {''.join(map(str, choice))}": _queue(*map(bool, choice)) for choice in product((0, 1), repeat=4)
}
ORDERS: dict[str, Callable[[ModelValue], list[ModelValue]]] = {
    "topological": _topological,
    "topological, last operand first": lambda y: _topological(y, False),
    **EARLY,
    "early depth first": _depth_first(True),
    "early depth first, last operand first": _depth_first(False),
    "again": _repeating,
    "again, stacked": _stacked,
    "leaves first": _leaves_first,
}
"""How the backward pass may go through a graph, by name."""


def _number(x: ModelValue) -> float:
    return x.data


def _gradient(x: ModelValue) -> float:
    return x.grad


def _gradients(many: Sequence[ModelValue]) -> list[float]:
    return [x.grad for x in many]


def _same(x: Any) -> Any:
    return x


def _assign(x: ModelValue, number: float) -> None:
    x.data = number

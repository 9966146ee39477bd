"""A correct engine of functions: no operators, and `gradients(y)` returns a dictionary."""

from __future__ import annotations

import math
from collections.abc import Sequence


class Node:
    def __init__(self, value: float, edges: Sequence[tuple[Node, float]] = ()) -> None:
        self.value = value
        self.edges = edges


def add(x: Node, y: Node) -> Node:
    return Node(x.value + y.value, [(x, 1.0), (y, 1.0)])


def sub(x: Node, y: Node) -> Node:
    return Node(x.value - y.value, [(x, 1.0), (y, -1.0)])


def mul(x: Node, y: Node) -> Node:
    return Node(x.value * y.value, [(x, y.value), (y, x.value)])


def div(x: Node, y: Node) -> Node:
    return Node(x.value / y.value, [(x, 1 / y.value), (y, -x.value / y.value**2)])


def tanh(x: Node) -> Node:
    return Node(math.tanh(x.value), [(x, 1 - math.tanh(x.value) ** 2)])


def cos(x: Node) -> Node:
    return Node(math.cos(x.value), [(x, -math.sin(x.value))])


def gradients(y: Node) -> dict[Node, float]:
    order: list[Node] = []
    seen = set()
    stack = [(y, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((operand, False) for operand, _ in node.edges)
    found = dict.fromkeys(order, 0.0)
    found[y] = 1.0
    for node in reversed(order):
        for operand, partial in node.edges:
            found[operand] += partial * found[node]
    return found

"""Order and walks over recorded nodes: iterative, deterministic, by this protocol alone."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Protocol, TypeVar


class Node(Protocol):
    """A recorded number: when it was recorded, what it was computed from, and the partials on its edges.

    The walks below and in `engine.backprop` visit every edge of a graph, and read the slots that the
    edges lie in. A node of one or two operands has them in `_x` and `_y`, with the derivatives by them in
    `_dx` and `_dy`; of more, both are tuples, in `_x` and `_dx`. A leaf has None in `_x`.
    """

    serial: int
    data: float
    grad: float
    _grad: float
    _x: Any
    _y: Any
    _dx: Any
    _dy: Any

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands, in order; empty for a leaf."""

    @property
    def is_variable(self) -> bool:
        """Whether it is a leaf, and not a constant."""

    @property
    def partials(self) -> tuple[float, ...]:
        """The derivative by each operand; empty for a leaf."""


N = TypeVar("N", bound=Node)


def topological(roots: Iterable[N]) -> list[N]:
    """Every node that the roots depend on, themselves included, parents first.

    The order is the order of recording. Operands exist before the values computed from them, so this
    is a topological order, and it is the same in every run.

    Args:
        roots: the nodes to start from.

    Returns:
        The nodes, each once.

    Example:
        >>> from engine import Value
        >>> a = Value(2.0, "a")
        >>> b = a * a
        >>> [node.data for node in topological([b + a])]
        [2.0, 4.0, 6.0]
    """
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for node in found:  # grows while it is walked
        x, y = node._x, node._y
        if x.__class__ is tuple:
            if not seen.issuperset(x):
                fresh = [parent for parent in dict.fromkeys(x) if parent not in seen]
                seen.update(fresh)
                found.extend(fresh)
        elif x is not None:
            if x not in seen:
                seen.add(x)
                found.append(x)
            if y is not None and y not in seen:
                seen.add(y)
                found.append(y)
    found.sort(key=attrgetter("serial"))
    return found


def dependents(order: Iterable[N], sources: Iterable[N]) -> set[N]:
    """The sources, and the nodes of an order that are computed from them.

    Args:
        order: nodes, parents first, as `topological` returns them.
        sources: the nodes to start from.

    Returns:
        The set of both.
    """
    reached = set(sources)
    for node in order:
        if not reached.isdisjoint(node.parents):
            reached.add(node)
    return reached

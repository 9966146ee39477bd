"""A recorded graph is a program: run it again, on other numbers or in another number system."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.ops import OPS
from engine.value import Value


def replay(order: Iterable[Value], m: Any, numbers: Mapping[Value, Any]) -> dict[Value, Any]:
    """Every value of a graph, computed again over a number system.

    Args:
        order: recorded values, parents first, as `engine.graph.topological` returns them.
        m: a number system with a method `number`, as `Balls` is.
        numbers: the new numbers of some values, which are not computed. Any other leaf keeps its float.

    Returns:
        The numbers by value, those given included.

    Example:
        >>> from engine.graph import topological
        >>> from engine.numbers.balls import Balls
        >>> x = Value(0.1, "x")
        >>> y = x * 3
        >>> m = Balls(100)
        >>> with m.at_work():
        ...     replay(topological([y]), m, {})[y]
        [0.30000000000000001665334536938 +/- 2.66e-30]
    """
    result = dict(numbers)
    for value in order:
        if value not in result:
            parents = value.parents
            result[value] = (
                OPS[value.op].forward(m, *[result[parent] for parent in parents])
                if parents
                else m.number(value.data)
            )
    return result

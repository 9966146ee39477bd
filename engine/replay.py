"""A recorded graph is a program: run it again, on other numbers or in another number system."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.graph import dependents, topological
from engine.numbers.multiprecision import Multiprecision
from engine.ops import OPS
from engine.value import Value


def replay(order: Iterable[Value], m: Any, numbers: Mapping[Value, Any]) -> dict[Value, Any]:
    """Every value of a graph, computed again over a number system.

    Args:
        order: recorded values, parents first, as `engine.graph.topological` returns them.
        m: a number system with a method `number`, as `Multiprecision` is.
        numbers: what some values are now; they are not computed. Any other leaf is its own float.

    Returns:
        The numbers by value, those given included.

    Example:
        >>> x = Value(0.1, "x")
        >>> y = x * 3
        >>> print(replay(topological([y]), Multiprecision(30), {})[y])
        0.300000000000000016653345369377
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


def differences(output: Value, inputs: Sequence[Value], digits: int = 60) -> list[Any]:
    """The derivative of an output by each input, by a central difference in high precision.

    No rule for a derivative takes part: the graph is run again with the input moved up and down by a
    relative step of 10**(-digits / 3), which leaves about 2/3 of the digits right where the function is
    smooth. At a kink it is the mean of the slopes on both sides.

    Args:
        output: the recorded value to differentiate.
        inputs: leaves, or inner values, to differentiate by.
        digits: decimal digits of the computation.

    Returns:
        One `mpmath` number per input, in order.

    Example:
        >>> x = Value(2.0)
        >>> print(*(float(slope) for slope in differences(x**3, [x])))
        12.0
    """
    m = Multiprecision(digits)
    order = topological([output])
    at_rest = replay(order, m, {})
    step = m.pow(m.number(10.0), m.number(-digits // 3))
    slopes = []
    for x in inputs:
        moved = dependents(order, [x])
        still = {value: number for value, number in at_rest.items() if value not in moved}
        path = [value for value in order if value in moved and value is not x]
        x0 = at_rest.get(x, m.number(x.data))
        h = step * (m.abs(x0) if x0 else 1)
        up, down = (
            replay(path, m, {**still, x: x0 + sign * h}).get(output, at_rest[output]) for sign in (1, -1)
        )
        slopes.append((up - down) / (2 * h))
    return slopes

"""What is shown of a recorded graph: which values, and how each was computed.

A picture and an explanation of the same graph show the same. A chain of additions, which was recorded as
partial sums, is shown as the one sum it means; and only a part of a graph may be shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.graph import topological
from engine.ops import OPS
from engine.value import CONSTANT, INPUT, PARAMETER, Value, is_factor_one

_MOST_EDGES = 5  # for each value that may be shown


@dataclass(frozen=True)
class Operand:
    """An operand of an operation that is shown.

    Args:
        value: the operand.
        partial: the derivative by it.
        edge: where that was recorded: a value, and the place among its parents. It is the value that is
            shown, or a partial sum inside it.
    """

    value: Value
    partial: float
    edge: tuple[Value, int]


@dataclass(frozen=True)
class Operation:
    """How a value that is shown was computed.

    Args:
        op: the operation, a row of `engine.ops.OPS`.
        symbol: what is shown for it.
        operands: what it was applied to.
        terms: of a sum: how many of the operands, in order, are the factors of each term.
    """

    op: str
    symbol: str
    operands: Sequence[Operand]
    terms: Sequence[int] = ()


@dataclass(frozen=True)
class Shown:
    """The part of a graph that is shown.

    Args:
        roots: the outputs.
        order: the whole graph, in order of recording.
        values: the values that are shown, in order of recording.
        operations: how they were computed; those without are leaves, or cut.
    """

    roots: Sequence[Value]
    order: Sequence[Value]
    values: Sequence[Value]
    operations: dict[Value, Operation]

    def kind(self, value: Value, parameters: Iterable[Value] = ()) -> str:
        """What a value is in its graph: output, parameter, constant, input or intermediate."""
        if value in self.roots:
            return "output"
        if value.kind == PARAMETER or value in parameters:
            return "parameter"
        if value.kind == CONSTANT and not value.label:
            return "constant"
        return "input" if value.kind in (INPUT, CONSTANT) else "intermediate"


def shown_of(
    roots: Sequence[Value], *, depth: int | None, max_nodes: int, whole: str, ways_out: str
) -> Shown:
    """What to show of a graph.

    Args:
        roots: the outputs.
        depth: how many operations to go back from them; None for all.
        max_nodes: the most values to show, with five times as many edges.
        whole: what shows them, for the message that refuses more.
        ways_out: what to do about that.

    Returns:
        What is shown.

    Raises:
        ValueError: if that is more.

    Example:
        >>> a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
        >>> y = a + b + c
        >>> shown = shown_of([y], depth=None, max_nodes=9, whole="a diagram", ways_out="draw less")
        >>> len(shown.order), len(shown.values), shown.operations[y].symbol
        (5, 4, 'Σ')
    """

    def refuse_more(values: int, edges: int) -> None:
        if values > max_nodes or edges > _MOST_EDGES * max_nodes:
            raise ValueError(
                f"the graph has {values:,} values and {edges:,} edges, {whole} shows at most {max_nodes:,} "
                f"and {_MOST_EDGES * max_nodes:,}: {ways_out}"
            )

    order = topological(roots)
    absorbed = _absorbed(order, roots)
    if depth is None:  # refuse before anything is done with so many
        refuse_more(len(order) - len(absorbed), sum(len(v.parents) for v in order) - len(absorbed))
    operations, values = _within(roots, absorbed, depth)
    refuse_more(len(values), sum(len(operation.operands) for operation in operations.values()))
    return Shown(roots, order, values, operations)


def _absorbed(order: Sequence[Value], roots: Sequence[Value]) -> set[Value]:
    """The unnamed partial sums that are used once, by a sum: they are shown as a part of it."""
    uses = Counter(parent for value in order for parent in value.parents)
    kept = set(roots)
    return {
        parent
        for value in order
        if value.op == "add"
        for parent in value.parents
        if parent.op in ("add", "sumprod") and uses[parent] == 1 and not parent.label and parent not in kept
    }


def _operation(value: Value, absorbed: set[Value]) -> Operation:
    """The operation of a value; a chain of binary additions is one sum."""
    terms: list[list[Operand]] = []
    stack = _terms(value)[::-1]
    while stack:
        term = stack.pop()
        inside = term[0].value
        if inside in absorbed:  # into an addition, by whose partial of 1 nothing changes
            stack.extend(_terms(inside)[::-1])
        else:
            terms.append(term)
    if value.op == "add" and sum(map(len, terms)) > 2:  # the 0 that `sum` starts from adds nothing
        terms = [term for term in terms if len(term) == 2 or not _is_zero(term[0].value)] or terms
    operands = [operand for term in terms for operand in term]
    if value.op not in ("add", "fsum", "sumprod"):
        return Operation(value.op, OPS[value.op].symbol, operands)
    products = value.op == "sumprod" or any(len(term) == 2 for term in terms)
    symbol = "Σ×" if products else "Σ" if len(operands) > 2 else OPS[value.op].symbol
    return Operation(value.op, symbol, operands, [len(term) for term in terms])


def _is_zero(value: Value) -> bool:
    return value.kind == CONSTANT and value.data == 0.0


def _terms(value: Value) -> list[list[Operand]]:
    """The operands of a value, one by one; the factors of a sum of products pair by pair, but for a 1."""
    operands = [
        Operand(parent, partial, (value, place))
        for place, (parent, partial) in enumerate(zip(value.parents, value.partials, strict=True))
    ]
    if value.op == "sumprod":
        half = len(operands) // 2
        pairs = zip(operands[:half], operands[half:], strict=True)
        return [[factor for factor in pair if not is_factor_one(factor.value)] or [*pair] for pair in pairs]
    return [[operand] for operand in operands]


def _within(
    roots: Sequence[Value], absorbed: set[Value], depth: int | None
) -> tuple[dict[Value, Operation], list[Value]]:
    """The operations at most `depth` away from the roots, and every value they show, as recorded."""
    found: dict[Value, Operation] = {}
    level = list(dict.fromkeys(roots))
    values = set(level)
    while level and (depth is None or depth > 0):
        depth = None if depth is None else depth - 1
        following: list[Value] = []
        for value in level:
            if value.parents:
                found[value] = _operation(value, absorbed)
                following.extend(operand.value for operand in found[value].operands)
        level = [v for v in dict.fromkeys(following) if v not in values]
        values.update(level)
    in_order = sorted(values, key=lambda value: value.serial)
    return {value: found[value] for value in in_order if value in found}, in_order

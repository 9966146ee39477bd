"""The part of a recorded graph to show: which values, and how each was computed.

Pictures and explanations of the same graph show the same. A chain of additions, recorded as partial sums, is
shown as one sum. A part of a graph may be shown instead of all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.graph import topological
from engine.ops import OPS, Op
from engine.value import CONSTANT, INPUT, PARAMETER, Value, is_factor_one

_MOST_EDGES = 5  # for each value that may be shown
_SUM, _SUM_OF_PRODUCTS = "Σ", "Σ×"


@dataclass(frozen=True)
class ShownOperand:
    """An operand as it is shown.

    Args:
        value: the operand.
        partial: the derivative of the operation by it.
        edge: where the partial was recorded: a value, and the place among its parents. The value is the
            result that is shown, or a partial sum inside it.
    """

    value: Value
    partial: float
    edge: tuple[Value, int]


@dataclass(frozen=True)
class ShownOperation:
    """An operation as it is shown.

    Args:
        op: the operation.
        symbol: what is shown for it.
        operands: what it was applied to.
        terms: for a sum, the number of factors of each term: its operands are these factors, in order.
    """

    op: Op
    symbol: str
    operands: Sequence[ShownOperand]
    terms: Sequence[int] = ()

    @property
    def is_sum_of_products(self) -> bool:
        """Whether it is shown as a sum of products."""
        return self.symbol == _SUM_OF_PRODUCTS


@dataclass(frozen=True)
class Selection:
    """The part of a graph that is shown.

    Args:
        roots: the outputs.
        order: the whole graph, in order of recording.
        values: the values that are shown, in order of recording.
        operations: how they were computed. A value without an operation is a leaf, or its operands are not
            shown.
    """

    roots: Sequence[Value]
    order: Sequence[Value]
    values: Sequence[Value]
    operations: dict[Value, ShownOperation]

    def is_cut(self, value: Value) -> bool:
        """Whether a value was computed, and its operation is not shown."""
        return bool(value.parents) and value not in self.operations

    def kind(self, value: Value, parameters: Iterable[Value] = ()) -> str:
        """What a value is in its graph: output, parameter, constant, input or intermediate."""
        if value in self.roots:
            return "output"
        if value.kind == PARAMETER or value in parameters:
            return "parameter"
        if value.kind == CONSTANT and not value.label:
            return "constant"
        return "input" if value.kind in (INPUT, CONSTANT) else "intermediate"


def select(
    roots: Sequence[Value], *, depth: int | None, max_nodes: int, whole: str, ways_out: str
) -> Selection:
    """The part of a graph to show.

    Args:
        roots: the outputs.
        depth: how many operations to go back from them; None for all.
        max_nodes: the most values to show, with five times as many edges.
        whole: what will show them, for the error message.
        ways_out: what the user can do, for the error message.

    Returns:
        The selection.

    Raises:
        ValueError: if there is more to show than `max_nodes` allows.

    Example:
        >>> a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
        >>> y = a + b + c
        >>> selection = select([y], depth=None, max_nodes=9, whole="a diagram", ways_out="draw less")
        >>> len(selection.order), len(selection.values), selection.operations[y].symbol
        (5, 4, 'Σ')
    """

    def refuse_more(values: int, edges: int) -> None:
        if values > max_nodes or edges > _MOST_EDGES * max_nodes:
            raise ValueError(
                f"the graph has {values:,} values and {edges:,} edges; {whole} shows at most {max_nodes:,} "
                f"and {_MOST_EDGES * max_nodes:,}: {ways_out}"
            )

    order = topological(roots)
    absorbed = _absorbed(order, roots)
    if depth is None:  # refuse a large graph before any work on it
        refuse_more(len(order) - len(absorbed), sum(len(v.parents) for v in order) - len(absorbed))
    operations, values = _within(roots, absorbed, depth)
    refuse_more(len(values), sum(len(operation.operands) for operation in operations.values()))
    return Selection(roots, order, values, operations)


def _absorbed(order: Sequence[Value], roots: Sequence[Value]) -> set[Value]:
    """The unnamed sums used only once, by an addition: they are shown as a part of its sum."""
    uses = Counter(parent for value in order for parent in value.parents)
    kept = set(roots)
    return {
        parent
        for value in order
        if _is_addition(value)
        for parent in value.parents
        if _is_sum(parent) and uses[parent] == 1 and not parent.label and parent not in kept
    }


def _is_sum(value: Value) -> bool:
    return bool(value.op) and OPS[value.op].form == "sum"


def _is_addition(value: Value) -> bool:
    return _is_sum(value) and OPS[value.op].arity == 2


def _operation(value: Value, absorbed: set[Value]) -> ShownOperation:
    """The operation of a value; a chain of additions is one sum."""
    op = OPS[value.op]
    terms: list[list[ShownOperand]] = []
    stack = _terms(value)[::-1]
    while stack:
        term = stack.pop()
        inside = term[0].value
        if inside in absorbed:  # its operands keep their partials: the partial of an addition is 1
            stack.extend(_terms(inside)[::-1])
        else:
            terms.append(term)
    if _is_addition(value) and sum(map(len, terms)) > 2:  # leave out the 0 that `sum` starts from
        terms = [term for term in terms if len(term) == 2 or not _is_zero(term[0].value)] or terms
    operands = [operand for term in terms for operand in term]
    if op.form != "sum":
        return ShownOperation(op, op.symbol, operands)
    products = op.paired or any(len(term) == 2 for term in terms)
    symbol = _SUM_OF_PRODUCTS if products else _SUM if len(operands) > 2 else op.symbol
    return ShownOperation(op, symbol, operands, [len(term) for term in terms])


def _is_zero(value: Value) -> bool:
    return value.kind == CONSTANT and value.data == 0.0


def _terms(value: Value) -> list[list[ShownOperand]]:
    """The operands of a value, one by one, or pair by pair without factors of 1."""
    operands = [
        ShownOperand(parent, partial, (value, place))
        for place, (parent, partial) in enumerate(zip(value.parents, value.partials, strict=True))
    ]
    if _is_sum(value) and OPS[value.op].paired:
        half = len(operands) // 2
        pairs = zip(operands[:half], operands[half:], strict=True)
        return [[factor for factor in pair if not is_factor_one(factor.value)] or [*pair] for pair in pairs]
    return [[operand] for operand in operands]


def _within(
    roots: Sequence[Value], absorbed: set[Value], depth: int | None
) -> tuple[dict[Value, ShownOperation], list[Value]]:
    """The operations at most `depth` away from the roots, and their values in order of recording."""
    found: dict[Value, ShownOperation] = {}
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

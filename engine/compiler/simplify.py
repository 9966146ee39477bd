"""Simplification: constants folded, zeros and ones removed, common subexpressions shared.

One walk forwards rebuilds each node from its simplified operands. The builder returns the same node for equal
expressions. The operands of symmetric operations are put in order first, and so are all but the first operand
of operations with `shares`.
"""

from collections.abc import Callable

from engine.compiler.nodes import Builder, Graph, fold, rebuild
from engine.ops import OPS


def simplify(graph: Graph) -> Graph:
    """Compute the same outputs from fewer nodes.

    A product with a constant 0 is 0, whatever the other factor is: in a derivative it means that there is no
    influence.

    Args:
        graph: any graph.

    Returns:
        The graph without dead nodes.

    Example:
        >>> from engine import Value
        >>> from engine.compiler.nodes import capture
        >>> x = Value(3.0)
        >>> simplify(capture([(x * 1.0 + 0.0) * 2.0 + 2.0 * x], [x], [])).ops
        ['input', 'constant', 'mul', 'add']
    """
    builder = Builder(graph.n_inputs, graph.n_parameters)
    new = list(range(graph.n_leaves))
    for node in range(graph.n_leaves, len(graph)):
        if node in graph.numbers:
            new.append(builder.constant(graph.numbers[node]))
        else:
            new.append(simplify_node(builder, graph.ops[node], tuple([new[arg] for arg in graph.args[node]])))
    return rebuild(graph, builder, new)


def simplify_node(builder: Builder, op: str, args: tuple[int, ...]) -> int:
    """The node of an operation on simplified operands, or a simpler node of the same value."""
    numbers = builder.graph.numbers
    some_constant = not numbers.keys().isdisjoint(args)
    if not args or (some_constant and all(arg in numbers for arg in args)):
        return builder.constant(fold(op, [numbers[arg] for arg in args]))
    if op in RULES and (some_constant or op in RULES_WITHOUT_CONSTANTS):
        shorter = RULES[op](builder, *args)
        if shorter is not None:
            return shorter
    row = OPS[op]
    if row.symmetric:
        args = args if len(args) == 2 and args[0] <= args[1] else tuple(sorted(args))
    elif row.shares:
        args = (args[0], *sorted(args[1:]))
    return builder.node(op, args)


def _add(b: Builder, x: int, y: int) -> int | None:
    return y if _is(b, x, 0.0) else x if _is(b, y, 0.0) else None


def _sub(b: Builder, x: int, y: int) -> int | None:
    return simplify_node(b, "neg", (y,)) if _is(b, x, 0.0) else x if _is(b, y, 0.0) else None


def _mul(b: Builder, x: int, y: int) -> int | None:
    if _is(b, x, 0.0) or _is(b, y, 0.0):
        return b.constant(0.0)
    for one, other in ((x, y), (y, x)):
        if _is(b, one, 1.0):
            return other
        if _is(b, one, -1.0):
            return simplify_node(b, "neg", (other,))
    return None


def _div(b: Builder, x: int, y: int) -> int | None:
    return x if _is(b, y, 1.0) else None


def _neg(b: Builder, x: int) -> int | None:
    return b.graph.args[x][0] if b.graph.ops[x] == "neg" else None


def _pow(b: Builder, x: int, p: int) -> int | None:
    if _is(b, p, 1.0):
        return x
    if _is(b, p, 2.0):
        return simplify_node(b, "mul", (x, x))
    return b.constant(1.0) if _is(b, p, 0.0) else None


def _where(b: Builder, condition: int, x: int, y: int) -> int | None:
    if x == y:
        return x
    if condition in b.graph.numbers:
        return x if b.graph.numbers[condition] else y
    return None


def _fsum(b: Builder, *x: int) -> int | None:
    terms = tuple([x_i for x_i in x if not _is(b, x_i, 0.0)])
    if len(terms) == 1:
        return terms[0]
    return simplify_node(b, "fsum", terms) if len(terms) < len(x) else None


def _sumprod(b: Builder, *x: int) -> int | None:
    n = len(x) // 2
    pairs = [(p, q) for p, q in zip(x[:n], x[n:], strict=True) if not (_is(b, p, 0.0) or _is(b, q, 0.0))]
    if len(pairs) == 1:
        return simplify_node(b, "mul", pairs[0])
    if len(pairs) < n:
        return simplify_node(b, "sumprod", (*[p for p, _ in pairs], *[q for _, q in pairs]))
    return None


def _is(b: Builder, node: int, number: float) -> bool:
    return b.graph.numbers.get(node) == number


RULES_WITHOUT_CONSTANTS = {"neg", "where", "fsum"}
RULES: dict[str, Callable[..., int | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "where": _where,
    "fsum": _fsum,
    "sumprod": _sumprod,
}

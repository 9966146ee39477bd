"""In the chain rule a factor that is exactly 0 makes its product 0, even if the other is infinite or NaN.

A program treats all samples alike, so it must choose for each sample: 0 * inf would be NaN. To choose in
every product would take longer than all the rest. So a program chooses where the derivative itself computes
a partial that may be infinite. If a NaN comes out all the same, a second program runs, which chooses in every
product.
"""

from engine.compiler.nodes import Builder, Graph, rebuild
from engine.ops import ANYWHERE, FINITE, OPS

_UNRESTRICTED = {ANYWHERE, FINITE}
_ARITHMETIC = {"add", "sub", "mul", "neg", "where", "fsum", "sumprod"}


def stop_zero_adjoints(graph: Graph, everywhere: bool = False) -> Graph:
    """Replace each partial that may be infinite by `where(adjoint, partial, 0)`.

    In each product of a derivative the partial comes before the adjoint.

    Args:
        graph: a graph whose derivatives begin at `derived_from`.
        everywhere: whether to replace both factors of every product of the derivative in this way.

    Returns:
        A graph in which adjoints of 0 propagate nothing.
    """
    suspects = set(range(len(graph))) if everywhere else find_infinite(graph)
    if not suspects:
        return graph
    builder = Builder(graph.n_inputs, graph.n_parameters)
    zero = builder.constant(0.0)
    new = list(range(graph.n_leaves))
    for node in range(graph.n_leaves, len(graph)):
        if node in graph.numbers:
            new.append(builder.constant(graph.numbers[node]))
            continue
        op, args = graph.ops[node], list(graph.args[node])
        if op in ("mul", "sumprod") and node >= graph.derived_from:
            half = len(args) // 2
            for i in range(half):
                partial, adjoint = args[i], args[i + half]
                args[i], args[i + half] = x, y = new[partial], new[adjoint]
                if partial in suspects and adjoint not in graph.numbers:
                    args[i] = builder.node("where", (y, x, zero))
                if everywhere and partial not in graph.numbers:
                    args[i + half] = builder.node("where", (x, y, zero))
            new.append(builder.node(op, tuple(args)))
        else:
            new.append(builder.node(op, tuple([new[arg] for arg in args])))
    return rebuild(graph, builder, new)


def find_infinite(graph: Graph) -> set[int]:
    """The nodes of the derivative that may be infinite."""
    suspects: set[int] = set()
    for node in range(max(graph.derived_from, graph.n_leaves), len(graph)):
        op, args = graph.ops[node], graph.args[node]
        if not args:
            continue
        if op in _ARITHMETIC:
            suspected = not suspects.isdisjoint(args)
        else:
            restricted = OPS[op].overflows or OPS[op].domain not in _UNRESTRICTED
            suspected = restricted and not _harmless(graph, op, args)
        if suspected:
            suspects.add(node)
    return suspects


def _harmless(graph: Graph, op: str, args: tuple[int, ...]) -> bool:
    """Whether this is a division by a constant other than 0, or a constant power of at least 0."""
    if op == "div":
        return bool(graph.numbers.get(args[1], 0.0))
    return op == "pow" and graph.numbers.get(args[1], -1.0) >= 0.0

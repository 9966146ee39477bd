"""Recognition of matrix products among sums of products, and of outer products among sums over the batch.

A group of sumprods with one common vector is a matrix product, such as W a or W^T delta. The mean of a
derivative over the batch is a sum of products of two rows. If these products pair every row d_i with every
row v_j, they are one product of matrices, such as delta a^T. Products without such structure are gathered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from engine.compiler.flatten import Pair
from engine.compiler.instructions import (
    Apply,
    BatchDot,
    Code,
    Dot,
    Index,
    Instruction,
    MatrixProduct,
    OuterProduct,
    Products,
    Rows,
    Shares,
    Take,
    index,
)
from engine.compiler.layout import ONES, Layout
from engine.compiler.schedule import Group, pairs_of

_SMALL = 16  # products: they take less time than an instruction


def recognize(laid: Layout, means: bool) -> Code:
    """Turn the groups of a layout into instructions.

    Args:
        laid: groups of nodes, and their rows.
        means: whether to compute the means of the outputs over the batch, or the outputs.

    Returns:
        The program.
    """
    graph = laid.schedule.graph
    sums = list(_means(laid) if means else _outputs(laid))  # first, because this takes much memory
    body = [instruction for group in laid.schedule.groups for instruction in _computed(laid, group)]
    return Code(
        n_inputs=graph.n_inputs,
        n_parameters=graph.n_parameters,
        n_outputs=len(graph.outputs),
        n_varying=laid.n_varying,
        n_input_rows=laid.n_input_rows,
        n_static=laid.n_static,
        input_rows=index([laid.row[n] for n in range(graph.n_inputs)]),
        ones=index(list(laid.ones)),
        constants={laid.row[n]: number for n, number in graph.numbers.items()},
        body=body,
        sums=sums,
        means=means,
    )


# --- Rows from rows.


def _computed(laid: Layout, group: Group) -> Iterator[Instruction]:
    if group.op == "sumprod":
        yield from _sums(laid, group)
    elif group.shares:
        yield _shares(laid, group)
    else:
        args = [laid.schedule.graph.args[n] for n in group.nodes]
        operands = [_operand(laid, nodes) for nodes in zip(*args, strict=True)]
        yield Apply((group.op,), (_out(laid, group),), tuple(operands))


def _out(laid: Layout, group: Group) -> Rows:
    return laid.rows(group.nodes, group.varies)


def _operand(laid: Layout, nodes: Sequence[int]) -> Rows:
    return laid.rows(nodes, laid.schedule.varies[nodes[0]])


def _shares(laid: Layout, group: Group) -> Shares:
    graph = laid.schedule.graph
    operands = sorted(graph.args[group.nodes[0]], key=laid.row.__getitem__)
    picked = [operands.index(graph.args[n][0]) for n in group.nodes]
    varies = laid.schedule.varies
    return Shares(
        group.op, _out(laid, group), laid.rows(operands, all(varies[n] for n in operands)), index(picked)
    )


def _sums(laid: Layout, group: Group) -> Iterator[Instruction]:
    """The instructions that add up the terms of sumprods, kind by kind."""
    out, terms = _out(laid, group), [laid.schedule.terms(n) for n in group.nodes]
    adds = False
    for kind in ([t.weighted for t in terms], [t.plain for t in terms], [t.products for t in terms]):
        for instruction in _terms(laid, group, out, kind, adds):
            adds = True
            yield instruction


def _terms(
    laid: Layout, group: Group, out: Rows, pairs: Sequence[Sequence[Pair]], adds: bool
) -> Iterator[Instruction]:
    """The instructions for sums of pairs, one for each node: a matrix product, columns, or gathered sums."""
    n_columns = len(pairs[0])
    if n_columns == 0:
        return
    a = [[a for a, _ in row] for row in pairs]
    b = [[b for _, b in row] for row in pairs]
    if not adds and n_columns == 2 and (op := _two_plain_terms(laid, a)) is not None:
        columns = [laid.rows(column, group.varies) for column in zip(*b, strict=True)]
        yield Apply((op,), (out,), tuple(columns if op == "add" else reversed(columns)))
        return
    graph = laid.schedule.graph
    varies = group.varies, laid.schedule.varies[a[0][0]]
    common = all(row == b[0] for row in b)
    if varies == (True, False) and common and (a[0][0] not in graph.numbers or n_columns > 2):
        yield MatrixProduct(out, *_in_order_of_rows(laid.matrix(a), laid.rows(b[0], True)), adds)
    elif n_columns <= 2:
        for column_a, column_b in zip(zip(*a, strict=True), zip(*b, strict=True), strict=True):
            yield _column(laid, group, out, column_a, column_b, adds)
            adds = True
    else:
        flat_a, flat_b = [n for row in a for n in row], [n for row in b for n in row]
        ones = all(graph.numbers.get(n) == 1.0 for n in flat_a)
        yield Dot(out, None if ones else laid.rows(flat_a, varies[1]), laid.rows(flat_b, group.varies), adds)


def _in_order_of_rows(matrix: Index, vector: Rows) -> tuple[Index, Rows]:
    """Reorder the columns of a matrix and the rows of its vector, if the rows then lie together."""
    if vector.scattered is None:
        return matrix, vector
    order = np.argsort(vector.scattered, kind="stable")
    ordered = Rows.of(True, vector.scattered[order])
    return (matrix[:, order], ordered) if ordered.scattered is None else (matrix, vector)


def _two_plain_terms(laid: Layout, factors: Sequence[Sequence[int]]) -> str | None:
    """The operation of sums of two terms, "add" or "sub", if all have the same; the factors are sorted."""
    numbers = laid.schedule.graph.numbers
    signs = {(numbers.get(first, 0.0), numbers.get(second, 0.0)) for first, second in factors}
    return {(1.0, 1.0): "add", (-1.0, 1.0): "sub"}.get(signs.pop()) if len(signs) == 1 else None


def _column(
    laid: Layout, group: Group, out: Rows, a: Sequence[int], b: Sequence[int], adds: bool
) -> Products:
    numbers = laid.schedule.graph.numbers
    second = laid.rows(b, group.varies)
    if len(set(a)) == 1 and a[0] in numbers:
        return Products(out, None, second, numbers[a[0]], adds)
    return Products(out, laid.rows(a, laid.schedule.varies[a[0]]), second, 1.0, adds)


# --- Results from rows.


def _outputs(laid: Layout) -> Iterator[Take]:
    """The instructions for every output of every sample."""
    for varies in (True, False):
        chosen = [
            (t, n) for t, n in enumerate(laid.schedule.graph.outputs) if laid.schedule.varies[n] == varies
        ]
        if chosen:
            yield Take(index([t for t, _ in chosen]), laid.rows([n for _, n in chosen], varies))


def _means(laid: Layout) -> Iterator[Instruction]:
    """The instructions for the mean of every output over the batch."""
    graph, varies = laid.schedule.graph, laid.schedule.varies
    weighted: list[tuple[int, Pair]] = []
    products: dict[int, list[tuple[int, int]]] = defaultdict(list)  # d: (v, target)
    static = []
    for target, node in enumerate(graph.outputs):
        if not varies[node]:
            static.append((target, node))
            continue
        for a, b in pairs_of(graph, node) if node in laid.schedule.summed else [(ONES, node)]:
            if a == ONES or graph.numbers.get(a) == 1.0:
                products[b].append((ONES, target))
            elif varies[a]:
                products[b].append((a, target))
            else:
                weighted.append((target, (a, b if varies[b] else ONES)))
    written: set[int] = set()
    yield from _outer_products(laid, products, written)
    if weighted:
        yield _batch_dot(laid, weighted, False, written)
    if static:
        yield Take(index([t for t, _ in static]), laid.rows([n for _, n in static], False))


def _outer_products(
    laid: Layout, products: dict[int, list[tuple[int, int]]], written: set[int]
) -> Iterator[Instruction]:
    """The instructions for products of varying rows d and v, summed over the batch.

    Rows d with the same partners v are one outer product. Many small outer products for the same targets,
    as a recurrence has, are one gathered sum instead.
    """
    by_columns: dict[tuple[int, ...], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for d, partners in products.items():
        partners.sort()
        by_columns[tuple([v for v, _ in partners])].append((d, tuple([target for _, target in partners])))
    times = Counter(targets for rows in by_columns.values() for _, targets in rows)
    rest: list[tuple[int, Pair]] = []
    for columns, rows in by_columns.items():
        size = len(rows) * len(columns)
        if (
            size == 1
            or len({t for _, row in rows for t in row}) == 1
            or (size <= _SMALL and times[rows[0][1]] > 1)
        ):
            rest += [(t, (v, d)) for d, targets in rows for v, t in zip(columns, targets, strict=True)]
            continue
        rows.sort(key=lambda row: laid.row[row[0]])
        targets, v = _in_order_of_rows(index([targets for _, targets in rows]), laid.rows(columns, True))
        yield OuterProduct(targets, _fresh(targets, written), laid.rows([d for d, _ in rows], True), v)
    if rest:
        yield _batch_dot(laid, rest, True, written)


def _batch_dot(laid: Layout, terms: list[tuple[int, Pair]], varies_a: bool, written: set[int]) -> BatchDot:
    terms.sort()
    targets = index([t for t, _ in terms])
    a = laid.rows([a for _, (a, _) in terms], varies_a)
    return BatchDot(targets, _fresh(targets, written), a, laid.rows([b for _, (_, b) in terms], True))


def _fresh(targets: Index, written: set[int]) -> Index:
    """The targets that are written for the first time, each once; marks them as written."""
    fresh = set(targets.ravel().tolist()) - written
    written |= fresh
    return index(sorted(fresh))

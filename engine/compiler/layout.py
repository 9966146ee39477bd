"""The layout of memory: the row of each node.

Rows that are read together lie together, in the order in which they are read: an instruction then works on a
slice of memory and copies nothing. Sums with weights lie in the order of their weights, other nodes in the
order of their operands. If a matrix product has a bias, a row of ones follows its vector: the bias is one
more column of the matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from engine.compiler.instructions import Index, Rows, index
from engine.compiler.schedule import Schedule

ONES = -1  # stands for a node that is 1 for every sample


@dataclass(slots=True)
class Layout:
    """The rows of the nodes of a schedule.

    Attributes:
        schedule: the schedule, with the nodes of each group in the order of their rows.
        row: the row of each node; -1 for a node without one.
        ones: the rows of ones; vectors that no row of ones follows use the first.
        n_varying: the number of rows that vary over the batch.
        n_input_rows: the number of those that come first: the inputs, and the rows of ones among them.
        n_static: the number of static rows.
    """

    schedule: Schedule
    row: list[int]
    ones: dict[int, None]
    _single: list[Rows | None]
    _matrices: dict[tuple[int, bytes], Index] = field(default_factory=dict)
    n_varying: int = 0
    n_input_rows: int = 0
    n_static: int = 0

    def rows(self, nodes: Sequence[int], varies: bool) -> Rows:
        """The rows of nodes. Among nodes that vary, the constant 1 is the row of ones after them."""
        if len(nodes) == 1 and nodes[0] != ONES and self.schedule.varies[nodes[0]] == varies:
            (node,) = nodes
            rows = self._single[node]
            if rows is None:  # kept to save memory: a deep graph has many groups of one node
                rows = self._single[node] = Rows(varies, self.row[node], 1)
            return rows
        if not varies:
            return Rows.of(False, index([self.row[n] for n in nodes]))
        found = [self.row[n] if n != ONES and self.schedule.varies[n] else ONES for n in nodes]
        if ONES in found:
            following = max(found) + 1
            ones = following if following in self.ones else next(iter(self.ones))
            found = [ones if row == ONES else row for row in found]
        return Rows.of(True, index(found))

    def matrix(self, nodes: Sequence[Sequence[int]]) -> Index:
        """The rows of static numbers; one object for equal matrices, which a recurrence has in each step."""
        rows = index([[self.row[n] for n in row] for row in nodes])
        return self._matrices.setdefault((len(rows), rows.tobytes()), rows)

    def place(self, nodes: Iterable[int], varies: bool) -> None:
        """Give nodes the next rows."""
        for n in nodes:
            if varies:
                self.row[n] = self.n_varying
                self.n_varying += 1
            else:
                self.row[n] = self.n_static
                self.n_static += 1

    def place_ones(self) -> None:
        """Make the next row a row of ones."""
        self.ones[self.n_varying] = None
        self.n_varying += 1


def layout(schedule: Schedule) -> Layout:
    """Give each node of a schedule a row.

    Args:
        schedule: groups of nodes.

    Returns:
        The layout.
    """
    graph = schedule.graph
    laid = Layout(schedule, [-1] * len(graph), {}, [None] * len(graph))
    biased = _vectors_with_ones(schedule)
    laid.place(range(graph.n_inputs, graph.n_leaves), varies=False)
    laid.place((n for n in range(graph.n_leaves, len(graph)) if n in graph.numbers), varies=False)
    laid.place_ones()
    for vector in [*sorted(v for v in biased if v[-1] < graph.n_inputs), tuple(range(graph.n_inputs))]:
        fresh = [n for n in vector if laid.row[n] < 0]
        laid.place(fresh, varies=True)
        if len(fresh) == len(vector) and vector in biased:
            laid.place_ones()
    laid.n_input_rows = laid.n_varying
    groups = []
    for group in schedule.groups:
        ordered = sorted(group.nodes, key=partial(_reading_order, laid))
        laid.place(ordered, group.varies)
        if tuple(sorted(ordered)) in biased:
            laid.place_ones()
        groups.append(group if len(ordered) == 1 else replace(group, nodes=tuple(ordered)))
    laid.schedule = replace(schedule, groups=groups)
    return laid


def _vectors_with_ones(schedule: Schedule) -> set[tuple[int, ...]]:
    """The vectors of matrix products that have a bias, each in the order of its nodes."""
    varies = schedule.varies
    vectors = {g.vector for g in schedule.groups if not all(varies[n] for n in g.vector)}
    return {v for vector in vectors if (v := tuple(sorted(n for n in vector if varies[n])))}


def _reading_order(laid: Layout, node: int) -> tuple[int, ...]:
    """The key that sorts the nodes of a group: the rows of their weights, or of their operands."""
    graph = laid.schedule.graph
    if graph.ops[node] != "sumprod":
        return tuple([laid.row[arg] for arg in graph.args[node]])
    terms = laid.schedule.terms(node)
    if terms.weighted:
        return (min([laid.row[a] for a, _ in terms.weighted]),)
    return tuple([laid.row[b] for _, b in (*terms.plain, *terms.products)])

"""A recorded graph as a list: what the passes of the compiler read and return.

Nodes are numbers, operands come before what is computed from them. The first nodes are the inputs, one
column of the data each, then come the parameters; both keep their places through every pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.graph import topological
from engine.numbers import arrays, floats
from engine.ops import OPS
from engine.recording import REFUSED
from engine.value import CONSTANT, PARAMETER, Value

INPUT = "input"


@dataclass(slots=True)
class Graph:
    """Operations on numbered nodes.

    Attributes:
        n_inputs: how many columns the data has; they are the nodes from 0.
        n_parameters: how many parameters there are; they are the nodes after the inputs.
        ops: the operation of each node, a row of `engine.ops.OPS`, or "input", "parameter", "constant".
        args: the operands of each node.
        numbers: the number of each constant.
        outputs: the nodes to compute.
        derived_from: the first node that was recorded by `grad`.
    """

    n_inputs: int
    n_parameters: int
    ops: list[str] = field(default_factory=list)
    args: list[tuple[int, ...]] = field(default_factory=list)
    numbers: dict[int, float] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)
    derived_from: int = 0

    def __len__(self) -> int:
        return len(self.ops)

    @property
    def n_leaves(self) -> int:
        """How many nodes the inputs and parameters are."""
        return self.n_inputs + self.n_parameters

    def parameter_index(self, node: int) -> int:
        """Which parameter a node is."""
        return node - self.n_inputs


class Builder:
    """A graph under construction, in which equal nodes are one.

    Args:
        n_inputs: how many inputs the graph has.
        n_parameters: how many parameters.
    """

    def __init__(self, n_inputs: int, n_parameters: int) -> None:
        leaves = [INPUT] * n_inputs + [PARAMETER] * n_parameters
        self.graph = Graph(n_inputs, n_parameters, leaves, [()] * len(leaves))
        self._nodes: dict[tuple[str, tuple[int, ...]], int] = {}
        self._constants: dict[str, int] = {}

    def constant(self, number: float) -> int:
        """The node of a plain number; 0.0 and -0.0 are different numbers."""
        key = repr(number)
        if key not in self._constants:
            self._constants[key] = self._append(CONSTANT, ())
            self.graph.numbers[self._constants[key]] = number
        return self._constants[key]

    def node(self, op: str, args: tuple[int, ...]) -> int:
        """The node of an operation on nodes."""
        key = (op, args)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = self._append(op, args)
        return found

    def finished(self) -> Graph:
        """The graph; equal nodes can no longer be found in it, which takes much memory."""
        self._nodes.clear()
        return self.graph

    def _append(self, op: str, args: tuple[int, ...]) -> int:
        self.graph.ops.append(op)
        self.graph.args.append(args)
        return len(self.graph.ops) - 1


def capture(
    outputs: Iterable[Value],
    inputs: Sequence[Value],
    parameters: Sequence[Value],
    derived_from: float = math.inf,
) -> Graph:
    """The list form of recorded outputs.

    Args:
        outputs: what to compute.
        inputs: the leaves that are the columns of the data.
        parameters: the leaves that are the same for all samples.
        derived_from: the `serial` of the first value that `grad` recorded.

    Returns:
        The graph.
    """
    outputs = list(outputs)
    graph = Builder(len(inputs), len(parameters)).graph
    index = {leaf: i for i, leaf in enumerate([*inputs, *parameters])}
    for value in topological(outputs):
        if value in index:
            continue
        index[value] = len(graph)
        parents = value.parents
        if not parents:
            graph.numbers[len(graph)] = value.data
        if value.serial < derived_from:
            graph.derived_from = len(graph) + 1
        graph.ops.append(value.op if parents else CONSTANT)
        graph.args.append(tuple([index[parent] for parent in parents]))
    graph.outputs = [index[output] for output in outputs]
    return graph


def rebuilt(graph: Graph, builder: Builder, new: Sequence[int]) -> Graph:
    """What a pass has built, with the outputs of the graph it started from, without dead nodes."""
    return pruned(replace(builder.finished(), outputs=[new[output] for output in graph.outputs]))


def pruned(graph: Graph) -> Graph:
    """The graph without the nodes that no output needs; leaves stay."""
    needed = set(graph.outputs)
    for node in range(len(graph) - 1, graph.n_leaves - 1, -1):
        if node in needed:
            needed.update(graph.args[node])
    kept = [node for node in range(graph.n_leaves, len(graph)) if node in needed]
    place = list(range(graph.n_leaves)) + [-1] * (len(graph) - graph.n_leaves)
    for new, node in enumerate(kept, graph.n_leaves):
        place[node] = new
    return Graph(
        graph.n_inputs,
        graph.n_parameters,
        graph.ops[: graph.n_leaves] + [graph.ops[node] for node in kept],
        graph.args[: graph.n_leaves] + [tuple([place[arg] for arg in graph.args[node]]) for node in kept],
        {place[node]: number for node, number in graph.numbers.items() if place[node] >= 0},
        [place[output] for output in graph.outputs],
        graph.n_leaves + sum(node < graph.derived_from for node in kept),
    )


def evaluate(graph: Graph, leaves: Sequence[Any], m: Any = arrays) -> list[Any]:
    """The outputs of a graph, node by node: what every pass must leave as it is.

    Args:
        graph: any graph.
        leaves: a number or an array for each input and parameter.
        m: a number system.

    Returns:
        One number or array for each output.

    Example:
        >>> x, w = Value(3.0), Value(0.5)
        >>> [float(y) for y in evaluate(capture([w * x + 1.0], [x], [w]), [10.0, 2.0])]
        [21.0]
    """
    result = list(leaves)
    for node in range(len(leaves), len(graph)):
        args = [result[arg] for arg in graph.args[node]]
        result.append(OPS[graph.ops[node]].forward(m, *args) if args else graph.numbers[node])
    return [result[output] for output in graph.outputs]


def fold(op: str, numbers: Sequence[float]) -> float:
    """An operation on constants, its limit where floats refuse."""
    try:
        return float(OPS[op].forward(floats, *numbers))
    except REFUSED:
        with np.errstate(all="ignore"):
            return float(OPS[op].forward(arrays, *map(np.float64, numbers)))

"""A recorded graph as a list of numbered nodes. The passes of the compiler read and return it.

The operands of a node come before it. The first nodes are the inputs, one for each column of the data; the
parameters follow. Both keep their numbers through every pass.
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
from engine.value import CONSTANT, INPUT, PARAMETER, Value


@dataclass(slots=True)
class Graph:
    """Operations on numbered nodes.

    Attributes:
        n_inputs: the number of columns of the data; they are the nodes from 0.
        n_parameters: the number of parameters; they are the nodes after the inputs.
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
        """The number of inputs and parameters."""
        return self.n_inputs + self.n_parameters


class Builder:
    """A graph under construction, without two equal nodes.

    Args:
        n_inputs: the number of inputs of the graph.
        n_parameters: the number of its parameters.
    """

    def __init__(self, n_inputs: int, n_parameters: int) -> None:
        leaves: list[str] = [*[INPUT] * n_inputs, *[PARAMETER] * n_parameters]
        self.graph = Graph(n_inputs, n_parameters, leaves, [()] * len(leaves))
        self._nodes: dict[tuple[str, tuple[int, ...]], int] = {}
        self._constants: dict[str, int] = {}

    def constant(self, number: float) -> int:
        """The node of a plain number; 0.0 and -0.0 differ."""
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

    def finish(self) -> Graph:
        """Return the graph, and free the memory that finding equal nodes takes."""
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
    """The graph of recorded outputs.

    Args:
        outputs: the recorded values to compute.
        inputs: the leaves that differ from sample to sample.
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


def rebuild(graph: Graph, builder: Builder, new: Sequence[int]) -> Graph:
    """The graph that a pass has built, with the old outputs under their new numbers, without dead nodes."""
    return prune(replace(builder.finish(), outputs=[new[output] for output in graph.outputs]))


def prune(graph: Graph) -> Graph:
    """The graph without the nodes that no output needs. Leaves stay."""
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
    """Compute the outputs of a graph, node by node. No pass may change them.

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
    """The number of an operation on constants; its limit where floats raise."""
    try:
        return float(OPS[op].forward(floats, *numbers))
    except REFUSED:
        with np.errstate(all="ignore"):
            return float(OPS[op].forward(arrays, *map(np.float64, numbers)))

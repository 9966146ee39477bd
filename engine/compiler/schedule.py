"""Levels and groups: the nodes that are computed together.

The level of a node is the length of the longest path to it, so nodes of the same level do not depend on each
other. The nodes of a level with the same operation and form become a group, and later one instruction.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from engine.compiler.flatten import Pair, count_uses, find_varying
from engine.compiler.nodes import Graph
from engine.ops import OPS


@dataclass(frozen=True, slots=True)
class Terms:
    """The pairs of a sumprod by kind.

    Attributes:
        weighted: (a, b) where a is the same for all samples and not a constant, and b varies or is the
            constant 1; in the order of b.
        plain: (a, b) where a is a constant; in the order of a's number and b.
        products: (a, b) where both vary, or neither does.
    """

    weighted: tuple[Pair, ...]
    plain: tuple[Pair, ...]
    products: tuple[Pair, ...]

    @property
    def vector(self) -> tuple[int, ...]:
        """The factors of the weights."""
        return tuple([b for _, b in self.weighted])


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes of the same operation that are computed together.

    Attributes:
        op: their operation.
        varies: whether they vary over the batch.
        nodes: the nodes.
        vector: for sumprods, the factors of the weights, if all nodes have the same.
        shares: for operations with `shares`, whether all nodes have the same operands, each with another one
            first.
    """

    op: str
    varies: bool
    nodes: tuple[int, ...]
    vector: tuple[int, ...] = ()
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A flattened graph, and the groups in which to compute it.

    Attributes:
        graph: the graph.
        varies: for each node whether it varies over the batch.
        groups: the groups, in an order of computation.
        summed: the outputs of which only the mean over the batch is needed: their products are summed over
            the batch at once, and never stored.
    """

    graph: Graph
    varies: list[bool]
    groups: list[Group]
    summed: frozenset[int]

    def terms(self, node: int) -> Terms:
        """The pairs of a sumprod, by kind; to keep those of all nodes would fill the memory."""
        return sort_terms(self.graph, self.varies, node)


def schedule(graph: Graph, means: bool) -> Schedule:
    """Group the nodes of a flattened graph.

    Args:
        graph: a flattened graph.
        means: whether to compute the means of the outputs over the batch, or the outputs.

    Returns:
        The schedule.
    """
    varies = find_varying(graph)
    level = levels(graph).__getitem__
    summed = find_summed(graph, varies) if means else frozenset()
    computed = [n for n in range(graph.n_leaves, len(graph)) if n not in graph.numbers and n not in summed]
    groups: list[Group] = []
    for _, nodes in groupby(sorted(computed, key=level), key=level):
        groups += _groups(graph, varies, list(nodes))
    return Schedule(graph, varies, groups, summed)


class _GroupKey(NamedTuple):
    """The properties that the nodes of a group share, beside their level."""

    op: str
    varies: bool
    form: tuple[int, ...]
    common: tuple[int, ...]
    shares: bool


def _groups(graph: Graph, varies: Sequence[bool], nodes: Sequence[int]) -> list[Group]:
    """The groups of the nodes of one level."""
    terms = {n: sort_terms(graph, varies, n) for n in nodes if graph.ops[n] == "sumprod"}
    vectors = Counter(t.vector for t in terms.values() if t.weighted)
    sharing = Counter((graph.ops[n], _operands(graph, n)) for n in nodes if OPS[graph.ops[n]].shares)
    groups: dict[_GroupKey, list[int]] = defaultdict(list)
    for n in nodes:
        op = graph.ops[n]
        form: tuple[int, ...] = tuple([varies[arg] for arg in graph.args[n]])
        common: tuple[int, ...] = ()
        shares = False
        if n in terms:
            t = terms[n]
            form = len(t.weighted), len(t.plain), len(t.products)
            common = t.vector if vectors[t.vector] > 1 else ()
        elif OPS[op].shares and len(set(form)) == 1:
            shares = sharing[op, _operands(graph, n)] > 1
            common = _operands(graph, n) if shares else ()
        groups[_GroupKey(op, varies[n], form, common, shares)].append(n)
    return [_group(key, members, terms) for key, members in groups.items()]


def _group(key: _GroupKey, nodes: Sequence[int], terms: Mapping[int, Terms]) -> Group:
    vectors = {terms[n].vector for n in nodes} if key.op == "sumprod" else set()
    vector = vectors.pop() if len(vectors) == 1 else ()
    return Group(key.op, key.varies, tuple(nodes), vector, key.shares)


def _operands(graph: Graph, node: int) -> tuple[int, ...]:
    return tuple(sorted(graph.args[node]))


def levels(graph: Graph) -> list[int]:
    """The level of each node; leaves and constants have level 0."""
    level = [0] * len(graph)
    for node, args in enumerate(graph.args):
        if args:
            level[node] = 1 + max([level[arg] for arg in args])
    return level


def find_summed(graph: Graph, varies: Sequence[bool]) -> frozenset[int]:
    """The outputs that vary, are sums of products, and have no other use."""
    uses = count_uses(graph)
    outputs = Counter(graph.outputs)
    return frozenset(
        n for n, times in outputs.items() if varies[n] and graph.ops[n] == "sumprod" and uses[n] == times
    )


def pairs_of(graph: Graph, node: int) -> list[Pair]:
    """The pairs of a sumprod."""
    args = graph.args[node]
    half = len(args) // 2
    return [(args[0], args[1])] if half == 1 else list(zip(args[:half], args[half:], strict=True))


def sort_terms(graph: Graph, varies: Sequence[bool], node: int) -> Terms:
    """The pairs of a sumprod by kind."""
    weighted, plain, products = [], [], []
    for a, b in pairs_of(graph, node):
        if not varies[node] or varies[a]:
            products.append((a, b))
        elif a in graph.numbers:
            plain.append((a, b))
        else:
            weighted.append((a, b))
    weighted.sort(key=_second)
    plain.sort(key=lambda pair: (graph.numbers[pair[0]], pair[1]))
    products.sort()
    return Terms(tuple(weighted), tuple(plain), tuple(products))


def _second(pair: Pair) -> int:
    return pair[1]

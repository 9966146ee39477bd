"""Levelling and grouping: which nodes are computed together.

The level of a node is the length of the longest path to it, so that nodes of one level do not depend on each
other. Of one level, those of one operation and one form become one group, and later one instruction.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.compiler.flatten import Pair, batched, use_counts
from engine.compiler.graph import Graph
from engine.ops import OPS
from engine.value import CONSTANT

Key: TypeAlias = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """The pairs of a sumprod by kind.

    Attributes:
        weighted: (a, b) with an `a` that is the same for all samples, computed or trained, and a `b` that
            varies, or is the constant 1; in the order of b.
        plain: (a, b) with a constant a; in the order of a's number and b.
        products: (a, b) of which both vary, or neither does.
    """

    weighted: tuple[Pair, ...]
    plain: tuple[Pair, ...]
    products: tuple[Pair, ...]

    @property
    def vector(self) -> tuple[int, ...]:
        """What the weights multiply."""
        return tuple([b for _, b in self.weighted])


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that one operation computes.

    Attributes:
        level: the level they are of.
        op: their operation.
        varies: whether they vary over the batch.
        nodes: the nodes.
        vector: of sumprods, what the weights of all of them multiply, if that is the same.
        shares: of an n-ary operation, whether the nodes have the same operands, each another one first.
    """

    level: int
    op: str
    varies: bool
    nodes: tuple[int, ...]
    vector: tuple[int, ...] = ()
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A flattened graph, and in which groups and order to compute it.

    Attributes:
        graph: the graph.
        varies: which nodes vary over the batch.
        level: the level of each node.
        groups: in an order of computation.
        terms: the pairs of each sumprod, by kind.
        summed: the outputs that nothing but their mean over the batch needs: sums of products that are
            summed over the batch right away.
    """

    graph: Graph
    varies: list[bool]
    level: list[int]
    groups: list[Group]
    terms: dict[int, Terms]
    summed: frozenset[int]


def schedule(graph: Graph, means: bool) -> Schedule:
    """Levels and groups of a flattened graph.

    Args:
        graph: a flattened graph.
        means: whether the means of the outputs over the batch are wanted, rather than the outputs.

    Returns:
        The schedule.
    """
    varies = batched(graph)
    level = levels(graph)
    summed = only_summed(graph, varies) if means else frozenset()
    computed = [n for n in range(graph.n_leaves, len(graph)) if graph.ops[n] != CONSTANT and n not in summed]
    terms = {n: sorted_terms(graph, varies, n) for n in computed if graph.ops[n] == "sumprod"}
    vectors = Counter((level[n], t.vector) for n, t in terms.items() if t.weighted)
    operand_sets = Counter(
        (level[n], graph.ops[n], frozenset(graph.args[n])) for n in computed if _takes_many(graph, n)
    )
    groups: dict[Key, list[int]] = defaultdict(list)
    for n in computed:
        op = graph.ops[n]
        form: Key = (len(graph.args[n]), tuple([varies[arg] for arg in graph.args[n]]))
        if n in terms:
            t = terms[n]
            vector = t.vector if vectors[level[n], t.vector] > 1 else ()
            form = (len(t.weighted), len(t.plain), len(t.products), vector)
        elif (
            len(set(form[1])) == 1  # type: ignore[arg-type]
            and _takes_many(graph, n)
            and operand_sets[level[n], op, operands := frozenset(graph.args[n])] > 1
        ):
            form = (operands,)
        groups[level[n], op, varies[n], form].append(n)
    return Schedule(graph, varies, level, [_group(*item, terms) for item in _by_level(groups)], terms, summed)


def _by_level(groups: dict[Key, list[int]]) -> list[tuple[Key, list[int]]]:
    return sorted(groups.items(), key=lambda item: item[0][0])  # type: ignore[arg-type, return-value]


def _group(key: Key, nodes: Sequence[int], terms: dict[int, Terms]) -> Group:
    level, op, varies, form = key
    vectors = {terms[n].vector for n in nodes} if op == "sumprod" else {()}
    vector = vectors.pop() if len(vectors) == 1 else ()
    shares = isinstance(form[0], frozenset)  # type: ignore[index]
    return Group(level, op, varies, tuple(nodes), vector, shares)  # type: ignore[arg-type]


def _takes_many(graph: Graph, node: int) -> bool:
    op = graph.ops[node]
    return op != "sumprod" and OPS[op].arity is None


def levels(graph: Graph) -> list[int]:
    """The level of each node; leaves and constants are of level 0."""
    level = [0] * len(graph)
    for node, args in enumerate(graph.args):
        if args:
            level[node] = 1 + max([level[arg] for arg in args])
    return level


def only_summed(graph: Graph, varies: Sequence[bool]) -> frozenset[int]:
    """The outputs that vary, are sums of products, and are used by nothing else."""
    uses = use_counts(graph)
    outputs = Counter(graph.outputs)
    return frozenset(
        n for n, times in outputs.items() if varies[n] and graph.ops[n] == "sumprod" and uses[n] == times
    )


def pairs_of(graph: Graph, node: int) -> list[Pair]:
    """The pairs of a sumprod."""
    args = graph.args[node]
    half = len(args) // 2
    return [args] if half == 1 else list(zip(args[:half], args[half:], strict=True))  # type: ignore[list-item]


def sorted_terms(graph: Graph, varies: Sequence[bool], node: int) -> Terms:
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

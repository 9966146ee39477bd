"""Flattening: sums, differences, negations and products become sums of products.

After this pass a graph has no add, sub, neg, mul or fsum: each is a `sumprod`. A sum that only one other sum
uses is merged into it. So `sum(w * x for ...) + b` is one sumprod of (w, ..., b) and (x, ..., 1), in whatever
order a program adds up its terms.

In each pair the factor that is the same for all samples comes first; a bias is a weight on an input that is
always 1. If both factors vary, the later node comes second.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from engine.compiler.nodes import Builder, Graph, rebuild

Pair: TypeAlias = tuple[int, int]

TERMWISE = {"add", "sub", "neg", "fsum"}
SUMS = {*TERMWISE, "mul", "sumprod"}
_NEGATED_AT_MOST = 8  # terms: nested differences would negate the same terms again and again


def flatten(graph: Graph) -> Graph:
    """Turn all sums and products into `sumprod`.

    Args:
        graph: a simplified graph.

    Returns:
        The flattened graph.

    Example:
        >>> from engine import Value
        >>> from engine.compiler.nodes import capture
        >>> w, x, b = Value(1.0), Value(2.0), Value(3.0)
        >>> flat = flatten(capture([b + (w * x - x)], [x], [w, b]))
        >>> flat.ops[-1], len(flat.args[-1])
        ('sumprod', 6)
    """
    varies = find_varying(graph)
    merged_into = _find_mergers(graph, varies)
    flat = _FlatBuilder(graph)
    for node in range(graph.n_leaves, len(graph)):
        op, args = graph.ops[node], graph.args[node]
        if node in graph.numbers:
            flat.constant(node, graph.numbers[node])
        elif op not in SUMS:
            flat.keep(node, op, args, varies[node])
        else:
            pairs = flat.pairs(op, args)
            user = merged_into[node]
            if user is None or (graph.ops[user] in ("sub", "neg") and not flat.can_negate(pairs)):
                flat.sum(node, pairs, varies[node])
            else:
                flat.waiting[node] = pairs
    return rebuild(graph, flat.builder, flat.new)


def _find_mergers(graph: Graph, varies: Sequence[bool]) -> list[int | None]:
    """For each node the sum to merge it into: its only user, if both vary over the batch or neither does."""
    uses = count_uses(graph)
    sums: list[int | None] = [None] * len(graph)
    for node in range(graph.n_leaves, len(graph)):
        if graph.ops[node] in TERMWISE:
            for arg in graph.args[node]:
                if uses[arg] == 1 and varies[arg] == varies[node]:
                    sums[arg] = node
    return sums


class _FlatBuilder:
    """The flattened graph under construction.

    Attributes:
        new: the new number of each node; -1 for merged nodes and those to come.
        waiting: the pairs of sums that will be merged into their user.
    """

    def __init__(self, graph: Graph) -> None:
        self.builder = Builder(graph.n_inputs, graph.n_parameters)
        self.new = [*range(graph.n_leaves), *[-1] * (len(graph) - graph.n_leaves)]
        self.waiting: dict[int, list[Pair]] = {}
        self._varying = set(range(graph.n_inputs))
        self._numbers = self.builder.graph.numbers
        self._one = self.builder.constant(1.0)

    def constant(self, node: int, number: float) -> None:
        self.new[node] = self.builder.constant(number)

    def keep(self, node: int, op: str, args: Sequence[int], varies: bool) -> None:
        self.new[node] = self.builder.node(op, tuple([self.new[arg] for arg in args]))
        if varies:
            self._varying.add(self.new[node])

    def pairs(self, op: str, args: Sequence[int]) -> list[Pair]:
        """The terms of a sum, including those of the operands that wait to be merged."""
        if op == "mul":
            return [(self.new[args[0]], self.new[args[1]])]
        if op == "sumprod":
            half = len(args) // 2
            factors = [self.new[arg] for arg in args]
            return list(zip(factors[:half], factors[half:], strict=True))
        total: list[Pair] = []
        for position, arg in enumerate(args):
            terms = self.waiting.pop(arg, None) or [(self._one, self.new[arg])]
            if op == "neg" or (op == "sub" and position == 1):
                terms = [self._negate(pair) for pair in terms]
            longer, shorter = (terms, total) if len(terms) > len(total) else (total, terms)
            longer.extend(shorter)  # copying the longer list each time would take quadratic time
            total = longer
        return total

    def can_negate(self, pairs: Sequence[Pair]) -> bool:
        """Whether each pair has a constant to take a minus sign."""
        return len(pairs) <= _NEGATED_AT_MOST and all(not self._numbers.keys().isdisjoint(p) for p in pairs)

    def _negate(self, pair: Pair) -> Pair:
        a, b = pair
        if a in self._numbers:
            return self.builder.constant(-self._numbers[a]), b
        return a, self.builder.constant(-self._numbers[b])

    def sum(self, node: int, pairs: Sequence[Pair], varies: bool) -> None:
        """Make a node of a sum of products."""
        if len(pairs) == 1 and self._numbers.keys().isdisjoint(pairs[0]):
            self._sumprod(node, [self._orient(pairs[0])] if varies else pairs, varies)
            return
        products: list[Pair] = []
        factors: dict[int, float] = defaultdict(float)  # the total of each term's constant factors
        for a, b in pairs:
            factor, term = (a, b) if a in self._numbers else (b, a)
            if factor in self._numbers and abs(factors[term] + self._numbers[factor]) < math.inf:
                factors[term] += self._numbers[factor]
            else:
                products.append((a, b))
        products += [(self.builder.constant(factor), term) for term, factor in factors.items()]
        if varies:
            products = [self._orient(pair) for pair in products]
        (a, b), *others = products
        if not others and self._one in (a, b):
            self.new[node] = b if a == self._one else a
        else:
            self._sumprod(node, products, varies)

    def _sumprod(self, node: int, pairs: Sequence[Pair], varies: bool) -> None:
        self.new[node] = self._node(pairs)
        if varies:
            self._varying.add(self.new[node])

    def _orient(self, pair: Pair) -> Pair:
        a, b = pair
        if a in self._varying and b in self._varying:
            return (a, b) if a <= b else (b, a)
        if a in self._varying:
            return b, a
        if b in self._varying:
            return a, b
        static = b if a == self._one else a if b == self._one else self._node([pair])
        return static, self._one

    def _node(self, pairs: Sequence[Pair]) -> int:
        if len(pairs) == 1:
            return self.builder.node("sumprod", pairs[0])
        return self.builder.node("sumprod", (*[a for a, _ in pairs], *[b for _, b in pairs]))


def find_varying(graph: Graph) -> list[bool]:
    """For each node whether it depends on an input, and so varies over the batch."""
    varying = set(range(graph.n_inputs))
    for node in range(graph.n_leaves, len(graph)):
        if not varying.isdisjoint(graph.args[node]):
            varying.add(node)
    return [node in varying for node in range(len(graph))]


def count_uses(graph: Graph) -> list[int]:
    """How often each node is used, as an operand or as an output."""
    uses = [0] * len(graph)
    for args in graph.args:
        for arg in args:
            uses[arg] += 1
    for output in graph.outputs:
        uses[output] += 1
    return uses

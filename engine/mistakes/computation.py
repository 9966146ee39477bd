"""A hand computation: how every number follows from the numbers before it.

A hand computation is a walk through a recorded graph: the values forwards, the derivatives backwards, then
the step of gradient descent and what follows from it. Where a number was claimed, the computation goes on
with the claimed one, right or wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from engine.backprop import adjoints
from engine.numbers import floats
from engine.ops import OPS
from engine.value import Value

VALUE, ADJOINT, UPDATED = "value", "adjoint", "updated"


class Quantity(NamedTuple):
    """A number of a hand computation: of a value of the graph, before or after the step, or its adjoint."""

    kind: str
    value: Value


@dataclass(frozen=True)
class Known:
    """A number of a computation. It is multiplied and added as the chain rule does.

    Args:
        number: the number.
        error: how far it may be off because the numbers that it follows from were rounded.
        sources: the nearest claims that it follows from.
    """

    number: float
    error: float = 0.0
    sources: frozenset[Quantity] = frozenset()

    def __add__(self, other: Known) -> Known:
        return Known(self.number + other.number, self.error + other.error, self.sources | other.sources)

    def __mul__(self, upstream: Known) -> Known:
        number = self.number * upstream.number if self.number and upstream.number else 0.0  # also 0 * inf
        error = abs(self.number) * upstream.error + abs(upstream.number) * self.error
        return Known(number, error, self.sources | upstream.sources)

    def __rmul__(self, factor: float) -> Known:
        return replace(self, number=factor * self.number, error=abs(factor) * self.error)


@dataclass(frozen=True)
class Problem:
    """The computation that was asked for.

    Args:
        order: the values of the graph, parents first.
        output: the value that is differentiated.
        moved: the leaves that the step moves.
        learning_rate: the learning rate of the step; None if there is no step.
        names: what the quantities are called.
        by_operands: whether the derivative of a function is taken at its operand, where another output is
            claimed; else at the operand that belongs to the claimed output.
    """

    order: Sequence[Value]
    output: Value
    moved: Sequence[Value] = ()
    learning_rate: float | None = None
    names: Mapping[Quantity, str] = field(default_factory=dict)
    by_operands: bool = False

    @cached_property
    def uses(self) -> Mapping[Value, int]:
        """How often each value is an operand."""
        return Counter(parent for value in self.order for parent in value.parents)

    @cached_property
    def alike(self) -> Mapping[str, list[Value]]:
        """The values of each operation."""
        found: dict[str, list[Value]] = defaultdict(list)
        for value in self.order:
            found[value.op].append(value)
        return found

    @cached_property
    def depth(self) -> Mapping[Value, int]:
        """The length of the longest path to each value."""
        found: dict[Value, int] = {}
        for value in self.order:
            found[value] = 1 + max((found[parent] for parent in value.parents), default=-1)
        return found


@dataclass(frozen=True)
class Change:
    """What a mistake changes in a computation.

    Args:
        numbers: the number of a value, in place of the result of its operation.
        partials: the derivative of a value by an operand, by value and place, in place of the right one.
        rates: by leaf, the factor of the gradient in the step, in place of the learning rate.
        results: the number of a quantity, in place of the one that follows.
    """

    numbers: dict[Value, float] = field(default_factory=dict)
    partials: dict[tuple[Value, int], float] = field(default_factory=dict)
    rates: dict[Value, float] = field(default_factory=dict)
    results: dict[Quantity, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many numbers are changed."""
        return len(self.numbers) + len(self.partials) + len(self.rates) + len(self.results)

    @classmethod
    def merged(cls, changes: Iterable[Change]) -> Change:
        """All of the changes together."""
        result = cls()
        for one in changes:
            result.numbers.update(one.numbers)
            result.partials.update(one.partials)
            result.rates.update(one.rates)
            result.results.update(one.results)
        return result


@dataclass(frozen=True)
class Computation:
    """Every quantity of a hand computation. `compute` makes one.

    Args:
        problem: the computation that was asked for.
        claimed: the numbers to go on with, in place of those that follow.
        follows: each quantity as it follows from those before it, in order.
        partials: the derivatives of a value by its operands, by value.
    """

    problem: Problem
    claimed: Mapping[Quantity, Known]
    follows: dict[Quantity, Known]
    partials: dict[Value, Sequence[Known]]

    def known(self, quantity: Quantity) -> Known:
        """A quantity as claimed, or else as it follows."""
        return self.claimed[quantity] if quantity in self.claimed else self.follows[quantity]

    def adjoint(self, value: Value) -> float:
        """The derivative of the output by a value; 0 where there is no path."""
        quantity = Quantity(ADJOINT, value)
        return self.known(quantity).number if quantity in self.follows else 0.0

    def number(self, value: Value) -> float:
        """The number of a value, before the step."""
        return self.known(Quantity(VALUE, value)).number

    def predicted(self, change: Change) -> dict[Quantity, float]:
        """Every quantity as it follows with a mistake, from the numbers that are known."""
        found = {q: known.number for q, known in self.follows.items()}
        partials: dict[Value, Sequence[float]] = {}
        if change.numbers:
            values, partials = self._values(change.numbers)
            found.update({Quantity(VALUE, value): x for value, x in values.items()})
        for (value, k), x in change.partials.items():
            partials[value] = [
                x if place == k else d for place, d in enumerate(partials.get(value) or self._slopes(value))
            ]
        if partials:
            found.update(self._adjoints(partials))
        if self.problem.learning_rate is not None and (partials or change.rates):
            found.update(self._after_the_step(found, change.rates))
        return found | dict(change.results)

    def _slopes(self, value: Value) -> list[float]:
        return [partial.number for partial in self.partials.get(value, ())]

    def _values(
        self, changed: Mapping[Value, float]
    ) -> tuple[dict[Value, float], dict[Value, Sequence[float]]]:
        """The forward pass in plain numbers, and the partials, where they are not those that are known."""
        found: dict[Value, float] = {}
        partials: dict[Value, Sequence[float]] = {}
        known: dict[Value, float] = {}
        for value in self.problem.order:
            is_moved = not known.keys().isdisjoint(value.parents)
            if not is_moved and value not in changed:
                continue
            x = [known.get(p, self.number(p)) for p in value.parents]
            found[value] = changed[value] if value in changed else forward_or_nan(value.op, x)
            if Quantity(VALUE, value) not in self.claimed:
                known[value] = found[value]
            partials[value] = self._partials_where(value, known.get(value, self.number(value)), x)
        return found, partials

    def _partials_where(self, value: Value, out: float, x: Sequence[float]) -> Sequence[float]:
        """The partials of a value that may be wrong."""
        if len(x) != 1:
            return _partials_or_nan(value, out, x)
        if self.problem.by_operands:
            return _own_partials(value, x)
        return [_slope_where(value, out, x[0], Quantity(VALUE, value) in self.claimed)]

    def _adjoints(self, partials: Mapping[Value, Sequence[float]]) -> dict[Quantity, float]:
        """The backward pass in plain numbers, with some partials in place of those that are known."""
        given = {q.value: known.number for q, known in self.claimed.items() if q.kind == ADJOINT}
        order, output = self.problem.order, self.problem.output
        found = adjoints(order, output, lambda v: partials.get(v) or self._slopes(v), 1.0, given)
        return {Quantity(ADJOINT, value): x for value, x in found.items()}

    def _after_the_step(
        self, before: Mapping[Quantity, float], rates: Mapping[Value, float]
    ) -> dict[Quantity, float]:
        """The step and the second forward pass in plain numbers."""
        claimed = {q: known.number for q, known in self.claimed.items()}
        found: dict[Quantity, float] = {}
        for value in self.problem.order:
            if value.parents:
                x = [claimed.get(q, found[q]) for q in (Quantity(UPDATED, p) for p in value.parents)]
                found[Quantity(UPDATED, value)] = forward_or_nan(value.op, x)
                continue
            number = self.number(value)
            if value in self.problem.moved:
                adjoint = Quantity(ADJOINT, value)
                rate = rates.get(value, self.problem.learning_rate or 0.0)
                number -= rate * claimed.get(adjoint, before.get(adjoint, 0.0))
            found[Quantity(UPDATED, value)] = number
        return found

    def influences(self) -> dict[Value, dict[Quantity, float]]:
        """For each value how the claimed derivatives, and the numbers of the step, move with its adjoint."""
        rate = self.problem.learning_rate or 0.0
        found: dict[Value, dict[Quantity, float]] = {}
        for value in self.problem.order:
            own, stepped = Quantity(ADJOINT, value), Quantity(UPDATED, value)
            if own in self.claimed:
                found[value] = {own: 1.0}
            elif not value.parents:
                found[value] = {stepped: -rate} if stepped in self.claimed else {}
            else:
                total: dict[Quantity, float] = {}
                for parent, partial in zip(value.parents, self.partials.get(value, ()), strict=False):
                    for q, x in found[parent].items():
                        total[q] = total.get(q, 0.0) + partial.number * x
                found[value] = total
        return found


def compute(
    problem: Problem,
    claimed: Mapping[Quantity, Known],
    change: Change | None = None,
) -> Computation:
    """Compute every quantity of a problem, each from those before it.

    Args:
        problem: the computation that is asked for.
        claimed: the numbers to go on with, in place of those that follow.
        change: a mistake to make on the way.

    Returns:
        The computation.
    """
    change = change or Change()
    result = Computation(problem, claimed, {}, {})
    _evaluate(result, VALUE, {v: Known(v.data) for v in problem.order if not v.parents}, change.numbers)
    _differentiate(result, change.partials)
    if problem.learning_rate is not None:
        leaves = {v: _after_the_step(result, v, change.rates) for v in problem.order if not v.parents}
        _evaluate(result, UPDATED, leaves, {})
    return result


def _evaluate(
    result: Computation, kind: str, leaves: Mapping[Value, Known], changed: Mapping[Value, float]
) -> None:
    """The forward pass."""
    for value in result.problem.order:
        if value in leaves:
            result.follows[Quantity(kind, value)] = leaves[value]
            continue
        operands = [result.known(Quantity(kind, p)) for p in value.parents]
        x = [operand.number for operand in operands]
        number = changed[value] if value in changed else forward_or_nan(value.op, x)
        slopes = _partials_or_nan(value, number, x)
        error = sum(abs(d) * o.error for d, o in zip(slopes, operands, strict=True) if o.error)
        result.follows[Quantity(kind, value)] = Known(number, error, _sources(operands))


def _differentiate(result: Computation, changed: Mapping[tuple[Value, int], float]) -> None:
    """The backward pass."""

    def partials(value: Value) -> Sequence[Known]:
        if not value.parents:
            return ()
        if value not in result.partials:
            result.partials[value] = _partials(result, value)
        return [
            replace(partial, number=changed.get((value, k), partial.number))
            for k, partial in enumerate(result.partials[value])
        ]

    order, output = result.problem.order, result.problem.output
    given = {q.value: known for q, known in result.claimed.items() if q.kind == ADJOINT}
    found = adjoints(order, output, partials, Known(1.0), given)
    result.follows.update({Quantity(ADJOINT, v): found[v] for v in reversed(order) if v in found})


def _partials(result: Computation, value: Value) -> list[Known]:
    """The derivative of a value by each operand, from the numbers that are known."""
    operands = [result.known(Quantity(VALUE, p)) for p in value.parents]
    out = result.known(Quantity(VALUE, value))
    x = [operand.number for operand in operands]
    found: list[Sequence[float]]
    if len(x) == 1 and not result.problem.by_operands:
        claimed = Quantity(VALUE, value) in result.claimed
        found = [[_slope_where(value, y, x[0], claimed)] for y in _around(out.number, out.error)]
    elif len(x) == 1:
        found = [_own_partials(value, [at]) for at in _around(x[0], operands[0].error)]
    else:
        moved = [x_i + operand.error for x_i, operand in zip(x, operands, strict=True)]
        points = [(y, at) for at in (x, moved) for y in _around(out.number, out.error)]
        found = [_partials_or_nan(value, y, at) for y, at in points]
    best, *bent = found
    sources = _sources([out, *operands])
    return [Known(d, max(abs(other[k] - d) for other in bent), sources) for k, d in enumerate(best)]


def _around(x: float, error: float) -> tuple[float, float, float]:
    return x, x + error, x - error


def _after_the_step(result: Computation, leaf: Value, changed: Mapping[Value, float]) -> Known:
    before = result.known(Quantity(VALUE, leaf))
    if leaf not in result.problem.moved:
        return before
    rate = changed.get(leaf, result.problem.learning_rate or 0.0)
    return before + -rate * result.known(Quantity(ADJOINT, leaf))


def _sources(numbers: Sequence[Known]) -> frozenset[Quantity]:
    return frozenset().union(*(number.sources for number in numbers))


def forward_or_nan(op: str, x: Sequence[float]) -> float:
    """The result of an operation.

    Args:
        op: its name.
        x: its operands.

    Returns:
        The number; NaN outside the domain, where a wrong claim may lead: nothing follows from it.
    """
    try:
        return float(OPS[op].forward(floats, *x))
    except (ValueError, ArithmeticError):
        return float("nan")


def _partials_or_nan(value: Value, out: float, x: Sequence[float]) -> Sequence[float]:
    try:
        partials: Sequence[float] = OPS[value.op].partials(floats, out, *x)
    except (ValueError, ArithmeticError):
        return [float("nan")] * len(x)
    return partials


def _own_partials(value: Value, x: Sequence[float]) -> Sequence[float]:
    """The derivatives at operands, with the result that belongs to them."""
    return _partials_or_nan(value, forward_or_nan(value.op, x), x)


def _slope_where(value: Value, out: float, x: float, claimed: bool) -> float:
    """The derivative of a function of one number where its result is `out`, which may be wrong.

    A rule may use the operand and the result; both must belong together. A formula in the result, such as
    a (1 - a), is used even where the function never is `out`.

    Args:
        value: a value that the function gives.
        out: its number.
        x: the operand.
        claimed: whether the number is claimed: then the operand that gives it is taken, if there is one.
    """
    if forward_or_nan(value.op, [x]) == out:
        return _partials_or_nan(value, out, [x])[0]
    formula = OPS[value.op].by_output
    if formula:
        return float(formula(out))
    return _own_partials(value, [_operand_of(value, out, x) if claimed else x])[0]


def _operand_of(value: Value, out: float, x: float) -> float:
    """The operand at which a function of one number gives `out`, by Newton's method; x if it finds none."""
    row, start = OPS[value.op], x
    try:
        for _ in range(30):
            y = row.forward(floats, x)
            (slope,) = row.partials(floats, y, x)
            if slope == 0.0 or abs(y - out) <= 1e-15 * abs(out):
                break
            x -= (y - out) / slope
        return x if abs(row.forward(floats, x) - out) <= 1e-9 * abs(out) else start
    except (ValueError, ArithmeticError):
        return start


def rounded(own: Computation, decimals: int, partials_too: bool) -> dict[Quantity, float]:
    """Every value and derivative where each value, and perhaps each local derivative, is rounded.

    Args:
        own: the computation, with the claimed numbers to go on with.
        decimals: how many decimals are kept.
        partials_too: whether the local derivatives are rounded as well.

    Returns:
        The values before the step and the derivatives, as they follow; empty where one is undefined.
    """
    order, found = own.problem.order, {}
    values: dict[Value, float] = {}
    partials: dict[Value, list[float]] = {}
    for v in order:
        q, x = Quantity(VALUE, v), [values[p] for p in v.parents]
        found[q] = round(forward_or_nan(v.op, x), decimals) if x else own.follows[q].number
        values[v] = own.claimed[q].number if q in own.claimed else found[q]
        slopes = _partials_or_nan(v, values[v], x) if x else ()
        partials[v] = [round(d, decimals) if partials_too and d - d == 0.0 else d for d in slopes]
    given = {q.value: known.number for q, known in own.claimed.items() if q.kind == ADJOINT}
    gradient = adjoints(order, own.problem.output, lambda v: partials[v], 1.0, given)
    return found | {Quantity(ADJOINT, v): x for v, x in gradient.items()}

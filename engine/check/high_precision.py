"""The engine's rules over balls: every value, partial and adjoint of a recorded graph, with bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import isfinite
from typing import Any

from flint import arb

from engine.backprop import adjoints
from engine.check.subject import Run, Subject
from engine.check.truth import BITS, UNDEFINED, Slope, Truth, exact, floor_of, is_resolved, number_of, size_of
from engine.numbers.balls import Ball, Balls, UndecidedError
from engine.ops import OPS
from engine.replay import replay
from engine.value import Value

_FEW = arb(2) ** -48  # relative: a few units in the last place
_LEAST = 2.0**-1072  # a few units of the smallest floats
_NOTHING = exact.mpf(2) ** -1130  # less than the smallest float by far


class Rules:
    """A recorded graph, computed forwards and backwards over balls.

    Args:
        run: the graph.
        bits: the precision.

    Attributes:
        values: the number of each value.
        adjoints: the derivative of the output by each value that has one.
        terms: for each input the size of the terms that its derivative is the sum of, along all paths.
    """

    def __init__(self, run: Run, bits: int) -> None:
        self.run = run
        self.bits = bits
        self.m = Balls(bits)
        self.m.ties_within_radius = self.m.both = True
        with self.m.at_work():
            self.values: Mapping[Value, Ball] = replay(run.order, self.m, {})
            self._partials: dict[Value, Sequence[Ball]] = {}
            self.adjoints: Mapping[Value, Ball] = adjoints(
                run.order, run.output, self.partials, self.m.number(1), is_zero=_is_zero
            )
            self.terms = self._terms(run)

    def partials(self, value: Value) -> Sequence[Ball]:
        """The derivative of a value by each operand, by its rule."""
        if value not in self._partials:
            operands = [self.values[p] for p in value.parents]
            with self.m.at_work():
                self._partials[value] = _partials(self.m, value, self.values[value], operands)
        return self._partials[value]

    def derivative(self, value: Value) -> arb:
        """The derivative of the output by a value; 0 if it does not depend on it."""
        return self.adjoints[value].still if value in self.adjoints else arb(0)

    def is_settled(self, value: Value) -> bool:
        """Whether the derivative by an input is known to all digits of a float, or infinite for sure."""
        derivative = self.derivative(value)
        is_infinite = not (derivative.mid().is_finite() or derivative.is_nan())
        return is_infinite or is_resolved(derivative, floor_of(self.terms[value]))

    @cached_property
    def local_slopes(self) -> Sequence[tuple[Value, int, Any, Slope]]:
        """The operations whose rule differs from their slope: every wrong derivative asks for them."""
        return local_slopes(self.run.order)

    def _terms(self, run: Run) -> Mapping[Value, arb]:
        """The chain rule without signs: rounding errors of the floats are in proportion to it."""
        sizes = adjoints(run.order, run.output, self._sizes, arb(1), is_zero=arb.is_zero)
        return {x: sizes.get(x, arb(0)) for x in run.inputs}

    def _sizes(self, value: Value) -> list[arb]:
        pairs = zip(self.partials(value), value.partials, strict=True)
        return [
            size_of(by_rule.still).max(abs(arb(recorded if isfinite(recorded) else 0.0)))
            for by_rule, recorded in pairs
        ]


def _is_zero(adjoint: Ball) -> bool:
    return bool(adjoint.still.is_zero())


def settle(run: Run) -> Rules:
    """The rules with as many bits as it takes to settle every derivative by an input.

    Args:
        run: the graph.

    Returns:
        The rules: each derivative is known to all digits of a float, or known to cancel to 0.

    Raises:
        UndecidedError: if no precision tells which branch is taken.
        ValueError, ArithmeticError: if the exact numbers are outside a domain that the floats are in.
    """
    rules = None
    for bits in BITS:
        try:
            rules = Rules(run, bits)
        except UndecidedError:
            if rules is None and bits == BITS[-1]:
                raise
            continue
        with rules.m.at_work():
            if all(rules.is_settled(x) for x in run.inputs):
                break
    assert rules is not None
    return rules


class OperationSubject(Subject):
    """One recorded operation on its own, as a function of its operands.

    Args:
        value: the result of the operation.
    """

    text = "the operation"

    def __init__(self, value: Value) -> None:
        self.value = value
        self.names = [p.label for p in value.parents]
        self.point = [p.data for p in value.parents]

    def record(self) -> Run:
        """The operation as it was recorded."""
        return Run(self.value, self.value.parents, [*dict.fromkeys(self.value.parents), self.value])

    def over(self, m: Any, numbers: Sequence[Any]) -> Any:
        """The row's `forward`."""
        return OPS[self.value.op].forward(m, *numbers)


def local_slopes(order: Sequence[Value]) -> list[tuple[Value, int, Any, Slope]]:
    """The operations of a graph whose rule differs from the slope of the operation itself.

    Args:
        order: recorded values.

    Returns:
        For each such rule: the value, the place of the operand, the partial by the rule, and the slope.
    """
    found = []
    for value in order:
        truth = Truth(OperationSubject(value))
        for k in range(len(value.parents)):
            partial, slope = _partial_and_slope(value, k, truth)
            if slope.value is None or not agrees(partial, slope):
                found.append((value, k, partial, slope))
    return found


def _partial_and_slope(value: Value, k: int, truth: Truth) -> tuple[Any, Slope]:
    """A partial by the rule with as many bits as the slope took, and the slope of the operation."""
    slope = truth.slope(k)
    for bits in (b for b in BITS if b >= slope.bits):
        m = Balls(bits)
        with m.at_work():
            try:
                operands = [m.number(p.data) for p in value.parents]
                partial = _partials(m, value, OPS[value.op].forward(m, *operands), operands)[k].still
            except UndecidedError:
                continue
            except UNDEFINED:
                partial = arb(value.partials[k])
            if is_resolved(partial, floor_of(0)) or not partial.is_finite():
                break
    return (number_of(partial) if partial.is_finite() else value.partials[k]), slope


def agrees(x: Any, slope: Slope, relative: float = 1e-17) -> bool:
    """Whether a number is the value of a slope, to more digits than a float has."""
    bound = relative * abs(slope.value) + 2 * slope.error + _NOTHING
    return bool(abs(x - slope.value) <= bound)


def widened(slope: Slope, other: arb) -> Slope:
    """A slope whose error includes that of the number it is compared with."""
    return replace(slope, error=slope.error + float(other.rad().upper()))


def are_but_rounded(order: Sequence[Value]) -> bool:
    """Whether the floats of a recorded graph, after `backward`, follow from each other but for rounding.

    Each value and partial is what the operation and its rule give at operands that are a few units in the
    last place away; each derivative is the sum of its terms, to a few units of the largest.

    Args:
        order: the recorded values, parents first.
    """
    m = Balls(BITS[0])
    m.ties_within_radius = m.both = True
    sums: dict[Value, list[arb]] = {value: [] for value in order}
    with m.at_work():
        for value in order:
            operands = [m.number(_rounded(p.data)) for p in value.parents]
            if not operands:
                continue
            try:
                out = OPS[value.op].forward(m, *operands)
                by_rule = _partials(m, value, out, operands)
            except UNDEFINED:  # the operands are at the edge of a domain
                continue
            pairs = zip((out, *by_rule), (value.data, *value.partials), strict=True)
            if not all(isfinite(x) and _rounded(x).overlaps(ball.still) for ball, x in pairs):
                return False
            for parent, partial in zip(value.parents, value.partials, strict=True):
                sums[parent].append(arb(partial) * arb(value.grad))
        return all(
            isfinite(value.grad) and _rounded(value.grad, terms).overlaps(sum(terms, arb(0)))
            for value, terms in sums.items()
            if terms
        )


def _rounded(x: float, terms: Sequence[arb] = ()) -> arb:
    """All that a float may be, which is rounded to a few units in the last place, or of its terms."""
    size = sum(map(abs, terms), abs(arb(x)))
    return arb(x, (_FEW * size + (1 + len(terms)) * arb(_LEAST)).upper())


def _partials(m: Balls, value: Value, out: Any, operands: Sequence[Any]) -> Sequence[Ball]:
    """The partials of a value by its rule; those recorded where the rule is undefined over balls."""
    if not operands:
        return ()
    try:
        partials = OPS[value.op].partials(m, out, *operands)
    except UndecidedError:
        raise
    except UNDEFINED:
        partials = value.partials
    return [p if isinstance(p, Ball) else m.number(p) for p in partials]

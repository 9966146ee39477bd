"""The engine's rules in high precision: every value, partial and adjoint of a recorded graph."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.backprop import adjoints
from engine.check.subject import Run, Subject
from engine.check.truth import DIGITS, UNDEFINED, Slope, Truth, precision
from engine.ops import OPS
from engine.replay import replay
from engine.value import Value

AGREEMENT = 1e-15  # relative: two computations in high precision that mean the same agree far better


class Rules:
    """A recorded graph, computed forwards and backwards with a number of digits.

    Args:
        run: the graph.
        digits: decimal digits.

    Attributes:
        values: the number of each value.
        adjoints: the derivative of the output by each value that has one.
    """

    def __init__(self, run: Run, digits: int) -> None:
        self.m = precision(digits)
        self.values = replay(run.order, self.m, {})
        self._partials: dict[Value, Sequence[Any]] = {}
        self.adjoints = adjoints(run.order, run.output, self.partials, self.m.number(1.0))

    def partials(self, value: Value) -> Sequence[Any]:
        """The derivative of a value by each operand, by its rule."""
        if value not in self._partials:
            operands = [self.values[p] for p in value.parents]
            self._partials[value] = _partials(self.m, value, self.values[value], operands)
        return self._partials[value]


class RulesAtAnyPrecision:
    """The derivatives that the rules give, with as many digits as it takes.

    Args:
        run: the graph.
    """

    def __init__(self, run: Run) -> None:
        self._recording = run
        self._by_digits: dict[int, Rules] = {}

    def with_digits(self, digits: int) -> Rules:
        """The graph with that many digits."""
        if digits not in self._by_digits:
            self._by_digits[digits] = Rules(self._recording, digits)
        return self._by_digits[digits]

    def derivative(self, value: Value, truth: Any) -> Any:
        """The derivative by a value, with as many digits as it takes to agree with the truth or with itself.

        Args:
            value: the value to differentiate by.
            truth: the derivative by differences; None if there is none.

        Returns:
            The derivative by the rules.
        """
        return settle(lambda digits: self.with_digits(digits).adjoints.get(value, 0), truth)


def agrees(a: Any, b: Any, relative: float = AGREEMENT) -> bool:
    """Whether two numbers are equal, relative to the second; 0 agrees with 0 alone."""
    return bool(abs(a - b) <= relative * abs(b))


def settle(compute: Callable[[int], Any], truth: Any) -> Any:
    """Compute a number with more and more digits, until it agrees with the truth or with itself.

    Args:
        compute: the number, computed with so many decimal digits.
        truth: what it should be; None if that is unknown.

    Returns:
        The number, as computed last.
    """
    before = None
    for digits in DIGITS:
        now = compute(digits)
        if any(known is not None and agrees(now, known) for known in (truth, before)):
            break
        before = now
    return now


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
    m = precision(DIGITS[1])
    for value in order:
        operands = [m.number(p.data) for p in value.parents]
        truth = Truth(OperationSubject(value))
        for k, partial in enumerate(_partials(m, value, None, operands)):
            slope = truth.slope(k, partial)
            if slope.value is None or not agrees(partial, slope.value):
                found.append((value, k, partial, slope))
    return found


def _partials(m: Any, value: Value, out: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """The partials of a value by its rule; those recorded where the rule is undefined in high precision."""
    if not operands:
        return ()
    row = OPS[value.op]
    try:
        partials: Sequence[Any] = row.partials(
            m, row.forward(m, *operands) if out is None else out, *operands
        )
    except UNDEFINED:
        partials = [m.number(p) for p in value.partials]
    return partials

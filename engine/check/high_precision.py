"""The engine's rules in high precision: every value, partial and adjoint of a recorded graph."""

from collections.abc import Sequence
from typing import Any

from engine.backprop import adjoints
from engine.check.subject import Run
from engine.check.truth import DIGITS, Slope, Truth, precision
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
        if not value.parents:
            return ()
        if value not in self._partials:
            operands = [self.values[p] for p in value.parents]
            try:
                partials = OPS[value.op].partials(self.m, self.values[value], *operands)
            except (ValueError, ArithmeticError):  # infinite, as the recorded ones are
                partials = [self.m.number(p) for p in value.partials]
            self._partials[value] = partials
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
        """The derivative by a value: that which agrees with the truth, or on which two runs agree."""
        before = None
        for digits in DIGITS:
            derivative = self.with_digits(digits).adjoints.get(value, 0)
            if any(known is not None and agrees(derivative, known) for known in (truth, before)):
                break
            before = derivative
        return derivative


def agrees(a: Any, b: Any, relative: float = AGREEMENT) -> bool:
    """Whether two numbers are the same, relative to the second; 0 agrees with 0 alone."""
    return bool(abs(a - b) <= relative * abs(b))


class OperationSubject:
    """One recorded operation on its own, as a subject of its operands."""

    text = "the operation"

    def __init__(self, value: Value) -> None:
        self.value = value
        self.names = [p.label or p.op or "a leaf" for p in value.parents]
        self.point = [p.data for p in value.parents]

    def record(self) -> Run:
        """What was recorded."""
        return Run(self.value, self.value.parents, [*dict.fromkeys(self.value.parents), self.value])

    def over(self, m: Any, numbers: Sequence[Any]) -> Any:
        """The row's `forward`."""
        return OPS[self.value.op].forward(m, *numbers)

    def partials(self) -> Sequence[Any]:
        """The row's `partials`, in high precision."""
        m = precision(DIGITS[1])
        x = [m.number(x_i) for x_i in self.point]
        try:
            return OPS[self.value.op].partials(m, self.over(m, x), *x)
        except (ValueError, ArithmeticError):
            return [m.number(p) for p in self.value.partials]


def local_slopes(order: Sequence[Value]) -> list[tuple[Value, int, Any, Slope]]:
    """Each operation of a graph on its own: where its rule is not its slope.

    Args:
        order: recorded values.

    Returns:
        The value, the place of the operand, what the rule says, and the slope that it is not.
    """
    found = []
    for value in order:
        if not value.parents:
            continue
        operation = OperationSubject(value)
        truth = Truth(operation)
        for k, partial in enumerate(operation.partials()):
            slope = truth.slope(k, partial)
            if slope.value is None or not agrees(partial, slope.value):
                found.append((value, k, partial, slope))
    return found

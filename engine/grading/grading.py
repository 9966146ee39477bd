"""`grade`: mark a hand computation, number by number, as an examiner does."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.claims import Claim
from engine.derivatives import refuse_if_changed
from engine.grading.marks import mark
from engine.grading.names import Vocabulary
from engine.grading.report import GradeReport
from engine.graph import topological
from engine.mistakes.computation import UPDATED, Problem, Quantity
from engine.value import PARAMETER, Value


def grade(
    output: Value,
    claims: Mapping[str, Any],
    *,
    learning_rate: float | None = None,
    parameters: Sequence[Value] | None = None,
) -> GradeReport:
    """Mark a hand computation of values, deltas, gradients and a step of gradient descent.

    Args:
        output: the recorded loss, or another recorded output, with labels on the values that are named.
        claims: a number for each name; printed numbers as text, "-0.0497", held to their decimals. With a
            label L the names are `L`, the value; `dE/dL`, the derivative of the output by it; `delta_5`
            or `delta_1^2`, the derivative by the net input `z_5` or `z_1^2`; `new L`, the value after the
            step: w - learning_rate * dE/dw for a parameter w, the number that follows for another value.
            Other writings of these names are understood too, such as `∂J/∂w`, `w.grad`, `δ₅` and `w_new`.
        learning_rate: the learning rate of the step; needed for `new` names.
        parameters: the leaves that the step moves; None for those of a network or, where there are none,
            every leaf except constants.

    Returns:
        The report: each claim is right, wrong here, or carried forward from a wrong number before it.

    Raises:
        LookupError: if no value, or more than one, has the label of a name.
        ValueError: if there are no claims, a claim is not a number, a quantity is claimed twice, the learning
            rate is missing, or a leaf was assigned a new number after the output was recorded.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> z = w * x
        >>> z.label = "z"
        >>> E = z * z
        >>> report = grade(E, {"z": "1.500", "dE/dz": "1.500", "dE/dw": "4.500"})
        >>> report.verdicts
        {'z': 'right', 'dE/dz': 'wrong here', 'dE/dw': 'carried forward'}
        >>> print(report.marks[1].why[0])
        half what follows: a factor 2 is missing
    """
    if not claims:
        raise ValueError(
            "there is nothing to grade: no number is claimed; give a number by name, as in {'z': '1.5'}"
        )
    order = topological([output])
    for value in order:
        refuse_if_changed(value, "grade")
    words = Vocabulary(order, output)
    quantities = {name: _find(words, name) for name in claims}
    _refuse_twice(quantities)
    if learning_rate is None and any(q.kind == UPDATED for q in quantities.values()):
        raise ValueError("claims about numbers after the step need a learning_rate")
    names = {q: name for name, q in quantities.items()}
    problem = Problem(order, output, moved_leaves(order, parameters), learning_rate, names)
    given = {quantities[name]: _claim(name, x) for name, x in claims.items()}
    return GradeReport(mark(problem, given))


def _find(names: Vocabulary, name: str) -> Quantity:
    try:
        return names.find(name)
    except LookupError as error:
        raise LookupError(f"{name}: {error}") from None


def _refuse_twice(quantities: Mapping[str, Quantity]) -> None:
    first: dict[Quantity, str] = {}
    for name, quantity in quantities.items():
        if quantity in first:
            raise ValueError(f"{first[quantity]} and {name} are one quantity; claim it once")
        first[quantity] = name


def _claim(name: str, x: Any) -> Claim:
    try:
        return Claim.of(x)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the claim for {name}: {error}") from None


def moved_leaves(order: Sequence[Value], parameters: Sequence[Value] | None = None) -> list[Value]:
    """The leaves that a step moves.

    Args:
        order: the values of the graph.
        parameters: the leaves, if they are given; None for those of a network or, where there are none, every
            leaf except constants.
    """
    if parameters is not None:
        return list(parameters)
    return [v for v in order if v.kind == PARAMETER] or [v for v in order if v.is_variable]

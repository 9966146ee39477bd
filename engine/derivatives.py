"""Derivatives as recorded Values: gradients, Jacobians, Hessians, directional derivatives.

The chain rule of `engine.backprop` once more, now over `Value`s: the table's own rules are applied to the
recorded operands, so that every derivative is a graph like any other. It can be differentiated again, drawn
and compiled. The adjoint of a value with several uses is one `sumprod` of partials and adjoints: in a
network that node is the delta rule, the sum of w_ji delta_j.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan
from typing import Any, TypeAlias

from engine import functions
from engine.functions import Operand
from engine.graph import dependents, topological
from engine.ops import OPS
from engine.recording import evaluate, taking_limits
from engine.value import CONSTANT, Value, operand, shortened, was_assigned

_Terms: TypeAlias = list[tuple[Operand, Operand]]  # (partial, adjoint): the terms of a sum of products


def grad(output: Value, inputs: Iterable[Value], *, anywhere: bool = False) -> list[Value]:
    """The derivative of an output by each input, recorded. No `grad` is modified.

    Args:
        output: the value to differentiate.
        inputs: the values to differentiate by; inner values of the graph as well as leaves.
        anywhere: whether the derivatives must hold for other numbers of the leaves too. No term is then left
            out because its adjoint happens to be 0, and a leaf may have been assigned.

    Returns:
        One Value per input, in order; a constant 0 where the output does not depend on the input.

    Raises:
        TypeError: if the output, or one of the inputs, is not a Value.
        ValueError: if a leaf was assigned a new number after the output was recorded.

    Example:
        >>> x = Value(3.0)
        >>> (dy,) = grad(x**3, [x])
        >>> (d2y,) = grad(dy, [x])
        >>> dy.data, d2y.data
        (27.0, 18.0)
    """
    inputs = _values(inputs, "inputs")
    order = topological(_values([output], "the output"))
    if isnan(output.data) and not anywhere:
        undefined, influence = output - output, set(order)  # NaN, and so is its own derivative
        return [undefined if x in influence else operand(0.0) for x in inputs]
    variable = dependents(order, inputs)
    terms: dict[Value, _Terms] = defaultdict(list)
    terms[output].append((1.0, 1.0))
    adjoint: dict[Value, Operand] = {}
    with taking_limits():
        for value in reversed(order):
            if value not in variable or value not in terms:
                continue
            upstream = adjoint[value] = _sum_of_products(terms.pop(value), anywhere)
            for parent, partial in zip(value.parents, _partials(value, variable, anywhere), strict=True):
                if parent in variable:
                    terms[parent].append((partial, upstream))
    return [_result(adjoint.get(x, 0.0)) for x in inputs]


def jvp(
    outputs: Iterable[Value],
    inputs: Iterable[Value],
    tangents: Iterable[Operand],
    *,
    anywhere: bool = False,
) -> list[Value]:
    """The derivative of each output along a direction, recorded: the Jacobian times a vector.

    Args:
        outputs: the values to differentiate.
        inputs: the values that move.
        tangents: how fast each input moves, a number or a Value each.
        anywhere: as for `grad`.

    Returns:
        One Value per output, in order.

    Raises:
        TypeError: if one of the outputs or inputs is not a Value.
        ValueError: if inputs and tangents are not equally many, or if a leaf was assigned a new number
            after the outputs were recorded.

    Example:
        >>> x, y = Value(2.0), Value(5.0)
        >>> [d.data for d in jvp([x * y, x + y], [x, y], [1.0, 10.0])]
        [25.0, 11.0]
    """
    outputs, inputs = _values(outputs, "outputs"), _values(inputs, "inputs")
    tangents = list(tangents)
    if len(inputs) != len(tangents):
        raise ValueError(f"jvp takes one tangent for each input, got {len(tangents)} for {len(inputs)}")
    order = topological(outputs)
    variable = dependents(order, inputs)
    moving: dict[Value, Operand] = dict(zip(inputs, tangents, strict=True))
    tangent = dict(moving)
    by_gradients = not anywhere and not any(x.parents for x in inputs)
    if by_gradients and any(isnan(output.data) for output in outputs):
        return [_along(output, moving) for output in outputs]
    with taking_limits():
        for value in order:
            if value in variable and value not in tangent:
                pairs = zip(value.parents, _partials(value, variable, anywhere), strict=True)
                terms = [(d, tangent[p]) for p, d in pairs if p in variable]
                if by_gradients and not all(isfinite(_number(d)) for d, _ in terms):
                    return [_along(output, moving) for output in outputs]
                tangent[value] = _sum_of_products(terms, anywhere)
    return [_result(tangent.get(output, 0.0)) for output in outputs]


def jacobian(outputs: Iterable[Value], inputs: Iterable[Value]) -> list[list[Value]]:
    """The derivative of every output by every input, recorded.

    Args:
        outputs: m values.
        inputs: n values.

    Returns:
        m rows of n Values.

    Raises:
        TypeError: if one of the outputs or inputs is not a Value.
        ValueError: if a leaf was assigned a new number after the outputs were recorded.

    Example:
        >>> x, y = Value(2.0), Value(5.0)
        >>> [[d.data for d in row] for row in jacobian([x * y, x / y], [x, y])]
        [[5.0, 2.0], [0.2, -0.08]]
    """
    inputs = _values(inputs, "inputs")
    return [grad(output, inputs) for output in _values(outputs, "outputs")]


def hessian(output: Value, inputs: Iterable[Value]) -> list[list[Value]]:
    """The second derivatives of an output by every pair of inputs, recorded.

    Args:
        output: the value to differentiate twice.
        inputs: n values.

    Returns:
        n rows of n Values.

    Raises:
        TypeError: if the output, or one of the inputs, is not a Value.
        ValueError: if a leaf was assigned a new number after the output was recorded.

    Example:
        >>> x, y = Value(2.0), Value(5.0)
        >>> [[d.data for d in row] for row in hessian(x * x * y, [x, y])]
        [[10.0, 4.0], [4.0, 0.0]]
    """
    inputs = _values(inputs, "inputs")
    return jacobian(grad(output, inputs), inputs)


def _values(xs: Iterable[Value], what: str) -> list[Value]:
    """The Values that an argument lists; anything else would get a derivative of 0 unnoticed."""
    if isinstance(xs, Value):
        raise TypeError(f"{what} are a list of Values, not one Value: write [{xs.label or 'x'}]")
    values = list(xs)
    for x in values:
        if not isinstance(x, Value):
            raise TypeError(
                f"{what}: {type(x).__name__} {x!r} is not a Value; only recorded Values have derivatives"
            )
    return values


def _partials(value: Value, variable: set[Value], anywhere: bool) -> Sequence[Operand]:
    """The partials of a value by its rule, over Values; a constant operand stays a plain number."""
    if not value.parents:
        return ()
    if not anywhere:
        refuse_if_changed(value, "take grad")
    operands = [p.data if p.kind == CONSTANT and p not in variable else p for p in value.parents]
    partials: Sequence[Operand] = OPS[value.op].partials(functions, value, *operands)
    return partials


def refuse_if_changed(value: Value, purpose: str) -> None:
    """Refuse a leaf that was assigned after recording: it would mix with the old numbers around it.

    Args:
        value: a recorded value, whose operands are looked at.
        purpose: what the graph must be recorded again for, in the message.

    Raises:
        ValueError: if an operand is such a leaf.

    Example:
        >>> x = Value(3.0, "x")
        >>> y = x * x
        >>> x.data = 4.0
        >>> try:
        ...     refuse_if_changed(y, "take grad")
        ... except ValueError as error:
        ...     print(str(error)[:60])
        mul was recorded as 9.0, but with x = 4.0 it is 16.0: a leaf
    """
    change = change_since_recording(value)
    if change:
        raise ValueError(f"{change}. Record again to {purpose}; backward() uses what was recorded.")


def change_since_recording(value: Value) -> str:
    """What was assigned since a value was recorded, if it makes a difference to it.

    Args:
        value: a recorded value; its own number and its operands are looked at.

    Returns:
        A sentence without its full stop; "" if nothing was.

    Example:
        >>> x = Value(3.0, "x")
        >>> y = x * x
        >>> y.label = "y"
        >>> y.data = 4.0
        >>> change_since_recording(y)
        'mul of x = 3.0, x = 3.0 is 9.0, but y is 4.0: y, which is computed, was assigned after recording'
    """
    moved = [p for p in dict.fromkeys(value.parents) if p.is_variable or was_assigned(p)]
    if not moved and not was_assigned(value):
        return ""
    with taking_limits():
        now = evaluate(OPS[value.op], value.parents)
    if repr(now) == repr((value.data, value.partials)):  # repr: NaN is the same as NaN here
        return ""
    if was_assigned(value):
        name = shortened(value.label) or "a computed value"
        return (
            f"{value.op} of {_listed(value.parents)} is {now[0]!r}, but {name} is {value.data!r}: "
            f"{name}{', which is computed,' if value.label else ''} was assigned after recording"
        )
    computed = [p for p in moved if was_assigned(p)]
    what = " and ".join(shortened(p.label) or "a computed value" for p in computed) if computed else "a leaf"
    return (
        f"{value.op} was recorded as {value.data!r}, but with {_listed(moved)} it is {now[0]!r}: {what} was "
        "assigned after recording"
    )


def _listed(values: Iterable[Value]) -> str:
    return ", ".join(f"{shortened(v.label) or v.op or 'a leaf'} = {v.data!r}" for v in values)


def _along(output: Value, moving: Mapping[Value, Operand]) -> Value:
    """The derivative along a direction, as the gradient times the direction.

    Infinite terms of both signs add up to NaN, and which terms meet depends on the order of the chain rule:
    where a partial is not finite, `jvp` therefore goes by `grad`.
    """
    terms = zip(grad(output, moving), moving.values(), strict=True)
    return _result(_sum_of_products(list(terms), anywhere=False))


def _sum_of_products(terms: _Terms, anywhere: bool) -> Any:
    """The sum of partial times adjoint, in as few nodes as possible."""
    terms = [term for term in terms if not _contributes_nothing(*term, anywhere)]
    if not terms:
        return 0.0
    partials, adjoints = zip(*terms, strict=True)
    if all(partial.__class__ is float and partial == 1.0 for partial in partials):
        return adjoints[0] if len(adjoints) == 1 else functions.fsum(adjoints)
    if len(terms) > 1:
        return functions.sumprod(partials, adjoints)
    if adjoints[0].__class__ is float and adjoints[0] == 1.0:
        return partials[0]
    return (
        -adjoints[0] if partials[0].__class__ is float and partials[0] == -1.0 else partials[0] * adjoints[0]
    )


def _contributes_nothing(partial: Operand, adjoint: Operand, anywhere: bool) -> bool:
    """A plain 0 contributes nothing, nor does any other 0 whose factor is infinite or NaN."""
    if 0.0 in (x for x in (partial, adjoint) if x.__class__ is float):
        return True
    if anywhere:
        return False
    factors = _number(partial), _number(adjoint)
    return 0.0 in factors and not all(map(isfinite, factors))


def _number(x: Operand) -> float:
    return x.data if isinstance(x, Value) else float(x)


def _result(x: Operand) -> Value:
    """A derivative as a Value of its own: never a leaf of the user's, whose number may be assigned later."""
    return functions.fsum([x]) if isinstance(x, Value) and x.is_variable else operand(x)

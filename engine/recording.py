"""Recording: an operation applied to Values computes a number, its partials, and a new Value that holds both.

There is one recorder for each row of the table, made once; the arity of the row decides its form. Here the
operators of `Value` get their meaning: the row that names an operator records it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from math import inf, isfinite, isinf
from numbers import Real
from typing import Any, TypeAlias

from engine.numbers import floats
from engine.ops import OPS, Op
from engine.value import Number, Value, constant, next_serial, shortened

Recorder: TypeAlias = Callable[..., Any]

REFUSED = (ValueError, OverflowError, ZeroDivisionError)  # how floats say "outside the domain"


watch: Callable[[Value], None] | None = None
"""Called with every value that is recorded, while somebody looks for anomalies."""


def recorder(op: Op) -> Recorder:
    """The function that applies an operation to Values and records the result.

    Args:
        op: a row of the table.

    Returns:
        A function of as many Values as the operation takes. Outside the domain it raises the error that
        floats raise (ValueError, OverflowError, ZeroDivisionError), which then names the operands.
    """
    if op.arity == 1:
        return _unary_recorder(op)
    if op.arity == 2:
        return _binary_recorder(op)
    return _nary_recorder(op)


def _unary_recorder(op: Op) -> Recorder:
    new, name, forward, partials = object.__new__, op.name, op.forward, _float_partials(op)

    def record(x: Value) -> Value:
        a = x._data
        try:
            out = forward(floats, a)
            (dx,) = partials(floats, out, a)
            if out - out and overflows(out, (a,)):
                raise OverflowError
        except REFUSED:
            out, (dx,) = _at_a_limit(op, (x,))
        node = new(Value)
        node._data = out
        node.label = ""
        node.op = name
        node.serial = next_serial()
        node._x = x
        node._dx = dx
        node._y = None
        if watch is not None:
            watch(node)
        return node

    return record


def _binary_recorder(op: Op) -> Recorder:
    new, name, forward, partials = object.__new__, op.name, op.forward, _float_partials(op)

    def record(x: Value, y: Any) -> Any:
        if y.__class__ is not Value:  # as an operator's right-hand side
            if hasattr(y, "__array_interface__") and not isinstance(y, Real):
                return NotImplemented  # NumPy then applies the operator to each element
            y = constant(y)
        a = x._data
        b = y._data
        try:
            out = forward(floats, a, b)
            dx, dy = partials(floats, out, a, b)
            if out - out and overflows(out, (a, b)):  # `out - out` is 0 for any finite number
                raise OverflowError
        except REFUSED:
            out, (dx, dy) = _at_a_limit(op, (x, y))
        node = new(Value)
        node._data = out
        node.label = ""
        node.op = name
        node.serial = next_serial()
        node._x = x
        node._dx = dx
        node._y = y
        node._dy = dy
        if watch is not None:
            watch(node)
        return node

    return record


def _nary_recorder(op: Op) -> Recorder:
    new, name, forward, partials = object.__new__, op.name, op.forward, _float_partials(op)

    def record(*x: Value) -> Value:
        a = [v._data for v in x]
        try:
            out = forward(floats, *a)
            dx = tuple(partials(floats, out, *a))
            if out - out and overflows(out, a):
                raise OverflowError
        except REFUSED:
            out, dx = _at_a_limit(op, x)
        node = new(Value)
        node._data = out
        node.label = ""
        node.op = name
        node.serial = next_serial()
        node._x = x
        node._dx = dx
        node._y = None
        if watch is not None:
            watch(node)
        return node

    return record


def _float_partials(op: Op) -> Callable[..., Sequence[float]]:
    """The rule for partials over floats, with more digits where floats underflow on the way."""
    underflows = op.underflows
    if underflows is None:
        return op.partials

    def partials(m: Any, out: float, *x: float) -> Sequence[float]:
        if underflows(out, *x):
            return partials_in_more_digits(op, x)
        return op.partials(m, out, *x)

    return partials


def evaluate(op: Op, operands: Sequence[Value]) -> tuple[float, tuple[float, ...]]:
    """The output and the partials of an operation at its operands, as recording computes them."""
    x = [operand.data for operand in operands]
    try:
        out = forward(op, x)
        return out, tuple(_float_partials(op)(floats, out, *x))
    except REFUSED:
        return _at_a_limit(op, operands)


def forward(op: Op, x: Sequence[float]) -> float:
    """The value of an operation over floats.

    Raises:
        OverflowError: if the operands are finite and the result is not, whatever the operation.
        ValueError, ZeroDivisionError: outside the domain.
    """
    out: float = op.forward(floats, *x)
    if overflows(out, x):
        raise OverflowError
    return out


def overflows(out: float, x: Iterable[float]) -> bool:
    """Whether finite numbers have given an infinite one."""
    return isinf(out) and all(map(isfinite, x))


def partials_in_more_digits(op: Op, x: Sequence[float]) -> tuple[float, ...]:
    """The partials of an operation where floats underflow before a partial does."""
    from engine.numbers.multiprecision import Multiprecision

    m = Multiprecision(40)
    numbers = [m.number(x_i) for x_i in x]
    return tuple(map(_nearest_float, op.partials(m, op.forward(m, *numbers), *numbers)))


def _nearest_float(x: Any) -> float:
    try:
        return float(x)
    except OverflowError:
        return inf if x > 0 else -inf


# --- Outside the domain.


_taking_limits = ContextVar("taking_limits", default=False)


@contextmanager
def taking_limits() -> Iterator[None]:
    """Record an operation outside its domain with its limit, infinite or NaN, instead of raising.

    A derivative may be infinite where the function itself is not, as that of sqrt at 0: expressions of
    derivatives are recorded in this mode. It is a mode because Python's operators have no further argument.
    """
    token = _taking_limits.set(True)
    try:
        yield
    finally:
        _taking_limits.reset(token)


def _at_a_limit(op: Op, operands: Sequence[Value]) -> tuple[float, tuple[float, ...]]:
    """The output and the partials of an operation, one of which floats refuse to compute.

    Partials may be infinite: the arrays know. An output may not, unless limits are being taken.
    """
    import numpy as np

    from engine.numbers import arrays

    x = [operand.data for operand in operands]
    with np.errstate(all="ignore"):
        limits = [np.float64(x_i) for x_i in x]
        try:
            out = forward(op, x)
        except REFUSED as error:
            if not _taking_limits.get():
                raise outside_domain(op, operands, error) from None
            out = op.forward(arrays, *limits)
        if op.underflows and op.underflows(out, *x):
            with suppress(*REFUSED):
                return float(out), partials_in_more_digits(op, x)
        partials = op.partials(arrays, np.float64(out), *limits)
    return float(out), tuple(float(p) for p in partials)


def outside_domain(op: Op, operands: Sequence[Value | float], error: Exception) -> Exception:
    """An error of the same type that names the operation, its operands and its domain."""
    call, at = call_at(op, operands)
    if isinstance(error, OverflowError):
        return type(error)(f"{call} overflows at {at}: the result is beyond the largest float, 1.8e308")
    return type(error)(f"{call} is undefined at {at}; it needs {op.domain}")


def call_at(op: Op, operands: Sequence[Value | float]) -> tuple[str, str]:
    """An operation and its operands in words: ("mul(x, y)", "x = 2.0 (w), y = 3.0")."""
    letters = op.letters(len(operands))
    named = [f"{letter} = {_described(x)}" for letter, x in zip(letters, operands, strict=True)]
    more = f", ... ({len(named)} operands)" if len(named) > 4 else ""
    return f"{op.name}({', '.join(letters[:4])}{', ...' if more else ''})", ", ".join(named[:4]) + more


def _described(x: Value | float) -> str:
    """A number, with its label if it has one."""
    if not isinstance(x, Value):
        return repr(x)
    return f"{x.data!r} ({shortened(x.label)})" if x.label else repr(x.data)


# --- The operators of Value.


def reflected(record: Recorder) -> Callable[[Value, Number], Value]:
    """A binary operator whose left operand is a plain number."""

    def method(self: Value, other: Number) -> Value:
        value: Value = record(other if isinstance(other, Value) else constant(other, left=True), self)
        return value

    return method


def equip(kind: type[Value], method: Callable[[Op], Recorder]) -> None:
    """Give a class the operators that the table names.

    Args:
        kind: `Value`, or a subclass that computes something else than a record.
        method: makes the method of a row.
    """
    for op in OPS.values():
        if op.operator:
            apply = method(op)
            apply.__doc__ = op.text
            setattr(kind, f"__{op.operator}__", apply)
            if op.arity == 2:
                setattr(kind, f"__r{op.operator}__", reflected(apply))


equip(Value, recorder)

"""`Value`: a number that remembers what it was computed from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.backprop import backward
from engine.graph import recorded
from engine.numbers import floats
from engine.ops import OPS, Op

if TYPE_CHECKING:
    from engine.show.diagram import Diagram
    from engine.show.explain import Explanation
    from engine.show.player import Player

Number: TypeAlias = int | float | Fraction | Decimal

# What `Value.op` says of a leaf: one of the user's, a plain number that was used as an operand, or a
# number that training moves.
LEAF = ""
CONSTANT = "constant"
PARAMETER = "parameter"

REFUSED = (ValueError, OverflowError, ZeroDivisionError)  # how floats say "outside the domain"
_MOST_SHOWN_IN_NOTEBOOKS = 60  # values, in the diagram that a notebook shows of a Value
_next_serial = itertools.count().__next__

# --- Recording: one recorder for each row of the table, made once. Its arity decides its form.


def recorder(op: Op) -> Callable[..., Value]:
    """The function that applies an operation to Values and records the result.

    Args:
        op: a row of the table.

    Returns:
        A function of as many Values as the operation takes. It raises the error that floats raise
        (ValueError, OverflowError, ZeroDivisionError) for operands outside the domain, naming them.
    """
    if op.arity == 1:
        return _unary_recorder(op)
    if op.arity == 2:
        return _binary_recorder(op)
    return _nary_recorder(op)


def _unary_recorder(op: Op) -> Callable[..., Value]:
    new, name, forward, partials = object.__new__, op.name, op.forward, op.partials

    def record(x: Value) -> Value:
        a = x.data
        try:
            out = forward(floats, a)
            (dx,) = partials(floats, out, a)
        except REFUSED:
            out, (dx,) = _at_a_limit(op, (x,))
        node = new(Value)
        node.data = out
        node.label = ""
        node.op = name
        node.serial = _next_serial()
        node._x = x
        node._dx = dx
        node._y = None
        return node

    return record


def _binary_recorder(op: Op) -> Callable[..., Any]:
    new, name, forward, partials = object.__new__, op.name, op.forward, op.partials

    def record(x: Value, y: Any) -> Any:
        if y.__class__ is not Value:  # as an operator's right-hand side
            if hasattr(y, "__array_interface__") and not isinstance(y, Real):
                return NotImplemented  # NumPy then applies the operator to each element
            y = constant(y)
        a = x.data
        b = y.data
        try:
            out = forward(floats, a, b)
            dx, dy = partials(floats, out, a, b)
        except REFUSED:
            out, (dx, dy) = _at_a_limit(op, (x, y))
        node = new(Value)
        node.data = out
        node.label = ""
        node.op = name
        node.serial = _next_serial()
        node._x = x
        node._dx = dx
        node._y = y
        node._dy = dy
        return node

    return record


def _nary_recorder(op: Op) -> Callable[..., Value]:
    new, name, forward, partials = object.__new__, op.name, op.forward, op.partials

    def record(*x: Value) -> Value:
        a = [v.data for v in x]
        try:
            out = forward(floats, *a)
            dx = tuple(partials(floats, out, *a))
        except REFUSED:
            out, dx = _at_a_limit(op, x)
        node = new(Value)
        node.data = out
        node.label = ""
        node.op = name
        node.serial = _next_serial()
        node._x = x
        node._dx = dx
        node._y = None
        return node

    return record


def evaluate(op: Op, operands: Sequence[Value]) -> tuple[float, tuple[float, ...]]:
    """The output and the partials of an operation at its operands, as recording computes them."""
    x = [operand.data for operand in operands]
    try:
        out = op.forward(floats, *x)
        return out, tuple(op.partials(floats, out, *x))
    except REFUSED:
        return _at_a_limit(op, operands)


_taking_limits = ContextVar("taking_limits", default=False)


@contextmanager
def taking_limits() -> Iterator[None]:
    """Record an operation outside its domain with its limit, infinite or NaN, instead of raising.

    A derivative may be infinite where the function itself is not, as that of sqrt at 0: expressions of
    derivatives are recorded in this mode.
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
            out = op.forward(floats, *x)
        except REFUSED as error:
            if not _taking_limits.get():
                raise outside_domain(op, operands, error) from None
            out = op.forward(arrays, *limits)
        partials = op.partials(arrays, np.float64(out), *limits)
    return float(out), tuple(float(p) for p in partials)


def outside_domain(op: Op, operands: Sequence[Value | float], error: Exception) -> Exception:
    """An error of the same type that names the operation, its operands and its domain."""
    named = [
        f"{_shortened(x.label) or 'an operand'} = {x.data!r}" if isinstance(x, Value) else repr(x)
        for x in operands
    ]
    shown = ", ".join(named[:4]) + (f", ... ({len(named)} operands)" if len(named) > 4 else "")
    fault = "overflows" if isinstance(error, OverflowError) else "is not defined"
    return type(error)(f"{op.name} {fault} at ({shown}); it takes {op.domain}")


# --- Operands: what is not a Value becomes a constant, if it is a real number.


def as_float(x: Number) -> float:
    """A real number as a float.

    Args:
        x: int, float, Fraction, Decimal or a NumPy scalar.

    Returns:
        The nearest float.

    Raises:
        TypeError: if x is anything else, bool, str, complex and arrays included.
        OverflowError: if x is finite and beyond the largest float.

    Example:
        >>> as_float(Fraction(1, 4))
        0.25
    """
    if type(x) is float:  # nearly always; the question below takes longer than recording
        return x
    if isinstance(x, (Real, Decimal)) and not isinstance(x, bool):
        return float(x)
    kind = type(x).__name__
    advice = _ADVICE.get(kind, "give int, float, Fraction, Decimal or a NumPy scalar")
    raise TypeError(f"a Value holds one real number, not {kind} {_shortened(repr(x))}; {advice}")


_ADVICE = {
    "str": "convert it first: float(text)",
    "bool": "say 1.0 or 0.0",
    "NoneType": "is something missing a return?",
    "complex": "take its .real or .imag",
    "list": "make one Value of each element",
    "tuple": "make one Value of each element",
    "ndarray": "make one Value of each element: np.vectorize(Value, otypes=[object])(array)",
    "Value": "it is a Value already",
}


def _shortened(text: str) -> str:
    """Text of anybody's on one line of a message."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def constant(x: Number) -> Value:
    """A plain number as an operand: a Value that is no variable and gets no gradient."""
    value = Value(x)
    value.op = CONSTANT
    return value


def is_factor_one(value: Value) -> bool:
    """Whether a value is the plain number 1: as a factor it changes nothing, and is not worth showing."""
    return value.op == CONSTANT and value.data == 1.0 and not value.label


def parameter(x: Number, label: str) -> Value:
    """A leaf that training moves."""
    value = Value(x, label)
    value.op = PARAMETER
    return value


def operand(x: Value | Number) -> Value:
    """A Value as it is, a number as a constant."""
    return x if isinstance(x, Value) else constant(x)


# --- The number itself.


def _method(name: str) -> Callable[..., Value]:
    """A recorder as a method: unary, or an operator with the other operand on its right."""
    method = recorder(OPS[name])
    method.__doc__ = OPS[name].text
    return method


def _reflected(name: str) -> Callable[[Value, Number], Value]:
    """A binary operator with a plain number on its left."""
    record = recorder(OPS[name])

    def method(self: Value, other: Number) -> Value:
        return record(constant(other), self)

    method.__doc__ = OPS[name].text
    return method


class Value:
    """A recorded number.

    Two Values are equal if they are the same one; `<`, `bool`, `float`, `round` and formats go by the number.
    A copy or a pickle has the whole graph with it. What shares a graph and is pickled side by side comes back
    apart: pickle the outermost value alone, or use `copy.deepcopy`, which keeps what is shared.

    Args:
        data: a real number: int, float, Fraction, Decimal or a NumPy scalar. It is stored as a float.
        label: a name for messages, reports and diagrams.

    Attributes:
        data: the number. That of a leaf may be assigned; what was recorded before keeps its gradient.
        label: the name; may be empty.
        op: the operation that computed it, a row of `engine.ops.OPS`; for a leaf "", "parameter" for one
            that training moves, "constant" for a plain number that was used as an operand.
        serial: its place in the order of recording.

    Raises:
        TypeError: if data is not a real number, or label no text.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> y = (w * x).tanh()
        >>> y.backward()
        >>> print(f"{y.data:.4f} {w.grad:.4f} {x.grad:.4f}")
        0.9051 0.5421 0.0904
    """

    # One object for the garbage collector: the operands and partials of unary and binary operations sit
    # in slots, only operations on many numbers keep tuples. `_grad` is unset until a backward pass.
    __slots__ = ("_dx", "_dy", "_grad", "_x", "_y", "data", "label", "op", "serial")

    data: float
    label: str
    op: str
    serial: int
    _x: Any
    _dx: Any
    _y: Value | None
    _dy: float
    _grad: float

    def __init__(self, data: Number, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is text, not {type(label).__name__} {_shortened(repr(label))}")
        self.data = as_float(data)
        self.label = label
        self.op = LEAF
        self.serial = _next_serial()
        self._x = self._y = None

    @property
    def grad(self) -> float:
        """The derivative by this value of what `backward` was called on; 0.0 before any call.

        A leaf adds up over calls until it is set to 0. Any other value holds that of the last call.
        """
        try:
            return self._grad
        except AttributeError:
            return 0.0

    @grad.setter
    def grad(self, grad: float) -> None:
        self._grad = float(grad)

    @property
    def is_variable(self) -> bool:
        """Whether it is a leaf whose number may be assigned: any but a constant."""
        return self._x is None and self.op != CONSTANT

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in order; empty for a leaf."""
        x, y = self._x, self._y
        if y is not None:
            return x, y
        if x is None:
            return ()
        operands: tuple[Value, ...] = x if x.__class__ is tuple else (x,)
        return operands

    @property
    def partials(self) -> tuple[float, ...]:
        """The derivative of this value by each operand, as it was when this value was recorded."""
        x = self._x
        if self._y is not None:
            return self._dx, self._dy
        if x is None:
            return ()
        derivatives: tuple[float, ...] = self._dx if x.__class__ is tuple else (self._dx,)
        return derivatives

    def backward(self) -> None:
        """Set `grad` of every value that this one was computed from.

        A leaf adds the derivative to its `grad`; the `grad` of any other value becomes the derivative of
        this output.

        Example:
            >>> a = Value(3.0)
            >>> b = a * a
            >>> b.backward()
            >>> b.backward()
            >>> a.grad, b.grad
            (12.0, 1.0)
        """
        backward(self)

    def draw(self, **options: Any) -> Diagram:
        """A diagram of the computation graph of this value; see `engine.draw` for the options.

        Example:
            >>> x = Value(3.0, "x")
            >>> (x * x).draw(theme="dark").dot.count("grad –")
            2
        """
        # Imported late: drawing is a room above this one, and recording must not wait for it.
        from engine.show.draw import draw

        return draw(self, **options)

    def explain(self, **options: Any) -> Explanation:
        """The forward and the backward pass in numbered steps; see `engine.explain` for the options.

        Nobody's `grad` changes.

        Example:
            >>> x = Value(3.0, "x")
            >>> print((x * x).explain().steps[0].text)
            y = x·x = 3 × 3 = 9
        """
        from engine.show.explain import explain

        return explain(self, **options)

    def play(self, **options: Any) -> Player:
        """The forward and the backward pass, played on the diagram; see `engine.play` for the options.

        Nobody's `grad` changes.

        Example:
            >>> x = Value(3.0, "x")
            >>> len((x * x).play().scenes)
            5
        """
        from engine.show.player import play

        return play(self, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook shows: the value as text, with its diagram if its graph is small."""
        shown: dict[str, Any] = {}
        if len(recorded([self])) <= _MOST_SHOWN_IN_NOTEBOOKS:
            shown = self.draw()._repr_mimebundle_()
        return {**shown, "text/plain": repr(self)}

    __add__ = _method("add")
    __radd__ = _reflected("add")
    __sub__ = _method("sub")
    __rsub__ = _reflected("sub")
    __mul__ = _method("mul")
    __rmul__ = _reflected("mul")
    __truediv__ = _method("div")
    __rtruediv__ = _reflected("div")
    __pow__ = _method("pow")
    __rpow__ = _reflected("pow")
    __neg__ = _method("neg")
    __abs__ = _method("abs")

    exp = _method("exp")
    expm1 = _method("expm1")
    log = _method("log")
    log1p = _method("log1p")
    log2 = _method("log2")
    log10 = _method("log10")
    sqrt = _method("sqrt")
    cbrt = _method("cbrt")
    sin = _method("sin")
    cos = _method("cos")
    tan = _method("tan")
    asin = arcsin = _method("asin")
    acos = arccos = _method("acos")
    atan = arctan = _method("atan")
    atan2 = arctan2 = _method("atan2")
    sinh = _method("sinh")
    cosh = _method("cosh")
    tanh = _method("tanh")
    asinh = arcsinh = _method("asinh")
    acosh = arccosh = _method("acosh")
    atanh = arctanh = _method("atanh")
    erf = _method("erf")
    sigmoid = _method("sigmoid")
    softplus = _method("softplus")
    relu = _method("relu")
    gelu = _method("gelu")
    silu = _method("silu")

    def __pos__(self) -> Value:
        return self

    def conjugate(self) -> Value:
        """The number itself, which is real: NumPy's `var` and `std` ask for it."""
        return self

    def __lt__(self, other: Value | Number) -> bool:
        return self.data < _number(other)

    def __le__(self, other: Value | Number) -> bool:
        return self.data <= _number(other)

    def __gt__(self, other: Value | Number) -> bool:
        return self.data > _number(other)

    def __ge__(self, other: Value | Number) -> bool:
        return self.data >= _number(other)

    def __float__(self) -> float:
        return self.data

    def __bool__(self) -> bool:
        return float(self) != 0.0

    def __int__(self) -> int:
        return int(float(self))

    def __round__(self, digits: int | None = None) -> float:
        return round(float(self), digits)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else repr(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label})"

    # --- Copies. A graph may be a million nodes deep, so that it is copied flat, as a list of rows.

    def __copy__(self) -> Value:
        return _restored(_row(self), self.parents)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for value in recorded([self]):
            if id(value) not in memo:
                memo[id(value)] = _restored(_row(value), [memo[id(p)] for p in value.parents])
        copy: Value = memo[id(self)]
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        order = recorded([self])
        index = {value: i for i, value in enumerate(order)}
        rows = [(_row(value), [index[p] for p in value.parents]) for value in order]
        return _unflatten, (rows,)


def _number(x: Value | Number) -> float:
    return x.data if isinstance(x, Value) else as_float(x)


_Row: TypeAlias = tuple[float, str, str, float | None, tuple[float, ...]]


def _row(value: Value) -> _Row:
    return value.data, value.op, value.label, getattr(value, "_grad", None), value.partials


def _restored(row: _Row, parents: Sequence[Value]) -> Value:
    data, op, label, grad, partials = row
    value = Value(data, label)
    value.op = op
    if grad is not None:
        value._grad = grad
    if (op in OPS and OPS[op].arity is None) or len(parents) > 2:
        value._x, value._dx = tuple(parents), partials
    elif parents:
        value._x, value._dx = parents[0], partials[0]
        if len(parents) == 2:
            value._y, value._dy = parents[1], partials[1]
    return value


def _unflatten(rows: Sequence[tuple[_Row, Sequence[int]]]) -> Value:
    values: list[Value] = []
    for row, parents in rows:
        values.append(_restored(row, [values[i] for i in parents]))
    return values[-1]

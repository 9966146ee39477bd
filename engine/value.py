"""`Value`: a number that remembers what it was computed from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import inf, isinf
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from engine import leaving
from engine.backprop import backward
from engine.graph import topological
from engine.ops import OPS

if TYPE_CHECKING:
    from engine.show.diagram import Diagram
    from engine.show.explain import Explanation
    from engine.show.live import Live
    from engine.show.player import Player

Number: TypeAlias = int | float | Fraction | Decimal

Kind: TypeAlias = Literal["input", "parameter", "constant", "computed"]
"""What a Value is: a leaf of the user's, a leaf that training moves, a plain number that was used as an
operand, or the result of an operation."""

INPUT: Kind = "input"
PARAMETER: Kind = "parameter"
CONSTANT: Kind = "constant"
COMPUTED: Kind = "computed"
ASSIGNED = "assigned"  # in `_kind`, of a computed value whose number was assigned

_MOST_SHOWN_IN_NOTEBOOKS = 60  # values, in the diagram that a notebook shows of a Value
next_serial = itertools.count().__next__

# --- Operands: a real number that is not a Value becomes a constant.


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
    if type(x) is float:  # nearly always; the check below takes longer than recording
        return x
    if isinstance(x, (Real, Decimal)) and not isinstance(x, bool):
        try:
            number = float(x)
        except OverflowError:
            number = inf
        if isinf(number) and x not in (inf, -inf):
            raise OverflowError(f"{shortened(repr(x))} is beyond the largest float, 1.8e308")
        return number
    kind = type(x).__name__
    advice = _ADVICE.get(kind, "give int, float, Fraction, Decimal or a NumPy scalar")
    raise TypeError(f"a Value holds one real number, not {kind} {shortened(repr(x))}; {advice}")


_ADVICE = {
    "str": "convert it first: float(text)",
    "bool": "say 1.0 or 0.0",
    "NoneType": "is something missing a return?",
    "ellipsis": "put a number in the place of ...",
    **dict.fromkeys(("complex", "complex64", "complex128"), "take its .real or .imag"),
    "list": "make one Value of each element",
    "tuple": "make one Value of each element",
    "ndarray": "make one Value of each element: np.vectorize(Value, otypes=[object])(array)",
    "Value": "it is a Value already",
}


def shortened(text: str) -> str:
    """Text from a user on one line of a message."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def constant(x: Number, *, left: bool = False) -> Value:
    """A plain number as an operand: a Value that cannot be assigned and gets no gradient.

    Args:
        x: the number.
        left: whether it stands on the left of an operator.
    """
    value = Value(x)
    value._kind = CONSTANT
    if leaving.watching:
        leaving.come_back(x, left=left)
    return value


def is_factor_one(value: Value) -> bool:
    """Whether a value is the plain number 1: as a factor it changes nothing, and need not be shown."""
    return value.kind == CONSTANT and value.data == 1.0 and not value.label


def parameter(x: Number, label: str) -> Value:
    """A leaf that training moves."""
    value = Value(x, label)
    value._kind = PARAMETER
    return value


def was_assigned(value: Value) -> bool:
    """Whether the number of a computed value was assigned, and may no longer follow from its operands."""
    return value._x is not None and getattr(value, "_kind", None) == ASSIGNED


def operand(x: Value | Number) -> Value:
    """A Value as it is, a number as a constant."""
    return x if isinstance(x, Value) else constant(x)


# --- The number itself.


class Value:
    """A recorded number.

    Two Values are equal if they are the same object; `<`, `bool`, `float`, `round` and formats use `data`.
    A copy or a pickle contains the whole graph. Values that share a graph and are pickled side by side no
    longer share it afterwards: pickle the outermost value alone, or use `copy.deepcopy`.

    Args:
        data: a real number: int, float, Fraction, Decimal or a NumPy scalar. It is stored as a float.
        label: a name for messages, reports and diagrams.

    Attributes:
        data: the number. That of a leaf may be assigned; what was recorded before keeps its gradient.
        label: the name; may be empty.
        op: the name of the operation that computed it, a row of `engine.ops.OPS`; "" for a leaf.
        serial: its place in the order of recording.

    Raises:
        TypeError: if data is not a real number, or label is not text.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> y = (w * x).tanh()
        >>> y.backward()
        >>> print(f"{y.data:.4f} {w.grad:.4f} {x.grad:.4f}")
        0.9051 0.5421 0.0904
    """

    # One object for the garbage collector: the operands and partials of unary and binary operations sit
    # in slots, only operations on many numbers keep tuples. `_grad` is unset until a backward pass, and only
    # leaves have a `_kind`, and computed values whose number was assigned. The engine reads and writes the
    # number as `_data`, which is much faster than `data`, which looks at what is assigned.
    __slots__ = ("_data", "_dx", "_dy", "_grad", "_kind", "_x", "_y", "label", "op", "serial")

    _data: float
    label: str
    op: str
    serial: int
    _x: Any
    _dx: Any
    _y: Value | None
    _dy: float
    _grad: float
    _kind: Any

    def __init__(self, data: Number, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is text, not {type(label).__name__} {shortened(repr(label))}")
        self._data = as_float(data)
        self.label = label
        self.op = ""
        self.serial = next_serial()
        self._x = self._y = None
        self._kind = INPUT

    @property
    def data(self) -> float:
        """The number."""
        return self._data

    @data.setter
    def data(self, data: Number) -> None:
        self._data = data if data.__class__ is float else _assignable(self, data, "data")
        if self._x is not None:
            self._kind = ASSIGNED

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
    def grad(self, grad: Number) -> None:
        self._grad = grad if grad.__class__ is float else _assignable(self, grad, "grad")

    @property
    def kind(self) -> Kind:
        """What it is: "input", "parameter" or "constant" for a leaf, else "computed"."""
        kind: Kind = self._kind if self._x is None else COMPUTED
        return kind

    @property
    def is_variable(self) -> bool:
        """Whether it is a leaf whose number may be assigned: any leaf but a constant."""
        return self._x is None and self._kind != CONSTANT

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

    # Names that micrograd has for the record: programs that read it, such as `draw_dot`, run unchanged.

    @property
    def _prev(self) -> set[Value]:
        """The operands, as micrograd has them: without an order, and each once."""
        return set(self.parents)

    @property
    def _op(self) -> str:
        """The sign of the operation, as micrograd shows it."""
        return OPS[self.op].symbol if self.op in OPS else self.op

    def _backward(self) -> None:
        """Pass `grad` on to the operands: one step of a backward pass, for those who walk by hand."""
        for parent, partial in zip(self.parents, self.partials, strict=True):
            parent.grad += partial * self.grad

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
        # Imported late: drawing is a room above this one, and recording must not wait for its libraries.
        from engine.show.draw import draw

        return draw(self, **options)

    def explain(self, **options: Any) -> Explanation:
        """The forward and the backward pass in numbered steps; see `engine.explain` for the options.

        No `grad` is modified.

        Example:
            >>> x = Value(3.0, "x")
            >>> print((x * x).explain().steps[0].text)
            y = x·x = 3 × 3 = 9
        """
        from engine.show.explain import explain

        return explain(self, **options)

    def play(self, **options: Any) -> Player:
        """The forward and the backward pass, played on the diagram; see `engine.play` for the options.

        No `grad` is modified.

        Example:
            >>> x = Value(3.0, "x")
            >>> len((x * x).play().scenes)
            5
        """
        from engine.show.player import play

        return play(self, **options)

    def live(self, **options: Any) -> Live:
        """A page on which every leaf has a slider and all numbers follow; see `engine.live` for the options.

        No `grad` is modified.

        Example:
            >>> w, x = Value(0.5, "w"), Value(3.0, "x")
            >>> (w * x).live(limits={"w": (-2, 2)}, locked=["x"])
            <Live page of y: 1 of 2 leaves to move>
        """
        from engine.show.live import live

        return live(self, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook shows: the value as text, with its diagram if its graph is small."""
        shown: dict[str, Any] = {}
        if len(topological([self])) <= _MOST_SHOWN_IN_NOTEBOOKS:
            shown = self.draw()._repr_mimebundle_()
        return {**shown, "text/plain": repr(self)}

    if TYPE_CHECKING:
        # `engine.recording` and `engine.functions` make the operators and the methods from the table.
        def __add__(self, other: Value | Number) -> Value: ...
        def __radd__(self, other: Number) -> Value: ...
        def __sub__(self, other: Value | Number) -> Value: ...
        def __rsub__(self, other: Number) -> Value: ...
        def __mul__(self, other: Value | Number) -> Value: ...
        def __rmul__(self, other: Number) -> Value: ...
        def __truediv__(self, other: Value | Number) -> Value: ...
        def __rtruediv__(self, other: Number) -> Value: ...
        def __pow__(self, other: Value | Number) -> Value: ...
        def __rpow__(self, other: Number) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def __getattr__(self, name: str) -> Callable[..., Value]: ...

    def __pos__(self) -> Value:
        return self

    def conjugate(self) -> Value:
        """The number itself, which is real: NumPy's `var` and `std` ask for it."""
        return self

    def __lt__(self, other: Value | Number) -> bool:
        _compare(self, other)
        return self._data < _number(other)

    def __le__(self, other: Value | Number) -> bool:
        _compare(self, other)
        return self._data <= _number(other)

    def __gt__(self, other: Value | Number) -> bool:
        _compare(self, other)
        return self._data > _number(other)

    def __ge__(self, other: Value | Number) -> bool:
        _compare(self, other)
        return self._data >= _number(other)

    def __float__(self) -> float:
        leaving.leave(self._data)
        return self._data

    def __bool__(self) -> bool:
        _compare(self)
        return self._data != 0.0

    def __int__(self) -> int:
        _compare(self)
        return int(self._data)

    def __round__(self, digits: int | None = None) -> float:
        if digits is None:  # with digits it is nearly always shown
            _compare(self)
        return round(self._data, digits)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label})"

    # --- Copies. A graph may be a million nodes deep, so that it is copied flat, as a list of rows.

    def __copy__(self) -> Value:
        return _restored(_row(self), self.parents)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for value in topological([self]):
            if id(value) not in memo:
                memo[id(value)] = _restored(_row(value), [memo[id(p)] for p in value.parents])
        copy: Value = memo[id(self)]
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        order = topological([self])
        index = {value: i for i, value in enumerate(order)}
        rows = [(_row(value), [index[p] for p in value.parents]) for value in order]
        return _unflatten, (rows,)


def _number(x: Value | Number) -> float:
    return x.data if isinstance(x, Value) else as_float(x)


def _compare(*operands: Value | Number) -> None:
    """Remember which values Python compares or rounds: `compile` warns of a branch that depends on one."""
    leaving.compare([x for x in operands if isinstance(x, Value)], next_serial())


def _assignable(value: Value, number: Any, attribute: str) -> float:
    """What is assigned to `data` or `grad`, as a float."""
    if value.__class__ is not Value:  # it holds a number of another system
        held: float = number
        return held
    try:
        return as_float(number)
    except (TypeError, OverflowError) as error:
        owner = shortened(value.label) or "an unlabelled value"
        advice = str(error)
        if isinstance(number, Value):
            advice = _ADVICE_ON_A_VALUE
        elif number is None and attribute == "grad":
            advice = "it is one real number, not None; to forget it, set it to 0.0"
        raise type(error)(f"the {attribute} of {owner}: {advice}") from None


_ADVICE_ON_A_VALUE = (
    "it is one real number, not a Value. Assign the number of the result, (...).data, or compute it from "
    "numbers, as in w.data = w.data - 0.1 * w.grad"
)


_Row: TypeAlias = tuple[float, str, str, Kind | None, float | None, tuple[float, ...]]


def _row(value: Value) -> _Row:
    kind = getattr(value, "_kind", None)
    return value.data, value.op, value.label, kind, getattr(value, "_grad", None), value.partials


def _restored(row: _Row, parents: Sequence[Value]) -> Value:
    data, op, label, kind, grad, partials = row
    value = Value(data, label)
    value.op = op
    if kind is not None:
        value._kind = kind
    if grad is not None:
        value._grad = grad
    if len(parents) > 2:
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

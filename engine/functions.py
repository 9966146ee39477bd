"""Every operation of the table as a function: of Values it records, of plain numbers it returns a float.

The functions are made from the rows. A row says how its function takes operands: one or several by position,
any number one by one or as one iterable, two sequences of the same length (`sumprod`), or one iterable whose
elements each get a share (`softmax`). The same function is a method of `Value`.

This module is also the number system of `Value`s: the rules of the table run over it when derivatives are
differentiated again.

Example:
    >>> from engine import Value, exp, fsum
    >>> exp(1.0)
    2.718281828459045
    >>> x = Value(1.0)
    >>> fsum([exp(x), 2.0, x]).data
    5.718281828459045
    >>> x.exp().op
    'exp'
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from math import frexp
from math import pi as pi  # a number of every number system
from operator import mul
from typing import Any, TypeAlias

from engine.numbers import floats, products
from engine.ops import OPS, Op
from engine.recording import REFUSED, Recorder, forward, recorder
from engine.value import Number, Value, as_float, operand

Operand: TypeAlias = Value | Number
Function: TypeAlias = Callable[..., Any]


def __getattr__(name: str) -> Any:
    """Say that there is no such operation."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    close = get_close_matches(name, OPS, 1)
    raise AttributeError(
        f"there is no operation {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    )


def provide(op: Op) -> Function:
    """Make the function of a row: a name of this module, and a method of `Value`.

    Args:
        op: a row of the table.

    Returns:
        The function.
    """
    function = _documented(_form(op)(op, recorder(op)), op)
    globals()[op.name] = function
    if not (op.paired or op.shares):
        for name in filter(None, (op.name, op.alias)):
            setattr(Value, name, function)
    return function


def withdraw(op: Op) -> None:
    """Undo `provide`."""
    del globals()[op.name]
    for name in filter(None, (op.name, op.alias)):
        if name in vars(Value):
            delattr(Value, name)


def _form(op: Op) -> Callable[[Op, Recorder], Function]:
    if op.shares:
        return _of_each
    if op.chooses:
        return _of_choice
    if op.paired:
        return _of_pairs
    if op.arity is None:
        return _of_many
    return _of_one if op.operands == ("x",) else _of_several


# --- How a function takes its operands.


def _of_one(op: Op, record: Recorder) -> Function:
    def apply(x: Operand) -> Any:
        return record(x) if x.__class__ is Value else _mixed(op, (x,), record)

    return apply


def _of_several(op: Op, record: Recorder) -> Function:
    defaults = tuple(op.defaults.values())
    least = len(op.operands) - len(defaults)

    def apply(*x: Operand, **named: Operand) -> Any:
        if named:
            x = _in_order(op, x, named)
        if not least <= len(x) <= len(op.operands):
            raise TypeError(f"{op.name} takes {_count(op)}, got {len(x)}")
        x = (*x, *defaults[len(x) - least :])
        return applied(op, x, record)

    return apply


def _of_many(op: Op, record: Recorder) -> Function:
    def apply(*x: Any) -> Any:
        operands = tuple(x[0]) if len(x) == 1 and isinstance(x[0], Iterable) else x
        if not operands:
            return _of_none(op)
        return applied(op, operands, record)

    return apply


def _of_pairs(op: Op, record: Recorder) -> Function:
    def apply(p: Iterable[Operand], q: Iterable[Operand]) -> Any:
        p, q = tuple(p), tuple(q)
        if len(p) != len(q):
            raise ValueError(
                f"{op.name} takes two sequences of the same length, got {len(p)} and {len(q)} numbers"
            )
        if not p:
            return _of_none(op)
        try:
            # In a network all operands are Values. To ask for their types first costs a neuron of 17 inputs
            # 1.3 of 6 microseconds.
            return record(*p, *q)
        except (AttributeError, TypeError):
            return applied(op, (*p, *q), record)

    return apply


def _of_each(op: Op, record: Recorder) -> Function:
    def apply(x: Iterable[Operand]) -> list[Any]:
        x = tuple(x)
        return [applied(op, (x_i, *x[:i], *x[i + 1 :]), record) for i, x_i in enumerate(x)]

    return apply


def _of_choice(op: Op, record: Recorder) -> Function:
    def apply(condition: Operand | bool, a: Operand, b: Operand) -> Any:
        if isinstance(condition, Value):
            return applied(op, (condition, a, b), record)
        # A plain condition, such as `x > 1`, is not recorded: the choice stays the same.
        holds = condition if isinstance(condition, bool) else as_float(condition)
        chosen = operand(a if holds else b)
        return chosen if isinstance(a, Value) or isinstance(b, Value) else chosen.data

    return apply


# --- What all forms share.


def applied(op: Op, x: Sequence[Operand], record: Recorder) -> Any:
    """An operation applied to its operands, in the order of the row."""
    return record(*x) if {*map(type, x)} == _ALL_VALUES else _mixed(op, x, record)


_ALL_VALUES = {Value}


def _mixed(op: Op, x: Sequence[Any], record: Recorder) -> Any:
    """The operation where not all operands are Values."""
    values = [x_i for x_i in x if isinstance(x_i, Value)]
    for value in values:
        if value.__class__ is not Value:  # a subclass that evaluates instead of recording
            evaluated: Any = value
            return evaluated.apply(op, x)
    if values:
        return record(*map(operand, x))
    numbers = [as_float(x_i) for x_i in x]
    try:
        return float(forward(op, numbers))
    except REFUSED:
        return record(*map(operand, numbers)).data  # its limit, or an error that names the operands


def _of_none(op: Op) -> float:
    """The operation on no operands: the sum is 0, the product is 1."""
    try:
        return float(op.forward(floats))
    except REFUSED:
        raise ValueError(f"{op.name} takes at least one number") from None


def _in_order(op: Op, x: Sequence[Operand], named: dict[str, Operand]) -> tuple[Operand, ...]:
    """The operands by position, where some are given by name."""
    rest = op.operands[len(x) :]
    unknown = [name for name in named if name not in rest]
    if unknown:
        raise TypeError(f"{op.name} takes {_count(op)}, got {', '.join(unknown)} as well")
    missing = [name for name in rest if name not in named and name not in op.defaults]
    if missing:
        raise TypeError(f"{op.name} takes {_count(op)}; {', '.join(missing)} is missing")
    return (*x, *[named.get(name, op.defaults.get(name, 0.0)) for name in rest])


def _count(op: Op) -> str:
    return f"{len(op.operands)} operands ({', '.join(op.operands)})"


def _documented(function: Function, op: Op) -> Function:
    """A function with the name, the words and the signature of its row."""
    function.__name__ = function.__qualname__ = op.name
    convention = f" Convention: {op.convention}." if op.convention else ""
    source = f" Source: {op.source}." if op.source else ""
    each = "; one for each operand" if op.shares else ""
    function.__doc__ = (
        f"{op.name}({_parameters(op)}): {op.text}.\n\n"
        f"The domain is {op.domain}.{convention}{source}\n\n"
        f"Returns:\n    A Value if an operand is one, else a float{each}.\n\n"
        "Raises:\n    ValueError, OverflowError or ZeroDivisionError: outside the domain, with the operands."
    )
    if not op.paired and not op.shares and op.arity is not None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect reads
            [
                inspect.Parameter(name, kind, default=op.defaults.get(name, inspect.Parameter.empty))
                for name in op.operands
            ]
        )
    return function


def _parameters(op: Op) -> str:
    if op.paired:
        return "p, q"
    return ", ".join(op.operands) if op.arity is not None else f"{op.operands[0]}_1, {op.operands[0]}_2, ..."


for _op in OPS.values():
    provide(_op)


# --- What the rules need besides.


def products_of_others(factors: Sequence[Operand]) -> list[Any]:
    """For each number the product of the others, for the rule of `prod`.

    Args:
        factors: numbers or Values, at least one.

    Returns:
        One product for each factor.

    Example:
        >>> [float(p) for p in products_of_others([Value(2.0), Value(3.0), Value(0.0)])]
        [0.0, 0.0, 6.0]
    """
    if sum(abs(frexp(operand(x).data)[1]) for x in factors) < _NORMAL:
        return products.products_of_others(factors, mul, 1.0)
    product = globals()["prod"]  # of all the others at once, since a product of some may overflow
    return [product(*factors[:i], *factors[i + 1 :]) for i in range(len(factors))]


_NORMAL = 1000  # the power of 2 up to which no product of some of the factors overflows or loses digits

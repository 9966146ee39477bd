"""Operations of your own: rows of the same table, by the same door.

Example:
    >>> from engine import Value, operation
    >>> @operation(partials=lambda m, out, x: (1 / (1 + m.abs(x)) ** 2,), check=[0.5, -2.0])
    ... def softsign(m, x):
    ...     "x / (1 + |x|)"
    ...     return x / (1 + m.abs(x))
    >>> x = Value(3.0, "x")
    >>> y = softsign(x)
    >>> y.backward()
    >>> y.data, x.grad
    (0.75, 0.0625)
    >>> withdraw("softsign")
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

from engine import functions
from engine.functions import Function
from engine.ops import OPS, Op
from engine.value import Value

BUILT_IN = frozenset(OPS)


@overload
def operation(
    forward: Callable[..., Any],
    /,
    *,
    partials: Callable[..., Sequence[Any]],
    check: Iterable[Any] = ...,
    name: str = ...,
    **facts: Any,
) -> Function: ...
@overload
def operation(
    *,
    partials: Callable[..., Sequence[Any]],
    check: Iterable[Any] = ...,
    name: str = ...,
    **facts: Any,
) -> Callable[[Callable[..., Any]], Function]: ...
def operation(
    forward: Callable[..., Any] | None = None,
    /,
    *,
    partials: Callable[..., Sequence[Any]],
    check: Iterable[Any] = (),
    name: str = "",
    **facts: Any,
) -> Function | Callable[[Callable[..., Any]], Function]:
    """Add an operation of your own to the table.

    It then records, differentiates to any order, draws, explains, compiles, and is checked and graded, as
    the built-in operations are; its name is a function of `engine` and a method of `Value`. Used as a
    decorator of the forward rule, or called with it.

    Args:
        forward: the value, `forward(m, x, ...)` or `forward(m, *x)`, over a number system m. It may use the
            functions of `engine.numbers.protocol` as `m.exp` and Python's operators; its docstring is the
            mathematics in words.
        partials: the derivative by each operand, `partials(m, out, x, ...)`, as a tuple, from the same
            functions, so that it can be differentiated again.
        check: points to prove the partials at: a number, or a tuple of numbers for several operands.
        name: its name, if it is not that of the forward rule.
        **facts: other facts of a row, as `engine.ops.Op` lists them: symbol, domain, kinks, ...

    Returns:
        The function of Values or numbers; without `forward` a decorator that returns it.

    Raises:
        TypeError: if the two rules take different operands, or a fact is unknown.
        ValueError: if the name is taken, or is not a name.
        GradientError: if a partial is wrong at a point of `check`, with the report. Nothing is added then.

    Example:
        >>> import engine
        >>> cube = operation(lambda m, x: x * x * x, name="cube", partials=lambda m, out, x: (3 * x * x,))
        >>> engine.cube(2.0), Value(2.0).cube().data
        (8.0, 8.0)
        >>> withdraw("cube")
        >>> try:
        ...     operation(lambda m, x: x * x, name="square", partials=lambda m, out, x: (x,), check=[3.0])
        ... except AssertionError as error:
        ...     print(str(error).splitlines()[0])
        gradient by x: wrong rule: the rule of square gives 3 at (x = 3), where the slope is 6
    """
    if forward is None:
        return lambda rule: operation(rule, partials=partials, check=check, name=name, **facts)
    name = name or forward.__name__
    _refuse_name(name)
    facts.setdefault("symbol", name)
    facts.setdefault("text", " ".join((forward.__doc__ or name).split()).rstrip("."))
    row = Op(name=name, forward=forward, partials=_counted(name, partials), **facts)
    OPS[name] = row
    function = functions.provide(row)
    try:
        for point in check:
            _prove(function, point if isinstance(point, (tuple, list)) else (point,))
    except BaseException:
        withdraw(name)
        raise
    return function


def withdraw(name: str) -> None:
    """Remove an operation of your own, for example to define it anew.

    Args:
        name: its name. Graphs that were recorded with it can no longer be differentiated by `grad`.

    Raises:
        ValueError: if it is a built-in operation, or there is none of that name.
    """
    if name in BUILT_IN:
        raise ValueError(f"{name} is a built-in operation and cannot be withdrawn")
    if name not in OPS:
        raise ValueError(f"{name!r} cannot be withdrawn: no operation has this name")
    functions.withdraw(OPS.pop(name))


def _refuse_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise ValueError(f"an operation needs a name that Python can call, not {name!r}: give name='...'")
    if name in BUILT_IN:
        raise ValueError(f"{name} is a built-in operation: give yours another name")
    if name in OPS:
        raise ValueError(
            f"there is an operation {name!r} already: give yours another name, or call "
            f"engine.extend.withdraw({name!r}) first to define it anew"
        )
    if hasattr(Value, name) or hasattr(functions, name):
        raise ValueError(f"{name!r} is taken in the engine: give your operation another name")


def _counted(name: str, partials: Callable[..., Sequence[Any]]) -> Callable[..., Sequence[Any]]:
    """The rule, with a check of the number of partials that it returns."""

    def counted(m: Any, out: Any, /, *x: Any) -> Sequence[Any]:
        derivatives = partials(m, out, *x)
        if not isinstance(derivatives, Sequence) or len(derivatives) != len(x):
            found = f"{len(derivatives)} partials" if isinstance(derivatives, Sequence) else repr(derivatives)
            raise TypeError(
                f"the rule partials of {name} returned {found} for {len(x)} operands; it must return a tuple "
                "with the derivative by each operand"
            )
        return derivatives

    counted.__signature__ = inspect.signature(partials)  # type: ignore[attr-defined]  # what inspect reads
    return counted


def _prove(function: Callable[..., Any], point: Sequence[float]) -> None:
    from engine.check import assert_gradients

    assert_gradients(function, list(point))

"""The shapes of arguments: numbers, lists of numbers to any depth, and NumPy arrays."""

import sys
from collections.abc import Iterator
from typing import Any

from engine.value import Value, as_float

__tracebackhide__ = True  # in pytest an invalid call is shown by its own line and the message


def is_array(x: Any) -> bool:
    """Whether x is a NumPy array; NumPy is not imported to know it.

    A matrix or a masked array is not one: its elements are other things than those of an array.
    """
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(x) is numpy.ndarray


def numbers_of(name: str, x: Any) -> Iterator[tuple[str, float]]:
    """Each number of an argument with its name: `w`, or `w[0][1]` inside lists and arrays.

    Args:
        name: the name of the argument.
        x: a number, a list or an array.

    Yields:
        The name and the number.

    Raises:
        TypeError: if something is not a real number.
    """
    if isinstance(x, (list, tuple)) or (is_array(x) and x.ndim):
        for i, x_i in enumerate(x):
            yield from numbers_of(f"{name}[{i}]", x_i)
        return
    if is_array(x):
        x = x.item()
    elif hasattr(x, "tolist") and hasattr(x, "__len__") and not isinstance(x, str):
        kind = type(x).__name__
        raise TypeError(
            f"{name} is {kind}; a point holds numbers, lists and NumPy arrays: give {name}.tolist()"
        )
    try:
        yield name, x.data if isinstance(x, Value) else as_float(x)
    except (TypeError, OverflowError) as error:
        raise type(error)(f"{name}: {error}") from None


def refilled(x: Any, fresh: Iterator[Any]) -> Any:
    """An argument of the same shape with other numbers; an array is one of objects unless they are floats."""
    if is_array(x) and x.ndim:
        numpy = sys.modules["numpy"]
        new = numpy.empty(x.shape, dtype=object)
        for place in numpy.ndindex(x.shape):
            new[place] = next(fresh)
        return new.astype(float) if all(type(number) is float for number in new.flat) else new
    if isinstance(x, (list, tuple)):
        items = [refilled(x_i, fresh) for x_i in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return next(fresh)


def flat(x: Any) -> Iterator[Any]:
    """The numbers of an argument, in order."""
    if isinstance(x, (list, tuple)) or (is_array(x) and x.ndim):
        for x_i in x:
            yield from flat(x_i)
    else:
        yield x

"""Checks of the arguments of `compile` and of a program's methods."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.graph import topological
from engine.leaving import warn_of_branches
from engine.value import CONSTANT, INPUT, Value

Array: TypeAlias = NDArray[Any]
Dtype: TypeAlias = np.dtype[Any]


def values(given: Iterable[Value], name: str, advice: str) -> tuple[Value, ...]:
    """Several values as a tuple.

    Args:
        given: the argument.
        name: the name of the argument.
        advice: what to give instead, for the message.

    Returns:
        The values.

    Raises:
        TypeError: if the argument is not iterable.
    """
    try:
        return tuple(given)
    except TypeError:
        raise TypeError(f"{name} is a {type(given).__name__}, not several Values: {advice}") from None


def check_leaves(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]) -> None:
    """Check that every leaf of the outputs has exactly one role; warn of branches that Python took.

    Raises:
        ValueError: if a leaf is listed twice, does not occur, or occurs and is not listed.
        TypeError: if one of them is not a Value.
    """
    if not outputs:
        raise ValueError("compile needs at least one output")
    for kind, given in (("an output", outputs), ("an input", inputs), ("a parameter", parameters)):
        for value in given:
            if not isinstance(value, Value):
                raise TypeError(f"{kind} is a {type(value).__name__}, not a Value: {value!r}")
            if kind != "an output" and not value.is_variable:
                what = "a constant" if value.kind == CONSTANT else f"the result of {value.op}"
                raise ValueError(f"{_name(value)} is {what} and cannot be {kind}: list leaves")
    for value, times in Counter([*inputs, *parameters]).items():
        if times > 1:
            also = " as an input and as a parameter" if {value} <= set(inputs) & set(parameters) else ""
            raise ValueError(f"{_name(value)} is listed {times} times{also}: list it once")
    order = topological(outputs)
    warn_of_branches(order, inputs)
    present = set(order)
    for value in inputs:
        if value not in present:
            raise ValueError(f"the outputs do not depend on the input {_name(value)}: leave it out")
    for value in present.difference(inputs, parameters):
        if value.kind == INPUT:
            raise ValueError(
                f"{_name(value)} is neither an input nor a parameter: list it, or record the plain number "
                f"{value.data!r} if it never changes"
            )


def check_dtype(dtype: Dtype) -> None:
    """Check the type of a program's numbers.

    Raises:
        TypeError: if it is neither float64 nor float32.
    """
    if dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise TypeError(f"a program computes with float64 or float32, not {dtype}")


def data(X: ArrayLike, inputs: Sequence[Value], dtype: Dtype) -> Array:
    """The data as an array.

    Args:
        X: one row for each sample, one column for each input.
        inputs: the inputs.
        dtype: the type of the program's numbers.

    Returns:
        The data, (batch, inputs), finite.

    Raises:
        ValueError: if X has the wrong shape or is not finite.
        TypeError: if it does not hold real numbers.
    """
    array = _real(X, "X", dtype)
    if array.ndim != 2 or array.shape[1] != len(inputs) or len(array) == 0:
        raise ValueError(f"X has the shape {array.shape}, expected (batch, {len(inputs)})")
    if not math.isfinite(np.vdot(array, array)) and not np.isfinite(array).all():  # the first is faster
        row, column = np.argwhere(~np.isfinite(array))[0]
        label = inputs[column].label or f"input {column}"
        kind = "" if dtype == np.float64 else f", as {dtype}"
        raise ValueError(f"X is not finite: {label} is {array[row, column]} in row {row}{kind}")
    return array


def vector(numbers: ArrayLike, name: str, n: int, dtype: Dtype) -> Array:
    """A vector of a given length as an array.

    Args:
        numbers: the argument.
        name: the name of the argument.
        n: how many numbers it must hold.
        dtype: the type of the program's numbers.

    Returns:
        The vector, (n,).

    Raises:
        ValueError: if it has another shape.
        TypeError: if it does not hold real numbers.
    """
    array = _real(numbers, name, dtype)
    if array.shape != (n,):
        raise ValueError(f"{name} has the shape {array.shape}, expected ({n},)")
    return array


def _real(numbers: ArrayLike, name: str, dtype: Dtype) -> Array:
    try:
        array = np.asarray(numbers)
    except ValueError:
        raise ValueError(f"the rows of {name} differ in length") from None
    if array.dtype == object:
        array = np.array([_float(x, name) for x in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {array.dtype}, not real numbers")
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):  # a number that float32 cannot hold becomes infinite
        return array.astype(dtype)


def _float(x: object, name: str) -> float:
    if isinstance(x, (Real, Decimal, Value)):
        return float(x)
    raise TypeError(f"{name} holds {type(x).__name__}, not real numbers: {x!r}")


def _name(value: Value) -> str:
    return f"{value.label or 'an unlabelled value'} = {value.data!r}"

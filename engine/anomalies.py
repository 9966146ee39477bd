"""Where NaN and infinity come from: the first operation that makes one of finite operands.

Example:
    >>> x = Value(0.0, "x")
    >>> print(first_nonfinite((x.sqrt() + 1.0) ** 2))
    sqrt(x) has the derivative inf by x, at x = 0.0 (x)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import isfinite
from threading import Lock
from typing import Literal, TypeAlias

from engine import recording
from engine.backprop import adjoints
from engine.graph import topological
from engine.leaving import user_place
from engine.ops import OPS
from engine.recording import call_at
from engine.value import CONSTANT, Value, shortened, was_assigned

Part: TypeAlias = Literal["leaf", "result", "partial", "gradient"]


@dataclass(frozen=True)
class NonFinite:
    """The origin of a number that is not finite.

    Attributes:
        value: a leaf that is not finite, or the value that an operation computed.
        part: what is not finite: the "leaf", the "result" of the operation, a "partial" of it, or the
            "gradient" that it passes back to an operand, which is beyond the largest float.
        place: of a partial or a gradient, which operand it belongs to, from 0.
    """

    value: Value
    part: Part
    place: int = 0

    @property
    def operands(self) -> tuple[Value, ...]:
        """What the operation was applied to; empty for a leaf."""
        return self.value.parents

    def __str__(self) -> str:
        value = self.value
        if self.part == "leaf":
            label = shortened(value.label)
            return (
                f"the {value.kind} {label} is {value.data}" if label else f"the {value.kind} is {value.data}"
            )
        op = OPS[value.op]
        call, at = call_at(op, value.parents)
        if self.part == "result" and was_assigned(value):
            label = shortened(value.label) or f"the result of {call}"
            return f"the data of {label} is {value.data}; it was assigned after recording"
        if self.part == "result":
            return f"{call} is {value.data}, at {at}"
        by = op.letters(len(value.parents))[self.place]
        if self.part == "partial":
            return f"{call} has the derivative {value.partials[self.place]} by {by}, at {at}"
        return f"the gradient overflows on its way back through {call} to {by}, at {at}"


def first_nonfinite(root: Value) -> NonFinite | None:
    """The first recorded operation whose result or partial is not finite though its operands are.

    Args:
        root: a recorded value.

    Returns:
        It, or the leaf that is not finite and makes it so; None if there is none. An infinite operand that
        leaves everything finite, as a mask of -inf in a softmax does, is none.

    Example:
        >>> w = Value(1e200, "w")
        >>> found = first_nonfinite(w + Value(float("nan"), "target"))
        >>> print(found)
        the input target is nan
        >>> found.value.label, found.part
        ('target', 'leaf')
    """
    found = (_origin(value) for value in topological([root]) if value.parents or value is root)
    return next((origin for origin in found if origin is not None), None)


def _origin(value: Value) -> NonFinite | None:
    """What is not finite about a value whose computed operands are."""
    place = _wrong_partial(value)
    if isfinite(value.data) and place is None:
        return None
    leaf = next((x for x in (*value.parents, value) if not x.parents and not isfinite(x.data)), None)
    if leaf is not None:
        return NonFinite(leaf, "leaf")
    if place is None or not isfinite(value.data):
        return NonFinite(value, "result")
    return NonFinite(value, "partial", place)


def _wrong_partial(value: Value) -> int | None:
    """Which operand has a derivative that is not finite; a constant needs none."""
    pairs = enumerate(zip(value.parents, value.partials, strict=True))
    return next((i for i, (x, d) in pairs if x.kind != CONSTANT and not isfinite(d)), None)


def reason(root: Value) -> NonFinite | None:
    """Why a loss, or a gradient by one of its leaves, is not finite.

    Args:
        root: the loss.

    Returns:
        The first operation or leaf that makes it so: on the way forward if the loss itself is not finite,
        else on the way back, where what an adjoint of 0 does not reach does not count; None if all is
        finite.

    Example:
        >>> w = Value(1e-200, "w")
        >>> print(reason((w * 1e200) * 1e200))
        the gradient overflows on its way back through mul(x, y) to x, at x = 1e-200 (w), y = 1e+200
    """
    order = topological([root])
    if not isfinite(root.data):
        wrong = (_origin(value) for value in order if not isfinite(value.data))
        return next((origin for origin in wrong if origin is not None), None)
    adjoint = adjoints(order, root, lambda value: value.partials, 1.0)
    for value in reversed(order):
        upstream = adjoint.get(value, 0.0)
        for place, (x, partial) in enumerate(zip(value.parents, value.partials, strict=True)):
            if upstream and isfinite(upstream) and x.kind != CONSTANT and not isfinite(partial * upstream):
                return NonFinite(value, "gradient" if isfinite(partial) else "partial", place)
    return None


_looking = ContextVar("looking", default=False)
_lock = Lock()
_lookers = 0


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise an error as soon as an operation is recorded whose result or partial is not finite.

    It holds for this thread, or asynchronous task. Elsewhere recording is as fast as ever.

    Raises:
        FloatingPointError: with the operation, its operands, their labels, and the line of your code.

    Example:
        >>> w = Value(0.0, "w")
        >>> try:
        ...     with detect_anomaly():
        ...         y = 3.0 * w.sqrt()
        ... except FloatingPointError as error:
        ...     print(str(error).partition(";")[0])
        sqrt(x) has the derivative inf by x, at x = 0.0 (w)
    """
    global _lookers
    token = _looking.set(True)
    with _lock:
        _lookers += 1
        recording.watch = _refuse_anomaly
    try:
        yield
    finally:
        _looking.reset(token)
        with _lock:
            _lookers -= 1
            if not _lookers:
                recording.watch = None


def _refuse_anomaly(value: Value) -> None:
    if _looking.get() and _origin(value) is not None:
        raise FloatingPointError(f"{first_nonfinite(value)}; recorded in {user_place(2)}")

"""Operations called with their operands one by one, in the order of the row."""

from collections.abc import Callable
from typing import Any

from engine.functions import applied
from engine.ops import OPS
from engine.recording import recorder


def flat(name: str) -> Callable[..., Any]:
    """The function of an operation's operands, for tests that go through the table."""
    op = OPS[name]
    record = recorder(op)
    return lambda *x: applied(op, x, record)

"""Programs that give no number at all: which mistake it is that raises, never ends, or grows."""

import math
from collections.abc import Sequence

from engine.judge.results import RAISED, WRONG, Result

_LIMITS = {
    ("chain", "RecursionError"): "recursion-too-deep",
    ("chain", "time"): "quadratic-time",
    ("chain", "crash"): "recursion-too-deep",
    ("deep", "time"): "exponential-time",
    ("deep", "RecursionError"): "recursion-too-deep",
}
LIMITS = ("recursion-too-deep", "quadratic-time", "exponential-time", "never-freed", "overflow-on-the-way")
"""Mistakes that are limits of an engine: what it gives is right, where it gives something."""


def trouble(result: Result) -> str:
    """The mistake behind a result that is not a wrong number; empty if it is unknown.

    It is known only from what happened, and from where it happened.
    """
    program, outcome = result.program, result.outcome
    limit = _LIMITS.get((program.id, outcome.error), "")
    if limit:
        return limit
    if result.state == WRONG and program.id in ("memory", "same-each-time"):
        return "never-freed" if program.id == "memory" else "order-by-chance"
    if outcome.error == "RecursionError" and program.group not in ("limits", "network"):
        return "endless-recursion"
    if (outcome.place is None and "'NoneType'" in outcome.message) or outcome.values.get("y") == "None":
        return "returns-nothing"
    undefined = any(x != x for x, _ in result.wrong.values())
    if program.id == "power-0-at-0" and (outcome.error == "ZeroDivisionError" or undefined):
        return "power-of-zero"
    return "overflow-on-the-way" if _overflows(result) else ""


def _overflows(result: Result) -> bool:
    """Whether an operation raises, or gives NaN or infinity, at a large operand."""
    program, outcome = result.program, result.outcome
    if program.group != "awkward" or not program.at or max(map(abs, program.at.values())) < 20.0:
        return False
    if outcome.error:
        return outcome.error == "OverflowError"
    return result.state == WRONG and any(
        isinstance(x, float) and not math.isfinite(x) for x, _ in result.wrong.values()
    )


def troubles(results: Sequence[Result]) -> list[Result]:
    """The results that are not merely wrong numbers."""
    return [
        r
        for r in results
        if not r.program.remark and (r.state == RAISED or (r.state == WRONG and trouble(r)))
    ]

"""The truth: slopes of a subject by differences in high precision, on both sides of the point.

No rule for a derivative takes part. A difference with a step h has an error of the order of h or h**2,
and rounding costs digits in proportion to 1/h; with d digits and h = 10**(-d/3) both stay small, and with
twice the digits both become much smaller. So the number of digits is doubled until two runs agree, or one
run agrees with what was computed by other means, from the rules, to more digits than a float has. What
happens to the slopes on the left and on the right meanwhile tells a smooth function from a kink, a jump
and a vertical tangent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.check.subject import Subject
from engine.numbers.multiprecision import Multiprecision

DIGITS = (60, 120, 240, 480, 960)
AGREEMENT = 1e-17  # relative: more than a float can tell
_SHRINKS = 1e-4  # what vanishes with h shrinks by 1e-20 from one run to the next, or by 1e-10 as sqrt(h)
_UNDEFINED = (ValueError, ZeroDivisionError, OverflowError)

precision = lru_cache(maxsize=16)(Multiprecision)


@dataclass(frozen=True)
class Slope:
    """How a subject moves with one of its inputs.

    Args:
        kind: "smooth"; "kink": two slopes; "jump"; "vertical": an infinite slope; "edge": undefined on one
            side or both; "unresolved": no two runs agreed.
        left: the slope on the left; None where there is none.
        right: the slope on the right.
        value: the derivative where the subject is smooth, else None.
        digits: decimal digits of the last run.
        reason: in words, why there is no derivative; may be empty.
        error: a bound of the error of the value, 0 where it is exact to more digits than a float has.
    """

    kind: str
    left: Any
    right: Any
    value: Any
    digits: int
    reason: str = ""
    error: float = 0.0


@dataclass(frozen=True)
class _Differences:
    """One run: the slopes at one precision, and the step on the side where there is one."""

    left: Any
    right: Any
    central: Any
    digits: int
    error: str


class Truth:
    """The slopes of a subject at its point.

    Args:
        subject: what to differentiate.

    Example:
        >>> from engine.check.subject import FunctionSubject
        >>> float(Truth(FunctionSubject(lambda x: x**3, [2.0], {})).slope(0).value)
        12.0
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._at_rest: dict[int, Any] = {}

    def slope(self, i: int, expected: Any = None) -> Slope:
        """The derivative by one input.

        Args:
            i: the place of the input among the subject's names.
            expected: what the rules say, if known. Agreement with it settles the matter in one run, and
                a slope that vanishes is called 0 once it is below any digit of it.

        Returns:
            The slope.
        """
        runs: list[_Differences] = []
        for digits in DIGITS:
            try:
                runs.append(self._run(i, digits))
            except _UNDEFINED as error:  # where rounding alone keeps the floats inside a domain
                return Slope(
                    "edge", None, None, None, digits, f"f is undefined at the exact numbers: {error}"
                )
            verdict = _verdict(runs, expected)
            if verdict is not None:
                return verdict
        last = runs[-1]
        reason = f"no two runs agreed, up to {last.digits} digits"
        return Slope("unresolved", last.left, last.right, None, last.digits, reason)

    def _run(self, i: int, digits: int) -> _Differences:
        m = precision(digits)
        point = [m.number(x) for x in self.subject.point]
        if digits not in self._at_rest:
            self._at_rest[digits] = self.subject.over(m, point)
        middle = self._at_rest[digits]
        h = m.number(10) ** (-(digits // 3)) * (abs(point[i]) if point[i] else 1)
        up, error_up = self._moved(m, point, i, h)
        down, error_down = self._moved(m, point, i, -h)
        return _Differences(
            left=None if down is None else (middle - down) / h,
            right=None if up is None else (up - middle) / h,
            central=None if up is None or down is None else (up - down) / (2 * h),
            digits=digits,
            error=error_up or error_down,
        )

    def _moved(self, m: Any, point: Sequence[Any], i: int, h: Any) -> tuple[Any, str]:
        try:
            return self.subject.over(m, [*point[:i], point[i] + h, *point[i + 1 :]]), ""
        except _UNDEFINED as error:
            return None, f"{type(error).__name__}: {error}"


def _verdict(runs: Sequence[_Differences], expected: Any) -> Slope | None:
    """What the runs so far show; None if one more is needed."""
    now = runs[-1]
    if len(runs) == 1:
        settled = now.central is not None and _settled_by(now, expected)
        return Slope("smooth", now.left, now.right, now.central, now.digits) if settled else None
    before = runs[-2]
    if now.central is None:
        return _edge(before, now)
    gap, gap_before = abs(now.right - now.left), abs(before.right - before.left)
    scale = max(abs(now.left), abs(now.right))
    one_slope = gap <= AGREEMENT * scale or gap <= _SHRINKS * gap_before
    if one_slope and _agree(now.central, before.central):
        return Slope("smooth", now.left, now.right, now.central, now.digits)
    if one_slope and _vanishes(runs, expected):
        zero = now.central * 0
        return Slope("smooth", zero, zero, zero, now.digits)
    left, right = _limit(before.left, now.left), _limit(before.right, now.right)
    if left is None or right is None:
        return None
    if _is_infinite(left) or _is_infinite(right):
        step_ratio = 10.0 ** ((now.digits - before.digits) / 3)
        if scale >= 0.5 * step_ratio * max(abs(before.left), abs(before.right)):
            return Slope("jump", left, right, None, now.digits, "it jumps here")
        return Slope("vertical", left, right, None, now.digits, "its slope is infinite here")
    if one_slope:
        return None
    return Slope("kink", left, right, None, now.digits, "the slopes on the two sides differ")


def _edge(before: _Differences, now: _Differences) -> Slope:
    left = None if now.left is None or before.left is None else _limit(before.left, now.left)
    right = None if now.right is None or before.right is None else _limit(before.right, now.right)
    sides = [name for name, side in (("left", now.left), ("right", now.right)) if side is None]
    return Slope("edge", left, right, None, now.digits, f"f raises on the {' and '.join(sides)}: {now.error}")


def _settled_by(run: _Differences, expected: Any) -> bool:
    """Whether a first run needs no second: both sides, and the rules, already say the same."""
    if expected is None or not _agree(run.central, expected):
        return False
    return bool(abs(run.right - run.left) <= 1e-15 * abs(run.central))


def _agree(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= AGREEMENT * abs(a))


def _vanishes(runs: Sequence[_Differences], expected: Any) -> bool:
    """Whether the slopes fall to 0 with the step, below any digit of what is expected."""
    if len(runs) < 3:
        return False
    a, b, c = (abs(run.central) for run in runs[-3:])
    floor = 0 if expected is None else abs(expected)
    return bool(c <= _SHRINKS * b and b <= _SHRINKS * a and (floor == 0 or c <= AGREEMENT * floor))


def _limit(before: Any, now: Any) -> Any:
    """Where one side's slope goes as the step shrinks: a number, an infinity, or None if it is not clear."""
    if _SHRINKS * abs(now) > abs(before):
        return now / abs(now) * float("inf")
    if abs(now) <= _SHRINKS * abs(before):
        return now * 0
    return now if abs(now - before) <= 1e-9 * abs(now) else None


def _is_infinite(x: Any) -> bool:
    return bool(abs(x) == float("inf"))

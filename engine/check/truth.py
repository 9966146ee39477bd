"""The truth: derivatives of a subject by differences in high precision.

No rule for a derivative takes part. A difference with a step h has an error of the order of h or h**2,
and rounding costs digits in proportion to 1/h. With d digits and h = 10**(-d/3) both stay small; with twice
the digits both become much smaller. So the number of digits is doubled until two runs agree, or until a run
agrees with the rules to more digits than a float has. From one run to the next, the slopes on the left and
on the right tell a smooth function from a kink, a jump and a vertical tangent.
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
_NO_AGREEMENT = f"no two runs agreed, up to {DIGITS[-1]} digits"

UNDEFINED = (ValueError, ArithmeticError)
"""What a number system raises outside the domain of an operation."""

precision = lru_cache(maxsize=16)(Multiprecision)


@dataclass(frozen=True)
class Slope:
    """The derivative of a subject by one of its inputs, or the slopes on its two sides.

    Args:
        kind: "smooth"; "kink": two slopes; "jump"; "vertical": an infinite slope; "edge": undefined on one
            side or both; "unresolved": no two runs agreed.
        left: the slope on the left; None where there is none.
        right: the slope on the right.
        value: the derivative where the subject is smooth, else None.
        digits: decimal digits of the last run.
        reason: why there is no derivative, in words; may be empty.
        error: a bound of the error of the value; 0 if it is exact to more digits than a float has.
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
    """The difference quotients of one run; None on a side where the subject is undefined, with the error."""

    left: Any
    right: Any
    central: Any
    digits: int
    error: str


class Truth:
    """The derivatives of a subject at its point, by differences.

    Args:
        subject: what to differentiate.

    Example:
        >>> from engine.check.subject import FunctionSubject
        >>> truth = Truth(FunctionSubject(lambda x: x**3, [2.0], {}))
        >>> float(truth.slope(0).value), float(truth.second(0, 0).value)
        (12.0, 12.0)
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._at_rest: dict[int, Any] = {}

    def slope(self, i: int, expected: Any = None) -> Slope:
        """The derivative by one input.

        Args:
            i: the place of the input among the subject's names.
            expected: the derivative by the rules, if known. Where the first run agrees with it, no second
                is needed; a slope that vanishes is called 0 once it is below any digit of it.

        Returns:
            The slope.
        """
        runs: list[_Differences] = []
        for digits in DIGITS:
            try:
                runs.append(self._differences(i, digits))
            except UNDEFINED as error:  # where rounding alone keeps the floats inside a domain
                return Slope(
                    "edge", None, None, None, digits, f"f is undefined at the exact numbers: {error}"
                )
            verdict = _verdict(runs, expected)
            if verdict is not None:
                return verdict
        last = runs[-1]
        return Slope("unresolved", last.left, last.right, None, last.digits, _NO_AGREEMENT)

    def second(self, i: int, j: int) -> Slope:
        """The second derivative by two inputs, which may be the same.

        Args:
            i: the place of the one input among the subject's names.
            j: the place of the other.

        Returns:
            The slope of the slope: "smooth" with its value, "edge" or "unresolved".
        """
        runs: list[Any] = []
        for digits in DIGITS:
            try:
                runs.append(self._second_difference(i, j, digits))
            except UNDEFINED as error:
                return Slope("edge", None, None, None, digits, f"f raises near the point: {error}")
            if len(runs) > 1 and _agree(runs[-1], runs[-2]):
                return Slope("smooth", None, None, runs[-1], digits)
            if len(runs) > 2 and _fall_to_0(runs):
                return Slope("smooth", None, None, runs[-1] * 0, digits)
        reason = f"{_NO_AGREEMENT}: there may be a kink here"
        return Slope("unresolved", None, None, None, DIGITS[-1], reason)

    def _differences(self, i: int, digits: int) -> _Differences:
        m = precision(digits)
        x, middle = m.number(self.subject.point[i]), self._value_at_the_point(digits)
        h = _step(m, x, digits // 3)
        up, error_up = self._moved(m, i, x + h)
        down, error_down = self._moved(m, i, x - h)
        return _Differences(
            left=None if down is None else (middle - down) / h,
            right=None if up is None else (up - middle) / h,
            central=None if up is None or down is None else (up - down) / (2 * h),
            digits=digits,
            error=error_up or error_down,
        )

    def _moved(self, m: Any, i: int, number: Any) -> tuple[Any, str]:
        try:
            return self.subject.moved(m, {i: number}), ""
        except UNDEFINED as error:
            return None, f"{type(error).__name__}: {error}"

    def _second_difference(self, i: int, j: int, digits: int) -> Any:
        """The central difference; its error is of the order of h**2, that of rounding of 1/h**2."""
        m = precision(digits)
        x, y = (m.number(self.subject.point[k]) for k in (i, j))
        h, k = _step(m, x, digits // 4), _step(m, y, digits // 4)
        if i == j:
            up, down = (self.subject.moved(m, {i: x + step}) for step in (h, -h))
            return (up - 2 * self._value_at_the_point(digits) + down) / h**2
        (a, b), (c, d) = (
            [self.subject.moved(m, {i: x_i, j: y_j}) for y_j in (y + k, y - k)] for x_i in (x + h, x - h)
        )
        return (a - b - c + d) / (4 * h * k)

    def _value_at_the_point(self, digits: int) -> Any:
        if digits not in self._at_rest:
            self._at_rest[digits] = self.subject.moved(precision(digits), {})
        return self._at_rest[digits]


def _step(m: Any, x: Any, digits: int) -> Any:
    """A step of 10**-digits, relative to where it is taken from."""
    return m.number(10) ** -digits * (abs(x) if x else 1)


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
    floor = 0 if expected is None else abs(expected)
    below = floor == 0 or abs(runs[-1].central) <= AGREEMENT * floor
    return bool(below and _fall_to_0([run.central for run in runs]))


def _fall_to_0(numbers: Sequence[Any]) -> bool:
    """Whether the last three numbers shrink as fast as what vanishes with the step."""
    a, b, c = map(abs, numbers[-3:])
    return bool(c <= _SHRINKS * b and b <= _SHRINKS * a)


def _limit(before: Any, now: Any) -> Any:
    """Where one side's slope goes as the step shrinks: a number, an infinity, or None if it is not clear."""
    if _SHRINKS * abs(now) > abs(before):
        return now / abs(now) * float("inf")
    if abs(now) <= _SHRINKS * abs(before):
        return now * 0
    return now if abs(now - before) <= 1e-9 * abs(now) else None


def _is_infinite(x: Any) -> bool:
    return bool(abs(x) == float("inf"))

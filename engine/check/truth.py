"""The truth: derivatives of a subject, from the subject alone, each with a rigorous bound of its error.

The subject runs on balls that move along a direction (`engine.numbers.balls`) and so returns its derivatives
along that direction. No rule of the table for partials takes part, and no step is chosen: where the balls are
too wide, more bits make them narrower. A comparison at a tie depends on the direction; then the other side
is computed too, and the two tell a kink or a jump from a smooth function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from flint import arb
from mpmath import MPContext

from engine.check.raised import RAISED, said
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.subject import NotJudgedError, Subject
from engine.numbers.balls import Ball, Balls, InfiniteSlopeError, UndecidedError

BITS = (192, 384, 768, 1536, 3072, 6144, 12288)
RESOLVED = 64  # bits of a derivative: more than a float can tell
_SMALLEST = -1140  # exponent: what is smaller than 2**-1140 is 0 in floats
_CANCELS = -1000  # exponent, relative to the terms: what terms leave below it they cancel to 0

TOO_CLOSE = "the numbers are too close to a branch to tell which one is taken"
UNDEFINED = (ValueError, ArithmeticError)
"""What a number system raises outside the domain of an operation."""

exact: Any = MPContext()
"""The numbers of reports: 60 decimal digits, and exponents of any size."""
exact.dps = 60


@dataclass(frozen=True)
class Slope:
    """The derivative of a subject by one of its inputs, or the slopes on its two sides.

    Args:
        kind: "smooth"; "kink": two slopes; "jump"; "vertical": an infinite slope; "edge": undefined on one
            side or both; "unresolved".
        left: the slope on the left; None where there is none.
        right: the slope on the right.
        value: the derivative where the subject is smooth, else None.
        bits: the precision of the last run.
        reason: why there is no derivative, in words; empty where there is one.
        error: a bound of the error of the value.
        together: whether one direction settled it together with other inputs.
    """

    kind: str
    left: Any
    right: Any
    value: Any
    bits: int
    reason: str = ""
    error: float = 0.0
    together: bool = False


def number_of(x: arb) -> Any:
    """The midpoint of a ball as a number for reports."""
    if not x.mid().is_finite():
        return exact.mpf(float(x.mid()))
    mantissa, exponent = x.mid().man_exp()
    return exact.mpf(int(mantissa)) * exact.mpf(2) ** int(exponent)


def edge(left: Any, right: Any, bits: int, error: BaseException) -> Slope:
    """What is known of a subject that raises near the point.

    Args:
        left: the slope on the left; None if it raises there.
        right: the slope on the right.
        bits: the precision.
        error: what it raises.

    Returns:
        The slope, with where it raises, and what, as its reason.
    """
    sides = [name for name, slope in (("left", left), ("right", right)) if slope is None]
    where = f"on the {sides[0]}" if len(sides) == 1 else "near the point"
    raised = f"f raises {where}: {type(error).__name__}{said(error)}"
    reason = f"{where} {error}" if isinstance(error, NotJudgedError) else raised
    return Slope("edge", left, right, None, bits, reason)


def size_of(x: arb) -> Any:
    """An upper bound of the magnitude of a ball."""
    size: arb = abs(x).upper()
    return size


def is_resolved(x: arb, floor: arb) -> bool:
    """Whether a derivative is known to all digits of a float, or known to be smaller than the floor."""
    if not x.is_finite():
        return False
    return bool(x.is_zero() or x.rel_accuracy_bits() >= RESOLVED or size_of(x) <= floor)


def floor_of(terms: Any) -> arb:
    """The size below which a sum of terms of this size is 0."""
    floor: arb = size_of(arb(terms)) * arb(2) ** _CANCELS + arb(2) ** _SMALLEST
    return floor


class Truth:
    """The derivatives of a subject at its point.

    Args:
        subject: what to differentiate.

    Attributes:
        floats_taken: whether the subject took a float out of a number: the rest of it then stands still, and
            the derivatives are those of the recorded part.

    Example:
        >>> from engine.check.subject import FunctionSubject
        >>> truth = Truth(FunctionSubject(lambda x: x**3, [2.0], {}))
        >>> float(truth.slope(0).value), float(truth.second(0, 0).value)
        (12.0, 12.0)
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.floats_taken = False
        self._systems: dict[tuple[int, int], Balls] = {}
        self._curvatures: dict[tuple[int, ...], _Sides] = {}

    def slope(self, i: int, terms: Any = 0.0) -> Slope:
        """The derivative by one input.

        Args:
            i: the place of the input among the subject's names.
            terms: the size of the terms that the derivative is a sum of; 0.0 if that is unknown.

        Returns:
            The slope.
        """
        sides = self._sides({i: arb(1)}, 1, terms)
        if isinstance(sides, Slope):
            return self._by_secants(i) if sides.kind == "vertical" else sides
        right, left = sides.right[1], -sides.left[1]
        if any(sides.jumps):
            left_end, right_end = (
                exact.inf * jump if jump else number_of(slope)
                for jump, slope in zip(sides.jumps, (left, right), strict=True)
            )
            return Slope("jump", left_end, right_end, None, sides.bits, "it jumps here")
        if left.overlaps(right):
            value = number_of(right)
            error = float(right.rad().upper()) if not right.is_exact() else 0.0
            return Slope("smooth", number_of(left), value, value, sides.bits, error=error)
        reason = "the slopes on the two sides differ"
        return Slope("kink", number_of(left), number_of(right), None, sides.bits, reason)

    def second(self, i: int, j: int, terms: Any = 0.0) -> Slope:
        """The second derivative by two inputs, which may be the same.

        Args:
            i: the place of the one input among the subject's names.
            j: the place of the other.
            terms: the size of the terms that the derivative is a sum of; 0.0 if that is unknown.

        Returns:
            The slope of the slope: "smooth" with its value, "kink", "edge" or "unresolved".
        """
        along = [self._curvature(places, terms) for places in {(i,), (j,), (i, j)}]
        for sides in along:
            if isinstance(sides, Slope):
                return sides
        known: Any = {sides.places: sides for sides in along if isinstance(sides, _Sides)}
        bits = max(sides.bits for sides in known.values())
        if any(any(sides.jumps) or not (-sides.left[1]).overlaps(sides.right[1]) for sides in known.values()):
            return Slope("kink", None, None, None, bits, "the first derivative has a kink here")
        with self._system(bits, 2).at_work():
            right, left = (_mixed(known, i, j, side) for side in ("right", "left"))
        if not right.overlaps(left):
            reason = "the second derivatives on the two sides differ"
            return Slope("kink", number_of(left), number_of(right), None, bits, reason)
        return Slope("smooth", None, None, number_of(right), bits, error=float(right.rad().upper()))

    def confirms(self, derivatives: Mapping[int, arb], rng: Random) -> bool:
        """Whether derivatives by many inputs are right, all at once.

        The subject moves along one random direction, scaled so that all derivatives contribute amounts of
        the same size. If one of them is wrong, so is the derivative along the direction, but for a chance of
        2**-60. Those that are 0 move along a direction of their own, with many more bits.

        Args:
            derivatives: for the place of each input the derivative to confirm.
            rng: draws the direction.

        Returns:
            True if they are right; False if one of them is not, or if this direction cannot tell.
        """
        zeros = {i: slope for i, slope in derivatives.items() if slope.contains(arb(0))}
        others = {i: slope for i, slope in derivatives.items() if i not in zeros}
        return self._confirms(others, BITS[0], -RESOLVED, rng) and self._confirms(zeros, BITS[3], -900, rng)

    def _confirms(self, derivatives: Mapping[int, arb], bits: int, exponent: int, rng: Random) -> bool:
        if not derivatives:
            return True
        m = self._system(bits, 1)
        with m.at_work():
            weights = {i: _weight(slope, rng) for i, slope in derivatives.items()}
            try:
                series, tied = self._run(m, weights)
                total = sum((weights[i] * slope for i, slope in derivatives.items()), arb(0))
                gap = size_of(series.coefficient(1) - total)
            except (NotReplayableError, DifferentiatesItselfError, TypeError, AttributeError):
                raise
            except RAISED:  # an f that raises along this direction is looked at input by input
                return False
            return not tied and bool(gap <= arb(2) ** (62 + exponent))

    # --- One direction.

    def _system(self, bits: int, order: int) -> Balls:
        if (bits, order) not in self._systems:
            self._systems[bits, order] = Balls(bits, order)
        return self._systems[bits, order]

    def _run(self, m: Balls, direction: Mapping[int, arb]) -> tuple[Ball, bool]:
        """The subject along a direction, and whether it met a tie on the way."""
        m.tied = m.floats_taken = False
        moving = {i: m.moving(self.subject.at(m, i).still, v) for i, v in direction.items()}
        series = self.subject.moved(m, moving)
        self.floats_taken = self.floats_taken or m.floats_taken
        return series, m.tied

    def _sides(self, direction: Mapping[int, arb], order: int, terms: Any) -> _Sides | Slope:
        """The derivatives on both sides along a direction, with as many bits as it takes."""
        found: _Sides | None = None
        reason = TOO_CLOSE
        for bits in BITS:
            m = self._system(bits, order)
            with m.at_work():
                try:
                    found = self._both(m, direction)
                    if all(is_resolved(c, floor_of(terms)) for c in (*found.left[1:], *found.right[1:])):
                        return found
                    reason = f"its digits are not settled with {bits} bits"
                except UndecidedError:
                    continue
                except InfiniteSlopeError as error:
                    return Slope("vertical", None, None, None, bits, str(error))
                except (NotReplayableError, DifferentiatesItselfError, TypeError, AttributeError):
                    raise
                except RAISED as error:
                    return self._edge(direction, bits, error)
        if found is not None:
            slopes = (*found.left[1:], *found.right[1:])
            if all(c.is_finite() and c.contains(arb(0)) for c in slopes):
                return found  # 0, within a bound
        return Slope("unresolved", None, None, None, BITS[-1], reason)

    def _both(self, m: Balls, direction: Mapping[int, arb]) -> _Sides:
        series, tied = self._run(m, direction)
        right = [series.coefficient(k) for k in range(m.order + 1)]
        left = [c * (-1) ** k for k, c in enumerate(right)]
        jumps = (0, 0)
        if tied:
            backwards, _ = self._run(m, {i: -v for i, v in direction.items()})
            left = [backwards.coefficient(k) for k in range(m.order + 1)]
            at_rest, _ = self._run(m, {})
            jumps = _jump(at_rest.still - left[0]), _jump(right[0] - at_rest.still)
        return _Sides(tuple(direction), left, right, jumps, m.bits)

    def _edge(self, direction: Mapping[int, arb], bits: int, error: BaseException) -> Slope:
        """The slope on the other side, if f raises on one."""
        slopes: list[Any] = []
        m = self._system(bits, 1)
        for sign in (-1, 1):
            try:
                series, _ = self._run(m, {i: sign * v for i, v in direction.items()})
                slopes.append(number_of(sign * series.coefficient(1)))
            except RAISED:  # the error that is reported is the first
                slopes.append(None)
        return edge(slopes[0], slopes[1], bits, error)

    def _curvature(self, places: tuple[int, ...], terms: Any) -> _Sides | Slope:
        places = tuple(dict.fromkeys(places))
        if places not in self._curvatures:
            sides = self._sides({i: arb(1) for i in places}, 2, terms)
            if isinstance(sides, Slope):
                return Slope("unresolved", None, None, None, sides.bits, sides.reason)
            self._curvatures[places] = sides
        return self._curvatures[places]

    # --- Where a series has no first derivative.

    def _by_secants(self, i: int) -> Slope:
        """The slopes of ever shorter secants, where the slope may be infinite."""
        m = self._system(BITS[3], 0)
        try:
            with m.at_work():
                left, right = (self._secants(m, i, sign) for sign in (-1, 1))
        except UndecidedError:
            return Slope("unresolved", None, None, None, m.bits, TOO_CLOSE)
        sides = [name for name, found in (("left", left), ("right", right)) if found is None]
        if sides:
            reason = f"f is undefined on the {' and '.join(sides)}"
            one = [None if found is None else found[0] for found in (left, right)]
            return Slope("edge", one[0], one[1], None, m.bits, reason)
        assert left is not None
        assert right is not None
        if left[1] or right[1]:
            return Slope("jump", left[0], right[0], None, m.bits, "it jumps here")
        if exact.isinf(left[0]) or exact.isinf(right[0]):
            return Slope("vertical", left[0], right[0], None, m.bits, "its slope is infinite here")
        gap = abs(left[0] - right[0])
        if gap <= 1e-9 * max(abs(left[0]), abs(right[0])):
            error = float(gap) + 2**-60 * float(abs(right[0]))
            return Slope("smooth", left[0], right[0], right[0], m.bits, error=error)
        return Slope("kink", left[0], right[0], None, m.bits, "the slopes on the two sides differ")

    def _secants(self, m: Balls, i: int, sign: int) -> tuple[Any, bool] | None:
        """The limit of the slopes on one side, and whether f jumps there; None where f is undefined."""
        x = self.subject.at(m, i).still
        try:
            middle = self._run(m, {})[0].still
        except UndecidedError:
            raise
        except RAISED:  # f is undefined at the point itself, over balls
            return None
        rises, slopes = [], []
        for exponent in (80, 160):
            h = sign * arb(2) ** -exponent * (abs(x).min(arb(1)) if self.subject.point[i] else 1)
            try:
                rise = self.subject.moved(m, {i: m.number(x + h)}).still - middle
            except RAISED:  # f is undefined there
                return None
            rises.append(number_of(abs(rise)))
            slopes.append(number_of(rise / h))
        before, now = slopes
        if abs(now) > 2**20 * abs(before):
            return exact.sign(now) * exact.inf, bool(rises[1] > 0.5 * rises[0])
        return (now * 0 if abs(now) < abs(before) / 2**20 else now), False


@dataclass(frozen=True)
class _Sides:
    """The coefficients of a subject along a direction, and backwards along it."""

    places: tuple[int, ...]
    left: Sequence[arb]
    right: Sequence[arb]
    jumps: tuple[int, int]  # the sign of the jump on the left and on the right; 0 for none
    bits: int


def _jump(rise: arb) -> int:
    return 1 if rise > 0 else -1 if rise < 0 else 0


def _mixed(along: Mapping[tuple[int, ...], _Sides], i: int, j: int, side: str) -> arb:
    """The second derivative from those along the axes and along their diagonal."""
    (at_i, at_j), both = ([getattr(along[(k,)], side)[2] for k in (i, j)]), tuple(dict.fromkeys((i, j)))
    mixed: arb = 2 * at_i if i == j else getattr(along[both], side)[2] - at_i - at_j
    return mixed


def _weight(slope: arb, rng: Random) -> arb:
    """A random factor that brings a derivative to a size of about 2**62."""
    random = arb(rng.getrandbits(62) | 1) * (1 if rng.random() < 0.5 else -1)
    if slope.contains(arb(0)):
        return random
    mantissa, exponent = slope.mid().man_exp()
    return random * arb(2) ** -(int(exponent) + int(mantissa).bit_length())

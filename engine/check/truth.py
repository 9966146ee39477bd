"""The truth: derivatives of a subject, from the subject alone, each with a rigorous bound of its error.

The subject runs on balls that move along a direction (`engine.numbers.balls`) and so returns its derivatives
along that direction. No rule of the table for partials takes part, and no step is chosen: where the balls are
too wide, more bits make them narrower. A comparison at a tie depends on the direction; then the other side
is computed too, and the two tell a kink or a jump from a smooth function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, ulp
from random import Random
from typing import Any

from flint import arb
from mpmath import MPContext

from engine.check.raised import RAISED, said
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.subject import NotJudgedError, Subject
from engine.numbers.balls import (
    Ball,
    Balls,
    InfiniteSlopeError,
    Rounding,
    UndecidedError,
    at_the_point,
    beyond,
    moved_by,
)

BITS = (192, 384, 768, 1536, 3072, 6144, 12288)
RESOLVED = 64  # bits of a derivative: more than a float can tell
_SMALLEST = -1140  # exponent: what is smaller than 2**-1140 is 0 in floats
_CANCELS = -1000  # exponent, relative to the terms: what terms leave below it they cancel to 0

_LONGER = 12  # so many more coefficients where a series of zeros leaves it open how a number moves
# ULP: floats taken so far off show whether they matter, and those that are rounded to float32 or float16 too
_FARTHER = ((1, 2, 3), (2**30, 2**31, 2**32), (2**46, 2**47, 2**48))
_BITS_OF_BRANCHES = BITS[3]  # enough to see the smallest float beside 1

_NEXT_TO_NOTHING = arb(2) ** -1000  # relative to the terms, or to the value

_FLOATS = "f computes with floats that it took out of Values: their part is not known well enough"
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
        beside: whether it is the slope on the two sides of a point where f may take another branch.
        at: the number of the subject at the point; None if that is not known.
    """

    kind: str
    left: Any
    right: Any
    value: Any
    bits: int
    reason: str = ""
    error: float = 0.0
    together: bool = False
    beside: bool = False
    at: Any = None


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


def value_of(x: arb) -> Any:
    """The number in a ball; 0 if that is possible."""
    return exact.zero if x.contains(arb(0)) else number_of(x)


def _error_of(x: arb) -> float:
    """A bound of the distance to what `value_of` gives."""
    return float(size_of(x) if x.contains(arb(0)) else x.rad().upper())


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
        floats_matter: whether the subject computes with floats that it took out of numbers. Floats that
            only choose a branch, or are rounded, do not matter: they are taken on both sides of the point.
        floats_taken: whether it took any.

    Example:
        >>> from engine.check.subject import FunctionSubject
        >>> truth = Truth(FunctionSubject(lambda x: x**3, [2.0], {}))
        >>> float(truth.slope(0).value), float(truth.second(0, 0).value)
        (12.0, 12.0)
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.floats_matter = self.floats_taken = False
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
        if sides.floats_matter:
            return self._with_floats(i, sides)
        right, left = sides.right[1], -sides.left[1]
        if any(sides.jumps):
            left_end, right_end = (
                exact.inf * jump if jump else number_of(slope)
                for jump, slope in zip(sides.jumps, (left, right), strict=True)
            )
            return Slope("jump", left_end, right_end, None, sides.bits, "it jumps here")
        if left.overlaps(right):
            value = value_of(right)
            error = _error_of(right)
            at, beside = number_of(sides.right[0]), sides.separate
            return Slope("smooth", value, value, value, sides.bits, error=error, beside=beside, at=at)
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
        for bits in BITS:
            slope, is_settled = self._second(i, j, terms, bits)
            if is_settled:
                break
        return slope

    def _second(self, i: int, j: int, terms: Any, least_bits: int) -> tuple[Slope, bool]:
        """The second derivative, and whether more bits would not tell more."""
        along: list[_Sides] = []
        for places in {(i,), (j,), (i, j)}:
            sides = self._curvature(places, terms, least_bits)
            if isinstance(sides, Slope):
                return sides, True
            along.append(sides)
        known = {sides.places: sides for sides in along}
        bits = max(sides.bits for sides in known.values())
        if any(any(sides.jumps) or not (-sides.left[1]).overlaps(sides.right[1]) for sides in known.values()):
            return Slope("kink", None, None, None, bits, "the first derivative has a kink here"), True
        with self._system(bits, 2).at_work():
            right, left = (_mixed(known, i, j, side) for side in ("right", "left"))
        if not right.overlaps(left):
            reason = "the second derivatives on the two sides differ"
            return Slope("kink", number_of(left), number_of(right), None, bits, reason), True
        value = value_of(right)
        is_settled = is_resolved(right, floor_of(terms))
        at, beside = number_of(along[0].right[0]), any(sides.separate for sides in along)
        slope = Slope("smooth", None, None, value, bits, error=_error_of(right), beside=beside, at=at)
        return slope, is_settled

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
            total = sum((weights[i] * slope for i, slope in derivatives.items()), arb(0))
            try:
                sides = self._both(m, weights, 1, even_if_tied=False)
            except (NotReplayableError, DifferentiatesItselfError, TypeError, AttributeError):
                raise
            except RAISED:  # an f that raises along this direction is looked at input by input
                return False
            if sides is None or sides.floats_matter or any(sides.jumps):
                return False
            gaps = (size_of(slope - total) for slope in (sides.right[1], -sides.left[1]))
            return all(bool(gap <= arb(2) ** (62 + exponent)) for gap in gaps)

    # --- One direction.

    def _system(self, bits: int, order: int) -> Balls:
        if (bits, order) not in self._systems:
            self._systems[bits, order] = Balls(bits, order)
        return self._systems[bits, order]

    def _run(
        self, m: Balls, direction: Mapping[int, arb], rounding: Rounding = at_the_point
    ) -> tuple[Ball, bool]:
        """The subject along a direction, and whether it met a tie on the way."""
        m.tied = m.short = m.floats_taken = False
        m.rounding = rounding
        moving = {i: m.moving(self.subject.at(m, i).still, v) for i, v in direction.items()}
        return self.subject.moved(m, moving), m.tied

    def _sides(
        self, direction: Mapping[int, arb], order: int, terms: Any, least_bits: int = BITS[0]
    ) -> _Sides | Slope:
        """The derivatives on both sides along a direction, with as many bits as it takes."""
        found: _Sides | None = None
        reason = TOO_CLOSE
        for bits in (b for b in BITS if b >= least_bits):
            try:
                found = self._with_bits(bits, direction, order)
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
                with self._system(bits, order).at_work():
                    return self._edge(direction, bits, error)
        if found is not None:
            slopes = (*found.left[1:], *found.right[1:])
            least = _NEXT_TO_NOTHING * size_of(arb(terms)).max(size_of(found.right[0])).max(arb(1))
            if all(c.contains(arb(0)) and size_of(c) <= least for c in slopes):
                return found  # 0, within a bound
        return Slope("unresolved", None, None, None, BITS[-1], reason)

    def _with_bits(self, bits: int, direction: Mapping[int, arb], order: int) -> _Sides:
        """The derivatives with some bits; with longer series where short ones leave it open."""
        m = self._system(bits, order)
        with m.at_work():
            try:
                sides = self._both(m, direction, order)
                if sides is not None and not m.short:
                    return sides
            except InfiniteSlopeError:
                pass
        m = self._system(bits, order + _LONGER)
        with m.at_work():
            sides = self._both(m, direction, order)
        assert sides is not None
        return sides

    def _both(
        self, m: Balls, direction: Mapping[int, arb], order: int, even_if_tied: bool = True
    ) -> _Sides | None:
        _, tied = self._run(m, direction)
        taken, short, matter = m.floats_taken, m.short, False
        if tied and not even_if_tied:
            return None
        back = {i: -v for i, v in direction.items()}
        if taken:
            self.floats_taken = True
            matter = any(self._do_floats_matter(m, way) for way in (direction, back))
            self.floats_matter = self.floats_matter or matter
        choose = taken and not matter
        right = self._side(m, direction, order, choose)
        left = [c * (-1) ** k for k, c in enumerate(right)]
        jumps = (0, 0)
        if tied or taken:
            left = self._side(m, back, order, choose)
            short = short or m.short
            at_rest, _ = self._run(m, {})
            jumps = _jump(at_rest.still - left[0]), _jump(right[0] - at_rest.still)
        m.short = short
        return _Sides(tuple(direction), left, right, jumps, m.bits, tied or taken, matter)

    def _side(self, m: Balls, direction: Mapping[int, arb], order: int, choose: bool) -> list[arb]:
        """The coefficients on one side.

        A float that is taken out of a number does not move, and so the branch that it chooses is that at the
        point. Where the next float chooses another one, the point is at the branch, or that float is.
        """
        here, _ = self._run(m, direction)
        steps: list[arb] = []
        if choose:
            one_on, _ = self._run(m, direction, beyond(1, steps))
        if steps:
            t = 2 * min(steps, key=lambda t: t.mid())
            for there in (self._run(m, direction, moved_by(t, only_floats=True))[0], one_on):
                if not _identical(here.raw, there.raw):
                    if m.bits < _BITS_OF_BRANCHES:
                        raise UndecidedError("which side of a float a branch is on")
                    if not _within(here, there, t):
                        here = there
                        break
        return [here.coefficient(k) for k in range(order + 1)]

    # --- Floats that the subject takes out of numbers.

    def _do_floats_matter(self, m: Balls, direction: Mapping[int, arb]) -> bool:
        """Whether numbers change with each of the floats: one that chooses a branch changes them but once."""
        for places in _FARTHER:
            try:
                runs = [self._run(m, direction, beyond(ulps))[0].raw for ulps in places]
            except RAISED:  # f raises there
                return True
            if not any(_identical(a, b) for a, b in pairwise(runs)):
                return True
        return False

    def _with_floats(self, i: int, sides: _Sides) -> Slope:
        """The derivative of the recorded part, and that by the floats as a difference: they have no more."""
        unresolved = Slope("unresolved", None, None, None, sides.bits, _FLOATS)
        recorded = sides.right[1]
        if any(sides.jumps) or not recorded.overlaps(-sides.left[1]):
            return unresolved
        m = self._system(BITS[0], 1)
        with m.at_work():
            steps: list[arb] = []
            try:
                middle = self._run(m, {i: arb(1)}, _steps_for(steps))[0].still
                h = sorted(steps, key=float)[len(steps) // 2]
                one, two, back = (
                    (self._run(m, {i: arb(1)}, moved_by(k * h))[0].still - middle) / (k * h)
                    for k in (1, 2, -1)
                )
            except RAISED:  # f raises near the point
                return unresolved
            by_floats = (one + back) / 2
            bound = 10 * (size_of(one - back) + size_of(one - two)) + size_of(one) * arb(2) ** -24
            if not bound <= 1e-3 * size_of(by_floats):
                return unresolved
        value, error = number_of(recorded + by_floats), float(bound.upper())
        return Slope("smooth", value, value, value, 53, error=error, at=number_of(sides.right[0]))

    # --- Where f raises on a side.

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

    def _curvature(self, places: tuple[int, ...], terms: Any, least_bits: int) -> _Sides | Slope:
        places = tuple(dict.fromkeys(places))
        if places not in self._curvatures or self._curvatures[places].bits < least_bits:
            sides = self._sides({i: arb(1) for i in places}, 2, terms, least_bits)
            if isinstance(sides, Slope):
                return Slope("unresolved", None, None, None, sides.bits, sides.reason)
            if sides.floats_matter:
                return Slope("unresolved", None, None, None, sides.bits, _FLOATS)
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
        except Exception as error:  # whatever f raises at the exact numbers is reported
            reason = f"f raises at the exact numbers: {type(error).__name__}{said(error)}"
            return Slope("edge", None, None, None, m.bits, reason)
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
            bound = float(gap) + 2**-60 * float(abs(right[0]))
            return Slope("smooth", left[0], right[0], right[0], m.bits, error=bound)
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
            if rise.contains(arb(0)):
                if not size_of(rise) <= _NEXT_TO_NOTHING * (size_of(middle) + abs(h)):
                    raise UndecidedError("the rise of a secant")
                rise = arb(0)
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
    separate: bool  # whether each side was computed
    floats_matter: bool = False  # then these are the derivatives of the recorded part alone


def _identical(a: Any, b: Any) -> bool:
    """Whether two numbers are the same, digit by digit."""
    if type(a) is not type(b):
        return False
    pairs = [(a, b)] if isinstance(a, arb) else [(a[k], b[k]) for k in range(max(a.prec, b.prec))]
    return all(bool(x.mid() == y.mid() and x.rad() == y.rad()) for x, y in pairs)


def _within(a: Ball, b: Ball, t: arb) -> bool:
    """Whether a number changes as little from one branch to the other as along either up to t.

    The branch is then beside the point. At the point itself the change is none, or a jump.
    """
    gap = a.still - b.still
    if gap.contains(arb(0)):
        return False
    return bool(size_of(gap) <= t * (size_of(a.coefficient(1)) + size_of(b.coefficient(1))))


def _steps_for(found: list[arb]) -> Rounding:
    """Collects steps in which floats change by many units in the last place."""

    def rounding(series: Sequence[arb]) -> float:
        x = at_the_point(series)
        speed = series[1]
        if isfinite(x) and not speed.contains(arb(0)):
            found.append(abs(ulp(x) / speed.mid()) * 2**25)
        return x

    return rounding


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

"""Numbers that carry a rigorous bound of their error, and with it their derivatives: the truth.

A number is a ball of FLINT's `arb` (Johansson 2017), a midpoint with a radius that encloses all rounding. One
that moves is a power series in t, x + v t + ..., whose coefficients are balls: a function that is run on such
numbers returns its value and its derivatives along the direction v, each with a bound of its error. The
derivatives of the elementary functions are FLINT's own, or textbook formulas; no rule of the table for
partials takes part.

t is positive and as small as it must be. So a comparison at a tie is decided by the first coefficient that
is not 0: the derivatives are those on one side, and the same function run along -v gives the other side.
Where balls overlap a comparison cannot be decided; more bits may decide it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import reduce
from math import ceil, copysign, inf, isfinite, nextafter, ulp
from operator import add, mul
from threading import RLock
from typing import Any, TypeAlias

from flint import arb, arb_series, ctx

from engine.numbers.products import products_of_others
from engine.numbers.protocol import refuse_unknown

Raw: TypeAlias = Any  # an arb, or an arb_series
Rounding: TypeAlias = Callable[[Sequence[arb]], float]


_one_precision_at_a_time = RLock()  # FLINT has one precision for all threads


class UndecidedError(ArithmeticError):
    """A question to a ball that its radius leaves open; more bits may settle it."""


class InfiniteSlopeError(ArithmeticError):
    """A function with an infinite slope at the point, as the square root at 0."""


class Ball:
    """A number of `Balls`: a ball, or a power series of balls.

    Args:
        raw: an `arb` for a number that stands still, an `arb_series` for one that moves.
        m: the number system.
    """

    __slots__ = ("m", "raw")

    def __init__(self, raw: Raw, m: Balls) -> None:
        self.raw = raw
        self.m = m

    @property
    def still(self) -> arb:
        """The number at t = 0."""
        return _still(self.raw)

    def coefficient(self, k: int) -> arb:
        """The coefficient of t**k: the k-th derivative along the direction, over k factorial."""
        if self.raw.__class__ is arb:
            return self.still if k == 0 else _ZERO
        if k >= self.raw.prec:
            raise InfiniteSlopeError("the series ends before this derivative")
        coefficient: arb = self.raw[k]
        return coefficient

    def __add__(self, other: Any) -> Ball:
        return Ball(self.raw + _raw(other), self.m)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        # A ball forgets what it was computed from: only the very same number minus itself is exactly 0.
        return Ball(_ZERO if other is self else self.raw - _raw(other), self.m)

    def __rsub__(self, other: Any) -> Ball:
        return Ball(_raw(other) - self.raw, self.m)

    def __mul__(self, other: Any) -> Ball:
        return Ball(self.raw * _raw(other), self.m)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        if other is self and not self.still.contains(_ZERO):
            return Ball(_ONE, self.m)
        return self.m.unless_open(_quotient, self.raw, _raw(other))

    def __rtruediv__(self, other: Any) -> Ball:
        return self.m.unless_open(_quotient, _raw(other), self.raw)

    def __pow__(self, other: Any) -> Ball:
        return self.m.pow(self, other)

    def __neg__(self) -> Ball:
        return Ball(-self.raw, self.m)

    def __abs__(self) -> Ball:
        return self.m.abs(self)

    def __lt__(self, other: Any) -> bool:
        return self.m.side(self - other) < 0

    def __le__(self, other: Any) -> bool:
        return self.m.side(self - other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self.m.side(self - other) > 0

    def __ge__(self, other: Any) -> bool:
        return self.m.side(self - other) >= 0

    def __eq__(self, other: object) -> bool:
        return self.m.side(self - other) == 0

    def __ne__(self, other: object) -> bool:
        return self.m.side(self - other) != 0

    def __bool__(self) -> bool:
        return self.m.side(self) != 0

    __hash__ = None  # type: ignore[assignment]  # equal balls need not be the same number

    def __float__(self) -> float:
        return float(self.still.mid())

    def __floor__(self) -> int:
        whole = _whole(self.still.floor())
        return whole - (self.m.side(self - whole) < 0)

    def __int__(self) -> int:
        whole = self.__floor__()
        return whole + 1 if whole < 0 and self != whole else whole

    def __repr__(self) -> str:
        return repr(self.raw)


_ZERO, _ONE = arb(0), arb(1)
_BITS_OF_A_CONSTANT = 1536  # a number that still does not move for sure is taken for one that stands still


def _raw(x: Any) -> Raw:
    return x.raw if x.__class__ is Ball else arb(x)


def _still(raw: Raw) -> arb:
    still: arb = raw if raw.__class__ is arb else raw[0]
    return still


def _whole(x: arb) -> int:
    """The integer in a ball."""
    whole = x.unique_fmpz()
    if whole is None:
        raise UndecidedError("the integer part of a ball")
    return int(whole)


def _moves(raw: Raw) -> bool:
    return raw.__class__ is not arb


def _coefficients(raw: Raw) -> list[arb]:
    return [raw[k] for k in range(raw.prec)] if _moves(raw) else [raw]


def _united(a: Raw, b: Raw) -> Raw:
    """The narrowest number that holds both."""
    if not (_moves(a) or _moves(b)):
        return a.union(b)
    first, second = _coefficients(a), _coefficients(b)
    length = min(len(cs) for raw, cs in ((a, first), (b, second)) if _moves(raw))
    first, second = (cs + [_ZERO] * (length - len(cs)) for cs in (first, second))
    return arb_series([x.union(y) for x, y in zip(first, second, strict=False)], length)


def _quotient(a: Raw, b: Raw) -> Raw:
    below = _still(b)
    if below.is_zero():
        if _moves(b):
            return _quotient_at_a_zero(a, b)
        raise ZeroDivisionError("division by zero")
    if below.contains(_ZERO):
        raise UndecidedError("division by a ball that contains 0")
    return a / b


def _quotient_at_a_zero(a: Raw, b: Raw) -> Raw:
    """0 / 0 of two series: both are divided by the power of t that they share."""
    order = _valuation(b)
    if not _moves(a) or _valuation(a) < order:
        raise ZeroDivisionError("division by zero")
    return _shifted(a, order) / _shifted(b, order)


def _power(raw: Raw, n: int) -> Raw:
    """A power with an integer exponent from 0 on, also of what may be 0, where FLINT's may be NaN."""
    if n == 0:
        return _ONE
    if not _still(raw).contains(_ZERO):
        return raw**n
    half = _power(raw * raw, n // 2)
    return half * raw if n % 2 else half


def _valuation(series: arb_series) -> int:
    """The exponent of the first term that is not exactly 0."""
    for k in range(series.prec):
        if not series[k].is_zero():
            if series[k].contains(_ZERO):
                raise UndecidedError("the first term of a series")
            return k
    raise InfiniteSlopeError("a series that ends before its first term")


def _shifted(series: arb_series, by: int) -> arb_series:
    return arb_series([series[k] for k in range(by, series.prec)], series.prec - by)


def _with_value(series: arb_series, value: arb) -> arb_series:
    """The series with another value at 0, where its own has fewer digits."""
    return arb_series([value, *[series[k] for k in range(1, series.prec)]], series.prec)


def _integrated(slope: arb_series, x: arb_series, value: arb) -> arb_series:
    """The function with this value at 0 and this derivative by x."""
    return _with_value((slope * x.derivative()).integral(), value)


def _inside(raw: Raw, low: int | None, high: int | None, name: str) -> None:
    """Refuse a number outside a closed interval."""
    x = _still(raw)
    if (low is not None and x < low) or (high is not None and x > high):
        raise ValueError(f"{name} of {x.str(10)} is not a real number")
    if not ((low is None or x >= low) and (high is None or x <= high)):
        raise UndecidedError(f"{name} at the edge of its domain")


# --- Floats taken out of numbers that move.


def at_the_point(series: Sequence[arb]) -> float:
    """The float nearest to a number at t = 0."""
    return float(series[0].mid())


def beyond(ulps: int, steps: list[arb] | None = None) -> Rounding:
    """Floats on the side to which a number moves: a branch that is taken there shows.

    Args:
        ulps: how far to go where a number is exactly a float at t = 0; else one less.
        steps: collects at which t the numbers arrive at the next float.

    Returns:
        The rounding.
    """

    def rounding(series: Sequence[arb]) -> float:
        x = at_the_point(series)
        speed = next(c for c in series[1:] if not c.contains(_ZERO))
        toward = -inf if speed < 0 else inf
        if arb(x) == series[0] and series[0].is_exact():
            beside = nextafter(x, toward)
            if steps is not None and isfinite(beside):
                steps.append(abs((arb(beside) - x) / speed.mid()))
            x = beside
        return x + copysign((ulps - 1) * ulp(x), toward) if isfinite(x) else x

    return rounding


def moved_by(t: arb, only_floats: bool = False) -> Rounding:
    """Floats that move as the numbers do that they are taken out of.

    Args:
        t: how far.
        only_floats: whether numbers stay that are not exactly floats at t = 0.

    Returns:
        The rounding.
    """

    def rounding(series: Sequence[arb]) -> float:
        x = at_the_point(series)
        if only_floats and not (arb(x) == series[0] and series[0].is_exact()):
            return x
        return float(sum((c * t**k for k, c in enumerate(series)), _ZERO).mid())

    return rounding


class Balls:
    """A number system of balls, and of power series of balls.

    Use it inside `with m.at_work():`, which sets FLINT's precision.

    Args:
        bits: the precision of midpoints.
        order: the highest derivative that numbers which move carry.

    Attributes:
        tied: whether a comparison was decided by how numbers move, since at the point they are equal: there
            may be a kink.
        short: whether series were too short to tell how a number moves: a higher order may tell.
        floats_taken: whether a float was taken out of a number that moves: what is computed from it stands
            still.
        ties_within_radius: whether numbers that cannot be told apart are equal: for rules alone, which are
            compared with the truth.
        both: whether a choice that a radius leaves open is both of its results, and a number that it leaves
            open may be any: for rules alone, so that a part without influence leaves nothing else open.
        rounding: the float that is taken out of a number that moves, given as the coefficients of its series.

    Example:
        >>> m = Balls(100, order=2)
        >>> with m.at_work():
        ...     y = m.exp(m.moving(0.0, 1.0))
        ...     [float(y.coefficient(k)) for k in range(3)]
        [1.0, 1.0, 0.5]
    """

    def __init__(self, bits: int, order: int = 0) -> None:
        self.bits = bits
        self.order = order
        self.tied = False
        self.short = False
        self.floats_taken = False
        self.ties_within_radius = False
        self.both = False
        self.rounding: Rounding = at_the_point

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Compute with the precision of this system."""
        with _one_precision_at_a_time:
            before = ctx.prec, ctx.cap
            ctx.prec, ctx.cap = self.bits, self.order + 1
            try:
                yield
            finally:
                ctx.prec, ctx.cap = before

    def __getattr__(self, name: str) -> Any:
        refuse_unknown("balls", name)

    # --- Numbers.

    def number(self, x: Any) -> Ball:
        """A number that stands still: a float, exactly, or an arb."""
        return Ball(arb(x), self)

    def moving(self, x: Any, v: Any) -> Ball:
        """The number x + v t."""
        return Ball(arb_series([arb(x), arb(v)], self.order + 1), self)

    def take_float(self, x: Ball) -> float:
        """A number as a float, which no longer moves."""
        series = _coefficients(x.raw)
        if all(c.contains(_ZERO) for c in series[1:]):
            if any(not c.is_zero() for c in series[1:]) and self.bits < _BITS_OF_A_CONSTANT:
                raise UndecidedError("whether a number moves")
            self.short = self.short or len(series) > 1
            return float(x)
        self.floats_taken = True
        return self.rounding(series)

    def side(self, x: Ball) -> int:
        """The sign of a number for small positive t: -1, 0 or 1.

        Raises:
            UndecidedError: if its ball leaves it open.
        """
        raw = x.raw
        if raw.__class__ is arb:
            return _sign(raw)
        for k in range(raw.prec):
            sign = _sign(raw[k])
            if sign:
                return sign
            self.tied = True
        if raw.prec <= self.order:
            raise InfiniteSlopeError("a series that ends before its sign")
        self.short = True
        return 0

    @property
    def pi(self) -> Ball:
        """The ratio of a circle's circumference to its diameter."""
        return Ball(arb.pi(), self)

    # --- Choices.

    def where(self, condition: Any, a: Any, b: Any) -> Ball:
        """`a` where the condition is not zero, else `b`."""
        try:
            return self._ball(a if self.side(self._ball(condition)) else b)
        except UndecidedError:
            if not self.both:
                raise
        return Ball(_united(self._ball(a).raw, self._ball(b).raw), self)

    def step(self, x: Any) -> Ball:
        """1 for positive x, else 0."""
        return self._by_side(x, lambda side: int(side > 0))

    def sign(self, x: Any) -> Ball:
        """-1, 0 or 1."""
        return self._by_side(x, lambda side: side)

    def _by_side(self, x: Any, number: Callable[[int], int]) -> Ball:
        try:
            return self.number(number(self.side(self._ball(x))))
        except UndecidedError:
            if not self.both:
                raise
        return Ball(arb(number(-1)).union(arb(number(1))), self)

    def unless_open(self, function: Callable[..., Raw], *raw: Raw) -> Ball:
        """The result of a function, unless a radius leaves it open."""
        try:
            return Ball(function(*raw), self)
        except UndecidedError:
            if not self.both:
                raise
        return Ball(arb("nan"), self)

    def equal(self, x: Any, y: Any) -> Ball:
        """1 where both are the same number, else 0."""
        gap = self._ball(x) - y
        if self.ties_within_radius and gap.still.contains(_ZERO) and self._is_tie(gap, self._ball(x)):
            return self.number(1)
        return self.number(int(self.side(gap) == 0))

    def abs(self, x: Any) -> Ball:
        """The absolute value."""
        number = self._ball(x)
        if not _moves(number.raw):
            return Ball(abs(number.raw), self)
        return -number if self.side(number) < 0 else number

    def max(self, xs: Sequence[Any]) -> Ball:
        """The largest."""
        return reduce(lambda a, b: self._chosen(b - a, b, a), map(self._ball, xs))

    def min(self, xs: Sequence[Any]) -> Ball:
        """The smallest."""
        return reduce(lambda a, b: self._chosen(a - b, b, a), map(self._ball, xs))

    def _chosen(self, gap: Ball, a: Ball, b: Ball) -> Ball:
        """`a` where the gap between the two is positive, else `b`; of equals in disguise, both."""
        try:
            return a if self.side(gap) > 0 else b
        except UndecidedError:
            if not self._is_tie(gap, a):
                raise
        self.tied = True
        return Ball(_united(a.raw, b.raw), self)

    def _is_tie(self, gap: Ball, a: Ball) -> bool:
        """Whether two numbers are the same, as far as half of the bits tell."""
        size = reduce(arb.max, (abs(c).upper() for c in _coefficients(a.raw)))
        most = size * arb(2) ** (-self.bits // 2)
        return all(abs(c).upper() <= most for c in _coefficients(gap.raw))

    # --- Sums and products.

    def fsum(self, xs: Sequence[Any]) -> Ball:
        """The sum."""
        return Ball(reduce(add, map(_raw, xs), _ZERO), self)

    def prod(self, xs: Sequence[Any]) -> Ball:
        """The product."""
        return Ball(reduce(mul, map(_raw, xs), _ONE), self)

    def sumprod(self, p: Sequence[Any], q: Sequence[Any]) -> Ball:
        """The sum of products."""
        return Ball(reduce(add, map(mul, map(_raw, p), map(_raw, q)), _ZERO), self)

    def products_of_others(self, xs: Sequence[Any]) -> list[Ball]:
        """For each number the product of the others."""
        return products_of_others([self._ball(x) for x in xs], mul, self.number(1))

    def hypot(self, *xs: Any) -> Ball:
        """The root of the sum of squares."""
        return self.sqrt(self.fsum([self._ball(x) * x for x in xs]))

    # --- Powers and logarithms.

    def pow(self, x: Any, p: Any) -> Ball:
        """X to the power p."""
        return self.unless_open(self._pow, self._ball(x), self._ball(p))

    def _pow(self, x: Ball, p: Ball) -> Raw:
        if not _moves(p.raw) and p.raw.is_integer() and p.raw.is_exact():
            return self._whole_power(x, _whole(p.raw)).raw
        at = x.still
        if at > 0:
            return (_log(x.raw) * p.raw).exp()
        if at.is_zero():
            return self._power_of_zero(x, p).raw
        if at < 0:
            if p.still.is_integer():
                raise InfiniteSlopeError("a power of a negative number is defined at integers only")
            raise ValueError("a negative number to a power that is not an integer is not a real number")
        raise UndecidedError("a power of a ball that contains 0")

    def _whole_power(self, x: Ball, n: int) -> Ball:
        if n < 0:
            return self.number(1) / self._whole_power(x, -n)
        if n > self.order and _moves(x.raw) and x.still.is_zero():
            return Ball(arb_series([], self.order + 1), self)
        return Ball(_power(x.raw, n), self)

    def _power_of_zero(self, x: Ball, p: Ball) -> Ball:
        """0 to a power that is not a fixed integer: 0 for a positive one."""
        if not _moves(x.raw):
            if p.still > 0:
                return self.number(0)
            raise InfiniteSlopeError("0 to the power 0, whose exponent moves")
        if _moves(p.raw) or not p.raw.is_exact():
            raise InfiniteSlopeError("0 to a power that moves, or is not known exactly")
        mantissa, exponent = p.raw.man_exp()
        power = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        if self.side(x) < 0:
            raise ValueError("a negative number to a power that is not an integer is not a real number")
        return Ball(self._fractional(x.raw, power), self)

    def _fractional(self, series: arb_series, p: Fraction) -> arb_series:
        """A power of a series that begins at 0, c t**k: it begins at t**(k p)."""
        self.tied = True  # as the root of x**2 has a kink
        k = _valuation(series)
        rest = _shifted(series, k)
        if rest[0] < 0 and p.denominator % 2 == 0:
            raise ValueError("an even root of a negative number is not a real number")
        exponent = k * p
        if exponent < 1:  # its slope is infinite: only its value is known
            return arb_series([_ZERO], 1)
        if (
            exponent.denominator > 1
        ):  # between two whole powers: derivatives below are 0, those above infinite
            length = min(self.order + 1, ceil(exponent))
            return arb_series([_ZERO] * length, length)
        power = (_log(rest) * (arb(p.numerator) / p.denominator)).exp()
        length = min(self.order + 1, int(exponent) + power.prec)
        zeros = [_ZERO] * int(exponent)
        return arb_series([*zeros, *(power[i] for i in range(length - len(zeros)))], length)

    def sqrt(self, x: Any) -> Ball:
        """The square root."""
        x = self._ball(x)
        _inside(x.raw, 0, None, "the square root")
        if _moves(x.raw) and x.still.is_zero():
            return Ball(self._fractional(x.raw, Fraction(1, 2)), self)
        return Ball(x.raw.sqrt(), self)

    def cbrt(self, x: Any) -> Ball:
        """The real cube root."""
        x = self._ball(x)
        side = self.side(x)
        if side < 0:
            return -self.cbrt(-x)
        if not _moves(x.raw):
            return Ball(x.raw.root(3) if side else x.raw, self)
        if x.still.is_zero():
            return Ball(self._fractional(x.raw, Fraction(1, 3)), self)
        return Ball((x.raw.log() / 3).exp(), self)

    def exp(self, x: Any) -> Ball:
        """E to the power x."""
        return Ball(_raw(x).exp(), self)

    def expm1(self, x: Any) -> Ball:
        """exp(x) - 1."""
        raw = _raw(x)
        return Ball(_with_value(raw.exp(), raw[0].expm1()) if _moves(raw) else raw.expm1(), self)

    def log(self, x: Any) -> Ball:
        """The natural logarithm."""
        return self.unless_open(_log, _raw(x))

    def log1p(self, x: Any) -> Ball:
        """log(1 + x)."""
        raw = _raw(x)
        _inside(raw, -1, None, "the logarithm")
        return Ball(_with_value(_log(1 + raw), raw[0].log1p()) if _moves(raw) else raw.log1p(), self)

    def log2(self, x: Any) -> Ball:
        """The logarithm to base 2."""
        return self.log(x) / self.log(2)

    def log10(self, x: Any) -> Ball:
        """The logarithm to base 10."""
        return self.log(x) / self.log(10)

    # --- Trigonometry.

    def sin(self, x: Any) -> Ball:
        """The sine."""
        return Ball(_raw(x).sin(), self)

    def cos(self, x: Any) -> Ball:
        """The cosine."""
        return Ball(_raw(x).cos(), self)

    def tan(self, x: Any) -> Ball:
        """The tangent."""
        return self.sin(x) / self.cos(x)

    def asin(self, x: Any) -> Ball:
        """The inverse sine."""
        return self._inverse(_raw(x), "asin", lambda x: _root((1 - x) * (1 + x)))

    def acos(self, x: Any) -> Ball:
        """The inverse cosine."""
        return self._inverse(_raw(x), "acos", lambda x: -_root((1 - x) * (1 + x)))

    def _inverse(self, raw: Raw, name: str, below: Callable[[Raw], Raw]) -> Ball:
        """An inverse function of a number from -1 to 1, whose derivative is 1 / below."""
        _inside(raw, -1, 1, name)
        value = getattr(_still(raw), name)()
        return Ball(_integrated(_quotient(_ONE, below(raw)), raw, value) if _moves(raw) else value, self)

    def atan(self, x: Any) -> Ball:
        """The inverse tangent."""
        return Ball(_raw(x).atan(), self)

    def atan2(self, y: Any, x: Any) -> Ball:
        """The angle of the point (x, y)."""
        y, x = _raw(y), _raw(x)
        value = arb.atan2(_still(y), _still(x))
        if not (_moves(y) or _moves(x)):
            return Ball(value, self)
        if _still(y).contains(_ZERO) and not _still(x) > 0:
            if _still(y).is_zero() and _still(x).is_zero():
                raise InfiniteSlopeError("the angle of the origin")
            if not _still(y).is_zero():
                raise UndecidedError("an angle at the cut")
            if self.side(Ball(y, self)) < 0:
                raise InfiniteSlopeError("an angle that jumps at the cut")
        y, x = (raw if _moves(raw) else arb_series([raw], self.order + 1) for raw in (y, x))
        slope = _quotient(x * y.derivative() - y * x.derivative(), x * x + y * y)
        return Ball(_with_value(slope.integral(), value), self)

    # --- Hyperbolic functions.

    def sinh(self, x: Any) -> Ball:
        """The hyperbolic sine."""
        raw = _raw(x)
        if not _moves(raw):
            return Ball(raw.sinh(), self)
        e = raw.exp()
        return Ball(_with_value((e - 1 / e) / 2, raw[0].sinh()), self)

    def cosh(self, x: Any) -> Ball:
        """The hyperbolic cosine."""
        raw = _raw(x)
        if not _moves(raw):
            return Ball(raw.cosh(), self)
        return Ball(_integrated(self.sinh(x).raw, raw, raw[0].cosh()), self)

    def tanh(self, x: Any) -> Ball:
        """The hyperbolic tangent."""
        raw = _raw(x)
        if not _moves(raw):
            return Ball(raw.tanh(), self)
        return Ball(_integrated(self.sech2(x).raw, raw, raw[0].tanh()), self)

    def sech2(self, x: Any) -> Ball:
        """The square of the hyperbolic secant."""
        raw = _raw(x)
        u = (-2 * raw if _still(raw) > 0 else 2 * raw).exp()
        return Ball(4 * u / ((1 + u) * (1 + u)), self)

    def asinh(self, x: Any) -> Ball:
        """The inverse hyperbolic sine."""
        raw = _raw(x)
        value = _still(raw).asinh()
        return Ball(_integrated(1 / (1 + raw * raw).sqrt(), raw, value) if _moves(raw) else value, self)

    def acosh(self, x: Any) -> Ball:
        """The inverse hyperbolic cosine."""
        raw = _raw(x)
        _inside(raw, 1, None, "acosh")
        value = _still(raw).acosh()
        if not _moves(raw):
            return Ball(value, self)
        return Ball(_integrated(_quotient(_ONE, _root((raw - 1) * (raw + 1))), raw, value), self)

    def atanh(self, x: Any) -> Ball:
        """The inverse hyperbolic tangent."""
        return self._inverse(_raw(x), "atanh", lambda x: (1 - x) * (1 + x))

    # --- The normal distribution.

    def erf(self, x: Any) -> Ball:
        """The error function."""
        return Ball(_raw(x).erf(), self)

    def erfc(self, x: Any) -> Ball:
        """The complementary error function."""
        raw = _raw(x)
        value = _decreasing(arb.erfc, _still(raw))
        if not _moves(raw):
            return Ball(value, self)
        return Ball(_integrated(-2 / arb.pi().sqrt() * (-raw * raw).exp(), raw, value), self)

    def gaussian(self, x: Any) -> Ball:
        """exp(-x**2 / 2)."""
        raw = _raw(x)
        return Ball((-raw * raw / 2).exp(), self)

    def normal_cdf(self, x: Any) -> Ball:
        """The standard normal distribution function."""
        return self.erfc(-self._ball(x) / arb(2).sqrt()) / 2

    # --- Activations and shares.

    def sigmoid(self, x: Any) -> Ball:
        """1 / (1 + exp(-x))."""
        raw = _raw(x)
        if _still(raw) < 0:  # an exponential that does not overflow
            e = raw.exp()
            return Ball(e / (1 + e), self)
        return Ball(1 / (1 + (-raw).exp()), self)

    def softplus(self, x: Any) -> Ball:
        """log(1 + exp(x))."""
        x = self._ball(x)
        return self.log1p(self.exp(-x)) + x if x.still > 0 else self.log1p(self.exp(x))

    def gelu(self, x: Any) -> Ball:
        """X * normal_cdf(x)."""
        return self.normal_cdf(x) * self._ball(x)

    def silu(self, x: Any) -> Ball:
        """X * sigmoid(x)."""
        return self.sigmoid(x) * self._ball(x)

    def logsumexp(self, xs: Sequence[Any]) -> Ball:
        """The logarithm of the sum of exponentials."""
        if len(xs) == 1:
            return self._ball(xs[0])
        largest = _largest(xs)
        return self.log(self._total(xs, largest)) + largest

    def log_softmax(self, xs: Sequence[Any]) -> list[Ball]:
        """The logarithm of each number's share."""
        if len(xs) == 1:
            return [self.number(0)]
        total = self.logsumexp(xs)
        return [self._ball(x) - total for x in xs]

    def softmax(self, xs: Sequence[Any]) -> list[Ball]:
        """Each number's share."""
        if len(xs) == 1:
            return [self.number(1)]
        largest = _largest(xs)
        total = self._total(xs, largest)
        return [self.exp(self._ball(x) - largest) / total for x in xs]

    def _total(self, xs: Sequence[Any], shift: arb) -> Ball:
        return self.fsum([self.exp(self._ball(x) - shift) for x in xs])

    def _ball(self, x: Any) -> Ball:
        return x if isinstance(x, Ball) else Ball(arb(x), self)


def _decreasing(f: Callable[[arb], arb], x: arb) -> arb:
    """A decreasing function of a ball, from its ends: in a tail no bound by a slope is as narrow."""
    if x.is_exact():
        return f(x)
    return f(x.lower()).union(f(x.upper()))


def _sign(x: arb) -> int:
    if x > 0:
        return 1
    if x < 0:
        return -1
    if x.is_zero():
        return 0
    raise UndecidedError("the sign of a ball that contains 0")


def _log(raw: Raw) -> Raw:
    x = _still(raw)
    if x <= 0:
        raise ValueError(f"the logarithm of {x.str(10)} is not a real number")
    if not x > 0:
        raise UndecidedError("the logarithm of a ball that contains 0")
    return raw.log()


def _root(raw: Raw) -> Raw:
    """The root of what is below a fraction: 0 there is an infinite slope."""
    if _still(raw).is_zero():
        raise InfiniteSlopeError("a division by 0")
    if not _still(raw) > 0:
        raise UndecidedError("the root of a ball that contains 0")
    return raw.sqrt()


def _largest(xs: Sequence[Any]) -> arb:
    """About the largest, as an exact number: any shift near it is right."""
    return max((_still(_raw(x)).mid() for x in xs), key=float)

"""An independent truth for every operation: textbook definitions and derivatives, by mpmath.

Nothing here knows the engine. Each row says what an operation is, what its derivatives are, where it is
sampled, and what it is judged against: its own size, or where terms cancel, the size of the largest term.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mpmath import MPContext

mp: Any = MPContext()
mp.dps = 60

Point: TypeAlias = tuple[float, ...]
Sampler: TypeAlias = Callable[[random.Random], Point]

LARGEST = math.ldexp(1.0 - 2.0**-53, 1024)
SMALLEST = math.ulp(0.0)
NORMAL = math.ldexp(1.0, -1022)


# --- Points: every size a float can have, and the neighbourhoods where digits are lost.


def number(rng: random.Random, low: float = -LARGEST, high: float = LARGEST) -> float:
    """A float between two others: of any magnitude, ordinary, an integer, or close to either end."""
    x: float
    while True:
        match rng.randrange(8):
            case 0 | 1 | 2:
                x = rng.choice((-1.0, 1.0)) * rng.uniform(1.0, 2.0) * 2.0 ** rng.uniform(-1074, 1023)
            case 3 | 4:
                x = rng.choice((-1.0, 1.0)) * 2.0 ** rng.uniform(-10, 10)
            case 5:
                x = float(rng.randint(-40, 40))
            case 6:
                x = SMALLEST * rng.randint(-(2**52), 2**52)
            case _:
                end = rng.choice([e for e in (low, high, 0.0, 1.0, -1.0) if math.isfinite(e)])
                x = end + rng.choice((-1.0, 1.0)) * max(1.0, abs(end)) * 2.0 ** rng.uniform(-53, 2)
        if low <= x <= high:
            return x


def one(low: float = -LARGEST, high: float = LARGEST) -> Sampler:
    return lambda rng: (number(rng, low, high),)


def two(first: Sampler, second: Sampler) -> Sampler:
    return lambda rng: first(rng) + second(rng)


def many(low: float = -LARGEST, high: float = LARGEST, pairs: bool = False) -> Sampler:
    """One to six numbers, or pairs of them; some equal, nearly equal or opposite to another."""

    def sample(rng: random.Random) -> Point:
        x = [number(rng, low, high) for _ in range(rng.randint(1, 6) * (2 if pairs else 1))]
        for i in range(1, len(x)):
            if rng.random() < 0.3:
                near = rng.choice(x[:i]) * rng.choice((1.0, -1.0)) * (1.0 + 2.0 ** rng.uniform(-60, -1))
                x[i] = near if low <= near <= high else x[i]
        return tuple(x)

    return sample


def _power(rng: random.Random) -> Point:
    """A base and an exponent, most of them with a finite power; negative bases take integers."""
    x = number(rng, SMALLEST)
    p = number(rng)
    if rng.random() < 0.7 and x != 1.0:
        p = rng.uniform(-745.0, 709.0) / math.log(x)
    if rng.random() < 0.3:
        return rng.choice((-x, x)), float(rng.randint(-6, 6))
    return x, p


def _factors(rng: random.Random) -> Point:
    """One to five factors, no products of which leave the range of floats."""
    return tuple(
        rng.choice((-1.0, 0.0, 1.0, 1.0, 1.0)) * 2.0 ** rng.uniform(-reach, reach)
        for reach in rng.choices((3, 200), k=rng.randint(1, 5))
    )


REAL = one()
POSITIVE = one(SMALLEST)


# --- The table.


@dataclass(frozen=True)
class Truth:
    """What is known of an operation without the engine.

    Attributes:
        value: its textbook definition over mpmath.
        partials: the derivative by each operand; None where a convention decides (the special points).
        points: how its operands are drawn.
        term: the largest term of the value, where terms cancel and it is judged relative to that.
        terms: the same of each partial.
        why: the reason for `term`, `terms` or `underflow`.
        underflow: how often the rounding of an intermediate result counts that underflows before the
            result does: the derivative of the result by it.
        smooth: whether it has a second derivative at every point drawn.
    """

    value: Callable[..., Any]
    partials: Callable[..., Sequence[Any]]
    points: Sampler
    term: Callable[..., Any] | None = None
    terms: Callable[..., Sequence[Any]] | None = None
    why: str = ""
    underflow: Callable[..., Any] = lambda *x: 0
    smooth: bool = True


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _erfc(x: Any) -> Any:
    """mpmath's, which does not take arguments as large as floats can be."""
    return mp.erfc(x) if abs(x) < 1000 else mp.mpf(2 * (x < 0))


def _phi(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _cdf(x: Any) -> Any:
    return _erfc(-x / mp.sqrt(2)) / 2


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _halves(x: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    return x[: len(x) // 2], x[len(x) // 2 :]


def _exact_sum(terms: Sequence[Any]) -> Any:
    with mp.workdps(1400):  # the products of floats reach from 1e-648 to 1e617
        return mp.fsum(terms)


def _products(x: Sequence[Any]) -> list[Any]:
    return [p * q for p, q in zip(*_halves(x), strict=True)]


def _logsumexp_terms(*x: Any) -> tuple[Any, Any]:
    first, *rest = sorted(x, reverse=True)
    return first, mp.log1p(mp.fsum(mp.exp(x_i - first) for x_i in rest))


def _shares(*x: Any) -> list[Any]:
    return [1 / mp.fsum(mp.exp(x_j - x_i) for x_j in x) for x_i in x]


def _log_share(x: Any, *others: Any) -> Any:
    return -mp.log1p(mp.fsum(mp.exp(y - x) for y in others))


def _softmax_partials(*x: Any) -> list[Any]:
    mine, *others = _shares(*x)
    return [mine * mp.fsum(others), *[-mine * share for share in others]]


def _log_softmax_partials(*x: Any) -> list[Any]:
    _, *others = _shares(*x)
    return [mp.fsum(others), *[-share for share in others]]


def _ties(extreme: Any, x: Sequence[Any]) -> list[Any]:
    return [mp.mpf(x_i == extreme) / list(x).count(extreme) for x_i in x]


def _others(*x: Any) -> list[Any]:
    return [mp.fprod(x[:i] + x[i + 1 :]) for i in range(len(x))]


TRUTH: dict[str, Truth] = {
    # Arithmetic
    "add": Truth(lambda x, y: x + y, lambda x, y: (1, 1), two(REAL, REAL)),
    "sub": Truth(lambda x, y: x - y, lambda x, y: (1, -1), two(REAL, REAL)),
    "mul": Truth(lambda x, y: x * y, lambda x, y: (y, x), two(REAL, REAL)),
    "div": Truth(
        lambda x, y: x / y,
        lambda x, y: (1 / y, -x / y**2),
        lambda rng: (number(rng), rng.choice((-1.0, 1.0)) * number(rng, SMALLEST)),
    ),
    "neg": Truth(lambda x: -x, lambda x: (-1,), REAL),
    "pow": Truth(
        lambda x, p: x**p,
        lambda x, p: (p * x ** (p - 1), x**p * mp.log(x) if x > 0 else None),
        _power,
    ),
    # Powers and logarithms
    "exp": Truth(mp.exp, lambda x: (mp.exp(x),), one(-760.0, 709.78)),
    "expm1": Truth(mp.expm1, lambda x: (mp.exp(x),), one(-LARGEST, 709.78)),
    "log": Truth(mp.log, lambda x: (1 / x,), POSITIVE),
    "log1p": Truth(mp.log1p, lambda x: (1 / (1 + x),), one(-1.0 + 2.0**-53)),
    "log2": Truth(lambda x: mp.log(x) / mp.log(2), lambda x: (1 / (x * mp.log(2)),), POSITIVE),
    "log10": Truth(lambda x: mp.log(x) / mp.log(10), lambda x: (1 / (x * mp.log(10)),), POSITIVE),
    "sqrt": Truth(mp.sqrt, lambda x: (1 / (2 * mp.sqrt(x)),), POSITIVE),
    "cbrt": Truth(
        _cbrt,
        lambda x: (1 / (3 * _cbrt(x) ** 2),),
        lambda rng: (rng.choice((-1.0, 1.0)) * number(rng, SMALLEST),),
    ),
    # Trigonometry
    "sin": Truth(mp.sin, lambda x: (mp.cos(x),), REAL),
    "cos": Truth(mp.cos, lambda x: (-mp.sin(x),), REAL),
    "tan": Truth(mp.tan, lambda x: (1 / mp.cos(x) ** 2,), REAL),
    "asin": Truth(mp.asin, lambda x: (1 / mp.sqrt(1 - x * x),), one(-1.0 + 2.0**-53, 1.0 - 2.0**-53)),
    "acos": Truth(mp.acos, lambda x: (-1 / mp.sqrt(1 - x * x),), one(-1.0 + 2.0**-53, 1.0 - 2.0**-53)),
    "atan": Truth(mp.atan, lambda x: (1 / (1 + x * x),), REAL),
    "atan2": Truth(
        mp.atan2,
        lambda y, x: (x / (x * x + y * y), -y / (x * x + y * y)),
        lambda rng: (number(rng), rng.choice((-1.0, 1.0)) * number(rng, SMALLEST)),
    ),
    # Hyperbolic functions
    "sinh": Truth(mp.sinh, lambda x: (mp.cosh(x),), one(-710.47, 710.47)),
    "cosh": Truth(mp.cosh, lambda x: (mp.sinh(x),), one(-710.47, 710.47)),
    "tanh": Truth(mp.tanh, lambda x: (mp.sech(x) ** 2,), REAL),
    "sech2": Truth(lambda x: mp.sech(x) ** 2, lambda x: (-2 * mp.tanh(x) * mp.sech(x) ** 2,), REAL),
    "asinh": Truth(mp.asinh, lambda x: (1 / mp.sqrt(x * x + 1),), REAL),
    "acosh": Truth(mp.acosh, lambda x: (1 / mp.sqrt(x * x - 1),), one(1.0 + 2.0**-52)),
    "atanh": Truth(mp.atanh, lambda x: (1 / (1 - x * x),), one(-1.0 + 2.0**-53, 1.0 - 2.0**-53)),
    # The normal distribution
    "erf": Truth(mp.erf, lambda x: (2 / mp.sqrt(mp.pi) * mp.exp(-x * x),), REAL),
    "erfc": Truth(_erfc, lambda x: (-2 / mp.sqrt(mp.pi) * mp.exp(-x * x),), REAL),
    "gaussian": Truth(
        lambda x: mp.exp(-x * x / 2),
        lambda x: (-x * mp.exp(-x * x / 2),),
        REAL,
    ),
    "normal_cdf": Truth(_cdf, lambda x: (_phi(x),), REAL),
    # Choices
    "abs": Truth(abs, lambda x: (mp.sign(x),), REAL, smooth=False),
    "sign": Truth(mp.sign, lambda x: (0,), REAL, smooth=False),
    "step": Truth(lambda x: mp.mpf(x > 0), lambda x: (0,), REAL, smooth=False),
    "equal": Truth(
        lambda x, y: mp.mpf(x == y),
        lambda x, y: (0, 0),
        lambda rng: rng.choice(((number(rng), number(rng)), (number(rng),) * 2)),
        smooth=False,
    ),
    "where": Truth(
        lambda condition, a, b: a if condition else b,
        lambda condition, a, b: (0, 1, 0) if condition else (0, 0, 1),
        lambda rng: (rng.choice((0.0, 1.0, number(rng))), number(rng), number(rng)),
        smooth=False,
    ),
    "max": Truth(lambda *x: max(x), lambda *x: _ties(max(x), x), many(), smooth=False),
    "min": Truth(lambda *x: min(x), lambda *x: _ties(min(x), x), many(), smooth=False),
    # Sums and products of many
    "fsum": Truth(lambda *x: _exact_sum(x), lambda *x: (1,) * len(x), many(-1e300, 1e300)),
    "sumprod": Truth(
        lambda *x: _exact_sum(_products(x)),
        lambda *x: x[len(x) // 2 :] + x[: len(x) // 2],
        many(-1e150, 1e150, pairs=True),
        term=lambda *x: mp.fsum(_products(x), absolute=True),
        underflow=lambda *x: len(x),
        why="Python 3.11 has no math.sumprod: there each product is rounded once",
    ),
    "prod": Truth(lambda *x: mp.fprod(x), _others, _factors),
    "hypot": Truth(
        lambda *x: mp.sqrt(mp.fsum(x, squared=True)),
        lambda *x: [x_i / mp.sqrt(mp.fsum(x, squared=True)) for x_i in x],
        lambda rng: (number(rng, SMALLEST), *many()(rng)),
    ),
    # Activations
    "sigmoid": Truth(_sigmoid, lambda x: (_sigmoid(x) * _sigmoid(-x),), REAL),
    "log_sigmoid": Truth(lambda x: -mp.log1p(mp.exp(-x)), lambda x: (_sigmoid(-x),), REAL),
    "softplus": Truth(lambda x: mp.log1p(mp.exp(x)), lambda x: (_sigmoid(x),), REAL),
    "relu": Truth(lambda x: max(x, mp.zero), lambda x: (x > 0,), REAL, smooth=False),
    "leaky_relu": Truth(
        lambda x, slope: x if x > 0 else slope * x,
        lambda x, slope: (1, 0) if x > 0 else (slope, x),
        two(REAL, one(-10.0, 10.0)),
        smooth=False,
    ),
    "elu": Truth(
        lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
        lambda x, alpha: (1, 0) if x > 0 else (alpha * mp.exp(x), mp.expm1(x)),
        two(REAL, one(-10.0, 10.0)),
        smooth=False,
    ),
    "gelu": Truth(
        lambda x: x * _cdf(x),
        lambda x: (_cdf(x) + x * _phi(x),),
        REAL,
        terms=lambda x: (max(_cdf(x), abs(x * _phi(x))),),
        why="the two terms of the derivative cancel at its zero, -0.75",
    ),
    "silu": Truth(
        lambda x: x * _sigmoid(x),
        lambda x: (_sigmoid(x) + x * _sigmoid(x) * _sigmoid(-x),),
        REAL,
        terms=lambda x: (max(_sigmoid(x), abs(x * _sigmoid(x) * _sigmoid(-x))),),
        why="the two terms of the derivative cancel at its zero, -1.28",
    ),
    # Shares
    "logsumexp": Truth(
        lambda *x: mp.fsum(_logsumexp_terms(*x)),
        _shares,
        many(),
        term=lambda *x: max(map(abs, _logsumexp_terms(*x))),
        why="the largest operand and the logarithm of the rest cancel where the sum of exponentials is 1",
    ),
    "softmax": Truth(lambda *x: _shares(*x)[0], _softmax_partials, many()),
    "log_softmax": Truth(_log_share, _log_softmax_partials, many()),
}


# --- Comparison.


def exact(x: Sequence[float]) -> list[Any]:
    return [mp.mpf(x_i) for x_i in x]


def ulps(got: float, true: Any, term: Any = None, underflow: Any = 0) -> float:
    """How many units in the last place of the truth, or of its largest term, a float is off.

    What is beyond the largest float counts as the largest float. NaN is never right.
    """
    if got != got:
        return math.inf
    got, true = (max(min(x, mp.mpf(LARGEST)), -mp.mpf(LARGEST)) for x in exact((got, true)))
    size = min(abs(true if term is None else term), mp.mpf(LARGEST))
    return float(abs(got - true) / max(math.ulp(float(size)), underflow * SMALLEST))


@dataclass(frozen=True)
class Errors:
    """How far an operation is from the truth at a point, in ULP: its value, and its worst partial."""

    value: float
    partial: float


def errors(truth: Truth, x: Point, out: float, partials: Sequence[float]) -> Errors:
    """Compare an output and its partials with the truth."""
    operands = exact(x)
    underflow = truth.underflow(*operands)
    term = truth.term(*operands) if truth.term else None
    true_partials = truth.partials(*operands)
    terms = truth.terms(*operands) if truth.terms else [None] * len(x)
    return Errors(
        ulps(out, truth.value(*operands), term, underflow),
        max(
            (
                ulps(got, true, size, underflow)
                for got, true, size in zip(partials, true_partials, terms, strict=True)
                if true is not None
            ),
            default=0.0,
        ),
    )


def points(name: str, count: int, seed: int = 0) -> Iterator[Point]:
    """The same points of an operation run after run."""
    rng = random.Random(f"{name} {seed}")
    for _ in range(count):
        yield truth_of(name).points(rng)


def truth_of(name: str) -> Truth:
    """The truth of an operation."""
    assert name in TRUTH, (
        f"{name} has no independent truth. Add a row to TRUTH in tests/tools/truth.py, at its place in the "
        f'table of operations: "{name}": Truth(its textbook value over mpmath, its textbook partials, '
        "its operands, such as REAL, two(REAL, REAL) or many()). Where terms cancel in a partial, give the "
        "size of the largest as `terms`, and say why."
    )
    return TRUTH[name]

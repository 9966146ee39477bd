"""The table of operations: one row each, and everything else in this project follows from it.

A row says what an operation computes and what its partial derivatives are, once, over a number system `m`
(`engine.numbers`, `engine.functions`) that both rules are handed:

    forward(m, *x)         the value of the operation at the operands x
    partials(m, out, *x)   the derivative of the output by each operand, given the output too

With floats for `m` a row records; with `Value`s it gives derivatives of derivatives; with mpmath numbers
the ground truth; with NumPy arrays many examples at once. To add an operation, add its row.

Rules keep their digits: a subtraction of nearly equal numbers is written so that nothing cancels, and a
rule for `partials` uses smooth functions wherever the derivative is smooth, so that it can be
differentiated again. At a kink or a tie the rule follows a convention, see `partials` of relu, abs, max.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Op:
    """An operation.

    Args:
        name: what it is called, in the table, in messages and on `Value.op`.
        symbol: what diagrams show.
        arity: how many operands it takes; None for any number.
        text: the mathematics in words.
        forward: the value, over a number system.
        partials: the derivative by each operand, over a number system; may be infinite.
        domain: the operands it is defined for, in words.

    Example:
        >>> import engine.numbers.floats as m
        >>> OPS["sigmoid"].forward(m, 0.0)
        0.5
        >>> OPS["mul"].partials(m, 6.0, 2.0, 3.0)
        (3.0, 2.0)
    """

    name: str
    symbol: str
    arity: int | None
    text: str
    forward: Callable[..., Any]
    partials: Callable[..., Sequence[Any]]
    domain: str = "any number"


def _power_partials(m: Any, out: Any, x: Any, p: Any) -> Sequence[Any]:
    positive = m.step(x)
    rounded = m.step((0.5 - p) * (2.0**53 - p))  # p - 1 is exact between; pow magnifies its rounding
    power = p * m.pow(x, p - 1.0)
    quotient = m.where(x, p * out / m.where(x, x, 1.0), power)
    by_base = m.where(p, m.where(rounded, quotient, power), 0.0)
    by_exponent = m.where(
        positive,
        out * m.log(m.where(positive, x, 1.0)),
        m.where(x, math.nan, 0.0),  # a negative base is defined at integer exponents only
    )
    return by_base, by_exponent


def _atan2_partials(m: Any, out: Any, y: Any, x: Any) -> Sequence[Any]:
    r = m.hypot(0.5 * y, 0.5 * x)  # half the distance, which cannot overflow
    return 0.25 * (x / r) / r, -0.25 * (y / r) / r


def _hypot_partials(m: Any, out: Any, *x: Any) -> Sequence[Any]:
    r = m.where(out, out, 1.0)
    return [m.where(out, x_i / r, 0.0) for x_i in x]  # at the origin, a kink, every derivative is 0


def _tie_shares(m: Any, out: Any, *x: Any) -> Sequence[Any]:
    """Operands that tie for the extreme share its derivative equally."""
    ties = [m.equal(x_i, out) for x_i in x]
    count = m.fsum(ties)
    return [tie / count for tie in ties]


def _sumprod(m: Any, *x: Any) -> Any:
    n = len(x) // 2
    return m.sumprod(x[:n], x[n:])


def _sumprod_partials(m: Any, out: Any, *x: Any) -> Sequence[Any]:
    n = len(x) // 2
    return x[n:] + x[:n]


def _elu(m: Any, x: Any, alpha: Any) -> Any:
    return m.where(m.step(x), x, alpha * m.expm1(_not_positive(m, x)))


def _elu_partials(m: Any, out: Any, x: Any, alpha: Any) -> Sequence[Any]:
    below = _not_positive(m, x)
    positive = m.step(x)
    return m.where(positive, 1.0, alpha * m.exp(below)), m.where(positive, 0.0, m.expm1(below))


def _not_positive(m: Any, x: Any) -> Any:
    """X where it is not positive, else 0: the branch not taken must not overflow."""
    return m.where(m.step(x), 0.0, x)


def _gelu_partials(m: Any, out: Any, x: Any) -> Sequence[Any]:
    density = m.gaussian(x) / m.sqrt(2.0 * m.pi)
    return (m.normal_cdf(x) + m.where(density, x * density, 0.0),)  # at infinity too


def _silu_partials(m: Any, out: Any, x: Any) -> Sequence[Any]:
    rest = m.sigmoid(-x)
    return (m.sigmoid(x) + m.where(rest, out * rest, 0.0),)  # at infinity too


def _log_softmax_partials(m: Any, out: Any, *x: Any) -> Sequence[Any]:
    _, *others = m.softmax(x)
    return m.fsum(others), *[-share for share in others]


def _softmax_partials(m: Any, out: Any, *x: Any) -> Sequence[Any]:
    _, *others = m.softmax(x)
    return out * m.fsum(others), *[-(out * share) for share in others]


def _table(*rows: Op) -> dict[str, Op]:
    return {row.name: row for row in rows}


# fmt: off
OPS = _table(
    # Arithmetic
    Op("add", "+", 2, "x + y",
       lambda m, x, y: x + y,
       lambda m, out, x, y: (1.0, 1.0)),
    Op("sub", "−", 2, "x - y",
       lambda m, x, y: x - y,
       lambda m, out, x, y: (1.0, -1.0)),
    Op("mul", "×", 2, "x * y",
       lambda m, x, y: x * y,
       lambda m, out, x, y: (y, x)),
    Op("div", "÷", 2, "x / y",
       lambda m, x, y: x / y,
       lambda m, out, x, y: (1.0 / y, -out / y),
       "y != 0"),
    Op("neg", "−", 1, "-x",
       lambda m, x: -x,
       lambda m, out, x: (-1.0,)),
    Op("pow", "^", 2, "x to the power p",
       lambda m, x, p: m.pow(x, p),
       _power_partials,
       "x > 0, or x = 0 and p >= 0, or x < 0 and an integer p"),
    # Powers and logarithms
    Op("exp", "exp", 1, "e to the power x",
       lambda m, x: m.exp(x),
       lambda m, out, x: (out,),
       "x < 709.79, beyond which the result overflows"),
    Op("expm1", "expm1", 1, "e to the power x, minus 1, exact near 0",
       lambda m, x: m.expm1(x),
       lambda m, out, x: (m.exp(x),),
       "x < 709.79, beyond which the result overflows"),
    Op("log", "log", 1, "the natural logarithm",
       lambda m, x: m.log(x),
       lambda m, out, x: (1.0 / x,),
       "x > 0"),
    Op("log1p", "log1p", 1, "the natural logarithm of 1 + x, exact near 0",
       lambda m, x: m.log1p(x),
       lambda m, out, x: (1.0 / (1.0 + x),),
       "x > -1"),
    Op("log2", "log₂", 1, "the logarithm to base 2",
       lambda m, x: m.log2(x),
       lambda m, out, x: (1.0 / m.log(2.0) / x,),
       "x > 0"),
    Op("log10", "log₁₀", 1, "the logarithm to base 10",
       lambda m, x: m.log10(x),
       lambda m, out, x: (1.0 / m.log(10.0) / x,),
       "x > 0"),
    Op("sqrt", "√", 1, "the square root",
       lambda m, x: m.sqrt(x),
       lambda m, out, x: (0.5 / out,),
       "x >= 0"),
    Op("cbrt", "∛", 1, "the real cube root",
       lambda m, x: m.cbrt(x),
       lambda m, out, x: (1.0 / (3.0 * out * out),)),
    # Trigonometry
    Op("sin", "sin", 1, "the sine of x radians",
       lambda m, x: m.sin(x),
       lambda m, out, x: (m.cos(x),),
       "a finite x"),
    Op("cos", "cos", 1, "the cosine of x radians",
       lambda m, x: m.cos(x),
       lambda m, out, x: (-m.sin(x),),
       "a finite x"),
    Op("tan", "tan", 1, "the tangent of x radians",
       lambda m, x: m.tan(x),
       lambda m, out, x: (1.0 + out * out,),
       "a finite x"),
    Op("asin", "asin", 1, "the inverse sine, in radians",
       lambda m, x: m.asin(x),
       lambda m, out, x: (1.0 / m.sqrt((1.0 - x) * (1.0 + x)),),
       "-1 <= x <= 1"),
    Op("acos", "acos", 1, "the inverse cosine, in radians",
       lambda m, x: m.acos(x),
       lambda m, out, x: (-1.0 / m.sqrt((1.0 - x) * (1.0 + x)),),
       "-1 <= x <= 1"),
    Op("atan", "atan", 1, "the inverse tangent, in radians",
       lambda m, x: m.atan(x),
       lambda m, out, x: (1.0 / m.hypot(1.0, x) / m.hypot(1.0, x),)),
    Op("atan2", "atan2", 2, "the angle of the point (x, y), in radians",
       lambda m, y, x: m.atan2(y, x),
       _atan2_partials),
    # Hyperbolic functions
    Op("sinh", "sinh", 1, "the hyperbolic sine",
       lambda m, x: m.sinh(x),
       lambda m, out, x: (m.cosh(x),),
       "|x| < 710.47, beyond which the result overflows"),
    Op("cosh", "cosh", 1, "the hyperbolic cosine",
       lambda m, x: m.cosh(x),
       lambda m, out, x: (m.sinh(x),),
       "|x| < 710.47, beyond which the result overflows"),
    Op("tanh", "tanh", 1, "the hyperbolic tangent",
       lambda m, x: m.tanh(x),
       lambda m, out, x: (m.sech2(x),)),
    Op("sech2", "sech²", 1, "1 - tanh(x)**2, exact in the tails",
       lambda m, x: m.sech2(x),
       lambda m, out, x: (-2.0 * m.tanh(x) * out,)),
    Op("asinh", "asinh", 1, "the inverse hyperbolic sine",
       lambda m, x: m.asinh(x),
       lambda m, out, x: (1.0 / m.hypot(1.0, x),)),
    Op("acosh", "acosh", 1, "the inverse hyperbolic cosine",
       lambda m, x: m.acosh(x),
       lambda m, out, x: (1.0 / (m.sqrt(x - 1.0) * m.sqrt(x + 1.0)),),
       "x >= 1"),
    Op("atanh", "atanh", 1, "the inverse hyperbolic tangent",
       lambda m, x: m.atanh(x),
       lambda m, out, x: (1.0 / ((1.0 - x) * (1.0 + x)),),
       "-1 < x < 1"),
    # The normal distribution
    Op("erf", "erf", 1, "the error function",
       lambda m, x: m.erf(x),
       lambda m, out, x: (2.0 / m.sqrt(m.pi) * m.gaussian(x) * m.gaussian(x),)),
    Op("erfc", "erfc", 1, "1 - erf(x), exact in the tail",
       lambda m, x: m.erfc(x),
       lambda m, out, x: (-2.0 / m.sqrt(m.pi) * m.gaussian(x) * m.gaussian(x),)),
    Op("gaussian", "e^(−x²/2)", 1, "exp(-x**2 / 2)",
       lambda m, x: m.gaussian(x),
       lambda m, out, x: (m.where(out, -x * out, 0.0),)),  # at infinity too
    Op("normal_cdf", "Φ", 1, "the standard normal distribution function",
       lambda m, x: m.normal_cdf(x),
       lambda m, out, x: (m.gaussian(x) / m.sqrt(2.0 * m.pi),)),
    # Choices; conventions: abs'(0) = 0, ties of max and min share equally
    Op("abs", "|x|", 1, "the absolute value",
       lambda m, x: m.abs(x),
       lambda m, out, x: (m.sign(x),)),
    Op("sign", "sign", 1, "-1, 0 or 1",
       lambda m, x: m.sign(x),
       lambda m, out, x: (0.0,)),
    Op("step", "step", 1, "1 for positive x, else 0",
       lambda m, x: m.step(x),
       lambda m, out, x: (0.0,)),
    Op("equal", "=", 2, "1 where x and y are the same number, else 0",
       lambda m, x, y: m.equal(x, y),
       lambda m, out, x, y: (0.0, 0.0)),
    Op("where", "where", 3, "a where the condition is not zero, else b",
       lambda m, condition, a, b: m.where(condition, a, b),
       lambda m, out, condition, a, b: (0.0, m.where(condition, 1.0, 0.0), m.where(condition, 0.0, 1.0))),
    Op("max", "max", None, "the largest",
       lambda m, *x: m.max(x),
       _tie_shares),
    Op("min", "min", None, "the smallest",
       lambda m, *x: m.min(x),
       _tie_shares),
    # Sums and products of many
    Op("fsum", "Σ", None, "the sum",
       lambda m, *x: m.fsum(x),
       lambda m, out, *x: (1.0,) * len(x)),
    Op("sumprod", "Σ×", None, "the sum of the products of two equally long halves",
       _sumprod,
       _sumprod_partials),
    Op("prod", "Π", None, "the product",
       lambda m, *x: m.prod(x),
       lambda m, out, *x: m.products_of_others(x)),
    Op("hypot", "hypot", None, "the root of the sum of squares",
       lambda m, *x: m.hypot(*x),
       _hypot_partials),
    # Activations; conventions: relu'(0) = 0, leaky_relu'(0) = slope, elu'(0) = alpha
    Op("sigmoid", "σ", 1, "1 / (1 + exp(-x))",
       lambda m, x: m.sigmoid(x),
       lambda m, out, x: (out * m.sigmoid(-x),)),
    Op("log_sigmoid", "log σ", 1, "the logarithm of the sigmoid",
       lambda m, x: -m.softplus(-x),
       lambda m, out, x: (m.sigmoid(-x),)),
    Op("softplus", "softplus", 1, "log(1 + exp(x))",
       lambda m, x: m.softplus(x),
       lambda m, out, x: (m.sigmoid(x),)),
    Op("relu", "relu", 1, "x where positive, else 0",
       lambda m, x: m.where(m.step(x), x, 0.0),
       lambda m, out, x: (m.step(x),)),
    Op("leaky_relu", "leaky relu", 2, "x where positive, else slope * x",
       lambda m, x, slope: m.where(m.step(x), x, slope * x),
       lambda m, out, x, slope: (m.where(m.step(x), 1.0, slope), _not_positive(m, x))),
    Op("elu", "elu", 2, "x where positive, else alpha * (exp(x) - 1)",
       _elu,
       _elu_partials),
    Op("gelu", "gelu", 1, "x * normal_cdf(x)",
       lambda m, x: m.gelu(x),
       _gelu_partials),
    Op("silu", "silu", 1, "x * sigmoid(x)",
       lambda m, x: m.silu(x),
       _silu_partials),
    # Shares; of `softmax` and `log_softmax` the first operand is the one whose share it is
    Op("logsumexp", "log Σ exp", None, "the logarithm of the sum of exponentials",
       lambda m, *x: m.logsumexp(x),
       lambda m, out, *x: m.softmax(x)),
    Op("softmax", "softmax", None, "the first operand's share, exp(x_1) / sum of exp(x_j)",
       lambda m, *x: m.softmax(x)[0],
       _softmax_partials),
    Op("log_softmax", "log softmax", None, "the logarithm of the first operand's share",
       lambda m, *x: m.log_softmax(x)[0],
       _log_softmax_partials),
)
# fmt: on

"""The table of operations: one row each, and everything else in this project follows from it.

A row says what an operation computes and what its partial derivatives are, once, over a number system `m`
(`engine.numbers.protocol`) that both rules are handed:

    forward(m, *x)         the value of the operation at the operands x
    partials(m, out, *x)   the derivative of the output by each operand, given the output too

With floats for `m` a row records; with `Value`s it gives derivatives of derivatives; with balls the truth;
with NumPy arrays many examples at once. To add an operation, add its row. Users add
theirs with `engine.operation`, by the same door.

Rules keep their digits: a subtraction of nearly equal numbers is written so that nothing cancels, and a
rule for `partials` uses smooth functions wherever the derivative is smooth, so that it can be
differentiated again. At a kink or a tie the rule follows a convention, which its row states.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engine.numbers.protocol import NumberSystem

ANYWHERE = "any number"
FINITE = "a finite x"
_NORMAL = 2.0**-1022  # floats below it have fewer digits

Form: TypeAlias = Literal[
    "call", "sum", "difference", "product", "quotient", "negation", "power", "root", "bars"
]
"""How a formula writes an operation."""


@dataclass(frozen=True, slots=True)
class Op:
    """An operation: every fact that the project knows of it.

    Args:
        name: its name in the table, in `engine`, in messages and on `Value.op`.
        symbol: what diagrams show.
        text: the mathematics in words.
        forward: the value, over a number system. Its signature names the operands; `*x` means any number
            of them, and a default makes an operand optional.
        partials: the derivative by each operand, over a number system; may be infinite. Its signature takes
            the output first, then the same operands, or `*x`.
        domain: the operands it is defined for, in words.
        overflows: whether an ordinary operand, such as 800, may give a value beyond the largest float.
        operator: Python's operator for it: "add" for `__add__` and `__radd__`.
        alias: another name of its method, if NumPy calls it otherwise.
        form: how formulas write it; "call" is `name(x, y)`.
        latex: its name or sign in LaTeX, if that does not follow from the symbol.
        symmetric: whether the order of its operands makes no difference.
        paired: whether its operands are two sequences of the same length, one after the other.
        shares: whether it is taken of each operand in turn, with all the others taking part.
        chooses: whether its first operand chooses among the others; it may then be a Python comparison.
        kinks: the numbers of its first operand at which its derivative jumps.
        convention: what is chosen where mathematics leaves a choice, as in "relu'(0) = 0".
        source: where the formula comes from.
        family: the functions that people take for one another: "activation", "logarithm".
        angle: whether it takes or gives an angle in radians.
        by_output: the derivative of a function of one number from its output alone, as textbooks write it.
        underflows: whether the rule for `partials` loses digits by underflow, for floats `(out, *x)`.
            Recording then computes the partials with more digits.

    Attributes:
        arity: how many operands it takes; None for any number.
        operands: the names of the operands; of any number of them the one name.
        defaults: the operands that may be left out, by name.

    Raises:
        TypeError: if the signatures of the two rules do not fit.

    Example:
        >>> import engine.numbers.floats as m
        >>> OPS["sigmoid"].forward(m, 0.0)
        0.5
        >>> OPS["mul"].partials(m, 6.0, 2.0, 3.0)
        (3.0, 2.0)
    """

    name: str
    symbol: str
    text: str
    forward: Callable[..., Any]
    partials: Callable[..., Sequence[Any]]
    domain: str = ANYWHERE
    overflows: bool = False
    operator: str = ""
    alias: str = ""
    form: Form = "call"
    latex: str = ""
    symmetric: bool = False
    paired: bool = False
    shares: bool = False
    chooses: bool = False
    kinks: tuple[float, ...] = ()
    convention: str = ""
    source: str = ""
    family: str = ""
    angle: bool = False
    by_output: Callable[[Any], Any] | None = field(default=None, compare=False)
    underflows: Callable[..., bool] | None = field(default=None, compare=False)
    arity: int | None = field(init=False)
    operands: tuple[str, ...] = field(init=False)
    defaults: dict[str, float] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        names, arity, defaults = _operands(self.name, "forward", self.forward, 1)
        others, others_arity, _ = _operands(self.name, "partials", self.partials, 2)
        if others_arity not in (arity, None):
            raise TypeError(
                f"the rules of {self.name} take different operands: forward takes {_listed(names, arity)}, "
                f"partials takes {_listed(others, others_arity)}"
            )
        for attribute, fact in (("arity", arity), ("operands", names), ("defaults", defaults)):
            object.__setattr__(self, attribute, fact)

    def letters(self, count: int) -> list[str]:
        """What the operands are called, if there are so many.

        Example:
            >>> OPS["pow"].letters(2), OPS["max"].letters(3)
            (['x', 'p'], ['x_1', 'x_2', 'x_3'])
        """
        if self.arity is None:
            return [f"{self.operands[0]}_{i}" for i in range(1, count + 1)]
        return list(self.operands[:count])


def _operands(
    name: str, rule: str, function: Callable[..., Any], first: int
) -> tuple[tuple[str, ...], int | None, dict[str, float]]:
    """The operands in the signature of a rule, after its first parameters: m, or m and out."""
    parameters = list(inspect.signature(function).parameters.values())
    kinds = {parameter.kind for parameter in parameters[first:]}
    if len(parameters) <= first or kinds - {_PLAIN, _ONLY, _MANY} or (_MANY in kinds and len(kinds) > 1):
        expected = "m, x" if rule == "forward" else "m, out, x"
        raise TypeError(
            f"the rule {rule} of {name} has the parameters ({', '.join(map(str, parameters))}); it needs "
            f"({expected}), with one name for each operand, or *x for any number of operands"
        )
    names = tuple(parameter.name for parameter in parameters[first:])
    defaults = {p.name: p.default for p in parameters[first:] if p.default is not p.empty}
    return names, None if _MANY in kinds else len(names), defaults


_PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD
_ONLY = inspect.Parameter.POSITIONAL_ONLY
_MANY = inspect.Parameter.VAR_POSITIONAL


def _listed(names: Sequence[str], arity: int | None) -> str:
    return f"({'*' if arity is None else ''}{', '.join(names)})"


class Operations(dict[str, Op]):
    """Rows by name."""

    def __missing__(self, name: str) -> Op:
        raise LookupError(
            f"there is no operation {name!r} here: define it with engine.operation before you use a "
            "graph that was recorded with it"
        )


def _power_partials(m: NumberSystem, out: Any, x: Any, p: Any) -> Sequence[Any]:
    positive = m.step(x)
    rounded = m.step((0.5 - p) * (2.0**53 - p))  # p - 1 is exact between; pow magnifies its rounding
    power = p * m.pow(x, p - 1.0)
    quotient = m.where(x, p * out / m.where(x, x, 1.0), m.where(p, power, 0.0))
    by_base = m.where(rounded, quotient, power)
    by_exponent = m.where(
        positive,
        out * m.log(m.where(positive, x, 1.0)),
        m.where(x, out + math.nan, 0.0),  # a negative base is defined at integer exponents only
    )
    return by_base, by_exponent


def _power_underflows(out: float, x: float, p: float) -> bool:
    """Whether the output, which both partials are products with, or p times it underflows."""
    return x != 0.0 and (-_NORMAL < out < _NORMAL or (p != 0.0 and abs(p) < 2.0 * _NORMAL))


def _atan2_partials(m: NumberSystem, out: Any, y: Any, x: Any) -> Sequence[Any]:
    r = m.hypot(0.5 * y, 0.5 * x)  # half the distance, which cannot overflow
    return 0.25 * (x / r) / r, -0.25 * (y / r) / r


def _one_minus_square(m: NumberSystem, x: Any) -> Any:
    """1 - x**2, whose own derivative keeps its digits too: near 0 in this form, near 1 as a product."""
    square = x * x
    return m.where(m.step(0.25 - square), 1.0 - square, (1.0 - x) * (1.0 + x))


def _hypot_partials(m: NumberSystem, out: Any, *x: Any) -> Sequence[Any]:
    r = m.where(out, out, 1.0)
    return [m.where(out, x_i / r, 0.0) for x_i in x]  # at the origin, a kink, every derivative is 0


def _tie_shares(m: NumberSystem, out: Any, *x: Any) -> Sequence[Any]:
    """Operands that tie for the extreme share its derivative equally."""
    ties = [m.equal(x_i, out) for x_i in x]
    count = m.fsum(ties)
    return [tie / count for tie in ties]


def _sumprod(m: NumberSystem, *x: Any) -> Any:
    n = len(x) // 2
    return m.sumprod(x[:n], x[n:])


def _sumprod_partials(m: NumberSystem, out: Any, *x: Any) -> Sequence[Any]:
    n = len(x) // 2
    return x[n:] + x[:n]


def _elu(m: NumberSystem, x: Any, alpha: Any = 1.0) -> Any:
    return m.where(m.step(x), x, alpha * m.expm1(_not_positive(m, x)))


def _elu_partials(m: NumberSystem, out: Any, x: Any, alpha: Any) -> Sequence[Any]:
    below = _not_positive(m, x)
    positive = m.step(x)
    return m.where(positive, 1.0, alpha * m.exp(below)), m.where(positive, 0.0, m.expm1(below))


def _not_positive(m: NumberSystem, x: Any) -> Any:
    """The number where it is not positive, else 0, so that the branch not taken does not overflow."""
    return m.where(m.step(x), 0.0, x)


def _gelu_partials(m: NumberSystem, out: Any, x: Any) -> Sequence[Any]:
    density = m.gaussian(x) * m.sqrt(0.5 / m.pi)
    return (m.normal_cdf(x) + m.where(density, x * density, 0.0),)  # at infinity too


def _silu_partials(m: NumberSystem, out: Any, x: Any) -> Sequence[Any]:
    rest = m.sigmoid(-x)
    return (m.sigmoid(x) + m.where(rest, out * rest, 0.0),)  # at infinity too


def _log_softmax_partials(m: NumberSystem, out: Any, *x: Any) -> Sequence[Any]:
    _, *others = m.softmax(x)
    return m.fsum(others), *[-share for share in others]


def _softmax_partials(m: NumberSystem, out: Any, *x: Any) -> Sequence[Any]:
    _, *others = m.softmax(x)
    return out * m.fsum(others), *[-(out * share) for share in others]


def _table(*rows: Op) -> Operations:
    return Operations((row.name, row) for row in rows)


# fmt: off
OPS = _table(
    # Arithmetic
    Op("add", "+", "x + y",
       lambda m, x, y: x + y,
       lambda m, out, x, y: (1.0, 1.0),
       operator="add", form="sum", symmetric=True),
    Op("sub", "−", "x - y",
       lambda m, x, y: x - y,
       lambda m, out, x, y: (1.0, -1.0),
       operator="sub", form="difference"),
    Op("mul", "×", "x * y",
       lambda m, x, y: x * y,
       lambda m, out, x, y: (y, x),
       operator="mul", form="product", symmetric=True),
    Op("div", "÷", "x / y",
       lambda m, x, y: x / y,
       lambda m, out, x, y: (1.0 / y, -out / y),
       "y != 0",
       operator="truediv", form="quotient",
       underflows=lambda out, x, y: -(2.0**-1022) < out < 2.0**-1022 and x != 0.0 and abs(y) < 1.0),
    Op("neg", "−", "-x",
       lambda m, x: -x,
       lambda m, out, x: (-1.0,),
       operator="neg", form="negation"),
    Op("pow", "^", "x to the power p",
       lambda m, x, p: m.pow(x, p),
       _power_partials,
       "x > 0, or x = 0 and p >= 0, or x < 0 and an integer p",
       operator="pow", form="power", underflows=_power_underflows,
       convention="0 to the power 0 is 1, with derivative 0 by the base"),
    # Powers and logarithms
    Op("exp", "exp", "e to the power x",
       lambda m, x: m.exp(x),
       lambda m, out, x: (out,),
       overflows=True, by_output=lambda a: a),
    Op("expm1", "expm1", "e to the power x, minus 1, exact near 0",
       lambda m, x: m.expm1(x),
       lambda m, out, x: (m.exp(x),),
       overflows=True),
    Op("log", "log", "the natural logarithm",
       lambda m, x: m.log(x),
       lambda m, out, x: (1.0 / x,),
       "x > 0",
       family="logarithm"),
    Op("log1p", "log1p", "the natural logarithm of 1 + x, exact near 0",
       lambda m, x: m.log1p(x),
       lambda m, out, x: (1.0 / (1.0 + x),),
       "x > -1"),
    Op("log2", "log₂", "the logarithm to base 2",
       lambda m, x: m.log2(x),
       lambda m, out, x: (1.0 / m.log(2.0) / x,),
       "x > 0",
       family="logarithm"),
    Op("log10", "log₁₀", "the logarithm to base 10",
       lambda m, x: m.log10(x),
       lambda m, out, x: (1.0 / m.log(10.0) / x,),
       "x > 0",
       family="logarithm"),
    Op("sqrt", "√", "the square root",
       lambda m, x: m.sqrt(x),
       lambda m, out, x: (0.5 / out,),
       "x >= 0",
       form="root", latex=r"\sqrt", convention="sqrt'(0) is infinite"),
    Op("cbrt", "∛", "the real cube root",
       lambda m, x: m.cbrt(x),
       lambda m, out, x: (1.0 / (3.0 * out * out),),
       form="root", latex=r"\sqrt[3]"),
    # Trigonometry
    Op("sin", "sin", "the sine of x radians",
       lambda m, x: m.sin(x),
       lambda m, out, x: (m.cos(x),),
       FINITE,
       angle=True),
    Op("cos", "cos", "the cosine of x radians",
       lambda m, x: m.cos(x),
       lambda m, out, x: (-m.sin(x),),
       FINITE,
       angle=True),
    Op("tan", "tan", "the tangent of x radians",
       lambda m, x: m.tan(x),
       lambda m, out, x: (1.0 + out * out,),
       FINITE,
       angle=True),
    Op("asin", "asin", "the inverse sine, in radians",
       lambda m, x: m.asin(x),
       lambda m, out, x: (1.0 / m.sqrt(_one_minus_square(m, x)),),
       "-1 <= x <= 1",
       alias="arcsin", angle=True),
    Op("acos", "acos", "the inverse cosine, in radians",
       lambda m, x: m.acos(x),
       lambda m, out, x: (-1.0 / m.sqrt(_one_minus_square(m, x)),),
       "-1 <= x <= 1",
       alias="arccos", angle=True),
    Op("atan", "atan", "the inverse tangent, in radians",
       lambda m, x: m.atan(x),
       lambda m, out, x: (1.0 / m.hypot(1.0, x) / m.hypot(1.0, x),),
       alias="arctan", angle=True),
    Op("atan2", "atan2", "the angle of the point (x, y), in radians",
       lambda m, y, x: m.atan2(y, x),
       _atan2_partials,
       alias="arctan2", angle=True,
       underflows=lambda out, y, x: any(0.0 < abs(z) < 2.0 * _NORMAL for z in (y, x))),
    # Hyperbolic functions
    Op("sinh", "sinh", "the hyperbolic sine",
       lambda m, x: m.sinh(x),
       lambda m, out, x: (m.cosh(x),),
       overflows=True),
    Op("cosh", "cosh", "the hyperbolic cosine",
       lambda m, x: m.cosh(x),
       lambda m, out, x: (m.sinh(x),),
       overflows=True),
    Op("tanh", "tanh", "the hyperbolic tangent",
       lambda m, x: m.tanh(x),
       lambda m, out, x: (m.sech2(x),),
       family="activation", by_output=lambda a: 1.0 - a * a),
    Op("sech2", "sech²", "1 - tanh(x)**2, exact in the tails",
       lambda m, x: m.sech2(x),
       lambda m, out, x: (-2.0 * m.tanh(x) * out,)),
    Op("asinh", "asinh", "the inverse hyperbolic sine",
       lambda m, x: m.asinh(x),
       lambda m, out, x: (1.0 / m.hypot(1.0, x),),
       alias="arcsinh"),
    Op("acosh", "acosh", "the inverse hyperbolic cosine",
       lambda m, x: m.acosh(x),
       lambda m, out, x: (1.0 / (m.sqrt(x - 1.0) * m.sqrt(x + 1.0)),),
       "x >= 1",
       alias="arccosh"),
    Op("atanh", "atanh", "the inverse hyperbolic tangent",
       lambda m, x: m.atanh(x),
       lambda m, out, x: (1.0 / _one_minus_square(m, x),),
       "-1 < x < 1",
       alias="arctanh"),
    # The normal distribution
    Op("erf", "erf", "the error function",
       lambda m, x: m.erf(x),
       lambda m, out, x: (2.0 / m.sqrt(m.pi) * m.gaussian(x) * m.gaussian(x),)),
    Op("erfc", "erfc", "1 - erf(x), exact in the tail",
       lambda m, x: m.erfc(x),
       lambda m, out, x: (-2.0 / m.sqrt(m.pi) * m.gaussian(x) * m.gaussian(x),)),
    Op("gaussian", "e^(−x²/2)", "exp(-x**2 / 2)",
       lambda m, x: m.gaussian(x),
       lambda m, out, x: (m.where(out, -x * out, 0.0),),  # at infinity too
       latex=r"\operatorname{gaussian}",
       underflows=lambda out, x: out < _NORMAL and abs(x) < 40.0),
    Op("normal_cdf", "Φ", "the standard normal distribution function",
       lambda m, x: m.normal_cdf(x),
       lambda m, out, x: (m.gaussian(x) / m.sqrt(2.0 * m.pi),)),
    # Choices
    Op("abs", "|x|", "the absolute value",
       lambda m, x: m.abs(x),
       lambda m, out, x: (m.sign(x),),
       operator="abs", form="bars", kinks=(0.0,), convention="abs'(0) = 0"),
    Op("sign", "sign", "-1, 0 or 1",
       lambda m, x: m.sign(x),
       lambda m, out, x: (0.0,),
       kinks=(0.0,), convention="sign'(0) = 0"),
    Op("step", "step", "1 for positive x, else 0",
       lambda m, x: m.step(x),
       lambda m, out, x: (0.0,),
       kinks=(0.0,), convention="step(0) = 0 and step'(0) = 0"),
    Op("equal", "=", "1 where x and y are the same number, else 0",
       lambda m, x, y: m.equal(x, y),
       lambda m, out, x, y: (0.0, 0.0),
       symmetric=True),
    Op("where", "where", "a where the condition is not zero, else b",
       lambda m, condition, a, b: m.where(condition, a, b),
       lambda m, out, condition, a, b: (0.0, m.where(condition, 1.0, 0.0), m.where(condition, 0.0, 1.0)),
       chooses=True),
    Op("max", "max", "the largest",
       lambda m, *x: m.max(x),
       _tie_shares,
       symmetric=True, convention="operands that tie share the derivative equally"),
    Op("min", "min", "the smallest",
       lambda m, *x: m.min(x),
       _tie_shares,
       symmetric=True, convention="operands that tie share the derivative equally"),
    # Sums and products of many
    Op("fsum", "Σ", "the sum",
       lambda m, *x: m.fsum(x),
       lambda m, out, *x: (1.0,) * len(x),
       "numbers without infinities of both signs",
       form="sum", symmetric=True),
    Op("sumprod", "Σ×", "the sum of the products of two equally long halves",
       _sumprod,
       _sumprod_partials,
       "products without infinities of both signs",
       form="sum", paired=True),
    Op("prod", "Π", "the product",
       lambda m, *x: m.prod(x),
       lambda m, out, *x: m.products_of_others(x),
       symmetric=True),
    Op("hypot", "hypot", "the root of the sum of squares",
       lambda m, *x: m.hypot(*x),
       _hypot_partials,
       symmetric=True, convention="the derivatives at the origin are 0",
       underflows=lambda out, *x: 0.0 < out < _NORMAL),
    # Activations
    Op("sigmoid", "σ", "1 / (1 + exp(-x))",
       lambda m, x: m.sigmoid(x),
       lambda m, out, x: (out * m.sigmoid(-x),),
       family="activation", by_output=lambda a: a * (1.0 - a)),
    Op("log_sigmoid", "log σ", "the logarithm of the sigmoid",
       lambda m, x: -m.softplus(-x),
       lambda m, out, x: (m.sigmoid(-x),)),
    Op("softplus", "softplus", "log(1 + exp(x))",
       lambda m, x: m.softplus(x),
       lambda m, out, x: (m.sigmoid(x),)),
    Op("relu", "relu", "x where positive, else 0",
       lambda m, x: m.where(m.step(x), x, 0.0),
       lambda m, out, x: (m.step(x),),
       kinks=(0.0,), convention="relu'(0) = 0", family="activation"),
    Op("leaky_relu", "leaky relu", "x where positive, else slope * x",
       lambda m, x, slope=0.01: m.where(m.step(x), x, slope * x),
       lambda m, out, x, slope: (m.where(m.step(x), 1.0, slope), _not_positive(m, x)),
       kinks=(0.0,), convention="leaky_relu'(0) is the slope",
       source="Maas, Hannun and Ng 2013, section 2"),
    Op("elu", "elu", "x where positive, else alpha * (exp(x) - 1)",
       _elu,
       _elu_partials,
       convention="elu'(0) is alpha",
       underflows=lambda out, x, alpha: x < -708.0,  # exp(x) alone; alpha may be large
       source="Clevert, Unterthiner and Hochreiter 2016"),
    Op("gelu", "gelu", "x * normal_cdf(x)",
       lambda m, x: m.gelu(x),
       _gelu_partials,
       underflows=lambda out, x: -40.0 < x < -37.0),
    Op("silu", "silu", "x * sigmoid(x)",
       lambda m, x: m.silu(x),
       _silu_partials),
    # Shares; the share of `softmax` and `log_softmax` is that of the first operand
    Op("logsumexp", "log Σ exp", "the logarithm of the sum of exponentials",
       lambda m, *x: m.logsumexp(x),
       lambda m, out, *x: m.softmax(x),
       symmetric=True),
    Op("softmax", "softmax", "the first operand's share, exp(x_1) / sum of exp(x_j)",
       lambda m, *x: m.softmax(x)[0],
       _softmax_partials,
       shares=True),
    Op("log_softmax", "log softmax", "the logarithm of the first operand's share",
       lambda m, *x: m.log_softmax(x)[0],
       _log_softmax_partials,
       shares=True),
)
# fmt: on

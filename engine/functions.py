"""Every operation as a function: of Values it records, of plain numbers it returns a float.

These are also the number system of `Value`s: the rules of the table run over this module when derivatives
are differentiated again.

Example:
    >>> from engine import Value, exp, fsum
    >>> exp(1.0)
    2.718281828459045
    >>> x = Value(1.0)
    >>> fsum([exp(x), 2.0, x]).data
    5.718281828459045
"""

from collections.abc import Iterable, Sequence
from math import pi
from typing import Any, Protocol, TypeAlias, overload

from engine.numbers import floats
from engine.ops import OPS, Op
from engine.value import Number, Value, as_float, operand, outside_domain, recorder

__all__ = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "cos",
    "cosh",
    "elu",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "fsum",
    "gaussian",
    "gelu",
    "hypot",
    "leaky_relu",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "max",
    "min",
    "normal_cdf",
    "pi",
    "pow",
    "prod",
    "relu",
    "sech2",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "step",
    "sumprod",
    "tan",
    "tanh",
    "where",
]


Operand: TypeAlias = Value | Number


class Unary(Protocol):
    """A function of one number."""

    @overload
    def __call__(self, x: Value, /) -> Value: ...
    @overload
    def __call__(self, x: Number, /) -> float: ...


class Binary(Protocol):
    """A function of two numbers."""

    @overload
    def __call__(self, x: Value, y: Operand, /) -> Value: ...
    @overload
    def __call__(self, x: Operand, y: Value, /) -> Value: ...
    @overload
    def __call__(self, x: Number, y: Number, /) -> float: ...


def _function(name: str) -> Any:
    """The function of a row of the table, with the row's words as its documentation."""
    op = OPS[name]
    record = recorder(op)

    def apply(*x: Operand) -> Value | float:
        if op.arity is not None and len(x) != op.arity:
            raise TypeError(f"{name} takes {op.arity} operands, got {len(x)}")
        kinds = set(map(type, x))
        if Value in kinds and len(kinds) == 1:
            return record(*x)
        for kind in kinds:
            if kind is not Value and issubclass(kind, Value):
                return _computed_by(kind, op, x)
        if Value in kinds:
            return record(*map(operand, x))
        numbers = [as_float(x_i) for x_i in x if not isinstance(x_i, Value)]
        try:
            return float(op.forward(floats, *numbers))
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            raise outside_domain(op, numbers, error) from None

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = (
        f"{op.text[0].upper()}{op.text[1:]}.\n\nIt takes {op.domain}. Given a Value it records and returns a "
        "Value, given plain numbers it returns a float.\n\nRaises:\n    ValueError, OverflowError or "
        "ZeroDivisionError: outside the domain, naming the operands."
    )
    return apply


def _computed_by(kind: Any, op: Op, x: Sequence[Operand]) -> Value:
    """What a class derived from Value makes of an operation: it does not record, and says what it does."""
    result: Value = kind.apply(op, x)
    return result


# --- Functions of one number.

exp: Unary = _function("exp")
expm1: Unary = _function("expm1")
log: Unary = _function("log")
log1p: Unary = _function("log1p")
log2: Unary = _function("log2")
log10: Unary = _function("log10")
sqrt: Unary = _function("sqrt")
cbrt: Unary = _function("cbrt")
sin: Unary = _function("sin")
cos: Unary = _function("cos")
tan: Unary = _function("tan")
asin: Unary = _function("asin")
acos: Unary = _function("acos")
atan: Unary = _function("atan")
sinh: Unary = _function("sinh")
cosh: Unary = _function("cosh")
tanh: Unary = _function("tanh")
sech2: Unary = _function("sech2")
asinh: Unary = _function("asinh")
acosh: Unary = _function("acosh")
atanh: Unary = _function("atanh")
erf: Unary = _function("erf")
erfc: Unary = _function("erfc")
gaussian: Unary = _function("gaussian")
normal_cdf: Unary = _function("normal_cdf")
abs: Unary = _function("abs")
sign: Unary = _function("sign")
step: Unary = _function("step")
sigmoid: Unary = _function("sigmoid")
log_sigmoid: Unary = _function("log_sigmoid")
softplus: Unary = _function("softplus")
relu: Unary = _function("relu")
gelu: Unary = _function("gelu")
silu: Unary = _function("silu")

# --- Functions of two or three.

pow: Binary = _function("pow")
atan2: Binary = _function("atan2")
equal: Binary = _function("equal")
_leaky_relu: Binary = _function("leaky_relu")
_elu: Binary = _function("elu")
_where = _function("where")


def leaky_relu(x: Operand, slope: Operand = 0.01) -> Any:
    """X where it is positive, else slope * x (Maas, Hannun and Ng 2013, section 2).

    Args:
        x: a number or a Value.
        slope: the derivative where x is not positive.

    Returns:
        A Value if an operand is one, else a float.
    """
    return _leaky_relu(x, slope)


def elu(x: Operand, alpha: Operand = 1.0) -> Any:
    """X where it is positive, else alpha * (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016).

    Args:
        x: a number or a Value.
        alpha: minus the limit for very negative x.

    Returns:
        A Value if an operand is one, else a float.
    """
    return _elu(x, alpha)


def where(condition: Operand | bool, a: Operand, b: Operand) -> Any:
    """`a` where the condition is not zero, else `b`; both are recorded.

    Args:
        condition: a number or a Value, such as `step(x - 1)`. A Python comparison, `x > 1`, works too,
            but is not recorded: it stays as it was when the program ran.
        a: the value where the condition holds.
        b: the value elsewhere.

    Returns:
        A Value if an operand is one, else a float.

    Example:
        >>> x = Value(3.0)
        >>> where(step(x - 1), x * x, -x).data
        9.0
    """
    return _where(float(condition) if isinstance(condition, bool) else condition, a, b)


# --- Functions of many. They take an iterable; max and min also take several arguments, as Python's do.

_fsum = _function("fsum")
_sumprod = _function("sumprod")
_prod = _function("prod")
_hypot = _function("hypot")
_max = _function("max")
_min = _function("min")
_logsumexp = _function("logsumexp")
_softmax = _function("softmax")
_log_softmax = _function("log_softmax")


def fsum(terms: Iterable[Operand]) -> Any:
    """The sum of many numbers, rounded once.

    Args:
        terms: numbers or Values.

    Returns:
        One recorded Value if a term is a Value, else a float.
    """
    return _fsum(*terms)


def sumprod(p: Iterable[Operand], q: Iterable[Operand]) -> Any:
    """The sum of products, p[0] * q[0] + p[1] * q[1] + ...: a neuron's net input, in one node.

    Args:
        p: numbers or Values.
        q: as many numbers or Values.

    Returns:
        One recorded Value if an operand is a Value, else a float.

    Raises:
        ValueError: if p and q are not equally long.

    Example:
        >>> w = [Value(0.5), Value(-1.0)]
        >>> sumprod(w, [2.0, 3.0]).data
        -2.0
    """
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError(f"sumprod takes two equally long sequences, got {len(p)} and {len(q)} numbers")
    return _sumprod(*p, *q)


def prod(factors: Iterable[Operand]) -> Any:
    """The product of many numbers.

    Args:
        factors: numbers or Values.

    Returns:
        One recorded Value if a factor is a Value, else a float.
    """
    return _prod(*factors)


def hypot(*x: Operand) -> Any:
    """The root of the sum of squares.

    Args:
        *x: numbers or Values.

    Returns:
        One recorded Value if an operand is a Value, else a float.
    """
    return _hypot(*x)


def max(*x: Any) -> Any:
    """The largest number. Operands that tie share its derivative equally.

    Args:
        *x: numbers or Values, or one iterable of them.

    Returns:
        One recorded Value if an operand is a Value, else a float.

    Raises:
        ValueError: if there is no number.
    """
    return _max(*_some("max", x))


def min(*x: Any) -> Any:
    """The smallest number. Operands that tie share its derivative equally.

    Args:
        *x: numbers or Values, or one iterable of them.

    Returns:
        One recorded Value if an operand is a Value, else a float.

    Raises:
        ValueError: if there is no number.
    """
    return _min(*_some("min", x))


def logsumexp(x: Iterable[Operand]) -> Any:
    """The logarithm of the sum of exponentials, without their overflow.

    Args:
        x: numbers or Values.

    Returns:
        One recorded Value if an operand is a Value, else a float.

    Raises:
        ValueError: if there is no number.
    """
    return _logsumexp(*_some("logsumexp", [x]))


def softmax(x: Iterable[Operand]) -> list[Any]:
    """Every number's share, exp(x[i]) / (exp(x[0]) + exp(x[1]) + ...).

    Args:
        x: numbers or Values.

    Returns:
        As many Values, or floats, which add up to 1.

    Example:
        >>> [share.data for share in softmax([Value(0.0), Value(0.0)])]
        [0.5, 0.5]
    """
    return [_softmax(*first_and_others) for first_and_others in _each_first(tuple(x))]


def log_softmax(x: Iterable[Operand]) -> list[Any]:
    """The logarithm of every number's share, exact in the tails.

    Args:
        x: numbers or Values.

    Returns:
        As many Values, or floats.
    """
    return [_log_softmax(*first_and_others) for first_and_others in _each_first(tuple(x))]


def _each_first(x: Sequence[Operand]) -> list[tuple[Operand, ...]]:
    return [(x_i, *x[:i], *x[i + 1 :]) for i, x_i in enumerate(x)]


def _some(name: str, x: Sequence[Any]) -> tuple[Operand, ...]:
    """The operands given one by one or as an iterable, at least one."""
    operands = tuple(x[0]) if len(x) == 1 and isinstance(x[0], Iterable) else tuple(x)
    if not operands:
        raise ValueError(f"{name} takes at least one number")
    return operands

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

from collections.abc import Callable, Iterable, Sequence
from math import pi
from operator import mul
from typing import Any, Protocol, TypeAlias, overload

from engine.numbers import floats, products
from engine.ops import OPS, Op
from engine.value import REFUSED, Number, Value, as_float, operand, outside_domain, recorder

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
Recorder: TypeAlias = Callable[..., Value]


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


def _unary(name: str) -> Unary:
    """The function of a row of one operand."""
    op = OPS[name]
    record = recorder(op)

    def apply(x: Operand, /) -> Any:
        return record(x) if x.__class__ is Value else _of_numbers(op, (x,), record)

    function: Unary = _documented(apply, op)
    return function


def _function(name: str) -> Any:
    """The function of a row of two, three or many operands."""
    op = OPS[name]
    record = recorder(op)

    def apply(*x: Operand) -> Any:
        if op.arity is not None and len(x) != op.arity:
            raise TypeError(f"{name} takes {op.arity} operands, got {len(x)}")
        kinds = set(map(type, x))
        return record(*x) if Value in kinds and len(kinds) == 1 else _of_numbers(op, x, record)

    return _documented(apply, op)


def _of_numbers(op: Op, x: Sequence[Any], record: Recorder) -> Any:
    """The operation where not all operands are Values."""
    values = [x_i for x_i in x if isinstance(x_i, Value)]
    for value in values:
        if value.__class__ is not Value:  # a kind of Value that knows better than to record
            derived: Any = value
            return derived.apply(op, x)
    if values:
        return record(*map(operand, x))
    numbers = [as_float(x_i) for x_i in x]
    try:
        return float(op.forward(floats, *numbers))
    except REFUSED as error:
        raise outside_domain(op, numbers, error) from None


def _documented(function: Any, op: Op) -> Any:
    """A function with its row's name and words."""
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = (
        f"{op.text[0].upper()}{op.text[1:]}.\n\nIt takes {op.domain}. Given a Value it records and returns a "
        "Value, given plain numbers it returns a float.\n\nRaises:\n    ValueError, OverflowError or "
        "ZeroDivisionError: outside the domain, naming the operands."
    )
    return function


# --- Functions of one number.

exp = _unary("exp")
expm1 = _unary("expm1")
log = _unary("log")
log1p = _unary("log1p")
log2 = _unary("log2")
log10 = _unary("log10")
sqrt = _unary("sqrt")
cbrt = _unary("cbrt")
sin = _unary("sin")
cos = _unary("cos")
tan = _unary("tan")
asin = _unary("asin")
acos = _unary("acos")
atan = _unary("atan")
sinh = _unary("sinh")
cosh = _unary("cosh")
tanh = _unary("tanh")
sech2 = _unary("sech2")
asinh = _unary("asinh")
acosh = _unary("acosh")
atanh = _unary("atanh")
erf = _unary("erf")
erfc = _unary("erfc")
gaussian = _unary("gaussian")
normal_cdf = _unary("normal_cdf")
abs = _unary("abs")
sign = _unary("sign")
step = _unary("step")
sigmoid = _unary("sigmoid")
log_sigmoid = _unary("log_sigmoid")
softplus = _unary("softplus")
relu = _unary("relu")
gelu = _unary("gelu")
silu = _unary("silu")

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
    """`a` where the condition is not zero, else `b`.

    Args:
        condition: a Value, such as `step(x - 1)`, or a number. A Python comparison, `x > 1`, works too.
            A plain condition is not recorded: the choice stays as it was when the program ran.
        a: the value where the condition holds.
        b: the value elsewhere.

    Returns:
        A Value if an operand is one, else a float.

    Example:
        >>> x = Value(3.0)
        >>> where(step(x - 1), x * x, -x).data
        9.0
    """
    if isinstance(condition, Value):
        return _where(condition, a, b)
    holds = condition if isinstance(condition, bool) else as_float(condition)
    chosen = operand(a if holds else b)
    return chosen if isinstance(a, Value) or isinstance(b, Value) else chosen.data


# --- Functions of many. They take an iterable; max and min also take several arguments, as Python's do.

_fsum = _function("fsum")
_sumprod = _function("sumprod")
_record_sumprod = recorder(OPS["sumprod"])
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
    if not p:
        return 0.0
    try:
        return _record_sumprod(*p, *q)  # in a network all of them are Values, and there is no time to ask
    except (AttributeError, TypeError):
        return _sumprod(*p, *q)


def prod(factors: Iterable[Operand]) -> Any:
    """The product of many numbers.

    Args:
        factors: numbers or Values.

    Returns:
        One recorded Value if a factor is a Value, else a float.
    """
    return _prod(*factors)


def products_of_others(factors: Sequence[Operand]) -> list[Any]:
    """For each number the product of the others, for the rule of `prod`.

    Args:
        factors: numbers or Values, at least one.

    Returns:
        One product for each factor.

    Example:
        >>> [float(p) for p in products_of_others([Value(2.0), Value(3.0), Value(0.0)])]
        [0.0, 0.0, 6.0]
    """
    return products.products_of_others(factors, mul, 1.0)


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

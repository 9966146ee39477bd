"""A scalar reverse-mode autograd engine: record numbers, differentiate, draw, prove.

Example:
    >>> from engine import Value, grad, tanh
    >>> w, x, b = Value(0.4, "w"), Value(1.0, "x"), Value(0.1, "b")
    >>> y = tanh(w * x + b)
    >>> y.backward()
    >>> round(w.grad, 4)
    0.7864
    >>> [round(d.data, 4) for d in grad(y, [w, x, b])]
    [0.7864, 0.3146, 0.7864]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.check import GradientError as GradientError
    from engine.check import GradientReport as GradientReport
    from engine.check import assert_gradients as assert_gradients
    from engine.check import check_gradients as check_gradients
    from engine.compiler import compile as compile
    from engine.derivatives import grad, hessian, jacobian, jvp
    from engine.functions import (
        abs,
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atan2,
        atanh,
        cbrt,
        cos,
        cosh,
        elu,
        equal,
        erf,
        erfc,
        exp,
        expm1,
        fsum,
        gaussian,
        gelu,
        hypot,
        leaky_relu,
        log,
        log1p,
        log2,
        log10,
        log_sigmoid,
        log_softmax,
        logsumexp,
        max,
        min,
        normal_cdf,
        pow,
        prod,
        relu,
        sech2,
        sigmoid,
        sign,
        silu,
        sin,
        sinh,
        softmax,
        softplus,
        sqrt,
        step,
        sumprod,
        tan,
        tanh,
        where,
    )
    from engine.grading import GradeReport as GradeReport
    from engine.grading import grade as grade
    from engine.show.draw import draw as draw
    from engine.show.explain import explain as explain
    from engine.show.player import play as play
    from engine.value import Value

__all__ = [
    "Value",
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
    "grad",
    "hessian",
    "hypot",
    "jacobian",
    "jvp",
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


_ROOMS = {
    "Value": "value",
    "grad": "derivatives",
    "hessian": "derivatives",
    "jacobian": "derivatives",
    "jvp": "derivatives",
    "GradeReport": "grading",
    "GradientError": "check",
    "GradientReport": "check",
    "assert_gradients": "check",
    "check_gradients": "check",
    "grade": "grading",
    "compile": "compiler",
    "draw": "show.draw",
    "explain": "show.explain",
    "play": "show.player",
}


def __getattr__(name: str) -> Any:
    """A name is imported when it is first asked for: pytest loads this package for its plugin alone."""
    room = _ROOMS.get(name, "functions" if name in __all__ else None)
    if room is None:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"engine.{room}"), name)
    return found

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

from engine import functions
from engine.derivatives import grad, hessian, jacobian, jvp
from engine.leaving import LeftRecordWarning
from engine.ops import OPS
from engine.value import Value

if TYPE_CHECKING:
    from engine.anomalies import NonFinite as NonFinite
    from engine.anomalies import detect_anomaly as detect_anomaly
    from engine.anomalies import first_nonfinite as first_nonfinite
    from engine.check import GradientError as GradientError
    from engine.check import GradientReport as GradientReport
    from engine.check import assert_gradients as assert_gradients
    from engine.check import check_gradients as check_gradients
    from engine.check.rule_report import RuleReport as RuleReport
    from engine.check.vector import check_jvp as check_jvp
    from engine.check.vector import check_vjp as check_vjp
    from engine.compiler import compile as compile
    from engine.extend import operation as operation
    from engine.grading import GradeReport as GradeReport
    from engine.grading import grade as grade
    from engine.show.draw import draw as draw
    from engine.show.explain import explain as explain
    from engine.show.live import live as live
    from engine.show.player import play as play

__version__ = "0.1.0"

# Names whose rooms need libraries that take long to import: they are imported when first asked for.
_LATE = {
    "GradeReport": "grading",
    "GradientError": "check",
    "GradientReport": "check",
    "NonFinite": "anomalies",
    "RuleReport": "check.rule_report",
    "assert_gradients": "check",
    "check_gradients": "check",
    "check_jvp": "check.vector",
    "check_vjp": "check.vector",
    "compile": "compiler",
    "detect_anomaly": "anomalies",
    "draw": "show.draw",
    "explain": "show.explain",
    "first_nonfinite": "anomalies",
    "grade": "grading",
    "live": "show.live",
    "operation": "extend",
    "play": "show.player",
}

globals().update({name: getattr(functions, name) for name in OPS})

__all__ = ["LeftRecordWarning", "Value", "grad", "hessian", "jacobian", "jvp", *_LATE, *OPS]


def __getattr__(name: str) -> Any:
    """A name of a room that is imported now, or an operation that was added at run time."""
    if name in _LATE:
        found = globals()[name] = getattr(import_module(f"engine.{_LATE[name]}"), name)
        return found
    if name in OPS:
        return getattr(functions, name)
    raise AttributeError(f"module 'engine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE, *OPS})

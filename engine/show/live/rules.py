"""The rules of operations as data, for a page to run.

A rule of the table is run once over numbers that write down what is done to them. What comes out is a list of
steps over the names of `engine.numbers.protocol`, and Python's operators by the names of their rows. No rule
is written a second time: an operation of your own is written down as the built-in ones are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from engine.numbers.protocol import NAMES, refuse_unknown
from engine.ops import OPS, Op
from engine.value import as_float

Step: TypeAlias = tuple[Any, ...]

_LISTS = ("softmax", "log_softmax", "products_of_others")  # functions that give a number for each operand


def written_rule(op: Op, count: int) -> dict[str, Any]:
    """The rule of an operation as data.

    A step is a name and the places of its operands. The operands of the operation stand first, then the
    results of the steps. Two names are not of the number system: "number" is followed by a number, and "item"
    by the place of a list and an index.

    Args:
        op: the operation.
        count: how many operands it is applied to.

    Returns:
        `steps`; `out`, the place of the value; `partials`, the places of the derivatives.

    Raises:
        ValueError: if the rule cannot be written down, because it asks for a number, or for a function that
            number systems do not have.

    Example:
        >>> written_rule(OPS["sigmoid"], 1)
        {'steps': [('sigmoid', 0), ('neg', 0), ('sigmoid', 2), ('mul', 1, 3)], 'out': 1, 'partials': [4]}
    """
    sheet = Sheet(op.name, count)
    x = [Written(sheet, place) for place in range(count)]
    try:
        out = sheet.place(op.forward(sheet, *x))
        partials = [sheet.place(partial) for partial in op.partials(sheet, Written(sheet, out), *x)]
    except (AttributeError, TypeError) as error:
        raise ValueError(f"the rule of {op.name} cannot be written down for a page: {error}") from error
    return {"steps": list(sheet.steps), "out": out, "partials": partials}


def as_data(x: float) -> float | str:
    """A float as JSON and JavaScript's `Number` have it.

    Example:
        >>> as_data(0.5), as_data(float("nan")), as_data(float("-inf"))
        (0.5, 'NaN', '-Infinity')
    """
    if math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else f"{'-' if x < 0 else ''}Infinity"


class Sheet:
    """The number system that writes steps down, each once.

    Args:
        name: the operation, for messages.
        count: the number of its operands.

    Attributes:
        steps: the steps, with their places.
    """

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count
        self.steps: dict[Step, int] = {}

    @property
    def pi(self) -> float:
        """The ratio of a circle's circumference to its diameter."""
        return math.pi

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in NAMES:
            refuse_unknown("the numbers of a page", name)
        return lambda *x: self.apply(name, *x)

    def apply(self, name: str, *x: Any) -> Any:
        """The result of a function, as a number or a list of numbers."""
        result = self._step(name, *map(self._operand, x))
        if name not in _LISTS:
            return Written(self, result)
        return [Written(self, self._step("item", result, i)) for i in range(len(x[0]))]

    def place(self, x: Any) -> int:
        """Where a number is to be found."""
        return x.place if isinstance(x, Written) else self._step("number", as_data(as_float(x)))

    def _operand(self, x: Any) -> int | tuple[int, ...]:
        return tuple(map(self.place, x)) if isinstance(x, Sequence) else self.place(x)

    def _step(self, *step: Any) -> int:
        return self.steps.setdefault(step, self.count + len(self.steps))


class Written:
    """A number that is only a place on a sheet.

    Args:
        sheet: the sheet.
        place: where the number will stand.
    """

    def __init__(self, sheet: Sheet, place: int) -> None:
        self.sheet, self.place = sheet, place

    def _refuse(self, *_: object) -> NoReturn:
        raise ValueError(
            f"the rule of {self.sheet.name} asks for a number, as `if x > 0` and `math.exp(x)` do, and can "
            "then not be written down for a page: choose with m.where(m.step(x), a, b), and call m.exp(x)"
        )

    __bool__ = __float__ = __int__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __round__ = __floor__ = __ceil__ = __trunc__ = _refuse

    def __eq__(self, other: object) -> bool:
        self._refuse()

    __hash__ = None  # type: ignore[assignment]  # what cannot be compared has no hash


def _operator(name: str, *, reflected: bool = False) -> Callable[..., Any]:
    def method(*x: Any) -> Any:
        return next(x_i for x_i in x if isinstance(x_i, Written)).sheet.apply(
            name, *(reversed(x) if reflected else x)
        )

    return method


for _op in OPS.values():
    if _op.operator:
        setattr(Written, f"__{_op.operator}__", _operator(_op.name))
        if _op.arity == 2:
            setattr(Written, f"__r{_op.operator}__", _operator(_op.name, reflected=True))

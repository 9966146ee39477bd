"""What a program should give: run on our own engine, with room where mathematics leaves a choice."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine import functions
from engine.judge.model import Mistakes, Model, right
from engine.judge.trial import Trial
from engine.ops import OPS
from engine.value import Value

_RELATIVE, _ABSOLUTE = 1e-5, 1e-7  # as much as a guard such as log(x + 1e-6) changes


@dataclass(frozen=True)
class Expected:
    """The results that are right.

    Args:
        numbers: the truth by the name of the result.
        between: for gradients at a kink, what is right from and to.
        last: the gradients of the last backward pass alone, where they are right as well.
    """

    numbers: Mapping[str, float]
    between: Mapping[str, tuple[float, float]]
    last: Mapping[str, float]

    def right(self, name: str, x: float | str) -> bool:
        """Whether a result is right."""
        if isinstance(x, str):
            return x == "None" and self.numbers[name] == 0.0
        if name in self.between:
            low, high = self.between[name]
            return low - _ABSOLUTE <= x <= high + _ABSOLUTE
        return close(x, self.numbers[name])


def close(x: float, truth: float) -> bool:
    """Whether a number is the truth, up to the rounding that an engine may have in single precision.

    Example:
        >>> close(1.000001, 1.0), close(1.0001, 1.0)
        (True, False)
    """
    if not math.isfinite(x) or not math.isfinite(truth):
        return x == truth or (math.isnan(x) and math.isnan(truth))
    return abs(x - truth) <= _RELATIVE * abs(truth) + _ABSOLUTE


@lru_cache(maxsize=2000)
def truth(program: Trial) -> Expected:
    """The results that a program should give."""
    numbers = program.known or _run(program, {**_OURS, **{op: getattr(functions, op) for op in OPS}}, Value)
    last = predict(program, Mistakes(adds_up=False)) if program.either else {}
    return Expected(numbers, _kinks(program), last)


def predict(program: Trial, mistakes: Mistakes) -> dict[str, float]:
    """The results that an engine with these mistakes gives."""
    model = Model(mistakes)
    return _run(program, model.names, model.leaf)


@lru_cache(maxsize=2000)
def forms(program: Trial) -> Sequence[str]:
    """The operations of a program one after the other, with the kinds of their operands, such as "sub:nv"."""
    if program.known:
        return ["add:vv", "mul:vv"]
    model = Model()
    _run(program, model.names, model.leaf)
    return model.used


def _run(program: Trial, names: Mapping[str, Any], leaf: Any) -> dict[str, float]:
    space = {**names, **{name: leaf(x) for name, x in program.at.items()}}
    exec(compile(program.text, program.id, "exec"), space)  # noqa: S102  # a program of our own table
    return {name: float(eval(text, space)) for name, text in program.results.items()}  # noqa: S307  # likewise


def _kinks(program: Trial) -> dict[str, tuple[float, float]]:
    """The derivatives on both sides of a kink or a tie, if the program stands at one."""
    xs = list(program.at.values())
    if program.id == "memory":
        return {"stay": (-math.inf, 19.0)}  # fewer objects than passes
    if program.group != "awkward" or program.op not in OPS:
        return {}
    if program.op in ("max", "min"):
        return dict.fromkeys(program.at, (0.0, 1.0))
    if len(xs) != 1 or xs[0] not in OPS[program.op].kinks:
        return {}
    sides = [right(program.op, xs[0] + step)[1][0] for step in (-1e-9, 1e-9)]
    return {"a": (min(sides), max(sides))}


def _assign(x: Value, number: float) -> None:
    x.data = number


_OURS = {
    "leaf": Value,
    "number": lambda x: x.data,
    "gradient": lambda x: x.grad,
    "gradients": lambda many: [x.grad for x in many],
    "backward": lambda x: x.backward(),
    "plain": lambda x: x,
    "assign": _assign,
}

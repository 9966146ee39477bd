"""Numbers bound to the parameters of a function by name, or an error that names the parameters."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

__tracebackhide__ = True  # in pytest an invalid call is shown by its own line and the message

OPTIONS = ("f", "at", "claimed", "against", "order", "digits", "seconds")
"""The parameters of `check_gradients`, which cannot name a number of a point."""


@dataclass(frozen=True)
class Bound:
    """The arguments of one call, each with a name.

    Args:
        args: the positional arguments.
        kwargs: the arguments by name.
        names: the names of all of them, the positional ones first.
    """

    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    names: Sequence[str]

    @property
    def arguments(self) -> dict[str, Any]:
        """Every argument by its name."""
        return dict(zip(self.names, [*self.args, *self.kwargs.values()], strict=True))


def bind(f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], who: str = "f") -> Bound:
    """Bind arguments to the parameters of a function.

    Args:
        f: the function. If it has no names, as `lambda *x: ...` or a builtin function without a signature,
            arguments by name are given in order.
        args: arguments in order; or
        kwargs: arguments by name.
        who: what to call the function in an error.

    Returns:
        The arguments as the function takes them.

    Raises:
        TypeError: if a name is unknown or missing, or there are too many arguments.

    Example:
        >>> bind(lambda w, b=0.0: w + b, [2.0], {}).arguments
        {'w': 2.0}
        >>> bind(lambda weight: weight, [], {"wieght": 2.0})
        Traceback (most recent call last):
        ...
        TypeError: f has no wieght; did you mean weight? It takes weight
    """
    parameters = _parameters(f)
    if parameters is None:
        parameters = [inspect.Parameter("x", inspect.Parameter.VAR_POSITIONAL)]
    not_text = [name for name in kwargs if not isinstance(name, str)]
    if not_text:
        raise TypeError(f"{not_text[0]!r} is not a name: give the point as {{'x': 0.5}}")
    kinds = {p.kind for p in parameters}
    if kinds == {inspect.Parameter.VAR_POSITIONAL} and kwargs:
        return Bound([*args, *kwargs.values()], {}, [*_in_order(parameters, len(args)), *kwargs])
    _refuse(parameters, args, kwargs, who)
    first = [
        p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY and p.name in kwargs
    ]  # they have a name for the reader, but take no keyword
    rest = {name: x for name, x in kwargs.items() if name not in first}
    names = [*_in_order(parameters, len(args)), *first, *rest]
    return Bound([*args, *(kwargs[name] for name in first)], rest, names)


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # some builtin functions have no signature
        return None


def _in_order(parameters: Sequence[inspect.Parameter], n: int) -> list[str]:
    """The names of the first n positional arguments; x_1, x_2, ... for those of *x."""
    own = [p.name for p in parameters if p.kind in _POSITIONAL][:n]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return own + [f"{rest}_{i}" for i in range(1, n - len(own) + 1)]


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _refuse(
    parameters: Sequence[inspect.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any], who: str
) -> None:
    """Refuse names that are unknown or missing, and too many arguments."""
    kinds = {p.kind for p in parameters}
    named = [p for p in parameters if p.kind not in _VARIABLE]
    positional = [p.name for p in named if p.kind in _POSITIONAL]
    takes = f"It takes {_signature(parameters)}"
    unknown = [name for name in kwargs if name not in [p.name for p in named]]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        close = get_close_matches(unknown[0], [p.name for p in named], 1, 0.5)
        meant = f"; did you mean {close[0]}?" if close else "."
        raise TypeError(f"{who} has no {', '.join(unknown)}{meant} {takes}")
    given = "is given" if len(args) == 1 else "are given"
    if len(args) > len(positional) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        raise TypeError(f"{who} takes {_count(len(positional))} in order, but {len(args)} {given}. {takes}")
    known = {*positional[: len(args)], *kwargs}
    missing = [p.name for p in named if p.name not in known and p.default is p.empty]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise TypeError(f"{', '.join(missing)} {verb} missing. {takes}{_advice(missing, parameters, args)}")
    before = [p.name for p in named if p.kind is p.POSITIONAL_ONLY]
    gaps = [a for a, b in pairwise(before) if a not in known and b in known]
    if gaps:
        raise TypeError(f"{who} takes {gaps[0]} in order, before others that are given: give {gaps[0]} too")


def refuse_options(f: Callable[..., Any], named: Collection[str]) -> None:
    """Refuse a function with a parameter that has the name of an option and a default.

    By keywords, nobody can tell which of the two is meant. Without a default the parameter is missing.

    Args:
        f: the function.
        named: the names of a point that is given by keywords.

    Raises:
        TypeError: if there is such a parameter.
    """
    optional = [p.name for p in _parameters(f) or () if p.default is not p.empty]
    if taken := [name for name in optional if name in OPTIONS and name not in named]:
        raise TypeError(f"f has a parameter {taken[0]}, which{_ALSO_AN_OPTION} at={{'x': 0.5}}")


_ALSO_AN_OPTION = " is also an option of the check: give the point as"


def _advice(missing: Sequence[str], parameters: Sequence[inspect.Parameter], args: Sequence[Any]) -> str:
    if taken := [name for name in missing if name in OPTIONS]:
        return f"; {taken[0]}{_ALSO_AN_OPTION} at={{'{taken[0]}': ...}}"
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name in missing]
    return f"; {keywords[0]} is given by name alone: give the point by names" if args and keywords else ""


def _count(n: int) -> str:
    return f"{n} argument{'' if n == 1 else 's'}"


def _signature(parameters: Sequence[inspect.Parameter]) -> str:
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return ", ".join(f"{stars.get(p.kind, '')}{p.name}" for p in parameters) or "no arguments"

"""Numbers that leave the record, and whether they come back.

`float(w)`, `math.tanh(w)` and `array[0] = w` take a plain number out of a Value, and no gradient flows
through it. That is right for a loss that is printed or collected, and a mistake if the number is an operand
again. Python shows where a number leaves, and where a plain number becomes an operand. Whether the second
comes from the first is read in the source, by `engine.flows`. A number that is only printed, compared or
collected causes no warning. Nor does one in code without a source, such as what `python -c` runs.

A comparison leaves the record too: Python takes a branch, and a compiled program takes it for every sample.
"""

from __future__ import annotations

import ast
import math
import os
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from engine.flows import Departure, SourceCode, name_of, position
from engine.ops import OPS

__all__ = ["LeftRecordWarning"]


class LeftRecordWarning(UserWarning):
    """A number left the record and came back, or a branch was taken while recording a compiled source."""


watching = False
"""Whether a number has left that may come back: only then is a plain operand looked at."""


# --- Whose code a frame runs.

_ENGINE = os.path.dirname(os.path.abspath(__file__))
_NN = os.path.join(os.path.dirname(_ENGINE), "nn")
_LIBRARIES = tuple(
    os.path.join(os.path.abspath(sysconfig.get_path(name)), "")
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_CHECKS = tuple(
    os.path.join(_ENGINE, room, "") for room in ("check", "grading", "compiler", "plugin", "show")
)
_COMPUTES = (
    os.path.join(_ENGINE, ""),
    *[os.path.join(_NN, f"{room}.py") for room in ("modules", "activations", "losses", "tables")],
)

Owner: TypeAlias = Literal["user", "library", "computes", "checks"]
"""Whose code: of ours, what computes with Values, and what checks or trains and has numbers as data."""

_owners: dict[str, Owner] = {}


def _owner(filename: str) -> Owner:
    owner = _owners.get(filename)
    if owner is None:
        path = os.path.abspath(filename)
        if filename.startswith("<frozen "):
            owner = "library"
        elif path.startswith((*_CHECKS, os.path.join(_NN, ""))) and not path.startswith(_COMPUTES[1:]):
            owner = "checks"
        elif path.startswith(_COMPUTES):
            owner = "computes"
        else:
            owner = "library" if path.startswith(_LIBRARIES) else "user"
        _owners[filename] = owner
    return owner


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that runs the user's code."""
    while frame is not None and _owner(frame.f_code.co_filename) != "user":
        frame = frame.f_back
    return frame


def user_place(depth: int = 1) -> str:
    """The line of the user's code that is running, as "file:line"; "" if there is none."""
    frame = user_frame(sys._getframe(depth))
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""


# --- Comparisons.


class Compared(Protocol):
    """A value that may have been compared."""

    serial: int
    label: str


comparisons: dict[int, tuple[int, CodeType, int]] = {}
"""The last comparison of values by their serial: a serial, as its time, and the instruction."""

MOST_COMPARISONS = 10_000
"""So many are remembered, or up to twice as many."""


def forget_comparisons() -> None:
    """Forget the oldest comparisons."""
    for serial in list(islice(comparisons, MOST_COMPARISONS)):
        del comparisons[serial]


def compare(values: Iterable[Compared], time: int) -> None:
    """Remember which values Python compares, and in which line of the user's code.

    Args:
        values: the values.
        time: a serial.
    """
    frame = sys._getframe(3)
    while _owner(frame.f_code.co_filename) == "library" and frame.f_back is not None:
        frame = frame.f_back
    for value in values:
        comparisons[value.serial] = time, frame.f_code, frame.f_lasti
    if len(comparisons) > 2 * MOST_COMPARISONS:
        forget_comparisons()


def warn_of_branches(
    order: Sequence[Compared], inputs: Sequence[Compared], runs: str = "program", each: str = "sample"
) -> None:
    """Warn of values that Python compared while their graph was recorded: a branch is fixed.

    Args:
        order: the graph that is run again, parents first.
        inputs: the leaves that change; a branch may have left one out.
        runs: what runs it again.
        each: what the leaves change for.
    """
    if not order:
        return
    last = order[-1].serial
    for value in dict.fromkeys((*order, *inputs)):
        time, code, instruction = comparisons.get(value.serial, (last, None, 0))
        if code is not None and time < last and _owner(code.co_filename) == "user":
            warnings.warn_explicit(
                f"{value.label or 'a value'} was compared or rounded here while the graph was recorded: "
                f"if the {runs} depends on that, it takes this branch for every {each}. Choose with "
                "engine.where, max, min or relu, which choose anew for each; or use .data, if the branch is "
                "meant to stay.",
                LeftRecordWarning,
                code.co_filename,
                position(code, instruction)[0] or code.co_firstlineno,
                registry=_branches_told,
            )


_branches_told: dict[Any, Any] = {}


# --- Numbers that leave and come back.


class _Site(NamedTuple):
    """What is known of a place where a number leaves, or is returned after it left.

    Args:
        source: what it is in.
        departure: the number as it leaves there; None if there is no source.
        result: the function that gives the number there; None if the source does not say.
        returned: the number, if the function around returns it.
    """

    source: SourceCode
    departure: Departure | None = None
    result: Callable[[float], float] | None = None
    returned: Departure | None = None


_sources: dict[int, tuple[dict[Any, Any], SourceCode]] = {}  # by the id of what the module has warned of
_codes: dict[int, tuple[CodeType, SourceCode]] = {}  # the code is kept, so that its id stays its own
_seen: dict[tuple[int, int], _Site] = {}  # where numbers left
_met: dict[tuple[int, int, str], tuple[Departure | None, set[Any]]] = {}  # where plain operands were used
_NAMES_ELSEWHERE = {"fabs": "abs", **{op.alias: name for name, op in OPS.items() if op.alias}}
_MOST_CODES = 5_000


def _source_of(frame: FrameType) -> SourceCode:
    known = _codes.get(id(frame.f_code))
    if known is None:
        if len(_codes) >= _MOST_CODES:
            for kept in (_sources, _codes, _seen, _met):
                kept.clear()
        registry = _registry(frame)
        if id(registry) not in _sources:
            is_in_cells = frame.f_globals.get("__file__") != frame.f_code.co_filename
            _sources[id(registry)] = registry, SourceCode(is_in_cells=is_in_cells)
        source = _sources[id(registry)][1]
        source.read(frame.f_code.co_filename)
        known = _codes[id(frame.f_code)] = frame.f_code, source
    return known[1]


def leave(number: float) -> None:
    """A number leaves the record in the frame that calls `Value.__float__`."""
    direct = sys._getframe(2)
    site = _seen.get((id(direct.f_code), direct.f_lasti))
    if site is not None and site.returned is None:  # nearly always
        if watching and site.result is not None and site.departure is not None:
            site.source.remember(site.departure, site.result, number)
        return
    if _owner(direct.f_code.co_filename) in ("computes", "checks"):  # our own code knows what it does
        return
    frame = user_frame(direct)
    called, departure = False, None
    while frame is not None:
        key = id(frame.f_code), frame.f_lasti
        site = _seen.get(key)
        if site is None:
            left = number if frame is direct else None
            site = _seen[key] = _follow(frame, departure, called=called, number=left)
        if frame is direct and site.result and site.departure:
            site.source.remember(site.departure, site.result, number)
        if site.returned is None:
            return
        departure, caller = site.returned, user_frame(frame.f_back)
        called = frame.f_back is not caller and _is_ours(frame.f_back)
        frame = caller


def _is_ours(frame: FrameType | None) -> bool:
    """Whether a function of the user's was called by the engine, as the activation of a network is."""
    while frame is not None and _owner(frame.f_code.co_filename) == "library":
        frame = frame.f_back
    return frame is not None and _owner(frame.f_code.co_filename) == "computes"


def _follow(frame: FrameType, departure: Departure | None, *, called: bool, number: float | None) -> _Site:
    """Follow a number from a frame.

    Args:
        frame: where it leaves, or where a function that returned it was called.
        departure: where it left, if that is elsewhere.
        called: whether the engine called the function that returned it.
        number: what leaves there; None if a library takes it, or a function returns it.
    """
    global watching
    source = _source_of(frame)
    node = source.at(frame.f_code, frame.f_lasti)
    if node is None:
        return _Site(source)
    result = None if number is None else _result(node, number)
    try:
        departure = departure or Departure(
            ast.unparse(node),
            _advice(node),
            frame.f_code.co_filename,
            frame.f_lineno,
            _registry(frame),
            unchanged=result is not None,
        )
        watching = source.leave(node, departure, called=called) or watching
    except RecursionError:  # an expression of hundreds of terms is not followed
        return _Site(source)
    _met.clear()
    return _Site(source, departure, result, source.result(node))


def _result(node: ast.AST, number: float) -> Callable[[float], float] | None:
    """The function that an expression applies to the number that leaves there, if the source says which."""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        return None
    function = float if name_of(node.func) == "float" else getattr(math, name_of(node.func), None)
    try:
        return function if function and isinstance(function(number), float) else None
    except TypeError:  # it takes more than one number
        return None
    except (ArithmeticError, ValueError):
        return function


def _advice(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        name = _NAMES_ELSEWHERE.get(name_of(node.func), name_of(node.func))
        if name in OPS:
            return f"use engine.{name}"
        if name == "float":
            return "use the Value itself"
        if name in ("array", "asarray", "full", "fromiter"):
            return "give the array dtype=object, which keeps Values"
        return "compute it with functions of engine"
    return "give the array dtype=object, which keeps Values"


def _registry(frame: FrameType) -> dict[Any, Any]:
    registry: dict[Any, Any] = frame.f_globals.setdefault("__warningregistry__", {})
    return registry


def come_back(number: Any, *, left: bool = False) -> None:
    """A plain number becomes an operand: warn if it had left the record.

    Args:
        number: the number.
        left: whether it stands on the left of an operator.
    """
    if number.__class__ is int:  # what leaves is a float, or comes from int and round, whose derivative is 0
        return
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        owner = _owners.get(filename := frame.f_code.co_filename) or _owner(filename)
        if owner == "user":
            break
        if owner == "checks":  # the number is data there
            return
        frame = frame.f_back
    if frame is None:
        return
    side = "left" if left else "right"
    key = id(frame.f_code), frame.f_lasti, side
    if key not in _met:
        node = _source_of(frame).at(frame.f_code, frame.f_lasti)
        departure = _source_of(frame).operand(node, side) if node else None
        _met[key] = departure, _literals(node) if node and departure else set()
    departure, literals = _met[key]
    if departure is None or number in literals or _is_checked(frame):
        return
    departure = _source_of(frame).departure(departure, number)
    if departure is not None and _is_given(frame, departure):
        _warn(departure, frame)


def _is_given(frame: FrameType, departure: Departure) -> bool:
    """Whether the function got the number in this call: others may give it numbers that left."""
    source, caller = _source_of(frame), user_frame(frame.f_back)
    node = source.at(frame.f_code, frame.f_lasti)
    call = source.at(caller.f_code, caller.f_lasti) if caller else None
    return node is None or source.is_given(node, departure, call)


def _literals(node: ast.AST) -> set[Any]:
    """The numbers that are written in a call."""
    if not isinstance(node, ast.Call):
        return set()
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}


def _is_checked(frame: FrameType | None) -> bool:
    """Whether the function runs in a check, whose report says so itself."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_CHECKS):
            return True
        frame = frame.f_back
    return False


def _warn(departure: Departure, frame: FrameType) -> None:
    code = departure.code if len(departure.code) <= 60 else departure.code[:57] + "..."
    filename, line = frame.f_code.co_filename, frame.f_lineno
    place = f"{filename}:{line}" if filename != departure.filename else f"line {line}"
    where = f" (in {place})" if (filename, line) != (departure.filename, departure.line) else ""
    warnings.warn_explicit(
        f"{code} takes a number out of the record, and it comes back into a recorded computation{where}: no "
        f"gradient flows through it. Instead, {departure.advice}; or take .data, if that is meant.",
        LeftRecordWarning,
        departure.filename,
        departure.line,
        registry=departure.registry,
    )

"""Numbers that leave the record, and whether they come back.

`float(w)`, `math.tanh(w)` and `array[0] = w` take a plain number out of a Value, and no gradient flows
through it. That is right for a loss that is printed or collected, and a mistake if the number is an operand
again. Python shows where a number leaves, and where a plain number becomes an operand. Whether the second
comes from the first is read in the source of the function that holds both: from name to name, through lists,
arrays, attributes and results of functions. A number that is only printed, compared or collected causes no
warning. Nor does one in code without a source, such as what `python -c` runs.

A comparison leaves the record too: Python takes a branch, and a compiled program takes it for every sample.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import sysconfig
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from engine.ops import OPS

__all__ = ["LeftRecordWarning"]


class LeftRecordWarning(UserWarning):
    """A number left the record and came back, or a branch was taken while recording a compiled program."""


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


def warn_of_branches(order: Sequence[Compared]) -> None:
    """Warn of values that Python compared while their graph was recorded: a branch is fixed.

    Args:
        order: the graph that is compiled, parents first.
    """
    if not order:
        return
    last = order[-1].serial
    for value in order:
        time, code, instruction = comparisons.get(value.serial, (last, None, 0))
        if code is not None and time < last and _owner(code.co_filename) in ("user", "library"):
            warnings.warn_explicit(
                f"{value.label or 'a value'} was compared here while the graph was recorded: if the program "
                "branches on it, it takes this branch for every sample. Choose with engine.where, max, min "
                "or relu, which choose anew for each; or compare .data, if the branch is meant to stay.",
                LeftRecordWarning,
                code.co_filename,
                _position(code, instruction)[0] or code.co_firstlineno,
                registry=_branches_told,
            )


_branches_told: dict[Any, Any] = {}


def _position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """Where an instruction is in the source: first line, last line, first column, last column."""
    return next(islice(code.co_positions(), instruction // 2, None), (None,))


# --- Numbers that leave and come back.


class _Departure(NamedTuple):
    """Where a number left the record.

    Args:
        code: the expression that took it.
        advice: what to use instead.
        filename: where that is.
        line: the line there.
        registry: what Python has warned of there already.
    """

    code: str
    advice: str
    filename: str
    line: int
    registry: dict[Any, Any]


_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Variable: TypeAlias = tuple[ast.AST, str]
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COLLECTS = {"add", "append", "appendleft", "extend", "fill", "insert", "put", "setdefault", "update"}
_GIVES_NO_NUMBER = {
    "bool",
    "format",
    "id",
    "int",
    "isinstance",
    "len",
    "print",
    "repr",
    "round",
    "str",
    "type",
}
_GIVES_NO_VALUE = {*_GIVES_NO_NUMBER, "float"}
_GIVES_NO_NUMBER |= {"Value", "parameter"}  # a new leaf, on purpose
_RECORDS_NOTHING = (
    _COLLECTS | _GIVES_NO_NUMBER | {"enumerate", "float", "list", "sorted", "sum", "tuple", "zip"}
)
_PLAIN_MODULES = {"cmath", "json", "logging", "math", "plt", "random", "statistics"}
_OTHER_NUMBERS = {"data", "dtype", "grad", "label", "ndim", "shape", "size"}  # attributes
_NAMES_ELSEWHERE = {"fabs": "abs", **{op.alias: name for name, op in OPS.items() if op.alias}}


class _Scope:
    """A function of the user's, with the functions inside it; or the lines of a module outside functions.

    Args:
        tree: its syntax.
        file: the file that it is in.
    """

    def __init__(self, tree: ast.AST, file: _File) -> None:
        self._file = file
        self._is_module = isinstance(tree, ast.Module)
        self._nodes = list(_within(tree))
        self._own = {file.variable(n) for n in self._nodes if _is_stored(n)}
        self._parameters = {file.variable(n) for n in self._nodes if isinstance(n, ast.arg)}
        self._own |= self._parameters
        self._plain: set[_Variable] = set()
        self._names: dict[_Variable, _Departure] = {}
        self._carried: dict[ast.AST, _Departure | None] = {}  # as known in one round
        self.sources: dict[ast.AST, _Departure] = {}
        self.called: dict[ast.AST, _Departure] = {}  # calls in which the engine got such a number
        self.returns: dict[_Function, _Departure] = {}

    def follow(self) -> bool:
        """Follow the numbers that left until nothing new is reached; return whether one may come back."""
        self._file.work += len(self._nodes)
        if self._file.work > _MOST_WORK:
            return False
        shared, before = len(self._file.attributes), -1
        while before != (before := len(self._names) + len(self._file.attributes) + len(self.returns)):
            self._carried.clear()
            for node in self._nodes:
                self._effect(node)
        self._find_plain_names()
        self._file.forget_carried()
        if self.called or self._comes_back():
            return True
        reaches_others = len(self._file.attributes) > shared or (self._is_module and self._names)
        return bool(reaches_others) and any(scope._comes_back() for scope in self._file.scopes())

    def forget_carried(self) -> None:
        """Find out anew what carries a number that left."""
        self._carried.clear()

    def receive(self, parameter: ast.arg, departure: _Departure) -> None:
        """Follow a number that left and is an argument now."""
        global watching
        name = self._file.variable(parameter)
        if name not in self._names:
            self._names[name] = departure
            watching = self.follow() or watching

    def _comes_back(self) -> bool:
        """Whether a number that left may be a plain operand here."""
        return any(self.operand(node, side) for node in self._nodes for side in ("left", "right"))

    def operand(self, node: ast.AST, side: str) -> _Departure | None:
        """The number that left and is the plain operand of an operation.

        Args:
            node: what was running when the operation was recorded.
            side: on which side of an operator the plain operand stands.
        """
        if self._file.is_shown(node):
            return None
        match node:
            case ast.BinOp(left=a, right=b) | ast.AugAssign(target=a, value=b):
                plain, other = (a, b) if side == "left" else (b, a)
                return None if self._is_plain(other) else self.carried(plain)
            case ast.Call(func=func):
                if _name(func) in _RECORDS_NOTHING or _name(getattr(func, "value", func)) in _PLAIN_MODULES:
                    return None
                if node in self.sources:
                    return self.called.get(node)
                parts: list[ast.AST] = [*node.args, *[keyword.value for keyword in node.keywords]]
                parts += [func.value] if isinstance(func, ast.Attribute) else []
                return next(filter(None, map(self.carried, parts)), None)
        return None

    def _is_plain(self, node: ast.AST) -> bool:
        """Whether an expression is surely a plain number."""
        if node in self.sources:
            return True
        match node:
            case ast.Constant() | ast.Compare() | ast.JoinedStr():
                return True
            case ast.Name():
                return self._file.variable(node) in self._plain
            case ast.BinOp(left=a, right=b):
                return self._is_plain(a) and self._is_plain(b)
            case ast.UnaryOp(operand=a):
                return self._is_plain(a)
            case ast.Call(func=func):
                return _name(func) in _GIVES_NO_VALUE
        return False

    def _find_plain_names(self) -> None:
        """Find the names that only ever hold plain numbers, such as a total that starts at 0."""
        given: dict[_Variable, list[ast.AST]] = defaultdict(list)
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name() as name], value=value):
                    given[self._file.variable(name)].append(value)
                case ast.AugAssign(target=ast.Name() as name, value=value):
                    given[self._file.variable(name)].append(value)
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    for target, value in zip(names, values, strict=False):
                        given[self._file.variable(target)].append(value)
        stores = Counter(self._file.variable(n) for n in self._nodes if _is_stored(n))
        plain = {name for name, values in given.items() if stores[name] == len(values)} - self._parameters
        before, self._plain = -1, plain
        while before != (before := len(plain)):
            plain = {name for name in plain if all(map(self._is_plain, given[name]))}
            self._plain = plain

    def carried(self, node: ast.AST) -> _Departure | None:
        """The number that left and that the value of an expression is made of."""
        if node not in self._carried:
            self._carried[node] = self._find_carried(node)
        return self._carried[node]

    def _find_carried(self, node: ast.AST) -> _Departure | None:
        if node in self.sources:
            return self.sources[node]
        match node:
            case ast.Compare() | ast.JoinedStr() | ast.Constant() | ast.Lambda():
                return None
            case ast.Name(id=name):
                variable = self._file.variable(node)
                found = self._names.get(variable)
                return found or (None if variable in self._own else self._file.module_name(name))
            case ast.Attribute(value=base, attr=name):
                if name in _OTHER_NUMBERS:
                    return None
                return self._file.attributes.get(name) or self.carried(base)
            case ast.IfExp(body=body, orelse=orelse):
                return self.carried(body) or self.carried(orelse)
            case ast.Subscript(value=base):
                return self.carried(base)
            case ast.Call(func=func) if _name(func) in _GIVES_NO_NUMBER:
                return None
            case ast.Call(func=func) if _name(func) in self._file.generators:
                return self._file.generators[_name(func)]
        parts = (part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.comprehension))
        return next(filter(None, map(self.carried, parts)), None)

    def _effect(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target, value):
                self._assign(target, value)
            case ast.AugAssign(target=target, value=value):
                self._assign(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._assign(target, value)
            case ast.Call(func=ast.Attribute(value=base, attr=name), args=args) if name in _COLLECTS:
                for value in args:
                    self._assign(base, value)
            case ast.Subscript(ctx=ast.Store()) if node in self.sources:  # array[0] = w
                self._bind(node, self.sources[node])
            case ast.Call(func=func, args=args):
                for place, value in enumerate(args):
                    if departure := self.carried(value):
                        self._file.hand_over(_name(func), place, departure)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                departure, function = self.carried(value), self._file.function_of(node)
                if departure and function is not None:
                    self.returns[function] = departure
                    if isinstance(node, ast.Yield):
                        self._file.generators[getattr(function, "name", "")] = departure
            case ast.Lambda(body=value):
                if departure := self.carried(value):
                    self.returns[node] = departure

    def _assign(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple) and (values := _values(value)):
            for one, number in zip(target.elts, values, strict=False):
                self._assign(one, number)
        elif departure := self.carried(value):
            self._bind(target, departure)

    def _bind(self, target: ast.AST, departure: _Departure) -> None:
        match target:
            case ast.Name():
                self._names.setdefault(self._file.variable(target), departure)
            case ast.Attribute(attr=name) if name not in _OTHER_NUMBERS:
                self._file.attributes.setdefault(name, departure)
            case ast.Subscript(value=base) | ast.Starred(value=base):
                self._bind(base, departure)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for one in targets:
                    self._bind(one, departure)


class _File:
    """The source of a file, or of what a notebook ran as one.

    Args:
        text: the source.

    Raises:
        SyntaxError: if it is not Python.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.attributes: dict[str, _Departure] = {}
        self.work = 0
        self._shown: dict[ast.AST, bool] = {}
        self._module = ast.parse(text)
        self._scopes: dict[ast.AST, _Scope] = {}
        self._outer: dict[ast.AST, ast.AST] = {}
        self._at: dict[tuple[int | None, ...], ast.AST] = {}
        self._bounds: dict[ast.AST, set[str]] = {}
        self.generators: dict[str, _Departure] = {}
        self._functions: dict[str, list[ast.FunctionDef]] = defaultdict(list)
        for node in ast.walk(self._module):
            for child in ast.iter_child_nodes(node):
                self._outer[child] = node
            if isinstance(node, ast.FunctionDef):
                self._functions[node.name].append(node)
            if isinstance(node, (ast.expr, ast.stmt)):
                position = node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
                if not isinstance(node, ast.Expr):
                    self._at[position] = node

    def at(self, code: CodeType, instruction: int) -> ast.AST | None:
        """What an instruction computes."""
        return self._at.get(_position(code, instruction))

    def function_of(self, node: ast.AST) -> _Function | None:
        """The innermost function around."""
        found = next((n for n in self._around(node) if isinstance(n, _FUNCTIONS)), None)
        return found if isinstance(found, _FUNCTIONS) else None

    def scope(self, node: ast.AST) -> _Scope:
        """The outermost function around, or the module."""
        functions = [n for n in self._around(node) if isinstance(n, _FUNCTIONS)]
        return self._scope(functions[-1] if functions else self._module)

    def scopes(self) -> list[_Scope]:
        """Every outermost function, and the module."""
        functions = [n for n in self._outer if isinstance(n, _FUNCTIONS) and self.function_of(n) is None]
        return [self._scope(tree) for tree in (self._module, *functions)]

    def is_shown(self, node: ast.AST) -> bool:
        """Whether what an expression gives is only printed or compared, so that no gradient is asked for."""
        if node not in self._shown:
            outer = self._outer.get(node)
            self._shown[node] = isinstance(outer, (ast.expr, ast.comprehension)) and (
                isinstance(outer, (ast.Compare, ast.JoinedStr))
                or (isinstance(outer, ast.Call) and _name(outer.func) == "print")
                or self.is_shown(outer)
            )
        return self._shown[node]

    def forget_carried(self) -> None:
        """Let every scope find out anew what carries a number that left."""
        for scope in self._scopes.values():
            scope.forget_carried()

    def hand_over(self, name: str, place: int, departure: _Departure) -> None:
        """A number that left is the argument of a function: if that is in this file, follow it there."""
        for function in self._functions.get(name, ()):
            parameters = [*function.args.posonlyargs, *function.args.args]
            parameters = [parameter for parameter in parameters if parameter.arg != "self"]
            if place < len(parameters):
                self.scope(function.body[0]).receive(parameters[place], departure)

    def module_name(self, name: str) -> _Departure | None:
        """The number that left and that a name of the module holds."""
        module = self._scopes.get(self._module)
        return module._names.get((self._module, name)) if module else None

    def variable(self, node: ast.AST) -> _Variable:
        """A name with the function or comprehension that it belongs to."""
        name = getattr(node, "id", getattr(node, "arg", ""))
        around = [n for n in self._around(node) if isinstance(n, (*_FUNCTIONS, *_COMPREHENSIONS))]
        own = next((n for n in around if name in self._bound(n)), None)
        return own or self._module, name

    def _bound(self, place: ast.AST) -> set[str]:
        """The names that a function or a comprehension binds."""
        if place not in self._bounds:
            inner = [place]
            names: set[str] = set()
            while inner:
                for n in ast.iter_child_nodes(inner.pop()):
                    if isinstance(n, ast.arg):
                        names.add(n.arg)
                    elif isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
                        names.add(n.id)
                    if not isinstance(n, (*_FUNCTIONS, *_COMPREHENSIONS)):
                        inner.append(n)
            self._bounds[place] = names
        return self._bounds[place]

    def _scope(self, tree: ast.AST) -> _Scope:
        if tree not in self._scopes:
            self._scopes[tree] = _Scope(tree, self)
        return self._scopes[tree]

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._outer:
            yield (node := self._outer[node])


def _within(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes; of a module those outside functions."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        if not (isinstance(tree, ast.Module) and isinstance(node, _FUNCTIONS)):
            stack.extend(ast.iter_child_nodes(node))


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _values(node: ast.AST) -> list[ast.expr]:
    """What is unpacked into several names, one for each; empty if that is not known."""
    match node:
        case ast.Tuple(elts=values):
            return values
        case ast.Call(func=ast.Name(id="zip"), args=values):
            return values
        case ast.Call(func=ast.Name(id="enumerate"), args=[values, *_]):
            return [ast.Constant(0), values]
    return []


def _name(function: ast.AST) -> str:
    """The last name of what is called: tanh of math.tanh."""
    return getattr(function, "attr", getattr(function, "id", ""))


_files: dict[str, _File] = {}
_codes: dict[int, tuple[CodeType, _File | None]] = {}  # the code is kept, so that its id stays its own
_seen: dict[tuple[int, int], bool] = {}  # where numbers left: whether the function returns them
_met: dict[tuple[int, int, str], tuple[_Departure | None, set[Any]]] = {}  # where plain operands were used
_MOST_CODES = 5_000
_MOST_WORK = 500_000  # nodes of a file that are looked at; then its numbers are not followed any more


def _file_of(code: CodeType) -> _File | None:
    known = _codes.get(id(code))
    if known is None:
        if len(_codes) >= _MOST_CODES:
            for kept in (_files, _codes, _seen, _met):
                kept.clear()
        known = _codes[id(code)] = code, _parsed(code.co_filename)
    return known[1]


def _parsed(filename: str) -> _File | None:
    text = "".join(linecache.getlines(filename))
    known = _files.get(filename)
    if not text or (known and known.text == text):
        return known
    try:
        file = _files[filename] = _File(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return file


def leave() -> None:
    """A number leaves the record in the frame that calls `Value.__float__`."""
    frame: FrameType | None = sys._getframe(2)
    if frame is None or _seen.get((id(frame.f_code), frame.f_lasti)) is False:
        return
    if _owner(frame.f_code.co_filename) in ("computes", "checks"):  # our own code knows what it does
        return
    first = frame = user_frame(frame)
    called, departure = False, None
    while frame is not None:
        key = id(frame.f_code), frame.f_lasti
        returned = _seen.get(key)
        if returned is None:
            if departure is None and frame is not first and first is not None:
                departure = _departure_at(first)
            returned, departure = _follow(frame, departure, called=called)
            _seen[key] = returned
        if not returned:
            return
        caller = user_frame(frame.f_back)
        called = frame.f_back is not caller and _is_ours(frame.f_back)
        frame = caller


def _is_ours(frame: FrameType | None) -> bool:
    """Whether a function of the user's was called by the engine, as the activation of a network is."""
    while frame is not None and _owner(frame.f_code.co_filename) == "library":
        frame = frame.f_back
    return frame is not None and _owner(frame.f_code.co_filename) == "computes"


def _departure_at(frame: FrameType) -> _Departure | None:
    file = _file_of(frame.f_code)
    node = file.at(frame.f_code, frame.f_lasti) if file else None
    return file.scope(node).sources.get(node) if file and node else None


def _follow(
    frame: FrameType, departure: _Departure | None, *, called: bool
) -> tuple[bool, _Departure | None]:
    """Follow a number from a frame; return whether the function returns it, and where it left."""
    global watching
    file = _file_of(frame.f_code)
    node = file.at(frame.f_code, frame.f_lasti) if file else None
    if file is None or node is None:
        return False, departure
    scope = file.scope(node)
    departure = departure or _Departure(
        ast.unparse(node), _advice(node), frame.f_code.co_filename, frame.f_lineno, _registry(frame)
    )
    scope.sources.setdefault(node, departure)
    if called:
        scope.called.setdefault(node, departure)
    try:
        watching = scope.follow() or watching
    except RecursionError:  # an expression of hundreds of terms is not followed
        return False, departure
    _met.clear()
    function = file.function_of(node)
    return function in scope.returns, departure


def _advice(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        name = _NAMES_ELSEWHERE.get(_name(node.func), _name(node.func))
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


def come_back(number: object, *, left: bool = False) -> None:
    """A plain number becomes an operand: warn if it had left the record.

    Args:
        number: the number.
        left: whether it stands on the left of an operator.
    """
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
        file = _file_of(frame.f_code)
        node = file.at(frame.f_code, frame.f_lasti) if file else None
        try:
            departure = file.scope(node).operand(node, side) if file and node else None
        except RecursionError:  # an expression of hundreds of terms is not followed
            departure = None
        _met[key] = departure, _literals(node) if departure and isinstance(node, ast.Call) else set()
    departure, literals = _met[key]
    if departure is not None and number not in literals and not _is_checked(frame):
        _warn(departure, frame)


def _literals(node: ast.AST) -> set[Any]:
    """The numbers that are written in an expression."""
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}


def _is_checked(frame: FrameType | None) -> bool:
    """Whether the function runs in a check, whose report says so itself."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_CHECKS):
            return True
        frame = frame.f_back
    return False


def _warn(departure: _Departure, frame: FrameType) -> None:
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

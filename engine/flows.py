"""Where a number goes in a program, read from its source.

A number that left the record is a plain float, and nothing on it says so. Its way is in the source: from name
to name, through lists, dictionaries, arrays, attributes, arguments and results of functions. `SourceCode`
reads every step of these ways once. A number that leaves is then followed from step to step.

What the source says is more than what happens: one name holds many numbers. So a number that is followed
unchanged must also be one that left.
"""

from __future__ import annotations

import ast
import builtins
import linecache
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice, product
from operator import methodcaller
from types import CodeType
from typing import Any, NamedTuple, TypeAlias


class Departure(NamedTuple):
    """Where a number left the record.

    Args:
        code: the expression that took it.
        advice: what to use instead.
        filename: where that is.
        line: the line there.
        registry: what Python has warned of there already.
        unchanged: whether the number that is followed is still one of those that left here.
        places: in which elements of tuples or dictionaries it is now; None if that is not known.
        passed: the function that it is an argument of; None if it came there in another way too.
    """

    code: str
    advice: str
    filename: str
    line: int
    registry: dict[Any, Any]
    unchanged: bool
    places: frozenset[object] | None = None
    passed: ast.AST | None = None

    def computed(self) -> Departure:
        """Another number is computed of it."""
        return self._replace(unchanged=False, places=None)

    def put(self, place: object) -> Departure:
        """It is put into a tuple or a dictionary."""
        return self._replace(places=None if self.places else frozenset([place]))

    def take(self, place: object) -> Departure | None:
        """What is taken out of a tuple or a dictionary: None if it is not there."""
        places = self.places or ()
        elsewhere = places and place not in places and all(type(p) is type(place) for p in places)
        return None if elsewhere else self._replace(places=None)

    def either(self, other: Departure) -> Departure:
        """It, or another number."""
        places = self.places | other.places if self.places and other.places else None
        passed = self.passed if self.passed is other.passed else None
        unchanged = self.unchanged and other.unchanged
        return self._replace(unchanged=unchanged, places=places, passed=passed)

    def given(self, function: ast.AST | None) -> Departure:
        """It is an argument of a function; of None if it stays when the function has returned."""
        return self._replace(passed=function)


_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Spot: TypeAlias = ast.AST | tuple[Any, ...]
"""Where a number can be: an expression, a name, an attribute, an argument, a result."""

_Change: TypeAlias = Callable[[Departure], Departure | None]
"""What happens to a number on its way; None if it does not get there."""

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
_KEEPS_NUMBERS = {"copy", "float", "list", "max", "min", "next", "reversed", "sorted", "tuple"}
_PLAIN_MODULES = {"cmath", "json", "logging", "math", "plt", "random", "statistics"}
_OTHER_NUMBERS = {"data", "dtype", "grad", "label", "ndim", "shape", "size"}  # attributes
_MOST_NUMBERS = 100_000
_MOST_ARGUMENTS = 10  # that are followed into *args
_UNKNOWN = ast.Pass()


class SourceCode:
    """The source of a module, or of the cells of a notebook: from where to where numbers go in it.

    Args:
        is_in_cells: whether more may be read later.
    """

    def __init__(self, *, is_in_cells: bool) -> None:
        self._is_in_cells = is_in_cells
        self._texts: dict[str, str] = {}
        self._defined: set[str] = set()
        self._at: dict[tuple[Any, ...], ast.AST] = {}
        self._outer: dict[ast.AST, ast.AST] = {}
        self._bounds: dict[ast.AST, set[str]] = {}
        self._bases: dict[str, str] = {}  # of each class the first
        self._flows: dict[_Spot, list[tuple[_Spot, _Change | None]]] = defaultdict(list)
        self._given: dict[_Spot, list[ast.AST]] = defaultdict(list)  # what names hold; _UNKNOWN if not known
        self._shown: dict[ast.AST, bool] = {}
        self._calls: dict[str, list[ast.AST]] = defaultdict(list)
        self._reached: dict[_Spot, Departure] = {}
        self._sources: set[ast.AST] = set()
        self._called: set[ast.AST] = set()  # calls in which the engine got such a number
        self._numbers: dict[float, Departure] = {}  # what left, if the source says which number that was

    def read(self, filename: str) -> None:
        """Read a source, unless it has been read."""
        text = "".join(linecache.getlines(filename))
        if not text or self._texts.get(filename) == text:
            return
        self._texts[filename] = text
        self._shown.clear()
        try:
            nodes: list[ast.AST] = [ast.parse(text)]
        except (SyntaxError, ValueError, RecursionError):
            return
        for node in nodes:  # which grows
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, (ast.expr_context, ast.operator, ast.cmpop)):
                    self._outer[child] = node
                    nodes.append(child)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias)):
                self._defined.add(getattr(node, "asname", None) or node.name)
            if isinstance(node, ast.ClassDef):
                self._bases[node.name] = next(map(name_of, node.bases), "")
            if isinstance(node, ast.Assign) and _is_named_tuple(node.value):
                self._bases[name_of(node.targets[0])] = ""
            if isinstance(node, (ast.expr, ast.stmt)) and not isinstance(node, ast.Expr):
                where = node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
                self._at[filename, where] = node
        for node in nodes:
            self._find_flows(node)
        self._spread([spot for spot in self._reached if isinstance(spot, tuple)])

    def at(self, code: CodeType, instruction: int) -> ast.AST | None:
        """What an instruction computes."""
        return self._at.get((code.co_filename, position(code, instruction)))

    def remember(self, departure: Departure, result: Callable[[float], float], number: float) -> None:
        """Remember which number is outside the record now.

        Args:
            departure: where it left.
            result: the function that is applied to it there.
            number: what left.
        """
        if len(self._numbers) >= _MOST_NUMBERS:
            self._numbers.clear()
        with suppress(ArithmeticError, ValueError):
            self._numbers[result(number)] = departure

    def departure(self, found: Departure, number: Any) -> Departure | None:
        """Where a number left.

        Args:
            found: where it left, as the source says.
            number: the number.

        Returns:
            That; None if the source may speak of another number.
        """
        return self._numbers.get(number) if found.unchanged else found

    # --- From where to where.

    def _find_flows(self, node: ast.AST) -> None:
        """Find the steps that start or end at a node of the source."""
        if isinstance(node, ast.Subscript):
            self._find_flows_of_elements(node)
        for part in _parts(node) if not self._makes_an_object(node) else ():
            self._flow(part, node, Departure.computed if _computes(node) else None)
        match node:
            case ast.Tuple(elts=values):
                for place, value in zip(_places(values), values, strict=True):
                    self._flow(value, node, methodcaller("put", place))
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    self._flow(value, node, methodcaller("put", getattr(key, "value", None)))
            case ast.Name(id=name):
                self._flow(self._variable(node, name), node)
            case ast.Attribute(attr=name) if name not in _OTHER_NUMBERS:
                family = self._family(node)
                for owner in (family, "") if family else ("any",):
                    self._flow(("attribute", owner, name), node, methodcaller("given", None))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
                if _is_named_tuple(value):
                    texts = [str(n.value) for n in ast.walk(value) if isinstance(n, ast.Constant)]
                    self._find_fields(name_of(targets[0]), " ".join(texts[1:]).replace(",", " ").split())
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target, value):
                self._assign(target, value)
            case ast.AugAssign(target=target, value=value):
                self._assign(target, value, Departure.computed)
            case (
                ast.For(target=target, iter=value)
                | ast.AsyncFor(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
                | ast.withitem(optional_vars=ast.expr() as target, context_expr=value)
            ):
                running = self._outer[node] if isinstance(node, ast.withitem) else node
                for start in value, running:  # which runs `__next__` or `__enter__`
                    self._assign(target, start, whole=False)
            case ast.Match(subject=subject):
                for inner in ast.walk(node):
                    if isinstance(inner, (ast.MatchAs, ast.MatchStar)) and inner.name:
                        self._flow(subject, self._variable(inner, inner.name))
            case ast.Call():
                self._find_arguments(node)
            case ast.Return(value=ast.expr() as value):
                self._flow(value, ("result", self.function_of(node)))
            case ast.Yield(value=ast.expr() as value) | ast.YieldFrom(value=value):
                self._flow(value, ("yield", getattr(self.function_of(node), "name", "")))
            case ast.Lambda(body=value):
                self._flow(value, ("result", node))
            case ast.ClassDef(name=name, body=body):
                fields = [n.target for n in body if isinstance(n, ast.AnnAssign)]
                self._find_fields(name, [name_of(field) for field in fields])
        if isinstance(node, _FUNCTIONS):
            self._find_parameters(node)

    def _find_flows_of_elements(self, node: ast.Subscript) -> None:
        """Let numbers flow into a list, dictionary or array and out of it."""
        put, take = None, None
        match node.slice:
            case ast.Constant(value=str() as key):
                put, take = methodcaller("put", key), methodcaller("take", key)
            case ast.Constant(value=int() as place) if isinstance(node.value, ast.Subscript):  # rows[-1][0]
                take = methodcaller("take", place)
        self._flow(node.value, node, take)
        for spot in self._into(node.value):
            self._flow(("element", node), spot, put)
        if isinstance(node.ctx, ast.Store):  # array[0] = w
            self._flow(node, ("element", node))

    def _flow(self, start: _Spot, end: _Spot, change: _Change | None = None) -> None:
        self._flows[start].append((end, change))

    def _assign(
        self, target: ast.AST, value: ast.AST, change: _Change | None = None, *, whole: bool = True
    ) -> None:
        """Let a number flow to what it is assigned to.

        Args:
            target: a name, attribute, element or several of them.
            value: what is assigned.
            change: what happens to it.
            whole: whether it is assigned as it is, and not its elements.
        """
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = list(zip(target.elts, _values(value), strict=False))
            for one, part in parts:
                self._assign(one, part, whole=isinstance(value, ast.Tuple))
            for place, one in zip(_places(target.elts), target.elts, strict=True) if not parts else ():
                self._assign(one, value, methodcaller("take", place), whole=False)
            return
        for spot in self._into(target):
            self._flow(value, spot, change)
            self._given[spot].append(value if whole and isinstance(target, ast.Name) else _UNKNOWN)

    def _into(self, target: ast.AST) -> Iterator[_Spot]:
        """Where a number is after it was assigned."""
        match target:
            case ast.Name(id=name):
                yield self._variable(target, name)
            case ast.Attribute(attr=name) if name not in _OTHER_NUMBERS:
                yield from (("attribute", owner, name) for owner in (self._family(target), "any"))
            case ast.Subscript():
                yield "element", target
            case ast.Starred(value=base):
                yield from self._into(base)

    def _find_arguments(self, node: ast.Call) -> None:
        """Let what a function is called with flow to its parameters, or to a list that collects it."""
        func, name = node.func, name_of(node.func)
        for keyword in node.keywords if name == "dict" else ():
            self._flow(keyword.value, node, methodcaller("put", keyword.arg))
        self._flow(("yield", name), node)
        self._calls[name].append(node)
        if isinstance(func, ast.Attribute) and name in _COLLECTS:
            for value, spot in product(node.args, list(self._into(func.value))):
                self._flow(value, spot)
            return
        names = [name] if self._is_named(func) else [name, "__call__"]
        places = ["*" if isinstance(value, ast.Starred) else place for place, value in enumerate(node.args)]
        keywords = [keyword.arg or "*" for keyword in node.keywords]
        values = [*node.args, *[keyword.value for keyword in node.keywords]]
        for one, (place, value) in product(
            filter(None, names), list(zip([*places, *keywords], values, strict=True))
        ):
            self._flow(value, ("argument", one, place))
            if isinstance(place, str):
                self._flow(value, ("argument", one, "**"))

    def _is_named(self, function: ast.AST) -> bool:
        """Whether a call is not that of an object that has a `__call__`."""
        if isinstance(function, ast.Attribute):
            return name_of(function.value) != "self"
        return hasattr(builtins, name_of(function)) or name_of(function) in self._defined

    def _find_parameters(self, function: _Function) -> None:
        """Let parameters get the arguments of calls, and what they are by default."""
        given = function.args
        places = [*given.posonlyargs, *given.args]
        defaults = [*zip(reversed(places), reversed(given.defaults), strict=False)]
        defaults += [(p, d) for p, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d]
        for parameter, default in defaults:
            self._flow(default, self._variable(parameter, parameter.arg))
        outer = self._outer.get(function)
        name = name_of(outer.targets[0]) if isinstance(outer, ast.Assign) else getattr(function, "name", "")
        if name == "__init__":
            name = self._class_of(function)
        places = [parameter for parameter in places if parameter.arg not in ("self", "cls")]
        others = [given.vararg, given.kwarg]
        for place, parameter in enumerate([*places, *given.kwonlyargs, *filter(None, others)]):
            spot = self._variable(parameter, parameter.arg)
            self._given[spot].append(_UNKNOWN)
            keys: list[Any] = ["*", parameter.arg, *[place][: place < len(places)]]
            if parameter in others:  # as many as there may be
                keys += [*range(len(places), _MOST_ARGUMENTS)] if parameter is given.vararg else ["**"]
            for key in keys:
                self._flow(("argument", name, key), spot, methodcaller("given", function))

    def _find_fields(self, name: str, fields: Sequence[str]) -> None:
        """Let the arguments of a class without `__init__` flow to the attributes of its objects."""
        for place, field in enumerate(fields):
            for key, owner in product((place, field, "*"), (name, "any")):
                self._flow(("argument", name, key), ("attribute", owner, field))

    def _makes_an_object(self, node: ast.AST) -> bool:
        """Whether an expression calls a class, so that what it is given are attributes."""
        return isinstance(node, ast.Call) and name_of(node.func) in self._bases

    def _spread(self, starts: Iterable[_Spot]) -> bool:
        """Follow numbers that left as far as they go; return whether one may come back."""
        found = False
        stack = list(starts)
        while stack:
            spot = stack.pop()
            here = self._reached[spot]
            found = found or self._may_come_back(spot)
            for end, change in self._flows.get(spot, ()):
                departure = change(here) if change else here
                known = self._reached.get(end)
                after = known.either(departure) if known and departure else departure
                if after is not None and after != known and end not in self._sources:
                    self._reached[end] = after
                    stack.append(end)
        return found

    def leave(self, node: ast.AST, departure: Departure, *, called: bool) -> bool:
        """Follow a number from an expression; return whether it may come back."""
        self._sources.add(node)
        if called:
            self._called.add(node)
        self._reached[node] = departure
        return self._spread([node]) or called

    def result(self, node: ast.AST) -> Departure | None:
        """The number that left and that the function around an expression returns."""
        found = self._reached.get(("result", self.function_of(node)))
        return found and found.given(None)

    def is_given(self, node: ast.AST, departure: Departure, call: ast.AST | None) -> bool:
        """Whether a call of the function around gives it the number, as far as the source says.

        Args:
            node: where the number is an operand.
            departure: where the number left.
            call: what runs the function.
        """
        function = self.function_of(node)
        if function is None or departure.passed is not function or not isinstance(call, ast.Call):
            return True
        is_named = name_of(call.func) == getattr(function, "name", "")
        return not is_named or any(part in self._reached for part in _parts(call))

    # --- What is an operand.

    def operand(self, node: ast.AST, side: str) -> Departure | None:
        """The number that left and is the plain operand of an operation.

        Args:
            node: what was running when the operation was recorded.
            side: on which side of an operator the plain operand stands.
        """
        if self._is_shown(node):
            return None
        match node:
            case ast.BinOp(left=a, right=b) | ast.AugAssign(target=a, value=b):
                return self._reached.get(a if side == "left" else b)
            case ast.Call() if node in self._sources:
                return self._reached[node] if node in self._called else None
            case ast.Call():
                return next(filter(None, map(self._reached.get, _parts(node))), None)
        return None

    def _may_come_back(self, spot: _Spot) -> bool:
        """Whether a number that left may be a plain operand, if it is here."""
        if not isinstance(spot, ast.AST):
            return self._is_in_cells and spot[:2] == ("name", None)  # a cell that is not written yet
        node, outer = spot, self._outer.get(spot)
        outer = self._outer[outer] if isinstance(outer, ast.keyword) else outer
        match outer:
            case ast.BinOp(left=a, right=b) | ast.AugAssign(target=a, value=b):
                return not self._is_plain(b if node is a else a, set()) and not self._is_shown(outer)
            case ast.Call(func=func):
                module = name_of(getattr(func, "value", func))
                records = name_of(func) not in _RECORDS_NOTHING and module not in _PLAIN_MODULES
                return records and outer not in self._sources and not self._is_shown(outer)
        return False

    def _is_plain(self, node: ast.AST, seen: set[_Spot]) -> bool:
        """Whether an expression is surely a plain number."""
        if node in self._sources:
            return True
        match node:
            case ast.Constant() | ast.Compare() | ast.JoinedStr():
                return True
            case ast.Name(id=name):
                spot = self._variable(node, name)
                if spot in seen:
                    return True
                seen.add(spot)
                return spot in self._given and all(self._is_plain(value, seen) for value in self._given[spot])
            case ast.BinOp(left=a, right=b):
                return self._is_plain(a, seen) and self._is_plain(b, seen)
            case ast.UnaryOp(operand=a):
                return self._is_plain(a, seen)
            case ast.Call(func=func):
                return name_of(func) in _GIVES_NO_VALUE
        return False

    def _is_shown(self, node: ast.AST) -> bool:
        """Whether what an expression gives is only printed or compared, so that no gradient is asked for."""
        if node not in self._shown:
            self._shown[node] = False  # while it is looked for
            uses: list[Any] = []
            match outer := self._outer.get(node):
                case ast.Assign(targets=[ast.Name(id=name) as target]):
                    uses = [spot for spot, _ in self._flows[self._variable(node, name)] if spot is not target]
                case ast.Return():
                    uses = self._calls[getattr(self.function_of(node), "name", "")]
                case ast.expr() | ast.comprehension() | ast.Assert():
                    uses = [outer]
            self._shown[node] = _shows(node) or (bool(uses) and all(map(self._is_shown, uses)))
        return self._shown[node]

    # --- What belongs to what.

    def function_of(self, node: ast.AST) -> _Function | None:
        """The innermost function around."""
        found = next((n for n in self._around(node) if isinstance(n, _FUNCTIONS)), None)
        return found if isinstance(found, _FUNCTIONS) else None

    def _class_of(self, node: ast.AST) -> str:
        """The innermost class around."""
        return next((n.name for n in self._around(node) if isinstance(n, ast.ClassDef)), "")

    def _family(self, attribute: ast.Attribute) -> str:
        """The class whose attribute it is, as the oldest that it inherits from; "" if that is not known."""
        if name_of(attribute.value) not in ("self", "cls"):
            return ""
        name, seen = self._class_of(attribute), set[str]()
        while name not in seen and self._bases.get(name) in self._bases:
            seen.add(name)
            name = self._bases[name]
        return name

    def _variable(self, node: ast.AST, name: str) -> _Spot:
        """A name with the function or comprehension that it belongs to; None is the module."""
        around = (n for n in self._around(node) if isinstance(n, (*_FUNCTIONS, *_COMPREHENSIONS)))
        return "name", next((n for n in around if name in self._bound(n)), None), name

    def _bound(self, place: ast.AST) -> set[str]:
        """The names that a function or a comprehension binds."""
        if place not in self._bounds:
            inner = [place]
            names, others = set[str](), set[str]()
            while inner:
                for n in ast.iter_child_nodes(inner.pop()):
                    match n:
                        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                            names.add(name)
                        case ast.Global(names=elsewhere) | ast.Nonlocal(names=elsewhere):
                            others.update(elsewhere)
                    if not isinstance(n, (*_FUNCTIONS, *_COMPREHENSIONS)):
                        inner.append(n)
            self._bounds[place] = names - others
        return self._bounds[place]

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._outer:
            yield (node := self._outer[node])


def _parts(node: ast.AST) -> list[ast.expr]:
    """The expressions that may give an expression its number."""
    match node:
        case ast.Attribute(attr=name, value=base):
            return [] if name in _OTHER_NUMBERS else [base]
        case ast.Compare() | ast.JoinedStr() | ast.Lambda() | ast.Yield() | ast.YieldFrom():
            return []
        case ast.Dict() | ast.Tuple() | ast.Subscript():  # their elements have places
            return []
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.DictComp(value=value):
            return [value]
        case ast.ListComp(elt=value) | ast.SetComp(elt=value) | ast.GeneratorExp(elt=value):
            return [value]
        case ast.Call(func=func, args=args, keywords=keywords):
            if name_of(func) in _GIVES_NO_NUMBER:
                return []
            by_name = [] if name_of(func) == "dict" else [keyword.value for keyword in keywords]
            return [func, *args, *by_name]
        case ast.expr():
            return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return []


def _places(elements: Sequence[ast.expr]) -> Sequence[int | None]:
    """The place of each element of a tuple; None if one of them is starred."""
    starred = any(isinstance(element, ast.Starred) for element in elements)
    return [None if starred else place for place in range(len(elements))]


def _computes(node: ast.AST) -> bool:
    """Whether an expression gives another number than those that it is made of."""
    if isinstance(node, ast.Call):
        return name_of(node.func) not in _KEEPS_NUMBERS
    return isinstance(node, (ast.BinOp, ast.UnaryOp))


def _is_named_tuple(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) == "namedtuple"


def _shows(node: ast.AST) -> bool:
    """Whether an expression or a statement prints or compares."""
    name = name_of(node.func) if isinstance(node, ast.Call) else ""
    compares = isinstance(node, (ast.Compare, ast.JoinedStr, ast.Assert))
    return compares or name == "print" or name.startswith("assert")


def _values(node: ast.AST) -> list[ast.expr]:
    """What is unpacked into several names, one for each; empty if that is not known."""
    match node:
        case ast.Tuple(elts=values):
            return values
        case ast.Call(func=ast.Name(id="zip"), args=values):
            return values
        case ast.Call(func=ast.Name(id="enumerate"), args=[values, *_]):
            return [ast.Constant(0), values]
        case ast.Call(func=ast.Attribute(attr="items", value=values)):
            return [ast.Constant(0), values]
    return []


def name_of(function: ast.AST) -> str:
    """The last name of what is called: tanh of math.tanh."""
    return getattr(function, "attr", getattr(function, "id", ""))


def position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """Where an instruction is in the source: first line, last line, first column, last column."""
    return next(islice(code.co_positions(), instruction // 2, None), (None,))

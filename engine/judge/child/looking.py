"""Finds out how to speak to an engine, by looking.

It constructs, computes, differentiates, and sees what holds the number.

What is found are templates of Python text, such as "Value({0})" and "{0}.grad". All programs are written with
them, so that what is executed is what the student is shown.
"""

import ast
import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any

_A, _B = 3.25, 2.5  # numbers that no engine holds by chance
_DATA = ("data", "value", "val", "v", "x", "item", "primal", "number", "_data", "_value", "_val")
_OPERATORS = {
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "truediv": "({0} / {1})",
    "pow": "({0} ** {1})",
    "neg": "(-{0})",
    "abs": "abs({0})",
}


class Nothing(Exception):  # noqa: N818  # an answer, not an error
    """There is nothing that fits."""


def look(
    differentiating: Any, names: dict[str, Any], request: dict[str, Any], number: Callable[[Any], str]
) -> dict[str, Any]:
    """The dialect of the engine: its templates, or an error in words."""
    asked = request["look"]
    try:
        return _Looking(names, asked, number, differentiating).dialect()
    except Nothing as error:
        return {"error": str(error)}


class _Looking:
    def __init__(
        self, names: dict[str, Any], asked: dict[str, Any], number: Callable[[Any], str], differentiating: Any
    ) -> None:
        self.names, self.asked = names, asked
        self.number, self.differentiating = number, differentiating
        self.reader, self.rank, self.plain, self.foreign = _reader, _rank, _plain, _foreign
        self.error = ""
        self.raised: dict[str, str] = {}  # what ways to differentiate raise

    def dialect(self) -> dict[str, Any]:
        """The best of what all the classes offer."""
        classes = self.classes()
        best, why = None, ""
        for name in classes:
            for make, data in self.constructors(name):
                self.make, self.data = make, data
                self.spelled = {row[0]: self.spelling(row) for row in self.asked["ops"]}
                if not any(self.works(self.spelled[op], 2) for op in ("mul", "add")):
                    why = why or self.nothing(name)
                    continue
                score, backward, grad = self.differentiating.differentiation(self)
                if best is None or score > best[0]:
                    best = (score, name, make, data, backward, grad, self.spelled)
                if not score:
                    why = f"no way was found to make {name} differentiate: {self.differentiating.tried(self)}"
            if best and best[0] >= 400:
                break
        if best is None or not best[0]:
            among = f"among {', '.join(classes)}" if classes else "in the file"
            raise Nothing(why or f"no class of one number was found {among}: give --class and --data")
        _, name, make, data, backward, grad, spelled = best
        self.make, self.data, self.spelled = make, data, spelled
        slope = self.differentiating.slope(self, backward, grad)
        if "grads" not in grad:
            backward = backward.removeprefix("grads = ")
        return {
            "class": name,
            "make": make,
            "data": data,
            "backward": backward,
            "grad": grad,
            "slope": slope,
            "ops": {op: template for op, template in spelled.items() if template},
            "calls": {row[0]: self.calls(row) for row in self.asked["ops"] if spelled[row[0]]},
            "home": self.names["__judged__"].__name__,
        }

    def nothing(self, name: str) -> str:
        """Why there is nothing to judge in a class."""
        op = next((op for op in ("add", "mul") if self.spelled[op]), "")
        if not op:
            return f"{name} has neither a + b nor a * b, so there is nothing to judge"
        self.error = ""
        self.works(self.spelled[op], 2)
        raised = f"raises {self.error}" if self.error else f"has no number in {self.data.format('y')}"
        return f"{name}: y = {ast.unparse(ast.parse(self.spelled[op].format('a', 'b')))} {raised}"

    # --- Classes, and how a number goes in and comes out.

    def classes(self) -> list[str]:
        """The names of the classes that may be it: those of the file itself first."""
        asked, home = self.asked["class"], self.names["__judged__"].__name__
        if asked:
            if not inspect.isclass(self.names.get(asked)):
                raise Nothing(f"there is no class {asked}")
            return [asked]
        found = [
            name
            for name, x in self.names.items()
            if inspect.isclass(x)
            and not issubclass(x, BaseException)
            and x.__module__ not in ("builtins", "typing")
            and not _foreign(x)
        ]
        return sorted(found, key=lambda name: self.names[name].__module__ != home)

    def constructors(self, name: str) -> Iterator[tuple[str, str]]:
        """How to make one of a number, with how to read the number."""
        for make in self.makes(name):
            made = self.run(make.format(repr(_A)))
            if made is None:
                continue
            readers = [self.asked["data"]] if self.asked["data"] else self.readers(made, _A, _DATA)
            for reader in readers:
                template = _reader(reader)
                if self.read(template.format("made"), made=made) == _A:
                    yield make, template
                    return

    def makes(self, name: str) -> Iterator[str]:
        signature: Mapping[str, inspect.Parameter] = {}
        with contextlib.suppress(TypeError, ValueError):
            signature = inspect.signature(self.names[name]).parameters
        tracked = [p for p, x in signature.items() if x.default is False and "grad" in p]
        yield from (f"{name}({{0}}, {parameter}=True)" for parameter in tracked)
        yield f"{name}({{0}})"
        parameters = list(signature)
        for parameter in parameters:
            if parameter.isidentifier() and parameter not in ("args", "kwargs"):
                yield f"{name}({parameter}={{0}})"
        yield f"{name}({{0}}, '')"
        yield f"{name}('x', {{0}})"

    def readers(self, made: Any, x: float, known: Sequence[str]) -> list[str]:
        """The attributes that hold a number, those with the usual names first."""
        found = [name for name in dir(made) if not name.startswith("__") and self.attribute(made, name) == x]
        calls = [f"{name}()" for name in known if callable(getattr(made, name, None))]
        return sorted(calls + found, key=lambda name: _rank(name.removesuffix("()"), known))

    def attribute(self, made: Any, name: str) -> float | None:
        """The number that an attribute holds; None if it holds none."""
        try:
            x = getattr(made, name)
        except Exception:  # a property may do anything
            return None
        return None if callable(x) else self.as_number(x)

    # --- Operations.

    def spelling(self, row: Sequence[Any]) -> str:
        """How an operation is written: as an operator, a method, a function or a class of its own."""
        name, words, operator, points = row
        operands = [f"p_{i}" for i in range(len(points))]
        space = {o: self.run(self.make.format(repr(x))) for o, x in zip(operands, points, strict=False)}
        there = ""
        for template in self.candidates(words, operator, space["p_0"], operands):
            text = template.format(*operands)
            there = there or template
            if self.asked["careful"] and name not in ("add", "mul"):
                return there  # one of them ends the process
            y = self.run(text, **space)
            if y is not None and self.read(self.data.format("y"), y=y) is not None:
                return template
        return there

    def candidates(self, words: list[str], operator: str, operand: Any, operands: list[str]) -> Iterator[str]:
        holes = [f"{{{i}}}" for i in range(len(operands))]
        first, rest, every = holes[0], ", ".join(holes[1:]), ", ".join(holes)
        if operator and hasattr(type(operand), f"__{operator}__"):
            yield _OPERATORS[operator]
        for name in dir(operand):
            if _plain(name) in words and not name.startswith("_") and callable(getattr(operand, name, None)):
                yield f"{first}.{name}({rest})"
                yield f"{self.make.partition('(')[0]}.{name}({every})"
        for name, x in list(self.names.items()):
            if _plain(name) not in words or isinstance(x, ModuleType) or not callable(x):
                continue
            if inspect.isclass(x):
                yield from (f"{name}({every})", f"{name}.apply({every})", f"{name}()({every})")
            elif inspect.isfunction(x) and not _foreign(x):
                yield f"{name}({every})"
        for holder, x in list(self.names.items()):  # functions that a class holds
            if inspect.isclass(x) and not _foreign(x):
                for name in vars(x):
                    if _plain(name) in words and isinstance(vars(x)[name], staticmethod):
                        yield f"{holder}.{name}({every})"

    def works(self, template: str, count: int) -> bool:
        if not template:
            return False
        space = {
            f"p_{i}": self.run(self.make.format(repr(x)))
            for i, x in zip(range(count), (_A, _B), strict=False)
        }
        y = self.run(template.format(*space), (), **space)
        return y is not None and self.read(self.data.format("y"), y=y) is not None

    def calls(self, row: Sequence[Any]) -> list[str]:
        """The functions of the engine that an operation calls, by name."""
        name, _, _, points = row
        called: list[str] = []
        if self.asked["careful"]:
            return called

        def watch(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and not frame.f_code.co_filename.startswith("<"):
                called.append(frame.f_code.co_name)

        operands = [f"p_{i}" for i in range(len(points))]
        space = {o: self.run(self.make.format(repr(x))) for o, x in zip(operands, points, strict=False)}
        sys.setprofile(watch)
        self.run(self.spelled[name].format(*operands), **space)
        sys.setprofile(None)
        return [one for one in dict.fromkeys(called) if one not in ("run", "__init__", "<lambda>")]

    # --- Execution.

    def run(self, text: str, grouped: Sequence[float] = (), **space: Any) -> Any:
        """What an expression gives; None if it raises."""
        letters = [f"p_{i}" for i in range(len(grouped))]
        space |= {p: self.run(self.make.format(repr(x))) for p, x in zip(letters, grouped, strict=True)}
        try:
            written = text.format(*letters) if grouped else text
            return eval(written, {**self.names, **space})  # noqa: S307  # what this process is for
        except BaseException as error:  # it is not written this way
            self.error = f"{type(error).__name__}: {error}"
            return None

    def read(self, text: str, **space: Any) -> float | None:
        x = self.run(text, **space)
        return None if x is None else self.as_number(x)

    def as_number(self, x: Any) -> float | None:
        try:
            return float.fromhex(self.number(x))
        except Exception:  # no number
            return None


def _reader(name: str) -> str:
    return name if "{" in name else f"{{0}}.{name}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _rank(name: str, known: Sequence[str]) -> int:
    return known.index(name) if name in known else len(known) + name.startswith("_")


def _foreign(x: Any) -> bool:
    """Whether a class or a function comes from Python or from an installed package."""
    file = getattr(inspect.getmodule(x), "__file__", None) or ""
    return "site-packages" in file or f"{os.sep}lib{os.sep}python" in file

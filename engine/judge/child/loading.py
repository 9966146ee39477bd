"""Loads a judged file: as Python does, or, where the file stops, its definitions alone."""

import ast
import json
import os
import sys
import tokenize
from types import ModuleType
from typing import Any

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_PACKAGE = "__init__.py"
_SHORT = (ast.Assign, ast.AnnAssign)


def load(request: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The names of the file and of the files of functions, and what stopped the first; None if nothing did.

    Args:
        request: `path`, `functions` (more files) and `definitions`, which is true if the file was once
            loaded in vain.
    """
    paths = [*request["functions"], request["path"]]
    names: dict[str, Any] = {}
    stopped = None
    for path in paths:
        module, stopped = _load(path, request["definitions"])
        names.update(vars(module))
    names["__judged__"] = module
    return names, stopped


def _load(path: str, definitions: bool) -> tuple[ModuleType, str | None]:
    name, folder = _name_and_folder(path)
    sys.path.insert(0, folder)
    sys.path.insert(1, os.path.dirname(path))
    if "." in name:
        __import__(name.rpartition(".")[0])
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == path:
        return sys.modules[name], None
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    if os.path.basename(path) == _PACKAGE:
        module.__package__, module.__path__ = name, [os.path.dirname(path)]
    module.__file__ = path
    sys.modules[name] = module
    if "." in name:
        setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    tree = ast.parse(_source(path), path)
    stopped = None
    if not definitions and not path.endswith(".ipynb"):
        try:
            exec(compile(tree, path, "exec"), vars(module))  # noqa: S102  # what this process is for
        except BaseException as error:  # whatever the file does
            stopped = f"{type(error).__name__}: {error}"
        else:
            return module, None
    futures = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
    for statement in tree.body:
        if isinstance(statement, _DEFINITIONS) or (
            isinstance(statement, _SHORT) and not any(isinstance(n, ast.Call) for n in ast.walk(statement))
        ):
            _define([*futures, statement], module, path)
    return module, stopped


def _define(statements: list[ast.stmt], module: ModuleType, path: str) -> None:
    """Execute statements; a module that is not there becomes one that says so when it is used."""
    part = ast.Module(statements, [])
    try:
        exec(compile(part, path, "exec"), vars(module))  # noqa: S102  # what this process is for
    except ImportError:
        for alias in getattr(statements[-1], "names", ()):
            known = alias.asname or alias.name.partition(".")[0]
            vars(module).setdefault(known, _Missing(alias.name))
    except Exception:  # a later statement may still be good
        return


class _Missing:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> "_Missing":
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return _Missing(f"{self._name}.{attribute}")

    def __call__(self, *args: object, **kwargs: object) -> None:
        raise ImportError(f"{self._name} is not installed")

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return (object,)


def _name_and_folder(path: str) -> tuple[str, str]:
    """The name of a module, with those of the packages that it lies in, and the folder that they lie in."""
    folder, file = os.path.split(path)
    name = os.path.splitext(file)[0]
    while os.path.exists(os.path.join(folder, _PACKAGE)):
        folder, package = os.path.split(folder)
        name = package if name == "__init__" else f"{package}.{name}"
    if "." not in name and file != _PACKAGE and _is_relative(path):  # a package that has no __init__.py
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"
    return name, folder


def _is_relative(path: str) -> bool:
    nodes = ast.walk(ast.parse(_source(path), path))
    return any(isinstance(node, ast.ImportFrom) and node.level for node in nodes)


def _source(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig") if path.endswith(".ipynb") else tokenize.open(path) as file:
            text = file.read()
    except (SyntaxError, UnicodeDecodeError):
        raise SyntaxError("it is not text in UTF-8, and names no other encoding") from None
    if not path.endswith(".ipynb"):
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    return "\n".join(source for source in map(_without_magic, sources) if _parses(source))


def _without_magic(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if line[:1] not in ("%", "!"))


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True

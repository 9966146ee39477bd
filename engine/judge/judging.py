"""`judge`: somebody's engine put through every program."""

import ast
import atexit
import inspect
import linecache
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from engine.judge.diagnoses import conventions, diagnoses
from engine.judge.dialect import Dialect, words
from engine.judge.process import JudgedFileError, Process
from engine.judge.programs import judged_operations
from engine.judge.reasons import reasons
from engine.judge.report import EnginesReport, JudgeReport
from engine.judge.results import run_all


def judge(
    engine: str | Path | type,
    *,
    name: str = "",
    data: str = "",
    grad: str = "",
    backward: str = "",
    functions: Sequence[str | Path] = (),
) -> JudgeReport:
    """Judge a scalar autograd engine: what is right, what is wrong, and why.

    The engine runs in a process of its own, under limits of time and memory. What its class, its numbers and
    its gradients are called is found by looking.

    Args:
        engine: a file, as "engine.py" or "engine.py:Value", or a class that is defined in a file or a cell.
        name: the class, if it is not to be found.
        data: where a value has its number, such as "data".
        grad: where it has its gradient, such as "grad".
        backward: the method of a value or the function of the module that starts the backward pass.
        functions: more files, with functions that belong to the engine.

    Returns:
        The report.

    Raises:
        FileNotFoundError: if there is no such file.
        IsADirectoryError: if it is a folder.
        TypeError: if a class is not defined in a file.
    """
    path, name = _path_and_name(engine, name)
    shown = engine.__name__ if isinstance(engine, type) else path.name
    try:
        with Process(path, [Path(file) for file in functions]) as process:
            found = process.look(_asked(name, data, grad, backward))
            dialect = Dialect(
                found["class"],
                [found["home"], *(Path(file).stem for file in functions)],
                found["make"],
                found["data"],
                found["backward"],
                found["grad"],
                found["slope"],
                found["ops"],
                found["calls"],
            )
            results, chosen = run_all(process, dialect)
            stopped = process.stopped
    except JudgedFileError as error:
        return JudgeReport(shown, fault=str(error))
    told = diagnoses(results, reasons(results, dialect), dialect)
    remark = f"only the definitions of the file were loaded: {stopped}" if stopped else ""
    return JudgeReport(shown, results, told, [*conventions(results), *chosen], dialect, remark=remark)


def judge_all(engines: Sequence[str | Path], **options: Any) -> EnginesReport:
    """Judge many files: one line each.

    Args:
        engines: the files, as `judge` takes them.
        **options: as `judge` takes them.

    Returns:
        The report.
    """
    return EnginesReport({str(engine): judge(engine, **options) for engine in engines})


def _path_and_name(engine: str | Path | type, name: str) -> tuple[Path, str]:
    if isinstance(engine, type):
        module = sys.modules.get(engine.__module__)
        if module and module.__spec__ is None:  # the program that is running: it would judge again
            return _in_a_file(engine), engine.__name__
        try:
            return Path(inspect.getfile(engine)), engine.__name__
        except (TypeError, OSError):
            raise _not_in_a_file(engine) from None
    text, colon, own = str(engine).rpartition(":")
    path = Path(text if colon and own.isidentifier() else str(engine))
    if path.is_dir():
        raise IsADirectoryError(21, "it is a folder; give the file in it that has the engine", str(path))
    if not path.is_file():
        raise FileNotFoundError(2, "no such file", str(path))
    return path, name or (own if colon and own.isidentifier() else "")


def _in_a_file(engine: type) -> Path:
    """A class of a notebook's cell or of a script, in a file with the imports and functions beside it."""
    methods = [method for method in vars(engine).values() if inspect.isfunction(method)]
    lines = linecache.getlines(methods[0].__code__.co_filename) if methods else []
    body = ast.parse("".join(lines)).body
    classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name == engine.__name__]
    if not classes:
        raise _not_in_a_file(engine)
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    path = Path(mkdtemp()) / f"{engine.__name__}.py"
    text = "\n\n".join(map(ast.unparse, [*imports, *functions.values(), classes[-1]]))
    path.write_text(f"{text}\n", encoding="utf-8")
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return path


def _not_in_a_file(engine: type) -> TypeError:
    return TypeError(f"{engine.__name__} is not defined in a file: give the file that defines it")


def _asked(name: str, data: str, grad: str, backward: str) -> dict[str, object]:
    ops = [[row.name, words(row.name), row.operator, list(point)] for row, point in judged_operations()]
    return {"class": name, "data": data, "grad": grad, "backward": backward, "ops": ops}

"""Whatever a judged file does, it is a line in the report."""

import json
import linecache
import os
import runpy
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.judge import JudgeReport, judge
from engine.judge.process import Process

CORRECT = (Path(__file__).parent / "engines" / "closures.py").read_text(encoding="utf-8")


def judged(folder: Path, text: str, called: str = "engine.py", **options: str) -> JudgeReport:
    file = folder / called
    file.write_text(text, encoding="utf-8")
    return judge(file, **options)


@pytest.mark.parametrize(
    ("demo", "remark"),
    [
        ("print('x' * 1000000)", ""),
        ("name = input('your name? ')", "EOFError: EOF when reading a line"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("import not_installed_anywhere\n", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("import os\nos._exit(0)", "it does not come to its end"),
        ("assert Value(1.0).grad == 5", "AssertionError: "),
        ("if __name__ == '__main__':\n    raise SystemExit", ""),
    ],
)
def test_a_demo_at_the_end_of_a_file_does_no_harm(demo: str, remark: str, tmp_path: Path) -> None:
    report = judged(tmp_path, f"{CORRECT}\n{demo}\n")
    assert report.points == 100
    assert report.remark == (f"only the definitions of the file were loaded: {remark}" if remark else "")


@pytest.mark.slow
def test_a_demo_that_never_ends_does_no_harm(tmp_path: Path) -> None:
    assert judged(tmp_path, f"{CORRECT}\nwhile True:\n    pass\n").points == 100


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("class Value:\n    def __init__(self, data)\n", "SyntaxError: expected ':' (engine.py, line 2)"),
        ("", "no class of one number was found in the file: give --class and --data"),
        ("class Value:\n    def __init__(self, data):\n        self.data = data\n",
         "Value has neither a + b nor a * b, so there is nothing to judge"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_judged_is_told_so_in_a_line(text: str, fault: str, tmp_path: Path) -> None:
    report = judged(tmp_path, text)
    assert report.headline == f"engine.py: not judged: {fault}"
    assert not report.ok
    assert str(report) == report.headline
    assert json.loads(json.dumps(report.to_dict()))["fault"] == fault


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("raise SystemExit", "sin(a) raises SystemExit"),
        ("import os; os._exit(0)", "sin(a): the process ends"),
        ("import os; os.abort()", "sin(a): Python crashes"),
        ("input()", "sin(a) raises EOFError"),
        ("undefined_name", "sin(a) raises NameError"),
        ("[0.0] * (1 << 40)", "sin(a) raises MemoryError"),
    ],
)
def test_an_operation_that_does_harm_costs_itself_alone(code: str, title: str, tmp_path: Path) -> None:
    text = CORRECT.replace("    def sin(self) -> Value:\n", f"    def sin(self) -> Value:\n        {code}\n")
    report = judged(tmp_path, text)
    assert [diagnosis.title for diagnosis in report.diagnoses] == [title]
    assert 80 < report.points < 100


@pytest.mark.slow
def test_an_operation_that_never_ends_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "engine.py"
    file.write_text(CORRECT, encoding="utf-8")
    with Process(file) as process:
        nothing: dict[str, str] = {}
        forever = ("while True:\n    pass", nothing, 0.2)
        sleeping = ("import time\ntime.sleep(60)", nothing, 0.2)
        after = ("x = 2.0", {"x": "x"}, 1.0)
        outcomes = list(process.run([forever, sleeping, after]))
    assert [outcome.error for outcome in outcomes] == ["time", "time", ""]
    assert outcomes[2].values == {"x": 2.0}


def test_a_file_of_the_name_engine_meets_its_own_neighbours(tmp_path: Path) -> None:
    (tmp_path / "nn.py").write_text("HERE = True\n", encoding="utf-8")
    report = judged(tmp_path, CORRECT.replace("import math", "import math\nimport nn\nassert nn.HERE"))
    assert (report.points, report.remark) == (100, "")
    assert sys.modules["engine"].__file__ != str(tmp_path / "engine.py")


def test_a_notebook_is_judged_by_its_definitions(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# An engine"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import not_installed_anywhere as plot"]},
        {"cell_type": "code", "source": CORRECT.splitlines(keepends=True)},
        {"cell_type": "code", "source": ["Value(2.0).unfinished("]},
    ]
    report = judged(tmp_path, json.dumps({"cells": cells}), "lesson.ipynb")
    assert (report.points, report.dialect and report.dialect.name) == (100, "Value")


def test_options_say_what_looking_does_not_find(tmp_path: Path) -> None:
    text = CORRECT.replace("def backward(", "def go(").replace("self.grad", "self.slope")
    text = (
        text.replace("out.grad", "out.slope")
        .replace("other.grad", "other.slope")
        .replace("value.grad", "value.slope")
    )
    assert "give --backward and --grad" in judged(tmp_path, text).headline
    report = judged(tmp_path, text, backward="go", grad="slope", data="data", name="Value")
    assert report.headline == "engine.py: 100 of 100 points; no mistakes"


def test_functions_may_be_in_a_file_of_their_own(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "engines" / "functions.py").read_text(encoding="utf-8")
    head, add, rest = text.partition("def add(")
    (tmp_path / "node.py").write_text(head, encoding="utf-8")
    wrong = rest.replace("-math.sin", "math.sin")
    functions = f"import math\nfrom node import Node\nfrom collections.abc import Sequence\n{add}{wrong}"
    (tmp_path / "functions.py").write_text(functions, encoding="utf-8")
    assert "neither a + b nor a * b" in judge(tmp_path / "node.py").headline
    report = judge(tmp_path / "node.py", functions=[tmp_path / "functions.py"])
    assert [diagnosis.title for diagnosis in report.diagnoses] == ["the sign is flipped, in cos"]
    assert report.diagnoses[0].program.startswith("from node import *\nfrom functions import *\na = Node(")


def test_a_class_is_judged_by_its_file() -> None:
    from tests.engine.judge.engines.paths import Val

    report = judge(Val)
    assert report.dialect is not None
    assert report.dialect.name == "Val"
    with pytest.raises(TypeError, match="Alone is not defined in a file: give the file that defines it"):
        judge(type("Alone", (), {"__module__": "builtins"}))


def test_a_class_of_the_program_that_is_running_is_judged_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{CORRECT}\nfrom engine.judge import judge\nreport = judge(Value)\n", encoding="utf-8")
    report = runpy.run_path(str(script))["report"]
    assert report.ok
    assert not report.remark


def test_a_class_of_a_cell_is_judged() -> None:
    cell = "<ipython-input-1>"
    linecache.cache[cell] = (len(CORRECT), None, CORRECT.splitlines(keepends=True), cell)
    names: dict[str, Any] = {"__name__": "notebook"}
    sys.modules["notebook"] = ModuleType("notebook")
    try:
        exec(compile(CORRECT, cell, "exec"), names)  # noqa: S102  # as a notebook does
        report = judge(names["Value"])
    finally:
        del sys.modules["notebook"], linecache.cache[cell]
    assert report.headline == "Value: 100 of 100 points; no mistakes"  # a cell is no file


def test_a_missing_file_is_told_by_its_name() -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        judge("nowhere.py")


def test_a_folder_is_told_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder; give the file in it that has the engine"):
        judge(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_processes_that_a_file_starts_end_with_it(tmp_path: Path) -> None:
    began = time.monotonic()
    demo = "import os, time\nif not os.fork():\n    time.sleep(60)\n    os._exit(0)\n"
    assert judged(tmp_path, f"{CORRECT}\n{demo}").points == 100
    assert time.monotonic() - began < 40


@pytest.mark.parametrize(
    ("cookie", "fault"),
    [
        ("# -*- coding: latin-1 -*-\n", ""),
        ("", "SyntaxError: it is not text in UTF-8, and names no other encoding"),
        ("\n\n\n", "SyntaxError: it is not text in UTF-8, and names no other encoding"),
    ],
)
def test_a_file_may_name_its_encoding(cookie: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "engine.py"
    head, rest = CORRECT.split("from __future__", 1)
    file.write_bytes(f"{cookie}# gr\xfc\xdfe\n{head}from __future__{rest}".encode("latin-1"))
    report = judge(file)
    assert (report.fault, report.ok) == (fault, not fault)
    json.dumps(report.to_dict())


def test_a_package_is_judged_by_what_it_offers(tmp_path: Path) -> None:
    package = tmp_path / "outer" / "mine"
    package.mkdir(parents=True)
    (package / "core.py").write_text(CORRECT, encoding="utf-8")
    report = judged(package, "from .core import Value\n", "__init__.py")
    assert (report.points, report.remark) == (100, "")

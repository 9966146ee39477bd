"""The page for lecturers is true: its commands, its exercise, and its examples for other programs."""

import doctest
import json
import re
import shlex
import sys
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from nn import cli
from nn.exercises import answers, article, find_exercise, generate, mark
from nn.exercises.folder import write_folder

ROOT = Path(__file__).parents[3]
PAGE = ROOT / ".github" / "TEACHING.md"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    text: str = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return text


@pytest.fixture
def homework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an exercise, and a paper with one wrong number of 24."""
    monkeypatch.chdir(tmp_path)
    write_folder(generate(7), tmp_path / "homework", papers=0)
    exercise = find_exercise("homework/exercise.json")
    (tmp_path / "exercise.json").write_bytes(Path("homework/exercise.json").read_bytes())
    paper = {name: f"{x:.4f}" for name, x in answers(exercise).items()} | {"new E": "7.7"}
    Path("answers.json").write_text(json.dumps(paper), encoding="utf-8")
    return tmp_path


def called(command: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_the_commands(
    homework: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = blocks(section("An exercise"), "console")
    command, expected = shown.removeprefix("$ ").strip().split("\n")
    assert called(command.replace("-o homework", "-o another"), monkeypatch) == 0
    assert expected.replace("homework", "another") in capsys.readouterr().out
    files = set(re.findall(r"`([\w/]+\.\w+|\w+/)`", section("An exercise").partition("| file |")[2]))
    assert {name for name in files if not (homework / "another" / name).exists()} <= {"train"}

    (command,) = blocks(section("A class"), "sh")
    paper = Path("answers.json").rename("ann.json")
    assert called(command.replace("papers/*", str(paper)), monkeypatch) == 1
    assert Path("marks.csv").read_text(encoding="utf-8").splitlines()[1].startswith("ann.json,9.58,10,23,1,")
    assert "9.58 of 10 points" in Path("back/ann.json.txt").read_text(encoding="utf-8")


def test_the_exercise_of_ones_own(tmp_path: Path) -> None:
    (text,) = blocks(section("An exercise"), "json")
    (tmp_path / "own.json").write_text(text, encoding="utf-8")
    exercise = find_exercise(tmp_path / "own.json")
    assert list(exercise.asked) == json.loads(text)["asked"]
    assert answers(exercise)["new w"] == pytest.approx(0.5 - 0.1 * answers(exercise)["dE/dw"])


def test_the_example_in_python() -> None:
    (text,) = blocks(section("A class"), "python")
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_papers_of_the_readme_are_understood(tmp_path: Path) -> None:
    shown = (
        (ROOT / "README.md")
        .read_text(encoding="utf-8")
        .partition("\n## Mark papers\n")[2]
        .partition("\n## ")[0]
    )
    reports = []
    for language in ("csv", "json"):
        (text,) = blocks(shown, language)
        (tmp_path / f"p.{language}").write_text(text, encoding="utf-8")
        reports.append(mark(tmp_path / f"p.{language}", article()))
    assert reports[0].verdicts == reports[1].verdicts
    assert reports[0].counts == {"right": 1, "wrong here": 1, "carried forward": 2}


# --- Other programs.


def test_gradescope(homework: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = blocks(section("Gradescope"), "sh")
    for folder in ("submission", "source", "results"):
        Path(folder).mkdir()
    Path("exercise.json").rename("source/exercise.json")
    numbers = json.loads(Path("answers.json").read_text(encoding="utf-8"))
    Path("submission/paper.csv").write_text(
        "".join(f"{n},{x}\n" for n, x in numbers.items()), encoding="utf-8"
    )
    assert called(command, monkeypatch) == 1
    results = json.loads(Path("results/results.json").read_text(encoding="utf-8"))
    assert results["score"] == pytest.approx(10 * 23 / 24)
    assert [test["name"] for test in results["tests"] if test["status"] == "failed"] == ["new E"]
    assert sum(test["score"] for test in results["tests"]) == pytest.approx(results["score"])


def test_gradescope_utils(homework: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gradescope_utils")
    import unittest

    from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

    numbers = Path("answers.json").read_text(encoding="utf-8")
    Path("submission.py").write_text(f"answers = {numbers}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(homework))
    (program,) = blocks(section("Gradescope"), "python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  our own page
    stream = StringIO()
    JSONTestRunner(stream=stream).run(unittest.TestLoader().loadTestsFromTestCase(names["TestAnswers"]))
    (test,) = json.loads(stream.getvalue())["tests"]
    assert (test["score"], test["max_score"]) == (pytest.approx(10 * 23 / 24), 10)
    assert test["output"].startswith("23 right, 1 wrong here")


@pytest.mark.slow
def test_nbgrader(homework: Path) -> None:
    pytest.importorskip("nbgrader")
    from nbclient import NotebookClient
    from nbgrader.utils import determine_grade

    v4: Any = import_module("nbformat.v4")

    (test,) = blocks(section("nbgrader"), "python")
    cells = [
        v4.new_code_cell(f"answers = {Path('answers.json').read_text(encoding='utf-8')}"),
        v4.new_code_cell(test, metadata={"nbgrader": {"grade": True, "solution": False, "points": 10}}),
    ]
    notebook = v4.new_notebook(cells=cells)
    NotebookClient(notebook, resources={"metadata": {"path": str(homework)}}).execute()
    assert determine_grade(notebook.cells[1]) == (pytest.approx(10 * 23 / 24), 10)


def test_otter_grader(homework: Path) -> None:
    pytest.importorskip("otter")
    from otter.test_files.exception_test import ExceptionTestFile

    (program,) = blocks(section("otter-grader"), "python")
    tests = ExceptionTestFile.from_string(program)
    tests.run({"answers": json.loads(Path("answers.json").read_text(encoding="utf-8"))})
    assert (tests.score, tests.possible) == (23, 24)
    (failed,) = [result for result in tests.test_case_results if not result.passed]
    assert failed.test_case.name == "new E"
    assert "wrong here: " in (failed.message or "")

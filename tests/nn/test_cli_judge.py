"""`deltagrad judge`: what it prints, and how it refuses."""

import json
import re
from pathlib import Path

import pytest

from engine.judge.programs import POINTS
from tests.nn.test_cli import Run, run  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

ENGINES = Path(__file__).parents[1] / "engine" / "judge" / "engines"
WRONG = (ENGINES / "functions.py").read_text(encoding="utf-8").replace("-math.sin(x", "math.sin(x")


def test_a_correct_engine_passes(run: Run) -> None:  # noqa: F811 - likewise
    found = run("judge", ENGINES / "functions.py")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("functions.py: 100 of 100 points; no mistakes\n")


def test_a_mistake_is_told_with_a_program_that_shows_it(run: Run) -> None:  # noqa: F811 - likewise
    Path("wrong.py").write_text(WRONG, encoding="utf-8")
    found = run("judge", "wrong.py:Node")
    assert found.status == 1
    assert "1. the sign is flipped, in cos" in found.out
    assert "    y = cos(a)\n    grads = gradients(y)\n    print(grads[a])\n" in found.out
    assert "grads[a] is 0.644218, the truth is -0.644218" in found.out


def test_many_engines_are_a_table(run: Run) -> None:  # noqa: F811 - likewise
    Path("wrong.py").write_text(WRONG, encoding="utf-8")
    Path("broken.py").write_text("class", encoding="utf-8")
    found = run("judge", ENGINES / "functions.py", "wrong.py", "broken.py")
    assert found.status == 1
    assert found.out.startswith("3 engines, 1 with all points\n")
    data = json.loads(run("judge", "wrong.py", "broken.py", "--json").out)
    assert list(data["engines"]) == ["wrong.py", "broken.py"]
    assert data["engines"]["wrong.py"]["mistakes"][0]["mistakes"][0]["id"] == "sign"
    assert data["engines"]["broken.py"]["fault"].startswith("SyntaxError")


def test_a_missing_file_is_one_line(run: Run) -> None:  # noqa: F811 - likewise
    found = run("judge", "nowhere.py")
    assert (found.status, found.out, found.err) == (2, "", "deltagrad: nowhere.py: no such file\n")


def test_the_readme_has_the_points() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| (.*) \|$", readme, re.MULTILINE)
    assert [(int(points), words) for points, words in table] == list(POINTS.values())
    assert sum(points for points, _ in POINTS.values()) == 100

"""The notebooks run from top to bottom, and what is committed is what they say; so for both editions."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import pytest

from tests.tools.notebooks import (
    FOLDER,
    SOURCES,
    STUDENT,
    YOUR_ANSWER,
    YOUR_CODE,
    cells,
    exercises,
    solved,
    student,
)

NAMES = [source.stem for source in SOURCES]
LARGEST = 1_000_000  # bytes: a larger notebook is slow to show, if it is shown at all
MAKE = "run: python -m tests.tools.notebooks {}"
SHAPE = ("**The question.**", "**Aim.**", "Predict", "assert ", "<details>", "## Recap")
MACHINE = re.compile(r"/(?:home|root|tmp|usr|work|Users)/|[A-Z]:\\\\|\bat 0x[0-9a-f]{6,}|site-packages")


def outputs(name: str) -> list[dict[str, Any]]:
    """Everything that an executed notebook shows."""
    notebook = jupytext.read(FOLDER / f"{name}.ipynb")
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def without_numbers(text: str) -> list[str]:
    """The words: times differ from run to run, and last digits from machine to machine."""
    return re.sub(r"\d[\d.]*(e[+-]?\d+)?", "#", text).split()


def without_folders(text: str) -> str:
    """A text whose links do not say from where: the edition of the student lies one folder deeper."""
    return re.sub(r"\]\((\.\./)+", "](", text)


def test_there_are_notebooks_and_an_index_that_lists_them() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert NAMES
    assert re.findall(r"\((\d\w+)\.ipynb\)", index) == NAMES
    for folder in (FOLDER, STUDENT):
        assert sorted(path.stem for path in folder.glob("*.ipynb")) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_from_top_to_bottom_and_prints_what_is_saved(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plt.switch_backend("Agg")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(FOLDER / f"{name}.py"))
    plt.close("all")
    assert not list(tmp_path.iterdir()), "a notebook leaves no files"
    saved = "".join(output["text"] for output in outputs(name) if output["output_type"] == "stream")
    assert without_numbers(capsys.readouterr().out) == without_numbers(saved), MAKE.format(name)


@pytest.mark.parametrize("name", NAMES)
def test_both_editions_are_made_of_the_source(name: str) -> None:
    source = FOLDER / f"{name}.py"
    for folder, edition in ((FOLDER, solved), (STUDENT, student)):
        made = [(cell.cell_type, cell.source) for cell in edition(source).cells]
        assert cells(folder / f"{name}.ipynb") == made, MAKE.format(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_edition_of_the_student_with_the_solutions_is_the_solved_one(name: str) -> None:
    pasted = [text for _, text in cells(STUDENT / f"{name}.ipynb")]
    for i, stub, solution in exercises(FOLDER / f"{name}.py"):
        assert stub.rstrip() in pasted[i], "what is to be filled in can be found"
        pasted[i] = pasted[i].replace(stub.rstrip(), solution.rstrip(), 1)
    expected = [text for _, text in cells(FOLDER / f"{name}.ipynb")]
    for mine, theirs in zip(pasted[1:], expected[1:], strict=True):  # the first says which edition it is
        assert without_folders(mine) == without_folders(theirs)


@pytest.mark.parametrize("name", NAMES)
def test_the_edition_of_the_student_spoils_nothing(name: str) -> None:
    notebook = jupytext.read(STUDENT / f"{name}.ipynb")
    everything = "\n".join(cell.source for cell in notebook.cells)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert not any(word in everything for word in ("# ---", "<details>"))
    assert everything.count(YOUR_CODE) + everything.count(YOUR_ANSWER) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_was_executed_in_order_and_without_complaint(name: str) -> None:
    code = [c for c in jupytext.read(FOLDER / f"{name}.ipynb").cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for output in outputs(name):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", output["text"]


@pytest.mark.parametrize("name", NAMES)
def test_its_pictures_are_there_for_every_reader(name: str) -> None:
    shown = [output["data"].keys() for output in outputs(name) if "data" in output]
    pictures = [kinds for kinds in shown if kinds & {"image/svg+xml", "image/png"}]
    assert pictures
    assert all("image/png" in kinds for kinds in pictures), "readers of saved notebooks may show no SVG"


@pytest.mark.parametrize("name", NAMES)
def test_what_it_shows_is_small_and_says_nothing_of_the_machine(name: str) -> None:
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST
    for output in outputs(name):
        data = {kind: text for kind, text in output.get("data", {}).items() if kind != "image/png"}
        text = json.dumps(data or output.get("text", ""))
        assert not (found := MACHINE.search(text)), found


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_shape_of_a_lesson(name: str) -> None:
    texts = [text for _, text in cells(FOLDER / f"{name}.py")]
    for part in SHAPE:
        assert any(part in text for text in texts), f"no {part}"
    assert len(re.findall(r"^- ", texts[-1], re.MULTILINE)) == 3, "a recap has three lines"
    everything = "\n".join(texts)
    assert everything.count("<details>") == everything.count("</details>") >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_number_that_the_text_states_is_in_the_code(name: str) -> None:
    both = cells(FOLDER / f"{name}.py")
    code = "\n".join(text for kind, text in both if kind == "code")
    text = "\n".join(text for kind, text in both if kind == "markdown")
    for number in re.findall(r"\d+\.\d\d+", text):
        assert number in code, f"the text says {number}, and no cell asserts it"


def test_the_tool_makes_two_editions_of_a_cell(tmp_path: Path) -> None:
    source = tmp_path / "08_tool.py"
    source.write_text(SOURCE, encoding="utf-8")
    texts = [[cell.source for cell in edition(source).cells] for edition in (solved, student)]
    for one, other, (expected_one, expected_other) in zip(*texts, EDITIONS, strict=True):
        assert (one, other) == (expected_one, expected_other)
    folded = [cell.metadata for cell in student(source).cells][-1]
    assert folded == {"jupyter": {"source_hidden": True}}


SOURCE = """\
# %% [markdown]
# # Title
# See [there](../x.py), [here](#a) and [far](https://x.org). <details>Because.</details>

# %%
def f(x):
    # --- solution
    return 2 * x
    # --- student
    # return ...
    # ---

# %% tags=["solution"]
def g(x, y=1):
    return x + y
a, b = {}, 0
a[1] = 2

# %% [markdown] tags=["answer"]
# It is 2.

# %% tags=["test"]
assert f(1) == 2

# %% tags=["hide-input"]
# --- solution
f(3)
# ---
"""
TITLE = "# Title\nSee [there]({}../x.py), [here](#a) and [far](https://x.org). {}"
TOLD = "\n\n*This is the edition to fill in. The [solved one](../08_tool.ipynb) has the answers.*\n"
EDITIONS = [
    (
        TITLE.format("", "<details>Because.</details>"),
        TITLE.format("../", YOUR_ANSWER).replace("\n", TOLD, 1),
    ),
    ("def f(x):\n    return 2 * x", f"def f(x):\n    {YOUR_CODE}\n    return ..."),
    (
        "def g(x, y=1):\n    return x + y\na, b = {}, 0\na[1] = 2",
        f"def g(x, y=1):\n    {YOUR_CODE}\n    ...\n\n\n{YOUR_CODE}\na = ...\nb = ...",
    ),
    ("It is 2.", YOUR_ANSWER),
    ("f(3)", f"{YOUR_CODE}\n..."),
]

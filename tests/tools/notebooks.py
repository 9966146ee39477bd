"""The notebooks, made from their sources: `python -m tests.tools.notebooks [name ...]`.

A notebook is written as Python, in cells (`notebooks/02_first_gradient.py`). Two editions are made of it: the
solved one, as it was executed (`notebooks/02_first_gradient.ipynb`), and that of the student, to fill in
(`notebooks/student/02_first_gradient.ipynb`). This needs the extras `test` and `notebook`.

Tags say what a cell is for:

- test: it proves what the others say, and is in neither edition;
- hide-input: it is folded in both, such as the making of a picture;
- answer: the student gets room for an answer in its place;
- solution: the student gets the names that it defines.

`<details>` are answers, too. Inside a cell of code the lines after `# --- solution` are for the solved
edition, and those after `# --- student`, written as comments, for the student; `# ---` ends both.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Any

import jupytext

FOLDER = Path(__file__).parents[2] / "notebooks"
STUDENT = FOLDER / "student"
SOURCES = sorted(FOLDER.glob("*.py"))
_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

YOUR_CODE = "# your code here"
YOUR_ANSWER = "*Your answer:*"
_EXERCISE = re.compile(
    r"^(?P<indent> *)# --- solution\n(?P<solution>.*?)"
    r"(?:^ *# --- student\n(?P<student>.*?))?^ *# ---(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
_LINK = re.compile(r"\]\((?!\w+:|#)")


def cells(path: Path) -> list[tuple[str, str]]:
    """The cells of a notebook in either form: the kind and the text of each."""
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def solved(source: Path) -> Any:
    """The edition with the solutions, not executed."""
    return _edition(source, _with_solution)


def student(source: Path) -> Any:
    """The edition to fill in. It has a cell for each cell of the solved one."""
    notebook = _edition(source, _without_solution)
    first = notebook.cells[0]
    title, _, rest = first.source.partition("\n")
    told = f"*This is the edition to fill in. The [solved one](../{source.stem}.ipynb) has the answers.*"
    first.source = f"{title}\n\n{told}\n{rest}"
    return notebook


def exercises(source: Path) -> list[tuple[int, str, str]]:
    """What a student fills in: the number of the cell, what stands there, and the solution."""
    found = []
    for i, cell in enumerate(_told(source)):
        if {"answer", "solution"} & _tags(cell):
            found.append((i, _without_solution(cell), cell.source))
            continue
        for match in _EXERCISE.finditer(cell.source) if cell.cell_type == "code" else ():
            found.append((i, _stub(match), match["solution"]))
        for text in _DETAILS.findall(cell.source) if cell.cell_type == "markdown" else ():
            found.append((i, YOUR_ANSWER, text))
    return found


def _told(source: Path) -> list[Any]:
    return [cell for cell in jupytext.read(source).cells if "test" not in _tags(cell)]


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def _edition(source: Path, text: Any) -> Any:
    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    notebook.cells = _told(source)
    for i, cell in enumerate(notebook.cells, start=1):
        folded = "hide-input" in _tags(cell)
        cell.source = text(cell)
        cell.id = f"{i:02}"
        cell.metadata = {"jupyter": {"source_hidden": True}} if folded else {}
    return notebook


def _with_solution(cell: Any) -> str:
    text: str = cell.source
    return _EXERCISE.sub(lambda match: match["solution"], text).rstrip() if cell.cell_type == "code" else text


def _without_solution(cell: Any) -> str:
    answer = "answer" in _tags(cell)
    if cell.cell_type == "code":
        if "solution" in _tags(cell):
            return _names(cell.source)
        return YOUR_CODE if answer else _EXERCISE.sub(_stub, cell.source).rstrip()
    return YOUR_ANSWER if answer else _LINK.sub("](../", _DETAILS.sub(YOUR_ANSWER, cell.source))


def _names(code: str) -> str:
    """What a cell defines, to be filled in."""
    lines, functions = code.splitlines(), []
    numbers: dict[str, None] = {}  # a set in order
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            header = "\n".join(lines[node.lineno - 1 : node.body[0].lineno - 1])
            functions.append(f"{header}\n    {YOUR_CODE}\n    ...")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
            numbers |= dict.fromkeys(names)
    given = [f"{YOUR_CODE}\n" + "\n".join(f"{name} = ..." for name in numbers)] if numbers else []
    return "\n\n\n".join(functions + given) or YOUR_CODE


def _stub(match: re.Match[str]) -> str:
    """What stands in place of a solution."""
    given = re.sub(r"^( *)# ?", r"\1", match["student"] or f"{match['indent']}# ...\n", flags=re.MULTILINE)
    return f"{match['indent']}{YOUR_CODE}\n{given}"


def executed(source: Path) -> Any:
    """The solved edition with its outputs, the same at each run but for what it measures."""
    from nbclient import NotebookClient  # late: the tests read notebooks, and need no kernel

    notebook = solved(source)
    where = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, record_timing=False, coalesce_streams=True, resources=where).execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not the version that it happened to run on
    for cell in notebook.cells:
        for data in (output.data for output in cell.get("outputs", ()) if "data" in output):
            if "image/svg+xml" in data:
                data.pop("text/html", None)  # the same picture again
    return notebook


def main() -> None:
    """Write both editions of the notebooks that are named, or of all."""
    STUDENT.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [source.stem for source in SOURCES]:
        source = FOLDER / f"{name}.py"
        jupytext.write(student(source), STUDENT / f"{name}.ipynb")
        jupytext.write(executed(source), FOLDER / f"{name}.ipynb")
        print(name)


if __name__ == "__main__":
    main()

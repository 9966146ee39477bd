"""The notebooks, made from their sources: `python -m tests.tools.notebooks [name ...]`.

A notebook is written as Python, in cells (`notebooks/01_first_gradient.py`), and read as it was executed
(`notebooks/01_first_gradient.ipynb`). This runs the first and writes the second. It needs the extras `test`
and `notebook`.
"""

import sys
from pathlib import Path
from typing import Any

import jupytext

FOLDER = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))
_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def cells(path: Path) -> list[tuple[str, str]]:
    """The cells of a notebook in either form: the kind and the text of each."""
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def executed(source: Path) -> Any:
    """A notebook with its outputs, the same at each run but for what it measures."""
    from nbclient import NotebookClient  # late: the tests read notebooks, and need no kernel

    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    where = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, record_timing=False, coalesce_streams=True, resources=where).execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not the version that it happened to run on
    for i, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{i:02}"
        for data in (output.data for output in cell.get("outputs", ()) if "data" in output):
            if "image/svg+xml" in data:
                data.pop("text/html", None)  # the same picture again
    return notebook


def main() -> None:
    """Write the notebooks that are named, or all."""
    for name in sys.argv[1:] or [source.stem for source in SOURCES]:
        jupytext.write(executed(FOLDER / f"{name}.py"), FOLDER / f"{name}.ipynb")
        print(name)


if __name__ == "__main__":
    main()

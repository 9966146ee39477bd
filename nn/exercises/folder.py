"""An exercise as a folder: the student's edition, the solution, and papers with planted mistakes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from nn.exercises import sheets
from nn.exercises.exercise import Exercise
from nn.exercises.papers import paper_text, template
from nn.exercises.planted import planted


def write_folder(exercise: Exercise, folder: Path, papers: int = 5, mistake: str = "") -> Path:
    """Write everything about an exercise.

    Args:
        exercise: the exercise.
        folder: a new or an empty folder. `students/` in it is what is handed out; `exercise.json` is what
            papers are marked by.
        papers: how many papers with planted mistakes to write.
        mistake: the id of the mistake in them; empty for any.

    Returns:
        The folder.

    Raises:
        ValueError: if the folder holds something.
        OSError: if it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not an empty folder; give another with -o")
    handed_out, handed_in = folder / "students", folder / "planted"
    handed_out.mkdir(parents=True)
    _write(handed_out / "exercise.md", sheets.question(exercise))
    _write(handed_out / "paper.csv", template(exercise))
    _write(folder / "exercise.json", _json(exercise.content))
    _write(folder / "solution.md", sheets.solution(exercise))
    _write(folder / "solution.json", _json(sheets.solution_data(exercise)))
    rng = random.Random(str(exercise.content.get("seed")))
    mistakes: dict[str, dict[str, list[str]]] = {}
    for number in range(1, papers + 1):
        handed_in.mkdir(exist_ok=True)
        paper, name = planted(exercise, rng, mistake), f"{number:02}.csv"
        _write(handed_in / name, paper_text(paper.claims))
        mistakes[name] = {"ids": list(paper.mistakes), "words": list(paper.words)}
    if papers:
        _write(folder / "planted.json", _json(mistakes))
    return folder


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

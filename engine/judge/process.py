"""The process that the judged code runs in: started, asked, watched, and started again when it dies."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

_DRIVER = Path(__file__).parent / "child" / "driver.py"
_ENVIRONMENT = {name: x for name, x in os.environ.items() if not name.startswith("PYTHON")}
_LOADING = 6.0  # seconds
_WAITING = 8.0  # seconds for each second that a program may use


class JudgedFileError(ValueError):
    """A file cannot be judged; the message says why, and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What came of a program.

    Args:
        values: a number by the name of each result, or words for what is no number.
        error: the name of the exception, or "time", "crash" or "exit"; empty if it ran to its end.
        message: the words of the exception.
        line: the line of the program that it happened in.
        refused: whether the judged code raises it by itself, by `raise` or `assert`.
        place: the file and the line of the judged code that it happened in.
    """

    values: Mapping[str, float | str] = field(default_factory=dict)
    error: str = ""
    message: str = ""
    line: int = 0
    place: tuple[str, int] | None = None
    refused: bool = False


class Process:
    """A process with a judged file loaded.

    Args:
        path: the file.
        functions: more files, whose functions belong to it.

    Raises:
        JudgedFileError: if the file cannot be loaded.
    """

    def __init__(self, path: Path, functions: Sequence[Path] = ()) -> None:
        self._request = {"path": str(path.resolve()), "functions": [str(f.resolve()) for f in functions]}
        self.stopped = ""
        self._definitions = False
        self._start()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def look(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The dialect of the engine, as data.

        Raises:
            JudgedFileError: if none is found.
        """
        answer = self._ask({"look": {**asked, "careful": False}, "seconds": 5.0}, 5.0)
        if answer is None or "died" in answer:  # an operation ends the process: look without computing it
            answer = self._ask({"look": {**asked, "careful": True}, "seconds": 5.0}, 5.0)
        if answer is None or "died" in answer:
            raise JudgedFileError("looking at the engine took too long or ended the process")
        if "error" in answer:
            stopped = f" (the file stops while it is loaded: {self.stopped})" if self.stopped else ""
            raise JudgedFileError(answer["error"] + stopped)
        return answer

    def run(self, programs: Sequence[tuple[str, Mapping[str, str], float]]) -> Iterator[Outcome]:
        """Run programs one after the other: text, what to read, and seconds."""
        for text, reads, seconds in programs:
            answer = self._ask({"text": text, "reads": reads, "seconds": seconds}, seconds)
            yield _outcome(answer)

    def _ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        """The answer; None if the process ended or said nothing in time, and a new one is there."""
        answer = self._exchange(request, _WAITING * seconds)
        if answer is None:
            self._end()
            self._start()
        return answer

    def _start(self) -> None:
        answer = self._started()
        if answer is None and not self._definitions:  # the file never ends, or ends the process
            self._definitions = True
            self.stopped = "it does not come to its end"
            answer = self._started()
        if answer is None:
            raise JudgedFileError("it ends the process, or never ends, while it is loaded")
        if "error" in answer:
            self._end()
            raise JudgedFileError(answer["error"])
        self.stopped = answer["stopped"] or self.stopped

    def _started(self) -> dict[str, Any] | None:
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-P", "-B", "-W", "ignore", "-X", "utf8", str(_DRIVER)],
            env={**_ENVIRONMENT, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._answers: Queue[str] = Queue()
        self._reader = Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True)
        self._reader.start()
        answer = self._exchange({**self._request, "definitions": self._definitions}, _LOADING)
        if answer is None:
            self._end()
        return answer

    def _exchange(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=seconds)
        except (OSError, Empty):
            return None
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def _end(self) -> None:
        if hasattr(os, "killpg"):  # with what the judged code has started
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # the other end is gone
                    stream.close()


def _read(stream: Any, answers: "Queue[str]") -> None:
    for line in stream:
        answers.put(line)
    answers.put("")


def _outcome(answer: dict[str, Any] | None) -> Outcome:
    if answer is None:
        return Outcome(error="crash")
    if "died" in answer:
        return Outcome(error=answer["died"])
    values = {name: _number(x) for name, x in answer.get("values", {}).items()}
    place = answer.get("place")
    return Outcome(
        values,
        answer.get("error", ""),
        answer.get("message", ""),
        answer.get("line", 0),
        (place[0], place[1]) if place else None,
        answer.get("refused", False),
    )


def _number(text: str) -> float | str:
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError):
        return text

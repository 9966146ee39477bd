"""Runs programs on somebody's engine, in a process of its own.

Started by its path, it imports nothing of deltagrad, so that a judged file may have any name. The parent
writes requests to standard input and reads answers from standard output, one line of JSON each. Both are
moved away before any judged code runs: the code may print, and may ask for input. Each program runs in a fork
of the process that has loaded the file, so that no program can spoil the next.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, TextIO

_MEMORY = 4 << 30
_WALL = 5.0  # seconds allowed for each second of the processor, for a machine that is busy


def main() -> None:
    """Answer requests until there are no more."""
    _same_addresses()
    incoming, outgoing = _private_pipes()
    _limit_memory()
    request = json.loads(incoming.readline())
    try:
        names, stopped = _sibling("loading").load(request)
    except Exception as error:  # whatever the judged file does
        _write(outgoing, {"error": f"{type(error).__name__}: {error}"})
        return
    _write(outgoing, {"stopped": stopped})
    look = partial(_sibling("looking").look, _sibling("differentiating"))
    number = _sibling("reading").number
    for line in incoming:
        request = json.loads(line)
        work = _run if "text" in request else look
        _write(outgoing, _in_a_fork(partial(work, names, request, number), request["seconds"]))


def _same_addresses() -> None:
    """Start again with the same addresses in every run, where the system can: sets are ordered by them.

    So an engine that visits operands in the order of a set has the same points in every run.
    """
    if sys.platform != "linux" or "DELTAGRAD_JUDGE" in os.environ:
        return
    with contextlib.suppress(Exception):  # it is not allowed everywhere
        ctypes.CDLL(None).personality(0x0040000)
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "DELTAGRAD_JUDGE": "1"})  # noqa: S606  # itself


def _private_pipes() -> tuple[TextIO, TextIO]:
    """Standard input and output for the protocol alone; the judged code gets empty ones."""
    incoming, outgoing = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        os.dup2(os.open(os.devnull, mode), number)
    return incoming, outgoing


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _sibling(name: str) -> Any:
    """A module beside this file, under a name that no judged code has."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    module = ModuleType(f"_deltagrad_judge_{name}")
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), vars(module))  # noqa: S102  # our own module
    return module


def _write(stream: TextIO, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


def _in_a_fork(work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What the work answers; or why it does not answer."""
    if not hasattr(os, "fork"):
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        if hasattr(signal, "setitimer"):  # time of the processor: a busy machine makes no program slow
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            answer = work()
        except BaseException as error:  # nothing may return from here into the loop of the parent
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BaseException), os.fdopen(writing, "w") as stream:
            _write(stream, answer)
        os._exit(0)
    os.close(writing)
    text = _read(reading, time.monotonic() + _WALL * seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if text.endswith(b"\n"):
        answer = json.loads(text)
        return answer if isinstance(answer, dict) else {}
    return {"died": _death(status)}


def _read(pipe: int, deadline: float) -> bytes:
    """Everything from a pipe, until its other end is closed or the time is over."""
    parts = []
    while select.select([pipe], [], [], max(deadline - time.monotonic(), 0.0))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            break
        parts.append(part)
    os.close(pipe)
    return b"".join(parts)


def _death(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return "exit"
    return "time" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGKILL) else "crash"


def _run(names: dict[str, Any], request: dict[str, Any], number: Callable[[Any], str]) -> dict[str, Any]:
    """Execute a program and read its results: numbers as hexadecimal text, anything else in words."""
    space = dict(names)
    try:
        exec(compile(request["text"], "<program>", "exec"), space)  # noqa: S102  # what this process is for
        reads = request["reads"].items()
        answer = {"values": {name: number(eval(text, space)) for name, text in reads}}  # noqa: S307  # likewise
    except BaseException as error:  # whatever the judged code does
        answer = _failure(error)
    return answer


def _is_theirs(file: str) -> bool:
    return not (
        file.startswith("<") or file == __file__ or "site-packages" in file or f"lib{os.sep}python" in file
    )


def _failure(error: BaseException) -> dict[str, Any]:
    """The error, the line of the program and the line of the judged file that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<program>"]
    theirs = [frame for frame in frames if _is_theirs(frame.filename)]
    last = (theirs[-1].line or "") if theirs else ""
    return {
        "error": type(error).__name__,
        "message": str(error)[:200],
        "line": lines[0] if lines else 0,
        "refused": isinstance(error, Exception) and last.startswith(("raise", "assert")),
        "place": [os.path.basename(theirs[-1].filename), theirs[-1].lineno] if theirs else None,
    }


if __name__ == "__main__":
    main()

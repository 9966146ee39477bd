"""What is said of an engine: diagnoses, each with the smallest program that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.dialect import Dialect
from engine.judge.programs import POINTS
from engine.judge.reasons import FoundMistake, Reasons
from engine.judge.results import RAISED, RIGHT, WRONG, Result
from engine.judge.troubles import LIMITS, trouble, troubles
from engine.mistakes import CATALOGUE
from engine.mistakes.mistake import Mistake


@dataclass(frozen=True)
class Diagnosis:
    """A mistake of an engine, or a limit.

    Args:
        title: in a few words.
        program: the smallest program that shows it, in the dialect of the engine.
        says: what it gives, and the truth.
        mistakes: the rows of the catalogue that explain it: none if only the numbers are known, several if
            each of them would give the same numbers.
        shown: how many programs show it.
        limit: whether the engine is right as far as it goes.
    """

    title: str
    program: str
    says: str
    mistakes: Sequence[Mistake]
    shown: int
    limit: bool = False


def diagnoses(results: Sequence[Result], reasons: Reasons, dialect: Dialect) -> list[Diagnosis]:
    """Every mistake and every limit, most important first."""
    told = [_explained(reason, dialect) for reason in reasons.found]
    told += _unexplained(reasons.unexplained, dialect)
    wrong = {r.program.op for r in reasons.unexplained if r.alone}
    told += _troubles(results, dialect, wrong, bool(told))
    return sorted(told, key=lambda diagnosis: (diagnosis.limit, -diagnosis.shown))


def conventions(results: Sequence[Result]) -> list[str]:
    """What is a choice: told, and not marked."""
    passes = [r for r in results if r.program.group == "passes" and r.program.either]
    said = []
    if passes and all(r.state == RIGHT for r in passes):
        last = any(r.last for r in passes)
        said.append(
            "a second backward pass replaces the gradients of the first"
            if last
            else "gradients of leaves add up over backward passes: set them to 0 before each step"
        )
    said += [r.program.remark for r in results if r.program.remark and r.state == WRONG]
    return said


def _explained(reason: FoundMistake, dialect: Dialect) -> Diagnosis:
    rows = [CATALOGUE[mistake] for mistake in reason.mistakes]
    places = ", ".join(dialect.operation(op) for op in reason.ops)
    title = "; or ".join(row.name for row in rows) + (f", in {places}" if places else "")
    return _diagnosis(title, reason.results, rows, dialect)


def _unexplained(results: Sequence[Result], dialect: Dialect) -> list[Diagnosis]:
    """Numbers that are wrong for no reason that is known: by what they are about."""
    by_subject: dict[str, list[Result]] = {}
    for result in results:
        subject = result.program.op if result.alone else "passes" if result.program.group == "passes" else ""
        by_subject.setdefault(subject, []).append(result)
    told = []
    for op, group in by_subject.items():
        abouts = list(dict.fromkeys(result.program.about for result in group))
        title = f"{', '.join(abouts)} {'is' if len(abouts) == 1 else 'are'} wrong"
        title = _TOGETHER.get(op, title)
        told.append(_diagnosis(title, group, [], dialect))
    return told


_TOGETHER = {
    "": "gradients are wrong where an operation follows another, or a value is used again",
    "passes": "gradients of several backward passes are wrong",
}


def _troubles(
    results: Sequence[Result], dialect: Dialect, wrong: set[str], any_wrong: bool
) -> list[Diagnosis]:
    groups: dict[tuple[str, str], list[Result]] = {}
    nothing = {r.program.op for r in results if r.alone and trouble(r) == "returns-nothing"}
    for result in troubles(results):
        known = "returns-nothing" if result.program.op in nothing else trouble(result)
        if result.program.group == "network" and (any_wrong or groups):
            continue  # a network is made of what is told already
        key = (known, "" if known else f"{result.outcome.error} {result.outcome.place}")
        groups.setdefault(key, []).append(result)
    told: list[Diagnosis] = []
    for (known, _), group in groups.items():
        ops = dict.fromkeys(r.program.op for r in group if r.program.op)
        if not known and ops and set(ops) <= wrong:
            continue  # told already
        wrong |= set() if known else set(ops)
        rows = [CATALOGUE[known]] if known else []
        names = dict.fromkeys(dialect.operation(op) for op in ops)
        places = f", in {', '.join(names)}" if names and rows else ""
        title = f"{rows[0].name}{places}" if rows else _raises(group)
        told.append(_diagnosis(title, group, rows, dialect, known in LIMITS))
    return told


def _raises(group: Sequence[Result]) -> str:
    outcome = group[0].outcome
    abouts = list(dict.fromkeys(result.program.about for result in group))
    shown = ", ".join(abouts[:3]) + (f" and {len(abouts) - 3} more" if len(abouts) > 3 else "")
    if outcome.error in _DEATHS:
        return f"{shown}: {_DEATHS[outcome.error]}"
    return f"{shown} raise{'s' if len(abouts) == 1 else ''} {outcome.error}"


_DEATHS = {"time": "no result in time", "exit": "the process ends", "crash": "Python crashes"}


def _diagnosis(
    title: str, results: Sequence[Result], rows: Sequence[Mistake], dialect: Dialect, limit: bool = False
) -> Diagnosis:
    shortest = min(results, key=_simplicity)
    return Diagnosis(
        title, program_text(shortest, dialect), says(shortest, dialect), rows, len(results), limit
    )


def _simplicity(result: Result) -> tuple[int, int, int]:
    """What to show first: ordinary programs, then short ones."""
    ordinary = result.program.group in ("derivatives", "numbers", "reuse")
    group = 0 if ordinary else 1 + list(POINTS).index(result.program.group)
    return group, len(result.text.splitlines()), len(result.text)


def program_text(result: Result, dialect: Dialect) -> str:
    """A program that can be run as it stands: with its imports, and printing what is wrong."""
    unread = result.state == RAISED and not result.outcome.line  # it raises where it is read
    shown = list(result.program.results if unread else result.wrong)
    reads = [dialect.read(result.program.results[name], list(result.program.at)) for name in shown]
    prints = [f"print({', '.join(reads)})"] if reads else []
    imports = [f"from {module} import *" for module in dialect.homes]
    return "\n".join([*imports, result.text, *prints])


def says(result: Result, dialect: Dialect) -> str:
    """What a program gives, and the truth; or how it stops."""
    if result.state == RAISED:
        outcome = result.outcome
        if outcome.error in _DEATHS:
            return (
                f"{_DEATHS[outcome.error]} ({result.program.seconds:g} s)"
                if outcome.error == "time"
                else _DEATHS[outcome.error]
            )
        place = f", at {outcome.place[0]}:{outcome.place[1]}" if outcome.place else ""
        message = f": {outcome.message}" if outcome.message else ""
        return f"raises {outcome.error}{message}{place}"
    words = []
    for name, (got, true) in result.wrong.items():
        shown = got if isinstance(got, str) else f"{got:.6g}"
        read = dialect.read(result.program.results[name], list(result.program.at))
        last = f", or {result.truth.last[name]:.6g} of the last pass alone" if result.truth.last else ""
        words.append(f"{read} is {shown}, the truth is {true:.6g}{last}")
    return "; ".join(words)

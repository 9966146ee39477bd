"""What came of each program: right, wrong, not there, or no result at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.judge.dialect import Dialect, NotThere
from engine.judge.model import right
from engine.judge.process import Outcome, Process
from engine.judge.programs import programs
from engine.judge.trial import Trial
from engine.judge.truth import Expected, close, forms, truth
from engine.ops import OPS

RIGHT, WRONG, RAISED, NOT_THERE = "right", "wrong", "raised", "not there"
_REFUSALS = (
    "TypeError",
    "NotImplementedError",
    "AssertionError",
    "ImportError",
    "ModuleNotFoundError",
    "ValueError",
)
_GELU = "0.5 * a * (1 + tanh(0.7978845608028654 * (a + 0.044715 * a * a * a)))"


@dataclass(frozen=True)
class Result:
    """A program, run.

    Args:
        program: the program.
        text: as it was run: in the dialect of the engine.
        outcome: what came of it.
        truth: what is right.
        forms: the operations in it.
        alone: whether there is one operation, used once.
        state: right, wrong, raised or not there.
        wrong: what each wrong result is, and what it should be.
        last: whether it is right by the convention that the last pass alone counts.
    """

    program: Trial
    text: str
    outcome: Outcome
    truth: Expected
    forms: frozenset[str]
    alone: bool
    state: str
    wrong: Mapping[str, tuple[float | str, float]]
    last: bool = False

    @property
    def numbers(self) -> dict[str, float]:
        """The results as numbers: no gradient is 0."""
        return {name: 0.0 if isinstance(x, str) else x for name, x in self.outcome.values.items()}


def run_all(process: Process, dialect: Dialect) -> tuple[list[Result], list[str]]:
    """Run every program that the engine has the operations for; also the conventions of its operations."""
    ready: list[tuple[Trial, str, dict[str, str]]] = []
    for program in programs():
        if program.group == "passes" and dialect.backward.endswith("= 1.0"):
            continue  # a gradient that is set by hand, with no pass to be repeated
        try:
            text = dialect.write(program.text, program.at, program.leaves)
            reads = {name: dialect.read(x, list(program.at)) for name, x in program.results.items()}
        except (NotThere, IndexError):
            continue
        ready.append((program, text, reads))
    outcomes = list(process.run([(text, reads, program.seconds) for program, text, reads in ready]))
    found = {program.id: outcome for (program, _, _), outcome in zip(ready, outcomes, strict=True)}
    readings, conventions = _readings(found)
    pairs = [(p, text, o) for (p, text, _), o in zip(ready, outcomes, strict=True)]
    results = [_result(p, readings.get(p.op), text, outcome, dialect) for p, text, outcome in pairs]
    return _without_missing(results), conventions


def _result(
    program: Trial, reading: tuple[str, str] | None, text: str, outcome: Outcome, dialect: Dialect
) -> Result:
    meant = replace(program, source=program.source.replace(*reading)) if reading else program
    true = truth(meant)
    if program.id == "same-each-time":  # whatever it is the first time
        first = outcome.values.get("slope_0", 0.0)
        true = replace(
            true, numbers=dict.fromkeys(program.results, first if isinstance(first, float) else 0.0)
        )
    called = forms(meant)
    used, alone = frozenset(called), len(called) == 1
    if outcome.error:
        line = text.splitlines()[outcome.line - 1] if outcome.line else ""
        refused = outcome.refused or _refuses(outcome, program, used, dialect)
        passing = dialect.write("backward(y)", {}, ", ".join(program.at) or program.leaves) if line else ""
        state = NOT_THERE if refused and (outcome.refused or line.strip() != passing.strip()) else RAISED
        return Result(meant, text, outcome, true, used, alone, state, {})
    values = outcome.values
    if isinstance(values.get("y"), str) and values["y"] != "None":
        return Result(meant, text, outcome, true, used, alone, NOT_THERE, {})
    wrong = {name: (x, true.numbers[name]) for name, x in values.items() if not true.right(name, x)}
    last = bool(wrong and true.last) and all(
        not isinstance(x, str) and close(x, true.last[k]) for k, x in values.items()
    )
    wrong = {} if last else wrong
    if not wrong and program.id.endswith("-tie") and not close(sum(_floats(values, "ab")), 1.0):
        wrong = {"a": (values["a"], 0.5), "b": (values["b"], 0.5)}
    return Result(meant, text, outcome, true, used, alone, WRONG if wrong else RIGHT, wrong, last)


def _refuses(outcome: Outcome, program: Trial, used: frozenset[str], dialect: Dialect) -> bool:
    """Whether an error says that there is no such operation, or none for operands of this kind."""
    other_kind = any("n" in form.partition(":")[2] for form in used) or "pow:vv" in used
    if outcome.error == "AttributeError":
        return other_kind and outcome.message.startswith(("'int'", "'float'"))
    own = dialect.operation(program.op).startswith("__") if program.op else False
    return outcome.error in _REFUSALS and (other_kind or not own or outcome.place is None)


def _floats(values: Mapping[str, float | str], names: Sequence[str]) -> list[float]:
    return [0.0 if isinstance(x := values[name], str) else x for name in names]


def _without_missing(results: Sequence[Result]) -> list[Result]:
    """What an engine refuses at every ordinary point is not there; what it refuses at some is wrong there."""
    ordinary: dict[str, list[Result]] = {}
    for result in results:
        if result.program.group in ("derivatives", "numbers"):
            ordinary.setdefault(result.program.about, []).append(result)
    missing = {about for about, all_of_it in ordinary.items() if all(r.state == NOT_THERE for r in all_of_it)}
    lost = frozenset[str]().union(*[r.forms for about in missing for r in ordinary[about] if r.alone])
    return [
        replace(result, state=NOT_THERE)
        if result.program.about in missing or result.forms & lost
        else replace(result, state=RAISED if result.outcome.error else WRONG, wrong=_not_numbers(result))
        if result.state == NOT_THERE and not result.outcome.refused
        else result
        for result in results
    ]


def _not_numbers(result: Result) -> dict[str, tuple[float | str, float]]:
    numbers = result.truth.numbers
    return {
        name: (x, numbers[name])
        for name, x in result.outcome.values.items()
        if not result.truth.right(name, x)
    }


def _readings(found: Mapping[str, Outcome]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """What operations mean where there is a choice: a text in programs, and the text with the choice made."""
    readings: dict[str, tuple[str, str]] = {}
    conventions: list[str] = []
    for row in OPS.values():
        outcome = found.get(f"{row.name}-4")
        y = outcome.values.get("y") if outcome else None
        if not isinstance(y, float):
            continue
        if row.defaults and len(row.operands) == 2:
            unit = right(row.name, -0.4, 1.0)[0]  # the fourth point of an operation of one operand
            (name, usual), chosen = next(iter(row.defaults.items())), y / unit
            if 0.0 < chosen <= 2.0 and not close(chosen, usual):
                readings[row.name] = (f"{row.name}(a)", f"{row.name}(a, {chosen!r})")
                conventions.append(f"the {name} of {row.name} is {chosen:.6g}")
        if (
            row.name == "gelu"
            and not close(y, right("gelu", -0.4)[0])
            and abs(y - right("gelu", -0.4)[0]) < 1e-3
        ):
            readings["gelu"] = ("gelu(a)", _GELU)
            conventions.append("gelu is the approximation by tanh")
    return readings, conventions

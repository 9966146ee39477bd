"""The result of a check of gradients: every derivative by every source, with a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, ulp
from typing import Any

from engine.check.verdict import INCONCLUSIVE, KINK, RIGHT, WRONG, Finding
from engine.claims import listed, told_from
from engine.report import Block, Report, ReportError, Table


class GradientError(ReportError):
    """A gradient is wrong, or could not be proved; the message is the whole report."""


GradientError.__module__ = "engine"  # its public place, which pytest prints in front of the message


@dataclass(frozen=True)
class Opinion:
    """What a source other than the engine gives for one derivative.

    Args:
        text: the number as the source gave it.
        value: the number.
        ok: whether it is right, to the precision it was given with.
        mistakes: what explains the number, if it is wrong.
        ids: those mistakes by their rows in the catalogue, as far as they have one.
    """

    text: str
    value: float
    ok: bool
    mistakes: Sequence[str] = ()
    ids: Sequence[str] = ()


@dataclass(frozen=True)
class GradientComparison:
    """One derivative, by all sources.

    Args:
        name: the name of the input.
        at: the number of the input.
        truth: the derivative, to the nearest float; None where there is none.
        left: the slope on the left, where there are two.
        right: the slope on the right.
        engine: the derivative by the engine.
        finding: the verdict on the engine.
        opinions: the derivative by others, by source.
        together: whether the truth was settled together with that by other inputs.
    """

    name: str
    at: float
    truth: float | None
    left: float | None
    right: float | None
    engine: float
    finding: Finding
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    together: bool = False

    @property
    def ok(self) -> bool:
        """Whether every source is right."""
        return self.finding.ok and all(opinion.ok for opinion in self.opinions.values())

    @property
    def verdict(self) -> str:
        """The verdict on the engine; "wrong" if the engine is right and another source is not."""
        return WRONG if self.finding.ok and not self.ok else self.finding.verdict

    def distance(self, value: float) -> tuple[float | None, float | None]:
        """How far a number is from the truth, in ULP and relative to it; None where that is undefined."""
        if self.truth is None or not (isfinite(value) and isfinite(self.truth)):
            return None, None
        gap = abs(value - self.truth)
        relative = gap / abs(self.truth) if self.truth else (None if gap else 0.0)
        return gap / ulp(self.truth), relative

    @property
    def reasons(self) -> list[str]:
        """Why each source is wrong, and remarks on the engine's number."""
        said = [f"engine: {self.finding.why}"] if self.finding.why else []
        for source, opinion in self.opinions.items():
            if not opinion.ok:
                said.append(f"{source}: {'; or '.join(opinion.mistakes) or _UNEXPLAINED}")
        return said


_UNEXPLAINED = "no single common mistake gives this number"


class DerivativeReport(Report):
    """A report on derivatives, each with a verdict."""

    comparisons: Sequence[Any]
    fault: str

    error_type = GradientError

    @property
    def ok(self) -> bool:
        """Whether there is a derivative, and every source is right about every derivative."""
        return not self.fault and bool(self.comparisons) and all(c.ok for c in self.comparisons)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each derivative, by the name of what it is about."""
        return {c.name: c.verdict for c in self.comparisons}


@dataclass(frozen=True)
class GradientReport(DerivativeReport):
    """The result of `check_gradients`.

    Args:
        comparisons: one for each derivative, in order.
        reference: how the truth was computed.
        fault: why no gradient, or one of the sources, could not be checked; else empty.
        notes: remarks on the whole gradient.
        point: the inputs, by name.
        error: the exception behind the fault, if there was one.
    """

    comparisons: Sequence[GradientComparison] = ()
    reference: str = ""
    fault: str = ""
    notes: Sequence[str] = ()
    point: Mapping[str, float] = field(default_factory=dict)
    error: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def worst(self) -> GradientComparison | None:
        """The derivative to look at first: one that is wrong, else the one with the fewest right digits."""
        return min(self.comparisons, key=lambda c: (c.ok, c.finding.digits), default=None)

    @property
    def digits(self) -> float:
        """How many decimal digits of every derivative of the engine are right."""
        return min((c.finding.digits for c in self.comparisons), default=0.0)

    @property
    def headline(self) -> str:
        """The result in one line."""
        if not self.comparisons:
            return f"no gradient could be checked: {self.fault or 'there is none'}"
        if self.fault:
            return self.fault
        n = len(self.comparisons)
        wrong = [c for c in self.comparisons if not c.ok]
        if wrong:
            others = f" ({len(wrong)} of {n} gradients fail)" if n > 1 else ""
            return _accusation(wrong[0]) + others
        smooth = [c for c in self.comparisons if c.finding.verdict != KINK]
        kinks = f"{_gradients(n - len(smooth))} at a kink, between the slopes on its sides"
        if not smooth:
            return kinks
        digits = min(c.finding.digits for c in smooth)
        proved = f"{_gradients(len(smooth))} proved, to {digits:.1f} digits"
        return proved if len(smooth) == n else f"{proved}; {kinks}"

    def data(self) -> dict[str, Any]:
        """The comparisons as data, and where the truth comes from."""
        return {
            "fault": self.fault,
            "reference": self.reference,
            "point": self.point,
            "digits": self.digits,
            "notes": self.notes,
            "gradients": [_as_dict(c) for c in self.comparisons],
        }

    @property
    def tables(self) -> list[Table]:
        """One table: the rows of each derivative, one for each source."""
        place = listed([f"{name} = {x!r}" for name, x in self.point.items()])
        notes = [*self.notes, place and f"at {place}", self.reference and f"truth: {self.reference}"]
        blocks = [
            Block(
                _rows(c),
                [c.finding.ok, *(opinion.ok for opinion in c.opinions.values())],
                [(c.name, reason) for reason in c.reasons],
            )
            for c in self.comparisons
        ]
        return [Table(_HEADER, blocks, [note for note in notes if note], most_right=12)]


_HEADER = ("by", "source", "number", "truth", "ULP", "relative", "verdict")


# --- Words and cells.


def _gradients(n: int) -> str:
    return f"{n} gradient{'' if n == 1 else 's'}"


def _accusation(c: GradientComparison) -> str:
    if not c.finding.ok:
        kind = "cannot be proved" if c.finding.verdict == INCONCLUSIVE else c.finding.verdict
        return f"gradient by {c.name}: {kind}: {c.finding.why}"
    source, opinion = next((s, o) for s, o in c.opinions.items() if not o.ok)
    truth = f"{c.left:.6g} to {c.right:.6g}" if c.truth is None else told_from(c.truth, opinion.value)
    mistakes = f": {'; or '.join(opinion.mistakes)}" if opinion.mistakes else ""
    return f"gradient by {c.name}: {source} {opinion.text}, truth {truth}{mistakes}"


def _rows(c: GradientComparison) -> list[tuple[str, ...]]:
    truth = "" if c.truth is None else repr(c.truth)
    if c.truth is None and c.left is not None and c.right is not None:
        truth = f"{c.left:.6g} | {c.right:.6g}"
    sources = [("engine", repr(c.engine), c.engine, c.finding.verdict)]
    sources += [(s, o.text, o.value, RIGHT if o.ok else WRONG) for s, o in c.opinions.items()]
    rows: list[tuple[str, ...]] = []
    for i, (source, text, value, verdict) in enumerate(sources):
        gap, relative = c.distance(value)
        rows.append(
            (
                c.name if i == 0 else "",
                source,
                text,
                truth if i == 0 else "",
                _ulps(gap),
                _relative(relative),
                verdict,
            )
        )
    return rows


def _ulps(gap: float | None) -> str:
    if gap is None:
        return ""
    return f"{gap:.1f}" if gap < 1000 else f"{gap:.0e}"


def _relative(gap: float | None) -> str:
    return "" if gap is None else ("0" if gap == 0.0 else f"{gap:.0e}")


def _as_dict(c: GradientComparison) -> dict[str, Any]:
    gap, relative = c.distance(c.engine)
    return {
        "name": c.name,
        "at": c.at,
        "truth": c.truth,
        "left": c.left,
        "right": c.right,
        "engine": c.engine,
        "ulp": gap,
        "relative": relative,
        "verdict": c.verdict,
        "ok": c.ok,
        "digits": c.finding.digits,
        "why": c.finding.why,
        "settled": "together" if c.together else "alone",
        "sources": {
            source: {
                "given": o.text,
                "value": o.value,
                "ok": o.ok,
                "ulp": c.distance(o.value)[0],
                "relative": c.distance(o.value)[1],
                "mistakes": list(o.mistakes),
                "ids": list(o.ids),
            }
            for source, o in c.opinions.items()
        },
    }

"""What a check found, for reading: a table in a terminal, a notebook and a test's output, or data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, ulp
from typing import Any

from engine.check.claims import listed
from engine.check.table import Block, Table
from engine.check.verdict import INCONCLUSIVE, KINK, RIGHT, WRONG, Finding


class GradientError(AssertionError):
    """A gradient is wrong, or could not be proved; the message is the whole report.

    Args:
        report: the report, for `error.report`.
    """

    def __init__(self, report: "GradientReport") -> None:
        super().__init__(str(report))
        self.report = report


GradientError.__module__ = "engine"  # where it is public: pytest prints it in front of the first line


@dataclass(frozen=True)
class Opinion:
    """What a source other than the engine says of one derivative.

    Args:
        text: the number as the source gave it.
        value: the number.
        ok: whether it is right, to the precision it was given with.
        mistakes: what explains it, if it is wrong.
    """

    text: str
    value: float
    ok: bool
    mistakes: Sequence[str] = ()


@dataclass(frozen=True)
class GradientComparison:
    """One derivative, by all sources.

    Args:
        name: of the input.
        at: the number it is taken at.
        truth: the derivative, to the nearest float; None where there is none.
        left: the slope on the left, where there are two.
        right: the slope on the right.
        engine: what the engine says.
        finding: the verdict on the engine.
        opinions: what others say, by source.
    """

    name: str
    at: float
    truth: float | None
    left: float | None
    right: float | None
    engine: float
    finding: Finding
    opinions: Mapping[str, Opinion] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every source is right."""
        return self.finding.ok and all(opinion.ok for opinion in self.opinions.values())

    @property
    def verdict(self) -> str:
        """The verdict on the engine; "wrong" where it is right and another source is not."""
        return WRONG if self.finding.ok and not self.ok else self.finding.verdict

    def gap(self, value: float) -> tuple[float | None, float | None]:
        """How far a number is from the truth: in ULP of it, and relative to it; None where undefined."""
        if self.truth is None or not (isfinite(value) and isfinite(self.truth)):
            return None, None
        gap = abs(value - self.truth)
        relative = gap / abs(self.truth) if self.truth else (None if gap else 0.0)
        return gap / ulp(self.truth), relative

    @property
    def reasons(self) -> list[str]:
        """What there is to say about it, source by source."""
        said = [f"engine: {self.finding.why}"] if self.finding.why else []
        for source, opinion in self.opinions.items():
            if not opinion.ok:
                said.append(f"{source}: {'; or '.join(opinion.mistakes) or _UNEXPLAINED}")
        return said


_UNEXPLAINED = "no single common mistake gives this number"


@dataclass(frozen=True)
class GradientReport(Table):
    """The result of `check_gradients`.

    Args:
        comparisons: one for each derivative, in order.
        reference: what the truth was computed from.
        fault: why nothing could be judged; empty if something was.
        notes: what else should be known.
        point: where the derivatives are taken, by name.
        error: the exception behind the fault, if there was one.
    """

    comparisons: Sequence[GradientComparison] = ()
    reference: str = ""
    fault: str = ""
    notes: Sequence[str] = ()
    point: Mapping[str, float] = field(default_factory=dict)
    error: BaseException | None = field(default=None, repr=False, compare=False)

    header = ("by", "source", "number", "truth", "ULP", "relative", "verdict")

    @property
    def ok(self) -> bool:
        """Whether something was compared, and every number of every source is right."""
        return not self.fault and bool(self.comparisons) and all(c.ok for c in self.comparisons)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each derivative, by the name of its input."""
        return {c.name: c.verdict for c in self.comparisons}

    @property
    def worst(self) -> GradientComparison | None:
        """The derivative to look at first: one that is wrong, else that with the fewest right digits."""
        return min(self.comparisons, key=lambda c: (c.ok, c.finding.digits), default=None)

    @property
    def digits(self) -> float:
        """To how many decimal digits every derivative of the engine is right."""
        return min((c.finding.digits for c in self.comparisons), default=0.0)

    @property
    def headline(self) -> str:
        """The result in one line."""
        if self.fault:
            return self.fault if self.comparisons else f"nothing judged: {self.fault}"
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

    def raise_if_wrong(self) -> None:
        """Raise a GradientError with the whole report, unless it is ok."""
        __tracebackhide__ = True
        if not self.ok:
            raise GradientError(self) from self.error

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {
            "ok": self.ok,
            "headline": self.headline,
            "fault": self.fault,
            "reference": self.reference,
            "point": dict(self.point),
            "digits": self.digits,
            "notes": list(self.notes),
            "gradients": [_as_dict(c) for c in self.comparisons],
        }

    @property
    def blocks(self) -> list[Block]:
        """The rows of each derivative, and what there is to say about them."""
        return [
            Block(
                _rows(c),
                [(c.name, reason) for reason in c.reasons],
                [c.finding.ok, *(opinion.ok for opinion in c.opinions.values())],
            )
            for c in self.comparisons
        ]

    @property
    def footer(self) -> list[str]:
        """Notes, the point, and what the truth was computed from."""
        place = listed([f"{name} = {x!r}" for name, x in self.point.items()])
        return [
            *self.notes,
            *([f"at {place}"] if place else []),
            *([f"truth: {self.reference}"] if self.reference else []),
        ]


# --- Words and cells.


def _gradients(n: int) -> str:
    return f"{n} gradient{'' if n == 1 else 's'}"


def _accusation(c: GradientComparison) -> str:
    if not c.finding.ok:
        kind = "cannot be proved" if c.finding.verdict == INCONCLUSIVE else c.finding.verdict
        return f"gradient by {c.name}: {kind}: {c.finding.why}"
    source, opinion = next((s, o) for s, o in c.opinions.items() if not o.ok)
    truth = f"{c.left:.6g} to {c.right:.6g}" if c.truth is None else _told_from(c.truth, opinion.value)
    mistakes = f": {'; or '.join(opinion.mistakes)}" if opinion.mistakes else ""
    return f"gradient by {c.name}: {source} {opinion.text}, truth {truth}{mistakes}"


def _told_from(truth: float, value: float) -> str:
    """The truth with enough digits to tell it from a wrong value."""
    for digits in range(6, 17):
        if f"{truth:.{digits}g}" != f"{value:.{digits}g}":
            return f"{truth:.{digits}g}"
    return repr(truth)


def _rows(c: GradientComparison) -> list[tuple[str, ...]]:
    truth = "" if c.truth is None else repr(c.truth)
    if c.truth is None and c.left is not None and c.right is not None:
        truth = f"{c.left:.6g} | {c.right:.6g}"
    sources = [("engine", repr(c.engine), c.engine, c.finding.verdict)]
    sources += [(s, o.text, o.value, RIGHT if o.ok else WRONG) for s, o in c.opinions.items()]
    rows: list[tuple[str, ...]] = []
    for i, (source, text, value, verdict) in enumerate(sources):
        gap, relative = c.gap(value)
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
    gap, relative = c.gap(c.engine)
    return {
        "name": c.name,
        "at": c.at,
        "truth": _json(c.truth),
        "left": _json(c.left),
        "right": _json(c.right),
        "engine": _json(c.engine),
        "ulp": gap,
        "relative": relative,
        "verdict": c.verdict,
        "ok": c.ok,
        "digits": c.finding.digits,
        "why": c.finding.why,
        "sources": {
            source: {
                "given": o.text,
                "value": _json(o.value),
                "ok": o.ok,
                "ulp": c.gap(o.value)[0],
                "relative": c.gap(o.value)[1],
                "mistakes": list(o.mistakes),
            }
            for source, o in c.opinions.items()
        },
    }


def _json(x: float | None) -> float | str | None:
    """JSON has no NaN and no infinity: they go as text."""
    return x if x is None or isfinite(x) else str(x)

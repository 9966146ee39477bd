"""The result of a check of a rule: every derivative by the rule, with a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log10
from typing import Any

from engine.check.report import DerivativeReport
from engine.check.verdict import INCONCLUSIVE, KINK, WRONG
from engine.report import Block, Table


@dataclass(frozen=True)
class RuleComparison:
    """One derivative by a rule.

    Args:
        name: the input, or of a jvp the output.
        given: the derivative by the rule.
        verdict: "right", "wrong", "rounding", "kink" or "inconclusive".
        ok: whether the rule's number may be used.
        truth: the derivative; None where there is none, or where a group of derivatives was proved at once.
        error: a bound of the error of the truth.
        left: the slope on the left, where there are two.
        right: the slope on the right.
        why: what explains a wrong number, or what is missing for a proof.
    """

    name: str
    given: float
    verdict: str
    ok: bool
    truth: float | None = None
    error: float = 0.0
    left: float | None = None
    right: float | None = None
    why: Sequence[str] = ()


@dataclass(frozen=True)
class RuleReport(DerivativeReport):
    """The result of `check_vjp` or `check_jvp`.

    Args:
        kind: "vjp" or "jvp".
        comparisons: one for each input of a vjp, or output of a jvp.
        reference: how the truth was computed.
        fault: why nothing could be checked; else empty.
        notes: remarks on the whole.
        error: the exception behind the fault, if there was one.
    """

    kind: str
    comparisons: Sequence[RuleComparison] = ()
    reference: str = ""
    fault: str = ""
    notes: Sequence[str] = ()
    error: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def bound(self) -> float:
        """The largest relative error that a truth may have; 0.0 if exact.

        Where it may be larger than the derivative itself, it is taken relative to the largest derivative.
        """
        largest = max((abs(c.given) for c in self.comparisons if isfinite(c.given)), default=0.0) or 1.0
        pairs = [(c.error, abs(c.given)) for c in self.comparisons if c.verdict != KINK]
        bound = max((e / (size if e < size < inf else largest) for e, size in pairs), default=0.0)
        return bound if bound > 1e-15 else 0.0

    @property
    def headline(self) -> str:
        """The result in one line."""
        if not self.comparisons:
            return f"the {self.kind} could not be checked: {self.fault or 'there is nothing to check'}"
        n = len(self.comparisons)
        wrong = [c for c in self.comparisons if not c.ok]
        if wrong:
            others = f" ({len(wrong)} of {n} derivatives fail)" if n > 1 else ""
            return f"{_accusation(self.kind, min(wrong, key=_severity))}{others}"
        kinks = sum(c.verdict == KINK for c in self.comparisons)
        derivatives = f"{n} derivative{'' if n == 1 else 's'}"
        by = f", to {-log10(self.bound):.0f} digits" if 0.0 < self.bound < 1.0 else ""
        at = f", {kinks} of them at a kink, between the slopes on its sides" if kinks else ""
        return f"{self.kind}: {derivatives} {'proved' if not by else 'right'}{by}{at}"

    def data(self) -> dict[str, Any]:
        """The comparisons as data, and where the truth comes from."""
        return {
            "kind": self.kind,
            "fault": self.fault,
            "reference": self.reference,
            "notes": self.notes,
            "derivatives": [{**vars(c), "why": list(c.why)} for c in self.comparisons],
        }

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each derivative."""
        blocks = [
            Block(
                [(c.name, repr(c.given), _truth(c), c.verdict)],
                [c.ok],
                [(c.name, "; or ".join(c.why))] if c.why else [],
            )
            for c in self.comparisons
        ]
        notes = [*self.notes, self.reference and f"truth: {self.reference}"]
        by = "by" if self.kind == "vjp" else "of"
        return [Table((by, self.kind, "truth", "verdict"), blocks, [x for x in notes if x], most_right=12)]


def _severity(c: RuleComparison) -> tuple[bool, bool]:
    return c.verdict != WRONG, not c.why


def _accusation(kind: str, c: RuleComparison) -> str:
    where = f"{kind} {'by' if kind == 'vjp' else 'of'} {c.name}"
    why = f": {'; or '.join(c.why)}" if c.why else ""
    if c.verdict == INCONCLUSIVE:
        return f"{where}: cannot be proved{why}"
    return f"{where}: {c.given:.6g}, truth {_truth(c, short=True)}{why}"


def _truth(c: RuleComparison, short: bool = False) -> str:
    if c.truth is None:
        return f"{c.left:.6g} | {c.right:.6g}" if c.left is not None and c.right is not None else ""
    if not short:
        return repr(c.truth) if c.error <= 1e-15 * abs(c.truth) else f"{c.truth:.15g} ± {c.error:.0e}"
    for digits in range(6, 17):
        if f"{c.truth:.{digits}g}" != f"{c.given:.{digits}g}":
            return f"{c.truth:.{digits}g}"
    return repr(c.truth)

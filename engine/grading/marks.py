"""Marks: what each claim of a hand computation is worth, and why.

A claim is compared with two numbers: the exact one, and the one that follows from what was claimed before.
A claim that fits the second alone is carried forward. A claim that fits neither is wrong here; then a mistake
is looked for that makes it (`engine.mistakes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.claims import Claim, listed
from engine.mistakes.computation import Known, Problem, Quantity, compute
from engine.mistakes.diagnosis import Reason, explain

RIGHT = "right"
WRONG_HERE = "wrong here"
CARRIED_FORWARD = "carried forward"

_ROUNDED = "it follows from rounded numbers"
_UNEXPLAINED = "no single common mistake gives this number"


@dataclass(frozen=True)
class Mark:
    """What a claim is worth.

    Args:
        name: what was claimed.
        claimed: the number, as it was written.
        exact: the right number.
        follows: the number that follows from what was claimed before.
        verdict: right, wrong here, or carried forward.
        why: the mistakes that explain a wrong number, or where it was carried forward from.
        remark: a further remark; may be empty.
        ids: those mistakes by their rows in the catalogue.
    """

    name: str
    claimed: str
    exact: float
    follows: float
    verdict: str
    why: Sequence[str] = ()
    remark: str = ""
    ids: Sequence[str] = ()


def mark(problem: Problem, claims: Mapping[Quantity, Claim]) -> list[Mark]:
    """Mark every claim.

    Args:
        problem: the computation that was asked for, with the names of its quantities.
        claims: the claims.

    Returns:
        One mark for each claim, in the order of the computation.
    """
    examiner = _Examiner(problem, claims)
    own = examiner.own
    order = [q for q in own.follows if q in claims]
    verdicts = {q: examiner.verdict(q) for q in order}
    wrong = [q for q in order if verdicts[q] == WRONG_HERE]
    reasons = explain(own, claims, wrong) if wrong else {}
    marks = []
    for q in order:
        why: list[str] = []
        remark = _ROUNDED if q in examiner.rounded else ""
        if verdicts[q] == CARRIED_FORWARD:
            why = [_origin(own.follows[q].sources, verdicts, problem.names)]
        elif q in reasons:
            why, remark = _in_words(reasons[q])
        numbers = examiner.exact.follows[q].number, own.follows[q].number
        ids = list(dict.fromkeys(reason.id for reason in reasons.get(q, ())))
        marks.append(Mark(problem.names[q], claims[q].text, *numbers, verdicts[q], why, remark, ids))
    return marks


class _Examiner:
    """The computation as it is right, and as it goes on with what was claimed.

    Attributes:
        exact: the right computation.
        own: the computation that goes on with what was claimed.
        right: the claims that are right so far.
        rounded: those of them that follow from right numbers as they were rounded.
    """

    def __init__(self, problem: Problem, claims: Mapping[Quantity, Claim]) -> None:
        self.claims = claims
        self.exact = compute(problem, {})
        self.own = compute(problem, {q: _known(q, c.value, c) for q, c in claims.items()})
        by_operands = replace(problem, by_operands=True)
        self._by_operands = compute(by_operands, self.own.claimed)
        right = {
            q: _known(q, self.exact.follows[q].number, c)
            for q, c in claims.items()
            if q in self.exact.follows
        }
        self._from_rounded = compute(problem, right)
        self.right: set[Quantity] = set()
        self.rounded: set[Quantity] = set()

    def verdict(self, q: Quantity) -> str:
        claim, truth = self.claims[q], self.exact.follows[q].number
        carried = any(self._follows(claim, c.follows[q]) for c in (self.own, self._by_operands))
        only_rounded = carried and self.own.follows[q].sources <= self.right
        rounding = self._from_rounded.follows[q].error
        if claim.fits(truth):
            verdict = RIGHT
        elif only_rounded or (not carried and claim.fits(truth, more=rounding)):
            verdict = RIGHT
            self.rounded.add(q)
        else:
            verdict = CARRIED_FORWARD if carried else WRONG_HERE
        if verdict == RIGHT:
            self.right.add(q)
        return verdict

    def _follows(self, claim: Claim, known: Known) -> bool:
        return claim.fits(known.number, more=known.error)


def _known(q: Quantity, number: float, claim: Claim) -> Known:
    return Known(number, claim.half_unit or 0.0, frozenset([q]))


def _origin(
    sources: frozenset[Quantity], verdicts: Mapping[Quantity, str], names: Mapping[Quantity, str]
) -> str:
    wrong = [name for q, name in names.items() if q in sources and verdicts[q] != RIGHT]
    return f"follows correctly from {listed(wrong) if wrong else 'rounded numbers'}"


def _in_words(reasons: Sequence[Reason]) -> tuple[list[str], str]:
    """Why a number is wrong, and a remark."""
    if not reasons:
        return [], _UNEXPLAINED
    if reasons[0].near:
        number = reasons[0].number
        return [reasons[0].text], f"with that mistake it is {number:.6g}: the last decimal is off too"
    return [reason.text for reason in reasons], ""

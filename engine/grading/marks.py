"""Marks: what each claim of a hand computation is worth, and why.

A claim is compared with two numbers: the exact one, and the one that follows from what was claimed before.
A claim that fits the second alone is carried forward. A claim that fits neither is wrong here; then a mistake
is looked for that makes it (`engine.mistakes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.check.claims import Claim, listed
from engine.mistakes.computation import Computation, Known, Quantity, compute
from engine.mistakes.diagnosis import Reason, explain

RIGHT = "right"
WRONG_HERE = "wrong here"
CARRIED_FORWARD = "carried forward"

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


def mark(
    names: Mapping[Quantity, str], claims: Mapping[Quantity, Claim], exact: Computation, own: Computation
) -> list[Mark]:
    """Mark every claim.

    Args:
        names: the name under which a quantity was claimed.
        claims: the claims.
        exact: the right computation.
        own: the computation that goes on with what was claimed.

    Returns:
        One mark for each claim, in the order of the computation.
    """
    order = [q for q in own.follows if q in claims]
    readings = [own, compute(replace(own.problem, by_operands=True), own.claimed)]
    verdicts = {
        q: _verdict(claims[q], exact.follows[q].number, [r.follows[q] for r in readings]) for q in order
    }
    wrong = [q for q in order if verdicts[q] == WRONG_HERE]
    reasons = explain(own, claims, wrong) if wrong else {}
    marks = []
    for q in order:
        why: list[str] = []
        remark = ""
        if verdicts[q] == CARRIED_FORWARD:
            why = [_origin(own.follows[q].sources, verdicts, names)]
        elif q in reasons:
            why, remark = _in_words(reasons[q])
        numbers = exact.follows[q].number, own.follows[q].number
        ids = list(dict.fromkeys(reason.id for reason in reasons.get(q, ())))
        marks.append(Mark(names[q], claims[q].text, *numbers, verdicts[q], why, remark, ids))
    return marks


def _verdict(claim: Claim, truth: float, follows: Sequence[Known]) -> str:
    if claim.fits(truth):
        return RIGHT
    carried = any(claim.fits(known.number, more=known.error) for known in follows)
    return CARRIED_FORWARD if carried else WRONG_HERE


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

"""Marks: what each claim of a hand computation is worth, and why.

A claim is compared with two numbers: the exact one, and the one that follows from what was claimed before.
A claim that fits the second alone is carried forward. A claim that fits neither is wrong here; then mistakes
are put into its rule, until one gives what was claimed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.check.claims import Claim, listed
from engine.check.mistakes import LOCAL_SIGN, SIGN
from engine.grading.computation import Computation, Quantity
from engine.grading.mistakes import ADDED, mistakes

RIGHT = "right"
WRONG_HERE = "wrong here"
CARRIED_FORWARD = "carried forward"

_UNEXPLAINED = "no single common mistake gives this number"


@dataclass(frozen=True)
class Mark:
    """What a claim is worth.

    Args:
        name: of the quantity, as claimed.
        claimed: the number, as claimed.
        exact: the right number.
        follows: the number that follows from the numbers that were claimed before.
        verdict: "right", "wrong here" or "carried forward".
        why: the mistakes that explain a wrong number, or where it was carried forward from.
        remark: a further remark; may be empty.
    """

    name: str
    claimed: str
    exact: float
    follows: float
    verdict: str
    why: Sequence[str] = ()
    remark: str = ""


@dataclass(frozen=True)
class _Explanation:
    """A mistake that gives a claimed number.

    Args:
        mistake: the mistake, in words.
        number: what follows with it.
        fits: whether that is the claim to its last decimal; else it is off in the last decimal.
    """

    mistake: str
    number: float
    fits: bool


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
    verdicts = {q: _verdict(claims[q], exact.follows[q].number, own, q) for q in order}
    explanations = _explain([q for q in order if verdicts[q] == WRONG_HERE], claims, own)
    marks = []
    for q in order:
        why: list[str] = []
        remark = ""
        if verdicts[q] == CARRIED_FORWARD:
            why = [_origin(own.follows[q].sources, verdicts, names)]
        elif verdicts[q] == WRONG_HERE:
            why, remark = _reason(explanations[q])
        numbers = exact.follows[q].number, own.follows[q].number
        marks.append(Mark(names[q], claims[q].text, *numbers, verdicts[q], why, remark))
    return marks


def _verdict(claim: Claim, truth: float, own: Computation, q: Quantity) -> str:
    if claim.fits(truth):
        return RIGHT
    follows = own.follows[q]
    return CARRIED_FORWARD if claim.fits(follows.number, more=follows.error) else WRONG_HERE


def _origin(
    sources: frozenset[Quantity], verdicts: Mapping[Quantity, str], names: Mapping[Quantity, str]
) -> str:
    wrong = [name for q, name in names.items() if q in sources and verdicts[q] != RIGHT]
    return f"follows correctly from {listed(wrong) if wrong else 'rounded numbers'}"


# --- Why a number is wrong.


def _explain(
    wrong: Sequence[Quantity], claims: Mapping[Quantity, Claim], own: Computation
) -> dict[Quantity, list[_Explanation]]:
    """For each wrong number the mistakes that give it: of several, those that give the most numbers.

    A mistake that leaves the last decimal off counts only if it gives another number exactly.
    """
    found = {q: _explanations(claims[q], own, q) for q in wrong}
    made = {e.mistake for explanations in found.values() for e in explanations if e.fits}
    found = {q: [e for e in found[q] if e.mistake in made] for q in wrong}
    support = Counter(mistake for q in wrong for mistake in {e.mistake for e in found[q]})
    return {q: _most_supported(found[q], support) for q in wrong}


def _explanations(claim: Claim, own: Computation, q: Quantity) -> list[_Explanation]:
    off = 3.0 * (claim.half_unit or 0.0)  # with the half unit of rounding: 2 units of the last decimal
    found = []
    for text, follows in mistakes(own, q):
        if claim.fits(follows.number, more=follows.error):
            found.append(_Explanation(text, follows.number, fits=True))
        elif claim.fits(follows.number, more=follows.error + off):
            found.append(_Explanation(text, follows.number, fits=False))
    return found


def _most_supported(found: Sequence[_Explanation], support: Mapping[str, int]) -> list[_Explanation]:
    fitting = [e for e in found if e.fits] or found
    most = max((support[e.mistake] for e in fitting), default=0)
    best = [e for e in fitting if support[e.mistake] == most]
    texts = {e.mistake for e in best}
    if SIGN in texts or ADDED in texts:  # they say it in fewer words
        best = [e for e in best if not e.mistake.startswith(LOCAL_SIGN)]
    return best


def _reason(explanations: Sequence[_Explanation]) -> tuple[list[str], str]:
    """Why a number is wrong, and a remark."""
    if not explanations:
        return [], _UNEXPLAINED
    first = explanations[0]
    if first.fits:
        return list(dict.fromkeys(e.mistake for e in explanations)), ""
    return [first.mistake], f"with that mistake it is {first.number:.6g}: the last decimal is off too"

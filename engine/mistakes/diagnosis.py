"""Which mistake makes the wrong numbers: each is put into the computation, and its numbers are compared.

A reason is given only if it predicts every claimed number that it affects, right or wrong, to its printed
digits, and if that is no accident. A number of few digits is soon hit by one of many mistakes, so the more
were tried, the more digits have to be explained; the catalogue begins with the most common ones. A reason
that predicts most of the numbers is given as "k of n", one that may be an accident as "perhaps".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod

from engine.claims import Claim
from engine.mistakes.catalogue import CATALOGUE
from engine.mistakes.computation import VALUE, Change, Computation, Quantity
from engine.mistakes.mistake import Case, Mistake

_MOST_WORK = 3_000_000  # numbers to predict: mistakes at single steps are tried in smaller graphs only
_SAME = 1e-12  # relative: two ways to compute one number
_INVISIBLE = 1e-6  # relative: what is nearer to the right number has lost digits, by no mistake
_SURE = 0.06  # the chance that a case fits by accident
_PERHAPS = 0.1


@dataclass(frozen=True)
class Reason:
    """Why a number is wrong.

    Args:
        id: the mistake, a row of the catalogue.
        text: the mistake in words, with the names of the numbers.
        number: the number that follows with it.
        near: whether it is the claim but for its last decimal.
    """

    id: str
    text: str
    number: float
    near: bool = False


@dataclass(frozen=True)
class _Fit:
    """How well a case fits the claims.

    Args:
        explained: the wrong numbers that it predicts.
        near: those that it predicts but for the last decimal.
        affected: how many numbers it changes.
        chance: how probable it is that one of the cases so far fits as well by accident.
    """

    mistake: Mistake
    case: Case
    predicted: Mapping[Quantity, float] = field(repr=False)
    explained: Sequence[Quantity]
    near: Sequence[Quantity]
    affected: int
    chance: float

    @property
    def weight(self) -> tuple[int, bool]:
        """How much it explains, and whether that is all that it affects."""
        return len(self.explained), len(self.explained) + len(self.near) == self.affected

    @property
    def text(self) -> str:
        count = len(self.explained) + len(self.near)
        part = f" ({count} of {self.affected} numbers)" if count < self.affected else ""
        return f"{'perhaps ' if self.chance > _SURE else ''}{self.case.text}{part}"


def explain(
    own: Computation, claims: Mapping[Quantity, Claim], wrong: Sequence[Quantity]
) -> dict[Quantity, list[Reason]]:
    """The mistakes that explain wrong numbers.

    Args:
        own: the computation, going on with what was claimed.
        claims: what was claimed.
        wrong: the quantities whose claims do not follow.

    Returns:
        For each wrong quantity the reasons that fit best; an empty list where none does.
    """
    trial = _Trial(own, claims, frozenset(q for q in wrong if isfinite(claims[q].value)))
    fits = [fit for mistake in CATALOGUE.values() if mistake.cases for fit in trial.fits(mistake)]
    return {q: _best(q, fits) for q in wrong}


def _best(q: Quantity, fits: Iterable[_Fit]) -> list[Reason]:
    """Of the cases that explain a number, those that explain the most; each prediction once."""
    found = [fit for fit in fits if q in fit.explained] or [fit for fit in fits if q in fit.near]
    most = max((fit.weight for fit in found), default=None)
    reasons: list[Reason] = []
    for fit in found:
        reason = Reason(fit.mistake.id, fit.text, fit.predicted[q], q not in fit.explained)
        known = any(other.id == reason.id and _same(other.number, reason.number) for other in reasons)
        if fit.weight == most and not known:
            reasons.append(reason)
    if any(reason.id in _PLAIN_SIGNS for reason in reasons):  # they say it in fewer words
        reasons = [reason for reason in reasons if reason.id != "local-sign"]
    return reasons


_PLAIN_SIGNS = {"sign", "uphill"}


class _Trial:
    """Puts cases into a computation, and compares what follows with what was claimed."""

    def __init__(
        self, own: Computation, claims: Mapping[Quantity, Claim], wrong: frozenset[Quantity]
    ) -> None:
        self.own = own
        self.claims = {q: claim for q, claim in claims.items() if q in own.follows}
        self.wrong = wrong
        self.influences = own.influences()
        self.small = len(own.problem.order) * len(self.claims) <= _MOST_WORK
        self.tried: dict[Quantity, set[float]] = {q: set() for q in wrong}  # what was predicted so far

    def fits(self, mistake: Mistake) -> Iterator[_Fit]:
        """The cases of a mistake that explain something: at one place, in a layer, and everywhere."""
        assert mistake.cases is not None
        cases = list(mistake.cases(self.own))
        singles = cases if self.small else []
        for case in [*filter(self.touches, singles), *together(cases)]:
            fit = self.fit(mistake, case)
            if fit is not None:
                yield fit

    def touches(self, case: Case) -> bool:
        """Whether a change at one place may explain a wrong number."""
        change = case.change
        if change.results:
            return not self.wrong.isdisjoint(change.results)
        if self.only_claimed(change):
            return any(Quantity(VALUE, value) in self.wrong for value in change.numbers)
        if len(change.partials) != 1:
            return True
        ((value, k),) = change.partials
        return not self.wrong.isdisjoint(self.influences[value.parents[k]])

    def fit(self, mistake: Mistake, case: Case) -> _Fit | None:
        predicted = self.predicted(case.change)
        for q in self.wrong.intersection(predicted):
            self.tried[q].add(predicted[q])
        explained, near, missed = [], [], 0
        for q, number in predicted.items():
            claim, follows = self.claims[q], self.own.follows[q]
            fits_right = claim.fits(follows.number, more=follows.error)
            error = follows.error * max(1.0, abs(number / follows.number) if follows.number else 1.0)
            if claim.fits(number, more=error):
                if q in self.wrong and not _same(number, follows.number, _INVISIBLE):
                    explained.append(q)
            elif q in self.wrong and self.is_near(claim, number, error):
                near.append(q)
            elif not fits_right or abs(number - follows.number) > claim.slack(number) + error:
                missed += 1
        if not explained:
            return None
        if missed and (len(explained) < 2 or len(explained) <= missed):
            return None
        chance = self.chance(explained, len(case.change))
        if chance > (_SURE if missed else _PERHAPS):
            return None
        return _Fit(mistake, case, predicted, explained, near, len(explained) + len(near) + missed, chance)

    def predicted(self, change: Change) -> Mapping[Quantity, float]:
        """The claimed numbers that a change makes other than they follow."""
        if len(change.partials) == 1 == len(change):
            found = dict(self.after_one_partial(change))
        elif len(change.results) == len(change):
            found = dict(change.results)
        elif self.only_claimed(change):
            found = {Quantity(VALUE, value): x for value, x in change.numbers.items()}
        else:
            found = self.own.predicted(change)
        return {
            q: x
            for q, x in found.items()
            if q in self.claims and not _same(x, self.own.follows[q].number) and isfinite(x)
        }

    def only_claimed(self, change: Change) -> bool:
        """Whether it changes nothing but claimed values, so that nothing follows from the change."""
        return len(change.numbers) == len(change) and all(
            Quantity(VALUE, value) in self.own.claimed for value in change.numbers
        )

    def after_one_partial(self, change: Change) -> Iterator[tuple[Quantity, float]]:
        """The chain rule is linear in each local derivative."""
        (((value, k), number),) = change.partials.items()
        moved = self.own.adjoint(value) * (number - self.own.partials[value][k].number)
        for q, influence in self.influences[value.parents[k]].items():
            right = self.own.follows[q].number
            made = right + moved * influence
            rounding = _SAME * (abs(right) + abs(moved * influence))
            yield q, 0.0 if abs(made) <= rounding else made

    def is_near(self, claim: Claim, number: float, error: float) -> bool:
        """Whether a claim is the number but for its last decimal."""
        off = 3.0 * (claim.half_unit or 0.0)  # with the half unit of rounding: 2 units of the last decimal
        return claim.fits(number, more=error + off)

    def chance(self, explained: Sequence[Quantity], places: int) -> float:
        """How probable it is that numbers of this size are hit by one of the mistakes tried so far.

        Numbers that follow from one changed number count once: if that was hit by chance, so are they all.
        """
        hits = []
        for q in explained:
            claimed, follows = abs(self.claims[q].value), self.own.follows[q]
            around = 2.0 * max(claimed, abs(follows.number))
            slack = max(self.claims[q].slack(claimed) + follows.error, _SAME * around)
            near = {round(x / slack) for x in self.tried[q] if abs(x) <= around}
            hits.append(min(1.0, len(near) * slack / around))
        return prod(sorted(hits)[:places])


def _same(a: float, b: float, within: float = _SAME) -> bool:
    return abs(a - b) <= within * max(abs(a), abs(b))


def together(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases that people make by habit: all of a computation, and all of a layer.

    Args:
        cases: the cases of one mistake, each at one place.

    Yields:
        Those with the same words as one case.
    """
    habits: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.everywhere:
            habits[case.everywhere].append(case)
    for words, alike in habits.items():
        layers: dict[int, list[Case]] = defaultdict(list)
        for case in alike:
            layers[case.layer].append(case)
        if len(alike) > 1:
            yield _merged(alike, words)
        if len(layers) > 1:
            text = f"{words.removesuffix(' everywhere')} in one layer"
            yield from (_merged(layer, text) for layer in layers.values() if len(layer) > 1)


def _merged(cases: Sequence[Case], text: str) -> Case:
    return Case(text, Change.merged(case.change for case in cases))

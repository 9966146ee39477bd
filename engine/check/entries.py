"""The numbers of a rule judged one by one, or in groups along random directions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import fsum, inf, isfinite
from time import monotonic
from typing import Any

import numpy as np

from engine.check.differences import Array
from engine.check.raised import RAISED, said
from engine.check.rule_report import RuleComparison
from engine.check.sources import EPS, Doubles, Exact, Measured, Source
from engine.check.verdict import INCONCLUSIVE, KINK, RIGHT, ROUNDING, WRONG, right_digits
from engine.claims import FLOAT_PRECISION

_ALONE = 64  # so many derivatives are looked at one by one; more of them in groups
_MOST_WRONG = 100  # so many wrong derivatives are found before the search ends
_WEAKEST = 1e-5  # relative: a bound that is larger proves nothing; with outputs of fewer digits:
_WEAKEST_NARROW = 1e-2
_WEAKEST_SMALL = 1e-2  # the same for an entry that is small beside the others
_LATE = "the time was up before it was settled"

RuleOnValues = Callable[[Sequence[Any]], Sequence[Any]]


class Entries:
    """What a rule returned: the entries of a gradient, or of a derivative along tangents.

    Args:
        kind: "vjp" or "jvp".
        names: the names of the entries: inputs of a vjp, outputs of a jvp.
        claims: the entries.
        given: the cotangent, or the tangents.
        slacks: how far each entry may be off.
        tight: how far it may be off unless it is a sum of larger terms.
        sizes: how far each entry may be moved.
        source: where the truth comes from.
        doubles: differences in double precision.
        rule: the rule on Values; None if it does not run on them.
        narrow: whether the function or the rule has numbers of less than double precision.
        hidden: whether the function seems to have such numbers inside, though it returns doubles.
        digits: how many right digits are enough where rounding costs some.
        rng: draws directions.
        end: the time by which to end.
    """

    def __init__(
        self,
        kind: str,
        names: Sequence[str],
        claims: Array,
        given: Array,
        slacks: Array,
        tight: Array,
        sizes: Array,
        source: Source,
        doubles: Doubles,
        rule: RuleOnValues | None,
        narrow: bool,
        hidden: bool,
        digits: float,
        rng: np.random.Generator,
        end: float,
    ) -> None:
        self.kind, self.names, self.claims, self.given = kind, names, claims, given
        self.slacks, self.tight, self.sizes = slacks, tight, sizes
        self.source, self.doubles = source, doubles
        self.rule, self.digits, self.rng, self.end = rule, digits, rng, end
        self.hidden = hidden
        self.weakest = _WEAKEST_NARROW if narrow else _WEAKEST
        some = np.sort(np.abs(claims[(claims != 0.0) & np.isfinite(claims)]))
        self.typical = float(some[(len(some) - 1) // 2]) if len(some) else 1.0
        self.found: dict[int, RuleComparison] = {}
        self.wrong = 0

    def judged(self) -> list[RuleComparison]:
        """Judge every entry.

        Returns:
            One comparison for each, in order.
        """
        everything = list(range(len(self.names)))
        if len(everything) <= _ALONE or not np.isfinite(self.claims).all():
            self.settle_one_by_one(everything)
        else:
            for group in self.groups():
                self.settle(group)
        self.judge_kinks_together()
        return [self.found[i] for i in everything]

    def along(
        self, entries: Mapping[int, float], given: Array | None = None, source: Source | None = None
    ) -> Measured:
        """The truth of a weighted sum of entries.

        Args:
            entries: the weight of each entry.
            given: another cotangent or other tangents.
            source: another source.

        Returns:
            What is known of it; the error of the function near the point where it raises.
        """
        weights = np.zeros(len(self.names))
        weights[list(entries)] = list(entries.values())
        given = self.given if given is None else given
        v, u = (weights, given) if self.kind == "vjp" else (given, weights)
        try:
            return (source or self.source).along(v, u)
        except RAISED as error:
            return Measured(None, reason=f"f raises near the point: {type(error).__name__}{said(error)}")

    # --- Groups.

    def groups(self) -> list[list[int]]:
        """Entries that are proved together: none is so small beside the others that it would not show."""
        if isinstance(self.source, Exact):
            sizes = np.where(self.claims == 0.0, 0, 1)
        else:
            terms = np.abs(self.claims * self.sizes)
            sizes = np.where(terms > 0.0, np.floor(np.log10(np.where(terms > 0.0, terms, 1.0))), -999)
        return [list(np.flatnonzero(sizes == size)) for size in np.unique(sizes)]

    def settle(self, group: Sequence[int]) -> None:
        """Prove a group along one random direction, or find what is wrong in it."""
        if len(group) <= 1 or self.is_over():
            self.settle_one_by_one(group)
            return
        if self.is_right(group, self.source):
            return
        if self.source is not self.doubles:  # doubles are faster, and find what is not nearly right
            suspects: list[int] = []
            self.suspect(group, suspects)
            self.settle_one_by_one(suspects)
            group = [i for i in group if i not in self.found]
            if suspects and (not group or self.is_right(group, self.source)):
                return
        middle = len(group) // 2
        self.settle(group[:middle])
        self.settle(group[middle:])

    def is_right(self, group: Sequence[int], source: Source) -> bool:
        """Whether one random direction proves a group."""
        weights, known, fits = self.compared(group, source)
        errors = {i: known.error / abs(w) for i, w in zip(group, weights, strict=True)}
        proved = fits and all(self.is_enough(i, error) for i, error in errors.items())
        if proved:
            for i, error in errors.items():
                self.found[i] = RuleComparison(self.names[i], float(self.claims[i]), RIGHT, True, error=error)
        return proved

    def is_enough(self, i: int, error: float, truth: float = 0.0) -> bool:
        """Whether a bound of the error is small beside the others, and beside the entry unless it is 0."""
        size = max(abs(float(self.claims[i])), abs(truth))
        is_zero = abs(self.claims[i]) <= self.slacks[i] and abs(truth) <= error
        return error <= self.weakest * max(size, self.typical) and (is_zero or error <= _WEAKEST_SMALL * size)

    def suspect(self, group: Sequence[int], found: list[int]) -> None:
        """Find the entries that differences in doubles contradict."""
        if monotonic() > self.end or len(found) >= _MOST_WRONG:
            return
        _, known, fits = self.compared(group, self.doubles)
        if fits or (known.value is None and not known.two_sided):
            return
        if len(group) == 1:
            found.append(group[0])
            return
        middle = len(group) // 2
        self.suspect(group[:middle], found)
        self.suspect(group[middle:], found)

    def compared(self, group: Sequence[int], source: Source) -> tuple[Array, Measured, bool]:
        """A random direction, the truth along it, and whether the entries fit it to the slack of one."""
        weights = self.rng.uniform(0.5, 1.5, len(group)) * self.rng.choice([-1.0, 1.0], len(group))
        if source is self.doubles:
            weights = weights * self.sizes[group]
        else:  # each weighs as much as its rounding allows
            slacks = self.slacks[group]
            least = slacks[slacks > 0.0].min(initial=inf)
            weights = weights / np.where(slacks > 0.0, slacks, least if isfinite(least) else 1.0)
            weights = weights / np.max(np.abs(weights) / self.sizes[group])
        known = self.along(dict(zip(group, map(float, weights), strict=True)), source=source)
        total = fsum(float(w * g) for w, g in zip(weights, self.claims[group], strict=True))
        slacks = self.tight if self.source is self.doubles else self.slacks
        slack = float(np.max(np.abs(weights) * slacks[group]))
        return weights, known, known.value is not None and known.fits(total, slack)

    # --- One entry.

    def is_over(self) -> bool:
        """Whether the time is up, or enough wrong entries are found."""
        return monotonic() > self.end or self.wrong >= _MOST_WRONG

    def settle_one_by_one(self, group: Sequence[int]) -> None:
        """Judge each entry on its own."""
        for i in group:
            if self.is_over():
                late = monotonic() > self.end
                reason = (
                    "the time was up before it was settled" if late else "not looked at, as others are wrong"
                )
                self.found[i] = self.comparison(i, INCONCLUSIVE, Measured(None, reason=reason))
            elif i not in self.found:
                self.found[i] = self.one(i)
                self.wrong += self.found[i].verdict == WRONG

    def one(self, i: int) -> RuleComparison:
        """Judge one entry."""
        known = self.along({i: 1.0})
        g, slack = float(self.claims[i]), float(self.slacks[i])
        if known.value is not None:
            slack = max(slack, FLOAT_PRECISION * abs(known.value))
            if not known.fits(g, slack):
                return self.not_fitting(i, known)
            if self.source is self.doubles and not known.fits(g, float(self.tight[i])):
                reason = f"it differs from {known.value:.6g} by no more than rounding, beside larger numbers"
                return self.comparison(i, INCONCLUSIVE, replace(known, reason=reason))
            enough = self.is_enough(i, known.error, known.value)
            return self.comparison(i, RIGHT if enough else INCONCLUSIVE, known)
        if known.two_sided:
            between = self.is_between({i: 1.0}, g, slack, known)
            return self.comparison(i, KINK if between else WRONG, known)
        return self.comparison(i, INCONCLUSIVE, known)

    def is_between(self, entries: Mapping[int, float], claim: float, slack: float, known: Measured) -> bool:
        """Whether a sum of entries is between the slopes, where each output has a kink of its own."""
        if known.fits(claim, slack):
            return True
        if self.kind == "jvp" or self.source is self.doubles or len(self.given) > _ALONE:
            return False
        low = high = 0.0
        for j, u in enumerate(self.given):
            known = self.along(entries, unit(len(self.given), j))
            left, right = (known.value, known.value) if known.value is not None else (known.left, known.right)
            if left is None or right is None:
                return False
            ends = sorted((u * left, u * right))
            low, high = low + ends[0], high + ends[1]
        return low - slack <= claim <= high + slack

    def judge_kinks_together(self) -> None:
        """See whether entries at a kink add up: each may be between its slopes, and their sum not.

        A convention for the kinks that f is made of may be no slope along any direction, if f is not convex:
        a sum that is not between the slopes proves nothing.
        """
        kinks = [i for i in range(len(self.names)) if self.found[i].verdict == KINK]
        if self.kind == "jvp" or len(kinks) < 2:
            return
        for signs in ([1.0], [1.0], [-1.0, 1.0], [-1.0, 1.0]):
            if monotonic() > self.end:
                return
            weights = self.rng.uniform(0.5, 1.5, len(kinks)) * self.rng.choice(signs, len(kinks))
            entries = dict(zip(kinks, map(float, weights), strict=True))
            known = self.along(entries)
            total = fsum(w * float(self.claims[i]) for i, w in entries.items())
            slack = fsum(abs(w) * float(self.slacks[i]) for i, w in entries.items())
            is_known = known.value is not None or known.two_sided
            if is_known and not self.is_between(entries, total, slack, known):
                reason = "each is between its slopes, but together they are no slope: f may be split wrongly"
                for i in kinks:
                    self.found[i] = replace(self.found[i], verdict=INCONCLUSIVE, ok=False, why=[reason])
                return

    def not_fitting(self, i: int, known: Measured) -> RuleComparison:
        """An entry that differs from the truth: wrong, or right but for its rounding."""
        assert known.value is not None
        g, truth = float(self.claims[i]), known.value
        finite = self.claims[np.isfinite(self.claims)]
        largest = float(max(np.max(np.abs(finite), initial=0.0), np.max(np.abs(self.given))))
        if self.source is self.doubles:
            return self.comparison(i, *self.confirmed(i, known))
        if not isinstance(self.source, Exact) or not abs(g - truth) <= 1e-6 * largest:
            return self.comparison(i, WRONG, known)
        weights = unit(len(self.names), i)
        by_rule = None if self.rule is None else self.source.of_rule(self.rule, weights)
        if by_rule is not None and abs(by_rule - truth) <= 1e-12 * abs(truth):
            left = right_digits(g, truth)
            reason = f"the rule is right, but rounding leaves {left:.0f} digits of this number"
            return self.comparison(i, ROUNDING, Measured(truth, reason=reason), ok=left >= self.digits)
        if by_rule is None and abs(g - truth) <= 16.0 * EPS * largest:
            reason = f"it differs from {truth:.6g} by no more than rounding, beside larger numbers"
            return self.comparison(i, INCONCLUSIVE, Measured(truth, reason=reason))
        return self.comparison(i, WRONG, known)

    def confirmed(self, i: int, known: Measured) -> tuple[str, Measured]:
        """A second opinion before an entry is called wrong: the same by much shorter steps."""
        weights = unit(len(self.names), i)
        v, u = (weights, self.given) if self.kind == "vjp" else (self.given, weights)
        again = self.doubles.along(v, u, fine=True)
        g, slack = float(self.claims[i]), 10.0 * (known.error + float(self.slacks[i]))
        if not isfinite(g):
            return WRONG, known
        gap = abs(g - (known.value or 0.0))
        if self.hidden and (g == 0.0 or gap <= _WEAKEST_NARROW * abs(g)):
            reason = (
                "f stands still near the point: it has few digits inside, or steps, and doubles do not tell"
            )
            return INCONCLUSIVE, Measured(None, reason=reason)
        if known.value == 0.0 and gap <= self.doubles.hidden_rounding(v, u):
            reason = (
                "f does not move near the point: if it has numbers of float32 inside, they hide this slope"
            )
            return INCONCLUSIVE, Measured(None, reason=reason)
        if again.value is None or known.value is None or again.fits(known.value, slack) is False:
            reason = "steps of different lengths give different derivatives: f changes too fast for doubles"
            return INCONCLUSIVE, Measured(None, reason=reason)
        if again.fits(g, slack):
            reason = f"it differs by no more than {known.error:.0e}, which is too near to tell"
            return INCONCLUSIVE, Measured(known.value, error=known.error, reason=reason)
        return WRONG, known

    def comparison(self, i: int, verdict: str, known: Measured, ok: bool = False) -> RuleComparison:
        """The comparison of an entry."""
        why = [known.reason] if known.reason else []
        if verdict == INCONCLUSIVE and not why:
            why = [f"the truth is known to {known.error:.0e} alone, which proves nothing"]
        return RuleComparison(
            self.names[i],
            float(self.claims[i]),
            verdict,
            ok or verdict in (RIGHT, KINK),
            known.value,
            known.error,
            known.left,
            known.right,
            why,
        )


def unit(n: int, i: int) -> Array:
    """A vector of n numbers: 1 at place i, else 0."""
    vector = np.zeros(n)
    vector[i] = 1.0
    return vector

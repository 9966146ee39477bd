"""Why an engine is wrong: mistakes that predict its numbers, all of them, right and wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from engine.judge.dialect import Dialect
from engine.judge.hypotheses import backward_orders, everywhere, of_one, rules
from engine.judge.model import ORDERS, Mistakes, Rule
from engine.judge.results import RAISED, RIGHT, WRONG, Result
from engine.judge.troubles import trouble
from engine.judge.truth import close, predict
from engine.mistakes import CATALOGUE

_HELPERS = ("add:vv", "mul:vv")  # programs are made of these, so they are looked at first


@dataclass
class FoundMistake:
    """A mistake that was found.

    Args:
        mistakes: its names in the catalogue: more than one if several predict the same numbers.
        ops: the operations it is in; none for the backward pass.
        results: the programs that show it.
    """

    mistakes: list[str]
    ops: list[str]
    results: list[Result]


@dataclass
class Reasons:
    """All reasons.

    Args:
        found: the mistakes.
        unexplained: wrong results that no mistake predicts.
        mistakes: the mistakes, as a model has them.
    """

    found: list[FoundMistake] = field(default_factory=list)
    unexplained: list[Result] = field(default_factory=list)
    mistakes: Mistakes = field(default_factory=Mistakes)


def reasons(results: Sequence[Result], dialect: Dialect) -> Reasons:
    """The reasons for all numbers that are wrong."""
    return _Search(results, dialect).reasons


class _Search:
    def __init__(self, results: Sequence[Result], dialect: Dialect) -> None:
        self._numeric = [r for r in results if r.state in (RIGHT, WRONG) and not r.program.remark]
        self._parts = _parts(dialect)
        self.reasons = Reasons()
        self._tainted: set[str] = set()  # forms that are wrong for no reason that is known
        raised = [r.forms for r in results if r.alone and r.state == RAISED and r.program.group != "awkward"]
        self._faulty = set[str]().union(*raised)  # all forms that are wrong
        self.explained: set[int] = set()
        self._named: dict[str, tuple[str, Rule]] = {}  # the wrong rules of forms
        self._operations()
        self._backward_pass()
        self._single_operations()
        self._passes()
        self._rest()

    # --- The steps.

    def _operations(self) -> None:
        """Operations alone: which wrong rule gives their numbers?"""
        plain: dict[str, list[Result]] = {}
        for result in self._of("derivatives", "numbers"):
            if result.alone:
                plain.setdefault(next(iter(result.forms)), []).append(result)
        for form in sorted(plain, key=self._simplest_first):
            wrong = [r for r in plain[form] if r.state == WRONG]
            if not wrong:
                continue
            self._faulty.add(form)
            if self._fit(plain[form], self._mistakes):  # by a mistake that is known
                self._found(self.reasons.found[-1].mistakes, [form], wrong)
                continue
            named = self._rule(form, plain[form]) if len(wrong) > 1 and not self._follows(_op(form)) else ""
            if named:
                self._found([named], [form], wrong)
            else:
                self._tainted.add(form)

    def _rule(self, form: str, results: Sequence[Result]) -> str:
        """The first mistake that gives all the numbers of a form, and that no other program contradicts."""
        known = {form, *_HELPERS} - self._tainted
        others = [r for r in self._of("derivatives", "reuse") if not r.alone and form in r.forms <= known]
        for mistake, mistakes in self._wrong_versions(form):
            if not self._fit(results, mistakes):
                continue
            further = [one for _, one in (*everywhere(mistakes, frozenset(known)), *of_one(mistakes, form))]
            if any(self._fit(others, one) for one in (mistakes, *further)):
                self.reasons.mistakes = mistakes
                if form in mistakes.rules:
                    self._named[form] = mistake, mistakes.rules[form]
                return mistake
        return ""

    def _wrong_versions(self, form: str) -> Iterator[tuple[str, Mistakes]]:
        """What may be wrong in an operation: first what is wrong in it between values."""
        tried = list(rules(form))
        between = f"{_op(form)}:vv"
        if between in self._named and form != between:
            tried.insert(0, self._named[between])
        for mistake, rule in tried:
            yield mistake, replace(self._mistakes, rules={**self._mistakes.rules, form: rule})
        if form == "mul:vv":
            yield (
                "gradient-for-number",
                replace(self._mistakes, confused=frozenset({"mul:vv", "mul:vn", "mul:nv"})),
            )

    def _backward_pass(self) -> None:
        """The whole backward pass: one mistake that is everywhere."""
        pool = self._pool("derivatives", "numbers", "reuse")
        every = frozenset(form for r in pool for form in r.forms)
        simple = [r for r in pool if r.forms <= set(_HELPERS)]
        if self._everywhere(pool, everywhere(self._mistakes, every)):
            return
        self._everywhere(simple, backward_orders(self._mistakes))

    def _everywhere(self, pool: Sequence[Result], tried: Iterable[tuple[str, Mistakes]]) -> bool:
        wrong = [r for r in pool if not self._fit([r], self._mistakes)]
        fitting = [one for one in tried if self._fit(pool, one[1])] if len(wrong) > 2 else []
        if fitting:
            self.reasons.mistakes = fitting[0][1]
            own = fitting[0][1].sets | fitting[0][1].deaf | fitting[0][1].cut
            ops = sorted({_op(form) for r in wrong for form in r.forms & own if not self._parts[_op(form)]})
            self._found(list(dict.fromkeys(name for name, _ in fitting)), [f"{op}:" for op in ops], wrong)
        return bool(fitting)

    def _single_operations(self) -> None:
        """Operations that set in place of adding, or do not listen to the gradient that arrives."""
        forms = {form for r in self._pool("derivatives", "reuse") for form in r.forms}
        for form in sorted(forms, key=self._simplest_first):
            if self._follows(_op(form)):
                continue
            near = {form} if form == "add:vv" else {form, *_HELPERS}
            pool = [r for r in self._pool("derivatives", "numbers", "reuse") if form in r.forms <= near]
            wrong = [r for r in pool if not self._fit([r], self._mistakes)]
            if not wrong:
                continue
            fitting = [one for one in of_one(self._mistakes, form) if self._fit(pool, one[1])]
            if len(wrong) > 1 and len({names for names, _ in fitting if len(names) == 1} or fitting) == 1:
                names, self.reasons.mistakes = fitting[0]
                for name in names:
                    group = "reuse" if name == "sets-in-place-of-adding" else "derivatives"
                    self._found([name], [form], [r for r in wrong if r.program.group == group] or wrong)
                    self.explained |= {id(r) for r in wrong}
            elif form not in _HELPERS or any(r.forms == {form} for r in wrong):
                self._tainted.add(form)
            self._faulty.add(form)

    def _passes(self) -> None:
        passes = self._pool("passes")
        wrong = [r for r in passes if r.state == WRONG and not self._fit([r], self._mistakes)]
        kept = [replace(self._mistakes, keeps=True, adds_up=adds) for adds in (True, False)]
        if len(wrong) > 1 and any(self._fit(passes, mistakes) for mistakes in kept):
            self._found(["inner-gradients-kept"], [], wrong)

    def _rest(self) -> None:
        explained = self.explained | {id(r) for reason in self.reasons.found for r in reason.results}
        for r in self._numeric:
            if r.state == WRONG and not trouble(r) and id(r) not in explained and not self._consequence(r):
                self.reasons.unexplained.append(r)

    # --- Tools.

    @property
    def _mistakes(self) -> Mistakes:
        return self.reasons.mistakes

    def _of(self, *groups: str) -> list[Result]:
        return [r for r in self._numeric if r.program.group in groups]

    def _pool(self, *groups: str) -> list[Result]:
        """Results in which nothing is wrong for an unknown reason."""
        return [
            r
            for r in self._of(*groups)
            if not r.forms & self._tainted and not any(self._follows(_op(f)) for f in r.forms)
        ]

    def _follows(self, op: str) -> bool:
        """Whether an operation is computed by others that are wrong."""
        parts = self._parts.get(op, set())
        return any(
            _op(form) in parts for form in self._faulty if form != "pow:vv"
        )  # powers of numbers are meant

    def _consequence(self, result: Result) -> bool:
        """Whether something that is wrong and told already takes part in a result."""
        if not (self.reasons.found or self.reasons.unexplained or self._faulty):
            return False
        told = {f for r in self.reasons.unexplained for f in r.forms if r.alone}
        everywhere = any(
            not reason.ops and "inner-gradients-kept" not in reason.mistakes for reason in self.reasons.found
        )
        if result.program.group == "network" or self._fit([result], self._mistakes):
            return True
        wrong = (self._faulty - self._tainted) | told
        if result.program.group == "passes" and any(
            _op(form) in reason.ops for reason in self.reasons.found for form in result.forms
        ):
            return True
        return (
            everywhere
            or (bool(result.forms & wrong) and not result.alone)
            or any(self._follows(_op(f)) for f in result.forms)
        )

    def _simplest_first(self, form: str) -> tuple[bool, bool, bool, str]:
        return bool(self._parts.get(_op(form))), form not in _HELPERS, not form.endswith(":vv"), form

    def _found(self, mistakes: list[str], forms: Iterable[str], results: list[Result]) -> None:
        assert all(mistake in CATALOGUE for mistake in mistakes)
        forms = list(forms)
        ops = list(dict.fromkeys(map(_op, forms)))
        self._faulty |= {form for form in forms if not form.endswith(":")}
        for reason in self.reasons.found:
            if reason.mistakes == mistakes and ops and reason.ops:
                reason.ops += [op for op in ops if op not in reason.ops]
                reason.results += results
                return
        self.reasons.found.append(FoundMistake(mistakes, ops, results))

    def _fit(self, results: Iterable[Result], mistakes: Mistakes) -> bool:
        return all(any(_agree(r, variant) for variant in _variants(mistakes)) for r in results)


def _variants(mistakes: Mistakes) -> Iterator[Mistakes]:
    """The same mistakes with the choices that any engine is free to make."""
    yield mistakes
    if (mistakes.sets or mistakes.keyed) and mistakes.order in _FREE:
        for order, mirrored in product(_FREE, (False, True)):
            yield replace(mistakes, order=order, mirrored=mirrored)


_FREE = tuple(order for order in ORDERS if order.startswith("topological"))


def _agree(result: Result, mistakes: Mistakes) -> bool:
    if mistakes == Mistakes():
        return result.state == RIGHT
    try:
        predicted: Mapping[str, float] = predict(result.program, mistakes)
    except (ValueError, ArithmeticError):
        return False
    return all(close(x, predicted[name]) for name, x in result.numbers.items())


def _parts(dialect: Dialect) -> dict[str, set[str]]:
    """The operations that each operation is computed by."""
    of = {dialect.operation(op): op for op in dialect.ops}
    return {
        op: {of[name] for name in dialect.calls.get(op, ()) if name in of and of[name] != op}
        for op in dialect.ops
    }


def _op(form: str) -> str:
    return form.partition(":")[0]

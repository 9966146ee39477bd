"""`check_vjp` and `check_jvp`: prove a derivative rule of your own, for a function of arrays.

The rule is linear in what it is given, so it is tried with random numbers: a cotangent u for the outputs,
or a tangent v for the inputs. What it returns is then compared, number by number, with the derivative of the
function. With many inputs a random direction stands for a group of them; only a group that fails is divided.

Where the function runs on `Value`s, the truth is exact. Where it does not, it is a difference in double
precision with a bound of its error, and no verdict is stronger than that bound.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite, ulp
from time import monotonic
from typing import Any, TypeAlias

import numpy as np

from engine import functions
from engine.backprop import backward, tangents
from engine.check.differences import Array
from engine.check.entries import Entries, unit
from engine.check.mistakes import diagnose
from engine.check.raised import RAISED, said
from engine.check.rounding import sizes_of_terms
from engine.check.rule_report import RuleComparison, RuleReport
from engine.check.rules import FRAMEWORK_RULES, BadRuleError, call_rule, in_double
from engine.check.sources import EPS, ArrayFunction, Doubles, Exact, Measured, Source, eps_of, source_of
from engine.check.subject import NotJudgedError, Run
from engine.check.trees import filled, leaves_of, library_of, like, like_itself, matched, values_in
from engine.check.verdict import WRONG, right_digits
from engine.claims import FLOAT_PRECISION, ULPS, Claim, listed
from engine.graph import topological
from engine.value import Value

Rule: TypeAlias = Callable[..., Any] | str

_EXPLAINED = 60  # so many inputs at most have mistakes put into their graph
_LOCATED = 3  # wrong derivatives that are traced to an output or input


def check_vjp(
    f: Callable[..., Any],
    vjp: Rule,
    at: Any,
    *,
    digits: float = 8.0,
    seed: int = 0,
    seconds: float = 60.0,
) -> RuleReport:
    """Prove a backward rule: the product of a cotangent and the Jacobian of a function.

    Args:
        f: a function of numbers, arrays, or lists or dicts of them, that returns the same; written with
            NumPy, PyTorch, JAX, autograd, or on `Value`s.
        vjp: the rule under test, called as `vjp(*at, cotangent)`, or as `vjp(cotangent)` if it takes one
            argument. The cotangent has the form of what f returns. It returns the gradient by the argument,
            or one for each argument in order; None stands for zeros. Or the name of a framework, "torch",
            "jax" or "autograd", whose gradient of f is under test, with the rules that f has of its own.
        at: the point: the arguments of f in a tuple or list, or the only argument. Floats and arrays of
            floats are differentiated, in doubles; whole numbers and everything else are passed on; complex
            numbers are refused.
        digits: how many right decimal digits are enough where rounding costs the rule some.
        seed: of the random cotangent.
        seconds: how long it may take: derivatives that are not settled by then are inconclusive.

    Returns:
        The report: a row for each derivative, with what explains a wrong one.

    Raises:
        TypeError: if f or the rule takes another number of arguments, or `at` holds no floats.
        ValueError: if a number of the point is not finite, or the framework is unknown.

    Example:
        >>> import numpy as np
        >>> def f(W, x):
        ...     return np.tanh(W @ x)
        >>> def backward(W, x, g):
        ...     delta = g * (1.0 - np.tanh(W @ x) ** 2)
        ...     return np.outer(delta, x), W @ delta
        >>> at = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.5, -1.0])
        >>> print(check_vjp(f, backward, at).headline)  # doctest: +ELLIPSIS
        vjp by x[0]: ... (2 of 6 derivatives fail)
        >>> def mended(W, x, g):
        ...     delta = g * (1.0 - np.tanh(W @ x) ** 2)
        ...     return np.outer(delta, x), W.T @ delta
        >>> print(check_vjp(f, mended, at).headline)
        vjp: 6 derivatives proved
    """
    return _checked("vjp", f, vjp, at, digits, seed, seconds)


def check_jvp(
    f: Callable[..., Any],
    jvp: Rule,
    at: Any,
    *,
    digits: float = 8.0,
    seed: int = 0,
    seconds: float = 60.0,
) -> RuleReport:
    """Prove a forward rule: the product of the Jacobian of a function and a tangent.

    Args:
        f: as for `check_vjp`.
        jvp: the rule under test, called as `jvp(*at, *tangents)`, or as `jvp(*tangents)` if it takes only
            as many arguments; the tangents have the form of the arguments of f. It returns the derivative
            in the form of what f returns. Or the name of a framework.
        at: as for `check_vjp`.
        digits: how many right decimal digits are enough where rounding costs the rule some.
        seed: of the random tangents.
        seconds: how long it may take.

    Returns:
        The report: a row for each output.

    Raises:
        TypeError: as for `check_vjp`.
        ValueError: as for `check_vjp`.

    Example:
        >>> import numpy as np
        >>> report = check_jvp(np.sin, lambda x, dx: dx * np.sin(x), np.array([0.5, 2.0]))
        >>> report.ok, report.verdicts
        (False, {'output[0]': 'wrong', 'output[1]': 'wrong'})
        >>> check_jvp(np.sin, lambda x, dx: dx * np.cos(x), np.array([0.5, 2.0])).ok
        True
    """
    return _checked("jvp", f, jvp, at, digits, seed, seconds)


def _checked(kind: str, f: Callable[..., Any], rule: Rule, at: Any, *options: Any) -> RuleReport:
    def work() -> RuleReport:
        return _Check(kind, f, rule, at, *options).report()

    uses_jax = rule == "jax" or any(library_of(leaf) == "jax" for _, leaf in leaves_of(at))
    report: RuleReport = in_double(work) if uses_jax else work()
    return report


class _Check:
    """One rule, tried with one random cotangent or tangent."""

    def __init__(
        self, kind: str, f: Callable[..., Any], rule: Rule, at: Any, digits: float, seed: int, seconds: float
    ) -> None:
        if isinstance(rule, str) and rule not in FRAMEWORK_RULES:
            raise ValueError(
                f"unknown framework {rule!r}; known: {', '.join(FRAMEWORK_RULES)}, or a function"
            )
        if not callable(f):
            raise TypeError(f"f is {type(f).__name__} {f!r}; give a function")
        self.kind, self.digits, self.seed = kind, digits, seed
        self.end = monotonic() + seconds
        self.rng = np.random.default_rng(seed)
        self.rule = rule
        self.eps = EPS  # of the coarsest numbers of f and of the rule
        self.fault = ""
        self.cause: BaseException | None = None
        try:
            self.f = ArrayFunction(f, at, rule if isinstance(rule, str) else "")
        except NotJudgedError as fault:
            self.fault, self.cause = str(fault), fault.__cause__

    def report(self) -> RuleReport:
        if self.fault:
            return RuleReport(self.kind, fault=self.fault, error=self.cause)
        n, m = len(self.f.names), len(self.f.output_names)
        self.names = self.f.names if self.kind == "vjp" else self.f.output_names
        self.given = self.random(m if self.kind == "vjp" else n)
        try:
            self.claims = self.by_rule(self.given)
        except NotJudgedError as fault:
            return RuleReport(self.kind, fault=str(fault), error=fault.__cause__)
        doubles = Doubles(self.f)
        self.source, why_not = source_of(self.f, doubles, self.rng)
        returned = self.f.eps
        if self.source is doubles:
            self.f.eps = max(returned, doubles.eps_inside(self.rng))
        self.eps = max(self.eps, self.f.eps)
        self.run = self.recorded() if isinstance(self.source, Exact) else None
        precision = FLOAT_PRECISION if self.eps == EPS else 16.0 * self.eps
        tight = precision * np.abs(self.claims)
        self.slacks = tight + self.slack_of_terms()
        sizes = doubles.sizes if self.kind == "vjp" else np.ones(m)
        self.entries = Entries(
            self.kind,
            self.names,
            self.claims,
            self.given,
            self.slacks,
            tight,
            sizes,
            self.source,
            doubles,
            None if isinstance(self.rule, str) else self.rule_on_values,
            self.eps > EPS,
            self.f.eps > returned,
            self.digits,
            self.rng,
            self.end,
        )
        comparisons = self.explained(self.entries.judged())
        reference = self.source.text + (f", as {why_not}" if why_not else "")
        return RuleReport(self.kind, comparisons, reference, notes=self.notes(comparisons))

    def random(self, n: int) -> Array:
        numbers: Array = self.rng.uniform(0.5, 1.5, n) * self.rng.choice([-1.0, 1.0], n)
        return np.round(numbers / self.f.eps) * self.f.eps  # as f's own outputs can hold them

    def by_rule(self, given: Array) -> Array:
        """What the rule returns for a cotangent or tangents, flat."""
        f = self.f
        args = list(filled(f.args, f.point, like))
        if self.kind == "vjp":
            cotangent = filled(f.output, given, like_itself, whole=True)
            answer = self.called(args, [cotangent])
            self.eps = max(f.eps, eps_of(answer))
            return np.array(self.by_arguments(answer))
        tangents_ = list(filled(f.args, given, like))
        answer = self.called(args, tangents_)
        self.eps = max(f.eps, eps_of(answer))
        return np.array(matched(f.output, answer, "output", "the jvp", whole=True))

    def called(self, args: Sequence[Any], given: Sequence[Any]) -> Any:
        try:
            if isinstance(self.rule, str):
                return FRAMEWORK_RULES[self.rule](self.kind, self.f.f, args, given)
            return call_rule(self.kind, self.rule, args, given)
        except BadRuleError as error:
            raise TypeError(str(error)) from None
        except RAISED as error:
            raised = f"{type(error).__name__}{said(error)}"
            raise NotJudgedError(f"the {self.kind} raises {raised}") from error

    def by_arguments(self, answer: Any) -> list[float]:
        """The gradient by each argument, from what a vjp returns."""
        pairs = list(zip(self.f.arg_names, self.f.args, strict=True))
        floating = [(name, x) for name, x in pairs if leaves_of(x, name)]
        several = isinstance(answer, (list, tuple))
        if len(pairs) == 1:
            nested = isinstance(pairs[0][1], (list, tuple)) and not (
                several and len(answer) == 1 != len(pairs[0][1])
            )
            answers = list(answer) if several and len(answer) == 1 and not nested else [answer]
        elif several and len(answer) == len(pairs):
            answers = list(answer)
        elif several and len(answer) == len(floating):
            pairs, answers = floating, list(answer)
        elif not several and len(floating) == 1:
            pairs, answers = floating, [answer]
        else:
            got = f"{len(answer)} gradients" if several else f"one {type(answer).__name__}"
            names = ", ".join(self.f.arg_names)
            raise NotJudgedError(f"the vjp gives {got}; expected a tuple with one for each of {names}")
        return [
            g for (name, x), y in zip(pairs, answers, strict=True) for g in matched(x, y, name, "the vjp")
        ]

    def recorded(self) -> Run | None:
        """The function recorded once, for the sizes of the terms and for the mistakes."""
        f = self.f
        try:
            if self.kind == "vjp":
                inputs = [Value(float(x), name) for x, name in zip(f.point, f.names, strict=True)]
                output = functions.sumprod([float(u) for u in self.given], f.outputs(inputs))
                if not isinstance(output, Value):
                    return None
                run = Run(output, inputs, topological([output]))
                backward(output)
                return run
            t = Value(0.0, "t")
            outputs = f.outputs([t * float(v) + float(x) for x, v in zip(f.point, self.given, strict=True)])
            values = [y if isinstance(y, Value) else Value(float(y)) for y in outputs]
            return Run(values[0], [t, *values], topological(values))
        except RAISED:  # it serves for explanations alone
            return None

    def slack_of_terms(self) -> Array:
        """How far each number of the rule may be off by the rounding of the terms that make it."""
        if self.run is None:
            finite = self.claims[np.isfinite(self.claims)]
            beside = 0.0 if isinstance(self.source, Exact) else float(np.max(np.abs(finite), initial=0.0))
            return np.full(len(self.claims), ULPS * EPS * beside)
        if self.kind == "vjp":
            sizes = sizes_of_terms(self.run)
            terms = [sizes.get(x, 0.0) for x in self.run.inputs]
        else:
            t, *outputs = self.run.inputs
            moved = tangents(self.run.order, {t: 1.0}, lambda v: [abs(p) for p in v.partials])
            terms = [moved.get(y, 0.0) for y in outputs]
        return np.array([ULPS * ulp(size) if isfinite(size) else 0.0 for size in terms])

    def rule_on_values(self, values: Sequence[Any]) -> Sequence[Any]:
        """What the rule returns on Values, flat."""
        args = self.f.values(values)
        if self.kind == "vjp":
            answer = call_rule(
                "vjp", self.rule, args, [filled(self.f.output, self.given, like_itself, whole=True)]
            )
            trees = answer if isinstance(answer, (list, tuple)) and len(self.f.args) > 1 else [answer]
        else:
            trees = [call_rule("jvp", self.rule, args, list(filled(self.f.args, self.given, like)))]
        return [y for tree in trees for _, leaf in leaves_of(tree, whole=True) for y in values_in(leaf)]

    # --- What is said of wrong numbers.

    def explained(self, comparisons: list[RuleComparison]) -> list[RuleComparison]:
        wrong = [i for i, c in enumerate(comparisons) if c.verdict == WRONG]
        if not wrong:
            return comparisons
        truth = {c.name: c.given if c.truth is None else c.truth for c in comparisons}
        claims = {c.name: self.claim(c) for c in comparisons}
        run = self.run if self.kind == "vjp" and len(self.names) <= _EXPLAINED else None
        if any(c.truth is None for c in comparisons):
            run = None
        judged = [comparisons[i].name for i in wrong if comparisons[i].truth is not None]
        mistakes = diagnose(run, self.names, truth, claims, judged)
        of_rules = self.mistake_of_rules(wrong)
        for count, i in enumerate(wrong):
            c = comparisons[i]
            why = [of_rules] if of_rules else [reason.text for reason in mistakes.get(c.name, ())]
            if not why:
                why = self.few_digits(c) + (self.located(i) if count < _LOCATED else [])
            comparisons[i] = replace(c, why=[*why, *c.why])
        return comparisons

    def few_digits(self, c: RuleComparison) -> list[str]:
        if c.given == 0.0:
            return ["it is left at 0"]
        digits = 0.0 if c.truth is None else right_digits(c.given, c.truth)
        return [f"only {digits:.0f} digits are right"] if digits >= 3.0 else []

    def claim(self, c: RuleComparison) -> Claim:
        if c.error > 0.0:
            return Claim(repr(c.given), c.given, half_unit=c.error + FLOAT_PRECISION * abs(c.given))
        return Claim(repr(c.given), c.given)

    def mistake_of_rules(self, wrong: Sequence[int]) -> str:
        """A mistake of a whole rule that gives every wrong number; else empty."""
        n, m = len(self.f.names), len(self.f.output_names)
        some = list(wrong)[:_EXPLAINED]
        if len(some) < 2 < len(self.names):
            return ""
        word = "cotangent" if self.kind == "vjp" else "tangent"
        source = self.fast_source()
        ones = [self.entries.along({i: 1.0}, np.ones(len(self.given)), source) for i in some]
        if self.gives(some, ones):
            return f"the {word} is not used: these are the numbers for ones"
        if n == m > 1:
            given = self.given
            turned = [
                source.along(given, unit(n, i)) if self.kind == "vjp" else source.along(unit(n, i), given)
                for i in some
            ]
            if self.gives(some, turned):
                return "the Jacobian is transposed"
        return ""

    def fast_source(self) -> Source:
        """Where the truth of explanations comes from."""
        return self.source if len(self.names) <= _EXPLAINED else self.entries.doubles

    def gives(self, some: Sequence[int], predicted: Sequence[Measured]) -> bool:
        """Whether a mistake gives these entries."""
        claims = self.claims[list(some)]
        slacks = self.slacks[list(some)] + 1e-9 * np.abs(claims)
        fit = (
            known.value is not None and known.fits(float(g), float(slack))
            for g, slack, known in zip(claims, slacks, predicted, strict=True)
        )
        return bool(claims.any()) and all(fit)

    def located(self, i: int) -> list[str]:
        """The outputs of a vjp, or the inputs of a jvp, for which an entry is wrong."""
        others = self.f.output_names if self.kind == "vjp" else self.f.names
        if len(others) == 1 or len(others) > 1000:
            return []
        wrong: list[int] = []

        def look(group: Sequence[int]) -> None:
            if self.entries.is_over() or len(wrong) > 6:
                return
            given = np.zeros(len(others))
            given[list(group)] = self.given[list(group)]
            known = self.entries.along({i: 1.0}, given, self.fast_source())
            g = float(self.by_rule(given)[i])
            if known.value is None or known.fits(
                g, float(self.slacks[i]) + FLOAT_PRECISION * abs(known.value)
            ):
                return
            if len(group) == 1:
                wrong.append(group[0])
                return
            look(group[: len(group) // 2])
            look(group[len(group) // 2 :])

        try:
            look(range(len(others)))
        except NotJudgedError:
            return []
        if not wrong or len(wrong) == len(others) or len(wrong) > 6:
            return []
        word = "outputs" if self.kind == "vjp" else "inputs"
        return [f"wrong for {listed([others[j] for j in wrong])}, right for the other {word}"]

    def notes(self, comparisons: Sequence[RuleComparison]) -> list[str]:
        word = "cotangent" if self.kind == "vjp" else "tangents"
        notes = [f"random {word} of seed {self.seed}"]
        if self.eps > EPS:
            who = "f" if self.f.eps > EPS else "the rule"
            notes.append(f"{who} has numbers of less than double precision: compute in float64 to prove more")
        together = sum(c.ok and c.truth is None and c.left is None for c in comparisons)
        if together:
            notes.append(f"{together} derivatives were proved together, along random directions")
        if all(c.ok and c.given == 0.0 for c in comparisons):
            notes.append(
                "every derivative is 0 here, as a rule that does nothing would give: check at another point"
            )
        return notes

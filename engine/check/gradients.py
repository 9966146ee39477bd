"""`check_gradients`: prove a gradient, or say what is wrong with it.

First everything that makes numbers meaningless is ruled out: a function that is random or assigns its
inputs, missing names. Then three numbers decide on each derivative (`engine.check.verdict`), and wrong
numbers are explained (`engine.check.mistakes`).
"""

from collections.abc import Callable, Collection, Sequence
from math import inf, isfinite, ulp
from typing import Any, TypeAlias

from engine.backprop import backward
from engine.check.claims import claim_notes, claims_by_name
from engine.check.frameworks import FRAMEWORKS, gradient_by
from engine.check.hessians import check_hessian
from engine.check.high_precision import settle
from engine.check.mistakes import diagnose
from engine.check.raised import RAISED, said
from engine.check.report import GradientComparison, GradientReport, Opinion
from engine.check.rounding import few_digits, sizes_of_terms
from engine.check.slopes import true_slopes
from engine.check.subject import (
    FunctionSubject,
    NotJudgedError,
    Point,
    Run,
    Subject,
    subject_of,
)
from engine.check.truth import BITS, TOO_CLOSE, UNDEFINED, Slope
from engine.check.verdict import EDGE, IGNORED, INCONCLUSIVE, RIGHT, ROUNDING, Finding, judge, right_digits
from engine.claims import ULPS, Claim, listed
from engine.numbers.balls import UndecidedError
from engine.value import Value

_LEAST_CLAIM = 1e-9

Against: TypeAlias = str | Callable[..., Any]


def check_gradients(
    f: Callable[..., Any] | Value,
    at: Point | None = None,
    *,
    claimed: Any = None,
    against: Against | Sequence[Against] = (),
    order: int = 1,
    digits: float = 8.0,
    seconds: float = inf,
    **numbers: Any,
) -> GradientReport:
    """Prove the gradient of a function at a point, and compare it with the gradients of others.

    The truth comes from the function alone: it runs on balls, numbers with a rigorous bound of their error,
    that move along a direction. You choose neither a step nor a tolerance. The truth is compared with the
    engine's gradient in double precision and with the engine's rules over balls.

    Args:
        f: a function of `Value`s that returns one; or a `Value` that was recorded, to check by its leaves.
        at: the point: numbers, lists of numbers or NumPy arrays, by name or in order. For a recorded
            `Value` the leaves to differentiate by, or nothing for all of them.
        claimed: a gradient from elsewhere, in the shape of the point, or by name for some of the names:
            printed numbers as text, held to their decimals; whole numbers and fractions as text, "2" and
            "1/3", which mean exactly that; floats, held to 1e-10 relative; or a function that takes the
            same arguments as f, in floats and arrays of floats, and returns such a gradient. Lists may be
            arrays.
        against: other frameworks: "torch", "jax", "autograd", or a function that is called with f and the
            point and returns a gradient; one of them or several.
        order: 1 for the gradient, 2 for the Hessian, checked by the same method.
        digits: how many right decimal digits are enough where rounding costs some.
        seconds: how long the truth may take: inputs that are not settled by then are inconclusive.
        **numbers: the point by keywords, in place of `at`.

    Returns:
        The report. Problems with f are reported; only an invalid call raises.

    Raises:
        TypeError: if f is not a function or a Value, the point is given twice or is not a point, f has
            parameters of other names, or the point is given by keywords and one of these could be an option.
        ValueError: if the point has no numbers, infinite ones, or two of the same name, `against` or `order`
            is unknown, or `digits` are more than a double has.

    Example:
        >>> from engine import exp
        >>> print(check_gradients(lambda x, y: x * exp(y), x=2.0, y=0.5).headline)
        2 gradients proved, to 16.5 digits
        >>> report = check_gradients(lambda x: x * x, x=3.0, claimed={"x": "3"})
        >>> print(report.headline)  # doctest: +NORMALIZE_WHITESPACE
        gradient by x: claimed 3, truth 6: half the truth: a factor 2 is missing; or a term is missing: x is
        also used in mul(x, x)
    """
    __tracebackhide__ = True
    subject = subject_of(f, at, numbers)
    given: Any = against
    sources = [given] if isinstance(given, str) or not isinstance(given, Collection) else list(given)
    unknown = [source for source in sources if not callable(source) and source not in FRAMEWORKS]
    if unknown:
        raise ValueError(f"unknown framework {unknown[0]!r}; known: {', '.join(FRAMEWORKS)}, or a function")
    if not 0.0 <= digits <= 17.0:
        raise ValueError(f"digits is {digits}: a double has up to 17; give a number from 0 to 17")
    if order not in (1, 2):
        raise ValueError(f"order is {order}: 1 checks the gradient, 2 the Hessian")
    if order == 2:
        if claimed is not None or sources:
            raise ValueError("order=2 checks the engine alone: leave out claimed and against")
        return check_hessian(subject, digits)
    try:
        run = subject.record()
        claims = None if claimed is None else _claims(subject, claimed)
    except NotJudgedError as fault:
        return GradientReport(fault=str(fault), error=fault.__cause__)
    backward(run.output)
    slopes, reference, findings = _judged(subject, run, digits, seconds)
    if not all(finding.ok for finding in findings):
        try:
            subject.record()  # a verdict on a random function would be one on chance
        except NotJudgedError as fault:
            return GradientReport(fault=str(fault), error=fault.__cause__)
    opinions: list[dict[str, Opinion]] = [{} for _ in slopes]
    if claims is not None:
        _add_claims(opinions, subject, run, slopes, claims, findings)
    notes = [_add_source(opinions, subject, slopes, source, digits) for source in sources]
    comparisons = [
        _comparison(subject, i, slope, run.inputs[i].grad, findings[i], opinions[i])
        for i, slope in enumerate(slopes)
    ]
    failed = next((note for note in notes if note), "")
    point = dict(zip(subject.names, subject.point, strict=True))
    notes = [*_notes(comparisons), *claim_notes(claims or {}, subject.names)]
    return GradientReport(comparisons, reference, failed, notes, point)


def assert_gradients(
    f: Callable[..., Any] | Value, at: Point | None = None, **options: Any
) -> GradientReport:
    """Run `check_gradients`, and raise an error unless every gradient is right.

    Args:
        f: a function or a recorded Value, as for `check_gradients`.
        at: the point.
        **options: claimed, against, order, digits, or the point by keywords.

    Returns:
        The report.

    Raises:
        GradientError: an AssertionError with the whole report as its message.

    Example:
        >>> assert_gradients(lambda x: x**3, x=2.0).ok
        True
    """
    __tracebackhide__ = True
    report = check_gradients(f, at, **options)
    report.raise_if_wrong()
    return report


# --- The truth.


def _judged(
    subject: Subject, run: Run, digits: float, seconds: float
) -> tuple[list[Slope], str, list[Finding]]:
    """The true slope by each input, how it was computed, and the verdict on the engine."""
    try:
        rules = settle(run)
    except UNDEFINED as error:
        undecided = isinstance(error, UndecidedError)
        reason = TOO_CLOSE if undecided else f"f is undefined at the exact numbers: {error}"
        slopes = [Slope("edge", None, None, None, BITS[0], reason)] * len(run.inputs)
        verdict = INCONCLUSIVE if undecided else EDGE
        return slopes, "", [Finding(verdict, ok=False, why=reason)] * len(run.inputs)
    slopes, reference = true_slopes(subject, run, rules, seconds)
    findings = [judge(run, rules, x, slope, digits) for x, slope in zip(run.inputs, slopes, strict=True)]
    return slopes, reference, findings


# --- Claims, and other sources.


def _claims(subject: Subject, claimed: Any) -> dict[str, Claim]:
    if callable(claimed) and isinstance(subject, FunctionSubject):
        floats = FunctionSubject(claimed, subject.args, subject.kwargs, "the claimed gradient")
        try:
            claimed = floats.call(subject.point)
        except RAISED as error:
            raised = f"{type(error).__name__}{said(error)}"
            raise NotJudgedError(f"the claimed gradient raises {raised}") from error
    return claims_by_name(claimed, subject.names, _shape(subject))


def _shape(subject: Subject) -> list[Any]:
    return list(subject.arguments.values()) if isinstance(subject, FunctionSubject) else subject.names


def _add_claims(
    opinions: Sequence[dict[str, Opinion]],
    subject: Subject,
    run: Run,
    slopes: Sequence[Slope],
    claims: dict[str, Claim],
    findings: Sequence[Finding],
) -> None:
    known = {
        name: float(s.value) for name, s in zip(subject.names, slopes, strict=True) if s.value is not None
    }
    fits = _claims_that_fit(subject, run, slopes, claims, findings)
    wrong = [name for name, ok in fits.items() if not ok and name in known]
    spoiled = {
        name
        for name, x, finding in zip(subject.names, run.inputs, findings, strict=True)
        if name in wrong and finding.verdict == ROUNDING and claims[name].fits(x.grad)
    }
    unexplained = [name for name in wrong if name not in spoiled]
    reasons = diagnose(run, subject.names, known, claims, unexplained) if unexplained else {}
    for name, opinion in zip(subject.names, opinions, strict=True):
        if name in claims:
            claim, found = claims[name], reasons.get(name, ())
            words = [reason.text for reason in found]
            if name in spoiled:
                words = ["it is the engine's number, which rounding has spoiled"]
            elif name in wrong and not words:
                words = few_digits(claim, known[name])
            ids = list(dict.fromkeys(reason.id for reason in found))
            opinion["claimed"] = Opinion(claim.text, claim.value, fits[name], words, ids)


def _claims_that_fit(
    subject: Subject,
    run: Run,
    slopes: Sequence[Slope],
    claims: dict[str, Claim],
    findings: Sequence[Finding],
) -> dict[str, bool]:
    """Whether each claim is right."""
    terms = sizes_of_terms(run)
    fits = {}
    for name, x, slope, finding in zip(subject.names, run.inputs, slopes, findings, strict=True):
        if name in claims:
            # A copy of the engine's number is as right as that, even where rounding costs digits.
            copied = finding.ok and claims[name].value == x.grad and not claims[name].exact
            fits[name] = copied or _fits(claims[name], slope, _noise(terms.get(x, 0.0)))
    return fits


def _noise(terms: float) -> float:
    """What rounding may leave of terms that cancel, if that is too small for a number worth claiming."""
    noise = ULPS * ulp(terms) if isfinite(terms) else inf
    return noise if noise < _LEAST_CLAIM else 0.0


def _fits(claim: Claim, slope: Slope, more: float = 0.0) -> bool:
    if slope.value is not None:
        return claim.fits(slope.value, more=slope.error + more)
    if slope.kind not in ("kink", "vertical") or slope.left is None or slope.right is None:
        return False
    low, high = sorted((float(slope.left), float(slope.right)))
    finite = isfinite(claim.value)
    slack = claim.slack(max(abs(low), abs(high))) if isfinite(low) and isfinite(high) else 0.0
    return finite == (slope.kind == "kink") and low - slack <= claim.value <= high + slack


def _add_source(
    opinions: Sequence[dict[str, Opinion]],
    subject: Subject,
    slopes: Sequence[Slope],
    source: Against,
    digits: float,
) -> str:
    """Add the gradient of another source; return what went wrong, or an empty text."""
    name = source if isinstance(source, str) else getattr(source, "__name__", "other")
    try:
        if isinstance(source, str):
            found = gradient_by(source, subject)
        elif isinstance(subject, FunctionSubject):
            answer = source(subject.f, subject.arguments if subject.kwargs else subject.args)
            given = claims_by_name(answer, subject.names, _shape(subject), every=True)
            found = [given[n].value for n in subject.names]
        else:
            raise NotJudgedError(
                "f is a recorded graph, which only a framework can run: give its name, as against='torch'"
            )
    except RAISED as error:
        return f"{name} gave no gradient: {type(error).__name__}{said(error)}"
    for opinion, slope, x in zip(opinions, slopes, found, strict=True):
        claim = Claim(repr(x), x)
        enough = slope.value is not None and right_digits(x, slope.value) >= digits
        opinion[name] = Opinion(
            claim.text, x, enough or _fits(claim, slope), () if enough else _lost(x, slope)
        )
    return ""


def _lost(x: float, slope: Slope) -> Sequence[str]:
    if slope.value is None:
        return ()
    return (f"{right_digits(x, slope.value):.0f} digits are right",)


# --- The report.


def _comparison(
    subject: Subject, i: int, slope: Slope, engine: float, finding: Finding, opinions: dict[str, Opinion]
) -> GradientComparison:
    return GradientComparison(
        subject.names[i],
        subject.point[i],
        truth=None if slope.value is None else float(slope.value),
        left=None if slope.left is None else float(slope.left),
        right=None if slope.right is None else float(slope.right),
        engine=engine,
        finding=finding,
        opinions=opinions,
        together=slope.together,
    )


def _notes(comparisons: Sequence[GradientComparison]) -> list[str]:
    notes = []
    ignored = [c.name for c in comparisons if c.finding.verdict == IGNORED and c.finding.ok]
    if ignored:
        has = "has" if len(ignored) == 1 else "have"
        notes.append(f"{listed(ignored)} {has} no influence at this point: not used by f, or not chosen")
    if all(c.finding.ok and c.finding.verdict in (RIGHT, IGNORED) and c.truth == 0.0 for c in comparisons):
        notes.append(
            "every derivative is 0 here, as a rule that does nothing would give: check at another point"
        )
    return notes

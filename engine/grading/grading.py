"""`grade`: mark a hand computation, number by number, as an examiner does.

A hand computation is a walk through a recorded graph: the values forwards, the derivatives backwards, then
the step of gradient descent and what follows from it. Each number follows from earlier ones by one local
rule. So there are two numbers to compare a claim with: the exact one, and the one that follows from what was
claimed before. A claim that is neither is wrong here; then mistakes are put into the local rule, until one
gives what was claimed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import fsum, isfinite
from typing import Any, ClassVar, NamedTuple

from engine.check.claims import Claim, listed
from engine.check.mistakes import LOCAL_SIGN, SIGN, describe, name_of, slips
from engine.check.table import Block, Table
from engine.derivatives import refuse_if_changed
from engine.graph import topological
from engine.numbers import floats
from engine.ops import OPS
from engine.value import PARAMETER, Value, is_factor_one

RIGHT = "right"
WRONG_HERE = "wrong here"
CARRIED_FORWARD = "carried forward"

VALUE, ADJOINT, UPDATED = "value", "adjoint", "updated"
ADDED = "the gradient is added in place of subtracted"
_NEAR = 2.0  # last decimals: how far off a slip that was made elsewhere may leave a number


class Quantity(NamedTuple):
    """A number of a hand computation: of a value of the graph, before or after the step, or its adjoint."""

    kind: str
    value: Value


@dataclass(frozen=True)
class Mark:
    """What a claim is worth.

    Args:
        name: of the quantity, as claimed.
        claimed: the number, as claimed.
        exact: what it should be.
        follows: what follows from the numbers that were claimed before.
        verdict: "right", "wrong here" or "carried forward".
        why: the mistakes that explain a wrong number, or where one was carried forward from.
        remark: what else there is to say.
    """

    name: str
    claimed: str
    exact: float
    follows: float
    verdict: str
    why: Sequence[str] = ()
    remark: str = ""


@dataclass(frozen=True)
class GradeReport(Table):
    """The result of `grade`.

    Args:
        marks: one for each claim, in the order of the computation.
    """

    marks: Sequence[Mark]

    most_right = 1000  # an examined paper is shown whole
    header: ClassVar[Sequence[str]] = ("quantity", "claimed", "exact", "from your numbers", "mark")

    @property
    def ok(self) -> bool:
        """Whether every claim is right."""
        return all(mark.verdict == RIGHT for mark in self.marks)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each claim, by its name."""
        return {mark.name: mark.verdict for mark in self.marks}

    @property
    def slips(self) -> list[str]:
        """The mistakes that were found, each once."""
        return list(
            dict.fromkeys(why for mark in self.marks if mark.verdict == WRONG_HERE for why in mark.why)
        )

    @property
    def headline(self) -> str:
        """The result in one line."""
        counts = Counter(mark.verdict for mark in self.marks)
        found = [
            f"{counts[verdict]} {verdict}"
            for verdict in (RIGHT, WRONG_HERE, CARRIED_FORWARD)
            if counts[verdict]
        ]
        first = next((mark for mark in self.marks if mark.verdict == WRONG_HERE), None)
        return ", ".join(found) + (f"; first wrong: {first.name} = {first.claimed}" if first else "")

    @property
    def blocks(self) -> list[Block]:
        """One row for each claim, and the reasons for its mark."""
        return [
            Block(
                [
                    (
                        m.name,
                        m.claimed,
                        f"{m.exact:.12g}",
                        "" if m.verdict == RIGHT else f"{m.follows:.6g}",
                        m.verdict,
                    )
                ],
                [(m.name, words) for words in ("; or ".join(m.why), m.remark) if words],
                [m.verdict == RIGHT],
            )
            for m in self.marks
        ]

    @property
    def footer(self) -> list[str]:
        """Nothing more."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return {
            "ok": self.ok,
            "headline": self.headline,
            "slips": self.slips,
            "marks": [
                {
                    "name": m.name,
                    "claimed": m.claimed,
                    "exact": m.exact,
                    "follows": m.follows if isfinite(m.follows) else str(m.follows),
                    "verdict": m.verdict,
                    "why": list(m.why),
                    "remark": m.remark,
                }
                for m in self.marks
            ],
        }


@dataclass(frozen=True)
class Summary(Table):
    """Many papers, one line each.

    Args:
        reports: by the name of the paper.
    """

    reports: Mapping[str, GradeReport]

    most_right = 1000
    header: ClassVar[Sequence[str]] = ("paper", RIGHT, WRONG_HERE, CARRIED_FORWARD, "first wrong")

    @property
    def ok(self) -> bool:
        """Whether every paper is right throughout."""
        return all(report.ok for report in self.reports.values())

    @property
    def headline(self) -> str:
        """The result in one line."""
        right = sum(report.ok for report in self.reports.values())
        return f"{len(self.reports)} papers, {right} right throughout"

    @property
    def blocks(self) -> list[Block]:
        """One row for each paper, and the slips that were found in it."""
        return [
            Block([_line(paper, report)], [(paper, slip) for slip in report.slips], [report.ok])
            for paper, report in self.reports.items()
        ]

    @property
    def footer(self) -> list[str]:
        """Nothing more."""
        return []


def _line(paper: str, report: GradeReport) -> list[str]:
    counts = Counter(mark.verdict for mark in report.marks)
    first = next((mark.name for mark in report.marks if mark.verdict == WRONG_HERE), "")
    return [paper, *[str(counts[verdict]) for verdict in (RIGHT, WRONG_HERE, CARRIED_FORWARD)], first]


def grade(
    output: Value,
    claims: Mapping[str, Any],
    *,
    learning_rate: float | None = None,
    parameters: Sequence[Value] | None = None,
) -> GradeReport:
    """Mark a hand computation of values, deltas, gradients and a step of gradient descent.

    Args:
        output: the recorded loss, or whatever was differentiated, with labels on the values that are named.
        claims: a number for each name; printed numbers as text, "-0.0497", held to their decimals. With a
            label L the names are `L`, the value; `dE/dL`, the derivative of the output by it; `delta_5`
            or `delta_1^2`, that by the net input `z_5` or `z_1^2`; `new L`, what it is after the step:
            of a parameter w - learning_rate * dE/dw, of another value what follows from those.
        learning_rate: of the step; needed for `new` names.
        parameters: the leaves that the step moves; None for those of a network, or else for every leaf
            that is no constant.

    Returns:
        The report: each claim is right, wrong here, or carried forward from a wrong number before it.

    Raises:
        LookupError: if no value, or more than one, has the label of a name.
        ValueError: if there is no claim, one is not a number, or the learning rate is missing; if a leaf was
            assigned a new number after the output was recorded.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> z = w * x
        >>> z.label = "z"
        >>> E = z * z
        >>> report = grade(E, {"z": "1.5", "dE/dz": "1.5", "dE/dw": "4.5"})
        >>> report.verdicts
        {'z': 'right', 'dE/dz': 'wrong here', 'dE/dw': 'carried forward'}
        >>> print(report.marks[1].why[0])
        half of what follows: a factor 2 is missing
    """
    if not claims:
        raise ValueError("there is nothing to grade: no number is claimed")
    order = topological([output])
    for value in order:
        refuse_if_changed(value, "grade")
    named = {name: _quantity(order, name) for name in claims}
    if learning_rate is None and any(q.kind == UPDATED for q in named.values()):
        raise ValueError("claims about numbers after the step need its learning_rate")
    moved = _moved(order, parameters)
    given = {named[name]: _claim(name, x) for name, x in claims.items()}
    exact = _Computation(order, output, moved, learning_rate, {})
    own = _Computation(order, output, moved, learning_rate, given)
    place = {q: i for i, q in enumerate(own.follows)}
    marks = [
        _mark(name, q, given[q], exact, own)
        for name, q in sorted(named.items(), key=lambda item: place[item[1]])
    ]
    return GradeReport(_with_reasons(marks, named, given, own))


# --- Names.


def _quantity(order: Sequence[Value], name: str) -> Quantity:
    delta = re.fullmatch(r"(?:delta|δ)_(.+)", name)
    derivative = re.fullmatch(r"d\w*/d(.+)", name)
    updated = re.fullmatch(r"new (.+)", name)
    if delta and not any(value.label == name for value in order):
        return Quantity(ADJOINT, _labelled(order, f"z_{delta[1]}", name))
    if derivative:
        return Quantity(ADJOINT, _labelled(order, derivative[1], name))
    if updated:
        return Quantity(UPDATED, _labelled(order, updated[1], name))
    return Quantity(VALUE, _labelled(order, name, name))


def _labelled(order: Sequence[Value], label: str, name: str) -> Value:
    found = [value for value in order if value.label == label]
    if len(found) == 1:
        return found[0]
    labels = ", ".join(dict.fromkeys(value.label for value in order if value.label)) or "none"
    if found:
        raise LookupError(f"{name}: {len(found)} values are labelled {label!r}; give each its own label")
    raise LookupError(f"{name}: no value is labelled {label!r}; the labels are {labels}")


def _claim(name: str, x: Any) -> Claim:
    try:
        return Claim.of(x)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the claim for {name}: {error}") from None


def _moved(order: Sequence[Value], parameters: Sequence[Value] | None) -> list[Value]:
    if parameters is not None:
        return list(parameters)
    return [v for v in order if v.kind == PARAMETER] or [v for v in order if v.is_variable]


# --- A computation that goes on with what was claimed.


@dataclass
class _Known:
    """A number of a computation.

    Args:
        number: the number.
        error: how far it may be off, because what it follows from was rounded.
        sources: the nearest claims that it follows from.
    """

    number: float
    error: float = 0.0
    sources: frozenset[Quantity] = frozenset()


@dataclass
class _Computation:
    """Every quantity of a hand computation, each from those before it.

    Args:
        order: the values of the graph.
        output: the value that is differentiated.
        moved: the leaves that the step moves.
        learning_rate: of the step.
        claims: numbers to go on with, in place of what follows.
        slip: a mistake: the derivative of a value by an operand, by value and place.
        step: a mistake: what multiplies the gradient in the step of a leaf, in place of the learning rate.
        forward: a mistake: the number of a value, in place of what its operation gives.

        slopes: what `partials` has found, to be shared where only a step of the chain rule differs.

    Attributes:
        follows: each quantity as it follows from those before.
        known: each quantity as claimed, or else as it follows.
    """

    order: Sequence[Value]
    output: Value
    moved: Sequence[Value]
    learning_rate: float | None
    claims: Mapping[Quantity, Claim]
    slip: Mapping[tuple[Value, int], float] = field(default_factory=dict)
    step: Mapping[Value, float] = field(default_factory=dict)
    forward: Mapping[Value, float] = field(default_factory=dict)
    slopes: dict[Value, list[_Known]] = field(default_factory=dict)
    follows: dict[Quantity, _Known] = field(default_factory=dict)
    known: dict[Quantity, _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for value in self.order:
            self._forwards(VALUE, value, _Known(value.data))
        self._backwards()
        if self.learning_rate is not None:
            for value in self.order:
                self._forwards(UPDATED, value, self._step(value))

    def _learn(self, quantity: Quantity, known: _Known) -> None:
        self.follows[quantity] = self.known[quantity] = known
        claim = self.claims.get(quantity)
        if claim is not None:
            self.known[quantity] = _Known(claim.value, claim.half_unit or 0.0, frozenset([quantity]))

    def _forwards(self, kind: str, value: Value, leaf: _Known) -> None:
        if not value.parents:
            self._learn(Quantity(kind, value), leaf)
            return
        operands = [self.known[Quantity(kind, p)] for p in value.parents]
        x = [operand.number for operand in operands]
        number = self.forward.get(value) if kind == VALUE else None
        if number is None:
            number = _computed(partial(OPS[value.op].forward, floats, *x))
        slopes = _computed_partials(value, number, x)
        error = sum(abs(d) * o.error for d, o in zip(slopes, operands, strict=True) if o.error)
        self._learn(Quantity(kind, value), _Known(number, error, _sources(operands)))

    def _backwards(self) -> None:
        terms: dict[Value, list[_Known]] = {self.output: [_Known(1.0)]}
        for value in reversed(self.order):
            if value not in terms:
                continue
            found = terms.pop(value)
            total = _Known(fsum([t.number for t in found]), sum(t.error for t in found), _sources(found))
            quantity = Quantity(ADJOINT, value)
            self._learn(quantity, total)
            upstream = self.known[quantity]
            if not value.parents:
                continue
            for k, (parent, d) in enumerate(zip(value.parents, self.partials(value), strict=True)):
                slip = self.slip.get((value, k))
                d = d if slip is None else replace(d, number=slip)
                number = d.number * upstream.number if upstream.number else 0.0
                error = abs(d.number) * upstream.error + abs(upstream.number) * d.error
                term = _Known(number, error, upstream.sources | d.sources)
                terms.setdefault(parent, []).append(term)

    def partials(self, value: Value) -> list[_Known]:
        """The derivative of a value by each operand, from the numbers that are known."""
        if value not in self.slopes:
            self.slopes[value] = self._partials(value)
        return self.slopes[value]

    def _partials(self, value: Value) -> list[_Known]:
        operands = [self.known[Quantity(VALUE, p)] for p in value.parents]
        out = self.known[Quantity(VALUE, value)]
        x = [operand.number for operand in operands]
        if len(x) == 1 and Quantity(VALUE, value) in self.claims:
            x = [_operand_of(value, out.number, x[0])]  # of the claimed output, so that both belong together
        best = _computed_partials(value, out.number, x)
        up = [x_i + operand.error for x_i, operand in zip(x, operands, strict=True)]
        bent = [
            _computed_partials(value, out.number + sign * out.error, point)
            for sign in (1, -1)
            for point in (x, up)
        ]
        sources = _sources([out, *operands])
        return [_Known(d, max(abs(other[k] - d) for other in bent), sources) for k, d in enumerate(best)]

    def _step(self, value: Value) -> _Known:
        before = self.known[Quantity(VALUE, value)]
        if value not in self.moved:
            return before
        gradient = self.known.get(Quantity(ADJOINT, value), _Known(0.0))
        rate = self.step.get(value, self.learning_rate or 0.0)
        return _Known(
            before.number - rate * gradient.number,
            before.error + abs(rate) * gradient.error,
            before.sources | gradient.sources,
        )


def _sources(numbers: Sequence[_Known]) -> frozenset[Quantity]:
    return frozenset().union(*(number.sources for number in numbers))


def _computed(f: Callable[[], float]) -> float:
    """A number, NaN outside the domain: a wrong claim may lead there, and nothing follows from it."""
    try:
        return f()
    except (ValueError, ArithmeticError):
        return float("nan")


def _computed_partials(value: Value, out: float, x: Sequence[float]) -> Sequence[float]:
    try:
        return OPS[value.op].partials(floats, out, *x)
    except (ValueError, ArithmeticError):
        return [float("nan")] * len(x)


def _operand_of(value: Value, out: float, x: float) -> float:
    """Newton's method: where a function of one number is what was claimed; x where that leads nowhere."""
    row, start = OPS[value.op], x
    try:
        for _ in range(30):
            y = row.forward(floats, x)
            (slope,) = row.partials(floats, y, x)
            if slope == 0.0 or abs(y - out) <= 1e-15 * abs(out):
                break
            x -= (y - out) / slope
        return x if abs(row.forward(floats, x) - out) <= 1e-9 * abs(out) else start
    except (ValueError, ArithmeticError):
        return start


# --- Marks.


def _mark(name: str, q: Quantity, claim: Claim, exact: _Computation, own: _Computation) -> Mark:
    truth = exact.follows[q].number
    follows = own.follows[q]
    if claim.fits(truth):
        return Mark(name, claim.text, truth, follows.number, RIGHT)
    verdict = CARRIED_FORWARD if claim.fits(follows.number, more=follows.error) else WRONG_HERE
    return Mark(name, claim.text, truth, follows.number, verdict)


def _with_reasons(
    marks: Sequence[Mark], named: Mapping[str, Quantity], claims: Mapping[Quantity, Claim], own: _Computation
) -> list[Mark]:
    names = {q: name for name, q in named.items()}
    verdicts = {named[mark.name]: mark.verdict for mark in marks}
    wrong = [named[mark.name] for mark in marks if mark.verdict == WRONG_HERE]
    tried = {q: [(text, follows) for text, follows in _mistakes(own, q)] for q in wrong}
    fitting = {q: [t for t, f in tried[q] if claims[q].fits(f.number, more=f.error)] for q in wrong}
    often = Counter(text for texts in fitting.values() for text in dict.fromkeys(texts))
    nearly = {
        q: {
            t: f.number
            for t, f in tried[q]
            if often[t] and claims[q].fits(f.number, more=f.error + _near(claims[q]))
        }
        for q in wrong
    }
    support = Counter(text for q in wrong for text in {*fitting[q], *nearly[q]})
    reasoned = []
    for mark in marks:
        q = named[mark.name]
        if mark.verdict == RIGHT:
            reasoned.append(mark)
        elif mark.verdict == CARRIED_FORWARD:
            reasoned.append(replace(mark, why=[_origin(own.follows[q].sources, verdicts, names)]))
        elif fitting[q]:
            reasoned.append(replace(mark, why=_most_supported(fitting[q], support)))
        elif nearly[q]:
            text = _most_supported(list(nearly[q]), support)[0]
            remark = f"with that mistake it is {nearly[q][text]:.6g}: the last decimal is off too"
            reasoned.append(replace(mark, why=[text], remark=remark))
        else:
            reasoned.append(replace(mark, remark="no single common mistake gives this number"))
    return reasoned


def _near(claim: Claim) -> float:
    """How far off a mistake that was made elsewhere may leave a number: little in its last decimal."""
    return (2.0 * _NEAR - 1.0) * (claim.half_unit or 0.0)


def _most_supported(texts: Sequence[str], support: Mapping[str, int]) -> list[str]:
    """Of the mistakes that explain a number, those that explain the most numbers."""
    most = max(support[text] for text in texts)
    best = [text for text in dict.fromkeys(texts) if support[text] == most]
    return [text for text in best if not (text.startswith(LOCAL_SIGN) and (SIGN in best or ADDED in best))]


def _origin(
    sources: frozenset[Quantity], verdicts: Mapping[Quantity, str], names: Mapping[Quantity, str]
) -> str:
    wrong = [name for q, name in names.items() if q in sources and verdicts[q] != RIGHT]
    if wrong:
        return f"follows correctly from {listed(wrong)}"
    return "follows correctly from rounded numbers"


# --- Mistakes in the rule by which one quantity follows from those before it.


def _mistakes(own: _Computation, q: Quantity) -> Iterator[tuple[str, _Known]]:
    """Mistakes in words, and what follows with each of them."""
    follows = own.follows[q]
    if q.kind == UPDATED and not q.value.parents:
        yield from _of_the_step(own, q)
    else:
        yield SIGN, replace(follows, number=-follows.number)
        yield "twice what follows: a factor 2 too many", _times(follows, 2.0)
        yield "half of what follows: a factor 2 is missing", _times(follows, 0.5)
    for text, changed in _of_the_rule(own, q):
        if own.follows[q].number != changed.follows[q].number:
            yield text, changed.follows[q]


def _times(known: _Known, factor: float) -> _Known:
    return replace(known, number=factor * known.number, error=abs(factor) * known.error)


def _of_the_step(own: _Computation, q: Quantity) -> Iterator[tuple[str, _Known]]:
    weight = own.known[Quantity(VALUE, q.value)].number
    rate = own.learning_rate or 0.0
    for text, scale in (
        ("the gradient is multiplied by the weight itself in place of the learning rate", weight),
        ("the learning rate is left out: the gradient is multiplied by 1", 1.0),
        (ADDED, -rate),
        ("the gradient is multiplied by twice the learning rate", 2.0 * rate),
        ("the gradient is multiplied by half the learning rate", 0.5 * rate),
        ("the step is not taken: this is the number before it", 0.0),
    ):
        if scale != rate:
            yield text, replace(own, step={q.value: scale}, follows={}, known={}).follows[q]


def _of_the_rule(own: _Computation, q: Quantity) -> Iterator[tuple[str, _Computation]]:
    if q.kind == VALUE:
        for value in _own_values(own, q.value):
            for number, text in _other_values(own, value):
                yield text, replace(own, forward={value: number}, slopes={}, follows={}, known={})
        return
    numbers = {value: own.known[Quantity(VALUE, value)].number for value in own.order}
    uses = Counter(p for value in own.order for p in value.parents)
    for value, k in _own_edges(own, q.value):
        right = own.partials(value)[k].number
        for number, text in slips(own.order, numbers, value, k, right, uses):
            yield text, replace(own, slip={(value, k): number}, follows={}, known={})


def _own_edges(own: _Computation, value: Value) -> list[tuple[Value, int]]:
    """The steps of the chain rule from the nearest claimed adjoints to that of a value."""
    edges, reached = [], [value]
    for target in reached:  # grows while it is walked
        for user in own.order:
            for k, parent in enumerate(user.parents):
                if parent is target:
                    edges.append((user, k))
                    if Quantity(ADJOINT, user) not in own.claims and user not in reached:
                        reached.append(user)
    return edges


def _own_values(own: _Computation, value: Value) -> list[Value]:
    """The operations from the nearest claimed values to a value."""
    found = [value]
    for v in found:  # grows while it is walked
        for p in v.parents:
            if p.parents and Quantity(VALUE, p) not in own.claims and p not in found:
                found.append(p)
    return [v for v in found if v.parents]


def _other_values(own: _Computation, value: Value) -> Iterator[tuple[float, str]]:
    """What somebody may take for the number of a value."""
    x = [own.known[Quantity(VALUE, p)].number for p in value.parents]
    if len(x) == 1:
        yield x[0], f"{describe(value)} is left out"
        for other in ("sigmoid", "tanh", "relu"):
            if other != value.op:
                number = _computed(partial(OPS[other].forward, floats, *x))
                yield number, f"{other} in place of {value.op}"
    elif value.op in ("add", "sub", "fsum"):
        signs = (1.0, -1.0) if value.op == "sub" else (1.0,) * len(x)
        total = own.follows[Quantity(VALUE, value)].number
        for sign, x_i, p in zip(signs, x, value.parents, strict=True):
            yield total - sign * x_i, f"the term {name_of(p)} is left out"
            yield total - 2.0 * sign * x_i, f"the sign of the term {name_of(p)} is flipped"
    elif value.op == "sumprod":
        n = len(x) // 2
        total = own.follows[Quantity(VALUE, value)].number
        for i in range(n):
            product = value.parents[i], value.parents[i + n]
            factors = [factor for factor in product if not is_factor_one(factor)] or product
            term = " ".join(map(name_of, factors))
            yield total - x[i] * x[i + n], f"the term {term} is left out"
            yield total - 2.0 * x[i] * x[i + n], f"the sign of the term {term} is flipped"

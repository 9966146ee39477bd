"""Mistakes: which of them explains a wrong gradient.

Each mistake that people make is put into the backward pass, one at a time, and the result is compared with
the claims. A mistake explains a wrong number if it gives that number to its printed precision, and
contradicts no number that is right. Of several such mistakes, those that explain the most wrong numbers are
reported.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.backprop import adjoints, tangents
from engine.check.claims import Claim
from engine.check.subject import Run
from engine.numbers import floats
from engine.ops import OPS
from engine.value import CONSTANT, Value

SIGN = "the sign is flipped"
LOCAL_SIGN = "the sign of the derivative"


@dataclass(frozen=True)
class Planted:
    """A mistake, and the gradient that it leads to.

    Args:
        text: the mistake, in words.
        predicted: the derivatives that it leads to, by name.
        whole: whether it must also predict the claims that are right.
    """

    text: str
    predicted: Mapping[str, float] = field(repr=False)
    whole: bool = True


def diagnose(
    run: Run | None,
    names: Sequence[str],
    truth: Mapping[str, float],
    claims: Mapping[str, Claim],
    wrong: Sequence[str],
) -> dict[str, list[str]]:
    """The mistakes that explain wrong numbers.

    Args:
        run: the graph, after `backward`; None where there is none.
        names: the names of its inputs.
        truth: the derivatives.
        claims: the claimed derivatives.
        wrong: the names whose claims are wrong.

    Returns:
        For each wrong name the mistakes that explain it, in words; an empty list where none does.
    """
    fitting: dict[str, list[tuple[int, str]]] = {name: [] for name in wrong}
    for mistake in _mistakes(run, names, truth, claims, wrong):
        explained = [
            name for name in wrong if name in mistake.predicted and claims[name].fits(mistake.predicted[name])
        ]
        if not explained or (mistake.whole and _contradicted(mistake, claims, wrong)):
            continue
        for name in explained:
            fitting[name].append((len(explained), mistake.text))
    return {name: _best(found) for name, found in fitting.items()}


def _contradicted(mistake: Planted, claims: Mapping[str, Claim], wrong: Sequence[str]) -> bool:
    return any(
        not claims[name].fits(x, more=1e-9 * abs(x))
        for name, x in mistake.predicted.items()
        if name in claims and name not in wrong
    )


def _best(found: list[tuple[int, str]]) -> list[str]:
    most = max((count for count, _ in found), default=0)
    texts = dict.fromkeys(text for count, text in found if count == most)
    return [text for text in texts if not (text.startswith(LOCAL_SIGN) and SIGN in texts)]


def _mistakes(
    run: Run | None,
    names: Sequence[str],
    truth: Mapping[str, float],
    claims: Mapping[str, Claim],
    wrong: Sequence[str],
) -> Iterator[Planted]:
    yield from _of_numbers(run, truth)
    yield from _of_places(names, truth, claims, wrong)
    if run is not None:
        inputs = dict(zip(names, run.inputs, strict=True))
        yield from _of_one_step(run, inputs, truth)
        yield from _of_every_step(run, inputs)


# --- Mistakes that show in the numbers alone.


def _of_numbers(run: Run | None, truth: Mapping[str, float]) -> Iterator[Planted]:
    yield Planted(SIGN, {name: -g for name, g in truth.items()}, whole=False)
    doubled = {name: 2.0 * g for name, g in truth.items()}
    if len(truth) > 1:
        yield Planted("not zeroed before a second backward pass: every derivative is doubled", doubled)
    yield Planted("2 times the truth: a factor 2 too many", doubled, whole=False)
    yield Planted(
        "half the truth: a factor 2 is missing", {name: 0.5 * g for name, g in truth.items()}, whole=False
    )
    for n in _counts(run):
        times_n, by_n = ({name: factor * g for name, g in truth.items()} for factor in (n, 1.0 / n))
        yield Planted(f"{n} times the truth: a sum in place of the mean over {n}", times_n, whole=False)
        yield Planted(f"1/{n} of the truth: a mean over {n} in place of the sum", by_n, whole=False)


def _counts(run: Run | None) -> list[int]:
    """How many terms the sums of a graph have, and the whole numbers that it divides by."""
    if run is None:
        return []
    counts: set[int] = set()
    terms: dict[Value, int] = {}
    for value in run.order:
        if is_sum(value):
            if OPS[value.op].arity == 2:  # perhaps the next step of a longer sum: a + b + c
                terms[value] = sum(terms.get(p, 1) for p in value.parents)
            counts.add(terms.get(value, len(value.parents)))
        elif value.kind == CONSTANT and value.data:
            for x in (abs(value.data), 1.0 / abs(value.data)):
                if abs(x - round(min(x, 1e6))) < 1e-9:
                    counts.add(round(x))
    return sorted(n for n in counts if n > 2)


def _of_places(
    names: Sequence[str], truth: Mapping[str, float], claims: Mapping[str, Claim], wrong: Sequence[str]
) -> Iterator[Planted]:
    """Right numbers in wrong places."""
    if 2 <= len(wrong) <= 30:
        for i, a in enumerate(wrong):
            for b in wrong[i + 1 :]:
                if claims[a].fits(truth[b]) and claims[b].fits(truth[a]):
                    yield Planted(f"{a} and {b} are swapped", {a: truth[b], b: truth[a]}, whole=False)
    for matrix, places in _matrices(names).items():
        rows, columns = sorted({i for i, _ in places}), sorted({j for _, j in places})
        if min(len(rows), len(columns)) > 1 and len(places) == len(rows) * len(columns):
            by_row = [places[i, j] for i in rows for j in columns]
            by_column = [places[i, j] for j in columns for i in rows]
            moved = {name: truth[other] for name, other in zip(by_row, by_column, strict=True)}
            yield Planted(f"the matrix {matrix} is transposed", moved)


_ELEMENTS = [  # w_12^3, w_10,2^3 and w[0][1]: matrix, row, column, layer
    re.compile(r"(.+)_(\d)(\d)(\^\d+|)"),
    re.compile(r"(.+)_(\d+),(\d+)(\^\d+|)"),
    re.compile(r"(.+)\[(\d+)\]\[(\d+)\](.{0})"),
]


def _matrices(names: Iterable[str]) -> dict[str, dict[tuple[int, int], str]]:
    """The names that look like elements of a matrix, by matrix and place."""
    found: dict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for name in names:
        for pattern in _ELEMENTS:
            match = pattern.fullmatch(name)
            if match:
                matrix, i, j, layer = match.groups()
                found[matrix + layer][int(i), int(j)] = name
    return found


# --- Mistakes inside the backward pass, at one step of it or at every step of its kind.


def _of_one_step(run: Run, inputs: Mapping[str, Value], truth: Mapping[str, float]) -> Iterator[Planted]:
    moved = {name: tangents(run.order, {x: 1.0}, lambda v: v.partials) for name, x in inputs.items()}
    numbers = {value: value.data for value in run.order}
    uses = Counter(p for value in run.order for p in value.parents)
    for value in run.order:
        if value.grad == 0.0:
            continue
        for k, (parent, partial) in enumerate(zip(value.parents, value.partials, strict=True)):
            touched = [name for name in inputs if parent in moved[name]]
            for other, text in mistaken_partials(run.order, numbers, value, k, partial, uses):
                change = value.grad * (other - partial)
                if touched and change - change == 0.0 and change != 0.0:
                    yield Planted(text, _changed(truth, {n: change * moved[n][parent] for n in touched}))


def _changed(truth: Mapping[str, float], changes: Mapping[str, float]) -> dict[str, float]:
    return {name: g + changes.get(name, 0.0) for name, g in truth.items()}


def mistaken_partials(
    order: Sequence[Value],
    numbers: Mapping[Value, float],
    value: Value,
    k: int,
    partial: float,
    uses: Mapping[Value, int],
) -> Iterator[tuple[float, str]]:
    """Numbers that somebody may take for the derivative of a value by one of its operands.

    Args:
        order: the values of the graph.
        numbers: their numbers.
        value: the value that is differentiated.
        k: the place of the operand.
        partial: the right derivative.
        uses: how often each value is an operand.

    Yields:
        The number in the place of the derivative, and the mistake in words.
    """
    parent = value.parents[k]
    if uses[parent] > 1:
        yield 0.0, f"a term is missing: {name_of(parent)} is also used in {describe(value)}"
    if _is_function(value):
        yield 1.0, f"the derivative of {describe(value)} is left out"
        yield from _wrong_points(numbers, value)
        yield from _neighbours(order, numbers, value)
    elif OPS[value.op].paired:
        yield from _neighbours_in_a_sum(numbers, value, k)
    yield -partial, f"{LOCAL_SIGN} of {describe(value)} by {name_of(parent)} is flipped"


def _neighbours_in_a_sum(numbers: Mapping[Value, float], value: Value, k: int) -> Iterator[tuple[float, str]]:
    """In a sum of products the derivative by one factor is the other; a factor of another pair is wrong."""
    n = len(value.parents) // 2
    partner = value.parents[(k + n) % (2 * n)]
    for other in value.parents[n:] if k < n else value.parents[:n]:
        if other is not partner and numbers[other] != 0.0:  # a 0 leaves the term out: another mistake
            yield numbers[other], f"{name_of(other)} in place of {name_of(partner)}"


def _wrong_points(numbers: Mapping[Value, float], value: Value) -> Iterator[tuple[float, str]]:
    """The derivative of a function of one number, taken at another number than its operand."""
    (inner,) = value.parents
    for point in (value, *inner.parents):
        partial = _partial(value.op, None, numbers[point])
        if partial is not None:
            yield (
                partial,
                (
                    f"the derivative of {describe(value)} is taken at "
                    f"{'its own output' if point is value else name_of(point)} in place of {name_of(inner)}"
                ),
            )


def _neighbours(
    order: Sequence[Value], numbers: Mapping[Value, float], value: Value
) -> Iterator[tuple[float, str]]:
    """The derivative of a function of one number, with numbers of another value of the same function.

    A rule takes the output and the operand. Either may be the neighbour's, or both.
    """
    own = numbers[value.parents[0]]
    for other in order:
        if other.op == value.op and other is not value:
            its = numbers[other.parents[0]]
            for out, x, factors in (
                (numbers[other], its, (other, other)),
                (numbers[value], its, (value, other)),
                (numbers[other], own, (other, value)),
            ):
                partial = _partial(value.op, out, x)
                if partial is not None:
                    yield partial, _neighbour_text(value, *factors)


def _neighbour_text(value: Value, first: Value, second: Value) -> str:
    own, a, b = name_of(value), name_of(first), name_of(second)
    if value.op == "sigmoid":
        return f"the derivative of the wrong neuron: {a} (1 - {b}) in place of {own} (1 - {own})"
    place = "" if first is second else f" in {'its second' if first is value else 'its first'} factor"
    other = second if first is value else first
    return f"the derivative of the wrong neuron: {name_of(other)} in place of {own}{place}"


def _partial(op: str, out: float | None, x: float) -> float | None:
    """The partial of a function of one number, by its rule; None outside its domain."""
    row = OPS[op]
    try:
        return float(row.partials(floats, row.forward(floats, x) if out is None else out, x)[0])
    except (ValueError, ArithmeticError):
        return None


def _of_every_step(run: Run, inputs: Mapping[str, Value]) -> Iterator[Planted]:
    kinds = Counter(value.op for value in run.order if _is_function(value))
    for op in (op for op, count in kinds.items() if count > 1):
        own_output = {v: _partial(op, None, v.data) for v in run.order if v.op == op}
        left_out = dict.fromkeys(own_output, 1.0)
        yield _swept(run, inputs, left_out, f"the derivative of {op} is left out everywhere")
        if None not in own_output.values():
            yield _swept(run, inputs, own_output, f"every derivative of {op} is taken at its own output")


def _swept(run: Run, inputs: Mapping[str, Value], changed: Mapping[Value, Any], text: str) -> Planted:
    adjoint = adjoints(run.order, run.output, lambda v: (changed[v],) if v in changed else v.partials, 1.0)
    return Planted(text, {name: adjoint.get(x, 0.0) for name, x in inputs.items()})


def is_sum(value: Value) -> bool:
    """Whether a value is the sum of its operands."""
    row = OPS.get(value.op)
    return row is not None and row.form == "sum" and not row.paired


def _is_function(value: Value) -> bool:
    """Whether a value is a function of one number; leaving out a minus is a mistake of the sign."""
    return len(value.parents) == 1 and OPS[value.op].form != "negation"


def name_of(value: Value) -> str:
    """The label of a value, or its number if it has no label."""
    return value.label or f"{value.data:.6g}"


def describe(value: Value) -> str:
    """An operation with the names of its operands: `a_5 = sigmoid(z_5)`."""
    operands = ", ".join(name_of(p) for p in value.parents[:3]) + (", ..." if len(value.parents) > 3 else "")
    return f"{value.label + ' = ' if value.label else ''}{value.op}({operands})"

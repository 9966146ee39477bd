"""Mistakes that show in the results alone: signs, factors, exchanged numbers."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations

from engine.mistakes.computation import ADJOINT, UPDATED, Change, Computation, Quantity
from engine.mistakes.edge import is_sum
from engine.mistakes.mistake import Case, Mistake
from engine.value import CONSTANT, Value

SIGN = "the sign is flipped"
_MOST_PAIRS = 30  # numbers: more of them are seldom exchanged by hand


def _times(
    factors: Callable[[Computation], Iterable[tuple[float, str]]],
) -> Callable[[Computation], Iterator[Case]]:
    """The cases in which a result is multiplied by a factor; those of a step have mistakes of their own.

    Args:
        factors: the factors of a computation, and the mistake in words.

    Returns:
        A function of a computation that yields the cases.
    """

    def cases(own: Computation) -> Iterator[Case]:
        for factor, text in factors(own):
            for q in own.claimed:
                if q in own.follows and not is_stepped(q):
                    change = Change(results={q: factor * own.follows[q].number})
                    yield Case(text, change, text, own.problem.depth.get(q.value, 0))

    return cases


def is_stepped(quantity: Quantity) -> bool:
    """Whether a quantity is a parameter after the step."""
    return quantity.kind == UPDATED and not quantity.value.parents


def _doubled(own: Computation) -> Iterator[Case]:
    leaves = [q for q in own.claimed if q.kind == ADJOINT and not q.value.parents and q in own.follows]
    if len(leaves) > 1:
        results = {q: 2.0 * own.follows[q].number for q in leaves}
        yield Case(
            "not zeroed before a second backward pass: every derivative is doubled", Change(results=results)
        )


def _sum_and_mean(own: Computation) -> Iterator[tuple[float, str]]:
    for n in _counts(own.problem.order):
        yield float(n), f"{n} times the truth: a sum in place of the mean over {n}"
        yield 1.0 / n, f"1/{n} of the truth: a mean over {n} in place of the sum"


def _counts(order: Iterable[Value]) -> list[int]:
    """How many terms the sums of a graph have, and the whole numbers that it divides by."""
    counts: set[int] = set()
    terms: dict[Value, int] = {}
    for value in order:
        if is_sum(value):
            if len(value.parents) == 2:  # perhaps the next step of a longer sum: a + b + c
                terms[value] = sum(terms.get(p, 1) for p in value.parents)
            counts.add(terms.get(value, len(value.parents)))
        elif value.op == "div" and value.parents[1].kind == CONSTANT:
            counts.add(round(min(abs(value.parents[1].data), 1e6)))
    return sorted(n for n in counts if n > 2)


def _swapped(own: Computation) -> Iterator[Case]:
    names = own.problem.names
    claimed = [q for q in own.claimed if q in own.follows and q.kind == ADJOINT]
    if len(claimed) <= _MOST_PAIRS:
        for a, b in combinations(claimed, 2):
            if a in own.follows[b].sources or b in own.follows[a].sources:
                continue  # one was computed from the other: what is wrong is carried forward
            results = {a: own.follows[b].number, b: own.follows[a].number}
            yield Case(
                f"{names.get(a, a.value.label)} and {names.get(b, b.value.label)} are swapped",
                Change(results=results),
            )


def _transposed(own: Computation) -> Iterator[Case]:
    """The elements of a matrix of derivatives, written column by column."""
    claimed = {q.value.label: q for q in own.claimed if q in own.follows and q.kind == ADJOINT}
    for matrix, places in matrices(claimed).items():
        rows, columns = sorted({i for i, _ in places}), sorted({j for _, j in places})
        if min(len(rows), len(columns)) > 1 and len(places) == len(rows) * len(columns):
            by_row = [places[i, j] for i in rows for j in columns]
            by_column = [places[i, j] for j in columns for i in rows]
            results = {
                claimed[name]: own.follows[claimed[other]].number
                for name, other in zip(by_row, by_column, strict=True)
            }
            yield Case(f"the matrix {matrix} is transposed", Change(results=results))


_ELEMENTS = [  # w_12^3, w_10,2^3 and w[0][1]: matrix, row, column, layer
    re.compile(r"(.+)_(\d)(\d)(\^\d+|)"),
    re.compile(r"(.+)_(\d+),(\d+)(\^\d+|)"),
    re.compile(r"(.+)\[(\d+)\]\[(\d+)\](.{0})"),
]


def matrices(names: Iterable[str]) -> Mapping[str, dict[tuple[int, int], str]]:
    """The names that look like elements of a matrix, by matrix and place.

    Example:
        >>> dict(matrices(["w_12^3", "w_21^3", "b_1^3"]))
        {'w^3': {(1, 2): 'w_12^3', (2, 1): 'w_21^3'}}
    """
    found: dict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for name in names:
        for pattern in _ELEMENTS:
            match = pattern.fullmatch(name)
            if match:
                matrix, i, j, layer = match.groups()
                found[matrix + layer][int(i), int(j)] = name
    return found


def _handed_in(own: Computation) -> Iterator[Case]:
    """Another number of the step in place of the derivative."""
    rate = own.problem.learning_rate
    if rate is None:
        return
    for q in own.claimed:
        if q.kind == ADJOINT and q.value in own.problem.moved and q in own.follows:
            step = rate * own.follows[q].number
            for number, text in (
                (step, "the derivative times the learning rate in place of the derivative"),
                (own.number(q.value) - step, "the number after the step in place of the derivative"),
            ):
                yield Case(text, Change(results={q: number}), text)


ROWS = (
    Mistake(
        "sign",
        SIGN,
        "the number with the other sign",
        "The sign of a derivative says which way the output moves.",
        "Check every minus: of a difference, such as o - y, or of a derivative: cos' = -sin.",
        r"\frac{\partial}{\partial o} (o - y)^2 = 2 (o - y)",
        _times(lambda own: [(-1.0, SIGN)]),
    ),
    Mistake(
        "factor-2-missing",
        "a factor 2 is missing",
        "half of the number",
        "The derivative of a square is twice its base.",
        "Bring the exponent down as a factor.",
        r"(x^2)' = 2 x",
        _times(lambda own: [(0.5, f"half {_right(own)}: a factor 2 is missing")]),
    ),
    Mistake(
        "factor-2-too-many",
        "a factor 2 too many",
        "twice the number",
        "With 1/2 in front of a square the 2 of its derivative cancels.",
        "Look whether the loss has the factor 1/2.",
        r"\left(\tfrac{1}{2} x^2\right)' = x",
        _times(lambda own: [(2.0, f"twice {_right(own)}: a factor 2 too many")]),
    ),
    Mistake(
        "not-zeroed",
        "gradients were not set to zero before the second backward pass",
        "every derivative is doubled",
        "A backward pass adds to the gradients that are there.",
        "Set the gradients to zero before each backward pass.",
        "",
        _doubled,
    ),
    Mistake(
        "sum-or-mean",
        "a sum in place of a mean, or the other way round",
        "n times, or one n-th of, the number",
        "The derivative of a mean over n has the factor 1/n.",
        "Look whether the loss divides by the number of examples.",
        r"E = \frac{1}{n} \sum_i J_i",
        _times(_sum_and_mean),
    ),
    Mistake(
        "swapped",
        "two numbers are swapped",
        "right numbers in each other's place",
        "Each derivative belongs to one parameter.",
        "Write the name of the parameter beside each number.",
        "",
        _swapped,
    ),
    Mistake(
        "transposed-gradient",
        "the matrix of derivatives is transposed",
        "right numbers at mirrored places",
        "dE/dw_ij has the delta of row i and the input of column j.",
        "Give the gradient the shape of its matrix.",
        r"\frac{dE}{dW} = \delta a^T, \text{ not } a \delta^T",
        _transposed,
    ),
    Mistake(
        "step-handed-in",
        "a number of the step stands in place of the derivative",
        "the derivative times the learning rate, or the new weight",
        "The gradient is what the step is made of, not the step.",
        "Write the derivative before it is multiplied by the learning rate.",
        r"\frac{dE}{dw}, \text{ not } \alpha \frac{dE}{dw}",
        _handed_in,
    ),
)


def _right(own: Computation) -> str:
    """What a result is compared with: where inner numbers are claimed too, it follows from those."""
    whole = all(q.kind == ADJOINT and not q.value.parents for q in own.claimed)
    return "the truth" if whole else "what follows"

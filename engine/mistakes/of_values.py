"""Mistakes in the forward pass, and in the step of gradient descent."""

from collections.abc import Callable, Iterator
from math import degrees, log, radians

from engine.mistakes.computation import UPDATED, VALUE, Change, Computation, Quantity, forward_or_nan
from engine.mistakes.edge import describe, is_function, is_sum, name_of, partner_place, terms_of
from engine.mistakes.mistake import Case, Mistake
from engine.ops import OPS
from engine.value import Value, is_factor_one

ADDED = "the gradient is added in place of subtracted"


def _at_each_value(
    wrong: Callable[[Value, list[float], float], Iterator[tuple[float, str, str]]],
) -> Callable[[Computation], Iterator[Case]]:
    """The cases of a mistake in the result of an operation.

    Args:
        wrong: from a value, the numbers of its operands and its own: the numbers that somebody may take for
            it, the mistake in words, and what is said if it is made everywhere.

    Returns:
        A function of a computation that yields the cases.
    """

    def cases(own: Computation) -> Iterator[Case]:
        for value in own.problem.order:
            if value.parents:
                right = own.follows[Quantity(VALUE, value)].number
                x = [own.number(p) for p in value.parents]
                for number, text, everywhere in wrong(value, x, right):
                    if number != right and number - number == 0.0:
                        yield Case(
                            text, Change(numbers={value: number}), everywhere, own.problem.depth[value]
                        )

    return cases


def _function_left_out(value: Value, x: list[float], right: float) -> Iterator[tuple[float, str, str]]:
    if is_function(value):
        yield x[0], f"{describe(value)} is left out", f"{value.op} is left out everywhere"


def _other_function(value: Value, x: list[float], right: float) -> Iterator[tuple[float, str, str]]:
    family = OPS[value.op].family
    for name, row in OPS.items():
        if family and row.family == family and name != value.op:
            text = f"{name} in place of {value.op}"
            yield forward_or_nan(name, x), text, text
    if value.op == "log1p":
        yield right / log(10.0), "log10 in place of log", "log10 in place of log"


def _degrees(value: Value, x: list[float], right: float) -> Iterator[tuple[float, str, str]]:
    if OPS[value.op].angle and len(x) == 1:
        text = f"degrees in place of radians in {describe(value)}"
        for number in (forward_or_nan(value.op, [radians(x[0])]), degrees(right)):
            yield number, text, "degrees in place of radians everywhere"


def _term_left_out(value: Value, x: list[float], right: float) -> Iterator[tuple[float, str, str]]:
    for term, name in _terms(value, x):
        yield right - term, f"the term {name} is left out", ""


def _term_sign(value: Value, x: list[float], right: float) -> Iterator[tuple[float, str, str]]:
    for term, name in _terms(value, x):
        yield right - 2.0 * term, f"the sign of the term {name} is flipped", ""


def _terms(value: Value, x: list[float]) -> Iterator[tuple[float, str]]:
    """The terms of a sum, with their signs, and their names; none of any other operation."""
    if is_sum(value):
        yield from zip(x, map(name_of, value.parents), strict=True)
    elif OPS[value.op].form == "difference":
        yield from zip((x[0], -x[1]), map(name_of, value.parents), strict=True)
    for i, product in enumerate(terms_of(value)):
        factors = [factor for factor in product if not is_factor_one(factor)] or product
        yield x[i] * x[i + len(x) // 2], " ".join(map(name_of, factors))


def _at_each_step_of_descent(
    text: str, factor: Callable[[float, float], float]
) -> Callable[[Computation], Iterator[Case]]:
    """The cases of a mistake in the factor of the gradient, from the weight and the learning rate."""

    def cases(own: Computation) -> Iterator[Case]:
        rate = own.problem.learning_rate
        if rate is not None:
            for leaf in own.problem.moved:
                if Quantity(UPDATED, leaf) in own.follows:
                    yield Case(text, Change(rates={leaf: factor(own.number(leaf), rate)}), text)

    return cases


def _rate_doubled(own: Computation) -> Iterator[Case]:
    of_half = _at_each_step_of_descent(
        "the gradient is multiplied by half the learning rate", lambda w, rate: 0.5 * rate
    )
    of_twice = _at_each_step_of_descent(
        "the gradient is multiplied by twice the learning rate", lambda w, rate: 2.0 * rate
    )
    yield from of_half(own)
    yield from of_twice(own)


_RATES = (0.01, 0.05, 0.1, 0.2, 0.5)


def _other_rate(own: Computation) -> Iterator[Case]:
    """A rate from somewhere else, for all leaves: which one it is, several numbers tell."""
    rate = own.problem.learning_rate
    if rate is not None:
        for other in _RATES:
            if other not in (rate, 2.0 * rate, 0.5 * rate):
                rates = dict.fromkeys(own.problem.moved, other)
                yield Case(f"the learning rate {other:g} in place of {rate:g}", Change(rates=rates))


def _updated_weights(own: Computation) -> Iterator[Case]:
    """The weights after the step, on the way back before it."""
    if own.problem.learning_rate is None:
        return
    text = "the weights after the step are used in the backward pass"
    for value in own.problem.order:
        for k, w in enumerate(value.parents):
            partner = partner_place(value, k)
            if w in own.problem.moved and partner is not None and value.parents[partner].parents:
                new = own.known(Quantity(UPDATED, w)).number
                yield Case(text, Change(partials={(value, partner): new}), text, own.problem.depth[value])


ROWS = (
    Mistake(
        "function-left-out",
        "a function is left out of the forward pass",
        "a = z",
        "The output of a neuron is its activation, not its net input.",
        "Apply the function.",
        r"a = f(z), \text{ not } a = z",
        _at_each_value(_function_left_out),
    ),
    Mistake(
        "other-function",
        "another function is computed",
        "tanh for sigmoid, or a logarithm to another base",
        "Functions that look alike have other values.",
        "Check the name of the function, and the base of a logarithm.",
        r"\ln x, \text{ not } \log_{10} x",
        _at_each_value(_other_function),
    ),
    Mistake(
        "degrees-forward",
        "degrees in place of radians in the forward pass",
        "sin(0.5) = 0.0087",
        "The functions of this course take radians.",
        "Set the calculator to radians.",
        "",
        _at_each_value(_degrees),
    ),
    Mistake(
        "term-left-out",
        "a term of a sum is left out",
        "the sum without one of its terms, often the bias",
        "A net input adds up every weighted input, and the bias.",
        "Count the terms.",
        r"z = \sum_j w_j a_j + b",
        _at_each_value(_term_left_out),
    ),
    Mistake(
        "term-sign",
        "the sign of a term is flipped",
        "a term is subtracted that should be added, or the other way round",
        "Minus times minus is plus.",
        "Write negative numbers in brackets.",
        "",
        _at_each_value(_term_sign),
    ),
    Mistake(
        "weight-for-rate",
        "the gradient is multiplied by the weight in place of the learning rate",
        "w - w dE/dw",
        "The learning rate is the same for all weights.",
        "Multiply by the learning rate.",
        r"w - \alpha \frac{dE}{dw}, \text{ not } w - w \frac{dE}{dw}",
        _at_each_step_of_descent(
            "the gradient is multiplied by the weight itself in place of the learning rate", lambda w, rate: w
        ),
    ),
    Mistake(
        "rate-left-out",
        "the learning rate is left out",
        "w - dE/dw",
        "The learning rate scales the step.",
        "Multiply the gradient by the learning rate.",
        r"w - \alpha \frac{dE}{dw}",
        _at_each_step_of_descent(
            "the learning rate is left out: the gradient is multiplied by 1", lambda w, rate: 1.0
        ),
    ),
    Mistake(
        "uphill",
        "a step uphill",
        "w + alpha dE/dw",
        "The gradient points to where the loss grows.",
        "Subtract.",
        r"w - \alpha \frac{dE}{dw}, \text{ not } w + \alpha \frac{dE}{dw}",
        _at_each_step_of_descent(ADDED, lambda w, rate: -rate),
    ),
    Mistake(
        "rate-doubled",
        "twice the learning rate, or half of it",
        "a step of twice or half the size",
        "The step is the learning rate times the gradient.",
        "Look whether the factor 2 of the loss was counted twice.",
        "",
        _rate_doubled,
    ),
    Mistake(
        "other-rate",
        "another learning rate",
        "a step of another size, with 0.1 in place of 0.5",
        "Each exercise gives its own learning rate.",
        "Take the learning rate that is given.",
        "",
        _other_rate,
    ),
    Mistake(
        "step-not-taken",
        "the step is not taken",
        "the weight as it was",
        "Gradient descent changes every weight that has a gradient.",
        "Subtract the learning rate times the gradient.",
        "",
        _at_each_step_of_descent("the step is not taken: this is the number before it", lambda w, rate: 0.0),
    ),
    Mistake(
        "updated-weights",
        "the weights after the step are used in the backward pass",
        "deltas made of new weights",
        "Every derivative is taken at the point where the loss was computed.",
        "Compute all deltas before any weight is changed.",
        r"\delta_i = f'(z_i) \sum_j w_{ji} \delta_j, \quad w_{ji} \text{ before the step}",
        _updated_weights,
    ),
)

"""Mistakes in the rule by which one quantity of a hand computation follows from those before it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from engine.check.mistakes import SIGN, describe, is_sum, mistaken_partials, name_of
from engine.grading.computation import (
    ADJOINT,
    UPDATED,
    VALUE,
    Change,
    Computation,
    Known,
    Quantity,
    forward_or_nan,
)
from engine.ops import OPS
from engine.value import Value, is_factor_one

ADDED = "the gradient is added in place of subtracted"

_CONFUSED = ("sigmoid", "tanh", "relu")  # activations that are taken for one another


def mistakes(own: Computation, quantity: Quantity) -> Iterator[tuple[str, Known]]:
    """The mistakes that somebody may have made in a quantity.

    Args:
        own: the computation, going on with what was claimed.
        quantity: the quantity.

    Yields:
        A mistake in words, and the number that follows with it.
    """
    follows = own.follows[quantity]
    if not _is_stepped(quantity):
        yield SIGN, replace(follows, number=-follows.number)
        yield "twice what follows: a factor 2 too many", 2.0 * follows
        yield "half of what follows: a factor 2 is missing", 0.5 * follows
    for text, change in _changes(own, quantity):
        changed = own.changed(change).follows[quantity]
        if changed.number != follows.number:
            yield text, changed


def _is_stepped(quantity: Quantity) -> bool:
    return quantity.kind == UPDATED and not quantity.value.parents


def _changes(own: Computation, quantity: Quantity) -> Iterator[tuple[str, Change]]:
    if quantity.kind == VALUE:
        yield from _in_the_forward_pass(own, quantity.value)
        return
    if _is_stepped(quantity):
        yield from _in_the_step(own, quantity.value)
    yield from _in_the_backward_pass(own, quantity.value)


def _in_the_step(own: Computation, leaf: Value) -> Iterator[tuple[str, Change]]:
    weight = own.known(Quantity(VALUE, leaf)).number
    rate = own.problem.learning_rate or 0.0
    for text, factor in (
        ("the gradient is multiplied by the weight itself in place of the learning rate", weight),
        ("the learning rate is left out: the gradient is multiplied by 1", 1.0),
        (ADDED, -rate),
        ("the gradient is multiplied by twice the learning rate", 2.0 * rate),
        ("the gradient is multiplied by half the learning rate", 0.5 * rate),
        ("the step is not taken: this is the number before it", 0.0),
    ):
        yield text, Change(rates={leaf: factor})


def _in_the_backward_pass(own: Computation, value: Value) -> Iterator[tuple[str, Change]]:
    order = own.problem.order
    numbers = {v: own.known(Quantity(VALUE, v)).number for v in order}
    uses = Counter(p for v in order for p in v.parents)
    for user, k in _own_edges(own, value):
        right = own.partials[user][k].number
        for number, text in mistaken_partials(order, numbers, user, k, right, uses):
            yield text, Change(partials={(user, k): number})


def _in_the_forward_pass(own: Computation, value: Value) -> Iterator[tuple[str, Change]]:
    for v in _own_values(own, value):
        for number, text in _other_numbers(own, v):
            yield text, Change(numbers={v: number})


def _own_edges(own: Computation, value: Value) -> list[tuple[Value, int]]:
    """The steps of the chain rule from the nearest claimed adjoints to that of a value."""
    edges, reached = [], [value]
    for target in reached:  # grows while it is walked
        for user in own.problem.order:
            for k, parent in enumerate(user.parents):
                if parent is target:
                    edges.append((user, k))
                    if Quantity(ADJOINT, user) not in own.claimed and user not in reached:
                        reached.append(user)
    return edges


def _own_values(own: Computation, value: Value) -> list[Value]:
    """The operations from the nearest claimed values to a value."""
    found = [value]
    for v in found:  # grows while it is walked
        for p in v.parents:
            if p.parents and Quantity(VALUE, p) not in own.claimed and p not in found:
                found.append(p)
    return [v for v in found if v.parents]


def _other_numbers(own: Computation, value: Value) -> Iterator[tuple[float, str]]:
    """Numbers that somebody may take for the result of an operation."""
    x = [own.known(Quantity(VALUE, p)).number for p in value.parents]
    if len(x) == 1:
        yield x[0], f"{describe(value)} is left out"
        for other in _CONFUSED:
            if other != value.op:
                yield forward_or_nan(other, x), f"{other} in place of {value.op}"
    total = own.follows[Quantity(VALUE, value)].number
    for term, name in _terms(value, x):
        yield total - term, f"the term {name} is left out"
        yield total - 2.0 * term, f"the sign of the term {name} is flipped"


def _terms(value: Value, x: list[float]) -> Iterator[tuple[float, str]]:
    """The terms of a sum, with their signs, and their names; none of any other operation."""
    row = OPS[value.op]
    if is_sum(value):
        yield from zip(x, map(name_of, value.parents), strict=True)
    elif row.form == "difference":
        yield from zip((x[0], -x[1]), map(name_of, value.parents), strict=True)
    elif row.form == "sum" and row.paired:
        n = len(x) // 2
        for i in range(n):
            product = value.parents[i], value.parents[i + n]
            factors = [factor for factor in product if not is_factor_one(factor)] or product
            yield x[i] * x[i + n], " ".join(map(name_of, factors))

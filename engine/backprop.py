"""Reverse-mode differentiation: the chain rule, backwards over a recorded graph.

Let y be the output and v any node. The adjoint of v is dy/dv: the sum, over the nodes c that use v, of
dy/dc times the partial dc/dv that was recorded on the edge from v to c (Linnainmaa 1970; Griewank and
Walther, Evaluating Derivatives, section 3.2). On the way from the output to the leaves every adjoint is
complete when its node is reached, so that one multiplication and one addition for each edge give them all.
This module knows no operations: the partials were computed at recording time.

A product with a factor that is exactly 0 is 0, even if the other factor is infinite or NaN: what has no
influence contributes nothing. So a branch that was not taken cannot make a NaN, in any mode. The derivatives
of an output that is NaN are NaN.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from operator import attrgetter
from threading import Lock
from typing import Any

from engine.graph import N, Node, topological

_one_pass_at_a_time = Lock()  # passes of several threads may share leaves: the parameters


def backward(output: Node) -> None:
    """Set `grad` of every node that an output was computed from.

    A leaf adds the derivative to its `grad`; the `grad` of any other node becomes the derivative of this
    output.

    Args:
        output: a recorded node.

    Example:
        >>> from engine import Value
        >>> a = Value(3.0)
        >>> backward(a * a)
        >>> a.grad
        6.0
    """
    order = topological([output])
    leaves = [node for node in order if node._x is None]
    with _one_pass_at_a_time:
        before = [leaf.grad for leaf in leaves]
        try:
            _propagate(order, output)
            if isnan(output.data) or _has_nan(leaves):
                _propagate_with_care(order, output)
        except BaseException:  # an interrupted pass leaves the leaves as they were
            for leaf, grad in zip(leaves, before, strict=True):
                leaf._grad = grad
            raise
        for leaf, grad in zip(leaves, before, strict=True):
            leaf._grad += grad


def _propagate(order: Sequence[Node], output: Node) -> None:
    """Set `_grad` of every node; NaN where an infinite adjoint meets a partial of 0."""
    for node in order:
        node._grad = 0.0
    output._grad = 1.0
    for node in reversed(order):
        upstream = node._grad
        if upstream == 0.0:
            continue
        x, y = node._x, node._y
        if x.__class__ is tuple:
            for parent, partial in zip(x, node._dx, strict=True):
                parent._grad += partial * upstream
        elif x is not None:
            x._grad += node._dx * upstream
            if y is not None:
                y._grad += node._dy * upstream


def _has_nan(leaves: Sequence[Node]) -> bool:
    """Whether a variable has a NaN: one on the way is never lost. Nobody asks for those of constants."""
    total = sum([leaf._grad for leaf in leaves])
    return isnan(total) and any(isnan(leaf._grad) and leaf.is_variable for leaf in leaves)


def _propagate_with_care(order: Sequence[Node], output: Node) -> None:
    """Set `_grad` of every node, where some numbers are not finite."""
    found = adjoints(order, output, attrgetter("partials"), 1.0)
    for node in order:
        node._grad = output.data if isnan(output.data) else found.get(node, 0.0)


def adjoints(
    order: Sequence[N],
    output: N,
    partials: Callable[[N], Iterable[Any]],
    one: Any,
    given: Mapping[N, Any] | None = None,
    is_zero: Callable[[Any], bool] = lambda x: bool(x == 0),
) -> dict[N, Any]:
    """The chain rule backwards over a graph, for partials of any number type.

    Args:
        order: the values, parents first.
        output: the value to differentiate.
        partials: the derivative of a value by each of its operands.
        one: the number 1, of the type of the partials.
        given: adjoints to go on with, in place of those that follow.
        is_zero: whether an adjoint or a partial is exactly 0.

    Returns:
        The derivative of the output by each value that has one, as it follows from those after it.

    Example:
        >>> from engine import Value
        >>> a = Value(3.0)
        >>> b = a * a
        >>> adjoints([a, b], b, lambda value: value.partials, 1.0)[a]
        6.0
    """
    adjoint = {output: one}
    for value in reversed(order):
        if value not in adjoint:
            continue
        upstream = given[value] if given and value in given else adjoint[value]
        if is_zero(upstream):
            continue
        for parent, partial in zip(value.parents, partials(value), strict=True):
            term = 0 * one if is_zero(partial) else partial * upstream
            adjoint[parent] = adjoint.get(parent, 0 * one) + term
    return adjoint


def tangents(
    order: Iterable[N], moving: Mapping[N, Any], partials: Callable[[N], Iterable[Any]]
) -> dict[N, Any]:
    """The chain rule forwards over a graph, for partials of any number type.

    Args:
        order: the values, parents first.
        moving: how fast the values move that everything else follows.
        partials: the derivative of a value by each of its operands.

    Returns:
        How fast each value moves that depends on one of them, themselves included.

    Example:
        >>> from engine import Value
        >>> a = Value(3.0)
        >>> b = a * a
        >>> tangents([a, b], {a: 1.0}, lambda value: value.partials)[b]
        6.0
    """
    tangent = dict(moving)
    for value in order:
        if value in tangent or tangent.keys().isdisjoint(value.parents):
            continue
        pairs = zip(value.parents, partials(value), strict=True)
        terms = [(partial, tangent[parent]) for parent, partial in pairs if parent in tangent]
        tangent[value] = sum(partial * moved for partial, moved in terms if partial != 0 and moved != 0)
    return tangent

"""Mistakes in sums and products: in a net input, a product, a quotient, and where paths meet."""

from collections.abc import Iterator

from engine.mistakes.computation import Change, Computation
from engine.mistakes.edge import (
    Edge,
    Wrong,
    at_each_edge,
    describe,
    is_function,
    is_sum,
    name_of,
    terms_of,
)
from engine.mistakes.mistake import Case, Mistake
from engine.value import CONSTANT, Value, is_factor_one


def _path(edge: Edge) -> Iterator[Wrong]:
    if edge.own.problem.uses[edge.parent] > 1:
        parent = name_of(edge.parent)
        yield Wrong(0.0, f"a term is missing: {parent} is also used in {describe(edge.value)}")


def _bias(edge: Edge) -> Iterator[Wrong]:
    added = is_sum(edge.value) or (edge.partner is not None and is_factor_one(edge.partner))
    if added and not edge.parent.parents and edge.own.problem.uses[edge.parent] == 1:
        yield Wrong(
            0.0,
            f"the derivative by {name_of(edge.parent)} is taken for 0, as if it were a constant",
            "the derivative by every bias is taken for 0",
        )


def _sign(edge: Edge) -> Iterator[Wrong]:
    yield Wrong(
        -edge.partial,
        f"the sign of the derivative of {describe(edge.value)} by {name_of(edge.parent)} is flipped",
    )


def _partner(edge: Edge) -> Value | None:
    """The other factor, unless it is a plain 1."""
    partner = edge.partner
    return None if partner is None or is_factor_one(partner) else partner


def _is_minus(value: Value) -> bool:
    return value.kind == CONSTANT and value.data == -1.0 and not value.label


def _factor_left_out(edge: Edge) -> Iterator[Wrong]:
    partner = _partner(edge)
    if partner is not None and not _is_minus(partner):  # that is a mistake of the sign
        text = f"the factor {name_of(partner)} is left out of the derivative by {name_of(edge.parent)}"
        yield Wrong(1.0, text, _of_kind(edge, "the {} is left out of a product everywhere"))


def _own_factor(edge: Edge) -> Iterator[Wrong]:
    partner = _partner(edge)
    if partner is not None and not is_factor_one(edge.parent):
        own = name_of(edge.parent)
        text = f"{own} itself in place of {name_of(partner)}, the other factor"
        yield Wrong(edge.x, text, _of_kind(edge, "the own factor of a product in place of the {} everywhere"))


def _other_term(edge: Edge) -> Iterator[Wrong]:
    """In a sum of products the derivative by one factor is the other; a factor of another pair is wrong."""
    partner = edge.partner
    side = 0 if edge.k >= len(edge.value.parents) // 2 else 1
    for pair in terms_of(edge.value):
        other = pair[side]
        number = edge.own.number(other)
        if other is not partner and number != 0.0 and partner is not None:  # a 0 leaves the term out
            yield Wrong(number, f"{name_of(other)} in place of {name_of(partner)}")


def _net_input(edge: Edge) -> Iterator[Wrong]:
    partner = _partner(edge)
    if partner is not None and is_function(partner):
        z = partner.parents[0]
        text = f"{name_of(z)} in place of {name_of(partner)}: the net input, not the activation"
        yield Wrong(edge.own.number(z), text, "the net input z in place of the activation a everywhere")


def _layer_before(edge: Edge) -> Iterator[Wrong]:
    """The activation at the same place one layer further from the output."""
    partner = _partner(edge)
    if partner is None or edge.parent.parents or not is_function(partner):
        return
    mine = [pair[1] for pair in terms_of(edge.value)]
    before = [pair[1] for pair in terms_of(partner.parents[0])]
    if partner in mine and mine.index(partner) < len(before):
        other = before[mine.index(partner)]
        if not is_factor_one(other):
            text = f"{name_of(other)} in place of {name_of(partner)}: one layer too far"
            yield Wrong(edge.own.number(other), text, "the activations of the wrong layer everywhere")


def _numerator_left_out(edge: Edge) -> Iterator[Wrong]:
    if edge.row.form == "quotient" and edge.k == 1:
        x = edge.own.number(edge.value.parents[0])
        if x:
            yield Wrong(edge.partial / x, f"the numerator is left out in {_by_denominator(edge)}")


def _denominator_not_squared(edge: Edge) -> Iterator[Wrong]:
    if edge.row.form == "quotient" and edge.k == 1:
        yield Wrong(edge.partial * edge.x, f"the denominator is not squared in {_by_denominator(edge)}")


def _by_denominator(edge: Edge) -> str:
    return f"the derivative of {describe(edge.value)} by {name_of(edge.parent)}"


def _transposed(own: Computation) -> Iterator[Case]:
    """Row and column of a square matrix of weights exchanged, on the way back through a layer."""
    for layer in layers(own):
        inputs = [a for _, a in terms_of(layer[0]) if not is_factor_one(a)]
        if len(inputs) != len(layer):
            continue
        weights = [dict(zip(inputs, _weights(value), strict=True)) for value in layer]
        partials = {
            (value, value.parents.index(a)): own.number(weights[i][inputs[j]])
            for j, value in enumerate(layer)
            for i, a in enumerate(inputs)
        }
        yield Case(
            f"the weights of {', '.join(map(name_of, layer[:3]))} are transposed on the way back",
            Change(partials=partials),
            "every matrix of weights is transposed on the way back",
            own.problem.depth[layer[0]],
        )


def _weights(value: Value) -> list[Value]:
    return [w for w, a in terms_of(value) if not is_factor_one(a)]


def layers(own: Computation) -> list[list[Value]]:
    """The sums of products over the same numbers: the net inputs of one layer."""
    found: dict[tuple[Value, ...], list[Value]] = {}
    for value in own.problem.order:
        shared = tuple(pair[1] for pair in terms_of(value) if pair[1].kind != CONSTANT)
        if shared:
            found.setdefault(shared, []).append(value)
    return [layer for layer in found.values() if len(layer) > 1]


def _of_kind(edge: Edge, words: str) -> str:
    """The words for all steps alike: by the weights, or by what they are multiplied with."""
    return words.format("weight" if edge.parent.parents else "input of the weight")


ROWS = (
    Mistake(
        "path-left-out",
        "a path is left out",
        "a term of the sum is missing",
        "A value that is used several times gets a term from each use.",
        "Add up the contributions of all uses.",
        r"\frac{dy}{dx} = \sum_c \frac{dy}{dc} \frac{\partial c}{\partial x}",
        at_each_edge(_path),
    ),
    Mistake(
        "bias-derivative-zero",
        "the derivative by a bias is taken for 0",
        "0 where delta belongs",
        "A bias is the weight of an input that is always 1, so its derivative is delta.",
        "Write delta itself.",
        r"\frac{dE}{db} = \delta, \text{ not } 0",
        at_each_edge(_bias),
    ),
    Mistake(
        "factor-left-out",
        "a factor of a product is left out",
        "delta where delta times the other factor belongs",
        "The derivative of w x by x is w, not 1.",
        "Multiply by the other factor of the product.",
        r"\frac{\partial (w x)}{\partial x} = w, \text{ not } 1",
        at_each_edge(_factor_left_out),
    ),
    Mistake(
        "own-factor",
        "a factor is taken from the wrong side of a product",
        "delta times w where delta times a belongs, or the other way round",
        "The derivative of w a by w is a, the other factor.",
        "For dE/dw multiply by the activation, on the way back multiply by the weight.",
        r"\frac{dE}{dw} = \delta a, \text{ not } \delta w",
        at_each_edge(_own_factor),
    ),
    Mistake(
        "other-term",
        "a factor is taken from another term of the sum",
        "the input or the weight of a neighbour",
        "In a sum of products the derivative by a factor is the other factor of the same term.",
        "Follow the edge: dE/dw_ij has the input j and the delta i.",
        r"\frac{dE}{dw_{ij}} = \delta_i a_j",
        at_each_edge(_other_term),
    ),
    Mistake(
        "net-input-for-activation",
        "the net input stands in place of the activation",
        "delta times z where delta times a belongs",
        "The weight was multiplied by the activation a = f(z).",
        "Multiply by the activation.",
        r"\frac{dE}{dw} = \delta a, \text{ not } \delta z",
        at_each_edge(_net_input),
    ),
    Mistake(
        "wrong-layer",
        "the activation belongs to another layer",
        "delta times x where delta times a belongs",
        "dE/dw of a layer is its own delta times the activations of the layer before it.",
        "Use the numbers that this layer was given.",
        r"\frac{dE}{dw_{ij}^l} = \delta_i^l a_j^{l-1}",
        at_each_edge(_layer_before),
    ),
    Mistake(
        "transposed-weights",
        "the matrix of weights is transposed on the way back",
        "w_ij where w_ji belongs, in a layer with as many neurons as inputs",
        "A delta goes back along the edges it came by: to neuron i by w_ji, from every neuron j.",
        "Multiply the deltas by the transpose of the matrix of the forward pass.",
        r"\delta^{l-1} = f'(z) \odot W^T \delta^l, \text{ not } W \delta^l",
        _transposed,
    ),
    Mistake(
        "numerator-left-out",
        "the numerator is left out in the derivative by the denominator",
        "of x/y by y, -1/y² in place of -x/y²",
        "The derivative of 1/y is -1/y², and x stays as a factor.",
        "Multiply by the numerator.",
        r"\frac{\partial}{\partial y} \frac{x}{y} = -\frac{x}{y^2}",
        at_each_edge(_numerator_left_out),
    ),
    Mistake(
        "denominator-not-squared",
        "the denominator is not squared",
        "of x/y by y, -x/y in place of -x/y²",
        "The derivative of 1/y is -1/y².",
        "Square the denominator.",
        r"\frac{\partial}{\partial y} \frac{x}{y} = -\frac{x}{y^2}",
        at_each_edge(_denominator_not_squared),
    ),
    Mistake(
        "local-sign",
        "the sign of one local derivative is flipped",
        "some terms of a sum have the wrong sign",
        "The derivative of a difference by its second term is -1.",
        "Write down the sign of each local derivative.",
        r"\frac{\partial (x - y)}{\partial y} = -1",
        at_each_edge(_sign),
    ),
)

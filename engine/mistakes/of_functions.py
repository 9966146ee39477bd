"""Mistakes in the derivative of a function of one number: an activation, a logarithm, a power."""

from collections.abc import Iterator
from math import degrees, radians

from engine.mistakes.edge import Edge, Wrong, at_each_edge, describe, name_of
from engine.mistakes.mistake import Mistake
from engine.ops import OPS


def _left_out(edge: Edge) -> Iterator[Wrong]:
    if edge.is_function:
        yield Wrong(
            1.0,
            f"the derivative of {describe(edge.value)} is left out",
            f"the derivative of {edge.value.op} is left out everywhere",
        )


def _itself(edge: Edge) -> Iterator[Wrong]:
    if edge.is_function:
        own, op = name_of(edge.value), edge.value.op
        yield Wrong(
            edge.out,
            f"{own} itself in place of the derivative of {describe(edge.value)}",
            f"{op} itself in place of its derivative everywhere",
        )


def _part_of_product(edge: Edge) -> Iterator[Wrong]:
    """The derivative of sigmoid is a product of two factors, one of which is the output itself."""
    rule = edge.row.by_output
    if rule and edge.is_function and rule(0.0) == 0.0 and edge.out not in (0.0, rule(edge.out)):
        own, op = name_of(edge.value), edge.value.op
        yield Wrong(
            rule(edge.out) / edge.out,
            f"1 - {own} in place of the derivative {own} (1 - {own})",
            f"1 - a in place of a (1 - a), the derivative of {op} everywhere",
        )
        yield Wrong(
            -rule(-edge.out),
            f"{own} (1 + {own}) in place of the derivative {own} (1 - {own})",
            f"a (1 + a) in place of a (1 - a), the derivative of {op} everywhere",
        )


def _of_another(edge: Edge) -> Iterator[Wrong]:
    if not (edge.is_function and edge.row.family):
        return
    op = edge.value.op
    for other, row in OPS.items():
        if row.family == edge.row.family and other != op:
            text = f"the derivative of {other} in place of that of {describe(edge.value)}"
            everywhere = f"the derivative of {other} in place of that of {op} everywhere"
            by_output = [row.by_output(edge.out)] if row.by_output else []
            for number in (*by_output, edge.slope(other, None, edge.x)):
                if number != 1.0:  # the slope of relu: there the derivative is left out
                    yield Wrong(number, text, everywhere)


def _of_the_operand(edge: Edge) -> Iterator[Wrong]:
    rule = edge.row.by_output
    if rule and edge.is_function:
        x, own = name_of(edge.parent), name_of(edge.value)
        yield Wrong(
            rule(edge.x),
            f"{x} in place of {own} in the derivative of {describe(edge.value)}",
            f"z in place of a in the derivative of {edge.value.op} everywhere",
        )


def _at_another_point(edge: Edge) -> Iterator[Wrong]:
    if edge.is_function:
        op, what = edge.value.op, f"the derivative of {describe(edge.value)} is taken at"
        inner = name_of(edge.parent)
        if edge.row.form != "power":
            yield Wrong(
                edge.slope(op, None, edge.out),
                f"{what} its own output in place of {inner}",
                f"every derivative of {op} is taken at its own output",
            )
        for point in edge.parent.parents:
            number = edge.slope(op, None, edge.own.number(point))
            yield Wrong(number, f"{what} {name_of(point)} in place of {inner}")


def _of_a_neighbour(edge: Edge) -> Iterator[Wrong]:
    """A rule takes the output and the operand. Either may be the neighbour's, or both."""
    value, own = edge.value, edge.own
    if not edge.is_function:
        return
    for other in own.problem.alike[value.op]:
        if other is not value:
            out, x = own.number(other), own.number(other.parents[0])
            for a, z, first, second in (
                (out, x, other, other),
                (edge.out, x, value, other),
                (out, edge.x, other, value),
            ):
                text = _neighbour(value.op, name_of(value), name_of(first), name_of(second))
                yield Wrong(edge.slope(value.op, a, z), text)


def _neighbour(op: str, own: str, first: str, second: str) -> str:
    if op == "sigmoid":
        return f"the derivative of the wrong neuron: {first} (1 - {second}) in place of {own} (1 - {own})"
    place = "" if first == second else f" in its {'second' if first == own else 'first'} factor"
    return f"the derivative of the wrong neuron: {second if first == own else first} in place of {own}{place}"


def _twice(edge: Edge) -> Iterator[Wrong]:
    if edge.is_function:
        yield Wrong(
            edge.partial * edge.partial,
            f"the derivative of {describe(edge.value)} is multiplied twice",
            f"the derivative of {edge.value.op} is multiplied twice everywhere",
        )


def _exponent_left_out(edge: Edge) -> Iterator[Wrong]:
    if edge.row.form == "power" and edge.is_function:
        p = edge.own.number(edge.value.parents[1])
        if p:
            text = f"the exponent is left out in the derivative of {describe(edge.value)}"
            yield Wrong(edge.partial / p, text)


def _exponent_not_lowered(edge: Edge) -> Iterator[Wrong]:
    if edge.row.form == "power" and edge.is_function:
        p = edge.own.number(edge.value.parents[1])
        yield Wrong(p * edge.out, f"the exponent is not lowered in the derivative of {describe(edge.value)}")


def _in_degrees(edge: Edge) -> Iterator[Wrong]:
    if edge.row.angle and edge.is_function:
        text = f"degrees in place of radians in {describe(edge.value)}"
        for number in (
            edge.slope(edge.value.op, None, radians(edge.x)),
            degrees(edge.partial),
            radians(edge.partial),
        ):
            yield Wrong(number, text, "degrees in place of radians everywhere")


ROWS = (
    Mistake(
        "derivative-left-out",
        "the derivative of a function is left out",
        "the number is too large by 1 / f'(z); of a sigmoid at least 4 times",
        "By the chain rule what flows back through a = f(z) is multiplied by f'(z).",
        "Multiply by the derivative of the function, taken at the operand.",
        r"\delta = f'(z) \sum w \delta, \text{ not } \sum w \delta",
        at_each_edge(_left_out),
    ),
    Mistake(
        "function-for-derivative",
        "the function itself stands in place of its derivative",
        "a where f'(z) belongs",
        "The derivative of a function is another function, but for exp.",
        "For a sigmoid write a (1 - a), for tanh 1 - a².",
        r"f'(z) = a (1 - a), \text{ not } a",
        at_each_edge(_itself),
    ),
    Mistake(
        "part-of-derivative",
        "only a part of the derivative of the sigmoid",
        "1 - a, or a (1 + a), where a (1 - a) belongs",
        "The derivative of the sigmoid is the product of a and 1 - a.",
        "Write both factors, a and 1 - a.",
        r"\sigma'(z) = a (1 - a)",
        at_each_edge(_part_of_product),
    ),
    Mistake(
        "other-derivative",
        "the derivative of another function",
        "1 - a² for a sigmoid, a (1 - a) for a tanh, 1 / x for a logarithm to base 10",
        "Each function has its own derivative.",
        "Look up the derivative of this function.",
        r"\tanh'(z) = 1 - a^2, \quad \sigma'(z) = a (1 - a)",
        at_each_edge(_of_another),
    ),
    Mistake(
        "net-input-for-output",
        "the net input stands in place of the activation in a derivative",
        "z (1 - z) where a (1 - a) belongs",
        "The formula a (1 - a) is one in the output a = f(z), not in z.",
        "Take the activation a.",
        r"f'(z) = a (1 - a), \text{ not } z (1 - z)",
        at_each_edge(_of_the_operand),
    ),
    Mistake(
        "wrong-point",
        "the derivative is taken at another number than the operand",
        "f'(a) or f'(x) where f'(z) belongs",
        "In f(g(x)) the derivative of f is taken at g(x).",
        "Take the derivative at the number that the function was applied to.",
        r"(f \circ g)'(x) = f'(g(x)) g'(x)",
        at_each_edge(_at_another_point),
    ),
    Mistake(
        "wrong-neuron",
        "the derivative belongs to another neuron",
        "a_5 (1 - a_4) where a_5 (1 - a_5) belongs",
        "Each neuron has its own net input, and the derivative is taken there.",
        "Use the activation of the neuron whose delta it is.",
        r"\delta_i = f'(z_i) \sum_j w_{ji} \delta_j",
        at_each_edge(_of_a_neighbour),
    ),
    Mistake(
        "derivative-twice",
        "the derivative of a function is multiplied twice",
        "f'(z)² where f'(z) belongs",
        "It is part of delta already.",
        "Multiply by f'(z) once, when delta is computed.",
        r"\delta = f'(z) \sum w \delta, \text{ not } f'(z)^2 \sum w \delta",
        at_each_edge(_twice),
    ),
    Mistake(
        "exponent-left-out",
        "the exponent is left out as a factor",
        "of x³, x² in place of 3x²",
        "By the power rule the exponent comes down as a factor.",
        "Write the exponent in front.",
        r"(x^p)' = p\, x^{p-1}, \text{ not } x^{p-1}",
        at_each_edge(_exponent_left_out),
    ),
    Mistake(
        "exponent-not-lowered",
        "the exponent is not lowered by 1",
        "of x³, 3x³ in place of 3x²",
        "By the power rule the exponent is lowered by 1.",
        "Subtract 1 from the exponent.",
        r"(x^p)' = p\, x^{p-1}, \text{ not } p\, x^p",
        at_each_edge(_exponent_not_lowered),
    ),
    Mistake(
        "degrees",
        "degrees in place of radians everywhere",
        "a factor of 57.3 or 0.01745, or the number at x degrees",
        "sin' = cos holds for angles in radians.",
        "Set the calculator to radians.",
        r"\sin'(x) = \cos(x), \quad x \text{ in radians}",
        at_each_edge(_in_degrees),
    ),
)

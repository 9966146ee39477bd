"""No equation that is printed is false: each is read again and evaluated."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine import Value, atan2, equal, gaussian
from engine.ops import OPS
from engine.recording import recorder
from engine.show.explain import Explanation, explain
from engine.show.formulas import partial_formula
from engine.show.notation import ATOM, TEXT
from engine.show.text import parse_name
from engine.value import constant
from tests.tools.equations import check
from tests.tools.examples import examples

LABELS = ["v", "u", "a+b", "w_12^1", "delta_3", "rate of it"]
NUMBERS = st.floats(-3.0, 3.0) | st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6)


def numbers_of(explanation: Explanation) -> dict[str, float]:
    """The numbers of all names and of all derivatives, which come from `backward`."""
    selection, names = explanation.selection, explanation.names
    numbers: dict[str, float] = {}

    def add(name: str, x: float) -> None:
        assert name not in numbers, f"{name} means two things"
        numbers[name] = x

    output = selection.roots[0]
    output.backward()
    for value in selection.values:
        text = names.text[value][0]
        if selection.kind(value) == "constant":
            continue
        if value.label or text.startswith("#") or value is output or "…" in text:
            add(text, value.data)
            if TEXT.inside(names.text[value], ATOM) != text:
                add(TEXT.inside(names.text[value], ATOM), value.data)
        add(TEXT.derivative(names.atom(output), names.atom(value)), value.grad)
    for value, operation in selection.operations.items():
        for place, operand in enumerate(operation.operands):
            if selection.kind(operand.value) != "constant":
                partial = TEXT.partial(names.atom(value), names.atom(operand.value), place)
                add(partial, operand.partial)
    return numbers


def check_all(explanation: Explanation) -> int:
    numbers = numbers_of(explanation)
    lines = [text for text, _ in (*explanation.given, *explanation.gradient)]
    return sum(check(line, numbers) for line in (*lines, *(step.text for step in explanation.steps)))


@st.composite
def graphs(draw: st.DrawFn) -> Value:
    """A random graph over the whole table; some values named, some with the same name, some plain numbers."""
    values = [Value(draw(NUMBERS), f"x_{i}") for i in range(3)]
    values += [constant(draw(NUMBERS)) for _ in range(2)]
    for _ in range(draw(st.integers(1, 8))):
        op = OPS[draw(st.sampled_from(sorted(OPS)))]
        count = op.arity or draw(st.sampled_from([2, 4]))
        operands = [values[draw(st.integers(0, len(values) - 1))] for _ in range(count)]
        try:
            values.append(recorder(op)(*operands))
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        if draw(st.integers(0, 3)) == 0:
            values[-1].label = draw(st.sampled_from(LABELS))
    assume(values[-1].parents)
    return values[-1]


@settings(max_examples=examples(300), deadline=None)
@given(graphs(), st.none() | st.integers(1, 3))
def test_no_equation_of_a_graph_is_false(y: Value, depth: int | None) -> None:
    check_all(explain(y, depth=depth))


SPECIAL: list[Callable[[Value, Value], Value]] = [
    lambda a, b: a * a,
    lambda a, b: a * b + a,
    lambda a, b: (a.tanh() * 2.0 + a.tanh() * 3.0) * b,
    lambda a, b: (a * 1e-7) ** 2 + b,
    lambda a, b: abs(abs(a) - abs(b)),
    lambda a, b: -a * b - (a - b) / (a / b),
    lambda a, b: (-a) ** 2 - (a - 1.5) ** 3.0,
    lambda a, b: gaussian(a) * equal(a, b) + a.tanh(),
    lambda a, b: sum([b, a * b, Value(2.0), -a], a),
]


@pytest.mark.parametrize("make", SPECIAL)
def test_no_equation_of_a_special_graph_is_false(make: Callable[[Value, Value], Value]) -> None:
    explanation = explain(make(Value(0.5, "a"), Value(-1.5, "b")))
    assert check_all(explanation) > 2 * len(explanation.steps)


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(sorted(OPS)), st.lists(NUMBERS, min_size=4, max_size=4), st.integers(0, 3))
def test_no_formula_of_a_derivative_is_false_where_it_is_shown(
    name: str, numbers: list[float], place: int
) -> None:
    op = OPS[name]
    at = numbers[: op.arity or 4]
    try:
        out = recorder(op)(*map(Value, at))
    except (ValueError, OverflowError, ZeroDivisionError):
        return
    place %= len(at)
    formula = partial_formula(name, at, place)
    if formula is None:
        return
    letters = {parse_name(letter).text: x for letter, x in zip(op.letters(len(at)), at, strict=True)}
    derivative, _, _ = formula.text.partition(" = ")
    check(formula.text, {**letters, derivative: out.partials[place]})


@pytest.mark.parametrize(
    "line",
    [
        "y = a·b = 0.5 × 2 = 1.01",
        "y = a·b = 0.5 × 3 = 1.5",
        "y = b·b = 0.5 × 2 = 1",
        "∂y/∂a = ∂y/∂y · ∂₁y/∂a = 1 × 2 = 2",
        "∂y/∂a += ∂y/∂y · ∂₁y/∂a = 1 × 2 = 2 (1 → 4)",
    ],
)
def test_a_false_equation_is_seen(line: str) -> None:
    numbers = {"y": 1.0, "a": 0.5, "b": 2.0, "∂y/∂a": 3.0, "∂y/∂y": 1.0, "∂₁y/∂a": 2.0}
    with pytest.raises(AssertionError):
        check(line, numbers)
    assert check("y = a·b = 0.5 × 2 = 1", numbers) == 4
    assert check("∂y/∂a += ∂y/∂y · ∂₁y/∂a = 1 × 2 = 2 (1 → 3)", numbers) == 3


def test_a_zero_with_a_sign_shows_it_where_a_function_tells_it() -> None:
    y = atan2(Value(0.0, "y"), Value(-0.0, "x"))
    check_all(explain(y))
    assert "atan2(0, −0) = 3.142" in explain(y).steps[0].text
    assert (Value(-0.0, "x") * 2.0 + 1.0).explain().steps[0].text.startswith("x·2 = 0 × 2 = 0")

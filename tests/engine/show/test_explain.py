"""Explanations: what they say, that it is what `backward` does, and what is refused."""

import re
from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import engine
from engine import Value, exp, fsum, grad, log, logsumexp, relu, softmax, sqrt, sumprod, tanh
from engine.ops import OPS
from engine.recording import recorder
from engine.show.explain import (
    BackwardStep,
    Explanation,
    ForwardStep,
    HiddenPathsStep,
    SeedStep,
    ZeroStep,
    explain,
)
from engine.show.formulas import partial_formula
from engine.value import CONSTANT, constant
from nn.article.worked_example import INPUTS, TARGET, by_hand, network
from nn.losses import log_loss
from tests.engine.show.test_draw import HOSTILE, cards
from tests.tools.examples import examples


def lines(value: Value, **options: Any) -> list[str]:
    return [step.text for step in explain(value, **options).steps]


def leaves() -> tuple[Value, Value]:
    return Value(0.5, "a"), Value(-1.5, "b_1")


# --- The texts.


@pytest.mark.parametrize(
    ("make", "text", "latex"),
    [
        (lambda a, b: a * b, "y = a·b₁ = 0.5 × −1.5 = −0.75", r"a \cdot b_{1} = 0.5 \times {-1.5}"),
        (lambda a, b: a - b, "y = a − b₁ = 0.5 − −1.5 = 2", r"a - b_{1} = 0.5 - {-1.5}"),
        (lambda a, b: a / b, "y = a/b₁ = 0.5/(−1.5) = −0.3333", r"\frac{a}{b_{1}} = \frac{0.5}{{-1.5}}"),
        (lambda a, b: -b, "y = −b₁ = −(−1.5) = 1.5", r"-b_{1} = -\left({-1.5}\right)"),
        (lambda a, b: b**2, "y = b₁² = (−1.5)² = 2.25", r"{b_{1}}^{2} = {\left({-1.5}\right)}^{2}"),
        (lambda a, b: abs(b), "y = |b₁| = |−1.5| = 1.5", r"\left|b_{1}\right| = \left|{-1.5}\right|"),
        (lambda a, b: sqrt(a), "y = √(a) = √(0.5) = 0.7071", r"\sqrt{a} = \sqrt{0.5}"),
        (lambda a, b: a.cbrt(), "y = ∛(a) = ∛(0.5) = 0.7937", r"\sqrt[3]{a} = \sqrt[3]{0.5}"),
        (lambda a, b: a.log2(), "y = log₂(a) = log₂(0.5) = −1", r"\operatorname{log}_{2}\left(a\right)"),
        (lambda a, b: a.sigmoid(), "y = σ(a) = σ(0.5) = 0.6225", r"σ\left(a\right) = σ\left(0.5\right)"),
        (
            lambda a, b: sum([a, b, a, 2.0]),
            "y = a + b₁ + a + 2 = 0.5 + −1.5 + 0.5 + 2 = 1.5",
            "a + b_{1} + a + 2",
        ),
        (
            lambda a, b: sumprod([a, b], [b, 3.0]) + a,
            "y = a·b₁ + b₁·3 + a = 0.5 × −1.5 + −1.5 × 3 + 0.5 = −4.75",
            r"a \cdot b_{1} + b_{1} \cdot 3 + a",
        ),
        (
            lambda a, b: fsum([a] * 20),
            "y = a + a + a + a + a + a + … + a = 0.5 + 0.5 + 0.5 + 0.5 + 0.5 + 0.5 + … + 0.5 = 10",
            r"a + a + a + a + a + a + \dots + a",
        ),
        (
            lambda a, b: softmax([a, b, a])[1],
            "y = softmax(b₁, a, a) = softmax(−1.5, 0.5, 0.5) = 0.06338",
            r"\operatorname{softmax}\left(b_{1}, a, a\right)",
        ),
    ],
)
def test_a_forward_step_is_the_formula_the_numbers_and_the_result(
    make: Callable[..., Value], text: str, latex: str
) -> None:
    *_, step = (step for step in explain(make(*leaves())).steps if step.phase == "forward")
    assert step.text == text
    assert step.latex.startswith(f"y = {latex}")


def test_a_backward_step_is_an_edge_and_accumulation_is_seen() -> None:
    a, b = leaves()
    y = a * b + a.tanh()
    y.label = "c"
    assert lines(y)[3:] == [
        "∂c/∂c = 1",
        "∂c/∂(a·b₁) = ∂c/∂c · ∂₁c/∂(a·b₁) = 1 × 1 = 1",
        "∂c/∂tanh(a) = ∂c/∂c · ∂₂c/∂tanh(a) = 1 × 1 = 1",
        "∂c/∂a += ∂c/∂tanh(a) · ∂₁tanh(a)/∂a = 1 × 0.7864 = 0.7864 (0 → 0.7864)",
        "∂c/∂a += ∂c/∂(a·b₁) · ∂₁(a·b₁)/∂a = 1 × −1.5 = −1.5 (0.7864 → −0.7136)",
        "∂c/∂b₁ = ∂c/∂(a·b₁) · ∂₂(a·b₁)/∂b₁ = 1 × 0.5 = 0.5",
    ]
    assert explain(y).steps[7].latex == (
        r"\dfrac{\partial c}{\partial a} \mathrel{+}= "
        r"\dfrac{\partial c}{\partial \left(a \cdot b_{1}\right)} \cdot "
        r"\dfrac{\partial_{1} \left(a \cdot b_{1}\right)}{\partial a} = 1 \times {-1.5} = {-1.5}"
        r" \quad (0.7864 \to {-0.7136})"
    )


def test_an_operand_used_twice_gets_two_steps() -> None:
    x = Value(3.0, "x")
    assert lines(x * x)[2:] == [
        "∂y/∂x += ∂y/∂y · ∂₁y/∂x = 1 × 3 = 3 (0 → 3)",
        "∂y/∂x += ∂y/∂y · ∂₂y/∂x = 1 × 3 = 3 (3 → 6)",
    ]


def test_an_adjoint_of_0_passes_nothing_on_and_that_is_said() -> None:
    x = Value(-2.0, "x")
    steps = explain(relu(x) * 3 + relu(x * 5)).steps
    texts = [step.text for step in steps if step.phase == "backward"]
    assert "∂y/∂(x·5) = ∂y/∂relu(x·5) · ∂₁relu(x·5)/∂(x·5) = 1 × 0 = 0" in texts
    (nothing,) = (step for step in steps if isinstance(step, ZeroStep))
    assert nothing.text == "∂y/∂(x·5) = 0, which passes nothing on"
    assert not any("∂(x·5)/∂x" in text for text in texts)


def test_an_output_without_a_label_has_a_letter_that_is_free() -> None:
    a, y, f = Value(1.0, "a"), Value(2.0, "y"), Value(3.0, "f")
    assert lines(a * a)[0].startswith("y = ")
    assert lines(a * y)[0].startswith("f = ")
    assert lines(y * f)[0].startswith("output = ")


def test_plain_numbers_get_no_gradient_and_named_constants_do() -> None:
    a = Value(3.0, "a")
    named = constant(2.0)
    named.label = "k"
    assert len([step for step in explain(a**2 * named).steps if isinstance(step, BackwardStep)]) == 3
    assert "∂y/∂k = ∂y/∂y · ∂₂y/∂k = 1 × 9 = 9" in lines(a**2 * named)


def test_it_prints_what_is_given_both_passes_and_the_gradient() -> None:
    a, b = leaves()
    text = str(explain(a * b))
    assert text.startswith(
        "Given: a = 0.5, b₁ = −1.5\n\nForward\n1. y = a·b₁ = 0.5 × −1.5 = −0.75\n\nBackward\n2. "
    )
    assert text.endswith("\n\nGradient: ∂y/∂a = −1.5, ∂y/∂b₁ = 0.5")
    assert text.count("by the rule ∂(x·y)/∂x = y") == 1


def test_a_notebook_shows_markdown_and_a_terminal_text() -> None:
    a, b = leaves()
    explanation = explain(a * b)
    assert explanation._repr_mimebundle_() == {
        "text/markdown": explanation.markdown,
        "text/plain": str(explanation),
    }
    assert [line for line in explanation.markdown.splitlines() if line.startswith("**")] == [
        "**Given** $a = 0.5$, $b_{1} = {-1.5}$",
        "**Forward**",
        "**Backward**",
        r"**Gradient** $\dfrac{\partial y}{\partial a} = {-1.5}$, $\dfrac{\partial y}{\partial b_{1}} = 0.5$",
    ]
    numbers = re.findall(r"^(\d+)\. \$", explanation.markdown, re.MULTILINE)
    assert numbers == [str(n) for n in range(1, len(explanation.steps) + 1)]


@settings(max_examples=examples(60), deadline=None)
@given(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=12) | st.sampled_from(HOSTILE))
@example("$x$")
@example("</td>`**|_")
def test_any_label_leaves_the_latex_around_it_whole(label: str) -> None:
    x = Value(2.0, label)
    for step in explain(x * 3).steps:
        bare = re.sub(r"\\[$&#%_{}\\]", "", step.latex)
        assert "$" not in bare
        assert bare.count("{") == bare.count("}")
        assert not set(bare) & set("<>`*%~\n")
        assert "\n" not in step.text


def test_the_names_are_those_of_the_diagram() -> None:
    loss = log_loss(network()(INPUTS), TARGET)
    loss.label = "J"
    names = explain(loss).names.text
    drawn = list(cards(loss.draw(view="scalar")))
    assert sorted(name for name, _ in names.values()) == sorted(drawn)


def test_the_worked_example_is_explained_as_it_is_by_hand() -> None:
    loss = log_loss(network()(INPUTS), TARGET)
    truth = by_hand()
    explanation = explain(loss)
    found = {value.label: x for value, x in explanation.adjoints.items()}
    for name, x in truth.gradient.items():
        assert found[name] == pytest.approx(x, rel=1e-14)
    for i, delta in truth.delta.items():
        assert found[f"z_{i}"] == pytest.approx(delta, rel=1e-14)
    assert "z₄ = w₄₁·a₁ + w₄₂·a₂ = −0.5 × 0.69 + 0.4 × 0.6225 = −0.096" in str(explanation)


# --- The rules.


def test_every_rule_comes_to_the_partial_that_is_recorded() -> None:
    at = {"acosh": [1.5], "atanh": [0.3], "asin": [0.3], "acos": [-0.3]}
    ruled = set()
    for name, op in OPS.items():
        for numbers in ([0.7, 2.0, 3.0, 0.4], [-0.7, 3.0, -2.0, 1.0]):
            x = (at.get(name) or numbers)[: op.arity or (4 if name == "sumprod" else 3)]
            try:
                out = recorder(op)(*map(Value, x))
            except ValueError:
                continue
            for place, partial in enumerate(out.partials):
                rule = partial_formula(name, x, place)
                if rule is not None:
                    ruled.add(name)
                    assert rule.number == pytest.approx(partial, rel=1e-12)
                    assert "#" not in rule.text
    assert {"mul", "div", "pow", "tanh", "sigmoid", "exp", "log", "sqrt", "relu", "logsumexp"} <= ruled


@pytest.mark.parametrize(
    ("name", "at", "place", "text"),
    [
        ("tanh", [0.5], 0, "∂tanh(x)/∂x = sech²(x) = 1 − tanh(x)²"),
        ("sigmoid", [0.5], 0, "∂σ(x)/∂x = σ(x)·σ(−x)"),
        ("mul", [0.5, 2.0], 1, "∂(x·y)/∂y = x"),
        ("pow", [0.5, 2.0], 0, "∂(x^p)/∂x = p·x^(p − 1)"),
        ("pow", [0.5, 2.0], 1, "∂(x^p)/∂p = x^p·log(x)"),
        ("prod", [1.0, 2.0, 3.0], 1, "∂Π(x₁, x₂, x₃)/∂x₂ = x₁·x₃"),
        ("elu", [-1.0, 2.0], 0, "∂elu(x, α)/∂x = α·exp(x)"),
        ("softplus", [1.0], 0, "∂softplus(x)/∂x = σ(x) = 1/(1 + exp(−x))"),
        ("logsumexp", [1.0, 2.0, 3.0], 2, "∂log Σ exp(x₁, x₂, x₃)/∂x₃ = softmax(x₃, …)"),
        ("add", [1.0, 2.0], 0, None),
        ("elu", [1.0, 2.0], 0, None),
        ("fsum", [1.0] * 100, 0, None),
        ("prod", [1.0] * 100, 0, None),
    ],
)
def test_rules_as_text(name: str, at: list[float], place: int, text: str | None) -> None:
    rule = partial_formula(name, at, place)
    assert (rule.text if rule else None) == text


def test_a_factor_in_a_sum_of_products_has_the_rule_of_a_product() -> None:
    w, x, b = Value(2.0, "w"), Value(3.0, "x"), Value(1.0, "b")
    rules = {
        step.value.label: step.rule and step.rule.text
        for step in explain(sumprod([w], [x]) + b).steps
        if isinstance(step, BackwardStep)
    }
    assert rules == {"w": "∂(x·y)/∂x = y", "x": "∂(x·y)/∂y = x", "b": None}


# --- The numbers are those of `backward`, to the bit.

WITHIN = [
    "add",
    "add",
    "add",
    "sub",
    "mul",
    "neg",
    "tanh",
    "sin",
    "relu",
    "abs",
    "fsum",
    "sumprod",
    "max",
    "hypot",
]
INPUTS_OF_PROGRAMS = 3


@st.composite
def graphs(draw: st.DrawFn) -> Value:
    """A random graph, rich in sums of sums; some values named, some plain numbers."""
    numbers = draw(st.lists(st.floats(-2, 2) | st.just(0.1), min_size=3, max_size=3))
    values = [Value(x, f"x_{i}") for i, x in enumerate(numbers)]
    values.append(constant(draw(st.just(1.0) | st.floats(-2, 2))))
    for i in range(draw(st.integers(0, 14))):
        name = draw(st.sampled_from(WITHIN))
        arity = OPS[name].arity or draw(st.sampled_from([2, 4]))
        places = [draw(st.integers(0, len(values) - 1)) for _ in range(arity)]
        values.append(recorder(OPS[name])(*(values[place] for place in places)))
        if draw(st.integers(0, 4)) == 0:
            values[-1].label = f"v{i}"
    return values[-1]


def same(x: float, y: float) -> bool:
    return (x == y and str(x) == str(y)) or (isnan(x) and isnan(y))


@settings(max_examples=examples(300), deadline=None)
@given(graphs(), st.none() | st.integers(0, 4))
def test_adjoints_are_what_backward_puts_into_grad_to_the_bit(y: Value, depth: int | None) -> None:
    explanation = explain(y, depth=depth)
    sums: dict[Value, float] = {}
    for step in explanation.steps:
        match step:
            case SeedStep():
                sums[step.value] = 1.0
            case BackwardStep():
                assert same(sums.get(step.value, 0.0), step.before)
                assert same(step.after, step.before + step.contribution)
                assert same(step.upstream, sums[step.by])  # complete when it is passed on
                sums[step.value] = step.after
            case HiddenPathsStep():
                assert depth is not None
                sums[step.value] = step.after
    assert not any(hasattr(value, "_grad") for value in explanation.selection.order)
    y.backward()
    assert explanation.adjoints.keys() >= sums.keys()
    for value, x in explanation.adjoints.items():
        assert same(sums.get(value, 0.0), x)
        assert same(x, value.grad)


@settings(max_examples=examples(100), deadline=None)
@given(graphs())
def test_there_is_a_step_for_each_operation_and_for_each_edge_that_passes_something_on(y: Value) -> None:
    explanation = explain(y)
    operations = explanation.selection.operations
    adjoints = {**explanation.adjoints}
    forward = [step.value for step in explanation.steps if isinstance(step, ForwardStep)]
    assert forward == list(operations)
    edges = {(step.by, step.place) for step in explanation.steps if isinstance(step, BackwardStep)}
    assert edges == {
        (value, place)
        for value, operation in operations.items()
        for place, operand in enumerate(operation.operands)
        if adjoints[value] != 0.0 and (operand.value.kind != CONSTANT or operand.value.label)
    }
    assert len([step for step in explanation.steps if isinstance(step, SeedStep)]) == 1


def test_where_the_order_of_a_sum_matters_to_the_last_bit_it_is_that_of_backward() -> None:
    a = Value(1.0, "a")
    first = sumprod([a], [0.1])
    second = a * 0.2
    y = (first + second) + a * 0.3
    explanation = explain(y)
    y.backward()
    assert explanation.adjoints[a] == a.grad == 0.6
    assert 0.1 + 0.3 + 0.2 != 0.6  # operation by operation it would be this


def test_otherwise_the_edges_of_a_sum_come_one_after_the_other() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    y = a * b + b * c + c
    by = [step.by for step in explain(y).steps if isinstance(step, BackwardStep)]
    assert [value is y for value in by] == [True] * 3 + [False] * 4


def test_an_infinite_partial_behind_an_adjoint_of_0_makes_no_nan() -> None:
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x
    adjoints = explain(y).adjoints
    y.backward()
    assert adjoints[x] == x.grad == 1.0


def test_grad_is_left_alone_and_infinite_partials_are_explained() -> None:
    x = Value(0.0, "x")
    x.grad = 7.0
    explanation = explain(sqrt(x))
    assert explanation.adjoints[x] == float("inf")
    assert x.grad == 7.0
    assert explanation.steps[-1].text.endswith("= 1 × ∞ = ∞")


def test_derivatives_are_explained_too() -> None:
    x = Value(0.5, "x")
    (slope,) = grad(exp(x) * log(x), [x])
    (curvature,) = grad(slope, [x])
    assert explain(slope).adjoints[x] == pytest.approx(curvature.data, rel=1e-14)


# --- Parts, and refusals.


def test_a_part_is_completed_by_what_flows_elsewhere() -> None:
    a = Value(2.0, "a")
    b = tanh(a) * 3
    b.label = "b"
    steps = explain(a * b, depth=1).steps
    assert [step.text for step in steps] == [
        "y = a·b = 2 × 2.892 = 5.784",
        "∂y/∂y = 1",
        "∂y/∂a += ∂y/∂y · ∂₁y/∂a = 1 × 2.892 = 2.892 (0 → 2.892)",
        "∂y/∂b = ∂y/∂y · ∂₂y/∂b = 1 × 2 = 2",
        "∂y/∂a = 3.316, with the paths through values that are not shown (2.892 → 3.316)",
    ]


@pytest.mark.slow
def test_a_graph_too_large_is_refused_with_its_size_and_the_ways_out() -> None:
    x = Value(0.1, "x")
    for _ in range(100_000):
        x = tanh(x)
    message = (
        r"100,001 values .* an explanation shows at most 300 .*depth=3.*inner value.*model\.draw.*max_nodes"
    )
    for refused in (x.explain, x.play):
        with pytest.raises(ValueError, match=message):
            refused()
    assert len(x.explain(depth=3).steps) == 3 + 1 + 3


def test_a_leaf_assigned_after_recording_is_refused() -> None:
    x = Value(3.0, "x")
    y = x * x
    x.data = 4.0
    with pytest.raises(
        ValueError, match=r"mul was recorded as 9\.0, but with x = 4\.0.*Record again to explain it"
    ):
        y.explain()


def test_a_leaf_is_explained_in_one_step() -> None:
    explanation = Value(3.0, "x").explain()
    assert [step.text for step in explanation.steps] == ["∂x/∂x = 1"]
    assert str(explanation).startswith("Given: x = 3\n\nBackward\n1. ∂x/∂x = 1")


def test_the_function_and_the_method_are_the_same() -> None:
    a, b = leaves()
    y = a * b
    assert isinstance(engine.explain(y), Explanation)
    assert str(engine.explain(y)) == str(y.explain())
    assert repr(engine.explain(y)) == "<Explanation of y: 1 step forward, 3 backward>"


def test_a_sum_of_shares_is_explained() -> None:
    q: Sequence[Value] = [Value(0.3 * i, f"q_{i}") for i in range(3)]
    y = logsumexp(q) - softmax(q)[2]
    found = explain(y).adjoints
    y.backward()
    assert [found[x] for x in q] == [x.grad for x in q]

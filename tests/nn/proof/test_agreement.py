"""The three routes to a gradient: that they agree on any network, and that the report can fail."""

import json
import math
import random
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.console import Console

import engine
from engine import Value, fsum
from engine.check.high_precision import are_but_rounded
from engine.check.truth import Slope, Truth
from engine.graph import topological
from engine.ops import OPS
from engine.recording import recorder
from nn import ACTIVATIONS, LOSSES, MLP, AgreementReport, check_network, xor
from nn.activations import find_activation
from nn.losses import find_loss
from nn.proof import agreement
from nn.proof.agreement import RouteComparison
from nn.proof.delta_rule import ACTIVATIONS as ORACLE
from nn.proof.delta_rule import LOSSES as ORACLE_LOSSES
from tests.nn.truth import needed_output
from tests.tools.examples import examples

ANY = [*ACTIVATIONS]

Case = tuple[MLP, list[float], list[float], str]


@st.composite
def cases(draw: st.DrawFn, depth: int = 6, width: int = 16) -> Case:
    """A network of any activations, fully connected or sparse, with an example and a loss that fits."""
    loss = draw(st.sampled_from(list(LOSSES)))
    sizes = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    rng = random.Random(draw(st.integers(0, 2**32)))
    present = draw(st.sampled_from([1.0, 0.5]))

    def some(numbers: range) -> list[int]:
        return [j for j in numbers if rng.random() < present] or [numbers[-1]]

    model = MLP(
        sizes[0],
        sizes[1:],
        init=draw(st.sampled_from(["uniform", "xavier_normal"])),
        rng=rng,
        connections=[[some(range(m)) for _ in range(n)] for m, n in pairwise(sizes)],
        biases=[[rng.random() < present for _ in range(n)] for n in sizes[1:]],
    )
    for layer in model.layers:
        layer.activation = draw(st.sampled_from(ANY))
        if layer is model.layers[-1] and needed_output(loss):
            layer.activation = needed_output(loss)
        for neuron in layer.neurons:
            if neuron.b is not None:
                neuron.b.data = rng.uniform(-1, 1)
    x = [rng.uniform(-1, 1) for _ in range(sizes[0])]
    hard = draw(st.booleans())
    y = [float(i == 0) if hard else rng.random() for i in range(sizes[-1])]
    if find_loss(loss).output == "softmax":
        y = [y_i / math.fsum(y) for y_i in y]
    if needed_output(loss) == "sigmoid":  # where o rounds to a number near 1, 1 - o has few digits
        outputs = model(x)
        assume(all(o.data < 0.999 for o in (outputs if isinstance(outputs, list) else [outputs])))
    return model, x, y, loss


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(cases())
def test_reverse_mode_is_the_delta_rule_on_any_network(case: Case) -> None:
    model, x, y, loss = case
    report = check_network(model, [x], [y], loss, truth=False)
    report.raise_if_wrong()
    assert len(report.comparisons) == len(model.parameters())
    assert all(c.float_gap <= 1e-12 and c.exact_gap <= 2.0**-52 for c in report.comparisons)


@settings(max_examples=25)
@given(cases(depth=3, width=3))
def test_the_difference_agrees_on_any_small_network(case: Case) -> None:
    model, x, y, loss = case
    report = check_network(model, [x], [y], loss)
    report.raise_if_wrong()
    for c in report.comparisons:
        if c.truth is None:  # a dead relu puts what follows it at its kink, if there is no bias
            assert {layer.activation for layer in model.layers} & {"relu", "leaky_relu"}
            continue
        # By formula and by difference, both in high precision: they part only in the last place, or where
        # the function is so much larger than its slope that 60 digits end.
        assert abs(c.truth - c.delta_rule) <= 2 * math.ulp(c.delta_rule) + 1e-37


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(cases())
def test_the_gap_is_small_beside_the_gradient_itself_unless_terms_cancel(case: Case) -> None:
    model, x, y, loss = case
    for c in check_network(model, [x], [y], loss, truth=False).comparisons:
        if abs(c.delta_rule) > 1e-2 * c.scale:
            assert abs(c.engine - c.delta_rule) <= 1e-12 * abs(c.delta_rule)


@pytest.mark.parametrize(("z", "ok"), [(5.0, True), (25.0, False)])
def test_a_probability_that_is_sure_and_wrong_has_lost_its_digits_and_logits_have_not(
    z: float, ok: bool
) -> None:
    probability = MLP.from_weights([[[z]]], [[0.0]], ["sigmoid"])
    logit = MLP.from_weights([[[z]]], [[0.0]], ["identity"])
    assert check_network(probability, [[1.0]], [0.0], "log_loss").ok is ok
    assert check_network(logit, [[1.0]], [0.0], "log_loss_from_logits").ok


def test_it_is_the_mean_over_the_examples() -> None:
    model = network()
    X, y = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]], [1.0, 0.0, 1.0]
    report = check_network(model, X, y, "log_loss")
    report.raise_if_wrong()
    model.zero_grad()
    (fsum([find_loss("log_loss")(model(x_i), y_i) for x_i, y_i in zip(X, y, strict=True)]) / 3).backward()
    for c, p in zip(report.comparisons, model.parameters(), strict=True):
        assert c.label == p.label
        assert c.truth is not None
        for gradient in (c.engine, c.delta_rule, c.truth):
            assert gradient == pytest.approx(p.grad, rel=1e-14)
    assert report.examples == 3
    single = check_network(model, X[:1], y[:1], "log_loss").comparisons[0].engine
    assert single != pytest.approx(report.comparisons[0].engine, rel=1e-3)


def network(activation: str = "tanh", output: str = "sigmoid") -> MLP:
    return MLP(2, [3, 1], activation=activation, output=output, rng=random.Random(4))


def test_nobodys_gradient_changes() -> None:
    model = network()
    for i, p in enumerate(model.parameters()):
        p.grad = float(i)
    check_network(model, [[0.5, -1.0]], [1.0], "log_loss")
    assert [p.grad for p in model.parameters()] == [float(i) for i in range(len(model.parameters()))]


def test_the_loss_is_given_by_function_or_by_name() -> None:
    by_name, by_function = (
        check_network(network(), [[0.5, -1.0]], [1.0], loss) for loss in ("log_loss", LOSSES["log_loss"])
    )
    assert by_name == by_function


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_an_example_at_a_kink_is_no_disagreement(activation: str) -> None:
    """The input (0, 0) of exclusive or puts every net input at 0, where the biases are 0."""
    model = MLP(2, [4, 1], activation=activation, rng=random.Random(1))
    report = check_network(model, xor().X, xor().targets(), "log_loss_from_logits")
    report.raise_if_wrong()
    at_a_kink = [c.label for c in report.comparisons if c.truth is None]
    assert at_a_kink == ["b_1^1", "b_2^1", "b_3^1", "b_4^1"]  # a weight that multiplies 0 moves nothing
    assert "–" in str(report)
    smooth = check_network(model, xor().X[1:], xor().targets()[1:], "log_loss_from_logits")
    smooth.raise_if_wrong()
    assert all(c.truth is not None for c in smooth.comparisons)


# --- The report must be able to fail.


def report_of(activation: str, output: str, loss: str, targets: list[float]) -> AgreementReport:
    model = MLP(2, [4, len(targets)], activation=activation, output=output, rng=random.Random(4))
    return check_network(model, [[0.5, -1.0]], [targets], loss)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ANY)
@pytest.mark.parametrize("error", [1e-9, -1e-9, 1e-11])
def test_a_slightly_wrong_activation_of_the_oracle_is_caught(
    monkeypatch: pytest.MonkeyPatch, activation: str, error: float
) -> None:
    assert report_of(activation, "identity", "squared_error", [0.5, 0.25]).ok
    row, factor = ORACLE[activation], 1 + Decimal(error)
    wrong = replace(row, delta=lambda z, a, g: [d * factor for d in row.delta(z, a, g)])
    monkeypatch.setitem(ORACLE, activation, wrong)
    report = report_of(activation, "identity", "squared_error", [0.5, 0.25])
    assert not report.ok
    with pytest.raises(
        AssertionError, match=r" gradients disagree over 1 example; the worst is (.|\n)*DIFFER"
    ):
        report.raise_if_wrong()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_slightly_wrong_loss_of_the_oracle_is_caught(monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    output = needed_output(loss) or "identity"
    assert report_of("tanh", output, loss, [0.25, 0.75]).ok
    row, factor = ORACLE_LOSSES[loss], 1 + Decimal("1e-9")
    wrong = replace(row, derivative=lambda o, y: [d * factor for d in row.derivative(o, y)])
    monkeypatch.setitem(ORACLE_LOSSES, loss, wrong)
    report = report_of("tanh", output, loss, [0.25, 0.75])
    assert [c.label for c in report.comparisons if c.ok] == []


@pytest.mark.parametrize(
    ("activation", "rule"), [(a, a) for a in ACTIVATIONS if a in OPS and not find_activation(a).whole_layer]
)
def test_a_slightly_wrong_rule_of_the_engine_is_caught(
    monkeypatch: pytest.MonkeyPatch, activation: str, rule: str
) -> None:
    row = OPS[rule]

    def partials(m: Any, out: Any, *x: Any) -> tuple[Any, ...]:
        return tuple(d * (1 + 1e-9) for d in row.partials(m, out, *x))

    record = recorder(replace(row, partials=partials))
    parameter = {"leaky_relu": [0.01], "elu": [1.0]}.get(activation, [])
    monkeypatch.setitem(ACTIVATIONS, activation, lambda z: record(z, *map(Value, parameter)))
    report = report_of(activation, "identity", "squared_error", [0.5, 0.25])
    wrong = {c.label for c in report.comparisons if not c.ok}
    assert wrong
    assert wrong <= {c.label for c in report.comparisons if c.label.endswith("^1")}


def test_a_rule_that_is_slightly_wrong_in_sixty_digits_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The floats were recorded by the right rule: only what is computed again can show it."""
    row = OPS["tanh"]
    wrong = replace(row, partials=lambda m, out, x: [d * (1 + 1e-9) for d in row.partials(m, out, x)])
    monkeypatch.setitem(OPS, "tanh", wrong)
    report = report_of("tanh", "identity", "squared_error", [0.5, 0.25])
    assert max(c.float_gap for c in report.comparisons) < 1e-15
    assert [c.ok for c in report.comparisons] == [c.label.endswith("^2") for c in report.comparisons]


def test_a_slightly_wrong_truth_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = agreement._truths
    monkeypatch.setattr(agreement, "_truths", lambda *of: [slope * (1 + 1e-9) for slope in right(*of)])
    assert not report_of("tanh", "identity", "squared_error", [0.5, 0.25]).ok
    assert check_network(network(), [[0.5, -1.0]], [1.0], "log_loss", truth=False).ok


def test_a_truth_that_cannot_be_computed_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    unresolved = Slope("unresolved", None, None, None, 960, "no two runs agreed")
    monkeypatch.setattr(Truth, "slope", lambda *of: unresolved)
    monkeypatch.setattr(Truth, "confirms", lambda *of: False)
    report = check_network(network(), [[0.5, -1.0]], [1.0], "log_loss")
    assert not report.ok
    assert report.to_dict()["gradients"]["w_11^1"]["truth"] == "nan"


@pytest.mark.parametrize(
    ("comparison", "ok"),
    [
        (RouteComparison("w", 1.0, 1.0, 1.0, 1.0, 0.0), True),
        (RouteComparison("w", 1.0, 1.0, None, 1.0, 0.0), True),
        (RouteComparison("w", 0.0, 0.0, 0.0, 0.0, 0.0), True),
        (RouteComparison("w", 1.0 + 2.0**-52, 1.0, 1.0, 1.0, 2e-16), True),
        (RouteComparison("w", 1.0 + 1e-11, 1.0, 1.0, 1.0, 0.0), False),
        (RouteComparison("w", 1.0, 1.0, 1.0, 1.0, 1e-11), False),
        (RouteComparison("w", 1e-20, 0.0, 0.0, 1.0, 0.0), True),  # terms of 1 that cancel
        (RouteComparison("w", 1e-20, 0.0, 0.0, 1.0, 1e-11), False),
        (RouteComparison("w", 1e-20, 0.0, 0.0, 1e-20, 0.0), False),
        (RouteComparison("w", 1e-20, 0.0, 0.0, 0.0, 0.0), False),
        (RouteComparison("w", math.nan, 1.0, 1.0, 1.0, 0.0), False),
        (RouteComparison("w", 1.0, 1.0, math.nan, 1.0, math.inf), False),
        (RouteComparison("w", math.inf, 1.0, 1.0, 1.0, 0.0), False),
        (RouteComparison("w", 2.0, 1.0, 1.0, math.inf, 0.0), False),
        (RouteComparison("w", 2.0, 1.0, 1.0, math.nan, 0.0), False),
    ],
)
def test_what_counts_as_agreement(comparison: RouteComparison, ok: bool) -> None:
    assert comparison.ok is ok
    assert AgreementReport([comparison], 1, "squared_error").ok is ok


@pytest.mark.parametrize(
    ("comparison", "verdict", "ok"),
    [
        (RouteComparison("w", 1.0 + 1e-11, 1.0, 1.0, 1.0, 0.0, rounded=True), "rounding", True),
        (RouteComparison("w", 1.0 + 1e-7, 1.0, 1.0, 1.0, 0.0, rounded=True), "rounding", False),
        (RouteComparison("w", 1.0 + 1e-11, 1.0, 1.0, 1.0, 1e-11, rounded=True), "DIFFER", False),
        (RouteComparison("w", 1.0 + 1e-11, 1.0, 1.0, 1.0, 0.0), "DIFFER", False),
        (RouteComparison("w", math.inf, 1.0, 1.0, 1.0, 0.0), "DIFFER", False),
        (RouteComparison("w", 1.0, 1.0, math.nan, 1.0, math.nan), "not proved", False),
    ],
)
def test_rounding_and_what_is_left_open_are_no_disagreement(
    comparison: RouteComparison, verdict: str, ok: bool
) -> None:
    assert (comparison.verdict, comparison.ok) == (verdict, ok)
    assert ("DIFFER" in str(AgreementReport([comparison], 1, "squared_error"))) is (verdict == "DIFFER")


def one(z: float, activation: str) -> MLP:
    return MLP.from_weights([[[z]]], [[0.0]], [activation])


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("z", [36.0, 800.0, 1e4, 1e6])
def test_an_output_that_is_its_target_in_floats_is_no_disagreement(activation: str, z: float) -> None:
    """Beyond every precision of the check y - t may be 0 for all that balls tell, and its sign open."""
    report = check_network(one(z, activation), [[1.0]], [1.0], "squared_error")
    assert {c.verdict for c in report.comparisons} <= {"agree", "rounding"}, str(report)
    assert report.ok is (z > 400.0), str(report)  # else 0 is given for a gradient that floats can hold
    if not report.ok:
        assert report.headline.startswith("every rule is right, but rounding leaves few digits of 2 of 2")


def test_a_net_input_that_is_zero_in_floats_alone_is_no_disagreement() -> None:
    model = MLP.from_weights(
        [[[-500.0]], [[1.0]]], [[0.0], [0.0]], ["sigmoid", "leaky_relu"]
    )  # sigmoid(-500) is 7e-218: 1e-200 times that is 0
    model.layers[1].neurons[0].w[0].data = 1e-200
    report = check_network(model, [[1.0]], [1.0], "squared_error")
    verdicts = {c.label: c.verdict for c in report.comparisons}
    assert verdicts["b_1^2"] == "rounding", str(report)  # its slope is 0.01 at 0, and 1 beside it


def test_a_float_that_does_not_follow_from_the_others_is_not_called_rounding() -> None:
    x = Value(0.5, "x")
    y = engine.tanh(x) * x
    y.backward()
    assert are_but_rounded(topological([y]))
    x.grad *= 1.0 + 1e-9
    assert not are_but_rounded(topological([y]))


def test_a_report_of_nothing_is_not_ok() -> None:
    assert not AgreementReport([], 1, "squared_error").ok


def test_the_gap_is_counted_in_units_in_the_last_place() -> None:
    assert RouteComparison("w", 1.0 + 3 * 2.0**-52, 1.0, None, 1.0, 0.0).ulp == 3.0
    assert RouteComparison("w", 0.0, 0.0, None, 1.0, 0.0).ulp == 0.0
    assert RouteComparison("w", 5e-324, 0.0, None, 1.0, 0.0).ulp == 1.0


# --- What the report says.

WRONG = AgreementReport(
    [
        RouteComparison("w_11^1", 0.5, 0.5, 0.5, 1.0, 0.0),
        RouteComparison("w_12^1", 0.25, 0.75, 0.75, 1.0, 0.0),
        RouteComparison("b_1^1", 1.0, 1.0 + 1e-9, None, 2.0, 0.0),
    ],
    2,
    "squared_error",
)


def test_a_wrong_report_names_the_worst_and_marks_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert WRONG.headline == "2 of 3 gradients disagree over 2 examples; the worst is w_12^1, by 5.0e-01"
    lines = str(WRONG).splitlines()
    assert lines[:2] == [WRONG.headline, ""]
    assert [line.split()[0] for line in lines[2:]] == ["parameter", "w_11^1", "w_12^1", "b_1^1"]
    assert [line.split()[-1] for line in lines[3:]] == ["agree", "DIFFER", "DIFFER"]
    assert "–" in lines[5]
    assert str(WRONG).count(WRONG.headline) == 1
    assert replace(WRONG, loss="log_loss").headline.endswith("close to 0 or 1: use log_loss_from_logits")
    with pytest.raises(AssertionError, match="w_12"):
        WRONG.raise_if_wrong()
    Console(width=120).print(WRONG)
    assert "DIFFER" in capsys.readouterr().out


def test_the_largest_gaps_come_first_and_the_verdict_stays_that_of_all() -> None:
    first = WRONG.worst_first(1)
    assert [line.split()[0] for line in str(first).splitlines()[3:4]] == ["w_12^1"]
    assert "the 1 largest gaps of 3" in str(first)
    assert first.headline == WRONG.headline
    assert WRONG.worst_first(3) is WRONG


def test_a_notebook_shows_the_table() -> None:
    shown = WRONG._repr_mimebundle_(include=(), exclude=())
    assert "w_12^1" in shown["text/html"]
    assert "DIFFER" in shown["text/plain"]


def test_the_report_is_plain_data() -> None:
    data = json.loads(json.dumps(WRONG.to_dict()))
    assert (data["ok"], data["examples"]) == (False, 2)
    assert data["gradients"]["w_11^1"] == {
        "engine": 0.5, "delta_rule": 0.5, "truth": 0.5, "ulp": 0.0, "exact_gap": 0.0,
        "verdict": "agree", "ok": True,
    }  # fmt: skip
    assert data["gradients"]["b_1^1"]["truth"] is None
    assert list(data["gradients"]) == ["w_11^1", "w_12^1", "b_1^1"]


@pytest.mark.parametrize(
    ("X", "y", "loss", "message"),
    [
        ([], [], "log_loss", "the given data is empty"),
        ([[1.0, 2.0]], [], "log_loss", "the given data has 1 rows of inputs and 0 targets"),
        ([[1.0]], [1.0], "log_loss", "layer 1 expects 2 inputs, got 1"),
        ([[1.0, 2.0]], [[1.0, 0.0]], "log_loss", "the loss got 1 outputs and 2 targets"),
        ([[1.0, 2.0]], [1.0], "hinge", "unknown loss 'hinge'"),
        ([[1.0, math.nan]], [1.0], "log_loss", "contains a number that is not finite"),
        ([[1.0, 2.0]], [1.0], lambda o, y: o, "needs its own closed form of '<lambda>': add a row"),
    ],
)
def test_what_does_not_fit_is_refused(X: Any, y: Any, loss: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_network(network(), X, y, loss)

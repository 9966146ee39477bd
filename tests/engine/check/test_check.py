"""The check itself is checked: it passes what is right, fails what is wrong, and says why."""

import dataclasses
import io
import json
import math
import os
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

import engine
from engine import (
    GradientError,
    GradientReport,
    Value,
    abs,
    assert_gradients,
    check_gradients,
    cos,
    exp,
    fsum,
    log,
    max,
    min,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    step,
    sumprod,
    tanh,
)
from engine.check.frameworks import FRAMEWORKS
from engine.check.replayed import Replayed
from engine.check.subject import Subject
from engine.check.truth import Slope, exact
from engine.check.verdict import FULL_DIGITS, known_digits, right_digits
from engine.graph import topological
from engine.numbers.multiprecision import Multiprecision
from engine.ops import OPS
from engine.value import Value as EngineValue
from tests.tools.flat import flat

mp = mpmath.mp.clone()
mp.dps = 50

# --- Planted errors. Every other checker, at its defaults, passes a flipped sign at some of these points.

POINTS: list[tuple[str, Callable[[Any], Any], float, Callable[[Any], Any]]] = [
    ("tanh", tanh, 0.7, lambda x: mp.sech(x) ** 2),
    ("tanh in the tail", tanh, 15.0, lambda x: mp.sech(x) ** 2),
    ("sigmoid in the tail", sigmoid, 30.0, lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2),
    ("sigmoid in the other tail", sigmoid, -30.0, lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2),
    ("log near 0", log, 1e-8, lambda x: 1 / x),
    ("log", log, 1e-3, lambda x: 1 / x),
    ("x to the x", lambda x: x**x, 2.5, lambda x: x**x * (mp.log(x) + 1)),
    ("1/x near 0", lambda x: 1 / x, 1e-6, lambda x: -1 / x**2),
    ("1/x", lambda x: 1 / x, 0.01, lambda x: -1 / x**2),
    ("exp of sin", lambda x: exp(sin(x)), 2.0, lambda x: mp.exp(mp.sin(x)) * mp.cos(x)),
    ("softplus", softplus, 40.0, lambda x: 1 / (1 + mp.exp(-x))),
    ("softplus in the tail", softplus, -40.0, lambda x: 1 / (1 + mp.exp(-x))),
    ("sqrt near 0", sqrt, 1e-10, lambda x: 1 / (2 * mp.sqrt(x))),
    ("fast sine", lambda x: sin(1000.0 * x), 0.5, lambda x: 1000 * mp.cos(1000 * x)),
    ("large square", lambda x: x * x, 1e6, lambda x: 2 * x),
    ("exp", exp, 20.0, mp.exp),
    ("small sine", lambda x: 1e-6 * sin(x), 1.0, lambda x: mp.mpf(1e-6) * mp.cos(x)),
    ("small cube", lambda x: x**3, 1e-3, lambda x: 3 * x**2),
]


@pytest.mark.parametrize(("f", "x", "derivative"), [p[1:] for p in POINTS], ids=[p[0] for p in POINTS])
class TestPlantedErrors:
    def test_the_right_gradient_passes(
        self, f: Callable[[Any], Any], x: float, derivative: Callable[[Any], Any]
    ) -> None:
        truth = float(derivative(mp.mpf(x)))
        report = check_gradients(f, [x], claimed=[truth])
        assert report.ok, str(report)
        assert report.comparisons[0].truth == truth
        assert list(report.verdicts.values()) == ["right"]

    @pytest.mark.parametrize("factor", [1 + 1e-9, 1 + 1e-5, 1.0005, 0.9, -1.0, 2.0, 0.0, math.nan])
    def test_a_wrong_gradient_fails(
        self, f: Callable[[Any], Any], x: float, derivative: Callable[[Any], Any], factor: float
    ) -> None:
        report = check_gradients(f, [x], claimed=[factor * float(derivative(mp.mpf(x)))])
        assert not report.ok
        assert list(report.verdicts.values()) == ["wrong"]


# --- The whole table: random programs raise no false alarm, and every rule bent by 1e-9 is caught.


def random_program(rng: random.Random) -> tuple[Callable[..., Any], list[float]]:
    """Some operations of the table at random operands, made so that the point is inside every domain."""
    point = [rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-2.0, 1.0) for _ in range(3)]
    program: list[tuple[str, list[int]]] = []
    values = [Value(x) for x in point]
    while len(program) < 8:
        name = rng.choice(list(OPS))
        arity = OPS[name].arity or rng.choice([2, 4])
        operands = [rng.randrange(len(values)) for _ in range(arity)]
        try:
            value = flat(name)(*[values[i] for i in operands])
        except (ValueError, ArithmeticError):
            continue
        if 1e-6 < math.fabs(value.data) < 1e6:
            values.append(value)
            program.append((name, operands))

    def f(x: Any, y: Any, z: Any) -> Any:
        values = [x, y, z]
        for name, operands in program:
            values.append(flat(name)(*[values[i] for i in operands]))
        return fsum(values)

    return f, point


def test_no_false_alarm_over_random_programs() -> None:
    """DELTAGRAD_RANDOM_PROGRAMS=600 runs as many; the benchmark does."""
    used: set[str] = set()
    for seed in range(int(os.environ.get("DELTAGRAD_RANDOM_PROGRAMS", "120"))):
        f, point = random_program(random.Random(seed))
        used |= {v.op for v in topological([f(*map(Value, point))])}
        report = check_gradients(f, point)
        assert "wrong rule" not in report.verdicts.values(), f"seed {seed}\n{report}"
        assert "detached" not in report.verdicts.values(), f"seed {seed}\n{report}"
    assert used >= set(OPS)


OPERANDS: dict[str, Sequence[float]] = {
    "acosh": [1.7],
    "equal": [0.5, 0.7],
    "where": [1.0, 0.3, 0.6],
    "leaky_relu": [-0.4, 0.1],
    "elu": [-0.4, 1.3],
}


def operands_of(name: str) -> Sequence[float]:
    return OPERANDS.get(name, [0.3, 0.6, 0.8, 0.45][: OPS[name].arity or 4])


@pytest.mark.parametrize("name", OPS)
def test_every_rule_is_right(name: str) -> None:
    assert_gradients(lambda *x: flat(name)(*x), operands_of(name))


@pytest.mark.parametrize("name", OPS)
def test_a_rule_that_is_off_by_1e_9_is_caught_and_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = OPS[name]

    def bent(m: Any, out: Any, *x: Any) -> list[Any]:
        return [p * (1.0 + 1e-9) if p else p + 1e-9 for p in row.partials(m, out, *x)]

    monkeypatch.setitem(OPS, name, dataclasses.replace(row, partials=bent))
    f = flat(name)
    report = check_gradients(lambda *x: tanh(f(*x)) * 0.5, operands_of(name))
    verdicts = {c.finding.verdict for c in report.comparisons}
    assert verdicts == {"wrong rule"}
    for c in report.comparisons:
        assert c.finding.why.startswith(f"the rule of {name} gives ")
        assert "; also" not in c.finding.why


# --- Kinks: the slopes on both sides.

KINKS: list[tuple[str, Callable[[Any], Any], float, str, float | None, float | None, bool]] = [
    ("relu", relu, 0.0, "kink", 0.0, 1.0, True),
    ("abs", abs, 0.0, "kink", -1.0, 1.0, True),
    ("abs beside its kink", abs, 1e-7, "right", 1.0, 1.0, True),
    ("tie of max", lambda x: max(x, 1.0), 1.0, "kink", 0.0, 1.0, True),
    ("edge of clip", lambda x: min(max(x, -1.0), 1.0), 1.0, "kink", 1.0, 0.0, True),
    ("x |x|", lambda x: x * abs(x), 0.0, "right", 0.0, 0.0, True),
    ("floor", lambda x: x * 0.0 + math.floor(x), 1.0, "kink", math.inf, 0.0, False),
    ("step", step, 0.0, "kink", 0.0, math.inf, False),
    ("root of abs", lambda x: sqrt(abs(x)), 0.0, "kink", -math.inf, math.inf, False),
    ("kinks that cancel", lambda x: relu(x) - relu(-x), 0.0, "kink", 1.0, 1.0, False),
    ("root at 0", sqrt, 0.0, "edge", None, math.inf, False),
    ("cube root at 0", engine.cbrt, 0.0, "kink", math.inf, math.inf, True),
]


@pytest.mark.parametrize(
    ("f", "x", "verdict", "left", "right", "ok"), [k[1:] for k in KINKS], ids=[k[0] for k in KINKS]
)
def test_kinks(
    f: Callable[[Any], Any], x: float, verdict: str, left: float | None, right: float | None, ok: bool
) -> None:
    report = check_gradients(f, [x])
    (c,) = report.comparisons
    assert (c.finding.verdict, c.left, c.right, c.ok) == (verdict, left, right, ok)


def test_a_kink_says_whose_convention_the_engine_follows() -> None:
    why = check_gradients(relu, [0.0]).comparisons[0].finding.why
    assert why == (
        "the slopes on the two sides differ: 0 on the left, 1 on the right; the engine gives 0, by the "
        "convention of relu"
    )


@pytest.mark.parametrize(
    ("claim", "ok"), [("0.5", True), ("0", True), ("1", True), ("1.5", False), ("-1", False)]
)
def test_at_a_kink_any_slope_between_the_two_is_right(claim: str, ok: bool) -> None:
    assert check_gradients(relu, [0.0], claimed=[claim]).ok is ok


# --- Rounding.


def test_digits_lost_forwards_are_counted_and_found() -> None:
    report = check_gradients(lambda x: (1.0 - cos(x)) * 1.0 / (x * x), x=1e-4)
    finding = report.comparisons[0].finding
    assert finding.verdict == "rounding"
    assert not report.ok
    assert finding.digits < 8.0
    assert "in the forward pass, at sub(1," in finding.why or "in the backward pass" in finding.why


def test_few_digits_are_enough_if_one_says_so() -> None:
    def f(x: Any) -> Any:
        return (1.0 - cos(x)) / x  # about 8 digits are lost, and the derivative is 1/2

    digits = check_gradients(f, x=1e-4).comparisons[0].finding.digits
    assert 5.0 < digits < 12.0
    assert check_gradients(f, x=1e-4, digits=digits - 1).ok
    assert not check_gradients(f, x=1e-4, digits=digits + 1).ok


def test_a_vanishing_gradient_is_not_zero() -> None:
    def contracted(x: Any) -> Any:
        for _ in range(100):
            x = tanh(0.18 * x)
        return x

    report = check_gradients(contracted, x=0.5)
    assert report.ok
    assert 0.0 < report.comparisons[0].engine < 1e-70
    assert not check_gradients(contracted, x=0.5, claimed=[0.0]).ok


# --- What f does wrong is said before any number is judged.


def assigns(x: Any) -> Any:
    y = x * x
    x.data = 5.0
    return y


def shortens(w: list[Any]) -> Any:
    return w.pop() * w[0]


FAULTS: list[tuple[Callable[..., Any], Sequence[Any], str]] = [
    (lambda x: x * random.random(), [2.0], "f is not deterministic: two runs at the same point gave"),
    (assigns, [2.0], "f assigns its input: x was 2.0 and is 5.0 afterwards"),
    (shortens, [[2.0, 3.0]], "f changes the list it was given"),
    (lambda x: [x, x], [2.0], "f returns a list of 2, not one Value"),
    (lambda x: x.data, [2.0], "f returns float 2.0, not a Value"),
    (lambda x: None, [2.0], "f returns None, not a Value. Is a return missing?"),
    (lambda x: log(x), [-2.0], "f raises ValueError at the point: log(x) is undefined"),
    (lambda x: x * math.inf, [2.0], "f is inf at the point"),
    (lambda x: x * dict[str, float]()["rate"], [2.0], "f raises KeyError at the point: 'rate'"),
    (lambda x: x + "1", [2.0], "f raises TypeError at the point: a Value holds one real number, not str"),
]


@pytest.mark.parametrize(("f", "at", "words"), FAULTS)
def test_faults_of_f(f: Callable[..., Any], at: Sequence[Any], words: str) -> None:
    report = check_gradients(f, at)
    assert not report.ok
    assert report.verdicts == {}
    assert report.headline.startswith(f"no gradient could be checked: {words}")
    with pytest.raises(GradientError, match="no gradient could be checked"):
        report.raise_if_wrong()


NOT_CHOSEN: list[tuple[Callable[..., Any], dict[str, Any], list[str]]] = [
    (lambda x, y: x * x, {"x": 2.0, "y": 3.0}, ["y"]),
    (lambda x, y: x if x > y else y, {"x": 3.0, "y": 1.0}, ["y"]),
    (lambda x, y: x if x.data > y.data else y, {"x": 3.0, "y": 1.0}, ["y"]),
    (lambda w: sorted(w)[0] ** 2, {"w": [2.0, 1.0, 3.0]}, ["w[0]", "w[2]"]),
]


@pytest.mark.parametrize(("f", "at", "without"), NOT_CHOSEN)
def test_an_input_without_influence_is_right_and_named(
    f: Callable[..., Any], at: dict[str, Any], without: list[str]
) -> None:
    report = check_gradients(f, at)
    assert report.ok
    assert [name for name, verdict in report.verdicts.items() if verdict == "ignored"] == without
    has = "has" if len(without) == 1 else "have"
    assert f"{', '.join(without)} {has} no influence at this point" in str(report)
    assert "every derivative is 0" not in str(report)


def test_a_function_that_uses_no_input_says_that_every_derivative_is_0() -> None:
    report = check_gradients(lambda x, y: Value(1.0), x=2.0, y=3.0)
    assert "x, y have no influence at this point" in str(report)
    assert "every derivative is 0 here" in str(report)


def test_an_influence_too_small_for_doubles_is_seen() -> None:
    assert check_gradients(lambda x, y: 1e20 * x + float(y), x=2.0, y=3.0).verdicts["y"] == "detached"
    assert check_gradients(lambda x, y: 1e20 * x + y.data, x=2.0, y=3.0).verdicts["y"] == "detached"


def test_no_internal_name_is_shown_for_a_function_that_takes_no_other_numbers() -> None:
    def looks_inside(x: Any) -> Any:
        return x * x if type(x.data) is float else x + [1.0][x]

    report = check_gradients(looks_inside, x=3.0)
    assert report.ok
    assert "list indices must be integers or slices, not Value" in str(report)
    assert "Replayed" not in str(report)


@pytest.mark.parametrize("digits", [-1.0, 18.0, 100.0, math.nan])
def test_digits_that_a_double_cannot_have_are_refused(digits: float) -> None:
    with pytest.raises(ValueError, match="a double has up to 17"):
        check_gradients(lambda x: x * x, x=1.0, digits=digits)


def test_an_unrecorded_use_is_named() -> None:
    assert check_gradients(lambda x: x * x.data, x=2.0).verdicts == {"x": "detached"}
    assert check_gradients(lambda x: x * math.exp(x.data), x=2.0).verdicts == {"x": "detached"}
    assert check_gradients(lambda x, y: x * y.data, x=2.0, y=3.0).verdicts["y"] == "detached"


def test_a_gradient_of_zeros_is_told() -> None:
    assert "every derivative is 0 here" in str(check_gradients(lambda x: x * x, x=0.0))
    assert "every derivative is 0 here" not in str(check_gradients(lambda x: x * x, x=1.0))


@pytest.mark.parametrize(
    ("claimed", "words"),
    [
        ({}, "nothing is claimed for x, y"),
        ({"x": 1.0, "y": 1.0, "z": 1.0}, "f has no z; it has x, y"),
        ([1.0], "1 derivatives are claimed, but f has 2: x, y"),
        (1.0, "the claimed gradient is float; give one number for each of x, y"),
        ([1.0, None], "the claim for y: a Value holds one real number, not NoneType None"),
        ({"x": "1,0", "y": "2"}, "the claim for x: '1,0' is not a number"),
        ({"x": True, "y": 1.0}, "the claim for x: a Value holds one real number, not bool True"),
        ([[1.0], [2.0]], "the claimed gradient[0] is a list; expected one number, as in the point"),
    ],
)
def test_names_lengths_and_types_come_before_values(claimed: Any, words: str) -> None:
    report = check_gradients(lambda x, y: x + y, x=1.0, y=2.0, claimed=claimed)
    assert report.headline.startswith(f"no gradient could be checked: {words}")
    assert not report.ok


def test_nothing_compared_is_a_failure() -> None:
    assert not GradientReport().ok
    assert GradientReport().headline == "no gradient could be checked: there is none"
    with pytest.raises(GradientError):
        GradientReport().raise_if_wrong()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"f": exp, "at": {}}, ValueError, "the point has no numbers"),
        ({"f": exp, "at": [math.inf]}, ValueError, "x = inf: a derivative is taken at finite numbers"),
        ({"f": sum, "w": np.ones(2)}, TypeError, "f has no w. It takes iterable, start"),
        ({"f": sin, "x": memoryview(b"1")}, TypeError, r"x is memoryview; .* give x.tolist\(\)"),
        ({"f": exp, "at": ["1"]}, TypeError, "x: a Value holds one real number, not str '1'"),
        ({"f": exp, "at": "1"}, TypeError, "give a dict, a sequence or keywords"),
        ({"f": 3.0, "at": [1.0]}, TypeError, "give a function of Values"),
        ({"f": exp, "at": [1.0], "x": 1.0}, TypeError, "give the point once"),
        ({"f": exp, "at": [1.0], "order": 3}, ValueError, "order is 3"),
        ({"f": exp, "at": [1.0], "against": "tensorflow"}, ValueError, "unknown framework 'tensorflow'"),
    ],
)
def test_what_is_no_question_raises(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_gradients(**arguments)


# --- Ways to ask.


def test_points_by_name_in_order_and_nested() -> None:
    def f(w: Any, b: Any) -> Any:
        return sumprod(w[0], [1.0, 2.0]) * w[1][0] + b

    for report in (
        check_gradients(f, {"w": [[1.0, 2.0], [3.0]], "b": 4.0}),
        check_gradients(f, [[[1.0, 2.0], [3.0]], 4.0]),
        check_gradients(f, w=[[1.0, 2.0], [3.0]], b=4.0),
    ):
        assert report.ok
        assert {c.name: c.truth for c in report.comparisons} == {
            "w[0][0]": 3.0,
            "w[0][1]": 6.0,
            "w[1][0]": 5.0,
            "b": 1.0,
        }


def test_a_recorded_value_is_checked_by_its_leaves_and_stays_as_it_is() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = a * b
    a.grad = 7.0
    report = check_gradients(y * y, claimed={"a": 36.0, "b": 24.0})
    assert report.ok
    assert "the recorded graph" in report.reference
    assert (a.grad, b.grad, y.grad) == (7.0, 0.0, 0.0)
    assert check_gradients(y * y, [b]).verdicts == {"b": "right"}


def test_branches_are_taken_anew_by_the_function_itself() -> None:
    def f(x: Any) -> Any:
        return x * x if x > 1.0 else 3.0 * x

    report = check_gradients(f, x=1.0)
    assert report.verdicts == {"x": "kink"}
    assert (report.comparisons[0].left, report.comparisons[0].truth) == (3.0, None)


def test_a_claim_may_be_a_function() -> None:
    assert check_gradients(lambda x, y: x * y, x=2.0, y=3.0, claimed=lambda x, y: {"x": y, "y": x}).ok
    assert not check_gradients(lambda x, y: x * y, x=2.0, y=3.0, claimed=lambda x, y: [x, y]).ok
    raising = check_gradients(lambda x: x * x, x=2.0, claimed=lambda x: 1.0 / (x - 2.0))
    unchecked = "no gradient could be checked: the claimed gradient raises"
    unchecked = "no gradient could be checked: the claimed gradient raises"
    assert raising.headline.startswith(f"{unchecked} ZeroDivisionError")
    absent = check_gradients(lambda x: x * x, x=2.0, claimed=lambda x: {}[x])
    assert absent.headline == f"{unchecked} KeyError: 2.0"


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("-0.0497", True),
        ("-0.04968", True),
        ("-0.0496817430", True),
        ("-4.97e-2", True),
        ("−0.0497", True),
        ("-0.0496", False),
        ("-0.0498", False),
        ("-0.04969", False),
        ("0.0497", False),
        ("nan", False),
    ],
)
def test_printed_numbers_claim_their_decimals(text: str, ok: bool) -> None:
    assert check_gradients(lambda x: -0.049681742967923215 * x, x=1.0, claimed={"x": text}).ok is ok


def test_a_branch_on_a_float_is_proved_and_a_float_in_the_sum_is_told() -> None:
    def f(x: Any) -> Any:
        return x * x * (2.0 if float(x) > 0.0 else 3.0)

    report = check_gradients(f, x=1.5)
    assert report.ok
    assert report.reference == "the function itself, over balls of 192 bits"
    assert not check_gradients(f, x=1.5, claimed={"x": 6.0001}).ok
    reference = check_gradients(lambda x: x * float(x), x=1.5).reference
    assert reference.endswith("f computes with floats taken out of Values")


def test_a_function_that_differentiates_inside_is_checked_by_its_graph() -> None:
    report = check_gradients(lambda x: engine.grad(exp(x * x), [x])[0], x=0.5)
    assert report.ok
    assert "(as the function takes derivatives inside)" in report.reference
    assert report.comparisons[0].truth == pytest.approx(
        3.0 * math.exp(0.25), rel=1e-15
    )  # (2 + 4 x^2) e^(x^2)


def test_second_derivatives() -> None:
    report = check_gradients(lambda x, y: x * exp(y) * sin(x), x=2.0, y=0.5, order=2)
    assert report.ok
    e = math.exp(0.5)
    truths = [e * (2.0 * math.cos(2.0) - 2.0 * math.sin(2.0)), e * (math.sin(2.0) + 2.0 * math.cos(2.0))]
    assert [c.name for c in report.comparisons] == ["x, x", "x, y", "y, y"]
    assert [c.truth for c in report.comparisons[:2]] == pytest.approx(truths, rel=1e-14)


def test_a_second_derivative_that_is_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    row = OPS["tanh"]
    bent = dataclasses.replace(row, partials=lambda m, out, x: (m.sech2(x) * (1.0 + 1e-9 * x),))
    monkeypatch.setitem(OPS, "tanh", bent)
    report = check_gradients(flat("tanh"), [0.4], order=2)
    assert report.verdicts == {"x_1, x_1": "wrong rule"}
    assert "tanh is at fault" in report.comparisons[0].finding.why


def test_second_derivatives_at_a_kink_are_not_passed() -> None:
    assert not check_gradients(lambda x: relu(x) * x, x=0.0, order=2).ok


# --- Other frameworks.


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax", "autograd"])
def test_other_frameworks_side_by_side(framework: str) -> None:
    pytest.importorskip(framework)

    def f(w: Any, b: Any) -> Any:
        return softplus(sumprod(w, [0.5, -2.0]) + b) * exp(-b) + relu(w[0]) - log(sigmoid(b))

    report = check_gradients(f, w=[0.3, -0.1], b=0.7, against=framework)
    assert report.ok, str(report)
    assert [set(c.opinions) for c in report.comparisons] == [{framework}] * 3
    for c in report.comparisons:
        assert c.opinions[framework].value == pytest.approx(c.truth, rel=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax", "autograd"])
@pytest.mark.parametrize("name", OPS)
def test_other_frameworks_know_every_operation(name: str, framework: str) -> None:
    pytest.importorskip(framework)
    report = check_gradients(lambda *x: flat(name)(*x), operands_of(name), against=framework)
    assert report.ok, str(report)


def test_a_framework_that_loses_its_digits_is_told() -> None:
    pytest.importorskip("torch")
    report = check_gradients(sigmoid, [40.0], against="torch")
    assert report.comparisons[0].finding.verdict == "right"
    assert report.comparisons[0].opinions["torch"].mistakes == ("0 digits are right",)
    assert not report.ok


def test_a_warning_of_a_framework_is_not_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def warns(subject: Subject) -> list[float]:
        warnings.warn("scipy.misc is deprecated", DeprecationWarning, stacklevel=2)
        return [2.0 * x for x in subject.point]

    monkeypatch.setitem(FRAMEWORKS, "autograd", warns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_gradients(lambda x: x * x, x=3.0, against="autograd")
    assert report.ok, str(report)
    assert report.comparisons[0].opinions["autograd"].value == 6.0


def test_a_source_of_ones_own() -> None:
    def by_hand(f: Callable[..., Any], at: Any) -> list[float]:
        return [2.0 * at["x"]]

    def broken(f: Callable[..., Any], at: Any) -> list[float]:
        raise RuntimeError("out of order")

    assert check_gradients(lambda x: x * x, x=3.0, against=by_hand).ok
    report = check_gradients(lambda x: x * x, x=3.0, against=[by_hand, broken])
    assert report.headline == "broken gave no gradient: RuntimeError: out of order"
    assert not report.ok


# --- The report.


def test_the_report_prints_as_text_as_html_and_as_data() -> None:
    from rich.console import Console

    report = check_gradients(lambda w, x: w * x, w=2.0, x=-1.5, claimed={"w": "1.5", "x": "2"})
    first = "gradient by w: claimed 1.5, truth -1.5: the sign is flipped (1 of 2 gradients fail)"
    assert str(report).splitlines()[0] == report.headline == first
    assert report.worst is not None
    assert report.worst.name == "w"
    assert report.verdicts == {"w": "wrong", "x": "right"}
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(report)
    assert first in console.export_text()
    assert "<td>claimed</td><td>1.5</td>" in report._repr_html_()
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["gradients"][0]["sources"]["claimed"]["mistakes"] == ["the sign is flipped"]
    with pytest.raises(GradientError) as caught:
        assert_gradients(lambda w: w * w, w=2.0, claimed=["5"])
    assert isinstance(caught.value, AssertionError)
    assert not caught.value.report.ok


def test_numbers_stand_on_one_line_in_a_common_terminal() -> None:
    report = check_gradients(lambda w, x: -tanh(2.0 * w * x), w=0.4, x=1.1, claimed={"w": "1.0", "x": "1"})
    printed = _printed(report, width=80)
    assert all(repr(c.engine) in printed and repr(c.truth) in printed for c in report.comparisons)


def test_no_digit_is_cut_off_in_a_narrow_terminal() -> None:
    report = check_gradients(sin, [1.5707])
    header, *rows = _printed(report, width=60).splitlines()[1:4]
    start, end = header.index("number"), header.index("truth")
    assert "".join(row[start:end].strip() for row in rows) == repr(report.comparisons[0].engine)


def _printed(report: GradientReport, width: int) -> str:
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    console.print(report)
    return console.export_text()


def test_a_branch_on_truth_is_taken_again_in_high_precision() -> None:
    report = check_gradients(lambda x: x * x if x else x, x=3.0)
    assert report.ok
    assert report.reference == "the function itself, over balls of 192 bits"


def test_in_a_notebook_only_what_is_wrong_is_red() -> None:
    report = check_gradients(lambda x: x * x, x=3.0, claimed={"x": "7"})
    _, _, engine_row, claimed_row = report._repr_html_().split("<tr")
    assert engine_row.startswith("><td>x</td><td>engine</td>")
    assert claimed_row.startswith(" style=color:#e0364c><td></td><td>claimed</td>")


def test_labels_are_escaped_in_html() -> None:
    x = Value(1.0, "<b>&x")
    assert "&lt;b&gt;&amp;x" in check_gradients(x * x)._repr_html_()


def test_a_long_report_shows_what_is_wrong_first_of_all() -> None:
    claimed = [1.0] * 200
    claimed[150] = 2.0
    text = str(check_gradients(lambda x: fsum(x), [[0.5] * 200], claimed=claimed))
    assert "x[150]" in text
    assert "... and 188 more that are right" in text


# --- Numbers in the place of Values.


def recorded_attributes() -> Iterator[str]:
    for name in dir(EngineValue):
        if name.replace("arc", "a") in OPS or (name.startswith("__") and name[2:-2] in _OPERATORS):
            yield name


_OPERATORS = ["add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg", "abs"]


def test_every_method_that_records_is_replayed() -> None:
    assert len(list(recorded_attributes())) > 30
    m = Multiprecision(30)
    for name in recorded_attributes():
        row = OPS.get(name.replace("arc", "a"))
        operands = [2.0] * (len(row.operands) - len(row.defaults) - 1 if row else 1)
        if name in ("__neg__", "__abs__"):
            operands = []
        x = Replayed(m.number(1.25 if name in ("acosh", "arccosh") else 0.25), m)
        assert isinstance(getattr(x, name)(*operands), Replayed), name


def test_replayed_numbers_mix_with_values_and_plain_numbers() -> None:
    m = Multiprecision(30)
    x, v = Replayed(m.number(0.1), m), Value(2.0)
    for mixed in (v * x, x * v, 2 * x, x * 2.0, fsum([x, x]), x + engine.max(x, 0.05)):
        assert isinstance(mixed, Replayed)
        assert mixed.number == 2 * m.number(0.1)
    assert x < 0.2 <= v
    assert v > x
    floor: Any = math.floor(x - 1)
    assert floor == -1


@pytest.mark.parametrize(
    ("a", "truth", "digits"),
    [
        (5e-324, 0, FULL_DIGITS),  # within 2 ULP of 0, where no digit can be counted
        (1e-300, 0, 0.0),
        (0.0, 0, 17.0),
        (0.0, "1e-400", FULL_DIGITS),
        (1.0, "1.001", 3.0),
        (-1.0, 1, 0.0),
        (math.nan, 1, 0.0),
        (math.inf, "1e400", 17.0),
        (1e308, "1e-5000", 0.0),
    ],
)
def test_right_digits(a: float, truth: Any, digits: float) -> None:
    assert right_digits(a, mpmath.mpf(truth)) == pytest.approx(digits, abs=0.01)


# --- No verdict is stronger than the bound of the truth.


def of_floats_alone(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of a Value, but only of one that was recorded: it cannot run on balls."""

    def g(x: Any) -> Any:
        if type(x).__module__ != Value.__module__:
            raise TypeError("it needs a recorded Value")
        return f(x)

    return g


@pytest.mark.parametrize("claimed", [1.0, 1.0000001])
def test_a_truth_of_few_digits_proves_no_more_than_those(claimed: float) -> None:
    f = of_floats_alone(lambda x: x + 1e8)  # differences in doubles know 5 digits of the slope
    report = check_gradients(f, x=3.0, claimed={"x": claimed})
    assert report.verdicts == {"x": "inconclusive"}, str(report)
    assert "the truth is known to 5 digits alone" in str(report)
    enough = check_gradients(f, x=3.0, claimed={"x": claimed}, digits=4.0)
    assert enough.ok
    assert enough.digits < 6.0
    assert not check_gradients(f, x=3.0, claimed={"x": 1.001}, digits=4.0).ok


def test_a_function_that_reads_labels_is_proved_over_balls() -> None:
    report = check_gradients(lambda w, x: w * x if w.label == "w" else x, w=2.0, x=3.0)
    assert report.ok
    assert report.reference.startswith("the function itself")
    assert check_gradients(lambda w, x: (w * x).label or w * x, w=2.0, x=3.0).ok


@pytest.mark.parametrize(
    ("slope", "error", "bits", "digits"),
    [
        (1e300, 1e-300, 53, 600.0),
        (2.0, 0.0, 53, math.inf),
        (1e-9, 1e-8, 53, 0.0),
        (0.0, 1e-9, 53, 0.0),
        (0.0, 1e-300, 192, math.inf),
    ],
)
def test_the_digits_that_a_bound_leaves_are_counted_at_any_size(
    slope: float, error: float, bits: int, digits: float
) -> None:
    truth = exact.mpf(slope)
    assert known_digits(Slope("smooth", truth, truth, truth, bits, error=error)) == pytest.approx(digits)


@pytest.mark.parametrize("x", [-4.428886697430764, 5e-324])
def test_a_slope_that_doubles_cannot_tell_from_none_is_not_proved(x: float) -> None:
    f = of_floats_alone(lambda x: engine.erf(exp(4.0 * x) * 1e-60) + 1.0)
    assert check_gradients(f, [x]).verdicts == {"x": "inconclusive"}

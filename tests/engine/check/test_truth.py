"""Verdicts that must never be wrong: saturation, cancellation, branches, jumps, tiny and huge numbers."""

import dataclasses
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import engine
from engine import (
    Value,
    abs,
    atan,
    atanh,
    cbrt,
    check_gradients,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    fsum,
    hypot,
    log,
    logsumexp,
    normal_cdf,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    step,
    tanh,
)
from engine.check.verdict import EDGE, KINK
from engine.functions import applied
from engine.ops import OPS
from engine.recording import REFUSED, recorder
from tests.benchmarks.verdicts import PLANTED, expressions, gradients, is_wrong
from tests.tools.flat import flat

Function = Callable[..., Any]


def stacked(x: Any) -> Any:
    for _ in range(200):
        x = sigmoid(x)
    return x


def newton(x: Any) -> Any:
    y = x
    while math.fabs(float(y * y - x)) > 1e-12:
        y = 0.5 * (y + x / y)
    return y


# Smooth functions whose gradient by the engine is right.
RIGHT: list[tuple[str, Function, list[float]]] = [
    ("saturated tanh", tanh, [60.0]),
    ("more saturated tanh", tanh, [100.0]),
    ("tanh past every float", tanh, [3e9]),
    ("saturated sigmoid", sigmoid, [100.0]),
    ("sigmoid of 300", sigmoid, [300.0]),
    ("saturated erf", erf, [12.0]),
    ("normal_cdf of 20", normal_cdf, [20.0]),
    ("normal_cdf of 700", normal_cdf, [700.0]),
    ("logsumexp of unequal numbers", lambda a, b: logsumexp([a, b]), [0.3, 500.0]),
    ("sigmoid by hand", lambda x: 1 / (1 + exp(-x)), [500.0]),
    ("softplus beside 1", lambda x: softplus(x) + 1.0, [-200.0]),
    ("tiny beside 1", lambda x: 1 + x, [1e-100]),
    ("tiny factor", lambda x: 1.0 + 1e-60 * x, [0.7]),
    ("huge beside 1", lambda a, b: a + b, [1e100, 1.0]),
    ("tiny exp", exp, [1e-100]),
    ("tiny square beside 1", lambda x: x * x + 1.0, [1e-100]),
    ("unscaled pixel", lambda w, b: tanh(w * 255 + b) ** 2, [0.4, 0.1]),
    ("stacked sigmoids", stacked, [0.3]),
    ("branch on a float", lambda x: sin(x) * exp(x) if float(x) > 1 else x, [3.3]),
    ("branch on data", lambda x: sin(x) * exp(x) if x.data > 1 else x, [3.3]),
    ("loop on a float", newton, [2.7]),
    ("identity of sine and cosine", lambda x: cos(x) ** 2 + sin(x) ** 2, [0.7]),
    ("identity of sinh and cosh", lambda x: cosh(x) ** 2 - sinh(x) ** 2, [0.7]),
    ("sum of shares", lambda x, y: fsum(softmax([x, y, 1.0])), [0.3, 0.7]),
    ("mirrored sigmoids", lambda x: sigmoid(x) + sigmoid(-x), [1.3]),
    ("shift of logsumexp", lambda c: logsumexp([c + 1, c + 2.5]) - (c + 2.5), [0.3]),
    ("factor that cancels", lambda x, y: (x * y) / y, [0.3, 0.7]),
    ("rotation", lambda a: hypot(3 * cos(a) - 4 * sin(a), 3 * sin(a) + 4 * cos(a)), [0.4]),
    ("zero by a sine at its peak", lambda x: sin(5 * (atan(x) + atan(1 / x))), [0.8]),
    ("x |x|", lambda x: x * abs(x), [0.0]),
    ("largest of equals", lambda x: engine.max([exp(x)] * 3), [0.4]),
]


@pytest.mark.parametrize(("f", "point"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_a_right_gradient_is_called_right(f: Function, point: list[float]) -> None:
    report = check_gradients(f, point)
    verdicts = set(report.verdicts.values())
    assert report.ok, str(report)
    assert verdicts <= {"right", "kink"}, str(report)


@pytest.mark.parametrize(
    ("f", "x", "truth"),
    [
        (lambda x: cos(x) ** 2 + sin(x) ** 2, 0.7, 0.0),
        (lambda x: log(3 * x) - log(x), 0.7, 0.0),
        (tanh, 100.0, 5.535585e-87),
        (sigmoid, 200.0, 1.3839e-87),
        (lambda x: x * abs(x), 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("claim", [3.0, 1e9, -1.0, 1e-3])
def test_no_other_number_is_accepted(f: Function, x: float, truth: float, claim: float) -> None:
    report = check_gradients(f, [x], claimed=[claim])
    assert not report.comparisons[0].opinions["claimed"].ok
    assert report.comparisons[0].truth == pytest.approx(truth, rel=1e-4, abs=1e-40)


@pytest.mark.parametrize(("claim", "ok"), [("1.3839e-87", True), (0.0, False), ("1.3840e-87", False)])
def test_a_claim_is_judged_in_a_tail(claim: str | float, ok: bool) -> None:
    report = check_gradients(sigmoid, [200.0], claimed=[claim])
    assert report.comparisons[0].opinions["claimed"].ok is ok


@pytest.mark.parametrize(
    ("f", "claim"),
    [(step, 5.0), (sign, 1e9), (cbrt, 1e12), (lambda x: sqrt(abs(x)), 0.0), (step, 0.0)],
)
def test_a_jump_or_a_vertical_tangent_accepts_no_finite_number(f: Function, claim: float) -> None:
    report = check_gradients(f, [0.0], claimed=[claim])
    assert not report.comparisons[0].opinions["claimed"].ok


# --- What is wrong is told.


def test_a_detached_part_is_told_and_a_function_without_one_is_not() -> None:
    assert check_gradients(lambda x: x * x.data, x=3.0).verdicts == {"x": "detached"}
    assert check_gradients(lambda x: x * float(x), x=3.0).verdicts == {"x": "detached"}
    assert check_gradients(lambda x: x + math.tanh(x), x=0.4).verdicts == {"x": "detached"}
    assert (
        check_gradients(lambda a, b: engine.acosh(engine.gaussian(a)), a=1e-8, b=2.0).verdicts["b"]
        != "detached"
    )


def test_whatever_f_raises_near_the_point_is_told() -> None:
    def only_at_2(x: Any) -> Any:
        if x.data != 2.0:
            raise RuntimeError("not here")
        return x * x

    report = check_gradients(only_at_2, x=2.0)
    assert not report.ok
    assert "RuntimeError: not here" in report.headline
    report = check_gradients(lambda x: x * {2.0: 1.5}[x.data + 0.0 * x.data], x=2.0)
    assert not report.ok


def test_a_kink_behind_a_float_is_told() -> None:
    report = check_gradients(lambda x: x * x if float(x) > 0 else -x, x=0.0)
    assert report.verdicts == {"x": "kink"}


def test_a_power_of_a_negative_number_has_no_slope_by_its_exponent() -> None:
    report = check_gradients(lambda x, p: x**p, [-1.0, -1.6016620123111778e138])
    assert report.verdicts == {"x": "right", "p": "edge"}


def test_infinity_is_right_beyond_the_largest_float_and_of_the_right_sign_only() -> None:
    assert check_gradients(lambda x: sqrt(x) * 1e200, [5e-324]).verdicts == {"x": "right"}
    assert not check_gradients(lambda x: sqrt(x) * 1e200, [5e-324], claimed=[5.0]).ok
    report = check_gradients(lambda x: engine.acosh(exp(x)) / x, [1e-300])
    assert (report.comparisons[0].engine, report.comparisons[0].truth) == (math.inf, -math.inf)
    assert report.verdicts == {"x": "rounding"}


def test_no_claim_is_right_because_a_term_is_infinite() -> None:
    report = check_gradients(lambda x, y: sqrt(x) * y + y, [0.0, 0.0], claimed=[7.0, 7.0])
    assert not any(c.opinions["claimed"].ok for c in report.comparisons)


def test_no_claim_hides_in_the_rounding_of_huge_terms() -> None:
    def f(x: Any) -> Any:
        return cosh(x) ** 2 - sinh(x) ** 2

    assert check_gradients(f, [40.0]).ok
    report = check_gradients(f, [40.0], claimed=[3.0])
    assert not report.comparisons[0].opinions["claimed"].ok


def test_a_huge_power_of_0_is_flat() -> None:
    report = check_gradients(lambda x, p: x**p, [0.0, 5.0032627974791594e181])
    assert report.verdicts["x"] == "right"


def test_the_time_may_be_limited() -> None:
    report = check_gradients(lambda *x: fsum([tanh(x_i) for x_i in x]), [0.1] * 20, seconds=0.0)
    assert set(report.verdicts.values()) == {"inconclusive"}
    assert "allow more with seconds=" in report.headline


def test_many_inputs_are_settled_at_once_and_the_wrong_ones_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = [0.01 * i for i in range(1, 61)]

    def f(*x: Any) -> Any:
        return tanh(fsum([a * b for a, b in pairwise(x)])) + x[17] * x[17].data

    report = check_gradients(f, point)
    assert "; 57 inputs along one random direction, the other 3 one by one" in report.reference
    assert {name for name, verdict in report.verdicts.items() if verdict != "right"} == {"x_18"}


def test_an_inner_value_is_an_input_like_any_other() -> None:
    x = Value(0.3, "x")
    inner = exp(x)
    inner.label = "inner"
    report = check_gradients(sin(inner) * x, [x, inner])
    assert report.verdicts == {"x": "right", "inner": "right"}
    x_, t = 0.3, math.exp(0.3)
    assert report.comparisons[0].truth == pytest.approx(math.sin(t) + x_ * t * math.cos(t), rel=1e-15)
    assert report.comparisons[1].truth == pytest.approx(x_ * math.cos(t), rel=1e-15)


def test_threads_do_not_disturb_the_precision_of_each_other() -> None:
    def check(n: int) -> bool:
        if n % 2:
            report = check_gradients(lambda x: 1e-60 * x + sin(x) ** 2 + cos(x) ** 2, x=0.1 * n)
            return report.ok and report.comparisons[0].truth == 1e-60
        return check_gradients(lambda x, y: exp(x * y) + sin(x), x=0.3, y=0.1 * n).ok

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(check, range(60)))


# --- Order 2.


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: log(exp(x)), 0.7),
        (lambda x: exp(log(x)), 0.7),
        (lambda x: sqrt(x * x), -2.0),
        (lambda x: tanh(atanh(x)), 0.3),
        (softplus, 800.0),
        (tanh, 400.0),
        (sigmoid, 500.0),
        (erf, 30.0),
        (lambda x: x**x, 1.5),
        (lambda x: x * x * abs(x), 0.0),
        (lambda x: cos(x) ** 2 + sin(x) ** 2, 0.4),
        (expm1, 1e-9),
    ],
)
def test_a_right_second_derivative_is_called_right(f: Function, x: float) -> None:
    report = check_gradients(f, [x], order=2)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("f", "sides"),
    [
        (lambda x: x * abs(x), (-2.0, 2.0)),
        (lambda x: x * abs(x) + 3 * x * x, (4.0, 8.0)),
        (lambda x: relu(x) ** 2 - relu(-x) ** 2, (-2.0, 2.0)),
    ],
)
def test_a_second_derivative_that_does_not_exist_is_not_proved(
    f: Function, sides: tuple[float, float]
) -> None:
    report = check_gradients(f, [0.0], order=2)
    assert not report.ok
    assert (report.comparisons[0].left, report.comparisons[0].right) == sides


def test_mixed_second_derivatives_have_the_sign_of_their_side() -> None:
    report = check_gradients(lambda x, y: x * abs(x) * y, [0.0, 2.0], order=2)
    assert report.verdicts["x_1, x_1" if "x_1, x_1" in report.verdicts else "x, x"] == "kink"
    assert report.verdicts["x, y"] == "right"


# --- Random expressions; `python -m tests.benchmarks.verdicts` tries thousands.


@pytest.mark.parametrize("awkward", [False, True])
@pytest.mark.parametrize(("count", "seed"), [(60, 1), pytest.param(600, 2, marks=pytest.mark.slow)])
def test_no_verdict_on_a_random_expression_is_wrong(awkward: bool, count: int, seed: int) -> None:
    planted = 0
    for n, expression in enumerate(expressions(count, awkward, seed)):
        report = check_gradients(expression, expression.point)
        for i, c in enumerate(report.comparisons):
            assert not is_wrong(expression, i, c), (expression, report.headline)
        finding = report.comparisons[0].finding if report.comparisons else None
        if finding is None or finding.verdict != "right" or finding.why or finding.digits < 14.0:
            continue
        right = gradients(expression)
        error = list(PLANTED.values())[n % len(PLANTED)]
        if 1e-290 < math.fabs(right[0]) < 1e290:
            planted += 1
            claims = [error(right[0]), *right[1:]]
            judged = check_gradients(expression, expression.point, claimed=claims)
            assert not judged.comparisons[0].opinions["claimed"].ok, (expression, claims)
    assert planted > count / 10


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
@settings(max_examples=30)
@given(data=st.data())
@example(data=None)
def test_plain_floats_of_hypothesis_find_no_failing_point(name: str, data: Any) -> None:
    arity = OPS[name].arity or 2
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    point = [1e-300] * arity if data is None else data.draw(st.tuples(*[numbers] * arity))
    try:
        output = flat(name)(*map(Value, point))
    except (ValueError, ArithmeticError):
        return
    if not math.isfinite(output.data):
        return
    report = check_gradients(lambda *x: flat(name)(*x), list(point))
    for i, c in enumerate(report.comparisons):
        if c.verdict in ("wrong rule", "detached", "rounding") and not c.ok:
            assert c.truth is not None
            assert math.fabs(c.engine - c.truth) > 1e-9 * math.fabs(c.truth), (point, i, report.headline)


# --- Floats taken out of numbers, ties, and second derivatives.

# Each by the verdict, whether the engine's number may be used, and the slopes on the two sides.
BRANCHES: list[tuple[str, Function, float, tuple[str, bool, float | None, float | None]]] = [
    ("kink", lambda x: 5 * x - 4 if float(x) > 1.0 else x * x, 1.0, ("kink", True, 2.0, 5.0)),
    ("jump", lambda x: 5 * x + 1 if float(x) > 1.0 else x * x, 1.0, ("kink", False, 2.0, math.inf)),
    ("small jump", lambda x: x + 1e-9 if float(x) > 1.0 else x, 1.0, ("kink", False, 1.0, math.inf)),
    ("abs", lambda x: x if float(x) >= 0.0 else -x, 0.0, ("kink", True, -1.0, 1.0)),
    ("kink nearby", lambda x: 5 * x - 4 if float(x) > 1.0000001 else x * x, 1.0, ("right", True, 2.0, 2.0)),
    ("one float below", lambda x: 3 * x if float(x) >= 0.0 else x, -5e-324, ("right", True, 1.0, 1.0)),
    (
        "one float above",
        lambda x: 3 * x - 2 if float(x) > 1.0 else x,
        math.nextafter(1.0, 2.0),
        ("right", True, 3.0, 3.0),
    ),
    ("of unequal speed", lambda x: x * x if float(x * x) > float(x) else x, 1.0, ("kink", True, 1.0, 2.0)),
    ("tiny", lambda x: x * 1e-300 if float(x) > 0 else x, 1e-310, ("right", True, 1e-300, 1e-300)),
    ("huge", lambda x: 3 * x if float(x) > 0 else sin(x), 1e15, ("right", True, 3.0, 3.0)),
    ("integer part", lambda x: x - int(x), 3.0, ("kink", False, -math.inf, 1.0)),
    ("between integers", lambda x: x - int(x), 3.5, ("right", True, 1.0, 1.0)),
    ("rounded", lambda x: x * round(x), 2.5, ("kink", False, 2.0, math.inf)),
    ("rounded down", lambda x: x * round(float(x)), 2.25, ("right", True, 2.0, 2.0)),
    ("printed", lambda x: x * len(f"{x:.2f}"), 2.25, ("right", True, 4.0, 4.0)),
    ("a square that is 0", lambda x: x + 1 if x * x > 0 else x, 0.0, ("kink", False, -math.inf, math.inf)),
    ("step of a square", lambda x: x + step(x * x), 0.0, ("kink", False, -math.inf, math.inf)),
    ("sign of a cube", lambda x: x * sign(x**3), 0.0, ("kink", True, -1.0, 1.0)),
    ("root of a square", lambda x: sqrt(x**2), 0.0, ("kink", True, -1.0, 1.0)),
    ("equals", lambda x: engine.max([2 * sin(x), sin(x) + sin(x)]), 1.0, ("right", True, None, None)),
    ("equals in disguise", lambda x: engine.max([exp(log(x)), x]), 1.3, ("right", True, 1.0, 1.0)),
]


@pytest.mark.parametrize(("f", "x", "expected"), [row[1:] for row in BRANCHES], ids=[r[0] for r in BRANCHES])
def test_a_branch_is_judged_on_both_sides(
    f: Function, x: float, expected: tuple[str, bool, float | None, float | None]
) -> None:
    report = check_gradients(f, [x])
    c = report.comparisons[0]
    verdict, ok, left, right = expected
    assert (c.verdict, c.ok) == (verdict, ok), str(report)
    if left is not None:
        assert (c.left, c.right) == (left, right)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x if x * x > 0 else 2 * x, 0.0),  # f(0) is on the line of slope 1
        (lambda x: 3 * x - 2 if float(x) == 1.0 else 2 * x - 1, 1.0),
        (lambda x: engine.max([x, x]) if exp(log(x)) > x else 2 * x, 1.3),
    ],
)
def test_a_branch_of_the_point_alone_is_neither_proved_nor_called_detached(f: Function, x: float) -> None:
    assert check_gradients(f, [x]).verdicts == {"x": "inconclusive"}


@pytest.mark.parametrize(
    ("f", "truth"),
    [
        (lambda x: x * float(x), 4.0),
        (lambda x: x * math.exp(x), 3.0 * math.exp(2.0)),
        (lambda x: 1e6 * x + 1e-8 * float(x), 1e6 + 1e-8),
        (lambda x: sin(1e15 * x) * float(x), None),
    ],
)
@pytest.mark.filterwarnings("ignore::engine.LeftRecordWarning")
def test_a_float_that_is_computed_with_is_detached(f: Function, truth: float | None) -> None:
    c = check_gradients(f, [2.0]).comparisons[0]
    assert c.verdict == "detached"
    assert truth is None or c.truth == pytest.approx(truth, rel=1e-8)


def _share(x: Any) -> Any:
    share = engine.log_softmax([x, x - 60.0])[0]  # -9e-27: 0 in floats
    return x * x * (1 + math.floor(share))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("f", "point"),
    [
        (_share, [2.0]),
        (lambda x: x * x if sin(5e15 * x) > 0.2 else 3 * x**3, [3.3]),  # 5e15 * 3.3 is rounded
        (lambda x, y: y * x**3 if sin(5e15 * x) < 0.2 else x * x * y, [3.3, 1.0]),
    ],
)
def test_exact_numbers_that_take_another_branch_than_floats_accuse_nobody(
    f: Function, point: list[float], order: int
) -> None:
    report = check_gradients(f, point, order=order)
    assert set(report.verdicts.values()) <= {"inconclusive", "right"}, str(report)


def test_a_part_that_is_not_recorded_is_detached_in_second_derivatives() -> None:
    report = check_gradients(lambda x: x * x.data, [3.0], order=2)
    assert report.verdicts == {"x, x": "detached"}, str(report)
    report = check_gradients(lambda x, y: x * x * y + (x * y).data, [2.0, 3.0], order=2)
    assert report.verdicts == {"x, x": "right", "x, y": "detached", "y, y": "right"}, str(report)


def test_many_inputs_with_branches_on_floats_are_proved_at_once() -> None:
    def f(x: Any) -> Any:
        return fsum([v * v if float(v) > 0.0 else v for v in x])

    report = check_gradients(f, x=[0.1 * i - 3.05 for i in range(60)])
    assert report.ok
    assert "60 inputs along one random direction" in report.reference


def test_noise_beside_an_infinite_slope_is_no_jump() -> None:
    report = check_gradients(
        lambda x: cosh(x) ** 2 - sinh(x) ** 2 + 0 * engine.acosh(cosh(x)) + relu(x) * 0, [0.0]
    )
    assert "it jumps" not in str(report)


def test_an_error_at_the_exact_numbers_is_reported() -> None:
    report = check_gradients(lambda x: engine.atan2(x, x) / engine.atan2(x, x) * x, [-0.0])
    assert report.verdicts == {"x": "edge"}


def test_terms_beyond_every_float_prove_no_other_number() -> None:
    def f(x: Any) -> Any:
        y = x / (2 + x / (1 + x))
        return logsumexp([y / x, y / x])

    c = check_gradients(f, [1e-310]).comparisons[0]
    assert c.truth == pytest.approx(-0.25, rel=1e-12)  # y / x is 1 / (2 + x - ...), and log 2 is added


@pytest.mark.parametrize("power", [2, 2.0, 3, 4.0])
@pytest.mark.parametrize("x", [1e5, 1e7])
def test_a_power_of_what_no_precision_tells_from_zero_is_proved(x: float, power: float) -> None:
    """The sign of the base stays open, on which only the derivative by the exponent depends."""
    report = check_gradients(lambda x: (sigmoid(x) - 1) ** power, [x])
    assert (report.ok, report.comparisons[0].truth) == (True, 0.0), str(report)
    with_exponent = check_gradients(lambda x, p: (sigmoid(x) - 1) ** p, x=x, p=2.0)
    assert with_exponent.verdicts["p"] not in ("wrong rule", "detached", "right"), str(with_exponent)


SECOND: list[tuple[Function, list[float], list[float]]] = [
    (lambda x: x * x / 3, [2.0], [2.0 / 3.0]),
    (engine.erf, [0.3], [-0.3 * 4.0 / math.sqrt(math.pi) * math.exp(-0.09)]),
    (engine.log2, [0.3], [-1.0 / (0.09 * math.log(2.0))]),
    (lambda x: log(exp(x)), [0.3], [0.0]),
    (lambda x: x**3 if float(x) > 1 else x, [2.0], [12.0]),
    (lambda x, y: hypot(x, y * 1e16) * (1 + 0 * y), [0.0, -0.25], [4e-16, 0.0, 0.0]),
    (lambda x, y: engine.max([exp(log(x)), x]) * y, [1.3, 2.0], [0.0, 1.0, 0.0]),
]


@pytest.mark.parametrize(("f", "point", "truths"), SECOND)
def test_second_derivatives_of_rounded_constants_and_branches_are_right(
    f: Function, point: list[float], truths: list[float]
) -> None:
    report = check_gradients(f, point, order=2)
    assert report.ok, str(report)
    assert [c.truth for c in report.comparisons] == pytest.approx(truths, rel=1e-12, abs=1e-40)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * abs(x),
        lambda x: x * x * sign(x**3),
        lambda x: x * x if float(x) > 0.0 else -x * x,
        lambda x: relu(x) ** 2,
        lambda x: sqrt(x**2),
    ],
)
def test_two_second_derivatives_are_none(f: Function) -> None:
    assert check_gradients(f, [0.0], order=2).verdicts == {"x, x": "kink"}


def test_many_wrong_derivatives_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    row = OPS["sin"]
    monkeypatch.setitem(OPS, "sin", dataclasses.replace(row, partials=lambda m, out, x: (1.5 * m.cos(x),)))
    report = check_gradients(lambda x: fsum([sin(v) for v in x]), x=[0.001 * i for i in range(1, 131)])
    verdicts = list(report.verdicts.values())
    assert not report.ok
    assert (verdicts.count("wrong rule"), verdicts.count("inconclusive")) == (100, 30)
    assert "not looked at, as 100 others are wrong already" in str(report)


def test_a_rule_of_a_function_with_a_branch_on_a_float_is_proved_exactly() -> None:
    def f(x: Any) -> Any:
        return x * x * (2.0 if float(x) > 0.0 else 3.0)

    proved = engine.check_vjp(f, lambda x, u: 4.0 * x * u, [1.5])
    assert proved.ok
    assert "the function itself, in high precision" in str(proved)
    computed = engine.check_vjp(lambda x: x * float(x), lambda x, u: 2.0 * x * u, [1.5])
    assert computed.ok
    assert "computes with floats that it takes out of Values" in str(computed)


def test_a_number_that_balls_know_nothing_of_is_not_outside_a_domain() -> None:
    """exp(700) - exp(700) of few bits may be anything; the rules then gave the partials of the floats, 0."""

    def f(x: Any) -> Any:
        return engine.atan(engine.log_softmax([x, exp(x)])[0])

    c = check_gradients(f, [700.0]).comparisons[0]
    assert c.truth == pytest.approx(-9.859676543759771e-305, rel=1e-12)
    assert not c.ok or c.engine == pytest.approx(c.truth, rel=1e-8)


def test_the_sign_of_a_number_of_infinite_slope_is_not_taken_for_0() -> None:
    report = check_gradients(lambda x: sign(cbrt(x)) + x, [0.0])
    assert not report.ok, str(report)
    assert report.comparisons[0].truth is None
    assert not check_gradients(lambda x: atanh(sign(cbrt(x * x))), [0.0]).ok


# --- Every operation, at numbers that nobody chose.


def judged_alone(name: str, point: list[float]) -> None:
    """The operation alone has its derivative there, or none at all: a kink, a jump or an edge."""
    record = recorder(OPS[name])
    try:
        record(*map(Value, point))
    except REFUSED:
        return
    report = check_gradients(lambda *x: applied(OPS[name], x, record), point)
    for c in report.comparisons:
        assert c.finding.ok or c.finding.verdict in (KINK, EDGE), (point, c)
    assert not report.fault


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
def test_no_float_makes_a_rule_wrong(name: str) -> None:
    plain = st.floats(allow_nan=False, allow_infinity=False)

    @settings(max_examples=60)
    @given(st.lists(plain, min_size=OPS[name].arity or 4, max_size=OPS[name].arity or 4))
    def check(point: list[float]) -> None:
        judged_alone(name, point)

    check()


def test_the_slope_of_elu_underflows_no_earlier_than_it_must() -> None:
    judged_alone("elu", [-760.0, 4.236543165226225e16])

"""The table of operations against the truth: every value and every derivative, over the whole domain."""

import dataclasses
import functools
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import mpmath
import numpy as np
import pytest

import engine
from engine import Value, functions, grad
from engine.numbers import arrays, floats
from engine.numbers.multiprecision import Multiprecision
from engine.numbers.protocol import NAMES, NumberSystem
from engine.ops import OPS, Op
from engine.recording import evaluate, recorder
from tests.tools.higher import derivative, orders, size_of_terms, smooth_points
from tests.tools.truth import (
    LARGEST,
    SMALLEST,
    TRUTH,
    Errors,
    Point,
    errors,
    exact,
    mp,
    points,
    truth_of,
    ulps,
)

VALUE_ULPS, PARTIAL_ULPS = 2.0, 4.0
EVERY_OPERATION = pytest.mark.parametrize("name", TRUTH)
inf, nan = math.inf, math.nan
README = Path(__file__).parents[2] / "README.md"


def errors_at(op: Op, x: Point) -> Errors:
    """How far the recorded value and partials are from the truth; an overflow has to be one."""
    truth = TRUTH[op.name]
    overflows = abs(truth.value(*exact(x))) > LARGEST
    try:
        out, partials = evaluate(op, [Value(x_i) for x_i in x])
    except OverflowError:
        return Errors(0.0, 0.0) if overflows else Errors(inf, inf)
    return Errors(0.0, 0.0) if overflows else errors(truth, x, out, partials)


def within_limits(error: Errors) -> bool:
    return error.value <= VALUE_ULPS and error.partial <= PARTIAL_ULPS


def test_every_operation_has_a_truth_and_every_truth_an_operation() -> None:
    for name in OPS:
        truth_of(name)
    assert list(OPS) == list(TRUTH)


def test_the_conventions_of_the_readme_are_those_of_the_rows() -> None:
    table = README.read_text(encoding="utf-8").partition("## Conventions")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert rows == {name: op.convention for name, op in OPS.items() if op.convention}


@EVERY_OPERATION
def test_value_and_partials_keep_their_digits_over_the_whole_domain(name: str) -> None:
    for x in points(name, 250):
        error = errors_at(OPS[name], x)
        assert within_limits(error), f"{name}{x} is off by {error}"


@EVERY_OPERATION
def test_the_textbook_derivatives_are_those_of_the_textbook_values(name: str) -> None:
    truth, compared = TRUTH[name], 0
    for x in points(name, 500, seed=1):
        if not all(0.01 < abs(x_i) < 20.0 and abs(abs(x_i) - 1.0) > 1e-3 for x_i in x):
            continue
        for i, true in enumerate(truth.partials(*exact(x))):
            if true is not None and not (name in ("max", "min") and len(set(x)) < len(x)):
                order = tuple(int(i == j) for j in range(len(x)))
                difference = mp.diff(truth.value, tuple(exact(x)), order, h=mp.mpf(10) ** -25)
                assert abs(difference - true) <= mp.mpf(10) ** -20 * max(1, abs(true)), (name, x, i)
                compared += 1
    assert compared >= 5


@pytest.mark.slow
@EVERY_OPERATION
def test_the_truth_itself_has_settled(name: str) -> None:
    """Seven times as many digits change nothing that a float could see."""
    truth = TRUTH[name]
    for x in points(name, 15, seed=7):
        few = [truth.value(*exact(x)), *truth.partials(*exact(x))]
        with mp.workdps(420):
            many = [truth.value(*exact(x)), *truth.partials(*exact(x))]
        for rough, fine in zip(few, many, strict=True):
            if fine is not None:
                assert abs(rough - fine) <= max(abs(fine), mp.mpf(SMALLEST)) * mp.mpf(10) ** -25, (name, x)


# The worst points of an adversarial search: from the worst of 2400 random points uphill.
WORST_POINTS: list[tuple[str, Point]] = [
    ("div", (2.611979381767026e-09, 4.950240529750353)),
    ("pow", (11.999999999997192, -5.0)),
    ("expm1", (141.7584816504908,)),
    ("log1p", (0.7499956699454285,)),
    ("log1p", (0.0029760476730210646,)),
    ("log2", (8.622665384219978e104,)),
    ("log10", (0.60539978143545,)),
    ("log10", (1.1809644116396397e241,)),
    ("sqrt", (1.000179548686514,)),
    ("cbrt", (-1.5570194750037884e-09,)),
    ("tan", (-2.115189442864656e16,)),
    ("asin", (0.9976597060044262,)),
    ("acos", (0.9999923466517461,)),
    ("atan", (-0.0012988061694917737,)),
    ("atan2", (0.03839233824255427, -4.4497742381337515)),
    ("sinh", (710.469997965025,)),
    ("sinh", (710.4699979256173,)),
    ("cosh", (-710.4699999999855,)),
    ("cosh", (-710.4700022178027,)),
    ("tanh", (-0.006638394578599646,)),
    ("tanh", (-354.5623512451365,)),
    ("sech2", (-14.582461276972445,)),
    ("sech2", (0.5900112642974075,)),
    ("asinh", (0.24069564044517577,)),
    ("asinh", (0.057057709356531816,)),
    ("acosh", (1.000046987559434,)),
    ("acosh", (4.541803195206989e102,)),
    ("atanh", (-0.030773028354802157,)),
    ("atanh", (-0.6548668739908304,)),
    ("erf", (0.0033180239517416597,)),
    ("erf", (-2.533288338268256,)),
    ("erfc", (0.8322858407680633,)),
    ("erfc", (3.2461446834256455,)),
    ("gaussian", (-17.943917795918754,)),
    ("gaussian", (-1.5908893074798562,)),
    ("normal_cdf", (-0.6780307006134603,)),
    ("normal_cdf", (-1.0051890642592223,)),
    (
        "sumprod",
        (
            -8.239597035979683,
            -1.8530792452258724e-308,
            -5.407606189142e-309,
            -3.19722876858589e90,
            -1.788164088783622e-308,
            1.862732234028668e-308,
            -1.6518387911481825e-308,
            3.197228737566786e90,
            1.6413121350067534e-308,
            -4.9239719555706096e-60,
        ),
    ),
    (
        "prod",
        (
            6.590821147499545e-15,
            0.2743607485043014,
            5.8791193750763515,
            9.600164847803045e-18,
            5.511966822708439,
        ),
    ),
    ("hypot", (0.0643162005127198, -0.0039047752098763586, -0.0039047752098763542)),
    ("sigmoid", (-0.02334910136999822,)),
    ("sigmoid", (-0.002981977200681227,)),
    ("log_sigmoid", (-0.2941456253691393,)),
    ("log_sigmoid", (10.402212907704019,)),
    ("softplus", (0.31067544333082314,)),
    ("softplus", (-16.30941041360222,)),
    ("elu", (-0.02007783643653313, 6.120958510916233)),
    ("elu", (-4.735512516183963, 13.922768174243458)),
    ("gelu", (1.132765881713112,)),
    ("gelu", (-7.022204578613328,)),
    ("silu", (-112.16841083081663,)),
    ("silu", (10.432120716048914,)),
    ("logsumexp", (-5.901112369965518e219, -5.90111237765533e219, 0.2939007717173455, -0.2939007717180595)),
    (
        "logsumexp",
        (
            -1.7976931348623155e308,
            92.86255141032527,
            92.86255141032527,
            86.8113713505592,
            -24.0,
            92.86279926715018,
        ),
    ),
    (
        "softmax",
        (
            -18.009821145890474,
            1.2598255537245522e-147,
            -1.2667230897348023e-147,
            0.0018083820905263736,
            -1.8722299429133153,
            -1.359289770416225e-308,
        ),
    ),
    ("softmax", (3.854610285897981e-131, -0.0015543387380400197, 33.00001053138289, 6.20137844321964e-309)),
    (
        "log_softmax",
        (19.999999999846416, 1.3673108068699767e-308, 0.009259611830030915, 1.367310819185542e-308),
    ),
    (
        "log_softmax",
        (
            -417.5401954316807,
            -3.501598839209174,
            0.042517482258452775,
            1.8007484879306945e-308,
            -2.9243164438467065e121,
            0.5999415236052603,
        ),
    ),
]


@pytest.mark.parametrize(("name", "x"), WORST_POINTS)
def test_the_worst_points_found_stay_within_the_limits(name: str, x: Point) -> None:
    assert within_limits(errors_at(OPS[name], x))


# Points where an earlier formula had lost its digits.
@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("pow", (1e300, 0.1)),  # p - 1 is rounded, and multiplied by log(x)
        ("pow", (3.0, -653.1901495349996)),
        (
            "pow",
            (4.40732820605572e-309, 1.6754969583564783e-308),
        ),  # x**(p - 1) overflows, p times it does not
        ("pow", (1.0000000000000613, 9713883370262084.0)),
        ("atan2", (1.372813637493733e308, 1.2390537680168725e308)),  # the distance overflows
        ("gelu", (-6.945623993082415,)),
        ("gelu", (-38.0,)),
        ("silu", (-27.000011301428056,)),
        ("softmax", (-25.999999557724674, 0.001700438352719635, -25.999999977892482)),
        ("logsumexp", (0.3165869315566468, -0.3165871201957178, -12.99999999976094, -2.999999477754997)),
        ("log_softmax", (0.5, 1.7e308, -1.7e308)),  # a share that is not asked for is beyond the floats
        # what underflows on the way is larger in the end
        ("silu", (-714.66,)),
        ("silu", (-746.0,)),
        ("gelu", (-37.61,)),
        ("gelu", (-38.4,)),
        ("gelu", (-0.69271567,)),
        ("gaussian", (37.72,)),
        ("gaussian", (38.6,)),
        ("acosh", (1.000121975168701,)),
        ("pow", (1.0000000002841856, -2583049667247.9233)),
        ("pow", (1.0 + 2.0**-52, -745.3 * 2.0**52)),
        ("pow", (0.9, 7040.0)),
        ("pow", (-1.0000000002841856, -2583049667248.0)),
        ("div", (1.5e-323, 2.4e-8)),
        ("atan2", (1.5e-323, 2.4e-8)),
        ("atan2", (-3e-309, -7.6e-310)),
        ("atan2", (1e-10, 1e-320)),
        ("hypot", (5e-324, 5e-324)),
        ("prod", (-3.8242310207314965e59, -3.3e-11, 4.918832939647167e-11, -3.9e-55, 5.888018256757321e-21)),
    ],
)
def test_digits_that_were_lost_once_are_kept(name: str, x: Point) -> None:
    assert within_limits(errors_at(OPS[name], x))


# --- The comparison can fail: every rule, off by a billionth, is caught.


def _off(y: Any) -> Any:
    """A number off by 1e-9 of its size, or of 1 where it is 0."""
    return y * (1.0 + 1e-9) if y != 0.0 else 1e-9


def _wrong_rules(op: Op) -> Iterator[tuple[str, Op]]:
    @functools.wraps(op.forward)
    def wrong_forward(m: Any, *x: Any) -> Any:
        return _off(op.forward(m, *x))

    yield "forward", dataclasses.replace(op, forward=wrong_forward)
    for i in range(op.arity or 1):
        yield f"partial {i}", dataclasses.replace(op, partials=_wrong_partial(op, i))


def _wrong_partial(op: Op, i: int) -> Callable[..., Any]:
    def wrong_partial(m: Any, out: Any, *x: Any) -> Any:
        partials = list(op.partials(m, out, *x))
        partials[i] = _off(partials[i])
        return partials

    return wrong_partial


@EVERY_OPERATION
def test_a_rule_that_is_off_by_a_billionth_is_caught(name: str) -> None:
    for which, wrong in _wrong_rules(OPS[name]):
        caught = sum(not within_limits(errors_at(wrong, x)) for x in points(name, 50))
        assert caught >= 5, f"{which} of {name}, off by 1e-9, is caught at {caught} of 50 points only"


@pytest.mark.parametrize(
    ("got", "true", "expected"),
    [
        (1.0, 1.0, 0.0),
        (1.0 + 2.0**-52, 1.0, 1.0),
        (nan, 1.0, inf),
        (inf, 1.0, 2.0**1023),
        (inf, mp.mpf(2) ** 1025, 0.0),
        (5e-324, 0.0, 1.0),
        (0.0, 5e-324, 1.0),
    ],
)
def test_the_measure_itself(got: float, true: Any, expected: float) -> None:
    assert min(ulps(got, true), 2.0**1023) == min(expected, 2.0**1023)


# --- Special points and conventions: value and partials, written out.

SPECIAL_POINTS: list[tuple[str, Point, float, Point]] = [
    # Kinks and ties
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (-0.0,), 0.0, (0.0,)),
    ("leaky_relu", (0.0, 0.1), 0.0, (0.1, 0.0)),
    ("elu", (0.0, 2.0), 0.0, (2.0, 0.0)),
    ("abs", (0.0,), 0.0, (0.0,)),
    ("abs", (-0.0,), 0.0, (0.0,)),
    ("sign", (0.0,), 0.0, (0.0,)),
    ("step", (0.0,), 0.0, (0.0,)),
    ("equal", (0.0, -0.0), 1.0, (0.0, 0.0)),
    ("max", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("max", (2.0, 1.0, 2.0, 2.0), 2.0, (1 / 3, 0.0, 1 / 3, 1 / 3)),
    ("min", (2.0, 2.0, 3.0), 2.0, (0.5, 0.5, 0.0)),
    ("where", (0.0, 1.0, 2.0), 2.0, (0.0, 0.0, 1.0)),
    ("where", (-1.0, 1.0, 2.0), 1.0, (0.0, 1.0, 0.0)),
    ("hypot", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("prod", (0.0, 3.0, 5.0), 0.0, (15.0, 0.0, 0.0)),
    ("prod", (0.0, 0.0, 5.0), 0.0, (0.0, 0.0, 0.0)),
    ("prod", (2.0, inf), inf, (inf, 2.0)),
    # Powers: the derivative by a base of 0, by an exponent at base 0, by an exponent at a negative base
    ("pow", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (0.0, 0.5), 0.0, (inf, 0.0)),
    ("pow", (0.0, 0.3), 0.0, (inf, 0.0)),
    ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("pow", (3.0, 0.0), 1.0, (0.0, math.log(3.0))),
    ("pow", (-2.0, 3.0), -8.0, (12.0, nan)),
    ("pow", (-2.0, 0.0), 1.0, (0.0, nan)),
    ("pow", (-2.0, -1.0), -0.5, (-0.25, nan)),
    # Vertical tangents
    ("sqrt", (0.0,), 0.0, (inf,)),
    ("cbrt", (0.0,), 0.0, (inf,)),
    ("asin", (1.0,), math.pi / 2, (inf,)),
    ("asin", (-1.0,), -math.pi / 2, (inf,)),
    ("acos", (1.0,), 0.0, (-inf,)),
    ("acos", (-1.0,), math.pi, (-inf,)),
    ("acosh", (1.0,), 0.0, (inf,)),
    # The angle at the origin, as the signs of the zeros say; it has no derivative there
    ("atan2", (0.0, 0.0), 0.0, (nan, nan)),
    ("atan2", (0.0, -1.0), math.pi, (-1.0, 0.0)),
    ("atan2", (-0.0, -1.0), -math.pi, (-1.0, 0.0)),
    # Infinity
    ("exp", (-inf,), 0.0, (0.0,)),
    ("exp", (inf,), inf, (inf,)),
    ("expm1", (-inf,), -1.0, (0.0,)),
    ("log", (inf,), inf, (0.0,)),
    ("log1p", (inf,), inf, (0.0,)),
    ("atan", (inf,), math.pi / 2, (0.0,)),
    ("tanh", (inf,), 1.0, (0.0,)),
    ("tanh", (-inf,), -1.0, (0.0,)),
    ("sech2", (inf,), 0.0, (0.0,)),
    ("erf", (inf,), 1.0, (0.0,)),
    ("erfc", (inf,), 0.0, (0.0,)),
    ("erfc", (-inf,), 2.0, (0.0,)),
    ("gaussian", (inf,), 0.0, (0.0,)),
    ("gaussian", (-inf,), 0.0, (0.0,)),
    ("normal_cdf", (-inf,), 0.0, (0.0,)),
    ("normal_cdf", (inf,), 1.0, (0.0,)),
    ("sigmoid", (inf,), 1.0, (0.0,)),
    ("sigmoid", (-inf,), 0.0, (0.0,)),
    ("log_sigmoid", (-inf,), -inf, (1.0,)),
    ("log_sigmoid", (inf,), 0.0, (0.0,)),
    ("softplus", (inf,), inf, (1.0,)),
    ("softplus", (-inf,), 0.0, (0.0,)),
    ("relu", (inf,), inf, (1.0,)),
    ("relu", (-inf,), 0.0, (0.0,)),
    ("elu", (-inf, 1.0), -1.0, (0.0, -1.0)),
    ("silu", (inf,), inf, (1.0,)),
    ("silu", (-inf,), 0.0, (0.0,)),
    ("gelu", (inf,), inf, (1.0,)),
    ("gelu", (-inf,), 0.0, (0.0,)),
    ("abs", (-inf,), inf, (-1.0,)),
    ("max", (inf, 1.0), inf, (1.0, 0.0)),
    ("hypot", (inf, 1.0), inf, (nan, 0.0)),
    ("logsumexp", (-inf, 0.0), 0.0, (0.0, 1.0)),
    ("logsumexp", (1000.0, 1000.0), 1000.0 + math.log(2.0), (0.5, 0.5)),
    ("softmax", (-inf, 0.0), 0.0, (0.0, -0.0)),
    ("log_softmax", (-inf, 0.0), -inf, (1.0, -1.0)),
    # NaN is never swallowed
    *[
        (name, (nan,), nan, (nan,))
        for name in ("relu", "abs", "sigmoid", "tanh", "softplus", "gelu", "silu", "sqrt")
    ],
    ("sign", (nan,), nan, (0.0,)),
    ("step", (nan,), nan, (0.0,)),
    ("max", (nan, 1.0), nan, (nan, nan)),
    ("max", (1.0, nan), nan, (nan, nan)),
    ("min", (1.0, nan), nan, (nan, nan)),
    ("leaky_relu", (nan, 0.1), nan, (1.0, 0.0)),
    ("elu", (nan, 1.0), nan, (1.0, 0.0)),
    ("fsum", (nan, 1.0), nan, (1.0, 1.0)),
    ("prod", (nan, 2.0), nan, (2.0, nan)),
    ("hypot", (nan, 1.0), nan, (nan, nan)),
    ("logsumexp", (nan, 1.0), nan, (nan, nan)),
]


@pytest.mark.parametrize(("name", "x", "value", "partials"), SPECIAL_POINTS)
def test_special_points_have_their_written_out_answers(
    name: str, x: Point, value: float, partials: Point
) -> None:
    out, got = evaluate(OPS[name], [Value(x_i) for x_i in x])
    assert (out, *got) == pytest.approx((value, *partials), rel=4e-16, abs=0.0, nan_ok=True)
    assert len(got) == len(partials)


@pytest.mark.parametrize(
    ("name", "x", "error", "message"),
    [
        ("log", (0.0,), ValueError, r"log\(x\) is undefined at x = 0.0 \(a\); it needs x > 0"),
        ("log", (-1.0,), ValueError, r"log\(x\) is undefined at x = -1.0 \(a\)"),
        ("log1p", (-1.0,), ValueError, r"log1p\(x\) is undefined at x = -1.0 \(a\); it needs x > -1"),
        ("sqrt", (-1.0,), ValueError, r"sqrt\(x\) is undefined at x = -1.0 \(a\); it needs x >= 0"),
        ("asin", (1.5,), ValueError, r"asin\(x\) is undefined at x = 1.5 \(a\); it needs -1 <= x <= 1"),
        ("acosh", (0.5,), ValueError, r"acosh\(x\) is undefined at x = 0.5 \(a\); it needs x >= 1"),
        ("atanh", (1.0,), ValueError, r"atanh\(x\) is undefined at x = 1.0 \(a\); it needs -1 < x < 1"),
        ("sin", (inf,), ValueError, r"sin\(x\) is undefined at x = inf \(a\); it needs a finite x"),
        (
            "div",
            (1.0, 0.0),
            ZeroDivisionError,
            r"div\(x, y\) is undefined at x = 1.0 \(a\), y = 0.0 \(b\); it needs y != 0",
        ),
        (
            "pow",
            (-2.0, 0.5),
            ValueError,
            r"pow\(x, p\) is undefined at x = -2.0 \(a\), p = 0.5 \(b\); it needs x > 0",
        ),
        ("pow", (0.0, -1.0), ValueError, r"pow\(x, p\) is undefined at x = 0.0 \(a\), p = -1.0 \(b\)"),
        (
            "pow",
            (10.0, 400.0),
            OverflowError,
            r"pow\(x, p\) overflows at x = 10.0 \(a\), p = 400.0 \(b\): the result is beyond",
        ),
        (
            "exp",
            (710.0,),
            OverflowError,
            r"exp\(x\) overflows at x = 710.0 \(a\): the result is beyond the largest float",
        ),
        ("cosh", (711.0,), OverflowError, r"cosh\(x\) overflows at x = 711.0 \(a\)"),
    ],
)
def test_outside_its_domain_an_operation_says_what_it_got_and_what_it_takes(
    name: str, x: Point, error: type[Exception], message: str
) -> None:
    operands = [Value(x_i, label) for x_i, label in zip(x, "ab", strict=False)]
    with pytest.raises(error, match=message):
        recorder(OPS[name])(*operands)


@pytest.mark.parametrize(
    ("x", "product"),
    [
        ((1e300, 1e300, 1e-300, 1e-300), 1.0),
        ((1e-300, 1e-300, 1e300, -1e300), -1.0),
        ((1e-200, 1e-120, 1e200), 1e-120),
        ((0.5,) * 2000 + (2.0,) * 2000, 1.0),
        ((1e-200, 1e-200, inf), inf),
        ((1e200, 1e200, 0.0), 0.0),
        ((1e-200, 1e-200), 0.0),
    ],
)
def test_a_product_overflows_only_where_the_result_does(x: Point, product: float) -> None:
    assert engine.prod(x) == pytest.approx(product, rel=4e-16, abs=0.0)


@pytest.mark.parametrize(
    ("x", "partials"),
    [
        ((1e200, 1e200, 1e-200, 1e-100), (1e-100, 1e-100, 1e300, 1e200)),
        ((1e-200, 1e-200, 1e200, 1e200), (1e200, 1e200, 1e-200, 1e-200)),
        ((1e200, 1e200, 0.0, -1e-300), (-0.0, -0.0, -1e100, 0.0)),
        ((1e200, 1e200, 2.0), (2e200, 2e200, inf)),
        ((1e-200, 1e200, inf, 1e-200), (inf, inf, 1e-200, inf)),
        ((3.0,), (1.0,)),
    ],
)
@pytest.mark.parametrize("system", ["floats", "arrays"])
def test_a_partial_of_a_product_overflows_only_where_the_result_does(
    system: str, x: Point, partials: Point
) -> None:
    numbers = x if system == "floats" else [np.full(2, x_i) for x_i in x]
    with np.errstate(over="ignore"):
        got = OPS["prod"].partials(NUMBER_SYSTEMS[system], None, *numbers)
    assert [float(np.max(p)) for p in got] == pytest.approx(partials, rel=8e-16, abs=0.0)


@pytest.mark.parametrize("n", [2, 50, 500])
def test_partials_of_long_products_are_rounded_once(n: int) -> None:
    rng = random.Random(n)
    x = [rng.uniform(0.5, 2.0) for _ in range(n)]
    out, partials = evaluate(OPS["prod"], [Value(x_i) for x_i in x])
    true = mp.fprod(exact(x))
    assert ulps(out, true) <= 0.51
    assert max(ulps(p, true / mp.mpf(x_i)) for p, x_i in zip(partials, x, strict=True)) <= 0.51


@pytest.mark.parametrize(
    ("kind", "large", "small"), [(np.float64, 1e200, 1e-200), (np.float32, 2.0**100, 2.0**-100)]
)
def test_products_of_arrays_do_not_overflow_on_the_way(kind: Any, large: float, small: float) -> None:
    x = [large, large, small, small]
    for numbers in ([kind(x_i) for x_i in x], [np.array([x_i, 2.0 * x_i], kind) for x_i in x]):
        found = arrays.prod(numbers)
        assert found.dtype == kind
        assert np.atleast_1d(found).tolist() == pytest.approx([1.0, 16.0][: np.size(found)], rel=4e-16)


def test_a_compiled_product_does_not_overflow_on_the_way() -> None:
    x = _variables((1e200, 1e200, 1e-200, 1e-200))
    program = engine.compile(engine.prod(x), inputs=x)
    assert program([[v.data for v in x]]).tolist() == pytest.approx([1.0], rel=4e-16)


def test_sums_and_products_of_nothing() -> None:
    assert (engine.fsum([]), engine.sumprod([], []), engine.prod([]), engine.hypot()) == (0.0, 0.0, 1.0, 0.0)
    assert engine.softmax([]) == engine.log_softmax([]) == []


@pytest.mark.parametrize("name", ["max", "min", "logsumexp"])
def test_an_extreme_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} takes at least one number"):
        getattr(engine, name)([])


# --- Derivatives of derivatives: the same rules over Values.


def _variables(x: Point) -> list[Value]:
    return [Value(x_i, f"x{i}") for i, x_i in enumerate(x)]


@EVERY_OPERATION
def test_recorded_derivatives_are_the_partials(name: str) -> None:
    for x in points(name, 60, seed=2):
        operands = _variables(x)
        try:
            out = recorder(OPS[name])(*operands)
        except OverflowError:
            continue
        if not math.isfinite(out.data):
            continue
        recorded = [d.data for d in grad(out, operands)]
        truth = TRUTH[name]
        size = truth.terms(*exact(x)) if truth.terms else [mp.mpf(0)] * len(x)
        for got, stored, term in zip(recorded, out.partials, size, strict=True):
            if math.isnan(stored):
                assert math.isnan(got)
            elif abs(stored) > 1e-290 and math.isfinite(stored):
                assert ulps(got, stored, max(term, abs(mp.mpf(stored)))) <= 8.0, (name, x, got, stored)


SMOOTH = [name for name, truth in TRUTH.items() if truth.smooth]


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives(name: str) -> None:
    truth, compared = TRUTH[name], 0
    for x in points(name, 300, seed=3):
        if not all(0.01 < abs(x_i) < 8.0 for x_i in x) or len(x) > 4 or (name == "pow" and x[0] < 0):
            continue
        operands = _variables(x)
        first = grad(recorder(OPS[name])(*operands), operands)
        for i, d in enumerate(first):
            second = [s.data for s in grad(d, operands)]
            for j, got in enumerate(second):
                order = tuple(int(j == k) for k in range(len(x)))
                point = tuple(exact(x))
                true = mp.diff(
                    lambda *y, i=i: mp.mpf(truth.partials(*y)[i]), point, order, h=mp.mpf(10) ** -25
                )
                scale = max(abs(true), abs(mp.mpf(first[i].data)), abs(mp.mpf(first[j].data)))
                assert abs(got - true) <= 1e-14 * scale + mp.mpf(10) ** -24, (name, x, i, j, got, true)
                compared += 1
        if compared > 60:
            break
    assert compared >= 5


def _check_higher_derivatives(name: str, every: int) -> None:
    compared = 0
    for x in list(smooth_points(name, OPS[name].arity))[::every]:
        operands = _variables(x)
        try:
            out = recorder(OPS[name])(*operands)
        except (OverflowError, ValueError, ZeroDivisionError):
            continue
        for by in orders(len(x)):
            true = derivative(name, x, by)
            if true is None or abs(true) > 1e290:
                continue
            chain = [out]
            for place in by:
                chain += grad(chain[-1], [operands[place]])
            size = max(abs(true), size_of_terms(name, x, [d.data for d in chain[1:-1]]))
            # a difference has an error too: 1e-35 of the operation itself at the least
            assert abs(chain[-1].data - true) <= 1e-13 * size + mp.mpf(10) ** -35, (name, x, by, true)
            compared += 1
    assert compared >= 2


@pytest.mark.slow
@EVERY_OPERATION
def test_second_and_third_derivatives_at_some_points(name: str) -> None:
    _check_higher_derivatives(name, every=7)


@pytest.mark.slow
@EVERY_OPERATION
def test_second_and_third_derivatives_at_every_point(name: str) -> None:
    _check_higher_derivatives(name, every=1)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: x**x, 1.0, [1.0, 2.0, 3.0, 8.0]),
        (lambda p: (1.0 + p) ** p, 0.0, [0.0, 2.0, -3.0, 20.0]),
        (lambda x: x ** (1.0 - x), 1.0, None),
        (lambda x: x**x, 2.0, None),
        (lambda x: (x * x + 1.0) ** (x - 0.5), 0.5, None),
        (lambda x: 3.0 ** (x * x), 0.0, None),
    ],
)
def test_a_variable_exponent_may_be_0(
    f: Callable[[Any], Any], x: float, expected: list[float] | None
) -> None:
    v = Value(x)
    y = f(v)
    for n in range(1, 5):
        (y,) = grad(y, [v])
        true = float(mp.diff(f, mp.mpf(x), n)) if expected is None else expected[n - 1]
        assert y.data == pytest.approx(true, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tanh", (1.0, 0.0, -2.0)),
        ("sigmoid", (0.25, 0.0, -0.125)),
        ("softplus", (0.5, 0.25, 0.0)),
        ("gelu", (0.5, 2.0 / math.sqrt(2.0 * math.pi), 0.0)),
        ("silu", (0.5, 0.5, 0.0)),
        ("exp", (1.0, 1.0, 1.0)),
        ("sin", (1.0, 0.0, -1.0)),
        ("erf", (2.0 / math.sqrt(math.pi), 0.0, -4.0 / math.sqrt(math.pi))),
        ("atan", (1.0, 0.0, -2.0)),
        ("asinh", (1.0, 0.0, -1.0)),
        ("log1p", (1.0, -1.0, 2.0)),
        ("sech2", (0.0, -2.0, 0.0)),
        ("gaussian", (0.0, -1.0, 0.0)),
    ],
)
def test_three_derivatives_at_zero(name: str, expected: Point) -> None:
    x = Value(0.0)
    y = recorder(OPS[name])(x)
    for true in expected:
        (y,) = grad(y, [x])
        assert y.data == pytest.approx(true, rel=1e-15, abs=1e-300)


def test_second_derivatives_of_functions_with_a_kink() -> None:
    """Left and right of the kink they are those of the pieces; at it, those of the conventions."""
    for x, expected in [(-1.0, math.exp(-1.0)), (0.0, 1.0), (1.0, 0.0)]:
        v = Value(x)
        (d,) = grad(engine.elu(v), [v])
        (d2,) = grad(d, [v])
        assert d2.data == pytest.approx(expected, rel=1e-15)
    for kinked in (engine.relu, engine.abs, engine.leaky_relu):
        v = Value(0.0)
        (d,) = grad(kinked(v), [v])
        assert grad(d, [v])[0].data == 0.0


@pytest.mark.parametrize(
    ("x", "p", "expected"),
    [
        (0.0, 2.0, 2.0),
        (0.0, 3.0, 0.0),
        (0.0, 1.0, 0.0),
        (-2.0, 3.0, -12.0),
        (4.0, 0.5, -1 / 32),
        (1e300, 0.1, None),
    ],
)
def test_second_derivative_of_a_power_by_its_base(x: float, p: float, expected: float | None) -> None:
    v = Value(x)
    (d,) = grad(v**p, [v])
    true = float(mp.mpf(p) * (mp.mpf(p) - 1) * mp.mpf(x) ** (mp.mpf(p) - 2)) if expected is None else expected
    assert grad(d, [v])[0].data == pytest.approx(true, rel=1e-14, abs=0.0)


# --- The functions of `engine`, and the number systems.


def _call(name: str, x: list[Any]) -> list[Any]:
    """A function of `engine` by its signature; always a list of results."""
    function: Callable[..., Any] = getattr(engine, name)
    if OPS[name].paired:
        return [function(x[: len(x) // 2], x[len(x) // 2 :])]
    result = function(x) if OPS[name].arity is None else function(*x)
    return result if isinstance(result, list) else [result]


@EVERY_OPERATION
def test_every_operation_is_a_function_of_the_engine_and_most_are_methods(name: str) -> None:
    op = OPS[name]
    function = getattr(engine, name)
    assert function is getattr(functions, name)
    assert name in engine.__all__
    assert name in dir(engine)
    assert function.__name__ == name
    assert op.text in function.__doc__
    for method in {name, op.alias or name}:
        assert (vars(Value).get(method) is function) == (not op.paired and not op.shares)


@EVERY_OPERATION
def test_functions_of_floats_return_floats_and_of_values_values(name: str) -> None:
    for x in points(name, 30, seed=4):
        try:
            plain = _call(name, list(x))
        except OverflowError:
            continue
        recorded = _call(name, [Value(x_i) for x_i in x])
        assert {type(y) for y in plain} == {float}
        assert {type(y) for y in recorded} == {Value}
        assert [y.data for y in recorded] == plain
        mixed = _call(name, [Value(x_i) if i == len(x) - 1 else x_i for i, x_i in enumerate(x)])
        assert [float(y) for y in mixed] == plain
        assert {type(y) for y in mixed} == {Value}


def test_a_plain_condition_is_not_recorded() -> None:
    x = Value(3.0)
    assert engine.where(x > 1, x, 0.0) is x
    assert engine.where(x < 1, x, 2).data == 2.0
    assert engine.where(True, 1, 2) == 1.0
    assert engine.where(engine.step(x), x, 0.0).op == "where"


def test_functions_accept_what_a_value_accepts_and_refuse_the_rest() -> None:
    assert engine.exp(0) == 1.0
    assert engine.max(np.float64(2.0), 3) == 3.0
    assert engine.max(x for x in (1.0, 5.0)) == 5.0
    for wrong in ("1", None, True, 1j, [1.0]):
        with pytest.raises(TypeError, match="one real number"):
            engine.exp(wrong)
    with pytest.raises(TypeError, match="one real number"):
        engine.where("yes", 1.0, 2.0)
    with pytest.raises(TypeError, match=r"atan2 takes 2 operands \(y, x\), got 1"):
        engine.atan2(1.0)
    with pytest.raises(ValueError, match="two sequences of the same length, got 2 and 1 numbers"):
        engine.sumprod([1.0, 2.0], [1.0])


NUMBER_SYSTEMS: dict[str, NumberSystem] = {
    "floats": floats,
    "arrays": arrays,
    "functions": cast("NumberSystem", functions),  # made from the table, so that mypy cannot see its names
    "multiprecision": Multiprecision(40),
}


@pytest.mark.parametrize("system", NUMBER_SYSTEMS)
def test_every_number_system_keeps_the_contract(system: str) -> None:
    assert [name for name in NAMES if not hasattr(NUMBER_SYSTEMS[system], name)] == []
    with pytest.raises(AttributeError, match="no_such_function"):
        NUMBER_SYSTEMS[system].no_such_function  # type: ignore[attr-defined]  # noqa: B018  # what a rule may ask for


def test_rules_ask_for_nothing_outside_the_contract() -> None:
    """A number system of the contract alone is enough for every rule, and every name of it is used."""
    asked: set[str] = set()

    class OfTheContract:
        def __getattr__(self, name: str) -> Any:
            assert name in NAMES
            asked.add(name)
            return getattr(floats, name)

    for op in OPS.values():
        (x,) = points(op.name, 1, seed=5)
        op.partials(OfTheContract(), op.forward(OfTheContract(), *x), *x)
    assert asked == set(NAMES)


@EVERY_OPERATION
def test_number_systems_agree(name: str) -> None:
    op, m = OPS[name], Multiprecision(40)
    compared = 0
    for x in points(name, 600, seed=6):
        if not all(1e-3 < abs(x_i) < 20.0 for x_i in x) or compared > 40:
            continue
        precise = [m.number(x_i) for x_i in x]
        try:
            out = op.forward(m, *precise)
        except ValueError:  # what floats refuse, the others need not say in the same words
            continue
        expected = [float(y) for y in (out, *op.partials(m, out, *precise))]
        arrayed = [np.array([x_i, x_i]) for x_i in x]
        with np.errstate(all="ignore"):
            out = op.forward(arrays, *arrayed)
            results = [out, *op.partials(arrays, out, *arrayed)]
        scale = max(1e-3, *map(abs, x))
        for result, true in zip(results, expected, strict=True):
            assert np.broadcast_to(result, 2) == pytest.approx(
                [true, true], rel=1e-12, abs=1e-14 * scale, nan_ok=True
            )
        compared += 1
    assert compared >= 5


NORMAL = ["normal_cdf", "gelu", "gaussian", "erfc", "erf"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NORMAL)
def test_arrays_keep_the_digits_of_the_normal_distribution(name: str) -> None:
    """Over the whole domain, where a piece of the table ends and begins, and where the tail underflows."""
    rng, truth = np.random.default_rng(0), TRUTH[name]
    ends = np.arange(-641, 642) / 16.0
    pieces = [ends, np.nextafter(ends, 50.0), np.nextafter(ends, -50.0)]
    tails = [rng.uniform(low, low + 3.0, 150) for low in (-40.0, -39.0, -8.0, -1.5, 5.0, 25.0, 37.0)]
    drawn = [[x for (x,) in points(name, 300, seed=8)], rng.normal(size=300), [0.5, -0.5, 1e-300, SMALLEST]]
    x = np.concatenate([*pieces, *tails, *drawn])
    with np.errstate(all="ignore"):
        single = x[abs(x) < 1e30].astype(np.float32)
        found, found_single = (OPS[name].forward(arrays, y) for y in (x, single))
    assert (found.dtype, found_single.dtype) == (np.float64, np.float32)
    for at, got in zip(x.tolist(), found.tolist(), strict=True):
        error = ulps(got, truth.value(mp.mpf(at)), None, truth.underflow(mp.mpf(at)))
        assert error <= 3.0, f"{name}({at}) is off by {error}"
    for at, got in zip(single.tolist(), found_single, strict=True):
        true = float(truth.value(mp.mpf(at)))
        assert abs(float(got) - true) <= 0.51 * float(np.spacing(abs(np.float32(true)))), (name, at)


@pytest.mark.parametrize("name", NORMAL)
def test_arrays_have_the_limits_of_the_normal_distribution(name: str) -> None:
    x = np.array([inf, -inf, nan, 0.0, -0.0, LARGEST, -LARGEST])
    expected = {
        "normal_cdf": [1.0, 0.0, nan, 0.5, 0.5, 1.0, 0.0],
        "gelu": [inf, -0.0, nan, 0.0, -0.0, LARGEST, -0.0],
        "gaussian": [0.0, 0.0, nan, 1.0, 1.0, 0.0, 0.0],
        "erfc": [0.0, 2.0, nan, 1.0, 1.0, 0.0, 2.0],
        "erf": [1.0, -1.0, nan, 0.0, -0.0, 1.0, -1.0],
    }[name]
    with np.errstate(all="raise", under="ignore"):
        found = OPS[name].forward(arrays, x)
        assert OPS[name].forward(arrays, np.float64(-inf)) == expected[1]
    assert list(map(repr, found.tolist())) == list(map(repr, expected))


def test_multiprecision_keeps_its_own_precision() -> None:
    before = mpmath.mp.dps
    m = Multiprecision(50)
    third = m.number(1.0) / 3
    assert abs(3 * third - 1) < 1e-49
    assert mpmath.mp.dps == before
    with pytest.raises(AttributeError, match="no function 'frobnicate'"):
        m.frobnicate(1.0)
    with pytest.raises(ValueError, match="is not a real number"):
        m.log(m.number(-1.0))

"""Claims: what each form of a number claims, and what is said of a number that is nearly right."""

import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from engine import Value, check_gradients, cos, exp, grade, logsumexp, sigmoid, sin, tanh
from engine.claims import Claim

# --- Text.

TEXTS: list[tuple[Any, float, float | None]] = [  # the text, its value, half a unit of its last decimal
    ("0.0497", 0.0497, 5e-5),
    (" 0.0497\n", 0.0497, 5e-5),
    ("+0.0497", 0.0497, 5e-5),
    ("-.5", -0.5, 0.05),
    ("−0.5", -0.5, 0.05),
    ("5.", 5.0, 0.5),
    ("5.0", 5.0, 0.05),
    ("1.5e-3", 1.5e-3, 5e-5),
    ("1.5E+3", 1500.0, 50.0),
    ("1e-05", 1e-5, 5e-6),
    ("1.5×10^-3", 1.5e-3, 5e-5),
    ("1.5 × 10^{-3}", 1.5e-3, 5e-5),
    ("1.5·10⁻³", 1.5e-3, 5e-5),
    ("1.5*10**-3", 1.5e-3, 5e-5),
    ("−2.50 × 10²", -250.0, 0.5),
    ("5", 5.0, None),
    ("-0", 0.0, None),
    ("1e2", 100.0, None),
    ("1e+22", 1e22, None),
    ("–1.5 x 10^–3", -1.5e-3, 5e-5),
    (f"{1e-310:.1074f}", 1e-310, 0.0),
    (Decimal.from_float(5e-324), 5e-324, 0.0),
    ("127216344655285841459869722848788480", 127216344655285841459869722848788480.0, None),
    ("1/3", 1.0 / 3.0, None),
    ("-2 / 5", -0.4, None),
    ("0.00e+00", 0.0, 0.005),
    ("0e999999999", 0.0, None),
    ("0.0e999999999", 0.0, 0.05),
    (Decimal("0.0497"), 0.0497, 5e-5),
    (Fraction(1, 3), 1.0 / 3.0, None),
    (2, 2.0, None),
    (Value(2.5), 2.5, None),
    (np.float64(2.5), 2.5, None),
    (np.array(2.5), 2.5, None),
    (np.array("0.0497"), 0.0497, 5e-5),
    (np.str_("0.0497"), 0.0497, 5e-5),
    ("nan", math.nan, None),
    ("-inf", -math.inf, None),
]


@pytest.mark.parametrize(("x", "value", "half_unit"), TEXTS)
def test_what_a_number_claims(x: Any, value: float, half_unit: float | None) -> None:
    claim = Claim.of(x)
    assert claim.value == value or (math.isnan(claim.value) and math.isnan(value))
    assert claim.half_unit == half_unit


NO_NUMBERS = [
    ("1,5", "'1,5' is not a number: write a decimal point, 1.5"),
    ("-0,0497", "'-0,0497' is not a number: write a decimal point, -0.0497"),
    ("1,5e-3", "'1,5e-3' is not a number: write a decimal point, 1.5e-3"),
    ("1,234", "'1,234' is not a number: write 1.234 or 1234"),
    ("1,234.5", "'1,234.5' is not a number: write its digits together, 1234.5"),
    ("1.234.567,8", "'1.234.567,8' is not a number: write a decimal point, 1234567.8"),
    ("1 000,5", "'1 000,5' is not a number: write a decimal point, 1000.5"),
    ("1.000,5", "'1.000,5' is not a number: write a decimal point, 1000.5"),
    ("1,234,567", "'1,234,567' is not a number: write its digits together, 1234567"),
    ("0,123", "'0,123' is not a number: write a decimal point, 0.123"),
    ("1,5×10⁻³", "'1,5×10⁻³' is not a number: write a decimal point, 1.5e-3"),
    ("5²", "'5²' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("²", "'²' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("np.float32(0.5)", "'np.float32(0.5)' is not a number: write the number alone, 0.5"),
    ("tensor(-0.5, dtype=torch.float64)", "is not a number: write the number alone, -0.5"),
    ("1_000", "'1_000' is not a number: write its digits together, 1000"),
    ("1 000", "'1 000' is not a number: write its digits together, 1000"),
    ("1'000.5", '"1\'000.5" is not a number: write its digits together, 1000.5'),
    ("5%", "'5%' is not a number: write it without a percent sign, 5% as 0.05"),
    ("one", "'one' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("", "'' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    (".", "'.' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("1.2.3", "'1.2.3' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("0x10", "'0x10' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("1.5*103", "'1.5*103' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("0.5/3", "'0.5/3' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("٣", "'٣' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
    ("1/0", "'1/0' divides by 0"),
    ("1e999999999", "'1e999999999' is too large for a double, whose largest number is 1.8e308"),
    ("-1.5e400", "'-1.5e400' is too large for a double, whose largest number is 1.8e308"),
    ("1e-99999999999", "'1e-99999999999' is too small for a double, whose smallest number is 4.9e-324"),
    ("1×10^999999999", "'1×10^999999999' is too large for a double, whose largest number is 1.8e308"),
    ("9" * 350, f"{'9' * 350!r} is too large for a double, whose largest number is 1.8e308"),
    ("9" * 350 + "/3", f"{'9' * 350 + '/3'!r} is too large for a double"),
    ("9" * 1_000_000, "has 1000000 characters; a double has at most 17 digits"),
]


@pytest.mark.parametrize(("text", "words"), NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_not_a_number_says_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Claim.of(text)
    assert str(caught.value) == words or (len(text) > 30 and words.split("is")[-1] in str(caught.value))
    assert len(str(caught.value)) < 1000
    assert check_gradients(lambda x: x * x, x=1.0, claimed={"x": text}).headline.startswith(
        "no gradient could be checked: the claim for x: "
    )
    y = Value(2.0, "x") * 3.0
    with pytest.raises(ValueError, match="the claim for dy/dx: "):
        grade(y, {"dy/dx": text})


@pytest.mark.parametrize(
    ("text", "truth", "ok"),
    [
        ("5.", 5.4, True),
        ("5.", 5.6, False),
        ("5", 5.0, True),
        ("5", 5.0001, False),
        ("1e2", 100.0, True),
        ("1e2", 140.0, False),
        ("1/3", 1.0 / 3.0, True),
        ("1/3", 0.3333, False),
        ("0.3333", 1.0 / 3.0, True),
        ("1.5×10^-3", 0.00151, True),
        ("1.5×10^-3", 0.00156, False),
    ],
)
def test_whole_numbers_and_fractions_are_exact(text: str, truth: float, ok: bool) -> None:
    assert check_gradients(lambda x: truth * x, x=1.0, claimed=[text]).ok is ok


# --- Numbers with all the digits of a double.

FUNCTIONS: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = [
    (lambda x: sin(x) * exp(x), lambda x: mpmath.exp(x) * (mpmath.sin(x) + mpmath.cos(x))),
    (lambda x: tanh(3.0 * x), lambda x: 3 * mpmath.sech(3 * x) ** 2),
    (lambda x: x**5 - exp(x), lambda x: 5 * x**4 - mpmath.exp(x)),
    (lambda x: 1e30 * cos(x), lambda x: -mpmath.mpf(1e30) * mpmath.sin(x)),
    (lambda x: tanh(x) / (x * x + 1.0), lambda x: mpmath.diff(lambda t: mpmath.tanh(t) / (t * t + 1), x)),
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_right_gradient_is_right_however_it_is_printed(seed: int) -> None:
    x = random.Random(seed).uniform(-1.5, 1.5)
    for f, derivative in FUNCTIONS:
        with mpmath.workdps(60):
            exact = derivative(mpmath.mpf(x))
            truth = float(exact)
            thirty = mpmath.nstr(exact, 30, min_fixed=-400, max_fixed=400)
        leaf = Value(x)
        f(leaf).backward()
        near = (leaf.grad, truth, math.nextafter(truth, math.inf), math.nextafter(truth, -math.inf))
        texts = [form(g) for g in near for form in (str, lambda g: f"{g:.17g}", lambda g: f"{g:.16e}")]
        texts += [thirty, f"{truth:.40f}"]
        for text in texts:
            report = check_gradients(f, [x], claimed=[text])
            assert report.ok, f"{text}\n{report}"
        for digits in (3, 6, 9, 12):
            wrong = f"{truth:.{digits - 1}e}"
            mantissa, e, power = wrong.partition("e")
            off = str(Decimal(mantissa) + 2 * Decimal(10) ** (1 - digits)) + e + power
            assert not check_gradients(f, [x], claimed=[off]).ok, off


def test_a_gradient_that_is_0_by_cancellation_is_right_as_the_engine_gives_it() -> None:
    def shifted(c: Any) -> Any:
        return logsumexp([c + 1.0, c + 2.5]) - (c + 2.5)

    for text in ("0", "0.0", "-2.7755575615628914e-17", "1e-17"):
        opinion = check_gradients(shifted, [0.3], claimed=[text]).comparisons[0].opinions["claimed"]
        assert opinion.ok, text
    for text in ("1e-12", "-0.5"):
        assert not check_gradients(shifted, [0.3], claimed=[text]).comparisons[0].opinions["claimed"].ok


def test_a_copy_of_a_gradient_that_rounding_costs_digits_is_as_right_as_it_is() -> None:
    def f(x: Any) -> Any:
        return (1.0 - cos(x)) / x

    x = Value(1e-4)
    f(x).backward()
    for claim in (x.grad, str(x.grad)):
        report = check_gradients(f, [1e-4], claimed=[claim], digits=3)
        assert report.ok, str(report)
        assert (
            not check_gradients(f, [1e-4], claimed=[claim], digits=16).comparisons[0].opinions["claimed"].ok
        )


# --- Some of the names, arrays, narrow numbers.


def product(w: Any, b: Any) -> Any:
    return tanh(w[0] * w[1]) * b


AT = {"w": [0.5, 2.0], "b": 3.0}
RIGHT = {"w": ["2.52", "0.63"], "b": "0.76"}
OTHER_SHAPE = "the claim for w has another shape than the point; give one number for each of w[0], w[1]"


@pytest.mark.parametrize(
    ("claimed", "names"),
    [
        ({"b": "0.76"}, ["b"]),
        ({"w": ["2.52", "0.63"]}, ["w[0]", "w[1]"]),
        ({"w[1]": "0.63"}, ["w[1]"]),
        (RIGHT, ["w[0]", "w[1]", "b"]),
        ([["2.52", "0.63"], "0.76"], ["w[0]", "w[1]", "b"]),
        ({"w": np.array(["2.52", "0.63"], dtype=object)}, ["w[0]", "w[1]"]),
    ],
)
def test_some_of_the_names_may_be_claimed(claimed: Any, names: list[str]) -> None:
    report = check_gradients(product, AT, claimed=claimed)
    assert report.ok, str(report)
    assert [c.name for c in report.comparisons if "claimed" in c.opinions] == names
    others = [c.name for c in report.comparisons if "claimed" not in c.opinions]
    assert (f"nothing is claimed for {', '.join(others)}" in str(report)) is bool(others)


def test_a_wrong_claim_among_some_of_the_names_is_explained() -> None:
    report = check_gradients(product, AT, claimed={"b": "-0.76"})
    assert report.headline == (
        "gradient by b: claimed -0.76, truth 0.761594: the sign is flipped (1 of 3 gradients fail)"
    )


@pytest.mark.parametrize(
    ("claimed", "words"),
    [
        ({}, "nothing is claimed for w[0], w[1], b"),
        ({"c": "1"}, "f has no c; it has w[0], w[1], b"),
        ({"w[2]": "1"}, "f has no w[2] (did you mean w[1]?); it has w[0], w[1], b"),
        ({"w": "1"}, OTHER_SHAPE),
        ({"w": ["1"]}, OTHER_SHAPE),
        ({"w": [["1", "2"]]}, OTHER_SHAPE),
        ({"b": ["1"]}, "f has no b[0]"),
        ({"w[1]": "9", "w": ["2.52", "0.63"]}, "w[1] is claimed twice"),
        ({"w": ["2.52", "0.63"], "w[1]": "0.63"}, "w[1] is claimed twice"),
        ({"w[0]": "2.52", "W": "1"}, "f has no W"),
    ],
)
def test_names_and_shapes_of_claims_come_before_values(claimed: Any, words: str) -> None:
    report = check_gradients(product, AT, claimed=claimed)
    assert report.headline.startswith(f"no gradient could be checked: {words}")


def test_arrays_are_claims_in_every_form() -> None:
    def f(w: Any) -> Any:
        return np.sum(w * w)

    w = np.array([[0.5, 1.0], [1.5, 2.0]])
    forms: list[Any] = [
        {"w": 2 * w},
        [2 * w],
        2 * w,
        (2 * w).tolist(),
        (2 * w).ravel(),
        lambda w: 2 * np.array(w),
    ]
    for claimed in forms:
        report = check_gradients(f, w=w, claimed=claimed)
        assert report.ok, str(report)
    transposed = check_gradients(f, w=w, claimed={"w": 2 * w.T})
    assert "w[0][1]: claimed: w[0][1] and w[1][0] are swapped; or the matrix w is transposed" in str(
        transposed
    ).replace("w[0][1], w[1][0]: ", "w[0][1]: ")
    other = check_gradients(f, w=w, claimed=[np.ones((2, 3))])
    assert "the claimed gradient[0][0] has 3 entries; expected 2" in other.headline
    assert check_gradients(lambda x: x * x, x=3.0, claimed=np.array(6.0)).ok
    assert check_gradients(lambda x: x * x, x=3.0, claimed=np.array([6.0])).ok


def test_a_source_must_give_every_name() -> None:
    report = check_gradients(product, AT, against=lambda f, at: {"b": 0.76})
    assert "gave no gradient: NotJudgedError: nothing is claimed for w[0], w[1]" in report.headline


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_narrow_numbers_are_held_to_their_own_precision(kind: Any) -> None:
    truth = 0.030123456789
    report = check_gradients(lambda x: truth * x, x=1.0, claimed=[kind(truth)])
    assert report.ok, str(report)
    name = np.dtype(kind).name
    assert f"{name} claims are held to the precision of {name}: compute in float64" in str(report)
    array = check_gradients(lambda w: truth * w[0], w=[1.0], claimed=[np.array([truth], dtype=kind)])
    assert array.ok, str(array)
    assert not check_gradients(lambda x: truth * x, x=1.0, claimed=[kind(1.05 * truth)]).ok
    assert not check_gradients(lambda x: truth * x, x=1.0, claimed=[float(kind(truth))]).ok


def test_a_narrow_number_that_lost_digits_gets_advice() -> None:
    report = check_gradients(lambda x: 0.03 * x, x=1.0, claimed=[np.float32(0.0300005)])
    assert report.headline == (
        "gradient by x: claimed 0.0300005 (float32), truth 0.03: right to 4 digits, fewer than float32 "
        "has: compute it in float64"
    )


# --- Nearly right.

NEARLY: list[tuple[float, Any, str]] = [
    (12.0, 12.0000006, "right to 7 digits: it looks like a finite difference; give it as text to claim only"),
    (12.0, 12.003, ""),
    (12.0, 12.0 * (1.0 + 1e-9), "right to 8 digits: it looks like a finite difference"),
    (0.123456789, "0.12345700012", "right to 5 digits of the 11 that it claims: leave out the others"),
    (0.76721, "0.76726", "right to 4 digits of the 5 that it claims: leave out the others"),
    (9.87654368, "9.8765434", "right to 7 digits of the 8 that it claims: leave out the others"),  # a float32
    (0.99996, "0.9999", "truncated, not rounded: it rounds to 1.0000"),
    (9.99983, "9.9999", "its last decimal is off: it rounds to 9.9998"),
    (0.7672, "0.76", "truncated, not rounded: it rounds to 0.77"),
    (-0.7672, "-0.76", "truncated, not rounded: it rounds to -0.77"),
    (0.049681, "0.0496", "truncated, not rounded: it rounds to 0.0497"),
    (0.00049681, "4.96e-4", "truncated, not rounded: it rounds to 0.000497"),
    (0.7672, "0.78", ""),
    (0.7672, "0.7", ""),  # one digit alone is too often near
    (2.0001, "2", "2 claims exactly that number: give the decimals, 2.0001"),
    (124842.9, "124843", "124843 claims exactly that number: give the decimals, 124842.9"),
    (0.7672, "-0.7672", "the sign is flipped"),
]


@pytest.mark.parametrize(("truth", "claimed", "words"), NEARLY)
def test_a_number_that_is_nearly_right_gets_a_hint(truth: float, claimed: Any, words: str) -> None:
    report = check_gradients(lambda x: truth * x, x=1.0, claimed=[claimed])
    assert not report.ok
    said = "; or ".join(report.comparisons[0].opinions["claimed"].mistakes)
    assert said.startswith(words) if words else said == ""


def test_rounding_at_every_step_is_named() -> None:
    def f(w: Any, x: Any) -> Any:
        return sigmoid(w * x) ** 2

    # With 2 decimals: z = 0.79, a = 0.69, 2 a = 1.38, a (1 - a) = 0.22, 1.38 * 0.22 * 1.43 = 0.43
    report = check_gradients(f, w=0.55, x=1.43, claimed={"w": "0.43"})
    (hint,) = report.comparisons[0].opinions["claimed"].mistakes
    assert hint == "rounded too early: with 2 decimals at every step it is 0.43"

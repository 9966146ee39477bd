"""Whatever f raises or returns, at the point or near it, is told in the report."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value, check_gradients, check_vjp


class WithoutMessageError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


class NoTextError(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]  # what a careless class does


RAISED: list[tuple[BaseException, str]] = [
    (ValueError("too large"), "ValueError{}: too large"),
    (ValueError(), "ValueError{}"),
    (ValueError("two\n  lines"), "ValueError{}: two"),
    (TypeError("no such operand"), "TypeError{}: no such operand"),
    (AttributeError("no such name"), "AttributeError{}: no such name"),
    (RecursionError("too deep"), "RecursionError{}: too deep"),
    (AssertionError(), "AssertionError{}"),
    (KeyError("w"), "KeyError{}: 'w'"),
    (MemoryError(), "MemoryError{}"),
    (StopIteration(), "StopIteration{}"),
    (ExceptionGroup("both", [ValueError(), TypeError()]), "ExceptionGroup{}: both (2 sub-exceptions)"),
    (SystemExit(), "SystemExit{}"),
    (SystemExit(0), "SystemExit{}: 0"),
    (SystemExit("bye"), "SystemExit{}: bye"),
    (WithoutMessageError(), "WithoutMessageError{}"),
    (NoTextError(), "NoTextError{}"),
]
NAMES = [f"{type(error).__name__}-{i}" for i, (error, _) in enumerate(RAISED)]


def raising(error: BaseException, where: Callable[[Any], bool]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        if where(x):
            raise error
        return x * x

    return f


def square(x: Any) -> Any:
    return x * x


@pytest.mark.parametrize(("error", "told"), RAISED, ids=NAMES)
def test_what_f_raises_at_the_point_is_told(error: BaseException, told: str) -> None:
    f = raising(error, lambda x: True)
    words = f"no gradient could be checked: f raises {told.format(' at the point')}"
    for order in (1, 2):
        report = check_gradients(f, x=1.0, order=order)
        assert (report.ok, report.headline) == (False, words)
    assert check_gradients(square, x=1.0, claimed=f).headline.endswith(
        f"the claimed gradient raises {told.format('')}"
    )
    other = check_gradients(square, x=1.0, against=lambda f, at: raising(error, lambda x: True)(at))
    assert other.headline.endswith(f"gave no gradient: {told.format('')}")
    assert check_vjp(f, lambda x, g: g, (1.0,)).headline.endswith(told.format(" at the point"))
    assert check_vjp(square, lambda x, g: f(x), (1.0,)).headline.endswith(f"vjp raises {told.format('')}")


@pytest.mark.parametrize(("error", "told"), RAISED, ids=NAMES)
@pytest.mark.parametrize(
    ("side", "where"), [("right", lambda x: x > 1.0), ("left", lambda x: x < 1.0)], ids=["right", "left"]
)
def test_what_f_raises_near_the_point_is_told(
    error: BaseException, told: str, side: str, where: Callable[[Any], bool]
) -> None:
    report = check_gradients(raising(error, where), x=1.0)
    assert not report.ok
    assert report.headline == f"gradient by x: edge: f raises on the {side}: {told.format('')}"


@pytest.mark.parametrize("error", [KeyboardInterrupt, pytest.skip.Exception])
def test_what_is_not_for_a_report_goes_on(error: type[BaseException]) -> None:
    with pytest.raises(error):
        check_gradients(raising(error(), lambda x: x > 1.0), x=1.0)


class NoTextTypeError(TypeError):
    def __str__(self) -> str:
        raise RuntimeError("no message")


def test_an_error_on_balls_alone_may_have_no_message() -> None:
    def f(x: Any) -> Any:
        if type(x) is not Value:
            raise NoTextTypeError
        return x * x

    (c,) = check_gradients(f, x=1.5).comparisons
    assert c.ok
    assert c.truth == pytest.approx(3.0)
    assert check_gradients(f, x=1.5, order=2).headline.endswith("cannot be proved: f cannot run on balls")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


RETURNED: list[tuple[Any, str]] = [
    (None, "None, not a Value. Is a return missing?"),
    (True, "bool True, not a Value. Did it take .data, or a function of math?"),
    (2j, "complex 2j, not a Value. Let it return one Value."),
    ("x" * 1000, "str 'xxx"),
    ([], "a list of 0, not one Value. Check its outputs one by one."),
    ({"loss": 1.0}, "dict {'loss': 1.0}, not a Value. Let it return one Value."),
    (np.ones(3), "an array of the shape (3,), not one Value. Check its outputs one by one"),
    (np.ones(1), "an array of the shape (1,), not one Value. Take its number: array.item()."),
    (Unprintable(), "Unprintable, not a Value. Let it return one Value."),
]


@pytest.mark.parametrize(("output", "words"), RETURNED, ids=[type(x).__name__ for x, _ in RETURNED])
def test_what_f_returns_in_place_of_a_value_is_told(output: Any, words: str) -> None:
    everywhere = check_gradients(lambda x: output, x=1.5)
    assert everywhere.headline.startswith(f"no gradient could be checked: f returns {words}")
    near = check_gradients(lambda x: x * x if x <= 1.5 else output, x=1.5)
    assert near.headline.startswith(f"gradient by x: edge: on the right f returns {words}")
    for report in (everywhere, near):
        assert not report.ok
        assert len(report.headline) < 250


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x if x <= 1.5 else float(x),
        lambda x: x * x if x <= 1.5 else int(x) * x,
        lambda x: x * x if x <= 1.5 else np.float64(x.data),
        lambda x: x * x if float(x) <= 1.5 else x * 1.0,
        lambda x: round(x) * x,  # it jumps at 1.5
        lambda x: x * x * (1.0 if f"{x:.0f}" == "2" else 3.0),
        lambda x: x * x + (0.0 if Value(x.data).data > 1.5 else 1.0),
    ],
    ids=range(7),
)
def test_a_jump_is_never_proved_by_doubles_that_cannot_tell(f: Callable[[Any], Any]) -> None:
    assert not check_gradients(f, x=1.5).ok


@pytest.mark.parametrize(
    ("f", "at", "ok"),
    [
        (lambda x: x * x + 0.0 * math.exp(x), 0.0, True),
        (lambda x: x * x + 0.0 * math.exp(x), 1e-150, True),
        (lambda x: 1e-8 * x + 0.0 * math.exp(x), 1.0, True),
        (lambda x: 0.0 * x + 0.0 * math.exp(x), 1.0, True),
        (lambda x: x * x if float(x) < 1.6 else 5.0 * x, 1.5, True),
        (lambda x: x * x + (0.0 if abs(float(x) - 1.0) < 1e-3 else [][0]), 1.0, True),
        (lambda x: x * x + (0.0 if abs(float(x) - 1.0) < 1e-2 else None), 1.0, True),
        (lambda x: x * x + 0.0 * math.sqrt(x), 0.0, False),
        (lambda x: [1.0, 2.0][int(x)] * x, 1.0, False),
        (lambda x: x + 1e-9 * math.sin(1e9 * x), 1.0, False),
        (lambda x: x * abs(float(x)), 1.5, False),
    ],
    ids=range(11),
)
def test_doubles_prove_what_they_can(f: Callable[[Any], Any], at: float, ok: bool) -> None:
    report = check_gradients(f, x=at)
    assert report.ok is ok, str(report)


@pytest.mark.parametrize("number", [int, round, lambda x: float(f"{x:.0f}")])
def test_a_whole_number_of_an_input_stands_still(number: Callable[[Any], Any]) -> None:
    (c,) = check_gradients(lambda x: number(x) * x, x=2.25).comparisons
    assert (c.truth, c.engine, c.verdict) == (2.0, 2.0, "right")


def test_a_function_that_changes_only_later_is_no_matter_of_its_rules() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x * x if len(calls) <= 2 else x * x * x

    assert check_gradients(f, x=1.0).headline == (
        "no gradient could be checked: f is not deterministic: two runs at the same point recorded different "
        "operations. Draw its random numbers outside, or seed them inside."
    )


def test_a_second_derivative_with_an_operation_that_is_undefined_at_the_point_is_told() -> None:
    report = check_gradients(lambda x, p: x**p, x=0.0, p=0.0, order=2)  # its rules contain x**-1
    assert not report.ok
    assert len(report.comparisons) == 3
    assert all(c.finding.why for c in report.comparisons if not c.ok)

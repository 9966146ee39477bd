"""`first_nonfinite` and `detect_anomaly`: where NaN and infinity come from."""

import asyncio
import math
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import Value, detect_anomaly, first_nonfinite, grad, recording, softmax
from engine.anomalies import reason
from engine.recording import taking_limits

nan, inf = math.nan, math.inf


def overflow(x: Value) -> Value:
    with taking_limits():
        return x * 10.0


CASES: list[tuple[Callable[[], Value], str, str, str]] = [
    (
        lambda: (Value(0.0, "w").sqrt() + 1.0) ** 2,
        "partial",
        "sqrt",
        "sqrt(x) has the derivative inf by x, at x = 0.0 (w)",
    ),
    (lambda: Value(nan, "w") * 2.0 + 1.0, "leaf", "", "the input w is nan"),
    (lambda: Value(nan), "leaf", "", "the input is nan"),
    (lambda: Value(1.0) * inf, "leaf", "", "the constant is inf"),
    (
        lambda: overflow(Value(1e308, "big")) + 1.0,
        "result",
        "mul",
        "mul(x, y) is inf, at x = 1e+308 (big), y = 10.0",
    ),
    (
        lambda: Value(2.0) ** 3 + Value(-2.0, "base") ** Value(2.0, "p"),
        "partial",
        "pow",
        "pow(x, p) has the derivative nan by p, at x = -2.0 (base), p = 2.0 (p)",
    ),
]


@pytest.mark.parametrize(("record", "part", "op", "text"), CASES)
def test_the_origin_is_the_first_that_is_not_finite_of_what_is(
    record: Callable[[], Value], part: str, op: str, text: str
) -> None:
    found = first_nonfinite(record())
    assert found is not None
    assert (found.part, found.value.op, str(found)) == (part, op, text)
    assert found.operands == found.value.parents


@pytest.mark.parametrize(
    "record",
    [
        lambda: Value(2.0).exp() * 3.0,
        lambda: Value(0.0),
        lambda: (-Value(2.0)) ** 2,  # nobody asks for the derivative by the constant 2
        lambda: softmax([Value(1.0), Value(2.0), Value(0.5) * 1.0])[0],
    ],
)
def test_where_all_is_finite_there_is_none(record: Callable[[], Value]) -> None:
    assert first_nonfinite(record()) is None


def test_of_two_origins_the_one_recorded_first_is_told() -> None:
    a, b = Value(0.0, "a"), Value(0.0, "b")
    second, first = b.sqrt, a.sqrt()
    found = first_nonfinite(second() + first)
    assert found is not None
    assert found.operands == (a,)


def test_the_way_back_is_searched_too() -> None:
    w = Value(1e-200, "w")
    y = (w * 1e200) * 1e200
    y.backward()
    assert w.grad == inf
    assert first_nonfinite(y) is None
    assert str(reason(y)) == (
        "the gradient overflows on its way back through mul(x, y) to x, at x = 1e-200 (w), y = 1e+200"
    )


def test_a_branch_that_is_not_taken_is_not_the_reason() -> None:
    x = Value(0.0, "x")
    y = engine.where(x, x.sqrt(), 2.0)
    assert reason(y) is None
    assert str(reason(y + Value(0.0, "z").sqrt())).endswith("at x = 0.0 (z)")


# --- While recording.


def test_recording_stops_at_the_operation_and_names_the_line() -> None:
    def forward(w: Value) -> Value:
        before = w * 2.0
        return before + w.sqrt()  # line 3 of this function

    with pytest.raises(FloatingPointError) as raised, detect_anomaly():
        forward(Value(0.0, "w"))
    line = forward.__code__.co_firstlineno + 2
    text = "sqrt(x) has the derivative inf by x, at x = 0.0 (w)"
    assert str(raised.value) == f"{text}; recorded in {__file__}:{line}"


@pytest.mark.parametrize(
    "record",
    [
        lambda: Value(nan, "w") + 1.0,
        lambda: engine.fsum([Value(1.0), inf]),
        lambda: engine.sqrt(Value(0.0)),
        lambda: engine.hypot(Value(1.0), Value(inf)),
        lambda: Value(1.0) - nan,
        lambda: grad(Value(0.0, "x").sqrt(), []),
    ],
)
def test_every_form_of_operation_is_watched(record: Callable[[], Any]) -> None:
    with pytest.raises(FloatingPointError, match=r"recorded in .*test_anomalies\.py"), detect_anomaly():
        record()


def test_what_is_finite_is_recorded_as_ever() -> None:
    with detect_anomaly():
        y = softmax([Value(1.0), Value(2.0)])[0] * 2.0
    assert first_nonfinite(y) is None


def test_outside_the_context_nothing_is_watched() -> None:
    for _ in range(2):
        with detect_anomaly(), detect_anomaly():
            assert recording.watch is not None
    assert recording.watch is None
    assert (Value(nan) * 2.0).op == "mul"


def test_after_an_error_nothing_is_watched() -> None:
    with pytest.raises(FloatingPointError), detect_anomaly():
        Value(nan) * 2.0
    assert recording.watch is None


def test_other_threads_and_tasks_are_not_watched() -> None:
    done: list[str] = []

    def elsewhere() -> None:
        done.append((Value(nan) * 2.0).op)

    async def tasks() -> None:
        inside = asyncio.Event()

        async def watched() -> None:
            with detect_anomaly():
                inside.set()
                await asyncio.sleep(0)

        async def free() -> None:
            await inside.wait()
            elsewhere()

        await asyncio.gather(watched(), free())

    with detect_anomaly():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    asyncio.run(tasks())
    assert done == ["mul", "mul"]


@pytest.mark.parametrize(("label", "name"), [("h", "h"), ("", r"the result of mul\(x, y\)")])
def test_a_number_that_was_assigned_is_not_blamed_on_the_operation(label: str, name: str) -> None:
    h = Value(2.0, "w") * 3.0
    h.label = label
    h.data = inf
    assert re.fullmatch(
        f"the data of {name} is inf; it was assigned after recording", str(first_nonfinite(h + 1))
    )

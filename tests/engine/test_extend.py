"""Operations of users: one row, by the door of the built-in ones, and everything works."""

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

import engine
from engine import GradientError, Value, check_gradients, grad, grade, operation
from engine.expression import parse
from engine.extend import withdraw
from engine.ops import OPS

mp: Any = mpmath.mp.clone()
mp.dps = 40


def softsign(m: Any, x: Any) -> Any:
    """x / (1 + |x|)."""
    return x / (1.0 + m.abs(x))


def softsign_partials(m: Any, out: Any, x: Any) -> tuple[Any]:
    denominator = 1.0 + m.abs(x)
    return (1.0 / denominator / denominator,)


def mish(m: Any, x: Any) -> Any:
    """x * tanh(softplus(x))"""
    return x * m.tanh(m.softplus(x))


def mish_partials(m: Any, out: Any, x: Any) -> tuple[Any]:
    return (_mish_slope(m, x),)


def _mish_slope(m: Any, x: Any) -> Any:
    inside = m.softplus(x)
    return m.tanh(inside) + x * m.sech2(inside) * m.sigmoid(x)


def log_mean_exp(m: Any, *x: Any) -> Any:
    """the logarithm of the mean of exponentials"""
    return m.logsumexp(x) - math.log(len(x))


TRUTH: dict[str, tuple[Callable[..., Any], dict[str, Any], Callable[..., Any], list[float]]] = {
    "softsign": (softsign, {"partials": softsign_partials}, lambda x: x / (1 + abs(x)), [0.7]),
    "mish": (mish, {"partials": mish_partials}, lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), [-1.3]),
    "log_mean_exp": (
        log_mean_exp,
        {"partials": lambda m, out, *x: m.softmax(x), "symmetric": True},
        lambda *x: mp.log(mp.fsum(map(mp.exp, x)) / len(x)),
        [0.3, -1.2, 2.5],
    ),
    "scaled_difference": (
        lambda m, x, y, scale=2.0: scale * (x - y),
        {
            "partials": lambda m, out, x, y, scale: (scale, -scale, x - y),
            "name": "scaled_difference",
            "symbol": "Δ",
        },
        lambda x, y, scale: scale * (x - y),
        [0.5, 2.0, 3.0],
    ),
}


@pytest.fixture(params=TRUTH)
def added(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Callable[..., Any], list[float]]]:
    """A new operation: its function, its truth, and a point."""
    rule, facts, truth, point = TRUTH[request.param]
    yield operation(rule, **facts, check=[tuple(point)]), truth, point
    withdraw(request.param)


def slope(truth: Callable[..., Any], point: list[float], *orders: int) -> float:
    exact = tuple(mp.mpf(x) for x in point)
    return float(mp.diff(truth, exact, orders))


def test_it_records_and_differentiates_to_any_order(added: Any) -> None:
    function, truth, point = added
    leaves = [Value(x, f"x_{i}") for i, x in enumerate(point, start=1)]
    y = function(*leaves)
    assert y.data == pytest.approx(float(truth(*map(mp.mpf, point))), rel=1e-15)
    assert function(*point) == y.data
    y.backward()
    first = [int(i == 0) for i in range(len(point))]
    assert leaves[0].grad == pytest.approx(slope(truth, point, *first), rel=1e-14)
    derivative = y
    for n in (1, 2, 3):
        (derivative,) = grad(derivative, [leaves[0]])
        true = slope(truth, point, *[n * k for k in first])
        assert derivative.data == pytest.approx(true, rel=1e-12, abs=1e-15), n


def test_it_is_a_name_of_the_engine_a_method_and_a_word_of_expressions(added: Any) -> None:
    function, _, point = added
    name = function.__name__
    assert getattr(engine, name) is function
    assert name in dir(engine)
    leaves = [Value(x) for x in point]
    assert getattr(leaves[0], name)(*leaves[1:]).op == name
    letters = "abc"[: len(point)]
    text = parse(f"{name}({', '.join(letters)}) + 1")
    assert text(**dict(zip(letters, point, strict=True))) == function(*point) + 1.0


def test_it_is_drawn_explained_and_played(added: Any) -> None:
    function, _, point = added
    leaves = [Value(x, letter) for x, letter in zip(point, "abc", strict=False)]
    y = function(*leaves) * 2.0
    op = OPS[function.__name__]
    assert op.symbol in y.draw().dot
    assert op.text in y.draw().svg
    assert op.symbol in y.explain().steps[0].text
    assert "∂" in str(y.explain())
    assert op.symbol in y.play().html


def test_it_is_proved_and_a_wrong_claim_is_told(added: Any) -> None:
    function, truth, point = added
    assert check_gradients(function, point).ok
    assert check_gradients(lambda *x: engine.exp(function(*x)), point).ok
    first = slope(truth, point, *[int(i == 0) for i in range(len(point))])
    claims = [repr(2.0 * first), *["0"] * (len(point) - 1)]
    report = check_gradients(function, point, claimed=claims)
    assert not report.ok
    assert "twice the truth" in str(report) or "factor 2" in str(report)


def test_it_compiles(added: Any) -> None:
    function, _, point = added
    inputs = [Value(x, f"x_{i}") for i, x in enumerate(point, start=1)]
    w = Value(0.5, "w")
    y = engine.tanh(w * function(*inputs))
    program = engine.compile(y, inputs=inputs, parameters=[w])
    batch = np.array([point, [x + 0.25 for x in point]])
    value, (by_w,) = program.value_and_grad(batch)
    expected, slopes = [], []
    for row in batch.tolist():
        leaf = Value(0.5)
        one = engine.tanh(leaf * function(*[Value(x) for x in row]))
        one.backward()
        expected.append(one.data)
        slopes.append(leaf.grad)
    assert value == pytest.approx(math.fsum(expected) / 2, rel=1e-14)
    assert by_w == pytest.approx(math.fsum(slopes) / 2, rel=1e-13)


def test_it_is_graded(added: Any) -> None:
    function, _, point = added
    leaves = [Value(x, letter) for x, letter in zip(point, "abc", strict=False)]
    y = function(*leaves)
    y.label = "y"
    assert grade(y, {"y": repr(y.data)}).ok
    assert not grade(y, {"y": repr(y.data + 1.0)}).ok


def test_it_is_copied_and_pickled(added: Any) -> None:
    function, _, point = added
    y = function(*[Value(x) for x in point])
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301  # our own
        assert (twin.op, twin.data, twin.partials) == (y.op, y.data, y.partials)


# --- What is refused.


def test_a_wrong_partial_is_refused_at_the_definition_with_the_report() -> None:
    with pytest.raises(GradientError, match="the rule of cubed gives 12 at"):

        @operation(partials=lambda m, out, x: (3.0 * x,), check=[4.0])
        def cubed(m: Any, x: Any) -> Any:
            return x * x * x

    assert "cubed" not in OPS
    assert not hasattr(engine, "cubed")
    assert not hasattr(Value, "cubed")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "tanh"}, ValueError, "tanh is a built-in operation: give yours another name"),
        ({"name": "draw"}, ValueError, "'draw' is taken in the engine"),
        ({"name": "two words"}, ValueError, "a name that Python can call, not 'two words'"),
        ({"name": "lambda"}, ValueError, "a name that Python can call, not 'lambda'"),
        ({}, ValueError, "a name that Python can call, not '<lambda>'"),
        (
            {"name": "f", "partials": lambda m, out, x, y: (1.0, 1.0)},
            TypeError,
            r"the rules of f take different operands: forward takes \(x\), partials takes \(x, y\)",
        ),
        (
            {"name": "f", "partials": lambda x: (1.0,)},
            TypeError,
            r"the rule partials of f .* needs \(m, out, x\)",
        ),
        ({"name": "f", "colour": "red"}, TypeError, "colour"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    before = dict(OPS)
    with pytest.raises(error, match=message):
        operation(lambda m, x: x * x, **{"partials": lambda m, out, x: (2.0 * x,), **options})
    assert before == OPS


def test_a_name_is_taken_until_it_is_withdrawn() -> None:
    doubled = operation(lambda m, x: x + x, name="doubled", partials=lambda m, out, x: (2.0,))
    with pytest.raises(ValueError, match=r"'doubled' already: .*withdraw\('doubled'\) first"):
        operation(lambda m, x: x + x, name="doubled", partials=lambda m, out, x: (2.0,))
    y = doubled(Value(1.0, "x"))
    withdraw("doubled")
    with pytest.raises(LookupError, match="there is no operation 'doubled' here: define it"):
        grad(y, [y.parents[0]])
    with pytest.raises(ValueError, match="'doubled' cannot be withdrawn: no operation has this name"):
        withdraw("doubled")
    with pytest.raises(ValueError, match="tanh is a built-in operation and cannot be withdrawn"):
        withdraw("tanh")


@pytest.mark.parametrize(
    ("partials", "message"),
    [
        (lambda m, out, x: (1.0, 1.0), "returned 2 partials for 1 operands; it must return a tuple"),
        (lambda m, out, x: (), "returned 0 partials for 1 operands"),
        (lambda m, out, x: 2.0 * x, "returned 6.0 for 1 operands"),
    ],
)
def test_a_rule_that_returns_the_wrong_number_of_partials_is_told(partials: Any, message: str) -> None:
    square = operation(lambda m, x: x * x, name="square", partials=partials)
    try:
        with pytest.raises(TypeError, match=f"the rule partials of square {message}"):
            square(Value(3.0))
    finally:
        withdraw("square")


@pytest.mark.parametrize("use", [lambda f: f(0.5), lambda f: f(Value(0.5))])
def test_a_function_that_number_systems_lack_is_named(use: Callable[[Any], Any]) -> None:
    wrong = operation(lambda m, x: m.sinc(x), name="wrong", partials=lambda m, out, x: (1.0,))
    try:
        with pytest.raises(
            AttributeError, match=r"have no function 'sinc': a rule may use abs, acos, .*tanh"
        ):
            use(wrong)
    finally:
        withdraw("wrong")

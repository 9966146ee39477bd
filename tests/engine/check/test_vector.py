"""Rules of users: right ones are proved or pass within a bound, planted errors are found and explained."""

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engine
from engine import GradientError, Value, check_jvp, check_vjp, exp, fsum, sin, sumprod, tanh
from engine.check.differences import column

pytestmark = pytest.mark.slow

Rule = Callable[..., Any]
RNG = np.random.default_rng(7)

# --- Functions in NumPy, with their backward and forward rules.


def dense(W: Any, x: Any, b: Any) -> Any:
    return np.tanh(W @ x + b)


def dense_vjp(W: Any, x: Any, b: Any, g: Any) -> Any:
    d = g * (1.0 - np.tanh(W @ x + b) ** 2)
    return np.outer(d, x), W.T @ d, d


def dense_jvp(W: Any, x: Any, b: Any, dW: Any, dx: Any, db: Any) -> Any:
    return (1.0 - np.tanh(W @ x + b) ** 2) * (dW @ x + W @ dx + db)


def softmax(z: Any) -> Any:
    e = np.exp(z)
    return e / np.sum(e)


def softmax_vjp(z: Any, g: Any) -> Any:
    s = softmax(z)
    return s * (g - np.sum(s * g))


def softmax_jvp(z: Any, dz: Any) -> Any:
    s = softmax(z)
    return s * (dz - np.sum(s * dz))


def two(x: Any, y: Any) -> Any:
    return x * y, np.sum(np.sin(x))


def two_vjp(x: Any, y: Any, g: Any) -> Any:
    return g[0] * y + g[1] * np.cos(x), g[0] * x


def two_jvp(x: Any, y: Any, dx: Any, dy: Any) -> Any:
    return dx * y + x * dy, np.sum(np.cos(x) * dx)


def batch(X: Any, W: Any) -> Any:
    return np.mean((X @ W) ** 2, axis=0)


def batch_vjp(X: Any, W: Any, g: Any) -> Any:
    d = 2.0 * (X @ W) * g / len(X)
    return d @ W.T, X.T @ d


def batch_jvp(X: Any, W: Any, dX: Any, dW: Any) -> Any:
    return np.mean(2.0 * (X @ W) * (dX @ W + X @ dW), axis=0)


CASES: dict[str, tuple[Rule, Rule, Rule, Any]] = {
    "dense": (dense, dense_vjp, dense_jvp, (RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=3))),
    "softmax": (softmax, softmax_vjp, softmax_jvp, (RNG.normal(size=5),)),
    "two outputs": (two, two_vjp, two_jvp, (RNG.normal(size=3), RNG.normal(size=3))),
    "batch": (batch, batch_vjp, batch_jvp, (RNG.normal(size=(3, 2)), RNG.normal(size=(2, 2)))),
}


def on_floats_alone(f: Rule) -> Rule:
    """The same function, where it cannot run on Values."""

    def run(*args: Any) -> Any:
        return f(*[np.asarray(x, dtype=np.float64) for x in args])

    return run


def as_it_is(f: Rule) -> Rule:
    return f


Way = Callable[[Rule], Rule]
WAYS = pytest.mark.parametrize("way", [as_it_is, on_floats_alone])


@WAYS
@pytest.mark.parametrize("name", CASES)
def test_right_rules_pass(name: str, way: Way) -> None:
    f, vjp, jvp, at = CASES[name]
    for report in (check_vjp(way(f), vjp, at), check_jvp(way(f), jvp, at)):
        assert report.ok, str(report)
        assert set(report.verdicts.values()) == {"right"}
        exact = report.reference == "the function itself, in high precision"
        assert exact is (way is as_it_is)
        assert (report.bound == 0.0) is exact
        assert report.bound < 1e-7


def spoiled(rule: Rule, error: str) -> Rule:
    """A rule with an error in the first of its results."""

    def run(*args: Any) -> Any:
        answer = rule(*args)
        several = isinstance(answer, tuple)
        first = np.array(answer[0] if several else answer)
        if error == "sign":
            first = -first
        elif error == "factor":
            first = 2.0 * first
        elif error == "zero":
            first.flat[1] = 0.0 * first.flat[1]
        elif error == "off":
            first.flat[2] = first.flat[2] * (1.0 + 1e-4)
        return (first, *answer[1:]) if several else first

    return run


@WAYS
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("sign", "the sign is flipped"),
        ("factor", "a factor 2 too many"),
        ("zero", "it is left at 0"),
        ("off", "only 4 digits are right"),
    ],
)
def test_planted_errors_are_found(name: str, way: Way, error: str, words: str) -> None:
    f, vjp, _, at = CASES[name]
    report = check_vjp(way(f), spoiled(vjp, error), at)
    assert not report.ok
    wrong = [c for c in report.comparisons if not c.ok]
    assert {c.verdict for c in wrong} == {"wrong"}
    assert len(wrong) == (at[0].size if error in ("sign", "factor") else 1)
    assert any(words in why for c in wrong for why in c.why), str(report)


@WAYS
def test_a_forward_rule_that_leaves_a_term_out_is_traced_to_the_inputs(way: Way) -> None:
    f, _, jvp, at = CASES["dense"]
    report = check_jvp(way(f), lambda W, x, b, dW, dx, db: jvp(W, x, b, dW, dx, 0.0 * db), at)
    assert report.verdicts == {f"output[{i}]": "wrong" for i in range(3)}
    name = "b" if way is as_it_is else "args_3"
    assert report.comparisons[1].why == [f"wrong for {name}[1], right for the other inputs"]


@WAYS
def test_a_transposed_jacobian_is_named(way: Way) -> None:
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    report = check_vjp(way(lambda x: A @ x), lambda x, g: A @ g, np.array([0.5, -1.0]))
    assert [c.why for c in report.comparisons] == [["the Jacobian is transposed"]] * 2


@WAYS
def test_a_transposed_gradient_is_named(way: Way) -> None:
    f, vjp, _, at = CASES["batch"]

    def transposed(X: Any, W: Any, g: Any) -> Any:
        dX, dW = vjp(X, W, g)
        return dX, dW.T

    report = check_vjp(way(f), transposed, at)
    name = "W" if way is as_it_is else "args_2"
    assert [c.name for c in report.comparisons if not c.ok] == [f"{name}[0][1]", f"{name}[1][0]"]
    assert f"{name}[0][1] and {name}[1][0] are swapped" in str(report)


@WAYS
def test_a_cotangent_that_is_not_used_is_named(way: Way) -> None:
    f, vjp, _, at = CASES["dense"]
    report = check_vjp(way(f), lambda W, x, b, g: vjp(W, x, b, np.ones(3)), at)
    words = "the cotangent is not used: these are the numbers for ones"
    assert all(c.why == [words] for c in report.comparisons)


def test_an_output_that_is_left_out_is_named() -> None:
    f, vjp, _, at = CASES["two outputs"]
    report = check_vjp(f, lambda x, y, g: vjp(x, y, (g[0], 0.0)), at)
    assert report.verdicts["y[0]"] == "right"
    assert "a term is missing: x[0] is also used in sin(x[0])" in report.headline
    report = check_vjp(on_floats_alone(f), lambda x, y, g: vjp(x, y, (g[0], 0.0)), at)
    assert "wrong for output[1], right for the other outputs" in report.headline


# --- How a rule is called, and what it returns.


def test_a_rule_may_have_the_point_already() -> None:
    f, vjp, jvp, at = CASES["dense"]
    assert check_vjp(f, lambda g: vjp(*at, g), at).ok
    assert check_jvp(f, lambda *d: jvp(*at, *d), at).ok
    assert check_jvp(f, lambda dW, dx, db: jvp(*at, dW, dx, db), at).ok
    assert check_vjp(f, lambda *anything: vjp(*anything), at).ok

    def only_a_cotangent(*g: Any) -> Any:
        (one,) = g if len(g) == 1 else (None,)
        if one is None:
            raise TypeError
        return vjp(*at, one)

    assert check_vjp(f, only_a_cotangent, at).ok


def test_a_rule_of_other_arguments_is_refused() -> None:
    f, _, _, at = CASES["dense"]
    words = (
        r"the vjp takes \(a, b\): it is called as vjp\(\*at, cotangent\), with 4 arguments, or as vjp\(cot"
    )
    with pytest.raises(TypeError, match=words):
        check_vjp(f, lambda a, b: a, at)


def test_arguments_of_every_form() -> None:
    def f(params: Any, x: Any, axis: int, label: str) -> Any:
        assert (axis, label) == (0, "a")
        return {"y": [params["W"] @ x + params["b"], np.sum(x, axis=axis)]}

    def vjp(params: Any, x: Any, axis: int, label: str, g: Any) -> Any:
        first, second = g["y"]
        return {"W": np.outer(first, x), "b": first.sum()}, params["W"].T @ first + second

    at = ({"W": np.ones((2, 3)), "b": 1.5}, np.arange(3.0), 0, "a")
    report = check_vjp(f, vjp, at)
    assert report.ok, str(report)
    assert list(report.verdicts)[4:8] == ["params['W'][1][1]", "params['W'][1][2]", "params['b']", "x[0]"]
    with_none = check_vjp(f, lambda *a: (*vjp(*a), None, None), at)
    assert with_none.ok, str(with_none)
    assert check_vjp(lambda x: x * x, lambda x, g: 2.0 * x * g, 3.0).ok
    assert check_vjp(lambda x: x * x, lambda x, g: (2.0 * x * g,), (3.0,)).ok
    assert check_vjp(lambda x: x[0] * x[1], lambda x, g: [g * x[1], g * x[0]], [[3.0, 2]]).ok


def test_functions_of_values() -> None:
    def f(w: Any, b: Any) -> Any:
        return [tanh(sumprod(w, [0.5, -2.0]) + b), w[0].exp()]

    def vjp(w: Any, b: Any, g: Any) -> Any:
        d = g[0] * (1.0 - tanh(sumprod(w, [0.5, -2.0]) + b) ** 2)
        return [0.5 * d + g[1] * exp(w[0]), -2.0 * d], d

    report = check_vjp(f, vjp, ([0.1, 0.2], 0.3))
    assert report.ok, str(report)
    assert report.reference == "the function itself, in high precision"
    assert check_jvp(
        lambda x: fsum(sin(x_i) for x_i in x), lambda x, d: sumprod(map(engine.cos, x), d), [[1.0, 2.0]]
    ).ok


@pytest.mark.parametrize(
    ("f", "vjp", "at", "words"),
    [
        (
            dense,
            lambda W, x, b, g: (np.outer(g, x), W.T @ g),
            None,
            "the vjp gives 2 gradients; expected a tuple",
        ),
        (
            dense,
            lambda W, x, b, g: g,
            None,
            "the vjp gives one ndarray; expected a tuple with one for each of W, x, b",
        ),
        (
            lambda X, b: X + b,
            lambda X, b, g: (g, g),
            (np.ones((4, 2)), np.ones(2)),
            "the vjp gives the shape (4, 2) for b, which has the shape (2,): sum over what b was broadcast",
        ),
        (
            dense,
            lambda W, x, b, g: (W.T, x, b),
            None,
            "the vjp gives the shape (4, 3) for W, which has the shape (3, 4)",
        ),
        (dense, lambda W, x, b, g: 1 / 0, None, "the vjp raises ZeroDivisionError: division by zero"),
        (dense, lambda W, x, b, g: (W, "x", b), None, "the vjp gives the shape () for x"),
        (lambda x: x * random.random(), lambda x, g: g, (np.ones(2),), "f is not deterministic"),
        (lambda x: x / 0.0, lambda x, g: g, (np.ones(2),), "f is not finite at the point, in output[0]"),
        (lambda x: None, lambda x, g: g, (np.ones(2),), "f returns None, which holds no float"),
        (lambda x: x.no, lambda x, g: g, (np.ones(2),), "f raises AttributeError at the point"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_faults_are_told(f: Rule, vjp: Rule, at: Any, words: str) -> None:
    report = check_vjp(f, vjp, at or CASES["dense"][3])
    assert report.headline.startswith(f"the vjp could not be checked: {words}")
    assert not report.ok
    with pytest.raises(GradientError, match="could not be checked"):
        report.raise_if_wrong()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((dense, dense_vjp, (1.0,)), TypeError, "x, b are missing"),
        ((np.sin, np.cos, (2,)), TypeError, "the point has no floats to differentiate by: write 2.0, not 2"),
        (
            (lambda x: x, "tensorflow", (2.0,)),
            ValueError,
            "unknown framework 'tensorflow'; known: torch, jax",
        ),
        (
            (lambda x: x, lambda x, g: g, (np.inf,)),
            ValueError,
            "x = inf: a derivative is taken at finite numbers",
        ),
        ((3.0, lambda x, g: g, (1.0,)), TypeError, "f is float 3.0; give a function"),
    ],
)
def test_what_is_not_a_question_raises(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_vjp(*arguments)


# --- Kinks, rounding, and functions that hide something.


@WAYS
def test_at_a_kink_any_slope_between_the_two_is_right(way: Way) -> None:
    def relu(x: Any) -> Any:
        return np.maximum(x, 0.0)

    at = np.array([0.0, 1.0, -1.0])
    for slope, ok in ((0.0, True), (0.5, True), (1.0, True), (1.5, False), (-0.5, False)):

        def vjp(x: Any, g: Any, slope: float = slope) -> Any:
            return g * np.where(x == 0.0, slope, x > 0.0)

        report = check_vjp(way(relu), vjp, at)
        assert report.ok is ok, str(report)
        assert list(report.verdicts.values()) == ["kink" if ok else "wrong", "right", "right"]


def test_a_kink_at_the_point_is_not_taken_for_fewer_digits() -> None:
    def f(x: Any) -> Any:
        return np.clip(np.asarray(x, dtype=np.float64), -1.0, 1.0)

    report = check_vjp(f, lambda x, g: g * (np.abs(x) < 1.0), np.array([1.0, 0.0, -1.0]))
    assert list(report.verdicts.values()) == ["kink", "right", "kink"], str(report)


def test_digits_that_rounding_costs_a_right_rule_are_told() -> None:
    def vjp(x: Any, g: Any) -> Any:
        return g * (1.0 - np.tanh(x) ** 2)

    report = check_vjp(np.tanh, vjp, np.array([15.0, 0.1]))
    assert report.verdicts == {"x[0]": "rounding", "x[1]": "right"} or "x_1[0]" in report.verdicts
    assert "the rule is right, but rounding leaves" in report.headline
    assert check_vjp(np.tanh, vjp, np.array([15.0, 0.1]), digits=2.0).ok


def test_a_function_that_stores_into_floats_is_not_taken_at_its_word() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        for i in range(3):
            y[i] = x[i] ** 2
        return y

    report = check_vjp(f, lambda x, g: 2.0 * x * g, np.array([0.5, 1.0, 2.0]))
    assert report.ok, str(report)
    assert report.reference.startswith("differences in double precision")
    assert not check_vjp(f, lambda x, g: 0.0 * x * g, np.array([0.5, 1.0, 2.0])).ok


@pytest.mark.parametrize("fast", [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e12])
def test_a_function_that_changes_too_fast_is_inconclusive(fast: float) -> None:
    def f(x: Any) -> Any:
        return np.sin(fast * np.asarray(x, dtype=np.float64))

    report = check_vjp(f, lambda x, g: fast * np.cos(fast * x) * g, np.array([0.5, 1.0, 1.7]))
    assert "wrong" not in report.verdicts.values(), str(report)
    assert report.ok or fast > 1e4


def test_less_than_double_precision_is_told() -> None:
    def f(x: Any) -> Any:
        return np.sin(np.asarray(x, dtype=np.float32))

    report = check_vjp(f, lambda x, g: np.cos(x) * g, np.array([0.5, 1.0]))
    assert report.ok, str(report)
    assert "compute in float64 to prove more" in str(report)
    assert not check_vjp(f, lambda x, g: 1.1 * np.cos(x) * g, np.array([0.5, 1.0])).ok


def test_a_gradient_of_zeros_is_told() -> None:
    report = check_vjp(lambda x: x * x, lambda x, g: 0.0 * g, np.zeros(2))
    assert "every derivative is 0 here, as a rule that does nothing would give" in str(report)


def floats(x: Any) -> Any:
    """For functions that cannot run on Values."""
    return np.asarray(x, dtype=np.float64)


@pytest.mark.parametrize("error", [AssertionError, RuntimeError, KeyError])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_function_may_raise_anything_away_from_the_point(error: type[Exception], factor: float) -> None:
    def f(x: Any) -> Any:
        if (floats(x) < 0.97).any():
            raise error("outside")
        return np.log(floats(x))

    report = check_vjp(f, lambda x, g: factor * g / x, np.array([1.0, 2.0]))
    assert set(report.verdicts.values()) == {"right" if factor == 1.0 else "wrong"}, str(report)


def test_a_rule_in_float32_is_held_to_float32() -> None:
    def vjp(x: Any, g: Any, factor: float = 1.0) -> Any:
        return (factor * g * np.cos(x)).astype(np.float32)

    at = np.array([0.5, 1.0])
    for f in (np.sin, lambda x: np.sin(floats(x))):
        report = check_vjp(f, vjp, at)
        assert report.ok, str(report)
        assert "the rule has numbers of less than double precision" in str(report)
        assert not check_vjp(f, lambda x, g: vjp(x, g, 1.0001), at).ok


@pytest.mark.parametrize("beside", [False, True])
def test_complex_numbers_are_refused(beside: bool) -> None:
    x, z = np.array([1.0, 2.0]), np.array([1.0 + 2.0j, 3.0j])
    words = "there are complex numbers: write f with their real and imaginary parts"
    with_output = check_vjp(
        lambda x: (x, 1j * x) if beside else 1j * x, lambda x, g: g[0] if beside else g, x
    )
    assert words in with_output.headline
    at = (x, z) if beside else (z,)
    assert words in check_vjp(lambda *a: np.abs(a[-1]), lambda *a: a[-1], at).headline


def test_arrays_of_whole_numbers_have_no_derivative() -> None:
    def f(x: Any) -> Any:
        return np.sort(floats(x)), np.argsort(floats(x)), 3

    def vjp(x: Any, g: Any) -> Any:
        return g[0][np.argsort(np.argsort(x))]

    def jvp(x: Any, dx: Any) -> Any:
        return dx[np.argsort(x)], None, 0

    x = np.array([3.0, 1.0, 2.0])
    assert check_vjp(f, vjp, x).ok
    report = check_jvp(f, jvp, x)
    assert report.ok, str(report)
    assert list(report.verdicts) == ["output[0][0]", "output[0][1]", "output[0][2]", "output[2]"]
    alone = check_vjp(lambda x: np.argsort(floats(x)), vjp, x)
    assert "which holds no float" in alone.headline


def test_an_entry_that_is_small_beside_the_others_is_not_proved_by_their_size() -> None:
    def f(x: Any, y: Any) -> Any:
        return 1e20 * floats(x), floats(y)

    report = check_vjp(f, lambda x, y, g: (1e20 * g[0], 5.0 * g[1]), (np.ones(1), np.ones(1)))
    assert list(report.verdicts.values()) == ["right", "inconclusive"], str(report)

    def sigmoid(x: Any) -> Any:
        return 1.0 / (1.0 + np.exp(-floats(x)))

    def vjp(x: Any, g: Any) -> Any:
        gradient = g * sigmoid(x) * (1.0 - sigmoid(x))
        gradient[1] *= 1.001
        return gradient

    report = check_vjp(sigmoid, vjp, np.array([0.3, 30.0]))
    assert list(report.verdicts.values()) == ["right", "inconclusive"], str(report)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_one_error_among_thousands_does_not_hide_in_the_slack_of_the_others(scale: float) -> None:
    rng = np.random.default_rng(0)
    x, w = scale * rng.normal(size=5000), rng.normal(size=5000)

    def f(x: Any) -> Any:
        return w @ np.sin(floats(x) / scale)

    def vjp(x: Any, g: Any) -> Any:
        return g * w * np.cos(x / scale) / scale

    def spoiled(x: Any, g: Any) -> Any:
        gradient = vjp(x, g)
        gradient[2500] *= 1.0 + 1e-6
        return gradient

    right = check_vjp(f, vjp, x)
    assert right.ok, right.headline
    assert 1e-10 < right.bound < 1e-2  # in the unit of the derivatives, whatever the scale of the point
    report = check_vjp(f, spoiled, x)
    assert [c.name for c in report.comparisons if c.verdict == "wrong"] in (["x[2500]"], ["x_1[2500]"])


def test_flat_and_huge_functions_are_proved() -> None:
    assert check_vjp(lambda x: floats(x) ** 3, lambda x, g: 3.0 * x**2 * g, np.zeros(2)).ok
    assert not check_vjp(lambda x: floats(x) ** 3, lambda x, g: g, np.zeros(2)).ok
    at = np.array([1e50, -2e50])
    assert check_vjp(lambda x: 1e100 * floats(x) ** 2, lambda x, g: 2e100 * x * g, at).ok


def test_a_function_that_becomes_random_proves_nothing_and_accuses_nobody() -> None:
    rng, calls = np.random.default_rng(0), [0]

    def f(x: Any) -> Any:
        calls[0] += 1
        return floats(x) * (1.0 if calls[0] < 4 else rng.integers(0, 2))

    report = check_vjp(f, lambda x, g: g, np.array([0.5, 1.0]))
    assert set(report.verdicts.values()) == {"inconclusive"}, str(report)


@pytest.mark.parametrize("narrow", [np.float32, np.float16])
def test_fewer_digits_inside_a_function_neither_accuse_nor_prove(narrow: Any) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        w, x = rng.normal(size=(3, 3)), rng.normal(size=3) * 10.0 ** rng.uniform(-2, 2)
        bias = 10.0 ** rng.uniform(-2, 2)

        def f(x: Any, w: Any = w, bias: float = bias) -> Any:
            return np.tanh((w @ floats(x)).astype(narrow).astype(np.float64)) + bias

        def vjp(x: Any, g: Any, w: Any = w) -> Any:
            return w.T @ (g * (1.0 - np.tanh(w @ x) ** 2))

        right, nothing = check_vjp(f, vjp, x), check_vjp(f, lambda x, g: 0.0 * x, x)
        assert "wrong" not in right.verdicts.values(), str(right)
        sizes = np.abs([c.given for c in right.comparisons])
        if sizes.max() > 1e-3:
            assert not nothing.ok, str(nothing)


def test_a_function_of_float32_alone_is_told_what_to_do() -> None:
    def f(x: Any) -> Any:
        if x.dtype != np.float32:
            raise TypeError("expected float32")
        return x * x

    report = check_vjp(f, lambda x, g: 2.0 * x * g, np.ones(2, dtype=np.float32))
    assert "expected float32. It does not in the precision of the point, but the check is" in report.headline


def test_arrays_that_are_empty_are_told_as_such() -> None:
    with pytest.raises(TypeError, match="no floats to differentiate by: its arrays are empty"):
        check_vjp(lambda x: x.sum(), lambda x, g: g, np.zeros((0, 2)))
    at = (np.zeros((0, 2)), np.ones(2))
    assert check_vjp(lambda e, x: e.sum() + x, lambda e, x, g: (np.zeros((0, 2)), g), at).ok


# --- Many inputs.


@WAYS
def test_many_inputs_are_proved_together_and_the_wrong_ones_are_found(way: Way) -> None:
    rng = np.random.default_rng(3)
    at = rng.normal(size=(8, 20)) / 3.0, rng.normal(size=20), rng.normal(size=8)
    assert check_vjp(way(dense), dense_vjp, at).ok

    def spoiled(W: Any, x: Any, b: Any, g: Any) -> Any:
        dW, dx, db = dense_vjp(W, x, b, g)
        dW[2, 5] *= 1.0 + 1e-4
        dW[7, 1] = 0.0
        dx[3] = -dx[3]
        return dW, dx, db

    report = check_vjp(way(dense), spoiled, at)
    names = (
        ("W[2][5]", "W[7][1]", "x[3]") if way is as_it_is else ("args_1[2][5]", "args_1[7][1]", "args_2[3]")
    )
    assert tuple(c.name for c in report.comparisons if not c.ok) == names
    assert "derivatives were proved together, along random directions" in str(report)


def test_a_time_that_is_up_ends_in_inconclusive() -> None:
    f, vjp, _, at = CASES["dense"]
    report = check_vjp(f, vjp, at, seconds=0.0)
    assert set(report.verdicts.values()) == {"inconclusive"}
    assert "the time was up before it was settled" in report.headline


# --- Frameworks.


def test_rules_of_autograd() -> None:
    anp = pytest.importorskip("autograd.numpy")

    def f(x: Any, y: Any) -> Any:
        return anp.tanh(x) * y + anp.sum(x)

    at = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    assert check_vjp(f, "autograd", at).ok
    assert check_jvp(f, "autograd", at).ok


def test_a_wrong_rule_of_autograd_is_found() -> None:
    extend = pytest.importorskip("autograd.extend")

    cube = extend.primitive(lambda x: x**3)
    extend.defvjp(cube, lambda out, x: lambda g: g * 3.0 * x)
    report = check_vjp(cube, "autograd", np.array([2.0, 3.0]))
    assert set(report.verdicts.values()) == {"wrong"}


def test_rules_of_torch() -> None:
    torch = pytest.importorskip("torch")

    class Layer(torch.autograd.Function):  # type: ignore[name-defined,misc]  # torch is not always there
        scale = 1.0

        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return torch.tanh(x @ w)

        @classmethod
        def backward(cls, ctx: Any, g: Any) -> Any:
            x, w = ctx.saved_tensors
            d = g * (1.0 - torch.tanh(x @ w) ** 2)
            return d @ w.T, Layer.scale * (x.T @ d)

    at = torch.randn(4, 3), torch.randn(3, 2)
    assert check_vjp(Layer.apply, "torch", at).ok
    Layer.scale = 1.0001
    report = check_vjp(Layer.apply, "torch", at)
    assert sum(not c.ok for c in report.comparisons) == 6
    assert check_vjp(torch.tanh, lambda x, g: g * (1.0 - torch.tanh(x) ** 2), torch.randn(3)).ok
    assert check_jvp(lambda x: (torch.sin(x), x.sum()), "torch", torch.randn(3)).ok
    assert check_vjp(lambda x: x * 2.0, "torch", np.ones(3)).ok


def test_outputs_of_every_kind_in_torch() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
    for f in (
        lambda x: x.sort(),
        lambda x: x.max(0),
        lambda x: (x.sum(), 0.5, 3, None, x > 0.0),
        lambda x: x.mul_(2.0),
        lambda x: x.float().sin(),
    ):
        assert check_vjp(f, "torch", x).ok
        assert check_jvp(f, "torch", x).ok
    for half in (torch.bfloat16, torch.float16):
        assert check_vjp(torch.sin, "torch", x.to(half)).ok
        report = check_vjp(lambda x, half=half: x.to(half).sin(), "torch", x)
        assert set(report.verdicts.values()) <= {"right", "inconclusive"}
    linear = torch.nn.Linear(2, 2)
    assert "but the check is in doubles: convert" in check_vjp(linear, "torch", x).headline
    assert check_vjp(linear.double(), "torch", x).ok


def test_outputs_of_every_kind_in_jax() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    x = jnp.array([3.0, 1.0, 2.0])
    for f in (
        lambda x: (jnp.sort(x), jnp.argsort(x)),
        lambda x: (x.sum(), 0.5, 3, None, x > 0.0),
        lambda x: jnp.sin(x.astype(jnp.float32)),
    ):
        assert check_vjp(f, "jax", x).ok
        assert check_jvp(f, "jax", x).ok


def test_rules_of_jax() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    sine = jax.custom_vjp(lambda x: jnp.sin(x))
    sine.defvjp(lambda x: (sine(x), x), lambda x, g: (g * jnp.sin(x),))
    assert set(check_vjp(sine, "jax", np.array([0.5, 2.0])).verdicts.values()) == {"wrong"}
    assert check_vjp(jnp.sin, "jax", jnp.array([0.5, 2.0])).ok
    assert check_jvp(jnp.sin, "jax", np.array([0.5, 2.0])).ok
    x = jnp.array([0.5, 2.0])
    assert check_vjp(jnp.sin, lambda x, g: g * jnp.cos(x), x).ok
    with jax.enable_x64(True):
        x = jnp.array([0.5, 2.0])
        assert check_vjp(jnp.sin, jax.vjp(jnp.sin, x)[1], x).ok
        assert check_jvp(jnp.sin, jax.linearize(jnp.sin, x)[1], x).ok


# --- The report, and the differences.


def test_the_report_prints_as_text_as_html_and_as_data() -> None:
    report = check_vjp(np.sin, lambda x, g: -g * np.cos(x), np.array([0.5, 2.0]))
    assert str(report).splitlines()[0] == report.headline
    assert "the sign is flipped" in report._repr_html_()
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["derivatives"][0]["why"] == ["the sign is flipped"]
    assert data["kind"] == "vjp"
    with pytest.raises(GradientError, match="the sign is flipped"):
        report.raise_if_wrong()
    assert check_vjp(np.sin, lambda x, g: g * np.cos(x), 0.5).headline == "vjp: 1 derivative proved"


def test_another_seed_is_another_cotangent() -> None:
    first, again, other = (
        check_vjp(np.sin, lambda x, g: g * np.cos(x), np.array([0.5]), seed=seed).comparisons[0].given
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_bound_of_a_difference_holds() -> None:
    import mpmath

    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b, c = 3.0 * rng.normal(size=3)

        def f(t: Any, m: Any = np, a: float = a, b: float = b, c: float = c) -> list[Any]:
            return [m.sin(a * t + b) * m.exp(c * t), m.tanh(5.0 * a * (t + 0.3))]

        found = column(lambda t, f=f: np.array(f(t)))  # type: ignore[misc]  # mypy does not see the default
        exact = [float(mpmath.diff(lambda t, k=k, f=f: f(t, mpmath)[k], 0)) for k in (0, 1)]
        assert (np.abs(found.value - np.array(exact)) <= found.error).all()
        assert not found.kinked.any()


def test_values_as_points() -> None:
    assert check_vjp(lambda x: x * x, lambda x, g: 2.0 * x * g, (Value(3.0),)).ok


# --- What doubles do not tell.


@pytest.mark.parametrize("steps", [1e3, 1e6, 1e9, 1e12])
@pytest.mark.parametrize("x", [0.3, 1.7, 0.123456789])
def test_a_staircase_is_not_taken_for_its_mean_slope(steps: float, x: float) -> None:
    def on_values(x: Any) -> Any:
        return np.floor(steps * x) / steps

    def on_floats(x: Any) -> Any:
        return on_values(x.view(float))  # an array of Values has no such view

    at = np.array([x])
    assert check_vjp(on_values, lambda x, u: 0.0 * u, at).ok
    assert check_vjp(on_values, lambda x, u: 1.0 * u, at).verdicts == {"x[0]": "wrong"}
    assert check_vjp(on_floats, lambda x, u: 0.0 * u, at).verdicts["x[0]"] != "wrong"
    if steps > 1e8:  # fewer steps look as float32 does
        assert not check_vjp(on_floats, lambda x, u: 1.0 * u, at).ok


def test_a_right_rule_of_hidden_float32_is_not_accused() -> None:
    def wave(x: Any) -> Any:
        return np.sin(2000 * np.float32(x)).astype(np.float64)

    def sure(x: Any) -> Any:
        return np.tanh(np.float32(10.0) * np.float32(x)).astype(np.float64)

    rng = np.random.default_rng(3)
    for _ in range(20):
        x = rng.uniform(0.05, 3.0, 2)
        for f, slope in (
            (wave, lambda x: 2000 * np.cos(2000 * x)),
            (sure, lambda x: 10.0 / np.cosh(10.0 * x) ** 2),
        ):
            found = check_vjp(f, lambda x, u, slope=slope: slope(x) * u, x).verdicts.values()
            assert "wrong" not in found, (f.__name__, x, found)
    wrong = check_vjp(wave, lambda x, u: -2000 * np.cos(2000 * x) * u, np.array([0.3, 1.1]))
    assert not wrong.ok


@pytest.mark.parametrize(
    ("gradient", "ok"),
    [
        ([1.0, 0.0, 0.0], True),
        ([0.5, 0.5, 0.0], True),
        ([0.3, 0.7, 0.0], True),
        ([0.5, 0.0, 0.0], False),
        ([0.0, 0.0, 0.0], False),
        ([1.0, 1.0, 0.0], False),
    ],
)
@pytest.mark.parametrize("on_values", [True, False])
def test_a_tied_maximum_is_judged_as_a_whole(gradient: list[float], ok: bool, on_values: bool) -> None:
    def f(x: Any) -> Any:
        return np.max(x if on_values else x.view(float))

    report = check_vjp(f, lambda x, u: np.array(gradient) * u, np.array([2.0, 2.0, 1.0]))
    assert report.ok is ok, str(report)
    assert "wrong" not in report.verdicts.values()


def test_kinks_of_their_own_are_judged_one_by_one() -> None:
    at = np.array([0.0, 0.0, 1.0])
    for sides in ([0.0, 1.0, 1.0], [1.0, -1.0, 1.0], [0.5, 0.25, 1.0]):
        assert check_vjp(np.abs, lambda x, u, sides=sides: np.array(sides) * u, at).ok

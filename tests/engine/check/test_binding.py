"""The numbers of a point bind to the parameters of a function by name, or the error names the parameters."""

import functools
import inspect
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import engine
from engine import Value, check_gradients, fsum, sumprod, tanh
from engine.check.binding import OPTIONS
from engine.ops import OPS


def two(weight: Any, bias: Any = 1.0) -> Any:
    return weight * weight + 3.0 * bias


def in_order_alone(a: Any, b: Any, /) -> Any:
    return a * a + 3.0 * b


def optional(a: Any = 1.0, b: Any = 2.0, /) -> Any:
    return a * b


def by_name_alone(a: Any, *, b: Any) -> Any:
    return a * a + 3.0 * b


def with_rest(a: Any, *rest: Any) -> Any:
    return a * a + 3.0 * fsum(rest)


def with_names(a: Any, **others: Any) -> Any:
    return a * a + 3.0 * fsum(others.values())


def any_order(*x: Any) -> Any:
    return x[0] * x[0] + 3.0 * x[1]


class Model:
    def __call__(self, a: Any, b: Any) -> Any:
        return a * a + 3.0 * b

    def loss(self, a: Any, b: Any) -> Any:
        return self(a, b)

    @staticmethod
    def static(a: Any, b: Any) -> Any:
        return a * a + 3.0 * b

    @classmethod
    def of_class(cls, a: Any, b: Any) -> Any:
        return a * a + 3.0 * b


BOUND: list[tuple[Callable[..., Any], Any, dict[str, float]]] = [
    (two, {"weight": 2.0, "bias": 5.0}, {"weight": 4.0, "bias": 3.0}),
    (two, {"bias": 5.0, "weight": 2.0}, {"bias": 3.0, "weight": 4.0}),
    (two, {"weight": 2.0}, {"weight": 4.0}),
    (two, [2.0], {"weight": 4.0}),
    (two, (2.0, 5.0), {"weight": 4.0, "bias": 3.0}),
    (in_order_alone, {"b": 5.0, "a": 2.0}, {"a": 4.0, "b": 3.0}),
    (in_order_alone, [2.0, 5.0], {"a": 4.0, "b": 3.0}),
    (by_name_alone, {"b": 5.0, "a": 2.0}, {"b": 3.0, "a": 4.0}),
    (with_rest, [2.0, 5.0, 6.0], {"a": 4.0, "rest_1": 3.0, "rest_2": 3.0}),
    (with_rest, {"a": 2.0}, {"a": 4.0}),
    (with_names, {"a": 2.0, "u": 5.0, "v": 6.0}, {"a": 4.0, "u": 3.0, "v": 3.0}),
    (any_order, {"u": 2.0, "v": 5.0}, {"u": 4.0, "v": 3.0}),
    (any_order, [2.0, 5.0], {"x_1": 4.0, "x_2": 3.0}),
    (Model(), {"b": 5.0, "a": 2.0}, {"b": 3.0, "a": 4.0}),
    (Model().loss, {"b": 5.0, "a": 2.0}, {"b": 3.0, "a": 4.0}),
    (Model.static, {"b": 5.0, "a": 2.0}, {"b": 3.0, "a": 4.0}),
    (Model.of_class, {"b": 5.0, "a": 2.0}, {"b": 3.0, "a": 4.0}),
    (functools.partial(two, bias=7.0), {"weight": 2.0}, {"weight": 4.0}),
    (functools.partial(two, bias=7.0), {"weight": 2.0, "bias": 5.0}, {"weight": 4.0, "bias": 3.0}),
    (functools.partial(two, 2.0), {"bias": 5.0}, {"bias": 3.0}),
    (lambda weight: weight * 2.0, {"weight": 2.0}, {"weight": 2.0}),
    (operator.mul, {"b": 5.0, "a": 2.0}, {"a": 5.0, "b": 2.0}),
    (abs, {"x": -2.0}, {"x": -1.0}),
    (max, {"u": 2.0, "v": 5.0}, {"u": 0.0, "v": 1.0}),  # a builtin function without a signature
    (fsum, {"u": 2.0, "v": 5.0}, {"u": 1.0, "v": 1.0}),
    (sumprod, {"q": [2.0], "p": [5.0]}, {"q[0]": 5.0, "p[0]": 2.0}),
    (engine.where, {"b": 2.0, "a": 5.0, "condition": 1.0}, {"b": 0.0, "a": 1.0, "condition": 0.0}),
    (engine.atan2, {"x": 1.0, "y": 0.0}, {"x": 0.0, "y": 1.0}),
    (engine.leaky_relu, {"x": -2.0, "slope": 0.5}, {"x": 0.5, "slope": -2.0}),
]


@pytest.mark.parametrize(("f", "at", "gradient"), BOUND)
def test_names_bind(f: Callable[..., Any], at: Any, gradient: dict[str, float]) -> None:
    ways = [check_gradients(f, at)] + ([check_gradients(f, **at)] if isinstance(at, dict) else [])
    for report in ways:
        assert report.ok, str(report)
        assert {c.name: c.truth for c in report.comparisons} == gradient


REFUSED: list[tuple[Callable[..., Any], Any, str]] = [
    (two, {"wieght": 0.5}, "f has no wieght; did you mean weight? It takes weight, bias"),
    (two, {"weight": 0.5, "x": 1.0}, "f has no x. It takes weight, bias"),
    (two, {"weight": 0.5, "x": 1.0, "y": 1.0}, "f has no x, y. It takes weight, bias"),
    (two, {"bias": 0.5}, "weight is missing. It takes weight, bias"),
    (two, [1.0, 2.0, 3.0], "f takes 2 arguments in order, but 3 are given. It takes weight, bias"),
    (
        functools.partial(two, weight=2.0),
        [1.0],
        "f takes 0 arguments in order, but 1 is given. It takes weight, bias",
    ),
    (in_order_alone, [1.0], "b is missing. It takes a, b"),
    (in_order_alone, {"b": 1.0}, "a is missing. It takes a, b"),
    (in_order_alone, {"u": 1.0, "v": 2.0}, "f has no u, v. It takes a, b"),
    (by_name_alone, [1.0], "b is missing. It takes a, b; b is given by name alone: give the point by names"),
    (by_name_alone, [1.0, 2.0], "f takes 1 argument in order, but 2 are given. It takes a, b"),
    (with_rest, {"a": 1.0, "rest": 2.0}, "f has no rest. It takes a, *rest"),
    (with_names, {"b": 1.0}, "a is missing. It takes a, **others"),
    (Model(), {"a": 1.0, "c": 2.0}, "f has no c. It takes a, b"),
    (Model().loss, {"self": 1.0, "a": 1.0, "b": 2.0}, "f has no self. It takes a, b"),
    (functools.partial(two, 2.0), {"weight": 5.0}, "f has no weight. It takes bias"),
    (lambda: Value(1.0), {"x": 1.0}, "f has no x. It takes no arguments"),
    (
        lambda a=1.0, b=2.0, /: a * b,
        {"b": 1.0},
        "f takes a in order, before others that are given: give a too",
    ),
    (tanh, {"y": 1.0}, "f has no y. It takes x"),
    (engine.leaky_relu, {"x": 1.0, "slop": 1.0}, "f has no slop; did you mean slope? It takes x, slope"),
    (two, {1: 2.0}, "1 is not a name: give the point as {'x': 0.5}"),
]


@pytest.mark.parametrize(("f", "at", "words"), REFUSED)
def test_other_names_are_an_error_that_names_the_parameters(
    f: Callable[..., Any], at: Any, words: str
) -> None:
    with pytest.raises(TypeError) as caught:
        check_gradients(f, at)
    assert str(caught.value) == words


def test_a_name_that_is_an_option_is_given_in_the_point() -> None:
    def f(x: Any, digits: Any) -> Any:
        return x * digits

    words = r"digits is missing.* digits is also an option of the check: give the point as at={'digits': ...}"
    with pytest.raises(TypeError, match=words.replace("{", r"\{")):
        check_gradients(f, x=1.0, digits=5.0)
    assert check_gradients(f, {"x": 1.0, "digits": 5.0}).ok


@pytest.mark.parametrize("option", [name for name in OPTIONS if name not in ("f", "at")])
def test_a_default_with_the_name_of_an_option_is_never_another_point(option: str) -> None:
    f: Callable[..., Any] = eval(f"lambda x, {option}=2.0: x * {option}")  # noqa: S307 - our own text
    given: dict[str, Any] = {option: 3.0}
    with pytest.raises(TypeError, match=f"f has a parameter {option}, which is also an option of the check"):
        check_gradients(f, x=1.0, **given)
    assert check_gradients(f, {"x": 1.0, option: 3.0}).comparisons[0].truth == 3.0


def test_the_options_are_those_of_the_check() -> None:
    parameters = inspect.signature(check_gradients).parameters.values()
    assert tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD) == OPTIONS


@pytest.mark.parametrize(
    ("f", "at", "words"),
    [
        (lambda **k: k["w[0]"] * k["w"][0], {"w": [2.0], "w[0]": 3.0}, "the name 'w[0]': give one of them"),
        (
            lambda rest_1, *rest: rest_1 * rest[0],
            [2.0, 3.0],
            "have the name 'rest_1': give one of them another name",
        ),
        (lambda x: x, {"x": 10**400}, "beyond the largest float"),
        (lambda *x: x[0], {1: 2.0}, "1 is not a name: give the point as {'x': 0.5}"),
        (lambda x: x, b"x", "`at` is bytes; give a dict, a sequence or keywords"),
        (lambda x: x, np.array(1.0), "`at` is ndarray; give a dict, a sequence or keywords"),
        (lambda x: x, {"x": np.array(["a"])}, "x[0]: a Value holds one real number, not str_"),
        (lambda x: x, {"x": np.ma.masked_array([1.0], [True])}, "x is MaskedArray; a point holds"),
    ],
)
def test_what_is_no_point_is_named(f: Callable[..., Any], at: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError), match=re.escape(words)):
        check_gradients(f, at)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_ends() -> None:
    matrix = np.matrix([[1.0, 2.0]])
    with pytest.raises(TypeError, match=r"x is matrix; .* give x.tolist\(\)"):
        check_gradients(lambda x: x, x=matrix)
    report = check_gradients(lambda x: x[0][0] * 1.0 + x[0][1] * 2.0, x=[[3.0, 4.0]], claimed={"x": matrix})
    assert report.ok, str(report)


@pytest.mark.parametrize("against", [3, [3], None, "", "tf", ["jax", None]])
def test_what_is_no_framework_is_named(against: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown framework .*; known: torch, jax, autograd, or a function"):
        check_gradients(tanh, x=1.0, against=against)


# --- Gradients of others.


def test_a_check_modifies_no_gradient_and_none_that_f_sets_disturbs_it() -> None:
    weight = Value(3.0, "weight")

    def f(x: Any) -> Any:
        y = weight * x
        y.backward()
        x.grad = 5.0
        return y * y

    report = check_gradients(f, x=2.0)
    assert report.ok, str(report)
    assert weight.grad == 2.0 * 2.0  # the two runs of f itself, and nothing of the check


def test_a_leaf_that_the_output_does_not_use_has_the_gradient_0() -> None:
    unused = Value(1.0, "unused")
    unused.grad = 7.0
    (c,) = check_gradients(Value(2.0, "x") * 3.0, [unused]).comparisons
    assert (c.engine, c.truth, unused.grad) == (0.0, 0.0, 7.0)


def test_the_function_of_a_claim_has_the_same_names() -> None:
    with pytest.raises(TypeError, match=r"the claimed gradient has no x\. It takes t"):
        check_gradients(lambda x: x * x, x=2.0, claimed=lambda t: 2.0 * t)


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.arity is not None])
def test_every_operation_binds_the_names_of_its_row(name: str) -> None:
    operands = OPS[name].operands
    point = dict.fromkeys(operands, 1.5 if name == "acosh" else 0.25)
    assert set(check_gradients(getattr(engine, name), point).verdicts) == set(operands)


def test_a_unary_operation_of_ones_own_binds_its_name() -> None:
    @engine.operation(partials=lambda m, out, u: (3.0 * u * u,))
    def cubed(m: Any, u: Any) -> Any:
        """u to the power 3."""
        return u * u * u

    try:
        assert check_gradients(cubed, u=2.0).ok
        assert cubed(Value(2.0)).data == cubed(u=2.0) == 8.0
        with pytest.raises(TypeError, match=r"f has no x\. It takes u"):
            check_gradients(cubed, x=2.0)
    finally:
        from engine.extend import withdraw

        withdraw("cubed")


# --- Arrays.


def test_arrays_are_points() -> None:
    def f(w: Any, b: Any) -> Any:
        return np.sum(np.tanh(w @ np.array([0.5, -2.0]) + b))

    w, b = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.5, 0.6])
    for at in ({"w": w, "b": b}, [w, b]):
        report = check_gradients(f, at)
        assert report.ok, str(report)
        assert list(report.point) == ["w[0][0]", "w[0][1]", "w[1][0]", "w[1][1]", "b[0]", "b[1]"]

    def as_lists(w: Any, b: Any) -> Any:
        return fsum(tanh(sumprod(w_i, [0.5, -2.0]) + b_i) for w_i, b_i in zip(w, b, strict=True))

    listed = check_gradients(as_lists, w=w, b=b)
    assert [c.truth for c in listed.comparisons] == [c.truth for c in report.comparisons]


def test_an_array_keeps_its_shape_and_its_elements_bind_as_in_a_list() -> None:
    seen = []

    def f(w: Any) -> Any:
        seen.append(w.shape)
        return w[0, 1] * w[0][1] + fsum(w[1])

    assert check_gradients(f, w=np.ones((2, 3), dtype=np.float32)).ok
    assert set(seen) == {(2, 3)}
    assert check_gradients(lambda x: x * x, x=np.array(3)).ok
    assert check_gradients(lambda x, y: x * y, np.array([1.0, 2.0])).ok


def test_the_function_of_a_claim_gets_arrays_of_floats() -> None:
    def f(w: Any, x: Any) -> Any:
        return np.sum(np.tanh(w @ x))

    def by_hand(w: Any, x: Any) -> Any:
        delta = 1.0 - np.tanh(w @ x) ** 2
        return np.outer(delta, x), w.T @ delta

    at = [np.array([[0.1, 0.2], [0.3, 0.4]], dtype=np.float32), np.array([1, -2])]
    report = check_gradients(f, at, claimed=by_hand)
    assert report.ok, str(report)


class Pair(NamedTuple):
    u: Any
    v: Any


def test_tuples_stay_what_they_are() -> None:
    report = check_gradients(lambda p: p.u * p.v, p=Pair(2.0, 3.0))
    assert {c.name: c.truth for c in report.comparisons} == {"p[0]": 3.0, "p[1]": 2.0}
    assert (
        check_gradients(lambda p: p[0] * float(isinstance(p, tuple)), p=(2.0, 3.0)).comparisons[0].truth == 1
    )


def test_what_an_array_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"w\[1\]: a Value holds one real number, not .*complex"):
        check_gradients(lambda w: w[0], w=np.array([1.0, 2j], dtype=object))


def test_an_array_as_output_is_told() -> None:
    headline = check_gradients(lambda w: w * 2.0, w=np.ones(3)).headline
    assert "f returns an array of the shape (3,), not one Value" in headline
    assert "check_vjp" in headline


def test_a_function_that_changes_its_array_is_told() -> None:
    def f(w: Any) -> Any:
        w[0] = w[1] * 2.0
        return w[0]

    assert "f changes the list it was given" in check_gradients(f, w=np.ones(2)).headline

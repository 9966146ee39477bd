"""`Value`: construction, operators, what a recording keeps, copies, and what `backward` does to `grad`."""

import copy
import gc
import math
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine import Value, exp, fsum, grad, log, max, prod, softmax, sumprod, tanh, where
from engine.graph import topological

# --- Construction.


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (3, 3.0),
        (-0.0, -0.0),
        (2.5, 2.5),
        (2**53 + 1, 9007199254740992.0),
        (10**30, 1e30),
        (Fraction(1, 3), 1 / 3),
        (Decimal("0.1"), 0.1),
        (np.float64(0.5), 0.5),
        (np.float32(0.1), 0.10000000149011612),
        (np.int64(7), 7.0),
        (math.inf, math.inf),
    ],
)
def test_a_real_number_is_stored_as_the_nearest_float(given: Any, data: float) -> None:
    value = Value(given)
    assert type(value.data) is float
    assert (value.data, math.copysign(1.0, value.data)) == (data, math.copysign(1.0, data))
    assert (value.grad, value.label, value.op, value.kind) == (0.0, "", "", "input")
    assert (value.parents, value.partials) == ((), ())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("3", r"not str '3'; convert it first: float\(text\)"),
        (True, "not bool True; say 1.0 or 0.0"),
        (None, "not NoneType None; is something missing a return"),
        (..., "not ellipsis Ellipsis; put a number in the place of"),
        (1j, "not complex 1j; take its .real or .imag"),
        ([1.0], r"not list \[1.0\]; make one Value of each element"),
        ((1.0,), "not tuple .*; make one Value of each element"),
        (np.array([1.0, 2.0]), r"not ndarray array\(\[1., 2.\]\); make one Value of each element"),
        (np.bool_(True), "not bool"),
        (np.complex128(1j), "not complex"),
        (Value(1.0), "not Value .*; it is a Value already"),
        (b"1", "not bytes .*; give int, float, Fraction, Decimal or a NumPy scalar"),
        (range(100), "not range"),
        (list(range(100)), r"not list \[0, 1, 2, .*\.\.\.; make one"),
    ],
)
@pytest.mark.parametrize("use", [Value, lambda x: Value(1.0) + x, lambda x: exp(x), lambda x: fsum([x])])
def test_anything_else_is_refused_with_what_it_is_and_what_to_do(
    use: Callable[[Any], Any], given: Any, message: str
) -> None:
    if isinstance(given, Value) and use is not Value:
        assert isinstance(use(given), Value)
    elif use is not Value and isinstance(given, np.ndarray) and "fsum" not in use.__code__.co_names:
        pass  # an array on an operator's right is taken element by element
    else:
        with pytest.raises(TypeError, match=f"a Value holds one real number, {message}"):
            use(given)


@pytest.mark.parametrize("number", [10**400, Fraction(10**400), Decimal("-1e400"), np.longdouble("1e4000")])
def test_a_number_beyond_the_floats_is_refused(number: Any) -> None:
    w = Value(0.5, "w")
    for use in (Value, lambda x: w * x, lambda x: setattr(w, "data", x), lambda x: setattr(w, "grad", x)):
        with pytest.raises(OverflowError, match=r"1.* is beyond the largest float, 1\.8e308"):
            use(number)
    assert (w.data, w.grad) == (0.5, 0.0)


ASSIGNED: list[tuple[Any, str]] = [
    (
        Value(2.0) * 0.5,
        r"it is one real number, not a Value\. Assign the number of the result, \(",
    ),
    ("3", r"a Value holds one real number, not str '3'; convert it first: float\(text\)"),
    (True, "not bool True; say 1.0 or 0.0"),
    (np.bool_(True), "not bool"),
    (1j, "not complex 1j; take its .real or .imag"),
    (None, "not NoneType None; is something missing a return"),
    ([1.0], r"not list \[1.0\]; make one Value of each element"),
    (np.array([1.0, 2.0]), "not ndarray .*; make one Value of each element"),
]


@pytest.mark.parametrize(("number", "message"), ASSIGNED)
def test_what_is_not_a_number_is_refused_where_it_is_assigned(number: Any, message: str) -> None:
    w = Value(0.5, "w")
    with pytest.raises(TypeError, match=f"^the data of w: .*{message}"):
        w.data = number
    with pytest.raises(TypeError, match=r"^the data of an unlabelled value: "):
        Value(0.5).data = number
    assert w.data == 0.5


@pytest.mark.parametrize(("number", "message"), ASSIGNED)
def test_what_is_not_a_number_is_refused_as_a_gradient(number: Any, message: str) -> None:
    w = Value(0.5, "w")
    expected = message if number is not None else r"not None; to forget it, set it to 0\.0$"
    with pytest.raises(TypeError, match=f"^the grad of w: .*{expected}"):
        w.grad = number
    w.grad = 2
    assert type(w.grad) is float


@pytest.mark.parametrize(
    "number", [3, np.float32(3.0), np.int64(3), np.float64(3.0), Fraction(3), Decimal(3)]
)
def test_any_real_number_that_is_assigned_becomes_a_float(number: Any) -> None:
    w = Value(0.5)
    w.data = number
    assert type(w.data) is float
    assert type((w + w).data) is float
    w.data += 1
    assert w.data == 4.0


# --- Operators.


@pytest.mark.parametrize("other", [2, 2.0, Fraction(2), Decimal(2), np.float64(2.0), np.int32(2), Value(2.0)])
def test_operators_work_in_both_orders(other: Any) -> None:
    v = Value(3.0)
    results = [v + other, other + v, v - other, other - v, v * other, other * v]
    results += [v / other, other / v, v**other, other**v, -v, +v, abs(-v)]
    assert [r.data for r in results] == [5.0, 5.0, 1.0, -1.0, 6.0, 6.0, 1.5, 2 / 3, 9.0, 8.0, -3.0, 3.0, 3.0]
    assert {type(r) for r in results} == {Value}
    assert {type(r.data) for r in results} == {float}


@pytest.mark.parametrize(
    "operate", [lambda v: v + "1", lambda v: "1" + v, lambda v: v * None, lambda v: 2j - v]
)
def test_operators_refuse_what_is_no_number(operate: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        operate(Value(1.0))


def test_equality_is_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert a != Value(1.0)
    assert len({a, b, a}) == 2


def test_comparisons_compare_data() -> None:
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert b > a
    assert a <= 1
    assert a >= 1
    assert 2 > a  # noqa: SIM300  # the reflected comparison
    assert not a < 1.0
    assert max([a, b]).data == 2.0
    assert sorted([b, a])[0] is a
    with pytest.raises(TypeError, match="a Value holds one real number, not str"):
        a < "2"  # type: ignore[operator]  # noqa: B015  # what a user may write all the same


def test_numpy_functions_take_values_and_object_arrays_of_them() -> None:
    v: Any = Value(0.5)
    assert float(v) == 0.5
    assert np.tanh(v).data == tanh(0.5)
    assert np.arctan(v).data == math.atan(0.5)
    w = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    y = w @ np.array([Value(5.0), Value(6.0)])
    assert [y_i.data for y_i in y] == [17.0, 39.0]
    y[1].backward()
    assert [w_ij.grad for w_ij in w.flat] == [0.0, 0.0, 5.0, 6.0]


def test_a_value_times_an_array_is_taken_element_by_element_in_both_orders() -> None:
    v: Any = Value(2.0)
    array: Any = np.array([1.0, 3.0])
    for products in (v * array, array * v):
        assert products.dtype == object
        assert [p.data for p in products] == [2.0, 6.0]
    assert [d.data for d in v - array] == [1.0, -1.0]
    assert [d.data for d in array - v] == [-1.0, 1.0]
    assert [q.data for q in array / v] == [0.5, 1.5]
    assert [p.data for p in array**v] == [1.0, 9.0]


def test_errors_name_operation_operands_labels_and_domain() -> None:
    x = Value(-1.0, "x")
    with pytest.raises(ValueError, match=r"^log\(x\) is undefined at x = -1.0 \(x\); it needs x > 0$"):
        log(x)
    with pytest.raises(
        ZeroDivisionError, match=r"div\(x, y\) is undefined at x = -1.0 \(x\), y = 0.0; it needs y != 0"
    ):
        x / 0
    with pytest.raises(
        OverflowError, match=r"fsum\(x_1, .*, \.\.\.\) overflows at x_1 = 1e\+308, .*, \.\.\. \(5 operands\)"
    ):
        fsum([Value(1e308)] * 5)
    with pytest.raises(ValueError, match=r"log\(x\) is undefined at x = -1.0;"):
        log(-1.0)


# --- Recording.


def test_what_was_computed_knows_its_operands_and_partials() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    product = a * b
    assert (product.op, product.parents, product.partials) == ("mul", (a, b), (3.0, 2.0))
    square = a * a
    assert (square.parents, square.partials) == ((a, a), (2.0, 2.0))
    assert (exp(a).op, exp(a).parents) == ("exp", (a,))
    total = sumprod([a, b], [b, 4.0])
    assert (total.op, [p.data for p in total.parents]) == ("sumprod", [2.0, 3.0, 3.0, 4.0])
    assert total.partials == (3.0, 4.0, 2.0, 3.0)
    assert (fsum([a]).parents, fsum([a]).partials) == ((a,), (1.0,))
    assert {type(y.partials) for y in (max(a, b), prod([a, b]), softmax([a, b])[0], where(a, b, 1))} == {
        tuple
    }
    assert (a + 1).parents[1].kind == "constant"


def test_a_leaf_changed_after_recording_changes_no_gradient_and_grad_says_so() -> None:
    a = Value(3.0, "a")
    b = a * a
    a.data = 100.0
    b.backward()
    assert a.grad == 6.0
    with pytest.raises(
        ValueError, match=r"mul was recorded as 9.0, but with a = 100.0.* it is 10000.0: a leaf was"
    ):
        grad(b, [a])
    a.data = 3.0
    assert grad(b, [a])[0].data == 6.0


def test_an_inner_value_that_was_assigned_is_named() -> None:
    x = Value(3.0, "x")
    y = x * x
    y.label = "y"
    z = y + 1.0
    y.data = 4.0
    z.backward()
    assert x.grad == 6.0
    with pytest.raises(
        ValueError, match=r"^add was recorded as 10.0, but with y = 4.0 it is 5.0: y was assigned"
    ):
        grad(z, [x])
    text = r"^mul of x = 3.0, x = 3.0 is 9.0, but y is 4.0: y, which is computed, was assigned after "
    for read in (lambda: grad(y, [x]), y.explain):
        with pytest.raises(ValueError, match=text):
            read()
    y.data = 9.0
    assert grad(z, [x])[0].data == 6.0


def test_what_is_copied_remembers_that_it_was_assigned() -> None:
    x = Value(3.0, "x")
    y = x * x
    y.data = 4.0
    for again in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301  # our own
        with pytest.raises(ValueError, match=r"but a computed value is 4\.0: a computed value was"):
            grad(again, [again.parents[0]])


# --- backward.


def test_a_second_pass_doubles_leaves_exactly_and_leaves_inner_values_alone() -> None:
    a = Value(3.0)
    b = a * a
    c = b * b
    c.backward()
    c.backward()
    assert (a.grad, b.grad, c.grad) == (216.0, 18.0, 1.0)


def test_two_outputs_that_share_a_value_add_up_exactly() -> None:
    a = Value(3.0)
    b = a * a
    (b * 2).backward()
    (b * 5).backward()
    assert a.grad == 42.0


def test_passes_add_up_exactly() -> None:
    a = Value(0.1)
    y = exp(a) * a + a / 3
    y.backward()
    once = a.grad
    for n in range(2, 20):
        before = a.grad
        y.backward()
        assert a.grad == before + once, n


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda a: a, 1.0),
        (lambda a: a + a, 2.0),
        (lambda a: a * a, 6.0),
        (lambda a: a * a + a, 7.0),
        (lambda a: fsum([a, a, a]), 3.0),
        (lambda a: sumprod([a, a], [a, a]), 12.0),
    ],
)
def test_every_use_counts(expression: Callable[[Value], Value], expected: float) -> None:
    a = Value(3.0)
    expression(a).backward()
    assert a.grad == expected


def test_an_adjoint_of_zero_passes_nothing_on() -> None:
    x = Value(0.0)
    y = 0.0 * x.sqrt() + x
    y.backward()
    assert x.grad == 1.0
    assert grad(y, [x])[0].data == 1.0
    z = Value(0.0)
    product = z * x.sqrt()
    assert [d.data for d in grad(product, [x, z])] == [0.0, 0.0]


def test_an_infinite_partial_is_a_gradient() -> None:
    x = Value(0.0)
    x.sqrt().backward()
    assert x.grad == math.inf
    assert grad(x.sqrt(), [x])[0].data == math.inf


def test_threads_accumulate_into_a_shared_leaf_exactly() -> None:
    w = Value(1.0)

    def work() -> None:
        for _ in range(200):
            (w * 3.0 + w).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad == 3200.0


def test_an_interrupted_pass_leaves_the_leaves_as_they_were() -> None:
    class Interrupting(float):
        def __mul__(self, other: float) -> float:
            raise KeyboardInterrupt

    a, b = Value(2.0), Value(5.0)
    a.grad = 7.0
    y = b.exp() + a
    y.parents[0]._dx = Interrupting(1.0)
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert (a.grad, b.grad) == (7.0, 0.0)
    (a * 1.0).backward()
    assert a.grad == 8.0


@pytest.mark.slow
def test_the_same_program_gives_the_same_bits() -> None:
    program = (
        "from engine import *\n"
        "x = [Value(0.1 * i) for i in range(1, 9)]\n"
        "y = logsumexp([a * b + sin(a) for a in x for b in x])\n"
        "y.backward()\n"
        "print([a.grad.hex() for a in x], [d.data.hex() for d in grad(y, x)])"
    )
    runs = {subprocess.check_output([sys.executable, "-c", program]) for _ in range(2)}  # noqa: S603  # our own program
    assert len(runs) == 1


# --- Copies and text.


def _graph() -> tuple[Value, Value]:
    a, b = Value(0.1, "a"), Value(-0.0, "b")
    c = a * b + tanh(a)
    y = fsum([c, c * c, a, max(a, b), where(a, b, c)])
    y.label = "y"
    y.backward()
    return a, y


def _bits(value: Value) -> list[tuple[Any, ...]]:
    order = topological([value])
    index = {v: i for i, v in enumerate(order)}
    return [
        (
            v.data.hex(),
            v.grad.hex(),
            v.op,
            v.label,
            [p.hex() for p in v.partials],
            [index[p] for p in v.parents],
        )
        for v in order
    ]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])  # noqa: S301  # our own
def test_copies_of_a_graph_are_equal_to_the_bit_and_independent(duplicate: Callable[[Value], Value]) -> None:
    a, y = _graph()
    twin = duplicate(y)
    assert _bits(twin) == _bits(y)
    assert set(topological([twin])).isdisjoint(topological([y]))
    before = a.grad
    twin.backward()
    assert a.grad == before
    assert _bits(duplicate(a)) == _bits(a)


def test_deepcopy_keeps_what_several_values_share() -> None:
    a, y = _graph()
    a2, y2 = copy.deepcopy([a, y])
    assert a2 in topological([y2])


def test_a_shallow_copy_shares_its_operands() -> None:
    _, y = _graph()
    twin = copy.copy(y)
    assert twin is not y
    assert twin.parents == y.parents
    assert _bits(twin) == _bits(y)


def test_repr() -> None:
    a = Value(3, "a")
    assert repr(a) == "Value(data=3.0, grad=0.0, label='a')"
    y = a * 2
    y.backward()
    assert repr(y) == "Value(data=6.0, grad=1.0)"


def test_it_is_formatted_rounded_and_asked_for_truth_as_a_float() -> None:
    v = Value(-2.675, "v")
    assert f"{v:.2f} {v:+.1e}" == "-2.67 -2.7e+00"
    assert f"{v}" == "Value(data=-2.675, grad=0.0, label='v')"
    assert (int(v), round(v), round(v, 1)) == (-2, -3, -2.7)
    assert [bool(Value(x)) for x in (0.0, -0.0, 1e-300, math.nan)] == [False, False, True, True]


def test_numpy_takes_means_deviations_and_angles_of_values() -> None:
    values = [Value(1.0), Value(4.0), Value(-2.0)]
    deviation = np.std(np.array(values))
    deviation.backward()
    assert deviation.data == pytest.approx(math.sqrt(6.0), rel=1e-15)
    slope = 1.0 / math.sqrt(6.0)
    assert [v.grad for v in values] == pytest.approx([0.0, slope, -slope], abs=1e-16)
    (angle,) = np.arctan2(np.array([Value(1.0)]), np.array([Value(-1.0)]))
    assert angle.data == math.atan2(1.0, -1.0)


def test_a_label_is_text_and_does_not_flood_a_message() -> None:
    with pytest.raises(TypeError, match="a label is text, not int 3"):
        Value(1.0, 3)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ValueError, match=r"log\(x\) is undefined at x = -1\.0 \(a a a[ a]{50,52}\.\.\.\);"):
        log(Value(-1.0, "a\n" * 10_000))


def test_a_dropped_graph_leaves_nothing_to_the_collector() -> None:
    a = Value(0.5)
    gc.disable()
    try:
        while gc.collect():  # what other tests left may take more than one collection
            pass
        y = a
        for _ in range(100):
            y = tanh(fsum([y * a, y, softmax([y, a])[0]]))
        y.backward()
        derivative = grad(y, [a])
        del y, derivative
        assert gc.collect() == 0
    finally:
        gc.enable()

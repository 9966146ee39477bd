"""Expressions in text: what they mean, and what they refuse."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import engine
from engine import Value
from engine.expression import ExpressionError, assignments, parse
from engine.ops import OPS

POINT = {"a": 0.5, "b": -1.5, "w": 0.4, "x": 1.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0),
        (".5 + 1.", 1.5),
        ("1e-3", 0.001),
        ("1 - 2 - 3", -4.0),
        ("8/4/2", 1.0),
        ("2 + 3*4", 14.0),
        ("(2 + 3)*4", 20.0),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("2**-1*4", 2.0),
        ("--3", 3.0),
        ("-3*-2", 6.0),
        ("2*-3**2", -18.0),
        ("a*b + tanh(a)", 0.5 * -1.5 + math.tanh(0.5)),
        ("exp(-x**2/2)", math.exp(-0.5)),
        ("max(a, b, 0.75)", 0.75),
        ("fsum([a, b, 3])", 2.0),
        ("sumprod([1, 2], [3, 4])", 11.0),
        ("softmax([0, 0, 0, 0])[2]", 0.25),
        ("atan2(1, 1)*4/pi", 1.0),
        ("where(step(x - 2), 1, 7)", 7.0),
        (" \t( a )\n", 0.5),
    ],
)
def test_an_expression_means_what_it_means_in_python(text: str, expected: float) -> None:
    f = parse(text)
    assert f(**{name: POINT[name] for name in f.names}) == pytest.approx(expected, rel=1e-15)


def test_values_are_recorded_and_differentiated() -> None:
    values = {name: Value(x, name) for name, x in POINT.items() if name != "a"}
    y = parse("tanh(w*x + b)")(**values)
    y.backward()
    slope = 1.0 / math.cosh(0.4 - 1.5) ** 2
    assert y.data == pytest.approx(math.tanh(0.4 - 1.5), rel=1e-15)
    assert values["w"].grad == pytest.approx(slope, rel=1e-14)
    assert values["x"].grad == pytest.approx(0.4 * slope, rel=1e-14)


def test_names_are_free_names_in_order_of_appearance() -> None:
    assert parse("b + sin(a)*b + pi*c").names == ("b", "a", "c")


def test_every_public_function_of_the_engine_can_be_called_and_nothing_else() -> None:
    for name in engine.__all__:
        if name in OPS:
            parse(f"{name}(x, y)")
        else:
            with pytest.raises(ExpressionError, match=f"there is no function {name}"):
                parse(f"{name}(x, y)")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "expected a number"),
        ("a +", 3, "expected a number"),
        ("a b", 2, "does not continue"),
        ("(a", 2, r"expected '\)' here"),
        ("a)", 1, "does not continue"),
        ("tanh(a,)", 7, "expected a number"),
        ("tanh a", 0, "is a function"),
        ("tanhh(a)", 0, r"no function tanhh; did you mean tanh\?"),
        ("__import__('os')", 0, "no function"),
        ("(a).__class__", 3, "not part"),
        ("eval(a)", 0, "no function"),
        ("a.b", 1, "not part"),
        ("a^2", 1, r"a power is \*\*"),
        ("a if b", 2, "does not continue"),
        ("lambda: 1", 6, "not part"),
        ("(a := 1)", 3, "not part"),
        ("f'{a}'", 1, "not part"),
        ("a; b", 1, "not part"),
        ("1_0", 0, "this is not a number"),
        ("1.2.3", 0, "this is not a number"),
        ("0x10", 0, "this is not a number"),
        ("a + 2b", 4, r"this is not a number; a product is written 2\*x"),
        ("a > 1", 2, "a condition is a number"),
        ("a < 1", 2, "a condition is a number"),
        ("a \N{MINUS SIGN} 1", 2, "a minus is -"),
        ("2 \N{MULTIPLICATION SIGN} a", 2, r"a product is \*"),
        ("١٢", 0, "not part"),
        ("а + 1", 0, "not part"),  # a Cyrillic а
        ("a\0", 1, "not part"),
        ("1e999", 0, "too large"),
        ("9" * 5000, 0, "too large"),
        ("(" * 300 + "a" + ")" * 300, 100, "nests at most"),
        ("-" * 5000 + "a", 100, "nests at most"),
        ("2**" * 300 + "a", 300, "nests at most"),
        ("a" * 10_001, 0, "at most 10,000"),
    ],
)
def test_what_is_no_expression_is_refused_at_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(ExpressionError, match=words) as refused:
        parse(text)
    assert refused.value.position == position


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("9**9**9", 1),
        ("1 + log(a - 1)", 4),
        ("a/(b + 1.5)", 1),
        ("(0 - 8)**0.5", 7),
        ("tanh(a, b)", 0),
        ("softmax(a)", 0),
        ("[a]*999999999", 3),
        ("-[a]", 0),
        ("[a, b][2]", 6),
        ("a[0]", 1),
        ("tanh([a])", 0),
    ],
)
def test_what_cannot_be_computed_is_refused_at_its_place(text: str, position: int) -> None:
    f = parse(text)
    with pytest.raises(ExpressionError) as refused:
        f(**{name: POINT[name] for name in f.names})
    assert refused.value.position == position


def test_the_message_points() -> None:
    with pytest.raises(ExpressionError) as refused:
        parse("1 + tanh(b c)")
    assert str(refused.value).splitlines()[1:] == ["  1 + tanh(b c)", "             ^"]


def test_a_long_text_is_cut_around_the_place() -> None:
    with pytest.raises(ExpressionError) as refused:
        parse("+".join(["a"] * 400) + "$")
    _, line, caret = str(refused.value).splitlines()
    assert line[len(caret) - 1] == "$"
    assert len(line) < 90


def test_missing_and_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"needs x: give x=NUMBER$"):
        parse("w*x")(w=1.0)
    with pytest.raises(ValueError, match=r"has no y: it takes w, x$"):
        parse("w*x")(w=1.0, x=1.0, y=1.0)


def test_a_sum_of_thousands_of_terms_is_no_deeper_than_one() -> None:
    assert parse("+".join(["a"] * 4000))(a=0.25) == 1000.0


def _texts() -> st.SearchStrategy[str]:
    leaf = st.sampled_from(["a", "b", "x", "2", "0.5", "1e1"])

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*"]), inner),
            st.builds("({})".format, inner),
            st.builds("-{}".format, inner),
            st.builds("({})**{}".format, inner, st.sampled_from(["2", "3"])),
        )

    return st.recursive(leaf, deeper, max_leaves=12)


@given(_texts())
def test_precedence_is_that_of_python(text: str) -> None:
    f = parse(text)
    expected = eval(text, {}, POINT)  # noqa: S307  the text was made above
    assert f(**{name: POINT[name] for name in f.names}) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.text(alphabet=st.sampled_from(list("ab12.+-*/()[], \t_e^%$'\"\\é١\0"))) | st.text())
@example("a" * 20)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        f = parse(text)
        result: Any = f(**dict.fromkeys(f.names, 0.5))
    except ExpressionError as error:
        place = error.position
    else:
        place = 0
        assert isinstance(result, (float, list))
    assert 0 <= place <= len(text)


@pytest.mark.parametrize(
    "text", ["w", "w=", "=1", "w=x", "w=nan", "w=inf", "w=1e999", "w=1_0", "w=١٢", "w=1=2", "2=1"]
)
def test_what_is_no_number_for_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected NAME=NUMBER, such as x=0\.4|too large"):
        assignments([text])


def test_numbers_for_names() -> None:
    assert assignments([" w = -.5", "x=1e2"]) == {"w": -0.5, "x": 100.0}
    with pytest.raises(ValueError, match="w is given twice"):
        assignments(["w=1", "w=2"])

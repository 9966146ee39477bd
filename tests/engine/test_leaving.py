"""Numbers that leave the record: told where they come back, and left alone where they do not."""

import linecache
import math
import statistics
import subprocess
import sys
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import tanh as plain_tanh
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import LeftRecordWarning, Value, check_gradients, fsum, leaving
from nn import MLP

Program = Callable[[Any, Any], Any]


def sigmoid(z: Any) -> Any:
    return 1.0 / (1.0 + math.exp(-z))


def by_float(w: Any, x: Any) -> Any:
    return x * float(w)


def by_arithmetic(w: Any, x: Any) -> Any:
    c = 2 * float(w) + 1
    return x - c


def on_the_left(w: Any, x: Any) -> Any:
    return math.tanh(w) * x


def by_name(w: Any, x: Any) -> Any:
    return plain_tanh(w) + x


def in_place(w: Any, x: Any) -> Any:
    x *= float(w)
    return x


def by_a_result(w: Any, x: Any) -> Any:
    return sigmoid(w * 2.0) * x


def by_a_list(w: Any, x: Any) -> Any:
    hidden = []
    for k in (1.0, 2.0):
        hidden.append(math.sin(w * k))
    return fsum(h * v for h, v in zip(hidden, (x, x), strict=True))


def by_operands(w: Any, x: Any) -> Any:
    return fsum([math.hypot(w, x), x])


def by_an_array(w: Any, x: Any) -> Any:
    a = np.zeros(2)
    a[0] = w
    return a[0] * x


def by_an_array_of_floats(w: Any, x: Any) -> Any:
    return (np.array([w, x], dtype=float) @ np.array([x, w])) * 1.0


def by_a_library(w: Any, x: Any) -> Any:
    mean = statistics.fmean([w, x])
    return mean * x


def by_a_network(w: Any, x: Any) -> Any:
    return MLP.from_weights([[[1.0, 2.0]]], [[None]], ["tanh"])([float(w), x])


class Neuron:
    def __init__(self, w: Any) -> None:
        self.w = w
        self.activation = 0.0

    def forward(self) -> None:
        self.activation = math.tanh(self.w)

    def times(self, x: Any) -> Any:
        return self.activation * x


def by_an_attribute(w: Any, x: Any) -> Any:
    neuron = Neuron(w)
    neuron.forward()
    return neuron.times(x)


def scaled(x: Any, factor: Any) -> Any:
    twice = 2.0 * factor
    return x * twice


def by_an_argument(w: Any, x: Any) -> Any:
    return scaled(x, math.tanh(w))


def by_a_generator(w: Any, x: Any) -> Any:
    def hidden() -> Iterator[Any]:
        for k in (1.0, 2.0):
            yield math.sin(w * k)

    return fsum(h * x for h in hidden())


class Scale:
    def apply(self, factor: Any, x: Any) -> Any:
        return factor * x


def by_keyword(w: Any, x: Any) -> Any:
    return scaled(factor=math.tanh(w), x=x)


def by_star(w: Any, x: Any) -> Any:
    def times(*factors: Any) -> Any:
        return factors[0] * factors[1]

    return times(x, math.tanh(w))


def by_default(w: Any, x: Any) -> Any:
    def times(a: Any, b: Any = math.tanh(w)) -> Any:  # noqa: B008  # it is what is tested
        return a * b

    return times(x)


def by_nonlocal(w: Any, x: Any) -> Any:
    total = 0.0

    def add() -> None:
        nonlocal total
        total += math.tanh(w)

    add()
    return x * total


class Factor:
    def __init__(self, factor: Any) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return x * self.factor


def by_a_new_object(w: Any, x: Any) -> Any:
    return Factor(factor=math.tanh(w))(x)


class Layer:
    def __call__(self, x: Any) -> Any:
        return x * Value(2.0)


def by_a_call_of_an_object(w: Any, x: Any) -> Any:
    layer = Layer()
    return layer(math.tanh(w)) * x


def by_a_match(w: Any, x: Any) -> Any:
    match [1.0, math.tanh(w)]:
        case [_, h]:
            return x * h


@contextmanager
def frozen(w: Any) -> Iterator[float]:
    yield math.tanh(w)


def by_a_context(w: Any, x: Any) -> Any:
    with frozen(w) as h:
        return x * h


def by_an_element(w: Any, x: Any) -> Any:
    both = {"step": 2.0, "h": math.tanh(w)}
    return x * both["h"]


def by_an_argument_of_a_method(w: Any, x: Any) -> Any:
    return Scale().apply(float(w), x)


COME_BACK: list[tuple[Program, str, str]] = [
    (by_float, "float(w)", "use the Value itself"),
    (by_arithmetic, "float(w)", "use the Value itself"),
    (on_the_left, "math.tanh(w)", "use engine.tanh"),
    (by_name, "plain_tanh(w)", "compute it with functions of engine"),
    (in_place, "float(w)", "use the Value itself"),
    (by_a_result, "math.exp(-z)", "use engine.exp"),
    (by_a_list, "math.sin(w * k)", "use engine.sin"),
    (by_operands, "math.hypot(w, x)", "use engine.hypot"),
    (by_an_array, "a[0]", "give the array dtype=object"),
    (by_an_array_of_floats, "np.array([w, x], dtype=float)", "give the array dtype=object"),
    (by_a_library, "statistics.fmean([w, x])", "compute it with functions of engine"),
    (by_a_network, "float(w)", "use the Value itself"),
    (by_a_generator, "math.sin(w * k)", "use engine.sin"),
    (by_an_argument, "math.tanh(w)", "use engine.tanh"),
    (by_an_argument_of_a_method, "float(w)", "use the Value itself"),
    (by_an_attribute, "math.tanh(self.w)", "use engine.tanh"),
    (by_keyword, "math.tanh(w)", "use engine.tanh"),
    (by_star, "math.tanh(w)", "use engine.tanh"),
    (by_default, "math.tanh(w)", "use engine.tanh"),
    (by_nonlocal, "math.tanh(w)", "use engine.tanh"),
    (by_a_new_object, "math.tanh(w)", "use engine.tanh"),
    (by_a_call_of_an_object, "math.tanh(w)", "use engine.tanh"),
    (by_a_match, "math.tanh(w)", "use engine.tanh"),
    (by_a_context, "math.tanh(w)", "use engine.tanh"),
    (by_an_element, "math.tanh(w)", "use engine.tanh"),
]


@pytest.mark.parametrize(("program", "code", "advice"), COME_BACK)
@pytest.mark.parametrize("time", ["first", "second"])
def test_a_number_that_comes_back_is_told_at_the_line_where_it_left(
    program: Program, code: str, advice: str, time: str
) -> None:
    with pytest.warns(LeftRecordWarning) as caught:
        program(Value(0.5, "w"), Value(0.75, "x"))
    told = caught[0]
    assert str(told.message).startswith(f"{code} takes a number out of the record, and it comes back into")
    assert f"no gradient flows through it. Instead, {advice}" in str(told.message)
    line = Path(told.filename).read_text(encoding="utf-8").splitlines()[told.lineno - 1]
    assert code in line, line
    assert Path(told.filename) == Path(__file__)


def test_a_place_is_told_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            by_float(Value(0.5), Value(2.0))
            on_the_left(Value(0.5), Value(2.0))
    assert sorted(str(w.message)[:8] for w in caught) == ["float(w)", "math.tan"]


# --- What does not come back.


def collected(w: Any, x: Any) -> None:
    losses, total = [], 0.0
    for target in (1.0, 2.0):
        loss = (w * x - target) ** 2 * 0.5
        losses.append(float(loss))
        total += float(loss)
        error = math.sqrt(loss)
        print(error, float(loss), f"{float(loss):.3f} {loss:.3f}", "%.2f" % loss, "{:.1f}".format(loss))  # noqa: UP031, UP032
    print(sum(losses) / len(losses), total / 2)


def rooted(mean: Any) -> float:
    return math.sqrt(mean)


def returned(w: Any, x: Any) -> None:
    history = {"error": rooted(w * x)}
    history["again"] = rooted(w * x)
    scale = w * 2.0 + 1.0
    assert scale > history["again"] - 10.0


def compared(w: Any, x: Any) -> None:
    y = w * x + 1.0
    assert math.isclose(y, 1.375)
    assert float(y) == pytest.approx(1.375)
    assert y.data == pytest.approx(float(w) * float(x) + 1.0)
    if float(y) > 1.0:
        y = y * 2.0
    while abs(float(y)) > 1e-3:
        y = y * 0.1


def assigned(w: Any, x: Any) -> None:
    (w * x).backward()
    w.data = float(w) - 0.1 * w.grad
    assert (w * 2.0 + 1.0).op == "add"


def a_new_leaf(w: Any, x: Any) -> None:
    start = Value(float(w) + 1e-6, "start")
    assert fsum([start, 1.0, start * 2.0]).data > 0.0


def taken_as_data(w: Any, x: Any) -> None:
    assert (x * w.data).data > 0.0


def names_used_again(w: Any, x: Any) -> None:
    predictions = [float(w * k) for k in (1.0, 2.0)]
    hits = sum((p > 0.5) == bool(t) for p, t in zip(predictions, [0.0, 1.0], strict=True))
    loss = sum((w * x - t) ** 2 * p for p, t in [(1.0, 0.0), (2.0, 1.0)])
    for i, p in enumerate(predictions):
        loss = loss + w * i
        print(i, p, hits)


def rounded(w: Any, x: Any) -> None:
    print(round(w, 2), int(w), str(w), [f"{v:.2f}" for v in (w, x)])
    assert (x * 2.0).data == 1.5


def plotted(w: Any, x: Any) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.add_subplot()
    ys = [w * k for k in (1.0, 2.0)]
    axes.plot([0.0, 1.0], [float(y) for y in ys])
    axes.scatter([float(w)], [float(x)])
    assert (x * 2.0).data == 1.5


def a_name_that_holds_another_number_now(w: Any, x: Any) -> None:
    scale = float(w * x)
    print(scale)
    scale = 3.0
    assert (w * scale).data == 1.5


class Meter:
    def __init__(self) -> None:
        self.mean = 0.0

    def update(self, number: Any) -> None:
        self.mean = 0.9 * self.mean + 0.1 * float(number)


class Scaler:
    def __init__(self) -> None:
        self.mean = 2.0

    def __call__(self, x: Any) -> Any:
        return x - self.mean


def an_attribute_of_another_class(w: Any, x: Any) -> None:
    Meter().update(w * x)
    assert Scaler()(w).data == -1.5


Row = namedtuple("Row", "step error")


@dataclass
class Record:
    step: float
    error: float


def another_element(w: Any, x: Any) -> None:
    rows, table = [], {}
    errors: list[Any] = []
    for step in (1.0, 2.0):
        rows.append((step, float(w * step) - 0.1))
        errors += [Row(step, float(w * step) - 0.1), Record(step, float(w * step) - 0.1)]
    for step, error in sorted(rows):
        print(x * step, error)
        x = x * step
    table["steps"] = [1.0, 2.0]
    table["errors"] = [float(w * step) - 0.1 for step in table["steps"]]
    assert [(x * step).data for step in table["steps"]] == [1.5, 3.0]
    for row in errors:
        x = x * row.step
    for step, error in {step: float(w * step) - 0.1 for step in (1.0, 2.0)}.items():
        print(x * step, error)
    assert (w * dict(step=2.0, error=float(w) - 0.1)["step"]).data == 1.0  # noqa: C408  # as it is written


def a_step_and_an_error(w: Any) -> tuple[float, float]:
    return 0.25, math.sqrt(w) / 2.0


def another_result(w: Any, x: Any) -> None:
    step, error = a_step_and_an_error(w)
    print(error)
    assert (x * step).data == 0.1875


def nearly_equal(a: Any, b: Any) -> Any:
    return abs(a - b) < 1e-9


def compared_elsewhere(w: Any, x: Any) -> None:
    assert nearly_equal(engine.tanh(w), math.tanh(w))
    gap = engine.tanh(x) - math.tanh(x)
    print(gap)
    assert abs(gap) < 1e-9


def polynomial(coefficients: list[Any], x: float) -> Any:
    total = 0.0
    for c in coefficients:
        total = total * x + c
    return total


def drawn_and_trained(w: Any, x: Any) -> None:
    print([polynomial([2.0 * float(w), 1.0], t) for t in (0.0, 1.0)])
    trained = polynomial([w, 1.5], 2.5)  # before 8.4 pytest loses the place of a call inside an assert
    assert trained.data == 2.75


STAY_OUT = [
    drawn_and_trained,
    a_name_that_holds_another_number_now,
    an_attribute_of_another_class,
    another_element,
    another_result,
    compared_elsewhere,
    collected,
    returned,
    compared,
    assigned,
    a_new_leaf,
    taken_as_data,
    names_used_again,
    rounded,
    plotted,
]


@pytest.mark.parametrize("program", STAY_OUT)
def test_a_number_that_stays_out_is_left_alone(program: Program, recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    program(Value(0.5, "w"), Value(0.75, "x"))
    assert [str(w.message) for w in recwarn if w.category is LeftRecordWarning] == []


@pytest.mark.parametrize("program", [collected, returned, taken_as_data, rounded])
def test_where_nothing_can_come_back_no_operand_is_looked_at(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "watching", False)
    leaving._seen.clear()
    program(Value(0.5, "w"), Value(0.75, "x"))
    assert not leaving.watching


def test_a_check_says_it_in_its_report(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    report = check_gradients(on_the_left, [0.5, 0.75])
    assert not report.ok
    assert "recording it" in str(report)
    assert [w for w in recwarn if w.category is LeftRecordWarning] == []


@pytest.mark.parametrize("filename", ["<cell {}>", "/tmp/cell_{}.py"])  # noqa: S108  # they are never written
def test_what_left_in_one_cell_is_told_in_another(filename: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = ["h = math.tanh(w)\n", "steps = 3.5\n", "y = x * steps\n", "z = x * h\n"]
    names: dict[str, Any] = {"math": math, "w": Value(0.5), "x": Value(0.75)}
    told = []
    for number, cell in enumerate(cells):
        name = filename.format(number)
        monkeypatch.setitem(linecache.cache, name, (len(cell), None, [cell], name))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            exec(compile(cell, name, "exec"), names)  # noqa: S102  # our own program
        told.append([(w.filename, w.lineno) for w in caught])
    assert told == [[], [], [], [(filename.format(0), 1)]]


def test_code_without_a_source_works() -> None:
    program = "import math; from engine import Value; w = Value(0.5); print((w * math.tanh(w)).data)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603  # our own program
    assert done.stdout.strip() == repr(0.5 * math.tanh(0.5))


@pytest.mark.slow
def test_an_expression_of_a_thousand_terms_is_left_alone(tmp_path: Path) -> None:
    program = tmp_path / "long.py"
    terms = " + ".join(["float(w)"] * 700)
    program.write_text(f"def long(w):\n    return w * ({terms})\n", encoding="utf-8")
    code: dict[str, Any] = {}
    exec(compile(program.read_text(encoding="utf-8"), str(program), "exec"), code)  # noqa: S102  # our own program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert code["long"](Value(0.5)).data == 175.0


# --- Branches of compiled programs.


def branched(x: Any) -> Any:
    return x * 2.0 if x > 0.0 else x * 3.0


@pytest.mark.parametrize(
    "choose",
    [
        branched,
        lambda x: x * 2.0 if x else x,
        lambda x: x * 1.0 if x <= 0 else x * 2.0,
        lambda x: max(x * 2.0, x * 3.0) * 1.0,  # Python's max, not engine's
        lambda x: np.maximum(x, 0.0) * 2.0,
        lambda x: sorted([x * 2.0, x * 3.0])[0] * 1.0,
        lambda x: np.median(np.array([x, x * 2.0, x * 3.0])) * 1.0,
        lambda x: x * int(x),
        lambda x: x * round(x),
    ],
)
def test_compile_warns_of_a_branch_that_python_took(choose: Callable[[Any], Any]) -> None:
    x = Value(1.5, "x")
    y = choose(x)
    with pytest.warns(
        LeftRecordWarning, match="was compared or rounded here while the graph was recorded"
    ) as caught:
        engine.compile(y, [x])
    assert Path(caught[0].filename) == Path(__file__)


def test_an_input_that_a_branch_left_out_is_told() -> None:
    a, b = Value(0.5, "a"), Value(-0.5, "b")
    y = np.max(np.array([a, b])) * 2.0
    with (
        pytest.warns(LeftRecordWarning, match="^[ab] was compared or rounded here"),
        pytest.raises(ValueError, match=r"do not depend on the input b = -0\.5"),
    ):
        engine.compile(y, [a, b])


def test_the_warning_names_the_value_and_the_line_of_the_branch() -> None:
    x = Value(1.5, "x")
    text = r"^x was compared or rounded here.*engine.where, max, min or relu"
    with pytest.warns(LeftRecordWarning, match=text) as caught:
        engine.compile(branched(x), [x])
    line = Path(__file__).read_text(encoding="utf-8").splitlines()[caught[0].lineno - 1]
    assert line.strip() == "return x * 2.0 if x > 0.0 else x * 3.0"


@pytest.mark.parametrize(
    "choose",
    [
        lambda x: engine.relu(x) + engine.max(x, 0.0) + engine.where(x, 1.0, 2.0),
        lambda x: abs(x) * 2.0,
        lambda x: x * 2.0 if x.data > 0.0 else x,
    ],
)
def test_compile_does_not_warn_of_recorded_choices(
    choose: Callable[[Any], Any], recwarn: pytest.WarningsRecorder
) -> None:
    x = Value(1.5, "x")
    engine.compile(choose(x), [x])
    assert list(recwarn) == []


def test_a_comparison_after_recording_is_no_branch(recwarn: pytest.WarningsRecorder) -> None:
    x = Value(1.5, "x")
    y = x * 2.0
    assert y > 0.0
    engine.compile(y, [x])
    assert list(recwarn) == []


def test_old_comparisons_are_forgotten() -> None:
    for i in range(3 * leaving.MOST_COMPARISONS):
        assert Value(1.0) > 0.0, i
    assert len(leaving.comparisons) <= 2 * leaving.MOST_COMPARISONS

"""Mistakes made by hand, in numbers that are written out here, are named; and nothing else is."""

from collections.abc import Callable, Mapping
from math import exp

import pytest

from engine import Value, check_gradients, grade, sigmoid
from engine.grading import GradeReport
from engine.grading.marks import WRONG_HERE
from engine.mistakes import (
    CATALOGUE,
    Mistake,
    of_engines,
    of_functions,
    of_products,
    of_results,
    of_rounding,
    of_values,
)
from engine.mistakes.of_results import matrices
from engine.mistakes.page import page
from tests.tools.mistakes import PAGE

Numbers = Mapping[str, float]

# z = w x + b, a = sigmoid(z), o = v a, E = (o - y)² / 2
w, x, b, v, y, RATE = 0.7, 1.5, -0.4, 1.3, 1.0, 0.5
z = w * x + b
a = 1.0 / (1.0 + exp(-z))
o = v * a


def recorded() -> tuple[Value, list[Value]]:
    leaves = {name: Value(number, name) for name, number in {"w": w, "x": x, "b": b, "v": v, "y": y}.items()}
    net_input = leaves["w"] * leaves["x"] + leaves["b"]
    activation = sigmoid(net_input)
    output = leaves["v"] * activation
    net_input.label, activation.label, output.label = "z", "a", "o"
    E = (output - leaves["y"]) ** 2 / 2.0
    E.label = "E"
    return E, [leaves["w"], leaves["b"], leaves["v"]]


def by_hand(
    do: float = o - y,
    dv: Callable[[float], float] = lambda do: do * a,
    da: Callable[[float], float] = lambda do: do * v,
    slope: float = a * (1.0 - a),
    dw: Callable[[float], float] = lambda dz: dz * x,
    db: Callable[[float], float] = lambda dz: dz,
    rate: float = RATE,
) -> Numbers:
    """The backward pass of somebody who goes on with what came out."""
    dz = da(do) * slope
    return {
        "dE/do": do,
        "dE/dv": dv(do),
        "dE/da": da(do),
        "dE/dz": dz,
        "dE/dw": dw(dz),
        "dE/db": db(dz),
        "new w": w - rate * dw(dz),
        "new b": b - rate * db(dz),
        "new v": v - rate * dv(do),
    }


MADE: dict[str, tuple[Numbers, str]] = {  # the numbers, and the id of the mistake
    "dw from w": (by_hand(dw=lambda dz: dz * w), "own-factor"),
    "dv from v": (by_hand(dv=lambda do: do * v), "own-factor"),
    "a": (by_hand(slope=a), "function-for-derivative"),
    "1 - a": (by_hand(slope=1.0 - a), "part-of-derivative"),
    "a (1 + a)": (by_hand(slope=a * (1.0 + a)), "part-of-derivative"),
    "1 - a²": (by_hand(slope=1.0 - a * a), "other-derivative"),
    "z (1 - z)": (by_hand(slope=z * (1.0 - z)), "net-input-for-output"),
    "no derivative": (by_hand(slope=1.0), "derivative-left-out"),
    "the derivative twice": (by_hand(slope=(a * (1.0 - a)) ** 2), "derivative-twice"),
    "the derivative at a": (by_hand(slope=exp(-a) / (1.0 + exp(-a)) ** 2), "wrong-point"),
    "no weight": (by_hand(da=lambda do: do), "factor-left-out"),
    "the new weight": (by_hand(da=lambda do: do * (v - RATE * (o - y) * a)), "updated-weights"),
    "a bias of derivative 0": (by_hand(db=lambda dz: 0.0), "bias-derivative-zero"),
    "dv from z": (by_hand(dv=lambda do: do * z), "net-input-for-activation"),
    "y - o": (by_hand(do=y - o), "sign"),
    "2 (o - y)": (by_hand(do=2.0 * (o - y)), "factor-2-too-many"),
    "(o - y) / 2": (by_hand(do=0.5 * (o - y)), "factor-2-missing"),
    "(o - y)²": (by_hand(do=(o - y) ** 2), "exponent-not-lowered"),
    "o": (by_hand(do=o), "wrong-point"),  # the derivative of the square, taken at o
    "uphill": (by_hand(rate=-RATE), "uphill"),
    "no rate": (by_hand(rate=1.0), "rate-left-out"),
    "half the rate": (by_hand(rate=0.5 * RATE), "rate-doubled"),
    "no step": (by_hand(rate=0.0), "step-not-taken"),
}

OF_STEPS = {"updated-weights", "uphill", "rate-left-out", "rate-doubled", "step-not-taken"}


def graded(numbers: Numbers, decimals: int | None) -> GradeReport:
    claims = {"z": z, "a": a, "o": o, **numbers}
    return grade(
        recorded()[0],
        {n: number if decimals is None else f"{number:.{decimals}f}" for n, number in claims.items()},
        learning_rate=RATE,
    )


def test_the_numbers_by_hand_are_right() -> None:
    assert graded(by_hand(), None).ok


@pytest.mark.parametrize("decimals", [None, 5])
@pytest.mark.parametrize("made", MADE)
def test_a_mistake_on_paper_is_named_where_it_was_made(made: str, decimals: int | None) -> None:
    numbers, mistake = MADE[made]
    wrong = [mark for mark in graded(numbers, decimals).marks if mark.verdict == WRONG_HERE]
    assert wrong
    for mark in wrong:  # what follows from it is carried forward
        assert mistake in mark.ids, (mark.name, mark.why)


@pytest.mark.parametrize("made", [name for name, (_, mistake) in MADE.items() if mistake not in OF_STEPS])
def test_a_mistake_in_a_gradient_is_named_by_its_results(made: str) -> None:
    numbers, mistake = MADE[made]
    E, leaves = recorded()
    report = check_gradients(E, leaves, claimed={p.label: numbers[f"dE/d{p.label}"] for p in leaves})
    opinions = [c.opinions["claimed"] for c in report.comparisons]
    assert any(not opinion.ok for opinion in opinions)
    for opinion in opinions:
        assert opinion.ok or mistake in opinion.ids, opinion


def test_a_mistake_that_is_contradicted_is_not_named() -> None:
    """dE/db shows that the derivative was not left out, so it does not explain dE/dw."""
    E, leaves = recorded()
    right, mistaken = by_hand(), by_hand(slope=1.0)
    claimed = {"w": mistaken["dE/dw"], "b": right["dE/db"], "v": right["dE/dv"]}
    (wrong, *_) = check_gradients(E, leaves, claimed=claimed).comparisons
    assert not wrong.opinions["claimed"].ok
    assert "derivative-left-out" not in wrong.opinions["claimed"].ids


def test_of_a_mistake_made_in_most_places_it_is_said_in_how_many() -> None:
    numbers = dict(by_hand(rate=1.0))
    numbers["new v"] = 1.5
    reasons = {mark.name: list(mark.why) for mark in graded(numbers, 6).marks if mark.verdict == WRONG_HERE}
    assert reasons["new v"] == []
    assert all("the learning rate is left out" in reasons[name][0] for name in ("new w", "new b"))


@pytest.mark.parametrize("number", ["0.05", "-0.123", "7.5", "1e9", "-0.0700"])
def test_an_arithmetic_mistake_has_no_reason(number: str) -> None:
    numbers = {n: f"{x:.4f}" for n, x in {"z": z, "a": a, "o": o, **by_hand()}.items()}
    report = grade(recorded()[0], {**numbers, "dE/dz": number}, learning_rate=RATE)
    assert [list(mark.ids) for mark in report.marks if mark.name == "dE/dz"] == [[]]


@pytest.mark.parametrize("mistake", CATALOGUE.values(), ids=CATALOGUE)
def test_every_row_says_what_it_is_and_what_to_do(mistake: Mistake) -> None:
    assert mistake.id == mistake.id.lower()
    assert not mistake.name.endswith(".")
    assert not mistake.looks_like.endswith(".")
    assert mistake.why.endswith(".")
    assert mistake.remedy.endswith(".")


def test_no_two_rows_have_one_id_or_one_name() -> None:
    modules = (of_engines, of_functions, of_products, of_results, of_rounding, of_values)
    rows = [row for module in modules for row in module.ROWS]
    assert len({row.id for row in rows}) == len({row.name for row in rows}) == len(rows) == len(CATALOGUE)


def test_elements_of_matrices_are_read_from_names() -> None:
    names = ["w_12^3", "w_10,2^3", "W[0][1]", "b_1^3"]
    assert dict(matrices(names)) == {
        "w^3": {(1, 2): "w_12^3", (10, 2): "w_10,2^3"},
        "W": {(0, 1): "W[0][1]"},
    }


def test_the_page_is_that_of_the_catalogue() -> None:
    """`python -m tests.tools.mistakes` makes it."""
    assert PAGE.read_text(encoding="utf-8") == page()

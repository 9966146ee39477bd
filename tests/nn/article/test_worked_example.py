"""The worked example against the exact numbers and the three published editions, copied out by hand."""

from dataclasses import asdict
from typing import Any

import pytest

from nn import SGD, delta_rule, log_loss
from nn.article.worked_example import (
    EDITIONS,
    INPUTS,
    LEARNING_RATE,
    PUBLISHED,
    TARGET,
    Pass,
    agreement,
    by_engine,
    by_hand,
    is_right,
    mistakes,
    network,
)

OUTPUT = 0.6718458612293685
OUTPUT_AFTER = 0.6980763065856341
DELTAS = {
    6: -0.3281541387706315,
    4: -0.0409248970438534,
    5: -0.049681742967923215,
    1: 0.0011888941851271701,
    2: -0.010852237506373893,
    3: -0.004955774532488699,
}
UPDATED = {
    "w_11": 0.49940555290743643,
    "b_1": 0.2994055529074364,
    "w_21": -0.19457388124681307,
    "b_2": 0.705426118753187,
    "b_3": -0.09752211273375566,
    "w_41": -0.48588143269848316,
    "w_42": 0.4127370420217109,
    "w_51": 0.3171395674129041,
    "w_52": 0.6154624322503779,
    "w_53": 0.41179993095604267,
    "w_64": 0.5781035629434338,
    "w_65": 0.8121670078913074,
}
WRONG = {
    "April 2023": {
        "delta_5", "delta_1", "delta_2", "delta_3", "new w_65", "new w_41", "output after the step"
    },
    "July 2023": {"new w_65", "new w_41", "output after the step"},
    "November 2023": set[str](),
}  # fmt: skip


@pytest.mark.parametrize("route", [by_engine, by_hand])
def test_the_exact_column(route: Any) -> None:
    found: Pass = route()
    assert found.a[6] == pytest.approx(OUTPUT, rel=1e-14)
    assert found.output == pytest.approx(OUTPUT_AFTER, rel=1e-14)
    assert found.delta == {i: pytest.approx(delta, rel=1e-13) for i, delta in DELTAS.items()}
    assert found.updated == {name: pytest.approx(w, rel=1e-14) for name, w in UPDATED.items()}


def test_the_gradients_are_the_way_the_step_went() -> None:
    before = {p.label: p.data for p in network().parameters()}
    exact = by_engine()
    assert list(exact.gradient) == list(UPDATED) == list(before)
    for name, gradient in exact.gradient.items():
        assert (before[name] - UPDATED[name]) / 0.5 == pytest.approx(gradient, rel=1e-11)


def test_the_delta_rule_has_the_exact_column() -> None:
    found = delta_rule(network(), INPUTS, TARGET, log_loss)
    assert found.a[-1] == [pytest.approx(OUTPUT, rel=1e-14)]
    in_order = [delta for layer in found.delta for delta in layer]
    assert in_order == [pytest.approx(DELTAS[i], rel=1e-14) for i in (1, 2, 3, 4, 5, 6)]


def test_the_engine_and_the_hand_agree_on_every_number() -> None:
    engine, hand = asdict(by_engine()), asdict(by_hand())
    assert engine.keys() == hand.keys()
    for part in engine:
        assert engine[part] == pytest.approx(hand[part], rel=1e-13), part


def test_the_three_routes_agree() -> None:
    report = agreement()
    report.raise_if_wrong()
    assert [c.label for c in report.comparisons] == list(UPDATED)
    assert report.worst.gap < 1e-15


def test_absent_weights_stay_absent() -> None:
    model = network()
    assert len(model.parameters()) == 12
    assert [[n.sources for n in layer.neurons] for layer in model.layers] == [
        [(0,), (0,), ()], [(0, 1), (0, 1, 2)], [(0, 1)]
    ]  # fmt: skip


def test_a_weight_of_0_in_place_of_an_absent_one_makes_the_output_wrong() -> None:
    model = network()
    with_zero = type(model).from_weights(
        [[[0.5, None], [-0.2, None], [None, None]], [[-0.5, 0.4, 0.0], [0.3, 0.6, 0.4]], [[0.5, 0.7]]],
        [[0.3, 0.7, -0.1], [None, None], [None]],
        ["sigmoid"] * 3,
    )
    log_loss(with_zero(INPUTS), TARGET).backward()
    SGD(with_zero.parameters(), LEARNING_RATE).step()
    assert with_zero(INPUTS).data != pytest.approx(OUTPUT_AFTER, abs=1e-4)


# --- What was published.


def test_every_published_number_is_marked_as_it_is() -> None:
    exact = by_engine().by_name()
    assert list(exact) == list(PUBLISHED)
    for k, edition in enumerate(EDITIONS):
        wrong = {name for name, printed in PUBLISHED.items() if not is_right(printed[k], exact[name])}
        assert wrong == WRONG[edition]


def test_the_published_numbers_are_copied_as_printed() -> None:
    assert tuple(WRONG) == EDITIONS
    assert {name: printed[0] for name, printed in PUBLISHED.items()} == {
        "a_1": "0.6900", "a_2": "0.6225", "a_3": "0.4750", "a_4": "0.4760", "a_5": "0.6836", "a_6": "0.6718",
        "delta_6": "-0.3282", "delta_4": "-0.0409", "delta_5": "-0.0823", "delta_1": "-0.0009",
        "delta_2": "-0.0155", "delta_3": "-0.0082", "new w_64": "0.5781", "new w_65": "0.8569",
        "new w_41": "-0.5141", "output after the step": "0.7043",
    }  # fmt: skip
    changed = {name: printed[1:] for name, printed in PUBLISHED.items() if len(set(printed)) > 1}
    assert changed == {
        "delta_5": ("-0.0497", "-0.0497"), "delta_1": ("0.0012", "0.0012"), "delta_2": ("-0.0109", "-0.0109"),
        "delta_3": ("-0.0050", "-0.0050"), "new w_65": ("0.8569", "0.8121"),
        "new w_41": ("-0.5141", "-0.4859"), "output after the step": ("0.7037", "0.6981"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "exact", "right"),
    [
        ("0.8121", 0.8121670078913074, True),  # cut off, not rounded
        ("0.8122", 0.8121670078913074, True),
        ("0.8123", 0.8121670078913074, False),
        ("0.8120", 0.8121670078913074, False),
        ("-0.0009", 0.0011888941851271701, False),
        ("0.0012", 0.0011888941851271701, True),
    ],
)
def test_a_printed_number_is_right_within_its_last_digit(printed: str, exact: float, right: bool) -> None:
    assert is_right(printed, exact) is right


# --- The mistakes.


@pytest.mark.parametrize(
    ("wrong_derivative", "wrong_step", "output"),
    [
        (False, False, "0.698076"),
        (True, False, "0.698768"),
        (False, True, "0.703719"),
        (True, True, "0.704316"),
    ],
)
def test_each_mistake_alone_and_both_together(wrong_derivative: bool, wrong_step: bool, output: str) -> None:
    found = by_hand(wrong_derivative=wrong_derivative, wrong_step=wrong_step)
    assert f"{found.output:.6f}" == output


@pytest.mark.parametrize(("edition", "wrong_derivative"), [(0, True), (1, False)])
def test_the_mistakes_make_every_number_of_their_edition(edition: int, wrong_derivative: bool) -> None:
    found = by_hand(wrong_derivative=wrong_derivative, wrong_step=True).by_name()
    other = {name for name, printed in PUBLISHED.items() if not is_right(printed[edition], found[name])}
    assert other == {"new w_65"}  # printed 0.8569: the mistake makes 0.8570, a unit of the last digit away
    assert f"{found['new w_65']:.4f}" == "0.8570"


def test_both_mistakes_make_the_weights_of_april() -> None:
    printed = {
        "w_11": "0.5004", "b_1": "0.3003", "w_21": "-0.2031", "b_2": "0.7108", "b_3": "-0.1008",
        "w_41": "-0.5141", "w_42": "0.4101", "w_51": "0.3170", "w_52": "0.6307", "w_53": "0.4156",
        "w_64": "0.5781", "w_65": "0.8569",
    }  # fmt: skip
    found = by_hand(wrong_derivative=True, wrong_step=True).updated
    assert {name for name, number in printed.items() if not is_right(number, found[name])} == {"w_65"}
    assert f"{found['w_65']:.4f}" == "0.8570"


def test_the_mistakes_are_demonstrated_by_the_number_they_show_in() -> None:
    found = mistakes()
    assert [mistake.name for mistake in found] == ["delta_5", "new w_41", "output after the step"]
    assert [mistake.published for mistake in found] == ["-0.0823", "-0.5141", "0.7043"]
    assert [f"{mistake.with_mistake:.4f}" for mistake in found] == ["-0.0823", "-0.5141", "0.7043"]
    assert all(mistake.explains for mistake in found)

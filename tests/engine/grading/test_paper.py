"""Papers as they come: numbers as people write them, and what cannot be read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from engine.grading import GradeReport, grade_paper
from engine.grading.paper import printed_number


def graded(*entries: tuple[str, Any], **options: Any) -> GradeReport:
    w, x = Value(0.5, "w"), Value(3.0, "x")
    z = w * x
    z.label = "z"
    return grade_paper(z * z, entries, **options)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0,0497", "0.0497"),
        ("−0,0497", "-0.0497"),
        ("– 0.05", "-0.05"),
        ("- 0.05", "-0.05"),
        ("+0.05", "+0.05"),
        (",5", ".5"),
        ("0,123", "0.123"),
        ("12,5", "12.5"),
        ("12,3456", "12.3456"),
        ("1,2e-3", "1.2e-3"),
        ("1.2e-3", "1.2e-3"),
        ("1/3", "1/3"),
        ("−1⁄3", "-1/3"),
        (" 0.5 ", "0.5"),
        ("\u00a00.5\u202f", "0.5"),
        ("= 0.5", "0.5"),
        ("≈0.5", "0.5"),
        ("'0.5", "0.5"),
        ("0.5 V", "0.5"),
        ("0,5 m/s", "0.5"),
        ("1,234", "1,234"),  # either number
        ("-12,345", "-12,345"),
        ("1.234,5", "1.234,5"),
        ("1,234,567", "1,234,567"),
        ("5 k", "5 k"),  # not a unit
        ("5 mio", "5 mio"),
        ("0.5 or 0.6", "0.5 or 0.6"),
        ("about 3", "about 3"),
        ("5%", "5%"),
        ("", ""),
    ],
)
def test_numbers_as_people_write_them(written: str, number: str) -> None:
    assert printed_number(written) == number


@given(st.text(max_size=40), st.integers(-(10**6), 10**6), st.integers(1, 5))
def test_a_number_keeps_its_value_and_its_decimals(around: str, digits: int, decimals: int) -> None:
    text = f"{digits / 10**decimals:.{decimals}f}"
    assert printed_number(text) == text
    assert printed_number(printed_number(around)) == printed_number(around)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("about 3", "'about 3' is not a number: write it as 0.0497, 4.97e-2 or 1/3"),
        ("", "nothing is written here"),
        ("  ", "nothing is written here"),
        ("1,234", "write 1.234 or 1234"),
        ("5%", "0.05"),
        ("1/0", "divides by 0"),
        ("1e999999999", "too large"),
        ("9" * 400, "too large"),
        ("9" * 200_000, "200000 characters"),
        (None, "this is not a number"),
        (True, "this is not a number"),
        ([["1"]], "this is not a number"),
    ],
)
def test_what_cannot_be_read_is_one_mark(written: Any, why: str) -> None:
    report = graded(("z", "1.5"), ("dE/dw", written))
    assert report.verdicts == {"z": "right", "dE/dw": "unreadable"}
    assert not report.ok
    (mark,) = report.marks[1:]
    assert why in mark.why[0]
    assert len(mark.claimed) <= 60
    assert len(str(report)) < 1000


def test_an_unknown_name_is_told_with_the_nearest_and_a_second_number_is_not_taken() -> None:
    report = graded(("z", "1,5"), ("delta_z", "1"), ("Z", "1.6"))
    why = [mark.why[0] for mark in report.marks if mark.verdict == "unreadable"]
    assert why[0] == "the exercise has no quantity of this name; the nearest is delta"
    assert why[1] == "a second number for this quantity: the first, 1.5, is marked"
    assert report.marks[0].verdict == "right"


def test_a_number_after_one_that_cannot_be_read_is_taken() -> None:
    report = graded(("z", ""), ("z", "1.5"))
    assert [mark.verdict for mark in report.marks] == ["right", "unreadable"]
    assert report.score(1, carried_forward=1).quantities[0].points > 0


def test_what_was_asked_for_and_is_not_there_is_missing() -> None:
    report = graded(("z", "1.5"), asked=["z", "dE/dw", "dE/dx"])
    assert report.missing == ["dE/dw", "dE/dx"]
    assert not report.ok
    assert report.headline == "1 right, 2 missing"
    assert "missing: dE/dw, dE/dx" in str(report)
    assert graded(("z", "1.5"), asked=["z"]).ok


def test_nothing_readable_is_a_report_too() -> None:
    report = graded(("z", "?"))
    assert report.verdicts == {"z": "unreadable"}
    assert report.to_dict()["marks"][0]["exact"] == "nan"


@given(st.lists(st.tuples(st.text(max_size=12) | st.sampled_from(["z", "dE/dw"]), st.text(max_size=12))))
def test_every_entry_is_a_mark(entries: list[tuple[str, str]]) -> None:
    report = graded(*entries)
    assert len(report.marks) == len(entries)
    assert str(report)

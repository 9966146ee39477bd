"""Points for marks, and the report on a class."""

import json
import math
from collections.abc import Mapping

import pytest

from engine import Value
from engine.grading import GradeReport, PapersReport, grade_paper

ASKED = ["z", "delta", "dE/dw", "dE/dx"]


def graded(**claims: str) -> GradeReport:
    w, x = Value(0.5, "w"), Value(3.0, "x")
    z = w * x
    z.label = "z"
    names = {"delta": "delta", "dw": "dE/dw", "dx": "dE/dx", "z": "z"}
    return grade_paper(z * z, [(names[name], text) for name, text in claims.items()], asked=ASKED)


RIGHT = {"z": "1.5", "delta": "3.0", "dw": "9.0", "dx": "1.5"}
HALF = RIGHT | {"delta": "1.5", "dw": "4.5", "dx": "?"}  # a factor 2 is missing; carried forward; unreadable


@pytest.mark.parametrize(
    ("claims", "points", "part", "total", "maximum"),
    [
        (RIGHT, 10, 1.0, 10.0, 10.0),
        (HALF, 10, 1.0, 5.0, 10.0),  # z and dE/dw
        (HALF, 10, 0.5, 3.75, 10.0),
        (HALF, 10, 0.0, 2.5, 10.0),
        ({"z": "1.5"}, 10, 1.0, 2.5, 10.0),  # three are missing
        ({"z": "1.5"}, 0, 1.0, 0.0, 0.0),
        (HALF, {"delta": 4, "*": 1}, 1.0, 2.0, 7.0),
        (HALF, {"dE/*": 3}, 1.0, 3.0, 6.0),  # the others are worth nothing
        (HALF, {"d*": 2, "dE/dw": 100}, 1.0, 2.0, 6.0),  # the first pattern that fits
        (RIGHT, 1, 1.0, 1.0, 1.0),
    ],
)
def test_points(
    claims: Mapping[str, str], points: float | Mapping[str, float], part: float, total: float, maximum: float
) -> None:
    score = graded(**claims).score(points, carried_forward=part)
    assert (score.total, score.maximum) == (total, maximum)
    assert score.ok == (total == maximum)
    assert score.to_dict()["total"] == total
    json.dumps(score.to_dict(), allow_nan=False)


def test_the_points_of_each_quantity_are_told() -> None:
    score = graded(**HALF).score(8)
    assert [(q.name, q.verdict, q.points, q.maximum) for q in score.quantities] == [
        ("z", "right", 2.0, 2.0),
        ("delta", "wrong here", 0.0, 2.0),
        ("dE/dw", "carried forward", 2.0, 2.0),
        ("dE/dx", "unreadable", 0.0, 2.0),
    ]
    assert str(score).startswith("4 of 8 points\n")
    assert graded(z="1.5").score(8).quantities[1].why == "not handed in"


@pytest.mark.parametrize(
    ("points", "part", "words"),
    [
        (-1, 1.0, "-1 points: give a number that is not negative"),
        (math.nan, 1.0, "nan points"),
        (math.inf, 1.0, "inf points"),
        ({"z": -1}, 1.0, "-1 points for 'z'"),
        ({"w_*": 1}, 1.0, r"points for 'w_\*': no quantity fits; they are z, delta, dE/dw, dE/dx"),
        (10, 1.5, "carried_forward is 1.5; give a part from 0 to 1"),
        (10, math.nan, "carried_forward is nan"),
    ],
)
def test_points_that_cannot_be_given(points: float | Mapping[str, float], part: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        graded(**RIGHT).score(points, carried_forward=part)


def class_report() -> PapersReport:
    reports = {f"in/{name}.csv": graded(**HALF) for name in ("ann", "ben", "cem", "dee")}
    return PapersReport({**reports, "in/eve.csv": graded(**RIGHT)}, {"in/fay.csv": "it is empty"})


def test_a_class_is_told_paper_by_paper_and_by_mistake() -> None:
    report = class_report().scored(10)
    assert report.headline == "6 papers, 1 right throughout, 1 cannot be read"
    text = str(report)
    assert "ann.csv       5      1      1        1        1  delta" in text
    assert "fay.csv: it is empty" in text
    assert "in/" not in text
    assert text.splitlines()[-1].startswith("4 of 5  a factor 2 is missing")
    assert text.endswith("ann.csv, ben.csv, cem.csv and 1 more")
    assert not report.ok
    assert PapersReport({"eve": graded(**RIGHT)}).ok


def test_a_class_is_data() -> None:
    data = class_report().to_dict()
    assert list(data["unread"]) == ["in/fay.csv"]
    assert len(next(iter(data["mistakes"].values()))) == 4
    json.dumps(data, allow_nan=False)


def test_a_number_that_follows_from_rounded_numbers_is_right_and_from_a_wrong_one_is_not() -> None:
    w, x = Value(0.123456, "w"), Value(30.0, "x")
    z = w * x
    z.label = "z"
    entries = [("z", "3.7"), ("delta", "7.4"), ("dE/dw", "222"), ("dE/dx", "0.914")]
    report = grade_paper(z * z, entries)  # the exact ones are 3.70368, 7.40736, 222.22, 0.91448
    assert set(report.verdicts.values()) == {"right"}
    assert report.ok
    assert "dE/dw: it follows from rounded numbers" in str(report)
    report = grade_paper(z * z, [("z", "3.6"), ("delta", "7.2"), ("dE/dw", "216"), entries[3]])
    assert report.verdicts["dE/dw"] == "carried forward"

"""What every report has in common, whatever it judges."""

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from engine import GradeReport, GradientError, Value, check_gradients, grade
from engine.grading import PapersReport
from engine.report import Block, Report, ReportError, Table, visible, without_folder
from nn import MLP, check_network
from nn.article.report import build


@dataclass(frozen=True)
class Sums(Report):
    """A report on sums."""

    sums: Mapping[str, tuple[float, float]]
    most_right: int | None = None

    @property
    def ok(self) -> bool:
        return all(x == y for x, y in self.sums.values())

    @property
    def headline(self) -> str:
        return "the sums are right" if self.ok else "a sum is <wrong>"

    @property
    def tables(self) -> Sequence[Table]:
        blocks = [
            Block([(name, str(x), str(y))], [x == y], [] if x == y else [(name, "add again")])
            for name, (x, y) in self.sums.items()
        ]
        header = ("sum", "claimed", "truth")
        notes = ["by hand"]
        return [Table(header, blocks, notes, "Sums", "Two and two.", "lrr", self.most_right)]

    def data(self) -> Mapping[str, Any]:
        return {"sums": self.sums}


RIGHT = Sums({"a": (4.0, 4.0)})
WRONG = Sums({"a": (4.0, 4.0), "b": (5.0, 4.0), "c": (math.nan, 14.0)})


def test_plain_text_is_the_headline_then_the_table_then_the_remarks() -> None:
    assert str(WRONG).split("\n\n") == [
        "a sum is <wrong>",
        "Sums\nTwo and two.",
        "sum  claimed  truth\na        4.0    4.0\nb        5.0    4.0\nc        nan   14.0",
        "b, c: add again",
        "by hand",
    ]


def test_of_many_right_rows_some_are_left_out_and_of_wrong_rows_none() -> None:
    sums = {f"right_{i}": (1.0, 1.0) for i in range(20)} | {f"wrong_{i}": (1.0, 2.0) for i in range(20)}
    assert str(Sums(sums, most_right=22)).count("right_") == 2
    assert str(Sums(sums, most_right=5)).count("1.0    2.0") == 20
    assert "... and 18 more that are right" in str(Sums(sums, most_right=22))


def test_a_terminal_and_a_notebook_show_the_same() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(WRONG)
    shown = console.export_text()
    for text in ("a sum is <wrong>", "Sums", "Two and two.", "14.0", "b, c: add again", "by hand"):
        assert text in shown
    bundle = WRONG._repr_mimebundle_()
    assert bundle["text/plain"] == str(WRONG)
    assert "<b>a sum is &lt;wrong&gt;</b><h4>Sums</h4><p>Two and two.</p>" in bundle["text/html"]
    assert bundle["text/html"].count("color:#e0364c") == 2


def test_the_data_is_valid_json() -> None:
    data = json.loads(json.dumps(WRONG.to_dict(), allow_nan=False))
    assert data == {
        "ok": False,
        "headline": "a sum is <wrong>",
        "sums": {"a": [4.0, 4.0], "b": [5.0, 4.0], "c": ["nan", 14.0]},
    }


def test_what_is_wrong_raises_with_the_whole_report() -> None:
    RIGHT.raise_if_wrong()
    with pytest.raises(ReportError) as caught:
        WRONG.raise_if_wrong()
    assert str(caught.value) == str(WRONG)
    assert caught.value.report is WRONG
    assert isinstance(caught.value, AssertionError)


def wrong_grade() -> GradeReport:
    x = Value(2.0, "x")
    return grade(x * x, {"dE/dx": "nan", "x": "2"})


def wrong_network() -> Report:
    model = MLP.from_weights([[[25.0]]], [[0.0]], ["sigmoid"])
    return check_network(model, [[1.0]], [0.0], "log_loss")


WRONG_REPORTS: dict[str, Callable[[], Report]] = {
    "gradients": lambda: check_gradients(lambda x: x * x, x=3.0, claimed={"x": "inf"}),
    "a fault": lambda: check_gradients(lambda x: x.data, x=3.0),
    "second derivatives": lambda: check_gradients(lambda x: abs(x), x=0.0, order=2),
    "a hand computation": wrong_grade,
    "papers": lambda: PapersReport({"anna": wrong_grade()}),
    "a network": wrong_network,
}


@pytest.mark.parametrize("name", WRONG_REPORTS)
def test_every_report_keeps_the_contract(name: str) -> None:
    report = WRONG_REPORTS[name]()
    assert isinstance(report, Report)
    assert not report.ok
    assert str(report).startswith(report.headline)
    assert "\n" not in report.headline
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (data["ok"], data["headline"]) == (False, report.headline)
    with pytest.raises(ReportError) as caught:
        report.raise_if_wrong()
    assert str(caught.value) == str(report)
    assert isinstance(caught.value, GradientError) == (name in ("gradients", "a fault", "second derivatives"))


def test_the_worked_example_is_a_report() -> None:
    report = build()
    report.raise_if_wrong()
    assert [table.title for table in report.tables][:2] == ["The network", "Forward pass"]
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["headline"] == report.headline
    assert "✗ 0.7043" in str(report)
    assert "✗ 0.7043" in report._repr_html_()


def test_what_a_stranger_wrote_is_shown_and_does_nothing() -> None:
    written = "a\x1b[31m\x07\u202e\ud800\nb"
    shown = r"a\x1b[31m\x07\u202e\ud800"
    report = Sums({written: (1.0, 2.0)})
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=200, color_system=None).print(report)
    for text in (str(report), stream.getvalue(), report._repr_html_()):
        assert shown in text
        assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(text)
        text.encode()
    lines = str(report).splitlines()  # a cell and the subject of a remark stay one line
    assert sum(line.startswith(rf"{shown}\nb   ") for line in lines) == 1
    assert rf"{shown}\nb: add again" in lines


def test_what_everybody_can_see_stays_as_it_is() -> None:
    for text in ("plain", "δ₅ = −0.0497", "two\nlines", "日本語", "é ≈ ∂E/∂w"):
        assert visible(text) == text


@dataclass(frozen=True)
class Listed(Report):
    """Names, numbers and words under a long title."""

    rows: Sequence[Sequence[str]]
    ok = False
    headline = "listed"

    @property
    def tables(self) -> Sequence[Table]:
        return [Table(("name", "number", "words"), [Block(self.rows, [True] * len(self.rows))], title=TITLE)]

    def data(self) -> Mapping[str, Any]:
        return {}


TITLE = "the gradient is set where it must be added to, in __add__, in __mul__ and in __truediv__"
ROWS = [
    ["class/02_somebody's_own_engine.py", "-1.2345678901234e-10", "words that may be broken at any space"],
    ["class/03.py", "0.5", "a longer explanation, of which there is always more to say " * 3],
]


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
def test_a_terminal_breaks_lines_at_spaces_and_cuts_nothing_off(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(Listed(ROWS))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(out.getvalue().replace("─", "").split()).startswith(f"listed {TITLE} ")
    if width > 60:
        assert sum(name in line and number in line for name, number, _ in ROWS for line in lines) == 2
    for _, _, words in ROWS:
        assert all(word in out.getvalue() for word in words.split() if len(word) < 5)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["a/x.py"], ["a/x.py"]),
        (["a/x.py", "a/y.py"], ["x.py", "y.py"]),
        (["/t/a/x.py", "/t/b/x.py"], ["a/x.py", "b/x.py"]),
        (["/a/x.py", "/b/x.py"], ["/a/x.py", "/b/x.py"]),
        (["x.py", "a/x.py"], ["x.py", "a/x.py"]),
        (["/a/x.py", "a/x.py"], ["/a/x.py", "a/x.py"]),
        (["./a/x.py", "a/y.py"], ["./a/x.py", "a/y.py"]),
        (["ab/x.py", "a/y.py"], ["ab/x.py", "a/y.py"]),
    ],
)
def test_a_folder_that_all_files_share_is_not_shown(names: list[str], shown: list[str]) -> None:
    assert list(without_folder(names).values()) == shown

"""Whatever a file holds, it is a paper or the reason why it is none."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn.exercises import answers, article, generate, mark, mark_all
from nn.exercises.papers import PaperError, paper_text, read_paper, template
from nn.exercises.sheets import question

NAMES = st.sampled_from(["a_1", "δ5", "dE/dw_41", "quantity", "claimed", '"', "\x1b[0m"]) | st.text(
    max_size=5
)
NUMBERS = st.sampled_from(["0.69", "0,6900", "−1/3", "1e999", "", "about 3", '"0,5"']) | st.text(max_size=5)
ROWS = st.lists(st.tuples(NAMES, st.sampled_from(",;\t"), NUMBERS).map("".join), max_size=6).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | ROWS.map(str.encode), ending=st.sampled_from([".csv", ".json"]))
def test_any_file_is_marked_or_is_told_why_not(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"paper{ending}"
    path.write_bytes(content)
    report = mark_all([path], article())
    assert [*report.reports, *report.unread] == [str(path)]
    str(report).encode()


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    numbers = {name: f"{x:.4f}" for name, x in answers(article()).items()}
    path = tmp_path / f"paper{ending}"
    path.write_text(paper_text(numbers, ending), encoding="utf-8")
    assert dict(read_paper(path)) == numbers
    assert mark(path, article()).ok


def test_an_empty_paper_asks_for_everything_in_order() -> None:
    lines = template(article()).splitlines()
    assert lines[0] == "quantity,claimed"
    assert [line.rstrip(",") for line in lines[1:]] == list(article().asked)


@pytest.mark.parametrize(
    ("row", "written"),
    [
        ("a_1,0,6900", "0,6900"),
        ("a_1,−0,05", "−0,05"),
        ("a_1,,5", ",5"),
        ("a_1,1,2e-3", "1,2e-3"),
        ("a_1,1,234", "1,234"),  # told by the marks: either number
        ("a_1,0.5,7", "0.5"),  # a further cell
        ("a_1,0.5,see back", "0.5"),
        ("a_1", ""),
    ],
)
def test_a_decimal_comma_between_commas(tmp_path: Path, row: str, written: str) -> None:
    (tmp_path / "p.csv").write_text(f"quantity,claimed\n{row}\n", encoding="utf-8")
    assert read_paper(tmp_path / "p.csv") == [("a_1", written)]


def test_a_cell_after_the_number_is_no_decimal_where_it_has_a_column(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("quantity,claimed,points\na_1,1,5\n", encoding="utf-8")
    assert read_paper(tmp_path / "p.csv") == [("a_1", "1")]


def test_the_reason_does_not_repeat_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("")
    with pytest.raises(PaperError) as told:
        read_paper(tmp_path / "p.csv")
    assert str(told.value).startswith("it is empty; ")


LINES = [
    "a_1 = 0.5\nδ5 = −0,25\n",
    "a_1 = 0,5\nδ5 = −0,25\n",
    "Größe;Wert\na_1;0.5\nδ5;−0,25\n",
    "Anna,Huber\n\nquantity,claimed\na_1,0.5\nδ5,−0,25\n",
    "| quantity | claimed |\n|---|--:|\n| `a_1` | 0.5 |\n| δ5 | −0,25 |\n",
    "What I found:\n\n| quantity | claimed |\n|:-|-:|\n| a_1 | 0,5 |\n| δ5 | −0,25 |\n\nAnna\n",
]


@pytest.mark.parametrize("text", LINES)
def test_lines_are_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.txt").write_text(text, encoding="utf-8")
    read = read_paper(tmp_path / "p.txt")
    assert [(name, written.replace(",", ".")) for name, written in read] == [("a_1", "0.5"), ("δ5", "−0.25")]


@pytest.mark.parametrize("first", ["loss,nan", "E,about", "a_1,half", "loss"])
def test_a_first_line_that_may_be_an_answer_is_no_header(tmp_path: Path, first: str) -> None:
    (tmp_path / "p.csv").write_text(f"{first}\na_2,0.5\n", encoding="utf-8")
    assert len(read_paper(tmp_path / "p.csv")) == 2


@pytest.mark.parametrize("kind", ["network", "step", "expression"])
def test_the_sheet_of_the_exercise_may_be_filled_in(tmp_path: Path, kind: str) -> None:
    exercise = generate(3, kind, 2)
    sheet = question(exercise)
    for name, x in answers(exercise).items():
        sheet = sheet.replace(f"| `{name}` | |", f"| `{name}` | {x:.4f} |")
    (tmp_path / "exercise.md").write_text(sheet, encoding="utf-8")
    assert mark(tmp_path / "exercise.md", exercise).ok

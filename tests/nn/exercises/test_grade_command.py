"""`deltagrad grade` and `deltagrad exercise`, as they are typed."""

import csv
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

from nn import MLP, cli, save
from nn.article.worked_example import PUBLISHED

APRIL = (
    "quantity,claimed\ndelta_6,-0.3282\ndelta_5,-0.0823\ndelta_1,-0.0009\nnew w_65,0.8569\nnew w_51,0.3170\n"
)


class Run(Protocol):
    def __call__(self, *arguments: object) -> Any: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr("sys.argv", ["deltagrad", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return SimpleNamespace(status=caught.value.code or 0, out=out, err=err)

    return call


def write(name: str, content: str | bytes | dict[str, Any]) -> str:
    if isinstance(content, dict):
        content = json.dumps(content)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def right() -> dict[str, str]:
    """The right paper: that of November, as far as it was printed, and the rest by hand."""
    printed = {n.replace("output after the step", "new a_6"): p[2] for n, p in PUBLISHED.items()}
    by_hand = {"w_11": "0.4994", "b_1": "0.2994", "w_21": "-0.1946", "b_2": "0.7054", "b_3": "-0.0975"}
    by_hand |= {"w_42": "0.4127", "w_51": "0.3171", "w_52": "0.6155", "w_53": "0.4118", "w_65": "0.8122"}
    return printed | {f"new {name}": number for name, number in by_hand.items()}


# --- Exit status and what is printed.


def test_a_right_paper(run: Run) -> None:
    found = run("grade", write("ann.json", right()))
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("25 right\n")


def test_a_paper_with_mistakes(run: Run) -> None:
    found = run("grade", write("ann.csv", APRIL), "--points", 25)
    assert found.status == 1
    assert "1 right, 3 wrong here, 1 carried forward, 20 missing; first wrong: delta_5" in found.out
    assert "2 of 25 points" in found.out
    assert "missing: a_1, a_2, " in found.out


def test_a_class(run: Run) -> None:
    Path("in").mkdir()
    write("in/ann.csv", APRIL)
    write("in/ben.json", right())
    write("in/cem.json", "{")
    found = run("grade", *sorted(map(str, Path("in").iterdir())), "--points", 10)
    assert found.status == 1
    lines = found.out.splitlines()
    assert lines[0] == "3 papers, 1 right throughout, 1 cannot be read"
    assert [line.split()[0] for line in lines[2:5]] == ["ann.csv", "ben.json", "cem.json"]
    assert "cem.json: not JSON" in found.out
    assert "1 of 2" in found.out


def test_the_reports_are_data(run: Run) -> None:
    found = run("grade", write("ann.csv", APRIL), write("ben.json", "[1]"), "--json", "--points", 10)
    data = json.loads(found.out)
    assert found.status == 1
    assert data["ann.csv"]["score"]["total"] == 0.8
    assert data["ann.csv"]["marks"][0]["verdict"] == "right"
    assert data["ben.json"]["headline"].startswith("cannot be read: a paper must be an object")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.csv"], "deltagrad: nothing.csv: No such file"),
        (["a.csv", "b.csv"], "deltagrad: a.csv: No such file or directory\nb.csv: No such file"),
        ([], "deltagrad: give papers to mark; --template article writes an empty one"),
        (["ann.csv", "--exercise", "no.json"], "deltagrad: no.json: No such file"),
        (["ann.csv", "--points", "ten"], "deltagrad: --points ten: give the points of a paper, such as 10"),
        (["ann.csv", "--points", "-1"], "deltagrad: -1 points: give a number that is not negative"),
        (["ann.csv", "--points", "v_*=1"], "deltagrad: points for 'v_*': no quantity fits"),
        (["ann.csv", "ben.csv", "--gradescope", "r.json"], "deltagrad: Gradescope marks one paper at a time"),
        (["--template", "article", "-o", "p.txt"], "deltagrad: a paper is a .csv or a .json file, not .txt"),
    ],
)
def test_what_cannot_be_marked_is_status_2(run: Run, arguments: list[str], words: str) -> None:
    write("ann.csv", APRIL)
    write("ben.csv", APRIL) if "ben.csv" in arguments else None
    found = run("grade", *arguments)
    assert found.status == 2
    assert found.err.startswith(words)


# --- Papers.


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "height,weight\n1,2\n", "no line names a quantity of the exercise, such as a_1; write"),
        ("p.csv", "", "it is empty; write lines such as"),
        ("p.csv", "\n\n", "it is empty"),
        ("p.csv", 'quantity,claimed\n"a_1,1\n', "line 2 cannot be read (unexpected end of data)"),
        ("p.csv", "quantity,claimed\na_1," + "9" * 200_000, "line 2 cannot be read (field larger"),
        ("p.csv", "quantity,claimed\n" + "a_1,1\n" * 1001, "it has 1,001 lines; a paper has at most 1,000"),
        ("p.csv", b"x" * 1_000_001, "it is larger than 1 MB"),
        ("p.csv", b"PK\x03\x04", "it is not a text file; save it as CSV"),
        ("p.csv", b"quantity,claimed\na_1,\0", "it is not a text file"),
        ("p.json", "[1]", "a paper must be an object with names"),
        ("p.json", "{", "not JSON: Expecting property name"),
        ("p.json", "[" * 100_000, "not a paper: its brackets are nested too deeply"),
        ("p.json", "{}", "it is empty"),
    ],
)  # fmt: skip
def test_what_is_no_paper_is_one_line(run: Run, name: str, content: str | bytes, words: str) -> None:
    found = run("grade", write(name, content))
    assert found.status == 2
    assert found.err.startswith(f"deltagrad: {name}: {words}")
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        "quantity,claimed\na_1,0.6900\na_2,0.6225\n",
        "a_1,0.6900\na_2,0.6225\n",
        "\ufeffquantity,claimed\r\na_1,0.6900\r\n\r\na_2,0.6225\r\n",
        "quantity;claimed\na_1;0,6900\na_2;0,6225\n",
        "a_1;0,6900\na_2;0,6225\n",
        "sep=;\nquantity;claimed\na_1;0,6900\n;\na_2;0,6225",
        "quantity,claimed\na_1,0,6900\na_2,0,6225\n",
        'quantity,claimed\na_1,"0,6900"\na_2,"0,6225"\n',
        "quantity\tclaimed\na_1\t0,6900\na_2\t0.6225\n".encode("utf-16"),
        "no,claimed,quantity,remark\n1,0.6900,a_1,\n2,0.6225,a_2,not sure\n",
        "Quantity , CLAIMED\n a1 , = 0.6900 \n a₂,0.6225\n",
    ],
)
def test_papers_of_any_spreadsheet(run: Run, content: str | bytes) -> None:
    found = run("grade", write("p.csv", content))
    assert found.out.startswith("2 right, 23 missing\n")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", b"quantity,claimed\na_1,0.6900\nd\xe9lta,1\n", "délta: the exercise has no quantity"),
        ("p.csv", "quantity,claimed\na_1,0.6900\n\x1b[31mx\x07,1\n", r"\x1b[31mx\x07: the exercise has no"),
        ("p.csv", "Name,A. B.\na_1,0.6900\n", "Name: the exercise has no quantity of this name"),
        ("p.csv", "quantity,claimed\na_1,0.6900\na_2\n", "a_2: nothing is written here"),
        (
            "p.json",
            '{"a_1": 0.6900, "a_1": 0.7}',
            "a_1: a second number for this quantity: the first, 0.6900",
        ),
        ("p.json", '{"a_1": 0.6900, "a_2": null}', "a_2: nothing is written here"),
        ("p.json", '{"a_1": 0.6900, "\\ud800": 1}', r"\ud800: the exercise has no quantity"),
        ("p.json", '{"a_1": 0.6900, "a_2": {"a": 1}}', "a_2: this is not a number"),
    ],
)
def test_a_line_that_cannot_be_read_is_one_row(run: Run, name: str, content: str | bytes, words: str) -> None:
    found = run("grade", write(name, content))
    assert found.status == 1
    assert "1 right, 1 unreadable, 2" in found.out
    assert words in found.out.replace("\n", " ")


# --- The empty paper, and what is written.


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_an_empty_paper_has_every_quantity_and_no_number(run: Run, ending: str) -> None:
    assert (
        run("grade", "--template", "article", "-o", f"p.{ending}").out
        == f"empty paper written to p.{ending}\n"
    )
    found = run("grade", f"p.{ending}", "--json")
    marks = json.loads(found.out)[f"p.{ending}"]["marks"]
    assert [mark["name"] for mark in marks if mark["verdict"] == "unreadable"] == [
        mark["name"] for mark in marks
    ]
    assert {mark["name"] for mark in marks} == set(right())


def test_an_empty_paper_is_printed(run: Run) -> None:
    found = run("grade", "--template", "article")
    assert found.out.splitlines()[:2] == ["quantity,claimed", "a_1,"]


def test_a_gradebook_and_feedback(run: Run) -> None:
    write("=ann.csv", APRIL)
    write("ben.json", right())
    write("cem.json", "[1]")
    found = run(
        *("grade", "=ann.csv", "ben.json", "cem.json", "--points", 10),
        *("--gradebook", "marks.csv", "--feedback", "back"),
    )
    assert found.status == 1
    assert found.err == "written to marks.csv\nwritten to back\n"
    ann, ben, cem = csv.DictReader(Path("marks.csv").read_text(encoding="utf-8").splitlines())
    assert ann["paper"] == "'=ann.csv"  # no formula
    counts = [ann[name] for name in ("points", "of", "right", "wrong", "carried", "unreadable", "missing")]
    assert counts == ["0.8", "10", "1", "3", "1", "0", "20"]
    assert ann["first wrong"] == "delta_5"
    assert len(ann["mistakes"].split("; ")) == 2
    assert (ben["points"], ben["mistakes"]) == ("10", "")
    assert (cem["points"], cem["cannot be read"][:7]) == ("", "a paper")
    assert sorted(path.name for path in Path("back").iterdir()) == [
        "=ann.csv.txt",
        "ben.json.txt",
        "cem.json.txt",
    ]
    assert Path("back/=ann.csv.txt").read_text(encoding="utf-8").startswith("0.8 of 10 points\n\n1 right")
    assert (
        Path("back/cem.json.txt").read_text(encoding="utf-8").startswith("This paper cannot be read: a paper")
    )


def test_results_for_gradescope(run: Run) -> None:
    assert run("grade", write("a.csv", APRIL), "--gradescope", "r.json", "--points", "*=1").status == 1
    results = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (results["score"], results["visibility"]) == (2.0, "visible")
    tests = {test["name"]: test for test in results["tests"]}
    assert len(tests) == 25
    assert tests["delta_6"] == {
        "name": "delta_6",
        "score": 1.0,
        "max_score": 1.0,
        "status": "passed",
        "output": "right",
        "visibility": "visible",
    }
    assert tests["delta_5"]["output"].startswith("wrong here: the derivative of the wrong neuron")
    assert run("grade", write("b.csv", ""), "--gradescope", "r.json").status == 2
    results = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert results["score"] == 0.0
    assert results["output"].startswith("it is empty")


def test_many_papers_have_a_bar_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    papers = [write(f"{n}.csv", "a_1,0.6900\n") for n in range(25)]
    assert run("grade", *papers).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "marking" in run("grade", *papers).err
    assert run("grade", *papers[:3]).err == ""


# --- Exercises.


def test_an_exercise_in_steps(run: Run) -> None:
    exercise = {
        "at": {"w": 0.5, "b": -1},
        "steps": {"z_1": "3*w + b", "a": "tanh(z_1)", "E": "(a - 1)**2"},
        "learning_rate": 0.1,
        "asked": ["z_1", "a", "dE/da", "delta_1", "dE/dw"],
    }
    write("exercise.json", exercise)
    write("p.csv", "quantity,claimed\nz_1,0.5\na,0.4621\ndE/da,-1.0758\ndelta_1,-1.0758\ndE/dw,-3.2274\n")
    found = run("grade", "p.csv", "--exercise", "exercise.json", "--json")
    marks = {mark["name"]: mark for mark in json.loads(found.out)["p.csv"]["marks"]}
    assert found.status == 1
    assert {name: mark["verdict"] for name, mark in marks.items()} == {
        "z_1": "right",
        "a": "right",
        "dE/da": "right",
        "delta_1": "wrong here",
        "dE/dw": "carried forward",
    }
    assert marks["delta_1"]["why"] == ["the derivative of a = tanh(z_1) is left out"]


@pytest.mark.parametrize(
    ("exercise", "words"),
    [
        ({"x": [1]}, "missing: model, y, loss"),
        ({"at": {"w": 1}, "steps": {}}, "the exercise has no steps"),
        ({"at": {"w": 1}, "steps": {"z": "v + w"}}, "step z uses v, which is not known by then"),
        ({"at": {}, "steps": {"z": "1 + 1"}}, "depends on no given value"),
        ({"at": {"w": 1}, "steps": {"z": "w"}}, "step z only renames w"),
        ({"at": {"w": 1}, "steps": {"w": "w*w"}}, "the name of step w is taken"),
        ({"at": {"w": 1}, "steps": {"z": 3}}, 'step z is 3; write an expression, such as "w*x"'),
        ({"at": {"w": 1}, "steps": ["w*w"]}, "steps must be an object with names"),
        ({"steps": {"z": "w*w"}}, "at must be an object with names"),
        ({"at": {"w": "1"}, "steps": {"z": "w*w"}}, "w is '1'; write a finite number"),
        ({"at": {"w": True}, "steps": {"z": "w*w"}}, "w is True; write a finite number"),
        ({"at": {"w": math.inf}, "steps": {"z": "w*w"}}, "w is inf; write a finite number"),
        ({"at": {"w": 1}, "steps": {"z": "w*w"}, "learning_rate": "0.1"}, "learning_rate is '0.1'; write a"),
        ({"at": {"w": 1}, "steps": {"z": "w*w"}, "parameters": ["v"]}, "the parameter v has no number in at"),
        ({"at": {"w": 1}, "steps": {"z": "w*w"}, "asked": ["v"]}, "no value is labelled 'v'"),
        ({"at": {"w": 1}, "steps": {"z": "w*w"}, "asked": []}, "nothing is asked for"),
        (
            {"at": {"w": 1}, "steps": {"z": "w*w"}, "asked": ["new w"]},
            "new w is a number after a step; give a",
        ),
        ({"model": "m.json", "x": 1, "y": [1], "loss": "log_loss"}, "x is 1; write a list of numbers"),
        ({"model": "m.json", "x": [None], "y": [1], "loss": "log_loss"}, "x[0] is None; write a finite"),
        ({"layers": [], "x": [1], "y": [1], "loss": "log_loss"}, "it has no layers"),
    ],
)
def test_exercises_that_cannot_be_read(run: Run, exercise: dict[str, object], words: str) -> None:
    write("e.json", json.dumps(exercise))
    save(MLP(1, [1]), "m.json")
    found = run("grade", write("p.csv", APRIL), "--exercise", "e.json")
    assert found.status == 2
    assert "e.json: " in found.err
    assert words in found.err


def test_an_exercise_is_written_handed_out_and_marked(run: Run) -> None:
    found = run("exercise", "--seed", 7, "--kind", "step", "--papers", 2, "-o", "e")
    assert found.status == 0
    assert found.out.startswith(
        "hand out e/students\nthen mark: deltagrad grade PAPERS --exercise e/exercise.json"
    )
    files = sorted(str(path.relative_to("e")) for path in Path("e").rglob("*") if path.is_file())
    assert files == [
        *("exercise.json", "planted.json", "planted/01.csv", "planted/02.csv"),
        *("solution.json", "solution.md", "students/exercise.md", "students/paper.csv"),
    ]
    answers = json.loads(Path("e/solution.json").read_text(encoding="utf-8"))["answers"]
    write("ann.json", {name: f"{x:.4f}" for name, x in answers.items()})
    assert run("grade", "ann.json", "--exercise", "e/exercise.json").status == 0
    assert set(answers) == set(right_names("e/students/paper.csv"))
    assert run("exercise", "-o", "e").err.startswith("deltagrad: e is not an empty folder")


def right_names(paper: str) -> list[str]:
    return [line.partition(",")[0] for line in Path(paper).read_text(encoding="utf-8").splitlines()[1:]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind", "essay"], "there is no kind of exercise 'essay'; give expression, network, step"),
        (["--level", "4"], "there is no level 4; give 1, 2, 3"),
    ],
)
def test_an_exercise_that_there_is_not(run: Run, arguments: list[str], words: str) -> None:
    found = run("exercise", *arguments)
    assert found.status == 2
    assert words in found.err


def test_the_help_shows_a_paper_in_both_forms(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run("grade", "--help").out
    shown = [line.strip() for line in text.partition("quantity,claimed")[2].splitlines()]
    rows, entries = zip(*(line.split(maxsplit=1) for line in shown[1:4]), strict=True)
    paper = json.loads("{" + "".join(entries).rstrip(",") + "}")
    assert ["".join(row) for row in rows] == [f"{name},{number}" for name, number in paper.items()]
    found = run("grade", write("p.json", paper))
    assert "3 right" in found.out

"""`deltagrad check` and `deltagrad grade`, as they are typed."""

import json
import math
from pathlib import Path

import pytest

from nn import MLP, cli, save

APRIL = (
    "quantity,claimed\ndelta_6,-0.3282\ndelta_5,-0.0823\ndelta_1,-0.0009\nnew w_65,0.8569\nnew w_51,0.3170\n"
)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["deltagrad", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["tanh(w*x + b)", "w=0.5", "x=2", "b=-1"], 0, "3 gradients proved, to 17.0 digits"),
        (["x**2", "x=3", "--claimed", "x=3.0"], 1, "gradient by x: claimed 3.0, truth 6: half the truth"),
        (["x*y", "x=3", "y=1", "--claimed", "y=3"], 0, "nothing is claimed for x"),
        (["x*exp(y)", "x=3", "y=1", "--order", "2"], 0, "3 gradients proved"),
        (["relu(x)", "x=0"], 0, "1 gradient at a kink"),
        (["sqrt(x)", "x=0"], 1, "edge: f is undefined on the left"),
        (["os.path:join", "a=1"], 1, "f raises TypeError at the point"),
        (["sys:exit", "status=1"], 1, "f raises SystemExit at the point"),
        (["log(x)", "x=-1"], 1, "at the point: log(x) is undefined at x = -1.0 (x); it needs x > 0"),
        (["x**2", "x=3", "--claimed", "x=6.0000003"], 1, "right to 7 digits of the 8 that it claims"),
        (["x**2", "x=3", "--claimed", "x=5,9"], 1, "'5,9' is not a number: write a decimal point, 5.9"),
    ],
)
def test_check(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    code, out, _ = run(monkeypatch, capsys, "check", *arguments)
    assert code == status
    assert words in " ".join(out.split())
    assert "^" not in out  # the place in an expression is for a message of its own


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x + y", "x=0"], "deltagrad: 'x + y' needs y: give y=NUMBER"),
        (["x + y + z", "y=0"], "deltagrad: 'x + y + z' needs x, z: give x=NUMBER z=NUMBER"),
        (["x + y", "x=0", "y=1", "w=2"], "deltagrad: 'x + y' has no w: it takes x, y"),
        (["os.path:join", "x=1"], "os.path:join has no x. It takes a, *p"),
        (["x", "x=0", "--digits", "100"], "'--digits'"),
        (["x", "x=0", "--digits", "-1"], "'--digits'"),
    ],
)
def test_check_refuses_what_is_no_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, _, err = run(monkeypatch, capsys, "check", *arguments)
    assert code == 2
    assert words in err
    assert "f raises" not in err


def test_check_a_function_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "my_losses.py").write_text("def loss(w, b):\n    return (w * 2.0 + b) ** 2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code, out, _ = run(monkeypatch, capsys, "check", "my_losses:loss", "w=0.5", "b=1", "--json")
    assert code == 0
    assert json.loads(out)["gradients"][0]["truth"] == 8.0


NEAR_1 = "import sys\ndef f(x):\n    print('HERE')\n    return x * x if x <= 1 else {}\n"


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("exits", NEAR_1.format("sys.exit()"), "edge: f raises on the right: SystemExit"),
        ("adds", NEAR_1.format("x + 'a'"), "edge: f raises on the right: TypeError: a Value holds one real"),
        ("lists", NEAR_1.format("[x]"), "edge: on the right f returns a list of 1, not one Value"),
    ],
)
def test_what_a_function_does_beside_the_point_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    source: str,
    told: str,
) -> None:
    (tmp_path / f"my_{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code, out, err = run(monkeypatch, capsys, "check", f"my_{name}:f", "x=1", "--json")
    assert (code, told in json.loads(out)["headline"]) == (1, True)
    assert set(err.split()) == {"HERE"}  # what f prints is not the report


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("syntax", "def f(x: return", "my_syntax raises SyntaxError: "),
        ("name", "undefined", "my_name raises NameError: name 'undefined' is not defined"),
        ("type", "len(3)", "my_type raises TypeError: "),
        ("zero", "1 / 0", "my_zero raises ZeroDivisionError: "),
        ("assertion", "assert False", "my_assertion raises AssertionError"),
        ("exit", "raise SystemExit(0)", "my_exit raises SystemExit: 0"),
        ("module", "import nowhere", "No module named 'nowhere'"),
        ("nothing", "", "module 'my_nothing' has no attribute 'f'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    source: str,
    words: str,
) -> None:
    (tmp_path / f"my_{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code, out, err = run(monkeypatch, capsys, "check", f"my_{name}:f", "x=1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"deltagrad: my_{name}:f: {words}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["check", "tanh(w*)", "w=1"],
            "deltagrad: expected a number, a name or '(' here\n  tanh(w*)\n         ^",
        ),
        (["check", "__import__('os')", "x=1"], "deltagrad: "),
        (["check", "nowhere:f", "x=1"], "deltagrad: nowhere:f: No module named 'nowhere'"),
        (["check", "math:pi", "x=1"], "deltagrad: math:pi is float, not a function"),
        (["check", "x", "x=one"], "deltagrad: expected NAME=NUMBER, such as x=0.4; got 'x=one'"),
        (["check", "x", "x=1", "--claimed", "1"], "deltagrad: expected NAME=NUMBER, such as x=0.4; got '1'"),
        (["check", "x", "x=1", "--against", "theano"], "deltagrad: unknown framework 'theano'"),
        (["grade", "nothing.csv"], "deltagrad: nothing.csv: No such file"),
    ],
)
def test_what_is_no_question_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert err.startswith(words)
    assert "Traceback" not in err


def test_grade_papers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    anna, ben = tmp_path / "anna.csv", tmp_path / "ben.json"
    anna.write_text(APRIL)
    ben.write_text('{"delta_6": -0.3282, "delta_5": -0.0497}')
    code, out, _ = run(monkeypatch, capsys, "grade", str(anna), str(ben))
    assert code == 1
    assert "1 right, 3 wrong here, 1 carried forward; first wrong: delta_5 = -0.0823" in out
    assert "2 papers, 1 right throughout" in out
    code, out, _ = run(monkeypatch, capsys, "grade", str(ben), "--json")
    assert code == 0
    assert json.loads(out)[str(ben)]["ok"]


def test_an_exercise_in_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exercise = {
        "at": {"w": 0.5, "b": -1},
        "steps": {"z_1": "3*w + b", "a": "tanh(z_1)", "E": "(a - 1)**2"},
        "learning_rate": 0.1,
    }
    (tmp_path / "exercise.json").write_text(json.dumps(exercise))
    paper = tmp_path / "paper.csv"
    paper.write_text("quantity,claimed\nz_1,0.5\na,0.4621\ndE/da,-1.0758\ndelta_1,-1.0758\ndE/dw,-3.2274\n")
    code, out, _ = run(
        monkeypatch, capsys, "grade", str(paper), "--exercise", str(tmp_path / "exercise.json"), "--json"
    )
    marks = {mark["name"]: mark for mark in json.loads(out)[str(paper)]["marks"]}
    assert code == 1
    assert {name: mark["verdict"] for name, mark in marks.items()} == {
        "z_1": "right",
        "a": "right",
        "dE/da": "right",
        "delta_1": "wrong here",
        "dE/dw": "carried forward",
    }
    assert marks["delta_1"]["why"] == ["the derivative of a = tanh(z_1) is left out"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.csv", "delta_5,1\n", "the first line must be quantity,claimed"),
        ("p.csv", "quantity,claimed\ndelta_5,1,2\n", "line 2: 3 cells"),
        ("p.csv", "quantity,claimed\ndelta_5,1\ndelta_5,2\n", "line 3: delta_5 is claimed twice"),
        ("p.csv", "quantity,claimed\ndelta_7,1\n", "p.csv: delta_7: no value is labelled 'z_7'"),
        ("p.csv", "quantity,claimed\ndelta_5,one\n", "the claim for delta_5: 'one' is not a number"),
        ("p.csv", "quantity;claimed\ndelta_5;one\n", "p.csv: the claim for delta_5: 'one' is not a number"),
        ("p.csv", b"quantity,claimed\nd\xe9lta,1\n", "p.csv, line 2: byte 0xe9 is not UTF-8 text"),
        ("p.json", '{"delta_5": 1, "delta_5": 2}', "p.json: duplicate key 'delta_5'"),
        ("p.json", '{"delta_5": null}', "delta_5 is None; write a number"),
        ("p.json", "[1]", "must be an object with names"),
        ("p.json", "{", "p.json: not JSON: Expecting property name"),
    ],
)
def test_papers_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    text: str | bytes,
    words: str,
) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, err = run(monkeypatch, capsys, "grade", str(tmp_path / name))
    assert code == 2
    assert words in err
    assert "Traceback" not in err


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
        ({"model": "m.json", "x": 1, "y": [1], "loss": "log_loss"}, "x is 1; write a list of numbers"),
        ({"model": "m.json", "x": [None], "y": [1], "loss": "log_loss"}, "x[0] is None; write a finite"),
    ],
)
def test_exercises_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    exercise: dict[str, object],
    words: str,
) -> None:
    (tmp_path / "e.json").write_text(json.dumps(exercise))
    (tmp_path / "p.csv").write_text(APRIL)
    save(MLP(1, [1]), tmp_path / "m.json")
    code, _, err = run(
        monkeypatch, capsys, "grade", str(tmp_path / "p.csv"), "--exercise", str(tmp_path / "e.json")
    )
    assert code == 2
    assert "e.json: " in err
    assert words in err


def test_a_paper_that_cannot_be_read_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("anna.csv").write_text("delta_6,1\n")
    Path("ben.json").write_text('{"delta_6": -0.3282}')
    Path("cleo.json").write_text('{"delta_7": -0.3282}')
    code, out, err = run(monkeypatch, capsys, "grade", "anna.csv", "ben.json", "cleo.json", "dan.json")
    assert code == 2
    assert "ben.json\n1 right" in out
    anna, cleo, dan = err.splitlines()
    assert anna == "deltagrad: anna.csv: the first line must be quantity,claimed"
    assert cleo.startswith("cleo.json: delta_7: no value is labelled 'z_7'")
    assert dan == "dan.json: No such file or directory"


def test_papers_of_a_spreadsheet_that_separates_by_semicolons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text("quantity;claimed\ndelta_6;-0.3282\n", encoding="utf-8-sig")
    code, out, _ = run(monkeypatch, capsys, "grade", str(tmp_path / "p.csv"))
    assert (code, "1 right" in out) == (0, True)

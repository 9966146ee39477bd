"""`deltagrad check`, as it is typed."""

import json
from pathlib import Path

import pytest

from nn import cli


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

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
    assert words in out


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

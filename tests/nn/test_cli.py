"""The command line: what it prints, and how it refuses."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from engine import Value, __version__, backprop
from engine.graph import topological
from nn import MLP, cli, load, save
from nn.article import report as example_report
from nn.article.worked_example import PUBLISHED
from nn.storage import load_prepared

pytestmark = pytest.mark.slow

TABLE = "height,weight,kind\n" + "".join(
    f"{150 + 3 * i},{50 + (i * 7) % 11},{'tall' if i >= 10 else 'short'}\n" for i in range(20)
)


class Run:
    """One call of the command: its exit status and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys = capsys
        self.monkeypatch = monkeypatch

    def __call__(self, *arguments: object) -> SimpleNamespace:
        self.monkeypatch.setattr(sys, "argv", ["deltagrad", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = self.capsys.readouterr()
        return SimpleNamespace(status=caught.value.code or 0, out=printed.out, err=printed.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text(TABLE, encoding="utf-8")
    return Run(capsys, monkeypatch)


# --- the version


def test_the_version_is_that_of_the_package(run: Run) -> None:
    found = run("--version")
    assert (found.status, found.out) == (0, f"deltagrad {__version__}\n")


# --- example


def test_the_example_tells_the_finding(run: Run) -> None:
    found = run("example")
    assert (found.status, found.err) == (0, "")
    for part in (
        "0.671845861229",
        "0.698076306586",
        "✗ 0.7043",
        "✗ -0.0823",
        "δ_5 = a_5 (1 − a_5) · δ_6 w_65",
    ):
        assert part in found.out
    assert found.out.count("✗ ") == 11  # 10 wrong numbers, and the legend


def test_the_example_is_quiet_in_one_line(run: Run) -> None:
    found = run("example", "--quiet")
    assert found.status == 0
    assert found.out == (
        "One step takes the output from 0.6718 to 0.6981. "
        "The 0.7043 first published comes from two mistakes.\n"
    )


def test_the_example_is_data(run: Run) -> None:
    found = run("example", "--json")
    assert (found.status, found.err) == (0, "")
    data = json.loads(found.out)
    assert data["ok"] is data["agreement"]["ok"] is True
    assert data["exact"]["output"] == pytest.approx(0.6980763065856341, rel=1e-14)
    assert data["exact"]["a"]["6"] == pytest.approx(0.6718458612293685, rel=1e-14)
    assert data["published"]["April 2023"]["output after the step"] == {
        "printed": "0.7043",
        "exact": data["exact"]["output"],
        "right": False,
    }
    assert data["published"]["November 2023"]["output after the step"]["right"] is True
    assert [round(mistake["with_mistake"], 6) for mistake in data["mistakes"]] == [
        -0.082283,
        -0.514119,
        0.704316,
    ]
    assert len(data["agreement"]["gradients"]) == 12


@pytest.mark.parametrize("how", [[], ["--quiet"], ["--json"]])
def test_the_example_exits_with_1_if_anything_disagrees(
    run: Run, monkeypatch: pytest.MonkeyPatch, how: list[str]
) -> None:
    published = dict(PUBLISHED)
    published["a_1"] = ("0.6900", "0.6900", "0.6902")
    monkeypatch.setattr(example_report, "PUBLISHED", published)
    found = run("example", *how)
    assert found.status == 1
    assert "does not come out" in found.out


def test_the_example_is_played(run: Run) -> None:
    found = run("example", "--player", "example.html")
    assert found.status == 0
    assert found.out.endswith("drawn in worked_example.svg\nplayer written to example.html\n")
    assert "δ₄ = σ′(z₄) · δ₆·w₆₄" in Path("example.html").read_text(encoding="utf-8")


# --- train


def test_it_trains_on_a_built_in_set(run: Run) -> None:
    found = run("train", "iris", "--epochs", 60, "--quiet")
    assert (found.status, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[:2] == [
        "120 examples of 4 features, species to predict",
        "MLP 4-64-3 (relu, identity), 515 parameters",
    ]
    accuracy = float(lines[3].removeprefix("held out: accuracy ").partition("%")[0])
    assert accuracy >= 90.0


def test_it_trains_on_the_users_table_and_saves_and_draws(run: Run) -> None:
    found = run(
        "train",
        "people.csv",
        "--target",
        "kind",
        "--hidden",
        "3,2",
        "--epochs",
        40,
        "--learning-rate",
        0.05,
        "--save",
        "model.json",
        "--plot",
        "loss.svg",
        "--quiet",
    )
    assert (found.status, found.err) == (0, "")
    assert "MLP 2-3-2-1 (relu, relu, identity), 20 parameters" in found.out
    assert "training: accuracy 100.00% on 16 examples" in found.out
    assert found.out.endswith("model written to model.json\nloss drawn in loss.svg\n")
    assert Path("loss.svg").read_text(encoding="utf-8").count("<svg") == 1
    preparation = load_prepared("model.json")[1]
    assert preparation is not None
    assert (preparation.features, preparation.target) == (("height", "weight"), "kind")
    assert preparation.classes == ("short", "tall")


def test_the_same_seed_trains_the_same_model(run: Run) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("train", "moons", "--epochs", 1, "--quiet", "--seed", seed, "--save", name)
    assert Path("a").read_bytes() == Path("b").read_bytes() != Path("c").read_bytes()


def test_numbers_may_name_classes(run: Run) -> None:
    Path("coded.csv").write_text(
        "x,kind\n" + "".join(f"{i},{i % 2 + 1}\n" for i in range(10)), encoding="utf-8"
    )
    arguments = ("train", "coded.csv", "--target", "kind", "--epochs", 1, "--quiet")
    assert "R²" in run(*arguments).out
    assert "accuracy" in run(*arguments, "--classes").out


def test_without_hidden_layers_it_is_linear(run: Run) -> None:
    found = run(
        "train",
        "people.csv",
        "--target",
        "weight",
        "--hidden",
        "",
        "--epochs",
        1,
        "--quiet",
        "--optimizer",
        "sgd",
        "--batch-size",
        0,
    )
    assert found.status == 2  # kind is text
    Path("line.csv").write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(10)), encoding="utf-8")
    found = run(
        "train",
        "line.csv",
        "--target",
        "y",
        "--hidden",
        "",
        "--epochs",
        60,
        "--quiet",
        "--optimizer",
        "sgd",
        "--learning-rate",
        0.2,
        "--batch-size",
        0,
    )
    assert "MLP 1-1 (identity), 2 parameters" in found.out
    assert "held out: R² 1.000 on 2 examples" in found.out


def test_the_bar_is_on_standard_error_of_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["train", "xor", "--test", 0.5, "--epochs", 2]
    assert run(*asked).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    found = run(*asked)
    assert "loss=" in found.err
    assert "loss=" not in found.out


def test_brackets_in_a_name_are_printed(run: Run) -> None:
    Path("units.csv").write_text("x,y [red]\n1,2\n2,4\n3,6\n", encoding="utf-8")
    found = run(
        "train", "units.csv", "--target", "y [red]", "--epochs", 1, "--quiet", "--save", "m [red].json"
    )
    assert "2 examples of 1 features, y [red] to predict\n" in found.out
    assert "model written to m [red].json\n" in found.out


# --- verify


@pytest.fixture
def trained(run: Run) -> Run:
    found = run(
        "train",
        "people.csv",
        "--target",
        "kind",
        "--hidden",
        "3",
        "--epochs",
        3,
        "--quiet",
        "--save",
        "model.json",
    )
    assert found.status == 0
    return run


def test_it_verifies_a_model_on_its_data(trained: Run) -> None:
    found = trained("verify", "model.json", "people.csv", "--examples", 3)
    assert (found.status, found.err) == (0, "")
    assert "the 10 largest gaps of 13" in found.out
    assert "all 13 gradients agree over 3 examples" in found.out
    assert "DIFFER" not in found.out


def test_it_prints_every_gradient_if_asked(trained: Run) -> None:
    found = trained("verify", "model.json", "people.csv", "--examples", 1, "--all")
    names = [line.split()[0] for line in found.out.splitlines()[-13:]]
    assert names == [p.label for p in load("model.json").parameters()]


def test_columns_may_stand_in_any_order(trained: Run) -> None:
    rows = [line.split(",") for line in TABLE.splitlines()]
    Path("other.csv").write_text("".join(f"{c},{b},{a}\n" for a, b, c in rows), encoding="utf-8")
    same, other = (trained("verify", "model.json", name, "--all") for name in ("people.csv", "other.csv"))
    assert same.out == other.out
    assert (same.status, other.status) == (0, 0)


def test_a_model_without_preparation_is_verified_on_plain_data(run: Run) -> None:
    save(MLP(2, [3, 1], output="sigmoid", rng=random.Random(0)), "plain.json")
    assert run("verify", "plain.json", "xor", "--loss", "log_loss").status == 0
    assert "all 13 gradients agree over 4 examples" in run("verify", "plain.json", "xor").out


def test_a_wrong_gradient_is_status_1(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from nn.proof import agreement

    def backward(output: Value) -> None:
        backprop.backward(output)
        for leaf in (v for v in topological([output]) if v.is_variable):
            leaf.grad *= 1.000001

    monkeypatch.setattr(agreement, "backward", backward)
    found = trained("verify", "model.json", "people.csv")
    assert found.status == 1
    assert "DIFFER" in found.out
    assert "13 of 13 gradients disagree over 10 examples" in found.out


# --- draw and explain


def test_an_expression_is_drawn(run: Run) -> None:
    found = run("draw", "tanh(w*x + b)", "w=0.4", "x=1", "b=0.1", "--parameters", "w,b")
    assert (found.status, found.out, found.err) == (0, "drawn in graph.svg\n", "")
    assert "grad 0.7864" in Path("graph.svg").read_text(encoding="utf-8")


def test_an_expression_is_explained(run: Run) -> None:
    found = run("explain", "tanh(w*x + b)", "w=0.4", "x=1", "b=0.1")
    assert (found.status, found.err) == (0, "")
    assert "3. y = tanh(w·x + b) = tanh(0.5) = 0.4621\n" in found.out
    assert found.out.endswith("Gradient: ∂y/∂w = 0.7864, ∂y/∂x = 0.3146, ∂y/∂b = 0.7864\n")
    found = run("explain", "w*x", "w=0.4", "x=1", "--markdown")
    assert (found.status, found.err) == (0, "")
    assert "1. $y = w \\cdot x = 0.4 \\times 1 = 0.4$\n" in found.out


def test_an_expression_is_played(run: Run) -> None:
    found = run("explain", "w*x", "w=0.4", "x=1", "-o", "y.html", "--theme", "dark", "--parameters", "w")
    assert (found.status, found.out, found.err) == (0, "player written to y.html\n", "")
    page = Path("y.html").read_text(encoding="utf-8")
    assert '<html lang="en" data-theme="dark">' in page
    assert "node value parameter" in page


def test_an_expression_is_live(run: Run) -> None:
    options = ["--limits", "w=-2:3", "--step", "b=0.5", "--locked", "x, b", "--theme", "dark"]
    found = run("live", "w*x + b", "w=0.4", "x=1", "b=0.1", "-o", "y.html", *options)
    assert (found.status, found.out, found.err) == (0, "live page written to y.html\n", "")
    page = Path("y.html").read_text(encoding="utf-8")
    assert '<html lang="en" data-theme="dark">' in page
    assert '"limits": [-2.0, 3.0]' in page
    assert '"step": 0.5, "locked": true' in page


# --- What is refused: one line on standard error, status 2.

ODD = "x,y\n1,2\n2\n"

REFUSED = {
    "no such verb": (["frobnicate"], "No such command 'frobnicate'"),
    "no such option": (["train", "xor", "--speed", "9"], "No such option: --speed"),
    "no data": (["train"], "Missing argument 'data'"),
    "text for a number": (["train", "xor", "--epochs", "many"], "--epochs"),
    "no epochs": (["train", "xor", "--epochs", "0"], "--epochs"),
    "a negative batch": (["train", "xor", "--batch-size", "-1"], "--batch-size"),
    "no such optimizer": (["train", "xor", "--optimizer", "newton"], "'newton' is not one of 'sgd', 'adam'"),
    "no such activation": (
        ["train", "xor", "--test", "0.5", "--activation", "sine"],
        "unknown activation 'sine'",
    ),
    "hidden text": (["train", "iris", "--hidden", "a"], "--hidden 'a': give sizes such as 16,16"),
    "hidden too many": (
        ["train", "iris", "--hidden", "99999999"],
        "the network would have 799,999,995 parameters, which are as many Values; give smaller hidden layers",
    ),
    "layout without time": (
        ["draw", "x + 1", "x=1", "--timeout", "nan"],
        "timeout is nan; give the seconds that a layout may take, such as 10",
    ),
    "hidden nothing": (["train", "iris", "--hidden", "3,0"], "--hidden '3,0': give sizes such as 16,16"),
    "a negative rate": (["train", "iris", "--learning-rate", "-1"], "the learning rate is -1.0"),
    "a rate that is no number": (["train", "iris", "--learning-rate", "nan"], "the learning rate is nan"),
    "divergence": (
        [
            "train",
            "diabetes",
            "--activation",
            "identity",
            "--optimizer",
            "sgd",
            "--learning-rate",
            "1e9",
            "--quiet",
        ],
        "train with a smaller learning rate",
    ),
    "no test set": (
        ["train", "iris", "--test", "0"],
        "--test 0: hold out a part between 0 and 1, such as 0.2",
    ),
    "a test set of twice the rows": (["train", "iris", "--test", "2"], "--test 2: hold out a part"),
    "one row": (["train", "one.csv", "--target", "y"], "a split of 1 row at fraction 0.8"),
    "the same number throughout": (
        ["train", "same.csv", "--target", "y"],
        "every example has y = 7: there is nothing to learn",
    ),
    "a folder to save as": (
        ["train", "xor", "--test", "0.5", "--epochs", "1", "--quiet", "--save", "."],
        ". cannot be written: it is a folder",
    ),
    "no such file": (["train", "nope.csv", "--target", "y"], "nope.csv: there is no such file"),
    "no target": (["train", "people.csv"], "name the column to predict with --target"),
    "no such target": (["train", "people.csv", "--target", "size"], "no column"),
    "a target too many": (["train", "iris", "--target", "species"], "iris has its own target"),
    "ragged rows": (["train", "odd.csv", "--target", "y"], "odd.csv, line 3: expected 2 cells"),
    "a folder": (["train", ".", "--target", "y"], "this is a directory"),
    "a folder to save in that is not there": (
        ["train", "xor", "--test", "0.5", "--epochs", "1", "--quiet", "--save", "no/m.json"],
        "there is no folder no",
    ),
    "no such picture": (
        ["train", "xor", "--test", "0.5", "--epochs", "1", "--quiet", "--plot", "loss.doc"],
        "Format 'doc' is not supported",
    ),
    "no such model": (["verify", "nope.json", "xor"], "nope.json: No such file or directory"),
    "no model": (["verify", "people.csv", "xor"], "people.csv is not a model file"),
    "a folder as model": (["verify", ".", "xor"], "Is a directory"),
    "no examples": (["verify", "model.json", "people.csv", "--examples", "0"], "--examples"),
    "no such loss": (["verify", "model.json", "people.csv", "--loss", "hinge"], "unknown loss 'hinge'"),
    "other columns": (["verify", "model.json", "iris"], "the data lacks the columns height, weight"),
    "other inputs": (["verify", "plain.json", "iris"], "layer 1 expects 2 inputs, got 4"),
    "nothing to draw": (
        ["draw", "3"],
        "'3' does not give one number that depends on a name: there is nothing to draw",
    ),
    "nothing to explain": (
        ["explain", "[x]", "x=1"],
        "'[x]' does not give one number that depends on a name: there is nothing to explain",
    ),
    "a parameter there is not": (["explain", "x", "x=1", "--parameters", "w"], "no such name among x"),
    "a player as a picture": (["explain", "x", "x=1", "-o", "x.svg"], "saved as .html, not as 'x.svg'"),
    "a theme there is not": (["explain", "x", "x=1", "-o", "x.html", "--theme", "red"], "not 'red'"),
    "limits that are none": (["live", "x*x", "x=1", "--limits", "x=2"], "--limits x=2: give the least and"),
    "limits elsewhere": (["live", "x*x", "x=1", "--limits", "x=2:3"], "x = 1 is not between 2 and 3"),
    "a lock on nothing": (
        ["live", "x*x", "x=1", "--locked", "w"],
        "'w' is no leaf with a slider; there are x",
    ),
    "nothing to move": (["live", "[x]", "x=1"], "there is nothing to show"),
    "a live picture": (
        ["live", "x*x", "x=1", "-o", "x.svg"],
        "a live page is saved as .html, not as 'x.svg'",
    ),
    "text and a player": (["explain", "x", "x=1", "-o", "x.html", "--markdown"], "give one of them"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], message: str) -> None:
    Path("odd.csv").write_text(ODD, encoding="utf-8")
    Path("one.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    Path("same.csv").write_text("x,y\n1,7\n2,7\n3,7\n", encoding="utf-8")
    save(MLP(2, [1], rng=random.Random(0)), "plain.json")
    if "model.json" in arguments:
        run("train", "people.csv", "--target", "kind", "--epochs", 1, "--quiet", "--save", "model.json")
    found = run(*arguments)
    assert found.status == 2
    assert message in found.err
    assert "Traceback" not in found.err
    assert found.err.splitlines()[-1].startswith("deltagrad: ")
    assert found.err.count("\n") == 1 or "epoch" in found.err.splitlines()[0]  # the bar, if it had begun


def test_no_command_shows_the_commands(run: Run) -> None:
    found = run()
    assert found.status == 2
    assert found.err == "deltagrad: give one of these commands\n"
    assert all(verb in found.out for verb in ("example", "train", "verify"))


def test_plotting_without_matplotlib_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    found = run("train", "xor", "--test", 0.5, "--epochs", 1, "--quiet", "--plot", "loss.png")
    assert (found.status, found.err) == (
        2,
        "deltagrad: plotting needs matplotlib: pip install 'deltagrad[plot]'\n",
    )
    assert found.out == ""  # it is said before training


def test_a_model_is_verified_on_examples_of_one_class(run: Run) -> None:
    run("train", "people.csv", "--target", "kind", "--epochs", 1, "--quiet", "--save", "model.json")
    Path("short.csv").write_text("weight,kind,height\n50,short,150\n57,short,153\n", encoding="utf-8")
    found = run("verify", "model.json", "short.csv")
    assert (found.status, found.err) == (0, "")
    assert "gradients agree over 2 examples" in found.out
    Path("other.csv").write_text("weight,kind,height\n50,huge,150\n", encoding="utf-8")
    assert run("verify", "model.json", "other.csv").err == (
        "deltagrad: other.csv, line 2, column 'kind': there is no class 'huge'; the classes are short, tall\n"
    )


@pytest.mark.parametrize("written", [["--save", "."], ["--save", "no/m.json"], ["--plot", "loss.doc"]])
def test_what_cannot_be_written_is_known_before_training(run: Run, written: list[str]) -> None:
    found = run("train", "iris", "--quiet", *written)
    assert (found.status, found.out) == (2, "")


def test_a_folder_without_permission_is_known_before_training(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    found = run("train", "iris", "--quiet", "--save", "m.json")
    assert (found.status, found.out) == (2, "")
    assert found.err == "deltagrad: m.json cannot be written: permission denied\n"


def test_numbers_that_may_be_classes_are_told(run: Run) -> None:
    rows = "".join(f"{i},{i % 2}\n" for i in range(20))
    Path("bits.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    hint = "y holds few different whole numbers: if they name classes, give --classes"
    asked = ["train", "bits.csv", "--target", "y", "--epochs", 1, "--quiet"]
    assert hint in run(*asked).out
    assert hint not in run(*asked, "--classes").out
    assert hint not in run("train", "diabetes", "--epochs", 1, "--quiet").out


def test_every_option_has_its_help() -> None:
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]  # of a group, which the app is
    options = {f"{verb} {o.name}": o.help for verb, command in commands.items() for o in command.params}
    assert [option for option, words in options.items() if not words] == []
    assert len(options) > 40


@pytest.mark.slow
def test_a_terminal_without_greek_is_no_reason_to_fail() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "nn", "train", "diabetes", "--epochs", "1", "--quiet"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"held out: R? " in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "err"),
    [
        (["example", "--quiet"], 0, ""),
        (["train", "--help"], 0, ""),
        (["example", "--loud"], 2, "deltagrad: No such option: --loud\n"),
        (["verify", "nope.json", "xor"], 2, "deltagrad: nope.json: No such file or directory\n"),
    ],
)
def test_it_runs_as_a_program(arguments: list[str], status: int, err: str) -> None:
    found = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "nn", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (found.returncode, found.stderr) == (status, err)

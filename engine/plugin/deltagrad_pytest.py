"""Gradients proved in pytest: the fixtures `check_gradients` and `judge`, a marker, options, a summary line.

    def test_my_loss(check_gradients):
        check_gradients(my_loss, w=0.5, x=2.0)

    def test_my_engine(judge):
        judge("engine.py:Value")

It also works under Hypothesis: `@given(x=...) def test_my_loss(check_gradients, x): ...`.

Nothing but pytest is imported until a test asks for the fixture. `-p no:deltagrad` switches it off; the same
without pytest is `engine.assert_gradients`.

The plugin is loaded in every project of an environment in which deltagrad is installed. So it is a
top-level module with a name of its own, and it lets the modules `engine` and `nn` of the project under test
go before those of deltagrad (`ProjectFirst`).
"""

from __future__ import annotations

import inspect
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.check import GradientReport

_MARKER = (
    "deltagrad(digits, against): how many right decimal digits check_gradients asks for in this test, and "
    "the other frameworks it asks."
)
_PROPERTY = "deltagrad"
_PACKAGES = ("engine", "nn")
_HERE = Path(__file__).parent
_HOMES = (_HERE, _HERE.parent.parent)  # where they are: installed, and in a clone


class ProjectFirst:
    """Finds the project's own `engine` and `nn` where Python would find those of deltagrad.

    Plain `pytest` does not look for modules in the project's folder, and Python prefers an installed package
    to a folder without `__init__.py`. In both cases a student's tests would run on deltagrad's code and
    might pass. No other name is touched.

    Args:
        project: the folder of the project; nothing outside of it counts.
        start: the folder in which pytest was started.
    """

    def __init__(self, project: Path, start: Path) -> None:
        self._project = project
        self._folders = dict.fromkeys((start, project, start / "src", project / "src"))

    def look_beside(self, path: Path) -> None:
        """Look in the folders from a file of tests up to the project as well."""
        self._folders |= dict.fromkeys(f for f in path.parents if f.is_relative_to(self._project))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Where a module is; None leaves it to the next finder."""
        if name not in _PACKAGES:
            return None
        usual = PathFinder.find_spec(name)
        if usual is None or not usual.origin or Path(usual.origin).parent.parent not in _HOMES:
            return None
        own = (_own(folder, name) for folder in self._folders)
        return next((spec for spec in own if spec), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> None:
        """Before a module of tests is imported, look beside it."""
        if isinstance(collector, pytest.Module):
            self.look_beside(collector.path)

    def pytest_report_header(self) -> list[str]:
        """Say which modules of the project go before those of deltagrad."""
        return [
            f"deltagrad: `import {name}` gives {_place(spec)} of this project, not deltagrad's {name}"
            for name in _PACKAGES
            if (spec := self.find_spec(name))
        ]


def _own(folder: Path, name: str) -> ModuleSpec | None:
    """A module, or a folder with code: a folder of tests often has the name of what it tests."""
    package = folder / name
    code = any(package.glob("*.py")) or any(package.glob("*/*.py"))
    tests = any(package.glob("test_*.py"))
    if (code and not tests) or (folder / f"{name}.py").is_file():
        return PathFinder.find_spec(name, [str(folder)])
    return None


def _place(module: Any) -> str:
    """The file of a module or of its spec; of a package without a file, its folder."""
    spec = getattr(module, "__spec__", module)
    return str(spec.origin or next(iter(spec.submodule_search_locations)))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything of the project is imported, let its own modules go first."""
    finder = ProjectFirst(early_config.rootpath, early_config.invocation_params.dir)
    sys.meta_path.insert(0, finder)
    early_config.add_cleanup(lambda: sys.meta_path.remove(finder))
    early_config.pluginmanager.register(finder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option has an ini key of the same name."""
    group = parser.getgroup("deltagrad", "gradients proved by deltagrad")
    for name, default, text in (
        ("digits", "8", "how many right decimal digits a gradient needs where rounding costs some"),
        ("against", "", "other frameworks to ask, separated by commas: torch, jax, autograd"),
        ("seed", "0", "seed of check_gradients.rng, together with the name of the test"),
    ):
        group.addoption(f"--deltagrad-{name}", metavar=name.upper(), help=f"{text} (ini: deltagrad_{name})")
        parser.addini(f"deltagrad_{name}", text, default=default)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for --strict-markers."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember which test runs, for `check_gradients`."""
    item.config.stash[_RUNNING] = item
    try:
        return (yield)
    finally:
        del item.config.stash[_RUNNING]


_RUNNING = pytest.StashKey[pytest.Item]()
_RNG = pytest.StashKey[random.Random]()
_COUNTS = pytest.StashKey[dict[str, Any]]()


class GradientChecker:
    """The fixture `check_gradients`: `engine.check_gradients` that fails the test.

    There is one for all tests, so that Hypothesis, which runs a test many times, does not refuse it. What
    belongs to a test, it asks the test that runs.

    Args:
        config: that of pytest.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seed = _option(config, "seed")
        against = [name.strip() for name in _option(config, "against").split(",") if name.strip()]
        self._options = {"digits": _digits(config), "against": against}

    @property
    def rng(self) -> random.Random:
        """Random numbers of this test, the same in every run and in every worker of xdist."""
        test = self._config.stash[_RUNNING]
        if _RNG not in test.stash:
            said = f"check_gradients.rng is that of --deltagrad-seed={self._seed}"
            test.add_report_section("call", "deltagrad", said)
            test.stash[_RNG] = random.Random(f"{self._seed} {test.nodeid}")
        return test.stash[_RNG]

    def __call__(self, f: Any, at: Any = None, **options: Any) -> GradientReport:
        """Check, and fail the test unless every gradient is right.

        Args:
            f: as `engine.check_gradients` takes it.
            at: the point.
            **options: claimed, against, order, digits, or the point by keywords.

        Returns:
            The report.

        Raises:
            GradientError: with the whole report as its message.
        """
        __tracebackhide__ = True
        from engine.check import check_gradients

        test = self._config.stash[_RUNNING]
        given = {**self._options, **self._marked(test), **options}
        if given.get("order") == 2:
            del given["against"]
        report = check_gradients(f, at, **given)
        _count(test, report)
        report.raise_if_wrong()
        return report

    def _marked(self, test: pytest.Item) -> dict[str, Any]:
        """The options by the marker of a test; another name would be a number of the point."""
        marker = test.get_closest_marker("deltagrad")
        if marker is None:
            return {}
        if others := [
            *map(repr, marker.args),
            *(name for name in marker.kwargs if name not in self._options),
        ]:
            pytest.fail(
                f"the marker deltagrad takes digits and against by name, not {others[0]}", pytrace=False
            )
        return dict(marker.kwargs)


@pytest.fixture(scope="session")
def check_gradients(request: pytest.FixtureRequest) -> GradientChecker:
    """`engine.check_gradients` that fails the test: give it a function of Values and a point, x=0.5."""
    import engine

    if not hasattr(engine, "GradientReport"):
        pytest.fail(
            f"check_gradients needs deltagrad's engine, but `import engine` gives {_place(engine)}: "
            "rename that one, or keep this test in a project without it",
            pytrace=False,
        )
    return GradientChecker(request.config)


class EngineJudge:
    """The fixture `judge`: `engine.judge.judge` that fails the test.

    It runs in a process of its own, so that a project with an `engine` of its own can have it judged.
    """

    def __call__(self, engine: Any, points: int = 100, **options: Any) -> dict[str, Any]:
        """Judge somebody's engine, and fail the test unless it has so many points.

        Args:
            engine: a file, as "engine.py:Value", or a class.
            points: how many it needs, out of 100.
            **options: as `engine.judge.judge` takes them.

        Returns:
            The report as data.
        """
        __tracebackhide__ = True
        home = next(home for home in _HOMES if (home / "engine" / "judge").is_dir())
        if isinstance(engine, type):
            engine = f"{inspect.getfile(engine)}:{engine.__name__}"
        command = [sys.executable, "-P", "-c", _JUDGING, str(home), str(engine), json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
        if done.returncode:
            pytest.fail(done.stderr.strip().rpartition("\n")[2], pytrace=False)
        report: dict[str, Any] = json.loads(done.stdout)
        text = report.pop("text")
        if report["points"] < points:
            pytest.fail(text, pytrace=False)
        return report


_JUDGING = """
import json, sys
sys.path.insert(0, sys.argv[1])
from engine.judge import judge
report = judge(sys.argv[2], **json.loads(sys.argv[3]))
print(json.dumps({**report.to_dict(), "text": str(report)}))
"""


@pytest.fixture(scope="session")
def judge() -> EngineJudge:
    """A test that fails unless an engine has all points: give it a file, as "engine.py:Value", or a class."""
    return EngineJudge()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: how many gradients were proved, to how many digits."""
    counts = list(_recorded(terminalreporter))
    if not counts:
        return
    proved, failed = (sum(count[key] for count in counts) for key in ("proved", "failed"))
    digits = [count["digits"] for count in counts if count["digits"] is not None]
    line = f"deltagrad: {proved} gradient{'' if proved == 1 else 's'} proved"
    line += f", to {min(digits):.1f} digits or more" if digits else ""
    line += f"; {failed} not" if failed else ""
    terminalreporter.write_line(line, red=bool(failed), green=not failed)


def _option(config: pytest.Config, name: str) -> str:
    given = config.getoption(f"--deltagrad-{name}")
    return str(config.getini(f"deltagrad_{name}") if given is None else given)


def _digits(config: pytest.Config) -> float:
    text = _option(config, "digits")
    try:
        return float(text)
    except ValueError:
        pytest.fail(f"deltagrad_digits is {text!r}: give a number from 0 to 17", pytrace=False)


def _count(test: pytest.Item, report: GradientReport) -> None:
    """Add a report to the counts of its test: plain data, which a worker of xdist can send."""
    proved = [c for c in report.comparisons if c.ok and not report.fault]
    digits = [round(c.finding.digits, 1) for c in proved if c.finding.verdict != "kink"]
    failed = max(len(report.comparisons) - len(proved), bool(report.fault))
    counts = test.stash.setdefault(_COUNTS, {"proved": 0, "failed": 0, "digits": None})
    if not counts["proved"] + counts["failed"]:
        test.user_properties.append((_PROPERTY, counts))
    counts["proved"] += len(proved)
    # Hypothesis repeats a failure until it has found its simplest example.
    counts["failed"] = max(counts["failed"], failed) if _repeats(test) else counts["failed"] + failed
    known = [] if counts["digits"] is None else [counts["digits"]]
    counts["digits"] = min([*known, *digits], default=None)


def _repeats(test: pytest.Item) -> bool:
    return hasattr(getattr(test, "obj", None), "is_hypothesis_test")


def _recorded(terminalreporter: Any) -> Iterator[dict[str, Any]]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                yield from (count for name, count in report.user_properties if name == _PROPERTY)

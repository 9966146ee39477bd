"""The plugin, tried as a user's own project would use it."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - it cannot be loaded again after a run in this process has loaded it
import pytest

import engine.check  # noqa: F401 - loaded once, not by each of the runs in this process

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "engine" / "plugin"
PATH = os.pathsep.join((str(ROOT), str(PLUGIN)))

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Pytest in a project of its own, with the plugin."""
    monkeypatch.setenv("PYTHONPATH", PATH)
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # those of this machine take seconds to load

    def run(test: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test)
        plugin = ("-p", "deltagrad_pytest", "-p", "no:cacheprovider", "--strict-markers")
        return pytester.runpytest_inprocess(*plugin, *options)

    return run


def test_a_right_gradient_passes_and_is_counted(run: Run) -> None:
    result = run(
        """
        from engine import exp

        def test_it(check_gradients):
            report = check_gradients(lambda x, y: x * exp(y), x=2.0, y=0.5)
            assert report.ok

        def test_another(check_gradients):
            check_gradients(lambda x: x * x, [3.0], claimed=["6.0"])
        """,
        "-q",
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["deltagrad: 3 gradients proved, to 1[567].[0-9] digits or more"])


def test_a_failure_says_what_a_student_needs_and_nothing_else(run: Run) -> None:
    result = run(
        """
        from engine import log, sigmoid

        def loss(w, b):
            return -log(sigmoid(2.0 * w + b))

        def test_by_hand(check_gradients):
            check_gradients(loss, w=0.5, b=-1.0, claimed={"w": "-1.0", "b": "0.5"})
        """,
        "-q",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       check_gradients(loss, w=0.5, b=-1.0, claimed={*",
            "E       engine.GradientError: gradient by b: claimed 0.5, truth -0.5: the sign is flipped "
            "(1 of 2 gradients fail)",
            "E       by  source   number  truth  ULP    relative  verdict",
            "E           claimed  0.5            9e+15  2e+00     wrong",
            "E       b: claimed: the sign is flipped",
            "E       at w = 0.5, b = -1.0",
            "test_a_failure_says_what_a_student_needs_and_nothing_else.py:7: GradientError",
            "deltagrad: 1 gradient proved, to 1[567].[0-9] digits or more; 1 not",
            "FAILED *::test_by_hand*",
        ]
    )
    assert "deltagrad_pytest.py" not in result.stdout.str()
    assert "report.py" not in result.stdout.str()


def test_the_assertion_works_without_the_fixture(run: Run) -> None:
    result = run(
        """
        from engine import assert_gradients

        def test_it():
            assert_gradients(lambda x: x * x, x=3.0, claimed=[5.0])
        """,
        "-q",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       engine.GradientError: gradient by x: claimed 5.0, truth 6*"])
    assert "gradients.py" not in result.stdout.str()


def test_what_cannot_be_judged_fails(run: Run) -> None:
    result = run(
        """
        import random
        from engine import sqrt

        def test_random(check_gradients):
            check_gradients(lambda x: x * random.random(), x=1.0)

        def test_edge(check_gradients):
            check_gradients(sqrt, x=0.0)
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["deltagrad: 0 gradients proved; 2 not"])


ROUNDED = """
    import pytest
    from engine import cos

    def f(x):
        return (1.0 - cos(x)) / x

    def test_digits(check_gradients):
        check_gradients(f, x=1e-4)

    @pytest.mark.deltagrad(digits=15)
    def test_marked(check_gradients):
        check_gradients(f, x=1e-4)
"""


def test_digits_by_option_by_ini_and_by_marker(run: Run, pytester: pytest.Pytester) -> None:
    run(ROUNDED, "--deltagrad-digits=3").assert_outcomes(passed=1, failed=1)
    run(ROUNDED, "--deltagrad-digits=15").assert_outcomes(failed=2)
    pytester.makeini("[pytest]\ndeltagrad_digits = 3\n")
    run(ROUNDED).assert_outcomes(passed=1, failed=1)


def test_other_sources_by_marker(run: Run) -> None:
    test = """
        import pytest

        def by_hand(f, at):
            return {"x": 2.0 * at["x"]}

        @pytest.mark.deltagrad(against=by_hand)
        def test_it(check_gradients):
            report = check_gradients(lambda x: x * x, x=0.3)
            assert set(report.comparisons[0].opinions) == {"by_hand"}

        def test_other(check_gradients):
            report = check_gradients(lambda x: x * x, x=0.3)
            assert not report.comparisons[0].opinions
    """
    run(test).assert_outcomes(passed=2)
    result = run(test, "--deltagrad-against=tensorflow")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["E * ValueError: unknown framework 'tensorflow'; known: torch, jax, autograd, *"]
    )


@pytest.mark.parametrize(
    ("marker", "told"),
    [("digit=3", "digit"), ("12", "12"), ("order=2", "order")],
)
def test_a_marker_with_another_option_is_refused(run: Run, marker: str, told: str) -> None:
    result = run(
        f"""
        import pytest

        @pytest.mark.deltagrad({marker})
        def test_it(check_gradients):
            check_gradients(lambda *x: x[0] * 2.0, x=1.0)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"the marker deltagrad takes digits and against by name, not {told}"])


def test_an_option_that_is_no_number_is_told(run: Run) -> None:
    result = run("def test_it(check_gradients): pass", "--deltagrad-digits=many")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["deltagrad_digits is 'many': give a number from 0 to 17"])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("wieght=1.0", "TypeError: f has no wieght; did you mean weight? It takes weight"),
        ("weight='1'", "TypeError: weight: a Value holds one real number, not str '1'*"),
        ("weight=1.0, against='tf'", "ValueError: unknown framework 'tf'; known: *"),
        ("weight=float('inf')", "ValueError: weight = inf: a derivative is taken at finite numbers"),
    ],
)
def test_an_invalid_call_is_its_line_and_the_message(run: Run, call: str, told: str) -> None:
    result = run(
        f"""
        def test_it(check_gradients):
            check_gradients(lambda weight: weight * weight, {call})
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">*check_gradients(lambda weight: weight * weight, {call})", f"E *{told}"])
    assert "engine/check" not in result.stdout.str()


RANDOM = """
    import pytest

    @pytest.mark.parametrize("n", range(4))
    def test_it(check_gradients, n, record_property):
        x = check_gradients.rng.uniform(-1.0, 1.0)
        print("drawn", n, x)
        check_gradients(lambda x: x * x, x=x, claimed=[{claim}])
"""


def drawn(result: pytest.RunResult) -> list[str]:
    return sorted({line for line in result.stdout.lines if line.startswith("drawn ")})


def test_random_numbers_are_those_of_the_test_and_the_seed(run: Run) -> None:
    test = RANDOM.format(claim="7.5")
    once, again, other = run(test), run(test), run(test, "--deltagrad-seed=1")
    assert len(drawn(once)) == 4
    assert drawn(once) == drawn(again) != drawn(other)
    once.stdout.fnmatch_lines(["check_gradients.rng is that of --deltagrad-seed=0"])


@pytest.mark.slow
def test_under_xdist_everything_is_the_same(run: Run) -> None:
    pytest.importorskip("xdist")
    test = RANDOM.format(claim="7.5")
    alone, spread = run(test), run(test, "-p", "xdist", "-n2")
    assert drawn(alone) == drawn(spread)
    line = "deltagrad: 0 gradients proved; 4 not"
    alone.stdout.fnmatch_lines([line])
    spread.stdout.fnmatch_lines([line])


HYPOTHESIS = """
    import pytest
    from hypothesis import given, settings, strategies as st
    from engine import tanh

    numbers = st.floats(0.25, 3.0)

    @given(x=numbers)
    @settings(max_examples=30, deadline=None, database=None)
    def test_by_keyword(check_gradients, x):
        check_gradients(lambda x: tanh(x) * x, x=x)

    @pytest.mark.deltagrad(digits=17)
    @settings(max_examples=30, deadline=None, database=None)
    @given(numbers, numbers)
    def test_in_order(check_gradients, x, y):
        check_gradients(lambda x, y: x + y, x=x, y=y)

    class TestMethods:
        @given(x=numbers)
        @settings(max_examples=5, deadline=None, database=None)
        def test_method(self, check_gradients, x):
            check_gradients(lambda x: x * x, x=x, claimed=lambda x: [2.0 * x])

    @given(x=st.floats(0.5, 3.0))
    @settings(max_examples=30, deadline=None, database=None)
    def test_wrong(check_gradients, x):
        check_gradients(lambda x: x * x, x=x, claimed=[x])
"""


def test_it_works_under_hypothesis(run: Run, pytester: pytest.Pytester) -> None:
    """In a process of its own, as the health checks of Hypothesis are those of a fresh run."""
    pytester.makepyfile(HYPOTHESIS)
    options = ("-q", "-p", "deltagrad_pytest", "-p", "_hypothesis_pytestplugin", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["E *GradientError: gradient by x: claimed *, truth *", "deltagrad: * 1 not"])
    assert "FailedHealthCheck" not in result.stdout.str()


def test_one_fixture_serves_every_test_with_its_own_marker_and_counts(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture(scope="module")
        def checked(check_gradients):
            return check_gradients(lambda x: x * x, x=3.0)

        def test_first(checked, check_gradients):
            assert checked.ok
            assert check_gradients(lambda x: x * x, x=3.0).ok
            assert check_gradients(lambda x, y: x * y, x=3.0, y=2.0).ok

        @pytest.mark.deltagrad(against=lambda f, at: [1.0])
        def test_marked(check_gradients):
            check_gradients(lambda x: x * x, x=3.0)

        @pytest.mark.parametrize("n", range(2))
        def test_rng(check_gradients, n):
            print("drawn", n, check_gradients.rng.random())
            assert check_gradients.rng is check_gradients.rng
        """,
        "-rP",
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["deltagrad: 4 gradients proved, *; 1 not"])
    assert len({line.split()[2] for line in drawn(result)}) == 2


def test_nothing_heavy_is_imported_until_it_is_used() -> None:
    code = (
        "import sys, pytest; seen = set(sys.modules); import deltagrad_pytest; "
        "print(*set(sys.modules) - seen)"
    )
    environment = {**os.environ, "PYTHONPATH": PATH}
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).split()  # noqa: S603  our own program
    assert "deltagrad_pytest" in loaded
    heavy = {"mpmath", "numpy", "rich", "torch", "jax", "engine", "nn"}
    assert not heavy & set(loaded), loaded


def test_it_is_installed_under_a_name_that_no_project_has() -> None:
    (entry,) = entry_points(group="pytest11", name="deltagrad")
    assert entry.value == "deltagrad_pytest"
    assert hasattr(entry.load(), "check_gradients")


def test_a_run_that_does_not_use_it_says_nothing(run: Run) -> None:
    result = run("def test_it(): pass")
    assert "deltagrad:" not in result.stdout.str()


def test_the_report_of_junit_holds_the_counts(run: Run, pytester: pytest.Pytester) -> None:
    run("def test_it(check_gradients): check_gradients(lambda x: x * x, x=1.0)", "--junitxml=out.xml")
    assert (
        "name=\"deltagrad\" value=\"{'proved': 1, 'failed': 0" in Path(pytester.path, "out.xml").read_text()
    )


def options_help(run: Run) -> Any:
    return run("", "--help").stdout.str()


def test_help_shows_the_options(run: Run) -> None:
    text = options_help(run)
    for name in ("digits", "against", "seed"):
        assert f"--deltagrad-{name}" in text
        assert f"deltagrad_{name}" in text

"""The fixture `judge`, in a project that has an `engine` of its own."""

from pathlib import Path

import pytest

from tests.engine.test_pytest_plugin import Run, run  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow
pytest_plugins = ["pytester"]

ENGINES = Path(__file__).parent / "engines"


def test_an_engine_of_a_project_is_judged(run: Run, pytester: pytest.Pytester) -> None:  # noqa: F811 - likewise
    text = (ENGINES / "closures.py").read_text(encoding="utf-8")
    Path("engine.py").write_text(text, encoding="utf-8")
    Path("other.py").write_text(
        text.replace("self.grad += out.grad", "self.grad = out.grad"), encoding="utf-8"
    )
    result = run(
        """
        import other

        def test_right(judge):
            assert judge("engine.py")["points"] == 100

        def test_wrong(judge):
            judge(other.Value)

        def test_wrong_and_enough(judge):
            assert judge("other.py:Value", points=50)["mistakes"]

        def test_missing(judge):
            judge("nowhere.py")
        """,
        "-q",
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        ["*1. the gradient is set where it must be added to, in __add__*", "*nowhere.py*"],
    )

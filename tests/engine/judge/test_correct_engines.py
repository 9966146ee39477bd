"""Engines that are correct have all points, whatever they call things."""

from pathlib import Path

import pytest

from engine.judge import judge

ENGINES = Path(__file__).parent / "engines"


@pytest.mark.parametrize(
    ("file", "reads"),
    [
        ("closures.py", ("{0}.data", "{0}.grad", "{0}.backward()")),
        ("functions.py", ("{0}.value", "grads[{0}]", "grads = gradients({0})")),
        ("classes.py", ("{0}.val", "{0}.derivative", "{0}.backprop()")),
        ("lists.py", ("{0}.item()", "grads[{i}]", "grads = grad({0}, [{leaves}])")),
        ("higher.py", ("{0}.data", "{0}.grad", "{0}.backward()")),
    ],
)
def test_a_correct_engine_has_all_points_in_its_own_dialect(file: str, reads: tuple[str, ...]) -> None:
    report = judge(ENGINES / file)
    assert report.dialect is not None
    assert (report.dialect.data, report.dialect.grad, report.dialect.backward) == reads
    assert report.diagnoses == []
    assert (report.points, report.ok) == (100, True)
    assert report.headline == f"{file}: 100 of 100 points; no mistakes"


def test_an_engine_that_takes_each_path_is_right_as_far_as_it_goes() -> None:
    report = judge(ENGINES / "paths.py")
    named = {mistake.id for diagnosis in report.diagnoses for mistake in diagnosis.mistakes}
    assert named == {"exponential-time", "recursion-too-deep"}
    assert report.mistakes == []
    assert report.headline == "paths.py: 97 of 100 points; 2 limits"

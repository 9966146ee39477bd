"""Data sets: known numbers of the real ones, geometry of the generated ones, files that are wrong.

The reference numbers are the published ones: Fisher (1936), Table II; Efron et al. (2004),
Table 1 and the least squares fit of Figure 1; the class counts in UCI's `optdigits.names`.
"""

import csv
import dataclasses
import io
import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import (
    DATASETS,
    DataError,
    Dataset,
    Standardization,
    circles,
    diabetes,
    digits,
    iris,
    load_csv,
    moons,
    spirals,
    xor,
)


def table(rows: list[list[float]]) -> Dataset:
    """Return a regression set of these rows, each with its own number as target."""
    names = tuple(f"x{j}" for j in range(len(rows[0])))
    return Dataset(rows, [float(i) for i in range(len(rows))], names, "y")


# --- Real sets.


@pytest.mark.parametrize(
    ("species", "means"),
    [
        ("setosa", [5.006, 3.428, 1.462, 0.246]),
        ("versicolor", [5.936, 2.770, 4.260, 1.326]),
        ("virginica", [6.588, 2.974, 5.552, 2.026]),
    ],
)
def test_iris_means_are_those_of_fishers_table(species: str, means: list[float]) -> None:
    data = iris()
    rows = [row for row, k in zip(data.X, data.y, strict=True) if k == data.classes.index(species)]
    assert len(rows) == 50
    found = [statistics.fmean(column) for column in zip(*rows, strict=True)]
    assert found == pytest.approx(means, rel=1e-14)


def test_iris_has_fishers_rows_and_not_those_of_the_common_copy() -> None:
    data = iris()
    assert data.features == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert (data.target, data.classes) == ("species", ("setosa", "versicolor", "virginica"))
    assert data.X[0] == [5.1, 3.5, 1.4, 0.2]
    assert data.X[34] == [4.9, 3.1, 1.5, 0.2]
    assert data.X[37] == [4.9, 3.6, 1.4, 0.1]
    assert data.X[149] == [5.9, 3.0, 5.1, 1.8]
    assert "1936" in data.source


@pytest.mark.parametrize(
    ("patient", "row"),
    [
        (1, [59, 2, 32.1, 101, 157, 93.2, 38, 4.0, 4.9, 87, 151]),
        (2, [48, 1, 21.6, 87, 183, 103.2, 70, 3.0, 3.9, 69, 75]),
        (3, [72, 2, 30.5, 93, 156, 93.6, 41, 4.0, 4.7, 85, 141]),
        (4, [24, 1, 25.3, 84, 198, 131.4, 40, 5.0, 4.9, 89, 206]),
        (441, [36, 1, 30.0, 95, 201, 125.2, 42, 4.8, 5.1, 85, 220]),
        (442, [36, 1, 19.6, 71, 250, 133.2, 97, 3.0, 4.6, 92, 57]),
    ],
)
def test_diabetes_rows_are_those_of_the_papers_table(patient: int, row: list[float]) -> None:
    data = diabetes()
    assert [round(v, 1) for v in [*data.X[patient - 1], data.y[patient - 1]]] == row


def test_diabetes_gives_the_published_least_squares_fit() -> None:
    """Every number of the file goes into these ten coefficients and the mean."""
    data = diabetes()
    assert data.features == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    assert (len(data), data.target, data.classes) == (442, "progression", ())
    assert math.fsum(data.y) == 67243
    rows = np.array(data.X) - np.mean(data.X, axis=0)
    rows /= np.linalg.norm(rows, axis=0)
    fit = np.linalg.lstsq(rows, np.array(data.y), rcond=None)[0]
    published = [-10.0, -239.8, 519.8, 324.4, -792.2, 476.7, 101.0, 177.1, 751.3, 67.6]
    assert [round(v, 1) for v in fit.tolist()] == published


def test_digits_counts_and_ink() -> None:
    data = digits()
    assert len(data) == 1797
    assert data.classes == tuple("0123456789")
    assert [data.y.count(k) for k in range(10)] == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
    assert {v for row in data.X for v in row} == set(map(float, range(17)))
    assert sum(map(sum, data.X)) == 561718
    assert data.features[:9] == ("p00", "p01", "p02", "p03", "p04", "p05", "p06", "p07", "p10")
    assert data.features[-1] == "p77"
    assert data.X[0] == [
        0, 0, 5, 13, 9, 1, 0, 0,
        0, 0, 13, 15, 10, 15, 5, 0,
        0, 3, 15, 2, 0, 11, 8, 0,
        0, 4, 12, 0, 0, 8, 8, 0,
        0, 5, 8, 0, 0, 9, 8, 0,
        0, 4, 11, 0, 1, 12, 7, 0,
        0, 2, 14, 5, 10, 12, 0, 0,
        0, 0, 6, 13, 10, 0, 0, 0,
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris", "diabetes", "digits"])
def test_shipped_files_are_package_data_with_a_named_source(name: str) -> None:
    file = files("nn") / "data" / f"{name}.csv"
    assert file.is_file()
    assert len(file.read_bytes()) < 300_000
    assert DATASETS[name](random.Random(0)).source


@pytest.mark.slow
def test_each_name_loads_and_its_random_numbers_come_from_the_generator() -> None:
    for name, load in DATASETS.items():
        generated = name in {"moons", "circles", "spirals"}
        first, again, other = (load(random.Random(seed)) for seed in (1, 1, 2))
        assert repr(first.X) == repr(again.X)
        assert (first.X != other.X) == generated
        assert bool(first.source) == (name in {"iris", "diabetes", "digits"})


# --- Generated sets.


def test_xor_is_exclusive_or() -> None:
    data = xor()
    assert [(*map(int, row), k) for row, k in zip(data.X, data.y, strict=True)] == [
        (a, b, a ^ b) for a in (0, 1) for b in (0, 1)
    ]


def off_moons(x1: float, x2: float, k: float) -> float:
    return math.hypot(x1 - k, x2 - k / 2) - 1 if (k == 0) == (x2 >= k / 2) else math.inf


def off_circles(x1: float, x2: float, k: float) -> float:
    return math.hypot(x1, x2) - (1.0, 0.3)[int(k)]


def off_spirals(x1: float, x2: float, k: float) -> float:
    """Return how far off its arm the point is: its angle is tau (2 radius + k / 3)."""
    radius = math.hypot(x1, x2)
    turn = (math.atan2(x2, x1) / math.tau - 2 * radius - k / 3) % 1.0
    return min(turn, 1 - turn) if 0.1 - 1e-12 <= radius <= 1 + 1e-12 else math.inf


GENERATORS: dict[str, Callable[[random.Random, float], Dataset]] = {
    "moons": lambda rng, noise: moons(200, rng, noise),
    "circles": lambda rng, noise: circles(200, rng, noise, factor=0.3),
    "spirals": lambda rng, noise: spirals(200, rng, noise, turns=2.0, arms=3),
}


@pytest.mark.parametrize(
    ("name", "off"), [("moons", off_moons), ("circles", off_circles), ("spirals", off_spirals)]
)
def test_without_noise_points_lie_on_their_curves(
    name: str, off: Callable[[float, float, float], float]
) -> None:
    data = GENERATORS[name](random.Random(3), 0.0)
    for (x1, x2), k in zip(data.X, data.y, strict=True):
        assert abs(off(x1, x2, k)) < 1e-12


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("moons", lambda x1, x2, k: math.acos(max(-1.0, min(1.0, k - x1 if k else x1))) / math.pi),
        ("circles", lambda x1, x2, k: math.atan2(x2, x1) / math.tau % 1.0),
        ("spirals", lambda x1, x2, k: (math.hypot(x1, x2) - 0.1) / 0.9),
    ],
)
def test_points_are_spread_uniformly_along_each_curve(
    name: str, position: Callable[[float, float, float], float]
) -> None:
    data = GENERATORS[name](random.Random(6), 0.0)
    for k in range(len(data.classes)):
        rows = [row for row, target in zip(data.X, data.y, strict=True) if target == k]
        tenths = Counter(int(10 * position(x1, x2, k)) for x1, x2 in rows)
        expected = len(rows) / 10
        assert sorted(tenths) == list(range(10))
        # chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand
        assert sum((count - expected) ** 2 / expected for count in tenths.values()) < 27.9


@pytest.mark.parametrize("name", GENERATORS)
def test_noise_is_normal_with_the_given_deviation(name: str) -> None:
    """The noise is drawn whatever its size, so the same seed gives the points without it."""
    exact, noisy = (GENERATORS[name](random.Random(4), noise) for noise in (0.0, 0.25))
    noise = [b - a for p, q in zip(exact.X, noisy.X, strict=True) for a, b in zip(p, q, strict=True)]
    assert abs(statistics.fmean(noise)) < 4 * 0.25 / math.sqrt(len(noise))
    assert statistics.pstdev(noise) == pytest.approx(0.25, rel=0.15)
    within = sum(abs(v) < 0.25 for v in noise) / len(noise)
    assert within == pytest.approx(0.683, abs=0.1)


@pytest.mark.parametrize(("n", "counts"), [(3, [1, 1, 1]), (10, [4, 3, 3]), (12, [4, 4, 4])])
def test_points_are_shared_equally_among_classes(n: int, counts: list[int]) -> None:
    data = spirals(n, random.Random(0), arms=3)
    assert [data.y.count(k) for k in range(3)] == counts


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rng: moons(1, rng), "n is 1; 2 classes need at least one point each"),
        (lambda rng: moons(9, rng, noise=-0.1), "noise is -0.1; a standard deviation is a"),
        (lambda rng: moons(9, rng, noise=math.nan), "noise is nan"),
        (lambda rng: circles(9, rng, factor=1.0), "factor is 1.0; the inner circle's radius"),
        (lambda rng: spirals(9, rng, arms=1), "arms is 1; a spiral to classify has at least 2"),
        (lambda rng: spirals(9, rng, turns=math.inf), "turns is inf; give a finite number"),
        (lambda rng: spirals(4, rng, arms=5), "n is 4; 5 classes need at least one point each"),
    ],
)
def test_generators_refuse_senseless_arguments(
    make: Callable[[random.Random], Dataset], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make(random.Random(0))


# --- Data set.


@pytest.mark.parametrize(
    ("classes", "y", "targets"),
    [
        ((), [1.5, -2.0], [[1.5], [-2.0]]),
        (("a", "b"), [1, 0], [[1.0], [0.0]]),
        (("a", "b", "c"), [2, 0], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    ],
)
def test_targets(classes: tuple[str, ...], y: list[float], targets: list[list[float]]) -> None:
    found = Dataset([[0.0], [1.0]], y, ("x",), "y", classes).targets()
    assert repr(found) == repr(targets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [], "y": []}, "0 rows and 0 targets; give at least one row"),
        ({"y": [0]}, "2 rows and 1 targets; .* one target per row"),
        ({"X": [[1.0], [1.0, 2.0]]}, r"X\[1\] has 2 numbers, but there are 1 features"),
        ({"X": [[1.0], [math.nan]]}, r"X\[1\] or y\[1\] is not finite"),
        ({"y": [math.inf, 0.0], "classes": ()}, r"X\[0\] or y\[0\] is not finite"),
        ({"y": [0, 2]}, r"y\[1\] is 2; a class index is one of 0 to 1"),
        ({"y": [0, 0.5]}, r"y\[1\] is 0.5; a class index"),
        ({"y": [-1, 0]}, r"y\[0\] is -1; a class index"),
        ({"classes": ("a",)}, "the only class is 'a'; give at least two"),
    ],
)
def test_a_data_set_that_does_not_fit_together_is_refused(change: dict[str, Any], message: str) -> None:
    parts: dict[str, Any] = {"X": [[1.0], [2.0]], "y": [0, 1], "classes": ("a", "b")}
    parts |= {"features": ("x",), "target": "y"} | change
    with pytest.raises(DataError, match=message):
        Dataset(**parts)


@given(
    n=st.integers(2, 60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_split_is_a_partition(n: int, fraction: float, seed: int) -> None:
    data = table([[10.0 * i] for i in range(n)])
    size = round(fraction * n)
    if size in (0, n):
        with pytest.raises(DataError, match="leaves one part empty"):
            data.split(fraction, random.Random(seed))
        return
    train, test = data.split(fraction, random.Random(seed))
    assert (len(train), len(test)) == (size, n - size)
    assert Counter(train.y + test.y) == Counter(data.y)
    for part in (train, test):
        assert [row[0] for row in part.X] == [10 * v for v in part.y]
        assert (part.features, part.target) == (data.features, data.target)
    again = data.split(fraction, random.Random(seed))
    assert (again[0].y, again[1].y) == (train.y, test.y)


def test_split_shuffles_without_favour() -> None:
    """Of 4 rows, each is as often in the training half as the others."""
    rng = random.Random(5)
    data = table([[0.0]] * 4)
    counts = Counter(v for _ in range(1000) for v in data.split(0.5, rng)[0].y)
    assert all(abs(counts[i] - 500) < 80 for i in range(4))  # five standard deviations


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 1.5, math.nan, 0.01])
def test_split_refuses_an_empty_part(fraction: float) -> None:
    with pytest.raises(DataError, match=f"4 rows at fraction {fraction} leaves one part empty"):
        xor().split(fraction, random.Random(0))


@pytest.mark.parametrize("data", [iris(), diabetes()], ids=["iris", "diabetes"])
def test_standardized_against_statistics(data: Dataset) -> None:
    scaled, standardization = data.standardized()
    for j, column in enumerate(zip(*data.X, strict=True)):
        assert standardization.mean[j] == pytest.approx(statistics.mean(column), rel=1e-15)
        assert standardization.scale[j] == pytest.approx(statistics.pstdev(column), rel=1e-14)
    for column in zip(*scaled.X, strict=True):
        assert abs(statistics.mean(column)) < 1e-12
        assert abs(statistics.pstdev(column) - 1) < 1e-12
    assert dataclasses.replace(scaled, X=data.X) == data


def test_standardization_of_the_training_set_applies_to_test_data() -> None:
    _, standardization = table([[1.0, 7.0], [5.0, 7.0]]).standardized()
    assert standardization == Standardization(mean=[3.0, 7.0], scale=[2.0, 1.0])
    assert standardization.apply([[3.0, 7.0], [9.0, 8.0]]) == [[0.0, 0.0], [3.0, 1.0]]
    stored = json.loads(json.dumps(dataclasses.asdict(standardization)))
    assert Standardization(**stored) == standardization


@pytest.mark.parametrize("value", [0.1, 1e308, 5e-324, -0.7])
def test_a_constant_column_becomes_zero_and_keeps_scale_one(value: float) -> None:
    scaled, standardization = table([[value]] * 7).standardized()
    assert standardization == Standardization(mean=[value], scale=[1.0])
    assert scaled.X == [[0.0]] * 7


@pytest.mark.parametrize("unit", [1e-200, 1e200, 1e-300])
def test_squares_of_very_small_or_large_values_do_not_spoil_the_scale(unit: float) -> None:
    scaled, standardization = table([[-unit], [unit]]).standardized()
    assert standardization.scale == pytest.approx([unit], rel=1e-15)
    assert [row[0] for row in scaled.X] == pytest.approx([-1.0, 1.0], rel=1e-15)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1e301], [0.0]], "feature 'x0' has values beyond 1e300; give it a larger unit"),
        ([[5e-324], [0.0]], "feature 'x0' varies by less than 1e-307; give it a smaller unit"),
    ],
)
def test_standardized_refuses_what_doubles_cannot_hold(rows: list[list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        table(rows).standardized()


@pytest.mark.parametrize(
    ("mean", "scale", "message"),
    [
        ([1.0], [1.0, 1.0], "has 1 means but 2 scales"),
        ([1.0], [0.0], "mean 1.0 with scale 0.0: give a finite mean and a positive scale"),
        ([1.0], [math.nan], "with scale nan"),
        ([math.inf], [1.0], "mean inf"),
    ],
)
def test_a_standardization_is_checked(mean: list[float], scale: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Standardization(mean, scale)


def test_a_standardization_is_for_its_own_features() -> None:
    with pytest.raises(DataError, match="is for 4 features, but a row has 2"):
        iris().standardized()[1].apply(xor().X)


# --- Files that are right.


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "a,b,y\n1,2,3\n-.5,1e3,+4.\n",
        "a;b;y\n1;2;3\n-.5;1e3;+4.\n",
        "a\tb\ty\n1\t2\t3\n-.5\t1e3\t+4.\n",
        "a,b,y\r\n1,2,3\r\n-.5,1e3,+4.",
        "a,b,y\r1,2,3\r-.5,1e3,+4.",
        "\ufeffa,b,y\n1,2,3\n-.5,1e3,+4.\n",
        " a , b,y \n 1 ,\t2, 3\n-.5, 1e3,+4. \n",
        'a, "b",y\n"1", "2",3\n-.5,1e3,+4.\n',
        "a,b,y\n1,2,3\n-.5,1e3,+4.\n\n , ,\n,,,,\n   \n",
    ],
    ids=["comma", "semicolon", "tab", "crlf", "cr", "bom", "spaces", "quotes", "blank end"],
)
def test_one_table_in_many_dialects(file: Callable[[str], Path], content: str) -> None:
    path = file(content)
    assert load_csv(path, "y") == Dataset(
        [[1.0, 2.0], [-0.5, 1000.0]], [3.0, 4.0], ("a", "b"), "y", source=str(path)
    )


@pytest.mark.parametrize(
    ("header", "features"),
    [
        ('"p;q;r;s",y', ("p;q;r;s",)),
        ('"p,q,r";y', ("p,q,r",)),
        ('a,"x;y;z;w",y', ("a", "x;y;z;w")),
        ('"say ""a,b,c""";y', ('say "a,b,c"',)),
        ('"two\nlines;;";y', ("two\nlines;;",)),
        ("a;b,c,y", ("a;b", "c")),
    ],
)
def test_the_separator_is_what_the_header_has_most_of_outside_quotes(
    file: Callable[[str], Path], header: str, features: tuple[str, ...]
) -> None:
    separator = ";" if header.endswith(";y") else ","
    row = separator.join(["1"] * (len(features) + 1))
    assert load_csv(file(f"{header}\n{row}\n"), "y").features == features


@pytest.mark.parametrize(
    ("labels", "classification", "classes", "y"),
    [
        (["b", "a", "b"], False, ("a", "b"), [1, 0, 1]),
        (["b", "a", "b"], True, ("a", "b"), [1, 0, 1]),
        (["no", "No", "yes"], False, ("No", "no", "yes"), [1, 0, 2]),
        (["10", "9", "10"], True, ("9", "10"), [1, 0, 1]),
        (["10", "9", "10"], False, (), [10.0, 9.0, 10.0]),
        (["1e1", "-1", "+2.50"], True, ("-1", "+2.50", "1e1"), [2, 0, 1]),
        (["10", "9", "none"], True, ("10", "9", "none"), [0, 1, 2]),
        (["-9007199254740992", "-9007199254740993"], True,
         ("-9007199254740993", "-9007199254740992"), [1, 0]),
        (["2", "1e9999999999999999999", "10"], True,
         ("10", "1e9999999999999999999", "2"), [2, 1, 0]),
        (["3-4", "2020-01-02", "-"], False, ("-", "2020-01-02", "3-4"), [2, 1, 0]),
    ],
)  # fmt: skip
def test_target(
    file: Callable[[str], Path],
    labels: list[str],
    classification: bool,
    classes: tuple[str, ...],
    y: list[float],
) -> None:
    path = file("y,x\n" + "".join(f"{label},{i}\n" for i, label in enumerate(labels)))
    data = load_csv(path, "y", classification=classification)
    assert (data.classes, data.y) == (classes, y)
    assert [row[0] for row in data.X] == list(range(len(labels)))
    kind = int if classes else float
    assert all(type(v) is kind for v in data.y)


numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), min_size=1).filter(
    lambda text: text == text.strip()
)
class_names = st.sampled_from(["a", 'b "b"', "c,c", "d;d", "e\ne", "f\tf", "\u03b4", "0x1"])


@given(
    content=st.data(),
    names=st.lists(words, min_size=2, max_size=5, unique=True),
    n=st.integers(1, 6),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    text=st.booleans(),
)
def test_a_table_written_as_csv_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    content: st.DataObject,
    names: list[str],
    n: int,
    separator: str,
    end: str,
    text: bool,
) -> None:
    *features, target = names
    row = st.lists(numbers, min_size=len(features), max_size=len(features))
    rows = content.draw(st.lists(row, min_size=n, max_size=n))
    targets: list[str] | list[float]
    if text:
        targets = ["z", "y", *content.draw(st.lists(class_names, min_size=n, max_size=n))][:n]
    else:
        targets = content.draw(st.lists(numbers, min_size=n, max_size=n))
    at = content.draw(st.integers(0, len(features)))
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*features[:at], target, *features[at:]])
    for values, value in zip(rows, targets, strict=True):
        writer.writerow([*values[:at], value, *values[at:]])
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_bytes(written.getvalue().encode())

    if text and n == 1:
        with pytest.raises(DataError, match="every row has the class 'z'"):
            load_csv(path, target)
        return
    data = load_csv(path, target)
    assert repr(data.X) == repr(rows)
    assert data.features == tuple(features)
    if text:
        assert [data.classes[int(k)] for k in data.y] == targets
        assert list(data.classes) == sorted(map(str, set(targets)))
    else:
        assert repr(data.y) == repr(targets)


# --- Files that are wrong.

HOW = "write one like -1.5 or 2e-3 (digits 0-9, decimal point), or remove the row or the column"
WRONG: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", ": the file is empty; give a header row and a row per example"),
    "blank": (" \n\n ,,\n", ": the file is empty; give a header row and a row per example"),
    "only a mark": ("\ufeff", ": the file is empty; give a header row and a row per example"),
    "no rows": ("a,y\n\n", ": there is a header row but no data; add a row for each example"),
    "no header": (
        "\na,y\n1,2\n",
        ", line 1: column 1 has no name; the first row must name every column",
    ),
    "unnamed": (
        "a,,y\n1,2,3\n",
        ", line 1: column 2 has no name; the first row must name every column",
    ),
    "duplicate": (
        "a,y, a\n1,2,3\n",
        ", line 1: two columns are named 'a' (columns 1 and 3); rename one",
    ),
    "target missing": (
        "a,b\n1,2\n",
        ", line 1: there is no column 'y'; the columns are 'a', 'b'",
    ),
    "other separator": (
        "a|y\n1|2\n",
        ", line 1: there is no column 'y'; the columns are 'a|y'; cells are separated by commas, "
        "semicolons or tabs",
    ),
    "target only": ("y\n1\n", ", line 1: 'y' is the only column; add columns to predict it from"),
    "missing": (
        "a,y\n1,2\n ,3\n",
        ", line 3, column 'a': missing value; fill it in or delete the row",
    ),
    "target cell missing": (
        "a,y\n1,\n",
        ", line 2, column 'y': missing value; fill it in or delete the row",
    ),
    "short row": (
        "a,b,y\n1,2,3\n1,2\n",
        ", line 3: expected 3 cells, got 2; give one cell for each column of the header row",
    ),
    "long row": (
        "a,y\n1,2,3\n",
        ", line 2: expected 2 cells, got 3; give one cell for each column of the header row",
    ),
    "blank row inside": (
        "a,y\n1,2\n\n3,4\n",
        ", line 3: expected 2 cells, got 0; give one cell for each column of the header row",
    ),
    "lines in quotes": (
        '"a\nb\r\nc",y\n1,2\n"1\n",2\nx,3\n',
        f", line 7, column 'a\\nb\\r\\nc': 'x' is not a finite number; {HOW}",
    ),
    "old line ends": (
        "a,y\r1,2\rx,2\r",
        f", line 3, column 'a': 'x' is not a finite number; {HOW}",
    ),
    "open quote": (
        'a,y\n1,2\n"3,4\n5,6\n',
        ", line 3: the row that starts here cannot be read (unexpected end of data); "
        'a cell that starts with " must end with ", and a " inside it is written ""',
    ),
    "mixed: text first": (
        "a,y\n1,low\n2,low\n3,5\n",
        ", line 4, column 'y': '5' looks like a number, but 'low' in line 2 is text; "
        "give only numbers (regression) or only text (classes), or ask for classification",
    ),
    "mixed: number first": (
        "a,y\n1,5\n2,1_0\n3,low\n",
        ", line 4, column 'y': 'low' is text, but '5' in line 2 looks like a number; "
        "give only numbers (regression) or only text (classes), or ask for classification",
    ),
    "one class": (
        "a,y\n1,low\n2,low\n",
        ", column 'y': every row has the class 'low'; there is nothing to tell apart, "
        "so add rows of another class",
    ),
    "not UTF-8": (
        b"a,y\r\n1,2\r\ncaf\xe9,3\n",
        ", line 3: byte 0xe9 is not UTF-8 text; save the file as CSV in the encoding UTF-8",
    ),
    "UTF-16": (
        "a,y\n1,2\n".encode("utf-16"),
        ", line 1: byte 0xff is not UTF-8 text; save the file as CSV in the encoding UTF-8",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_file_is_refused_in_one_clear_line(file: Callable[[str | bytes], Path], fault: str) -> None:
    content, message = WRONG[fault]
    path = file(content)
    with pytest.raises(DataError) as caught:
        load_csv(path, "y")
    assert str(caught.value) == f"{path}{message}"
    assert "\n" not in message


NOT_NUMBERS = ["nan", "NaN", "inf", "-Infinity", "1e999", "1_0", "1,5", "1'000", "1\u202f000"]
NOT_NUMBERS += ["\u0661\u0662", "\u0665.5"]  # digits of another script


@pytest.mark.parametrize("column", ["a", "y"])
@pytest.mark.parametrize("cell", NOT_NUMBERS)
def test_what_is_meant_as_a_number_must_be_written_as_one(
    file: Callable[[str], Path], cell: str, column: str
) -> None:
    """In the target too: such a column never turns into class names."""
    a, y = (cell, "2") if column == "a" else ("2", cell)
    for first in ("", "3;4\n"):
        path = file(f"a;y\n{first}{a};{y}\n")
        with pytest.raises(DataError) as caught:
            load_csv(path, "y")
        assert str(caught.value) == (
            f"{path}, line {3 if first else 2}, column {column!r}: {cell!r} is not a finite number; {HOW}"
        )


@pytest.mark.parametrize("cell", ["red", "0x1", "1.2.3", ".", "-", "1e", "5 cm", "red" * 99])
def test_a_feature_must_be_a_number(file: Callable[[str], Path], cell: str) -> None:
    path = file(f"a,y\n1,2\n{cell},3\n")
    shown = "redredredred...dredredredred" if len(cell) > 99 else cell
    with pytest.raises(DataError) as caught:
        load_csv(path, "y")
    assert str(caught.value) == (f"{path}, line 3, column 'a': {shown!r} is not a finite number; {HOW}")


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("specis", "did you mean 'Species'? "),
        ("SPECIES", "did you mean 'Species'? "),
        ("colour", ""),
    ],
)
def test_a_misspelt_target_gets_the_nearest_column(
    file: Callable[[str], Path], target: str, hint: str
) -> None:
    path = file("width,Species\n1,a\n")
    with pytest.raises(DataError) as caught:
        load_csv(path, target)
    assert str(caught.value) == (
        f"{path}, line 1: there is no column {target!r}; {hint}the columns are 'width', 'Species'"
    )


def test_classes_that_are_one_number_written_in_two_ways_are_refused(
    file: Callable[[str], Path],
) -> None:
    path = file("x,y\n1,1\n2,2\n3,1.0\n")
    with pytest.raises(DataError) as caught:
        load_csv(path, "y", classification=True)
    assert str(caught.value) == (
        f"{path}, column 'y': the classes '1' and '1.0' are one number written in two ways; "
        "write it in one way"
    )


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as missing:
        load_csv(tmp_path / "none.csv", "y")
    assert str(missing.value) == f"{tmp_path}/none.csv: there is no such file; check the path"
    with pytest.raises(DataError) as directory:
        load_csv(str(tmp_path), "y")
    assert str(directory.value) == f"{tmp_path}: this is a directory; name a file in it"
    with pytest.raises(DataError, match=r"cannot be read \(Not a directory\)"):
        load_csv(Path(__file__) / "x.csv", "y")


fragments = st.sampled_from([*'y,;\t"\n\r .-e', "1", "2.5", "a", "nan", "\ufeff", "\0", "\u0661", "1e999"])


@given(
    content=st.binary(max_size=30) | st.lists(fragments, max_size=12).map("".join).map(str.encode),
    header=st.sampled_from([b"", b"a,y\n", b"a;y\n1;2\n"]),
    classification=st.booleans(),
)
def test_any_file_is_a_data_set_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, header: bytes, classification: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(header + content)
    try:
        data = load_csv(path, "y", classification=classification)
    except DataError as error:
        message = str(error)
        assert message.startswith(str(path))
        assert len(message.splitlines()) == 1
    else:
        assert len(data.X) == len(data.y) == len(data.targets())

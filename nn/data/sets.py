"""Data sets to train on: generated ones, three classic real ones, and the user's own CSV file.

A `Dataset` is plain lists and names. Everything that draws random numbers takes a
`random.Random`, so the same seed gives the same data. Everything that is wrong with a file
is a `DataError` of one line that says where it is and what to do.
"""

import csv
import difflib
import io
import math
import os
import random
import re
import reprlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class DataError(ValueError):
    """What is wrong with a data set or a data file, where, and what to do about it."""


# ---------------------------------------------------------------- data set


@dataclass(frozen=True)
class Standardization:
    """The shift and the scale that bring each feature to mean 0 and standard deviation 1.

    Made from the training set by `Dataset.standardized`, then applied to every input the
    trained network sees. Two plain lists, so it can be written to a model file.

    Args:
        mean: one mean per feature, in the feature's unit.
        scale: one positive scale per feature, in the feature's unit.

    Raises:
        DataError: if the two have different lengths, a number is not finite or a scale is not
            positive.

    Example:
        >>> Standardization(mean=[10.0], scale=[2.0]).apply([[10.0], [13.0]])
        [[0.0], [1.5]]
    """

    mean: list[float]
    scale: list[float]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.scale):
            raise DataError(
                f"a standardization has {len(self.mean)} means but {len(self.scale)} scales; "
                "give one of each per feature"
            )
        for mean, scale in zip(self.mean, self.scale, strict=True):
            if not (math.isfinite(mean) and 0 < scale < math.inf):
                raise DataError(f"mean {mean} with scale {scale}: give a finite mean and a positive scale")

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], names: Sequence[str]) -> "Standardization":
        """Return the standardization that the columns of a table need.

        Args:
            rows: at least one row, with a number for each name.
            names: what the columns are called in a message.

        Raises:
            DataError: if the values of a column are too large or too close together for doubles.

        Example:
            >>> Standardization.of([[1.0, 5.0], [3.0, 5.0]], ["a", "b"])
            Standardization(mean=[2.0, 5.0], scale=[1.0, 1.0])
        """
        columns = zip(*rows, strict=True)
        pairs = [_mean_and_scale(*named) for named in zip(names, columns, strict=True)]
        return cls(mean=[mean for mean, _ in pairs], scale=[scale for _, scale in pairs])

    def apply(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """Return the rows with every feature shifted and scaled.

        Args:
            rows: rows of features, each as long as `mean`.

        Returns:
            New rows: `(value - mean) / scale`, feature by feature.

        Raises:
            DataError: if a row has another number of features.
        """
        for row in rows:
            if len(row) != len(self.mean):
                raise DataError(
                    f"the standardization is for {len(self.mean)} features, but a row has "
                    f"{len(row)}; apply it to data with the features it was made from"
                )
        return [
            [(v - mean) / scale for v, mean, scale in zip(row, self.mean, self.scale, strict=True)]
            for row in rows
        ]


@dataclass(frozen=True)
class Dataset:
    """Examples to learn from: rows of features, and one target value for each row.

    Args:
        X: `n` rows of `len(features)` finite numbers.
        y: `n` target values. Regression: a number; classification: a class index (an int).
        features: the names of the columns of `X`.
        target: the name of what `y` holds.
        classes: the class names, at the index that `y` gives them; empty for regression.
        source: where real data comes from, with the year; empty for generated data.

    Raises:
        DataError: if the parts do not fit together or a number is not finite.

    Example:
        >>> data = xor()
        >>> len(data), data.features, data.classes
        (4, ('x1', 'x2'), ('0', '1'))
    """

    X: list[list[float]] = field(repr=False)
    y: list[float] = field(repr=False)
    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if not self.X or len(self.X) != len(self.y):
            raise DataError(
                f"a data set has {len(self.X)} rows and {len(self.y)} targets; "
                "give at least one row, and one target per row"
            )
        if len(self.classes) == 1:
            raise DataError(f"the only class is {self.classes[0]!r}; give at least two classes")
        for i, (row, target) in enumerate(zip(self.X, self.y, strict=True)):
            if len(row) != len(self.features):
                raise DataError(f"X[{i}] has {len(row)} numbers, but there are {len(self.features)} features")
            if not all(map(math.isfinite, [*row, target])):
                raise DataError(f"X[{i}] or y[{i}] is not finite; remove that row or repair it")
            if self.classes and target not in range(len(self.classes)):
                raise DataError(f"y[{i}] is {target}; a class index is one of 0 to {len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.X)

    def targets(self) -> list[list[float]]:
        """Return, row by row, what the outputs of a network are compared with.

        Returns:
            Regression: `[value]`. Two classes: `[0.0]` or `[1.0]`, for one sigmoid output.
            More classes: a one-hot row with a place for each class, for softmax outputs.

        Example:
            >>> xor().targets()
            [[0.0], [1.0], [1.0], [0.0]]
            >>> iris().targets()[0]
            [1.0, 0.0, 0.0]
        """
        if len(self.classes) > 2:
            indices = range(len(self.classes))
            return [[1.0 if k == target else 0.0 for k in indices] for target in self.y]
        return [[float(target)] for target in self.y]

    def split(self, fraction: float, rng: random.Random) -> tuple["Dataset", "Dataset"]:
        """Deal the shuffled rows to a training set and a test set, each row to exactly one.

        Args:
            fraction: the part of the rows that the training set gets, between 0 and 1. It
                gets `round(fraction * n)` rows.
            rng: the generator that shuffles.

        Returns:
            The training set and the test set. The classes are not balanced between them.

        Raises:
            DataError: if the fraction leaves one of the two without rows.

        Example:
            >>> train, test = iris().split(0.8, random.Random(1))
            >>> len(train), len(test)
            (120, 30)
        """
        n = len(self)
        cut = round(fraction * n) if 0 < fraction < 1 else 0
        if not 0 < cut < n:
            raise DataError(
                f"a split of {n} row{'s' * (n > 1)} at fraction {fraction} leaves one part empty; "
                "add rows, or choose a fraction between 0 and 1 that gives each part one"
            )
        order = list(range(n))
        rng.shuffle(order)
        return self._take(order[:cut]), self._take(order[cut:])

    def _take(self, indices: Sequence[int]) -> "Dataset":
        return replace(self, X=[self.X[i] for i in indices], y=[self.y[i] for i in indices])

    def standardized(self) -> tuple["Dataset", Standardization]:
        """Shift each feature to mean 0 and scale it to standard deviation 1.

        The standard deviation is the population's, `sqrt(sum((v - mean)^2) / n)`. A constant
        feature becomes 0 and keeps scale 1.

        Returns:
            The standardized data set, and the `Standardization` to apply to test data.

        Raises:
            DataError: if a feature's values are too large or too close together for doubles.

        Example:
            >>> train, test = diabetes().split(0.8, random.Random(1))
            >>> train, standardization = train.standardized()
            >>> inputs = standardization.apply(test.X)
        """
        standardization = Standardization.of(self.X, self.features)
        return replace(self, X=standardization.apply(self.X)), standardization


def _mean_and_scale(feature: str, column: Sequence[float]) -> tuple[float, float]:
    if min(column) == max(column):
        return float(column[0]), 1.0
    if max(map(abs, column)) > 1e300:  # sums and differences of such values can overflow
        raise DataError(f"feature {feature!r} has values beyond 1e300; give it a larger unit")
    mean = math.fsum(column) / len(column)
    # hypot is the root of the sum of squares, without overflow or underflow of the squares
    scale = math.hypot(*(v - mean for v in column)) / math.sqrt(len(column))
    if scale < sys.float_info.min:
        raise DataError(f"feature {feature!r} varies by less than 1e-307; give it a smaller unit")
    return mean, scale


# ---------------------------------------------------------------- generated sets


def xor() -> Dataset:
    """Return the four points of exclusive or, the smallest set no single neuron can learn.

    Example:
        >>> for row, target in zip(xor().X, xor().y):
        ...     print(row, target)
        [0.0, 0.0] 0
        [0.0, 1.0] 1
        [1.0, 0.0] 1
        [1.0, 1.0] 0
    """
    return Dataset(
        X=[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
        y=[0, 1, 1, 0],
        features=("x1", "x2"),
        target="xor",
        classes=("0", "1"),
    )


def moons(n: int, rng: random.Random, noise: float = 0.1) -> Dataset:
    """Draw points from two interleaved half circles of radius 1.

    The upper moon is centred at (0, 0), the lower one at (1, 0.5). The angle is uniform.

    Args:
        n: how many points. They belong to the classes in turn, so as equally as can be.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `upper` and `lower`.

    Raises:
        DataError: if `n` is less than 2 or `noise` is not a finite number from 0 up.

    Example:
        >>> data = moons(5, random.Random(1))
        >>> data.y
        [0, 1, 0, 1, 0]
    """

    def point(k: int) -> tuple[float, float]:
        angle = rng.uniform(0.0, math.pi)
        x1, x2 = math.cos(angle), math.sin(angle)
        return (x1, x2) if k == 0 else (1.0 - x1, 0.5 - x2)

    return _scatter(n, rng, noise, point, target="moon", classes=("upper", "lower"))


def circles(n: int, rng: random.Random, noise: float = 0.05, factor: float = 0.5) -> Dataset:
    """Draw points from two circles around the origin, one inside the other.

    The outer circle has radius 1. The angle is uniform.

    Args:
        n: how many points. They belong to the classes in turn, so as equally as can be.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.
        factor: the radius of the inner circle, between 0 and 1.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `outer` and `inner`.

    Raises:
        DataError: if `n` is less than 2, `noise` is not a finite number from 0 up, or
            `factor` is not between 0 and 1.

    Example:
        >>> data = circles(4, random.Random(1), noise=0.0)
        >>> [round(math.hypot(*row), 12) for row in data.X]
        [1.0, 0.5, 1.0, 0.5]
    """
    if not 0 < factor < 1:
        raise DataError(f"factor is {factor}; the inner circle's radius is between 0 and 1")

    def point(k: int) -> tuple[float, float]:
        angle = rng.uniform(0.0, math.tau)
        radius = factor if k else 1.0
        return radius * math.cos(angle), radius * math.sin(angle)

    return _scatter(n, rng, noise, point, target="circle", classes=("outer", "inner"))


def spirals(n: int, rng: random.Random, noise: float = 0.02, turns: float = 1.0, arms: int = 2) -> Dataset:
    """Draw points from the arms of a spiral (of Archimedes) around the origin.

    On an arm, the angle grows in proportion to the radius. The radius is uniform from 0.1 to
    1; all arms meet at 0. Each arm is the one before it, turned by `1 / arms` of a full turn.

    Args:
        n: how many points. They belong to the arms in turn, so as equally as can be.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.
        turns: how many full turns an arm makes from radius 0 to radius 1; negative is clockwise.
        arms: how many arms, at least 2.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `arm 1`, `arm 2` and so on.

    Raises:
        DataError: if `arms` is less than 2, `n` is less than `arms`, `turns` is not finite,
            or `noise` is not a finite number from 0 up.

    Example:
        >>> data = spirals(6, random.Random(1), arms=3)
        >>> data.y, data.classes
        ([0, 1, 2, 0, 1, 2], ('arm 1', 'arm 2', 'arm 3'))
    """
    if arms < 2:
        raise DataError(f"arms is {arms}; a spiral to classify has at least 2")
    if not math.isfinite(turns):
        raise DataError(f"turns is {turns}; give a finite number")

    def point(k: int) -> tuple[float, float]:
        radius = rng.uniform(0.1, 1.0)
        angle = math.tau * (turns * radius + k / arms)
        return radius * math.cos(angle), radius * math.sin(angle)

    names = tuple(f"arm {k + 1}" for k in range(arms))
    return _scatter(n, rng, noise, point, target="arm", classes=names)


def _scatter(
    n: int,
    rng: random.Random,
    noise: float,
    point: Callable[[int], tuple[float, float]],
    target: str,
    classes: tuple[str, ...],
) -> Dataset:
    """Collect `n` points of the classes in turn, each with normal noise added."""
    if n < len(classes):
        raise DataError(f"n is {n}; {len(classes)} classes need at least one point each")
    if not 0 <= noise < math.inf:
        raise DataError(f"noise is {noise}; a standard deviation is a finite number from 0 up")
    y = [i % len(classes) for i in range(n)]
    rows = [[v + rng.gauss(0.0, noise) for v in point(k)] for k in y]
    return Dataset(rows, [*y], features=("x1", "x2"), target=target, classes=classes)


# ---------------------------------------------------------------- real sets


def iris() -> Dataset:
    """Return the measurements of 150 iris flowers, 50 of each of three species.

    Features: length and width of sepal and petal, in centimetres. Measured by E. Anderson
    ("The irises of the Gaspe Peninsula", 1935), published by R. A. Fisher ("The use of
    multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936, Table I).

    The values are those of Fisher's paper. Much-copied files differ from it in two rows of
    setosa; here sample 35 is 4.9, 3.1, 1.5, 0.2 and sample 38 is 4.9, 3.6, 1.4, 0.1.

    Licence: a published table of measurements; the copy in the UCI Machine Learning
    Repository is under CC BY 4.0.

    Example:
        >>> data = iris()
        >>> len(data), data.classes
        (150, ('setosa', 'versicolor', 'virginica'))
        >>> data.X[34], data.X[37]
        ([4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1])
    """
    source = "E. Anderson (1935), in: R. A. Fisher, Annals of Eugenics 7 (1936), 179-188"
    return _shipped("iris.csv", "species", source)


def diabetes() -> Dataset:
    """Return 442 diabetes patients and how far their disease progressed in a year.

    Features, as measured, not scaled: `age` (years), `sex` (coded 1 and 2; the source does not
    say which is which), `bmi` (body mass index, kg/m^2), `bp` (average blood pressure), and six
    blood serum measurements `s1` to `s6`, whose units the source does not give. They are known
    as total cholesterol, LDL, HDL, total cholesterol / HDL, logarithm of triglycerides, and
    glucose. Target: a quantitative measure of disease progression one year later, 25 to 346.

    From B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least Angle Regression", Annals of
    Statistics 32 (2004), 407-499, Table 1.

    Licence: none is stated; the authors offer the data for download with the paper.

    Example:
        >>> data = diabetes()
        >>> len(data), data.features[:4], data.y[:3]
        (442, ('age', 'sex', 'bmi', 'bp'), [151.0, 75.0, 141.0])
    """
    source = "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Annals of Statistics 32 (2004)"
    return _shipped("diabetes.csv", "progression", source)


def digits() -> Dataset:
    """Return 1797 handwritten digits as images of 8 x 8 pixels.

    Features: the pixels `p00` to `p77` (row, then column, from the top left), each the number
    of inked points in a block of 4 x 4 of the scanned bitmap: a whole number from 0 (blank) to
    16. Written by 13 people; this is the test part of the published set.

    From E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository (1998).

    Licence: CC BY 4.0.

    Example:
        >>> data = digits()
        >>> len(data), data.y[:5]
        (1797, [0, 1, 2, 3, 4])
        >>> for r in range(8):
        ...     print("".join(" .:*#"[int(v) // 4] for v in data.X[0][8 * r : 8 * r + 8]).rstrip())
          .*:
          **:*.
          *  ::
         .*  ::
         .:  ::
         .:  *.
          *.:*
          .*:
    """
    source = "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository (1998)"
    return _shipped("digits.csv", "digit", source, classification=True)


def _shipped(name: str, target: str, source: str, classification: bool = False) -> Dataset:
    text = files("nn.data").joinpath(name).read_text(encoding="utf-8")
    return _parse(text, name, target, classification, source)


DATASETS: dict[str, Callable[[random.Random], Dataset]] = {
    "xor": lambda _: xor(),
    "moons": lambda rng: moons(200, rng),
    "circles": lambda rng: circles(200, rng),
    "spirals": lambda rng: spirals(300, rng),
    "iris": lambda _: iris(),
    "diabetes": lambda _: diabetes(),
    "digits": lambda _: digits(),
}
"""The built-in data sets by name. Only the generated ones draw from the generator."""


# ---------------------------------------------------------------- the user's own file


def load_csv(
    path: str | os.PathLike[str],
    target: str,
    *,
    classification: bool = False,
    classes: Sequence[str] = (),
) -> Dataset:
    """Read a data set from a CSV file.

    The file is UTF-8 text. Its first row names the columns; the cells are separated by
    commas, semicolons or tabs, whichever the first row has most of. Spaces around a cell and
    blank rows at the end are ignored. All columns but the target are features, and numbers:
    ASCII digits with a decimal point, as in `-1.5` or `2e-3`.

    Args:
        path: the file.
        target: the name of the column to predict. If it holds numbers, the task is regression;
            if it holds text, classification, with the classes in alphabetical order.
        classification: take the target as class names, even if they are numbers. They are
            then put in order of their numbers and keep the names as written.
        classes: the class names there are, in order, of which the file may hold some: those that a
            trained network knows. Those in the file if left out.

    Returns:
        The data set, with the path as its `source`.

    Raises:
        DataError: if the file cannot be read as such a table. The message has the line (as an
            editor counts), the column, the text found there and what to do.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "fruit.csv"
        >>> _ = path.write_text("weight,fruit" + chr(10) + "150,apple" + chr(10) + "5,cherry")
        >>> data = load_csv(path, target="fruit")
        >>> data.X, data.y, data.classes
        ([[150.0], [5.0]], [0, 1], ('apple', 'cherry'))
    """
    return _parse(_read(path), str(path), target, classification, source=str(path), known=classes)


def _read(path: str | os.PathLike[str]) -> str:
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a directory; name a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n?|\n", raw[: error.start])) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8 text; "
            "save the file as CSV in the encoding UTF-8"
        ) from None


class _Row(NamedTuple):
    line: int
    cells: list[str]


class _Cell(NamedTuple):
    """The text of one cell, never empty, and where it stands."""

    text: str
    file: str
    line: int
    column: str

    def error(self, fault: str) -> DataError:
        return DataError(f"{self.file}, line {self.line}, column {self.column!r}: {fault}")

    def __str__(self) -> str:
        return reprlib.repr(self.text)  # shortened, so that a message stays one clear line


def _parse(
    text: str, file: str, target: str, classification: bool, source: str, known: Sequence[str] = ()
) -> Dataset:
    header, *rows = _rows(text, file)
    columns = _columns(header.cells, file, target)
    if not rows:
        raise DataError(f"{file}: there is a header row but no data; add a row for each example")
    table = [_cells(row, columns, file) for row in rows]
    at = columns.index(target)
    labels = [cells.pop(at) for cells in table]
    y, classes = _target(labels, classification, known)
    return Dataset(
        X=[[_number(cell) for cell in cells] for cells in table],
        y=y,
        features=(*columns[:at], *columns[at + 1 :]),
        target=target,
        classes=classes,
        source=source,
    )


def _rows(text: str, file: str) -> list[_Row]:
    """Split the text into rows of stripped cells, each with the number of its first line."""
    # strict: a quote that is never closed is an error, not a cell that holds the whole rest
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter(text), strict=True, skipinitialspace=True)
    rows = []
    first = 1
    try:
        for cells in reader:
            rows.append(_Row(first, [cell.strip() for cell in cells]))
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file}, line {first}: the row that starts here cannot be read ({error}); "
            'a cell that starts with " must end with ", and a " inside it is written ""'
        ) from None
    while rows and not any(rows[-1].cells):
        rows.pop()
    if not rows:
        raise DataError(f"{file}: the file is empty; give a header row and a row per example")
    return rows


def delimiter(text: str) -> str:
    """Return the separator of a CSV file's cells: what the header row has most of outside quotes.

    Args:
        text: the content of the file.

    Returns:
        A comma, a semicolon or a tab; the comma if in doubt.

    Example:
        >>> delimiter('"a,b";c')
        ';'
    """
    header = re.match(r'(?:"[^"]*"|[^"\r\n])*', text)
    unquoted = re.sub(r'"[^"]*"', "", header[0] if header else "")
    return max(",;\t", key=unquoted.count)


def _columns(columns: list[str], file: str, target: str) -> list[str]:
    """Return the column names if they are unique, all there, and the target among them."""
    if "" in columns or not columns:
        raise DataError(
            f"{file}, line 1: column {columns.index('') + 1 if columns else 1} has no name; "
            "the first row must name every column"
        )
    for i, column in enumerate(columns):
        if column in columns[:i]:
            raise DataError(
                f"{file}, line 1: two columns are named {column!r} (columns "
                f"{columns.index(column) + 1} and {i + 1}); rename one"
            )
    if target not in columns:
        folded = {column.casefold(): column for column in columns}
        near = difflib.get_close_matches(target.casefold(), folded, n=1)
        hint = f"did you mean {folded[near[0]]!r}? " if near else ""
        raise DataError(
            f"{file}, line 1: there is no column {target!r}; {hint}"
            f"the columns are {', '.join(map(reprlib.repr, columns))}"
            + ("; cells are separated by commas, semicolons or tabs" if len(columns) == 1 else "")
        )
    if len(columns) == 1:
        raise DataError(f"{file}, line 1: {target!r} is the only column; add columns to predict it from")
    return columns


def _cells(row: _Row, columns: list[str], file: str) -> list[_Cell]:
    if len(row.cells) != len(columns):
        raise DataError(
            f"{file}, line {row.line}: expected {len(columns)} cells, got {len(row.cells)}; "
            "give one cell for each column of the header row"
        )
    pairs = zip(row.cells, columns, strict=True)
    cells = [_Cell(text, file, row.line, column) for text, column in pairs]
    for cell in cells:
        if not cell.text:
            raise cell.error("missing value; fill it in or delete the row")
    return cells


# narrower than float(), which also takes nan, 1_000 and the digits of other scripts; and than
# Decimal, which fails on exponents of 19 digits
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


def _number(cell: _Cell) -> float:
    value = float(cell.text) if _NUMBER.fullmatch(cell.text) else math.nan
    if not math.isfinite(value):
        raise cell.error(
            f"{cell} is not a finite number; write one like -1.5 or 2e-3 "
            "(digits 0-9, decimal point), or remove the row or the column"
        )
    return value


def _like_a_number(cell: _Cell) -> bool:
    """Tell what is meant as a number, though it may not be written as one: `1,5`, `nan`."""
    try:
        float(re.sub(r"[,_'\s]", "", cell.text))
    except ValueError:
        return False
    return True


def _target(
    labels: list[_Cell], classification: bool, known: Sequence[str]
) -> tuple[list[float], tuple[str, ...]]:
    """Return the target values and the class names: none if the labels are numbers."""
    if not classification and not known:
        numeric = [_like_a_number(label) for label in labels]
        if all(numeric):
            return [_number(label) for label in labels], ()
        if any(numeric):
            odd = numeric.index(not numeric[0])
            kinds = ("looks like a number", "is text")
            raise labels[odd].error(
                f"{labels[odd]} {kinds[numeric[0]]}, "
                f"but {labels[0]} in line {labels[0].line} {kinds[not numeric[0]]}; "
                "give only numbers (regression) or only text (classes), or ask for classification"
            )
    classes = tuple(known) or _classes(labels)
    index = {name: k for k, name in enumerate(classes)}
    for label in labels:
        if label.text not in index:
            raise label.error(f"there is no class {label}; the classes are {', '.join(classes)}")
    return [index[label.text] for label in labels], classes


def _classes(labels: list[_Cell]) -> tuple[str, ...]:
    """Put the class names in order: of their values if all are numbers, else of their text."""
    names = sorted({label.text for label in labels})
    column = f"{labels[0].file}, column {labels[0].column!r}"
    if len(names) == 1:
        raise DataError(
            f"{column}: every row has the class {labels[0]}; "
            "there is nothing to tell apart, so add rows of another class"
        )
    if all(map(_NUMBER.fullmatch, names)):
        names.sort(key=Decimal)  # exact, so that long numbers stay apart
        for a, b in pairwise(names):
            if Decimal(a) == Decimal(b):
                raise DataError(
                    f"{column}: the classes {a!r} and {b!r} are one number written in two ways; "
                    "write it in one way"
                )
    return tuple(names)

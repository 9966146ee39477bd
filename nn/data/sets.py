"""Built-in data sets: generated ones and three classic real ones.

Everything that draws random numbers takes a `random.Random`, so that the same seed gives the same data.
"""

import math
import random
from collections.abc import Callable
from importlib.resources import files

from nn.data.csv_table import parse_rows, parse_table
from nn.data.dataset import DataError, Dataset

__all__ = ["DATASETS", "circles", "diabetes", "digits", "iris", "moons", "spirals", "xor"]

# --- Generated sets.


def xor() -> Dataset:
    """The four points of exclusive or, the smallest set that no single neuron can learn.

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
        n: how many points. They belong to the classes in turn.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `upper` and `lower`.

    Raises:
        DataError: if `n` is less than 2 or `noise` is negative or not finite.

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
        n: how many points. They belong to the classes in turn.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.
        factor: the radius of the inner circle, between 0 and 1.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `outer` and `inner`.

    Raises:
        DataError: if `n` is less than 2, `noise` is negative or not finite, or
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
        n: how many points. They belong to the arms in turn.
        rng: the generator; the same seed gives the same points.
        noise: the standard deviation of the normal noise added to each coordinate.
        turns: how many full turns an arm makes from radius 0 to radius 1; negative is clockwise.
        arms: how many arms, at least 2.

    Returns:
        `n` rows of `x1`, `x2`; the classes are `arm 1`, `arm 2` and so on.

    Raises:
        DataError: if `arms` is less than 2, `n` is less than `arms`, `turns` is not finite,
            or `noise` is negative or not finite.

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
    """A set of `n` points of the classes in turn, with normal noise added."""
    if n < len(classes):
        raise DataError(f"n is {n}; {len(classes)} classes need at least one point each")
    if not 0 <= noise < math.inf:
        raise DataError(f"noise is {noise}; a standard deviation is a finite number from 0 up")
    y = [i % len(classes) for i in range(n)]
    rows = [[v + rng.gauss(0.0, noise) for v in point(k)] for k in y]
    return Dataset(rows, [*y], features=("x1", "x2"), target=target, classes=classes)


# --- Real sets.


def iris() -> Dataset:
    """The measurements of 150 iris flowers, 50 of each of three species.

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
    """The progress of diabetes within a year, for 442 patients.

    Features, measured and not scaled: `age` (years), `sex` (coded 1 and 2; the source does not
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
    """1797 handwritten digits as images of 8 x 8 pixels.

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
    return parse_table(parse_rows(text, name), name, target, classification, source)


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

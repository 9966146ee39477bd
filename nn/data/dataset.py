"""A data set: plain lists of numbers, and names.

Every fault of a data set or of a data file is a `DataError`: one line that says where it is and what to do.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

__all__ = ["DataError", "Dataset", "Standardization"]


class DataError(ValueError):
    """A fault of a data set or a data file; the message says where it is and what to do."""


@dataclass(frozen=True)
class Standardization:
    """The shift and the scale that bring each feature to mean 0 and standard deviation 1.

    `Dataset.standardized` makes one from the training set. It is then applied to every input of the trained
    network, and saved with it.

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
    def of(cls, rows: Sequence[Sequence[float]], names: Sequence[str]) -> Standardization:
        """The standardization of the columns of a table.

        Args:
            rows: at least one row, with a number for each name.
            names: the names of the columns, for messages.

        Raises:
            DataError: if the values of a column are too large or too close together for doubles.

        Example:
            >>> Standardization.of([[1.0, 5.0], [3.0, 5.0]], ["a", "b"])
            Standardization(mean=[2.0, 5.0], scale=[1.0, 1.0])
        """
        columns = zip(*rows, strict=True)
        pairs = [_mean_and_scale(name, column) for name, column in zip(names, columns, strict=True)]
        return cls(mean=[mean for mean, _ in pairs], scale=[scale for _, scale in pairs])

    def apply(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The rows with every feature shifted and scaled.

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
        target: the name of the quantity in `y`.
        classes: the class names, at the index that `y` gives them; empty for regression.
        source: where real data comes from, with the year; empty for generated data.

    Raises:
        DataError: if the parts do not fit together or a number is not finite.

    Example:
        >>> from nn import xor
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
        """The targets of a network, a row for each example.

        Returns:
            Regression: `[value]`. Two classes: `[0.0]` or `[1.0]`, for one sigmoid output.
            More classes: a one-hot row with a place for each class, for softmax outputs.

        Example:
            >>> from nn import iris, xor
            >>> xor().targets()
            [[0.0], [1.0], [1.0], [0.0]]
            >>> iris().targets()[0]
            [1.0, 0.0, 0.0]
        """
        if len(self.classes) > 2:
            indices = range(len(self.classes))
            return [[1.0 if k == target else 0.0 for k in indices] for target in self.y]
        return [[float(target)] for target in self.y]

    def split(self, fraction: float, rng: random.Random) -> tuple[Dataset, Dataset]:
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
            >>> from nn import iris
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

    def _take(self, indices: Sequence[int]) -> Dataset:
        return replace(self, X=[self.X[i] for i in indices], y=[self.y[i] for i in indices])

    def standardized(self) -> tuple[Dataset, Standardization]:
        """Shift each feature to mean 0 and scale it to standard deviation 1.

        The standard deviation is the population's, `sqrt(sum((v - mean)^2) / n)`. A constant
        feature becomes 0 and keeps scale 1.

        Returns:
            The standardized data set, and the `Standardization` to apply to test data.

        Raises:
            DataError: if a feature's values are too large or too close together for doubles.

        Example:
            >>> from nn import diabetes
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

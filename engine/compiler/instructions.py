"""The instructions of a compiled program.

Numbers lie in rows of two blocks of memory. A row that varies over the batch holds one number for each
sample, a static row holds one number. The body of a program computes rows from rows; its sums add up over
the batch into the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Index: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one of the two blocks.

    Attributes:
        varies: whether they lie in the block that varies over the batch.
        start: the first row.
        n: the number of rows.
        scattered: the number of each row, if they do not lie together.
    """

    varies: bool
    start: int
    n: int
    scattered: Index | None = None

    @classmethod
    def of(cls, varies: bool, index: Index) -> Rows:
        """The rows with these numbers."""
        together = contiguous(index)
        return cls(varies, int(index[0]), index.size, None if together else index)

    def __len__(self) -> int:
        return self.n

    @property
    def index(self) -> Index:
        """The number of each row."""
        return np.arange(self.start, self.start + self.n) if self.scattered is None else self.scattered

    @property
    def key(self) -> tuple[bool, int, int, bytes]:
        """A key that is the same for equal rows."""
        return self.varies, self.start, self.n, b"" if self.scattered is None else self.scattered.tobytes()


# --- Rows from rows. `adds` means that the result is added to the numbers in `out`.


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """out = op(operands), elementwise.

    Several operations are computed together by a joint kernel, with one block of `out` for each. If they are
    operations with `shares`, the one operand is the block of all their operands.
    """

    ops: tuple[str, ...]
    out: tuple[Rows, ...]
    operands: tuple[Rows, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """out[i] = op(operands, the one numbered picked[i] first), from one evaluation for all i."""

    op: str
    out: Rows
    operands: Rows
    picked: Index


@dataclass(frozen=True, slots=True, eq=False)
class MatrixProduct:
    """out = W v for each sample, with static numbers W, (n, k), and k rows v."""

    out: Rows
    matrix: Index
    vector: Rows
    adds: bool


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """out = a * b, elementwise; out = factor * b without a."""

    out: Rows
    a: Rows | None
    b: Rows
    factor: float
    adds: bool


@dataclass(frozen=True, slots=True, eq=False)
class Dot:
    """out[i] = sum over k of a[i, k] * b[i, k], or of b[i, k] without a; row by row, n * k of each."""

    out: Rows
    a: Rows | None
    b: Rows
    adds: bool


# --- The result. `fresh` are those targets that no earlier instruction has written, each once.


@dataclass(frozen=True, slots=True, eq=False)
class OuterProduct:
    """result[targets] += the sum over the batch of d v^T, with n rows d, k columns v and (n, k) targets."""

    targets: Index
    fresh: Index
    rows: Rows
    columns: Rows


@dataclass(frozen=True, slots=True, eq=False)
class BatchDot:
    """result[targets[i]] += the sum over the batch of a[i] * b[i]; b varies."""

    targets: Index
    fresh: Index
    a: Rows
    b: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """result[targets] = rows: outputs that are the same for all samples, or wanted for each sample."""

    targets: Index
    rows: Rows


Instruction: TypeAlias = Apply | Shares | MatrixProduct | Products | Dot | OuterProduct | BatchDot | Take


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A program: its memory and its instructions.

    Attributes:
        n_inputs: the number of columns of the data.
        n_parameters: the number of parameters; they are the first static rows.
        n_outputs: the number of results.
        n_varying: the number of rows that vary over the batch.
        n_input_rows: the number of those that come first: the inputs, and the rows of ones among them.
        n_static: the number of static rows.
        input_rows: the varying row of each column of the data.
        ones: the varying rows that hold 1.
        constants: the numbers of static rows.
        body: the instructions that compute rows.
        sums: the instructions that write the result.
        means: whether results are means over the batch, or one number for each sample.
        infinite: whether a partial of a derivative may be infinite.
    """

    n_inputs: int
    n_parameters: int
    n_outputs: int
    n_varying: int
    n_input_rows: int
    n_static: int
    input_rows: Index
    ones: Index
    constants: dict[int, float]
    body: list[Instruction]
    sums: list[Instruction]
    means: bool
    infinite: bool = False


def index(rows: Any) -> Index:
    """Row numbers as an array."""
    return np.asarray(rows, dtype=np.intp)


def contiguous(rows: Index) -> slice | None:
    """The slice that covers exactly these rows, in order; None if there is none."""
    start = int(rows[0])
    if int(rows[-1]) - start == rows.size - 1 and (rows[1:] > rows[:-1]).all():
        return slice(start, start + rows.size)
    return None

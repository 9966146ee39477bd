"""The instructions of a compiled program.

Numbers lie in rows of two blocks of memory: what varies over the batch in rows as long as the batch, what is
the same for all samples in rows of one number. An instruction reads rows and writes rows; the last ones add
sums over the batch to the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Index: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one of the two blocks; mostly they lie together, and then no array says which they are.

    Attributes:
        varies: whether of the block that varies over the batch.
        start: the first row.
        n: how many rows.
        scattered: which rows, if they do not lie together.
    """

    varies: bool
    start: int
    n: int
    scattered: Index | None = None

    @classmethod
    def of(cls, varies: bool, index: Index) -> Rows:
        """The rows of an index."""
        together = contiguous(index)
        return cls(varies, int(index[0]), index.size, None if together else index)

    def __len__(self) -> int:
        return self.n

    @property
    def index(self) -> Index:
        """Which rows."""
        return np.arange(self.start, self.start + self.n) if self.scattered is None else self.scattered

    @property
    def key(self) -> tuple[bool, int, int, bytes]:
        """What is equal for equal rows."""
        return self.varies, self.start, self.n, b"" if self.scattered is None else self.scattered.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """out = op(operands), elementwise, or all the shares of one block.

    Attributes:
        op: a row of the table, or two rows that are computed together, joined by " and "; then it may be
            two kinds of shares.
        out: where to; of two operations the rows of both.
        operands: one block of rows for each operand.
    """

    op: str
    out: tuple[Rows, ...]
    operands: tuple[Rows, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """out[i] = op(the i-th of all operands first), from one evaluation of all.

    Attributes:
        op: an n-ary row of the table.
        out: where to.
        operands: all the operands.
        picked: which operand comes first for each row of the output.
    """

    op: str
    out: Rows
    operands: Rows
    picked: Index


@dataclass(frozen=True, slots=True, eq=False)
class MatrixProduct:
    """out = W v: weights times a vector, for each sample.

    Attributes:
        out: n rows.
        matrix: which static numbers the weights are, (n, k).
        vector: k rows.
        adds: whether to add to what is in `out`.
    """

    out: Rows
    matrix: Index
    vector: Rows
    adds: bool


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """out = a * b, elementwise; without a, c * b.

    Attributes:
        out: n rows.
        a: n rows, or None for a constant.
        b: n rows.
        factor: the constant.
        adds: whether to add to what is in `out`.
    """

    out: Rows
    a: Rows | None
    b: Rows
    factor: float
    adds: bool


@dataclass(frozen=True, slots=True, eq=False)
class Dot:
    """out[i] = sum over k of a[i, k] * b[i, k]: sums of products without further structure.

    Attributes:
        out: n rows.
        a: n * k rows, or None for ones.
        b: n * k rows.
        adds: whether to add to what is in `out`.
    """

    out: Rows
    a: Rows | None
    b: Rows
    adds: bool


@dataclass(frozen=True, slots=True, eq=False)
class OuterProduct:
    """result[targets] += the sum over the batch of d v^T.

    Attributes:
        targets: which results, (n, k).
        fresh: those that no instruction before has written, each once.
        rows: the n rows d.
        columns: the k rows v.
    """

    targets: Index
    fresh: Index
    rows: Rows
    columns: Rows


@dataclass(frozen=True, slots=True, eq=False)
class BatchDot:
    """result[targets[i]] += the sum over the batch of a[i] * b[i].

    Attributes:
        targets: which results, (n,).
        fresh: those that no instruction before has written, each once.
        a: n rows.
        b: n rows that vary.
    """

    targets: Index
    fresh: Index
    a: Rows
    b: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """result[targets] = rows: outputs that are the same for all samples, or wanted for each sample.

    Attributes:
        targets: which results, (n,).
        rows: n rows.
    """

    targets: Index
    rows: Rows


Instruction: TypeAlias = Apply | Shares | MatrixProduct | Products | Dot | OuterProduct | BatchDot | Take


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A program: its memory and its instructions.

    Attributes:
        n_inputs: how many columns the data has.
        n_parameters: how many parameters there are; they are the first static rows.
        n_outputs: how many results there are.
        n_varying: how many rows vary over the batch.
        n_input_rows: how many of them, the first, are inputs and the ones among those.
        n_static: how many rows do not vary.
        input_rows: in which varying row each column of the data lies.
        ones: the varying rows that are 1.
        constants: static rows and their numbers.
        body: what computes rows.
        sums: what adds up over the batch, from rows.
        means: whether results are means over the batch, or one for each sample.
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


def index(rows: Any) -> Index:
    """Row numbers as an array."""
    return np.asarray(rows, dtype=np.intp)


def contiguous(rows: Index) -> slice | None:
    """The slice that rows are, if they are one."""
    start = int(rows[0])
    if int(rows[-1]) - start == rows.size - 1 and (rows[1:] > rows[:-1]).all():
        return slice(start, start + rows.size)
    return None

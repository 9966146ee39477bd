"""Code generation: instructions bound to the arrays of one batch size.

A program becomes a list of calls without arguments, bound to views of two blocks of memory. Wherever rows and
columns are evenly spaced, matrices are views of the parameters and results are views of the gradient. So one
run of a network's program is its matrix products and little else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from engine.compiler.instructions import (
    Apply,
    BatchDot,
    Code,
    Dot,
    Index,
    Instruction,
    MatrixProduct,
    OuterProduct,
    Products,
    Rows,
    Shares,
    Take,
    contiguous,
)
from engine.numbers import arrays
from engine.ops import OPS

Array: TypeAlias = NDArray[Any]
Call: TypeAlias = Callable[[], object]

_GATHERED_AT_ONCE = 1 << 20  # numbers: more would leave the cache, and a large graph would fill the memory


class Machine:
    """A program bound to arrays of one batch size.

    Args:
        code: the program.
        batch_size: the number of samples that it computes at once.
        dtype: the type of its numbers.
    """

    def __init__(self, code: Code, batch_size: int, dtype: Any) -> None:
        self._code = code
        self._data = np.ones((batch_size, code.n_input_rows), dtype)
        self._varying = np.zeros((code.n_varying - code.n_input_rows, batch_size), dtype)
        self._static = np.zeros((code.n_static, 1), dtype)
        self._sums = np.zeros(code.n_outputs if code.means else 0, dtype)
        self._share = self._sums.dtype.type(1.0 / batch_size)
        self._varying[code.ones[code.ones >= code.n_input_rows] - code.n_input_rows] = 1.0
        for row, number in code.constants.items():
            self._static[row] = number
        self._parameters = self._static[: code.n_parameters, 0]
        self._columns = list(_runs(code.input_rows))
        self._views: dict[Rows, Array] = {}
        self._gathered: dict[tuple[bool, int, int, bytes], Array] = {}
        self._matrices: dict[tuple[bytes, int], Array] = {}
        self._calls: list[Call] = []
        self._taken: list[tuple[Index, Array]] = []
        self._lock = Lock()
        for instruction in (*code.body, *code.sums):
            self._bind(instruction)

    def __call__(self, X: Array, parameters: Array) -> Array:
        """Compute the results for a batch.

        Args:
            X: the data, (batch size, inputs).
            parameters: the numbers of the parameters, (parameters,).

        Returns:
            (outputs,) means over the batch, or (outputs, batch size).
        """
        with self._lock, np.errstate(all="ignore"):
            self._parameters[:] = parameters
            for places, columns in self._columns:
                self._data[:, places] = X[:, columns]
            for call in self._calls:
                call()
            shape = (self._code.n_outputs, len(self._data))
            result: Array = (
                self._sums * self._share if self._code.means else np.empty(shape, self._data.dtype)
            )
            for targets, rows in self._taken:
                result[targets] = rows
            return result

    # --- Views of memory.

    def _block(self, rows: Rows) -> tuple[Array, int] | None:
        """The array that holds all of these rows, and its first row; None if they lie in two arrays.

        The inputs have an array of their own. Like the data it has one row for each sample: matrix products
        read it just as well.
        """
        n = self._code.n_input_rows
        if not rows.varies:
            return self._static, 0
        scattered = rows.scattered
        first, last = (
            (rows.start, rows.start + rows.n - 1) if scattered is None else (scattered.min(), scattered.max())
        )
        if last < n:
            return self._data.T, 0
        return (self._varying, n) if first >= n else None

    def _view(self, rows: Rows) -> Array:
        """Rows as an array: a view if they lie together, else a copy, made in each run."""
        if rows in self._views:
            return self._views[rows]
        place = self._block(rows)
        if place and rows.scattered is None:
            block, begin = place
            self._views[rows] = view = block[rows.start - begin : rows.start - begin + rows.n]
            return view
        if rows.key not in self._gathered:
            shape = len(rows), len(self._data) if rows.varies else 1
            self._gathered[rows.key] = copy = np.empty(shape, self._data.dtype)
            if place:
                self._add_call(np.take, place[0], rows.index - place[1], 0, copy, "clip")
            else:
                self._add_call(_copy_from_both, copy, self._data.T, self._varying, rows.index)
        return self._gathered[rows.key]

    def _source(self, rows: Rows, part: slice) -> Callable[[], Array]:
        """A function that returns some of the rows. If they do not lie together, it copies them."""
        chosen = Rows.of(rows.varies, rows.index[part])
        place = self._block(chosen)
        if place is None:
            copy = np.empty((len(chosen), len(self._data)), self._data.dtype)
            return partial(_copy_from_both, copy, self._data.T, self._varying, chosen.index)
        block, begin = place
        if chosen.scattered is not None:
            return partial(block.take, chosen.index - begin, axis=0, mode="clip")
        view = block[chosen.start - begin : chosen.start - begin + chosen.n]
        return lambda: view

    def _matrix(self, numbers: Index) -> Array:
        """Static numbers as a matrix: a view if they are evenly spaced, else a copy, made in each run."""
        key = numbers.tobytes(), len(numbers)
        if key not in self._matrices:
            view = strided_view(self._static[:, 0], numbers)
            if view is None:
                view = np.empty(numbers.shape, self._static.dtype)
                self._add_call(np.take, self._static[:, 0], numbers, None, view, "clip")
            self._matrices[key] = view
        return self._matrices[key]

    def _add_call(self, function: Callable[..., object], *args: Any) -> None:
        self._calls.append(partial(function, *args))

    # --- Each instruction as calls.

    def _bind(self, instruction: Instruction) -> None:
        match instruction:
            case Apply():
                self._apply(instruction)
            case Shares():
                self._all_shares(instruction)
            case MatrixProduct():
                self._matrix_product(instruction)
            case Products():
                self._products(instruction)
            case Dot():
                self._dot(instruction)
            case BatchDot():
                self._batch_dot(instruction)
            case OuterProduct():
                self._outer_product(instruction)
            case Take():
                self._take(instruction)

    def _apply(self, i: Apply) -> None:
        operands, out = [self._view(rows) for rows in i.operands], [self._view(rows) for rows in i.out]
        kernel = arrays.KERNELS.get(i.ops)
        if kernel is not None:
            self._add_call(kernel, *operands, *out)
        else:
            (op,), (result,) = i.ops, out
            self._add_call(_store, result, partial(OPS[op].forward, arrays), operands)

    def _all_shares(self, i: Shares) -> None:
        shares = arrays.ALL_SHARES.get(i.op) or partial(_one_by_one, partial(OPS[i.op].forward, arrays))
        picked = contiguous(i.picked) or i.picked
        self._add_call(_store_picked, self._view(i.out), shares, self._view(i.operands), picked)

    def _matrix_product(self, i: MatrixProduct) -> None:
        out, W, v = self._view(i.out), self._matrix(i.matrix), self._view(i.vector)
        self._accumulate(matrix_product(W, v, out), out, W, v, i.adds)

    def _products(self, i: Products) -> None:
        out, b = self._view(i.out), self._view(i.b)
        if i.a is not None:
            self._accumulate(np.multiply, out, self._view(i.a), b, i.adds)
        elif i.adds and abs(i.factor) == 1.0:
            self._add_call(np.add if i.factor > 0.0 else np.subtract, out, b, out)
        else:
            self._accumulate(np.multiply, out, b, np.array(i.factor, out.dtype), i.adds)

    def _accumulate(self, function: Callable[..., object], out: Array, a: Any, b: Any, adds: bool) -> None:
        term = np.empty_like(out) if adds else out
        self._add_call(function, a, b, term)
        if adds:
            self._add_call(np.add, out, term, out)

    def _dot(self, i: Dot) -> None:
        out = self._view(i.out)
        k = len(i.b) // len(out)
        for part in _chunks(len(out), k * out.shape[1]):
            terms = slice(part.start * k, part.stop * k)
            a = None if i.a is None else self._source(i.a, terms)
            self._add_call(_dot, out[part], a, self._source(i.b, terms), k, i.adds)

    def _clear(self, targets: Index) -> None:
        if targets.size:
            self._add_call(self._sums.__setitem__, contiguous(targets) or targets, 0.0)

    def _batch_dot(self, i: BatchDot) -> None:
        if i.fresh.size == 1 and i.a.varies and len(set(i.targets.tolist())) == 1:
            a, b = self._view(i.a), self._view(i.b)
            if a.flags.c_contiguous and b.flags.c_contiguous:  # as one vector each
                self._add_call(np.dot, a.ravel(), b.ravel(), self._sums[i.targets[0], ...])
                return
        self._clear(i.fresh)
        for part in _chunks(len(i.a), len(self._data)):
            targets = contiguous(i.targets[part]) or i.targets[part]
            self._add_call(_batch_dot, self._sums, targets, self._source(i.a, part), self._source(i.b, part))

    def _outer_product(self, i: OuterProduct) -> None:
        rows, columns, targets = self._view(i.rows), self._view(i.columns), i.targets
        if len(targets) > 1 and targets[1, 0] - targets[0, 0] == 1:  # the results lie column by column
            rows, columns, targets = columns, rows, targets.T
        overwrites = i.fresh.size == targets.size
        out = strided_view(self._sums, targets) if overwrites else None
        product = np.empty(targets.shape, self._sums.dtype) if out is None else out
        self._add_call(matrix_product(rows, columns.T, product), rows, columns.T, product)
        if not overwrites:
            self._clear(i.fresh)
            self._add_call(np.add.at, self._sums, targets, product)
        elif out is None:
            self._add_call(self._sums.__setitem__, targets, product)

    def _take(self, i: Take) -> None:
        self._taken.append(
            (i.targets, self._view(i.rows) if not self._code.means else self._view(i.rows)[:, 0])
        )


# --- Calls that are more than one function of NumPy.


def _copy_from_both(copy: Array, data: Array, varying: Array, rows: Index) -> Array:
    inner = rows >= len(data)
    copy[~inner] = data[rows[~inner]]
    copy[inner] = varying[rows[inner] - len(data)]
    return copy


def _store(out: Array, forward: Callable[..., Any], operands: Sequence[Array]) -> None:
    out[...] = forward(*operands)


def _store_picked(out: Array, forward: Callable[..., Any], operands: Array, picked: slice | Index) -> None:
    out[...] = forward(operands)[picked]


def _one_by_one(forward: Callable[..., Any], operands: Array) -> Array:
    """Every operand's share, where no function gives all of them at once."""
    others = [np.delete(operands, i, axis=0) for i in range(len(operands))]
    return np.stack([forward(x, *rest) for x, rest in zip(operands, others, strict=True)])


def _dot(out: Array, a: Callable[[], Array] | None, b: Callable[[], Array], k: int, adds: bool) -> None:
    product = b() if a is None else a() * b()
    total = np.add.reduce(product.reshape(-1, k, product.shape[1]), axis=1)
    if adds:
        out += total
    else:
        out[...] = total


def _batch_dot(sums: Array, targets: Index | slice, a: Callable[[], Array], b: Callable[[], Array]) -> None:
    x, y = a(), b()
    weighted = x.shape != y.shape
    products = x[:, 0] * np.add.reduce(y, axis=1) if weighted else np.einsum("nb,nb->n", x, y)
    if isinstance(targets, slice):
        sums[targets] += products
    else:
        np.add.at(sums, targets, products)


def matrix_product(a: Array, b: Array, out: Array) -> Callable[..., object]:
    """The fastest function of NumPy that multiplies two matrices.

    `dot` starts faster than `matmul`. But it copies a matrix with gaps between its rows, and it scales by a
    matrix of one number: 0 times NaN is then 0.

    Args:
        a: an (n, k) matrix.
        b: a (k, m) matrix.
        out: the (n, m) matrix of the result.

    Returns:
        A function of the three matrices.

    Example:
        >>> a, b = np.ones((2, 3)), np.ones((3, 4))
        >>> matrix_product(a, b, np.empty((2, 4))) is np.dot
        True
        >>> matrix_product(a[:, :2], b[:2], np.empty((2, 4))) is np.matmul
        True
    """
    if 1 in (a.size, b.size):
        return np.multiply
    return np.dot if a.flags.forc and b.flags.forc and out.flags.c_contiguous else np.matmul


# --- Memory.


def strided_view(numbers: Array, index: Index) -> Array | None:
    """`numbers[index]` as a view, if matrix products can read it without a copy.

    Args:
        numbers: a vector.
        index: a matrix of places in it.

    Returns:
        The view, or None.

    Example:
        >>> v = np.arange(10.0)
        >>> strided_view(v, np.array([[1, 4], [2, 5]]))
        array([[1., 4.],
               [2., 5.]])
    """
    n, k = index.shape
    start = index[0, 0]
    down = index[1, 0] - start if n > 1 else k
    right = index[0, 1] - start if k > 1 else n
    regular = start + down * np.arange(n)[:, None] + right * np.arange(k)
    if down < 1 or right < 1 or not (min(down, right) == 1 or 1 in (n, k)) or (regular != index).any():
        return None
    return as_strided(numbers[start:], (n, k), (down * numbers.itemsize, right * numbers.itemsize))


def _runs(rows: Index) -> Iterator[tuple[slice, slice]]:
    """Slices of consecutive rows, each with the slice of the columns of the data that go there."""
    ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    start = 0
    for end in ends if len(rows) else ():
        yield slice(int(rows[start]), int(rows[end - 1]) + 1), slice(start, end)
        start = end


def _chunks(n: int, width: int) -> Iterator[slice]:
    """Slices of n rows of this width, each small enough to copy at once."""
    size = max(1, _GATHERED_AT_ONCE // max(1, width))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))

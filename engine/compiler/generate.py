"""Code generation: instructions bound to arrays of one batch size.

A step of a program is a function without arguments, bound to views of two blocks of memory. Matrices are
views of the parameters and results are views of the gradient wherever rows and columns lie evenly spaced, so
that a step of a network is its matrix products and little else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial, singledispatchmethod
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
    MatrixProduct,
    OuterProduct,
    Products,
    Rows,
    Shares,
    Take,
    contiguous,
)
from engine.ops import OPS

Array: TypeAlias = NDArray[Any]
Step: TypeAlias = Callable[[], object]

_GATHERED_AT_ONCE = 1 << 20  # numbers: more would leave the cache, and a large graph would fill the memory


class Machine:
    """A program bound to arrays for one batch size.

    Args:
        code: the program.
        batch_size: how many samples it computes at once.
        dtype: the type of its numbers.
        m: the number system that the operations run over.
    """

    def __init__(self, code: Code, batch_size: int, dtype: Any, m: Any) -> None:
        self._code = code
        self._m = m
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
        self._steps: list[Step] = []
        self._taken: list[tuple[Index, Array]] = []
        self._lock = Lock()
        for instruction in (*code.body, *code.sums):
            self._bind(instruction)

    def __call__(self, X: Array, parameters: Array) -> Array:
        """The results for a batch.

        Args:
            X: the data, (batch size, inputs).
            parameters: their numbers.

        Returns:
            (outputs,) means over the batch, or (outputs, batch size).
        """
        with self._lock, np.errstate(all="ignore"):
            self._parameters[:] = parameters
            for places, columns in self._columns:
                self._data[:, places] = X[:, columns]
            for step in self._steps:
                step()
            shape = (self._code.n_outputs, len(self._data))
            result: Array = (
                self._sums * self._share if self._code.means else np.empty(shape, self._data.dtype)
            )
            for targets, rows in self._taken:
                result[targets] = rows
            return result

    # --- Memory.

    def _block(self, rows: Rows) -> tuple[Array, int] | None:
        """The block of memory that rows are in, and where it begins; None if they are in two blocks.

        Inputs lie sample by sample, as the data does: matrix products read them that way too.
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
        """Rows as an array: a slice of their block if they lie together, else a copy, made in each step."""
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
                self._step(np.take, place[0], rows.index - place[1], 0, copy, "clip")
            else:
                self._step(_copy_from_both, copy, self._data.T, self._varying, rows.index)
        return self._gathered[rows.key]

    def _source(self, rows: Rows, part: slice) -> Callable[[], Array]:
        """Some of the rows, gathered when they are asked for."""
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
        """Static numbers as a matrix: a view if they are evenly spaced, else a copy, made in each step."""
        key = numbers.tobytes(), len(numbers)
        if key not in self._matrices:
            view = evenly_spaced(self._static[:, 0], numbers)
            if view is None:
                view = np.empty(numbers.shape, self._static.dtype)
                self._step(np.take, self._static[:, 0], numbers, None, view, "clip")
            self._matrices[key] = view
        return self._matrices[key]

    def _step(self, function: Callable[..., object], *args: Any, **options: Any) -> None:
        self._steps.append(partial(function, *args, **options))  # options take time in each step

    # --- One method for each instruction.

    @singledispatchmethod
    def _bind(self, instruction: Any) -> None:
        raise NotImplementedError(f"there is no code for {instruction}")

    @_bind.register
    def _(self, i: Apply) -> None:
        operands, outs = [self._view(rows) for rows in i.operands], [self._view(rows) for rows in i.out]
        if len(outs) > 1:
            self._step(self._m.TOGETHER[i.op], *operands, tuple(outs))
            return
        forward = partial(OPS[i.op].forward, self._m)
        ufunc = only_ufunc(forward, len(operands))
        if ufunc is not None:
            self._step(ufunc, *operands, out=outs[0])
        else:
            self._step(_store, outs[0], forward, operands)

    @_bind.register
    def _(self, i: Shares) -> None:
        forward = partial(OPS[i.op].forward, _AllShares(self._m))
        picked = contiguous(i.picked) or i.picked
        self._step(_store_picked, self._view(i.out), forward, self._view(i.operands), picked)

    @_bind.register
    def _(self, i: MatrixProduct) -> None:
        out, W, v = self._view(i.out), self._matrix(i.matrix), self._view(i.vector)
        self._accumulate(matrix_product(W, v, out), out, W, v, i.adds)

    @_bind.register
    def _(self, i: Products) -> None:
        out, b = self._view(i.out), self._view(i.b)
        if i.a is not None:
            self._accumulate(np.multiply, out, self._view(i.a), b, i.adds)
        elif i.adds and abs(i.factor) == 1.0:
            self._step(np.add if i.factor > 0.0 else np.subtract, out, b, out)
        else:
            self._accumulate(np.multiply, out, b, np.array(i.factor, out.dtype), i.adds)

    def _accumulate(self, function: Callable[..., object], out: Array, a: Any, b: Any, adds: bool) -> None:
        term = np.empty_like(out) if adds else out
        self._step(function, a, b, term)
        if adds:
            self._step(np.add, out, term, out)

    @_bind.register
    def _(self, i: Dot) -> None:
        out = self._view(i.out)
        k = len(i.b) // len(out)
        for part in _chunks(len(out), k * out.shape[1]):
            terms = slice(part.start * k, part.stop * k)
            a = None if i.a is None else self._source(i.a, terms)
            self._step(_dot, out[part], a, self._source(i.b, terms), k, i.adds)

    def _clear(self, targets: Index) -> None:
        if targets.size:
            self._step(self._sums.__setitem__, contiguous(targets) or targets, 0.0)

    @_bind.register
    def _(self, i: BatchDot) -> None:
        if i.fresh.size == 1 and i.a.varies and len(set(i.targets.tolist())) == 1:
            a, b = self._view(i.a), self._view(i.b)
            if a.flags.c_contiguous and b.flags.c_contiguous:  # as one vector each
                self._step(np.dot, a.ravel(), b.ravel(), self._sums[i.targets[0], ...])
                return
        self._clear(i.fresh)
        for part in _chunks(len(i.a), len(self._data)):
            targets = contiguous(i.targets[part]) or i.targets[part]
            self._step(_batch_dot, self._sums, targets, self._source(i.a, part), self._source(i.b, part))

    @_bind.register
    def _(self, i: OuterProduct) -> None:
        rows, columns, targets = self._view(i.rows), self._view(i.columns), i.targets
        if len(targets) > 1 and targets[1, 0] - targets[0, 0] == 1:  # the results lie column by column
            rows, columns, targets = columns, rows, targets.T
        overwrites = i.fresh.size == targets.size
        out = evenly_spaced(self._sums, targets) if overwrites else None
        product = np.empty(targets.shape, self._sums.dtype) if out is None else out
        self._step(matrix_product(rows, columns.T, product), rows, columns.T, product)
        if not overwrites:
            self._clear(i.fresh)
            self._step(np.add.at, self._sums, targets, product)
        elif out is None:
            self._step(self._sums.__setitem__, targets, product)

    @_bind.register
    def _(self, i: Take) -> None:
        self._taken.append(
            (i.targets, self._view(i.rows) if not self._code.means else self._view(i.rows)[:, 0])
        )


# --- What a step does, where it is more than one function of NumPy.


def _copy_from_both(copy: Array, data: Array, varying: Array, rows: Index) -> Array:
    inner = rows >= len(data)
    copy[~inner] = data[rows[~inner]]
    copy[inner] = varying[rows[inner] - len(data)]
    return copy


def _store(out: Array, forward: Callable[..., Any], operands: Sequence[Array]) -> None:
    out[...] = forward(*operands)


def _store_picked(out: Array, forward: Callable[..., Any], operands: Array, picked: slice | Index) -> None:
    out[...] = forward(operands)[picked]


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


class _AllShares:
    """The number system of one stacked operand, in which a list of shares begins with all of them.

    Where operands differ only in which comes first, `softmax(x)[0]` is then every one of the results.
    """

    def __init__(self, m: Any) -> None:
        self._m = m

    def __getattr__(self, name: str) -> Callable[[Sequence[Array]], Sequence[Array]]:
        shares = getattr(self._m, name)
        return lambda x: (shares(x[0]),)


class _Asked(np.lib.mixins.NDArrayOperatorsMixin):
    """An operand that answers which function of NumPy it was given to."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        return (ufunc, operands) if method == "__call__" and not options else NotImplemented


def only_ufunc(forward: Callable[..., Any], n: int) -> np.ufunc | None:
    """The function of NumPy that a rule is, if it is one and no more: it can write where it should.

    Args:
        forward: a rule over arrays.
        n: how many operands it takes.

    Returns:
        The ufunc, or None.

    Example:
        >>> only_ufunc(lambda x, y: x - y, 2), only_ufunc(lambda x: np.exp(-x), 1)
        (<ufunc 'subtract'>, None)
    """
    operands = tuple([_Asked() for _ in range(n)])
    try:
        ufunc, given = forward(*operands)
    except (TypeError, ValueError, AttributeError):
        return None
    return ufunc if isinstance(ufunc, np.ufunc) and all(map(operator.is_, given, operands)) else None


def matrix_product(a: Array, b: Array, out: Array) -> Callable[..., object]:
    """The function of NumPy that multiplies two matrices soonest.

    `dot` is quicker to begin than `matmul`, but it copies a matrix with gaps between its rows, and to a
    matrix of one number it is a scale: 0 times NaN is then 0.

    Args:
        a: an (n, k) matrix.
        b: a (k, m) matrix.
        out: the (n, m) matrix of the result.

    Returns:
        A function of the three.

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


# --- Where numbers lie.


def evenly_spaced(numbers: Array, index: Index) -> Array | None:
    """The view of a vector that an index of it is, if there is one that matrix products read directly.

    Args:
        numbers: a vector.
        index: a matrix of places in it.

    Returns:
        `numbers[index]` without a copy, or None.

    Example:
        >>> v = np.arange(10.0)
        >>> evenly_spaced(v, np.array([[1, 4], [2, 5]]))
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
    """Consecutive rows and the consecutive columns of the data that go there."""
    ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    start = 0
    for end in ends if len(rows) else ():
        yield slice(int(rows[start]), int(rows[end - 1]) + 1), slice(start, end)
        start = end


def _chunks(n: int, width: int) -> Iterator[slice]:
    """Slices of n rows of a width, each of a size that can be gathered at once."""
    size = max(1, _GATHERED_AT_ONCE // max(1, width))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))

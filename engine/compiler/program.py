"""`compile`: recorded outputs as a program over batches of samples."""

from __future__ import annotations

import gc
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from numbers import Real
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from engine.compiler.flatten import flatten
from engine.compiler.generate import Array, Machine
from engine.compiler.graph import Graph, capture
from engine.compiler.guard import guard
from engine.compiler.instructions import Code
from engine.compiler.layout import layout
from engine.compiler.listing import drawing, listing
from engine.compiler.recognize import recognize
from engine.compiler.schedule import schedule
from engine.compiler.simplify import simplify
from engine.compiler.together import together
from engine.derivatives import for_any_numbers, grad, jvp
from engine.graph import topological
from engine.numbers import arrays
from engine.show.diagram import Diagram, Theme
from engine.show.render import TIMEOUT
from engine.value import CONSTANT, INPUT, Value

_MACHINES_KEPT = 4  # one for each batch size: the last batch of an epoch is often smaller


def compile(
    outputs: Value | Iterable[Value],
    inputs: Iterable[Value],
    parameters: Iterable[Value] = (),
    *,
    dtype: DTypeLike = np.float64,
    namespace: Any = arrays,
) -> Program:
    """Turn what was recorded of one sample into a program for batches of samples.

    The graph is the program: `relu`, `max`, `abs` and `where` choose anew for each sample. A branch that
    Python took while recording, as in `if v.data > 0`, does not: the program always takes that one.

    A program follows IEEE 754 where recording raises: outside its domain an operation gives inf or NaN.

    Args:
        outputs: the recorded value of a loss, or several values.
        inputs: the leaves that differ from sample to sample, in the order of the columns of the data.
        parameters: the leaves to differentiate by, the same for all samples. A leaf of neither kind must
            be a number, or a parameter of a network, which keeps its present value.
        dtype: float64 or float32.
        namespace: the number system that the operations run over.

    Returns:
        The program.

    Raises:
        ValueError: if a leaf is listed twice, does not occur, or occurs and is not listed.
        TypeError: if one of them is not a Value, or dtype is another.

    Example:
        >>> import engine
        >>> w, x, y = Value(2.0, "w"), Value(1.0, "x"), Value(0.0, "y")
        >>> program = engine.compile((w * x - y) ** 2, inputs=[x, y], parameters=[w])
        >>> value, gradient = program.value_and_grad([[1.0, 0.0], [3.0, 5.0]])
        >>> value, gradient.tolist()
        (2.5, [5.0])
    """
    return Program(outputs, inputs, parameters, dtype=dtype, namespace=namespace)


class Program:
    """A compiled program; see `engine.compile`.

    The parameters are read from their Values at each call, unless their numbers are given: with many of
    them that is much faster.

    Attributes:
        inputs: the leaves whose numbers are the columns of the data.
        parameters: the leaves whose numbers are the same for all samples.
        dtype: float64 or float32.
    """

    def __init__(
        self,
        outputs: Value | Iterable[Value],
        inputs: Iterable[Value],
        parameters: Iterable[Value],
        *,
        dtype: DTypeLike,
        namespace: Any,
    ) -> None:
        self._single = isinstance(outputs, Value)
        outputs = [outputs] if isinstance(outputs, Value) else outputs
        self._outputs = list(_several(outputs, "outputs", "record one"))
        self.inputs = _several(inputs, "inputs", "give a list of leaves")
        self.parameters = _several(parameters, "parameters", "give a list, such as model.parameters()")
        self.dtype = np.dtype(dtype)
        self._namespace = namespace
        _check_leaves(self._outputs, self.inputs, self.parameters)
        if self.dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise TypeError(f"a program computes with float64 or float32, not {self.dtype}")
        self._machines: OrderedDict[tuple[int, int], Machine] = OrderedDict()
        _ = self._gradients if self.parameters else self._values  # compiled now, not at the first call

    # --- Running.

    def __call__(self, X: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The outputs for each sample.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for those that the Values have now.

        Returns:
            (batch,) for a single output, else (batch, outputs).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they are not real numbers.
        """
        result = self._run(self._values, X, parameters).T
        return result[:, 0] if self._single else result

    def value_and_grad(self, X: ArrayLike, parameters: ArrayLike | None = None) -> tuple[Any, Array]:
        """The mean over a batch of the outputs, and of their derivatives by each parameter.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for those that the Values have now.

        Returns:
            For a single output the mean, and its gradient of shape (parameters,). For several the means,
            (outputs,), and the Jacobian, (outputs, parameters).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they are not real numbers.
        """
        result = self._run(self._gradients, X, parameters)
        n = len(self._outputs)
        if self._single:
            return float(result[0]), result[1:]
        return result[:n], result[n:].reshape(n, len(self.parameters))

    def per_sample_grad(self, X: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The derivatives by each parameter, sample by sample.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for those that the Values have now.

        Returns:
            (batch, parameters) for a single output, else (batch, outputs, parameters).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they are not real numbers.
        """
        n = len(self._outputs)
        result = self._run(self._sample_gradients, X, parameters).T[:, n:]
        return result if self._single else result.reshape(len(result), n, len(self.parameters))

    def hvp(self, X: ArrayLike, vector: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The Hessian by the parameters, of the mean of the output over a batch, times a vector.

        Args:
            X: the data, (batch, inputs), finite.
            vector: one number for each parameter.
            parameters: their numbers, (parameters,); None for those that the Values have now.

        Returns:
            (parameters,).

        Raises:
            ValueError: if the program has several outputs; if X, vector or parameters have the wrong
                shape, or X is not finite.
            TypeError: if they are not real numbers.
        """
        if not self._single:
            raise ValueError(f"hvp is of a single output, and this program has {len(self._outputs)}")
        direction = self._vector(vector, "vector")
        at = self._numbers(parameters)
        return self._run(self._hessian_times_vector, X, np.concatenate([at, direction]))

    def __str__(self) -> str:
        return listing(*self._to_be_read)

    def draw(self, *, theme: Theme = "light", title: str = "", timeout: float = TIMEOUT) -> Diagram:
        """A diagram of the instructions and of what flows between them.

        Args:
            theme: "light" or "dark".
            title: what the diagram shows, for screen readers.
            timeout: seconds that its layout may take.

        Returns:
            The diagram.

        Example:
            >>> w, x = Value(2.0, "w"), Value(3.0, "x")
            >>> "E = mean of" in compile(w * x, inputs=[x], parameters=[w]).draw().svg
            True
        """
        return drawing(*self._to_be_read, theme, title, timeout)

    @property
    def _to_be_read(self) -> tuple[Code, list[str]]:
        """The program that training runs, and what its inputs are called."""
        return self._gradients if self.parameters else self._values, [x.label for x in self.inputs]

    def _run(self, code: Code, X: ArrayLike, parameters: ArrayLike | None) -> Array:
        data = self._data(X)
        key = (id(code), len(data))
        machine = self._machines.pop(key, None)
        if machine is None:
            machine = Machine(code, len(data), self.dtype, self._namespace)
            while len(self._machines) >= _MACHINES_KEPT:
                self._machines.popitem(last=False)
        self._machines[key] = machine
        return machine(data, self._numbers(parameters, code.n_parameters))

    # --- Compiling. What is compiled is kept: it is the same program at every call.

    @cached_property
    def _values(self) -> Code:
        return self._compiled(lambda: self._outputs, means=False)

    @cached_property
    def _gradients(self) -> Code:
        return self._compiled(self._derivatives, means=True)

    @cached_property
    def _sample_gradients(self) -> Code:
        return self._compiled(self._derivatives, means=False)

    def _derivatives(self) -> list[Value]:
        return [*self._outputs, *[d for y in self._outputs for d in grad(y, self.parameters)]]

    @cached_property
    def _hessian_times_vector(self) -> Code:
        vector = [Value(1.0) for _ in self.parameters]

        def products() -> list[Value]:
            (slope,) = jvp(self._outputs, self.parameters, vector)
            return grad(slope, self.parameters)

        return self._compiled(products, vector, means=True)

    def _compiled(
        self, outputs: Callable[[], list[Value]], vector: Sequence[Value] = (), *, means: bool
    ) -> Code:
        joint = getattr(self._namespace, "TOGETHER", ())
        with _collector_paused(), for_any_numbers():
            derived_from = Value(0.0).serial  # of what is recorded from now on
            leaves = self.inputs, [*self.parameters, *vector]
            # Passed on and not kept: a graph is freed as soon as the next pass has read it.
            return lower(capture(outputs(), *leaves, derived_from), means=means, joint=joint)

    # --- What is given, checked.

    def _data(self, X: ArrayLike) -> Array:
        data = _real(X, "X", self.dtype)
        if data.ndim != 2 or data.shape[1] != len(self.inputs) or len(data) == 0:
            raise ValueError(f"X has the shape {data.shape}, expected (batch, {len(self.inputs)})")
        if not math.isfinite(np.vdot(data, data)) and not np.isfinite(data).all():  # the first is the faster
            row, column = np.argwhere(~np.isfinite(data))[0]
            label = self.inputs[column].label or f"input {column}"
            kind = "" if self.dtype == np.float64 else f", as {self.dtype}"
            raise ValueError(f"X is not finite: {label} is {data[row, column]} in row {row}{kind}")
        return data

    def _numbers(self, parameters: ArrayLike | None, n: int | None = None) -> Array:
        if parameters is None:
            numbers = map(attrgetter("data"), self.parameters)
            return np.fromiter(numbers, self.dtype, len(self.parameters))
        return self._vector(parameters, "parameters", n)

    def _vector(self, numbers: ArrayLike, name: str, n: int | None = None) -> Array:
        n = len(self.parameters) if n is None else n
        vector = _real(numbers, name, self.dtype)
        if vector.shape != (n,):
            raise ValueError(f"{name} has the shape {vector.shape}, expected ({n},)")
        return vector


def lower(graph: Graph, *, means: bool, joint: Iterable[str] = ()) -> Code:
    """The passes, one after the other.

    Args:
        graph: a captured graph.
        means: whether the means of the outputs over the batch are wanted, rather than the outputs.
        joint: the names of operations that the number system can compute together.

    Returns:
        The program.
    """
    for improve in (guard, simplify, flatten):
        graph = improve(graph)
    return together(recognize(layout(schedule(graph, means)), means), joint)


def _real(numbers: ArrayLike, name: str, dtype: np.dtype[Any]) -> Array:
    try:
        array = np.asarray(numbers)
    except ValueError:
        raise ValueError(f"the rows of {name} differ in length") from None
    if array.dtype == object:
        array = np.array([_float(x, name) for x in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {array.dtype}, not real numbers")
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        return array.astype(dtype)


def _float(x: object, name: str) -> float:
    if isinstance(x, (Real, Decimal, Value)):
        return float(x)
    raise TypeError(f"{name} holds {type(x).__name__}, not real numbers: {x!r}")


def _several(values: Iterable[Value], name: str, advice: str) -> tuple[Value, ...]:
    try:
        return tuple(values)
    except TypeError:
        raise TypeError(f"{name} is a {type(values).__name__}, not several Values: {advice}") from None


def _check_leaves(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]) -> None:
    """Every leaf of the graph has its role, and one only."""
    if not outputs:
        raise ValueError("there is no output to compile")
    for kind, values in (("an output", outputs), ("an input", inputs), ("a parameter", parameters)):
        for value in values:
            if not isinstance(value, Value):
                raise TypeError(f"{kind} is a {type(value).__name__}, not a Value: {value!r}")
            if kind != "an output" and not value.is_variable:
                what = "a constant" if value.kind == CONSTANT else f"the result of {value.op}"
                raise ValueError(f"{_name(value)} is {what} and cannot be {kind}: list leaves")
    for value, times in Counter([*inputs, *parameters]).items():
        if times > 1:
            also = " as an input and as a parameter" if {value} <= set(inputs) & set(parameters) else ""
            raise ValueError(f"{_name(value)} is listed {times} times{also}: list it once")
    present = set(topological(outputs))
    for value in inputs:
        if value not in present:
            raise ValueError(f"the outputs do not depend on the input {_name(value)}: leave it out")
    for value in present.difference(inputs, parameters):
        if value.kind == INPUT:
            raise ValueError(
                f"{_name(value)} is neither an input nor a parameter: list it, or record a plain number, "
                f"{value.data!r}, if it never changes"
            )


def _name(value: Value) -> str:
    return f"{value.label} = {value.data!r}" if value.label else repr(value)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A graph has no reference cycles, and looking for them in it takes longer than compiling it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

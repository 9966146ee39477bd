"""`compile`: recorded outputs as a program over batches of samples."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import isnan
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from engine.compiler import arguments
from engine.compiler.arguments import Array
from engine.compiler.describe import describe, draw
from engine.compiler.flatten import flatten
from engine.compiler.fuse import fuse
from engine.compiler.generate import Machine
from engine.compiler.instructions import Code
from engine.compiler.layout import layout
from engine.compiler.nodes import Graph, capture
from engine.compiler.recognize import recognize
from engine.compiler.schedule import schedule
from engine.compiler.simplify import simplify
from engine.compiler.zero_adjoints import find_infinite, stop_zero_adjoints
from engine.derivatives import grad, jvp
from engine.graph import topological
from engine.numbers import arrays
from engine.ops import OPS
from engine.recording import recorder, taking_limits
from engine.show.diagram import Diagram
from engine.show.palette import Theme
from engine.show.render import TIMEOUT
from engine.value import Value

_MACHINES_KEPT = 4  # one for each batch size: the last batch of an epoch is often smaller


def compile(
    outputs: Value | Iterable[Value],
    inputs: Iterable[Value],
    parameters: Iterable[Value] = (),
    *,
    dtype: DTypeLike = np.float64,
) -> Program:
    """Turn the recorded graph of one sample into a program for batches of samples.

    The graph is the program: `relu`, `max`, `abs` and `where` choose anew for each sample. A branch that
    Python took while recording, as in `if v > 0`, is fixed: the program takes it for every sample, and a
    `LeftRecordWarning` says so, unless numbers were compared, as in `if v.data > 0`.

    A program follows IEEE 754 where recording raises: outside its domain an operation gives inf or NaN. But a
    product with the plain number 0 is 0.

    Its numbers are rounded otherwise than recorded ones. Sums, `fsum` and `sumprod` too, are added up in
    another order and rounded at each step, and 0.0 and -0.0 are not told apart. While nothing underflows,
    each operation and each of its derivatives is within 4 units in the last place, relative to the sum of the
    sizes where terms cancel, with two exceptions. 1 - tanh(x)**2 and the logarithms in `log_softmax` and
    `logsumexp` may lose 8 bits. `softmax`, `log_softmax` and `logsumexp` lose one unit more for each 1 of
    distance between operands.

    Args:
        outputs: the recorded value of a loss, or several values.
        inputs: the leaves that differ from sample to sample, in the order of the columns of the data.
        parameters: the leaves to differentiate by, the same for all samples. Any other leaf must be a plain
            number, or a parameter of a network, which keeps its present value.
        dtype: float64 or float32.

    Returns:
        The program.

    Raises:
        ValueError: if a leaf is listed twice, does not occur, or occurs and is not listed.
        TypeError: if one of them is not a Value, or dtype is neither float64 nor float32.

    Example:
        >>> import engine
        >>> w, x, y = Value(2.0, "w"), Value(1.0, "x"), Value(0.0, "y")
        >>> program = engine.compile((w * x - y) ** 2, inputs=[x, y], parameters=[w])
        >>> value, gradient = program.value_and_grad([[1.0, 0.0], [3.0, 5.0]])
        >>> value, gradient.tolist()
        (2.5, [5.0])
    """
    return Program(outputs, inputs, parameters, dtype=dtype)


class Program:
    """A compiled program; see `engine.compile`.

    Each call reads the numbers of the parameters from their Values, unless they are given as an array. With
    many parameters an array is much faster.

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
    ) -> None:
        self._single = isinstance(outputs, Value)
        outputs = [outputs] if isinstance(outputs, Value) else outputs
        self._outputs = list(arguments.values(outputs, "outputs", "record one"))
        self.inputs = arguments.values(inputs, "inputs", "give a list of leaves")
        self.parameters = arguments.values(
            parameters, "parameters", "give a list, such as model.parameters()"
        )
        self.dtype = np.dtype(dtype)
        arguments.check_leaves(self._outputs, self.inputs, self.parameters)
        arguments.check_dtype(self.dtype)
        self._machines: OrderedDict[tuple[int, int], Machine] = OrderedDict()
        self._main = self._gradients if self.parameters else self._values

    # --- Running.

    def __call__(self, X: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The outputs for each sample.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for the present numbers of the Values.

        Returns:
            (batch,) for a single output, else (batch, outputs).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they do not hold real numbers.
        """
        result = self._run(self._values, X, parameters).T
        return result[:, 0] if self._single else result

    def value_and_grad(self, X: ArrayLike, parameters: ArrayLike | None = None) -> tuple[Any, Array]:
        """The mean over a batch of the outputs, and of their derivatives by each parameter.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for the present numbers of the Values.

        Returns:
            For a single output the mean, and its gradient of shape (parameters,). For several the means,
            (outputs,), and the Jacobian, (outputs, parameters).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they do not hold real numbers.
        """
        n = len(self._outputs)
        result = self._derive("_gradients", X, parameters)
        if self._single:
            return float(result[0]), result[1:]
        return result[:n], result[n:].reshape(n, len(self.parameters))

    def per_sample_grad(self, X: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The derivatives by each parameter, sample by sample.

        Args:
            X: the data, (batch, inputs), finite.
            parameters: their numbers, (parameters,); None for the present numbers of the Values.

        Returns:
            (batch, parameters) for a single output, else (batch, outputs, parameters).

        Raises:
            ValueError: if X or parameters have the wrong shape, or X is not finite.
            TypeError: if they do not hold real numbers.
        """
        n = len(self._outputs)
        result = self._derive("_sample_gradients", X, parameters).T[:, n:]
        return result if self._single else result.reshape(len(result), n, len(self.parameters))

    def hvp(self, X: ArrayLike, vector: ArrayLike, parameters: ArrayLike | None = None) -> Array:
        """The Hessian by the parameters, of the mean of the output over a batch, times a vector.

        Args:
            X: the data, (batch, inputs), finite.
            vector: one number for each parameter.
            parameters: their numbers, (parameters,); None for the present numbers of the Values.

        Returns:
            (parameters,).

        Raises:
            ValueError: if the program has several outputs; if X, vector or parameters have the wrong
                shape, or X is not finite.
            TypeError: if they do not hold real numbers.
        """
        if not self._single:
            raise ValueError(f"hvp needs a single output, but this program has {len(self._outputs)}")
        direction = arguments.vector(vector, "vector", len(self.parameters), self.dtype)
        at = self._numbers(parameters, len(self.parameters))
        result = self._run(self._hessian_times_vector, X, np.concatenate([at, direction]))
        if not np.isfinite(result).all() or self._slopes_cancel(X, at):
            return self._hvp_by_recording(X, direction, at)
        return result[1:]

    def __str__(self) -> str:
        return describe(self._main, [x.label for x in self.inputs])

    def draw(self, *, theme: Theme = "light", title: str = "", timeout: float = TIMEOUT) -> Diagram:
        """A diagram of the instructions and of the rows that flow between them.

        Args:
            theme: "light" or "dark".
            title: what the diagram shows, for screen readers.
            timeout: the longest time for its layout, in seconds.

        Returns:
            The diagram.

        Example:
            >>> w, x = Value(2.0, "w"), Value(3.0, "x")
            >>> "E = mean of" in compile(w * x, inputs=[x], parameters=[w]).draw().svg
            True
        """
        return draw(self._main, [x.label for x in self.inputs], theme, title, timeout)

    def _derive(self, name: str, X: ArrayLike, parameters: ArrayLike | None) -> Array:
        """The results of a program of the outputs and their derivatives."""
        result = self._run(getattr(self, name), X, parameters)
        if not isnan(result.item(result.argmin())):  # argmin finds a NaN first
            return result
        n = len(self._outputs)
        if np.isnan(result[n:]).any():
            result = self._run(getattr(self, f"_careful{name}"), X, parameters)
        # The derivatives of a NaN are NaN.
        for output, value, slopes in zip(self._outputs, result, np.split(result[n:], n), strict=False):
            influence = set(topological([output]))
            slopes[[p in influence for p in self.parameters]] += np.where(np.isnan(value), value, 0.0)
        return result

    def _slopes_cancel(self, X: ArrayLike, at: Array) -> bool:
        """Whether infinite terms of both signs make the gradient NaN. Along a direction they may not meet."""
        return self._gradients.infinite and bool(np.isnan(self._derive("_gradients", X, at)).any())

    def _hvp_by_recording(self, X: ArrayLike, direction: Array, at: Array) -> Array:
        """The Hessian times a vector, from the graph recorded once more for each sample.

        Which terms of a first derivative contribute nothing, because a factor is 0 and the other one is not
        finite, is known only when the first derivative is: then the second can leave them out too.
        """
        products = []
        for row in arguments.data(X, self.inputs, self.dtype):
            numbers = dict(zip([*self.inputs, *self.parameters], [*row, *at], strict=True))
            new: dict[Value, Value] = {}
            with taking_limits():
                for value in topological([*self._outputs, *self.parameters]):
                    operands = [new[parent] for parent in value.parents]
                    new[value] = (
                        recorder(OPS[value.op])(*operands)
                        if operands
                        else Value(numbers.get(value, value.data))
                    )
            parameters = [new[p] for p in self.parameters]
            (slope,) = jvp([new[self._outputs[0]]], parameters, direction.tolist())
            products.append([d.data for d in grad(slope, parameters)])
        with np.errstate(all="ignore"):
            mean: Array = np.mean(np.array(products, self.dtype), axis=0)
        return mean

    def _run(self, code: Code, X: ArrayLike, parameters: ArrayLike | None) -> Array:
        data = arguments.data(X, self.inputs, self.dtype)
        key = (id(code), len(data))
        machine = self._machines.pop(key, None)
        if machine is None:
            machine = Machine(code, len(data), self.dtype)
            while len(self._machines) >= _MACHINES_KEPT:
                self._machines.popitem(last=False)
        self._machines[key] = machine
        return machine(data, self._numbers(parameters, code.n_parameters))

    def _numbers(self, parameters: ArrayLike | None, n: int) -> Array:
        """The numbers of n parameters: those given, or those of the Values."""
        if parameters is None:
            numbers = map(attrgetter("_data"), self.parameters)
            return np.fromiter(numbers, self.dtype, len(self.parameters))
        return arguments.vector(parameters, "parameters", n, self.dtype)

    # --- Compiling. Each program is compiled once, when it is first needed.

    @cached_property
    def _values(self) -> Code:
        return self._compiled(lambda: self._outputs, means=False)

    @cached_property
    def _gradients(self) -> Code:
        return self._compiled(self._derivatives, means=True)

    @cached_property
    def _careful_gradients(self) -> Code:
        return self._compiled(self._derivatives, means=True, careful=True)

    @cached_property
    def _sample_gradients(self) -> Code:
        return self._compiled(self._derivatives, means=False)

    @cached_property
    def _careful_sample_gradients(self) -> Code:
        return self._compiled(self._derivatives, means=False, careful=True)

    def _derivatives(self) -> list[Value]:
        return [*self._outputs, *[d for y in self._outputs for d in grad(y, self.parameters, anywhere=True)]]

    @cached_property
    def _hessian_times_vector(self) -> Code:
        vector = [Value(1.0) for _ in self.parameters]

        def products() -> list[Value]:
            (slope,) = jvp(self._outputs, self.parameters, vector, anywhere=True)
            return [slope, *grad(slope, self.parameters, anywhere=True)]

        return self._compiled(products, vector, means=True)

    def _compiled(
        self,
        outputs: Callable[[], list[Value]],
        vector: Sequence[Value] = (),
        *,
        means: bool,
        careful: bool = False,
    ) -> Code:
        with _collector_paused():
            derived_from = Value(0.0).serial  # the outputs are recorded after this
            leaves = self.inputs, [*self.parameters, *vector]
            # No variable keeps the graph: it is freed as soon as the next pass has read it.
            return lower(
                capture(outputs(), *leaves, derived_from), means=means, joint=arrays.KERNELS, careful=careful
            )


def lower(
    graph: Graph, *, means: bool, joint: Container[tuple[str, ...]] = (), careful: bool = False
) -> Code:
    """Run all passes.

    Args:
        graph: a captured graph.
        means: whether to compute the means of the outputs over the batch, or the outputs.
        joint: the pairs of operations that the number system can compute together.
        careful: whether to look for a factor 0 in every product of the derivative.

    Returns:
        The program.
    """
    infinite = bool(find_infinite(graph))
    graph = flatten(simplify(stop_zero_adjoints(graph, careful)))
    code = fuse(recognize(layout(schedule(graph, means)), means), joint)
    return replace(code, infinite=infinite)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the collector: graphs have no cycles, and looking for them takes longer than compiling."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

"""The subject of a check: a function at a point, or a recorded graph, ready to run on other numbers."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeAlias

from engine.check.binding import bind, refuse_options
from engine.check.raised import RAISED, said, shown
from engine.check.replayed import Replayed
from engine.check.shapes import flat, is_array, numbers_of, refilled
from engine.graph import dependents, topological
from engine.replay import replay
from engine.value import Value

__tracebackhide__ = True  # in pytest an invalid call is shown by its own line and the message

Point: TypeAlias = Mapping[str, Any] | Iterable[Any]
"""A point: numbers, lists of numbers to any depth, or NumPy arrays, by name or in order."""


class NotJudgedError(Exception):
    """The reason why no gradient can be checked, for the report."""


@dataclass(frozen=True)
class Run:
    """One run of a subject in double precision.

    Args:
        output: the recorded result.
        inputs: the recorded inputs, in the order of the subject's names.
        order: every value that the output depends on, parents first.
    """

    output: Value
    inputs: Sequence[Value]
    order: Sequence[Value]


class Subject(Protocol):
    """A function of named numbers, at a point."""

    names: list[str]
    point: list[float]
    text: str  # what is run again in high precision, for the report

    def record(self) -> Run:
        """Run it on fresh Values.

        Raises:
            NotJudgedError: if it cannot be differentiated.
        """

    def over(self, m: Any, numbers: Sequence[Any]) -> Any:
        """Its value at other numbers, computed in the number system `m` that they belong to."""

    def at(self, m: Any, i: int) -> Any:
        """The number of an input at the point, in the number system `m`."""
        return m.number(self.point[i])

    def moved(self, m: Any, numbers: Mapping[int, Any]) -> Any:
        """Its value near the point, with the inputs at some places replaced by numbers of `m`."""
        return self.over(m, [numbers.get(i, m.number(x)) for i, x in enumerate(self.point)])


_NO_NUMBERS = "there is nothing to check: the point has no numbers"


class FunctionSubject(Subject):
    """A Python function of Values, at a point.

    Args:
        f: the function; it gets the arguments in the shape in which they are given.
        args: positional arguments: numbers, or lists of numbers to any depth.
        kwargs: arguments by name; given in order to a function that has no names.
        who: what to call the function in an error.

    Raises:
        TypeError: if the function has other names, or an argument holds something that is not a real number.
        ValueError: if there is no number, or one is not finite.
    """

    text = "the function itself"

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], who: str = "f"
    ) -> None:
        if not (args or kwargs):
            raise ValueError(_NO_NUMBERS)
        bound = bind(f, args, kwargs, who)
        _refuse_twice(bound.names)
        self.f = f
        self._first: Run | None = None
        self.args = bound.args
        self.kwargs = bound.kwargs
        self.arguments = bound.arguments
        numbers = [number for name, x in self.arguments.items() for number in numbers_of(name, x)]
        self.names = [name for name, _ in numbers]
        self.point = [x for _, x in numbers]
        if not numbers:
            raise ValueError(_NO_NUMBERS)
        _refuse_twice(self.names)
        for name, x in numbers:
            if x - x != 0.0:
                raise ValueError(f"{name} = {x}: a derivative is taken at finite numbers")

    def call(self, values: Sequence[Any]) -> Any:
        """Call the function with these values in place of the numbers of the point."""
        fresh = iter(values)
        args = [refilled(argument, fresh) for argument in self.args]
        kwargs = {name: refilled(argument, fresh) for name, argument in self.kwargs.items()}
        return self.f(*args, **kwargs)

    def record(self) -> Run:
        """Run it on fresh Values, twice: a random function gives itself away, now or when recorded again."""
        first = self._first = self._first or self._run()
        second = self._run()
        if _trace(first) != _trace(second):
            raise NotJudgedError(_not_deterministic(first.output.data, second.output.data))
        # Of a copy, as f may use Values of its own, whose gradients are not to be modified, or set some.
        return GraphSubject(first.output, first.inputs).record()

    def over(self, m: Any, numbers: Sequence[Any]) -> Any:
        """Run the Python code again, on numbers of another system."""
        output = self.call([Replayed(x, m, name) for x, name in zip(numbers, self.names, strict=True)])
        if isinstance(output, Replayed):
            return output.number
        return m.number(number_of_output(output))

    def _run(self) -> Run:
        values = [Value(x, name) for name, x in zip(self.names, self.point, strict=True)]
        fresh = iter(values)
        args = [refilled(argument, fresh) for argument in self.args]
        kwargs = {name: refilled(argument, fresh) for name, argument in self.kwargs.items()}
        try:
            output = self.f(*args, **kwargs)
        except RAISED as error:
            raise NotJudgedError(f"f raises {type(error).__name__} at the point{said(error)}") from error
        self._refuse_mutation(values, args, kwargs)
        _refuse_output(output)
        return Run(output, values, topological([output]))

    def _refuse_mutation(
        self, values: Sequence[Value], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        for name, x, value in zip(self.names, self.point, values, strict=True):
            if repr(value.data) != repr(x):
                raise NotJudgedError(
                    f"f assigns its input: {name} was {x!r} and is {value.data!r} afterwards. "
                    "Compute a new Value instead."
                )
        found = [v for argument in (*args, *kwargs.values()) for v in flat(argument)]
        if len(found) != len(values) or any(a is not b for a, b in zip(found, values, strict=True)):
            raise NotJudgedError("f changes the list it was given. Let it work on a copy: list(x).")


class GraphSubject(Subject):
    """A recorded graph, of some of its leaves.

    Args:
        output: the recorded value.
        inputs: leaves, or inner values, to differentiate by; None for every leaf except constants.
    """

    text = "the recorded graph"

    def __init__(self, output: Value, inputs: Iterable[Any] | None = None) -> None:
        self.output = output
        self.order = topological([output])
        self.inputs = [v for v in self.order if v.is_variable] if inputs is None else list(inputs)
        self.names = [v.label or f"leaf {i}" for i, v in enumerate(self.inputs, start=1)]
        self.point = [v.data for v in self.inputs]
        self._at_rest: dict[Any, Mapping[Value, Any]] = {}

    def record(self) -> Run:
        """A copy of the graph, so that no `grad` is modified."""
        _refuse_output(self.output)
        copies: dict[int, Any] = {}
        output = copy.deepcopy(self.output, copies)
        inputs = [copies[id(v)] if id(v) in copies else Value(v.data, v.label) for v in self.inputs]
        order = topological([output])
        for value in order:
            value.grad = 0.0
        return Run(output, inputs, order)

    def over(self, m: Any, numbers: Sequence[Any]) -> Any:
        """Evaluate the recorded operations again; branches stay as they were taken."""
        return replay(self.order, m, dict(zip(self.inputs, numbers, strict=True)))[self.output]

    def at(self, m: Any, i: int) -> Any:
        """The number of an input; that of an inner value follows from the leaves."""
        known = self._values_at_the_point(m)
        return known[self.inputs[i]] if self.inputs[i] in known else m.number(self.point[i])

    def moved(self, m: Any, numbers: Mapping[int, Any]) -> Any:
        """Evaluate only what depends on the moved inputs."""
        replaced = {self.inputs[i]: number for i, number in numbers.items()}
        moved = dependents(self.order, replaced).difference(replaced)
        known = dict(self._values_at_the_point(m)) | replaced
        for value in moved:
            del known[value]
        return replay([value for value in self.order if value in moved], m, known)[self.output]

    def _values_at_the_point(self, m: Any) -> Mapping[Value, Any]:
        if m not in self._at_rest:
            self._at_rest[m] = replay(self.order, m, {})
        return self._at_rest[m]


def subject_of(f: Callable[..., Any] | Value, at: Point | None, named: Mapping[str, Any]) -> Subject:
    """The subject that the arguments of `check_gradients` describe.

    Args:
        f: a function of Values, or a recorded output.
        at: the point, by name or in order; of a recorded output the leaves to differentiate by.
        named: the point by keywords.

    Returns:
        The subject.

    Raises:
        TypeError: if the point is given twice, or is not a point.
        ValueError: if a recorded output depends on no leaf, or two leaves have the same label.
    """
    if isinstance(f, Value):
        if named or isinstance(at, Mapping):
            raise TypeError("a recorded output has its numbers already: give `at` leaves, or nothing")
        graph = GraphSubject(f, at)
        _refuse_names(graph.names)
        return graph
    if not callable(f):
        raise TypeError(f"f is {type(f).__name__} {f!r}; give a function of Values, or a recorded Value")
    if at is not None and named:
        raise TypeError("give the point once: as `at`, or by keywords")
    if at is None or isinstance(at, Mapping):
        if at is None:
            refuse_options(f, named)
        return FunctionSubject(f, (), named if at is None else at)
    array: Any = at if is_array(at) else None
    if not (isinstance(at, Sequence) if array is None else array.ndim) or isinstance(at, (str, bytes)):
        raise TypeError(f"`at` is {type(at).__name__}; give a dict, a sequence or keywords: x=0.5")
    return FunctionSubject(f, list(at), {})


def _refuse_twice(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"two numbers of the point have the name {twice[0]!r}: give one of them another name"
        )


def _refuse_names(names: Sequence[str]) -> None:
    if not names:
        raise ValueError("there is nothing to check: the output does not depend on any leaf")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"two leaves are labelled {min(twice)!r}: give each leaf a label of its own")


def number_of_output(output: Any) -> float:
    """The number that f returns near the point, where it may be one that does not depend on the inputs.

    Args:
        output: what f returns.

    Returns:
        The number.

    Raises:
        NotJudgedError: if it is no number.
    """
    if isinstance(output, Real) and not isinstance(output, bool):
        return float(output)
    _refuse_output(output)
    number: float = output.data
    return number


def _refuse_output(output: Any) -> None:
    if isinstance(output, (list, tuple)):
        raise NotJudgedError(
            f"f returns a {type(output).__name__} of {len(output)}, not one Value. "
            "Check its outputs one by one."
        )
    if is_array(output) and output.size == 1:
        raise NotJudgedError(
            f"f returns an array of the shape {output.shape}, not one Value. Take its number: array.item()."
        )
    if is_array(output):
        raise NotJudgedError(
            f"f returns an array of the shape {output.shape}, not one Value. Check its outputs one by one, "
            "or a rule for all of them with check_vjp."
        )
    if not isinstance(output, Value):
        raise NotJudgedError(f"f returns {shown(output)}, not a Value. {_advice(output)}")
    if output.data - output.data != 0.0:
        raise NotJudgedError(f"f is {output.data} at the point, and has no derivative there.")


def _not_deterministic(a: float, b: float) -> str:
    gave = f"gave {a!r} and {b!r}" if a != b else "recorded different operations"
    return (
        f"f is not deterministic: two runs at the same point {gave}. Draw its random numbers outside, or "
        "seed them inside."
    )


def _advice(output: Any) -> str:
    if output is None:
        return "Is a return missing?"
    if isinstance(output, Real):
        return "Did it take .data, or a function of math?"
    return "Let it return one Value."


def _trace(run: Run) -> list[tuple[str, str, tuple[int, ...]]]:
    index = {value: i for i, value in enumerate(run.order)}
    return [(v.op, repr(v.data), tuple(index[p] for p in v.parents)) for v in run.order]

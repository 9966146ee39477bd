"""The true slopes by all inputs: those that one direction confirms together, the others one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import monotonic

from flint import arb
from tqdm import tqdm

from engine.check.high_precision import Rules, agrees, widened
from engine.check.raised import said
from engine.check.replayed import DifferentiatesItselfError, NotReplayableError
from engine.check.subject import FunctionSubject, GraphSubject, Run, Subject, number_of_output
from engine.check.truth import Slope, Truth, number_of
from engine.value import Value

_MOST_WRONG = 100  # so many wrong derivatives are looked at one by one
_NOT_LOOKED_AT = Slope(
    "unresolved", None, None, None, 0, f"not looked at, as {_MOST_WRONG} others are wrong already"
)


@dataclass
class Deadline:
    """When the truth must be known.

    Args:
        seconds: how long from now.
    """

    seconds: float

    def __post_init__(self) -> None:
        self._end = monotonic() + self.seconds

    @property
    def has_passed(self) -> bool:
        """Whether the time is over."""
        return monotonic() > self._end

    @property
    def slope(self) -> Slope:
        """A slope that was not looked at."""
        reason = f"the {self.seconds:g} seconds for the check were over: allow more with seconds="
        return Slope("unresolved", None, None, None, 0, reason)


def true_slopes(subject: Subject, run: Run, rules: Rules, seconds: float) -> tuple[list[Slope], str]:
    """The true slope by each input.

    Args:
        subject: what is checked.
        run: one run of it in doubles.
        rules: its rules over balls.
        seconds: how long it may take.

    Returns:
        The slopes, in order, and in words how they were computed.
    """
    truth, deadline = Truth(subject), Deadline(seconds)
    try:
        slopes, how = settled_slopes(truth, run.inputs, rules, deadline), subject.text
    except DifferentiatesItselfError as error:
        graph = GraphSubject(run.output, run.inputs)
        slopes, how = settled_slopes(Truth(graph), run.inputs, rules, deadline), f"{graph.text} (as {error})"
    except (NotReplayableError, TypeError, AttributeError) as error:
        return _in_doubles(subject, error)
    how += f", over balls of {max(slope.bits for slope in slopes)} bits{_together(slopes)}"
    return slopes, f"{how}; f computes with floats taken out of Values" if truth.floats_matter else how


def _together(slopes: Sequence[Slope]) -> str:
    count = sum(slope.together for slope in slopes)
    others = f", the other {len(slopes) - count} one by one" if count < len(slopes) else ""
    return f"; {count} inputs along one random direction{others}" if count else ""


def settled_slopes(truth: Truth, inputs: Sequence[Value], rules: Rules, deadline: Deadline) -> list[Slope]:
    """The slopes: those that one direction confirms all at once, the others one by one.

    Args:
        truth: the truth of the subject.
        inputs: its recorded inputs.
        rules: the rules of the recording, whose derivatives are confirmed.
        deadline: when to stop.

    Returns:
        A slope for each input, in order.
    """
    slopes: dict[int, Slope] = {}
    wrong = 0
    rng = Random(0)
    todo = [list(range(len(inputs)))]
    with tqdm(total=len(inputs), unit="input", delay=2.0, leave=False, disable=None) as bar:
        while todo:
            places = todo.pop()
            derivatives = {i: rules.derivative(inputs[i]) for i in places}
            if deadline.has_passed:
                slopes.update((i, deadline.slope) for i in places)
            elif wrong >= _MOST_WRONG:
                slopes.update((i, _NOT_LOOKED_AT) for i in places)
            elif len(places) == 1:
                i = places[0]
                slopes[i] = slope = truth.slope(i, rules.terms[inputs[i]])
                b = derivatives[i]
                wrong += slope.value is not None and not agrees(number_of(b), widened(slope, b))
            elif all(b.is_finite() for b in derivatives.values()) and truth.confirms(derivatives, rng):
                slopes.update((i, _confirmed(b, rules.bits)) for i, b in derivatives.items())
            else:
                middle = len(places) // 2
                todo += [places[middle:], places[:middle]]
                continue
            bar.update(len(places))
    return [slopes[i] for i in range(len(inputs))]


def _confirmed(derivative: arb, bits: int) -> Slope:
    value = number_of(derivative)
    error = float(derivative.rad().upper())
    return Slope("smooth", value, value, value, bits, error=error, together=True)


# --- Differences in doubles, for functions that run on no other numbers.


def _in_doubles(subject: Subject, error: Exception) -> tuple[list[Slope], str]:
    slopes = [_in_double(subject, i) for i in range(len(subject.names))]
    bound = max((s.error / abs(s.value) for s in slopes if s.value), default=0.0)
    why = f"f cannot run on balls{said(error)}"
    return slopes, f"differences in double precision, good to {bound:.0e} relative, as {why}"


def _in_double(subject: Subject, i: int) -> Slope:
    if not isinstance(subject, FunctionSubject):
        return Slope("unresolved", None, None, None, 53, "the recorded graph cannot run on other numbers")
    function = subject

    def along(x: float) -> float:
        point = [*function.point[:i], x, *function.point[i + 1 :]]
        return number_of_output(function.call([Value(x_j) for x_j in point]))

    from engine.check.differences import extrapolate  # NumPy is not imported for a check over balls

    return extrapolate(along, function.point[i])

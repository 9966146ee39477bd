"""Why a claimed derivative is wrong: the claims as a hand computation of which only the results are known."""

from collections.abc import Mapping, Sequence

from engine.check.subject import Run
from engine.claims import Claim
from engine.mistakes.computation import ADJOINT, VALUE, Computation, Known, Problem, Quantity, compute
from engine.mistakes.diagnosis import Reason, explain
from engine.value import Value

_LARGEST = 20_000  # values: in a larger graph only the results are looked at


def diagnose(
    run: Run | None,
    names: Sequence[str],
    truth: Mapping[str, float],
    claims: Mapping[str, Claim],
    wrong: Sequence[str],
) -> dict[str, list[Reason]]:
    """The mistakes that explain wrong numbers.

    Args:
        run: the graph; None where there is none.
        names: the names of its inputs.
        truth: the derivatives, as far as they are known.
        claims: the claimed derivatives.
        wrong: the names whose claims are wrong.

    Returns:
        For each wrong name the mistakes that explain it; an empty list where none does.
    """
    small = run is not None and len(run.order) <= _LARGEST
    inputs = list(run.inputs) if run is not None and small else [Value(0.0, name) for name in names]
    quantities = {name: Quantity(ADJOINT, x) for name, x in zip(names, inputs, strict=True)}
    claimed = {quantities[n]: Known(c.value, c.half_unit or 0.0) for n, c in claims.items() if n in truth}
    problem = Problem(
        run.order if run is not None and small else inputs,
        run.output if run is not None and small else inputs[0],
        names={q: name for name, q in quantities.items()},
    )
    own = compute(problem, claimed) if small else Computation(problem, claimed, {}, {})
    own.follows.update({Quantity(VALUE, x): Known(x.data) for x in inputs})
    own.follows.update({quantities[name]: Known(slope) for name, slope in truth.items()})
    judged = {quantities[name]: claim for name, claim in claims.items() if name in truth}
    found = explain(own, judged, [quantities[name] for name in wrong])
    return {name: found[quantities[name]] for name in wrong}

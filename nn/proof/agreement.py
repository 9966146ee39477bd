"""Three routes to the same gradients: reverse mode, the delta rule, the forward pass over balls.

They share no rule for a derivative. Reverse mode multiplies the engine's partials in floats; the delta rule
is a closed form of its own in 400 digits; the truth runs the recorded forward pass again on balls that move
(`engine.check.truth`), and uses no rule of the table for partials at all.

Floats lose digits where terms cancel, and that is no fault of a rule. So reverse mode runs over balls too, by
the same rules. That gradient must agree with the delta rule relative to itself; the gradient in floats must
agree relative to the terms that it is the sum of. Where it does not, but all floats follow from each other,
they lost digits on the way: an output that rounds to its target leaves none of what is between the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from engine import Value, fsum
from engine.backprop import adjoints, backward
from engine.check.high_precision import Rules, are_but_rounded, settle
from engine.check.slopes import Deadline, settled_slopes
from engine.check.subject import GraphSubject, Run
from engine.check.truth import UNDEFINED, Truth, number_of
from engine.graph import topological
from engine.report import Block, Report, Table
from nn import losses
from nn.losses import LossFunction
from nn.modules import MLP
from nn.proof.delta_rule import DeltaRule, delta_rule
from nn.train import Rows, Targets, as_examples

__all__ = ["AgreementReport", "check_network"]

TOLERANCE = 1e-12
ENOUGH = 1e-8  # where rounding costs digits, so many are enough, as for `check_gradients`
AGREE, ROUNDING, NOT_PROVED, DIFFER = "agree", "rounding", "not proved", "DIFFER"
_NOTHING_LEFT = 1e-40  # relative to the terms: less is 0
_WITHOUT_DERIVATIVE = ("kink", "jump", "vertical")  # the rules follow a convention there
_LEAST = math.ulp(0.0) / TOLERANCE  # a gradient below it has fewer digits than the tolerance asks for


@dataclass(frozen=True)
class RouteComparison:
    """One parameter's gradient by three routes.

    Attributes:
        label: the parameter.
        engine: by reverse mode.
        delta_rule: by the delta rule, correctly rounded.
        truth: by the forward pass over balls, correctly rounded; None if it was left out, or if the parameter
            is at a kink of the network in an example, where there is no derivative.
        scale: the sum of the magnitudes of the terms that reverse mode added up, the largest of the
            layer. Rounding errors are in proportion to it, even where the terms cancel.
        exact_gap: the largest gap to the delta rule, over the examples, of the gradients over balls: by the
            engine's rules and by the forward pass. It is relative to the gradient itself; NaN where balls
            leave it open.
        rounded: whether all floats follow from each other, so that a gap between them is rounding.
    """

    label: str
    engine: float
    delta_rule: float
    truth: float | None
    scale: float
    exact_gap: float
    rounded: bool = False

    @property
    def ulp(self) -> float:
        """The gap between reverse mode and the delta rule, in units in the last place."""
        gap = abs(self.engine - self.delta_rule)
        return gap / math.ulp(self.delta_rule) if gap else 0.0

    @property
    def float_gap(self) -> float:
        """The gap between reverse mode and the delta rule, relative to the terms; infinite beside NaN."""
        return _relative(self.engine, self.delta_rule, max(self.scale, abs(self.delta_rule)))

    @property
    def gap(self) -> float:
        """The larger of the two relative gaps; infinite where one is open."""
        return math.inf if math.isnan(self.exact_gap) else max(self.float_gap, self.exact_gap)

    @property
    def verdict(self) -> str:
        """How the routes agree: in high precision fully, and in floats to within rounding."""
        if self.gap <= TOLERANCE:
            return AGREE
        if math.isnan(self.exact_gap):
            return NOT_PROVED
        return ROUNDING if self.rounded and self.exact_gap <= TOLERANCE else DIFFER

    @property
    def ok(self) -> bool:
        """Whether the routes agree, with enough digits where rounding costs some."""
        return self.verdict == AGREE or (self.verdict == ROUNDING and self.gap <= ENOUGH)


def _relative(x: float, truth: float, size: float) -> float:
    gap = abs(x - truth)
    if gap == 0.0:
        return 0.0
    comparable = size > 0.0 and math.isfinite(gap) and math.isfinite(size)
    return gap / size if comparable else math.inf


@dataclass(frozen=True)
class AgreementReport(Report):
    """The comparison of every gradient of a network.

    Attributes:
        comparisons: one for each parameter, in order.
        examples: how many examples the gradients are the mean over.
        loss: the name of the loss.
        shown: the comparisons in the table; None for all.
    """

    comparisons: Sequence[RouteComparison]
    examples: int
    loss: str
    shown: Sequence[RouteComparison] | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a gradient, and every gradient agrees."""
        return bool(self.comparisons) and all(c.ok for c in self.comparisons)

    @property
    def worst(self) -> RouteComparison:
        """The comparison with the largest gap; one that differs before any other that is not right."""
        return max(self.comparisons, key=lambda c: (not c.ok, c.verdict == DIFFER, c.gap))

    @property
    def headline(self) -> str:
        """The result in one line."""
        if not self.comparisons:
            return "no gradient could be compared: the network has no parameters"
        over = f"over {self.examples} example{'s' if self.examples > 1 else ''}"
        if not self.ok:
            return self._failed(over)
        in_floats = max(c.float_gap for c in self.comparisons)
        in_digits = max(c.exact_gap for c in self.comparisons)
        exactly = f"within {in_digits:.1g} of themselves" if in_digits else "the last place of a float"
        return (
            f"all {len(self.comparisons)} gradients agree {over}: in floats to within {in_floats:.1g} of the "
            f"terms they add up, over balls to {exactly}"
        )

    def _failed(self, over: str) -> str:
        worst = self.worst
        alike = [c for c in self.comparisons if not c.ok and c.verdict == worst.verdict]
        some = f"{len(alike)} of {len(self.comparisons)} gradients"
        if worst.verdict == NOT_PROVED:
            return (
                f"{some} cannot be proved {over}, as that by {worst.label}: numbers are too close to a branch"
            )
        if worst.verdict == ROUNDING:
            return (
                f"every rule is right, but rounding leaves few digits of {some} {over}; the worst is "
                f"{worst.label}, {worst.engine:.6g} in place of {worst.delta_rule:.6g}{self._hint}"
            )
        return f"{some} disagree {over}; the worst is {worst.label}, by {worst.gap:.1e}{self._hint}"

    @property
    def _hint(self) -> str:
        """A rounded probability has lost the digits by which it differs from 0 or 1, and so has its loss."""
        if f"{self.loss}_from_logits" not in losses.LOSSES:
            return ""
        return f"; {self.loss} loses digits where an output is close to 0 or 1: use {self.loss}_from_logits"

    @property
    def tables(self) -> list[Table]:
        """One table: a row for each parameter."""
        shown = self.comparisons if self.shown is None else self.shown
        notes = [] if self.shown is None else [f"the {len(shown)} largest gaps of {len(self.comparisons)}"]
        blocks = [Block([_row(c)], [c.ok]) for c in shown]
        header = ("parameter", "reverse mode", "delta rule", "truth", "gap", "")
        return [Table(header, blocks, notes, align="lrrrrl")]

    def data(self) -> dict[str, Any]:
        """The comparisons as data, by parameter."""
        return {
            "examples": self.examples,
            "gradients": {
                c.label: {
                    "engine": c.engine,
                    "delta_rule": c.delta_rule,
                    "truth": c.truth,
                    "ulp": c.ulp,
                    "exact_gap": c.exact_gap,
                    "verdict": c.verdict,
                    "ok": c.ok,
                }
                for c in self.comparisons
            },
        }

    def worst_first(self, count: int) -> AgreementReport:
        """The same report with a short table.

        Args:
            count: how many comparisons to show.

        Returns:
            The report; its table has the largest gaps, and says so.
        """
        if len(self.comparisons) <= count:
            return self
        return replace(self, shown=sorted(self.comparisons, key=lambda c: -c.gap)[:count])


def _row(c: RouteComparison) -> list[str]:
    truth = "–" if c.truth is None else f"{c.truth:.12g}"
    numbers = [f"{c.engine:.12g}", f"{c.delta_rule:.12g}", truth, f"{c.ulp:.3g} ULP"]
    return [c.label, *numbers, c.verdict]


def check_network(
    model: MLP,
    X: Rows,
    y: Targets,
    loss: LossFunction | str,
    *,
    truth: bool = True,
    progress: bool = False,
) -> AgreementReport:
    """Compare every gradient of a network by reverse mode, the delta rule and the forward pass alone.

    The gradient is that of the mean loss. No `grad` is modified.

    Args:
        model: the network.
        X: the inputs, one row for each example.
        y: the targets, a number or a row for each example.
        loss: a function of outputs and targets, or its name in `nn.LOSSES`.
        truth: whether to run the forward pass over balls too.
        progress: whether to show a bar.

    Returns:
        The report.

    Raises:
        ValueError: if the data is empty or does not fit, or the loss is infinite.

    Example:
        >>> from nn import MLP, check_network
        >>> model = MLP.from_weights([[[0.5, -1.0]]], [[0.25]], ["sigmoid"])
        >>> report = check_network(model, [[1.0, 2.0]], [1.0], "log_loss")
        >>> report.ok, [comparison.label for comparison in report.comparisons]
        (True, ['w_11^1', 'w_12^1', 'b_1^1'])
    """
    J = losses.find_loss(loss)
    examples = as_examples(X, y, "given")
    costs, closed, slopes, exact_gaps = [], [], [], []
    for x_i, y_i in tqdm(examples, unit="example", disable=not progress):
        cost = J(model(x_i), y_i)
        costs.append(cost)
        closed.append(_by_parameter(model, delta_rule(model, x_i, y_i, J)))
        by_rules, truths = _over_balls(model, cost, truth)
        slopes.append(truths)
        exact_gaps.append(_exact_gaps(closed[-1], by_rules, slopes[-1], _scales(model, cost)))
    mean = fsum(costs) * (1.0 / len(costs))
    run = GraphSubject(mean, model.parameters()).record()  # a copy
    backward(run.output)
    columns = zip(
        [p.label for p in model.parameters()],
        [p.grad for p in run.inputs],
        [math.fsum(column) / len(examples) for column in zip(*closed, strict=True)],
        [
            None if None in column else float(sum(column) / len(column))
            for column in zip(*slopes, strict=True)
        ],
        _scales(model, mean),
        [_largest(column) for column in zip(*exact_gaps, strict=True)],
        strict=True,
    )
    comparisons = [RouteComparison(*column) for column in columns]
    if any(c.float_gap > TOLERANCE for c in comparisons) and are_but_rounded(run.order):
        comparisons = [replace(c, rounded=True) for c in comparisons]
    return AgreementReport(comparisons, len(examples), getattr(J, "__name__", str(J)))


def _by_parameter(model: MLP, rule: DeltaRule) -> list[float]:
    """The gradients of the delta rule in the order of `model.parameters()`."""
    return [
        gradient
        for rows, biases in zip(rule.dW, rule.db, strict=True)
        for row, bias in zip(rows, biases, strict=True)
        for gradient in (*row, bias)
        if gradient is not None
    ]


def _over_balls(model: MLP, cost: Value, truth: bool) -> tuple[list[Any], list[Any]]:
    """The gradients of one example by the rules, and by the forward pass if that is asked for."""
    parameters = model.parameters()
    try:
        rules = settle(Run(cost, parameters, topological([cost])))
    except UNDEFINED:  # a number on a branch that no precision tells apart, or outside a domain: not proved
        return [math.nan] * len(parameters), [math.nan if truth else None] * len(parameters)
    by_rules = [number_of(rules.derivative(p)) if rules.is_settled(p) else math.nan for p in parameters]
    return by_rules, _truths(model, cost, rules) if truth else [None] * len(parameters)


def _truths(model: MLP, cost: Value, rules: Rules) -> list[Any]:
    """The gradients of one example by the forward pass; None at a kink, where there is no derivative."""
    truth = Truth(GraphSubject(cost, model.parameters()))
    slopes = settled_slopes(truth, model.parameters(), rules, Deadline(math.inf))
    return [None if slope.kind in _WITHOUT_DERIVATIVE else _or_nan(slope.value) for slope in slopes]


def _or_nan(x: Any) -> Any:
    return math.nan if x is None else x


def _exact_gaps(
    closed: Sequence[float], rules: Sequence[float], slopes: Sequence[Any], scales: Sequence[float]
) -> list[float]:
    """For each parameter, how far the gradients of one example over balls are from the closed form."""
    return [
        _largest(
            math.nan
            if math.isnan(x)
            else _relative(float(x), truth, max(abs(truth), scale * _NOTHING_LEFT, _LEAST))
            for x in (by_rules, slope)
            if x is not None
        )
        for truth, by_rules, slope, scale in zip(closed, rules, slopes, scales, strict=True)
    ]


def _largest(gaps: Iterable[float]) -> float:
    """The largest gap; NaN if one is."""
    return max(gaps, key=lambda gap: (math.isnan(gap), gap))


def _scales(model: MLP, output: Value) -> list[float]:
    """For each parameter the largest sum of magnitudes in its layer: the chain rule without signs."""
    magnitude = adjoints(topological([output]), output, lambda value: map(abs, value.partials), 1.0)
    return [
        max(magnitude.get(p, 0.0) for p in layer.parameters())
        for layer in model.layers
        for _ in layer.parameters()
    ]

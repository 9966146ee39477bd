"""An exercise and its solution on paper: Markdown with LaTeX, and data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.derivatives import grad
from engine.grading.names import Vocabulary
from engine.mistakes.computation import ADJOINT, UPDATED, Quantity
from engine.show.explain import explain
from engine.show.notation import LATEX, TEXT, Writing
from engine.show.steps import Line, Step, Walkthrough
from engine.show.text import parse_name
from engine.value import Value
from nn import storage
from nn.exercises.exercise import Exercise, Network, answers, from_content
from nn.exercises.papers import SHEET_COLUMNS
from nn.losses import LOSSES
from nn.show.explain import explain_network
from nn.show.network import describe

_RATE = r"\eta"
_SIGMOID = r"σ(x) = \dfrac{1}{1 + e^{-x}}"
_LOSSES = {
    "squared_error": r"E = \sum_{i} \left(a_{i} - y_{i}\right)^{2}",
    "log_loss": r"E = -\sum_{i} \left(y_{i} \log a_{i} + (1 - y_{i}) \log (1 - a_{i})\right)",
}


# --- The question.


def question(exercise: Exercise) -> str:
    """The student's edition: what is given, and a table to fill in.

    Args:
        exercise: the exercise.

    Returns:
        Markdown with LaTeX.
    """
    given = _network_given(exercise.network) if exercise.network else _steps_given(exercise)
    rate = exercise.learning_rate
    task = "Compute the numbers in the table" + (
        "."
        if rate is None
        else f", with one step of gradient descent at the learning rate ${_RATE} = {rate:g}$."
    )
    names = _latex_names(exercise)
    rows = [f"| ${names[name]}$ | `{name}` | |" for name in exercise.asked]
    lines = [
        f"# {_title(exercise)}",
        "",
        *given,
        "",
        f"{task} Work by hand, with at least four decimals. The name in the second column stands for the "
        "quantity in the paper that you hand in.",
        "",
        f"| quantity | {' | '.join(SHEET_COLUMNS)} |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _title(exercise: Exercise) -> str:
    kinds = {
        "expression": "The derivatives of an expression",
        "network": "A network, forwards and backwards",
        "step": "A step of gradient descent",
    }
    kind, seed = exercise.content.get("kind", ""), exercise.content.get("seed", "")
    return f"Exercise {seed}: {kinds.get(kind, 'A computation')}".replace(" :", ":")


def _steps_given(exercise: Exercise) -> list[str]:
    explanation = explain(exercise.output)
    names = explanation.names.latex
    leaves = [v for v in exercise.order if v.label and not v.parents]
    given = ", ".join(f"${names[v][0]} = {LATEX.number(v.data)[0]}$" for v in leaves)
    formulas = [
        f"- ${names[v][0]} = {LATEX.formula(operation, [names[o.value] for o in operation.operands])[0]}$"
        for v, operation in explanation.selection.operations.items()
        if v.label
    ]
    sigmoid = any(v.op == "sigmoid" for v in exercise.order)
    return [f"Given {given}, and", "", *formulas, *(["", f"where ${_SIGMOID}$."] if sigmoid else [])]


def _network_given(network: Network) -> list[str]:
    first = network.model.layers[0]
    sizes = "-".join(map(str, [first.n_in, *(len(layer.neurons) for layer in network.model.layers)]))
    inputs = ", ".join(f"$x_{{{j}}} = {LATEX.number(x)[0]}$" for j, x in enumerate(network.x, start=1))
    targets = ", ".join(f"$y_{{{i}}} = {LATEX.number(y)[0]}$" for i, y in enumerate(network.y, start=1))
    return [
        f"A network {sizes} with the inputs {inputs} and the target {targets}.",
        "",
        r"- $z_{i}^{l} = \sum_{j} w_{ij}^{l}\, a_{j}^{l-1} + b_{i}^{l}$ and $a_{i}^{l} = f(z_{i}^{l})$, "
        r"where $a^{0} = x$;",
        *(
            f"- in layer {layer.number}, $f$ is {_function(layer.activation)};"
            for layer in network.model.layers
        ),
        f"- the loss of the outputs is {_loss(network)}.",
        "",
        "| layer | neuron | weights and bias |",
        "|---|---|---|",
        *(
            f"| {layer.number} | {i} | {', '.join(_weight(p) for p in neuron.parameters())} |"
            for layer in network.model.layers
            for i, neuron in enumerate(layer.neurons, start=1)
        ),
    ]


def _loss(network: Network) -> str:
    row = LOSSES[network.loss]
    return f"${_LOSSES[network.loss]}$" if network.loss in _LOSSES else getattr(row, "text", row.__name__)


def _function(activation: str) -> str:
    return f"the sigmoid ${_SIGMOID}$" if activation == "sigmoid" else activation


def _weight(parameter: Value) -> str:
    return f"${parse_name(parameter.label).latex} = {LATEX.number(parameter.data)[0]}$"


def _latex_names(exercise: Exercise) -> dict[str, str]:
    """The quantities that are asked for, in LaTeX, by name."""
    words = Vocabulary(exercise.order, exercise.output)
    return {name: _latex_name(name, words.find(name), exercise.output) for name in exercise.asked}


def _latex_name(name: str, quantity: Quantity, output: Value) -> str:
    label = parse_name(quantity.value.label).latex
    if quantity.kind == UPDATED:
        return rf"\text{{new }} {label}"
    if quantity.kind == ADJOINT and not name.startswith("delta"):
        return LATEX.derivative(parse_name(output.label or "E").latex, label)
    return parse_name(name).latex


# --- The solution.


def solution(exercise: Exercise) -> str:
    """The lecturer's edition: every formula with its numbers.

    Args:
        exercise: the exercise.

    Returns:
        Markdown with LaTeX: both passes, the step, the pass after it, and the number of each quantity.
    """
    lines = [f"# {_title(exercise)}: solution", "", _walk(exercise).markdown.rstrip()]
    if exercise.network is not None:
        lines.insert(2, f"The loss of the outputs is {_loss(exercise.network)}.\n")
    if exercise.learning_rate is not None:
        lines += ["", f"**Step** at the learning rate ${_RATE} = {exercise.learning_rate:g}$", ""]
        lines += [f"{n}. ${latex}$" for n, (_, latex) in enumerate(_step(exercise), start=1)]
        lines += ["", "**After the step**", ""]
        lines += [f"{n}. ${step.latex}$" for n, step in enumerate(_again(exercise), start=1)]
    names, numbers = _latex_names(exercise), answers(exercise)
    lines += ["", "| quantity | in the paper | number |", "|---|---|--:|"]
    lines += [f"| ${names[name]}$ | `{name}` | {x:.6f} |" for name, x in numbers.items()]
    return "\n".join(lines) + "\n"


def solution_data(exercise: Exercise) -> dict[str, Any]:
    """The solution as data: the numbers with all their digits, and the steps as text and as LaTeX."""
    steps: list[tuple[str, str, str]] = [(s.phase, s.text, s.latex) for s in _walk(exercise).steps]
    if exercise.learning_rate is not None:
        steps += [("step", *line) for line in _step(exercise)]
        steps += [("after the step", s.text, s.latex) for s in _again(exercise)]
    return {
        "answers": answers(exercise),
        "steps": [{"phase": phase, "text": text, "latex": latex} for phase, text, latex in steps],
    }


def _walk(exercise: Exercise) -> Walkthrough:
    network = exercise.network
    if network is None:
        return explain(exercise.output)
    return explain_network(describe(network.model, network.x, network.y, network.cost))


@dataclass(frozen=True)
class StepWriting(Writing):
    """The step of a leaf in one notation."""

    rate: str

    def step(self, leaf: Value, output: Value, gradient: float, rate: float) -> str:
        """The number before the step, minus the learning rate times the gradient."""
        name = self.notation.name(parse_name(leaf.label))[0]
        of = self.notation.name(parse_name(output.label or "E"))[0]
        by = self.notation.derivative(of, name)
        factors = self.notation.times.join((self.number(rate), self.number(gradient)))
        return self.equation(
            self._new(name),
            f"{name}{self.notation.minus}{self.rate}{self.notation.dot}{by}",
            f"{self.number(leaf.data)}{self.notation.minus}{factors}",
            self.number(leaf.data - rate * gradient),
        )

    def _new(self, name: str) -> str:
        return rf"\text{{new }} {name}" if self.notation is LATEX else f"new {name}"


def _step(exercise: Exercise) -> Iterator[Line]:
    gradients = _gradients(exercise)
    text, latex = StepWriting(TEXT, "η"), StepWriting(LATEX, _RATE)
    rate = exercise.learning_rate or 0.0
    for leaf in exercise.moved:
        lines = [writing.step(leaf, exercise.output, gradients[leaf], rate) for writing in (text, latex)]
        yield lines[0], lines[1]


def _gradients(exercise: Exercise) -> dict[Value, float]:
    moved = exercise.moved
    return dict(zip(moved, (d.data for d in grad(exercise.output, moved)), strict=True))


def _again(exercise: Exercise) -> Sequence[Step]:
    """The forward pass with the numbers after the step."""
    rate, gradients = exercise.learning_rate or 0.0, _gradients(exercise)
    numbers = {v.label: v.data - rate * d for v, d in gradients.items()}
    if exercise.network is None:
        content = {**exercise.content, "at": {**exercise.content["at"], **numbers}}
        after = from_content(content)
    else:
        model = storage.model_of(storage.layers_of(exercise.network.model))
        for p in model.parameters():
            p.data = numbers[p.label]
        old = exercise.network
        network = Network(model, old.x, old.y, old.loss)
        after = Exercise(network.cost(), rate, network=network)
    return [step for step in _walk(after).steps if step.phase == "forward"]

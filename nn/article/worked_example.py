"""The worked example: one step of gradient descent, as three editions print it and computed exactly.

From "Backpropagation: Step-By-Step Derivation" (Roi Yehoshua, 2023): two inputs, hidden layers of three and
two neurons, one output, sigmoids everywhere, log loss. The neurons are numbered as in the article: 1, 2, 3
and 4, 5 and 6. `w_41` is the weight from neuron 1 to neuron 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from engine.graph import topological
from engine.show.diagram import Diagram
from engine.show.player import Player
from nn.losses import log_loss
from nn.modules import MLP
from nn.optim import SGD
from nn.proof.agreement import AgreementReport, check_network

INPUTS = (1.0, 0.0)
TARGET = 1.0
LEARNING_RATE = 0.5
WEIGHTS = (
    ((0.5, None), (-0.2, None), (None, None)),
    ((-0.5, 0.4, None), (0.3, 0.6, 0.4)),
    ((0.5, 0.7),),
)
BIASES = ((0.3, 0.7, -0.1), (None, None), (None,))
NEURONS = ((1, 2, 3), (4, 5), (6,))

EDITIONS = ("April 2023", "July 2023", "November 2023")
PUBLISHED: Mapping[str, tuple[str, str, str]] = {
    "a_1": ("0.6900", "0.6900", "0.6900"),
    "a_2": ("0.6225", "0.6225", "0.6225"),
    "a_3": ("0.4750", "0.4750", "0.4750"),
    "a_4": ("0.4760", "0.4760", "0.4760"),
    "a_5": ("0.6836", "0.6836", "0.6836"),
    "a_6": ("0.6718", "0.6718", "0.6718"),
    "delta_6": ("-0.3282", "-0.3282", "-0.3282"),
    "delta_4": ("-0.0409", "-0.0409", "-0.0409"),
    "delta_5": ("-0.0823", "-0.0497", "-0.0497"),
    "delta_1": ("-0.0009", "0.0012", "0.0012"),
    "delta_2": ("-0.0155", "-0.0109", "-0.0109"),
    "delta_3": ("-0.0082", "-0.0050", "-0.0050"),
    "new w_64": ("0.5781", "0.5781", "0.5781"),
    "new w_65": ("0.8569", "0.8569", "0.8121"),
    "new w_41": ("-0.5141", "-0.5141", "-0.4859"),
    "output after the step": ("0.7043", "0.7037", "0.6981"),
}
"""The numbers of each edition. July prints 0.7035 as its last number; here is what its arithmetic gives."""


def network() -> MLP:
    """The network of the example, labelled as in the article.

    Returns:
        The network: 2 inputs, 12 parameters.

    Example:
        >>> [p.label for p in network().parameters()][:4]
        ['w_11', 'b_1', 'w_21', 'b_2']
    """
    model = MLP.from_weights(WEIGHTS, BIASES, ["sigmoid"] * 3)
    before: tuple[int, ...] = (1, 2)
    for layer, numbers in zip(model.layers, NEURONS, strict=True):
        for neuron, i in zip(layer.neurons, numbers, strict=True):
            neuron.labels = f"z_{i}", f"a_{i}"
            for w, j in zip(neuron.w, neuron.sources, strict=True):
                w.label = f"w_{i}{before[j]}"
            if neuron.b is not None:
                neuron.b.label = f"b_{i}"
        before = numbers
    return model


@dataclass(frozen=True)
class Pass:
    """One forward pass, one backward pass and one step, by name: `a_4`, `delta_4`, `dE/dw_41`, `w_41`.

    Attributes:
        z: net inputs by neuron.
        a: activations by neuron.
        delta: deltas by neuron.
        gradient: derivatives of the loss by parameter.
        updated: parameters after the step.
        output: the output after the step.
    """

    z: Mapping[int, float]
    a: Mapping[int, float]
    delta: Mapping[int, float]
    gradient: Mapping[str, float]
    updated: Mapping[str, float]
    output: float

    def by_name(self) -> dict[str, float]:
        """The numbers that the article prints, by the names of `PUBLISHED`."""
        return {
            **{f"a_{i}": self.a[i] for i in (1, 2, 3, 4, 5, 6)},
            **{f"delta_{i}": self.delta[i] for i in (6, 4, 5, 1, 2, 3)},
            **{f"new {name}": self.updated[name] for name in ("w_64", "w_65", "w_41")},
            "output after the step": self.output,
        }


def by_engine() -> Pass:
    """The example by the engine: record, run `backward`, read `grad`, take a step.

    Returns:
        Its numbers.

    Example:
        >>> one = by_engine()
        >>> f"{one.a[6]:.4f} {one.output:.4f}"
        '0.6718 0.6981'
    """
    model = network()
    output = model(INPUTS)
    loss = log_loss(output, TARGET)
    loss.backward()
    values = {value.label: value for value in topological([loss]) if value.label}
    neurons = [i for layer in NEURONS for i in layer]
    gradient = {p.label: p.grad for p in model.parameters()}
    SGD(model.parameters(), LEARNING_RATE).step()
    return Pass(
        z={i: values[f"z_{i}"].data for i in neurons},
        a={i: values[f"a_{i}"].data for i in neurons},
        delta={i: values[f"z_{i}"].grad for i in neurons},
        gradient=gradient,
        updated={p.label: p.data for p in model.parameters()},
        output=model(INPUTS).data,
    )


def by_hand(*, wrong_derivative: bool = False, wrong_step: bool = False) -> Pass:
    """The example as the article computes it, line by line, with its mistakes on request.

    Args:
        wrong_derivative: the first mistake: delta_5 with a_5 (1 - a_4) in place of a_5 (1 - a_5).
        wrong_step: the second mistake: w - w * dE/dw in place of w - alpha * dE/dw.

    Returns:
        Its numbers.

    Example:
        >>> f"{by_hand(wrong_derivative=True, wrong_step=True).output:.4f}"
        '0.7043'
    """
    w = {p.label: p.data for p in network().parameters()}
    z, a = _forward(w)
    delta = {6: a[6] - TARGET}
    delta[4] = a[4] * (1 - a[4]) * delta[6] * w["w_64"]
    delta[5] = a[5] * (1 - a[4 if wrong_derivative else 5]) * delta[6] * w["w_65"]
    delta[1] = a[1] * (1 - a[1]) * (delta[4] * w["w_41"] + delta[5] * w["w_51"])
    delta[2] = a[2] * (1 - a[2]) * (delta[4] * w["w_42"] + delta[5] * w["w_52"])
    delta[3] = a[3] * (1 - a[3]) * delta[5] * w["w_53"]
    gradient = {name: delta[int(name[2])] * _source(name, a) for name in w}
    updated = {name: w[name] - (w[name] if wrong_step else LEARNING_RATE) * gradient[name] for name in w}
    return Pass(z, a, delta, gradient, updated, _forward(updated)[1][6])


def _source(name: str, a: Mapping[int, float]) -> float:
    """The factor of a parameter: 1 for a bias, an input in the first layer, an activation in the others."""
    if name[0] == "b":
        return 1.0
    i, j = int(name[2]), int(name[3])
    return INPUTS[j - 1] if i in NEURONS[0] else a[j]


def _forward(w: Mapping[str, float]) -> tuple[dict[int, float], dict[int, float]]:
    z: dict[int, float] = {}
    a: dict[int, float] = {}
    for layer in NEURONS:
        for i in layer:
            terms = (x * _source(name, a) for name, x in w.items() if int(name[2]) == i)
            z[i] = sum(terms)
        a |= {i: 1 / (1 + exp(-z[i])) for i in layer}
    return z, a


def agreement() -> AgreementReport:
    """The gradients of the example by reverse mode, the delta rule and differences."""
    return check_network(network(), [list(INPUTS)], [[TARGET]], log_loss)


def draw_network() -> Diagram:
    """The network after both passes: a picture of the delta rule."""
    return network().draw(INPUTS, TARGET, log_loss, title="The worked example")


def draw_graph() -> Diagram:
    """The same passes as a graph of scalars, with every local derivative."""
    model = network()
    loss = log_loss(model(INPUTS), TARGET)
    loss.label = "J"
    loss.backward()
    return loss.draw(title="The worked example, scalar by scalar")


def play_network() -> Player:
    """The same passes, played step by step on the network."""
    return network().play(INPUTS, TARGET, log_loss, title="The worked example")


def is_right(printed: str, exact: float) -> bool:
    """Whether a printed number is the exact one, to within one unit of its last digit.

    Example:
        >>> is_right("0.8121", 0.812167), is_right("0.8569", 0.812167)
        (True, False)
    """
    decimals = len(printed.partition(".")[2])
    return abs(float(printed) - exact) < 10.0**-decimals


@dataclass(frozen=True)
class PublishedMistake:
    """A mistake in a published edition, and the proof that it explains the number.

    Attributes:
        text: what the edition does, and what it should do.
        name: the number it shows in first.
        edition: the first edition that has it.
        published: that number as printed.
        exact: the exact number.
        with_mistake: the number with the mistake put back.
    """

    text: str
    name: str
    edition: str
    published: str
    exact: float
    with_mistake: float

    @property
    def explains(self) -> bool:
        """Whether the mistake turns the exact number into the published one."""
        return is_right(self.published, self.with_mistake) and not is_right(self.published, self.exact)


def mistakes() -> list[PublishedMistake]:
    """The two mistakes of the April edition, each demonstrated, and both together."""
    exact = by_hand().by_name()
    trials = [
        (
            "δ_5 takes the derivative of the wrong neuron: a_5 (1 − a_4) in place of a_5 (1 − a_5).",
            "delta_5",
            by_hand(wrong_derivative=True),
        ),
        (
            "The update multiplies each gradient by the weight itself, w − w dE/dw, in place of the "
            "learning rate, w − α dE/dw. (It makes w_65 0.8570; the 0.8569 that is printed is one off.)",
            "new w_41",
            by_hand(wrong_derivative=True, wrong_step=True),
        ),
        (
            "Together they make the output after the step that was first published.",
            "output after the step",
            by_hand(wrong_derivative=True, wrong_step=True),
        ),
    ]
    return [
        PublishedMistake(text, name, EDITIONS[0], PUBLISHED[name][0], exact[name], trial.by_name()[name])
        for text, name, trial in trials
    ]

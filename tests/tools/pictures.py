"""Graphs and networks that drawing is tested, looked at and measured on.

The pictures of the README are made of them: `python -m tests.tools.pictures`.
"""

import random
from collections.abc import Callable
from pathlib import Path

from engine import Value, exp, fsum, sin, softmax, softplus, sumprod, tanh
from engine.show.diagram import Diagram
from engine.show.draw import draw
from nn.article.worked_example import INPUTS, TARGET, network
from nn.losses import log_loss
from nn.modules import MLP


def expression(**options: str) -> Diagram:
    a, b = Value(0.5, "a"), Value(-1.5, "b")
    c = a * b + a.tanh()
    c.label = "c"
    c.backward()
    return draw(c, **options)  # type: ignore[arg-type]  # any options


def neuron(**options: str) -> Diagram:
    w = [Value(x, f"w_{i}") for i, x in enumerate([0.4, -0.3, 0.8], start=1)]
    x = [Value(v, f"x_{i}") for i, v in enumerate([1.0, -2.0, 0.5], start=1)]
    b = Value(0.1, "b")
    net = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + b
    net.label = "net"
    o = tanh(net)
    o.label = "o"
    o.backward()
    return draw(o, parameters=[*w, b], **options)  # type: ignore[arg-type]  # any options


def softplus_of_a_sum(**options: str) -> Diagram:
    s = softplus(fsum([Value(0.1 * i - 0.2, f"z_{i}") for i in range(1, 6)]))
    s.label = "s"
    s.backward()
    return draw(s, **options)  # type: ignore[arg-type]  # any options


def attention(**options: str) -> Diagram:
    scores = [Value(0.3 * i - 0.5, f"q_{i}") for i in range(1, 5)]
    y = sumprod(softmax(scores), [Value(i, f"v_{i}") for i in range(1, 5)])
    y.label = "attention"
    y.backward()
    return draw(y, **options)  # type: ignore[arg-type]  # any options


def shared(**options: str) -> Diagram:
    u = Value(1.3, "u")
    y = u * u + sin(u) + u / 2 - exp(u)
    return draw(y, **options)  # type: ignore[arg-type]  # any options


def worked_example(**options: str) -> Diagram:
    return network().draw(INPUTS, TARGET, log_loss, **options)


def worked_example_as_graph(**options: str) -> Diagram:
    loss = log_loss(network()(INPUTS), TARGET)
    loss.label = "loss"
    loss.backward()
    return draw(loss, **options)  # type: ignore[arg-type]  # any options


def mlp(n_in: int, *n_outs: int) -> Callable[..., Diagram]:
    def diagram(**options: str) -> Diagram:
        model = MLP(n_in, n_outs, activation="tanh", output="sigmoid", rng=random.Random(1))
        return model.draw([0.6 - 0.5 * j for j in range(n_in)], [1.0] * n_outs[-1], log_loss, **options)

    return diagram


PICTURES: dict[str, Callable[..., Diagram]] = {
    "expression": expression,
    "neuron": neuron,
    "network 2-2-2-1": mlp(2, 2, 2, 1),
    "softplus of a sum": softplus_of_a_sum,
    "attention": attention,
    "shared": shared,
    "worked example": worked_example,
    "worked example as a graph": worked_example_as_graph,
    "network 3-4-4-2": mlp(3, 4, 4, 2),
    "network 2-16-16-1": mlp(2, 16, 16, 1),
    "network 64-100-10": mlp(64, 100, 10),
}

SHOWN = {
    Path("notebooks/pictures/neuron.svg"): neuron,
    Path("notebooks/pictures/worked_example.svg"): worked_example,
}
"""The pictures of the README, by their place in the repository."""

if __name__ == "__main__":
    for path, picture in SHOWN.items():
        path.parent.mkdir(exist_ok=True)
        print(picture().save(path))

"""One row is enough: an operation, an activation and a loss added at run time work like the built-in ones."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import engine
import nn
from engine import Value
from engine.extend import withdraw
from nn.proof import delta_rule
from tests.nn.truth import true_activations, true_loss

X = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]]
Y = [[0.5], [-1.0], [0.25]]


@pytest.fixture
def added() -> Iterator[None]:
    """A row for each: the operation `softsign`, the activation `mish`, and the loss `log_cosh`."""

    @engine.operation(partials=lambda m, out, x: ((1.0 - m.abs(out)) ** 2.0,), check=[0.5, -2.0, 1e3])
    def softsign(m: Any, x: Any) -> Any:
        """x / (1 + |x|)."""
        return x / (1.0 + m.abs(x))

    nn.activation(engine.softsign)

    @nn.activation
    def mish(z: Value) -> Any:
        """z tanh(softplus(z)) (Misra 2019)."""
        return z * engine.tanh(engine.softplus(z))

    @nn.loss(branch_free=True)
    def log_cosh(output: Any, target: Any) -> Any:
        """log cosh(o - y)."""
        return engine.log(engine.cosh(output - target[0]))

    yield
    withdraw("softsign")
    del nn.ACTIVATIONS["softsign"], nn.ACTIVATIONS["mish"], nn.LOSSES["log_cosh"]


def network() -> nn.MLP:
    return nn.MLP(2, [4, 1], activation="mish", output="softsign", rng=random.Random(0))


def add_closed_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    def softplus(z: Decimal) -> Decimal:
        return (1 + z.exp()).ln()

    def tanh(z: Decimal) -> Decimal:
        return 1 - 2 / ((2 * z).exp() + 1)

    def mish_derivative(z: Decimal, a: Decimal) -> Decimal:
        t = tanh(softplus(z))
        return t + z * (1 - t * t) / (1 + (-z).exp())

    softsign = delta_rule.elementwise(lambda z: z / (1 + abs(z)), lambda z, a: 1 / (1 + abs(z)) ** 2)
    mish = delta_rule.elementwise(lambda z: z * tanh(softplus(z)), mish_derivative)
    log_cosh = delta_rule.termwise(
        lambda o, y: (((o - y).exp() + (y - o).exp()) / 2).ln(), lambda o, y: tanh(o - y)
    )
    monkeypatch.setitem(delta_rule.ACTIVATIONS, "softsign", softsign)
    monkeypatch.setitem(delta_rule.ACTIVATIONS, "mish", mish)
    monkeypatch.setitem(delta_rule.LOSSES, "log_cosh", log_cosh)


@pytest.mark.usefixtures("added")
def test_they_train_recorded_and_compiled_alike() -> None:
    trained = []
    for compiled in (False, True):
        model = network()
        history = nn.fit(model, X, Y, loss="log_cosh", epochs=40, compiled=compiled, progress=False)
        assert history.loss[-1] < 0.9 * history.loss[0]
        trained.append([p.data for p in model.parameters()])
    assert trained[0] == pytest.approx(trained[1], rel=1e-12)


@pytest.mark.usefixtures("added")
def test_they_are_checked_once_they_have_closed_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    message = r"^the delta rule needs its own closed form of 'mish': add a row to nn.proof.delta_rule.ACTIV"
    with pytest.raises(ValueError, match=message):
        nn.check_network(model, X, Y, "log_cosh")
    add_closed_forms(monkeypatch)
    report = nn.check_network(model, X, Y, "log_cosh")
    assert report.ok, report
    assert len(report.comparisons) == len(model.parameters())


@pytest.mark.usefixtures("added")
def test_they_are_drawn_explained_and_played() -> None:
    model = network()
    example = X[0], Y[0], "log_cosh"
    for text in (model.draw(*example).svg, str(model.explain(*example)), model.play(*example).html):
        assert "mish" in text
        assert "softsign" in text
    scalars = nn.LOSSES["log_cosh"](model(X[0]), Y[0])
    assert "softsign" in scalars.draw().dot
    assert "∂" in str(scalars.explain())


@pytest.mark.usefixtures("added")
def test_they_compile() -> None:
    model, x, y = network(), [Value(0.5, "x_1"), Value(-1.0, "x_2")], Value(0.5, "y")
    program = engine.compile(nn.LOSSES["log_cosh"](model(x), [y]), [*x, y], model.parameters())
    value, gradient = program.value_and_grad(np.hstack([X, Y]))
    losses = [nn.LOSSES["log_cosh"](model(x), y) for x, y in zip(X, Y, strict=True)]
    mean = engine.fsum(losses) / len(losses)
    mean.backward()
    assert value == pytest.approx(mean.data, rel=1e-14)
    assert gradient == pytest.approx([p.grad for p in model.parameters()], rel=1e-12)


def test_the_message_of_a_missing_truth_is_the_row_to_write() -> None:
    with pytest.raises(AssertionError, match=r'TRUE_ACTIVATIONS in tests/nn/truth.py: "mish": elementwise\('):
        true_activations("mish", [0.5])
    with pytest.raises(AssertionError, match=r'TRUE_LOSSES in tests/nn/truth.py: "log_cosh": termwise\('):
        true_loss("log_cosh", [0.5], [0.25])

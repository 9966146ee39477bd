"""Explanations of networks: what they say, and what is refused."""

import random
import re

import pytest

from engine.expression import parse
from nn.article.worked_example import INPUTS, TARGET, network
from nn.losses import cross_entropy, log_loss, squared_error
from nn.modules import MLP


def test_a_network_is_explained_in_the_notation_of_the_delta_rule() -> None:
    model = network()
    for p in model.parameters():
        p.grad = 3.0
    texts = [step.text for step in model.explain(INPUTS, TARGET, log_loss).steps]
    assert [p.grad for p in model.parameters()] == [3.0] * 12
    for text in (
        "z₃ = b₃ = −0.1",
        "z₄ = w₄₁·a₁ + w₄₂·a₂ = −0.5 × 0.69 + 0.4 × 0.6225 = −0.096",
        "a₄ = σ(z₄) = σ(−0.096) = 0.476",
        "loss(a₆, y₁) = 0.3977",
        "δ₆ = σ′(z₆) · ∂loss/∂a₆ = 0.2205 × −1.488 = −0.3282",
        "δ₄ = σ′(z₄) · δ₆·w₆₄ = 0.2494 × −0.3282 × 0.5 = −0.04092",
        "δ₁ = σ′(z₁) · (δ₄·w₄₁ + δ₅·w₅₁) = 0.2139 × (−0.04092 × −0.5 + −0.04968 × 0.3) = 0.001189",
        "∂loss/∂w₅₂ = δ₅·a₂ = −0.04968 × 0.6225 = −0.03092",
        "∂loss/∂b₁ = δ₁ = 0.001189",
    ):
        assert text in texts
    assert len(texts) == 6 + 6 + 1 + 6 + 12
    steps = {step.text.partition(" ")[0]: step for step in model.explain(INPUTS, TARGET, log_loss).steps}
    assert steps["δ₄"].latex == (
        r"δ_{4} = σ'\left(z_{4}\right) \cdot δ_{6} \cdot w_{64} "
        r"= 0.2494 \times {-0.3282} \times 0.5 = {-0.04092}"
    )
    rule = steps["δ₄"].rule
    assert rule is not None
    assert rule.text == "δᵢ = f′(zᵢ) · Σⱼ δⱼ·wⱼᵢ and ∂σ(x)/∂x = σ(x)·σ(−x)"


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "leaky_relu"])
def test_every_formula_of_a_network_comes_to_what_it_says(output: str) -> None:
    """The numbers of each line, put together as they stand there, give the result to the digits shown."""
    model = MLP(2, [3, 2], activation="tanh", output=output, rng=random.Random(3))
    loss = cross_entropy if output == "softmax" else squared_error
    walk = model.explain([0.5, -1.0], [1.0, 0.0], loss)
    checked = 0
    for step in walk.steps:
        *_, numbers, result = ["", *step.text.replace("−", "-").split(" = ")]
        if re.fullmatch(r"[-0-9.e×+() ]+", numbers):
            pieces = re.sub(r"(?<![\d.e(×+ ])-", "- ", numbers.replace("×", "*"))
            assert float(parse(pieces)()) == pytest.approx(float(result), rel=5e-3, abs=1e-5), step.text
            checked += 1
    assert checked >= 20


def test_a_network_too_large_is_refused() -> None:
    large = MLP(9, [40, 1], rng=random.Random(0))
    with pytest.raises(ValueError, match=r"441 weights and biases; an explanation shows at most 300"):
        large.explain([0.0] * 9, 1.0, squared_error)
    with pytest.raises(ValueError, match=r"40 neurons side by side; a player shows at most 8.*depth=3.*draw"):
        large.play([0.0] * 9, 1.0, squared_error)

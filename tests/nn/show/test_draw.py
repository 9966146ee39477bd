"""Diagrams of networks: what is on them, that it is right, and what is refused."""

import random
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from engine import Value
from engine.show.text import number, parse_name
from nn.article.worked_example import INPUTS, TARGET, by_hand, network
from nn.losses import cross_entropy, log_loss, squared_error
from nn.modules import MLP
from nn.show.draw import _apart, draw_network
from nn.show.network import NetworkView
from tests.engine.show.test_draw import HOSTILE, SVG, parts, words
from tests.tools.pictures import PICTURES


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda command: None)


def test_a_loss_is_drawn_by_its_name_too() -> None:
    model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
    assert model.draw([3.0], 1.0, "squared_error").dot == model.draw([3.0], 1.0, squared_error).dot
    with pytest.raises(ValueError, match="unknown loss 'hinge'"):
        model.draw([3.0], 1.0, "hinge")


def test_the_worked_example_reads_as_the_delta_rule() -> None:
    truth = by_hand()
    model = network()
    for p in model.parameters():
        p.grad = 3.0
    diagram = model.draw(INPUTS, TARGET, log_loss)
    assert [p.grad for p in model.parameters()] == [3.0] * 12
    neurons = [words(group) for group in parts(diagram, "neuron").values()]
    for i in (1, 2, 3, 4, 5, 6):
        sub = "₀₁₂₃₄₅₆"[i]
        card = next(lines for lines in neurons if f"z{sub} {number(truth.z[i])}" in lines)
        assert f"a{sub} {number(truth.a[i])}" in card
        assert f"δ{sub} {number(truth.delta[i])}" in card
    labels = [words(group) for ident, group in parts(diagram, "text").items() if ident.endswith("_label")]
    weights = {parse_name(p.label).text: p for p in model.parameters() if p.label.startswith("w")}
    expected = [
        [f"{name} {number(p.data)}", f"∂ {number(truth.gradient[p.label])}"] for name, p in weights.items()
    ]
    assert sorted(labels) == sorted(expected)
    assert sum("no bias" in lines for lines in neurons) == 3
    assert "b₁ 0.3 ∂ 0.001189" in neurons[2]


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "leaky_relu"])
def test_any_activation_is_drawn(output: str) -> None:
    model = MLP(2, [3, 2], activation="elu", output=output, rng=random.Random(3))
    x, y = [0.5, -1.0], [1.0, 0.0]
    loss = cross_entropy if output == "softmax" else squared_error
    outputs = model(x)
    cost = loss(outputs, y)
    cost.backward()
    text = model.draw(x, y, loss).svg
    for p in model.parameters():
        assert f"{number(p.data)}" in text
        assert f"∂ {number(p.grad)}" in text
    for o in outputs:
        assert number(o.data) in text


def test_weights_differ_by_sign_and_magnitude_and_heat_shows_gradients() -> None:
    model = MLP.from_weights([[[1.0, -4.0]]], [[0.0]], ["identity"])

    def strokes(**options: str) -> list[tuple[str | None, str | None, float]]:
        edges = parts(model.draw([10.0, 0.1], 0.0, squared_error, **options), "weight")
        halves = {ident: g.find(f"{SVG}path") for ident, g in edges.items() if "label" not in ident}
        paths = [path for ident, path in halves.items() if not ident.endswith("_head")]
        for ident in ("w1_1_1", "w1_1_2"):  # an edge goes on behind its label as it came
            before, behind = halves[ident], halves[f"{ident}_head"]
            assert before is not None
            assert behind is not None
            assert all(before.get(key) == behind.get(key) for key in ("stroke", "stroke-dasharray"))
        return [
            (p.get("stroke"), p.get("stroke-dasharray"), float(p.get("stroke-width", "1")))
            for p in paths
            if p is not None
        ]

    (blue, solid, thin), (orange, dashed, wide) = strokes()
    assert blue != orange
    assert solid is None
    assert dashed is not None
    assert thin < wide
    (_, _, first), (_, _, second) = strokes(heat="grad")
    assert first > second


@pytest.mark.parametrize(
    ("wanted", "heights"),
    [
        ([], []),
        ([3.0], [3.0]),
        ([20.0, 0.0], [20.0, 0.0]),
        ([0.0, 0.0], [5.0, -5.0]),
        ([0.0, 4.0], [7.0, -3.0]),
        ([40.0, 0.0, 0.0, 0.0, -15.0], [40.0, 11.25, 1.25, -8.75, -18.75]),
    ],
)
def test_labels_are_as_near_to_their_edges_as_they_can_be(wanted: list[float], heights: list[float]) -> None:
    assert _apart(wanted, 10.0) == pytest.approx(heights)


def test_edges_meet_their_labels_in_order_and_do_not_cross_before_them() -> None:
    labels = parts(PICTURES["network 3-4-4-2"](), "text")
    for layer, n_in, n_out in [(1, 3, 4), (2, 4, 4), (3, 4, 2)]:
        in_order = [f"w{layer}_{i}_{j}_label" for j in range(1, n_in + 1) for i in range(1, n_out + 1)]
        lines = [labels[ident].find(f"{SVG}text") for ident in in_order]
        heights = [float(line.get("y", "nan")) for line in lines if line is not None]
        assert len(heights) == n_in * n_out
        assert all(below - above >= 28.0 for above, below in pairwise(heights))


def test_heat_compares_gradients_over_the_whole_network() -> None:
    """In a deep network of sigmoids they vanish on their way back, and are seen to."""
    model = MLP(1, [1] * 5, activation="sigmoid", output="sigmoid", rng=random.Random(1))
    edges = parts(model.draw([0.5], 1.0, squared_error, heat="grad"), "weight")
    paths = [edges[f"w{k}_1_1"].find(f"{SVG}path") for k in range(1, 6)]
    wide = [float(path.get("stroke-width", "1")) for path in paths if path is not None]
    assert wide == sorted(wide)
    assert wide[-1] > 5 * wide[0]


def test_a_layer_of_biases_alone_is_drawn() -> None:
    """There is no weight between it and the layer before."""
    model = MLP(1, [1], connections=[[[]]])
    diagram = model.draw([3.0], 1.0, squared_error)
    assert not parts(diagram, "weight")
    assert "b₁¹ 0 ∂ −2" in diagram.description


@pytest.mark.slow
def test_what_does_not_fit_is_left_out_and_said() -> None:
    dense = PICTURES["network 2-16-16-1"]()
    assert not [ident for ident in parts(dense, "text") if ident.endswith("_label")]
    assert len(parts(dense, "weight")) == 2 * 16 + 16 * 16 + 16
    assert "256 weights of layer 2" in dense.svg
    large = PICTURES["network 64-100-10"]().svg
    assert "⋮ 44 more" in large
    assert "⋮ 80 more" in large
    assert "6,400 weights of layer 1" in large


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer to draw"):
        draw_network(NetworkView(inputs=[("x", 1.0)], layers=[]))


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_text_in_a_network(label: str) -> None:
    model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
    model.layers[0].neurons[0].w[0].label = label
    model.layers[0].neurons[0].labels = label, label
    diagram = model.draw([Value(1.0, label)], 1.0, squared_error)
    assert ElementTree.fromstring(diagram.svg) is not None  # noqa: S314  made here

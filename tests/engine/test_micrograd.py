"""Programs for micrograd run on this engine: its networks as they are installed, and others of its kind.

Only what they import is exchanged: `micrograd.engine.Value` is this engine's.
"""

import inspect
import random
from types import ModuleType
from typing import Any

import graphviz
import micrograd.engine
import micrograd.nn
import pytest

from engine import Value
from nn import moons

Edges = set[tuple[Any, Any]]


def networks(value: type) -> ModuleType:
    """micrograd's networks, from their own source, on an engine."""
    made = ModuleType("networks")
    source = inspect.getsource(micrograd.nn).replace("from micrograd.engine import Value", "")
    vars(made).update(Value=value)
    exec(compile(source, "micrograd/nn.py", "exec"), vars(made))  # noqa: S102  # what this test is about
    return made


def margins(scores: list[Any], targets: list[int]) -> Any:
    """The mean hinge loss, with the operators that micrograd has."""
    losses = [(1 + -target * score).relu() for target, score in zip(targets, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses))


@pytest.mark.parametrize("sizes", [(2, [4, 1]), (3, [5, 4, 2])])
def test_its_networks_have_the_gradients_that_its_own_engine_gives(sizes: tuple[int, list[int]]) -> None:
    gradients = []
    for value in (micrograd.engine.Value, Value):
        random.seed(1)
        model = networks(value).MLP(*sizes)
        outputs = model([value(random.uniform(-1, 1)) for _ in range(sizes[0])])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        model.zero_grad()
        sum(o * o for o in outputs).backward()
        gradients.append([p.grad for p in model.parameters()])
    theirs, ours = gradients
    assert any(theirs)
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


def test_its_networks_learn_the_moons() -> None:
    data = moons(40, random.Random(0), 0.1)
    targets = [2 * int(y) - 1 for y in data.y]
    random.seed(1337)
    model = networks(Value).MLP(2, [16, 16, 1])
    for step in range(70):
        scores = [model([Value(x) for x in row]) for row in data.X]
        loss = margins(scores, targets) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * step / 70) * p.grad
    assert all((score.data > 0) == (target > 0) for score, target in zip(scores, targets, strict=True))


def both(program: Any) -> tuple[list[float], list[float]]:
    """What a program gives on micrograd's engine and on this one."""
    return program(micrograd.engine.Value), program(Value)


def operators(value: Any) -> list[float]:
    """Every operator and method, with numbers on either side, in place, and values used again."""
    x, y = value(-1.5), value(2.5)
    z = 3 * x + 1 - y * 2
    z += x * y
    z -= 2 / y
    w = (z - x) / (y**2) + (-z).relu() + 4.0 - x
    w *= 0.5 + z**3
    (w + w * z).backward()
    return [w.data, z.data, x.grad, y.grad]


def test_its_operators_give_the_same_numbers() -> None:
    theirs, ours = both(operators)
    assert ours == pytest.approx(theirs, rel=1e-14)


def test_a_graph_is_walked_and_drawn_by_what_micrograd_records() -> None:
    def walked(root: Any) -> tuple[set[Any], Edges]:
        nodes, edges, waiting = set(), set(), [root]
        while waiting:
            node = waiting.pop()
            if node not in nodes:
                nodes.add(node)
                edges |= {(child, node) for child in node._prev}
                waiting.extend(node._prev)
        return nodes, edges

    a, b = Value(2.0), Value(-3.0)
    d = a * b
    y = (d + a).relu() - d
    y.backward()
    nodes, edges = walked(y)
    assert {node._op for node in nodes} == {"", "×", "+", "relu", "−"}
    assert {(a, d), (b, d)} <= edges
    assert d._prev == {a, b}
    picture = graphviz.Digraph()
    for node in nodes:
        picture.node(str(id(node)), f"{node._op} {node.data:.4f} {node.grad:.4f}")
    for child, node in edges:
        picture.edge(str(id(child)), str(id(node)))
    assert "× -6.0000 -1.0000" in picture.source


def test_walking_by_hand_is_what_backward_does() -> None:
    a, b = Value(2.0), Value(-3.0)
    d = a * b
    y = d * d
    y.grad = 1.0
    for value in (y, d):
        value._backward()
    assert (a.grad, b.grad) == (36.0, -24.0)


def test_a_program_that_records_by_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="positional arguments"):
        Value(1.0, (Value(2.0),), "+")  # type: ignore[call-arg, arg-type]  # as micrograd's own operations do

"""Exercises, drawn at random and fit for hand computation.

Each is drawn until its numbers suit: none is 0, tiny, large or saturated, and no two are equal by accident,
so that every number on a paper tells what was done.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from math import isclose
from typing import Any

from nn.exercises.exercise import Exercise, answers, from_content

LEVELS = (1, 2, 3)

_SMALLEST, _LARGEST = 0.005, 10.0  # numbers that keep two digits of four decimals, and are short
_FLATTEST, _STEEPEST = 0.1, 5.0  # the slope of a function: not saturated
_VARIETY = 0.75  # the part of the numbers that differ: a sum of sums has few
_MOST_DRAWS = 5_000

Content = dict[str, Any]


def generate(
    seed: int,
    kind: str = "network",
    level: int = 1,
    wanted: Callable[[Exercise], bool] = lambda exercise: True,
) -> Exercise:
    """An exercise of one kind.

    Args:
        seed: the same seed gives the same exercise.
        kind: a name in `KINDS`.
        level: 1, 2 or 3: how much there is to compute.
        wanted: whether an exercise has what it is for, such as room for a certain mistake.

    Returns:
        The exercise; its `content` is the whole of it as data.

    Raises:
        ValueError: for an unknown kind or level, or if no exercise that is wanted is found.

    Example:
        >>> generate(7, "expression").content["steps"]
        {'p': 'c*a', 'q': 'b - p', 'E': 'q**2'}
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind of exercise {kind!r}; give {', '.join(KINDS)}")
    if level not in LEVELS:
        raise ValueError(f"there is no level {level}; give {', '.join(map(str, LEVELS))}")
    rng = random.Random(f"{kind} {level} {seed}")
    for _ in range(_MOST_DRAWS):
        content = {"kind": kind, "level": level, "seed": seed, **KINDS[kind](rng, level)}
        exercise = _recorded(content)
        if exercise is not None and _suits(exercise, rng) and wanted(exercise):
            return from_content({**content, "asked": list(exercise.asked)})
    raise ValueError(f"no such exercise was found with seed {seed}; try another seed, kind or level")


def _recorded(content: Mapping[str, Any]) -> Exercise | None:
    """The exercise; None outside the domain of an operation."""
    try:
        return from_content(content)
    except (ValueError, ArithmeticError):
        return None


# --- What suits.


def _suits(exercise: Exercise, rng: random.Random) -> bool:
    """Whether the numbers of an exercise suit hand computation."""
    numbers = _all_numbers(exercise)
    if not all(_SMALLEST <= abs(x) <= _LARGEST for x in numbers.values()):
        return False
    sizes = {round(abs(x), 3) for x in numbers.values()}
    if len(sizes) < _VARIETY * len(numbers):
        return False
    functions = [v for v in exercise.order if len(v.parents) == 1]
    if not all(_FLATTEST <= abs(v.partials[0]) <= _STEEPEST for v in functions):
        return False
    elsewhere = _recorded(_moved(exercise.content, rng))
    return elsewhere is not None and _equal(numbers) <= _equal(_all_numbers(elsewhere))


def _all_numbers(exercise: Exercise) -> dict[str, float]:
    """The numbers that are given and those that are asked for; targets are labels, and may be 0 or 1."""
    given = {v.label: v.data for v in exercise.order if not v.parents and v.label}
    return {**given, **answers(exercise)}


def _equal(numbers: Mapping[str, float]) -> set[tuple[str, str]]:
    """The pairs of numbers that nobody can tell apart on paper, but for their signs."""
    return {
        (a, b)
        for (a, x), (b, y) in combinations(numbers.items(), 2)
        if isclose(abs(x), abs(y), rel_tol=1e-3, abs_tol=2e-4)
    }


def _moved(content: Mapping[str, Any], rng: random.Random) -> Content:
    """The same exercise with other numbers: what is equal there too is so by its rule."""

    def move(x: Any) -> Any:
        match x:
            case dict():
                return {key: move(y) for key, y in x.items()}
            case list():
                return [move(y) for y in x]
            case float():
                return x * rng.uniform(0.8, 0.95)
            case _:
                return x

    return {key: move(x) if key in ("at", "layers", "x", "y") else x for key, x in content.items()}


# --- What is drawn.


def _numbers(rng: random.Random, level: int) -> Iterator[float]:
    """Short numbers of either sign, each size once."""
    tenths = [n / 10 for n in range(2, 20) if n != 10]
    hundredths = [n / 100 for n in range(15, 190) if n % 10]
    for size in rng.sample(hundredths if level == 3 else tenths, 17):
        yield rng.choice((1, 1, -1)) * size


def _expression(rng: random.Random, level: int) -> Content:
    """Named steps: from level 2 on with functions, and values that are used twice."""
    leaves = list("abcd"[: 3 + (level == 3)])
    unused = leaves + rng.sample(leaves, level - 1)
    rng.shuffle(unused)
    functions = iter(rng.sample(["tanh({})", "sigmoid({})", "exp({})"], level - 1))
    forms = ["{}*{}", "{} + {}", "{} - {}"] + ["{}/{}"] * (level == 3)
    steps: dict[str, str] = {}
    names = iter("pqrstuvw")

    def add(text: str) -> str:
        name = next(names)
        steps[name] = text
        return name

    while len(unused) > 1:
        left, right = unused.pop(), unused.pop()
        form = "{}*{}" if left == right else rng.choice(forms)
        result = add(form.format(left, right))
        if rng.random() < 0.6 and (function := next(functions, "")):
            result = add(function.format(result))
        unused.insert(rng.randrange(len(unused) + 1), result)
    steps["E"] = rng.choice((f"{unused[0]}**2", f"{unused[0]}*{rng.choice(leaves)}"))
    return {"at": dict(zip(leaves, _numbers(rng, level), strict=False)), "steps": steps}


def _step(rng: random.Random, level: int) -> Content:
    """A neuron, or two in a row, and one step of gradient descent."""
    inputs = [f"x_{j}" for j in range(1, 2 + (level > 1))]
    weights = [f"w_{j}" for j in range(1, 1 + len(inputs))]
    net_input = " + ".join([*(f"{w}*{x}" for w, x in zip(weights, inputs, strict=True)), "b"])
    function = rng.choice(("sigmoid", "tanh"))
    if level < 3:
        moved = [*weights, "b"]
        steps = {"z": net_input, "a": f"{function}(z)", "E": "(a - y)**2"}
    else:
        moved = [*weights, "b", "v", "c"]
        steps = {"z_1": net_input, "a_1": f"{function}(z_1)", "z_2": "v*a_1 + c", "a_2": "sigmoid(z_2)"}
        steps["E"] = "(a_2 - y)**2"
    numbers = _numbers(rng, level)
    at = {name: next(numbers) for name in (*inputs, *moved)}
    at["y"] = round(rng.uniform(0.1, 0.9), 1 + (level == 3))  # what the activation can reach
    return {"at": at, "steps": steps, "parameters": moved, "learning_rate": rng.choice((0.1, 0.2, 0.5))}


def _network(rng: random.Random, level: int) -> Content:
    """A small network, one example and one step; from level 2 on with biases."""
    sizes = [2, 2, 1] if level < 3 else [2, 2, 2, 1]
    numbers = (x for _ in iter(int, 1) for x in _numbers(rng, level))
    hidden = rng.choice(("sigmoid", "tanh"))
    layers = [
        {
            "activation": hidden if k < len(sizes) - 1 else "sigmoid",
            "weights": [[next(numbers) for _ in range(sizes[k - 1])] for _ in range(sizes[k])],
            "biases": [next(numbers) if level > 1 else None for _ in range(sizes[k])],
        }
        for k in range(1, len(sizes))
    ]
    return {
        "layers": layers,
        "x": [next(numbers), next(numbers)],
        "y": [rng.choice((0.0, 1.0))],
        "loss": rng.choice(("log_loss", "squared_error")),
        "learning_rate": rng.choice((0.1, 0.2, 0.5)),
    }


KINDS: dict[str, Callable[[random.Random, int], Content]] = {
    "expression": _expression,
    "network": _network,
    "step": _step,
}

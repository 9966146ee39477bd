"""Finds out how an engine differentiates: what starts the backward pass, and where gradients are then."""

import inspect
from collections.abc import Iterator
from typing import Any

A, B, C = 3.25, 2.5, -1.75  # numbers that no engine holds by chance
_GRAD = ("grad", "gradient", "derivative", "adjoint", "grad_value", "_grad", "d", "deriv", "g", "dv", "bar")
_BACKWARD = ("backward", "backprop", "backpropagate", "back_propagate", "back", "backpropagation")
_PARTS = ("back", "grad", "diff", "prop", "deriv", "adjoint", "reverse")


def tried(it: Any) -> str:
    """What the usual way raises, and the options that say which way is right."""
    usual = next((call for call in it.raised if call in {f"y.{name}()" for name in _BACKWARD}), "")
    said = f"{usual} raises {it.raised[usual]}; " if usual else ""
    return f"{said}give --backward and --grad, what you call them"


def differentiation(it: Any) -> tuple[int, str, str]:
    """The best way to differentiate, and its score: 100 for each probe that comes out right.

    A method with the usual name is believed although its numbers are wrong: to judge that is the purpose.
    """
    best = (0, "", "")
    probes = list(_probes(it))
    for backward in _backwards(it):
        scores: dict[str, int] = {}
        for probe in probes:
            for grad, right in _gradients(it, backward, *probe):
                scores[grad] = scores.get(grad, 0) + right
        name = backward.partition("(")[0].rpartition(".")[2]
        telling = sum(set(truth) != {1.0} for _, truth in probes)
        least = 0 if name in _BACKWARD else 100 if "(" in backward else 100 * max(telling, 1)
        for grad, score in scores.items():
            if score >= max(least, best[0] + 1):
                best = (score, backward, grad)
        if best[0] >= 100 * len(probes):
            break
    return best


def _probes(it: Any) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Products and sums of different values, in one step and in two, with their gradients."""
    for op, one, two in (
        ("mul", (B, A), (B * C, A * C, A * B)),
        ("add", (1.0, 1.0), (1.0, 1.0, 1.0)),
    ):
        template = it.spelled[op]
        if template:
            yield template.format("a", "b"), one
            yield template.format(template.format("a", "b"), "c"), two


def _backwards(it: Any) -> list[str]:
    """Ways to start the backward pass: statements."""
    if it.asked["backward"]:
        name = it.asked["backward"].removesuffix("()")
        if "{" in name:
            return [name]
        return _calls(name) if name in it.names else _methods(name)
    y = it.run(it.spelled["mul"] or it.spelled["add"], grouped=(A, B))
    methods = [n for n in dir(y) if not n.startswith("__") and callable(getattr(y, n, None))]
    functions = [n for n, x in it.names.items() if inspect.isfunction(x) and not it.foreign(x)]
    ranked = sorted(filter(_tells, methods), key=lambda name: it.rank(name, _BACKWARD))
    found = [text for name in ranked for text in _methods(name)]
    found += [text for name in filter(_tells, functions) for text in _calls(name)]
    seeds = [n for n in dir(y) if not n.startswith("__") and it.plain(n) in map(it.plain, _GRAD)]
    private = [text for text in found if "}._" in text]
    public = [text for text in found if text not in private]
    return [*public, "", *private, *(f"{{0}}.{n} = 1.0" for n in seeds)]


def _gradients(it: Any, backward: str, text: str, truth: tuple[float, ...]) -> Iterator[tuple[str, int]]:
    """Every way to read the gradients after a backward pass, and 100 if all of them are right."""
    letters = "abc"[: len(truth)]
    space = _recorded(it, text, letters)
    if space["y"] is None:
        return
    before = {n: it.attribute(space["a"], n) for n in dir(space["a"]) if not n.startswith("__")}
    if not _passed(it, backward, letters, space):
        return
    for grad in _grad_readers(it, space, before):
        texts = [grad.format(letter, y="y", i=i) for i, letter in enumerate(letters)]
        got = [it.read(one, **space) for one in texts]
        name = grad.partition(".")[2]
        right = got == list(truth) and (
            set(truth) != {1.0} or name in before
        )  # what is always 1 says nothing
        if name in before and not it.asked["grad"] and got[0] == before[name]:
            continue  # what does not change is no gradient
        yield grad, (100 if right else 0) + (1 if it.plain(name) in _GRAD else 0)


def _recorded(it: Any, text: str, letters: str) -> dict[str, Any]:
    """The names of the engine, leaves, and y, which is computed from them."""
    space = dict(it.names)
    for letter, x in zip(letters, (A, B, C), strict=False):
        space[letter] = it.run(it.make.format(repr(x)))
    space["y"] = it.run(text, (), **space)
    return space


def _passed(it: Any, backward: str, letters: str, space: dict[str, Any]) -> bool:
    """Whether a backward pass raises nothing."""
    text = backward.replace("{leaves}", ", ".join(letters)).format("y")
    try:
        exec(text, space)  # noqa: S102  # what this process is for
    except BaseException as error:  # not this way
        it.raised.setdefault(text.removeprefix("grads = "), f"{type(error).__name__}: {error}")
        return False
    return True


def slope(it: Any, backward: str, grad: str) -> str:
    """How a gradient is read to go on with as a number: a gradient may be a value of the engine itself."""
    space = _recorded(it, next(_probes(it))[0], "ab")
    read = it.run(grad.format("a", y="y", i=0), **space) if _passed(it, backward, "ab", space) else None
    return it.data.format(grad) if type(read) is type(space["a"]) else grad


def _grad_readers(it: Any, space: dict[str, Any], before: dict[str, float | None]) -> list[str]:
    if it.asked["grad"]:
        return [it.reader(it.asked["grad"])]
    a = space["a"]
    data = it.data.removeprefix("{0}.")
    attributes = [
        n for n in dir(a) if n != data and not n.startswith("__") and it.attribute(a, n) is not None
    ]
    attributes = [n for n in attributes if it.attribute(a, n) != before.get(n) or it.plain(n) in _GRAD]
    found = [f"{{0}}.{n}" for n in sorted(attributes, key=lambda name: it.rank(name, _GRAD))]
    if "grads" in space:
        found += ["grads[{0}]", "grads[{i}]", "grads"]
    methods = [n for n in dir(a) if _tells(n) and not n.startswith("__") and callable(getattr(a, n))]
    found += [f"{{0}}.{n}()" for n in methods if n not in _BACKWARD]
    functions = [n for n, x in it.names.items() if inspect.isfunction(x) and not it.foreign(x)]
    return found + [f"{n}({{y}}, {{0}})" for n in functions if _tells(n)]


def _methods(name: str) -> list[str]:
    return [f"grads = {{0}}.{name}{call}" for call in ("()", "(1.0)", "({leaves})")]


def _calls(name: str) -> list[str]:
    forms = ("({0})", "({0}, [{leaves}])", "({0}, 1.0)", "({0}, {leaves})")
    return [f"grads = {name}{call}" for call in forms]


def _tells(name: str) -> bool:
    return any(part in name.lower() for part in _PARTS)

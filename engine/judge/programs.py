"""The programs that an engine is put through: a table, one row each.

A source is Python text with neutral names: a, b and c are values, y is the result, `tanh` is a row of the
table of operations, `backward(y)` is the backward pass. It is written in the dialect of the engine, and run
as it is on our own for the truth.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from engine.judge.model import right
from engine.ops import OPS, Op

POINTS = {
    "values": (15, "the value of each operation"),
    "derivatives": (25, "the derivative of each operation"),
    "numbers": (10, "a number on either side of an operator"),
    "reuse": (20, "values that are used more than once"),
    "passes": (5, "several backward passes"),
    "awkward": (10, "awkward points: zeros, kinks, ties, tails"),
    "limits": (5, "long chains, deep graphs, memory, the same result each time"),
    "network": (10, "a small network: its gradient and its training"),
}
"""How many points each group of programs is worth, and what it is."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A program.

    Args:
        id: its name in data.
        group: which points it counts for.
        source: its text.
        at: the numbers of its leaves.
        about: what it shows, such as "a - b", for messages; programs about one thing have the same.
        op: the operation of the table that it is about; may be empty.
        reads: more results than y and the gradients: expressions by name.
        leaves: what the gradients are taken by, as text; by default the names of `at`.
        only: whether `reads` are all its results.
        seconds: how long it may use the processor.
        either: whether gradients of the last pass alone are right too: a convention.
        known: the results that are right, if they are known without running it.
        remark: what to say if it does not come out; then it costs no points.
    """

    id: str
    group: str
    source: str
    at: Mapping[str, float]
    about: str
    op: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    leaves: str = ""
    only: bool = False
    seconds: float = 2.0
    either: bool = False
    known: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""

    @property
    def text(self) -> str:
        """The source, with its backward pass."""
        return self.source if "backward(" in self.source or self.only else f"{self.source}\nbackward(y)"

    @property
    def results(self) -> dict[str, str]:
        """What is read after the program has run."""
        usual = {} if self.only else {"y": "number(y)", **{name: f"gradient({name})" for name in self.at}}
        return {**usual, **self.reads}


_UNARY = (0.7, -1.3, 2.2, -0.4, 1.6, 0.3)
_BINARY = ((1.7, 0.6), (0.8, 2.3), (-1.4, 1.9))
_AWKWARD = (0.0, 20.0, -20.0, 800.0, -800.0)
_SKIPPED = ("shares", "chooses", "paired")
_INFIX = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "pow": "{0} ** {1}",
    "neg": "-{0}",
}


@cache
def programs() -> tuple[Trial, ...]:
    """Every program, the simplest first."""
    return (*_operations(), *_numbers(), *_reuse(), *_PASSES, *_awkward(), *_LIMITS, *_NETWORK)


def judged_operations() -> Iterator[tuple[Op, Sequence[float]]]:
    """The rows of the table that an engine of scalars may have, each with an ordinary point."""
    for row in OPS.values():
        points = _points(row)
        if points:
            yield row, points[0]


def _points(row: Op) -> list[tuple[float, ...]]:
    if any(getattr(row, fact) for fact in _SKIPPED) or row.name in ("fsum", "logsumexp", "equal"):
        return []
    if row.arity is None or row.arity - len(row.defaults) == 2:
        candidates: list[tuple[float, ...]] = list(_BINARY)
    else:
        candidates = [(x,) for x in _UNARY]
    return [point for point in candidates if _defined(row.name, *point)][:4]


def _defined(op: str, *xs: float) -> bool:
    try:
        out, partials = right(op, *xs)
    except (ValueError, ArithmeticError):
        return False
    return all(map(math.isfinite, (out, *partials)))


def _formula(row: Op, *operands: str) -> str:
    pattern = _INFIX.get(row.name)
    return pattern.format(*operands) if pattern else f"{row.name}({', '.join(operands)})"


def _operations() -> Iterator[Trial]:
    """Each operation alone; before a product, so that the gradient that arrives is not 1; and after a sum."""
    for row, point in judged_operations():
        names = "ab"[: len(point)]
        text = _formula(row, *names)
        for i, x in enumerate(_points(row)):
            at = dict(zip(names, x, strict=True))
            yield Trial(f"{row.name}-{i + 1}", "derivatives", f"y = {text}", at, text, row.name)
        factor = f"({text})" if row.form in ("sum", "difference") else text
        at = {**dict(zip(names, point, strict=True)), "c": -1.5}
        yield Trial(f"{row.name}-chain", "derivatives", f"y = {factor} * c", at, text, row.name)
        if len(point) == 2:
            same = _formula(row, "d", "d")
            if row.name not in ("max", "min", "pow"):
                yield Trial(
                    f"{row.name}-same-inner", "reuse", f"d = a + a\ny = {same}", {"a": 0.8}, text, row.name
                )
        source = f"d = a + c\ny = {_formula(row, *('db'[: len(point)]))}"
        twice = {**dict(zip(names, point, strict=True)), "a": point[0] / 2}
        yield Trial(f"{row.name}-doubled", "derivatives", source.replace("c", "a", 1), twice, text, row.name)
        at = {**dict(zip(names, point, strict=True)), "a": point[0] - 0.25, "c": 0.25}
        yield Trial(f"{row.name}-inner", "derivatives", source, at, text, row.name)


def _numbers() -> Iterator[Trial]:
    for sign, op in (("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "div"), ("**", "pow")):
        for text in (f"a {sign} 2", f"2 {sign} a"):
            if text == "a ** 2":
                continue
            for i, x in enumerate((1.7, -0.8, 0.6)):
                yield Trial(
                    f"{op}-{'left' if text[0] == '2' else 'right'}-{i + 1}",
                    "numbers",
                    f"y = {text}",
                    {"a": x},
                    text,
                    op,
                )
    for i, power in enumerate((3, 2, -1, 0.5, -2, 1.5)):
        for x in (1.7, -1.3):
            if x > 0 or isinstance(power, int):
                yield Trial(
                    f"power-{i + 1}{'-negative' if x < 0 else ''}",
                    "derivatives",
                    f"y = a ** {power}",
                    {"a": x},
                    "a ** n",
                    "pow",
                )
    at = {"a": 1.45, "c": 0.25}
    yield Trial("power-doubled", "derivatives", "d = a + a\ny = d ** 3", {"a": 0.85}, "a ** n", "pow")
    yield Trial("power-inner", "derivatives", "d = a + c\ny = d ** 3", at, "a ** n", "pow")
    yield Trial("power-chain", "derivatives", "y = a ** 3 * c", {"a": 1.7, "c": -1.5}, "a ** n", "pow")


def _reuse() -> Iterator[Trial]:
    """Each operation on values that are used again, then graphs of sums and products."""
    for row, point in judged_operations():
        if len(point) == 2:
            alone, then = _formula(row, "a", "a"), _formula(row, "a", "b")
            if row.name not in ("max", "min") and (row.name != "pow"):
                yield Trial(f"{row.name}-same", "reuse", f"y = {alone}", {"a": 1.3}, then, row.name)
            at = dict(zip("ab", point, strict=True))
        else:
            then, at = _formula(row, "a"), {"a": point[0]}
        yield Trial(f"{row.name}-again", "reuse", f"y = {then} + a", at, then, row.name)
        if len(point) == 2:
            yield Trial(f"{row.name}-again-2", "reuse", f"y = {then} + b", at, then, row.name)
        else:
            yield Trial(f"{row.name}-twice", "reuse", f"y = {then} + {then} * a", at, then, row.name)
    yield Trial("power-again", "reuse", "y = a ** 3 + a", {"a": 1.3}, "a ** n", "pow")
    yield Trial("power-twice", "reuse", "y = a ** 3 + a ** 2", {"a": 1.3}, "a ** n", "pow")
    for i, source in enumerate(_DIAMONDS):
        at = {"a": 1.3, "b": -0.7, **({"c": 2.1} if " c" in source else {})}
        yield Trial(f"diamond-{i + 1}", "reuse", source, at, "a value that is used twice")
    for i, sign in enumerate("+-*/"):
        op = ("add", "sub", "mul", "div")[i]
        source = f"d = a\nd {sign}= b\ny = d * a"
        yield Trial(f"in-place-{op}", "reuse", source, {"a": 1.3, "b": -0.7}, f"d {sign}= b", op)


_DIAMONDS = (
    "d = a + b\ne = a + c\ny = d + e",
    "d = a + b\ne = d + c\ny = e + a",
    "d = a * b\ne = a * c\ny = d * e",
    "d = a * b\ne = d * c\ny = e * a",
    "d = a * b\ny = d + d",
    "d = a + b\ny = d * d",
    "d = a * b\ny = d + a",
    "d = a + b\ny = a * d",
    "d = a * b\ne = d * a\ny = d + e",
    "d = a * b\ne = a * d\ny = e + d",
    "d = a * b\ne = d * d\nf = e * d\ny = f + d",
    "d = a * b\ne = d + a\nf = e * d\ny = f * e",
    "d = a + b\ne = d * c\nf = d + e\ny = e * f",
    "d = a * b\nd = d * d\nd = d * d\ny = d * a",
)

_TWO = {"a": 1.3, "b": -0.7}
_PASSES = (
    Trial(
        "second-pass",
        "passes",
        "d = a * b\ny = d * a\nbackward(y)\nbackward(y)",
        _TWO,
        "a second backward pass",
        either=True,
    ),
    Trial(
        "third-pass",
        "passes",
        "d = a * b\ne = d + a\ny = e * b\nbackward(y)\nbackward(y)\nbackward(y)",
        _TWO,
        "a second backward pass",
        either=True,
    ),
    Trial(
        "two-outputs",
        "passes",
        "d = a * b\ny = d * a\nz = d * b\nbackward(z)\nbackward(y)",
        _TWO,
        "two results that share a value",
        either=True,
    ),
    Trial(
        "inner-first",
        "passes",
        "d = a * b\ny = d * d\nbackward(d)\nbackward(y)",
        _TWO,
        "two results that share a value",
        either=True,
    ),
    Trial(
        "two-graphs",
        "passes",
        "z = a * b\nbackward(z)\ny = a + b\nbackward(y)",
        _TWO,
        "two graphs with the same leaves",
        either=True,
    ),
    Trial(
        "changed-leaf",
        "passes",
        "y = a * b\nassign(a, 5.0)\nbackward(y)",
        _TWO,
        "a leaf changed after recording",
        remark="a number assigned after recording changes the gradients of what was recorded before",
    ),
)


def _awkward() -> Iterator[Trial]:
    for row, point in judged_operations():
        if len(point) == 1:
            for x in _AWKWARD:
                if _defined(row.name, x) and row.name != "neg":
                    text = _formula(row, "a")
                    yield Trial(f"{row.name}-at-{x:g}", "awkward", f"y = {text}", {"a": x}, text, row.name)
    for op in ("max", "min"):
        yield Trial(f"{op}-tie", "awkward", f"y = {op}(a, b)", {"a": 1.5, "b": 1.5}, f"{op}(a, b)", op)
    for power in (0, 1, 2, 3):
        yield Trial(
            f"power-{power}-at-0", "awkward", f"y = a ** {power}", {"a": 0.0}, "a ** n at a = 0", "pow"
        )
    for text, op in (("a * b", "mul"), ("a / b", "div"), ("a - b", "sub")):
        at = {"a": 0.0, "b": 0.0 if op != "div" else -2.0}
        yield Trial(f"{op}-at-0", "awkward", f"y = {text}", at, text, op)


_SHARED = "d = a * b\ne = d + a\nf = e * d\ny = f + e\n"
_LIMITS = (
    Trial(
        "chain",
        "limits",
        "y = a\nfor _ in range(10000):\n    y = y + a",
        {"a": 0.5},
        "a chain of 10,000 operations",
        seconds=3.0,
    ),
    Trial(
        "deep",
        "limits",
        "y = a\nfor _ in range(40):\n    y = y + y",
        {"a": 1.0},
        "a value used twice, 40 times in a row",
        seconds=1.0,
    ),
    Trial(
        "same-each-time",
        "limits",
        "kept, slopes = [], []\nfor i in range(12):\n"
        "    kept.append([leaf(0.5) for _ in range(i)])\n    a, b = leaf(1.3), leaf(-0.7)\n"
        + "".join(f"    {line}\n" for line in _SHARED.splitlines())
        + "    backward(y)\n    slopes.append(gradient(a))",
        {},
        "the same program, 12 times",
        reads={f"slope_{i}": f"slopes[{i}]" for i in range(12)},
        known={f"slope_{i}": 0.0 for i in range(12)},
        leaves="a, b",
        only=True,
    ),
    Trial(
        "memory",
        "limits",
        "import gc\ncounts = []\nfor i in range(30):\n    y = leaf(0.5)\n    y = y * y\n"
        "    backward(y)\n    gc.collect()\n    counts.append(len(gc.get_objects()))",
        {},
        "the memory of graphs that are dropped",
        reads={"stay": "plain(counts[29] - counts[9])"},
        known={"stay": 0.0},
        leaves="y",
        only=True,
    ),
)

_XOR = ((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))
_WEIGHTS = (0.9, -0.6, 0.1, -0.8, 0.7, 0.2, 0.5, 0.4, -0.3, 1.1, -0.9, 0.6, 0.05)


def _network(hidden: str) -> str:
    """The loss of a network 2-3-1 on the four examples of XOR, with weights w[0] to w[12]."""
    lines = ["losses = []", "for p, q, t in examples:"]
    for i in range(3):
        z = f"w[{3 * i}] * p + w[{3 * i + 1}] * q + w[{3 * i + 2}]"
        lines.append(f"    h_{i} = {hidden.format(f'({z})') if hidden != 'square' else z}")
        if hidden == "square":
            lines.append(f"    h_{i} = h_{i} * h_{i}")
    lines += [
        "    e = w[9] * h_0 + w[10] * h_1 + w[11] * h_2 + w[12] + t",
        "    losses.append(e * e)",
        "y = losses[0] + losses[1] + losses[2] + losses[3]",
    ]
    return "\n".join(lines)


def _training(hidden: str, steps: int, rate: float) -> Trial:
    loss = "\n".join(f"    {line}" for line in _network(hidden).splitlines())
    rows = ", ".join(f"(leaf({p}), leaf({q}), leaf({-t}))" for p, q, t in _XOR)
    source = (
        f"numbers = {list(_WEIGHTS)}\nexamples = [{rows}]\n"
        f"for step in range({steps}):\n    w = [leaf(x) for x in numbers]\n"
        f"{loss}\n    backward(y)\n    slopes = gradients(w)\n"
        f"    numbers = [plain(x - {rate} * slope) for x, slope in zip(numbers, slopes)]"
    )
    reads = {"loss": "number(y)", **{f"w_{i}": f"slopes[{i}]" for i in range(13)}}
    kind = "training" if steps > 1 else "gradient"
    about = f"a network of {hidden.partition('(')[0]} neurons"
    op = hidden.partition("(")[0]
    return Trial(
        f"network-{op}-{kind}",
        "network",
        source,
        {},
        about,
        op if op in OPS else "mul",
        reads,
        "*w",
        only=True,
    )


_NETWORK = tuple(
    _training(hidden, steps, 0.05)
    for hidden in ("tanh({})", "relu({})", "sigmoid({})", "square")
    for steps in (1, 40)
)

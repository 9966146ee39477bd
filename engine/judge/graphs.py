"""Programs about graphs: values that are used again, several passes, limits, and networks."""

from engine.judge.trial import Trial
from engine.ops import OPS

DIAMONDS = (
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
"""Graphs in which values are used more than once, at different depths."""

_TWO = {"a": 1.3, "b": -0.7}
PASSES = (
    Trial(
        "second-pass",
        "passes",
        "d = a * b\ny = d + a\nbackward(y)\nbackward(y)",
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
"""Several backward passes."""

_SHARED = "d = a * b\ne = d + a\nf = e * d\ny = f + e\n"
_LIMITS: tuple[Trial, ...] = (
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

_NOT_FINITE = tuple(
    Trial(
        f"{op}-of-{x}",
        "limits",
        f"y = {op}(leaf(float('{x}')))",
        {},
        f"{op} of {x}",
        op,
        {"y": "number(y)"},
        only=True,
        known={"y": float(right)},
        remark=f"{op} of {x} is not {right}",
    )
    for op, x, right in (("relu", "nan", "nan"), ("tanh", "inf", "1"), ("sigmoid", "inf", "1"))
)
LIMITS = _LIMITS + _NOT_FINITE
"""What engines do not stand: long chains, deep graphs, many graphs, NaN and infinity."""

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


NETWORKS = tuple(
    _training(hidden, steps, 0.05)
    for hidden in ("tanh({})", "relu({})", "sigmoid({})", "square")
    for steps in (1, 40)
)

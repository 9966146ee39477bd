"""Each mistake, planted in a correct engine, is named; and nothing else is."""

from pathlib import Path

import pytest

from engine.judge import judge

pytestmark = pytest.mark.slow

CORRECT = (Path(__file__).parent / "engines" / "closures.py").read_text(encoding="utf-8")
SET = {
    "self.grad +=": "self.grad =",
    "other.grad +=": "other.grad =",
    "other.grad -= out": "other.grad = -out",
}

PRODUCT = "self.grad += other.data * out.grad\n            other.grad += self.data * out.grad"

PLANTED: list[tuple[str, dict[str, str], set[str]]] = [
    ("all operations set", SET, {"sets-in-place-of-adding"}),
    (
        "one operation sets",
        {
            "self.grad += out.grad\n            other.grad += out.grad": (
                "self.grad = out.grad\n            other.grad = out.grad"
            )
        },
        {"sets-in-place-of-adding"},
    ),
    ("a function sets", {"self.grad += (1 - out": "self.grad = (1 - out"}, {"sets-in-place-of-adding"}),
    (
        "deaf product",
        {"other.data * out.grad\n": "other.data\n", "self.data * out.grad\n": "self.data\n"},
        {"arriving-gradient-left-out"},
    ),
    ("deaf tanh", {"(1 - out.data**2) * out.grad": "(1 - out.data**2)"}, {"arriving-gradient-left-out"}),
    (
        "leaves first",
        {"for value in reversed(order):": "for value in order:"},
        {"leaves-first", "operands-not-found"},
    ),
    (
        "a queue",
        {
            "        for value in reversed(order):\n            value._backward()": "        queue = [self]\n"
            "        while queue:\n            value = queue.pop(0)\n            value._backward()\n"
            "            queue.extend(value._prev)"
        },
        {"visited-again", "exponential-time"},
    ),
    (
        "depth first, each once",
        {
            "        for value in reversed(order):\n            value._backward()": "        seen = set()\n"
            "        stack = [self]\n        while stack:\n            value = stack.pop()\n"
            "            if value in seen:\n                continue\n            seen.add(value)\n"
            "            value._backward()\n            stack.extend(value._prev)"
        },
        {"visited-too-early"},
    ),
    (
        "inner gradients stay",
        {"            if value._prev:\n                value.grad = 0.0": "            pass"},
        {"inner-gradients-kept"},
    ),
    (
        "exponent left out",
        {"power * self.data ** (power - 1)": "self.data ** (power - 1)"},
        {"exponent-left-out"},
    ),
    ("exponent not lowered", {"self.data ** (power - 1)": "self.data ** power"}, {"exponent-not-lowered"}),
    (
        "power at zero",
        {"            if power:\n                self": "            if True:\n                self"},
        {"power-of-zero"},
    ),
    (
        "partials of a product",
        {
            PRODUCT: PRODUCT.replace("self.data", "x")
            .replace("other.data", "self.data")
            .replace("x *", "other.data *")
        },
        {"own-factor"},
    ),
    ("own factor first", {"other.data * out.grad\n": "self.data * out.grad\n"}, {"own-factor"}),
    ("own factor last", {"self.data * out.grad\n": "other.data * out.grad\n"}, {"own-factor"}),
    (
        "a plus in a sigmoid",
        {"out.data * (1 - out.data)": "out.data * (1 + out.data)"},
        {"part-of-derivative"},
    ),
    (
        "another logarithm",
        {"out.grad / self.data\n": "out.grad / self.data / math.log(10)\n"},
        {"other-derivative"},
    ),
    (
        "sign in a difference",
        {"other.grad -= out.grad\n": "other.grad += out.grad\n"},
        {"sign-of-second-operand-flipped"},
    ),
    ("second operand of a difference", {"other.grad -= out.grad\n": "pass\n"}, {"operand-forgotten"}),
    (
        "numerator",
        {"out.grad * self.data / other.data**2": "out.grad / other.data**2"},
        {"numerator-left-out"},
    ),
    (
        "square of the denominator",
        {"self.data / other.data**2": "self.data / other.data"},
        {"denominator-not-squared"},
    ),
    ("logarithm of the base", {"math.log(base) * out.data": "out.data"}, {"logarithm-left-out"}),
    ("operand for result", {"(1 - out.data**2)": "(1 - self.data**2)"}, {"net-input-for-output"}),
    ("square of tanh", {"(1 - out.data**2)": "(1 - out.data)"}, {"square-left-out"}),
    ("factor of the sigmoid", {"out.data * (1 - out.data)": "(1 - out.data)"}, {"part-of-derivative"}),
    (
        "sign of the derivative",
        {"math.cos(self.data) * out.grad": "-math.cos(self.data) * out.grad"},
        {"sign"},
    ),
    (
        "cosine of the result",
        {"math.cos(self.data) * out.grad": "math.cos(out.data) * out.grad"},
        {"wrong-point"},
    ),
    ("logarithm upside down", {"out.grad / self.data\n": "out.grad * self.data\n"}, {"derivative-inverted"}),
    ("relu passes all", {"(out.data > 0) * out.grad": "out.grad"}, {"gate-always-open"}),
    (
        "exp loses its operand",
        {"out = Value(math.exp(self.data), (self,))": "out = Value(math.exp(self.data))"},
        {"operands-not-found"},
    ),
    ("reflected difference", {"return Value(other) - self": "return self - other"}, {"operands-reversed"}),
    ("reflected quotient", {"return Value(other) / self": "return self / other"}, {"operands-reversed"}),
    ("endless reflection", {"return Value(other) - self": "return other - self"}, {"endless-recursion"}),
    (
        "no return",
        {"        return out\n\n    def sin": "\n    def sin"},
        {"returns-nothing"},
    ),
    (
        "tanh overflows",
        {
            "out = Value(math.tanh(self.data), (self,))": (
                "e = math.exp(2 * self.data)\n        out = Value((e - 1) / (e + 1), (self,))"
            )
        },
        {"overflow-on-the-way"},
    ),
    (
        "all values are kept",
        {
            "self._prev = _children": "self._prev = _children\n        Value.kept.append(self)",
            "class Value:": "class Value:\n    kept: list = []",
        },
        {"never-freed"},
    ),
    (
        "a constant factor",
        {"self.grad += out.data * out.grad": "self.grad += 2 * out.data * out.grad"},
        {"constant-factor"},
    ),
    (
        "recursion",
        {
            "        stack = [(self, False)]\n": ""
            "        def visit(value):\n            if value not in seen:\n"
            "                seen.add(value)\n                for operand in value._prev:\n"
            "                    visit(operand)\n                order.append(value)\n\n"
            "        visit(self)\n        stack = []\n"
        },
        {"recursion-too-deep"},
    ),
]


@pytest.mark.parametrize(
    ("changes", "expected"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED]
)
def test_a_planted_mistake_is_named(changes: dict[str, str], expected: set[str], tmp_path: Path) -> None:
    text = CORRECT
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = tmp_path / "engine.py"
    file.write_text(text, encoding="utf-8")
    report = judge(file)
    named = {mistake.id for diagnosis in report.diagnoses for mistake in diagnosis.mistakes}
    unexplained = [diagnosis.title for diagnosis in report.diagnoses if not diagnosis.mistakes]
    assert named == expected
    assert bool(unexplained) == (not expected)  # what no mistake predicts is told in numbers alone
    assert report.points < 100

r"""How what is shown is written: names and formulas, as plain text and as LaTeX.

    >>> from engine.show.selection import shown_of
    >>> a, b = Value(0.5, "a"), Value(-1.5, "b_1")
    >>> y = a / b
    >>> names = Names(shown_of([y], depth=None, max_nodes=9, whole="this", ways_out=""))
    >>> names.text[y][0], names.latex[y][0]
    ('a/b₁', '\\frac{a}{b_{1}}')

A formula is written with as many parentheses as it needs: each piece comes with how strongly it binds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from engine.ops import OPS
from engine.show.diagram import SUPERSCRIPTS, name_of, number
from engine.show.selection import Operation, Shown
from engine.value import CONSTANT, Value

Written: TypeAlias = tuple[str, int]  # a piece of a formula, and how strongly it binds

ATOM = 6
SHARES = ("softmax", "log_softmax")  # of their first operand; every operand takes part
LONGEST_FORMULA = 16  # characters of a formula that is used as a name
_MOST_TERMS = 8  # of a formula that is written out
_PRECEDENCE = {"add": 1, "fsum": 1, "sumprod": 1, "sub": 1, "neg": 2, "mul": 3, "div": 3, "pow": 5}

# --- The two notations.


class Text:
    """Formulas as plain text, in which √(a) and a·b² are signs of Unicode."""

    dot, times, minus, negative, dots = "·", " × ", " − ", "−", "…"

    def number(self, x: float) -> Written:
        """A number, with its sign."""
        return number(x), 2 if x < 0.0 else ATOM

    def name(self, text: str) -> str:
        """A name, which is given as text."""
        return text

    def fenced(self, text: str) -> str:
        """Something in parentheses."""
        return f"({text})"

    def fraction(self, above: Written, below: Written) -> Written:
        """A quotient."""
        return f"{self.inside(above, 3)}/{self.inside(below, 4)}", 3

    def power(self, base: str, exponent: Written) -> str:
        """A power of something that needs no parentheses."""
        raised = exponent[0].translate(SUPERSCRIPTS)
        return base + (raised if raised.isdigit() and len(raised) == 1 else f"^{self.inside(exponent, ATOM)}")

    def between_bars(self, text: str) -> str:
        """An absolute value."""
        return f"|{text}|"

    def call(self, op: str, symbol: str, operands: Sequence[str], *, prime: bool = False) -> str:
        """A function of operands, or its derivative."""
        return f"{symbol}{'′' if prime else ''}({', '.join(operands)})"

    between, plus_equals = " · ", "+="  # factors of the chain rule; a contribution

    def derivative(self, of: str, by: str) -> str:
        """A derivative, of a name by a name."""
        return f"∂{of}/∂{by}"

    def change(self, before: float, after: float) -> str:
        """From one number to another."""
        return f" ({self.number(before)[0]} → {self.number(after)[0]})"

    def remark(self, words: str) -> str:
        """Words after a formula."""
        return f", {words}"

    def inside(self, piece: Written, least: int) -> str:
        """A piece where it must bind at least so strongly."""
        text, binds = piece
        return text if binds >= least else self.fenced(text)

    def formula(
        self, operation: Operation, operands: Sequence[Written], *, of_numbers: bool = False
    ) -> Written:
        """An operation applied to pieces; with a cross between numbers, where a dot would be misread."""
        dot, least = (self.times, (2, 2)) if of_numbers else (self.dot, (3, 4))
        if operation.terms:
            rest = iter(operands)
            terms = []
            for size in operation.terms:
                factors = [next(rest) for _ in range(size)]
                if size == 2:
                    terms.append(dot.join(self.inside(x, n) for x, n in zip(factors, least, strict=True)))
                else:
                    terms.append(self.inside(factors[0], 1))
            return " + ".join(self.few(terms)), 1
        own = _PRECEDENCE.get(operation.op, ATOM)
        match operation.op:
            case "sub":
                text = self.minus.join((self.inside(operands[0], 1), self.inside(operands[1], 2)))
            case "neg":
                text = self.negative + self.inside(operands[0], 3)
            case "mul":
                text = dot.join(self.inside(x, n) for x, n in zip(operands, least, strict=True))
            case "div":
                text, own = self.fraction(*operands)
            case "pow":
                text = self.power(self.inside(operands[0], ATOM), operands[1])
            case "abs":
                text = self.between_bars(operands[0][0])
            case _:
                text = self.call(operation.op, operation.symbol, self.few([text for text, _ in operands]))
        return text, own

    def few(self, texts: Sequence[str]) -> Sequence[str]:
        """Texts, with dots in place of those that are too many to be written out."""
        return texts if len(texts) <= _MOST_TERMS else [*texts[: _MOST_TERMS - 2], self.dots, texts[-1]]


class LaTeX(Text):
    """Formulas as LaTeX, in the part of it that notebooks and web pages show."""

    dot, times, minus, negative, dots = r" \cdot ", r" \times ", " - ", "-", r"\dots"

    def number(self, x: float) -> Written:
        """A number; in braces with its sign, which would otherwise be read as a subtraction."""
        text, binds = super().number(x)
        mantissa, exponent, power = text.replace("−", "-").replace("∞", r"\infty").partition("e")
        text = rf"{mantissa} \cdot 10^{{{power}}}" if exponent else mantissa
        return f"{{{text}}}" if x < 0.0 else text.replace("NaN", r"\mathrm{NaN}"), binds

    def name(self, text: str) -> str:
        """A name: in the notation of the delta rule as such, any other as a text."""
        match = _INDEXED.fullmatch(text)
        if match is None:
            return rf"\text{{{''.join(_ESCAPED.get(c, c) for c in text)}}}"
        symbol, low, high = match.groups(default="")
        return (symbol if len(symbol) == 1 else rf"\mathrm{{{symbol}}}") + _indices(low, high)

    def fenced(self, text: str) -> str:
        """Something in parentheses of its height."""
        return rf"\left({text}\right)"

    def fraction(self, above: Written, below: Written) -> Written:
        """A quotient, whose line is parenthesis enough for a product."""
        return rf"\frac{{{above[0]}}}{{{below[0]}}}", 4

    def power(self, base: str, exponent: Written) -> str:
        """A power of something that needs no parentheses."""
        return f"{{{base}}}^{{{exponent[0]}}}"

    between, plus_equals = r" \cdot ", r"\mathrel{+}="

    def derivative(self, of: str, by: str) -> str:
        """A derivative, as a fraction."""
        return rf"\dfrac{{\partial {of}}}{{\partial {by}}}"

    def change(self, before: float, after: float) -> str:
        """From one number to another."""
        return rf" \quad ({self.number(before)[0]} \to {self.number(after)[0]})"

    def remark(self, words: str) -> str:
        """Words after a formula."""
        return rf",\ \text{{{words}}}"

    def between_bars(self, text: str) -> str:
        """An absolute value."""
        return rf"\left|{text}\right|"

    def call(self, op: str, symbol: str, operands: Sequence[str], *, prime: bool = False) -> str:
        """A function, or its derivative; roots as such."""
        listed = ", ".join(operands)
        if symbol in _ROOTS:
            return f"{_ROOTS[symbol]}{{{listed}}}"
        matches = [_INDEXED.fullmatch(word) for word in symbol.split(" ")]
        words = [match.groups(default="") for match in matches if match is not None]
        if len(words) < len(matches):  # its sign is a formula itself
            words = [(op.replace("_", " "), "", "")]
        called = r"\,".join(
            (word if len(word) == 1 else rf"\operatorname{{{word}}}") + _indices(low, high)
            for word, low, high in words
        )
        return called + ("'" if prime else "") + self.fenced(listed)


TEXT, LATEX = Text(), LaTeX()

_LOW, _HIGH = "₀₁₂₃₄₅₆₇₈₉‚ᵢⱼₖₗₘₙ", "⁰¹²³⁴⁵⁶⁷⁸⁹ˡᴸ"
_PLAIN = str.maketrans(_LOW + _HIGH, "0123456789,ijklmn" + "0123456789lL")
_INDEXED = re.compile(rf"([A-Za-zΑ-Ωα-ω]+[0-9]*)([{_LOW}]*)([{_HIGH}]*)")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]"}
# Of these some would be commands, some markup of the Markdown around: they leave the text for a moment.
_ESCAPED = {
    c: rf"}}{command}\text{{"
    for c, command in {
        "\\": r"\backslash ",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\wedge ",
        "~": r"\sim ",
        "<": r"\lt ",
        ">": r"\gt ",
        "|": r"\vert ",
        "*": r"\ast ",
        "`": r"\prime ",
        "[": r"\lbrack ",
        "]": r"\rbrack ",
        "!": r"\mathrm{!}",
    }.items()
}


def has_a_name(op: str) -> bool:
    """Whether an operation is written with an operator or by name, and not as a formula of its own."""
    return (
        op not in OPS
        or op in _PRECEDENCE
        or op == "abs"
        or OPS[op].symbol in _ROOTS
        or all(map(_INDEXED.fullmatch, OPS[op].symbol.split(" ")))
    )


def _indices(low: str, high: str) -> str:
    return "".join(f"{sign}{{{text.translate(_PLAIN)}}}" for sign, text in (("_", low), ("^", high)) if text)


# --- Names of values: the label, the formula where it is short, else a number.


class Names:
    """What each value that is shown is called.

    Args:
        shown: the values.
        longest: characters of a formula that is used as a name.
        output: what to call the only root, if it has no label; by default by its formula as any other.

    Attributes:
        text: the names as text.
        latex: the same names as LaTeX.
    """

    def __init__(self, shown: Shown, longest: int = LONGEST_FORMULA, output: str = "") -> None:
        self.text: dict[Value, Written] = {}
        self.latex: dict[Value, Written] = {}
        unnamed = 0
        for value in shown.values:
            operation = shown.operations.get(value)
            label = name_of(value.label) or (output if value is shown.roots[0] else "")
            if label:
                written = (label, ATOM), (LATEX.name(label), ATOM)
            elif value.kind == CONSTANT:
                written = TEXT.number(value.data), LATEX.number(value.data)
            elif operation is None or not (text := self._short(operation, longest)):
                unnamed += 1
                written = (f"#{unnamed}", ATOM), (rf"\#{unnamed}", ATOM)
            else:
                written = text, self._formula(LATEX, self.latex, operation)
            self.text[value], self.latex[value] = written

    def atom(self, value: Value) -> str:
        """A name, in parentheses if it is a formula."""
        return TEXT.inside(self.text[value], ATOM)

    def formula(self, operation: Operation) -> str:
        """An operation as a formula, empty if that is long."""
        short = self._short(operation, LONGEST_FORMULA)
        return short[0] if short else ""

    def _short(self, operation: Operation, longest: int) -> Written | None:
        if (len(operation.operands) > 4 and operation.op not in SHARES) or operation.symbol == "Σ×":
            return None
        written = self._formula(TEXT, self.text, operation)
        return written if len(written[0]) <= longest else None

    def _formula(self, notation: Text, names: dict[Value, Written], operation: Operation) -> Written:
        operands = [names[operand.value] for operand in operation.operands]
        if operation.op in SHARES:
            operands = [operands[0], (notation.dots, ATOM)]
        return notation.formula(operation, operands)

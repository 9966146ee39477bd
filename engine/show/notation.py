r"""Names and formulas, written as plain text and as LaTeX.

    >>> from engine.show.selection import select
    >>> a, b = Value(0.5, "a"), Value(-1.5, "b_1")
    >>> y = a / b
    >>> names = Names(select([y], depth=None, max_nodes=9, whole="this", ways_out=""))
    >>> names.text[y][0], names.latex[y][0]
    ('a/b₁', '\\frac{a}{b_{1}}')

A formula gets as few parentheses as possible: each piece comes with a number that says how strongly it binds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import copysign
from typing import TypeAlias

from engine.ops import Form, Op
from engine.show.selection import Selection, ShownOperation
from engine.show.text import SUBSCRIPTS, SUPERSCRIPTS, Name, number, parse_name
from engine.value import CONSTANT, Value

Piece: TypeAlias = tuple[str, int]  # a piece of a formula, and how strongly it binds

SUM, NEGATION, PRODUCT, FRACTION, POWER, ATOM = 1, 2, 3, 4, 5, 6
_BINDS: dict[Form, int] = {
    "sum": SUM,
    "difference": SUM,
    "negation": NEGATION,
    "product": PRODUCT,
    "quotient": PRODUCT,
    "power": POWER,
}
_OPERATORS = set("+-−*/^=·×÷")  # a label with one of these is written in parentheses inside a formula
LONGEST_FORMULA = 16  # characters of a formula that is used as a name
_MOST_TERMS = 8  # of a formula that is written out
_MOST_OPERANDS = 4  # of a formula that is used as a name

# --- The two notations.


class Text:
    """Formulas as plain text, with signs of Unicode, as in √(a) and a·b²."""

    dot, times, minus, negative, dots = "·", " × ", " − ", "−", "…"

    def number(self, x: float) -> Piece:
        """A number, with its sign."""
        return number(x), NEGATION if x < 0.0 else ATOM

    def operand(self, x: float) -> Piece:
        """A number as the operand of a function: atan2, for one, tells −0 from 0."""
        return self.number(x) if x or copysign(1.0, x) > 0.0 else (f"{self.negative}0", NEGATION)

    def name(self, name: Name) -> Piece:
        """A name."""
        return self._named(name), 0 if _OPERATORS & set(name.symbol) else ATOM

    def _named(self, name: Name) -> str:
        return name.text

    def fenced(self, text: str) -> str:
        """Something in parentheses."""
        return f"({text})"

    def fraction(self, above: Piece, below: Piece) -> Piece:
        """A quotient."""
        return f"{self.inside(above, PRODUCT)}/{self.inside(below, FRACTION)}", PRODUCT

    def power(self, base: str, exponent: Piece) -> str:
        """A power of something that needs no parentheses."""
        raised = exponent[0].translate(SUPERSCRIPTS)
        return base + (raised if raised.isdigit() and len(raised) == 1 else f"^{self.inside(exponent, ATOM)}")

    def between_bars(self, text: str) -> str:
        """An absolute value."""
        return f"|{text}|"

    def call(self, function: str, operands: Sequence[str], *, prime: bool = False) -> str:
        """A function of operands, or its derivative."""
        return f"{function}{'′' if prime else ''}({', '.join(operands)})"

    def root(self, op: Op, operand: str) -> str:
        """A root."""
        return self.call(op.symbol, [operand])

    def function(self, op: Op) -> str:
        """The name of an operation in a call."""
        return _function_name(op)

    def function_called(self, name: str) -> str:
        """The name of a function without a row in the table."""
        return parse_name(name).text

    between, plus_equals = " · ", "+="  # factors of the chain rule; a contribution

    def derivative(self, of: str, by: str) -> str:
        """The derivative of one value by another, along all paths between them."""
        return f"∂{of}/∂{by}"

    def partial(self, of: str, by: str, place: int) -> str:
        """The local derivative of an operation by the operand at a place, from 0: along that edge alone."""
        return f"∂{str(place + 1).translate(SUBSCRIPTS)}{of}/∂{by}"

    def change(self, before: float, after: float) -> str:
        """From one number to another."""
        return f" ({self.number(before)[0]} → {self.number(after)[0]})"

    def remark(self, words: str) -> str:
        """Words after a formula."""
        return f", {words}"

    def inside(self, piece: Piece, least: int) -> str:
        """A piece where it must bind at least this strongly, if need be in parentheses."""
        text, binds = piece
        return text if binds >= least else self.fenced(text)

    def formula(
        self, operation: ShownOperation, operands: Sequence[Piece], *, of_numbers: bool = False
    ) -> Piece:
        """An operation applied to pieces. Numbers are multiplied with a cross: a dot would be misread."""
        if operation.terms:
            rest = iter(operands)
            terms = [self._term([next(rest) for _ in range(size)], of_numbers) for size in operation.terms]
            return " + ".join(self.few(terms)), SUM
        op = operation.op
        first = operands[0]
        binds = _BINDS.get(op.form, ATOM)
        match op.form:
            case "difference":
                text = self.minus.join((self.inside(first, SUM), self.inside(operands[1], NEGATION)))
            case "negation":
                text = self.negative + self.inside(first, PRODUCT)
            case "product":
                text = self._product(operands, of_numbers)
            case "quotient":
                text, binds = self.fraction(first, operands[1])
            case "power":
                text = self.power(self.inside(first, ATOM), operands[1])
            case "bars":
                text = self.between_bars(first[0])
            case "root":
                text = self.root(op, first[0])
            case _:
                text = self.call(self.function(op), self.few([text for text, _ in operands]))
        return text, binds

    def _term(self, factors: Sequence[Piece], of_numbers: bool) -> str:
        return self.inside(factors[0], SUM) if len(factors) == 1 else self._product(factors, of_numbers)

    def _product(self, factors: Sequence[Piece], of_numbers: bool) -> str:
        dot, least = (self.times, (NEGATION, NEGATION)) if of_numbers else (self.dot, (PRODUCT, FRACTION))
        return dot.join(self.inside(x, n) for x, n in zip(factors, least, strict=True))

    def few(self, texts: Sequence[str]) -> Sequence[str]:
        """Texts; of too many the first ones and the last, with dots between them."""
        return texts if len(texts) <= _MOST_TERMS else [*texts[: _MOST_TERMS - 2], self.dots, texts[-1]]


class LaTeX(Text):
    """Formulas as LaTeX, in the subset that notebooks and web pages show."""

    dot, times, minus, negative, dots = r" \cdot ", r" \times ", " - ", "-", r"\dots"

    def number(self, x: float) -> Piece:
        """A number. One with a sign is in braces, otherwise the sign would be read as a subtraction."""
        text, binds = super().number(x)
        mantissa, exponent, power = text.replace("−", "-").replace("∞", r"\infty").partition("e")
        if exponent:
            text, binds = rf"{mantissa} \cdot 10^{{{power}}}", min(binds, PRODUCT)
        else:
            text = mantissa.replace("NaN", r"\mathrm{NaN}")
        return f"{{{text}}}" if x < 0.0 else text, binds

    def _named(self, name: Name) -> str:
        return name.latex

    def fenced(self, text: str) -> str:
        """Something in parentheses of its height."""
        return rf"\left({text}\right)"

    def fraction(self, above: Piece, below: Piece) -> Piece:
        """A quotient. In a product its line does what parentheses would."""
        return rf"\frac{{{above[0]}}}{{{below[0]}}}", FRACTION

    def power(self, base: str, exponent: Piece) -> str:
        """A power of something that needs no parentheses."""
        return f"{{{base}}}^{{{exponent[0]}}}"

    between, plus_equals = r" \cdot ", r"\mathrel{+}="

    def derivative(self, of: str, by: str) -> str:
        """The derivative of one value by another, as a fraction."""
        return rf"\dfrac{{\partial {of}}}{{\partial {by}}}"

    def partial(self, of: str, by: str, place: int) -> str:
        """The local derivative of an operation by one operand, as a fraction."""
        return rf"\dfrac{{\partial_{{{place + 1}}} {of}}}{{\partial {by}}}"

    def change(self, before: float, after: float) -> str:
        """From one number to another."""
        return rf" \quad ({self.number(before)[0]} \to {self.number(after)[0]})"

    def remark(self, words: str) -> str:
        """Words after a formula."""
        return rf",\ \text{{{words}}}"

    def between_bars(self, text: str) -> str:
        """An absolute value."""
        return rf"\left|{text}\right|"

    def call(self, function: str, operands: Sequence[str], *, prime: bool = False) -> str:
        """A function of operands, or its derivative."""
        return function + ("'" if prime else "") + self.fenced(", ".join(operands))

    def root(self, op: Op, operand: str) -> str:
        """A root."""
        return f"{op.latex}{{{operand}}}"

    def function(self, op: Op) -> str:
        """The name of an operation in a call."""
        return op.latex or r"\,".join(
            map(self.function_called, _function_name(op).replace("_", " ").split(" "))
        )

    def function_called(self, name: str) -> str:
        """The name of a function without a row in the table."""
        parsed = parse_name(name)
        return parsed.latex_function if parsed.is_symbol else parsed.latex


TEXT, LATEX = Text(), LaTeX()


def _function_name(op: Op) -> str:
    """The symbol of an operation where that is a name, otherwise the name of its row."""
    return op.symbol if _is_name(op.symbol) else op.name


def _is_name(symbol: str) -> bool:
    return all(parse_name(word).is_symbol for word in symbol.split(" "))


def has_a_sign(op: Op) -> bool:
    """Whether formulas write an operation with a sign of its own, or with another name than its row."""
    return op.form != "call" or _is_name(op.symbol)


@dataclass(frozen=True)
class Writing:
    """Equations in one notation.

    Args:
        notation: the notation.
    """

    notation: Text

    def number(self, x: float) -> str:
        """A number on its own."""
        return self.notation.number(x)[0]

    def equation(self, *sides: str) -> str:
        """An equation of all sides. Sides that say the same are written once."""
        return " = ".join(dict.fromkeys(sides))


# --- Names of values: the label, the formula if it is short, otherwise a number.


class Names:
    """The name of each value that is shown.

    Args:
        selection: the values.
        longest: characters of a formula that is used as a name.
        output: the name of the only root if it has no label; by default its formula, as for any value.
        distinct: whether no two values may have the same name. Equations need that; cards do not.

    Attributes:
        text: the names as text.
        latex: the same names as LaTeX.

    Example:
        >>> from engine.show.selection import select
        >>> x, other = Value(1.0, "x"), Value(2.0, "x")
        >>> y = x.tanh() * x.tanh() * other
        >>> selection = select([y], depth=None, max_nodes=9, whole="this", ways_out="")
        >>> names = Names(selection, output="y", distinct=True)
        >>> [text for text, _ in names.text.values()]
        ['x', 'x[2]', 'tanh(x)', '#1', 'tanh(x)·#1', 'y']
    """

    def __init__(
        self,
        selection: Selection,
        longest: int = LONGEST_FORMULA,
        output: str = "",
        *,
        distinct: bool = False,
    ) -> None:
        self.text: dict[Value, Piece] = {}
        self.latex: dict[Value, Piece] = {}
        self._used: Counter[str] = Counter()
        self._unnamed = 0
        for value in selection.values:
            operation = selection.operations.get(value)
            name = parse_name(value.label or (output if value is selection.roots[0] else ""))
            text: Piece | None = None
            if name.text:
                name = self._distinct(name) if distinct else name
                text, latex = TEXT.name(name), LATEX.name(name)
            elif value.kind == CONSTANT:
                text, latex = TEXT.number(value.data), LATEX.number(value.data)
            elif operation is not None and (text := self._short(operation, longest)):
                latex = self._formula(LATEX, self.latex, operation)
                text = None if distinct and self._used[text[0]] else text
            if text is None:
                number = self._next_number()
                text, latex = (f"#{number}", ATOM), (rf"\#{number}", ATOM)
            self.text[value], self.latex[value] = text, latex
            self._used[text[0]] += 1

    def _distinct(self, name: Name) -> Name:
        while self._used[name.text]:
            name = replace(name, number=name.number + 1)
        return name

    def _next_number(self) -> int:
        self._unnamed += 1
        while self._used[f"#{self._unnamed}"]:
            self._unnamed += 1
        return self._unnamed

    def atom(self, value: Value) -> str:
        """A name, in parentheses if it is a formula."""
        return TEXT.inside(self.text[value], ATOM)

    def formula(self, operation: ShownOperation) -> str:
        """An operation as a formula; empty if that is long."""
        short = self._short(operation, LONGEST_FORMULA)
        return short[0] if short else ""

    def _short(self, operation: ShownOperation, longest: int) -> Piece | None:
        many = len(operation.operands) > _MOST_OPERANDS and not operation.op.shares
        if many or operation.is_sum_of_products:
            return None
        written = self._formula(TEXT, self.text, operation)
        return written if len(written[0]) <= longest else None

    def _formula(self, notation: Text, names: dict[Value, Piece], operation: ShownOperation) -> Piece:
        operands = [names[operand.value] for operand in operation.operands]
        if operation.op.shares:
            operands = [operands[0], (notation.dots, ATOM)]
        return notation.formula(operation, operands)


def distinct_names(selection: Selection) -> Names:
    """Names for equations: no two the same, and a letter for an output whose formula would be in every step.

    Args:
        selection: the values, with one root.

    Returns:
        The names.

    Example:
        >>> from engine.show.selection import select
        >>> y = Value(0.5, "a").tanh()
        >>> distinct_names(select([y], depth=None, max_nodes=9, whole="this", ways_out="")).text[y]
        ('y', 6)
    """
    taken = {value.label for value in selection.values}
    letter = next((letter for letter in ("y", "f", "output") if letter not in taken), "")
    return Names(selection, output=letter, distinct=True)

"""Expressions in text, such as "tanh(w*x + b)": parsed by a grammar of their own, never evaluated as code.

    expression = term with + - * / ** and parentheses, as in Python
    term       = a number, a name, a function of `engine` with its arguments, a list, an element of a list

An operator-precedence parser (Pratt 1973) writes the expression in postfix order; a stack computes it.
Anything outside the grammar is refused, with a line that points at it. The length of a text, its numbers and
its nesting are limited, so no text can take long.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isinf, pi
from typing import Any, NoReturn, TypeAlias

from engine import functions
from engine.functions import Operand
from engine.ops import OPS

_LONGEST = 10_000  # characters
_DEEPEST = 100  # levels of nesting

CONSTANTS: Mapping[str, float] = {"pi": pi}


class ExpressionError(ValueError):
    """An expression cannot be parsed or computed; the message points at the place.

    Args:
        message: what is wrong.
        text: the expression.
        position: the place in it, from 0.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        start = max(0, position - 50)
        shown = "".join(c if c.isprintable() else "\ufffd" for c in text[start : position + 30])
        super().__init__(f"{message}\n  {shown}\n  {' ' * (position - start)}^")
        self.position = position


_Instruction: TypeAlias = tuple[
    int, "float | str | Callable[..., Any]", int
]  # its place in the text; a number, a name or a function; how many operands it takes


@dataclass(frozen=True)
class Expression:
    """A parsed expression, which is a function of its names.

    Args:
        text: the expression as it was given.
        names: its free names, in order of appearance.
        program: its numbers, names and operations in postfix order.

    Example:
        >>> f = parse("tanh(w*x + b)")
        >>> f.names
        ('w', 'x', 'b')
        >>> round(f(w=0.4, x=1.0, b=0.1), 4)
        0.4621
    """

    text: str
    names: tuple[str, ...]
    program: tuple[_Instruction, ...]

    def __call__(self, **numbers: Operand) -> Any:
        """The value of the expression: a recorded Value if one of the numbers is a Value, else a float.

        Args:
            **numbers: a number or a Value for each name.

        Returns:
            A Value or a float; a list if the expression is a list.

        Raises:
            ValueError: if a number is missing, or a number has a name that the expression does not have.
            ExpressionError: outside the domain of an operation, pointing at it.
        """
        self.refuse_other_names(numbers)
        stack: list[Any] = []
        for position, what, count in self.program:
            if isinstance(what, float):
                stack.append(what)
            elif isinstance(what, str):
                stack.append(numbers[what])
            else:
                operands = stack[len(stack) - count :]
                del stack[len(stack) - count :]
                try:
                    stack.append(what(*operands))
                except (TypeError, ValueError, ArithmeticError) as error:
                    raise ExpressionError(str(error), self.text, position) from None
        return stack.pop()

    def refuse_other_names(self, names: Collection[str]) -> None:
        """Refuse names that are not exactly the names of the expression.

        Args:
            names: the names that have a number.

        Raises:
            ValueError: if a name is missing or unknown.
        """
        missing = [name for name in self.names if name not in names]
        if missing:
            numbers = " ".join(f"{name}=NUMBER" for name in missing)
            raise ValueError(f"{self.text!r} needs {', '.join(missing)}: give {numbers}")
        unknown = [name for name in names if name not in self.names]
        if unknown:
            known = ", ".join(self.names) or "no names"
            raise ValueError(f"{self.text!r} has no {', '.join(unknown)}: it takes {known}")


def parse(text: str) -> Expression:
    """Read an expression.

    Args:
        text: such as "tanh(w*x + b)". Functions are those of `engine`, and `pi` is known; any other name is
            free. Functions of many numbers take a list: "fsum([a, b, c])".

    Returns:
        The expression, to be called with a number for each name.

    Raises:
        ExpressionError: if the text is not an expression, pointing at the place.

    Example:
        >>> parse("2**x")(x=3.0)
        8.0
        >>> parse("tanh(w*x + )")
        Traceback (most recent call last):
        ...
        engine.expression.ExpressionError: expected a number, a name or '(' here
          tanh(w*x + )
                     ^
    """
    if len(text) > _LONGEST:
        raise ExpressionError(
            f"an expression has at most {_LONGEST:,} characters, got {len(text):,}", text, 0
        )
    parser = _Parser(text)
    parser.expression(0)
    if parser.kind != "end":
        parser.refuse(f"{parser.lexeme!r} does not continue an expression")
    return Expression(text, tuple(parser.names), tuple(parser.program))


def assigned_texts(texts: Iterable[str]) -> dict[str, str]:
    """Texts given to names on a command line.

    Args:
        texts: each a name, an equals sign and a text: "w=0.0497".

    Returns:
        The texts by name, as they were written: a printed number claims its decimals.

    Raises:
        ValueError: if a text has another form, or a name is given twice.

    Example:
        >>> assigned_texts(["w=0.0497", "b = -1"])
        {'w': '0.0497', 'b': '-1'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, _, number = (part.strip() for part in text.partition("="))
        if not (name and number):
            raise _not_an_assignment(text)
        if name in found:
            raise ValueError(f"{name} is given twice, as {found[name]} and {number}; give each name once")
        found[name] = number
    return found


def assignments(texts: Iterable[str]) -> dict[str, float]:
    """Numbers given to names on a command line.

    Args:
        texts: each a name, an equals sign and a number: "w=0.4".

    Returns:
        The numbers by name.

    Raises:
        ValueError: if a text has another form, a number is not finite, or a name is given twice.

    Example:
        >>> assignments(["w=0.4", "x=-1e3"])
        {'w': 0.4, 'x': -1000.0}
    """
    numbers: dict[str, float] = {}
    for name, number in assigned_texts(texts).items():
        if not (re.fullmatch(_NAME, name) and re.fullmatch(rf"[+-]?{_NUMBER}", number)):
            raise _not_an_assignment(f"{name}={number}")
        numbers[name] = float(number)
        if isinf(numbers[name]):
            raise ValueError(f"{name}={number}: the number is too large for a float")
    return numbers


def _not_an_assignment(text: str) -> ValueError:
    return ValueError(f"expected NAME=NUMBER, such as x=0.4; got {text!r}")


_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"

# --- Operations that are not functions of the engine.


def _of_numbers(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that refuses lists: Python would repeat and join them."""

    def apply(*operands: Any) -> Any:
        if any(isinstance(x, list) for x in operands):
            raise TypeError("an operator takes numbers, not a list")
        return operation(*operands)

    return apply


def _list(*elements: Any) -> list[Any]:
    return list(elements)


def _element(of: Any, index: Any) -> Any:
    if not isinstance(of, list):
        raise TypeError("only a list has elements")
    if not (isinstance(index, float) and index in range(len(of))):
        raise ValueError(f"the list has the elements 0 to {len(of) - 1}")
    return of[int(index)]


_BINARY = {  # how strongly an operator binds on its left and on its right, and its function
    "+": (1, 2, _of_numbers(operator.add)),
    "-": (1, 2, _of_numbers(operator.sub)),
    "*": (3, 4, _of_numbers(operator.mul)),
    "/": (3, 4, _of_numbers(operator.truediv)),
    "**": (8, 5, _of_numbers(functions.pow)),
}
_SIGN = 5  # binds more strongly than *, less than **
_NEGATE = _of_numbers(operator.neg)

_TOKEN = re.compile(
    rf"[ \t\r\n]*(?:(?P<number>{_NUMBER}(?![A-Za-z0-9_.]))"
    rf"|(?P<name>{_NAME})"
    r"|(?P<sign>\*\*|[-+*/()\[\],])"
    r"|(?P<end>$))",
    re.ASCII,
)
_HINTS = {
    "^": "; a power is **",
    "=": "; give numbers for names separately, as x=0.5",
    "<": "; a condition is a number: step(2 - x)",
    ">": "; a condition is a number: step(x - 2)",
    "\N{MINUS SIGN}": "; a minus is -",
    "\N{MULTIPLICATION SIGN}": "; a product is *",
    "\N{MIDDLE DOT}": "; a product is *",
}


class _Parser:
    """A text and a place in it, with the program so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, None] = {}
        self.program: list[_Instruction] = []
        self.depth = 0
        self.next = 0
        self.advance()

    def advance(self) -> None:
        """Read the next lexeme."""
        match = _TOKEN.match(self.text, self.next)
        if match is None:
            self.place = (
                self.next + len(self.text[self.next :]) - len(self.text[self.next :].lstrip(" \t\r\n"))
            )
            wrong = self.text[self.place]
            if wrong in "0123456789":
                self.refuse("this is not a number; a product is written 2*x")
            self.refuse(f"{wrong!r} is not part of an expression{_HINTS.get(wrong, '')}")
        self.kind = str(match.lastgroup)
        self.lexeme = match[self.kind]
        self.place = match.start(self.kind)
        self.next = match.end()

    def refuse(self, message: str, place: int | None = None) -> NoReturn:
        raise ExpressionError(message, self.text, self.place if place is None else place)

    def expect(self, lexeme: str) -> None:
        if self.lexeme != lexeme:
            self.refuse(f"expected {lexeme!r} here")
        self.advance()

    def emit(self, place: int, what: float | str | Callable[..., Any], count: int = 0) -> None:
        self.program.append((place, what, count))

    def expression(self, least: int) -> None:
        """Parse operands and the operators between them that bind at least as strongly as `least`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            self.refuse(f"an expression nests at most {_DEEPEST} levels")
        self.operand()
        while self.lexeme in _BINARY and _BINARY[self.lexeme][0] >= least:
            place, (_, right, operation) = self.place, _BINARY[self.lexeme]
            self.advance()
            self.expression(right)
            self.emit(place, operation, 2)
        self.depth -= 1

    def operand(self) -> None:
        place, lexeme, kind = self.place, self.lexeme, self.kind
        if kind == "number":
            if isinf(float(lexeme)):
                self.refuse("the number is too large for a float")
            self.emit(place, float(lexeme))
            self.advance()
        elif kind == "name":
            self.advance()
            self.named(place, lexeme)
        elif lexeme == "(":
            self.advance()
            self.expression(0)
            self.expect(")")
        elif lexeme == "[":
            self.advance()
            self.emit(place, _list, self.several("]"))
        elif lexeme in ("+", "-"):
            self.advance()
            self.expression(_SIGN)
            if lexeme == "-":
                self.emit(place, _NEGATE, 1)
        else:
            self.refuse("expected a number, a name or '(' here")
        while self.lexeme == "[":
            place = self.place
            self.advance()
            self.expression(0)
            self.expect("]")
            self.emit(place, _element, 2)

    def named(self, place: int, name: str) -> None:
        """Parse a call of a function, a constant, or a free name."""
        if self.lexeme == "(":
            if name not in OPS:
                close = get_close_matches(name, OPS, 1)
                self.refuse(
                    f"there is no function {name}" + (f"; did you mean {close[0]}?" if close else ""), place
                )
            self.advance()
            self.emit(place, getattr(functions, name), self.several(")"))
        elif name in OPS:
            self.refuse(f"{name} is a function: {name}(...)", place)
        elif name in CONSTANTS:
            self.emit(place, CONSTANTS[name])
        else:
            self.names[name] = None
            self.emit(place, name)

    def several(self, closing: str) -> int:
        """Parse expressions with commas between them, up to a bracket, and return how many there are."""
        count = 0
        while self.lexeme != closing:
            if count:
                self.expect(",")
            self.expression(0)
            count += 1
        self.advance()
        return count

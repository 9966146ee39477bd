"""Text on pictures and in formulas: numbers, names, and any words on one line.

A label is parsed once, into a symbol and its indices, and written as Unicode or as LaTeX.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from math import isinf, isnan

LONGEST_NAME = 40  # characters of a label on a card


def number(x: float) -> str:
    """A number as diagrams show it: four significant digits and a true minus.

    Example:
        >>> number(-0.28788), number(1.5e-7), number(2.0)
        ('−0.2879', '1.5e−7', '2')
    """
    if isnan(x):
        return "NaN"
    if isinf(x):
        return "∞" if x > 0 else "−∞"
    mantissa, _, exponent = f"{x + 0.0:.4g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")


def plain(text: str) -> str:
    """Any text on one line, without invisible characters."""
    text = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in text)


def shortened(text: str, longest: int) -> str:
    """Text on one line, with an ellipsis where it is cut."""
    text = plain(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


# --- Names.

_LOW, _LOW_UNICODE = "0123456789,ijklmn", "₀₁₂₃₄₅₆₇₈₉‚ᵢⱼₖₗₘₙ"
_HIGH, _HIGH_UNICODE = "0123456789lL", "⁰¹²³⁴⁵⁶⁷⁸⁹ˡᴸ"
SUBSCRIPTS = str.maketrans(_LOW, _LOW_UNICODE)
SUPERSCRIPTS = str.maketrans(_HIGH, _HIGH_UNICODE)
_INDICES = str.maketrans(_LOW_UNICODE + _HIGH_UNICODE, _LOW + _HIGH)

_GREEK = {"alpha": "α", "beta": "β", "delta": "δ", "epsilon": "ε", "lambda": "λ", "mu": "μ", "sigma": "σ"}
_LETTERS = "[A-Za-zΑ-Ωα-ω]+"
_SYMBOL = re.compile(f"{_LETTERS}[0-9]*")
_TYPED = re.compile(rf"({_LETTERS})(?:_([0-9]+(?:,[0-9]+)*|[ijklmn]{{1,2}}))?(?:\^([0-9]+|[lL]))?")
_UNICODE = re.compile(rf"({_LETTERS}[0-9]*)([{_LOW_UNICODE}]*)([{_HIGH_UNICODE}]*)")

# Characters with a meaning in LaTeX or in the Markdown around it are written outside of \text{}.
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


@dataclass(frozen=True)
class Name:
    """A name: a symbol with indices, or any words.

    Args:
        symbol: the letters, or the words.
        low: the lower index, as "12" or "1,12".
        high: the upper index.
        number: which of several values with this name, from 1; shown from 2 on.

    Example:
        >>> name = parse_name("w_12^1")
        >>> name
        Name(symbol='w', low='12', high='1', number=1)
        >>> name.text, name.latex
        ('w₁₂¹', 'w_{12}^{1}')
    """

    symbol: str
    low: str = ""
    high: str = ""
    number: int = 1

    @property
    def text(self) -> str:
        """The name in Unicode."""
        number = f"[{self.number}]" if self.number > 1 else ""
        return self.symbol + self.low.translate(SUBSCRIPTS) + self.high.translate(SUPERSCRIPTS) + number

    @property
    def latex(self) -> str:
        """The name in LaTeX."""
        number = rf"\lbrack {self.number}\rbrack " if self.number > 1 else ""
        if not self.is_symbol:
            return rf"\text{{{''.join(_ESCAPED.get(c, c) for c in self.symbol)}}}{number}"
        return self._indexed("mathrm") + number

    @property
    def latex_function(self) -> str:
        """The name in LaTeX, as that of a function."""
        return self._indexed("operatorname")

    @property
    def is_symbol(self) -> bool:
        """Whether it is a symbol and not words."""
        return _SYMBOL.fullmatch(self.symbol) is not None

    def _indexed(self, font: str) -> str:
        symbol = self.symbol if len(self.symbol) == 1 else rf"\{font}{{{self.symbol}}}"
        indices = (f"{sign}{{{index}}}" for sign, index in (("_", self.low), ("^", self.high)) if index)
        return symbol + "".join(indices)


def parse_name(label: str, longest: int = LONGEST_NAME) -> Name:
    r"""The name that a label means.

    Args:
        label: in the notation of the delta rule, `w_12^1` or `delta_1`, or with its indices in Unicode,
            `log₂`; anything else is words.
        longest: characters of the name; more are cut.

    Returns:
        The name.

    Example:
        >>> parse_name("delta_1^2").text, parse_name("sech²").latex, parse_name("learning rate").latex
        ('δ₁²', '\\mathrm{sech}^{2}', '\\text{learning rate}')
    """
    if match := _TYPED.fullmatch(label):
        symbol, low, high = match.groups(default="")
        name = Name(_GREEK.get(symbol, symbol), low, high)
    elif match := _UNICODE.fullmatch(label):
        symbol, low, high = match.groups()
        name = Name(symbol, low.translate(_INDICES), high.translate(_INDICES))
    else:
        name = Name(plain(label))
    return name if len(name.text) <= longest else Name(shortened(name.text, longest))

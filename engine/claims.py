"""Claimed numbers, held to the precision in which they were given."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, ulp
from typing import Any

from engine.value import Value, as_float, shortened

FLOAT_PRECISION = 1e-10  # relative: for numbers that were computed, not printed
ULPS = 4.0  # what a right gradient may lose in double precision, printed or not
_NARROW = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}  # the spacing of their numbers
_NARROW_ULPS = 16.0
_LONGEST = 1100  # characters: the exact decimals of the smallest double are 1076


@dataclass(frozen=True)
class Claim:
    """A claimed number.

    Args:
        text: the number as it was given.
        value: the number; NaN is never right.
        half_unit: half a unit of its last printed decimal; None for a number that was computed, not printed.
        decimals: how many decimals were printed, negative if not even the ones; None as above.
        exact: whether it is a whole number or a fraction, given as text.
        narrow: the name of a type with fewer digits than a double, such as "float32"; else empty.

    Example:
        >>> Claim.of("0.0497").fits(0.049681742968), Claim.of("0.0497").fits(0.04976)
        (True, False)
        >>> Claim.of(0.0497).fits(0.049681742968), Claim.of("0").fits(0.049681742968)
        (False, False)
        >>> Claim.of("0.1").fits(0.1), Claim.of("1/3").fits(1.0 / 3.0), Claim.of("1.5×10^-3").value
        (True, True, 0.0015)
        >>> Claim.of(5.0).fits(float("inf")), Claim.of(float("nan")).fits(float("nan"))
        (False, False)
    """

    text: str
    value: float
    half_unit: float | None = None
    decimals: int | None = None
    exact: bool = False
    narrow: str = ""

    @classmethod
    def of(cls, x: Any) -> "Claim":
        """The claim that a number makes: text claims its decimals, a float its value.

        Args:
            x: text, or a real number. Text is a decimal number, "0.0497", "1.2e-3" or "1.2×10^-3", that
                claims its decimals, "5." none of them; a whole number, "2" or "1e3"; or a fraction, "1/3".
                The last two mean exactly that number. A number of NumPy or PyTorch with fewer digits than a
                double is held to its own precision.

        Returns:
            The claim.

        Raises:
            TypeError: if x is neither text nor a real number.
            ValueError: if x is text that is not a number, or is beyond the range of a double.
        """
        narrow = _dtype(x) if _dtype(x) in _NARROW else ""
        if isinstance(x, Value):
            x = x.data
        elif is_array_like(x):
            x = x.item()
        if isinstance(x, (str, Decimal)):
            return _read(str(x).strip())
        value = as_float(x)
        return cls(f"{value:.8g} ({narrow})" if narrow else repr(value), value, narrow=narrow)

    def slack(self, truth: Any) -> float:
        """How far from the truth the claim may be."""
        size = abs(float(truth))
        if self.half_unit is not None:
            printed = self.half_unit * (1.0 + 1e-9)  # a number exactly between two decimals rounds either way
        elif self.narrow:
            printed = _NARROW_ULPS * _NARROW[self.narrow] * size
        else:
            printed = FLOAT_PRECISION * size
        return max(printed, ULPS * ulp(size))  # the shortest text of a double has an error of its own

    def fits(self, truth: Any, more: float = 0.0) -> bool:
        """Whether a number is what the claim says.

        Args:
            truth: a number.
            more: how far the claim may be off besides its rounding.

        Returns:
            Whether it fits; False if either number is not finite.
        """
        if not (isfinite(self.value) and isfinite(truth)):
            return False
        return bool(abs(truth - self.value) <= self.slack(truth) + more)


# --- Text.

_DECIMAL = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?")
_POWER = re.compile(r"(\S+?)\s*[×·*x]\s*10\s*(?:\^|\*\*)\s*[({]?([+-]?[0-9]+)[)}]?")
_FRACTION = re.compile(r"([+-]?[0-9]+)\s*/\s*([0-9]+)")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_RAISED = re.compile(r"(?<=10)[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_MINUS = str.maketrans("−–", "--")  # the signs that are printed
_ALONE = re.compile(r"[\w.]*[(\[$]([^,]+)(?:,.*)?[)\]$]")  # np.float64(0.5), tensor(0.5, ...), $0.5$


def _read(text: str) -> Claim:
    """The claim of a text."""
    if len(text) > _LONGEST:
        raise ValueError(f"{_quoted(text)} has {len(text)} characters; a double has at most 17 digits")
    plain = _RAISED.sub(lambda power: "^" + power[0].translate(_SUPERSCRIPTS), text.translate(_MINUS))
    if power := _POWER.fullmatch(plain):
        plain = f"{power[1]}e{power[2]}"
    if fraction := _FRACTION.fullmatch(plain):
        return Claim(text, _quotient(text, int(fraction[1]), int(fraction[2])), exact=True)
    if _NOT_FINITE.fullmatch(plain):
        return Claim(text, float(plain))
    number = _DECIMAL.fullmatch(plain)
    if number is None:
        raise ValueError(f"{_quoted(text)} is not a number: {_advice(plain)}")
    _, mantissa, power_of_10 = number.groups()
    value, exponent = float(plain), int(power_of_10 or 0)
    zero = not mantissa.strip("0.")
    if abs(value) > 1e308 and not isfinite(value):
        raise ValueError(f"{_quoted(text)} is too large for a double, whose largest number is 1.8e308")
    if value == 0.0 and not zero:
        raise ValueError(f"{_quoted(text)} is too small for a double, whose smallest number is 4.9e-324")
    _whole, point, fractional = mantissa.partition(".")
    if not point and exponent >= 0:
        return Claim(text, value, exact=True)
    decimals = len(fractional) - (min(exponent, 0) if zero else exponent)
    return Claim(text, value, float(f"5e{-decimals - 1}"), decimals)


def _quotient(text: str, a: int, b: int) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        raise ValueError(f"{_quoted(text)} divides by 0") from None
    except OverflowError:
        raise ValueError(f"{_quoted(text)} is too large for a double") from None


def _advice(text: str) -> str:
    """What to write in place of a text that is not a number."""
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", text):
        return f"write {text.replace(',', '.')} or {text.replace(',', '')}"
    if _DECIMAL.fullmatch(number := _with_a_point(text)):
        comma = "." in number and text.rfind(",") > text.rfind(".")
        return f"write {'a decimal point' if comma else 'its digits together'}, {number}"
    if text.endswith("%"):
        return "write it without a percent sign, 5% as 0.05"
    if (inner := _ALONE.fullmatch(text)) and _DECIMAL.fullmatch(inner[1]):
        return f"write the number alone, {inner[1]}"
    return "write it as 0.0497, 4.97e-2 or 1/3"


def _with_a_point(text: str) -> str:
    """A number without the marks between groups of digits, and with a point in place of a comma."""
    together = re.sub(r"[\s_']", "", text)
    for mark, point in (",.", ".,"):
        if re.fullmatch(rf"[+-]?[1-9][0-9]{{0,2}}(?:[{mark}][0-9]{{3}})+(?:[{point}][0-9]*)?", together):
            together = together.replace(mark, "")
    return together.replace(",", ".")


def _quoted(text: str) -> str:
    return shortened(repr(text))


def _dtype(x: Any) -> str:
    """The name of the type of an array's numbers, as NumPy and PyTorch tell it."""
    dtype = getattr(x, "dtype", "")
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def is_array_like(x: Any) -> bool:
    """Whether x is an array or a number of an array library, such as NumPy or PyTorch."""
    return all(hasattr(x, name) for name in ("dtype", "shape", "item"))


def told_from(truth: float, value: float) -> str:
    """The truth with enough digits to tell it from a wrong value."""
    for digits in range(6, 17):
        if f"{truth:.{digits}g}" != f"{value:.{digits}g}":
            return f"{truth:.{digits}g}"
    return repr(truth)


def listed(names: Sequence[str]) -> str:
    """The first names of a list, for a sentence, and how many more there are."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")

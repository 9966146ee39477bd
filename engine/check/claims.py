"""Claimed numbers, held to the precision in which they were given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from engine.check.subject import NotJudgedError
from engine.value import Value, as_float

FLOAT_PRECISION = 1e-10  # relative: for numbers that were computed, not printed


@dataclass(frozen=True)
class Claim:
    """A claimed number.

    Args:
        text: the number as it was given.
        value: the number; NaN is never right.
        half_unit: half a unit of its last printed decimal; None for a number that was computed, not printed.

    Example:
        >>> Claim.of("0.0497").fits(0.049681742968), Claim.of("0.0497").fits(0.04976)
        (True, False)
        >>> Claim.of(0.0497).fits(0.049681742968), Claim.of("0").fits(0.049681742968)
        (False, False)
        >>> Claim.of(5.0).fits(float("inf")), Claim.of(float("nan")).fits(float("nan"))
        (False, False)
    """

    text: str
    value: float
    half_unit: float | None = None

    @classmethod
    def of(cls, x: Any) -> "Claim":
        """The claim that a number makes: text claims its decimals, a float its value.

        Args:
            x: text such as "0.0497" or "1.2e-3", or a real number. Text without a decimal point, "2",
                means exactly that whole number.

        Returns:
            The claim.

        Raises:
            TypeError: if x is neither text nor a real number.
            ValueError: if x is text that is not a number.
        """
        if isinstance(x, Value):
            x = x.data
        if not isinstance(x, str):
            return cls(repr(x), as_float(x))
        try:
            number = Decimal(x.strip().replace("−", "-"))
        except InvalidOperation:
            raise ValueError(f"{x!r} is not a number; write it as 0.0497 or 4.97e-2") from None
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or x.strip().lstrip("+-−").isdigit():
            return cls(x.strip(), float(number))  # NaN and infinity have no decimals; a bare 0 or 2 is exact
        return cls(x.strip(), float(number), float(Decimal(5).scaleb(exponent - 1)))

    def slack(self, truth: Any) -> float:
        """How far from the truth the claim may be."""
        if self.half_unit is not None:
            return self.half_unit * (1.0 + 1e-9)  # a number exactly between two decimals rounds either way
        return FLOAT_PRECISION * abs(float(truth))

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


def claims_by_name(claimed: Any, names: Sequence[str], shape: Any) -> dict[str, Claim]:
    """The claims by the name of the number that they are about.

    Args:
        claimed: numbers, or lists of numbers, by name or in order; a single number if there is one name.
        names: the names of the inputs, in order.
        shape: the inputs in their lists, whose shape claims in lists must have.

    Returns:
        One claim for each name.

    Raises:
        NotJudgedError: if names are missing or unknown, lengths differ, or something is not a number.
    """
    if isinstance(claimed, Mapping):
        found = [pair for name, x in claimed.items() for pair in _flat(str(name), x)]
    elif isinstance(claimed, (list, tuple)):
        if any(isinstance(x, (list, tuple)) for x in claimed):
            _refuse_other_shape(claimed, shape, "the claimed gradient")
        numbers = [x for _, x in _flat("", claimed)]
        if len(numbers) != len(names):
            raise NotJudgedError(
                f"{len(numbers)} derivatives are claimed, but f has {len(names)}: {listed(names)}"
            )
        found = list(zip(names, numbers, strict=True))
    elif len(names) == 1:
        found = [(names[0], claimed)]
    else:
        raise NotJudgedError(
            f"the claimed gradient is {type(claimed).__name__}; give one number for each of {listed(names)}"
        )
    given = dict(found)
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if missing or unknown:
        parts = [f"nothing is claimed for {listed(missing)}"] if missing else []
        parts += [f"f has no {listed(unknown)}; it has {listed(names)}"] if unknown else []
        raise NotJudgedError("; ".join(parts))
    return {name: _claim(name, given[name]) for name in names}


def _claim(name: str, x: Any) -> Claim:
    try:
        return Claim.of(x)
    except (TypeError, ValueError) as error:
        raise NotJudgedError(f"the claim for {name}: {error}") from None


def _flat(name: str, x: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(x, (list, tuple)):
        for i, x_i in enumerate(x):
            yield from _flat(f"{name}[{i}]", x_i)
    else:
        yield name, x


def _refuse_other_shape(claimed: Any, shape: Any, where: str) -> None:
    """A list of derivatives has the length of the list that they are taken by: nothing broadcasts."""
    lists = isinstance(claimed, (list, tuple)), isinstance(shape, (list, tuple))
    if lists[0] != lists[1]:
        got, expected = ("a list", "one number") if lists[0] else ("one number", "a list")
        raise NotJudgedError(f"{where} is {got}; expected {expected}, as in the point")
    if lists[0]:
        if len(claimed) != len(shape):
            raise NotJudgedError(
                f"{where} has {len(claimed)} entries; expected {len(shape)}, as in the point"
            )
        for i, (c, s) in enumerate(zip(claimed, shape, strict=True)):
            _refuse_other_shape(c, s, f"{where}[{i}]")


def listed(names: Sequence[str]) -> str:
    """The first names of a list, for a sentence, and how many more there are."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")

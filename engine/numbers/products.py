"""The products of all factors but one, in any number system."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")


def products_of_others(factors: Sequence[T], times: Callable[[T, T], T], one: T) -> list[T]:
    """The product of the others for each factor, without a division, so that a factor may be 0.

    Args:
        factors: the factors, at least one.
        times: their multiplication.
        one: the neutral number of the multiplication.

    Returns:
        One product for each factor, of all before it and all after it.

    Example:
        >>> from operator import mul
        >>> products_of_others([2, 3, 0], mul, 1)
        [0, 0, 6]
    """
    before = accumulate(factors[:-1], times, initial=one)
    after = accumulate(factors[:0:-1], times, initial=one)
    return [times(b, a) for b, a in zip(before, reversed(list(after)), strict=True)]

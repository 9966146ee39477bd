"""How many random examples a test takes: fewer in the quick part of the tests."""

from hypothesis import settings

_FULL = 100  # Hypothesis's own number, which the profile of the full run keeps


def examples(number: int) -> int:
    """A number of examples, in proportion to that of the profile in use."""
    return max(1, number * settings().max_examples // _FULL)

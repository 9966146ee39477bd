"""The claims of a gradient, by the names of what they are about."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from engine.check.subject import NotJudgedError
from engine.claims import Claim, is_array_like, listed


def claims_by_name(
    claimed: Any, names: Sequence[str], shape: Sequence[Any], every: bool = False
) -> dict[str, Claim]:
    """The claims by the name of the number that they are about.

    Args:
        claimed: numbers, lists of numbers or arrays, by name or in order; a single number if there is one
            name. By name, some of the names are enough.
        names: the names of the inputs, in order.
        shape: the arguments that hold the inputs, whose shape claims in lists must have.
        every: whether each name needs a claim.

    Returns:
        A claim for each name that has one, in the order of the names.

    Raises:
        NotJudgedError: if nothing is claimed, names are unknown, lengths differ, or something is not a
            number.
    """
    claimed = _as_lists(claimed)
    if isinstance(claimed, Mapping):
        found = [pair for name, x in claimed.items() for pair in _of_name(str(name), x, names)]
    elif isinstance(claimed, (list, tuple)):
        found = _in_order(claimed, names, shape)
    elif len(names) == 1:
        found = [(names[0], claimed)]
    else:
        kind = "None" if claimed is None else type(claimed).__name__
        raise NotJudgedError(f"the claimed gradient is {kind}; give one number for each of {listed(names)}")
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    if twice:
        raise NotJudgedError(f"{twice[0]} is claimed twice: once is enough")
    given = dict(found)
    _refuse_names(given, names, every)
    return {name: _claim(name, given[name]) for name in names if name in given}


def claim_notes(claims: Mapping[str, Claim], names: Sequence[str]) -> list[str]:
    """What the report says of all claims together.

    Args:
        claims: the claims by name.
        names: the names of the inputs.

    Returns:
        The names without a claim, and the types with fewer digits than a double.
    """
    missing = [name for name in names if name not in claims]
    notes = [f"nothing is claimed for {listed(missing)}"] if claims and missing else []
    narrow = dict.fromkeys(claim.narrow for claim in claims.values() if claim.narrow)
    return notes + [
        f"{name} claims are held to the precision of {name}: compute in float64" for name in narrow
    ]


def _in_order(claimed: Sequence[Any], names: Sequence[str], shape: Sequence[Any]) -> list[tuple[str, Any]]:
    if any(isinstance(x, (list, tuple)) for x in claimed):
        of_one = len(shape) == 1 and len(claimed) != 1  # the only argument's, without a list around it
        _refuse_other_shape(claimed, _as_lists(shape[0] if of_one else shape), "the claimed gradient")
    numbers = [x for _, x in _flat("", claimed)]
    if len(numbers) != len(names):
        raise NotJudgedError(
            f"{len(numbers)} derivatives are claimed, but f has {len(names)}: {listed(names)}"
        )
    return list(zip(names, numbers, strict=True))


def _of_name(name: str, x: Any, names: Sequence[str]) -> list[tuple[str, Any]]:
    """The numbers that are claimed under one name, which may be that of a list."""
    given = list(_flat(name, _as_lists(x)))
    inside = [other for other in names if other.startswith(f"{name}[")]
    if inside and [other for other, _ in given] != inside:
        raise NotJudgedError(
            f"the claim for {name} has another shape than the point; give one number for each of "
            f"{listed(inside)}"
        )
    return given


def _refuse_names(given: Mapping[str, Any], names: Sequence[str], every: bool) -> None:
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    parts = [f"nothing is claimed for {listed(missing)}"] if missing and (every or not given) else []
    if unknown:
        close = get_close_matches(unknown[0], names, 1, 0.5)
        meant = f" (did you mean {close[0]}?)" if close and len(unknown) == 1 else ""
        parts.append(f"f has no {listed(unknown)}{meant}; it has {listed(names)}")
    if parts:
        raise NotJudgedError("; ".join(parts))


def _claim(name: str, x: Any) -> Claim:
    try:
        return Claim.of(x)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotJudgedError(f"the claim for {name}: {error}") from None


def _as_lists(x: Any) -> Any:
    """Arrays as lists, whose numbers keep their types."""
    x = getattr(x, "A", x)  # the array of a NumPy matrix, whose rows are matrices, without end
    if isinstance(x, (list, tuple)) or (is_array_like(x) and len(x.shape)):
        return [_as_lists(x_i) for x_i in x]
    return x


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

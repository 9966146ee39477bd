"""Operations on the same operands that are cheaper computed together, such as tanh and its derivative."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any

from engine.compiler.instructions import Apply, Code


def together(code: Code, joint: Iterable[str]) -> Code:
    """The program with operations on the same rows joined, where a number system knows how.

    Args:
        code: a program.
        joint: the names of the joint operations, such as "tanh and sech2".

    Returns:
        The program.
    """
    names = set(joint)
    same: dict[Any, list[Apply]] = defaultdict(list)
    for instruction in code.body:
        if isinstance(instruction, Apply):
            same[tuple([rows.key for rows in instruction.operands])].append(instruction)
    joined: dict[int, Apply | None] = {}  # by the identity of the instruction that it stands in for
    for applied in same.values():
        for first, second in permutations(applied, 2):
            name = f"{first.op} and {second.op}"
            if name in names and joined.keys().isdisjoint((id(first), id(second))):
                earlier, later = sorted((first, second), key=applied.index)
                joined[id(earlier)] = Apply(name, first.out + second.out, first.operands)
                joined[id(later)] = None
    body = [joined.get(id(i), i) for i in code.body]
    return replace(code, body=[i for i in body if i is not None])

"""Operations on the same operands that are cheaper computed together.

Such are tanh and its derivative, and softmax and its logarithm: they need the same exponentials.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any, TypeGuard

import numpy as np

from engine.compiler.instructions import Apply, Code, Instruction, Rows, Shares
from engine.ops import OPS


def together(code: Code, joint: Iterable[str]) -> Code:
    """The program with operations on the same rows joined, where a number system knows how.

    Args:
        code: a program.
        joint: the names of the joint operations, such as "tanh and sech2".

    Returns:
        The program.
    """
    names = set(joint)
    same: dict[Any, list[Apply | Shares]] = defaultdict(list)
    for instruction in code.body:
        if _is_row_for_row(instruction):
            same[tuple([rows.key for rows in _operands(instruction)])].append(instruction)
    joined: dict[int, Apply | None] = {}  # by the identity of the instruction that it stands in for
    for applied in same.values():
        for first, second in permutations(applied, 2):
            name = f"{first.op} and {second.op}"
            if name in names and joined.keys().isdisjoint((id(first), id(second))):
                earlier, later = sorted((first, second), key=applied.index)
                joined[id(earlier)] = Apply(name, _out(first) + _out(second), _operands(first))
                joined[id(later)] = None
    body = [joined.get(id(i), i) for i in code.body]
    return replace(code, body=[i for i in body if i is not None])


def _is_row_for_row(i: Instruction) -> TypeGuard[Apply | Shares]:
    """Whether there is one row of the result for each row of an operand, in the same order.

    Of shares, if all are wanted. An `Apply` of them is another thing: the first of its operands' shares.
    """
    if isinstance(i, Shares):
        return np.array_equal(i.picked, np.arange(len(i.operands)))
    return isinstance(i, Apply) and OPS[i.op].arity is not None


def _operands(i: Apply | Shares) -> tuple[Rows, ...]:
    return i.operands if isinstance(i, Apply) else (i.operands,)


def _out(i: Apply | Shares) -> tuple[Rows, ...]:
    return i.out if isinstance(i, Apply) else (i.out,)

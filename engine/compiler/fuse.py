"""Operations on the same operands that are cheaper to compute together.

Examples are tanh and its derivative, or softmax and its logarithm: they need the same exponentials.
"""

from collections import defaultdict
from collections.abc import Container
from dataclasses import replace
from itertools import permutations
from typing import Any, TypeGuard

import numpy as np

from engine.compiler.instructions import Apply, Code, Instruction, Rows, Shares
from engine.ops import OPS


def fuse(code: Code, joint: Container[tuple[str, ...]]) -> Code:
    """Join operations on the same rows that a number system can compute together.

    Args:
        code: a program.
        joint: the pairs of operations that have a joint kernel, such as ("tanh", "sech2").

    Returns:
        The program with one instruction for each pair.
    """
    same: dict[Any, list[Apply | Shares]] = defaultdict(list)
    for instruction in code.body:
        if _is_row_for_row(instruction):
            same[tuple([rows.key for rows in _operands(instruction)])].append(instruction)
    joined: dict[int, Apply | None] = {}  # by the identity of the instruction that it replaces
    for applied in same.values():
        for first, second in permutations(applied, 2):
            ops = _ops(first) + _ops(second)
            if ops in joint and joined.keys().isdisjoint((id(first), id(second))):
                earlier, later = sorted((first, second), key=applied.index)
                joined[id(earlier)] = Apply(ops, _out(first) + _out(second), _operands(first))
                joined[id(later)] = None
    body = [joined.get(id(i), i) for i in code.body]
    return replace(code, body=[i for i in body if i is not None])


def _is_row_for_row(i: Instruction) -> TypeGuard[Apply | Shares]:
    """Whether each row of the operands has one row of the result, in the same order.

    True of `Shares` if all shares are wanted. False of an n-ary `Apply`: its result is one row for all of
    its operands.
    """
    if isinstance(i, Shares):
        return np.array_equal(i.picked, np.arange(len(i.operands)))
    return isinstance(i, Apply) and all(OPS[op].arity is not None for op in i.ops)


def _ops(i: Apply | Shares) -> tuple[str, ...]:
    return i.ops if isinstance(i, Apply) else (i.op,)


def _operands(i: Apply | Shares) -> tuple[Rows, ...]:
    return i.operands if isinstance(i, Apply) else (i.operands,)


def _out(i: Apply | Shares) -> tuple[Rows, ...]:
    return i.out if isinstance(i, Apply) else (i.out,)

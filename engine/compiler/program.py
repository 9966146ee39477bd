"""`compile`: recorded outputs as a program over batches of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.compiler.flatten import flatten
from engine.compiler.generate import Array, Machine
from engine.compiler.graph import Graph, capture, without_numbers
from engine.compiler.guard import guard
from engine.compiler.instructions import Code
from engine.compiler.layout import layout
from engine.compiler.recognize import recognize
from engine.compiler.schedule import schedule
from engine.compiler.simplify import simplify
from engine.derivatives import grad, jvp
from engine.graph import recorded
from engine.numbers import arrays
from engine.value import CONSTANT, LEAF, Value


def lower(graph: Graph, means: bool) -> Code:
    for improve in (guard, simplify, flatten):
        graph = improve(graph)
    return recognize(layout(schedule(graph, means)), means)

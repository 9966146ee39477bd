"""An engine that takes each path by itself: right, and slow where values are used twice."""

from __future__ import annotations


class Val:
    def __init__(self, value: float, parents: list[tuple[Val, float]] | None = None) -> None:
        self.value = value
        self.parents = parents or []
        self.gradient = 0.0

    def __add__(self, other: Val) -> Val:
        return Val(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other: Val) -> Val:
        return Val(self.value * other.value, [(self, other.value), (other, self.value)])

    def propagate(self, gradient: float = 1.0) -> None:
        self.gradient += gradient
        for parent, partial in self.parents:
            parent.propagate(gradient * partial)

"""The catalogue of mistakes: one row each, in words and in numbers."""

from engine.mistakes.catalogue import CATALOGUE
from engine.mistakes.mistake import Mistake

__all__ = ["CATALOGUE", "Mistake"]

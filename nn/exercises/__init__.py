"""Exercises for hand computation: generated, written, and the papers of a class read and marked."""

from nn.exercises.exercise import Exercise, answers, article, find_exercise, from_content
from nn.exercises.generation import generate
from nn.exercises.papers import mark, mark_all, mark_entries

__all__ = [
    "Exercise",
    "answers",
    "article",
    "find_exercise",
    "from_content",
    "generate",
    "mark",
    "mark_all",
    "mark_entries",
]

"""Hand computations, marked number by number."""

from engine.grading.grading import GradeReport, grade

__all__ = ["GradeReport", "grade"]

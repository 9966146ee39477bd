"""Hand computations, marked number by number."""

from engine.grading.grading import grade
from engine.grading.report import GradeReport, PapersReport

__all__ = ["GradeReport", "PapersReport", "grade"]

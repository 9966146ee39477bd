"""Hand computations, marked number by number, and their points."""

from engine.grading.grading import grade
from engine.grading.paper import grade_paper
from engine.grading.points import Score
from engine.grading.report import GradeReport, PapersReport

__all__ = ["GradeReport", "PapersReport", "Score", "grade", "grade_paper"]

"""Comparing gradients: a check that proves, names the mistake, and grades a hand computation."""

from engine.check.gradients import assert_gradients, check_gradients
from engine.check.grading import GradeReport, grade
from engine.check.report import GradientError, GradientReport

__all__ = ["GradeReport", "GradientError", "GradientReport", "assert_gradients", "check_gradients", "grade"]

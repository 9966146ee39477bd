"""Comparing gradients: a check that proves, names the mistake, and grades a hand computation."""

from engine.check.gradients import check_gradients
from engine.check.report import GradientError, GradientReport

__all__ = ["GradientError", "GradientReport", "check_gradients"]

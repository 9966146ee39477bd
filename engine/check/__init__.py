"""Comparing gradients: a check that proves, or names the mistake."""

from engine.check.gradients import assert_gradients, check_gradients
from engine.check.report import GradientError, GradientReport

__all__ = ["GradientError", "GradientReport", "assert_gradients", "check_gradients"]

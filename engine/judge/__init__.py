"""Somebody's scalar autograd engine, judged: what is right, what is wrong, and why."""

from engine.judge.judging import judge, judge_all
from engine.judge.report import EnginesReport, JudgeReport

__all__ = ["EnginesReport", "JudgeReport", "judge", "judge_all"]

"""The page of mistakes, made from the catalogue.

python -m tests.tools.mistakes
"""

from pathlib import Path

from engine.mistakes.page import page

PAGE = Path(__file__).parents[2] / ".github" / "MISTAKES.md"

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

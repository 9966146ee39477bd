"""What the README prints is what the program prints."""

import doctest
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nn import cli
from tests.tools.pictures import SHOWN

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Every `$ command` of the README with the output printed below it."""
    found = []
    for language, text in BLOCKS:
        if language == "console":
            for part in text.split("$ ")[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output.strip()))
    return found


def test_the_python_blocks_print_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted > 15
    assert results.failed == 0


@pytest.mark.slow
def test_the_commands_print_what_they_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(commands()) > 2
    for command, expected in commands():
        program, *arguments = shlex.split(command)
        assert program == "deltagrad"
        monkeypatch.setattr(sys, "argv", ["deltagrad", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code, command
        printed = capsys.readouterr().out.strip()
        assert printed, command
        if expected:
            assert expected in printed, command


def test_the_pictures_show_what_is_drawn() -> None:
    """They are made by `python -m tests.tools.pictures`."""
    referred = [
        Path(place) for place in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    ]
    assert sorted(referred) == sorted(SHOWN)
    for place, picture in SHOWN.items():
        assert words((README.parent / place).read_text(encoding="utf-8")) == words(picture().svg), place


def words(svg: str) -> list[str]:
    """The texts of a picture, in the order of the alphabet: the order in the file is the renderer's."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  made here
    return sorted("".join(text.itertext()) for text in texts)


def test_start_has_two_blocks_that_set_themselves_up() -> None:
    first, second = (text for language, text in BLOCKS[:2] if language == "sh")
    assert "deltagrad example" in first
    assert "pytest" in second
    for block in (first, second):
        assert block.startswith("python3 -m venv .venv\n.venv/bin/python -m pip install")

"""Colours: one row for each theme, and nothing else to add one."""

from dataclasses import fields, replace
from typing import get_args

import pytest

from engine import Value
from engine.show.palette import PALETTES, Theme, css


def test_every_theme_has_a_row_and_every_row_all_kinds() -> None:
    assert tuple(PALETTES) == get_args(Theme)
    kinds = [sorted(palette.kinds) for palette in PALETTES.values()]
    assert all(kind == kinds[0] for kind in kinds)
    assert {palette.scheme for palette in PALETTES.values()} == {"light", "dark"}


@pytest.mark.parametrize("theme", PALETTES)
def test_a_page_has_every_colour(theme: Theme) -> None:
    text = css(theme)
    for field in fields(PALETTES[theme]):
        colour = getattr(PALETTES[theme], field.name)
        if isinstance(colour, str) and field.name != "scheme":
            assert f"--{field.name.replace('_', '-')}: {colour};" in text
    for kind, ink in PALETTES[theme].kinds.items():
        assert f"--{kind}-fill: {ink.fill}; --{kind}-stroke: {ink.stroke};" in text


def test_a_theme_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    sepia = replace(PALETTES["light"], background="#F4ECD8")
    monkeypatch.setitem(PALETTES, "sepia", sepia)  # type: ignore[misc]  # a theme of the test alone
    x = Value(2.0, "x")
    theme: Theme = "sepia"  # type: ignore[assignment]  # likewise
    assert "#F4ECD8" in (x * x).draw(theme=theme).svg.upper()
    page = (x * x).play(theme=theme).html
    assert ':root[data-theme="sepia"] { color-scheme: light; --background: #F4ECD8;' in page
    assert '"schemes": {"light": "light", "dark": "dark", "sepia": "light"}' in page
    with pytest.raises(ValueError, match="a theme is light or dark or sepia, not 'pink'"):
        x.draw(theme="pink")

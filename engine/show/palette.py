"""The colours of diagrams and pages. To add a theme, add its name and its row here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

Theme: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True)
class Ink:
    """How a shape is drawn. Kinds of shapes differ by colour and by a second cue: border width or dashes.

    Args:
        fill: the colour of its area.
        stroke: the colour of its border.
        width: the width of its border in points.
        style: its style in the DOT language.
    """

    fill: str
    stroke: str
    width: float = 1.3
    style: str = "filled"


@dataclass(frozen=True)
class Palette:
    """The colours of a theme.

    Args:
        scheme: "light" or "dark": a reader whose system prefers this scheme gets this theme.
        background: behind everything.
        text: of names and numbers.
        derivative: of the text of derivatives.
        edge: of edges.
        positive: of positive edges.
        negative: of negative edges.
        forward: of what a step of the forward pass is about.
        backward: of what a step of the backward pass is about.
        on_active: of text on these two.
        operation: shapes of operations; their stroke is the colour of their text.
        kinds: cards by the kind of the value.
    """

    scheme: Literal["light", "dark"]
    background: str
    text: str
    derivative: str
    edge: str
    positive: str
    negative: str
    forward: str
    backward: str
    on_active: str
    operation: Ink
    kinds: dict[str, Ink]


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        scheme="light",
        background="#FFFFFF",
        text="#1B1B1B",
        derivative="#8A3B8F",
        edge="#6A6A6A",
        positive="#0072B2",
        negative="#C65200",
        forward="#0072B2",
        backward="#B0178F",
        on_active="#FFFFFF",
        operation=Ink("#444444", "#FFFFFF"),
        kinds={
            "input": Ink("#DCEBF7", "#0072B2"),
            "parameter": Ink("#FDEBC8", "#8F5600", width=2.2),
            "constant": Ink("#ECECEC", "#6E6E6E", style="filled,dashed"),
            "intermediate": Ink("#FFFFFF", "#4A4A4A"),
            "output": Ink("#DDF2E6", "#00795A", width=1.8),
        },
    ),
    "dark": Palette(
        scheme="dark",
        background="#161616",
        text="#F2F2F2",
        derivative="#E3A5E8",
        edge="#A0A0A0",
        positive="#56B4E9",
        negative="#FF9B4A",
        forward="#56B4E9",
        backward="#FF8FE0",
        on_active="#111111",
        operation=Ink("#D0D0D0", "#111111"),
        kinds={
            "input": Ink("#123B57", "#56B4E9"),
            "parameter": Ink("#4D3305", "#E69F00", width=2.2),
            "constant": Ink("#3A3A3A", "#A8A8A8", style="filled,dashed"),
            "intermediate": Ink("#262626", "#F2F2F2"),
            "output": Ink("#0B4231", "#3FC79A", width=1.8),
        },
    ),
}


def listed_themes() -> str:
    """The names of the themes, for messages.

    Example:
        >>> listed_themes()
        'light or dark'
    """
    return " or ".join(PALETTES)


def css(theme: Theme) -> str:
    """The colours of a theme as custom properties of CSS, and its scheme.

    Example:
        >>> "color-scheme: dark; --background: #161616;" in css("dark")
        True
        >>> "--input-fill: #DCEBF7; --input-stroke: #0072B2;" in css("light")
        True
    """
    palette = PALETTES[theme]
    colours = {
        field.name.replace("_", "-"): value
        for field in fields(palette)
        if isinstance(value := getattr(palette, field.name), str) and field.name != "scheme"
    }
    for kind, ink in {"operation": palette.operation, **palette.kinds}.items():
        colours |= {f"{kind}-fill": ink.fill, f"{kind}-stroke": ink.stroke}
    return " ".join(
        [f"color-scheme: {palette.scheme};", *(f"--{name}: {colour};" for name, colour in colours.items())]
    )

"""A recorded graph as a page with a slider for every leaf, which computes both passes itself.

The page gets the graph and the rules of its operations as data. Its scripts are a number system, the graph
run over it, and the page. Everything that it shows is a function of the numbers of the leaves.

The page computes in double precision only: where a partial underflows on the way (`Op.underflows`),
recording has more digits. Outside a domain the page goes on with NaN or infinity, and says which operation
made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any, ClassVar, TypeAlias

from engine.backprop import adjoints
from engine.derivatives import refuse_if_changed
from engine.leaving import warn_of_branches
from engine.ops import OPS
from engine.recording import taking_limits
from engine.show.diagram import Diagram
from engine.show.draw import Picture
from engine.show.explain import MOST_VALUES
from engine.show.live.rules import as_data, written_rule
from engine.show.notation import Names, distinct_names
from engine.show.page import Page
from engine.show.palette import Theme
from engine.show.render import TIMEOUT
from engine.show.selection import Selection, ShownOperand, select
from engine.show.text import number
from engine.value import Value, as_float

LeafName: TypeAlias = str | Value

_MOST_RECORDED = 10  # values of the whole graph, for each that may be shown
_WIDEST = "−1.234e−10"  # cards and edges are laid out for it


def live(
    output: Value,
    *,
    limits: Mapping[LeafName, tuple[float, float]] | None = None,
    steps: Mapping[LeafName, float] | None = None,
    locked: Iterable[LeafName] = (),
    theme: Theme | None = None,
    parameters: Iterable[Value] = (),
    depth: int | None = None,
    max_nodes: int = MOST_VALUES,
    title: str = "",
    timeout: float = TIMEOUT,
) -> Live:
    """A page on which every leaf has a slider, and all numbers follow it. No `grad` is modified.

    Leaves are named by their labels; of several with one label, as the page names them: x, x[2], x[3]. A
    leaf that the picture leaves out keeps its number. A branch that Python took while recording, as in
    `if v > 0`, stays as it is, and a warning says where it was taken.

    Args:
        output: the value.
        limits: the least and the largest number of a leaf; without, its slider reaches as far as it needs to.
        steps: the step of a leaf's slider.
        locked: the leaves that cannot be moved, by hand or downhill.
        theme: "light" or "dark" to begin with; None to follow the reader's system.
        parameters: leaves to show as parameters, besides those recorded as such.
        depth: how many operations to go back from the output; None for all.
        max_nodes: the most values to show, with five times as many edges.
        title: what the page shows, for its title.
        timeout: seconds that the layout of the diagram may take.

    Returns:
        The page, whose `save` writes it and which shows itself in a notebook.

    Raises:
        ValueError: if the graph has more values than `max_nodes`, with their number and what to do; if a leaf
            was assigned a new number after the output was recorded; if an option names no leaf, or limits or
            a step do not fit its number; if the rule of an operation of your own cannot be written down.

    Example:
        >>> w, x = Value(0.5, "w"), Value(3.0, "x")
        >>> page = live((w * x).tanh(), limits={"w": (-2, 2)}, locked=["x"])
        >>> page
        <Live page of y: 1 of 2 leaves to move>
        >>> page.leaves[0].limits, page.leaves[1].locked
        ((-2.0, 2.0), True)
    """
    selection = select(
        [output],
        depth=depth,
        max_nodes=max_nodes,
        whole="a live page",
        ways_out="show a part, with depth=3 or from an inner value; draw it, with draw(); or raise max_nodes",
    )
    if len(selection.order) > _MOST_RECORDED * max_nodes:
        raise ValueError(
            f"the whole graph has {len(selection.order):,} values, and the page computes all of them; it "
            f"computes at most {_MOST_RECORDED * max_nodes:,}: start from an inner value, or raise max_nodes"
        )
    with taking_limits():
        for value in selection.order:
            refuse_if_changed(value, "show it live")
    picture = _Picture(selection, "light", parameters, names=distinct_names(selection))
    picture.draw(widths={}, local=True)
    moving = [value for value in selection.values if value.is_variable]
    warn_of_branches(selection.order, moving, "page", "number")
    recorded = _Recorded(picture)
    leaves = _leaves(recorded, limits or {}, steps or {}, list(locked))
    return Live(_diagram(picture, title, timeout), recorded, leaves, theme)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A leaf that the page shows.

    Args:
        node: its place in the whole graph.
        key: what it is called in a link and in options.
        name: its name on the page.
        start: its number as it was recorded.
        limits: the least and the largest number, if they were given.
        reach: how far its slider goes to both sides of 0 if they were not, at the start.
        step: the step of its slider.
        locked: whether it cannot be moved.
    """

    node: int
    key: str
    name: str
    start: float
    limits: tuple[float, float] | None
    reach: float
    step: float
    locked: bool


@dataclass(frozen=True, repr=False)
class Live(Page):
    """A recorded graph that computes on a page. It shows itself in a notebook.

    Args:
        diagram: the diagram.
        recorded: the graph.
        leaves: the leaves that are shown.
        theme: "light" or "dark" to begin with; None to follow the reader's system.

    Raises:
        ValueError: if the theme is unknown.
    """

    diagram: Diagram
    recorded: _Recorded
    leaves: Sequence[Leaf]
    theme: Theme | None = None
    noun: ClassVar[str] = "live page"
    room: ClassVar[str] = "engine.show.live"
    scripts: ClassVar[tuple[str, ...]] = ("numbers.js", "graph.js", "text.js", "page.js")
    below_the_picture: ClassVar[int] = 420

    def __post_init__(self) -> None:
        self._refuse_theme()

    def __repr__(self) -> str:
        free = sum(not leaf.locked for leaf in self.leaves)
        return f"<Live page of {self.recorded.name}: {free} of {len(self.leaves)} leaves to move>"

    def _data(self) -> Mapping[str, Any]:
        leaves = [{**asdict(leaf), "start": as_data(leaf.start)} for leaf in self.leaves]
        return {**self.recorded.data(), "leaves": leaves}

    def _texts(self) -> Mapping[str, str]:
        return self.recorded.texts()

    def _markup(self) -> Mapping[str, Any]:
        return {
            "name": escape(self.recorded.name),
            "leaves": "\n".join(_row(i, leaf) for i, leaf in enumerate(self.leaves)),
        }


class _Picture(Picture):
    """The picture, laid out for any numbers."""

    def _number(self, value: Value) -> str:
        return _WIDEST

    def _gradient(self, value: Value) -> str:
        return _WIDEST

    def _partial(self, operand: ShownOperand) -> str:
        return _WIDEST


def _diagram(picture: _Picture, title: str, timeout: float) -> Diagram:
    """The diagram, whose titles and description leave out the numbers, which change."""
    selection, names = picture.selection, picture.names.text
    titles = {f"v{i}": f"{names[value][0]}, {picture.kinds[value]}" for value, i in picture.index.items()}
    for ident, text in picture.canvas.titles.items():
        titles.setdefault(ident, text.removesuffix(f" = {_WIDEST}"))
    diagram = picture.diagram(title or f"{names[selection.roots[0]][0]}, live", timeout)
    description = diagram.description.replace(f": {_WIDEST}.", ".")
    return replace(diagram, titles=titles, description=description)


class _Recorded:
    """The graph behind a picture, as the page computes it.

    Args:
        picture: the picture.

    Attributes:
        name: the name of the output.
        node: the place of each value in the whole graph.
        nodes: for each place the number of a leaf, or the place of a rule and those of the operands.
        rules: the rules as data.
    """

    def __init__(self, picture: _Picture) -> None:
        self.picture, self.selection = picture, picture.selection
        self.output = self.selection.roots[0]
        self.name = picture.names.text[self.output][0]
        node = self.node = {value: i for i, value in enumerate(self.selection.order)}
        rules: dict[tuple[str, int], int] = {}
        self.nodes: list[Any] = []
        for value in self.selection.order:
            if parents := value.parents:
                rule = rules.setdefault((value.op, len(parents)), len(rules))
                self.nodes.append([rule, *(node[parent] for parent in parents)])
            else:
                self.nodes.append(as_data(value.data))
        self.rules = [_described_rule(*rule) for rule in rules]

    def data(self) -> dict[str, Any]:
        """What the scripts compute and show."""
        return {
            "nodes": self.nodes,
            "rules": self.rules,
            "cards": [[f"v{i}", self.node[v], self._first_line(v)] for i, v in self._cards()],
            "edges": [[ident, self.node[v], place] for ident, v, place, _ in self._edges()],
            "operations": [[i, self.node[v]] for i, v in self._cards() if v in self.selection.operations],
        }

    def texts(self) -> dict[str, str]:
        """The lines of cards and edges, with the numbers as recorded."""
        found = adjoints(self.selection.order, self.output, lambda value: value.partials, 1.0)
        texts = {}
        for i, value in self._cards():
            line = self._first_line(value)
            gradient = self.output.data if math.isnan(self.output.data) else found.get(value, 0.0)
            texts[f"v{i}/{line}"] = f"data {number(value.data)}"
            texts[f"v{i}/{line + 1}"] = f"grad {number(gradient)}"
        return texts | {f"{ident}/0": f"×{number(partial)}" for ident, *_, partial in self._edges()}

    def _cards(self) -> Iterator[tuple[int, Value]]:
        """The cards that have numbers."""
        picture = self.picture
        return ((i, value) for value, i in picture.index.items() if picture.kinds[value] != "constant")

    def _first_line(self, value: Value) -> int:
        return 1 + self.selection.is_cut(value)

    def _edges(self) -> Iterator[tuple[str, Value, int, float]]:
        """The edges, but those of constants: their ids, where their partials were recorded, and these."""
        for value, operation in self.selection.operations.items():
            for place, operand in enumerate(operation.operands):
                if self.picture.kinds[operand.value] == "constant":
                    continue
                yield f"e{self.picture.index[value]}_{place}", *operand.edge, operand.partial


def _described_rule(name: str, count: int) -> dict[str, Any]:
    """A rule, and what is said where it fails."""
    op = OPS[name]
    letters = op.letters(count)
    call = f"{name}({', '.join(letters[:4])}{', …' if count > 4 else ''})"
    return {**written_rule(op, count), "call": call, "letters": letters[:4], "domain": op.domain}


# --- The leaves, with their options.


def _leaves(
    recorded: _Recorded,
    limits: Mapping[LeafName, tuple[float, float]],
    steps: Mapping[LeafName, float],
    locked: Sequence[LeafName],
) -> list[Leaf]:
    names = recorded.picture.names
    keys = _keys(recorded.selection, names)
    given_limits, given_steps = _by_leaf("limits", limits, keys), _by_leaf("steps", steps, keys)
    fixed = _by_leaf("locked", dict.fromkeys(locked, True), keys)
    leaves = []
    for leaf, key in keys.items():
        between = _limits(key, leaf.data, given_limits[leaf]) if leaf in given_limits else None
        reach = _reach(leaf.data)
        span = between[1] - between[0] if between else 2.0 * reach
        leaves.append(
            Leaf(
                node=recorded.node[leaf],
                key=key,
                name=names.text[leaf][0],
                start=leaf.data,
                limits=between,
                reach=reach,
                step=_step(key, given_steps[leaf]) if leaf in given_steps else _round_number(span / 400.0),
                locked=leaf in fixed,
            )
        )
    return leaves


def _keys(selection: Selection, names: Names) -> dict[Value, str]:
    """What each leaf is called in options and links: its label, if no other has it."""
    leaves = [value for value in selection.values if value.is_variable]
    labels = [leaf.label for leaf in leaves]
    keys: dict[Value, str] = {}
    for leaf in leaves:
        usable = leaf.label and labels.count(leaf.label) == 1 and leaf.label not in keys.values()
        keys[leaf] = leaf.label if usable else names.text[leaf][0]
    return keys


def _by_leaf(option: str, given: Mapping[LeafName, Any], keys: Mapping[Value, str]) -> dict[Value, Any]:
    """What an option says, by leaf."""
    leaves = {key: leaf for leaf, key in keys.items()}
    found = {}
    for name, what in given.items():
        leaf = name if isinstance(name, Value) else leaves.get(name)
        if leaf is None or leaf not in keys:
            shown = name.label or "an unlabelled value" if isinstance(name, Value) else repr(name)
            raise ValueError(
                f"{option}: {shown} is no leaf with a slider; there are {', '.join(leaves) or 'none'}"
            )
        found[leaf] = what
    return found


def _limits(key: str, x: float, given: Any) -> tuple[float, float]:
    try:
        low, high = map(as_float, given)
    except (TypeError, ValueError):
        raise ValueError(f"limits: {key} needs two numbers, as in (-2, 2), not {given!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"limits: {key} needs a smaller and a larger number, not ({low:g}, {high:g})")
    if not low <= x <= high:
        raise ValueError(f"limits: {key} = {x:g} is not between {low:g} and {high:g}: give limits around it")
    return low, high


def _step(key: str, given: Any) -> float:
    step = as_float(given)
    if not (math.isfinite(step) and step > 0.0):
        raise ValueError(f"steps: {key} needs a number above 0, not {step:g}")
    return step


def _reach(x: float) -> float:
    """How far a slider goes to both sides of 0: about twice the number, and a round number."""
    if x == 0.0 or 0.01 <= abs(x) <= 1.0 or not math.isfinite(x):
        return 2.0
    return _round_number(min(max(2.0 * abs(x), 1e-300), 5e307))


def _round_number(x: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below a number, or nearly so."""
    power = math.floor(math.log10(x))
    mantissa = x / 10.0**power
    return float(f"{next(m for m in (1, 2, 5, 10) if mantissa <= m * 1.001)}e{power}")


def _row(i: int, leaf: Leaf) -> str:
    """The controls of a leaf. The script writes their numbers."""
    name = escape(leaf.name)
    disabled = " disabled" if leaf.locked else ""
    lock = " (locked)" if leaf.locked else ""
    return (
        f'<li><label for="live-slider-{i}">{name}{lock}</label>'
        f'<input type="range" id="live-slider-{i}" data-leaf="{i}" step="{leaf.step!r}"{disabled}>'
        f'<input type="number" id="live-number-{i}" data-leaf="{i}" step="{leaf.step!r}" '
        f'aria-label="{name}, as a number"{disabled}>'
        f'<span id="live-grad-{i}"></span></li>'
    )

"""Diagrams: what is on them, that it is right, and what is refused."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import engine
from engine import Value, exp, fsum, sqrt, sumprod, tanh
from engine.show.diagram import Diagram
from engine.show.draw import draw
from engine.show.render import RenderError
from engine.show.text import parse_name
from nn.modules import MLP
from tests.tools.examples import examples
from tests.tools.pictures import PICTURES

SVG = "{http://www.w3.org/2000/svg}"


def parts(diagram: Diagram, kind: str) -> dict[str, ElementTree.Element]:
    """The groups of a class, by id."""
    root = ElementTree.fromstring(diagram.svg)  # noqa: S314  made here
    return {g.attrib["id"]: g for g in root.iter(f"{SVG}g") if kind in g.get("class", "").split()}


def words(group: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in group.iter(f"{SVG}text")]


def cards(diagram: Diagram, kind: str = "value") -> dict[str, list[str]]:
    """The numbers on each card by the name on it."""
    return {name: rest for name, *rest in (words(group) for group in parts(diagram, kind).values())}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda command: None)


# --- Graphs.


def test_a_card_for_every_value_with_name_data_and_grad() -> None:
    assert cards(PICTURES["expression"]()) == {
        "a": ["data 0.5", "grad −0.7136"],
        "b": ["data −1.5", "grad 0.5"],
        "a·b": ["data −0.75", "grad 1"],
        "tanh(a)": ["data 0.4621", "grad 1"],
        "c": ["data −0.2879", "grad 1"],
    }


def test_local_derivatives_are_on_the_edges() -> None:
    edges = parts(PICTURES["expression"](), "operand")
    assert sorted(text for group in edges.values() for text in words(group)) == sorted(
        ["×−1.5", "×0.5", "×0.7864", "×1", "×1"]
    )


def test_the_dot_text_is_this() -> None:
    x = Value(3.0, "x")
    lines = [line.strip() for line in draw(x * x).dot.splitlines()]
    assert [line.split(" [")[0] for line in lines[4:-1]] == [
        "v0",
        "v1",
        "o1",
        "v0 -> o1",
        "v0 -> o1",
        "o1 -> v1",
    ]
    assert 'label="{x|{data 3|grad –}}"' in lines[4]
    assert 'class="value input" id=v0' in lines[4] or "id=v0" in lines[4]
    assert 'label="×3"' in lines[7]


def test_an_operand_used_twice_has_two_edges() -> None:
    x = Value(3.0, "x")
    assert len(parts(draw(x * x), "operand")) == 2
    assert len(parts(draw(fsum([x, x, x])), "operand")) == 3


def test_kinds_are_told_apart() -> None:
    model = MLP(1, [1], output="tanh", rng=random.Random(0))
    x, extra = Value(1.0, "x"), Value(2.0, "extra")
    diagram = draw(model([x]) * 2 + extra, parameters=[extra])
    kinds = {g: group.attrib["class"].split()[-1] for g, group in parts(diagram, "value").items()}
    names = {g: words(group)[0] for g, group in parts(diagram, "value").items()}
    by_name = {names[g]: kind for g, kind in kinds.items()}
    assert by_name["x"] == "input"
    assert by_name["w₁₁¹"] == by_name["b₁¹"] == by_name["extra"] == "parameter"
    assert by_name["2"] == "constant"
    assert by_name["z₁¹"] == "intermediate"
    assert list(kinds.values()).count("output") == 1


def test_a_sum_of_many_is_one_operation_however_it_was_written() -> None:
    x = [Value(float(i), f"x_{i}") for i in range(1, 5)]
    totals: list[Any] = [x[0] + x[1] + x[2] + x[3], sum(x), (x[0] + x[1]) + (x[2] + x[3]), fsum(x)]
    for total in totals:
        (operation,) = parts(draw(total), "operation").values()
        assert words(operation) == ["Σ"]
        assert len(parts(draw(total), "operand")) == 4


def test_a_partial_sum_that_is_named_or_used_again_is_kept() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    named = a + b
    named.label = "partial"
    assert "partial" in cards(draw(named + c))
    again = a + b
    assert len(parts(draw((again + c) * again), "operation")) == 3


def test_a_net_input_is_one_operation() -> None:
    w, x, b = [Value(2.0, "w")], [Value(3.0, "x")], Value(1.0, "b")
    diagram = draw(sumprod(w, x) + b)
    assert [words(o) for o in parts(diagram, "operation").values()] == [["Σ×"]]
    assert sorted(words(e)[0] for e in parts(diagram, "operand").values()) == ["×1", "×2", "×3"]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda a, b: (a + b) * a, "(a + b)·a"),
        (lambda a, b: a - (b - a), "a − (b − a)"),
        (lambda a, b: a - b - a, "a − b − a"),
        (lambda a, b: a / (a * b), "a/(a·b)"),
        (lambda a, b: -a * b, "(−a)·b"),
        (lambda a, b: (-a) ** 2, "(−a)²"),
        (lambda a, b: a ** (b + 3), "a^(b + 3)"),
        (lambda a, b: abs(a - b), "|a − b|"),
        (lambda a, b: sqrt(a), "√(a)"),
        (lambda a, b: exp(-(a**2)), "exp(−a²)"),
        (lambda a, b: tanh(a * b + a * b + a), "#1"),
    ],
)
def test_unnamed_values_are_called_by_their_expression(make: object, name: str) -> None:
    a, b = Value(0.5, "a"), Value(2.0, "b")
    assert callable(make)
    assert list(cards(draw(make(a, b))))[-1] == name


def test_before_backward_there_is_no_gradient_and_drawing_makes_none() -> None:
    a = Value(2.0, "a")
    y = a * a
    diagram = draw(y)
    assert diagram.svg
    assert cards(diagram)["a"] == ["data 2", "grad –"]
    assert not hasattr(a, "_grad")
    y.backward()
    a.grad = 7.0
    assert cards(draw(y))["a"] == ["data 2", "grad 7"]
    assert a.grad == 7.0


def test_the_compact_view_has_the_operation_on_the_card() -> None:
    diagram = PICTURES["expression"](view="compact")
    assert not parts(diagram, "operation")
    assert "c = a·b + tanh(a)" in cards(diagram)
    assert len(parts(diagram, "operand")) == 5
    assert {"u·u", "#1 = Σ", "#1 − exp(u)"} <= set(cards(PICTURES["shared"](view="compact")))


def test_the_view_goes_by_the_size_of_the_graph() -> None:
    x = Value(1.0, "x")
    small, large = x, x
    for _ in range(20):
        small = tanh(small)
    for _ in range(200):
        large = tanh(large)
    assert parts(draw(small), "operation")
    assert not parts(draw(large), "operation")


def test_heat_is_the_gradient_through_an_edge() -> None:
    a, b = Value(1.0, "a"), Value(100.0, "b")
    y = a * b
    with pytest.raises(ValueError, match="there are none yet: call backward"):
        draw(y, heat="grad")
    y.backward()
    assert widths(y) == {
        "e2_0": 5.0,
        "e2_1": pytest.approx(0.45),
    }  # through b flows 1 hundredth of that: a = 1
    z = (a + b) * 0.25
    z.backward()
    small, large = 0.25, 101.0  # through a and b flows the gradient of their sum, through 0.25 the sum
    expected = 0.4 + 4.6 * small / large
    assert widths(z) == pytest.approx(
        {"e2_0": expected, "e2_1": expected, "e4_0": expected, "e4_1": 5.0}, abs=0.005
    )


def widths(y: Value) -> dict[str, float]:
    return {
        ident: float(group.findall(f"{SVG}path")[0].get("stroke-width", "1"))
        for ident, group in parts(draw(y, heat="grad"), "operand").items()
    }


@pytest.mark.slow
def test_a_graph_too_large_is_refused_with_its_size_and_the_ways_out() -> None:
    x = Value(0.1)
    for _ in range(100_000):
        x = tanh(x)
    with pytest.raises(
        ValueError, match=r"100,001 values .* at most 1,000 .*depth=3.*model\.draw.*max_nodes"
    ):
        draw(x)
    diagram = draw(x, depth=3)
    assert len(parts(diagram, "value")) == 4
    assert "⋯ stands for what is not drawn, 99,997 values" in diagram.svg


def test_a_sum_of_too_many_is_refused_too() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match=r"2 values and 20,000 edges; .* at most 1,000 and 5,000"):
        draw(fsum([x] * 20_000))


@pytest.mark.parametrize(
    ("options", "words_of_it"),
    [
        ({"theme": "sepia"}, "a theme is light or dark, not 'sepia'"),
        (
            {"view": "neuron"},
            "a view of a graph is scalar or compact, not 'neuron'; model.draw shows neurons",
        ),
        ({"heat": "data"}, "heat is 'grad' or None, not 'data'"),
    ],
)
def test_options_there_are_not(options: dict[str, str], words_of_it: str) -> None:
    with pytest.raises(ValueError, match=words_of_it):
        Value(1.0).draw(**options)
    with pytest.raises(ValueError, match="no value to draw"):
        draw([])


def test_several_outputs() -> None:
    a = Value(1.0, "a")
    assert len(parts(draw([a * 2, a * 3]), "output")) == 2


def test_a_factor_of_one_is_not_drawn() -> None:
    """The bias is the weight of an input that is always 1: it goes into the sum by itself."""
    model = MLP.from_weights([[[0.5], [0.25]]], [[2.0, 4.0]], ["identity"])
    graph = draw(fsum(model([3.0])))
    assert [words(card)[0] for card in parts(graph, "value").values()] == [
        "w₁₁¹", "b₁¹", "w₂₁¹", "b₂¹", "x₁", "z₁¹", "z₂¹", "z₁¹ + z₂¹"
    ]  # fmt: skip
    edges = [words(edge) for _, edge in sorted(parts(graph, "operand").items())]
    assert edges == [["×3"], ["×0.5"], ["×1"], ["×3"], ["×0.25"], ["×1"], ["×1"], ["×1"]]
    one = Value(1.0)
    assert len(parts(draw(sumprod([one, 1.0], [2.0, 1.0])), "operand")) == 4


def test_an_edge_from_a_plain_number_has_no_derivative() -> None:
    """By the exponent there is none at a negative base, and nobody asks for one."""
    a = Value(-3.0, "a")
    y = (a - 1.0) ** 2
    y.backward()
    svg = y.draw(heat="grad").svg
    assert "×−8" in svg
    assert "NaN" not in svg


def test_a_value_that_many_others_use_is_laid_out_in_time() -> None:
    """Its edges cross many ranks, with which the time of a layout grows: a minute, if nothing is done."""
    x = Value(1.01, "x")
    y = x
    for _ in range(60):
        y = y * x
    assert len(parts(y.draw(view="scalar", timeout=10.0), "operand")) == 120


# --- The picture.


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_svg_is_described_scalable_and_addressable(name: str, theme: str) -> None:
    diagram = PICTURES[name](theme=theme)
    root = ElementTree.fromstring(diagram.svg)  # noqa: S314  made here
    assert root.get("role") == "img"
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    assert root[0].text == diagram.title
    assert len(root[1].text or "") > 40
    assert "pt" not in root.get("width", "") + root.get("height", "")
    assert root.get("style") == "max-width:100%;height:auto"
    idents = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(idents) == len(set(idents))
    assert all(group.get("id") for group in root.iter(f"{SVG}g"))


def test_pointing_at_an_element_says_what_it_is() -> None:
    titles = {
        ident: group[0].text
        for kind in ("value", "operand", "operation")
        for ident, group in parts(PICTURES["expression"](), kind).items()
    }
    assert titles["v0"] == "a = 0.5, grad −0.7136, input"
    assert titles["e3_0"] == "∂₁tanh(a)/∂a = 0.7864"
    assert titles["e4_0"] == "∂₁c/∂(a·b) = 1"
    assert titles["o2"] == "x * y: a·b"


def test_two_diagrams_on_a_page_share_no_id() -> None:
    pages = [PICTURES[name]()._repr_html_() for name in ("expression", "neuron")]
    first, second = (
        {e.attrib["id"] for e in ElementTree.fromstring(page).iter() if "id" in e.attrib}  # noqa: S314  made here
        for page in pages
    )
    assert first.isdisjoint(second)


@pytest.mark.slow
def test_the_same_graph_gives_the_same_text_in_every_process() -> None:
    program = (
        "import shutil; shutil.which = lambda command: None\n"
        "from tests.tools.pictures import PICTURES\n"
        "for picture in PICTURES.values(): print(picture().dot, picture().svg)"
    )
    root = Path(__file__).parents[3]
    texts = {
        subprocess.check_output(  # noqa: S603  our own program
            [sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    }
    assert len(texts) == 1


HOSTILE = [
    "<b>bold</b>",
    "<x>",
    "a{b|c}d",
    "\\",
    "\\N \\G \\l",
    '"',
    '\\"',
    "a\\",
    "&amp; &lt; &#0; &bogus;",
    "]]>",
    "<![CDATA[",
    "<!--",
    "--",
    "\0\x01\x1b[31m",
    "\ud800",
    "\ufffe",
    "a\u202eb\u200bc",
    "  two  spaces\nand a line\t",
    "∂ δ Σ × 😀 中文",
    "%s {0} ${x}",
    "grad 7",
]


@settings(max_examples=examples(100))
@given(st.text(st.characters(exclude_categories=[]), max_size=30) | st.sampled_from(HOSTILE))
@example("x" * 100_000)
@example("<script>alert(1)</script>")
def test_any_label_is_text_in_well_formed_xml(label: str) -> None:
    diagram = draw(tanh(Value(1.0, label)), view="scalar")
    (first, *_), *_ = (words(group) for group in parts(diagram, "value").values())
    shown = parse_name(label, longest=len(label) + 1).text
    visible = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(shown.split()))
    expected = (visible if len(visible) <= 40 else visible[:39] + "…") or "#1"
    if "\ufffd" not in expected:
        assert first == expected
    else:
        assert len(first) == len(expected)


# --- Where it goes.


def test_it_is_saved_by_its_ending(tmp_path: Path) -> None:
    diagram = PICTURES["expression"]()
    assert diagram.save(tmp_path / "graph.svg").read_text(encoding="utf-8") == diagram.svg
    assert diagram.save(str(tmp_path / "graph.DOT")).read_text(encoding="utf-8") == diagram.dot
    for ending, start, wheel in (("png", b"\x89PNG", "resvg_py"), ("pdf", b"%PDF", "typst")):
        pytest.importorskip(wheel)
        assert diagram.save(tmp_path / f"graph.{ending}").read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"saved as \.svg, \.png, \.pdf, \.dot, not as 'graph\.gif'"):
        diagram.save(tmp_path / "graph.gif")
    assert not (tmp_path / "graph.gif").exists()


def test_a_notebook_shows_the_picture() -> None:
    bundle = PICTURES["expression"]()._repr_mimebundle_()
    assert bundle["text/plain"] == "Computation graph of c"
    assert str(bundle["image/svg+xml"]).startswith("<svg")
    assert str(bundle["text/html"]).startswith("<svg")
    value = Value(2.0, "a") * 3.0
    assert value._repr_mimebundle_()["text/plain"] == repr(value)
    assert "image/svg+xml" in value._repr_mimebundle_()


def test_a_notebook_shows_a_large_value_as_text() -> None:
    x = Value(0.1)
    for _ in range(100):
        x = tanh(x)
    assert x._repr_mimebundle_() == {"text/plain": repr(x)}


def test_a_notebook_shows_the_graph_and_a_hint_where_nothing_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    diagram = PICTURES["expression"]()

    def nothing(*_: object, **__: object) -> bytes:
        raise RenderError("install something")

    monkeypatch.setattr("engine.show.diagram.render", nothing)
    assert diagram._repr_mimebundle_() == {"text/plain": f"{diagram.dot}\ninstall something"}
    assert "text/html" not in (Value(1.0, "a") * 2.0)._repr_mimebundle_()


def test_the_drawing_of_a_drawn_derivative() -> None:
    x = Value(0.5, "x")
    (slope,) = engine.grad(tanh(x), [x])
    assert "sech²" in draw(slope).svg


# --- What was assigned after recording.


def test_a_diagram_says_that_a_leaf_was_assigned_after_recording() -> None:
    x = Value(3.0, "x")
    y = x * x + 1.0
    assert "Out of date" not in y.draw().dot
    x.data = 5.0
    diagram = y.draw()
    text = "Out of date: mul was recorded as 9.0, but with x = 5.0 it is 25.0: a leaf was assigned"
    assert text in diagram.dot
    assert "Out of date" in diagram.svg
    x.data = 3.0
    assert "Out of date" not in y.draw().dot


def test_a_part_of_a_graph_says_both_that_it_is_a_part_and_out_of_date() -> None:
    x = Value(3.0, "x")
    y = (x.exp() * 2.0 + x) * x
    x.data = 1.0
    dot = y.draw(depth=1).dot
    assert "what is not drawn" in dot
    assert "Out of date: mul was recorded as" in dot


def test_a_sum_that_is_shown_as_one_is_looked_at_term_by_term() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    total = a + b + c
    a.data = 7.0
    assert "with a = 7.0, b = 2.0 it is 9.0" in total.draw().dot

"""Live pages: the JavaScript number system against the truth, the graph against the engine, and the page."""

import base64
import itertools
import json
import math
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import engine
from engine import Value, live, log, relu, sqrt, tanh
from engine.extend import withdraw
from engine.graph import topological
from engine.numbers import floats
from engine.numbers.protocol import NAMES
from engine.ops import OPS
from engine.recording import evaluate
from engine.show.live import Live
from engine.show.live.rules import as_data, written_rule
from engine.show.text import number
from tests.engine.show.test_browser import CHROMIUM, FONT, measure
from tests.engine.show.test_draw import HOSTILE
from tests.engine.show.test_player import GRAPHS, HOSTILE_PAGES, Page, data_of, expression
from tests.engine.test_operations import EVERY_OPERATION, WORST_POINTS
from tests.tools.truth import LARGEST, TRUTH, Point, errors, exact, points

ROOM = Path(engine.__file__).parent / "show" / "live"
SCRIPTS = ("numbers.js", "graph.js", "text.js")
NODE = shutil.which("node")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
with_javascript = pytest.mark.skipif(
    NODE is None and CHROMIUM is None, reason="needs node or Chromium: apt-get install chromium"
)

VALUE_ULPS, PARTIAL_ULPS = 4.0, 4.0


def javascript(program: str, given: Any, tmp_path: Path) -> Any:
    """What a program returns that is run with the number system, the graph and something given."""
    scripts = "".join((ROOM / name).read_text(encoding="utf-8") for name in SCRIPTS)
    program = f"{scripts}\nconst result = (given => {{ {program} }})({json.dumps(given)});"
    if NODE:
        path = tmp_path / "program.js"
        path.write_text(f"{program}\nconsole.log(JSON.stringify(result));", encoding="utf-8")
        found = subprocess.run([NODE, str(path)], capture_output=True, text=True, timeout=120, check=True)  # noqa: S603  # ours
        return json.loads(found.stdout)
    shown = (
        f"{program}\nconst shown = document.createElement('pre'); shown.id = 'result';"
        "shown.textContent = JSON.stringify(result); document.body.append(shown);"
    )
    return measure([], tmp_path, shown)


# --- The number system.


def run_operations(xs: Mapping[str, Sequence[Point]], tmp_path: Path) -> dict[str, list[list[float]]]:
    """The value and the partials of operations at points, by their rules as data, in one run."""
    rules = {(name, len(x)): written_rule(OPS[name], len(x)) for name in xs for x in xs[name]}
    places = {rule: i for i, rule in enumerate(rules)}
    tasks = {name: [[places[name, len(x)], list(map(as_data, x))] for x in xs[name]] for name in xs}
    program = """
      const run = given.rules.map(rule => runnable(rule, numbers));
      const at = ([rule, x]) => run[rule](x.map(Number)).flat().map(String);
      return Object.fromEntries(Object.entries(given.tasks).map(([name, tasks]) => [name, tasks.map(at)]));
    """
    found = javascript(program, {"rules": list(rules.values()), "tasks": tasks}, tmp_path)
    return {name: [list(map(float, y)) for y in found[name]] for name in xs}


SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, math.inf, -math.inf, math.nan, 1e308, -1e308, 800.0, 5e-324]


def drawn_points(name: str) -> list[Point]:
    return [*points(name, 250), *(x for other, x in WORST_POINTS if other == name)]


def special_points(name: str) -> list[Point]:
    """All of one or two special numbers, some of more."""
    count = OPS[name].arity or (4 if OPS[name].paired else 3)
    every = list(itertools.product(SPECIAL, repeat=count))
    return every if count < 3 else random.Random(name).sample(every, 250)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[float]]]:
    """Every operation, run on the points of the tests below."""
    xs = {name: [*drawn_points(name), *special_points(name)] for name in TRUTH}
    return run_operations(xs, tmp_path_factory.mktemp("operations"))


@with_javascript
@EVERY_OPERATION
def test_values_and_partials_of_the_page_keep_their_digits_over_the_whole_domain(
    name: str, ran: dict[str, list[list[float]]]
) -> None:
    """Where a partial underflows on the way, recording has more digits than a page; see `Op.underflows`."""
    truth, underflows = TRUTH[name], OPS[name].underflows
    compared = 0
    for x, (out, *partials) in zip(drawn_points(name), ran[name], strict=False):
        true = truth.value(*exact(x))
        if abs(true) > LARGEST:
            assert out == math.copysign(math.inf, true), (name, x)
            continue
        error = errors(truth, x, out, partials)
        assert error.value <= VALUE_ULPS, f"{name}{x} is off by {error}"
        if underflows is None or not underflows(out, *x):
            assert error.partial <= PARTIAL_ULPS, f"{name}{x} is off by {error}"
            compared += 1
    assert compared > 100


@with_javascript
@EVERY_OPERATION
def test_special_numbers_are_those_of_the_engine(name: str, ran: dict[str, list[list[float]]]) -> None:
    """Zeros, kinks, ties, infinities and NaN: as recorded where limits are taken."""
    op, xs = OPS[name], special_points(name)
    underflows = op.underflows or (lambda out, *x: False)
    for x, found in zip(xs, ran[name][-len(xs) :], strict=True):
        with engine.recording.taking_limits():
            out, partials = evaluate(op, [Value(x_i) for x_i in x])
        if underflows(out, *x):
            partials = tuple(found[1:])
        assert found == pytest.approx([out, *partials], rel=1e-14, abs=1e-320, nan_ok=True), (name, x)


@with_javascript
def test_the_javascript_numbers_keep_the_contract(tmp_path: Path) -> None:
    operators = {op.name for op in OPS.values() if op.operator}
    assert set(javascript("return Object.keys(numbers);", None, tmp_path)) == {*NAMES, *operators}


def test_rules_are_written_once_and_share_their_steps() -> None:
    assert written_rule(OPS["div"], 2) == {
        "steps": [("div", 0, 1), ("number", 1.0), ("div", 3, 1), ("neg", 2), ("div", 5, 1)],
        "out": 2,
        "partials": [4, 6],
    }
    assert written_rule(OPS["softmax"], 2)["steps"][:3] == [
        ("softmax", (0, 1)),
        ("item", 2, 0),
        ("item", 2, 1),
    ]


@with_javascript
def test_sums_are_rounded_once(tmp_path: Path) -> None:
    rng = random.Random(0)
    sums = [[rng.uniform(-1.0, 1.0) * 2.0 ** rng.randint(-60, 60) for _ in range(9)] for _ in range(300)]
    sums += [[1e16, 1.0, 1e-16], [1e16, -1.0, -1e-16], [1e308, 1e308, -1e308], []]
    found = javascript("return given.map(numbers.fsum);", sums, tmp_path)
    assert list(map(float, found)) == [floats.fsum(x) for x in sums]


@with_javascript
def test_numbers_are_written_as_diagrams_write_them(tmp_path: Path) -> None:
    rng = random.Random(0)
    x = [rng.choice((-1, 1)) * rng.uniform(1.0, 10.0) * 10.0 ** rng.randint(-99, 98) for _ in range(500)]
    x += [rng.uniform(-2e4, 2e4) for _ in range(500)] + [rng.uniform(-1e-3, 1e-3) for _ in range(500)]
    x += [
        0.0,
        -0.0,
        1.0,
        10.0,
        9999.4,
        9999.6,
        1e4,
        1e-4,
        9.9999e-5,
        0.1,
        -1.5,
        math.inf,
        -math.inf,
        math.nan,
    ]
    found = javascript("return given.map(x => written(Number(x)));", list(map(as_data, x)), tmp_path)
    assert found == list(map(number, x))
    found = javascript("return given.map(written);", [-1.23456e-300, 5e-324, 1.7e308], tmp_path)
    assert found == ["−1.23e−300", "4.94e−324", "1.7e308"]


# --- Operations of your own.


@pytest.fixture
def own() -> Iterator[Callable[..., Any]]:
    @engine.operation(partials=lambda m, out, x: (1.0 / (1.0 + m.abs(x)) ** 2.0,))
    def softsign(m: Any, x: Any) -> Any:
        """x / (1 + |x|)."""
        return x / (1.0 + m.abs(x))

    yield softsign
    withdraw("softsign")


@with_javascript
def test_an_operation_of_your_own_runs_on_the_page(own: Callable[..., Any], tmp_path: Path) -> None:
    found = run_operations({"softsign": [(3.0,), (-1.0,)]}, tmp_path)
    assert found == {"softsign": [[0.75, 0.0625], [-0.5, 0.25]]}


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: x if x > 0 else 0.0,
        lambda m, x: x if x == 0 else 1.0,
        lambda m, x: math.exp(x),
        lambda m, x: x * math.floor(x),
        lambda m, x: x * abs(round(x)),
    ],
)
def test_a_rule_that_asks_for_numbers_is_refused(forward: Callable[..., Any]) -> None:
    own = engine.operation(forward, name="asks", partials=lambda m, out, x: (1.0,))
    try:
        y = own(Value(2.0, "x"))
        with pytest.raises(ValueError, match=r"the rule of asks asks for a number.*m\.where"):
            live(y)
    finally:
        withdraw("asks")


def test_a_rule_that_asks_for_another_name_is_refused() -> None:
    op = engine.ops.Op("lax", "lax", "lax", lambda m, x: m.frobnicate(x), lambda m, out, x: (1.0,))
    with pytest.raises(ValueError, match=r"the rule of lax cannot .* page have no function 'frobnicate'"):
        written_rule(op, 1)
    op = engine.ops.Op("lax", "lax", "lax", lambda m, x: np.exp(x), lambda m, out, x: (1.0,))
    with pytest.raises(ValueError, match=r"the rule of lax cannot be written down for a page: .*exp"):
        written_rule(op, 1)


def test_numbers_of_numpy_are_numbers_in_a_rule() -> None:
    op = engine.ops.Op(
        "twice", "2", "twice", lambda m, x: np.float64(2.0) * x, lambda m, out, x: (np.int64(2),)
    )
    assert written_rule(op, 1) == {"steps": [("number", 2.0), ("mul", 1, 0)], "out": 2, "partials": [1]}


# --- The graph.

RUN_GRAPH = """
  const results = given.map(({graph, at}) => {
    const compute = runnableGraph(graph, numbers);
    return at.map(leaves => {
      const {data, grad, failed} = compute(leaves);
      return {data: data.map(String), grad: grad.map(String), failed};
    });
  });
  return results;
"""

UNARY = ["tanh", "sin", "sigmoid", "exp", "softplus", "relu", "gelu", "abs", "atan", "sech2", "normal_cdf"]
MANY = ["max", "min", "hypot", "logsumexp", "prod", "fsum"]


def random_program(rng: random.Random) -> Callable[[list[Value]], Value]:
    """A program of operations on leaves, the same at any numbers."""
    steps: list[tuple[str, list[float]]] = [
        (
            rng.choice([*UNARY, *MANY, "div", "sub", "atan2", "softmax", "sumprod"]),
            [rng.random() for _ in range(4)],
        )
        for _ in range(rng.randint(5, 40))
    ]

    def program(leaves: list[Value]) -> Value:
        values = list(leaves)
        for name, places in steps:
            a, b, c, d = (values[int(place * len(values))] for place in places)
            match name:
                case "div":
                    y = a / (1.0 + b * b)
                case "sub":
                    y = a - b
                case "softmax":
                    y = engine.softmax([a, b, c])[1]
                case "sumprod":
                    y = engine.sumprod([a, b], [c, d])
                case "exp":
                    y = engine.exp(tanh(a))
                case _:
                    operands = [a] if name in UNARY else [a, tanh(b)] if name == "atan2" else [a, b, tanh(c)]
                    y = getattr(engine, name)(*operands)
            values.append(y if abs(y.data) < 50.0 else tanh(y))
        total: Value = engine.fsum([tanh(v) for v in values[-4:]])
        return total

    return program


@with_javascript
def test_the_page_has_the_gradients_of_the_engine(tmp_path: Path) -> None:
    """50 random graphs, each at three other points than it was recorded at."""
    given, expected = [], []
    for seed in range(50):
        rng = random.Random(seed)
        program, count = random_program(rng), rng.randint(2, 6)
        names = [f"x_{i}" for i in range(count)]
        graph = live(program([Value(rng.uniform(-2.0, 2.0), name) for name in names]), max_nodes=900)
        nodes = {leaf.key: leaf.node for leaf in graph.leaves}
        places = [[rng.uniform(-2.0, 2.0) for _ in names] for _ in range(3)]
        at = [{nodes[n]: x for n, x in zip(names, place, strict=True) if n in nodes} for place in places]
        given.append({"graph": dict(graph._data()), "at": at})
        for place in places:
            leaves = [Value(x, name) for x, name in zip(place, names, strict=True)]
            y = program(leaves)
            y.backward()
            expected.append([(v.data, v.grad) for v in topological([y])])
    results = [result for results in javascript(RUN_GRAPH, given, tmp_path) for result in results]
    for result, true in zip(results, expected, strict=True):
        data, grad = zip(*true, strict=True)
        assert list(map(float, result["data"])) == pytest.approx(data, rel=1e-12, abs=1e-13)
        assert list(map(float, result["grad"])) == pytest.approx(grad, rel=1e-12, abs=1e-13)


def on_the_page(y: Value, at: dict[str, float], tmp_path: Path) -> Any:
    page = live(y)
    nodes = {leaf.key: leaf.node for leaf in page.leaves}
    given = [{"graph": dict(page._data()), "at": [{nodes[key]: x for key, x in at.items()}]}]
    result = javascript(RUN_GRAPH, given, tmp_path)[0][0]
    return {key: float(result["grad"][node]) for key, node in nodes.items()}, float(result["data"][-1])


@with_javascript
def test_the_chain_rule_of_the_page_is_that_of_the_engine(tmp_path: Path) -> None:
    x, w = Value(1.0, "x"), Value(2.0, "w")
    assert on_the_page(x * x + x, {"x": 3.0}, tmp_path) == ({"x": 7.0}, 12.0)
    # A branch that is not taken passes nothing on, though its derivative is infinite.
    chosen = engine.where(relu(x), sqrt(x), 0.0 * w) + w
    assert on_the_page(chosen, {"x": 0.0}, tmp_path) == ({"x": 0.0, "w": 1.0}, 2.0)
    assert on_the_page(sqrt(x * x), {"x": 0.0}, tmp_path) == ({"x": 0.0}, 0.0)  # 0 times infinity
    gradients, data = on_the_page(log(x) * w, {"x": -1.0}, tmp_path)
    assert math.isnan(data)
    assert all(map(math.isnan, gradients.values()))


# --- The page as text.


def test_a_page_says_what_it_shows_and_modifies_no_gradient() -> None:
    y = expression()
    page = y.live(locked=["b"], theme="dark")
    assert isinstance(page, Live)
    assert repr(page) == "<Live page of c: 1 of 2 leaves to move>"
    assert [value.grad for value in topological([y])] == [0.0] * 5
    assert '<html lang="en" data-theme="dark">' in page.html
    read = Page(page.html)
    assert len(read.ids()) == len(set(read.ids()))
    sliders = [a for tag, a in read.elements if a.get("type") == "range" and "data-leaf" in a]
    assert ["disabled" in slider for slider in sliders] == [False, True]


@pytest.mark.parametrize("name", GRAPHS)
def test_without_a_script_the_page_shows_the_numbers_as_recorded(name: str) -> None:
    y = GRAPHS[name]()
    page = live(y)
    read = Page(page.html)
    texts = {
        attributes["data-line"]: text
        for (_, attributes), text in zip(
            [element for element in read.elements if element[0] == "text"], read.texts["text"], strict=True
        )
        if "data-line" in attributes
    }
    y.backward()
    order = topological([y])
    for ident, node, line in data_of(page.html)["cards"]:
        assert texts[f"{ident}/{line}"] == f"data {number(order[node].data)}"
        assert texts[f"{ident}/{line + 1}"] == f"grad {number(order[node].grad)}"
    for ident, node, place in data_of(page.html)["edges"]:
        if f"{ident}/0" in texts:
            assert texts[f"{ident}/0"] == f"×{number(order[node].partials[place])}"
    assert "−1.234e−10" not in page.html


def test_the_page_may_run_its_script_and_load_nothing() -> None:
    text = expression().live().html
    assert re.search(r"default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';", text)
    for tag, attributes in Page(text).elements:
        assert tag not in ("link", "img", "iframe", "object", "base", "foreignobject")
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src")}
    assert "url(" not in text
    assert "innerHTML" not in text
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("label", [*HOSTILE_PAGES, *HOSTILE, "🦊 ‘quoted’"])
def test_hostile_labels_make_no_element(label: str) -> None:
    harmless = Page(live(Value(2.0, "x") * 3, title="x").html)
    text = live(Value(2.0, label) * 3, title=label).html
    assert [tag for tag, _ in Page(text).elements] == [tag for tag, _ in harmless.elements]
    assert data_of(text)["leaves"][0]["key"] == label


def test_a_notebook_shows_the_page_in_a_frame_that_may_only_run_scripts() -> None:
    page = expression().live()
    ((tag, attributes),) = Page(page._repr_html_()).elements
    assert (tag, attributes["sandbox"], attributes["srcdoc"]) == ("iframe", "allow-scripts", page.html)
    assert page._repr_mimebundle_()["text/plain"] == repr(page)


def test_it_is_saved_as_html_only(tmp_path: Path) -> None:
    page = expression().live()
    assert page.save(tmp_path / "c.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(ValueError, match=r"a live page is saved as \.html, not as 'c\.svg'"):
        page.save(tmp_path / "c.svg")


# --- Leaves and options.


def test_leaves_are_called_by_their_labels_and_by_their_names_where_these_are_not_theirs_alone() -> None:
    leaves = [Value(1.0, label) for label in ("w_1", "x", "x", "", "")]
    page = live(engine.fsum(leaves))
    assert [leaf.key for leaf in page.leaves] == ["w_1", "x", "x[2]", "#1", "#2"]
    assert [leaf.name for leaf in page.leaves] == ["w₁", "x", "x[2]", "#1", "#2"]
    page = live(engine.fsum(leaves), locked=[leaves[3], "x[2]"], steps={leaves[0]: 0.5}, limits={"x": (0, 1)})
    assert [leaf.locked for leaf in page.leaves] == [False, False, True, True, False]
    assert page.leaves[0].step == 0.5
    assert page.leaves[1].limits == (0.0, 1.0)


@pytest.mark.parametrize(
    ("x", "reach", "step"),
    [(0.0, 2.0, 0.01), (0.4, 2.0, 0.01), (-3.0, 10.0, 0.05), (700.0, 2000.0, 10.0), (1e-4, 2e-4, 1e-6)],
)
def test_a_slider_reaches_about_twice_as_far_as_its_number(x: float, reach: float, step: float) -> None:
    (leaf,) = live(Value(x, "x") * 2).leaves
    assert [leaf.reach, leaf.step] == pytest.approx([reach, step])


def test_extreme_leaves_have_sliders_too() -> None:
    for x in (math.inf, math.nan, 1e308, 5e-324, -1.7e308):
        (leaf,) = live(relu(Value(x, "x"))).leaves
        assert 0.0 < leaf.step < leaf.reach < math.inf


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name there is not": ({"locked": ["z"]}, "locked: 'z' is no leaf with a slider; there are a, b"),
    "a value that is not a leaf": ({"locked": [Value(1.0, "other")]}, "locked: other is no leaf"),
    "limits beside the number": ({"limits": {"a": (1, 2)}}, "limits: a = 0.5 is not between 1 and 2"),
    "limits the wrong way": ({"limits": {"a": (2, -2)}}, r"a smaller and a larger number, not \(2, -2\)"),
    "infinite limits": ({"limits": {"a": (0, math.inf)}}, "a smaller and a larger number"),
    "one limit": ({"limits": {"a": 2}}, r"limits: a needs two numbers, as in \(-2, 2\), not 2"),
    "no step": ({"steps": {"a": 0}}, "steps: a needs a number above 0, not 0"),
    "a theme there is not": ({"theme": "sepia"}, "a theme is light or dark"),
    "a graph too large": (
        {"max_nodes": 2},
        "the graph has 5 values .* a live page shows at most 2 .*depth=3",
    ),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expression().live(**options)


def test_a_large_graph_is_refused_and_a_part_of_it_is_shown() -> None:
    y = Value(0.5, "x")
    for _ in range(400):
        y = tanh(y)
    with pytest.raises(ValueError, match="the graph has 401 values"):
        y.live()
    assert y.live(depth=3).leaves == []
    with pytest.raises(ValueError, match=r"the whole graph has 401 values, .* start from an inner value"):
        y.live(depth=3, max_nodes=40)


def test_a_leaf_assigned_after_recording_is_refused() -> None:
    x = Value(0.5, "x")
    y = x * 3
    x.data = 1.0
    with pytest.raises(ValueError, match=r"assigned after recording\. Record again to show it live"):
        live(y)


def test_a_branch_of_python_is_told() -> None:
    x = Value(0.5, "x")
    y = x * 2 if x > 0 else -x
    with pytest.warns(engine.LeftRecordWarning, match=r"x was compared .* if the page .* for every number"):
        live(y)


# --- The page in a browser.

DRIVE = """
(async () => {
  const face = Uint8Array.from(atob("FACE"), c => c.charCodeAt(0));
  const report = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const loaded = () => frame.contentDocument?.readyState === "complete"
      && frame.contentDocument.getElementById("live-panel");
    while (!loaded()) await new Promise(done => setTimeout(done, 20));
    const doc = frame.contentDocument, view = frame.contentWindow;
    const part = name => doc.getElementById(`live-${name}`);
    view.requestAnimationFrame = draw => view.setTimeout(draw, 16); // a browser that only dumps stops drawing
    const drawn = () => new Promise(done => setTimeout(done, 60));
    doc.fonts.add(await new view.FontFace("DejaVu Sans", face).load());
    await doc.fonts.ready;
    const outside = [], sliders = [...doc.querySelectorAll("#live-leaves [type=range]")];
    const violations = [];
    doc.addEventListener("securitypolicyviolation", e => violations.push(e.effectiveDirective));
    const state = async () => {
      await drawn();
      for (const node of doc.querySelectorAll("g.node")) {
        const box = node.querySelector("path,polygon,ellipse").getBoundingClientRect();
        for (const text of node.querySelectorAll("text")) {
          const b = text.getBoundingClientRect();
          const inside = b.left >= box.left - 1 && b.right <= box.right + 1;
          if (!inside) outside.push([node.id, text.textContent]);
        }
      }
      return {
        output: part("output").textContent,
        failed: part("failed").textContent,
        marked: [...doc.querySelectorAll(".failed")].map(e => e.id),
        lines: Object.fromEntries([...doc.querySelectorAll("[data-line]")]
          .map(e => [e.dataset.line, e.textContent])),
        signs: Object.fromEntries([...doc.querySelectorAll(".edge.positive, .edge.negative")]
          .map(e => [e.id, e.classList.contains("positive") ? 1 : -1])),
        widths: [...doc.querySelectorAll("g.operand > path")]
          .map(e => Number(e.getAttribute("stroke-width"))),
        sliders: sliders.map(e => [e.value, e.min, e.max]),
        spoken: sliders.map(e => e.getAttribute("aria-valuetext")),
      };
    };
    const enter = (name, value) => {
      part(name).value = value;
      part(name).dispatchEvent(new view.Event("input", {bubbles: true}));
    };
    const states = [];
    for (const [kind, ...what] of ACTIONS) {
      if (kind === "enter") enter(...what);
      if (kind === "click") part(what[0]).click();
      if (kind === "wait") await new Promise(done => setTimeout(done, what[0]));
      states.push(await state());
    }
    const small = [...doc.querySelectorAll("button, input")].filter(e => {
      const b = e.getBoundingClientRect();
      return b.width < 36 || b.height < 36;
    }).length;
    const wide = doc.documentElement.scrollWidth - doc.documentElement.clientWidth;
    const unlabelled = [...doc.querySelectorAll("button, input")]
      .filter(e => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim())).length;
    report.push({states, outside, small, wide, unlabelled, violations, title: doc.title});
  }
  return report;
})().catch(error => String(error.stack)).then(report => {
  const result = document.createElement("pre"); result.id = "result";
  result.textContent = JSON.stringify(report);
  document.body.append(result);
});
"""

Action = tuple[str | int | float, ...]


def drive(pages: Sequence[Live], actions: Sequence[Action], tmp_path: Path, width: int = 1000) -> Any:
    frames = [
        f'<iframe width="{width}" height="700" srcdoc="{escape(page.html)}"></iframe>' for page in pages
    ]
    script = DRIVE.replace("FACE", base64.b64encode(FONT.read_bytes()).decode())
    report = measure(frames, tmp_path, script.replace("ACTIONS", json.dumps(actions)), seconds=60)
    assert isinstance(report, list), report
    assert [found["outside"] for found in report] == [[]] * len(pages)
    return report


def shown(page: Live, y: Value) -> dict[str, str]:
    """What the lines of a page say of a recorded graph."""
    y.backward()
    order = topological([y])
    data = page._data()
    lines = {}
    for ident, node, line in data["cards"]:
        lines[f"{ident}/{line}"] = f"data {number(order[node].data)}"
        lines[f"{ident}/{line + 1}"] = f"grad {number(order[node].grad)}"
    for ident, node, place in data["edges"]:
        lines[f"{ident}/0"] = f"×{number(order[node].partials[place])}"
    return lines


def neuron(w: float = 0.4, x: float = 1.0, b: float = 0.1) -> Value:
    y: Value = tanh(Value(w, "w") * Value(x, "x") + Value(b, "b"))
    return y


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_everything_follows_the_sliders(tmp_path: Path) -> None:
    page = neuron().live(limits={"b": (-1, 1)}, locked=["x"])
    actions: list[Action] = [
        ("wait", 0),
        ("enter", "slider-0", -1.5),
        ("enter", "number-0", 3),
        ("enter", "number-2", 5),
        ("enter", "number-0", ""),
        ("click", "reset"),
        ("enter", "rate", 12),
        ("click", "downhill"),
    ]
    one, other = drive([page, neuron(w=2.0).live(theme="dark")], actions, tmp_path)
    first, moved, typed, limited, emptied, reset, rate, down = one["states"]
    start, left = neuron(), neuron(w=-1.5)
    for state, y in [(first, start), (moved, left), (typed, neuron(w=3.0)), (limited, neuron(3.0, 1.0, 1.0))]:
        assert state["lines"] == shown(page, y)
        assert state["output"] == number(y.data)
    assert first["signs"] == {"e2_0": 1, "e2_1": 1, "e4_0": 1, "e4_1": 1, "e5_0": 1}
    assert moved["signs"]["e2_1"] == -1  # the gradient by x is w times a positive number
    assert max(moved["widths"]) == 4.6 == moved["widths"][1]
    assert moved["sliders"][0] == ["-1.5", "-2", "2"]
    assert typed["sliders"][0] == ["3", "-4", "4"]  # the slider grows
    assert limited["sliders"][2] == ["1", "-1", "1"]  # limits are kept
    assert emptied["lines"] == limited["lines"]
    assert reset["lines"] == rate["lines"] == first["lines"]
    assert first["spoken"][0] == "0.4, gradient 0.7864"
    gradient = 1.0 - math.tanh(0.5) ** 2
    assert down["lines"] == shown(page, neuron(0.4 - gradient, 1.0, 0.1 - gradient))  # x is locked
    assert other["states"][0]["output"] == number(neuron(w=2.0).data)  # pages do not disturb each other
    assert (one["small"], one["wide"], one["unlabelled"], one["violations"]) == (0, 0, 0, [])


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_running_goes_downhill_until_stopped(tmp_path: Path) -> None:
    x = Value(1.5, "x")
    actions: list[Action] = [("click", "run"), ("wait", 2000), ("click", "run"), ("wait", 500)]
    (report,) = drive([(x * x).live()], actions, tmp_path, width=390)
    started, _, stopped, still = (state["lines"]["v0/1"] for state in report["states"])
    assert started == "data 1.5"
    assert 0.0 < float(stopped.removeprefix("data ")) < 0.2
    assert stopped == still
    assert (report["small"], report["wide"]) == (0, 0)


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_a_domain_error_is_told_and_the_page_goes_on(tmp_path: Path) -> None:
    x, w = Value(0.5, "x"), Value(2.0, "w")
    actions: list[Action] = [
        ("enter", "slider-0", -1),
        ("click", "downhill"),
        ("enter", "slider-0", 0),
        ("click", "reset"),
    ]
    (report,) = drive([(w * log(x)).live()], actions, tmp_path)
    negative, stuck, zero, reset = report["states"]
    assert negative["output"] == "NaN"
    assert negative["failed"] == "log(x) has no finite value at x = −1; it needs x > 0."
    assert negative["marked"] == ["o2"]
    assert stuck["lines"] == negative["lines"]  # a gradient of NaN leads nowhere
    assert zero["failed"] == "log(x) has no finite value at x = 0; it needs x > 0."
    assert zero["output"] == "−∞"
    assert (reset["failed"], reset["marked"]) == ("", [])
    assert reset["output"] == number(2.0 * math.log(0.5))


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_the_longest_numbers_fit_their_cards(tmp_path: Path) -> None:
    x = Value(0.5, "x")
    numbers = [-1.2345678e-10, -1.2345678e-200, -0.00012345678, -1234.5678, -8.8888888e88]
    actions: list[Action] = [("enter", "number-0", number) for number in numbers]
    (report,) = drive([(x * 3.0).live()], actions, tmp_path)
    found = [state["lines"]["v0/1"] for state in report["states"]]
    assert found == [
        f"data {text}" for text in ("−1.235e−10", "−1.23e−200", "−0.0001235", "−1235", "−8.889e88")
    ]


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_every_graph_starts_as_recorded(tmp_path: Path) -> None:
    made = [make() for make in GRAPHS.values()]
    pages = [live(y) for y in made]
    reports = drive(pages, [("wait", 0)], tmp_path, width=390)
    for page, y, report in zip(pages, made, reports, strict=True):
        lines = report["states"][0]["lines"]
        expected = {key: text for key, text in shown(page, y).items() if key in lines}
        assert lines == expected
        assert (report["wide"], report["unlabelled"], report["violations"]) == (0, 0, [])


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize("label", ["w", "a&b=1#%", "</script>", "theme", "rate"])
def test_a_link_leads_to_numbers(label: str, tmp_path: Path) -> None:
    page = (Value(0.5, label) * Value(2.0, "x") + Value(0.0, "b")).live(limits={"x": (0, 3)}, locked=["b"])
    path = page.save(tmp_path / "y.html")
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'p'}",
    ]
    link = f"{path.as_uri()}#{quote(label, safe='')}=1.25&x=7&b=9&nothing=1&theme=dark"
    command += ["--virtual-time-budget=1000", "--dump-dom", link]
    text = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout  # noqa: S603  # our page
    assert "data 1.25" in text
    assert "data 3" in text  # within the limits
    assert '<span id="live-output">3.75</span>' in text
    assert '<span id="live-rate-shown">0.1</span>' in text
    assert ('<html lang="en" data-theme="dark">' in text) == (label != "theme")
    assert unescape(text).count(label) >= 2

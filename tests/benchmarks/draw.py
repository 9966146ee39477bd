"""How long a picture takes, by `dot` and in process: `python -m tests.benchmarks.draw`."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from engine.show.diagram import Diagram
from engine.show.draw import draw
from engine.show.render import RenderError, render
from nn.losses import log_loss_from_logits
from nn.modules import MLP

SIZES = {50: (2, [4, 3, 1]), 500: (6, [18, 14, 1]), 2000: (8, [26, 34, 20, 1])}


def graph(values: int) -> Diagram:
    """The graph of a network's loss, with about so many values."""
    n_in, n_outs = SIZES[values]
    model = MLP(n_in, n_outs, activation="tanh", rng=random.Random(0))
    loss = log_loss_from_logits(model([0.1 * j for j in range(n_in)]), 1.0)
    loss.backward()
    return draw(loss, max_nodes=10_000, timeout=600.0)


def seconds(diagram: Diagram, format: str) -> str:
    """Of one format, from the DOT text on."""
    fresh = replace(diagram)
    start = time.perf_counter()
    try:
        getattr(fresh, format)
    except RenderError as error:
        return str(error).partition(":")[0]
    return f"{time.perf_counter() - start:.2f} s"


def main() -> None:
    """Print a table of wall-clock seconds."""
    table = Table("values", "edges", "dot: svg", "in process: svg", "png", "pdf")
    which = shutil.which
    render("digraph {}")
    for size in SIZES:
        start = time.perf_counter()
        diagram = graph(size)
        built = time.perf_counter() - start
        by_dot = seconds(diagram, "svg") if which("dot") else "not installed"
        shutil.which = lambda *_, **__: None  # as on a machine without dot
        render("digraph {}")
        in_process = [seconds(diagram, format) for format in ("svg", "png", "pdf")]
        shutil.which = which
        values, edges = diagram.dot.count('class="value'), diagram.dot.count("->")
        table.add_row(f"{values:,}", f"{edges:,}", by_dot, *in_process)
        table.caption = f"DOT text of the last: {built:.2f} s"
    Console().print(table)


if __name__ == "__main__":
    main()

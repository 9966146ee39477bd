"""The command line: `deltagrad example`, `train`, `verify`, `draw`, `explain`, `check`, `grade`.

A verb reads its arguments, calls one room of the project and prints what it returns. A mistake of the
user's is one line on standard error and exit status 2; status 1 means that what was checked is wrong.
Whatever a verb needs is imported by that verb, so that `deltagrad --help` is there at once.
"""

from __future__ import annotations

import json
import os
import random
import sys
from enum import StrEnum
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from engine import Value

app = typer.Typer(
    name="deltagrad",
    help="A scalar autograd engine: record, draw, explain, prove and train.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

Target = Annotated[str | None, typer.Option(help="The column to predict, for a CSV file.")]
Classes = Annotated[bool, typer.Option("--classes", help="The target's numbers are names of classes.")]
ExpressionText = Annotated[str, typer.Argument(help='Such as "tanh(w*x + b)".')]
Numbers = Annotated[
    list[str] | None, typer.Argument(help="For each name: w=0.4 x=1 b=0.1", show_default=False)
]
Parameters = Annotated[str, typer.Option(help="Names to show as parameters, as w,b.")]
Depth = Annotated[int | None, typer.Option(min=1, help="How many operations to go back; by default all.")]


class OptimizerName(StrEnum):
    """The optimizers of `nn.optim`."""

    SGD = "sgd"
    ADAM = "adam"


def main() -> NoReturn:
    """Run the command line."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal lacks is no reason to fail
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        _give_up(error.format_message() or "give one of these commands")
    except typer.Abort:
        _give_up("stopped")
    except (OSError, ValueError, LookupError, ArithmeticError, ImportError, RuntimeError) as error:
        _give_up(_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _give_up(message: str) -> NoReturn:
    print(f"deltagrad: {message}", file=sys.stderr)
    sys.exit(2)


@app.command()
def example(
    svg: Annotated[Path, typer.Option(help="Where to draw the network.")] = Path("worked_example.svg"),
    graph: Annotated[Path | None, typer.Option(help="Where to draw its graph of scalars.")] = None,
    player: Annotated[Path | None, typer.Option(help="Where to write a player of its steps, .html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as data.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the verdict.")] = False,
) -> None:
    """Compute, explain and check the article's worked example."""
    from nn.article import report as example_report
    from nn.article import worked_example

    report = example_report.build()
    drawings = [(svg, worked_example.drawn_network)]
    if graph is not None:
        drawings.append((graph, worked_example.drawn_graph))
    for path, drawing in drawings:
        drawing().save(path)
    if player is not None:
        worked_example.played_network().save(player)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    elif quiet:
        print(report.verdict)
    else:
        console.print(report)
        for path, _ in drawings:
            print(f"drawn in {path}")
        if player is not None:
            print(f"player written to {player}")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def train(
    data: Annotated[str, typer.Argument(help="A CSV file, or the name of a built-in set.")],
    target: Target = None,
    classes: Classes = False,
    hidden: Annotated[str, typer.Option(help="Sizes of the hidden layers; '' for none.")] = "64",
    activation: Annotated[str, typer.Option(help="Of the hidden layers, such as tanh or gelu.")] = "relu",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training examples.")] = 60,
    batch_size: Annotated[int, typer.Option(min=0, help="Examples in a step; 0 for all.")] = 32,
    optimizer: Annotated[OptimizerName, typer.Option(help="How a step follows from the gradient.")] = (
        OptimizerName.ADAM
    ),
    learning_rate: Annotated[float, typer.Option(help="How far a step goes.")] = 0.003,
    test: Annotated[float, typer.Option(help="The part held out to measure on.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and the order.")] = 0,
    save: Annotated[Path | None, typer.Option(help="Write the model to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the loss into this file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a network on a table, and measure it on examples it has not seen."""
    from nn import experiment, optim, storage
    from nn.train import History, fit

    if not 0.0 < test < 1.0:
        raise ValueError(f"--test {test:g}: hold out a part between 0 and 1, such as 0.2")
    for path in (save, plot):
        if path is not None:
            _refuse_unwritable(path)
    if plot is not None:  # what cannot be drawn is known before training
        History().plot().savefig(BytesIO(), format=plot.suffix.removeprefix(".") or None)
    rng = random.Random(seed)
    table = experiment.load_data(data, target, classification=classes, rng=rng)
    training, held_out = table.split(1.0 - test, rng)
    preparation = experiment.prepare(training)
    model = experiment.network_for(preparation, _sizes(hidden), activation, rng)
    print(f"{len(training)} examples of {len(table.features)} features, {table.target} to predict")
    if experiment.may_be_classes(training):
        print(f"{table.target} holds few different whole numbers: if they name classes, give --classes")
    print(model)
    make = {OptimizerName.SGD: optim.SGD, OptimizerName.ADAM: optim.Adam}[optimizer]
    history = fit(
        model,
        *experiment.prepared(training, preparation),
        loss=preparation.loss,
        optimizer=make(model.parameters(), learning_rate),
        epochs=epochs,
        batch_size=batch_size or None,
        rng=rng,
        progress=not quiet and sys.stderr.isatty(),
        validation=experiment.prepared(held_out, preparation),
    )
    print(f"training: {experiment.evaluate(model, training, preparation)}")
    print(f"held out: {experiment.evaluate(model, held_out, preparation)}")
    if save is not None:
        storage.save(model, save, preparation)
        print(f"model written to {save}")
    if plot is not None:
        history.plot(str(plot))
        print(f"loss drawn in {plot}")


@app.command()
def verify(
    model: Annotated[Path, typer.Argument(help="A model file, as `train --save` writes.")],
    data: Annotated[str, typer.Argument(help="A CSV file, or the name of a built-in set.")],
    target: Target = None,
    loss: Annotated[str | None, typer.Option(help="By default the one it was trained with.")] = None,
    examples: Annotated[int, typer.Option(min=1, help="How many examples, from the first.")] = 10,
    every: Annotated[bool, typer.Option("--all", help="Print every gradient.")] = False,
    seed: Annotated[int, typer.Option(help="Of a generated set.")] = 0,
) -> None:
    """Check every gradient of a model on data: reverse mode, delta rule, differences."""
    from nn import experiment, storage
    from nn.proof.agreement import check_network

    network, preparation = storage.load_prepared(model)
    inputs, targets, default = experiment.data_for(preparation, data, target, random.Random(seed))
    report = check_network(
        network, inputs[:examples], targets[:examples], loss or default, progress=sys.stderr.isatty()
    )
    console.print(report if every else report.worst_first(10))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def draw(
    expression: ExpressionText,
    numbers: Numbers = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to draw: .svg, .png, .pdf or .dot")
    ] = Path("graph.svg"),
    view: Annotated[str | None, typer.Option(help="scalar or compact; by default as the graph is.")] = None,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    heat: Annotated[str | None, typer.Option(help="grad: edges as wide as their gradients.")] = None,
    parameters: Parameters = "",
    depth: Depth = None,
    timeout: Annotated[float, typer.Option(help="Seconds that the layout may take.")] = 10.0,
) -> None:
    """Draw the computation graph of an expression, with its gradients."""
    result, shown = _recorded(expression, numbers or [], parameters, "draw")
    result.backward()
    options = {"view": view, "theme": theme, "heat": heat, "parameters": shown, "depth": depth}
    console.print(f"drawn in {result.draw(**options, timeout=timeout).save(output)}")


@app.command()
def explain(
    expression: ExpressionText,
    numbers: Numbers = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a player to this file, .html, instead.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown with LaTeX.")] = False,
    theme: Annotated[
        str | None, typer.Option(help="Of the player, light or dark; else the reader's.")
    ] = None,
    parameters: Parameters = "",
    depth: Depth = None,
) -> None:
    """Explain the forward and the backward pass of an expression, step by step."""
    result, shown = _recorded(expression, numbers or [], parameters, "explain")
    if output is None:
        explanation = result.explain(depth=depth)
        print(explanation.markdown if markdown else explanation)
    elif markdown:
        raise ValueError("--markdown prints the steps and --output writes a player: give one of them")
    else:
        print(f"player written to {result.play(theme=theme, parameters=shown, depth=depth).save(output)}")


def _recorded(
    expression: str, numbers: list[str], parameters: str, purpose: str
) -> tuple[Value, list[Value]]:
    """An expression recorded at numbers, and those of its leaves that are to be shown as parameters."""
    from engine import Value
    from engine.expression import assignments, parse

    leaves = {name: Value(x, name) for name, x in assignments(numbers).items()}
    shown = [name.strip() for name in parameters.split(",") if name.strip()]
    if unknown := [name for name in shown if name not in leaves]:
        raise ValueError(f"--parameters {unknown[0]}: no such name among {', '.join(leaves)}")
    result = parse(expression)(**leaves)
    if not isinstance(result, Value):
        raise ValueError(f"{expression!r} has nothing to {purpose}: it is no single number of a name")
    return result, [leaves[name] for name in shown]


@app.command()
def check(
    expression: Annotated[str, typer.Argument(help="As in 'tanh(w*x + b)', or package.module:function.")],
    at: Annotated[list[str], typer.Argument(help="Where: x=0.5 y=2.", metavar="NAME=NUMBER...")],
    claimed: Annotated[
        list[str] | None, typer.Option(help="A derivative to judge, as printed: x=0.0497; for every name.")
    ] = None,
    against: Annotated[list[str] | None, typer.Option(help="torch, jax or autograd, to ask as well.")] = None,
    order: Annotated[int, typer.Option(min=1, max=2, help="2 for second derivatives.")] = 1,
    digits: Annotated[
        float, typer.Option(min=0, max=17, help="Right digits that will do where rounding costs some.")
    ] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as data.")] = False,
) -> None:
    """Prove the gradient of an expression, or of a function of your own, at a point."""
    from engine.check import asking, check_gradients
    from engine.expression import assignments

    point = assignments(at)
    report = check_gradients(
        asking.function_of(expression, point),
        point,
        claimed=asking.texts_of(claimed) if claimed else None,
        against=against or (),
        order=order,
        digits=digits,
    )
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        console.print(report)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def grade(
    papers: Annotated[
        list[Path], typer.Argument(help="JSON or CSV files of claimed numbers.", metavar="CLAIMS...")
    ],
    exercise: Annotated[
        Path | None, typer.Option(help="What was to be computed, as JSON; the article's example if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as data.")] = False,
) -> None:
    """Mark hand computations: right, wrong here and why, or carried forward."""
    from engine.grading import grading
    from nn.article import exercise as exercises

    asked = exercises.load_exercise(exercise) if exercise else exercises.article()
    reports, unread = {}, []
    for paper in papers:
        try:
            reports[str(paper)] = exercises.mark(paper, asked)
        except (ValueError, OSError) as error:  # the other papers are marked all the same
            unread.append(_words(error))
    if as_json:
        print(json.dumps({paper: report.to_dict() for paper, report in reports.items()}, indent=2))
    else:
        for name, report in reports.items():
            console.print(f"\n{name}", style="bold")
            console.print(report)
        if len(reports) > 1:
            console.print(grading.Summary(reports))
    if unread:
        raise ValueError("\n".join(unread))
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(1)


def _refuse_unwritable(path: Path) -> None:
    """What cannot be written is known before training, not after it."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{path} cannot be written: permission denied")


def _sizes(text: str) -> list[int]:
    """The sizes of layers, as in 16,16."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--hidden {text!r}: give sizes such as 16,16")
    return [int(part) for part in parts]

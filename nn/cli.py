"""The command line: `deltagrad --help` lists the commands.

A command reads its arguments, calls one room of the project and prints the result. An invalid argument or
file is one line on standard error and exit status 2; status 1 means that a check failed. Each command imports
what it needs, so that `deltagrad --help` appears at once.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Collection
from contextlib import redirect_stdout
from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from io import BytesIO, TextIOWrapper
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from engine import Value

app = typer.Typer(
    name="deltagrad",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

Target = Annotated[str | None, typer.Option(help="The column to predict; needed for a CSV file.")]
Classes = Annotated[
    bool, typer.Option("--classes", help="Take the numbers in the target column as names of classes.")
]
ExpressionText = Annotated[str, typer.Argument(help='An expression, such as "tanh(w*x + b)".')]
Numbers = Annotated[
    list[str] | None,
    typer.Argument(help="A number for each name, such as w=0.4 x=1 b=0.1.", show_default=False),
]
Parameters = Annotated[str, typer.Option(help="Names to show as parameters, such as w,b.")]
Depth = Annotated[
    int | None, typer.Option(min=1, help="How many operations to show, from the result; by default all.")
]


class OptimizerName(StrEnum):
    """The optimizers of `nn.optim`."""

    SGD = "sgd"
    ADAM = "adam"


def main() -> NoReturn:
    """Run the command line."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # replace characters that the terminal cannot encode
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
    from engine.report import visible

    print(f"deltagrad: {visible(message)}", file=sys.stderr)
    sys.exit(2)


def _print_version(asked: bool) -> None:
    if asked:
        from engine import __version__

        print(f"deltagrad {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A scalar autograd engine: record, draw, explain, prove and train."""


@app.command()
def example(
    svg: Annotated[Path, typer.Option(help="File to draw the network in.")] = Path("worked_example.svg"),
    graph: Annotated[Path | None, typer.Option(help="File to draw its graph of scalars in.")] = None,
    player: Annotated[Path | None, typer.Option(help="File for a player of its steps, .html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the headline.")] = False,
) -> None:
    """Compute, explain and check the article's worked example."""
    from nn.article import report as example_report
    from nn.article import worked_example

    report = example_report.build()
    drawings = [(svg, worked_example.draw_network)]
    if graph is not None:
        drawings.append((graph, worked_example.draw_graph))
    for path, drawing in drawings:
        drawing().save(path)
    if player is not None:
        worked_example.play_network().save(player)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    elif quiet:
        print(report.headline)
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
    hidden: Annotated[
        str, typer.Option(help="Sizes of the hidden layers, such as 16,16; '' for none.")
    ] = "64",
    activation: Annotated[
        str, typer.Option(help="Activation of the hidden layers, such as tanh or gelu.")
    ] = "relu",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training examples.")] = 60,
    batch_size: Annotated[int, typer.Option(min=0, help="Examples in each step; 0 for all.")] = 32,
    optimizer: Annotated[OptimizerName, typer.Option(help="The optimizer.")] = (OptimizerName.ADAM),
    learning_rate: Annotated[float, typer.Option(help="The learning rate.")] = 0.003,
    test: Annotated[
        float, typer.Option(help="The part of the examples that is held out to measure on.")
    ] = 0.2,
    seed: Annotated[
        int, typer.Option(help="Seed of the split, the weights and the order of the examples.")
    ] = 0,
    save: Annotated[Path | None, typer.Option(help="File to write the model to.")] = None,
    plot: Annotated[Path | None, typer.Option(help="File to draw the loss in, by epoch.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a network on a table, and measure it on examples it has not seen."""
    from nn import experiment, optim, storage
    from nn.train import fit

    if not 0.0 < test < 1.0:
        raise ValueError(f"--test {test:g}: hold out a part between 0 and 1, such as 0.2")
    _refuse_outputs(save, plot)
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
        *experiment.inputs_and_targets(training, preparation),
        loss=preparation.loss,
        optimizer=make(model.parameters(), learning_rate),
        epochs=epochs,
        batch_size=batch_size or None,
        rng=rng,
        progress=not quiet and sys.stderr.isatty(),
        validation=experiment.inputs_and_targets(held_out, preparation),
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
    model: Annotated[Path, typer.Argument(help="A model file, written by `train --save`.")],
    data: Annotated[str, typer.Argument(help="A CSV file, or the name of a built-in set.")],
    target: Target = None,
    loss: Annotated[
        str | None, typer.Option(help="The loss; by default the one that the model was trained with.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="How many examples to check, from the first.")] = 10,
    every: Annotated[
        bool, typer.Option("--all", help="Print every gradient, not only the largest gaps.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of a generated set.")] = 0,
) -> None:
    """Check every gradient of a model by three routes: reverse mode, delta rule, forward pass."""
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
        Path, typer.Option("--output", "-o", help="File to draw in: .svg, .png, .pdf or .dot.")
    ] = Path("graph.svg"),
    view: Annotated[
        str | None, typer.Option(help="scalar or compact; by default the one that suits the graph.")
    ] = None,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    heat: Annotated[str | None, typer.Option(help="grad: edges as wide as their gradients.")] = None,
    parameters: Parameters = "",
    depth: Depth = None,
    timeout: Annotated[float, typer.Option(help="The longest time for the layout, in seconds.")] = 10.0,
) -> None:
    """Draw the computation graph of an expression, with its gradients."""
    result, shown = _record(expression, numbers or [], parameters, "draw")
    result.backward()
    options = {"view": view, "theme": theme, "heat": heat, "parameters": shown, "depth": depth}
    console.print(f"drawn in {result.draw(**options, timeout=timeout).save(output)}")


@app.command()
def explain(
    expression: ExpressionText,
    numbers: Numbers = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for a player, .html, in place of the text.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown with LaTeX.")] = False,
    theme: Annotated[
        str | None, typer.Option(help="Theme of the player, light or dark; by default that of the reader.")
    ] = None,
    parameters: Parameters = "",
    depth: Depth = None,
) -> None:
    """Explain the forward and the backward pass of an expression, step by step."""
    result, shown = _record(expression, numbers or [], parameters, "explain")
    if output is None:
        explanation = result.explain(depth=depth)
        print(explanation.markdown if markdown else explanation)
    elif markdown:
        raise ValueError("--markdown prints the steps and --output writes a player: give one of them")
    else:
        print(f"player written to {result.play(theme=theme, parameters=shown, depth=depth).save(output)}")


@app.command()
def live(
    expression: ExpressionText,
    numbers: Numbers = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the page, .html.")] = Path(
        "live.html"
    ),
    limits: Annotated[
        list[str] | None,
        typer.Option(
            help="The least and the largest number of a name, such as w=-2:2. Repeat it for others."
        ),
    ] = None,
    step: Annotated[
        list[str] | None, typer.Option(help="The step of a slider, such as w=0.1. Repeat it for others.")
    ] = None,
    locked: Annotated[str, typer.Option(help="Names that cannot be moved, such as x,b.")] = "",
    theme: Annotated[
        str | None, typer.Option(help="light or dark to begin with; by default that of the reader.")
    ] = None,
    parameters: Parameters = "",
    depth: Depth = None,
) -> None:
    """Write a page on which every number has a slider, and the gradients follow."""
    from engine.expression import assigned_texts, assignments

    result, shown = _record(expression, numbers or [], parameters, "show")
    page = result.live(
        limits={name: _between(name, text) for name, text in assigned_texts(limits or []).items()},
        steps=assignments(step or []),
        locked=[name.strip() for name in locked.split(",") if name.strip()],
        theme=theme,
        parameters=shown,
        depth=depth,
    )
    print(f"live page written to {page.save(output)}")


def _between(name: str, text: str) -> tuple[float, float]:
    """Two numbers with a colon between them."""
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        raise ValueError(
            f"--limits {name}={text}: give the least and the largest number, as in {name}=-2:2"
        ) from None
    return low, high


def _record(expression: str, numbers: list[str], parameters: str, purpose: str) -> tuple[Value, list[Value]]:
    """An expression recorded at numbers, and the leaves to show as parameters."""
    from engine import Value
    from engine.expression import assignments, parse

    leaves = {name: Value(x, name) for name, x in assignments(numbers).items()}
    shown = [name.strip() for name in parameters.split(",") if name.strip()]
    if unknown := [name for name in shown if name not in leaves]:
        raise ValueError(f"--parameters {unknown[0]}: no such name among {', '.join(leaves)}")
    result = parse(expression)(**leaves)
    if not isinstance(result, Value):
        raise ValueError(
            f"{expression!r} does not give one number that depends on a name: there is nothing to {purpose}"
        )
    return result, [leaves[name] for name in shown]


@app.command()
def check(
    expression: Annotated[
        str, typer.Argument(help="An expression, such as 'tanh(w*x + b)', or package.module:function.")
    ],
    at: Annotated[list[str], typer.Argument(help="The point, such as x=0.5 y=2.", metavar="NAME=NUMBER...")],
    claimed: Annotated[
        list[str] | None,
        typer.Option(help="A claimed derivative, as printed, such as x=0.0497. Repeat it for other names."),
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="A framework to compare with: torch, jax or autograd.")
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=2, help="2 for second derivatives.")] = 1,
    digits: Annotated[
        float, typer.Option(min=0, max=17, help="How many right digits are enough where rounding loses some.")
    ] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Prove the gradient of an expression, or of a function of your own, at a point."""
    from engine.check import check_gradients
    from engine.expression import assigned_texts, assignments

    point = assignments(at)
    with redirect_stdout(sys.stderr):  # what the function prints is not the report
        report = check_gradients(
            _function(expression, point),
            point,
            claimed=assigned_texts(claimed) if claimed else None,
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
        list[Path] | None, typer.Argument(help="JSON or CSV files of claimed numbers.", metavar="PAPERS...")
    ] = None,
    exercise: Annotated[
        str, typer.Option(help="The exercise, a JSON file; or article, the worked example.")
    ] = "article",
    template: Annotated[
        str | None,
        typer.Option(metavar="EXERCISE", help="Write an empty paper for this exercise, and mark nothing."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the empty paper, .csv or .json.")
    ] = None,
    points: Annotated[
        list[str] | None,
        typer.Option(help="Points for a paper, such as 10; or for quantities, such as 'delta_*=2' '*=1'."),
    ] = None,
    carried_forward: Annotated[
        float,
        typer.Option(min=0, max=1, help="What part of its points a number gets that is carried forward."),
    ] = 1.0,
    gradebook: Annotated[Path | None, typer.Option(help="File for a table of the marks, .csv.")] = None,
    gradescope: Annotated[
        Path | None, typer.Option(help="File for Gradescope's results, of one paper.")
    ] = None,
    feedback: Annotated[Path | None, typer.Option(help="Folder for a report on each paper.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Mark hand computations: right, wrong here and why, carried forward, or unreadable.

    A paper gives a number for each quantity. In CSV, and the same in JSON:

    \b
    quantity,claimed          {
    a_5,0.6836                  "a_5": "0.6836",
    delta_5,-0.0497             "delta_5": "-0.0497",
    dE/dw_51,-0.0343            "dE/dw_51": "-0.0343",
    new w_51,0.3171             "new w_51": "0.3171"
                              }

    The exit status is 0 if all is right, 1 if something is not, 2 if no paper could be marked.
    """  # noqa: D301  \b keeps the lines of the example apart
    from nn.exercises.desk import Desk

    if template is not None:
        print(Desk(template).template(output), end="")
        return
    if not papers:
        raise ValueError("give papers to mark; --template article writes an empty one")
    desk = Desk(exercise, points, carried_forward)
    report = desk.mark(papers, progress=sys.stderr.isatty() and not as_json)
    for path in desk.write(report, gradebook=gradebook, gradescope=gradescope, feedback=feedback):
        print(f"written to {path}", file=sys.stderr)
    if not report.reports:
        raise ValueError("\n".join(f"{paper}: {why}" for paper, why in report.unread.items()))
    if as_json:
        print(json.dumps(desk.data(report), indent=2))
    else:
        console.print(desk.shown(report))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def mistakes(
    name: Annotated[str, typer.Argument(help="The id of a mistake; by default all are listed.")] = "",
) -> None:
    """Explain the mistakes that check, grade and judge name: what they look like, why, and what to do."""
    from engine.mistakes import CATALOGUE
    from engine.mistakes.page import card

    if name and name not in CATALOGUE:
        close = get_close_matches(name, CATALOGUE, 3)
        meant = f"; did you mean {' or '.join(close)}?" if close else "; deltagrad mistakes lists them"
        raise ValueError(f"there is no mistake {name!r}{meant}")
    width = max(map(len, CATALOGUE))
    print(
        card(CATALOGUE[name]) if name else "\n".join(f"{i:{width}}  {m.name}" for i, m in CATALOGUE.items())
    )


@app.command()
def exercise(
    seed: Annotated[int, typer.Option(help="The same seed gives the same exercise.")] = 0,
    kind: Annotated[str, typer.Option(help="expression, network or step.")] = "network",
    level: Annotated[int, typer.Option(help="How much there is to compute: 1, 2 or 3.")] = 1,
    papers: Annotated[int, typer.Option(min=0, max=1000, help="How many papers with mistakes to write.")] = 5,
    practise: Annotated[
        str, typer.Option(help="The id of a mistake that can be made in it, such as derivative-left-out.")
    ] = "",
    after: Annotated[
        tuple[Path, str] | None,
        typer.Option(
            help="A paper and its exercise: practise the last mistake in it.", metavar="PAPER EXERCISE"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder; by default exercise_SEED.")
    ] = None,
) -> None:
    """Write an exercise for hand computation, its solution, and papers with planted mistakes."""
    from nn.exercises.folder import write_folder
    from nn.exercises.generation import generate
    from nn.exercises.planted import has_room_for, last_mistake

    mistake = last_mistake(*after) if after else practise
    made = generate(seed, kind, level, has_room_for(mistake))
    folder = write_folder(made, output or Path(f"exercise_{seed}"), papers, mistake)
    if mistake:
        print(f"to practise: {mistake}")
    print(f"hand out {folder / 'students'}")
    print(f"then mark: deltagrad grade PAPERS --exercise {folder / 'exercise.json'}")


@app.command()
def judge(
    engines: Annotated[
        list[str],
        typer.Argument(help="Files with an engine, such as engine.py:Value.", metavar="PATH[:CLASS]..."),
    ],
    name: Annotated[str, typer.Option("--class", help="The class, if it is not found by itself.")] = "",
    data: Annotated[str, typer.Option(help="Where a value has its number, such as data.")] = "",
    grad: Annotated[str, typer.Option(help="Where a value has its gradient, such as grad.")] = "",
    backward: Annotated[str, typer.Option(help="The method or function that differentiates.")] = "",
    functions: Annotated[
        list[Path] | None, typer.Option(help="A further file, with functions that belong to the engine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Judge somebody's own engine: what is right, what is wrong, and why."""
    from engine.judge import judge as judge_one
    from engine.judge import judge_all

    options: dict[str, Any] = {"name": name, "data": data, "grad": grad, "backward": backward}
    options["functions"] = functions or ()
    one = len(engines) == 1
    report = judge_one(engines[0], **options) if one else judge_all(engines, **options)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        console.print(report)
    if not report.ok:
        raise typer.Exit(1)


def _refuse_outputs(model: Path | None, plot: Path | None) -> None:
    """Raise an error before training if its model or its plot could not be written after it."""
    for path in (model, plot):
        if path is not None:
            _refuse_unwritable(path)
    if plot is not None:
        from nn.train import History

        History().plot().savefig(BytesIO(), format=plot.suffix.removeprefix(".") or None)


def _function(text: str, names: Collection[str]) -> Callable[..., Any]:
    """An expression of these names, or "package.module:function", imported from the current folder too."""
    from engine.check.binding import bind
    from engine.check.raised import RAISED, said
    from engine.expression import parse

    module, colon, name = text.partition(":")
    if not colon or not all(part.isidentifier() for part in f"{module}.{name}".split(".")):
        expression = parse(text)
        expression.refuse_other_names(names)
        return expression
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{text}{said(error)}") from None
    except RAISED as error:  # whatever the module does when it is imported
        raise ValueError(f"{text}: {module} raises {type(error).__name__}{said(error)}") from None
    if not callable(found):
        raise ValueError(f"{text} is {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    try:
        bind(function, [], dict.fromkeys(names), text)
    except TypeError as error:
        raise ValueError(str(error)) from None  # a mistake of the user's, to be told in one line
    return function


def _refuse_unwritable(path: Path) -> None:
    """Raise ValueError if a file cannot be written."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{path} cannot be written: permission denied")


def _sizes(text: str) -> list[int]:
    """The sizes of layers in a text such as 16,16."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--hidden {text!r}: give sizes such as 16,16")
    return [int(part) for part in parts]

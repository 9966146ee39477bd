"""A program in words: its instructions with the names of the delta rule, as text and as a drawing.

The names come from the structure. A product of parameters with a vector is a layer, its result the net
input z^1, what an operation makes of that the activation a^1; what an outer product turns into the gradient
of W^1 is delta^1. A bias is the last column of W, on an input that is always 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.compiler.instructions import (
    Apply,
    BatchDot,
    Code,
    Dot,
    Index,
    Instruction,
    MatrixProduct,
    OuterProduct,
    Products,
    Rows,
    Shares,
)
from engine.show.diagram import SUPERSCRIPTS, Canvas, Diagram, Field, Theme


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction in words: the name of its result, its formula, its size, and the names it reads."""

    result: str
    formula: str
    shape: str
    reads: tuple[str, ...]


def listing(code: Code, inputs: Sequence[str]) -> str:
    """The instructions, one a line.

    Args:
        code: a program.
        inputs: the labels of its inputs.

    Returns:
        The text.
    """
    table = lines(code, inputs)
    results = max((len(line.result) for line in table), default=0)
    formulas = max((len(line.formula) for line in table), default=0)
    head = (
        f"{len(table)} instructions, {code.n_inputs} inputs, {code.n_parameters} parameters, "
        f"{code.n_varying} rows of the batch size B"
    )
    return "\n".join(
        [head, *[f"  {line.result:>{results}} = {line.formula:<{formulas}}  {line.shape}" for line in table]]
    )


def drawing(code: Code, inputs: Sequence[str], theme: Theme, title: str, timeout: float) -> Diagram:
    """The instructions and what flows between them.

    Args:
        code: a program.
        inputs: the labels of its inputs.
        theme: "light" or "dark".
        title: what the diagram shows, for screen readers.
        timeout: seconds that its layout may take.

    Returns:
        The diagram.
    """
    canvas = Canvas(theme, nodesep="0.2", ranksep="0.3")
    made_by: dict[str, str] = {}
    table, stems = lines(code, inputs), set(map(_stem, inputs))
    for number, line in enumerate(table):
        ident = f"i{number}"
        kind = "output" if number >= len(code.body) else "intermediate"
        formula = _typeset(f"{line.result} = {line.formula}")
        fields: list[Field] = [[formula, line.shape]]
        canvas.card(ident, fields, kind, "instruction", formula)
        for place, name in enumerate(dict.fromkeys(line.reads)):
            if name == "1":
                continue
            if name not in made_by:
                made_by[name] = f"leaf{len(made_by)}"
                kind = "input" if name in stems else "parameter" if name == "p" else "constant"
                canvas.card(made_by[name], [_typeset(name)], kind, "leaf", name)
            canvas.edge(made_by[name], ident, f"{ident}_{place}", "operand")
        made_by.update(dict.fromkeys(line.result.split(", "), ident))
    sentences = (_typeset(f"{line.result} is {line.formula}, {line.shape}.") for line in table)
    return canvas.diagram(title or f"A program of {len(table)} instructions", sentences, timeout)


def lines(code: Code, inputs: Sequence[str]) -> list[Line]:
    """The instructions of a program in words.

    Args:
        code: a program.
        inputs: the labels of its inputs.

    Returns:
        One line for each, in order.
    """
    names = _Names(code, inputs)
    return [names.line(i) for i in (*code.body, *code.sums)]


def _typeset(formula: str) -> str:
    """Layers as superscripts, in Unicode."""
    raised = re.sub(r"\^([0-9]+)", lambda match: match[1].translate(SUPERSCRIPTS), formula)
    return raised.replace("^T", "ᵀ").replace("delta", "δ")


def _stem(label: str) -> str:
    """What the elements of a vector have in common: x of x_1 and x_2, and of inputs without a label."""
    return re.sub(r"_[0-9,]+$", "", label) or "x"


class _Names:
    """The names of rows, given as the instructions go by."""

    def __init__(self, code: Code, inputs: Sequence[str]) -> None:
        self._code = code
        self._layer, self._neuron = _layers(code)
        self._name: dict[tuple[bool, int], str] = {}
        self._delta = self._deltas()
        self._unnamed = 0
        columns = zip(code.input_rows.tolist(), inputs, strict=True)
        self._name.update({(True, row): _stem(label) for row, label in columns})
        self._name.update(dict.fromkeys([(True, row) for row in code.ones.tolist()], "1"))
        for row in range(code.n_parameters):
            self._name[False, row] = "p"
        for row, number in code.constants.items():
            self._name[False, row] = f"{number:g}"

    def _deltas(self) -> dict[int, str]:
        """The rows that outer products turn into the gradients of layers."""
        of_a_loss = self._code.means and self._code.n_outputs == 1 + self._code.n_parameters
        found: dict[int, str] = {}
        for i in self._code.sums if of_a_loss else ():
            if isinstance(i, OuterProduct) and len(layers := self._layers_of(i.targets - 1)) == 1:
                found.update(dict.fromkeys(i.rows.index.tolist(), f"delta^{layers.pop()}"))
        return found

    def _layers_of(self, parameters: Index) -> set[int]:
        return {self._layer[p] for p in parameters.ravel().tolist() if p in self._layer}

    # --- Reading and giving names.

    def _all(self, *blocks: Rows) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._name[b.varies, row] for b in blocks for row in b.index.tolist()))

    def _of(self, rows: Rows) -> str:
        parts = self._all(rows)
        return parts[0] if len(parts) == 1 else f"[{'; '.join(parts[:3])}{'; ...' if len(parts) > 3 else ''}]"

    def _call(self, rows: Rows, name: str = "") -> str:
        """Name rows: as asked, or as the delta of a layer, or by a number."""
        if not name:
            deltas = {self._delta.get(row, "") for row in rows.index.tolist()} if rows.varies else {""}
            self._unnamed += deltas == {""} or len(deltas) > 1
            name = deltas.pop() if len(deltas) == 1 and deltas != {""} else f"t{self._unnamed}"
        self._name.update(dict.fromkeys([(rows.varies, row) for row in rows.index.tolist()], name))
        return name

    def _matrix(self, numbers: Index) -> str:
        layers = self._layers_of(numbers)
        if not layers:
            return "C"
        corners = numbers[0, 0], numbers[0, -1], numbers[-1, 0]
        first, along, down = [self._neuron.get(int(corner), -1) for corner in corners]
        transposed = along != first or (numbers.shape[1] == 1 < numbers.shape[0] and down == first)
        name = f"W^{min(layers)}"
        return f"({name})^T" if transposed else name

    # --- Lines.

    def line(self, i: Instruction) -> Line:
        match i:
            case Apply():
                return self._apply(i)
            case Shares():
                formula, reads = f"{i.op}({self._of(i.operands)})", self._all(i.operands)
                return Line(self._call(i.out), formula, _shape(i.out), reads)
            case MatrixProduct():
                return self._matrix_product(i)
            case Products():
                factor = f"{i.factor:g}" if i.a is None else self._of(i.a)
                reads = self._all(i.b) if i.a is None else self._all(i.a, i.b)
                formula = self._of(i.b) if factor == "1" else f"{factor} * {self._of(i.b)}"
                return self._sum(i.out, formula, reads, i.adds)
            case Dot():
                terms = self._of(i.b) if i.a is None else f"{self._of(i.a)} * {self._of(i.b)}"
                reads = self._all(i.b) if i.a is None else self._all(i.a, i.b)
                formula = f"sum of {len(i.b) // len(i.out)} terms {terms}"
                return self._sum(i.out, formula, reads, i.adds)
            case OuterProduct():
                d, v = self._of(i.rows), self._of(i.columns)
                shape = f"({len(i.rows)}, B) @ (B, {len(i.columns)})"
                return Line(self._result(i.targets), f"{d} {v}^T", shape, self._all(i.rows, i.columns))
            case BatchDot():
                formula = f"mean of {self._of(i.a)} * {self._of(i.b)}"
                return Line(self._result(i.targets), formula, _shape(i.b), self._all(i.a, i.b))
            case _:
                return Line(self._result(i.targets), self._of(i.rows), _shape(i.rows), self._all(i.rows))

    def _apply(self, i: Apply) -> Line:
        operands, reads = ", ".join(map(self._of, i.operands)), self._all(*i.operands)
        results = []
        for out, op in zip(i.out, i.op.split(" and "), strict=True):
            activation = (
                operands.replace("z", "a") if operands.startswith("z^") and len(i.operands) == 1 else ""
            )
            used = activation in self._name.values()
            results.append(self._call(out, f"{op}({operands})" if used and activation else activation))
        return Line(", ".join(results), f"{i.op}({operands})", _shape(i.out[0]), reads)

    def _matrix_product(self, i: MatrixProduct) -> Line:
        matrix, vector, reads = self._matrix(i.matrix), self._of(i.vector), self._all(i.vector)
        shape = "({}, {}) @ ({}, B)".format(*i.matrix.shape, len(i.vector))
        if i.adds:
            return Line(self._of(i.out), f"... + {matrix} {vector}", shape, (*self._all(i.out), *reads))
        name = (
            f"z{matrix[1:]}"
            if matrix[0] == "W" and matrix.replace("W", "z") not in self._name.values()
            else ""
        )
        return Line(self._call(i.out, name), f"{matrix} {vector}", shape, reads)

    def _sum(self, out: Rows, formula: str, reads: tuple[str, ...], adds: bool) -> Line:
        if adds:
            return Line(self._of(out), f"... + {formula}", _shape(out), (*self._all(out), *reads))
        return Line(self._call(out), formula, _shape(out), reads)

    def _result(self, targets: Index) -> str:
        if not self._code.means:
            return "outputs"
        entries = targets.ravel().tolist()
        if self._code.n_outputs != 1 + self._code.n_parameters or (0 in entries and len(set(entries)) > 1):
            return "means"
        if entries[0] == 0:
            return "E"
        layers = self._layers_of(targets - 1)
        return f"dE/dW^{layers.pop()}" if len(layers) == 1 else "dE/dp"


def _layers(code: Code) -> tuple[dict[int, int], dict[int, int]]:
    """The layer of each parameter, and its neuron there, by the matrix product that uses it first."""
    layer: dict[int, int] = {}
    neuron: dict[int, int] = {}
    n_layers = 0
    for i in code.body:
        if isinstance(i, MatrixProduct):
            new = [p for p in i.matrix.ravel().tolist() if p < code.n_parameters and p not in layer]
            n_layers += bool(new)
            layer.update(dict.fromkeys(new, n_layers))
            for number, row in enumerate(i.matrix.tolist() if new else ()):
                neuron.update(dict.fromkeys(row, number))
    return layer, neuron


def _shape(rows: Rows) -> str:
    return f"({len(rows)}, {'B' if rows.varies else 1})"

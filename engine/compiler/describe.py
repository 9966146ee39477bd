"""A program in words: its instructions as text and as a drawing, in the notation of the delta rule.

The structure gives the names. The product of parameters with a vector is a layer: its matrix is W^1, its
result the net input z^1, an operation on that the activation a^1. Rows that an outer product turns into the
gradient of W^1 are delta^1. A bias is the last column of W, and its input is always 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    Take,
)
from engine.show.diagram import Canvas, Diagram, Field
from engine.show.palette import Theme
from engine.show.text import SUPERSCRIPTS

# The symbols of the delta rule. The compiler knows nothing else of networks.
WEIGHTS, NET_INPUT, ACTIVATION, DELTA, LOSS = "W", "z", "a", "delta", "E"
PARAMETERS, CONSTANTS, ONE = "p", "C", "1"


class RowName(NamedTuple):
    """The name of rows: a symbol, and the number of its layer if it has one."""

    symbol: str
    layer: int = 0

    def __str__(self) -> str:
        return f"{self.symbol}^{self.layer}" if self.layer else self.symbol


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction in words: the names of its results, its formula, its size, the names that it reads."""

    results: tuple[str, ...]
    formula: str
    shape: str
    reads: tuple[str, ...]

    @property
    def result(self) -> str:
        """The names of all results."""
        return ", ".join(self.results)


def describe(code: Code, inputs: Sequence[str]) -> str:
    """List the instructions, one on each line.

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


def draw(code: Code, inputs: Sequence[str], theme: Theme, title: str, timeout: float) -> Diagram:
    """Draw the instructions and the rows that flow between them.

    Args:
        code: a program.
        inputs: the labels of its inputs.
        theme: "light" or "dark".
        title: what the diagram shows, for screen readers.
        timeout: the longest time for its layout, in seconds.

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
            if name == ONE:
                continue
            if name not in made_by:
                made_by[name] = f"leaf{len(made_by)}"
                kind = "input" if name in stems else "parameter" if name == PARAMETERS else "constant"
                canvas.card(made_by[name], [_typeset(name)], kind, "leaf", name)
            canvas.edge(made_by[name], ident, f"{ident}_{place}", "operand")
        made_by.update(dict.fromkeys(line.results, ident))
    sentences = (_typeset(f"{line.result} is {line.formula}, {line.shape}.") for line in table)
    return canvas.diagram(title or f"A program of {len(table)} instructions", sentences, timeout)


def lines(code: Code, inputs: Sequence[str]) -> list[Line]:
    """The instructions of a program in words.

    Args:
        code: a program.
        inputs: the labels of its inputs.

    Returns:
        One line for each instruction, in order.
    """
    names = _Names(code, inputs)
    return [names.line(i) for i in (*code.body, *code.sums)]


def _typeset(formula: str) -> str:
    """A formula in Unicode, with layers as superscripts."""
    raised = re.sub(r"\^([0-9]+)", lambda match: match[1].translate(SUPERSCRIPTS), formula)
    return raised.replace("^T", "ᵀ").replace(DELTA, "δ")


def _stem(label: str) -> str:
    """The label of a vector, from that of an element: x for x_1 and for an input without a label."""
    return re.sub(r"_[0-9,]+$", "", label) or "x"


class _Names:
    """The names of all rows. Each instruction in turn names the rows that it computes."""

    def __init__(self, code: Code, inputs: Sequence[str]) -> None:
        self._code = code
        self._layer, self._neuron = _layers(code)
        self._delta = self._deltas()
        self._unnamed = 0
        columns = zip(code.input_rows.tolist(), inputs, strict=True)
        self._name = {(True, row): RowName(_stem(label)) for row, label in columns}
        self._name.update({(True, row): RowName(ONE) for row in code.ones.tolist()})
        self._name.update({(False, row): RowName(PARAMETERS) for row in range(code.n_parameters)})
        self._name.update({(False, row): RowName(f"{number:g}") for row, number in code.constants.items()})

    def _deltas(self) -> dict[int, RowName]:
        """The rows that outer products turn into the gradients of layers."""
        of_a_loss = self._code.means and self._code.n_outputs == 1 + self._code.n_parameters
        found: dict[int, RowName] = {}
        for i in self._code.sums if of_a_loss else ():
            if isinstance(i, OuterProduct) and len(layers := self._layers_of(i.targets - 1)) == 1:
                found.update(dict.fromkeys(i.rows.index.tolist(), RowName(DELTA, *layers)))
        return found

    def _layers_of(self, parameters: Index) -> set[int]:
        return {self._layer[p] for p in parameters.ravel().tolist() if p in self._layer}

    # --- Reading and giving names.

    def _names(self, *blocks: Rows) -> list[RowName]:
        """The names in these rows, each once."""
        return list(dict.fromkeys([self._name[b.varies, row] for b in blocks for row in b.index.tolist()]))

    def _reads(self, *blocks: Rows) -> tuple[str, ...]:
        return tuple(map(str, self._names(*blocks)))

    def _vector(self, rows: Rows) -> str:
        """Rows as one vector: x, or [x; 1]."""
        parts = self._reads(rows)
        return parts[0] if len(parts) == 1 else f"[{'; '.join(parts[:3])}{'; ...' if len(parts) > 3 else ''}]"

    def _give(self, rows: Rows, name: RowName | None = None) -> str:
        """Name rows, without a given name as the delta of a layer or by a number."""
        if name is None:
            deltas = {self._delta.get(row) for row in rows.index.tolist()} if rows.varies else {None}
            name = deltas.pop() if len(deltas) == 1 else None
        if name is None:
            self._unnamed += 1
            name = RowName(f"t{self._unnamed}")
        self._name.update(dict.fromkeys([(rows.varies, row) for row in rows.index.tolist()], name))
        return str(name)

    def _is_free(self, name: RowName) -> bool:
        return name not in self._name.values()

    def _matrix(self, numbers: Index) -> tuple[RowName, bool]:
        """The name of a matrix, and whether it is transposed."""
        layers = self._layers_of(numbers)
        if not layers:
            return RowName(CONSTANTS), False
        corners = numbers[0, 0], numbers[0, -1], numbers[-1, 0]
        first, along, down = [self._neuron.get(int(corner), -1) for corner in corners]
        transposed = along != first or (numbers.shape[1] == 1 < numbers.shape[0] and down == first)
        return RowName(WEIGHTS, min(layers)), transposed

    # --- Lines.

    def line(self, i: Instruction) -> Line:
        match i:
            case Apply():
                return self._apply(i)
            case Shares():
                formula, reads = f"{i.op}({self._vector(i.operands)})", self._reads(i.operands)
                return Line((self._give(i.out),), formula, _shape(i.out), reads)
            case MatrixProduct():
                return self._matrix_product(i)
            case Products():
                factor = f"{i.factor:g}" if i.a is None else self._vector(i.a)
                reads = self._reads(i.b) if i.a is None else self._reads(i.a, i.b)
                formula = self._vector(i.b) if factor == ONE else f"{factor} * {self._vector(i.b)}"
                return self._sum(i.out, formula, reads, i.adds)
            case Dot():
                terms = self._vector(i.b) if i.a is None else f"{self._vector(i.a)} * {self._vector(i.b)}"
                reads = self._reads(i.b) if i.a is None else self._reads(i.a, i.b)
                formula = f"sum of {len(i.b) // len(i.out)} terms {terms}"
                return self._sum(i.out, formula, reads, i.adds)
            case OuterProduct():
                d, v = self._vector(i.rows), self._vector(i.columns)
                shape = f"({len(i.rows)}, B) @ (B, {len(i.columns)})"
                return Line((self._result(i.targets),), f"{d} {v}^T", shape, self._reads(i.rows, i.columns))
            case BatchDot():
                formula = f"mean of {self._vector(i.a)} * {self._vector(i.b)}"
                return Line((self._result(i.targets),), formula, _shape(i.b), self._reads(i.a, i.b))
            case Take():
                formula, reads = self._vector(i.rows), self._reads(i.rows)
                return Line((self._result(i.targets),), formula, _shape(i.rows), reads)

    def _apply(self, i: Apply) -> Line:
        operands, reads = ", ".join(map(self._vector, i.operands)), self._reads(*i.operands)
        names = self._names(i.operands[0]) if len(i.operands) == 1 else []
        of_net_input = [name.symbol for name in names] == [NET_INPUT] and names[0].layer > 0
        results = []
        for out, op in zip(i.out, i.ops, strict=True):
            name = None
            if of_net_input:
                name = RowName(ACTIVATION, names[0].layer)
                name = name if self._is_free(name) else RowName(f"{op}({operands})")
            results.append(self._give(out, name))
        return Line(tuple(results), f"{' and '.join(i.ops)}({operands})", _shape(i.out[0]), reads)

    def _matrix_product(self, i: MatrixProduct) -> Line:
        matrix, transposed = self._matrix(i.matrix)
        formula = f"{f'({matrix})^T' if transposed else matrix} {self._vector(i.vector)}"
        shape, reads = "({}, {}) @ ({}, B)".format(*i.matrix.shape, len(i.vector)), self._reads(i.vector)
        if i.adds:
            return self._added(i.out, formula, shape, reads)
        net_input = RowName(NET_INPUT, matrix.layer)
        is_layer = matrix.symbol == WEIGHTS and not transposed and self._is_free(net_input)
        return Line((self._give(i.out, net_input if is_layer else None),), formula, shape, reads)

    def _sum(self, out: Rows, formula: str, reads: tuple[str, ...], adds: bool) -> Line:
        if adds:
            return self._added(out, formula, _shape(out), reads)
        return Line((self._give(out),), formula, _shape(out), reads)

    def _added(self, out: Rows, formula: str, shape: str, reads: tuple[str, ...]) -> Line:
        return Line((self._vector(out),), f"... + {formula}", shape, (*self._reads(out), *reads))

    def _result(self, targets: Index) -> str:
        if not self._code.means:
            return "outputs"
        entries = targets.ravel().tolist()
        if self._code.n_outputs != 1 + self._code.n_parameters or (0 in entries and len(set(entries)) > 1):
            return "means"
        if entries[0] == 0:
            return LOSS
        layers = self._layers_of(targets - 1)
        return f"d{LOSS}/d{RowName(WEIGHTS, *layers) if len(layers) == 1 else PARAMETERS}"


def _layers(code: Code) -> tuple[dict[int, int], dict[int, int]]:
    """The layer of each parameter, and its neuron there, by the first matrix product that uses it."""
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

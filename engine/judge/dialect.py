"""How a judged engine is spoken to: templates of Python text, and programs written with them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.ops import OPS

BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_ALSO = {  # names that other engines have for rows of the table
    "log": ["ln"],
    "pow": ["power"],
    "abs": ["absolute"],
    "mul": ["multiply", "times", "product"],
    "sub": ["subtract", "minus"],
    "div": ["divide", "truediv"],
    "neg": ["negative", "negate"],
    "add": ["plus", "addition"],
    "sigmoid": ["logistic"],
    "silu": ["swish"],
    "max": ["maximum"],
    "min": ["minimum"],
}


class NotThere(LookupError):  # noqa: N818  # an answer, not an error
    """The engine has no such operation."""


def words(op: str) -> list[str]:
    """The names that an operation may have, without underscores and in lower case.

    Example:
        >>> words("asin")
        ['asin', 'arcsin']
    """
    names = [op, OPS[op].alias, *_ALSO.get(op, ())]
    return [name.replace("_", "") for name in names if name]


@dataclass(frozen=True)
class Dialect:
    """What an engine calls things.

    Args:
        name: its class.
        homes: the modules that it is made of: that of the class, then those of its functions.
        make: a value made of a number, such as "Value({0})".
        data: the number of a value, "{0}.data".
        backward: the statement that starts the backward pass, "{0}.backward()".
        grad: the gradient by a value, "{0}.grad".
        slope: the gradient as a number; "{0}.grad.data" where gradients are values themselves.
        ops: how each operation is written, by its name in the table.
        calls: the functions of the engine that each operation calls.
    """

    name: str
    homes: Sequence[str]
    make: str
    data: str
    backward: str
    grad: str
    slope: str
    ops: Mapping[str, str]
    calls: Mapping[str, Sequence[str]]

    def __str__(self) -> str:
        gradient = self.grad.format("a", y="y", i=0)
        how = f"{self.data.format('a')}, {gradient}, {self.backward.format('y', leaves='a')}"
        return f"class {self.name}; {how}; {', '.join(self.ops)}"

    def write(self, source: str, at: Mapping[str, float], leaves: str = "") -> str:
        """A program in this dialect, with its leaves.

        Raises:
            NotThere: if the engine does not have one of its operations.
        """
        made = [f"{name} = {self.make.format(repr(x))}" for name, x in at.items()]
        tree = _Translation(self, leaves.split(", ") if leaves else list(at)).visit(ast.parse(source))
        return "\n".join([*made, ast.unparse(ast.fix_missing_locations(tree))])

    def read(self, expression: str, at: Sequence[str] = ()) -> str:
        """An expression with `number` and `gradient` in this dialect."""
        return ast.unparse(_Translation(self, list(at)).visit(ast.parse(expression)))

    def operation(self, op: str) -> str:
        """What a message calls the code of an operation: `__add__`, or `exp`."""
        template = self.ops.get(op, "")
        if OPS[op].operator and template.startswith(("({0} ", "(-", "abs({0")):
            return f"__{OPS[op].operator}__"
        return template.partition("(")[0].replace("{0}", "").strip(".") or op


class _Translation(ast.NodeTransformer):
    """Neutral text into a dialect."""

    def __init__(self, dialect: Dialect, leaves: list[str]) -> None:
        self._dialect = dialect
        self._leaves = leaves

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        return self._operation(BINARY[type(node.op)], node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.operand, ast.Constant):
            return node
        return self._operation("neg", node.operand)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        op = BINARY[type(node.op)]
        if self._dialect.ops.get(op, "").startswith("({0} "):
            node.value = self.visit(node.value)
            return node
        target = ast.Name(ast.unparse(node.target))
        return ast.Assign([node.target], self._operation(op, target, node.value))

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "backward":
            template = self._dialect.backward.replace("{leaves}", ", ".join(self._leaves)) or "pass"
            return ast.parse(template.format(ast.unparse(call.args[0]))).body[0]
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "assign":
            if self._dialect.data.endswith(")"):
                raise NotThere("assign")
            text = f"{self._dialect.data.format(ast.unparse(call.args[0]))} = {ast.unparse(call.args[1])}"
            return ast.parse(text).body[0]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        name = ast.unparse(node.func)
        if name == "plain":  # numbers, not values
            return _Numbers(self._dialect, self._leaves).visit(node.args[0])
        if name == "gradients":
            return _expression(self._slopes(ast.unparse(node.args[0])))
        if name in ("leaf", "number", "gradient"):
            return self._special(name, node)
        return self._operation(name, *node.args) if name in OPS else self.generic_visit(node)

    def _slopes(self, values: str) -> str:
        template = self._dialect.slope
        if template == "grads[{i}]":
            return "list(grads)"
        if "grads[{i}]" in template:
            return f"[{template.replace('grads[{i}]', 'x')} for x in grads]"
        return f"[{template.format('x', y='y')} for x in {values}]"

    def _special(self, name: str, node: ast.Call) -> ast.expr:
        operand = ast.unparse(self.visit(node.args[0]))
        if name == "gradient":
            place = self._leaves.index(operand) if operand in self._leaves else 0
            return _expression(self._dialect.grad.format(operand, y="y", i=place))
        return _expression((self._dialect.make if name == "leaf" else self._dialect.data).format(operand))

    def _operation(self, op: str, *operands: ast.expr) -> ast.expr:
        template = self._dialect.ops.get(op)
        if template is None:
            raise NotThere(op)
        written = [ast.unparse(self.visit(operand)) for operand in operands]
        if "}." in template or template.startswith("("):
            written = [f"({text})" for text in written]
        return _expression(template.format(*written))


class _Numbers(_Translation):
    """Arithmetic of Python's numbers stays as it is."""

    def _operation(self, op: str, *operands: ast.expr) -> ast.expr:
        return _expression(_PLAIN[op].format(*[f"({ast.unparse(self.visit(x))})" for x in operands]))


_PLAIN = {"add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}"}


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body

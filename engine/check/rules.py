"""Rules for derivatives, called: those of users, and those that frameworks have for a function."""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from engine.check.trees import leaves_of, library_of, map_leaves, numbers_in


class BadRuleError(TypeError):
    """A rule takes another number of arguments."""


def call_rule(kind: str, rule: Any, args: Sequence[Any], given: Sequence[Any]) -> Any:
    """Call a rule with the point, or without it if it takes too few arguments.

    Args:
        kind: "vjp" or "jvp".
        rule: the rule.
        args: the arguments of the function.
        given: the cotangent, or the tangents.

    Returns:
        What the rule returns.

    Raises:
        BadRuleError: if it can be called in neither way.
    """
    with_point, without = _takes(rule, len(args) + len(given)), _takes(rule, len(given))
    if with_point and without:  # it takes any number of arguments
        try:
            return rule(*args, *given)
        except TypeError:
            return rule(*given)
    if with_point:
        return rule(*args, *given)
    if without:
        return rule(*given)
    word = "cotangent" if kind == "vjp" else "*tangents"
    raise BadRuleError(
        f"the {kind} takes {inspect.signature(rule)}: it is called as {kind}(*at, {word}), with "
        f"{len(args) + len(given)} arguments, or as {kind}({word})"
    )


def _takes(rule: Callable[..., Any], n: int) -> bool:
    try:
        inspect.signature(rule).bind(*[None] * n)
    except TypeError:
        return False
    except ValueError:  # some builtin functions have no signature
        return True
    return True


# --- The rules of frameworks.


def framework_leaf(x: Any, name: str) -> Any:
    """A tree whose leaves are arrays of a framework, in doubles."""
    library = "numpy" if name == "autograd" else name

    def visit(_: str, leaf: Any) -> Any:
        if library_of(leaf) == library:
            return leaf
        shape = tuple(leaf.shape) if library_of(leaf) else ()
        array = numbers_in(leaf).reshape(shape)
        if library == "torch":
            return import_module("torch").tensor(array)
        return in_double(lambda: import_module("jax.numpy").asarray(array)) if library == "jax" else array

    return map_leaves(x, visit)


def in_double(work: Callable[[], Any]) -> Any:
    """Do work with the doubles of JAX switched on."""
    jax = import_module("jax")
    switched_on = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with switched_on(True):
        return work()


def _torch(kind: str, f: Callable[..., Any], args: Sequence[Any], given: Sequence[Any]) -> Any:
    torch = import_module("torch")
    if kind == "jvp":
        forward = torch.autograd.forward_ad
        with forward.dual_level():
            fresh = iter([leaf for _, leaf in leaves_of(list(given))])
            dual = map_leaves(list(args), lambda _, leaf: forward.make_dual(leaf, next(fresh)))

            def tangent(_: str, leaf: Any) -> Any:
                if not isinstance(leaf, torch.Tensor):
                    return 0.0
                found = forward.unpack_dual(leaf).tangent
                return torch.zeros_like(leaf) if found is None else found

            return map_leaves(f(*dual), tangent, whole=True)
    args = map_leaves(list(args), lambda _, leaf: leaf.detach().clone().requires_grad_())
    inputs = [leaf for _, leaf in leaves_of(args)]
    output = f(*map_leaves(list(args), lambda _, leaf: leaf.clone()))  # f may work in place
    pairs = zip(leaves_of(output, whole=True), leaves_of(given[0], whole=True), strict=True)
    recorded = [(y, g) for (_, y), (_, g) in pairs if getattr(y, "requires_grad", False)]
    if recorded:
        outputs, cotangents = zip(*recorded, strict=True)
        found = torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)
    else:
        found = [None] * len(inputs)
    fresh = iter([torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)])
    return tuple(map_leaves(list(args), lambda *_: next(fresh)))


def _jax(kind: str, f: Callable[..., Any], args: Sequence[Any], given: Sequence[Any]) -> Any:
    jax = import_module("jax")
    floating = [i for i, x in enumerate(args) if leaves_of(x)]

    def of_floats(*some: Any) -> Any:
        every = list(args)
        for i, x in zip(floating, some, strict=True):
            every[i] = x
        return f(*every)

    def work() -> Any:
        point = [args[i] for i in floating]
        if kind == "jvp":
            found = jax.jvp(of_floats, point, [given[i] for i in floating])[1]
            return jax.tree.map(lambda y: np.zeros(y.shape) if y.dtype == jax.dtypes.float0 else y, found)
        return jax.vjp(of_floats, *point)[1](given[0])

    return in_double(work)


def _autograd(kind: str, f: Callable[..., Any], args: Sequence[Any], given: Sequence[Any]) -> Any:
    autograd = import_module("autograd")
    floating = [i for i, x in enumerate(args) if leaves_of(x)]
    if kind == "vjp":
        return tuple(autograd.make_vjp(f, i)(*args)[0](given[0]) for i in floating)
    parts = [autograd.make_jvp(f, i)(*args)(given[i])[1] for i in floating]
    return parts[0] if len(parts) == 1 else _sum(parts)


def _sum(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], (list, tuple)):
        return type(parts[0])(_sum(some) for some in zip(*parts, strict=True))
    return np.sum(parts, axis=0)


FRAMEWORK_RULES: dict[str, Callable[[str, Callable[..., Any], Sequence[Any], Sequence[Any]], Any]] = {
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
}
"""By name: each is called with "vjp" or "jvp", the function, its arguments, and what the rule is given."""

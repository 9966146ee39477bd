"""Arguments and outputs of functions of any library: numbers and arrays, in lists and dicts to any depth.

A leaf is a number or an array of floating point: a float, a `Value`, an array of NumPy or JAX, a tensor of
PyTorch. Whatever else is in a tree, such as whole numbers, labels and text, stays as it is.
Complex numbers are leaves too, so that they are refused and not passed over.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from engine.check.subject import NotJudgedError
from engine.claims import is_array_like
from engine.value import Value

Visit = Callable[[str, Any], Any]


def library_of(x: Any) -> str:
    """The library of an array: "numpy", "torch", "jax" or another; empty for a number."""
    if isinstance(x, (float, Value, np.number)) or not is_array_like(x):
        return ""
    name = type(x).__module__.partition(".")[0]
    return "jax" if name == "jaxlib" else name


def map_leaves(x: Any, visit: Visit, name: str = "", whole: bool = False) -> Any:
    """A tree with every leaf replaced.

    Args:
        x: the tree.
        visit: called with the name and the leaf; returns what replaces it.
        name: the name of the tree.
        whole: whether whole numbers are leaves as well. In a list beside a float they always are. Arrays of
            whole numbers never are: they are places and labels.

    Returns:
        A tree of the same form.
    """
    if isinstance(x, (list, tuple)):
        mixed = whole or any(isinstance(x_i, float) for x_i in x)
        new = [map_leaves(x_i, visit, f"{name}[{i}]", mixed) for i, x_i in enumerate(x)]
        return type(x)(*new) if hasattr(x, "_fields") else type(x)(new)
    if isinstance(x, Mapping):
        return {key: map_leaves(y, visit, f"{name}[{key!r}]", whole) for key, y in x.items()}
    return visit(name, x) if _is_leaf(x, whole) else x


def _is_leaf(x: Any, whole: bool) -> bool:
    if library_of(x):
        dtype = str(x.dtype)
        return "float" in dtype or "complex" in dtype or dtype == "object"
    number = isinstance(x, (float, complex, np.inexact, Value))
    return number or (whole and isinstance(x, (int, np.integer)) and not isinstance(x, bool))


def _is_complex(x: Any) -> bool:
    return isinstance(x, complex) or "complex" in str(getattr(x, "dtype", ""))


def leaves_of(x: Any, name: str = "", whole: bool = False) -> list[tuple[str, Any]]:
    """The leaves of a tree, in order, with their names."""
    found: list[tuple[str, Any]] = []

    def visit(where: str, leaf: Any) -> Any:
        found.append((where, leaf))
        return leaf

    map_leaves(x, visit, name, whole)
    return found


def names_in(name: str, leaf: Any) -> Iterator[str]:
    """The names of the numbers of a leaf: `w[0][1]`."""
    for place in np.ndindex(tuple(leaf.shape) if library_of(leaf) else ()):
        yield name + "".join(f"[{i}]" for i in place)


def numbers_in(leaf: Any) -> np.ndarray[Any, Any]:
    """The numbers of a leaf, in doubles."""
    if _is_complex(leaf):
        raise NotJudgedError(
            "there are complex numbers: write f with their real and imaginary parts, as floats"
        )
    if library_of(leaf) == "torch":  # NumPy has neither bfloat16 nor sparse arrays
        leaf = leaf.detach().cpu().double().to_dense().numpy()
    if not library_of(leaf):
        return np.array([float(leaf)])
    array = np.asarray(leaf)
    if array.dtype == object:
        array = np.array([float(x) for x in array.ravel()])
    return array.astype(np.float64).ravel()


def values_in(leaf: Any) -> list[Any]:
    """The numbers of a leaf, as they are."""
    return list(np.asarray(leaf).ravel()) if library_of(leaf) else [leaf]


def like(leaf: Any, numbers: Any) -> Any:
    """A leaf of the same library and shape with other numbers, in doubles."""
    library = library_of(leaf)
    if not library:
        return float(numbers[0])
    array = np.array(numbers, dtype=np.float64).reshape(tuple(leaf.shape))
    if library == "torch":
        torch = import_module("torch")
        return torch.as_tensor(array, dtype=torch.float64, device=leaf.device)
    return import_module("jax.numpy").asarray(array) if library == "jax" else array


def like_itself(leaf: Any, numbers: Any) -> Any:
    """A leaf as by `like`, in its own precision."""
    made = like(leaf, numbers)
    if not library_of(leaf) or str(leaf.dtype) == "object":
        return made
    return made.to(leaf.dtype) if library_of(leaf) == "torch" else made.astype(leaf.dtype)


def like_objects(leaf: Any, numbers: Any) -> Any:
    """A leaf of the same shape with objects in the place of numbers."""
    if not library_of(leaf):
        return numbers[0]
    array = np.empty(leaf.shape, dtype=object)
    for place, x in zip(np.ndindex(leaf.shape), numbers, strict=True):
        array[place] = x
    return array


def filled(x: Any, numbers: Any, make: Callable[[Any, Any], Any], whole: bool = False) -> Any:
    """A tree of the same form with other numbers.

    Args:
        x: the tree.
        numbers: as many as the leaves of the tree have together.
        make: `like` or `like_objects`.
        whole: as for `map_leaves`.

    Returns:
        The tree.
    """
    start = 0

    def visit(_: str, leaf: Any) -> Any:
        nonlocal start
        end = start + (int(np.prod(tuple(leaf.shape))) if library_of(leaf) else 1)
        part, start = numbers[start:end], end
        return make(leaf, part)

    return map_leaves(x, visit, whole=whole)


def matched(x: Any, given: Any, name: str, who: str, whole: bool = False) -> list[float]:
    """The numbers of a tree that must have the form of another one.

    Args:
        x: the tree whose form is asked for.
        given: the tree; None in the place of a part stands for zeros.
        name: the name of the first tree.
        who: who gives the other one, for an error.
        whole: as for `map_leaves`.

    Returns:
        The numbers, in the order of the leaves of x.

    Raises:
        NotJudgedError: if the form is another one.
    """
    if given is None:
        return [0.0 for _, leaf in leaves_of(x, name, whole) for _ in numbers_in(leaf)]
    if isinstance(x, (list, tuple)):
        if not isinstance(given, (list, tuple)) and library_of(given):
            given = list(given)
        if not isinstance(given, (list, tuple)) or len(given) != len(x):
            raise NotJudgedError(f"{who} gives {_form(given)} for {name}, which is {_form(x)}")
        mixed = whole or any(isinstance(x_i, float) for x_i in x)
        pairs = enumerate(zip(x, given, strict=True))
        return [y for i, (a, b) in pairs for y in matched(a, b, f"{name}[{i}]", who, mixed)]
    if isinstance(x, Mapping):
        if not isinstance(given, Mapping) or set(given) != set(x):
            raise NotJudgedError(f"{who} gives {_form(given)} for {name}, which is {_form(x)}")
        return [y for key in x for y in matched(x[key], given[key], f"{name}[{key!r}]", who, whole)]
    if not _is_leaf(x, whole):
        return []
    return _numbers_of_leaf(x, given, name, who)


def _numbers_of_leaf(x: Any, given: Any, name: str, who: str) -> list[float]:
    shape = tuple(x.shape) if library_of(x) else ()
    got = tuple(given.shape) if hasattr(given, "shape") else np.shape(given)
    if got != shape:
        summed = len(got) > len(shape) or any(
            a > b == 1 for a, b in zip(got[::-1], shape[::-1], strict=False)
        )
        advice = f": sum over what {name} was broadcast along" if summed and shape != () else ""
        raise NotJudgedError(f"{who} gives the shape {got} for {name}, which has the shape {shape}{advice}")
    if _is_complex(given):
        raise NotJudgedError(f"{who} gives complex numbers for {name}")
    try:
        found = (
            given if library_of(given) or isinstance(given, Value) else np.asarray(given, dtype=np.float64)
        )
        return [float(y) for y in numbers_in(found)]
    except (TypeError, ValueError):
        raise NotJudgedError(f"{who} gives {type(given).__name__} for {name}; expected numbers") from None


def _form(x: Any) -> str:
    if isinstance(x, (list, tuple)):
        return f"a {type(x).__name__} of {len(x)}"
    if isinstance(x, Mapping):
        return f"a dict of {', '.join(map(repr, x))}"
    return f"an array of the shape {tuple(x.shape)}" if library_of(x) else type(x).__name__

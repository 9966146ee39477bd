"""Activations: one table, with a row for each, and a decorator that adds your own.

Example:
    >>> import engine, nn
    >>> @nn.activation
    ... def mish(z):
    ...     '''z tanh(softplus(z)) (Misra 2019).'''
    ...     return z * engine.tanh(engine.softplus(z))
    >>> nn.MLP(2, [4, 1], activation="mish")
    MLP 2-4-1 (mish, identity), 17 parameters
    >>> nn.ACTIVATIONS["mish"].text
    'z tanh(softplus(z)) (Misra 2019)'
    >>> del nn.ACTIVATIONS["mish"]

The delta rule shares no code with the networks that it checks: `check_network` needs a row for the new
activation in `nn.proof.delta_rule.ACTIVATIONS` too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import engine
from engine import Value
from nn.tables import facts_of, look_up, refuse_taken

__all__ = ["ACTIVATIONS", "Activation", "activation"]

Function = TypeVar("Function", bound=Callable[[Any], Any])


@dataclass(frozen=True)
class Activation:
    """A row of `ACTIVATIONS`.

    Args:
        name: its name.
        function: the activation of a net input or, if `whole_layer`, the activations of all net inputs of a
            layer. It is written with functions of `engine`.
        text: the mathematics, as a formula or in words.
        source: where it comes from.
        whole_layer: whether each activation depends on all net inputs of the layer.
        init: the row of `INITIALIZATIONS` that suits a layer of it.

    Example:
        >>> ACTIVATIONS["relu"](Value(-2.0)).data
        0.0
    """

    name: str
    function: Callable[[Any], Any]
    text: str = ""
    source: str = ""
    whole_layer: bool = False
    init: str = "xavier_normal"

    def __call__(self, z: Any) -> Any:
        """The function, applied."""
        return self.function(z)

    def of_layer(self, z: Sequence[Value]) -> list[Value]:
        """The activations of a layer.

        Args:
            z: the net inputs of all its neurons.

        Returns:
            As many activations.
        """
        return list(self.function(z)) if self.whole_layer else [self.function(z_i) for z_i in z]


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    row.name: row
    for row in (
        Activation("identity", lambda z: z, "z"),
        Activation("sigmoid", engine.sigmoid, "1 / (1 + exp(-z))"),
        Activation("tanh", engine.tanh, "the hyperbolic tangent"),
        Activation("relu", engine.relu, "max(z, 0)", "Nair and Hinton 2010", init="he_normal"),
        Activation(
            "leaky_relu",
            engine.leaky_relu,
            "z if z > 0 else z / 100",
            "Maas, Hannun and Ng 2013",
            init="he_normal",
        ),
        Activation(
            "elu",
            engine.elu,
            "z if z > 0 else exp(z) - 1",
            "Clevert, Unterthiner and Hochreiter 2016",
        ),
        Activation("softplus", engine.softplus, "log(1 + exp(z))", "Dugas and others 2001"),
        Activation("gelu", engine.gelu, "z Phi(z), Phi the normal distribution", "Hendrycks and Gimpel 2016"),
        Activation("silu", engine.silu, "z sigmoid(z)", "Elfwing, Uchibe and Doya 2018"),
        Activation("softmax", engine.softmax, "exp(z_i) / sum_k exp(z_k)", "Bridle 1990", whole_layer=True),
    )
}
"""Every activation by its name.

A plain function of one net input may be assigned too: `ACTIVATIONS["double"] = lambda z: 2 * z`.
"""


def find_activation(name: str) -> Activation:
    """The row of an activation.

    Args:
        name: a name in `ACTIVATIONS`.

    Returns:
        The row; for a plain function in the table, a row with that function alone.

    Raises:
        ValueError: if there is no such name; the message lists the known names.
    """
    row = look_up(ACTIVATIONS, "activation", name)
    return row if isinstance(row, Activation) else Activation(name, row)


@overload
def activation(function: Function, /) -> Function: ...
@overload
def activation(**facts: Any) -> Callable[[Function], Function]: ...
def activation(function: Any = None, /, **facts: Any) -> Any:
    """A decorator that adds an activation of your own to the table.

    Args:
        function: the activation of one net input, written with functions of `engine`.
        **facts: facts of its row, as `Activation` lists them. The name is that of the function and the text
            its docstring, if they are left out.

    Returns:
        The function itself; without a function, a decorator that returns it.

    Raises:
        ValueError: if there is already an activation of this name.

    Example:
        >>> @activation(whole_layer=True, text="z minus its mean over the layer")
        ... def centred(z):
        ...     mean = engine.fsum(z) / len(z)
        ...     return [z_i - mean for z_i in z]
        >>> [a.data for a in ACTIVATIONS["centred"]([Value(1.0), Value(3.0)])]
        [-1.0, 1.0]
        >>> del ACTIVATIONS["centred"]
        >>> activation(engine.tanh)
        Traceback (most recent call last):
        ...
        ValueError: there is an activation 'tanh' already: give yours another name, or first `del ...
    """
    if function is None:
        return lambda own: _added(own, facts)
    return _added(function, facts)


def _added(function: Function, facts: dict[str, Any]) -> Function:
    row = Activation(function=function, **facts_of(function, facts))
    refuse_taken(ACTIVATIONS, "an activation", "nn.ACTIVATIONS", row.name)
    ACTIVATIONS[row.name] = row
    return function

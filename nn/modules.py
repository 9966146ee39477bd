"""Networks of recorded scalars: Module, Neuron, Layer, MLP.

The notation is that of the delta rule: neuron i of layer l has the weights w_ij^l, the bias b_i^l, the net
input z_i^l = sum_j w_ij^l a_j^(l-1) + b_i^l and the activation a_i^l = f(z_i^l); a^0 = x is the input.
Every Value carries its name as a label: `w_12^1`, `b_1^1`, `z_1^1`, `a_1^1`, `x_2`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import engine
from engine import Value
from engine.value import as_float, constant, operand, parameter
from nn.activations import find_activation
from nn.tables import look_up

if TYPE_CHECKING:
    from engine.show.diagram import Diagram
    from engine.show.player import Player
    from engine.show.steps import Walkthrough

__all__ = ["INITIALIZATIONS", "MLP", "Layer", "Module", "Neuron"]

Generator: TypeAlias = random.Random

# --- First weights.

INITIALIZATIONS: dict[str, Callable[[Generator, int, int], float]] = {
    "uniform": lambda rng, n_in, n_out: rng.uniform(-1.0, 1.0),
    "xavier_uniform": lambda rng, n_in, n_out: _uniform(rng, 2.0 / (n_in + n_out)),
    "xavier_normal": lambda rng, n_in, n_out: rng.gauss(0.0, math.sqrt(2.0 / (n_in + n_out))),
    "he_uniform": lambda rng, n_in, n_out: _uniform(rng, 2.0 / n_in),
    "he_normal": lambda rng, n_in, n_out: rng.gauss(0.0, math.sqrt(2.0 / n_in)),
    "lecun_uniform": lambda rng, n_in, n_out: _uniform(rng, 1.0 / n_in),
    "lecun_normal": lambda rng, n_in, n_out: rng.gauss(0.0, math.sqrt(1.0 / n_in)),
}
"""How a weight is drawn, given the numbers of inputs and of neurons of its layer. Biases start at 0.

- uniform: from -1 to 1, whatever the sizes.
- xavier_uniform, xavier_normal: variance 2 / (n_in + n_out) (Glorot and Bengio 2010, section 4.2.1).
- he_uniform, he_normal: variance 2 / n_in, for relu (He, Zhang, Ren and Sun 2015, section 2.2).
- lecun_uniform, lecun_normal: variance 1 / n_in (LeCun, Bottou, Orr and Mueller 1998, section 4.6).
"""


def _uniform(rng: Generator, variance: float) -> float:
    limit = math.sqrt(3.0 * variance)
    return rng.uniform(-limit, limit)


def _name(symbol: str, layer: int, *indices: int) -> str:
    """`w_12^1`: the indices count from 1, with a comma between them once one has two digits."""
    separator = "," if max(indices) > 9 else ""
    return f"{symbol}_{separator.join(map(str, indices))}^{layer}"


# --- The modules.

_ONE = constant(1.0)  # the bias is the weight of an input that is always 1


class Module:
    """Anything that has parameters. A subclass implements `parameters`.

    Example:
        >>> len(MLP(2, [16, 16, 1]).parameters())
        337
    """

    def parameters(self) -> list[Value]:
        """The leaves that training moves, in an order that never changes."""
        raise NotImplementedError(f"{type(self).__name__} must implement parameters()")

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, before the next step of gradient descent."""
        for p in self.parameters():
            p.grad = 0.0


class Neuron(Module):
    """A neuron without its activation: weights, a bias, and the net input z = sum_j w_j x_j + b.

    Args:
        n_in: the number of inputs of its layer.
        sources: the indices of the inputs that it is connected to; None for all. An absent connection has no
            weight. (A weight of value 0 would get a gradient and move.)
        bias: whether it has a bias.
        draw: returns the first value of a weight.
        layer: the number of its layer, from 1, for labels.
        index: its own number, from 1, for labels.

    Attributes:
        w: the weights, one for each source.
        sources: the indices of the inputs that the weights multiply, in ascending order.
        b: the bias, or None.

    Example:
        >>> neuron = Neuron(3, sources=[0, 2], draw=lambda: 0.5)
        >>> [w.label for w in neuron.w], neuron([1.0, 100.0, 2.0]).data
        (['w_11^1', 'w_13^1'], 1.5)
    """

    def __init__(
        self,
        n_in: int,
        *,
        sources: Iterable[int] | None = None,
        bias: bool = True,
        draw: Callable[[], float] = lambda: random.uniform(-1.0, 1.0),
        layer: int = 1,
        index: int = 1,
    ) -> None:
        self.sources = tuple(range(n_in) if sources is None else sorted(sources))
        if len(set(self.sources)) != len(self.sources) or not set(self.sources) <= set(range(n_in)):
            raise ValueError(
                f"neuron {index} of layer {layer} has the sources {list(self.sources)}; "
                f"they must be different input indices from 0 to {n_in - 1}"
            )
        if not self.sources and not bias:
            raise ValueError(f"neuron {index} of layer {layer} has neither a connection nor a bias")
        self.n_in = n_in
        self.w = [parameter(draw(), _name("w", layer, index, j + 1)) for j in self.sources]
        self.b = parameter(0.0, _name("b", layer, index)) if bias else None
        self.labels = _name("z", layer, index), _name("a", layer, index)

    def __call__(self, x: Sequence[Value | float]) -> Value:
        """The net input z.

        Args:
            x: the inputs of the layer.
        """
        picked = x if len(self.sources) == self.n_in else [x[j] for j in self.sources]
        z: Value
        if self.b is None:
            z = engine.sumprod(self.w, picked)
        else:
            z = engine.sumprod((*self.w, self.b), (*picked, _ONE))
        z.label = self.labels[0]
        return z

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w] if self.b is None else [*self.w, self.b]


class Layer(Module):
    """A layer of neurons and their activation.

    Args:
        n_in: the number of inputs.
        n_out: the number of neurons.
        activation: a name in `nn.ACTIVATIONS`.
        init: a name in `INITIALIZATIONS`.
        rng: the generator that draws the weights; None for Python's shared generator, `random`.
        connections: for each neuron the indices of the inputs that it is connected to; None for all.
        biases: for each neuron whether it has a bias; None if all have one.
        number: the number of the layer in the network, from 1, for labels and messages.

    Raises:
        ValueError: for an unknown name or connections that do not fit.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        activation: str = "relu",
        init: str = "uniform",
        rng: Generator | None = None,
        connections: Sequence[Iterable[int]] | None = None,
        biases: Sequence[bool] | None = None,
        number: int = 1,
    ) -> None:
        if n_in < 1 or n_out < 1:
            raise ValueError(
                f"layer {number} has {n_in} inputs and {n_out} neurons; it needs at least one of each"
            )
        for what, given in (("connections", connections), ("biases", biases)):
            if given is not None and len(given) != n_out:
                raise ValueError(f"layer {number} has {n_out} neurons, got {what} for {len(given)}")
        draw = look_up(INITIALIZATIONS, "initialization", init)
        generator: Any = random if rng is None else rng
        self.n_in = n_in
        self.number = number
        find_activation(activation)  # an unknown name is refused here
        self.activation = activation
        self.neurons = [
            Neuron(
                n_in,
                sources=None if connections is None else connections[i],
                bias=biases is None or biases[i],
                draw=lambda: draw(generator, n_in, n_out),
                layer=number,
                index=i + 1,
            )
            for i in range(n_out)
        ]

    def __call__(self, x: Sequence[Value | float]) -> list[Value]:
        """The activations a of the inputs x.

        Raises:
            ValueError: if x has the wrong length.
        """
        return self.activate(self.net_inputs(x))

    def net_inputs(self, x: Sequence[Value | float]) -> list[Value]:
        """The net inputs z of the inputs x, one for each neuron.

        Raises:
            ValueError: if x has the wrong length.
        """
        if len(x) != self.n_in:
            raise ValueError(f"layer {self.number} expects {self.n_in} inputs, got {len(x)}")
        return [neuron(x) for neuron in self.neurons]

    def activate(self, z: Sequence[Value]) -> list[Value]:
        """The activations a of the net inputs z, one for each neuron."""
        a = find_activation(self.activation).of_layer(z)
        if {*map(type, a)} != {Value}:  # an activation of the user's may return a plain number
            a = [operand(a_i) for a_i in a]
        for neuron, a_i in zip(self.neurons, a, strict=True):
            if not a_i.label:  # identity returns the net input, which keeps its label
                a_i.label = neuron.labels[1]
        return a

    def parameters(self) -> list[Value]:
        """The parameters of each neuron in turn."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer({self.n_in}, {len(self.neurons)}, activation={self.activation!r})"


class MLP(Module):
    """A multilayer perceptron.

    Args:
        n_in: the number of inputs.
        n_outs: the number of neurons of each layer, the output layer last.
        activation: the activation of the hidden layers, a name in `nn.ACTIVATIONS`.
        output: the activation of the output layer, a name in `nn.ACTIVATIONS`.
        init: how weights are drawn, a name in `INITIALIZATIONS`.
        rng: the generator that draws the weights; the same seed gives the same bits. None for Python's shared
            generator, which `random.seed` seeds.
        connections: for each layer and neuron the indices of the inputs that it is connected to; None for a
            layer in which all are connected. An absent connection has no weight and no gradient.
        biases: for each layer and neuron whether it has a bias; None for a layer in which all have one.

    Raises:
        TypeError: if n_outs is not a sequence.
        ValueError: for an unknown name, or sizes that do not fit.

    Example:
        >>> model = MLP(3, [4, 1], activation="tanh", rng=random.Random(0))
        >>> y = model([1.0, -2.0, 0.5])
        >>> y.label, len(model.parameters())
        ('z_1^2', 21)
        >>> model([1.0, 2.0])
        Traceback (most recent call last):
        ...
        ValueError: layer 1 expects 3 inputs, got 2
    """

    def __init__(
        self,
        n_in: int,
        n_outs: Sequence[int],
        *,
        activation: str = "relu",
        output: str = "identity",
        init: str = "uniform",
        rng: Generator | None = None,
        connections: Sequence[Sequence[Iterable[int]] | None] | None = None,
        biases: Sequence[Sequence[bool] | None] | None = None,
    ) -> None:
        if not isinstance(n_outs, Sequence):
            raise TypeError(
                f"n_outs is the number of neurons of each layer, such as [16, 16, 1]; got {n_outs!r}"
            )
        if not n_outs:
            raise ValueError("an MLP needs at least one layer: n_outs is empty")
        for what, given in (("connections", connections), ("biases", biases)):
            if given is not None and len(given) != len(n_outs):
                raise ValueError(f"the network has {len(n_outs)} layers, got {what} for {len(given)}")
        sizes = [n_in, *n_outs]
        self.layers = [
            Layer(
                sizes[k],
                sizes[k + 1],
                activation=output if k == len(n_outs) - 1 else activation,
                init=init,
                rng=rng,
                connections=None if connections is None else connections[k],
                biases=None if biases is None else biases[k],
                number=k + 1,
            )
            for k in range(len(n_outs))
        ]
        self._input_labels = [f"x_{j + 1}" for j in range(n_in)]

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[Sequence[Sequence[float | None]]],
        biases: Sequence[Sequence[float | None]],
        activations: Sequence[str],
    ) -> MLP:
        """A network with given weights and biases.

        Args:
            weights: for each layer a matrix with a row for each neuron; None for an absent connection.
            biases: for each layer a list with a number for each neuron; None for an absent bias.
            activations: for each layer a name in `nn.ACTIVATIONS`.

        Returns:
            The network.

        Raises:
            ValueError: if the sizes do not fit, or a number is not finite.

        Example:
            >>> model = MLP.from_weights([[[0.5, None]]], [[0.25]], ["identity"])
            >>> model([3.0, 1.0]).data
            1.75
        """
        _refuse_misfits(weights, biases, activations)
        model = cls(
            len(weights[0][0]),
            [len(matrix) for matrix in weights],
            rng=random.Random(0),  # its numbers are replaced below; the shared generator is not used
            connections=[[[j for j, w in enumerate(row) if w is not None] for row in m] for m in weights],
            biases=[[b is not None for b in vector] for vector in biases],
        )
        for layer, name in zip(model.layers, activations, strict=True):
            find_activation(name)
            layer.activation = name
        numbers = [
            x
            for matrix, vector in zip(weights, biases, strict=True)
            for row, b in zip(matrix, vector, strict=True)
            for x in (*row, b)
            if x is not None
        ]
        for p, x in zip(model.parameters(), numbers, strict=True):
            p.data = as_float(x)
        return model

    def __call__(self, x: Iterable[Value | float]) -> Any:
        """The output for the inputs x: one Value for a single output, else a list of Values.

        Raises:
            ValueError: if x has the wrong length.
        """
        a: list[Value] = [x_j if isinstance(x_j, Value) else constant(x_j) for x_j in x]
        for x_j, label in zip(a, self._input_labels, strict=False):
            if not x_j.label:
                x_j.label = label
        for layer in self.layers:
            a = layer(a)
        return a[0] if len(a) == 1 else a

    def parameters(self) -> list[Value]:
        """The parameters of each layer in turn."""
        return [p for layer in self.layers for p in layer.parameters()]

    def draw(
        self,
        x: Sequence[Value | float],
        y: Any,
        loss: Callable[[Any, Any], Value] | str,
        **options: Any,
    ) -> Diagram:
        """A diagram of the neurons after a forward and a backward pass. No `grad` is modified.

        Args:
            x: the inputs.
            y: the target, or one for each output.
            loss: a function of the outputs and the target, or its name in `nn.LOSSES`.
            **options: of `nn.show.draw.draw_network`: theme, heat, title, timeout.

        Returns:
            The diagram. `loss(model(x), y).draw()` shows the same pass as a graph of scalars.

        Example:
            >>> from nn.losses import squared_error
            >>> model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
            >>> "∂ 4.5" in model.draw([3.0], 1.0, squared_error).svg
            True
        """
        # Imported late: a network can be trained where nothing draws.
        from nn.show.draw import draw_network
        from nn.show.network import describe

        return draw_network(describe(self, x, y, loss), **options)

    def explain(
        self, x: Sequence[Value | float], y: Any, loss: Callable[[Any, Any], Value] | str, **options: Any
    ) -> Walkthrough:
        """The forward and the backward pass, neuron by neuron, as text. No `grad` is modified.

        Args:
            x: the inputs.
            y: the target, or one for each output.
            loss: a function of the outputs and the target, or its name in `nn.LOSSES`.
            **options: of `nn.show.explain.explain_network`: max_weights.

        Returns:
            The steps. `loss(model(x), y).explain()` tells the same passes scalar by scalar.

        Example:
            >>> from nn.losses import squared_error
            >>> model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
            >>> print(model.explain([3.0], 1.0, squared_error).steps[-1].text)
            ∂loss/∂b₁¹ = δ₁¹ = 1.5
        """
        from nn.show.explain import explain_network
        from nn.show.network import describe

        return explain_network(describe(self, x, y, loss), **options)

    def play(
        self, x: Sequence[Value | float], y: Any, loss: Callable[[Any, Any], Value] | str, **options: Any
    ) -> Player:
        """The same steps, played on the diagram of the neurons. No `grad` is modified.

        Args:
            x: the inputs.
            y: the target, or one for each output.
            loss: a function of the outputs and the target, or its name in `nn.LOSSES`.
            **options: of `nn.show.play.play_network`: theme, max_weights, title, timeout.

        Returns:
            The player, whose `save` writes a page.

        Example:
            >>> from nn.losses import squared_error
            >>> model = MLP.from_weights([[[0.5]]], [[0.25]], ["identity"])
            >>> model.play([3.0], 1.0, squared_error)
            <Player of 6 steps: Network 1-1, forward and backward>
        """
        from nn.show.network import describe
        from nn.show.play import play_network

        return play_network(describe(self, x, y, loss), **options)

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in [self.layers[0].n_in, *(len(la.neurons) for la in self.layers)])
        names = ", ".join(layer.activation for layer in self.layers)
        return f"MLP {sizes} ({names}), {len(self.parameters())} parameters"


def _refuse_misfits(
    weights: Sequence[Sequence[Sequence[float | None]]],
    biases: Sequence[Sequence[float | None]],
    activations: Sequence[str],
) -> None:
    """Raise ValueError if the sizes of the matrices and biases do not fit, or a number is not finite."""
    if not len(weights) == len(biases) == len(activations) > 0:
        raise ValueError(
            f"got weights for {len(weights)} layers, biases for {len(biases)} and {len(activations)} "
            "activations; give the same number of each, at least one"
        )
    if len(weights[0]) == 0:
        raise ValueError("layer 1 has no neurons")
    n_in = len(weights[0][0])
    for number, (matrix, vector) in enumerate(zip(weights, biases, strict=True), start=1):
        if len(matrix) != len(vector):
            raise ValueError(f"layer {number} has {len(matrix)} rows of weights and {len(vector)} biases")
        for i, row in enumerate(matrix, start=1):
            if len(row) != n_in:
                raise ValueError(f"layer {number}, neuron {i} has {len(row)} weights for {n_in} inputs")
            for x in (*row, vector[i - 1]):
                if x is not None and not math.isfinite(as_float(x)):
                    raise ValueError(f"layer {number}, neuron {i} has the weight or bias {x}")
        n_in = len(matrix)

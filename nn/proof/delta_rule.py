"""The delta rule in closed form: the gradient of a feed-forward network, without a graph.

Notation, for the layers l = 1 .. L (in code, index 0 is the first layer of neurons):

    x            input of one example; a^0 = x
    w_ij^l       weight from neuron j of layer l-1 to neuron i of layer l; W^l has a row per neuron
    b_i^l        bias
    z_i^l        net input, sum_j w_ij^l a_j^(l-1) + b_i^l
    a_i^l        activation, f(z_i^l); the output is o = a^L
    y            target
    J            loss of one example, J(o, y)
    g_i^l        dJ/da_i^l
    delta_i^l    delta term, dJ/dz_i^l
    dW, db       gradients, dJ/dw_ij^l and dJ/db_i^l

This file is an oracle: it shares no code with the networks that it checks, nor with the engine. So it has its
own table of activations and of losses, on purpose: each row is a closed form of value and derivative,
written independently of the row of the same name in `nn.ACTIVATIONS` or `nn.LOSSES`. An activation or a loss
of your own can be checked once it has a row here (`from nn.proof import delta_rule`):

    delta_rule.ACTIVATIONS["mish"] = delta_rule.elementwise(f, derivative)
    delta_rule.LOSSES["huber"] = delta_rule.termwise(term, derivative)

It computes with 400 decimal digits and rounds each result to a float once, at the end. Floats would not do:
the sum in a delta may cancel, gelu' has a zero, 1 - o vanishes where an output is close to 1, and there the
relative error of a float has no bound. But 400 digits hold 1 and the least float, 5e-324, in one number with
digits to spare. So every formula is written here as the textbook prints it.

References: Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors",
Nature 323 (1986), 533-536; Yehoshua, "Backpropagation: Step-By-Step Derivation" (2023).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from math import isfinite, isinf
from typing import Protocol, SupportsFloat, TypeVar

__all__ = ["DeltaRule", "delta_rule"]

Vector = list[Decimal]
SparseVector = list[Decimal | None]
Row = TypeVar("Row")

_CONTEXT = Context(prec=400, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[DivisionByZero, InvalidOperation, Overflow])
_ZERO = Decimal(0)
_ONE = Decimal(1)
_SLOPE = Decimal.from_float(0.01)  # the float that networks have, which is not quite one hundredth


# --- Activations.


@dataclass(frozen=True)
class ActivationRule:
    """A row of `ACTIVATIONS`: a layer's activation and its part in the backward pass.

    Attributes:
        value: the activations `a` of a layer's net inputs `z`.
        delta: the layer's deltas from `z`, `a` and `g`: `delta_i = sum_k g_k da_k/dz_i`.
    """

    value: Callable[[Vector], Vector]
    delta: Callable[[Vector, Vector, Vector], Vector]


def elementwise(
    f: Callable[[Decimal], Decimal], derivative: Callable[[Decimal, Decimal], Decimal]
) -> ActivationRule:
    """The row of `a_i = f(z_i)`, whose delta is `delta_i = g_i f'(z_i)`.

    Args:
        f: the function of a net input.
        derivative: `f'(z_i)`, given `z_i` and `a_i`.
    """
    return ActivationRule(
        value=lambda z: [f(z_i) for z_i in z],
        delta=lambda z, a, g: [g_i * derivative(z_i, a_i) for z_i, a_i, g_i in zip(z, a, g, strict=True)],
    )


def _sigmoid(z: Decimal) -> Decimal:
    e = (-abs(z)).exp()  # never of a large number, which could overflow
    return (_ONE if z >= 0 else e) / (1 + e)


def _tanh(z: Decimal) -> Decimal:
    e = (-2 * abs(z)).exp()
    return ((1 - e) / (1 + e)).copy_sign(z)


def _softplus(z: Decimal) -> Decimal:
    return max(z, _ZERO) + (1 + (-abs(z)).exp()).ln()


def _silu_derivative(z: Decimal, a: Decimal) -> Decimal:
    s = _sigmoid(z)
    return s + a * (1 - s)


def _arccot(n: int) -> Decimal:
    """The series of arctan(1/n): 1/n - 1/(3 n^3) + 1/(5 n^5) - ..."""
    power = total = _ONE / n
    odd = 1
    while total + power != total:
        power /= -n * n
        odd += 2
        total += power / odd
    return total


with localcontext(_CONTEXT):
    _PI = 4 * (4 * _arccot(5) - _arccot(239))  # Machin, 1706


def _normal_density(z: Decimal) -> Decimal:
    return (-z * z / 2).exp() / (2 * _PI).sqrt()


def _normal_distribution(z: Decimal) -> Decimal:
    """Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3*5) + z^7/(3*5*7) + ...).

    Marsaglia, "Evaluating the normal distribution", Journal of Statistical Software 11 (2004).
    """
    if abs(z) > 40:  # Phi(-40) = 4e-350
        return _ONE if z > 0 else _ZERO
    term = total = z
    odd = 1
    while total + term != total:
        odd += 2
        term *= z * z / odd
        total += term
    return _ONE / 2 + _normal_density(z) * total


def _softmax(z: Vector) -> Vector:
    top = max(z)
    e = [(z_i - top).exp() for z_i in z]
    total = sum(e, _ZERO)
    return [e_i / total for e_i in e]


def _softmax_delta(_: Vector, a: Vector, g: Vector) -> Vector:
    """delta_i = sum_k g_k a_k (1[k=i] - a_i), which is a_i (g_i - sum_k g_k a_k)."""
    mean = sum((g_k * a_k for g_k, a_k in zip(g, a, strict=True)), _ZERO)
    return [a_i * (g_i - mean) for a_i, g_i in zip(a, g, strict=True)]


ACTIVATIONS: dict[str, ActivationRule] = {
    "identity": elementwise(lambda z: z, lambda z, a: _ONE),
    "sigmoid": elementwise(_sigmoid, lambda z, a: a * (1 - a)),
    "tanh": elementwise(_tanh, lambda z, a: 1 - a * a),
    "relu": elementwise(lambda z: max(z, _ZERO), lambda z, a: _ONE if z > 0 else _ZERO),
    "leaky_relu": elementwise(lambda z: z if z > 0 else _SLOPE * z, lambda z, a: _ONE if z > 0 else _SLOPE),
    "elu": elementwise(lambda z: z if z > 0 else z.exp() - 1, lambda z, a: _ONE if z > 0 else a + 1),
    "softplus": elementwise(_softplus, lambda z, a: _sigmoid(z)),
    "gelu": elementwise(
        lambda z: z * _normal_distribution(z),
        lambda z, a: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": elementwise(lambda z: z * _sigmoid(z), _silu_derivative),
    "softmax": ActivationRule(_softmax, _softmax_delta),
}
"""Every activation by its name. At 0: relu' is 0, leaky_relu' is 0.01, elu' is 1."""


# --- Losses.


@dataclass(frozen=True)
class LossRule:
    """A row of `LOSSES`.

    Attributes:
        value: `J` of the outputs `o` and the targets `y`.
        derivative: `dJ/do_i` for each output.
        refuses: whether one output and its target, as floats, need the logarithm of a number that is not
            positive.
    """

    value: Callable[[Vector, Vector], Decimal]
    derivative: Callable[[Vector, Vector], Vector]
    refuses: Callable[[float, float], bool]


def termwise(
    term: Callable[[Decimal, Decimal], Decimal],
    derivative: Callable[[Decimal, Decimal], Decimal],
    refuses: Callable[[float, float], bool] = lambda o, y: False,
) -> LossRule:
    """The row of `J = sum_i term(o_i, y_i)`.

    Args:
        term: the term of an output and its target.
        derivative: the derivative of the term by the output.
        refuses: whether the term is infinite or undefined.
    """
    return LossRule(
        value=lambda o, y: sum((term(o_i, y_i) for o_i, y_i in zip(o, y, strict=True)), _ZERO),
        derivative=lambda o, y: [derivative(o_i, y_i) for o_i, y_i in zip(o, y, strict=True)],
        refuses=refuses,
    )


def _log(weight: Decimal, p: Decimal) -> Decimal:
    """`weight * log(p)`; 0 if the weight is 0, even where the logarithm is infinite."""
    return weight * p.ln() if weight else _ZERO


def _ratio(weight: Decimal, p: Decimal) -> Decimal:
    """`weight / p`, the derivative of `_log` by p."""
    return weight / p if weight else _ZERO


def _cross_entropy_from_logits(o: Vector, y: Vector) -> Decimal:
    top = max(o)
    log_sum = top + sum(((o_k - top).exp() for o_k in o), _ZERO).ln()
    return sum((y_i * (log_sum - o_i) for o_i, y_i in zip(o, y, strict=True)), _ZERO)


def _cross_entropy_from_logits_derivative(o: Vector, y: Vector) -> Vector:
    return [sum(y, _ZERO) * p_i - y_i for p_i, y_i in zip(_softmax(o), y, strict=True)]


LOSSES: dict[str, LossRule] = {
    "squared_error": termwise(lambda o, y: (o - y) ** 2, lambda o, y: 2 * (o - y)),
    "log_loss": termwise(
        lambda o, y: -_log(y, o) - _log(1 - y, 1 - o),
        lambda o, y: -_ratio(y, o) + _ratio(1 - y, 1 - o),
        refuses=lambda o, y: (y != 0 and o <= 0) or (y != 1 and o >= 1),
    ),
    "cross_entropy": termwise(
        lambda o, y: -_log(y, o),
        lambda o, y: -_ratio(y, o),
        refuses=lambda o, y: y != 0 and o <= 0,
    ),
    # -log sigmoid(o) = softplus(-o), and -log(1 - sigmoid(o)) = softplus(o)
    "log_loss_from_logits": termwise(
        lambda o, y: y * _softplus(-o) + (1 - y) * _softplus(o), lambda o, y: _sigmoid(o) - y
    ),
    "cross_entropy_from_logits": LossRule(
        _cross_entropy_from_logits,
        _cross_entropy_from_logits_derivative,
        refuses=lambda o, y: False,
    ),
}
"""Every loss of one example by its name. The losses from logits take net inputs as the outputs."""


# --- Networks.


class NeuronLike(Protocol):
    """The attributes of a neuron that `delta_rule` reads."""

    @property
    def w(self) -> Sequence[SupportsFloat]:
        """The weights, one for each connection."""

    @property
    def sources(self) -> Sequence[int]:
        """The index of the input of each weight."""

    @property
    def b(self) -> SupportsFloat | None:
        """The bias, or None."""


class LayerLike(Protocol):
    """The attributes of a layer that `delta_rule` reads."""

    @property
    def n_in(self) -> int:
        """The number of inputs."""

    @property
    def activation(self) -> str:
        """The name of the activation."""

    @property
    def neurons(self) -> Sequence[NeuronLike]:
        """The neurons, in order."""


class NetworkLike(Protocol):
    """The attributes of a network that `delta_rule` reads."""

    @property
    def layers(self) -> Sequence[LayerLike]:
        """The layers, from the first layer of neurons to the output."""


@dataclass(frozen=True)
class DeltaRule:
    """The numbers of one forward and one backward pass. Lists by layer; index 0 is the first layer.

    Attributes:
        x: the input.
        z: net inputs: `z[l][i]`.
        a: activations: `a[l][i]`; the last are the outputs.
        delta: deltas `dJ/dz`: `delta[l][i]`.
        dW: gradients of the weights, neuron i, input j: `dW[l][i][j]`; `None` where absent.
        db: gradients of the biases: `db[l][i]`; `None` where absent.
        loss: the value of `J`.
    """

    x: list[float]
    z: list[list[float]]
    a: list[list[float]]
    delta: list[list[float]]
    dW: list[list[list[float | None]]]  # noqa: N815 - the field's notation
    db: list[list[float | None]]
    loss: float


@dataclass(frozen=True)
class _DenseLayer:
    """A layer in decimals: a row of weights for each neuron, None where a connection or a bias is absent."""

    W: list[SparseVector]
    b: SparseVector
    activation: ActivationRule


# --- The delta rule.


def delta_rule(
    model: NetworkLike,
    x: Iterable[SupportsFloat],
    y: Iterable[SupportsFloat] | SupportsFloat,
    loss: str | Callable[..., object],
) -> DeltaRule:
    """Every delta and gradient of one example by the delta rule.

        output layer    delta_i^L = sum_k dJ/do_k do_k/dz_i^L; elementwise, dJ/do_i f'(z_i^L)
        hidden layers   delta_i^l = f'(z_i^l) sum_j delta_j^(l+1) w_ji^(l+1)
        gradients       dJ/dw_ij^l = delta_i^l a_j^(l-1),  dJ/db_i^l = delta_i^l

    The model is read by its attributes alone; none of its code runs.

    Args:
        model: a network with `layers`, each with `n_in`, `activation` (a name) and `neurons`, each with `w`,
            `sources` (the input of each weight) and `b` (None if absent).
        x: the input, `n_0` numbers.
        y: the target, `n_L` numbers; a single number if there is one output.
        loss: a name in `LOSSES`, or a function of that name.

    Returns:
        The net inputs, activations, deltas, gradients and the loss, each rounded to a float once from 400
        digits.

    Raises:
        ValueError: if a name has no row, a size or the sources of a neuron do not fit, a number is not
            finite, or the loss is infinite. An output counts as 0 or 1 if it rounds to 0.0 or 1.0, because
            a user takes the logarithm of that float.
        OverflowError: if a result is beyond the range of a float.

    Example:
        >>> from types import SimpleNamespace
        >>> neuron = SimpleNamespace(w=[0.5], sources=(0,), b=0.25)
        >>> layer = SimpleNamespace(n_in=2, activation="identity", neurons=[neuron])
        >>> found = delta_rule(SimpleNamespace(layers=[layer]), [3, 1], 1, "squared_error")
        >>> found.a, found.loss, found.delta
        ([[1.75]], 0.5625, [[1.5]])
        >>> found.dW, found.db
        ([[[4.5, None]]], [[1.5]])
    """
    with localcontext(_CONTEXT):
        network = _read_network(model)
        z, a = _forward(network, _vector(x, "input"))
        name, J = _read_loss(loss)
        targets = _read_targets(y, name, J, a[-1])
        delta = _backward(network, z, a, J.derivative(a[-1], targets))
        return DeltaRule(
            x=_floats(a[0]),
            z=[_floats(z_l) for z_l in z],
            a=[_floats(a_l) for a_l in a[1:]],
            delta=[_floats(delta_l) for delta_l in delta],
            dW=[
                [
                    _where_present(w_i, [delta_i * a_j for a_j in a_l])
                    for w_i, delta_i in zip(layer.W, delta_l, strict=True)
                ]
                for layer, delta_l, a_l in zip(network, delta, a[:-1], strict=True)
            ],
            db=[_where_present(layer.b, delta_l) for layer, delta_l in zip(network, delta, strict=True)],
            loss=_float(J.value(a[-1], targets)),
        )


def _forward(network: list[_DenseLayer], x: Vector) -> tuple[list[Vector], list[Vector]]:
    """The net inputs z^1 .. z^L and the activations a^0 .. a^L."""
    z: list[Vector] = []
    a = [x]
    for number, layer in enumerate(network, start=1):
        n_in = len(layer.W[0])
        if len(a[-1]) != n_in:
            raise ValueError(f"layer {number} expects {n_in} inputs, got {len(a[-1])}")
        z.append([_weighted_sum(w_i, a[-1]) + (b_i or 0) for w_i, b_i in zip(layer.W, layer.b, strict=True)])
        a.append(layer.activation.value(z[-1]))
    return z, a


def _backward(network: list[_DenseLayer], z: list[Vector], a: list[Vector], g: Vector) -> list[Vector]:
    """The deltas of every layer, from the output layer to the first; `g` is dJ/do."""
    delta: list[Vector] = []
    for layer, z_l, a_l in zip(reversed(network), reversed(z), reversed(a[1:]), strict=True):
        delta.append(layer.activation.delta(z_l, a_l, g))
        g = [_weighted_sum(column, delta[-1]) for column in zip(*layer.W, strict=True)]
    return delta[::-1]


def _weighted_sum(w: Iterable[Decimal | None], v: Vector) -> Decimal:
    """The sum of w_j v_j over the connections."""
    return sum((w_j * v_j for w_j, v_j in zip(w, v, strict=True) if w_j is not None), _ZERO)


def _floats(values: Vector) -> list[float]:
    return [_float(value) for value in values]


def _float(value: Decimal) -> float:
    number = float(value)
    if isinf(number):
        raise OverflowError(f"{value:.3e} is beyond the range of a float; scale the network down")
    return number


def _where_present(parameters: SparseVector, gradients: Vector) -> list[float | None]:
    return [
        None if parameter is None else _float(gradient)
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]


# --- Reading numbers and names.


def _look_up(table: Mapping[str, Row], title: str, name: str) -> Row:
    if name not in table:
        raise ValueError(
            f"the delta rule needs its own closed form of {name!r}: add a row to "
            f"nn.proof.delta_rule.{title}; it has {', '.join(table)}"
        )
    return table[name]


def _number(value: SupportsFloat, name: str) -> Decimal:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{name} is {number}; the delta rule needs finite numbers")
    return Decimal(number)


def _vector(values: Iterable[SupportsFloat], name: str) -> Vector:
    return [_number(value, f"{name} {i}") for i, value in enumerate(values, start=1)]


def _read_network(model: NetworkLike) -> list[_DenseLayer]:
    if not model.layers:
        raise ValueError("the network has no layers; the delta rule needs at least one")
    return [_read_layer(layer, f"layer {number}") for number, layer in enumerate(model.layers, start=1)]


def _read_layer(layer: LayerLike, name: str) -> _DenseLayer:
    if not layer.neurons:
        raise ValueError(f"{name} has no neurons")
    return _DenseLayer(
        W=[
            _read_weights(neuron, layer.n_in, f"{name}, neuron {i}")
            for i, neuron in enumerate(layer.neurons, start=1)
        ],
        b=[
            None if neuron.b is None else _number(neuron.b, f"{name}: bias {i}")
            for i, neuron in enumerate(layer.neurons, start=1)
        ],
        activation=_look_up(ACTIVATIONS, "ACTIVATIONS", layer.activation),
    )


def _read_weights(neuron: NeuronLike, n_in: int, name: str) -> SparseVector:
    sources = tuple(neuron.sources)
    if len(sources) != len(neuron.w):
        raise ValueError(f"{name} has {len(neuron.w)} weights and {len(sources)} sources")
    if len(set(sources)) != len(sources) or not set(sources) <= set(range(n_in)):
        raise ValueError(
            f"{name} has the sources {sources}; they must be different inputs from 0 to {n_in - 1}"
        )
    weights = dict(zip(sources, neuron.w, strict=True))
    return [_number(weights[j], f"{name}: weight {j + 1}") if j in weights else None for j in range(n_in)]


def _read_loss(loss: str | Callable[..., object]) -> tuple[str, LossRule]:
    name = loss if isinstance(loss, str) else str(getattr(loss, "__name__", loss))
    return name, _look_up(LOSSES, "LOSSES", name)


def _read_targets(y: Iterable[SupportsFloat] | SupportsFloat, name: str, loss: LossRule, o: Vector) -> Vector:
    targets = _vector(y if isinstance(y, Iterable) else [y], "target")
    if len(targets) != len(o):
        raise ValueError(f"the network has {len(o)} outputs, got {len(targets)} targets")
    for i, (output, target) in enumerate(zip(_floats(o), _floats(targets), strict=True), start=1):
        if loss.refuses(output, target):
            raise ValueError(
                f"{name} is {'infinite' if output in (0, 1) else 'undefined'}: output {i} is "
                f"{output} where the target is {target}; use {name}_from_logits on the net inputs"
            )
    return targets

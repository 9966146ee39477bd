"""Networks of recorded scalars, and the closed-form delta rule that checks them.

Example:
    >>> import random
    >>> from nn import MLP, SGD, check_network, fit, xor
    >>> data = xor()
    >>> model = MLP(2, [4, 1], activation="tanh", output="sigmoid", rng=random.Random(1))
    >>> history = fit(model, data.X, data.targets(), loss="log_loss", epochs=300,
    ...               optimizer=SGD(model.parameters(), learning_rate=1.0), progress=False)
    >>> [round(model(x).data) for x in data.X]
    [0, 1, 1, 0]
    >>> check_network(model, data.X, data.targets(), "log_loss").ok
    True
"""

from nn.data import (
    DATASETS,
    DataError,
    Dataset,
    circles,
    diabetes,
    digits,
    iris,
    load_csv,
    moons,
    spirals,
    xor,
)
from nn.losses import (
    LOSSES,
    cross_entropy,
    cross_entropy_from_logits,
    log_loss,
    log_loss_from_logits,
    squared_error,
)
from nn.modules import ACTIVATIONS, INITIALIZATIONS, MLP, Layer, Module, Neuron
from nn.optim import SGD, Adam, cosine_decay, exponential_decay
from nn.proof.agreement import AgreementReport, check_network
from nn.proof.delta_rule import DeltaRule, delta_rule
from nn.storage import ModelFileError, load, save
from nn.train import History, fit

__all__ = [
    "ACTIVATIONS",
    "DATASETS",
    "INITIALIZATIONS",
    "LOSSES",
    "MLP",
    "SGD",
    "Adam",
    "AgreementReport",
    "DataError",
    "Dataset",
    "DeltaRule",
    "History",
    "Layer",
    "ModelFileError",
    "Module",
    "Neuron",
    "check_network",
    "circles",
    "cosine_decay",
    "cross_entropy",
    "cross_entropy_from_logits",
    "delta_rule",
    "diabetes",
    "digits",
    "exponential_decay",
    "fit",
    "iris",
    "load",
    "load_csv",
    "log_loss",
    "log_loss_from_logits",
    "moons",
    "save",
    "spirals",
    "squared_error",
    "xor",
]

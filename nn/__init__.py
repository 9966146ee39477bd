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

from nn.activations import *
from nn.data import *
from nn.losses import *
from nn.modules import *
from nn.optim import *
from nn.proof.agreement import *
from nn.proof.delta_rule import *
from nn.storage import *
from nn.train import *

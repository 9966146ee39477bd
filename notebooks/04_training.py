# %% [markdown]
# # 4. Training
#
# **Aim.** You turn gradients into learning: one loop, run on all examples at once, on a few, or on one at a
# time. And you see two ways in which it gets stuck, with the cause on a picture.
#
# You need notebooks 1 and 2. Allow 20 minutes.

# %%
import random
from itertools import pairwise
from math import isclose

import matplotlib.pyplot as plt

from engine import Value, sigmoid
from nn import MLP, SGD, check_network, delta_rule, fit, log_loss, moons, squared_error, xor

# %% [markdown]
# ## The loop
#
# The loss of a network over $n$ examples is the mean, $E(w) = \tfrac{1}{n} \sum J(y, o)$. Its gradient
# points uphill. So take a small step against it, and repeat:
#
# $$w \leftarrow w - \alpha \frac{\partial E}{\partial w}$$
#
# The smallest data set that needs a hidden layer is XOR: two inputs, and the label says whether they differ.
# No straight line separates its labels.

# %%
data = xor()
for x, y in zip(data.X, data.y, strict=True):
    print(x, "->", y)


def network():
    return MLP(2, [4, 1], activation="tanh", output="sigmoid", rng=random.Random(1))


def mean_loss(model):
    return sum(log_loss(model(x), y) for x, y in zip(data.X, data.y, strict=True)) / len(data)


# %% [markdown]
# The first step by hand. Set the gradients to 0, record the loss, walk back, move. **Predict** whether the
# loss goes down.

# %%
model = network()
model.zero_grad()
E = mean_loss(model)
E.backward()
for p in model.parameters():
    p.data -= 1.0 * p.grad

print(f"loss before the step {E.data:.4f}, after it {mean_loss(model).data:.4f}")
assert mean_loss(model).data < E.data

# %% [markdown]
# `fit` does the same, as often as you like. To be sure that it is the same, let it take one step from the
# same start. And let the delta rule say where that step must lead: it averages the closed-form gradients of
# the four examples.

# %%
fitted, start = network(), network()
fit(
    fitted,
    data.X,
    data.targets(),
    loss="log_loss",
    epochs=1,
    optimizer=SGD(fitted.parameters(), learning_rate=1.0),
    progress=False,
)
report = check_network(start, data.X, data.targets(), "log_loss")
for w, stepped, moved, row in zip(
    start.parameters(), model.parameters(), fitted.parameters(), report.comparisons, strict=True
):
    closed_form = w.data - 1.0 * row.delta_rule
    assert isclose(stepped.data, closed_form, rel_tol=1e-12)
    assert isclose(moved.data, closed_form, rel_tol=1e-12)
print(report.headline)

# %% [markdown]
# Now 300 times.

# %%
history = fit(
    fitted,
    data.X,
    data.targets(),
    loss="log_loss",
    epochs=300,
    optimizer=SGD(fitted.parameters(), learning_rate=1.0),
    progress=False,
)
for x, y in zip(data.X, data.y, strict=True):
    print(x, "->", y, f"the network says {fitted(x).data:.2f}")
assert [round(fitted(x).data) for x in data.X] == data.y

# %% [markdown]
# ## All, some, or one
#
# For the mean over all examples you must visit all of them before you may move once. That is **batch**
# gradient descent. **Stochastic** gradient descent moves after every example, and **mini-batch** after every
# few: many more steps for the same work, each in a direction that is only roughly right.
#
# The two moons are 200 points. Each mode gets 40 epochs, so that each computes the same number of gradients.
# **Predict**: how many steps does each mode take, and whose curve is the smoothest?

# %%
crescents = moons(200, random.Random(0), noise=0.15)


def train(batch_size, learning_rate):
    model = MLP(2, [8, 1], activation="tanh", rng=random.Random(1))
    optimizer = SGD(model.parameters(), learning_rate)
    history = fit(
        model,
        crescents.X,
        crescents.targets(),
        loss="log_loss_from_logits",
        epochs=40,
        optimizer=optimizer,
        batch_size=batch_size,
        rng=random.Random(2),
        progress=False,
    )
    return model, history.loss, optimizer.steps


batch, mini_batch, stochastic = train(None, 0.5), train(20, 0.5), train(1, 0.1)

figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, (_, losses, steps), style in (
    ("batch", batch, "-"),
    ("mini-batch of 20", mini_batch, "--"),
    ("stochastic", stochastic, ":"),
):
    axes.plot(losses, style, label=f"{name}: {steps} steps")
axes.set_xlabel("epoch")
axes.set_ylabel("mean loss")
axes.set_yscale("log")
axes.legend()
plt.show()

assert (batch[2], mini_batch[2], stochastic[2]) == (40, 400, 8000)
assert stochastic[1][-1] < batch[1][-1] / 2

# %% [markdown]
# The smooth curve is batch gradient descent: every step is exactly downhill, and there are only 40 of them.
# The others wander, and get further.
#
# What has the network learned? Its output $z$ is positive on one side of a curve and negative on the other.

# %%
model = mini_batch[0]
columns, rows = ([-1.5 + 0.1 * k for k in range(41)], [-1.0 + 0.1 * k for k in range(26)])
heights = [[model([x_1, x_2]).data for x_1 in columns] for x_2 in rows]

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.contourf(columns, rows, heights, levels=[-1e9, 0, 1e9], colors=["#DCEBF7", "#FDEBC8"])
for label, marker, color in ((0, "o", "#0072B2"), (1, "^", "#8F5600")):
    points = [x for x, y in zip(crescents.X, crescents.y, strict=True) if y == label]
    axes.scatter(*zip(*points, strict=True), s=14, marker=marker, color=color, label=f"label {label}")
axes.set_xlabel("x_1")
axes.set_ylabel("x_2")
axes.legend()
plt.show()

right = sum((model(x).data > 0) == (y == 1) for x, y in zip(crescents.X, crescents.y, strict=True))
print(right, "of", len(crescents), "points are on the right side")
assert right >= 190

# %% [markdown]
# ## Stuck: gradients that vanish
#
# Look again at the delta rule:
#
# $$\delta_i = f'(z_i) \sum_j \delta_j\, w_{ji}$$
#
# Each layer multiplies by $f'$. For the sigmoid $f' = a(1 - a)$, and that is never more than $\tfrac14$.
# Leave the weights out for a moment, and send a number through three sigmoids. **Predict** the order of
# magnitude of the gradient that arrives at $x$.

# %%
x = a = Value(1.0, "x")
activations = []
for k in range(1, 4):
    a = sigmoid(a)
    a.label = f"a_{k}"
    activations.append(a.data)
a.backward()
a.draw(heat="grad", view="compact")

# %%
product = 1.0
for a_k in activations:
    product *= a_k * (1 - a_k)
assert isclose(x.grad, product)
assert x.grad < (1 / 4) ** 3 < 0.016

# %% [markdown]
# With `heat="grad"` the width of an arrow is the size of the gradient that flows back through it. At the
# right it is thick, and three sigmoids later it is a hair.
#
# A network has weights, which may be larger than 1, and several ways, which add up. But small weights are
# how a network starts. Here is the length of the gradient in each layer of a network with sigmoids, next to
# a network of the same weights with `tanh`, whose derivative at 0 is 1.


# %%
def lengths(activation):
    model = MLP(2, [2, 2, 2, 2, 1], activation=activation, rng=random.Random(3))
    squared_error(model([1.0, -0.5]), 1.0).backward()
    return [sum(p.grad**2 for p in layer.parameters()) ** 0.5 for layer in model.layers]


by_sigmoid, by_tanh = lengths("sigmoid"), lengths("tanh")
print("layer    sigmoid       tanh")
for number, (s, t) in enumerate(zip(by_sigmoid, by_tanh, strict=True), start=1):
    print(f"{number}      {s:9.6f}  {t:9.6f}")

assert by_sigmoid[0] < by_sigmoid[-1] / 400
assert by_tanh[0] > by_tanh[-1] / 4

# %% [markdown]
# The first layer of the sigmoid network hears almost nothing of the error, so it learns almost nothing.
#
# The bound can be checked, too. In a sigmoid layer no delta exceeds a quarter of what reaches it:
# $|\delta_i| \le \tfrac14 \sum_j |\delta_j\, w_{ji}|$.

# %%
deep = MLP(2, [2, 2, 2, 2, 1], activation="sigmoid", rng=random.Random(3))
rule = delta_rule(deep, [1.0, -0.5], 1.0, "squared_error")
for k in range(len(deep.layers) - 1):
    following = deep.layers[k + 1].neurons
    for i, delta_i in enumerate(rule.delta[k]):
        reaching = sum(
            abs(delta_j * neuron.w[i].data)
            for delta_j, neuron in zip(rule.delta[k + 1], following, strict=True)
        )
        assert abs(delta_i) <= reaching / 4

# %% [markdown]
# ## Stuck: a local minimum
#
# Gradient descent only ever walks downhill. In a small valley it stops, though a deeper one may lie behind
# the next hill. The smallest example has one weight:
#
# $$E(w) = (w^2 - 1)^2 + 0.3\, w \qquad E'(w) = 4 w^3 - 4 w + 0.3$$
#
# Start at $w = 2$. **Momentum** keeps a part $\mu$ of the last step: $v \leftarrow \mu v + E'(w)$ and $w
# \leftarrow w - \alpha v$. **Predict** where plain descent stops, and what momentum of $\mu = 0.9$ changes.


# %%
def landscape(w):
    return (w**2 - 1) ** 2 + 0.3 * w


def descend(momentum, steps=300):
    w = Value(2.0, "w")
    optimizer = SGD([w], learning_rate=0.01, momentum=momentum)
    path = [w.data]
    for _ in range(steps):
        w.grad = 0.0
        landscape(w).backward()
        optimizer.step()
        path.append(w.data)
    return path


plain, rolling = descend(0.0), descend(0.9)

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
line = [-1.7 + 0.02 * k for k in range(186)]
left.plot(line, [landscape(w) for w in line], color="gray")
left.plot(plain, [landscape(w) for w in plain], "o", markersize=4, label="plain")
left.plot(rolling, [landscape(w) for w in rolling], "^", markersize=4, label="momentum 0.9")
left.set_xlabel("w")
left.set_ylabel("E")
left.legend()
right.plot(plain, label="plain")
right.plot(rolling, "--", label="momentum 0.9")
right.set_xlabel("step")
right.set_ylabel("w")
right.legend()
plt.show()

for name, path in (("plain", plain), ("momentum", rolling)):
    w = path[-1]
    print(f"{name}: w = {w:.4f}, E = {landscape(w):.4f}")
    assert abs(4 * w**3 - 4 * w + 0.3) < 1e-3  # both are at rest
assert f"{plain[-1]:.4f} {rolling[-1]:.4f}" == "0.9601 -1.0356"
assert landscape(rolling[-1]) < landscape(plain[-1])

# %% [markdown]
# Plain descent stops at 0.9601, where $E' = 0$. With momentum the weight arrives there with speed, rolls
# over the hill and comes to rest at -1.0356, in the deeper valley.
#
# ## Exercises
#
# **1.** In the moons, what happens to stochastic gradient descent with the learning rate 0.5 of the other
# modes, and why was it given 0.1?
#
# <details><summary>Answer</summary>
#
# One example moves the weights as far as a mini-batch does, but it speaks only for itself. Large steps in
# such directions undo each other, and the curve jumps. A smaller rate averages over several examples, because
# the weights hardly move between them. Try it: plot `train(1, 0.5)`.
#
# </details>
#
# **2.** Give all weights of the XOR network the value 0 and train it. What does the gradient look like? Why
# does the network never learn?
#
# <details><summary>Answer</summary>
#
# All hidden neurons have $a = \tanh(0) = 0$, so the gradient of the output weights, $\delta\, a_j$, is 0.
# The hidden deltas contain the output weights, so they are 0, too. Only the output's bias has a gradient,
# and for XOR, with as many ones as zeros, that is 0 at the start as well. Nothing moves. Random weights
# break this symmetry.
#
# </details>
#
# **3.** Does a momentum of 0.95 find the deeper valley as well?
#
# <details><summary>Answer</summary>
#
# It rolls over the hill into the deeper valley, up its far side, and back over the hill again, and ends near
# 0.96 like plain descent. Momentum can carry a weight past a minimum. It does not know which minimum.
#
# </details>

# %%
# The answers, checked.
jumps = [
    max(after / before for before, after in pairwise(losses)) for losses in (stochastic[1], train(1, 0.5)[1])
]
assert jumps[1] > jumps[0]

zero = network()
for p in zero.parameters():
    p.data = 0.0
mean_loss(zero).backward()
assert all(abs(p.grad) < 1e-15 for p in zero.parameters())

far = descend(0.95, steps=1000)
assert min(far) < -1.0356
assert f"{far[-1]:.2f}" == "0.96"

# %% [markdown]
# ## Recap
#
# - Training is one line, $w \leftarrow w - \alpha\, \partial E/\partial w$, over all examples, some, or one.
#   Fewer examples make more and rougher steps.
# - Each sigmoid layer shrinks a delta to a quarter or less. Many of them leave the first layers
#   without a gradient.
# - Descent stops in the first valley. Momentum can carry it on, without a promise.

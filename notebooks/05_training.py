# %% [markdown]
# # 5. Training
#
# **The question.** You have the gradient. Why does the network not learn, and why does it learn by heart?
#
# **Aim.** You turn gradients into learning, and then make it fail in seven ways: steps of the wrong size, a
# network that learns by heart, three bad starts, gradients that vanish, a valley that holds.
#
# You need notebooks 2 and 3. Allow 40 minutes.

# %% tags=["hide-input"]
# Tools for the pictures: you need not read them.
import random

import matplotlib.pyplot as plt

from engine import Value, sigmoid
from nn import MLP, SGD, Adam, delta_rule, fit, log_loss, moons, xor

STYLES = ("-", "--", ":", "-.")


def curves(losses, xlabel="epoch", ylabel="mean loss", yscale="log"):
    """Each list of numbers as a curve, by name."""
    _, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    for (name, numbers), style in zip(losses.items(), STYLES, strict=False):
        axes.plot(range(1, len(numbers) + 1), numbers, style, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, yscale=yscale)
    axes.legend()
    plt.show()


def sides(models, data):
    """On which side of its border each network puts every point of the plane."""
    _, plots = plt.subplots(1, len(models), figsize=(3.5 * len(models), 2.6), layout="constrained")
    columns, rows = [-1.6 + 0.12 * k for k in range(37)], [-1.2 + 0.12 * k for k in range(27)]
    for axes, (name, model) in zip(plots, models.items(), strict=True):
        heights = [[model([x_1, x_2]).data for x_1 in columns] for x_2 in rows]
        axes.contourf(columns, rows, heights, levels=[-1e9, 0, 1e9], colors=["#DCEBF7", "#FDEBC8"])
        for label, marker, color in ((0, "o", "#0072B2"), (1, "^", "#8F5600")):
            points = [x for x, y in zip(data.X, data.y, strict=True) if y == label]
            axes.scatter(*zip(*points, strict=True), s=10, marker=marker, color=color)
        axes.set_title(name)
    plt.show()


# %% [markdown]
# ## The loop
#
# The loss $E$ of a network over $n$ examples is the mean of their losses. Its gradient points uphill. So take
# a small step against it, and repeat:
#
# $$w \leftarrow w - \alpha\, \frac{dE}{dw}$$
#
# The smallest data set that needs a hidden layer is XOR: two inputs, and the label says whether they
# differ.

# %%
data = xor()


def network():
    return MLP(2, [4, 1], activation="tanh", output="sigmoid", rng=random.Random(1))


def mean_loss(model):
    return sum(log_loss(model(x), y) for x, y in zip(data.X, data.y, strict=True)) / len(data)


# %% [markdown]
# Write one step with the learning rate 1: gradients to 0, the loss, the walk back, the move.


# %%
def step(model):
    # --- solution
    model.zero_grad()
    E = mean_loss(model)
    E.backward()
    for p in model.parameters():
        p.data -= 1.0 * p.grad
    # --- student
    # ...
    # ---


by_hand = network()
print(f"before the step {mean_loss(by_hand).data:.4f}")
step(by_hand)
print(f"after it        {mean_loss(by_hand).data:.4f}")

# %% [markdown]
# `fit` does this as often as you like. One step of it must lead to the same weights as yours:

# %%
model = network()
sgd = SGD(model.parameters(), learning_rate=1.0)
fit(model, data.X, data.targets(), loss="log_loss", optimizer=sgd, epochs=1, progress=False)

pairs = zip(by_hand.parameters(), model.parameters(), strict=True)
print("largest difference:", f"{max(abs(p.data - q.data) for p, q in pairs):.0e}")

# %% tags=["test"]
from math import isclose

from nn import check_network

report = check_network(network(), data.X, data.targets(), "log_loss")
assert report.ok
for start, mine, fitted, row in zip(
    network().parameters(), by_hand.parameters(), model.parameters(), report.comparisons, strict=True
):
    assert isclose(mine.data, start.data - row.delta_rule, rel_tol=1e-12)
    assert isclose(fitted.data, mine.data, rel_tol=1e-12)

# %%
history = fit(model, data.X, data.targets(), loss="log_loss", optimizer=sgd, epochs=300, progress=False)
for x, y in zip(data.X, data.y, strict=True):
    print(x, "->", y, f"the network says {model(x).data:.2f}")
history

# %% tags=["test"]
assert [round(model(x).data) for x in data.X] == data.y

# %% [markdown]
# ## Steps of the wrong size
#
# The learning rate $\alpha$ is yours to choose. **Predict** the three curves, for 0.01, 1 and 20. Which
# goes up?


# %%
def train_xor(learning_rate):
    model = network()
    sgd = SGD(model.parameters(), learning_rate)
    return fit(model, data.X, data.targets(), loss="log_loss", optimizer=sgd, epochs=200, progress=False).loss


rates = {f"rate {rate:g}": train_xor(rate) for rate in (0.01, 1.0, 20.0)}
curves(rates)

# %% tags=["test"]
small, right, large = rates.values()
assert 0.65 < small[-1] < small[0]
assert right[-1] < 0.02
assert large[-1] > 4 > large[0]

# %% [markdown] tags=["answer"]
# Too small, and it crawls. Too large, and a step jumps across the valley, to a place that is higher than
# where it came from; the next one jumps back.

# %% [markdown]
# ## All, some, or one
#
# For the mean over all examples you must visit all of them before you may move once. That is **batch**
# gradient descent. **Stochastic** gradient descent moves after every example, and **mini-batch** after
# every few: many more steps for the same work, each in a direction that is only roughly right.
#
# The two moons are 200 points. Each mode gets 40 epochs, so that each computes the same number of
# gradients. **Predict**: how many steps does each mode take, and whose curve is the smoothest?

# %%
crescents = moons(200, random.Random(0), noise=0.15)


def teach(model, data, optimizer, **options):
    X, targets, loss = data.X, data.targets(), "log_loss_from_logits"
    return fit(model, X, targets, loss=loss, optimizer=optimizer, progress=False, **options)


def train(batch_size, learning_rate):
    model = MLP(2, [8, 1], activation="tanh", rng=random.Random(1))
    sgd = SGD(model.parameters(), learning_rate)
    history = teach(model, crescents, sgd, epochs=40, batch_size=batch_size, rng=random.Random(2))
    return model, history.loss


batch, mini_batch, stochastic = train(None, 0.5), train(20, 0.5), train(1, 0.1)
curves({"batch": batch[1], "mini-batch of 20": mini_batch[1], "stochastic": stochastic[1]})

# %% tags=["test"]
assert stochastic[1][-1] < batch[1][-1] / 2

# %% [markdown] tags=["answer"]
# 40, 400 and 8000 steps. The smooth curve is batch gradient descent: every step is exactly downhill, and
# there are only 40 of them. The others wander, and get further.

# %% [markdown]
# What have they learned? Each network puts a border between the moons.

# %%
sides({"batch": batch[0], "stochastic": stochastic[0]}, crescents)

# %% [markdown]
# ## Learned by heart
#
# Now there are only 20 points, with more noise, and a network of 337 parameters. 200 points that it never
# sees say what it is worth: the **validation**. **Predict** both curves.

# %%
few = moons(20, random.Random(3), noise=0.3)
many = moons(400, random.Random(2), noise=0.3)
unseen = moons(200, random.Random(1), noise=0.3)


def learn(data, hidden=(16, 16), callback=lambda model: None):
    model = MLP(2, [*hidden, 1], activation="tanh", init="xavier_uniform", rng=random.Random(1))
    adam, validation = Adam(model.parameters(), 0.02), (unseen.X, unseen.targets())
    return model, teach(model, data, adam, epochs=400, validation=validation, callback=callback(model))


by_heart, history = learn(few)
history

# %% [markdown] tags=["answer"]
# The loss on its own 20 points goes to 0. That on the others falls, turns after a few epochs, and grows:
# the network goes on to learn the noise. This is **overfitting**.

# %% [markdown]
# Four things help. Three of them take away its freedom, one gives it more to learn:
#
# - **stop early**, when the validation has not improved for 20 epochs;
# - **weight decay**: make every weight a little smaller after each epoch, by 3 %;
# - **fewer neurons**: 3 in place of 16 and 16;
# - **more data**: 400 points.
#
# `fit` calls a callback after each epoch, and stops if it returns True. Write those of the first two.
# **Predict** which of the four helps most.


# %%
def stop_early(model):
    def callback(epoch, history):
        # --- solution
        return epoch > 20 and min(history.validation[-20:]) > min(history.validation)
        # --- student
        # ...
        # ---

    return callback


def weight_decay(model):
    def callback(epoch, history):
        # --- solution
        for p in model.parameters():
            p.data *= 0.97
        # --- student
        # ...
        # ---

    return callback


# %%
remedies = {
    "none": (by_heart, history),
    "stop early": learn(few, callback=stop_early),
    "weight decay": learn(few, callback=weight_decay),
    "fewer neurons": learn(few, hidden=[3]),
    "more data": learn(many),
}
for name, (_, told) in remedies.items():
    print(f"{name:14} training {told.loss[-1]:.4f}   validation {told.validation[-1]:.4f}")

# %% tags=["test"]
worth = {name: told.validation[-1] for name, (_, told) in remedies.items()}
assert all(worth[name] < worth["none"] / 2 for name in worth if name != "none")
assert min(worth, key=worth.__getitem__) == "more data"
assert history.loss[-1] < 0.001
assert min(history.validation) < history.validation[-1] / 2

# %%
sides({name: remedies[name][0] for name in ("none", "weight decay", "more data")}, few)

# %% [markdown]
# ## Three bad starts
#
# Where do the weights begin? **Predict** what goes wrong if they are all equal, if they are tiny, and if
# they are large. Each has its own reason.


# %%
def begin(draw):
    model = MLP(2, [8, 8, 1], activation="tanh")
    rng = random.Random(5)
    for p in model.parameters():
        p.data = draw(rng)
    return model, teach(model, crescents, SGD(model.parameters(), 0.3), epochs=200).loss


starts = {
    "all equal": begin(lambda rng: 0.3),
    "tiny": begin(lambda rng: rng.uniform(-0.01, 0.01)),
    "large": begin(lambda rng: rng.uniform(-15, 15)),
    "from -1 to 1": begin(lambda rng: rng.uniform(-1, 1)),
}
curves({name: losses for name, (_, losses) in starts.items()})

# %%
print("all equal, afterwards:")
for neuron in starts["all equal"][0].layers[0].neurons[:3]:
    print([f"{p.data:.4f}" for p in neuron.parameters()])

# %% tags=["test"]
last = {name: losses[-1] for name, (_, losses) in starts.items()}
assert last["from -1 to 1"] < min(last["all equal"], last["large"], last["tiny"])
assert last["tiny"] > 0.69
equal = starts["all equal"][0].layers[0].neurons
assert all(
    isclose(p.data, q.data) for n in equal for p, q in zip(n.parameters(), equal[0].parameters(), strict=True)
)

# %% [markdown] tags=["answer"]
# - **Equal** neurons get equal gradients, and stay equal for ever. Eight of them are one.
# - **Tiny** weights multiply every delta on its way back, so that hardly anything arrives.
# - **Large** weights drive the net inputs to where $\tanh$ is flat, and its derivative is almost 0.

# %% [markdown]
# ## Gradients that vanish
#
# Look again at the delta rule:
#
# $$\delta_i = f'(z_i) \sum_j \delta_j\, w_{ji}$$
#
# Each layer multiplies by $f'$. For the sigmoid $f' = a(1 - a)$. **Predict** the largest value it can have,
# and the order of magnitude of a gradient behind three sigmoids. The width of an arrow is the size of the
# gradient that flows back through it.

# %%
x = a = Value(1.0, "x")
for k in range(1, 4):
    a = sigmoid(a)
    a.label = f"a_{k}"
a.backward()
a.draw(heat="grad", view="compact")

# %% tags=["test"]
assert x.grad < (1 / 4) ** 3 < 0.016

# %% [markdown] tags=["answer"]
# Never more than $\tfrac14$, and so less than 0.016 behind three of them.

# %% [markdown]
# A network has weights and many ways, too. Here is the mean size of $\delta$ in each of nine layers.


# %%
def deltas(activation, init):
    model = MLP(2, [8] * 8 + [1], activation=activation, init=init, rng=random.Random(3))
    layers = delta_rule(model, [1.0, -0.5], 1.0, "squared_error").delta
    return [sum(abs(float(delta)) for delta in layer) / len(layer) for layer in layers]


sizes = {
    "sigmoid": deltas("sigmoid", "xavier_uniform"),
    "tanh": deltas("tanh", "xavier_uniform"),
    "relu": deltas("relu", "he_uniform"),
}
curves(sizes, xlabel="layer", ylabel="mean |δ|")

# %% tags=["test"]
assert sizes["sigmoid"][0] < sizes["sigmoid"][-1] / 1e5
assert sizes["relu"][0] > sizes["relu"][-1] / 100
assert sizes["tanh"][0] > sizes["tanh"][-1] / 100

# %% [markdown]
# The first layer of the sigmoid network hears a millionth of the error, so it learns next to nothing. The
# slope of `relu` is 1 wherever it is not 0, and that of `tanh` is 1 in the middle.
#
# ## A valley that holds
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
    w, v = Value(2.0, "w"), 0.0
    path = [w.data]
    for _ in range(steps):
        w.grad = 0.0
        landscape(w).backward()
        # --- solution
        v = momentum * v + w.grad
        w.data -= 0.01 * v
        # --- student
        # v = ...
        # w.data -= ...
        # ---
        path.append(w.data)
    return path


plain, rolling = descend(0.0), descend(0.9)
print(f"plain stops at {plain[-1]:.4f}, momentum at {rolling[-1]:.4f}")

# %% tags=["hide-input"]
line = [-1.7 + 0.02 * k for k in range(186)]
plt.figure(figsize=(7, 3))
plt.plot(line, [landscape(w) for w in line], color="gray")
plt.plot(plain, [landscape(w) for w in plain], "o", markersize=5, label="plain")
plt.plot(rolling, [landscape(w) for w in rolling], "^", markersize=4, label="momentum 0.9")
plt.xlabel("w")
plt.ylabel("E")
plt.legend()
plt.show()

# %% tags=["test"]
assert f"{plain[-1]:.4f} {rolling[-1]:.4f}" == "0.9601 -1.0356"
w = Value(2.0)
optimizer = SGD([w], learning_rate=0.01, momentum=0.9)
for _ in range(300):
    w.grad = 0.0
    landscape(w).backward()
    optimizer.step()
assert isclose(w.data, rolling[-1])

# %% [markdown] tags=["answer"]
# Plain descent stops at 0.9601, where $E' = 0$. With momentum the weight arrives there with speed, rolls
# over the hill and comes to rest at -1.0356, in the deeper valley.

# %% [markdown]
# ## Exercises
#
# **1.** In the moons, what happens to stochastic gradient descent with the learning rate 0.5 of the other
# modes, and why was it given 0.1?
#
# <details><summary>Answer</summary>
#
# One example moves the weights as far as a mini-batch does, but it speaks only for itself. Large steps in
# such directions undo each other, and the curve jumps. A smaller rate averages over several examples,
# because the weights hardly move between them. Try it: `curves({"stochastic": train(1, 0.5)[1]})`.
#
# </details>

# %% [markdown]
# **2.** Give all weights of the XOR network the value 0. What is its gradient? Why does it never learn?
#
# <details><summary>Answer</summary>
#
# All hidden neurons have $a = \tanh(0) = 0$, so the gradient of the output weights, $\delta\, a_j$, is 0.
# The hidden deltas contain the output weights, so they are 0, too. Only the output's bias has a gradient,
# and for XOR, with as many ones as zeros, that is 0 at the start as well. Nothing moves.
#
# </details>

# %% [markdown]
# **3.** Does a momentum of 0.95 find the deeper valley as well?
#
# <details><summary>Answer</summary>
#
# It rolls over the hill into the deeper valley, up its far side, and back over the hill again, and ends
# near 0.96 like plain descent. Momentum can carry a weight past a minimum. It does not know which minimum.
#
# </details>

# %% tags=["test"]
from itertools import pairwise

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
# - Training is one line, $w \leftarrow w - \alpha\, dE/dw$. Its step must be neither too
#   small nor too large, and fewer examples make more and rougher steps.
# - A network that does not learn may begin badly, lose its gradient on the way back, or sit in a valley.
#   Look at the deltas, layer by layer.
# - A network that learns may learn by heart. Only examples that it never saw can tell.

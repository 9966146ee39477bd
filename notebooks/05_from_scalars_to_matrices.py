# %% [markdown]
# # 5. From scalars to matrices
#
# **Aim.** You see that the graph of scalars you have been drawing contains matrix products, let the engine
# find them, and use them to learn to read handwritten digits in a second.
#
# You need notebooks 2 and 4, and what a matrix times a vector is. Allow 20 minutes.

# %%
import random
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import engine
from engine import Value
from nn import MLP, Adam, cross_entropy_from_logits, digits, fit, squared_error

# %% [markdown]
# ## The same equations, layer by layer
#
# Write the activations of a layer below each other as a vector $a$, the weights as a matrix $W$ with one row
# for each neuron, and the deltas as a vector $\delta$. Then the three equations of notebook 2 lose their
# sums:
#
# | | one neuron | one layer |
# |---|---|---|
# | forward | $z_i = \sum_j w_{ij}\, a_j$ | $z = W a$ |
# | backward | $\sum_j \delta_j\, w_{ji}$ | $W^T \delta$ |
# | gradient | $\partial E/\partial w_{ij} = \delta_i\, a_j$ | $\partial E/\partial W = \delta\, a^T$ |
#
# The bias is the weight of an input that is always 1: put a 1 under $a$ and a column for $b$ into $W$.
#
# ## One example, recorded
#
# Here is a small network and its loss for one example. Both the inputs and the label are `Value`s, because
# they will change from example to example.

# %%
model = MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
x, y = [Value(0.5, "x_1"), Value(-1.0, "x_2")], Value(1.0, "y")
loss = squared_error(model(x), y)

model.draw([0.5, -1.0], 1.0, squared_error)

# %% [markdown]
# How many values does that take? Follow the parents and count.


# %%
def count(value):
    seen, front = set(), [value]
    while front:
        value = front.pop()
        if value not in seen:
            seen.add(value)
            front.extend(value.parents)
    return len(seen)


print(count(loss), "values")

# %% [markdown]
# ## The program in the graph
#
# `engine.compile` takes this graph, adds the graph of its gradient, and looks for sums of products that
# share their factors. It has never heard of layers. **Predict**: which products of a matrix with something
# will it find in a network of two layers? Write them down, forward and backward.

# %%
program = engine.compile(loss, inputs=[*x, y], parameters=model.parameters())
print(program)

# %% [markdown]
# Read the names on the left. $z^l$, $a^l$, $\delta^l$ and $\partial E/\partial W^l$ are those of the
# article. `[x; 1]` is the vector $x$ with a 1 under it, and $B$ is the number of examples, each of which is
# a column.
#
# Five products: two forward, one backward, two gradients. There is no $(W^1)^T \delta^1$, because nobody
# asked for a gradient by the inputs. Drawn, the forward pass comes down the middle and the deltas after it:

# %%
program.draw()

# %%
listing = str(program)
for product in (
    "z^1 = W^1 [x; 1]",
    "z^2 = W^2 [a^1; 1]",
    "(W^2)^T delta^2",
    "dE/dW^2 = delta^2 [a^1; 1]^T",
    "dE/dW^1 = delta^1 [x; 1]^T",
):
    assert product in listing
assert "(W^1)^T" not in listing
assert listing.count("@") == 5

# %% [markdown]
# ## By hand, in matrices
#
# The listing is short enough to type. The loss is $(z^2 - y)^2$, so $\delta^2 = 2 (z^2 - y)$, and $\tanh' =
# 1 - a^2$. The loss and the gradients are means over the examples.

# %%
generator = np.random.default_rng(0)
X = generator.normal(size=(32, 2))
Y = generator.normal(size=(32, 1))
B = len(X)

W_1 = np.array([[*(w.data for w in neuron.w), neuron.b.data] for neuron in model.layers[0].neurons])
W_2 = np.array([[*(w.data for w in neuron.w), neuron.b.data] for neuron in model.layers[1].neurons])
one = np.ones((1, B))

a_0 = np.vstack([X.T, one])
a_1 = np.vstack([np.tanh(W_1 @ a_0), one])
z_2 = W_2 @ a_1
delta_2 = 2 * (z_2 - Y.T)
delta_1 = (1 - a_1[:-1] ** 2) * (W_2.T @ delta_2)[:-1]
dW_1, dW_2 = delta_1 @ a_0.T / B, delta_2 @ a_1.T / B

value, gradient = program.value_and_grad(np.hstack([X, Y]))
assert np.isclose(value, np.mean((z_2 - Y.T) ** 2), rtol=1e-12)
assert np.allclose(gradient, [*dW_1.flat, *dW_2.flat], rtol=1e-12, atol=0)
print("the program and the matrices agree on", gradient.size, "gradients")

# %% [markdown]
# ## And the recorded scalars?
#
# The program came from them, so it must give what they give. Record all 32 examples, and walk back.
# **Predict** how many times as long that takes.

# %%
net = MLP(8, [32, 32, 1], activation="tanh", rng=random.Random(0))
inputs = [Value(1.0, f"x_{j}") for j in range(1, 9)]
label = Value(1.0, "y")
fast = engine.compile(squared_error(net(inputs), label), inputs=[*inputs, label], parameters=net.parameters())
examples = generator.normal(size=(32, 9))


def recorded():
    net.zero_grad()
    losses = [squared_error(net(row[:8].tolist()), float(row[8])) for row in examples]
    (engine.fsum(losses) / len(losses)).backward()
    return np.array([p.grad for p in net.parameters()])


def seconds(function):
    times = []
    for _ in range(5):
        begin = perf_counter()
        function()
        times.append(perf_counter() - begin)
    return min(times)


value, compiled_gradient = fast.value_and_grad(examples)
assert np.allclose(compiled_gradient, recorded(), rtol=1e-9, atol=1e-15)
ratio = seconds(recorded) / seconds(lambda: fast.value_and_grad(examples))
print(f"the same {compiled_gradient.size} gradients, about {ratio:.0f} times as fast, here and this time")

# %% [markdown]
# ## What a record does not know
#
# A record holds what was computed, not what might have been. `relu`, `max`, `abs` and `where` are
# operations, and choose anew for each example. An `if` in Python is not: Python decided once, while
# recording. **Predict** what both programs give at -2.

# %%
v = Value(1.0, "v")
by_if = engine.compile(v * 1 if v.data > 0 else -v, inputs=[v])
by_operation = engine.compile(engine.abs(v), inputs=[v])
print("by if:", by_if([[-2.0]])[0], "  by abs:", by_operation([[-2.0]])[0])
assert by_if([[-2.0]])[0] == -2
assert by_operation([[-2.0]])[0] == 2

# %% [markdown]
# ## Handwritten digits
#
# 1797 images of 8 by 8 pixels, written by people, each with the digit that was meant. 1438 of them are for
# training, and 359 are held out: the network never learns from them.

# %%
data = digits()
training, held_out = data.split(0.8, random.Random(0))
assert (len(data), len(training), len(held_out)) == (1797, 1438, 359)

figure, places = plt.subplots(1, 8, figsize=(8, 1.4), layout="constrained")
for place, image, digit in zip(places, training.X, training.y, strict=False):
    place.imshow(np.reshape(image, (8, 8)), cmap="gray_r")
    place.set_title(f"{digit:.0f}")
    place.set_axis_off()
plt.show()

# %% [markdown]
# The network is 64-32-10: a pixel for each input, a digit for each output. It is the same `MLP`, made of the
# same scalars. `fit` records one example, compiles it as you did above, and runs the program on batches. The
# loss is the cross-entropy of the softmax, whose output delta is $o - y$ again. `Adam` adapts the step of
# each weight.

# %%
training, scale = training.standardized()
unseen = scale.apply(held_out.X)

reader = MLP(64, [32, 10], activation="relu", init="he_uniform", rng=random.Random(0))
history = fit(
    reader,
    training.X,
    training.targets(),
    loss="cross_entropy_from_logits",
    optimizer=Adam(reader.parameters(), learning_rate=0.005),
    epochs=12,
    batch_size=32,
    rng=random.Random(1),
    validation=(unseen, held_out.targets()),
    progress=False,
)

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(history.loss, label="training")
axes.plot(history.validation, "--", label="held out")
axes.set_xlabel("epoch")
axes.set_ylabel("mean loss")
axes.set_yscale("log")
axes.legend()
plt.show()

# %% [markdown]
# The loss on the training images goes on falling. On the held-out images it stops: from there on the network
# learns these images rather than digits. How many of the unseen ones does it read?

# %%
outputs = np.array([[z.data for z in reader(image)] for image in unseen])
read = outputs.argmax(axis=1)
right = read == held_out.y
print(f"{right.sum()} of {len(right)} held-out digits are right, {100 * right.mean():.1f} percent")
assert right.mean() > 0.94

wrong = np.flatnonzero(~right)[:8]
figure, places = plt.subplots(1, 8, figsize=(8, 1.6), layout="constrained")
for place in places:
    place.set_axis_off()
for place, k in zip(places, wrong, strict=False):
    place.imshow(np.reshape(held_out.X[k], (8, 8)), cmap="gray_r")
    place.set_title(f"{held_out.y[k]:.0f}, read {read[k]}", fontsize=9)
plt.show()

# %% [markdown]
# Some of these you would not have read, either.
#
# ## Exercises
#
# **1.** Let the small network have the layers `[3, 3, 1]`. How many products does the listing then have? And
# with $L$ layers?
#
# <details><summary>Answer</summary>
#
# Eight: three forward, two backward, three gradients. With $L$ layers, $L + (L - 1) + L = 3 L - 1$.
#
# </details>
#
# **2.** A weight matrix is $m \times n$. How many multiplications does $W a$ take for one example, how many
# $W^T \delta$, and how many $\delta a^T$? What does that say about the cost of a gradient?
#
# <details><summary>Answer</summary>
#
# $m n$ each. So the gradient by all weights costs about twice the forward pass, however many weights there
# are. A difference would need two forward passes for each of them.
#
# </details>
#
# **3.** The output delta of the digits should be $o - y$. Check it with the engine for one image.
#
# <details><summary>Answer</summary>
#
# Record the loss, walk back, and compare the `grad` of each output with the softmax of the outputs less the
# label. The cell below does it.
#
# </details>

# %%
# The answers, checked.
deeper = MLP(2, [3, 3, 1], activation="tanh", rng=random.Random(0))
again = engine.compile(squared_error(deeper(x), y), inputs=[*x, y], parameters=deeper.parameters())
assert str(again).count("@") == 8

z = reader(unseen[0])
target = held_out.targets()[0]
cross_entropy_from_logits(z, target).backward()
for z_i, o_i, y_i in zip(z, engine.softmax(z), target, strict=True):
    assert np.isclose(z_i.grad, o_i.data - y_i, rtol=1e-9, atol=1e-15)

# %% [markdown]
# ## Recap
#
# - $W a$, $W^T \delta$ and $\delta a^T$ are the delta rule with the sums left unwritten. They can be found
#   in a graph of scalars.
# - The compiled program gives the gradients of the record, because it was made from the record. It knows no
#   branch that the record did not take.
# - Scalars are for understanding, matrices are for speed, and they are the same computation.

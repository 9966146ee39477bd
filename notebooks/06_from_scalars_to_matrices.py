# %% [markdown]
# # 6. From scalars to matrices
#
# **The question.** You have been drawing graphs of single numbers. Everybody else computes with matrices.
# Where are they?
#
# **Aim.** You find the matrix products inside the graph, let the engine find them too, and use them to
# learn to read handwritten digits in a second.
#
# You need notebooks 3 and 5, and what a matrix times a vector is. Allow 20 minutes.

# %%
import random
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import engine
from engine import Value
from nn import MLP, Adam, cross_entropy_from_logits, digits, fit, squared_error

# %% [markdown]
# ## One example, recorded
#
# A network of two inputs, three neurons and one output. **Predict**: how many matrices are in this picture?
# (Follow the arrows into the three $z^1$.)

# %%
weights = [[[0.7, 0.5], [-0.2, -0.5], [0.1, -0.2]], [[0.6, -0.4, 0.3]]]
model = MLP.from_weights(weights, [[0.1, 0.2, -0.1], [0.1]], ["tanh", "identity"])
x, y = [Value(0.5, "x_1"), Value(-1.0, "x_2")], Value(1.0, "y")
output = model(x)
output

# %% [markdown] tags=["answer"]
# Two: the weights into $z^1$, and those into $z^2$.

# %% [markdown]
# Write the activations of a layer below each other as a vector $a$, the weights as a matrix $W$ with one row
# for each neuron, the deltas as a vector $\delta$. Then the equations of notebook 3 lose their sums:
#
# | | one neuron | one layer |
# |---|---|---|
# | forward | $z_i = \sum_j w_{ij}\, a_j$ | $z = W a$ |
# | backward | $\sum_j w_{ji}\, \delta_j$ | $W^T \delta$ |
# | gradient | $dE/dw_{ij} = \delta_i\, a_j$ | $dE/dW = \delta\, a^T$ |
#
# The bias is the weight of an input that is always 1: put a 1 under $a$, and a column for $b$ into $W$.
#
# ## The program in the graph
#
# `engine.compile` takes the graph, adds the graph of its gradient, and looks for sums of products that
# share their factors. It has never heard of layers. **Predict** which products it will find, forward and
# backward.

# %%
loss = squared_error(output, y)
program = engine.compile(loss, inputs=[*x, y], parameters=model.parameters())
program.draw()

# %% [markdown] tags=["answer"]
# The names are those of the table. `[x; 1]` is $x$ with a 1 under it. $B$ is the number of examples: each
# is a column. Five products carry an `@`: two forward, one backward, two gradients. There is no $(W^1)^T
# \delta^1$, because nobody asked for a gradient by the inputs.

# %% [markdown]
# ## By hand, in matrices
#
# The picture is short enough to type. The loss is $(z^2 - y)^2$, so $\delta^2 = 2 (z^2 - y)$, and $\tanh'
# = 1 - a^2$. The last row of $W^T \delta$ belongs to the 1, and a constant has no delta: leave it out, with
# `[:-1]`. Loss and gradients are means over the examples. Here are 32 of them, and the matrices:

# %%
generator = np.random.default_rng(0)
X, Y = generator.normal(size=(32, 2)), generator.normal(size=(32, 1))
one = np.ones((1, 32))
W_1, W_2 = (
    np.array([[*(w.data for w in neuron.w), neuron.b.data] for neuron in layer.neurons])
    for layer in model.layers
)

# %% tags=["solution"]
a_0 = np.vstack([X.T, one])
a_1 = np.vstack([np.tanh(W_1 @ a_0), one])
z_2 = W_2 @ a_1
delta_2 = 2 * (z_2 - Y.T)
delta_1 = (1 - a_1[:-1] ** 2) * (W_2.T @ delta_2)[:-1]
dW_1, dW_2 = delta_1 @ a_0.T / 32, delta_2 @ a_1.T / 32

# %%
value, gradient = program.value_and_grad(np.hstack([X, Y]))
agree = np.allclose(gradient, [*dW_1.flat, *dW_2.flat], rtol=1e-12, atol=0)
print("the program and your matrices agree:", agree)

# %% [markdown]
# The gradient is a product that one can see. For one example it is a column times a row, each entry
# $\delta_i\, a_j$. For 32 examples it is the mean of 32 such tables:


# %% tags=["hide-input"]
def table(place, numbers, title):
    place.imshow(numbers, cmap="RdBu_r", vmin=-3.5, vmax=3.5)
    for (i, j), number in np.ndenumerate(numbers):
        place.text(j, i, f"{round(number, 2) + 0.0:.2f}", ha="center", va="center")
    place.set(xticks=[], yticks=[], title=title)


figure, places = plt.subplots(1, 4, figsize=(8, 2.4), layout="constrained", width_ratios=[1, 3, 3, 3])
k = abs(delta_1).sum(axis=0).argmax()  # an example with much to learn from
table(places[0], delta_1[:, [k]], r"$\delta^1$")
table(places[1], a_0[:, [k]].T, "times $[x; 1]^T$")
table(places[2], np.outer(delta_1[:, k], a_0[:, k]), "is $dE/dW^1$ of one")
table(places[3], dW_1, "mean of 32")
plt.show()

# %% [markdown]
# ## And the recorded scalars?
#
# The program came from them, so it must give what they give. For a network of 1377 weights and 32 examples:
# record all, walk back, and compare. **Predict** how many times as long the record takes.

# %%
net = MLP(8, [32, 32, 1], activation="tanh", rng=random.Random(0))
inputs, label = [Value(1.0, f"x_{j}") for j in range(1, 9)], Value(1.0, "y")
fast = engine.compile(squared_error(net(inputs), label), inputs=[*inputs, label], parameters=net.parameters())
examples = generator.normal(size=(32, 9))


def recorded():
    net.zero_grad()
    losses = [squared_error(net(row[:8].tolist()), float(row[8])) for row in examples]
    (engine.fsum(losses) / len(losses)).backward()
    return np.array([p.grad for p in net.parameters()])


# %% tags=["hide-input"]
def seconds(function):
    times = []
    for _ in range(3):
        begin = perf_counter()
        function()
        times.append(perf_counter() - begin)
    return min(times)


by_scalars, by_matrices = recorded(), fast.value_and_grad(examples)[1]
assert np.allclose(by_matrices, by_scalars, rtol=1e-9, atol=1e-15)
ratio = seconds(recorded) / seconds(lambda: fast.value_and_grad(examples))
print(f"the same {by_matrices.size} gradients; the record takes about {ratio:.0f} times as long, here")

# %% [markdown]
# ## What a record does not know
#
# A record holds what was computed, not what might have been. `relu`, `max` and `abs` are operations, and
# choose anew for each example. An `if` in Python is not: Python decided once, while recording.
# **Predict** what both programs give at $-2$.

# %%
v = Value(1.0, "v")
by_if = engine.compile(v * 1 if v.data > 0 else -v, inputs=[v])
by_operation = engine.compile(engine.abs(v), inputs=[v])
print("by if:", by_if([[-2.0]])[0], "  by abs:", by_operation([[-2.0]])[0])

# %% [markdown]
# ## Handwritten digits
#
# 1797 images of 8 by 8 pixels, written by people, each with the digit that was meant. 1438 are for
# training, and 359 are held out: the network never learns from them. It has an input for each pixel, 32
# hidden neurons and an output for each digit.

# %%
training, held_out = digits().split(0.8, random.Random(0))
training, scale = training.standardized()
unseen = scale.apply(held_out.X)
reader = MLP(64, [32, 10], activation="relu", init="he_uniform", rng=random.Random(0))

# %% tags=["hide-input"]
figure, places = plt.subplots(1, 8, figsize=(8, 1.4), layout="constrained")
for place, image, digit in zip(places, held_out.X, held_out.y, strict=False):
    place.imshow(np.reshape(image, (8, 8)), cmap="gray_r")
    place.set_title(f"{digit:.0f}")
    place.set_axis_off()
plt.show()

# %% [markdown]
# Each neuron of the first layer has 64 weights, one for each pixel. So they are a picture, and so is their
# gradient. **Predict** what $dE/dW^1$ looks like for one image. (It is $\delta\, a^T$, and $a$ is the
# image.)

# %%
image, target = training.X[0], training.targets()[0]
reader.zero_grad()
cross_entropy_from_logits(reader(image), target).backward()
dW = np.array([[w.grad for w in neuron.w] for neuron in reader.layers[0].neurons])
delta = np.array([neuron.b.grad for neuron in reader.layers[0].neurons])

# %% tags=["hide-input"]
figure, places = plt.subplots(1, 8, figsize=(8, 1.6), layout="constrained")
places[0].imshow(np.reshape(image, (8, 8)), cmap="RdBu_r", vmin=-2, vmax=2)
places[0].set_title("the image", fontsize=9)
order = np.argsort(delta)
strongest = [*order[:-4:-1], *order[:3], np.flatnonzero(delta == 0)[0]]
for place, i in zip(places[1:], strongest, strict=True):
    place.imshow(dW[i].reshape(8, 8), cmap="RdBu_r", vmin=-0.4, vmax=0.4)
    place.set_title(rf"$\delta_{{{i + 1}}}$ = {delta[i]:.2f}", fontsize=9)
for place in places:
    place.set_axis_off()
plt.show()

# %% [markdown] tags=["answer"]
# The image again and again, times the delta of each neuron. (The first one is the image as the network
# gets it: each pixel less its mean, divided by its spread, and red for more ink than usual.) A negative
# delta gives the negative, and a neuron that `relu` has switched off learns nothing from this image.

# %% [markdown]
# Now train. `fit` compiles one example as you did above, and runs the program on batches. `Adam` adapts
# the step of each weight.

# %%
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

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.semilogy(history.loss, label="training")
axes.semilogy(history.validation, "--", label="held out")
axes.set(xlabel="epoch", ylabel="mean loss")
axes.legend()
plt.show()

# %% [markdown]
# The loss on the training images goes on falling. On the held-out images it stops: from there on the
# network learns these images rather than digits. How many of the unseen ones does it read?

# %%
outputs = np.array([[z.data for z in reader(image)] for image in unseen])
read = outputs.argmax(axis=1)
right = read == held_out.y
print(f"{right.sum()} of {len(right)} held-out digits are right, {100 * right.mean():.1f} percent")

# %% tags=["hide-input"]
figure, places = plt.subplots(1, 8, figsize=(8, 1.6), layout="constrained")
for place in places:
    place.set_axis_off()
for place, k in zip(places, np.flatnonzero(~right)[:8], strict=False):
    place.imshow(np.reshape(held_out.X[k], (8, 8)), cmap="gray_r")
    place.set_title(f"{held_out.y[k]:.0f}, read {read[k]}", fontsize=9)
plt.show()

# %% [markdown]
# Some of these you would not have read, either.
#
# ## Exercises
#
# **1.** Let the small network have the layers `[3, 3, 1]`. How many products does its program have? And
# with $L$ layers? Print the program and count the `@`.

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# Eight: three forward, two backward, three gradients. With $L$ layers, $L + (L - 1) + L = 3 L - 1$.
#
# </details>

# %% tags=["answer"]
deeper = MLP(2, [3, 3, 1], activation="tanh", rng=random.Random(0))
again = engine.compile(squared_error(deeper(x), y), inputs=[*x, y], parameters=deeper.parameters())
print(again)

# %% [markdown]
# **2.** A weight matrix is $m \times n$. How many multiplications does $W a$ take for one example, how many
# $W^T \delta$, and how many $\delta a^T$? What does that say about the cost of a gradient?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# $m n$ each. So the gradient by all weights costs about twice the forward pass, however many there are.
# A difference would need two forward passes for each of them.
#
# </details>

# %% [markdown]
# **3.** The output delta of the digits should be $o - y$. Check it with the engine for one image.

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# Record the loss, walk back, and compare the `grad` of each output with the softmax less the label.
#
# </details>

# %% tags=["answer"]
z, target = reader(unseen[0]), held_out.targets()[0]
cross_entropy_from_logits(z, target).backward()
o = np.array([o_i.data for o_i in engine.softmax(z)])
print(np.allclose([z_i.grad for z_i in z], o - target, rtol=1e-9, atol=1e-15))

# %% tags=["test"]
# What the text states, checked.
assert str(program).count("@") == 5
assert "(W^1)^T" not in str(program)
assert agree
assert np.isclose(value, np.mean((z_2 - Y.T) ** 2), rtol=1e-12)
assert len(net.parameters()) == 1377
assert (by_if([[-2.0]])[0], by_operation([[-2.0]])[0]) == (-2, 2)
assert (len(training), len(held_out)) == (1438, 359)
assert np.allclose(dW, np.outer(delta, image))
assert right.mean() > 0.94
assert str(again).count("@") == 8
assert np.allclose([z_i.grad for z_i in z], o - target, rtol=1e-9, atol=1e-15)

# %% [markdown]
# ## Recap
#
# - $W a$, $W^T \delta$ and $\delta a^T$ are the delta rule with its sums left unwritten. They can be
#   found in a graph of scalars.
# - The compiled program gives the gradients of the record, because it was made from the record. It knows no
#   branch that the record did not take.
# - Scalars are for understanding, matrices are for speed, and they are the same computation.

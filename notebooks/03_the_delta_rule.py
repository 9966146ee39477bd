# %% [markdown]
# # 3. The delta rule
#
# **The question.** A small network says 0.6718 where 1 would be right. It has 12 weights and biases.
# Which of them are to blame, and by how much?
#
# **Aim.** You derive the answer line by line, and let the machine check every line. You compute one step of
# gradient descent with a pencil. Then you mark a published computation of the same step, which contained
# two mistakes, and make a mistake of your own.
#
# You need notebook 2, *A first gradient*. Allow 30 minutes.

# %%
import random
from math import exp, isclose

import matplotlib.pyplot as plt
import numpy as np

import engine
from engine import Value, grade, jacobian, sigmoid, softmax
from engine.graph import topological
from nn import MLP, check_network, log_loss
from nn.article.worked_example import INPUTS, TARGET, by_hand, network

# %% [markdown]
# ## The network
#
# It is the example of "Backpropagation: Step-By-Step Derivation" (Roi Yehoshua, 2023). Two inputs $x = (1,
# 0)$; neurons 1, 2, 3 in the first hidden layer, 4 and 5 in the second, and 6 at the output. Every neuron
# takes the activations before it, forms its **net input** $z$, and squeezes it into its **activation** $a$:
#
# $$z_i = \sum_j w_{ij}\, a_j + b_i \qquad a_i = f(z_i) \qquad f(z) = \frac{1}{1 + e^{-z}}$$
#
# `w_41` is the weight **to** neuron 4 **from** neuron 1. A weight that is not listed does not exist.

# %%
model = network()
w = {p.label: p.data for p in model.parameters()}
w

# %% [markdown]
# **Predict** the first line: what are $z_1$ and $a_1$? The input $x_2$ is 0 and drops out. Then write the
# six activations, in the order in which they can be computed.


# %% tags=["solution"]
def f(z):
    return 1 / (1 + exp(-z))


a = {}
a[1] = f(w["w_11"] + w["b_1"])
a[2] = f(w["w_21"] + w["b_2"])
a[3] = f(w["b_3"])
a[4] = f(w["w_41"] * a[1] + w["w_42"] * a[2])
a[5] = f(w["w_51"] * a[1] + w["w_52"] * a[2] + w["w_53"] * a[3])
a[6] = f(w["w_64"] * a[4] + w["w_65"] * a[5])

# %%
for i, a_i in a.items():
    print(f"a_{i} = {a_i:.4f}")

# %% [markdown]
# The output is $o = a_6 = 0.6718$, and the label is $y = 1$. How bad that is, the **loss** says, here the
# log loss. We call it $E$ throughout.
#
# $$E = -y \log o - (1 - y) \log (1 - o) \qquad \text{here } E = -\log 0.6718 = 0.3977$$
#
# ## Two kinds of derivative
#
# Most confusion about backpropagation comes from one sign for two things. We write two:
#
# | | what moves | in a picture |
# |---|---|---|
# | $\partial z / \partial a$, **local** | one operand; the others stand still | the number on an arrow |
# | $dE / da$, **total** | everything that depends on $a$, up to $E$ | `grad`, the lower half of a card |
#
# Here are the last operations of the network, with both:

# %%
z_6 = Value(w["w_64"] * a[4] + w["w_65"] * a[5], "z_6")
o = sigmoid(z_6)
o.label = "o"
E = -engine.log(o)
E.label = "E"
E.backward()
E

# %% [markdown]
# The engine records the whole network in the same way. Below, `total["a_5"]` is $dE/da_5$, read off a card,
# and `local("z_6", "a_5")` is $\partial z_6/\partial a_5$, read off an arrow. With the two, every line of
# the derivation can be held against numbers.


# %% tags=["hide-input"]
def error(output, label):
    """The log loss, with the name that it has here."""
    loss = log_loss(output, label)
    loss.label = "E"
    return loss


loss = error(model(INPUTS), TARGET)
loss.backward()
card = {value.label: value for value in topological([loss]) if value.label}
total = {name: value.grad for name, value in card.items()}


def local(result, operand):
    """The number on the arrow from an operand to a result."""
    arrows = zip(card[result].parents, card[result].partials, strict=True)
    return next(number for parent, number in arrows if parent is card[operand])


def line(text, left, right):
    """Print a line of the derivation if both of its sides are the same number."""
    assert isclose(left, right, rel_tol=1e-9), f"{text}: {left} is not {right}"
    print(f"✓  {text:<40} {left:9.6f}")


# %% [markdown]
# ## Deriving the rule
#
# **A name first.** One number per neuron will do all the work. The **delta** of neuron $i$ says how fast
# the loss changes with its net input:
#
# $$\delta_i = \frac{dE}{dz_i}$$
#
# ### 1. The output
#
# *One way leads from $z_6$ to $E$, and it passes through $o$. Multiply along it.*
#
# $$\delta_6 = \frac{dE}{do} \cdot \frac{\partial o}{\partial z_6} = \frac{dE}{do} \cdot f'(z_6)$$
#
# *The derivative of the sigmoid.* With $f = (1 + e^{-z})^{-1}$,
#
# $$f' = \frac{e^{-z}}{(1 + e^{-z})^2} = \frac{1}{1 + e^{-z}} \cdot \frac{e^{-z}}{1 + e^{-z}} = f\,(1 - f)
# \qquad\text{so}\qquad f'(z_6) = o\,(1 - o)$$
#
# *The derivative of the log loss.*
#
# $$\frac{dE}{do} = -\frac{y}{o} + \frac{1 - y}{1 - o} = \frac{-y\,(1 - o) + (1 - y)\,o}{o\,(1 - o)}
# = \frac{o - y}{o\,(1 - o)}$$
#
# *Multiply.* The factor $o\,(1 - o)$ cancels, and the plain error is left:
#
# $$\boxed{\;\delta_6 = o - y\;}$$
#
# **Predict** the sign of $\delta_6$ before you run the cell.

# %%
o, y = a[6], TARGET
line("dE/dz_6 = dE/do · ∂o/∂z_6", total["z_6"], total["a_6"] * local("a_6", "z_6"))
line("∂o/∂z_6 = o (1 − o)", local("a_6", "z_6"), o * (1 - o))
line("dE/do   = (o − y) / (o (1 − o))", total["a_6"], (o - y) / (o * (1 - o)))
line("dE/dz_6 = o − y", total["z_6"], o - y)

# %% [markdown] tags=["answer"]
# Negative: a larger $z_6$ makes the loss smaller.

# %% [markdown]
# Another loss or another output function changes these lines, and nothing that follows.
#
# ### 2. A hidden neuron
#
# *$z_i$ acts through $a_i$ alone.*
#
# $$\delta_i = \frac{dE}{da_i} \cdot \frac{\partial a_i}{\partial z_i} = \frac{dE}{da_i} \cdot f'(z_i)$$
#
# *$a_i$ acts through every neuron $j$ that it feeds.* Multiply along each way, add over the ways:
#
# $$\frac{dE}{da_i} = \sum_j \frac{dE}{dz_j} \cdot \frac{\partial z_j}{\partial a_i}$$
#
# *The first factor is a delta that we have already. The second is a weight*, because $z_j = \dots +
# w_{ji}\, a_i + \dots$
#
# $$\frac{dE}{da_i} = \sum_j \delta_j\, w_{ji}
# \qquad\Longrightarrow\qquad \boxed{\;\delta_i = f'(z_i) \sum_j w_{ji}\, \delta_j\;}$$
#
# That is the **delta rule**. Neuron 1 feeds neurons 4 and 5, so its sum has two terms. **Predict**: do they
# have the same sign?

# %%
δ_4, δ_5 = total["z_4"], total["z_5"]
ways = δ_4 * local("z_4", "a_1") + δ_5 * local("z_5", "a_1")
rule = a[1] * (1 - a[1]) * (w["w_41"] * δ_4 + w["w_51"] * δ_5)
line("dE/dz_1 = dE/da_1 · ∂a_1/∂z_1", total["z_1"], total["a_1"] * local("a_1", "z_1"))
line("∂a_1/∂z_1 = a_1 (1 − a_1)", local("a_1", "z_1"), a[1] * (1 - a[1]))
line("dE/da_1 = Σ dE/dz_j · ∂z_j/∂a_1", total["a_1"], ways)
line("∂z_4/∂a_1 = w_41", local("z_4", "a_1"), w["w_41"])
line("dE/dz_1 = f'(z_1) Σ w_j1 δ_j", total["z_1"], rule)
print(f"the two terms: {w['w_41'] * δ_4:.4f} and {w['w_51'] * δ_5:.4f}")

# %% [markdown]
# ### 3. The weights
#
# *$w_{ij}$ acts through $z_i$ alone, where it multiplies $a_j$. A bias multiplies 1.*
#
# $$\frac{dE}{dw_{ij}} = \frac{dE}{dz_i} \cdot \frac{\partial z_i}{\partial w_{ij}}
# \qquad\Longrightarrow\qquad \boxed{\;\frac{dE}{dw_{ij}} = \delta_i\, a_j
# \qquad \frac{dE}{db_i} = \delta_i\;}$$
#
# In the first layer $a_j$ is the input $x_j$.

# %%
line("dE/dw_65 = dE/dz_6 · ∂z_6/∂w_65", total["w_65"], total["z_6"] * local("z_6", "w_65"))
line("dE/dw_65 = δ_6 a_5", total["w_65"], total["z_6"] * a[5])
line("dE/db_1  = δ_1", total["b_1"], total["z_1"])

# %% [markdown]
# That is all of backpropagation: one line for the output, one line for each layer before it, one product
# for each weight.
#
# ## With a pencil
#
# The machine has done it. Now you: write the six deltas, the last one first. Use only `a`, `w`, `TARGET`
# and deltas that are there already.

# %% tags=["solution"]
delta = {6: a[6] - TARGET}
delta[5] = a[5] * (1 - a[5]) * w["w_65"] * delta[6]
delta[4] = a[4] * (1 - a[4]) * w["w_64"] * delta[6]
delta[3] = a[3] * (1 - a[3]) * w["w_53"] * delta[5]
delta[2] = a[2] * (1 - a[2]) * (w["w_42"] * delta[4] + w["w_52"] * delta[5])
delta[1] = a[1] * (1 - a[1]) * (w["w_41"] * delta[4] + w["w_51"] * delta[5])

# %%
for i in (6, 5, 4, 3, 2, 1):
    line(f"δ_{i}", delta[i], total[f"z_{i}"])

# %% [markdown]
# Now the 12 gradients, $\delta$ at the head times $a$ at the tail. `w_41` has the head 4 and the tail 1.

# %% tags=["solution"]
x = {1: INPUTS[0], 2: INPUTS[1]}
gradient = {}
for name in w:
    i = int(name[2])
    if name.startswith("b"):
        gradient[name] = delta[i]
    else:
        before = x if i in (1, 2, 3) else a
        gradient[name] = delta[i] * before[int(name[3])]

# %% tags=["hide-input"]
assert all(isclose(gradient[name], total[name], rel_tol=1e-9) for name in w)
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
names = sorted(gradient, key=lambda name: abs(gradient[name]))
colours = ["tab:blue" if gradient[name] < 0 else "tab:orange" for name in names]
axes.barh([f"${name[:2]}{{{name[2:]}}}$" for name in names], [gradient[n] for n in names], color=colours)
axes.axvline(0, color="gray", linewidth=0.8)
axes.set_title("Who is to blame? dE/dw of each weight")
plt.show()

# %% [markdown]
# That answers the question. The two weights of the output carry most of the blame. Almost all bars point to
# the left: a larger weight would make the loss smaller.
#
# ## Read it off the network
#
# In each box: the neuron's $z$, its $a$ and its $\delta$. On each arrow: the weight and its gradient.
# Pick any arrow: its gradient is the $\delta$ at its head times the $a$ at its tail. Pick any box: its
# $\delta$ is made of the boxes that it feeds.

# %%
model.draw(INPUTS, TARGET, error)

# %% [markdown]
# And as a film. Step through it, and watch $\delta_1$ being made of $\delta_4$ and $\delta_5$. (A picture
# of neurons has no local derivatives that could be mistaken for total ones. It writes $\partial$ for the
# total.)

# %%
model.play(INPUTS, TARGET, error)

# %% [markdown]
# ## The step
#
# Gradient descent moves every weight against its gradient, by the learning rate $\alpha = 0.5$:
#
# $$w \leftarrow w - \alpha\, \frac{dE}{dw}$$
#
# **Predict**: is the output after the step larger or smaller than 0.6718?

# %% tags=["solution"]
ALPHA = 0.5
new = {name: w[name] - ALPHA * gradient[name] for name in w}

# %%
for p in model.parameters():
    p.data = new[p.label]
print(f"the output: {a[6]:.4f} before the step, {model(INPUTS).data:.4f} after it")

# %% [markdown]
# ## What was published
#
# The article first said that the step leads to 0.7043, not to 0.6981. Both cannot be right. Here is what it
# printed along the way.
#
# `grade` marks it as an examiner does: each number is compared with the truth, and with what follows from
# the numbers printed before it. **Predict** the first wrong number. You have all the true ones above.

# %%
printed = {
    "a_4": "0.4760",      "a_5": "0.6836",
    "delta_6": "-0.3282", "delta_5": "-0.0823", "delta_4": "-0.0409",
    "delta_3": "-0.0082", "delta_2": "-0.0155", "delta_1": "-0.0009",
    "new w_64": "0.5781", "new w_65": "0.8569", "new w_41": "-0.5141",
}  # fmt: skip
exercise = log_loss(network()(INPUTS), TARGET)
marks = grade(exercise, printed, learning_rate=0.5)
marks

# %% [markdown] tags=["answer"]
# Two mistakes, and everything else follows from them:
#
# 1. **The derivative of the wrong neuron.** $\delta_5$ has $a_5 (1 - a_4)$ in place of $a_5 (1 - a_5)$.
# 2. **The weight for the learning rate.** The step is $w - w \cdot dE/dw$ in place of $w - \alpha \cdot
#    dE/dw$. For $w_{64}$ it made no difference, because $w_{64}$ happens to be 0.5, which is $\alpha$.
#    $w_{41}$ is $-0.5$, and there it looks like a step uphill.

# %% [markdown]
# An explanation is proved when it produces the number. `by_hand` is your computation, with the mistakes on
# request. **Predict** whether the first mistake alone makes the output larger or smaller.

# %%
for first in (False, True):
    for second in (False, True):
        output = by_hand(wrong_derivative=first, wrong_step=second).output
        print(f"first {first!s:5}  second {second!s:5}  output after the step {output:.4f}")

# %% [markdown] tags=["answer"]
# With both, the published 0.7043 comes out, to the digit. With neither, 0.6981.
#
# A small irony: the wrong step came closer to 1 than the right one. A result that looks better is no
# proof of a derivation. Only an independent computation is.

# %% [markdown]
# ## Break it yourself
#
# Below is a right paper, and one line that breaks it: somebody took $a_4$ for $f'(z_4)$. **Predict** what
# `grade` says of `delta_4`, and of `delta_1`, which was computed from it. Then plant a mistake of your own.
# Forget a term, flip a sign, take the wrong neighbour. Can you make one that is not recognized?


# %%
def my_paper(d):
    d[4] = a[4] * w["w_64"] * d[6]  # the mistake: mend it, and make another
    d[1] = a[1] * (1 - a[1]) * (w["w_41"] * d[4] + w["w_51"] * d[5])
    return {f"delta_{i}": f"{d[i]:.5f}" for i in (6, 5, 4, 1)}


mine = grade(exercise, my_paper(dict(delta)))
mine

# %% [markdown]
# ## Several outputs: softmax
#
# With three classes the network has three outputs, and they compete:
#
# $$o_k = \frac{e^{z_k}}{S}, \quad S = \sum_m e^{z_m} \qquad\qquad E = -\sum_k y_k \log o_k$$
#
# Now *each* $z_i$ moves *every* $o_k$, through $S$. So there are three ways from $z_i$ to $E$, and the
# first line of the derivation becomes a sum:
#
# $$\delta_i = \sum_k \frac{dE}{do_k} \cdot \frac{\partial o_k}{\partial z_i}$$
#
# *The local derivatives.* Take the logarithm first: $\log o_k = z_k - \log S$. Write $[k = i]$ for 1 if
# $k = i$, and for 0 otherwise.
#
# $$\frac{1}{o_k} \frac{\partial o_k}{\partial z_i} = [k = i] - \frac{e^{z_i}}{S} = [k = i] - o_i
# \qquad\Longrightarrow\qquad
# \boxed{\;\frac{\partial o_k}{\partial z_i} = o_k \bigl([k = i] - o_i\bigr)\;}$$
#
# *The loss.* $dE/do_k = -y_k / o_k$. *Multiply and add.* The $o_k$ cancels again:
#
# $$\delta_i = -\sum_k y_k \bigl([k = i] - o_i\bigr) = -y_i + o_i \sum_k y_k$$
#
# *The labels add up to 1.* So
#
# $$\boxed{\;\delta_i = o_i - y_i\;}$$
#
# Below are the nine local derivatives at some $z$. **Predict** what each column adds up to.

# %%
z = [Value(2.0, "z_1"), Value(1.0, "z_2"), Value(-0.5, "z_3")]
outputs = softmax(z)
J = np.array([[entry.data for entry in row] for row in jacobian(outputs, z)])

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(4.6, 3.4), layout="constrained")
shown = axes.imshow(J, cmap="RdBu_r", vmin=-0.4, vmax=0.4)
for (k, i), number in np.ndenumerate(J):
    axes.text(i, k, f"{number:.3f}", ha="center", va="center")
axes.set_xticks(range(3), ["$z_1$", "$z_2$", "$z_3$"])
axes.set_yticks(range(3), ["$o_1$", "$o_2$", "$o_3$"])
axes.set_title(r"$\partial o_k / \partial z_i$")
figure.colorbar(shown)
plt.show()

# %% [markdown] tags=["answer"]
# Each column adds up to 0: what one output gains the others lose, because they always add up to 1.

# %% [markdown]
# The lines of the derivation, for the label $y = (0, 1, 0)$:

# %%
y, q = [0.0, 1.0, 0.0], [output.data for output in outputs]
E = -engine.sumprod(y, [engine.log(output) for output in outputs])
E.backward()
line("∂o_1/∂z_1 = o_1 (1 − o_1)", J[0, 0], q[0] * (1 - q[0]))
line("∂o_3/∂z_2 = o_3 (0 − o_2)", J[2, 1], q[2] * (0 - q[1]))
for i in range(3):
    ways = sum(outputs[k].grad * J[k, i] for k in range(3))
    line(f"dE/dz_{i + 1} = Σ dE/do_k · ∂o_k/∂z_{i + 1}", z[i].grad, ways)
    line(f"dE/dz_{i + 1} = o_{i + 1} − y_{i + 1}", z[i].grad, q[i] - y[i])

# %% [markdown]
# ## Any network
#
# Nothing in the derivation depends on sigmoids or on six neurons. With the layer as an upper index, $l = 1$
# to $L$, and $a^0 = x$:
#
# $$\delta_i^L = \frac{dE}{do_i}\, f'(z_i^L) \qquad
# \delta_i^l = f'(z_i^l) \sum_j w_{ji}^{l+1} \delta_j^{l+1} \qquad
# \frac{dE}{dw_{ij}^l} = \delta_i^l\, a_j^{l-1} \qquad \frac{dE}{db_i^l} = \delta_i^l$$
#
# With several examples, $E$ is the mean of their losses, and each gradient the mean of theirs.
#
# Here is a network with random weights, tanh and a softmax. `check_network` computes its gradients in three
# ways that share no code: the engine's walk, the delta rule in 400-digit decimals, and the forward pass on
# numbers that move and bound their own error.

# %%
bigger = MLP(3, [4, 4, 3], activation="tanh", output="softmax", rng=random.Random(0))
report = check_network(bigger, [[0.5, -1.0, 2.0]], [[0.0, 1.0, 0.0]], "cross_entropy")
print(report.headline.replace(": ", ":\n"))

# %% [markdown]
# ## Exercises
#
# **1.** Why is $\delta_1$ so small? What did the first published mistake do to its sign?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# The two terms of its sum, $w_{41} \delta_4 = 0.0205$ and $w_{51} \delta_5 = -0.0149$, pull in opposite
# directions and nearly cancel. With the mistake the second becomes $-0.0247$, and $\delta_1$ changes its
# sign. So a mistake in one place can turn a weight the wrong way in another.
#
# </details>

# %% [markdown]
# **2.** Let the missing weight from neuron 3 to neuron 4 exist, with the value 0. What is its gradient?
# Is a weight of 0 the same as no weight?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# $\delta_4 a_3 = -0.0194$, though its value is 0. It would move at the first step. A weight of 0 and no
# weight are different networks.
#
# </details>

# %% [markdown]
# **3.** Replace the log loss by $E = (o - y)^2$. Which lines of the derivation change, and what is
# $\delta_6$? What becomes of it if the network is quite wrong, $o \approx 0$ and $y = 1$?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# Only $dE/do = 2 (o - y)$. Nothing cancels now: $\delta_6 = 2 (o - y)\, o\, (1 - o)$, which is $-0.1447$
# here. Where the network is quite wrong, $o\,(1 - o)$ is nearly 0, and so is the delta: it learns least
# from its worst errors. With the log loss the delta is $-1$ there. That is why the log loss goes with the
# sigmoid.
#
# </details>

# %% [markdown]
# **4.** Do a second step from the new weights. What is the output after it?

# %% [markdown] tags=["answer"]
# <details><summary>Answer</summary>
#
# 0.7219. Without `zero_grad` the gradient of the first step would be added again.
#
# </details>

# %% tags=["answer"]
model.zero_grad()
log_loss(model(INPUTS), TARGET).backward()
for p in model.parameters():
    p.data -= 0.5 * p.grad
print(f"after the second step: {model(INPUTS).data:.4f}")

# %% tags=["test"]
# Every number that the text states, checked.
wrong = by_hand(wrong_derivative=True)
assert f"{a[6]:.4f} {loss.data:.4f} {by_hand().output:.4f}" == "0.6718 0.3977 0.6981"
assert f"{by_hand(wrong_derivative=True, wrong_step=True).output:.4f}" == "0.7043"
assert marks.verdicts["delta_5"] == marks.verdicts["new w_65"] == "wrong here"
assert marks.verdicts["delta_3"] == "carried forward"
assert marks.verdicts["new w_64"] == "right"
assert mine.verdicts["delta_4"] == "wrong here"
assert mine.verdicts["delta_1"] == "carried forward"
assert abs(J.sum(axis=0)).max() < 1e-15
assert report.ok
assert f"{w['w_41'] * delta[4]:.4f} {w['w_51'] * delta[5]:.4f}" == "0.0205 -0.0149"
assert f"{w['w_51'] * wrong.delta[5]:.4f}" == "-0.0247"
assert wrong.delta[1] < 0 < delta[1]
assert f"{delta[4] * a[3]:.4f} {2 * (a[6] - 1) * a[6] * (1 - a[6]):.4f}" == "-0.0194 -0.1447"
assert f"{model(INPUTS).data:.4f}" == "0.7219"

# %% [markdown]
# ## Recap
#
# - The output's delta is $(dE/do)\, f'(z)$, which is $o - y$ where loss and output function fit. A hidden
#   delta is $f'(z_i)$ times the weighted sum of the deltas that the neuron feeds.
# - The gradient of a weight is the delta at its head times the activation at its tail. The gradient of a
#   bias is the delta.
# - Keep local and total derivatives apart, on paper too. And check: one way, however carefully done, is no
#   proof. 0.7043 was 0.6981.

# %% [markdown]
# # 2. The delta rule
#
# **Aim.** You compute one step of gradient descent for a small network three times: with a pencil, with the
# engine, and with the delta rule. The three agree. Then you use them to find two slips in a published
# computation.
#
# You need notebook 1, and that the sigmoid $f(z) = 1/(1 + e^{-z})$ has the derivative $f(z)\,(1 - f(z))$.
# Allow 20 minutes.

# %%
from math import exp, isclose

from engine import grade
from nn import check_network, delta_rule, log_loss
from nn.article.worked_example import INPUTS, TARGET, by_hand, network


def f(z: float) -> float:
    """The sigmoid."""
    return 1 / (1 + exp(-z))


# %% [markdown]
# ## The network
#
# It is the example of "Backpropagation: Step-By-Step Derivation" (Roi Yehoshua, 2023). Two inputs $x = (1,
# 0)$; neurons 1, 2, 3 in the first hidden layer, 4 and 5 in the second, and 6 at the output. Sigmoids
# everywhere. The label is $y = 1$, the loss is the log loss, which is $J = -\log o$ for this label, and the
# learning rate is $\alpha = 0.5$.
#
# Its weights are below. `w_41` is the weight **to** neuron 4 **from** neuron 1. A weight that is not listed
# does not exist: there is no such connection.

# %%
ALPHA = 0.5
model = network()
w = {p.label: p.data for p in model.parameters()}
w

# %% [markdown]
# ## Forward, with a pencil
#
# Every neuron takes the activations before it, forms its net input, and squeezes it:
#
# $$z_i = \sum_j w_{ij}\, a_j + b_i \qquad a_i = f(z_i)$$
#
# **Predict** the first line: what are $z_1$ and $a_1$? The input $x_2$ is 0 and drops out.

# %%
a = {
    1: f(w["w_11"] + w["b_1"]),
    2: f(w["w_21"] + w["b_2"]),
    3: f(w["b_3"]),
}
a[4] = f(w["w_41"] * a[1] + w["w_42"] * a[2])
a[5] = f(w["w_51"] * a[1] + w["w_52"] * a[2] + w["w_53"] * a[3])
a[6] = f(w["w_64"] * a[4] + w["w_65"] * a[5])

for i, a_i in a.items():
    print(f"a_{i} = {a_i:.4f}")

assert f"{a[1]:.4f} {a[2]:.4f} {a[3]:.4f}" == "0.6900 0.6225 0.4750"
assert f"{a[6]:.4f}" == "0.6718"

# %% [markdown]
# The network says 0.6718 where 1 would be right.
#
# ## Backward, with a pencil
#
# The delta of a neuron is the derivative of the loss by its net input, $\delta_i = \partial E/\partial z_i$.
# At the output, the sigmoid and the log loss cancel each other, and what is left is the plain error:
#
# $$\delta_6 = o - y$$
#
# From there the deltas walk back, layer by layer. The delta of a hidden neuron is made of the deltas that it
# feeds, each through the weight that connects them:
#
# $$\delta_i = f'(z_i) \sum_j \delta_j\, w_{ji} \qquad f'(z_i) = a_i (1 - a_i)$$
#
# It is the chain rule of notebook 1: multiply along a way, add over the ways. **Predict** the sign of
# $\delta_6$, of $\delta_4$ and of $\delta_5$ before you run the cell.

# %%
delta = {6: a[6] - TARGET}
delta[5] = a[5] * (1 - a[5]) * delta[6] * w["w_65"]
delta[4] = a[4] * (1 - a[4]) * delta[6] * w["w_64"]
delta[3] = a[3] * (1 - a[3]) * delta[5] * w["w_53"]
delta[2] = a[2] * (1 - a[2]) * (delta[4] * w["w_42"] + delta[5] * w["w_52"])
delta[1] = a[1] * (1 - a[1]) * (delta[4] * w["w_41"] + delta[5] * w["w_51"])

for i, delta_i in delta.items():
    print(f"δ_{i} = {delta_i:.4f}")

assert f"{delta[6]:.4f} {delta[5]:.4f} {delta[4]:.4f}" == "-0.3282 -0.0497 -0.0409"
assert f"{delta[3]:.4f} {delta[2]:.4f} {delta[1]:.4f}" == "-0.0050 -0.0109 0.0012"

# %% [markdown]
# ## The step
#
# A weight $w_{ij}$ multiplies $a_j$ on its way into $z_i$. So its gradient is one product, and a bias, which
# multiplies 1, gets the delta itself:
#
# $$\frac{\partial E}{\partial w_{ij}} = \delta_i\, a_j \qquad \frac{\partial E}{\partial b_i} = \delta_i
# \qquad w \leftarrow w - \alpha \frac{\partial E}{\partial w}$$

# %%
x = dict(enumerate(INPUTS, start=1))
gradient = {}
for name in w:
    i = int(name[2])
    if name.startswith("b"):
        gradient[name] = delta[i]
    else:
        j = int(name[3])
        gradient[name] = delta[i] * (x[j] if i in (1, 2, 3) else a[j])

new = {name: w[name] - ALPHA * gradient[name] for name in w}
for name in ("w_64", "w_65", "w_41"):
    print(f"{name}: {w[name]:g} becomes {new[name]:.4f}")

# %% [markdown]
# ## By the engine
#
# The engine knows nothing about neurons. It records sums, products and sigmoids, and walks back once.

# %%
loss = log_loss(model(INPUTS), TARGET)
loss.label = "J"
loss.backward()

for p in model.parameters():
    assert isclose(p.grad, gradient[p.label], rel_tol=1e-12)
print(len(gradient), "gradients, and the pencil and the engine agree")

# %% [markdown]
# It took 44 small steps: 14 forward, and 30 backward. `loss.explain()` tells them all. Here are the six that
# end at a net input. They are the deltas, by the chain rule alone.

# %%
explanation = loss.explain()
for number, step in enumerate(explanation.steps, start=1):
    if step.phase == "backward" and step.value.label.startswith("z_"):
        print(f"{number}. {step.text}")
        assert isclose(step.after, delta[int(step.value.label[2:])], rel_tol=1e-12)

phases = [step.phase for step in explanation.steps]
assert (phases.count("forward"), phases.count("backward"), len(phases)) == (14, 30, 44)

# %% [markdown]
# In the step for $z_5$ the two factors are the derivative of the loss by $a_5$, which is $\delta_6 w_{65}$,
# and $f'(z_5) = a_5 (1 - a_5)$. That is the line of the delta rule above.
#
# `model.draw` shows the same numbers where they belong. In each box: the neuron's $z$, its $a$ and its
# $\delta$. On each arrow: the weight and, after $\partial$, its gradient. Pick any arrow. Its $\partial$ is
# the $\delta$ at its head times the $a$ at its tail. Pick any box. Its $\delta$ is made of the boxes that it
# feeds.

# %%
model.draw(INPUTS, TARGET, log_loss)

# %% [markdown]
# `model.play` shows the same pass as a film. Watch a $\delta$ being made of the deltas that it feeds, and
# then the gradients of the weights that lead to it.

# %%
model.play(INPUTS, TARGET, log_loss)

# %% [markdown]
# ## By the delta rule
#
# `delta_rule` computes the equations above for any network, in 400 digits. It shares no code with the
# engine, so that agreement means something. `check_network` adds a third way, which uses none of the engine's
# derivatives: it runs the forward pass on numbers that move and that bound their own error.

# %%
closed_form = delta_rule(model, INPUTS, TARGET, "log_loss")
(delta_1, delta_2, delta_3), (delta_4, delta_5), (delta_6,) = closed_form.delta
for i, exact in enumerate([delta_1, delta_2, delta_3, delta_4, delta_5, delta_6], start=1):
    assert isclose(delta[i], exact, rel_tol=1e-12)

report = check_network(model, [INPUTS], [TARGET], "log_loss")
print(report)
assert report.ok

# %% [markdown]
# ## The output after the step

# %%
for p in model.parameters():
    p.data = new[p.label]
after = model(INPUTS).data
print(f"the output: {a[6]:.4f} before the step, {after:.4f} after it")
assert f"{after:.4f}" == "0.6981"

# %% [markdown]
# The step took the output from 0.6718 to 0.6981, towards 1, as it should.
#
# ## What was published
#
# The article was first published with another number: 0.7043. Both cannot be right. Here is what it printed
# along the way. `grade` marks it as an examiner does: each number is compared with the truth, and with what
# follows from the numbers printed before it. **Predict** which one is the first wrong number: you have all
# the true ones above.

# %%
printed = {
    "a_4": "0.4760",
    "a_5": "0.6836",
    "delta_6": "-0.3282",
    "delta_5": "-0.0823",
    "delta_4": "-0.0409",
    "delta_3": "-0.0082",
    "delta_2": "-0.0155",
    "delta_1": "-0.0009",
    "new w_64": "0.5781",
    "new w_65": "0.8569",
    "new w_41": "-0.5141",
}
exercise = log_loss(network()(INPUTS), TARGET)
marks = grade(exercise, printed, learning_rate=ALPHA)
print(marks)

# %% [markdown]
# Two slips, and everything else follows from them:
#
# 1. $\delta_5$ was computed with the derivative of the wrong neuron, $a_5 (1 - a_4)$ in place of $a_5 (1 -
#   a_5)$.
# 2. The update multiplied the gradient by the weight itself, $w - w\,\partial E/\partial w$ in place of $w -
#   \alpha\,\partial E/\partial w$. For $w_{64}$ that made no difference, because $w_{64}$ happens to be 0.5,
#   which is $\alpha$.
#
# An explanation is proved when it produces the number. Put each slip back into the exact computation, alone
# and together. **Predict** whether the first slip alone makes the output larger or smaller.

# %%
assert marks.verdicts["delta_5"] == marks.verdicts["new w_65"] == "wrong here"
assert marks.verdicts["delta_3"] == "carried forward"
assert marks.verdicts["new w_64"] == "right"

for first in (False, True):
    for second in (False, True):
        output = by_hand(wrong_derivative=first, wrong_step=second).output
        print(f"first slip {first!s:5}  second slip {second!s:5}  output after the step {output:.4f}")

assert f"{by_hand().output:.4f}" == "0.6981"
assert f"{by_hand(wrong_derivative=True, wrong_step=True).output:.4f}" == "0.7043"

# %% [markdown]
# With both slips the published 0.7043 comes out, to the digit. With neither, 0.6981.
#
# A small irony: the wrong step came closer to 1 than the right one. A result that looks better is no proof
# of a derivation. Only an independent computation is.
#
# ## Exercises
#
# **1.** The sum in $\delta_1$ has two terms, through neurons 4 and 5. What are they, and why is $\delta_1$
# so small?
#
# <details><summary>Answer</summary>
#
# $\delta_4 w_{41} = 0.0205$ and $\delta_5 w_{51} = -0.0149$. They pull in opposite directions and nearly
# cancel. With the first slip the second term becomes $-0.0247$, and $\delta_1$ changes its sign. So a slip
# in one place can turn a weight the wrong way in another.
#
# </details>
#
# **2.** Let the missing weight from $x_2$ to neuron 1 exist, with the value 0. What is its gradient in this
# example? And if a missing weight from neuron 3 to neuron 4 existed with the value 0?
#
# <details><summary>Answer</summary>
#
# The first has the gradient $\delta_1 x_2 = 0$. The second has $\delta_4 a_3 = -0.0194$, though its value is
# 0. So it would move at the first step. A weight of 0 and no weight are different networks.
#
# </details>
#
# **3.** Do a second step from the new weights. What is the output after it? Write the loop with
# `loss.backward()`, and remember what notebook 1 said about leaves.
#
# <details><summary>Answer</summary>
#
# ```python
# model.zero_grad()
# log_loss(model(INPUTS), TARGET).backward()
# for p in model.parameters():
#     p.data -= ALPHA * p.grad
# ```
#
# The output is 0.7219. Without `zero_grad` the gradient of the first step is added again.
#
# </details>

# %%
# The answers, checked.
assert f"{delta[4] * w['w_41']:.4f} {delta[5] * w['w_51']:.4f}" == "0.0205 -0.0149"
assert f"{by_hand(wrong_derivative=True).delta[5] * w['w_51']:.4f}" == "-0.0247"
assert by_hand(wrong_derivative=True).delta[1] < 0 < delta[1]
assert f"{delta[4] * a[3]:.4f}" == "-0.0194"

model.zero_grad()
log_loss(model(INPUTS), TARGET).backward()
for p in model.parameters():
    p.data -= ALPHA * p.grad
assert f"{model(INPUTS).data:.4f}" == "0.7219"

# %% [markdown]
# ## Recap
#
# - A delta is $\partial E/\partial z_i$. The output's delta is the error; a hidden delta is $f'(z_i)$ times
#   the weighted sum of the deltas it feeds.
# - The gradient of a weight is the delta at its head times the activation at its tail. The engine arrives at
#   the same numbers without knowing what a neuron is.
# - Two ways that share no code are a proof. One way, however carefully done, is not: 0.7043 was 0.6981.

# %% [markdown]
# # 2. A first gradient
#
# **The question.** How fast does the output of a neuron change with its weight?
#
# **Aim.** You take an ordinary formula, let the computer record it, and read its gradient off the
# recording. At the end you can do the same with a pencil.
#
# You need to know what a derivative is, and that $\tanh'(z) = 1 - \tanh^2 z$. Allow 15 minutes. Wherever it
# says **Predict**, write your number down before you run the cell below it.

# %%
from engine import Value, check_gradients, tanh

# %% [markdown]
# ## Numbers that remember
#
# A neuron with one input computes two things: its net input $z = w x + b$, and its activation $a =
# \tanh(z)$. Written with ordinary numbers, the formula leaves a result and nothing else. Written with
# `Value`s, it leaves a result that remembers how it came about.

# %%
w, x, b = Value(0.4, "w"), Value(2.0, "x"), Value(-0.3, "b")
z = w * x + b
z.label = "z"
a = tanh(z)
a.label = "a"
a

# %% [markdown]
# Read it from left to right. A card is a number. A dark shape is an operation. Every card says `grad –`,
# because nobody has asked for a gradient yet.
#
# The numbers on the arrows are **local derivatives**: how fast a result changes when one of its operands
# changes and the others stand still. Each was computed when its operation was recorded, and each belongs to
# one operation alone. They are written with a round $\partial$.
#
# | operation | local derivatives | here |
# |---|---|---|
# | $u = w x$, the card `w·x` | $\partial u / \partial w = x$ and $\partial u / \partial x = w$ | 2 and 0.4 |
# | $z = u + b$ | $\partial z / \partial u = 1$ and $\partial z / \partial b = 1$ | 1 and 1 |
# | $a = \tanh(z)$ | $\partial a / \partial z = 1 - a^2$ | 0.7864 |
#
# The picture is only a view of it. The record itself is two short tuples in each value:

# %%
print("a was made by", a.op, "from", [parent.label for parent in a.parents])
print("its local derivative is", a.partials[0])

# %% tags=["test"]
from math import isclose

assert isclose(a.data, 0.46211715726000975)
assert isclose(a.partials[0], 1 - a.data**2)
assert f"{a.partials[0]:.4f}" == "0.7864"

# %% [markdown]
# ## The chain rule is a walk
#
# How fast does $a$ change with $w$? The change has to travel along the arrows: from $w$ to $u$, from $u$ to
# $z$, from $z$ to $a$. At each arrow it is multiplied by the number that stands there. That is the chain
# rule:
#
# $$\frac{d a}{d w} = \frac{\partial a}{\partial z} \cdot \frac{\partial z}{\partial u} \cdot
# \frac{\partial u}{\partial w} = (1 - a^2) \cdot 1 \cdot x$$
#
# The straight $d$ says that it is the whole change of $a$, along all of the way. **Predict** $da/dw$, $da/dx$
# and $da/db$ from the picture above. Type them with two decimals, in quotes: they claim what is written, and
# no more. `check_gradients` holds them against the truth, and says why one is wrong.

# %%
# --- solution
guess = {"w": "1.57", "x": "0.31", "b": "0.79"}
# --- student
# guess = {"w": "...", "x": "...", "b": "..."}
# ---
print(check_gradients(lambda w, x, b: tanh(w * x + b), w=0.4, x=2.0, b=-0.3, claimed=guess).headline)

# %% [markdown]
# The engine says the same.

# %%
a.backward()
a

# %%
for leaf in (w, x, b):
    print(f"da/d{leaf.label} = {leaf.grad:.4f}")

# %% tags=["test"]
slope = 1 - a.data**2
assert isclose(w.grad, slope * x.data)
assert isclose(x.grad, slope * w.data)
assert isclose(b.grad, slope)
assert f"{w.grad:.4f} {x.grad:.4f} {b.grad:.4f}" == "1.5729 0.3146 0.7864"

# %% [markdown]
# Now look at the lower half of each card. `backward` started at the right, where the derivative of $a$ by
# itself is 1, and walked to the left. Each card holds the product of all the numbers between it and the
# right end. Nothing was computed twice: the `grad` of $z$ was used for $u$ as well as for $b$.
#
# `explain` writes the walk down, forward and backward, one arrow for each step. Compare steps 5 to 9 with
# the picture. (It writes $\partial$ for both kinds. The local ones have a small number, that of the operand.)

# %%
print(a.explain())

# %% [markdown]
# The number on the card of $z$ has a name of its own. It is the **delta** of this neuron: how fast the
# result changes with its net input, here $\delta = da/dz$. With it the three gradients are $\delta x$,
# $\delta w$ and $\delta$. You will meet them again in the next notebook.

# %% [markdown]
# ## A value that is used twice
#
# So far every card had one arrow leaving it. Let us use one number twice: $u = s^2$ and $y = u + 3 s$.
#
# **Predict** $dy/ds$ at $s = 2$. How many ways lead from $s$ to $y$?

# %%
# --- solution
guess = {"s": 7}
# --- student
# guess = {"s": ...}
# ---
print(check_gradients(lambda s: s * s + 3 * s, s=2.0, claimed=guess).headline)

# %%
s = Value(2.0, "s")
u = s * s
u.label = "u"
y = u + 3 * s
y.label = "y"
y.backward()
y

# %% [markdown] tags=["answer"]
# Three ways lead from $s$ to $y$: two through the product, because it takes $s$ twice, and one through $3
# s$. Each way gives a product of the numbers along it, $2 \cdot 1$ and $2 \cdot 1$ and $3 \cdot 1$. A small
# step in $s$ goes all of these ways at once, so the products are **added**: $2 + 2 + 3 = 7$.

# %% [markdown]
# That is the whole of reverse mode: *multiply along a way, add over the ways.*
#
# `play` shows it as a film. Step through it and watch the card of $s$: its `grad` grows three times.

# %%
y.play()

# %% tags=["test"]
received = [step.contribution for step in y.explain().steps if step.phase == "backward" and step.value is s]
assert sorted(received) == [2, 2, 3]
assert s.grad == 2 * s.data + 3  # the derivative of s² + 3s

# %% [markdown]
# ## Why leaves accumulate
#
# A network is trained on a sum of losses, one for each example, and all of them share the same weights. Two
# examples are again two ways from a weight to the result. So their gradients must be added, and it makes no
# difference whether you add the losses first and walk back once, or walk back from each loss in turn.
#
# **Predict** what `v.grad` is after the first and after the second `backward`.

# %%
v = Value(1.0, "v")
first, second = (v - 3) ** 2, (v - 5) ** 2

first.backward()
print("after the first: ", v.grad)
second.backward()
print("after the second:", v.grad)

# %% tags=["test"]
assert v.grad == 2 * (1 - 3) + 2 * (1 - 5)

together = Value(1.0, "v")
((together - 3) ** 2 + (together - 5) ** 2).backward()
assert together.grad == v.grad == -12

# %% [markdown]
# A leaf, a value that no operation made, keeps adding to its `grad` until you set it back to 0. Notebook 1
# shows what happens to a training loop that forgets it. Here it is 0 again:

# %%
# --- solution
v.grad = 0.0
# ---
first.backward()
print("after the first alone:", v.grad)

# %% tags=["test"]
assert v.grad == -4

# %% [markdown]
# ## Is it right?
#
# Without a guess, `check_gradients` checks the engine. It computes the slopes in another way, without the
# engine's rules: the function itself runs on numbers with many more digits, which move, and the result moves
# with them. Notebook 4 shows why the digits matter.

# %%
check_gradients(lambda w, x, b: tanh(w * x + b), w=0.4, x=2.0, b=-0.3)

# %% [markdown]
# ## Exercises
#
# **1.** In the first picture, let $x$ be 0 in place of 2. Which of the three gradients is 0, and why can
# this neuron not learn $w$ from such an example?
#
# <details><summary>Answer</summary>
#
# $da/dw = \delta x = 0$. The change of $w$ is multiplied by 0 at its first arrow. Whatever $w$ is, the output
# is the same, so the example says nothing about $w$. It does say something about $b$.
#
# </details>

# %% [markdown]
# **2.** Let $y = x^2$ and then $y \leftarrow y^2$ twice more, so that $y = x^8$. Draw the graph with a
# pencil. How many ways lead from $x$ to $y$? Find $dy/dx$ at $x = 1$ by counting alone.
#
# <details><summary>Answer</summary>
#
# Each squaring is a product that takes its operand twice, so the ways double three times: there are 8. At
# $x = 1$ every local derivative is 1, so every way contributes 1, and the sum is 8, as $8 x^7$ says. The
# backward walk does not visit 8 ways: it adds at each card, and needs 6 multiplications.
#
# </details>

# %% [markdown]
# **3.** Somebody reads `w.grad` after calling `a.backward()` twice. What is it, and which number of this
# notebook shows up doubled?
#
# <details><summary>Answer</summary>
#
# $2 \cdot 1.5729 = 3.1458$. The card of $z$ still shows 0.7864: only leaves accumulate, and inner values
# hold what the latest walk found.
#
# </details>

# %% tags=["test"]
dead = Value(0.4, "w")
tanh(dead * Value(0.0, "x") + Value(-0.3, "b")).backward()
assert dead.grad == 0

power = base = Value(1.0, "x")
for _ in range(3):
    power = power * power
power.backward()
assert base.grad == 8

a.backward()
assert f"{w.grad:.4f} {z.grad:.4f}" == "3.1458 0.7864"

# %% [markdown]
# ## Recap
#
# - Every operation leaves its local derivatives on the arrows of the graph, at the time it is recorded.
# - A gradient is found by multiplying along each way and adding over the ways, from the result back to the
#   leaves.
# - Leaves add up what reaches them, over ways and over walks. Set them to 0 before a new one.
